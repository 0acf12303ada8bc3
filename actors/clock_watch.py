"""Whether time has passed as it should between two beats: a wall clock that was set, a process that was away."""

from dataclasses import dataclass

from actors.watches import BEAT_NS, JUMP_NS, SMALLEST_STEP_NS


@dataclass(frozen=True, slots=True)
class TimeFault:
    """What was wrong with the time between two beats.

    Attributes:
        away_ns: How long nothing of this process can have run, 0 where that is not so.
        step_ns: By how much the wall clock was set against the monotonic one, 0 where it was not.
    """

    away_ns: int = 0
    step_ns: int = 0


class ClockWatch:
    """Compares the two clocks from beat to beat. One thread.

    A suspended machine may stop its monotonic clock or let it run: the first shows as a wall clock that leaps ahead,
    the second as a beat that is late. A wall clock that is set ahead by so much looks the same and is treated so.
    """

    def __init__(self, now_ns: int, wall_ns: int) -> None:
        self._now_ns = now_ns
        self._wall_ns = wall_ns

    def look(self, now_ns: int, wall_ns: int) -> TimeFault:
        """Take the clocks at a beat."""
        passed_ns, wall_passed_ns = now_ns - self._now_ns, wall_ns - self._wall_ns
        self._now_ns, self._wall_ns = now_ns, wall_ns
        drift_ns = wall_passed_ns - passed_ns
        late_ns = passed_ns - BEAT_NS
        away_ns = max(late_ns, drift_ns)
        return TimeFault(
            away_ns=away_ns if away_ns >= JUMP_NS else 0,
            step_ns=drift_ns if abs(drift_ns) >= SMALLEST_STEP_NS else 0,
        )
