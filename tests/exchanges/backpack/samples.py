"""Payloads and builders for the tests of the Backpack client. The samples are those of the vectors file."""

import copy
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from exchanges.backpack import BackpackSettings, BackpackVenue
from exchanges.order_ids import OrderKey, pack
from exchanges.values import OrderId, OrderRef, OrderRequest, Side
from exchanges.venue import HttpReply

NOW_NS = 1_750_000_010_123_456_789
OUR_ID = pack(OrderKey(7, 1, 0))
SYMBOL = "SOL_USDC_PERP"
ORDER_ID = OrderId("70000000001")
REST = "http://127.0.0.1:1"
STREAM = "ws://127.0.0.1:2"
NOT_FOUND = {"code": "RESOURCE_NOT_FOUND", "message": "Not Found"}

_VECTORS = Path(__file__).parents[2] / "vectors" / "recorded" / "backpack.json"


@cache
def _document() -> dict[str, Any]:
    return json.loads(_VECTORS.read_text())


def vectors(section: str) -> Any:
    """A section of the vectors file, as a copy."""
    return copy.deepcopy(_document()[section])


def body(name: str, **changes: Any) -> Any:
    """A REST sample, with changes at its top level (of its first row, for lists)."""
    found = vectors("rest_samples")[name]
    if isinstance(found, list):
        return [{**found[0], **changes}, *found[1:]]
    return {**found, **changes}


def own_order(**changes: Any) -> dict[str, Any]:
    """An order object of ours, resting."""
    return body("POST /api/v1/order (limit, rests)", **{"clientId": int(OUR_ID), **changes})


def history_order(**changes: Any) -> dict[str, Any]:
    """A row of order history about an order of ours."""
    row: dict[str, Any] = body("GET /wapi/v1/history/orders", **{"clientId": int(OUR_ID), **changes})[0]
    return row


def event(name: str, **changes: Any) -> bytes:
    """A frame of the samples, with changes in its `data`; None takes a key away where the sample has it."""
    frame = vectors("ws_samples")[name]
    frame["data"] |= changes
    return json.dumps(frame).encode()


def without(name: str, *keys: str) -> bytes:
    """A frame of the samples without some keys of its `data`."""
    frame = vectors("ws_samples")[name]
    for key in keys:
        del frame["data"][key]
    return json.dumps(frame).encode()


def reply(content: object, status: int = 200, **headers: str) -> HttpReply:
    """An answer; texts and bytes are sent as they are."""
    raw = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else None
    return HttpReply(
        status=status,
        headers=headers,
        body=json.dumps(content).encode() if raw is None else raw,
        received_ns=NOW_NS,
    )


def refusal(code: str, text: str = "", status: int = 400) -> HttpReply:
    """An error body of the venue."""
    return reply({"code": code, "message": text}, status)


def credentials() -> dict[str, str]:
    """The file's made-up key pair."""
    meta = vectors("meta")
    return {"api_key": meta["api_key_base64"], "secret": meta["secret_base64"]}


def venue(**settings: Any) -> BackpackVenue:
    """A venue object on loopback addresses."""
    return BackpackVenue.with_credentials(BackpackSettings(**settings), credentials(), REST, STREAM)


def ref(**changes: Any) -> OrderRef:
    """An order of ours."""
    fields: dict[str, Any] = {"symbol": SYMBOL, "client_order_id": OUR_ID}
    return OrderRef(**(fields | changes))


def order_request(**changes: Any) -> OrderRequest:
    """A post-only entry."""
    fields: dict[str, Any] = {
        "client_order_id": OUR_ID,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "quantity": Decimal("0.50"),
        "price": Decimal("141.25"),
        "post_only": True,
        "reduce_only": False,
    }
    return OrderRequest(**(fields | changes))
