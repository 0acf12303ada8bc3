"""A lost report's price and fee, learned later, reach the profit exactly once, whatever has become of the lot."""

import pytest

from actors.messages import FillCorrected, Flatten, PositionClosed, ProfitCorrected
from exchanges.order_ids import unpack
from exchanges.values import CancelReason, ClientOrderId
from tests.grid.harness import D, Harness


def booked(grid):
    counters = grid.exits.counters
    return counters.realized_pnl, counters.fees


def told(grid, kind):
    return [message for message in grid.messages if isinstance(message, kind)]


def opened(**settings):
    """A grid whose entry of 1 at its limit is known from a total only: no price, no fee."""
    grid = Harness(**settings)
    grid.ack("c1")
    grid.cumulative("c1", "1.000")
    grid.ack("c2")
    return grid


def test_an_entrys_real_cost_is_in_its_lot_before_the_lot_closes():
    grid = opened()
    entry, close = grid.orders["c1"].price, grid.orders["c2"].price
    grid.fill("c1", "t1", "1.000", price=entry - 1, fee="0.5")
    lot = grid.exits.lots[0]
    assert (lot.entry_filled, lot.entry_notional, lot.entry_fees) == (1, entry - 1, D("0.5"))
    assert booked(grid) == (0, D("0.5"))
    assert told(grid, ProfitCorrected) == []
    grid.fill("c2", "t2", "1.000", fee="0.25")
    profit = close - (entry - 1) - D("0.75")
    assert booked(grid) == (profit, D("0.75"))
    assert told(grid, PositionClosed)[0].realized_pnl == profit


def test_an_exits_real_cost_is_in_its_lot_before_the_lot_closes():
    grid = opened()
    grid.fill("c1", "t1", "1.000", fee="0.5")
    entry, close = grid.orders["c1"].price, grid.orders["c2"].price
    grid.cumulative("c2", "0.400")
    grid.fill("c2", "t2", "0.400", price=close + 1, fee="0.1")
    assert grid.exits.lots[0].exit_notional == D("0.4") * (close + 1)
    grid.fill("c2", "t3", "0.600", fee="0.15")
    profit = D("0.4") * (close + 1) + D("0.6") * close - entry - D("0.75")
    assert booked(grid) == (profit, D("0.75"))
    assert told(grid, PositionClosed)[0].realized_pnl == profit


@pytest.mark.parametrize("direction", ["buy", "sell"])
def test_what_comes_after_the_lot_has_closed_corrects_the_profit_that_was_told(direction):
    grid = opened(direction=direction)
    sign = grid.context.sign
    entry, close = grid.orders["c1"].price, grid.orders["c2"].price
    grid.cumulative("c2", "1.000")
    assert grid.exits.lots == ()
    assert booked(grid) == ((close - entry) * sign, 0)
    grid.fill("c1", "t1", "1.000", price=entry - 1, fee="0.5")
    grid.fill("c2", "t2", "1.000", price=close + 2, fee="0.25")
    profit = (close + 2 - (entry - 1)) * sign - D("0.75")
    assert booked(grid) == (profit, D("0.75"))
    corrections = told(grid, ProfitCorrected)
    assert [(c.lot, c.realized_pnl, c.fees) for c in corrections] == [
        (1, sign - D("0.5"), D("0.5")),
        (1, 2 * sign - D("0.25"), D("0.25")),
    ]
    assert told(grid, PositionClosed)[0].realized_pnl + sum(c.realized_pnl for c in corrections) == profit
    assert grid.exits.told.realized_pnl == profit


def closing_at_once():
    """The same grid while it is flattened: by an order whose number is not its lot's."""
    grid = opened(max_orders=1)
    grid.fill("c1", "t1", "1.000")
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert unpack(grid.orders["c3"].command.client_order_id).sequence != 1
    return grid


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_an_order_numbered_apart_really_got_is_in_the_lot_it_closes(has_ended):
    grid = closing_at_once()
    grid.cumulative("c3", "0.300")
    if has_ended:
        grid.done("c3", CancelReason.IMMEDIATE)
    grid.fill("c3", "t3", "0.300", price=D(100), fee="0.1")
    (lot,) = grid.exits.lots
    assert (lot.lot, lot.exit_notional, lot.exit_fees) == (1, D("0.3") * D(100), D("0.1"))
    assert told(grid, ProfitCorrected) == []


def test_a_correction_names_the_lot_that_an_order_numbered_apart_has_closed():
    grid = closing_at_once()
    grid.cumulative("c3", "1.000")
    grid.fill("c3", "t3", "1.000", price=grid.orders["c3"].price + 1, fee="0.1")
    (correction,) = told(grid, ProfitCorrected)
    assert (correction.lot, correction.realized_pnl) == (1, D("0.9"))


def test_a_trade_told_again_corrects_nothing():
    grid = opened()
    grid.fill("c1", "t1", "1.000", fee="0.5")
    grid.fill("c1", "t1", "1.000", fee="0.5")
    assert booked(grid) == (0, D("0.5"))


def test_an_id_that_cannot_be_ours_corrects_nothing():
    grid = opened()
    before = grid.exits
    grid.give(
        "closer",
        FillCorrected(
            grid="g", client_order_id=ClientOrderId(0), quantity=D(1), price=D(9), assumed_price=D(8), fee=D(1)
        ),
    )
    assert grid.exits == before
