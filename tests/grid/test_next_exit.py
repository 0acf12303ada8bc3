"""When the next exit of a lot is sent, how large it is, and at what price."""

import pytest

from actors.grid import closing
from actors.grid.settings import LotTimeoutAction
from actors.grid.state import MILLISECOND_NS, ExitBook, Mismatch, Part, TrackedPosition
from actors.log_events import LogEvent
from exchanges.records import replace
from exchanges.values import CancelReason, RejectReason
from tests.grid.harness import D, Harness, make_context

LOT = TrackedPosition(lot=1, sequence=1, next_leg=1, opened_ns=0, entry_filled=D(1))


def waits_for(now_ns, **lot):
    return closing.waiting_reason(make_context(), ExitBook(), replace(LOT, **lot), now_ns)


def test_a_burst_is_collected_to_its_end_or_the_end_of_the_entry():
    assert waits_for(99, hold_ns=100) == "collecting a burst of fills"
    assert waits_for(100, hold_ns=100) == ""
    assert waits_for(99, hold_ns=100, is_entry_done=True) == ""


def test_the_next_try_is_made_when_its_wait_is_over():
    assert waits_for(99, retry_ns=100) == "waiting to try again"
    assert waits_for(100, retry_ns=100) == ""


def filled(**settings):
    """A grid whose only entry has filled; its exit has just been sent."""
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "1.000")
    return grid


def try_again(grid):
    """Let the pause after a refusal pass, in one step: what a second one would put right is told wrong meanwhile."""
    grid.now_ns += 250 * MILLISECOND_NS
    grid.tick()


def test_a_lot_is_no_longer_called_blocked_once_its_next_exit_is_sent():
    grid = filled()
    grid.deny("c2")
    assert grid.exits.lots[0].blocked == "waiting to try again"
    try_again(grid)
    assert grid.exits.lots[0].blocked == ""


def test_a_lot_is_overdue_exactly_when_its_time_is_over():
    grid = filled(lot_timeout_s=D(5))
    grid.ack("c2")
    grid.pass_ms(4_999)
    assert grid.count(LogEvent.LOT_OVERDUE) == 0
    grid.pass_ms(1)
    assert grid.count(LogEvent.LOT_OVERDUE) == 1


def test_a_lot_that_holds_nothing_is_not_overdue():
    grid = Harness(max_orders=1, lot_timeout_s=D(5))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.ack("c2")
    grid.fill("c2", "t2", "0.400")
    grid.pass_ms(6_000)
    assert grid.count(LogEvent.LOT_OVERDUE) == 0


def test_an_overdue_lots_exit_is_canceled_once_and_what_takes_is_not():
    grid = filled(lot_timeout_s=D(5), lot_timeout_action=LotTimeoutAction.CLOSE)
    grid.ack("c2")
    grid.pass_ms(5_000)
    assert grid.take() == ["c2 sell 1@100.9", "cancel c2"]
    grid.tick()
    assert grid.take() == []
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.tick()
    assert grid.take() == ["c3 ioc sell 1@99.9"]


def test_orders_of_a_split_exit_are_on_the_step():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.context = make_context(rules={"max_quantity": D("0.4005")})
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 0.4@100.9", "c3 sell 0.4@100.9", "c4 sell 0.2@100.9"]


@pytest.mark.parametrize(
    ("largest", "largest_taking"),
    [("0.6", "1000"), ("1000", "0.6")],
)
def test_an_exit_that_takes_keeps_to_both_limits(largest, largest_taking):
    grid = Harness(boost_mode=True, max_orders=1)
    grid.ack("c1")
    grid.take()
    rules = {"max_quantity": D(largest), "market_max_quantity": D(largest_taking)}
    grid.context = make_context(boost_mode=True, max_orders=1, rules=rules)
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 ioc sell 0.6@100", "c3 ioc sell 0.4@100"]


def test_an_exit_that_rests_may_be_larger_than_one_that_takes():
    assert filled(rules={"market_max_quantity": D("0.6")}).take() == ["c2 sell 1@100.9"]


def test_an_exit_that_takes_has_the_slippage_of_its_kind():
    slippage = {"boost_max_slippage_bps": D(100), "fallback_max_slippage_bps": D(200)}
    assert filled(boost_mode=True, **slippage).take() == ["c2 ioc sell 1@99"]
    grid = filled(retry_limit=0, **slippage)
    grid.reject("c2", RejectReason.POST_ONLY)
    grid.pass_ms(250)
    assert grid.take() == ["c2 sell 1@100.9", "c3 ioc sell 1@98"]


def test_what_was_refused_as_often_as_allowed_rests_once_more():
    grid = filled(retry_limit=2)
    for name in ("c2", "c3", "c4"):
        grid.reject(name, RejectReason.POST_ONLY)
        grid.pass_ms(250)
    assert [" ioc " in line for line in grid.take()] == [False, False, False, True]


def with_dust(dust, **settings):
    """Dust of a first lot, and a second lot of 1: the exit of both was not sent and is due again after a moment."""
    grid = Harness(grid_step_pct=D(0), **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", dust)
    grid.done("c1", CancelReason.REQUESTED, dust)
    grid.pass_ms(2_000)
    grid.ack("c2")
    grid.fill("c2", "t2", "1.000")
    grid.deny("c3")
    grid.take()
    return grid


def lots(grid):
    return [(lot.lot, lot.blocked, lot.dust) for lot in grid.exits.lots]


def test_dust_that_an_exit_takes_along_is_dust_no_longer():
    grid = with_dust("0.050")
    try_again(grid)
    assert grid.take() == ["c4 sell 1.05@100.9"]
    assert lots(grid) == [(1, "", 0), (2, "", 0)]


def test_what_an_exit_leaves_of_dust_below_the_step_stays_dust():
    grid = with_dust("0.0505")
    try_again(grid)
    assert grid.take() == ["c4 sell 1.05@100.9"]
    assert lots(grid) == [(1, "dust", D("0.0005")), (2, "", 0)]


def test_what_of_a_lot_is_below_the_step_is_dust_when_the_rest_has_its_exit():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.4005")
    grid.deny("c2")
    try_again(grid)
    assert grid.take() == ["c2 sell 0.4@100.9", "c3 sell 0.4@100.9"]
    assert lots(grid) == [(1, "dust", D("0.0005"))]


def test_while_the_position_differs_from_the_lots_no_dust_is_taken_along():
    grid = with_dust("0.050")
    grid.exits = replace(grid.exits, mismatch=Mismatch(least=D("1.5"), most=D("1.5")))
    try_again(grid)
    assert grid.take() == ["c4 sell 1@100.9"]
    assert [(order.lot, order.parts) for order in grid.exits.orders] == [(2, (Part(2, D(1)),))]
    assert lots(grid) == [(1, "dust", D("0.05")), (2, "", 0)]


def test_dust_is_noted_once():
    grid = with_dust("0.050")
    grid.tick()
    grid.tick()
    dust = [note for note in grid.notes if note.event is LogEvent.DUST_RECORDED]
    assert [(note.text, note.lot) for note in dust] == [("0.050 cannot rest", 1)]


def test_an_exit_split_over_two_lots_closes_its_own_first():
    grid = with_dust("0.050")
    grid.context = make_context(grid_step_pct=D(0), rules={"max_quantity": D("0.4")})
    try_again(grid)
    assert [order.parts for order in grid.exits.orders] == [
        (Part(2, D("0.4")),),
        (Part(2, D("0.4")),),
        (Part(2, D("0.2")), Part(1, D("0.05"))),
    ]
