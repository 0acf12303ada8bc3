"""Public channels: books by differences, tickers, prints, statistics, block heights.

Source: venues/lighter.md 12.1 and 12.2. A book is sent every 50 ms where it changed, and every difference names the
nonce of the frame before it; all who have the channel get the same frames, and a newcomer's snapshot is the state of
the last of them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import MarketTraded, QuoteChanged
from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.market_data import NONCE_BASE, MarketData, level_rows
from exchanges.simulated.faces.lighter.markets import LighterMarket
from exchanges.simulated.faces.lighter.parameters import whole
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.sessions import Message, Sessions
from exchanges.simulated.faces.lighter.tx_log import block_height
from exchanges.simulated.faces.market_history import Book, Levels
from exchanges.values import ZERO

NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
BOOK_EVERY_NS: Final = 50 * NS_PER_MS
SECOND_NS: Final = 1_000 * NS_PER_MS
SNAPSHOT_TRADES: Final = 50
HEIGHT: Final = "height"
ALL_STATS: Final = "market_stats:all"


@dataclass(slots=True)
class _Line:
    """The book of one market as its subscribers know it."""

    market: LighterMarket
    bids: dict[Decimal, Decimal]
    asks: dict[Decimal, Decimal]
    nonce: int
    offset: int
    updated_ns: int
    due_ns: int


class PublicStreams:
    """Turns public events and time into frames for whoever subscribed."""

    def __init__(self, data: MarketData, sessions: Sessions) -> None:
        self._data = data
        self._sessions = sessions
        self._lines: dict[str, _Line] = {}
        self._prints: dict[str, list[MarketTraded]] = {}
        self._beat_ns = 0
        self._shown: dict[str, tuple[Decimal, ...]] = {}
        self._snapshots = {
            "order_book": self._book_snapshot,
            "ticker": self._ticker_snapshot,
            "trade": self._trade_snapshot,
            "market_stats": self._stats_snapshot,
        }

    def snapshot(self, channel: str, now_ns: int) -> Message | None:
        """Return the first frame of a public channel, None where it is not one of them or sends no snapshot.

        Raises:
            VenueRefusal: BAD_CHANNEL where the family is known and the market is not.
        """
        if channel == ALL_STATS:
            return self._all_stats("subscribed", now_ns)
        family, _, name = channel.partition(":")
        make = self._snapshots.get(family)
        if make is None:
            return None
        market_id = whole(name)
        market = None if market_id is None else self._data.market(market_id)
        if market is None:
            raise VenueRefusal(refusals.BAD_CHANNEL)
        return make(market, channel, now_ns)

    @staticmethod
    def is_public(channel: str) -> bool:
        """Whether a channel is one of these."""
        return channel == HEIGHT or channel.partition(":")[0] in ("order_book", "ticker", "trade", "market_stats")

    # --- events and time ---
    def on_event(self, event: QuoteChanged | MarketTraded, now_ns: int) -> None:
        """Send what is sent at once; gather prints until `flush`. A quote that changes nothing is not sent."""
        if isinstance(event, MarketTraded):
            self._prints.setdefault(event.symbol, []).append(event)
            return
        market = self._data.markets[event.symbol]
        channel = f"ticker:{market.market_id}"
        touch = (event.bid, event.bid_qty, event.ask, event.ask_qty)
        if self._shown.get(event.symbol) == touch:
            return
        self._shown[event.symbol] = touch
        if self._sessions.has(channel):
            self._sessions.send(channel, self._ticker("update", market, event, now_ns))

    def flush(self) -> None:
        """Send the prints of one moment."""
        prints, self._prints = self._prints, {}
        for symbol, trades in prints.items():
            channel = f"trade:{self._data.markets[symbol].market_id}"
            if self._sessions.has(channel):
                rows = [self._data.print_row(trade) for trade in trades]
                self._sessions.send(channel, _trade_body("update", channel, rows))

    def advance(self, now_ns: int) -> None:
        """Send what is due; forget books nobody listens to."""
        for channel, line in list(self._lines.items()):
            if not self._sessions.has(channel):
                del self._lines[channel]
            elif now_ns >= line.due_ns:
                line.due_ns = now_ns + BOOK_EVERY_NS
                self._send_book(channel, line, now_ns)
        if now_ns >= self._beat_ns:
            self._beat_ns = now_ns + SECOND_NS
            self._send_beat(now_ns)

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        times = [line.due_ns for line in self._lines.values()]
        if any(name == HEIGHT or name.startswith("market_stats:") for name in self._sessions.channels()):
            times.append(self._beat_ns)
        return min(times, default=None)

    def _send_beat(self, now_ns: int) -> None:
        if self._sessions.has(HEIGHT):
            height: Message = {
                "channel": HEIGHT,
                "height": block_height(now_ns),
                "timestamp": now_ns // NS_PER_MS,
                "type": "update/height",
            }
            self._sessions.send(HEIGHT, height)
        if self._sessions.has(ALL_STATS):
            self._sessions.send(ALL_STATS, self._all_stats("update", now_ns))
        for market in self._data.markets.values():
            channel = f"market_stats:{market.market_id}"
            if self._sessions.has(channel):
                self._sessions.send(channel, self._stats("update", market, channel, now_ns))

    # --- books ---
    def _book_snapshot(self, market: LighterMarket, channel: str, now_ns: int) -> Message:
        line = self._lines.get(channel)
        if line is None:
            line = self._lines[channel] = _Line(market, {}, {}, 0, 100, now_ns, now_ns + BOOK_EVERY_NS)
            book = self._data.book(market.symbol)
            if book is not None:
                _take_over(line, book)
        bids, asks = list(line.bids.items()), list(line.asks.items())
        return _book_body("subscribed", channel, line, (bids, asks), 0, now_ns)

    def _send_book(self, channel: str, line: _Line, now_ns: int) -> None:
        book = self._data.book(line.market.symbol)
        if book is None or NONCE_BASE + book.update_id == line.nonce:
            return
        before = line.nonce
        changes = _differences(line.bids, dict(book.bids)), _differences(line.asks, dict(book.asks))
        _take_over(line, book)
        line.offset += 1
        self._sessions.send(channel, _book_body("update", channel, line, changes, before, now_ns))

    # --- tickers, prints, statistics ---
    def _ticker_snapshot(self, market: LighterMarket, channel: str, now_ns: int) -> Message:
        del channel
        return self._ticker("subscribed", market, self._data.history[market.symbol].quote, now_ns)

    @staticmethod
    def _ticker(kind: str, market: LighterMarket, quote: QuoteChanged | None, now_ns: int) -> Message:
        updated_us = (quote.occurred_ns if quote is not None else now_ns) // NS_PER_US
        return {
            "channel": f"ticker:{market.market_id}",
            "last_updated_at": updated_us,
            "nonce": NONCE_BASE + quote.update_id if quote is not None else 0,
            "ticker": {
                "s": market.symbol,
                "a": _side(market, quote.ask, quote.ask_qty) if quote is not None else _side(market, ZERO, ZERO),
                "b": _side(market, quote.bid, quote.bid_qty) if quote is not None else _side(market, ZERO, ZERO),
                "last_updated_at": updated_us,
            },
            "timestamp": now_ns // NS_PER_MS,
            "type": f"{kind}/ticker",
        }

    def _trade_snapshot(self, market: LighterMarket, channel: str, now_ns: int) -> Message:
        del now_ns
        newest = list(self._data.history[market.symbol].trades)[-SNAPSHOT_TRADES:]
        return _trade_body("subscribed", channel, [self._data.print_row(trade) for trade in newest])

    def _stats_snapshot(self, market: LighterMarket, channel: str, now_ns: int) -> Message:
        return self._stats("subscribed", market, channel, now_ns)

    def _stats(self, kind: str, market: LighterMarket, channel: str, now_ns: int) -> Message:
        return {
            "channel": channel,
            "market_stats": self._data.stats(market, now_ns),
            "timestamp": now_ns // NS_PER_MS,
            "type": f"{kind}/market_stats",
        }

    def _all_stats(self, kind: str, now_ns: int) -> Message:
        markets = self._data.markets.values()
        return {
            "channel": ALL_STATS,
            "market_stats": {str(market.market_id): self._data.stats(market, now_ns) for market in markets},
            "timestamp": now_ns // NS_PER_MS,
            "type": f"{kind}/market_stats",
        }


def _side(market: LighterMarket, price: Decimal, size: Decimal) -> dict[str, str]:
    """Return one side of a ticker; an empty one is two empty texts."""
    if not size:
        return {"price": "", "size": ""}
    return {"price": market.price_text(price), "size": market.size_text(size)}


def _trade_body(kind: str, channel: str, rows: list[dict[str, object]]) -> Message:
    return {"channel": channel, "trades": rows or None, "liquidation_trades": None, "type": f"{kind}/trade"}


def _take_over(line: _Line, book: Book) -> None:
    line.bids = {price: size for price, size in book.bids if size}
    line.asks = {price: size for price, size in book.asks if size}
    line.nonce, line.updated_ns = NONCE_BASE + book.update_id, book.occurred_ns


def _differences(before: dict[Decimal, Decimal], now: dict[Decimal, Decimal]) -> Levels:
    """Return the levels that changed, with size 0 for those that are gone."""
    prices = sorted(price for price in before.keys() | now.keys() if before.get(price, ZERO) != now.get(price, ZERO))
    return [(price, now.get(price, ZERO)) for price in prices]


def _book_body(
    kind: str, channel: str, line: _Line, levels: tuple[Levels, Levels], begin_nonce: int, now_ns: int
) -> Message:
    bids, asks = levels
    updated_us = line.updated_ns // NS_PER_US
    return {
        "channel": channel,
        "last_updated_at": updated_us,
        "offset": line.offset,
        "order_book": {
            "code": 0,
            "asks": level_rows(line.market, asks),
            "bids": level_rows(line.market, bids),
            "offset": line.offset,
            "nonce": line.nonce,
            "last_updated_at": updated_us,
            "begin_nonce": begin_nonce,
        },
        "timestamp": now_ns // NS_PER_MS,
        "type": f"{kind}/order_book",
    }
