"""Drives one engine with one price source: what a server's loop and the simulation both call."""

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import Event
from exchanges.simulated.prices import PriceSource


class Pump:
    """Feeds a price source's rows to an engine in order of time. One thread."""

    def __init__(self, engine: Engine, prices: PriceSource) -> None:
        self.engine = engine
        self.prices = prices

    def advance(self, now_ns: int) -> list[Event]:
        """Bring the venue to `now_ns`: rows and due commands interleaved by time. Returns what may leave the venue."""
        for at_ns, tick in self.prices.events_until(now_ns):
            self.engine.feed(tick, at_ns)
        return self.engine.advance(now_ns)

    def next_ns(self) -> int | None:
        """When `advance` has something to do next; None where nothing is known (poll a live feed every few ms)."""
        times = [at for at in (self.engine.next_event_ns(), self.prices.next_ns()) if at is not None]
        return min(times, default=None)
