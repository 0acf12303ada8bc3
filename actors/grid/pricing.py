"""Prices and sizes by direction. The formulas are those of ORIGIN.md A.2; rounding is never worse than asked.

The take-profit distance is fixed by the settings and the applied leverage, never re-read from an account snapshot: the
same lot always has the same target (ORIGIN.md defect 28).
"""

from decimal import Decimal

from actors.grid.settings import TakeProfitBasis
from actors.grid.state import GridContext, Quote
from exchanges.rounding import ceil_to, floor_to, round_price
from exchanges.values import ZERO, Side

HUNDRED = Decimal(100)
BPS = Decimal(10_000)
MAX_OFFSET_TICKS = 20


def move_fraction(pct: Decimal, basis: TakeProfitBasis, leverage: int) -> Decimal:
    """Return the price move of a percentage: itself, or divided by the leverage where it is of the margin."""
    fraction = pct / HUNDRED
    return fraction / leverage if basis is TakeProfitBasis.MARGIN else fraction


def take_profit_fraction(context: GridContext) -> Decimal:
    """Return the distance of an exit from its entry, as a fraction of the entry price."""
    entry = context.settings.entry
    return move_fraction(entry.take_profit_pct, entry.take_profit_basis, context.applied_leverage)


def target_price(context: GridContext, entry_price: Decimal) -> Decimal:
    """Return the exit price of an entry price, on the tick."""
    factor = 1 + context.sign * take_profit_fraction(context)
    return round_price(max(ZERO, entry_price * factor), context.rules.tick, context.exit_side)


def entry_of_target(context: GridContext, exit_price: Decimal) -> Decimal:
    """Return the entry price an exit was made for, as far as the exit's price tells (adopted exits of unknown lots)."""
    return exit_price / (1 + context.sign * take_profit_fraction(context))


def entry_price(context: GridContext, quote: Quote, refusals: int) -> Decimal:
    """Return the entry's price: ticks away from the far touch, one more for each consecutive post-only refusal."""
    ticks = min(context.settings.entry.post_only_ticks + refusals, MAX_OFFSET_TICKS)
    offset = context.rules.tick * ticks
    far = quote.ask - offset if context.entry_side is Side.BUY else quote.bid + offset
    return round_price(far, context.rules.tick, context.entry_side)


def entry_quantity(context: GridContext, quote: Quote, price: Decimal) -> Decimal:
    """Return the entry's size, zero if none is legal.

    The wanted notional at mid, floored to the step; where flooring falls below the minimum notional, the smallest
    legal size instead (ORIGIN.md defect 35).
    """
    rules = context.rules
    wanted = max(context.settings.entry.order_notional_usd, rules.min_notional)
    quantity = floor_to(wanted / quote.mid, rules.step)
    if quantity * price < rules.min_notional:
        quantity = ceil_to(rules.min_notional / price, rules.step)
    quantity = min(quantity, floor_to(rules.max_quantity, rules.step))
    return quantity if quantity >= rules.min_quantity and quantity * price >= rules.min_notional else ZERO


def dearer(context: GridContext, prices: list[Decimal]) -> Decimal:
    """Return the price that is best for us among the targets of lots that share an exit."""
    return max(prices) if context.exit_side is Side.SELL else min(prices)


def resting_price(context: GridContext, target: Decimal, quote: Quote | None, refusals: int) -> Decimal:
    """Return an exit's price for attempt `refusals`: the target, or from the first refusal on as far behind the far
    touch as that many ticks, whichever is better for us.
    """
    if refusals == 0 or quote is None:
        return target
    offset = context.rules.tick * min(refusals, MAX_OFFSET_TICKS)
    if context.exit_side is Side.SELL:
        return max(target, round_price(quote.bid + offset, context.rules.tick, Side.SELL))
    return min(target, round_price(quote.ask - offset, context.rules.tick, Side.BUY))


def capped_price(context: GridContext, quote: Quote, slippage_bps: Decimal) -> Decimal:
    """Return the worst price of an immediate exit: the touch less the allowed slippage."""
    share = slippage_bps / BPS
    touch = quote.bid * (1 - share) if context.exit_side is Side.SELL else quote.ask * (1 + share)
    return round_price(touch, context.rules.tick, context.exit_side)
