"""What became of an exit: fills, endings and answers, and how the next attempt is made.

A canceled exit is placed again only after it is settled: a final report whose cumulative equals ours settles it,
anything else is asked. Re-posting on a cancel whose filled quantity is stale would sell twice (flow_model.py found it).
A settled order does not close the book: a later fill of it still counts, for the lots it was for.
"""

from actors.grid import closing, inquiry, ledger, orders
from actors.grid.draft import Draft
from actors.grid.positions import drop_order, find_lot, find_order, put_lot, put_order
from actors.grid.state import (
    MILLISECOND_NS,
    SECOND_NS,
    CloseOrder,
    ExitBook,
    ExitKind,
    FlattenProgress,
    TrackedPosition,
)
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    CancelFailed,
    NoteLevel,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
)
from exchanges.records import replace
from exchanges.values import ZERO, CancelReason, OrderId, OrderStatus, RejectReason

LONGEST_BACKOFF_NS = 10 * SECOND_NS
RATE_BACKOFF_NS = SECOND_NS
SHORT_LIFE_NS = SECOND_NS
RETRY_CANCEL_NS = 250 * MILLISECOND_NS
ALARMING_FAILURES = 3

_REASON_OF = {
    RejectReason.POST_ONLY: CancelReason.POST_ONLY,
    RejectReason.REDUCE_ONLY: CancelReason.REDUCE_ONLY,
}


def accept(draft: Draft[ExitBook], event: OrderAccepted) -> None:
    """The exit is in the book and protects its lots."""
    order = find_order(draft.state, event.client_order_id)
    if order is None:
        ledger.adopt_order(draft, event)
        return
    _accept(draft, order, event.order_id)


def _accept(draft: Draft[ExitBook], order: CloseOrder, order_id: OrderId | None) -> CloseOrder:
    """Take an exit as accepted, and return it as stored. A question stays open only where an end was reported."""
    accepted = replace(
        order,
        accepted_ns=draft.now_ns if order.accepted_ns is None else order.accepted_ns,
        order_id=order_id or order.order_id,
        inquiry=order.inquiry if order.end_reason is not None else None,
    )
    put_order(draft, accepted)
    if order.accepted_ns is None:
        draft.note(
            LogEvent.CLOSE_ORDER_PLACED,
            f"{order.quantity} at {order.price}",
            lot=order.lot,
            client_order_id=order.client_order_id,
        )
    return accepted


def filled(draft: Draft[ExitBook], event: OrderFilled) -> None:
    """Count a fill of an exit; an order without anything left is settled by it."""
    order = find_order(draft.state, event.client_order_id)
    ledger.apply_fill(draft, event)
    if order is None:
        return
    order = find_order(draft.state, event.client_order_id) or order
    progress = draft.state.flatten
    if progress is not None and order.kind is ExitKind.EMERGENCY:
        draft.state = replace(draft.state, flatten=replace(progress, failures=0))
    if order.leaves <= 0:
        drop_order(draft, order)
    elif event.leaves is not None and event.leaves <= 0:
        closing.ask(draft, order, "filled with less than was ordered")


def reject(draft: Draft[ExitBook], event: OrderRejected) -> None:
    """The venue refused the exit: it never existed. Everything it was for is unprotected again."""
    order = find_order(draft.state, event.client_order_id)
    if order is None:
        return
    if event.reason is not RejectReason.POST_ONLY:
        _note_refused(draft, order, f"{event.reason}: {event.text}")
    reason = _REASON_OF.get(event.reason)
    if reason is not None:
        release(draft, order, reason)
        return
    first_ns = RATE_BACKOFF_NS if event.reason is RejectReason.RATE else _backoff_ns(draft)
    _release_after_failure(draft, order, first_ns)


def deny(draft: Draft[ExitBook], event: OrderDenied) -> None:
    """Nothing left this machine."""
    order = find_order(draft.state, event.client_order_id)
    if order is not None:
        _note_refused(draft, order, f"not sent: {event.reason}")
        _release_after_failure(draft, order, _backoff_ns(draft))


def _note_refused(draft: Draft[ExitBook], order: CloseOrder, text: str) -> None:
    lot = find_lot(draft.state, order.lot)
    is_alarming = lot is not None and lot.failures >= ALARMING_FAILURES
    draft.note(
        LogEvent.CLOSE_ORDER_REFUSED,
        text,
        level=NoteLevel.ERROR if is_alarming else NoteLevel.WARNING,
        lot=order.lot,
        client_order_id=order.client_order_id,
    )


def canceled(draft: Draft[ExitBook], event: OrderCanceled) -> None:
    """The exit ended with a remainder: settled if the report is the last word, else asked for."""
    order = find_order(draft.state, event.client_order_id)
    if order is None:
        return
    order = replace(order, end_reason=event.reason)
    put_order(draft, order)
    if event.final and event.filled == order.filled:
        release(draft, order, event.reason)
        return
    closing.ask(draft, order, "cancel report is not the last word")


def settled(draft: Draft[ExitBook], event: OrderSettled) -> None:
    """The authoritative answer: it rests, or it has ended with this much filled."""
    order = find_order(draft.state, event.client_order_id)
    if order is None:
        return
    if event.status is OrderStatus.UNKNOWN or event.filled > order.filled:
        closing.ask(draft, order, "the answer names fills that were not told yet")
        return
    if event.status.is_terminal:
        release(draft, order, event.reason or order.end_reason or CancelReason.OTHER)
        return
    order = _accept(draft, replace(order, end_reason=None), event.order_id)
    order = replace(order, accepted_ns=draft.now_ns)
    put_order(draft, order)
    if order.cancel is not None:
        orders.cancel(draft, order, order.cancel.why)


def outcome_unknown(draft: Draft[ExitBook], event: OrderOutcomeUnknown) -> None:
    """No definite answer: the exit counts as possibly live until it is proven what became of it."""
    order = find_order(draft.state, event.client_order_id)
    if order is None or order.accepted_ns is not None:
        return
    draft.note(
        LogEvent.CLOSE_OUTCOME_UNKNOWN,
        event.why,
        level=NoteLevel.WARNING,
        lot=order.lot,
        client_order_id=order.client_order_id,
    )
    found = inquiry.begin(event.why, fence_ns=event.fence_ns, at_ns=draft.now_ns)
    put_order(draft, replace(order, inquiry=found))


def _may_have_filled(book: ExitBook, order: CloseOrder) -> bool:
    """Whether a position reading contradicts the lots that the order could be the reason of: one asked after it left.

    While an order is unknown no further reading counts, so an older doubt would neither be confirmed nor go away.
    """
    return book.suspicion is not None and book.suspicion.asked_ns > order.placed_ns


def not_found(draft: Draft[ExitBook], event: OrderNotFound) -> None:
    """Count an absence; enough of them, with no doubt about the position, prove that the exit is not there."""
    order = find_order(draft.state, event.client_order_id)
    if order is None or order.inquiry is None:
        return
    found = inquiry.absent(order.inquiry, event.asked_ns, draft.now_ns)
    order = replace(order, inquiry=found)
    put_order(draft, order)
    if found.absences < draft.context.settings.proof.not_found_proofs or _may_have_filled(draft.state, order):
        return
    draft.note(
        LogEvent.CLOSE_NEVER_ACCEPTED,
        f"{found.absences} answers 'not found' asked after the fence",
        level=NoteLevel.WARNING,
        lot=order.lot,
        client_order_id=order.client_order_id,
    )
    release(draft, order, CancelReason.NEVER_ACCEPTED)


def cancel_failed(draft: Draft[ExitBook], event: CancelFailed) -> None:
    """A refused cancel proves nothing: send it again if it never left, else ask what the order is."""
    order = find_order(draft.state, event.client_order_id)
    if order is None:
        return
    if event.retry and order.cancel is not None:
        put_order(draft, replace(order, cancel=replace(order.cancel, next_ns=draft.now_ns + RETRY_CANCEL_NS)))
        return
    closing.ask(draft, order, f"cancel failed: {event.why}")


def listed(draft: Draft[ExitBook], event: ActiveOrdersListed) -> None:
    """Compare the venue's open orders with ours. An absence makes us ask, a presence proves acceptance."""
    for order in draft.state.orders:
        if order.client_order_id in event.client_order_ids:
            if order.accepted_ns is None and event.asked_ns > order.placed_ns:
                _accept(draft, order, None)
        elif order.accepted_ns is not None and event.asked_ns > order.accepted_ns + inquiry.LISTING_GRACE_NS:
            closing.ask(draft, order, "not among the open orders")
    if event.asked_ns > draft.state.finished_ns + inquiry.LISTING_GRACE_NS:
        for order in draft.state.finished:
            if order.client_order_id in event.client_order_ids:
                _cancel_finished(draft, order)


def _cancel_finished(draft: Draft[ExitBook], order: CloseOrder) -> None:
    """Take an exit out of the book that the venue said was refused or had ended: another one does its work by now."""
    orders.send_cancel(draft, order)
    draft.note(
        LogEvent.ENDED_CLOSE_RESTS, level=NoteLevel.WARNING, lot=order.lot, client_order_id=order.client_order_id
    )


def amended(draft: Draft[ExitBook], event: OrderAmended) -> None:
    """Somebody else moved or resized an exit: it stays as it is, and what it no longer covers gets an exit of its own.

    To put it back would be a fight with a person; to believe in its old size would leave a quantity without an exit.
    """
    order = find_order(draft.state, event.client_order_id)
    if order is None or order.end_reason is not None:
        return
    left = max(ZERO, event.quantity - order.filled)
    parts = []
    for part in order.parts:
        share = min(part.quantity, left)
        left -= share
        if share > 0:
            parts.append(replace(part, quantity=share))
    changed = replace(order, price=event.price, quantity=max(event.quantity, order.filled), parts=tuple(parts))
    put_order(draft, changed)
    draft.note(
        LogEvent.CLOSE_ORDER_CHANGED,
        f"{order.leaves} at {order.price} is {changed.leaves} at {changed.price} now",
        level=NoteLevel.WARNING,
        lot=order.lot,
        client_order_id=order.client_order_id,
    )


def release(draft: Draft[ExitBook], order: CloseOrder, reason: CancelReason) -> None:
    """Take a settled exit off the book: what it had left is unplaced again, and its lots learn from how it ended."""
    drop_order(draft, order)
    if reason is not CancelReason.POST_ONLY and order.leaves > 0:
        draft.note(
            LogEvent.CLOSE_ORDER_CANCELED,
            f"{reason}, {order.leaves} of {order.quantity} left",
            lot=order.lot,
            client_order_id=order.client_order_id,
        )
    again_ns = max(draft.now_ns, order.placed_ns + _backoff_ns(draft))
    if draft.state.flatten is not None and order.kind is ExitKind.EMERGENCY:
        draft.state = replace(draft.state, flatten=_next_attempt(draft, draft.state.flatten, order, reason, again_ns))
    if reason is CancelReason.POST_ONLY:
        counters = draft.state.counters
        draft.state = replace(draft.state, counters=replace(counters, post_only_rejects=counters.post_only_rejects + 1))
    for lot in _lots_of(draft.state, order):
        put_lot(draft, _lesson(draft, lot, order, reason, again_ns))


def _next_attempt(
    draft: Draft[ExitBook], progress: FlattenProgress, order: CloseOrder, reason: CancelReason, again_ns: int
) -> FlattenProgress:
    """Space a flatten's attempts. Where the venue finds nothing to reduce, readings need time to say what is left."""
    lags = any(_is_in_grace(draft, lot) for lot in _lots_of(draft.state, order))
    if reason is not CancelReason.REDUCE_ONLY or lags:
        return replace(progress, retry_ns=again_ns)
    wait_ns = grown_ns(_backoff_ns(draft), progress.failures)
    return replace(progress, retry_ns=draft.now_ns + wait_ns, failures=progress.failures + 1)


def _lots_of(book: ExitBook, order: CloseOrder) -> tuple[TrackedPosition, ...]:
    """Return the lots an order was for, as far as they are still open."""
    numbers = {part.lot for part in order.parts} | {order.lot}
    return tuple(lot for lot in book.lots if lot.lot in numbers)


def _lesson(
    draft: Draft[ExitBook], lot: TrackedPosition, order: CloseOrder, reason: CancelReason, again_ns: int
) -> TrackedPosition:
    if reason is CancelReason.POST_ONLY:
        refusals = lot.refusals + 1
        draft.note(LogEvent.CLOSE_ORDER_RETRIED, f"post-only refused {refusals} times at {order.price}", lot=lot.lot)
        return replace(lot, refusals=refusals, retry_ns=again_ns)
    if reason is CancelReason.REDUCE_ONLY:
        return _after_reduce_only(draft, lot)
    if order.kind is ExitKind.BOOST:
        return replace(lot, boost_misses=lot.boost_misses + 1)
    if order.kind is ExitKind.FALLBACK:
        return replace(lot, refusals=1, retry_ns=again_ns)
    if order.kind is ExitKind.EMERGENCY:
        return replace(lot, retry_ns=again_ns)
    if order.cancel is not None or reason is CancelReason.NEVER_ACCEPTED:
        return lot
    if draft.now_ns - order.placed_ns >= SHORT_LIFE_NS:
        return replace(lot, failures=0)
    wait_ns = 0 if lot.failures == 0 else grown_ns(_backoff_ns(draft), lot.failures - 1)
    return replace(lot, failures=lot.failures + 1, retry_ns=draft.now_ns + wait_ns)


def _after_reduce_only(draft: Draft[ExitBook], lot: TrackedPosition) -> TrackedPosition:
    """A venue may lag behind its own fill for a moment; after that the position has to be read."""
    if _is_in_grace(draft, lot):
        return replace(lot, retry_ns=draft.now_ns + _backoff_ns(draft))
    return replace(lot, awaits_position_ns=draft.now_ns)


def _is_in_grace(draft: Draft[ExitBook], lot: TrackedPosition) -> bool:
    return draft.now_ns - lot.last_fill_ns <= int(draft.context.capabilities.reduce_only_retry_s * SECOND_NS)


def _release_after_failure(draft: Draft[ExitBook], order: CloseOrder, first_ns: int) -> None:
    drop_order(draft, order)
    progress = draft.state.flatten
    if progress is not None:
        wait_ns = grown_ns(first_ns, progress.failures)
        progress = replace(progress, failures=progress.failures + 1, retry_ns=draft.now_ns + wait_ns)
        draft.state = replace(draft.state, flatten=progress)
    for found in _lots_of(draft.state, order):
        lot = replace(found, failures=found.failures + 1, retry_ns=draft.now_ns + grown_ns(first_ns, found.failures))
        if order.kind is ExitKind.FALLBACK:
            lot = replace(lot, refusals=1)
        if order.kind is ExitKind.BOOST:
            lot = replace(lot, boost_misses=lot.boost_misses + 1)
        put_lot(draft, lot)


def grown_ns(first_ns: int, failures: int) -> int:
    """Return the wait after so many failures: doubled each time, within the limit."""
    return min(first_ns << min(failures, 16), LONGEST_BACKOFF_NS)


def _backoff_ns(draft: Draft[ExitBook]) -> int:
    return draft.context.settings.close.retry_backoff_ms * MILLISECOND_NS
