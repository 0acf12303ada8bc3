from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.aster import parsing
from exchanges.aster.parsing import Fields, cancel_reason, read_client_order_id, spell_client_order_id
from exchanges.errors import MalformedMessage
from exchanges.values import CancelReason, ClientOrderId, OrderStatus, RejectReason, Side
from tests.exchanges.aster.samples import NOW_NS, OUR_ID, OUR_TEXT, SYMBOL, body, own_order

IDS = st.integers(0, 2**32 - 1)


def changed(data, **changes):
    """The data with keys replaced, or removed where the new value is `...`."""
    return {key: value for key, value in {**data, **changes}.items() if value is not ...}


# --- client order ids ---


@given(IDS)
def test_client_order_ids_are_read_back(number):
    text = spell_client_order_id(ClientOrderId(number))
    assert read_client_order_id(text) == number
    assert text.isascii()
    assert text.isalnum()
    assert len(text) == 9


@given(IDS, IDS)
def test_client_order_ids_are_distinct(one, other):
    assert (spell_client_order_id(ClientOrderId(one)) == spell_client_order_id(ClientOrderId(other))) is (one == other)


@pytest.mark.parametrize("number", [-1, 2**32])
def test_client_order_ids_beyond_32_bits_are_refused(number):
    with pytest.raises(ValueError, match="32 bits"):
        spell_client_order_id(ClientOrderId(number))


@pytest.mark.parametrize(
    "text",
    [None, 5, "", "g", "g0000000", "g000000000", "G00000000", "g0000000A", "g0000000g", " g00000000", "g00000000\n",
     "x00000000", "g-0000001", "g+0000001", "g0000_001", "g" + "\u0661" * 8, "grid-7f3a-B-0001", "autoclose-1"],
)  # fmt: skip
def test_client_order_ids_of_others_are_foreign(text):
    assert read_client_order_id(text) is None


@given(st.text(max_size=12))
def test_client_order_id_reading_is_strict(text):
    found = read_client_order_id(text)
    assert found is None or spell_client_order_id(found) == text


# --- fields ---


@pytest.mark.parametrize(
    ("value", "number"),
    [("0.0100", "0.01"), ("-5", "-5"), ("+5", "5"), ("1e-7", "0.0000001"), ("1E+2", "100"), (5, "5"),
     (Decimal("1.50"), "1.5"), ("0" * 40, "0")],
)  # fmt: skip
def test_numbers_are_read_exactly(value, number):
    assert Fields({"x": value}, "test").number("x") == Decimal(number)


@pytest.mark.parametrize(
    "value",
    ["", " 5", "5 ", "5\n", "NaN", "Infinity", "-Infinity", "1_000", "\u0665", "0x10", "1e1000", "1" * 41, ".5", "5.",
     "--5", None, True, False, [], {}, Decimal("NaN"), Decimal("Infinity"), 0.5],
)  # fmt: skip
def test_what_is_no_number_is_malformed(value):
    with pytest.raises(MalformedMessage, match="x is not a number"):
        Fields({"x": value}, "test").number("x")


@pytest.mark.parametrize(
    ("reader", "good", "bad"),
    [
        ("text", ["", "a"], [None, 5, True, [], {}]),
        ("amount", ["0", 5, "1.5"], ["-1", -1, "x", None]),
        ("whole", [0, -5, 10**30], ["5", 5.0, True, None, Decimal(5)]),
        ("flag", [True, False], ["true", 0, 1, None]),
        ("time_ns", [0, 1_700_000_000_000], [-1, 10**14, "5", 1.5, True]),
        ("identifier", [5, "5", 10**29, "4" * 30], [0, -1, "", "x", "-5", "\u0665", True, None, 5.0]),
        ("items", [[], [1]], [None, {}, "x", 5]),
        ("side", ["BUY", "SELL"], ["buy", "", 5, None]),
        ("status", ["NEW", "NEW_ADL"], ["CANCELLED", "new", "", 5, None]),
        ("get", [None, 5], []),
    ],
)
def test_readers_of_fields_are_strict(reader, good, bad):
    for value in good:
        getattr(Fields({"x": value}, "test"), reader)("x")
    for value in bad:
        with pytest.raises(MalformedMessage):
            getattr(Fields({"x": value}, "test"), reader)("x")
    with pytest.raises(MalformedMessage, match="x is missing"):
        getattr(Fields({}, "test"), reader)("x")


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_fields_of_what_is_no_object_are_malformed(data):
    with pytest.raises(MalformedMessage, match="an object was expected"):
        Fields(data, "test")


def test_has_is_false_for_null():
    assert not Fields({"x": None}, "test").has("x")
    assert Fields({"x": 0}, "test").has("x")


def test_a_time_in_force_must_be_known_for_our_orders_only():
    data = {"f": "GTD", "c": "manual"}
    assert Fields(data, "test").time_in_force("f", "c") == "GTD"
    with pytest.raises(MalformedMessage, match="not a time in force"):
        Fields({**data, "c": OUR_TEXT}, "test").time_in_force("f", "c")


def test_an_excerpt_is_short():
    with pytest.raises(MalformedMessage) as caught:
        Fields({"x": "y" * 9000}, "test").number("x")
    assert len(caught.value.excerpt) <= 200


# --- orders ---


def test_an_acknowledged_order_is_open():
    report = parsing.order(own_order(), NOW_NS)
    assert report.status is OrderStatus.OPEN
    assert (report.client_order_id, report.order_id, report.symbol) == (OUR_ID, "40000000123", SYMBOL)
    assert (report.side, report.price, report.quantity) == (Side.BUY, Decimal("94321.5"), Decimal("0.002"))
    assert (report.filled, report.average_price, report.reason, report.reject_reason) == (0, None, None, None)
    assert (report.occurred_ns, report.received_ns) == (1_700_000_000_005_000_000, NOW_NS)
    assert report.reduce_only is False


def test_a_partly_filled_order_has_its_average_price():
    report = parsing.order(body("rest_query_partial"), NOW_NS)
    assert (report.status, report.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.001"))
    assert report.average_price == Decimal("94321.5")
    assert report.client_order_id is None


def test_an_order_without_average_price_is_read():
    assert parsing.order(changed(own_order(), avgPrice=...), NOW_NS).average_price is None


@pytest.mark.parametrize(
    ("status", "force", "filled", "kind", "reason"),
    [
        ("EXPIRED", "GTX", "0", "LIMIT", CancelReason.POST_ONLY),
        ("EXPIRED", "GTX", "0.000", "LIMIT", CancelReason.POST_ONLY),
        ("EXPIRED", "GTX", "0.001", "LIMIT", CancelReason.OTHER),
        ("EXPIRED", "IOC", "0", "LIMIT", CancelReason.IMMEDIATE),
        ("EXPIRED", "FOK", "0", "LIMIT", CancelReason.IMMEDIATE),
        ("EXPIRED", "GTC", "0.001", "MARKET", CancelReason.IMMEDIATE),
        ("EXPIRED", "GTC", "0", "LIMIT", CancelReason.EXPIRED),
        ("CANCELED", "GTX", "0", "LIMIT", CancelReason.REQUESTED),
        ("CANCELED", "GTX", "0.001", "LIMIT", CancelReason.REQUESTED),
        ("FILLED", "GTX", "0.002", "LIMIT", None),
        ("NEW", "GTX", "0", "LIMIT", None),
        ("REJECTED", "GTX", "0", "LIMIT", None),
    ],
)
def test_the_reason_of_an_end_follows_from_status_force_and_fills(status, force, filled, kind, reason):
    report = parsing.order(own_order(status=status, timeInForce=force, executedQty=filled, type=kind), NOW_NS)
    assert report.reason is reason
    assert report.reject_reason is (RejectReason.OTHER if status == "REJECTED" else None)


@pytest.mark.parametrize("spelled", ["autoclose-123", "adl_autoclose"])
def test_an_order_of_the_venue_ended_by_liquidation(spelled):
    assert cancel_reason(OrderStatus.EXPIRED, "IOC", Decimal(0), spelled) is CancelReason.LIQUIDATION


@pytest.mark.parametrize("key", ["orderId", "symbol", "status", "clientOrderId", "price", "origQty", "executedQty",
                                 "timeInForce", "reduceOnly", "side", "updateTime"])  # fmt: skip
def test_an_order_that_lacks_a_key_is_malformed(key):
    with pytest.raises(MalformedMessage, match=f"{key} is missing"):
        parsing.order(changed(own_order(), **{key: ...}), NOW_NS)


@pytest.mark.parametrize(
    "changes",
    [{"status": "DONE"}, {"side": "LONG"}, {"executedQty": "0.003"}, {"executedQty": "-1"}, {"price": "NaN"},
     {"origQty": None}, {"updateTime": "1"}, {"reduceOnly": "false"}, {"timeInForce": "GTD"}, {"orderId": 0}],
)  # fmt: skip
def test_an_order_that_makes_no_sense_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        parsing.order(own_order(**changes), NOW_NS)


def test_a_close_all_order_of_somebody_else_may_fill_beyond_its_quantity_of_zero():
    assert parsing.order(own_order(origQty="0", executedQty="1", clientOrderId="web"), NOW_NS).filled == 1


# --- lists ---


def test_active_orders_hold_foreign_ones_too():
    report = parsing.active_orders([own_order(), body("rest_place_ack")], NOW_NS, SYMBOL)
    assert [order.client_order_id for order in report.orders] == [OUR_ID, None]
    assert (report.symbol, report.received_ns) == (SYMBOL, NOW_NS)


def test_no_active_orders_is_an_empty_tuple():
    assert parsing.active_orders([], NOW_NS, SYMBOL).orders == ()


@pytest.mark.parametrize("data", [None, {}, "", 5, [5], [{}], {"code": 200}])
def test_a_list_that_cannot_be_read_is_never_empty(data):
    with pytest.raises(MalformedMessage):
        parsing.active_orders(data, NOW_NS, SYMBOL)


def test_an_order_of_another_market_in_the_list_is_malformed():
    with pytest.raises(MalformedMessage, match="an order of BTCUSDT in the list of ETHUSDT"):
        parsing.active_orders([own_order()], NOW_NS, "ETHUSDT")


@pytest.mark.parametrize("commission", ["0.00943215", "-0.00943215"])
def test_a_trade_costs_its_commission_whatever_its_sign(commission):
    (fill,) = parsing.user_trades(body("rest_user_trade", commission=commission), NOW_NS)
    assert (fill.fee, fill.fee_asset) == (Decimal("0.00943215"), "USDT")
    assert (fill.trade_id, fill.order_id, fill.client_order_id) == ("9000001", "40000000123", None)
    assert (fill.price, fill.quantity, fill.side) == (Decimal("94321.5"), Decimal("0.001"), Side.BUY)
    assert (fill.is_maker, fill.cumulative, fill.occurred_ns) == (True, None, 1_700_000_000_900_000_000)


def test_a_trade_without_commission_is_free():
    (row,) = body("rest_user_trade")
    (fill,) = parsing.user_trades([changed(row, commission=..., commissionAsset=...)], NOW_NS)
    assert (fill.fee, fill.fee_asset) == (0, "")


@pytest.mark.parametrize("changes", [{"price": "0"}, {"qty": "0"}, {"qty": "-1"}, {"id": -1}, {"maker": None}])
def test_a_trade_that_makes_no_sense_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        parsing.user_trades(body("rest_user_trade", **changes), NOW_NS)


# --- account ---


def position_rows(**changes):
    return body("rest_position_risk_flat", **changes)


def test_a_flat_position_is_read():
    report = parsing.position(position_rows(), NOW_NS, SYMBOL)
    assert (report.quantity, report.entry_price, report.liquidation_price) == (0, 0, None)
    assert (report.leverage, report.isolated, report.occurred_ns) == (10, False, 0)


def test_a_short_position_is_negative():
    rows = position_rows(positionAmt="-0.5", liquidationPrice="99000", marginType="isolated", leverage="5")
    report = parsing.position(rows, NOW_NS, SYMBOL)
    assert (report.quantity, report.liquidation_price) == (Decimal("-0.5"), 99000)
    assert (report.isolated, report.leverage) == (True, 5)


@pytest.mark.parametrize("rows", [[], position_rows(symbol="ETHUSDT", positionAmt="3")])
def test_a_missing_row_is_flat(rows):
    report = parsing.position(rows, NOW_NS, SYMBOL)
    assert (report.quantity, report.leverage, report.isolated, report.occurred_ns) == (0, None, None, 0)


@pytest.mark.parametrize(
    "data",
    [None, {}, [5], position_rows(positionAmt=""), position_rows(marginType="odd"), position_rows(symbol=None),
     position_rows(positionSide="LONG", positionAmt="1")],
)  # fmt: skip
def test_a_position_that_cannot_be_read_is_never_flat(data):
    with pytest.raises(MalformedMessage):
        parsing.position(data, NOW_NS, SYMBOL)


def test_empty_rows_of_hedge_mode_are_passed_over():
    rows = position_rows(positionSide="LONG") + position_rows(positionSide="SHORT")
    assert parsing.position(rows, NOW_NS, SYMBOL).quantity == 0


def test_account_totals():
    report = parsing.account({"totalMarginBalance": "-5.5", "availableBalance": "3", "assets": []}, NOW_NS)
    assert (report.equity, report.available, report.received_ns) == (Decimal("-5.5"), 3, NOW_NS)
    with pytest.raises(MalformedMessage):
        parsing.account({"totalMarginBalance": "1"}, NOW_NS)


def test_fee_rates_may_be_rebates():
    rates = parsing.fee_rates({"makerCommissionRate": "-0.0001", "takerCommissionRate": "0.0004"}, NOW_NS)
    assert (rates.maker, rates.taker) == (Decimal("-0.0001"), Decimal("0.0004"))


def test_server_time_is_in_nanoseconds():
    assert parsing.server_time_ns({"serverTime": 1_700_000_000_000}, NOW_NS) == 1_700_000_000_000_000_000
    with pytest.raises(MalformedMessage):
        parsing.server_time_ns({"serverTime": "1700000000000"}, NOW_NS)


def test_best_price_by_rest():
    quote = {"symbol": SYMBOL, "bidPrice": "1.5", "bidQty": "2", "askPrice": "1.6", "askQty": "3", "time": 5}
    report = parsing.best_price(quote, NOW_NS, SYMBOL)
    assert (report.bid, report.bid_quantity, report.ask, report.ask_quantity) == (Decimal("1.5"), 2, Decimal("1.6"), 3)
    assert (report.source, report.occurred_ns) == ("rest", 5_000_000)
    with pytest.raises(MalformedMessage, match="the quote of another market than ETHUSDT"):
        parsing.best_price(quote, NOW_NS, "ETHUSDT")


def test_listen_key_is_letters_and_digits_only():
    assert parsing.listen_key({"listenKey": "aB9"}, NOW_NS) == "aB9"


@pytest.mark.parametrize("key", ["", "a/b", "a b", "a?b", "é", 5, None])
def test_listen_key_of_other_characters_is_malformed_and_not_shown(key):
    with pytest.raises(MalformedMessage) as caught:
        parsing.listen_key({"listenKey": key}, NOW_NS)
    assert not key or str(key) not in caught.value.excerpt


@pytest.mark.parametrize(
    ("data", "is_good"),
    [
        ({"code": 200}, True),
        ({"code": "200"}, True),
        ({"code": 0}, True),
        ({}, True),
        ({"code": 5}, False),
        ([], False),
    ],
)
def test_confirmations(data, is_good):
    assert parsing.is_confirmation(data) is is_good
