"""One seed from beginning to end, and what came of it."""

import os
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exchanges.simulated.assembly import FACES
from tests.simulation.faults import Fault, plan_for
from tests.simulation.invariants import Violation
from tests.simulation.money import closed_lots
from tests.simulation.world import World

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - thousands of small files with syncs belong in memory, if it is there


@dataclass(frozen=True)
class Run:
    """What is run: everything that decides what happens."""

    seed: int
    venue: str
    hours: float
    density: float = 1.0
    faults: tuple[Fault, ...] | None = None
    """A plan to use in place of the seed's own."""

    @property
    def plan(self) -> tuple[Fault, ...]:
        """What goes wrong."""
        if self.faults is not None:
            return self.faults
        return plan_for(self.seed, self.venue, self.hours * 3600, density=self.density) if self.density else ()


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    run: Run
    violations: tuple[Violation, ...]
    fired: dict[str, int] = field(default_factory=dict)
    simulated_s: float = 0.0
    wall_s: float = 0.0
    turns: int = 0
    digest: str = ""
    lives: int = 0
    trades: int = 0
    lots: int = 0
    """Lots that the journal knows as closed."""
    trace: tuple[str, ...] = ()


def venue_of(seed: int, venue: str = "") -> str:
    """Return the venue of a seed: the given one, or they take turns."""
    venues = sorted(FACES)
    return venue or venues[seed % len(venues)]


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder for one world's disk."""
    parent = _IN_MEMORY if _IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=parent, prefix="grid-simulation-") as folder:
        yield Path(folder)


def carry_out(run: Run, *, traced: bool = False) -> Outcome:
    """Run one seed."""
    began = time.perf_counter()
    with scratch() as folder:
        world = World(run.seed, run.venue, folder, run.plan)
        try:
            with world:
                if traced:
                    with world.trace.on():
                        _live(world, run)
                else:
                    _live(world, run)
        except Exception as error:
            text = "".join(traceback.format_exception(error)[-6:])
            world.invariants.break_rule("broken", f"{type(error).__name__}: {error}\n{text}")
        return Outcome(
            run=run,
            violations=tuple(world.violations),
            fired=dict(world.fired),
            simulated_s=world.scheduler.now_ns / 1e9,
            wall_s=time.perf_counter() - began,
            turns=world.scheduler.turns,
            digest=world.scheduler.digest,
            lives=world.bot.lives,
            trades=len(world.all_trades()),
            lots=closed_lots(world.bot.state_dir),
            trace=tuple(world.trace.lines),
        )


def _live(world: World, run: Run) -> None:
    world.run(run.hours * 3600)
    if not world.violations:
        world.settle()
