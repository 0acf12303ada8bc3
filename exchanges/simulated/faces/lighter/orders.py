"""What the venue knows of an order beyond the engine: its number, its expiry, the words for how it ended.

Source: venues/lighter.md 10 (order_index rule: asks count up from their market's base, bids down from the next one),
11.1 (statuses). The counter behind the number is the engine's order id, so nothing has to be remembered to translate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import EndReason, OrderView
from exchanges.simulated.faces.lighter.markets import LighterMarket
from exchanges.values import OrderStatus, Side

INDEX_SPAN: Final = 2**48
MAX_INDEX: Final = 2**60 - 1
COUNTER_BASE: Final = 1_000_000
PHANTOM_BASE: Final = 2**40
"""Counters of orders that ended before the engine gave them a number."""

KEPT_PHANTOMS: Final = 1000
PRUNE_EVERY: Final = 10_000

STATUSES: Final = (
    "in-progress",
    "pending",
    "open",
    "filled",
    "canceled",
    "canceled-post-only",
    "canceled-reduce-only",
    "canceled-position-not-allowed",
    "canceled-margin-not-allowed",
    "canceled-too-much-slippage",
    "canceled-not-enough-liquidity",
    "canceled-self-trade",
    "canceled-expired",
    "canceled-oco",
    "canceled-child",
    "canceled-liquidation",
    "canceled-invalid-balance",
)
"""All words of the venue; their place is the number in `event_info.st`."""

_ENDS: Final = {
    EndReason.REQUESTED: "canceled",
    EndReason.POST_ONLY: "canceled-post-only",
    EndReason.IMMEDIATE: "canceled-not-enough-liquidity",
    EndReason.FILL_OR_KILL: "canceled-not-enough-liquidity",
    EndReason.REDUCE_ONLY: "canceled-reduce-only",
    EndReason.SELF_TRADE: "canceled-self-trade",
    EndReason.NO_LIQUIDITY: "canceled-not-enough-liquidity",
    EndReason.LIQUIDATION: "canceled-liquidation",
    EndReason.CANCEL_TIMER: "canceled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMeta:
    """What came with an order. `ended_as` overrides the word for its end; `expiry_ms` 0 means it never rests."""

    expiry_ms: int = 0
    is_market: bool = False
    version: int = 0
    ended_as: str = ""
    api_key_index: int = 0


_META: Final = tuple(item.name for item in fields(OrderMeta))


def order_index(market: LighterMarket, side: Side, order_id: int) -> int:
    """Return the venue's number of an engine order."""
    counter = COUNTER_BASE + order_id
    if side is Side.SELL:
        return (market.market_id + 1) * INDEX_SPAN + counter
    return (market.market_id + 2) * INDEX_SPAN - counter


def engine_id(market: LighterMarket, index: int) -> tuple[int, Side] | None:
    """Return the engine's id and the side of a venue number; None where it is none of this market.

    Up to half of a market's span counts as its asks, the rest as its bids.
    """
    offset = index - (market.market_id + 1) * INDEX_SPAN
    if not 0 <= offset < INDEX_SPAN:
        return None
    is_ask = offset < INDEX_SPAN // 2
    order_id = (offset if is_ask else INDEX_SPAN - offset) - COUNTER_BASE
    return (order_id, Side.SELL if is_ask else Side.BUY) if order_id > 0 else None


def client_index(order: OrderView) -> int:
    """Return an order's client index, 0 where its client gave none."""
    return read_client_index(order.client_id)


def read_client_index(client_id: str) -> int:
    """Return the client index behind an engine's client id, 0 where the engine made it up."""
    return int(client_id) if client_id.isascii() and client_id.isdigit() else 0


def status_word(order: OrderView, meta: OrderMeta) -> str:
    """Return the venue's word for how an order stands."""
    if order.status is OrderStatus.FILLED:
        return "filled"
    if order.is_open:
        return "open"
    if meta.ended_as:
        return meta.ended_as
    return _ENDS.get(order.end_reason, "canceled") if order.end_reason is not None else "canceled"


class OrderBookkeeping:
    """The orders of one account: finds them by either number, and remembers what the engine does not."""

    def __init__(self, engine: Engine, account: str, markets: Mapping[str, LighterMarket]) -> None:
        self._engine = engine
        self._account = account
        self._markets = markets
        self._metas: dict[int, OrderMeta] = {}
        self._phantoms: dict[int, OrderView] = {}
        self._expiries: dict[int, tuple[int, str]] = {}
        self._phantom_count = 0
        self._prune_at = PRUNE_EVERY

    # --- finding ---
    def find(self, market: LighterMarket, index: int) -> OrderView | None:
        """Return the order with a venue number or a client index (the live one, else the newest)."""
        if index < INDEX_SPAN:
            return self.by_client(market, index)
        named = engine_id(market, index)
        if named is None:
            return None
        order = self._phantoms.get(named[0]) or self._engine.order(self._account, market.symbol, order_id=named[0])
        return order if order is not None and order.side is named[1] else None

    def by_client(self, market: LighterMarket, index: int) -> OrderView | None:
        """Return the order with a client index in a market: the live one, else the newest."""
        order = self._engine.order(self._account, market.symbol, client_id=str(index)) if index else None
        if order is None:
            matching = [p for p in self._phantoms.values() if p.symbol == market.symbol and client_index(p) == index]
            order = matching[-1] if index and matching else None
        return order

    def is_live(self, index: int) -> bool:
        """Return whether a live order of the account, in any market, has a client index."""
        found = (self.by_client(market, index) for market in self._markets.values())
        return any(order is not None and order.is_open for order in found)

    def ended(self, symbols: tuple[str, ...]) -> list[OrderView]:
        """Return the orders that are not open any more, newest first."""
        rows = [
            order
            for symbol in symbols
            for order in self._engine.orders(self._account, symbol, limit=10**9)
            if not order.is_open
        ]
        rows += [order for order in self._phantoms.values() if order.symbol in symbols]
        return sorted(rows, key=lambda order: (order.updated_ns, order.order_id), reverse=True)

    # --- remembering ---
    def meta(self, order: OrderView) -> OrderMeta:
        """Return what came with an order."""
        return self._metas.get(order.order_id, OrderMeta())

    def note(self, order: OrderView, meta: OrderMeta) -> None:
        """Remember what came with an order."""
        self._metas[order.order_id] = meta
        if len(self._metas) >= self._prune_at:
            self._prune()
        if order.is_open and meta.expiry_ms:
            self._expiries[order.order_id] = (meta.expiry_ms, order.symbol)

    def _prune(self) -> None:
        """Forget what came with orders that the engine has forgotten."""
        known = {
            order.order_id
            for symbol in self._markets
            for order in self._engine.orders(self._account, symbol, limit=10**9)
        }
        self._metas = {number: meta for number, meta in self._metas.items() if number in known | self._phantoms.keys()}
        self._prune_at = len(self._metas) + PRUNE_EVERY

    def change(self, order: OrderView, **changes: Any) -> None:  # noqa: ANN401 - fields of OrderMeta
        """Change what is remembered of an order."""
        self._metas[order.order_id] = replace(self.meta(order), **changes)

    def add_phantom(self, order: OrderView, meta: OrderMeta) -> OrderView:
        """Remember an order that ended before it entered the book, under a number of its own; return it with that."""
        phantom = replace(order, order_id=PHANTOM_BASE + self._phantom_count)
        self._phantom_count += 1
        self._phantoms[phantom.order_id] = phantom
        self._metas[phantom.order_id] = meta
        if len(self._phantoms) > KEPT_PHANTOMS:
            oldest = next(iter(self._phantoms))
            del self._phantoms[oldest], self._metas[oldest]
        return phantom

    def forget_ended(self, order: OrderView) -> None:
        """Stop watching the expiry of an order that ended."""
        self._expiries.pop(order.order_id, None)

    # --- expiry ---
    def next_expiry_ms(self) -> int | None:
        """When the next resting order expires."""
        return min((at for at, _ in self._expiries.values()), default=None)

    def expired(self, now_ms: int) -> list[tuple[int, str]]:
        """Take (engine id, symbol) of the orders whose time is over."""
        due = [(order_id, symbol) for order_id, (at, symbol) in self._expiries.items() if at <= now_ms]
        for order_id, _ in due:
            del self._expiries[order_id]
            self._metas[order_id] = replace(self._metas[order_id], ended_as="canceled-expired")
        return due

    # --- state ---
    def snapshot(self) -> dict[str, object]:
        """What came with the orders that the engine knows."""
        rows = {number: meta for number, meta in self._metas.items() if number not in self._phantoms}
        return {"metas": {str(number): [getattr(meta, name) for name in _META] for number, meta in rows.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load what `snapshot` returned. The engine is restored before."""
        self._metas = {
            int(number): OrderMeta(**dict(zip(_META, values, strict=True))) for number, values in state["metas"].items()
        }
        for order in self._engine.open_orders(self._account):
            meta = self.meta(order)
            if meta.expiry_ms:
                self._expiries[order.order_id] = (meta.expiry_ms, order.symbol)
