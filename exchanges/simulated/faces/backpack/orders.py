"""The trading endpoints: place, cancel, batches, and asking for what rests.

Source: venues/backpack.md 7. The engine is synchronous: an answer tells what became of the order. Orders that are not
post-only are held for the speed bump first (7.6). `GET order` knows what rests and nothing else.
"""

from typing import Final, cast

from exchanges.simulated.engine_types import (
    Answer,
    CancelAll,
    Canceled,
    CancelOrder,
    Command,
    EndReason,
    OrderView,
    Placed,
    PlaceOrder,
    RefusalReason,
    Refused,
)
from exchanges.simulated.faces.backpack import refusals
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.endpoints import Deferred
from exchanges.simulated.faces.backpack.markets import PERPETUAL
from exchanges.simulated.faces.backpack.order_checks import SELF_TRADE, OrderIntent, read_order
from exchanges.simulated.faces.backpack.refusals import VenueRefusal, bad_request, refusal_of
from exchanges.simulated.faces.backpack.rendering import DEFAULT_STP, engine_order_id
from exchanges.simulated.faces.backpack.requests import Fields, Request
from exchanges.simulated.faces.backpack.switches import NotFoundStyle, PostOnlyMode
from exchanges.values import ZERO

MAX_BATCH: Final = 50
MARKET_TYPES: Final = ("SPOT", "PERP", "IPERP", "DATED", "PREDICTION", "RFQ")
_NO_ORDER: Final = 0


class OrderEndpoints:
    """Handlers of the trading endpoints of one account."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # --- placing ---
    def place(self, request: Request, now_ns: int) -> object:
        """POST order."""
        intent = self._read(request.fields, now_ns)
        return Deferred((self._command(intent),), lambda answers: self._placed(answers[0], intent))

    def place_batch(self, request: Request, now_ns: int) -> object:
        """POST orders: one element that is wrong refuses all; one the engine refuses has its error in its place."""
        items = request.items or ()
        if len(items) > MAX_BATCH:
            raise bad_request(f"At most {MAX_BATCH} orders are taken at once")
        intents = [self._read(item, now_ns) for item in items]

        def render(answers: tuple[Answer, ...]) -> object:
            return [self._batch_row(answer, intent) for answer, intent in zip(answers, intents, strict=True)]

        return Deferred(tuple(self._command(intent) for intent in intents), render)

    def _read(self, fields: Fields, now_ns: int) -> OrderIntent:
        context = self._context
        prices = context.prices(fields.required("symbol"))
        intent = read_order(fields, context.markets, context.switches.states, prices)
        if intent.reduce_only and not context.can_reduce(intent.symbol, intent.side, now_ns):
            raise refusals.not_reduced()
        return intent

    def _command(self, intent: OrderIntent) -> Command:
        switches = self._context.switches
        return PlaceOrder(
            symbol=intent.symbol,
            side=intent.side,
            order_type=intent.order_type,
            quantity=intent.quantity if intent.quantity is not None else ZERO,
            price=intent.price,
            time_in_force=intent.force,
            reduce_only=intent.reduce_only,
            client_id="" if intent.client_id is None else str(intent.client_id),
            self_trade=SELF_TRADE[intent.stp],
            refuse_if_taking=switches.post_only_mode is PostOnlyMode.HTTP400,
            hold_ns=0 if intent.post_only else switches.speed_bump_ns,
        )

    def _placed(self, answer: Answer, intent: OrderIntent) -> dict[str, object]:
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        order = cast("Placed", answer).final
        if intent.stp != DEFAULT_STP:
            self._context.stp[order.order_id] = intent.stp
        hides = self._context.switches.post_only_mode is PostOnlyMode.HTTP400_PLUS_EVENT
        if hides and order.end_reason is EndReason.POST_ONLY:
            raise refusals.would_take()
        return self._context.order_object(order)

    def _batch_row(self, answer: Answer, intent: OrderIntent) -> dict[str, object]:
        try:
            return {"operation": "Ok"} | self._placed(answer, intent)
        except VenueRefusal as refusal:
            return {"operation": "Err", "code": refusal.code, "message": refusal.text}

    # --- canceling ---
    def cancel(self, request: Request, now_ns: int) -> object:
        """DELETE order."""
        del now_ns
        symbol, engine_id, client_id = self._reference(request.fields)

        def render(answers: tuple[Answer, ...]) -> object:
            if isinstance(answers[0], Refused):
                raise self._refused_cancel(answers[0])
            return self._context.order_object(cast("Canceled", answers[0]).orders[0])

        return Deferred((CancelOrder(symbol=symbol, order_id=engine_id, client_id=client_id),), render)

    def _refused_cancel(self, answer: Refused) -> VenueRefusal:
        return self._not_found() if answer.reason is RefusalReason.UNKNOWN_ORDER else refusal_of(answer)

    def _not_found(self) -> VenueRefusal:
        style = self._context.switches.not_found_style
        if style is NotFoundStyle.ORDER_NOT_FOUND:
            return bad_request("Order not found")
        status = refusals.BAD_REQUEST if style is NotFoundStyle.HTTP400 else refusals.NOT_FOUND_STATUS
        return VenueRefusal("RESOURCE_NOT_FOUND", "Not Found", status=status)

    def cancel_all(self, request: Request, now_ns: int) -> object:
        """DELETE orders."""
        del now_ns
        symbol = request.fields.required("symbol")
        kind = request.fields.word("orderType", ("RestingLimitOrder", "ConditionalOrder"))
        self._context.market(symbol)
        if kind == "ConditionalOrder":
            return []

        def render(answers: tuple[Answer, ...]) -> object:
            if isinstance(answers[0], Refused):
                raise refusal_of(answers[0])
            return [self._context.order_object(order) for order in cast("Canceled", answers[0]).orders]

        return Deferred((CancelAll(symbol=symbol),), render)

    # --- asking ---
    def query(self, request: Request, now_ns: int) -> object:
        """GET order."""
        del now_ns
        symbol, engine_id, client_id = self._reference(request.fields)
        context = self._context
        order = context.engine.order(context.account, symbol, order_id=engine_id, client_id=client_id)
        if order is None or not order.is_open:
            raise self._not_found()
        return context.order_object(order)

    def open_orders(self, request: Request, now_ns: int) -> object:
        """GET orders."""
        del now_ns
        return [self._context.order_object(order) for order in self._open(request.fields)]

    def _open(self, fields: Fields) -> tuple[OrderView, ...]:
        symbol, kind = fields.text("symbol"), fields.word("marketType", MARKET_TYPES)
        if symbol is not None:
            self._context.market(symbol)
        if kind not in (None, PERPETUAL):
            return ()
        return self._context.engine.open_orders(self._context.account, symbol)

    def _reference(self, fields: Fields) -> tuple[str, int | None, str | None]:
        """Return (symbol, the engine's order id, client id) of a request; one of the two ids is set."""
        symbol, order_id, client_id = fields.required("symbol"), fields.text("orderId"), fields.client_id()
        self._context.market(symbol)
        if order_id is None and client_id is None:
            raise bad_request("Order id or client id must be specified")
        if order_id is not None and client_id is not None:
            raise bad_request("Only one of order id and client id may be specified")
        if order_id is not None:
            return symbol, engine_order_id(order_id) or _NO_ORDER, None
        return symbol, None, str(client_id)
