"""The best bid and ask of every market, from public streams, with REST in between: actor `PriceStream`.

One reader per exchange. A reading is believed only if it is valid (`actors.quotes`); its age is the time since the
stream was last proven alive (a frame or a pong), so a quiet market is not stale (DESIGN.md section 10). What strategy
and closer get is conflated in their mailboxes: only the newest price per grid counts.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, assert_never

from actors.addresses import Address
from actors.base import BotActor
from actors.log_events import LogEvent
from actors.messages import ActorFailed, PriceChanged, PriceStale, Tick
from actors.quotes import QuoteBook
from actors.settings import PricesSettings
from actors.stream_watch import StreamWatch
from actors.streams import FrameBox, NewReader, Reader
from actors.timers import TimerService
from actors.venue_messages import (
    Begin,
    Distrust,
    Due,
    FrameReceived,
    FramesWaiting,
    Port,
    PriceMessage,
    QueryAnswered,
    QueryErred,
    QueryFact,
    StreamEnded,
    StreamOpened,
)
from actors.watches import CONTRADICTED_NS, FROZEN_NS, LONGEST_CHECK_NS
from exchanges.clock import Clock
from exchanges.errors import ConfigError, MalformedMessage
from exchanges.pacing import backoff
from exchanges.redaction import redact, visible
from exchanges.reports import BestPrice, NoticeKind, StreamNotice
from exchanges.values import PriceSource
from exchanges.venue import Call, StreamEndpoint, Venue

_MS_NS: Final = 1_000_000
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_PINGS_PER_AGE: Final = 3
_CHECKS_PER_AGE: Final = 4
_FIRST_FRAMES: Final = 2
"""So many may come only because a connection is new."""

Submit = Callable[[Call[object], Address[QueryFact], int], None]


@dataclass(frozen=True, slots=True)
class PricedMarket:
    """A market of one exchange and the grids that want its prices."""

    symbol: str
    grids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFeed:
    """Where the prices of one exchange come from.

    Attributes:
        exchange: NAME of `[exchange.NAME]`.
        venue: Builds and parses.
        markets: What is wanted.
        submit: The exchange's query lane.
        new_reader: Makes stream readers.
    """

    exchange: str
    venue: Venue
    markets: tuple[PricedMarket, ...]
    submit: Submit
    new_reader: NewReader


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How one exchange's prices come in, for people."""

    exchange: str
    is_open: bool = False
    reconnects: int = 0
    malformed: int = 0
    ignored: int = 0
    why: str = "not connected yet"


def _go_on() -> None:
    """Make no pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceParts:
    """What the price stream is built with besides its feeds.

    Attributes:
        rest: Called when prices have been told, before the next ones are looked at. A market of 10,000 quotes a second
            would otherwise keep the interpreter from the path of an exit: with a millisecond's rest the newest quotes
            of that millisecond are taken, and a quote that comes after a quiet one is not held up.
    """

    settings: PricesSettings
    clock: Clock
    timers: TimerService
    source: random.Random
    strategy: Address[PriceChanged | PriceStale]
    closer: Address[PriceChanged | PriceStale]
    publish: Callable[[FeedStatus], None]
    rest: Callable[[], None] = _go_on


class _Market:
    """One market as the actor keeps it."""

    def __init__(self, market: PricedMarket, max_jump_pct: Decimal) -> None:
        self.symbol = market.symbol
        self.grids = market.grids
        self.book = QuoteBook(max_jump_pct)
        self.source = PriceSource.STREAM
        self.rest_ns = 0
        self.told_ns = 0
        self.told_problem: str | None = None
        self.asked_ticket = 0
        self.frame_ns = 0
        self.frames = 0
        self.checked_ns = 0
        self.contradicted_ns = 0


class _Feed:
    """One exchange as the actor keeps it."""

    def __init__(self, feed: PriceFeed, max_jump_pct: Decimal, waits: Iterator[float]) -> None:
        self.feed = feed
        self.markets = {market.symbol: _Market(market, max_jump_pct) for market in feed.markets}
        self.waits = waits
        self.stream = 0
        self.watch = StreamWatch(0, 0)
        self.least_check_ns = self.check_every_ns = max(FROZEN_NS, int(feed.venue.capabilities.audit_every_s * 1e9))
        self.reader: Reader | None = None
        self.box: FrameBox | None = None
        self.status = FeedStatus(exchange=feed.exchange)

    def alive_ns(self, market: _Market) -> int:
        """When the market's quote was last proven alive."""
        if self.status.is_open and self.reader is not None:
            return self.reader.alive_ns
        return market.rest_ns


class PriceStream(BotActor):
    """Owns the public streams and the last believed price of each market.

    Takes `Begin` and what its readers, the query lanes and its timers tell. Tells strategy and closer `PriceChanged`
    and `PriceStale`. Never waits for anything.
    """

    def __init__(
        self, *, name: str, failures: Address[ActorFailed], feeds: Sequence[PriceFeed], parts: PriceParts
    ) -> None:
        super().__init__(name=name, failures=failures)
        self._parts = parts
        self._numbers = itertools.count(1)
        self._feeds = [
            _Feed(feed, parts.settings.max_jump_pct, backoff(parts.source, _FIRST_WAIT_S, _LONGEST_WAIT_S))
            for feed in feeds
        ]
        self._stale_ns = parts.settings.stale_after_ms * _MS_NS
        self._asked: dict[int, tuple[_Feed, _Market]] = {}

    def handle(self, message: PriceMessage) -> None:
        """Take one message."""
        match message:
            case FramesWaiting():
                self._take_frames(message.stream)
            case Due():
                self._on_due(message)
            case QueryAnswered():
                self._on_rest_price(message)
            case QueryErred():
                self._on_rest_error(message)
            case StreamOpened():
                self._on_opened(message.stream)
            case StreamEnded():
                self._on_ended(message)
            case Begin() | Distrust():
                self._on_word(message)
            case FrameReceived():
                raise TypeError("public frames come through a box")
            case _:
                assert_never(message)

    def _on_word(self, word: Begin | Distrust) -> None:
        """Take what the supervisors say."""
        if isinstance(word, Begin):
            self._begin()
            return
        for feed in self._feeds:
            self._give_up(feed, word.why)

    def _on_stop(self) -> None:
        for key in ("check", "rest"):
            self._parts.timers.cancel((self.name, key))
        for number, feed in enumerate(self._feeds):
            self._parts.timers.cancel((self.name, "connect", number))
            if feed.reader is not None:
                feed.reader.stop()

    # --- life of the streams ---

    def _begin(self) -> None:
        for feed in self._feeds:
            self._connect(feed)
        timers, settings = self._parts.timers, self._parts.settings
        check: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("check"))
        timers.every(max(self._stale_ns // _CHECKS_PER_AGE, 10 * _MS_NS), check, (self.name, "check"))
        if settings.rest_fallback:
            rest: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("rest"))
            timers.every(settings.rest_fallback_every_ms * _MS_NS, rest, (self.name, "rest"))

    def _connect(self, feed: _Feed) -> None:
        feed.stream = next(self._numbers)
        feed.box = FrameBox(self.actor_ref, feed.stream)
        try:
            endpoint = self._endpoint(feed)
        except ConfigError as error:
            # nothing is lost yet: the connection reads the markets now, and says it where one of them is none
            self._show(feed, replace(feed.status, why=str(error)))
            self._connect_later(feed)
            return
        feed.watch = StreamWatch(self._parts.clock.monotonic_ns(), endpoint.dead_after_s)
        try:
            feed.reader = feed.feed.new_reader(endpoint, feed.box.calls())
        except ConfigError as error:
            self._on_ended(StreamEnded(feed.stream, str(error)))
            return
        feed.reader.start()

    def _endpoint(self, feed: _Feed) -> StreamEndpoint:
        """The venue's endpoint, pinged often enough that a quiet market's age stays below the limit."""
        endpoint = feed.feed.venue.public_stream(tuple(feed.markets))
        often_s = self._parts.settings.stale_after_ms / 1000 / _PINGS_PER_AGE
        return replace(endpoint, ping_every_s=min(endpoint.ping_every_s, often_s))

    def _current(self, stream: int) -> _Feed | None:
        return next((feed for feed in self._feeds if feed.stream == stream), None)

    def _on_opened(self, stream: int) -> None:
        feed = self._current(stream)
        if feed is None:
            return
        now_ns = self._parts.clock.monotonic_ns()
        feed.watch.opened(now_ns)
        for market in feed.markets.values():
            market.frame_ns = market.checked_ns = now_ns
            market.frames = market.contradicted_ns = 0
        self._show(feed, replace(feed.status, is_open=True, why=""))
        if self._parts.settings.rest_fallback:
            # a stream of changes says nothing until the book changes: the first price comes by REST
            for market in feed.markets.values():
                if market.book.quote is None:
                    self._ask_rest(feed, market)

    def _on_ended(self, ended: StreamEnded) -> None:
        feed = self._current(ended.stream)
        if feed is None:
            return
        was_open = feed.status.is_open
        self._show(
            feed, replace(feed.status, is_open=False, why=ended.why, reconnects=feed.status.reconnects + was_open)
        )
        feed.reader = feed.box = None
        self.log.bind(event=LogEvent.STREAM_LOST, exchange=feed.feed.exchange).log(
            "WARNING" if was_open else "DEBUG", "price stream: {}", ended.why
        )
        for market in feed.markets.values():
            market.book.forget(f"the price stream was lost: {ended.why}")
            self._tell_problem(market)
            if self._parts.settings.rest_fallback:
                self._ask_rest(feed, market)
        self._connect_later(feed)

    def _connect_later(self, feed: _Feed) -> None:
        number = self._feeds.index(feed)
        when_ns = self._parts.clock.monotonic_ns() + int(next(feed.waits) * 1e9)
        port: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("connect", number))
        self._parts.timers.at(when_ns, port, (self.name, "connect", number))

    def _on_due(self, due: Due) -> None:
        if due.name == "connect":
            self._connect(self._feeds[due.number])
            return
        for feed in self._feeds:
            if due.name == "check":
                self._check_feed(feed)
            for market in feed.markets.values():
                if due.name == "check":
                    self._check_age(feed, market)
                elif not feed.status.is_open or market.book.quote is None:
                    self._ask_rest(feed, market)

    # --- prices ---

    def _take_frames(self, stream: int) -> None:
        feed = self._current(stream)
        if feed is None or feed.box is None:
            return
        newest: dict[str, BestPrice] = {}
        for data, wall_ns in reversed(feed.box.drain()):
            for report in self._parse(feed, data, wall_ns):
                newest.setdefault(report.symbol, report)
            if len(newest) == len(feed.markets):
                break
        for report in newest.values():
            market = feed.markets.get(report.symbol)
            if market is not None:
                self._take_price(feed, market, report)
        self._parts.rest()

    def _parse(self, feed: _Feed, data: bytes, wall_ns: int) -> list[BestPrice]:
        try:
            reports = feed.feed.venue.parse_public(data, wall_ns)
        except MalformedMessage as error:
            self._show(feed, replace(feed.status, malformed=feed.status.malformed + 1))
            self.log.bind(event=LogEvent.FRAME_MALFORMED, exchange=feed.feed.exchange).warning(
                "a price frame could not be read: {}", redact(str(error))
            )
            return []
        for report in reports:
            if isinstance(report, StreamNotice):
                self._take_notice(feed, report)
        return [report for report in reports if isinstance(report, BestPrice)]

    def _take_notice(self, feed: _Feed, notice: StreamNotice) -> None:
        if notice.kind is NoticeKind.CREDENTIAL_EXPIRED:
            self._hang_up(feed, notice.text)
        elif notice.kind is NoticeKind.IGNORED:
            self._show(feed, replace(feed.status, ignored=feed.status.ignored + 1))

    def _hang_up(self, feed: _Feed, why: str) -> None:
        """Close a connection whose subscription does not hold: its pongs would prove an old quote alive for ever."""
        self.log.bind(event=LogEvent.FRAME_MALFORMED, exchange=feed.feed.exchange).warning(
            "the venue refused the price stream: {}", redact(visible(why))
        )
        if feed.reader is not None:
            feed.reader.stop()

    def _take_price(self, feed: _Feed, market: _Market, report: BestPrice) -> None:
        market.source = report.source
        if report.source is PriceSource.STREAM:
            market.frames += 1
            if market.frames > _FIRST_FRAMES:  # it goes on speaking: the next doubt is a fresh one
                feed.check_every_ns = feed.least_check_ns
            market.frame_ns = self._parts.clock.monotonic_ns()
            market.contradicted_ns = 0
        if market.book.take(report):
            if report.source is PriceSource.STREAM:  # the connection works: the next wait starts short again
                feed.waits = backoff(self._parts.source, _FIRST_WAIT_S, _LONGEST_WAIT_S)
            self._tell_price(feed, market)
        else:
            self._tell_problem(market)

    def _tell_price(self, feed: _Feed, market: _Market) -> None:
        quote = market.book.quote
        if quote is None:
            return
        market.told_ns = feed.alive_ns(market)
        if market.told_problem:
            self.log.bind(event=LogEvent.PRICE_RESTORED).info("{}: prices are fresh again", market.symbol)
        market.told_problem = None
        for grid in market.grids:
            message = PriceChanged(
                grid=grid, bid=quote.bid, ask=quote.ask, alive_ns=market.told_ns, source=market.source
            )
            self.send(self._parts.strategy, message)
            self.send(self._parts.closer, message)

    def _tell_problem(self, market: _Market, why: str = "") -> None:
        why = why or market.book.problem
        if market.told_problem is not None:
            return
        market.told_problem = why
        self.log.bind(event=LogEvent.PRICE_STALE).warning("{}: {}", market.symbol, why)
        for grid in market.grids:
            self.send(self._parts.strategy, PriceStale(grid=grid, why=why))
            self.send(self._parts.closer, PriceStale(grid=grid, why=why))

    def _check_age(self, feed: _Feed, market: _Market) -> None:
        """Tell a quote that has become too old, or again one whose source has been proven alive since."""
        if market.book.quote is None:
            return
        alive_ns = feed.alive_ns(market)
        age_ns = self._parts.clock.monotonic_ns() - alive_ns
        if age_ns > self._stale_ns:
            self._tell_problem(market, f"no proof of life for {age_ns // _MS_NS} ms")
        elif alive_ns > market.told_ns:
            self._tell_price(feed, market)

    # --- streams that look open ---

    def _check_feed(self, feed: _Feed) -> None:
        """Give up a connection that is of no use; ask for a second opinion where a market has been silent for long."""
        if feed.reader is None:
            return
        now_ns = self._parts.clock.monotonic_ns()
        why = feed.watch.problem(now_ns, feed.reader.alive_ns)
        for market in feed.markets.values():
            if why or not feed.status.is_open:
                break
            if market.contradicted_ns and now_ns - market.contradicted_ns >= CONTRADICTED_NS:
                why = f"{market.symbol}: it is silent while the venue's price has moved"
                # a venue whose two prices differ for good is not connected to all the time for that
                feed.check_every_ns = min(2 * feed.check_every_ns, LONGEST_CHECK_NS)
            elif now_ns - max(market.frame_ns, market.checked_ns) >= feed.check_every_ns:
                market.checked_ns = now_ns
                self._ask_rest(feed, market)
        if why:
            self.log.bind(event=LogEvent.STREAM_STALLED, exchange=feed.feed.exchange).error(
                "the price stream is given up: {}", why
            )
            self._give_up(feed, why)

    def _give_up(self, feed: _Feed, why: str) -> None:
        """End a connection now, whatever its reader does, and connect anew."""
        if feed.reader is None:
            return
        stream, reader = feed.stream, feed.reader
        self._on_ended(StreamEnded(stream, why))
        feed.stream = 0  # what the old reader still says is not heard
        reader.stop()

    def _compare(self, market: _Market, found: BestPrice, asked_ns: int) -> None:
        """Take a second opinion on a silent market: another price, and the stream had all the time to tell it."""
        quote = market.book.quote
        is_other = quote is not None and (found.bid, found.ask) != (quote.bid, quote.ask)
        if is_other and market.frame_ns < asked_ns and not market.contradicted_ns:
            market.contradicted_ns = self._parts.clock.monotonic_ns()

    # --- REST in between ---

    def _ask_rest(self, feed: _Feed, market: _Market) -> None:
        if market.asked_ticket in self._asked:
            return
        ticket = market.asked_ticket = next(self._numbers)
        self._asked[ticket] = (feed, market)
        feed.feed.submit(feed.feed.venue.best_price(market.symbol), self.actor_ref, ticket)

    def _on_rest_price(self, answer: QueryAnswered) -> None:
        feed, market = self._asked.pop(answer.ticket)
        if not isinstance(answer.value, BestPrice):
            raise TypeError(f"a price was asked, {type(answer.value).__name__} was read")
        if feed.status.is_open and market.book.quote is not None:
            self._compare(market, answer.value, answer.asked_ns)
            return  # the stream was quicker
        market.rest_ns = answer.asked_ns
        self._take_price(feed, market, replace(answer.value, source=PriceSource.REST))

    def _on_rest_error(self, answer: QueryErred) -> None:
        feed, market = self._asked.pop(answer.ticket)
        self.log.bind(event=LogEvent.REQUEST_REFUSED, exchange=feed.feed.exchange).debug(
            "{}: no price by REST: {}", market.symbol, answer.error
        )

    def _show(self, feed: _Feed, status: FeedStatus) -> None:
        feed.status = status
        self._parts.publish(status)
