"""What the simulated venue remembers of the last days (orders, trades, wallet changes), and how to ask for it."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from exchanges.simulated.book import Order
from exchanges.simulated.engine_types import IncomeView, TradeView

T = TypeVar("T")


@dataclass(slots=True)
class History:
    """Orders by id, the newest order of each client id, trades by account and market, income; all oldest first."""

    orders: dict[int, Order] = field(default_factory=dict)
    by_client: dict[tuple[str, str, str], int] = field(default_factory=dict)
    trades: dict[tuple[str, str], list[TradeView]] = field(default_factory=dict)
    income: list[IncomeView] = field(default_factory=list)

    def add(self, order: Order) -> None:
        """Remember a new order."""
        self.orders[order.order_id] = order
        self.by_client[order.account, order.symbol, order.client_id] = order.order_id

    def add_trade(self, trade: TradeView) -> None:
        """Remember a trade; those of one account and market come with rising ids."""
        self.trades.setdefault((trade.account, trade.symbol), []).append(trade)

    def trades_from(self, account: str, symbol: str, trade_id: int | None) -> list[TradeView]:
        """Trades of an account in a market from an id on (all where None)."""
        rows = self.trades.get((account, symbol), [])
        return rows if trade_id is None else rows[bisect_left(rows, trade_id, key=_trade_id) :]

    def find(self, account: str, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """An order by venue id, which wins, or by client id. None if unknown."""
        if order_id is None:
            if client_id is None:
                return None
            order_id = self.by_client.get((account, symbol, client_id))
            if order_id is None:
                return None
        order = self.orders.get(order_id)
        if order is None or order.account != account or order.symbol != symbol:
            return None
        return order

    def of_account(self, account: str, symbol: str) -> Iterable[Order]:
        """All remembered orders of an account in a market, oldest first."""
        return (order for order in self.orders.values() if order.account == account and order.symbol == symbol)

    def forget(self, before_ns: int) -> None:
        """Drop ended orders, trades and income rows last touched before a time."""
        gone = [o.order_id for o in self.orders.values() if not o.is_open and o.updated_ns < before_ns]
        for order_id in gone:
            order = self.orders.pop(order_id)
            key = (order.account, order.symbol, order.client_id)
            if self.by_client.get(key) == order_id:
                del self.by_client[key]
        for rows in self.trades.values():
            rows[:] = [trade for trade in rows if trade.occurred_ns >= before_ns]
        self.income = [row for row in self.income if row.occurred_ns >= before_ns]


def _trade_id(trade: TradeView) -> int:
    return trade.trade_id


def page(rows: Sequence[T], limit: int, *, newest: bool) -> tuple[T, ...]:
    """Return at most `limit` rows in their order: the last ones where `newest`, else the first ones."""
    if limit <= 0:
        return ()
    return tuple(rows[-limit:] if newest else rows[:limit])
