"""What may be asked of the simulated venue's engine, and how the engine is set up.

Venue-neutral and immutable; `exchanges.simulated.engine_types` gives all of it under one name.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchanges.simulated.settings import FillModel, PostOnlyReject
from exchanges.values import FeeRates, MarketRules, Side

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
    """Place an order.

    Attributes:
        price: None exactly for a market order.
        client_id: Empty lets the engine make one up.
        self_trade: None takes the account's or the venue's.
        refuse_if_taking: A post-only (GTX) order that would take is refused without a trace instead of expiring.
        hold_ns: It waits so much longer than other orders before it is executed (a speed bump).
        waives_minima: Least quantity and least notional do not bind it (where they bind resting orders only).
    """

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_id: str = ""
    self_trade: SelfTrade | None = None
    refuse_if_taking: bool = False
    hold_ns: int = 0
    waives_minima: bool = False


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
