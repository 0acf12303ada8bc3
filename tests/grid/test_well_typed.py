"""The check of types itself: it finds what is wrong at any depth, and takes what is right."""

from dataclasses import replace

import pytest
from typeguard import TypeCheckError

from actors.grid import inquiry
from actors.grid.state import Step
from tests.grid.harness import Harness
from tests.grid.well_typed import WellTyped


def test_a_state_as_the_core_makes_it_passes():
    grid = Harness()
    WellTyped().check(grid.state)
    WellTyped().check(grid.exits)


def test_a_text_that_is_none_is_found_in_the_depth():
    grid = Harness()
    grid.fill("c1", "t1", "1.000")
    [lot] = grid.exits.lots
    broken = replace(grid.exits, lots=(replace(lot, blocked=None),))
    with pytest.raises(TypeCheckError, match="str"):
        WellTyped().check(broken)


def test_what_is_wrong_inside_a_record_in_a_record_is_found():
    grid = Harness()
    broken = replace(grid.state, pending=replace(grid.state.pending, inquiry=inquiry.begin(None, fence_ns=1, at_ns=1)))
    with pytest.raises(TypeCheckError, match="str"):
        WellTyped().check(Step(broken))


def test_a_flag_that_is_a_number_is_found():
    with pytest.raises(TypeCheckError, match="bool"):
        WellTyped().check(replace(Harness().exits, wants_price=1))


def test_what_was_checked_once_is_not_checked_again_but_what_is_new_is():
    grid = Harness()
    types = WellTyped()
    types.check(grid.exits)
    with pytest.raises(TypeCheckError):
        types.check(replace(grid.exits, is_connected=None))
