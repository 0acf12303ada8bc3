"""After a loss of power: orders that nobody remembers are found by what they have filled."""

from decimal import Decimal
from typing import Any

import pytest

from actors.messages import ConnectionReady, OrderAccepted, OrderCanceled, OrderFilled
from exchanges.errors import ClockRefused, MalformedMessage, OutcomeUnknown, RateLimited
from exchanges.values import OrderId, OrderStatus
from tests.actors.connection_desk import SECOND, Desk, fill, position
from tests.actors.test_connection_history import NOWHERE, asked_refs, reading_fills
from tests.actors.venue_doubles import client_id, order_report

LOST = client_id(5, 1)


def strange(desk: Desk, order_id: str, quantity: str) -> Any:
    wall_ns = desk.venue_clock.wall_ns() + 60 * SECOND
    return fill(None, f"t-{order_id}", quantity, order_id=OrderId(order_id), occurred_ns=wall_ns)


def filled(number: Any, order_id: str, quantity: str) -> Any:
    size = Decimal(quantity)
    return order_report(number, OrderStatus.FILLED, order_id=OrderId(order_id), quantity=size, filled=size)


def test_after_a_loss_of_power_strange_fills_are_asked_whose_they_are(make_desk):
    """The intent of an exit may be lost, and the exit filled before anybody could list it as open."""
    desk = make_desk(suspect_until_wall_ns=1)
    reading_fills(desk, strange(desk, "v1", "0.4"), strange(desk, "v2", "0.3"))
    answers = {"v1": filled(LOST, "v1", "0.4"), "v2": filled(None, "v2", "0.3")}
    desk.venue.answers["find_order"] = answers.__getitem__
    desk.venue.answers |= {"order_fills": (), "position": position("0.4")}
    desk.live()
    accepted, told = desk.closer.all(OrderAccepted | OrderFilled)
    assert (accepted.client_order_id, accepted.price, accepted.quantity) == (LOST, Decimal(100), Decimal("0.4"))
    assert (told.client_order_id, told.quantity, told.trade_id) == (LOST, Decimal("0.4"), "t-v1")
    assert 5 in desk.sequences
    assert desk.asked.count("find_order") == 2
    assert desk.asked.index("find_order") < desk.asked.index("position")


def test_after_a_loss_of_power_an_order_that_is_known_by_its_fill_alone_is_asked_for(make_desk):
    """Where fills name our id: its price and size tell the journal at the next start that its fills are known."""
    desk = make_desk(suspect_until_wall_ns=1)
    refs = asked_refs(desk, order_report(LOST, OrderStatus.CANCELED, quantity=Decimal(2), filled=Decimal("0.4")))
    wall_ns = desk.venue_clock.wall_ns() + 60 * SECOND
    trades = [fill(LOST, f"t{n}", "0.2", order_id=OrderId(f"v{LOST}"), occurred_ns=wall_ns) for n in (1, 2)]
    reading_fills(desk, *trades)
    desk.venue.answers |= {"position": position("0.4")}
    desk.live()
    accepted, *fills, ended = desk.closer.all(OrderAccepted | OrderFilled | OrderCanceled)
    assert (accepted.price, accepted.quantity) == (Decimal(100), Decimal(2))
    assert [told.trade_id for told in fills] == ["t1", "t2"]
    assert (ended.client_order_id, ended.filled) == (LOST, Decimal("0.4"))
    assert [(ref.client_order_id, ref.order_id) for ref in refs] == [(LOST, f"v{LOST}")]


def test_without_a_loss_of_power_they_are_somebody_elses(make_desk):
    desk = make_desk()
    reading_fills(desk, strange(desk, "v1", "0.4"))
    desk.venue.answers["find_order"] = filled(LOST, "v1", "0.4")
    desk.live()
    assert "find_order" not in desk.asked


def test_an_order_that_is_gone_from_the_venue_stays_strange_and_an_outage_is_waited_out(make_desk):
    desk = make_desk(suspect_until_wall_ns=1)
    reading_fills(desk, strange(desk, "v1", "0.4"))
    answers = iter([OutcomeUnknown("venue", "find_order", "timeout"), NOWHERE])
    desk.venue.answers["find_order"] = lambda _: next(answers)
    reader = desk.begin()
    reader.calls.on_open()
    desk.sync()
    assert not desk.strategy.all(ConnectionReady)
    desk.pass_time(5)
    assert desk.strategy.take(ConnectionReady)
    desk.closer.expect_none(OrderFilled)


@pytest.mark.parametrize("kind", [RateLimited, ClockRefused])
def test_a_question_that_was_refused_for_its_own_sake_is_asked_again(make_desk, kind):
    desk = make_desk(suspect_until_wall_ns=1)
    reading_fills(desk, strange(desk, "v1", "0.4"))
    answers = iter([kind("venue", "find_order", "not now"), filled(LOST, "v1", "0.4")])
    desk.venue.answers |= {"find_order": lambda _: next(answers), "order_fills": (), "position": position("0.4")}
    desk.begin().calls.on_open()
    desk.sync()
    desk.pass_time(5)
    assert desk.closer.take(OrderFilled).client_order_id == LOST


def test_a_trade_that_trails_is_asked_about_when_it_comes(make_desk):
    desk = make_desk(suspect_until_wall_ns=1)
    pages = iter([(), (strange(desk, "v1", "0.4"),)])
    desk.venue.answers["recent_fills"] = lambda _: next(pages, ())
    desk.venue.answers |= {"find_order": filled(LOST, "v1", "0.4"), "order_fills": (), "position": position("0.4")}
    desk.begin().calls.on_open()
    desk.sync()
    desk.pass_time(5)
    assert desk.strategy.take(ConnectionReady)
    assert [told.client_order_id for told in desk.closer.all(OrderFilled)] == [LOST]


def test_what_was_found_is_told_to_its_end_although_the_reading_breaks_off_behind_it(make_desk):
    desk = make_desk(suspect_until_wall_ns=1)
    reading_fills(desk, strange(desk, "v1", "0.4"), strange(desk, "v2", "0.3"))
    ours = order_report(LOST, OrderStatus.CANCELED, order_id=OrderId("v1"), filled=Decimal("0.4"))
    answers = iter([ours, OutcomeUnknown("venue", "find_order", "timeout"), filled(None, "v2", "0.3")])
    desk.venue.answers |= {"find_order": lambda _: next(answers), "order_fills": (), "position": position("0.4")}
    desk.begin().calls.on_open()
    desk.sync()
    desk.pass_time(5)
    assert desk.strategy.take(ConnectionReady)
    assert desk.closer.take(OrderCanceled).client_order_id == LOST
    assert 5 in desk.sequences


def test_a_strange_order_that_cannot_be_read_does_not_keep_the_bot_from_starting(make_desk):
    desk = make_desk(suspect_until_wall_ns=1)
    reading_fills(desk, strange(desk, "v1", "0.4"))
    desk.venue.answers["find_order"] = MalformedMessage("venue", "find_order", "what is this")
    desk.live()
    assert desk.strategy.take(ConnectionReady)
    assert desk.asked.count("find_order") == 1
