"""The exits of every grid: actor `GridOrderCloser`, a shell around `actors.grid.exits` (GRID_FLOW.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from actors.addresses import Address
from actors.grid import exits
from actors.grid.draft import SendNow
from actors.grid.restore import RestoredGrid
from actors.grid.state import ExitBook, GridContext, Output, Step
from actors.grid_shell import GridSeat, GridShell, ShellParts
from actors.messages import (
    ActorFailed,
    CloseOrderPlaced,
    CoverMeasured,
    EntryFilled,
    ExternalBooked,
    FillAttributed,
    Flattened,
    LotRebuilt,
    LotsChanged,
    OrderFilled,
    PositionClosed,
    ProfitCorrected,
    ReserveSequences,
)

StrategyNews = CloseOrderPlaced | PositionClosed | LotsChanged | Flattened


@dataclass(frozen=True, slots=True, kw_only=True)
class CloserParts:
    """What the closer is built with besides a shell's parts.

    Attributes:
        measured: Called with each measured cover, for the naked-exposure figures.
    """

    strategy: Address[StrategyNews]
    bot: Address[Flattened]
    measured: Callable[[CoverMeasured], None]


class GridOrderCloser(GridShell[ExitBook]):
    """Owns each grid's lots, the orders that close them, dust, retries and the lot sequences of exits.

    Takes everything in `exits.ExitEvent` plus `GridTick`. Sends reduce-only orders straight to the lanes, questions to
    the connection, what is covered and closed to the strategy. Never asks an entry gate.
    """

    def __init__(
        self,
        *,
        name: str,
        failures: Address[ActorFailed],
        seats: Sequence[GridSeat],
        parts: ShellParts[ExitBook],
        closer: CloserParts,
    ) -> None:
        super().__init__(name=name, failures=failures, seats=seats, parts=parts)
        self._links = closer

    def handle(self, message: Any) -> None:  # noqa: ANN401 - exits.ExitEvent or GridTick
        """Take one message."""
        if type(message) is EntryFilled or type(message) is OrderFilled:
            self.notify_order_filled(message)
        else:
            super().handle(message)

    def notify_order_filled(self, fill: EntryFilled | OrderFilled) -> None:
        """Take a fill: an entry's gets its exit in the same step, an exit's closes a part of its lot."""
        self._take(self._desks[fill.grid], fill)

    def _initial(self, context: GridContext, restored: RestoredGrid | None, now_ns: int, wall_ns: int) -> ExitBook:
        return exits.initial(context, restored, now_ns, wall_ns)

    def _core_step(
        self,
        context: GridContext,
        state: ExitBook,
        event: Any,  # noqa: ANN401 - exits.ExitEvent; the message's sender is typed by its address
        now_ns: int,
        send_now: SendNow,
    ) -> Step[ExitBook]:
        return exits.step(context, state, event, now_ns, send_now)

    def _deadline_ns(self, context: GridContext, state: ExitBook) -> int | None:
        return exits.deadline_ns(context, state)

    def _send_on(self, output: Output) -> None:
        match output:
            case CloseOrderPlaced() | PositionClosed() | LotsChanged():
                self.send(self._links.strategy, output)
            case Flattened():
                self.send(self._links.strategy, output)
                self.send(self._links.bot, output)
            case CoverMeasured():
                self._links.measured(output)
            case ReserveSequences() | ExternalBooked() | LotRebuilt() | FillAttributed() | ProfitCorrected():
                pass  # the journal gets every output, and these are meant for it
            case _:
                raise TypeError(f"the exit core does not send {type(output).__name__}")
