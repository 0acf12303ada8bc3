"""What became of one order: three witnesses."""

from typing import Any

import pytest

from exchanges.backpack import lookup
from exchanges.errors import (
    AuthenticationRefused,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UnknownOrder,
)
from exchanges.reports import OrderReport
from exchanges.values import OrderRef, OrderStatus
from exchanges.venue import Call, Undecided
from tests.exchanges.backpack.samples import (
    NOT_FOUND,
    ORDER_ID,
    OUR_ID,
    SYMBOL,
    body,
    history_order,
    own_order,
    ref,
    refusal,
    reply,
)

FILLS = "GET /wapi/v1/history/fills"
CREATED_NS = 1_750_000_000_120_000_000


def further(call: Call[OrderReport], answer: Any) -> Call[OrderReport]:
    """Give an answer that decides nothing; return the next question."""
    with pytest.raises(Undecided) as caught:
        call.read(answer)
    return caught.value.further


def in_history(order_ref: OrderRef) -> Call[OrderReport]:
    return further(lookup.query_order(order_ref), reply(NOT_FOUND, 404))


def others(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [history_order(clientId=number + 1, id=str(100 + number), **changes) for number in range(count)]


def test_a_resting_order_is_known_at_once():
    call = lookup.query_order(ref())
    assert (call.request.method, call.request.path) == ("GET", "/api/v1/order")
    assert dict(call.request.parameters) == {"symbol": SYMBOL, "clientId": str(OUR_ID)}
    assert (call.request.weight, call.request.history_weight, call.request.signed) == (1, 0, True)
    assert call.read(reply(own_order())).status is OrderStatus.OPEN


def test_an_order_is_named_by_the_venues_id_where_that_is_known():
    call = lookup.query_order(ref(order_id=ORDER_ID))
    assert dict(call.request.parameters) == {"symbol": SYMBOL, "orderId": ORDER_ID}


@pytest.mark.parametrize("changes", [{"clientId": 5}, {"symbol": "BTC_USDC_PERP"}, {"clientId": None}])
def test_an_answer_about_another_order_proves_nothing(changes):
    with pytest.raises(MalformedMessage, match="another order"):
        lookup.query_order(ref()).read(reply(own_order(**changes)))


@pytest.mark.parametrize(
    "answer",
    [
        reply(NOT_FOUND, 404),
        reply(NOT_FOUND, 400),
        refusal("INVALID_CLIENT_REQUEST", "Order not found"),
        refusal("RESOURCE_NOT_FOUND", "order not found", 404),
    ],
)
def test_an_order_that_does_not_rest_is_looked_for_in_history(answer):
    call = further(lookup.query_order(ref()), answer)
    assert call.request.path == "/wapi/v1/history/orders"
    assert dict(call.request.parameters) == {"symbol": SYMBOL, "limit": "100", "sortDirection": "Desc"}
    assert (call.request.weight, call.request.history_weight) == (0, 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("UNAUTHORIZED", "", 401), AuthenticationRefused),
        (refusal("TOO_MANY_REQUESTS", "", 429), RateLimited),
        (refusal("INVALID_CLIENT_REQUEST", "Order id or client id must be specified"), RequestRefused),
        (reply("not found", 404), OutcomeUnknown),
        (reply("<html>", 502), OutcomeUnknown),
        (reply({}), MalformedMessage),
    ],
)
def test_other_answers_are_errors_and_never_an_absence(answer, kind):
    with pytest.raises(kind) as caught:
        lookup.query_order(ref()).read(answer)
    assert type(caught.value) is kind


def test_history_says_how_an_order_ended():
    rows = [*others(3), history_order(status="Filled", executedQuantity="0.5", executedQuoteQuantity="70.625")]
    report = in_history(ref()).read(reply(rows))
    assert (report.status, report.client_order_id, report.order_id) == (OrderStatus.FILLED, OUR_ID, ORDER_ID)


def test_history_is_asked_by_the_venues_id_where_that_is_known():
    call = in_history(ref(order_id=ORDER_ID))
    assert dict(call.request.parameters)["orderId"] == ORDER_ID
    assert call.read(reply([history_order()])).status is OrderStatus.CANCELED


@pytest.mark.parametrize("status", ["New", "PartiallyFilled"])
def test_history_that_still_has_it_open_trails_the_engine(status):
    with pytest.raises(OutcomeUnknown, match="history trails"):
        in_history(ref()).read(reply([history_order(status=status)]))


@pytest.mark.parametrize("changes", [{"symbol": "BTC_USDC_PERP"}, {"id": "5"}])
def test_a_row_that_contradicts_what_is_known_is_malformed(changes):
    with pytest.raises(MalformedMessage, match="another there"):
        in_history(ref(order_id=ORDER_ID)).read(reply([history_order(**changes)]))


def test_an_order_in_none_of_the_three_is_unknown():
    fills = further(in_history(ref()), reply(others(99)))
    assert fills.request.path == "/wapi/v1/history/fills"
    assert dict(fills.request.parameters) == {"symbol": SYMBOL, "limit": "1000", "sortDirection": "Desc"}
    assert fills.request.history_weight == 1
    with pytest.raises(UnknownOrder):
        fills.read(reply(body(FILLS)))
    with pytest.raises(UnknownOrder):
        fills.read(reply([]))


@pytest.mark.parametrize(
    ("reference", "row"),
    [
        (ref(), {"clientId": str(int(OUR_ID))}),
        (ref(order_id=ORDER_ID), {"clientId": None}),
    ],
)
def test_fills_of_an_order_that_history_does_not_show_are_a_contradiction(reference, row):
    fills = further(in_history(reference), reply([]))
    with pytest.raises(OutcomeUnknown, match="it has fills"):
        fills.read(reply(body(FILLS, **row)))


def test_an_order_with_an_id_of_the_venue_existed_and_is_never_called_unknown():
    fills = further(in_history(ref(order_id=ORDER_ID)), reply([]))
    assert dict(fills.request.parameters)["orderId"] == ORDER_ID
    with pytest.raises(OutcomeUnknown, match="does not show it yet"):
        fills.read(reply([]))


def test_a_full_page_leads_to_the_next_one():
    second = further(in_history(ref()), reply(others(100)))
    assert second.request.path == "/wapi/v1/history/orders"
    assert dict(second.request.parameters) | {"offset": "100", "limit": "1000"} == dict(second.request.parameters)
    assert second.read(reply([*others(500), history_order()])).client_order_id == OUR_ID
    assert further(second, reply(others(999))).request.path == "/wapi/v1/history/fills"
    third = further(second, reply(others(1000)))
    assert dict(third.request.parameters)["offset"] == "1100"


def test_a_full_page_that_reaches_back_far_enough_is_the_last():
    early = ref(not_before_ns=CREATED_NS + 1)
    fills = further(in_history(early), reply(others(100)))
    assert fills.request.path == "/wapi/v1/history/fills"
    assert dict(fills.request.parameters)["from"] == "1750000000120"
    late = ref(not_before_ns=CREATED_NS)
    assert further(in_history(late), reply(others(100))).request.path == "/wapi/v1/history/orders"


def test_a_history_too_long_to_be_read_proves_nothing():
    call = further(in_history(ref()), reply(others(100)))
    for _ in range(4):
        call = further(call, reply(others(1000)))
    assert dict(call.request.parameters)["offset"] == "4100"
    with pytest.raises(OutcomeUnknown, match="not among the newest 5100 orders"):
        call.read(reply(others(1000)))


@pytest.mark.parametrize("content", [{}, [5], [{"clientId": "x"}], "<html>"])
def test_strange_history_is_malformed(content):
    with pytest.raises(MalformedMessage):
        in_history(ref()).read(reply(content))
