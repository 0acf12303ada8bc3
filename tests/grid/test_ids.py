from actors.grid import ids
from actors.grid.state import IdBlock
from actors.messages import ReserveSequences, SequencesReserved
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason
from tests.grid.harness import Harness


def reserved(first, last):
    return SequencesReserved(grid="g", first=first, last=last)


def test_take_walks_through_the_ranges_and_ends():
    block = IdBlock(ranges=((1, 2), (10, 10)))
    taken = []
    while (found := ids.take(block)) is not None:
        block, sequence = found
        taken.append(sequence)
    assert taken == [1, 2, 10]
    assert block.left == 0


def test_taking_a_number_leaves_the_open_question():
    assert ids.take(IdBlock(ranges=((3, 4),), asked_ns=7)) == (IdBlock(ranges=((4, 4),), asked_ns=7), 3)
    assert ids.take(IdBlock(asked_ns=7)) is None


def test_add_ignores_a_range_told_twice_but_ends_the_question():
    block = ids.add(IdBlock(asked_ns=5), reserved(1, 64))
    again = ids.add(IdBlock(ranges=block.ranges, asked_ns=7), reserved(1, 64))
    assert again == block
    assert ids.add(block, reserved(65, 128)).left == 128


def test_a_reserved_range_is_known_by_its_numbers_and_goes_behind_what_is_left():
    block = IdBlock(ranges=((10, 20), (40, 64)), asked_ns=5)
    assert ids.add(block, reserved(64, 127)) == IdBlock(ranges=block.ranges)
    assert ids.add(block, reserved(65, 128)) == IdBlock(ranges=((10, 20), (40, 64), (65, 128)))
    assert ids.add(IdBlock(asked_ns=5), reserved(1, 1)) == IdBlock(ranges=((1, 1),))


def test_needs_more_asks_once_at_half_and_again_after_silence():
    half = IdBlock(ranges=((1, 32),))
    assert not ids.needs_more(IdBlock(ranges=((1, 33),)), 0)
    assert ids.needs_more(half, 0)
    assert not ids.needs_more(IdBlock(ranges=half.ranges, asked_ns=0), ids.ASK_AGAIN_NS - 1)
    assert ids.needs_more(IdBlock(ranges=half.ranges, asked_ns=0), ids.ASK_AGAIN_NS)


def test_order_id_packs_the_parts():
    assert ids.order_id(7, 5, 3) == pack(OrderKey(7, 5, 3))


def test_no_ids_means_no_entry_with_a_reason_and_one_question():
    grid = Harness(connect=False)
    grid.answers_reservations = False
    grid.connect()
    grid.price("100.0", "100.1")
    grid.pass_ms(3_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "no reserved ids"
    assert [message.for_exits for message in grid.of(ReserveSequences)] == [True, False]
    grid.next_sequence = 65
    grid.give("strategy", reserved(1, 64))
    assert grid.take() == ["c1 buy 1@99.9"]


def test_half_a_block_used_asks_for_the_next():
    grid = Harness()
    for number in range(1, 33):
        grid.ack(f"c{number}")
        grid.done(f"c{number}", CancelReason.REQUESTED, "0")
        assert not grid.of(ReserveSequences) or number == 32
        grid.pass_ms(2_000)
    assert [message.for_exits for message in grid.of(ReserveSequences)] == [False]
