"""The public endpoints: clock, rules, book, prints, candles, prices and funding.

Source: venues/aster.md 6 and 7.
"""

from collections.abc import Mapping
from decimal import Decimal

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import EngineSettings, MarketTraded, QuoteChanged
from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.endpoints import Params
from exchanges.simulated.faces.aster.markets import AsterMarket, exchange_info
from exchanges.simulated.faces.aster.orders import read_limit
from exchanges.simulated.faces.aster.refusals import VenueRefusal, missing
from exchanges.simulated.faces.aster.rendering import NS_PER_MS, milliseconds, money, text
from exchanges.simulated.faces.aster.validation import integer, known_market, required
from exchanges.simulated.faces.market_history import (
    INTERVAL_MINUTES,
    MINUTE_MS,
    Book,
    Candle,
    Levels,
    MarketHistory,
    build_book,
)

DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
_HOUR_NS = 3_600_000_000_000


def candle_row(candle: Candle, length_ms: int) -> list[object]:
    """Return a candle as Aster lists it."""
    return [
        candle.open_ms,
        format(candle.open, "f"),
        format(candle.high, "f"),
        format(candle.low, "f"),
        format(candle.close, "f"),
        format(candle.volume, "f"),
        candle.open_ms + length_ms - 1,
        format(candle.quote_volume, "f"),
        candle.trades,
        format(candle.taker_volume, "f"),
        format(candle.taker_quote_volume, "f"),
        "0",
    ]


def level_rows(levels: Levels) -> list[list[str]]:
    """Return levels as pairs of strings."""
    return [[text(price), text(quantity)] for price, quantity in levels]


class MarketEndpoints:
    """Handlers of the public endpoints."""

    def __init__(
        self, engine: Engine, markets: Mapping[str, AsterMarket], settings: EngineSettings, started_ns: int
    ) -> None:
        self._engine = engine
        self._markets = markets
        self._settings = settings
        self._started_ns = started_ns
        self.history = {symbol: MarketHistory(symbol) for symbol in markets}

    def on_event(self, event: QuoteChanged | MarketTraded) -> None:
        """Remember a public event."""
        history = self.history.get(event.symbol)
        if history is None:
            return
        if isinstance(event, QuoteChanged):
            history.on_quote(event)
        else:
            history.on_trade(event)

    def ping(self, params: Params, now_ns: int) -> object:
        """GET ping."""
        del params, now_ns
        return {}

    def time(self, params: Params, now_ns: int) -> object:
        """GET time."""
        del params
        return {"serverTime": milliseconds(now_ns)}

    def exchange_info(self, params: Params, now_ns: int) -> object:
        """GET exchangeInfo."""
        del params
        return exchange_info(self._markets.values(), milliseconds(now_ns))

    def book(self, symbol: str) -> Book | None:
        """Return the book of a market, None before the first quote."""
        quote = self.history[symbol].quote
        return None if quote is None else build_book(quote, self._markets[symbol].rules.tick, self._settings)

    def depth(self, params: Params, now_ns: int) -> object:
        """GET depth."""
        symbol = self._symbol(params)
        limit = integer(params, "limit")
        if limit is not None and limit not in DEPTH_LIMITS:
            raise missing("limit")
        book = self.book(symbol) or Book(0, now_ns, [], [])
        return {
            "lastUpdateId": book.update_id,
            "E": milliseconds(now_ns),
            "T": milliseconds(book.occurred_ns),
            "bids": level_rows(book.bids[: limit or 500]),
            "asks": level_rows(book.asks[: limit or 500]),
        }

    def _symbol(self, params: Params) -> str:
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        return symbol

    def _one_or_all(self, params: Params) -> tuple[list[MarketHistory], bool]:
        if params.get("symbol"):
            return [self.history[self._symbol(params)]], True
        return list(self.history.values()), False

    def trades(self, params: Params, now_ns: int) -> object:
        """GET trades."""
        del now_ns
        history = self.history[self._symbol(params)]
        return [_print_row(trade) for trade in list(history.trades)[-read_limit(params) :]]

    def agg_trades(self, params: Params, now_ns: int) -> object:
        """GET aggTrades (every print is an aggregate of its own)."""
        del now_ns
        history = self.history[self._symbol(params)]
        from_id, start, end = (integer(params, name) for name in ("fromId", "startTime", "endTime"))
        rows = [
            trade
            for trade in history.trades
            if (from_id is None or trade.trade_id >= from_id)
            and (start is None or milliseconds(trade.occurred_ns) >= start)
            and (end is None or milliseconds(trade.occurred_ns) <= end)
        ]
        limit = read_limit(params)
        return [_agg_row(trade) for trade in (rows[-limit:] if from_id is None and start is None else rows[:limit])]

    def klines(self, params: Params, now_ns: int) -> object:
        """GET klines: candles of what was printed since the venue was started."""
        del now_ns
        history = self.history[self._symbol(params)]
        minutes = INTERVAL_MINUTES.get(required(params, "interval"))
        if minutes is None:
            raise VenueRefusal(refusals.BAD_INTERVAL)
        candles = history.klines(
            minutes, integer(params, "startTime"), integer(params, "endTime"), read_limit(params, most=1500)
        )
        return [candle_row(candle, minutes * MINUTE_MS) for candle in candles]

    def book_ticker(self, params: Params, now_ns: int) -> object:
        """GET ticker/bookTicker."""
        histories, single = self._one_or_all(params)
        rows = [_quote_row(history.quote, now_ns) for history in histories if history.quote]
        return _single(rows, single=single)

    def price(self, params: Params, now_ns: int) -> object:
        """GET ticker/price."""
        histories, single = self._one_or_all(params)
        rows: list[dict[str, object]] = [
            {"symbol": history.symbol, "price": text(price), "time": milliseconds(now_ns)}
            for history in histories
            if (price := history.last_price()) is not None
        ]
        return _single(rows, single=single)

    def day(self, params: Params, now_ns: int) -> object:
        """GET ticker/24hr."""
        histories, single = self._one_or_all(params)
        rows = [row for history in histories if (row := _day_row(history, milliseconds(now_ns))) is not None]
        return _single(rows, single=single)

    def premium_index(self, params: Params, now_ns: int) -> object:
        """GET premiumIndex: mark and index are both the middle of the quote."""
        histories, single = self._one_or_all(params)
        rows = [row for history in histories if (row := self.mark_row(history.symbol, now_ns)) is not None]
        return _single(rows, single=single)

    def mark_row(self, symbol: str, now_ns: int) -> dict[str, object] | None:
        """Return mark price and funding of a market, None before the first quote."""
        mark = self._engine.mark_price(symbol)
        if mark is None:
            return None
        return {
            "symbol": symbol,
            "markPrice": money(mark),
            "indexPrice": money(mark),
            "estimatedSettlePrice": money(mark),
            "lastFundingRate": money(self._settings.funding_rate),
            "interestRate": "0.00010000",
            "nextFundingTime": milliseconds(self._next_funding_ns(now_ns)),
            "time": milliseconds(now_ns),
        }

    def _next_funding_ns(self, now_ns: int) -> int:
        interval = self._settings.funding_interval_ns
        return (now_ns // interval + 1) * interval

    def funding_rate(self, params: Params, now_ns: int) -> object:
        """GET fundingRate: the settlements since the venue was started."""
        symbol = self._symbol(params)
        start, end = integer(params, "startTime"), integer(params, "endTime")
        interval = self._settings.funding_interval_ns
        first = max(self._started_ns, (start or 0) * NS_PER_MS)
        last = now_ns if end is None else min(now_ns, end * NS_PER_MS)
        times = range(-(-first // interval) * interval, last + 1, interval)
        rate = money(self._settings.funding_rate)
        rows = [{"symbol": symbol, "fundingTime": milliseconds(at), "fundingRate": rate} for at in times]
        return rows[-read_limit(params, 100) :]

    def funding_info(self, params: Params, now_ns: int) -> object:
        """GET fundingInfo."""
        histories, _ = self._one_or_all(params)
        return [
            {
                "symbol": history.symbol,
                "interestRate": "0.00010000",
                "time": milliseconds(now_ns),
                "fundingIntervalHours": self._settings.funding_interval_ns // _HOUR_NS,
                "fundingFeeCap": "0.03",
                "fundingFeeFloor": "-0.03",
            }
            for history in histories
        ]


def _single(rows: list[dict[str, object]], *, single: bool) -> object:
    """Return the only row of a request for one symbol; a market without a price yet is an empty object."""
    if not single:
        return rows
    return rows[0] if rows else {}


def _quote_row(quote: QuoteChanged, now_ns: int) -> dict[str, object]:
    return {
        "symbol": quote.symbol,
        "bidPrice": text(quote.bid),
        "bidQty": text(quote.bid_qty),
        "askPrice": text(quote.ask),
        "askQty": text(quote.ask_qty),
        "time": milliseconds(now_ns),
    }


def _print_row(trade: MarketTraded) -> dict[str, object]:
    return {
        "id": trade.trade_id,
        "price": text(trade.price),
        "qty": text(trade.qty),
        "quoteQty": text(trade.price * trade.qty),
        "time": milliseconds(trade.occurred_ns),
        "isBuyerMaker": trade.buyer_is_maker,
    }


def _agg_row(trade: MarketTraded) -> dict[str, object]:
    return {
        "a": trade.trade_id,
        "p": text(trade.price),
        "q": text(trade.qty),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": milliseconds(trade.occurred_ns),
        "m": trade.buyer_is_maker,
    }


def _day_row(history: MarketHistory, now_ms: int) -> dict[str, object] | None:
    day = history.day(now_ms)
    if day is None:
        return None
    change = day.close - day.open
    last = history.trades[-1]
    return {
        "symbol": history.symbol,
        "priceChange": text(change),
        "priceChangePercent": format((change / day.open * 100).quantize(Decimal("0.001")), "f"),
        "weightedAvgPrice": money(day.quote_volume / day.volume) if day.volume else "0",
        "lastPrice": text(last.price),
        "lastQty": text(last.qty),
        "openPrice": text(day.open),
        "highPrice": text(day.high),
        "lowPrice": text(day.low),
        "volume": text(day.volume),
        "quoteVolume": text(day.quote_volume),
        "openTime": day.open_ms,
        "closeTime": now_ms,
        "firstId": history.trades[0].trade_id,
        "lastId": last.trade_id,
        "count": day.trades,
    }
