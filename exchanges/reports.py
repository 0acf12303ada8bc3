"""What a venue claims: reports, not conclusions.

A report is one statement read from a stream frame or a reply. It may be late, repeated, re-ordered or contradicted
by the next one; what the bot
concludes from reports is decided by `exchanges.fills` and the actors. Every report carries both clocks:
`occurred_ns` (the venue's, 0 where it does
not say) and `received_ns` (ours, wall clock, when the bytes were read).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchanges.records import quicken
from exchanges.values import CancelReason, ClientOrderId, OrderId, OrderStatus, PriceSource, RejectReason, Side, TradeId


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPrice:
    """Best bid and ask of one market. Not validated: a crossed or empty book is reported as it came."""

    symbol: str
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    occurred_ns: int
    received_ns: int
    source: PriceSource = PriceSource.STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """The state of one order as the venue tells it.

    `filled` is the cumulative filled quantity, never a delta. `client_order_id` is None for an order that is not
    spelled like ours.
    `reason` is set for terminal states that left a remainder.
    """

    symbol: str
    client_order_id: ClientOrderId | None
    order_id: OrderId | None
    status: OrderStatus
    side: Side
    price: Decimal
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None = None
    reduce_only: bool = False
    reason: CancelReason | None = None
    reject_reason: RejectReason | None = None
    occurred_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReport:
    """One execution. `quantity` is this execution's own quantity, `cumulative` the order's total after it where the
    venue says so.

    `fee` is a cost when positive and a rebate when negative, in `fee_asset`. `client_order_id` is None where the
    venue gives only its own id.
    """

    symbol: str
    client_order_id: ClientOrderId | None
    order_id: OrderId | None
    trade_id: TradeId | None
    side: Side
    price: Decimal
    quantity: Decimal
    cumulative: Decimal | None = None
    order_quantity: Decimal | None = None
    fee: Decimal = Decimal(0)
    fee_asset: str = ""
    is_maker: bool | None = None
    occurred_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """The account's position in one market: signed base quantity, 0 when flat."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None
    isolated: bool | None = None
    occurred_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOrders:
    """Every open order of one market. An empty tuple means the venue said: none. A failed query is never this."""

    symbol: str
    orders: tuple[OrderReport, ...]
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    """Margin account totals in quote units."""

    equity: Decimal
    available: Decimal
    received_ns: int


class NoticeKind(StrEnum):
    """Things a private or public stream says about itself or the account."""

    SUBSCRIBED = "subscribed"
    CREDENTIAL_EXPIRED = "credential_expired"
    FUNDING = "funding"
    CONFIG_CHANGED = "config_changed"
    LIQUIDATION = "liquidation"
    MARGIN_CALL = "margin_call"
    HEARTBEAT = "heartbeat"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNotice:
    """A frame that is neither an order, a fill, a position nor a price. `quantity` is the signed funding amount for
    FUNDING.
    """

    kind: NoticeKind
    text: str = ""
    symbol: str = ""
    quantity: Decimal = Decimal(0)
    received_ns: int = 0


Report = BestPrice | OrderReport | FillReport | PositionReport | ActiveOrders | AccountReport | StreamNotice


quicken(__name__)
