"""How soon the next exit follows one that failed: at once where nobody is at fault, later each time where somebody is.

Too late leaves a lot without an exit, too soon is a storm of orders that the venue answers with a ban.
"""

import pytest

from actors.grid.settings import LotTimeoutAction
from actors.log_events import LogEvent
from actors.messages import Flatten
from exchanges.values import CancelReason, RejectReason
from tests.grid.harness import D, Harness
from tests.grid.test_settling import filled_grid


def sent_after(grid, wait_ms):
    """Return what leaves when so much time has passed, and nothing did before."""
    grid.pass_ms(wait_ms - 1)
    assert grid.take() == []
    grid.pass_ms(1)
    return grid.take()


def flattening(**settings):
    """A grid whose one lot is being closed at once, by c3."""
    grid = filled_grid(max_orders=1, **settings)
    grid.ack("c2")
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["cancel c2", "c3 ioc sell 1@99.9"]
    return grid


# --- refused as post-only ---


def test_an_exit_that_would_take_is_counted_named_and_tried_again_no_sooner_than_the_pause():
    grid = filled_grid()
    grid.pass_ms(100)
    grid.reject("c2", RejectReason.POST_ONLY)
    assert sent_after(grid, 150) == ["c3 sell 1@100.9"]
    grid.pass_ms(400)
    grid.reject("c3", RejectReason.POST_ONLY)
    assert grid.take() == ["c4 sell 1@100.9"], "the pause is counted from when the order left"
    assert grid.exits.counters.post_only_rejects == 2
    texts = [(note.text, note.lot) for note in grid.notes_of(LogEvent.CLOSE_ORDER_RETRIED)]
    assert texts == [("post-only refused 1 times at 100.9", 1), ("post-only refused 2 times at 100.9", 1)]
    assert grid.count(LogEvent.CLOSE_ORDER_REFUSED) == 0
    assert grid.count(LogEvent.CLOSE_ORDER_CANCELED) == 0


# --- canceled by the venue ---


def test_an_exit_canceled_at_once_again_and_again_waits_twice_as_long_each_time():
    grid = filled_grid()
    grid.done("c2", CancelReason.OTHER, "0")
    assert grid.take() == ["c3 sell 1@100.9"]
    for name, wait_ms in (("c3", 250), ("c4", 500), ("c5", 1_000)):
        grid.pass_ms(999)
        grid.done(name, CancelReason.OTHER, "0")
        assert len(sent_after(grid, wait_ms)) == 1


def test_an_exit_that_lived_for_a_second_was_no_failure():
    grid = filled_grid()
    grid.done("c2", CancelReason.OTHER, "0")
    grid.ack("c3")
    grid.pass_ms(1_000)
    grid.take()
    grid.done("c3", CancelReason.OTHER, "0")
    assert grid.take() == ["c4 sell 1@100.9"]
    assert grid.exits.lots[0].failures == 0


def test_an_exit_that_never_came_to_be_is_nobodys_fault():
    grid = filled_grid(not_found_proofs=1)
    grid.unknown("c2", fence_s=0)
    grid.pass_ms(1)
    grid.take()
    grid.not_found("c2")
    assert grid.take() == ["c3 sell 1@100.9"]
    assert grid.exits.lots[0].failures == 0


def test_an_exit_that_we_have_canceled_ourselves_is_nobodys_fault():
    grid = filled_grid(max_orders=1)
    grid.ack("c2")
    grid.tell(Flatten(grid="g"))
    assert grid.take() == ["cancel c2"]
    for name, following in (("c2", "c3"), ("c3", "c4"), ("c4", "c5")):
        grid.stale()
        grid.done(name, CancelReason.REQUESTED, "0")
        assert grid.take() == [f"{following} sell 1@100.9"]
        grid.ack(following)
        grid.price("100.0", "100.1")
        assert grid.take() == [f"cancel {following}"]


# --- refused by the venue, or not sent ---


def two_lots_with_one_exit():
    """A grid with 0.05 in lot 1, too little for an exit of its own, and 1 in lot 2: c3 closes both."""
    grid = Harness(grid_step_pct=D(0), max_orders=2)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.050")
    grid.done("c1", CancelReason.REQUESTED, "0.050")
    grid.pass_ms(5_000)
    grid.fill("c2", "t2", "1.000")
    assert grid.take()[-1] == "c3 sell 1.05@100.9"
    return grid


def test_every_lot_of_a_refused_exit_waits():
    grid = two_lots_with_one_exit()
    grid.reject("c3", RejectReason.MARGIN)
    assert [(lot.failures, lot.retry_ns) for lot in grid.exits.lots] == [(1, grid.now_ns + 250_000_000)] * 2
    assert sent_after(grid, 250) == ["c4 sell 1.05@100.9"]
    grid.deny("c4")
    assert [(lot.failures, lot.retry_ns) for lot in grid.exits.lots] == [(2, grid.now_ns + 500_000_000)] * 2


# --- refused as reduce-only ---


def test_a_venue_may_lag_behind_its_own_fill_for_so_long_and_no_longer():
    grid = filled_grid(capabilities={"reduce_only_retry_s": 2.0})
    grid.pass_ms(2_000)
    grid.reject("c2", RejectReason.REDUCE_ONLY)
    assert sent_after(grid, 250) == ["c3 sell 1@100.9"]
    grid.reject("c3", RejectReason.REDUCE_ONLY)
    grid.pass_ms(5_000)
    assert grid.take() == []


def test_a_position_read_before_the_refusal_does_not_explain_it():
    grid = filled_grid()
    grid.pass_ms(1_000)
    grid.reject("c2", RejectReason.REDUCE_ONLY)
    grid.position("1.000", asked_ns=grid.now_ns)
    assert grid.take() == []
    grid.position("1.000", asked_ns=grid.now_ns + 1)
    assert grid.take() == ["c3 sell 1@100.9"]


# --- flatten ---


@pytest.mark.parametrize(("reason", "first_ms"), [(RejectReason.MARGIN, 250), (RejectReason.RATE, 1_000)])
def test_a_refused_closing_order_waits_twice_as_long_each_time(reason, first_ms):
    grid = flattening()
    for number, wait_ms in enumerate((first_ms, 2 * first_ms, 4 * first_ms), 3):
        grid.reject(f"c{number}", reason)
        assert sent_after(grid, wait_ms) == [f"c{number + 1} ioc sell 1@99.9"]


def test_a_closing_order_that_was_not_sent_waits_as_well():
    grid = flattening()
    grid.deny("c3")
    assert sent_after(grid, 250) == ["c4 ioc sell 1@99.9"]
    grid.deny("c4")
    assert sent_after(grid, 500) == ["c5 ioc sell 1@99.9"]


def test_a_closing_order_that_finds_nothing_to_reduce_waits_twice_as_long_each_time():
    grid = flattening()
    grid.pass_ms(1_000)
    for number, wait_ms in enumerate((250, 500, 1_000), 3):
        grid.reject(f"c{number}", RejectReason.REDUCE_ONLY)
        grid.position("1.000", asked_ns=grid.now_ns + 1)
        assert sent_after(grid, wait_ms) == [f"c{number + 1} ioc sell 1@99.9"]


def test_a_closing_order_of_lots_of_which_one_has_just_filled_is_tried_again_soon():
    grid = Harness(grid_step_pct=D(0), max_orders=2, capabilities={"reduce_only_retry_s": 2.0})
    for number, (entry, exit_) in enumerate((("c1", "c2"), ("c3", "c4")), 1):
        grid.ack(entry)
        grid.fill(entry, f"t{number}", "1.000")
        grid.ack(exit_)
        grid.pass_ms(8_000 if number == 1 else 0)
    grid.tell(Flatten(grid="g"))
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.done("c4", CancelReason.REQUESTED, "0")
    assert grid.take()[-1] == "c5 ioc sell 2@99.9"
    for number in (5, 6, 7):
        grid.reject(f"c{number}", RejectReason.REDUCE_ONLY)
        assert sent_after(grid, 250) == [f"c{number + 1} ioc sell 2@99.9"]


def test_a_fill_of_a_closing_order_ends_the_growing_of_the_waits():
    grid = flattening()
    grid.reject("c3", RejectReason.RATE)
    assert sent_after(grid, 1_000) == ["c4 ioc sell 1@99.9"]
    grid.fill("c4", "t4", "0.400", "99.9")
    grid.done("c4", CancelReason.IMMEDIATE, "0.400")
    assert sent_after(grid, 250) == ["c5 ioc sell 0.6@99.9"]
    grid.reject("c5", RejectReason.RATE)
    assert sent_after(grid, 1_000) == ["c6 ioc sell 0.6@99.9"]


# --- a lot that is closed for its age ---


def test_an_order_for_an_overdue_lot_that_found_nobody_is_repeated_no_sooner_than_the_pause():
    grid = filled_grid(lot_timeout_s=D(60), lot_timeout_action=LotTimeoutAction.CLOSE, max_orders=1)
    grid.ack("c2")
    grid.pass_ms(60_000)
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["cancel c2", "c3 ioc sell 1@99.9"]
    grid.pass_ms(100)
    grid.done("c3", CancelReason.IMMEDIATE, "0")
    assert sent_after(grid, 150) == ["c4 ioc sell 1@99.9"]


# --- fallback ---


def test_a_fallback_that_found_nobody_rests_again_no_sooner_than_the_pause():
    grid = filled_grid(retry_limit=1)
    for name in ("c2", "c3"):
        grid.reject(name, RejectReason.POST_ONLY)
        grid.pass_ms(250)
    assert grid.take() == ["c3 sell 1@100.9", "c4 ioc sell 1@99.9"]
    grid.pass_ms(100)
    grid.done("c4", CancelReason.IMMEDIATE, "0")
    assert sent_after(grid, 150) == ["c5 sell 1@100.9"]
    assert grid.exits.lots[0].refusals == 1


# --- boost ---


def boosting():
    grid = Harness(boost_mode=True, max_orders=1)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    assert grid.take()[-1].startswith("c2 ioc")
    return grid


def test_a_boost_that_found_nobody_is_tried_once_more_and_then_rests():
    grid = boosting()
    grid.done("c2", CancelReason.IMMEDIATE, "0")
    assert grid.take()[0].startswith("c3 ioc")
    grid.done("c3", CancelReason.IMMEDIATE, "0")
    assert grid.take() == ["c4 sell 1@100.9"]
