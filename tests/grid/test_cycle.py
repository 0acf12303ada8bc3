import pytest

from actors.grid import cycle, exits
from actors.grid.draft import Draft
from actors.grid.stops import latch
from actors.log_events import LogEvent
from actors.messages import LatchKind, PriceStale
from exchanges.values import CancelReason, OrderStatus
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
