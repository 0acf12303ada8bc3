"""What is told to the journal comes back after a restart, once, exactly, whatever order it came in."""

import dataclasses
import itertools
import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.grid.restore import RestoredGrid
from actors.journal import (
    AnswerReservations,
    FlushJournal,
    JournalFailed,
    JournalReader,
    JournalRecovered,
    Market,
    open_state,
)
from actors.journal.payload import encode_payload
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    ActorFailed,
    CloseOrderPlaced,
    ConnectionReady,
    EntryFinished,
    ExternalBooked,
    LatchChanged,
    LatchKind,
    Note,
    NoteLevel,
    OrderCanceled,
    OrderDenied,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PauseEntries,
    Ping,
    ReserveSequences,
    ResumeEntries,
    SequencesReserved,
    StreamLost,
)
from exchanges.errors import JournalError
from exchanges.reports import OrderReport
from exchanges.values import CancelReason, FeeRates, MarketRules, OrderId, OrderStatus, RejectReason, Side
from tests.actors.journal_desk import (
    MARKETS,
    TAG,
    D,
    accepted,
    close_order,
    closed,
    emergency,
    entry,
    filled,
    journal_desk,
    order_id,
)
from tests.fakes import SECOND_NS, START_WALL_NS, FakeClock, Probe

DAY_NS = 86_400 * SECOND_NS


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def desk(tmp_path, clock):
    with journal_desk(tmp_path / "state", clock) as made:
        yield made


def rows(desk, query):
    desk.flush()
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        return sql.execute(query).fetchall()


def canceled(sequence, leg=0, *, done="0", final=True, reason=CancelReason.REQUESTED, grid="btc"):
    return OrderCanceled(grid=grid, client_order_id=order_id(sequence, leg), reason=reason, filled=D(done), final=final)


def settled(sequence, leg=0, *, done="0", status=OrderStatus.CANCELED):
    return OrderSettled(
        grid="btc", client_order_id=order_id(sequence, leg), order_id=None, status=status, filled=D(done), asked_ns=1
    )


# --- a first start ---


def test_first_start_knows_nothing(desk):
    assert desk.state.restored.grids == {name: RestoredGrid(grid=name) for name in MARKETS}
    assert desk.state.problems == ()
    assert desk.state.run == 1


def test_files_are_private(desk):
    desk.tell(entry(), filled())
    desk.flush()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in desk.folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert "journal.db-wal" in modes
    assert stat.S_IMODE(desk.folder.stat().st_mode) == 0o700


# --- orders ---


def test_order_without_an_answer_is_restored_as_possibly_live(desk, clock):
    desk.tell(entry(5, quantity="0.3", price="61000.10"))
    (order,) = desk.grid().orders
    assert (order.client_order_id, order.lot, order.side) == (order_id(5), 5, Side.BUY)
    assert (order.price, order.quantity, order.filled) == (D("61000.10"), D("0.3"), D(0))
    assert (order.post_only, order.reduce_only, order.immediate) == (True, False, False)
    assert not order.was_accepted
    assert order.placed_wall_ns == START_WALL_NS
    assert order.fence_wall_ns == START_WALL_NS + 120 * SECOND_NS


@pytest.mark.parametrize(
    "end",
    [
        OrderRejected(grid="btc", client_order_id=order_id(1), reason=RejectReason.POST_ONLY),
        OrderDenied(grid="btc", client_order_id=order_id(1), reason="halted"),
        canceled(1),
        settled(1),
        settled(1, status=OrderStatus.EXPIRED),
        filled(quantity="1", leaves="0"),
        Note(event=LogEvent.ENTRY_NEVER_ACCEPTED, client_order_id=order_id(1), grid="btc"),
    ],
    ids=lambda message: f"{type(message).__name__}",
)
def test_order_that_ended_is_not_restored(desk, end):
    desk.tell(entry(1), end)
    assert desk.grid().orders == ()


@pytest.mark.parametrize(
    "report",
    [
        accepted(1),
        filled(quantity="0.4", leaves="0.6"),
        canceled(1, final=False),
        canceled(1, done="0.5"),
        settled(1, done="0.5"),
        settled(1, status=OrderStatus.OPEN),
        Note(event=LogEvent.ENTRY_OUTCOME_UNKNOWN, client_order_id=order_id(1), grid="btc"),
    ],
    ids=["accepted", "part", "cancel not final", "cancel counts more", "settled counts more", "open", "note"],
)
def test_order_without_the_last_word_is_restored(desk, report):
    desk.tell(entry(1), report)
    assert [order.client_order_id for order in desk.grid().orders] == [order_id(1)]


def test_missing_fill_that_arrives_later_settles_by_the_next_answer(desk):
    desk.tell(entry(1), settled(1, done="0.5"), filled(quantity="0.5", leaves="0.5"), settled(1, done="0.5"))
    grid = desk.grid()
    assert grid.orders == ()
    assert grid.lots[0].entry_filled == D("0.5")
    assert grid.lots[0].entry_done


def test_acceptance_is_restored_with_the_venues_id(desk):
    desk.tell(entry(1), accepted(1))
    (order,) = desk.grid().orders
    assert order.was_accepted
    assert order.order_id == f"v{order_id(1)}"


def test_fence_of_an_unknown_outcome_is_kept_on_the_wall_clock(desk, clock):
    fence_ns = clock.monotonic_ns() + 70 * SECOND_NS
    unknown = OrderOutcomeUnknown(grid="btc", client_order_id=order_id(1), fence_ns=fence_ns, why="timeout")
    desk.tell(entry(1), unknown)
    assert desk.grid().orders[0].fence_wall_ns == START_WALL_NS + 70 * SECOND_NS


# --- fills and lots ---


def test_fills_of_an_entry_add_up_to_its_lot(desk, clock):
    desk.tell(
        entry(1),
        filled(quantity="0.4", price="100", leaves="0.6", fee="0.01", trade="a"),
        filled(quantity="0.6", price="99", cumulative="1", leaves="0", fee="0.02", trade="b"),
    )
    (lot,) = desk.grid().lots
    assert (lot.lot, lot.entry_filled, lot.entry_notional) == (1, D(1), D("99.4"))
    assert (lot.exit_filled, lot.fees, lot.entry_done) == (D(0), D("0.03"), True)
    assert lot.opened_wall_ns == START_WALL_NS


@pytest.mark.parametrize("trade", ["t1", ""])
def test_fill_told_again_counts_once(desk, trade):
    fill = filled(quantity="0.4", leaves="0.6", trade=trade)
    desk.tell(entry(1), fill, fill)
    desk.restart()
    desk.tell(fill)
    grid = desk.grid()
    assert grid.lots[0].entry_filled == D("0.4")
    assert grid.orders[0].filled == D("0.4")


def test_same_quantity_spelled_differently_is_the_same_fill(desk):
    desk.tell(entry(1), filled(quantity="0.40"), filled(quantity="0.4"))
    assert desk.grid().lots[0].entry_filled == D("0.4")


def test_trade_ids_of_two_markets_do_not_collide(desk):
    desk.tell(entry(1), entry(2, grid="eth"), filled(1, trade="77"), filled(2, trade="77", grid="eth"))
    restored = desk.restart()
    assert [len(restored.grids[name].lots) for name in MARKETS] == [1, 1]


def test_exit_closes_its_lot_and_only_open_lots_are_restored(desk):
    for lot in (1, 2):
        desk.tell(entry(lot), filled(lot, leaves="0"), close_order(lot))
    desk.tell(filled(1, 1, price="101", leaves="0"), closed(1, pnl="1"))
    grid = desk.grid()
    assert [lot.lot for lot in grid.lots] == [2]
    assert [order.client_order_id for order in grid.orders] == [order_id(2, 1)]
    assert grid.realized_pnl == D(1)


def test_partly_closed_lot_keeps_both_sides(desk):
    desk.tell(entry(1), filled(leaves="0"), close_order(1), filled(1, 1, quantity="0.3", price="101", leaves="0.7"))
    (lot,) = desk.grid().lots
    assert (lot.entry_filled, lot.exit_filled, lot.exit_notional) == (D(1), D("0.3"), D("30.3"))


def test_closed_part_of_an_unfinished_entry_is_restored_so_that_its_legs_are_not_used_again(desk):
    desk.tell(
        entry(1), filled(quantity="0.4", leaves="0.6"), close_order(1, quantity="0.4"), filled(1, 1, quantity="0.4")
    )
    (lot,) = desk.grid().lots
    assert (lot.entry_filled, lot.exit_filled, lot.entry_done, lot.attempts_used) == (D("0.4"), D("0.4"), False, 1)


def test_late_fill_after_the_end_counts_and_reopens_the_lot(desk):
    desk.tell(entry(1), canceled(1), filled(quantity="0.2"))
    grid = desk.grid()
    assert grid.orders == ()
    assert grid.lots[0].entry_filled == D("0.2")


def test_highest_leg_used_is_restored(desk):
    desk.tell(entry(1), filled(leaves="0"), close_order(1, 1), canceled(1, 1), close_order(1, 2), canceled(1, 2))
    assert desk.grid().lots[0].attempts_used == 2


def test_continuation_belongs_to_its_parent(desk):
    desk.tell(entry(1), filled(leaves="0"), close_order(9, 1, parent=1), filled(9, 1, quantity="0.5", price="101"))
    grid = desk.grid()
    (lot,) = grid.lots
    assert (lot.lot, lot.exit_filled, lot.continuation, lot.attempts_used) == (1, D("0.5"), 9, 1)
    assert grid.orders[0].lot == 1


def test_emergency_order_belongs_to_its_parent_and_is_no_continuation(desk):
    desk.tell(entry(1), filled(leaves="0"), close_order(1, 1), emergency(8, parent=1), filled(8, 14, quantity="0.5"))
    grid = desk.grid()
    (lot,) = grid.lots
    assert (lot.exit_filled, lot.continuation, lot.attempts_used) == (D("0.5"), 0, 1)
    assert [(order.lot, order.immediate, order.post_only) for order in grid.orders] == [
        (1, False, True),
        (1, True, False),
    ]


def test_order_for_several_lots_is_spread_oldest_first(desk):
    for lot in (1, 2, 3):
        desk.tell(entry(lot), filled(lot, leaves="0"))
    desk.tell(emergency(9, parent=1, quantity="3"), filled(9, 14, quantity="2.5", price="98", leaves="0.5"))
    (lot,) = desk.grid().lots
    assert (lot.lot, lot.exit_filled, lot.exit_notional) == (3, D("0.5"), D("49.0"))


def test_lots_known_to_be_closed_are_served_before_older_open_ones(desk):
    for lot in (1, 2, 3):
        desk.tell(entry(lot), filled(lot, leaves="0"))
    desk.tell(
        close_order(3, 1, quantity="2"), filled(3, 1, quantity="2", price="101", leaves="0"), closed(3), closed(2)
    )
    (lot,) = desk.grid().lots
    assert (lot.lot, lot.exit_filled) == (1, D(0))


def test_external_close_of_a_lot_and_position_of_others_are_restored(desk):
    desk.tell(entry(1), filled(leaves="0"))
    desk.tell(ExternalBooked(grid="btc", lot=1, quantity=D("0.4"), price=D(90), external=D("-2.5")))
    grid = desk.grid()
    assert (grid.lots[0].exit_filled, grid.lots[0].exit_notional, grid.external) == (D("0.4"), D(36), D("-2.5"))


# --- facts that overtake each other ---


FACTS = (
    entry(1),
    close_order(5, 1, parent=1),
    accepted(5, 1),
    filled(quantity="1", leaves="0", fee="0.5", trade="e"),
    filled(5, 1, quantity="0.4", price="101", leaves="0.6", fee="0.1", trade="x"),
)


def settled_view(grid):
    lot, order = grid.lots[0], grid.orders[0]
    return (
        *(len(grid.lots), lot.lot, lot.entry_filled, lot.exit_filled, lot.exit_notional, lot.fees, lot.entry_done),
        *(lot.continuation, lot.attempts_used, grid.fees),
        *(len(grid.orders), order.client_order_id, order.lot, order.side, order.price, order.quantity, order.filled),
    )


@pytest.mark.parametrize("flushed", [False, True])
def test_facts_of_several_threads_give_the_same_in_every_order(tmp_path, clock, flushed):
    views = set()
    for number, order in enumerate(itertools.permutations(FACTS)):
        if number % (13 if flushed else 5):
            continue  # a share of the orders is enough
        with journal_desk(tmp_path / str(number), clock) as desk:
            for fact in order:
                desk.tell(fact)
                if flushed:
                    desk.flush()
            views.add(settled_view(desk.grid()))
    exit_order = (1, order_id(5, 1), 1, Side.SELL, D(101), D(1), D("0.4"))
    assert views == {(1, 1, D(1), D("0.4"), D("40.4"), D("0.6"), True, 5, 1, D("0.6"), *exit_order)}


def test_order_found_only_at_the_venue_is_known_after_a_restart(desk):
    desk.tell(entry(1), filled(leaves="0"))
    desk.tell(accepted(3, 1, price=D(105), quantity=D(2)), filled(3, 1, quantity="0.5", price="105", trade="z"))
    restored = desk.restart()
    (order,) = restored.grids["btc"].orders
    assert (order.side, order.price, order.quantity, order.filled) == (Side.SELL, D(105), D(2), D("0.5"))
    known = {each.client_order_id: each for each in restored.markets["aster", "BTCUSDT"].orders}
    assert known[order_id(3, 1)].trade_ids == {"z"}


def test_order_of_which_nothing_but_its_id_is_known_is_left_to_the_venue(desk):
    desk.tell(accepted(3, 1))
    assert desk.grid().orders == ()


# --- totals, ladder, latches ---


def test_profit_counts_closed_lots_and_fees_count_every_fill(desk, clock):
    desk.tell(entry(1), filled(fee="0.2", leaves="0"), closed(1, pnl="3.10", fees="0.3"))
    desk.flush()
    clock.advance(DAY_NS)
    desk.tell(closed(2, pnl="-1.25"))
    grid = desk.grid()
    assert (grid.realized_pnl, grid.realized_pnl_today, grid.fees) == (D("1.85"), D("-1.25"), D("0.2"))
    clock.advance(DAY_NS)
    assert desk.grid().realized_pnl_today == D(0)
    assert desk.grid("eth").realized_pnl == D(0)


def test_today_begins_at_midnight_utc(desk, clock):
    to_midnight = DAY_NS - clock.wall_ns() % DAY_NS
    clock.advance(to_midnight - 1)
    desk.tell(closed(1, pnl="1"))
    desk.flush()
    clock.advance(1)
    desk.tell(closed(2, pnl="10"))
    assert desk.grid().realized_pnl_today == D(10)


@pytest.mark.parametrize(
    ("facts", "starts"),
    [
        ([accepted(1, 1)], True),
        ([accepted(1)], False),
        ([canceled(2)], True),
        ([EntryFinished(grid="btc", lot=1, filled=D(0))], True),
        ([EntryFinished(grid="btc", lot=1, filled=D(1))], False),
        ([filled(2, quantity="0.5", leaves="0.5"), canceled(2, done="0.5")], False),
    ],
)
def test_ladder_starts_with_an_accepted_exit_or_a_reset_entry(desk, clock, facts, starts):
    desk.tell(entry(1), entry(2), close_order(1))
    clock.advance(SECOND_NS)
    desk.ref.ask(Ping(), timeout=5)
    desk.tell(*facts)
    assert desk.grid().ladder_wall_ns == (START_WALL_NS + SECOND_NS if starts else 0)


def test_closed_lot_waives_the_ladder_once(desk):
    desk.tell(closed(1))
    assert desk.grid().ladder_waived
    desk.tell(entry(2))
    assert not desk.grid().ladder_waived


def test_latch_is_on_disk_at_once_and_survives_until_cleared(desk):
    desk.tell(LatchChanged(grid="btc", kind=LatchKind.STOP_PRICE, text="below 58000"))
    desk.ref.ask(Ping(), timeout=5)
    reread = JournalReader(desk.state.journal_path).restore(MARKETS, now_wall_ns=START_WALL_NS)
    assert reread.grids["btc"].latch is LatchKind.STOP_PRICE, "no flush was asked for"
    grid = desk.grid()
    assert (grid.latch, grid.latch_text) == (LatchKind.STOP_PRICE, "below 58000")
    desk.tell(LatchChanged(grid="btc", kind=None))
    assert desk.grid().latch is None


def test_pause_of_one_grid_and_of_all(desk):
    desk.tell(PauseEntries(grid="btc"))
    restored = desk.restart()
    assert (restored.grids["btc"].paused, restored.grids["eth"].paused) == (True, False)
    desk.tell(PauseEntries())
    assert desk.grid("eth").paused
    desk.tell(ResumeEntries())
    assert not desk.grid("btc").paused


# --- reading on at the venue ---


def test_market_is_read_on_from_before_the_oldest_unsettled_order(desk, clock):
    desk.tell(entry(1), filled(1, trade="10", leaves="0", at=clock.wall_ns()))
    desk.flush()
    clock.advance(7200 * SECOND_NS)
    asked_ns = clock.wall_ns()
    desk.tell(entry(2))
    desk.flush()
    clock.advance(7200 * SECOND_NS)
    desk.tell(entry(3), filled(3, trade="30", leaves="0", at=clock.wall_ns()))
    market = desk.restart().markets["aster", "BTCUSDT"]
    assert market.since_wall_ns == asked_ns
    assert market.last_trade_id == "10", "trades after an unsettled order may be missing"
    assert [(known.client_order_id, known.is_settled) for known in market.orders] == [
        (order_id(2), False),
        (order_id(3), True),
    ]
    assert market.orders[1].end_status is OrderStatus.FILLED
    assert [(trade.trade_id, trade.price, trade.quantity) for trade in market.orders[1].trades] == [
        ("30", D(100), D(1))
    ]


def test_market_nothing_happened_in_has_nothing_to_read_on_from(desk):
    market = desk.restart().markets["aster", "ETHUSDT"]
    assert (market.last_trade_id, market.since_wall_ns, market.orders) == ("", 0, ())


# --- intents and journal together ---


def test_order_that_only_the_intent_file_saw_is_unknown_with_its_fence(desk):
    desk.state.intents.record(entry(4), START_WALL_NS + 60 * SECOND_NS)
    desk.state.intents.record(close_order(9, 1, parent=3), START_WALL_NS + 61 * SECOND_NS)
    first, second = desk.grid().orders
    assert (first.client_order_id, first.lot, first.fence_wall_ns) == (order_id(4), 4, START_WALL_NS + 60 * SECOND_NS)
    assert (second.client_order_id, second.lot, second.reduce_only) == (order_id(9, 1), 3, True)


def test_intents_of_settled_orders_are_dropped_at_the_next_start_and_unsettled_ones_stay(desk):
    for lot in (1, 2):
        desk.state.intents.record(entry(lot), START_WALL_NS)
        desk.tell(entry(lot))
    desk.tell(canceled(1))
    desk.restart()
    desk.restart()
    assert [intent.lot for intent in desk.state.history.intents] == [2]


def test_reserved_sequences_are_never_handed_out_again(desk):
    first, last = desk.state.intents.reserve()
    desk.tell(entry(last))
    desk.restart()
    assert desk.state.intents.reserve()[0] == last + 1
    assert first == 1


def test_lost_intent_file_is_made_good_by_the_journals_numbers(desk):
    desk.tell(entry(500))
    desk.close()
    (desk.folder / "intents.log").unlink()
    desk.open()
    assert desk.state.intents.reserve()[0] == 501


def test_power_loss_forces_fresh_ids_for_the_lots_of_before(desk, monkeypatch):
    desk.state.intents.reserve()
    desk.tell(entry(1), filled(leaves="0"), close_order(1, 1))
    monkeypatch.setattr("actors.intents.read_boot_id", lambda: "another boot")
    grid = desk.grid()
    assert grid.lots[0].attempts_used == 13
    assert desk.state.history.suspect_through == 64
    desk.state.intents.reserve()
    desk.tell(close_order(65, 1, parent=1))
    assert desk.grid().lots[0].attempts_used == 1, "the continuation is younger than the loss"


@pytest.mark.parametrize("is_known", [True, False])
def test_highest_sequence_is_zero_only_for_a_grid_without_a_past(desk, is_known):
    if is_known:
        desk.tell(SequencesReserved(grid="btc", first=1, last=64))
    desk.tell(SequencesReserved(grid="eth", first=65, last=128))
    assert desk.grid("btc").highest_sequence == (128 if is_known else 0)


# --- reserving ---


def test_block_is_told_to_the_address_of_its_grid_and_purpose(desk):
    entries, exits = Probe(), Probe()
    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=entries))
    desk.tell(AnswerReservations(grid="btc", for_exits=True, reply_to=exits))
    desk.tell(ReserveSequences(grid="btc", for_exits=False), ReserveSequences(grid="btc", for_exits=True))
    assert entries.take(SequencesReserved) == SequencesReserved(grid="btc", first=1, last=64)
    assert exits.take(SequencesReserved) == SequencesReserved(grid="btc", first=65, last=128)
    entries.expect_none()


def test_block_asked_for_before_the_wiring_is_told_after_it(desk):
    entries = Probe()
    desk.tell(ReserveSequences(grid="btc", for_exits=False))
    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=entries))
    assert entries.take(SequencesReserved).first == 1


def test_refused_reservation_is_not_answered_and_the_bot_is_told(desk):
    entries = Probe()
    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=entries))
    desk.state.intents.raise_floor((1 << 22) - 2)
    desk.tell(ReserveSequences(grid="btc", for_exits=False))
    desk.ref.ask(Ping(), timeout=5)
    entries.expect_none()
    assert "used up" in desk.health.messages[0].error


# --- events ---


def test_every_message_becomes_an_event_with_both_times_and_exact_numbers(desk, clock):
    desk.tell(
        entry(1, price="61000.10"),
        filled(quantity="0.10", at=123),
        CloseOrderPlaced(grid="btc", lot=1, covered=D("0.1")),
        StreamLost(grid="btc", why="cut"),
    )
    found = rows(
        desk, "SELECT run, actor, kind, grid, lot, client_order_id, occurred_wall_ns, received_wall_ns FROM events"
    )
    number = order_id(1)
    assert found == [
        (1, "strategy", "PlaceLimitOrder", "btc", 1, number, 0, START_WALL_NS),
        (1, "connection", "OrderFilled", "btc", 0, number, 123, START_WALL_NS),
        (1, "closer", "CloseOrderPlaced", "btc", 1, 0, 0, START_WALL_NS),
        (1, "connection", "StreamLost", "btc", 0, 0, 0, START_WALL_NS),
    ]
    payloads = [json.loads(text) for (text,) in rows(desk, "SELECT payload FROM events")]
    assert (payloads[0]["price"], payloads[0]["side"]) == ("61000.10", "buy")
    assert payloads[1]["quantity"] == "0.10"


def test_run_is_marked_as_ended_in_order(desk):
    desk.restart()
    first, second = rows(desk, "SELECT run, ended_wall_ns FROM runs ORDER BY run")
    assert first == (1, START_WALL_NS)
    assert second == (2, None)


# --- batches and disk errors ---


def test_facts_wait_for_the_tick(desk):
    desk.tell(entry(1))
    desk.ref.ask(Ping(), timeout=5)
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        assert sql.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        desk.timers.advance(SECOND_NS)
        desk.ref.ask(Ping(), timeout=5)
        assert sql.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_many_facts_do_not_wait_for_the_tick(desk):
    for lot in range(1, 257):
        desk.tell(entry(lot))
    desk.ref.ask(Ping(), timeout=5)
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        assert sql.execute("SELECT count(*) FROM orders").fetchone() == (256,)


@contextmanager
def full_disk(desk):
    """Let no file of this process grow beyond the journal's log as it is now: the kernel refuses as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = desk.folder / "journal.db-wal"
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_disk_that_refuses_keeps_the_facts_and_tells_the_bot_once(desk):
    desk.tell(entry(1))
    desk.flush()
    with full_disk(desk):
        desk.tell(entry(2))
        desk.flush()
        desk.flush()
        assert "cannot be written" in desk.health.take(JournalFailed).error
        desk.health.expect_none()
        assert desk.ref.ask(Ping(), timeout=5) is True, "exits must go on"
    desk.tell(filled(leaves="0.5", quantity="0.5"))
    desk.flush()
    assert desk.health.take(JournalRecovered).dropped == 0
    grid = desk.grid()
    assert grid.lots[0].entry_filled == D("0.5")
    assert [order.lot for order in grid.orders] == [1, 2]
    assert len(rows(desk, "SELECT seq FROM events")) == 3


def test_facts_kept_while_the_disk_refuses_are_bounded_and_counted(desk, monkeypatch):
    monkeypatch.setattr("actors.journal.actor.KEPT_WHILE_FAILING", 3)
    desk.tell(entry(1))
    desk.flush()
    with full_disk(desk):
        desk.tell(*(entry(lot) for lot in range(2, 7)))
        desk.flush()
    desk.flush()
    assert [getattr(message, "dropped", None) for message in desk.health.messages] == [None, 2]
    assert len(rows(desk, "SELECT seq FROM events")) == 4


def test_fact_that_cannot_be_recorded_ends_the_actor_and_the_others_are_written(desk):
    desk.tell(entry(1), dataclasses.replace(accepted(1), client_order_id=0), filled(quantity="0.5", leaves="0.5"))
    desk.ref.tell(FlushJournal())
    assert "0 is not an id of ours" in desk.failures.take(ActorFailed).error
    assert desk.ref.actor_stopped.wait(5)
    desk.health.expect_none()
    assert desk.grid().lots[0].entry_filled == D("0.5")


# --- payloads ---

RULES = MarketRules(
    symbol="BTCUSDT",
    tick=D("0.1"),
    step=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(100),
    market_max_quantity=D(50),
    min_notional=D(5),
    reduce_only_exempt=True,
    min_price=D(1),
    max_price=D(1000000),
)
REPORT = OrderReport(
    symbol="BTCUSDT",
    client_order_id=None,
    order_id=OrderId("9"),
    status=OrderStatus.OPEN,
    side=Side.SELL,
    price=D("1.10"),
    quantity=D(2),
    filled=D(0),
    occurred_ns=1,
    received_ns=2,
)
READY = ConnectionReady(
    grid="btc",
    rules=RULES,
    fees=FeeRates(D(0), D("0.0004")),
    position=D("-0.50"),
    leverage=10,
    foreign_orders=(REPORT,),
    asked_ns=5,
)
LISTED = ActiveOrdersListed(grid="btc", client_order_ids=frozenset({order_id(3), order_id(2)}), foreign=0, asked_ns=1)
NOTE = Note(event=LogEvent.LOT_CLOSED, level=NoteLevel.WARNING, fields=(("profit", "1.5"),))


def test_nested_values_are_recorded_by_name_and_exactly():
    ready = json.loads(encode_payload(READY))
    assert (ready["rules"]["tick"], ready["fees"]["taker"], ready["position"]) == ("0.1", "0.0004", "-0.50")
    assert ready["foreign_orders"][0]["price"] == "1.10"
    assert json.loads(encode_payload(LISTED))["client_order_ids"] == [order_id(2), order_id(3)]
    note = json.loads(encode_payload(NOTE))
    assert (note["event"], note["level"], note["fields"]) == ("lot_closed", "WARNING", [["profit", "1.5"]])


def test_value_without_a_spelling_is_an_error_not_a_guess():
    with pytest.raises(TypeError, match="object does not go into the journal"):
        encode_payload(Note(event="x", text=object()))


# --- files that cannot be used ---


def open_again(folder, clock, desk="alpha", tag=TAG):
    state = open_state(folder, desk=desk, bot_tag=tag, markets=MARKETS, clock=clock)
    state.intents.close()
    return state


def test_damaged_journal_is_moved_aside_and_the_start_goes_on_from_the_intents(desk, clock):
    desk.state.intents.record(entry(4), START_WALL_NS)
    desk.close()
    path = desk.state.journal_path
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    desk.open()
    (problem,) = desk.state.problems
    assert "is damaged" in problem
    assert (desk.folder / f"journal.db.set-aside-{START_WALL_NS}").read_bytes() == bytes(content)
    assert [order.lot for order in desk.state.restored.grids["btc"].orders] == [4]


def test_damage_that_shows_only_when_it_is_read_is_moved_aside_too(desk, monkeypatch):
    monkeypatch.setattr("actors.journal.schema.CHECKED_UP_TO_BYTES", 0)
    desk.close()
    with closing(sqlite3.connect(desk.state.journal_path, isolation_level=None)) as sql:
        sql.execute("DROP TABLE closings")
    desk.open()
    assert "is damaged (no such table: closings)" in desk.state.problems[0]


@pytest.mark.parametrize("content", [b"", None])
def test_journal_whose_maker_died_is_made_again_without_alarm(desk, content):
    desk.close()
    path = desk.state.journal_path
    path.unlink()
    if content is None:
        with closing(sqlite3.connect(path)) as sql:
            sql.execute("PRAGMA journal_mode = WAL")
    else:
        path.write_bytes(content)
    desk.open()
    assert desk.state.problems == ()


def test_file_that_is_no_database_is_moved_aside(desk):
    desk.close()
    desk.state.journal_path.write_bytes(b"not a database" * 1000)
    desk.open()
    assert "is damaged" in desk.state.problems[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE meta SET value = 'beta' WHERE key = 'desk'", "belongs to desk 'beta'"),
        ("PRAGMA user_version = 99", "has schema 99"),
        ("PRAGMA application_id = 1", "is not a journal of this program"),
        ("DROP TABLE meta", "is damaged"),
    ],
)
def test_foreign_journal_is_moved_aside(desk, change, why):
    desk.close()
    with closing(sqlite3.connect(desk.state.journal_path, isolation_level=None)) as sql:
        sql.execute(change)
    desk.open()
    assert why in desk.state.problems[0]


def test_lost_journal_with_a_past_is_no_fresh_start(desk):
    desk.state.intents.reserve()
    desk.close()
    desk.state.journal_path.unlink()
    desk.open()
    assert desk.state.restored.grids["btc"].highest_sequence == 64


def test_intent_file_of_another_bot_stops_the_start_and_leaves_the_journal_alone(desk, clock):
    desk.close()
    before = desk.state.journal_path.read_bytes()
    with pytest.raises(JournalError, match="'alpha' with bot_tag 7"):
        open_again(desk.folder, clock, desk="beta")
    assert desk.state.journal_path.read_bytes() == before


def test_busy_journal_is_an_error_not_damage(desk, clock, monkeypatch):
    desk.close()
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY

    def busy(_path):
        raise locked

    monkeypatch.setattr("actors.journal.schema.connect", busy)
    with pytest.raises(JournalError, match="locked"):
        open_again(desk.folder, clock)
    assert desk.state.journal_path.exists()
    monkeypatch.undo()


def test_grid_that_is_no_longer_configured_but_holds_something_is_named(desk):
    desk.tell(entry(1, grid="eth"), filled(grid="eth", leaves="0"))
    desk.markets = {"btc": Market("aster", "BTCUSDT")}
    desk.restart()
    (problem,) = desk.state.problems
    assert "[grid.eth]" in problem


def test_reader_of_a_missing_journal_is_an_error(tmp_path):
    with pytest.raises(JournalError, match="cannot be read"):
        JournalReader(tmp_path / "journal.db").restore(MARKETS, now_wall_ns=1)


# --- a kill at any moment ---


KILLED = """
import sys, os
from pathlib import Path
from exchanges.clock import SystemClock
from tests.actors.journal_desk import JournalDesk, entry, filled
desk = JournalDesk(Path(sys.argv[1]), SystemClock())
desk.state.intents.reserve()
desk.state.intents.record(entry(1), 0)
desk.tell(entry(1), filled(quantity="0.4", leaves="0.6"))
desk.flush()
desk.state.intents.record(entry(2), 0)
desk.tell(entry(2))
os.kill(os.getpid(), 9)
"""


def test_sigkill_keeps_what_was_committed_and_every_intent(tmp_path, clock):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "state")]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(  # noqa: S603 - fixed text
        command, cwd=root, env={**os.environ, "PYTHONPATH": "."}, timeout=30, check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with journal_desk(tmp_path / "state", clock) as desk:
        grid = desk.state.restored.grids["btc"]
        assert [order.lot for order in grid.orders] == [1, 2]
        assert [order.filled for order in grid.orders] == [D("0.4"), D(0)]
        assert desk.state.restored.problems == ()
        assert desk.state.history.suspect_through == 0, "a kill is no loss of power"
        assert desk.state.intents.reserve()[0] == 65


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(FACTS)), st.data())
def test_killed_between_batches_the_venue_can_tell_the_rest_again(tmp_path_factory, kept, data):
    """A kill loses the newest batch; the same facts told again (by the venue, after the intents) give the same end."""
    folder, clock = tmp_path_factory.mktemp("killed"), FakeClock()
    with journal_desk(folder / "state", clock) as desk:
        for fact in FACTS[:2]:
            desk.state.intents.record(fact, START_WALL_NS)
        desk.tell(*FACTS[:kept])
        desk.flush()
        desk.restart()
        again = data.draw(st.permutations([fact for fact in FACTS if not hasattr(fact, "side")]))
        desk.tell(*again)
        view = settled_view(desk.grid())
    exit_order = (1, order_id(5, 1), 1, Side.SELL, D(101), D(1), D("0.4"))
    assert view == (1, 1, D(1), D("0.4"), D("40.4"), D("0.6"), True, 5, 1, D("0.6"), *exit_order)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([0, 1]), st.decimals("0.001", "2", places=3), st.booleans()),
        max_size=25,
    )
)
def test_lots_hold_exactly_entry_minus_exit_fills(tmp_path_factory, fills):
    """Conservation: over all lots, restored remainders add up to entries minus exits, whatever is told twice."""
    clock = FakeClock()
    with journal_desk(tmp_path_factory.mktemp("sum") / "state", clock) as desk:
        desk.tell(*(entry(lot, quantity="1000") for lot in (1, 2, 3)))
        desk.tell(*(close_order(lot, 1, quantity="1000") for lot in (1, 2, 3)))
        total = Decimal(0)
        for number, (lot, leg, quantity, twice) in enumerate(fills):
            fill = filled(lot, leg, quantity=str(quantity), trade=str(number), fee="0.1")
            desk.tell(*([fill, fill] if twice else [fill]))
            total += quantity if leg == 0 else -quantity
        grid = desk.grid()
    assert sum((lot.entry_filled - lot.exit_filled for lot in grid.lots), Decimal(0)) == total
    assert grid.fees == Decimal("0.1") * len(fills)
