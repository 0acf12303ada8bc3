"""The vocabulary of the simulated venue's engine: what goes in, what comes out, what can be asked.

Venue-neutral: a face translates its wire format to these commands and these views and events to its wire format. All
values are immutable; prices and quantities are `Decimal` in the market's own units; times are wall-clock nanoseconds
handed in by the caller. Order ids and trade ids are positive integers that never repeat (trade ids rise per market,
order ids over all markets). Commands and settings are defined in `engine_commands`, views in `engine_views`, answers
and events here; this module has them all.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from exchanges.simulated.engine_commands import (
    DEFAULT_FEES,
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    EngineSettings,
    MarketSpec,
    OrderType,
    PlaceOrder,
    SelfTrade,
    SetCancelTimer,
    SetLeverage,
    TimeInForce,
)
from exchanges.simulated.engine_views import (
    BalanceView,
    EndReason,
    IncomeKind,
    IncomeView,
    OrderView,
    PositionView,
    QuoteTick,
    TradeTick,
    TradeView,
)

__all__ = [
    "DEFAULT_FEES",
    "AmendOrder",
    "Amended",
    "Answer",
    "BalanceChanged",
    "BalanceView",
    "CancelAll",
    "CancelOrder",
    "CancelTimerSet",
    "Canceled",
    "ChangeReason",
    "Command",
    "CommandDone",
    "EndReason",
    "EngineSettings",
    "Event",
    "IncomeKind",
    "IncomeView",
    "LeverageChanged",
    "LeverageSet",
    "Liquidated",
    "MarketSpec",
    "MarketTraded",
    "OrderAccepted",
    "OrderAmended",
    "OrderCanceled",
    "OrderExpired",
    "OrderType",
    "OrderView",
    "PlaceOrder",
    "Placed",
    "PositionChanged",
    "PositionView",
    "PrivateEvent",
    "PublicEvent",
    "QuoteChanged",
    "QuoteTick",
    "RefusalReason",
    "Refused",
    "SelfTrade",
    "SetCancelTimer",
    "SetLeverage",
    "TimeInForce",
    "TradeTick",
    "TradeView",
    "Traded",
]

# --- answers to commands ------------------------------------------------------------------------------------------


class RefusalReason(StrEnum):
    """Why the engine did nothing. The face maps each to its venue's code."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    UNKNOWN_ORDER = "unknown_order"
    MARKET_CLOSED = "market_closed"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    TOO_MANY_ORDERS = "too_many_orders"
    PRICE_MISSING = "price_missing"
    PRICE_NOT_POSITIVE = "price_not_positive"
    PRICE_TICK = "price_tick"
    PRICE_TOO_LOW = "price_too_low"
    PRICE_TOO_HIGH = "price_too_high"
    PRICE_ABOVE_BAND = "price_above_band"
    PRICE_BELOW_BAND = "price_below_band"
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    QUANTITY_STEP = "quantity_step"
    QUANTITY_TOO_SMALL = "quantity_too_small"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    MIN_NOTIONAL = "min_notional"
    MARGIN = "margin"
    REDUCE_ONLY = "reduce_only"
    POST_ONLY = "post_only"
    NO_QUOTE = "no_quote"
    LEVERAGE = "leverage"
    LEVERAGE_MARGIN = "leverage_margin"
    AMEND_WOULD_TAKE = "amend_would_take"
    AMEND_NOT_LIMIT = "amend_not_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The command had no effect."""

    reason: RefusalReason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The order was taken in. `accepted` is how it stood on acceptance (OPEN), `final` after its first matching.

    A venue that only acknowledges shows `accepted`; one that waits for the result shows `final`. `trades` are the
    executions of that first matching.
    """

    accepted: OrderView
    final: OrderView
    trades: tuple[TradeView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceled:
    """The orders that were canceled (one, or all of CancelAll: possibly none)."""

    orders: tuple[OrderView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended:
    """The order after the change and a first matching."""

    order: OrderView


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageSet:
    """The leverage now in force."""

    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTimerSet:
    """The dead-man timer now in force; `due_ns` is 0 when it is off."""

    symbol: str
    due_ns: int


Answer = Placed | Canceled | Amended | LeverageSet | CancelTimerSet | Refused


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone:
    """A submitted command was executed: the moment its answer may leave the venue."""

    command_id: int
    account: str
    answer: Answer
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """An order entered the book (before any matching)."""

    order: OrderView
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """One execution; `order` is the order right after it (PARTIALLY_FILLED or FILLED)."""

    order: OrderView
    trade: TradeView
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired:
    """The venue ended the order by itself; `order.end_reason` says why."""

    order: OrderView
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCanceled:
    """The order was canceled on request, by the dead-man timer or before a liquidation."""

    order: OrderView
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAmended:
    """Price or quantity of a resting order changed."""

    order: OrderView
    occurred_ns: int


class ChangeReason(StrEnum):
    """Why a position or balance changed."""

    ORDER = "order"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    DEPOSIT = "deposit"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    """The position after one execution (also when it became flat)."""

    position: PositionView
    reason: ChangeReason
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChanged:
    """The wallet after a change. `change` excludes realized profit and fees (funding, deposits: what is left)."""

    account: str
    asset: str
    wallet: Decimal
    change: Decimal
    reason: ChangeReason
    symbol: str
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageChanged:
    """The leverage of a market was set."""

    account: str
    symbol: str
    leverage: int
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidated:
    """An account fell below its maintenance margin; cancels and trades of the liquidation follow."""

    account: str
    equity: Decimal
    maintenance_margin: Decimal
    occurred_ns: int


class QuoteChanged(NamedTuple):
    """Public: a new best bid and ask. `update_id` rises over all markets."""

    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    update_id: int
    occurred_ns: int


class MarketTraded(NamedTuple):
    """Public: a trade printed (others' trades, and ours)."""

    symbol: str
    trade_id: int
    price: Decimal
    qty: Decimal
    buyer_is_maker: bool
    occurred_ns: int


PrivateEvent = (
    OrderAccepted
    | Traded
    | OrderExpired
    | OrderCanceled
    | OrderAmended
    | PositionChanged
    | BalanceChanged
    | LeverageChanged
    | Liquidated
)
PublicEvent = QuoteChanged | MarketTraded
Event = CommandDone | PrivateEvent | PublicEvent
