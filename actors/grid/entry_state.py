"""The entry side of one grid as frozen state (owner: GridStrategy)."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from actors.grid.common import Cancellation, IdBlock, Inquiry, Quote
from actors.messages import (
    LatchKind,
)
from exchanges.records import quicken
from exchanges.values import ZERO, ClientOrderId, OrderId


class CycleState(StrEnum):
    """Where the entry cycle stands (GRID_FLOW.md)."""

    READY = "READY"
    WAITING_FOR_FILL = "WAITING_FOR_FILL"


class Mode(StrEnum):
    """Whether entries are wanted: PAUSED by an operator or a refusal, HALTED by a latched stop."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    HALTED = "HALTED"


class Feed(StrEnum):
    """Whether the private stream is trusted."""

    LIVE = "LIVE"
    LOST = "LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """The one entry that is live, unknown, or filled and not yet covered.

    `covered` is what the closer last said of the lot; `is_done` that no more fills are expected.
    """

    client_order_id: ClientOrderId
    lot: int
    price: Decimal
    quantity: Decimal
    placed_ns: int
    pending_open_order_id: OrderId | None = None
    accepted_ns: int | None = None
    filled: Decimal = ZERO
    covered: Decimal = ZERO
    is_done: bool = False
    is_charged: bool = True
    cancel: Cancellation | None = None
    inquiry: Inquiry | None = None

    @property
    def leaves(self) -> Decimal:
        """What can still fill."""
        return ZERO if self.is_done else max(ZERO, self.quantity - self.filled)


@dataclass(frozen=True, slots=True, kw_only=True)
class LotsView:
    """The lots as the closer last told them. `position` is signed, `cost` the positive entry notional.

    `is_known` is False after a restart with lots, until the closer has told them for the first time.
    """

    open_lots: int = 0
    exit_prices: tuple[Decimal, ...] = ()
    position: Decimal = ZERO
    cost: Decimal = ZERO
    unprotected_quantity: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    mismatch: bool = False
    entries_received: Decimal = ZERO
    external: Decimal = ZERO
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """A stop that only an operator clears. `flatten` says whether it closes the lots."""

    kind: LatchKind
    text: str
    flatten: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flattening:
    """The strategy wants everything closed: the closer is told once the entry has ended, or at `deadline_ns`.

    `awaits_lots`: the closer was done while a fill was on its way to it; the next view of the lots decides.
    """

    reason: str
    deadline_ns: int
    is_told: bool = False
    awaits_lots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Since when fresh prices are on the wrong side of a stop."""

    kind: LatchKind
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The cooldown: counted from `since_ns` (None: never started); `is_waived` lets one entry pass."""

    since_ns: int | None = None
    is_waived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """No entry before `until_ns` because of a refusal. `refusals` counts consecutive post-only ones."""

    until_ns: int = 0
    reason: str = ""
    refusals: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The UTC day of the loss limit: profit at its start, funding since, and what a resume has forgiven."""

    number: int
    realized_at_start: Decimal = ZERO
    funding: Decimal = ZERO
    forgiven: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCounters:
    """What the entry side has done since the start."""

    entries_placed: int = 0
    entries_filled: int = 0
    fills: int = 0
    post_only_rejects: int = 0
    late_fills: int = 0
    requotes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GridState:
    """The entry side of one grid.

    Attributes:
        pending: The entry that is live, unknown or not covered yet; None means READY.
        strays: Other entries of ours found at the venue; canceled, and no entry before they have ended.
        is_draining: The live entry is not wanted any more either.
        flatten_reason: Why the grid was flattened, until it is resumed: a late fill is closed as well.
        blocked_reason: Why no entry is placed now, empty while one is pending or about to be.
        sent: Entry quantity ever told to the closer, for the exposure still on its way there.
        surplus: What the newest position reading holds beyond the lots, in the grid's direction.
        asked_ended_ns: When ended entries were last asked about because of it, None if not since it was last gone.
        ended: Ids of the newest ended entries: a late acceptance does not bring them back.
        ended_ns: When the newest of them ended: open orders listed before say nothing of it.
    """

    pending: PendingEntry | None = None
    strays: tuple[PendingEntry, ...] = ()
    mode: Mode = Mode.RUNNING
    pause_reason: str = ""
    is_draining: bool = False
    latch: Latch | None = None
    feed: Feed = Feed.LIVE
    is_connected: bool = False
    quote: Quote | None = None
    price_paused: bool = False
    breach: Breach | None = None
    flattening: Flattening | None = None
    flatten_reason: str = ""
    ladder: Ladder = field(default_factory=Ladder)
    backoff: Backoff = field(default_factory=Backoff)
    lots: LotsView = field(default_factory=LotsView)
    ids: IdBlock = field(default_factory=IdBlock)
    day: Day = field(default_factory=lambda: Day(number=0))
    sent: Decimal = ZERO
    surplus: Decimal = ZERO
    asked_ended_ns: int | None = None
    blocked_reason: str = "not connected"
    counters: EntryCounters = field(default_factory=EntryCounters)
    ended: tuple[ClientOrderId, ...] = ()
    ended_ns: int = 0

    @property
    def cycle_state(self) -> CycleState:
        """READY to place the next entry, or waiting for the pending one to end and be covered."""
        return CycleState.READY if self.pending is None else CycleState.WAITING_FOR_FILL

    @property
    def pending_open_order_id(self) -> OrderId | None:
        """The venue's id of the pending entry, None until it was accepted."""
        return None if self.pending is None else self.pending.pending_open_order_id


quicken(__name__)
