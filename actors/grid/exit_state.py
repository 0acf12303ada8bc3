"""The exit side of one grid as frozen state (owner: GridOrderCloser)."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from actors.grid.common import Cancellation, IdBlock, Inquiry, Quote
from actors.messages import LotsChanged, OrderFilled
from exchanges.records import quicken
from exchanges.values import ZERO, CancelReason, ClientOrderId, OrderId


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

    They add up to less only for an order found at a restart that is larger than what is known to be held: the fill it
    is for may still be on its way. It is canceled once the position says that nothing is missing.
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
    def unallotted(self) -> Decimal:
        """What can still fill and is for no lot that is known."""
        return self.leaves - sum((part.quantity for part in self.parts), ZERO)

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
    """A proven difference. The position has between `least` and `most` in the grid's direction.

    They are equal as read, and fills of ours move them along. A fill that is told after the reading may have been in it
    already, where it would explain the difference: then both are possible until the next reading. `asked_ns` is when
    the last reading was asked for.
    """

    least: Decimal
    most: Decimal
    asked_ns: int = 0


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
        finished_ns: When the newest of them was settled: open orders listed before say nothing of it.
        external: Signed position in the market that is known not to be ours.
        changed_ns: When quantities last changed: a reading asked before says nothing.
        closed: How much each of the newest closed lots had, for the case of a late fill.
        closed_high: Highest lot that has been closed: a late fill re-opens it with fresh ids.
        remembered_high: Highest lot that a restart remembers as closed: what a later one has may still have to be told.
        is_withheld: Exits were canceled on request and are not placed again.
        is_fresh_start: Nothing was restored: the position found at the venue is not ours.
        is_agreed: A reading has agreed with the lots since orders without lots were found.
        early: Fills of exits, or shares of them, whose own lots did not hold them: the fill of their entry is awaited.
        next_ns: When time alone makes a difference, as of the last step.
        wants_price: The next price may let an order go.
    """

    lots: tuple[TrackedPosition, ...] = ()
    orders: tuple[CloseOrder, ...] = ()
    finished: tuple[CloseOrder, ...] = ()
    finished_ns: int = 0
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
    remembered_high: int = 0
    boost_losses: tuple[BoostLoss, ...] = ()
    is_boost_off: bool = False
    is_fresh_start: bool = True
    is_agreed: bool = False
    adopts_proven: bool = False
    early: tuple[OrderFilled, ...] = ()
    told: LotsChanged | None = None
    next_ns: int | None = None
    wants_price: bool = False
    counters: ExitCounters = field(default_factory=ExitCounters)

    @property
    def dust_quantity(self) -> Decimal:
        """What is too small to rest, over all lots."""
        return sum((lot.dust for lot in self.lots), ZERO)

    @property
    def proven(self) -> Decimal | None:
        """What the position has by readings that differ from the lots, None where none says so since the last fill."""
        mismatch = self.mismatch
        return None if mismatch is None or mismatch.asked_ns <= self.changed_ns else mismatch.least

    @property
    def naked_since_ns(self) -> int | None:
        """Since when a quantity has had no working exit, None if every quantity has one."""
        return min((piece.since_ns for lot in self.lots for piece in lot.naked), default=None)


quicken(__name__)
