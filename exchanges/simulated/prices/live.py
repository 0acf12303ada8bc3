"""The real venue's public feed as the price source: real quotes and trades, nothing but reading.

A thread of its own reads best bid/ask and trades (a `Dialect` says how; Aster's: venues/aster.md section 11,
`bookTicker` on every change, `aggTrade` every 100 ms) and hands rows over in a queue; the venue's loop takes them by
`events_until`.
Rows carry our wall clock at receipt: the simulated venue's clock is ours. A connection that ends, goes silent or grows
old is replaced after a growing, jittered pause. No key is needed and none is sent.

Parsing is this module's own; it shares nothing with the venue's client.
"""

import json
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

import websocket

from exchanges.clock import Clock
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices import Tick

ASTER_STREAM_URL: Final = "wss://fstream.asterdex.com"

_CONNECT_S: Final = 10.0
_LOOK_S: Final = 2.0
_PING_EVERY_S: Final = 5.0
_DEAD_AFTER_S: Final = 15.0
_MAX_AGE_S: Final = 23 * 3600.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_KEPT_ROWS: Final = 200_000
_SECOND: Final = 1_000_000_000


class Feed(Protocol):
    """One open connection, as `websocket.create_connection` gives it."""

    def recv(self) -> str | bytes: ...
    def send(self, payload: str) -> object: ...
    def ping(self, payload: str = "") -> None: ...
    def settimeout(self, timeout: float | None) -> None: ...
    def abort(self) -> None: ...
    def shutdown(self) -> None: ...


Connect = Callable[[str], Feed]


class UnreadableFrame(ValueError):
    """A frame of the public feed that is not what the venue's notes say."""


def parse_frame(frame: str | bytes) -> Tick | None:
    """Return the quote or trade in one frame (raw or in the combined wrapper); None for anything else.

    Raises:
        UnreadableFrame: not JSON, or a quote or trade with a missing or impossible field.
    """
    try:
        message = json.loads(frame, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UnreadableFrame(f"not JSON: {error}") from None
    if isinstance(message, dict) and isinstance(message.get("data"), dict):
        message = message["data"]
    if not isinstance(message, dict):
        return None
    kind = message.get("e")
    if kind == "bookTicker":
        return QuoteTick(
            read_text(message, "s"),
            read_number(message, "b"),
            read_number(message, "B"),
            read_number(message, "a"),
            read_number(message, "A"),
        )
    if kind == "aggTrade":
        maker = message.get("m")
        if not isinstance(maker, bool):
            raise UnreadableFrame(f"m is {maker!r}, not a boolean")
        return TradeTick(read_text(message, "s"), read_number(message, "p"), read_number(message, "q"), maker)
    return None


def read_text(message: dict[str, Any], key: str) -> str:
    """Return a name. Raises UnreadableFrame where it is none."""
    value = message.get(key)
    if not isinstance(value, str) or not value:
        raise UnreadableFrame(f"{key} is {value!r}, not a name")
    return value


def read_number(message: dict[str, Any], key: str) -> Decimal:
    """Return a number that came as text. Raises UnreadableFrame where it is none."""
    value = message.get(key)
    plain = isinstance(value, str) and value.isascii() and value.replace(".", "", 1).isdigit()
    if not plain:
        raise UnreadableFrame(f"{key} is {value!r}, not a number")
    return Decimal(str(value))


def stream_url(base_url: str, symbols: Sequence[str]) -> str:
    """Return the address of the combined stream of quotes and trades."""
    names = [f"{symbol.lower()}@{kind}" for symbol in symbols for kind in ("bookTicker", "aggTrade")]
    return f"{base_url.rstrip('/')}/stream?streams={'/'.join(names)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one venue's public feed is spoken.

    Attributes:
        base_url: The address of the venue's streams.
        url: (address, symbols) -> what to connect to.
        hello: symbols -> what to send after connecting.
        parse: A frame -> its quotes and trades, none for anything else. Raises UnreadableFrame.
        answer: A frame -> what to send because of it. Raises UnreadableFrame.
    """

    base_url: str
    url: Callable[[str, Sequence[str]], str]
    hello: Callable[[Sequence[str]], tuple[str, ...]]
    parse: Callable[[str | bytes], tuple[Tick, ...]]
    answer: Callable[[str | bytes], tuple[str, ...]] = lambda _: ()


def one_row(parse: Callable[[str | bytes], Tick | None]) -> Callable[[str | bytes], tuple[Tick, ...]]:
    """Return `Dialect.parse` for a venue whose frames hold one row at most."""

    def rows(frame: str | bytes) -> tuple[Tick, ...]:
        row = parse(frame)
        return () if row is None else (row,)

    return rows


ASTER_FEED: Final = Dialect(base_url=ASTER_STREAM_URL, url=stream_url, hello=lambda _: (), parse=one_row(parse_frame))


def _open(url: str) -> Feed:
    feed: Feed = websocket.create_connection(url, timeout=_CONNECT_S, skip_utf8_validation=True)
    return feed


class LivePrices:
    """The real public feed as a `PriceSource`. `start` starts one daemon thread, `close` ends it.

    `events_until` and `next_ns` are for one other thread. `finished` is never true: a feed that is down may come back.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        clock: Clock,
        *,
        dialect: Dialect = ASTER_FEED,
        base_url: str = "",
        connect: Connect = _open,
        pauses: random.Random | None = None,
    ) -> None:
        self._symbols = frozenset(symbols)
        self._dialect = dialect
        self._url = dialect.url(base_url or dialect.base_url, symbols)
        self._clock = clock
        self._connect = connect
        self._pauses = pauses or random.Random("live feed")  # noqa: S311 - jitter, no secret
        self._rows: deque[tuple[int, Tick]] = deque(maxlen=_KEPT_ROWS)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._feed: Feed | None = None
        self._last_ns = 0
        self.connections = 0
        self.unreadable = 0
        self.last_error = ""

    def start(self, now_ns: int) -> None:
        """See `PriceSource`. Rows come as the venue sends them, from now on."""
        self._last_ns = now_ns
        self._thread = threading.Thread(target=self._run, name="live-prices", daemon=True)
        self._thread.start()

    def events_until(self, now_ns: int) -> Iterator[tuple[int, Tick]]:
        """See `PriceSource`."""
        while self._rows and self._rows[0][0] <= now_ns:
            yield self._rows.popleft()

    def next_ns(self) -> int | None:
        """See `PriceSource`: known only for rows that are already here."""
        try:
            return self._rows[0][0]
        except IndexError:
            return None

    @property
    def finished(self) -> bool:
        """See `PriceSource`."""
        return False

    def close(self) -> None:
        """See `PriceSource`: ends the connection and waits for the thread."""
        self._stopped.set()
        feed = self._feed
        if feed is not None:
            feed.abort()  # wakes the reader, which then closes the socket itself
        if self._thread is not None:
            self._thread.join(timeout=_CONNECT_S + _LOOK_S)

    # --- on the thread of the feed ---

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopped.is_set():
            rows_before = self._last_ns
            try:
                self._read_connection()
            except (OSError, websocket.WebSocketException) as error:
                self.last_error = f"{type(error).__name__}: {error}"
            pause_s = _FIRST_PAUSE_S if self._last_ns != rows_before else min(pause_s * 2, _LONGEST_PAUSE_S)
            self._stopped.wait(pause_s * self._pauses.uniform(0.5, 1.0))

    def _read_connection(self) -> None:
        feed = self._connect(self._url)
        self._feed = feed
        self.connections += 1
        try:
            feed.settimeout(_LOOK_S)
            for frame in self._dialect.hello(sorted(self._symbols)):
                feed.send(frame)
            self._read(feed)
        finally:
            self._feed = None
            feed.shutdown()  # not close(): that does nothing once the venue has said goodbye

    def _read(self, feed: Feed) -> None:
        opened_ns = heard_ns = pinged_ns = self._clock.monotonic_ns()
        while not self._stopped.is_set():
            now_ns = self._clock.monotonic_ns()
            if now_ns - opened_ns > _MAX_AGE_S * _SECOND:
                return
            if now_ns - heard_ns > _DEAD_AFTER_S * _SECOND:
                self.last_error = "the feed went silent"
                return
            if now_ns - pinged_ns > _PING_EVERY_S * _SECOND:
                feed.ping()
                pinged_ns = now_ns
            try:
                frame = feed.recv()
            except websocket.WebSocketTimeoutException:
                continue
            heard_ns = self._clock.monotonic_ns()
            if not frame:
                return
            for answer in self._take(frame):
                feed.send(answer)

    def _take(self, frame: str | bytes) -> tuple[str, ...]:
        """Keep the rows of a frame; return what to send because of it."""
        try:
            ticks, answers = self._dialect.parse(frame), self._dialect.answer(frame)
        except UnreadableFrame as error:
            self.unreadable += 1
            self.last_error = str(error)
            return ()
        for tick in ticks:
            if tick.symbol in self._symbols:
                self._last_ns = max(self._last_ns + 1, self._clock.wall_ns())
                self._rows.append((self._last_ns, tick))
        return answers
