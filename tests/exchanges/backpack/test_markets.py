"""The filters of markets."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.backpack.markets import markets
from exchanges.errors import MalformedMessage
from tests.exchanges.backpack.samples import SYMBOL, body

D = Decimal
MARKETS = "GET /api/v1/markets"


def row(*, price: dict[str, Any] | None = None, quantity: dict[str, Any] | None = None, **changes: Any) -> Any:
    found = body(MARKETS, **changes)[0]
    if "filters" not in changes:
        found["filters"]["price"] |= price or {}
        found["filters"]["quantity"] |= quantity or {}
    return found


def rules(**changes: Any) -> Any:
    return markets([row(**changes)], 0)[SYMBOL]


def test_the_rules_of_a_market():
    found = rules()
    assert (found.symbol, found.tick, found.step, found.min_quantity) == (SYMBOL, D("0.01"), D("0.01"), D("0.01"))
    assert (found.min_price, found.min_notional, found.is_trading) == (D("0.01"), D(0), True)
    assert found.max_quantity == found.market_max_quantity == found.max_price == D(10) ** 18
    assert (found.band_up, found.band_down) == (D("1.1"), D("0.9"))
    assert (found.base_asset, found.quote_asset, found.max_leverage) == ("SOL", "USDC", 50)
    assert not found.reduce_only_exempt


def test_bounds_that_are_given_count():
    found = rules(price={"maxPrice": "500", "minPrice": None}, quantity={"maxQuantity": "1000"})
    assert (found.max_price, found.min_price, found.max_quantity) == (D(500), D(0), D(1000))


@pytest.mark.parametrize(
    ("price", "band"),
    [
        ({"meanMarkPriceBand": None}, (D(2), D("0.25"))),
        ({"meanMarkPriceBand": None, "maxMultiplier": None, "minMultiplier": None}, (None, None)),
        ({"meanMarkPriceBand": {"maxMultiplier": "3", "minMultiplier": "0.1"}}, (D(2), D("0.25"))),
        ({"meanMarkPriceBand": {"maxMultiplier": None, "minMultiplier": "0.97"}}, (D(2), D("0.97"))),
    ],
)
def test_the_narrower_band_counts(price, band):
    found = rules(price=price)
    assert (found.band_up, found.band_down) == band


@pytest.mark.parametrize(
    ("state", "is_trading"),
    [("Open", True), ("LimitOnly", True), ("PostOnly", False), ("CancelOnly", False), ("Closed", False)],
)
def test_a_market_trades_where_entries_and_emergency_orders_are_taken(state, is_trading):
    assert rules(orderBookState=state).is_trading is is_trading


@pytest.mark.parametrize(("base", "leverage"), [("0.02", 50), ("0.03", 33), ("1", 1)])
def test_leverage_follows_from_the_margin_curve(base, leverage):
    assert rules(imfFunction={"type": "sqrt", "base": base, "factor": "0"}).max_leverage == leverage
    assert rules(imfFunction=None).max_leverage is None


def test_spot_and_hidden_markets_are_left_out():
    assert markets([row(marketType="SPOT"), row(marketType="IPERP"), row(visible=False)], 0) == {}


def test_trailing_zeros_of_a_step_mean_nothing():
    assert str(rules(price={"tickSize": "0.0100"}).tick) == "0.01"


BROKEN = [
    {"price": {"tickSize": "0"}},
    {"price": {"tickSize": None}},
    {"price": {"meanMarkPriceBand": "x"}},
    {"quantity": {"stepSize": "-1"}},
    {"quantity": {"minQuantity": None}},
    {"filters": None},
    {"filters": {"price": {}}},
    {"imfFunction": {"base": "0"}},
    {"imfFunction": {"base": "2"}},
    {"imfFunction": "x"},
    {"baseSymbol": None},
    {"symbol": 5},
]


@pytest.mark.parametrize("changes", BROKEN)
def test_a_market_that_trades_and_cannot_be_read_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        markets([row(**changes)], 0)


@pytest.mark.parametrize("changes", BROKEN)
def test_a_market_that_does_not_trade_and_cannot_be_read_is_left_out(changes):
    good = row(symbol="BTC_USDC_PERP")
    assert list(markets([row(orderBookState="Closed", **changes), good], 0)) == ["BTC_USDC_PERP"]


def test_a_state_of_tomorrow_is_not_trading():
    assert markets([row(orderBookState="Auction")], 0) == {}


@pytest.mark.parametrize("data", [{}, None, [5], [{}], [{"marketType": "PERP", "visible": 1}]])
def test_what_is_no_list_of_markets_is_malformed(data):
    with pytest.raises(MalformedMessage):
        markets(data, 0)


@given(st.dictionaries(st.sampled_from([*row(), "filters"]), st.none() | st.integers() | st.text(max_size=4)))
def test_whatever_comes_is_rules_or_malformed(changes):
    with contextlib.suppress(MalformedMessage):
        markets([row() | changes], 0)
