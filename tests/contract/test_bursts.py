"""Cards AC-44 to AC-46: many orders in flight at once, by parallel connections or one behind the other on one."""

from collections.abc import Iterator

import pytest

from actors.messages import OrderAccepted, OrderDenied, OrderOutcomeUnknown, OrderSettled
from actors.venue_messages import OrderAnswered, OrderErred
from exchanges.errors import OutcomeUnknown
from exchanges.values import OrderStatus
from tests.contract.desk import Desk, open_desk
from tests.contract.venues import Subject

BURST = 10


@pytest.fixture
def wide(subject: Subject) -> Iterator[Desk]:
    """A live desk with as many lanes as a burst wants, where the venue allows more than one."""
    lanes = BURST if subject.package.capabilities.parallel_orders else 1
    with open_desk(subject, lanes=lanes) as desk:
        desk.live()
        yield desk


def in_flight(desk, commands):
    """Hand over commands whose answers are held, and wait until all of them are written and have been read."""
    sent, waiting = len(desk.facts.sent), desk.bench.waiting
    desk.bench.holds_replies = True
    for command in commands:
        desk.lanes.tell(command)

    def are_out() -> bool:
        # a request is called written just before the venue has it; one on a line of frames is read at once
        are_read = desk.line is not None or desk.bench.waiting >= waiting + len(commands)
        return are_read and len(desk.facts.sent) >= sent + len(commands)

    desk.bench.wait_until(are_out, "all of them written and read")


def through(desk, done, count):
    desk.bench.wait_until(lambda: len(desk.facts.done) >= done + count, "every answer")
    desk.sync()


def test_ac_44_a_burst_of_exits_waits_for_no_answer(wide):
    """AC-44: ten lots fill at once: ten exits are written before any of them is answered, whatever the venue wants of
    their order, and all of them are accepted.

    Aster 5, 13; Backpack 13; Lighter 8.2, 9 (DESIGN.md section 9, "burst of 10 fills").
    """
    entries = [wide.place_filled() for _ in range(BURST)]
    exits = [wide.exit_of(entry) for entry in entries]
    done = len(wide.facts.done)
    in_flight(wide, exits)
    assert len(wide.facts.done) == done
    wide.bench.release_replies()
    through(wide, done, BURST)
    wide.settle()
    assert all(isinstance(fact, OrderAnswered) for fact in wide.facts.done[done:])
    accepted = {told.client_order_id for told in wide.closer.all(OrderAccepted)}
    assert accepted == {order.client_order_id for order in exits}
    assert wide.open_at_venue() == BURST


def test_ac_45_connections_that_die_leave_what_is_in_flight_unknown(wide):
    """AC-45: the connections break while orders are in flight on them: each is unknown, none is sent again, each is
    found by asking, and the next order leaves as ever.

    Aster 13.3; Backpack 4.2; Lighter 8.2, 8.3, 9 (RELIABILITY.md O1, W1).
    """
    entries = [wide.entry() for _ in range(3)]
    done = len(wide.facts.done)
    wide.holds_frames = True
    in_flight(wide, entries)
    wide.cut_commands()
    through(wide, done, len(entries))
    facts = wide.facts.done[done:]
    assert all(isinstance(fact, OrderErred) and isinstance(fact.error, OutcomeUnknown) for fact in facts)
    unknown = {told.client_order_id for told in wide.told(OrderOutcomeUnknown)}
    assert unknown == {entry.client_order_id for entry in entries}
    wide.settle()
    for entry in entries:
        wide.query(entry)
    assert [(told.status, told.filled) for told in wide.told(OrderSettled)] == [(OrderStatus.OPEN, 0)] * len(entries)
    wide.holds_frames = False
    wide.pass_time(2)
    assert isinstance(wide.command(wide.entry()), OrderAnswered)
    assert wide.open_at_venue() == len(entries) + 1
    assert len(wide.intents.recorded) == len(entries) + 1


def test_ac_46_a_halt_holds_while_orders_are_in_flight(wide):
    """AC-46: the halt is a flag at the socket: once `halt` has returned no entry leaves, though others are in flight
    and more are queued, and an exit still does.

    DESIGN.md sections 3 and 10 ("Halt is a flag at the send gate").
    """
    lot = wide.place_filled()
    first, exit_order = wide.entry(), wide.exit_of(lot)
    done = len(wide.facts.done)
    in_flight(wide, [first])
    wide.halted.halt("card")
    late = [wide.entry() for _ in range(20)]
    for command in (*late, exit_order):
        wide.lanes.tell(command)
    wide.bench.release_replies()
    through(wide, done, len(late) + 2)
    wide.settle()
    assert {told.client_order_id for told in wide.told(OrderDenied)} == {entry.client_order_id for entry in late}
    sent = {fact.client_order_id for fact in wide.facts.sent}
    assert sent == {lot.client_order_id, first.client_order_id, exit_order.client_order_id}
    assert wide.open_at_venue() == 2
