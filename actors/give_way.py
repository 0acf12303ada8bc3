"""Leaving the interpreter to the thread that carries an exit on its way.

Python runs one thread at a time and lets a running one go on for up to 5 ms. An actor that has just told an exit's next
hop still has to finish its step, write notes and journal copies; without a pause it would do that first, while the
exit waits for the interpreter. Measured on a loaded two-core machine: closer to lane 0.18 ms without, 0.04 ms with it.
"""

from typing import Final, Protocol

from actors.runtime import runtime
from exchanges.clock import Clock

_PAUSE_S: Final = 0.001
_SHORT_PAUSE_S: Final = 0.0002
_BREATH_S: Final = 0.00005
_URGENT_NS: Final = 600_000
_MOST_PAUSES: Final = 10


class GiveWay(Protocol):
    """Called right after an urgent send."""

    def __call__(self, *, more_waits: bool) -> None:
        """`more_waits` says that the caller's mailbox is not empty."""
        ...


class Urgency:
    """Whether a private frame has just come in: then an exit may be on its way, and who has time stands aside.

    `note` runs on the reader's thread, `breathe` on that of the one who has time; between them is one integer.
    """

    __slots__ = ("_clock", "_until_ns")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ns = 0

    def note(self, at_ns: int) -> None:
        """A frame was read at this monotonic time."""
        self._until_ns = at_ns + _URGENT_NS

    def rest(self) -> None:
        """Let other threads run for a millisecond at least; see `breathe`."""
        give_way(more_waits=False)
        self.breathe()

    def breathe(self) -> None:
        """Let other threads run for a tenth of a millisecond, or until the exit of a frame that came has left.

        For long work that nobody waits for, in between. Calls into C that release the interpreter are not enough:
        whoever waits for it needs longer to wake up than such a call takes, and so gets it only after the 5 ms.
        """
        pause = runtime().pause
        pause(_BREATH_S)
        for _ in range(_MOST_PAUSES):
            if self._clock.monotonic_ns() >= self._until_ns:
                return
            pause(_SHORT_PAUSE_S)


def no_pause(*, more_waits: bool) -> None:
    """Go on at once: for tests and the simulation, where nobody runs beside."""


def give_way(*, more_waits: bool) -> None:
    """Let other threads run for about a millisecond, or a fifth of it where more work waits.

    The next hops need 0.1 to 0.2 ms. Of a burst of fills each pauses so long, and all exits of the burst are on their
    way sooner than if they waited for the interpreter.
    """
    runtime().pause(_SHORT_PAUSE_S if more_waits else _PAUSE_S)
