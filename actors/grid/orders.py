"""Sending exits: ids, the messages, and cancels. Every order here is reduce-only and never above what its lots hold.

An exit takes the next leg of its lot's sequence; when the legs run out, the lot continues with a sequence of the
closer's own block, and the command names both. An emergency order takes a sequence of its own and the emergency leg.
"""

from decimal import Decimal

from actors.grid import dust, ids, inquiry
from actors.grid.draft import Draft
from actors.grid.positions import get_lot, lots_with, put_order
from actors.grid.state import CloseOrder, ExitBook, ExitKind, Part, TrackedPosition
from actors.log_events import LogEvent
from actors.messages import CancelOrder, PlaceLimitOrder, PlaceMarketOrder, QueryOrder
from exchanges.order_ids import EMERGENCY_LEG, FIRST_EXIT_LEG, LAST_EXIT_LEG
from exchanges.records import replace

NO_IDS = "no reserved ids"


def _continuation(draft: Draft[ExitBook]) -> int | None:
    taken = ids.take(draft.state.ids)
    if taken is None:
        return None
    block, sequence = taken
    draft.state = replace(draft.state, ids=block)
    return sequence


def _take_exit_leg(draft: Draft[ExitBook], lot: TrackedPosition) -> tuple[int, int, TrackedPosition] | None:
    if lot.next_leg > LAST_EXIT_LEG:
        sequence = _continuation(draft)
        if sequence is None:
            return None
        lot = replace(lot, sequence=sequence, next_leg=FIRST_EXIT_LEG)
    return lot.sequence, lot.next_leg, replace(lot, next_leg=lot.next_leg + 1)


def _take_leg(
    draft: Draft[ExitBook], lot: TrackedPosition, kind: ExitKind
) -> tuple[int, int, TrackedPosition | None] | None:
    """Return sequence and leg of the next id, and the lot as it is after it has used them, where it changes."""
    if kind is ExitKind.EMERGENCY:
        sequence = _continuation(draft)
        if sequence is not None:
            return sequence, EMERGENCY_LEG, None
    return _take_exit_leg(draft, lot)


def send(
    draft: Draft[ExitBook],
    lot_number: int,
    kind: ExitKind,
    price: Decimal,
    parts: tuple[Part, ...],
    *,
    caused_ns: int = 0,
) -> bool:
    """Send an exit for the parts, on the account of one lot. Returns False if no id is left."""
    leg = _take_leg(draft, get_lot(draft.state, lot_number), kind)
    if leg is None:
        return False
    sequence, number, lot = leg
    order = CloseOrder(
        client_order_id=ids.order_id(draft.context.bot_tag, sequence, number),
        lot=lot_number,
        kind=kind,
        price=price,
        quantity=dust.total(parts),
        parts=parts,
        placed_ns=draft.now_ns,
    )
    parent = lot_number if sequence != lot_number else 0
    place = place_market_order if kind.is_immediate else place_close_order
    place(draft, order, sequence, parent, caused_ns)  # before the book is brought up to date: the exit is on its way
    book = draft.state
    draft.state = replace(
        book,
        lots=book.lots if lot is None else lots_with(book, lot),
        orders=(*book.orders, order),
        counters=replace(book.counters, exits_placed=book.counters.exits_placed + 1),
    )
    return True


def place_close_order(draft: Draft[ExitBook], order: CloseOrder, sequence: int, parent: int, caused_ns: int) -> None:
    """Send a resting, post-only, reduce-only exit."""
    context = draft.context
    draft.emit_now(
        PlaceLimitOrder(
            grid=context.name,
            exchange=context.exchange,
            symbol=context.symbol,
            client_order_id=order.client_order_id,
            side=context.exit_side,
            price=order.price,
            quantity=order.quantity,
            post_only=True,
            reduce_only=True,
            lot=sequence,
            parent_lot=parent,
            caused_ns=caused_ns,
        )
    )
    _note_sent(draft, order, LogEvent.CLOSE_ORDER_SUBMITTED)


def place_market_order(draft: Draft[ExitBook], order: CloseOrder, sequence: int, parent: int, caused_ns: int) -> None:
    """Send an immediate, reduce-only exit that is no worse than its price."""
    context = draft.context
    draft.emit_now(
        PlaceMarketOrder(
            grid=context.name,
            exchange=context.exchange,
            symbol=context.symbol,
            client_order_id=order.client_order_id,
            side=context.exit_side,
            worst_price=order.price,
            quantity=order.quantity,
            lot=sequence,
            parent_lot=parent,
            caused_ns=caused_ns,
        )
    )
    event = {
        ExitKind.FALLBACK: LogEvent.CLOSE_FALLBACK_USED,
        ExitKind.EMERGENCY: LogEvent.EMERGENCY_ORDER_SUBMITTED,
    }.get(order.kind, LogEvent.CLOSE_ORDER_SUBMITTED)
    _note_sent(draft, order, event)


def _note_sent(draft: Draft[ExitBook], order: CloseOrder, event: LogEvent) -> None:
    text = f"{draft.context.exit_side} {order.quantity} at {order.price}"
    draft.note(event, text, lot=order.lot, client_order_id=order.client_order_id)


def cancel(draft: Draft[ExitBook], order: CloseOrder, why: str) -> CloseOrder:
    """Ask the venue to cancel an exit; it stays on the book until it is settled. Returns the order as stored."""
    send_cancel(draft, order)
    order = replace(order, cancel=inquiry.cancellation(why, draft.now_ns))
    put_order(draft, order)
    return order


def send_cancel(draft: Draft[ExitBook], order: CloseOrder) -> None:
    """Ask the venue to cancel an exit, and remember nothing."""
    draft.emit(
        CancelOrder(
            grid=draft.context.name,
            exchange=draft.context.exchange,
            symbol=draft.context.symbol,
            client_order_id=order.client_order_id,
            order_id=order.order_id,
        )
    )


def query(draft: Draft[ExitBook], order: CloseOrder) -> None:
    """Ask the venue for the authoritative state of an exit."""
    draft.emit(
        QueryOrder(
            grid=draft.context.name,
            exchange=draft.context.exchange,
            symbol=draft.context.symbol,
            client_order_id=order.client_order_id,
            order_id=order.order_id,
        )
    )
