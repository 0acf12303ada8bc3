"""Virtual time and fibers. One real thread; a turn is one fiber running until it waits, or one timed action.

Of the fibers that may run, the seed draws the next one, so every order of events that threads could produce between two
points of waiting is reached by some seed. Time moves only when nobody can run.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random

from greenlet import getcurrent, greenlet


class SimulatedCrash(BaseException):
    """Raised where a fiber of a process that was killed waits, and at every door such a fiber still tries."""


class Stuck(Exception):
    """The simulation itself is at fault: a fiber waits where only one is allowed to, or time does not move."""


@dataclass(eq=False, slots=True)
class Fiber:
    """A thread of the simulation."""

    name: str
    target: Callable[[], None]
    number: int
    let: greenlet | None = None
    is_done: bool = False
    is_parked: bool = False
    is_frozen: bool = False
    was_woken: bool = False
    epoch: int = 0
    joiners: "list[Fiber]" = field(default_factory=list)


class Scheduler:
    """Everything that happens in one simulated world, in one order."""

    def __init__(self, seed: int, *, most_turns_at_once: int = 200_000) -> None:
        self.now_ns = 0
        self.turns = 0
        self.stop_after_turn: int | None = None
        """Give control back after this turn, wherever the world is: for the crash sweep."""
        self._rng = Random(f"{seed}/scheduler")
        self._ready: list[Fiber] = []
        self._frozen: list[Fiber] = []
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._numbers = itertools.count(1)
        self._main = getcurrent()
        self._running: Fiber | None = None
        self._most_turns_at_once = most_turns_at_once
        self._trace = blake2b(digest_size=16)

    # --- for fibers ---

    def spawn(self, fiber: Fiber) -> None:
        """Let a new fiber run as soon as it is drawn."""
        fiber.let = greenlet(lambda: self._body(fiber), parent=self._main)
        self._make_ready(fiber)

    def _make_ready(self, fiber: Fiber) -> None:
        (self._frozen if fiber.is_frozen else self._ready).append(fiber)

    def freeze(self, fiber: Fiber) -> None:
        """Let a fiber not run before `thaw`, whatever wakes it."""
        fiber.is_frozen = True
        if fiber in self._ready:
            self._ready.remove(fiber)
            self._frozen.append(fiber)

    def thaw(self, fiber: Fiber) -> None:
        """Let a frozen fiber run again."""
        fiber.is_frozen = False
        if fiber in self._frozen:
            self._frozen.remove(fiber)
            self._ready.append(fiber)

    def new_fiber(self, name: str, target: Callable[[], None]) -> Fiber:
        """Return a fiber that does not run yet."""
        return Fiber(name=name, target=target, number=next(self._numbers))

    @property
    def running(self) -> Fiber | None:
        """The fiber that runs now, None in a timed action."""
        return self._running

    def park(self, timeout_ns: int | None = None) -> bool:
        """Wait until `wake`, at most so long. Whether it was woken. Fibers only."""
        fiber = self._running
        if fiber is None or fiber.let is not getcurrent():
            raise Stuck("waited outside a fiber: a timed action must not block")
        fiber.is_parked, fiber.was_woken = True, False
        fiber.epoch += 1
        if timeout_ns is not None:
            epoch = fiber.epoch
            self.at(self.now_ns + max(timeout_ns, 0), lambda: self._expire(fiber, epoch))
        self._main.switch()
        return fiber.was_woken

    def wake(self, fiber: Fiber) -> None:
        """Let a parked fiber run again; nothing if it is not parked."""
        if fiber.is_parked:
            fiber.is_parked, fiber.was_woken = False, True
            self._make_ready(fiber)

    def forget(self, fiber: Fiber) -> None:
        """Never run a fiber again. It is not unwound."""
        for waiting in (self._ready, self._frozen):
            if fiber in waiting:
                waiting.remove(fiber)
        fiber.epoch += 1
        fiber.is_parked = False

    def kill(self, fiber: Fiber) -> None:
        """Raise `SimulatedCrash` in a fiber where it waits, and never run it again. Not from inside a fiber."""
        self.forget(fiber)
        let = fiber.let
        while let is not None and not let.dead:
            if not let:  # never ran: nothing to unwind
                break
            self._running = fiber
            let.throw(SimulatedCrash())
            self._running = None
        fiber.is_done = True
        fiber.let = None

    def _expire(self, fiber: Fiber, epoch: int) -> None:
        if fiber.is_parked and fiber.epoch == epoch:
            fiber.is_parked = False
            self._make_ready(fiber)

    def _body(self, fiber: Fiber) -> None:
        try:
            fiber.target()
        except SimulatedCrash:
            return
        finally:
            fiber.is_done = True
            for joiner in fiber.joiners:
                self.wake(joiner)

    # --- timed actions ---

    def at(self, when_ns: int, action: Callable[[], None]) -> None:
        """Run `action` outside of any fiber when time reaches `when_ns`."""
        heapq.heappush(self._heap, (max(when_ns, self.now_ns), next(self._order), action))

    def after(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Run `action` so much later."""
        self.at(self.now_ns + delay_ns, action)

    # --- running ---

    def run_until(self, until_ns: int, after_turn: Callable[[], None], *, done: Callable[[], bool]) -> None:
        """Take turns until time would pass `until_ns`, or `done` says so. `after_turn` is called after each."""
        at_once, since_ns = 0, self.now_ns
        while not done():
            if not self._turn(until_ns):
                self.now_ns = max(self.now_ns, until_ns)
                return
            after_turn()
            at_once, since_ns = (at_once + 1, since_ns) if self.now_ns == since_ns else (0, self.now_ns)
            if at_once > self._most_turns_at_once:
                names = sorted({fiber.name for fiber in self._ready})
                raise Stuck(f"{at_once} turns at {self.now_ns / 1e9:.3f} s without time passing; ready: {names}")
            if self.stop_after_turn is not None and self.turns >= self.stop_after_turn:
                return

    def _turn(self, until_ns: int) -> bool:
        if self._ready:
            index = self._rng.randrange(len(self._ready)) if len(self._ready) > 1 else 0
            fiber = self._ready.pop(index)
            self.turns += 1
            self._trace.update(b"%d %d;" % (self.now_ns, fiber.number))
            let = fiber.let
            if let is None:
                raise Stuck(f"{fiber.name} was drawn and has ended")
            self._running = fiber
            try:
                let.switch()
            finally:
                self._running = None
            return True
        if not self._heap or self._heap[0][0] > until_ns:
            return False
        self.now_ns, _, action = heapq.heappop(self._heap)
        self.turns += 1
        action()
        return True

    # --- what happened ---

    def note(self, data: bytes) -> None:
        """Put something that happened into the digest."""
        self._trace.update(b"%d:%b;" % (self.now_ns, data))

    @property
    def digest(self) -> str:
        """What happened so far, as a number: equal in equal runs."""
        return self._trace.hexdigest()
