"""Payloads as reports, read strictly: a missing key or a word that is not known is malformed."""

from exchanges.errors import MalformedMessage
from exchanges.reports import AccountReport, BestPrice, FillReport, OrderReport, PositionReport
from exchanges.values import (
    CancelReason,
    ClientOrderId,
    FeeRates,
    MarketRules,
    OrderId,
    OrderStatus,
    PriceSource,
    Side,
    TradeId,
)
from exchanges.wire_fields import WireFields, rows_of

EXCHANGE = "toy"
_HIGHEST = 10**9


class Fields(WireFields):
    """One JSON object of this venue."""

    __slots__ = ()
    exchange = EXCHANGE

    def side(self) -> Side:
        try:
            return Side(self.text("side"))
        except ValueError:
            raise self.error("side is neither buy nor sell") from None

    def client_order_id(self) -> ClientOrderId | None:
        return read_client_order_id(self.text("id"))


def spell_client_order_id(client_order_id: ClientOrderId) -> str:
    return f"t{client_order_id}"


def read_client_order_id(text: str | int | None) -> ClientOrderId | None:
    digits = text[1:] if isinstance(text, str) and text[:1] == "t" else ""
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else 1 << 32
    return ClientOrderId(number) if number < 1 << 32 and str(number) == digits else None


def order(data: object, received_ns: int) -> OrderReport:
    fields = Fields(data, "order")
    try:
        status = OrderStatus(fields.text("state"))
        reason = CancelReason(fields.text("why")) if fields.has("why") else None
    except ValueError as error:
        raise fields.error(str(error)) from None
    return OrderReport(
        symbol=fields.text("symbol"),
        client_order_id=fields.client_order_id(),
        order_id=OrderId(fields.identifier("order")),
        status=status,
        side=fields.side(),
        price=fields.amount("price"),
        quantity=fields.amount("size"),
        filled=fields.amount("filled"),
        reduce_only=fields.flag("reduce_only"),
        reason=reason,
        occurred_ns=fields.time_ns("time"),
        received_ns=received_ns,
    )


def fill(data: object, received_ns: int) -> FillReport:
    fields = Fields(data, "fill")
    return FillReport(
        symbol=fields.text("symbol"),
        client_order_id=fields.client_order_id(),
        order_id=OrderId(fields.identifier("order")),
        trade_id=TradeId(fields.identifier("trade")),
        side=fields.side(),
        price=fields.amount("price"),
        quantity=fields.amount("size"),
        cumulative=fields.amount("total"),
        fee=fields.number("fee"),
        is_maker=fields.flag("maker"),
        occurred_ns=fields.time_ns("time"),
        received_ns=received_ns,
    )


def fills(data: object, received_ns: int) -> tuple[FillReport, ...]:
    return tuple(fill(row, received_ns) for row in rows_of(EXCHANGE, data, "fills"))


def position(data: object, received_ns: int) -> PositionReport:
    fields = Fields(data, "position")
    return PositionReport(
        symbol=fields.text("symbol"),
        quantity=fields.number("size"),
        entry_price=fields.amount("entry"),
        occurred_ns=fields.time_ns("time"),
        received_ns=received_ns,
    )


def price(data: object, received_ns: int, source: PriceSource) -> BestPrice:
    fields = Fields(data, "price")
    return BestPrice(
        symbol=fields.text("symbol"),
        bid=fields.amount("bid"),
        bid_quantity=fields.amount("bid_size"),
        ask=fields.amount("ask"),
        ask_quantity=fields.amount("ask_size"),
        occurred_ns=fields.time_ns("time"),
        received_ns=received_ns,
        source=source,
    )


def markets(data: object, _received_ns: int) -> dict[str, MarketRules]:
    found = {}
    for row in rows_of(EXCHANGE, data, "markets"):
        fields = Fields(row, "market")
        tick, step = fields.amount("tick"), fields.amount("step")
        if not tick or not step:
            raise fields.error("tick and step must be positive")
        found[fields.text("symbol")] = MarketRules(
            symbol=fields.text("symbol"),
            tick=tick,
            step=step,
            min_quantity=fields.amount("least"),
            max_quantity=step * _HIGHEST,
            market_max_quantity=step * _HIGHEST,
            min_notional=fields.amount("value"),
            reduce_only_exempt=False,
            min_price=tick,
            max_price=tick * _HIGHEST,
            max_leverage=20,
        )
    return found


def account(data: object, received_ns: int) -> AccountReport:
    fields = Fields(data, "account")
    return AccountReport(equity=fields.number("equity"), available=fields.number("free"), received_ns=received_ns)


def fees(data: object, _received_ns: int) -> FeeRates:
    fields = Fields(data, "fees")
    return FeeRates(maker=fields.number("maker"), taker=fields.number("taker"))


def now_ns(data: object, _received_ns: int) -> int:
    return Fields(data, "time").time_ns("now")


__all__ = ["EXCHANGE", "Fields", "MalformedMessage"]
