from dataclasses import asdict, replace

import pytest

from actors.grid import cycle, risk
from actors.grid.restore import RestoredGrid
from actors.grid.risk import DeskExposure
from actors.grid.state import GridState, LotsView, Mode, PendingEntry
from actors.messages import FundingPaid, LatchChanged, LatchKind, ResumeEntries, StopEntries
from exchanges.values import CancelReason, ClientOrderId
from tests.grid.harness import START_NS, START_WALL_NS, D, Harness, make_context
from tests.grid.well_typed import WellTyped


def test_exposure_counts_the_pending_entry_even_if_unknown():
    grid = Harness()
    grid.unknown("c1")
    used = risk.exposure(grid.context, grid.state)
    assert used.pending_quantity == 1
    assert used.position_usd == D("99.9")
    assert used.margin_usd == D("99.9") / 20


def test_exposure_counts_what_is_on_its_way_to_the_closer():
    grid = Harness()
    grid.fill("c1", "t1", "0.400")
    used = risk.exposure(grid.context, grid.state)
    assert (used.held_quantity, used.pending_quantity) == (D("0.4"), D("0.6"))
    late = grid.state.__class__(sent=D(2))
    assert risk.exposure(grid.context, late).held_quantity == 2
    assert risk.exposure(grid.context, late).position_usd == 0


def test_before_the_first_price_lots_and_fills_on_their_way_count_at_cost():
    """Another grid may have its price already, and shares the limits."""
    entry = PendingEntry(
        client_order_id=ClientOrderId(1), lot=1, price=D("99.5"), quantity=D(1), placed_ns=0, filled=D("0.4")
    )
    state = GridState(
        pending=entry, sent=D("0.4"), lots=LotsView(position=D("0.5"), cost=D(50))
    )  # fmt: skip
    used = risk.exposure(make_context(), state)
    assert (used.held_quantity, used.pending_quantity) == (D("0.9"), D("0.6"))
    assert used.position_usd == 50 + D("99.5")
    assert used.pending_usd == D("0.6") * D("99.5")


def test_a_grid_without_lots_and_orders_uses_nothing_of_the_limits():
    used = risk.exposure(make_context(), GridState())
    WellTyped().check(used)
    assert set(asdict(used).values()) == {0}


def test_limits_block_with_their_names():
    limits = {
        "max_margin_usd": DeskExposure(max_margin_usd=D(10), other_margin_usd=D(6)),
        "max_position_usd": DeskExposure(max_position_usd=D(200), other_position_usd=D(101)),
        "drawdown": DeskExposure(blocked_reason="drawdown"),
    }
    for name, desk in limits.items():
        grid = Harness(desk=desk)
        assert grid.take() == []
        assert grid.state.blocked_reason == name
    own = Harness(grid_max_margin_usd=D(4))
    assert own.state.blocked_reason == "grid_max_margin_usd"
    assert Harness(desk=DeskExposure(max_margin_usd=D(5), max_position_usd=D(100))).take() == ["c1 buy 1@99.9"]


@pytest.mark.parametrize("beyond", [D(0), D("0.001")])
def test_a_limit_can_be_used_up_and_not_exceeded(beyond):
    position, margin = D("99.9"), D("99.9") / 20
    grids = (
        Harness(desk=DeskExposure(max_margin_usd=6 + margin - beyond, other_margin_usd=D(6))),
        Harness(desk=DeskExposure(max_position_usd=101 + position - beyond, other_position_usd=D(101))),
        Harness(grid_max_margin_usd=margin - beyond),
    )
    assert [grid.take() for grid in grids] == [[] if beyond else ["c1 buy 1@99.9"]] * 3


def losing_grid():
    grid = Harness(desk=DeskExposure(daily_loss_limit_usd=D(5), other_realized_today_usd=D("-4.5")))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.fill("c2", "t2", "1.000", "99.3", fee="0.1")
    return grid


def test_daily_loss_latches_and_cancels_the_entry():
    grid = losing_grid()
    assert [(message.kind) for message in grid.of(LatchChanged)] == [LatchKind.DAILY_LOSS]
    assert grid.state.latch.flatten is False
    grid.pass_ms(20_000)
    assert not [line for line in grid.take() if line.startswith("c4")]


def test_daily_loss_is_accepted_by_a_resume_and_forgotten_with_the_day():
    grid = losing_grid()
    if not grid.is_ready:
        name = list(grid.orders)[-1]
        grid.ack(name)
        grid.done(name, CancelReason.REQUESTED, "0")
    grid.tell(ResumeEntries())
    grid.pass_ms(5_000)
    assert grid.state.latch is None
    assert grid.state.day.forgiven < 0
    grid.wall_offset_ns += 86_400_000_000_000
    grid.tick()
    assert grid.state.day.forgiven == 0
    assert risk.realized_today(grid.state) == 0


def test_funding_counts_in_the_loss_of_its_day():
    grid = Harness(desk=DeskExposure(daily_loss_limit_usd=D(2)))
    wall_ns = START_WALL_NS
    grid.tell(FundingPaid(grid="g", amount=D("-1.5"), received_wall_ns=wall_ns))
    assert risk.realized_today(grid.state) == D("-1.5")
    assert grid.state.latch is None
    grid.tell(FundingPaid(grid="g", amount=D("0.5"), received_wall_ns=wall_ns))
    grid.tell(FundingPaid(grid="g", amount=D("-1"), received_wall_ns=wall_ns))
    assert grid.state.latch.kind is LatchKind.DAILY_LOSS
    day_ns = 86_400_000_000_000
    grid.tell(FundingPaid(grid="g", amount=D("-0.1"), received_wall_ns=wall_ns + day_ns))
    assert risk.realized_today(grid.state) == D("-0.1")


def test_a_limit_of_the_bot_latches_without_closing_anything():
    grid = Harness()
    grid.tell(StopEntries(kind=LatchKind.DRAWDOWN, text="equity fell by 20"))
    assert grid.state.mode is Mode.HALTED
    assert not grid.state.latch.flatten
    assert [(one.kind, one.text) for one in grid.of(LatchChanged)] == [(LatchKind.DRAWDOWN, "equity fell by 20")]
    assert grid.state.flattening is None


def test_a_restart_keeps_the_funding_and_the_forgiven_loss_of_its_day():
    context = Harness(connect=False).context
    restored = RestoredGrid(
        grid="g", realized_pnl=D(5), realized_pnl_today=D(-2), funding_today=D(-1), forgiven_today=D(-3)
    )
    state = cycle.initial(context, restored, START_NS, START_WALL_NS)
    assert risk.realized_today(replace(state, lots=replace(state.lots, realized_pnl=D(5)))) == D(-3)
    assert state.day.forgiven == D(-3)


def test_loss_of_yesterday_does_not_count_today():
    grid = Harness(desk=DeskExposure(daily_loss_limit_usd=D("0.5")))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.wall_offset_ns += 86_400_000_000_000
    grid.tick()
    grid.fill("c2", "t2", "1.000", "99.5")
    assert grid.state.latch is None
