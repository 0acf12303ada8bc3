from decimal import Decimal

import pytest

from exchanges.aster import rest
from exchanges.aster.settings import Auth
from exchanges.errors import (
    ClockRefused,
    ExchangeError,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    ReduceOnlyRefused,
    RequestRefused,
    UnknownOrder,
    WouldCross,
)
from exchanges.values import CancelReason, OrderId, OrderStatus, Side
from exchanges.venue import RequestKind
from tests.exchanges.aster.samples import (
    OUR_TEXT,
    SYMBOL,
    body,
    own_order,
    ref,
    refusal,
    reply,
    request,
    vectors,
)

V3, V1 = Auth.V3, Auth.V1


def raised(call, answer) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        call.read(answer)
    return caught.value


# --- paths, kinds, weights ---

CALLS = {
    "time": rest.server_time,
    "exchangeInfo": rest.exchange_info,
    "bookTicker": lambda auth: rest.best_price(auth, SYMBOL),
    "place": lambda auth: rest.place_order(auth, request()),
    "cancel": lambda auth: rest.cancel_order(auth, ref()),
    "query": lambda auth: rest.query_order(auth, ref()),
    "find": lambda auth: rest.find_order(auth, SYMBOL, OrderId("5")),
    "openOrders": lambda auth: rest.open_orders(auth, SYMBOL),
    "orderTrades": lambda auth: rest.order_trades(auth, SYMBOL, "5"),
    "recentTrades": lambda auth: rest.recent_trades(auth, SYMBOL, after="5", since_ns=0),
    "cancelAll": lambda auth: rest.cancel_all(auth, SYMBOL),
    "countdown": lambda auth: rest.countdown_cancel_all(auth, SYMBOL, 60_000),
    "position": lambda auth: rest.position_risk(auth, SYMBOL),
    "account": rest.account,
    "fees": lambda auth: rest.commission_rate(auth, SYMBOL, None, None),
    "createKey": rest.create_listen_key,
    "renewKey": lambda auth: rest.renew_listen_key(auth, "key"),
}


@pytest.mark.parametrize(
    ("name", "method", "v3", "v1", "weight", "kind"),
    [
        ("time", "GET", "/fapi/v3/time", "/fapi/v1/time", 1, "query"),
        ("exchangeInfo", "GET", "/fapi/v3/exchangeInfo", "/fapi/v1/exchangeInfo", 1, "query"),
        ("bookTicker", "GET", "/fapi/v3/ticker/bookTicker", "/fapi/v1/ticker/bookTicker", 1, "query"),
        ("place", "POST", "/fapi/v3/order", "/fapi/v1/order", 1, "entry"),
        ("cancel", "DELETE", "/fapi/v3/order", "/fapi/v1/order", 1, "cancel"),
        ("query", "GET", "/fapi/v3/order", "/fapi/v1/order", 1, "query"),
        ("find", "GET", "/fapi/v3/order", "/fapi/v1/order", 1, "query"),
        ("openOrders", "GET", "/fapi/v3/openOrders", "/fapi/v1/openOrders", 1, "query"),
        ("orderTrades", "GET", "/fapi/v3/userTrades", "/fapi/v1/userTrades", 5, "query"),
        ("recentTrades", "GET", "/fapi/v3/userTrades", "/fapi/v1/userTrades", 5, "query"),
        ("cancelAll", "DELETE", "/fapi/v3/allOpenOrders", "/fapi/v1/allOpenOrders", 1, "cancel"),
        ("countdown", "POST", "/fapi/v3/countdownCancelAll", "/fapi/v1/countdownCancelAll", 10, "query"),
        ("position", "GET", "/fapi/v3/positionRisk", "/fapi/v2/positionRisk", 5, "query"),
        ("account", "GET", "/fapi/v3/accountWithJoinMargin", "/fapi/v4/account", 5, "query"),
        ("fees", "GET", "/fapi/v3/commissionRate", "/fapi/v1/commissionRate", 20, "query"),
        ("createKey", "POST", "/fapi/v3/listenKey", "/fapi/v1/listenKey", 1, "query"),
        ("renewKey", "PUT", "/fapi/v3/listenKey", "/fapi/v1/listenKey", 1, "query"),
    ],
)
def test_every_call_has_its_route_and_price(name, method, v3, v1, weight, kind):
    for auth, path in ((V3, v3), (V1, v1)):
        made = CALLS[name](auth).request
        assert (made.method, made.path, made.weight, made.kind) == (method, path, weight, kind)
        assert made.signed is (name not in {"time", "exchangeInfo", "bookTicker"})
        assert made.order_weight == (1 if name == "place" else 0)


@pytest.mark.parametrize(
    "vector", ["v3_listen_key_create", "v3_position_risk", "v3_commission_rate", "v3_open_orders_symbol"]
)
def test_calls_are_those_of_the_vectors(vector):
    row = next(each for each in vectors("request_vectors_v3") if each["name"] == vector)
    names = {"listen_key_create": "createKey", "position_risk": "position", "commission_rate": "fees"}
    made = CALLS[names.get(vector[3:], "openOrders")](V3).request
    assert (made.method, made.path) == (row["method"], row["path"])
    assert [list(pair) for pair in made.parameters] == row["params"]


# --- placing ---


def placed(**changes):
    return dict(rest.place_order(V3, request(**changes)).request.parameters)


def test_a_post_only_order():
    made = rest.place_order(V3, request()).request
    assert made.parameters == (
        ("symbol", SYMBOL), ("side", "BUY"), ("type", "LIMIT"), ("timeInForce", "GTX"), ("quantity", "0.002"),
        ("price", "94321.5"), ("newClientOrderId", OUR_TEXT),
    )  # fmt: skip
    assert (made.kind, made.operation) == (RequestKind.ENTRY, "POST order")


def test_an_exit_is_reduce_only_and_spends_the_exits_budget():
    made = rest.place_order(V3, request(side=Side.SELL, reduce_only=True)).request
    assert dict(made.parameters) | {"side": "SELL", "reduceOnly": "true"} == dict(made.parameters)
    assert made.kind is RequestKind.EXIT


def test_an_immediate_order_has_a_worst_price_and_asks_for_its_result():
    made = placed(post_only=False, immediate=True)
    assert (made["type"], made["timeInForce"], made["price"]) == ("LIMIT", "IOC", "94321.5")
    assert made["newOrderRespType"] == "RESULT"


def test_an_order_that_may_take_and_rest():
    made = placed(post_only=False)
    assert made["timeInForce"] == "GTC"
    assert "newOrderRespType" not in made


def test_a_market_order_has_neither_price_nor_force():
    made = placed(post_only=False, price=None)
    assert made == {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.002",
                    "newClientOrderId": OUR_TEXT, "newOrderRespType": "RESULT"}  # fmt: skip


@pytest.mark.parametrize("changes", [{"immediate": True}, {"price": None}])
def test_a_post_only_order_that_cannot_rest_is_no_order(changes):
    with pytest.raises(ValueError, match="post-only"):
        rest.place_order(V3, request(**changes))


@pytest.mark.parametrize(
    ("number", "text"), [("0.00200", "0.002"), ("1E-7", "0.0000001"), ("1E+2", "100"), ("5", "5"), ("10.0", "10")]
)
def test_numbers_go_out_plain(number, text):
    made = placed(quantity=Decimal(number), price=Decimal(number))
    assert (made["quantity"], made["price"]) == (text, text)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, OrderStatus.OPEN, None),
        ({"status": "EXPIRED"}, OrderStatus.EXPIRED, CancelReason.POST_ONLY),
        ({"status": "FILLED", "executedQty": "0.002"}, OrderStatus.FILLED, None),
        ({"status": "REJECTED"}, OrderStatus.REJECTED, None),
        (
            {"status": "EXPIRED", "timeInForce": "IOC", "executedQty": "0.001"},
            OrderStatus.EXPIRED,
            CancelReason.IMMEDIATE,
        ),
    ],
)
def test_the_reply_to_an_order(changes, status, reason):
    report = rest.place_order(V3, request()).read(reply(own_order(**changes)))
    assert (report.status, report.reason) == (status, reason)


@pytest.mark.parametrize(
    "answer",
    [
        reply(body("rest_place_ack")),
        reply(own_order(symbol="ETHUSDT")),
        reply(own_order(status="DONE")),
        reply({}),
        reply([]),
        reply("<html>"),
        reply(b""),
        reply("<html>", 500),
        reply("<html>", 403),
        reply("", 429),
        refusal(-1007, status=503),
        refusal(-2010, status=503),
        refusal(-1000),
        refusal(-1001),
        refusal(-1006, status=200),
    ],
)
def test_an_order_whose_answer_says_nothing_definite_is_unknown(answer):
    assert type(raised(rest.place_order(V3, request()), answer)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-2010, "NEW_ORDER_REJECTED", WouldCross),
        (-5022, "Due to the order could not be executed as maker", WouldCross),
        (-2010, "Duplicate order sent.", RequestRefused),
        (-2019, "Margin is insufficient.", InsufficientMargin),
        (-2022, "ReduceOnly Order is rejected.", ReduceOnlyRefused),
        (-4225, "Nonce Expired", ClockRefused),
    ],
)
def test_a_refused_post_only_order(code, text, kind):
    error = raised(rest.place_order(V3, request()), refusal(code, text))
    assert type(error) is kind
    assert error.code == str(code)


def test_a_refused_order_that_may_take_did_not_cross():
    order = request(post_only=False, immediate=True)
    assert type(raised(rest.place_order(V3, order), refusal(-2010, "NEW_ORDER_REJECTED"))) is RequestRefused


# --- naming orders ---


@pytest.mark.parametrize("make", [rest.cancel_order, rest.query_order])
def test_orders_are_named_by_the_venues_id_where_it_is_known(make):
    assert make(V3, ref()).request.parameters == (("symbol", SYMBOL), ("origClientOrderId", OUR_TEXT))
    assert make(V3, ref(order_id=OrderId("5"))).request.parameters == (("symbol", SYMBOL), ("orderId", "5"))


@pytest.mark.parametrize("status", ["CANCELED", "FILLED", "EXPIRED", "NEW"])
def test_a_cancel_says_what_became_of_the_order(status):
    filled = "0.002" if status == "FILLED" else "0"
    report = rest.cancel_order(V3, ref()).read(reply(own_order(status=status, executedQty=filled)))
    assert report.status.name == {"NEW": "OPEN"}.get(status, status)


def test_a_cancel_of_an_order_that_is_not_open():
    assert type(raised(rest.cancel_order(V3, ref()), refusal(-2011, "Unknown order sent."))) is UnknownOrder


def test_a_query_of_an_order_nobody_knows():
    assert type(raised(rest.query_order(V3, ref()), refusal(-2013, "Order does not exist."))) is UnknownOrder


def test_a_query_that_cannot_be_read_is_malformed_not_absent():
    assert type(raised(rest.query_order(V3, ref()), reply({}))) is MalformedMessage
    assert type(raised(rest.query_order(V3, ref()), reply(body("rest_place_ack")))) is MalformedMessage
    assert type(raised(rest.query_order(V3, ref()), reply("x", 500))) is OutcomeUnknown


def test_a_query_reads_the_order():
    assert rest.query_order(V3, ref()).read(reply(own_order())).status is OrderStatus.OPEN


def test_an_order_is_found_by_the_venues_id_whosever_it_is():
    call = rest.find_order(V3, SYMBOL, OrderId(str(own_order()["orderId"])))
    assert call.read(reply(own_order())).client_order_id == ref().client_order_id
    assert call.read(reply(own_order(clientOrderId="web_1"))).client_order_id is None


def test_an_answer_about_another_order_finds_nothing():
    other = rest.find_order(V3, SYMBOL, OrderId("6"))
    assert type(raised(other, reply(own_order()))) is MalformedMessage
    assert type(raised(other, refusal(-2013, "Order does not exist."))) is UnknownOrder


# --- lists ---


def test_open_orders_of_a_market():
    call = rest.open_orders(V3, SYMBOL)
    assert len(call.read(reply([own_order()])).orders) == 1
    assert call.read(reply([])).orders == ()
    assert type(raised(call, reply({}))) is MalformedMessage


def test_trades_of_one_order_leave_others_out():
    call = rest.order_trades(V3, SYMBOL, "40000000123")
    assert call.request.parameters == (("symbol", SYMBOL), ("orderId", "40000000123"), ("limit", "1000"))
    rows = body("rest_user_trade") + body("rest_user_trade", orderId=7, id=8)
    assert [fill.trade_id for fill in call.read(reply(rows))] == ["9000001"]


def test_recent_trades_start_after_an_id_or_at_a_time():
    after = rest.recent_trades(V3, SYMBOL, after="900", since_ns=5_000_000_000)
    since = rest.recent_trades(V3, SYMBOL, after=None, since_ns=5_000_999_999)
    assert after.request.parameters[1] == ("fromId", "901")
    assert since.request.parameters[1] == ("startTime", "5000")
    assert len(since.read(reply(body("rest_user_trade")))) == 1


# --- the rest ---


def test_public_readings():
    assert rest.server_time(V3).read(reply({"serverTime": 5})) == 5_000_000
    quote = {"symbol": SYMBOL, "bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1", "time": 1}
    assert rest.best_price(V3, SYMBOL).read(reply(quote)).ask == 2
    info = {"symbols": [vectors("payload_fixtures")["exchange_info_btc"]["symbol"]]}
    assert set(rest.exchange_info(V3).read(reply(info))) == {SYMBOL}


def test_account_readings():
    assert rest.position_risk(V3, SYMBOL).read(reply(body("rest_position_risk_flat"))).quantity == 0
    totals = {"totalMarginBalance": "5", "availableBalance": "4"}
    assert rest.account(V3).read(reply(totals)).equity == 5


@pytest.mark.parametrize(
    ("maker", "taker", "rates"),
    [
        (None, None, ("0.0002", "0.0004")),
        (Decimal(0), None, ("0", "0.0004")),
        (None, Decimal("0.001"), ("0.0002", "0.001")),
    ],
)
def test_fees_of_the_settings_stand_in_place_of_the_venues(maker, taker, rates):
    answer = {"symbol": SYMBOL, "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0004"}
    found = rest.commission_rate(V3, SYMBOL, maker, taker).read(reply(answer))
    assert (found.maker, found.taker) == (Decimal(rates[0]), Decimal(rates[1]))


def test_a_listen_key_is_created_and_renewed():
    assert rest.create_listen_key(V3).read(reply(body("rest_listen_key"))) == body("rest_listen_key")["listenKey"]
    assert rest.renew_listen_key(V3, "key").read(reply({})) == "key"
    error = raised(rest.renew_listen_key(V3, "key"), refusal(-1125, "This listenKey does not exist."))
    assert (type(error), error.code) == (RequestRefused, "-1125")
    assert type(raised(rest.renew_listen_key(V3, "key"), reply([]))) is OutcomeUnknown


def test_cancel_all_and_countdown_are_confirmed():
    assert rest.cancel_all(V3, SYMBOL).read(reply(body("rest_cancel_all"))) is None
    assert type(raised(rest.cancel_all(V3, SYMBOL), reply({"code": 7}))) is OutcomeUnknown
    countdown = rest.countdown_cancel_all(V3, SYMBOL, 60_000)
    assert countdown.request.parameters == (("symbol", SYMBOL), ("countdownTime", "60000"))
    assert countdown.read(reply(body("rest_countdown"))) is None
    assert type(raised(countdown, reply({}))) is OutcomeUnknown
