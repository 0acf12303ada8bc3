"""What a face remembers of a market, and the book behind its touch. The same on every venue.

Recent prints and minute candles, from which all longer ones are made, fed by the engine's public events; nothing is
made up for the time before the venue was started. The book is the one the engine fills taking orders from: the touch's
size again at every further step.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import EngineSettings, MarketTraded, QuoteChanged
from exchanges.values import ZERO

MINUTE_MS: Final = 60_000
KEPT_TRADES: Final = 2000
KEPT_CANDLES: Final = 2 * 24 * 60
NS_PER_MS: Final = 1_000_000
INTERVAL_MINUTES: Final = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1440,
}


@dataclass(slots=True)
class Candle:
    """Prices and volumes of one interval; times in milliseconds, prices and volumes in the market's units."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0
    taker_volume: Decimal = ZERO
    taker_quote_volume: Decimal = ZERO


class MarketHistory:
    """The memory of one market."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.trades: deque[MarketTraded] = deque(maxlen=KEPT_TRADES)
        self.candles: deque[Candle] = deque(maxlen=KEPT_CANDLES)
        self.quote: QuoteChanged | None = None

    def on_quote(self, quote: QuoteChanged) -> None:
        """Remember a quote."""
        self.quote = quote

    def on_trade(self, trade: MarketTraded) -> None:
        """Remember a print."""
        self.trades.append(trade)
        open_ms = trade.occurred_ns // NS_PER_MS // MINUTE_MS * MINUTE_MS
        if not self.candles or self.candles[-1].open_ms < open_ms:
            self.candles.append(Candle(open_ms, trade.price, trade.price, trade.price, trade.price))
        candle = self.candles[-1]
        candle.high, candle.low = max(candle.high, trade.price), min(candle.low, trade.price)
        candle.close = trade.price
        candle.volume += trade.qty
        candle.quote_volume += trade.qty * trade.price
        candle.trades += 1
        if not trade.buyer_is_maker:
            candle.taker_volume += trade.qty
            candle.taker_quote_volume += trade.qty * trade.price

    def last_price(self) -> Decimal | None:
        """Return the last print, the middle of the quote before the first one, None before any quote."""
        if self.trades:
            return self.trades[-1].price
        return (self.quote.bid + self.quote.ask) / 2 if self.quote else None

    def klines(self, minutes: int, start_ms: int | None, end_ms: int | None, limit: int) -> list[Candle]:
        """Return candles of `minutes` minutes, oldest first: the first `limit` from a start, else the newest."""
        length_ms = minutes * MINUTE_MS
        merged: list[Candle] = []
        for candle in self.candles:
            open_ms = candle.open_ms // length_ms * length_ms
            if (start_ms is not None and open_ms < start_ms) or (end_ms is not None and open_ms > end_ms):
                continue
            if not merged or merged[-1].open_ms != open_ms:
                merged.append(Candle(open_ms, candle.open, candle.high, candle.low, candle.close))
            _merge(merged[-1], candle)
        return merged[:limit] if start_ms is not None else merged[-limit:]

    def day(self, now_ms: int) -> Candle | None:
        """Return the last 24 hours as one candle; None without a print."""
        recent = [candle for candle in self.candles if candle.open_ms > now_ms - 24 * 60 * MINUTE_MS]
        if not recent:
            return None
        total = Candle(recent[0].open_ms, recent[0].open, recent[0].high, recent[0].low, recent[0].close)
        for candle in recent:
            _merge(total, candle)
        return total


def _merge(total: Candle, candle: Candle) -> None:
    total.high, total.low = max(total.high, candle.high), min(total.low, candle.low)
    total.close = candle.close
    total.volume += candle.volume
    total.quote_volume += candle.quote_volume
    total.trades += candle.trades
    total.taker_volume += candle.taker_volume
    total.taker_quote_volume += candle.taker_quote_volume


Levels = list[tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Book:
    """Price levels, best first, and the update they are of."""

    update_id: int
    occurred_ns: int
    bids: Levels
    asks: Levels


def build_book(quote: QuoteChanged, tick: Decimal, settings: EngineSettings) -> Book:
    """Return the levels a quote stands for: the touch, and its size again at every step behind it."""
    step = tick * settings.depth_ticks
    rungs = range(settings.depth_levels + 1)
    bids = [(price, quote.bid_qty) for rung in rungs if (price := quote.bid - step * rung) > 0]
    asks = [(quote.ask + step * rung, quote.ask_qty) for rung in rungs]
    return Book(quote.update_id, quote.occurred_ns, bids, asks)
