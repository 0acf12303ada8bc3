"""The venue's record of a transaction: whether the sequencer carried it out (venues/lighter.md, section 8.3).

A record that was executed is not a success: what went wrong stands in `event_info.ae`, as JSON text or as bare words.
"""

from dataclasses import dataclass
from typing import Any, Final

from exchanges.errors import MalformedMessage
from exchanges.lighter import parsing
from exchanges.lighter.errors import DUPLICATE_CLIENT_INDEX, reject_reason_of
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.reports import OrderReport
from exchanges.values import ZERO, CancelReason, ClientOrderId, OrderRef, OrderRequest, OrderStatus, RejectReason, Side
from exchanges.wire_json import decode

CREATE_ORDER: Final = 14
FAILED: Final = 0
PENDING: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction's record. `refusal` is empty where the sequencer had nothing against it."""

    tx_type: int
    status: int
    refusal: str
    code: int
    info: dict[str, Any]

    @property
    def is_refused(self) -> bool:
        """Whether the sequencer did not do what was asked."""
        return bool(self.refusal) or self.status == FAILED

    @property
    def is_pending(self) -> bool:
        """Whether the sequencer has not come to it."""
        return self.status == PENDING and not self.refusal

    @property
    def is_duplicate(self) -> bool:
        """Whether it was refused because an order of its client index lives: then it says nothing about that order."""
        return self.code == DUPLICATE_CLIENT_INDEX


def record(data: object) -> Record:
    """Read a transaction's record."""
    fields = Fields(data, "tx")
    refusal, code = _refusal(fields)
    info = _json_object(fields, "info")
    return Record(fields.whole("type"), fields.whole("status"), refusal, code, info)


def _refusal(fields: Fields) -> tuple[str, int]:
    event = Fields(_json_object(fields, "event_info"), "event_info")
    text = event.text("ae") if event.has("ae") else ""
    if not text:
        return "", 0
    try:
        said = decode(text, EXCHANGE, "event_info")
    except MalformedMessage:
        return text[:200], 0
    code = said.get("code") if isinstance(said, dict) else None
    return text[:200], code if isinstance(code, int) else 0


def _json_object(fields: Fields, key: str) -> dict[str, Any]:
    """An object that is given as JSON text; empty text is an empty object."""
    text = fields.text(key) if fields.has(key) else ""
    value = decode(text, EXCHANGE, key) if text else {}
    if not isinstance(value, dict):
        raise fields.error(f"{key} is not an object")
    return value


def client_order_id(found: Record) -> ClientOrderId | None:
    """Return the client index of a record of an order, None where it has none of ours."""
    index = found.info.get("ClientOrderIndex")
    return parsing.read_client_order_id(index) if isinstance(index, int) else None


def refused_order(order: OrderRequest, code: int, received_ns: int) -> OrderReport:
    """Return the report of an order that the sequencer refused: it never rested and never will."""
    return _never_rested(order, reject_reason_of(code), received_ns)


def never_accepted(order: OrderRequest, received_ns: int) -> OrderReport:
    """Return the report of an order whose transaction can no longer be executed."""
    return _never_rested(order, RejectReason.OTHER, received_ns)


def void_of_earlier_run(ref: OrderRef, received_ns: int) -> OrderReport:
    """Return the report of an order of an earlier run whose transaction can no longer be executed.

    Side, price and quantity are not known here. Only orders the ledger knows are asked for, and it keeps its own.
    """
    order = OrderRequest(
        client_order_id=ref.client_order_id,
        symbol=ref.symbol,
        side=Side.BUY,
        quantity=ZERO,
        price=ZERO,
        post_only=True,
        reduce_only=False,
    )
    return never_accepted(order, received_ns)


def _never_rested(order: OrderRequest, why: RejectReason, received_ns: int) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        order_id=None,
        status=OrderStatus.REJECTED,
        side=order.side,
        price=order.price or ZERO,
        quantity=order.quantity,
        filled=ZERO,
        reduce_only=order.reduce_only,
        reason=CancelReason.NEVER_ACCEPTED,
        reject_reason=why,
        occurred_ns=0,
        received_ns=received_ns,
    )
