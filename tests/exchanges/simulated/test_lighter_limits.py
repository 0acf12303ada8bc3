"""Quotas, mishaps and restarts of the simulated Lighter (venues/lighter.md 4, 16)."""

import json
from dataclasses import replace
from random import Random

import pytest

from exchanges.order_ids import OrderKey, pack
from exchanges.simulated.assembly import face_kit
from exchanges.simulated.faces.lighter.credentials import make_credentials, read_credentials
from exchanges.simulated.faces.lighter.limits import RollingWindow
from exchanges.simulated.faces.mishaps import Mishap, PlannedMishap
from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.lighter_bench import (
    ACCOUNT,
    CANCEL_ALL,
    CREATE,
    ETH,
    LEVERAGE,
    MS,
    SECOND,
    LighterBench,
    post,
    rest_sample,
    vectors,
)


@pytest.fixture
def bench():
    return LighterBench()


def ask(bench, name="orderBooks", address="1.1.1.1", query=""):
    return bench.exchange(HttpCall(method="GET", path=f"/api/v1/{name}", query=query, address=address))


# --- quotas ---
def test_sixty_reads_in_any_minute(bench):
    for _ in range(60):
        assert ask(bench).status == 200
        bench.wait(0.5)
    refused = ask(bench)
    assert (refused.status, refused.body) == (429, rest_sample("error rate limit")["body"])
    assert ask(bench, address="2.2.2.2").status == 200
    bench.wait(31)
    assert ask(bench).status == 200


def test_after_a_refusal_there_is_a_pause(bench):
    for _ in range(61):
        last = ask(bench)
    assert last.status == 429
    bench.wait(59.5)
    assert ask(bench).status == 429
    bench.wait(0.9)
    assert ask(bench).status == 429, "asked too early: another second"
    bench.wait(1.1)
    assert ask(bench).status == 200


def test_heavy_paths_have_fewer(bench):
    query = f"market_id={ETH}&limit=5"
    assert [ask(bench, "recentTrades", query=query).status for _ in range(41)] == [200] * 40 + [429]
    bench.wait(1.1)
    assert ask(bench).status == 200


def test_the_root_is_free(bench):
    for _ in range(100):
        assert bench.exchange(HttpCall(method="GET", path="/")).status == 200


def test_who_does_not_stop_is_sent_away_by_the_firewall(bench):
    statuses = [ask(bench).status for _ in range(170)]
    assert statuses.count(200) == 60
    assert statuses[-1] == 405
    reply = ask(bench)
    assert (reply.headers["Content-Type"], reply.status) == ("text/html", 405)
    bench.wait(61)
    assert ask(bench).status == 200


def test_sixty_transactions_in_any_minute_by_whatever_way(bench):
    session = bench.subscribe()
    for _ in range(30):
        assert bench.submit(CANCEL_ALL, TimeInForce=0, Time=0).status == 200
    for number in range(30):
        info = bench.info(CANCEL_ALL, TimeInForce=0, Time=0)
        bench.say(session, type="jsonapi/sendtx", data={"id": str(number), "tx_type": CANCEL_ALL, "tx_info": info})
    refused = bench.submit(CANCEL_ALL, TimeInForce=0, Time=0)
    assert (refused.status, refused.code) == (429, 23000)
    (frame,) = bench.say(session, type="jsonapi/sendtx", data={"id": "x", "tx_type": 16, "tx_info": {}})
    assert frame == {"error": {"code": 23000, "message": "Too Many Requests!"}, "id": "x"}
    assert ask(bench).status == 200
    bench.wait(61)
    assert bench.get("nextNonce", account_index=ACCOUNT, api_key_index=4).body["nonce"] == 61
    assert bench.submit(CANCEL_ALL, TimeInForce=0, Time=0, Nonce=61).status == 200


def test_refused_transactions_count_too(bench):
    for _ in range(60):
        bench.submit(CANCEL_ALL, TimeInForce=0, Time=0, Nonce=99)
    assert bench.submit(CANCEL_ALL, TimeInForce=0, Time=0).code == 23000


def test_a_batch_counts_as_its_transactions(bench):
    for _ in range(4):
        bench.exchange(post("sendTxBatch", tx_types=json.dumps([16] * 15), tx_infos=json.dumps(["{}"] * 15)))
    assert bench.submit(CANCEL_ALL, TimeInForce=0, Time=0).code == 23000


def test_forty_changes_of_leverage_a_minute(bench):
    change = {"MarketIndex": ETH, "InitialMarginFraction": 1000, "MarginMode": 0}
    codes = [bench.submit(LEVERAGE, **change).code for _ in range(41)]
    assert codes == [None] * 40 + [23000]
    assert bench.place("buy", 234_000).status == 200


def test_a_window_rolls():
    window = RollingWindow(2)
    assert [window.take(1, at * SECOND) for at in (0, 30, 59)] == [True, True, False]
    assert window.take(1, 60 * SECOND) is True
    assert window.used(89 * SECOND) == 2
    assert window.used(91 * SECOND) == 1
    assert window.take(2, 91 * SECOND) is False


# --- mishaps ---
def plan(bench, mishap, **choice):
    bench.face.mishaps.plan(PlannedMishap(mishap=mishap, **choice))


@pytest.mark.parametrize(
    ("mishap", "status", "orders"),
    [
        (Mishap.LOST_REQUEST, None, 0),
        (Mishap.LOST_REPLY, None, 1),
        (Mishap.TIMEOUT_BEFORE, 504, 0),
        (Mishap.TIMEOUT_AFTER, 504, 1),
        (Mishap.RATE_LIMITED, 429, 0),
        (Mishap.HTML, 502, 0),
        (Mishap.STALE_NONCE, 400, 0),
    ],
)
def test_mishaps_of_a_transaction(bench, mishap, status, orders):
    plan(bench, mishap, method="POST", name="sendTx")
    info = json.dumps(bench.info(CREATE, **bench.order("buy", 234_000)))
    request_id = bench.send(post("sendTx", tx_type=CREATE, tx_info=info))
    reply = bench.answer(request_id)
    assert (reply.status if reply else None) == status
    assert bench.was_dropped(request_id) is (status is None)
    assert len(bench.active()) == orders


def test_a_mishap_may_wait_for_one_kind_of_transaction(bench):
    plan(bench, Mishap.RATE_LIMITED, name="cancelOrder")
    assert bench.place("buy", 234_000).status == 200
    assert bench.cancel(bench.last_client_index()).status == 429
    assert bench.cancel(bench.last_client_index()).status == 200


def test_mishaps_of_reads(bench):
    plan(bench, Mishap.HTML, name="orderBooks")
    assert ask(bench).status == 502
    assert ask(bench).status == 200
    plan(bench, Mishap.LATE_REPLY, name="orderBooks", delay_ns=700 * MS)
    number = bench.send(HttpCall(method="GET", path="/api/v1/orderBooks"))
    assert bench.answer(number) is None
    bench.wait(0.8)
    late = bench.answer(number)
    assert late is not None
    assert late.status == 200


def test_mishaps_of_other_venues_do_not_happen(bench):
    with pytest.raises(ValueError, match="does not happen"):
        plan(bench, Mishap.ERROR_IN_200)


# --- restarts ---
def restarted(bench):
    state = json.loads(json.dumps(bench.venue.snapshot()))
    fresh = LighterBench(start=False, quote=False, start_ms=bench.now_ms)
    fresh.venue.restore(state)
    fresh.begin()
    fresh.nonce = bench.nonce
    fresh._client_index = bench.last_client_index()
    return fresh


def test_a_restart_keeps_orders_nonces_switches_and_expiries(bench):
    bench.take("buy", 500)
    bench.place("sell", 240_000, ReduceOnly=1, OrderExpiry=bench.now_ms + 600_000)
    bench.submit(LEVERAGE, MarketIndex=ETH, InitialMarginFraction=1500, MarginMode=0)
    bench.submit(CANCEL_ALL, TimeInForce=1, Time=bench.now_ms + 900_000)
    bench.step()
    before, trades = bench.active(), bench.read("trades", sort_by="timestamp", limit=9)["trades"]
    fresh = restarted(bench)
    assert fresh.active() == before
    assert fresh.read("trades", sort_by="timestamp", limit=9)["trades"] == trades
    fresh.quote("ETH", "2350.00", "2350.10")
    row = fresh.get("account", by="index", value=ACCOUNT).body["accounts"][0]
    assert row["positions"][0]["initial_margin_fraction"] == "15.00"
    assert row["cancel_all_time"] == bench.now_ms + 900_000
    session = fresh.subscribe(f"account_all_orders/{ACCOUNT}", f"account_all_positions/{ACCOUNT}")
    _, orders, positions = fresh.frames(session)
    assert orders["orders"]["0"] == before
    assert positions["positions"]["0"]["position"] == "0.0500"
    assert fresh.place("buy", 234_000).status == 200, "nonces go on"
    fresh.wait(601)
    (expired,) = fresh.by_client(before[0]["client_order_index"])
    assert expired["status"] == "canceled-expired"
    fresh.wait(300)
    assert fresh.active() == []


def test_what_came_with_forgotten_orders_is_forgotten(bench, monkeypatch):
    monkeypatch.setattr("exchanges.simulated.faces.lighter.orders.PRUNE_EVERY", 3)
    orders = bench.face.sequencer.orders
    orders._metas.update(dict.fromkeys(range(5000, 5003), orders._metas.get(0)))
    orders._prune_at = 4
    bench.place("buy", 234_000)
    bench.step()
    assert list(orders._metas) == [1]
    assert bench.active()[0]["order_expiry"] > 0


def test_orders_that_never_entered_are_kept_for_a_while(bench, monkeypatch):
    monkeypatch.setattr("exchanges.simulated.faces.lighter.orders.KEPT_PHANTOMS", 2)
    for index in (1, 2, 3):
        bench.take("buy", 900_000, ClientOrderIndex=index)
    assert [row["client_order_index"] for row in bench.by_client(1, 2, 3)] == [2, 3]
    assert len({row["order_index"] for row in bench.by_client(2, 3)}) == 2


@pytest.mark.parametrize("broken", [{}, {"nonces": {}}, {"nonces": {"4": 1}, "orders": {"metas": {"1": [1]}}}])
def test_a_state_that_cannot_be_read_is_said_so(bench, broken):
    with pytest.raises(ValueError, match="the face's state cannot be read"):
        bench.face.restore(broken)


# --- credentials and ids ---
def test_new_credentials_can_be_used():
    kit = face_kit("lighter")
    made = kit.make_credentials(Random(3))
    assert sorted(made) == ["account_index", "api_key_index", "chain_id", "private_key"]
    assert read_credentials(made).as_dict() == made
    assert len(read_credentials(made).public_key()) == 40
    assert make_credentials(Random(3)) != make_credentials(Random(4))


@pytest.mark.parametrize(
    "change", [{"private_key": "0x1234"}, {"private_key": "zz"}, {"extra": 1}, {"account_index": "x"}], ids=str
)
def test_credentials_that_cannot_be_used_are_refused(change):
    given = dict(make_credentials(Random(3)).as_dict()) | change
    with pytest.raises(ValueError, match=r".+"):
        read_credentials(given).public_key()


def test_a_known_key_gives_the_known_public_key():
    key = vectors()["key"]
    made = replace(make_credentials(Random(3)), private_key=key["private_key"])
    assert made.public_key().hex() == key["public_key"][2:]


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("4294967295", 2**32 - 1), ("4294967296", None), ("0", None), ("sim-5", None), ("", None)],
)
def test_the_oracle_reads_client_indexes_of_32_bits(text, number):
    assert face_kit("lighter").decode(text) == number


def test_the_oracle_counts_by_client_index(bench):
    entry, exit_ = pack(OrderKey(1, 1, 0)), pack(OrderKey(1, 1, 1))
    bench.place("buy", 234_000, ClientOrderIndex=entry)
    bench.place("sell", 240_000, ClientOrderIndex=exit_)
    bench.step()
    kinds = [violation.kind.value for violation in bench.venue.oracle.violations]
    assert kinds == ["not_reduce_only"]
