"""Whole simulated runs: nothing is violated, the same seed is the same run, and what is planted is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exchanges.simulated.assembly import FACES
from tests.simulation.__main__ import main
from tests.simulation.faults import Fault, read_plan
from tests.simulation.invariants import Violation
from tests.simulation.runs import Outcome, Run, carry_out, venue_of
from tests.simulation.shrink import minimal
from tests.simulation.sweep import sweep

ROOT = Path(__file__).resolve().parents[2]
VENUES = sorted(FACES)
pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("venue", VENUES)
def test_a_quiet_world_trades_and_breaks_no_rule(venue: str) -> None:
    outcome = carry_out(Run(5, venue, 0.1, density=0))
    assert outcome.violations == ()
    assert outcome.trades > 3
    assert outcome.fired == {}


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_troubled_world_breaks_no_rule(venue: str, seed: int) -> None:
    outcome = carry_out(Run(seed, venue, 0.15, density=4))
    assert [str(found) for found in outcome.violations] == []
    assert sum(outcome.fired.values()) > 10


def test_orders_over_a_connection_that_dies_hangs_or_swallows_them_break_no_rule() -> None:
    troubles = [
        *("line_cut:orders:0@20", "line_half_open:orders:20@60", "line_stall:orders:10@110", "line_cut:orders:0@111"),
        *("request_lost:order:0@140", "reply_lost:order:0@160", "reset_before:order:0@180", "garbled:order:0.3@200"),
        *("mishap:lost_request:1@220", "mishap:stale_nonce:1@240", "mishap:rate_limited:1@260"),
    ]
    outcome = carry_out(Run(2, "lighter", 0.1, faults=read_plan(",".join(troubles))))
    assert [str(found) for found in outcome.violations] == []
    assert {"line_cut", "line_half_open", "line_stall", "request_lost"} <= set(outcome.fired)
    assert outcome.trades > 3


def digest_in_a_new_process(venue: str, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "7", "--hours", "0.03", "--density", "8"]
    done = subprocess.run(
        [*command, "--venue", venue, "--verbose"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[0]


@pytest.mark.parametrize("venue", VENUES)
def test_the_same_seed_is_the_same_run_in_every_process(venue: str) -> None:
    lines = {digest_in_a_new_process(venue, hash_seed) for hash_seed in ("0", "777")}
    assert len(lines) == 1
    assert ", 0 faults" not in lines.pop()


def test_a_plan_is_shrunk_to_what_breaks_the_rule() -> None:
    plan = read_plan("frame_twice:private:0@1,cut:private:0@2,jump:up:0.01@3")

    def breaks(faults: tuple[Fault, ...]) -> Outcome | None:
        if not any(fault.kind == "cut" for fault in faults):
            return None
        return Outcome(Run(1, "aster", 0.1, faults=faults), (Violation("S1", 2.0, "planted"),))

    first = breaks(plan)
    assert first is not None
    assert [fault.kind for fault in minimal(first, breaks).run.plan] == ["cut"]


@pytest.mark.parametrize("venue", VENUES)
def test_crashes_along_a_run_are_recovered_from(venue: str) -> None:
    """A sample; `.ci/nightly` crashes after every turn of every scenario."""
    points = list(sweep(Run(3, venue, 12 / 3600, faults=()), every=60, jobs=2))
    assert len(points) >= 5
    assert [point for point in points if point.problem] == []


def test_venues_take_turns() -> None:
    assert {venue_of(seed) for seed in range(3)} == set(VENUES)
    assert venue_of(1, "lighter") == "lighter"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--seeds", "5-1"], "the last seed comes before the first"),
        (["--seeds", "x"], "write one number or first-last"),
        (["--hours", "0"], "must be above 0"),
        (["--faults", "earthquake::1@5"], "invalid read_plan value"),
    ],
)
def test_bad_options_are_named(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert text in capsys.readouterr().err


def test_the_command_says_what_was_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--hours", "0.02", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "simulated hours" in out
    assert "violations        0" in out
