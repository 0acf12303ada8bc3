"""A running simulated venue for tests: real sockets on loopback, prices set by hand.

`running_venue()` runs a server on a thread of its own and gives a `RunningVenue`: set quotes and trades, look into the
engine, plan mishaps, cut connections. Latencies are 0 and partial fills are off unless asked for.
"""

import asyncio
import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import TypeVar

from exchanges.clock import Clock, SystemClock
from exchanges.simulated.assembly import assemble, face_kit
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.aster.face import AsterFace
from exchanges.simulated.faces.mishaps import Mishap, Mishaps, PlannedMishap
from exchanges.simulated.faces.protocol import CloseSession
from exchanges.simulated.hosting import SimulatedVenue
from exchanges.simulated.prices import Tick
from exchanges.simulated.server import VenueServer
from exchanges.simulated.settings import PaperSettings
from exchanges.simulated.steady_clock import SteadyClock

T = TypeVar("T")
_WAIT_S = 10.0


class ScriptedPrices:
    """A price source with nothing in it but what a test puts there. `put` may be called from any thread."""

    def __init__(self) -> None:
        self._rows: deque[Tick] = deque()
        self._now_ns = 0
        self.finished = False

    def put(self, *ticks: Tick) -> None:
        """Add rows; they happen at the venue's next step."""
        self._rows.extend(ticks)

    def start(self, now_ns: int) -> None:
        """See `PriceSource.start`."""
        self._now_ns = now_ns

    def events_until(self, now_ns: int) -> Iterable[tuple[int, Tick]]:
        """See `PriceSource.events_until`."""
        self._now_ns = now_ns
        while self._rows:
            yield now_ns, self._rows.popleft()

    def next_ns(self) -> int | None:
        """See `PriceSource.next_ns`."""
        return self._now_ns if self._rows else None

    def close(self) -> None:
        """See `PriceSource.close`."""


class RunningVenue:
    """A venue that is being served. All methods may be called from the test's thread; each returns when it is done."""

    def __init__(
        self, server: VenueServer, venue: SimulatedVenue, prices: ScriptedPrices, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._server = server
        self._venue = venue
        self._prices = prices
        self._loop = loop
        self.rest_url = server.rest_url
        self.ws_url = server.ws_url
        self.credentials = venue.face.credentials()
        self.account = venue.face.account

    def call(self, function: Callable[[SimulatedVenue], T]) -> T:
        """Run `function(venue)` on the venue's own thread, then let the venue react; return its result."""
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def run() -> None:
            try:
                result = function(self._venue)
                self._server.step_now()
            except BaseException as error:  # noqa: BLE001 - handed to the test's thread, which raises it
                done.set_exception(error)
            else:
                done.set_result(result)

        self._loop.call_soon_threadsafe(run)
        return done.result(_WAIT_S)

    def quote(self, symbol: str, bid: str, ask: str, *, bid_quantity: str = "10", ask_quantity: str = "10") -> None:
        """Set best bid and ask."""
        tick = QuoteTick(symbol, Decimal(bid), Decimal(bid_quantity), Decimal(ask), Decimal(ask_quantity))
        self.call(lambda _: self._prices.put(tick))

    def trade(self, symbol: str, price: str, quantity: str, *, buyer_is_maker: bool) -> None:
        """Let others trade. `buyer_is_maker`: the seller was the aggressor (fills our bids)."""
        tick = TradeTick(symbol, Decimal(price), Decimal(quantity), buyer_is_maker)
        self.call(lambda _: self._prices.put(tick))

    def show(self, *ticks: Tick) -> None:
        """Let quotes and trades happen, one after the other, before the venue reacts."""
        self.call(lambda _: self._prices.put(*ticks))

    def finish_prices(self) -> None:
        """Say that no price will ever come again, as a tape does at its end."""
        self.call(lambda _: setattr(self._prices, "finished", True))

    def plan_mishap(
        self,
        mishap: Mishap,
        *,
        method: str | None = None,
        name: str | None = None,
        count: int = 1,
        delay_s: float = 1.0,
    ) -> None:
        """Let something go wrong with the next `count` requests that fit (name as in 'order', 'openOrders').
        `delay_s` is for late replies. Raises ValueError for a mishap that does not happen on this venue.
        """
        delay_ns = round(delay_s * 1_000_000_000)
        planned = PlannedMishap(mishap=mishap, method=method, name=name, count=count, delay_ns=delay_ns)
        self.call(lambda venue: _mishaps(venue).plan(planned))

    def expire_listen_key(self) -> None:
        """Let the listen key run out now."""
        self.call(lambda venue: self.aster(venue).listen_keys.expire_now(venue.now_ns))

    def cut_private_sessions(self) -> int:
        """Cut every private WebSocket without a close frame; return how many there were."""
        return self.call(self._cut_private)

    def _cut_private(self, venue: SimulatedVenue) -> int:
        sessions = venue.face.private_sessions()
        for session_id in sessions:
            venue.send(CloseSession(session_id=session_id, code=1006, abrupt=True))
        return len(sessions)

    def stall_private_sessions(self) -> int:
        """Let every private WebSocket fall silent (no frame, no pong) without closing it; return how many."""
        sessions = self.call(lambda venue: venue.face.private_sessions())
        self.call(lambda _: self._server.stalled.update(sessions))
        return len(sessions)

    def status(self) -> dict[str, object]:
        """What the admin path shows."""
        return self.call(lambda venue: venue.status(venue.now_ns))

    @staticmethod
    def aster(venue: SimulatedVenue) -> AsterFace:
        """The venue's face, as Aster's."""
        if not isinstance(venue.face, AsterFace):
            raise TypeError(f"{venue.face.venue} is not Aster")
        return venue.face


def _mishaps(venue: SimulatedVenue) -> Mishaps:
    found = getattr(venue.face, "mishaps", None)
    if not isinstance(found, Mishaps):
        raise TypeError(f"nothing goes wrong on {venue.face.venue}")
    return found


QUIET = PaperSettings(ack_latency_ms=0, fill_latency_ms=0, cancel_latency_ms=0, partial_fill_pct=Decimal(0))
"""Paper settings without delays and pieces: what tests want unless they say otherwise."""


@contextmanager
def running_venue(
    *,
    symbols: tuple[str, ...] = ("BTC",),
    venue: str = "aster",
    seed: int = 1,
    clock: Clock | None = None,
    paper: PaperSettings = QUIET,
    **settings: object,
) -> Iterator[RunningVenue]:
    """Serve a simulated venue on a background thread until the block ends.

    `venue` is a name in `exchanges.simulated.assembly.FACES`; `symbols` are as a user or as the venue names them.
    `settings` override fields of `paper`.
    """
    paper, kit = replace(paper, **settings) if settings else paper, face_kit(venue)  # type: ignore[arg-type]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated-venue", daemon=True)
    thread.start()
    time_source = clock or SteadyClock(SystemClock())
    prices = ScriptedPrices()
    simulated = assemble(
        kit,
        paper,
        tuple(kit.symbol(name) for name in symbols),
        prices,
        kit.make_credentials(Random(f"{seed}/credentials")),  # noqa: S311 - a test's throw-away keys
        now_ns=time_source.wall_ns(),
    )
    server: VenueServer | None = None

    async def start() -> VenueServer:
        server = VenueServer(simulated, time_source, admin_token=f"admin-{seed}")
        await server.start()
        return server

    try:
        server = asyncio.run_coroutine_threadsafe(start(), loop).result(_WAIT_S)
        yield RunningVenue(server, simulated, prices, loop)
    finally:
        if server is not None:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(_WAIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_WAIT_S)
        loop.close()
