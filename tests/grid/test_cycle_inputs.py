"""What the entry side learns from each message that is not about one of its orders."""

import pytest

from actors.grid import cycle
from actors.grid.settings import Direction
from actors.grid.state import DAY_NS, CycleState, Day, Feed, LotsView, Mode
from actors.messages import (
    CancelEntries,
    CloseOrderPlaced,
    EntryFinished,
    Flatten,
    FundingPaid,
    LatchKind,
    LotsChanged,
    PauseEntries,
    PositionClosed,
    QueryFailed,
    ReserveSequences,
    SequencesReserved,
    StopEntries,
    Tick,
)
from exchanges.records import replace
from exchanges.values import CancelReason
from tests.grid.harness import START_WALL_NS, D, Harness

TODAY = START_WALL_NS // DAY_NS

VIEW = LotsChanged(
    grid="g",
    open_lots=2,
    exit_prices=(D(101), D(102)),
    position=D(3),
    cost=D(300),
    unprotected_quantity=D("0.5"),
    realized_pnl=D(7),
    fees=D("0.25"),
    mismatch=True,
    entries_received=D(4),
    external=D(-1),
)


def test_the_lots_are_seen_as_the_closer_tells_them():
    grid = Harness()
    grid.give("strategy", VIEW)
    assert grid.state.lots == LotsView(
        open_lots=2,
        exit_prices=(D(101), D(102)),
        position=D(3),
        cost=D(300),
        unprotected_quantity=D("0.5"),
        realized_pnl=D(7),
        fees=D("0.25"),
        mismatch=True,
        entries_received=D(4),
        external=D(-1),
        is_known=True,
    )


@pytest.mark.parametrize(("received", "sent"), [("4", "5"), ("5", "5"), ("6", "6"), ("3", "3")])
def test_what_was_sent_to_the_closer_stays_sent_unless_it_counts_anew_or_further(received, sent):
    grid = Harness()
    grid.give("strategy", VIEW)
    grid.state = replace(grid.state, sent=D(5))
    grid.give("strategy", replace(VIEW, entries_received=D(received)))
    assert grid.state.sent == D(sent)


@pytest.mark.parametrize(("direction", "sign"), [(Direction.BUY, 1), (Direction.SELL, -1)])
def test_a_surplus_is_what_a_reading_has_beyond_the_lots_what_is_foreign_and_what_is_on_its_way(direction, sign):
    grid = Harness(direction=direction)
    lots = LotsView(position=sign * D(3), entries_received=D(4), external=D("-0.5"))
    grid.state = replace(grid.state, lots=lots, sent=D("4.2"))
    grid.position(sign * D("3.2") - D("0.5") + sign * D("0.1"))
    assert grid.state.surplus == D("0.1")


def test_cover_of_another_lot_is_not_that_of_the_pending_entry():
    grid = Harness()
    grid.fill("c1", "t1", "1.000")
    told = CloseOrderPlaced(grid="g", lot=1, covered=D(1))
    grid.give("strategy", replace(told, lot=2))
    assert not grid.is_ready
    grid.give("strategy", told)
    assert grid.is_ready


def test_cover_without_a_pending_entry_is_no_news():
    grid = Harness(max_orders=1)
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    before = grid.state
    grid.give("strategy", CloseOrderPlaced(grid="g", lot=1, covered=D(1)))
    assert grid.state == before


def test_a_closed_lot_waives_the_cooldown():
    grid = Harness()
    grid.ack("c1")
    grid.done("c1", CancelReason.OTHER, "0")
    grid.take()
    closed = PositionClosed(
        grid="g", lot=9, entry_price=D(1), exit_price=D(2), quantity=D(1), realized_pnl=D(1), fees=D(0)
    )
    grid.give("strategy", closed)
    assert grid.take() == ["c2 buy 1@99.9"]


def test_a_pause_names_its_reason():
    grid = Harness()
    grid.ack("c1")
    grid.done("c1", CancelReason.OTHER, "0")
    grid.tell(PauseEntries(reason="lunch"))
    assert (grid.state.mode, grid.state.blocked_reason) == (Mode.PAUSED, "paused: lunch")


def test_an_orderly_stop_ends_the_live_entry_and_names_itself():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.tell(CancelEntries())
    assert grid.take() == ["cancel c1"]
    assert (grid.state.mode, grid.state.pause_reason, grid.state.is_draining) == (Mode.PAUSED, "stopping", True)


def test_a_flatten_pauses_under_its_reason():
    grid = Harness()
    grid.ack("c1")
    grid.tell(Flatten(reason="holiday"))
    assert (grid.state.mode, grid.state.pause_reason) == (Mode.PAUSED, "flatten: holiday")
    assert (grid.state.flattening.reason, grid.state.flatten_reason) == ("holiday", "holiday")


def test_a_stop_of_the_whole_bot_is_latched_as_told():
    grid = Harness()
    grid.tell(StopEntries(kind=LatchKind.DAILY_LOSS, text="-9 today"))
    assert grid.state.mode is Mode.HALTED
    assert (grid.state.latch.kind, grid.state.latch.text) == (LatchKind.DAILY_LOSS, "-9 today")


def test_entries_need_a_stream_that_lives():
    grid = Harness(max_orders=1)
    grid.lose_stream()
    assert grid.state.feed is Feed.LOST
    grid.restore_stream()
    assert grid.state.feed is Feed.LIVE
    grid.lose_stream()
    grid.connect()
    assert grid.state.feed is Feed.LIVE


def test_a_stale_price_is_still_the_last_one_that_is_known():
    grid = Harness()
    grid.ack("c1")
    before = grid.state.quote
    grid.stale()
    assert grid.state.quote == replace(before, is_stale=True)


def test_funding_of_one_day_adds_up_and_the_next_day_begins_with_none():
    grid = Harness()
    for amount in ("-0.5", "0.2"):
        grid.give("strategy", FundingPaid(grid="g", amount=D(amount), received_wall_ns=START_WALL_NS))
    assert grid.state.day == Day(number=TODAY, funding=D("-0.3"))
    grid.give("strategy", replace(VIEW, mismatch=False))
    tomorrow_ns = (TODAY + 1) * DAY_NS
    grid.give("strategy", FundingPaid(grid="g", amount=D(-2), received_wall_ns=tomorrow_ns))
    assert grid.state.day == Day(number=TODAY + 1, realized_at_start=D(7), funding=D(-2))


@pytest.mark.parametrize(("wall_ns", "number"), [((TODAY + 1) * DAY_NS - 1, TODAY), ((TODAY + 1) * DAY_NS, TODAY + 1)])
def test_a_day_ends_at_midnight(wall_ns, number):
    grid = Harness()
    grid.state = replace(grid.state, day=Day(number=TODAY, funding=D(-1)))
    grid.give("strategy", Tick(now_ns=grid.now_ns, wall_ns=wall_ns))
    assert grid.state.day == Day(number=number, funding=D(-1) if number == TODAY else D(0))


def test_a_clock_that_was_set_back_does_not_begin_yesterday_again():
    grid = Harness()
    grid.state = replace(grid.state, day=Day(number=TODAY, funding=D(-1)))
    grid.give("strategy", Tick(now_ns=grid.now_ns, wall_ns=(TODAY - 1) * DAY_NS))
    assert grid.state.day == Day(number=TODAY, funding=D(-1))


def test_an_entry_times_out_when_its_time_is_over_and_no_sooner():
    grid = Harness(entry_timeout_s=D(20))
    grid.ack("c1")
    grid.take()
    grid.pass_ms(19_999)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["cancel c1"]
    assert grid.state.pending.cancel.why == "entry timeout"


def test_an_entry_that_waits_for_its_cover_is_not_canceled():
    grid = Harness(entry_timeout_s=D(20))
    grid.fill("c1", "t1", "1.000")
    grid.take()
    grid.pass_ms(21_000)
    assert "cancel c1" not in grid.take()


def test_ids_are_asked_for_once_and_by_the_side_that_needs_them():
    grid = Harness(connect=False)
    grid.answers_reservations = False
    grid.give("strategy", Tick(now_ns=grid.now_ns, wall_ns=START_WALL_NS))
    grid.give("strategy", Tick(now_ns=grid.now_ns, wall_ns=START_WALL_NS))
    assert grid.of(ReserveSequences) == [ReserveSequences(grid="g", for_exits=False)]
    assert grid.state.ids.asked_ns == grid.now_ns
    grid.give("strategy", SequencesReserved(grid="g", first=1, last=64))
    assert (grid.state.ids.left, grid.state.ids.asked_ns) == (64, None)


def test_a_question_that_failed_says_nothing():
    grid = Harness()
    grid.ack("c1")
    before = grid.state
    grid.give("strategy", QueryFailed(grid="g", what="position", error="timeout"))
    assert grid.state == before


def test_a_message_that_is_for_nobody_here_is_a_defect_and_not_ignored():
    grid = Harness()
    with pytest.raises(AssertionError, match="EntryFinished"):
        cycle.step(grid.context, grid.state, EntryFinished(grid="g", lot=1, filled=D(1)), grid.now_ns)


def test_no_reason_is_told_while_an_entry_is_live():
    grid = Harness()
    assert grid.state.cycle_state is CycleState.WAITING_FOR_FILL
    assert grid.state.blocked_reason == ""
