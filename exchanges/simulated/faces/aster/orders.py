"""The trading endpoints: place, amend, cancel, batches, the dead-man timer and every way to ask about orders.

Source: venues/aster.md 8 and 9. Form, filters and mode are checked on arrival; what depends on position, margin and
other orders is decided by the engine when the command is executed, after its latency.
"""

import json
from collections.abc import Callable
from typing import cast

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    Amended,
    AmendOrder,
    Answer,
    CancelAll,
    Canceled,
    CancelOrder,
    Command,
    OrderType,
    OrderView,
    Placed,
    PlaceOrder,
    Refused,
    SelfTrade,
    SetCancelTimer,
    TimeInForce,
)
from exchanges.simulated.faces.aster import refusals, rendering
from exchanges.simulated.faces.aster.endpoints import AccountModes, Deferred, Params, refusal_of
from exchanges.simulated.faces.aster.markets import AsterMarket
from exchanges.simulated.faces.aster.refusals import VenueRefusal, missing
from exchanges.simulated.faces.aster.validation import (
    OrderContext,
    OrderIntent,
    check_form,
    check_price_and_quantity,
    integer,
    known_market,
    number,
    read_order_reference,
    required,
)

MAX_PLACE_BATCH = 5
MAX_CANCEL_BATCH = 10
DEFAULT_LIMIT = 500
MAX_LIMIT = 1000
WEEK_MS = 7 * 24 * 3600 * 1000
SUCCESS = {"code": 200, "msg": "success"}


class OrderEndpoints:
    """Handlers of the trading endpoints of one account."""

    def __init__(self, engine: Engine, account: str, markets: dict[str, AsterMarket], modes: AccountModes) -> None:
        self._engine = engine
        self._account = account
        self._markets = markets
        self._modes = modes

    # --- writing ---
    def place(self, params: Params, now_ns: int) -> object:
        """POST order."""
        del now_ns
        intent = check_form(params, self._context(params))
        command = self._command(intent, params)

        def render(answers: tuple[Answer, ...]) -> object:
            return _placed(answers[0], wants_result=intent.wants_result)

        return Deferred((command,), render)

    def test(self, params: Params, now_ns: int) -> object:
        """POST order/test: every check of form, no order."""
        del now_ns
        check_form(params, self._context(params))
        return {}

    def _context(self, params: Params) -> OrderContext:
        mark = self._engine.mark_price(params["symbol"]) if params.get("symbol") in self._markets else None
        return OrderContext(mark_price=mark, dual_side=self._modes.dual_side, markets=self._markets)

    def _command(self, intent: OrderIntent, params: Params) -> PlaceOrder:
        if intent.position_side != "BOTH":
            raise VenueRefusal(refusals.UNSUPPORTED, "Hedge mode is not simulated: switch to one-way mode.")
        return PlaceOrder(
            symbol=intent.symbol,
            side=intent.side,
            order_type=OrderType(intent.order_type.lower()),
            quantity=intent.quantity,
            price=intent.price,
            time_in_force=TimeInForce(intent.time_in_force),
            reduce_only=intent.reduce_only,
            client_id=intent.client_order_id or "",
            self_trade=read_stp_mode(params, self._modes.stp_mode),
        )

    def amend(self, params: Params, now_ns: int) -> object:
        """PUT order."""
        del now_ns
        command = self._amend_command(params)
        return Deferred((command,), lambda answers: _amended(answers[0]))

    def _amend_command(self, params: Params) -> AmendOrder:
        symbol = required(params, "symbol")
        market = known_market(symbol, self._markets)
        order_id, client_id = _reference(params)
        quantity, price = number(params, "quantity"), number(params, "price")
        order = self._engine.order(self._account, symbol, order_id=order_id, client_id=client_id)
        if order is None or not order.is_open:
            raise VenueRefusal(refusals.NO_SUCH_ORDER)
        if params.get("side", rendering.side_word(order.side)) != rendering.side_word(order.side):
            raise VenueRefusal(refusals.BAD_SIDE)
        intent = OrderIntent(
            symbol=symbol,
            side=order.side,
            order_type="LIMIT",
            time_in_force=order.time_in_force.value,
            quantity=quantity,
            price=price,
            reduce_only=order.reduce_only,
            position_side="BOTH",
            client_order_id=None,
            wants_result=False,
        )
        check_price_and_quantity(intent, market, self._context(params))
        return AmendOrder(symbol=symbol, price=price, quantity=quantity, order_id=order_id, client_id=client_id)

    def cancel(self, params: Params, now_ns: int) -> object:
        """DELETE order."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        order_id, client_id = _reference(params)
        command = CancelOrder(symbol=symbol, order_id=order_id, client_id=client_id)
        return Deferred((command,), lambda answers: _canceled(answers[0]))

    def cancel_all(self, params: Params, now_ns: int) -> object:
        """DELETE allOpenOrders."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)

        def render(answers: tuple[Answer, ...]) -> object:
            if isinstance(answers[0], Refused):
                raise refusal_of(answers[0], unknown_order=refusals.CANCEL_REJECTED)
            return {"code": "200", "msg": "The operation of cancel all open order is done."}

        return Deferred((CancelAll(symbol=symbol),), render)

    def countdown(self, params: Params, now_ns: int) -> object:
        """POST countdownCancelAll."""
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        delay_ms = integer(params, "countdownTime")
        if delay_ms is None or delay_ms < 0:
            raise missing("countdownTime")
        command = SetCancelTimer(symbol=symbol, delay_ns=delay_ms * rendering.NS_PER_MS)
        self._engine.execute(self._account, command, now_ns)
        return {"symbol": symbol, "countdownTime": str(delay_ms)}

    # --- batches ---
    def place_batch(self, params: Params, now_ns: int) -> object:
        """POST batchOrders."""
        del now_ns

        def read(item: Params) -> tuple[Command, Callable[[Answer], object]]:
            intent = check_form(item, self._context(item))
            return self._command(intent, item), lambda answer: _placed(answer, wants_result=intent.wants_result)

        return _batch(_read_batch(params), read)

    def amend_batch(self, params: Params, now_ns: int) -> object:
        """PUT batchOrders."""
        del now_ns
        return _batch(_read_batch(params), lambda item: (self._amend_command(item), _amended))

    def cancel_batch(self, params: Params, now_ns: int) -> object:
        """DELETE batchOrders."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        name = "orderIdList" if params.get("orderIdList") else "origClientOrderIdList"
        ids = _read_list(required(params, name), name)
        if not 1 <= len(ids) <= MAX_CANCEL_BATCH:
            raise VenueRefusal(refusals.BAD_BATCH_SIZE)
        key = "orderId" if name == "orderIdList" else "origClientOrderId"
        items: list[Params] = [{"symbol": symbol, key: str(value)} for value in ids]

        def read(item: Params) -> tuple[Command, Callable[[Answer], object]]:
            order_id, client_id = _reference(item)
            return CancelOrder(symbol=symbol, order_id=order_id, client_id=client_id), _canceled

        return _batch(items, read)

    # --- asking ---
    def query(self, params: Params, now_ns: int) -> object:
        """GET order."""
        del now_ns
        order = self._find(params)
        return rendering.order_details(order)

    def query_open(self, params: Params, now_ns: int) -> object:
        """GET openOrder."""
        del now_ns
        order = self._find(params)
        if not order.is_open:
            raise VenueRefusal(refusals.NO_SUCH_ORDER)
        return rendering.order_details(order)

    def _find(self, params: Params) -> OrderView:
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        order_id, client_id = _reference(params)
        order = self._engine.order(self._account, symbol, order_id=order_id, client_id=client_id)
        if order is None:
            raise VenueRefusal(refusals.NO_SUCH_ORDER)
        return order

    def open_orders(self, params: Params, now_ns: int) -> object:
        """GET openOrders."""
        del now_ns
        symbol = params.get("symbol") or None
        if symbol is not None:
            known_market(symbol, self._markets)
        return [rendering.order_details(order) for order in self._engine.open_orders(self._account, symbol)]

    def all_orders(self, params: Params, now_ns: int) -> object:
        """GET allOrders."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        start_ns, end_ns = read_window(params)
        orders = self._engine.orders(
            self._account,
            symbol,
            from_id=_engine_id(integer(params, "orderId")),
            start_ns=start_ns,
            end_ns=end_ns,
            limit=read_limit(params),
        )
        return [rendering.order_details(order) for order in orders]

    def user_trades(self, params: Params, now_ns: int) -> object:
        """GET userTrades."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        order_id, from_id = _engine_id(integer(params, "orderId")), integer(params, "fromId")
        start_ns, end_ns = read_window(params)
        if order_id is not None:
            from_id = start_ns = end_ns = None
        elif from_id is not None and (start_ns is not None or end_ns is not None):
            raise VenueRefusal(refusals.BAD_COMBINATION)
        trades = self._engine.trades(
            self._account,
            symbol,
            order_id=order_id,
            from_id=from_id,
            start_ns=start_ns,
            end_ns=end_ns,
            limit=read_limit(params),
        )
        return [rendering.trade_row(trade) for trade in trades]


def _engine_id(order_id: int | None) -> int | None:
    return None if order_id is None else order_id - rendering.ORDER_ID_BASE


def _reference(params: Params) -> tuple[int | None, str | None]:
    order_id, client_id = read_order_reference(params)
    return _engine_id(order_id), client_id


def read_stp_mode(params: Params, default: SelfTrade) -> SelfTrade:
    """Return the self-trade prevention a request names; -1102 for an unknown word."""
    wanted = params.get("stpMode")
    if not wanted:
        return default
    try:
        return SelfTrade(wanted)
    except ValueError:
        raise missing("stpMode") from None


def read_limit(params: Params, default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> int:
    """Return the page size a request asks for; more than the venue gives counts as the most."""
    limit = integer(params, "limit")
    if limit is None:
        return default
    if limit < 1:
        raise missing("limit")
    return min(limit, most)


def read_window(params: Params) -> tuple[int | None, int | None]:
    """Return (start, end) in nanoseconds of a request's time window; -1127 for more than seven days.

    The end covers its whole millisecond. A start without an end reaches seven days.
    """
    start_ms, end_ms = integer(params, "startTime"), integer(params, "endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > WEEK_MS:
        raise VenueRefusal(refusals.WINDOW_TOO_LONG)
    start_ns = None if start_ms is None else start_ms * rendering.NS_PER_MS
    end_ns = None if end_ms is None else (end_ms + 1) * rendering.NS_PER_MS - 1
    return start_ns, end_ns


def _placed(answer: Answer, *, wants_result: bool) -> object:
    if isinstance(answer, Refused):
        raise refusal_of(answer)
    placed = cast("Placed", answer)
    return rendering.order_receipt(placed.final if wants_result else placed.accepted)


def _amended(answer: Answer) -> object:
    if isinstance(answer, Refused):
        raise refusal_of(answer)
    return rendering.order_receipt(cast("Amended", answer).order)


def _canceled(answer: Answer) -> object:
    if isinstance(answer, Refused):
        raise refusal_of(answer, unknown_order=refusals.CANCEL_REJECTED)
    return rendering.order_receipt(cast("Canceled", answer).orders[0])


def _read_list(text: str, name: str) -> list[object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise missing(name) from None
    if not isinstance(value, list):
        raise missing(name)
    return value


def _read_batch(params: Params) -> list[Params]:
    items = _read_list(required(params, "batchOrders"), "batchOrders")
    if not 1 <= len(items) <= MAX_PLACE_BATCH:
        raise VenueRefusal(refusals.BAD_BATCH_SIZE)
    read: list[Params] = []
    for item in items:
        if not isinstance(item, dict):
            raise missing("batchOrders")
        read.append({str(key): _plain(value) for key, value in item.items()})
    return read


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _batch(items: list[Params], read: Callable[[Params], tuple[Command, Callable[[Answer], object]]]) -> Deferred:
    """Run the items one by one: an item that is refused has its error in its place and does not touch the others."""
    commands: list[Command] = []
    slots: list[dict[str, object] | Callable[[Answer], object]] = []
    for item in items:
        try:
            command, render = read(item)
        except VenueRefusal as refusal:
            slots.append(refusal.body)
        else:
            commands.append(command)
            slots.append(render)

    def render_all(answers: tuple[Answer, ...]) -> object:
        remaining = iter(answers)
        return [slot if isinstance(slot, dict) else _render_item(slot, next(remaining)) for slot in slots]

    return Deferred(tuple(commands), render_all)


def _render_item(render: Callable[[Answer], object], answer: Answer) -> object:
    try:
        return render(answer)
    except VenueRefusal as refusal:
        return refusal.body
