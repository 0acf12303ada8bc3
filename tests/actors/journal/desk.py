"""A journal with everything around it, for the tests of it: a folder, a clock, builders of facts with defaults."""

import sqlite3
import threading
from contextlib import closing, contextmanager
from decimal import Decimal

from actors.journal import FlushJournal, Journal, Market, Owner, open_state
from actors.messages import (
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderSettled,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
)
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderId, OrderStatus, Side, TradeId
from tests.fakes import FakeTimers, Probe

TAG = 7
MARKETS = {"btc": Market("aster", "BTCUSDT"), "eth": Market("aster", "ETHUSDT")}
D = Decimal


def order_id(sequence, leg=0):
    return pack(OrderKey(TAG, sequence, leg))


def entry(sequence=1, *, quantity="1", price="100", grid="btc", side=Side.BUY):
    return PlaceLimitOrder(
        grid=grid,
        exchange=MARKETS[grid].exchange,
        symbol=MARKETS[grid].symbol,
        client_order_id=order_id(sequence),
        side=side,
        price=D(price),
        quantity=D(quantity),
        post_only=True,
        reduce_only=False,
        lot=sequence,
    )


def close_order(sequence=1, leg=1, *, parent=0, quantity="1", price="101", grid="btc", side=Side.SELL):
    return PlaceLimitOrder(
        grid=grid,
        exchange=MARKETS[grid].exchange,
        symbol=MARKETS[grid].symbol,
        client_order_id=order_id(sequence, leg),
        side=side,
        price=D(price),
        quantity=D(quantity),
        post_only=True,
        reduce_only=True,
        lot=sequence,
        parent_lot=parent,
    )


def emergency(sequence, *, parent, quantity="1", price="95", grid="btc"):
    return PlaceMarketOrder(
        grid=grid,
        exchange=MARKETS[grid].exchange,
        symbol=MARKETS[grid].symbol,
        client_order_id=order_id(sequence, 14),
        side=Side.SELL,
        worst_price=D(price),
        quantity=D(quantity),
        lot=sequence,
        parent_lot=parent,
    )


def accepted(sequence=1, leg=0, *, grid="btc", **fields):
    number = order_id(sequence, leg)
    return OrderAccepted(grid=grid, client_order_id=number, order_id=OrderId(f"v{number}"), **fields)


def filled(
    sequence=1, leg=0, *, quantity="1", price="100", cumulative=None, leaves=None, trade="", fee="0", grid="btc", at=0
):
    return OrderFilled(
        grid=grid,
        client_order_id=order_id(sequence, leg),
        price=D(price),
        quantity=D(quantity),
        cumulative=D(cumulative or quantity),
        leaves=None if leaves is None else D(leaves),
        trade_id=TradeId(trade) if trade else None,
        fee=D(fee),
        occurred_wall_ns=at,
    )


def closed(lot, *, pnl="1", fees="0", quantity="1", grid="btc"):
    return PositionClosed(
        grid=grid,
        lot=lot,
        entry_price=D(100),
        exit_price=D(101),
        quantity=D(quantity),
        realized_pnl=D(pnl),
        fees=D(fees),
    )


def canceled(sequence, leg=0, *, done="0", final=True, reason=CancelReason.REQUESTED, grid="btc"):
    return OrderCanceled(grid=grid, client_order_id=order_id(sequence, leg), reason=reason, filled=D(done), final=final)


def settled(sequence, leg=0, *, done="0", status=OrderStatus.CANCELED):
    return OrderSettled(
        grid="btc", client_order_id=order_id(sequence, leg), order_id=None, status=status, filled=D(done), asked_ns=1
    )


FACTS = (
    entry(1),
    close_order(5, 1, parent=1),
    accepted(5, 1),
    filled(quantity="1", leaves="0", fee="0.5", trade="e"),
    filled(5, 1, quantity="0.4", price="101", leaves="0.6", fee="0.1", trade="x"),
)
"""An entry, its fill, and a continued exit with a part filled, as four threads tell them."""

EXPECTED = (
    *(1, 1, D(1), D("0.4"), D("40.4"), D("0.6"), True, 5, 1, D("0.6")),
    *(1, order_id(5, 1), 1, Side.SELL, D(101), D(1), D("0.4")),
)


def view_of(grid):
    """What of `FACTS` a restart knows."""
    lot, order = grid.lots[0], grid.orders[0]
    return (
        *(len(grid.lots), lot.lot, lot.entry_filled, lot.exit_filled, lot.exit_notional, lot.fees, lot.entry_done),
        *(lot.continuation, lot.attempts_used, grid.fees),
        *(len(grid.orders), order.client_order_id, order.lot, order.side, order.price, order.quantity, order.filled),
    )


class JournalDesk:
    """One bot's memory in a folder. `restart` closes it in order and opens it again; `crash` forgets the batch."""

    def __init__(self, folder, clock, markets=None):
        self.folder, self.clock = folder, clock
        self.markets = markets or MARKETS
        self.timers = FakeTimers(clock)
        self.failures, self.health = Probe(), Probe()
        self.state = self.ref = None
        self.open()

    def open(self):
        self.state = open_state(
            self.folder, owner=Owner(desk="alpha", bot_tag=TAG), markets=self.markets, clock=self.clock
        )
        self.ref = Journal.start(
            name="alpha/journal",
            failures=self.failures,
            health=self.health,
            state=self.state,
            markets=self.markets,
            clock=self.clock,
            timers=self.timers,
        )

    def tell(self, *facts):
        for fact in facts:
            self.ref.tell(fact)

    def flush(self):
        self.ref.ask(FlushJournal(), timeout=5)

    def rows(self, query):
        """Flush, and return what a query finds."""
        self.flush()
        with closing(sqlite3.connect(self.state.journal_path)) as sql:
            return sql.execute(query).fetchall()

    def close(self):
        if self.ref.is_alive():
            self.ref.stop(timeout=5)
        # an actor that failed counts as stopped before its thread has written the last batch
        for thread in threading.enumerate():
            if thread.name == "alpha/journal":
                thread.join(5)
        self.state.intents.close()

    def restart(self):
        self.close()
        self.open()
        return self.state.restored

    def grid(self, name="btc"):
        """What a restart now would know of a grid."""
        return self.restart().grids[name]


@contextmanager
def journal_desk(folder, clock, **options):
    desk = JournalDesk(folder, clock, **options)
    try:
        yield desk
        desk.failures.expect_none()
    finally:
        desk.close()
