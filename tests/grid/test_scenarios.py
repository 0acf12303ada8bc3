"""SCENARIOS.md, rows 1 to 13: entries, fills and exits. The harness checks the invariants after every input."""

import pytest

from actors.grid.settings import ExitFallback
from actors.log_events import LogEvent
from actors.messages import (
    CoverMeasured,
    Note,
    NoteLevel,
    OrderAccepted,
    PauseEntries,
    PlaceLimitOrder,
    PositionClosed,
)
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness


def open_lot(grid, entry="c1", exit_="c2", quantity="1.000", trade="t1"):
    """Fill the pending entry completely and have its exit accepted."""
    grid.ack(entry)
    grid.fill(entry, trade, quantity)
    grid.ack(exit_)


def test_scenario_01_clean_cycle():
    grid = Harness()
    order = grid.commands[0]
    assert isinstance(order, PlaceLimitOrder)
    assert order.post_only
    assert not order.reduce_only
    assert grid.take() == ["c1 buy 1@99.9"]
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000", "99.9")
    exit_order = grid.commands[0]
    assert grid.take() == ["c2 sell 1@100.9"]
    assert exit_order.post_only
    assert exit_order.reduce_only
    assert exit_order.caused_ns == grid.now_ns
    assert not grid.is_ready
    grid.ack("c2")
    assert grid.is_ready
    grid.fill("c2", "t2", "1.000", "100.9")
    closed = grid.of(PositionClosed)
    assert [(c.lot, c.realized_pnl, c.entry_price, c.exit_price) for c in closed] == [(1, D(1), D("99.9"), D("100.9"))]
    assert grid.count(LogEvent.LOT_CLOSED) == 1
    assert grid.take() == ["c3 buy 1@99.9"]


def test_scenario_02_two_partials_one_entry():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.300")
    assert grid.take() == ["c2 sell 0.3@100.9"]
    grid.ack("c2")
    grid.pass_ms(20_000)
    assert grid.take() == []
    grid.fill("c1", "t2", "0.700")
    assert grid.take() == ["c3 sell 0.7@100.9"]
    grid.ack("c3")
    assert grid.is_ready
    assert len(grid.exits.lots) == 1
    assert grid.state.lots.open_lots == 1
    assert sum(order.quantity for order in grid.exits.orders) == 1


def test_scenario_03_burst_of_partials_coalesced():
    grid = Harness(tp_coalesce_ms=200)
    grid.ack("c1")
    grid.take()
    for number in range(5):
        grid.fill("c1", f"t{number}", "0.200")
        grid.pass_ms(30)
    assert grid.take() == ["c2 sell 1@100.9"]


def test_scenario_03_burst_that_ends_early_waits_no_longer_than_the_limit():
    grid = Harness(tp_coalesce_ms=200)
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.200")
    grid.pass_ms(100)
    grid.fill("c1", "t2", "0.200")
    assert grid.exits.lots[0].blocked == "collecting a burst of fills"
    grid.pass_ms(99)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["c2 sell 0.4@100.9"]


def test_scenario_04_fill_before_ack():
    grid = Harness()
    grid.take()
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]
    grid.ack("c2")
    before = grid.state
    grid.ack("c1")
    number = grid.orders["c1"].command.client_order_id
    grid.give(
        "strategy",
        OrderAccepted(grid="g", client_order_id=number, price=D("99.9"), quantity=D(1)),
    )
    assert grid.take() == []
    assert grid.is_ready
    assert grid.state.pending is before.pending is None


@pytest.mark.parametrize("reason", [CancelReason.POST_ONLY, CancelReason.REQUESTED, CancelReason.EXPIRED])
def test_scenario_05_entry_cancelled_after_partial(reason):
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.400")
    grid.done("c1", reason, "0.400")
    assert grid.take() == ["c2 sell 0.4@100.9"]
    grid.ack("c2")
    assert grid.is_ready
    assert grid.exits.lots[0].entry_filled == D("0.4")
    grid.pass_ms(3_999)
    assert grid.take() == []
    grid.price("99.0", "99.1")
    grid.pass_ms(1)
    assert grid.take() == ["c3 buy 1.01@98.9"]


def test_scenario_05_variant_done_without_the_fill():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    assert grid.take() == ["c2 sell 0.4@100.9"]
    grid.fill("c1", "t1", "0.400", "99.9")
    assert grid.take() == []
    grid.ack("c2")
    assert grid.is_ready
    assert grid.held == D("0.4")


def test_scenario_06_cancel_first_fill_late():
    grid = Harness()
    grid.ack("c1")
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.pass_ms(2_000)
    grid.ack("c2")
    assert grid.take() == ["c1 buy 1@99.9", "c2 buy 1@99.9"]
    grid.fill("c1", "t1", "0.400")
    assert grid.take() == ["c3 sell 0.4@100.9"]
    late = [note for note in grid.notes if note.event == LogEvent.LATE_FILL_AFTER_DONE]
    assert [note.level for note in late] == [NoteLevel.WARNING]
    assert grid.state.pending.client_order_id == grid.orders["c2"].command.client_order_id
    assert grid.exits.lots[0].lot == 1
    grid.ack("c3")
    grid.pass_ms(10_000)
    assert grid.take() == []
    assert grid.state.counters.late_fills == 1


def test_scenario_07_duplicate_fills():
    grid = Harness()
    grid.ack("c1")
    for _ in range(4):
        grid.fill("c1", "t1", "1.000")
    assert grid.places() == ["c1 buy 1@99.9", "c2 sell 1@100.9"]
    grid.cumulative("c1", "1.000")
    assert len(grid.exits.lots) == 1
    assert grid.held == 1
    assert grid.ledger.duplicates == 4
    assert not [note for note in grid.notes if note.level is NoteLevel.WARNING]


def test_scenario_08_stale_cumulative():
    grid = Harness()
    grid.ack("c1")
    grid.cumulative("c1", "1.000")
    grid.cumulative("c1", "0.400")
    grid.cumulative("c1", "1.000")
    assert grid.places() == ["c1 buy 1@99.9", "c2 sell 1@100.9"]
    assert grid.held == 1
    assert grid.ledger.stale_updates == 1


def test_scenario_09_entry_refused_as_post_only():
    grid = Harness()
    grid.take()
    grid.reject("c1", RejectReason.POST_ONLY)
    assert grid.take() == []
    grid.pass_ms(249)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["c2 buy 1@99.8"]
    grid.ack("c2")
    grid.done("c2", CancelReason.POST_ONLY, "0")
    grid.pass_ms(250)
    assert grid.take() == ["c3 buy 1@99.7"]
    grid.ack("c3")
    assert grid.exits.lots == ()
    assert grid.state.counters.post_only_rejects == 2


def test_scenario_09_one_warning_at_the_tenth_and_the_offset_is_capped():
    grid = Harness()
    for number in range(1, 31):
        grid.reject(f"c{number}", RejectReason.POST_ONLY)
        grid.pass_ms(250)
    refusals = [note for note in grid.notes if note.event == LogEvent.ENTRY_POST_ONLY_REJECTED]
    assert [n for n, note in enumerate(refusals, 1) if note.level is NoteLevel.WARNING] == [10]
    assert grid.take()[-1] == "c31 buy 1@98.1"
    assert len(refusals) == 30


def test_scenario_10_exit_refused_as_post_only():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.price("101.0", "101.1")
    times = []
    grid.fill("c1", "t1", "1.000", "99.9")
    lines = grid.take()
    assert lines == ["c2 sell 1@100.9"]
    for name, expected in (("c2", "c3 sell 1@101.1"), ("c3", "c4 sell 1@101.2"), ("c4", "c5 sell 1@101.3")):
        times.append(grid.now_ns)
        grid.reject(name, RejectReason.POST_ONLY)
        grid.pass_ms(250)
        assert grid.take() == [expected]
    grid.reject("c5", RejectReason.POST_ONLY)
    grid.pass_ms(250)
    assert grid.take() == ["c6 ioc sell 1@100.9"]
    grid.fill("c6", "t2", "0.600", "101.0")
    grid.done("c6", CancelReason.IMMEDIATE, "0.600")
    grid.pass_ms(250)
    assert grid.take() == ["c7 sell 0.4@101.1"]
    assert grid.count(LogEvent.CLOSE_FALLBACK_USED) == 1


def test_scenario_10_without_fallback_keeps_resting():
    grid = Harness(fallback=ExitFallback.WAIT)
    grid.ack("c1")
    grid.price("101.0", "101.1")
    grid.fill("c1", "t1", "1.000", "99.9")
    for number in range(2, 8):
        grid.reject(f"c{number}", RejectReason.POST_ONLY)
        grid.pass_ms(250)
    assert all("ioc" not in line for line in grid.take())


@pytest.mark.parametrize("is_final", [True, False])
def test_scenario_11_exit_cancelled_after_partial(is_final):
    grid = Harness(capabilities={"cancel_report_is_final": is_final})
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.fill("c2", "t2", "0.600")
    grid.done("c2", CancelReason.REQUESTED, "0.600")
    if not is_final:
        assert grid.take() == ["query c2"]
        grid.settled("c2", OrderStatus.CANCELED, "0.600")
    assert grid.take() == ["c3 sell 0.4@100.9"]
    assert grid.exits.lots[0].remaining == D("0.4")
    assert not grid.of(PositionClosed)


def test_scenario_11_stale_cancel_report_sells_nothing_twice():
    grid = Harness(capabilities={"cancel_report_is_final": False})
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["query c2"]
    grid.settled("c2", OrderStatus.CANCELED, "0.600")
    assert grid.take() == ["c3 sell 0.4@100.9"]


def test_scenario_12_completed_exit_stays_completed():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.tell(PauseEntries())
    grid.fill("c2", "t2", "1.000")
    grid.take()
    for _ in range(10):
        grid.pass_ms(5_000)
        grid.listed()
        grid.position("0")
    assert grid.take() == []
    assert grid.held == 0
    assert grid.exits.lots == ()


def paused(grid):
    grid.tell(PauseEntries())


def cooling_down(grid):
    assert grid.state.ladder.since_ns is None
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert grid.state.ladder.since_ns == grid.now_ns


def rebounded(grid):
    grid.price("102.0", "102.1")


def stale_prices(grid):
    grid.stale()


@pytest.mark.parametrize("condition", [paused, cooling_down, rebounded, stale_prices])
def test_scenario_13_exit_not_gated(condition):
    grid = Harness()
    grid.ack("c1")
    grid.take()
    condition(grid)
    grid.fill("c1", "t1", "1.000")
    assert grid.places() == ["c2 sell 1@100.9"]
    grid.pass_ms(150, alive=False)
    grid.ack("c2")
    measured = grid.of(CoverMeasured)
    assert [(m.quantity, m.naked_ns) for m in measured] == [(D(1), 150_000_000)]


def test_notes_name_the_grid_and_known_events():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    assert all(isinstance(note, Note) and note.grid == "g" for note in grid.notes)
    assert {note.event for note in grid.notes} <= set(LogEvent)
