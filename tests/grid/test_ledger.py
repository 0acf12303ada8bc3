import pytest

from actors.grid.state import MILLISECOND_NS, SECOND_NS
from actors.log_events import LogEvent
from actors.messages import EntryFilled, EntryFinished, OrderAccepted, OrderFilled, PositionClosed
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderId, OrderStatus
from tests.grid.harness import D, Harness
from tests.grid.test_scenarios_recovery import boosted, killed, restored_lot


def test_fees_of_entry_and_exit_reduce_the_profit():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000", fee="0.02")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.500", fee="0.01")
    assert grid.exits.counters.realized_pnl == D("0.5") - D("0.01") - D("0.01")
    grid.fill("c2", "t3", "0.500", fee="0.01")
    closed = grid.of(PositionClosed)[0]
    assert (closed.realized_pnl, closed.fees) == (D("0.96"), D("0.04"))
    assert grid.exits.counters.realized_pnl == D("0.96")
    assert grid.state.lots.fees == D("0.04")


def test_entry_finished_of_a_lot_nobody_tracks_changes_nothing():
    grid = Harness()
    before = grid.exits
    grid.give("closer", EntryFinished(grid="g", lot=99, filled=D(0)))
    assert grid.exits == before


def test_fill_of_a_forgotten_exit_closes_the_lot_of_its_id_else_the_oldest():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(1)
    grid.position("1.000")
    grid.is_watching = False
    for number, left in ((pack(OrderKey(7, 1, 9)), "0.6"), (pack(OrderKey(7, 50, 9)), "0.2")):
        fill = OrderFilled(grid="g", client_order_id=number, price=D(101), quantity=D("0.4"), cumulative=D("0.4"))
        grid.give("closer", fill)
        assert grid.held == D(left)
    assert grid.exits.counters.late_fills == 2
    too_much = OrderFilled(grid="g", client_order_id=number, price=D(101), quantity=D(1), cumulative=D(1))
    grid.give("closer", too_much)
    assert grid.held == 0
    assert grid.count(LogEvent.POSITION_MISMATCH) == 1


def test_late_fill_of_an_exit_whose_lot_is_closed_reduces_another_lot():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.fill("c3", "t2", "1.000")
    second = list(grid.orders)[-1]
    grid.fill(second, "t3", "1.000")
    exit_ = list(grid.orders)[-1]
    grid.ack(exit_)
    grid.is_watching = False
    grid.take()
    grid.fill("c2", "late", "0.300")
    assert grid.held == D("0.7")
    assert grid.take()[0] == f"cancel {exit_}"


def test_reopened_lot_takes_new_ids():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.400")
    assert grid.exits.lots == ()
    grid.take()
    grid.fill("c1", "late", "0.300")
    name = grid.places()[-1].split()[0]
    command = grid.orders[name].command
    assert (command.lot, command.parent_lot) == (65, 1)
    grid.ack(name)
    grid.fill(name, "t4", "0.300")
    assert [closed.lot for closed in grid.of(PositionClosed)] == [1, 1]
    assert grid.exits.counters.lots_opened == 2


def test_adopted_exit_of_another_lots_continuation_is_given_to_the_oldest_with_room():
    grid = killed(lots=[restored_lot(done=True)])
    number = pack(OrderKey(7, 70, 3))
    adopted = OrderAccepted(
        grid="g", client_order_id=number, price=D("100.9"), quantity=D("0.5"), order_id=OrderId("x")
    )
    grid.give("closer", adopted)
    grid.connect("0.5")
    assert grid.take() == []
    assert grid.exits.orders[0].parts[0].lot == 1
    assert grid.exits.lots[0].next_leg == 1


def test_adopted_exit_of_its_own_lot_spends_its_leg():
    grid = killed(lots=[restored_lot(done=True)])
    number = pack(OrderKey(7, 1, 4))
    grid.give("closer", OrderAccepted(grid="g", client_order_id=number, price=D("100.9"), quantity=D("0.5")))
    assert grid.exits.lots[0].next_leg == 5


def test_fill_without_times_counts_from_now():
    grid = Harness()
    grid.is_watching = False
    grid.give("closer", EntryFilled(grid="g", lot=1, price=D(100), quantity=D(1)))
    assert grid.exits.naked_since_ns == grid.now_ns


def entry_filled(grid, quantity, **fields):
    """The closer alone learns of a fill of the entry c1: what the strategy says of it comes later."""
    grid.is_watching = False
    grid.give("closer", EntryFilled(grid="g", lot=1, price=D("99.9"), quantity=D(quantity), **fields))


def test_what_a_full_fill_brings_is_not_collected_any_longer():
    grid = Harness(tp_coalesce_ms=200)
    grid.take()
    entry_filled(grid, "0.400", leaves=D("0.600"))
    assert grid.take() == []
    entry_filled(grid, "0.600", leaves=D(0))
    assert grid.take() == ["c2 sell 1@100.9"]


def test_a_late_fill_after_the_full_one_is_not_collected_either():
    grid = Harness(tp_coalesce_ms=200)
    entry_filled(grid, "1.000", leaves=D(0))
    grid.take()
    entry_filled(grid, "0.200")
    assert grid.take() == ["c3 sell 0.2@100.9"]


@pytest.mark.parametrize("late_ms", [0, 5])
def test_a_fill_at_the_end_of_a_burst_does_not_hold_it_back_once_more(late_ms):
    """The fill may be taken before the tick that the end of the burst is due at."""
    grid = Harness(tp_coalesce_ms=200)
    grid.take()
    entry_filled(grid, "0.400")
    grid.now_ns += (200 + late_ms) * MILLISECOND_NS
    entry_filled(grid, "0.300")
    assert grid.take() == ["c2 sell 0.7@100.9"]
    entry_filled(grid, "0.200")
    assert grid.take() == [], "what follows is a burst of its own"
    grid.pass_ms(200)
    assert grid.take() == ["c3 sell 0.2@100.9"]


def test_a_fill_is_without_an_exit_since_it_arrived_and_not_since_it_was_worked_on():
    grid = Harness()
    received_ns = grid.now_ns
    grid.now_ns += 7 * MILLISECOND_NS
    entry_filled(grid, "1.000", received_ns=received_ns)
    assert grid.exits.naked_since_ns == received_ns


def test_a_rumor_about_the_position_ends_with_a_fill_of_the_entry():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.ack("c2")
    grid.pass_ms(5_000)
    grid.position("0.200")
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.fill("c1", "t2", "0.200")
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("0.200")
    assert grid.exits.mismatch is None, "of the lots as they are now it is the first reading"
    assert grid.exits.suspicion.count == 1


def test_a_rumor_about_the_position_ends_with_a_fill_of_an_exit():
    grid = Harness(max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(5_000)
    grid.position("0.400")
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.fill("c2", "t2", "0.200")
    grid.pass_ms(5_000)
    grid.position("0.400")
    assert grid.exits.mismatch is None, "of the lots as they are now it is the first reading"
    assert grid.exits.suspicion.count == 1


def with_resting_exit(**settings):
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.take()
    return grid


def test_a_fill_proves_that_its_exit_was_accepted():
    grid = with_resting_exit()
    grid.fill("c2", "t2", "0.400")
    assert grid.state.lots.unprotected_quantity == 0
    grid.pass_ms(20_000)
    assert grid.take() == [], "an exit that filled is asked about as if it had been silent"


def test_a_fill_does_not_make_its_exit_look_newly_accepted():
    """Open orders may trail an acceptance by two seconds; an exit that is missing there for longer is asked about."""
    grid = with_resting_exit()
    grid.ack("c2")
    grid.pass_ms(5_000)
    grid.fill("c2", "t2", "0.400")
    grid.pass_ms(1)
    grid.listed()
    assert grid.take() == ["query c2"]


def lose_by_boost(grid, trade, quantity, price):
    grid.fill("c1", f"entry of {trade}", quantity)
    name = list(grid.orders)[-1]
    assert "ioc" in grid.line(grid.orders[name].command)
    grid.fill(name, trade, quantity, price)


def test_boost_ends_when_its_losses_reach_the_budget_and_returns_an_hour_later():
    grid = boosted(max_orders=1)
    lose_by_boost(grid, "t1", "0.200", "99.8")
    assert (grid.exits.is_boost_off, grid.count(LogEvent.BOOST_DISABLED)) == (False, 0)
    grid.now_ns += 60 * SECOND_NS
    grid.price("100.0", "100.1")
    lose_by_boost(grid, "t2", "0.300", "99.8")
    assert sum(loss.loss for loss in grid.exits.boost_losses) == D("0.05"), "all of the budget, and not more"
    assert grid.exits.is_boost_off
    grid.now_ns += 3_540 * SECOND_NS - 1
    grid.tick()
    assert grid.exits.is_boost_off
    grid.now_ns += 1
    grid.tick()
    grid.tick()
    assert not grid.exits.is_boost_off, "the first loss is an hour old"
    assert (grid.count(LogEvent.BOOST_DISABLED), grid.count(LogEvent.BOOST_ENABLED)) == (1, 1)
    assert [loss.loss for loss in grid.exits.boost_losses] == [D("0.03")]


def test_what_boost_does_not_lose_costs_nothing_of_its_budget():
    grid = boosted(max_orders=1)
    lose_by_boost(grid, "t1", "0.200", "100.0")
    lose_by_boost(grid, "t2", "0.200", "99.9")
    assert grid.exits.boost_losses == ()


def test_what_a_resting_exit_loses_costs_nothing_of_the_budget_of_boost():
    grid = with_resting_exit()
    grid.fill("c2", "t2", "1.000", fee="5")
    assert grid.exits.counters.realized_pnl < 0
    assert grid.exits.boost_losses == ()
