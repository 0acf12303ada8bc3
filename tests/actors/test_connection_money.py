"""What a lost report would have said of price and fee is asked for, and told behind the quantity it belongs to."""

from decimal import Decimal
from typing import Any

from actors.messages import FillCorrected, OrderFilled
from exchanges.errors import OutcomeUnknown
from exchanges.values import OrderStatus
from tests.actors.connection_desk import fill, listing
from tests.actors.venue_doubles import client_id, order_report


def half_filled(number: Any) -> Any:
    return order_report(number, OrderStatus.PARTIALLY_FILLED, filled=Decimal("0.5"))


def test_an_entrys_lost_report_is_looked_up_and_goes_the_way_of_its_fill(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(6)
    desk.venue.answers["order_fills"] = (fill(number, "t1", "0.5", price=Decimal(99), fee=Decimal("0.02")),)
    desk.quiet()
    desk.frame(half_filled(number))
    desk.pass_time(1)
    assert desk.asked[-1] == "order_fills"
    fills = [message for message in desk.strategy.messages if isinstance(message, OrderFilled | FillCorrected)]
    assert [type(message) for message in fills] == [OrderFilled, FillCorrected]
    correction = fills[1]
    assert (correction.grid, correction.client_order_id, correction.trade_id) == ("btc", number, "t1")
    assert (correction.quantity, correction.price, correction.fee) == (Decimal("0.5"), Decimal(99), Decimal("0.02"))
    assert correction.assumed_price == fills[0].price
    # the journal gets an entry's from the strategy, so that it cannot overtake the fill there either
    assert not [message for message in desk.journal.messages if isinstance(message, FillCorrected)]


def test_an_exits_goes_to_the_closer_and_the_journal(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(6, 1)
    desk.venue.answers["order_fills"] = (fill(number, "t1", "0.5", fee=Decimal("0.02")),)
    desk.quiet()
    desk.frame(half_filled(number))
    desk.pass_time(1)
    assert desk.closer.take(FillCorrected) == desk.journal.take(FillCorrected)
    assert not [message for message in desk.strategy.messages if isinstance(message, FillCorrected)]


def test_a_report_that_was_only_late_is_not_counted_again(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(6)
    trade = fill(number, "t1", "0.5", fee=Decimal("0.02"))
    desk.venue.answers["order_fills"] = (trade,)
    desk.quiet()
    desk.frame(half_filled(number))
    desk.pass_time(1)
    desk.frame(trade)
    kinds = [type(m) for m in desk.strategy.messages if isinstance(m, OrderFilled | FillCorrected)]
    assert kinds == [OrderFilled, FillCorrected]


def test_a_trade_that_follows_its_order_at_once_costs_no_question(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(6)
    desk.quiet()
    desk.frame(half_filled(number))
    desk.frame(fill(number, "t1", "0.5", price=Decimal(99), fee=Decimal("0.02")))
    desk.pass_time(1)
    assert "order_fills" not in desk.asked
    assert desk.strategy.take(FillCorrected).price == Decimal(99)


def test_an_order_is_doubted_also_while_its_price_is_looked_up(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(6)
    desk.venue.answers["order_fills"] = (fill(number, "t1", "0.5", fee=Decimal("0.02")),)
    desk.venue.answers["query_order"] = half_filled(number)
    desk.frame(half_filled(number))
    asked = desk.asked.count("query_order")
    desk.frame(order_report(number, OrderStatus.PARTIALLY_FILLED, filled=Decimal(7)))  # more than was ordered
    desk.pass_time(1)
    assert desk.asked.count("query_order") == asked + 1


def test_where_the_list_cannot_be_read_the_next_audit_asks_again(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(6)
    desk.venue.answers["order_fills"] = OutcomeUnknown("aster", "order_fills", "timeout")
    desk.quiet()
    desk.frame(half_filled(number))
    desk.pass_time(1)
    assert desk.asked.count("order_fills") == 1
    assert not [message for message in desk.strategy.messages if isinstance(message, FillCorrected)]
    desk.venue.answers["order_fills"] = (fill(number, "t1", "0.5", fee=Decimal("0.02")),)
    desk.venue.answers["active_orders"] = listing(half_filled(number))
    desk.pass_time(6)
    assert desk.strategy.take(FillCorrected).fee == Decimal("0.02")
    asked = desk.asked.count("order_fills")
    desk.pass_time(6)
    assert desk.asked.count("order_fills") == asked, "what is explained is not asked for again"


def test_before_the_bot_is_ready_nothing_is_asked_besides_the_start(make_desk):
    desk = make_desk()
    reader = desk.begin()
    desk.holds_questions = True
    reader.calls.on_open()
    desk.sync()
    desk.frame(half_filled(client_id(6)))
    assert "order_fills" not in desk.asked
    desk.holds_questions = False
    desk.answer_held()
