"""Whose a fill of an exit is, and what it makes of its lots: one step of the ledger at a time."""

import pytest

from actors.grid import ledger
from actors.grid.draft import Draft
from actors.grid.settings import Direction
from actors.grid.state import BoostLoss, CloseOrder, ExitBook, ExitKind, Part, Suspicion, TrackedPosition
from actors.log_events import LogEvent
from actors.messages import EntryFilled, FillAttributed, OrderFilled
from exchanges.order_ids import OrderKey, pack
from exchanges.records import replace
from tests.grid.harness import START_NS, D, make_context

NOW_NS = START_NS + 5


def lot(number, held, **fields):
    """A lot that was bought at 100."""
    first = TrackedPosition(lot=number, sequence=number, next_leg=2, opened_ns=START_NS)
    return replace(first, entry_filled=D(held), entry_notional=D(held) * 100, is_entry_done=True, **fields)


def exit_of(number, *parts, **fields):
    """An exit that rests, under an id of the lot `number`."""
    parts = tuple(Part(lot_number, D(quantity)) for lot_number, quantity in parts)
    order = CloseOrder(
        client_order_id=pack(OrderKey(7, number, 1)),
        lot=number,
        kind=ExitKind.RESTING,
        price=D(101),
        quantity=sum((part.quantity for part in parts), D(0)),
        parts=parts,
        placed_ns=START_NS,
        accepted_ns=START_NS,
    )
    return replace(order, **fields)


def fill_of(number, quantity, price=101, fee=0):
    return OrderFilled(
        grid="g",
        client_order_id=pack(OrderKey(7, number, 1)),
        price=D(price),
        quantity=D(quantity),
        cumulative=D(quantity),
        fee=D(fee),
    )


def step(*lots, direction=Direction.BUY, is_agreed=True, **fields):
    book = ExitBook(lots=lots, is_agreed=is_agreed, is_connected=True, is_fresh_start=False, **fields)
    return Draft(make_context(direction=direction), book, NOW_NS)


def remaining(draft):
    return {tracked.lot: tracked.remaining for tracked in draft.state.lots}


def attributed(draft):
    return [(told.lot, told.quantity, told.fee) for told in draft.finish().outputs if isinstance(told, FillAttributed)]


@pytest.mark.parametrize("direction", list(Direction))
def test_a_fill_of_two_lots_gives_each_its_quantity_its_fee_and_its_profit(direction):
    """Bought at 100 and closed at 101, or sold at 100 and closed at 99."""
    is_buy = direction is Direction.BUY
    lots = [lot(1, "0.1"), lot(2, "0.4", entry_fees=D("0.04"), refusals=3, failures=2, dust=D("0.2"))]
    order = exit_of(2, (1, "0.1"), (2, "0.3"))
    doubt = Suspicion(held=D("0.4"), count=1, asked_ns=START_NS)
    draft = step(*lots, orders=(order,), suspicion=doubt, direction=direction)
    price = D(101) if is_buy else D(99)
    ledger.apply_fill(draft, fill_of(2, "0.4", price, "0.04"))
    first, second = draft.state.lots
    assert first == replace(
        lots[0],
        exit_filled=D("0.1"),
        exit_notional=price * D("0.1"),
        exit_fees=D("0.01"),
        realized=D("0.09"),
        last_fill_ns=NOW_NS,
    )
    assert second == replace(
        lots[1],
        exit_filled=D("0.3"),
        exit_notional=price * D("0.3"),
        exit_fees=D("0.03"),
        realized=D("0.24"),
        dust=D("0.1"),
        last_fill_ns=NOW_NS,
        refusals=0,
        failures=0,
    )
    assert draft.state.orders == (replace(order, filled=D("0.4"), parts=()),)
    counters = draft.state.counters
    assert (counters.exit_fills, counters.late_fills, counters.fees) == (1, 0, D("0.04"))
    assert counters.realized_pnl == D("0.33")
    assert (draft.state.changed_ns, draft.state.suspicion) == (NOW_NS, None)
    assert attributed(draft) == [(1, D("0.1"), D("0.01"))], "of the other lot the id itself tells"


def test_a_second_fill_adds_to_the_first():
    draft = step(lot(1, "1.0"), orders=(exit_of(1, (1, "1.0")),))
    for _ in range(2):
        ledger.apply_fill(draft, fill_of(1, "0.4", fee="0.01"))
    [tracked] = draft.state.lots
    assert (tracked.exit_filled, tracked.exit_notional) == (D("0.8"), D("80.8"))
    assert (tracked.exit_fees, tracked.realized) == (D("0.02"), D("0.78"))
    assert draft.state.counters.realized_pnl == D("0.78")
    assert (draft.state.counters.exit_fills, draft.state.counters.fees) == (2, D("0.02"))
    assert draft.state.orders[0].filled == D("0.8")


def test_a_fill_is_told_to_the_journal_where_the_id_does_not_name_its_lot():
    """The journal counts a fill for the lot of the order, which it knows from the intent, or else of the id."""
    continued = exit_of(65, (1, "0.5"), lot=1)
    draft = step(lot(1, "1.0"), orders=(continued,))
    ledger.apply_fill(draft, fill_of(65, "0.5", fee="0.1"))
    assert attributed(draft) == [(1, D("0.5"), D("0.1"))]


def test_a_fill_is_told_to_the_journal_where_its_order_was_for_another_lot_first():
    draft = step(lot(1, "1.0"), lot(2, "1.0"), orders=(exit_of(1, (1, "0.5"), lot=2),))
    ledger.apply_fill(draft, fill_of(1, "0.5"))
    assert attributed(draft) == [(1, D("0.5"), D(0))]


def test_a_fill_of_a_forgotten_exit_of_an_open_lot_needs_no_telling():
    draft = step(lot(1, "1.0"), lot(2, "1.0"))
    ledger.apply_fill(draft, fill_of(2, "0.5"))
    assert remaining(draft) == {1: D("1.0"), 2: D("0.5")}
    assert attributed(draft) == []


def test_a_late_fill_closes_what_its_exit_was_for():
    finished = exit_of(3, (2, "0.3"), lot=3)
    draft = step(lot(1, "1.0"), lot(2, "1.0"), lot(3, "1.0"), finished=(finished,))
    ledger.apply_fill(draft, fill_of(3, "0.3"))
    assert remaining(draft) == {1: D("1.0"), 2: D("0.7"), 3: D("1.0")}
    assert draft.state.counters.late_fills == 1
    assert draft.state.finished == (finished,)


def test_what_the_lots_of_an_exit_no_longer_hold_goes_to_the_lot_of_its_id_and_then_to_the_oldest():
    order = exit_of(3, (2, "0.4"), (9, "0.1"))
    draft = step(lot(1, "1.0"), lot(2, "0.1"), lot(3, "0.1"), lot(4, "1.0"), orders=(order,))
    ledger.apply_fill(draft, fill_of(3, "0.5"))
    assert remaining(draft) == {1: D("0.7"), 2: D(0), 3: D(0), 4: D("1.0")}
    assert draft.finish().notes == ()


def test_no_lot_closes_more_than_it_holds_by_being_the_lot_of_the_id_and_the_oldest_too():
    draft = step(lot(1, "0.1"), lot(2, "1.0"))
    ledger.apply_fill(draft, fill_of(1, "0.3"))
    assert remaining(draft) == {1: D(0), 2: D("0.8")}


def test_what_no_lot_holds_is_an_error_where_the_position_has_agreed():
    draft = step(lot(1, "0.1"), orders=(exit_of(1, (1, "0.5")),))
    ledger.apply_fill(draft, fill_of(1, "0.5"))
    assert (remaining(draft), draft.state.early) == ({1: D(0)}, ())
    assert [note.event for note in draft.finish().notes] == [LogEvent.POSITION_MISMATCH]


def test_a_fill_that_fits_is_no_error():
    draft = step(lot(1, "0.5"), orders=(exit_of(1, (1, "0.5")),))
    ledger.apply_fill(draft, fill_of(1, "0.5"))
    assert draft.finish().notes == ()


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(("remembered_high", "left"), [(1, "1.0"), (2, "0.6"), (3, "0.6")])
def test_before_a_reading_agrees_another_lot_pays_only_for_a_lot_that_has_been_closed(remembered_high, left, is_known):
    """What lot 2 has is told by the strategy later, unless it has been closed before. The power may be lost with the
    intent of the exit: then its id says whose it was.
    """
    orders = (exit_of(2, (2, "0.4")),) if is_known else ()
    draft = step(lot(1, "1.0"), orders=orders, is_agreed=False, remembered_high=remembered_high)
    fill = fill_of(2, "0.4", fee="0.1")
    ledger.apply_fill(draft, fill)
    assert remaining(draft) == {1: D(left)}
    assert draft.state.early == ((fill,) if left == "1.0" else ())


def test_once_a_reading_has_agreed_the_oldest_lot_pays_for_a_lot_that_is_not_there():
    draft = step(lot(1, "1.0"), orders=(exit_of(2, (2, "0.4")),), closed_high=1)
    ledger.apply_fill(draft, fill_of(2, "0.4"))
    assert (remaining(draft), draft.state.early) == ({1: D("0.6")}, ())


def test_what_waits_is_no_other_lots():
    """The next entry's fill may come before the one that is awaited: it gets an exit of its own."""
    draft = step(lot(1, "0.5"), is_agreed=False)
    ledger.apply_fill(draft, fill_of(2, "0.4"))
    ledger.notify_order_filled(draft, EntryFilled(grid="g", lot=3, price=D(100), quantity=D(1)))
    assert remaining(draft) == {1: D("0.5"), 3: D(1)}
    assert [fill.quantity for fill in draft.state.early] == [D("0.4")]


def test_a_lot_that_is_filled_after_its_lost_exit_closes_with_what_waited():
    draft = step(lot(2, "0.1"), is_agreed=False)
    ledger.apply_fill(draft, fill_of(2, "0.4"))
    assert (remaining(draft), [fill.quantity for fill in draft.state.early]) == ({2: D(0)}, [D("0.3")])
    ledger.notify_order_filled(draft, EntryFilled(grid="g", lot=2, price=D(100), quantity=D("0.3")))
    assert (remaining(draft), draft.state.early) == ({2: D(0)}, ())


def test_the_oldest_lot_pays_for_an_exit_that_nobody_remembers_and_the_rest_is_an_error():
    draft = step(lot(1, "0.3"))
    ledger.apply_fill(draft, fill_of(2, "0.4"))
    assert (remaining(draft), draft.state.early) == ({1: D(0)}, ())
    events = [note.event for note in draft.finish().notes]
    assert events == [LogEvent.LATE_FILL_AFTER_DONE, LogEvent.POSITION_MISMATCH]


def test_what_waits_for_its_entry_has_its_share_of_the_fee():
    draft = step(lot(2, "0.1"), orders=(exit_of(2, (2, "0.4")),), is_agreed=False)
    fill = fill_of(2, "0.4", fee="0.1")
    ledger.apply_fill(draft, fill)
    assert draft.state.early == (replace(fill, quantity=D("0.3"), fee=D("0.075")),)
    assert draft.state.lots[0].exit_fees == D("0.025")
    assert draft.finish().notes == ()


def test_every_fill_that_came_too_early_waits():
    draft = step(lot(1, "1.0"), orders=(exit_of(2, (2, "0.4")),), is_agreed=False)
    fills = fill_of(2, "0.1"), fill_of(2, "0.2")
    for fill in fills:
        ledger.apply_fill(draft, fill)
    assert draft.state.early == fills


@pytest.mark.parametrize("place", ["orders", "finished"])
def test_what_waited_in_vain_closes_the_oldest_lot_and_counts_as_the_exit_it_was(place):
    order = exit_of(2, (2, "0.4"), kind=ExitKind.BOOST)
    early = fill_of(2, "0.3", price=99), fill_of(2, "0.1", price=99)
    draft = step(lot(1, "0.3"), lot(3, "1.0"), early=early, is_agreed=False, closed_high=0, **{place: (order,)})
    ledger.close_oldest(draft)
    assert (remaining(draft), draft.state.early) == ({1: D(0), 3: D("0.9")}, ())
    assert draft.state.boost_losses == (BoostLoss(NOW_NS, D("0.3")), BoostLoss(NOW_NS, D("0.1")))
    assert attributed(draft) == [(1, D("0.3"), D(0)), (3, D("0.1"), D(0))]
