"""Exact arithmetic on ticks and steps. Never `quantize`: a tick of 0.5 is not a number of decimals."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from exchanges.values import Side


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above `value`. `step` must be positive."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is not below `value`. `step` must be positive."""
    return (value / step).to_integral_value(ROUND_CEILING) * step


def round_price(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Return the nearest price on the tick that is never worse for the book than asked: buys down, sells up
    (SCENARIOS.md).
    """
    return floor_to(price, tick) if side is Side.BUY else ceil_to(price, tick)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Return whether `value` is an exact multiple of `step`."""
    return value % step == 0


def plain(value: Decimal) -> str:
    """Return the value as digits without exponent and without trailing zeros: what goes on a wire."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
