"""Public streams: tops, prints and differences of the book as they happen; mark prices, tickers and collected
differences on their own beat.

Source: venues/backpack.md 11. A top is told when it changes and never on subscribing. `kline`, `openInterest` and
`liquidation` can be subscribed and say nothing. The order ids in a trade are made up: the market is not ours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import MarketTraded, QuoteChanged
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.market_data import MarketEndpoints
from exchanges.simulated.faces.backpack.markets import BackpackMarket
from exchanges.simulated.faces.backpack.rendering import NS_PER_MS, TRADE_ID_BASE, microseconds
from exchanges.simulated.faces.backpack.sessions import Sessions
from exchanges.simulated.faces.market_history import Book
from exchanges.values import ZERO

EMIT_US: Final = (50, 3000)
"""An event leaves the venue so much later than the engine made it (section 16)."""

SECOND_NS: Final = 1_000_000_000
_OTHERS_ORDERS: Final = 60_000_000_000
_TIMED: Final = re.compile(r"(?:(markPrice|ticker)|depth(?:\.(200|600|1000)ms)?)\.(.+)")


@dataclass(slots=True)
class _Beat:
    """A stream that is sent every so often; `every_ns` 0 at once. `shown` is the book its receivers have."""

    symbol: str
    kind: str
    every_ns: int
    due_ns: int
    shown: Book | None = None


@dataclass(slots=True)
class MarketStreams:
    """Turns public events and time into frames for whoever subscribed."""

    context: Context
    market: MarketEndpoints
    sessions: Sessions
    _beats: dict[str, _Beat] = field(default_factory=dict)
    _tops: dict[str, tuple[Decimal, Decimal, Decimal, Decimal]] = field(default_factory=dict)

    def on_subscribed(self, stream: str, now_ns: int) -> None:
        """Start the beat of a timed stream."""
        match = _TIMED.fullmatch(stream)
        if match is None or stream in self._beats or match[3] not in self.context.markets:
            return
        kind, symbol = match[1] or "depth", match[3]
        every_ns = SECOND_NS if kind != "depth" else int(match[2] or 0) * NS_PER_MS
        shown = self.market.book(symbol) if kind == "depth" else None
        self._beats[stream] = _Beat(symbol, kind, every_ns, now_ns + (every_ns if kind == "depth" else 0), shown)

    def on_event(self, event: QuoteChanged | MarketTraded) -> None:
        """Send what is sent at once."""
        market = self.context.markets.get(event.symbol)
        if market is None or event.symbol in self.context.switches.silent_symbols:
            return
        if isinstance(event, MarketTraded):
            self.sessions.send(f"trade.{event.symbol}", self._trade(event, market))
            return
        top = (event.bid, event.bid_qty, event.ask, event.ask_qty)
        if self._tops.get(event.symbol) == top:
            return
        self._tops[event.symbol] = top
        if self.sessions.has(f"bookTicker.{event.symbol}"):
            self.sessions.send(f"bookTicker.{event.symbol}", self._book_ticker(event, market))
        for stream, beat in self._beats.items():
            if beat.symbol == event.symbol and beat.kind == "depth" and not beat.every_ns:
                self._send_depth(stream, beat)

    def advance(self, now_ns: int) -> None:
        """Send what is due; forget beats nobody listens to."""
        for stream, beat in list(self._beats.items()):
            if not self.sessions.has(stream):
                del self._beats[stream]
            elif beat.every_ns and now_ns >= beat.due_ns:
                beat.due_ns = now_ns + beat.every_ns
                if beat.symbol not in self.context.switches.silent_symbols:
                    self._send(stream, beat, now_ns)

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        return min((beat.due_ns for beat in self._beats.values() if beat.every_ns), default=None)

    # --- frames ---
    def _send(self, stream: str, beat: _Beat, now_ns: int) -> None:
        if beat.kind == "depth":
            self._send_depth(stream, beat)
            return
        data = self._mark(beat.symbol, now_ns) if beat.kind == "markPrice" else self._ticker(beat.symbol, now_ns)
        if data is not None:
            self.sessions.send(stream, data)

    def _times(self, occurred_ns: int) -> dict[str, object]:
        stamp = microseconds(occurred_ns)
        return {"E": stamp + self.context.rng.randint(*EMIT_US), "T": stamp}

    def _book_ticker(self, quote: QuoteChanged, market: BackpackMarket) -> dict[str, object]:
        def price(value: Decimal, quantity: Decimal) -> str | None:
            return market.price_text(value) if quantity else None

        def size(quantity: Decimal) -> str | None:
            return market.quantity_text(quantity) if quantity else None

        return self._times(quote.occurred_ns) | {
            "A": size(quote.ask_qty),
            "B": size(quote.bid_qty),
            "a": price(quote.ask, quote.ask_qty),
            "b": price(quote.bid, quote.bid_qty),
            "e": "bookTicker",
            "s": quote.symbol,
            "u": quote.update_id,
        }

    def _trade(self, trade: MarketTraded, market: BackpackMarket) -> dict[str, object]:
        buyer = _OTHERS_ORDERS + 2 * trade.trade_id
        return self._times(trade.occurred_ns) | {
            "a": str(buyer + 1),
            "b": str(buyer),
            "e": "trade",
            "m": trade.buyer_is_maker,
            "p": market.price_text(trade.price),
            "q": market.quantity_text(trade.qty),
            "s": trade.symbol,
            "t": TRADE_ID_BASE + trade.trade_id,
        }

    def _mark(self, symbol: str, now_ns: int) -> dict[str, object] | None:
        row = self.market.mark_row(symbol, now_ns)
        if row is None:
            return None
        return self._times(now_ns) | {
            "e": "markPrice",
            "f": row["fundingRate"],
            "i": row["indexPrice"],
            "n": row["nextFundingTimestamp"],
            "p": row["markPrice"],
            "s": symbol,
        }

    def _ticker(self, symbol: str, now_ns: int) -> dict[str, object] | None:
        day, market = self.market.day(symbol, now_ns), self.context.markets[symbol]
        if day is None:
            return None
        return {
            "E": microseconds(now_ns),
            "V": market.notional_text(day.quote_volume),
            "c": market.price_text(day.close),
            "e": "ticker",
            "h": market.price_text(day.high),
            "l": market.price_text(day.low),
            "n": day.trades,
            "o": market.price_text(day.open),
            "s": symbol,
            "v": market.quantity_text(day.volume),
        }

    def _send_depth(self, stream: str, beat: _Beat) -> None:
        """Send what changed since the last frame, if anything did; ids are without a gap."""
        book, before = self.market.book(beat.symbol), beat.shown
        if book is None or (before is not None and book.update_id == before.update_id):
            return
        market = self.context.markets[beat.symbol]
        asks = _changes({} if before is None else dict(before.asks), dict(book.asks), market)
        bids = _changes({} if before is None else dict(before.bids), dict(book.bids), market)
        if not asks and not bids:
            return
        data = self._times(book.occurred_ns) | {
            "U": 1 if before is None else before.update_id + 1,
            "a": asks,
            "b": bids,
            "e": "depth",
            "s": beat.symbol,
            "u": book.update_id,
        }
        beat.shown = book
        self.sessions.send(stream, data)


def _changes(
    before: Mapping[Decimal, Decimal], now: Mapping[Decimal, Decimal], market: BackpackMarket
) -> list[list[str]]:
    """Return the prices whose size changed with their size now, ascending; 0 removes a level."""
    prices = sorted(price for price in before.keys() | now.keys() if before.get(price, ZERO) != now.get(price, ZERO))
    return [[market.price_text(price), market.quantity_text(now.get(price, ZERO))] for price in prices]
