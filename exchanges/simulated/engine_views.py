"""What the simulated venue's engine shows when asked, and the rows a market is made of.

Venue-neutral and immutable; `exchanges.simulated.engine_types` gives all of it under one name.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from exchanges.simulated.engine_commands import OrderType, TimeInForce
from exchanges.values import OrderStatus, Side

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
