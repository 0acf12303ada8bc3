from dataclasses import replace

import pytest

from actors.grid import inquiry, mismatch
from actors.grid.state import SECOND_NS, ExitKind
from actors.log_events import LogEvent
from actors.messages import ConnectionReady
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness
from tests.grid.test_scenarios_recovery import killed, restored_lot


def with_lot(**settings):
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.is_watching = False
    return grid


def prove(grid, quantity, times=3):
    for _ in range(times):
        grid.pass_ms(5_000)
        grid.position(quantity)
        for order in grid.exits.orders:
            if order.inquiry is not None:
                grid.settled(grid.names[order.client_order_id], OrderStatus.OPEN, "0")


def test_reading_asked_before_the_last_fill_says_nothing():
    grid = with_lot()
    grid.position("0", asked_ns=grid.now_ns)
    assert grid.exits.suspicion is None


def test_repeated_answer_to_one_question_is_one_reading():
    grid = with_lot()
    grid.pass_ms(1_000)
    grid.position("0.5")
    grid.settled("c2", OrderStatus.OPEN, "0")
    for _ in range(5):
        grid.position("0.5", asked_ns=grid.exits.suspicion.asked_ns)
    assert grid.exits.suspicion.count == 1


def test_three_proofs_where_the_setting_wants_three():
    grid = with_lot(mismatch_proofs=3)
    prove(grid, "0.5", times=2)
    assert grid.exits.mismatch is None
    assert grid.exits.suspicion.count == 2
    prove(grid, "0.5", times=1)
    assert grid.exits.mismatch is not None


def test_mismatch_ends_when_the_position_is_restored():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.places() == ["c3 sell 0.5@100.9"]
    grid.ack("c3")
    grid.pass_ms(1_000)
    grid.position("1.0")
    assert grid.exits.mismatch is None
    assert grid.count(LogEvent.POSITION_MATCHED) == 1
    assert grid.places() == ["c4 sell 0.5@100.9"]


def test_proven_difference_moves_with_our_fills():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.fill("c3", "t3", "0.200")
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("0.3"), D("0.5"))
    prove(grid, "0.3", times=1)
    assert grid.exits.suspicion is None
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("0.3"), D("0.3"))


def with_late_fill():
    """The venue holds what a fill of the entry gave that is told only after the difference was proven."""
    grid = Harness(max_orders=2)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.600")
    grid.ack("c2")
    grid.is_watching = False
    prove(grid, "1.000")
    grid.told_entry = D("1.000")
    grid.take()
    assert grid.exits.mismatch is not None
    grid.fill("c1", "t2", "0.400")
    return grid


def test_a_fill_that_explains_the_difference_is_not_counted_on_top_of_it():
    grid = with_late_fill()
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.000"), D("1.400"))
    assert grid.places() == ["c3 sell 0.4@100.9"]
    assert grid.state.lots.mismatch
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("1.000")
    assert grid.exits.mismatch is None
    assert grid.count(LogEvent.POSITION_MATCHED) == 1


def test_a_fill_after_the_reading_leaves_the_difference_to_the_next_one():
    grid = with_late_fill()
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("1.400")
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.400"), D("1.400"))
    assert grid.exits.suspicion is None


def test_an_exits_fill_that_explains_the_difference_does_not_cut_the_other_exits():
    grid = with_lot()
    prove(grid, "0.8")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.take()
    grid.ack("c3")
    grid.fill("c2", "t9", "0.2")
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("0.6"), D("0.8"))
    assert grid.take() == []
    grid.pass_ms(5_000)
    grid.position("0.8")
    assert grid.exits.mismatch is None


def test_second_connection_judges_the_position_like_any_reading():
    grid = with_lot()
    grid.pass_ms(1_000)
    ready = ConnectionReady(
        grid="g", rules=grid.context.rules, fees=grid.context.fees, position=D("0.5"), leverage=20,
        foreign_orders=(), asked_ns=grid.now_ns,
    )  # fmt: skip
    grid.give("closer", ready)
    assert grid.exits.external == 0
    assert grid.exits.suspicion is not None


def test_difference_found_at_a_restart_is_not_taken_for_foreign():
    grid = killed(lots=[restored_lot(done=True)])
    grid.connect("0")
    assert grid.exits.external == 0
    assert grid.exits.suspicion is not None


def test_newest_settled_exits_are_asked_again_when_something_is_missing():
    grid = with_lot()
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.pass_ms(1_000)
    grid.take()
    grid.position("0.6")
    assert sorted(grid.take()) == ["query c2", "query c3"]


def test_every_late_fill_gets_its_exit_while_together_they_explain_no_more_than_the_difference():
    grid = Harness(max_orders=2)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.ack("c2")
    grid.is_watching = False
    prove(grid, "0.600")
    grid.take()
    bounds = []
    for number in (3, 4, 5):
        grid.told_entry += D("0.2")
        grid.fill("c1", f"t{number}", "0.200")
        grid.ack(f"c{number}")
        bounds.append((grid.exits.mismatch.least, grid.exits.mismatch.most))
    assert grid.places() == [f"c{number} sell 0.2@100.9" for number in (3, 4, 5)]
    assert bounds == [(D("0.6"), D("0.8")), (D("0.8"), D("1.0")), (D("1.0"), D("1.2"))]


def test_fills_of_exits_explain_no_more_than_the_difference():
    grid = with_lot()
    prove(grid, "0.700")
    bounds = []
    for number in (3, 4):
        grid.fill("c2", f"t{number}", "0.200", "100.9")
        bounds.append((grid.exits.mismatch.least, grid.exits.mismatch.most))
    assert bounds == [(D("0.5"), D("0.7")), (D("0.3"), D("0.6"))]


def test_a_reading_that_neither_history_allows_is_a_rumor_like_any_other():
    grid = with_late_fill()
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("1.123")
    assert grid.exits.suspicion is not None
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.000"), D("1.400"))


@pytest.mark.parametrize(
    "change",
    [
        {"accepted_ns": None},
        {"end_reason": CancelReason.OTHER},
        {"inquiry": inquiry.begin("silence", fence_ns=0, at_ns=0)},
        {"cancel": inquiry.cancellation("lot timeout", 0)},
        {"kind": ExitKind.EMERGENCY},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_reading_counts_while_a_fill_may_be_on_its_way(change):
    book = with_lot().exits
    assert mismatch.is_settled(book)
    order = replace(book.orders[0], **change)
    assert not mismatch.is_settled(replace(book, orders=(order,)))
    assert not mismatch.is_settled(replace(book, orders=(order, *book.orders)))


def test_only_equal_readings_in_a_row_prove_a_difference():
    grid = with_lot()
    for reading in ("0.5", "1.0", "0.5", "0.6", "0.5"):
        prove(grid, reading, times=1)
        assert grid.exits.mismatch is None
    assert grid.exits.suspicion.count == 1
    assert grid.count(LogEvent.POSITION_READING_IGNORED) == 1, "the one that a reading of what is held has refuted"


def test_a_reading_that_one_history_allows_refutes_the_rumor_before_it():
    grid = with_late_fill()
    grid.ack("c3")
    for reading in ("1.123", "1.400", "1.123"):
        prove(grid, reading, times=1)
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.400"), D("1.400"))
    assert grid.exits.suspicion.count == 1


def read_after_ns(grid, quantity, later_ns):
    """Tell a reading that was asked so long after the first one of a difference."""
    grid.position(quantity, asked_ns=grid.exits.suspicion.asked_ns + later_ns)


def test_a_surplus_is_confirmed_only_by_a_reading_more_than_four_seconds_later():
    """A fill of the entry that is in the position already may be told a moment later."""
    grid = with_lot()
    prove(grid, "1.5", times=1)
    grid.now_ns += 10 * SECOND_NS
    read_after_ns(grid, "1.5", 4 * SECOND_NS)
    assert grid.exits.mismatch is None
    read_after_ns(grid, "1.5", 4 * SECOND_NS + 1)
    assert grid.exits.mismatch is not None


def test_a_shortage_is_confirmed_by_any_later_reading():
    grid = with_lot()
    prove(grid, "0.5", times=1)
    grid.now_ns += SECOND_NS
    read_after_ns(grid, "0.5", 0)
    assert grid.exits.mismatch is None
    read_after_ns(grid, "0.5", 1)
    assert grid.exits.mismatch is not None


def test_no_repeated_answer_counts_later_on_either():
    grid = with_lot(mismatch_proofs=3)
    prove(grid, "0.5", times=2)
    for _ in range(3):
        grid.position("0.5")
    assert (grid.exits.suspicion.count, grid.exits.mismatch) == (2, None)


def test_settled_exits_are_not_asked_again_about_a_surplus():
    grid = with_lot()
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.pass_ms(1_000)
    grid.take()
    grid.position("1.6")
    asked = grid.take()
    assert "query c3" in asked
    assert "query c2" not in asked, "what it may have filled would be missing"


def test_an_exit_that_is_not_there_is_replaced_once_the_difference_is_proven():
    """While a reading may still be explained by a fill of the exit, its absence proves nothing."""
    grid = with_lot()
    prove(grid, "1.5", times=2)
    assert (grid.exits.mismatch.least, grid.exits.suspicion) == (D("1.5"), None)
    grid.take()
    grid.listed()
    for _ in range(3):
        grid.pass_ms(1_000)
        grid.not_found("c2")
    assert grid.places() == ["c3 sell 1@100.9"]


def with_exit_waiting_for_a_reading(grid, name):
    """The venue refuses the exit because there is nothing to reduce: the position has to say what is true."""
    grid.reject(name, RejectReason.REDUCE_ONLY)
    assert "position reading" in grid.exits.lots[0].blocked
    grid.take()
    return grid.exits.lots[0].awaits_position_ns


@pytest.mark.parametrize(("later_ns", "is_sent"), [(-1, False), (0, False), (1, True)])
def test_a_refused_exit_waits_for_a_reading_asked_after_the_refusal(later_ns, is_sent):
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.pass_ms(1_000)
    refused_ns = with_exit_waiting_for_a_reading(grid, "c2")
    grid.now_ns += SECOND_NS
    grid.position("1.000", asked_ns=refused_ns + later_ns)
    assert (grid.places() == ["c3 sell 1@100.9"]) is is_sent


def test_a_refused_exit_is_sent_again_when_the_proven_difference_is_read_once_more():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.pass_ms(1_000)
    with_exit_waiting_for_a_reading(grid, "c3")
    prove(grid, "0.5", times=1)
    assert grid.places() == ["c4 sell 0.5@100.9"]
