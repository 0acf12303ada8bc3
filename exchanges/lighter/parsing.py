"""Rows of replies and frames as reports (venues/lighter.md, sections 11 to 14): the same objects come by both ways.

All are strict: a missing key or a number that is not one raises `MalformedMessage` and nothing else does; unknown extra
keys are ignored.

Conventions of the venue that are settled here and nowhere else: lists may be null; `side` is empty and `is_ask` counts;
on a cancel the remaining amount becomes 0, so what was filled is read from `filled_base_amount` alone; a position has a
sign beside its unsigned size; fees are parts per million of notional and left out when 0; `transaction_time` (us) is
the only time worth ordering by.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from exchanges import wire_fields
from exchanges.errors import MalformedMessage
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.reports import FillReport, OrderReport, PositionReport
from exchanges.values import (
    ZERO,
    CancelReason,
    ClientOrderId,
    OrderId,
    OrderStatus,
    RejectReason,
    Side,
    TradeId,
)
from exchanges.wire_fields import WireFields

LARGEST_ID: Final = 2**32 - 1
"""The venue's client index has 48 bits; ours use 32 of them, and a larger one is somebody else's."""
FEE_ASSET: Final = "USDC"
_PPM: Final = 1_000_000
_PERCENT: Final = 100
_ISOLATED: Final = 1
_LARGEST_ID_DIGITS: Final = 10

STATUSES: Final = {
    "in-progress": OrderStatus.UNKNOWN,
    "pending": OrderStatus.OPEN,
    "open": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "canceled-expired": OrderStatus.EXPIRED,
}
"""`in-progress` is taken but not sequenced, which accepts nothing. Everything else that begins with "canceled" is
canceled; a word that is not known says nothing."""

CANCEL_REASONS: Final = {
    "canceled": CancelReason.REQUESTED,
    "canceled-post-only": CancelReason.POST_ONLY,
    "canceled-reduce-only": CancelReason.REDUCE_ONLY,
    "canceled-position-not-allowed": CancelReason.REDUCE_ONLY,
    "canceled-too-much-slippage": CancelReason.IMMEDIATE,
    "canceled-not-enough-liquidity": CancelReason.IMMEDIATE,
    "canceled-self-trade": CancelReason.SELF_TRADE,
    "canceled-expired": CancelReason.EXPIRED,
    "canceled-liquidation": CancelReason.LIQUIDATION,
}
"""Every other `canceled-...` is OTHER."""

NO_MARGIN: Final = frozenset({"canceled-margin-not-allowed", "canceled-invalid-balance"})
"""Of an order that filled nothing these say that it was refused for lack of margin."""


def spell_client_order_id(client_order_id: ClientOrderId) -> str:
    """Return our id as digits; the wire carries it as an integer."""
    if not 1 <= client_order_id <= LARGEST_ID:
        raise ValueError(f"client order id {client_order_id} is outside 1..2^32-1")
    return str(int(client_order_id))


def read_client_order_id(text: str | int | None) -> ClientOrderId | None:
    """Return a client index given as integer or digits as our id; 0 means none, and a larger one is not ours."""
    if isinstance(text, str):
        is_spelled = text.isascii() and text.isdigit() and len(text) <= _LARGEST_ID_DIGITS and str(int(text)) == text
        text = int(text) if is_spelled else None
    if text is None or isinstance(text, bool) or not 1 <= text <= LARGEST_ID:
        return None
    return ClientOrderId(text)


class Fields(WireFields):
    """One JSON object of this venue, read strictly."""

    __slots__ = ()
    exchange = EXCHANGE

    def rows(self, key: str) -> list[Any]:
        """Return a list; null and absent mean empty (section 1)."""
        return self.items(key) if self.has(key) else []

    def by_market(self, key: str) -> Iterator[Any]:
        """Yield the rows of an object of lists by market, or of a plain list (sources differ); null means none."""
        if not self.has(key):
            return
        value = self.get(key)
        if isinstance(value, list):
            yield from value
            return
        if not isinstance(value, dict):
            raise self.error(f"{key} is neither an object nor a list")
        for rows in value.values():
            yield from rows if isinstance(rows, list) else () if rows is None else (rows,)

    def side(self) -> Side:
        """Return the side; `side` itself is empty."""
        return Side.SELL if self.flag("is_ask") else Side.BUY

    def ppm(self, key: str) -> int:
        """Return a fee in parts per million, 0 where it is left out."""
        value = self.whole(key) if self.has(key) else 0
        if abs(value) > _PPM:
            raise self.error(f"{key} is not a fee in parts per million")
        return value

    def natural(self, key: str, largest: int) -> int:
        """Return an integer from 0 to `largest`."""
        value = self.whole(key)
        if not 0 <= value <= largest:
            raise self.error(f"{key} is outside 0..{largest}")
        return value

    def optional_amount(self, key: str) -> Decimal:
        """Return an amount, 0 where it is absent, null or empty text."""
        return self.amount(key) if self.has(key) and self.get(key) != "" else ZERO


def malformed(where: str, text: str, data: object) -> MalformedMessage:
    """Return a MalformedMessage with a short excerpt of what was read."""
    return wire_fields.malformed(EXCHANGE, where, text, data)


def status_of(word: str, filled: Decimal) -> OrderStatus:
    """Return an order's status. There is no word for partly filled, and a word not known concludes nothing."""
    status = STATUSES.get(word)
    if status is None:
        status = OrderStatus.CANCELED if word.startswith("canceled") else OrderStatus.UNKNOWN
    if filled == 0 and word in NO_MARGIN:
        return OrderStatus.REJECTED
    return OrderStatus.PARTIALLY_FILLED if status is OrderStatus.OPEN and filled > 0 else status


def order(data: object, symbol: str, received_ns: int) -> OrderReport:
    """Read one order of a market whose symbol is known."""
    fields = Fields(data, "order")
    word = fields.text("status")
    quantity, filled = fields.amount("initial_base_amount"), fields.amount("filled_base_amount")
    if filled > quantity:
        raise fields.error("filled_base_amount exceeds initial_base_amount")
    quote = fields.amount("filled_quote_amount")
    status = status_of(word, filled)
    ends_short = status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    return OrderReport(
        symbol=symbol,
        client_order_id=read_client_order_id(fields.whole("client_order_index")),
        order_id=OrderId(fields.identifier("order_index")),
        status=status,
        side=fields.side(),
        price=fields.amount("price"),
        quantity=quantity,
        filled=filled,
        average_price=quote / filled if filled > 0 and quote > 0 else None,
        reduce_only=fields.flag("reduce_only"),
        reason=CANCEL_REASONS.get(word, CancelReason.OTHER) if ends_short else None,
        reject_reason=RejectReason.MARGIN if status is OrderStatus.REJECTED else None,
        occurred_ns=fields.micro_time_ns("transaction_time"),
        received_ns=received_ns,
    )


def own_fills(data: object, symbol: str, account_index: int, received_ns: int) -> tuple[FillReport, ...]:
    """Read one trade: our side of it, both where we met ourselves, nothing where it is somebody else's."""
    fields = Fields(data, "trade")
    price, size = fields.number("price"), fields.number("size")
    if price <= 0 or size <= 0:
        raise fields.error("a trade without price or size")
    found = []
    for name, side in (("ask", Side.SELL), ("bid", Side.BUY)):
        if fields.whole(f"{name}_account_id") != account_index:
            continue
        is_maker = fields.flag("is_maker_ask") is (side is Side.SELL)
        ppm = fields.ppm("maker_fee" if is_maker else "taker_fee")
        client = f"{name}_client_id"
        found.append(
            FillReport(
                symbol=symbol,
                client_order_id=read_client_order_id(fields.whole(client)) if fields.has(client) else None,
                order_id=OrderId(fields.identifier(f"{name}_id")),
                trade_id=TradeId(fields.identifier("trade_id")),
                side=side,
                price=price,
                quantity=size,
                fee=fields.amount("usd_amount") * ppm / _PPM,
                fee_asset=FEE_ASSET,
                is_maker=is_maker,
                occurred_ns=trade_time_ns(fields),
                received_ns=received_ns,
            )
        )
    return tuple(found)


def trade_time_ns(fields: Fields) -> int:
    """Return when a trade happened: in microseconds where it says so, else in milliseconds."""
    if fields.has("transaction_time"):
        exact_ns = fields.micro_time_ns("transaction_time")
        if exact_ns:
            return exact_ns
    return fields.time_ns("timestamp")


def position(data: object, symbol: str, received_ns: int) -> PositionReport:
    """Read one position. The sign is 1 where the account is flat."""
    fields = Fields(data, "position")
    sign = fields.whole("sign")
    if sign not in (-1, 1) and not (sign == 0 and fields.number("position") == 0):
        raise fields.error("sign is neither 1 nor -1")
    fraction = fields.optional_amount("initial_margin_fraction")
    return PositionReport(
        symbol=symbol,
        quantity=sign * fields.amount("position"),
        entry_price=fields.amount("avg_entry_price"),
        liquidation_price=_liquidation_price(fields),
        leverage=_PERCENT / fraction if fraction > 0 else None,
        isolated=fields.whole("margin_mode") == _ISOLATED if fields.has("margin_mode") else None,
        occurred_ns=0,
        received_ns=received_ns,
    )


def _liquidation_price(fields: Fields) -> Decimal | None:
    price = fields.number("liquidation_price") if fields.has("liquidation_price") else ZERO
    return price if price > 0 else None


def flat(symbol: str, received_ns: int) -> PositionReport:
    """Return the report of a market without a position."""
    return PositionReport(symbol=symbol, quantity=ZERO, entry_price=ZERO, occurred_ns=0, received_ns=received_ns)
