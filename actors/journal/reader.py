"""Reading the journal: what a restart starts from, and rows for reports.

`restore` reads only what is open (unsettled orders, lots with a difference, totals), so its cost does not grow with the
history. What the run before left half written has been finished by then (`actors.journal.unfinished`).
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.journal.lots import FLATTENING, RUNNING, is_entry_settled
from actors.journal.orders import Market
from actors.journal.schema import connect_read_only, journal_error
from actors.messages import LatchKind
from exchanges.fills import RestoredTrade
from exchanges.order_ids import LAST_EXIT_LEG
from exchanges.values import ZERO, ClientOrderId, OrderId, OrderStatus, Side, TradeId

DAY_NS: Final = 86_400_000_000_000
SETTLED_WINDOW_NS: Final = 3_600_000_000_000
UNKNOWN_FENCE_NS: Final = 120_000_000_000
CLOCKS_DIFFER_NS: Final = 600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrder:
    """What the fill ledger must know of an order, so that nothing is counted twice. `filled` sums the applied fills,
    `trades` lists them; one without a trade id has the price and fee it was told with.
    """

    client_order_id: ClientOrderId
    order_id: OrderId | None
    grid: str
    side: Side
    price: Decimal
    quantity: Decimal
    reduce_only: bool
    filled: Decimal
    trades: tuple[RestoredTrade, ...]
    is_settled: bool
    end_status: OrderStatus | None = None

    @property
    def trade_ids(self) -> frozenset[TradeId]:
        """The venue's ids of the applied fills."""
        return frozenset(trade.trade_id for trade in self.trades if trade.trade_id is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredMarket:
    """Where the connection takes up reading in one market.

    Attributes:
        last_trade_id: The newest recorded trade of ours before `since_wall_ns`, empty if none. Read on after it.
        since_wall_ns: Trades of ours before this time are all recorded; 0 if nothing was ever recorded.
        orders: All that are not settled, and those that were settled since about `since_wall_ns`.
    """

    exchange: str
    symbol: str
    last_trade_id: str = ""
    since_wall_ns: int = 0
    orders: tuple[KnownOrder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """Everything the journal gives a restart, by grid name and by (exchange, symbol)."""

    grids: Mapping[str, RestoredGrid]
    markets: Mapping[tuple[str, str], RestoredMarket]
    unsettled: frozenset[ClientOrderId] = frozenset()
    highest_sequence: int = 0
    problems: tuple[str, ...] = ()


class JournalReader:
    """Reads a journal without ever writing. One per thread; each call opens and closes its own connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def restore(
        self,
        markets: Mapping[str, Market],
        *,
        now_wall_ns: int,
        suspect_through: int = 0,
        forgotten_through: int = 0,
    ) -> Restored:
        """Return what each of the given grids starts from.

        Args:
            markets: Where each configured grid trades, by grid name.
            now_wall_ns: Now, for what was realized since midnight UTC.
            suspect_through: From the intent history: ids of lots up to here are not continued.
            forgotten_through: Highest sequence of a past that this journal knows nothing of (it was lost), else 0.

        Raises:
            JournalDamaged: its content makes no sense.
            JournalError: it cannot be read.
        """
        try:
            with closing(connect_read_only(self._path)) as sql:
                sql.execute("BEGIN")
                grids = {grid: _grid(sql, grid, now_wall_ns, suspect_through, forgotten_through) for grid in markets}
                return Restored(
                    grids=grids,
                    markets={(m.exchange, m.symbol): _market(sql, m) for m in markets.values()},
                    unsettled=_unsettled_ids(sql),
                    highest_sequence=_highest_sequence(sql, None),
                    problems=_left_behind(sql, markets),
                )
        except sqlite3.Error as error:
            raise journal_error(self._path, "cannot be read", error) from None


def _highest_sequence(sql: sqlite3.Connection, grid: str | None) -> int:
    """Return the highest sequence that a grid (or any) has reserved or used, 0 if none."""
    return int(
        sql.execute(
            "SELECT max(coalesce((SELECT max(highest_sequence) FROM grids WHERE ?1 IS NULL OR grid = ?1), 0), "
            "coalesce((SELECT max(sequence) FROM orders WHERE ?1 IS NULL OR grid = ?1), 0))",
            (grid,),
        ).fetchone()[0]
    )


def _highest_used(sql: sqlite3.Connection, grid: str) -> int:
    return int(sql.execute("SELECT coalesce(max(sequence), 0) FROM orders WHERE grid = ?", (grid,)).fetchone()[0])


def _unsettled_ids(sql: sqlite3.Connection) -> frozenset[ClientOrderId]:
    rows = sql.execute("SELECT client_order_id FROM orders WHERE phase != 'ended'")
    return frozenset(ClientOrderId(number) for (number,) in rows)


def _grid(
    sql: sqlite3.Connection, grid: str, now_wall_ns: int, suspect_through: int, forgotten_through: int
) -> RestoredGrid:
    row = sql.execute(
        "SELECT realized_pnl, fees, external, paused, latch, latch_text, ladder_wall_ns, ladder_waived FROM grids "
        "WHERE grid = ?",
        (grid,),
    ).fetchone()
    if row is None:
        return RestoredGrid(grid=grid, highest_sequence=forgotten_through)
    is_known = _highest_sequence(sql, grid) > 0
    realized, fees, external, paused, latch, latch_text, ladder_wall_ns, ladder_waived = row
    midnight_ns = now_wall_ns - now_wall_ns % DAY_NS
    return RestoredGrid(
        grid=grid,
        lots=_open_lots(sql, grid, suspect_through),
        orders=_unsettled_orders(sql, grid),
        latch=LatchKind(latch) if latch else None,
        latch_text=latch_text,
        paused=paused != RUNNING,
        flattening=paused == FLATTENING,
        realized_pnl=Decimal(realized),
        realized_pnl_today=_realized(sql, midnight_ns, now_wall_ns, grid),
        funding_today=_funding(sql, midnight_ns, now_wall_ns, grid),
        forgiven_today=_forgiven(sql, midnight_ns, now_wall_ns, grid),
        fees=Decimal(fees),
        ladder_wall_ns=ladder_wall_ns,
        ladder_waived=bool(ladder_waived),
        external=Decimal(external),
        # blocks are handed out over all grids: what this one used is never above the highest of all
        highest_sequence=max(_highest_sequence(sql, None), forgotten_through) if is_known else forgotten_through,
        highest_used=_highest_used(sql, grid),
    )


# --- today ---


def _realized(sql: sqlite3.Connection, since_ns: int, until_ns: int, grid: str | None = None) -> Decimal:
    """Return what a grid (or all) has realized in a time, the last moment included."""
    rows = sql.execute(
        "SELECT realized_pnl FROM closings WHERE (?1 IS NULL OR grid = ?1) AND closed_wall_ns BETWEEN ?2 AND ?3",
        (grid, since_ns, until_ns),
    )
    return sum((Decimal(text) for (text,) in rows), ZERO)


def _funding(sql: sqlite3.Connection, since_ns: int, until_ns: int, grid: str | None = None) -> Decimal:
    """Return the funding of a grid (or of all) in a time."""
    rows = sql.execute(
        "SELECT payload FROM events WHERE kind = 'FundingPaid' AND received_wall_ns BETWEEN ?2 AND ?3 "
        "AND (?1 IS NULL OR grid = ?1)",
        (grid, since_ns, until_ns),
    )
    return sum((Decimal(json.loads(text)["amount"]) for (text,) in rows), ZERO)


def _forgiven(sql: sqlite3.Connection, midnight_ns: int, now_ns: int, grid: str) -> Decimal:
    """Return the whole bot's loss of the day when an operator last resumed the grid, zero if there was neither."""
    resumed_ns = sql.execute(
        "SELECT max(received_wall_ns) FROM events WHERE kind = 'ResumeEntries' AND received_wall_ns BETWEEN ? AND ? "
        "AND grid IN (?, '')",
        (midnight_ns, now_ns, grid),
    ).fetchone()[0]
    if resumed_ns is None:
        return ZERO
    return min(ZERO, _realized(sql, midnight_ns, resumed_ns) + _funding(sql, midnight_ns, resumed_ns))


# --- orders ---


def _entry_side(sql: sqlite3.Connection, grid: str) -> str:
    """Return the side of a grid's entries as its lots show it, empty if there are none."""
    row = sql.execute("SELECT side FROM lots WHERE grid = ? AND side != '' LIMIT 1", (grid,)).fetchone()
    return "" if row is None else str(row[0])


def _side(text: str, entry_side: str, *, reduce_only: bool) -> Side:
    """Return the side of an order; one that is known from the venue only has that of its role."""
    if text:
        return Side(text)
    return Side(entry_side).opposite if reduce_only else Side(entry_side)


def _unsettled_orders(sql: sqlite3.Connection, grid: str) -> tuple[RestoredOrder, ...]:
    entry_side = _entry_side(sql, grid)
    rows = sql.execute(
        "SELECT client_order_id, order_id, lot, side, price, quantity, filled, post_only, reduce_only, immediate, "
        "accepted_wall_ns, placed_wall_ns, fence_wall_ns FROM orders WHERE phase != 'ended' AND grid = ? "
        "AND quantity != '' AND (side != '' OR ? != '') ORDER BY placed_wall_ns, client_order_id",
        (grid, entry_side),
    )
    return tuple(
        RestoredOrder(
            client_order_id=ClientOrderId(number),
            order_id=None if order_id is None else OrderId(order_id),
            lot=lot,
            side=_side(side, entry_side, reduce_only=bool(reduce_only)),
            price=Decimal(price),
            quantity=Decimal(quantity),
            filled=Decimal(filled),
            post_only=bool(post_only),
            reduce_only=bool(reduce_only),
            immediate=bool(immediate),
            was_accepted=accepted_wall_ns != 0,
            placed_wall_ns=placed_wall_ns,
            # no intent and no verdict: the longest fence any venue has, counted from when it was asked for
            fence_wall_ns=fence_wall_ns or placed_wall_ns + UNKNOWN_FENCE_NS,
        )
        for (
            number, order_id, lot, side, price, quantity, filled, post_only, reduce_only, immediate, accepted_wall_ns,
            placed_wall_ns, fence_wall_ns,
        ) in rows
    )  # fmt: skip


def _market(sql: sqlite3.Connection, market: Market) -> RestoredMarket:
    where = (market.exchange, market.symbol)
    oldest, newest = sql.execute(
        "SELECT min(CASE WHEN phase != 'ended' THEN placed_wall_ns END), max(max(placed_wall_ns, ended_wall_ns)) "
        "FROM orders WHERE exchange = ? AND symbol = ?",
        where,
    ).fetchone()
    # settled orders had all their fills when they were settled; a late one may trail by less than the window
    since_wall_ns = max(min(oldest or newest, newest - SETTLED_WINDOW_NS), 0) if newest else 0
    before = sql.execute(
        "SELECT trade_id FROM fills WHERE exchange = ? AND symbol = ? AND trade_id IS NOT NULL AND "
        "occurred_wall_ns < ? ORDER BY occurred_wall_ns DESC, seq DESC LIMIT 1",
        (*where, since_wall_ns),
    ).fetchone()
    return RestoredMarket(
        exchange=market.exchange,
        symbol=market.symbol,
        last_trade_id="" if before is None else before[0],
        since_wall_ns=since_wall_ns,
        orders=_known_orders(sql, where, since_wall_ns - CLOCKS_DIFFER_NS),
    )


def _known_orders(sql: sqlite3.Connection, where: tuple[str, str], since_wall_ns: int) -> tuple[KnownOrder, ...]:
    rows = sql.execute(
        "SELECT client_order_id, order_id, grid, side, price, quantity, reduce_only, filled, phase, end_status "
        "FROM orders WHERE exchange = ? AND symbol = ? AND quantity != '' AND (phase != 'ended' OR ended_wall_ns >= ?) "
        "ORDER BY client_order_id",
        (*where, since_wall_ns),
    ).fetchall()
    trades = _trades(sql, where, since_wall_ns)
    sides = {grid: _entry_side(sql, grid) for grid in {row[2] for row in rows}}
    return tuple(
        KnownOrder(
            client_order_id=ClientOrderId(number),
            order_id=None if order_id is None else OrderId(order_id),
            grid=grid,
            side=_side(side, sides[grid], reduce_only=bool(reduce_only)),
            price=Decimal(price),
            quantity=Decimal(quantity),
            reduce_only=bool(reduce_only),
            filled=Decimal(filled),
            trades=tuple(trades.get(number, ())),
            is_settled=phase == "ended",
            end_status=OrderStatus(end_status) if end_status else None,
        )
        for number, order_id, grid, side, price, quantity, reduce_only, filled, phase, end_status in rows
        if side or sides[grid]
    )


def _trades(sql: sqlite3.Connection, where: tuple[str, str], since_wall_ns: int) -> dict[int, list[RestoredTrade]]:
    rows = sql.execute(
        "SELECT client_order_id, trade_id, fills.price, fills.quantity, fills.fee "
        "FROM orders JOIN fills USING (client_order_id) "
        "WHERE orders.exchange = ? AND orders.symbol = ? AND (phase != 'ended' OR ended_wall_ns >= ?) "
        "ORDER BY fills.seq",
        (*where, since_wall_ns),
    )
    trades: dict[int, list[RestoredTrade]] = {}
    for number, trade_id, price, quantity, fee in rows:
        known = None if trade_id is None else TradeId(trade_id)
        trade = RestoredTrade(known, Decimal(price), Decimal(quantity), Decimal(fee))
        trades.setdefault(number, []).append(trade)
    return trades


def _left_behind(sql: sqlite3.Connection, markets: Mapping[str, Market]) -> tuple[str, ...]:
    problems = []
    rows = sql.execute(
        "SELECT grid, count(*) FROM (SELECT grid FROM orders WHERE phase != 'ended' UNION ALL SELECT grid FROM lots "
        "WHERE is_open = 1) GROUP BY grid"
    )
    for grid, count in rows:
        if grid not in markets:
            problems.append(
                f"grid {grid!r} is not configured any more but has {count} open lots or orders in the journal. "
                f"Put [grid.{grid}] back until it is flat."
            )
    return tuple(problems)


# --- lots ---


def _open_lots(sql: sqlite3.Connection, grid: str, suspect_through: int) -> tuple[RestoredLot, ...]:
    rows = sql.execute(
        "SELECT lot, entry_filled, entry_notional, exit_filled, exit_notional, fees, opened_wall_ns, entry_done, "
        "continuation FROM lots WHERE grid = ? AND is_open = 1 ORDER BY lot",
        (grid,),
    ).fetchall()
    lots = []
    for lot, entry, entry_notional, closed, exit_notional, fees, opened_wall_ns, entry_done, continuation in rows:
        is_entry_done = bool(entry_done) or is_entry_settled(sql, grid, lot)
        if is_entry_done and Decimal(entry) == Decimal(closed):
            continue
        restored = RestoredLot(
            lot=lot,
            entry_filled=Decimal(entry),
            entry_notional=Decimal(entry_notional),
            exit_filled=Decimal(closed),
            exit_notional=Decimal(exit_notional),
            fees=Decimal(fees),
            opened_wall_ns=opened_wall_ns,
            entry_done=is_entry_done,
            attempts_used=_attempts_used(sql, grid, lot, continuation or lot, suspect_through),
            continuation=continuation,
        )
        lots.append(restored)
    return tuple(lots)


def _attempts_used(sql: sqlite3.Connection, grid: str, lot: int, sequence: int, suspect_through: int) -> int:
    """Return the highest exit leg of a sequence that may be used. After a loss of power a lost attempt may have used
    the next one: such a sequence is left alone.
    """
    if sequence <= suspect_through:
        return LAST_EXIT_LEG
    highest_leg = sql.execute(
        "SELECT coalesce(max(leg), 0) FROM orders WHERE grid = ? AND lot = ? AND sequence = ?", (grid, lot, sequence)
    ).fetchone()[0]
    return int(highest_leg)


__all__ = ["JournalReader", "KnownOrder", "Restored", "RestoredMarket"]
