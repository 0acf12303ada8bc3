"""Cards AC-08 to AC-12: no answer, a useless answer, a late request. Nothing is concluded that is not proven."""

import pytest

from actors.messages import (
    CancelFailed,
    OrderAccepted,
    OrderCanceled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
)
from actors.send_gate import to_request
from exchanges.errors import OutcomeUnknown, RequestRefused, UnknownOrder
from exchanges.simulated.faces.mishaps import Mishap
from exchanges.values import OrderStatus
from tests.contract.desk import SECOND


def test_ac_08_a_lost_reply_is_unknown_until_the_venue_is_asked(desk):
    """AC-08: an accepted order whose reply is lost is unknown, is not sent again, and its query adopts it.

    Aster 13.3; Backpack 4.2; Lighter 8.3 (RELIABILITY.md O1).
    """
    entry = desk.entry()
    desk.plan(Mishap.LOST_REPLY, entry)
    desk.holds_frames = True
    before_ns = desk.clock.monotonic_ns()
    desk.command(entry)
    (unknown,) = desk.told(OrderOutcomeUnknown)
    assert unknown.fence_ns == before_ns + round(desk.capabilities.fence_s * SECOND)
    assert desk.told(OrderRejected) == []
    desk.query(entry)
    (settled,) = desk.told(OrderSettled)
    assert (settled.status, settled.filled) == (OrderStatus.OPEN, 0)
    desk.holds_frames = False
    desk.settle()
    assert len(desk.told(OrderAccepted)) == 1
    assert desk.open_at_venue() == 1


def test_ac_09_a_lost_request_stays_unknown_until_it_is_proven_absent(desk):
    """AC-09: of a request that never arrived nothing is concluded before the fence except by proof (a nonce that
    another transaction took). After it, "not found" is told with the time of the question, and only that time makes it
    count (actors/grid/inquiry.py counts no other).

    Aster 13.3; Backpack 4.2; Lighter 9 (RELIABILITY.md O2).
    """
    entry = desk.entry()
    desk.plan(Mishap.LOST_REQUEST, entry)
    desk.command(entry)
    (unknown,) = desk.told(OrderOutcomeUnknown)
    desk.query(entry)
    assert all(told.asked_ns < unknown.fence_ns for told in desk.told(OrderNotFound))
    proven = desk.told(OrderSettled)
    assert [(told.status, told.filled) for told in proven] in ([], [(OrderStatus.REJECTED, 0)])
    assert len(desk.told(OrderRejected)) <= len(proven)
    for _ in range(5):
        if proven:
            break
        desk.pass_time(desk.capabilities.fence_s / 2)
        desk.query(entry)
        proven = [told for told in desk.told(OrderNotFound) if told.asked_ns >= unknown.fence_ns]
    assert proven
    assert desk.told(OrderAccepted) == []
    assert desk.open_at_venue() == 0


def test_ac_10_what_is_said_of_a_late_request_holds_when_it_arrives(desk):
    """AC-10: a request held up on its way: whatever the venue was asked meanwhile, absence proves nothing and the
    order comes to be; and where an end was proven (its nonce used up), it never does.

    Aster 3.4, 13.3; Backpack 3.3; Lighter 9 (RELIABILITY.md O3).
    """
    entry = desk.entry()
    signed = desk.sign(desk.venue.place_limit_order(to_request(entry)))
    desk.pass_time(desk.capabilities.fence_s / 4)
    question = desk.venue.query_order(desk.ref(entry.client_order_id))
    try:
        is_proven = desk.ask(question).status.is_terminal
    except (UnknownOrder, OutcomeUnknown):
        is_proven = False
    desk.bench.exchange(signed)
    desk.settle()
    assert desk.open_at_venue() == int(not is_proven)
    assert desk.ask(question).status is (OrderStatus.REJECTED if is_proven else OrderStatus.OPEN)


def test_ac_11_after_the_fence_a_request_is_refused(desk):
    """AC-11: the fence holds: a request that arrives after `capabilities.fence_s` is refused, and never comes to be.

    Aster 3.4 (-4225, -1021); Backpack 3.3; Lighter 9, 10 (RELIABILITY.md O4).
    """
    entry = desk.entry()
    call = desk.venue.place_limit_order(to_request(entry))
    signed = desk.sign(call)
    desk.pass_time(desk.capabilities.fence_s)
    reply = desk.bench.exchange(signed)
    if desk.capabilities.reply_is_acceptance:
        with pytest.raises(RequestRefused):
            call.read(reply)
    desk.pass_time(desk.capabilities.fence_s)
    with pytest.raises(UnknownOrder):
        desk.ask(desk.venue.query_order(desk.ref(entry.client_order_id)))
    assert desk.open_at_venue() == 0


@pytest.mark.parametrize("mishap", [Mishap.TIMEOUT_AFTER, Mishap.TIMEOUT_BEFORE, Mishap.HTML])
def test_ac_12_an_answer_that_decides_nothing_is_unknown(desk, mishap):
    """AC-12: 5xx and pages that are no protocol leave the outcome open, whether the order was executed or not; for
    cancels as well, whose owner asks.

    Aster 5.1, 13.3; Backpack 4.2; Lighter 2, 8.3 (RELIABILITY.md O8, O9, O19).
    """
    entry = desk.entry()
    desk.plan(mishap, entry)
    desk.command(entry)
    assert len(desk.told(OrderOutcomeUnknown)) == 1
    assert desk.told(OrderRejected) == []
    assert desk.open_at_venue() == int(mishap.is_after)
    desk.query(entry)
    settled = [(told.status, told.filled) for told in desk.told(OrderSettled)]
    if not mishap.is_after:
        assert settled in ([], [(OrderStatus.REJECTED, 0)])  # unknown still, or proven by its nonce
        return
    assert settled == [(OrderStatus.OPEN, 0)]
    desk.plan(Mishap.TIMEOUT_BEFORE, desk.cancel_of(entry))
    desk.command(desk.cancel_of(entry))
    assert len(desk.told(CancelFailed)) == 1
    assert desk.told(OrderCanceled) == []
    desk.plan(Mishap.TIMEOUT_AFTER, desk.cancel_of(entry))
    desk.command(desk.cancel_of(entry))
    desk.query(entry)
    assert desk.told(OrderSettled)[-1].status is OrderStatus.CANCELED
