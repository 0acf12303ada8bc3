"""What a transaction must look like before it may be queued: the static rules, with the code of each.

Source: venues/lighter.md 3 (ranges, minima), 5.4 (what the library checks itself), 10 (types, expiries, cancel-all).
Chosen where the note is silent: the price band (10 % beyond the mark on the taking side), a lifetime of at least five
minutes measured at the gate with a few seconds of grace, base 0 is refused also with reduce-only. Not simulated and
refused: trigger orders, TWAP, the self-trade behavior "reduce", isolated collateral.
"""

from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import OrderType, PlaceOrder, SelfTrade, TimeInForce
from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.markets import FULL_MARGIN, MAX_BASE_INT, MAX_PRICE_INT, LighterMarket
from exchanges.simulated.faces.lighter.orders import INDEX_SPAN, MAX_INDEX
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.transactions import Attribute, Transaction
from exchanges.values import Side

LIMIT: Final = 0
MARKET: Final = 1
_LAST_TYPE: Final = 6
IMMEDIATE_OR_CANCEL: Final = 0
GOOD_TILL_TIME: Final = 1
POST_ONLY: Final = 2
MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
MIN_EXPIRY_MS: Final = 5 * MINUTE_MS
EXPIRY_GRACE_MS: Final = 5_000
MAX_EXPIRY_MS: Final = 30 * DAY_MS
MAX_SCHEDULE_MS: Final = 15 * DAY_MS
BAND: Final = Decimal("0.1")
CANCEL_NOW: Final = 0
CANCEL_LATER: Final = 1
CANCEL_ABORT: Final = 2
CROSS: Final = 0
ISOLATED: Final = 1

_SELF_TRADE: Final = {0: SelfTrade.EXPIRE_MAKER, 1: SelfTrade.EXPIRE_TAKER, 2: SelfTrade.EXPIRE_BOTH}
_TIMES: Final = {
    IMMEDIATE_OR_CANCEL: TimeInForce.IOC,
    GOOD_TILL_TIME: TimeInForce.GTC,
    POST_ONLY: TimeInForce.GTX,
}


def read_order(tx: Transaction, market: LighterMarket, mark: Decimal | None, now_ms: int) -> PlaceOrder:
    """Return the engine's order for a create-order transaction.

    Raises:
        VenueRefusal: with the code of the first rule it breaks.
    """
    _check_numbers(tx)
    _check_type(tx)
    _check_expiry(tx, now_ms)
    _check_attributes(tx)
    side = Side.SELL if tx["IsAsk"] else Side.BUY
    price, size = market.price(tx["Price"]), market.size(tx["BaseAmount"])
    rests = tx["TimeInForce"] != IMMEDIATE_OR_CANCEL
    if rests:
        check_minima(market, price, size)
    _check_band(side, price, mark, refusals.TOO_FAR_FROM_MARK if rests else refusals.ACCIDENTAL_PRICE)
    return PlaceOrder(
        symbol=market.symbol,
        side=side,
        order_type=OrderType.LIMIT,
        quantity=size,
        price=price,
        time_in_force=_TIMES[tx["TimeInForce"]],
        reduce_only=tx["ReduceOnly"] == 1,
        client_id=str(tx["ClientOrderIndex"]) if tx["ClientOrderIndex"] else "",
        self_trade=_SELF_TRADE[tx.attributes.get(Attribute.SELF_TRADE_BEHAVIOR, 0)],
        waives_minima=not rests,
    )


def _check_numbers(tx: Transaction) -> None:
    if tx["ClientOrderIndex"] >= INDEX_SPAN:
        raise VenueRefusal(refusals.BAD_CLIENT_INDEX)
    check_base(tx["BaseAmount"])
    check_price(tx["Price"])
    if tx["IsAsk"] > 1:
        raise VenueRefusal(refusals.BAD_SIDE)
    if tx["ReduceOnly"] > 1:
        raise VenueRefusal(refusals.REDUCE_ONLY_DIRECTION)


def check_base(base: int) -> None:
    """Check a wire size. Raises VenueRefusal BAD_BASE_AMOUNT."""
    if not 1 <= base <= MAX_BASE_INT:
        raise VenueRefusal(refusals.BAD_BASE_AMOUNT)


def check_price(price: int) -> None:
    """Check a wire price. Raises VenueRefusal BAD_PRICE."""
    if not 1 <= price <= MAX_PRICE_INT:
        raise VenueRefusal(refusals.BAD_PRICE)


def _check_type(tx: Transaction) -> None:
    kind, tif = tx["Type"], tx["TimeInForce"]
    if kind > _LAST_TYPE:
        raise VenueRefusal(refusals.BAD_ORDER_TYPE)
    if tif > POST_ONLY or (kind == MARKET and tif != IMMEDIATE_OR_CANCEL):
        raise VenueRefusal(refusals.BAD_TIME_IN_FORCE)
    if kind not in (LIMIT, MARKET):
        raise VenueRefusal(refusals.BAD_TRIGGER if not tx["TriggerPrice"] else refusals.UNSUPPORTED_ORDER)
    if tx["TriggerPrice"]:
        raise VenueRefusal(refusals.BAD_TRIGGER)


def _check_expiry(tx: Transaction, now_ms: int) -> None:
    expiry = tx["OrderExpiry"]
    if tx["TimeInForce"] == IMMEDIATE_OR_CANCEL:
        if expiry:
            raise VenueRefusal(refusals.BAD_EXPIRY)
        return
    if not now_ms + MIN_EXPIRY_MS - EXPIRY_GRACE_MS <= expiry <= now_ms + MAX_EXPIRY_MS + EXPIRY_GRACE_MS:
        raise VenueRefusal(refusals.BAD_EXPIRY)


def _check_attributes(tx: Transaction) -> None:
    if any(tx.attributes.get(key) for key in (1, 2, 3)):
        raise VenueRefusal(refusals.INTEGRATOR_NOT_APPROVED)
    if tx.attributes.get(Attribute.SELF_TRADE_BEHAVIOR, 0) not in _SELF_TRADE:
        raise VenueRefusal(refusals.INVALID_TX, detail=": this self trade behavior is not simulated")


def check_minima(market: LighterMarket, price: Decimal, size: Decimal) -> None:
    """Check the least size and the least value of a resting order. Raises VenueRefusal BELOW_MINIMUM."""
    rules = market.rules
    if size < rules.min_quantity or price * size < rules.min_notional:
        raise VenueRefusal(refusals.BELOW_MINIMUM)


def _check_band(side: Side, price: Decimal, mark: Decimal | None, code: int) -> None:
    if mark is None:
        return
    if (side is Side.BUY and price > mark * (1 + BAND)) or (side is Side.SELL and price < mark * (1 - BAND)):
        raise VenueRefusal(code)


def check_index(index: int) -> None:
    """Check the number of an order to cancel or modify. Raises VenueRefusal BAD_ORDER_INDEX."""
    if not 1 <= index <= MAX_INDEX:
        raise VenueRefusal(refusals.BAD_ORDER_INDEX)


def check_cancel_all(tx: Transaction, now_ms: int) -> None:
    """Check a cancel-all. Raises VenueRefusal BAD_CANCEL_ALL_TIF or BAD_CANCEL_ALL_TIME."""
    kind, at_ms = tx["TimeInForce"], tx["Time"]
    if kind > CANCEL_ABORT or (kind != CANCEL_NOW and Attribute.CANCEL_ALL_MARKET in tx.attributes):
        raise VenueRefusal(refusals.BAD_CANCEL_ALL_TIF)
    if kind != CANCEL_LATER:
        if at_ms:
            raise VenueRefusal(refusals.BAD_CANCEL_ALL_TIME)
        return
    if not now_ms + MIN_EXPIRY_MS - EXPIRY_GRACE_MS <= at_ms <= now_ms + MAX_SCHEDULE_MS + EXPIRY_GRACE_MS:
        raise VenueRefusal(refusals.BAD_CANCEL_ALL_TIME)


def check_leverage(tx: Transaction, market: LighterMarket) -> int:
    """Return the margin fraction asked for. Raises VenueRefusal BAD_MARGIN_FRACTION or BAD_MARGIN_MODE."""
    fraction = tx["InitialMarginFraction"]
    if not market.min_fraction <= fraction <= FULL_MARGIN:
        raise VenueRefusal(refusals.BAD_MARGIN_FRACTION)
    if tx["MarginMode"] not in (CROSS, ISOLATED):
        raise VenueRefusal(refusals.BAD_MARGIN_MODE)
    return fraction
