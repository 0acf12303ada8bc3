"""Time as messages: one heap, one thread, `Tick` told when it is due.

Nothing in the bot sleeps or polls: an actor asks for a `Tick` under a key, and asking again under the same key replaces
the earlier wish. `TimerService` is what actors see; the live `Timers` waits on the machine's clock, the tests' and the
simulation's twin is driven by hand.
"""

import heapq
import itertools
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import pykka
from loguru import logger

from actors.addresses import Address
from actors.base import describe_failure, install_decimal_context
from actors.messages import ActorFailed, Tick
from actors.runtime import Thread, runtime
from exchanges.clock import Clock

_LONGEST_WAIT_S = 3600.0
_COMPACT_FROM = 64


class TimerService(Protocol):
    """Where actors ask for a `Tick`. Safe from any thread; never blocks."""

    def at(self, when_ns: int, address: Address[Tick], key: Hashable) -> None:
        """Tell `address` one Tick when the monotonic clock reads `when_ns` or later (at once if it has passed).

        An earlier wish with the same key is replaced and will not be told any more.
        """
        ...

    def every(self, period_ns: int, address: Address[Tick], key: Hashable) -> None:
        """Tell `address` a Tick each `period_ns`, first one period from now, until `cancel(key)`.

        Ticks that were missed (a suspended machine) are not made up for. Replaces an earlier wish with the same key.
        """
        ...

    def cancel(self, key: Hashable) -> None:
        """Forget the wish of `key`, if any. After the return no Tick of it is told; one may wait in the mailbox."""
        ...


@dataclass(slots=True)
class _Wish:
    generation: int
    when_ns: int
    period_ns: int
    address: Address[Tick]


class TimerHeap:
    """The wishes of a timer service, in order of time. No thread, no clock, no lock: those belong to the owner."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Hashable]] = []
        self._wishes: dict[Hashable, _Wish] = {}
        self._generations = itertools.count(1)

    def add(self, when_ns: int, address: Address[Tick], key: Hashable, period_ns: int = 0) -> None:
        """Put a wish, replacing the one of the same key."""
        generation = next(self._generations)
        self._wishes[key] = _Wish(generation, when_ns, period_ns, address)
        heapq.heappush(self._heap, (when_ns, generation, key))
        if len(self._heap) > _COMPACT_FROM and len(self._heap) > 4 * len(self._wishes):
            self._heap = [(wish.when_ns, wish.generation, at) for at, wish in self._wishes.items()]
            heapq.heapify(self._heap)

    def remove(self, key: Hashable) -> None:
        """Forget the wish of a key, if any."""
        self._wishes.pop(key, None)

    def next_ns(self) -> int | None:
        """Return when the next wish is due, None if there is none."""
        while self._heap:
            when_ns, generation, key = self._heap[0]
            wish = self._wishes.get(key)
            if wish is not None and wish.generation == generation:
                return when_ns
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now_ns: int) -> tuple[Hashable, Address[Tick]] | None:
        """Remove and return the earliest wish that is due, re-armed already if it is periodic; None if none is."""
        when_ns = self.next_ns()
        if when_ns is None or when_ns > now_ns:
            return None
        _, _, key = heapq.heappop(self._heap)
        wish = self._wishes.pop(key)
        if wish.period_ns:
            following_ns = when_ns + wish.period_ns
            self.add(max(following_ns, now_ns + 1), wish.address, key, wish.period_ns)
        return key, wish.address


class Timers:
    """The live timer service: one daemon thread that waits for the next wish.

    Args:
        clock: Where due times are read from; must advance with the machine's time.
        name: Thread name, beginning with the bot's name.
        failures: Told if the thread dies.
    """

    def __init__(self, clock: Clock, name: str, failures: Address[ActorFailed] | None = None) -> None:
        self._clock = clock
        self._name = name
        self._failures = failures
        self._heap = TimerHeap()
        self._changed = runtime().new_condition()
        self._is_stopping = False
        self._thread: Thread | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs. Any thread."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread. Wishes made before are kept."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} has been started already")
        self._thread = runtime().new_thread(self._run, self._name)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread and wait for it. No Tick is told after the return. May be called twice, or before start."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread is not None and self._thread is not runtime().current_thread():
            self._thread.join(timeout_s)

    def at(self, when_ns: int, address: Address[Tick], key: Hashable) -> None:
        """See `TimerService.at`."""
        with self._changed:
            self._heap.add(when_ns, address, key)
            self._wake_if_next(when_ns)

    def every(self, period_ns: int, address: Address[Tick], key: Hashable) -> None:
        """See `TimerService.every`."""
        if period_ns <= 0:
            raise ValueError(f"a period of {period_ns} ns would never let the thread rest")
        with self._changed:
            when_ns = self._clock.monotonic_ns() + period_ns
            self._heap.add(when_ns, address, key, period_ns)
            self._wake_if_next(when_ns)

    def cancel(self, key: Hashable) -> None:
        """See `TimerService.cancel`."""
        with self._changed:
            self._heap.remove(key)

    def _wake_if_next(self, when_ns: int) -> None:
        if self._heap.next_ns() == when_ns:
            self._changed.notify()

    def _run(self) -> None:
        install_decimal_context()
        try:
            with self._changed:
                while not self._is_stopping:
                    self._tell_due()
                    self._changed.wait(self._wait_s())
        except Exception as error:  # noqa: BLE001 - top frame of a thread: without a report the bot would lose time
            text, trace = describe_failure(error)
            logger.bind(event="actor_failed", actor=self._name).error("{} failed: {}", self._name, text)
            if self._failures is not None:
                self._failures.tell(ActorFailed(actor=self._name, error=text, traceback=trace))

    def _tell_due(self) -> None:
        # Told under the lock, so that after `cancel` has returned nothing of that key is told. `tell` never blocks.
        while not self._is_stopping:
            now_ns = self._clock.monotonic_ns()
            due = self._heap.pop_due(now_ns)
            if due is None:
                return
            key, address = due
            try:
                address.tell(Tick(now_ns=now_ns, wall_ns=self._clock.wall_ns()))
            except pykka.ActorDeadError:
                self._heap.remove(key)

    def _wait_s(self) -> float | None:
        when_ns = self._heap.next_ns()
        if when_ns is None:
            return None
        return min(max((when_ns - self._clock.monotonic_ns()) / 1e9, 0.0), _LONGEST_WAIT_S)
