"""The limits over all grids of a bot: what the others use, the pace of orders, the fall of equity. Pure but for a
meter.

Owned by the strategy, the one actor that places entries. Limits gate entries only; no exit asks here.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from actors.grid.restore import RestoredGrid
from actors.grid.risk import DeskExposure, Exposure, exposure
from actors.grid.settings import Direction, GridSettings
from actors.grid.state import GridContext, GridState
from actors.messages import LatchKind, StopEntries
from actors.settings import DeskRiskSettings
from exchanges.clock import Clock
from exchanges.rounding import plain
from exchanges.values import ZERO

_MINUTE_NS: Final = 60 * 1_000_000_000


class OrderMeter:
    """Counts orders of the last minute. `count` from any thread, the rest from any one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: deque[int] = deque()

    def count(self) -> None:
        """An order has been handed to a lane."""
        self._sent.append(self._clock.monotonic_ns())

    def forget(self) -> None:
        """Count from zero. The reader's thread."""
        self._sent.clear()

    def last_minute(self, now_ns: int) -> int:
        """Return how many orders were counted in the minute before `now_ns`. One reader only."""
        sent = self._sent
        while sent and now_ns - sent[0] > _MINUTE_NS:
            sent.popleft()
        return len(sent)


def _nothing_held() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class _Use:
    used: Exposure
    asset: str
    sign: int
    equity_change: Decimal
    is_restored: bool = False

    @property
    def held_usd(self) -> Decimal:
        """What is held, signed."""
        return self.sign * (self.used.position_usd - self.used.pending_usd)

    def is_of(self, asset: str) -> bool:
        """Whether this is a position in `asset`; a symbol, known before its market was read, begins with it."""
        return self.asset.startswith(asset) if self.is_restored else self.asset == asset


class DeskWatch:
    """What every grid uses of the bot's limits. Strategy's thread only.

    Args:
        settings: The limits.
        meter: Counts the orders.
        held_back: Returns why the send gate lets no entry pass, empty if it does: then none is tried.
    """

    def __init__(
        self, settings: DeskRiskSettings, meter: OrderMeter, held_back: Callable[[], str] = _nothing_held
    ) -> None:
        self._settings = settings
        self._meter = meter
        self._held_back = held_back
        self._uses: dict[str, _Use] = {}
        self._peak: Decimal | None = None
        self._told: set[LatchKind] = set()

    def restore(self, grid: GridSettings, restored: RestoredGrid) -> None:
        """Count what a grid held and may still fill, until its own state tells: its venue may be out of reach."""
        lots = [(lot.entry_filled - lot.exit_filled, lot.entry_notional / lot.entry_filled)
                for lot in restored.lots if lot.entry_filled > 0]  # fmt: skip
        entries = [order for order in restored.orders if not order.reduce_only]
        held = max(ZERO, sum((quantity for quantity, _ in lots), ZERO))
        pending = sum((order.quantity - order.filled for order in entries), ZERO)
        pending_usd = sum(((order.quantity - order.filled) * order.price for order in entries), ZERO)
        position_usd = max(ZERO, sum((quantity * price for quantity, price in lots), ZERO)) + pending_usd
        self._uses[grid.name] = _Use(
            used=Exposure(
                held_quantity=held,
                pending_quantity=pending,
                position_usd=position_usd,
                pending_usd=pending_usd,
                margin_usd=position_usd / grid.entry.target_leverage,
                realized_today_usd=restored.realized_pnl_today + restored.funding_today,
            ),
            asset=grid.symbol,
            sign=1 if grid.entry.direction is Direction.BUY else -1,
            equity_change=restored.realized_pnl,
            is_restored=True,
        )

    def exposure_for(self, context: GridContext, now_ns: int) -> DeskExposure:
        """Return the bot's limits and what its other grids use of them."""
        settings = self._settings
        others = [use for grid, use in self._uses.items() if grid != context.name]
        return DeskExposure(
            max_margin_usd=settings.max_margin_usd,
            max_position_usd=settings.max_position_usd,
            daily_loss_limit_usd=settings.daily_loss_limit_usd,
            other_margin_usd=sum((use.used.margin_usd for use in others), ZERO),
            other_position_usd=sum((use.used.position_usd for use in others), ZERO),
            other_realized_today_usd=sum((use.used.realized_today_usd for use in others), ZERO),
            blocked_reason=self._blocked_reason(context, now_ns),
        )

    def note_state(self, context: GridContext, state: GridState, now_ns: int) -> StopEntries | None:
        """Remember a grid's newest state; return the stop that a limit of the bot calls for, once per kind."""
        used = exposure(context, state)
        mid = state.quote.mid if state.quote is not None else None
        position = state.lots.position
        unrealized = ZERO if mid is None else position * mid - context.sign * state.lots.cost
        self._uses[context.name] = _Use(
            used=used,
            asset=context.rules.base_asset or context.symbol,
            sign=context.sign,
            equity_change=state.lots.realized_pnl + unrealized,
        )
        for kind, text in ((LatchKind.DRAWDOWN, self._drawdown()), (LatchKind.ORDER_PACE, self._pace(now_ns))):
            if text and kind not in self._told:
                self._told.add(kind)
                return StopEntries(kind=kind, text=text)
        return None

    def forgive(self) -> None:
        """Measure the fall of equity and the pace of orders afresh: an operator has resumed."""
        self._peak = None
        self._told.clear()
        self._meter.forget()

    def _blocked_reason(self, context: GridContext, now_ns: int) -> str:
        held_back = self._held_back()
        if held_back:
            return f"held back: {held_back}"
        if self._is_one_sided(context):
            return "max_net_exposure_usd"
        if self._drawdown():
            return "max_drawdown_usd"
        return "max_orders_per_min" if self._pace(now_ns) else ""

    def _is_one_sided(self, context: GridContext) -> bool:
        """Whether another entry could exceed the net exposure: pending ones of its side count, those of the other side
        may never fill.
        """
        limit = self._settings.max_net_exposure_usd
        if limit is None:
            return False
        asset, sign = context.rules.base_asset or context.symbol, context.sign
        uses = [use for use in self._uses.values() if use.is_of(asset)]
        held = sign * sum((use.held_usd for use in uses), ZERO)
        pending = sum((use.used.pending_usd for use in uses if use.sign == sign), ZERO)
        after = held + pending + context.settings.entry.order_notional_usd
        return after > max(limit, abs(held))  # an entry that brings the two sides closer is no risk

    def _drawdown(self) -> str:
        limit = self._settings.max_drawdown_usd
        if limit is None or not self._uses:
            return ""
        change = sum((use.equity_change for use in self._uses.values()), ZERO)
        self._peak = change if self._peak is None else max(self._peak, change)
        fall = self._peak - change
        return f"equity fell by {plain(fall)} from its highest, limit {plain(limit)}" if fall >= limit else ""

    def _pace(self, now_ns: int) -> str:
        count, limit = self._meter.last_minute(now_ns), self._settings.max_orders_per_min
        return f"{count} orders within a minute, limit {limit}" if count > limit else ""
