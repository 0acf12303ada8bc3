"""The account of one order: what is filled, out of trades and cumulatives that arrive in any order.

Two sources tell how much of an order is filled. Trades have ids and add up (`traded`). Cumulatives are totals and only
grow (`claimed`). The filled quantity is the larger of the two, never more than the order's size. Where a cumulative is
ahead of the trades, the difference is told at once as an assumed fill and remembered in a pool; a trade that arrives
later first takes from the pool (its price and fee become a correction) and only its rest is a new fill. So::

    applied = min(quantity, max(traded, released))       what was told, never falls
    pool    = applied - traded, but not below zero       told, but not yet explained by a trade with an id

`released` is the part of `claimed` that counts: all of it, or with a patience only what has waited long enough for its
trade. An order's status only moves forward, its end is told once, and a fill after the end still counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from exchanges.fill_events import (
    Acceptance,
    Assumed,
    Doubt,
    Ending,
    Fill,
    FillCorrection,
    LedgerEvent,
    OrderMemory,
    OrderState,
    Stamp,
)
from exchanges.reports import FillReport, OrderReport
from exchanges.values import (
    ZERO,
    CancelReason,
    ClientOrderId,
    OrderId,
    OrderStatus,
    RejectReason,
    Side,
    TradeId,
)

_PROGRESS = (OrderStatus.UNKNOWN, OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
"""The statuses of a live order, each later than the one before."""
_OPEN = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED})
_IN_BOOK = _OPEN | {OrderStatus.FILLED}


@dataclass(frozen=True, slots=True)
class _End:
    """A terminal report that waits to be told until the fills it implies are."""

    status: OrderStatus
    reason: CancelReason | None
    reject_reason: RejectReason | None
    filled: Decimal
    stamp: Stamp


class _Pool:
    """Quantities that were told without a trade; what was told first is explained first, as the journal does it."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces: tuple[Assumed, ...] = ()

    @property
    def quantity(self) -> Decimal:
        return sum((piece.quantity for piece in self.pieces), ZERO)

    def add(self, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        if quantity:
            self.pieces = (*self.pieces, Assumed(quantity, price, fee))

    def take(self, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """Remove a quantity that is in the pool; return its notional and fee."""
        notional = fee = ZERO
        while quantity:
            first, *others = self.pieces
            share = min(quantity, first.quantity)
            part = first.fee if share == first.quantity else first.fee * share / first.quantity
            left = first.quantity - share
            rest = (Assumed(left, first.price, first.fee - part),) if left else ()
            self.pieces = (*rest, *others)
            quantity -= share
            notional += share * first.price
            fee += part
        return notional, fee


class OrderAccount:
    """One order's account. Methods change it and append what has to be told to `events`.

    Not thread-safe: it belongs to the ledger's thread. Prices and quantities may be unknown at first; what was
    registered before the first report wins over what reports say.
    """

    def __init__(
        self,
        client_order_id: ClientOrderId,
        symbol: str,
        side: Side,
        next_sequence: Callable[[], int],
        *,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> None:
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.side = side
        self.price = price
        self.quantity = quantity
        self.order_ids: tuple[OrderId, ...] = ()
        self.applied = ZERO
        self.is_accepted = False
        self.ended_ns: int | None = None
        """Monotonic time the end was told at, None while the order is live."""
        self._next_sequence = next_sequence
        self._trades: dict[TradeId, tuple[Decimal, Decimal]] = {}
        self._cumulatives: set[Decimal] = set()
        self._traded = ZERO
        self._claimed = ZERO
        self._released = ZERO
        self._gap_since_ns: int | None = None
        self._average: tuple[Decimal, Decimal] | None = None
        self._notional = ZERO
        self._pool = _Pool()
        self._status = OrderStatus.UNKNOWN
        self._end: _End | None = None
        self._doubts: set[str] = set()

    @property
    def order_id(self) -> OrderId | None:
        """The venue's id, None while it is not known."""
        return self.order_ids[0] if self.order_ids else None

    @property
    def unexplained(self) -> Decimal:
        """The quantity that was told without a trade: its price and fee are assumed."""
        return self._pool.quantity

    @property
    def memory(self) -> "OrderMemory":
        """What has to be kept to recognise repeats after the account is forgotten."""
        return OrderMemory(
            symbol=self.symbol,
            side=self.side,
            price=self.price,
            quantity=self.quantity,
            order_ids=self.order_ids,
            filled=self.applied,
            trades=self._trades,
            assumed=self._pool.pieces,
            status=self._status,
        )

    @property
    def state(self) -> OrderState:
        """A frozen picture of the account."""
        return OrderState(
            client_order_id=self.client_order_id,
            order_id=self.order_id,
            symbol=self.symbol,
            side=self.side,
            price=self.price,
            quantity=self.quantity,
            status=self._status,
            filled=self.applied,
            notional=self._notional,
            is_accepted=self.is_accepted,
            has_ended=self.ended_ns is not None,
            trade_ids=frozenset(self._trades),
        )

    def learn(
        self,
        price: Decimal | None,
        quantity: Decimal | None,
        order_id: OrderId | None,
        events: list[LedgerEvent],
    ) -> None:
        """Fill in price, size and the venue's id from a report, where they were not known."""
        if order_id is not None and order_id not in self.order_ids:
            self.order_ids = (*self.order_ids, order_id)
            if len(self.order_ids) > 1:
                self.doubt(f"the venue has it under the ids {', '.join(self.order_ids)}", events)
        if self.price is None and price:
            self.price = price
        if self.quantity is None and quantity:
            self.quantity = quantity

    def preset(
        self,
        trades: dict[TradeId, tuple[Decimal, Decimal]],
        filled: Decimal,
        status: OrderStatus,
        ended_ns: int | None,
        assumed: tuple[Assumed, ...],
    ) -> None:
        """Start from what was told before (a restart, a forgotten order) without telling it again."""
        self._trades = dict(trades)
        for price, quantity in trades.values():
            self._traded += quantity
            self._notional += price * quantity
        self._pool.pieces = assumed
        self.applied = self._claimed = self._released = max(filled, self._traded + self._pool.quantity)
        self._pool.add(self.applied - self._traded - self._pool.quantity, self.price or ZERO, ZERO)
        for piece in self._pool.pieces:
            self._notional += piece.price * piece.quantity
        self._status = status
        self.is_accepted = status in _IN_BOOK or self.applied > 0 or ended_ns is not None
        self.ended_ns = ended_ns

    def close(self, now_ns: int) -> None:
        """Note that the order never came to be; keep counting whatever is reported all the same."""
        if self.ended_ns is None:
            self.ended_ns = now_ns
            self._status = OrderStatus.REJECTED

    def is_repeated_trade(self, report: FillReport) -> bool:
        """Whether this execution was counted before (by trade id, or by cumulative where it has none)."""
        if report.trade_id is not None:
            return report.trade_id in self._trades
        return report.cumulative in self._cumulatives

    def repeated_trade_differs(self, report: FillReport) -> bool:
        """Whether a trade that was counted comes back with another price or quantity: the venue uses an id twice."""
        return report.trade_id is not None and self._trades[report.trade_id] != (report.price, report.quantity)

    def is_stale(self, report: OrderReport) -> bool:
        """Whether the report tells of a past that is over: a lower cumulative or an earlier status."""
        if report.filled < max(self._claimed, self.applied):
            return True
        if report.status not in _OPEN:
            return False
        return self._status.is_terminal or _PROGRESS.index(report.status) < _PROGRESS.index(self._status)

    def repeats_end(self, report: OrderReport) -> bool:
        """Whether the report only says again that the order ended."""
        return report.status.is_terminal and self._status.is_terminal and report.filled == self.applied

    def trade(self, report: FillReport, stamp: Stamp, events: list[LedgerEvent]) -> None:
        """Count an execution with a trade id that was not counted before."""
        assert report.trade_id is not None  # noqa: S101 - the ledger sends id-less executions to `slice`
        self._trades[report.trade_id] = (report.price, report.quantity)
        self._traded += report.quantity
        delta = self._capped(self._traded) - self.applied
        self._tell_execution(report, delta, stamp, events)

    def slice(self, report: FillReport, stamp: Stamp, events: list[LedgerEvent]) -> None:
        """Count an execution that has no trade id but says the order's total after it."""
        assert report.cumulative is not None  # noqa: S101 - the ledger turns away executions with neither
        self._cumulatives.add(report.cumulative)
        self.claim(report.cumulative - report.quantity)
        self.settle(stamp, events)
        delta = min(report.quantity, self._capped(report.cumulative) - self.applied)
        self.claim(report.cumulative)
        self._tell_execution(report, max(ZERO, delta), stamp, events)

    def claim(self, cumulative: Decimal, average: Decimal | None = None, *, waits_from_ns: int | None = None) -> None:
        """Note a total. With `waits_from_ns` it counts only after `release`, giving its trades time to arrive."""
        self._claimed = max(self._claimed, cumulative)
        if average and cumulative == self._claimed:
            self._average = (cumulative, average)
        if waits_from_ns is None:
            self._released = max(self._released, cumulative)
        elif self._gap_since_ns is None and self._claimed > max(self._traded, self._released):
            self._gap_since_ns = waits_from_ns

    def release(self, before_ns: int, stamp: Stamp, events: list[LedgerEvent]) -> None:
        """Let a total count that has waited since `before_ns` or longer for trades that did not arrive."""
        if self._gap_since_ns is None or self._gap_since_ns > before_ns:
            return
        self._gap_since_ns = None
        self._released = self._claimed
        self.settle(stamp, events)

    def status(self, report: OrderReport, stamp: Stamp, events: list[LedgerEvent]) -> None:
        """Move the status forward, never back."""
        if report.status in _IN_BOOK and not self._status.is_terminal:
            self._accept(stamp, events)
        if report.status in _OPEN and self._status is OrderStatus.REJECTED:
            self.doubt("it is reported open although it never came to be", events)
        if report.status.is_terminal:
            if not self._status.is_terminal:
                self._status = report.status
                self._end = _End(report.status, report.reason, report.reject_reason, report.filled, stamp)
        elif not self._status.is_terminal:
            self._status = max(self._status, report.status, key=_PROGRESS.index)

    def settle(self, stamp: Stamp, events: list[LedgerEvent]) -> None:
        """Tell what the totals imply beyond the trades, and the end once every fill it implies was told."""
        if self._gap_since_ns is not None and self._traded >= self._claimed:
            self._gap_since_ns = None
        delta = self._capped(max(self._traded, self._released)) - self.applied
        if delta > 0:
            price = self._assumed_price(delta)
            if price is None:
                self.doubt("a fill is known only by its quantity, and no price was told", events)
            else:
                self._pool.add(delta, price, ZERO)
                self._tell_fill(delta, price, stamp, events, report=None)
        if self.quantity is not None and self._claimed > self.quantity:
            self.doubt(f"a filled quantity of {self._claimed} is reported for an order of {self.quantity}", events)
        self._finish(stamp, events)

    def doubt(self, why: str, events: list[LedgerEvent]) -> None:
        """Tell that the order has to be asked about, once per reason."""
        if why in self._doubts:
            return
        self._doubts.add(why)
        events.append(Doubt(client_order_id=self.client_order_id, order_id=self.order_id, symbol=self.symbol, why=why))

    def _capped(self, filled: Decimal) -> Decimal:
        """A total held between what was told and the order's size."""
        if self.quantity is not None:
            filled = min(filled, self.quantity)
        return max(filled, self.applied)

    def _assumed_price(self, delta: Decimal) -> Decimal | None:
        """The price of `delta` out of the average, no worse than the limit; without an average the limit itself, or
        what the fills so far cost; None where nothing is known.
        """
        limit = self.price or None
        known = limit if limit is not None or not self.applied else self._notional / self.applied
        total = self.applied + delta
        if self._average is None or self._average[0] != total:
            return known
        price = (total * self._average[1] - self._notional) / delta
        if limit is not None:  # a rounded average may come out beyond the limit, which no execution can
            price = min(price, limit) if self.side is Side.BUY else max(price, limit)
        return price if price > 0 else known

    def _tell_execution(self, report: FillReport, delta: Decimal, stamp: Stamp, events: list[LedgerEvent]) -> None:
        """Tell an execution: `delta` of it is new, the rest explains what was told before.

        One without an id goes to the pool: a report with an id may still come for the same quantity.
        """
        if delta > 0:
            self._tell_fill(delta, report.price, stamp, events, report=report)
        known = min(report.quantity - delta, self._pool.quantity)
        if known > 0:
            notional, fee = self._pool.take(known)
            self._notional += known * report.price - notional
            fee_change = (ZERO if delta > 0 else report.fee) - fee
            events.append(
                FillCorrection(
                    client_order_id=self.client_order_id,
                    order_id=self.order_id,
                    symbol=self.symbol,
                    side=self.side,
                    quantity=known,
                    price=report.price,
                    assumed_price=notional / known,
                    trade_id=report.trade_id,
                    fee=fee_change,
                    fee_asset=report.fee_asset,
                    is_maker=report.is_maker,
                    occurred_ns=stamp.occurred_ns,
                    received_wall_ns=stamp.received_wall_ns,
                    received_ns=stamp.received_ns,
                )
            )
        if report.trade_id is None:
            self._pool.add(delta + known, report.price, report.fee)
        elif report.quantity - delta - known > 0:
            self.doubt("its trades add up to more than the order", events)

    def _tell_fill(
        self, delta: Decimal, price: Decimal, stamp: Stamp, events: list[LedgerEvent], *, report: FillReport | None
    ) -> None:
        self._accept(stamp, events)
        self.applied += delta
        self._notional += price * delta
        leaves = None if self.quantity is None else self.quantity - self.applied
        events.append(
            Fill(
                client_order_id=self.client_order_id,
                order_id=self.order_id,
                symbol=self.symbol,
                side=self.side,
                price=price,
                quantity=delta,
                cumulative=self.applied,
                leaves=leaves if self.ended_ns is None else ZERO,
                trade_id=None if report is None else report.trade_id,
                fee=ZERO if report is None else report.fee,
                fee_asset="" if report is None else report.fee_asset,
                is_maker=None if report is None else report.is_maker,
                is_assumed=report is None,
                sequence=self._next_sequence(),
                occurred_ns=stamp.occurred_ns,
                received_wall_ns=stamp.received_wall_ns,
                received_ns=stamp.received_ns,
            )
        )

    def _accept(self, stamp: Stamp, events: list[LedgerEvent]) -> None:
        if self.is_accepted or self.ended_ns is not None:
            return
        self.is_accepted = True
        events.append(
            Acceptance(
                client_order_id=self.client_order_id,
                order_id=self.order_id,
                symbol=self.symbol,
                price=self.price,
                quantity=self.quantity,
                occurred_ns=stamp.occurred_ns,
                received_wall_ns=stamp.received_wall_ns,
                received_ns=stamp.received_ns,
            )
        )

    def _finish(self, stamp: Stamp, events: list[LedgerEvent]) -> None:
        is_whole = self.quantity is not None and self.applied >= self.quantity
        if is_whole and self._end is None and not self._status.is_terminal:
            self._end = _End(OrderStatus.FILLED, None, None, self.applied, stamp)
        if is_whole:
            self._status = OrderStatus.FILLED
        end = self._end
        if end is None or self.ended_ns is not None or self.applied < self._capped(self._claimed):
            return
        self.ended_ns = stamp.received_ns
        is_short = end.status is OrderStatus.FILLED and self.quantity is not None and not is_whole
        events.append(
            Ending(
                client_order_id=self.client_order_id,
                order_id=self.order_id,
                symbol=self.symbol,
                status=self._status,
                reason=None if is_whole else end.reason,
                reject_reason=None if is_whole else end.reject_reason,
                cumulative=self.applied,
                quantity=self.quantity,
                agrees=is_whole or (end.filled == self.applied and not is_short),
                occurred_ns=end.stamp.occurred_ns,
                received_wall_ns=end.stamp.received_wall_ns,
                received_ns=end.stamp.received_ns,
            )
        )
