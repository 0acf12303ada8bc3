"""Sequences of stream events, through the client's parser and the fill ledger, to the callbacks they must give."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchanges.aster import parsing, stream
from exchanges.errors import MalformedMessage
from exchanges.fill_events import Ending, Fill, LedgerUpdate
from exchanges.fills import FillLedger
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import FillReport, OrderReport
from exchanges.values import CancelReason, ClientOrderId, OrderId
from tests.vectors.aster_file import AsterFile
from tests.vectors.cases import Case, Wrong, decimal_of, need, one_of, same, text_of

CALLBACK_TUPLE = "[price, delta, cumulative, trade id]"
_PATIENCE_NS = 1_000_000_000
_STEP_NS = 1_000_000
_UNSEEN = {"i": 1, "s": "BTCUSDT", "c": "unseen", "S": "BUY", "o": "LIMIT", "f": "GTX", "p": "0", "R": False, "T": 1}
"""What REST rows are completed with where no event came before them."""
_EVENTS = ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE", "listenKeyExpired")
_CONSTANT = ("s", "c", "S", "i", "q", "f", "o", "ot", "R", "ps", "cp")
_LIVE = re.compile(r"(none|open|live|NEW|PARTIALLY_FILLED)(?![A-Za-z])", re.IGNORECASE)
_TERMINAL = re.compile(r"(CANCELED-POST-ONLY|FILLED|CANCELED|EXPIRED|REJECTED)(?![A-Z])(.*)", re.DOTALL)
_FILLED = re.compile(r"filled ([0-9.]+)")


class FillChecks:
    """Checks of `fill_sequences`."""

    def __init__(self, file: AsterFile) -> None:
        self._file = file

    def sequence(self, case: Case) -> None:
        """Run one sequence."""
        section = need(self._file.section("fill_sequences"), "callback_tuple", "cases")
        same("callback_tuple", CALLBACK_TUPLE, section["callback_tuple"])
        row = need(case.data, "order_qty", "events", "expect_callbacks", "expect_terminal")
        has_rest = "rest" in row or bool(row.get("disconnect"))
        if not isinstance(row["events"], list) or not (row["events"] or has_rest):
            raise Wrong("events is not a list of events")
        try:
            run = _Run(decimal_of(row, "order_qty"))
            for event in row["events"]:
                run.stream(event)
            if has_rest:
                run.recover(need(row.get("rest")))
            run.settle()
        except MalformedMessage as error:
            raise Wrong(str(error)) from None
        same("callbacks", run.callbacks, _callbacks(row["expect_callbacks"]))
        _check_terminal(row["expect_terminal"], run.endings, run.filled())


class _Run:
    """One account's ledger, fed the way ExchangeConnection feeds it; foreign client ids get ids of ours."""

    def __init__(self, quantity: Decimal) -> None:
        self.callbacks: list[tuple[Decimal, Decimal, Decimal, str | None]] = []
        self.endings: list[Ending] = []
        self._quantity = quantity
        self._ledger = FillLedger(gap_patience_ns=_PATIENCE_NS)
        self._ids: dict[str, ClientOrderId] = {}
        self._now_ns = _STEP_NS
        self._first: dict[str, Mapping[str, Any]] = {}
        self._last: Mapping[str, Any] = {**_UNSEEN, "q": str(quantity)}

    def stream(self, event: object) -> None:
        """Take one frame of the private stream."""
        one_of("event", need(event, "e")["e"], _EVENTS)
        for report in stream.parse_private(json.dumps(event, default=str).encode(), self._now_ns):
            if isinstance(report, (OrderReport, FillReport)):
                order = need(need(event, "o")["o"], *_CONSTANT, "x", "l", "L", "t")
                same("order_qty", self._quantity, decimal_of(order, "q"))
                self._check_constant(order)
                self._last = order
                self._apply(replace(report, client_order_id=self._own(text_of(order, "c"))))
        self._now_ns += _STEP_NS

    def recover(self, rest: Mapping[str, Any]) -> None:
        """Take what REST says after a gap: the order first, then its trades (section 13.2)."""
        if "order" not in rest and "userTrades" not in rest:
            raise Wrong("REST says neither order nor userTrades")
        if "order" in rest:
            report = parsing.order(self._order_body(need(rest["order"], "status", "executedQty")), self._now_ns)
            self._apply(replace(report, client_order_id=self._own(text_of(self._last, "c"))))
        trades = parsing.rows_of(rest.get("userTrades", []), "userTrades")
        rows = [self._trade_row(need(row, "id", "price", "qty")) for row in trades]
        for row in rows:  # a client that reads trades by order id knows whose order it asked about
            self._take(self._ledger.know(OrderId(str(row["orderId"])), self._own(text_of(self._last, "c"))))
        for fill in parsing.user_trades(rows, self._now_ns):
            self._apply(fill)

    def settle(self) -> None:
        """Let the patience for late trades run out."""
        self._take(self._ledger.release(self._now_ns + 2 * _PATIENCE_NS))

    def _check_constant(self, order: Mapping[str, Any]) -> None:
        """An order keeps its identity over its life, and only a trade has a quantity of its own."""
        first = self._first.setdefault(text_of(order, "c"), order)
        for key in _CONSTANT:
            same(f"{key} of the order", order[key], first[key])
        one_of("f", order["f"], sorted(parsing.TIMES_IN_FORCE))
        if order["x"] != "TRADE":
            same("l and L without a trade", (decimal_of(order, "l"), decimal_of(order, "L")), (0, 0))
            one_of("t without a trade", order["t"], (0, -1, None))

    def filled(self) -> Decimal:
        """What the ledger holds filled of all orders."""
        return sum((self._ledger.filled(each) for each in self._ids.values()), Decimal(0))

    def _order_body(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The fixture's order completed with what the stream said of it."""
        last = self._last
        body = {"orderId": last["i"], "symbol": last["s"], "clientOrderId": last["c"], "price": last["p"]}
        body |= {"origQty": last["q"], "timeInForce": last["f"], "type": last["o"], "reduceOnly": last["R"]}
        return body | {"side": last["S"], "updateTime": last["T"]} | dict(order)

    def _trade_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        last = self._last
        return {"symbol": last["s"], "side": last["S"], "orderId": last["i"], "maker": True, "time": last["T"]} | dict(
            row
        )

    def _own(self, spelled: str) -> ClientOrderId:
        return self._ids.setdefault(spelled, pack(OrderKey(1, len(self._ids) + 1, 0)))

    def _apply(self, report: OrderReport | FillReport) -> None:
        self._take(self._ledger.apply(report, received_ns=self._now_ns))

    def _take(self, update: LedgerUpdate) -> None:
        for event in self._events(update):
            if isinstance(event, Fill):
                trade_id = None if event.trade_id is None else str(event.trade_id)
                self.callbacks.append((event.price, event.quantity, event.cumulative, trade_id))
            elif isinstance(event, Ending):
                self.endings.append(event)
        if update.doubts:
            raise Wrong(f"the ledger doubts: {update.doubts[0].why}")

    def _events(self, update: LedgerUpdate) -> Iterator[object]:
        if update.unattributed:
            raise Wrong(f"a report of no known order: {update.unattributed[0]!r:.80}")
        yield from update.events


def _callbacks(expected: object) -> list[tuple[Decimal, Decimal, Decimal, str | None]]:
    if not isinstance(expected, list):
        raise Wrong("expect_callbacks is not a list")
    found = []
    for row in expected:
        if not isinstance(row, list) or len(row) != 4:
            raise Wrong(f"a callback that is not {CALLBACK_TUPLE}")
        numbers = [decimal_of({"callback": text}, "callback") for text in row[:3]]
        found.append((numbers[0], numbers[1], numbers[2], None if row[3] in (None, 0, -1) else str(row[3])))
    return found


def _check_terminal(expected: object, endings: list[Ending], filled: Decimal) -> None:
    if expected is None or (isinstance(expected, str) and _LIVE.match(expected)):
        same("ends", [each.status.name for each in endings], [])
        return
    words = _TERMINAL.match(expected) if isinstance(expected, str) else None
    if words is None:
        raise Wrong(f"a terminal state that cannot be read: {expected!r:.80}")
    if len(endings) != 1:
        raise Wrong(f"the order ended {len(endings)} times")
    end = endings[0]
    if words[1] != "CANCELED-POST-ONLY":
        same("terminal state", end.status.name, words[1])
    if "CANCELED-POST-ONLY" in expected:
        same("reason of the end", end.reason, CancelReason.POST_ONLY)
    if end.cumulative and end.reason is CancelReason.POST_ONLY:
        raise Wrong("an order that was filled ended as post-only")
    for told in _FILLED.findall(words[2]):
        same("filled at the end", filled, Decimal(told.rstrip(".")))
