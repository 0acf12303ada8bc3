"""Streams of the venue: addresses, and which frame is which (venues/aster.md, sections 11 and 12).

Life cycle of the private stream's key. It is obtained by POST, lives an hour and is extended by PUT; the keeper of
the connection follows these rules, each bought with a live incident (section 12.1):

* first PUT only after a full renewal interval, never right after POST;
* on a reconnect PUT the known key first, POST only if the venue says it is gone (-1125);
* after `listenKeyExpired` (a notice CREDENTIAL_EXPIRED) wait 5 s, then POST; the socket stays open but says nothing
  any more, so it is closed and opened anew;
* never DELETE: that kills the stream of every process of the account, and a POST right after it may return the dying
  key.
"""

from typing import Any, Final

from exchanges.aster import parsing
from exchanges.aster.parsing import Fields, malformed
from exchanges.reports import (
    BestPrice,
    FillReport,
    NoticeKind,
    OrderReport,
    PositionReport,
    Report,
    StreamNotice,
)
from exchanges.values import ZERO, OrderId, OrderStatus, RejectReason, TradeId
from exchanges.venue import StreamEndpoint
from exchanges.wire_json import decode

EXCHANGE: Final = "aster"
MOST_STREAMS: Final = 200
EXPIRED_KEY_WAIT_S: Final = 5.0
_PUBLIC_PING_S: Final = 0.75
"""A quiet market is proven alive by pongs: with 0.75 s and a slow round trip the proof stays younger than the shipped
quote age limit of 1.5 s, at a tenth of the ten client messages per second the venue allows."""
_PRIVATE_PING_S: Final = 2.0
_DEAD_AFTER_S: Final = 8.0
_MAX_AGE_S: Final = 23 * 3600.0
_TEXT_PING: Final = b"ping"


def public_endpoint(ws_url: str, symbols: tuple[str, ...]) -> StreamEndpoint:
    """Return the combined stream of best bid and ask of 1 to 200 markets."""
    if not 1 <= len(symbols) <= MOST_STREAMS:
        raise ValueError(f"a connection carries 1 to {MOST_STREAMS} streams, not {len(symbols)}")
    streams = "/".join(f"{symbol.lower()}@bookTicker" for symbol in symbols)
    return StreamEndpoint(
        url=f"{ws_url}/stream?streams={streams}",
        ping_every_s=_PUBLIC_PING_S,
        dead_after_s=_DEAD_AFTER_S,
        max_age_s=_MAX_AGE_S,
    )


def private_endpoint(ws_url: str, listen_key: str) -> StreamEndpoint:
    """Return the stream of orders, fills and positions. A quiet account is silent for hours: only pongs count."""
    return StreamEndpoint(
        url=f"{ws_url}/ws/{listen_key}",
        ping_every_s=_PRIVATE_PING_S,
        dead_after_s=_DEAD_AFTER_S,
        max_age_s=_MAX_AGE_S,
    )


def parse_public(frame: bytes, received_ns: int) -> tuple[Report, ...]:
    """Read one frame of the public stream. Raises MalformedMessage and nothing else."""
    payload = _payload(frame, "public stream")
    if payload is None:
        return (StreamNotice(kind=NoticeKind.HEARTBEAT, received_ns=received_ns),)
    event = payload.get("e")
    if event == "bookTicker":
        return (_book_ticker(payload, received_ns),)
    if isinstance(event, str):
        kind = NoticeKind.IGNORED
        return (StreamNotice(kind=kind, text=event[:60], symbol=_symbol_of(payload), received_ns=received_ns),)
    return (_control(payload, received_ns, "public stream"),)


def parse_private(frame: bytes, received_ns: int) -> tuple[Report, ...]:
    """Read one frame of the private stream: reports in the order they should be applied.

    Raises MalformedMessage and nothing else.
    """
    payload = _payload(frame, "private stream")
    if payload is None:
        return (StreamNotice(kind=NoticeKind.HEARTBEAT, received_ns=received_ns),)
    event = payload.get("e")
    if event == "ORDER_TRADE_UPDATE":
        return _order_update(payload, received_ns)
    if event == "ACCOUNT_UPDATE":
        return _account_update(payload, received_ns)
    if event == "MARGIN_CALL":
        return _margin_call(payload, received_ns)
    if event == "ACCOUNT_CONFIG_UPDATE":
        return (_config_update(payload, received_ns),)
    if event == "listenKeyExpired":
        return (StreamNotice(kind=NoticeKind.CREDENTIAL_EXPIRED, text=event, received_ns=received_ns),)
    if isinstance(event, str):
        return (StreamNotice(kind=NoticeKind.IGNORED, text=event[:60], received_ns=received_ns),)
    return (_control(payload, received_ns, "private stream"),)


def _payload(frame: bytes, where: str) -> dict[str, Any] | None:
    """The event inside a frame, unwrapped from `{"stream", "data"}`; None for a text ping."""
    if frame == _TEXT_PING:
        return None
    data = decode(frame, EXCHANGE, where)
    if isinstance(data, dict) and "stream" in data and "data" in data:
        data = data["data"]
    if not isinstance(data, dict):
        raise malformed(where, "a frame that is no object", data)
    return data


def _symbol_of(payload: dict[str, Any]) -> str:
    symbol = payload.get("s")
    return symbol if isinstance(symbol, str) else ""


def _control(payload: dict[str, Any], received_ns: int, where: str) -> StreamNotice:
    """The answer to a control frame: `{"result", "id"}`, or an error `{"code", "msg"}`."""
    if "result" in payload and type(payload.get("id")) is int:
        return StreamNotice(kind=NoticeKind.SUBSCRIBED, text=str(payload["id"])[:60], received_ns=received_ns)
    if "code" in payload:
        raise malformed(where, "the venue refused a control frame", payload)
    raise malformed(where, "a frame without an event", payload)


def _book_ticker(payload: dict[str, Any], received_ns: int) -> BestPrice:
    fields = Fields(payload, "bookTicker")
    return BestPrice(
        symbol=fields.text("s"),
        bid=fields.number("b"),
        bid_quantity=fields.number("B"),
        ask=fields.number("a"),
        ask_quantity=fields.number("A"),
        occurred_ns=fields.time_ns("T") if fields.has("T") else fields.time_ns("E"),
        received_ns=received_ns,
    )


def _order_update(payload: dict[str, Any], received_ns: int) -> tuple[Report, ...]:
    fields = Fields(Fields(payload, "ORDER_TRADE_UPDATE").get("o"), "ORDER_TRADE_UPDATE")
    execution = fields.text("x")
    if execution not in parsing.EXECUTIONS:
        raise fields.error("x is not an execution type")
    report = _order_report(fields, received_ns)
    reports: list[Report] = []
    if execution == "TRADE":
        reports.append(_fill(fields, report))
    reports.append(report)
    if execution == "CALCULATED" or fields.text("c").startswith(parsing.LIQUIDATION_IDS):
        text = f"{fields.text('c')} {fields.text('X')}"
        reports.append(
            StreamNotice(kind=NoticeKind.LIQUIDATION, text=text, symbol=report.symbol, received_ns=received_ns)
        )
    return tuple(reports)


def _order_report(fields: Fields, received_ns: int) -> OrderReport:
    status = fields.status("X")
    filled, quantity = fields.amount("z"), fields.amount("q")
    if filled > quantity > 0:  # a close-all order of somebody else has quantity 0
        raise fields.error("z exceeds q")
    return OrderReport(
        symbol=fields.text("s"),
        client_order_id=parsing.read_client_order_id(fields.text("c")),
        order_id=OrderId(fields.identifier("i")),
        status=status,
        side=fields.side("S"),
        price=fields.amount("p"),
        quantity=quantity,
        filled=filled,
        average_price=fields.amount("ap") or None,
        reduce_only=fields.flag("R"),
        reason=parsing.end_reason(fields, status, filled, ("o", "f", "c")),
        reject_reason=RejectReason.OTHER if status is OrderStatus.REJECTED else None,
        occurred_ns=fields.time_ns("T"),
        received_ns=received_ns,
    )


def _fill(fields: Fields, report: OrderReport) -> FillReport:
    """The execution inside the event: price L and quantity l of this one, never the order's price (section 13.1)."""
    price, quantity = fields.number("L"), fields.number("l")
    if price <= 0 or quantity <= 0:
        raise fields.error("a trade without price or quantity")
    if quantity > report.filled:
        raise fields.error("l exceeds z")
    trade_id = fields.whole("t") if fields.has("t") else 0
    return FillReport(
        symbol=report.symbol,
        client_order_id=report.client_order_id,
        order_id=report.order_id,
        trade_id=TradeId(str(trade_id)) if trade_id > 0 else None,
        side=report.side,
        price=price,
        quantity=quantity,
        cumulative=report.filled,
        order_quantity=report.quantity,
        fee=fields.number("n") if fields.has("n") else ZERO,
        fee_asset=fields.text("N") if fields.has("N") else "",
        is_maker=fields.flag("m"),
        occurred_ns=report.occurred_ns,
        received_ns=report.received_ns,
    )


def _account_update(payload: dict[str, Any], received_ns: int) -> tuple[Report, ...]:
    """Positions that changed (a missing market says nothing), funding, and what else moved the balance."""
    event = Fields(payload, "ACCOUNT_UPDATE")
    occurred_ns = event.time_ns("T")
    fields = Fields(event.get("a"), "ACCOUNT_UPDATE")
    reason = fields.text("m")
    rows = [Fields(row, "ACCOUNT_UPDATE P") for row in fields.items("P")] if fields.has("P") else []
    reports = [_stream_position(row, occurred_ns, received_ns) for row in rows]
    if reason == "FUNDING_FEE":
        balances = [Fields(row, "ACCOUNT_UPDATE B") for row in fields.items("B")]
        amount = sum((row.number("bc") for row in balances), ZERO)
        symbol = rows[0].text("s") if rows else ""
        kind = NoticeKind.FUNDING
        reports.append(StreamNotice(kind=kind, text=reason, symbol=symbol, quantity=amount, received_ns=received_ns))
    elif reason == "INSURANCE_CLEAR":
        reports.append(StreamNotice(kind=NoticeKind.LIQUIDATION, text=reason, received_ns=received_ns))
    elif not reports:
        reports.append(StreamNotice(kind=NoticeKind.IGNORED, text=reason[:60], received_ns=received_ns))
    return tuple(reports)


def _stream_position(fields: Fields, occurred_ns: int, received_ns: int) -> Report:
    if fields.text("ps") != "BOTH":
        text = f"a position of hedge mode ({fields.text('ps')[:10]})"
        return StreamNotice(kind=NoticeKind.CONFIG_CHANGED, text=text, symbol=fields.text("s"), received_ns=received_ns)
    return PositionReport(
        symbol=fields.text("s"),
        quantity=fields.number("pa"),
        entry_price=fields.amount("ep"),
        isolated=parsing.isolated(fields, "mt"),
        occurred_ns=occurred_ns,
        received_ns=received_ns,
    )


def _margin_call(payload: dict[str, Any], received_ns: int) -> tuple[Report, ...]:
    fields = Fields(payload, "MARGIN_CALL")
    rows = [Fields(row, "MARGIN_CALL") for row in fields.items("p")]
    return tuple(
        StreamNotice(
            kind=NoticeKind.MARGIN_CALL,
            text=f"position {row.number('pa')} at mark {row.number('mp')}",
            symbol=row.text("s"),
            received_ns=received_ns,
        )
        for row in rows
    ) or (StreamNotice(kind=NoticeKind.MARGIN_CALL, received_ns=received_ns),)


def _config_update(payload: dict[str, Any], received_ns: int) -> StreamNotice:
    """Leverage of a market (`ac`) or the modes of the account (`ai`)."""
    kind = NoticeKind.CONFIG_CHANGED
    if payload.get("ac") is not None:
        fields = Fields(payload["ac"], "ACCOUNT_CONFIG_UPDATE")
        text = f"leverage {fields.whole('l')}"
        return StreamNotice(kind=kind, text=text, symbol=fields.text("s"), received_ns=received_ns)
    fields = Fields(payload.get("ai"), "ACCOUNT_CONFIG_UPDATE")
    text = ", ".join(
        f"{name} {fields.get(key)!s:.10}" for key, name in (("j", "multi-asset"), ("d", "dual side")) if fields.has(key)
    )
    return StreamNotice(kind=kind, text=text, received_ns=received_ns)


__all__ = [
    "EXPIRED_KEY_WAIT_S",
    "parse_private",
    "parse_public",
    "private_endpoint",
    "public_endpoint",
]
