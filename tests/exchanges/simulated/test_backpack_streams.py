"""Streams of the simulated Backpack: sessions, subscriptions, frames (venues/backpack.md 10 to 13)."""

import json
from decimal import Decimal

import pytest

from exchanges.simulated.faces.protocol import Frame
from tests.exchanges.simulated.backpack_bench import MS, SECOND, SOL, START_MS, BackpackBench, frame_sample

BTC = "BTC_USDC_PERP"
ORDERS, POSITIONS = "account.orderUpdate", "account.positionUpdate"


@pytest.fixture
def bench():
    return BackpackBench()


def error(code, message):
    return [{"id": None, "error": {"code": code, "message": message}}]


# --- sessions ---


@pytest.mark.parametrize("target", ["/", "", "/?x=1"])
def test_there_is_one_address_for_everything(bench, target):
    assert bench.frames(bench.connect(target)) == []


@pytest.mark.parametrize("target", ["/ws", "/stream?streams=x", "/api/v1/order"])
def test_there_is_no_other_address(bench, target):
    assert not bench.venue.open_session(99, target, bench.now_ns)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "",
        "[]",
        "1",
        '{"method":"PING"}',
        '{"method":"SUBSCRIBE"}',
        '{"method":"SUBSCRIBE","params":"x"}',
        '{"method":"SUBSCRIBE","params":[1]}',
        "[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_a_parse_error_and_the_session_lives(bench, text):
    session = bench.connect("/")
    bench.tell(session, text)
    assert bench.frames(session) == error(4002, "Parse error")
    bench.subscribe(f"bookTicker.{SOL}", session=session)
    bench.quote(SOL, "141.28", "141.30")
    assert len(bench.frames(session)) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foo.SOL_USDC_PERP", error(4006, "Invalid stream")),
        ("bookTicker", error(4006, "Invalid stream")),
        ("account.foo", error(4006, "Invalid stream")),
        ("account.orderUpdateX", error(4006, "Invalid stream")),
        ("depth.300ms.SOL_USDC_PERP", error(4008, "Invalid depth window")),
        ("bookTicker.NOBODY_USDC_PERP", []),
        ("bookTicker.AAPL.US_USDC_PERP", []),
        ("kline.1m.SOL_USDC_PERP", []),
        ("liquidation", []),
        ("openInterest.SOL_USDC_PERP", []),
        (f"account.rfqUpdate.{SOL}", []),
    ],
)
def test_names_of_streams(bench, name, expected):
    assert bench.frames(bench.subscribe(name)) == expected


def test_of_a_frame_with_something_wrong_nothing_is_subscribed(bench):
    session = bench.subscribe(f"bookTicker.{SOL}", "foo.X")
    bench.frames(session)
    bench.quote(SOL, "141.28", "141.30")
    assert bench.frames(session) == []


def test_public_and_private_names_share_a_signed_frame(bench):
    session = bench.subscribe(f"bookTicker.{SOL}", ORDERS)
    assert bench.frames(session) == []
    bench.quote(SOL, "141.28", "141.30")
    bench.place("Bid", "141.00")
    assert [frame["stream"] for frame in bench.frames(session)] == [f"bookTicker.{SOL}", ORDERS]
    assert bench.frames(bench.subscribe(f"bookTicker.{SOL}", ORDERS, signed=False)) == error(4003, "Invalid signature")


def test_subscribing_twice_does_not_double_and_unsubscribing_is_silent(bench):
    session = bench.subscribe(f"bookTicker.{SOL}", f"bookTicker.{SOL}")
    bench.subscribe(f"bookTicker.{SOL}", session=session)
    bench.quote(SOL, "141.28", "141.30")
    assert len(bench.frames(session)) == 1
    for names in ([f"bookTicker.{SOL}", "never.there"], [f"bookTicker.{SOL}"]):
        bench.tell(session, json.dumps({"method": "UNSUBSCRIBE", "params": names}))
    bench.quote(SOL, "141.29", "141.30")
    assert bench.frames(session) == []


def test_the_venue_pings_and_cuts_who_does_not_answer(bench):
    alive, deaf = bench.connect("/"), bench.connect("/")
    bench.deaf.add(deaf)
    bench.wait(40)
    assert bench.pings(alive) == bench.pings(deaf) == 1
    bench.wait(85)
    assert bench.pings(alive) in (2, 3)
    closed = bench.closed(deaf)
    assert closed is not None
    assert (closed.code, closed.abrupt) == (1006, True)
    assert bench.closed(alive) is None


def test_private_sessions_are_those_with_a_stream_of_the_account(bench):
    public, private = bench.subscribe(f"trade.{SOL}"), bench.subscribe(f"{ORDERS}.{SOL}")
    assert bench.venue.face.private_sessions() == (private,)
    bench.venue.close_session(private, bench.now_ns)
    assert bench.venue.face.private_sessions() == ()
    assert public != private


# --- public streams ---


def test_the_top_is_told_when_it_changes_and_not_on_subscribing(bench):
    session = bench.subscribe(f"bookTicker.{SOL}")
    assert bench.frames(session) == []
    bench.quote(SOL, "141.27", "141.30", quantity="10")
    assert bench.frames(session) == []
    bench.wait(1)
    bench.quote(SOL, "141.3", "141.35", quantity="12.5")
    (frame,) = bench.frames(session)
    data = frame["data"]
    assert frame["stream"] == f"bookTicker.{SOL}"
    assert set(data) == set(frame_sample("bookTicker")["data"])
    assert (data["b"], data["B"], data["a"], data["A"]) == ("141.30", "12.50", "141.35", "12.50")
    assert data["T"] == (START_MS + 1000) * 1000
    assert 50 <= data["E"] - data["T"] <= 3000
    bench.quote(SOL, "141.3", "141.35", quantity="12.51")
    (later,) = bench.data(session)
    assert later["u"] > data["u"]


def test_an_empty_side_is_null(bench):
    session = bench.subscribe(f"bookTicker.{SOL}")
    bench.quote(SOL, "141.27", "141.30", quantity="0")
    (data,) = bench.data(session)
    assert (data["a"], data["A"], data["b"], data["B"]) == (None, None, None, None)
    assert bench.public("depth", symbol=SOL).body["asks"] == []


def test_the_keys_of_a_frame_are_in_alphabetical_order(bench):
    session = bench.subscribe(f"bookTicker.{SOL}", ORDERS)
    bench.quote(SOL, "141.28", "141.30")
    bench.place("Bid", None)
    texts = [out.text for out in bench.outputs if isinstance(out, Frame) and out.session_id == session]
    assert len(texts) == 3
    for text in texts:
        pairs = json.loads(text, object_pairs_hook=lambda rows: [name for name, _ in rows])
        assert pairs == ["data", "stream"]
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_trades(bench):
    session = bench.subscribe(f"trade.{SOL}")
    bench.trade(SOL, "141.3", "0.5", buyer_is_maker=False)
    bench.trade(SOL, "141.27", "1", buyer_is_maker=True)
    one, two = bench.data(session)
    assert set(one) == set(frame_sample("trade")["data"])
    assert (one["p"], one["q"], one["m"], two["m"]) == ("141.30", "0.50", False, True)
    assert two["t"] == one["t"] + 1
    assert bench.public("trades", symbol=SOL).body[0]["id"] == two["t"]


def test_mark_price_and_ticker_come_every_second(bench):
    session = bench.subscribe(f"markPrice.{SOL}", f"ticker.{SOL}")
    bench.wait(2.5)
    marks = bench.data(session)
    assert [data["e"] for data in marks] == ["markPrice"] * 3
    assert set(marks[0]) == set(frame_sample("markPrice")["data"])
    assert (marks[0]["p"], marks[0]["n"]) == ("141.285", 1_750_003_200_000)
    bench.trade(SOL, "141.3", "0.5", buyer_is_maker=False)
    bench.wait(1)
    (ticker,) = [data for data in bench.data(session) if data["e"] == "ticker"]
    assert set(ticker) == set(frame_sample("ticker")["data"])
    assert (ticker["c"], ticker["v"], ticker["n"]) == ("141.30", "0.50", 1)


class Depth:
    """A book kept as section 11.1 says."""

    def __init__(self, snapshot):
        self.update_id = int(snapshot["lastUpdateId"])
        self.sides = {key: {Decimal(p): Decimal(q) for p, q in snapshot[key]} for key in ("asks", "bids")}

    def apply(self, data):
        if data["u"] <= self.update_id:
            return
        assert data["U"] <= self.update_id + 1 <= data["u"]
        self.update_id = data["u"]
        for key, rows in (("asks", data["a"]), ("bids", data["b"])):
            for price, size in rows:
                self.sides[key][Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del self.sides[key][Decimal(price)]


@pytest.mark.parametrize(("window", "frames"), [("", 3), (".200ms", 1), (".1000ms", 1)])
def test_a_book_can_be_kept_from_differences(bench, window, frames):
    session = bench.subscribe(f"depth{window}.{SOL}")
    book = Depth(bench.public("depth", symbol=SOL, limit=1000).body)
    for bid, ask in (("141.28", "141.31"), ("141.20", "141.21"), ("141.26", "141.29")):
        bench.quote(SOL, bid, ask)
    bench.wait(1.1)
    received = bench.data(session)
    assert len(received) == frames
    assert set(received[0]) == set(frame_sample("depth")["data"])
    assert all(len(price.partition(".")[2]) == 2 for price, _ in received[0]["a"])
    for data in received:
        book.apply(data)
    now = Depth(bench.public("depth", symbol=SOL, limit=1000).body)
    assert book.sides == now.sides
    assert book.update_id == now.update_id
    bench.quote(SOL, "141.26", "141.29")
    bench.wait(1.1)
    assert bench.data(session) == []
    bench.quote(SOL, "141.27", "141.29")
    bench.wait(1.1)
    (data,) = bench.data(session)
    assert data["U"] == book.update_id + 1


def test_streams_of_one_market_do_not_tell_of_another():
    bench = BackpackBench(symbols=(SOL, BTC))
    session = bench.subscribe(f"bookTicker.{BTC}")
    bench.quote(SOL, "141.28", "141.30")
    bench.quote(BTC, "60000.0", "60000.1", quantity="1.5")
    (data,) = bench.data(session)
    assert (data["s"], data["b"], data["B"]) == (BTC, "60000.0", "1.50000")


def test_a_market_can_fall_silent(bench):
    bench.face.switches.silent_symbols.add(SOL)
    session = bench.subscribe(f"bookTicker.{SOL}", f"trade.{SOL}", f"markPrice.{SOL}", f"depth.{SOL}")
    bench.quote(SOL, "141.28", "141.30")
    bench.trade(SOL, "141.3", "0.5", buyer_is_maker=False)
    bench.wait(2)
    assert bench.frames(session) == []


# --- orders ---


def test_an_orders_life_on_the_stream(bench):
    session = bench.subscribe(ORDERS)
    placed = bench.place("Bid", "141.28", clientId=1001).body
    bench.wait(1)
    bench.trade(SOL, "141.28", "0.2", buyer_is_maker=True)
    bench.wait(1)
    bench.trade(SOL, "141.28", "5", buyer_is_maker=True)
    accepted, partly, filled = bench.data(session)
    assert set(accepted) == set(frame_sample("orderAccepted")["data"])
    assert set(partly) == set(filled) == set(frame_sample("orderFill partial")["data"])
    assert [frame["e"] for frame in (accepted, partly, filled)] == ["orderAccepted", "orderFill", "orderFill"]
    assert [frame["X"] for frame in (accepted, partly, filled)] == ["New", "PartiallyFilled", "Filled"]
    assert accepted == accepted | {
        "O": "USER", "Q": "70.6400", "S": "Bid", "V": "RejectTaker", "Z": "0", "c": 1001, "f": "GTC", "i": placed["id"],
        "o": "LIMIT", "p": "141.28", "q": "0.50", "r": False, "s": SOL, "t": None, "y": True, "z": "0",
    }  # fmt: skip
    assert (partly["l"], partly["L"], partly["z"], partly["Z"]) == ("0.20", "141.28", "0.20", "28.2560")
    assert (filled["l"], filled["z"], filled["Z"]) == ("0.30", "0.50", "70.6400")
    assert (partly["m"], partly["N"], Decimal(partly["n"])) == (True, "USDC", Decimal("28.256") * Decimal("0.0001"))
    assert len(partly["n"].partition(".")[2]) >= 6
    assert filled["t"] > partly["t"] > 0


def test_times_are_microseconds_and_do_not_go_back(bench):
    session = bench.subscribe(ORDERS)
    for _ in range(20):
        bench.place("Bid", "141.00", "0.01")
        bench.now_ns += MS // 10
    frames = bench.data(session)
    for key in ("T", "E"):
        times = [frame[key] for frame in frames]
        assert times == sorted(times)
    assert frames[0]["T"] == START_MS * 1000
    assert all(frame["E"] > frame["T"] for frame in frames)


def test_ends_of_orders(bench):
    session = bench.subscribe(ORDERS)
    bench.place("Bid", "141.00")
    bench.call("DELETE", "/api/v1/orders", symbol=SOL)
    bench.place("Bid", "141.20", postOnly=False, timeInForce="IOC", clientId=1004)
    _, canceled, _, expired = bench.data(session)
    assert set(canceled) == set(frame_sample("orderCancelled")["data"])
    assert (canceled["e"], canceled["X"]) == ("orderCancelled", "Cancelled")
    assert set(expired) == set(frame_sample("orderExpired IOC")["data"])
    assert (expired["e"], expired["X"], expired["R"], expired["f"]) == (
        "orderExpired",
        "Expired",
        "ImmediateOrCancel",
        "IOC",
    )


def test_a_market_order_on_the_stream(bench):
    session = bench.subscribe(ORDERS)
    bench.place("Bid", None, "0.50", clientId=5)
    accepted, filled = bench.data(session)
    assert (accepted["o"], accepted["f"], accepted["y"], "p" in accepted) == ("MARKET", "GTC", False, False)
    assert (filled["X"], filled["L"], filled["m"]) == ("Filled", "141.30", False)


def test_an_exit_that_has_nothing_left_expires(bench):
    bench.long()
    bench.place("Ask", "142.00", reduceOnly=True)
    session = bench.subscribe(ORDERS)
    bench.place("Ask", None)
    reasons = {frame["R"] for frame in bench.data(session) if frame["e"] == "orderExpired"}
    assert reasons == {"ReduceOnlyNotReduced"}


def test_an_order_without_a_client_id_has_no_c(bench):
    session = bench.subscribe(ORDERS)
    body = {name: value for name, value in bench.order("Bid", "141.00").items() if name != "clientId"}
    bench.call("POST", "/api/v1/order", **body)
    bench.face.switches.omit_client_id = True
    bench.place("Bid", "141.00")
    assert ["c" in frame for frame in bench.data(session)] == [False, False]


def test_both_spellings_of_a_private_stream_tell_it_each(bench):
    session = bench.subscribe(ORDERS, f"{ORDERS}.{SOL}", f"{ORDERS}.{BTC}")
    bench.place("Bid", "141.00")
    assert [frame["stream"] for frame in bench.frames(session)] == [ORDERS, f"{ORDERS}.{SOL}"]


def test_a_liquidation_is_told_as_one():
    bench = BackpackBench(start_equity_usd=Decimal(100))
    bench.long("5.00")
    bench.place("Ask", "150.00", reduceOnly=True, clientId=9)
    session = bench.subscribe(ORDERS)
    bench.quote(SOL, "121.00", "121.05")
    frames = bench.data(session)
    assert [(frame["e"], frame.get("R"), frame["O"]) for frame in frames] == [
        ("orderExpired", "Liquidation", "USER"),
        ("orderAccepted", None, "LIQUIDATION_AUTOCLOSE"),
        ("orderFill", None, "LIQUIDATION_AUTOCLOSE"),
    ]
    bench.wait(1)
    fills = bench.call("GET", "/wapi/v1/history/fills").body
    assert [row["systemOrderType"] for row in fills] == ["LIQUIDATION_AUTOCLOSE", None]
    for kind, count in (("User", 1), ("Liquidation", 1), ("Adl", 0)):
        assert len(bench.call("GET", "/wapi/v1/history/fills", fillType=kind).body) == count


def test_private_frames_can_be_disturbed():
    bench = BackpackBench(fault_drop_pct=Decimal(100))
    session = bench.subscribe(ORDERS, f"bookTicker.{SOL}")
    bench.place("Bid", "141.00")
    bench.quote(SOL, "141.28", "141.30")
    assert [frame["stream"] for frame in bench.frames(session)] == [f"bookTicker.{SOL}"]
    assert bench.venue.fault_counts()["drop"] == 1


# --- positions and balances ---


def test_position_updates(bench):
    session = bench.subscribe(POSITIONS)
    bench.long("0.20")
    bench.long("0.30")
    bench.place("Ask", None, "0.50")
    opened, adjusted, closed = bench.data(session)
    for frame, name in ((opened, "positionOpened"), (adjusted, "positionAdjusted"), (closed, "positionClosed")):
        assert frame["e"] == name
        assert set(frame) == set(frame_sample(name)["data"])
    assert (opened["q"], adjusted["q"], closed["q"]) == ("0.20", "0.50", "0")
    assert (opened["B"], opened["M"], isinstance(opened["i"], int)) == ("141.3", "141.285", True)
    assert Decimal(closed["p"]) == Decimal("-0.015")


def test_open_positions_are_told_on_subscribing(bench):
    assert bench.frames(bench.subscribe(POSITIONS)) == []
    bench.long()
    session = bench.subscribe(POSITIONS)
    (frame,) = bench.frames(session)
    assert frame["stream"] == POSITIONS
    assert set(frame["data"]) == set(frame_sample("position snapshot frame (no e)")["data"])
    assert frame["data"]["q"] == "0.50"
    bench.subscribe(POSITIONS, session=session)
    assert bench.frames(session) == []
    assert bench.frames(bench.subscribe(f"{POSITIONS}.{BTC}")) == []
    assert len(bench.frames(bench.subscribe(f"{POSITIONS}.{SOL}"))) == 1


def test_a_position_follows_its_fill(bench):
    session = bench.subscribe(ORDERS, POSITIONS)
    bench.long()
    assert [data["e"] for data in bench.data(session)] == ["orderAccepted", "orderFill", "positionOpened"]


def test_balance_updates(bench):
    session = bench.subscribe("account.balanceUpdate")
    bench.long()
    (data,) = bench.data(session)
    assert set(data) == set(frame_sample("balanceUpdate (newest docs and recording only)")["data"])
    assert Decimal(data["A"]) + Decimal(data["L"]) == Decimal(1000) - Decimal("0.50") * Decimal("141.30") * Decimal(
        "0.0004"
    )


def test_frames_leave_after_the_fill_latency():
    bench = BackpackBench(fill_latency_ms=150)
    session = bench.subscribe(ORDERS)
    bench.place("Bid", "141.00")
    assert bench.frames(session) == []
    bench.wait(0.15)
    (data,) = bench.data(session)
    assert data["T"] == START_MS * 1000
    assert bench.now_ns == START_MS * MS + 15 * SECOND // 100
