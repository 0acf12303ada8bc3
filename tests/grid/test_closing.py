import pytest

from actors.grid import exits
from actors.grid.settings import LotTimeoutAction, PartialTakeProfit
from actors.grid.state import SECOND_NS
from actors.log_events import LogEvent
from actors.messages import CancelExits, FillAttributed, Flatten
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness


def with_lot(**settings):
    grid = Harness(**settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    return grid


def test_partial_tp_on_done_waits_for_the_end_of_the_entry():
    grid = Harness(partial_tp=PartialTakeProfit.ON_DONE)
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.300")
    grid.pass_ms(5_000)
    assert grid.take() == []
    assert grid.exits.lots[0].blocked == "partial_tp = on_done"
    grid.done("c1", CancelReason.REQUESTED, "0.300")
    assert grid.take() == ["c2 sell 0.3@100.9"]


def test_exit_above_the_largest_order_is_split():
    grid = Harness(rules={"max_quantity": D("0.4")}, order_notional_usd=D(40))
    grid.ack("c1")
    grid.fill("c1", "t1", grid.orders["c1"].command.quantity)
    assert len(grid.places()) == 2
    big = Harness()
    big.ack("c1")
    big.take()
    rules = {"rules": {"max_quantity": D("0.4")}}
    big.context = Harness(connect=False, **rules).context
    big.fill("c1", "t1", "1.000")
    assert big.take() == ["c2 sell 0.4@100.9", "c3 sell 0.4@100.9", "c4 sell 0.2@100.9"]


def test_part_below_the_step_is_dust_and_the_rest_rests():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.4005")
    assert grid.take() == ["c2 sell 0.4@100.9"]
    assert grid.exits.dust_quantity == D("0.0005")
    grid.fill("c1", "t2", "0.5995")
    assert grid.take() == ["c3 sell 0.6@100.9"]
    assert grid.exits.dust_quantity == 0


def test_dust_of_another_lot_is_taken_only_to_the_step():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.0505")
    grid.done("c1", CancelReason.REQUESTED, "0.0505")
    grid.pass_ms(2_000)
    grid.ack("c2")
    grid.take()
    grid.fill("c2", "t2", "1.000")
    assert grid.take() == ["c3 sell 1.05@100.9"]
    assert grid.exits.dust_quantity == D("0.0005")


def test_withheld_exits_are_canceled_and_not_placed_again():
    grid = with_lot(max_orders=1)
    grid.give("closer", CancelExits())
    assert grid.take() == ["cancel c2"]
    assert grid.exits.lots[0].blocked == ""
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.pass_ms(5_000)
    assert grid.take() == []
    assert grid.exits.lots[0].blocked == "exits canceled on request"
    assert grid.state.lots.unprotected_quantity == 1


def test_a_lot_with_an_exit_for_all_it_holds_waits_for_nothing():
    grid = with_lot(max_orders=1)
    grid.tick()
    (lot,) = grid.exits.lots
    assert (lot.blocked, lot.dust) == ("", 0)


def half_filled(**settings):
    """A grid whose entry has filled four tenths, which have their exit."""
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.ack("c2")
    grid.take()
    return grid


def test_a_fill_while_exits_are_withheld_gets_none():
    grid = half_filled()
    grid.give("closer", CancelExits())
    assert grid.take() == ["cancel c2"]
    grid.fill("c1", "t2", "0.600")
    assert grid.take() == []


def test_a_fill_while_everything_is_being_closed_gets_no_exit_of_its_own():
    grid = half_filled()
    grid.tell(Flatten(grid="g"))
    grid.pass_ms(2_000)
    assert grid.take() == ["cancel c1", "cancel c2"]
    grid.fill("c1", "t2", "0.600")
    assert grid.take() == []
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 ioc sell 1@99.9"]


def test_the_exit_of_a_fill_leaves_before_those_that_were_due_anyway():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(4_000)
    grid.ack("c3")
    grid.done("c2", CancelReason.OTHER, "0")
    grid.deny("c4")
    grid.take()
    grid.now_ns += 250_000_000
    grid.fill("c3", "t3", "0.500")
    assert [(grid.orders[line.split()[0]].command.lot, line) for line in grid.take()] == [
        (2, "c5 sell 0.5@100.9"),
        (1, "c6 sell 1@100.9"),
    ]


def test_cancel_without_an_answer_is_sent_again_and_asked():
    grid = with_lot(max_orders=1)
    grid.give("closer", CancelExits())
    grid.cancel_failed("c2", retry=True)
    grid.take()
    grid.pass_ms(250)
    assert grid.take() == ["cancel c2", "query c2"]
    grid.settled("c2", OrderStatus.OPEN, "0")
    assert grid.take() == ["cancel c2"]
    grid.pass_ms(3_000)
    assert grid.take() == ["cancel c2", "query c2"]


def test_exit_without_any_answer_is_asked():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.take()
    assert exits.deadline_ns(grid.context, grid.exits) == grid.now_ns + 10_000_000_000
    grid.pass_ms(10_000)
    assert grid.take() == ["query c2"]


def absences(grid):
    return grid.exits.orders[0].inquiry.absences


def test_an_exit_that_may_still_arrive_is_not_proven_absent():
    grid = Harness(capabilities={"fence_s": 30.0}, max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    fence_ns = grid.now_ns + 30 * SECOND_NS
    grid.pass_ms(31_000)
    grid.not_found("c2", asked_ns=fence_ns)
    assert absences(grid) == 0
    grid.not_found("c2", asked_ns=fence_ns + 1)
    assert absences(grid) == 1


def test_an_accepted_exit_is_absent_only_by_what_was_asked_since_it_was_missed():
    grid = with_lot(max_orders=1)
    grid.pass_ms(2_001)
    grid.listed()
    assert grid.take() == ["query c2"]
    grid.not_found("c2", asked_ns=grid.now_ns - 1)
    assert absences(grid) == 0
    grid.not_found("c2", asked_ns=grid.now_ns)
    assert absences(grid) == 1


def test_late_fill_of_a_settled_exit_cuts_its_successor():
    grid = with_lot(max_orders=1)
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.take()
    grid.is_watching = False
    grid.fill("c2", "late", "0.400")
    assert grid.take() == ["cancel c3"]
    assert grid.count(LogEvent.CLOSE_TRIMMED) == 1
    grid.is_watching = True
    grid.done("c3", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c4 sell 0.6@100.9"]


def test_immediate_order_that_is_too_large_cannot_be_cut():
    grid = Harness(boost_mode=True, max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.done("c2", CancelReason.IMMEDIATE, "0")
    grid.take()
    grid.is_watching = False
    grid.fill("c2", "late", "0.400", "100.0")
    assert grid.take() == []


def test_lot_timeout_alarms_once_and_leaves_the_exit():
    grid = with_lot(lot_timeout_s=D(60), max_orders=1)
    grid.pass_ms(600_000)
    assert grid.take() == []
    assert grid.count(LogEvent.LOT_OVERDUE) == 1


def test_overdue_lot_keeps_its_exit_until_there_is_a_fresh_price():
    grid = with_lot(lot_timeout_s=D(60), lot_timeout_action=LotTimeoutAction.CLOSE, max_orders=1)
    grid.stale()
    grid.pass_ms(70_000)
    assert grid.take() == []
    grid.price("100.0", "100.1")
    assert grid.take() == ["cancel c2"]
    grid.stale()
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 sell 1@100.9"]
    grid.ack("c3")
    assert grid.exits.naked_since_ns is None
    grid.price("100.0", "100.1")
    assert grid.take() == ["cancel c3"]
    grid.done("c3", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c4 ioc sell 1@99.9"]


def test_prices_are_looked_at_only_while_something_waits_for_one():
    grid = with_lot(lot_timeout_s=D(5), lot_timeout_action=LotTimeoutAction.CLOSE, max_orders=1)
    assert not grid.exits.wants_price
    grid.stale()
    grid.pass_ms(6_000)
    assert grid.exits.wants_price
    grid.price("100.0", "100.1")
    assert grid.take() == ["cancel c2"]
    assert not grid.exits.wants_price


def test_overdue_lot_with_two_exits_waits_for_both_to_settle():
    grid = Harness(lot_timeout_s=D(5), lot_timeout_action=LotTimeoutAction.CLOSE)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.fill("c1", "t2", "0.500")
    grid.ack("c2")
    grid.ack("c3")
    grid.take()
    grid.pass_ms(5_000)
    grid.take()
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert not grid.places()
    assert grid.exits.lots[0].blocked == "lot timeout, exit being canceled"
    grid.done("c3", CancelReason.REQUESTED, "0")
    assert grid.places()[0].endswith("ioc sell 1@99.9")


def test_fallback_waits_for_nothing_when_the_price_is_stale():
    grid = Harness(retry_limit=0)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.take()
    grid.stale()
    grid.reject("c2", RejectReason.POST_ONLY)
    grid.pass_ms(250, alive=False)
    assert grid.take() == ["c3 sell 1@100.9"]


@pytest.mark.parametrize("answers", [True, False])
def test_lot_continues_with_a_new_sequence_when_its_legs_run_out(answers):
    grid = Harness(fallback="wait", retry_limit=12)
    if not answers:
        grid.exits = Harness(connect=False).exits
        grid.answers_reservations = False
        grid.connect()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    for number in range(2, 15):
        grid.reject(f"c{number}", RejectReason.POST_ONLY)
        grid.pass_ms(250)
    if not answers:
        grid.pass_ms(2000)
        assert grid.exits.lots[0].blocked == "no reserved ids"
        assert "c15" not in grid.orders
        assert grid.count(LogEvent.IDS_EXHAUSTED) == 1
        return
    command = grid.orders["c15"].command
    assert (command.lot, command.parent_lot) == (65, 1)
    assert grid.orders["c14"].command.parent_lot == 0
    grid.ack("c15")
    grid.fill("c15", "t2", "1.000")
    assert grid.exits.counters.lots_closed == 1


def test_exit_of_exactly_two_largest_orders_is_split_in_two():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.context = Harness(connect=False, rules={"max_quantity": D("0.5")}).context
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 0.5@100.9", "c3 sell 0.5@100.9"]


def with_shared_exit():
    """Two lots; the exit of the second takes the dust of the first along."""
    grid = Harness(grid_step_pct=D(0), order_notional_usd=D(100))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.050")
    grid.done("c1", CancelReason.REQUESTED, "0.050")
    grid.pass_ms(2_000)
    grid.ack("c2")
    grid.fill("c2", "t2", grid.orders["c2"].command.quantity)
    grid.ack("c3")
    return grid


def test_whose_a_shared_exits_fill_was_is_told_to_the_journal():
    grid = with_shared_exit()
    shared, own = grid.orders["c3"].command, grid.orders["c2"].command.quantity
    grid.fill("c3", "t3", own, fee="0.1")
    assert grid.of(FillAttributed) == []
    grid.fill("c3", "t4", shared.quantity - own, fee="0.2")
    (told,) = grid.of(FillAttributed)
    assert (told.client_order_id, told.lot, told.price) == (shared.client_order_id, 1, shared.price)
    assert (told.quantity, told.fee) == (D("0.05"), D("0.2"))
    assert grid.exits.lots == ()


def test_what_each_lot_has_of_one_fill_is_told_to_the_journal():
    grid = with_shared_exit()
    shared, own = grid.orders["c3"].command, grid.orders["c2"].command.quantity
    grid.fill("c3", "t3", shared.quantity, fee="0.4")
    (told,) = grid.of(FillAttributed)
    assert (told.lot, told.quantity) == (1, D("0.05"))
    assert told.fee == D("0.4") * D("0.05") / (own + D("0.05"))


def test_shared_exit_outlives_the_lot_it_was_sent_for():
    grid = with_shared_exit()
    grid.fill("c3", "t3", grid.orders["c2"].command.quantity)
    assert [lot.lot for lot in grid.exits.lots] == [1]
    grid.done("c3", CancelReason.REQUESTED)
    assert grid.exits.dust_quantity == D("0.05")
