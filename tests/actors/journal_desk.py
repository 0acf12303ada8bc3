"""A journal with everything around it, for the tests of it: a folder, a clock, builders of facts with defaults."""

from contextlib import contextmanager
from decimal import Decimal

from actors.journal import FlushJournal, Journal, Market, open_state
from actors.messages import (
    OrderAccepted,
    OrderFilled,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
)
from exchanges.order_ids import OrderKey, pack
from exchanges.values import OrderId, Side, TradeId
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
        self.state = open_state(self.folder, desk="alpha", bot_tag=TAG, markets=self.markets, clock=self.clock)
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

    def close(self):
        if self.ref.is_alive():
            self.ref.stop(timeout=5)
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
