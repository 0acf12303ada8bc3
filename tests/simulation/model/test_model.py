"""The right rule has no bad state, every wrong one has a short way to one, and the search itself is awake."""

import pytest

from tests.simulation.model.__main__ import refute
from tests.simulation.model.explore import explore
from tests.simulation.model.models import BIG, SMALL, named
from tests.simulation.model.rules import WRONG_RULES


def test_the_rules_of_the_bot_lead_to_no_bad_state():
    verdict = explore(named("aster entry"))
    assert verdict.problem == "", "\n".join(verdict.way)
    assert verdict.states > 10_000
    assert verdict.edges > 2 * verdict.states
    assert verdict.conclusions > 1_000


@pytest.mark.parametrize("rule", WRONG_RULES, ids=lambda rule: rule.name)
def test_a_wrong_rule_is_refuted(rule):
    verdict = refute(rule)
    assert verdict.problem
    assert verdict.way[-1].startswith("now: ")
    assert 2 <= len(verdict.way) <= 20


def test_a_wrong_rule_leaves_the_bot_as_it_was():
    rule = next(rule for rule in WRONG_RULES if rule.name == "timeout = rejected")
    assert refute(rule).states < 100
    assert explore(named("aster entry"), most_states=1_000).problem == ""


def test_without_the_way_a_bad_state_is_found_all_the_same():
    rule = next(rule for rule in WRONG_RULES if rule.name == "absent = rejected")
    with rule.follow():
        verdict = explore(named("aster entry"), keeps_way=False)
    assert (bool(verdict.problem), verdict.way) == (True, ())


def test_models_and_rules_have_names_of_their_own():
    names = [setup.name for setup in (*SMALL, *BIG)]
    assert len(set(names)) == len(names)
    assert len({rule.name for rule in WRONG_RULES}) == len(WRONG_RULES)
    assert {name for rule in WRONG_RULES for name in rule.refuted_by} <= set(names)
