"""Defects of the exit side: an exit that is missing, doubled, too large, or kept back."""

from typing import Any, Final

from actors.grid import closing, flatten, orders, settling
from actors.grid.draft import Draft
from actors.grid.positions import put_lot
from actors.grid.state import CloseOrder, ExitBook, FlattenProgress, GridContext, TrackedPosition
from actors.messages import ActiveOrdersListed, OrderCanceled
from actors.send_gate import to_request
from exchanges.order_ids import FIRST_EXIT_LEG
from exchanges.records import replace
from exchanges.values import CancelReason, OrderRequest
from tests.simulation.planted.bugs import Bug

_listed, _release, _waiting_reason = settling.listed, settling.release, closing.waiting_reason
_drive, _serve = flatten.drive, closing._serve


def _missing_is_gone(draft: Draft[ExitBook], event: ActiveOrdersListed) -> None:
    for order in draft.state.orders:
        if order.accepted_ns is not None and order.client_order_id not in event.client_order_ids:
            settling.release(draft, order, CancelReason.OTHER)
    _listed(draft, event)


def _nothing_is_closed(*_: object) -> None:
    return


def _kept_back(context: GridContext, book: ExitBook, lot: TrackedPosition, now_ns: int) -> str:
    quote = book.quote
    if quote is None or (quote.mid - lot.average_entry) * context.sign > 0:
        return "the grid step is not reached"
    return _waiting_reason(context, book, lot, now_ns)


def _forgets_its_fills(draft: Draft[ExitBook], order: CloseOrder, reason: CancelReason) -> None:
    _release(draft, order, reason)
    for lot in draft.state.lots:
        if lot.lot == order.lot and order.filled and lot.exit_filled >= order.filled:
            put_lot(draft, replace(lot, exit_filled=lot.exit_filled - order.filled))


def _every_cancel_is_final(draft: Draft[ExitBook], event: OrderCanceled) -> None:
    order = next((o for o in draft.state.orders if o.client_order_id == event.client_order_id), None)
    if order is not None:
        settling.release(draft, order, event.reason)


def _no_reduce_only(command: Any) -> OrderRequest:
    return replace(to_request(command), reduce_only=False)


def _taking_is_not_reduce_only(command: Any) -> OrderRequest:
    request = to_request(command)
    return replace(request, reduce_only=False) if request.immediate else request


def _closes_at_once(draft: Draft[ExitBook], progress: FlattenProgress) -> bool:
    quote = draft.state.quote
    is_first = not any(order.kind.is_immediate for order in draft.state.orders)
    if quote is not None and draft.state.orders and is_first and draft.now_ns >= progress.retry_ns:
        for order in draft.state.orders:
            if order.cancel is None:
                orders.cancel(draft, order, "flatten")
        flatten._close(draft, quote)
        return False
    return _drive(draft, progress)


def _only_first_exits(draft: Draft[ExitBook], lot: TrackedPosition, caused_ns: int) -> None:
    if lot.next_leg == FIRST_EXIT_LEG:
        _serve(draft, lot, caused_ns)


EXIT_BUGS: Final = (
    Bug(
        name="missing-exit-is-gone",
        source="RELIABILITY.md A.2 cause 8; ORIGIN.md A.6 #26",
        what="An exit that is not among the open orders is placed again without asking what became of it.",
        patches=(("actors.grid.settling.listed", _missing_is_gone),),
        needs=("frame_lost",),
    ),
    Bug(
        name="closed-lot-is-kept",
        source="ORIGIN.md A.6 #3",
        what="The fill of an exit is not booked in its lot, so the exit is placed again.",
        patches=(("actors.grid.ledger._attribute", _nothing_is_closed),),
        seed=1,
    ),
    Bug(
        name="exit-waits-for-entry-rules",
        source="ORIGIN.md A.6 #4",
        what="An exit is placed only where the price would allow an entry too.",
        patches=(("actors.grid.closing.waiting_reason", _kept_back),),
        seed=13,
    ),
    Bug(
        name="full-size-again",
        source="ORIGIN.md A.6 #8",
        what="An exit that was canceled after a partial fill is placed again with its full size.",
        patches=(("actors.grid.settling.release", _forgets_its_fills),),
        needs=("flatten", "cancel_ours"),
        seed=27,
    ),
    Bug(
        name="stale-cancel-settles",
        source="RELIABILITY.md O18, O20; flow model: re-post on a stale cancel",
        what="A cancel report settles an exit although it counts fewer fills than there were.",
        patches=(("actors.grid.settling.canceled", _every_cancel_is_final),),
        needs=("flatten", "cancel_ours"),
        unit_test="grid/test_settling.py::test_canceled_exit_is_not_placed_again_while_fills_are_missing",
    ),
    Bug(
        name="exit-not-reduce-only",
        source="RELIABILITY.md A.2 cause 10; ORIGIN.md A.6 #10",
        what="Exits leave without the reduce-only flag.",
        patches=(("actors.rest_worker.to_request", _no_reduce_only),),
    ),
    Bug(
        name="flatten-before-settled",
        source="ORIGIN.md A.6 #24",
        what="Everything is closed at market, not reduce-only, while the exits that are being canceled can still fill.",
        patches=(
            ("actors.grid.flatten.drive", _closes_at_once),
            ("actors.rest_worker.to_request", _taking_is_not_reduce_only),
        ),
        needs=("flatten",),
        seed=3,
    ),
)
