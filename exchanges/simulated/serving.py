"""Runs simulated venues until told to stop: builds them, restores their accounts, serves, saves.

Used by `python -m exchanges.simulated` (a process of its own for paper trading) and by `run.py --serve`. Everything
happens on one event loop. Accounts are saved when something changed, at most every second, and once more at the end.
An account with so long a history that writing it would hold the market up is written by a forked copy of the process.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from exchanges.clock import Clock
from exchanges.simulated.assembly import assemble, face_kit
from exchanges.simulated.faces.kit import Credentials, FaceKit
from exchanges.simulated.hosting import SimulatedVenue
from exchanges.simulated.launch import VenueChoice, VenueLaunch
from exchanges.simulated.price_sources import open_prices
from exchanges.simulated.prices import PriceSource
from exchanges.simulated.server import VenueServer, serve_line
from exchanges.simulated.settings import PaperSettings
from exchanges.simulated.state_files import account_file, lock_file, process_file, read_json, take_lock, write_private
from exchanges.simulated.steady_clock import SteadyClock
from exchanges.values import MarketRules

SAVE_EVERY_NS: Final = 1_000_000_000
_LONG_SAVE_NS: Final = 50_000_000
_LOCK_TRIES: Final = 20
_LOOK_EVERY_S: Final = 0.25
_NS: Final = 1_000_000_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Served:
    choice: VenueChoice
    symbols: tuple[str, ...]
    venue: SimulatedVenue
    server: VenueServer
    saved_revision: int = -1
    save_took_ns: int = 0
    writer_pid: int = 0


class Serving:
    """The venues of one launch. Make and use it on the event loop's thread.

    `emit` gets one JSON line per venue once all of them listen.
    """

    def __init__(self, launch: VenueLaunch, clock: Clock, emit: Callable[[str], None]) -> None:
        self._launch = launch
        self._clock = SteadyClock(clock)
        self._emit = emit
        self._token = SystemRandom().randbytes(24).hex()
        self._served: list[_Served] = []
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._active_ns = clock.monotonic_ns()
        self._save_after_ns = 0

    def request_stop(self) -> None:
        """Let `run` end cleanly. Call on the loop's thread."""
        self._stop.set()

    async def run(self) -> None:
        """Serve until `request_stop`, the admin path, or idleness ends it.

        Raises:
            ValueError: the launch, a tape or a saved account cannot be used.
            OSError: a file or port cannot be used.
            RuntimeError: a venue broke while it was serving.
        """
        lock = await self._lock()
        try:
            for choice in self._launch.venues:
                self._served.append(self._build(choice))
            for served in self._served:
                await served.server.start()
            lines = [serve_line(one.server, one.choice.venue, one.symbols) for one in self._served]
            self._write_process_file(lines)
            for line in lines:
                self._emit(line)
            await self._watch()
        finally:
            await self._close()
            if lock is not None:
                os.close(lock)
        if self._failure is not None:
            raise RuntimeError("the simulated venue broke") from self._failure

    async def _lock(self) -> int | None:
        """Hold the state folder for ourselves; a process that is just ending gets a moment to let go."""
        if self._launch.state_dir is None:
            return None
        for _ in range(_LOCK_TRIES):
            descriptor = take_lock(lock_file(self._launch.state_dir))
            if descriptor is not None:
                return descriptor
            await asyncio.sleep(_LOOK_EVERY_S)
        raise ValueError(f"another simulated venue is using {self._launch.state_dir}")

    def _build(self, choice: VenueChoice) -> _Served:
        kit, paper = face_kit(choice.venue), self._launch.paper
        symbols = tuple(dict.fromkeys(kit.symbol(name) for name in choice.symbols))
        saved = self._saved(choice)
        prices, rules = open_prices(
            paper,
            tuple(map(kit.rules, symbols)),
            _last_prices(saved),
            self._clock,
            venue=kit.venue,
            fit_rules=kit.fit_rules,
        )
        venue = _assemble(kit, paper, rules, prices, saved, self._clock.wall_ns())
        if saved is not None:
            venue.restore(saved)
        server = VenueServer(
            venue,
            self._clock,
            admin_token=self._token,
            on_activity=self._on_activity,
            on_shutdown=self._stop.set,
            on_failure=self._on_failure,
        )
        return _Served(choice, tuple(one.symbol for one in rules), venue, server)

    def _on_activity(self) -> None:
        self._active_ns = self._clock.monotonic_ns()

    def _on_failure(self, error: BaseException) -> None:
        self._failure = error
        self._stop.set()

    async def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), _LOOK_EVERY_S)
            except TimeoutError:
                self._save_if_due()
                if self._is_idle():
                    _log.info("no client for %s s: ending", self._launch.paper.idle_exit_s)
                    return

    def _is_idle(self) -> bool:
        if self._launch.outlives_clients or any(one.server.session_count for one in self._served):
            return False
        idle_ns = self._clock.monotonic_ns() - self._active_ns
        return idle_ns > self._launch.paper.idle_exit_s * _NS

    async def _close(self) -> None:
        for served in self._served:
            await served.server.stop()
        if self._launch.state_dir is not None:
            for served in self._served:
                _await_writer(served, 0)
                _write_account(served, self._launch.state_dir)
            _remove_own(process_file(self._launch.state_dir))

    # --- state ---
    def _saved(self, choice: VenueChoice) -> dict[str, Any] | None:
        if self._launch.state_dir is None or self._launch.paper.fresh:
            return None
        path = account_file(self._launch.state_dir, choice.name)
        try:
            state = read_json(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; remove it or run with paper.fresh = yes") from error
        return None if state is None else dict(state)

    def _save_if_due(self) -> None:
        state_dir = self._launch.state_dir
        now_ns = self._clock.monotonic_ns()
        if state_dir is None or now_ns < self._save_after_ns:
            return
        self._save_after_ns = now_ns + SAVE_EVERY_NS
        for served in self._served:
            if served.saved_revision != served.venue.engine.revision:
                self._save(served, state_dir)

    def _save(self, served: _Served, state_dir: Path) -> None:
        if served.save_took_ns > _LONG_SAVE_NS:
            _save_aside(served, state_dir)
            return
        started_ns = self._clock.monotonic_ns()
        served.saved_revision = served.venue.engine.revision
        _write_account(served, state_dir)
        served.save_took_ns = self._clock.monotonic_ns() - started_ns

    def _write_process_file(self, lines: Sequence[str]) -> None:
        if self._launch.state_dir is None:
            return
        record = {
            "pid": os.getpid(),
            "digest": self._launch.digest(),
            "admin_token": self._token,
            "venues": {one.choice.name: json.loads(line) for one, line in zip(self._served, lines, strict=True)},
        }
        write_private(process_file(self._launch.state_dir), json.dumps(record))


def _write_account(served: _Served, state_dir: Path) -> None:
    state = served.venue.snapshot() | {"prices": served.venue.last_prices()}
    write_private(account_file(state_dir, served.choice.name), json.dumps(state))


def _save_aside(served: _Served, state_dir: Path) -> None:
    """Let a forked copy of this process write the account as it stands now; one writer at a time."""
    if not _await_writer(served, os.WNOHANG):
        return
    served.saved_revision = served.venue.engine.revision
    pid = os.fork()
    if pid:
        served.writer_pid = pid
        return
    try:
        _write_account(served, state_dir)
    finally:
        os._exit(0)  # nothing of the parent's may run here: no loop, no handler, no flush


def _await_writer(served: _Served, options: int) -> bool:
    """Return whether no writer is at work (any more); with options 0 wait for it."""
    if served.writer_pid and os.waitpid(served.writer_pid, options)[0] == served.writer_pid:
        served.writer_pid = 0
    return not served.writer_pid


def _remove_own(path: Path) -> None:
    """Remove the process file unless another process has written its own meanwhile."""
    try:
        record = read_json(path)
    except ValueError:
        return
    if record is not None and record.get("pid") == os.getpid():
        path.unlink(missing_ok=True)


def _assemble(
    kit: FaceKit,
    paper: PaperSettings,
    rules: Sequence[MarketRules],
    prices: PriceSource,
    saved: dict[str, Any] | None,
    now_ns: int,
) -> SimulatedVenue:
    """A venue that accepts the saved account's credentials, or new ones."""
    symbols = tuple(one.symbol for one in rules)
    try:
        credentials: Credentials = saved["face"]["credentials"] if saved else kit.make_credentials(SystemRandom())
        return assemble(kit, paper, symbols, prices, credentials, now_ns=now_ns, rules=rules, rng=SystemRandom())
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the saved paper account has no readable credentials: {error!r}") from error


def _last_prices(saved: dict[str, Any] | None) -> dict[str, str]:
    """Where the market stood when the account was saved: a synthetic market goes on from there."""
    prices = {} if saved is None else saved.get("prices", {})
    return {str(symbol): str(price) for symbol, price in prices.items()}
