"""What the venue says of an entry, to the word: who is believed, since when, and what the next question goes by."""

import pytest

from actors.grid.inquiry import LISTING_GRACE_NS
from actors.log_events import LogEvent
from actors.messages import CancelOrder, OrderAccepted, QueryOrder
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderId, OrderStatus, RejectReason
from tests.grid.harness import D, Harness


def accepted(grid, name):
    """Tell an acceptance as often as a test wants it: the ledger of the harness lets only the first pass."""
    number = grid.orders[name].command.client_order_id
    grid.give("strategy", OrderAccepted(grid="g", client_order_id=number, order_id=OrderId(f"v-{name}")))


def test_an_acceptance_told_twice_is_placed_once_and_since_the_first():
    grid = Harness()
    accepted(grid, "c1")
    assert grid.count(LogEvent.ENTRY_ORDER_PLACED) == 1
    since_ns = grid.now_ns
    grid.pass_ms(1_500)
    accepted(grid, "c1")
    assert grid.count(LogEvent.ENTRY_ORDER_PLACED) == 1
    grid.take()
    grid.listed(asked_ns=since_ns + LISTING_GRACE_NS + 1)
    assert grid.take() == ["query c1"], "the second telling is no reason to trust the list later"


def test_an_adopted_entry_that_is_missing_from_a_list_is_asked_about_by_the_venues_id():
    grid = Harness(connect=False)
    number = pack(OrderKey(7, 40, 0))
    grid.names[number] = "adopted"
    found = OrderAccepted(
        grid="g", client_order_id=number, price=D("99.5"), quantity=D(1), order_id=OrderId("of the venue")
    )
    grid.give("strategy", found)
    grid.reserve()
    grid.connect()
    assert grid.take() == []
    grid.listed(asked_ns=grid.now_ns + LISTING_GRACE_NS + 1)
    assert [(asked.client_order_id, asked.order_id) for asked in grid.of(QueryOrder)] == [(number, "of the venue")]


def test_an_answer_that_it_rests_gives_the_id_to_cancel_it_by():
    grid = Harness(entry_timeout_s=D(20))
    grid.unknown("c1")
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.pass_ms(20_000)
    assert [command.order_id for command in grid.of(CancelOrder)] == ["v-c1"]


def test_an_answer_that_it_rests_is_believed_as_long_as_an_acceptance():
    grid = Harness(capabilities={"cancel_report_is_final": False})
    grid.ack("c1")
    grid.pass_ms(60_000)
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.settled("c1", OrderStatus.OPEN, "0")
    answered_ns = grid.now_ns
    grid.take()
    grid.listed(asked_ns=answered_ns + LISTING_GRACE_NS)
    assert grid.take() == [], "the list may still trail the answer"
    grid.listed(asked_ns=answered_ns + LISTING_GRACE_NS + 1)
    assert grid.take() == ["query c1"]


def test_an_answer_that_it_was_refused_as_post_only_counts_as_such_a_refusal():
    """The next try has to go one tick further from the touch, however the refusal came to light."""
    grid = Harness()
    grid.unknown("c1")
    grid.settled("c1", OrderStatus.CANCELED, "0", CancelReason.POST_ONLY)
    assert grid.state.counters.post_only_rejects == grid.state.backoff.refusals == 1
    grid.take()
    grid.pass_ms(250)
    assert grid.places() == ["c2 buy 1@99.8"]


@pytest.mark.parametrize("refuse", [
    lambda grid: grid.reject("c1", RejectReason.POST_ONLY),
    lambda grid: grid.reject("c1", RejectReason.RULES),
    lambda grid: grid.deny("c1"),
], ids=["post-only", "rules", "not sent"])  # fmt: skip
def test_what_an_entry_filled_before_it_was_refused_is_covered_all_the_same(refuse):
    grid = Harness()
    grid.fill("c1", "t1", "0.400")
    grid.take()
    refuse(grid)
    assert not grid.is_ready
    grid.ack("c2")
    assert grid.is_ready


def test_what_an_entry_filled_before_the_venue_forgot_it_is_covered_all_the_same():
    grid = Harness(capabilities={"cancel_report_is_final": False})
    grid.fill("c1", "t1", "0.400")
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    for _ in range(3):
        grid.pass_ms(1_000)
        grid.not_found("c1")
    assert grid.count(LogEvent.ENTRY_NEVER_ACCEPTED) == 1
    assert not grid.is_ready
    grid.ack("c2")
    assert grid.is_ready
