"""The requests, and what their answers allow to conclude."""

import json
from functools import partial
from typing import Any

from exchanges.calls import Calls
from exchanges.errors import (
    AuthenticationRefused,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
    WouldCross,
)
from exchanges.reports import ActiveOrders, OrderReport
from exchanges.rounding import plain
from exchanges.values import OrderRef, OrderRequest, PriceSource
from exchanges.venue import AccountSetup, Call, HttpReply, HttpRequest, RequestKind
from exchanges.wire_fields import rows_of
from exchanges.wire_json import decode
from tests.contract.toy.client import parsing
from tests.contract.toy.client.parsing import EXCHANGE

_REFUSALS = {
    "key": AuthenticationRefused,
    "margin": InsufficientMargin,
    "would_take": WouldCross,
    "nothing_to_reduce": ReduceOnlyRefused,
    "rules": RuleViolated,
    "no_order": UnknownOrder,
}


def body_of(reply: HttpReply, operation: str, *, writes: bool) -> Any:
    """Return the body of a success. A refusal is believed only below 500 and in the venue's own words."""
    if reply.status == 200:
        return decode(reply.body, EXCHANGE, operation)
    try:
        word = parsing.Fields(decode(reply.body, EXCHANGE, operation), "refusal").text("error")
    except MalformedMessage:
        word = ""
    if reply.status >= 500 or not word:
        raise OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status} {word}")
    if reply.status == 429:
        raise RateLimited(EXCHANGE, operation, word, code=word, retry_after_s=2.0)
    raise _REFUSALS.get(word, RequestRefused)(EXCHANGE, operation, word, code=word)


_CALLS = Calls(EXCHANGE, body_of)


def _get(path: str, *parameters: tuple[str, str]) -> HttpRequest:
    return HttpRequest(operation=f"GET {path}", method="GET", path=path, parameters=parameters, signed=True)


def server_time() -> Call[int]:
    return _CALLS.read(_get("/time"), parsing.now_ns)


def markets() -> Call[Any]:
    return _CALLS.read(_get("/markets"), parsing.markets)


def price(symbol: str) -> Call[Any]:
    return _CALLS.read(_get("/price", ("symbol", symbol)), partial(parsing.price, source=PriceSource.REST))


def _named(ref: OrderRef) -> tuple[tuple[str, str], ...]:
    return (("symbol", ref.symbol), ("id", parsing.spell_client_order_id(ref.client_order_id)))


def query(ref: OrderRef) -> Call[OrderReport]:
    return _CALLS.read(_get("/order", *_named(ref)), parsing.order)


def open_orders(symbol: str) -> Call[ActiveOrders]:
    def parse(data: Any, received_ns: int) -> ActiveOrders:
        orders = tuple(parsing.order(row, received_ns) for row in rows_of(EXCHANGE, data, "orders"))
        return ActiveOrders(symbol=symbol, orders=orders, received_ns=received_ns)

    return _CALLS.read(_get("/orders", ("symbol", symbol)), parse)


def order_fills(symbol: str, order_id: str) -> Call[Any]:
    return _CALLS.read(_get("/fills", ("symbol", symbol), ("order", order_id)), parsing.fills)


def recent_fills(symbol: str, since_ns: int) -> Call[Any]:
    since_ms = str(since_ns // 1_000_000)
    return _CALLS.read(_get("/fills", ("symbol", symbol), ("since", since_ms)), parsing.fills)


def position(symbol: str) -> Call[Any]:
    return _CALLS.read(_get("/position", ("symbol", symbol)), parsing.position)


def account() -> Call[Any]:
    return _CALLS.read(_get("/account"), parsing.account)


def fees() -> Call[Any]:
    return _CALLS.read(_get("/fees"), parsing.fees)


def place(order: OrderRequest) -> Call[OrderReport]:
    fields = {
        "id": parsing.spell_client_order_id(order.client_order_id),
        "symbol": order.symbol,
        "side": order.side.value,
        "price": plain(order.price or order.quantity),
        "size": plain(order.quantity),
        "kind": "now" if order.immediate else "post_only" if order.post_only else "limit",
        "reduce_only": order.reduce_only,
    }
    request = HttpRequest(
        operation="POST /order",
        method="POST",
        path="/order",
        signed=True,
        kind=RequestKind.EXIT if order.reduce_only else RequestKind.ENTRY,
        body=json.dumps(fields),
    )
    return _CALLS.write(request, parsing.order)


def cancel(ref: OrderRef) -> Call[OrderReport]:
    request = HttpRequest(
        operation="DELETE /order",
        method="DELETE",
        path="/order",
        parameters=_named(ref),
        signed=True,
        kind=RequestKind.CANCEL,
    )
    return _CALLS.write(request, parsing.order)


def set_leverage(setup: AccountSetup) -> Call[str | None]:
    body = json.dumps({"symbol": setup.symbol, "leverage": setup.leverage})
    request = HttpRequest(operation="POST /leverage", method="POST", path="/leverage", signed=True, body=body)
    return _CALLS.write(request, lambda _data, _received_ns: None)
