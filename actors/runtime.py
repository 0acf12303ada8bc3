"""The only door to threads, and to what makes one wait for another.

Every actor, lane and timer takes its thread, queue, event, lock, future and pause from here. Live these are the
standard library's own objects, with nothing around them. The deterministic simulation puts another runtime in place
(`use_runtime`) in which a thread is a coroutine of one scheduler and waiting takes virtual time, and runs the same
classes.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol, TypeVar

import pykka

T = TypeVar("T")


class Queue(Protocol[T]):
    """First in, first out, between any threads."""

    def put(self, item: T, /) -> None:
        """Add an item. Never blocks."""
        ...

    def get(self, *, timeout: float | None = None) -> T:
        """Remove and return the oldest item, waiting for it. Raises queue.Empty after `timeout` seconds."""
        ...

    def qsize(self) -> int:
        """How many items wait."""
        ...

    def empty(self) -> bool:
        """Whether none waits."""
        ...


class Lock(Protocol):
    """A lock that is not re-entrant."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - threading's form
        """Take it. Whether it was taken."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...

    def __enter__(self) -> Any: ...  # noqa: ANN401 - threading's form

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class Event(Protocol):
    """A flag that threads wait for."""

    def set(self) -> None:
        """Raise the flag."""
        ...

    def is_set(self) -> bool:
        """Whether it is raised."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it at most so many seconds. Whether it is raised."""
        ...


class Condition(Lock, Protocol):
    """A lock with a place to wait in."""

    def wait(self, timeout: float | None = None) -> bool:
        """Give the lock back, wait for `notify`, take the lock again. False after `timeout` seconds."""
        ...

    def notify(self, n: int = 1) -> None:
        """Wake waiting threads."""
        ...


class Thread(Protocol):
    """A thread that was made and perhaps not started yet."""

    def start(self) -> None:
        """Let it run."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        ...

    def is_alive(self) -> bool:
        """Whether it runs."""
        ...

    @property
    def ident(self) -> int | None:
        """A number once it was started."""
        ...


class Runtime(Protocol):
    """Makes what threads need. Safe from any thread."""

    def new_thread(self, target: Callable[[], None], name: str) -> Thread:
        """Return a daemon thread, not started."""
        ...

    def current_thread(self) -> Thread:
        """Return the thread that runs now."""
        ...

    def new_queue(self) -> Queue[Any]:
        """Return an empty queue."""
        ...

    def new_lock(self) -> Lock:
        """Return a free lock."""
        ...

    def new_event(self) -> Event:
        """Return a lowered flag."""
        ...

    def new_condition(self) -> Condition:
        """Return a free condition."""
        ...

    def new_future(self) -> "pykka.Future[Any]":
        """Return an empty future of Pykka."""
        ...

    def pause(self, seconds: float) -> None:
        """Let other threads run for about so long."""
        ...


class ThreadRuntime:
    """Real threads: the standard library's objects as they are."""

    def new_thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """See `Runtime.new_thread`."""
        return threading.Thread(target=target, name=name, daemon=True)

    def current_thread(self) -> threading.Thread:
        """See `Runtime.current_thread`."""
        return threading.current_thread()

    def new_queue(self) -> Queue[Any]:
        """Return a `SimpleQueue`, whose put and get are one C call each."""
        return SimpleQueue()

    def new_lock(self) -> Lock:
        """See `Runtime.new_lock`."""
        return threading.Lock()

    def new_event(self) -> threading.Event:
        """See `Runtime.new_event`."""
        return threading.Event()

    def new_condition(self) -> Condition:
        """See `Runtime.new_condition`."""
        return threading.Condition()

    def new_future(self) -> "pykka.Future[Any]":
        """See `Runtime.new_future`."""
        return pykka.ThreadingFuture()

    def pause(self, seconds: float) -> None:
        """Wait in one C call that does not hold the interpreter: on a lock nobody releases."""
        lock = threading.Lock()
        lock.acquire()
        lock.acquire(timeout=seconds)


_runtime: Runtime = ThreadRuntime()


def runtime() -> Runtime:
    """Return the runtime in place."""
    return _runtime


@contextmanager
def use_runtime(other: Runtime) -> Iterator[None]:
    """Put another runtime in place for a block. For the simulation: nothing of a live bot may run meanwhile."""
    global _runtime  # noqa: PLW0603 - the one door is the point
    before, _runtime = _runtime, other
    try:
        yield
    finally:
        _runtime = before
