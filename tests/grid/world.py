"""A venue without mercy, around both machines: what it does and what arrives is chosen by the caller, step by step.

Messages between the machines wait in mailboxes; reports of the venue can be lost, repeated and re-ordered; requests can
arrive without an answer, late, or never. Answers to queries are true at the moment they are made. The venue does NOT
enforce reduce-only, so that every order too many shows.
"""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal

from actors.grid import cycle, exits
from actors.grid.state import SECOND_NS
from actors.messages import (
    ActiveOrdersListed,
    CancelFailed,
    CancelOrder,
    CloseOrderPlaced,
    ConnectionReady,
    EntryFilled,
    EntryFinished,
    Flattened,
    FlattenPositions,
    LotsChanged,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
    PositionRead,
    PriceChanged,
    QueryOrder,
    ReserveSequences,
    SequencesReserved,
    Tick,
)
from exchanges.fills import FillLedger
from exchanges.order_ids import ENTRY_LEG, unpack
from exchanges.reports import OrderReport
from exchanges.values import CancelReason, OrderId, OrderStatus, RejectReason
from tests.grid.harness import START_NS, START_WALL_NS, make_context, translate
from tests.grid.well_typed import WellTyped

D = Decimal
ZERO = D(0)
FENCE_NS = 10 * SECOND_NS


@dataclass
class VenueOrder:
    """An order as the venue has it."""

    command: PlaceLimitOrder | PlaceMarketOrder
    filled: Decimal = ZERO
    status: OrderStatus = OrderStatus.OPEN
    reason: CancelReason | None = None

    @property
    def is_entry(self):
        return unpack(self.command.client_order_id).leg == ENTRY_LEG

    @property
    def leaves(self):
        return self.command.quantity - self.filled if self.status is OrderStatus.OPEN else ZERO


class World:
    """One grid between a venue and time."""

    def __init__(self, **settings):
        self.context = make_context(**settings)
        self.now_ns = START_NS
        self.state = cycle.initial(self.context, None, START_NS, START_WALL_NS)
        self.book = exits.initial(self.context, None, START_NS, START_WALL_NS)
        self.boxes = {"strategy": deque(), "closer": deque()}
        self.lane = deque()
        self.late = []
        self.reports = []
        self.orders = {}
        self.ledger = FillLedger()
        self.used = set()
        self.lies = set()
        self.types = WellTyped()
        self.next_sequence = 1
        self.quote = (D("100.0"), D("100.1"))
        for box in ("strategy", "closer"):
            self._reserve(box)
        ready = ConnectionReady(
            grid="g", rules=self.context.rules, fees=self.context.fees, position=ZERO, leverage=20,
            foreign_orders=(), asked_ns=self.now_ns,
        )  # fmt: skip
        self.tell_both(ready)
        self.tell_price()
        self.run_all()

    # --- mailboxes ---

    def _reserve(self, box):
        first, self.next_sequence = self.next_sequence, self.next_sequence + 64
        self.boxes[box].append(SequencesReserved(grid="g", first=first, last=first + 63))

    def tell_both(self, message):
        for box in self.boxes.values():
            box.append(message)

    def tell_price(self):
        self.tell_both(PriceChanged(grid="g", bid=self.quote[0], ask=self.quote[1], alive_ns=self.now_ns))

    def run(self, box):
        if not self.boxes[box]:
            return
        message = self.boxes[box].popleft()
        if box == "strategy":
            step = cycle.step(self.context, self.state, message, self.now_ns)
            self.state = step.state
        else:
            step = exits.step(self.context, self.book, message, self.now_ns)
            self.book = step.state
        self.types.check(step)
        for output in step.outputs:
            self._route(box, output)

    def _route(self, box, output):
        match output:
            case PlaceLimitOrder() | PlaceMarketOrder():
                assert output.client_order_id not in self.used, "an id was used twice"
                self.used.add(output.client_order_id)
                if unpack(output.client_order_id).leg != ENTRY_LEG:
                    assert output.reduce_only
                self.lane.append(output)
            case CancelOrder() | QueryOrder():
                self.lane.append(output)
            case EntryFilled() | EntryFinished() | FlattenPositions():
                self.boxes["closer"].append(output)
            case CloseOrderPlaced() | PositionClosed() | LotsChanged() | Flattened():
                self.boxes["strategy"].append(output)
            case ReserveSequences():
                self._reserve(box)

    def run_all(self):
        while any(self.boxes.values()):
            for box in self.boxes:
                self.run(box)

    def owner(self, number):
        return "strategy" if unpack(number).leg == ENTRY_LEG else "closer"

    # --- the venue ---

    def serve(self, how="ok"):
        """Take the oldest command. `how`: ok, refused, no_answer, late or lost (orders only)."""
        if not self.lane:
            return
        command = self.lane.popleft()
        number = command.client_order_id
        if isinstance(command, CancelOrder):
            self._cancel(command, how)
        elif isinstance(command, QueryOrder):
            if how != "lost":
                self._answer(number)
        elif how == "refused":
            refused = OrderRejected(grid="g", client_order_id=number, reason=RejectReason.POST_ONLY)
            self.boxes[self.owner(number)].append(refused)
        else:
            self._place(command, how)

    def _place(self, command, how):
        number = command.client_order_id
        if how in ("late", "lost", "no_answer"):
            unknown = OrderOutcomeUnknown(
                grid="g", client_order_id=number, fence_ns=self.now_ns + FENCE_NS, why="timeout"
            )
            self.boxes[self.owner(number)].append(unknown)
        if how == "late":
            self.late.append((command, self.now_ns + FENCE_NS))
        elif how != "lost":
            self._open(command)

    def _open(self, command):
        order = VenueOrder(command)
        self.orders[command.client_order_id] = order
        self._report(order)
        if isinstance(command, PlaceMarketOrder):
            self.fill(order, command.quantity / 2)
            if order.status is OrderStatus.OPEN:
                self.end(order, CancelReason.IMMEDIATE)

    def arrive(self):
        """Let a held request arrive, if its time has not run out."""
        if self.late:
            command, fence_ns = self.late.pop(0)
            if self.now_ns < fence_ns:
                self._open(command)

    def _cancel(self, command, how):
        order = self.orders.get(command.client_order_id)
        if order is not None and order.status is OrderStatus.OPEN:
            self.end(order, CancelReason.REQUESTED)
        elif how != "lost":
            failed = CancelFailed(grid="g", client_order_id=command.client_order_id, why="not open")
            self.boxes[self.owner(command.client_order_id)].append(failed)

    def _answer(self, number):
        box = self.boxes[self.owner(number)]
        order = self.orders.get(number)
        if order is None:
            box.append(OrderNotFound(grid="g", client_order_id=number, asked_ns=self.now_ns))
            return
        open_status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.OPEN
        self._receive(self._make_report(order, status=open_status))
        box.append(
            OrderSettled(
                grid="g",
                client_order_id=number,
                order_id=OrderId("v"),
                status=order.status,
                filled=order.filled,
                asked_ns=self.now_ns,
                reason=order.reason,
            )
        )

    def live(self):
        return [order for order in self.orders.values() if order.status is OrderStatus.OPEN]

    def fill(self, order, quantity):
        quantity = min(max(quantity.quantize(D("0.001")), D("0.001")), order.leaves)
        order.filled += quantity
        if order.filled == order.command.quantity:
            order.status = OrderStatus.FILLED
        self._report(order)

    def end(self, order, reason, *, is_stale=False):
        """End an order with a remainder. A stale report does not know of a fill just before the end.

        Where cancel reports are called final, only entries lie, and the fill is told later: a late fill.
        """
        is_final = self.context.capabilities.cancel_report_is_final
        missed = (order.leaves / 2).quantize(D("0.001")) if is_stale and (order.is_entry or not is_final) else ZERO
        order.status = OrderStatus.CANCELED
        order.reason = reason
        self._report(order)
        order.filled += missed
        if missed and is_final:
            self.lies.add(order.command.client_order_id)
            self._report(order)

    def _report(self, order):
        self.reports.append(self._make_report(order))

    def _make_report(self, order, status=None):
        status = order.status if status is None else status
        if status is OrderStatus.OPEN and order.filled:
            status = OrderStatus.PARTIALLY_FILLED
        is_limit = isinstance(order.command, PlaceLimitOrder)
        return OrderReport(
            symbol="BTC-PERP", client_order_id=order.command.client_order_id, order_id=OrderId("v"), status=status,
            side=order.command.side, price=order.command.price if is_limit else order.command.worst_price,
            quantity=order.command.quantity, filled=order.filled, reason=order.reason,
            occurred_ns=self.now_ns, received_ns=self.now_ns,
        )  # fmt: skip

    def deliver(self, index, *, keep=False):
        if self.reports:
            index %= len(self.reports)
            self._receive(self.reports[index] if keep else self.reports.pop(index))

    def lose(self, index):
        """Lose a report; not the only one that tells of a late fill: finding that out takes frequent audits."""
        if self.reports and self.reports[index % len(self.reports)].client_order_id not in self.lies:
            self.reports.pop(index % len(self.reports))

    def _receive(self, report):
        is_final = self.context.capabilities.cancel_report_is_final
        for event in self.ledger.apply(report, received_ns=self.now_ns).events:
            message = translate(event, is_final=is_final)
            if message is not None:
                self.boxes[self.owner(event.client_order_id)].append(message)

    def audit(self):
        numbers = frozenset(order.command.client_order_id for order in self.live())
        listed = ActiveOrdersListed(grid="g", client_order_ids=numbers, foreign=0, asked_ns=self.now_ns)
        position = self.position * self.context.sign
        read = PositionRead(
            grid="g", quantity=position, entry_price=D(100), liquidation_price=None, asked_ns=self.now_ns
        )
        self.tell_both(listed)
        self.tell_both(read)

    @property
    def position(self):
        """What the venue holds for us, in the grid's direction."""
        return sum((order.filled * (1 if order.is_entry else -1) for order in self.orders.values()), ZERO)

    def wait(self, seconds):
        self.now_ns += int(seconds * SECOND_NS)
        self.tell_price()
        self.tell_both(Tick(now_ns=self.now_ns, wall_ns=self.now_ns))

    # --- what must always hold at the venue ---

    def check(self):
        entries = [order for order in self.live() if order.is_entry]
        assert len(entries) <= 1, "two live entries"
        resting = sum((order.leaves for order in self.live() if not order.is_entry), ZERO)
        assert resting <= self.position, f"exits of {resting} rest against a position of {self.position}"

    def settle(self):
        """Let the venue be kind for long enough that everything must come right, and check that it did."""
        self.late.clear()
        for _ in range(40):
            while self.reports:
                self.deliver(0)
            self.run_all()
            while self.lane:
                self.serve()
                self.run_all()
            self.check()
            self.wait(2.5)
            self.audit()
            self.run_all()
        while self.lane or self.reports:
            self.serve()
            self.deliver(0)
            self.run_all()
        self.check_quiet()

    def check_quiet(self):
        held = sum((lot.remaining for lot in self.book.lots), ZERO)
        assert held == self.position, f"lots hold {held}, the venue {self.position}"
        assert self.book.mismatch is None
        resting = sum((order.leaves for order in self.live() if not order.is_entry), ZERO)
        assert resting + self.book.dust_quantity == self.position, "something is held without an exit"
        assert self.book.naked_since_ns is None
        if self.state.pending is not None:
            order = self.orders.get(self.state.pending.client_order_id)
            assert order is not None
            assert order.status is OrderStatus.OPEN, "waits for an entry that is gone"
        assert not self.state.strays
