"""A journal in a folder of its own, on a clock that stands still."""

import pytest

from tests.actors.journal.desk import journal_desk
from tests.fakes import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def desk(tmp_path, clock):
    with journal_desk(tmp_path / "state", clock) as made:
        yield made
