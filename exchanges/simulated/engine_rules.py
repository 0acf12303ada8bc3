"""What the simulated venue checks before an order may enter the book, in the order the checks are made.

Each check returns a refusal or None. Which number and text a venue spells a refusal with is the face's business.
"""

from decimal import Decimal

from exchanges.rounding import is_multiple
from exchanges.simulated.engine_types import MarketSpec, OrderType, PlaceOrder, RefusalReason, Refused
from exchanges.values import MarketRules, Side


def refuse(reason: RefusalReason, text: str) -> Refused:
    """Return a refusal."""
    return Refused(reason=reason, text=text)


def check_price(rules: MarketRules, side: Side, price: Decimal, mark: Decimal | None) -> Refused | None:
    """Check a limit price: positive, within the legal range, on the tick, inside the band around mark."""
    if price <= 0:
        return refuse(RefusalReason.PRICE_NOT_POSITIVE, f"price {price} must be above 0")
    if price < rules.min_price:
        return refuse(RefusalReason.PRICE_TOO_LOW, f"price {price} is below {rules.min_price}")
    if price > rules.max_price:
        return refuse(RefusalReason.PRICE_TOO_HIGH, f"price {price} is above {rules.max_price}")
    if not is_multiple(price, rules.tick):
        return refuse(RefusalReason.PRICE_TICK, f"price {price} is not a multiple of {rules.tick}")
    if mark is None:
        return None
    if side is Side.BUY and rules.band_up is not None and price > mark * rules.band_up:
        return refuse(RefusalReason.PRICE_ABOVE_BAND, f"price {price} is above {mark * rules.band_up}")
    if side is Side.SELL and rules.band_down is not None and price < mark * rules.band_down:
        return refuse(RefusalReason.PRICE_BELOW_BAND, f"price {price} is below {mark * rules.band_down}")
    return None


def check_quantity(
    rules: MarketRules, order_type: OrderType, quantity: Decimal, *, waives_minima: bool = False
) -> Refused | None:
    """Check a quantity: positive, within the market's range (market orders have their own cap), on the step."""
    largest = rules.market_max_quantity if order_type is OrderType.MARKET else rules.max_quantity
    if quantity <= 0:
        return refuse(RefusalReason.QUANTITY_NOT_POSITIVE, f"quantity {quantity} must be above 0")
    if quantity < rules.min_quantity and not waives_minima:
        return refuse(RefusalReason.QUANTITY_TOO_SMALL, f"quantity {quantity} is below {rules.min_quantity}")
    if quantity > largest:
        return refuse(RefusalReason.QUANTITY_TOO_LARGE, f"quantity {quantity} is above {largest}")
    if not is_multiple(quantity, rules.step):
        return refuse(RefusalReason.QUANTITY_STEP, f"quantity {quantity} is not a multiple of {rules.step}")
    return None


def check_notional(rules: MarketRules, price: Decimal, quantity: Decimal, *, reduce_only: bool) -> Refused | None:
    """Check the minimum notional, from which reduce-only orders are exempt where the market says so."""
    if reduce_only and rules.reduce_only_exempt:
        return None
    if price * quantity < rules.min_notional:
        return refuse(RefusalReason.MIN_NOTIONAL, f"notional {price * quantity} is below {rules.min_notional}")
    return None


def check_order(spec: MarketSpec, command: PlaceOrder, mark: Decimal | None) -> Refused | None:
    """Check one new order against its market's rules. A market order needs a price to compare with: the mark."""
    rules = spec.rules
    if not rules.is_trading and not command.reduce_only:
        return refuse(RefusalReason.MARKET_CLOSED, f"{rules.symbol} takes no opening orders")
    refused = check_quantity(rules, command.order_type, command.quantity, waives_minima=command.waives_minima)
    if refused is not None:
        return refused
    if command.order_type is OrderType.MARKET:
        if mark is None:
            return refuse(RefusalReason.NO_QUOTE, f"{rules.symbol} has no price yet")
        if command.waives_minima:
            return None
        return check_notional(rules, mark, command.quantity, reduce_only=command.reduce_only)
    if command.price is None:
        return refuse(RefusalReason.PRICE_MISSING, "a limit order needs a price")
    refused = check_price(rules, command.side, command.price, mark)
    if refused is not None or command.waives_minima:
        return refused
    return check_notional(rules, command.price, command.quantity, reduce_only=command.reduce_only)
