"""GridOrderCloser's rule: every quantity that is held has an exit, or a named reason why not.

`handle_filled_order` runs after every message. For each lot it looks at what is held and not on order, and sends an
exit for exactly that. No entry rule is asked here: neither pause, cooldown, grid step nor a stale price keeps an exit
back (ORIGIN.md defect 4). What may wait, and why: a burst being collected, the pause after a refusal, a settlement in
progress, a proven difference between position and lots.
"""

from decimal import Decimal

from actors.grid import dust, flatten, inquiry, orders, pricing
from actors.grid.draft import Draft
from actors.grid.positions import get_lot, on_order, orders_of, part_of, put_lot, put_order, total_on_order
from actors.grid.settings import ExitFallback, LotTimeoutAction, PartialTakeProfit
from actors.grid.state import (
    SECOND_NS,
    CloseOrder,
    ExitBook,
    ExitKind,
    GridContext,
    Part,
    Quote,
    TrackedPosition,
)
from actors.log_events import LogEvent
from actors.messages import NoteLevel
from exchanges.records import replace
from exchanges.rounding import floor_to
from exchanges.values import ZERO

BOOST_TRIES = 2
MISMATCH = "position mismatch"
RETRY = "waiting to try again"
COLLECTING = "collecting a burst of fills"
WITHHELD = "exits canceled on request"


def handle_filled_order(draft: Draft[ExitBook], caused_ns: int) -> None:
    """Send what is due: questions, cuts, and an exit for every quantity that has none."""
    draft.state = replace(draft.state, wants_price=False)
    if not draft.state.is_connected:
        return
    _chase(draft)
    progress = draft.state.flatten
    if progress is not None and not flatten.drive(draft, progress):
        return
    if draft.state.is_withheld:
        _withhold(draft)
        return
    _trim(draft)
    for lot in draft.state.lots:
        _serve(draft, lot, caused_ns)


def serve_first(draft: Draft[ExitBook], lot_number: int, caused_ns: int) -> None:
    """Send the exit of the lot that has just been filled, before anything that grows with the number of lots.

    What `handle_filled_order` then finds of that lot is what it would have left itself: serving twice changes nothing.
    """
    book = draft.state
    if book.is_connected and book.flatten is None and not book.is_withheld:
        _serve(draft, get_lot(book, lot_number), caused_ns)


def fresh_quote(draft: Draft[ExitBook]) -> Quote | None:
    """Return the price if something may be taken at it, None if not; then the next price is awaited."""
    quote = draft.state.quote
    if quote is not None and quote.is_fresh(draft.now_ns, draft.context.settings.stale_after_ms):
        return quote
    draft.state = replace(draft.state, wants_price=True)
    return None


def _chase(draft: Draft[ExitBook]) -> None:
    now_ns = draft.now_ns
    for found in draft.state.orders:
        order = found
        if order.inquiry is None and order.accepted_ns is None and now_ns - order.placed_ns >= inquiry.SILENCE_NS:
            order = ask(draft, order, "no answer to the order")
        if order.cancel is not None and order.inquiry is None and now_ns >= order.cancel.next_ns:
            order = orders.cancel(draft, order, order.cancel.why)
            order = ask(draft, order, "no answer to the cancel")
        if order.inquiry is not None and now_ns >= order.inquiry.next_ns:
            orders.query(draft, order)
            put_order(draft, replace(order, inquiry=inquiry.asked(order.inquiry, now_ns)))


def ask(draft: Draft[ExitBook], order: CloseOrder, why: str) -> CloseOrder:
    """Open an inquiry about an exit, unless one is open. Returns the order as stored."""
    if order.inquiry is None:
        fence_ns = order.placed_ns + int(draft.context.capabilities.fence_s * SECOND_NS)
        if order.accepted_ns is not None:
            fence_ns = draft.now_ns - 1
        order = replace(order, inquiry=inquiry.begin(why, fence_ns=fence_ns, at_ns=draft.now_ns))
        put_order(draft, order)
    return order


def cancel_resting(draft: Draft[ExitBook], why: str) -> None:
    """Cancel every resting exit that is not being canceled yet."""
    for order in draft.state.orders:
        if not order.kind.is_immediate and order.cancel is None:
            orders.cancel(draft, order, why)


def _withhold(draft: Draft[ExitBook]) -> None:
    cancel_resting(draft, WITHHELD)
    for lot in draft.state.lots:
        _block(draft, lot, WITHHELD if lot.remaining > on_order(draft.state, lot.lot) else "")


def _trim(draft: Draft[ExitBook]) -> None:
    """Cut exits that hold more than their lot does, or than a proven position allows: newest first.

    An exit that was found without its lot is left alone until a reading proves that the lot is not missing: after a
    kill the entry's fill comes through the strategy, behind ConnectionReady.
    """
    for order in draft.state.orders if draft.state.is_agreed else ():
        if order.cancel is None and order.unallotted > 0:
            _cut(draft, [(order, order.leaves)], ZERO)
    for lot in draft.state.lots:
        live = [(order, part_of(order, lot.lot)) for order in orders_of(draft.state, lot.lot) if order.cancel is None]
        _cut(draft, live, lot.remaining)
    if draft.state.mismatch is not None:
        live = [(order, order.leaves) for order in draft.state.orders if order.cancel is None]
        live.sort(key=lambda pair: pair[0].unallotted > 0)
        _cut(draft, live, max(ZERO, draft.state.mismatch.most))


def _cut(draft: Draft[ExitBook], live: list[tuple[CloseOrder, Decimal]], allowed: Decimal) -> None:
    excess = sum((quantity for _, quantity in live), ZERO) - allowed
    for order, quantity in reversed(live):
        if excess <= 0:
            return
        if not order.kind.is_immediate:
            orders.cancel(draft, order, "more than is held")
            draft.note(
                LogEvent.CLOSE_TRIMMED,
                f"{order.leaves} at {order.price}",
                level=NoteLevel.WARNING,
                lot=order.lot,
                client_order_id=order.client_order_id,
            )
        excess -= quantity


def _serve(draft: Draft[ExitBook], lot: TrackedPosition, caused_ns: int) -> None:
    lot = get_lot(draft.state, lot.lot)
    lot = _watch_age(draft, lot)
    unplaced = lot.remaining - on_order(draft.state, lot.lot)
    if unplaced <= 0:
        _block(draft, lot, "")
        return
    reason = waiting_reason(draft.context, draft.state, lot, draft.now_ns)
    if not reason and draft.state.mismatch is not None:
        unplaced = min(unplaced, max(ZERO, draft.state.mismatch.least) - total_on_order(draft.state))
        reason = MISMATCH if unplaced <= 0 else ""
    if reason:
        _block(draft, lot, reason)
        return
    _place(draft, lot, unplaced, caused_ns)


def waiting_reason(context: GridContext, book: ExitBook, lot: TrackedPosition, now_ns: int) -> str:
    """Return why a lot's unplaced quantity has to wait, empty if it has not."""
    if not lot.is_entry_done:
        if context.settings.entry.partial_tp is PartialTakeProfit.ON_DONE:
            return "partial_tp = on_done"
        if now_ns < lot.hold_ns:
            return COLLECTING
    if lot.awaits_position_ns:
        return "refused as reduce-only, waiting for a position reading"
    if now_ns < lot.retry_ns:
        return RETRY
    if lot.is_closing and orders_of(book, lot.lot):
        return "lot timeout, exit being canceled"
    return ""


def _watch_age(draft: Draft[ExitBook], lot: TrackedPosition) -> TrackedPosition:
    settings = draft.context.settings.risk
    timeout_ns = int(settings.lot_timeout_s * SECOND_NS)
    if not timeout_ns or lot.remaining <= 0 or draft.now_ns - lot.opened_ns < timeout_ns:
        return lot
    if not lot.is_overdue:
        draft.note(
            LogEvent.LOT_OVERDUE,
            f"older than {settings.lot_timeout_s} s",
            level=NoteLevel.WARNING,
            lot=lot.lot,
        )
        is_closing = settings.lot_timeout_action is LotTimeoutAction.CLOSE
        lot = replace(lot, is_overdue=True, is_closing=is_closing)
        put_lot(draft, lot)
    if lot.is_closing:
        for order in orders_of(draft.state, lot.lot):
            if order.cancel is None and not order.kind.is_immediate and fresh_quote(draft) is not None:
                orders.cancel(draft, order, "lot timeout")
    return lot


def _block(draft: Draft[ExitBook], lot: TrackedPosition, reason: str, dust_quantity: Decimal = ZERO) -> None:
    lot = get_lot(draft.state, lot.lot)
    if lot.blocked != reason or lot.dust != dust_quantity:
        put_lot(draft, replace(lot, blocked=reason, dust=dust_quantity))


def _place(draft: Draft[ExitBook], lot: TrackedPosition, unplaced: Decimal, caused_ns: int) -> None:
    context = draft.context
    kind = _kind(draft, lot)
    own = (Part(lot.lot, unplaced),)
    parts = own if draft.state.mismatch is not None else dust.parts_with_dust(draft.state, lot.lot, unplaced)
    price = pricing.dearer(context, [_target(draft, part.lot) for part in parts])
    quantity = floor_to(dust.total(parts), context.rules.step)
    if not dust.is_placeable(context, quantity, price):
        if lot.dust != unplaced:
            draft.note(LogEvent.DUST_RECORDED, f"{unplaced} cannot rest", lot=lot.lot)
        _block(draft, lot, "dust", unplaced)
        return
    _block(draft, lot, "")
    largest = floor_to(_largest(context, kind), context.rules.step)
    for part_list in _portions(dust.on_step(parts, quantity), largest):
        if not _send(draft, lot.lot, kind, part_list, price, caused_ns):
            if lot.blocked != orders.NO_IDS:
                text = f"{unplaced} has no exit: {orders.NO_IDS}"
                draft.note(LogEvent.IDS_EXHAUSTED, text, level=NoteLevel.ERROR, lot=lot.lot)
            _block(draft, lot, orders.NO_IDS)
            return
    for part in parts[1:]:
        other = get_lot(draft.state, part.lot)
        _block(draft, other, "dust" if _unplaced(draft, other) else "", _unplaced(draft, other))
    rest = get_lot(draft.state, lot.lot)
    if _unplaced(draft, rest) > 0 and draft.state.mismatch is None:
        _block(draft, rest, "dust", _unplaced(draft, rest))


def _unplaced(draft: Draft[ExitBook], lot: TrackedPosition) -> Decimal:
    return max(ZERO, lot.remaining - on_order(draft.state, lot.lot))


def _largest(context: GridContext, kind: ExitKind) -> Decimal:
    rules = context.rules
    return min(rules.max_quantity, rules.market_max_quantity) if kind.is_immediate else rules.max_quantity


def _portions(parts: tuple[Part, ...], largest: Decimal) -> list[tuple[Part, ...]]:
    """Split parts into orders of at most `largest`."""
    portions: list[tuple[Part, ...]] = []
    current: list[Part] = []
    room = largest
    for part in parts:
        left = part.quantity
        while left > 0:
            share = min(left, room)
            current.append(Part(part.lot, share))
            left -= share
            room -= share
            if room == 0:
                portions.append(tuple(current))
                current, room = [], largest
    if current:
        portions.append(tuple(current))
    return portions


def _target(draft: Draft[ExitBook], lot_number: int) -> Decimal:
    return pricing.target_price(draft.context, get_lot(draft.state, lot_number).average_entry)


def _kind(draft: Draft[ExitBook], lot: TrackedPosition) -> ExitKind:
    """Return how the next exit of a lot is meant. Without a fresh price it rests, whatever is wanted."""
    entry, close = draft.context.settings.entry, draft.context.settings.close
    if lot.is_closing:
        return ExitKind.EMERGENCY if fresh_quote(draft) is not None else ExitKind.RESTING
    if entry.boost_mode and not draft.state.is_boost_off and lot.boost_misses < BOOST_TRIES:
        return ExitKind.BOOST if fresh_quote(draft) is not None else ExitKind.RESTING
    if lot.refusals > close.retry_limit and close.fallback is ExitFallback.IOC and fresh_quote(draft) is not None:
        return ExitKind.FALLBACK
    return ExitKind.RESTING


def _send(
    draft: Draft[ExitBook], lot_number: int, kind: ExitKind, parts: tuple[Part, ...], target: Decimal, caused_ns: int
) -> bool:
    context, quote = draft.context, draft.state.quote
    if kind is ExitKind.RESTING or quote is None:
        price = pricing.resting_price(context, target, quote, get_lot(draft.state, lot_number).refusals)
    elif kind is ExitKind.BOOST:
        price = pricing.capped_price(context, quote, context.settings.entry.boost_max_slippage_bps)
    else:
        price = pricing.capped_price(context, quote, context.settings.close.fallback_max_slippage_bps)
    return orders.send(draft, lot_number, kind, price, parts, caused_ns=caused_ns)
