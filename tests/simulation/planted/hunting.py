"""Runs seeds until a planted defect is caught: on a seed that breaks no rule without it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from tests.simulation.faults import KINDS, described, plan_for
from tests.simulation.planted.bugs import Bug
from tests.simulation.runs import Outcome, Run, carry_out, venue_of
from tests.simulation.shrink import shrunk

PLANTED_VARIABLE: Final = "PLANTED_DEFECT"
"""Names the defect that `plugin` puts in place for a run of pytest."""
HOURS: Final = 0.1
DENSITIES: Final = (1.0, 4.0, 0.5, 2.0)
"""Taken in turn: where little goes wrong the clock of coverage runs, where much does rare things meet."""
_KINDS: Final = frozenset(tuple(KINDS)[: tuple(KINDS).index("stop") + 1])
"""Kinds that are added later are left out: they would move the seeds that are known to catch something."""

_ROOT: Final = Path(__file__).resolve().parents[3]
_TESTS_FAILED: Final = 1
_VAGUE: Final = "L4"
"""That a bot stands at the end says little of why: another order of events may do that too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """What came of looking for one defect. Without a catch `seed` is -1.

    Attributes:
        at_s: Simulated seconds until the first rule was broken.
        plan_before: How many faults the seed's plan had.
        plan: The shrunk plan, as `--faults` of the simulation takes it.
        faults: How many faults are in it.
        seeds: How many seeds were tried with the defect.
    """

    bug: str
    source: str
    seed: int = -1
    venue: str = ""
    rule: str = ""
    text: str = ""
    at_s: float = 0.0
    plan_before: int = 0
    plan: str = ""
    faults: int = 0
    seeds: int = 0
    wall_s: float = 0.0

    @property
    def is_caught(self) -> bool:
        """Whether the simulation saw it."""
        return self.seed >= 0

    def as_record(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def run_of(seed: int, venue: str = "") -> Run:
    """Return the run that a seed means when defects are hunted."""
    venue = venue_of(seed, venue)
    density = DENSITIES[seed // 3 % len(DENSITIES)]
    plan = plan_for(seed, venue, HOURS * 3600, density=density)
    return Run(seed, venue, HOURS, density, tuple(fault for fault in plan if fault.kind in _KINDS))


def hunt(bug: Bug, seeds: Iterable[int], *, patience_s: float = 0.0) -> Hunt:
    """Run the seeds until one breaks a rule with the defect and none without it; shrink its plan for so long.

    A defect that the simulation cannot see is left to the test that stands for it.
    """
    if bug.unit_test:
        return hunt_by_test(bug)
    began = time.monotonic()
    tried = 0
    for seed in seeds:
        run = run_of(seed, bug.venue)
        tried += 1
        if bug.needs and not any(fault.kind in bug.needs for fault in run.plan):
            continue  # it would be a run like any other
        with bug.in_place():
            outcome = carry_out(run)
        if not outcome.violations or (outcome.violations[0].rule == _VAGUE and not bug.stands):
            continue
        if carry_out(run).violations:
            continue
        if patience_s > 0:
            with bug.in_place():
                outcome = shrunk(outcome, patience_s)
        return _caught(bug, outcome, len(run.plan), tried, time.monotonic() - began)
    return Hunt(bug=bug.name, source=bug.source, seeds=tried, wall_s=time.monotonic() - began)


def hunt_by_test(bug: Bug) -> Hunt:
    """Run the test that stands for a defect with the defect in place: it is caught where the test fails."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.simulation.planted.plugin", f"tests/{bug.unit_test}"],
        cwd=_ROOT,
        env={**os.environ, PLANTED_VARIABLE: bug.name},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    name = bug.unit_test.rpartition("::")[2]
    is_caught = done.returncode == _TESTS_FAILED and f"::{name}" in done.stdout
    text = next((line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    found = Hunt(bug=bug.name, source=bug.source, venue="by test", text=text, wall_s=time.monotonic() - began)
    return replace(found, seed=0, rule=name) if is_caught else found


def _caught(bug: Bug, outcome: Outcome, plan_before: int, tried: int, wall_s: float) -> Hunt:
    first = outcome.violations[0]
    return Hunt(
        bug=bug.name,
        source=bug.source,
        seed=outcome.run.seed,
        venue=outcome.run.venue,
        rule=first.rule,
        text=first.text,
        at_s=first.at_s,
        plan_before=plan_before,
        plan=described(outcome.run.plan),
        faults=len(outcome.run.plan),
        seeds=tried,
        wall_s=wall_s,
    )
