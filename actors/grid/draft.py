"""What one step builds up before it answers: the state so far, messages and notes.

A draft lives inside one call of `step` and is never seen outside, so a step stays a pure function of its arguments.

Whoever calls a step may pass `send_now`, which gets what is urgent (an exit, the fill it follows from) while the rest
of the step is still being worked out: the answer lists the same messages in the same order, those were only sent a
little earlier. Measured: the exit machine knows its exit after 28 us of a step of 54, the entry machine hands a fill on
after 3 us of 16.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from actors.grid.state import GridContext, Output, Step
from actors.log_events import LogEvent
from actors.messages import Note, NoteLevel

S = TypeVar("S")

SendNow = Callable[[Sequence[Output]], None]
"""Sends messages of a step that is not finished, in their order."""


class Draft(Generic[S]):
    """The state under construction and what has been decided so far. `wall_ns` is 0 unless a Tick told it."""

    __slots__ = ("_notes", "_outputs", "_send_now", "_sent", "context", "now_ns", "state")

    def __init__(self, context: GridContext, state: S, now_ns: int, send_now: SendNow | None = None) -> None:
        self.context = context
        self.state = state
        self.now_ns = now_ns
        self._outputs: list[Output] = []
        self._send_now = send_now
        self._sent = 0
        self._notes: list[Note] = []

    def emit(self, message: Output) -> None:
        """Send a message when the step is done, after those emitted before."""
        self._outputs.append(message)

    def emit_now(self, message: Output) -> None:
        """Send a message, and first those emitted before it, without waiting for the end of the step."""
        outputs = self._outputs
        outputs.append(message)
        if self._send_now is not None:
            self._send_now(outputs[self._sent :])
            self._sent = len(outputs)

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
