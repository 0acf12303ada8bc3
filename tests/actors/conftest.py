"""Fixtures that several modules of this folder share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.actors.connection_desk import Desk


@pytest.fixture
def make_desk() -> Iterator[Callable[..., Desk]]:
    """Make connections, each on a desk of its own, that end with the test."""
    desks: list[Desk] = []

    def build(**changes: Any) -> Desk:
        desks.append(Desk(**changes))
        return desks[-1]

    yield build
    for desk in desks:
        desk.ref.stop(timeout=2)
