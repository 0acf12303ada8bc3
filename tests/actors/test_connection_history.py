"""What a connection tells a venue whose history has to be read: how far back to look, and where to go on."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.messages import (
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderSettled,
    PositionRead,
    QueryFailed,
)
from actors.venue_messages import OrderAnswered, OrderErred
from exchanges.errors import OutcomeUnknown, UnknownOrder
from exchanges.values import OrderId, OrderRef, OrderStatus
from tests.actors.connection_desk import NUMBER, SECOND, Desk, fill, known, query
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
