from dataclasses import replace

import pytest

from actors.grid import cycle, stops
from actors.grid.restore import RestoredGrid
from actors.grid.risk import DeskExposure
from actors.grid.settings import Direction, MismatchAction, StopAction, TakeProfitBasis
from actors.grid.state import GridState, LotsView, Mode, Quote
from actors.log_events import LogEvent
from actors.messages import (
    CancelEntries,
    Flatten,
    FlattenPositions,
    LatchChanged,
    LatchKind,
    Note,
    NoteLevel,
    OrderAccepted,
    OrderCanceled,
    PauseEntries,
    ResumeEntries,
)
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import D, Harness, make_context
from tests.grid.test_scenarios_recovery import restored_lot


def with_lot(**settings):
    grid = Harness(**settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    return grid


def breached(context, mid, *, held="0"):
    """Return which stop a price is beyond for a grid that has entered at 100."""
    lots = LotsView(position=context.sign * D(held), cost=D(held) * 100)
    return stops.breached(context, GridState(lots=lots), Quote(D(mid), D(mid), 0))


@pytest.mark.parametrize(
    ("direction", "mid", "kind"),
    [
        (Direction.BUY, "95.00", None),
        (Direction.BUY, "94.99", LatchKind.STOP_PRICE),
        (Direction.SELL, "95.00", None),
        (Direction.SELL, "95.01", LatchKind.STOP_PRICE),
    ],
)
def test_only_a_price_beyond_the_stop_price_breaches_it(direction, mid, kind):
    assert breached(make_context(direction=direction, stop_price=D(95)), mid) is kind


@pytest.mark.parametrize(
    ("direction", "mid", "kind"),
    [
        (Direction.BUY, "98.01", None),
        (Direction.BUY, "98.00", LatchKind.STOP_LOSS),
        (Direction.SELL, "101.99", None),
        (Direction.SELL, "102.00", LatchKind.STOP_LOSS),
    ],
)
def test_a_loss_of_exactly_the_limit_is_too_much(direction, mid, kind):
    basis = TakeProfitBasis.PRICE
    context = make_context(direction=direction, stop_loss=True, stop_loss_pct=D(2), stop_loss_basis=basis)
    assert breached(context, mid, held="0.500") is kind
    assert breached(context, mid) is None, "nothing is held that could lose"


def test_a_loss_is_no_stop_where_none_is_wanted():
    assert breached(make_context(stop_loss=False), "1", held="1") is None


def test_a_stop_tells_everybody_what_it_saw_and_closes_what_is_held():
    grid = with_lot(stop_price=D(95))
    grid.mid("94.9")
    grid.pass_ms(500)
    assert grid.of(LatchChanged) == [LatchChanged(grid="g", kind=LatchKind.STOP_PRICE, text="mid 94.90")]
    assert grid.notes_of(LogEvent.STOP_LATCHED) == [
        Note(event=LogEvent.STOP_LATCHED, level=NoteLevel.CRITICAL, grid="g", text="stop_price: mid 94.90")
    ]
    assert grid.of(FlattenPositions) == [FlattenPositions(grid="g", reason="stop_price")]


def test_a_latched_stop_has_nothing_left_to_wait_for():
    grid = with_lot(stop_price=D(95), stop_action=StopAction.DRAIN)
    grid.mid("94.9")
    grid.pass_ms(5_000)
    assert grid.state.breach is None
    assert cycle.deadline_ns(grid.context, grid.state) is None


def test_a_breach_of_another_stop_has_to_last_anew():
    basis = TakeProfitBasis.PRICE
    grid = with_lot(stop_price=D(98), stop_loss=True, stop_loss_pct=D(1), stop_loss_basis=basis)
    grid.mid("98.5")
    grid.pass_ms(499)
    grid.mid("97.9")
    grid.pass_ms(499)
    assert grid.state.latch is None
    grid.pass_ms(1)
    assert grid.state.latch.kind is LatchKind.STOP_PRICE


@pytest.mark.parametrize(("other", "is_latched"), [("-3.99", False), ("-4.00", True)])
def test_the_loss_of_the_day_stops_at_its_limit_and_says_both(other, is_latched):
    grid = with_lot()
    grid.fill("c2", "t2", "1.000", "98.9")
    grid.desk = DeskExposure(daily_loss_limit_usd=D(5), other_realized_today_usd=D(other))
    grid.tick()
    texts = [message.text for message in grid.of(LatchChanged) if message.kind is LatchKind.DAILY_LOSS]
    assert texts == (["-5.0000 today, limit 5"] if is_latched else [])


def test_an_accepted_loss_counts_no_more_and_a_further_one_does():
    grid = with_lot()
    grid.desk = DeskExposure(daily_loss_limit_usd=D(5), other_realized_today_usd=D(-6))
    grid.tick()
    grid.tell(ResumeEntries())
    assert grid.state.day.forgiven == -6
    grid.desk = replace(grid.desk, other_realized_today_usd=D("-10.99"))
    grid.tick()
    assert grid.state.latch is None
    grid.desk = replace(grid.desk, other_realized_today_usd=D(-11))
    grid.tick()
    assert grid.state.latch.kind is LatchKind.DAILY_LOSS


def test_a_profit_at_a_resume_forgives_nothing_and_takes_nothing_back():
    grid = with_lot()
    grid.desk = DeskExposure(daily_loss_limit_usd=D(5), other_realized_today_usd=D(-6))
    grid.tick()
    grid.tell(ResumeEntries())
    grid.desk = replace(grid.desk, other_realized_today_usd=D(3))
    grid.tell(ResumeEntries())
    assert grid.state.day.forgiven == -6


def test_a_resume_clears_the_latch_and_all_that_it_had_stopped():
    grid = with_lot(stop_price=D(95), stop_action=StopAction.DRAIN)
    grid.mid("94.9")
    grid.pass_ms(500)
    grid.mid("98.0")
    grid.tell(ResumeEntries())
    assert grid.of(LatchChanged)[-1] == LatchChanged(grid="g", kind=None)
    cleared = [note for note in grid.notes if note.text == "resumed by an operator"]
    assert cleared == [
        Note(event=LogEvent.STOP_CLEARED, level=NoteLevel.INFO, grid="g", text="resumed by an operator"),
        Note(event=LogEvent.ENTRIES_RESUMED, level=NoteLevel.INFO, grid="g", text="resumed by an operator"),
    ]
    assert grid.state.mode is Mode.RUNNING


def test_a_resume_does_not_put_off_a_stop_whose_breach_has_begun():
    grid = with_lot(stop_price=D(95))
    grid.tell(PauseEntries())
    grid.mid("94.9")
    grid.pass_ms(300)
    grid.tell(ResumeEntries())
    grid.pass_ms(199)
    assert grid.state.latch is None
    grid.pass_ms(1)
    assert grid.state.latch.kind is LatchKind.STOP_PRICE


def test_a_resume_from_a_pause_forgets_why_and_lets_the_next_entry_rest():
    grid = Harness()
    grid.ack("c1")
    grid.tell(CancelEntries())
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.take()
    grid.tell(ResumeEntries())
    grid.pass_ms(10_000)
    assert grid.take() == ["c2 buy 1@99.9"], "placed, and not canceled by the draining before"
    assert grid.state.pause_reason == ""
    assert grid.of(LatchChanged) == []
    assert grid.count(LogEvent.STOP_CLEARED) == 0


def test_a_fill_after_a_resume_is_kept():
    grid = with_lot(max_orders=1)
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.fill("c3", "t3", "1.000", "100.0")
    grid.tell(ResumeEntries())
    grid.ack("c4")
    grid.take()
    grid.fill("c4", "t4", "1.000")
    assert grid.take() == ["c5 sell 1@100.9"]
    assert len(grid.of(FlattenPositions)) == 1


def test_stop_loss_on_the_average_entry_of_the_margin():
    grid = with_lot(stop_loss=True, stop_loss_pct=D(40), stop_loss_basis=TakeProfitBasis.MARGIN, max_orders=1)
    grid.mid("98.0")
    grid.pass_ms(5_000)
    assert grid.state.latch is None
    grid.mid("97.9")
    grid.pass_ms(500)
    assert grid.state.latch.kind is LatchKind.STOP_LOSS
    assert grid.take() == ["cancel c2"]


def test_stop_loss_of_a_short_by_price():
    grid = with_lot(direction=Direction.SELL, stop_loss=True, stop_loss_pct=D(2), stop_loss_basis=TakeProfitBasis.PRICE)
    grid.mid("102.3")
    grid.pass_ms(500)
    assert grid.state.latch.kind is LatchKind.STOP_LOSS


def test_breach_restarts_when_the_price_went_stale_in_between():
    grid = with_lot(stop_price=D(95))
    grid.mid("94.0")
    grid.pass_ms(400)
    grid.stale()
    assert grid.state.breach is None
    grid.mid("94.0")
    grid.pass_ms(499)
    assert grid.state.latch is None
    grid.pass_ms(1)
    assert grid.state.latch is not None


def test_drain_leaves_the_exits():
    grid = with_lot(stop_price=D(95), stop_action=StopAction.DRAIN)
    grid.mid("94.0")
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.mode is Mode.HALTED
    grid.tell(PauseEntries())
    assert grid.state.mode is Mode.HALTED


def test_flatten_does_not_wait_for_an_unproven_entry_forever():
    grid = with_lot(stop_price=D(95), grid_step_pct=D(0))
    grid.pass_ms(4_000)
    grid.unknown("c3", fence_s=60)
    grid.take()
    grid.mid("94.0")
    grid.pass_ms(500)
    grid.pass_ms(1_999)
    assert not grid.of(FlattenPositions)
    grid.pass_ms(1)
    assert len(grid.of(FlattenPositions)) == 1
    assert "cancel c2" in grid.take()


def test_flatten_waits_for_every_entry_that_may_still_fill():
    grid = with_lot(max_orders=1)
    numbers = [pack(OrderKey(7, sequence, 0)) for sequence in (40, 41)]
    for number in numbers:
        grid.give("strategy", OrderAccepted(grid="g", client_order_id=number, price=D(99), quantity=D(1)))
    grid.tell(Flatten(grid="g"))
    for number in numbers:
        assert grid.of(FlattenPositions) == []
        ended = OrderCanceled(grid="g", client_order_id=number, reason=CancelReason.REQUESTED, filled=D(0), final=True)
        grid.give("strategy", ended)
    assert grid.of(FlattenPositions) == [FlattenPositions(grid="g", reason="operator")]


def test_flatten_does_not_wait_for_an_entry_that_has_filled_whole():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    assert not grid.is_ready
    grid.tell(Flatten(grid="g"))
    assert len(grid.of(FlattenPositions)) == 1


def test_fill_after_the_flatten_is_flattened_as_well():
    grid = with_lot(stop_price=D(95), grid_step_pct=D(0))
    grid.pass_ms(4_000)
    grid.ack("c3")
    grid.mid("94.0")
    grid.pass_ms(500)
    grid.done("c3", CancelReason.REQUESTED, "0")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.fill("c4", "t4", "1.000", "94.0")
    assert grid.state.flattening is None
    grid.take()
    grid.fill("c3", "late", "0.500")
    assert grid.take()[:2] == ["c5 sell 0.5@100.9", "cancel c5"]
    assert len(grid.of(FlattenPositions)) == 2


@pytest.mark.parametrize("with_lots", [True, False])
def test_restart_with_a_latch_goes_on_flattening_only_if_something_is_held(with_lots):
    lots = (restored_lot(done=True),) if with_lots else ()
    restored = RestoredGrid(grid="g", lots=lots, latch=LatchKind.STOP_LOSS, highest_sequence=64)
    grid = Harness(restored=restored, connect=False)
    grid.reserve()
    grid.connect("0.5" if with_lots else "0")
    grid.price("94.0", "94.1")
    assert len(grid.of(FlattenPositions)) == int(with_lots)


def test_operator_flatten_closes_everything_and_stays_paused():
    grid = with_lot()
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["cancel c2"]
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 ioc sell 1@99.9"]
    grid.fill("c3", "t3", "1.000", "100.0")
    assert grid.count(LogEvent.FLATTEN_FINISHED) == 1
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.mode is Mode.PAUSED
    grid.tell(ResumeEntries())
    assert grid.take() == ["c4 buy 1@99.9"]


def test_operator_flatten_does_not_want_the_live_entry_any_more():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["cancel c1"]


def test_resume_does_not_enter_while_a_flatten_runs():
    grid = with_lot()
    grid.tell(Flatten(grid="g"))
    grid.tell(ResumeEntries())
    grid.pass_ms(1_000)
    assert grid.take() == ["cancel c2"]
    assert grid.state.blocked_reason == "flattening"


def test_cancel_entries_ends_the_live_one_and_places_no_other():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.tell(CancelEntries())
    assert grid.take() == ["cancel c1"]
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "paused: stopping"


def test_resume_of_a_running_grid_changes_nothing():
    grid = Harness()
    notes = len(grid.notes)
    grid.tell(ResumeEntries())
    assert grid.state.mode is Mode.RUNNING
    assert len(grid.notes) == notes


@pytest.mark.parametrize(
    ("action", "mode", "lines"),
    [
        (MismatchAction.BLOCK_ENTRIES, Mode.RUNNING, []),
        (MismatchAction.DRAIN, Mode.RUNNING, ["cancel c3"]),
        (MismatchAction.HALT, Mode.HALTED, ["cancel c3"]),
    ],
)
def test_mismatch_does_what_the_setting_says(action, mode, lines):
    grid = with_lot(on_mismatch=action, grid_step_pct=D(0))
    grid.pass_ms(4_000)
    grid.ack("c3")
    grid.is_watching = False
    for _ in range(3):
        grid.position("0.500")
        grid.settled("c2", OrderStatus.OPEN, "0")
        grid.pass_ms(5_000)
    assert grid.state.lots.mismatch
    cancels = [line for line in grid.take() if line == "cancel c3"]
    assert cancels[:1] == lines
    assert grid.state.mode is mode


def test_pause_price_without_cancel_keeps_the_entry():
    grid = Harness(pause_price=D(105), pause_cancels_entry=False)
    grid.ack("c1")
    grid.take()
    grid.mid("105.1")
    assert grid.take() == []
    grid.mid("105.2")
    assert grid.count(LogEvent.PAUSE_PRICE_REACHED) == 1


def test_the_pause_price_pauses_beyond_it_and_the_way_back_is_longer():
    grid = Harness(pause_price=D(105), pause_hysteresis_pct=D("0.1"))
    back = D("104.895")
    grid.mid("105")
    assert not grid.state.price_paused
    grid.mid("105.01")
    assert grid.state.price_paused
    grid.mid(back)
    assert grid.state.price_paused
    grid.mid(back - D("0.01"))
    assert not grid.state.price_paused
    said = [
        (LogEvent.PAUSE_PRICE_REACHED, "mid 105.01, pause price 105"),
        (LogEvent.PAUSE_PRICE_LEFT, "mid 104.885, resumes beyond 104.895"),
    ]
    assert [(note.event, note.text) for note in grid.notes if "pause" in note.event] == said


def test_pause_price_of_a_short():
    grid = Harness(direction=Direction.SELL, pause_price=D(95))
    grid.mid("94.9")
    assert grid.state.price_paused
    grid.mid("95.05")
    assert grid.state.price_paused
    grid.mid("95.10")
    assert not grid.state.price_paused
