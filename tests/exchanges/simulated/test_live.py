"""The live public feed against scripted connections and a loopback server (exchanges.simulated.prices.live)."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
import websocket
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from exchanges.clock import SystemClock
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices.live import LivePrices, UnreadableFrame, parse_frame, stream_url

D = Decimal
WAIT_S = 5.0
QUOTE = (
    '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":1,"E":2,"T":3,"s":"BTCUSDT",'
    '"b":"61800.1","B":"2.5","a":"61800.2","A":"0.75"}}'
)
TRADE = '{"e":"aggTrade","E":1,"s":"BTCUSDT","a":5,"p":"61800.2","q":"0.010","f":1,"l":2,"T":9,"m":true}'


class StepClock:
    """Every reading is a millisecond later; `jump` lets more pass."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000

    def wall_ns(self) -> int:
        return self.monotonic_ns()

    def monotonic_ns(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    def jump(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1_000_000_000)


class ScriptedFeed:
    """A connection that gives what it was told: frames, or exceptions to raise; then it waits for its end."""

    def __init__(self, *script: str | bytes | Exception) -> None:
        self.script = deque(script)
        self.closed = threading.Event()
        self.pings = 0

    def recv(self) -> str | bytes:
        if not self.script:
            self.closed.wait(WAIT_S)
            return ""
        item = self.script.popleft()
        if isinstance(item, Exception):
            raise item
        return item

    def ping(self, payload: str = "") -> None:
        self.pings += 1

    def settimeout(self, timeout: float | None) -> None:
        assert timeout is not None

    def abort(self) -> None:
        self.closed.set()

    def shutdown(self) -> None:
        self.closed.set()


class Connections:
    """Gives prepared connections in turn and says when the last one was taken."""

    def __init__(self, *feeds: ScriptedFeed | Exception) -> None:
        self.feeds = deque(feeds)
        self.urls: list[str] = []
        self.all_taken = threading.Event()

    def __call__(self, url: str) -> ScriptedFeed:
        self.urls.append(url)
        feed = self.feeds.popleft()
        if not self.feeds:
            self.all_taken.set()
        if isinstance(feed, Exception):
            raise feed
        return feed


class NoPause:
    """Pauses of no length, so that tests do not wait."""

    def uniform(self, _low: float, _high: float) -> float:
        return 0.0


@contextmanager
def live(connections: Connections, clock: object | None = None) -> Iterator[LivePrices]:
    prices = LivePrices(["BTCUSDT"], clock or StepClock(), connect=connections, pauses=NoPause())
    prices.start(0)
    try:
        yield prices
    finally:
        prices.close()
        prices.close()


def rows_of(prices: LivePrices, count: int) -> list[tuple[int, object]]:
    pause = threading.Event()
    rows: list[tuple[int, object]] = []
    for _ in range(int(WAIT_S / 0.005)):
        rows.extend(prices.events_until(10**20))
        if len(rows) >= count:
            return rows
        pause.wait(0.005)
    pytest.fail(f"only {len(rows)} of {count} rows came: {prices.last_error}")


def until(condition) -> None:
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    pytest.fail("it did not happen in time")


def test_quotes_and_trades_are_read_with_and_without_the_wrapper():
    assert parse_frame(QUOTE) == QuoteTick("BTCUSDT", D("61800.1"), D("2.5"), D("61800.2"), D("0.75"))
    assert parse_frame(TRADE.encode()) == TradeTick("BTCUSDT", D("61800.2"), D("0.010"), buyer_is_maker=True)


@pytest.mark.parametrize(
    "frame", ['{"result":null,"id":1}', "[1,2]", '{"e":"markPriceUpdate","s":"BTCUSDT","p":"1"}', '"text"']
)
def test_other_frames_are_not_rows(frame):
    assert parse_frame(frame) is None


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "<html>",
        QUOTE.replace('"61800.1"', '"NaN"'),
        QUOTE.replace('"61800.1"', "61800.1"),
        QUOTE.replace('"61800.1"', '"-1"'),
        QUOTE.replace('"61800.1"', '"1e5"'),
        QUOTE.replace('"s":"BTCUSDT",', ""),
        TRADE.replace("true", '"true"'),
        TRADE.replace('"q":"0.010",', ""),
    ],
)
def test_an_unreadable_frame_is_named(frame):
    with pytest.raises(UnreadableFrame):
        parse_frame(frame)


@given(st.one_of(st.text(), st.binary(), st.text().map(lambda text: QUOTE.replace("61800.1", text))))
def test_garbage_raises_nothing_else(frame):
    try:
        parse_frame(frame)
    except UnreadableFrame:
        return


def test_the_address_names_both_streams_of_every_market():
    assert stream_url("ws://x:1/", ["BTCUSDT", "ETHUSDT"]) == (
        "ws://x:1/stream?streams=btcusdt@bookTicker/btcusdt@aggTrade/ethusdt@bookTicker/ethusdt@aggTrade"
    )


def test_rows_carry_our_clock_in_rising_order_and_other_markets_are_left_out():
    connections = Connections(ScriptedFeed(QUOTE, QUOTE.replace("BTCUSDT", "XRPUSDT"), TRADE))
    with live(connections) as prices:
        rows = rows_of(prices, 2)
        assert [type(tick) for _, tick in rows] == [QuoteTick, TradeTick]
        assert 0 < rows[0][0] < rows[1][0]
        assert prices.next_ns() is None
        assert not prices.finished


def test_rows_of_the_future_wait():
    with live(Connections(ScriptedFeed(QUOTE))) as prices:
        until(lambda: prices.next_ns() is not None)
        at_ns = prices.next_ns()
        assert at_ns is not None
        assert list(prices.events_until(at_ns - 1)) == []
        assert len(list(prices.events_until(at_ns))) == 1


def test_a_lost_connection_is_replaced_and_so_is_one_that_could_not_be_made():
    connections = Connections(
        ScriptedFeed(QUOTE, websocket.WebSocketConnectionClosedException("cut")),
        OSError("refused"),
        ScriptedFeed("", QUOTE),
        ScriptedFeed(TRADE),
    )
    with live(connections) as prices:
        rows = rows_of(prices, 2)
        assert [type(tick) for _, tick in rows] == [QuoteTick, TradeTick]
        assert connections.all_taken.is_set()
        assert prices.connections == 3
        assert len(connections.urls) == 4


def test_an_unreadable_frame_is_counted_and_the_feed_goes_on():
    with live(Connections(ScriptedFeed("<html>", TRADE))) as prices:
        assert len(rows_of(prices, 1)) == 1
        assert prices.unreadable == 1
        assert "JSON" in prices.last_error


def test_a_silent_feed_is_pinged_and_then_replaced():
    clock = StepClock()

    class Silent(ScriptedFeed):
        def recv(self) -> str | bytes:
            clock.jump(2)
            raise websocket.WebSocketTimeoutException("nothing")

    silent = Silent()
    with live(Connections(silent, ScriptedFeed(QUOTE)), clock) as prices:
        assert len(rows_of(prices, 1)) == 1
        assert silent.pings == 2
        assert silent.closed.is_set()


def test_an_old_connection_is_replaced():
    clock = StepClock()

    class Chatty(ScriptedFeed):
        def recv(self) -> str | bytes:
            clock.jump(4 * 3600)
            return TRADE

    chatty = Chatty()
    with live(Connections(chatty, ScriptedFeed(QUOTE)), clock) as prices:
        rows = rows_of(prices, 7)
        assert [type(tick) for _, tick in rows] == [TradeTick] * 6 + [QuoteTick]


async def _serve(ready: "asyncio.Future[int]", stop: asyncio.Event, seen: list[str]) -> None:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        seen.append(request.path_qs)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(QUOTE)
        await socket.send_str(TRADE)
        if len(seen) == 1:
            await socket.close()
            return socket
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/stream", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ready.set_result(runner.addresses[0][1])
    await stop.wait()
    await runner.cleanup()


@contextmanager
def loopback_server(seen: list[str]) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    ready: asyncio.Future[int] = loop.create_future()
    stop = asyncio.Event()
    port: list[int] = []
    ready.add_done_callback(lambda future: port.append(future.result()))
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(ready, stop, seen)))
    thread.start()
    try:
        until(lambda: port)
        yield f"ws://127.0.0.1:{port[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WAIT_S)
        loop.close()


def test_over_a_real_socket_with_a_reconnect():
    seen: list[str] = []
    with loopback_server(seen) as url:
        prices = LivePrices(["BTCUSDT"], SystemClock(), base_url=url, pauses=NoPause())
        prices.start(0)
        rows = rows_of(prices, 4)
        prices.close()
    assert [type(tick) for _, tick in rows] == [QuoteTick, TradeTick, QuoteTick, TradeTick]
    assert seen == ["/stream?streams=btcusdt@bookTicker/btcusdt@aggTrade"] * 2
