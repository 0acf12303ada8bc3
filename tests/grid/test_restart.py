from dataclasses import replace

import pytest

from actors.grid import cycle, exits, inquiry, restart
from actors.grid.inquiry import FIRST_WAIT_NS
from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.grid.state import (
    DAY_NS,
    SECOND_NS,
    CloseOrder,
    Day,
    ExitKind,
    Flattening,
    GridState,
    Inquiry,
    Ladder,
    Latch,
    LotsView,
    Mode,
    Part,
    PendingEntry,
    TrackedPosition,
)
from actors.messages import LatchKind
from exchanges.order_ids import OrderKey, pack
from exchanges.values import OrderId, OrderStatus, Side
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


def test_excess_leaves_a_lot_whose_entry_still_rests_with_nothing():
    book = begin(lots=(lot(1, "1.000", "0"), lot(2, "1.000", "1.030", done=False)))
    assert [(found.lot, found.remaining) for found in book.lots] == [(1, D("0.970")), (2, D(0))]
    assert book.lots[1].exit_notional == D("1.000") * 101


def test_a_lot_of_an_entry_that_has_not_filled_yet_has_nothing_to_spread():
    book = begin(lots=(lot(1, "1.000", "0"), lot(2, "0", "0", done=False)))
    assert [found.remaining for found in book.lots] == [1, 0]


def test_a_lot_goes_on_as_old_and_as_costly_as_it_was():
    """Its timeout counts from its first fill, and its profit is told after the fees it has paid before."""
    opened_wall_ns = START_WALL_NS - 7 * SECOND_NS
    kept = replace(lot(3, "1.000", "0.4", done=False), opened_wall_ns=opened_wall_ns, attempts_used=4, continuation=70)
    book = begin(lots=(kept,))
    assert book.lots == (
        TrackedPosition(
            lot=3, sequence=70, next_leg=5, opened_ns=START_NS - 7 * SECOND_NS,
            entry_filled=D(1), entry_notional=D(100), entry_fees=D("0.1"), exit_filled=D("0.4"),
            exit_notional=D("40.4"),
        ),
    )  # fmt: skip


def test_a_wall_clock_that_was_set_back_makes_nothing_older_or_younger_than_now():
    later_ns = START_WALL_NS + 60 * SECOND_NS
    early = replace(restored_exit(accepted=False, fence_s=-5), placed_wall_ns=later_ns)
    book = begin(lots=(replace(lot(1, "1.000", "0"), opened_wall_ns=later_ns),), orders=(early,))
    assert book.lots[0].opened_ns == START_NS
    assert book.orders[0].placed_ns == START_NS
    assert book.orders[0].inquiry.fence_ns == START_NS


@pytest.mark.parametrize(("was_accepted", "fence_ns"), [(False, START_NS + 6 * SECOND_NS), (True, START_NS - 1)])
def test_an_exit_goes_on_as_it_was_and_is_asked_about(was_accepted, fence_ns):
    """An absence proves something from the first question on where the venue had it, else after its fence."""
    known = replace(
        restored_exit(accepted=was_accepted, quantity="1.000", filled="0.3", fence_s=6), order_id=OrderId("v-9")
    )
    book = begin(lots=(lot(1, "1.000", "0.3"),), orders=(known,))
    assert book.orders == (
        CloseOrder(
            client_order_id=known.client_order_id, lot=1, kind=ExitKind.RESTING, price=D("100.9"), quantity=D(1),
            parts=(Part(1, D("0.7")),), placed_ns=START_NS - 4 * SECOND_NS, filled=D("0.3"), order_id=OrderId("v-9"),
            inquiry=Inquiry(why="restored", fence_ns=fence_ns, next_ns=START_NS, wait_ns=FIRST_WAIT_NS),
        ),
    )  # fmt: skip


def test_an_exit_takes_of_other_lots_only_what_it_has_left():
    half_filled = restored_exit(quantity="1.000", filled="0.3")
    book = begin(lots=(lot(1, "1.000", "0.3"), lot(2, "1.000", "0")), orders=(half_filled,))
    assert book.orders[0].parts == (Part(1, D("0.7")),)


def test_what_its_entry_can_still_fill_is_kept_for_an_exit_and_no_more():
    """The fill may not have been journaled before the kill: the venue tells it, and then the exit is for that."""
    entry = restored_entry(filled="0.700")
    orders = [replace(restored_exit(quantity=size), client_order_id=pack(OrderKey(7, 1, leg)))
              for leg, size in ((1, "0.2"), (2, "0.4"))]  # fmt: skip
    book = begin(lots=(lot(1, "0.700", "0.700", done=False), lot(2, "1.000", "0")), orders=(entry, *orders))
    assert [(order.parts, order.unallotted) for order in book.orders] == [
        ((), D("0.2")),
        ((Part(2, D("0.3")),), D("0.1")),
    ]


def test_what_is_known_not_to_be_ours_is_known_after_a_restart():
    grid = killed(external=D("0.3"))
    grid.connect("0.3")
    grid.take()
    for _ in range(3):
        grid.pass_ms(5_000)
        grid.position("0.3")
    assert grid.exits.suspicion is None
    assert grid.exits.external == D("0.3")


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


def test_only_entries_tell_what_lots_had_that_are_closed_now():
    gone = replace(restored_exit(filled="0.2"), lot=3, client_order_id=pack(OrderKey(7, 3, 1)))
    book = begin(lots=(lot(2, "1.000", "0"),), orders=(restored_entry(filled="0.400"), gone))
    assert book.closed == (Part(1, D("0.4")),)


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
