"""The venue said that an order was refused or had ended, and lists it among the open ones all the same.

It is taken out of the book: another order may do its work by now. Nothing else is believed again, and what it fills
until then is counted as a late fill.
"""

import pytest

from actors.grid.inquiry import LISTING_GRACE_NS
from actors.grid.state import MILLISECOND_NS
from actors.log_events import LogEvent
from actors.messages import NoteLevel
from exchanges.values import CancelReason, RejectReason
from tests.grid.harness import D, Harness

GRACE_MS = LISTING_GRACE_NS // MILLISECOND_NS


def refused_entry():
    grid = Harness()
    grid.reject("c1", RejectReason.OTHER)
    grid.take()
    return grid


def refused_exit():
    grid = Harness()
    grid.fill("c1", "t1", "1.000")
    grid.reject("c2", RejectReason.OTHER)
    grid.take()
    return grid


def test_a_refused_entry_that_is_listed_is_canceled_and_said():
    grid = refused_entry()
    grid.pass_ms(GRACE_MS + 1)
    grid.take()
    grid.listed("c1")
    assert grid.take() == ["cancel c1"]
    [note] = grid.notes_of(LogEvent.ENDED_ENTRY_RESTS)
    command = grid.orders["c1"].command
    assert (note.level, note.lot, note.client_order_id) == (
        NoteLevel.WARNING, command.lot, command.client_order_id,
    )  # fmt: skip


def test_it_is_canceled_with_every_list_until_it_is_gone():
    grid = refused_entry()
    grid.pass_ms(GRACE_MS + 1)
    grid.take()
    grid.listed("c1")
    grid.listed("c1")
    grid.listed()
    assert grid.take() == ["cancel c1"] * 2


def test_what_it_fills_meanwhile_gets_its_exit():
    grid = refused_entry()
    grid.pass_ms(GRACE_MS + 1)
    grid.listed("c1")
    grid.take()
    grid.fill("c1", "t1", "0.250")
    assert [line for line in grid.take() if "sell" in line] == ["c3 sell 0.25@100.9"]
    assert grid.count(LogEvent.LATE_FILL_AFTER_DONE) == 1


def test_a_refused_exit_that_is_listed_is_canceled_and_its_successor_stays():
    grid = refused_exit()
    grid.pass_ms(GRACE_MS + 1)
    assert [line for line in grid.take() if "sell" in line] == ["c3 sell 1@100.9"]
    grid.ack("c3")
    grid.pass_ms(GRACE_MS + 1)
    grid.take()
    grid.listed("c2", "c3")
    assert grid.take() == ["cancel c2"]
    [note] = grid.notes_of(LogEvent.ENDED_CLOSE_RESTS)
    command = grid.orders["c2"].command
    assert (note.level, note.lot, note.client_order_id) == (NoteLevel.WARNING, 1, command.client_order_id)
    assert [order.client_order_id for order in grid.exits.orders] == [grid.orders["c3"].command.client_order_id]


def test_an_exit_that_filled_whole_is_not_canceled_by_a_list_that_was_asked_for_before():
    grid = Harness()
    grid.fill("c1", "t1", "1.000")
    asked_ns = grid.now_ns
    grid.pass_ms(1)
    grid.fill("c2", "t2", "1.000")
    grid.listed("c2", asked_ns=asked_ns)
    assert "cancel c2" not in grid.take()


@pytest.mark.parametrize(("after_ns", "is_canceled"), [(LISTING_GRACE_NS, False), (LISTING_GRACE_NS + 1, True)])
def test_a_list_may_trail_the_end_of_an_order_for_a_moment(after_ns, is_canceled):
    entry = Harness()
    entry.ack("c1")
    entry.done("c1", CancelReason.OTHER)
    entry.listed("c1", asked_ns=entry.now_ns + after_ns)
    assert ("cancel c1" in entry.take()) is is_canceled
    exit_ = Harness()
    exit_.fill("c1", "t1", "1.000")
    exit_.done("c2", CancelReason.OTHER)
    exit_.listed("c2", asked_ns=exit_.now_ns + after_ns)
    assert ("cancel c2" in exit_.take()) is is_canceled
    assert exit_.held == D(1)
