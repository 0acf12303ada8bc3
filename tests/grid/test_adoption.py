"""Differences between position and lots that a person, or a start, declares to be somebody else's."""

from dataclasses import replace

import pytest

from actors.grid import mismatch
from actors.grid.draft import Draft
from actors.grid.settings import Direction
from actors.messages import AdoptDifference, ExternalBooked, PositionClosed
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import D, Harness
from tests.grid.test_mismatch import prove, with_late_fill, with_lot


def test_nothing_is_adopted_between_a_fill_and_the_reading_that_says_whose_it_was():
    grid = with_late_fill()
    grid.ack("c3")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.exits.external == 0
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert (grid.exits.external, grid.exits.adopts_proven) == (0, True)
    grid.pass_ms(5_000)
    grid.position("1.400")
    assert grid.exits.external == D("0.4")
    assert grid.exits.mismatch is None


def test_surplus_is_adopted_as_foreign():
    grid = with_lot()
    prove(grid, "1.700")
    assert grid.state.lots.mismatch
    assert grid.exits.orders[0].cancel is None
    grid.tell(AdoptDifference(grid="g"))
    booked = grid.of(ExternalBooked)[-1]
    assert (booked.lot, booked.quantity, booked.external) == (0, D("0.7"), D("0.7"))
    prove(grid, "1.700", times=1)
    assert not grid.state.lots.mismatch
    assert grid.exits.suspicion is None, "what is known to be foreign is no part of the lots"


def test_opposite_position_is_adopted_as_foreign_and_the_lots_as_closed():
    grid = with_lot(direction=Direction.SELL)
    prove(grid, "0.300")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == 0
    assert grid.exits.external == D("0.3")
    grid.pass_ms(5_000)
    grid.position("0.300")
    assert grid.exits.suspicion is None, "what is known to be foreign is no part of the lots"


def test_adopt_without_a_proven_difference_does_nothing():
    grid = with_lot()
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == 1
    assert not grid.of(ExternalBooked)


def test_a_start_that_adopts_waits_for_the_proof_and_books_the_difference_then():
    grid = with_lot()
    grid.pass_ms(1_000)
    grid.position("0.5")
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert grid.exits.external == 0
    assert grid.exits.lots[0].remaining == D("1")
    grid.settled("c2", OrderStatus.OPEN, "0")
    prove(grid, "0.5")
    assert grid.exits.mismatch is None
    assert grid.exits.lots[0].remaining == D("0.5")
    assert not grid.exits.adopts_proven


def test_a_start_that_adopts_forgets_it_where_the_position_agrees():
    grid = with_lot()
    grid.pass_ms(1_000)
    grid.position("0.5")
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.pass_ms(5_000)
    grid.position("1.0")
    prove(grid, "0.5")
    assert grid.exits.mismatch is not None, "a later difference is for a person to adopt"


def test_a_difference_that_a_fill_has_moved_is_adopted_only_when_it_has_been_read_again():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.fill("c3", "t3", "0.200")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == D("0.8")
    prove(grid, "0.3", times=1)
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == D("0.3")


def test_what_is_there_before_the_first_start_is_booked_as_nobodys_lot():
    grid = Harness(connect=False)
    grid.reserve()
    grid.connect("-0.25")
    [booked] = grid.of(ExternalBooked)
    assert (booked.lot, booked.quantity, booked.price, booked.external) == (0, D("0.25"), D(0), D("-0.25"))


def test_a_start_that_adopts_books_at_once_what_is_proven_already():
    grid = with_lot()
    prove(grid, "0.5")
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert (grid.held, grid.exits.external) == (D("0.5"), D(0))


def test_a_start_that_adopts_has_nothing_to_wait_for_where_the_position_agrees_already():
    grid = with_lot()
    prove(grid, "1.0", times=1)
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert not grid.exits.adopts_proven


def test_a_start_that_adopts_waits_where_a_reading_has_begun_to_contradict():
    grid = with_lot()
    prove(grid, "1.0", times=1)
    prove(grid, "0.5", times=1)
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert grid.exits.adopts_proven


def test_a_start_that_adopts_waits_for_the_next_reading_of_a_proven_difference_that_a_fill_has_moved():
    grid = with_lot()
    prove(grid, "1.0", times=1)
    prove(grid, "1.5")
    grid.fill("c2", "t3", "0.200")
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert grid.exits.external == 0
    prove(grid, "1.3", times=1)
    assert grid.exits.external == D("0.5")


@pytest.mark.parametrize("direction", list(Direction))
def test_a_position_against_the_grid_is_all_foreign_where_no_lot_is_open(direction):
    grid = Harness(direction=direction)
    reading = D("-0.3") if direction is Direction.BUY else D("0.3")
    prove(grid, reading)
    assert grid.exits.mismatch.least == D("-0.3")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.exits.external == reading
    prove(grid, reading, times=1)
    assert (grid.exits.mismatch, grid.exits.suspicion) == (None, None)


def test_a_rumor_ends_when_a_difference_is_adopted():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    prove(grid, "0.4", times=1)
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == D("0.5")
    prove(grid, "0.4", times=1)
    assert grid.exits.mismatch is None, "of the lots as they are now it is the first reading"


def test_what_is_adopted_has_made_neither_profit_nor_loss():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.tell(AdoptDifference(grid="g"))
    booked = grid.of(ExternalBooked)[-1]
    assert (booked.lot, booked.quantity, booked.price) == (1, D("0.5"), D("99.9"))
    grid.fill("c3", "t3", "0.500")
    [closed] = grid.of(PositionClosed)
    assert (closed.quantity, closed.exit_price, closed.realized_pnl) == (D(1), D("100.4"), D("0.5"))


def test_a_shortage_is_taken_from_the_newest_lot_that_still_holds_something():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(60_000)
    grid.ack("c3")
    grid.fill("c3", "t2", "0.400")
    grid.fill("c4", "t3", "0.400")
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D(1)), (2, D(0))]
    grid.is_watching = False
    prove(grid, "0.7")
    grid.tell(AdoptDifference(grid="g"))
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D("0.7")), (2, D(0))]


def test_an_adopted_lot_leaves_no_dust_behind():
    grid = with_lot()
    prove(grid, "0")
    lot = replace(grid.exits.lots[0], dust=D("0.0005"))
    draft = Draft(grid.context, replace(grid.exits, lots=(lot,)), grid.now_ns)
    mismatch.adopt(draft, when_proven=False)
    assert (draft.state.lots[0].remaining, draft.state.dust_quantity) == (D(0), D(0))


def test_a_fill_that_explains_what_was_adopted_takes_nothing_from_the_next_entry():
    grid = with_lot()
    prove(grid, "0")
    grid.done("c2", CancelReason.REQUESTED, "0")
    prove(grid, "0")
    grid.tell(AdoptDifference(grid="g"))
    grid.is_watching = False
    grid.fill("c2", "t2", "1.000")
    assert (grid.held, grid.exits.early, grid.exits.is_agreed) == (0, (), True)
    grid.take()
    grid.pass_ms(20_000)
    entry = list(grid.orders)[-1]
    grid.fill(entry, "t3", "1.000")
    assert [line.split("@")[0].split(" ", 1)[1] for line in grid.take() if "sell" in line] == ["sell 1"]
    assert grid.held == 1
