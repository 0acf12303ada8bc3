"""The lots' books: what entries filled, what exits closed, profit after fees, and orders found at the venue.

A fill of an exit is attributed to the lots its order was for, in order. What cannot be attributed so (the order is no
longer remembered, or its lots are closed) goes to the oldest lots that still hold something: the position has been
reduced, whoever's it was. The journal counts a fill for the lot its id names; whose it really was is told to it
here. A fill moves a proven difference of the position along, as far as the reading cannot have known it already.
"""

from decimal import Decimal

from actors.grid import closing, ids, pricing
from actors.grid.draft import Draft
from actors.grid.positions import (
    allot,
    find_exit,
    find_finished,
    find_lot,
    find_order,
    get_lot,
    held,
    lots_with,
    on_order,
    put_lot,
    put_order,
    reduce_parts,
)
from actors.grid.state import (
    MILLISECOND_NS,
    SECOND_NS,
    BoostLoss,
    CloseOrder,
    ExitBook,
    ExitKind,
    Mismatch,
    Part,
    TrackedPosition,
)
from actors.log_events import LogEvent
from actors.messages import (
    EntryFilled,
    EntryFinished,
    FillAttributed,
    LotRebuilt,
    NoteLevel,
    OrderAccepted,
    OrderFilled,
)
from exchanges.order_ids import FIRST_EXIT_LEG, LAST_EXIT_LEG, OrderKey, OrderRole, unpack
from exchanges.records import replace
from exchanges.values import ZERO

HOUR_NS = 3600 * SECOND_NS


def notify_order_filled(draft: Draft[ExitBook], event: EntryFilled) -> None:
    """Add a fill of an entry to its lot. Fills accumulate; nothing is overwritten."""
    book = draft.state
    known = find_lot(book, event.lot)
    lot = known or _new_lot(draft, event)
    orders = _covering(book, lot.lot, event.quantity)
    wait_ns = draft.context.settings.entry.tp_coalesce_ms * MILLISECOND_NS
    is_full = event.leaves is not None and event.leaves <= 0
    is_collecting = lot.blocked == closing.COLLECTING  # what came first waits no longer, however many fills follow
    hold_ns = lot.hold_ns if is_collecting or not wait_ns else draft.now_ns + wait_ns
    lot = replace(
        lot,
        entry_filled=lot.entry_filled + event.quantity,
        entry_notional=lot.entry_notional + event.quantity * event.price,
        entry_fees=lot.entry_fees + event.fee,
        last_fill_ns=draft.now_ns,
        received_ns=event.received_ns,
        hold_ns=hold_ns,
        is_entry_done=lot.is_entry_done or is_full,
    )
    counters = book.counters
    # the exit waits for this: one new book for all that changes
    draft.state = replace(
        book,
        lots=lots_with(book, lot),
        orders=orders,
        changed_ns=draft.now_ns,
        suspicion=None,
        mismatch=_with_entry(book, event.quantity),
        counters=replace(
            counters,
            lots_opened=counters.lots_opened + (known is None),
            fees=counters.fees + event.fee,
            entries_received=counters.entries_received + event.quantity,
        ),
    )
    if book.early:
        _take_early(draft, event.lot)


def _take_early(draft: Draft[ExitBook], lot: int) -> None:
    """Give a lot that has just been filled the fills of its exits that came before: they are no other lot's."""
    early = draft.state.early
    draft.state = replace(draft.state, early=())
    for event in early:
        order = find_exit(draft.state, event.client_order_id)
        if _own_lot(event, order) == lot:
            _attribute(draft, (Part(lot, event.quantity),), event, order)
        else:
            draft.state = replace(draft.state, early=(*draft.state.early, event))


def _new_lot(draft: Draft[ExitBook], event: EntryFilled) -> TrackedPosition:
    book = draft.state
    is_reopened = event.lot <= book.closed_high
    draft.note(LogEvent.LOT_OPENED, f"{event.quantity} at {event.price}", lot=event.lot)
    return TrackedPosition(
        lot=event.lot,
        sequence=event.lot,
        next_leg=LAST_EXIT_LEG + 1 if is_reopened else _unused_leg(draft, event.lot),
        closed_before=_closed_before(book, event.lot),
        opened_ns=draft.now_ns,
    )


def _unused_leg(draft: Draft[ExitBook], sequence: int) -> int:
    """Return the first exit leg behind all that are known to be used: a kill may leave an exit without its lot."""
    book, tag = draft.state, draft.context.bot_tag
    first = ids.order_id(tag, sequence, FIRST_EXIT_LEG)
    last = ids.order_id(tag, sequence, LAST_EXIT_LEG)
    numbers = [order.client_order_id for order in (*book.orders, *book.finished)]
    used = [number - first + FIRST_EXIT_LEG for number in numbers if first <= number <= last]
    return max(used, default=FIRST_EXIT_LEG - 1) + 1


def _covering(book: ExitBook, lot: int, quantity: Decimal) -> tuple[CloseOrder, ...]:
    """Return the orders with a fill given to those that were found larger than what was held: they are its exits.

    After a kill the exit is known from its intent, and the fill it is for is told by the venue only now.
    """
    if book.is_agreed:
        return book.orders
    orders = []
    for order in book.orders:
        share = min(order.unallotted, quantity)
        if share > 0 and (order.lot == lot or order.cancel is None):
            quantity -= share
            orders.append(replace(order, parts=(*order.parts, Part(lot, share))))
        else:
            orders.append(order)
    return tuple(orders)


def _closed_before(book: ExitBook, lot: int) -> Decimal:
    return next((part.quantity for part in book.closed if part.lot == lot), ZERO)


def entry_finished(draft: Draft[ExitBook], event: EntryFinished) -> None:
    """No more fills are expected: whatever is held back may go, and the lot may close."""
    lot = find_lot(draft.state, event.lot)
    if lot is not None:
        put_lot(draft, replace(lot, is_entry_done=True))


def _with_entry(book: ExitBook, quantity: Decimal) -> Mismatch | None:
    """Return the proven difference after a fill of an entry: a reading of more than the lots may have known so much of
    it as even `least` is more.
    """
    mismatch = book.mismatch
    if mismatch is None:
        return None
    in_reading = min(quantity, max(ZERO, mismatch.least - held(book)))
    return replace(mismatch, least=mismatch.least + quantity - in_reading, most=mismatch.most + quantity)


def _with_exit(book: ExitBook, quantity: Decimal) -> Mismatch | None:
    """Return the proven difference after a fill of an exit: a reading of less than the lots may have known so much of
    it as even `most` is less.
    """
    mismatch = book.mismatch
    if mismatch is None:
        return None
    in_reading = min(quantity, max(ZERO, held(book) - mismatch.most))
    return replace(mismatch, least=mismatch.least - quantity, most=mismatch.most - quantity + in_reading)


def apply_fill(draft: Draft[ExitBook], event: OrderFilled) -> None:
    """Add a fill of an exit to the lots it closes."""
    book = draft.state
    order = find_order(book, event.client_order_id)
    known = order or find_finished(book, event.client_order_id)
    parts: tuple[Part, ...] = ()
    if known is not None:
        parts, left = reduce_parts(known.parts, event.quantity)
        if order is not None:
            accepted_ns = draft.now_ns if order.accepted_ns is None else order.accepted_ns
            put_order(
                draft,
                replace(order, filled=order.filled + event.quantity, parts=left, accepted_ns=accepted_ns),
            )
    if order is None:
        _count_late(draft, event)
    book = draft.state
    draft.state = replace(book, changed_ns=draft.now_ns, suspicion=None, mismatch=_with_exit(book, event.quantity))
    _attribute(draft, parts, event, known)
    counters = draft.state.counters
    draft.state = replace(
        draft.state,
        counters=replace(counters, exit_fills=counters.exit_fills + 1, fees=counters.fees + event.fee),
    )


def _count_late(draft: Draft[ExitBook], event: OrderFilled) -> None:
    counters = draft.state.counters
    draft.state = replace(draft.state, counters=replace(counters, late_fills=counters.late_fills + 1))
    draft.note(
        LogEvent.LATE_FILL_AFTER_DONE,
        f"{event.quantity} at {event.price} after the exit had ended",
        level=NoteLevel.WARNING,
        client_order_id=event.client_order_id,
    )


def _attribute(draft: Draft[ExitBook], parts: tuple[Part, ...], event: OrderFilled, order: CloseOrder | None) -> None:
    """Close lots by a fill. What its own lots do not hold waits, after a start, for the fill of its entry: that comes
    through the strategy, and another lot must not pay for it. A reading says if there is none. The exit itself may be
    unknown: the power was lost with its intent.
    """
    may_be_early = not draft.state.is_agreed
    is_awaited = may_be_early and not _has_closed(draft.state, _own_lot(event, order))
    parts = _fit(draft, parts, event, reaches_others=not is_awaited)
    for part in parts:
        _close_part(draft, part, event, order)
    left = event.quantity - sum((part.quantity for part in parts), ZERO)
    if left <= 0:
        return
    if may_be_early:
        rest = replace(event, quantity=left, fee=event.fee * left / event.quantity)
        draft.state = replace(draft.state, early=(*draft.state.early, rest))
        return
    draft.note(
        LogEvent.POSITION_MISMATCH,
        f"an exit filled {left} more than the lots hold",
        level=NoteLevel.ERROR,
        client_order_id=event.client_order_id,
    )


def _own_lot(event: OrderFilled, order: CloseOrder | None) -> int:
    """Return whose exit it was that filled; of one that nobody remembers its id says it, 0 if even that does not."""
    if order is not None:
        return order.lot
    key = unpack(event.client_order_id)
    return key.sequence if key is not None else 0


def _has_closed(book: ExitBook, lot: int) -> bool:
    """Return whether a lot is known to have been closed. Numbers up to `closed_high` were only reserved, perhaps."""
    return lot <= book.remembered_high or (lot <= book.closed_high and any(part.lot == lot for part in book.closed))


def close_oldest(draft: Draft[ExitBook]) -> None:
    """Let the fills that waited for their entry close the oldest lots: the position has been reduced by them."""
    early = draft.state.early
    draft.state = replace(draft.state, early=())
    for event in early:
        order = find_exit(draft.state, event.client_order_id)
        for part in _fit(draft, (), event, reaches_others=True):
            _close_part(draft, part, event, order)


def _fit(
    draft: Draft[ExitBook], parts: tuple[Part, ...], event: OrderFilled, *, reaches_others: bool
) -> tuple[Part, ...]:
    """Cut the parts to what their lots hold, and give the rest to the lot of the id, then to the oldest if it may."""
    fitted: list[Part] = []
    room = {lot.lot: lot.remaining for lot in draft.state.lots}
    left = event.quantity
    key = unpack(event.client_order_id)
    own = tuple(lot for lot in draft.state.lots if key is not None and lot.lot == key.sequence)
    for part in parts:
        share = min(part.quantity, room.get(part.lot, ZERO))
        if share > 0:
            fitted.append(Part(part.lot, share))
            room[part.lot] -= share
            left -= share
    for candidates in (own, draft.state.lots if reaches_others else ()):
        for part in allot(candidates, left, room):
            fitted.append(part)
            room[part.lot] -= part.quantity
            left -= part.quantity
    return tuple(fitted)


def _close_part(draft: Draft[ExitBook], part: Part, event: OrderFilled, order: CloseOrder | None) -> None:
    lot = get_lot(draft.state, part.lot)
    share = part.quantity / event.quantity
    fee = event.fee * share
    entry_fee = lot.entry_fees * part.quantity / lot.entry_filled
    gross = (event.price - lot.average_entry) * part.quantity * draft.context.sign
    profit = gross - fee - entry_fee
    put_lot(
        draft,
        replace(
            lot,
            exit_filled=lot.exit_filled + part.quantity,
            exit_notional=lot.exit_notional + part.quantity * event.price,
            exit_fees=lot.exit_fees + fee,
            realized=lot.realized + profit,
            dust=min(lot.dust, lot.remaining - part.quantity),
            last_fill_ns=draft.now_ns,
            refusals=0,
            failures=0,
        ),
    )
    _tell_journal(draft, part, event, order, fee)
    counters = draft.state.counters
    draft.state = replace(draft.state, counters=replace(counters, realized_pnl=counters.realized_pnl + profit))
    if order is not None and order.kind is ExitKind.BOOST and profit < 0:
        losses = (*draft.state.boost_losses, BoostLoss(draft.now_ns, -profit))
        draft.state = replace(draft.state, boost_losses=losses)


def _tell_journal(
    draft: Draft[ExitBook], part: Part, event: OrderFilled, order: CloseOrder | None, fee: Decimal
) -> None:
    """Say whose a fill was, unless it is the lot that the id itself names: the journal has counted it for that one."""
    key = unpack(event.client_order_id)
    if key is not None and part.lot == key.sequence and (order is None or order.lot == key.sequence):
        return
    draft.emit(
        FillAttributed(
            grid=draft.context.name,
            client_order_id=event.client_order_id,
            lot=part.lot,
            quantity=part.quantity,
            price=event.price,
            fee=fee,
        )
    )


def watch_boost(draft: Draft[ExitBook]) -> None:
    """Turn boost off while the losses of the last hour have used up the budget."""
    losses = draft.state.boost_losses
    if not losses:
        return
    recent = tuple(loss for loss in losses if draft.now_ns - loss.at_ns < HOUR_NS)
    spent = sum((loss.loss for loss in recent), ZERO)
    budget = draft.context.settings.entry.boost_max_loss_usd_per_hour
    is_off = spent >= budget
    if is_off and not draft.state.is_boost_off:
        draft.note(LogEvent.BOOST_DISABLED, f"lost {spent} of {budget} within an hour", level=NoteLevel.WARNING)
    if draft.state.is_boost_off and not is_off:
        draft.note(LogEvent.BOOST_ENABLED, f"lost {spent} of {budget} within an hour")
    draft.state = replace(draft.state, boost_losses=recent, is_boost_off=is_off)


def adopt_order(draft: Draft[ExitBook], event: OrderAccepted) -> None:
    """An exit of ours that we do not know rests at the venue: it closes the lot of its id, else the oldest with room.

    On a start without any memory the lot itself was forgotten: it is rebuilt from the exit, at the entry price its
    target stands for. Otherwise an exit without room is more than is held, and is canceled once a reading says so.
    """
    key = unpack(event.client_order_id)
    is_ended = find_finished(draft.state, event.client_order_id) is not None
    if key is None or key.role is OrderRole.ENTRY or is_ended or event.price is None or event.quantity is None:
        return
    room = _room(draft.state)
    short = event.quantity - sum(room.values(), ZERO)
    if short > 0 and draft.state.is_fresh_start:
        _rebuild_lot(draft, key, event.price, short)
        room = _room(draft.state)
    own = tuple(lot for lot in draft.state.lots if lot.lot == key.sequence)
    others = tuple(lot for lot in draft.state.lots if lot.lot != key.sequence)
    parts = allot((*own, *others), event.quantity, room)
    order = CloseOrder(
        client_order_id=event.client_order_id,
        lot=parts[0].lot if parts else key.sequence,
        kind=ExitKind.EMERGENCY if key.role is OrderRole.EMERGENCY else ExitKind.RESTING,
        price=event.price,
        quantity=event.quantity,
        parts=parts,
        placed_ns=draft.now_ns,
        accepted_ns=draft.now_ns,
        order_id=event.order_id,
    )
    put_order(draft, order)
    if order.unallotted > 0:
        draft.state = replace(draft.state, is_agreed=False, changed_ns=draft.now_ns)
    for lot in draft.state.lots:
        if lot.sequence == key.sequence:
            put_lot(draft, replace(lot, next_leg=max(lot.next_leg, min(key.leg, LAST_EXIT_LEG) + 1)))
    draft.note(
        LogEvent.CLOSE_ADOPTED,
        f"{event.quantity} at {event.price}",
        level=NoteLevel.WARNING,
        lot=order.lot,
        client_order_id=order.client_order_id,
    )


def _room(book: ExitBook) -> dict[int, Decimal]:
    return {lot.lot: max(ZERO, lot.remaining - on_order(book, lot.lot)) for lot in book.lots}


def _rebuild_lot(draft: Draft[ExitBook], key: OrderKey, exit_price: Decimal, quantity: Decimal) -> None:
    """Add a forgotten quantity to the lot of an exit, and tell the journal: the next start must know it."""
    entry_price = pricing.entry_of_target(draft.context, exit_price)
    lot = find_lot(draft.state, key.sequence) or TrackedPosition(
        lot=key.sequence,
        sequence=key.sequence,
        next_leg=min(key.leg, LAST_EXIT_LEG) + 1,
        opened_ns=draft.now_ns,
        is_entry_done=True,
    )
    put_lot(
        draft,
        replace(
            lot,
            entry_filled=lot.entry_filled + quantity,
            entry_notional=lot.entry_notional + quantity * entry_price,
        ),
    )
    draft.emit(
        LotRebuilt(
            grid=draft.context.name,
            lot=key.sequence,
            side=draft.context.entry_side,
            quantity=quantity,
            price=entry_price,
        )
    )
