"""Arithmetic of lots and their orders: what is held, on order, covered, and without an exit.

For every lot ``remaining = entry filled - exit filled``. It is split into what orders still have to close
(`on_order`), dust, and the rest, which is unplaced. Covered is what has been closed, what accepted orders still hold,
and dust; whatever is held and not covered is unprotected, and its time is measured.
"""

from decimal import Decimal

from actors.grid.draft import Draft
from actors.grid.state import CloseOrder, ExitBook, NakedPiece, Part, TrackedPosition
from actors.messages import CoverMeasured
from exchanges.records import replace
from exchanges.values import ZERO, ClientOrderId

REMEMBERED = 64


def find_lot(book: ExitBook, lot: int) -> TrackedPosition | None:
    """Return a tracked lot by its number."""
    for tracked in book.lots:  # a plain loop, no generator: every step asks this several times
        if tracked.lot == lot:
            return tracked
    return None


def get_lot(book: ExitBook, lot: int) -> TrackedPosition:
    """Return a lot that is known to be tracked. Raises LookupError if it is not: a defect of ours."""
    found = find_lot(book, lot)
    if found is None:
        raise LookupError(f"lot {lot} is not tracked")
    return found


def find_order(book: ExitBook, client_order_id: ClientOrderId) -> CloseOrder | None:
    """Return an unsettled exit by its id."""
    return next((order for order in book.orders if order.client_order_id == client_order_id), None)


def find_finished(book: ExitBook, client_order_id: ClientOrderId) -> CloseOrder | None:
    """Return a settled exit by its id, as far back as they are remembered."""
    return next((order for order in book.finished if order.client_order_id == client_order_id), None)


def find_exit(book: ExitBook, client_order_id: ClientOrderId) -> CloseOrder | None:
    """Return an exit by its id, settled or not, as far back as they are remembered."""
    return find_order(book, client_order_id) or find_finished(book, client_order_id)


def put_lot(draft: Draft[ExitBook], lot: TrackedPosition) -> None:
    """Store the newer version of a lot, in order of lot numbers."""
    draft.state = replace(draft.state, lots=lots_with(draft.state, lot))


def lots_with(book: ExitBook, lot: TrackedPosition) -> tuple[TrackedPosition, ...]:
    """Return the book's lots with the newer version of one, in order of lot numbers."""
    lots = book.lots
    if not lots or lots[-1].lot < lot.lot:
        return (*lots, lot)
    others = [tracked for tracked in lots if tracked.lot != lot.lot]
    return tuple(sorted([*others, lot], key=lambda tracked: tracked.lot))


def put_order(draft: Draft[ExitBook], order: CloseOrder) -> None:
    """Store the newer version of an order; a new one goes to the end."""
    book = draft.state
    if find_order(book, order.client_order_id) is None:
        draft.state = replace(book, orders=(*book.orders, order))
        return
    orders = tuple(order if o.client_order_id == order.client_order_id else o for o in book.orders)
    draft.state = replace(book, orders=orders)


def drop_order(draft: Draft[ExitBook], order: CloseOrder) -> None:
    """Take a settled order off the book, and remember whose it was."""
    book = draft.state
    orders = tuple(o for o in book.orders if o.client_order_id != order.client_order_id)
    finished = (*book.finished, order)[-REMEMBERED:]
    draft.state = replace(book, orders=orders, finished=finished, finished_ns=draft.now_ns)


def orders_of(book: ExitBook, lot: int) -> tuple[CloseOrder, ...]:
    """Return the unsettled orders that close a lot, oldest first."""
    return tuple(order for order in book.orders if any(part.lot == lot for part in order.parts))


def part_of(order: CloseOrder, lot: int) -> Decimal:
    """Return how much of a lot an order still has to close."""
    return sum((part.quantity for part in order.parts if part.lot == lot), ZERO)


def on_order(book: ExitBook, lot: int) -> Decimal:
    """Return how much of a lot unsettled orders still have to close."""
    return sum((part_of(order, lot) for order in book.orders), ZERO)


def working(book: ExitBook, lot: int) -> Decimal:
    """Return how much of a lot accepted orders still have to close."""
    return sum((part_of(order, lot) for order in book.orders if order.is_working), ZERO)


def covered(book: ExitBook, lot: TrackedPosition) -> Decimal:
    """Return how much of all the lot's entry ever filled is closed, has an accepted exit, or is named dust."""
    return lot.closed_before + lot.exit_filled + min(lot.remaining, working(book, lot.lot) + lot.dust)


def unprotected(book: ExitBook, lot: TrackedPosition) -> Decimal:
    """Return how much of a lot is held without an accepted exit and is not dust."""
    return max(ZERO, lot.remaining - working(book, lot.lot) - lot.dust)


def unprotected_quantity(book: ExitBook) -> Decimal:
    """Return how much of all lots is held without an accepted exit and is not dust."""
    return sum((unprotected(book, lot) for lot in book.lots), ZERO)


def held(book: ExitBook) -> Decimal:
    """Return what all lots hold, as a positive quantity."""
    return sum((lot.remaining for lot in book.lots), ZERO)


def total_on_order(book: ExitBook) -> Decimal:
    """Return what all unsettled orders still have to close."""
    return sum((order.leaves for order in book.orders), ZERO)


def allot(lots: tuple[TrackedPosition, ...], quantity: Decimal, room: dict[int, Decimal]) -> tuple[Part, ...]:
    """Return parts of `quantity` over lots in the given order, each at most its room. May add up to less."""
    parts = []
    for lot in lots:
        share = min(quantity, room[lot.lot])
        if share > 0:
            parts.append(Part(lot.lot, share))
            quantity -= share
    return tuple(parts)


def reduce_parts(parts: tuple[Part, ...], quantity: Decimal) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Split parts into what a fill of `quantity` takes, in order, and what is left."""
    taken: list[Part] = []
    left: list[Part] = []
    for part in parts:
        share = min(part.quantity, quantity)
        quantity -= share
        if share > 0:
            taken.append(Part(part.lot, share))
        if part.quantity > share:
            left.append(Part(part.lot, part.quantity - share))
    return tuple(taken), tuple(left)


def measure_cover(draft: Draft[ExitBook]) -> None:
    """Bring every lot's naked pieces up to date, tell how long covered ones were naked, and keep the maximum."""
    book = draft.state
    lots = tuple(_measured(draft, lot, unprotected(book, lot)) for lot in book.lots)
    counters = book.counters
    now_unprotected = unprotected_quantity(book)
    if now_unprotected > counters.unprotected_max:
        counters = replace(counters, unprotected_max=now_unprotected)
    draft.state = replace(book, lots=lots, counters=counters)


def _measured(draft: Draft[ExitBook], lot: TrackedPosition, target: Decimal) -> TrackedPosition:
    current = sum((piece.quantity for piece in lot.naked), ZERO)
    if target > current:
        since_ns = lot.received_ns or draft.now_ns
        naked = (*lot.naked, NakedPiece(target - current, since_ns))
        return replace(lot, naked=naked, received_ns=0)
    pieces = list(lot.naked)
    excess = current - target
    while excess > 0:
        piece = pieces.pop(0)
        share = min(piece.quantity, excess)
        excess -= share
        if share < piece.quantity:
            pieces.insert(0, NakedPiece(piece.quantity - share, piece.since_ns))
        naked_ns = max(0, draft.now_ns - piece.since_ns)
        draft.emit(CoverMeasured(grid=draft.context.name, lot=lot.lot, quantity=share, naked_ns=naked_ns))
    naked = tuple(pieces)
    return lot if naked == lot.naked and not lot.received_ns else replace(lot, naked=naked, received_ns=0)
