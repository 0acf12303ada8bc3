"""Seeded disturbances of private streams (exchanges.simulated.faults)."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulated.faults import FaultPlan, FaultSettings

D = Decimal
SECOND = 1_000_000_000


def run(plan: FaultPlan, count: int) -> list[str]:
    sent: list[str] = []
    for number in range(count):
        sent.extend(plan.frames(str(number)))
    sent.extend(plan.flush())
    return sent


def test_without_faults_everything_goes_out_as_it_came():
    plan = FaultPlan(FaultSettings(), 1)
    assert run(plan, 100) == [str(number) for number in range(100)]
    assert plan.counts == {"duplicate": 0, "reorder": 0, "drop": 0, "disconnect": 0}
    assert not plan.disconnect_due(10**18)
    assert plan.next_disconnect_ns() is None


def test_always_duplicate_drop_or_reorder():
    assert run(FaultPlan(FaultSettings(duplicate_pct=D(100)), 1), 3) == ["0", "0", "1", "1", "2", "2"]
    assert run(FaultPlan(FaultSettings(drop_pct=D(100)), 1), 3) == []
    assert run(FaultPlan(FaultSettings(reorder_pct=D(100)), 1), 5) == ["1", "0", "3", "2", "4"]


def test_a_held_frame_waits_for_the_next_one_or_for_the_flush():
    plan = FaultPlan(FaultSettings(reorder_pct=D(100)), 1)
    assert plan.frames("a") == ()
    assert plan.is_holding
    assert plan.flush() == ("a",)
    assert not plan.is_holding
    assert plan.flush() == ()


def test_the_same_seed_gives_the_same_faults_and_another_one_others():
    settings = FaultSettings(duplicate_pct=D(20), reorder_pct=D(20), drop_pct=D(20))
    assert run(FaultPlan(settings, 4), 300) == run(FaultPlan(settings, 4), 300)
    assert run(FaultPlan(settings, 4), 300) != run(FaultPlan(settings, 5), 300)


def test_switching_one_kind_off_moves_no_decision_of_another():
    both = run(FaultPlan(FaultSettings(duplicate_pct=D(30), drop_pct=D(30)), 9), 500)
    only = run(FaultPlan(FaultSettings(drop_pct=D(30)), 9), 500)
    assert sorted(set(both), key=int) == only


@given(seed=st.integers(0, 1000), duplicate=st.integers(0, 100), reorder=st.integers(0, 100), drop=st.integers(0, 100))
def test_counts_explain_what_was_sent(seed, duplicate, reorder, drop):
    settings = FaultSettings(duplicate_pct=D(duplicate), reorder_pct=D(reorder), drop_pct=D(drop))
    plan = FaultPlan(settings, seed)
    sent = Counter(run(plan, 80))
    assert sum(sent.values()) == 80 - plan.counts["drop"] + plan.counts["duplicate"]
    assert len(sent) == 80 - plan.counts["drop"]
    assert max(sent.values(), default=0) <= 2


def test_cuts_come_about_as_often_as_asked_and_are_reported_once():
    plan = FaultPlan(FaultSettings(disconnect_every_s=D(10)), 3)
    cuts = [second / 10 for second in range(10_000) if plan.disconnect_due(second * SECOND // 10)]
    assert 80 <= len(cuts) <= 120
    assert plan.counts["disconnect"] == len(cuts)
    gaps = [later - sooner for sooner, later in pairwise(cuts)]
    assert min(gaps) >= 4.9
    assert max(gaps) <= 15.2
    assert plan.next_disconnect_ns() is not None
