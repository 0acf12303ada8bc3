"""The simulated venues of a paper run, before any of them is started."""

from pathlib import Path

import pytest

from actors.app.paper import PaperVenues
from actors.locks import AlreadyRunning, Locks
from tests.actors.config_texts import checked


def venues(state_dir: Path) -> PaperVenues:
    settings = checked(desk={"state_dir": str(state_dir)}, paper={"fresh": "yes"}).settings
    assert settings is not None
    return PaperVenues(settings)


def test_a_fresh_account_takes_no_journal_away_from_a_bot_that_runs(tmp_path):
    state_dir = tmp_path / "state"
    with Locks().acquire(state_dir, (), 1, tmp_path / "runtime"):
        kept = [state_dir / name for name in ("journal.db", "intents.log")]
        for path in kept:
            path.touch()
        with pytest.raises(AlreadyRunning, match="in use"):
            venues(state_dir).begin()
        assert all(path.exists() for path in kept)
