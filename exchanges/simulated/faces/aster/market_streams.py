"""Public streams: quotes and prints as they happen; mark prices and books on their own beat.

Source: venues/aster.md 11 (payloads and cadences). Names are `<symbol in lower case>@<kind>`.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import MarketTraded, QuoteChanged
from exchanges.simulated.faces.aster import rendering
from exchanges.simulated.faces.aster.market_data import MarketEndpoints, level_rows
from exchanges.simulated.faces.aster.sessions import Sessions
from exchanges.simulated.faces.market_history import Book
from exchanges.values import ZERO

_MS: Final = 1_000_000
_MARK: Final = re.compile(r"([^@]+)@markPrice(@1s)?")
_DEPTH: Final = re.compile(r"([^@]+)@depth(5|10|20)?(?:@(100|500)ms)?")


@dataclass(slots=True)
class _Beat:
    """A stream that is sent every so often. `levels` 0 means differences of the whole book."""

    symbol: str
    every_ns: int
    due_ns: int
    levels: int | None = None
    sent_update_id: int = 0
    touched: dict[bool, set[Decimal]] = field(default_factory=lambda: {True: set(), False: set()})
    last: Book | None = None


class MarketStreams:
    """Turns public events and time into frames for whoever subscribed."""

    def __init__(self, market: MarketEndpoints, sessions: Sessions) -> None:
        self._market = market
        self._sessions = sessions
        self._symbols = {symbol.lower(): symbol for symbol in market.history}
        self._beats: dict[str, _Beat] = {}
        self._now_ns = 0

    def on_subscribed(self, stream: str) -> None:
        """Start the beat of a timed stream."""
        if stream in self._beats:
            return
        mark, depth = _MARK.fullmatch(stream), _DEPTH.fullmatch(stream)
        match = mark or depth
        symbol = self._symbols.get(match[1]) if match else None
        if match is None or symbol is None:
            return
        if mark is not None:
            every_ns = (1000 if mark[2] else 3000) * _MS
            self._beats[stream] = _Beat(symbol, every_ns, self._now_ns)
        else:
            every_ns = int(match[3] or 250) * _MS
            self._beats[stream] = _Beat(symbol, every_ns, self._now_ns, levels=int(match[2] or 0))

    def on_event(self, event: QuoteChanged | MarketTraded, now_ns: int) -> None:
        """Send what is sent at once."""
        name = event.symbol.lower()
        if isinstance(event, MarketTraded):
            stream = f"{name}@aggTrade"
            if self._sessions.has(stream):
                self._sessions.send(stream, rendering.agg_trade(event, now_ns))
            return
        self._touch(event.symbol)
        stream = f"{name}@bookTicker"
        if self._sessions.has(stream) or self._sessions.has("!bookTicker"):
            body = rendering.book_ticker(event, now_ns)
            self._sessions.send(stream, body)
            self._sessions.send("!bookTicker", body)

    def _touch(self, symbol: str) -> None:
        """Note which prices a new quote changes, for the streams of differences."""
        for beat in self._beats.values():
            if beat.symbol == symbol and beat.levels == 0:
                book = self._market.book(symbol)
                if book is not None:
                    _note_changes(beat, book)

    def advance(self, now_ns: int) -> None:
        """Send what is due; forget beats nobody listens to."""
        self._now_ns = now_ns
        for stream, beat in list(self._beats.items()):
            if not self._sessions.has(stream):
                del self._beats[stream]
            elif now_ns >= beat.due_ns:
                beat.due_ns = now_ns + beat.every_ns
                self._send(stream, beat, now_ns)

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        return min((beat.due_ns for beat in self._beats.values()), default=None)

    def _send(self, stream: str, beat: _Beat, now_ns: int) -> None:
        if beat.levels is None:
            self._send_mark(stream, beat.symbol, now_ns)
            return
        book = self._market.book(beat.symbol)
        if book is None or book.update_id == beat.sent_update_id:
            return
        if beat.levels:
            self._send_depth(stream, beat, book, book.bids[: beat.levels], book.asks[: beat.levels], now_ns)
            return
        bids, asks = dict(book.bids), dict(book.asks)
        changed_bids = [(price, bids.get(price, ZERO)) for price in sorted(beat.touched[True], reverse=True)]
        changed_asks = [(price, asks.get(price, ZERO)) for price in sorted(beat.touched[False])]
        beat.touched = {True: set(), False: set()}
        self._send_depth(stream, beat, book, changed_bids, changed_asks, now_ns)

    def _send_mark(self, stream: str, symbol: str, now_ns: int) -> None:
        row = self._market.mark_row(symbol, now_ns)
        if row is None:
            return
        body: dict[str, object] = {
            "e": "markPriceUpdate",
            "E": rendering.milliseconds(now_ns),
            "s": symbol,
            "p": row["markPrice"],
            "i": row["indexPrice"],
            "P": row["estimatedSettlePrice"],
            "r": row["lastFundingRate"],
            "T": row["nextFundingTime"],
        }
        self._sessions.send(stream, body)

    def _send_depth(
        self,
        stream: str,
        beat: _Beat,
        book: Book,
        bids: list[tuple[Decimal, Decimal]],
        asks: list[tuple[Decimal, Decimal]],
        now_ns: int,
    ) -> None:
        previous, beat.sent_update_id = beat.sent_update_id, book.update_id
        body: dict[str, object] = {
            "e": "depthUpdate",
            "E": rendering.milliseconds(now_ns),
            "T": rendering.milliseconds(book.occurred_ns),
            "s": beat.symbol,
            "U": previous + 1,
            "u": book.update_id,
            "pu": previous,
            "b": level_rows(bids),
            "a": level_rows(asks),
        }
        self._sessions.send(stream, body)


def _note_changes(beat: _Beat, book: Book) -> None:
    before = beat.last
    beat.last = book
    for is_bid in (True, False):
        now = dict(book.bids if is_bid else book.asks)
        then = {} if before is None else dict(before.bids if is_bid else before.asks)
        beat.touched[is_bid].update(price for price in now.keys() | then.keys() if now.get(price) != then.get(price))
