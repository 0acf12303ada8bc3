"""The ledger against a model: whatever of a history is reported, in whatever order and however often.

A history is what really happened to one order: its trades and how it ended. A venue may tell any of it through several
mouths: trades with an id by our id or by its own, cumulative reports of any moment, again and again.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exchanges.fills import Acceptance, Ending, Fill, FillCorrection, FillLedger, LedgerUpdate, RestoredTrade
from exchanges.reports import FillReport, OrderReport
from exchanges.values import OrderStatus, TradeId
from tests.exchanges.builders import ORDER, VENUE_ID, fill_report, order_report, request

SIZE = 1_000
STEP = Decimal("0.001")


@dataclass(frozen=True)
class History:
    """What happened: trades as (id, milli-quantity, price), and the last status."""

    trades: tuple[tuple[str, int, str], ...]
    status: OrderStatus

    @property
    def total(self) -> Decimal:
        return self.after(len(self.trades))

    def after(self, count: int) -> Decimal:
        return sum(quantity for _, quantity, _ in self.trades[:count]) * STEP

    def average(self, count: int) -> str | None:
        notional = sum(quantity * STEP * Decimal(price) for _, quantity, price in self.trades[:count])
        return f"{notional / self.after(count):.6f}" if count else None

    @property
    def notional(self) -> Decimal:
        return sum((quantity * STEP * Decimal(price) for _, quantity, price in self.trades), Decimal(0))

    def fee(self, index: int) -> str:
        return str(self.trades[index][1] * STEP * Decimal("0.0004"))

    @property
    def fees(self) -> Decimal:
        return sum((Decimal(self.fee(index)) for index in range(len(self.trades))), Decimal(0))


@st.composite
def histories(draw: st.DrawFn) -> History:
    cuts = draw(st.lists(st.integers(1, SIZE), min_size=0, max_size=6, unique=True).map(sorted))
    quantities = [end - start for start, end in zip([0, *cuts], cuts, strict=False)]
    prices = draw(st.lists(st.sampled_from(["99.9", "99.8", "99.75"]), min_size=len(cuts), max_size=len(cuts)))
    trades = tuple((f"t{i}", quantity, prices[i]) for i, quantity in enumerate(quantities))
    is_whole = bool(cuts) and cuts[-1] == SIZE
    ends = [OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.PARTIALLY_FILLED if cuts else OrderStatus.OPEN]
    return History(trades, OrderStatus.FILLED if is_whole else draw(st.sampled_from(ends)))


def trade_report(history: History, index: int, mouth: Literal["ours", "bare", "venue"]) -> FillReport:
    trade_id, quantity, price = history.trades[index]
    return fill_report(
        trade_id,
        str(quantity * STEP),
        price=price,
        fee=history.fee(index),
        cumulative=str(history.after(index + 1)) if mouth == "ours" else None,
        client_order_id=None if mouth == "venue" else ORDER,
    )


def slice_report(history: History, index: int) -> FillReport:
    _, quantity, price = history.trades[index]
    return fill_report(
        None, str(quantity * STEP), price=price, fee=history.fee(index), cumulative=str(history.after(index + 1))
    )


def state_report(history: History, count: int, *, average: bool, last: bool) -> OrderReport:
    status = history.status if last else (OrderStatus.PARTIALLY_FILLED if count else OrderStatus.OPEN)
    if not last and history.after(count) == SIZE * STEP:
        status = OrderStatus.FILLED
    return order_report(
        status,
        str(history.after(len(history.trades) if last else count)),
        average=history.average(len(history.trades) if last else count) if average else None,
    )


@st.composite
def deliveries(draw: st.DrawFn, *, ids: bool) -> tuple[History, list[OrderReport | FillReport]]:
    """A history and everything that is reported of it, in the order of arrival."""
    history = draw(histories())
    count = len(history.trades)
    everything: list[OrderReport | FillReport] = []
    mouths = ["ours", "bare", "venue"] if ids else ["slice"]
    for index in range(count):
        chosen = draw(st.lists(st.sampled_from(mouths), min_size=1, max_size=3))
        everything += [
            slice_report(history, index) if mouth == "slice" else trade_report(history, index, mouth)
            for mouth in chosen
        ]
    moments = [(moment, False) for moment in draw(st.lists(st.integers(0, count), max_size=4))]
    moments += [(count, True)] * draw(st.integers(1, 2))
    everything += [state_report(history, moment, average=draw(st.booleans()), last=last) for moment, last in moments]
    return history, draw(st.permutations(everything))


class Model:
    """What the ledger must have told after each report, computed in the dullest way."""

    def __init__(self) -> None:
        self.trades: dict[str, Decimal] = {}
        self.highest = Decimal(0)
        self.waiting: dict[str, Decimal] = {}
        self.joined = False

    def deliver(self, report: OrderReport | FillReport) -> None:
        if report.client_order_id is not None:
            self.joined = True
        if isinstance(report, OrderReport):
            self.highest = max(self.highest, report.filled)
            return
        if report.trade_id is not None:
            self.trades[report.trade_id] = report.quantity
        if report.cumulative is not None:
            self.highest = max(self.highest, report.cumulative)

    @property
    def filled(self) -> Decimal:
        return max(sum(self.trades.values(), Decimal(0)), self.highest) if self.joined else Decimal(0)


class Told:
    """Everything a ledger told, with the rules that hold for each single event."""

    def __init__(self) -> None:
        self.filled = self.notional = self.fees = Decimal(0)
        self.accepted = self.ended = self.last_sequence = 0

    def take(self, update: LedgerUpdate) -> None:
        assert update.doubts == ()
        for event in update.events:
            match event:
                case Fill():
                    assert event.quantity > 0
                    self.filled += event.quantity
                    self.notional += event.quantity * event.price
                    self.fees += event.fee
                    assert event.cumulative == self.filled
                    assert event.sequence == self.last_sequence + 1
                    assert self.accepted or self.ended, "a fill is the first sign of life at the latest"
                    self.last_sequence = event.sequence
                case FillCorrection():
                    assert event.quantity > 0
                    self.notional += event.quantity * (event.price - event.assumed_price)
                    self.fees += event.fee
                case Acceptance():
                    self.accepted += 1
                case Ending():
                    self.ended += 1
                    assert event.cumulative == self.filled, "the end is told after the fills it implies"
        assert self.accepted <= 1
        assert self.ended <= 1


@given(deliveries(ids=True))
def test_any_order_and_repetition_of_reports_gives_the_same_total(delivery):
    history, reports = delivery
    ledger, model, so_far = FillLedger(), Model(), Told()
    ledger.expect(request())
    for report in reports:
        so_far.take(ledger.apply(report))
        model.deliver(report)
        assert so_far.filled == model.filled <= history.total
    assert so_far.filled == ledger.filled(ORDER) == history.total
    assert so_far.ended == history.status.is_terminal
    assert abs(so_far.fees - history.fees) < Decimal("1e-20")
    assert abs(so_far.notional - history.notional) < Decimal("1e-20")
    state = ledger.state(ORDER)
    assert state is not None
    assert abs(state.notional - history.notional) < Decimal("1e-20")


@given(deliveries(ids=False))
def test_reports_without_trade_ids_give_the_same_total(delivery):
    history, reports = delivery
    ledger, so_far = FillLedger(), Told()
    ledger.expect(request())
    for report in reports:
        so_far.take(ledger.apply(report))
        assert so_far.filled <= history.total
    assert so_far.filled == history.total


@given(deliveries(ids=True), st.data())
def test_lost_reports_never_make_more_than_the_truth(delivery, data):
    history, reports = delivery
    ledger, so_far = FillLedger(), Told()
    for report in reports:
        if data.draw(st.booleans()):
            so_far.take(ledger.apply(report))
        assert so_far.filled <= history.total


@given(deliveries(ids=True), st.data())
def test_forgetting_ended_orders_at_any_moment_changes_no_total(delivery, data):
    history, reports = delivery
    ledger, so_far = FillLedger(), Told()
    ledger.expect(request())
    for now_ns, report in enumerate(reports):
        so_far.take(ledger.apply(report, received_ns=now_ns))
        if data.draw(st.booleans()):
            ledger.forget_ended(now_ns + 1)
        assert so_far.filled == ledger.filled(ORDER)
    assert so_far.filled == history.total
    assert abs(so_far.fees - history.fees) < Decimal("1e-20")


@given(deliveries(ids=True), st.data())
def test_restart_at_any_moment_tells_nothing_twice(delivery, data):
    history, reports = delivery
    cut = data.draw(st.integers(0, len(reports)))
    ledger, so_far = FillLedger(), Told()
    ledger.expect(request())
    kept = Kept(history)
    for report in reports[:cut]:
        update = ledger.apply(report)
        so_far.take(update)
        for event in update.events:
            if isinstance(event, Fill | FillCorrection):
                kept.take(event)
    state = ledger.state(ORDER)
    assert state is not None
    reborn = FillLedger(first_sequence=so_far.last_sequence + 1)
    trades = (*kept.trades.values(), *kept.rest)
    reborn.restore(request(), order_id=state.order_id, trades=trades, filled=state.filled, status=state.status)
    for report in (*reports[cut:], *reports):  # after a restart everything is read again
        so_far.take(reborn.apply(report))
    assert so_far.filled == history.total
    assert abs(so_far.fees - history.fees) < Decimal("1e-20")
    assert abs(so_far.notional - history.notional) < Decimal("1e-20")


class Kept:
    """What a journal keeps of what was told: each trade, and row by row what no trade explains yet."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.trades: dict[TradeId, RestoredTrade] = {}
        self.rest: list[RestoredTrade] = []

    def take(self, event: Fill | FillCorrection) -> None:
        if event.trade_id is not None:
            whole = next(trade for trade in self.history.trades if trade[0] == event.trade_id)
            self.trades[event.trade_id] = RestoredTrade(event.trade_id, Decimal(whole[2]), whole[1] * STEP)
        elif isinstance(event, Fill):
            self.rest.append(RestoredTrade(None, event.price, event.quantity))
        left = event.quantity if isinstance(event, FillCorrection) else Decimal(0)
        while left:
            first = self.rest.pop(0)
            share = min(left, first.quantity)
            left -= share
            if share < first.quantity:
                self.rest.insert(0, RestoredTrade(None, first.price, first.quantity - share))


@given(deliveries(ids=True), st.integers(0, 5))
def test_patience_changes_only_when_not_how_much(delivery, patience_ns):
    history, reports = delivery
    ledger, so_far = FillLedger(gap_patience_ns=patience_ns), Told()
    ledger.expect(request())
    for now_ns, report in enumerate(reports):
        so_far.take(ledger.apply(report, received_ns=now_ns))
        so_far.take(ledger.release(now_ns))
        assert so_far.filled <= history.total
    so_far.take(ledger.release(len(reports) + patience_ns))
    assert so_far.filled == history.total
    assert so_far.ended == history.status.is_terminal


class LedgerMachine(RuleBasedStateMachine):
    """An order that trades and ends while its reports are delivered late, twice, in part, by several mouths."""

    def __init__(self) -> None:
        super().__init__()
        self.trades: list[tuple[str, int, str]] = []
        self.status = OrderStatus.OPEN
        self.ledger = FillLedger()
        self.model = Model()
        self.told = Told()
        self.now_ns = 0

    @property
    def history(self) -> History:
        return History(tuple(self.trades), self.status)

    @property
    def left(self) -> int:
        return SIZE - sum(quantity for _, quantity, _ in self.trades)

    @initialize(expected=st.booleans())
    def place(self, expected: bool) -> None:
        if expected:
            self.ledger.expect(request())

    @precondition(lambda self: self.left > 0 and not self.status.is_terminal)
    @rule(share=st.integers(1, 100), price=st.sampled_from(["99.9", "99.8"]))
    def trade(self, share: int, price: str) -> None:
        self.trades.append((f"t{len(self.trades)}", max(1, self.left * share // 100), price))
        self.status = OrderStatus.FILLED if self.left == 0 else OrderStatus.PARTIALLY_FILLED

    @precondition(lambda self: not self.status.is_terminal)
    @rule(status=st.sampled_from([OrderStatus.CANCELED, OrderStatus.EXPIRED]))
    def end(self, status: OrderStatus) -> None:
        self.status = status

    @precondition(lambda self: self.trades)
    @rule(data=st.data(), mouth=st.sampled_from(["ours", "bare", "venue"]))
    def report_trade(self, data: st.DataObject, mouth: Literal["ours", "bare", "venue"]) -> None:
        self.deliver(trade_report(self.history, data.draw(st.integers(0, len(self.trades) - 1)), mouth))

    @rule(data=st.data(), average=st.booleans(), last=st.booleans())
    def report_state(self, data: st.DataObject, average: bool, last: bool) -> None:
        moment = data.draw(st.integers(0, len(self.trades)))
        self.deliver(state_report(self.history, moment, average=average, last=last))

    @rule()
    def forget(self) -> None:
        self.ledger.forget_ended(self.now_ns + 1)

    @rule()
    def learn_id(self) -> None:
        self.model.joined = True
        self.told.take(self.ledger.know(VENUE_ID, ORDER, received_ns=self.now_ns))

    def deliver(self, report: OrderReport | FillReport) -> None:
        self.now_ns += 1
        self.told.take(self.ledger.apply(report, received_ns=self.now_ns))
        self.model.deliver(report)

    @invariant()
    def told_is_what_was_reported_and_no_more_than_happened(self) -> None:
        assert self.told.filled == self.model.filled == self.ledger.filled(ORDER)
        assert self.told.filled <= self.history.total

    def teardown(self) -> None:
        for index in range(len(self.trades)):
            self.deliver(trade_report(self.history, index, "venue"))
        self.deliver(state_report(self.history, len(self.trades), average=True, last=True))
        assert self.told.filled == self.history.total
        assert self.told.ended == self.status.is_terminal
        assert abs(self.told.fees - self.history.fees) < Decimal("1e-20")


TestLedgerMachine = LedgerMachine.TestCase
