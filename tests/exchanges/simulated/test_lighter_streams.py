"""WebSocket of the simulated Lighter: sessions, channels, frames (venues/lighter.md 8.2, 11.3, 12)."""

import json
from decimal import Decimal

import pytest

from exchanges.simulated.engine_types import CancelAll
from exchanges.simulated.faces.mishaps import Mishap, PlannedMishap
from tests.exchanges.simulated.lighter_bench import (
    ACCOUNT,
    CREATE,
    ETH,
    LEVERAGE,
    MS,
    LighterBench,
    frames_of,
    vectors,
)

ORDERS, TRADES, POSITIONS = (f"account_all_{name}/{ACCOUNT}" for name in ("orders", "trades", "positions"))


@pytest.fixture
def bench():
    return LighterBench()


def kinds(frames):
    return [frame["type"] for frame in frames]


# --- sessions ---
def test_the_first_frame_says_connected(bench):
    session = bench.connect("/stream")
    (frame,) = bench.frames(session)
    assert sorted(frame) == sorted(frames_of("connected"))
    assert frame["type"] == "connected"
    assert len(frame["session_id"]) == 36


@pytest.mark.parametrize("target", ["/", "/ws", "/streams"])
def test_other_paths_are_no_streams(bench, target):
    assert not bench.venue.open_session(99, target, bench.now_ns)


def test_a_ping_is_answered(bench):
    session = bench.subscribe()
    bench.frames(session)
    assert bench.say(session, type="ping") == [{"type": "pong"}]
    assert bench.say(session, type="pong") == []


def test_who_says_nothing_for_two_minutes_is_closed_however_much_it_hears(bench):
    session = bench.subscribe("ticker/0")
    for step in range(119):
        bench.wait(1)
        bench.quote("ETH", f"23{step % 50 + 10}.00", f"23{step % 50 + 11}.00")
    assert bench.closed(session) is None
    bench.wait(1.5)
    closed = bench.closed(session)
    assert closed is not None
    assert (closed.code, closed.abrupt) == (1000, False)


@pytest.mark.parametrize("sign_of_life", ["ping", "protocol pong", "protocol ping"])
def test_any_frame_of_the_client_keeps_a_session_open(bench, sign_of_life):
    session = bench.subscribe()
    for _ in range(3):
        bench.wait(100)
        if sign_of_life == "ping":
            bench.say(session, type="ping")
        elif sign_of_life == "protocol ping":
            bench.venue.ping(session, bench.now_ns)
        else:
            bench.venue.pong(session, bench.now_ns)
    assert bench.closed(session) is None


def test_a_shutdown_is_announced(bench):
    session = bench.subscribe()
    bench.frames(session)
    bench.face.sessions.announce_shutdown(5000, bench.now_ns)
    bench.step()
    assert bench.frames(session) == [{"type": "shutdown", "close_in_ms": 5000}]
    bench.wait(5.1)
    assert bench.closed(session) is not None


def test_connections_and_channels_have_a_limit(bench):
    session = bench.subscribe()
    for number in range(1000, 1254):
        assert bench.venue.open_session(number, "/stream", bench.now_ns)
    assert not bench.venue.open_session(5000, "/stream", bench.now_ns)
    bench.face.sessions._sessions[session].channels.update({f"x:{number}": None for number in range(500)})
    bench.frames(session)
    assert bench.say(session, type="subscribe", channel="height")[0]["error"]["code"] == 23001


def test_too_many_frames_are_refused_and_transactions_do_not_count(bench):
    session = bench.subscribe()
    for _ in range(200):
        bench.say(session, type="ping")
    assert bench.say(session, type="ping") == [{"error": {"code": 30009, "message": "Too Many Messages"}}]
    info = bench.info(CREATE, **bench.order("buy", 234_000))
    (frame,) = bench.say(session, type="jsonapi/sendtx", data={"id": "a", "tx_type": 14, "tx_info": info})
    assert frame["code"] == 200


# --- errors ---
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 30000),
        ("[]", 30000),
        ("[" * 100_000, 30000),
        ('{"type":"hello"}', 30001),
        ("{}", 30001),
        ('{"type":"jsonapi/other","data":{}}', 30001),
        ('{"type":"jsonapi/sendtx"}', 30007),
        ('{"type":"subscribe"}', 30005),
        ('{"type":"subscribe","channel":5}', 30005),
        ('{"type":"subscribe","channel":"weather"}', 30005),
        ('{"type":"subscribe","channel":"ticker/9"}', 30005),
        ('{"type":"subscribe","channel":"ticker/x"}', 30005),
        ('{"type":"subscribe","channel":"ticker/' + "9" * 5000 + '"}', 30005),
        ('{"type":"subscribe","channel":"user_stats/777"}', 30005),
        ('{"type":"subscribe","channel":"account_orders/9/12345"}', 30005),
        ('{"type":"subscribe","channel":"candle/0/1m"}', 30006),
        ('{"type":"unsubscribe","channel":"trade/1"}', 30002),
    ],
)
def test_errors_leave_the_session_open(bench, text, code):
    session = bench.subscribe()
    bench.frames(session)
    bench.tell(session, text)
    (frame,) = bench.frames(session)
    assert frame["error"]["code"] == code
    assert sorted(frame) == ["error"]
    assert bench.say(session, type="ping") == [{"type": "pong"}]


def test_errors_read_as_recorded(bench):
    session = bench.subscribe("ticker/0")
    bench.frames(session)
    recorded = frames_of("ws_errors")
    assert bench.say(session, type="subscribe", channel="ticker/0") == [recorded[0]]
    assert bench.say(session, type="unsubscribe", channel="trade/1") == [recorded[1]]
    assert bench.say(session, type="subscribe", channel="nothing") == [recorded[2]]
    assert bench.say(session, type="subscribe", channel=ORDERS) == [recorded[3]]
    late = bench.token(deadline_s=bench.now_ms // 1000 + 9 * 3600)
    assert bench.say(session, type="subscribe", channel=f"account_tx/{ACCOUNT}", auth=late) == [recorded[4]]


def test_a_second_subscription_gives_no_snapshot_until_the_first_is_ended(bench):
    session = bench.subscribe("order_book/0")
    assert kinds(bench.frames(session)) == ["connected", "subscribed/order_book"]
    (refused,) = bench.say(session, type="subscribe", channel="order_book/0")
    assert refused["error"]["code"] == 30003
    assert bench.say(session, type="unsubscribe", channel="order_book/0") == [
        {"type": "unsubscribed", "channel": "order_book:0"}
    ]
    assert kinds(bench.say(session, type="subscribe", channel="order_book/0")) == ["subscribed/order_book"]


@pytest.mark.parametrize(
    "channel",
    [
        ORDERS,
        f"account_orders/0/{ACCOUNT}",
        f"account_market/0/{ACCOUNT}",
        f"account_tx/{ACCOUNT}",
        f"account_all_assets/{ACCOUNT}",
        f"notification/{ACCOUNT}",
    ],
)
def test_private_channels_need_a_token(bench, channel):
    session = bench.subscribe(channel, auth=False)
    error = bench.frames(session)[-1]["error"]
    assert error["code"] == 20001
    (refused,) = bench.say(session, type="subscribe", channel=channel, auth="rubbish")
    assert refused["error"]["code"] == 20013
    assert kinds(bench.say(session, type="subscribe", channel=channel, auth=bench.token()))[0].startswith("subscribed/")


@pytest.mark.parametrize("channel", [TRADES, POSITIONS, f"account_all/{ACCOUNT}", f"user_stats/{ACCOUNT}"])
def test_some_account_channels_are_open_to_all(bench, channel):
    session = bench.subscribe(channel, auth=False)
    assert kinds(bench.frames(session))[1] == f"subscribed/{channel.partition('/')[0]}"
    assert bench.face.private_sessions() == (session,)


# --- books and tickers ---
def test_a_book_begins_with_everything_and_goes_on_with_differences(bench):
    session = bench.subscribe("order_book/0")
    snapshot = bench.frames(session)[1]
    sample = frames_of("order_book_stream_ok")[0]
    assert sorted(snapshot) == sorted(sample)
    assert sorted(snapshot["order_book"]) == sorted(sample["order_book"])
    book = snapshot["order_book"]
    assert (book["begin_nonce"], book["code"], len(book["bids"]), len(book["asks"])) == (0, 0, 21, 21)
    assert book["bids"][0] == {"price": "2350.00", "size": "10.0000"}
    nonce, offset = book["nonce"], snapshot["offset"]
    for bid, ask in (("2350.01", "2350.10"), ("2340.00", "2340.10")):
        bench.quote("ETH", bid, ask)
        bench.wait(0.06)
        (frame,) = bench.frames(session)
        assert frame["type"] == "update/order_book"
        assert frame["order_book"]["begin_nonce"] == nonce
        assert frame["order_book"]["nonce"] > nonce
        assert frame["offset"] == offset + 1
        nonce, offset = frame["order_book"]["nonce"], frame["offset"]


def test_the_differences_of_a_book_add_up(bench):
    session = bench.subscribe("order_book/0")
    sides = {"bids": {}, "asks": {}}
    for step in range(30):
        bench.quote("ETH", f"{2300 + step * 7 % 11}.00", f"{2320 + step * 5 % 9}.00", str(step + 1))
        bench.wait(0.06)
    for frame in bench.frames(session)[1:]:
        for side, levels in sides.items():
            for level in frame["order_book"][side]:
                levels[level["price"]] = level["size"]
    kept = {side: {p: s for p, s in levels.items() if float(s)} for side, levels in sides.items()}
    book = bench.face.market.book("ETH")
    assert kept["bids"] == {f"{price:.2f}": f"{size:.4f}" for price, size in book.bids}
    assert kept["asks"] == {f"{price:.2f}": f"{size:.4f}" for price, size in book.asks}


def test_a_newcomer_joins_the_same_chain(bench):
    first = bench.subscribe("order_book/0")
    bench.quote("ETH", "2349.00", "2349.10")
    late = bench.subscribe("order_book/0")
    bench.wait(0.06)
    snapshot, update = bench.frames(late)[1:]
    assert update["order_book"]["begin_nonce"] == snapshot["order_book"]["nonce"]
    assert bench.frames(first)[-1] == update


def test_a_market_without_a_quote_has_an_empty_book():
    bench = LighterBench(quote=False)
    session = bench.subscribe("order_book/0", "ticker/0", "trade/0")
    _, book, ticker, trades = bench.frames(session)
    assert (book["order_book"]["nonce"], book["order_book"]["asks"], book["order_book"]["bids"]) == (0, [], [])
    assert ticker["ticker"]["a"] == {"price": "", "size": ""}
    assert trades["trades"] is None


def test_the_ticker_tells_changes_only(bench):
    session = bench.subscribe("ticker/0")
    snapshot = bench.frames(session)[1]
    assert sorted(snapshot) == sorted(frames_of("ticker"))
    assert sorted(snapshot["ticker"]) == sorted(frames_of("ticker")["ticker"])
    bench.quote("ETH", "2350.00", "2350.10")
    bench.quote("ETH", "2350.00", "2350.10")
    assert bench.frames(session) == []
    bench.quote("ETH", "2350.00", "2350.20")
    (frame,) = bench.frames(session)
    assert frame["type"] == "update/ticker"
    assert frame["ticker"]["a"]["price"] == "2350.20"
    assert frame["nonce"] > snapshot["nonce"]


def test_prints_are_told_and_replayed(bench):
    early = bench.subscribe("trade/0")
    bench.frames(early)
    for _ in range(60):
        bench.trade("ETH", "2350.10", "0.5", buyer_is_maker=False)
    updates = bench.frames(early)
    assert len(updates) == 60
    (trade,) = updates[-1]["trades"]
    assert (trade["price"], trade["size"], trade["usd_amount"], trade["is_maker_ask"]) == (
        "2350.10",
        "0.5000",
        "1175.050000",
        True,
    )
    late = bench.subscribe("trade/0")
    snapshot = bench.frames(late)[1]
    assert len(snapshot["trades"]) == 50
    assert snapshot["trades"][-1] == trade
    assert snapshot["liquidation_trades"] is None


def test_statistics_and_heights_come_every_second(bench):
    session = bench.subscribe("market_stats/0", "market_stats/all", "height")
    _, one, every = bench.frames(session)
    assert one["market_stats"]["mark_price"] == "2350.05"
    assert every["market_stats"]["0"]["symbol"] == "ETH"
    bench.wait(2.5)
    frames = bench.frames(session)
    assert sorted(set(kinds(frames))) == ["update/height", "update/market_stats"]
    heights = [frame["height"] for frame in frames if frame["type"] == "update/height"]
    assert heights == sorted(set(heights))
    assert len(heights) >= 2


# --- the account ---
def test_snapshots_of_a_flat_account(bench):
    session = bench.subscribe(ORDERS, TRADES, POSITIONS)
    _, orders, trades, positions = bench.frames(session)
    assert orders == frames_of("account_all_orders_empty_snapshot")
    assert trades == frames_of("account_all_trades_snapshot")
    assert positions["positions"] == {}
    assert sorted(positions) == sorted(frames_of("scenario_partial_then_full_fill")[1])


def shape(frame):
    """A frame with its values taken out: names all the way down."""
    if isinstance(frame, dict):
        return {name: shape(value) for name, value in frame.items()}
    return [shape(value) for value in frame] if isinstance(frame, list) else type(frame).__name__


def test_a_life_of_an_order_reads_as_recorded():
    bench = LighterBench(maker_fee_bps=Decimal("0.28"), start_equity_usd=10_000)
    bench.quote("ETH", "2345.67", "2350.10", "0.01")
    session = bench.subscribe(ORDERS, TRADES, POSITIONS)
    bench.frames(session)
    recorded = frames_of("scenario_partial_then_full_fill")
    samples = {frame["type"]: frame for frame in recorded}
    bench.place("buy", 234_567, ClientOrderIndex=1001)
    bench.step()
    bench.trade("ETH", "2345.67", "0.02", buyer_is_maker=True)
    bench.trade("ETH", "2345.67", "0.015", buyer_is_maker=True)
    frames = bench.frames(session)
    assert sorted(kinds(frames)) == sorted(kinds(recorded))
    for frame in frames:
        sample = samples[frame["type"]]
        assert sorted(frame) == sorted(sample)
        family = frame["type"].rpartition("_")[2]
        row, wanted = frame[family]["0"], sample[family]["0"]
        if family != "positions":
            (row,), (wanted,) = row, wanted
        assert wanted.keys() - row.keys() == set()
        assert {name: shape(row[name]) for name in wanted} == shape(wanted)
    orders = [frame["orders"]["0"][0] for frame in frames if "orders" in frame]
    assert [(order["status"], order["filled_base_amount"], order["remaining_base_amount"]) for order in orders] == [
        ("open", "0.0000", "0.0250"),
        ("open", "0.0100", "0.0150"),
        ("filled", "0.0250", "0.0000"),
    ]
    assert [order["integrator_taker_fee"] for order in orders] == ["0", "0", "0"]
    trades = [frame["trades"]["0"][0] for frame in frames if "trades" in frame]
    assert [(trade["size"], trade["maker_fee"], trade["bid_client_id"]) for trade in trades] == [
        ("0.0100", 28, 1001),
        ("0.0150", 28, 1001),
    ]
    assert [trade["maker_position_size_before"] for trade in trades] == ["0.0000", "0.0100"]
    assert not any("taker_fee" in trade for trade in trades)
    positions = [frame["positions"]["0"] for frame in frames if "positions" in frame]
    assert [(row["position"], row["open_order_count"], row["sign"]) for row in positions] == [
        ("0.0000", 1, 1),
        ("0.0100", 1, 1),
        ("0.0250", 0, 1),
    ]


def test_a_post_only_refusal_is_one_frame(bench):
    session = bench.subscribe(ORDERS)
    bench.frames(session)
    bench.place("buy", 235_010)
    bench.step()
    (frame,) = bench.frames(session)
    (order,) = frame["orders"]["0"]
    sample = frames_of("scenario_postonly_rejected")[0]["orders"]["0"][0]
    names = ("status", "filled_base_amount", "remaining_base_amount", "base_size", "side", "type", "time_in_force")
    assert {name: order[name] for name in names} == {name: sample[name] for name in names}


def test_trade_and_order_frames_come_in_no_fixed_order():
    bench = LighterBench(start_equity_usd=1_000_000)
    session = bench.subscribe(ORDERS, TRADES)
    bench.frames(session)
    seen = set()
    for _ in range(30):
        bench.forget_quotas()
        bench.take("buy")
        seen.add(tuple(kinds(bench.frames(session))))
    assert seen == {
        ("update/account_all_orders", "update/account_all_trades"),
        ("update/account_all_trades", "update/account_all_orders"),
    }


def test_all_cancels_of_one_moment_are_one_frame(bench):
    for price in (234_000, 234_100, 234_200):
        bench.place("buy", price)
    session = bench.subscribe(ORDERS)
    snapshot = bench.frames(session)[1]
    assert [order["integrator_taker_fee"] for order in snapshot["orders"]["0"]] == ["", "", ""]
    bench.venue.engine.execute(str(ACCOUNT), CancelAll(), bench.now_ns)
    bench.step()
    (frame,) = bench.frames(session)
    assert [order["status"] for order in frame["orders"]["0"]] == ["canceled"] * 3


def test_a_snapshot_is_never_ahead_of_the_frames_that_follow():
    bench = LighterBench(fill_latency_ms=150)
    bench.place("buy", 234_000)
    bench.wait(0.2)
    bench.quote("ETH", "2330.00", "2330.10")
    session = bench.subscribe(ORDERS, POSITIONS)
    _, orders, positions = bench.frames(session)
    assert orders["orders"]["0"][0]["status"] == "open"
    assert positions["positions"]["0"]["position"] == "0.0000"
    bench.wait(0.2)
    frames = bench.frames(session)
    assert sorted(kinds(frames)) == ["update/account_all_orders", "update/account_all_positions"]
    late = bench.subscribe(ORDERS, POSITIONS)
    _, orders, positions = bench.frames(late)
    assert orders["orders"] == {}
    assert (positions["positions"]["0"]["position"], positions["positions"]["0"]["sign"]) == ("0.0250", 1)


def test_a_short_position_has_a_sign(bench):
    session = bench.subscribe(
        POSITIONS, f"user_stats/{ACCOUNT}", f"account_all/{ACCOUNT}", f"account_all_assets/{ACCOUNT}"
    )
    bench.frames(session)
    bench.take("sell", 250)
    frames = {frame["type"]: frame for frame in bench.frames(session)}
    row = frames["update/account_all_positions"]["positions"]["0"]
    assert (row["sign"], row["position"], row["avg_entry_price"]) == (-1, "0.0250", "2350.00")
    whole = frames["update/account_all"]
    assert whole["positions"]["0"] == row
    assert len(whole["trades"]["0"]) == 1
    assert float(frames["update/user_stats"]["stats"]["collateral"]) < 1000
    assert frames["update/account_all_assets"]["assets"]["3"]["symbol"] == "USDC"


def test_one_market_of_an_account_has_channels_of_its_own(bench):
    session = bench.subscribe(f"account_orders/0/{ACCOUNT}", f"account_market/0/{ACCOUNT}")
    _, orders, market = bench.frames(session)
    assert (orders["channel"], market["channel"]) == (f"account_orders:0:{ACCOUNT}", f"account_market/0/{ACCOUNT}")
    bench.take("buy")
    frames = {frame["type"]: frame for frame in bench.frames(session)}
    assert frames["update/account_orders"]["orders"]["0"][0]["status"] == "filled"
    body = frames["update/account_market"]
    assert (body["orders"][0]["status"], body["position"]["position"], len(body["trades"])) == ("filled", "0.0250", 1)


def test_verdicts_are_told_on_the_transaction_channel(bench):
    session = bench.subscribe(f"account_tx/{ACCOUNT}")
    bench.frames(session)
    bench.place("buy", 234_000, ClientOrderIndex=7)
    bench.place("buy", 234_100, ClientOrderIndex=7)
    bench.step()
    records = [record for frame in bench.frames(session) for record in frame["txs"]]
    verdicts = [json.loads(record["event_info"])["ae"] for record in records]
    assert verdicts[0] == ""
    assert json.loads(verdicts[1])["code"] == 21728
    assert len(bench.read("accountTxs", limit=10)["txs"]) == 2


def test_leverage_is_told_as_a_position(bench):
    session = bench.subscribe(POSITIONS)
    bench.frames(session)
    bench.submit(LEVERAGE, MarketIndex=ETH, InitialMarginFraction=1000, MarginMode=1)
    bench.step()
    (frame,) = bench.frames(session)
    assert frame["positions"]["0"]["initial_margin_fraction"] == "10.00"
    assert frame["positions"]["0"]["margin_mode"] == 1


def test_a_liquidation_is_told(bench):
    bench.take("buy", 80_000)
    session = bench.subscribe(ORDERS, TRADES, f"notification/{ACCOUNT}")
    bench.frames(session)
    bench.quote("ETH", "2200.00", "2200.10")
    frames = bench.frames(session)
    (notice,) = [frame["notifs"][0] for frame in frames if "notifs" in frame]
    assert notice["kind"] == "liquidation"
    types = {trade["type"] for frame in frames if "trades" in frame for trade in frame["trades"]["0"]}
    assert types == {"liquidation"}


# --- transactions by WebSocket ---
def send(bench, session, info, **extra):
    return bench.say(session, type="jsonapi/sendtx", data={"id": "req-1", "tx_type": 14, "tx_info": info} | extra)


def test_a_transaction_by_frame(bench):
    session = bench.subscribe()
    bench.frames(session)
    (frame,) = send(bench, session, bench.info(CREATE, **bench.order("buy", 234_000)))
    assert sorted(frame) == sorted(frames_of("ws_sendtx_reply"))
    assert (frame["code"], frame["id"], frame["type"]) == (200, "req-1", "jsonapi/sendtx")
    assert len(bench.active()) == 1
    assert bench.active()[0]["client_order_index"] == bench.last_client_index()


def test_a_refusal_by_frame_names_the_request(bench):
    session = bench.subscribe()
    bench.frames(session)
    info = bench.info(CREATE, **bench.order("buy", 234_000), Nonce=5)
    assert send(bench, session, info) == [vectors()["frames"]["ws_errors"][5]]


def test_what_cannot_be_read_has_no_id(bench):
    session = bench.subscribe()
    bench.frames(session)
    text = json.dumps(bench.info(CREATE, **bench.order("buy", 234_000)))
    assert send(bench, session, text) == [{"error": {"code": 21501, "message": "invalid tx info"}}]


def test_a_batch_by_frame(bench):
    session = bench.subscribe()
    bench.frames(session)
    infos = [json.dumps(bench.info(CREATE, **bench.order("buy", price))) for price in (234_000, 234_100)]
    data = {"id": "req-2", "tx_types": "[14, 14]", "tx_infos": json.dumps(infos)}
    (frame,) = bench.say(session, type="jsonapi/sendtxbatch", data=data)
    assert (frame["code"], frame["id"], len(frame["tx_hash"]), frame["type"]) == (
        200,
        "req-2",
        2,
        "jsonapi/sendtxbatch",
    )


def test_a_read_only_connection_takes_no_transactions(bench):
    session = bench.connect("/stream?readonly=true&encoding=json")
    bench.frames(session)
    assert send(bench, session, bench.info(CREATE, **bench.order("buy", 234_000)))[0]["error"]["code"] == 30006
    assert kinds(bench.say(session, type="subscribe", channel="ticker/0")) == ["subscribed/ticker"]


@pytest.mark.parametrize(
    ("mishap", "code", "orders"),
    [
        (Mishap.LOST_REQUEST, None, 0),
        (Mishap.LOST_REPLY, None, 1),
        (Mishap.TIMEOUT_BEFORE, 29501, 0),
        (Mishap.TIMEOUT_AFTER, 29501, 1),
        (Mishap.RATE_LIMITED, 23000, 0),
        (Mishap.STALE_NONCE, 21104, 0),
        (Mishap.HTML, 29500, 0),
    ],
)
def test_mishaps_happen_to_frames_too(bench, mishap, code, orders):
    bench.face.mishaps.plan(PlannedMishap(mishap=mishap, method="WS", name="createOrder"))
    session = bench.subscribe()
    bench.frames(session)
    frames = send(bench, session, bench.info(CREATE, **bench.order("buy", 234_000)))
    assert [(frame["error"]["code"], frame["id"]) for frame in frames] == ([(code, "req-1")] if code else [])
    assert len(bench.active()) == orders
    assert (bench.closed(session) is not None) is (code is None)


def test_a_late_reply_comes_late(bench):
    bench.face.mishaps.plan(PlannedMishap(mishap=Mishap.LATE_REPLY, delay_ns=500 * MS))
    session = bench.subscribe()
    bench.frames(session)
    assert send(bench, session, bench.info(CREATE, **bench.order("buy", 234_000))) == []
    bench.wait(0.6)
    assert bench.frames(session)[0]["code"] == 200
