"""A venue's own clock: set once by the machine's, steady from then on."""

from exchanges.clock import Clock


class SteadyClock:
    """A `Clock` whose wall reading never steps. A machine whose clock steps does not stop or rush the venue; its
    clients see an offset instead, as with a real venue. Safe to read from any thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = clock.wall_ns() - clock.monotonic_ns()

    def monotonic_ns(self) -> int:
        """See `Clock.monotonic_ns`."""
        return self._clock.monotonic_ns()

    def wall_ns(self) -> int:
        """See `Clock.wall_ns`."""
        return self._clock.monotonic_ns() + self._offset_ns
