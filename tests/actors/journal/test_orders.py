"""Which orders a restart takes as possibly live, and what it knows of them."""

import itertools
import stat

import pytest

from actors.grid.restore import RestoredGrid
from actors.log_events import LogEvent
from actors.messages import (
    Note,
    OrderAmended,
    OrderDenied,
    OrderOutcomeUnknown,
    OrderRejected,
)
from exchanges.values import OrderStatus, RejectReason, Side
from tests.actors.journal.desk import (
    EXPECTED,
    FACTS,
    MARKETS,
    D,
    accepted,
    canceled,
    entry,
    filled,
    journal_desk,
    order_id,
    settled,
    view_of,
)
from tests.fakes import SECOND_NS, START_WALL_NS

DAY_NS = 86_400 * SECOND_NS


# --- a first start ---


def test_first_start_knows_nothing(desk):
    assert desk.state.restored.grids == {name: RestoredGrid(grid=name) for name in MARKETS}
    assert desk.state.problems == ()
    assert desk.state.run == 1


def test_files_are_private(desk):
    desk.tell(entry(), filled())
    desk.flush()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in desk.folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert "journal.db-wal" in modes
    assert stat.S_IMODE(desk.folder.stat().st_mode) == 0o700


# --- orders ---


def test_order_without_an_answer_is_restored_as_possibly_live(desk, clock):
    desk.tell(entry(5, quantity="0.3", price="61000.10"))
    (order,) = desk.grid().orders
    assert (order.client_order_id, order.lot, order.side) == (order_id(5), 5, Side.BUY)
    assert (order.price, order.quantity, order.filled) == (D("61000.10"), D("0.3"), D(0))
    assert (order.post_only, order.reduce_only, order.immediate) == (True, False, False)
    assert not order.was_accepted
    assert order.placed_wall_ns == START_WALL_NS
    assert order.fence_wall_ns == START_WALL_NS + 120 * SECOND_NS


@pytest.mark.parametrize(
    "end",
    [
        OrderRejected(grid="btc", client_order_id=order_id(1), reason=RejectReason.POST_ONLY),
        OrderDenied(grid="btc", client_order_id=order_id(1), reason="halted"),
        canceled(1),
        settled(1),
        settled(1, status=OrderStatus.EXPIRED),
        filled(quantity="1", leaves="0"),
        Note(event=LogEvent.ENTRY_NEVER_ACCEPTED, client_order_id=order_id(1), grid="btc"),
    ],
    ids=lambda message: f"{type(message).__name__}",
)
def test_order_that_ended_is_not_restored(desk, end):
    desk.tell(entry(1), end)
    assert desk.grid().orders == ()


@pytest.mark.parametrize(
    "report",
    [
        accepted(1),
        filled(quantity="0.4", leaves="0.6"),
        canceled(1, final=False),
        canceled(1, done="0.5"),
        settled(1, done="0.5"),
        settled(1, status=OrderStatus.OPEN),
        Note(event=LogEvent.ENTRY_OUTCOME_UNKNOWN, client_order_id=order_id(1), grid="btc"),
    ],
    ids=["accepted", "part", "cancel not final", "cancel counts more", "settled counts more", "open", "note"],
)
def test_order_without_the_last_word_is_restored(desk, report):
    desk.tell(entry(1), report)
    assert [order.client_order_id for order in desk.grid().orders] == [order_id(1)]


def test_missing_fill_that_arrives_later_settles_by_the_next_answer(desk):
    desk.tell(entry(1), settled(1, done="0.5"), filled(quantity="0.5", leaves="0.5"), settled(1, done="0.5"))
    grid = desk.grid()
    assert grid.orders == ()
    assert grid.lots[0].entry_filled == D("0.5")
    assert grid.lots[0].entry_done


def test_acceptance_is_restored_with_the_venues_id(desk):
    desk.tell(entry(1), accepted(1))
    (order,) = desk.grid().orders
    assert order.was_accepted
    assert order.order_id == f"v{order_id(1)}"


def test_fence_of_an_unknown_outcome_is_kept_on_the_wall_clock(desk, clock):
    fence_ns = clock.monotonic_ns() + 70 * SECOND_NS
    unknown = OrderOutcomeUnknown(grid="btc", client_order_id=order_id(1), fence_ns=fence_ns, why="timeout")
    desk.tell(entry(1), unknown)
    assert desk.grid().orders[0].fence_wall_ns == START_WALL_NS + 70 * SECOND_NS


# --- facts that overtake each other ---


@pytest.mark.parametrize("flushed", [False, True])
def test_facts_of_several_threads_give_the_same_in_every_order(tmp_path, clock, flushed):
    views = set()
    for number, order in enumerate(itertools.permutations(FACTS)):
        if number % (13 if flushed else 5):
            continue  # a share of the orders is enough
        with journal_desk(tmp_path / str(number), clock) as desk:
            for fact in order:
                desk.tell(fact)
                if flushed:
                    desk.flush()
            views.add(view_of(desk.grid()))
    assert views == {EXPECTED}


def test_order_found_only_at_the_venue_is_known_after_a_restart(desk):
    desk.tell(entry(1), filled(leaves="0"))
    desk.tell(accepted(3, 1, price=D(105), quantity=D(2)), filled(3, 1, quantity="0.5", price="105", trade="z"))
    restored = desk.restart()
    (order,) = restored.grids["btc"].orders
    assert (order.side, order.price, order.quantity, order.filled) == (Side.SELL, D(105), D(2), D("0.5"))
    known = {each.client_order_id: each for each in restored.markets["aster", "BTCUSDT"].orders}
    assert known[order_id(3, 1)].trade_ids == {"z"}


def test_order_of_which_nothing_but_its_id_is_known_is_left_to_the_venue(desk):
    desk.tell(accepted(3, 1))
    assert desk.grid().orders == ()


def test_an_order_that_somebody_changed_is_given_back_as_it_is_now(desk):
    desk.tell(entry(1), OrderAmended(grid="btc", client_order_id=order_id(1), price=D("99"), quantity=D("0.4")))
    restored = desk.grid().orders[0]
    assert (restored.price, restored.quantity) == (D("99"), D("0.4"))
