"""What a bot looks like from outside: frozen pictures, and the summary of a run (DESIGN.md section 7).

Actors put their newest state on the `StatusBoard`; each key has one writer, every value is frozen, and putting is one
assignment, so it costs nothing on the order path and needs no lock. Any thread may take a picture.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from actors.grid.positions import unprotected_quantity
from actors.grid.state import EntryCounters, ExitBook, ExitCounters, GridContext, GridState, Mode
from actors.messages import CoverMeasured
from actors.price_stream import FeedStatus
from actors.watches import WatchAlarm
from exchanges.rounding import plain
from exchanges.values import ZERO

_SAMPLES: Final = 20_000
_SECOND_NS: Final = 1_000_000_000


class BotState(StrEnum):
    """What a bot is doing. DEGRADED: a venue's stream or price is missing, a grid is blocked by a mismatch, or the
    watchdog has raised an alarm.
    """

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    DEGRADED = "degraded"
    HALTED = "halted"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class ConnectionPhase(StrEnum):
    """Where one exchange's connection stands."""

    STARTING = "starting"
    CATCHING_UP = "catching_up"
    LIVE = "live"
    LOST = "lost"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStatus:
    """One exchange account. Times are monotonic; `audited_ns` is when the last complete audit was asked, 0 if none.

    `funding` is what funding has paid since the start (negative: cost). `order_answer_ns` is the time from the newest
    order's write to its answer. `malformed` frames of the private stream could not be read and changed nothing;
    `ignored` ones are of no interest, or of a kind that is not known.
    """

    exchange: str
    phase: ConnectionPhase = ConnectionPhase.STARTING
    why: str = ""
    reconnects: int = 0
    audited_ns: int = 0
    clock_offset_ns: int = 0
    malformed: int = 0
    ignored: int = 0
    duplicates: int = 0
    stale_updates: int = 0
    order_answer_ns: int = 0
    funding: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class GridStatus:
    """One grid. `context`, `state` and `book` are None until its venue has been read."""

    name: str
    exchange: str
    symbol: str
    context: GridContext | None = None
    state: GridState | None = None
    book: ExitBook | None = None
    carried_entries: EntryCounters = field(default_factory=EntryCounters)
    carried_exits: ExitCounters = field(default_factory=ExitCounters)
    realized_before: Decimal = ZERO
    fees_before: Decimal = ZERO

    @property
    def is_flattening(self) -> bool:
        """Whether everything is being closed: decided on the entry side, or under way on the exit side."""
        is_decided = self.state is not None and self.state.flattening is not None
        return is_decided or (self.book is not None and self.book.flatten is not None)

    @property
    def is_latched(self) -> bool:
        """Whether a stop holds the grid until an operator resumes it."""
        return self.state is not None and self.state.mode is Mode.HALTED


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStatus:
    """A picture of one bot at `now_ns` (monotonic).

    Attributes:
        fatal: Why the bot could not start, for people; empty if it could.
        is_misconfigured: The remedy of `fatal` is in the settings, the credentials or the account.
        halted_why: Why entries are held back at the send gate, empty if they are not.
        unproven: Grids of which the stop could not prove that everything ended as it should.
        restarts: How often all actors were started again after a failure.
        alarms: What the watchdog has found and is still there; entries are held back meanwhile.
        watchdog_silent_ns: For how long the watchdog has not been heard of, where that is too long; 0 if it is well.
        mailboxes: Messages waiting, by actor or lane.
        fill_to_exit_ns: Per exchange the newest samples: fill frame read -> exit handed to the socket.
        naked_ns: Per grid the newest samples: fill read -> exit accepted.
    """

    name: str
    mode: str
    state: BotState
    now_ns: int
    started_ns: int
    started_wall_ns: int
    fatal: str = ""
    is_misconfigured: bool = False
    halted_why: str = ""
    unproven: tuple[str, ...] = ()
    restarts: int = 0
    alarms: tuple[WatchAlarm, ...] = ()
    watchdog_silent_ns: int = 0
    grids: tuple[GridStatus, ...] = ()
    connections: tuple[ConnectionStatus, ...] = ()
    feeds: tuple[FeedStatus, ...] = ()
    mailboxes: Mapping[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    fill_to_exit_ns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    naked_ns: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def runtime_s(self) -> float:
        """Seconds since the start."""
        return (self.now_ns - self.started_ns) / _SECOND_NS


class StatusBoard:
    """Where actors put what they are willing to show. Lives as long as the bot, over restarts of its actors."""

    def __init__(self, grids: Iterable[tuple[str, str, str]], exchanges: Iterable[str]) -> None:
        """Take (name, exchange, symbol) of each grid and the names of the exchanges."""
        self._grids = {
            name: GridStatus(name=name, exchange=exchange, symbol=symbol) for name, exchange, symbol in grids
        }
        self._states: dict[str, tuple[GridContext, GridState]] = {}
        self._books: dict[str, ExitBook] = {}
        self._connections = {name: ConnectionStatus(exchange=name) for name in exchanges}
        self._feeds: dict[str, FeedStatus] = {}
        self._alarms: tuple[WatchAlarm, ...] = ()
        self._fill_to_exit: dict[str, deque[int]] = {name: deque(maxlen=_SAMPLES) for name in self._connections}
        self._naked: dict[str, deque[int]] = {name: deque(maxlen=_SAMPLES) for name in self._grids}

    # --- writers: one actor each ---

    def put_state(self, context: GridContext, state: GridState) -> None:
        """Strategy: a grid's newest entry side."""
        self._states[context.name] = (context, state)

    def put_book(self, context: GridContext, book: ExitBook) -> None:
        """Closer: a grid's newest exit side."""
        self._books[context.name] = book

    def put_connection(self, status: ConnectionStatus) -> None:
        """Connection: its newest state."""
        self._connections[status.exchange] = status

    def put_feed(self, status: FeedStatus) -> None:
        """Price stream: the newest state of one exchange's prices."""
        self._feeds[status.exchange] = status

    def put_alarms(self, alarms: tuple[WatchAlarm, ...]) -> None:
        """Watchdog: what it has found."""
        self._alarms = alarms

    def add_fill_to_exit(self, exchange: str, duration_ns: int) -> None:
        """Connection: an exit left so long after the frame that caused it was read."""
        self._fill_to_exit[exchange].append(duration_ns)

    def add_naked(self, measured: CoverMeasured) -> None:
        """Closer: a quantity was without an accepted exit for so long."""
        self._naked[measured.grid].append(measured.naked_ns)

    # --- the bot's own thread, while no actor runs ---

    def begin_run(self, grid: str, realized_before: Decimal, fees_before: Decimal) -> None:
        """Take what a grid had earned before this process, which a run's summary leaves out."""
        self._grids[grid] = replace(self._grids[grid], realized_before=realized_before, fees_before=fees_before)

    def carry(self) -> None:
        """Keep the counts of actors that are about to be started again: their new states count from zero."""
        for name, status in self._grids.items():
            known = self._states.pop(name, None)
            book = self._books.pop(name, None)
            entries, exits = status.carried_entries, status.carried_exits
            if known is not None:
                entries = _add_entries(entries, known[1].counters)
            if book is not None:
                exits = _add_exits(exits, book.counters)
            self._grids[name] = replace(status, carried_entries=entries, carried_exits=exits)

    # --- readers ---

    def connection(self, exchange: str) -> ConnectionStatus:
        """Return one exchange's newest state."""
        return self._connections[exchange]

    def grids(self) -> tuple[GridStatus, ...]:
        """Return every grid in the order of the settings."""
        pictures = []
        for name, status in self._grids.items():
            context, state = self._states.get(name, (None, None))
            pictures.append(replace(status, context=context, state=state, book=self._books.get(name)))
        return tuple(pictures)

    def connections(self) -> tuple[ConnectionStatus, ...]:
        """Return every connection."""
        return tuple(self._connections.values())

    def feeds(self) -> tuple[FeedStatus, ...]:
        """Return every price feed that has begun."""
        return tuple(self._feeds.values())

    def alarms(self) -> tuple[WatchAlarm, ...]:
        """Return the watchdog's alarms."""
        return self._alarms

    def clock_offsets(self) -> dict[str, int]:
        """Return how far each exchange's clock is ahead of ours, as last read."""
        return {name: status.clock_offset_ns for name, status in self._connections.items()}

    def fill_to_exit_ns(self) -> dict[str, tuple[int, ...]]:
        """Return the newest samples by exchange."""
        return {name: _copy(samples) for name, samples in self._fill_to_exit.items()}

    def naked_ns(self) -> dict[str, tuple[int, ...]]:
        """Return the newest samples by grid."""
        return {name: _copy(samples) for name, samples in self._naked.items()}


def _copy(samples: deque[int]) -> tuple[int, ...]:
    # A deque that grows while it is copied raises; its writer never waits, so the reader tries again.
    while True:
        try:
            return tuple(samples)
        except RuntimeError:
            continue


def _add_entries(one: EntryCounters, other: EntryCounters) -> EntryCounters:
    return EntryCounters(**{item.name: getattr(one, item.name) + getattr(other, item.name) for item in fields(one)})


def _add_exits(one: ExitCounters, other: ExitCounters) -> ExitCounters:
    """Add what counts from zero in each life; profit and fees already go on over a restart, a maximum is no sum."""
    kept = {
        "realized_pnl": other.realized_pnl,
        "fees": other.fees,
        "unprotected_max": max(one.unprotected_max, other.unprotected_max),
    }
    added = {item.name: getattr(one, item.name) + getattr(other, item.name) for item in fields(one)}
    return ExitCounters(**(added | kept))


def trading_state(grids: Sequence[GridStatus], connections: Sequence[ConnectionStatus]) -> BotState:
    """Return what running actors amount to."""
    states = [grid.state for grid in grids]
    if any(state is None for state in states):
        return BotState.STARTING
    known = [state for state in states if state is not None]
    if any(state.mode is Mode.HALTED for state in known):
        return BotState.HALTED
    if any(connection.phase is not ConnectionPhase.LIVE for connection in connections):
        return BotState.DEGRADED
    if any(state.quote is None or state.quote.is_stale or state.lots.mismatch for state in known):
        return BotState.DEGRADED
    return BotState.PAUSED if any(state.mode is Mode.PAUSED for state in known) else BotState.RUNNING


def percentile(samples: Sequence[int], share: float) -> int:
    """Return the smallest sample that at least `share` (0 to 1) of all samples do not exceed; 0 without samples."""
    if not samples:
        return 0
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(status: BotStatus) -> dict[str, Any]:
    """Return the summary of a run: totals, and the same counts per venue under `venues`.

    Money and quantities are decimal strings. `violations` and `faults_injected` are the simulated venue's to add.
    """
    venues = {
        connection.exchange: _counts(status, [connection.exchange], connection.funding, connection.reconnects)
        for connection in status.connections
    }
    feeds = {feed.exchange: feed.reconnects for feed in status.feeds}
    for exchange, counts in venues.items():
        counts["reconnects"] += feeds.get(exchange, 0)
    total = _counts(
        status,
        list(venues),
        sum((connection.funding for connection in status.connections), ZERO),
        sum(counts["reconnects"] for counts in venues.values()),
    )
    head = {"mode": status.mode, "venues": venues, "runtime_s": round(status.runtime_s, 3)}
    return {**head, **total, "state": status.state.value}


def _counts(status: BotStatus, exchanges: list[str], funding: Decimal, reconnects: int) -> dict[str, Any]:
    grids = [grid for grid in status.grids if grid.exchange in exchanges]
    naked = [ns for grid in grids for ns in status.naked_ns.get(grid.name, ())]
    open_naked = [
        status.now_ns - grid.book.naked_since_ns
        for grid in grids
        if grid.book is not None and grid.book.naked_since_ns is not None
    ]
    hops = [ns for exchange in exchanges for ns in status.fill_to_exit_ns.get(exchange, ())]
    return {
        **_lot_counts(grids),
        "funding": plain(funding),
        "naked_seconds_max": _seconds(max([*naked, *open_naked], default=0)),
        "naked_seconds_p50": _seconds(percentile(naked, 0.5)),
        "naked_seconds_p99": _seconds(percentile(naked, 0.99)),
        "fill_to_exit_us_p50": percentile(hops, 0.5) // 1000,
        "fill_to_exit_us_p99": percentile(hops, 0.99) // 1000,
        "reconnects": reconnects,
    }


def _lot_counts(grids: Sequence[GridStatus]) -> dict[str, Any]:
    entries = [counters for grid in grids for counters in _entry_counters(grid)]
    exits = [counters for grid in grids for counters in _exit_counters(grid)]
    books = [grid.book for grid in grids if grid.book is not None]
    newest = [(grid, grid.book.counters) for grid in grids if grid.book is not None]
    lots = [lot for book in books for lot in book.lots if lot.remaining > 0]
    position = sum((grid.state.lots.position for grid in grids if grid.state is not None), ZERO)
    unprotected = sum((unprotected_quantity(book) for book in books), ZERO)
    return {
        "entries_placed": sum(counters.entries_placed for counters in entries),
        "entries_filled": sum(counters.entries_filled for counters in entries),
        "fills": sum(counters.fills for counters in entries) + sum(counters.exit_fills for counters in exits),
        "exits_placed": sum(counters.exits_placed for counters in exits),
        "lots_opened": sum(counters.lots_opened for counters in exits),
        "lots_closed": sum(counters.lots_closed for counters in exits),
        "lots_open": len(lots),
        "position": plain(position),
        "unprotected_quantity": plain(unprotected),
        "unprotected_quantity_max": plain(max((counters.unprotected_max for counters in exits), default=ZERO)),
        "dust_quantity": plain(sum((book.dust_quantity for book in books), ZERO)),
        "realized_pnl": plain(sum((counters.realized_pnl - grid.realized_before for grid, counters in newest), ZERO)),
        "fees": plain(sum((counters.fees - grid.fees_before for grid, counters in newest), ZERO)),
    }


def _entry_counters(grid: GridStatus) -> tuple[EntryCounters, ...]:
    return (grid.carried_entries,) if grid.state is None else (grid.carried_entries, grid.state.counters)


def _exit_counters(grid: GridStatus) -> tuple[ExitCounters, ...]:
    return (grid.carried_exits,) if grid.book is None else (grid.carried_exits, grid.book.counters)


def _seconds(duration_ns: int) -> float:
    return round(duration_ns / _SECOND_NS, 6)
