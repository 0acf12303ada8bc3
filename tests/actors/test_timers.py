"""Timers: told once, in order, never after a cancel; the live thread and the fake share the heap."""

import threading

import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.messages import ActorFailed, Tick
from actors.timers import TimerHeap, Timers
from exchanges.clock import SystemClock
from tests.fakes import SECOND_NS, FakeClock, FakeTimers, Probe

MS = 1_000_000


@pytest.fixture
def timers():
    service = Timers(SystemClock(), "alpha/timers")
    service.start()
    yield service
    service.stop()


def in_ms(milliseconds):
    return SystemClock().monotonic_ns() + milliseconds * MS


def test_tick_is_told_once_and_not_early(timers):
    probe = Probe()
    when_ns = in_ms(20)
    timers.at(when_ns, probe, "a")
    assert probe.take(Tick).now_ns >= when_ns
    timers.at(in_ms(1), probe, "b")
    probe.take(Tick)
    probe.expect_none()


def test_due_time_in_the_past_is_told_at_once(timers):
    probe = Probe()
    timers.at(0, probe, "a")
    probe.take(Tick)


def test_earlier_wish_wakes_the_thread_that_waits_for_a_later_one(timers):
    late, soon = Probe(), Probe()
    timers.at(in_ms(60_000), late, "late")
    timers.at(in_ms(5), soon, "soon")
    soon.take(Tick)
    late.expect_none()


def test_wish_made_before_the_start_is_kept():
    probe = Probe()
    service = Timers(SystemClock(), "alpha/timers")
    service.at(0, probe, "a")
    service.start()
    probe.take(Tick)
    service.stop()


def test_every_repeats_until_cancel(timers):
    probe, after = Probe(), Probe()
    timers.every(2 * MS, probe, "a")
    for _ in range(3):
        probe.take(Tick)
    timers.cancel("a")
    probe.drain()
    timers.at(in_ms(10), after, "b")
    after.take(Tick)
    probe.expect_none()


def test_stop_joins_the_thread_and_nothing_is_told_after_it():
    probe = Probe()
    service = Timers(SystemClock(), "alpha/timers")
    service.start()
    service.every(1 * MS, probe, "a")
    probe.take(Tick)
    service.stop()
    probe.drain()
    assert "alpha/timers" not in {thread.name for thread in threading.enumerate()}
    probe.expect_none()
    service.stop()


def test_second_start_is_refused(timers):
    with pytest.raises(RuntimeError, match="alpha/timers"):
        timers.start()


def test_period_must_be_positive(timers):
    with pytest.raises(ValueError, match="never let the thread rest"):
        timers.every(0, Probe(), "a")


def test_dead_actor_loses_its_periodic_wish_and_the_others_go_on(timers):
    class Plain(pykka.ThreadingActor):
        pass

    ref, probe = Plain.start(), Probe()
    ref.stop()
    timers.every(1 * MS, ref, "dead")
    timers.at(in_ms(10), probe, "living")
    probe.take(Tick)


def test_address_that_breaks_is_reported_because_the_bot_would_lose_time():
    class Broken:
        def tell(self, message):
            raise RuntimeError("broken address")

    failures = Probe()
    service = Timers(SystemClock(), "alpha/timers", failures)
    service.start()
    service.at(0, Broken(), "a")
    report = failures.take(ActorFailed)
    service.stop()
    assert (report.actor, report.error) == ("alpha/timers", "RuntimeError: broken address")


def test_rearming_replaces_so_the_first_time_passes_silently():
    timers, probe = FakeTimers(), Probe()
    start = timers.clock.monotonic_ns()
    timers.at(start + 10, probe, "a")
    timers.at(start + 50, probe, "a")
    assert timers.advance(49) == 0
    assert timers.advance(1) == 1
    assert probe.take(Tick).now_ns == start + 50


def test_fake_tells_at_each_due_time_with_the_clock_standing_there():
    timers, probe = FakeTimers(FakeClock(1000, 5000)), Probe()
    timers.every(10, probe, "a")
    timers.at(1015, probe, "b")
    timers.advance(30)
    assert [(tick.now_ns, tick.wall_ns) for tick in probe.messages] == [(n, n + 4000) for n in (1010, 1015, 1020, 1030)]
    assert timers.clock.monotonic_ns() == 1030


def test_fake_honors_wishes_made_while_it_advances():
    timers, probe = FakeTimers(FakeClock(0, 0)), Probe()

    class Again:
        def tell(self, tick):
            timers.at(tick.now_ns + 5, probe, "second")

    timers.at(10, Again(), "first")
    timers.advance(20)
    assert probe.take(Tick).now_ns == 15


def test_suspended_machine_gets_one_tick_not_a_burst():
    heap, probe = TimerHeap(), Probe()
    heap.add(10, probe, "a", period_ns=10)
    assert heap.pop_due(10 * SECOND_NS) is not None
    assert heap.pop_due(10 * SECOND_NS) is None
    assert heap.next_ns() == 10 * SECOND_NS + 1


def test_heap_does_not_grow_with_rearming():
    heap, probe = TimerHeap(), Probe()
    for when_ns in range(10_000):
        heap.add(1_000_000 - when_ns, probe, "a")
    assert len(heap._heap) <= 65
    assert heap.next_ns() == 1_000_000 - 9_999


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("at"), st.sampled_from("abc"), st.integers(0, 50)),
            st.tuples(st.just("cancel"), st.sampled_from("abc"), st.just(0)),
            st.tuples(st.just("advance"), st.just(""), st.integers(0, 20)),
        )
    )
)
def test_any_schedule_tells_exactly_the_newest_wish_of_each_key(steps):
    timers = FakeTimers(FakeClock(0, 0))
    probes = {key: Probe() for key in "abc"}
    wishes: dict[str, int] = {}
    expected: dict[str, list[int]] = {key: [] for key in "abc"}
    for kind, key, number in steps:
        now = timers.clock.monotonic_ns()
        if kind == "at":
            timers.at(now + number, probes[key], key)
            wishes[key] = now + number
        elif kind == "cancel":
            timers.cancel(key)
            wishes.pop(key, None)
        else:
            timers.advance(number)
            for due in [due for due, when in wishes.items() if when <= now + number]:
                expected[due].append(wishes.pop(due))
    assert {key: [tick.now_ns for tick in probe.messages] for key, probe in probes.items()} == expected
