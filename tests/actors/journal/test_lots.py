"""Fills add up in lots; lots, totals and latches come back exactly and once."""

import pytest

from actors.journal import (
    JournalReader,
)
from actors.messages import (
    CancelEntries,
    EntryFinished,
    ExternalBooked,
    FillAttributed,
    Flatten,
    LatchChanged,
    LatchKind,
    LotRebuilt,
    PauseEntries,
    Ping,
    ResumeEntries,
)
from exchanges.values import Side
from tests.actors.journal.desk import (
    MARKETS,
    D,
    accepted,
    canceled,
    close_order,
    closed,
    emergency,
    entry,
    filled,
    order_id,
)
from tests.fakes import SECOND_NS, START_WALL_NS

DAY_NS = 86_400 * SECOND_NS


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


def test_lot_whose_entry_order_is_unknown_expects_no_more_fills(desk):
    desk.tell(close_order(1), filled(1, 1, quantity="0.5"))
    desk.tell(ExternalBooked(grid="btc", lot=2, quantity=D("0.5"), price=D(1), external=D(0)))
    assert [(lot.lot, lot.entry_done) for lot in desk.grid().lots] == [(1, True), (2, True)]


def test_a_shared_exits_fill_counts_for_the_lots_it_has_closed(desk):
    shared = order_id(2, 1)
    desk.tell(entry(1), filled(quantity="0.1", leaves="0.9", fee="0.02"), canceled(1, done="0.1"))
    desk.tell(entry(2), filled(2, leaves="0"), close_order(2, quantity="1.1"))
    desk.tell(
        filled(2, 1, quantity="0.4", price="101", leaves="0.7", fee="0.04"),
        FillAttributed(grid="btc", client_order_id=shared, lot=1, quantity=D("0.1"), price=D(101), fee=D("0.01")),
        closed(1, quantity="0.1"),
    )
    (lot,) = desk.grid().lots
    assert (lot.lot, lot.entry_filled, lot.exit_filled, lot.exit_notional) == (2, D(1), D("0.3"), D("30.3"))
    assert lot.fees == D("0.03")
    rows = dict(desk.rows("SELECT lot, exit_filled || ' ' || exit_notional || ' ' || fees FROM lots"))
    assert rows[1] == "0.1 10.1 0.03"


def test_a_continued_exits_fill_stays_with_its_lot(desk):
    own = FillAttributed(grid="btc", client_order_id=order_id(5, 1), lot=1, quantity=D("0.4"), price=D(101))
    desk.tell(entry(1), filled(leaves="0"), close_order(5, 1, parent=1), filled(5, 1, quantity="0.4", price="101"), own)
    (lot,) = desk.grid().lots
    assert (lot.lot, lot.exit_filled, lot.exit_notional) == (1, D("0.4"), D("40.4"))


def test_a_rebuilt_lot_is_open_with_what_its_exits_close(desk):
    desk.tell(
        LotRebuilt(grid="btc", lot=5, side=Side.BUY, quantity=D("0.6"), price=D(100)),
        LotRebuilt(grid="btc", lot=5, side=Side.BUY, quantity=D("0.4"), price=D(101)),
    )
    (lot,) = desk.grid().lots
    assert (lot.lot, lot.entry_filled, lot.entry_notional, lot.entry_done) == (5, D("1.0"), D("100.4"), True)
    assert lot.opened_wall_ns > 0


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


def test_shares_that_a_kill_left_with_one_lot_are_given_to_theirs_and_their_profit_is_booked(desk):
    for lot in (1, 2, 3):
        desk.tell(entry(lot), filled(lot, leaves="0", fee="0.1"))
    flat = filled(9, 14, quantity="3", price="98", leaves="0", fee="0.6")
    desk.tell(emergency(9, parent=1, quantity="3"), flat)
    desk.tell(
        FillAttributed(grid="btc", client_order_id=order_id(9, 14), lot=2, quantity=D(1), price=D(98), fee=D("0.2"))
    )
    desk.tell(closed(2, pnl="-2.3", fees="0.3"))
    grid = desk.grid()
    assert (grid.lots, grid.realized_pnl, grid.realized_pnl_today) == ((), D("-6.9"), D("-6.9"))
    rows = desk.rows("SELECT lot, sum(realized_pnl), sum(fees) FROM closings GROUP BY lot")
    assert [(lot, round(profit, 9), round(fees, 9)) for lot, profit, fees in rows] == [
        (1, -2.3, 0.3),
        (2, -2.3, 0.3),
        (3, -2.3, 0.3),
    ]
    assert desk.grid().realized_pnl == D("-6.9")


def test_what_an_exit_closed_ahead_of_its_entrys_report_stays_with_its_lot(desk):
    desk.tell(entry(1), filled(leaves="0"), entry(2), filled(2, quantity="0.2", leaves="0.8"))
    desk.tell(close_order(2, quantity="0.5"), filled(2, 1, quantity="0.5", price="101", leaves="0"))
    assert [(lot.lot, lot.entry_filled, lot.exit_filled) for lot in desk.grid().lots] == [
        (1, D(1), D(0)),
        (2, D("0.2"), D("0.5")),
    ]


def test_external_close_of_a_lot_and_position_of_others_are_restored(desk):
    desk.tell(entry(1), filled(leaves="0"))
    desk.tell(ExternalBooked(grid="btc", lot=1, quantity=D("0.4"), price=D(90), external=D("-2.5")))
    grid = desk.grid()
    assert (grid.lots[0].exit_filled, grid.lots[0].exit_notional, grid.external) == (D("0.4"), D(36), D("-2.5"))


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


def test_flatten_and_halt_are_on_disk_at_once_and_hold_until_resumed(desk):
    desk.tell(Flatten(grid="btc"))
    desk.tell(CancelEntries())
    desk.ref.ask(Ping(), timeout=5)
    grids = JournalReader(desk.state.journal_path).restore(MARKETS, now_wall_ns=START_WALL_NS).grids
    assert [(grids[name].paused, grids[name].flattening) for name in ("btc", "eth")] == [(True, True), (True, False)]
    desk.tell(PauseEntries())
    restored = desk.restart().grids["btc"]
    assert restored.paused
    assert restored.flattening, "a pause does not take the wish to close everything back"
    desk.tell(ResumeEntries(grid="btc"))
    assert (desk.grid("btc").paused, desk.grid("btc").flattening, desk.grid("eth").paused) == (False, False, True)
