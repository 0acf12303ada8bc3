"""Closing everything: cancel the exits, wait until each is settled, then take what is really left.

The quantity of the closing order is computed after the last exit has settled, so an exit that fills while it is being
canceled is never sold twice (ORIGIN.md defects 7 and 24). Fills of a late entry join in. Each order is reduce-only, an
immediate one at a capped price, and repeated from a fresh price until nothing placeable is left. Without a fresh price
the exits stay, and those that are missing are placed again, until there is one.
"""

from decimal import Decimal

from actors.grid import dust, orders, pricing
from actors.grid.draft import Draft
from actors.grid.positions import allot, held, put_lot
from actors.grid.state import ExitBook, ExitKind, FlattenProgress, Quote
from actors.log_events import LogEvent
from actors.messages import Flattened, FlattenPositions, NoteLevel
from exchanges.records import replace
from exchanges.rounding import floor_to
from exchanges.values import ZERO

_SETTLING = "flatten: an exit is being settled"


def begin(draft: Draft[ExitBook], event: FlattenPositions) -> None:
    """Start closing everything; a second request while one runs changes nothing."""
    if draft.state.flatten is None:
        draft.state = replace(draft.state, flatten=FlattenProgress(reason=event.reason), is_withheld=False)
        draft.note(LogEvent.FLATTEN_STARTED, event.reason, level=NoteLevel.WARNING)


def drive(draft: Draft[ExitBook], progress: FlattenProgress) -> bool:
    """Take the next step of a flatten that is running. Returns whether exits have to protect what is held meanwhile.

    They do while there is no fresh price: nothing could be closed once they were canceled. At the end only lots that
    a proven position does not have are left, and they are named so.
    """
    quote = draft.state.quote
    if not draft.state.orders and not _is_closable(draft, _closable(draft), quote):
        _finish(draft)
        return draft.state.mismatch is not None
    if quote is None or not quote.is_fresh(draft.now_ns, draft.context.settings.stale_after_ms):
        draft.state = replace(draft.state, wants_price=True)
        return True
    for order in draft.state.orders:
        if not order.kind.is_immediate and order.cancel is None:
            orders.cancel(draft, order, "flatten")
    if draft.state.orders:
        _name(draft, _SETTLING)
    elif draft.now_ns < progress.retry_ns:
        _name(draft, "flatten: waiting to try again")
    else:
        _close(draft, progress, quote)
    return False


def _closable(draft: Draft[ExitBook]) -> Decimal:
    quantity = held(draft.state)
    if draft.state.mismatch is not None:
        quantity = min(quantity, max(ZERO, draft.state.mismatch.most))
    return floor_to(quantity, draft.context.rules.step)


def _is_closable(draft: Draft[ExitBook], quantity: Decimal, quote: Quote | None) -> bool:
    if quote is None:
        return quantity > 0
    return dust.is_placeable(draft.context, quantity, quote.mid)


def _close(draft: Draft[ExitBook], progress: FlattenProgress, quote: Quote) -> None:
    rules, book = draft.context.rules, draft.state
    largest = floor_to(min(rules.max_quantity, rules.market_max_quantity), rules.step)
    quantity = min(_closable(draft), largest)
    parts = allot(book.lots, quantity, {lot.lot: lot.remaining for lot in book.lots})
    price = pricing.capped_price(draft.context, quote, draft.context.settings.close.fallback_max_slippage_bps)
    sent = {part.lot: part.quantity for part in parts}
    for lot in book.lots:
        is_whole = sent.get(lot.lot) == lot.remaining
        put_lot(draft, replace(lot, dust=ZERO, blocked="" if is_whole else _SETTLING))
    if not orders.send(draft, parts[0].lot, ExitKind.EMERGENCY, price, parts):
        _name(draft, orders.NO_IDS)
        draft.state = replace(draft.state, flatten=replace(progress, retry_ns=0))  # ids come by a message, not by time


def _finish(draft: Draft[ExitBook]) -> None:
    left = held(draft.state)
    mismatch = draft.state.mismatch
    is_proven = mismatch is not None and mismatch.most < left
    for lot in draft.state.lots:
        if lot.remaining > 0 and not is_proven:
            put_lot(draft, replace(lot, dust=lot.remaining, blocked="dust"))
    draft.state = replace(draft.state, flatten=None)
    text = "nothing is held" if not left else f"{left} is too small to close"
    if left and is_proven:
        text = f"{left} of the lots is not there to close: the position has been proven to be less"
    draft.note(LogEvent.FLATTEN_FINISHED, text)
    draft.emit(Flattened(grid=draft.context.name))


def _name(draft: Draft[ExitBook], reason: str) -> None:
    for lot in draft.state.lots:
        if lot.blocked != reason:
            put_lot(draft, replace(lot, blocked=reason))
