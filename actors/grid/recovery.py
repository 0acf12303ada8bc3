"""What became of an entry: every answer of the venue, and every silence, leads here.

`_recover_from_canceled_entry` is GRID_FLOW.md's rule for an entry that vanished, with one deliberate difference: an
absence is a reason to ask, never a conclusion. READY follows only from a refusal, a final report, an authoritative
answer, or enough absences asked after the fence while the position did not change.
"""

from actors.grid import entry as entries
from actors.grid import inquiry
from actors.grid.draft import Draft
from actors.grid.state import MILLISECOND_NS, SECOND_NS, Backoff, GridState, Mode, PendingEntry
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    CancelFailed,
    EntryFinished,
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
from exchanges.order_ids import unpack
from exchanges.records import replace
from exchanges.values import CancelReason, ClientOrderId, OrderId, OrderStatus, RejectReason

ALARMING_REFUSALS = 10
LONGEST_BACKOFF_NS = 60 * SECOND_NS
RETRY_CANCEL_NS = 250 * MILLISECOND_NS
ASKED_AGAIN = 8
"""So many ended entries are asked for again when the position holds more than the lots."""
ENDED_AGAIN_NS = 15 * SECOND_NS
"""... and again after so long."""


def notify_order_filled(draft: Draft[GridState], event: OrderFilled) -> None:
    """Count a fill and hand it to the closer at once, whatever state its order is in."""
    key = unpack(event.client_order_id)
    if key is None:
        return
    lot = key.sequence
    entry = entries.find(draft.state, event.client_order_id)
    entries.tell_fill(draft, lot, event)
    draft.note(
        LogEvent.ENTRY_FILLED, f"{event.quantity} at {event.price}", lot=lot, client_order_id=event.client_order_id
    )
    if entry is None or entry.is_done:
        _count_late_fill(draft, entry, event, lot)
        return
    entry = entries.ledger_says(entry, event)
    entries.put(draft, entry)
    entries.clear_refusals(draft)
    if entries.is_filled_up(entry, event):
        entries.finish(draft, entry)


def _count_late_fill(draft: Draft[GridState], entry: PendingEntry | None, event: OrderFilled, lot: int) -> None:
    filled = event.cumulative
    if entry is not None:
        entry = replace(entry, filled=entry.filled + event.quantity)
        entries.put(draft, entry)
        filled = entry.filled
    counters = draft.state.counters
    draft.state = replace(draft.state, counters=replace(counters, late_fills=counters.late_fills + 1))
    draft.note(
        LogEvent.LATE_FILL_AFTER_DONE,
        f"{event.quantity} at {event.price} after the entry had ended",
        level=NoteLevel.WARNING,
        lot=lot,
        client_order_id=event.client_order_id,
    )
    draft.emit(EntryFinished(grid=draft.context.name, lot=lot, filled=filled))


def accept(draft: Draft[GridState], event: OrderAccepted) -> None:
    """The entry is in the book; an unknown one of ours is adopted."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None:
        _adopt(draft, event)
    elif not entry.is_done:
        _rests(draft, entry, event.order_id)


def _rests(draft: Draft[GridState], entry: PendingEntry, order_id: OrderId | None) -> PendingEntry:
    """Note that the entry is in the book, if that is news, and that nothing is asked about it any more."""
    found = replace(
        entry,
        accepted_ns=draft.now_ns if entry.accepted_ns is None else entry.accepted_ns,
        pending_open_order_id=order_id or entry.pending_open_order_id,
        inquiry=None,
    )
    entries.put(draft, found)
    if entry.accepted_ns is None:
        draft.note(
            LogEvent.ENTRY_ORDER_PLACED,
            f"{entry.quantity} at {entry.price}",
            lot=entry.lot,
            client_order_id=entry.client_order_id,
        )
    return found


def _adopt(draft: Draft[GridState], event: OrderAccepted) -> None:
    key = unpack(event.client_order_id)
    is_known_end = event.client_order_id in draft.state.ended
    if key is None or is_known_end or event.price is None or event.quantity is None:
        return
    entry = PendingEntry(
        client_order_id=event.client_order_id,
        lot=key.sequence,
        price=event.price,
        quantity=event.quantity,
        placed_ns=draft.now_ns,
        accepted_ns=draft.now_ns,
        pending_open_order_id=event.order_id,
    )
    draft.note(
        LogEvent.ENTRY_ADOPTED,
        f"{entry.quantity} at {entry.price}",
        level=NoteLevel.WARNING,
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    if draft.state.pending is None:
        draft.state = replace(draft.state, pending=entry)
    else:
        draft.state = replace(draft.state, strays=(*draft.state.strays, entry))


def reject(draft: Draft[GridState], event: OrderRejected) -> None:
    """The venue refused the entry: it never existed."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done:
        return
    if event.reason is RejectReason.POST_ONLY:
        _refused_as_post_only(draft, entry)
        return
    draft.note(
        LogEvent.ENTRY_ORDER_REFUSED,
        f"{event.reason}: {event.text}",
        level=NoteLevel.WARNING,
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    if event.reason in (RejectReason.MARGIN, RejectReason.AUTHENTICATION):
        pause(draft, event.reason.value, NoteLevel.ERROR)
    else:
        _back_off(draft, SECOND_NS, f"refused: {event.reason}")
    entries.finish(draft, entry, is_charged=False)


def deny(draft: Draft[GridState], event: OrderDenied) -> None:
    """Nothing left this machine: free to try again after a moment."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done:
        return
    draft.note(
        LogEvent.ENTRY_ORDER_REFUSED,
        f"not sent: {event.reason}",
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    _back_off(draft, draft.context.settings.close.retry_backoff_ms * MILLISECOND_NS, f"not sent: {event.reason}")
    entries.finish(draft, entry, is_charged=False)


def canceled(draft: Draft[GridState], event: OrderCanceled) -> None:
    """The entry ended with a remainder, if the report is the last word; else ask."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done:
        return
    if not event.final or event.filled > entry.filled:
        _ask(draft, entry, "cancel report is not the last word")
        return
    _end(draft, entry, event.reason)


def settled(draft: Draft[GridState], event: OrderSettled) -> None:
    """The authoritative answer: it rests, or it has ended with this much filled."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done:
        return
    if event.status is OrderStatus.UNKNOWN or event.filled > entry.filled:
        _ask(draft, entry, "the answer names fills that were not told yet")
        return
    if event.status.is_terminal:
        _end(draft, entry, event.reason or CancelReason.OTHER)
        return
    entry = replace(_rests(draft, entry, event.order_id), accepted_ns=draft.now_ns)
    entries.put(draft, entry)
    if entry.cancel is not None:
        entries.cancel(draft, entry, entry.cancel.why)


def _end(draft: Draft[GridState], entry: PendingEntry, reason: CancelReason) -> None:
    if reason is CancelReason.POST_ONLY and entry.filled == 0:
        _refused_as_post_only(draft, entry)
        return
    draft.note(
        LogEvent.ENTRY_ORDER_CANCELED,
        f"{reason}, {entry.filled} of {entry.quantity} filled",
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    if reason is not CancelReason.POST_ONLY:
        entries.clear_refusals(draft)
    entries.finish(draft, entry, is_charged=entry.cancel is None or entry.cancel.why != REQUOTE)


REQUOTE = "re-quote"
"""Why an entry is canceled to be placed at a better price: its successor is not charged a cooldown."""


def outcome_unknown(draft: Draft[GridState], event: OrderOutcomeUnknown) -> None:
    """No definite answer: nothing else is placed until it is proven what became of the entry."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done or entry.accepted_ns is not None:
        return
    draft.note(
        LogEvent.ENTRY_OUTCOME_UNKNOWN,
        event.why,
        level=NoteLevel.WARNING,
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    found = inquiry.begin(event.why, fence_ns=event.fence_ns, at_ns=draft.now_ns)
    entries.put(draft, replace(entry, inquiry=found))


def not_found(draft: Draft[GridState], event: OrderNotFound) -> None:
    """Count an absence; enough of them, with the position unchanged, prove that the entry is not there."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done or entry.inquiry is None:
        return
    found = inquiry.absent(entry.inquiry, event.asked_ns, draft.now_ns)
    entry = replace(entry, inquiry=found)
    entries.put(draft, entry)
    if found.absences < draft.context.settings.proof.not_found_proofs or draft.state.surplus > 0:
        return
    draft.note(
        LogEvent.ENTRY_NEVER_ACCEPTED,
        f"{found.absences} answers 'not found' asked after the fence",
        level=NoteLevel.WARNING,
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    entries.finish(draft, entry, is_charged=False)


def cancel_failed(draft: Draft[GridState], event: CancelFailed) -> None:
    """A refused cancel proves nothing: send it again if it never left, else ask what the order is."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done:
        return
    if event.retry and entry.cancel is not None:
        entries.put(draft, replace(entry, cancel=replace(entry.cancel, next_ns=draft.now_ns + RETRY_CANCEL_NS)))
        return
    _ask(draft, entry, f"cancel failed: {event.why}")


def _recover_from_canceled_entry(draft: Draft[GridState], entry: PendingEntry, event: ActiveOrdersListed) -> None:
    if entry.is_done:
        return
    if entry.client_order_id in event.client_order_ids:
        if entry.accepted_ns is None and event.asked_ns > entry.placed_ns:
            _rests(draft, entry, None)
        return
    if entry.accepted_ns is None or entry.inquiry is not None:
        return
    if event.asked_ns > entry.accepted_ns + inquiry.LISTING_GRACE_NS:
        _ask(draft, entry, "not among the open orders")


def amended(draft: Draft[GridState], event: OrderAmended) -> None:
    """Somebody else moved or resized an entry: exposure and exits go by what it is now."""
    entry = entries.find(draft.state, event.client_order_id)
    if entry is None or entry.is_done:
        return
    changed = replace(entry, price=event.price, quantity=max(event.quantity, entry.filled))
    entries.put(draft, changed)
    draft.note(
        LogEvent.ENTRY_CHANGED,
        f"{entry.quantity} at {entry.price} is {changed.quantity} at {changed.price} now",
        level=NoteLevel.WARNING,
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )


def listed(draft: Draft[GridState], event: ActiveOrdersListed) -> None:
    """Compare the venue's open orders with our entries. An absence makes us ask, a presence proves acceptance."""
    for entry in (draft.state.pending, *draft.state.strays):
        if entry is not None:
            _recover_from_canceled_entry(draft, entry, event)
    if event.asked_ns > draft.state.ended_ns + inquiry.LISTING_GRACE_NS:
        for client_order_id in draft.state.ended:
            if client_order_id in event.client_order_ids:
                _cancel_ended(draft, client_order_id)


def _cancel_ended(draft: Draft[GridState], client_order_id: ClientOrderId) -> None:
    """Take an entry out of the book that the venue said was refused or had ended: another may rest beside it by now.

    What it fills until then is counted as a late fill and gets its exit.
    """
    key = unpack(client_order_id)
    draft.emit(entries.cancel_command(draft, client_order_id))
    draft.note(
        LogEvent.ENDED_ENTRY_RESTS,
        level=NoteLevel.WARNING,
        lot=key.sequence if key else 0,
        client_order_id=client_order_id,
    )


def _ask(draft: Draft[GridState], entry: PendingEntry, why: str) -> PendingEntry:
    """Begin to ask about the entry, unless it is being asked about, and return it as it is then."""
    if entry.inquiry is not None:
        return entry
    fence_ns = entry.placed_ns + int(draft.context.capabilities.fence_s * SECOND_NS)
    if entry.accepted_ns is not None:
        fence_ns = draft.now_ns - 1
    doubted = replace(entry, inquiry=inquiry.begin(why, fence_ns=fence_ns, at_ns=draft.now_ns))
    entries.put(draft, doubted)
    return doubted


def ask_if_position_changed(draft: Draft[GridState]) -> None:
    """A reading holds more than the lots: a fill of an entry may not have been told. Ask for the pending one and
    for the newest that have ended; what the answers bring is counted like any fill.

    Readings follow each other faster than a venue answers about the past, and some answer few such questions a minute:
    the ended ones are asked about again only after a while, so that the pending one is not kept waiting.
    """
    state = draft.state
    if state.surplus <= 0:
        draft.state = replace(state, asked_ended_ns=None)
        return
    if state.lots.mismatch or not state.is_connected:
        return
    entry = state.pending
    if entry is not None and not entry.is_done:
        _ask(draft, entry, "the position holds more than the lots")
    if state.asked_ended_ns is not None and draft.now_ns - state.asked_ended_ns < ENDED_AGAIN_NS:
        return
    draft.state = replace(draft.state, asked_ended_ns=draft.now_ns)
    for client_order_id in state.ended[-ASKED_AGAIN:]:
        draft.emit(entries.query(draft, client_order_id))


def chase(draft: Draft[GridState]) -> None:
    """Send what time has made due: questions, cancels without an answer, orders without a sound."""
    for found in (draft.state.pending, *draft.state.strays):
        if found is not None and not found.is_done:
            _chase_one(draft, found)


def _chase_one(draft: Draft[GridState], entry: PendingEntry) -> None:
    now_ns = draft.now_ns
    if entry.inquiry is None and entry.accepted_ns is None and now_ns - entry.placed_ns >= inquiry.SILENCE_NS:
        entry = _ask(draft, entry, "no answer to the order")
    if entry.cancel is not None and entry.inquiry is None and now_ns >= entry.cancel.next_ns:
        entry = entries.cancel(draft, entry, entry.cancel.why)
        entry = _ask(draft, entry, "no answer to the cancel")
    if entry.inquiry is not None and now_ns >= entry.inquiry.next_ns:
        draft.emit(entries.query(draft, entry.client_order_id, entry.pending_open_order_id))
        entries.put(draft, replace(entry, inquiry=inquiry.asked(entry.inquiry, now_ns)))


def _refused_as_post_only(draft: Draft[GridState], entry: PendingEntry) -> None:
    backoff, counters = draft.state.backoff, draft.state.counters
    refusals = backoff.refusals + 1
    wait_ns = draft.context.settings.close.retry_backoff_ms * MILLISECOND_NS
    draft.state = replace(
        draft.state,
        backoff=Backoff(until_ns=draft.now_ns + wait_ns, reason="post-only refused", refusals=refusals),
        counters=replace(counters, post_only_rejects=counters.post_only_rejects + 1),
    )
    draft.note(
        LogEvent.ENTRY_POST_ONLY_REJECTED,
        f"{CancelReason.POST_ONLY} at {entry.price}, {refusals} in a row",
        level=NoteLevel.WARNING if refusals == ALARMING_REFUSALS else NoteLevel.INFO,
        lot=entry.lot,
        client_order_id=entry.client_order_id,
    )
    entries.finish(draft, entry, is_charged=False)


def _back_off(draft: Draft[GridState], first_ns: int, reason: str) -> None:
    backoff = draft.state.backoff
    wait_ns = min(first_ns << min(backoff.failures, 16), LONGEST_BACKOFF_NS)
    draft.state = replace(
        draft.state,
        backoff=replace(backoff, until_ns=draft.now_ns + wait_ns, reason=reason, failures=backoff.failures + 1),
    )


def pause(draft: Draft[GridState], reason: str, level: NoteLevel = NoteLevel.INFO) -> None:
    """Stop entries until they are resumed. A halt is stronger and stays."""
    if draft.state.mode is Mode.HALTED:
        return
    draft.state = replace(draft.state, mode=Mode.PAUSED, pause_reason=reason)
    draft.note(LogEvent.ENTRIES_PAUSED, reason, level=level)
