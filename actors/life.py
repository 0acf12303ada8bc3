"""What a supervising actor shows of itself to its host, and what outlives its crews."""

from dataclasses import dataclass, field, replace
from typing import Any

from actors.grid.restore import RestoredGrid
from actors.runtime import Event, runtime
from actors.status import BotState, StatusBoard
from actors.wiring import Crew, CrewPlan, DeadLetters


@dataclass(slots=True)
class Life:
    """Written by the supervising actor only; every field is read as a whole by the host's threads.

    Attributes:
        forced_state: What the bot is, where that does not follow from its grids; None while it trades.
        fatal: Why it could not start.
        is_misconfigured: That is for settings, credentials or the account to change, and no fault of the machine.
        leftovers: What did not end in time.
        unproven: Grids of which a stop could not prove that everything has ended as it should.
        begun: Exchanges that some crew has begun to trade on.
        had_orders: Grids that may have had orders or a position before they were read.
    """

    board: StatusBoard
    letters: DeadLetters = field(default_factory=DeadLetters)
    forced_state: BotState | None = None
    fatal: str = ""
    is_misconfigured: bool = False
    restarts: int = 0
    leftovers: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    begun: frozenset[str] = frozenset()
    had_orders: set[str] = field(default_factory=set)
    crew: Crew | None = None
    finished: Event = field(default_factory=lambda: runtime().new_event())
    _known: set[str] = field(default_factory=set)

    def plan_for(self, plan: CrewPlan, *, root: Any, failures: Any) -> CrewPlan:  # noqa: ANN401 - addresses
        """Return the plan of the next crew, which reports to `root` and `failures`."""
        return replace(plan, root=root, failures=failures, begun=self.begun)

    def begin_grid(self, grid: str, restored: RestoredGrid, *, may_be_lost: bool = False) -> None:
        """Take what is known of a grid at a crew's start, and, at the first crew's, what it had earned before.

        `may_be_lost`: orders may have been sent that no record tells of.
        """
        if restored.lots or restored.orders or may_be_lost:
            self.had_orders.add(grid)
        if grid not in self._known:
            self._known.add(grid)
            self.board.begin_run(grid, restored.realized_pnl, restored.fees)

    def finish(self) -> None:
        """Say that everything of this bot has ended."""
        self.finished.set()
