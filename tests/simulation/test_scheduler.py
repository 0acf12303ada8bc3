"""Fibers, waiting and virtual time."""

from queue import Empty

import pytest

from tests.simulation.fibers import FiberRuntime
from tests.simulation.scheduler import Scheduler, Stuck

MS = 1_000_000


def run(scheduler: Scheduler, until_ns: int = 10**12) -> None:
    scheduler.run_until(until_ns, lambda: None, done=lambda: False)


def test_time_moves_only_when_nobody_can_run() -> None:
    scheduler = Scheduler(1)
    runtime = FiberRuntime(scheduler)
    seen: list[tuple[str, int]] = []

    def sleeper() -> None:
        event = runtime.new_event()
        event.wait(0.005)
        seen.append(("slept", scheduler.now_ns))

    runtime.new_thread(sleeper, "sleeper").start()
    runtime.new_thread(lambda: seen.append(("ran", scheduler.now_ns)), "runner").start()
    run(scheduler)
    assert seen == [("ran", 0), ("slept", 5 * MS)]


def test_a_queue_wakes_its_consumer_and_gives_up_after_its_time() -> None:
    scheduler = Scheduler(1)
    runtime = FiberRuntime(scheduler)
    queue = runtime.new_queue()
    got: list[object] = []

    def consumer() -> None:
        got.append(queue.get(timeout=1.0))
        try:
            queue.get(timeout=0.002)
        except Empty:
            got.append(("empty", scheduler.now_ns))

    runtime.new_thread(consumer, "consumer").start()
    scheduler.after(3 * MS, lambda: queue.put("item"))
    run(scheduler)
    assert got == ["item", ("empty", 5 * MS)]


def test_a_lock_is_held_by_one() -> None:
    scheduler = Scheduler(3)
    runtime = FiberRuntime(scheduler)
    lock = runtime.new_lock()
    inside: list[str] = []

    def holder(name: str) -> None:
        with lock:
            inside.append(f"+{name}")
            runtime.new_event().wait(0.001)
            inside.append(f"-{name}")

    for name in "abc":
        runtime.new_thread(lambda name=name: holder(name), name).start()
    run(scheduler)
    assert [entry[0] for entry in inside] == ["+", "-"] * 3
    assert all(inside[i][1:] == inside[i + 1][1:] for i in (0, 2, 4))


def test_a_lock_can_be_given_up_on() -> None:
    scheduler = Scheduler(3)
    runtime = FiberRuntime(scheduler)
    lock = runtime.new_lock()
    assert lock.acquire()
    tried: list[bool] = []
    runtime.new_thread(lambda: tried.append(lock.acquire(timeout=0.01)), "waiting").start()
    run(scheduler)
    assert tried == [False]


def test_a_condition_is_waited_for() -> None:
    scheduler = Scheduler(3)
    runtime = FiberRuntime(scheduler)
    condition = runtime.new_condition()
    woken: list[tuple[bool, int]] = []

    def waiting() -> None:
        with condition:
            woken.append((condition.wait(1.0), scheduler.now_ns))
            woken.append((condition.wait(0.004), scheduler.now_ns))

    def notifying() -> None:
        runtime.new_event().wait(0.002)
        with condition:
            condition.notify()

    runtime.new_thread(waiting, "waiting").start()
    runtime.new_thread(notifying, "notifying").start()
    run(scheduler)
    assert woken == [(True, 2 * MS), (False, 6 * MS)]


def test_a_thread_is_joined() -> None:
    scheduler = Scheduler(1)
    runtime = FiberRuntime(scheduler)
    order: list[str] = []

    def work() -> None:
        runtime.new_event().wait(0.01)
        order.append("worker")

    worker = runtime.new_thread(work, "worker")

    def joiner() -> None:
        worker.join(1.0)
        order.append("joined")

    worker.start()
    runtime.new_thread(joiner, "joiner").start()
    run(scheduler)
    assert order == ["worker", "joined"]
    assert not worker.is_alive()


def test_a_killed_process_does_nothing_any_more() -> None:
    scheduler = Scheduler(1)
    runtime = FiberRuntime(scheduler)
    queue, unwound = runtime.new_queue(), []

    def forever() -> None:
        try:
            queue.get()
        finally:
            queue.put("a last word")
            unwound.append("unwound")

    runtime.new_thread(forever, "forever").start()
    run(scheduler, 10 * MS)
    runtime.die()
    assert unwound == ["unwound"]
    assert queue.empty()
    run(scheduler)


def test_a_frozen_fiber_waits_until_it_is_thawed() -> None:
    scheduler = Scheduler(1)
    runtime = FiberRuntime(scheduler)
    seen: list[int] = []
    thread = runtime.new_thread(lambda: seen.append(scheduler.now_ns), "frozen")
    thread.start()
    scheduler.freeze(thread.fiber)
    scheduler.after(7 * MS, lambda: scheduler.thaw(thread.fiber))
    run(scheduler)
    assert seen == [7 * MS]


def test_waiting_outside_a_fiber_is_an_error() -> None:
    with pytest.raises(Stuck, match="outside a fiber"):
        Scheduler(1).park()


def test_a_world_that_does_not_move_is_an_error() -> None:
    scheduler = Scheduler(1, most_turns_at_once=50)
    runtime = FiberRuntime(scheduler)

    def spinning() -> None:
        while True:
            runtime.pause(0)

    runtime.new_thread(spinning, "spinning").start()
    with pytest.raises(Stuck, match="without time passing"):
        run(scheduler)
    runtime.die()


def order_of(seed: int) -> list[int]:
    scheduler = Scheduler(seed)
    runtime = FiberRuntime(scheduler)
    order: list[int] = []
    for number in range(5):
        runtime.new_thread(lambda number=number: order.append(number), str(number)).start()
    run(scheduler)
    return order


def test_the_seed_draws_who_runs_next() -> None:
    orders = [order_of(seed) for seed in range(30)]
    assert orders[4] == order_of(4)
    assert len({tuple(order) for order in orders}) > 20
