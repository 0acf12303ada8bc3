"""Rows of the history service: orders that ended, and fills (venues/backpack.md, sections 7.9 and 7.10).

It is another service than trading: slower, with a small budget of its own, and behind the engine by up to seconds. Its
rows differ from live ones: times are UTC text without a zone, a fill's client id is text, and an order has the reason
of its end.
"""

import re
from datetime import UTC, datetime
from typing import Any, Final

from exchanges.backpack.parsing import Fields, order_report, rows_of
from exchanges.reports import FillReport, OrderReport
from exchanges.values import ZERO, OrderId, TradeId
from exchanges.wire_fields import LATEST_NS

_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?")
_SECOND_NS: Final = 1_000_000_000


def history_time_ns(fields: Fields, key: str) -> int:
    """Return a time given as UTC text without a zone ("2025-06-15T15:06:41.500"), in nanoseconds."""
    match = _TIME.fullmatch(fields.text(key))
    if match is None:
        raise fields.error(f"{key} is not a UTC time")
    try:
        seconds = int(datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise fields.error(f"{key} is not a UTC time") from None
    if not 0 <= seconds < LATEST_NS // _SECOND_NS:
        raise fields.error(f"{key} is before 1970 or after 2262")
    return seconds * _SECOND_NS + int((match[2] or "").ljust(9, "0"))


def order_rows(data: object) -> list[Any]:
    """Return the rows of an answer of order history, each still to be read by `history_order`."""
    return rows_of(data, "history/orders")


def history_order(data: object, received_ns: int) -> OrderReport:
    """Read an order of the history. Its time is the creation, so the report does not say when it ended."""
    fields = Fields(data, "history/orders")
    history_time_ns(fields, "createdAt")
    return order_report(fields, received_ns, 0)


def created_ns(data: object) -> int:
    """Return when an order of the history was created."""
    return history_time_ns(Fields(data, "history/orders"), "createdAt")


def fills(data: object, received_ns: int) -> tuple[FillReport, ...]:
    """Read fills, oldest first whatever order they came in."""
    found = [_fill(row, received_ns) for row in rows_of(data, "history/fills")]
    return tuple(sorted(found, key=lambda fill: (fill.occurred_ns, int(fill.trade_id or 0))))


def _fill(data: object, received_ns: int) -> FillReport:
    fields = Fields(data, "history/fills")
    price, quantity = fields.number("price"), fields.number("quantity")
    if price <= 0 or quantity <= 0:
        raise fields.error("a fill without price or quantity")
    return FillReport(
        symbol=fields.text("symbol"),
        client_order_id=fields.client_order_id("clientId"),
        order_id=OrderId(fields.identifier("orderId")),
        trade_id=trade_id(fields, "tradeId"),
        side=fields.side("side"),
        price=price,
        quantity=quantity,
        fee=fields.number("fee") if fields.has("fee") else ZERO,
        fee_asset=fields.optional_text("feeSymbol"),
        is_maker=fields.flag("isMaker") if fields.has("isMaker") else None,
        occurred_ns=history_time_ns(fields, "timestamp"),
        received_ns=received_ns,
    )


def trade_id(fields: Fields, key: str) -> TradeId | None:
    """Return a trade id; null, and 0 which the venue once gave to its own fills, are none (section 7.10)."""
    if not fields.has(key) or fields.get(key) == 0:
        return None
    return TradeId(fields.identifier(key))
