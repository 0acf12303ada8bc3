"""Streams that look open."""

import pytest

from actors.stream_watch import StreamWatch
from actors.watches import CONNECTING_NS, DEAF_NS, READER_GRACE_NS

SECOND = 1_000_000_000
DEAD_AFTER_S = 8.0
OPEN_NS = 100 * SECOND


@pytest.fixture
def watch():
    found = StreamWatch(OPEN_NS - SECOND, DEAD_AFTER_S)
    found.opened(OPEN_NS)
    return found


def test_a_quiet_stream_that_answers_pings_is_well(watch):
    for second in range(0, 3600, 10):
        now_ns = OPEN_NS + second * SECOND
        assert watch.problem(now_ns, now_ns) == ""


def test_a_reader_that_does_not_end_a_dead_connection_is_given_up():
    watch = StreamWatch(OPEN_NS, DEAD_AFTER_S)
    watch.opened(OPEN_NS)
    limit_ns = OPEN_NS + int(DEAD_AFTER_S * SECOND) + READER_GRACE_NS
    assert watch.problem(limit_ns, OPEN_NS) == ""
    assert "thread" in watch.problem(limit_ns + 1, OPEN_NS)


def test_a_reader_that_does_not_finish_connecting_is_given_up():
    watch = StreamWatch(OPEN_NS, DEAD_AFTER_S)
    assert watch.problem(OPEN_NS + CONNECTING_NS, 0) == ""
    assert "no connection" in watch.problem(OPEN_NS + CONNECTING_NS + 1, 0)


def test_a_stream_that_says_nothing_of_what_happened_is_deaf(watch):
    watch.expect(OPEN_NS + SECOND)
    watch.expect(OPEN_NS + 20 * SECOND)  # the first is what counts
    due_ns = OPEN_NS + SECOND + DEAF_NS
    assert watch.problem(due_ns, due_ns) == ""
    assert "silent" in watch.problem(due_ns + 1, due_ns)


def test_any_report_shows_that_it_hears(watch):
    watch.expect(OPEN_NS + SECOND)
    watch.heard(OPEN_NS + 2 * SECOND)
    late_ns = OPEN_NS + 100 * SECOND
    assert watch.problem(late_ns, late_ns) == ""


def test_a_report_that_was_quicker_than_the_answer_counts(watch):
    watch.heard(OPEN_NS + 2 * SECOND)
    watch.expect(OPEN_NS + SECOND)  # sent then, answered after the stream had told it
    late_ns = OPEN_NS + 100 * SECOND
    assert watch.problem(late_ns, late_ns) == ""
