"""Leaving the interpreter to the thread that carries an exit on its way.

Python runs one thread at a time and lets a running one go on for up to 5 ms. An actor that has just told an exit's next
hop still has to finish its step, write notes and journal copies; without a pause it would do that first, while the
exit waits for the interpreter. Measured on a loaded two-core machine: closer to lane 0.18 ms without, 0.04 ms with it.
"""

import threading
from typing import Final, Protocol

_PAUSE_S: Final = 0.001
_SHORT_PAUSE_S: Final = 0.0002
_BREATH_S: Final = 0.00005


class GiveWay(Protocol):
    """Called right after an urgent send."""

    def __call__(self, *, more_waits: bool) -> None:
        """`more_waits` says that the caller's mailbox is not empty."""
        ...


def breathe() -> None:
    """Let other threads run for a moment, a tenth of a millisecond. For long work that nobody waits for, in between.

    Calls into C that release the interpreter are not enough: whoever waits for it needs longer to wake up than such a
    call takes, and so gets it only after the 5 ms.
    """
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=_BREATH_S)


def no_pause(*, more_waits: bool) -> None:
    """Go on at once: for tests and the simulation, where nobody runs beside."""


def give_way(*, more_waits: bool) -> None:
    """Let other threads run for about a millisecond, or a fifth of it where more work waits.

    The next hops need 0.1 to 0.2 ms. Of a burst of fills each pauses so long, and all exits of the burst are on their
    way sooner than if they waited for the interpreter.
    """
    lock = threading.Lock()
    lock.acquire()
    # a lock nobody releases: waits without holding the interpreter, in one C call
    lock.acquire(timeout=_SHORT_PAUSE_S if more_waits else _PAUSE_S)
