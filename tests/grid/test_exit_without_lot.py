"""A kill between two writes of the journal: the intent of an exit is known, the entry's fill it is for is not."""

from dataclasses import replace

import pytest

from actors.grid.state import Part
from actors.log_events import LogEvent
from actors.messages import CancelExits, LotRebuilt, OrderAccepted, OrderFilled, PositionClosed
from exchanges.order_ids import OrderKey, pack, unpack
from exchanges.values import OrderStatus, Side
from tests.grid.harness import D, Harness
from tests.grid.test_scenarios_recovery import killed, restored_entry, restored_exit, restored_lot


def killed_in_the_gap(*, exit_quantity="1.000", lots=(), **kwargs):
    exit_ = restored_exit(quantity=exit_quantity)
    return killed(orders=[restored_entry(), exit_], lots=lots, is_watching=False, **kwargs)


def read(grid, position, *resting):
    """Read the position until it counts; what is asked about orders in between is answered: they rest."""
    for _ in range(4):
        grid.pass_ms(5_000)
        for name in resting:
            grid.settled(name, OrderStatus.OPEN, "0")
        grid.position(position)


def test_restored_exit_becomes_the_exit_of_its_lot_when_the_fill_is_told():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    assert "cancel c2" not in grid.take()
    grid.fill("c1", "t1", "1.000")
    grid.is_watching = True
    grid.check()
    [lot] = grid.exits.lots
    assert (lot.lot, lot.remaining, lot.next_leg) == (1, D(1), 2)
    assert grid.exits.orders[0].parts == (Part(1, D(1)),)
    assert not [line for line in grid.take() if "sell" in line or line == "cancel c2"]
    grid.pass_ms(1)
    grid.position("1")
    assert "cancel c2" not in grid.take()
    grid.fill("c2", "t2", "1.000")
    assert not grid.exits.lots
    assert grid.of(PositionClosed)[0].realized_pnl == D("1.0")


def test_a_fill_larger_than_the_restored_exit_gets_the_next_leg_for_the_rest():
    grid = killed_in_the_gap(exit_quantity="0.400")
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    grid.take()
    grid.fill("c1", "t1", "0.600")
    [line] = [line for line in grid.take() if "sell" in line]
    assert line == "c3 sell 0.2@100.9"
    assert grid.orders["c3"].command.client_order_id == pack(OrderKey(7, 1, 2))
    assert [order.parts for order in grid.exits.orders] == [(Part(1, D("0.4")),), (Part(1, D("0.2")),)]
    grid.fill("c1", "t2", "0.400")
    assert [line for line in grid.take() if "sell" in line] == ["c4 sell 0.4@100.9"]


def test_an_ended_exit_spends_its_leg_too():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.CANCELED, "0")
    grid.connect("1.0")
    grid.take()
    grid.fill("c1", "t1", "1.000")
    [line] = [line for line in grid.take() if "sell" in line]
    assert line == "c3 sell 1@100.9"
    assert grid.orders["c3"].command.client_order_id == pack(OrderKey(7, 1, 2))


def test_an_exit_that_filled_before_its_entry_was_told_closes_the_lot_then():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.FILLED, "1.000")
    grid.connect()
    assert grid.exits.early[0].quantity == D(1)
    assert grid.count(LogEvent.POSITION_MISMATCH) == 0
    grid.fill("c1", "t1", "0.600")
    assert grid.exits.early[0].quantity == D("0.4")
    grid.fill("c1", "t2", "0.400")
    assert (grid.exits.early, grid.exits.lots) == ((), ())
    assert not [line for line in grid.take() if "sell" in line]
    closed = grid.of(PositionClosed)
    assert sum(message.realized_pnl for message in closed) == D("1.0")


def test_an_exit_beyond_the_lots_is_an_error_once_a_reading_agrees_with_them():
    grid = killed_in_the_gap()
    grid.settled("c1", OrderStatus.CANCELED, "0")
    grid.settled("c2", OrderStatus.FILLED, "1.000")
    grid.connect()
    grid.pass_ms(1)
    grid.position("0")
    assert grid.exits.early == ()
    assert grid.count(LogEvent.POSITION_MISMATCH) == 1


def test_an_exit_without_a_lot_is_kept_while_the_position_covers_it_and_canceled_when_not():
    grid = killed_in_the_gap()
    grid.settled("c1", OrderStatus.CANCELED, "0")
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1")
    read(grid, "1", "c2")
    assert grid.exits.mismatch.least == 1
    assert "cancel c2" not in grid.take()
    read(grid, "0", "c2")
    assert grid.exits.mismatch is None
    assert "cancel c2" in grid.take()


def test_of_a_proven_position_the_exits_of_lots_keep_theirs_and_the_one_without_gives_way():
    lot = replace(restored_lot(filled="1.000", done=True), lot=2, opened_wall_ns=0)
    first = restored_exit(quantity="1.000")
    other = replace(first, client_order_id=pack(OrderKey(7, 2, 1)), lot=2, placed_wall_ns=first.placed_wall_ns + 1)
    grid = killed(orders=[first, other], lots=[lot], is_watching=False)
    grid.exits = replace(
        grid.exits,
        orders=tuple(replace(order, parts=(Part(2, D(1)),) if order.lot == 2 else ()) for order in grid.exits.orders),
    )
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.5")
    read(grid, "1.5", "c1", "c2")
    assert grid.exits.mismatch.least == D("1.5")
    assert {line for line in grid.take() if "cancel" in line} == {"cancel c1"}


def test_a_lot_rebuilt_from_its_exits_is_told_to_the_journal():
    grid = Harness(connect=False)
    grid.is_watching = False
    grid.reserve()
    for leg, quantity in ((1, "0.6"), (2, "0.4")):
        number = pack(OrderKey(7, 5, leg))
        grid.names[number] = f"leg {leg}"
        grid.give("closer", OrderAccepted(grid="g", client_order_id=number, price=D("100.9"), quantity=D(quantity)))
    grid.connect("1.0")
    told = grid.of(LotRebuilt)
    assert [(message.lot, message.side, message.quantity) for message in told] == [
        (5, Side.BUY, D("0.6")),
        (5, Side.BUY, D("0.4")),
    ]
    [lot] = grid.exits.lots
    assert (lot.remaining, lot.entry_notional, lot.next_leg) == (D(1), sum(m.quantity * m.price for m in told), 3)
    assert grid.exits.external == 0
    grid.pass_ms(1)
    grid.position("1.0")
    assert not [line for line in grid.take() if "leg" in line]


def second(order, leg):
    """The same order, one lot further."""
    return replace(order, client_order_id=pack(OrderKey(7, 2, leg)), lot=2, placed_wall_ns=order.placed_wall_ns + 1)


def killed_beside_an_old_lot(exit_quantity="1.000"):
    """Lot 1 is open and its exit c1 rests; of lot 2 the entry c2 and the exit c3 are known, and no fill of either."""
    exit_ = restored_exit(quantity="1.000")
    orders = [exit_, second(restored_entry(), 0), second(restored_exit(quantity=exit_quantity), 1)]
    lots = [restored_lot(filled="1.000", done=True, attempts=1)]
    return killed(orders=orders, lots=lots, is_watching=False)


def test_an_exit_that_filled_before_its_entry_was_told_closes_no_other_lot():
    grid = killed_beside_an_old_lot()
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.settled("c3", OrderStatus.FILLED, "1.000")
    grid.connect("1.0")
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D(1))]
    grid.fill("c2", "t1", "1.000")
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D(1))]
    assert [message.lot for message in grid.of(PositionClosed)] == [2]
    assert not [line for line in grid.take() if "sell" in line or line == "cancel c1"]


def test_a_fill_whose_entry_never_comes_closes_the_oldest_lot_once_a_reading_says_so():
    grid = killed_beside_an_old_lot("0.400")
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.settled("c2", OrderStatus.CANCELED, "0")
    grid.settled("c3", OrderStatus.FILLED, "0.400")
    grid.connect("0.6")
    read(grid, "0.6", "c1")
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D("0.6"))]
    assert grid.exits.early == ()
    assert grid.exits.mismatch is None
    assert "cancel c1" in grid.take()


def test_an_exit_whose_entry_may_still_fill_is_not_taken_for_another_lots():
    exit_ = restored_exit(quantity="1.000")
    orders = [second(restored_entry(), 0), second(exit_, 1)]
    grid = killed(orders=orders, lots=[restored_lot(filled="1.000", done=True, attempts=1)], is_watching=False)
    assert grid.exits.orders[0].parts == ()


def test_two_restored_exits_share_a_fill_and_count_none_of_it_twice():
    first = restored_exit(quantity="0.400")
    orders = [restored_entry(), first, replace(first, client_order_id=pack(OrderKey(7, 1, 2)))]
    grid = killed(orders=orders, is_watching=False)
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.settled("c3", OrderStatus.OPEN, "0")
    grid.connect("0.5")
    grid.fill("c1", "t1", "0.500")
    assert [order.parts for order in grid.exits.orders] == [(Part(1, D("0.4")),), (Part(1, D("0.1")),)]


def test_a_fill_keeps_its_own_restored_exit_while_that_is_being_canceled():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    grid.give("closer", CancelExits())
    grid.fill("c1", "t1", "1.000")
    assert grid.exits.orders[0].parts == (Part(1, D(1)),)
    assert grid.exits.lots[0].blocked == "", "all of it is on order until the cancel is answered"


def killed_with_the_exit_of_the_next_lot():
    grid = killed(orders=[restored_entry(), second(restored_exit(quantity="1.000"), 1)], is_watching=False)
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    grid.take()
    return grid


def test_a_fill_is_given_to_an_exit_without_a_lot_whosever_it_was():
    grid = killed_with_the_exit_of_the_next_lot()
    grid.fill("c1", "t1", "1.000")
    assert grid.exits.orders[0].parts == (Part(1, D(1)),)
    assert not [line for line in grid.take() if "sell" in line], "more exits than there is to close"


def test_a_fill_is_not_given_to_another_lots_exit_that_is_being_canceled():
    grid = killed_with_the_exit_of_the_next_lot()
    grid.give("closer", CancelExits())
    grid.fill("c1", "t1", "1.000")
    assert grid.exits.orders[0].parts == ()
    assert grid.exits.lots[0].blocked == "exits canceled on request"


def test_a_restored_exit_on_the_last_leg_makes_its_lot_continue_elsewhere():
    exit_ = replace(restored_exit(quantity="0.400"), client_order_id=pack(OrderKey(7, 1, 13)))
    grid = killed(orders=[restored_entry(), exit_], is_watching=False)
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    grid.fill("c1", "t1", "1.000")
    assert grid.exits.orders[0].parts == (Part(1, D("0.4")),)
    command = grid.orders["c3"].command
    assert (command.quantity, command.parent_lot) == (D("0.6"), 1)
    assert unpack(command.client_order_id).leg == 1
    assert unpack(command.client_order_id).sequence > 64, "an id below may be in use already"


def test_the_first_exit_of_a_new_lot_takes_the_first_leg():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    assert unpack(grid.orders["c2"].command.client_order_id) == OrderKey(7, 1, 1)


def test_what_a_resting_exit_filled_too_early_goes_on_waiting_for_the_rest_of_its_entry():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.OPEN, "0.500")
    grid.connect("0.5")
    grid.fill("c1", "t1", "0.300")
    assert [event.quantity for event in grid.exits.early] == [D("0.2")]
    assert grid.count(LogEvent.POSITION_MISMATCH) == 0
    grid.fill("c1", "t2", "0.700")
    assert grid.exits.early == ()
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D("0.5"))]


def test_the_fee_of_a_fill_that_came_too_early_is_paid_once():
    grid = killed_in_the_gap()
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("1.0")
    grid.fill("c2", "t9", "1.000", fee="0.10")
    grid.fill("c1", "t1", "0.250")
    assert grid.exits.early[0].fee == D("0.075")
    grid.fill("c1", "t2", "0.750")
    assert sum(message.fees for message in grid.of(PositionClosed)) == D("0.10")
    assert grid.exits.counters.fees == D("0.10")


@pytest.mark.parametrize("is_exit_first", [True, False])
def test_a_lot_that_the_power_took_whole_is_closed_by_its_own_exit(is_exit_first):
    """Entry and exit were lost, and both filled: the venue tells them, in either order."""
    lots = [restored_lot(filled="1.000", done=True, attempts=1)]
    grid = killed(lots=lots, orders=[restored_exit(quantity="1.000")], is_watching=False, highest_used=1)
    grid.settled("c1", OrderStatus.OPEN, "0")
    told = {}
    for owner, leg, price in (("strategy", 0, "90"), ("closer", 1, "90.9")):
        common = {"grid": "g", "client_order_id": pack(OrderKey(7, 2, leg)), "price": D(price), "quantity": D(1)}
        told[owner] = [OrderAccepted(**common), OrderFilled(**common, cumulative=D(1), leaves=D(0))]
    for owner in ("closer", "strategy") if is_exit_first else ("strategy", "closer"):
        for message in told[owner]:
            grid.give(owner, message)
    grid.connect("1.0")
    assert [(lot.lot, lot.remaining) for lot in grid.exits.lots] == [(1, D(1))]
    assert [(message.lot, message.realized_pnl) for message in grid.of(PositionClosed)] == [(2, D("0.9"))]
    assert not [line for line in grid.take() if "sell" in line or "cancel" in line]
