from actors.grid import inquiry

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
        found = inquiry.absent(found, asked_ns)
        assert found.absences == count


def test_cancellation_waits_for_an_answer():
    assert inquiry.cancellation("stop", 5).next_ns == 5 + inquiry.CANCEL_WAIT_NS
