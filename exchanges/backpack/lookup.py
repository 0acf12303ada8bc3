"""What became of one order: the trading service first, then two witnesses of history (venues/backpack.md, 4.2, 7.8).

`GET order` knows resting orders only, so its "not found" says no more than "does not rest". Then order history is read
newest first, page by page, as far back as the order can reach; then fills, as a second witness. Only where all three
agree is the order unknown. History trails the engine: what it does not show *yet* is refuted by asking again, which
the caller does anyway, and every contradiction between the three is an error and not a conclusion.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn

from exchanges.backpack import history, rest
from exchanges.backpack.outcomes import EXCHANGE, read_call
from exchanges.backpack.parsing import Fields
from exchanges.errors import MalformedMessage, OutcomeUnknown, RequestRefused, UnknownOrder
from exchanges.reports import FillReport, OrderReport
from exchanges.values import OrderRef
from exchanges.venue import Call, Undecided
from exchanges.wire_fields import NS_PER_MS

ORDERS: Final = "/wapi/v1/history/orders"
FILLS: Final = "/wapi/v1/history/fills"
FIRST_PAGE_ROWS: Final = 100
PAGE_ROWS: Final = 1000
MOST_ROWS: Final = FIRST_PAGE_ROWS + 5 * PAGE_ROWS
"""Where nobody knows since when the order can exist, so far back history is read."""


def query_order(ref: OrderRef) -> Call[OrderReport]:
    """The state of one order. Raises UnknownOrder only where trading service and history agree."""
    return read_call(
        rest.query("/api/v1/order", rest.naming(ref)), partial(rest.own_order, ref), partial(_not_resting, ref)
    )


def _not_resting(ref: OrderRef, error: RequestRefused) -> NoReturn:
    try:
        rest.not_resting(error)
    except UnknownOrder as unknown:
        raise Undecided(
            EXCHANGE, error.operation, "it does not rest; history has to say what became of it",
            further=_orders(ref, 0),
        ) from unknown  # fmt: skip


def _orders(ref: OrderRef, offset: int) -> Call[OrderReport]:
    """One page of order history from `offset` on, newest first."""
    rows = PAGE_ROWS if offset else FIRST_PAGE_ROWS
    parameters: dict[str, str | int | bool] = {"symbol": ref.symbol, "limit": rows, "sortDirection": "Desc"}
    if ref.order_id is not None:
        parameters["orderId"] = str(ref.order_id)
    if offset:
        parameters["offset"] = offset
    return read_call(rest.history_query(ORDERS, parameters), partial(_in_page, ref, offset, rows))


def _in_page(ref: OrderRef, offset: int, limit: int, data: object, received_ns: int) -> OrderReport:
    rows = history.order_rows(data)
    for row in rows:
        if Fields(row, "history/orders").client_order_id("clientId") == ref.client_order_id:
            return _ended(ref, history.history_order(row, received_ns))
    text = "it is not in this page of order history"
    if len(rows) < limit or _reaches_back(rows, ref.not_before_ns):
        raise Undecided(EXCHANGE, "GET history/orders", text, further=_fills(ref))
    if offset + limit >= MOST_ROWS:
        raise OutcomeUnknown(EXCHANGE, "GET history/orders", f"it is not among the newest {MOST_ROWS} orders")
    raise Undecided(EXCHANGE, "GET history/orders", text, further=_orders(ref, offset + limit))


def _reaches_back(rows: list[object], not_before_ns: int) -> bool:
    """Whether a page of rows, newest first, reaches back before the order can have come to be."""
    return not_before_ns > 0 and history.created_ns(rows[-1]) < not_before_ns


def _ended(ref: OrderRef, report: OrderReport) -> OrderReport:
    if report.symbol != ref.symbol or ref.order_id not in (None, report.order_id):
        raise MalformedMessage(EXCHANGE, "GET history/orders", f"the order {ref.client_order_id} is another there")
    if not report.status.is_terminal:
        text = f"history still has it {report.status}, the trading service no longer: history trails"
        raise OutcomeUnknown(EXCHANGE, "GET history/orders", text)
    return report


def _fills(ref: OrderRef) -> Call[OrderReport]:
    """The newest fills: the last witness."""
    parameters: dict[str, str | int | bool] = {"symbol": ref.symbol, "limit": PAGE_ROWS, "sortDirection": "Desc"}
    if ref.order_id is not None:
        parameters["orderId"] = str(ref.order_id)
    if ref.not_before_ns > 0:
        parameters["from"] = ref.not_before_ns // NS_PER_MS
    return read_call(rest.history_query(FILLS, parameters), _absent(ref))


def _absent(ref: OrderRef) -> Callable[[object, int], NoReturn]:
    def is_of_order(fill: FillReport) -> bool:
        return fill.client_order_id == ref.client_order_id or (
            fill.order_id is not None and fill.order_id == ref.order_id
        )

    def parse(data: object, received_ns: int) -> NoReturn:
        if any(is_of_order(fill) for fill in history.fills(data, received_ns)):
            raise OutcomeUnknown(EXCHANGE, "GET history/fills", "it has fills, but order history does not show it yet")
        if ref.order_id is not None:
            text = f"the venue gave it the id {ref.order_id}, but its history does not show it yet"
            raise OutcomeUnknown(EXCHANGE, "GET history/fills", text)
        raise UnknownOrder(EXCHANGE, "GET order", "neither resting nor in order history nor in fills")

    return parse
