"""The venue's money against the bot's at the end of a run (S1, S2): every fill, its price and fee, and the profit.

The venue realizes profit against an average and the bot lot by lot, so both sides are brought to the cash that flowed
over the whole life of the account, with what is still open taken at its cost.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from actors.journal.orders import Market
from actors.journal.reader import JournalReader
from actors.journal.schema import FILE_NAME
from exchanges.simulated.engine_types import TradeView
from exchanges.values import ZERO

ROUNDING: Final = Decimal("1e-9")
"""Averages are divisions with 28 digits; what is rounded to so much is nobody's money."""


@dataclass(frozen=True, slots=True)
class Total:
    """What was executed of one order."""

    quantity: Decimal = ZERO
    notional: Decimal = ZERO
    fees: Decimal = ZERO

    def plus(self, price: Decimal, quantity: Decimal, fee: Decimal) -> "Total":
        """Return the total with an execution added."""
        return Total(self.quantity + quantity, self.notional + price * quantity, self.fees + fee)

    def differs(self, other: "Total") -> bool:
        """Whether the two are not the same money."""
        return (
            self.quantity != other.quantity
            or abs(self.notional - other.notional) > ROUNDING
            or abs(self.fees - other.fees) > ROUNDING
        )

    def __str__(self) -> str:
        return f"{self.quantity} for {self.notional}, fees {self.fees}"


def venue_totals(trades: Iterable[TradeView], decode: Callable[[str], int | None]) -> dict[int, Total]:
    """Return what the venue executed of each order of ours."""
    totals: dict[int, Total] = {}
    for trade in trades:
        number = decode(trade.client_id)
        if number is not None:
            totals[number] = totals.get(number, Total()).plus(trade.price, trade.quantity, trade.fee)
    return totals


def journal_totals(state_dir: Path) -> tuple[dict[int, Total], list[str]]:
    """Return what the journal says was executed of each order, and trade ids that it holds twice (S2)."""
    totals: dict[int, Total] = {}
    with closing(sqlite3.connect(f"file:{state_dir / FILE_NAME}?mode=ro", uri=True)) as sql:
        rows = sql.execute("SELECT client_order_id, price, quantity, fee FROM fills").fetchall()
        twice = sql.execute(
            "SELECT trade_id FROM fills WHERE trade_id IS NOT NULL GROUP BY symbol, trade_id, client_order_id "
            "HAVING COUNT(*) > 1"
        ).fetchall()
    for number, price, quantity, fee in rows:
        totals[number] = totals.get(number, Total()).plus(Decimal(price), Decimal(quantity), Decimal(fee))
    return totals, [str(trade_id) for (trade_id,) in twice]


def closed_lots(state_dir: Path) -> int:
    """Return how many lots the journal knows as closed; 0 where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{state_dir / FILE_NAME}?mode=ro", uri=True)) as sql:
            return int(sql.execute("SELECT count(*) FROM closings WHERE quantity != '0'").fetchone()[0])
    except sqlite3.Error:
        return 0


def differences(venue: dict[int, Total], journal: dict[int, Total]) -> list[str]:
    """Return a line for each order whose executions are not the same on both sides."""
    found = []
    for number in sorted(venue.keys() | journal.keys()):
        there, here = venue.get(number, Total()), journal.get(number, Total())
        if there.differs(here):
            found.append(f"order {number}: the venue has {there}; the journal {here}")
    return found


def profit_difference(
    state_dir: Path, grid: str, market: Market, trades: Iterable[TradeView], *, sign: int, now_wall_ns: int
) -> Decimal:
    """Return by how much the journal's profit before fees is more than the venue's cash with open lots at cost.

    `sign` is 1 for a grid that buys. The journal books a lot when it is closed; what a part of an open lot has earned
    is added.
    """
    restored = JournalReader(state_dir / FILE_NAME).restore({grid: market}, now_wall_ns=now_wall_ns).grids[grid]
    cash = fees = ZERO
    for trade in trades:
        cash -= trade.price * trade.quantity * trade.side.sign
        fees += trade.fee
    at_cost = earned = open_fees = ZERO
    for lot in restored.lots:
        average = lot.entry_notional / lot.entry_filled
        at_cost += (lot.entry_filled - lot.exit_filled) * average * sign
        earned += (lot.exit_notional - lot.exit_filled * average) * sign
        open_fees += lot.fees
    return restored.realized_pnl + (fees - open_fees) + earned - (cash + at_cost)
