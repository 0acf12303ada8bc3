"""The limits over all grids."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.desk_watch import DeskWatch, OrderMeter
from actors.grid.restore import RestoredGrid, RestoredLot
from actors.grid.settings import Direction
from actors.grid.state import GridState, LotsView, PendingEntry, Quote
from actors.grid_shell import context_of
from actors.messages import LatchKind
from actors.settings import DeskRiskSettings
from tests.actors.shell_desks import StrategyDesk, ready
from tests.fakes import FakeClock
from tests.grid.test_scenarios_recovery import restored_entry

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def contexts():
    desk = StrategyDesk(grids=("one", "two"))
    desk.ref.stop(timeout=2)
    return [context_of(seat, ready()) for seat in desk.seats]


def make(clock=None, **limits):
    meter = OrderMeter(clock or FakeClock())
    return DeskWatch(DeskRiskSettings(**({"max_margin_usd": Decimal(1000)} | limits)), meter), meter


def holding(quantity: str, price: str, mid: str = "100") -> GridState:
    lots = LotsView(
        position=Decimal(quantity), cost=Decimal(quantity) * Decimal(price), entries_received=Decimal(quantity)
    )
    half = Decimal("0.05")
    return GridState(sent=Decimal(quantity), lots=lots, quote=Quote(Decimal(mid) - half, Decimal(mid) + half, 0))


def test_what_the_others_use_is_handed_to_each_grid(contexts):
    watch, _ = make()
    one, two = contexts
    watch.note_state(one, holding("1", "100"), 0)
    watch.note_state(two, holding("3", "100"), 0)
    desk = watch.exposure_for(one, 0)
    assert (desk.other_position_usd, desk.other_margin_usd) == (Decimal(300), Decimal(60))
    assert desk.max_margin_usd == Decimal(1000)
    assert watch.exposure_for(two, 0).other_position_usd == Decimal(100)


def test_the_fall_of_equity_from_its_peak_stops_every_entry_until_an_operator_resumes(contexts):
    watch, _ = make(max_drawdown_usd=Decimal(20))
    one, _ = contexts
    assert watch.note_state(one, holding("1", "100", mid="110"), 0) is None
    assert watch.note_state(one, holding("1", "100", mid="91"), 0) is None
    stop = watch.note_state(one, holding("1", "100", mid="90"), 0)
    assert (stop.kind, stop.grid) == (LatchKind.DRAWDOWN, "")
    assert stop.text == "equity fell by 20 from its highest, limit 20"
    assert watch.note_state(one, holding("1", "100", mid="89"), 0) is None
    assert watch.exposure_for(one, 0).blocked_reason == "max_drawdown_usd"
    watch.forgive()
    assert watch.exposure_for(one, 0).blocked_reason == ""


def test_a_realized_profit_raises_the_peak(contexts):
    watch, _ = make(max_drawdown_usd=Decimal(20))
    one, _ = contexts
    rich = holding("1", "100")
    watch.note_state(one, replace(rich, lots=replace(rich.lots, realized_pnl=Decimal(50))), 0)
    assert watch.note_state(one, replace(rich, lots=replace(rich.lots, realized_pnl=Decimal(30))), 0)


def test_net_exposure_counts_one_asset_over_all_grids(contexts):
    watch, _ = make(max_net_exposure_usd=Decimal(250))
    one, two = contexts
    watch.note_state(one, holding("1", "100"), 0)
    assert watch.exposure_for(two, 0).blocked_reason == ""
    watch.note_state(two, holding("1", "100"), 0)
    assert watch.exposure_for(two, 0).blocked_reason == "max_net_exposure_usd"


def test_an_entry_that_brings_the_net_exposure_down_is_not_held_back(contexts):
    watch, _ = make(max_net_exposure_usd=Decimal(250))
    one, two = contexts
    watch.note_state(one, holding("4", "100"), 0)
    assert watch.exposure_for(two, 0).blocked_reason == "max_net_exposure_usd"
    selling = replace(two, settings=replace(two.settings, entry=replace(two.settings.entry, direction=Direction.SELL)))
    assert watch.exposure_for(selling, 0).blocked_reason == ""


def test_an_entry_of_the_other_side_that_may_never_fill_makes_no_room(contexts):
    watch, _ = make(max_net_exposure_usd=Decimal(250))
    one, two = contexts
    selling = replace(two, settings=replace(two.settings, entry=replace(two.settings.entry, direction=Direction.SELL)))
    resting = PendingEntry(
        client_order_id=1, lot=1, price=Decimal(100), quantity=Decimal(2), placed_ns=0, accepted_ns=0
    )
    watch.note_state(one, holding("2", "100"), 0)
    watch.note_state(selling, replace(holding("0", "100"), pending=resting), 0)
    assert watch.exposure_for(one, 0).blocked_reason == "max_net_exposure_usd"
    assert watch.exposure_for(selling, 0).blocked_reason == ""
    watch.note_state(selling, holding("2", "100"), 0)
    assert watch.exposure_for(one, 0).blocked_reason == ""


def test_the_meter_counts_the_last_minute_only(contexts):
    clock = FakeClock()
    watch, meter = make(clock, max_orders_per_min=10)
    one, _ = contexts
    for _ in range(11):
        meter.count()
    stop = watch.note_state(one, holding("1", "100"), clock.monotonic_ns())
    assert (stop.kind, stop.text) == (LatchKind.ORDER_PACE, "11 orders within a minute, limit 10")
    assert watch.exposure_for(one, clock.monotonic_ns()).blocked_reason == "max_orders_per_min"
    clock.advance(61 * SECOND)
    assert meter.last_minute(clock.monotonic_ns()) == 0
    assert watch.exposure_for(one, clock.monotonic_ns()).blocked_reason == ""


def test_a_resume_counts_orders_afresh_or_it_would_stop_again_at_once(contexts):
    clock = FakeClock()
    watch, meter = make(clock, max_orders_per_min=10)
    one, _ = contexts
    for _ in range(11):
        meter.count()
    assert watch.note_state(one, holding("1", "100"), clock.monotonic_ns())
    watch.forgive()
    assert watch.note_state(one, holding("1", "100"), clock.monotonic_ns()) is None


def test_what_the_send_gate_would_deny_is_not_even_tried(contexts):
    reasons = ["test/aster/query-lane is busy", ""]
    watch = DeskWatch(DeskRiskSettings(max_margin_usd=Decimal(1000)), OrderMeter(FakeClock()), lambda: reasons[0])
    one, _ = contexts
    assert watch.exposure_for(one, 0).blocked_reason == "held back: test/aster/query-lane is busy"
    reasons.pop(0)
    assert watch.exposure_for(one, 0).blocked_reason == ""


def test_what_a_grid_of_an_exchange_out_of_reach_held_counts_until_its_state_tells(contexts):
    watch, _ = make()
    one, two = contexts
    lot = RestoredLot(
        lot=1, entry_filled=Decimal(3), entry_notional=Decimal(300), exit_filled=Decimal(1), exit_notional=Decimal(101),
        fees=Decimal(0), opened_wall_ns=1, entry_done=True,
    )  # fmt: skip
    order = restored_entry()
    today = {"realized_pnl_today": Decimal(-7), "funding_today": Decimal(-2)}
    known = RestoredGrid(grid="two", lots=(lot,), orders=(order,), **today)
    watch.restore(two.settings, known)
    used = Decimal(200) + order.quantity * order.price
    desk = watch.exposure_for(one, 0)
    assert desk.other_position_usd == used
    assert desk.other_margin_usd == used / two.settings.entry.target_leverage
    assert desk.other_realized_today_usd == Decimal(-9)
    watch.note_state(two, holding("1", "100"), 0)
    assert watch.exposure_for(one, 0).other_position_usd == Decimal(100)
