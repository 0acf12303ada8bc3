"""SCENARIOS.md, rows 18 to 24: stops, pauses, ladder, grid step, dust, foreign hands, lot timeout."""

import pytest

from actors.grid import cycle, gates, pricing
from actors.grid.restore import RestoredGrid
from actors.grid.settings import LotTimeoutAction, TakeProfitBasis
from actors.grid.state import Mode
from actors.log_events import LogEvent
from actors.messages import AdoptDifference, ExternalBooked, LatchChanged, LatchKind, NoteLevel, ResumeEntries
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import START_NS, START_WALL_NS, D, Harness, make_context


def stack(grid, count, *, step="1.0", bid="100.0"):
    """Open `count` lots, each one `step` lower than the one before; the next entry stays pending."""
    price = D(bid)
    for _ in range(count):
        entry = list(grid.orders)[-1]
        grid.ack(entry)
        grid.fill(entry, f"t{entry}", grid.orders[entry].command.quantity)
        exit_ = list(grid.orders)[-1]
        grid.ack(exit_)
        price -= D(step)
        grid.price(price, price + D("0.1"))
        grid.pass_ms(16_000)
    return list(grid.orders)[-1]


def test_scenario_18_stop_price():
    grid = Harness(stop_price=D(95), order_notional_usd=D(100))
    entry = stack(grid, 3)
    grid.ack(entry)
    held = grid.held
    grid.take()
    grid.mid("94.9")
    grid.pass_ms(200)
    grid.mid("95.2")
    grid.pass_ms(2_000)
    assert grid.take() == []
    assert grid.state.latch is None
    grid.mid("94.9")
    grid.pass_ms(499)
    assert grid.state.latch is None
    grid.pass_ms(1)
    assert grid.take() == [f"cancel {entry}"]
    assert grid.state.mode is Mode.HALTED
    grid.fill(entry, "late", "0.500")
    assert grid.take() == ["c8 sell 0.5@97.9"]
    grid.ack("c8")
    grid.done(entry, CancelReason.REQUESTED, "0.500")
    exits = ["c2", "c4", "c6", "c8"]
    assert grid.take() == [f"cancel {name}" for name in exits]
    for name in exits:
        assert grid.take() == []
        grid.done(name, CancelReason.REQUESTED, "0")
    total = held + D("0.5")
    assert grid.take() == [f"c9 ioc sell {total.normalize():f}@94.8"]
    grid.fill("c9", "flat", total, "94.8")
    assert grid.held == 0
    assert grid.exits.orders == ()
    grid.mid("97")
    grid.pass_ms(60_000)
    assert grid.take() == []
    critical = [note for note in grid.notes if note.level is NoteLevel.CRITICAL]
    assert [note.event for note in critical] == [LogEvent.STOP_LATCHED]
    assert [(m.kind) for m in grid.of(LatchChanged)] == [LatchKind.STOP_PRICE]
    grid.tell(ResumeEntries())
    assert grid.take()
    assert grid.of(LatchChanged)[-1].kind is None


def test_scenario_18_halted_survives_restart():
    restored = RestoredGrid(grid="g", latch=LatchKind.STOP_PRICE, latch_text="mid 94.9", highest_sequence=64)
    grid = Harness(restored=restored, stop_price=D(95))
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.mode is Mode.HALTED
    assert grid.state.blocked_reason == "halted: stop_price"
    grid.tell(ResumeEntries())
    assert grid.take() == ["c1 buy 1@99.9"]


def test_scenario_19_pause_price():
    grid = Harness(pause_price=D(105))
    grid.ack("c1")
    grid.take()
    grid.mid("105.1")
    assert grid.take() == ["cancel c1"]
    grid.fill("c1", "t1", "0.400")
    assert grid.take() == ["c2 sell 0.4@100.9"]
    grid.ack("c2")
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    grid.pass_ms(60_000)
    grid.mid("104.95")
    grid.pass_ms(5_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "pause price"
    grid.mid("104.88")
    assert not grid.state.price_paused
    events = [LogEvent.PAUSE_PRICE_REACHED, LogEvent.PAUSE_PRICE_LEFT]
    assert [note.event for note in grid.notes if note.event in events] == events


def test_scenario_20_max_orders_and_ladder():
    delays = [gates.ladder_delay_s(D(8), lots, 6) for lots in range(6)]
    assert delays == [2, 4, 8, 8, 16, 16]
    grid = Harness(grid_step_pct=D(0))
    grid.take()
    for lots, delay in enumerate((4, 8, 8, 16, 16), 1):
        entry = list(grid.orders)[-1]
        grid.ack(entry)
        grid.fill(entry, f"t{entry}", "1.000")
        grid.ack(list(grid.orders)[-1])
        assert grid.state.lots.open_lots == lots
        grid.take()
        grid.pass_ms(delay * 1000 - 1)
        assert grid.take() == []
        assert cycle.deadline_ns(grid.context, grid.state) == grid.now_ns + 1_000_000
        grid.pass_ms(1)
        assert len(grid.take()) == 1
    entry = list(grid.orders)[-1]
    grid.ack(entry)
    grid.fill(entry, "t-last", "1.000")
    last = list(grid.orders)[-1]
    grid.ack(last)
    grid.take()
    grid.pass_ms(600_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "max orders"
    grid.fill(last, "out", "1.000")
    assert len(grid.take()) == 1, "a closed lot waives the delay"
    entry = list(grid.orders)[-1]
    grid.ack(entry)
    grid.done(entry, CancelReason.REQUESTED, "0")
    grid.pass_ms(15_999)
    assert grid.take() == [], "once"
    grid.pass_ms(1)
    assert len(grid.take()) == 1


def test_scenario_20_a_pending_or_partly_filled_entry_counts_as_a_lot():
    grid = Harness(max_orders=1, grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.ack("c2")
    grid.pass_ms(120_000)
    assert grid.places() == ["c1 buy 1@99.9", "c2 sell 0.4@100.9"]


def test_scenario_21_grid_step():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.price("99.5", "99.6")
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "grid step"
    grid.price("99.4", "99.5")
    assert grid.take() == ["c3 buy 1.006@99.3"]


def test_scenario_22_minimum_notional_and_dust():
    grid = Harness(order_notional_usd=D("99.45"))
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.050")
    grid.done("c1", CancelReason.REQUESTED, "0.050")
    assert grid.take() == []
    assert grid.is_ready
    assert grid.exits.dust_quantity == D("0.05")
    assert grid.state.lots.unprotected_quantity == 0
    assert grid.exits.naked_since_ns is None
    assert grid.state.lots.open_lots == 0
    grid.pass_ms(1_500)
    assert grid.take() == []
    grid.price("99.4", "99.5")
    grid.pass_ms(1_000)
    assert grid.take() == ["c2 buy 1@99.3"]
    grid.ack("c2")
    grid.fill("c2", "t2", "1.000")
    assert grid.take() == ["c3 sell 1.05@100.9"]
    grid.ack("c3")
    grid.position("1.05")
    assert grid.exits.suspicion is None
    grid.fill("c3", "t3", "1.050")
    assert grid.exits.lots == ()
    assert grid.exits.counters.lots_closed == 2
    assert not [note for note in grid.notes if note.level in (NoteLevel.WARNING, NoteLevel.ERROR)]


def test_scenario_22_dust_that_grows_above_the_minimum_gets_an_exit():
    grid = Harness(grid_step_pct=D(0))
    for number, name in enumerate(("c1", "c2"), 1):
        grid.ack(name)
        grid.fill(name, f"t{number}", "0.060")
        grid.take()
        grid.done(name, CancelReason.REQUESTED, "0.060")
        grid.pass_ms(2_000)
    assert any("sell 0.12@100.9" in line for line in [grid.line(o.command) for o in grid.orders.values()])


def test_scenario_22_variant_reduce_only_is_exempt():
    grid = Harness(rules={"reduce_only_exempt": True})
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.050")
    assert grid.take() == ["c2 sell 0.05@100.9"]


def three_lots():
    grid = Harness(
        order_notional_usd=D(100), rules={"step": D("0.5"), "min_quantity": D("0.5")}, grid_step_pct=D("0.1")
    )
    entry = stack(grid, 3)
    if not grid.orders[entry].has_ended and grid.orders[entry].is_entry:
        grid.ack(entry)
    grid.take()
    return grid, entry


def test_scenario_23_one_wrong_reading_is_ignored():
    grid, _ = three_lots()
    held = grid.held
    grid.position("0")
    for name, order in grid.orders.items():
        if not order.has_ended and not order.is_entry:
            grid.settled(name, OrderStatus.OPEN, "0")
    grid.pass_ms(5_000)
    grid.position(held)
    assert grid.count(LogEvent.POSITION_READING_IGNORED) == 1
    assert not grid.state.lots.mismatch
    assert not grid.places()


def test_scenario_23_foreign_hand_and_adopt():
    grid, _ = three_lots()
    held = grid.held
    exits = [name for name, order in grid.orders.items() if not order.is_entry]
    left = held - grid.orders[exits[-1]].command.quantity
    grid.is_watching = False
    grid.position(left)
    assert [line for line in grid.take() if "query" in line] == [f"query {name}" for name in exits]
    for name in exits:
        grid.settled(name, OrderStatus.OPEN, "0")
    grid.pass_ms(5_000)
    grid.take()
    grid.position(left)
    assert grid.state.lots.mismatch
    assert grid.take() == [f"cancel {exits[-1]}"]
    grid.done(exits[-1], CancelReason.REQUESTED, "0")
    for _ in range(5):
        grid.pass_ms(5_000)
        grid.position(left)
    assert not grid.places()
    assert sum(order.leaves for order in grid.exits.orders) == left
    assert grid.exits.lots[-1].blocked == "position mismatch"
    critical = [note for note in grid.notes if note.level is NoteLevel.CRITICAL]
    assert [note.event for note in critical] == [LogEvent.POSITION_MISMATCH]
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == left
    assert not grid.state.lots.mismatch
    booked = grid.of(ExternalBooked)
    assert [(b.lot, b.quantity, b.external) for b in booked] == [(3, held - left, 0)]


@pytest.mark.parametrize("fill_comes_first", [True, False])
def test_scenario_24_lot_timeout_against_a_racing_fill(fill_comes_first):
    grid = Harness(lot_timeout_s=D(60), lot_timeout_action=LotTimeoutAction.CLOSE, max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.pass_ms(59_999)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["cancel c2"]
    if fill_comes_first:
        grid.fill("c2", "t2", "1.000")
        assert grid.places() == ["c3 buy 1@99.9"]
        assert grid.held == 0
        return
    grid.pass_ms(100)
    assert grid.take() == []
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 ioc sell 1@99.9"]
    grid.fill("c3", "t3", "1.000", "100.0")
    assert grid.exits.counters.lots_closed == 1


def test_margin_basis_is_the_same_price_move():
    by_margin = make_context(take_profit_pct=D(20), take_profit_basis=TakeProfitBasis.MARGIN, leverage=20)
    by_price = make_context(take_profit_pct=D(1))
    clamped = make_context(take_profit_pct=D(20), take_profit_basis=TakeProfitBasis.MARGIN, leverage=10)
    assert pricing.take_profit_fraction(by_margin) == pricing.take_profit_fraction(by_price) == D("0.01")
    assert pricing.target_price(by_margin, D("99.9")) == pricing.target_price(by_price, D("99.9")) == D("100.9")
    assert pricing.take_profit_fraction(clamped) == D("0.02")


def test_restart_uses_the_wall_clock_for_the_utc_day():
    context = Harness(connect=False).context
    restored = RestoredGrid(grid="g", realized_pnl=D(5), realized_pnl_today=D(2))
    state = cycle.initial(context, restored, START_NS, START_WALL_NS)
    assert state.day.realized_at_start == 3
