import pytest

from actors.grid.restore import RestoredGrid
from actors.grid.settings import Direction, MismatchAction, StopAction, TakeProfitBasis
from actors.grid.state import Mode
from actors.log_events import LogEvent
from actors.messages import CancelEntries, Flatten, FlattenPositions, LatchKind, PauseEntries, ResumeEntries
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import D, Harness
from tests.grid.test_scenarios_recovery import restored_lot


def with_lot(**settings):
    grid = Harness(**settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    return grid


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
    assert not grid.of(FlattenPositions)
    grid.pass_ms(2_000)
    assert len(grid.of(FlattenPositions)) == 1
    assert "cancel c2" in grid.take()


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


def test_pause_price_of_a_short():
    grid = Harness(direction=Direction.SELL, pause_price=D(95))
    grid.mid("94.9")
    assert grid.state.price_paused
    grid.mid("95.05")
    assert grid.state.price_paused
    grid.mid("95.10")
    assert not grid.state.price_paused
