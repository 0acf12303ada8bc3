"""Orders on the simulated Lighter: a receipt first, a verdict later (venues/lighter.md 8.3, 10, 11, 16)."""

import json

import pytest

from exchanges.simulated.faces.lighter.markets import build_markets, lighter_rules
from exchanges.simulated.faces.lighter.orders import STATUSES, engine_id, order_index
from exchanges.values import Side
from tests.exchanges.simulated.lighter_bench import (
    ACCOUNT,
    CANCEL,
    CANCEL_ALL,
    CREATE,
    ETH,
    LEVERAGE,
    MODIFY,
    LighterBench,
    post,
    vectors,
)


@pytest.fixture
def bench():
    return LighterBench()


def slow(**paper):
    return LighterBench(ack_latency_ms=200, cancel_latency_ms=200, **paper)


def event_info(bench, reply):
    return json.loads(bench.get("tx", by="hash", value=reply.body["tx_hash"]).body["event_info"])


# --- receipts and verdicts ---
def test_a_receipt_says_queued_and_nothing_more():
    bench = slow()
    reply = bench.place("buy", 234_000)
    assert reply.body == {
        "code": 200,
        "message": vectors()["frames"]["send_tx_ok"]["body"]["message"],
        "tx_hash": reply.body["tx_hash"],
        "predicted_execution_time_ms": bench.now_ms + 200,
    }
    assert len(reply.body["tx_hash"]) == 80
    assert bench.active() == []
    record = bench.get("tx", by="hash", value=reply.body["tx_hash"]).body
    assert (record["status"], record["executed_at"], record["event_info"]) == (1, 0, "{}")
    bench.wait(0.199)
    assert bench.active() == []
    bench.wait(0.002)
    assert [order["status"] for order in bench.active()] == ["open"]
    record = bench.get("tx", by="sequence_index", value=1).body
    assert (record["status"], record["type"], record["nonce"]) == (2, CREATE, 1)
    assert record["executed_at"] - record["queued_at"] == 200


def test_taking_orders_wait_half_as_long_again():
    bench = slow()
    taking = bench.take("buy")
    assert taking.body["predicted_execution_time_ms"] == bench.now_ms + 300
    index = bench.last_client_index()
    bench.wait(0.25)
    assert bench.by_client(index) == []
    bench.wait(0.06)
    assert bench.by_client(index)[0]["status"] == "filled"


def test_a_resting_order_looks_like_the_recorded_one():
    bench = LighterBench(start_ms=1_795_330_000_000)
    bench.place("buy", 234_567, ClientOrderIndex=1001, OrderExpiry=1_797_800_000_000)
    bench.step()
    (order,) = bench.active()
    (sample,) = vectors()["frames"]["rest"]["GET accountActiveOrders?account_index=12345&market_id=0"]["orders"]
    varying = {"order_index", "order_id", "nonce", "block_height", "transaction_time"}
    assert {key: value for key, value in order.items() if key in sample and key not in varying} == {
        key: value for key, value in sample.items() if key not in varying
    }
    assert order["order_id"] == str(order["order_index"])
    assert order["order_index"] - order["nonce"] == 2**48
    assert order["side"] == ""
    assert bench.get("tx", by="hash", value="00").code == 21500


def test_no_order_is_null(bench):
    assert bench.read("accountActiveOrders")["orders"] is None
    assert bench.read("accountOrders", client_order_indexes="5,6")["orders"] is None
    assert bench.read("accountInactiveOrders", limit=5) == {"code": 200, "orders": None, "next_cursor": ""}


@pytest.mark.parametrize("sample", vectors()["order_index_samples"], ids=str)
def test_order_numbers_count_up_for_asks_and_down_for_bids(sample):
    rules = {0: "ETH", 1: "BTC", 36: "CRV"}
    market = build_markets([lighter_rules(rules[sample["market_index"]])])[rules[sample["market_index"]]]
    side = Side.SELL if sample["is_ask"] else Side.BUY
    assert order_index(market, side, sample["k"] - 1_000_000) == sample["order_index"]
    assert engine_id(market, sample["order_index"]) == (sample["k"] - 1_000_000, side)
    assert sample["order_index"] - (market.market_id + 1) * 2**48 == sample["order_object_nonce"]


def test_a_post_only_order_that_would_take_is_canceled(bench):
    reply = bench.place("buy", 235_010)
    bench.step()
    assert bench.active() == []
    (order,) = bench.by_client(bench.last_client_index())
    assert (order["status"], order["remaining_base_amount"], order["filled_base_amount"]) == (
        "canceled-post-only",
        "0.0000",
        "0.0000",
    )
    info = event_info(bench, reply)
    assert (info["ae"], STATUSES[info["st"]], info["f"]) == ("", "canceled-post-only", 2)


def test_event_info_of_an_accepted_order(bench):
    reply = bench.place("sell", 240_000, ClientOrderIndex=77)
    (order,) = bench.active()
    assert event_info(bench, reply) == {
        "a": ACCOUNT,
        "i": order["order_index"],
        "u": 77,
        "is": 250,
        "p": 240_000,
        "rs": 250,
        "ia": 1,
        "ot": 0,
        "f": 2,
        "ro": 0,
        "tp": 0,
        "e": order["order_expiry"],
        "st": 2,
        "ae": "",
    }


# --- client indexes ---
def test_a_client_index_of_a_live_order_is_refused_in_silence():
    bench = LighterBench(symbols=("ETH", "BTC"))
    bench.quote("BTC", "95000.0", "95000.1")
    session = bench.subscribe(f"account_all_orders/{ACCOUNT}")
    bench.place("buy", 234_000, ClientOrderIndex=7)
    bench.step()
    bench.frames(session)
    again = bench.place("buy", 234_100, ClientOrderIndex=7)
    elsewhere = bench.place("buy", 940_000, 100, ClientOrderIndex=7, MarketIndex=1)
    bench.step()
    assert (again.status, elsewhere.status) == (200, 200)
    assert bench.frames(session) == vectors()["frames"]["duplicate_client_index"]["private_frames"]
    expected = json.loads(vectors()["frames"]["duplicate_client_index"]["tx_lookup_event_info"])
    for reply in (again, elsewhere):
        assert json.loads(event_info(bench, reply)["ae"]) == json.loads(expected["ae"])
    assert len(bench.active()) == 1


def test_a_client_index_may_be_used_again_when_its_order_has_ended(bench):
    bench.place("buy", 234_000, ClientOrderIndex=7)
    bench.cancel(7)
    assert bench.verdict(bench.place("buy", 234_100, ClientOrderIndex=7)) == ""
    assert [order["price"] for order in bench.active()] == ["2341.00"]


def test_orders_without_a_client_index_do_not_collide(bench):
    for price in (234_000, 234_100):
        assert bench.verdict(bench.place("buy", price, ClientOrderIndex=0)) == ""
    assert [(order["client_order_index"], order["client_order_id"]) for order in bench.active()] == [(0, "0")] * 2
    index = bench.active()[0]["order_index"]
    assert bench.verdict(bench.cancel(index)) == ""


def test_the_largest_client_index_works(bench):
    bench.place("buy", 234_000, ClientOrderIndex=2**48 - 1)
    assert bench.by_client(2**48 - 1)[0]["status"] == "open"


# --- canceling ---
@pytest.mark.parametrize("by", ["client_order_index", "order_index"])
@pytest.mark.parametrize(("side", "price"), [("buy", 234_000), ("sell", 236_000)])
def test_cancel_by_either_number(bench, by, side, price):
    bench.place(side, price)
    (order,) = bench.active()
    reply = bench.cancel(order[by])
    assert event_info(bench, reply) == {
        "a": ACCOUNT,
        "i": order["order_index"],
        "u": order["client_order_index"],
        "ae": "",
    }
    (ended,) = bench.read("accountInactiveOrders", limit=10)["orders"]
    assert (ended["status"], ended["remaining_base_amount"]) == ("canceled", "0.0000")
    assert bench.cancel(order[by]).code == 21715


def test_the_other_side_of_a_number_is_another_order(bench):
    bench.place("buy", 234_000)
    index = bench.active()[0]["order_index"]
    counter = 2 * 2**48 - index
    assert bench.cancel(2**48 + counter).code == 21700


def test_a_cancel_right_after_the_receipt_finds_its_order():
    bench = slow()
    bench.place("buy", 234_000)
    index = bench.last_client_index()
    reply = bench.submit(CANCEL, MarketIndex=ETH, Index=index)
    assert reply.status == 200
    bench.wait(0.3)
    assert bench.by_client(index)[0]["status"] == "canceled"
    assert bench.verdict(reply) == ""


def test_a_cancel_that_comes_too_late_has_only_its_record_to_say_so():
    bench = slow()
    bench.place("buy", 234_000)
    bench.wait(0.3)
    session = bench.subscribe(f"account_all_orders/{ACCOUNT}")
    reply = bench.submit(CANCEL, MarketIndex=ETH, Index=bench.last_client_index())
    assert reply.status == 200
    bench.quote("ETH", "2330.00", "2330.10")
    bench.wait(0.3)
    statuses = [order["status"] for frame in bench.frames(session)[2:] for order in frame["orders"]["0"]]
    assert statuses == ["filled"]
    assert bench.verdict(reply) == 21715


def test_after_a_partial_fill_a_cancel_keeps_what_was_filled(bench):
    bench.place("buy", 235_000, 1000)
    bench.trade("ETH", "2350.00", "10.04", buyer_is_maker=True)
    bench.cancel(bench.last_client_index())
    (order,) = bench.by_client(bench.last_client_index())
    assert (order["initial_base_amount"], order["filled_base_amount"], order["remaining_base_amount"]) == (
        "0.1000",
        "0.0400",
        "0.0000",
    )
    assert (order["filled_quote_amount"], order["status"], order["base_size"]) == ("94.000000", "canceled", 0)


def test_cancel_all_now_in_one_market_or_in_all():
    bench = LighterBench(symbols=("ETH", "BTC"))
    bench.quote("BTC", "95000.0", "95000.1")
    bench.place("buy", 234_000)
    bench.place("buy", 940_000, 100, MarketIndex=1)
    bench.step()
    bench.submit(CANCEL_ALL, TimeInForce=0, Time=0, L2TxAttributes={"5": 0})
    bench.step()
    assert [order["market_index"] for order in bench.active()] == [1]
    bench.submit(CANCEL_ALL, TimeInForce=0, Time=0)
    bench.step()
    assert bench.active() == []


def test_a_dead_mans_switch_fires_unless_it_is_pushed_out_or_called_off(bench):
    bench.place("buy", 234_000)

    def schedule(minutes):
        bench.submit(CANCEL_ALL, TimeInForce=1, Time=bench.now_ms + minutes * 60_000)
        bench.step()

    schedule(5)
    account = bench.get("account", by="index", value=ACCOUNT).body["accounts"][0]
    assert account["cancel_all_time"] == bench.now_ms + 300_000
    bench.wait(200)
    schedule(5)
    bench.wait(200)
    assert len(bench.active()) == 1
    bench.submit(CANCEL_ALL, TimeInForce=2, Time=0)
    bench.wait(400)
    assert len(bench.active()) == 1
    schedule(6)
    bench.wait(361)
    assert bench.active() == []


def test_orders_expire(bench):
    bench.place("buy", 234_000, OrderExpiry=bench.now_ms + 300_000)
    index = bench.last_client_index()
    session = bench.subscribe(f"account_all_orders/{ACCOUNT}")
    bench.frames(session)
    for _ in range(3):
        bench.wait(99.9)
        bench.say(session, type="ping")
    assert bench.by_client(index)[0]["status"] == "open"
    bench.wait(0.5)
    (frame,) = bench.frames(session)
    assert frame["orders"]["0"][0]["status"] == "canceled-expired"
    assert bench.by_client(index)[0]["status"] == "canceled-expired"


# --- modifying ---
def modify(bench, index, base, price, version=0):
    attributes = {"8": version} if version else None
    reply = bench.submit(
        MODIFY,
        MarketIndex=ETH,
        Index=index,
        BaseAmount=base,
        Price=price,
        TriggerPrice=0,
        L2TxAttributes=attributes,
    )
    bench.step()
    return reply


def test_modify_keeps_the_number_and_counts_the_version(bench):
    bench.place("buy", 234_000)
    (before,) = bench.active()
    reply = modify(bench, bench.last_client_index(), 300, 234_500)
    (after,) = bench.active()
    assert after["order_index"] == before["order_index"]
    assert (after["price"], after["initial_base_amount"], after["order_version"]) == ("2345.00", "0.0300", 1)
    info = event_info(bench, reply)
    assert (info["m"], info["oo"]["p"], info["no"]["p"], info["ae"]) == (0, 234_000, 234_500, "")
    assert bench.verdict(modify(bench, after["order_index"], 300, 234_400, version=7)) == 21700
    assert bench.verdict(modify(bench, after["order_index"], 300, 234_400, version=1)) == ""


@pytest.mark.parametrize(
    ("base", "price", "code"), [(10, 234_000, 21706), (300, 235_100, 21702), (300, 280_000, 21702)]
)
def test_a_modification_that_may_not_be_leaves_the_order_alone(bench, base, price, code):
    bench.place("buy", 234_000)
    (before,) = bench.active()
    assert bench.verdict(modify(bench, bench.last_client_index(), base, price)) == code
    assert bench.active() == [before]


def test_modify_of_an_ended_order_is_refused(bench):
    bench.place("buy", 234_000)
    bench.cancel(bench.last_client_index())
    assert modify(bench, bench.last_client_index(), 300, 234_100).code == 21715


# --- taking ---
def test_a_market_order_fills_at_the_touch(bench):
    bench.take("buy", 250)
    (order,) = bench.by_client(bench.last_client_index())
    assert (order["type"], order["time_in_force"], order["status"]) == ("market", "immediate-or-cancel", "filled")
    assert (order["filled_base_amount"], order["filled_quote_amount"]) == ("0.0250", "58.752500")


@pytest.mark.parametrize(
    ("price", "base", "status", "filled"),
    [
        (235_009, 250, "canceled-too-much-slippage", "0.0000"),
        (235_010, 150_000, "canceled-too-much-slippage", "10.0000"),
        (240_000, 2_200_000, "canceled-not-enough-liquidity", "210.0000"),
    ],
)
def test_what_an_immediate_order_cannot_get(price, base, status, filled):
    bench = LighterBench(start_equity_usd=10_000_000)
    bench.take("buy", base, price)
    (order,) = bench.by_client(bench.last_client_index())
    assert (order["status"], order["filled_base_amount"], order["remaining_base_amount"]) == (status, filled, "0.0000")


def test_a_limit_order_takes_and_rests(bench):
    bench.place("buy", 235_010, 100_100, TimeInForce=1)
    assert bench.active() == [], "10 ETH need more than the account has"
    rich = LighterBench(start_equity_usd=1_000_000)
    rich.place("buy", 235_010, 100_100, TimeInForce=1)
    (order,) = rich.active()
    assert (order["filled_base_amount"], order["remaining_base_amount"]) == ("10.0000", "0.0100")
    assert (order["status"], order["time_in_force"]) == ("open", "good-till-time")


@pytest.mark.parametrize(
    ("behavior", "statuses"),
    [
        ({}, {"first": "canceled-self-trade", "second": "filled"}),
        ({"6": 1}, {"first": "open", "second": "canceled-self-trade"}),
        ({"6": 2}, {"first": "canceled-self-trade", "second": "canceled-self-trade"}),
    ],
)
def test_self_trades_are_prevented_as_asked(bench, behavior, statuses):
    bench.place("buy", 235_005, ClientOrderIndex=1)
    bench.take("sell", 250, ClientOrderIndex=2, L2TxAttributes=behavior or None)
    first, second = bench.by_client(1, 2)
    assert {"first": first["status"], "second": second["status"]} == statuses


# --- margin ---
def test_a_resting_order_without_margin_is_refused_at_the_gate(bench):
    reply = bench.place("buy", 234_000, 90_000)
    assert (reply.status, reply.code) == (400, 21739)


def test_a_resting_order_that_loses_its_margin_on_the_way_vanishes():
    bench = slow()
    session = bench.subscribe(f"account_all_orders/{ACCOUNT}")
    bench.frames(session)
    first, second = bench.place("buy", 234_000, 80_000), bench.place("buy", 234_100, 80_000)
    bench.wait(0.3)
    assert [bench.verdict(reply) for reply in (first, second)] == ["", 21739]
    assert len(bench.frames(session)) == 1
    assert bench.by_client(bench.last_client_index()) == []


def test_a_taking_order_without_margin_leaves_a_canceled_order(bench):
    session = bench.subscribe(f"account_all_orders/{ACCOUNT}")
    bench.frames(session)
    reply = bench.take("buy", 900_000)
    (frame,) = bench.frames(session)
    (order,) = frame["orders"]["0"]
    assert (order["status"], order["filled_base_amount"]) == ("canceled-margin-not-allowed", "0.0000")
    assert STATUSES[event_info(bench, reply)["st"]] == order["status"]
    (found,) = bench.by_client(bench.last_client_index())
    assert found["order_index"] == order["order_index"]
    assert bench.read("accountInactiveOrders", limit=1)["orders"][0]["order_index"] == order["order_index"]
    assert bench.cancel(order["order_index"]).code == 21715


# --- reduce-only ---
@pytest.mark.parametrize(("side", "price", "code"), [("sell", 240_000, 21732), ("buy", 230_000, 21738)])
def test_reduce_only_with_nothing_to_reduce_vanishes(bench, side, price, code):
    if code == 21738:
        bench.take("buy", 250)
    session = bench.subscribe(f"account_all_orders/{ACCOUNT}")
    bench.frames(session)
    reply = bench.place(side, price, ReduceOnly=1)
    bench.step()
    assert reply.status == 200
    assert bench.frames(session) == []
    assert bench.by_client(bench.last_client_index()) == []
    assert bench.verdict(reply) == code


def test_reduce_only_rests_and_goes_with_the_position(bench):
    bench.take("buy", 250)
    bench.place("sell", 236_000, 250, ReduceOnly=1)
    index = bench.last_client_index()
    assert bench.active()[0]["reduce_only"] is True
    covered = bench.place("sell", 236_100, 250, ReduceOnly=1)
    assert bench.verdict(covered) == 21732
    bench.take("sell", 250)
    assert bench.by_client(index)[0]["status"] == "canceled-reduce-only"


# --- leverage ---
def leverage(bench, fraction, mode=0):
    reply = bench.submit(LEVERAGE, MarketIndex=ETH, InitialMarginFraction=fraction, MarginMode=mode)
    bench.step()
    return reply


def position(bench):
    return bench.get("account", by="index", value=ACCOUNT).body["accounts"][0]["positions"][0]


@pytest.mark.parametrize("row", vectors()["leverage_to_imf"], ids=lambda row: str(row["leverage"]))
def test_leverage_is_set_by_margin_fraction(bench, row):
    assert position(bench)["initial_margin_fraction"] == "5.00"
    assert bench.verdict(leverage(bench, row["initial_margin_fraction"])) == ""
    assert position(bench)["initial_margin_fraction"] == f"{row['initial_margin_fraction'] / 100:.2f}"
    assert bench.venue.engine.position(str(ACCOUNT), "ETH").leverage == row["leverage"]


def test_leverage_that_the_margin_does_not_bear_is_refused_by_the_sequencer(bench):
    bench.place("buy", 234_000, 50_000)
    assert bench.verdict(leverage(bench, 10_000)) == 21508
    assert position(bench)["initial_margin_fraction"] == "5.00"


def test_the_margin_mode_changes_only_without_a_position(bench):
    assert bench.verdict(leverage(bench, 1000, 1)) == ""
    assert position(bench)["margin_mode"] == 1
    assert leverage(bench, 1000, 0).status == 200
    bench.take("buy", 250)
    assert leverage(bench, 1000, 1).code == 21132
    assert leverage(bench, 500, 0).status == 200


# --- lifetime ---
def test_a_transaction_that_waited_too_long_never_appears():
    bench = slow()
    reply = bench.submit(CREATE, **bench.order("buy", 234_000), ExpiredAt=bench.now_ms + 100)
    assert reply.status == 200
    bench.wait(0.3)
    assert bench.active() == []
    assert bench.get("tx", by="hash", value=reply.body["tx_hash"]).code == 21500
    assert bench.place("buy", 234_000).status == 200, "its nonce is used up all the same"


# --- batches ---
def batch(bench, *transactions):
    types = json.dumps([tx_type for tx_type, _ in transactions])
    infos = json.dumps([json.dumps(info) for _, info in transactions])
    return bench.exchange(post("sendTxBatch", tx_types=types, tx_infos=infos))


def test_a_batch_is_taken_one_by_one(bench):
    infos = [(CREATE, bench.info(CREATE, **bench.order("buy", price))) for price in (234_000, 234_100)]
    reply = batch(bench, *infos)
    assert reply.status == 200
    assert sorted(reply.body) == sorted(vectors()["frames"]["rest"]["send_tx_batch_ok"])
    assert len(reply.body["tx_hash"]) == 2
    assert len(bench.active()) == 2


def test_what_a_batch_must_not_be(bench):
    first, second = (bench.info(CREATE, **bench.order("buy", price)) for price in (234_000, 234_100))
    assert batch(bench, (CREATE, second), (CREATE, first)).code == 21105
    assert batch(bench, (CREATE, first), (CREATE, second | {"ApiKeyIndex": 9})).code == 21121
    assert batch(bench, *[(CREATE, first)] * 16).code == 21514
    assert batch(bench).code == 21514
    lengths = post("sendTxBatch", tx_types="[14]", tx_infos="[]")
    assert bench.exchange(lengths).code == 21513
    assert bench.exchange(post("sendTxBatch", tx_types="14", tx_infos="x")).code == 21501
    assert bench.active() == []


def test_what_stands_before_a_refused_part_stays(bench):
    good, gap = (bench.info(CREATE, **bench.order("buy", price)) for price in (234_000, 234_100))
    reply = batch(bench, (CREATE, good), (CREATE, gap | {"Nonce": gap["Nonce"] + 5}))
    assert reply.code == 21104
    assert [order["price"] for order in bench.active()] == ["2340.00"]


def test_a_multipart_form_is_read_too(bench):
    info = json.dumps(bench.info(CREATE, **bench.order("buy", 234_000)))
    parts = "".join(
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"tx_type": "14", "tx_info": info}.items()
    )
    call = post("sendTx")
    multipart = type(call)(
        method="POST",
        path=call.path,
        headers={"content-type": "multipart/form-data; boundary=frontier"},
        body=f"{parts}--frontier--\r\n".encode(),
    )
    assert bench.exchange(multipart).status == 200
    assert len(bench.active()) == 1
