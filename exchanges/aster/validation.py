"""What the venue would answer to an order, predicted before it is sent (venues/aster.md, sections 5.4, 7, 8, 15.2).

A request that breaks a rule costs a place in the order limits and a round trip, and says nothing new: it is better
denied here. The order of the checks (which code wins when several rules are broken) is the choice of section 15.2;
the venue's own is not known.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchanges.aster.markets import SymbolFilters
from exchanges.rounding import is_multiple
from exchanges.values import ZERO, MarketRules, OrderRequest, Side

MISSING: Final = -1102
ILLEGAL_CHARACTERS: Final = -1100
NOT_REQUIRED: Final = -1106
PRECISION: Final = -1111
BAD_TIME_IN_FORCE: Final = -1115
BAD_TYPE: Final = -1116
BAD_SIDE: Final = -1117
BAD_SYMBOL: Final = -1121
BAD_RESPONSE_TYPE: Final = -1136
NO_MARGIN: Final = -2019
REDUCE_ONLY: Final = -2022
TOO_MANY_OPEN: Final = -2025
PRICE_NEGATIVE: Final = -4001
PRICE_ABOVE: Final = -4002
QUANTITY_NEGATIVE: Final = -4003
QUANTITY_BELOW: Final = -4004
QUANTITY_ABOVE: Final = -4005
PRICE_BELOW: Final = -4013
OFF_TICK: Final = -4014
CLIENT_ID_TOO_LONG: Final = -4015
ABOVE_CAP: Final = -4016
OFF_STEP: Final = -4023
BELOW_FLOOR: Final = -4024
BAD_POSITION_SIDE: Final = -4060
POSITION_SIDE_MISMATCH: Final = -4061
BAD_REDUCE_ONLY: Final = -4062
SYMBOL_CLOSED: Final = -4141
NOTIONAL: Final = -4164

TEXTS: Final[Mapping[int, str]] = {
    PRECISION: "more decimals than the market has",
    NO_MARGIN: "not enough margin",
    REDUCE_ONLY: "nothing to reduce",
    TOO_MANY_OPEN: "as many open orders as the market allows",
    PRICE_NEGATIVE: "a negative price",
    PRICE_ABOVE: "above the highest price",
    QUANTITY_NEGATIVE: "a negative quantity",
    QUANTITY_BELOW: "below the least quantity",
    QUANTITY_ABOVE: "above the largest quantity",
    PRICE_BELOW: "below the lowest price",
    OFF_TICK: "not on the price step",
    ABOVE_CAP: "a buy above the price band",
    OFF_STEP: "not on the quantity step",
    BELOW_FLOOR: "a sell below the price band",
    SYMBOL_CLOSED: "the market takes no orders now",
    NOTIONAL: "below the least notional",
}

_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]+")
_LONGEST_CLIENT_ID: Final = 36
_TYPES: Final = frozenset(
    {"LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
_PRICED: Final = frozenset({"LIMIT", "STOP", "TAKE_PROFIT"})
_TIMES_IN_FORCE: Final = frozenset({"GTC", "IOC", "FOK", "GTX", "HIDDEN", "RPI"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """What the checks need to know of the account in the order's market.

    Attributes:
        dual_side: The account is in hedge mode.
        position: Signed position; None where it is not known (reduce-only is not judged then).
        reducing: Quantity of open reduce-only orders on the order's side.
        open_orders: Open orders in the market.
        mark_price: Mark price; None where it is not known (the price band is not judged then).
        available: Margin free for new orders; None where it is not known (margin is not judged then).
        leverage: Leverage set for the market.
    """

    dual_side: bool = False
    position: Decimal | None = None
    reducing: Decimal = ZERO
    open_orders: int = 0
    mark_price: Decimal | None = None
    available: Decimal | None = None
    leverage: int = 1


def denial(order: OrderRequest, rules: MarketRules, account: AccountView) -> str | None:
    """Return why the venue would refuse the order, as text with the code, or None where nothing speaks against it."""
    filters = SymbolFilters(
        rules=rules, price_precision=_decimals(rules.tick), quantity_precision=_decimals(rules.step)
    )
    checked = _Values(order.side, order.price, order.quantity, order.reduce_only)
    code = _market(rules) or _filters(checked, filters, account) or _book(checked, rules, account)
    return None if code is None else f"[{code}] {TEXTS[code]}"


def predict_code(
    parameters: Mapping[str, str], filters: Mapping[str, SymbolFilters], account: AccountView
) -> int | None:
    """Return the code with which `POST order` would be refused, None where it would be accepted.

    A post-only order that would take is accepted (and expires): that is no refusal.
    """
    code = _form(parameters) or _numbers(parameters)
    if code is not None:
        return code
    market = filters.get(parameters["symbol"])
    if market is None:
        return BAD_SYMBOL
    price = Decimal(parameters["price"]) if parameters["type"] in _PRICED else None
    reduce_only = parameters.get("reduceOnly", "false").lower() == "true"
    side = Side.BUY if parameters["side"] == "BUY" else Side.SELL
    checked = _Values(side, price, Decimal(parameters["quantity"]), reduce_only)
    return (
        _market(market.rules)
        or _mode(parameters, reduce_only=reduce_only, dual_side=account.dual_side)
        or _filters(checked, market, account)
        or _book(checked, market.rules, account)
    )


def would_take(side: Side, price: Decimal, bid: Decimal, ask: Decimal) -> bool:
    """Return whether a limit order would trade at once against this book."""
    return price >= ask if side is Side.BUY else price <= bid


@dataclass(frozen=True, slots=True)
class _Values:
    side: Side
    price: Decimal | None
    quantity: Decimal
    reduce_only: bool


def _form(parameters: Mapping[str, str]) -> int | None:
    """Mandatory parameters, words and alphabets."""
    if not all(parameters.get(name) for name in ("symbol", "side", "type")):
        return MISSING
    if parameters["side"] not in ("BUY", "SELL"):
        return BAD_SIDE
    if parameters["type"] not in _TYPES:
        return BAD_TYPE
    code = _pricing_form(parameters)
    if code is not None:
        return code
    if parameters.get("reduceOnly", "false").lower() not in ("true", "false"):
        return BAD_REDUCE_ONLY
    if parameters.get("positionSide", "BOTH") not in ("BOTH", "LONG", "SHORT"):
        return BAD_POSITION_SIDE
    if parameters.get("newOrderRespType", "ACK") not in ("ACK", "RESULT"):
        return BAD_RESPONSE_TYPE
    return _client_id(parameters.get("newClientOrderId"))


def _pricing_form(parameters: Mapping[str, str]) -> int | None:
    if parameters["type"] == "MARKET":
        return NOT_REQUIRED if parameters.get("timeInForce") or parameters.get("price") else None
    if parameters["type"] != "LIMIT":
        return None
    if not parameters.get("timeInForce"):
        return MISSING
    return None if parameters["timeInForce"] in _TIMES_IN_FORCE else BAD_TIME_IN_FORCE


def _client_id(text: str | None) -> int | None:
    if not text:
        return None
    if _CLIENT_ID.fullmatch(text) is None:
        return ILLEGAL_CHARACTERS
    return CLIENT_ID_TOO_LONG if len(text) > _LONGEST_CLIENT_ID else None


def _numbers(parameters: Mapping[str, str]) -> int | None:
    needed = ("quantity", "price") if parameters["type"] in _PRICED else ("quantity",)
    for name in needed:
        text = parameters.get(name)
        if not text:
            return MISSING
        if _NUMBER.fullmatch(text) is None:
            return ILLEGAL_CHARACTERS
    return None


def _market(rules: MarketRules) -> int | None:
    return None if rules.is_trading else SYMBOL_CLOSED


def _mode(parameters: Mapping[str, str], *, reduce_only: bool, dual_side: bool) -> int | None:
    if (parameters.get("positionSide", "BOTH") == "BOTH") is dual_side:
        return POSITION_SIDE_MISMATCH
    return BAD_REDUCE_ONLY if dual_side and reduce_only else None


def _filters(checked: _Values, filters: SymbolFilters, account: AccountView) -> int | None:
    price, quantity = checked.price, checked.quantity
    if price is not None and _decimals(price) > filters.price_precision:
        return PRECISION
    if _decimals(quantity) > filters.quantity_precision:
        return PRECISION
    code = None if price is None else _price(price, filters.rules)
    if code is not None:
        return code
    most = filters.rules.market_max_quantity if price is None else filters.rules.max_quantity
    return (
        _quantity(quantity, most, filters.rules)
        or _notional(checked, filters.rules, account.mark_price)
        or _band(checked, filters.rules, account.mark_price)
    )


def _price(price: Decimal, rules: MarketRules) -> int | None:
    if price < 0:
        return PRICE_NEGATIVE
    if price < rules.min_price:
        return PRICE_BELOW
    if price > rules.max_price:
        return PRICE_ABOVE
    return None if is_multiple(price, rules.tick) else OFF_TICK


def _quantity(quantity: Decimal, most: Decimal, rules: MarketRules) -> int | None:
    if quantity < 0:
        return QUANTITY_NEGATIVE
    if quantity < rules.min_quantity or quantity == 0:
        return QUANTITY_BELOW
    if quantity > most:
        return QUANTITY_ABOVE
    return None if is_multiple(quantity, rules.step) else OFF_STEP


def _notional(checked: _Values, rules: MarketRules, mark_price: Decimal | None) -> int | None:
    price = mark_price if checked.price is None else checked.price
    if price is None or (checked.reduce_only and rules.reduce_only_exempt):
        return None
    return NOTIONAL if price * checked.quantity < rules.min_notional else None


def _band(checked: _Values, rules: MarketRules, mark_price: Decimal | None) -> int | None:
    """The aggressive side only: a buy far below and a sell far above the market are free."""
    if checked.price is None or mark_price is None:
        return None
    if checked.side is Side.BUY:
        return ABOVE_CAP if rules.band_up is not None and checked.price > mark_price * rules.band_up else None
    return BELOW_FLOOR if rules.band_down is not None and checked.price < mark_price * rules.band_down else None


def _book(checked: _Values, rules: MarketRules, account: AccountView) -> int | None:
    """What depends on the position and on other orders."""
    if checked.reduce_only and account.position is not None:
        reducible = -checked.side.sign * account.position
        if reducible <= account.reducing:
            return REDUCE_ONLY
    if account.open_orders >= rules.max_open_orders:
        return TOO_MANY_OPEN
    return None if checked.reduce_only else _margin(checked, account)


def _margin(checked: _Values, account: AccountView) -> int | None:
    """Only what goes beyond closing the position needs margin."""
    price = account.mark_price if checked.price is None else checked.price
    if account.available is None or price is None:
        return None
    closing = max(ZERO, -checked.side.sign * (account.position or ZERO))
    opening = max(ZERO, checked.quantity - closing)
    return NO_MARGIN if opening * price / account.leverage > account.available else None


def _decimals(value: Decimal) -> int:
    """Digits after the point that mean something."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
