"""The rows of lots and grids: what entries filled, what exits closed, what was realized."""

import sqlite3
from decimal import Decimal
from typing import Final, Literal

from actors.messages import (
    EntryFinished,
    ExternalBooked,
    LatchChanged,
    LotRebuilt,
    OrderFilled,
    PositionClosed,
    ProfitCorrected,
)
from exchanges.order_ids import ENTRY_LEG
from exchanges.values import ZERO

RUNNING: Final = 0
PAUSED: Final = 1
FLATTENING: Final = 2
"""What `grids.paused` says of an operator's wish; a grid that is to be closed is paused as well."""


def is_entry_settled(sql: sqlite3.Connection, grid: str, lot: int) -> bool:
    """Return whether no entry of a lot is known that may still fill."""
    row = sql.execute(
        "SELECT 1 FROM orders WHERE phase != 'ended' AND grid = ? AND lot = ? AND leg = ?", (grid, lot, ENTRY_LEG)
    ).fetchone()
    return row is None


class LotRows:
    """Writes `lots`, `closings` and `grids`, inside the caller's transaction.

    A lot is open while entry and exits differ, or while its entry may still fill.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def open(self, grid: str, lot: int, side: str, continuation: int) -> None:
        """Make sure the lot has a row; note the continuation sequence its newest exit uses, 0 if none.

        `side` is that of its entry, empty where it is not known yet.
        """
        self._sql.execute(
            "INSERT INTO lots (grid, lot, side) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET side = excluded.side WHERE side = ''",
            (grid, lot, side),
        )
        if continuation:
            self._sql.execute(
                "UPDATE lots SET continuation = max(continuation, ?) WHERE grid = ? AND lot = ?",
                (continuation, grid, lot),
            )

    def count_fill(self, event: OrderFilled, lot: int, wall_ns: int, *, is_entry: bool) -> None:
        """Add a fill to its lot and its fee to the grid."""
        self.add(event.grid, lot, event.quantity, event.price * event.quantity, event.fee, is_entry=is_entry)
        if is_entry:
            self._sql.execute(
                "UPDATE lots SET opened_wall_ns = ? WHERE grid = ? AND lot = ? AND opened_wall_ns = 0",
                (event.received_wall_ns or wall_ns, event.grid, lot),
            )
            if event.leaves == ZERO:
                self.entry_done(event.grid, lot)
        self._add_to_grid(event.grid, "fees", event.fee)

    def add(self, grid: str, lot: int, quantity: Decimal, notional: Decimal, fee: Decimal, *, is_entry: bool) -> None:
        """Add executed quantity to one side of a lot; negative takes back."""
        side = "entry" if is_entry else "exit"
        self.open(grid, lot, "", 0)
        filled, notionals, fees = self._sql.execute(
            f"SELECT {side}_filled, {side}_notional, fees FROM lots WHERE grid = ? AND lot = ?",  # noqa: S608
            (grid, lot),
        ).fetchone()
        amounts = (Decimal(filled) + quantity, Decimal(notionals) + notional, Decimal(fees) + fee)
        self._sql.execute(
            f"UPDATE lots SET {side}_filled = ?, {side}_notional = ?, fees = ? WHERE grid = ? AND lot = ?",  # noqa: S608
            (*(str(amount) for amount in amounts), grid, lot),
        )
        self._refresh(grid, lot)

    def move_exit(self, grid: str, lot: int, taker: int, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """Move a part of an exit's fill from the lot it was counted for to the lot that it closed."""
        self.add(grid, lot, -quantity, -price * quantity, -fee, is_entry=False)
        self.add(grid, taker, quantity, price * quantity, fee, is_entry=False)

    def entry_finished(self, event: EntryFinished, wall_ns: int) -> None:
        """No more fills are expected of a lot's entry."""
        self.entry_done(event.grid, event.lot)
        if event.filled == ZERO:
            self.start_ladder(event.grid, wall_ns)

    def entry_done(self, grid: str, lot: int) -> None:
        """Mark a lot's entry as terminal."""
        self._sql.execute("UPDATE lots SET entry_done = 1 WHERE grid = ? AND lot = ?", (grid, lot))
        self._refresh(grid, lot)

    def closed(self, event: PositionClosed, wall_ns: int) -> None:
        """A lot (or what a late fill re-opened of it) is closed: book its profit."""
        self._book(event, wall_ns)
        self._sql.execute("UPDATE grids SET ladder_waived = 1 WHERE grid = ?", (event.grid,))

    def profit_corrected(self, event: ProfitCorrected, wall_ns: int) -> None:
        """A closed lot's price or fee was learned late: its profit changes, no quantity does."""
        correction = PositionClosed(
            grid=event.grid,
            lot=event.lot,
            entry_price=ZERO,
            exit_price=ZERO,
            quantity=ZERO,
            realized_pnl=event.realized_pnl,
            fees=event.fees,
        )
        self._book(correction, wall_ns)

    def _book(self, event: PositionClosed, wall_ns: int) -> None:
        amounts = (event.quantity, event.entry_price, event.exit_price, event.realized_pnl, event.fees)
        self._sql.execute(
            "INSERT INTO closings (grid, lot, quantity, entry_price, exit_price, realized_pnl, fees, closed_wall_ns) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (event.grid, event.lot, *(str(amount) for amount in amounts), wall_ns),
        )
        row = self._sql.execute(
            "SELECT closed_quantity FROM lots WHERE grid = ? AND lot = ?", (event.grid, event.lot)
        ).fetchone()
        if row is not None:
            self._sql.execute(
                "UPDATE lots SET closed_quantity = ? WHERE grid = ? AND lot = ?",
                (str(Decimal(row[0]) + event.quantity), event.grid, event.lot),
            )
        self._add_to_grid(event.grid, "realized_pnl", event.realized_pnl)

    def _add_to_grid(self, grid: str, column: Literal["realized_pnl", "fees"], amount: Decimal) -> None:
        row = self._sql.execute(f"SELECT {column} FROM grids WHERE grid = ?", (grid,)).fetchone()  # noqa: S608
        if row is not None and amount:
            total = str(Decimal(row[0]) + amount)
            self._sql.execute(f"UPDATE grids SET {column} = ? WHERE grid = ?", (total, grid))  # noqa: S608

    def fee_corrected(self, grid: str, lot: int, change: Decimal, fee: Decimal, *, is_entry: bool) -> None:
        """Executed quantity turned out to have another notional (by `change`) and fee than was booked."""
        self.add(grid, lot, ZERO, change, fee, is_entry=is_entry)
        self._add_to_grid(grid, "fees", fee)

    def external(self, event: ExternalBooked) -> None:
        """A difference was booked as somebody else's; with a lot, that much of it counts as closed outside."""
        self._sql.execute("UPDATE grids SET external = ? WHERE grid = ?", (str(event.external), event.grid))
        if event.lot:
            self.add(event.grid, event.lot, event.quantity, event.price * event.quantity, ZERO, is_entry=False)

    def rebuilt(self, event: LotRebuilt, wall_ns: int) -> None:
        """A lot that was forgotten was found by its exit: it counts as filled, and no more fills are expected."""
        self.open(event.grid, event.lot, event.side.value, 0)
        self.add(event.grid, event.lot, event.quantity, event.price * event.quantity, ZERO, is_entry=True)
        self._sql.execute(
            "UPDATE lots SET opened_wall_ns = ? WHERE grid = ? AND lot = ? AND opened_wall_ns = 0",
            (wall_ns, event.grid, event.lot),
        )
        self.entry_done(event.grid, event.lot)

    def latched(self, event: LatchChanged) -> None:
        """A stop was latched or cleared."""
        kind = "" if event.kind is None else event.kind.value
        self._sql.execute("UPDATE grids SET latch = ?, latch_text = ? WHERE grid = ?", (kind, event.text, event.grid))

    def paused(self, grid: str) -> None:
        """An operator paused or halted a grid, or all of them (`grid` empty)."""
        self._sql.execute("UPDATE grids SET paused = max(paused, ?) WHERE ? IN (grid, '')", (PAUSED, grid))

    def flattening(self, grid: str) -> None:
        """An operator wants everything of a grid closed, or of all of them, and no entry until it is resumed."""
        self._sql.execute("UPDATE grids SET paused = ? WHERE ? IN (grid, '')", (FLATTENING, grid))

    def resumed(self, grid: str) -> None:
        """An operator resumed a grid, or all of them."""
        self._sql.execute("UPDATE grids SET paused = ? WHERE ? IN (grid, '')", (RUNNING, grid))

    def reserved(self, grid: str, last: int) -> None:
        """A block of lot sequences up to `last` is the grid's."""
        self._sql.execute("UPDATE grids SET highest_sequence = max(highest_sequence, ?) WHERE grid = ?", (last, grid))

    def start_ladder(self, grid: str, wall_ns: int) -> None:
        """The cooldown counts from here: the newest exit was accepted, or an entry was reset."""
        self._sql.execute("UPDATE grids SET ladder_wall_ns = ? WHERE grid = ?", (wall_ns, grid))

    def use_waiver(self, grid: str) -> None:
        """An entry was placed: the waiver that a closed lot gave is spent."""
        self._sql.execute("UPDATE grids SET ladder_waived = 0 WHERE grid = ?", (grid,))

    def _refresh(self, grid: str, lot: int) -> None:
        row = self._sql.execute(
            "SELECT entry_filled, exit_filled, entry_done FROM lots WHERE grid = ? AND lot = ?", (grid, lot)
        ).fetchone()
        if row is not None:
            entry, closed, is_done = Decimal(row[0]), Decimal(row[1]), bool(row[2])
            is_open = entry != closed or (entry != ZERO and not is_done)
            self._sql.execute("UPDATE lots SET is_open = ? WHERE grid = ? AND lot = ?", (is_open, grid, lot))
