"""The vocabulary of prices, orders and markets that every venue is translated into.

All values are immutable. Prices, quantities and notionals are `Decimal`; times are integer nanoseconds; identifiers
are distinct types, so a
venue's order id cannot be passed where ours is meant.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from exchanges.records import quicken

ClientOrderId = NewType("ClientOrderId", int)
"""Our id of an order: 32 bits, packed by `exchanges.order_ids`. The same number on every venue, spelled as each
venue likes."""

OrderId = NewType("OrderId", str)
"""The venue's id of an order, as text."""

TradeId = NewType("TradeId", str)
"""The venue's id of one execution, as text. Unique per venue and market."""

ZERO = Decimal(0)


class Side(StrEnum):
    """The direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: what a fill adds to a signed position."""
        return 1 if self is Side.BUY else -1


class OrderStatus(StrEnum):
    """Where an order stands at the venue. `UNKNOWN` is a status of its own: nothing may be concluded from it."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether the venue will not change the order again (a late report of an earlier fill may still arrive)."""
        return self in _TERMINAL


_TERMINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


class CancelReason(StrEnum):
    """Why an order ended without being completely filled."""

    POST_ONLY = "CANCELED-POST-ONLY"
    REQUESTED = "requested"
    EXPIRED = "expired"
    REDUCE_ONLY = "reduce_only"
    IMMEDIATE = "immediate"
    SELF_TRADE = "self_trade"
    LIQUIDATION = "liquidation"
    NEVER_ACCEPTED = "never_accepted"
    OTHER = "other"


class RejectReason(StrEnum):
    """Why a venue refused an order outright."""

    POST_ONLY = "post_only"
    MARGIN = "margin"
    RULES = "rules"
    RATE = "rate"
    REDUCE_ONLY = "reduce_only"
    MARKET_CLOSED = "market_closed"
    AUTHENTICATION = "authentication"
    OTHER = "other"


class PriceSource(StrEnum):
    """Where a best bid/ask came from."""

    STREAM = "stream"
    REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What a venue demands of orders in one market.

    Attributes:
        symbol: The venue's name of the market, for example `BTCUSDT`.
        tick: Smallest price step; every limit price is a multiple.
        step: Smallest quantity step in base units; every quantity is a multiple.
        min_quantity: Smallest order quantity in base units.
        max_quantity: Largest limit-order quantity in base units.
        market_max_quantity: Largest market-order quantity in base units.
        min_notional: Smallest price x quantity in quote units.
        reduce_only_exempt: Whether reduce-only orders are exempt from `min_notional`.
        min_price: Lowest legal price.
        max_price: Highest legal price.
        band_up: A buy may not be priced above mark x band_up; None where the venue has no such rule.
        band_down: A sell may not be priced below mark x band_down; None where the venue has no such rule.
        max_open_orders: Open orders allowed in this market.
        max_leverage: Highest leverage the venue allows, None if it must be asked.
        base_asset: What is traded.
        quote_asset: What prices and profits are in.
        is_trading: Whether the market accepts opening orders now.
    """

    symbol: str
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
    reduce_only_exempt: bool
    min_price: Decimal
    max_price: Decimal
    band_up: Decimal | None = None
    band_down: Decimal | None = None
    max_open_orders: int = 200
    max_leverage: int | None = None
    base_asset: str = ""
    quote_asset: str = ""
    is_trading: bool = True


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Fees as fractions of notional (0.0004 = 4 bps). Negative is a rebate."""

    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One order to be placed, in venue-neutral terms.

    `price` is the limit price; for `post_only=False, immediate=True` it is the worst price of an immediate-or-cancel
    order.
    `price=None` is a market order (only where a venue has nothing better).
    """

    client_order_id: ClientOrderId
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None
    post_only: bool
    reduce_only: bool
    immediate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRef:
    """How to name an existing order to a venue: by our id, and by the venue's where it is known.

    `not_before_ns` is a time of the venue's clock before which the order cannot have come to be (0 where unknown): how
    far back a venue's history has to be read to say that the order is not in it.
    """

    symbol: str
    client_order_id: ClientOrderId
    order_id: OrderId | None = None
    not_before_ns: int = 0


quicken(__name__)
