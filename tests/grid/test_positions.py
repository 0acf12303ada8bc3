from decimal import Decimal

import pytest

from actors.grid import dust, positions
from actors.grid.gates import is_step_wide
from actors.grid.settings import Direction
from actors.grid.state import MILLISECOND_NS, ExitBook, Part
from actors.messages import CloseOrderPlaced, CoverMeasured
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import D, Harness, make_context
from tests.grid.test_exit_without_lot import killed_in_the_gap


def test_parts_are_reduced_in_order():
    parts = (Part(1, D("0.5")), Part(2, D("0.3")))
    assert positions.reduce_parts(parts, D("0.2")) == ((Part(1, D("0.2")),), (Part(1, D("0.3")), Part(2, D("0.3"))))
    assert positions.reduce_parts(parts, D("0.6")) == ((Part(1, D("0.5")), Part(2, D("0.1"))), (Part(2, D("0.2")),))


def test_parts_are_cut_to_the_step_from_the_end():
    parts = (Part(1, D("0.5")), Part(2, D("0.0005")))
    assert dust.on_step(parts, D("0.5")) == (Part(1, D("0.5")),)


def test_lot_that_must_be_there_is_an_error_if_it_is_not():
    with pytest.raises(LookupError, match="lot 3"):
        positions.get_lot(ExitBook(), 3)


def test_grid_step_of_a_worthless_exit_is_never_wide():
    context = make_context(direction=Direction.SELL, take_profit_pct=D(50), rules={"tick": D(1)})
    assert not is_step_wide(context, (D(5),), D(1))


def test_cover_is_measured_first_in_first_out():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    grid.pass_ms(100)
    grid.fill("c1", "t2", "0.700")
    grid.pass_ms(100)
    grid.ack("c3")
    grid.ack("c2")
    measured = [(m.quantity, m.naked_ns // 1_000_000) for m in grid.messages if type(m).__name__ == "CoverMeasured"]
    assert measured == [(D("0.3"), 200), (D("0.4"), 100), (D("0.3"), 100)]
    assert grid.exits.counters.unprotected_max == 1


def measured(grid):
    return [(told.quantity, told.naked_ns // MILLISECOND_NS) for told in grid.of(CoverMeasured)]


def test_what_was_filled_first_is_covered_first_however_small_the_exits_are():
    grid = Harness()
    grid.ack("c1")
    for trade, quantity in (("t1", "0.500"), ("t2", "0.200"), ("t3", "0.200")):
        grid.fill("c1", trade, quantity)
        grid.pass_ms(100)
    for name in ("c3", "c4", "c2"):
        grid.ack(name)
    assert measured(grid) == [
        (D("0.2"), 300),
        (D("0.2"), 300),
        (D("0.1"), 300),
        (D("0.2"), 200),
        (D("0.2"), 100),
    ]


def test_what_is_covered_in_the_same_instant_was_never_without_an_exit():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    assert [told.naked_ns for told in grid.of(CoverMeasured)] == [0]


def test_a_quantity_that_loses_its_exit_is_without_one_since_then_and_not_since_it_was_filled():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(5_000)
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.exits.naked_since_ns == grid.now_ns


def test_what_loses_its_exit_right_after_another_fill_is_not_without_one_since_that_fill():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    grid.ack("c2")
    filled_ns = grid.now_ns
    grid.fill("c1", "t2", "0.600")
    grid.now_ns += 7 * MILLISECOND_NS
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert [piece.since_ns for piece in grid.exits.lots[0].naked] == [filled_ns, grid.now_ns]


def test_a_quantity_whose_exit_was_there_before_its_fill_was_told_is_without_one_since_it_lost_it():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    grid.fill("c1", "t1", "1.000")
    assert grid.exits.naked_since_ns is None
    grid.pass_ms(5_000)
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.exits.naked_since_ns == grid.now_ns


def test_what_an_exit_has_closed_stays_covered():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.400")
    assert [told.covered for told in grid.of(CloseOrderPlaced)] == [D(1)]


@pytest.mark.parametrize("count", [positions.on_order, positions.working])
def test_nothing_of_a_lot_is_an_amount_too(count):
    assert isinstance(count(ExitBook(), 1), Decimal)


@pytest.mark.parametrize("count", [positions.total_on_order, positions.held, positions.unprotected_quantity])
def test_nothing_of_all_lots_is_an_amount_too(count):
    assert isinstance(count(ExitBook()), Decimal)


def test_no_part_of_an_order_is_an_amount_too():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    assert positions.part_of(grid.exits.orders[0], 1) == D(1)
    assert isinstance(positions.part_of(grid.exits.orders[0], 2), Decimal)
