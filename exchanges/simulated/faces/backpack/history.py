"""The history service: orders that ended, fills and funding, paged, and behind the engine.

Source: venues/backpack.md 7.9, 7.10 and 16. Only what ended is listed: whether and when the venue lists an order that
still rests is not established, and "the trading service knows it no longer, history not yet" is what a client must
bear with. Everything is seen `history_lag_ns` late.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from exchanges.simulated.engine_types import IncomeKind, OrderView, TradeView
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.endpoints import Reply
from exchanges.simulated.faces.backpack.markets import PERPETUAL
from exchanges.simulated.faces.backpack.orders import MARKET_TYPES
from exchanges.simulated.faces.backpack.rendering import (
    NS_PER_MS,
    USER_ID,
    engine_order_id,
    fill_object,
    history_object,
    iso,
    order_id,
    origin,
)
from exchanges.simulated.faces.backpack.requests import Fields, Request

T = TypeVar("T")
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_NUMBER: Final = 2**63 - 1
_ALL: Final = 10**9
FILL_TYPES: Final = (
    "User",
    "BookLiquidation",
    "Adl",
    "Backstop",
    "Liquidation",
    "AllLiquidation",
    "CollateralConversion",
    "CollateralConversionAndSpotLiquidation",
)
_OF_LIQUIDATION: Final = frozenset({"BookLiquidation", "Liquidation", "AllLiquidation"})


class HistoryEndpoints:
    """Handlers of the history service of one account."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def orders(self, request: Request, now_ns: int) -> object:
        """GET history/orders."""
        context, fields = self._context, request.fields
        number = fields.text("orderId")
        seen_ns = now_ns - context.switches.history_lag_ns
        rows = [
            order
            for symbol in self._symbols(fields)
            for order in context.engine.orders(context.account, symbol, limit=_ALL)
            if not order.is_open and order.updated_ns <= seen_ns and number in (None, order_id(order.order_id))
        ]
        rows.sort(key=_order_key)
        return self._page(fields, [self._order_row(order) for order in rows])

    def _order_row(self, order: OrderView) -> dict[str, object]:
        context = self._context
        return history_object(order, context.markets[order.symbol], context.stp_of(order.order_id))

    def fills(self, request: Request, now_ns: int) -> object:
        """GET history/fills. `from` is inclusive, `to` exclusive, both in milliseconds."""
        context, fields = self._context, request.fields
        number, kind = fields.text("orderId"), fields.word("fillType", FILL_TYPES)
        start_ms, end_ms = fields.whole("from", MAX_NUMBER), fields.whole("to", MAX_NUMBER)
        seen_ns = now_ns - context.switches.history_lag_ns
        wanted = None if number is None else engine_order_id(number) or 0
        rows = [
            trade
            for symbol in self._symbols(fields)
            for trade in context.engine.trades(context.account, symbol, order_id=wanted, limit=_ALL)
            if trade.occurred_ns <= seen_ns
            and (start_ms is None or trade.occurred_ns // NS_PER_MS >= start_ms)
            and (end_ms is None or trade.occurred_ns // NS_PER_MS < end_ms)
        ]
        rows.sort(key=_trade_key)
        shown = ((trade, self._system_type(trade)) for trade in rows)
        return self._page(fields, [fill_object(trade, system) for trade, system in shown if _is_of(kind, system)])

    def _system_type(self, trade: TradeView) -> str | None:
        order = self._context.engine.order(self._context.account, trade.symbol, order_id=trade.order_id)
        return origin(order) if order is not None and order.is_liquidation else None

    def funding(self, request: Request, now_ns: int) -> object:
        """GET history/funding: what positions paid (negative) or received."""
        context, fields = self._context, request.fields
        symbols = frozenset(self._symbols(fields))
        rate = format(context.settings.funding_rate, "f")
        rows: list[dict[str, object]] = [
            {
                "fundingRate": rate,
                "intervalEndTimestamp": iso(row.occurred_ns),
                "quantity": format(row.change, "f"),
                "subaccountId": None,
                "symbol": row.symbol,
                "userId": USER_ID,
            }
            for row in context.engine.income(context.account, start_ns=0, limit=_ALL)
            if row.kind is IncomeKind.FUNDING and row.symbol in symbols
            and row.occurred_ns <= now_ns - context.switches.history_lag_ns
        ]  # fmt: skip
        return self._page(fields, rows)

    def nothing(self, request: Request, now_ns: int) -> object:
        """GET history/settlement and history/interest: the simulated venue settles at once and lends nothing."""
        del now_ns
        return self._page(request.fields, [])

    def _symbols(self, fields: Fields) -> Iterable[str]:
        symbol, kind = fields.text("symbol"), fields.word("marketType", MARKET_TYPES)
        if symbol is not None:
            self._context.market(symbol)
        if kind not in (None, PERPETUAL):
            return ()
        return self._context.markets if symbol is None else (symbol,)

    @staticmethod
    def _page(fields: Fields, oldest_first: Sequence[dict[str, object]]) -> Reply:
        """Return one page, newest first unless asked otherwise, and where it stands."""
        limit, offset = fields.whole("limit", MAX_LIMIT), fields.whole("offset", MAX_NUMBER) or 0
        ascending = fields.word("sortDirection", ("Asc", "Desc")) == "Asc"
        limit = DEFAULT_LIMIT if limit is None else limit
        rows = oldest_first if ascending else oldest_first[::-1]
        size = max(limit, 1)
        headers = {
            "X-CURRENT-PAGE": str(offset // size + 1),
            "X-PAGE-COUNT": str(max(-(-len(rows) // size), 1)),
            "X-PAGE-SIZE": str(limit),
            "X-TOTAL": str(len(rows)),
        }
        return Reply(list(rows[offset : offset + limit]), headers=headers)


def _order_key(order: OrderView) -> int:
    return order.order_id


def _trade_key(trade: TradeView) -> tuple[int, int]:
    return trade.occurred_ns, trade.trade_id


def _is_of(kind: str | None, system_type: str | None) -> bool:
    if kind is None:
        return True
    return system_type is None if kind == "User" else system_type is not None and kind in _OF_LIQUIDATION
