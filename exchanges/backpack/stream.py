"""Streams of the venue: subscriptions, and which frame is which (venues/backpack.md, sections 10 to 12).

One address serves public and private streams. A subscription that works is silent, one that does not is answered by an
error frame; there is no credential to renew, only a signature that has to be fresh when the connection is opened. Times
are microseconds.
"""

from typing import Any, Final

from exchanges.backpack import parsing
from exchanges.backpack.history import trade_id
from exchanges.backpack.parsing import EXCHANGE, Fields, malformed
from exchanges.backpack.signing import Signer
from exchanges.reports import (
    BestPrice,
    FillReport,
    NoticeKind,
    OrderReport,
    PositionReport,
    Report,
    StreamNotice,
)
from exchanges.values import ZERO, OrderId, OrderStatus, RejectReason
from exchanges.venue import StreamEndpoint
from exchanges.wire_json import decode, encode

MOST_STREAMS: Final = 100
PRIVATE_STREAMS: Final = ("account.orderUpdate", "account.positionUpdate")
"""Of all markets: a market that does not exist would be subscribed in silence."""
SUBSCRIBE_WINDOW_MS: Final = 30_000
"""The signature is made before the connection is opened, which may take longer than an order's window. All it allows is
to read."""
_PUBLIC_PING_S: Final = 0.75
"""A quiet market is proven alive by pongs: see the same figure of exchanges/aster/stream.py."""
_PRIVATE_PING_S: Final = 2.0
_DEAD_AFTER_S: Final = 8.0
_MAX_AGE_S: Final = 23 * 3600.0

ORDER_EVENTS: Final = frozenset(
    {
        "orderAccepted",
        "orderFill",
        "orderCancelled",
        "orderExpired",
        "orderModified",
        "triggerPlaced",
        "triggerFailed",
    }
)
POSITION_EVENTS: Final = frozenset({"positionOpened", "positionAdjusted", "positionClosed"})


def public_endpoint(ws_url: str, symbols: tuple[str, ...]) -> StreamEndpoint:
    """Return the connection with best bid and ask of 1 to 100 markets."""
    if not 1 <= len(symbols) <= MOST_STREAMS:
        raise ValueError(f"a connection carries 1 to {MOST_STREAMS} streams, not {len(symbols)}")
    streams = [f"bookTicker.{symbol}" for symbol in symbols]
    return StreamEndpoint(
        url=ws_url,
        hello=(encode({"method": "SUBSCRIBE", "params": streams}),),
        ping_every_s=_PUBLIC_PING_S,
        dead_after_s=_DEAD_AFTER_S,
        max_age_s=_MAX_AGE_S,
    )


def private_endpoint(ws_url: str, signer: Signer, *, wall_ns: int) -> StreamEndpoint:
    """Return the connection with orders and positions. `wall_ns` is the venue's clock as best known."""
    hello = signer.subscription(PRIVATE_STREAMS, wall_ns=wall_ns, window_ms=SUBSCRIBE_WINDOW_MS)
    return StreamEndpoint(
        url=ws_url,
        hello=(hello,),
        ping_every_s=_PRIVATE_PING_S,
        dead_after_s=_DEAD_AFTER_S,
        max_age_s=_MAX_AGE_S,
    )


def parse_public(frame: bytes, received_ns: int) -> tuple[Report, ...]:
    """Read one frame of the public streams. Raises MalformedMessage and nothing else."""
    fields = _envelope(frame, "public stream")
    if not fields.has("stream"):
        return (_refused(fields, received_ns),)
    data = Fields(fields.get("data"), "public stream")
    event = data.text("e")
    if event == "bookTicker":
        return (_book_ticker(data, received_ns),)
    kind = NoticeKind.IGNORED
    return (StreamNotice(kind=kind, text=event[:60], symbol=data.optional_text("s"), received_ns=received_ns),)


def parse_private(frame: bytes, received_ns: int) -> tuple[Report, ...]:
    """Read one frame of the private streams: reports in the order they should be applied.

    Raises MalformedMessage and nothing else.
    """
    fields = _envelope(frame, "private stream")
    if not fields.has("stream"):
        return (_refused(fields, received_ns),)
    name = fields.text("stream")
    if name.startswith("account.orderUpdate"):
        return _order_update(fields.get("data"), received_ns)
    if name.startswith("account.positionUpdate"):
        return _positions(fields.get("data"), received_ns)
    return (StreamNotice(kind=NoticeKind.IGNORED, text=name[:60], received_ns=received_ns),)


def _envelope(frame: bytes, where: str) -> Fields:
    """The frame as an object: `{"data", "stream"}`, or `{"id", "error"}`."""
    fields = Fields(decode(frame, EXCHANGE, where), where)
    if not fields.has("stream") and not fields.has("error"):
        raise fields.error("a frame without a stream")
    return fields


def _refused(fields: Fields, received_ns: int) -> StreamNotice:
    """An error frame: something is not subscribed, and the open connection would stay silent about it for ever.

    Told as a credential that does not hold (any more), which makes the caller connect anew with a fresh signature.
    """
    error = Fields(fields.get("error"), "error frame")
    text = f"{error.whole('code')} {error.text('message')}"[:100]
    return StreamNotice(kind=NoticeKind.CREDENTIAL_EXPIRED, text=text, received_ns=received_ns)


def _book_ticker(fields: Fields, received_ns: int) -> BestPrice:
    """Best bid and ask; a side without orders is null and becomes price 0, which nobody believes."""
    fields.identifier("u")
    return BestPrice(
        symbol=fields.text("s"),
        bid=fields.optional_amount("b"),
        bid_quantity=fields.optional_amount("B"),
        ask=fields.optional_amount("a"),
        ask_quantity=fields.optional_amount("A"),
        occurred_ns=fields.micro_time_ns("T"),
        received_ns=received_ns,
    )


# --- orders ---


def _order_update(data: Any, received_ns: int) -> tuple[Report, ...]:  # noqa: ANN401 - a decoded payload
    fields = Fields(data, "account.orderUpdate")
    event = fields.text("e")
    if event not in ORDER_EVENTS:
        raise fields.error("e is not an order event")
    report = _order_report(fields, received_ns)
    reports: list[Report] = []
    if event == "orderFill":
        reports.append(_fill(fields, report))
    reports.append(report)
    origin = fields.text("O")
    if origin != parsing.USER:
        text = f"{origin} {fields.text('X')}"[:100]
        kind = NoticeKind.LIQUIDATION
        reports.append(StreamNotice(kind=kind, text=text, symbol=report.symbol, received_ns=received_ns))
    return tuple(reports)


def _order_report(fields: Fields, received_ns: int) -> OrderReport:
    status = fields.status("X")
    client_order_id = fields.client_order_id("c")
    filled, quantity = fields.amount("z"), fields.optional_amount("q")
    if filled > quantity > 0:  # a trigger has quantity 0, an order sized in quote has none
        raise fields.error("z exceeds q")
    force = fields.time_in_force("f", client_order_id)
    reason = fields.optional_text("R") or fields.optional_text("er")  # one connector reads `er`: section 18
    return OrderReport(
        symbol=fields.text("s"),
        client_order_id=client_order_id,
        order_id=OrderId(fields.identifier("i")),
        status=status,
        side=fields.side("S"),
        price=fields.optional_amount("p"),
        quantity=quantity,
        filled=filled,
        average_price=parsing.average(filled, fields.amount("Z")),
        reduce_only=fields.flag("r"),
        reason=parsing.end_reason(
            status,
            reason,
            filled,
            is_post_only=fields.flag("y"),
            is_immediate=force in parsing.IMMEDIATE_FORCES or fields.text("o") == "MARKET",
        ),
        reject_reason=RejectReason.OTHER if status is OrderStatus.REJECTED else None,
        occurred_ns=fields.micro_time_ns("T"),
        received_ns=received_ns,
    )


def _fill(fields: Fields, report: OrderReport) -> FillReport:
    """The execution of an `orderFill`: its price is `L`, never the limit price `p`. The trade id may be null."""
    price, quantity = fields.number("L"), fields.number("l")
    if price <= 0 or quantity <= 0:
        raise fields.error("a fill without price or quantity")
    if quantity > report.filled:
        raise fields.error("l exceeds z")
    return FillReport(
        symbol=report.symbol,
        client_order_id=report.client_order_id,
        order_id=report.order_id,
        trade_id=trade_id(fields, "t"),
        side=report.side,
        price=price,
        quantity=quantity,
        cumulative=report.filled,
        order_quantity=report.quantity or None,
        fee=fields.number("n") if fields.has("n") else ZERO,
        fee_asset=fields.optional_text("N"),
        is_maker=fields.flag("m") if fields.has("m") else None,
        occurred_ns=report.occurred_ns,
        received_ns=report.received_ns,
    )


# --- positions ---


def _positions(data: Any, received_ns: int) -> tuple[Report, ...]:  # noqa: ANN401 - a decoded payload
    """One position, or a list of them: how the snapshot on subscribing comes is not established (section 18)."""
    rows = data if isinstance(data, list) else [data]
    if not rows:
        return (StreamNotice(kind=NoticeKind.IGNORED, text="no positions", received_ns=received_ns),)
    return tuple(_position(row, received_ns) for row in rows)


def _position(data: Any, received_ns: int) -> PositionReport:  # noqa: ANN401 - a decoded payload
    fields = Fields(data, "account.positionUpdate")
    if fields.has("e") and fields.text("e") not in POSITION_EVENTS:
        raise malformed("account.positionUpdate", "e is not a position event", data)
    return PositionReport(
        symbol=fields.text("s"),
        quantity=fields.number("q"),
        entry_price=fields.amount("B"),
        isolated=False,
        occurred_ns=fields.micro_time_ns("T"),
        received_ns=received_ns,
    )


__all__ = [
    "parse_private",
    "parse_public",
    "private_endpoint",
    "public_endpoint",
]
