"""Standing aside for an exit: how long, and that it always comes back."""

from actors.give_way import Urgency, give_way, no_pause
from exchanges.clock import SystemClock
from tests.fakes import FakeClock

MS = 1_000_000


def duration_ns(call) -> int:
    clock = SystemClock()
    before_ns = clock.monotonic_ns()
    call()
    return clock.monotonic_ns() - before_ns


def test_giving_way_lasts_a_millisecond_and_less_where_more_work_waits():
    assert duration_ns(lambda: give_way(more_waits=False)) >= MS
    assert min(duration_ns(lambda: give_way(more_waits=True)) for _ in range(50)) < MS
    assert min(duration_ns(lambda: no_pause(more_waits=False)) for _ in range(50)) < MS // 10


def test_who_has_time_waits_until_the_exit_of_a_frame_has_left():
    clock = SystemClock()
    urgency = Urgency(clock)
    assert min(duration_ns(urgency.breathe) for _ in range(50)) < MS // 2
    urgency.note(clock.monotonic_ns())
    assert duration_ns(urgency.breathe) >= MS // 2


def test_rest_lasts_a_millisecond():
    assert duration_ns(Urgency(SystemClock()).rest) >= MS


def test_waiting_ends_although_frames_keep_coming():
    clock = FakeClock()  # stands still: the frame stays new
    urgency = Urgency(clock)
    urgency.note(clock.monotonic_ns())
    assert duration_ns(urgency.breathe) >= 2 * MS
