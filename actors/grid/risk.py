"""Limits that hold across grids: margin, position, daily loss.

The one actor that places entries hands each grid what the others use, so exposure is reserved in one place and needs no
lock (DESIGN.md section 10). An order that is in flight or unknown counts as if it were filled.
"""

from dataclasses import dataclass
from decimal import Decimal

from actors.grid.state import GridContext, GridState
from exchanges.values import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskExposure:
    """The bot's limits and what its other grids use of them now. None means no limit.

    `blocked_reason` is a reason of the whole bot why no grid may enter (drawdown, order count, ...), empty if none.
    """

    max_margin_usd: Decimal | None = None
    max_position_usd: Decimal | None = None
    daily_loss_limit_usd: Decimal | None = None
    other_margin_usd: Decimal = ZERO
    other_position_usd: Decimal = ZERO
    other_realized_today_usd: Decimal = ZERO
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What one grid uses: held, on its way to the closer, and still fillable. Notionals are positive."""

    held_quantity: Decimal
    pending_quantity: Decimal
    position_usd: Decimal
    pending_usd: Decimal
    """The share of `position_usd` that is only pending."""
    margin_usd: Decimal
    realized_today_usd: Decimal


def exposure(context: GridContext, state: GridState) -> Exposure:
    """Return what a grid uses of the limits. Without a price the lots count at cost."""
    transit = max(ZERO, state.sent - state.lots.entries_received)
    held = abs(state.lots.position) + transit
    orders = [entry for entry in (state.pending, *state.strays) if entry is not None]
    pending = sum((entry.leaves for entry in orders), ZERO)
    pending_usd = sum((entry.leaves * entry.price for entry in orders), ZERO)
    if state.quote is not None:
        held_usd = held * state.quote.mid
    else:
        held_usd = sum((entry.price * transit for entry in orders), state.lots.cost)
    position_usd = held_usd + pending_usd
    return Exposure(
        held_quantity=held,
        pending_quantity=pending,
        position_usd=position_usd,
        pending_usd=pending_usd,
        margin_usd=position_usd / context.applied_leverage,
        realized_today_usd=realized_today(state),
    )


def realized_today(state: GridState) -> Decimal:
    """Return this grid's profit after fees and funding since the UTC day began."""
    return state.lots.realized_pnl - state.day.realized_at_start + state.day.funding


def excess(context: GridContext, state: GridState, desk: DeskExposure, notional: Decimal) -> str:
    """Return which limit an entry of `notional` would exceed, empty if none."""
    used = exposure(context, state)
    margin = used.margin_usd + notional / context.applied_leverage
    own_limit = context.settings.risk.grid_max_margin_usd
    if own_limit is not None and margin > own_limit:
        return "grid_max_margin_usd"
    if desk.max_margin_usd is not None and margin + desk.other_margin_usd > desk.max_margin_usd:
        return "max_margin_usd"
    position = used.position_usd + notional + desk.other_position_usd
    if desk.max_position_usd is not None and position > desk.max_position_usd:
        return "max_position_usd"
    return desk.blocked_reason
