"""The journal's actor: the only writer of the database, never waited for in the path of an order.

It takes messages as they are told elsewhere too, keeps them in memory, and writes them in batches: at the next Tick, or
when enough have come. So an exit never waits for a disk, and the work is done after the order has left. What comes
through the `JournalDoor` does not even wake this thread: it lies in the mailbox until the Tick. Facts that nobody could
give back after a loss of power (latches, pauses, external bookings) are written at once, with a sync.

A disk that refuses does not stop the bot: the batch is kept and tried again at each Tick, `is_healthy` turns false and
the bot is told once, so that it stops entries while exits go on.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from actors.addresses import Address
from actors.base import BotActor
from actors.inbox import LazyInbox
from actors.journal.door import can_wait
from actors.journal.state import OpenedState
from actors.journal.writer import NEEDS_DISK, FactWriter, Market, Received
from actors.messages import ActorFailed, ReserveSequences, SequencesReserved, Tick
from actors.timers import TimerService
from exchanges.clock import Clock
from exchanges.errors import JournalError
from exchanges.redaction import redact

FLUSH_EVERY_NS: Final = 50_000_000
FLUSH_AT: Final = 256
KEPT_WHILE_FAILING: Final = 100_000
FACTS_IN_A_BREATH: Final = 4
"""One fact takes 30 us; an exit that comes while a batch is written waits for about so many."""
HURRY_FROM: Final = 2_000
"""So many messages in the mailbox are written without pauses."""


def _go_on() -> None:
    """Make no pause."""


_BUGS: Final = (TypeError, ValueError, ArithmeticError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
"""What a fact raises that does not fit the tables, as against a disk that refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFailed:
    """The disk refuses: nothing is recorded until JournalRecovered. Journal -> Bot, once per failure."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecovered:
    """Everything kept meanwhile has been written; `dropped` messages were too many to keep. Journal -> Bot."""

    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReservations:
    """Where the blocks that a grid's strategy (or closer) asks for are told. Bot -> Journal, when it wires its actors.

    A block asked for earlier is told now.
    """

    grid: str
    for_exits: bool
    reply_to: Address[SequencesReserved]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushJournal:
    """Write everything now. Asked by outside threads: the answer comes when it is on disk (or has failed)."""


class Journal(BotActor):
    """Records every message it is told, and reserves lot sequences.

    It takes any frozen message as a fact (see `actors.journal.writer`), and ReserveSequences, AnswerReservations,
    FlushJournal and Tick as commands. It sends SequencesReserved to the registered addresses, JournalFailed and
    JournalRecovered to `health`. It never answers anybody in the order path.

    Args:
        name: Thread name, beginning with the bot's name.
        failures: Told if the actor dies.
        health: Told when the disk refuses, and when it is well again.
        state: What `open_state` opened: the database, the intent file, the run.
        markets: Where each grid trades, by grid name.
        clock: Stamps what arrives.
        timers: Ticks the flushes.
        breathe: Called between facts while a batch is written that nobody waits for (`actors.give_way.Urgency`).
    """

    def __init__(
        self,
        *,
        name: str,
        failures: Address[ActorFailed],
        health: Address[JournalFailed | JournalRecovered],
        state: OpenedState,
        markets: Mapping[str, Market],
        clock: Clock,
        timers: TimerService,
        breathe: Callable[[], None] = _go_on,
    ) -> None:
        super().__init__(name=name, failures=failures)
        self._health = health
        self._state = state
        self._intents = state.intents
        self._markets = markets
        self._clock = clock
        self._timers = timers
        self._breathe = breathe
        self._pending: list[Received] = []
        self._dropped = 0
        self._is_healthy = True
        self._reply_to: dict[tuple[str, bool], Address[SequencesReserved]] = {}
        self._unanswered: dict[tuple[str, bool], SequencesReserved] = {}

    @staticmethod
    def _create_actor_inbox() -> LazyInbox:  # type: ignore[override]
        return LazyInbox(can_wait)

    @property
    def is_healthy(self) -> bool:
        """Whether the disk takes what is written. Safe to read from any thread."""
        return self._is_healthy

    def _on_start(self) -> None:
        self._sql = self._state.connect()
        self._writer = FactWriter(self._sql, self._state.run, self._markets)
        self._sql.execute("BEGIN IMMEDIATE")
        self._writer.prepare()
        self._sql.execute("COMMIT")
        self._timers.every(FLUSH_EVERY_NS, self.actor_ref, ("journal", self.actor_urn))

    def handle(self, message: Any) -> None:  # noqa: ANN401 - every message of the bot is a fact here
        """Keep a fact, or carry out a command."""
        match message:
            case Tick():
                self._flush(paced=self.mailbox_depth < HURRY_FROM)
            case FlushJournal():
                self._flush()
            case ReserveSequences():
                self._remember(message)
                self._reserve(message)
            case AnswerReservations():
                self._answer_reservations(message)
            case Received():
                self._keep(message)
            case _:
                self._remember(message)

    def _remember(self, message: Any) -> None:  # noqa: ANN401 - see handle
        self._keep(Received(message, self._clock.wall_ns(), self._clock.monotonic_ns()))

    def _keep(self, received: Received) -> None:
        if len(self._pending) >= KEPT_WHILE_FAILING:
            self._dropped += 1
            return
        self._pending.append(received)
        if len(self._pending) % (4 * FACTS_IN_A_BREATH) == 0 and self.mailbox_depth < HURRY_FROM:
            self._breathe()
        if isinstance(received.message, NEEDS_DISK):
            self._flush(synced=True)
        elif len(self._pending) >= FLUSH_AT and self._is_healthy:
            self._flush(paced=self.mailbox_depth < HURRY_FROM)

    def _flush(self, *, synced: bool = False, paced: bool = False) -> None:
        if not self._pending:
            return
        try:
            self._write_pending(synced=synced, paced=paced)
        except _BUGS:
            self._roll_back()
            raise
        except sqlite3.DatabaseError as error:
            self._roll_back()
            self._note_failure(f"the journal cannot be written: {redact(str(error))}")
            return
        self._pending.clear()
        if not self._is_healthy:
            self._is_healthy = True
            self.send(self._health, JournalRecovered(dropped=self._dropped))
            self._dropped = 0

    def _write_pending(self, *, synced: bool, paced: bool) -> None:
        if synced:
            self._sql.execute("PRAGMA synchronous = FULL")
        self._sql.execute("BEGIN IMMEDIATE")
        for position, received in enumerate(self._pending):
            if paced and position % FACTS_IN_A_BREATH == 0:
                self._breathe()
            try:
                self._writer.apply(received)
            except _BUGS:
                # A fact that cannot be recorded is a mistake of ours and ends the actor; the others are still written.
                del self._pending[position]
                raise
        self._sql.execute("COMMIT")
        if synced:
            self._sql.execute("PRAGMA synchronous = NORMAL")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # after a full disk SQLite has often done it by itself
            self._sql.execute("ROLLBACK")

    def _note_failure(self, text: str) -> None:
        if self._is_healthy:
            self._is_healthy = False
            self.log.bind(event="journal_failed").error(text)
            self.send(self._health, JournalFailed(error=text))

    def _reserve(self, request: ReserveSequences) -> None:
        try:
            first, last = self._intents.reserve(owner=f"{request.grid}/{'exits' if request.for_exits else 'entries'}")
        except JournalError as error:
            # No answer: without a durable block the asker may not make ids. It asks again.
            self._note_failure(str(error))
            return
        reserved = SequencesReserved(grid=request.grid, first=first, last=last)
        self._remember(reserved)
        key = (request.grid, request.for_exits)
        reply_to = self._reply_to.get(key)
        if reply_to is None:
            self._unanswered[key] = reserved
        else:
            self.send(reply_to, reserved)

    def _answer_reservations(self, registration: AnswerReservations) -> None:
        key = (registration.grid, registration.for_exits)
        self._reply_to[key] = registration.reply_to
        reserved = self._unanswered.pop(key, None)
        if reserved is not None:
            self.send(registration.reply_to, reserved)

    def _on_stop(self) -> None:
        self._timers.cancel(("journal", self.actor_urn))
        if not hasattr(self, "_sql"):
            return
        self._flush()
        try:
            self._sql.execute(
                "UPDATE runs SET ended_wall_ns = ? WHERE run = ?", (self._clock.wall_ns(), self._state.run)
            )
            self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            self._note_failure(f"the journal cannot be closed in order: {redact(str(error))}")
        finally:
            self._sql.close()
