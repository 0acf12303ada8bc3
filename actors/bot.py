"""The supervising actor `TradingBot`: starts a crew, starts it again when one of it dies, and ends it in order.

It is the root: it may wait for its own actors and threads, because nobody waits for it. What a host uses is
`actors.host.BotHandle`, which `TradingBot.start_bot` returns.

An actor that fails takes all others of this bot with it (one-for-all): entries are halted, the crew is stopped, and a
new one is built from the journal and the venue. More than three times in a minute, and the bot stays down: entries
halted and, as the last act, canceled; exits left resting at the venue, state `halted`.
"""

import functools
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from actors.base import BotActor, describe_failure
from actors.connection_facts import Owners
from actors.connection_parts import ConnectionBegun, ConnectionFailed
from actors.journal import JournalFailed, JournalRecovered
from actors.last_cancel import cancel_known_entries
from actors.life import Life
from actors.log_events import LogEvent
from actors.messages import (
    ActorFailed,
    AdoptDifference,
    CancelEntries,
    CancelExits,
    Flatten,
    Flattened,
    LatchChanged,
    OrderFilled,
    PauseEntries,
    ResumeEntries,
    Tick,
)
from actors.network import Network, SocketNetwork
from actors.settings import BotSettings, StopPolicy
from actors.status import BotState, ConnectionPhase, GridStatus
from actors.venue_access import VenueAccess
from actors.venue_messages import Due, Port
from actors.watchdog import SilentWatchdog
from actors.watches import SUPERVISOR_LOOK_NS
from actors.wiring import Crew, CrewPlan
from exchanges.clock import Clock, SystemClock
from exchanges.errors import BotError
from exchanges.fill_events import Fill
from exchanges.values import ClientOrderId

if TYPE_CHECKING:
    from pathlib import Path

    from actors.host import BotHandle

RESTARTS: Final = 3
RESTART_WINDOW_NS: Final = 60 * 1_000_000_000
_LOOK_EVERY_NS: Final = 20_000_000
_JOURNAL: Final = "the journal cannot be written"
_RESTARTING: Final = "an actor failed"


@dataclass(frozen=True, slots=True)
class StopBot:
    """End by `policy`. Host -> Bot."""

    policy: StopPolicy


@dataclass(frozen=True, slots=True)
class CrewFailed:
    """An actor or thread of a crew died; `number` says of which crew."""

    number: int
    failure: ActorFailed


class _StopPhase(StrEnum):
    ENTRIES = "entries"
    REST = "rest"


@dataclass(slots=True)
class _Stopping:
    policy: StopPolicy
    deadline_ns: int
    phase: _StopPhase = _StopPhase.ENTRIES


BotMessage = (
    StopBot
    | CrewFailed
    | ConnectionFailed
    | ConnectionBegun
    | JournalFailed
    | JournalRecovered
    | LatchChanged
    | Flattened
    | PauseEntries
    | ResumeEntries
    | CancelEntries
    | Flatten
    | AdoptDifference
    | Due
)


class TradingBot(BotActor):
    """Owns the crew, the restart budget and the order of start and stop. Tells operators' commands on.

    Args:
        name: The bot's name.
        failures: Told if this very actor dies.
        plan: What crews are built from.
        life: What the host sees of this actor.
    """

    def __init__(self, *, name: str, failures: Any, plan: CrewPlan, life: Life) -> None:  # noqa: ANN401 - Address[ActorFailed]
        super().__init__(name=name, failures=failures)
        self._plan = plan
        self._life = life
        self._crew: Crew | None = None
        self._number = 0
        self._restarts: deque[int] = deque()
        self._stopping: _Stopping | None = None
        self._silence = SilentWatchdog()

    @staticmethod
    def start_bot(
        settings: BotSettings,
        *,
        accesses: Mapping[str, VenueAccess] | None = None,
        clock: Clock | None = None,
        network: Network | None = None,
        source: random.Random | None = None,
        runtime_dir: "Path | None" = None,
        accepts_accounts: bool = False,
    ) -> "BotHandle":
        """Start a bot and return the handle a host talks to it with. Returns once its actors run.

        Args:
            settings: What the bot is told.
            accesses: How to reach each exchange, by NAME of `[exchange.NAME]`; by default real venues with credentials
                from the environment. Paper trading and tests give accounts on a simulated venue here.
            clock: Time, the machine's by default.
            network: Who makes connections, sockets by default.
            source: Randomness of waits between attempts.
            runtime_dir: Folder of the account locks, the user's by default.
            accepts_accounts: Take a state folder that was used with another account for the same one under another key.

        Raises:
            ConfigError: credentials are missing or unusable.
            AlreadyRunning: another process uses the state folder or an account with this tag.
            JournalError: the state folder cannot be used.

        A state folder of another account refuses the start, seen in the handle's status.
        """
        from actors.host import start  # noqa: PLC0415 - the handle knows this module

        return start(
            settings,
            accesses=accesses,
            clock=clock or SystemClock(),
            network=network or SocketNetwork(),
            source=source or random.Random(),  # noqa: S311 - waits between attempts, no secret
            runtime_dir=runtime_dir,
            accepts_accounts=accepts_accounts,
        )

    @staticmethod
    def _handle_order_fill(
        grids: Mapping[str, str],
        owners: Owners,
        order_id: ClientOrderId,
        fill_price: Decimal,
        fill_delta: Decimal,
        sequence: int,
        fill: Fill,
    ) -> None:
        """Tell a fill to the owner of its order, then to the journal. Runs on the connection's thread.

        A function over addresses, made at wiring: the bot's own mailbox is not in the path of a fill.
        """
        message = OrderFilled(
            grid=grids[fill.symbol],
            client_order_id=order_id,
            order_id=fill.order_id,
            price=fill_price,
            quantity=fill_delta,
            cumulative=fill.cumulative,
            leaves=fill.leaves,
            trade_id=fill.trade_id,
            fee=fill.fee,
            is_maker=fill.is_maker,
            sequence=sequence,
            occurred_wall_ns=fill.occurred_ns,
            received_wall_ns=fill.received_wall_ns,
            received_ns=fill.received_ns,
        )
        owners.of(order_id).tell(message)
        owners.journal.tell(message)

    def _on_start(self) -> None:
        self._start_crew()

    def handle(self, message: BotMessage) -> None:
        """Take one message."""
        match message:
            case CrewFailed():
                self._on_crew_failed(message)
            case StopBot():
                self._begin_stop(message.policy)
            case Due():
                self._on_due(message)
            case ConnectionFailed():
                self._life.is_misconfigured = not self._life.fatal
                self._refuse(message.text, is_said=True)
            case ConnectionBegun():
                self._life.begun |= {message.exchange}
                self.log.bind(event=LogEvent.BOT_STARTED, exchange=message.exchange).info(
                    "{} is ready", message.exchange
                )
            case JournalFailed():
                self._plan.halted.halt(_JOURNAL)
                self._alarm(LogEvent.HALTED, message.error)
            case JournalRecovered():
                self._plan.halted.release(_JOURNAL)
            case LatchChanged() | Flattened():
                self._look()
            case PauseEntries() | ResumeEntries() | CancelEntries() | Flatten() | AdoptDifference():
                self._pass_on(message)

    def _on_due(self, due: Due) -> None:
        if due.name == "watch":
            self._look_after_watchdog()
        else:
            self._look()

    def _on_stop(self) -> None:
        self._end_crew()
        self._life.finish()

    # --- crews ---

    def _start_crew(self) -> None:
        """Build and start a crew; one that does not come up counts as failed."""
        self._number += 1
        number = self._number
        plan = self._life.plan_for(self._plan, root=self.actor_ref, failures=self._failures_of(number))
        plan.halted.open()
        try:
            state = plan.open_state()
        except BotError as error:
            self._refuse(str(error))
            return
        for problem in state.problems:
            self._alarm(LogEvent.RECONCILE_FINISHED, problem)
        for grid, restored in state.restored.grids.items():
            self._life.begin_grid(grid, restored, may_be_lost=state.history.suspect_wall_ns > 0)
        crew = self._crew = Crew(plan, state, self._life.letters)
        self._life.crew = crew
        try:
            crew.start()
            port: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("watch"))
            crew.timers.every(SUPERVISOR_LOOK_NS, port, (self.name, "watch"))
        except Exception as error:  # noqa: BLE001 - whatever keeps a crew from starting is a failure of that crew
            text, trace = describe_failure(error)
            self.actor_ref.tell(CrewFailed(number, ActorFailed(actor=self.name, error=text, traceback=trace)))

    def _look_after_watchdog(self) -> None:
        """The watchdog watches the crew, and is watched here."""
        if self._silence.is_silent(self._plan.halted.heard_ns, self._plan.clock.monotonic_ns()):
            failure = ActorFailed(actor=f"{self.name}'s watchdog", error="it does not beat any more", traceback="")
            self._on_crew_failed(CrewFailed(self._number, failure))

    def _failures_of(self, number: int) -> Port[ActorFailed, CrewFailed]:
        return Port(self.actor_ref, lambda failure: CrewFailed(number, failure))

    def _end_crew(self) -> None:
        crew, self._crew = self._crew, None
        if crew is None:
            return
        self._plan.halted.close("the bot's actors are being stopped")
        self._life.leftovers += crew.stop()

    def _on_crew_failed(self, message: CrewFailed) -> None:
        if message.number != self._number or self._crew is None:
            return
        failure = message.failure
        self._alarm(LogEvent.ACTOR_FAILED, f"{failure.actor}: {failure.error}\n{failure.traceback}")
        self._plan.halted.halt(_RESTARTING, patience_s=0)  # the end of the crew waits for its lanes
        self._end_crew()
        self._plan.board.carry()
        now_ns = self._plan.clock.monotonic_ns()
        while self._restarts and now_ns - self._restarts[0] > RESTART_WINDOW_NS:
            self._restarts.popleft()
        if self._stopping is not None:
            self._life.unproven = tuple(self._plan.markets)
            self._cancel_last()
            self._finish(BotState.STOPPED)
        elif len(self._restarts) >= RESTARTS:
            self._alarm(LogEvent.HALTED, f"{RESTARTS} restarts within a minute did not help; exits stay at the venue")
            self._life.unproven = self._cancel_last()
            self._finish(BotState.HALTED)
        else:
            self._restarts.append(now_ns)
            self._life.restarts += 1
            self._start_crew()
            self._plan.halted.release(_RESTARTING)
            self.log.bind(event=LogEvent.ACTOR_RESTARTED).warning("all actors were started again")

    def _cancel_last(self) -> tuple[str, ...]:
        """Cancel entries without a crew; return the grids of which one may still be live."""
        try:
            return cancel_known_entries(self._plan)
        except Exception as error:  # noqa: BLE001 - the bot ends here: whatever this was must not keep it from ending
            text, trace = describe_failure(error)
            self.log.bind(event=LogEvent.HALTED).critical("entries may still be live: {}\n{}", text, trace)
            return tuple(self._plan.markets)

    def _refuse(self, text: str, *, is_said: bool = False) -> None:
        """The bot cannot run like this. `is_said`: whoever found out has raised the alarm."""
        if self._life.fatal:
            return
        self._life.fatal = text
        if not is_said:
            self._alarm(LogEvent.START_REFUSED, text)
        self._end_crew()
        self._finish(BotState.FAILED)

    def _finish(self, state: BotState) -> None:
        self._stopping = None
        self._life.forced_state = state
        self.log.bind(event=LogEvent.BOT_STOPPED).info("the bot has ended: {}", state.value)
        self.stop()

    def _alarm(self, event: LogEvent, text: str) -> None:
        self.log.bind(event=event).error("{}", text)

    # --- operator ---

    def _pass_on(self, message: PauseEntries | ResumeEntries | CancelEntries | Flatten | AdoptDifference) -> None:
        crew = self._crew
        if crew is None:
            return
        if isinstance(message, AdoptDifference):
            crew.closer.tell(message)
        else:
            crew.strategy.tell(message)
        crew.journal.tell(message)

    # --- stop ---

    def _begin_stop(self, policy: StopPolicy) -> None:
        """End by policy: first the entries, then what the policy says of exits, then everything."""
        if self._stopping is not None or self._life.forced_state is not None:
            return
        self._life.forced_state = BotState.STOPPING
        crew = self._crew
        if crew is None:
            self._finish(BotState.STOPPED)
            return
        now_ns = self._plan.clock.monotonic_ns()
        grace_ns = int(self._plan.settings.desk.stop_grace_s * 1_000_000_000)
        self._stopping = _Stopping(policy, now_ns + grace_ns)
        if policy is StopPolicy.FLATTEN:
            self._stopping.phase = _StopPhase.REST
            crew.strategy.tell(Flatten(reason="stop"))
        else:
            crew.strategy.tell(CancelEntries())
        port: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("look"))
        crew.timers.every(_LOOK_EVERY_NS, port, (self.name, "look"))
        self._look()

    def _look(self) -> None:
        """While stopping: see how far it has come."""
        stopping, crew = self._stopping, self._crew
        if stopping is None or crew is None:
            return
        grids = [grid for grid in self._plan.board.grids() if not self._is_untouched(grid)]
        is_late = self._plan.clock.monotonic_ns() >= stopping.deadline_ns
        if stopping.phase is _StopPhase.ENTRIES and all(_has_no_entry(grid) for grid in grids):
            if stopping.policy is StopPolicy.CANCEL_ALL:
                crew.closer.tell(CancelExits())
            stopping.phase = _StopPhase.REST
        if stopping.phase is _StopPhase.REST and all(_is_at_rest(grid, stopping.policy) for grid in grids):
            self._end_in_order(crew)
        elif is_late:
            self._life.unproven = tuple(grid.name for grid in grids if not _is_at_rest(grid, stopping.policy))
            names = ", ".join(self._life.unproven)
            self._alarm(LogEvent.BOT_STOPPED, f"stop_grace_s is over: not everything could be proven ended ({names})")
            self._end_in_order(crew)

    def _is_untouched(self, grid: GridStatus) -> bool:
        """Whether nothing of a grid can be at its venue: it was never reached, and nothing is known of before."""
        if grid.state is not None or grid.book is not None or grid.name in self._life.had_orders:
            return False
        return self._plan.board.connection(grid.exchange).phase in (ConnectionPhase.STARTING, ConnectionPhase.FAILED)

    def _end_in_order(self, crew: Crew) -> None:
        crew.timers.cancel((self.name, "look"))
        self._end_crew()
        self._finish(BotState.STOPPED)


def make_fill_callback(grids: Mapping[str, str], owners: Owners) -> Any:  # noqa: ANN401 - an OrderFillCallback
    """Return `TradingBot._handle_order_fill` for the grids (by symbol) and owners of one exchange."""
    return functools.partial(TradingBot._handle_order_fill, grids, owners)  # noqa: SLF001 - its own class


def _has_no_entry(grid: GridStatus) -> bool:
    """Whether no entry of the grid is live or unknown; before its venue was read, everything is unknown."""
    state = grid.state
    return state is not None and not state.strays and (state.pending is None or state.pending.is_done)


def _is_at_rest(grid: GridStatus, policy: StopPolicy) -> bool:
    """Whether the grid's exits are as the policy wants them."""
    book = grid.book
    if book is None or not _has_no_entry(grid):
        return False
    if grid.is_flattening:
        return False  # a stop that closes everything is carried out, whatever the policy leaves
    if policy is StopPolicy.FLATTEN:
        return not book.orders and all(lot.remaining == lot.dust for lot in book.lots)
    if policy is StopPolicy.CANCEL_ALL:
        return not book.orders
    return all(order.is_working for order in book.orders) and not any(lot.naked for lot in book.lots)
