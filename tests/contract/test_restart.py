"""Cards AC-26 to AC-28: a bot that comes back, to orders it left and to things it does not know."""

from decimal import Decimal

from actors.connection_parts import ConnectionFailed
from actors.grid.restore import RestoredGrid, RestoredLot
from actors.journal import KnownOrder, RestoredMarket
from actors.messages import (
    ActiveOrdersListed,
    ConnectionReady,
    OrderAccepted,
    OrderFilled,
    OrderSettled,
)
from actors.send_gate import to_request
from exchanges.fills import RestoredTrade
from exchanges.order_ids import OrderKey, pack
from exchanges.records import replace
from exchanges.values import OrderStatus
from tests.contract.desk import GRID, TAG, open_desk


def known(desk, order, order_id):
    """What the journal holds of an order: everything its owner was told until now."""
    fills = [fill for fill in desk.told(OrderFilled) if fill.client_order_id == order.client_order_id]
    return KnownOrder(
        client_order_id=order.client_order_id,
        order_id=order_id,
        grid=GRID,
        side=order.side,
        price=order.price,
        quantity=order.quantity,
        reduce_only=order.reduce_only,
        filled=sum((fill.quantity for fill in fills), Decimal(0)),
        trades=tuple(
            RestoredTrade(trade_id=fill.trade_id, price=fill.price, quantity=fill.quantity)
            for fill in fills
            if fill.trade_id is not None
        ),
        is_settled=False,
    )


def restored_market(desk, *orders):
    """The journal's word on the market."""
    order_ids = {told.client_order_id: told.order_id for told in desk.told(OrderAccepted)}
    fills = desk.told(OrderFilled)
    return RestoredMarket(
        exchange=desk.subject.name,
        symbol=desk.symbol,
        last_trade_id=max((str(fill.trade_id) for fill in fills if fill.trade_id), key=len, default=""),
        since_wall_ns=max((fill.occurred_wall_ns for fill in fills), default=desk.clock.wall_ns()),
        orders=tuple(known(desk, order, order_ids[order.client_order_id]) for order in orders),
    )


def lot_of(order, filled):
    """The journal's word on a lot whose exit has not filled yet."""
    return RestoredLot(
        lot=order.lot,
        entry_filled=filled,
        entry_notional=filled * order.price,
        exit_filled=Decimal(0),
        exit_notional=Decimal(0),
        fees=Decimal(0),
        opened_wall_ns=0,
        entry_done=filled == order.quantity,
    )


def test_ac_26_a_restart_adopts_what_rests_and_reads_what_was_missed(subject):
    """AC-26: after a crash the next run finds its orders by their ids, is told only what is new, and continues above
    every id it meets.

    Aster 9, 13.2; Backpack 14, 15; Lighter 13, 14, 15 (SCENARIOS.md 14).
    """
    with open_desk(subject) as first:
        first.live()
        closed, partly = first.entry(), first.entry()
        first.command(closed)
        first.fill(closed)
        exit_order = first.exit_of(closed)
        first.command(exit_order)
        first.command(partly)
        first.fill(partly, first.unit * 3)
        market = restored_market(first, closed, exit_order, partly)
        held = first.held_at_venue()
    bench = first.bench
    bench.trade(partly.price - 10 * first.rules.tick, first.unit * 2, buyer_is_maker=True)
    bench.trade(exit_order.price + 10 * first.rules.tick, exit_order.quantity, buyer_is_maker=False)
    bench.step()
    first.clock.advance(30 * 10**9)
    bench.step()
    lots = RestoredGrid(grid=GRID, lots=(lot_of(closed, closed.quantity), lot_of(partly, first.unit * 3)))
    with open_desk(subject, bench=bench, clock=first.clock, market=market, restored=lots) as second:
        second.begin()
        assert not second.bot.all(ConnectionFailed), second.bot.messages
        fills = second.told(OrderFilled)
        assert {(fill.client_order_id, fill.quantity) for fill in fills} == {
            (partly.client_order_id, first.unit * 2),
            (exit_order.client_order_id, exit_order.quantity),
        }
        assert [fill.cumulative for fill in fills if fill.client_order_id == partly.client_order_id] == [first.unit * 5]
        settled = {told.client_order_id: told for told in second.told(OrderSettled)}
        assert [fill.leaves for fill in fills if fill.client_order_id == exit_order.client_order_id] == [0]
        assert settled[partly.client_order_id].status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
        assert second.strategy.all(ActiveOrdersListed)[-1].client_order_ids == {partly.client_order_id}
        (ready,) = second.strategy.all(ConnectionReady)
        assert ready.position == held + first.unit * 2 - exit_order.quantity == second.held_at_venue()
        assert second.sequence >= partly.lot


def test_ac_27_a_position_of_somebody_else_ends_the_start(subject):
    """AC-27: a position that the journal cannot explain is foreign: the start is refused with words, nothing is sent.

    RELIABILITY.md V2.
    """
    with open_desk(subject) as first:
        first.live()
        other = replace(first.entry(), client_order_id=pack(OrderKey(TAG + 1, 1, 0)))
        first.ask(first.venue.place_limit_order(to_request(other)))
        first.fill(other)
        assert first.held_at_venue() == other.quantity
    with open_desk(subject, bench=first.bench, clock=first.clock) as second:
        second.begin()
        (failed,) = second.bot.all(ConnectionFailed)
        assert second.symbol in failed.text
        assert second.intents.recorded == []


def test_ac_28_orders_of_others_are_foreign(desk):
    """AC-28: an order of another bot on the same account is counted as foreign, and none of its fills is ours.

    RELIABILITY.md V2, W20.
    """
    other = replace(desk.entry(), client_order_id=pack(OrderKey(TAG + 1, 1, 0)))
    desk.ask(desk.venue.place_limit_order(to_request(other)))
    desk.audit()
    assert desk.strategy.all(ActiveOrdersListed)[-1].foreign == 1
    assert desk.strategy.all(ActiveOrdersListed)[-1].client_order_ids == frozenset()
    desk.fill(other)
    assert desk.told(OrderFilled) == []
    assert desk.told(OrderAccepted) == []
    assert desk.held_at_venue() == other.quantity
