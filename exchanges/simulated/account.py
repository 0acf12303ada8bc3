"""One account of the simulated venue: wallet, one-way positions, margin. Pure bookkeeping, no orders matched here.

Cross margin in one quote asset. A position is kept as signed quantity and signed cost, so that what a closed position
realized is exact: the last unit takes the whole remaining cost with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from exchanges.simulated.book import Order
from exchanges.simulated.engine_types import MarketSpec, SelfTrade
from exchanges.values import ZERO, Side


@dataclass(slots=True)
class Position:
    """Signed quantity (positive is long) and its signed cost; `leverage` as set for this market."""

    leverage: int
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    updated_ns: int = 0

    @property
    def entry_price(self) -> Decimal:
        """Average entry, 0 when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    def apply(self, side: Side, price: Decimal, quantity: Decimal, now_ns: int) -> Decimal:
        """Book an execution; return what it realized, before fees. A flip closes at `price` and opens the rest."""
        delta = quantity * side.sign
        self.updated_ns = now_ns
        if self.quantity * delta >= 0:
            self.quantity += delta
            self.cost += delta * price
            return ZERO
        closed = min(quantity, abs(self.quantity))
        opened = quantity - closed
        cost_part = self.cost if closed == abs(self.quantity) else self.cost * closed / abs(self.quantity)
        realized = -side.sign * closed * price - cost_part
        self.cost -= cost_part
        self.quantity += closed * side.sign
        self.realized += realized
        if opened:
            self.quantity = opened * side.sign
            self.cost = self.quantity * price
        return realized

    def unrealized(self, mark: Decimal | None) -> Decimal:
        """Profit if closed at mark; 0 without a mark."""
        return ZERO if mark is None else self.quantity * mark - self.cost

    def closable(self, side: Side) -> Decimal:
        """How much an order of that side can reduce."""
        return max(-self.quantity * side.sign, ZERO)


@dataclass(slots=True)
class Account:
    """Money and positions of one account."""

    name: str
    wallet: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    realized: Decimal = ZERO
    updated_ns: int = 0
    self_trade: SelfTrade | None = None
    positions: dict[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarginLine:
    """What one market ties up: initial margin of the position, the addition by open orders, and maintenance."""

    position: Decimal
    orders: Decimal
    maintenance: Decimal
    unrealized: Decimal


def margin_line(position: Position, spec: MarketSpec, mark: Decimal | None, orders: Iterable[Order]) -> MarginLine:
    """Return the margin of one market.

    The initial margin covers the worse of all buys filled and all sells filled; what that is above the position's own
    margin counts as order margin. Reduce-only orders need none. Without a mark the entry price stands in.
    """
    price = mark if mark is not None else position.entry_price
    held = position.quantity * price
    buys = sells = ZERO
    for order in orders:
        if order.reduce_only:
            continue
        if order.side is Side.BUY:
            buys += order.remaining * order.price
        else:
            sells += order.remaining * order.price
    worst = max(abs(held), abs(held + buys), abs(held - sells))
    own = abs(held) / position.leverage
    return MarginLine(
        position=own,
        orders=worst / position.leverage - own,
        maintenance=abs(held) * spec.maintenance_rate,
        unrealized=position.unrealized(mark),
    )


def liquidation_price(position: Position, spec: MarketSpec, spare: Decimal) -> Decimal:
    """Return the mark at which equity meets maintenance if only this market moves; 0 where that never happens.

    `spare` is wallet plus unrealized profit of the other markets minus their maintenance.
    """
    if not position.quantity:
        return ZERO
    # spare + quantity * p - cost = |quantity| * p * rate
    slope = position.quantity - abs(position.quantity) * spec.maintenance_rate
    price = (position.cost - spare) / slope
    return max(price, ZERO)
