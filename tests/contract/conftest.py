"""What the cards share: each runs once per venue, on a desk of its own."""

from collections.abc import Iterator

import pytest

from tests.contract.desk import Desk, open_desk
from tests.contract.venues import SUBJECTS, Subject


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    """One venue that has client and face."""
    found: Subject = request.param
    return found


@pytest.fixture
def desk(subject: Subject) -> Iterator[Desk]:
    """A desk that is live."""
    with open_desk(subject) as made:
        made.live()
        yield made
