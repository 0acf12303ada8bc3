"""How a host talks to a bot: `BotHandle`. Every method may be called from any thread that is not an actor of the bot.

Nothing here touches what belongs to the process: no signal handler, no log sink, no other bot's actors.
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pykka

from actors.accounts import live_accounts, used_exchanges
from actors.adoption import Adoption, adoptions
from actors.bot import StopBot, TradingBot, make_fill_callback
from actors.life import Life
from actors.locks import AccountKey, Locks, user_runtime_dir
from actors.messages import ActorFailed, AdoptDifference, CancelEntries, Flatten, PauseEntries, Ping, ResumeEntries
from actors.network import Network
from actors.runtime import runtime
from actors.send_gate import HaltFlag
from actors.settings import BotSettings, StopPolicy
from actors.status import BotState, BotStatus, StatusBoard, trading_state
from actors.venue_access import VenueAccess
from actors.watches import SILENT_NS
from actors.wires import CrewPlan
from exchanges.clock import Clock

OPERATOR: Final = "operator"
_ROOT_STOP_S: Final = 60.0
_ADOPT_S: Final = 5.0


class BotHandle:
    """A started bot. Made by `TradingBot.start_bot`; call `stop()` (or `wait()`) before letting it go."""

    def __init__(
        self,
        *,
        settings: BotSettings,
        clock: Clock,
        life: Life,
        halted: HaltFlag,
        locks: Locks,
        ref: Any,  # noqa: ANN401 - ActorRef[TradingBot]
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._life = life
        self._halted = halted
        self._locks = locks
        self._ref = ref
        self._started_ns = clock.monotonic_ns()
        self._started_wall_ns = clock.wall_ns()
        self._ended_ns = 0
        self._closing = runtime().new_lock()

    # --- commands ---

    def pause(self, grid: str = "", reason: str = OPERATOR) -> None:
        """Place no new entries in one grid, or in all. Resting entries and exits stay."""
        self._tell(PauseEntries(grid=grid, reason=reason))

    def resume(self, grid: str = "") -> None:
        """Allow entries again; also clears a latched stop and an operator's halt."""
        self._halted.release(OPERATOR)
        self._tell(ResumeEntries(grid=grid))

    def flatten(self, grid: str = "", reason: str = OPERATOR) -> None:
        """Cancel the entry, close everything by reduce-only orders, stay paused."""
        self._tell(Flatten(grid=grid, reason=reason))

    def adopt(self, grid: str = "") -> dict[str, Adoption]:
        """Book a proven difference between position and lots as somebody else's, in one grid or in all.

        Returns what became of every difference there was, by grid: nothing where position and lots agree. Waits until
        the closer has taken it, some seconds at most.
        """
        before = self._life.board.grids()
        self._tell(AdoptDifference(grid=grid))
        if self._has_passed_on():
            return adoptions(before, self._life.board.grids(), grid)
        return {}

    def _has_passed_on(self) -> bool:
        """Wait until what was told before has reached the closer, through the mailbox of the bot; whether it has."""
        try:
            self._ref.ask(Ping(), timeout=_ADOPT_S)
        except (pykka.ActorDeadError, pykka.Timeout):
            return False
        crew = self._life.crew
        return crew is not None and crew.has_closer_answered(_ADOPT_S)

    def halt(self) -> None:
        """Let no entry leave from now on, whatever is queued; then cancel what rests. Returns when the gate is
        closed.
        """
        self._halted.halt(OPERATOR)
        self._tell(CancelEntries())

    def stop(self, policy: StopPolicy | None = None, timeout_s: float = _ROOT_STOP_S) -> bool:
        """End the bot by `desk.on_stop` (or `policy`) and wait for it. May be called twice. Whether it has ended."""
        self._tell(StopBot(policy or self.settings.desk.on_stop))
        return self.wait(timeout_s)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the bot has ended by itself or by `stop`; whether it has. Releases its locks then."""
        if not self._life.finished.wait(timeout_s):
            return False
        with self._closing:
            self._ended_ns = self._ended_ns or self._clock.monotonic_ns()
            self._locks.release()
        return True

    # --- what it is doing ---

    @property
    def has_ended(self) -> bool:
        """Whether the bot has ended: stopped, halted for good, or refused to start."""
        return self._life.finished.is_set()

    def status(self) -> BotStatus:
        """Return a picture of now (after the end: the last one)."""
        life, board = self._life, self._life.board
        grids, connections = board.grids(), board.connections()
        now_ns = self._ended_ns or self._clock.monotonic_ns()
        alarms, silent_ns = board.alarms(), self._watchdog_silent_ns(now_ns)
        state = life.forced_state
        if state is None:
            state = BotState.HALTED if self._halted.is_halted else trading_state(grids, connections)
            is_alarmed = bool(alarms or silent_ns)
            state = BotState.DEGRADED if is_alarmed and state in (BotState.RUNNING, BotState.PAUSED) else state
        crew = life.crew
        return BotStatus(
            name=self.settings.desk.name,
            mode=self.settings.desk.mode.value,
            state=state,
            now_ns=now_ns,
            started_ns=self._started_ns,
            started_wall_ns=self._started_wall_ns,
            fatal=life.fatal,
            is_misconfigured=life.is_misconfigured,
            halted_why=self._halted.why,
            unproven=life.unproven,
            restarts=life.restarts,
            alarms=alarms,
            watchdog_silent_ns=silent_ns,
            grids=grids,
            connections=connections,
            feeds=board.feeds(),
            mailboxes={} if crew is None or self.has_ended else crew.depths(),
            dead_letters=life.letters.count,
            fill_to_exit_ns=board.fill_to_exit_ns(),
            naked_ns=board.naked_ns(),
        )

    def _watchdog_silent_ns(self, now_ns: int) -> int:
        heard_ns = self._halted.heard_ns
        is_silent = heard_ns and now_ns - heard_ns > SILENT_NS and self._life.forced_state is None
        return now_ns - heard_ns if is_silent else 0

    @property
    def leftovers(self) -> tuple[str, ...]:
        """Names of actors and threads that did not end in time: empty, or a bug."""
        return self._life.leftovers

    def _tell(self, message: object) -> None:
        try:
            self._ref.tell(message)
        except pykka.ActorDeadError:
            return  # it has ended: nothing to command, and `status` says so


class _RootFailures:
    """Where the supervising actor's own death is reported."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def tell(self, message: ActorFailed, /) -> None:
        """Note the failure; the actor's end follows."""
        self._life.fatal = self._life.fatal or message.error
        self._life.forced_state = BotState.FAILED


def start(
    settings: BotSettings,
    *,
    accesses: Mapping[str, VenueAccess] | None,
    clock: Clock,
    network: Network,
    source: random.Random,
    runtime_dir: Path | None,
    accepts_accounts: bool,
) -> BotHandle:
    """Start a bot; see `TradingBot.start_bot`."""
    accesses = accesses if accesses is not None else live_accounts(settings).accesses
    grids = [(grid.name, grid.exchange, grid.symbol) for grid in settings.grids]
    exchanges = used_exchanges(settings)
    keys = [AccountKey(accesses[name].venue.name, accesses[name].venue.account) for name in exchanges]
    desk = settings.desk
    locks = Locks().acquire(Path(desk.state_dir), keys, desk.bot_tag, runtime_dir or user_runtime_dir())
    try:
        board = StatusBoard(grids, exchanges)
        life, halted = Life(board), HaltFlag()
        failures = _RootFailures(life)
        plan = CrewPlan(
            settings=settings,
            accesses=accesses,
            clock=clock,
            network=network,
            source=source,
            halted=halted,
            board=board,
            make_fill_callback=make_fill_callback,
            root=failures,
            failures=failures,
            accepts_accounts=accepts_accounts,
        )
        ref = TradingBot.start(name=f"{desk.name}/bot", failures=failures, plan=plan, life=life)
        return BotHandle(settings=settings, clock=clock, life=life, halted=halted, locks=locks, ref=ref)
    except BaseException:
        locks.release()
        raise
