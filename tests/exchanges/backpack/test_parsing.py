"""Replies of the trading service."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.backpack import parsing
from exchanges.backpack.parsing import Fields
from exchanges.errors import MalformedMessage
from exchanges.values import CancelReason, OrderStatus, RejectReason, Side
from exchanges.wire_json import decode
from tests.exchanges.backpack.samples import NOW_NS, ORDER_ID, OUR_ID, SYMBOL, body, own_order

D = Decimal
LIMIT = "POST /api/v1/order (limit, rests)"
MARKET = "POST /api/v1/order (market, filled)"
IOC = "POST /api/v1/order (limit IOC, partly filled then expired)"
PARTIAL = "GET /api/v1/order (partially filled)"
POSITION = "GET /api/v1/position"
DEPTH = "GET /api/v1/depth"


# --- ids ---


@pytest.mark.parametrize("number", [0, 1, 1001, (1 << 32) - 1])
def test_an_id_is_spelled_and_read_back(number):
    text = parsing.spell_client_order_id(number)
    assert text == str(number)
    assert parsing.read_client_order_id(text) == parsing.read_client_order_id(number) == number


@pytest.mark.parametrize("number", [-1, 1 << 32])
def test_an_id_beyond_32_bits_is_not_spelled(number):
    with pytest.raises(ValueError, match="32 bits"):
        parsing.spell_client_order_id(number)


@pytest.mark.parametrize("text", [None, "", "01", "-1", "4294967296", "1.0", "\u0661", "9" * 400, True, -1, 1 << 32])
def test_what_is_not_spelled_like_an_id_is_none(text):
    assert parsing.read_client_order_id(text) is None


# --- orders ---


def test_a_resting_order():
    report = parsing.order(own_order(), NOW_NS)
    assert (report.symbol, report.client_order_id, report.order_id) == (SYMBOL, OUR_ID, ORDER_ID)
    assert (report.status, report.side, report.price) == (OrderStatus.OPEN, Side.BUY, D("141.25"))
    assert (report.quantity, report.filled, report.average_price) == (D("0.5"), D(0), None)
    assert (report.reduce_only, report.reason, report.reject_reason) == (False, None, None)
    assert (report.occurred_ns, report.received_ns) == (1_750_000_000_120_000_000, NOW_NS)


def test_only_a_new_order_says_when_it_came_to_be():
    assert parsing.order(body(PARTIAL), NOW_NS).occurred_ns == 0


def test_a_market_order_has_an_average_price_and_no_limit():
    report = parsing.order(body(MARKET), NOW_NS)
    assert (report.status, report.price, report.filled) == (OrderStatus.FILLED, D(0), D("1.25"))
    assert report.average_price == D("141.258")
    assert report.reduce_only


def test_a_partly_filled_order():
    report = parsing.order(body(PARTIAL), NOW_NS)
    assert (report.status, report.filled, report.average_price) == (
        OrderStatus.PARTIALLY_FILLED,
        D("0.2"),
        D("141.25"),
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "Cancelled"}, CancelReason.REQUESTED),
        ({"status": "Cancelled", "expiryReason": "Liquidation"}, CancelReason.LIQUIDATION),
        ({"status": "Expired"}, CancelReason.POST_ONLY),
        ({"status": "Expired", "executedQuantity": "0.1", "executedQuoteQuantity": "14.1"}, CancelReason.EXPIRED),
        ({"status": "Expired", "postOnly": False}, CancelReason.EXPIRED),
        ({"status": "Expired", "postOnly": False, "timeInForce": "IOC"}, CancelReason.IMMEDIATE),
        ({"status": "Expired", "postOnly": False, "timeInForce": "FOK"}, CancelReason.IMMEDIATE),
        ({"status": "Expired", "postOnly": None, "orderType": "Market"}, CancelReason.IMMEDIATE),
        ({"status": "Expired", "expiryReason": "PostOnlyTaker"}, CancelReason.POST_ONLY),
        ({"status": "Expired", "expiryReason": "ReduceOnlyNotReduced"}, CancelReason.REDUCE_ONLY),
        ({"status": "Expired", "expiryReason": "SelfTradePrevention"}, CancelReason.SELF_TRADE),
        ({"status": "Expired", "expiryReason": "PRICE_BAND"}, CancelReason.OTHER),
        ({"status": "Filled", "executedQuantity": "0.5", "executedQuoteQuantity": "70.6"}, None),
        ({"status": "TriggerFailed"}, None),
        ({"status": "New"}, None),
    ],
)
def test_why_an_order_ended(changes, reason):
    assert parsing.order(own_order(**changes), NOW_NS).reason is reason


@pytest.mark.parametrize("status", ["TriggerFailed", "Triggered"])
def test_a_failed_trigger_is_rejected(status):
    report = parsing.order(own_order(status=status), NOW_NS)
    assert (report.status, report.reject_reason) == (OrderStatus.REJECTED, RejectReason.OTHER)


def test_orders_of_somebody_else_may_lack_what_ours_have():
    strange = own_order(clientId=None, price=None, quantity=None, timeInForce="GTD", status="TriggerPending")
    report = parsing.order(strange, NOW_NS)
    assert (report.client_order_id, report.price, report.quantity) == (None, D(0), D(0))
    assert report.status is OrderStatus.OPEN


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "Canceled"},
        {"status": None},
        {"side": "Buy"},
        {"id": 5.5},
        {"id": "abc"},
        {"clientId": -1},
        {"clientId": True},
        {"clientId": 1 << 32},
        {"clientId": "x"},
        {"clientId": [1]},
        {"quantity": "NaN"},
        {"quantity": "0.1", "executedQuantity": "0.5"},
        {"price": "-1"},
        {"price": "1_000"},
        {"executedQuantity": "0.6"},
        {"executedQuantity": None},
        {"executedQuoteQuantity": "x"},
        {"createdAt": "2025-06-15"},
        {"createdAt": -1},
        {"createdAt": True},
        {"timeInForce": "GTD"},
        {"reduceOnly": "false"},
        {"postOnly": 1},
        {"symbol": None},
        {"orderType": None},
    ],
)
def test_a_strange_order_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        parsing.order(own_order(**changes), 0)


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_an_order_that_is_no_object_is_malformed(data):
    with pytest.raises(MalformedMessage, match="an object was expected"):
        parsing.order(data, 0)


@pytest.mark.parametrize(
    "key", sorted({"id", "symbol", "side", "status", "executedQuantity", "timeInForce", "createdAt"})
)
def test_a_missing_key_is_malformed(key):
    broken = own_order()
    del broken[key]
    with pytest.raises(MalformedMessage, match=f"{key} is missing"):
        parsing.order(broken, 0)


def test_open_orders_of_one_market():
    active = parsing.active_orders(body("GET /api/v1/orders"), NOW_NS, SYMBOL)
    assert (active.symbol, active.received_ns, len(active.orders)) == (SYMBOL, NOW_NS, 1)
    assert parsing.active_orders([], NOW_NS, SYMBOL).orders == ()
    with pytest.raises(MalformedMessage, match="in the list of BTC_USDC_PERP"):
        parsing.active_orders(body("GET /api/v1/orders"), NOW_NS, "BTC_USDC_PERP")
    with pytest.raises(MalformedMessage, match="a list was expected"):
        parsing.active_orders({}, NOW_NS, SYMBOL)


# --- position and account ---


def test_a_position():
    report = parsing.position(body(POSITION, netQuantity="-0.5", estLiquidationPrice="150.1"), NOW_NS, SYMBOL)
    assert (report.quantity, report.entry_price, report.liquidation_price) == (D("-0.5"), D("141.25"), D("150.1"))
    assert (report.isolated, report.leverage, report.received_ns) == (False, None, NOW_NS)
    assert parsing.position(body(POSITION), NOW_NS, SYMBOL).liquidation_price is None


@pytest.mark.parametrize("data", [[], body(POSITION, symbol="BTC_USDC_PERP")])
def test_a_market_without_a_row_is_flat(data):
    report = parsing.position(data, NOW_NS, SYMBOL)
    assert (report.symbol, report.quantity, report.received_ns) == (SYMBOL, D(0), NOW_NS)


@pytest.mark.parametrize("changes", [{"netQuantity": None}, {"entryPrice": "x"}, {"symbol": 5}])
def test_a_strange_position_is_malformed_and_never_flat(changes):
    with pytest.raises(MalformedMessage):
        parsing.position(body(POSITION, **changes), NOW_NS, SYMBOL)


def test_equity_comes_from_the_collateral():
    report = parsing.collateral(body("GET /api/v1/capital/collateral", netEquityAvailable="-3"), NOW_NS)
    assert (report.equity, report.available) == (D(1000), D(-3))


def test_the_time_is_a_bare_number():
    assert parsing.server_time_ns(decode(b"1750000000000", "backpack", "time"), 0) == 1_750_000_000_000_000_000
    for bad in ("1750000000000", 1750000000000.5, None, [], True, 10**14):
        with pytest.raises(MalformedMessage):
            parsing.server_time_ns(bad, 0)


# --- depth ---


def test_the_best_bid_is_the_last_row_and_the_best_ask_the_first():
    report = parsing.best_price(body(DEPTH), NOW_NS, SYMBOL)
    assert (report.bid, report.bid_quantity) == (D("141.27"), D("0.5"))
    assert (report.ask, report.ask_quantity) == (D("141.3"), D("12.5"))
    assert (report.occurred_ns, report.received_ns) == (1_750_000_000_000_123_000, NOW_NS)


def test_an_empty_side_is_price_zero():
    report = parsing.best_price(body(DEPTH, bids=[]), NOW_NS, SYMBOL)
    assert (report.bid, report.bid_quantity, report.ask) == (D(0), D(0), D("141.3"))
    assert parsing.best_price(body(DEPTH, asks=[]), NOW_NS, SYMBOL).ask == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"bids": [["141.27", "1"], ["141.25", "1"]]},
        {"asks": [["141.3", "1"], ["141.3", "1"]]},
        {"asks": [["141.3"]]},
        {"asks": ["141.3"]},
        {"asks": [["141.3", "-1"]]},
        {"asks": None},
        {"bids": {}},
        {"lastUpdateId": None},
        {"timestamp": "1"},
        {"timestamp": 10**17},
    ],
)
def test_a_strange_depth_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        parsing.best_price(body(DEPTH, **changes), NOW_NS, SYMBOL)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(list(own_order())), each, max_size=5),
        max_leaves=12,
    )
)
def test_whatever_comes_is_a_report_or_malformed(data):
    for read in (
        lambda: parsing.order(data, 0),
        lambda: parsing.active_orders(data, 0, SYMBOL),
        lambda: parsing.position(data, 0, SYMBOL),
        lambda: parsing.collateral(data, 0),
        lambda: parsing.best_price(data, 0, SYMBOL),
        lambda: parsing.server_time_ns(data, 0),
    ):
        with contextlib.suppress(MalformedMessage):
            read()


def test_an_error_shows_a_short_piece_of_what_was_read():
    with pytest.raises(MalformedMessage, match="symbol is missing") as caught:
        Fields({"x": "y" * 1000}, "where").text("symbol")
    assert len(caught.value.excerpt) <= 200
