"""Whether Aster would take an order, as a pure function: the checks of venues/aster.md 15.2, steps 6 to 12, in order.

The first rule that fails gives the code. Precedence among the rules is that note's choice; the real one is unknown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.markets import DEFAULT_MARKETS, MAX_LEVERAGE, AsterMarket, decimals
from exchanges.simulated.faces.aster.refusals import VenueRefusal, missing
from exchanges.values import ZERO, Side

MAX_CLIENT_ID: Final = 36
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]+")
_NUMBER: Final = re.compile(r"-?(\d{1,20}(\.\d{0,18})?|\.\d{1,18})", re.ASCII)
_INTEGER: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_TYPES: Final = frozenset({"LIMIT", "MARKET"})
_TIMES_IN_FORCE: Final = frozenset({"GTC", "IOC", "FOK", "GTX"})
_POSITION_SIDES: Final = frozenset({"BOTH", "LONG", "SHORT"})
_RESPONSE_TYPES: Final = frozenset({"ACK", "RESULT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContext:
    """What the checks need to know besides the request.

    Attributes:
        mark_price: Mark price of the order's market, None where there is none yet (price band and margin are skipped).
        dual_side: The account is in hedge mode.
        position: Signed position in the market.
        reducing: Quantity of open reduce-only orders on the order's side of the market.
        open_orders: Open orders of the account in the market.
        available: Margin free for new orders; None skips the margin check.
        leverage: Leverage set for the market.
        reference_price: Price a market order is valued at; the mark price when None.
        markets: The markets of the venue.
    """

    mark_price: Decimal | None = None
    dual_side: bool = False
    position: Decimal = ZERO
    reducing: Mapping[Side, Decimal] = field(default_factory=dict)
    open_orders: int = 0
    available: Decimal | None = None
    leverage: int = 20
    reference_price: Decimal | None = None
    markets: Mapping[str, AsterMarket] = field(default_factory=lambda: DEFAULT_MARKETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """A request to place an order, read. `price` is None for a market order, whose `time_in_force` is GTC."""

    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    position_side: str
    client_order_id: str | None
    wants_result: bool

    @property
    def post_only(self) -> bool:
        """Whether the order may only rest."""
        return self.time_in_force == "GTX"


def validate_order(params: Mapping[str, str], context: OrderContext) -> int | None:
    """Return the code Aster refuses an order with, or None where it is accepted (what a post-only order meets in the
    book is not a refusal).
    """
    try:
        check_order(params, context)
    except VenueRefusal as refusal:
        return refusal.code
    return None


def check_order(params: Mapping[str, str], context: OrderContext) -> OrderIntent:
    """Return the order a request asks for.

    Raises:
        VenueRefusal: the first rule that is broken.
    """
    intent = check_form(params, context)
    _check_reduce_only(intent, context)
    if context.open_orders >= context.markets[intent.symbol].rules.max_open_orders:
        raise VenueRefusal(refusals.TOO_MANY_OPEN_ORDERS)
    _check_margin(intent, context)
    return intent


def check_form(params: Mapping[str, str], context: OrderContext) -> OrderIntent:
    """Return the order a request asks for after the checks that do not depend on the account's book (steps 6 to 9).

    Raises:
        VenueRefusal: the first rule that is broken.
    """
    intent = read_order(params)
    market = open_market(intent.symbol, context.markets)
    _check_position_side(intent, dual_side=context.dual_side)
    check_price_and_quantity(intent, market, context)
    return intent


def read_order(params: Mapping[str, str]) -> OrderIntent:
    """Return the order of a request after the checks of form alone (step 6)."""
    symbol, side = required(params, "symbol"), required(params, "side")
    order_type = required(params, "type")
    if side not in ("BUY", "SELL"):
        raise VenueRefusal(refusals.BAD_SIDE)
    if order_type not in _TYPES:
        raise VenueRefusal(refusals.BAD_ORDER_TYPE)
    time_in_force, price = _read_price(params, order_type)
    return OrderIntent(
        symbol=symbol,
        side=Side(side.lower()),
        order_type=order_type,
        time_in_force=time_in_force,
        quantity=number(params, "quantity"),
        price=price,
        reduce_only=_read_flag(params, "reduceOnly", refusals.BAD_REDUCE_ONLY),
        position_side=_read_position_side(params),
        client_order_id=read_client_id(params, "newClientOrderId"),
        wants_result=_wants_result(params),
    )


def _read_price(params: Mapping[str, str], order_type: str) -> tuple[str, Decimal | None]:
    if order_type == "MARKET":
        for name in ("timeInForce", "price"):
            if params.get(name):
                raise VenueRefusal(refusals.NOT_REQUIRED, f"Parameter '{name}' sent when not required.")
        return "GTC", None
    time_in_force = required(params, "timeInForce")
    if time_in_force not in _TIMES_IN_FORCE:
        raise VenueRefusal(refusals.BAD_TIME_IN_FORCE)
    return time_in_force, number(params, "price")


def _read_flag(params: Mapping[str, str], name: str, code: int) -> bool:
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise VenueRefusal(code)
    return text == "true"


def _read_position_side(params: Mapping[str, str]) -> str:
    position_side = params.get("positionSide", "BOTH")
    if position_side not in _POSITION_SIDES:
        raise VenueRefusal(refusals.BAD_POSITION_SIDE)
    return position_side


def _wants_result(params: Mapping[str, str]) -> bool:
    wanted = params.get("newOrderRespType", "ACK")
    if wanted not in _RESPONSE_TYPES:
        raise VenueRefusal(refusals.BAD_RESPONSE_TYPE)
    return wanted == "RESULT"


def read_client_id(params: Mapping[str, str], name: str) -> str | None:
    """Return a client order id, None where there is none.

    Raises:
        VenueRefusal: -1100 for a character the venue does not allow, -4015 for more than 36.
    """
    text = params.get(name)
    if not text:
        return None
    if _CLIENT_ID.fullmatch(text) is None:
        raise VenueRefusal(
            refusals.ILLEGAL_CHARACTERS,
            f"Illegal characters found in parameter '{name}'; legal range is '^[\\.A-Z\\:/a-z0-9_-]{{1,36}}$'.",
        )
    if len(text) > MAX_CLIENT_ID:
        raise VenueRefusal(refusals.BAD_CLIENT_ID)
    return text


def required(params: Mapping[str, str], name: str) -> str:
    """Return a mandatory parameter; -1102 where it is absent or empty."""
    value = params.get(name)
    if not value:
        raise missing(name)
    return value


def number(params: Mapping[str, str], name: str) -> Decimal:
    """Return a mandatory plain number (no exponent); -1102 where it is absent, -1100 where it is no number."""
    text = required(params, name)
    if _NUMBER.fullmatch(text) is None:
        raise VenueRefusal(refusals.ILLEGAL_CHARACTERS, f"Illegal characters found in parameter '{name}'.")
    return Decimal(text)


def integer(params: Mapping[str, str], name: str) -> int | None:
    """Return an optional integer, None where it is absent; -1102 where it is not an integer."""
    text = params.get(name)
    if text is None or text == "":
        return None
    if _INTEGER.fullmatch(text) is None:
        raise missing(name)
    return int(text)


def open_market(symbol: str, markets: Mapping[str, AsterMarket]) -> AsterMarket:
    """Return a market that accepts orders; -1121 unknown, -4141 closed."""
    market = known_market(symbol, markets)
    if not market.rules.is_trading:
        raise VenueRefusal(refusals.SYMBOL_CLOSED)
    return market


def known_market(symbol: str, markets: Mapping[str, AsterMarket]) -> AsterMarket:
    """Return a market; -1121 where the venue does not know it."""
    market = markets.get(symbol)
    if market is None:
        raise VenueRefusal(refusals.BAD_SYMBOL)
    return market


def _check_position_side(intent: OrderIntent, *, dual_side: bool) -> None:
    if (intent.position_side == "BOTH") is dual_side:
        raise VenueRefusal(refusals.POSITION_SIDE_MISMATCH)
    if dual_side and intent.reduce_only:
        raise VenueRefusal(refusals.BAD_REDUCE_ONLY)


def check_price_and_quantity(intent: OrderIntent, market: AsterMarket, context: OrderContext) -> None:
    """Apply the filters of a market (step 9): precision, price, lot, notional, price band."""
    if intent.price is not None and decimals(intent.price) > market.price_precision:
        raise VenueRefusal(refusals.TOO_PRECISE)
    if decimals(intent.quantity) > market.quantity_precision:
        raise VenueRefusal(refusals.TOO_PRECISE)
    if intent.price is not None:
        _check_price(intent.price, market)
    _check_quantity(intent, market)
    _check_notional(intent, market, context)
    if intent.price is not None and context.mark_price is not None:
        _check_band(intent.side, intent.price, market, context.mark_price)


def _check_price(price: Decimal, market: AsterMarket) -> None:
    rules = market.rules
    if price < 0:
        raise VenueRefusal(refusals.PRICE_BELOW_ZERO)
    if price < rules.min_price:
        raise VenueRefusal(refusals.PRICE_BELOW_MIN)
    if price > rules.max_price:
        raise VenueRefusal(refusals.PRICE_ABOVE_MAX)
    if price % rules.tick != 0:
        raise VenueRefusal(refusals.PRICE_OFF_TICK)


def _check_quantity(intent: OrderIntent, market: AsterMarket) -> None:
    rules = market.rules
    most = rules.max_quantity if intent.price is not None else rules.market_max_quantity
    if intent.quantity <= 0:
        raise VenueRefusal(refusals.QUANTITY_BELOW_ZERO)
    if intent.quantity < rules.min_quantity:
        raise VenueRefusal(refusals.QUANTITY_BELOW_MIN)
    if intent.quantity > most:
        raise VenueRefusal(refusals.QUANTITY_ABOVE_MAX)
    if intent.quantity % rules.step != 0:
        raise VenueRefusal(refusals.QUANTITY_OFF_STEP)


def _check_notional(intent: OrderIntent, market: AsterMarket, context: OrderContext) -> None:
    price = intent.price if intent.price is not None else context.mark_price
    if intent.reduce_only or price is None:
        return
    if price * intent.quantity < market.rules.min_notional:
        raise VenueRefusal(refusals.NOTIONAL_TOO_SMALL)


def _check_band(side: Side, price: Decimal, market: AsterMarket, mark_price: Decimal) -> None:
    rules = market.rules
    if side is Side.BUY and rules.band_up is not None and price > mark_price * rules.band_up:
        raise VenueRefusal(refusals.ABOVE_PRICE_CAP)
    if side is Side.SELL and rules.band_down is not None and price < mark_price * rules.band_down:
        raise VenueRefusal(refusals.BELOW_PRICE_FLOOR)


def _check_reduce_only(intent: OrderIntent, context: OrderContext) -> None:
    if not intent.reduce_only:
        return
    reducible = -intent.side.sign * context.position
    if reducible <= 0 or context.reducing.get(intent.side, ZERO) >= reducible:
        raise VenueRefusal(refusals.REDUCE_ONLY_REJECTED)


def _check_margin(intent: OrderIntent, context: OrderContext) -> None:
    price = intent.price if intent.price is not None else (context.reference_price or context.mark_price)
    if intent.reduce_only or context.available is None or price is None:
        return
    opening = max(ZERO, intent.quantity - max(ZERO, -intent.side.sign * context.position))
    if opening * price / context.leverage > context.available:
        raise VenueRefusal(refusals.NO_MARGIN)


def check_leverage(params: Mapping[str, str]) -> int:
    """Return the leverage a request sets; -4028 outside 1..125."""
    leverage = integer(params, "leverage")
    if leverage is None:
        raise missing("leverage")
    if not 1 <= leverage <= MAX_LEVERAGE:
        raise VenueRefusal(refusals.BAD_LEVERAGE)
    return leverage


def check_position_mode(params: Mapping[str, str], *, dual_side: bool) -> bool:
    """Return the position mode a request sets (True = hedge); -4059 where it is set already."""
    text = required(params, "dualSidePosition").lower()
    if text not in ("true", "false"):
        raise missing("dualSidePosition")
    if (text == "true") is dual_side:
        raise VenueRefusal(refusals.SAME_POSITION_SIDE)
    return text == "true"


def read_order_reference(params: Mapping[str, str]) -> tuple[int | None, str | None]:
    """Return (order id, client order id) of a request; the order id wins. -1102 where both are absent."""
    order_id = integer(params, "orderId")
    client_id = params.get("origClientOrderId") or None
    if order_id is None and client_id is None:
        raise missing("orderId")
    return order_id, client_id
