"""Payloads of the venue as reports (venues/aster.md, sections 7-12).

One function per payload. All are strict: a missing key, a number that is not one, a word that is not in the maps
raises `MalformedMessage` and nothing else does; unknown *extra* keys are ignored, as the venue adds them. Numbers of
the venue are texts; they become `Decimal` without passing through a float.

Conventions of the venue that are settled here and nowhere else: the price of a fill is `L`, never the order's price;
a post-only order that would have taken ends `EXPIRED` with nothing filled; the status of a reply to an order is only
an acknowledgement.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from exchanges import wire_fields
from exchanges.errors import MalformedMessage
from exchanges.reports import (
    AccountReport,
    ActiveOrders,
    BestPrice,
    FillReport,
    OrderReport,
    PositionReport,
)
from exchanges.values import (
    ZERO,
    CancelReason,
    ClientOrderId,
    FeeRates,
    OrderId,
    OrderStatus,
    PriceSource,
    RejectReason,
    Side,
    TradeId,
)
from exchanges.wire_fields import WireFields

EXCHANGE: Final = "aster"
_OURS: Final = re.compile(r"g[0-9a-f]{8}")
_LARGEST_ID: Final = (1 << 32) - 1

SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
STATUSES: Final = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "NEW_INSURANCE": OrderStatus.OPEN,
    "NEW_ADL": OrderStatus.OPEN,
}
TIMES_IN_FORCE: Final = frozenset({"GTC", "IOC", "FOK", "GTX", "RPI", "HIDDEN"})
EXECUTIONS: Final = frozenset({"NEW", "CANCELED", "CALCULATED", "EXPIRED", "TRADE", "REJECTED", "AMENDMENT"})
_IMMEDIATE: Final = frozenset({"IOC", "FOK"})
LIQUIDATION_IDS: Final = ("autoclose-", "adl_autoclose")


def spell_client_order_id(client_order_id: ClientOrderId) -> str:
    """Return our id as the venue's text: `g` and eight hex digits, inside the alphabet that signing leaves alone."""
    if not 0 <= client_order_id <= _LARGEST_ID:
        raise ValueError(f"client order id {client_order_id} does not fit 32 bits")
    return f"g{client_order_id:08x}"


def read_client_order_id(text: str | int | None) -> ClientOrderId | None:
    """Return the id behind a text spelled exactly as above, None for anything else (somebody else's order)."""
    if not isinstance(text, str) or _OURS.fullmatch(text) is None:
        return None
    return ClientOrderId(int(text[1:], 16))


class Fields(WireFields):
    """One JSON object of this venue, read strictly."""

    __slots__ = ()
    exchange = EXCHANGE

    def side(self, key: str) -> Side:
        """Return BUY or SELL as a side."""
        side = SIDES.get(self.text(key))
        if side is None:
            raise self.error(f"{key} is neither BUY nor SELL")
        return side

    def status(self, key: str) -> OrderStatus:
        """Return an order status; a word the documents do not have is malformed, not UNKNOWN."""
        status = STATUSES.get(self.text(key))
        if status is None:
            raise self.error(f"{key} is not a status")
        return status

    def time_in_force(self, key: str, id_key: str) -> str:
        """Return a time in force: a known one for an order spelled like ours, any word for somebody else's.

        Otherwise a new kind of order, placed by hand, would make every list of open orders unreadable.
        """
        value = self.text(key)
        if value not in TIMES_IN_FORCE and read_client_order_id(self.text(id_key)) is not None:
            raise self.error(f"{key} is not a time in force")
        return value


def malformed(where: str, text: str, data: object) -> MalformedMessage:
    """Return a MalformedMessage with a short excerpt of what was read."""
    return wire_fields.malformed(EXCHANGE, where, text, data)


def cancel_reason(status: OrderStatus, time_in_force: str, filled: Decimal, spelled_id: str) -> CancelReason | None:
    """Return why an order ended with a remainder; None while it lives and when it was filled or rejected.

    The venue sends no reason: it follows from status, time in force and what was filled (section 8.2). A GTX order
    that expired after a partial fill was ended by self-trade prevention, a shrunken position or settlement; which
    one is not said.
    """
    if status not in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
        return None
    if spelled_id.startswith(LIQUIDATION_IDS):
        return CancelReason.LIQUIDATION
    if status is OrderStatus.CANCELED:
        return CancelReason.REQUESTED
    if time_in_force == "GTX":
        return CancelReason.POST_ONLY if filled == 0 else CancelReason.OTHER
    return CancelReason.IMMEDIATE if time_in_force in _IMMEDIATE else CancelReason.EXPIRED


def end_reason(fields: Fields, status: OrderStatus, filled: Decimal, keys: tuple[str, str, str]) -> CancelReason | None:
    """Return `cancel_reason` of an order object whose type, time in force and client id stand under `keys`."""
    type_key, force_key, id_key = keys
    reason = cancel_reason(status, fields.time_in_force(force_key, id_key), filled, fields.text(id_key))
    if reason is CancelReason.EXPIRED and fields.text(type_key) == "MARKET":
        return CancelReason.IMMEDIATE  # a market order is reported as GTC; its remainder expires at once
    return reason


def order(data: object, received_ns: int, where: str = "order") -> OrderReport:
    """Read an order object of REST: the reply to placing and canceling, or a row of a query."""
    fields = Fields(data, where)
    status = fields.status("status")
    filled = fields.amount("executedQty")
    quantity = fields.amount("origQty")
    if filled > quantity > 0:  # a close-all order of somebody else has quantity 0
        raise fields.error("executedQty exceeds origQty")
    average = fields.amount("avgPrice") if fields.has("avgPrice") else ZERO
    return OrderReport(
        symbol=fields.text("symbol"),
        client_order_id=read_client_order_id(fields.text("clientOrderId")),
        order_id=OrderId(fields.identifier("orderId")),
        status=status,
        side=fields.side("side"),
        price=fields.amount("price"),
        quantity=quantity,
        filled=filled,
        average_price=average or None,
        reduce_only=fields.flag("reduceOnly"),
        reason=end_reason(fields, status, filled, ("type", "timeInForce", "clientOrderId")),
        reject_reason=RejectReason.OTHER if status is OrderStatus.REJECTED else None,
        occurred_ns=fields.time_ns("updateTime"),
        received_ns=received_ns,
    )


def active_orders(data: object, received_ns: int, symbol: str) -> ActiveOrders:
    """Read the list of open orders of one market. Orders of other markets do not belong in it."""
    rows = rows_of(data, "openOrders")
    orders = tuple(order(row, received_ns, "openOrders") for row in rows)
    for report in orders:
        if report.symbol != symbol:
            raise malformed("openOrders", f"an order of {report.symbol} in the list of {symbol}", report.order_id)
    return ActiveOrders(symbol=symbol, orders=orders, received_ns=received_ns)


def user_trades(data: object, received_ns: int) -> tuple[FillReport, ...]:
    """Read rows of `userTrades`, oldest first. They name the venue's order id only, never ours."""
    return tuple(_user_trade(row, received_ns) for row in rows_of(data, "userTrades"))


def _user_trade(data: object, received_ns: int) -> FillReport:
    fields = Fields(data, "userTrades")
    price = fields.number("price")
    quantity = fields.number("qty")
    if price <= 0 or quantity <= 0:
        raise fields.error("a trade without price or quantity")
    return FillReport(
        symbol=fields.text("symbol"),
        client_order_id=None,
        order_id=OrderId(fields.identifier("orderId")),
        trade_id=TradeId(fields.identifier("id")),
        side=fields.side("side"),
        price=price,
        quantity=quantity,
        # The documents show the commission negative, the live venue positive (section 9): its size is the cost.
        fee=abs(fields.number("commission")) if fields.has("commission") else ZERO,
        fee_asset=fields.text("commissionAsset") if fields.has("commissionAsset") else "",
        is_maker=fields.flag("maker"),
        occurred_ns=fields.time_ns("time"),
        received_ns=received_ns,
    )


def position(data: object, received_ns: int, symbol: str) -> PositionReport:
    """Read `positionRisk` of one market. A missing row is a flat position, a malformed row an error (section 10)."""
    for row in rows_of(data, "positionRisk"):
        fields = Fields(row, "positionRisk")
        if fields.text("symbol") != symbol:
            continue
        quantity = fields.number("positionAmt")
        if fields.text("positionSide") == "BOTH":
            return _position_row(fields, quantity, symbol, received_ns)
        if quantity:
            raise fields.error("a position of hedge mode")
    return PositionReport(symbol=symbol, quantity=ZERO, entry_price=ZERO, occurred_ns=0, received_ns=received_ns)


def _position_row(fields: Fields, quantity: Decimal, symbol: str, received_ns: int) -> PositionReport:
    return PositionReport(
        symbol=symbol,
        quantity=quantity,
        entry_price=fields.amount("entryPrice"),
        liquidation_price=fields.number("liquidationPrice") or None,
        leverage=fields.amount("leverage"),
        isolated=isolated(fields, "marginType"),
        occurred_ns=fields.time_ns("updateTime"),
        received_ns=received_ns,
    )


def isolated(fields: Fields, key: str) -> bool:
    """Return whether a margin type says isolated (else cross)."""
    margin = fields.text(key).lower()
    if margin not in ("cross", "crossed", "isolated"):
        raise fields.error(f"{key} is neither cross nor isolated")
    return margin == "isolated"


def account(data: object, received_ns: int) -> AccountReport:
    """Read the totals of the account. Rows of single assets are not added up (section 10: they repeat one pool)."""
    fields = Fields(data, "account")
    return AccountReport(
        equity=fields.number("totalMarginBalance"),
        available=fields.number("availableBalance"),
        received_ns=received_ns,
    )


def fee_rates(data: object, _received_ns: int) -> FeeRates:
    """Read the account's own rates of one market."""
    fields = Fields(data, "commissionRate")
    return FeeRates(maker=fields.number("makerCommissionRate"), taker=fields.number("takerCommissionRate"))


def server_time_ns(data: object, _received_ns: int) -> int:
    """Read the venue's clock."""
    return Fields(data, "time").time_ns("serverTime")


def best_price(data: object, received_ns: int, symbol: str) -> BestPrice:
    """Read `ticker/bookTicker` of one market."""
    fields = Fields(data, "bookTicker")
    if fields.text("symbol") != symbol:
        raise fields.error(f"the quote of another market than {symbol}")
    return BestPrice(
        symbol=symbol,
        bid=fields.number("bidPrice"),
        bid_quantity=fields.number("bidQty"),
        ask=fields.number("askPrice"),
        ask_quantity=fields.number("askQty"),
        occurred_ns=fields.time_ns("time"),
        received_ns=received_ns,
        source=PriceSource.REST,
    )


def listen_key(data: object, _received_ns: int) -> str:
    """Read the key of the private stream. It goes into an address, so nothing but letters and digits is accepted."""
    fields = Fields(data, "listenKey")
    key = fields.get("listenKey")
    if type(key) is not str or not (key.isascii() and key.isalnum()):
        raise malformed("listenKey", "not a key of letters and digits", "***")
    return key


def rows_of(data: object, where: str) -> list[Any]:
    """Return a list as it came; anything else is malformed."""
    return wire_fields.rows_of(EXCHANGE, data, where)


def is_confirmation(data: object) -> bool:
    """Return whether a body says success: code 200 or 0, as number or text, or no code at all."""
    return isinstance(data, Mapping) and data.get("code") in (None, 0, 200, "0", "200")
