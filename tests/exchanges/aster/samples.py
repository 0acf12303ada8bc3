"""Payloads and builders for the tests of the Aster client. The samples are those of the vectors file."""

import copy
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from exchanges.aster.settings import AsterSettings
from exchanges.aster.venue import AsterVenue
from exchanges.order_ids import OrderKey, pack
from exchanges.values import OrderRef, OrderRequest, Side
from exchanges.venue import HttpReply

NOW_NS = 1_700_000_000_123_456_789
OUR_ID = pack(OrderKey(7, 1, 0))
OUR_TEXT = "g1c000010"
SYMBOL = "BTCUSDT"

_VECTORS = Path(__file__).parents[2] / "vectors" / "recorded" / "aster.json"


@cache
def _document() -> dict[str, Any]:
    return json.loads(_VECTORS.read_text())


def vectors(section: str) -> Any:
    """A section of the vectors file, as a copy."""
    return copy.deepcopy(_document()[section])


def payload(name: str, **changes: Any) -> dict[str, Any]:
    """A stream sample, with changes at its top level."""
    return {**vectors("payload_fixtures")[name], **changes}


def body(name: str, **changes: Any) -> Any:
    """The body of a REST sample, with changes at its top level (of its first row, for lists)."""
    found = vectors("payload_fixtures")[name]["body"]
    if isinstance(found, list):
        return [{**found[0], **changes}, *found[1:]]
    return {**found, **changes}


def own_order(**changes: Any) -> dict[str, Any]:
    """An order object of ours, as acknowledged."""
    return body("rest_place_ack", **{"clientOrderId": OUR_TEXT, **changes})


def order_event(*, where: str = "two_fills", index: int = 0, **changes: Any) -> dict[str, Any]:
    """An ORDER_TRADE_UPDATE of an order of ours; changes go into its `o`."""
    case = next(row for row in vectors("fill_sequences")["cases"] if row["name"] == where)
    event = case["events"][index]
    event["o"] |= {"c": OUR_TEXT, **changes}
    return event


def frame(event: object) -> bytes:
    """An event as bytes."""
    return json.dumps(event).encode()


def reply(content: object, status: int = 200, **headers: str) -> HttpReply:
    """An answer; text and bytes go out as they are, anything else as JSON."""
    raw = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else frame(content)
    return HttpReply(
        status=status,
        headers={key.replace("_", "-"): each for key, each in headers.items()},
        body=raw,
        received_ns=NOW_NS,
    )


def refusal(code: int, text: str = "no", status: int = 400) -> HttpReply:
    """An error answer of the venue."""
    return reply({"code": code, "msg": text}, status)


def credentials() -> dict[str, str]:
    """The vectors' keys under the names of `--serve`."""
    wallet, key = vectors("credentials")["v3"], vectors("credentials")["v1"]
    return {
        "user": wallet["user"],
        "signer": wallet["signer"],
        "private_key": wallet["signer_private_key"],
        "api_key": key["apiKey"],
        "secret": key["secret"],
    }


def venue(settings: AsterSettings | None = None) -> AsterVenue:
    """An account on a venue that does not exist."""
    return AsterVenue.with_credentials(settings or AsterSettings(), credentials(), "http://rest", "ws://stream")


def request(**changes: Any) -> OrderRequest:
    """A post-only buy of ours."""
    fields: dict[str, Any] = {
        "client_order_id": OUR_ID,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "quantity": Decimal("0.002"),
        "price": Decimal("94321.5"),
        "post_only": True,
        "reduce_only": False,
    }
    return OrderRequest(**{**fields, **changes})


def ref(**changes: Any) -> OrderRef:
    """A reference to our order."""
    return OrderRef(**{"symbol": SYMBOL, "client_order_id": OUR_ID, **changes})
