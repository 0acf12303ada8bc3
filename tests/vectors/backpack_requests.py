"""Signed requests: built from their parameters by the client's own path and compared byte for byte."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exchanges.backpack.signing import INSTRUCTIONS, SUBSCRIBE, Signer, signed_text, spelled
from exchanges.values import ClientOrderId, OrderId, OrderRef, OrderRequest, Side
from exchanges.venue import AccountSetup, Call, HttpRequest
from exchanges.wire_json import encode
from tests.vectors.backpack_file import NS_PER_MS, BackpackFile, verifies
from tests.vectors.cases import Case, Wrong, need, one_of, same, text_of, whole_of

Pairs = tuple[tuple[str, str], ...]

_SIDES = {"Bid": Side.BUY, "Ask": Side.SELL}
_OF_ORDERS = frozenset({"symbol", "side", "orderType", "price", "quantity", "timeInForce", "postOnly", "reduceOnly"})
_NUMBERS = ("price", "quantity")


class RequestChecks:
    """Checks of `instructions`, `signed` and `ws_subscribe`."""

    def __init__(self, file: BackpackFile) -> None:
        self._file = file

    def instruction(self, case: Case) -> None:
        """Check one row of the instruction table."""
        row = need(case.data, "method", "path", "instruction")
        route = (text_of(row, "method"), text_of(row, "path"))
        ours = SUBSCRIBE if route == ("WS", "SUBSCRIBE") else INSTRUCTIONS.get(route)
        same("instruction", ours, row["instruction"])

    def signed(self, case: Case) -> None:
        """Check one signed request."""
        row = need(
            case.data,
            *("name", "instruction", "method", "path", "timestamp", "window", "query", "body", "body_json", "params"),
            *("string_to_sign", "signature", "headers", "verified_by"),
        )
        route = (text_of(row, "method"), text_of(row, "path"))
        same("instruction", INSTRUCTIONS.get(route), row["instruction"])
        if not row["verified_by"] or not all(isinstance(name, str) for name in row["verified_by"]):
            raise Wrong("verified by nobody")
        segments = segments_of(row)
        text = signed_text(
            row["instruction"],
            segments,
            timestamp_ms=whole_of(row, "timestamp"),
            window_ms=whole_of(row, "window"),
        )
        same("string_to_sign", text, row["string_to_sign"])
        key = self._file.key()
        same("signature", key.sign(text), row["signature"])
        if not verifies(text_of(self._file.meta, "api_key_base64"), row["signature"], row["string_to_sign"]):
            raise Wrong("the signature does not verify")
        headers = {
            "X-API-Key": key.api_key,
            "X-Signature": key.sign(text),
            "X-Timestamp": str(row["timestamp"]),
            "X-Window": str(row["window"]),
            "Content-Type": "application/json; charset=utf-8",
        }
        same("headers", headers, row["headers"])
        if len(segments) == 1:
            self._check_sent(row, segments[0], headers)
            self._check_own_call(row)

    def _check_sent(self, row: Mapping[str, Any], pairs: Pairs, headers: Mapping[str, str]) -> None:
        """The client's own way: a request goes in, bytes for the wire come out."""
        request = HttpRequest(
            operation=row["name"],
            method=row["method"],
            path=row["path"],
            parameters=pairs,
            signed=True,
            body=None if row["body"] is None else encode(row["body"]),
        )
        signer = Signer(self._file.key(), window_ms=row["window"])
        sent = signer.sign(request, wall_ns=row["timestamp"] * NS_PER_MS)
        path, _, query = sent.target.partition("?")
        same("path", path, row["path"])
        same("query", query or None, row["query"])
        same("body_json", sent.body.decode() or None, row["body_json"])
        same("headers of the request", dict(sent.headers), dict(headers))

    def _check_own_call(self, row: Mapping[str, Any]) -> None:
        """Where the bot makes this request itself, it asks for the same; numbers may have other trailing zeros."""
        given = row["params"] if row["body"] is None else row["body"]
        call = self._own_call(row["method"], row["path"], given)
        if call is None:
            return
        same("route of our call", (call.request.method, call.request.path), (row["method"], row["path"]))
        ours = dict(call.request.parameters)
        same(
            "parameters of our call", _numbered(ours), _numbered({key: spelled(value) for key, value in given.items()})
        )
        if call.request.body is not None:
            same("body of our call", _numbered(json.loads(call.request.body)), _numbered(given))

    def _own_call(self, method: str, path: str, given: Mapping[str, Any]) -> Call[Any] | None:
        venue, symbol = self._file.venue(), given.get("symbol", "")
        plain = {
            ("GET", "/api/v1/account"): lambda: venue.fee_rates(symbol),
            ("GET", "/api/v1/capital/collateral"): venue.account_summary,
            ("DELETE", "/api/v1/orders"): lambda: venue.cancel_all(symbol),
            ("GET", "/api/v1/position"): lambda: venue.position(symbol),
        }
        if (method, path) in plain and set(given) <= {"symbol"}:
            return plain[method, path]()
        if (method, path) == ("PATCH", "/api/v1/account") and set(given) == {"leverageLimit"}:
            return venue.account_checks(AccountSetup(symbol="SOL_USDC_PERP", leverage=int(given["leverageLimit"])))[1]
        if path != "/api/v1/order":
            return None
        if method == "POST":
            order = _order_of(given)
            return None if order is None else venue.place_limit_order(order)
        ref = _ref_of(given)
        if ref is None:
            return None
        return venue.cancel_order(ref) if method == "DELETE" else venue.query_order(ref)

    def subscription(self, case: Case) -> None:
        """Check the signed frame that subscribes to private streams."""
        row = need(
            case.data,
            *("name", "instruction", "string_to_sign", "signature", "frame", "frame_json", "url", "verified_by"),
        )
        same("instruction", SUBSCRIBE, row["instruction"])
        timestamp_ms, window_ms = self._file.timestamp_ms(), self._file.window_ms()
        text = signed_text(SUBSCRIBE, ((),), timestamp_ms=timestamp_ms, window_ms=window_ms)
        same("string_to_sign", text, row["string_to_sign"])
        same("signature", self._file.key().sign(text), row["signature"])
        if not verifies(text_of(self._file.meta, "api_key_base64"), row["signature"], row["string_to_sign"]):
            raise Wrong("the signature does not verify")
        frame = need(row["frame"], "method", "params", "signature")
        for name in frame["params"]:
            one_of("stream", name.split(".SOL", 1)[0], ("account.orderUpdate", "account.positionUpdate"))
        signer = Signer(self._file.key(), window_ms=window_ms)
        ours = signer.subscription(frame["params"], wall_ns=timestamp_ms * NS_PER_MS, window_ms=window_ms)
        same("frame_json", ours, row["frame_json"])
        same("frame", json.loads(ours), row["frame"])
        same("url", self._file.venue().private_stream("", (), wall_ns=0).url, row["url"])
        if not row["verified_by"]:
            raise Wrong("verified by nobody")


def segments_of(row: Mapping[str, Any]) -> tuple[Pairs, ...]:
    """Return the parameters of a signed request, of each order where it is a batch."""
    method, body, params = row["method"], row["body"], row["params"]
    if method == "GET":
        same("body of a GET", (body, row["body_json"]), (None, None))
        return (_pairs(need(params)),)
    same("query and params of a command", (row["query"], params), (None, None))
    same("body_json", json.loads(text_of(row, "body_json")), body)
    same("body_json without spaces", encode(body), row["body_json"])
    return tuple(_pairs(need(order)) for order in (body if isinstance(body, list) else [body]))


def _pairs(parameters: Mapping[str, Any]) -> Pairs:
    for key, value in parameters.items():
        if not isinstance(value, str | int | bool):
            raise Wrong(f"{key} is neither text nor integer nor boolean: {value!r:.60}")
    return tuple((key, spelled(value)) for key, value in parameters.items())


def _numbered(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: Decimal(value) if key in _NUMBERS else value for key, value in parameters.items()}


def _order_of(body: Mapping[str, Any]) -> OrderRequest | None:
    """The order of a body, None where it is one that the bot never places."""
    is_market = body.get("orderType") == "Market"
    if not set(body) <= {*_OF_ORDERS, "clientId"} or "clientId" not in body or "quantity" not in body:
        return None
    if False in (body.get("postOnly"), body.get("reduceOnly")) or is_market is ("price" in body):
        return None
    return OrderRequest(
        client_order_id=ClientOrderId(body["clientId"]),
        symbol=body["symbol"],
        side=_SIDES[body["side"]],
        quantity=Decimal(body["quantity"]),
        price=None if is_market else Decimal(body["price"]),
        post_only=body.get("postOnly", False),
        reduce_only=body.get("reduceOnly", False),
        immediate=body.get("timeInForce") == "IOC",
    )


def _ref_of(parameters: Mapping[str, Any]) -> OrderRef | None:
    if set(parameters) == {"symbol", "clientId"}:
        return OrderRef(symbol=parameters["symbol"], client_order_id=ClientOrderId(parameters["clientId"]))
    if set(parameters) == {"symbol", "orderId"} and isinstance(parameters["orderId"], str):
        order_id = OrderId(parameters["orderId"])
        return OrderRef(symbol=parameters["symbol"], client_order_id=ClientOrderId(1), order_id=order_id)
    return None
