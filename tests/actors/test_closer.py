"""The closer's shell on probes: what goes where, in which order. The rules are the core's."""

from decimal import Decimal
from typing import Any

import pytest

from actors.messages import (
    ActiveOrdersListed,
    CloseOrderPlaced,
    EntryFilled,
    EntryFinished,
    Flattened,
    FlattenPositions,
    LotsChanged,
    OrderAccepted,
    PlaceLimitOrder,
    PositionClosed,
    QueryOrder,
    SequencesReserved,
)
from tests.actors.shell_desks import SECOND, CloserDesk, fill_of, ready, with_ids


@pytest.fixture
def closer():
    desk = CloserDesk()
    yield desk
    desk.ref.stop(timeout=2)


def entry_filled(quantity: str = "1", lot: int = 1, **changes: Any) -> EntryFilled:
    fields: dict[str, Any] = {
        "grid": "btc",
        "lot": lot,
        "price": Decimal(100),
        "quantity": Decimal(quantity),
        "leaves": Decimal(0),
        "received_ns": 99,
    }
    return EntryFilled(**(fields | changes))


def test_a_fill_gets_its_exit_at_once_and_straight_to_the_lanes(closer):
    with_ids(closer)
    closer.out.told.clear()
    closer.tell_alone(entry_filled())
    to, order = closer.out.told[0]
    assert to == "lanes"
    assert (order.reduce_only, order.quantity, order.caused_ns) == (True, Decimal(1), 99)
    assert closer.out.told[1][0] == "gave way"
    assert closer.out.of("journal", PlaceLimitOrder) == [order]


def test_what_is_covered_and_closed_is_told_to_the_strategy(closer):
    with_ids(closer)
    closer.tell(entry_filled(), EntryFinished(grid="btc", lot=1, filled=Decimal(1)))
    order = closer.out.of("lanes", PlaceLimitOrder)[0]
    closer.clock.advance(SECOND)
    closer.tell(OrderAccepted(grid="btc", client_order_id=order.client_order_id))
    assert closer.out.of("strategy", CloseOrderPlaced)[-1].covered == Decimal(1)
    assert [measured.quantity for measured in closer.measured] == [Decimal(1)]
    closer.tell(fill_of(order))
    assert closer.out.of("strategy", PositionClosed)[0].quantity == Decimal(1)
    assert closer.out.of("journal", PositionClosed)
    assert closer.out.of("strategy", LotsChanged)[-1].open_lots == 0


def test_the_closer_keeps_what_comes_before_the_venue_was_read(closer):
    closer.tell(entry_filled(), SequencesReserved(grid="btc", first=1, last=64))
    assert closer.out.told == []
    closer.tell(ready())
    assert closer.out.of("lanes", PlaceLimitOrder)


def test_a_flat_grid_says_so_to_strategy_and_bot(closer):
    with_ids(closer)
    closer.tell(FlattenPositions(grid="btc", reason="test"))
    assert closer.out.of("strategy", Flattened) == [Flattened(grid="btc")]
    assert closer.out.of("bot", Flattened) == [Flattened(grid="btc")]


def test_an_absence_in_the_list_leads_to_a_question_and_not_to_a_second_exit(closer):
    with_ids(closer)
    closer.tell(entry_filled())
    order = closer.out.of("lanes", PlaceLimitOrder)[0]
    closer.tell(OrderAccepted(grid="btc", client_order_id=order.client_order_id))
    closer.clock.advance(10 * SECOND)
    closer.tell(
        ActiveOrdersListed(grid="btc", client_order_ids=frozenset(), foreign=0, asked_ns=closer.clock.monotonic_ns())
    )
    assert closer.out.of("connection", QueryOrder)[0].client_order_id == order.client_order_id
    assert len(closer.out.of("lanes", PlaceLimitOrder)) == 1
