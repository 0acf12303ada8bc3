"""What both machines of a grid share: the context, what a step answers, prices, ids, questions and cancels."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from actors.grid.settings import Direction, GridSettings
from actors.messages import (
    CancelOrder,
    CloseOrderPlaced,
    CoverMeasured,
    EntryFilled,
    EntryFinished,
    ExternalBooked,
    FillAttributed,
    FillCorrected,
    Flattened,
    FlattenPositions,
    LatchChanged,
    LotRebuilt,
    LotsChanged,
    Note,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
    PriceChanged,
    ProfitCorrected,
    QueryOrder,
    ReserveSequences,
)
from exchanges.records import quicken
from exchanges.values import FeeRates, MarketRules, Side
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
    | LotRebuilt
    | FillAttributed
    | FillCorrected
    | ProfitCorrected
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


quicken(__name__)
