from actors.grid import cycle, exits, restart
from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.grid.state import ExitKind, Mode
from exchanges.order_ids import OrderKey, pack
from exchanges.values import OrderStatus, Side
from tests.grid.harness import START_NS, START_WALL_NS, D, make_context
from tests.grid.test_scenarios_recovery import killed, restored_entry, restored_exit, restored_lot


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


def test_a_flatten_of_before_is_carried_out_and_the_grid_stays_paused():
    def begin_entries(**known):
        restored = RestoredGrid(grid="g", paused=True, flattening=True, **known)
        return cycle.initial(make_context(), restored, START_NS, START_WALL_NS)

    holding, empty = begin_entries(lots=(lot(1, "1", "0"),)), begin_entries()
    assert holding.flattening is not None
    assert empty.flattening is None
    for state in (holding, empty):
        assert state.mode is Mode.PAUSED
        assert state.flatten_reason, "an entry's late fill is closed as well"
