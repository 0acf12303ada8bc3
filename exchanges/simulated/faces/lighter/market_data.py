"""The public endpoints: markets, books, prints, candles, statistics.

Source: venues/lighter.md 3 and 13. The books show the market without our own orders, as everywhere in the simulation.
"""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import EngineSettings, MarketTraded, QuoteChanged
from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.markets import NIL_MARKET, QUOTE, LighterMarket, by_id, describe
from exchanges.simulated.faces.lighter.orders import INDEX_SPAN
from exchanges.simulated.faces.lighter.parameters import Params, integer, limit
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.rendering import USDC_ID, money, number
from exchanges.simulated.faces.lighter.trade_log import OTHER_ACCOUNT, Row, TradeLog, public_row
from exchanges.simulated.faces.market_history import (
    INTERVAL_MINUTES,
    MINUTE_MS,
    Book,
    Levels,
    MarketHistory,
    build_book,
)
from exchanges.values import ZERO

NS_PER_MS: Final = 1_000_000
NONCE_BASE: Final = 5_000_000_000
MAX_CANDLES: Final = 500
FUNDING_HOUR_MS: Final = 3_600_000
_RESOLUTIONS: Final = {
    name: minutes
    for name, minutes in INTERVAL_MINUTES.items()
    if name in ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")
}
_ORDER_EXPIRY_MS: Final = 28 * 24 * FUNDING_HOUR_MS
_MAKER_COUNTER: Final = 2**42
_DAILY: Final = (
    "daily_base_token_volume",
    "daily_quote_token_volume",
    "daily_price_low",
    "daily_price_high",
    "daily_price_change",
)
_MOST_BOOK_ROWS: Final = 250
_MOST_TRADES: Final = 100


class MarketData:
    """Handlers of the public endpoints, and what the public streams show. Fed by the engine's public events."""

    def __init__(
        self,
        engine: Engine,
        markets: Mapping[str, LighterMarket],
        settings: EngineSettings,
        trades: TradeLog,
        rng: Random,
    ) -> None:
        self.markets = markets
        self.history = {symbol: MarketHistory(symbol) for symbol in markets}
        self._by_id = by_id(markets)
        self._engine = engine
        self._settings = settings
        self._trades = trades
        self._rng = rng

    def on_event(self, event: QuoteChanged | MarketTraded) -> None:
        """Remember a quote or a print."""
        history = self.history[event.symbol]
        if isinstance(event, MarketTraded):
            history.on_trade(event)
        else:
            history.on_quote(event)

    def market(self, market_id: int) -> LighterMarket | None:
        """Return the market with a number."""
        return self._by_id.get(market_id)

    def book(self, symbol: str) -> Book | None:
        """Return the levels of a market, None before the first quote."""
        quote = self.history[symbol].quote
        return None if quote is None else build_book(quote, self.markets[symbol].rules.tick, self._settings)

    def print_row(self, trade: MarketTraded) -> Row:
        """Return a print as the venue tells it; with both sides where it was the account's."""
        own = self._trades.own(trade.symbol, trade.trade_id)
        return own if own is not None else public_row(self.markets[trade.symbol], trade)

    # --- endpoints ---
    def order_books(self, params: Params, now_ns: int) -> object:
        """GET orderBooks."""
        del now_ns
        return {"code": 200, "order_books": [describe(market) for market in self._chosen(params)]}

    def order_book_details(self, params: Params, now_ns: int) -> object:
        """GET orderBookDetails."""
        kind = params.get("filter", "all")
        if kind not in ("all", "spot", "perp"):
            raise refusals.bad_parameter("filter")
        rows = [] if kind == "spot" else [self.details(market, now_ns) for market in self._chosen(params)]
        return {"code": 200, "order_book_details": rows, "spot_order_book_details": []}

    def _chosen(self, params: Params) -> list[LighterMarket]:
        market_id = integer(params, "market_id", NIL_MARKET)
        if market_id == NIL_MARKET:
            return list(self.markets.values())
        return [self._known(market_id)]

    def _known(self, market_id: int) -> LighterMarket:
        market = self._by_id.get(market_id)
        if market is None:
            raise VenueRefusal(refusals.BAD_PARAMETER, detail=": market_id")
        return market

    def details(self, market: LighterMarket, now_ns: int) -> dict[str, object]:
        """Return one row of `GET orderBookDetails`."""
        mark = self._engine.mark_price(market.symbol) or ZERO
        return {
            **describe(market),
            "size_decimals": market.size_decimals,
            "price_decimals": market.price_decimals,
            "quote_multiplier": 1,
            "default_initial_margin_fraction": market.default_fraction,
            "min_initial_margin_fraction": market.min_fraction,
            "maintenance_margin_fraction": market.maintenance_fraction,
            "closeout_margin_fraction": market.closeout_fraction,
            **self._day(market.symbol, now_ns),
            "open_interest": 0.0,
            "daily_chart": {},
            "market_config": {
                "market_margin_mode": 0,
                "insurance_fund_account_index": INDEX_SPAN - 1,
                "liquidation_mode": 0,
                "force_reduce_only": not market.rules.is_trading,
                "trading_hours": "",
                "hidden": False,
            },
            "strategy_index": 0,
            "funding_clamp_small": "0.05",
            "funding_clamp_big": "4.0",
            "base_interest_rate": "0.01",
            "mark_price": market.price_text(mark),
            "index_price": market.price_text(mark),
        }

    def _day(self, symbol: str, now_ns: int) -> dict[str, object]:
        history = self.history[symbol]
        day = history.day(now_ns // NS_PER_MS)
        last = number(history.last_price() or ZERO)
        if day is None:
            return {"last_trade_price": last, "daily_trades_count": 0, **dict.fromkeys(_DAILY, 0.0)}
        return {
            "last_trade_price": last,
            "daily_trades_count": day.trades,
            "daily_base_token_volume": number(day.volume),
            "daily_quote_token_volume": number(day.quote_volume),
            "daily_price_low": number(day.low),
            "daily_price_high": number(day.high),
            "daily_price_change": number(((day.close - day.open) / day.open * 100).quantize(Decimal("0.0001"))),
        }

    def order_book_orders(self, params: Params, now_ns: int) -> object:
        """GET orderBookOrders: every level as the one order it is made of."""
        market = self._known(integer(params, "market_id"))
        most = limit(params, _MOST_BOOK_ROWS)
        book = self.book(market.symbol)
        if book is None:
            return {"code": 200, "total_asks": 0, "asks": None, "total_bids": 0, "bids": None}
        asks, bids = book.asks[:most], book.bids[:most]
        return {
            "code": 200,
            "total_asks": len(asks),
            "asks": [_level_order(market, level, place, now_ns, is_ask=True) for place, level in enumerate(asks)],
            "total_bids": len(bids),
            "bids": [_level_order(market, level, place, now_ns, is_ask=False) for place, level in enumerate(bids)],
        }

    def recent_trades(self, params: Params, now_ns: int) -> object:
        """GET recentTrades, in no particular order."""
        del now_ns
        market = self._known(integer(params, "market_id"))
        newest = list(self.history[market.symbol].trades)[-limit(params, _MOST_TRADES) :]
        rows = [self.print_row(trade) for trade in newest]
        self._rng.shuffle(rows)
        return {"code": 200, "trades": rows}

    def candles(self, params: Params, now_ns: int) -> object:
        """GET candles. Fields that are zero are left out."""
        del now_ns
        market = self._known(integer(params, "market_id"))
        resolution = params.get("resolution", "")
        minutes = _RESOLUTIONS.get(resolution)
        start, end = integer(params, "start_timestamp"), integer(params, "end_timestamp")
        if minutes is None or end < start:
            raise VenueRefusal(refusals.BAD_CANDLES)
        count = min(integer(params, "count_back", MAX_CANDLES) or MAX_CANDLES, MAX_CANDLES)
        history = self.history[market.symbol]
        first = start // (minutes * MINUTE_MS) * minutes * MINUTE_MS
        rows = history.klines(minutes, first, end, 10**9)[-count:]
        found = [
            {
                "t": row.open_ms,
                "o": number(row.open),
                "h": number(row.high),
                "l": number(row.low),
                "c": number(row.close),
                "v": number(row.volume),
                "V": number(row.quote_volume),
                "i": row.trades,
            }
            for row in rows
        ]
        return {
            "code": 200,
            "r": resolution,
            "c": [{key: value for key, value in row.items() if value} for row in found],
        }

    def exchange_stats(self, params: Params, now_ns: int) -> object:
        """GET exchangeStats."""
        del params
        days = {symbol: self._day(symbol, now_ns) for symbol in self.markets}
        hidden = ("daily_price_low", "daily_price_high")
        rows = [
            {"symbol": symbol, **{name: value for name, value in day.items() if name not in hidden}}
            for symbol, day in days.items()
        ]
        candles = [day for history in self.history.values() if (day := history.day(now_ns // NS_PER_MS)) is not None]
        return {
            "code": 200,
            "total": len(rows),
            "order_book_stats": rows,
            "daily_usd_volume": number(sum((day.quote_volume for day in candles), ZERO)),
            "daily_trades_count": sum(day.trades for day in candles),
        }

    def asset_details(self, params: Params, now_ns: int) -> object:
        """GET assetDetails."""
        del params, now_ns
        usdc = {
            "asset_id": USDC_ID,
            "symbol": QUOTE,
            "l1_decimals": 6,
            "decimals": 6,
            "min_transfer_amount": "1.000000",
            "min_withdrawal_amount": "1.000000",
            "margin_mode": "enabled",
            "index_price": "1.000000",
            "l1_address": "0x0000000000000000000000000000000000000000",
        }
        return {"code": 200, "asset_details": [usdc]}

    def funding_rates(self, params: Params, now_ns: int) -> object:
        """GET funding-rates: the constant rate of the simulation, per funding interval."""
        del params, now_ns
        rate = number(self._settings.funding_rate)
        return {
            "code": 200,
            "funding_rates": [
                {"market_id": market.market_id, "exchange": "lighter", "symbol": market.symbol, "rate": rate}
                for market in self.markets.values()
            ],
        }

    # --- what the streams show ---
    def stats(self, market: LighterMarket, now_ns: int) -> dict[str, object]:
        """Return the object of the market_stats channel."""
        mark = market.price_text(self._engine.mark_price(market.symbol) or ZERO)
        rate = format(self._settings.funding_rate * 100, ".4f")
        hour_ms = now_ns // NS_PER_MS // FUNDING_HOUR_MS * FUNDING_HOUR_MS
        day = self._day(market.symbol, now_ns)
        return {
            "symbol": market.symbol,
            "market_id": market.market_id,
            "index_price": mark,
            "mark_price": mark,
            "mid_price": mark,
            "open_interest": money(ZERO),
            "last_trade_price": market.price_text(self.history[market.symbol].last_price() or ZERO),
            "current_funding_rate": rate,
            "funding_rate": rate,
            "funding_timestamp": hour_ms,
            "funding_clamp_small": "0.05",
            "funding_clamp_big": "4.0",
            **{
                name: value for name, value in day.items() if name.startswith("daily_") and name != "daily_trades_count"
            },
        }


def _level_order(
    market: LighterMarket, level: tuple[Decimal, Decimal], place: int, now_ns: int, *, is_ask: bool
) -> dict[str, object]:
    price, size = level
    counter = _MAKER_COUNTER + place
    index = (market.market_id + 1) * INDEX_SPAN + counter if is_ask else (market.market_id + 2) * INDEX_SPAN - counter
    return {
        "order_index": index,
        "order_id": str(index),
        "owner_account_index": OTHER_ACCOUNT,
        "initial_base_amount": market.size_text(size),
        "remaining_base_amount": market.size_text(size),
        "price": market.price_text(price),
        "order_expiry": now_ns // NS_PER_MS + _ORDER_EXPIRY_MS,
        "transaction_time": 0,
    }


def level_rows(market: LighterMarket, levels: Levels) -> list[dict[str, str]]:
    """Return price levels as the streams show them."""
    return [{"price": market.price_text(price), "size": market.size_text(size)} for price, size in levels]
