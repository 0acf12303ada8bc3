"""The entries of every grid: actor `GridStrategy`, a shell around `actors.grid.cycle` (GRID_FLOW.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.addresses import Address
from actors.desk_watch import DeskWatch
from actors.grid import cycle
from actors.grid.draft import SendNow
from actors.grid.restore import RestoredGrid
from actors.grid.state import GridContext, GridState, Output, Step
from actors.grid_shell import GridSeat, GridShell, ShellParts
from actors.log_events import LogEvent
from actors.messages import (
    ActorFailed,
    EntryFilled,
    EntryFinished,
    FillCorrected,
    FlattenPositions,
    LatchChanged,
    Note,
    NoteLevel,
    OrderFilled,
    ReserveSequences,
    ResumeEntries,
)

CloserMessage = EntryFilled | EntryFinished | FlattenPositions | FillCorrected


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyParts:
    """What the strategy is built with besides a shell's parts."""

    closer: Address[CloserMessage]
    bot: Address[LatchChanged]
    watch: DeskWatch


class GridStrategy(GridShell[GridState]):
    """Owns each grid's entry cycle, its pending entry, latches and lot sequences of entries, and the exposure of all.

    Takes everything in `cycle.CycleEvent` plus `GridTick`; after each of them the core runs its `execute_strategy`.
    Sends orders straight to the lanes, questions to the connection, fills to the closer. It is the only actor that
    places entries, so exposure is reserved without a lock.
    """

    def __init__(
        self,
        *,
        name: str,
        failures: Address[ActorFailed],
        seats: Sequence[GridSeat],
        parts: ShellParts[GridState],
        strategy: StrategyParts,
    ) -> None:
        super().__init__(name=name, failures=failures, seats=seats, parts=parts)
        self._links = strategy
        self._watch = strategy.watch

    def handle(self, message: Any) -> None:  # noqa: ANN401 - cycle.CycleEvent or GridTick
        """Take one message."""
        if type(message) is OrderFilled:
            self.notify_order_filled(message)
            return
        if type(message) is ResumeEntries:
            self._watch.forgive()
        super().handle(message)

    def notify_order_filled(self, fill: OrderFilled) -> None:
        """Take a fill of an entry; the core hands it to the closer in the same step."""
        self._take(self._desks[fill.grid], fill)

    def _initial(self, context: GridContext, restored: RestoredGrid | None, now_ns: int, wall_ns: int) -> GridState:
        return cycle.initial(context, restored, now_ns, wall_ns)

    def _core_step(
        self,
        context: GridContext,
        state: GridState,
        event: Any,  # noqa: ANN401 - cycle.CycleEvent; the message's sender is typed by its address
        now_ns: int,
        send_now: SendNow,
    ) -> Step[GridState]:
        return cycle.step(context, state, event, now_ns, self._watch.exposure_for(context, now_ns), send_now)

    def _deadline_ns(self, context: GridContext, state: GridState) -> int | None:
        return cycle.deadline_ns(context, state)

    def _send_on(self, output: Output) -> None:
        match output:
            case EntryFilled() | EntryFinished() | FlattenPositions() | FillCorrected():
                self.send(self._links.closer, output)
            case LatchChanged():
                self.send(self._links.bot, output)
            case ReserveSequences():
                pass  # the journal gets every output, and this one is meant for it
            case _:
                raise TypeError(f"the entry core does not send {type(output).__name__}")

    def _after(self, context: GridContext, state: GridState) -> None:
        stop = self._watch.note_state(context, state, self._parts.clock.monotonic_ns())
        if stop is not None:
            note = Note(event=LogEvent.RISK_LIMIT_HIT, level=NoteLevel.CRITICAL, text=f"{stop.kind}: {stop.text}")
            self.log_note(note)
            self.send(self._parts.journal, note)
            self.send(self.actor_ref, stop)
