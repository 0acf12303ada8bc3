"""One market's book as the simulated venue sees it: the displayed touch, and the orders of our own accounts.

The displayed market (from a price source) does not know our orders, so what we take from it is remembered: what was
taken at a touch stays taken while the touch keeps its price. Behind the touch a taking order finds `depth_levels`
further levels, `depth_ticks` apart, each of the touch's size.

Queue position: an order that joins the best price has `queue_ahead_pct` of the displayed size ahead of it; one that
improves the price has nothing ahead; one that waits deeper does not know (`ahead` is None) until the market comes to
its price. The part ahead never exceeds what is displayed at that price.
"""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from exchanges.simulated.engine_types import (
    EndReason,
    EngineSettings,
    MarketSpec,
    OrderType,
    OrderView,
    QuoteTick,
    SelfTrade,
    TimeInForce,
)
from exchanges.simulated.settings import FillModel
from exchanges.values import ZERO, OrderStatus, Side

HUNDRED = Decimal(100)


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """The venue's own, changing record of an order. Outside the engine only its frozen `view` is seen."""

    account: str
    symbol: str
    order_id: int
    client_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    quantity: Decimal
    reduce_only: bool
    self_trade: SelfTrade
    created_ns: int
    updated_ns: int
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    status: OrderStatus = OrderStatus.OPEN
    end_reason: EndReason | None = None
    is_liquidation: bool = False
    ahead: Decimal | None = None
    priority: int = 0

    @property
    def remaining(self) -> Decimal:
        """What is not filled."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status is OrderStatus.OPEN or self.status is OrderStatus.PARTIALLY_FILLED

    def fill(self, price: Decimal, quantity: Decimal, now_ns: int) -> None:
        """Book one execution."""
        self.filled += quantity
        self.cost += price * quantity
        self.updated_ns = now_ns
        self.status = OrderStatus.FILLED if self.filled >= self.quantity else OrderStatus.PARTIALLY_FILLED

    def view(self) -> OrderView:
        """The order as it stands now."""
        return OrderView(
            account=self.account,
            symbol=self.symbol,
            order_id=self.order_id,
            client_id=self.client_id,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            price=self.price,
            quantity=self.quantity,
            filled=self.filled,
            average_price=self.cost / self.filled if self.filled else ZERO,
            status=self.status,
            reduce_only=self.reduce_only,
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
            end_reason=self.end_reason,
            is_liquidation=self.is_liquidation,
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """What a taking order meets next: displayed size, or a resting order of one of our accounts."""

    price: Decimal
    quantity: Decimal
    resting: Order | None = None


def _buy_priority(order: Order) -> tuple[Decimal, int]:
    return -order.price, order.priority


def _sell_priority(order: Order) -> tuple[Decimal, int]:
    return order.price, order.priority


class Book:
    """One market. Decides who is next and how much is there; who gets what is booked by the engine."""

    def __init__(self, spec: MarketSpec, settings: EngineSettings) -> None:
        self.spec = spec
        self.quote: QuoteTick | None = None
        self.buys: list[Order] = []
        self.sells: list[Order] = []
        self.bid_taken = ZERO
        self.ask_taken = ZERO
        self._settings = settings
        self._joined = 0

    # --- our orders ---

    def add(self, order: Order) -> None:
        """Let an order rest, behind older ones at its price, and give it its place in the displayed queue."""
        order.ahead = self._joining(order)
        order.priority = self._joined + 1
        self.insert(order)

    def insert(self, order: Order) -> None:
        """Put an order back at its price with the place it has (restored from disk)."""
        self._joined = max(self._joined, order.priority)
        if order.side is Side.BUY:
            insort(self.buys, order, key=_buy_priority)
        else:
            insort(self.sells, order, key=_sell_priority)

    def remove(self, order: Order) -> None:
        """Take an order out. Does nothing if it does not rest."""
        resting = self.buys if order.side is Side.BUY else self.sells
        if order in resting:
            resting.remove(order)

    def resting(self) -> list[Order]:
        """All resting orders, oldest first."""
        return sorted((*self.buys, *self.sells), key=lambda order: order.order_id)

    # --- the displayed market ---

    def show(self, quote: QuoteTick) -> None:
        """Take a new touch: what was taken at a price is forgotten when that price changes; queues shrink."""
        before = self.quote
        if before is None or before.bid != quote.bid:
            self.bid_taken = ZERO
        if before is None or before.ask != quote.ask:
            self.ask_taken = ZERO
        self.quote = quote
        for order in self.buys:
            if order.price < quote.bid:
                break
            self._shrink_queue(order, at_touch=order.price == quote.bid, shown=quote.bid_qty)
        for order in self.sells:
            if order.price > quote.ask:
                break
            self._shrink_queue(order, at_touch=order.price == quote.ask, shown=quote.ask_qty)

    def mark_price(self) -> Decimal | None:
        """Middle of the touch."""
        return None if self.quote is None else (self.quote.bid + self.quote.ask) / 2

    def _joining(self, order: Order) -> Decimal | None:
        if self.quote is None:
            return None
        best = self.quote.bid if order.side is Side.BUY else self.quote.ask
        if order.price == best:
            shown = self.quote.bid_qty if order.side is Side.BUY else self.quote.ask_qty
            return shown * self._settings.queue_ahead_pct / HUNDRED
        improves = order.price > best if order.side is Side.BUY else order.price < best
        return ZERO if improves else None

    def _shrink_queue(self, order: Order, *, at_touch: bool, shown: Decimal) -> None:
        if not at_touch:
            order.ahead = ZERO  # the market retreated: nothing displayed is left at our price
        elif order.ahead is None:
            order.ahead = shown * self._settings.queue_ahead_pct / HUNDRED
        elif order.ahead > shown:
            order.ahead = shown

    # --- resting orders that fill ---

    def met_by_quote(self, side: Side) -> list[tuple[Order, bool]]:
        """Resting orders whose price the far side of the touch has reached, best first, and whether it went through.

        Through: the market is beyond our price, so everything at our price is gone. Met: the far side stands exactly
        at our price, and only what it shows is there. The fill model `cross` counts only through.
        """
        quote = self.quote
        if quote is None:
            return []
        strict = self._settings.fill_model is FillModel.CROSS
        met: list[tuple[Order, bool]] = []
        if side is Side.BUY:
            for order in self.buys:
                if order.price < quote.ask or (strict and order.price == quote.ask):
                    break
                met.append((order, order.price > quote.ask))
        else:
            for order in self.sells:
                if order.price > quote.bid or (strict and order.price == quote.bid):
                    break
                met.append((order, order.price < quote.bid))
        return met

    def left_at_touch(self, side: Side) -> Decimal:
        """Displayed size on that side of the touch that was not taken yet."""
        if self.quote is None:
            return ZERO
        left = self.quote.bid_qty - self.bid_taken if side is Side.BUY else self.quote.ask_qty - self.ask_taken
        return max(left, ZERO)

    def take(self, side: Side, quantity: Decimal) -> None:
        """Remember that displayed size on that side is gone."""
        if side is Side.BUY:
            self.bid_taken += quantity
        else:
            self.ask_taken += quantity

    def hit_by_trade(
        self, price: Decimal, quantity: Decimal, *, buyer_is_maker: bool
    ) -> Iterator[tuple[Order, Decimal]]:
        """Resting orders a trade between others would have filled, best price and oldest first, with the size for each.

        The generator reads after each yield how much was really filled, and hands the rest of the trade on.
        """
        side = Side.BUY if buyer_is_maker else Side.SELL
        through = [order for order in (*self.buys, *self.sells) if _is_through(order, price)]
        at_price = [order for order in (self.buys if side is Side.BUY else self.sells) if order.price == price]
        left = quantity
        for order in through:
            if left <= 0:
                return
            before = order.filled
            yield order, min(left, order.remaining)
            left -= order.filled - before
        if self._settings.fill_model is FillModel.CROSS:
            return
        yield from self._hit_at_price(at_price, left)

    def _hit_at_price(self, orders: list[Order], left: Decimal) -> Iterator[tuple[Order, Decimal]]:
        uses_queue = self._settings.fill_model is FillModel.QUEUE
        others = ZERO
        for order in orders:
            if uses_queue:
                if order.ahead is None:
                    continue
                passed = min(max(order.ahead - others, ZERO), left)
                others += passed
                left -= passed
                order.ahead = max(order.ahead - others, ZERO)
            if left > 0:
                before = order.filled
                yield order, min(left, order.remaining)
                left -= order.filled - before

    # --- orders that take ---

    def would_take(self, side: Side, price: Decimal) -> bool:
        """Whether an order at this price would meet the touch or a resting order of any of our accounts."""
        if side is Side.BUY:
            if self.sells and self.sells[0].price <= price:
                return True
            return self.quote is not None and self.quote.ask <= price
        if self.buys and self.buys[0].price >= price:
            return True
        return self.quote is not None and self.quote.bid >= price

    def next_offer(self, side: Side, limit: Decimal | None) -> Offer | None:
        """What a taking order of `side` meets next within its limit; at equal price the displayed size comes first."""
        shown = self._next_shown(side)
        resting = self.sells if side is Side.BUY else self.buys
        offer = shown
        if resting:
            first = resting[0]
            if shown is None or (first.price < shown.price if side is Side.BUY else first.price > shown.price):
                offer = Offer(first.price, first.remaining, first)
        if offer is None or limit is None:
            return offer
        reachable = offer.price <= limit if side is Side.BUY else offer.price >= limit
        return offer if reachable else None

    def reachable(self, order: Order) -> Decimal:
        """How much a fill-or-kill order could take within its limit, from others than its own account."""
        limit = order.price if order.order_type is OrderType.LIMIT else None
        total = ZERO
        for price, quantity in self._levels(order.side):
            if limit is not None and (price > limit if order.side is Side.BUY else price < limit):
                break
            total += quantity
        for resting in self.sells if order.side is Side.BUY else self.buys:
            if resting.account == order.account:
                continue
            if limit is None or (resting.price <= limit if order.side is Side.BUY else resting.price >= limit):
                total += resting.remaining
        return total

    def _next_shown(self, side: Side) -> Offer | None:
        for price, quantity in self._levels(side):
            return Offer(price, quantity)
        return None

    def _levels(self, side: Side) -> Iterator[tuple[Decimal, Decimal]]:
        """Displayed levels a taker of `side` finds, best first, without what was taken."""
        if self.quote is None:
            return
        buying = side is Side.BUY
        touch, size = (self.quote.ask, self.quote.ask_qty) if buying else (self.quote.bid, self.quote.bid_qty)
        taken = self.ask_taken if buying else self.bid_taken
        if size <= 0:
            return
        step = self.spec.rules.tick * self._settings.depth_ticks * (1 if buying else -1)
        first = int(taken // size)
        for level in range(first, self._settings.depth_levels + 1):
            price = touch + step * level
            if price <= 0:
                return
            yield price, size - taken % size if level == first else size


def _is_through(order: Order, price: Decimal) -> bool:
    return order.price > price if order.side is Side.BUY else order.price < price
