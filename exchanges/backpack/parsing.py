"""Replies of the venue as reports (venues/backpack.md, sections 5 to 9).

One function per payload. All are strict: a missing key, a number that is not one, a word that is not in the maps
raises `MalformedMessage` and nothing else does; unknown *extra* keys are ignored, as the venue adds them.

Conventions of the venue that are settled here and nowhere else: both sides of a depth reply are in ascending order, so
the best bid is the last row; numbers are compared as Decimal, since the same size is "0.5" in one place and "0.50" in
another; an order says when it was created, never when it changed; leverage belongs to the account, not to a position.
"""

from decimal import Decimal
from typing import Any, Final

from exchanges import wire_fields
from exchanges.errors import MalformedMessage
from exchanges.reports import AccountReport, ActiveOrders, BestPrice, OrderReport, PositionReport
from exchanges.values import (
    ZERO,
    CancelReason,
    ClientOrderId,
    OrderId,
    OrderStatus,
    PriceSource,
    RejectReason,
    Side,
)
from exchanges.wire_fields import WireFields

EXCHANGE: Final = "backpack"
LARGEST_ID: Final = (1 << 32) - 1
USER: Final = "USER"
_ROW: Final = 2
_LARGEST_ID_DIGITS: Final = 10

SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}
STATUSES: Final = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerPending": OrderStatus.OPEN,
    "TriggerFailed": OrderStatus.REJECTED,
    "Triggered": OrderStatus.REJECTED,
}
"""Section 7.3. The last two are one state under two names."""

IMMEDIATE_FORCES: Final = frozenset({"IOC", "FOK"})
TIMES_IN_FORCE: Final = frozenset({"GTC", *IMMEDIATE_FORCES})
EXPIRIES: Final = {
    "PostOnlyTaker": CancelReason.POST_ONLY,
    "ImmediateOrCancel": CancelReason.IMMEDIATE,
    "FillOrKill": CancelReason.IMMEDIATE,
    "ReduceOnlyNotReduced": CancelReason.REDUCE_ONLY,
    "StopWithoutPosition": CancelReason.REDUCE_ONLY,
    "SelfTradePrevention": CancelReason.SELF_TRADE,
    "Liquidation": CancelReason.LIQUIDATION,
    "NegativeEquity": CancelReason.LIQUIDATION,
}
"""Expiry reasons (section 7.3) that mean something to us; every other one is OTHER. The list grows, and the end of an
order is known whatever the word."""


def spell_client_order_id(client_order_id: ClientOrderId) -> str:
    """Return our id as digits; JSON bodies carry it as an integer."""
    if not 0 <= client_order_id <= LARGEST_ID:
        raise ValueError(f"client order id {client_order_id} does not fit 32 bits")
    return str(int(client_order_id))


def read_client_order_id(text: str | int | None) -> ClientOrderId | None:
    """Return a client id given as integer (orders, events) or as digits (fill history), None for anything else."""
    if isinstance(text, str):
        is_spelled = text.isascii() and text.isdigit() and len(text) <= _LARGEST_ID_DIGITS and str(int(text)) == text
        text = int(text) if is_spelled else None
    if text is None or isinstance(text, bool) or not 0 <= text <= LARGEST_ID:
        return None
    return ClientOrderId(text)


class Fields(WireFields):
    """One JSON object of this venue, read strictly."""

    __slots__ = ()
    exchange = EXCHANGE

    def side(self, key: str) -> Side:
        """Return Bid or Ask as a side."""
        side = SIDES.get(self.text(key))
        if side is None:
            raise self.error(f"{key} is neither Bid nor Ask")
        return side

    def status(self, key: str) -> OrderStatus:
        """Return an order status; a word the documents do not have is malformed, not UNKNOWN."""
        status = STATUSES.get(self.text(key))
        if status is None:
            raise self.error(f"{key} is not a status")
        return status

    def client_order_id(self, key: str) -> ClientOrderId | None:
        """Return a client id, None where the order has none."""
        if not self.has(key):
            return None
        value = self.get(key)
        found = read_client_order_id(value) if isinstance(value, int | str) else None
        if found is None:
            raise self.error(f"{key} is not a client id")
        return found

    def optional_amount(self, key: str) -> Decimal:
        """Return an amount, 0 where it is absent or null (price of a market order, size of a trigger)."""
        return self.amount(key) if self.has(key) else ZERO

    def optional_text(self, key: str) -> str:
        """Return a string, empty where it is absent or null."""
        return self.text(key) if self.has(key) else ""

    def optional_flag(self, key: str) -> bool:
        """Return a boolean, False where it is absent or null."""
        return self.has(key) and self.flag(key)

    def time_in_force(self, key: str, client_order_id: ClientOrderId | None) -> str:
        """Return a time in force: a known one for an order that may be ours, any word for one without client id.

        Otherwise a new kind of order, placed by hand, would make every list of open orders unreadable.
        """
        value = self.text(key)
        if value not in TIMES_IN_FORCE and client_order_id is not None:
            raise self.error(f"{key} is not a time in force")
        return value


def malformed(where: str, text: str, data: object) -> MalformedMessage:
    """Return a MalformedMessage with a short excerpt of what was read."""
    return wire_fields.malformed(EXCHANGE, where, text, data)


def rows_of(data: object, where: str) -> list[Any]:
    """Return a list as it came; anything else is malformed."""
    return wire_fields.rows_of(EXCHANGE, data, where)


def end_reason(
    status: OrderStatus, said: str, filled: Decimal, *, is_post_only: bool, is_immediate: bool
) -> CancelReason | None:
    """Return why an order ended with a remainder; None while it lives and when it was filled or rejected.

    `said` is the venue's expiry reason, empty where the payload has none (every reply to an order). Then a post-only
    order that expired with nothing filled is taken as would-cross (section 7.4, shape B).
    """
    if status not in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
        return None
    if said:
        return EXPIRIES.get(said, CancelReason.OTHER)
    if status is OrderStatus.CANCELED:
        return CancelReason.REQUESTED
    if is_post_only and filled == 0:
        return CancelReason.POST_ONLY
    return CancelReason.IMMEDIATE if is_immediate else CancelReason.EXPIRED


def average(filled: Decimal, quote: Decimal) -> Decimal | None:
    """Return the average price of a cumulative base and quote quantity, None where nothing was filled."""
    return quote / filled if filled > 0 and quote > 0 else None


def order(data: object, received_ns: int, where: str = "order") -> OrderReport:
    """Read an order object of the trading service: the reply to placing and canceling, or a row of open orders."""
    fields = Fields(data, where)
    created_ns = fields.time_ns("createdAt")
    # The time of an order's creation says nothing about when it was filled or canceled.
    return order_report(fields, received_ns, created_ns if fields.text("status") == "New" else 0)


def order_report(fields: Fields, received_ns: int, occurred_ns: int) -> OrderReport:
    """Read what order objects of trading and of history have in common."""
    status = fields.status("status")
    client_order_id = fields.client_order_id("clientId")
    quantity = fields.optional_amount("quantity")
    filled = fields.amount("executedQuantity")
    if filled > quantity > 0:
        raise fields.error("executedQuantity exceeds quantity")
    force = fields.time_in_force("timeInForce", client_order_id)
    return OrderReport(
        symbol=fields.text("symbol"),
        client_order_id=client_order_id,
        order_id=OrderId(fields.identifier("id")),
        status=status,
        side=fields.side("side"),
        price=fields.optional_amount("price"),
        quantity=quantity,
        filled=filled,
        average_price=average(filled, fields.amount("executedQuoteQuantity")),
        reduce_only=fields.optional_flag("reduceOnly"),
        reason=end_reason(
            status,
            fields.optional_text("expiryReason"),
            filled,
            is_post_only=fields.optional_flag("postOnly"),
            # a market order is reported as GTC; its remainder expires at once
            is_immediate=force in IMMEDIATE_FORCES or fields.text("orderType") == "Market",
        ),
        reject_reason=RejectReason.OTHER if status is OrderStatus.REJECTED else None,
        occurred_ns=occurred_ns,
        received_ns=received_ns,
    )


def active_orders(data: object, received_ns: int, symbol: str) -> ActiveOrders:
    """Read the list of open orders of one market. Orders of other markets do not belong in it."""
    orders = tuple(order(row, received_ns, "orders") for row in rows_of(data, "orders"))
    for report in orders:
        if report.symbol != symbol:
            raise malformed("orders", f"an order of {report.symbol} in the list of {symbol}", report.order_id)
    return ActiveOrders(symbol=symbol, orders=orders, received_ns=received_ns)


def position(data: object, received_ns: int, symbol: str) -> PositionReport:
    """Read the positions of the account and pick one market; a market without a row is flat."""
    for row in rows_of(data, "position"):
        fields = Fields(row, "position")
        if fields.text("symbol") == symbol:
            return PositionReport(
                symbol=symbol,
                quantity=fields.number("netQuantity"),
                entry_price=fields.amount("entryPrice"),
                liquidation_price=fields.optional_amount("estLiquidationPrice") or None,
                isolated=False,
                occurred_ns=0,
                received_ns=received_ns,
            )
    return flat(received_ns, symbol)


def flat(received_ns: int, symbol: str) -> PositionReport:
    """Return the report of a market without a position."""
    return PositionReport(
        symbol=symbol, quantity=ZERO, entry_price=ZERO, isolated=False, occurred_ns=0, received_ns=received_ns
    )


def collateral(data: object, received_ns: int) -> AccountReport:
    """Read the totals of the margin account."""
    fields = Fields(data, "collateral")
    return AccountReport(
        equity=fields.number("netEquity"), available=fields.number("netEquityAvailable"), received_ns=received_ns
    )


def server_time_ns(data: object, _received_ns: int) -> int:
    """Read the venue's clock: the whole body is a number of milliseconds."""
    return Fields({"time": data}, "time").time_ns("time")


def best_price(data: object, received_ns: int, symbol: str) -> BestPrice:
    """Read a depth reply: best bid is the last bid row, best ask the first ask row. An empty side is price 0.

    Rows out of order are malformed: then nothing tells which end of the book was sent.
    """
    fields = Fields(data, "depth")
    fields.identifier("lastUpdateId")
    bids, asks = _levels(fields, "bids"), _levels(fields, "asks")
    bid, bid_quantity = bids[-1] if bids else (ZERO, ZERO)
    ask, ask_quantity = asks[0] if asks else (ZERO, ZERO)
    return BestPrice(
        symbol=symbol,
        bid=bid,
        bid_quantity=bid_quantity,
        ask=ask,
        ask_quantity=ask_quantity,
        occurred_ns=fields.micro_time_ns("timestamp"),
        received_ns=received_ns,
        source=PriceSource.REST,
    )


def _levels(fields: Fields, key: str) -> list[tuple[Decimal, Decimal]]:
    levels: list[tuple[Decimal, Decimal]] = []
    for row in fields.items(key):
        if not isinstance(row, list) or len(row) != _ROW:
            raise fields.error(f"{key} holds a row that is not price and quantity")
        level = Fields({"price": row[0], "quantity": row[1]}, "depth row")
        price = level.amount("price")
        if levels and price <= levels[-1][0]:
            raise fields.error(f"{key} are not in ascending order")
        levels.append((price, level.amount("quantity")))
    return levels
