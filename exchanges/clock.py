"""The only door to time.

Everything else takes a `Clock`, so that tests and the simulation run on a clock of their own. Ages and waits use the
monotonic reading; records,
nonces and venue times use the wall reading.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time in integer nanoseconds. Safe to read from any thread."""

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never steps back. Only differences mean something."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch. May step."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic_ns(self) -> int:
        """See `Clock.monotonic_ns`."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """See `Clock.wall_ns`."""
        return time.time_ns()
