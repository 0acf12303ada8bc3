"""Defects of the entry side: an entry is forgotten, believed gone, or followed too early by the next one."""

from typing import Any, Final

from actors.grid import cycle, entry, ledger, recovery
from actors.grid.draft import Draft
from actors.grid.positions import find_lot, put_lot
from actors.grid.state import ExitBook, GridState, Inquiry
from actors.messages import (
    CancelFailed,
    EntryFilled,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    QueryFailed,
)
from exchanges.order_ids import OrderKey, pack
from exchanges.records import replace
from exchanges.values import ZERO, ClientOrderId, RejectReason
from tests.simulation.planted.bugs import Bug

_notify_lot = ledger.notify_order_filled
_notify_entry = recovery.notify_order_filled
_take_venue = cycle._take_venue


def _overwritten(draft: Draft[ExitBook], event: EntryFilled) -> None:
    lot = find_lot(draft.state, event.lot)
    if lot is not None:
        put_lot(draft, replace(lot, entry_filled=ZERO, entry_notional=ZERO))
    _notify_lot(draft, event)


def _unknown_is_refused(draft: Draft[GridState], event: OrderOutcomeUnknown) -> None:
    refused = OrderRejected(
        grid=event.grid, client_order_id=event.client_order_id, reason=RejectReason.OTHER, text=event.why
    )
    recovery.reject(draft, refused)


def _ready_after_error(draft: Draft[GridState], event: Any) -> None:
    if isinstance(event, QueryFailed):
        draft.state = replace(draft.state, pending=None)
    _take_venue(draft, event)


def _cancel_failure_ends(draft: Draft[GridState], event: CancelFailed) -> None:
    found = entry.find(draft.state, event.client_order_id)
    if found is not None and not found.is_done:
        entry.finish(draft, found)


def _every_fill_is_the_last(*_: object) -> bool:
    return True


def _late_fill_is_dropped(draft: Draft[GridState], event: OrderFilled) -> None:
    found = entry.find(draft.state, event.client_order_id)
    if found is not None and not found.is_done and found.cancel is None:
        _notify_entry(draft, event)


def _first_absence_proves(inquiry: Inquiry, asked_ns: int) -> Inquiry:
    return replace(inquiry, absences=99, absent_ns=asked_ns)


def _absence_before_the_fence_counts(inquiry: Inquiry, asked_ns: int) -> Inquiry:
    is_news = inquiry.absent_ns is None or asked_ns > inquiry.absent_ns
    return replace(inquiry, absences=inquiry.absences + 1, absent_ns=asked_ns) if is_news else inquiry


def _few_ids(bot_tag: int, sequence: int, leg: int) -> ClientOrderId:
    return pack(OrderKey(bot_tag, sequence % 8 + 1, leg))


def _never(*_: object) -> str:
    return ""


ENTRY_BUGS: Final = (
    Bug(
        name="overwritten-fill",
        source="RELIABILITY.md A.2 cause 1; ORIGIN.md A.6 #1",
        what="The last fill of an entry overwrites the quantity of its lot instead of adding to it.",
        patches=(("actors.grid.ledger.notify_order_filled", _overwritten),),
    ),
    Bug(
        name="unknown-is-refused",
        source="RELIABILITY.md A.2 cause 2",
        what="An entry whose outcome is unknown counts as refused: the cycle is READY and the next one goes out.",
        patches=(("actors.grid.recovery.outcome_unknown", _unknown_is_refused),),
        seed=1,
    ),
    Bug(
        name="ready-after-any-error",
        source="RELIABILITY.md A.2 cause 3",
        what="A failed query sets the cycle READY and forgets the pending entry.",
        patches=(("actors.grid.cycle._take_venue", _ready_after_error),),
        seed=8,
    ),
    Bug(
        name="failed-cancel-ends-entry",
        source="RELIABILITY.md A.2 cause 4; ORIGIN.md A.6 #17",
        what="A cancel that failed resets the cycle all the same.",
        patches=(("actors.grid.recovery.cancel_failed", _cancel_failure_ends),),
        seed=15,
    ),
    Bug(
        name="ready-after-first-partial",
        source="ORIGIN.md A.6 #2",
        what="The first partial fill ends the entry, which still rests.",
        patches=(("actors.grid.entry.is_filled_up", _every_fill_is_the_last),),
        seed=1,
    ),
    Bug(
        name="late-fill-dropped",
        source="ORIGIN.md A.6 #17, R9",
        what="A fill of an entry that was given up, or is being canceled, is dropped.",
        patches=(("actors.grid.recovery.notify_order_filled", _late_fill_is_dropped),),
        seed=4,
    ),
    Bug(
        name="one-absence-is-proof",
        source="ORIGIN.md A.6 #18",
        what="The first answer 'not found', asked at whatever time, proves that an order never was.",
        patches=(("actors.grid.inquiry.absent", _first_absence_proves),),
        venue="aster",
        needs=("request_late",),
        seed=3,
    ),
    Bug(
        name="absence-before-the-fence",
        source="RELIABILITY.md S10, D.4 model check",
        what="Answers 'not found' count although the order could still be on its way when they were asked for.",
        patches=(("actors.grid.inquiry.absent", _absence_before_the_fence_counts),),
        venue="aster",
        needs=("request_late",),
        seed=3,
    ),
    Bug(
        name="few-ids",
        source="ORIGIN.md A.6 #14; RELIABILITY.md A.2 cause 5",
        what="Client ids are taken from a space so small that they come again within one session.",
        patches=(("actors.grid.ids.order_id", _few_ids),),
        seed=3,
    ),
    Bug(
        name="stop-leaves-the-entry",
        source="RELIABILITY.md A.2 cause 7; ORIGIN.md A.6 #7",
        what="A halt places no new entry, and leaves the one that rests.",
        patches=(("actors.grid.gates.blocks_live_entry", _never),),
        needs=("halt",),
        seed=10,
    ),
)
