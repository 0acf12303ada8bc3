"""Test doubles for every area: a probe instead of an actor, a clock and timers that move only when told.

None of them is an actor, starts a thread or sleeps.
"""

import threading
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

from actors.addresses import Address
from actors.messages import Tick
from actors.timers import TimerHeap

M = TypeVar("M")
T = TypeVar("T")

START_MONOTONIC_NS = 1_000_000_000_000
START_WALL_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


class Probe(Generic[M]):
    """An address that remembers what it was told, in order. Safe from any thread."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._messages: list[Any] = []

    def tell(self, message: M, /) -> None:
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()

    @property
    def messages(self) -> list[Any]:
        """Everything told and not taken yet."""
        with self._arrived:
            return list(self._messages)

    def all(self, kind: type[T]) -> list[T]:
        """Everything of one class told and not taken yet."""
        return [message for message in self.messages if isinstance(message, kind)]

    def take(self, kind: type[T], timeout_s: float = 2.0) -> T:
        """Wait for a message of a class, remove it and everything before it, and return it."""
        with self._arrived:
            found = self._arrived.wait_for(lambda: self._position(kind) is not None, timeout_s)
            position = self._position(kind)
            if not found or position is None:
                raise AssertionError(f"no {kind.__name__} within {timeout_s} s; told: {self._messages}")
            message: T = self._messages[position]
            del self._messages[: position + 1]
            return message

    def wait_count(self, count: int, timeout_s: float = 2.0) -> list[Any]:
        """Wait until at least `count` messages are there and return all, without removing them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._messages) >= count, timeout_s):
                raise AssertionError(
                    f"{len(self._messages)} of {count} messages within {timeout_s} s: {self._messages}"
                )
            return list(self._messages)

    def drain(self) -> list[Any]:
        """Remove and return everything."""
        with self._arrived:
            messages, self._messages = self._messages, []
            return messages

    def expect_none(self, kind: type | None = None) -> None:
        """Assert that nothing (of the class) is there. Ping the actor under test first, so that it has finished."""
        unexpected = [message for message in self.messages if kind is None or isinstance(message, kind)]
        assert not unexpected, f"expected nothing, was told {unexpected}"

    def _position(self, kind: type) -> int | None:
        return next((i for i, message in enumerate(self._messages) if isinstance(message, kind)), None)


class FakeClock:
    """A clock that stands still until `advance`. Both readings move together; `step_wall` moves one of them."""

    def __init__(self, monotonic_ns: int = START_MONOTONIC_NS, wall_ns: int = START_WALL_NS) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def wall_ns(self) -> int:
        return self._wall_ns

    def advance(self, ns: int) -> None:
        """Let time pass."""
        assert ns >= 0, "a monotonic clock does not step back; use step_wall"
        self._monotonic_ns += ns
        self._wall_ns += ns

    def step_wall(self, ns: int) -> None:
        """Set the wall clock forward or back, as NTP does."""
        self._wall_ns += ns


class FakeTimers:
    """A timer service driven by `advance`: moves its clock to each due time in order and tells the Ticks there."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self._heap = TimerHeap()

    def at(self, when_ns: int, address: Address[Tick], key: Hashable) -> None:
        self._heap.add(when_ns, address, key)

    def every(self, period_ns: int, address: Address[Tick], key: Hashable) -> None:
        assert period_ns > 0
        self._heap.add(self.clock.monotonic_ns() + period_ns, address, key, period_ns)

    def cancel(self, key: Hashable) -> None:
        self._heap.remove(key)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self, timeout_s: float = 0.0) -> None:
        """Nothing to stop."""

    def advance(self, ns: int = 0) -> int:
        """Let time pass and return how many Ticks were told. Wishes made on the way are honored."""
        until_ns = self.clock.monotonic_ns() + ns
        told = 0
        while (when_ns := self._heap.next_ns()) is not None and when_ns <= until_ns:
            self.clock.advance(max(when_ns - self.clock.monotonic_ns(), 0))
            due = self._heap.pop_due(self.clock.monotonic_ns())
            assert due is not None
            due[1].tell(Tick(now_ns=self.clock.monotonic_ns(), wall_ns=self.clock.wall_ns()))
            told += 1
        self.clock.advance(until_ns - self.clock.monotonic_ns())
        return told

    @property
    def next_ns(self) -> int | None:
        """When the next Tick is due, None if none was asked for."""
        return self._heap.next_ns()
