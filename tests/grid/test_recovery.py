import pytest

from actors.grid.state import CycleState, Mode
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    CancelFailed,
    NoteLevel,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PauseEntries,
    ResumeEntries,
)
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, ClientOrderId, OrderStatus, RejectReason
from tests.grid.harness import D, Harness

STRANGER = pack(OrderKey(7, 900, 0))


def strangers():
    common = {"grid": "g", "client_order_id": STRANGER}
    return [
        OrderRejected(**common, reason=RejectReason.OTHER),
        OrderDenied(**common, reason="halted"),
        OrderCanceled(**common, reason=CancelReason.OTHER, filled=D(0), final=True),
        OrderOutcomeUnknown(**common, fence_ns=0, why="timeout"),
        OrderSettled(**common, order_id=None, status=OrderStatus.CANCELED, filled=D(0), asked_ns=1),
        OrderNotFound(**common, asked_ns=1),
        CancelFailed(**common, why="not open"),
        OrderAccepted(**common),
        OrderAccepted(**common, price=D(99)),
        OrderAccepted(**common, quantity=D(1)),
        OrderAccepted(grid="g", client_order_id=ClientOrderId(15), price=D(1), quantity=D(1)),
    ]


@pytest.mark.parametrize("message", strangers(), ids=lambda message: type(message).__name__)
def test_outcome_of_an_order_nobody_knows_changes_nothing(message):
    grid = Harness()
    before = grid.state
    grid.give("strategy", message)
    assert grid.state == before


def test_fill_that_is_not_an_id_of_ours_is_ignored():
    grid = Harness()
    fill = OrderFilled(grid="g", client_order_id=ClientOrderId(15), price=D(1), quantity=D(1), cumulative=D(1))
    grid.give("strategy", fill)
    assert grid.state.counters.fills == 0


def test_outcomes_after_the_end_change_nothing():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    before = grid.state.pending
    number = grid.orders["c1"].command.client_order_id
    for message in strangers()[:8]:
        again = message.__class__(**{**fields(message), "client_order_id": number})
        grid.give("strategy", again)
    grid.listed()
    assert grid.state.pending == before
    grid.ack("c2")
    assert grid.is_ready


def fields(message):
    return {name: getattr(message, name) for name in message.__dataclass_fields__}


@pytest.mark.parametrize("reason", [RejectReason.MARGIN, RejectReason.AUTHENTICATION])
def test_refusal_that_repeats_itself_pauses(reason):
    grid = Harness()
    grid.take()
    grid.reject("c1", reason)
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.mode is Mode.PAUSED
    assert grid.state.blocked_reason == f"paused: {reason.value}"
    assert [note.level for note in grid.notes if note.event is LogEvent.ENTRIES_PAUSED] == [NoteLevel.ERROR]
    grid.tell(ResumeEntries())
    assert grid.take() == ["c2 buy 1@99.9"]


def test_other_refusals_wait_longer_each_time():
    grid = Harness()
    grid.take()
    for number, wait_ms in enumerate((1_000, 2_000, 4_000), 1):
        grid.reject(f"c{number}", RejectReason.RULES)
        grid.pass_ms(wait_ms - 1)
        assert grid.take() == []
        grid.pass_ms(1)
        assert len(grid.take()) == 1


def test_denied_entry_is_tried_again_after_a_moment():
    grid = Harness()
    grid.take()
    grid.deny("c1")
    assert grid.state.blocked_reason == "not sent: quote too old"
    grid.pass_ms(250)
    assert grid.take() == ["c2 buy 1@99.9"]


def test_cancel_that_is_not_final_is_asked_and_settled():
    grid = Harness(capabilities={"cancel_report_is_final": False})
    grid.ack("c1")
    grid.take()
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert grid.take() == ["query c1"]
    assert grid.state.cycle_state is CycleState.WAITING_FOR_FILL
    grid.settled("c1", OrderStatus.UNKNOWN, "0")
    assert not grid.is_ready
    grid.settled("c1", OrderStatus.CANCELED, "0.200", CancelReason.REQUESTED)
    assert grid.held == D("0.2")


def test_answer_that_names_untold_fills_concludes_nothing():
    grid = Harness()
    number = grid.orders["c1"].command.client_order_id
    answer = OrderSettled(
        grid="g", client_order_id=number, order_id=None, status=OrderStatus.CANCELED, filled=D("0.3"), asked_ns=1
    )
    grid.take()
    grid.give("strategy", answer)
    assert grid.take() == ["query c1"]
    assert not grid.is_ready


def test_cancel_wanted_is_sent_again_when_the_order_rests_after_all():
    grid = Harness(entry_timeout_s=D(5))
    grid.ack("c1")
    grid.take()
    grid.pass_ms(5_000)
    assert grid.take() == ["cancel c1"]
    grid.cancel_failed("c1")
    assert grid.take() == ["query c1"]
    grid.settled("c1", OrderStatus.OPEN, "0")
    assert grid.take() == ["cancel c1"]
    assert grid.count(LogEvent.ENTRY_CANCEL_REQUESTED) == 1


def test_cancel_that_never_left_is_sent_again():
    grid = Harness(entry_timeout_s=D(5))
    grid.ack("c1")
    grid.pass_ms(5_000)
    grid.take()
    grid.cancel_failed("c1", retry=True)
    grid.pass_ms(249)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["cancel c1", "query c1"]


def test_failed_cancel_nobody_asked_for_makes_us_ask():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.cancel_failed("c1", retry=True)
    assert grid.take() == ["query c1"]


def test_cancel_without_an_answer_is_asked():
    grid = Harness(entry_timeout_s=D(5))
    grid.ack("c1")
    grid.pass_ms(5_000)
    grid.take()
    grid.pass_ms(3_000)
    assert grid.take() == ["cancel c1", "query c1"]


def test_order_without_any_answer_is_asked():
    grid = Harness()
    grid.take()
    grid.pass_ms(9_999)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["query c1"]


def test_listing_proves_acceptance():
    grid = Harness()
    grid.take()
    grid.listed("c1", asked_ns=grid.now_ns)
    assert grid.state.pending.accepted_ns is None
    grid.pass_ms(10)
    grid.listed("c1")
    grid.listed("c1")
    assert grid.state.pending.accepted_ns is not None
    assert grid.take() == []


def test_unknown_after_acceptance_changes_nothing():
    grid = Harness()
    grid.ack("c1")
    grid.unknown("c1")
    assert grid.state.pending.inquiry is None


def test_absence_without_a_question_is_nothing():
    grid = Harness()
    grid.ack("c1")
    grid.not_found("c1")
    assert not grid.is_ready


def test_second_entry_of_ours_is_canceled_and_blocks():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    stray = pack(OrderKey(7, 40, 0))
    grid.names[stray] = "stray"
    found = OrderAccepted(grid="g", client_order_id=stray, price=D(99), quantity=D(1))
    grid.give("strategy", found)
    assert grid.take() == ["cancel stray"]
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.pass_ms(5_000)
    assert grid.state.blocked_reason == "another entry is not proven ended"
    fill = OrderFilled(grid="g", client_order_id=stray, price=D(99), quantity=D("0.5"), cumulative=D("0.5"))
    grid.told_entry += D("0.5")
    grid.give("strategy", fill)
    assert grid.held == D("0.5")
    absent = ActiveOrdersListed(grid="g", client_order_ids=frozenset({stray}), foreign=0, asked_ns=grid.now_ns)
    grid.give("strategy", absent)
    ended = OrderCanceled(grid="g", client_order_id=stray, reason=CancelReason.REQUESTED, filled=D("0.5"), final=True)
    grid.give("strategy", ended)
    assert grid.state.strays == ()


def test_pause_keeps_the_live_entry_and_says_so():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.tell(PauseEntries(reason="lunch"))
    assert grid.take() == []
    assert grid.state.pause_reason == "lunch"
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert grid.state.blocked_reason == "paused: lunch"


def test_surplus_makes_us_ask_for_the_pending_and_the_ended_entries():
    grid = Harness()
    grid.ack("c1")
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.pass_ms(2_000)
    grid.ack("c2")
    grid.take()
    grid.position("0.4")
    assert grid.take() == ["query c1", "query c2"]
    grid.settled("c1", OrderStatus.CANCELED, "0.400")
    assert grid.take() == ["c3 sell 0.4@100.9"]
    assert grid.state.counters.late_fills == 1


def test_a_surplus_that_stays_asks_for_ended_entries_again_only_after_a_while():
    """Found by simulation: every reading asked for eight of them, which left no budget for the pending one."""
    grid = Harness()
    grid.ack("c1")
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.pass_ms(2_000)
    grid.ack("c2")
    grid.take()
    grid.position("0.4")
    assert "query c1" in grid.take()
    grid.pass_ms(1_000)
    grid.position("0.3")
    assert "query c1" not in grid.take()
    grid.pass_ms(13_999)
    grid.position("0.4")
    assert "query c1" not in grid.take()
    grid.pass_ms(1)
    grid.position("0.4")
    assert "query c1" in grid.take()
    grid.pass_ms(1_000)
    grid.position("0")
    grid.pass_ms(1_000)
    grid.position("0.2")
    assert "query c1" in grid.take(), "another surplus"


def test_late_fill_while_the_cover_is_awaited_has_to_be_covered_too():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    grid.fill("c1", "t2", "0.300")
    grid.ack("c2")
    assert not grid.is_ready
    grid.ack("c3")
    assert grid.is_ready
    warnings = [note.event for note in grid.notes if note.level is NoteLevel.WARNING]
    assert warnings == [LogEvent.LATE_FILL_AFTER_DONE]


def test_listing_while_the_cover_is_awaited_and_when_ready_asks_nothing():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.pass_ms(3_000)
    grid.take()
    grid.give("strategy", ActiveOrdersListed(grid="g", client_order_ids=frozenset(), foreign=0, asked_ns=grid.now_ns))
    grid.ack("c2")
    grid.give("strategy", ActiveOrdersListed(grid="g", client_order_ids=frozenset(), foreign=0, asked_ns=grid.now_ns))
    assert grid.take() == []


def test_entry_accepted_just_now_may_be_missing_from_the_list():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.listed()
    assert grid.take() == []
