"""When an absence proves something, and when a surplus makes us ask: both sides of every limit."""

from actors.grid.state import SECOND_NS
from actors.messages import QueryOrder
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import D, Harness
from tests.grid.test_mismatch import prove, with_lot
from tests.grid.test_scenarios_recovery import killed, restored_entry


def test_absences_of_an_unanswered_order_count_once_it_can_no_longer_arrive():
    grid = Harness(capabilities={"fence_s": 30.0})
    fence_ns = grid.now_ns + 30 * SECOND_NS
    grid.orders["c1"].fence_ns = fence_ns
    grid.pass_ms(30_000)
    for asked_ns in (fence_ns - 2, fence_ns - 1, fence_ns, fence_ns + 1, fence_ns + 2):
        grid.not_found("c1", asked_ns=asked_ns)
    assert grid.places() == ["c1 buy 1@99.9"], "three of the questions were asked too early"
    grid.not_found("c1", asked_ns=fence_ns + 3)
    assert grid.places() == ["c2 buy 1@99.9"]


def test_absences_of_an_accepted_order_count_if_asked_since_the_doubt():
    grid = Harness(capabilities={"cancel_report_is_final": False})
    grid.ack("c1")
    grid.pass_ms(60_000)
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.take()
    doubt_ns = grid.now_ns
    grid.orders["c1"].fence_ns = doubt_ns - 1
    for asked_ns in (doubt_ns - 1, doubt_ns, doubt_ns + 1):
        grid.not_found("c1", asked_ns=asked_ns)
    assert grid.places() == [], "one of the questions was asked before"
    grid.not_found("c1", asked_ns=doubt_ns + 2)
    assert grid.places() == ["c2 buy 1@99.9"]


def test_a_surplus_read_before_the_venue_was_read_asks_nothing():
    grid = killed(orders=[restored_entry()])
    grid.settled("c1", OrderStatus.CANCELED, "0", CancelReason.REQUESTED)
    grid.give("strategy", grid.reading("0.4"))
    assert grid.take() == []


def test_a_surplus_on_top_of_a_proven_mismatch_asks_for_no_entries():
    """The lots are known to be wrong: what is too much says nothing about entries, and an operator is called."""
    grid = with_lot()
    prove(grid, "0.5")
    assert grid.state.lots.mismatch
    grid.take()
    grid.pass_ms(60_000)
    grid.take()
    asked = len(grid.of(QueryOrder))
    grid.give("strategy", grid.reading("1.5"))
    assert grid.state.surplus == D("0.5")
    assert len(grid.of(QueryOrder)) == asked
