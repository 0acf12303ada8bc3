"""What the ledger concludes from reports: the events of `exchanges.fills`.

A `Fill` is always a positive quantity that was not told before; adding up the fills of an order gives its filled
quantity. Times: `occurred_ns` is the venue's clock (0 where unknown), `received_wall_ns` our wall clock and
`received_ns` our monotonic clock when the bytes were read.
"""

from dataclasses import dataclass
from decimal import Decimal

from exchanges.records import quicken
from exchanges.reports import FillReport, OrderReport
from exchanges.values import ZERO, CancelReason, ClientOrderId, OrderId, OrderStatus, RejectReason, Side, TradeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A part of an order was executed.

    Attributes:
        quantity: The delta: what was not known before.
        cumulative: The order's filled quantity after it.
        leaves: What still rests; 0 after the order's end, None where the order's size is not known.
        trade_id: The venue's id of the execution, None where the delta was concluded from a cumulative.
        fee: Cost when positive, 0 where it is not known yet (a `FillCorrection` brings it).
        sequence: Rises by one with each fill of the ledger, in the order they were told.
        is_assumed: Price and fee were concluded, not told.
    """

    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    cumulative: Decimal
    leaves: Decimal | None
    trade_id: TradeId | None = None
    fee: Decimal = ZERO
    fee_asset: str = ""
    is_maker: bool | None = None
    is_assumed: bool = False
    sequence: int
    occurred_ns: int
    received_wall_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCorrection:
    """The execution behind a quantity that was told before is now known. No quantity changes.

    Attributes:
        quantity: How much of earlier fills this execution explains.
        price: Its real price.
        assumed_price: The price those fills were told with.
        fee: What to add to the fees told so far (negative takes something back).
    """

    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    assumed_price: Decimal
    trade_id: TradeId | None
    fee: Decimal = ZERO
    fee_asset: str = ""
    is_maker: bool | None = None
    occurred_ns: int
    received_wall_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """First sign that the venue had the order in its book: an open status or a fill. Told once per order."""

    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    price: Decimal | None
    quantity: Decimal | None
    occurred_ns: int
    received_wall_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The order is terminal. Told once per order; a fill that turns up later is still told as a `Fill`.

    Attributes:
        status: FILLED, CANCELED, EXPIRED or REJECTED; FILLED whenever the whole quantity is filled.
        reason: Why a remainder was left, where the venue or its parser knows.
        cumulative: The filled quantity as the ledger knows it.
        agrees: Whether the report that ended the order named the same filled quantity. Where it did not, the last
            word has to be asked for.
    """

    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    status: OrderStatus
    reason: CancelReason | None
    reject_reason: RejectReason | None
    cumulative: Decimal
    quantity: Decimal | None
    agrees: bool
    occurred_ns: int
    received_wall_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Reports contradict each other or say too little: the order has to be asked about. Nothing was concluded."""

    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    why: str


LedgerEvent = Fill | FillCorrection | Acceptance | Ending | Doubt


@dataclass(frozen=True, slots=True)
class LedgerUpdate:
    """What one report changed: events in the order they happened (often none), and reports no order was found for.

    Unattributed fills with a venue order id are kept by the ledger until the id is learned.
    """

    events: tuple[LedgerEvent, ...] = ()
    unattributed: tuple[OrderReport | FillReport, ...] = ()

    @property
    def fills(self) -> tuple[Fill, ...]:
        """The fills among the events."""
        return tuple(event for event in self.events if isinstance(event, Fill))

    @property
    def corrections(self) -> tuple[FillCorrection, ...]:
        """The corrections among the events."""
        return tuple(event for event in self.events if isinstance(event, FillCorrection))

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """The doubts among the events."""
        return tuple(event for event in self.events if isinstance(event, Doubt))

    @property
    def accepted(self) -> Acceptance | None:
        """The first acceptance among the events."""
        return next((event for event in self.events if isinstance(event, Acceptance)), None)

    @property
    def ended(self) -> Ending | None:
        """The first ending among the events."""
        return next((event for event in self.events if isinstance(event, Ending)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """What the ledger knows of one order now."""

    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    side: Side
    price: Decimal | None
    quantity: Decimal | None
    status: OrderStatus
    filled: Decimal
    notional: Decimal
    is_accepted: bool
    has_ended: bool
    trade_ids: frozenset[TradeId]


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something happened and when it was read (wall, monotonic)."""

    occurred_ns: int
    received_wall_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class Assumed:
    """A quantity that was told without a trade, with the price and fee it was told at."""

    quantity: Decimal
    price: Decimal
    fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class OrderMemory:
    """What stays of a forgotten account."""

    symbol: str
    side: Side
    price: Decimal | None
    quantity: Decimal | None
    order_ids: tuple[OrderId, ...]
    filled: Decimal
    trades: dict[TradeId, tuple[Decimal, Decimal]]
    assumed: tuple[Assumed, ...]
    status: OrderStatus


quicken(__name__)
