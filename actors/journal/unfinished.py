"""What a run that was killed left half written: a start finishes it, in its own transaction, before it reads.

An exit may close several lots. Its fill is written under one of them, and what became of it (whose the shares were,
which lots are closed, with what profit) by messages behind it: a kill may come between them.
"""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from actors.journal.lots import LotRows, is_entry_settled
from actors.messages import PositionClosed
from exchanges.order_ids import ENTRY_LEG
from exchanges.values import ZERO, Side

_NEWEST_LOTS: Final = 1000
"""So many are looked through at a start: what one crash can have interrupted is among them."""


@dataclass(slots=True)
class _Lot:
    grid: str
    lot: int
    excess: Decimal
    """By how much its exits closed more than its entry filled; negative: so much is open."""
    is_entry_done: bool
    is_known_closed: bool


def finish(sql: sqlite3.Connection, lots: LotRows, wall_ns: int) -> None:
    """Give every share of an exit to the lot it closed, and book what closed lots earned, where that is not written."""
    _spread_excess(sql, lots)
    _book_unrecorded(sql, lots, wall_ns)


def _spread_excess(sql: sqlite3.Connection, lots: LotRows) -> None:
    """Move what lots have closed beyond their entry to the lots it really closed: known closed ones first, then the
    oldest. A lot whose entry may have filled more than is written keeps it: the venue tells the rest.
    """
    rows = sql.execute(
        "SELECT grid, lot, entry_filled, exit_filled, entry_done, closed_quantity FROM lots WHERE is_open = 1 "
        "ORDER BY lot"
    ).fetchall()
    found = [
        _Lot(
            grid=grid,
            lot=lot,
            excess=Decimal(closed) - Decimal(entry),
            is_entry_done=bool(entry_done) or is_entry_settled(sql, grid, lot),
            is_known_closed=Decimal(recorded) == Decimal(entry),
        )
        for grid, lot, entry, closed, entry_done, recorded in rows
    ]
    takers = sorted((lot for lot in found if lot.excess < ZERO), key=lambda lot: (not lot.is_known_closed, lot.lot))
    for giver in (lot for lot in found if lot.excess > ZERO and lot.is_entry_done):
        price, fee = _average_exit(sql, giver)
        for taker in (lot for lot in takers if lot.grid == giver.grid):
            share = min(giver.excess, -taker.excess)
            if share > ZERO:
                giver.excess -= share
                taker.excess += share
                lots.move_exit(giver.grid, giver.lot, taker.lot, share, price, fee * share)


def _average_exit(sql: sqlite3.Connection, lot: _Lot) -> tuple[Decimal, Decimal]:
    """Return price and fee of a unit that a lot's exits closed."""
    closed, notional = sql.execute(
        "SELECT exit_filled, exit_notional FROM lots WHERE grid = ? AND lot = ?", (lot.grid, lot.lot)
    ).fetchone()
    fees = sql.execute(
        "SELECT fills.quantity, fills.fee FROM fills JOIN orders USING (client_order_id) "
        "WHERE orders.grid = ? AND orders.lot = ? AND leg != ?",
        (lot.grid, lot.lot, ENTRY_LEG),
    ).fetchall()
    filled = sum((Decimal(quantity) for quantity, _ in fees), ZERO)
    paid = sum((Decimal(fee) for _, fee in fees), ZERO)
    return Decimal(notional) / Decimal(closed), paid / filled if filled else ZERO


def _book_unrecorded(sql: sqlite3.Connection, lots: LotRows, wall_ns: int) -> None:
    """Book what closed lots earned where the run before ended between an exit's last fill and the lot's closing."""
    rows = sql.execute(
        "SELECT grid, lot, side, entry_filled, entry_notional, exit_filled, exit_notional, fees, closed_quantity "
        "FROM lots WHERE is_open = 0 AND side != '' AND entry_filled != '0' AND closed_quantity != entry_filled "
        "ORDER BY lot DESC LIMIT ?",
        (_NEWEST_LOTS,),
    ).fetchall()
    for grid, lot, side, *texts in rows:
        entry, entry_notional, closed, exit_notional, fees, recorded = map(Decimal, texts)
        if recorded >= entry:
            continue
        gross = (exit_notional - entry_notional) * Side(side).sign
        earlier = sql.execute(
            "SELECT realized_pnl, fees FROM closings WHERE grid = ? AND lot = ?", (grid, lot)
        ).fetchall()
        event = PositionClosed(
            grid=grid,
            lot=lot,
            entry_price=entry_notional / entry,
            exit_price=exit_notional / closed,
            quantity=entry - recorded,
            realized_pnl=gross - fees - sum((Decimal(profit) for profit, _ in earlier), ZERO),
            fees=fees - sum((Decimal(fee) for _, fee in earlier), ZERO),
        )
        lots.closed(event, wall_ns)
