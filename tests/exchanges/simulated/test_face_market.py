"""The public endpoints and streams."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchanges.simulated.face_bench import MS, SECOND, FaceBench, vectors

FIXTURES = vectors()["payload_fixtures"]


@pytest.fixture
def bench():
    return FaceBench()


def test_time_and_ping(bench):
    assert bench.public("ping").body == {}
    assert bench.public("time").body == {"serverTime": bench.now_ns // MS}


def test_exchange_info_is_the_capture():
    info = FaceBench(symbols=("BTCUSDT", "ETHUSDT")).public("exchangeInfo").body
    fixture = FIXTURES["exchange_info_btc"]
    assert info["rateLimits"] == fixture["rateLimits"]
    assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    ours = {row["filterType"]: row for row in info["symbols"][0]["filters"]}
    for theirs in fixture["symbol"]["filters"]:
        assert ours[theirs["filterType"]] == theirs
    for key in ("status", "contractType", "baseAsset", "quoteAsset", "marginAsset", "pricePrecision"):
        assert info["symbols"][0][key] == fixture["symbol"][key]


def test_depth_is_the_touch_and_what_lies_behind(bench):
    body = bench.public("depth", symbol="BTCUSDT", limit=5).body
    assert body["bids"][:2] == [["94999.9", "10"], ["94999.8", "10"]]
    assert body["asks"][:2] == [["95000.0", "10"], ["95000.1", "10"]]
    assert len(body["bids"]) == 5
    assert bench.public("depth", symbol="BTCUSDT", limit=7).code == -1102
    assert bench.public("depth", symbol="NOPE").code == -1121
    assert bench.public("depth").code == -1102


def test_tickers(bench):
    one = bench.public("ticker/bookTicker", symbol="BTCUSDT").body
    assert (one["bidPrice"], one["askPrice"]) == ("94999.9", "95000.0")
    assert bench.public("ticker/bookTicker").body == [one]
    assert bench.public("ticker/price", symbol="BTCUSDT").body["price"] == "94999.95"
    assert bench.public("ticker/24hr", symbol="BTCUSDT").body == {}
    bench.trade("BTCUSDT", "95000.0", "0.5", buyer_is_maker=False)
    assert bench.public("ticker/price", symbol="BTCUSDT").body["price"] == "95000.0"
    day = bench.public("ticker/24hr", symbol="BTCUSDT").body
    assert (day["lastPrice"], day["volume"], day["count"]) == ("95000.0", "0.5", 1)


def test_before_the_first_quote_there_is_no_price():
    bench = FaceBench(quote=False)
    assert bench.public("ticker/bookTicker", symbol="BTCUSDT").body == {}
    assert bench.public("ticker/price").body == []
    assert bench.public("premiumIndex").body == []
    assert bench.public("depth", symbol="BTCUSDT").body["bids"] == []
    assert bench.place("BUY", "94000.0").status in (200, 400)


def test_premium_index_and_funding(bench):
    row = bench.public("premiumIndex", symbol="BTCUSDT").body
    assert (row["markPrice"], row["lastFundingRate"]) == ("94999.95000000", "0.00010000")
    assert row["nextFundingTime"] > bench.now_ns // MS
    assert bench.public("fundingInfo").body[0]["fundingIntervalHours"] == 8
    assert bench.public("fundingRate", symbol="BTCUSDT").body == []


def test_prints_and_aggregates(bench):
    for price in ("95000.0", "94999.9", "95000.0"):
        bench.trade("BTCUSDT", price, "0.1", buyer_is_maker=price != "95000.0")
    rows = bench.public("trades", symbol="BTCUSDT", limit=2).body
    assert [row["price"] for row in rows] == ["94999.9", "95000.0"]
    assert [row["isBuyerMaker"] for row in rows] == [True, False]
    aggregates = bench.public("aggTrades", symbol="BTCUSDT").body
    assert [row["p"] for row in aggregates] == ["95000.0", "94999.9", "95000.0"]
    assert bench.public("aggTrades", symbol="BTCUSDT", fromId=aggregates[1]["a"], limit=1).body == [aggregates[1]]
    assert bench.public("aggTrades", symbol="BTCUSDT", endTime=1).body == []


def test_candles_are_made_of_prints(bench):
    for minute, price in enumerate(("100", "105", "95", "101")):
        bench.now_ns += 60 * SECOND if minute else 0
        bench.trade("BTCUSDT", price, "2", buyer_is_maker=bool(minute % 2))
    minutes = bench.public("klines", symbol="BTCUSDT", interval="1m").body
    assert [row[4] for row in minutes] == ["100", "105", "95", "101"]
    assert all(row[6] - row[0] == 59_999 for row in minutes)
    hour = bench.public("klines", symbol="BTCUSDT", interval="1h").body
    assert sum(Decimal(row[5]) for row in hour) == 8
    assert sum(Decimal(row[9]) for row in hour) == 4
    assert (max(row[2] for row in hour), min(row[3] for row in hour)) in (("105", "100"), ("95", "95"), ("105", "95"))
    assert bench.public("klines", symbol="BTCUSDT", interval="1m", limit=2).body == minutes[-2:]
    assert bench.public("klines", symbol="BTCUSDT", interval="1m", startTime=minutes[1][0], limit=1).body == [
        minutes[1]
    ]
    assert bench.public("klines", symbol="BTCUSDT", interval="7m").code == -1120


# --- streams ---


def test_raw_and_combined_streams(bench):
    raw = bench.connect("/ws/btcusdt@bookTicker")
    combined = bench.connect("/stream?streams=btcusdt@bookTicker/btcusdt@aggTrade")
    everything = bench.connect("/ws/!bookTicker")
    bench.quote("BTCUSDT", "95000.0", "95000.1")
    frame = bench.frames(raw)[0]
    assert set(frame) == set(FIXTURES["ws_book_ticker"])
    assert (frame["b"], frame["a"]) == ("95000.0", "95000.1")
    assert bench.frames(combined) == [{"stream": "btcusdt@bookTicker", "data": frame}]
    assert bench.frames(everything) == [frame]
    bench.trade("BTCUSDT", "95000.0", "0.01", buyer_is_maker=True)
    trade = bench.frames(combined)[0]
    assert trade["stream"] == "btcusdt@aggTrade"
    assert set(trade["data"]) == set(FIXTURES["ws_agg_trade"])
    assert bench.frames(raw) == []


def test_size_only_changes_are_told(bench):
    stream = bench.connect("/ws/btcusdt@bookTicker")
    bench.quote("BTCUSDT", "94999.9", "95000.0", quantity="11")
    assert bench.frames(stream)[0]["B"] == "11"


def test_control_frames(bench):
    session = bench.connect("/ws")
    bench.tell(session, json.dumps(FIXTURES["ws_subscribe"]))
    assert bench.frames(session) == [FIXTURES["ws_subscribe_ack"]]
    bench.tell(session, '{"method":"LIST_SUBSCRIPTIONS","id":3}')
    bench.tell(session, '{"method":"SET_PROPERTY","params":["combined",true],"id":4}')
    bench.tell(session, '{"method":"GET_PROPERTY","params":["combined"],"id":5}')
    assert [frame["result"] for frame in bench.frames(session)] == [["btcusdt@bookTicker"], None, True]
    bench.quote("BTCUSDT", "95000.0", "95000.1")
    assert bench.frames(session)[0]["stream"] == "btcusdt@bookTicker"
    bench.tell(session, '{"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"],"id":6}')
    bench.quote("BTCUSDT", "95000.1", "95000.2")
    assert bench.frames(session) == [{"result": None, "id": 6}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", 3),
        ("[]", 2),
        ('{"method":"SUBSCRIBE","params":["a"],"id":"1"}', 2),
        ('{"method":"SUBSCRIBE","params":["a"],"id":-1}', 2),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2),
        ('{"method":"DANCE","params":[],"id":1}', 2),
        ('{"method":"SET_PROPERTY","params":["color",true],"id":1}', 0),
        ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1),
        ("[" * 100_000, 3),
    ],
)
def test_bad_control_frames_get_a_code(bench, text, code):
    session = bench.connect("/ws")
    bench.tell(session, text)
    assert bench.frames(session)[0]["code"] == code


def test_too_many_messages_end_the_connection(bench):
    session = bench.connect("/ws")
    for number in range(11):
        bench.tell(session, json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    assert bench.closed(session).code == 1008
    assert len(bench.frames(session)) == 10


def test_too_many_streams_end_the_connection(bench):
    session = bench.connect("/ws/" + "/".join(f"s{number}@bookTicker" for number in range(201)))
    assert bench.closed(session).code == 1008


def test_other_paths_are_no_streams(bench):
    assert not bench.venue.open_session(99, "/fapi/v3/time", bench.now_ns)


def test_pings_every_five_minutes_and_patience_of_fifteen(bench):
    quiet, awake = bench.connect("/ws"), bench.connect("/ws")
    bench.deaf.add(quiet)
    bench.wait(899)
    assert bench.closed(quiet) is None
    bench.wait(302)
    assert bench.closed(quiet).code == 1008
    assert bench.closed(awake) is None
    assert (bench.pings(quiet), bench.pings(awake)) == (2, 4)


def test_a_connection_lives_a_day(bench):
    session = bench.connect("/ws")
    bench.wait(24 * 3600 - 1)
    assert bench.closed(session) is None
    bench.wait(1)
    assert bench.closed(session).code == 1001


def test_mark_price_has_its_own_beat(bench):
    slow, fast = bench.connect("/ws/btcusdt@markPrice"), bench.connect("/ws/btcusdt@markPrice@1s")
    bench.wait(9.5)
    frames = bench.frames(slow)
    assert set(frames[0]) == set(FIXTURES["ws_mark_price"])
    assert (len(frames), len(bench.frames(fast))) == (4, 10)


def test_partial_depth_is_sent_when_something_changed(bench):
    session = bench.connect("/ws/btcusdt@depth5@100ms")
    bench.wait(1)
    bench.quote("BTCUSDT", "95000.0", "95000.1")
    bench.wait(1)
    frames = bench.frames(session)
    assert len(frames) == 2
    assert set(frames[0]) == set(FIXTURES["ws_depth5"])
    assert (len(frames[1]["b"]), frames[1]["b"][0][0]) == (5, "95000.0")


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(9990, 10010), st.integers(1, 30), st.integers(1, 5), st.integers(0, 300)),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 29),
)
def test_differences_applied_to_a_snapshot_give_the_book(moves, snapshot_after):
    bench = FaceBench()
    session = bench.connect("/ws/btcusdt@depth@100ms")
    book, snapshot_id = None, 0
    for number, (bid, spread, size, pause_ms) in enumerate(moves):
        bench.quote("BTCUSDT", f"{bid}.0", f"{bid + spread}.0", quantity=str(size))
        if number == min(snapshot_after, len(moves) - 1):
            body = bench.public("depth", symbol="BTCUSDT").body
            snapshot_id = body["lastUpdateId"]
            book = {"b": dict(body["bids"]), "a": dict(body["asks"])}
        bench.wait(pause_ms / 1000)
    bench.wait(1)
    frames = [frame for frame in bench.frames(session) if frame["u"] >= snapshot_id]
    assert book is not None
    previous = None
    for frame in frames:
        assert frame["pu"] == previous if previous else frame["U"] <= snapshot_id + 1
        previous = frame["u"]
        for side in ("b", "a"):
            for price, quantity in frame[side]:
                book[side].pop(price, None) if quantity == "0" else book[side].update({price: quantity})
    final = bench.public("depth", symbol="BTCUSDT").body
    assert book == {"b": dict(final["bids"]), "a": dict(final["asks"])}


# --- listen keys ---


def test_the_same_key_comes_back_until_it_ends(bench):
    key = bench.call("POST", "listenKey").body["listenKey"]
    assert len(key) == 64
    assert bench.call("POST", "listenKey").body["listenKey"] == key
    assert bench.call("PUT", "listenKey").body == {}
    assert bench.call("DELETE", "listenKey").body == {}
    assert bench.call("PUT", "listenKey").code == -1125
    assert bench.call("DELETE", "listenKey").code == -1125
    assert bench.call("POST", "listenKey").body["listenKey"] != key


def test_a_key_lives_an_hour_then_says_so_and_falls_silent(bench):
    stream = bench.private()
    bench.wait(3000)
    bench.call("PUT", "listenKey")
    bench.wait(3500)
    assert bench.frames(stream) == []
    bench.wait(200)
    event = bench.frames(stream)[0]
    assert set(event) == set(FIXTURES["ws_listen_key_expired_live_shape"])
    bench.market("BUY")
    assert bench.frames(stream) == []
    assert bench.closed(stream) is None


def test_in_race_mode_an_early_renewal_ends_the_key_early(bench):
    bench.face.listen_keys.race = True
    stream = bench.private()
    bench.call("PUT", "listenKey")
    bench.wait(26)
    assert bench.frames(stream) == []
    bench.wait(2)
    assert bench.frames(stream)[0]["e"] == "listenKeyExpired"


def test_a_deleted_key_ends_every_stream_of_the_account(bench):
    first = bench.private()
    key = bench.call("POST", "listenKey").body["listenKey"]
    second = bench.connect(f"/stream?streams={key}")
    bench.call("DELETE", "listenKey")
    assert bench.frames(first)[0]["e"] == "listenKeyExpired"
    assert bench.frames(second)[0]["data"]["e"] == "listenKeyExpired"


def test_a_key_nobody_has_gives_a_silent_stream(bench):
    stream = bench.connect("/ws/" + "x" * 64)
    bench.market("BUY")
    assert bench.frames(stream) == []
