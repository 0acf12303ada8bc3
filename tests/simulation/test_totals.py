"""What runs add up to, and what a gate asks of them."""

from tests.simulation.faults import KINDS
from tests.simulation.runs import Outcome, Run
from tests.simulation.totals import Totals, told


def outcome(lots: int, fired: dict[str, int]) -> Outcome:
    return Outcome(Run(1, "aster", 1.0), (), fired, simulated_s=3600.0, turns=10, lives=2, trades=7, lots=lots)


def test_a_lively_run_with_every_kind_of_fault_passes_the_gate() -> None:
    totals = Totals()
    totals.add(outcome(40, dict.fromkeys(KINDS, 5)))
    totals.add(outcome(80, {}))
    assert totals.missing() == []
    record = totals.record(2.0, 0)
    assert (record["simulated_hours"], record["hours_per_wall_s"], record["lots_per_hour"]) == (2.0, 1.0, 60.0)
    assert record["faults_per_hour"] == round(5 * len(KINDS) / 2, 1)


def test_a_gate_names_what_it_did_not_see() -> None:
    totals = Totals()
    totals.add(outcome(59, {kind: 1 for kind in KINDS if kind not in ("cut", "power")}))
    assert totals.missing() == [
        "59.0 lots were closed an hour, at least 60 are wanted",
        f"{len(KINDS) - 2}.0 faults fired an hour, at least 100 are wanted",
        "never fired: cut, power",
    ]


def test_a_record_is_told_in_lines() -> None:
    lines = told({"lots_per_hour": 61.5, "faults_by_kind": {"cut": 2, "power": 1}}).splitlines()
    assert lines == ["lots per hour     61.5", "faults by kind    cut 2, power 1"]
