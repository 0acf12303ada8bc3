"""SIGKILL in the middle of paper runs: after the last clean one venue and ledger are equal."""

import random
import threading
from decimal import Decimal

import pytest

from tests.system.books import Books
from tests.system.program import QUICK, Desk
from tests.system.scripted_tape import wave

pytestmark = [pytest.mark.system, pytest.mark.timeout(150)]

FAULTS = (
    "paper.fault_duplicate_pct=10",
    "paper.fault_reorder_pct=10",
    "paper.fault_drop_pct=10",
    "paper.fault_disconnect_every_s=3",
    "paper.partial_fill_pct=60",
    "desk.on_start_foreign=refuse",
    # an entry that was killed between its intent and the socket is unknown for so long
    "exchange.aster.nonce_window_s=5",
)
KILLS = 5


def test_killed_again_and_again_the_bot_finds_everything_back(desk: Desk, tmp_path) -> None:
    seed = random.randrange(1_000_000)
    source = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201 - shown by pytest where the test fails
    settings = (*QUICK, *FAULTS, *wave(tmp_path / "wave.csv.gz", seconds=150, seed=seed), f"paper.seed={seed}")
    pause = threading.Event()
    for kill in range(KILLS):
        bot = desk.start(settings=settings)
        bot.until_logged("bot_started")
        bot.until_logged("entry_order_submitted" if kill % 2 else "lot_opened")
        pause.wait(source.uniform(0, 1))  # the moment of the kill is what this test is about
        bot.kill()
        assert desk.venue.is_running
        told = desk.venue.status()
        assert told["violations"] == 0, f"{told['oracle']['list']}\n{bot.err}"
    # The last run ends with its tape, after seconds in which nothing moves: what was filled has been told by then.
    end = wave(tmp_path / "end.csv.gz", seconds=3, quiet_s=1.5, seed=seed + 1)
    last = desk.run("--for", "30s", "--json", settings=(*QUICK, "desk.on_start_foreign=refuse", *end))
    assert last.code == 0, last.err
    summary = last.summary
    assert summary["runtime_s"] < 15
    assert summary["violations"] == 0
    assert summary["unprotected_quantity"] == "0"
    assert not desk.venue.is_running
    books = Books(desk.state_dir, desk.venue.account())
    assert len(books.trades) > KILLS
    assert Decimal(summary["position"]) == books.position
    books.assert_equal()
