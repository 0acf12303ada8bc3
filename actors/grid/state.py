"""What the pure core remembers of one grid: every class here is frozen, and a step answers with a new one.

Two machines share a grid. `GridState` is the entry side (owner: GridStrategy): the cycle READY <-> WAITING_FOR_FILL,
the pending entry, latches and the view of the lots. `ExitBook` is the exit side (owner: GridOrderCloser): the lots that
are held, the orders that close them, dust, and what the position readings say. They talk by messages only.

Times ending in `_ns` are monotonic unless the name says `wall`. Quantities and prices are Decimal in base and quote
units; a quantity is always positive, the grid's direction gives the sign.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from actors.grid.settings import Direction, GridSettings
from actors.messages import (
    CancelOrder,
    CloseOrderPlaced,
    CoverMeasured,
    EntryFilled,
    EntryFinished,
    ExternalBooked,
    Flattened,
    FlattenPositions,
    LatchChanged,
    LatchKind,
    LotsChanged,
    Note,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
    PriceChanged,
    QueryOrder,
    ReserveSequences,
)
from exchanges.values import ZERO, CancelReason, ClientOrderId, FeeRates, MarketRules, OrderId, Side
from exchanges.venue import Capabilities

S_co = TypeVar("S_co", covariant=True)

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

Output = (
    PlaceLimitOrder
    | PlaceMarketOrder
    | CancelOrder
    | QueryOrder
    | EntryFilled
    | EntryFinished
    | FlattenPositions
    | CloseOrderPlaced
    | PositionClosed
    | LotsChanged
    | Flattened
    | LatchChanged
    | ReserveSequences
    | CoverMeasured
    | ExternalBooked
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridContext:
    """What a grid is told and what the venue said about its market. Replaced by the shell at ConnectionReady."""

    name: str
    exchange: str
    symbol: str
    settings: GridSettings
    rules: MarketRules
    fees: FeeRates
    bot_tag: int
    applied_leverage: int
    capabilities: Capabilities

    @property
    def entry_side(self) -> Side:
        """The side of entries."""
        return Side.BUY if self.settings.entry.direction is Direction.BUY else Side.SELL

    @property
    def exit_side(self) -> Side:
        """The side of exits."""
        return self.entry_side.opposite

    @property
    def sign(self) -> int:
        """+1 for a grid that buys, -1 for one that sells."""
        return self.entry_side.sign


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


@dataclass(frozen=True, slots=True)
class Step(Generic[S_co]):
    """What one step answers: the next state, messages to send in this order, and log events."""

    state: S_co
    outputs: tuple[Output, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest best bid and ask, and when its source was last proven alive."""

    bid: Decimal
    ask: Decimal
    alive_ns: int
    is_stale: bool = False

    @classmethod
    def of(cls, event: PriceChanged) -> "Quote":
        """Return a told price; an empty, crossed or senseless book is stale from the start."""
        is_sane = event.bid.is_finite() and event.ask.is_finite() and 0 < event.bid < event.ask
        return cls(event.bid, event.ask, event.alive_ns, is_stale=not is_sane)

    @property
    def mid(self) -> Decimal:
        """The reference price of size, stops and pauses."""
        return (self.bid + self.ask) / 2

    def is_fresh(self, now_ns: int, stale_after_ms: int) -> bool:
        """Return whether something may be decided on it: nobody called it stale, and it is young enough."""
        return not self.is_stale and now_ns - self.alive_ns <= stale_after_ms * MILLISECOND_NS


@dataclass(frozen=True, slots=True)
class IdBlock:
    """Lot sequences that are durably ours and not used yet, as ranges `(next, last)`, oldest first."""

    ranges: tuple[tuple[int, int], ...] = ()
    asked_ns: int | None = None

    @property
    def left(self) -> int:
        """How many sequences can still be taken."""
        return sum(last - first + 1 for first, last in self.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """An order whose state has to be asked for. Only absences asked after `fence_ns` count, each question once."""

    why: str
    fence_ns: int
    next_ns: int
    wait_ns: int
    absences: int = 0
    absent_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A cancel that is wanted until the order is proven ended. `next_ns` is when silence makes us ask."""

    why: str
    next_ns: int


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
    """The UTC day of the loss limit: profit at its start, and what a resume has forgiven since."""

    number: int
    realized_at_start: Decimal = ZERO
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
        ended: Ids of the newest ended entries: a late acceptance does not bring them back.
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
    blocked_reason: str = "not connected"
    counters: EntryCounters = field(default_factory=EntryCounters)
    ended: tuple[ClientOrderId, ...] = ()

    @property
    def cycle_state(self) -> CycleState:
        """READY to place the next entry, or waiting for the pending one to end and be covered."""
        return CycleState.READY if self.pending is None else CycleState.WAITING_FOR_FILL

    @property
    def pending_open_order_id(self) -> OrderId | None:
        """The venue's id of the pending entry, None until it was accepted."""
        return None if self.pending is None else self.pending.pending_open_order_id


class ExitKind(StrEnum):
    """How an exit is meant: resting at its target, taking at once in its lot's turn, or closing in an emergency."""

    RESTING = "resting"
    BOOST = "boost"
    FALLBACK = "fallback"
    EMERGENCY = "emergency"

    @property
    def is_immediate(self) -> bool:
        """Whether it never rests."""
        return self is not ExitKind.RESTING


@dataclass(frozen=True, slots=True)
class Part:
    """The quantity of one lot that an order still has to close."""

    lot: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOrder:
    """One order that closes lots. Its parts are filled in order, and add up to what it has left.

    They add up to less only for an order found at a restart that is larger than what is held; it is canceled.
    """

    client_order_id: ClientOrderId
    lot: int
    kind: ExitKind
    price: Decimal
    quantity: Decimal
    parts: tuple[Part, ...]
    placed_ns: int
    filled: Decimal = ZERO
    order_id: OrderId | None = None
    accepted_ns: int | None = None
    cancel: Cancellation | None = None
    inquiry: Inquiry | None = None
    end_reason: CancelReason | None = None

    @property
    def leaves(self) -> Decimal:
        """What can still fill."""
        return self.quantity - self.filled

    @property
    def is_working(self) -> bool:
        """Whether it protects its parts: known to be accepted, and not reported as ended."""
        return self.accepted_ns is not None and self.end_reason is None


@dataclass(frozen=True, slots=True)
class NakedPiece:
    """A quantity without a working exit, and since when."""

    quantity: Decimal
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedPosition:
    """One lot: what its entry filled, what its exits closed, and how the next attempt at an exit is made.

    Attributes:
        sequence: The sequence its exit ids are taken from: its own, or the continuation in use.
        next_leg: The next exit leg of that sequence.
        refusals: Consecutive post-only refusals: the k of the re-pricing rule.
        failures: Consecutive other failures, for the growing wait.
        retry_ns: No attempt before this.
        hold_ns: A burst of partial fills is collected until then, 0 if none.
        awaits_position_ns: A position reading asked after this decides, 0 if none is needed.
        closed_before: What the same lot had closed before a late fill re-opened it.
        dust: The part that cannot rest because it is below the venue's minimum.
        blocked: The named reason why a quantity has no exit on its way, empty if there is none.
    """

    lot: int
    sequence: int
    next_leg: int
    opened_ns: int
    opened_wall_ns: int = 0
    entry_filled: Decimal = ZERO
    entry_notional: Decimal = ZERO
    entry_fees: Decimal = ZERO
    exit_filled: Decimal = ZERO
    exit_notional: Decimal = ZERO
    exit_fees: Decimal = ZERO
    realized: Decimal = ZERO
    is_entry_done: bool = False
    refusals: int = 0
    failures: int = 0
    retry_ns: int = 0
    hold_ns: int = 0
    awaits_position_ns: int = 0
    last_fill_ns: int = 0
    received_ns: int = 0
    dust: Decimal = ZERO
    closed_before: Decimal = ZERO
    covered_told: Decimal = ZERO
    boost_misses: int = 0
    is_overdue: bool = False
    is_closing: bool = False
    blocked: str = ""
    naked: tuple[NakedPiece, ...] = ()

    @property
    def remaining(self) -> Decimal:
        """What the lot still holds."""
        return self.entry_filled - self.exit_filled

    @property
    def average_entry(self) -> Decimal:
        """Average entry price; zero for a lot without fills."""
        return self.entry_notional / self.entry_filled if self.entry_filled else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Equal readings in a row that contradict the lots, not yet enough of them."""

    held: Decimal
    count: int
    asked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A proven difference. `held` is what the position has in the grid's direction, kept current by fills."""

    held: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenProgress:
    """Everything is being closed. `retry_ns` spaces the attempts."""

    reason: str
    retry_ns: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class BoostLoss:
    """A loss a boost exit has made, for the hourly budget."""

    at_ns: int
    loss: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCounters:
    """What the exit side has done since the start (profit and fees: also before it)."""

    exits_placed: int = 0
    lots_opened: int = 0
    lots_closed: int = 0
    exit_fills: int = 0
    post_only_rejects: int = 0
    fallbacks: int = 0
    late_fills: int = 0
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    unprotected_max: Decimal = ZERO
    entries_received: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitBook:
    """The exit side of one grid.

    Attributes:
        lots: Lots with open quantity or an unfinished entry, oldest first.
        orders: Exits that are sent and not settled, oldest first.
        finished: The newest settled orders, to attribute late fills.
        external: Signed position in the market that is known not to be ours.
        changed_ns: When quantities last changed: a reading asked before says nothing.
        closed: How much each of the newest closed lots had, for the case of a late fill.
        closed_high: Highest lot that has been closed: a late fill re-opens it with fresh ids.
        is_withheld: Exits were canceled on request and are not placed again.
        is_fresh_start: Nothing was restored: the position found at the venue is not ours.
        next_ns: When time alone makes a difference, as of the last step.
        wants_price: The next price may let an order go.
    """

    lots: tuple[TrackedPosition, ...] = ()
    orders: tuple[CloseOrder, ...] = ()
    finished: tuple[CloseOrder, ...] = ()
    quote: Quote | None = None
    is_connected: bool = False
    ids: IdBlock = field(default_factory=IdBlock)
    flatten: FlattenProgress | None = None
    is_withheld: bool = False
    suspicion: Suspicion | None = None
    mismatch: Mismatch | None = None
    external: Decimal = ZERO
    changed_ns: int = 0
    closed: tuple[Part, ...] = ()
    closed_high: int = 0
    boost_losses: tuple[BoostLoss, ...] = ()
    is_boost_off: bool = False
    is_fresh_start: bool = True
    told: LotsChanged | None = None
    next_ns: int | None = None
    wants_price: bool = False
    counters: ExitCounters = field(default_factory=ExitCounters)

    @property
    def dust_quantity(self) -> Decimal:
        """What is too small to rest, over all lots."""
        return sum((lot.dust for lot in self.lots), ZERO)

    @property
    def naked_since_ns(self) -> int | None:
        """Since when a quantity has had no working exit, None if every quantity has one."""
        return min((piece.since_ns for lot in self.lots for piece in lot.naked), default=None)
