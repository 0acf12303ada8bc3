"""What the tests share that start `run.py` as a process of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.program import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty desk; its processes are ended after the test."""
    with open_desk(tmp_path / "desk") as made:
        yield made
