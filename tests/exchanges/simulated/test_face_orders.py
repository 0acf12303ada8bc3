"""Orders through the face: replies, events, lists and refusals as Aster has them."""

import json
from decimal import Decimal

import pytest

from tests.exchanges.simulated.face_bench import FaceBench, vectors

FIXTURES = vectors()["payload_fixtures"]


@pytest.fixture
def bench():
    return FaceBench()


def kinds(frames):
    return [(frame["o"]["x"], frame["o"]["X"]) for frame in frames if frame["e"] == "ORDER_TRADE_UPDATE"]


def test_a_post_only_order_is_acknowledged_and_rests(bench):
    stream = bench.private()
    reply = bench.place("BUY", "94900.0", newClientOrderId="grid-1")
    assert reply.status == 200
    assert set(reply.body) == set(FIXTURES["rest_place_ack"]["body"])
    assert (reply.body["status"], reply.body["clientOrderId"], reply.body["executedQty"]) == ("NEW", "grid-1", "0")
    assert reply.body["orderId"] > 4 * 10**10
    assert kinds(bench.frames(stream)) == [("NEW", "NEW")]


def test_types_of_a_reply_are_the_fixtures(bench):
    body = bench.place("BUY", "94900.0").body
    for key, value in FIXTURES["rest_place_ack"]["body"].items():
        assert type(body[key]) is type(value), key


def test_a_post_only_order_that_would_take_is_acknowledged_then_expires(bench):
    stream = bench.private()
    reply = bench.place("BUY", "95000.0")
    assert (reply.status, reply.body["status"]) == (200, "NEW")
    frames = bench.frames(stream)
    assert kinds(frames) == [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]
    assert (frames[1]["o"]["z"], frames[1]["o"]["f"]) == ("0", "GTX")
    assert bench.call("GET", "order", symbol="BTCUSDT", orderId=reply.body["orderId"]).body["status"] == "EXPIRED"


def test_with_result_the_reply_says_expired(bench):
    reply = bench.place("SELL", "94999.9", newOrderRespType="RESULT")
    assert (reply.status, reply.body["status"]) == (200, "EXPIRED")
    assert set(reply.body) == set(FIXTURES["rest_place_result_gtx_expired"]["body"])


def test_a_market_order_is_acknowledged_without_its_fill(bench):
    ack = bench.market("BUY").body
    assert (ack["status"], ack["executedQty"], ack["price"], ack["timeInForce"]) == ("NEW", "0", "0", "GTC")
    result = bench.market("BUY", newOrderRespType="RESULT").body
    assert (result["status"], result["executedQty"], result["avgPrice"]) == ("FILLED", "0.002", "95000.00000")


def test_an_ioc_order_takes_what_it_can_and_expires(bench):
    bench.quote("BTCUSDT", "94999.9", "95000.0", quantity="0.001")
    stream = bench.private()
    reply = bench.place("BUY", "95000.0", timeInForce="IOC", newOrderRespType="RESULT")
    assert (reply.body["status"], reply.body["executedQty"]) == ("EXPIRED", "0.001")
    assert kinds(bench.frames(stream)) == [("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("EXPIRED", "EXPIRED")]


def test_the_answer_of_an_order_takes_its_time():
    slow = FaceBench(ack_latency_ms=250, fill_latency_ms=150, cancel_latency_ms=100)
    slow.wait(1)
    stream = slow.private()
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.002"}
    request = slow.send(slow.signed_call("POST", "order", params))
    slow.wait(0.249)
    assert slow.answer(request) is None
    slow.wait(0.001)
    assert slow.answer(request).body["status"] == "NEW"
    assert slow.frames(stream) == []
    slow.wait(0.15)
    assert kinds(slow.frames(stream)) == [("NEW", "NEW"), ("TRADE", "FILLED")]


def test_a_fill_is_told_in_order_and_account_update(bench):
    stream = bench.private()
    placed = bench.place("BUY", "94900.0").body
    bench.frames(stream)
    bench.quote("BTCUSDT", "94800.0", "94800.1")
    trade, account = bench.frames(stream)
    assert set(trade["o"]) - {"n", "N"} == set(vectors()["fill_sequences"]["cases"][0]["events"][0]["o"])
    assert [trade["o"][key] for key in ("i", "x", "X", "l", "L", "z", "m")] == [
        placed["orderId"],
        "TRADE",
        "FILLED",
        "0.002",
        "94900.0",
        "0.002",
        True,
    ]
    assert (trade["o"]["N"], trade["o"]["n"].rstrip("0")) == ("USDT", "0.01898")
    fixture = FIXTURES["ws_account_update"]["a"]
    assert account["a"]["m"] == "ORDER"
    assert set(account["a"]["B"][0]) == set(fixture["B"][0])
    assert set(account["a"]["P"][0]) == set(fixture["P"][0])
    assert (account["a"]["P"][0]["pa"], account["a"]["P"][0]["ep"]) == ("0.002", "94900.0")


def test_account_and_order_update_may_change_places(bench):
    bench.face.user_stream.account_first = True
    stream = bench.private()
    bench.market("BUY")
    assert [frame["e"] for frame in bench.frames(stream)] == [
        "ORDER_TRADE_UPDATE",
        "ACCOUNT_UPDATE",
        "ORDER_TRADE_UPDATE",
    ]


def test_without_fees_the_fill_names_none():
    bench = FaceBench(maker_fee_bps=Decimal(0), taker_fee_bps=Decimal(0))
    stream = bench.private()
    bench.market("BUY")
    fill = bench.frames(stream)[1]["o"]
    assert "n" not in fill
    assert "N" not in fill


def test_the_flat_position_arrives_as_zero(bench):
    bench.market("BUY")
    stream = bench.private()
    bench.market("SELL", reduceOnly="true")
    account = bench.frames(stream)[-1]
    assert (account["a"]["P"][0]["pa"], account["a"]["P"][0]["ep"]) == ("0", "0")


def test_cancel_by_either_id(bench):
    stream = bench.private()
    first = bench.place("BUY", "94000.0").body
    bench.place("BUY", "94001.0", newClientOrderId="mine")
    by_id = bench.call("DELETE", "order", symbol="BTCUSDT", orderId=first["orderId"])
    by_client_id = bench.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert (by_id.body["status"], by_client_id.body["status"]) == ("CANCELED", "CANCELED")
    assert by_id.body["cumQty"] == "0"
    assert kinds(bench.frames(stream))[-1] == ("CANCELED", "CANCELED")


def test_cancel_of_what_is_not_open_is_2011(bench):
    assert bench.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="never-sent").code == -2011
    filled = bench.market("BUY").body["orderId"]
    reply = bench.call("DELETE", "order", symbol="BTCUSDT", orderId=filled)
    assert (reply.status, reply.body) == (400, FIXTURES["rest_cancel_unknown"]["body"])


def test_amend_changes_price_and_keeps_the_ids(bench):
    placed = bench.place("BUY", "94000.0", newClientOrderId="mine").body
    reply = bench.call(
        "PUT", "order", symbol="BTCUSDT", origClientOrderId="mine", side="BUY", quantity="0.003", price="94100.0"
    )
    assert (reply.body["orderId"], reply.body["price"], reply.body["origQty"]) == (
        placed["orderId"],
        "94100.0",
        "0.003",
    )


def test_a_crossing_amend_is_2036_and_leaves_the_order(bench):
    placed = bench.place("BUY", "94000.0").body["orderId"]
    reply = bench.call("PUT", "order", symbol="BTCUSDT", orderId=placed, quantity="0.002", price="95000.0")
    assert reply.code == -2036
    kept = bench.call("GET", "openOrder", symbol="BTCUSDT", orderId=placed).body
    assert (kept["price"], kept["status"]) == ("94000.0", "NEW")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"origClientOrderId": "gone", "quantity": "0.002", "price": "94000.0"}, -2013),
        ({"origClientOrderId": "mine", "quantity": "0.002"}, -1102),
        ({"origClientOrderId": "mine", "quantity": "0.002", "price": "94000.05"}, -1111),
        ({"origClientOrderId": "mine", "quantity": "0.002", "price": "94000.0", "side": "SELL"}, -1117),
        ({"quantity": "0.002", "price": "94000.0"}, -1102),
    ],
)
def test_a_bad_amend_is_refused(bench, params, code):
    bench.place("BUY", "94000.0", newClientOrderId="mine")
    assert bench.call("PUT", "order", symbol="BTCUSDT", **params).code == code


def test_reduce_only_needs_something_to_reduce(bench):
    assert bench.place("SELL", "96000.0", reduceOnly="true").code == -2022
    bench.market("BUY")
    assert bench.place("SELL", "96000.0", reduceOnly="true").status == 200
    assert bench.place("SELL", "96001.0", reduceOnly="true").code == -2022


def test_margin_is_checked(bench):
    assert bench.place("BUY", "94000.0", quantity="1").code == -2019


def test_an_open_client_id_is_not_free(bench):
    bench.place("BUY", "94000.0", newClientOrderId="mine")
    assert bench.place("BUY", "94001.0", newClientOrderId="mine").code == -2010
    bench.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert bench.place("BUY", "94001.0", newClientOrderId="mine").status == 200


def test_two_hundred_orders_may_be_open():
    bench = FaceBench(start_equity_usd=Decimal(100_000))
    for number in range(200):
        bench.now_ns += 50_000_000
        assert bench.place("BUY", "94000.0", newClientOrderId=f"o{number}").status == 200
    assert bench.place("BUY", "94000.0").code == -2025


def test_cancel_all_answers_with_a_code_of_text(bench):
    bench.place("BUY", "94000.0")
    bench.place("BUY", "94001.0")
    assert bench.call("DELETE", "allOpenOrders", symbol="BTCUSDT").body == FIXTURES["rest_cancel_all"]["body"]
    assert bench.call("GET", "openOrders", symbol="BTCUSDT").body == []
    assert bench.call("DELETE", "allOpenOrders").code == -1102


def test_the_dead_man_timer_cancels_when_it_runs_out(bench):
    bench.place("BUY", "94000.0")
    stream = bench.private()
    armed = bench.call("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=1000)
    assert armed.body == {"symbol": "BTCUSDT", "countdownTime": "1000"}
    bench.wait(0.9)
    assert bench.frames(stream) == []
    bench.wait(0.2)
    assert kinds(bench.frames(stream)) == [("CANCELED", "CANCELED")]


def test_the_dead_man_timer_can_be_disarmed(bench):
    bench.place("BUY", "94000.0")
    bench.call("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=1000)
    bench.call("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=0)
    bench.wait(3)
    assert len(bench.call("GET", "openOrders", symbol="BTCUSDT").body) == 1
    assert bench.call("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=-1).code == -1102


def test_queries_have_the_fields_of_the_fixture(bench):
    placed = bench.place("BUY", "94000.0").body["orderId"]
    row = bench.call("GET", "order", symbol="BTCUSDT", orderId=placed).body
    assert set(row) == set(FIXTURES["rest_query_partial"]["body"])
    assert bench.call("GET", "openOrders", symbol="BTCUSDT").body == [row]
    assert bench.call("GET", "openOrders").body == [row]
    assert bench.call("GET", "allOrders", symbol="BTCUSDT").body == [row]


def test_queries_of_unknown_orders(bench):
    reply = bench.call("GET", "order", symbol="BTCUSDT", origClientOrderId="never")
    assert (reply.status, reply.body) == (400, FIXTURES["rest_query_unknown"]["body"])
    assert bench.call("GET", "order", symbol="BTCUSDT").code == -1102
    assert bench.call("GET", "order", symbol="NOPEUSDT", orderId=1).code == -1121
    filled = bench.market("BUY").body["orderId"]
    assert bench.call("GET", "openOrder", symbol="BTCUSDT", orderId=filled).code == -2013


def test_all_orders_starts_where_it_is_told(bench):
    ids = [bench.place("BUY", "94000.0").body["orderId"] for _ in range(4)]
    rows = bench.call("GET", "allOrders", symbol="BTCUSDT", orderId=ids[1], limit=2).body
    assert [row["orderId"] for row in rows] == ids[1:3]


def test_user_trades_page_by_id_and_filter_by_order(bench):
    orders = [bench.market("BUY", quantity="0.001").body["orderId"] for _ in range(5)]
    rows = bench.call("GET", "userTrades", symbol="BTCUSDT").body
    assert set(rows[0]) == set(FIXTURES["rest_user_trade"]["body"][0])
    assert [row["orderId"] for row in rows] == orders
    page = bench.call("GET", "userTrades", symbol="BTCUSDT", fromId=rows[2]["id"], limit=2).body
    assert page == rows[2:4]
    assert bench.call("GET", "userTrades", symbol="BTCUSDT", orderId=orders[3]).body == [rows[3]]
    assert bench.call("GET", "userTrades", symbol="BTCUSDT", fromId=rows[4]["id"] + 1).body == []


def test_user_trades_by_time(bench):
    bench.market("BUY")
    bench.wait(10)
    later = bench.now_ns // 1_000_000
    bench.market("BUY")
    assert len(bench.call("GET", "userTrades", symbol="BTCUSDT", startTime=later).body) == 1
    assert len(bench.call("GET", "userTrades", symbol="BTCUSDT", startTime=later - 20_000, endTime=later - 1).body) == 1
    assert bench.call("GET", "userTrades", symbol="BTCUSDT", fromId=1, startTime=later).code == -1128
    week = 7 * 24 * 3600 * 1000
    assert bench.call("GET", "userTrades", symbol="BTCUSDT", startTime=1, endTime=2 + week).code == -1127


def test_a_batch_answers_item_by_item(bench):
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002"}
    items = [good | {"price": "94000.0"}, good | {"price": "94000.05"}, good | {"price": "94001.0", "quantity": "1"}]
    replies = bench.call("POST", "batchOrders", batchOrders=json.dumps(items)).body
    assert replies[0]["status"] == "NEW"
    assert [reply["code"] for reply in replies[1:]] == [-1111, -2019]
    order_id = replies[0]["orderId"]
    change = [{"symbol": "BTCUSDT", "orderId": order_id, "side": "BUY", "quantity": "0.002", "price": "93000.0"}]
    assert bench.call("PUT", "batchOrders", batchOrders=json.dumps(change)).body[0]["price"] == "93000.0"
    canceled = bench.call("DELETE", "batchOrders", symbol="BTCUSDT", orderIdList=f"[{order_id},1]").body
    assert [canceled[0]["status"], canceled[1]["code"]] == ["CANCELED", -2011]


@pytest.mark.parametrize("batch", ["[]", "no json", "{}", "[1]", json.dumps([{}] * 6)])
def test_a_batch_that_is_none_is_refused(bench, batch):
    assert bench.call("POST", "batchOrders", batchOrders=batch).code in (-1102, -4082)


def test_a_batch_of_only_refusals_is_still_answered(bench):
    replies = bench.call("POST", "batchOrders", batchOrders=json.dumps([{"symbol": "BTCUSDT"}])).body
    assert [reply["code"] for reply in replies] == [-1102]


def test_a_batch_waits_for_all_of_its_orders():
    bench = FaceBench(ack_latency_ms=100)
    item = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002"}
    items = [item | {"price": price} for price in ("94000.0", "94001.0")]
    request = bench.send(bench.signed_call("POST", "batchOrders", {"batchOrders": json.dumps(items)}))
    assert bench.answer(request) is None
    bench.wait(0.1)
    assert [row["price"] for row in bench.answer(request).body] == ["94000.0", "94001.0"]


def test_order_test_places_nothing(bench):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002"}
    assert bench.call("POST", "order/test", **order, price="94000.0").body == {}
    assert bench.call("POST", "order/test", **order, price="94000.05").code == -1111
    assert bench.call("GET", "openOrders").body == []


def test_self_trade_prevention_follows_the_order(bench):
    bench.place("BUY", "94999.9")
    reply = bench.place("SELL", "94999.9", timeInForce="GTC", newOrderRespType="RESULT", stpMode="EXPIRE_MAKER")
    assert reply.status == 200
    assert bench.place("SELL", "94999.9", stpMode="NOBODY").code == -1102


def test_a_liquidation_is_told_as_calculated():
    bench = FaceBench(start_equity_usd=Decimal(20))
    bench.call("POST", "leverage", symbol="BTCUSDT", leverage=125)
    bench.market("BUY", quantity="0.02")
    stream = bench.private()
    bench.quote("BTCUSDT", "94000.0", "94000.1")
    events = kinds(bench.frames(stream))
    assert ("CALCULATED", "FILLED") in events
    assert bench.call("GET", "positionRisk", symbol="BTCUSDT").body[0]["positionAmt"] == "0"
