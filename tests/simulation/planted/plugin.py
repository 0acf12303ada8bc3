"""A pytest plugin that keeps a planted defect in place for a whole run, see `hunting.hunt_by_test`."""

import os
from collections.abc import Iterator

import pytest

from tests.simulation.planted import PLANTED
from tests.simulation.planted.hunting import PLANTED_VARIABLE


@pytest.fixture(autouse=True)
def planted_defect() -> Iterator[None]:
    """Put the defect in place that the environment names."""
    with PLANTED[os.environ[PLANTED_VARIABLE]].in_place():
        yield
