from dataclasses import replace

import pytest

from actors.grid import cycle, exits
from actors.grid.draft import Draft
from actors.grid.state import MILLISECOND_NS
from actors.grid.stops import latch
from actors.log_events import LogEvent
from actors.messages import CancelEntries, EntryFilled, Flatten, LatchKind, OrderAccepted, OrderFilled, PriceStale
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness


def test_requote_happens_only_when_the_new_entry_would_be_allowed():
    grid = Harness(entry_requote_after_s=D(15))
    grid.ack("c1")
    grid.take()
    grid.pass_ms(14_999)
    grid.price("101.0", "101.1")
    assert grid.take() == []
    grid.price("100.2", "100.3")
    grid.pass_ms(1)
    assert grid.take() == []
    grid.price("100.3", "100.4")
    assert grid.take() == ["cancel c1"]
    assert grid.state.counters.requotes == 1


def test_requote_is_withheld_where_a_gate_would_block_the_successor():
    grid = Harness(entry_requote_after_s=D(15))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.price("99.0", "99.1")
    grid.pass_ms(4_000)
    grid.ack("c3")
    grid.take()
    grid.price("100.0", "100.1")
    grid.pass_ms(60_000)
    assert grid.take() == []


def test_requote_of_a_partly_filled_entry_starts_the_ladder():
    grid = Harness(entry_requote_after_s=D(15))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    grid.ack("c2")
    grid.price("110.0", "110.1")
    grid.pass_ms(15_000)
    grid.done("c1", CancelReason.REQUESTED, "0.300")
    assert grid.is_ready
    assert grid.state.ladder.since_ns == grid.now_ns


def test_no_requote_while_the_entry_is_in_doubt():
    grid = Harness(entry_requote_after_s=D(15))
    grid.ack("c1")
    grid.pass_ms(10_000)
    grid.listed()
    grid.price("110.0", "110.1")
    grid.pass_ms(10_000)
    assert not [line for line in grid.take() if line.startswith("cancel")]
    grid.settled("c1", OrderStatus.OPEN, "0")
    assert grid.take() == ["cancel c1"]


def test_entry_without_a_timeout_rests_for_ever():
    grid = Harness(entry_timeout_s=D(0))
    grid.ack("c1")
    grid.take()
    assert cycle.deadline_ns(grid.context, grid.state) is None
    grid.pass_ms(1_000_000)
    assert grid.take() == []


def due_in_ms(grid):
    """When the entry side is due if nothing else happens; None if never."""
    at_ns = cycle.deadline_ns(grid.context, grid.state)
    return None if at_ns is None else (at_ns - grid.now_ns) / MILLISECOND_NS


def test_time_alone_matters_to_an_entry_as_long_as_something_of_it_is_awaited():
    grid = Harness(entry_timeout_s=D(60), max_orders=1)
    assert due_in_ms(grid) == 10_000
    grid.ack("c1")
    assert due_in_ms(grid) == 60_000
    grid.tell(CancelEntries(grid="g"))
    assert due_in_ms(grid) == 3_000
    grid.cancel_failed("c1")
    assert due_in_ms(grid) == 500
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert due_in_ms(grid) is None


def test_an_entry_without_an_answer_times_out_like_any_other():
    assert due_in_ms(Harness(entry_timeout_s=D(4))) == 4_000


def test_an_entry_that_waits_for_its_cover_is_due_for_nothing():
    grid = Harness(entry_timeout_s=D(60))
    grid.fill("c1", "t1", "1.000")
    assert not grid.is_ready
    assert due_in_ms(grid) is None


def test_a_stray_entry_is_asked_about_in_time_too():
    grid = Harness()
    grid.ack("c1")
    stray = pack(OrderKey(7, 40, 0))
    grid.give("strategy", OrderAccepted(grid="g", client_order_id=stray, price=D(99), quantity=D(1)))
    assert due_in_ms(grid) == 3_000


def test_nothing_is_due_of_an_entry_before_the_venue_has_been_read():
    grid = Harness()
    assert cycle.deadline_ns(grid.context, replace(grid.state, is_connected=False)) is None


def test_a_breach_is_due_when_it_has_lasted_long_enough():
    grid = Harness(stop_price=D(90), stop_confirm_ms=700)
    grid.ack("c1")
    grid.mid("89")
    assert due_in_ms(grid) == 700


def test_a_flatten_waits_for_its_entry_and_is_due_until_the_closer_was_told():
    grid = Harness()
    grid.ack("c1")
    grid.tell(Flatten(grid="g"))
    assert due_in_ms(grid) == 2_000
    grid.pass_ms(2_000)
    assert due_in_ms(grid) == 1_000, "the cancel of the entry"


def test_the_end_of_a_cooldown_and_of_a_pause_after_a_refusal_are_due():
    grid = Harness(retry_backoff_ms=250)
    grid.reject("c1", RejectReason.POST_ONLY)
    assert due_in_ms(grid) == 250
    grid.pass_ms(250)
    grid.ack("c2")
    grid.done("c2", CancelReason.OTHER, "0")
    assert due_in_ms(grid) == 2_000


def test_stale_is_noted_once():
    grid = Harness(book=None)
    grid.stale()
    assert grid.count(LogEvent.PRICE_STALE) == 0
    grid.price("100.0", "100.1")
    grid.stale()
    grid.stale()
    assert grid.count(LogEvent.PRICE_STALE) == 1


def test_exits_without_a_price_take_note_of_nothing():
    grid = Harness(book=None)
    step = exits.step(grid.context, grid.exits, PriceStale(grid="g", why="x"), grid.now_ns)
    assert step.state.quote is None


def test_a_fill_is_handed_to_the_closer_before_the_step_is_done():
    grid = Harness()
    grid.ack("c1")
    number = grid.orders["c1"].command.client_order_id
    fill = OrderFilled(grid="g", client_order_id=number, price=D(100), quantity=D("0.4"), cumulative=D("0.4"))
    sent = []
    step = cycle.step(grid.context, grid.state, fill, grid.now_ns, send_now=sent.append)
    assert sent == [[step.outputs[0]]]
    assert isinstance(step.outputs[0], EntryFilled)


def test_only_the_first_stop_is_latched():
    grid = Harness()
    draft = Draft(grid.context, grid.state, grid.now_ns)
    latch(draft, LatchKind.DAILY_LOSS, "one")
    latch(draft, LatchKind.STOP_PRICE, "two")
    assert draft.finish().state.latch.kind is LatchKind.DAILY_LOSS
    assert len(draft.finish().outputs) == 1


def test_pending_open_order_id_is_none_until_accepted():
    grid = Harness()
    assert grid.state.pending_open_order_id is None
    grid.ack("c1")
    assert grid.state.pending_open_order_id == "v-c1"
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert grid.state.pending_open_order_id is None


@pytest.mark.parametrize("event", list(LogEvent))
def test_every_log_event_says_what_it_means(event):
    assert event.help
    assert event.value == event.name.lower()
