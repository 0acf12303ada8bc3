"""One venue's campaign: start, reconcile, hold the market still, compare, let it move, kill, and again.

Every kill gets its verdict from the next start that comes through: what is wrong with the books then is named. A kill
may also hit a start, before or within the reading of the venue; then both it and the one before share the verdict.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.system.kills import crash_points
from tests.system.kills.nursery import Nursery, NurseryBot
from tests.system.kills.stage import NS_PER_S, SAID, Stage

MISHAPS: Final = ("lost_reply", "timeout_after", "late_reply", "lost_request", "timeout_before")
MISHAP_PCT: Final = 12
START_KILL_PCT: Final = 25
HELD_START_PCT: Final = 20
LONGEST_LIFE_S: Final = 1.2
POINT_S: Final = 6.0
KILLED: Final = -9


@dataclass(slots=True)
class Kill:
    """One kill and what it left.

    `ready_s` is how long the start after it took until the venue was read and agreed, `equal_s` until both books were
    equal with nothing on its way, None where the next start was killed too. `problems` is empty if all was exact.
    """

    venue: str
    number: int
    moment: str
    lived_s: float
    ready_s: float | None = None
    equal_s: float | None = None
    fills: int = 0
    problems: list[str] = field(default_factory=list)


class Campaign:
    """Kills one venue's bot. Used from one thread; each kill is yielded once its verdict is known."""

    def __init__(self, venue: str, seed: int, folder: Path, nursery: Nursery) -> None:
        self.venue = venue
        self._seed, self._folder, self._nursery = seed, folder, nursery
        self._source = Random(f"{seed}/{venue}")
        self._pause = threading.Event()
        self._open: list[Kill] = []
        self._number = 0

    def kills(self, count: int) -> Iterator[Kill]:
        """Kill at random moments, `count` times."""
        with Stage(self.venue, self._seed, self._folder, self._nursery) as stage:
            while self._number < count:
                if self._number and self._number + 1 < count and self._chance(START_KILL_PCT):
                    self._kill_a_start(stage)
                    continue
                bot, began_ns = self._start_and_compare(stage)
                yield from self._settled()
                self._kill_while_trading(stage, bot, began_ns)
            yield from self._last(stage)

    def points(self, specs: list[str]) -> Iterator[Kill]:
        """Let bots kill themselves at each of the crash points, one start each."""
        with Stage(self.venue, self._seed, self._folder, self._nursery) as stage:
            for spec in specs:
                is_running = spec.endswith("@signal")
                stage.floor.move()
                bot, began_ns = self._start_and_compare(stage, spec) if is_running else stage.start(crash=spec)
                if is_running:
                    yield from self._settled()
                    bot.signal(crash_points.ARM)
                    stage.floor.move()
                self._await_end(bot, spec, began_ns)
            yield from self._last(stage)

    def _last(self, stage: Stage) -> Iterator[Kill]:
        bot, _ = self._start_and_compare(stage)
        yield from self._settled()
        bot.kill()

    def _settled(self) -> list[Kill]:
        settled, self._open = self._open, []
        return settled

    def _start_and_compare(self, stage: Stage, crash: str = "") -> tuple[NurseryBot, int]:
        """What is wrong after this start is every open kill's problem."""
        compared = stage.start_and_compare(crash=crash)
        for kill in self._open:
            if compared.problem:
                kill.problems.append(compared.problem)
        if self._open:
            newest = self._open[-1]
            newest.ready_s, newest.equal_s, newest.fills = compared.ready_s, compared.equal_s, stage.fills
        return compared.bot, compared.began_ns

    # --- moments ---

    def _kill_while_trading(self, stage: Stage, bot: NurseryBot, began_ns: int) -> None:
        if self._chance(MISHAP_PCT):
            stage.floor.mishap(self._source.choice(MISHAPS))
        stage.floor.move()
        self._pause.wait(self._source.uniform(0, LONGEST_LIFE_S))
        self._note(bot.kill(), bot, "trading", began_ns)
        if self._chance(HELD_START_PCT):
            stage.floor.hold()

    def _kill_a_start(self, stage: Stage) -> None:
        bot, began_ns = stage.start()
        # most of what a start does, it does early: short waits are as likely as long ones
        self._pause.wait(0.005 * 200 ** self._source.random())
        kill = self._note(bot.kill(), bot, "start", began_ns)
        early = stage.early(bot, is_ready=False)
        if early:
            kill.problems.append(early)

    def _await_end(self, bot: NurseryBot, spec: str, began_ns: int) -> None:
        for _ in range(int(POINT_S / 0.005)):
            if bot.has_ended:
                break
            self._pause.wait(0.005)
        is_reached = bot.has_ended
        self._note(bot.kill(), bot, spec if is_reached else f"{spec} (not reached, killed)", began_ns)

    def _note(self, status: int, bot: NurseryBot, moment: str, began_ns: int) -> Kill:
        self._number += 1
        kill = Kill(self.venue, self._number, moment, (time.monotonic_ns() - began_ns) / NS_PER_S)
        self._open.append(kill)
        if status != KILLED:
            kill.problems.append(f"it ended by itself with {status}: {bot.err[-SAID:]}")
        return kill

    def _chance(self, percent: float) -> bool:
        return self._source.random() * 100 < percent
