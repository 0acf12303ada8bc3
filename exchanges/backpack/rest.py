"""One function per REST call this bot makes: the request, and how its answer is read (venues/backpack.md).

A request's parameters are one flat dictionary of final values. From it come the signed pairs and the JSON body, so the
two cannot differ by a digit.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final, NoReturn

from exchanges.backpack import history, markets, parsing
from exchanges.backpack.errors import NOT_FOUND
from exchanges.backpack.outcomes import EXCHANGE, body_of, read_call, write_call
from exchanges.backpack.parsing import Fields
from exchanges.backpack.signing import Value, spelled
from exchanges.errors import MalformedMessage, RequestRefused, UnknownOrder
from exchanges.reports import AccountReport, ActiveOrders, BestPrice, FillReport, OrderReport, PositionReport
from exchanges.rounding import plain
from exchanges.values import FeeRates, MarketRules, OrderRef, OrderRequest, Side
from exchanges.venue import Call, HttpReply, HttpRequest, RequestKind
from exchanges.wire_fields import NS_PER_MS
from exchanges.wire_json import encode

PAGE_ROWS: Final = 1000
DEPTH_ROWS: Final = 5
_SIDES: Final = {Side.BUY: "Bid", Side.SELL: "Ask"}
_CATCH_UP_MARGIN_NS: Final = 5_000_000_000
"""Fills are read from a little before the asked time: clocks differ, and a fill read twice counts once (section 14)."""
_BPS: Final = 10_000

Parameters = Mapping[str, Value]


def query(path: str, parameters: Parameters | None = None, *, signed: bool = True) -> HttpRequest:
    """Return the request of a reading of the trading service."""
    return HttpRequest(
        operation=f"GET {_name(path)}", method="GET", path=path, parameters=_pairs(parameters or {}), signed=signed
    )


def history_query(path: str, parameters: Parameters) -> HttpRequest:
    """Return the request of a reading of the history service, which has a budget of its own (section 4.3)."""
    return HttpRequest(
        operation=f"GET {_name(path)}",
        method="GET",
        path=path,
        parameters=_pairs(parameters),
        signed=True,
        weight=0,
        history_weight=1,
    )


def command(method: str, path: str, parameters: Parameters, kind: RequestKind = RequestKind.QUERY) -> HttpRequest:
    """Return the request of something that may change the venue's state; its parameters go into a JSON body."""
    return HttpRequest(
        operation=f"{method} {_name(path)}",
        method=method,
        path=path,
        parameters=_pairs(parameters),
        signed=True,
        kind=kind,
        body=encode(dict(parameters)),
    )


def _pairs(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    return tuple((key, spelled(value)) for key, value in parameters.items())


def _name(path: str) -> str:
    return path.split("/v1/", 1)[-1]


# --- public ---


def server_time() -> Call[int]:
    """The venue's clock in wall nanoseconds."""
    return read_call(query("/api/v1/time", signed=False), parsing.server_time_ns)


def all_markets() -> Call[dict[str, MarketRules]]:
    """The rules of every perpetual market, by symbol. The answer may be minutes old (a CDN keeps it)."""
    return read_call(query("/api/v1/markets", {"marketType": markets.PERPETUAL}, signed=False), markets.markets)


def best_price(symbol: str) -> Call[BestPrice]:
    """Best bid and ask out of the depth, the only public answer that no CDN keeps."""
    request = query("/api/v1/depth", {"symbol": symbol, "limit": DEPTH_ROWS}, signed=False)
    return read_call(request, partial(_of_symbol, parsing.best_price, symbol))


def _of_symbol(parse: Callable[[Any, int, str], Any], symbol: str, data: object, received_ns: int) -> Any:  # noqa: ANN401 - returns what `parse` returns
    return parse(data, received_ns, symbol)


# --- orders ---


def place_order(order: OrderRequest) -> Call[OrderReport]:
    """Place an order: post-only, GTC, IOC with a worst price, or Market where it has no price.

    The engine has processed the order when it answers, so the report is its state (section 2).

    Raises:
        ValueError: post-only and immediate at once, or post-only without a price: no such order exists.
    """
    if order.post_only and (order.immediate or order.price is None):
        raise ValueError("a post-only order has a price and rests")
    parsing.spell_client_order_id(order.client_order_id)
    fields: dict[str, Value] = {"symbol": order.symbol, "side": _SIDES[order.side]}
    if order.price is None:
        fields |= {"orderType": "Market", "quantity": plain(order.quantity)}
    else:
        fields |= {"orderType": "Limit", "price": plain(order.price), "quantity": plain(order.quantity)}
        fields["timeInForce"] = "IOC" if order.immediate else "GTC"
    if order.post_only:
        fields["postOnly"] = True
    if order.reduce_only:
        fields["reduceOnly"] = True
    fields["clientId"] = int(order.client_order_id)
    kind = RequestKind.EXIT if order.reduce_only else RequestKind.ENTRY
    ref = OrderRef(symbol=order.symbol, client_order_id=order.client_order_id)
    return write_call(command("POST", "/api/v1/order", fields, kind), partial(own_order, ref))


def cancel_order(ref: OrderRef) -> Call[OrderReport]:
    """Cancel an order. Raises UnknownOrder where it does not rest, OutcomeUnknown where the cancel is only queued."""
    request = command("DELETE", "/api/v1/order", naming(ref), RequestKind.CANCEL)
    return write_call(request, partial(own_order, ref), not_resting)


def cancel_all(symbol: str) -> Call[ActiveOrders]:
    """Cancel every order of one market, exits and foreign ones too. Reads to the orders that were canceled."""
    request = command("DELETE", "/api/v1/orders", {"symbol": symbol}, RequestKind.CANCEL)
    return write_call(request, partial(_of_symbol, parsing.active_orders, symbol))


def open_orders(symbol: str) -> Call[ActiveOrders]:
    """Every open order of one market."""
    return read_call(query("/api/v1/orders", {"symbol": symbol}), partial(_of_symbol, parsing.active_orders, symbol))


def naming(ref: OrderRef) -> dict[str, Value]:
    """Return the parameters that name an order: by the venue's id where it is known, never by both."""
    if ref.order_id is not None:
        return {"symbol": ref.symbol, "orderId": str(ref.order_id)}
    return {"symbol": ref.symbol, "clientId": int(ref.client_order_id)}


def own_order(ref: OrderRef, data: object, received_ns: int) -> OrderReport:
    """Read an order and check that it is the one that was asked for: an answer of another request proves nothing."""
    report = parsing.order(data, received_ns)
    if report.symbol != ref.symbol or report.client_order_id != ref.client_order_id:
        raise MalformedMessage(EXCHANGE, "order", f"the answer is about another order than {ref.client_order_id}")
    return report


def not_resting(error: RequestRefused) -> NoReturn:
    """Raise a refusal as UnknownOrder where its code says that the order does not rest, whatever its HTTP status."""
    if error.code == NOT_FOUND:
        raise UnknownOrder(EXCHANGE, error.operation, error.text, code=error.code) from None
    raise error


# --- history ---


def order_fills(symbol: str, order_id: str) -> Call[tuple[FillReport, ...]]:
    """The fills of one order (its first thousand), oldest first."""
    parameters: Parameters = {"symbol": symbol, "orderId": order_id, "limit": PAGE_ROWS, "sortDirection": "Asc"}
    return read_call(
        history_query("/wapi/v1/history/fills", parameters),
        lambda data, received_ns: tuple(fill for fill in history.fills(data, received_ns) if fill.order_id == order_id),
    )


def recent_fills(symbol: str, since_ns: int) -> Call[tuple[FillReport, ...]]:
    """One page (at most 1000) of the market's fills since a little before a time, oldest first.

    There is no cursor by trade: the next page begins at the time of the last fill of this one. Fills of the venue's own
    orders (liquidation, auto-deleveraging) are left out: they are nobody's order.
    """
    parameters: Parameters = {
        "symbol": symbol,
        "from": max(0, since_ns - _CATCH_UP_MARGIN_NS) // NS_PER_MS,
        "limit": PAGE_ROWS,
        "sortDirection": "Asc",
        "fillType": "User",
    }
    return read_call(history_query("/wapi/v1/history/fills", parameters), history.fills)


# --- account ---


def position(symbol: str) -> Call[PositionReport]:
    """The position in one market, picked out of all: the unfiltered question also answers where the account is flat.

    RESOURCE_NOT_FOUND, the answer to a filtered question about a flat market (section 8), means the same.
    """
    request = query("/api/v1/position")

    def read(reply: HttpReply) -> PositionReport:
        try:
            return parsing.position(body_of(reply, request.operation, writes=False), reply.received_ns, symbol)
        except RequestRefused as error:
            if error.code != NOT_FOUND:
                raise
            return parsing.flat(reply.received_ns, symbol)

    return Call(request, read)


def collateral() -> Call[AccountReport]:
    """Totals of the account."""
    return read_call(query("/api/v1/capital/collateral"), parsing.collateral)


def fee_rates(maker: Decimal | None, taker: Decimal | None) -> Call[FeeRates]:
    """The account's futures rates; a rate that is given stands in place of the venue's."""

    def parse(data: object, _received_ns: int) -> FeeRates:
        fields = Fields(data, "account")
        rates = [fields.number(key) / _BPS for key in ("futuresMakerFee", "futuresTakerFee")]
        return FeeRates(maker=rates[0] if maker is None else maker, taker=rates[1] if taker is None else taker)

    return read_call(query("/api/v1/account"), parse)
