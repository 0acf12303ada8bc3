"""One function per REST call this bot makes: the request, its price, and how its answer is read.

Paths differ between the two ways of signing (venues/aster.md, section 4): V1 has its newer versions of three calls
under v2 and v4. Weights are those of section 5.3.

Why a resting order asks for `ACK` (the venue's default) and not for `RESULT`: that a crossing GTX order is
acknowledged `NEW` and expires a moment later is confirmed live; what `RESULT` answers for a GTX order that *rests* is
only described as "FILLED or EXPIRED", and a reply that waits for matching would hold up the order lane. So the reply
says that the venue has the order, and the stream (or a query) says what became of it. Immediate orders ask for
`RESULT`, whose final state is documented, because their acknowledgement always claims that nothing was filled.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from exchanges.aster import errors, markets, parsing
from exchanges.aster.outcomes import EXCHANGE, read_call, write_call
from exchanges.aster.settings import Auth
from exchanges.errors import MalformedMessage, RequestRefused, WouldCross
from exchanges.reports import AccountReport, ActiveOrders, BestPrice, FillReport, OrderReport, PositionReport
from exchanges.rounding import plain
from exchanges.values import FeeRates, MarketRules, OrderId, OrderRef, OrderRequest, Side
from exchanges.venue import Call, HttpRequest, RequestKind
from exchanges.wire_fields import NS_PER_MS

PAGE_ROWS: Final = 1000
_SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}
_V1_PATHS: Final = {
    "balance": "/fapi/v2/balance",
    "positionRisk": "/fapi/v2/positionRisk",
    "accountWithJoinMargin": "/fapi/v4/account",
}


def path_of(auth: Auth, endpoint: str) -> str:
    """Return the path of an endpoint under the given way of signing."""
    if auth is Auth.V3:
        return f"/fapi/v3/{endpoint}"
    return _V1_PATHS.get(endpoint, f"/fapi/v1/{endpoint}")


def query(
    auth: Auth, endpoint: str, parameters: tuple[tuple[str, str], ...] = (), *, weight: int, signed: bool = True
) -> HttpRequest:
    """Return the request of a reading."""
    return HttpRequest(
        operation=f"GET {endpoint}",
        method="GET",
        path=path_of(auth, endpoint),
        parameters=parameters,
        signed=signed,
        kind=RequestKind.QUERY,
        weight=weight,
    )


def command(
    auth: Auth,
    method: str,
    endpoint: str,
    parameters: tuple[tuple[str, str], ...] = (),
    *,
    weight: int = 1,
    kind: RequestKind = RequestKind.QUERY,
    order_weight: int = 0,
) -> HttpRequest:
    """Return the request of something that may change the venue's state; always signed."""
    return HttpRequest(
        operation=f"{method} {endpoint}",
        method=method,
        path=path_of(auth, endpoint),
        parameters=parameters,
        signed=True,
        kind=kind,
        weight=weight,
        order_weight=order_weight,
    )


# --- public ---


def server_time(auth: Auth) -> Call[int]:
    """The venue's clock in wall nanoseconds."""
    return read_call(query(auth, "time", weight=1, signed=False), parsing.server_time_ns)


def exchange_info(auth: Auth) -> Call[dict[str, MarketRules]]:
    """The rules of every market, by symbol."""
    return read_call(query(auth, "exchangeInfo", weight=1, signed=False), markets.exchange_info)


def best_price(auth: Auth, symbol: str) -> Call[BestPrice]:
    """Best bid and ask of one market."""
    request = query(auth, "ticker/bookTicker", (("symbol", symbol),), weight=1, signed=False)
    return read_call(request, partial(_of_symbol, parsing.best_price, symbol))


def _of_symbol(parse: Callable[[Any, int, str], Any], symbol: str, data: object, received_ns: int) -> Any:  # noqa: ANN401 - returns what `parse` returns
    return parse(data, received_ns, symbol)


# --- orders ---


def place_order(auth: Auth, order: OrderRequest) -> Call[OrderReport]:
    """Place an order: GTX (post-only), GTC, IOC with a worst price, or MARKET where it has no price.

    The report's status OPEN means that the venue has the order, not that it rests: see the module's docstring.

    Raises:
        ValueError: post-only and immediate at once, or post-only without a price: no such order exists.
    """
    if order.post_only and (order.immediate or order.price is None):
        raise ValueError("a post-only order has a price and rests")
    spelled = parsing.spell_client_order_id(order.client_order_id)
    pairs = [("symbol", order.symbol), ("side", _SIDES[order.side])]
    if order.price is None:
        pairs += [("type", "MARKET"), ("quantity", plain(order.quantity))]
    else:
        force = "IOC" if order.immediate else "GTX" if order.post_only else "GTC"
        pairs += [("type", "LIMIT"), ("timeInForce", force)]
        pairs += [("quantity", plain(order.quantity)), ("price", plain(order.price))]
    if order.reduce_only:
        pairs.append(("reduceOnly", "true"))
    pairs.append(("newClientOrderId", spelled))
    if order.immediate or order.price is None:
        pairs.append(("newOrderRespType", "RESULT"))
    request = command(
        auth,
        "POST",
        "order",
        tuple(pairs),
        kind=RequestKind.EXIT if order.reduce_only else RequestKind.ENTRY,
        order_weight=1,
    )
    refused = _post_only_refusal if order.post_only else None
    return write_call(request, partial(_own_order, spelled, order.symbol), refused)


def _post_only_refusal(error: RequestRefused) -> OrderReport:
    """-2010 says no more than "refused"; of a post-only order it is taken as would-cross (section 8.2)."""
    if error.code == "-2010" and not errors.names_duplicate(error.text):
        raise WouldCross(EXCHANGE, error.operation, error.text, code="-2010") from None
    raise error


def cancel_order(auth: Auth, ref: OrderRef) -> Call[OrderReport]:
    """Cancel an order. The report may say FILLED or EXPIRED: only CANCELED is a cancel. -2011 raises UnknownOrder."""
    request = command(auth, "DELETE", "order", _naming(ref), kind=RequestKind.CANCEL)
    return write_call(request, partial(_own_order, parsing.spell_client_order_id(ref.client_order_id), ref.symbol))


def query_order(auth: Auth, ref: OrderRef) -> Call[OrderReport]:
    """One order. -2013 raises UnknownOrder, which proves nothing inside the fence."""
    request = query(auth, "order", _naming(ref), weight=1)
    return read_call(request, partial(_own_order, parsing.spell_client_order_id(ref.client_order_id), ref.symbol))


def find_order(auth: Auth, symbol: str, order_id: OrderId) -> Call[OrderReport]:
    """One order, anybody's, by the venue's id. -2013 raises UnknownOrder."""

    def read(data: object, received_ns: int) -> OrderReport:
        report = parsing.order(data, received_ns)
        if (report.symbol, report.order_id) != (symbol, order_id):
            raise MalformedMessage(EXCHANGE, "order", f"the answer is about another order than {order_id}")
        return report

    return read_call(query(auth, "order", (("symbol", symbol), ("orderId", order_id)), weight=1), read)


def _naming(ref: OrderRef) -> tuple[tuple[str, str], ...]:
    """The venue's id where it is known: a client id is unique among open orders only (section 8)."""
    if ref.order_id is not None:
        return (("symbol", ref.symbol), ("orderId", ref.order_id))
    return (("symbol", ref.symbol), ("origClientOrderId", parsing.spell_client_order_id(ref.client_order_id)))


def _own_order(spelled: str, symbol: str, data: object, received_ns: int) -> OrderReport:
    """Read an order and check that it is the one that was asked for: an answer of another request proves nothing."""
    report = parsing.order(data, received_ns)
    if report.symbol != symbol or report.client_order_id != parsing.read_client_order_id(spelled):
        raise MalformedMessage(EXCHANGE, "order", f"the answer is about another order than {spelled}")
    return report


def open_orders(auth: Auth, symbol: str) -> Call[ActiveOrders]:
    """Every open order of one market."""
    request = query(auth, "openOrders", (("symbol", symbol),), weight=1)
    return read_call(request, partial(_of_symbol, parsing.active_orders, symbol))


def order_trades(auth: Auth, symbol: str, order_id: str) -> Call[tuple[FillReport, ...]]:
    """The trades of one order, oldest first. Rows of other orders are dropped: V1 may not know the filter."""
    pairs = (("symbol", symbol), ("orderId", order_id), ("limit", str(PAGE_ROWS)))
    return read_call(
        query(auth, "userTrades", pairs, weight=5),
        lambda data, received_ns: tuple(
            fill for fill in parsing.user_trades(data, received_ns) if fill.order_id == order_id
        ),
    )


def recent_trades(auth: Auth, symbol: str, *, after: str | None, since_ns: int) -> Call[tuple[FillReport, ...]]:
    """One page (at most 1000) of the market's trades after a trade id, or since a time, oldest first."""
    start = ("startTime", str(since_ns // NS_PER_MS)) if after is None else ("fromId", str(int(after) + 1))
    pairs = (("symbol", symbol), start, ("limit", str(PAGE_ROWS)))
    return read_call(query(auth, "userTrades", pairs, weight=5), parsing.user_trades)


def cancel_all(auth: Auth, symbol: str) -> Call[None]:
    """Cancel every order of one market, exits and foreign ones too. The single cancels arrive on the stream."""
    request = command(auth, "DELETE", "allOpenOrders", (("symbol", symbol),), kind=RequestKind.CANCEL)
    return write_call(request, _confirmed)


def countdown_cancel_all(auth: Auth, symbol: str, countdown_ms: int) -> Call[None]:
    """Arm (or with 0 disarm) the venue's dead man's switch of one market. Cancels exits too when it fires."""
    pairs = (("symbol", symbol), ("countdownTime", str(countdown_ms)))
    return write_call(command(auth, "POST", "countdownCancelAll", pairs, weight=10), _countdown)


def _countdown(data: object, _received_ns: int) -> None:
    parsing.Fields(data, "countdownCancelAll").number("countdownTime")


def _confirmed(data: object, _received_ns: int) -> None:
    if not parsing.is_confirmation(data):
        raise parsing.malformed("confirmation", "not a confirmation", data)


# --- account ---


def position_risk(auth: Auth, symbol: str) -> Call[PositionReport]:
    """The position in one market."""
    request = query(auth, "positionRisk", (("symbol", symbol),), weight=5)
    return read_call(request, partial(_of_symbol, parsing.position, symbol))


def account(auth: Auth) -> Call[AccountReport]:
    """Totals of the account."""
    return read_call(query(auth, "accountWithJoinMargin", weight=5), parsing.account)


def commission_rate(auth: Auth, symbol: str, maker: Decimal | None, taker: Decimal | None) -> Call[FeeRates]:
    """The account's rates of one market; a rate that is given stands in place of the venue's."""

    def parse(data: object, received_ns: int) -> FeeRates:
        rates = parsing.fee_rates(data, received_ns)
        return FeeRates(maker=rates.maker if maker is None else maker, taker=rates.taker if taker is None else taker)

    return read_call(query(auth, "commissionRate", (("symbol", symbol),), weight=20), parse)


# --- listen key ---


def create_listen_key(auth: Auth) -> Call[str]:
    """Obtain the private stream's key; where one is active the same one comes back, extended."""
    return write_call(command(auth, "POST", "listenKey"), parsing.listen_key)


def renew_listen_key(auth: Auth, listen_key: str) -> Call[str]:
    """Extend the key. A refusal with code -1125 means that it is gone: obtain a new one."""
    return write_call(command(auth, "PUT", "listenKey"), partial(_still, listen_key))


def _still(listen_key: str, data: object, _received_ns: int) -> str:
    parsing.Fields(data, "listenKey")
    return listen_key
