"""Sample frames: each must come out of the client's readers as what it says, field by field."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from exchanges.reports import BestPrice, FillReport, NoticeKind, OrderReport, PositionReport, Report, StreamNotice
from exchanges.values import CancelReason
from tests.vectors.backpack_file import NOW_NS, BackpackFile
from tests.vectors.backpack_replies import SIDES, STATUSES
from tests.vectors.cases import Case, Wrong, decimal_of, need, one_of, same, text_of, whole_of

_ERRORS: Final = {4002: "Parse error", 4003: "Invalid signature", 4006: "Invalid stream", 4008: "Invalid depth window"}
_STATES: Final = {
    "orderAccepted": ("New",),
    "orderFill": ("PartiallyFilled", "Filled"),
    "orderCancelled": ("Cancelled",),
    "orderExpired": ("Expired",),
    "orderModified": ("New", "PartiallyFilled"),
    "triggerPlaced": ("TriggerPending",),
    "triggerFailed": ("TriggerFailed",),
}
_REASONS: Final = {
    "ImmediateOrCancel": CancelReason.IMMEDIATE,
    "FillOrKill": CancelReason.IMMEDIATE,
    "PostOnlyTaker": CancelReason.POST_ONLY,
    "ReduceOnlyNotReduced": CancelReason.REDUCE_ONLY,
    "SelfTradePrevention": CancelReason.SELF_TRADE,
    "Liquidation": CancelReason.LIQUIDATION,
}
_WORDS: Final = {"partial": "PartiallyFilled", "final": "Filled"}
_POSITION_EVENTS: Final = ("positionOpened", "positionAdjusted", "positionClosed")


class FrameChecks:
    """Checks of `ws_samples`."""

    def __init__(self, file: BackpackFile) -> None:
        self._file = file

    def sample(self, case: Case) -> None:
        """Check one frame."""
        row = need(case.data)
        frame = json.dumps(row, default=str).encode()
        if "error" in row:
            self._error(frame, row)
            return
        data = need(need(row, "data", "stream")["data"])
        if "E" in data and "T" in data and isinstance(data["T"], int):
            same("sent after it was made", whole_of(data, "T") <= whole_of(data, "E"), True)
        _check_label(case.label, data)
        stream = text_of(row, "stream")
        if stream.startswith("account."):
            self._private(frame, stream, data)
        else:
            self._public(frame, stream, data)

    def _error(self, frame: bytes, row: Mapping[str, Any]) -> None:
        error = need(row["error"], "code", "message")
        same("message", _ERRORS.get(whole_of(error, "code")), error["message"])
        same("id", row.get("id", "absent"), None)
        for parse in (self._file.venue().parse_private, self._file.venue().parse_public):
            notice = _only(parse(frame, NOW_NS), StreamNotice)
            told = (NoticeKind.CREDENTIAL_EXPIRED, f"{error['code']} {error['message']}")
            same("notice", (notice.kind, notice.text), told)

    # --- public ---

    def _public(self, frame: bytes, stream: str, data: Mapping[str, Any]) -> None:
        event, symbol = text_of(data, "e"), text_of(data, "s")
        same("stream", (stream.split(".", 1)[0], stream.endswith(f".{symbol}")), (event, True))
        reports = self._file.venue().parse_public(frame, NOW_NS)
        if event == "bookTicker":
            self._book_ticker(reports, data)
            return
        notice = _only(reports, StreamNotice)
        same("notice", (notice.kind, notice.text, notice.symbol), (NoticeKind.IGNORED, event, symbol))
        figures: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "depth": _depth,
            "trade": _trade,
            "markPrice": _mark_price,
            "ticker": _candle,
            "kline": _candle,
            "openInterest": lambda row: _positive(row, "o"),
            "liquidation": lambda row: _positive(row, "q", "p"),
        }
        if event not in figures:
            raise Wrong(f"an event of unknown kind {event!r:.60}")
        figures[event](data)

    def _book_ticker(self, reports: tuple[Report, ...], data: Mapping[str, Any]) -> None:
        report = _only(reports, BestPrice)
        theirs = [Decimal(data[key] or 0) for key in ("b", "B", "a", "A")]
        same("quote", [report.bid, report.bid_quantity, report.ask, report.ask_quantity], theirs)
        for price, size in (("a", "A"), ("b", "B")):
            same(f"{price} and {size} both or neither", data[price] is None, data[size] is None)
        same("not crossed", not report.ask or report.bid < report.ask, True)
        same("symbol and time", (report.symbol, report.occurred_ns), (data["s"], whole_of(data, "T") * 1000))
        whole_of(data, "u")

    # --- private ---

    def _private(self, frame: bytes, stream: str, data: Mapping[str, Any]) -> None:
        kind = ".".join(stream.split(".")[:2])
        reports = self._file.venue().parse_private(frame, NOW_NS)
        if kind == "account.orderUpdate":
            check_order_event(reports, data)
        elif kind == "account.positionUpdate":
            self._position(reports, data)
        elif kind in ("account.balanceUpdate", "account.rfqUpdate"):
            same("notice", _only(reports, StreamNotice).kind, NoticeKind.IGNORED)
            for key in ("A", "L", "S"):
                decimal_of(data, key)
        else:
            raise Wrong(f"a stream of unknown kind {stream!r:.60}")

    def _position(self, reports: tuple[Report, ...], data: Mapping[str, Any]) -> None:
        report = _only(reports, PositionReport)
        need(data, "s", "q", "B", "b", "M", "n", "f", "m", "p", "P", "Q", "i", "l", "E", "T")
        theirs = (data["s"], decimal_of(data, "q"), decimal_of(data, "B"), whole_of(data, "T") * 1000)
        same("position", (report.symbol, report.quantity, report.entry_price, report.occurred_ns), theirs)
        one_of("e", data.get("e"), (None, *_POSITION_EVENTS))
        same("closed", report.quantity == 0, data.get("e") == "positionClosed")
        same("notional", decimal_of(data, "n"), abs(decimal_of(data, "Q")) * decimal_of(data, "M"))
        profit = report.quantity * (decimal_of(data, "M") - report.entry_price)
        same("unrealized", decimal_of(data, "P"), profit)
        same("maintenance below initial", decimal_of(data, "m") < decimal_of(data, "f"), True)
        same("placeholder of the liquidation price", data["l"], "0")


def check_order_event(reports: tuple[Report, ...], data: Mapping[str, Any]) -> None:
    """Check the reports of one order event against its raw payload, and the payload against itself."""
    need(data, "e", "E", "T", "s", "i", "S", "o", "f", "X", "z", "Z", "V", "O", "r", "y")
    orders = [report for report in reports if isinstance(report, OrderReport)]
    fills = [report for report in reports if isinstance(report, FillReport)]
    report = _only(tuple(orders), OrderReport)
    identity = (data["s"], data["i"], data.get("c"), SIDES.get(data["S"]), STATUSES.get(data["X"]))
    ours = (report.symbol, report.order_id, report.client_order_id, report.side, report.status)
    same("order", ours, identity)
    quantity, filled = _optional(data, "q"), decimal_of(data, "z")
    same("figures", (report.price, report.quantity, report.filled), (_optional(data, "p"), quantity, filled))
    same("flags and time", (report.reduce_only, report.occurred_ns), (data["r"], whole_of(data, "T") * 1000))
    one_of("state of the event", data["X"], _STATES.get(data["e"], ()))
    one_of("o", data["o"], ("LIMIT", "MARKET"))
    one_of("f", data["f"], ("GTC", "IOC", "FOK"))
    one_of("V", data["V"], ("RejectTaker", "RejectMaker", "RejectBoth", "Allow"))
    one_of("y", data["y"], (True, False))
    if "R" in data:
        same("reason", report.reason, _REASONS.get(data["R"], CancelReason.OTHER))
        one_of("R of an expiry", data["e"], ("orderExpired",))
        one_of("R", data["R"], tuple(_REASONS))
    _check_amounts(data, report)
    _check_execution(fills, data, report)


def _check_amounts(data: Mapping[str, Any], report: OrderReport) -> None:
    if data["o"] == "LIMIT" and "Q" in data and report.quantity:
        same("Q of a limit order", decimal_of(data, "Q"), report.price * report.quantity)
    quote = decimal_of(data, "Z")
    if not report.filled:
        same("Z without a fill", quote, Decimal(0))
    elif data["o"] == "LIMIT" and (quote - report.price * report.filled) * report.side.sign > 0:
        raise Wrong("Z is beyond the limit price")
    if data["X"] == "Filled":
        same("filled", report.filled, report.quantity)
    elif report.quantity and report.filled >= report.quantity:
        raise Wrong(f"{data['X']} with everything filled")


def _check_execution(fills: list[FillReport], data: Mapping[str, Any], report: OrderReport) -> None:
    if data["e"] != "orderFill":
        same("executions and trade id", (fills, data.get("t", "absent")), ([], None))
        return
    fill = _only(tuple(fills), FillReport)
    theirs = (decimal_of(data, "L"), decimal_of(data, "l"), decimal_of(data, "n"), data["N"], data["m"])
    same("execution", (fill.price, fill.quantity, fill.fee, fill.fee_asset, fill.is_maker), theirs)
    same("trade id", fill.trade_id, None if data["t"] is None else str(whole_of(data, "t")))
    same("identity", (fill.order_id, fill.client_order_id), (report.order_id, report.client_order_id))
    same("cumulative", fill.cumulative, decimal_of(data, "z"))
    if fill.quantity == report.filled:
        same("Z of the only fill", decimal_of(data, "Z"), fill.price * fill.quantity)
    if abs(fill.fee) > fill.price * fill.quantity / 100:
        raise Wrong("a fee of more than a percent")
    same("USDC", fill.fee_asset, "USDC")


def _check_label(label: str, data: Mapping[str, Any]) -> None:
    """A name begins with the event, and may say which state it leads to or why it ended."""
    words = label.split()
    if words[0] == "position":
        same("a snapshot has no event", "e" in data, False)
        return
    same("event of the name", data.get("e"), words[0].split(".", 1)[0])
    for word in words[1:]:
        if word in _WORDS:
            same("state of the name", data.get("X"), _WORDS[word])
    if "IOC" in words:
        same("reason of the name", data.get("R"), "ImmediateOrCancel")
    if "post-only" in words:
        same("reason of the name", data.get("R"), "PostOnlyTaker")


def _only(reports: tuple[Any, ...], kind: type[Any]) -> Any:
    if len(reports) != 1 or not isinstance(reports[0], kind):
        raise Wrong(f"a frame is read as {reports!r:.80}, not as one {kind.__name__}")
    return reports[0]


def _optional(data: Mapping[str, Any], key: str) -> Decimal:
    return decimal_of(data, key) if key in data else Decimal(0)


def _positive(data: Mapping[str, Any], *keys: str) -> None:
    for key in keys:
        if decimal_of(data, key) <= 0:
            raise Wrong(f"{key} is not positive")


def _depth(data: Mapping[str, Any]) -> None:
    same("U up to u", whole_of(data, "U") <= whole_of(data, "u"), True)
    for key in ("a", "b"):
        for price, size in need(data, key)[key]:
            same("a level", Decimal(price) > 0 and Decimal(size) >= 0, True)


def _trade(data: Mapping[str, Any]) -> None:
    _positive(data, "p", "q")
    whole_of(data, "t")
    same("orders", text_of(data, "a").isdigit() and text_of(data, "b").isdigit(), True)
    # the maker's order was there first, so it has the lower id
    same("buyer is maker", int(data["b"]) < int(data["a"]), data["m"])


def _mark_price(data: Mapping[str, Any]) -> None:
    _positive(data, "p", "i")
    same("mark near the index", abs(decimal_of(data, "p") / decimal_of(data, "i") - 1) < Decimal("0.05"), True)
    decimal_of(data, "f")
    same("funding on the hour", whole_of(data, "n") % 3_600_000, 0)


def _candle(data: Mapping[str, Any]) -> None:
    low, high = decimal_of(data, "l"), decimal_of(data, "h")
    for key in ("o", "c"):
        same(f"{key} within low and high", low <= decimal_of(data, key) <= high, True)
    _positive(data, "v")
    whole_of(data, "n")
    if "V" in data:
        same("average within low and high", low <= decimal_of(data, "V") / decimal_of(data, "v") <= high, True)
