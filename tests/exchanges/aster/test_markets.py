from decimal import Decimal

import pytest

from exchanges.aster.markets import exchange_info, rate_limits, symbol_filters
from exchanges.aster.venue import RATE_LIMITS
from exchanges.errors import MalformedMessage
from tests.exchanges.aster.samples import NOW_NS, SYMBOL, vectors


def sample():
    return vectors("payload_fixtures")["exchange_info_btc"]


def row(**changes):
    return {**sample()["symbol"], **changes}


def without(*names):
    return row(filters=[each for each in row()["filters"] if each["filterType"] not in names])


def with_filter(name, **changes):
    return row(filters=[{**each, **(changes if each["filterType"] == name else {})} for each in row()["filters"]])


def test_rules_of_a_market():
    rules = exchange_info({"symbols": [row()]}, NOW_NS)[SYMBOL]
    assert (rules.tick, rules.step) == (Decimal("0.1"), Decimal("0.001"))
    assert (rules.min_price, rules.max_price) == (1, 1_000_000)
    assert (rules.min_quantity, rules.max_quantity, rules.market_max_quantity) == (Decimal("0.001"), 1000, 120)
    assert (rules.min_notional, rules.reduce_only_exempt) == (5, True)
    assert (rules.band_up, rules.band_down, rules.max_open_orders) == (Decimal("1.02"), Decimal("0.98"), 200)
    assert (rules.base_asset, rules.quote_asset, rules.is_trading) == ("BTC", "USDT", True)
    assert rules.max_leverage is None


def test_precisions_are_kept_beside_the_rules():
    filters = symbol_filters(row())
    assert (filters.price_precision, filters.quantity_precision) == (1, 3)


@pytest.mark.parametrize(("text", "tick"), [("0.0100", "0.01"), ("5", "5"), ("10.00", "10"), ("1E-7", "0.0000001")])
def test_trailing_zeros_of_a_tick_mean_nothing(text, tick):
    found = symbol_filters(with_filter("PRICE_FILTER", tickSize=text)).rules.tick
    assert str(found) == str(Decimal(tick))


@pytest.mark.parametrize("status", ["PENDING_TRADING", "PRE_SETTLE", "SETTLING", "CLOSE"])
def test_a_market_that_does_not_trade_is_listed_as_such(status):
    assert exchange_info({"symbols": [row(status=status)]}, NOW_NS)[SYMBOL].is_trading is False


@pytest.mark.parametrize(
    "changes",
    [{"symbol": "币安人生USDT"}, {"symbol": ""}, {"symbol": "TESTUSDT"}, {"baseAsset": ""}, {"baseAsset": None},
     {"contractType": "CURRENT_QUARTER"}, {"contractType": None}],
)  # fmt: skip
def test_markets_that_cannot_be_named_or_traded_are_left_out(changes):
    assert exchange_info({"symbols": [row(**changes), row()]}, NOW_NS).keys() == {SYMBOL}


def test_quote_assets_come_from_the_venue_not_from_the_name():
    rules = exchange_info({"symbols": [row(symbol="TSLAUSD1", baseAsset="TSLA", quoteAsset="USD1")]}, NOW_NS)
    assert rules["TSLAUSD1"].quote_asset == "USD1"


def test_filters_that_may_be_missing():
    rules = symbol_filters(without("MARKET_LOT_SIZE", "MIN_NOTIONAL", "PERCENT_PRICE", "MAX_NUM_ORDERS")).rules
    assert (rules.market_max_quantity, rules.min_notional, rules.max_open_orders) == (1000, 0, 200)
    assert (rules.band_up, rules.band_down) == (None, None)


def test_a_ceiling_of_zero_is_none():
    assert symbol_filters(with_filter("PRICE_FILTER", maxPrice="0")).rules.max_price == 10**18
    assert symbol_filters(with_filter("PERCENT_PRICE", multiplierUp="0")).rules.band_up is None


BROKEN = [
    without("PRICE_FILTER"),
    without("LOT_SIZE"),
    with_filter("PRICE_FILTER", tickSize="0"),
    with_filter("LOT_SIZE", stepSize="-1"),
    with_filter("LOT_SIZE", minQty="x"),
    with_filter("MAX_NUM_ORDERS", limit="200"),
    row(filters=None),
    row(filters=[5]),
    row(pricePrecision="1"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_trading_market_that_cannot_be_read_is_malformed(broken):
    with pytest.raises(MalformedMessage):
        exchange_info({"symbols": [broken]}, NOW_NS)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_market_that_neither_trades_nor_can_be_read_is_left_out(broken):
    assert exchange_info({"symbols": [{**broken, "status": "SETTLING"}, row()]}, NOW_NS).keys() == {SYMBOL}


@pytest.mark.parametrize("data", [None, [], {}, {"symbols": None}, {"symbols": [5]}])
def test_an_answer_without_markets_is_malformed(data):
    with pytest.raises(MalformedMessage):
        exchange_info(data, NOW_NS)


def test_rate_limits_are_those_the_client_assumes():
    assert set(rate_limits(sample())) == set(RATE_LIMITS)


def test_rate_limits_of_unknown_kinds_are_left_out():
    odd = [{"rateLimitType": "RAW", "interval": "MINUTE"}, {"rateLimitType": "ORDERS", "interval": "WEEK"}]
    ten = {"rateLimitType": "ORDERS", "interval": "TEN_SECONDS", "intervalNum": 1, "limit": 300}
    (limit,) = rate_limits({"rateLimits": [*odd, ten]})
    assert (limit.unit, limit.amount, limit.per_s) == ("order", 300, 10.0)
