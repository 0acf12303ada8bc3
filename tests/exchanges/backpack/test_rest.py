"""Requests, and how their answers are read."""

import json
from decimal import Decimal

import pytest

from exchanges.backpack import rest
from exchanges.errors import (
    AuthenticationRefused,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    ReduceOnlyRefused,
    RequestRefused,
    UnknownOrder,
    WouldCross,
)
from exchanges.values import CancelReason, OrderStatus, PriceSource, Side
from exchanges.venue import RequestKind
from tests.exchanges.backpack.samples import (
    NOT_FOUND,
    NOW_NS,
    ORDER_ID,
    OUR_ID,
    SYMBOL,
    body,
    order_request,
    own_order,
    ref,
    refusal,
    reply,
)

D = Decimal
FILLS = "GET /wapi/v1/history/fills"


def sent(call):
    """The JSON body of a call; the signed pairs have to say the same."""
    data = json.loads(call.request.body)
    spelled = {key: json.dumps(value) if isinstance(value, bool | int) else value for key, value in data.items()}
    assert dict(call.request.parameters) == spelled
    return data


def test_a_post_only_entry():
    call = rest.place_order(order_request())
    assert sent(call) == {
        "symbol": SYMBOL,
        "side": "Bid",
        "orderType": "Limit",
        "price": "141.25",
        "quantity": "0.5",
        "timeInForce": "GTC",
        "postOnly": True,
        "clientId": int(OUR_ID),
    }
    request = call.request
    assert (request.method, request.path, request.kind) == ("POST", "/api/v1/order", RequestKind.ENTRY)
    assert (request.signed, request.weight, request.history_weight) == (True, 1, 0)
    assert type(json.loads(request.body)["clientId"]) is int


@pytest.mark.parametrize(
    ("changes", "fields", "kind"),
    [
        ({"side": Side.SELL, "reduce_only": True}, {"side": "Ask", "reduceOnly": True}, RequestKind.EXIT),
        ({"post_only": False, "immediate": True}, {"timeInForce": "IOC"}, RequestKind.ENTRY),
        ({"post_only": False}, {"timeInForce": "GTC"}, RequestKind.ENTRY),
        ({"quantity": D("1E+2")}, {"quantity": "100"}, RequestKind.ENTRY),
    ],
)
def test_other_orders(changes, fields, kind):
    call = rest.place_order(order_request(**changes))
    data = sent(call)
    assert {key: data[key] for key in fields} == fields
    assert call.request.kind is kind
    assert ("postOnly" in data) is changes.get("post_only", True)
    assert False not in data.values()


def test_a_market_order_has_neither_price_nor_time_in_force():
    data = sent(rest.place_order(order_request(price=None, post_only=False, reduce_only=True)))
    assert (data["orderType"], data["quantity"], data["reduceOnly"]) == ("Market", "0.5", True)
    assert not {"price", "timeInForce", "postOnly"} & set(data)


@pytest.mark.parametrize("changes", [{"immediate": True}, {"price": None}, {"client_order_id": 1 << 32}])
def test_an_order_that_cannot_be_is_not_built(changes):
    with pytest.raises(ValueError, match=r"post-only|32 bits"):
        rest.place_order(order_request(**changes))


def test_the_reply_is_the_state_of_the_order():
    report = rest.place_order(order_request()).read(reply(own_order()))
    assert (report.status, report.client_order_id, report.received_ns) == (OrderStatus.OPEN, OUR_ID, NOW_NS)


def test_a_post_only_order_that_expired_at_once_would_have_crossed():
    report = rest.place_order(order_request()).read(reply(own_order(status="Expired")))
    assert (report.status, report.reason) == (OrderStatus.EXPIRED, CancelReason.POST_ONLY)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("INVALID_ORDER", "Order would immediately match and take liquidity."), WouldCross),
        (refusal("INVALID_ORDER", "Reduce only order not reduced"), ReduceOnlyRefused),
        (refusal("INSUFFICIENT_MARGIN"), InsufficientMargin),
        (refusal("FORBIDDEN", "", 403), AuthenticationRefused),
        (refusal("RESOURCE_NOT_FOUND", "", 404), RequestRefused),
        (refusal("SERVER_ERROR", "Unknown error, please check your request or try again later.", 503), OutcomeUnknown),
        (reply("Failed to parse", 400), OutcomeUnknown),
        (reply({}), OutcomeUnknown),
        (reply(""), OutcomeUnknown),
        (reply(own_order(clientId=5)), OutcomeUnknown),
        (reply(own_order(symbol="BTC_USDC_PERP")), OutcomeUnknown),
        (reply([own_order()]), OutcomeUnknown),
    ],
)
def test_what_a_refused_or_unreadable_order_is(answer, kind):
    with pytest.raises(kind) as caught:
        rest.place_order(order_request()).read(answer)
    assert type(caught.value) is kind


def test_a_cancel_names_the_order_once():
    assert sent(rest.cancel_order(ref())) == {"symbol": SYMBOL, "clientId": int(OUR_ID)}
    call = rest.cancel_order(ref(order_id=ORDER_ID))
    assert sent(call) == {"symbol": SYMBOL, "orderId": ORDER_ID}
    assert (call.request.method, call.request.kind) == ("DELETE", RequestKind.CANCEL)


def test_a_canceled_order_tells_its_last_total():
    report = rest.cancel_order(ref()).read(reply(own_order(status="Cancelled", executedQuantity="0.2")))
    assert (report.status, report.filled, report.reason) == (OrderStatus.CANCELED, D("0.2"), CancelReason.REQUESTED)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(NOT_FOUND, 404), UnknownOrder),
        (reply(NOT_FOUND, 400), UnknownOrder),
        (refusal("INVALID_CLIENT_REQUEST", "Order not found"), UnknownOrder),
        (refusal("INVALID_CLIENT_REQUEST", "Order id or client id must be specified"), RequestRefused),
        (reply("not found", 404), OutcomeUnknown),
        (reply("", 202), OutcomeUnknown),
        (reply({}), OutcomeUnknown),
    ],
)
def test_what_a_cancel_that_did_not_cancel_is(answer, kind):
    with pytest.raises(kind) as caught:
        rest.cancel_order(ref()).read(answer)
    assert type(caught.value) is kind


def test_canceling_everything_gives_the_canceled_orders():
    call = rest.cancel_all(SYMBOL)
    assert (sent(call), call.request.path) == ({"symbol": SYMBOL}, "/api/v1/orders")
    assert call.read(reply([])).orders == ()
    assert call.read(reply([own_order(status="Cancelled")])).orders[0].status is OrderStatus.CANCELED


def test_open_orders():
    call = rest.open_orders(SYMBOL)
    assert dict(call.request.parameters) == {"symbol": SYMBOL}
    assert call.read(reply([own_order()])).orders[0].client_order_id == OUR_ID
    with pytest.raises(MalformedMessage):
        call.read(reply({}))
    with pytest.raises(OutcomeUnknown):
        call.read(refusal("SERVER_ERROR", "", 503))


# --- public ---


def test_public_questions_are_not_signed():
    for call in (rest.server_time(), rest.all_markets(), rest.best_price(SYMBOL)):
        assert (call.request.signed, call.request.method) == (False, "GET")


def test_the_price_is_asked_for_with_a_limit():
    call = rest.best_price(SYMBOL)
    assert dict(call.request.parameters) == {"symbol": SYMBOL, "limit": "5"}
    price = call.read(reply(body("GET /api/v1/depth")))
    assert (price.symbol, price.bid, price.source) == (SYMBOL, D("141.27"), PriceSource.REST)
    with pytest.raises(RequestRefused):
        call.read(reply(NOT_FOUND, 404))


def test_the_clock_and_the_markets():
    assert rest.server_time().read(reply("1750000000000")) == 1_750_000_000_000_000_000
    call = rest.all_markets()
    assert dict(call.request.parameters) == {"marketType": "PERP"}
    assert list(call.read(reply(body("GET /api/v1/markets")))) == [SYMBOL]


# --- history ---


def test_fills_of_an_order():
    call = rest.order_fills(SYMBOL, ORDER_ID)
    assert dict(call.request.parameters) == {
        "symbol": SYMBOL,
        "orderId": ORDER_ID,
        "limit": "1000",
        "sortDirection": "Asc",
    }
    assert (call.request.weight, call.request.history_weight) == (0, 1)
    rows = [*body(FILLS), body(FILLS, orderId="5", tradeId=1)[0]]
    assert [fill.trade_id for fill in call.read(reply(rows))] == ["88000001", "88000007"]


def test_recent_fills_begin_a_little_before_the_time():
    call = rest.recent_fills(SYMBOL, 1_750_000_000_000_000_000)
    assert dict(call.request.parameters) == {
        "symbol": SYMBOL,
        "from": "1749999995000",
        "limit": "1000",
        "sortDirection": "Asc",
        "fillType": "User",
    }
    assert dict(rest.recent_fills(SYMBOL, 0).request.parameters)["from"] == "0"
    assert len(call.read(reply(body(FILLS)))) == 2


# --- account ---


def test_the_position_is_picked_out_of_all():
    call = rest.position(SYMBOL)
    assert (call.request.path, call.request.parameters) == ("/api/v1/position", ())
    assert call.read(reply(body("GET /api/v1/position"))).quantity == D("0.5")
    for answer in (reply([]), reply(NOT_FOUND, 404)):
        flat = call.read(answer)
        assert (flat.symbol, flat.quantity, flat.received_ns) == (SYMBOL, D(0), NOW_NS)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply("not found", 404), OutcomeUnknown),
        (refusal("UNAUTHORIZED", "", 401), AuthenticationRefused),
        (reply({}), MalformedMessage),
        (reply(""), MalformedMessage),
        (refusal("SERVER_ERROR", "", 500), OutcomeUnknown),
    ],
)
def test_a_position_that_cannot_be_read_is_never_flat(answer, kind):
    with pytest.raises(kind):
        rest.position(SYMBOL).read(answer)


def test_totals_of_the_account():
    assert rest.collateral().read(reply(body("GET /api/v1/capital/collateral"))).equity == D(1000)


def test_fees_are_the_accounts_or_the_settings():
    answer = reply(body("GET /api/v1/account", futuresMakerFee="-0.5"))
    rates = rest.fee_rates(None, None).read(answer)
    assert (rates.maker, rates.taker) == (D("-0.00005"), D("0.0005"))
    rates = rest.fee_rates(D("0.001"), None).read(answer)
    assert (rates.maker, rates.taker) == (D("0.001"), D("0.0005"))
    assert rest.fee_rates(None, D(0)).read(answer).taker == 0
    with pytest.raises(MalformedMessage):
        rest.fee_rates(None, None).read(reply({}))
