"""The ledger's corners: whose an order is, what waits for its owner, and what stays of forgotten orders."""

from decimal import Decimal

import pytest

from exchanges.fills import Doubt, FillLedger
from exchanges.order_ids import OrderKey, pack
from exchanges.values import ClientOrderId, OrderId, OrderStatus
from tests.exchanges.builders import (
    ORDER,
    OTHER,
    SYMBOL,
    TAG,
    VENUE_ID,
    fill_report,
    ledger_with,
    order_report,
    told,
)

OPEN, PARTIAL, CANCELED = OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.CANCELED
THIRD = pack(OrderKey(TAG, 3, 0))


def forget(ledger: FillLedger, client_order_id: ClientOrderId, order_id: str) -> None:
    ledger.apply(order_report(CANCELED, client_order_id=client_order_id, order_id=OrderId(order_id)), received_ns=1)
    ledger.forget_ended(2)


# --- whose an order is ---


def test_an_order_has_the_venue_id_it_was_told_under_by_any_report_or_by_know():
    ledger = ledger_with()
    ledger.know(VENUE_ID, ORDER)
    state = ledger.state(ORDER)
    assert state is not None
    assert state.order_id == VENUE_ID
    (fill,) = ledger.apply(fill_report("t1", "0.3", client_order_id=OTHER, order_id=OrderId("7"))).fills
    assert fill.order_id == "7"


def test_one_venue_id_for_two_orders_is_doubted_with_both_named():
    ledger = ledger_with()
    ledger.know(VENUE_ID, ORDER)
    assert ledger.know(VENUE_ID, OTHER).events == (
        Doubt(
            client_order_id=OTHER,
            order_id=VENUE_ID,
            symbol="",
            why=f"order id {VENUE_ID} was told for {ORDER} and for {OTHER}",
        ),
    )


def test_a_woken_order_that_comes_under_a_second_id_is_doubted():
    ledger = ledger_with()
    ledger.apply(order_report(CANCELED), received_ns=1)
    ledger.forget_ended(2)
    update = ledger.apply(order_report(CANCELED, order_id=OrderId("7")), received_ns=3)
    assert [doubt.why for doubt in update.doubts] == [f"the venue has it under the ids {VENUE_ID}, 7"]


# --- what waits for its owner ---


def test_a_waiting_fill_is_told_with_its_own_times():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300", client_order_id=None), received_ns=50)
    (fill,) = ledger.know(VENUE_ID, ORDER, received_ns=60).fills
    assert (fill.occurred_ns, fill.received_wall_ns, fill.received_ns) == (21, 22, 50)


def test_waiting_trades_of_one_size_are_told_apart_by_their_ids():
    ledger = ledger_with()
    for trade_id in ("t1", "t2"):
        ledger.apply(fill_report(trade_id, "0.300", client_order_id=None))
    assert [fill.trade_id for fill in ledger.know(VENUE_ID, ORDER).fills] == ["t1", "t2"]


def test_a_waiting_trade_that_is_told_again_with_its_total_is_still_the_same():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300", client_order_id=None))
    again = fill_report("t1", "0.300", cumulative="0.300", client_order_id=None)
    for _ in range(2):
        assert ledger.apply(again).unattributed == ()
    assert ledger.duplicates == 2


def test_waiting_executions_without_id_are_told_apart_by_their_totals():
    ledger = ledger_with()
    for total in ("0.300", "0.600"):
        ledger.apply(fill_report(None, "0.300", cumulative=total, client_order_id=None))
    assert told(ledger.know(VENUE_ID, ORDER)) == [
        ("99.9", "0.300", "0.300", None),
        ("99.9", "0.300", "0.600", None),
    ]


def test_every_waiting_fill_that_is_given_up_is_counted():
    ledger = FillLedger(max_unattributed=1)
    for number in range(3):
        for trade_id in ("t1", "t2"):
            ledger.apply(fill_report(trade_id, "0.1", client_order_id=None, order_id=OrderId(str(number))))
    assert ledger.dropped == 4


# --- what stays of forgotten orders ---


def test_a_woken_order_keeps_the_price_and_size_it_was_placed_with():
    ledger = ledger_with()
    ledger.apply(order_report(CANCELED), received_ns=1)
    assert ledger.forget_ended(2) == (ORDER,)
    ledger.apply(order_report(CANCELED, "0.400", quantity="7", price="55"), received_ns=3)
    state = ledger.state(ORDER)
    assert state is not None
    assert (state.price, state.quantity) == (Decimal("99.9"), Decimal("1.000"))
    assert state.notional == Decimal("99.9") * Decimal("0.4")


@pytest.mark.parametrize("count", [1, 2])
def test_as_many_orders_are_remembered_as_there_is_room_for(count):
    ledger = FillLedger(max_memories=count)
    orders = (ORDER, OTHER, THIRD)[: count + 1]
    for number, client_order_id in enumerate(orders[:count]):
        forget(ledger, client_order_id, str(number))
    assert [ledger.owner(OrderId(str(number))) for number in range(count)] == list(orders[:count])
    forget(ledger, orders[count], "last")
    assert ledger.owner(OrderId("0")) is None


def test_a_doubt_about_an_order_beyond_memory_names_it():
    ledger = FillLedger(max_memories=0)
    forget(ledger, ORDER, "a")
    update = ledger.apply(fill_report("t1", "0.4", order_id=OrderId("b")))
    assert update.events == (
        Doubt(
            client_order_id=ORDER,
            order_id=OrderId("b"),
            symbol=SYMBOL,
            why="a report of an order whose fills are no longer remembered",
        ),
    )


def test_the_newest_lot_beyond_memory_stays_beyond_it_when_an_older_one_follows():
    ledger = FillLedger(max_memories=0)
    forget(ledger, THIRD, "c")
    forget(ledger, ORDER, "a")
    for client_order_id in (ORDER, OTHER, THIRD):
        report = fill_report("t1", "0.4", client_order_id=client_order_id, order_id=OrderId(str(client_order_id)))
        assert [type(event) for event in ledger.apply(report).events] == [Doubt]


def test_what_is_beyond_memory_for_one_bot_is_not_for_another():
    ledger = FillLedger(max_memories=0)
    forget(ledger, THIRD, "c")
    of_another_bot = pack(OrderKey(TAG + 1, 1, 0))
    report = fill_report("t1", "0.4", client_order_id=of_another_bot, order_id=OrderId("x"))
    assert len(ledger.apply(report).fills) == 1


def test_an_order_beyond_memory_does_not_take_the_venue_id_of_another_along():
    """The venue told one id for two orders: it stays that of the first when the second is given up."""
    ledger = FillLedger(max_memories=0)
    ledger.apply(order_report(PARTIAL, "0.100"))
    forget(ledger, OTHER, VENUE_ID)
    assert ledger.owner(VENUE_ID) == ORDER
    assert told(ledger.apply(fill_report("t2", "0.300", client_order_id=None))) == [("99.9", "0.200", "0.300", "t2")]
