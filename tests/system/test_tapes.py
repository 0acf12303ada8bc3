"""Recorded markets from the notes beside the repository: the runs the issue names, shortened by a higher speed."""

from decimal import Decimal

import pytest

from tests.system.program import QUICK, ROOT, Desk

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

TAPES = ROOT.parent / "shared" / "tapes"
SETTINGS = (
    *QUICK,
    "paper.prices=tape",
    "paper.speed=20",
    "grid.direction=sell",
    "grid.take_profit_pct=0.05",
    "grid.grid_step_pct=0.03",
    "grid.wait_time_s=0.2",
)


@pytest.mark.parametrize("name", ["btcusdt-perp-2024-08-08.csv.gz", "btcusd-coinm-2024-08-08.csv.gz"])
def test_a_recorded_market_closes_lots_and_leaves_none_without_an_exit(desk: Desk, name: str) -> None:
    """The first minutes of each tape; the market falls in them, so that sellers close lots."""
    tape = TAPES / name
    if not tape.is_file():
        pytest.skip(f"the notes beside the repository (../shared/tapes/{name}) are not there")
    done = desk.run("--for", "15s", "--json", settings=(*SETTINGS, f"paper.tape={tape}"))
    assert done.code == 0, done.err
    summary = done.summary
    assert summary["lots_closed"] >= 1, done.err[-3000:]
    assert summary["unprotected_quantity"] == "0"
    assert summary["naked_seconds_max"] <= 2
    assert summary["violations"] == 0
    assert Decimal(summary["fees"]) > 0
