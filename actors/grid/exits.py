"""The exit machine: every filled unit of an entry gets a working exit, at once, and keeps one until it is closed.

`step` takes one message and answers with the next book, messages and log events. It takes the fact into the lots'
books first, then lets `handle_filled_order` send whatever is due, and last tells the strategy what is covered and
measures what was not. An exit for a fill leaves in the same step that takes the fill.
"""

from actors.grid import closing, corrections, flatten, ids, ledger, mismatch, settling
from actors.grid import inquiry as inquiries
from actors.grid.draft import Draft, SendNow
from actors.grid.positions import REMEMBERED, covered, held, measure_cover, orders_of, unprotected_quantity
from actors.grid.restart import initial
from actors.grid.state import SECOND_NS, CloseOrder, ExitBook, GridContext, Part, Quote, Step, TrackedPosition
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    AdoptDifference,
    CancelExits,
    CancelFailed,
    CloseOrderPlaced,
    ConnectionReady,
    EntryFilled,
    EntryFinished,
    FillCorrected,
    FlattenPositions,
    LotsChanged,
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
    PositionClosed,
    PositionRead,
    PriceChanged,
    PriceStale,
    QueryFailed,
    ReserveSequences,
    SequencesReserved,
    StreamLost,
    StreamRestored,
    Tick,
)
from exchanges.records import replace
from exchanges.values import ZERO

ExitEvent = (
    EntryFilled
    | EntryFinished
    | FlattenPositions
    | CancelExits
    | AdoptDifference
    | OrderAccepted
    | OrderRejected
    | OrderDenied
    | OrderFilled
    | FillCorrected
    | OrderCanceled
    | OrderOutcomeUnknown
    | CancelFailed
    | OrderSettled
    | OrderNotFound
    | OrderAmended
    | QueryFailed
    | ActiveOrdersListed
    | PositionRead
    | ConnectionReady
    | StreamLost
    | StreamRestored
    | PriceChanged
    | PriceStale
    | SequencesReserved
    | Tick
)
"""What the exit machine takes."""

__all__ = ["ExitEvent", "deadline_ns", "initial", "step", "unprotected_quantity"]


def step(
    context: GridContext, state: ExitBook, event: ExitEvent, now_ns: int, send_now: SendNow | None = None
) -> Step[ExitBook]:
    """Take one message. `now_ns` is monotonic and never decreases.

    `send_now` gets an exit before the step goes on; see `actors.grid.draft`.
    """
    draft = Draft(context, state, now_ns, send_now)
    if isinstance(event, PriceChanged):
        draft.state = replace(state, quote=Quote.of(event))
        is_due = state.next_ns is not None and now_ns >= state.next_ns
        if not state.wants_price and not is_due:
            return draft.finish()
    else:
        _take(draft, event)
    ledger.watch_boost(draft)
    caused_ns = 0
    if isinstance(event, EntryFilled):
        caused_ns = event.received_ns
        closing.serve_first(draft, event.lot, caused_ns)
    closing.handle_filled_order(draft, caused_ns)
    _conclude(draft)
    return draft.finish()


def _take(draft: Draft[ExitBook], event: ExitEvent) -> None:
    match event:
        case EntryFilled():
            ledger.notify_order_filled(draft, event)
        case EntryFinished():
            ledger.entry_finished(draft, event)
        case OrderFilled():
            settling.filled(draft, event)
        case FillCorrected():
            corrections.correct(draft, event)
        case OrderAccepted():
            settling.accept(draft, event)
        case OrderRejected():
            settling.reject(draft, event)
        case OrderDenied():
            settling.deny(draft, event)
        case OrderCanceled():
            settling.canceled(draft, event)
        case OrderSettled():
            settling.settled(draft, event)
        case _:
            _take_rest(draft, event)


def _take_rest(draft: Draft[ExitBook], event: ExitEvent) -> None:
    match event:
        case OrderOutcomeUnknown():
            settling.outcome_unknown(draft, event)
        case OrderNotFound():
            settling.not_found(draft, event)
        case CancelFailed():
            settling.cancel_failed(draft, event)
        case ActiveOrdersListed():
            settling.listed(draft, event)
        case PositionRead():
            mismatch.read(draft, event)
        case ConnectionReady():
            mismatch.connected(draft, event)
        case SequencesReserved():
            draft.state = replace(draft.state, ids=ids.add(draft.state.ids, event))
        case PriceStale():
            if draft.state.quote is not None:
                draft.state = replace(draft.state, quote=replace(draft.state.quote, is_stale=True))
        case _:
            _take_operator(draft, event)


def _take_operator(draft: Draft[ExitBook], event: ExitEvent) -> None:
    match event:
        case FlattenPositions():
            flatten.begin(draft, event)
        case CancelExits():
            draft.state = replace(draft.state, is_withheld=True)
            draft.note(LogEvent.EXITS_WITHHELD, level=NoteLevel.WARNING)
        case OrderAmended():
            settling.amended(draft, event)
        case AdoptDifference():
            mismatch.adopt(draft, when_proven=event.when_proven)
        case _:
            pass  # a failed query, a lost or restored stream, a tick: what is due is sent after every message


def _conclude(draft: Draft[ExitBook]) -> None:
    """Close lots, measure cover, tell what changed: cover last, so that no gate opens on an old view of the lots."""
    closed = [lot for lot in draft.state.lots if _is_closed(draft.state, lot)]
    results = [_close(draft, lot) for lot in closed]
    measure_cover(draft)
    for result in results:
        draft.emit(result)
    _tell_lots(draft)
    for lot in closed:
        total = lot.closed_before + lot.entry_filled
        if lot.covered_told != total:
            draft.emit(CloseOrderPlaced(grid=draft.context.name, lot=lot.lot, covered=total))
    for lot in draft.state.lots:
        _tell_cover(draft, lot)
    if ids.needs_more(draft.state.ids, draft.now_ns):
        draft.emit(ReserveSequences(grid=draft.context.name, for_exits=True))
        draft.state = replace(draft.state, ids=replace(draft.state.ids, asked_ns=draft.now_ns))
    draft.state = replace(draft.state, next_ns=deadline_ns(draft.context, draft.state))


def _is_closed(book: ExitBook, lot: TrackedPosition) -> bool:
    return lot.is_entry_done and lot.remaining <= 0 and not orders_of(book, lot.lot)


def _close(draft: Draft[ExitBook], lot: TrackedPosition) -> PositionClosed:
    book = draft.state
    fees = lot.entry_fees + lot.exit_fees
    profit = (lot.exit_notional - lot.entry_notional) * draft.context.sign - fees
    counters = replace(
        book.counters,
        lots_closed=book.counters.lots_closed + 1,
        realized_pnl=book.counters.realized_pnl + profit - lot.realized,
    )
    lots = tuple(tracked for tracked in book.lots if tracked.lot != lot.lot)
    others = tuple(part for part in book.closed if part.lot != lot.lot)
    draft.state = replace(
        book,
        lots=lots,
        counters=counters,
        closed=(*others, Part(lot.lot, lot.closed_before + lot.exit_filled))[-REMEMBERED:],
        closed_high=max(book.closed_high, lot.lot),
    )
    draft.note(LogEvent.LOT_CLOSED, f"profit {profit} after fees {fees}", lot=lot.lot)
    return PositionClosed(
        grid=draft.context.name,
        lot=lot.lot,
        entry_price=lot.average_entry,
        exit_price=lot.exit_notional / lot.exit_filled,
        quantity=lot.exit_filled,
        realized_pnl=profit,
        fees=fees,
    )


def _tell_cover(draft: Draft[ExitBook], lot: TrackedPosition) -> None:
    now_covered = covered(draft.state, lot)
    if now_covered == lot.covered_told:
        return
    lots = tuple(replace(t, covered_told=now_covered) if t.lot == lot.lot else t for t in draft.state.lots)
    draft.state = replace(draft.state, lots=lots)
    draft.emit(CloseOrderPlaced(grid=draft.context.name, lot=lot.lot, covered=now_covered))


def _tell_lots(draft: Draft[ExitBook]) -> None:
    book = draft.state
    view = LotsChanged(
        grid=draft.context.name,
        open_lots=sum(1 for lot in book.lots if lot.remaining > lot.dust),
        exit_prices=tuple(order.price for order in book.orders if not order.kind.is_immediate),
        position=held(book) * draft.context.sign,
        cost=sum((lot.average_entry * lot.remaining for lot in book.lots), ZERO),
        unprotected_quantity=unprotected_quantity(book),
        realized_pnl=book.counters.realized_pnl,
        fees=book.counters.fees,
        mismatch=book.mismatch is not None,
        entries_received=book.counters.entries_received,
        external=book.external,
    )
    if view != book.told and book.is_connected:
        draft.state = replace(book, told=view)
        draft.emit(view)


def deadline_ns(context: GridContext, state: ExitBook) -> int | None:
    """Return when time alone would change something (a Tick must be delivered then), None if it never does."""
    if not state.is_connected:
        return None
    due = [_order_deadline(order) for order in state.orders]
    if state.flatten is not None and not state.orders and not state.wants_price:
        due.append(state.flatten.retry_ns or None)
    due.extend(_lot_deadline(lot) for lot in state.lots)
    if state.flatten is None and not state.is_withheld:  # else nobody looks at ages: a past one would hide the others
        due.extend(_age_deadlines(context, state))
    return min((at for at in due if at is not None), default=None)


def _order_deadline(order: CloseOrder) -> int | None:
    if order.inquiry is not None:
        return order.inquiry.next_ns
    if order.cancel is not None:
        return order.cancel.next_ns
    return None if order.accepted_ns is not None else order.placed_ns + inquiries.SILENCE_NS


def _lot_deadline(lot: TrackedPosition) -> int | None:
    if lot.blocked == closing.RETRY:
        return lot.retry_ns
    return lot.hold_ns if lot.blocked == closing.COLLECTING else None


def _age_deadlines(context: GridContext, state: ExitBook) -> list[int]:
    timeout_ns = int(context.settings.risk.lot_timeout_s * SECOND_NS)
    if not timeout_ns:
        return []
    return [lot.opened_ns + timeout_ns for lot in state.lots if not lot.is_overdue and lot.remaining > 0]
