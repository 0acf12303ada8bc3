"""What the cards share: each runs once per venue, on a desk of its own."""

from collections.abc import Iterator

import pytest

from exchanges.simulated import assembly
from tests.contract.desk import Desk, open_desk
from tests.contract.toy.client import VENUE as TOY_CLIENT
from tests.contract.toy.face.kit import KIT as TOY_FACE
from tests.contract.venues import SUBJECTS, Subject

TOY = Subject(TOY_CLIENT, TOY_FACE)
"""A venue made for the tests. The cards prove on it that they fit a venue nobody thought of."""


@pytest.fixture(params=[*SUBJECTS, TOY], ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    """One venue that has client and face, or the toy."""
    found: Subject = request.param
    return found


@pytest.fixture
def toy_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the toy's row into the table of faces, for one test."""
    monkeypatch.setattr(assembly, "FACES", {**assembly.FACES, TOY.name: lambda: TOY.kit})


@pytest.fixture
def desk(subject: Subject) -> Iterator[Desk]:
    """A desk that is live."""
    with open_desk(subject) as made:
        made.live()
        yield made
