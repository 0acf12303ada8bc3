"""Sequences of frames and replies, through the client's readers and the fill ledger, to the fills they must give."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from exchanges.backpack import history, parsing, rest, stream
from exchanges.errors import ExchangeError, MalformedMessage, RequestRefused
from exchanges.fill_events import Fill, FillCorrection, LedgerUpdate
from exchanges.fills import FillLedger
from exchanges.reports import FillReport, OrderReport
from exchanges.values import ClientOrderId, OrderStatus
from tests.vectors.backpack_errors import ORDER, expected_of
from tests.vectors.backpack_file import NOW_NS, reply_of
from tests.vectors.backpack_frames import check_order_event
from tests.vectors.backpack_replies import check_fill, check_order
from tests.vectors.cases import Case, Wrong, decimal_of, need, same

_STEP_NS: Final = 1_000_000
_WORDS: Final = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Expired": OrderStatus.EXPIRED,
    "Rejected": OrderStatus.REJECTED,
}
_QUERY: Final = "query fills by orderId"


@dataclass(slots=True)
class _Trade:
    """One execution as the ledger has told it, by a fill or by the correction of an assumed one."""

    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool | None


class _Run:
    """One order's life: everything goes through one ledger, as ExchangeConnection does it."""

    def __init__(self) -> None:
        self.trades: dict[str, _Trade] = {}
        self.assumed = Decimal(0)
        self.assumed_notional = Decimal(0)
        self.client_order_id: ClientOrderId | None = None
        self.quantity = Decimal(0)
        self._ledger = FillLedger()
        self._now_ns = _STEP_NS

    def take(self, kind: str, data: Any) -> None:
        """Take one input."""
        readers: dict[str, Callable[[Any], None]] = {
            "ws": self._frame,
            "rest_place": self._order,
            "rest_cancel": self._order,
            "rest_order": self._order,
            "rest_orders": self._orders,
            "rest_open_orders": self._orders,
            "rest_history": self._history,
            "rest_fills": self._fills,
            "rest_place_error": self._refusal,
            "disconnect": lambda _: None,
        }
        if kind not in readers:
            raise Wrong(f"an input of unknown kind {kind!r:.60}")
        readers[kind](data)
        self._now_ns += _STEP_NS

    @property
    def status(self) -> OrderStatus:
        """The order's status by the ledger."""
        state = None if self.client_order_id is None else self._ledger.state(self.client_order_id)
        if state is None:
            raise Wrong("no order was ever told")
        return state.status

    @property
    def filled(self) -> Decimal:
        """The order's filled quantity by the ledger."""
        return self._ledger.filled(self.client_order_id or ClientOrderId(0))

    def _frame(self, data: Any) -> None:
        reports = stream.parse_private(json.dumps(data, default=str).encode(), self._now_ns)
        if any(isinstance(report, OrderReport) for report in reports):
            check_order_event(reports, need(data["data"]))
        for report in reports:
            if isinstance(report, OrderReport | FillReport):
                self._apply(report)

    def _order(self, data: Any) -> None:
        report = parsing.order(data, self._now_ns)
        check_order(report, need(data))
        self._apply(report)

    def _orders(self, data: Any) -> None:
        for row in parsing.rows_of(data, "orders"):
            self._order(row)

    def _history(self, data: Any) -> None:
        for row in history.order_rows(data):
            self._apply(history.history_order(row, self._now_ns))

    def _fills(self, data: Any) -> None:
        fills = history.fills(data, self._now_ns)
        for fill, row in zip(fills, data, strict=True):
            check_fill(fill, need(row))
            self._apply(fill)

    def _refusal(self, data: Any) -> None:
        """A refused order never came to be."""
        row = need(data, "http", "body")
        expected = expected_of(row["http"], row["body"]["code"], row["body"]["message"])
        self.client_order_id = ORDER.client_order_id
        self._ledger.expect(ORDER)
        try:
            rest.place_order(ORDER).read(reply_of(row["http"], row["body"]))
        except RequestRefused as error:
            same("conclusion", type(error), expected)
            self._ledger.close(ORDER.client_order_id, now_ns=NOW_NS)
        except ExchangeError as error:
            raise Wrong(f"a refusal is concluded as {type(error).__name__}") from None
        else:
            raise Wrong("a refusal is read as an order")

    def _apply(self, report: OrderReport | FillReport) -> None:
        if report.client_order_id is not None:
            self.client_order_id = self.client_order_id or report.client_order_id
            same("client id", report.client_order_id, self.client_order_id)
        if isinstance(report, OrderReport):
            self.quantity = report.quantity
        self._count(self._ledger.apply(report, received_ns=self._now_ns))

    def _count(self, update: LedgerUpdate) -> None:
        if update.doubts:
            raise Wrong(f"the ledger doubts: {update.doubts[0].why}")
        for event in update.events:
            if isinstance(event, Fill) and event.trade_id is None:
                self.assumed += event.quantity
                self.assumed_notional += event.quantity * event.price
            elif isinstance(event, Fill | FillCorrection):
                self._trade(event)

    def _trade(self, event: Fill | FillCorrection) -> None:
        if isinstance(event, FillCorrection):
            self.assumed -= event.quantity
            self.assumed_notional -= event.quantity * event.assumed_price
        known = self.trades.get(str(event.trade_id))
        if known is None:
            self.trades[str(event.trade_id)] = _Trade(event.quantity, event.price, event.fee, event.is_maker)
        else:
            known.quantity += event.quantity
            known.fee += event.fee


def fill_case(case: Case) -> None:
    """Run one sequence."""
    row = need(case.data, "name", "inputs", "expect")
    if not isinstance(row["inputs"], list) or not row["inputs"]:
        raise Wrong("inputs is not a list of inputs")
    run = _Run()
    try:
        for each in row["inputs"]:
            if not isinstance(each, list) or not each or not isinstance(each[0], str):
                raise Wrong("an input is not [kind, data]")
            run.take(each[0], each[1] if len(each) > 1 else None)
    except MalformedMessage as error:
        raise Wrong(str(error)) from None
    _compare(run, need(row["expect"], "status", "cum"))


def _compare(run: _Run, expect: Mapping[str, Any]) -> None:
    same("status", run.status, _WORDS.get(expect["status"]))
    same("cum", run.filled, decimal_of(expect, "cum"))
    if "fills" in expect:
        same("fills", _told(run, expect["fills"]), _told_rows(expect["fills"]))
    if "fills" in expect or "unattributed" in expect:
        unattributed = decimal_of(expect, "unattributed") if "unattributed" in expect else Decimal(0)
        same("filled without a trade", run.assumed, unattributed)
    if "average" in expect:
        notional = run.assumed_notional + sum(each.quantity * each.price for each in run.trades.values())
        same("average", notional / run.filled, decimal_of(expect, "average"))
    if "action" in expect:
        same("action", expect["action"], _QUERY if run.assumed else "")
    if "quantity" in expect:
        same("quantity", run.quantity, decimal_of(expect, "quantity"))


def _told(run: _Run, expected: Any) -> list[list[Any]]:
    """What was told, in the order it was told, as rows as long as the expected ones."""
    if not isinstance(expected, list) or len(expected) != len(run.trades):
        raise Wrong(f"fills: ours {sorted(run.trades)}, the file's {expected!r:.80}")
    told = ([key, each.quantity, each.price, each.fee, each.is_maker] for key, each in run.trades.items())
    return [row[: len(other)] for row, other in zip(told, expected, strict=True)]


def _told_rows(expected: list[Any]) -> list[list[Any]]:
    rows = []
    for row in expected:
        numbers = [decimal_of({"fill": text}, "fill") for text in row[1:4]]
        rows.append([row[0], *numbers, *row[4:]])
    return rows
