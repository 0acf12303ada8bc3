from dataclasses import replace

import pytest

from actors.grid import entry as entries
from actors.grid import ids, inquiry
from actors.grid.draft import Draft
from actors.grid.risk import DeskExposure
from actors.grid.settings import Direction
from actors.grid.state import MILLISECOND_NS, Backoff, Cancellation, Ladder, Mode
from actors.log_events import LogEvent
from actors.messages import (
    CancelEntries,
    CancelOrder,
    EntryFilled,
    EntryFinished,
    Note,
    NoteLevel,
    OrderFilled,
    PlaceLimitOrder,
    PriceChanged,
    QueryOrder,
)
from exchanges.order_ids import ENTRY_LEG
from exchanges.values import CancelReason, OrderId, Side
from tests.grid.harness import D, Harness


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"min_price": D(200)}, "price outside the venue's range"),
        ({"max_price": D(50)}, "price outside the venue's range"),
        ({"max_quantity": D("0.05")}, "size below the venue's minimum"),
        ({"is_trading": False}, "market closed"),
    ],
)
def test_entry_that_the_venue_would_refuse_is_not_sent(rules, reason):
    grid = Harness(rules=rules)
    assert grid.take() == []
    assert grid.state.blocked_reason == reason


@pytest.mark.parametrize(("bid", "ask"), [("0", "1"), ("-1", "1"), ("100.1", "100.0"), ("100", "100"), ("NaN", "1")])
def test_senseless_book_is_no_price(bid, ask):
    grid = Harness(book=None)
    assert grid.state.blocked_reason == "no price"
    grid.both(PriceChanged(grid="g", bid=D(bid), ask=D(ask), alive_ns=grid.now_ns))
    assert grid.take() == []
    assert grid.state.blocked_reason == "price stale"


def test_refusals_are_forgotten_when_an_entry_rested():
    grid = Harness()
    grid.reject("c1")
    grid.pass_ms(250)
    grid.ack("c2")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.pass_ms(2_000)
    assert grid.take()[-1] == "c3 buy 1@99.9"


def test_price_so_low_that_its_exit_is_zero_is_not_entered():
    grid = Harness(
        book=None, direction=Direction.SELL, take_profit_pct=D(50), order_notional_usd=D(200),
        rules={"tick": D("0.1"), "min_price": D("0.1"), "max_quantity": D(10_000)}, post_only_ticks=1,
    )  # fmt: skip
    grid.price("0.1", "0.3")
    grid.ack("c1")
    assert grid.orders["c1"].price == D("0.2")


def entry_of(grid, name="c1"):
    return entries.find(grid.state, grid.orders[name].command.client_order_id)


@pytest.mark.parametrize(
    ("direction", "side", "price"), [(Direction.BUY, Side.BUY, "99.9"), (Direction.SELL, Side.SELL, "100.2")]
)
def test_an_entry_is_post_only_opens_and_names_its_lot_and_the_age_of_its_price(direction, side, price):
    grid = Harness(book=None, direction=direction)
    grid.price("100.0", "100.1", age_ms=700)
    assert grid.commands == [
        PlaceLimitOrder(
            grid="g",
            exchange="sim",
            symbol="BTC-PERP",
            client_order_id=ids.order_id(7, 1, ENTRY_LEG),
            side=side,
            price=D(price),
            quantity=D(1),
            post_only=True,
            reduce_only=False,
            lot=1,
            quote_ns=grid.now_ns - 700 * MILLISECOND_NS,
        )
    ]
    assert grid.state.counters.entries_placed == 1


def test_a_submitted_entry_is_told_with_the_book_it_was_priced_from():
    grid = Harness()
    notes = [note for note in grid.notes if note.event is LogEvent.ENTRY_ORDER_SUBMITTED]
    assert notes == [
        Note(
            event=LogEvent.ENTRY_ORDER_SUBMITTED,
            level=NoteLevel.INFO,
            grid="g",
            text="buy 1 at 99.9 (book 100.0 / 100.1)",
            lot=1,
            client_order_id=grid.orders["c1"].command.client_order_id,
        )
    ]


def test_every_entry_is_counted_and_takes_a_lot_of_its_own():
    grid = Harness()
    grid.reject("c1")
    grid.pass_ms(250)
    assert grid.state.counters.entries_placed == 2
    assert [order.command.lot for order in grid.orders.values()] == [1, 2]


@pytest.mark.parametrize("rules", [{"min_price": D("99.9")}, {"max_price": D("99.9")}])
def test_the_edge_of_the_venues_price_range_is_inside(rules):
    assert Harness(rules=rules).take() == ["c1 buy 1@99.9"]


def test_no_entry_at_a_price_of_zero_even_if_the_venue_names_no_least_price():
    grid = Harness(rules={"min_price": D(0)}, book=("0.1", "0.2"))
    assert grid.state.blocked_reason == "price outside the venue's range"
    grid.price("0.2", "0.3")
    assert grid.state.pending.price == D("0.1")


def waiting_to_requote(**settings):
    """A grid that buys whose entry at 99.9 rests and is one tick of time short of being moved."""
    grid = Harness(entry_requote_after_s=D("0.5"), entry_requote_min_ticks=3, **settings)
    grid.ack("c1")
    grid.take()
    grid.pass_ms(499)
    return grid


@pytest.mark.parametrize(
    ("direction", "near", "far"),
    [
        (Direction.BUY, ("100.2", "100.3"), ("100.3", "100.4")),
        (Direction.SELL, ("99.8", "99.9"), ("99.7", "99.8")),
    ],
)
def test_an_entry_is_moved_only_after_its_time_and_only_for_enough_ticks(direction, near, far):
    grid = waiting_to_requote(direction=direction)
    grid.price(*far)
    assert grid.take() == []
    grid.price(*near)
    grid.pass_ms(1)
    assert grid.take() == []
    grid.price(*far)
    assert grid.take() == ["cancel c1"]
    assert grid.state.pending.cancel.why == "re-quote"


def worth(grid, **changes):
    """Whether the entry would be moved now if so much of it were different."""
    state = replace(grid.state, pending=replace(grid.state.pending, **changes))
    return entries.is_worth_requoting(grid.context, state, grid.now_ns, grid.desk)


def test_an_entry_is_moved_only_while_it_certainly_rests():
    grid = waiting_to_requote()
    grid.pass_ms(1)
    grid.state = replace(grid.state, quote=replace(grid.state.quote, bid=D("100.3"), ask=D("100.4")))
    assert worth(grid)
    assert not worth(grid, accepted_ns=None)
    assert not worth(grid, inquiry=inquiry.begin("why", fence_ns=0, at_ns=0))
    for changes in ({"quote": None}, {"pending": None}, {"is_connected": False}, {"mode": Mode.PAUSED}):
        state = replace(grid.state, **changes)
        assert not entries.is_worth_requoting(grid.context, state, grid.now_ns, grid.desk)


def test_an_entry_is_not_moved_where_the_venue_or_the_desk_would_not_take_it():
    grid = waiting_to_requote(rules={"max_price": D("100.1")})
    grid.pass_ms(1)
    grid.price("100.3", "100.4")
    assert grid.take() == []
    desk = DeskExposure(max_position_usd=D(101))
    grid = waiting_to_requote(desk=desk)
    grid.price("100.3", "100.4")
    grid.pass_ms(1)
    assert grid.take() == ["cancel c1"]


def test_an_entry_of_a_grid_that_never_moves_stays():
    grid = Harness(entry_requote_after_s=D(0))
    grid.ack("c1")
    grid.take()
    grid.pass_ms(1_000)
    grid.price("110.0", "110.1")
    assert grid.take() == []


def with_stray():
    """A grid whose pending entry is lot 9 and that has found two other entries of its own, lots 1 and 2."""
    grid = Harness()
    entry = grid.state.pending
    strays = tuple(
        replace(entry, client_order_id=ids.order_id(7, lot, ENTRY_LEG), lot=lot, quantity=D(lot)) for lot in (1, 2)
    )
    pending = replace(entry, client_order_id=ids.order_id(7, 9, ENTRY_LEG), lot=9)
    grid.state = replace(grid.state, pending=pending, strays=strays)
    return grid, pending, strays


def test_an_entry_is_found_and_kept_wherever_it_lives():
    grid, pending, (first, second) = with_stray()
    state = grid.state
    assert [entries.find(state, one.client_order_id) for one in (pending, first, second)] == [pending, first, second]
    assert entries.find(state, 12345) is None
    assert entries.find(replace(state, pending=None), second.client_order_id) == second
    assert [entries.is_stray(state, one) for one in (pending, first, second)] == [False, True, True]
    assert entries.is_stray(replace(state, pending=None), pending)
    draft = Draft(grid.context, state, grid.now_ns)
    entries.put(draft, replace(second, filled=D(1)))
    assert draft.state == replace(state, strays=(first, replace(second, filled=D(1))))
    entries.put(draft, replace(pending, filled=D("0.5")))
    assert draft.state.pending.filled == D("0.5")
    assert draft.state.strays == (first, replace(second, filled=D(1)))


def test_the_end_of_a_stray_leaves_the_others_and_the_pending_entry():
    grid, pending, (first, second) = with_stray()
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entries.finish(draft, replace(first, filled=D("0.4")))
    assert draft.state.strays == (second,)
    assert draft.state.pending == pending
    assert draft.state.ladder.since_ns is None
    assert draft.finish().outputs == (EntryFinished(grid="g", lot=1, filled=D("0.4")),)
    assert draft.state.ended == (first.client_order_id,)


def test_a_cancel_names_the_order_and_is_told_once():
    grid = Harness()
    grid.ack("c1")
    grid.commands.clear()
    number = grid.orders["c1"].command.client_order_id
    grid.tell(CancelEntries())
    cancel = CancelOrder(grid="g", exchange="sim", symbol="BTC-PERP", client_order_id=number, order_id=OrderId("v-c1"))
    assert grid.commands == [cancel]
    assert grid.state.pending.cancel == Cancellation(why="stopping", next_ns=grid.now_ns + inquiry.CANCEL_WAIT_NS)
    assert grid.count(LogEvent.ENTRY_CANCEL_REQUESTED) == 1
    grid.pass_ms(3_000)
    query = QueryOrder(grid="g", exchange="sim", symbol="BTC-PERP", client_order_id=number, order_id=OrderId("v-c1"))
    assert grid.commands == [cancel, cancel, query]
    assert [note for note in grid.notes if note.event is LogEvent.ENTRY_CANCEL_REQUESTED] == [
        Note(
            event=LogEvent.ENTRY_CANCEL_REQUESTED,
            level=NoteLevel.INFO,
            grid="g",
            text="stopping",
            lot=1,
            client_order_id=number,
        )
    ]


def test_a_question_about_an_entry_the_venue_never_named_goes_by_our_id():
    grid = Harness()
    number = grid.orders["c1"].command.client_order_id
    grid.commands.clear()
    grid.unknown("c1")
    assert grid.commands == [
        QueryOrder(grid="g", exchange="sim", symbol="BTC-PERP", client_order_id=number, order_id=None)
    ]


def test_a_fill_goes_to_the_closer_whole():
    grid = Harness()
    grid.pass_ms(100)
    grid.fill("c1", "t1", "0.400", "99.8", fee="0.02")
    assert grid.of(EntryFilled) == [
        EntryFilled(
            grid="g",
            lot=1,
            price=D("99.8"),
            quantity=D("0.400"),
            fee=D("0.02"),
            leaves=D("0.600"),
            received_ns=grid.now_ns,
        )
    ]
    grid.fill("c1", "t2", "0.500")
    assert grid.state.sent == D("0.9")
    assert grid.state.counters.fills == 2
    assert grid.state.counters.entries_filled == 0


def fill_of(entry, leaves="0.6"):
    """A fill of 0.4 by an entry."""
    return OrderFilled(
        grid="g",
        client_order_id=entry.client_order_id,
        order_id=OrderId("v-1"),
        price=D(100),
        quantity=D("0.4"),
        cumulative=D("0.4"),
        leaves=None if leaves is None else D(leaves),
        received_ns=77,
    )


def test_a_fill_proves_that_the_venue_has_the_entry():
    entry = Harness().state.pending
    first = entries.ledger_says(entry, fill_of(entry))
    assert first == replace(entry, filled=D("0.4"), accepted_ns=77, pending_open_order_id="v-1")
    known = replace(entry, accepted_ns=5, pending_open_order_id="v-0")
    assert entries.ledger_says(known, fill_of(entry)) == replace(known, filled=D("0.4"))


def test_what_is_on_its_way_to_the_closer_is_counted_until_its_lots_are_told():
    grid = Harness()
    draft = Draft(grid.context, replace(grid.state, sent=D("0.3")), grid.now_ns)
    entries.tell_fill(draft, 1, fill_of(grid.state.pending))
    assert draft.state.sent == D("0.7")


def test_an_entry_is_full_when_nothing_is_left_or_its_size_is_reached():
    entry = replace(Harness().state.pending, filled=D("0.4"))
    assert entries.is_filled_up(entry, fill_of(entry, "0"))
    assert not entries.is_filled_up(entry, fill_of(entry))
    assert not entries.is_filled_up(entry, fill_of(entry, None))
    assert entries.is_filled_up(replace(entry, filled=D(1)), fill_of(entry, None))
    assert entries.is_filled_up(replace(entry, filled=D("1.1")), fill_of(entry, None))


def test_an_entry_that_ended_without_a_fill_frees_the_grid_and_starts_the_cooldown():
    grid = Harness()
    grid.ack("c1")
    number = grid.orders["c1"].command.client_order_id
    grid.pass_ms(100)
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert grid.is_ready
    assert grid.state.ladder == Ladder(since_ns=grid.now_ns)
    assert grid.state.ended == (number,)
    assert grid.of(EntryFinished) == []
    assert grid.state.counters.entries_filled == 0
    assert [note for note in grid.notes if note.event is LogEvent.CYCLE_READY] == [
        Note(event=LogEvent.CYCLE_READY, level=NoteLevel.INFO, grid="g", text="0 filled", lot=1, client_order_id=number)
    ]


@pytest.mark.parametrize(("filled", "since"), [("0", False), ("0.001", True)])
def test_an_ending_by_the_venue_costs_a_cooldown_only_if_something_filled(filled, since):
    grid = Harness()
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entry = replace(grid.state.pending, filled=D(filled), covered=D(filled))
    entries.finish(draft, entry, is_charged=False)
    assert draft.state.pending is None
    assert draft.state.ladder.since_ns == (grid.now_ns if since else None)
    assert draft.state.counters.entries_filled == int(since)


def test_a_waived_cooldown_stays_waived_when_the_entry_ends():
    grid = Harness()
    grid.state = replace(grid.state, ladder=Ladder(is_waived=True))
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entries.finish(draft, grid.state.pending)
    assert draft.state.ladder == Ladder(since_ns=grid.now_ns, is_waived=True)


def test_an_ended_entry_waits_until_every_fill_is_covered():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    assert grid.of(EntryFinished) == [EntryFinished(grid="g", lot=1, filled=D("0.400"))]
    assert grid.state.counters.entries_filled == 1
    entry = grid.state.pending
    assert (entry.is_done, entry.is_charged, entry.cancel, entry.inquiry) == (True, True, None, None)
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entries.become_ready_if_covered(draft, replace(entry, covered=D("0.399")))
    assert draft.state.pending == entry
    entries.become_ready_if_covered(draft, replace(entry, covered=D("0.400"), is_done=False))
    assert draft.state.pending == entry
    entries.become_ready_if_covered(draft, replace(entry, covered=D("0.400")))
    assert draft.state.pending is None


def test_the_end_of_an_entry_ends_its_cancel_and_its_question():
    grid = Harness()
    entry = replace(
        grid.state.pending,
        filled=D("0.4"),
        cancel=inquiry.cancellation("why", grid.now_ns),
        inquiry=inquiry.begin("why", fence_ns=0, at_ns=0),
    )
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entries.finish(draft, entry, is_charged=False)
    done = replace(entry, is_done=True, is_charged=False, cancel=None, inquiry=None)
    assert draft.state.pending == done
    assert done.leaves == 0


def test_the_newest_ended_entries_are_remembered():
    grid = Harness()
    grid.state = replace(grid.state, ended=tuple(range(entries.REMEMBERED)))
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entries.finish(draft, grid.state.pending)
    assert draft.state.ended == (*range(1, entries.REMEMBERED), grid.state.pending.client_order_id)


def test_what_can_still_fill_is_never_negative():
    entry = Harness().state.pending
    assert entry.leaves == 1
    assert replace(entry, filled=D("0.4")).leaves == D("0.6")
    assert replace(entry, filled=D("1.1")).leaves == 0
    assert replace(entry, filled=D("0.4"), is_done=True).leaves == 0


def test_only_the_counting_of_refusals_is_cleared():
    grid = Harness()
    grid.state = replace(grid.state, backoff=Backoff(until_ns=5, reason="why", refusals=2, failures=1))
    draft = Draft(grid.context, grid.state, grid.now_ns)
    entries.clear_refusals(draft)
    assert draft.state == replace(grid.state, backoff=Backoff())


def test_a_closed_lot_waives_the_cooldown_of_one_entry():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.fill("c2", "t2", "1.000")
    assert grid.take()[-1] == "c3 buy 1@99.9"
    assert not grid.state.ladder.is_waived
    grid.ack("c3")
    grid.done("c3", CancelReason.REQUESTED, "0")
    grid.pass_ms(1_999)
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["c4 buy 1@99.9"]
