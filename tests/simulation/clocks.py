"""The machine's clocks on the scheduler's time."""

from typing import Final

from tests.simulation.scheduler import Scheduler

START_WALL_NS: Final = 1_780_000_000_000_000_000
START_MONOTONIC_NS: Final = 1_000_000_000_000


class VenueClock:
    """The venue's clock is the true time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def monotonic_ns(self) -> int:
        return START_MONOTONIC_NS + self._scheduler.now_ns

    def wall_ns(self) -> int:
        return START_WALL_NS + self._scheduler.now_ns


class HostClock:
    """The clocks of the machine the bot runs on: its wall clock may be off and be set, its other clock never is."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.skew_ns = 0

    def monotonic_ns(self) -> int:
        return START_MONOTONIC_NS + self._scheduler.now_ns

    def wall_ns(self) -> int:
        return START_WALL_NS + self._scheduler.now_ns + self.skew_ns
