"""The public endpoints: clock, markets, book, prints, candles, prices and funding.

Source: venues/backpack.md 5 and 6. Both sides of the book are ascending. What a CDN keeps on the real venue (markets,
ticker) is never old here. Index, mark and middle of the touch are one price.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from exchanges.rounding import plain
from exchanges.simulated.engine_types import MarketTraded, QuoteChanged
from exchanges.simulated.faces.backpack import refusals
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.endpoints import Reply
from exchanges.simulated.faces.backpack.limits import Bucket
from exchanges.simulated.faces.backpack.markets import PERPETUAL, QUOTE, State, market_row
from exchanges.simulated.faces.backpack.orders import MARKET_TYPES
from exchanges.simulated.faces.backpack.refusals import Unparsable, not_simulated
from exchanges.simulated.faces.backpack.rendering import NS_PER_MS, TRADE_ID_BASE, iso, microseconds, milliseconds
from exchanges.simulated.faces.backpack.requests import Fields, Request
from exchanges.simulated.faces.market_history import (
    INTERVAL_MINUTES,
    MINUTE_MS,
    Book,
    Candle,
    Levels,
    MarketHistory,
    build_book,
)
from exchanges.values import ZERO

DEPTH_LIMITS: Final = (5, 10, 20, 50, 100, 500, 1000)
DEFAULT_TRADES: Final = 100
MAX_ROWS: Final = 1000
MAX_NUMBER: Final = 2**63 - 1
NO_DATA: Final = 204
_INTERVALS: Final = (*INTERVAL_MINUTES, "1s", "3d", "1w", "1month")
_PRICE_DIGITS: Final = Decimal("0.000001")


def kline_bucket(fields: Fields) -> Bucket:
    """Candles of a span of time are historical data (section 4.3)."""
    return Bucket.HISTORY if fields.has("startTime") or fields.has("endTime") else Bucket.ORDINARY


class MarketEndpoints:
    """Handlers of the public endpoints, and the memory of every market."""

    def __init__(self, context: Context) -> None:
        self._context = context
        context.history.update({symbol: MarketHistory(symbol) for symbol in context.markets})

    def on_event(self, event: QuoteChanged | MarketTraded) -> None:
        """Remember a public event."""
        history = self._context.history.get(event.symbol)
        if history is None:
            return
        if isinstance(event, QuoteChanged):
            history.on_quote(event)
        else:
            history.on_trade(event)

    # --- the venue ---
    def status(self, request: Request, now_ns: int) -> object:
        """GET status."""
        del request, now_ns
        return {"message": None, "status": "Maintenance" if self._context.switches.maintenance else "Ok"}

    def ping(self, request: Request, now_ns: int) -> object:
        """GET ping: text."""
        del request, now_ns
        return Reply("pong")

    def time(self, request: Request, now_ns: int) -> object:
        """GET time: text, unix milliseconds."""
        del request
        return Reply(str(milliseconds(now_ns) + self._context.switches.clock_skew_ms))

    def markets(self, request: Request, now_ns: int) -> object:
        """GET markets."""
        del now_ns
        if request.fields.word("marketType", MARKET_TYPES) not in (None, PERPETUAL):
            return []
        return [self._market_row(symbol) for symbol in self._context.markets]

    def market(self, request: Request, now_ns: int) -> object:
        """GET market."""
        del now_ns
        return self._market_row(self._symbol(request.fields))

    def _market_row(self, symbol: str) -> dict[str, object]:
        context = self._context
        interval_ms = milliseconds(context.settings.funding_interval_ns)
        return market_row(context.markets[symbol], context.switches.state(symbol), interval_ms)

    def assets(self, request: Request, now_ns: int) -> object:
        """GET assets: the money of the venue and what its markets trade."""
        del request, now_ns
        bases = dict.fromkeys(market.rules.base_asset for market in self._context.markets.values())
        return [{"coingeckoId": None, "displayName": name, "symbol": name, "tokens": []} for name in (QUOTE, *bases)]

    def nothing(self, request: Request, now_ns: int) -> object:
        """GET securities and borrowLend/markets: the simulated venue has perpetual markets only."""
        del request, now_ns
        return []

    # --- the book and prints ---
    def book(self, symbol: str) -> Book | None:
        """Return the book of a market, None before the first quote."""
        context = self._context
        quote = context.history[symbol].quote
        return None if quote is None else build_book(quote, context.markets[symbol].rules.tick, context.settings)

    def depth(self, request: Request, now_ns: int) -> object:
        """GET depth."""
        symbol = self._symbol(request.fields)
        limit = request.fields.whole("limit", MAX_NUMBER)
        if limit is not None and limit not in DEPTH_LIMITS:
            raise Unparsable(f"`limit`: unknown variant `{limit}`")
        if self._context.switches.state(symbol) is State.CLOSED:
            raise refusals.not_found()
        book = self.book(symbol) or Book(0, now_ns, [], [])
        return {
            "asks": _rows(book.asks[:limit]),
            "bids": _rows(book.bids[:limit])[::-1],
            "lastUpdateId": str(book.update_id),
            "timestamp": microseconds(book.occurred_ns),
        }

    def trades(self, request: Request, now_ns: int) -> object:
        """GET trades, newest first."""
        del now_ns
        return self._trades(request.fields, 0)

    def old_trades(self, request: Request, now_ns: int) -> object:
        """GET trades/history: what is still remembered."""
        del now_ns
        return self._trades(request.fields, request.fields.whole("offset", MAX_NUMBER) or 0)

    def _trades(self, fields: Fields, offset: int) -> list[dict[str, object]]:
        history = self._context.history[self._symbol(fields)]
        limit = fields.whole("limit", MAX_ROWS)
        newest_first = list(history.trades)[::-1]
        return [_trade_row(trade) for trade in newest_first[offset:][: DEFAULT_TRADES if limit is None else limit]]

    def klines(self, request: Request, now_ns: int) -> object:
        """GET klines: candles of what was printed since the venue was started. Times come in seconds."""
        fields = request.fields
        history = self._context.history[self._symbol(fields)]
        interval = fields.word("interval", _INTERVALS) or fields.required("interval")
        start_s, end_s = fields.whole("startTime", MAX_NUMBER), fields.whole("endTime", MAX_NUMBER)
        if start_s is None:
            raise Unparsable("missing field `startTime`")
        minutes = INTERVAL_MINUTES.get(interval)
        if minutes is None:
            raise not_simulated(f"The interval {interval}")
        end_ms = milliseconds(now_ns) if end_s is None else end_s * 1000
        length_ms = minutes * MINUTE_MS
        first_ms = -(-start_s * 1000 // length_ms) * length_ms
        return [_candle_row(candle, length_ms) for candle in history.klines(minutes, first_ms, end_ms, MAX_ROWS)]

    # --- prices ---
    def ticker(self, request: Request, now_ns: int) -> object:
        """GET ticker: no data before the first print."""
        request.fields.word("interval", ("1d", "1w"))
        row = self.ticker_row(self._symbol(request.fields), now_ns)
        return Reply(None, status=NO_DATA) if row is None else row

    def tickers(self, request: Request, now_ns: int) -> object:
        """GET tickers."""
        request.fields.word("interval", ("1d", "1w"))
        rows = (self.ticker_row(symbol, now_ns) for symbol in self._context.markets)
        return [row for row in rows if row is not None]

    def ticker_row(self, symbol: str, now_ns: int) -> dict[str, object] | None:
        """Return the last day of a market; None without a print."""
        day = self.day(symbol, now_ns)
        if day is None:
            return None
        change = day.close - day.open
        return {
            "firstPrice": plain(day.open),
            "high": plain(day.high),
            "lastPrice": plain(day.close),
            "low": plain(day.low),
            "priceChange": plain(change),
            "priceChangePercent": plain((change / day.open).quantize(_PRICE_DIGITS)),
            "quoteVolume": plain(day.quote_volume),
            "symbol": symbol,
            "trades": str(day.trades),
            "volume": plain(day.volume),
        }

    def day(self, symbol: str, now_ns: int) -> Candle | None:
        """Return the last day of a market as one candle; None without a print."""
        return self._context.history[symbol].day(milliseconds(now_ns))

    def mark_prices(self, request: Request, now_ns: int) -> object:
        """GET markPrices."""
        fields = request.fields
        if fields.word("marketType", MARKET_TYPES) not in (None, PERPETUAL):
            return []
        symbols = [self._symbol(fields)] if fields.has("symbol") else list(self._context.markets)
        rows = (self.mark_row(symbol, now_ns) for symbol in symbols)
        return [row for row in rows if row is not None]

    def mark_row(self, symbol: str, now_ns: int) -> dict[str, object] | None:
        """Return mark price and funding of a market; None before the first quote."""
        context = self._context
        mark = context.engine.mark_price(symbol)
        if mark is None:
            return None
        interval_ns = context.settings.funding_interval_ns
        return {
            "fundingRate": plain(context.settings.funding_rate),
            "indexPrice": plain(mark),
            "markPrice": plain(mark),
            "nextFundingTimestamp": milliseconds((now_ns // interval_ns + 1) * interval_ns),
            "symbol": symbol,
        }

    def open_interest(self, request: Request, now_ns: int) -> object:
        """GET openInterest: what the one account holds."""
        context, fields = self._context, request.fields
        symbols = [self._symbol(fields)] if fields.has("symbol") else list(context.markets)
        return [
            {
                "openInterest": plain(abs(context.engine.position(context.account, symbol).quantity)),
                "symbol": symbol,
                "timestamp": milliseconds(now_ns),
            }
            for symbol in symbols
        ]

    def funding_rates(self, request: Request, now_ns: int) -> object:
        """GET fundingRates: the settlements since the venue was started, newest first."""
        context, fields = self._context, request.fields
        symbol = self._symbol(fields)
        limit, offset = fields.whole("limit", MAX_ROWS), fields.whole("offset", MAX_NUMBER) or 0
        interval_ns = context.settings.funding_interval_ns
        first_ns = -(-context.started_ns // interval_ns) * interval_ns
        times = range(first_ns, now_ns + 1, interval_ns)[::-1]
        rate = plain(context.settings.funding_rate)
        rows = [{"fundingRate": rate, "intervalEndTimestamp": iso(at), "symbol": symbol} for at in times[offset:]]
        return rows[: DEFAULT_TRADES if limit is None else limit]

    def _symbol(self, fields: Fields) -> str:
        return self._context.market(fields.required("symbol")).symbol


def _rows(levels: Levels) -> list[list[str]]:
    return [[plain(price), plain(quantity)] for price, quantity in levels if quantity > ZERO]


def _trade_row(trade: MarketTraded) -> dict[str, object]:
    return {
        "id": TRADE_ID_BASE + trade.trade_id,
        "isBuyerMaker": trade.buyer_is_maker,
        "price": plain(trade.price),
        "quantity": plain(trade.qty),
        "quoteQuantity": plain(trade.price * trade.qty),
        "timestamp": trade.occurred_ns // NS_PER_MS,
    }


def _candle_row(candle: Candle, length_ms: int) -> dict[str, object]:
    return {
        "close": plain(candle.close),
        "end": _clock(candle.open_ms + length_ms),
        "high": plain(candle.high),
        "low": plain(candle.low),
        "open": plain(candle.open),
        "quoteVolume": plain(candle.quote_volume),
        "start": _clock(candle.open_ms),
        "trades": str(candle.trades),
        "volume": plain(candle.volume),
    }


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
