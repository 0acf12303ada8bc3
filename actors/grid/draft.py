"""What one step builds up before it answers: the state so far, messages and notes.

A draft lives inside one call of `step` and is never seen outside, so a step stays a pure function of its arguments.
"""

from typing import Generic, TypeVar

from actors.grid.state import GridContext, Output, Step
from actors.log_events import LogEvent
from actors.messages import Note, NoteLevel

S = TypeVar("S")


class Draft(Generic[S]):
    """The state under construction and what has been decided so far. `wall_ns` is 0 unless a Tick told it."""

    __slots__ = ("_notes", "_outputs", "context", "now_ns", "state")

    def __init__(self, context: GridContext, state: S, now_ns: int) -> None:
        self.context = context
        self.state = state
        self.now_ns = now_ns
        self._outputs: list[Output] = []
        self._notes: list[Note] = []

    def emit(self, message: Output) -> None:
        """Send a message when the step is done, after those emitted before."""
        self._outputs.append(message)

    def note(
        self,
        event: LogEvent,
        text: str = "",
        *,
        level: NoteLevel = NoteLevel.INFO,
        lot: int = 0,
        client_order_id: int = 0,
    ) -> None:
        """Log an event when the step is done."""
        self._notes.append(
            Note(
                event=event,
                level=level,
                grid=self.context.name,
                text=text,
                lot=lot,
                client_order_id=client_order_id,
            )
        )

    def finish(self) -> Step[S]:
        """Return the step."""
        return Step(self.state, tuple(self._outputs), tuple(self._notes))
