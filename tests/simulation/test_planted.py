"""The simulation is itself tested: defects planted into the bot are seen (all of them by `.ci/nightly`)."""

import json
import pkgutil

import pytest

from tests.simulation.catalogue import ROWS
from tests.simulation.named_tests import exists
from tests.simulation.planted import HANDLERS, PLANTED, SEEDED, Bug
from tests.simulation.planted.__main__ import main
from tests.simulation.planted.hunting import hunt, run_of
from tests.simulation.runs import carry_out

pytestmark = pytest.mark.timeout(300)

CHEAPEST = ("exit-not-reduce-only", "price-off-tick", "unknown-is-refused", "overwritten-fill", "absent-is-filled")


def test_the_eleven_causes_and_nine_more_rows_are_planted() -> None:
    sources = " ".join(bug.source for bug in SEEDED.values())
    assert [cause for cause in range(1, 12) if f"A.2 cause {cause}" not in sources] == []
    assert sum("ORIGIN.md A.6 #" in bug.source for bug in SEEDED.values()) >= 20
    assert len(PLANTED) == len(SEEDED) + len(HANDLERS)


def test_every_handler_names_rows_of_the_catalogue() -> None:
    assert {name: bug.source for name, bug in HANDLERS.items() if not set(bug.source.split()) <= set(ROWS)} == {}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_defect_is_put_in_place_and_taken_out_again(name: str) -> None:
    bug = PLANTED[name]
    before = [resolve(target) for target, _ in bug.patches]
    with bug.in_place():
        assert [resolve(target) for target, _ in bug.patches] == [wrong for _, wrong in bug.patches]
    assert [resolve(target) for target, _ in bug.patches] == before
    assert not bug.unit_test or exists(bug.unit_test)


def resolve(target: str) -> object:
    """Return what a dotted name stands for now."""
    return pkgutil.resolve_name(target)


@pytest.mark.parametrize("name", CHEAPEST)
def test_a_planted_defect_is_caught_by_the_seed_that_is_known_to_or_by_another(name: str) -> None:
    """A change of the simulation moves what a seed does: then one of the next has to see it."""
    bug = SEEDED[name]
    found = hunt(bug, [bug.seed, *(seed for seed in range(12) if seed != bug.seed)])
    assert found.is_caught
    assert found.rule
    assert found.at_s > 0


def test_nothing_is_caught_where_nothing_is_planted() -> None:
    nothing = Bug(name="nothing", source="-", what="Nothing is different.", patches=())
    assert not hunt(nothing, [1]).is_caught


def test_the_command_prints_the_table_and_fails_where_one_is_missed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANTED, "nothing", Bug(name="nothing", source="-", what="Nothing is different.", patches=()))
    assert main(["--bug", "price-off-tick", "--bug", "nothing", "--seeds", "1", "--patience", "0"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["price-off-tick", "0", "aster", "S13"]
    assert "MISSED" in lines[2]
    assert lines[3] == "1 of 2 planted defects caught; not caught: nothing"
    assert main(["--bug", "price-off-tick", "--patience", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["missed"] == []
    assert told["planted"][0]["faults"] <= told["planted"][0]["plan_before"]


def test_a_seed_of_a_hunt_breaks_no_rule_by_itself() -> None:
    assert [str(found) for found in carry_out(run_of(2)).violations] == []
