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
    FillAttributed,
    FillCorrected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PlaceLimitOrder,
    PlaceMarketOrder,
)
from exchanges.order_ids import EMERGENCY_LEG, ENTRY_LEG, OrderKey, unpack
from exchanges.records import quicken
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


@dataclass(frozen=True, slots=True)
class _Row:
    """What is needed of an order's row. `quantity` is None where the command has not been seen."""

    grid: str
    lot: int
    market: Market
    quantity: Decimal | None
    filled: Decimal


@dataclass(frozen=True, slots=True)
class _Unexplained:
    """A part of what was told without a trade: up to which total it goes, and the fee it was told with."""

    quantity: Decimal
    fee: Decimal
    cumulative: Decimal


_NOWHERE: Final = Market("", "")
_INSERT: Final = (
    "INSERT INTO orders (client_order_id, grid, exchange, symbol, side, price, quantity, post_only, reduce_only, "
    "immediate, lot, sequence, leg, phase, placed_wall_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class OrderRows:
    """Writes `orders` and `fills`, inside the caller's transaction.

    Facts about an order come from several threads, so one of them may be here before the command itself: the order
    then gets a row of what its id says, which the command completes. The same row stands for an order of ours that
    was found at the venue and is known from nowhere else.
    """

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
        self._find(event.grid, event.client_order_id, received)
        self._learn(event.client_order_id, event.price, event.quantity)
        self._touch(event.client_order_id, event.order_id, received)
        if key_of(event.client_order_id).leg != ENTRY_LEG:
            self._lots.start_ladder(event.grid, received.wall_ns)

    def amended(self, event: OrderAmended, received: Received) -> None:
        """Somebody else moved or resized it at the venue."""
        self._find(event.grid, event.client_order_id, received)
        self._sql.execute(
            "UPDATE orders SET price = ?, quantity = ? WHERE client_order_id = ?",
            (str(event.price), str(event.quantity), event.client_order_id),
        )

    def refused(self, event: OrderRejected | OrderDenied, received: Received) -> None:
        """The venue or the send gate refused it: nothing happened."""
        self.never_accepted(event.grid, event.client_order_id, str(event.reason), received)

    def never_accepted(self, grid: str, client_order_id: int, reason: str, received: Received) -> None:
        """The order never came to be."""
        self._find(grid, client_order_id, received)
        self._end(grid, client_order_id, OrderStatus.REJECTED, reason, received.wall_ns)

    def canceled(self, event: OrderCanceled, received: Received) -> None:
        """A report says that it ended with a remainder."""
        filled = self._find(event.grid, event.client_order_id, received).filled
        is_last_word = event.final and filled >= event.filled
        self._end_if(is_last_word, event, OrderStatus.CANCELED, event.reason.value, received)

    def settled(self, event: OrderSettled, received: Received) -> None:
        """An authoritative answer."""
        filled = self._find(event.grid, event.client_order_id, received).filled
        self._learn(event.client_order_id, event.price, event.quantity)
        if event.status.is_terminal:
            reason = "" if event.reason is None else event.reason.value
            self._end_if(filled >= event.filled, event, event.status, reason, received)
        elif event.status is not OrderStatus.UNKNOWN:
            self._touch(event.client_order_id, event.order_id, received)

    def outcome_unknown(self, event: OrderOutcomeUnknown, received: Received) -> None:
        """Sent, no definite answer; the fence is kept on the wall clock, which the next run can read."""
        self._find(event.grid, event.client_order_id, received)
        fence_wall_ns = received.wall_ns + event.fence_ns - received.monotonic_ns
        self._sql.execute(
            "UPDATE orders SET phase = CASE phase WHEN 'sent' THEN 'unknown' ELSE phase END, "
            "fence_wall_ns = max(fence_wall_ns, ?) WHERE client_order_id = ?",
            (fence_wall_ns, event.client_order_id),
        )

    def filled(self, event: OrderFilled, received: Received) -> None:
        """A part was executed. A fill that is known already changes nothing."""
        row = self._find(event.grid, event.client_order_id, received)
        if not self._insert_fill(event, row, received):
            return
        total = row.filled + event.quantity
        self._sql.execute("UPDATE orders SET filled = ? WHERE client_order_id = ?", (str(total), event.client_order_id))
        quantity = row.quantity
        if quantity is None and event.leaves is not None:
            quantity = event.cumulative + event.leaves
            self._learn(event.client_order_id, event.price, quantity)
        self._touch(event.client_order_id, event.order_id, received)
        is_entry = key_of(event.client_order_id).leg == ENTRY_LEG
        self._lots.count_fill(event, row.lot, received.wall_ns, is_entry=is_entry)
        if quantity is not None and total >= quantity:
            self._end(event.grid, event.client_order_id, OrderStatus.FILLED, "", received.wall_ns)

    def corrected(self, event: FillCorrected) -> None:
        """The execution behind fills that were told without one: they become its row, with its price and fee."""
        row = self._select(event.client_order_id)
        parts = self._take_unexplained(event)
        explained = sum((part.quantity for part in parts), ZERO)
        if row is None or not explained:
            return
        if event.trade_id is not None:
            fee = event.fee + sum((part.fee for part in parts), ZERO)
            self._put_execution(event, row, explained, fee)
        else:
            # it has no name of its own: its parts keep the totals by which they are told apart
            for part in parts:
                fee = part.fee + event.fee * part.quantity / explained
                self._insert_execution(event, row, part.quantity, fee, part.cumulative)
        is_entry = key_of(event.client_order_id).leg == ENTRY_LEG
        change = (event.price - event.assumed_price) * explained
        self._lots.fee_corrected(event.grid, row.lot, change, event.fee, is_entry=is_entry)

    def attributed(self, event: FillAttributed, received: Received) -> None:
        """A part of a fill closed another lot than the one its order is kept under."""
        lot = self._find(event.grid, event.client_order_id, received).lot
        if lot != event.lot:
            self._lots.move_exit(event.grid, lot, event.lot, event.quantity, event.price, event.fee)

    def _take_unexplained(self, event: FillCorrected) -> list[_Unexplained]:
        """Remove up to the event's quantity from the rows without a trade, and return it: the oldest first, as the
        ledger does it.
        """
        rows = self._sql.execute(
            "SELECT seq, quantity, fee, cumulative FROM fills WHERE client_order_id = ? AND trade_id IS NULL "
            "ORDER BY seq",
            (event.client_order_id,),
        ).fetchall()
        taken, left = [], event.quantity
        for seq, *texts in rows:
            quantity, fee, cumulative = map(Decimal, texts)
            share = min(left, quantity)
            left -= share
            rest = quantity - share
            if not rest:
                self._sql.execute("DELETE FROM fills WHERE seq = ?", (seq,))
                taken.append(_Unexplained(share, fee, cumulative))
            elif share:
                part = fee * share / quantity
                values = (_plain(rest), str(fee - part), seq)
                self._sql.execute("UPDATE fills SET quantity = ?, fee = ? WHERE seq = ?", values)
                taken.append(_Unexplained(share, part, cumulative - rest))
        return taken

    def _put_execution(self, event: FillCorrected, row: _Row, quantity: Decimal, fee: Decimal) -> None:
        """Insert an execution with an id, or add to its row where a part of it was new and is there already."""
        known = self._sql.execute(
            "SELECT seq, quantity, fee FROM fills WHERE exchange = ? AND symbol = ? AND trade_id = ?",
            (row.market.exchange, row.market.symbol, event.trade_id),
        ).fetchone()
        if known is None:
            self._insert_execution(event, row, quantity, fee, row.filled)
            return
        seq, text, earlier = known
        self._sql.execute(
            "UPDATE fills SET quantity = ?, fee = ? WHERE seq = ?",
            (_plain(Decimal(text) + quantity), str(Decimal(earlier) + fee), seq),
        )

    def _insert_execution(
        self, event: FillCorrected, row: _Row, quantity: Decimal, fee: Decimal, cumulative: Decimal
    ) -> None:
        self._sql.execute(
            "INSERT INTO fills (exchange, symbol, grid, lot, client_order_id, trade_id, price, quantity, cumulative, "
            "fee, is_maker, occurred_wall_ns, received_wall_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(row.market.exchange, row.market.symbol, event.grid, row.lot, event.client_order_id, event.trade_id),
                *(str(event.price), _plain(quantity), _plain(cumulative), str(fee), event.is_maker),
                *(event.occurred_wall_ns, event.occurred_wall_ns),
            ),
        )

    # --- rows ---

    def _find(self, grid: str, client_order_id: int, received: Received) -> _Row:
        row = self._select(client_order_id)
        if row is not None:
            return row
        key = key_of(client_order_id)
        market = self._markets.get(grid, _NOWHERE)
        is_immediate = key.leg == EMERGENCY_LEG
        self._sql.execute(
            f"{_INSERT} ON CONFLICT DO NOTHING",
            (
                *(client_order_id, grid, market.exchange, market.symbol, "", "", ""),
                *(not is_immediate, key.leg != ENTRY_LEG, is_immediate),
                *(key.sequence, key.sequence, key.leg, Phase.UNKNOWN.value, received.wall_ns),
            ),
        )
        self._lots.open(grid, key.sequence, "", 0)
        return _Row(grid, key.sequence, market, None, ZERO)

    def _select(self, client_order_id: int) -> _Row | None:
        row = self._sql.execute(
            "SELECT grid, lot, exchange, symbol, quantity, filled FROM orders WHERE client_order_id = ?",
            (client_order_id,),
        ).fetchone()
        if row is None:
            return None
        grid, lot, exchange, symbol, quantity, filled = row
        return _Row(grid, lot, Market(exchange, symbol), Decimal(quantity) if quantity else None, Decimal(filled))

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
        earlier = self._select(order.client_order_id)
        self._sql.execute(
            f"{_INSERT} ON CONFLICT DO UPDATE SET side = excluded.side, price = excluded.price, quantity = "
            "excluded.quantity, post_only = excluded.post_only, immediate = excluded.immediate, lot = excluded.lot, "
            "placed_wall_ns = min(placed_wall_ns, excluded.placed_wall_ns) WHERE side = ''",
            (
                *(order.client_order_id, order.grid, order.exchange, order.symbol, order.side.value),
                *(str(price), str(order.quantity), post_only, order.reduce_only, immediate),
                *(lot, key.sequence, key.leg, phase.value, placed_wall_ns),
            ),
        )
        side = order.side if key.leg == ENTRY_LEG else order.side.opposite
        is_continuation = key.sequence != lot and key.leg != EMERGENCY_LEG
        self._lots.open(order.grid, lot, side.value, key.sequence if is_continuation else 0)
        if earlier is not None and earlier.lot != lot:
            self._move_fills(order.client_order_id, earlier, lot)
        if earlier is not None and earlier.filled >= order.quantity:
            self._end(order.grid, order.client_order_id, OrderStatus.FILLED, "", placed_wall_ns)

    def _move_fills(self, client_order_id: int, earlier: _Row, lot: int) -> None:
        """Fills that came before the command were counted under the id's own sequence: move them to its lot."""
        rows = self._sql.execute(
            "SELECT quantity, price, fee FROM fills WHERE client_order_id = ? AND lot = ?",
            (client_order_id, earlier.lot),
        ).fetchall()
        for row in rows:
            quantity, price, fee = (Decimal(text) for text in row)
            self._lots.add(earlier.grid, earlier.lot, -quantity, -quantity * price, -fee, is_entry=False)
            self._lots.add(earlier.grid, lot, quantity, quantity * price, fee, is_entry=False)
        self._sql.execute("UPDATE fills SET lot = ? WHERE client_order_id = ?", (lot, client_order_id))

    def _learn(self, client_order_id: int, price: Decimal | None, quantity: Decimal | None) -> None:
        """Fill in what the command would have said, for an order that is known from the venue only."""
        if price is not None and quantity is not None:
            self._sql.execute(
                "UPDATE orders SET price = ?, quantity = ? WHERE client_order_id = ? AND quantity = ''",
                (str(price), str(quantity), client_order_id),
            )

    def _touch(self, client_order_id: int, order_id: str | None, received: Received) -> None:
        """Note a sign of life."""
        self._sql.execute(
            "UPDATE orders SET order_id = coalesce(?, order_id), phase = CASE WHEN phase IN ('sent', 'unknown') THEN "
            "'open' ELSE phase END, accepted_wall_ns = CASE accepted_wall_ns WHEN 0 THEN ? ELSE accepted_wall_ns END "
            "WHERE client_order_id = ?",
            (order_id, received.wall_ns, client_order_id),
        )

    def _insert_fill(self, event: OrderFilled, row: _Row, received: Received) -> bool:
        market = (row.market.exchange, row.market.symbol)
        rows = self._sql.execute(
            "INSERT INTO fills (exchange, symbol, grid, lot, client_order_id, trade_id, price, quantity, cumulative, "
            "fee, is_maker, occurred_wall_ns, received_wall_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (
                *(*market, event.grid, row.lot, event.client_order_id, event.trade_id),
                *(str(event.price), _plain(event.quantity), _plain(event.cumulative), str(event.fee), event.is_maker),
                *(event.occurred_wall_ns, event.received_wall_ns or received.wall_ns),
            ),
        ).rowcount
        return rows == 1

    def _end_if(
        self,
        is_last_word: bool,  # noqa: FBT001 - the caller's one question
        event: OrderCanceled | OrderSettled,
        status: OrderStatus,
        reason: str,
        received: Received,
    ) -> None:
        if is_last_word:
            self._end(event.grid, event.client_order_id, status, reason, received.wall_ns)
            return
        self._sql.execute(
            "UPDATE orders SET phase = 'ending', reason = ? WHERE client_order_id = ? AND phase != 'ended'",
            (reason, event.client_order_id),
        )

    def _end(self, grid: str, client_order_id: int, status: OrderStatus, reason: str, wall_ns: int) -> None:
        """Settle an order. An entry that ends takes its lot along, and resets the ladder if nothing was filled."""
        self._sql.execute(
            "UPDATE orders SET phase = 'ended', end_status = ?, reason = ?, ended_wall_ns = ? "
            "WHERE client_order_id = ? AND phase != 'ended'",
            (status.value, reason, wall_ns, client_order_id),
        )
        key = key_of(client_order_id)
        if key.leg == ENTRY_LEG:
            self._lots.entry_done(grid, key.sequence)
            row = self._select(client_order_id)
            if row is not None and row.filled == ZERO:
                self._lots.start_ladder(grid, wall_ns)


def key_of(client_order_id: int) -> OrderKey:
    """Return the parts of an id. Raises ValueError for a number that cannot be ours."""
    key = unpack(client_order_id)
    if key is None:
        raise ValueError(f"{client_order_id} is not an id of ours")
    return key


def _plain(quantity: Decimal) -> str:
    """Spell equal quantities alike (0.10 as 0.1), so that text comparison in an index is exact."""
    return format(quantity.normalize(), "f")


quicken(__name__)
