"""A bot as a process of the simulation: it starts, it is killed, its disk stays, it starts again."""

import random
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pykka

from actors.bot import TradingBot
from actors.locks import AccountKey, AlreadyRunning, Locks
from actors.runtime import use_runtime
from actors.settings import BotSettings
from actors.venue_access import VenueAccess
from actors.watches import SILENT_NS
from exchanges.errors import BotError
from tests.simulation.clocks import HostClock
from tests.simulation.drawing import stream
from tests.simulation.fibers import FiberRuntime
from tests.simulation.lines import Line, SimulatedNetwork
from tests.simulation.scheduler import Fiber, Scheduler

if TYPE_CHECKING:
    from actors.host import BotHandle


class _Poison:
    """A message that no actor knows."""

    grid = ""


class BotProcess:
    """One machine's bot. At most one life of it runs at a time; the disk goes from life to life."""

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        settings: BotSettings,
        new_accesses: Callable[[], dict[str, VenueAccess]],
        lines: dict[str, Line],
        clock: HostClock,
        folder: Path,
        seed: int,
        on_boot: Callable[[], None],
    ) -> None:
        self.on_boot = on_boot
        """Called when a life begins."""
        self.scheduler = scheduler
        self.clock = clock
        self.lines = lines
        self.lives = 0
        self.handle: BotHandle | None = None
        self.refused = ""
        """Why the newest life did not come to be."""
        self.broken = 0
        """How many actors of this life were broken on purpose, or kept from running for so long that they seem so."""
        self._settings = settings
        self._new_accesses = new_accesses
        self._folder = folder
        self._rng = stream(seed, "bot")
        self._runtime: FiberRuntime | None = None
        self._in_place = ExitStack()

    @property
    def state_dir(self) -> Path:
        """The disk of the current (or last) life."""
        return self._folder / f"life-{self.lives}"

    @property
    def is_alive(self) -> bool:
        """Whether a life exists, even if it has ended by itself and only waits to be buried."""
        return self._runtime is not None and not (self.handle is not None and self.handle.has_ended)

    @property
    def is_up(self) -> bool:
        """Whether a life runs and has not ended by itself."""
        return self.handle is not None and not self.handle.has_ended

    def boot(self) -> None:
        """Start a life on the disk that the last one left. From a timed action."""
        assert self._runtime is None, "a life is killed or over before the next begins"
        before = self.state_dir
        self.lives += 1
        if before.is_dir():
            before.rename(self.state_dir)
        self._runtime = runtime = FiberRuntime(self.scheduler)
        self._in_place.enter_context(use_runtime(runtime))
        self.handle, self.refused, self.broken = None, "", 0
        self.on_boot()
        runtime.new_thread(self._main, f"life-{self.lives}").start()

    def _main(self) -> None:
        assert self._runtime is not None
        desk = replace(self._settings.desk, state_dir=str(self.state_dir))
        try:
            self.handle = TradingBot.start_bot(
                replace(self._settings, desk=desk),
                accesses=self._new_accesses(),
                clock=self.clock,
                network=SimulatedNetwork(self.lines, self._runtime),
                source=random.Random(self._rng.random()),
                runtime_dir=self._folder / "run",
            )
        except BotError as error:
            self.refused = str(error)

    def call(self, function: Callable[[], object], name: str) -> Fiber:
        """Run something of the host on a thread of this life: it may wait."""
        assert self._runtime is not None
        thread = self._runtime.new_thread(lambda: function() and None, name)
        thread.start()
        return thread.fiber

    def fibers(self, name: str = "") -> list[Fiber]:
        """Return the fibers of this life whose name holds a word; all for an empty one."""
        fibers = [] if self._runtime is None else self._runtime.fibers
        return [fiber for fiber in fibers if name in fiber.name and not fiber.is_done]

    def freeze(self, name: str, seconds: float) -> None:
        """Let the fibers with a name not run for so long."""
        fibers = self.fibers(name)
        self.broken += seconds * 1e9 > SILENT_NS  # the watchdogs may take it for dead, and are meant to
        for fiber in fibers:
            self.scheduler.freeze(fiber)
        self.scheduler.after(int(seconds * 1e9), lambda: [self.scheduler.thaw(fiber) for fiber in fibers] and None)

    def break_actor(self, name: str) -> bool:
        """Let an actor of this life meet a message that it cannot handle."""
        for ref in list(pykka.ActorRegistry._actor_refs):
            if (actor := ref._actor_weakref()) is not None and actor.name.endswith(name):
                ref.tell(_Poison())
                self.broken += 1
                return True
        return False

    def is_second_refused(self) -> bool:
        """Whether the locks keep out another process with the same account and tag."""
        desk = replace(self._settings.desk, state_dir=str(self._folder / "second"))
        keys = [AccountKey(name, access.venue.account) for name, access in self._new_accesses().items()]
        try:
            locks = Locks().acquire(Path(desk.state_dir), keys, desk.bot_tag, self._folder / "run")
        except AlreadyRunning:
            return True
        locks.release()
        return False

    def kill(self) -> None:
        """End the life where it is, as SIGKILL does: what was written stays, what was not is gone."""
        runtime = self._runtime
        if runtime is None:
            return
        kept = self._folder / f"disk-{self.lives}"
        if self.state_dir.is_dir():
            shutil.copytree(self.state_dir, kept)
        self._end(runtime)
        if kept.is_dir():
            # what unwinding wrote is not what a killed process would have written
            shutil.rmtree(self.state_dir, ignore_errors=True)
            kept.rename(self.state_dir)

    def abandon(self, folder: Path) -> None:
        """End the life in a forked copy of the simulation: nothing of it runs again, not even to unwind, and what its
        disk holds goes on in another folder. The original's files stay untouched.
        """
        runtime = self._runtime
        assert runtime is not None
        folder.mkdir()
        if self.state_dir.is_dir():
            shutil.copytree(self.state_dir, folder / self.state_dir.name)
        self._folder = folder
        for line in self.lines.values():
            line.hang_up()
        runtime.is_dead = True
        for fiber in runtime.fibers:
            self.scheduler.forget(fiber)
        pykka.ActorRegistry._actor_refs.clear()
        self._in_place.close()
        self._runtime, self.handle = None, None

    def bury(self) -> None:
        """Clear away a life that has ended by itself."""
        if self._runtime is not None:
            self._end(self._runtime)

    def _end(self, runtime: FiberRuntime) -> None:
        for line in self.lines.values():
            line.hang_up()
        runtime.die()
        if self.handle is not None:
            self.handle._locks.release()
        pykka.ActorRegistry._actor_refs.clear()
        self._in_place.close()
        self._runtime = self.handle = None
