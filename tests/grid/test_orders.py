"""What the exit machine sends: ids, and messages that say everything the order lane and the journal need."""

import pytest

from actors.grid import orders
from actors.grid.draft import Draft
from actors.grid.settings import Direction
from actors.grid.state import ExitBook, ExitKind, IdBlock, Part, TrackedPosition
from actors.log_events import LogEvent
from actors.messages import CancelOrder, PlaceLimitOrder, PlaceMarketOrder, QueryOrder
from exchanges.order_ids import OrderKey, pack
from exchanges.records import replace
from exchanges.values import OrderId, Side
from tests.grid.harness import START_NS, D, make_context

LOT = 5
PART = Part(LOT, D("0.4"))


def closer(*, ranges=((65, 128),), direction=Direction.BUY, **fields):
    """A step of a closer with one lot."""
    lot = replace(TrackedPosition(lot=LOT, sequence=LOT, next_leg=1, opened_ns=START_NS, entry_filled=D(1)), **fields)
    book = ExitBook(lots=(lot,), ids=IdBlock(ranges=ranges))
    return Draft(make_context(direction=direction), book, START_NS)


def send(draft, kind=ExitKind.RESTING, parts=(PART,), **fields):
    """Send an exit and return the message that left."""
    is_sent = orders.send(draft, LOT, kind, D("100.9"), parts, **fields)
    return draft.finish().outputs[-1] if is_sent else None


def test_a_resting_exit_is_post_only_and_reduce_only_and_names_its_lot_and_cause():
    draft = closer()
    assert send(draft, caused_ns=77) == PlaceLimitOrder(
        grid="g",
        exchange="sim",
        symbol="BTC-PERP",
        client_order_id=pack(OrderKey(7, LOT, 1)),
        side=Side.SELL,
        price=D("100.9"),
        quantity=D("0.4"),
        post_only=True,
        reduce_only=True,
        lot=LOT,
        parent_lot=0,
        caused_ns=77,
    )
    [order] = draft.state.orders
    assert (order.lot, order.kind, order.parts, order.placed_ns) == (LOT, ExitKind.RESTING, (PART,), START_NS)
    assert (draft.state.lots[0].next_leg, draft.state.counters.exits_placed) == (2, 1)


@pytest.mark.parametrize("direction", list(Direction))
def test_an_immediate_exit_is_reduce_only_and_names_its_worst_price(direction):
    draft = closer(direction=direction)
    side = Side.SELL if direction is Direction.BUY else Side.BUY
    assert send(draft, ExitKind.BOOST, caused_ns=77) == PlaceMarketOrder(
        grid="g",
        exchange="sim",
        symbol="BTC-PERP",
        client_order_id=pack(OrderKey(7, LOT, 1)),
        side=side,
        worst_price=D("100.9"),
        quantity=D("0.4"),
        reduce_only=True,
        lot=LOT,
        parent_lot=0,
        caused_ns=77,
    )


def test_an_emergency_order_takes_a_sequence_of_its_own_and_leaves_the_lots_legs_alone():
    draft = closer(next_leg=3)
    message = send(draft, ExitKind.EMERGENCY)
    assert (message.client_order_id, message.lot, message.parent_lot) == (pack(OrderKey(7, 65, 14)), 65, LOT)
    assert message.caused_ns == 0, "no fill is the cause of it"
    assert draft.state.lots[0].next_leg == 3
    assert send(draft, ExitKind.EMERGENCY).lot == 66
    assert draft.state.counters.exits_placed == 2


def test_an_emergency_order_takes_a_leg_of_its_lot_where_no_sequence_is_left():
    draft = closer(ranges=(), next_leg=3)
    message = send(draft, ExitKind.EMERGENCY)
    assert isinstance(message, PlaceMarketOrder)
    assert (message.client_order_id, message.parent_lot) == (pack(OrderKey(7, LOT, 3)), 0)
    assert draft.state.lots[0].next_leg == 4


def test_exits_take_leg_after_leg_up_to_the_last_and_then_continue_with_another_sequence():
    draft = closer()
    sent = [send(draft) for _ in range(28)]
    keys = [OrderKey(7, sequence, leg) for sequence in (LOT, 65, 66) for leg in range(1, 14)][:28]
    assert [message.client_order_id for message in sent] == [pack(key) for key in keys]
    assert [message.parent_lot for message in sent] == [0] * 13 + [LOT] * 15
    assert [order.lot for order in draft.state.orders] == [LOT] * 28


def test_nothing_is_sent_where_no_id_is_left():
    draft = closer(ranges=(), next_leg=14)
    before = draft.state
    assert send(draft) is None
    assert draft.state == before
    assert draft.finish().outputs == ()


def test_the_log_says_what_kind_of_exit_was_sent():
    draft = closer()
    for kind in ExitKind:
        send(draft, kind)
    assert [(note.event, note.lot) for note in draft.finish().notes] == [
        (LogEvent.CLOSE_ORDER_SUBMITTED, LOT),
        (LogEvent.CLOSE_ORDER_SUBMITTED, LOT),
        (LogEvent.CLOSE_FALLBACK_USED, LOT),
        (LogEvent.EMERGENCY_ORDER_SUBMITTED, LOT),
    ]


@pytest.mark.parametrize(("ask", "kind"), [(orders.query, QueryOrder), (orders.cancel, CancelOrder)])
def test_a_question_and_a_cancel_name_the_order_by_the_venues_id_too(ask, kind):
    """Some venues find an order that has ended only by the id they gave it."""
    draft = closer()
    send(draft)
    order = replace(draft.state.orders[0], order_id=OrderId("v-1"))
    ask(draft, order, *(["flatten"] if kind is CancelOrder else []))
    assert draft.finish().outputs[-1] == kind(
        grid="g",
        exchange="sim",
        symbol="BTC-PERP",
        client_order_id=order.client_order_id,
        order_id=OrderId("v-1"),
    )
