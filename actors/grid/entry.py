"""GridOpenPositionOperator: turns a price into the next entry, and keeps the book of the pending one.

An entry is post-only, priced some ticks from the far touch, and sized by notional (GRID_FLOW.md, step 1). At most one
is live or possibly live: `pending`. Entries of ours that turn up beside it are strays, canceled and awaited.
"""

from dataclasses import dataclass
from decimal import Decimal

from actors.grid import gates, ids, inquiry, pricing
from actors.grid.draft import Draft
from actors.grid.risk import DeskExposure
from actors.grid.state import (
    SECOND_NS,
    Backoff,
    GridContext,
    GridState,
    Ladder,
    PendingEntry,
    Quote,
)
from actors.log_events import LogEvent
from actors.messages import CancelOrder, EntryFilled, EntryFinished, OrderFilled, PlaceLimitOrder, QueryOrder
from exchanges.order_ids import ENTRY_LEG
from exchanges.records import replace
from exchanges.values import ZERO, ClientOrderId, OrderId

REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may be placed at a price."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class GridOpenPositionOperator:
    """Places the next entry of one grid, or says why not. Pure: an order is a message in the answer."""

    context: GridContext
    desk: DeskExposure

    def place_open_order(self, draft: Draft[GridState]) -> str:
        """Place the next entry if every gate is open and a fresh price allows it. Returns the reason if not."""
        state, now_ns = draft.state, draft.now_ns
        reason = gates.standing_reason(self.context, state, now_ns) or gates.timing_reason(self.context, state, now_ns)
        if reason or state.quote is None:
            return reason
        candidate = self.candidate(state, state.quote)
        if isinstance(candidate, str):
            return candidate
        self._submit(draft, state.quote, candidate)
        return ""

    def candidate(self, state: GridState, quote: Quote) -> str | Candidate:
        """Return the entry this price would make, or why it is not allowed."""
        price = pricing.entry_price(self.context, quote, state.backoff.refusals)
        if not self.context.rules.min_price <= price <= self.context.rules.max_price or price <= 0:
            return "price outside the venue's range"
        quantity = pricing.entry_quantity(self.context, quote, price)
        if quantity <= 0:
            return "size below the venue's minimum"
        reason = gates.candidate_reason(self.context, state, self.desk, price, quantity)
        return reason or Candidate(price, quantity)

    def _submit(self, draft: Draft[GridState], quote: Quote, candidate: Candidate) -> None:
        state, context = draft.state, self.context
        taken = ids.take(state.ids)
        assert taken is not None  # noqa: S101 - the gate "no reserved ids" has been passed
        block, lot = taken
        client_order_id = ids.order_id(context.bot_tag, lot, ENTRY_LEG)
        order = PlaceLimitOrder(
            grid=context.name,
            exchange=context.exchange,
            symbol=context.symbol,
            client_order_id=client_order_id,
            side=context.entry_side,
            price=candidate.price,
            quantity=candidate.quantity,
            post_only=True,
            reduce_only=False,
            lot=lot,
            quote_ns=quote.alive_ns,
        )
        draft.emit(order)
        draft.state = replace(
            state,
            ids=block,
            ladder=replace(state.ladder, is_waived=False),
            pending=PendingEntry(
                client_order_id=client_order_id,
                lot=lot,
                price=order.price,
                quantity=order.quantity,
                placed_ns=draft.now_ns,
            ),
            counters=replace(state.counters, entries_placed=state.counters.entries_placed + 1),
        )
        draft.note(
            LogEvent.ENTRY_ORDER_SUBMITTED,
            f"{order.side} {order.quantity} at {order.price} (book {quote.bid} / {quote.ask})",
            lot=lot,
            client_order_id=client_order_id,
        )


def is_worth_requoting(context: GridContext, state: GridState, now_ns: int, desk: DeskExposure) -> bool:
    """Return whether the price ran away from the pending entry and a new one would be allowed there."""
    entry, quote, settings = state.pending, state.quote, context.settings.entry
    after_ns = int(settings.entry_requote_after_s * SECOND_NS)
    if entry is None or quote is None or not after_ns or entry.inquiry is not None or entry.accepted_ns is None:
        return False
    if now_ns - entry.placed_ns < after_ns or gates.standing_reason(context, state, now_ns):
        return False
    without = replace(state, pending=None)
    candidate = GridOpenPositionOperator(context, desk).candidate(without, quote)
    if isinstance(candidate, str):
        return False
    gain = (candidate.price - entry.price) * context.sign
    return gain >= settings.entry_requote_min_ticks * context.rules.tick


def find(state: GridState, client_order_id: int) -> PendingEntry | None:
    """Return the entry with this id, pending or stray."""
    for entry in (state.pending, *state.strays):
        if entry is not None and entry.client_order_id == client_order_id:
            return entry
    return None


def put(draft: Draft[GridState], entry: PendingEntry) -> None:
    """Store the newer version of an entry."""
    state = draft.state
    if state.pending is not None and state.pending.client_order_id == entry.client_order_id:
        draft.state = replace(state, pending=entry)
        return
    strays = tuple(entry if stray.client_order_id == entry.client_order_id else stray for stray in state.strays)
    draft.state = replace(state, strays=strays)


def is_stray(state: GridState, entry: PendingEntry) -> bool:
    """Return whether an entry lives beside the pending one."""
    return state.pending is None or state.pending.client_order_id != entry.client_order_id


def cancel(draft: Draft[GridState], entry: PendingEntry, why: str) -> PendingEntry:
    """Ask the venue to cancel an entry, and remember it: only proof of its end clears this. Return the entry since."""
    draft.emit(cancel_command(draft, entry.client_order_id, entry.pending_open_order_id))
    if entry.cancel is None:
        draft.note(LogEvent.ENTRY_CANCEL_REQUESTED, why, lot=entry.lot, client_order_id=entry.client_order_id)
    canceled = replace(entry, cancel=inquiry.cancellation(why, draft.now_ns))
    put(draft, canceled)
    return canceled


def cancel_command(
    draft: Draft[GridState], client_order_id: ClientOrderId, order_id: OrderId | None = None
) -> CancelOrder:
    """Return the cancel of an entry."""
    return CancelOrder(
        grid=draft.context.name,
        exchange=draft.context.exchange,
        symbol=draft.context.symbol,
        client_order_id=client_order_id,
        order_id=order_id,
    )


def query(draft: Draft[GridState], client_order_id: ClientOrderId, order_id: OrderId | None = None) -> QueryOrder:
    """Return the question about an entry."""
    return QueryOrder(
        grid=draft.context.name,
        exchange=draft.context.exchange,
        symbol=draft.context.symbol,
        client_order_id=client_order_id,
        order_id=order_id,
    )


def tell_fill(draft: Draft[GridState], lot: int, event: OrderFilled) -> None:
    """Hand a fill to the closer, under the lot of the order that filled."""
    draft.emit_now(
        EntryFilled(
            grid=draft.context.name,
            lot=lot,
            price=event.price,
            quantity=event.quantity,
            fee=event.fee,
            leaves=event.leaves,
            received_ns=event.received_ns,
        )
    )
    state = draft.state
    draft.state = replace(
        state,
        sent=state.sent + event.quantity,
        counters=replace(state.counters, fills=state.counters.fills + 1),
    )


def finish(draft: Draft[GridState], entry: PendingEntry, *, is_charged: bool = True) -> None:
    """End an entry: READY at once if nothing filled, else when its fills are covered.

    An ending that is the venue's doing, or a re-quote, costs no cooldown unless something filled (`is_charged`).
    """
    entry = replace(entry, is_done=True, is_charged=is_charged, cancel=None, inquiry=None)
    state = draft.state
    ended = (*state.ended, entry.client_order_id)[-REMEMBERED:]
    draft.state = replace(state, ended=ended, ended_ns=draft.now_ns)
    put(draft, entry)
    if entry.filled > 0:
        counters = draft.state.counters
        draft.state = replace(draft.state, counters=replace(counters, entries_filled=counters.entries_filled + 1))
        draft.emit(EntryFinished(grid=draft.context.name, lot=entry.lot, filled=entry.filled))
    if is_stray(state, entry):
        strays = tuple(s for s in draft.state.strays if s.client_order_id != entry.client_order_id)
        draft.state = replace(draft.state, strays=strays)
        return
    become_ready_if_covered(draft, entry)


def become_ready_if_covered(draft: Draft[GridState], entry: PendingEntry) -> None:
    """Go READY if the entry has ended and every filled unit has an accepted exit, is closed, or is named dust."""
    if not entry.is_done or entry.covered < entry.filled:
        return
    ladder = draft.state.ladder
    if entry.filled > 0 or entry.is_charged:
        ladder = Ladder(since_ns=draft.now_ns, is_waived=ladder.is_waived)
    draft.state = replace(draft.state, pending=None, ladder=ladder)
    draft.note(LogEvent.CYCLE_READY, f"{entry.filled} filled", lot=entry.lot, client_order_id=entry.client_order_id)


def clear_refusals(draft: Draft[GridState]) -> None:
    """Start counting refusals anew: an entry rested or filled."""
    if draft.state.backoff != _NO_BACKOFF:
        draft.state = replace(draft.state, backoff=_NO_BACKOFF)


_NO_BACKOFF = Backoff()


def ledger_says(entry: PendingEntry, event: OrderFilled) -> PendingEntry:
    """Return the entry with a fill added; the venue accepted what it filled."""
    return replace(
        entry,
        filled=entry.filled + event.quantity,
        accepted_ns=entry.accepted_ns if entry.accepted_ns is not None else event.received_ns,
        pending_open_order_id=entry.pending_open_order_id or event.order_id,
    )


def is_filled_up(entry: PendingEntry, event: OrderFilled) -> bool:
    """Return whether nothing of the order is left."""
    return event.leaves == ZERO or entry.filled >= entry.quantity
