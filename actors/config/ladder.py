"""The ladder a grid would build if the price fell (or rose, for a grid that sells) without ever coming back.

The worst path: every entry fills, no exit does. Prices, sizes, gates and cooldowns are those of the core
(`actors.grid.pricing`, `actors.grid.gates`), so what is shown is what would be done. Pure; nothing is sent.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

from actors.grid.gates import is_step_wide, ladder_delay_s
from actors.grid.pricing import HUNDRED, entry_price, entry_quantity, move_fraction, take_profit_fraction, target_price
from actors.grid.settings import GridSettings
from actors.grid.state import GridContext, Quote
from exchanges.values import ZERO, FeeRates, MarketRules, Side
from exchanges.venue import Capabilities

ASSUMED_MAINTENANCE = Decimal("0.025")
"""Maintenance margin as a share of notional, for the liquidation estimate: `maintMarginPercent` 2.5 of
exchangeInfo (venues/aster.md section 7). Venues ask less of small positions, so the estimate errs on the early side.
"""
_SEARCH_TICKS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One lot of the ladder.

    Attributes:
        number: 1 for the next entry.
        far_touch: The price the market must show for this entry: the ask for a buy, the bid for a sell.
        cooldown_s: Wait since the lot before; 0 for the first.
        fees: Of entry and exit together, in quote units.
        net: Profit of the closed lot after fees.
        position: Held quantity once this lot is filled (positive for either direction).
        margin: Margin in use once this lot is filled, at its entry price.
    """

    number: int
    far_touch: Decimal
    entry: Decimal
    quantity: Decimal
    exit: Decimal
    cooldown_s: Decimal
    fees: Decimal
    net: Decimal
    position: Decimal
    margin: Decimal

    @property
    def notional(self) -> Decimal:
        """Value of the entry in quote units."""
        return self.entry * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the ladder besides `max_orders`; None where nothing does. `equity_usd` is for liquidation only."""

    max_margin_usd: Decimal | None = None
    max_position_usd: Decimal | None = None
    equity_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """All lots until the grid is full.

    Attributes:
        full_because: Name of the setting that ends the ladder.
        average_entry: Of all lots, weighted by quantity; 0 where there are none.
        stop_loss_price: Where the loss on the average entry reaches `stop_loss_pct`; None if off.
        stop_loss_at_lot: Number of the lot before which the stop loss would fire on this path; None if after all.
        liquidation_price: Estimate with every lot open; None where equity carries the position all the way.
    """

    rungs: tuple[Rung, ...]
    full_because: str
    average_entry: Decimal
    stop_loss_price: Decimal | None
    stop_loss_at_lot: int | None
    liquidation_price: Decimal | None


def context_of(grid: GridSettings, rules: MarketRules, fees: FeeRates, applied_leverage: int) -> GridContext:
    """Return the core's view of a grid for pricing. Capabilities are neutral: prices do not depend on them."""
    return GridContext(
        name=grid.name,
        exchange=grid.exchange,
        symbol=grid.symbol,
        settings=grid,
        rules=rules,
        fees=fees,
        bot_tag=0,
        applied_leverage=applied_leverage,
        capabilities=Capabilities(
            cancel_report_is_final=True,
            reply_is_acceptance=True,
            fills_have_trade_ids=True,
            reduce_only_exempt_from_minimum=rules.reduce_only_exempt,
            fence_s=0.0,
        ),
    )


def is_usable(bid: Decimal, ask: Decimal) -> bool:
    """Return whether a best bid and ask can be priced from: finite, positive, not crossed."""
    return bid.is_finite() and ask.is_finite() and ZERO < bid < ask


def build_ladder(context: GridContext, bid: Decimal, ask: Decimal, limits: Limits) -> Ladder:
    """Return the ladder from a best bid and ask for which `is_usable` holds."""
    entry = context.settings.entry
    rungs: list[Rung] = []
    quote: Quote | None = Quote(bid, ask, 0)
    full = "max_orders"
    while len(rungs) < entry.max_orders:
        quote = _next_quote(context, quote, rungs) if rungs and quote is not None else quote
        if quote is None:
            full = "the price is at its end"
            break
        rung = _rung(context, quote, rungs)
        if rung is None:
            full = "order_notional_usd" if not rungs else "the price is at its end"
            break
        over = _over_limit(context, rung, limits)
        if over:
            full = over
            break
        rungs.append(rung)
    return _finish(context, tuple(rungs), full, limits)


def _rung(context: GridContext, quote: Quote, rungs: list[Rung]) -> Rung | None:
    price = entry_price(context, quote, 0)
    quantity = entry_quantity(context, quote, price) if price > 0 else ZERO
    if quantity == 0:
        return None
    entry = context.settings.entry
    target = target_price(context, price)
    exit_rate = context.fees.taker if entry.boost_mode else context.fees.maker
    fees = quantity * (price * context.fees.maker + target * exit_rate)
    position = (rungs[-1].position if rungs else ZERO) + quantity
    return Rung(
        number=len(rungs) + 1,
        far_touch=quote.ask if context.entry_side is Side.BUY else quote.bid,
        entry=price,
        quantity=quantity,
        exit=target,
        cooldown_s=ladder_delay_s(entry.wait_time_s, len(rungs), entry.max_orders) if rungs else ZERO,
        fees=fees,
        net=context.sign * (target - price) * quantity - fees,
        position=position,
        margin=position * price / context.applied_leverage,
    )


def _next_quote(context: GridContext, quote: Quote, rungs: list[Rung]) -> Quote | None:
    """The nearest market after the last entry filled at which the next one passes the grid step."""
    spread = quote.ask - quote.bid
    tick = context.rules.tick
    exits = tuple(rung.exit for rung in rungs)
    offset = context.settings.entry.post_only_ticks * tick
    buys = context.entry_side is Side.BUY
    filled_at = rungs[-1].entry
    step = 1 + context.settings.entry.grid_step_pct / HUNDRED
    profit = 1 + context.sign * take_profit_fraction(context)
    if buys:
        bound = min(min(exits) / step / profit + offset, filled_at)
        far = (bound / tick).to_integral_value(ROUND_FLOOR) * tick + tick
    else:
        bound = max(max(exits) * step / profit - offset, filled_at)
        far = (bound / tick).to_integral_value(ROUND_CEILING) * tick - tick
    for _ in range(_SEARCH_TICKS):
        is_filled = far <= filled_at if buys else far >= filled_at
        candidate = Quote(far - spread, far, 0) if buys else Quote(far, far + spread, 0)
        price = entry_price(context, candidate, 0)
        if price <= 0 or candidate.bid <= 0:
            return None
        if is_filled and is_step_wide(context, exits, price):
            return candidate
        far -= context.sign * tick
    return None


def _over_limit(context: GridContext, rung: Rung, limits: Limits) -> str:
    """The limit this lot would exceed, as `actors.grid.risk.excess` names it, alone on the account."""
    own = context.settings.risk.grid_max_margin_usd
    if own is not None and rung.margin > own:
        return "grid_max_margin_usd"
    if limits.max_margin_usd is not None and rung.margin > limits.max_margin_usd:
        return "max_margin_usd"
    if limits.max_position_usd is not None and rung.position * rung.entry > limits.max_position_usd:
        return "max_position_usd"
    return ""


def _finish(context: GridContext, rungs: tuple[Rung, ...], full: str, limits: Limits) -> Ladder:
    held = rungs[-1].position if rungs else ZERO
    cost = sum((rung.notional for rung in rungs), ZERO)
    average = cost / held if held else ZERO
    return Ladder(
        rungs=rungs,
        full_because=full,
        average_entry=average,
        stop_loss_price=stop_loss_price(context, average) if held else None,
        stop_loss_at_lot=_stop_loss_at_lot(context, rungs),
        liquidation_price=liquidation_price(context, held, cost, limits.equity_usd) if held else None,
    )


def stop_loss_price(context: GridContext, average: Decimal) -> Decimal | None:
    """Return where a position with this average entry has lost `stop_loss_pct`, None if the stop loss is off."""
    risk = context.settings.risk
    if not risk.stop_loss:
        return None
    move = move_fraction(risk.stop_loss_pct, risk.stop_loss_basis, context.applied_leverage)
    return average * (1 - context.sign * move)


def _stop_loss_at_lot(context: GridContext, rungs: tuple[Rung, ...]) -> int | None:
    cost = ZERO
    for before, after in pairwise(rungs):
        cost += before.notional
        price = stop_loss_price(context, cost / before.position)
        if price is not None and (price - after.entry) * context.sign >= 0:
            return after.number
    return None


def liquidation_price(context: GridContext, held: Decimal, cost: Decimal, equity_usd: Decimal | None) -> Decimal | None:
    """Return where equity no longer carries the maintenance margin, None where that never happens.

    Without `equity_usd` the position's own initial margin is all there is, as with isolated margin.
    """
    equity = cost / context.applied_leverage if equity_usd is None else equity_usd
    slope = held * (1 - context.sign * ASSUMED_MAINTENANCE)
    price = (cost - context.sign * equity) / slope
    return price if price > 0 else None
