"""The vocabulary of the simulated venue's engine: what goes in, what comes out, what can be asked.

Venue-neutral: a face translates its wire format to these commands and these views and events to its wire format. All
values are immutable; prices and quantities are `Decimal` in the market's own units; times are wall-clock nanoseconds
handed in by the caller. Order ids and trade ids are positive integers that never repeat (trade ids rise per market,
order ids over all markets).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from exchanges.simulated.settings import FillModel, PostOnlyReject
from exchanges.values import FeeRates, MarketRules, OrderStatus, Side

# --- what kind of order -------------------------------------------------------------------------------------------


class OrderType(StrEnum):
    """Limit or market."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order lives. `GTX` is post-only."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class SelfTrade(StrEnum):
    """What happens when an order would meet an order of the same account."""

    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


DEFAULT_FEES = FeeRates(maker=Decimal("0.0001"), taker=Decimal("0.0004"))
"""1 bps and 4 bps: what `[paper]` ships with."""

# --- settings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """One market of the venue.

    Attributes:
        rules: What the venue demands of orders (`rules.max_leverage` caps the leverage, None = 125).
        fees: Fees of every account in this market.
        maintenance_rate: Maintenance margin as a fraction of notional.
    """

    rules: MarketRules
    fees: FeeRates = DEFAULT_FEES
    maintenance_rate: Decimal = Decimal("0.005")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the venue behaves.

    Attributes:
        fill_model: See `FillModel`.
        queue_ahead_pct: Share of the displayed size that counts as ahead of an order that joins a price.
        ack_latency_ns: From the arrival of a place or amend command to its execution and answer.
        cancel_latency_ns: The same for cancels.
        fill_latency_ns: From something happening to an order or a position to its report on the private stream.
        post_only_reject: See `PostOnlyReject`.
        funding_rate: Paid by longs to shorts per interval as a fraction of notional (0.0001 = 1 bps).
        funding_interval_ns: Funding is settled at every whole multiple of it since the Unix epoch.
        default_leverage: Leverage of a market nobody set.
        self_trade: Self-trade prevention where an order names none.
        depth_levels: Price levels behind the touch that a taking order can reach.
        depth_ticks: Distance of those levels in ticks. Each shows the touch's size.
        liquidation_fee_rate: Taken from the wallet on what is liquidated, as a fraction of notional.
        history_ns: Ended orders, trades and income rows older than so long are forgotten.
    """

    fill_model: FillModel = FillModel.QUEUE
    queue_ahead_pct: Decimal = Decimal(100)
    ack_latency_ns: int = 0
    cancel_latency_ns: int = 0
    fill_latency_ns: int = 0
    post_only_reject: PostOnlyReject = PostOnlyReject.BY_BOOK
    funding_rate: Decimal = Decimal(0)
    funding_interval_ns: int = 8 * 3600 * 1_000_000_000
    default_leverage: int = 20
    self_trade: SelfTrade = SelfTrade.EXPIRE_TAKER
    depth_levels: int = 20
    depth_ticks: int = 1
    liquidation_fee_rate: Decimal = Decimal("0.01")
    history_ns: int = 7 * 24 * 3600 * 1_000_000_000


# --- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Place an order. `price` is None exactly for a market order; `client_id` empty lets the engine make one up."""

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_id: str = ""
    self_trade: SelfTrade | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancel one open order by the venue's id or (where that is None) by client id."""

    symbol: str
    order_id: int | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """Cancel every open order of the account in one market, or in all where `symbol` is None."""

    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder:
    """Give an open limit order a new price and total quantity. It loses its place in the queue unless only shrunk."""

    symbol: str
    price: Decimal
    quantity: Decimal
    order_id: int | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLeverage:
    """Set the leverage of one market."""

    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCancelTimer:
    """Dead-man timer: cancel all orders of one market after `delay_ns`; 0 switches it off; each call replaces it."""

    symbol: str
    delay_ns: int


Command = PlaceOrder | CancelOrder | CancelAll | AmendOrder | SetLeverage | SetCancelTimer


# --- views --------------------------------------------------------------------------------------------------------


class EndReason(StrEnum):
    """Why an order ended with a remainder."""

    REQUESTED = "requested"
    POST_ONLY = "post_only"
    IMMEDIATE = "immediate"
    FILL_OR_KILL = "fill_or_kill"
    REDUCE_ONLY = "reduce_only"
    SELF_TRADE = "self_trade"
    NO_LIQUIDITY = "no_liquidity"
    LIQUIDATION = "liquidation"
    CANCEL_TIMER = "cancel_timer"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """One order as it stood at `updated_ns`.

    `price` is 0 for a market order, `average_price` 0 without a fill. `end_reason` is set for CANCELED and EXPIRED.
    """

    account: str
    symbol: str
    order_id: int
    client_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    quantity: Decimal
    filled: Decimal
    average_price: Decimal
    status: OrderStatus
    reduce_only: bool
    created_ns: int
    updated_ns: int
    end_reason: EndReason | None = None
    is_liquidation: bool = False

    @property
    def remaining(self) -> Decimal:
        """What is not filled (also of an ended order)."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return not self.status.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeView:
    """One execution of one account's order. `fee` is a cost when positive, in the quote asset.

    `cumulative` is the order's filled total after this trade. `realized_pnl` is before fees.
    """

    account: str
    symbol: str
    trade_id: int
    order_id: int
    client_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    cumulative: Decimal
    fee: Decimal
    fee_asset: str
    realized_pnl: Decimal
    is_maker: bool
    occurred_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """The netted position of one account in one market. Flat: quantity 0, entry price 0.

    `realized_pnl` is the total ever realized in this market, before fees. `liquidation_price` is 0 where there is
    none.
    """

    account: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    leverage: int
    initial_margin: Decimal
    maintenance_margin: Decimal
    liquidation_price: Decimal
    updated_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceView:
    """Money of one account, in the quote asset.

    Attributes:
        wallet: Deposits plus everything realized, fees and funding.
        unrealized_pnl: Of all positions at mark.
        equity: wallet + unrealized_pnl.
        position_margin: Initial margin of positions.
        order_margin: What open orders add to it.
        maintenance_margin: Below it in equity the account is liquidated.
        available: equity - position_margin - order_margin, not below 0.
        fees: Fees paid so far (positive is a cost).
        funding: Funding received so far (negative is a cost).
        realized_pnl: Realized so far, before fees and funding.
    """

    account: str
    asset: str
    wallet: Decimal
    unrealized_pnl: Decimal
    equity: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal
    updated_ns: int


class IncomeKind(StrEnum):
    """Why the wallet changed."""

    DEPOSIT = "deposit"
    REALIZED_PNL = "realized_pnl"
    FEE = "fee"
    FUNDING = "funding"
    LIQUIDATION_FEE = "liquidation_fee"
    INSURANCE = "insurance"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeView:
    """One change of the wallet: `change` is signed, fees are negative."""

    account: str
    income_id: int
    kind: IncomeKind
    symbol: str
    change: Decimal
    asset: str
    trade_id: int
    occurred_ns: int


class QuoteTick(NamedTuple):
    """A new best bid and ask of the market (without our own orders)."""

    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal


class TradeTick(NamedTuple):
    """A trade between others. `buyer_is_maker`: the seller was the aggressor."""

    symbol: str
    price: Decimal
    qty: Decimal
    buyer_is_maker: bool


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
