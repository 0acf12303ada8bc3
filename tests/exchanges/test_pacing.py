"""The request budget: never overdrawn in any window, exits and cancels always have their share."""

import random
import threading
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.pacing import SECOND_NS, RateBudget, backoff
from exchanges.venue import RateLimit, RequestKind

QUERY, ENTRY, EXIT, CANCEL = RequestKind.QUERY, RequestKind.ENTRY, RequestKind.EXIT, RequestKind.CANCEL
NOW = 1_000 * SECOND_NS


def weight(amount: int, per_s: float = 60.0) -> RateLimit:
    return RateLimit(unit="weight", amount=amount, per_s=per_s)


def orders(amount: int, per_s: float = 10.0) -> RateLimit:
    return RateLimit(unit="order", amount=amount, per_s=per_s)


def test_what_fits_goes_at_once_and_the_rest_waits_for_the_window():
    budget = RateBudget([weight(10)], reserved_pct=0)
    assert [budget.take(QUERY, 5, 0, NOW) for _ in range(2)] == [0, 0]
    assert budget.take(QUERY, 1, 0, NOW + 1) == 60 * SECOND_NS - 1
    assert budget.take(QUERY, 1, 0, NOW + 60 * SECOND_NS - 1) == 1
    assert budget.take(QUERY, 10, 0, NOW + 60 * SECOND_NS) == 0


def test_waiting_spends_nothing():
    budget = RateBudget([weight(10), orders(1)], reserved_pct=0)
    assert budget.take(ENTRY, 1, 1, NOW) == 0
    for _ in range(50):
        assert budget.take(ENTRY, 9, 1, NOW) == 10 * SECOND_NS
    assert budget.take(QUERY, 9, 0, NOW) == 0


def test_wait_ends_when_enough_of_the_past_is_over():
    budget = RateBudget([weight(10)], reserved_pct=0)
    budget.take(QUERY, 4, 0, NOW)
    budget.take(QUERY, 4, 0, NOW + 10 * SECOND_NS)
    assert budget.take(QUERY, 3, 0, NOW + 20 * SECOND_NS) == 40 * SECOND_NS
    assert budget.take(QUERY, 7, 0, NOW + 20 * SECOND_NS) == 50 * SECOND_NS


def test_longest_of_all_waits_counts():
    budget = RateBudget([orders(1, 10.0), orders(2, 60.0), weight(100)], reserved_pct=0)
    assert budget.take(ENTRY, 1, 1, NOW) == 0
    assert budget.take(ENTRY, 1, 1, NOW) == 10 * SECOND_NS
    assert budget.take(ENTRY, 1, 1, NOW + 10 * SECOND_NS) == 0
    assert budget.take(ENTRY, 1, 1, NOW + 20 * SECOND_NS) == 40 * SECOND_NS


@pytest.mark.parametrize("kind", [EXIT, CANCEL])
def test_exits_and_cancels_have_a_share_of_their_own(kind):
    # RELIABILITY.md O6, S15
    budget = RateBudget([weight(10)], reserved_pct=20)
    while budget.take(QUERY, 1, 0, NOW) == 0:
        pass
    assert budget.take(ENTRY, 1, 1, NOW) > 0
    assert [budget.take(kind, 1, 1, NOW) for _ in range(2)] == [0, 0]
    assert budget.take(kind, 1, 1, NOW) > 0


def test_order_budget_is_spent_by_orders_only():
    budget = RateBudget([orders(1)], reserved_pct=0)
    assert all(budget.take(QUERY, 1, 0, NOW) == 0 for _ in range(100))
    assert budget.take(ENTRY, 1, 1, NOW) == 0


def test_cost_above_the_whole_budget_goes_alone():
    budget = RateBudget([weight(10)], reserved_pct=50)
    assert budget.take(QUERY, 30, 0, NOW) == 0
    assert budget.take(EXIT, 1, 0, NOW) == 60 * SECOND_NS
    assert budget.take(QUERY, 30, 0, NOW + 30 * SECOND_NS) == 30 * SECOND_NS


def test_penalty_holds_everything_and_is_never_shortened():
    # RELIABILITY.md O6, O7
    budget = RateBudget([weight(10)])
    budget.penalize(NOW + 5 * SECOND_NS)
    budget.penalize(NOW + 1 * SECOND_NS)
    assert budget.take(CANCEL, 1, 0, NOW) == 5 * SECOND_NS
    assert budget.take(CANCEL, 1, 0, NOW + 5 * SECOND_NS) == 0


def test_penalty_applies_without_any_limit():
    budget = RateBudget([])
    assert budget.take(QUERY, 1, 0, NOW) == 0
    budget.penalize(NOW + 1)
    assert budget.take(QUERY, 1, 0, NOW) == 1


def test_count_of_the_venue_is_taken_over_when_it_is_higher():
    budget = RateBudget([weight(5, 1.0), weight(10, 60.0), orders(3)], reserved_pct=0)
    budget.take(QUERY, 2, 0, NOW)
    budget.observe(1, NOW)
    assert budget.take(QUERY, 1, 0, NOW + SECOND_NS) == 0
    budget.observe(10, NOW + SECOND_NS)
    assert budget.take(QUERY, 1, 0, NOW + 2 * SECOND_NS) > 0
    assert budget.take(QUERY, 1, 0, NOW + 61 * SECOND_NS) == 0


def test_lower_count_of_the_venue_gives_nothing_back():
    budget = RateBudget([weight(10)], reserved_pct=0)
    budget.take(QUERY, 9, 0, NOW)
    budget.observe(1, NOW)
    assert budget.take(QUERY, 2, 0, NOW) == 60 * SECOND_NS


def test_count_of_the_venue_without_a_weight_limit_changes_nothing():
    budget = RateBudget([orders(1)], reserved_pct=0)
    budget.observe(10_000, NOW)
    assert budget.take(ENTRY, 1, 1, NOW) == 0


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        ([weight(0)], 0),
        ([weight(1, 0.0)], 0),
        ([RateLimit(unit="raw", amount=1, per_s=1.0)], 0),
        ([], 100),
        ([], -1),
    ],
)
def test_unusable_limits_are_refused(limits, share):
    with pytest.raises(ValueError, match=r"limit|share"):
        RateBudget(limits, share)


REQUESTS = st.lists(
    st.tuples(st.sampled_from([QUERY, ENTRY, EXIT, CANCEL]), st.integers(1, 6), st.integers(0, 3 * SECOND_NS)),
    min_size=1,
    max_size=120,
)


@given(REQUESTS, st.integers(6, 30), st.integers(0, 60))
def test_no_window_anywhere_holds_more_than_the_limit_and_obeyed_waits_end(requests, amount, share):
    budget = RateBudget([weight(amount, 5.0)], reserved_pct=share)
    spent: list[tuple[int, int]] = []
    now_ns = NOW
    for kind, cost, pause_ns in requests:
        now_ns += pause_ns
        for _ in range(3):
            wait_ns = budget.take(kind, cost, 0, now_ns)
            if wait_ns == 0:
                break
            now_ns += wait_ns
        assert wait_ns == 0, "one thread that waits as told gets its turn"
        spent.append((now_ns, cost))
    for start_ns, _ in spent:
        assert sum(cost for at_ns, cost in spent if start_ns <= at_ns < start_ns + 5 * SECOND_NS) <= amount


def test_many_threads_never_spend_more_than_there_is():
    budget = RateBudget([weight(500)], reserved_pct=0)
    taken: list[int] = []
    start = threading.Barrier(4)

    def lane() -> None:
        start.wait()
        taken.append(sum(budget.take(QUERY, 1, 0, NOW) == 0 for _ in range(400)))

    threads = [threading.Thread(target=lane) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 500


@given(st.integers(0, 1 << 30))
def test_backoff_doubles_to_its_cap_and_is_drawn_from_the_upper_half(seed):
    waits = list(islice(backoff(random.Random(seed), 0.5, 10.0), 12))
    spans = [min(0.5 * 2**attempt, 10.0) for attempt in range(12)]
    assert all(span / 2 <= wait <= span for wait, span in zip(waits, spans, strict=True))
    assert waits == list(islice(backoff(random.Random(seed), 0.5, 10.0), 12))


def test_backoff_never_exceeds_a_cap_below_its_start():
    assert all(wait <= 1.0 for wait in islice(backoff(random.Random(1), 5.0, 1.0), 5))


def test_backoff_differs_between_clients():
    waits = [next(backoff(random.Random(seed), 1.0, 10.0)) for seed in range(10)]
    assert all(one != other for one, other in pairwise(waits))
