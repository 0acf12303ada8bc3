"""The venue's own books against the bot's: the account of a simulated venue, and the journal of a bot.

Everything here is exact. What each side knows of money is brought to one figure that both can compute without a
rounding of their own: the cash that flowed (sales minus purchases) and the fees, over the whole life of the account.
The venue realizes profit against the average entry and the bot lot by lot, so the realized figures agree only once
what is still open is taken at cost; the journal's profit is after the fees of what is closed.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.grid.restore import RestoredLot
from actors.journal.orders import Market
from actors.journal.reader import JournalReader
from actors.journal.schema import FILE_NAME
from exchanges.order_ids import OrderRole, unpack
from exchanges.simulated.assembly import face_kit
from exchanges.values import OrderStatus

SYMBOL = "BTCUSDT"
ROUNDING = Decimal("1e-18")
"""Averages are divisions with 28 digits: sums over a hundred lots may differ in the last of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose books are compared.

    Attributes:
        least_quantity: What the venue takes as an order at least; an exit may be missing for less.
        least_notional: The same in quote currency, 0 where an exit needs none.
        is_running: The bot is still there: an entry may rest.
        trade_names: What the venue calls each trade of its engine, where that is not the engine's own number.
    """

    venue: str = "aster"
    exchange: str = "aster"
    symbol: str = SYMBOL
    grid: str = "btc-paper"
    least_quantity: Decimal = Decimal(0)
    least_notional: Decimal = Decimal(0)
    is_running: bool = False
    trade_names: Mapping[str, str] = field(default_factory=dict)


class Books:
    """Both sides, read once: the venue first, then the journal."""

    def __init__(self, state_dir: Path, account: dict[str, Any], subject: Subject | None = None) -> None:
        self.subject = subject or Subject()
        self.orders = account["orders"]
        self.trades = account["trades"]
        self.account = account["accounts"][0]
        self._decode = face_kit(self.subject.venue).decode
        self._path = state_dir / FILE_NAME
        grid = self.subject.grid
        markets = {grid: Market(self.subject.exchange, self.subject.symbol)}
        self.restored = JournalReader(self._path).restore(markets, now_wall_ns=account["now_ns"]).grids[grid]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as sql:
            return sql.execute(query).fetchall()

    # --- the venue ---

    @property
    def position(self) -> Decimal:
        return Decimal(self.account["positions"].get(self.subject.symbol, {"quantity": "0"})["quantity"])

    def resting(self) -> dict[int, tuple[Decimal, Decimal, bool]]:
        """Price, remaining quantity and reduce-only of every open order, by our id."""
        return {
            self._number(order): (
                Decimal(order["price"]),
                Decimal(order["quantity"]) - Decimal(order["filled"]),
                order["reduce_only"],
            )
            for order in self.orders
            if not OrderStatus(order["status"]).is_terminal
        }

    def cash(self) -> Decimal:
        return sum(
            (Decimal(t["price"]) * Decimal(t["quantity"]) * (1 if t["side"] == "sell" else -1) for t in self.trades),
            Decimal(0),
        )

    def _number(self, row: Mapping[str, Any]) -> int:
        number = self._decode(row["client_id"])
        assert number is not None, f"an order of somebody else: {row}"
        return number

    # --- comparisons ---

    def assert_equal(self) -> None:
        """Everything that must agree, does."""
        self.assert_fills_equal()
        self.assert_position_equal()
        self.assert_exits_equal()
        self.assert_lots_covered()
        self.assert_ids_unique()
        self.assert_money_equal()

    def assert_fills_equal(self) -> None:
        """Trade by trade: the journal has every fill of the venue once, at its price, with its fee."""
        names = self.subject.trade_names
        venue = Counter(
            (
                names.get(str(t["trade_id"]), str(t["trade_id"])),
                self._number(t),
                *map(Decimal, (t["price"], t["quantity"], t["fee"])),
            )
            for t in self.trades
        )
        known = Counter(
            (trade_id, number, Decimal(price), Decimal(quantity), Decimal(fee))
            for trade_id, number, price, quantity, fee in self.rows(
                "SELECT trade_id, client_order_id, price, quantity, fee FROM fills"
            )
        )
        assert known == venue, f"fills only in the journal: {known - venue}; only at the venue: {venue - known}"

    def assert_position_equal(self) -> None:
        held = sum((lot.entry_filled - lot.exit_filled for lot in self.restored.lots), Decimal(0))
        assert held == self.position, f"lots hold {held}, the venue {self.position}"
        assert self.restored.external == 0, f"external {self.restored.external}"

    def assert_exits_equal(self) -> None:
        """What rests at the venue is what the journal believes: nothing but exits, for exactly the open lots."""
        resting = self.resting()
        believed = {
            int(order.client_order_id): (order.price, order.quantity - order.filled, order.reduce_only)
            for order in self.restored.orders
        }
        assert believed == resting, f"the journal believes {believed}, there rest {resting}"
        exits = {number: order for number, order in resting.items() if _role(number) is OrderRole.EXIT}
        others = resting.keys() - exits.keys()
        assert len(others) <= self.subject.is_running, f"more than one entry or other order rests: {others}"
        assert all(reduce_only for _, _, reduce_only in exits.values()), f"an exit is not reduce-only: {exits}"
        covered = sum((quantity for _, quantity, _ in exits.values()), Decimal(0))
        missing = abs(self.position) - covered
        assert missing == 0 or self._is_dust(missing), f"exits for {covered} rest against {self.position}"

    def assert_lots_covered(self) -> None:
        """Each open lot has exits for exactly what is left of it, but for dust, which goes with another lot's exit."""
        exits: dict[int, Decimal] = {}
        for order in self.restored.orders:
            if order.reduce_only:
                exits[order.lot] = exits.get(order.lot, Decimal(0)) + order.quantity - order.filled
        left = {lot.lot: lot.entry_filled - lot.exit_filled for lot in self.restored.lots}
        missing = {lot: left.get(lot, Decimal(0)) - exits.get(lot, Decimal(0)) for lot in {*left, *exits}}
        short = [quantity for quantity in missing.values() if quantity > 0]
        beyond = [-quantity for quantity in missing.values() if quantity < 0]
        is_right = all(map(self._is_dust, short)) and sum(beyond) <= sum(short)
        assert is_right, f"lots with other exits than what is left of them: left {left}, exits {exits}"

    def _is_dust(self, missing: Decimal) -> bool:
        """Whether so little is missing that the venue would not take it as an order."""
        price = max((Decimal(trade["price"]) for trade in self.trades), default=Decimal(0))
        subject = self.subject
        return missing > 0 and (missing < subject.least_quantity or missing * price < subject.least_notional)

    def assert_ids_unique(self) -> None:
        counts = Counter(order["client_id"] for order in self.orders)
        assert len(counts) == len(self.orders), f"used twice: {[name for name, n in counts.items() if n > 1]}"

    def assert_money_equal(self) -> None:
        fees = Decimal(self.account["fees"])
        assert self.restored.fees == fees, f"fees: {self.restored.fees} in the journal, {fees} at the venue"
        assert fees == sum((Decimal(t["fee"]) for t in self.trades), Decimal(0))
        lots = self.restored.lots
        at_cost = sum((_open_cost(lot) for lot in lots), Decimal(0))
        fees_of_open = sum((lot.fees for lot in lots), Decimal(0))
        realized_of_open = sum((_gross(lot) for lot in lots), Decimal(0))
        # the journal books a lot when it is closed; what a part of an open lot has earned is not in the figure yet
        gross = self.restored.realized_pnl + (fees - fees_of_open) + realized_of_open
        spent = self.cash() + at_cost
        assert abs(gross - spent) <= ROUNDING, f"realized {gross} in the journal, {spent} at the venue"
        held = self.account["positions"].get(self.subject.symbol)
        if held is not None:
            venue = Decimal(self.account["realized"])
            assert abs(venue - (self.cash() + Decimal(held["cost"]))) <= ROUNDING


def _role(number: int) -> OrderRole | None:
    key = unpack(number)
    return None if key is None else key.role


def _open_cost(lot: RestoredLot) -> Decimal:
    if not lot.entry_filled:
        return Decimal(0)
    return (lot.entry_filled - lot.exit_filled) * lot.entry_notional / lot.entry_filled


def _gross(lot: RestoredLot) -> Decimal:
    if not lot.entry_filled:
        return Decimal(0)
    return lot.exit_notional - lot.exit_filled * lot.entry_notional / lot.entry_filled
