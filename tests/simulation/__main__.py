"""`python -m tests.simulation --seeds 0-99 --hours 1`: run seeds, say what was simulated, exit 1 on any violation."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from exchanges.simulated.assembly import FACES
from tests.simulation.faults import described, read_plan
from tests.simulation.runs import Outcome, Run, carry_out, venue_of
from tests.simulation.shrink import shrunk
from tests.simulation.totals import FAULTS_PER_HOUR, LOTS_PER_HOUR, Totals, told

_SHOWN_LINES: Final = 60


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    options = _parse(arguments)
    runs = [
        Run(seed, venue_of(seed, options.venue), options.hours, options.density, options.faults)
        for seed in range(options.first, options.last + 1)
    ]
    began = time.monotonic()
    broken, totals = [], Totals()
    for outcome in _all(runs, options.jobs):
        totals.add(outcome)
        if outcome.violations:
            broken.append(outcome)
            print(f"seed {outcome.run.seed} ({outcome.run.venue}): {outcome.violations[0]}", file=sys.stderr)
        elif options.verbose:
            print(
                f"seed {outcome.run.seed} ({outcome.run.venue}): {outcome.digest}, {sum(outcome.fired.values())} faults"
            )
    for outcome in broken[: options.explain]:
        _explain(outcome, options.patience)
    record = totals.record(time.monotonic() - began, sum(len(outcome.violations) for outcome in broken))
    print(json.dumps(record) if options.json else told(record))
    missing = totals.missing() if options.gate else []
    for line in missing:
        print(f"gate: {line}", file=sys.stderr)
    return 1 if broken or missing else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="0-9", help="one seed, or first-last")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of each seed")
    parser.add_argument(
        "--venue", default="", choices=["", *sorted(FACES)], help="one venue; by default they take turns"
    )
    parser.add_argument("--density", type=float, default=1.0, help="faults, relative to the usual; 0 = none")
    parser.add_argument("--faults", type=read_plan, default=None, help="a plan in place of the seed's own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--explain", type=int, default=3, help="how many violating seeds are shrunk and told")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for shrinking one seed")
    parser.add_argument(
        "--gate",
        action="store_true",
        help=f"fail unless it really traded and everything went wrong: {LOTS_PER_HOUR} lots closed and "
        f"{FAULTS_PER_HOUR} faults an hour, and every kind of fault",
    )
    parser.add_argument("--verbose", action="store_true", help="a line for every seed, with its digest")
    parser.add_argument("--json", action="store_true", help="the totals as one line of JSON")
    options = parser.parse_args(arguments)
    first, _, last = options.seeds.partition("-")
    try:
        options.first, options.last = int(first), int(last or first)
    except ValueError:
        parser.error(f"--seeds {options.seeds}: write one number or first-last, for example 0-99")
    if options.last < options.first:
        parser.error(f"--seeds {options.seeds}: the last seed comes before the first")
    if options.hours <= 0:
        parser.error(f"--hours {options.hours}: must be above 0")
    return options


def _all(runs: list[Run], jobs: int) -> Iterator[Outcome]:
    if jobs <= 1 or len(runs) == 1:
        yield from map(carry_out, runs)
        return
    # one seed at a time: they differ much in how long they take
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(carry_out, runs)


def _explain(outcome: Outcome, patience_s: float) -> None:
    run = outcome.run
    own = "" if run.faults is None else f" --faults '{described(run.plan)}'"
    base = f"python -m tests.simulation --seeds {run.seed} --hours {run.hours:g} --venue {run.venue}"
    print(f"\nseed {run.seed} on {run.venue} breaks {outcome.violations[0]}")
    print(f"repeat it: {base} --density {run.density:g}{own}")
    short = shrunk(outcome, patience_s)
    print(
        f"{len(outcome.run.plan)} faults shrunk to {len(short.run.plan)}: {base} --faults '{described(short.run.plan)}'"
    )
    told = carry_out(short.run, traced=True)
    print(
        f"the last {_SHOWN_LINES} lines of {len(told.trace)} before {told.violations[0] if told.violations else '-'}:"
    )
    for line in told.trace[-_SHOWN_LINES:]:
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
