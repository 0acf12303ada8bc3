"""Exits of ours that the venue has and we do not know: which lots they are for, and what is forgotten with them."""

import pytest

from actors.grid import ledger
from actors.grid.state import CloseOrder, ExitKind, Part, TrackedPosition
from actors.log_events import LogEvent
from actors.messages import LotRebuilt, NoteLevel, OrderAccepted
from exchanges.order_ids import EMERGENCY_LEG, LAST_EXIT_LEG, OrderKey, pack
from exchanges.records import replace
from exchanges.values import OrderId, Side
from tests.grid.harness import D
from tests.grid.test_fills_of_exits import NOW_NS, exit_of, lot, step


def found(number, quantity, *, leg=1, price="101"):
    """The venue tells of an exit under an id of the lot `number`."""
    return OrderAccepted(
        grid="g",
        client_order_id=pack(OrderKey(7, number, leg)),
        price=D(price),
        quantity=D(quantity),
        order_id=OrderId("v-1"),
    )


def parts(draft):
    return [(part.lot, part.quantity) for part in draft.state.orders[-1].parts]


def test_an_adopted_exit_rests_for_its_own_lot_first_and_then_for_the_oldest():
    draft = step(lot(1, "0.5"), lot(2, "0.5"), lot(3, "0.5"))
    event = found(2, "0.7")
    ledger.adopt_order(draft, event)
    assert draft.state.orders == (
        CloseOrder(
            client_order_id=event.client_order_id,
            lot=2,
            kind=ExitKind.RESTING,
            price=D(101),
            quantity=D("0.7"),
            parts=(Part(2, D("0.5")), Part(1, D("0.2"))),
            placed_ns=NOW_NS,
            accepted_ns=NOW_NS,
            order_id=OrderId("v-1"),
        ),
    )
    assert (draft.state.is_agreed, draft.state.changed_ns) == (True, 0), "all of it is for lots that are known"
    [note] = draft.finish().notes
    assert (note.event, note.level, note.lot) == (LogEvent.CLOSE_ADOPTED, NoteLevel.WARNING, 2)
    assert note.client_order_id == event.client_order_id


def test_an_adopted_exit_gets_only_what_no_other_exit_is_for():
    draft = step(lot(1, "0.5"), lot(2, "0.5"), orders=(exit_of(1, (1, "0.4"), (2, "0.5")),))
    ledger.adopt_order(draft, found(2, "0.1", leg=3))
    assert parts(draft) == [(1, D("0.1"))]
    assert draft.state.orders[-1].lot == 1


def test_an_adopted_exit_of_more_than_is_held_waits_for_a_reading():
    draft = step(lot(1, "0.5"))
    ledger.adopt_order(draft, found(1, "0.6"))
    assert parts(draft) == [(1, D("0.5"))]
    assert (draft.state.is_agreed, draft.state.changed_ns) == (False, NOW_NS)
    assert not draft.finish().outputs


def test_an_adopted_exit_without_any_lot_is_its_own_lots():
    draft = step()
    ledger.adopt_order(draft, found(4, "0.6"))
    assert (draft.state.orders[0].lot, draft.state.orders[0].parts) == (4, ())
    assert not draft.state.is_agreed


def test_an_adopted_emergency_order_is_an_emergency_order():
    draft = step(lot(1, "0.5"))
    ledger.adopt_order(draft, found(70, "0.5", leg=EMERGENCY_LEG))
    assert draft.state.orders[0].kind is ExitKind.EMERGENCY
    assert draft.state.lots[0].next_leg == 2


@pytest.mark.parametrize(
    ("leg", "next_leg"),
    [(1, 2), (2, 3), (5, 6), (LAST_EXIT_LEG, 14), (EMERGENCY_LEG, 14)],
)
def test_the_leg_of_an_adopted_exit_and_those_before_it_are_spent(leg, next_leg):
    """The lot in the middle has used leg 1 already and continues with its own sequence; others are not concerned."""
    draft = step(lot(1, "0.5"), lot(2, "0.5"), replace(lot(3, "0.5"), sequence=66))
    ledger.adopt_order(draft, found(2, "0.5", leg=leg))
    assert [tracked.next_leg for tracked in draft.state.lots] == [2, next_leg, 2]


def test_an_adopted_exit_of_a_continuation_spends_the_leg_of_the_lot_that_uses_it():
    draft = step(lot(1, "0.5"), replace(lot(2, "0.5"), sequence=66))
    ledger.adopt_order(draft, found(66, "0.5", leg=4))
    assert [tracked.next_leg for tracked in draft.state.lots] == [2, 5]


@pytest.mark.parametrize(
    "event",
    [
        replace(found(1, "0.5"), price=None),
        replace(found(1, "0.5"), quantity=None),
        replace(found(1, "0.5"), client_order_id=0),
        found(1, "0.5", leg=0),
        found(3, "0.5"),
    ],
    ids=["no price", "no quantity", "no id of ours", "an entry", "known to have ended"],
)
def test_what_is_no_exit_that_rests_is_not_adopted(event):
    draft = step(lot(1, "0.5"), finished=(exit_of(3, (1, "0.5")),))
    before = draft.state
    ledger.adopt_order(draft, event)
    assert draft.state == before
    assert draft.finish().notes == ()


def fresh_step(*lots):
    """A step of a start without any memory."""
    draft = step(*lots)
    draft.state = replace(draft.state, is_fresh_start=True)
    return draft


@pytest.mark.parametrize(("leg", "next_leg"), [(3, 4), (LAST_EXIT_LEG, 14), (EMERGENCY_LEG, 14)])
def test_a_forgotten_lot_is_rebuilt_at_the_entry_price_its_exit_stands_for(leg, next_leg):
    draft = fresh_step()
    ledger.adopt_order(draft, found(5, "0.6", leg=leg))
    assert draft.state.lots == (
        TrackedPosition(
            lot=5,
            sequence=5,
            next_leg=next_leg,
            opened_ns=NOW_NS,
            entry_filled=D("0.6"),
            entry_notional=D(60),
            is_entry_done=True,
        ),
    )
    assert draft.finish().outputs == (LotRebuilt(grid="g", lot=5, side=Side.BUY, quantity=D("0.6"), price=D(100)),)
    assert parts(draft) == [(5, D("0.6"))]
    assert draft.state.is_agreed


def test_of_a_lot_only_what_is_short_is_rebuilt():
    draft = fresh_step(lot(4, "0.1"), lot(5, "0.4"))
    ledger.adopt_order(draft, found(5, "0.7", price="111.1"))
    assert [(tracked.lot, tracked.entry_filled) for tracked in draft.state.lots] == [(4, D("0.1")), (5, D("0.6"))]
    assert draft.state.lots[1].entry_notional == D(40) + D("0.2") * D(110)
    [told] = draft.finish().outputs
    assert (told.lot, told.quantity, told.price) == (5, D("0.2"), D(110))
    assert parts(draft) == [(5, D("0.6")), (4, D("0.1"))]


def test_nothing_is_rebuilt_where_the_lots_suffice():
    draft = fresh_step(lot(5, "0.7"))
    ledger.adopt_order(draft, found(5, "0.7"))
    assert draft.finish().outputs == ()
    assert draft.state.lots[0].entry_filled == D("0.7")
