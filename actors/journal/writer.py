"""How each message changes the tables: the ledger of orders, fills, lots and latches that a restart starts from.

Every message becomes a row of `events`. Those that are facts about orders and lots also change the other tables, in the
same transaction. A repeated fact changes nothing: fills are unique by trade id, or by order, cumulative and quantity
where the venue gives no trade id. `orders.filled` is the sum of the fills that were applied, never a venue's claim.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from actors.intents import Intent
from actors.journal.lots import LotRows
from actors.journal.orders import Market, OrderRows, Received
from actors.journal.payload import encode_payload
from actors.journal.unfinished import finish
from actors.log_events import LogEvent
from actors.messages import (
    CancelEntries,
    EntryFinished,
    ExternalBooked,
    FillAttributed,
    FillCorrected,
    Flatten,
    LatchChanged,
    LotRebuilt,
    Note,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PauseEntries,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
    ProfitCorrected,
    ResumeEntries,
    SequencesReserved,
)
from exchanges.values import CancelReason

NEVER_ACCEPTED: Final = frozenset({LogEvent.ENTRY_NEVER_ACCEPTED, LogEvent.CLOSE_NEVER_ACCEPTED})
NEEDS_DISK: Final = (LatchChanged, ExternalBooked, LotRebuilt, PauseEntries, ResumeEntries, CancelEntries, Flatten)
"""Facts that nobody could give back after a loss of power: committed at once, with a sync."""

_SOURCES: Final = {
    "EntryFilled": "strategy",
    "EntryFinished": "strategy",
    "LatchChanged": "strategy",
    "CloseOrderPlaced": "closer",
    "PositionClosed": "closer",
    "FillAttributed": "closer",
    "ProfitCorrected": "closer",
    "FillCorrected": "connection",
    "ExternalBooked": "closer",
    "LotRebuilt": "closer",
    "CoverMeasured": "closer",
    "SequencesReserved": "journal",
    "StreamLost": "connection",
    "StreamRestored": "connection",
    "ConnectionReady": "connection",
    "CancelFailed": "connection",
    "QueryFailed": "connection",
    "FundingPaid": "connection",
}


class FactWriter:
    """Applies messages inside the caller's transaction. Belongs to the journal's thread.

    Args:
        connection: The writer's connection; transactions are the caller's.
        run: Number of this run.
        markets: Where each grid trades, by grid name.
    """

    def __init__(self, connection: sqlite3.Connection, run: int, markets: Mapping[str, Market]) -> None:
        self._sql = connection
        self._run = run
        self._markets = markets
        self._lots = lots = LotRows(connection)
        self._orders = orders = OrderRows(connection, lots, markets)
        self._appliers: dict[type, Callable[[Any, Received], None]] = {
            PlaceLimitOrder: orders.placed,
            PlaceMarketOrder: orders.placed,
            OrderAccepted: orders.accepted,
            OrderAmended: orders.amended,
            OrderRejected: orders.refused,
            OrderDenied: orders.refused,
            OrderFilled: orders.filled,
            FillCorrected: lambda event, _: orders.corrected(event),
            FillAttributed: orders.attributed,
            OrderCanceled: orders.canceled,
            OrderSettled: orders.settled,
            OrderOutcomeUnknown: orders.outcome_unknown,
            Note: self._noted,
            EntryFinished: lambda event, received: lots.entry_finished(event, received.wall_ns),
            PositionClosed: lambda event, received: lots.closed(event, received.wall_ns),
            ProfitCorrected: lambda event, received: lots.profit_corrected(event, received.wall_ns),
            ExternalBooked: lambda event, _: lots.external(event),
            LotRebuilt: lambda event, received: lots.rebuilt(event, received.wall_ns),
            LatchChanged: lambda event, _: lots.latched(event),
            PauseEntries: lambda event, _: lots.paused(event.grid),
            CancelEntries: lambda event, _: lots.paused(event.grid),
            Flatten: lambda event, _: lots.flattening(event.grid),
            ResumeEntries: lambda event, _: lots.resumed(event.grid),
            SequencesReserved: lambda event, _: lots.reserved(event.grid, event.last),
        }

    def prepare(self) -> None:
        """Make sure every grid has its row."""
        for grid, market in self._markets.items():
            self._sql.execute(
                "INSERT INTO grids (grid, exchange, symbol) VALUES (?, ?, ?) "
                "ON CONFLICT (grid) DO UPDATE SET exchange = excluded.exchange, symbol = excluded.symbol",
                (grid, market.exchange, market.symbol),
            )

    def apply(self, received: Received) -> None:
        """Record one message."""
        message = received.message
        self._sql.execute(
            "INSERT INTO events (run, actor, kind, grid, lot, client_order_id, occurred_wall_ns, received_wall_ns, "
            "payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._run,
                source_of(message),
                type(message).__name__,
                getattr(message, "grid", ""),
                getattr(message, "lot", 0),
                getattr(message, "client_order_id", None) or 0,
                getattr(message, "occurred_wall_ns", 0),
                received.wall_ns,
                encode_payload(message),
            ),
        )
        applier = self._appliers.get(type(message))
        if applier is not None:
            applier(message, received)

    def finish(self, wall_ns: int) -> None:
        """Finish what the run before was killed in the middle of."""
        finish(self._sql, self._lots, wall_ns)

    def adopt(self, intents: Iterable[Intent]) -> None:
        """Make a row for each intended order that the journal has never seen: it may have been sent."""
        self._orders.adopt(intents)

    def _noted(self, event: Note, received: Received) -> None:
        if event.client_order_id and event.event in NEVER_ACCEPTED:
            reason = CancelReason.NEVER_ACCEPTED.value
            self._orders.never_accepted(event.grid, event.client_order_id, reason, received)


def source_of(message: object) -> str:
    """Return which actor a message speaks for, from its kind: mailboxes carry no sender."""
    if isinstance(message, PlaceLimitOrder | PlaceMarketOrder):
        return "closer" if message.reduce_only else "strategy"
    kind = type(message).__name__
    return _SOURCES.get(kind, "connection" if kind.startswith("Order") else "bot")


__all__ = ["NEEDS_DISK", "FactWriter", "Market", "Received", "source_of"]
