from decimal import Decimal

import pytest

from exchanges.errors import MalformedMessage
from exchanges.lighter.markets import MarketTable, margin_fraction, markets
from tests.exchanges.lighter.samples import details, eth


def test_the_rules_of_a_market():
    found = eth()
    rules = found.rules
    assert (found.index, found.size_decimals, found.price_decimals) == (0, 4, 2)
    assert (rules.symbol, rules.tick, rules.step) == ("ETH", Decimal("0.01"), Decimal("0.0001"))
    assert (rules.min_quantity, rules.min_notional) == (Decimal("0.0050"), Decimal("10.000000"))
    assert rules.max_price == Decimal(2**32 - 1) / 100
    assert rules.max_quantity == Decimal(2**48 - 1) / 10_000
    assert (rules.max_leverage, rules.is_trading, rules.reduce_only_exempt) == (50, True, False)


@pytest.mark.parametrize(
    ("changes", "trades"),
    [({"status": "inactive"}, False), ({"market_config": {"force_reduce_only": True}}, False), ({}, True)],
)
def test_whether_a_market_trades(changes, trades):
    assert markets(details(**changes))[0].rules.is_trading is trades


def test_only_perpetuals_are_listed_and_null_is_none():
    assert markets(details(market_type="spot")) == ()
    assert markets({"code": 200, "order_book_details": None}) == ()


def test_an_unreadable_market_is_left_out_unless_it_trades():
    assert markets(details(size_decimals=-1, status="inactive")) == ()
    for damage in ({"size_decimals": -1}, {"min_initial_margin_fraction": 0}, {"min_base_amount": "x"}):
        with pytest.raises(MalformedMessage):
            markets(details(**damage))


@pytest.mark.parametrize(("price", "wire"), [("2345.67", 234567), ("0.01", 1), ("42949672.95", 2**32 - 1)])
def test_prices_are_scaled_exactly(price, wire):
    assert eth().price_to_wire(Decimal(price)) == wire


@pytest.mark.parametrize("price", ["2345.675", "0", "-1", "42949672.96", "NaN", "Infinity"])
def test_prices_off_the_tick_or_out_of_32_bits_are_refused(price):
    with pytest.raises(ValueError, match="price"):
        eth().price_to_wire(Decimal(price))


@pytest.mark.parametrize("size", ["0.00001", "0", "28147497671.0656"])
def test_sizes_off_the_step_or_out_of_48_bits_are_refused(size):
    with pytest.raises(ValueError, match="size"):
        eth().size_to_wire(Decimal(size))


def test_a_market_without_decimals():
    market = markets(details(size_decimals=0, price_decimals=0))[0]
    assert (market.rules.tick, market.rules.step) == (1, 1)
    assert market.price_to_wire(Decimal("7.0")) == 7


@pytest.mark.parametrize(("leverage", "fraction"), [(1, 10000), (3, 3333), (50, 200)])
def test_leverage_as_margin_fraction(leverage, fraction):
    assert margin_fraction(leverage) == fraction


def test_the_table_knows_both_ways_and_forgets_what_is_no_longer_listed():
    table = MarketTable()
    assert (table.get("ETH"), table.symbol(0)) == (None, None)
    table.learn([eth()])
    assert table.get("ETH") == eth()
    assert table.symbol(0) == "ETH"
    table.learn([])
    assert table.symbol(0) is None
