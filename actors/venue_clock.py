"""The venue's clock as best known: ours plus a measured offset. Used in signing only."""

from exchanges.clock import Clock


class VenueClock:
    """Reads the venue's wall clock. Written by the connection, read by every lane; one integer, hence no lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = 0

    @property
    def offset_ns(self) -> int:
        """What the venue's clock is ahead of ours, negative where it is behind."""
        return self._offset_ns

    def wall_ns(self) -> int:
        """Return the venue's wall clock in nanoseconds."""
        return self._clock.wall_ns() + self._offset_ns

    def learn(self, server_ns: int, round_trip_ns: int) -> int:
        """Take a reading that was just answered and return the new offset.

        The venue read its clock somewhere within the round trip; the middle is off by half of it at most.
        """
        self._offset_ns = server_ns - (self._clock.wall_ns() - round_trip_ns // 2)
        return self._offset_ns
