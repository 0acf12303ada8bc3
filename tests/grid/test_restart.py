from dataclasses import replace

import pytest

from actors.grid import cycle, exits, inquiry, restart
from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.grid.state import (
    DAY_NS,
    SECOND_NS,
    Day,
    ExitKind,
    Flattening,
    GridState,
    Ladder,
    Latch,
    LotsView,
    Mode,
    PendingEntry,
)
from actors.messages import LatchKind
from exchanges.order_ids import OrderKey, pack
from exchanges.values import OrderStatus, Side
from tests.grid.harness import START_NS, START_WALL_NS, D, make_context
from tests.grid.test_scenarios_recovery import killed, restored_entry, restored_exit, restored_lot

TODAY = Day(number=START_WALL_NS // DAY_NS)


def lot(number, entry, closed, *, done=True):
    return RestoredLot(
        lot=number, entry_filled=D(entry), entry_notional=D(entry) * 100, exit_filled=D(closed),
        exit_notional=D(closed) * 101, fees=D("0.1"), opened_wall_ns=START_WALL_NS, entry_done=done,
    )  # fmt: skip


def begin(**kwargs):
    return restart.initial(make_context(), RestoredGrid(grid="g", **kwargs), START_NS, START_WALL_NS)


def test_excess_of_one_lot_is_spread_over_the_others_oldest_first():
    book = begin(lots=(lot(1, "0.050", "0"), lot(2, "1.000", "1.030"), lot(3, "1.000", "0")))
    assert [(found.lot, found.remaining) for found in book.lots] == [(1, D("0.020")), (3, D("1.000"))]
    assert book.lots[0].exit_notional == D("0.030") * 101


def test_kinds_and_parts_of_restored_orders():
    def order(leg, sequence, number, *, immediate):
        return RestoredOrder(
            client_order_id=pack(OrderKey(7, sequence, leg)), order_id=None, lot=number, side=Side.SELL,
            price=D(101), quantity=D("0.8"), filled=D("0.1"), post_only=not immediate, reduce_only=True,
            immediate=immediate, was_accepted=False, placed_wall_ns=START_WALL_NS, fence_wall_ns=START_WALL_NS,
        )  # fmt: skip

    orders = (
        order(14, 90, 2, immediate=True),
        order(1, 1, 1, immediate=True),
        order(2, 3, 3, immediate=False),
    )
    book = begin(lots=(lot(1, "1", "0"), lot(2, "0.5", "0")), orders=orders)
    assert {found.kind for found in book.orders} == {ExitKind.EMERGENCY, ExitKind.FALLBACK, ExitKind.RESTING}
    assert [found.parts[0].lot for found in book.orders[:2]] == [2, 1]
    assert sum(part.quantity for found in book.orders for part in found.parts) == D("1.5")


def test_lots_that_a_late_fill_could_reopen_take_new_ids():
    assert begin(highest_sequence=64).closed_high == 64
    assert begin(highest_sequence=64, orders=(restored_entry(),)).closed_high == 0
    assert begin().is_fresh_start
    assert not begin(highest_sequence=64).is_fresh_start


def test_closed_part_of_a_pending_entry_counts_as_covered():
    grid = killed(orders=[restored_entry(filled="0.400")])
    assert grid.exits.closed[0].quantity == D("0.4")
    grid.settled("c1", OrderStatus.OPEN, "0.400")
    grid.connect()
    grid.fill("c1", "t9", "0.600")
    assert grid.take() == ["c2 sell 0.6@100.9"]
    assert not grid.is_ready
    grid.ack("c2")
    assert grid.is_ready


def test_fees_are_all_ever_paid():
    book = begin(lots=(lot(1, "1", "0"),), fees=D(2), realized_pnl=D(7))
    assert (book.counters.fees, book.counters.realized_pnl) == (D("2.1"), D(7))


def test_nothing_is_due_before_the_venue_was_read():
    grid = killed(lots=[restored_lot()], orders=[restored_exit()])
    assert exits.deadline_ns(grid.context, grid.exits) is None


def begin_entries(**known):
    return cycle.initial(make_context(), RestoredGrid(grid="g", **known), START_NS, START_WALL_NS)


def test_a_first_start_knows_nothing_but_the_day():
    assert cycle.initial(make_context(), None, START_NS, START_WALL_NS) == GridState(day=TODAY)


def test_money_day_and_ladder_of_before_are_known_at_once():
    state = begin_entries(
        lots=(lot(1, "1", "0"),), realized_pnl=D(7), realized_pnl_today=D(2), fees=D(3), funding_today=D(-1),
        forgiven_today=D(-4), ladder_wall_ns=START_WALL_NS - 5 * SECOND_NS, ladder_waived=True,
    )  # fmt: skip
    assert state == GridState(
        lots=LotsView(realized_pnl=D(7), fees=D(3), is_known=False),
        day=replace(TODAY, realized_at_start=D(5), funding=D(-1), forgiven=D(-4)),
        ladder=Ladder(since_ns=START_NS - 5 * SECOND_NS, is_waived=True),
    )


def test_a_ladder_that_began_in_the_future_of_a_clock_that_was_set_back_begins_now():
    assert begin_entries(ladder_wall_ns=START_WALL_NS + SECOND_NS).ladder.since_ns == START_NS
    assert begin_entries().ladder.since_ns is None


def test_a_grid_that_was_paused_stays_paused():
    state = begin_entries(paused=True)
    assert state == GridState(day=TODAY, mode=Mode.PAUSED, pause_reason="restored")


def test_a_latched_stop_of_before_closes_what_is_left_and_stays():
    state = begin_entries(latch=LatchKind.STOP_LOSS, latch_text="mid 90", orders=(restored_exit(),))
    assert state == GridState(
        day=TODAY,
        mode=Mode.HALTED,
        latch=Latch(kind=LatchKind.STOP_LOSS, text="mid 90", flatten=True),
        flatten_reason="stop_loss",
        flattening=Flattening(reason="stop_loss", deadline_ns=START_NS + 2 * SECOND_NS),
    )


def test_a_latch_that_closes_nothing_only_halts():
    state = begin_entries(latch=LatchKind.DAILY_LOSS, latch_text="-9", lots=(lot(1, "1", "0"),))
    assert (state.mode, state.flatten_reason, state.flattening) == (Mode.HALTED, "", None)


def test_the_newest_entry_of_before_is_the_pending_one_and_the_others_are_strays():
    orders = [
        replace(restored_entry(), lot=number, client_order_id=pack(OrderKey(7, number, 0))) for number in (3, 1, 2)
    ]
    state = begin_entries(orders=(*orders, restored_exit()))
    assert state.pending.lot == 3
    assert [stray.lot for stray in state.strays] == [1, 2]


@pytest.mark.parametrize(("accepted", "fence_ns"), [(True, START_NS - 1), (False, START_NS + 6 * SECOND_NS)])
def test_an_entry_of_before_is_asked_about_at_once(accepted, fence_ns):
    order = restored_entry(accepted=accepted, filled="0.400", fence_s=6)
    assert begin_entries(orders=(order,)).pending == PendingEntry(
        client_order_id=order.client_order_id,
        lot=1,
        price=D("99.9"),
        quantity=D("1.000"),
        placed_ns=START_NS - 5 * SECOND_NS,
        pending_open_order_id=order.order_id,
        filled=D("0.400"),
        covered=D("0.400"),
        inquiry=inquiry.begin("restored", fence_ns=fence_ns, at_ns=START_NS),
    )


def test_an_entry_of_before_whose_lot_is_open_is_covered_when_the_closer_says_so():
    assert begin_entries(orders=(restored_entry(filled="0.400"),), lots=(lot(1, "0.4", "0"),)).pending.covered == 0


def test_an_entry_of_before_is_fenced_from_now_on_where_its_fence_has_passed():
    state = begin_entries(orders=(restored_entry(accepted=False, fence_s=-6),))
    assert state.pending.inquiry.fence_ns == START_NS


def test_an_entry_placed_in_the_future_of_a_clock_that_was_set_back_was_placed_now():
    order = replace(restored_entry(), placed_wall_ns=START_WALL_NS + SECOND_NS)
    assert begin_entries(orders=(order,)).pending.placed_ns == START_NS


def test_a_flatten_of_before_is_carried_out_and_the_grid_stays_paused():
    holding, empty = (begin_entries(paused=True, flattening=True, lots=lots) for lots in ((lot(1, "1", "0"),), ()))
    assert holding.flattening == Flattening(reason="operator", deadline_ns=START_NS + 2 * SECOND_NS)
    assert empty.flattening is None
    for state in (holding, empty):
        assert state.mode is Mode.PAUSED
        assert state.flatten_reason, "an entry's late fill is closed as well"
