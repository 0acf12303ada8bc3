import pytest

from actors.grid import inquiry
from actors.grid.state import Cancellation, Inquiry

SECOND_NS = 1_000_000_000


def test_waits_grow_to_the_limit():
    found = inquiry.begin("why", fence_ns=0, at_ns=0)
    waits = []
    now_ns = 0
    for _ in range(6):
        found = inquiry.asked(found, now_ns)
        waits.append((found.next_ns - now_ns) / SECOND_NS)
        now_ns = found.next_ns
    assert waits == [0.5, 1, 2, 4, 5, 5]


def test_absence_counts_only_after_the_fence_and_once_per_question():
    found = inquiry.begin("why", fence_ns=10, at_ns=0)
    for asked_ns, count in ((9, 0), (10, 0), (11, 1), (11, 1), (5, 1), (12, 2)):
        found = inquiry.absent(found, asked_ns, asked_ns)
        assert found.absences == count


def test_an_absence_that_nobody_asked_for_here_delays_the_next_question_too():
    found = inquiry.begin("restored", fence_ns=0, at_ns=100)
    found = inquiry.absent(found, 90, 100)
    assert (found.absences, found.next_ns) == (1, 100 + inquiry.PROOF_WAIT_NS)
    later = inquiry.absent(found, 110, 120)
    assert (later.absences, later.next_ns) == (2, found.next_ns)


def test_once_an_absence_counts_the_others_are_asked_for_soon():
    """Found by the simulation: an exit whose request was lost waited 12 s longer than its fence to be placed again."""
    found = inquiry.begin("why", fence_ns=0, at_ns=0)
    for _ in range(5):
        found = inquiry.asked(found, found.next_ns)
    now_ns, waits = SECOND_NS * 60, []
    for _ in range(3):
        found = inquiry.absent(found, now_ns, now_ns)
        waits.append((found.next_ns - now_ns) / SECOND_NS)
        now_ns = found.next_ns
        found = inquiry.asked(found, now_ns)
    assert found.absences == 3
    assert waits == [1, 1, 2]


def test_nothing_is_asked_shortly_before_a_fence():
    near = inquiry.begin("why", fence_ns=3 * SECOND_NS, at_ns=0)
    assert inquiry.absent(near, 0, 1).next_ns == 3 * SECOND_NS + 1
    far = inquiry.begin("why", fence_ns=60 * SECOND_NS, at_ns=0)
    assert inquiry.absent(far, 0, 1).next_ns == 1 + inquiry.FIRST_WAIT_NS


@pytest.mark.parametrize(
    ("fence_ns", "next_ns"),
    [
        # the fence has passed: by the growing wait
        (99, 100 + inquiry.FIRST_WAIT_NS),
        (100, 100 + inquiry.FIRST_WAIT_NS),
        # it is near: just behind it, but no sooner than the growing wait
        (100 + inquiry.FIRST_WAIT_NS, 100 + inquiry.FIRST_WAIT_NS + 1),
        (100 + inquiry.LONGEST_WAIT_NS, 100 + inquiry.LONGEST_WAIT_NS + 1),
        # it is far: meanwhile the order may turn up
        (100 + inquiry.LONGEST_WAIT_NS + 1, 100 + inquiry.FIRST_WAIT_NS),
    ],
)
def test_an_absence_that_proves_nothing_puts_the_next_question_behind_a_near_fence(fence_ns, next_ns):
    found = inquiry.begin("why", fence_ns=fence_ns, at_ns=100)
    assert inquiry.absent(found, 50, 100) == Inquiry(
        why="why", fence_ns=fence_ns, next_ns=next_ns, wait_ns=inquiry.FIRST_WAIT_NS
    )


def test_a_question_that_is_due_later_stays_due_then():
    found = inquiry.begin("why", fence_ns=0, at_ns=101)
    assert inquiry.absent(found, 0, 100).next_ns == 101


def test_only_the_first_absence_that_counts_changes_the_pace():
    found = inquiry.begin("why", fence_ns=10, at_ns=100)
    first = inquiry.absent(found, 11, 100)
    assert first == Inquiry(
        why="why",
        fence_ns=10,
        next_ns=100 + inquiry.PROOF_WAIT_NS,
        wait_ns=inquiry.PROOF_WAIT_NS,
        absences=1,
        absent_ns=11,
    )
    now_ns = first.next_ns
    second = inquiry.absent(inquiry.asked(first, now_ns), now_ns, now_ns)
    assert (second.absences, second.absent_ns) == (2, now_ns)
    assert (second.next_ns, second.wait_ns) == (now_ns + inquiry.PROOF_WAIT_NS, 2 * inquiry.PROOF_WAIT_NS)


def test_cancellation_waits_for_an_answer():
    assert inquiry.cancellation("stop", 5) == Cancellation(why="stop", next_ns=5 + inquiry.CANCEL_WAIT_NS)
