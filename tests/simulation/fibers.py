"""`actors.runtime.Runtime` on the scheduler: a bot process has one, and everything made by it dies with it."""

import math
import sys
from collections import deque
from collections.abc import Callable
from queue import Empty
from types import TracebackType
from typing import Any, Generic, TypeVar

import pykka

from actors import runtime
from tests.simulation.scheduler import Fiber, Scheduler, SimulatedCrash

T = TypeVar("T")


def _ns(timeout_s: float | None) -> int | None:
    return None if timeout_s is None else max(math.ceil(timeout_s * 1e9), 0)


class FiberThread:
    """See `actors.runtime.Thread`."""

    def __init__(self, owner: "FiberRuntime", name: str, target: Callable[[], None]) -> None:
        self._owner = owner
        self.name = name
        self.fiber = owner.scheduler.new_fiber(name, target)

    def start(self) -> None:
        self._owner.check()
        self._owner.fibers.append(self.fiber)
        self._owner.scheduler.spawn(self.fiber)

    def join(self, timeout: float | None = None) -> None:
        fiber, running = self.fiber, self._owner.scheduler.running
        if not fiber.is_done and running is not None:
            fiber.joiners.append(running)
            self._owner.park(_ns(timeout))

    def is_alive(self) -> bool:
        return self.fiber.let is not None and not self.fiber.is_done

    @property
    def ident(self) -> int | None:
        return self.fiber.number if self.fiber.let is not None else None


class FiberQueue(Generic[T]):
    """See `actors.runtime.Queue`. One consumer."""

    __slots__ = ("_items", "_owner", "_waiting")

    def __init__(self, owner: "FiberRuntime") -> None:
        self._owner = owner
        self._items: deque[T] = deque()
        self._waiting: Fiber | None = None

    def put(self, item: T, /) -> None:
        if self._owner.is_dead:
            return
        self._items.append(item)
        if self._waiting is not None:
            self._owner.scheduler.wake(self._waiting)

    def get(self, *, timeout: float | None = None) -> T:
        owner = self._owner
        owner.check()
        while not self._items:
            self._waiting = owner.scheduler.running
            was_woken = owner.park(_ns(timeout))
            self._waiting = None
            if not was_woken and not self._items:
                raise Empty
        return self._items.popleft()

    def qsize(self) -> int:
        return len(self._items)

    def empty(self) -> bool:
        return not self._items


class FiberEvent:
    """See `actors.runtime.Event`."""

    def __init__(self, owner: "FiberRuntime") -> None:
        self._owner = owner
        self._is_set = False
        self._waiting: list[Fiber] = []

    def set(self) -> None:
        self._is_set = True
        waiting, self._waiting = self._waiting, []
        for fiber in waiting:
            self._owner.scheduler.wake(fiber)

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        running = self._owner.scheduler.running
        if not self._is_set and running is not None:
            self._waiting.append(running)
            self._owner.park(_ns(timeout))
            if running in self._waiting:
                self._waiting.remove(running)
        return self._is_set


class FiberLock:
    """See `actors.runtime.Lock`."""

    def __init__(self, owner: "FiberRuntime") -> None:
        self._owner = owner
        self._is_taken = False
        self._waiting: deque[Fiber] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        while self._is_taken:
            running = self._owner.scheduler.running
            if not blocking or running is None:
                return False
            self._waiting.append(running)
            was_woken = self._owner.park(None if timeout < 0 else _ns(timeout))
            if running in self._waiting:
                self._waiting.remove(running)
            if not was_woken:
                return False
        self._is_taken = True
        return True

    def release(self) -> None:
        if not self._is_taken and not self._owner.is_dead:
            raise RuntimeError("released a free lock")
        self._is_taken = False
        if self._waiting:
            self._owner.scheduler.wake(self._waiting.popleft())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class FiberCondition(FiberLock):
    """See `actors.runtime.Condition`."""

    def __init__(self, owner: "FiberRuntime") -> None:
        super().__init__(owner)
        self._sleeping: list[Fiber] = []

    def wait(self, timeout: float | None = None) -> bool:
        running = self._owner.scheduler.running
        assert running is not None
        self._sleeping.append(running)
        self.release()
        was_woken = self._owner.park(_ns(timeout))
        if running in self._sleeping:
            self._sleeping.remove(running)
        self.acquire()
        return was_woken

    def notify(self, n: int = 1) -> None:
        waking, self._sleeping = self._sleeping[:n], self._sleeping[n:]
        for fiber in waking:
            self._owner.scheduler.wake(fiber)


class FiberFuture(pykka.Future[Any]):
    """A future of Pykka. Without arguments, as Pykka makes one: it takes the runtime in place."""

    def __init__(self) -> None:
        super().__init__()
        owner = runtime.runtime()
        assert isinstance(owner, FiberRuntime)
        self._done = FiberEvent(owner)
        self._value: Any = None
        self._error: Any = None

    def get(self, *, timeout: float | None = None) -> Any:
        try:
            return super().get(timeout=timeout)
        except NotImplementedError:
            pass
        if not self._done.wait(timeout):
            raise pykka.Timeout(f"{timeout} seconds")
        if self._error is not None:
            kind, error, _ = self._error
            raise error if error is not None else kind()
        return self._value

    def set(self, value: Any = None) -> None:
        self._value = value
        self._done.set()

    def set_exception(self, exc_info: Any = None) -> None:
        self._error = exc_info or sys.exc_info()
        self._done.set()


class FiberRuntime:
    """What one bot process runs on. `die` ends all of it at once, as SIGKILL does."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.fibers: list[Fiber] = []
        self.is_dead = False
        self._threads: dict[int, FiberThread] = {}

    def check(self) -> None:
        """Raise where the process has been killed: nothing of it may do anything any more."""
        if self.is_dead:
            raise SimulatedCrash

    def park(self, timeout_ns: int | None) -> bool:
        """Let the running fiber wait."""
        self.check()
        was_woken = self.scheduler.park(timeout_ns)
        self.check()
        return was_woken

    def die(self) -> None:
        """End every fiber where it is. Not from inside a fiber."""
        self.is_dead = True
        for fiber in self.fibers:
            self.scheduler.kill(fiber)
        self.fibers.clear()

    def new_thread(self, target: Callable[[], None], name: str) -> FiberThread:
        thread = FiberThread(self, name, target)
        self._threads[thread.fiber.number] = thread
        return thread

    def current_thread(self) -> FiberThread:
        running = self.scheduler.running
        assert running is not None
        return self._threads[running.number]

    def new_queue(self) -> FiberQueue[Any]:
        return FiberQueue(self)

    def new_lock(self) -> FiberLock:
        return FiberLock(self)

    def new_event(self) -> FiberEvent:
        return FiberEvent(self)

    def new_condition(self) -> FiberCondition:
        return FiberCondition(self)

    def new_future(self) -> FiberFuture:
        return FiberFuture()

    def pause(self, seconds: float) -> None:
        """Let the others that may run go first."""
        del seconds
        running = self.scheduler.running
        if running is not None:
            self.scheduler.after(0, lambda: self.scheduler.wake(running))
            self.park(None)
