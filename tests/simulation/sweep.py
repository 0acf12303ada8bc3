"""A crash at every turn of a scenario: `python -m tests.simulation.sweep --venue aster --seconds 40`.

The scenario runs once. At each turn the process of the simulation is forked: the child kills the bot there, starts it
again on what its disk holds, lets everything settle and judges; the parent goes on to the next turn. So a point costs
its recovery only, and there are as many points as the scenario has turns.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exchanges.simulated.assembly import FACES
from tests.simulation.faults import Fault, read_plan
from tests.simulation.runs import Run, scratch
from tests.simulation.world import World

SCENARIOS: Final[dict[str, tuple[int, tuple[Fault, ...]]]] = {
    # name -> seed of market and settings, what goes wrong besides
    "quiet": (3, ()),
    "lost-replies": (1, read_plan("reply_lost:order:0@4,reply_lost:order:0@9,frame_lost:private:0@12")),
    "cuts": (5, read_plan("cut:private:0@5,frame_again:private:2@8,cut:public:0@11,cancel_ours:exit:0@15")),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A crash after a turn, and what was found wrong after the recovery (empty: nothing)."""

    turn: int
    at_s: float
    problem: str


def sweep(run: Run, *, every: int = 1, jobs: int = 1) -> Iterator[Point]:
    """Yield a point for each `every`-th turn of a run."""
    with scratch() as folder:
        world = World(run.seed, run.venue, folder, run.plan)
        with world:
            children: dict[int, tuple[int, int, float]] = {}
            turn = every
            while world.scheduler.now_ns < run.hours * 3600e9 and not world.violations:
                world.scheduler.stop_after_turn = turn
                world.run(run.hours * 3600 - world.scheduler.now_ns / 1e9)
                if world.scheduler.turns < turn:
                    break
                while len(children) >= jobs:
                    yield _reap(children)
                child, reading = _fork(world, folder / f"point-{turn}")
                children[child] = (reading, turn, world.scheduler.now_ns / 1e9)
                turn += every
            while children:
                yield _reap(children)
        if world.violations:
            yield Point(world.scheduler.turns, world.scheduler.now_ns / 1e9, f"before any crash: {world.violations[0]}")


def _fork(world: World, folder: Path) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.close(reading)
        os.write(writing, _crash_and_judge(world, folder).encode()[:60_000])
    finally:
        os._exit(0)  # nothing of the parent's may run here


def _crash_and_judge(world: World, folder: Path) -> str:
    try:
        world.scheduler.stop_after_turn = None
        world.bot.abandon(folder)
        world.scheduler.after(200_000_000, world.bot.boot)
        world.harm.note_trouble(world.fence_s + 60)
        world.settle(min_s=5.0)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return str(world.violations[0]) if world.violations else ""


def _reap(children: dict[int, tuple[int, int, float]]) -> Point:
    child = next(iter(children))
    reading, turn, at_s = children.pop(child)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return Point(turn, at_s, text or (f"the child ended with {status}" if status else ""))


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.sweep", description=__doc__)
    parser.add_argument("--venue", default="", choices=["", *sorted(FACES)], help="one venue; all by default")
    parser.add_argument("--scenario", default="", choices=["", *SCENARIOS], help="one scenario; all by default")
    parser.add_argument("--seconds", type=float, default=40.0, help="simulated length of a scenario")
    parser.add_argument("--every", type=int, default=1, help="crash after each n-th turn only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="children at the same time")
    parser.add_argument("--json", action="store_true", help="the totals as one line of JSON")
    options = parser.parse_args(arguments)
    began, points, inexact = time.monotonic(), 0, 0
    for venue in [options.venue] if options.venue else sorted(FACES):
        for name in [options.scenario] if options.scenario else SCENARIOS:
            seed, faults = SCENARIOS[name]
            for point in sweep(
                Run(seed, venue, options.seconds / 3600, faults=faults), every=options.every, jobs=options.jobs
            ):
                points += 1
                if point.problem:
                    inexact += 1
                    print(f"{venue} {name}: a crash after turn {point.turn} ({point.at_s:.4f} s): {point.problem}")
    record = {"points": points, "inexact": inexact, "wall_s": round(time.monotonic() - began, 1)}
    print(json.dumps(record) if options.json else f"{points} crash points, {inexact} inexact, {record['wall_s']} s")
    return 1 if inexact or not points else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
