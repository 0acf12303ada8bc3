"""What the pure core remembers of one grid: every class here is frozen, and a step answers with a new one.

Two machines share a grid. `GridState` is the entry side (owner: GridStrategy): the cycle READY <-> WAITING_FOR_FILL,
the pending entry, latches and the view of the lots. `ExitBook` is the exit side (owner: GridOrderCloser): the lots that
are held, the orders that close them, dust, and what the position readings say. They talk by messages only.

Times ending in `_ns` are monotonic unless the name says `wall`. Quantities and prices are Decimal in base and quote
units; a quantity is always positive, the grid's direction gives the sign.
"""

from actors.grid.common import (
    DAY_NS,
    MILLISECOND_NS,
    SECOND_NS,
    Cancellation,
    GridContext,
    IdBlock,
    Inquiry,
    Output,
    Quote,
    Step,
)
from actors.grid.entry_state import (
    Backoff,
    Breach,
    CycleState,
    Day,
    EntryCounters,
    Feed,
    Flattening,
    GridState,
    Ladder,
    Latch,
    LotsView,
    Mode,
    PendingEntry,
)
from actors.grid.exit_state import (
    BoostLoss,
    CloseOrder,
    ExitBook,
    ExitCounters,
    ExitKind,
    FlattenProgress,
    Mismatch,
    NakedPiece,
    Part,
    Suspicion,
    TrackedPosition,
)

__all__ = [
    "DAY_NS",
    "MILLISECOND_NS",
    "SECOND_NS",
    "Backoff",
    "BoostLoss",
    "Breach",
    "Cancellation",
    "CloseOrder",
    "CycleState",
    "Day",
    "EntryCounters",
    "ExitBook",
    "ExitCounters",
    "ExitKind",
    "Feed",
    "FlattenProgress",
    "Flattening",
    "GridContext",
    "GridState",
    "IdBlock",
    "Inquiry",
    "Ladder",
    "Latch",
    "LotsView",
    "Mismatch",
    "Mode",
    "NakedPiece",
    "Output",
    "Part",
    "PendingEntry",
    "Quote",
    "Step",
    "Suspicion",
    "TrackedPosition",
]
