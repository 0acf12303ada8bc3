"""May an entry be placed now? One named reason, or none.

Exits never pass through here. The order of the checks is the order of what a person would want to know first.
"""

from decimal import Decimal

from actors.grid.pricing import HUNDRED, target_price
from actors.grid.risk import DeskExposure, excess
from actors.grid.settings import MismatchAction
from actors.grid.state import SECOND_NS, Feed, GridContext, GridState, Mode
from exchanges.values import Side

LADDER_REASON = "cooldown"


def standing_reason(context: GridContext, state: GridState, now_ns: int) -> str:
    """Return why no entry is possible at any price, empty if one is."""
    if state.latch is not None:
        return f"halted: {state.latch.kind}"
    if state.mode is Mode.PAUSED:
        return f"paused: {state.pause_reason}"
    if not state.is_connected:
        return "not connected"
    if state.feed is Feed.LOST:
        return "stream lost"
    if not context.rules.is_trading:
        return "market closed"
    return lots_reason(state) or price_reason(context, state, now_ns)


def lots_reason(state: GridState) -> str:
    """Return why our own orders and lots forbid an entry, empty if they do not."""
    if state.strays:
        return "another entry is not proven ended"
    if state.flattening is not None:
        return "flattening"
    if not state.lots.is_known:
        return "lots not told yet"
    if state.lots.mismatch:
        return "position mismatch"
    if state.lots.unprotected_quantity > 0:
        return "a lot has no exit yet"
    return "" if state.ids.ranges else "no reserved ids"


def price_reason(context: GridContext, state: GridState, now_ns: int) -> str:
    """Return why the price forbids an entry, empty if it does not."""
    quote = state.quote
    if quote is None:
        return "no price"
    if not quote.is_fresh(now_ns, context.settings.stale_after_ms):
        return "price stale"
    if state.price_paused:
        return "pause price"
    return ""


def timing_reason(context: GridContext, state: GridState, now_ns: int) -> str:
    """Return why an entry has to wait, empty if it has not."""
    if state.lots.open_lots >= context.settings.entry.max_orders:
        return "max orders"
    if now_ns < state.backoff.until_ns:
        return state.backoff.reason
    open_ns = ladder_open_ns(context, state)
    return LADDER_REASON if open_ns is not None and now_ns < open_ns else ""


def candidate_reason(
    context: GridContext, state: GridState, desk: DeskExposure, price: Decimal, quantity: Decimal
) -> str:
    """Return why this entry at this price is not allowed, empty if it is."""
    if not is_step_wide(context, state.lots.exit_prices, price):
        return "grid step"
    return excess(context, state, desk, price * quantity)


def blocks_live_entry(context: GridContext, state: GridState) -> str:
    """Return why a resting entry must be canceled, empty if it may stay."""
    if state.mode is Mode.HALTED:
        return "stop"
    if state.is_draining:
        return "stopping"
    if state.price_paused and context.settings.risk.pause_cancels_entry:
        return "pause price"
    if state.lots.mismatch and context.settings.proof.on_mismatch is not MismatchAction.BLOCK_ENTRIES:
        return "position mismatch"
    return ""


def ladder_delay_s(wait_time_s: Decimal, open_lots: int, max_orders: int) -> Decimal:
    """Return the wait before the next entry with `open_lots` of `max_orders` in use: w/4, w/2, w, 2w."""
    if open_lots * 3 >= max_orders * 2:
        return wait_time_s * 2
    if open_lots * 3 >= max_orders:
        return wait_time_s
    if open_lots * 6 >= max_orders:
        return wait_time_s / 2
    return wait_time_s / 4


def ladder_open_ns(context: GridContext, state: GridState) -> int | None:
    """Return when the ladder lets the next entry pass, None if it does not hold one back."""
    ladder = state.ladder
    if ladder.since_ns is None or ladder.is_waived:
        return None
    entry = context.settings.entry
    delay_s = ladder_delay_s(entry.wait_time_s, state.lots.open_lots, entry.max_orders)
    return ladder.since_ns + int(delay_s * SECOND_NS)


def is_step_wide(context: GridContext, exit_prices: tuple[Decimal, ...], price: Decimal) -> bool:
    """Return whether an entry at `price` would have its exit far enough from the nearest live one."""
    step_pct = context.settings.entry.grid_step_pct
    if not exit_prices or step_pct == 0:
        return True
    candidate, factor = target_price(context, price), 1 + step_pct / HUNDRED
    if context.entry_side is Side.BUY:
        return min(exit_prices) > candidate * factor
    return candidate > max(exit_prices) * factor
