"""Cards AC-13 to AC-18: what closes a position, and can never open one."""

from decimal import Decimal

from actors.messages import (
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
)
from exchanges.reports import PositionReport
from exchanges.values import CancelReason, OrderStatus, RejectReason


def test_ac_13_an_exit_rests_reduce_only_and_closes_the_lot(desk):
    """AC-13: a reduce-only exit rests beside the entry's position, says so wherever it is listed, and ends it.

    Aster 8, 10; Backpack 7.5, 8; Lighter 10.
    """
    entry = desk.place_filled()
    exit_order = desk.exit_of(entry)
    desk.command(exit_order)
    assert [told.client_order_id for told in desk.closer.all(OrderAccepted)] == [exit_order.client_order_id]
    (listed,) = desk.ask(desk.venue.active_orders(desk.symbol)).orders
    assert (listed.client_order_id, listed.reduce_only) == (exit_order.client_order_id, True)
    assert (listed.price, listed.quantity) == (exit_order.price, exit_order.quantity)
    desk.fill(exit_order)
    assert desk.filled(exit_order) == entry.quantity
    assert {fill.price for fill in desk.closer.all(OrderFilled)} == {exit_order.price}
    assert desk.held_at_venue() == 0
    assert desk.ask(desk.venue.position(desk.symbol)).quantity == 0


def test_ac_14_a_reduce_only_order_without_a_position_never_rests(desk):
    """AC-14: where there is nothing to reduce the order is refused or ends by itself; a query tells it where no
    report does. It never rests and never opens a position.

    Aster 5.4 (-2022); Backpack 7.5; Lighter 10, 11.1: a receipt, then canceled-reduce-only or silence.
    """
    flat = desk.entry()
    exit_order = desk.exit_of(flat)
    desk.command(exit_order)
    desk.fill(exit_order)
    assert (desk.open_at_venue(), desk.held_at_venue()) == (0, 0)
    assert desk.filled(exit_order) == 0
    ends = [told.reason for told in (*desk.told(OrderRejected), *desk.told(OrderCanceled))]
    assert ends in ([], [RejectReason.REDUCE_ONLY], [CancelReason.REDUCE_ONLY])
    assert desk.subject.dialect.reduce_only_flat in (None, *(ends or [CancelReason.REDUCE_ONLY]))
    if not ends:
        desk.query(exit_order)
        gone = [*desk.told(OrderNotFound), *(told for told in desk.told(OrderSettled) if told.status.is_terminal)]
        assert len(gone) == 1
        assert not desk.capabilities.reply_is_acceptance
    assert not desk.told(OrderAccepted) or desk.capabilities.reply_is_acceptance or ends


def test_ac_15_two_exits_for_one_lot_close_it_once(desk):
    """AC-15: a second exit beyond the position is refused or cut: when both prices are passed the position is 0.

    Aster 5.4 (-2022); Backpack 7.5; Lighter 10 (RELIABILITY.md V4).
    """
    entry = desk.place_filled()
    first = desk.exit_of(entry)
    second = desk.exit_of(entry, 2, price=first.price + desk.rules.tick)
    desk.command(first)
    desk.command(second)
    desk.fill(second, entry.quantity * 5)
    desk.fill(second, entry.quantity * 5)
    assert desk.filled(first) + desk.filled(second) == entry.quantity
    assert desk.held_at_venue() == 0
    assert desk.open_at_venue() == 0
    desk.query(second)
    ended = [
        *(told for told in desk.told(OrderSettled) if told.status.is_terminal),
        *desk.told(OrderNotFound),
    ]
    assert ended


def test_ac_16_an_exit_larger_than_what_is_left_is_cut(desk):
    """AC-16: when part of a position is closed elsewhere, the resting exit closes the rest and not more; what is left
    of the order ends, and its owner can learn it.

    Aster 8; Backpack 7.5; Lighter 10 (RELIABILITY.md V3, V4).
    """
    entry = desk.place_filled()
    exit_order = desk.exit_of(entry)
    desk.command(exit_order)
    emergency = desk.emergency_of(entry, quantity=desk.unit * 4)
    desk.command(emergency)
    taken = desk.filled(emergency)
    desk.fill(exit_order, entry.quantity * 5)
    assert taken in (0, desk.unit * 4), "an order beyond the resting exits is refused whole or filled whole"
    assert desk.filled(exit_order) + taken == entry.quantity
    assert desk.held_at_venue() == 0
    desk.query(exit_order)
    settled = desk.told(OrderSettled)[-1]
    assert settled.status.is_terminal
    assert settled.filled == entry.quantity - taken
    assert desk.open_at_venue() == 0


def test_ac_17_an_emergency_order_takes_what_is_there_and_ends(desk):
    """AC-17: an immediate reduce-only order fills within its worst price at once, and its remainder never rests.

    Aster 8.1; Backpack 7.6; Lighter 10.
    """
    entry = desk.place_filled()
    desk.bench.quote(desk.ask_price - desk.rules.tick, desk.ask_price, str(desk.unit * 6))
    emergency = desk.emergency_of(entry, worst_price=desk.ask_price - desk.rules.tick)
    desk.command(emergency)
    desk.query(emergency)
    fills = [fill for fill in desk.closer.all(OrderFilled) if fill.client_order_id == emergency.client_order_id]
    assert sum((fill.quantity for fill in fills), Decimal(0)) == desk.unit * 6
    assert all(fill.price >= emergency.worst_price for fill in fills)
    settled = desk.told(OrderSettled)[-1]
    assert settled.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    assert settled.filled == desk.unit * 6
    assert desk.told(OrderOutcomeUnknown) == []
    assert (desk.open_at_venue(), desk.held_at_venue()) == (0, desk.unit * 4)


def test_ac_18_an_exit_sent_on_the_fill_is_taken_within_the_retry_window(desk):
    """AC-18: an exit that leaves with the fill rests; where the venue's view of the position trails and it is refused
    as reduce-only, one sent `reduce_only_retry_s` later rests. The stream and the query agree on the position.

    Aster 10; Backpack 7.5, 13: about half a second; Lighter 10.
    """
    entry = desk.entry()
    desk.command(entry)
    desk.bench.trade(entry.price - 10 * desk.rules.tick, entry.quantity, buyer_is_maker=True)
    desk.sync()
    first = desk.exit_of(entry)
    desk.command(first)
    refused = desk.told(OrderRejected)
    if refused:
        assert [told.reason for told in refused] == [RejectReason.REDUCE_ONLY]
        assert desk.capabilities.reduce_only_retry_s > 0
        desk.pass_time(desk.capabilities.reduce_only_retry_s)
        desk.command(desk.exit_of(entry, 2))
    assert len(desk.closer.all(OrderAccepted)) == 1
    assert desk.open_at_venue() == 1
    report = desk.ask(desk.venue.position(desk.symbol))
    assert isinstance(report, PositionReport)
    assert (report.symbol, report.quantity) == (desk.symbol, entry.quantity)
    assert report.entry_price == entry.price
