"""`python -m tests.system.kills --kills 200 [--points 300] [--venue V] [--seed S] [--json] [--verbose]`.

Prints one line per kill with --verbose, every kill that left something inexact, how long starts took, and last
`N kills, M inexact`. Exit code 1 if M > 0.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.system.kills.campaign import Campaign, Kill
from tests.system.kills.crash_points import AT_START, RUNNING
from tests.system.kills.nursery import Nursery
from tests.system.kills.stage import SETTINGS


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    seed = random.randrange(2**31) if options.seed is None else options.seed
    print(f"seed {seed}", file=sys.stderr)  # noqa: T201
    venues = [options.venue] if options.venue else list(SETTINGS)
    done: list[Kill] = []
    with folder_of(options) as folder:
        nursery = Nursery()
        try:
            for kill in _all(venues, options, seed, folder, nursery):
                done.append(kill)
                if options.verbose or kill.problems:
                    print(describe(kill), flush=True)  # noqa: T201
        finally:
            nursery.close()
    inexact = sum(bool(kill.problems) for kill in done)
    report(done, seed, as_json=options.json)
    return 1 if inexact else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.system.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills at random moments, shared by the venues")
    parser.add_argument("--points", type=int, default=0, help="kills at named points of the code, shared by the venues")
    parser.add_argument("--venue", choices=list(SETTINGS), help="one venue alone")
    parser.add_argument("--seed", type=int, help="of the moments, the market and the faults; random if left out")
    parser.add_argument("--folder", type=Path, help="where state and logs are kept; else removed")
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON before the last one")
    parser.add_argument("--verbose", action="store_true", help="print one line per kill")
    return parser.parse_args(arguments)


def _all(venues: list[str], options: argparse.Namespace, seed: int, folder: Path, nursery: Nursery) -> Iterator[Kill]:
    for venue, kills, points in zip(
        venues, shares(options.kills, len(venues)), shares(options.points, len(venues)), strict=True
    ):
        if kills:
            yield from Campaign(venue, seed, folder / venue, nursery).kills(kills)
        if points:
            yield from Campaign(venue, seed, folder / f"{venue}-points", nursery).points(specs(points, venue))


@contextmanager
def folder_of(options: argparse.Namespace) -> Iterator[Path]:
    """Give the folder of this run: the one that was asked for, or one that is removed in the end."""
    if options.folder is not None:
        options.folder.mkdir(parents=True)  # an old one would hold the books of another account
        yield options.folder
        return
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        yield Path(folder)


def shares(count: int, parts: int) -> list[int]:
    """Return `count` in so many nearly equal parts."""
    return [count // parts + (index < count % parts) for index in range(parts)]


def specs(count: int, venue: str) -> list[str]:
    """Return so many different crash points: every name at its first pass, then every name at its second, and so on.

    A torn intent speaks of a loss of power, after which the start waits until nothing can arrive any more: on Lighter
    ten minutes. There these points are left out, and half a request: orders leave as frames.
    """
    left_out = ("intent.torn", "block.torn", "socket.torn") if venue == "lighter" else ()
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        starts = [f"{name}:{number}" for name in AT_START if name not in left_out] if number == 1 else []
        running = [f"{name}:{number}@signal" for name in RUNNING if name not in left_out]
        # a start that dies and a run that dies take turns, so that no kill waits long for its verdict
        for index in range(max(len(starts), len(running))):
            found += starts[index : index + 1] + running[index : index + 1]
    return found[:count]


def describe(kill: Kill) -> str:
    """Return one line about a kill, and its problems."""
    ready = "killed again" if kill.ready_s is None else f"ready {kill.ready_s:.3f} s, equal {kill.equal_s:.3f} s"
    head = f"{kill.venue} {kill.number}: {kill.moment} after {kill.lived_s:.3f} s, {ready}, {kill.fills} fills"
    return "\n".join([f"{head}: {'INEXACT' if kill.problems else 'exact'}", *kill.problems])


def report(done: Sequence[Kill], seed: int, *, as_json: bool) -> None:
    """Print the figures and the last line."""
    ready = sorted(kill.ready_s for kill in done if kill.ready_s is not None)
    inexact = sum(bool(kill.problems) for kill in done)
    figures = {
        "seed": seed,
        "kills": len(done),
        "inexact": inexact,
        "by_venue": {venue: sum(kill.venue == venue for kill in done) for venue in SETTINGS},
        "points_missed": sum("not reached" in kill.moment for kill in done),
        "restart_to_consistent_s_p50": percentile(ready, 50),
        "restart_to_consistent_s_p99": percentile(ready, 99),
    }
    if as_json:
        print(json.dumps(figures))  # noqa: T201
    else:
        print(  # noqa: T201
            f"restart to consistent: p50 {figures['restart_to_consistent_s_p50']} s, "
            f"p99 {figures['restart_to_consistent_s_p99']} s"
        )
    print(f"{len(done)} kills, {inexact} inexact")  # noqa: T201


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest value with at least `percent` of all at or below it; 0 without values."""
    return round(ordered[max(-(-len(ordered) * percent // 100) - 1, 0)], 3) if ordered else 0.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
