"""Cards AC-01 to AC-07 and AC-39: the life of an order, from acceptance to its end."""

from decimal import Decimal

import pytest

from actors.messages import (
    CancelFailed,
    FillCorrected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderSettled,
)
from actors.venue_messages import OrderAnswered, OrderErred
from exchanges.errors import UnknownOrder, WouldCross
from exchanges.values import CancelReason, OrderStatus, RejectReason


def test_ac_01_a_post_only_entry_rests(desk):
    """AC-01: an accepted post-only entry is in the book as asked, and its owner is told once.

    Proven by the reply, the stream, the list of open orders and the order's own query, which must agree. The reply
    alone accepts it only where `reply_is_acceptance` says so.
    Aster 8, 9, 12.2; Backpack 7.1, 7.8, 12; Lighter 8.3, 10, 13.
    """
    entry = desk.entry()
    desk.holds_frames = True
    answer = desk.command(entry)
    assert isinstance(answer, OrderAnswered)
    assert len(desk.told(OrderAccepted)) == int(desk.capabilities.reply_is_acceptance)
    desk.holds_frames = False
    desk.settle()
    (accepted,) = desk.told(OrderAccepted)
    assert accepted.client_order_id == entry.client_order_id
    assert desk.filled(entry) == 0
    (listed,) = desk.ask(desk.venue.active_orders(desk.symbol)).orders
    asked = desk.ask(desk.venue.query_order(desk.ref(entry.client_order_id)))
    for report in (listed, asked):
        assert report.client_order_id == entry.client_order_id
        assert report.status is OrderStatus.OPEN
        assert (report.side, report.price, report.quantity) == (entry.side, entry.price, entry.quantity)
        assert (report.filled, report.reduce_only) == (0, False)
    assert listed.order_id == asked.order_id
    assert desk.intents.recorded[0][0] == entry.client_order_id


def test_ac_02_partial_fills_add_up(desk):
    """AC-02: every part of a fill is told once, with its own price, size and fee, and the sum is the order.

    The stream's parts, the venue's list of trades and the order's cumulative are three accounts of the same thing.
    Where the cumulative comes first, the trade behind it corrects what was told.
    Aster 12.2, 13.1; Backpack 12, 14; Lighter 14.
    """
    entry = desk.entry()
    desk.command(entry)
    parts = [desk.unit * 3, desk.unit * 2, desk.unit * 5]
    for part in parts:
        desk.fill(entry, part)
    fills = desk.told(OrderFilled)
    assert [fill.quantity for fill in fills] == parts
    assert [fill.cumulative for fill in fills] == [desk.unit * 3, desk.unit * 5, entry.quantity]
    assert {fill.price for fill in fills} == {entry.price}
    known = {part.quantity: part for part in [*fills, *desk.told(FillCorrected)]}
    told = [known[part] for part in parts]
    assert all(part.is_maker for part in told)
    assert fills[-1].leaves == 0
    report = desk.ask(desk.venue.query_order(desk.ref(entry.client_order_id)))
    assert (report.status, report.filled) == (OrderStatus.FILLED, entry.quantity)
    trades = desk.ask(desk.venue.recent_fills(desk.symbol, after=None, since_ns=desk.clock.wall_ns() - 10**12))
    assert [trade.quantity for trade in trades] == parts
    if desk.capabilities.fills_have_trade_ids:
        assert len({part.trade_id for part in told} - {None}) == len(parts)
        assert [trade.trade_id for trade in trades] == [part.trade_id for part in told]
        assert [trade.fee for trade in trades] == [part.fee for part in told]
    assert desk.held_at_venue() == entry.quantity


def test_ac_03_a_fill_before_the_acknowledgement_counts(desk):
    """AC-03: a fill that the stream brings before the order's reply is told at once; the reply changes nothing.

    Neither is the order accepted twice, nor does the late reply bring a filled order back to life.
    Aster 12.3; Backpack 13; Lighter 11.3.
    """
    entry = desk.entry()
    desk.bench.holds_replies = True
    desk.lanes.tell(entry)
    desk.bench.wait_until(desk.awaits_reply, "the request written")
    desk.fill(entry)
    assert desk.facts.done == []
    assert desk.filled(entry) == entry.quantity
    desk.bench.release_replies()
    desk.bench.wait_until(lambda: len(desk.facts.done) == 1, "the reply")
    desk.settle()
    assert desk.filled(entry) == entry.quantity
    assert len(desk.told(OrderAccepted)) <= 1
    assert desk.told(OrderRejected) == []
    assert desk.told(OrderCanceled) == []


def test_ac_04_a_post_only_order_that_would_take_ends_unfilled(desk):
    """AC-04: a post-only order that would take never takes; its owner is told once, with post-only as the reason.

    Aster 8.2: acknowledged, then EXPIRED. Backpack 7.4: refused. Lighter 11.1: a receipt, then canceled-post-only.
    """
    entry = desk.entry(price=desk.ask_price)
    answer = desk.command(entry)
    ends = [
        *(told.reason for told in desk.told(OrderRejected)),
        *(told.reason for told in desk.told(OrderCanceled) if told.filled == 0),
    ]
    assert ends in ([RejectReason.POST_ONLY], [CancelReason.POST_ONLY])
    assert desk.subject.dialect.post_only in (None, *ends)
    if ends == [RejectReason.POST_ONLY] and isinstance(answer, OrderErred):
        assert isinstance(answer.error, WouldCross)
    assert desk.filled(entry) == 0
    assert (desk.open_at_venue(), desk.held_at_venue()) == (0, 0)


def test_ac_05_a_canceled_order_is_gone(desk):
    """AC-05: a cancel ends the order; the end is told once, as final as the venue's word is, and holds in a query.

    Where a cancel report is not the last word, the order's query is. Canceling again says that nothing is there.
    Aster 9; Backpack 7.8; Lighter 8, 11.1.
    """
    entry = desk.entry()
    desk.command(entry)
    desk.command(desk.cancel_of(entry))
    (canceled,) = desk.told(OrderCanceled)
    assert (canceled.client_order_id, canceled.filled) == (entry.client_order_id, 0)
    assert canceled.reason is CancelReason.REQUESTED
    assert canceled.final is desk.capabilities.cancel_report_is_final
    assert desk.ask(desk.venue.active_orders(desk.symbol)).orders == ()
    desk.query(entry)
    (settled,) = desk.told(OrderSettled)
    assert (settled.status, settled.filled) == (OrderStatus.CANCELED, 0)
    desk.command(desk.cancel_of(entry))
    assert len(desk.told(OrderCanceled)) == 1


@pytest.mark.parametrize("tenths", [10, 4])
def test_ac_06_a_cancel_that_races_a_fill_loses_nothing(desk, tenths):
    """AC-06: a fill that wins against a cancel on its way counts, wholly or in part, and nobody concludes "canceled".

    The cancel of an order that is gone brings CancelFailed or nothing, never OrderCanceled with a wrong cumulative.
    Aster 9 (-2011); Backpack 7.8; Lighter 8.3.
    """
    entry = desk.entry()
    desk.command(entry)
    desk.holds_frames = True
    desk.fill(entry, desk.unit * tenths)
    desk.command(desk.cancel_of(entry))
    desk.holds_frames = False
    desk.settle()
    desk.query(entry)
    assert desk.filled(entry) == desk.unit * tenths
    settled = desk.told(OrderSettled)[-1]
    assert settled.filled == desk.unit * tenths
    if tenths == 10:
        assert desk.told(OrderCanceled) == []
        assert settled.status is OrderStatus.FILLED
        assert len(desk.told(CancelFailed)) <= 1
    else:
        (canceled,) = desk.told(OrderCanceled)
        assert canceled.filled <= desk.unit * tenths
        assert settled.status is OrderStatus.CANCELED
        if canceled.final:
            assert canceled.filled == desk.unit * tenths
    assert desk.open_at_venue() == 0
    assert desk.held_at_venue() == desk.unit * tenths


def test_ac_07_an_order_of_nobody_is_unknown(desk):
    """AC-07: asking about or canceling an order that never was brings UnknownOrder, an answer and not a failure.

    Aster 5.4 (-2013, -2011); Backpack 7.8 (404); Lighter 13.
    """
    entry = desk.entry()
    with pytest.raises(UnknownOrder):
        desk.ask(desk.venue.query_order(desk.ref(entry.client_order_id)))
    desk.command(desk.cancel_of(entry))
    assert desk.told(OrderCanceled) == []
    assert sum((fill.quantity for fill in desk.told(OrderFilled)), Decimal(0)) == 0


def test_ac_39_an_order_ended_by_another_hand_is_told_by_the_stream(desk):
    """AC-39: what somebody else does to our order (a cancel by hand) is told as it happens, without a question.

    Aster 12.2; Backpack 12; Lighter 11.3, 12.1 (RELIABILITY.md V2).
    """
    entry = desk.entry()
    desk.command(entry)
    desk.fill(entry, desk.unit * 4)
    asked = desk.questions
    desk.ask(desk.venue.cancel_order(desk.ref(entry.client_order_id)))
    desk.settle()
    assert desk.questions == asked
    (canceled,) = desk.told(OrderCanceled)
    assert (canceled.client_order_id, canceled.filled) == (entry.client_order_id, desk.unit * 4)
    assert desk.filled(entry) == desk.unit * 4
