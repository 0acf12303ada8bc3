"""The private stream that looks open and is of no use, and what a connection does when time was not what it seemed."""

from actors.messages import Heartbeat, OrderFilled, OrderSent, PositionRead, StreamLost, StreamRestored
from actors.status import ConnectionPhase
from actors.venue_messages import Distrust, OrderAnswered, ReadClock
from actors.watches import CONNECTING_NS, DEAF_NS
from exchanges.values import OrderStatus
from tests.actors.connection_desk import SECOND, Desk, fill, listing, query
from tests.actors.venue_doubles import client_id, entry, order_report


def beat(desk: Desk, *, pongs: bool = True) -> None:
    """One beat of the watchdog; the reader's pings are answered if `pongs`."""
    if pongs:
        desk.readers[-1].alive_ns = desk.clock.monotonic_ns()
    desk.tell(Heartbeat(number=1, answer=lambda _: None))


def live_for(desk: Desk, ns: int) -> None:
    for _ in range(ns // SECOND):
        desk.timers.advance(SECOND)
        beat(desk)


def answered(desk: Desk, lot: int) -> None:
    command = entry(lot)
    number = command.client_order_id
    desk.tell(
        OrderSent(grid="btc", client_order_id=number, sent_ns=desk.clock.monotonic_ns()),
        OrderAnswered(command, order_report(number)),
    )


def test_a_stream_that_says_nothing_of_an_answered_order_is_given_up(make_desk):
    desk = make_desk()
    desk.live()
    desk.timers.advance(SECOND)
    answered(desk, 3)
    desk.venue.answers["query_order"] = order_report(client_id(3))
    desk.quiet()
    live_for(desk, DEAF_NS)
    desk.strategy.expect_none(StreamLost)
    live_for(desk, 2 * SECOND)
    assert "silent" in desk.strategy.take(StreamLost).why
    assert desk.readers[0].stopped
    desk.pass_time(1)
    desk.readers[-1].calls.on_open()
    desk.sync()
    assert desk.strategy.take(StreamRestored)
    assert desk.statuses[-1].phase is ConnectionPhase.LIVE


def test_a_stream_that_speaks_of_the_order_is_kept(make_desk):
    desk = make_desk()
    desk.live()
    desk.timers.advance(SECOND)
    answered(desk, 3)
    desk.frame(order_report(client_id(3)))
    live_for(desk, 3 * DEAF_NS)
    desk.strategy.expect_none(StreamLost)


def test_a_venue_whose_reply_is_only_a_receipt_owes_no_report(make_desk):
    desk = make_desk(capabilities={"reply_is_acceptance": False})
    desk.live()
    desk.timers.advance(SECOND)
    answered(desk, 3)
    live_for(desk, 2 * DEAF_NS)
    desk.strategy.expect_none(StreamLost)


def test_an_acceptance_that_only_a_question_has_told_convicts_the_stream(make_desk):
    """Found by simulation: where replies are receipts, a deaf stream was noticed only by a fill, minutes later."""
    desk = make_desk(capabilities={"reply_is_acceptance": False, "accept_within_s": 1.5})
    desk.live()
    desk.timers.advance(SECOND)
    desk.venue.answers["query_order"] = order_report(client_id(3))
    answered(desk, 3)
    live_for(desk, 3 * SECOND)
    assert "query_order" in desk.asked
    desk.strategy.expect_none(StreamLost)
    live_for(desk, DEAF_NS)
    assert "silent" in desk.strategy.take(StreamLost).why


def test_an_acceptance_that_the_stream_has_told_first_owes_no_other_word(make_desk):
    desk = make_desk(capabilities={"reply_is_acceptance": False, "accept_within_s": 1.5})
    desk.live()
    answered(desk, 3)
    desk.frame(order_report(client_id(3)))
    desk.timers.advance(SECOND)
    desk.venue.answers["query_order"] = order_report(client_id(3))
    desk.tell(query(client_id(3)))
    live_for(desk, 2 * DEAF_NS)
    desk.strategy.expect_none(StreamLost)


def test_a_fill_that_only_the_audit_has_seen_convicts_the_stream(make_desk):
    desk = make_desk()
    desk.live()
    answered(desk, 3)
    number = client_id(3)
    desk.frame(order_report(number))
    desk.quiet()
    desk.venue.answers["order_fills"] = (fill(number, "t1", "0.5"),)
    desk.venue.answers["active_orders"] = listing(
        order_report(number, OrderStatus.PARTIALLY_FILLED, filled=fill(number, "t1", "0.5").quantity)
    )
    live_for(desk, 6 * SECOND)
    assert desk.strategy.take(OrderFilled)
    live_for(desk, DEAF_NS)
    assert "silent" in desk.strategy.take(StreamLost).why


def test_a_reader_that_does_not_read_any_more_is_given_up(make_desk):
    desk = make_desk()
    desk.live()
    dead_after_s = desk.readers[0].endpoint.dead_after_s
    live_for(desk, 60 * SECOND)
    desk.strategy.expect_none(StreamLost)
    for _ in range(int(dead_after_s) + 6):
        desk.timers.advance(SECOND)
        beat(desk, pongs=False)
    assert "thread" in desk.strategy.take(StreamLost).why


def test_a_reader_that_never_finishes_connecting_is_replaced(make_desk):
    desk = make_desk()
    desk.begin()
    for _ in range(CONNECTING_NS // SECOND + 3):
        desk.timers.advance(SECOND)
        desk.tell(Heartbeat(number=1, answer=lambda _: None))
    assert len(desk.readers) == 2
    assert desk.readers[0].stopped
    desk.readers[-1].calls.on_open()
    desk.sync()
    assert desk.statuses[-1].phase is ConnectionPhase.LIVE


def test_after_a_pause_everything_is_connected_and_read_anew(make_desk):
    desk = make_desk()
    desk.live()
    desk.quiet()
    desk.tell(Distrust("nothing ran here for 20.0 s"))
    assert desk.strategy.take(StreamLost).why == "nothing ran here for 20.0 s"
    assert desk.readers[0].stopped
    desk.asked.clear()
    desk.pass_time(1)
    desk.readers[-1].calls.on_open()
    desk.sync()
    assert {"recent_fills", "active_orders", "position"} <= set(desk.asked)
    assert desk.strategy.take(PositionRead)
    assert desk.strategy.take(StreamRestored)


def test_a_pause_while_nothing_is_connected_changes_nothing(make_desk):
    desk = make_desk()
    desk.begin()
    desk.tell(Distrust("nothing ran here for 20.0 s"))
    assert len(desk.readers) == 1
    assert not desk.readers[0].stopped


def test_a_wall_clock_that_was_set_has_the_venues_read_at_once_and_shown(make_desk):
    desk = make_desk()
    desk.live()
    assert desk.venue_clock.offset_ns == 3 * SECOND
    desk.venue.answers["server_time"] = lambda _: desk.clock.wall_ns() - 87 * SECOND
    desk.asked.clear()
    desk.tell(ReadClock())
    assert desk.asked == ["server_time"]
    assert desk.venue_clock.offset_ns == -87 * SECOND
    assert desk.statuses[-1].clock_offset_ns == -87 * SECOND
