"""The exit side as it is before the venue has been read: lots from the journal, their exits unknown.

Every order that was live or unknown when the process ended is possibly live. What became of it is told by the
connection, or asked for after ConnectionReady; only then is the missing part of the exits placed.
"""

from decimal import Decimal

from actors.grid import inquiry
from actors.grid.positions import allot
from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.grid.state import CloseOrder, ExitBook, ExitCounters, ExitKind, GridContext, Part, TrackedPosition
from exchanges.order_ids import EMERGENCY_LEG, FIRST_EXIT_LEG, unpack
from exchanges.records import replace
from exchanges.values import ZERO


def initial(context: GridContext, restored: RestoredGrid | None, now_ns: int, wall_ns: int) -> ExitBook:
    """Return the book before the venue has been read. No order leaves it before ConnectionReady."""
    del context
    if restored is None:
        return ExitBook()
    lots = _spread_excess(tuple(_restored_lot(lot, now_ns, wall_ns) for lot in restored.lots))
    book = ExitBook(
        lots=tuple(sorted(lots, key=lambda lot: lot.lot)),
        external=restored.external,
        closed=_closed(restored),
        closed_high=_closed_high(restored),
        remembered_high=min(_closed_high(restored), restored.highest_used),
        is_fresh_start=not restored.lots and not restored.orders and not restored.highest_sequence,
        counters=ExitCounters(realized_pnl=restored.realized_pnl, fees=_fees(restored)),
    )
    awaited = {entry.lot: entry.quantity - entry.filled for entry in restored.orders if not entry.reduce_only}
    for order in sorted(restored.orders, key=lambda order: order.placed_wall_ns):
        if order.reduce_only:
            parts = _restored_parts(book, order, awaited)
            book = replace(book, orders=(*book.orders, _restored_order(order, parts, now_ns, wall_ns)))
    return book


def _fees(restored: RestoredGrid) -> Decimal:
    """Return all fees ever paid: the journal's total is of closed lots."""
    return sum((lot.fees for lot in restored.lots), restored.fees)


def _closed(restored: RestoredGrid) -> tuple[Part, ...]:
    """Return what lots with a pending entry had filled and closed completely: the journal tells only open ones."""
    numbers = {lot.lot for lot in restored.lots}
    entries = [order for order in restored.orders if not order.reduce_only]
    return tuple(Part(order.lot, order.filled) for order in entries if order.lot not in numbers)


def _closed_high(restored: RestoredGrid) -> int:
    """Return below which lot number a late fill must not use the lot's own ids again."""
    entries = [order.lot for order in restored.orders if not order.reduce_only]
    if entries:
        return min(entries) - 1
    return max([restored.highest_sequence, *(lot.lot for lot in restored.lots)])


def _restored_lot(lot: RestoredLot, now_ns: int, wall_ns: int) -> TrackedPosition:
    return TrackedPosition(
        lot=lot.lot,
        sequence=lot.continuation or lot.lot,
        next_leg=max(FIRST_EXIT_LEG, lot.attempts_used + 1),
        opened_ns=now_ns - max(0, wall_ns - lot.opened_wall_ns),
        entry_filled=lot.entry_filled,
        entry_notional=lot.entry_notional,
        entry_fees=lot.fees,
        exit_filled=lot.exit_filled,
        exit_notional=lot.exit_notional,
        is_entry_done=lot.entry_done,
    )


def _spread_excess(lots: tuple[TrackedPosition, ...]) -> tuple[TrackedPosition, ...]:
    """Move what an order closed beyond the lot it was journaled under to the other lots, oldest first."""
    by_number = {lot.lot: lot for lot in sorted(lots, key=lambda lot: lot.lot)}
    for number, lot in list(by_number.items()):
        excess = -lot.remaining
        if excess <= 0:
            continue
        price = lot.exit_notional / lot.exit_filled
        room = {other.lot: max(ZERO, other.remaining) for other in by_number.values()}
        for part in allot(tuple(by_number.values()), excess, room):
            by_number[number] = _add_exit(by_number[number], -part.quantity, price)
            by_number[part.lot] = _add_exit(by_number[part.lot], part.quantity, price)
    return tuple(lot for lot in by_number.values() if lot.remaining > 0 or not lot.is_entry_done)


def _add_exit(lot: TrackedPosition, quantity: Decimal, price: Decimal) -> TrackedPosition:
    return replace(lot, exit_filled=lot.exit_filled + quantity, exit_notional=lot.exit_notional + quantity * price)


def _restored_order(order: RestoredOrder, parts: tuple[Part, ...], now_ns: int, wall_ns: int) -> CloseOrder:
    fence_ns = now_ns - 1 if order.was_accepted else now_ns + max(0, order.fence_wall_ns - wall_ns)
    key = unpack(order.client_order_id)
    is_emergency = key is not None and key.leg == EMERGENCY_LEG
    kind = ExitKind.EMERGENCY if is_emergency else ExitKind.FALLBACK if order.immediate else ExitKind.RESTING
    return CloseOrder(
        client_order_id=order.client_order_id,
        lot=order.lot,
        kind=kind,
        price=order.price,
        quantity=order.quantity,
        parts=parts,
        placed_ns=now_ns - max(0, wall_ns - order.placed_wall_ns),
        filled=order.filled,
        order_id=order.order_id,
        inquiry=inquiry.begin("restored", fence_ns=fence_ns, at_ns=now_ns),
    )


def _restored_parts(book: ExitBook, order: RestoredOrder, awaited: dict[int, Decimal]) -> tuple[Part, ...]:
    """Return the lots that an exit is for: its own first, then others with room.

    What the entry of its own lot can still fill (`awaited`, which is used up) is kept for that: the kill may have come
    between the fill and the journal, and then the venue tells it soon.
    """
    leaves = order.quantity - order.filled
    taken = {lot.lot: ZERO for lot in book.lots}
    for other in book.orders:
        for part in other.parts:
            taken[part.lot] += part.quantity
    room = {lot.lot: max(ZERO, lot.remaining - taken[lot.lot]) for lot in book.lots}
    own = allot(tuple(lot for lot in book.lots if lot.lot == order.lot), leaves, room)
    for part in own:
        leaves -= part.quantity
    kept = min(leaves, awaited.get(order.lot, ZERO))
    if kept:
        awaited[order.lot] -= kept
    others = allot(tuple(lot for lot in book.lots if lot.lot != order.lot), leaves - kept, room)
    return (*own, *others)
