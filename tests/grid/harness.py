"""Both machines of one grid, the real fill ledger and a virtual clock, in the language of SCENARIOS.md.

A test names orders c1, c2 ... in order of creation and says what the venue reports; messages between the machines are
delivered in a chain. After every input the invariants (i)-(vii) of SCENARIOS.md are checked.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal

from actors.grid import cycle, exits
from actors.grid.risk import DeskExposure
from actors.grid.settings import (
    CloseSettings,
    EntrySettings,
    GridRiskSettings,
    GridSettings,
    ProofSettings,
)
from actors.grid.state import MILLISECOND_NS, SECOND_NS, CycleState, GridContext
from actors.messages import (
    ActiveOrdersListed,
    AdoptDifference,
    CancelFailed,
    CancelOrder,
    CloseOrderPlaced,
    ConnectionReady,
    EntryFilled,
    EntryFinished,
    FillCorrected,
    Flattened,
    FlattenPositions,
    LotsChanged,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderSettled,
    PlaceLimitOrder,
    PlaceMarketOrder,
    PositionClosed,
    PositionRead,
    PriceChanged,
    PriceStale,
    QueryOrder,
    ReserveSequences,
    SequencesReserved,
    StreamLost,
    StreamRestored,
    Tick,
)
from exchanges.fill_events import Acceptance, Ending, Fill, FillCorrection
from exchanges.fills import FillLedger
from exchanges.order_ids import ENTRY_LEG, unpack
from exchanges.reports import FillReport, OrderReport
from exchanges.values import (
    CancelReason,
    FeeRates,
    MarketRules,
    OrderId,
    OrderStatus,
    RejectReason,
    TradeId,
)
from exchanges.venue import Capabilities
from tests.grid.well_typed import WellTyped

D = Decimal
ZERO = D(0)
START_NS = 1_000 * SECOND_NS
START_WALL_NS = 1_700_000_000 * SECOND_NS

RULES = MarketRules(
    symbol="BTC-PERP",
    tick=D("0.1"),
    step=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(1000),
    market_max_quantity=D(1000),
    min_notional=D(10),
    reduce_only_exempt=False,
    min_price=D("0.1"),
    max_price=D(1_000_000),
)
CAPABILITIES = Capabilities(
    cancel_report_is_final=True,
    reply_is_acceptance=True,
    fills_have_trade_ids=True,
    reduce_only_exempt_from_minimum=False,
    fence_s=10.0,
)
ENTRY = EntrySettings(
    order_notional_usd=D("100.05"),
    target_leverage=20,
    take_profit_pct=D(1),
    grid_step_pct=D("0.5"),
    max_orders=6,
    wait_time_s=D(8),
    entry_requote_after_s=D(0),
)


def make_context(*, rules=None, capabilities=None, leverage=20, fees=None, **settings):
    """Build the fixture of SCENARIOS.md; keyword arguments override single settings of any section."""
    sections = {"entry": ENTRY, "close": CloseSettings(), "risk": GridRiskSettings(stop_loss=False)}
    sections["proof"] = ProofSettings()
    for key, value in settings.items():
        name = next(n for n, section in sections.items() if hasattr(section, key))
        sections[name] = replace(sections[name], **{key: value})
    grid = GridSettings(name="g", exchange="sim", symbol="BTC-PERP", **sections)
    return GridContext(
        name="g",
        exchange="sim",
        symbol="BTC-PERP",
        settings=grid,
        rules=replace(RULES, **(rules or {})),
        fees=fees or FeeRates(ZERO, ZERO),
        bot_tag=7,
        applied_leverage=leverage,
        capabilities=replace(CAPABILITIES, **(capabilities or {})),
    )


@dataclass
class Sent:
    """What the harness knows of one order: the command, and whether it is proven ended."""

    command: PlaceLimitOrder | PlaceMarketOrder
    name: str
    at_ns: int
    has_ended: bool = False
    absences: int = 0
    fence_ns: int = 0
    trades: dict = field(default_factory=dict)

    @property
    def is_entry(self):
        return unpack(self.command.client_order_id).leg == ENTRY_LEG

    @property
    def price(self):
        is_limit = isinstance(self.command, PlaceLimitOrder)
        return self.command.price if is_limit else self.command.worst_price


def translate(event, *, is_final):
    """Return what the connection tells the owner of an order for an event of the ledger, None if nothing."""
    common = {"grid": "g", "client_order_id": event.client_order_id}
    if isinstance(event, Acceptance):
        return OrderAccepted(**common, order_id=event.order_id, price=event.price, quantity=event.quantity)
    if isinstance(event, Fill):
        return OrderFilled(
            **common,
            order_id=event.order_id,
            price=event.price,
            quantity=event.quantity,
            cumulative=event.cumulative,
            leaves=event.leaves,
            trade_id=event.trade_id,
            fee=event.fee,
            sequence=event.sequence,
            received_ns=event.received_ns,
            received_wall_ns=event.received_wall_ns,
        )
    if isinstance(event, FillCorrection):
        return FillCorrected(
            **common,
            quantity=event.quantity,
            price=event.price,
            assumed_price=event.assumed_price,
            fee=event.fee,
            trade_id=event.trade_id,
        )
    if not isinstance(event, Ending) or event.status is OrderStatus.FILLED:
        return None
    if event.status is OrderStatus.REJECTED:
        return OrderRejected(**common, reason=event.reject_reason or RejectReason.OTHER)
    return OrderCanceled(
        **common,
        reason=event.reason or CancelReason.OTHER,
        filled=event.cumulative,
        final=is_final and event.agrees,
    )


class Harness:
    """One grid under test."""

    def __init__(self, *, context=None, connect=True, restored=None, desk=None, book=("100.0", "100.1"), **settings):
        self.context = context or make_context(**settings)
        self.now_ns = START_NS
        self.wall_offset_ns = START_WALL_NS - START_NS
        self.desk = desk or DeskExposure()
        self.state = cycle.initial(self.context, restored, self.now_ns, START_WALL_NS)
        self.exits = exits.initial(self.context, restored, self.now_ns, START_WALL_NS)
        self.ledger = FillLedger()
        self.orders = {}
        self.names = {}
        self.sent = []
        self.commands = []
        self.messages = []
        self.notes = []
        self.used_ids = {order.client_order_id for order in (restored.orders if restored else ())}
        self.next_sequence = 1 if restored is None else restored.highest_sequence + 1
        self.told_entry = ZERO
        self.is_watching = True
        self.answers_reservations = True
        self.queue = deque()
        self.types = WellTyped()
        if connect:
            self.reserve()
            self.connect()
            if book is not None:
                self.price(*book)

    # --- the machines ---

    def reserve(self):
        self.give("strategy", self._block())
        self.give("closer", self._block())

    def _block(self):
        first = self.next_sequence
        self.next_sequence += 64
        return SequencesReserved(grid="g", first=first, last=first + 63)

    def give(self, target, message):
        """Deliver one message and everything that follows from it, then check the invariants."""
        self.queue.append((target, message))
        while self.queue:
            self._deliver(*self.queue.popleft())
        self.check()

    def both(self, message):
        self.queue.append(("closer", message))
        self.give("strategy", message)

    def _deliver(self, target, message):
        if target == "strategy":
            before = self.state
            step = cycle.step(self.context, self.state, message, self.now_ns, self.desk)
            self.state = step.state
            assert cycle.step(self.context, before, message, self.now_ns, self.desk) == step, "a step is a function"
        else:
            step = exits.step(self.context, self.exits, message, self.now_ns)
            self.exits = step.state
        self.types.check(step)
        self.notes.extend(step.notes)
        for output in step.outputs:
            self._route(target, output)

    def _route(self, source, output):
        self.messages.append(output)
        match output:
            case PlaceLimitOrder() | PlaceMarketOrder():
                self._place(output)
            case CancelOrder() | QueryOrder():
                assert self.state.is_connected if source == "strategy" else self.exits.is_connected
                self.commands.append(output)
            case EntryFilled() | EntryFinished() | FlattenPositions() | FillCorrected():
                self.queue.append(("closer", output))
            case CloseOrderPlaced() | PositionClosed() | LotsChanged() | Flattened():
                self.queue.append(("strategy", output))
            case ReserveSequences():
                if self.answers_reservations:
                    self.queue.append((source, self._block()))

    def _place(self, command):
        number = command.client_order_id
        key = unpack(number)
        assert self.exits.is_connected or key.leg == ENTRY_LEG, "an exit left before the venue was read"
        assert number not in self.used_ids, f"(vi) id {key} used twice"
        assert key.sequence < self.next_sequence, "an id beyond what was reserved"
        assert key.sequence == command.lot
        self.used_ids.add(number)
        if key.leg == ENTRY_LEG:
            assert self.state.is_connected
            assert command.side is self.context.entry_side
            live = [order.name for order in self.orders.values() if order.is_entry and not order.has_ended]
            assert not live, f"(ii) two live entries: {live}"
            assert command.post_only
            assert command.quote_ns > 0
        else:
            assert command.reduce_only, "(v) an exit that is not reduce-only"
            assert command.side is self.context.exit_side
        sent = Sent(command=command, name=f"c{len(self.orders) + 1}", at_ns=self.now_ns)
        self.orders[sent.name] = sent
        self.names[number] = sent.name
        self.commands.append(command)

    # --- what the venue says ---

    def _report(self, name, status, filled=None, reason=None, reject=None):
        sent = self.orders[name]
        return OrderReport(
            symbol="BTC-PERP",
            client_order_id=sent.command.client_order_id,
            order_id=OrderId(f"v-{name}"),
            status=status,
            side=sent.command.side,
            price=sent.price,
            quantity=sent.command.quantity,
            filled=self.told(name) if filled is None else D(filled),
            reduce_only=not sent.is_entry,
            reason=reason,
            reject_reason=reject,
            occurred_ns=self.now_ns,
            received_ns=self.now_ns + self.wall_offset_ns,
        )

    def told(self, name):
        return self.ledger.filled(self.orders[name].command.client_order_id)

    def _apply(self, name, report, *, final=None):
        owner = self.owner(name)
        for event in self.ledger.apply(report, received_ns=self.now_ns).events:
            is_final = self.context.capabilities.cancel_report_is_final if final is None else final
            message = translate(event, is_final=is_final)
            if message is not None:
                if isinstance(event, Ending):
                    self.orders[name].has_ended = message.final if isinstance(message, OrderCanceled) else True
                if isinstance(event, Fill):
                    self._count(name, event)
                self.give(owner, message)
        self.check()

    def _count(self, name, event):
        sent = self.orders[name]
        if sent.is_entry:
            self.told_entry += event.quantity
        if event.leaves == 0:
            sent.has_ended = True

    def owner(self, name):
        return "strategy" if self.orders[name].is_entry else "closer"

    def ack(self, name):
        self._apply(name, self._report(name, OrderStatus.OPEN))

    def fill(self, name, trade, quantity, price=None, *, fee="0"):
        """Report one execution by its trade id."""
        sent = self.orders[name]
        sent.trades[trade] = D(quantity)
        report = FillReport(
            symbol="BTC-PERP",
            client_order_id=sent.command.client_order_id,
            order_id=OrderId(f"v-{name}"),
            trade_id=TradeId(trade),
            side=sent.command.side,
            price=D(price) if price is not None else sent.price,
            quantity=D(quantity),
            order_quantity=sent.command.quantity,
            fee=D(fee),
            occurred_ns=self.now_ns,
            received_ns=self.now_ns + self.wall_offset_ns,
        )
        self._apply(name, report)

    def cumulative(self, name, quantity):
        """Report an order's filled quantity as a total, without trades."""
        filled = D(quantity)
        status = OrderStatus.FILLED if filled == self.orders[name].command.quantity else OrderStatus.PARTIALLY_FILLED
        self._apply(name, self._report(name, status, filled))

    def done(self, name, reason=CancelReason.REQUESTED, cumulative=None, *, final=None):
        """Report that an order ended with a remainder."""
        self._apply(name, self._report(name, OrderStatus.CANCELED, cumulative, reason), final=final)

    def reject(self, name, reason=RejectReason.POST_ONLY):
        self.orders[name].has_ended = True
        number = self.orders[name].command.client_order_id
        self.give(self.owner(name), OrderRejected(grid="g", client_order_id=number, reason=reason, text="no"))

    def deny(self, name, reason="quote too old"):
        self.orders[name].has_ended = True
        number = self.orders[name].command.client_order_id
        self.give(self.owner(name), OrderDenied(grid="g", client_order_id=number, reason=reason))

    def unknown(self, name, fence_s=10):
        sent = self.orders[name]
        sent.fence_ns = self.now_ns + int(fence_s * SECOND_NS)
        self.give(
            self.owner(name),
            OrderOutcomeUnknown(
                grid="g", client_order_id=sent.command.client_order_id, fence_ns=sent.fence_ns, why="timeout"
            ),
        )

    def not_found(self, name, asked_ns=None):
        sent = self.orders[name]
        asked_ns = self.now_ns if asked_ns is None else asked_ns
        if asked_ns > sent.fence_ns:
            sent.absences += 1
            sent.has_ended = sent.absences >= self.context.settings.proof.not_found_proofs
        number = sent.command.client_order_id
        self.give(self.owner(name), OrderNotFound(grid="g", client_order_id=number, asked_ns=asked_ns))

    def cancel_failed(self, name, *, retry=False):
        number = self.orders[name].command.client_order_id
        self.give(self.owner(name), CancelFailed(grid="g", client_order_id=number, why="not open", retry=retry))

    def settled(self, name, status=OrderStatus.CANCELED, filled=None, reason=None):
        """Answer a query: what was missed is told first, as the connection does."""
        sent = self.orders[name]
        report = self._report(name, status, filled, reason)
        if report.filled > self.told(name):
            self._apply(name, replace(report, status=OrderStatus.PARTIALLY_FILLED))
        if status.is_terminal:
            sent.has_ended = True
        self.give(
            self.owner(name),
            OrderSettled(
                grid="g",
                client_order_id=sent.command.client_order_id,
                order_id=report.order_id,
                status=status,
                filled=report.filled,
                asked_ns=self.now_ns,
                reason=reason,
            ),
        )

    def listed(self, *names, asked_ns=None):
        numbers = frozenset(self.orders[name].command.client_order_id for name in names)
        asked_ns = self.now_ns if asked_ns is None else asked_ns
        self.both(ActiveOrdersListed(grid="g", client_order_ids=numbers, foreign=0, asked_ns=asked_ns))

    def position(self, quantity, asked_ns=None):
        self.both(self.reading(quantity, asked_ns))

    def reading(self, quantity, asked_ns=None):
        asked_ns = self.now_ns if asked_ns is None else asked_ns
        return PositionRead(
            grid="g", quantity=D(quantity), entry_price=D(100), liquidation_price=None, asked_ns=asked_ns
        )

    def connect(self, position="0"):
        self.both(
            ConnectionReady(
                grid="g",
                rules=self.context.rules,
                fees=self.context.fees,
                position=D(position),
                leverage=self.context.applied_leverage,
                foreign_orders=(),
                asked_ns=self.now_ns,
            )
        )

    def lose_stream(self):
        self.both(StreamLost(grid="g", why="cut"))

    def restore_stream(self):
        self.both(StreamRestored(grid="g", gap_ns=30 * SECOND_NS))

    # --- prices, time and the operator ---

    def price(self, bid, ask, *, age_ms=0):
        alive_ns = self.now_ns - age_ms * MILLISECOND_NS
        self.both(PriceChanged(grid="g", bid=D(bid), ask=D(ask), alive_ns=alive_ns))

    def mid(self, mid):
        self.price(D(mid) - D("0.05"), D(mid) + D("0.05"))

    def stale(self):
        self.both(PriceStale(grid="g", why="silence"))

    def tell(self, message):
        target = "closer" if isinstance(message, AdoptDifference) else "strategy"
        self.give(target, message)

    def tick(self):
        self.both(Tick(now_ns=self.now_ns, wall_ns=self.now_ns + self.wall_offset_ns))

    def pass_ms(self, milliseconds, *, alive=True):
        """Let time pass: a tick at every deadline and every second, and a proof of life of the price each second."""
        end_ns = self.now_ns + int(milliseconds * MILLISECOND_NS)
        while self.now_ns < end_ns:
            due = [
                at
                for at in (
                    cycle.deadline_ns(self.context, self.state),
                    exits.deadline_ns(self.context, self.exits),
                    self.now_ns + SECOND_NS,
                    end_ns,
                )
                if at is not None and at > self.now_ns
            ]
            self.now_ns = min(due)
            quote = self.state.quote
            if alive and quote is not None and not quote.is_stale:
                self.price(quote.bid, quote.ask)
            self.tick()

    # --- what is asserted ---

    def take(self):
        """Return the commands since the last look, as short lines."""
        commands, self.commands = self.commands, []
        return [self.line(command) for command in commands]

    def line(self, command):
        name = self.names[command.client_order_id]
        match command:
            case PlaceLimitOrder():
                return f"{name} {command.side} {command.quantity.normalize():f}@{command.price.normalize():f}"
            case PlaceMarketOrder():
                price = f"{command.worst_price.normalize():f}"
                return f"{name} ioc {command.side} {command.quantity.normalize():f}@{price}"
            case CancelOrder():
                return f"cancel {name}"
            case QueryOrder():
                return f"query {name}"
        raise AssertionError(command)

    def places(self):
        return [line for line in self.take() if line.startswith("c") and not line.startswith("cancel")]

    def of(self, kind):
        return [message for message in self.messages if isinstance(message, kind)]

    def notes_of(self, event):
        return [note for note in self.notes if note.event == event]

    def count(self, event):
        return len(self.notes_of(event))

    @property
    def is_ready(self):
        return self.state.cycle_state is CycleState.READY

    @property
    def held(self):
        return sum((lot.remaining for lot in self.exits.lots), ZERO)

    # --- the invariants of SCENARIOS.md ---

    def check(self):
        if not self.is_watching:
            return
        for lot in self.exits.lots:
            self._check_lot(lot)
        live = sum(
            (
                order.command.quantity - self.told(name)
                for name, order in self.orders.items()
                if not order.is_entry and not order.has_ended
            ),
            ZERO,
        )
        assert live <= self.held, f"(i) exits {live} exceed the lots' {self.held}"
        assert self.exits.counters.entries_received == self.told_entry, "(iii) fills and lots differ"
        assert exits.unprotected_quantity(self.exits) <= self.held

    def _check_lot(self, lot):
        assert lot.remaining >= 0, f"lot {lot.lot} closed more than it held"
        naked = sum((piece.quantity for piece in lot.naked), ZERO)
        if not naked or not self.exits.is_connected:
            return
        on_its_way = [
            order for order in self.exits.orders for part in order.parts if part.lot == lot.lot and part.quantity
        ]
        assert on_its_way or lot.blocked, f"(vii) lot {lot.lot} has {naked} without an exit and without a reason"
