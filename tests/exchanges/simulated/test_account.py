"""Positions and margin (exchanges.simulated.account)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulated.account import Position, liquidation_price, margin_line
from exchanges.simulated.engine_types import MarketSpec
from exchanges.values import ZERO, Side
from tests.exchanges.simulated.market import RULES

D = Decimal
SPEC = MarketSpec(rules=RULES, maintenance_rate=D("0.01"))
steps = st.lists(
    st.tuples(st.sampled_from(list(Side)), st.integers(1, 100_000), st.integers(1, 5_000)), min_size=1, max_size=30
)


@given(steps)
def test_profit_of_a_closed_position_is_exactly_its_cash_flow(trades):
    position, cash, realized = Position(1), ZERO, ZERO
    for side, ticks, size in trades:
        price, quantity = D(ticks) / 10, D(size) / 1000
        realized += position.apply(side, price, quantity, 1)
        cash -= side.sign * price * quantity
    if position.quantity:
        side = Side.SELL if position.quantity > 0 else Side.BUY
        quantity = abs(position.quantity)
        realized += position.apply(side, D(7), quantity, 2)
        cash -= side.sign * 7 * quantity
    assert position.quantity == 0
    assert position.entry_price == 0
    assert position.realized == realized
    assert abs(realized - cash) < D("1e-15")


@given(steps)
def test_entry_price_lies_between_the_prices_of_the_side_held(trades):
    position = Position(1)
    for side, ticks, size in trades:
        position.apply(side, D(ticks), D(size), 1)
    if position.quantity:
        held = Side.BUY if position.quantity > 0 else Side.SELL
        prices = [D(ticks) for side, ticks, _ in trades if side is held]
        assert min(prices) - D("1e-15") <= position.entry_price <= max(prices) + D("1e-15")


def test_what_can_be_reduced_depends_on_the_side():
    position = Position(1, quantity=D(3), cost=D(300))
    assert (position.closable(Side.SELL), position.closable(Side.BUY)) == (D(3), D(0))
    assert position.unrealized(D(110)) == D(30)
    assert position.unrealized(None) == 0


@pytest.mark.parametrize(("quantity", "expected"), [("10", "90.909"), ("-10", "108.911"), ("0", "0")])
def test_liquidation_price_is_where_equity_meets_maintenance(quantity, expected):
    position = Position(10, quantity=D(quantity), cost=D(quantity) * 100)
    price = liquidation_price(position, SPEC, D(100))
    assert price == pytest.approx(D(expected), abs=D("0.001"))
    if position.quantity:
        maintenance = margin_line(position, SPEC, price, ()).maintenance
        assert 100 + position.unrealized(price) == pytest.approx(maintenance, abs=D("1e-9"))


def test_a_small_long_is_never_liquidated():
    assert liquidation_price(Position(1, quantity=D(1), cost=D(100)), SPEC, D(1000)) == 0
