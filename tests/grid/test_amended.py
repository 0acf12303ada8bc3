"""Somebody else moves or resizes our orders at the venue: they count as they are now, and nobody fights over them."""

import pytest

from actors.grid import risk
from actors.log_events import LogEvent
from actors.messages import OrderAmended
from exchanges.values import CancelReason
from tests.grid.harness import D, Harness
from tests.grid.test_mismatch import with_lot


def amended(grid, name, price, quantity):
    number = grid.orders[name].command.client_order_id
    grid.give(grid.owner(name), OrderAmended(grid="g", client_order_id=number, price=D(price), quantity=D(quantity)))


def test_an_exit_that_was_moved_stays_where_it_was_put():
    grid = with_lot()
    amended(grid, "c2", "101.5", "1")
    assert grid.take() == []
    order = grid.exits.orders[0]
    assert (order.price, order.leaves, order.is_working) == (D("101.5"), 1, True)
    assert grid.state.lots.exit_prices == (D("101.5"),)
    assert grid.state.lots.unprotected_quantity == 0
    assert grid.count(LogEvent.CLOSE_ORDER_CHANGED) == 1
    grid.pass_ms(60_000)
    assert not grid.places()


def test_what_a_smaller_exit_no_longer_covers_gets_one_of_its_own_at_once():
    grid = with_lot()
    amended(grid, "c2", "100.9", "0.4")
    assert grid.take() == ["c3 sell 0.6@100.9"]
    grid.ack("c3")
    assert grid.state.lots.unprotected_quantity == 0
    grid.fill("c2", "t2", "0.4", "100.9")
    grid.fill("c3", "t3", "0.6", "100.9")
    assert grid.exits.counters.lots_closed == 1
    assert grid.held == 0


def test_a_larger_exit_is_no_reason_to_sell_more_than_is_held():
    grid = with_lot()
    amended(grid, "c2", "100.9", "1.5")
    assert grid.exits.orders[0].unallotted == D("0.5")
    grid.pass_ms(1_000)
    grid.position("1.000")
    assert "cancel c2" in grid.take()


@pytest.mark.parametrize(
    ("quantity", "parts"),
    [
        ("1.05", [(2, D("1")), (1, D("0.05"))]),
        ("1.02", [(2, D("1")), (1, D("0.02"))]),
        ("1", [(2, D("1"))]),
        ("0.5", [(2, D("0.5"))]),
        ("0", []),
    ],
)
def test_a_smaller_exit_of_two_lots_is_still_for_the_first_as_far_as_it_goes(quantity, parts):
    grid = Harness(grid_step_pct=D(0), max_orders=2)
    grid.is_watching = False
    grid.ack("c1")
    grid.fill("c1", "t1", "0.050")
    grid.done("c1", CancelReason.REQUESTED, "0.050")
    grid.pass_ms(5_000)
    grid.fill("c2", "t2", "1.000")
    grid.ack("c3")
    amended(grid, "c3", "100.9", quantity)
    assert [(part.lot, part.quantity) for part in grid.exits.orders[0].parts] == parts


def test_an_exit_that_was_reported_as_ended_is_not_resized():
    grid = with_lot(capabilities={"cancel_report_is_final": False})
    grid.done("c2", CancelReason.OTHER, "0")
    amended(grid, "c2", "101.5", "0.4")
    assert grid.exits.orders[0].price == D("100.9")
    assert grid.count(LogEvent.CLOSE_ORDER_CHANGED) == 0


@pytest.mark.parametrize("quantity", ["0.2", "0.3"])
def test_an_exit_is_never_smaller_than_what_it_has_filled(quantity):
    grid = with_lot()
    grid.fill("c2", "t2", "0.3", "100.9")
    grid.take()
    amended(grid, "c2", "100.9", quantity)
    assert grid.exits.orders[0].leaves == 0
    assert grid.places() == ["c3 sell 0.7@100.9"]


def test_an_exit_that_was_cut_to_what_it_has_filled_ends_without_a_loss_to_tell():
    grid = with_lot()
    grid.fill("c2", "t2", "0.3", "100.9")
    amended(grid, "c2", "100.9", "0.3")
    grid.done("c2", CancelReason.OTHER)
    assert [order.client_order_id for order in grid.exits.orders] == [grid.orders["c3"].command.client_order_id]
    assert grid.count(LogEvent.CLOSE_ORDER_CANCELED) == 0


def test_an_entry_counts_as_it_is_now():
    grid = Harness()
    grid.ack("c1")
    amended(grid, "c1", "99.5", "2")
    used = risk.exposure(grid.context, grid.state)
    assert (used.pending_quantity, used.position_usd) == (2, D(199))
    assert grid.count(LogEvent.ENTRY_CHANGED) == 1


def test_an_order_nobody_knows_any_more_is_none_of_ours():
    grid = with_lot()
    number = grid.orders["c2"].command.client_order_id + 1
    grid.give("closer", OrderAmended(grid="g", client_order_id=number, price=D(1), quantity=D(1)))
    assert len(grid.exits.orders) == 1
    assert grid.exits.orders[0].price == D("100.9")


def test_an_entry_that_has_ended_or_is_unknown_is_none_of_ours():
    grid = with_lot()
    before = grid.state
    amended(grid, "c1", "99.5", "2")
    stranger = grid.orders["c1"].command.client_order_id + 16
    grid.give("strategy", OrderAmended(grid="g", client_order_id=stranger, price=D(1), quantity=D(1)))
    assert grid.state.pending == before.pending
    assert grid.count(LogEvent.ENTRY_CHANGED) == 0
