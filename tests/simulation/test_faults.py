"""The plan of what goes wrong."""

from pathlib import Path

import pytest

from tests.simulation.faults import KINDS, Fault, described, plan_for, read_plan
from tests.simulation.harm import _LINE, Harm
from tests.simulation.world import World

HOUR = 3600.0


def test_a_plan_comes_from_its_seed_alone() -> None:
    assert plan_for(5, "aster", HOUR) == plan_for(5, "aster", HOUR)
    assert plan_for(5, "aster", HOUR) != plan_for(6, "aster", HOUR)


def test_over_some_seeds_every_kind_comes_up_and_every_kind_is_missing_somewhere() -> None:
    for venue in ("aster", "backpack", "lighter"):
        plans = [{fault.kind for fault in plan_for(seed, venue, 4 * HOUR)} for seed in range(60)]
        assert set().union(*plans) == {name for name, kind in KINDS.items() if venue in kind.venues}
        assert not set.intersection(*plans)


def test_a_plan_leaves_time_to_recover() -> None:
    assert all(fault.at_s <= HOUR * 0.95 for fault in plan_for(1, "backpack", HOUR, density=5))


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    """Every kind has its own stream: what is added at the end moves nothing before."""
    short = plan_for(8, "lighter", HOUR)
    long = plan_for(8, "lighter", 2 * HOUR)
    assert set(short) <= set(long)


def test_a_plan_is_read_back_from_its_text() -> None:
    plan = plan_for(3, "aster", 600)
    again = read_plan(described(plan))
    assert [(fault.kind, fault.where) for fault in again] == [(fault.kind, fault.where) for fault in plan]
    assert read_plan(described(again)) == again


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="'earthquake' is no kind of fault"):
        read_plan("earthquake::1@5")


def test_every_kind_is_carried_out_by_somebody(tmp_path: Path) -> None:
    world = World(1, "aster", tmp_path)
    assert set(KINDS) == set(_LINE) | set(Harm(world)._acts)


def test_what_a_healed_venue_still_had_in_store_happens_no_more(tmp_path: Path) -> None:
    """A bot that was down while they came would else meet all of them at its next start."""
    with World(1, "backpack", tmp_path) as world:
        for _ in range(9):
            world.harm.inflict(Fault("mishap", at_s=0, where="lost_request"))
        world.harm.heal()
        assert world.host.venue.face.mishaps.take("GET", "time") is None
