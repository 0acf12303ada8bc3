"""Orders on the simulated Backpack: checks, life, refusals, batches (venues/backpack.md 4.1, 7, 16)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from exchanges.order_ids import OrderKey, pack
from exchanges.simulated.faces.backpack.markets import State
from exchanges.simulated.faces.backpack.switches import NotFoundStyle, PostOnlyMode, ReplyOrder
from exchanges.simulated.faces.mishaps import Mishap, PlannedMishap
from tests.exchanges.simulated.backpack_bench import SOL, BackpackBench, sample, vectors

ORDER, ORDERS = "/api/v1/order", "/api/v1/orders"
NOT_FOUND = {"code": "RESOURCE_NOT_FOUND", "message": "Not Found"}
WOULD_TAKE = {"code": "INVALID_ORDER", "message": "Order would immediately match and take"}
NOT_REDUCED = {"code": "INVALID_ORDER", "message": "Reduce only order not reduced"}


@pytest.fixture
def bench():
    return BackpackBench()


def refusals():
    return {row["when"]: row for row in vectors()["error_samples"]}


# --- the life of an order ---


def test_an_order_that_rests(bench):
    placed = bench.place("Bid", "141.25", clientId=1001, timeInForce="GTC")
    expected = sample("POST /api/v1/order (limit, rests)")
    assert placed.status == 200
    assert placed.body == expected | {"id": placed.body["id"], "createdAt": bench.now_ms}
    assert placed.body["id"].startswith("7000000")
    assert list(placed.body) == sorted(placed.body)
    for named in ({"clientId": 1001}, {"orderId": placed.body["id"]}):
        assert bench.query(**named).body == placed.body
    assert bench.call("GET", ORDERS).body == bench.call("GET", ORDERS, symbol=SOL).body == [placed.body]


def test_ids_rise(bench):
    ids = [int(bench.place("Bid", "140.00").body["id"]) for _ in range(3)]
    assert ids == sorted(set(ids))


def test_a_partly_filled_order_and_its_cancel(bench):
    bench.place("Bid", "141.28", clientId=1001)
    bench.trade(SOL, "141.28", "0.2", buyer_is_maker=True)
    row = bench.query(clientId=1001).body
    assert (row["status"], row["executedQuantity"], row["executedQuoteQuantity"]) == (
        "PartiallyFilled",
        "0.2",
        "28.256",
    )
    canceled = bench.cancel(clientId=1001)
    assert (canceled.status, canceled.body["status"], canceled.body["executedQuantity"]) == (200, "Cancelled", "0.2")
    assert set(canceled.body) == set(sample("DELETE /api/v1/order"))


def test_only_what_rests_is_known(bench):
    placed = bench.place("Bid", "141.28", clientId=7).body
    bench.trade(SOL, "141.00", "5", buyer_is_maker=True)
    for named in ({"clientId": 7}, {"orderId": placed["id"]}, {"clientId": 8}, {"orderId": "12"}, {"orderId": "x"}):
        for ask in (bench.query, bench.cancel):
            reply = ask(**named)
            assert (reply.status, reply.body) == (404, NOT_FOUND)


@pytest.mark.parametrize("index", range(3))
def test_the_disputed_ways_to_say_that_an_order_does_not_rest(bench, index):
    row = refusals()["cancel or query of an order that is not resting"]
    expected = [row, *row["alternatives"]][index]
    bench.face.switches.not_found_style = list(NotFoundStyle)[index]
    reply = bench.cancel(clientId=1)
    assert (reply.status, reply.body) == (expected["http"], expected["body"])


def test_a_market_order_is_answered_with_its_result(bench):
    bench.long("2.50")
    placed = bench.place("Ask", None, "1.25", reduceOnly=True, clientId=1005)
    expected = sample("POST /api/v1/order (market, filled)")
    assert set(placed.body) == set(expected)
    assert (placed.body["status"], placed.body["executedQuantity"]) == ("Filled", "1.25")
    assert Decimal(placed.body["executedQuoteQuantity"]) == Decimal("1.25") * Decimal("141.27")
    assert (placed.body["timeInForce"], placed.body["orderType"]) == ("GTC", "Market")


def test_a_market_order_sized_in_quote_is_sized_at_the_touch(bench):
    placed = bench.call("POST", ORDER, symbol=SOL, side="Bid", orderType="Market", quoteQuantity="50", clientId=1006)
    assert (placed.body["status"], placed.body["executedQuantity"]) == ("Filled", "0.35")


def test_an_immediate_order_expires_with_what_it_got(bench):
    bench.quote(SOL, "141.27", "141.30", quantity="0.5")
    placed = bench.place("Bid", "141.30", "1.25", postOnly=False, timeInForce="IOC")
    assert (placed.status, placed.body["status"], placed.body["executedQuantity"]) == (200, "Expired", "0.5")
    assert set(placed.body) == set(sample("POST /api/v1/order (limit IOC, partly filled then expired)"))


def test_fill_or_kill(bench):
    placed = bench.place("Bid", "141.30", "11", postOnly=False, timeInForce="FOK")
    assert (placed.body["status"], placed.body["executedQuantity"]) == ("Expired", "0")


def test_a_crossing_limit_order_fills_and_its_rest_rests(bench):
    bench.quote(SOL, "141.27", "141.30", quantity="0.5")
    placed = bench.place("Bid", "141.30", "1.25", postOnly=False)
    assert (placed.body["status"], placed.body["executedQuantity"]) == ("PartiallyFilled", "0.5")
    assert len(bench.call("GET", ORDERS).body) == 1


def test_an_order_without_a_client_id_shows_none(bench):
    body = {name: value for name, value in bench.order("Bid", "141.00").items() if name != "clientId"}
    assert bench.call("POST", ORDER, **body).body["clientId"] is None


def test_flags_and_self_trade_prevention_come_back(bench):
    bench.long()
    row = bench.place("Ask", "142.00", reduceOnly=True, selfTradePrevention="RejectBoth").body
    assert (row["reduceOnly"], row["postOnly"], row["selfTradePrevention"]) == (True, True, "RejectBoth")
    assert bench.call("GET", ORDERS).body == [row]


def test_self_trade_prevention_ends_the_taker(bench):
    bench.place("Ask", "141.29")
    taken = bench.place("Bid", "141.29", postOnly=False, timeInForce="IOC").body
    assert (taken["status"], taken["executedQuantity"]) == ("Expired", "0")
    assert len(bench.call("GET", ORDERS).body) == 1


def test_cancel_all_answers_with_the_orders(bench):
    placed = [bench.place("Bid", price).body["id"] for price in ("140.00", "140.10")]
    assert bench.call("DELETE", ORDERS, symbol=SOL, orderType="ConditionalOrder").body == []
    canceled = bench.call("DELETE", ORDERS, symbol=SOL, orderType="RestingLimitOrder")
    assert {row["id"]: row["status"] for row in canceled.body} == dict.fromkeys(placed, "Cancelled")
    assert bench.call("DELETE", ORDERS, symbol=SOL).body == []


def test_open_orders_by_market_type(bench):
    bench.place("Bid", "140.00")
    assert len(bench.call("GET", ORDERS, marketType="PERP").body) == 1
    assert bench.call("GET", ORDERS, marketType="SPOT").body == []


# --- refusals, in the note's words ---


@pytest.mark.parametrize(
    ("when", "changes"),
    [
        ("too many decimals in quantity", {"quantity": "0.505"}),
        ("too many decimals in price", {"price": "141.255"}),
        ("quantity < minQuantity", {"quantity": "0"}),
        ("quantity < minQuantity", {"quantity": "-0.50"}),
        ("price outside band", {"price": "200.00", "side": "Bid"}),
        ("price outside band", {"price": "35.00"}),
        ("price outside band", {"price": "283.00", "side": "Ask"}),
        ("price outside band", {"price": "127.00", "side": "Ask"}),
        ("unknown symbol", {"symbol": "SOL_USDC"}),
        ("unknown symbol", {"symbol": "sol_usdc_perp"}),
        ("not enough margin", {"quantity": "100.00"}),
        ("post-only order would cross", {"price": "141.30"}),
        ("reduceOnly without reducible position", {"reduceOnly": True}),
        ("only one of triggerPrice / triggerQuantity", {"triggerPrice": "140"}),
        ("only one of triggerPrice / triggerQuantity", {"triggerQuantity": "80%"}),
    ],
)
def test_a_refused_order_leaves_no_trace(bench, when, changes):
    session = bench.subscribe("account.orderUpdate")
    expected = refusals()[when]
    reply = bench.call("POST", ORDER, **bench.order("Bid", "141.25") | changes)
    assert (reply.status, reply.body) == (expected["http"], expected["body"])
    bench.wait(1)
    assert bench.frames(session) == []
    assert bench.call("GET", ORDERS).body == []
    assert bench.call("GET", "/wapi/v1/history/orders").body == []


def test_limits_of_the_band_are_taken(bench):
    assert bench.place("Bid", "36.00").status == 200
    assert bench.place("Ask", "280.00", "0.10").status == 200


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"price": None}, "Limit orders must specify a positive `price`"),
        ({"price": "0"}, "Limit orders must specify a positive `price`"),
        ({"quantity": None}, "Limit orders must specify a positive `quantity`"),
        ({"orderType": "Market", "price": None, "postOnly": None, "quantity": None}, "Market orders must specify"),
        ({"orderType": "Market", "price": None, "postOnly": None, "quoteQuantity": "5"}, "Market orders must specify"),
    ],
)
def test_an_order_without_price_or_size(bench, order, message):
    body = bench.order("Bid", "141.25") | order
    reply = bench.call("POST", ORDER, **{name: value for name, value in body.items() if value is not None})
    assert (reply.status, reply.body["code"]) == (400, "INVALID_CLIENT_REQUEST")
    assert message in reply.body["message"]


@pytest.mark.parametrize(
    "changes", [{"timeInForce": "IOC"}, {"timeInForce": "FOK"}, {"orderType": "Market", "price": None}]
)
def test_post_only_makes_sense_for_resting_orders_only(bench, changes):
    body = bench.order("Bid", "141.25") | changes
    reply = bench.call("POST", ORDER, **{name: value for name, value in body.items() if value is not None})
    assert (reply.status, reply.body["code"]) == (400, "INVALID_ORDER")


@pytest.mark.parametrize(
    "changes",
    [
        {"triggerPrice": "140", "triggerQuantity": "0.5"},
        {"stopLossTriggerPrice": "140"},
        {"takeProfitLimitPrice": "150"},
        {"slippageTolerance": "5"},
    ],
)
def test_what_is_not_simulated_says_so(bench, changes):
    reply = bench.call("POST", ORDER, **bench.order("Bid", "141.25") | changes)
    assert (reply.status, reply.body["code"]) == (400, "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    "changes",
    [
        {"price": 141.25},
        {"price": "1.4E+2"},
        {"price": "abc"},
        {"price": ""},
        {"quantity": "0,5"},
        {"postOnly": "true"},
        {"reduceOnly": 1},
        {"clientId": "1001"},
        {"clientId": 4294967296},
        {"clientId": -1},
        {"clientId": True},
        {"side": "Buy"},
        {"orderType": "LIMIT"},
        {"timeInForce": "GTX"},
        {"selfTradePrevention": "Allow"},
        {"triggerBy": "Last"},
    ],
)
def test_a_value_of_the_wrong_type_is_plain_text(bench, changes):
    body = bench.order("Bid", "141.25") | changes
    reply = bench.call("POST", ORDER, **body)
    assert (reply.status, reply.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert next(iter(changes)) in reply.body.decode()
    assert bench.call("GET", ORDERS).body == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"1", b'{"a":NaN}', b'{"a":{"b":1}}', b'{"a":1e9991700000006002170}', b"\xff"]
)
def test_a_body_that_cannot_be_read_is_plain_text(bench, body):
    call = replace(bench.signed_call("POST", ORDER, {}), body=body)
    reply = bench.exchange(call)
    assert (reply.status, reply.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("missing", ["symbol", "side", "orderType"])
def test_a_field_that_must_be_there(bench, missing):
    body = {name: value for name, value in bench.order("Bid", "141.25").items() if name != missing}
    reply = bench.call("POST", ORDER, **body)
    assert (reply.status, missing in reply.body.decode()) == (400, True)


@pytest.mark.parametrize("client_id", [0, 4294967295])
def test_the_bounds_of_a_client_id(bench, client_id):
    assert bench.place("Bid", "141.00", clientId=client_id).body["clientId"] == client_id
    assert bench.cancel(clientId=client_id).status == 200


def test_a_live_client_id_is_not_taken_twice(bench):
    bench.place("Bid", "141.00", clientId=5)
    assert bench.place("Bid", "141.00", clientId=5).status == 400
    bench.cancel(clientId=5)
    assert bench.place("Bid", "141.00", clientId=5).status == 200


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({}, "Order id or client id must be specified"),
        ({"orderId": "70000000001", "clientId": 1}, "Only one of order id and client id may be specified"),
    ],
)
def test_an_order_is_named_by_one_id(bench, named, message):
    for reply in (bench.query(**named), bench.cancel(**named)):
        assert (reply.status, reply.body) == (400, {"code": "INVALID_CLIENT_REQUEST", "message": message})


@pytest.mark.parametrize("named", [{"orderId": 70000000001}, {"clientId": "1"}])
def test_the_body_of_a_cancel_is_typed(bench, named):
    reply = bench.cancel(**named)
    assert (reply.status, reply.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_too_many_open_orders(bench):
    for _ in range(100):
        assert bench.place("Bid", "100.00", "0.01").status == 200
    assert bench.place("Bid", "100.00", "0.01").body["code"] == "ORDER_LIMIT"


@pytest.mark.parametrize(
    ("state", "taken"),
    [
        (State.OPEN, (True, True, True)),
        (State.LIMIT_ONLY, (True, True, False)),
        (State.POST_ONLY, (True, False, False)),
        (State.CANCEL_ONLY, (False, False, False)),
        (State.CLOSED, (False, False, False)),
    ],
)
def test_what_a_market_takes_in_each_state(bench, state, taken):
    bench.place("Bid", "141.00", clientId=99)
    bench.face.switches.states[SOL] = state
    replies = (bench.place("Bid", "141.00"), bench.place("Bid", "141.00", postOnly=False), bench.place("Bid", None))
    assert tuple(reply.status == 200 for reply in replies) == taken
    assert all(reply.body["code"] == "TRADING_PAUSED" for reply in replies if reply.status != 200)
    assert bench.public("markets").body[0]["orderBookState"] == state.value
    assert bench.cancel(clientId=99).status == 200


# --- post-only ---


@pytest.mark.parametrize(
    ("side", "price"), [("Bid", "141.30"), ("Bid", "141.35"), ("Ask", "141.27"), ("Ask", "141.20")]
)
def test_a_post_only_order_that_would_trade_is_refused_at_once(bench, side, price):
    reply = bench.place(side, price)
    assert (reply.status, reply.body) == (400, WOULD_TAKE)


def test_post_only_is_checked_against_the_book_at_arrival():
    bench = BackpackBench(ack_latency_ms=100)
    request = bench.send(bench.signed_call("POST", ORDER, bench.order("Bid", "141.29")))
    bench.quote(SOL, "141.25", "141.28")
    bench.wait(0.1)
    reply = bench.answer(request)
    assert reply is not None
    assert (reply.status, reply.body) == (400, WOULD_TAKE)


@pytest.mark.parametrize(
    ("mode", "status", "events"),
    [
        (PostOnlyMode.HTTP400, 400, []),
        (PostOnlyMode.REPLY_EXPIRED, 200, ["orderAccepted", "orderExpired"]),
        (PostOnlyMode.HTTP400_PLUS_EVENT, 400, ["orderAccepted", "orderExpired"]),
    ],
)
def test_the_shapes_of_a_post_only_refusal(bench, mode, status, events):
    bench.face.switches.post_only_mode = mode
    session = bench.subscribe("account.orderUpdate")
    reply = bench.place("Bid", "141.30", clientId=1009)
    assert reply.status == status
    if status == 200:
        assert (reply.body["status"], reply.body["executedQuantity"]) == ("Expired", "0")
    else:
        assert reply.body == WOULD_TAKE
    frames = bench.data(session)
    assert [frame["e"] for frame in frames] == events
    if frames:
        assert (frames[-1]["R"], frames[-1]["X"], frames[-1]["c"]) == ("PostOnlyTaker", "Expired", 1009)


# --- reduce-only ---


def test_a_reduce_only_order_needs_something_to_reduce(bench):
    bench.long()
    assert bench.place("Bid", "141.00", reduceOnly=True).body == NOT_REDUCED
    assert bench.place("Ask", "142.00", reduceOnly=True).status == 200
    assert bench.place("Ask", "142.00", reduceOnly=True).body == NOT_REDUCED


def test_a_reduce_only_order_cannot_flip_the_position(bench):
    bench.long()
    row = bench.place("Ask", None, "2.00", reduceOnly=True).body
    assert (row["status"], row["executedQuantity"]) == ("Expired", "0.5")
    assert bench.call("GET", "/api/v1/position").body == []


def test_the_view_of_positions_may_trail_the_fills(bench):
    bench.face.switches.position_lag_ns = 500_000_000
    bench.long()
    assert bench.call("GET", "/api/v1/position").body == []
    assert bench.place("Ask", "142.00", reduceOnly=True).body == NOT_REDUCED
    bench.wait(0.5)
    assert bench.place("Ask", "142.00", "0.20", reduceOnly=True).status == 200
    bench.long("0.30")
    (row,) = bench.call("GET", "/api/v1/position").body
    assert row["netQuantity"] == "0.5"
    bench.wait(0.5)
    assert bench.call("GET", "/api/v1/position").body[0]["netQuantity"] == "0.8"


def test_resting_reduce_only_orders_shrink_with_the_position_where_that_is_on(bench):
    bench.face.switches.reduce_only_shrink = True
    bench.long("1.00")
    first = bench.place("Ask", "142.10", "0.40", reduceOnly=True).body["id"]
    second = bench.place("Ask", "142.20", "0.60", reduceOnly=True).body["id"]
    session = bench.subscribe("account.orderUpdate")
    bench.place("Ask", None, "0.30")
    bench.step()
    modified = [frame for frame in bench.data(session) if frame["e"] == "orderModified"]
    assert [(frame["i"], frame["q"], frame["X"]) for frame in modified] == [(second, "0.30", "New")]
    assert {row["id"]: row["quantity"] for row in bench.call("GET", ORDERS).body} == {first: "0.4", second: "0.3"}


# --- the speed bump ---


def test_an_order_that_may_take_is_held_and_a_post_only_order_is_not(bench):
    held = bench.send(bench.signed_call("POST", ORDER, bench.order("Bid", "141.30", postOnly=False)))
    assert bench.place("Bid", "141.20").status == 200
    bench.wait(0.099)
    assert bench.answer(held) is None
    bench.quote(SOL, "141.40", "141.45")
    bench.wait(0.001)
    reply = bench.answer(held)
    assert reply is not None
    assert (reply.body["status"], reply.body["executedQuantity"]) == ("New", "0")


def test_a_cancel_passes_an_order_that_is_held(bench):
    bench.place("Bid", "141.20", clientId=77)
    bench.send(bench.signed_call("POST", ORDER, bench.order("Bid", None)))
    assert bench.answer(bench.send(bench.signed_call("DELETE", ORDER, {"symbol": SOL, "clientId": 77}))) is not None


def test_the_speed_bump_can_be_taken_away(bench):
    bench.face.switches.speed_bump_ns = 0
    assert bench.answer(bench.send(bench.signed_call("POST", ORDER, bench.order("Bid", None)))) is not None


# --- reply and event ---


@pytest.mark.parametrize("latency_ms", [0, 150])
@pytest.mark.parametrize(("order", "first"), [(ReplyOrder.REPLY_FIRST, "reply"), (ReplyOrder.EVENT_FIRST, "event")])
def test_reply_or_event_first(order, first, latency_ms):
    bench = BackpackBench(reply_order=order, fill_latency_ms=latency_ms)
    bench.subscribe("account.orderUpdate")
    bench.outputs.clear()
    bench.place("Bid", None)
    bench.wait(0.5)
    kinds = [type(output).__name__ for output in bench.outputs]
    assert kinds == (["HttpAnswer", "Frame", "Frame"] if first == "reply" else ["Frame", "Frame", "HttpAnswer"])


def test_chance_decides_which_comes_first():
    bench = BackpackBench(reply_order=ReplyOrder.RANDOM)
    bench.subscribe("account.orderUpdate")
    seen = set()
    for _ in range(20):
        bench.outputs.clear()
        bench.place("Bid", "141.00", "0.01")
        seen.add(type(bench.outputs[0]).__name__)
    assert seen == {"HttpAnswer", "Frame"}


# --- batches ---


def test_a_batch_of_orders(bench):
    orders = [bench.order("Bid", "141.25", clientId=2001), bench.order("Ask", "141.20", clientId=2002)]
    reply = bench.exchange(bench.signed_call("POST", ORDERS, orders))
    expected = sample("POST /api/v1/orders")
    assert [set(row) for row in reply.body] == [set(row) for row in expected]
    assert reply.body[0]["operation"] == "Ok"
    assert reply.body[1] == {"operation": "Err", **WOULD_TAKE}
    assert [row["clientId"] for row in bench.call("GET", ORDERS).body] == [2001]


def test_one_order_that_is_wrong_refuses_the_batch(bench):
    orders = [bench.order("Bid", "141.25"), bench.order("Bid", "141.255")]
    reply = bench.exchange(bench.signed_call("POST", ORDERS, orders))
    assert (reply.status, reply.body["message"]) == (400, "Price decimal too long")
    assert bench.call("GET", ORDERS).body == []


def test_a_batch_is_an_array_and_an_order_is_not(bench):
    for path, body in ((ORDERS, {"orders": "x"}), (ORDER, [bench.order("Bid", "141.25")])):
        reply = bench.exchange(bench.signed_call("POST", path, body))
        assert (reply.status, reply.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")


def test_a_batch_has_its_bounds(bench):
    orders = [bench.order("Bid", "100.00", "0.01") for _ in range(51)]
    assert bench.exchange(bench.signed_call("POST", ORDERS, orders)).status == 400
    assert len(bench.exchange(bench.signed_call("POST", ORDERS, orders[:50])).body) == 50
    assert bench.exchange(bench.signed_call("POST", ORDERS, [])).status in (200, 400)


# --- mishaps ---


def plan(bench, mishap, **more):
    bench.face.mishaps.plan(PlannedMishap(mishap=mishap, **more))


def test_an_outcome_that_is_left_open(bench):
    expected = refusals()["engine overloaded, outcome UNKNOWN"]
    for mishap, resting in ((Mishap.TIMEOUT_BEFORE, 0), (Mishap.TIMEOUT_AFTER, 1)):
        plan(bench, mishap, method="POST")
        reply = bench.place("Bid", "141.00")
        assert (reply.status, reply.body) == (expected["http"], expected["body"])
        assert len(bench.call("GET", ORDERS).body) == resting


def test_replies_and_requests_that_are_lost(bench):
    for mishap, resting in ((Mishap.LOST_REQUEST, 0), (Mishap.LOST_REPLY, 1)):
        plan(bench, mishap, name="order")
        request = bench.send(bench.signed_call("POST", ORDER, bench.order("Bid", "141.00")))
        assert bench.was_dropped(request)
        assert len(bench.call("GET", ORDERS).body) == resting


def test_a_late_reply(bench):
    plan(bench, Mishap.LATE_REPLY, delay_ns=2_000_000_000)
    request = bench.send(bench.signed_call("POST", ORDER, bench.order("Bid", "141.00")))
    bench.wait(1.9)
    assert bench.answer(request) is None
    bench.wait(0.1)
    assert bench.answer(request) is not None


def test_pages_plain_text_and_too_many_requests(bench):
    plan(bench, Mishap.HTML)
    assert (bench.place("Bid", "141.00").status, bench.call("GET", ORDERS).body) == (502, [])
    plan(bench, Mishap.PLAIN_TEXT)
    assert bench.place("Bid", "141.00").headers["Content-Type"] == "text/plain; charset=utf-8"
    plan(bench, Mishap.RATE_LIMITED)
    expected = refusals()["rate limit"]
    reply = bench.place("Bid", "141.00")
    assert (reply.status, reply.body) == (expected["http"], expected["body"])


def test_a_cancel_that_is_only_queued(bench):
    bench.place("Bid", "141.00", clientId=3)
    plan(bench, Mishap.CANCEL_QUEUED, method="DELETE", delay_ns=500_000_000)
    reply = bench.cancel(clientId=3)
    assert (reply.status, reply.body) == (202, b"")
    assert bench.query(clientId=3).status == 200
    bench.wait(0.5)
    bench.step()
    assert bench.query(clientId=3).status == 404


def test_a_cancel_that_is_refused_is_not_queued(bench):
    plan(bench, Mishap.CANCEL_QUEUED)
    assert bench.cancel(clientId=3, orderId="70000000001").body["code"] == "INVALID_CLIENT_REQUEST"
    plan(bench, Mishap.CANCEL_QUEUED)
    assert bench.call("GET", ORDERS).body == []


def test_a_mishap_of_another_venue_cannot_be_planned(bench):
    with pytest.raises(ValueError, match="does not happen"):
        plan(bench, Mishap.STALE_NONCE)


def test_maintenance(bench):
    bench.face.switches.maintenance = True
    expected = refusals()["maintenance"]
    reply = bench.place("Bid", "141.00")
    assert (reply.status, reply.body) == (expected["http"], expected["body"])
    assert bench.public("status").body == {"message": None, "status": "Maintenance"}


# --- the oracle ---


def test_the_oracle_reads_client_ids_as_numbers(bench):
    bench.long()
    entry, exit_leg = (int(pack(OrderKey(3, 9, leg))) for leg in (0, 1))
    bench.place("Bid", "141.00", clientId=entry)
    assert bench.venue.oracle.violations == ()
    bench.place("Ask", "142.00", clientId=exit_leg)
    assert [item.kind.value for item in bench.venue.oracle.violations] == ["not_reduce_only"]
    bench.cancel(clientId=entry)
    bench.place("Bid", "141.00", clientId=entry)
    assert [item.kind.value for item in bench.venue.oracle.violations][1:] == ["id_reused"]
