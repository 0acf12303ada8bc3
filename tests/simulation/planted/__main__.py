"""Plant every defect in turn and say which seed catches it, by which rule and after how long; exit 1 if one is not."""

import argparse
import json
import sys
from typing import Final

from tests.simulation.planted import HANDLERS, PLANTED, SEEDED
from tests.simulation.planted.bugs import Bug
from tests.simulation.planted.hunting import Hunt, hunt

_ROW: Final = "{:<28} {:>4} {:<9} {:<7} {:>8} {:>9} {:>5} {:>7}"
_HEAD: Final = _ROW.format("defect", "seed", "venue", "rule", "after s", "faults", "seeds", "wall s")


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    options = _parse(arguments)
    found = []
    if not options.json:
        print(_HEAD, flush=True)
    for bug in options.bugs:
        result = hunt(bug, _seeds(bug, options), patience_s=options.patience)
        found.append(result)
        if not options.json:
            print(line_of(result), flush=True)
            if options.verbose:
                print(
                    f"    {bug.source}: {bug.what}\n    {result.text[:300]}\n    --faults '{result.plan}'", flush=True
                )
    missed = [result.bug for result in found if not result.is_caught]
    if options.json:
        print(json.dumps({"planted": [result.as_record() for result in found], "missed": missed}))
    else:
        print(f"{len(found) - len(missed)} of {len(found)} planted defects caught" + _named(missed))
    return 1 if missed else 0


def _named(missed: list[str]) -> str:
    return f"; not caught: {', '.join(missed)}" if missed else ""


def _seeds(bug: Bug, options: argparse.Namespace) -> list[int]:
    """Return the seeds in the order they are tried: by default the one that is known to catch it goes first."""
    seeds = list(range(options.seeds))
    if options.known_first and bug.seed in seeds:
        seeds.remove(bug.seed)
        seeds.insert(0, bug.seed)
    return seeds


def line_of(result: Hunt) -> str:
    """Return a line of the table."""
    wall = f"{result.wall_s:.1f}"
    if not result.is_caught:
        return _ROW.format(result.bug, "-", "-", "MISSED", "-", "-", result.seeds, wall)
    faults = f"{result.plan_before} > {result.faults}"
    at = f"{result.at_s:.1f}"
    return _ROW.format(result.bug, result.seed, result.venue, result.rule, at, faults, result.seeds, wall)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--bug", action="append", default=[], choices=sorted(PLANTED), help="one defect; may repeat")
    parser.add_argument("--handlers", action="store_true", help="the handlers of the fault catalogue, taken out")
    parser.add_argument("--seeds", type=int, default=60, help="how many seeds are tried, from 0 on")
    parser.add_argument("--in-order", dest="known_first", action="store_false", help="do not try the known seed first")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for shrinking one plan; 0 = do not")
    parser.add_argument("--verbose", action="store_true", help="also what each defect does, and the shrunk plan")
    parser.add_argument("--json", action="store_true", help="the table as one line of JSON")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: must be at least 1")
    chosen = HANDLERS if options.handlers else SEEDED
    options.bugs = [PLANTED[name] for name in options.bug] or list(chosen.values())
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
