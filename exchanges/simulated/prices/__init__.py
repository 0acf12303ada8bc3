"""Where the simulated venue's market comes from: one interface, three sources.

`SyntheticPrices` (prices.synthetic), `TapePrices` (exchanges.simulated.tape), `LivePrices` (prices.live).
"""

from collections.abc import Iterable
from typing import Protocol

from exchanges.simulated.engine_types import QuoteTick, TradeTick

Tick = QuoteTick | TradeTick


class PriceSource(Protocol):
    """A stream of quotes and trades on the venue's own clock (wall nanoseconds). One thread calls it."""

    def start(self, now_ns: int) -> None:
        """Begin: the first row happens at `now_ns`. Called once."""
        ...

    def events_until(self, now_ns: int) -> Iterable[tuple[int, Tick]]:
        """Rows not yet given whose time is at or before `now_ns`, in order of time."""
        ...

    def next_ns(self) -> int | None:
        """Time of the next row where it is known; None when finished or (live feed) unknowable."""
        ...

    @property
    def finished(self) -> bool:
        """Whether no row will ever come again (a tape at its end)."""
        ...

    def close(self) -> None:
        """Stop threads and close files. May be called twice."""
        ...
