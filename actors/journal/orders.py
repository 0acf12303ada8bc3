"""The rows of orders and fills: who an order is for, where it stands, and what was executed of it."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from actors.intents import Intent
from actors.journal.lots import LotRows
from actors.messages import (
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PlaceLimitOrder,
    PlaceMarketOrder,
)
from exchanges.order_ids import ENTRY_LEG, OrderKey, unpack
from exchanges.values import ZERO, OrderStatus


class Phase(StrEnum):
    """Where an order stands in the journal. Only ENDED is settled; everything else is asked for after a restart.

    ENDING: reported as ended, but the report was not the last word or counts fills that are missing here.
    """

    SENT = "sent"
    OPEN = "open"
    UNKNOWN = "unknown"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Market:
    """Where a grid trades."""

    exchange: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message and when it came, on both clocks."""

    message: Any
    wall_ns: int
    monotonic_ns: int


_NOWHERE: Final = Market("", "")
_TOUCH: Final = (
    "phase = CASE WHEN phase IN ('sent', 'unknown') THEN 'open' ELSE phase END, "
    "accepted_wall_ns = CASE accepted_wall_ns WHEN 0 THEN ? ELSE accepted_wall_ns END"
)
"""What any sign of life of an order changes."""


class OrderRows:
    """Writes `orders`, `fills` and `cursors`, inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, lots: LotRows, markets: Mapping[str, Market]) -> None:
        self._sql = connection
        self._lots = lots
        self._markets = markets

    def placed(self, command: PlaceLimitOrder | PlaceMarketOrder, received: Received) -> None:
        """An order was decided and handed to the order lane."""
        is_limit = isinstance(command, PlaceLimitOrder)
        price = command.price if isinstance(command, PlaceLimitOrder) else command.worst_price
        post_only = isinstance(command, PlaceLimitOrder) and command.post_only
        self._insert(command, price, Phase.SENT, received.wall_ns, post_only=post_only, immediate=not is_limit)
        if not command.reduce_only:
            self._lots.use_waiver(command.grid)

    def adopt(self, intents: Iterable[Intent]) -> None:
        """Make a row for each intended order that was never seen: it may have been sent. Note every order's fence."""
        for intent in intents:
            self._insert(
                intent,
                intent.price,
                Phase.UNKNOWN,
                intent.sent_wall_ns,
                post_only=intent.post_only,
                immediate=intent.immediate,
            )
            self._sql.execute(
                "UPDATE orders SET fence_wall_ns = max(fence_wall_ns, ?) WHERE client_order_id = ?",
                (intent.fence_wall_ns, intent.client_order_id),
            )

    def accepted(self, event: OrderAccepted, received: Received) -> None:
        """The venue has the order in its book."""
        self._sql.execute(
            f"UPDATE orders SET order_id = coalesce(?, order_id), {_TOUCH} WHERE client_order_id = ?",  # noqa: S608
            (event.order_id, received.wall_ns, event.client_order_id),
        )
        if key_of(event.client_order_id).leg != ENTRY_LEG:
            self._lots.start_ladder(event.grid, received.wall_ns)

    def refused(self, event: OrderRejected | OrderDenied, received: Received) -> None:
        """The venue or the send gate refused it: nothing happened."""
        self.ended(event.grid, event.client_order_id, str(event.reason), received.wall_ns)

    def canceled(self, event: OrderCanceled, received: Received) -> None:
        """A report says that it ended with a remainder."""
        is_last_word = event.final and self._applied(event.client_order_id) >= event.filled
        self._ended_if(is_last_word, event, event.reason.value, received)

    def settled(self, event: OrderSettled, received: Received) -> None:
        """An authoritative answer."""
        if event.status.is_terminal:
            reason = event.reason.value if event.reason is not None else event.status.value
            self._ended_if(self._applied(event.client_order_id) >= event.filled, event, reason, received)
        elif event.status is not OrderStatus.UNKNOWN:
            self._sql.execute(
                f"UPDATE orders SET order_id = coalesce(?, order_id), {_TOUCH} WHERE client_order_id = ?",  # noqa: S608
                (event.order_id, received.wall_ns, event.client_order_id),
            )

    def outcome_unknown(self, event: OrderOutcomeUnknown, received: Received) -> None:
        """Sent, no definite answer; the fence is kept on the wall clock, which the next run can read."""
        fence_wall_ns = received.wall_ns + event.fence_ns - received.monotonic_ns
        self._sql.execute(
            "UPDATE orders SET phase = CASE phase WHEN 'sent' THEN 'unknown' ELSE phase END, "
            "fence_wall_ns = max(fence_wall_ns, ?) WHERE client_order_id = ?",
            (fence_wall_ns, event.client_order_id),
        )

    def ended(self, grid: str, client_order_id: int, reason: str, wall_ns: int) -> None:
        """The order is settled. An entry that ends takes its lot along, and resets the ladder if nothing was filled."""
        self._sql.execute(
            "UPDATE orders SET phase = 'ended', reason = ?, ended_wall_ns = ? "
            "WHERE client_order_id = ? AND phase != 'ended'",
            (reason, wall_ns, client_order_id),
        )
        key = key_of(client_order_id)
        if key.leg == ENTRY_LEG:
            self._lots.entry_done(grid, key.sequence)
            if self._applied(client_order_id) == ZERO:
                self._lots.start_ladder(grid, wall_ns)

    def filled(self, event: OrderFilled, received: Received) -> None:
        """A part was executed. A fill that is known already changes nothing."""
        key = key_of(event.client_order_id)
        row = self._sql.execute(
            "SELECT lot, quantity, exchange, symbol FROM orders WHERE client_order_id = ?", (event.client_order_id,)
        ).fetchone()
        market = self._markets.get(event.grid, _NOWHERE)
        lot, quantity, exchange, symbol = row or (key.sequence, "Infinity", market.exchange, market.symbol)
        if not self._insert_fill(event, lot, (exchange, symbol), received):
            return
        total = self._applied(event.client_order_id) + event.quantity
        self._sql.execute(
            f"UPDATE orders SET filled = ?, order_id = coalesce(?, order_id), {_TOUCH} WHERE client_order_id = ?",  # noqa: S608
            (str(total), event.order_id, received.wall_ns, event.client_order_id),
        )
        self._lots.count_fill(event, lot, received.wall_ns, is_entry=key.leg == ENTRY_LEG)
        if total >= Decimal(quantity):
            self.ended(event.grid, event.client_order_id, OrderStatus.FILLED.value, received.wall_ns)

    def _insert(
        self,
        order: PlaceLimitOrder | PlaceMarketOrder | Intent,
        price: Decimal,
        phase: Phase,
        placed_wall_ns: int,
        *,
        post_only: bool,
        immediate: bool,
    ) -> None:
        key = key_of(order.client_order_id)
        lot = order.parent_lot or order.lot
        values = (
            *(order.client_order_id, order.grid, order.exchange, order.symbol, order.side.value),
            *(str(price), str(order.quantity), post_only, order.reduce_only, immediate),
            *(lot, key.sequence, key.leg, phase.value, placed_wall_ns),
        )
        self._sql.execute(
            "INSERT INTO orders (client_order_id, grid, exchange, symbol, side, price, quantity, post_only, "
            "reduce_only, immediate, lot, sequence, leg, phase, placed_wall_ns) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            values,
        )
        side = order.side if key.leg == ENTRY_LEG else order.side.opposite
        self._lots.open(order.grid, lot, side, key.sequence)

    def _insert_fill(self, event: OrderFilled, lot: int, market: tuple[str, str], received: Received) -> bool:
        values = (
            *(*market, event.grid, lot, event.client_order_id, event.trade_id),
            *(str(event.price), _plain(event.quantity), _plain(event.cumulative), str(event.fee), event.is_maker),
            *(event.occurred_wall_ns, event.received_wall_ns or received.wall_ns),
        )
        inserted = self._sql.execute(
            "INSERT INTO fills (exchange, symbol, grid, lot, client_order_id, trade_id, price, quantity, cumulative, "
            "fee, is_maker, occurred_wall_ns, received_wall_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            values,
        ).rowcount
        if inserted == 1 and event.trade_id is not None:
            self._sql.execute(
                "INSERT INTO cursors VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET trade_id = excluded.trade_id, "
                "occurred_wall_ns = excluded.occurred_wall_ns WHERE excluded.occurred_wall_ns >= occurred_wall_ns",
                (*market, event.trade_id, event.occurred_wall_ns),
            )
        return inserted == 1

    def _ended_if(
        self,
        is_last_word: bool,  # noqa: FBT001 - the caller's one question
        event: OrderCanceled | OrderSettled,
        reason: str,
        received: Received,
    ) -> None:
        if is_last_word:
            self.ended(event.grid, event.client_order_id, reason, received.wall_ns)
            return
        self._sql.execute(
            "UPDATE orders SET phase = 'ending', reason = ? WHERE client_order_id = ? AND phase != 'ended'",
            (reason, event.client_order_id),
        )

    def _applied(self, client_order_id: int) -> Decimal:
        row = self._sql.execute("SELECT filled FROM orders WHERE client_order_id = ?", (client_order_id,)).fetchone()
        return ZERO if row is None else Decimal(row[0])


def key_of(client_order_id: int) -> OrderKey:
    """Return the parts of an id. Raises ValueError for a number that cannot be ours."""
    key = unpack(client_order_id)
    if key is None:
        raise ValueError(f"{client_order_id} is not an id of ours")
    return key


def _plain(quantity: Decimal) -> str:
    """Spell equal quantities alike (0.10 as 0.1), so that text comparison in an index is exact."""
    return format(quantity.normalize(), "f")
