"""The rows of lots and grids: what entries filled, what exits closed, what was realized."""

import sqlite3
from decimal import Decimal

from actors.messages import EntryFinished, ExternalBooked, LatchChanged, OrderFilled, PositionClosed
from exchanges.values import ZERO, Side


class LotRows:
    """Writes `lots`, `closings` and `grids`, inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def open(self, grid: str, lot: int, side: Side, sequence: int) -> None:
        """Make sure the lot has a row; note the continuation sequence its newest order uses."""
        self._sql.execute(
            "INSERT INTO lots (grid, lot, side) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (grid, lot, side.value)
        )
        if sequence != lot:
            self._sql.execute(
                "UPDATE lots SET continuation = max(continuation, ?) WHERE grid = ? AND lot = ?", (sequence, grid, lot)
            )

    def count_fill(self, event: OrderFilled, lot: int, wall_ns: int, *, is_entry: bool) -> None:
        """Add a fill to its lot."""
        row = self._sql.execute(
            "SELECT entry_filled, entry_notional, exit_filled, exit_notional, fees FROM lots "
            "WHERE grid = ? AND lot = ?",
            (event.grid, lot),
        ).fetchone()
        if row is None:
            self._sql.execute("INSERT INTO lots (grid, lot, side) VALUES (?, ?, '')", (event.grid, lot))
            row = ("0",) * 5
        entry, entry_notional, closed, exit_notional, fees = (Decimal(text) for text in row)
        notional = event.price * event.quantity
        if is_entry:
            entry, entry_notional = entry + event.quantity, entry_notional + notional
        else:
            closed, exit_notional = closed + event.quantity, exit_notional + notional
        amounts = (entry, entry_notional, closed, exit_notional, fees + event.fee)
        self._sql.execute(
            "UPDATE lots SET entry_filled = ?, entry_notional = ?, exit_filled = ?, exit_notional = ?, fees = ?, "
            "is_open = ?, opened_wall_ns = CASE opened_wall_ns WHEN 0 THEN ? ELSE opened_wall_ns END, "
            "entry_done = max(entry_done, ?) WHERE grid = ? AND lot = ?",
            (
                *(str(amount) for amount in amounts),
                entry != closed,
                (event.received_wall_ns or wall_ns) if is_entry else 0,
                is_entry and event.leaves == ZERO,
                event.grid,
                lot,
            ),
        )

    def entry_finished(self, event: EntryFinished, wall_ns: int) -> None:
        """No more fills are expected of a lot's entry."""
        self.entry_done(event.grid, event.lot)
        if event.filled == ZERO:
            self.start_ladder(event.grid, wall_ns)

    def entry_done(self, grid: str, lot: int) -> None:
        """Mark a lot's entry as terminal."""
        self._sql.execute("UPDATE lots SET entry_done = 1 WHERE grid = ? AND lot = ?", (grid, lot))

    def closed(self, event: PositionClosed, wall_ns: int) -> None:
        """A lot is completely closed: book its profit."""
        amounts = (event.quantity, event.entry_price, event.exit_price, event.realized_pnl, event.fees)
        self._sql.execute(
            "INSERT INTO closings (grid, lot, quantity, entry_price, exit_price, realized_pnl, fees, closed_wall_ns) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (event.grid, event.lot, *(str(amount) for amount in amounts), wall_ns),
        )
        self._sql.execute(
            "UPDATE lots SET closed_quantity = ? WHERE grid = ? AND lot = ?",
            (str(event.quantity), event.grid, event.lot),
        )
        row = self._sql.execute("SELECT realized_pnl, fees FROM grids WHERE grid = ?", (event.grid,)).fetchone()
        if row is not None:
            self._sql.execute(
                "UPDATE grids SET realized_pnl = ?, fees = ?, ladder_waived = 1 WHERE grid = ?",
                (str(Decimal(row[0]) + event.realized_pnl), str(Decimal(row[1]) + event.fees), event.grid),
            )

    def external(self, event: ExternalBooked) -> None:
        """A difference was booked as somebody else's; with a lot, that much of it counts as closed outside."""
        self._sql.execute("UPDATE grids SET external = ? WHERE grid = ?", (str(event.external), event.grid))
        row = self._sql.execute(
            "SELECT entry_filled, exit_filled, exit_notional FROM lots WHERE grid = ? AND lot = ?",
            (event.grid, event.lot),
        ).fetchone()
        if row is None:
            return
        entry, closed, exit_notional = (Decimal(text) for text in row)
        closed += event.quantity
        self._sql.execute(
            "UPDATE lots SET exit_filled = ?, exit_notional = ?, is_open = ? WHERE grid = ? AND lot = ?",
            (str(closed), str(exit_notional + event.price * event.quantity), entry != closed, event.grid, event.lot),
        )

    def latched(self, event: LatchChanged) -> None:
        """A stop was latched or cleared."""
        kind = "" if event.kind is None else event.kind.value
        self._sql.execute("UPDATE grids SET latch = ?, latch_text = ? WHERE grid = ?", (kind, event.text, event.grid))

    def paused(self, grid: str, *, is_paused: bool) -> None:
        """An operator paused or resumed a grid, or all of them (`grid` empty)."""
        self._sql.execute("UPDATE grids SET paused = ? WHERE ? IN (grid, '')", (is_paused, grid))

    def reserved(self, grid: str, last: int) -> None:
        """A block of lot sequences up to `last` is the grid's."""
        self._sql.execute("UPDATE grids SET highest_sequence = max(highest_sequence, ?) WHERE grid = ?", (last, grid))

    def start_ladder(self, grid: str, wall_ns: int) -> None:
        """The cooldown counts from here: the newest exit was accepted, or an entry was reset."""
        self._sql.execute("UPDATE grids SET ladder_wall_ns = ? WHERE grid = ?", (wall_ns, grid))

    def use_waiver(self, grid: str) -> None:
        """An entry was placed: the waiver that a closed lot gave is spent."""
        self._sql.execute("UPDATE grids SET ladder_waived = 0 WHERE grid = ?", (grid,))
