"""The venue's own books against the bot's: the account a simulated venue saved, and the journal a bot left.

Everything here is exact. What each side knows of money is brought to one figure that both can compute without a
rounding of their own: the cash that flowed (sales minus purchases) and the fees, over the whole life of the account.
The venue realizes profit against the average entry and the bot lot by lot, so the realized figures agree only once
what is still open is taken at cost; the journal's profit is after the fees of what is closed.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.journal.orders import Market
from actors.journal.reader import JournalReader
from actors.journal.schema import FILE_NAME
from exchanges.order_ids import OrderRole, unpack

SYMBOL = "BTCUSDT"
ROUNDING = Decimal("1e-18")
"""Averages are divisions with 28 digits: sums over a hundred lots may differ in the last of them."""


class Books:
    """Both sides, read once. The venue's process and the bot must have ended."""

    def __init__(self, state_dir: Path, account: dict[str, Any], grid: str = "btc-paper") -> None:
        self.grid = grid
        self.orders = account["orders"]
        self.trades = account["trades"]
        self.account = account["accounts"][0]
        self._path = state_dir / FILE_NAME
        markets = {grid: Market("aster", SYMBOL)}
        self.restored = JournalReader(self._path).restore(markets, now_wall_ns=account["now_ns"]).grids[grid]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as sql:
            return sql.execute(query).fetchall()

    # --- the venue ---

    @property
    def position(self) -> Decimal:
        return Decimal(self.account["positions"].get(SYMBOL, {"quantity": "0"})["quantity"])

    def resting(self) -> dict[int, tuple[Decimal, Decimal, bool]]:
        """Price, remaining quantity and reduce-only of every open order, by our id."""
        return {
            _number(order["client_id"]): (
                Decimal(order["price"]),
                Decimal(order["quantity"]) - Decimal(order["filled"]),
                order["reduce_only"],
            )
            for order in self.orders
            if order["status"] in ("open", "partial")
        }

    def cash(self) -> Decimal:
        return sum(
            (Decimal(t["price"]) * Decimal(t["quantity"]) * (1 if t["side"] == "sell" else -1) for t in self.trades),
            Decimal(0),
        )

    # --- comparisons ---

    def assert_equal(self) -> None:
        """Everything that must agree, does."""
        self.assert_fills_equal()
        self.assert_position_equal()
        self.assert_exits_equal()
        self.assert_ids_unique()
        self.assert_money_equal()

    def assert_fills_equal(self) -> None:
        """Trade by trade: the journal has every fill of the venue once, at its price, with its fee."""
        venue = Counter(
            (str(t["trade_id"]), _number(t["client_id"]), *map(Decimal, (t["price"], t["quantity"], t["fee"])))
            for t in self.trades
        )
        known = Counter(
            (trade_id, number, Decimal(price), Decimal(quantity), Decimal(fee))
            for trade_id, number, price, quantity, fee in self.rows(
                "SELECT trade_id, client_order_id, price, quantity, fee FROM fills"
            )
        )
        assert known == venue, f"only in the journal: {known - venue}; only at the venue: {venue - known}"

    def assert_position_equal(self) -> None:
        held = sum((lot.entry_filled - lot.exit_filled for lot in self.restored.lots), Decimal(0))
        assert held == self.position
        assert self.restored.external == 0

    def assert_exits_equal(self) -> None:
        """What rests at the venue is what the journal believes: nothing but exits, for exactly the open lots."""
        resting = self.resting()
        believed = {
            int(order.client_order_id): (order.price, order.quantity - order.filled, order.reduce_only)
            for order in self.restored.orders
        }
        assert believed == resting
        roles = {key.role for key in map(unpack, resting) if key is not None}
        assert roles <= {OrderRole.EXIT}
        assert all(reduce_only for _, _, reduce_only in resting.values())
        assert sum((quantity for _, quantity, _ in resting.values()), Decimal(0)) == abs(self.position)

    def assert_ids_unique(self) -> None:
        ids = [order["client_id"] for order in self.orders]
        assert len(ids) == len(set(ids))

    def assert_money_equal(self) -> None:
        fees = Decimal(self.account["fees"])
        assert self.restored.fees == fees == sum((Decimal(t["fee"]) for t in self.trades), Decimal(0))
        lots = self.restored.lots
        at_cost = sum((_open_cost(lot) for lot in lots), Decimal(0))
        fees_of_open = sum((lot.fees for lot in lots), Decimal(0))
        realized_of_open = sum((_gross(lot) for lot in lots), Decimal(0))
        # the journal books a lot when it is closed; what a part of an open lot has earned is not in the figure yet
        gross = self.restored.realized_pnl + (fees - fees_of_open) + realized_of_open
        assert abs(gross - (self.cash() + at_cost)) <= ROUNDING, (gross, self.cash() + at_cost)
        held = self.account["positions"].get(SYMBOL)
        if held is not None:
            venue = Decimal(self.account["realized"])
            assert abs(venue - (self.cash() + Decimal(held["cost"]))) <= ROUNDING


def _open_cost(lot: Any) -> Decimal:
    return (lot.entry_filled - lot.exit_filled) * lot.entry_notional / lot.entry_filled


def _gross(lot: Any) -> Decimal:
    return lot.exit_notional - lot.exit_filled * lot.entry_notional / lot.entry_filled


def _number(client_id: str) -> int:
    return int(client_id.removeprefix("g"), 16)
