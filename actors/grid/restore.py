"""What a restart knows of a grid before the venue has been read: made from journal and intents, handed to the core.

Orders that were live or unknown when the process ended are restored as unknown; the connection then tells what
became of them through the same messages as
live (OrderFilled, OrderSettled, OrderNotFound), and no order is sent before that.
"""

from dataclasses import dataclass
from decimal import Decimal

from actors.messages import LatchKind
from exchanges.values import ZERO, ClientOrderId, OrderId, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredOrder:
    """An order of ours that is not known to have ended.

    `lot` is the lot it belongs to (the parent, where the id carries a continuation sequence). `filled` is what the
    journal has applied. `fence_wall_ns` is
    when it could no longer be accepted.
    """

    client_order_id: ClientOrderId
    order_id: OrderId | None
    lot: int
    side: Side
    price: Decimal
    quantity: Decimal
    filled: Decimal
    post_only: bool
    reduce_only: bool
    immediate: bool
    was_accepted: bool
    placed_wall_ns: int
    fence_wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredLot:
    """A lot whose `entry_filled` and `exit_filled` differ. Notionals are sums of price x quantity; fees are costs when
    positive.

    An order may close several lots (dust, flatten): its fills are journaled under one of them (`parent_lot` of the
    command, else `lot`), and FillAttributed then moves each share to its lot. A kill may come between the two: then
    `exit_filled` exceeds `entry_filled`, and the core spreads the excess over the other lots, oldest first.
    """

    lot: int
    entry_filled: Decimal
    entry_notional: Decimal
    exit_filled: Decimal
    exit_notional: Decimal
    fees: Decimal
    opened_wall_ns: int
    entry_done: bool
    attempts_used: int = 0
    """Highest exit leg used so far, over the lot and its continuations' last sequence."""
    continuation: int = 0
    """The continuation sequence now in use, 0 if the lot's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredGrid:
    """Everything a grid's core starts from."""

    grid: str
    lots: tuple[RestoredLot, ...] = ()
    orders: tuple[RestoredOrder, ...] = ()
    latch: LatchKind | None = None
    latch_text: str = ""
    paused: bool = False
    flattening: bool = False
    """An operator wants everything closed; not resumed since."""
    realized_pnl: Decimal = ZERO
    realized_pnl_today: Decimal = ZERO
    funding_today: Decimal = ZERO
    forgiven_today: Decimal = ZERO
    """The loss of the whole bot on this UTC day that an operator has accepted by a resume: negative, or zero."""
    fees: Decimal = ZERO
    ladder_wall_ns: int = 0
    """When the ladder's clock last started (last exit accepted or entry reset), 0 if never."""
    ladder_waived: bool = False
    last_trade_id: str = ""
    external: Decimal = ZERO
    """Signed position known not to be ours (`ExternalBooked.external`)."""
    highest_sequence: int = 0
    """Highest lot sequence ever reserved for this grid: a late fill of an older lot takes fresh ids for its exits."""
    highest_used: int = 0
    """Highest lot sequence of an order that is recorded: what came after it was lost with the power, if it ever was."""
