"""The entry machine: READY <-> WAITING_FOR_FILL, as in GRID_FLOW.md.

`step` takes one message and answers with the next state, messages and log events. After every message
`execute_strategy` runs: it watches the stops, sends what is due, and places the next entry if the cycle is READY and
every gate is open. There is no polling loop; `deadline_ns` says when time alone would change something, and the shell
then delivers a Tick.

READY means: no entry is live or possibly live, and every filled unit of the last one has an accepted exit, is closed,
or is named dust. A fill is handed to the closer in the very step that takes it, whatever state its order is in.
"""

from decimal import Decimal
from typing import assert_never

from actors.grid import entry as entries
from actors.grid import gates, ids, inquiry, recovery, stops
from actors.grid.draft import Draft, SendNow
from actors.grid.restore import RestoredGrid, RestoredOrder
from actors.grid.risk import DeskExposure
from actors.grid.state import (
    DAY_NS,
    SECOND_NS,
    CycleState,
    Day,
    Feed,
    Flattening,
    GridContext,
    GridState,
    Ladder,
    LotsView,
    Mode,
    PendingEntry,
    Quote,
    Step,
)
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    CancelEntries,
    CancelFailed,
    CloseOrderPlaced,
    ConnectionReady,
    FillCorrected,
    Flatten,
    Flattened,
    FundingPaid,
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
    PauseEntries,
    PositionClosed,
    PositionRead,
    PriceChanged,
    PriceStale,
    QueryFailed,
    ReserveSequences,
    ResumeEntries,
    SequencesReserved,
    StopEntries,
    StreamLost,
    StreamRestored,
    Tick,
)
from exchanges.records import replace
from exchanges.values import ZERO

CycleEvent = (
    OrderAccepted
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
    | PauseEntries
    | ResumeEntries
    | CancelEntries
    | Flatten
    | StopEntries
    | FundingPaid
    | Flattened
    | CloseOrderPlaced
    | PositionClosed
    | LotsChanged
    | Tick
)
"""What the entry machine takes."""

NO_DESK = DeskExposure()


def initial(context: GridContext, restored: RestoredGrid | None, now_ns: int, wall_ns: int) -> GridState:
    """Return the state before the venue has been read. No order leaves it before ConnectionReady."""
    day = wall_ns // DAY_NS
    if restored is None:
        return GridState(day=Day(number=day))
    orders = [order for order in restored.orders if not order.reduce_only]
    open_lots = {lot.lot for lot in restored.lots}
    pending = [
        _restored_entry(order, now_ns, wall_ns, is_open=order.lot in open_lots)
        for order in sorted(orders, key=lambda order: order.lot)
    ]
    latch = None if restored.latch is None else stops.latch_of(context, restored.latch, restored.latch_text)
    stopped = latch.kind.value if latch is not None and latch.flatten else ""
    flatten_reason = stopped or ("operator" if restored.flattening else "")
    mode = Mode.PAUSED if restored.paused else Mode.RUNNING
    since_ns = None if not restored.ladder_wall_ns else now_ns - max(0, wall_ns - restored.ladder_wall_ns)
    state = GridState(
        pending=pending[-1] if pending else None,
        strays=tuple(pending[:-1]),
        mode=Mode.HALTED if latch is not None else mode,
        pause_reason="restored" if restored.paused else "",
        latch=latch,
        ladder=Ladder(since_ns=since_ns, is_waived=restored.ladder_waived),
        lots=LotsView(realized_pnl=restored.realized_pnl, fees=restored.fees, is_known=not restored.lots),
        flatten_reason=flatten_reason,
        day=Day(
            number=day,
            realized_at_start=restored.realized_pnl - restored.realized_pnl_today,
            funding=restored.funding_today,
            forgiven=restored.forgiven_today,
        ),
    )
    if flatten_reason and (restored.lots or restored.orders):
        flattening = Flattening(reason=flatten_reason, deadline_ns=now_ns + stops.ENTRY_GRACE_NS)
        state = replace(state, flattening=flattening)
    return state


def _restored_entry(order: RestoredOrder, now_ns: int, wall_ns: int, *, is_open: bool) -> PendingEntry:
    """Return a pending entry. The closer tells what of an open lot is covered; a lot that is not open is closed."""
    fence_ns = now_ns + max(0, order.fence_wall_ns - wall_ns)
    if order.was_accepted:
        fence_ns = now_ns - 1
    return PendingEntry(
        client_order_id=order.client_order_id,
        lot=order.lot,
        price=order.price,
        quantity=order.quantity,
        placed_ns=now_ns - max(0, wall_ns - order.placed_wall_ns),
        pending_open_order_id=order.order_id,
        filled=order.filled,
        covered=ZERO if is_open else order.filled,
        inquiry=inquiry.begin("restored", fence_ns=fence_ns, at_ns=now_ns),
    )


def step(
    context: GridContext,
    state: GridState,
    event: CycleEvent,
    now_ns: int,
    desk: DeskExposure = NO_DESK,
    send_now: SendNow | None = None,
) -> Step[GridState]:
    """Take one message. `now_ns` is monotonic and never decreases; `desk` is what the bot's other grids use.

    `send_now` gets a fill for the closer before the step goes on; see `actors.grid.draft`.
    """
    draft = Draft(context, state, now_ns, send_now)
    _take(draft, event, desk)
    execute_strategy(draft, desk)
    return draft.finish()


def _take(draft: Draft[GridState], event: CycleEvent, desk: DeskExposure) -> None:
    match event:
        case PriceChanged():
            draft.state = replace(draft.state, quote=Quote.of(event))
        case Tick():
            _begin_day(draft, event.wall_ns)
        case OrderFilled():
            recovery.notify_order_filled(draft, event)
            stops.flatten_again_after_fill(draft)
        case FillCorrected():
            draft.emit(event)  # money is the closer's; through here it cannot overtake the fill
        case LotsChanged() | CloseOrderPlaced() | PositionClosed() | Flattened():
            _take_closer(draft, event)
        case PauseEntries() | ResumeEntries() | CancelEntries() | Flatten() | StopEntries():
            _take_operator(draft, event, desk)
        case FundingPaid():
            _count_funding(draft, event)
        case (
            OrderAccepted()
            | OrderRejected()
            | OrderDenied()
            | OrderCanceled()
            | OrderOutcomeUnknown()
            | CancelFailed()
            | OrderSettled()
            | OrderNotFound()
            | OrderAmended()
        ):
            _take_outcome(draft, event)
        case _:
            _take_venue(draft, event)


def _take_outcome(
    draft: Draft[GridState],
    event: OrderAccepted
    | OrderRejected
    | OrderDenied
    | OrderCanceled
    | OrderOutcomeUnknown
    | CancelFailed
    | OrderSettled
    | OrderNotFound
    | OrderAmended,
) -> None:
    match event:
        case OrderAccepted():
            recovery.accept(draft, event)
        case OrderRejected():
            recovery.reject(draft, event)
        case OrderDenied():
            recovery.deny(draft, event)
        case OrderCanceled():
            recovery.canceled(draft, event)
        case OrderOutcomeUnknown():
            recovery.outcome_unknown(draft, event)
        case CancelFailed():
            recovery.cancel_failed(draft, event)
        case OrderSettled():
            recovery.settled(draft, event)
        case OrderNotFound():
            recovery.not_found(draft, event)
        case OrderAmended():
            recovery.amended(draft, event)
        case _:
            assert_never(event)


def _take_venue(
    draft: Draft[GridState],
    event: QueryFailed
    | ActiveOrdersListed
    | PositionRead
    | ConnectionReady
    | StreamLost
    | StreamRestored
    | PriceStale
    | SequencesReserved,
) -> None:
    state = draft.state
    match event:
        case QueryFailed():
            pass  # the question is asked again by schedule; a failed answer says nothing
        case ActiveOrdersListed():
            recovery.listed(draft, event)
        case PositionRead():
            held = state.lots.position + draft.context.sign * (state.sent - state.lots.entries_received)
            surplus = (event.quantity - state.lots.external - held) * draft.context.sign
            draft.state = replace(state, surplus=surplus)
            recovery.ask_if_position_changed(draft)
        case ConnectionReady():
            draft.state = replace(state, is_connected=True, feed=Feed.LIVE)
        case StreamLost():
            draft.state = replace(state, feed=Feed.LOST)
            draft.note(LogEvent.STREAM_LOST, event.why, level=NoteLevel.WARNING)
        case StreamRestored():
            draft.state = replace(state, feed=Feed.LIVE)
            draft.note(LogEvent.STREAM_RESTORED, f"after {event.gap_ns / SECOND_NS:.1f} s")
        case PriceStale():
            if state.quote is not None and not state.quote.is_stale:
                draft.state = replace(state, quote=replace(state.quote, is_stale=True))
                draft.note(LogEvent.PRICE_STALE, event.why, level=NoteLevel.WARNING)
        case SequencesReserved():
            draft.state = replace(state, ids=ids.add(state.ids, event))
        case _:
            assert_never(event)


def _take_closer(draft: Draft[GridState], event: LotsChanged | CloseOrderPlaced | PositionClosed | Flattened) -> None:
    state = draft.state
    match event:
        case LotsChanged():
            lots = LotsView(
                open_lots=event.open_lots,
                exit_prices=event.exit_prices,
                position=event.position,
                cost=event.cost,
                unprotected_quantity=event.unprotected_quantity,
                realized_pnl=event.realized_pnl,
                fees=event.fees,
                mismatch=event.mismatch,
                entries_received=event.entries_received,
                external=event.external,
            )
            draft.state = replace(state, lots=lots, sent=_sent(state, event.entries_received))
            stops.lots_told(draft)
        case CloseOrderPlaced():
            if state.pending is not None and state.pending.lot == event.lot:
                entry = replace(state.pending, covered=event.covered)
                draft.state = replace(state, pending=entry)
                entries.become_ready_if_covered(draft, entry)
        case PositionClosed():
            draft.state = replace(state, ladder=replace(state.ladder, is_waived=True))
        case Flattened():
            stops.flattened(draft)
        case _:
            assert_never(event)


def _sent(state: GridState, received: Decimal) -> Decimal:
    """Return what was sent to the closer. Either side starts counting anew when its actor is restarted."""
    return received if received < state.lots.entries_received else max(state.sent, received)


def _take_operator(
    draft: Draft[GridState],
    event: PauseEntries | ResumeEntries | CancelEntries | Flatten | StopEntries,
    desk: DeskExposure,
) -> None:
    match event:
        case PauseEntries():
            recovery.pause(draft, event.reason)
        case ResumeEntries():
            stops.resume(draft, desk)
        case CancelEntries():
            recovery.pause(draft, "stopping")
            draft.state = replace(draft.state, is_draining=True)
        case Flatten():
            recovery.pause(draft, f"flatten: {event.reason}")
            stops.start_flatten(draft, event.reason)
        case StopEntries():
            stops.latch(draft, event.kind, event.text)
        case _:
            assert_never(event)


def _count_funding(draft: Draft[GridState], event: FundingPaid) -> None:
    _begin_day(draft, event.received_wall_ns)
    day = draft.state.day
    draft.state = replace(draft.state, day=replace(day, funding=day.funding + event.amount))


def _begin_day(draft: Draft[GridState], wall_ns: int) -> None:
    number = wall_ns // DAY_NS
    if number > draft.state.day.number:
        day = Day(number=number, realized_at_start=draft.state.lots.realized_pnl)
        draft.state = replace(draft.state, day=day)


def execute_strategy(draft: Draft[GridState], desk: DeskExposure = NO_DESK) -> None:
    """Do what the state calls for now: stops, cancels, questions, and the next entry if the cycle is READY."""
    stops.watch(draft, desk)
    if draft.state.is_connected:
        _watch_live_entry(draft, desk)
        recovery.chase(draft)
        stops.drive_flatten(draft)
    reason = ""
    if draft.state.cycle_state is CycleState.READY:
        reason = entries.GridOpenPositionOperator(draft.context, desk).place_open_order(draft)
    if reason != draft.state.blocked_reason:
        draft.state = replace(draft.state, blocked_reason=reason)
    if ids.needs_more(draft.state.ids, draft.now_ns):
        draft.emit(ReserveSequences(grid=draft.context.name, for_exits=False))
        draft.state = replace(draft.state, ids=replace(draft.state.ids, asked_ns=draft.now_ns))


def _watch_live_entry(draft: Draft[GridState], desk: DeskExposure) -> None:
    for stray in draft.state.strays:
        if stray.cancel is None:
            entries.cancel(draft, stray, "another entry is live")
    entry = draft.state.pending
    if entry is None or entry.is_done or entry.cancel is not None:
        return
    why = gates.blocks_live_entry(draft.context, draft.state)
    timeout_ns = int(draft.context.settings.entry.entry_timeout_s * SECOND_NS)
    if not why and timeout_ns and draft.now_ns - entry.placed_ns >= timeout_ns:
        why = "entry timeout"
    if not why and entries.is_worth_requoting(draft.context, draft.state, draft.now_ns, desk):
        why = recovery.REQUOTE
        counters = draft.state.counters
        draft.state = replace(draft.state, counters=replace(counters, requotes=counters.requotes + 1))
    if why:
        entries.cancel(draft, entry, why)


def deadline_ns(context: GridContext, state: GridState) -> int | None:
    """Return when time alone would change something (a Tick must be delivered then), None if it never does."""
    due: list[int] = []
    for entry in (state.pending, *state.strays):
        if entry is not None and not entry.is_done and state.is_connected:
            due.extend(_entry_deadlines(context, entry))
    if state.breach is not None:
        due.append(stops.confirm_ns(context, state.breach))
    if state.flattening is not None and not state.flattening.is_told:
        due.append(state.flattening.deadline_ns)
    if state.cycle_state is CycleState.READY:
        if state.blocked_reason == gates.LADDER_REASON:
            due.append(gates.ladder_open_ns(context, state) or 0)
        elif state.blocked_reason and state.blocked_reason == state.backoff.reason:
            due.append(state.backoff.until_ns)
    return min(due, default=None)


def _entry_deadlines(context: GridContext, entry: PendingEntry) -> list[int]:
    settings = context.settings.entry
    if entry.inquiry is not None:
        return [entry.inquiry.next_ns]
    if entry.cancel is not None:
        return [entry.cancel.next_ns]
    due = []
    if entry.accepted_ns is None:
        due.append(entry.placed_ns + inquiry.SILENCE_NS)
    if settings.entry_timeout_s:
        due.append(entry.placed_ns + int(settings.entry_timeout_s * SECOND_NS))
    return due
