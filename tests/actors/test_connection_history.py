"""What a connection tells a venue whose history has to be read: how far back to look, and where to go on."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.messages import (
    ConnectionReady,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderSettled,
    PositionRead,
    QueryFailed,
)
from actors.venue_messages import OrderAnswered, OrderErred
from exchanges.errors import MalformedMessage, OutcomeUnknown, UnknownOrder
from exchanges.values import OrderId, OrderRef, OrderStatus
from tests.actors.connection_desk import NUMBER, SECOND, Desk, fill, known, position, query
from tests.actors.venue_doubles import client_id, entry, order_report
from tests.fakes import START_WALL_NS

NOWHERE = UnknownOrder("venue", "query_order", "nowhere")


def asked_refs(desk: Desk, answer: Any) -> list[OrderRef]:
    """Let questions about orders be answered, and keep how the orders were named."""
    refs: list[OrderRef] = []

    def query_order(subject: OrderRef) -> Any:
        refs.append(subject)
        return answer

    desk.venue.answers["query_order"] = query_order
    return refs


def test_an_order_of_this_run_cannot_be_older_than_its_sending(make_desk):
    desk = make_desk()
    desk.live()
    sent_ns, venue_ns = desk.clock.monotonic_ns(), desk.venue_clock.wall_ns()
    refs = asked_refs(desk, NOWHERE)
    desk.pass_time(2)
    desk.tell(OrderErred(entry(4), OutcomeUnknown("venue", "place", "timeout"), sent_ns))
    assert desk.strategy.take(OrderOutcomeUnknown)
    desk.pass_time(3)
    desk.tell(query(client_id(4)))
    assert "can still be accepted" in desk.strategy.take(QueryFailed).error
    assert (refs[-1].not_before_ns, refs[-1].order_id) == (venue_ns - 60 * SECOND, None)


def test_an_order_nobody_registered_may_be_of_any_age(make_desk):
    desk = make_desk()
    desk.live()
    refs = asked_refs(desk, order_report(client_id(6), OrderStatus.CANCELED))
    desk.tell(query(client_id(6)))
    assert desk.strategy.take(OrderSettled)
    assert [ref.not_before_ns for ref in refs] == [0]


def test_an_order_of_an_earlier_run_is_not_older_than_what_is_not_settled(make_desk):
    since_ns = START_WALL_NS - 7200 * SECOND
    desk = make_desk(market=replace(known(filled=Decimal(0), trades=(), order_id=None), since_wall_ns=since_ns))
    refs = asked_refs(desk, NOWHERE)
    desk.live()
    assert desk.strategy.take(OrderNotFound).client_order_id == NUMBER
    assert refs[0].not_before_ns == since_ns - 600 * SECOND


def test_without_a_time_in_the_journal_nothing_is_claimed(make_desk):
    desk = make_desk(market=replace(known(filled=Decimal(0), trades=(), order_id=None), since_wall_ns=0))
    refs = asked_refs(desk, NOWHERE)
    desk.live()
    assert refs[0].not_before_ns == 0


def test_the_next_page_of_fills_begins_where_the_last_one_ended(make_desk):
    desk = make_desk(market=known())
    pages: list[tuple[Any, int]] = []

    def recent(subject: Any) -> Any:
        pages.append(subject[1:])
        number = len(pages) + 1
        trade = fill(NUMBER, f"t{number}", "0.1", occurred_ns=number * 100, order_id=OrderId(f"v{NUMBER}"))
        return (trade,) if number < 4 else ()

    desk.venue.answers["recent_fills"] = recent
    desk.venue.answers["query_order"] = order_report(NUMBER, OrderStatus.CANCELED, filled=Decimal("0.6"))
    desk.begin().calls.on_open()
    desk.sync()
    assert pages == [("t1", 1), ("t2", 200), ("t3", 300)]


def reading_fills(desk: Desk, *trades: Any) -> list[tuple[Any, int]]:
    """Let the archive hold `trades`; return where each reading begins."""
    asked: list[tuple[Any, int]] = []

    def recent(subject: Any) -> Any:
        _, after, since_ns = subject
        asked.append((after, since_ns))
        names = [trade.trade_id for trade in trades]
        first = names.index(after) + 1 if after in names else 0
        return tuple(trade for trade in trades[first:] if trade.occurred_ns >= since_ns)

    desk.venue.answers["recent_fills"] = recent
    return asked


def test_a_fill_of_an_order_that_had_ended_is_found_by_the_audit_of_fills(make_desk):
    desk = make_desk()
    desk.live()
    number = client_id(4)
    desk.tell(OrderAnswered(entry(4), order_report(number)))
    desk.frame(order_report(number, OrderStatus.CANCELED))
    desk.quiet()
    reading_fills(desk, fill(number, "t9", "0.4", occurred_ns=desk.venue_clock.wall_ns()))
    desk.pass_time(66)
    told = desk.strategy.take(OrderFilled)
    assert (told.client_order_id, told.quantity) == (number, Decimal("0.4"))
    desk.pass_time(130)
    desk.strategy.expect_none(OrderFilled)


def test_fills_are_read_once_a_minute_and_from_where_all_are_known(make_desk):
    desk = make_desk()
    asked = reading_fills(desk)
    desk.live()
    begun_ns = asked[0][1]
    assert begun_ns == desk.venue_clock.wall_ns()
    number = client_id(4)
    desk.tell(OrderAnswered(entry(4), order_report(number)))
    old = fill(number, "t1", "0.1", occurred_ns=begun_ns + SECOND)
    young = fill(number, "t2", "0.1", occurred_ns=begun_ns + 70 * SECOND)
    asked = reading_fills(desk, old, young)
    desk.pass_time(190)
    starts = list(dict.fromkeys(asked))
    # what is younger than a minute may still have a predecessor that is registered late: it is read again
    assert starts == [(None, begun_ns), ("t2", begun_ns + 70 * SECOND), ("t1", begun_ns + SECOND)]
    assert len(asked) <= 8


def test_an_archive_that_cannot_be_read_is_no_empty_one_and_ends_no_audit(make_desk):
    desk = make_desk()
    desk.live()
    desk.quiet()
    desk.venue.answers["recent_fills"] = OutcomeUnknown("venue", "recent_fills", "timeout")
    desk.pass_time(66)
    assert {failed.what for failed in desk.strategy.all(QueryFailed)} == {"recent_fills"}
    assert desk.strategy.all(PositionRead)


# --- fills that name only the venue's id ---


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
