"""The client with the native library and the simulated venue with its own mathematics, two implementations of one
note, talk to each other without sockets. Every signature is checked.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.clock import SystemClock
from exchanges.errors import AuthenticationRefused, OutcomeUnknown, RequestRefused, RuleViolated, UnknownOrder
from exchanges.fills import Ending, Fill, FillLedger
from exchanges.lighter import LighterSettings, LighterVenue
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import BestPrice, FillReport, NoticeKind, OrderReport, PositionReport, StreamNotice
from exchanges.simulated.faces.protocol import HttpAnswer, HttpCall
from exchanges.values import CancelReason, OrderRef, OrderRequest, OrderStatus, PriceSource, Side
from exchanges.venue import AccountSetup, Call, HttpReply, SignAgain, SignedRequest, StreamEndpoint, Undecided
from tests.exchanges.lighter.samples import vectors
from tests.exchanges.simulated.lighter_bench import ACCOUNT, MS, LighterBench

SYMBOL = "ETH"
LATENCY_S = 1.0
"""Longer than any of the venue's artificial latencies."""


class Account:
    """One account of the client on a bench with one venue, which lives at the library's own time."""

    def __init__(self, **paper: object) -> None:
        start_ms = SystemClock().wall_ns() // MS
        self.bench = LighterBench(start_ms=start_ms, **{"lighter_signature_check_pct": 100, **paper})
        self.venue = self.client()
        self.asked: list[str] = []
        self._sequence = 0
        self.ask(self.venue.markets())

    @staticmethod
    def client(**changes: str) -> LighterVenue:
        known = {
            "account_index": str(ACCOUNT),
            "api_key_index": "4",
            "chain_id": "304",
            "private_key": vectors("key")["private_key"],
        }
        return LighterVenue.with_credentials(LighterSettings(), {**known, **changes}, "http://x", "ws://x")

    def ask(self, call: Call[Any]) -> Any:
        """Do what a lane does: ask first what has to be known, sign, send, follow; sign a command again once."""
        first = call.first() if call.first is not None else None
        if first is not None:
            self.ask(first)
        try:
            return self._once(call)
        except SignAgain:
            first = call.first() if call.first is not None else None
            if first is not None:
                self.ask(first)
            return self._once(call)
        except Undecided as more:
            return self.ask(more.further)

    def _once(self, call: Call[Any]) -> Any:
        self.asked.append(call.request.operation)
        return call.read(self.send(self.venue.sign(call.request, wall_ns=self.bench.now_ns)))

    def send(self, signed: SignedRequest) -> HttpReply:
        path, _, query = signed.target.partition("?")
        headers = {name.lower(): value for name, value in signed.headers.items()}
        request = self.bench.send(
            HttpCall(method=signed.method, path=path, query=query, headers=headers, body=signed.body)
        )
        for _ in range(30):
            for output in self.bench.outputs:
                if isinstance(output, HttpAnswer) and output.request_id == request:
                    named = {name.lower(): value for name, value in output.headers.items()}
                    now_ns = self.bench.now_ns
                    return HttpReply(status=output.status, headers=named, body=output.body, received_ns=now_ns)
            self.bench.wait(0.01)
        raise AssertionError("no answer")

    def order(self, side: Side, price: str, quantity: str = "0.0250", **changes: Any) -> OrderRequest:
        self._sequence += 1
        order = OrderRequest(
            client_order_id=pack(OrderKey(3, self._sequence, 0)),
            symbol=SYMBOL,
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
            post_only=True,
            reduce_only=False,
        )
        return replace(order, **changes)

    def place(self, side: Side, price: str, quantity: str = "0.0250", **changes: Any) -> OrderRequest:
        order = self.order(side, price, quantity, **changes)
        report: OrderReport = self.ask(self.venue.place_limit_order(order))
        assert report.order_id is None
        return order

    def bought(self) -> OrderRequest:
        """A filled buy."""
        order = self.place(Side.BUY, "2351.00", post_only=False, immediate=True)
        self.bench.wait(LATENCY_S)
        assert self.state(order).status is OrderStatus.FILLED
        return order

    def state(self, order: OrderRequest, **changes: Any) -> OrderReport:
        report: OrderReport = self.ask(self.venue.query_order(named(order, **changes)))
        return report

    def connect(self, endpoint: StreamEndpoint) -> int:
        assert endpoint.url == "ws://x/stream"
        session = self.bench.connect("/stream")
        for frame in endpoint.hello:
            self.bench.tell(session, frame)
        return session

    def listen(self) -> int:
        token = self.ask(self.venue.open_private())
        session = self.connect(self.venue.private_stream(token, (SYMBOL,), wall_ns=self.bench.now_ns))
        self.heard(session)
        return session

    def heard(self, session: int) -> list[Any]:
        frames = self.bench._frames.pop(session, [])
        return [report for text in frames for report in self.venue.parse_private(text.encode(), self.bench.now_ns)]

    def seen(self, session: int) -> list[Any]:
        frames = self.bench._frames.pop(session, [])
        return [report for text in frames for report in self.venue.parse_public(text.encode(), self.bench.now_ns)]


@pytest.fixture
def account():
    return Account()


def named(order: OrderRequest, **changes: Any) -> OrderRef:
    return OrderRef(symbol=SYMBOL, client_order_id=order.client_order_id, **changes)


def statuses(reports: list[Any]) -> list[tuple[OrderStatus, CancelReason | None]]:
    return [(report.status, report.reason) for report in reports if isinstance(report, OrderReport)]


# --- reading ---


def test_public_readings(account):
    assert abs(account.ask(account.venue.server_time()) - account.bench.now_ns) <= 10**9
    rules = account.ask(account.venue.markets())[SYMBOL]
    assert (rules.tick, rules.step, rules.min_quantity) == (Decimal("0.01"), Decimal("0.0001"), Decimal("0.0050"))
    assert (rules.min_notional, rules.is_trading) == (10, True)
    price = account.ask(account.venue.best_price(SYMBOL))
    assert (price.bid, price.ask, price.source) == (Decimal("2350.00"), Decimal("2350.10"), PriceSource.REST)


def test_a_fresh_account_is_flat_and_has_no_orders(account):
    assert account.ask(account.venue.active_orders(SYMBOL)).orders == ()
    assert account.ask(account.venue.position(SYMBOL)).quantity == 0
    assert account.ask(account.venue.recent_fills(SYMBOL, after=None, since_ns=0)) == ()
    totals = account.ask(account.venue.account_summary())
    assert totals.equity == totals.available > 0
    assert account.ask(account.venue.fee_rates(SYMBOL)).maker >= 0


def test_a_key_of_somebody_else_is_refused():
    account = Account()
    account.venue = account.client(private_key="0x" + "11" * 40)
    account.ask(account.venue.markets())
    with pytest.raises(AuthenticationRefused):
        account.ask(account.venue.active_orders(SYMBOL))
    with pytest.raises(AuthenticationRefused):
        account.place(Side.BUY, "2340.00")


def test_a_signature_for_another_chain_is_refused():
    account = Account()
    account.venue = account.client(chain_id="300")
    account.ask(account.venue.markets())
    with pytest.raises(AuthenticationRefused):
        account.place(Side.BUY, "2340.00")


# --- set-up ---


def set_up(account):
    setup = AccountSetup(symbol=SYMBOL, leverage=7)
    for _ in range(5):
        try:
            return [account.ask(check) for check in account.venue.account_checks(setup)]
        except OutcomeUnknown:
            account.bench.wait(LATENCY_S)
    raise AssertionError("the leverage was never set")


def test_leverage_is_set_once_and_then_found(account):
    setup = AccountSetup(symbol=SYMBOL, leverage=7)
    assert set_up(account) == [None] * 4
    assert account.asked.count("SignUpdateLeverage") == 1
    before = len(account.asked)
    account.bench.wait(LATENCY_S)
    assert [account.ask(check) for check in account.venue.account_checks(setup)] == [None] * 4
    assert "SignUpdateLeverage" not in account.asked[before:]


# --- orders ---


def test_a_post_only_entry_rests_and_is_canceled(account):
    session = account.listen()
    order = account.place(Side.BUY, "2340.00")
    account.bench.wait(LATENCY_S)
    assert statuses(account.heard(session))[:1] == [(OrderStatus.OPEN, None)]
    listed = account.ask(account.venue.active_orders(SYMBOL)).orders
    assert [report.client_order_id for report in listed] == [order.client_order_id]
    assert (listed[0].price, listed[0].quantity, listed[0].filled) == (order.price, order.quantity, 0)
    account.ask(account.venue.cancel_order(named(order)))
    account.bench.wait(LATENCY_S)
    assert statuses(account.heard(session))[-1] == (OrderStatus.CANCELED, CancelReason.REQUESTED)
    assert account.state(order).status is OrderStatus.CANCELED


def test_a_post_only_order_that_would_take_ends_by_a_frame(account):
    session = account.listen()
    order = account.place(Side.BUY, "2350.10")
    account.bench.wait(LATENCY_S)
    assert statuses(account.heard(session)) == [(OrderStatus.CANCELED, CancelReason.POST_ONLY)]
    assert account.state(order).reason is CancelReason.POST_ONLY


def test_fills_come_by_frame_and_by_rest_and_count_once(account):
    session = account.listen()
    order = account.place(Side.BUY, "2349.00", "0.0500")
    account.bench.wait(LATENCY_S)
    account.bench.trade(SYMBOL, "2349.00", "0.0200", buyer_is_maker=True)
    account.bench.quote(SYMBOL, "2348.00", "2348.50")
    account.bench.wait(LATENCY_S)
    ledger = FillLedger()
    ledger.expect(order)
    state = account.state(order)
    again = account.ask(account.venue.order_fills(named(order, order_id=state.order_id)))
    missed = account.ask(account.venue.recent_fills(SYMBOL, after=None, since_ns=account.bench.now_ns - 10**10))
    events = []
    for report in (*account.heard(session), *again, *missed, state):
        if isinstance(report, OrderReport | FillReport):
            events += ledger.apply(report).events
    fills = [event for event in events if isinstance(event, Fill)]
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert [event.status for event in events if isinstance(event, Ending)] == [OrderStatus.FILLED]
    assert again == missed
    assert all(fill.is_maker for fill in again)
    position = account.ask(account.venue.position(SYMBOL))
    assert (position.quantity, position.entry_price) == (order.quantity, Decimal("2349.00"))


def test_an_immediate_order_takes_up_to_its_worst_price(account):
    session = account.listen()
    account.bought()
    reports = account.heard(session)
    (fill,) = [report for report in reports if isinstance(report, FillReport)]
    assert (fill.price, fill.is_maker) == (Decimal("2350.10"), False)
    assert [report.quantity for report in reports if isinstance(report, PositionReport)][-1] == Decimal("0.0250")
    short = account.place(Side.SELL, "2360.00", post_only=False, immediate=True)
    account.bench.wait(LATENCY_S)
    assert account.state(short).reason is CancelReason.IMMEDIATE


def test_an_exit_is_reduce_only_and_one_without_position_ends(account):
    session = account.listen()
    account.bought()
    held = account.place(Side.SELL, "2360.00", reduce_only=True)
    account.bench.wait(LATENCY_S)
    assert account.state(held).reduce_only
    account.heard(session)
    try:
        order = account.place(Side.BUY, "2340.00", reduce_only=True)
    except RequestRefused:
        return  # the gate may know
    account.bench.wait(LATENCY_S)
    state = account.state(order)
    assert state.status.is_terminal
    assert state.filled == 0


def test_an_order_below_the_minimum_is_refused_and_gives_its_nonce_back(account):
    with pytest.raises(RuleViolated):
        account.place(Side.BUY, "2340.00", "0.0010")
    order = account.place(Side.BUY, "2340.00")
    account.bench.wait(LATENCY_S)
    assert account.state(order).status is OrderStatus.OPEN
    assert account.asked.count("GET nextNonce") == 1


def test_cancel_all_of_the_market(account):
    orders = [account.place(Side.BUY, price) for price in ("2340.00", "2341.00")]
    account.bench.wait(LATENCY_S)
    account.ask(account.venue.cancel_all(SYMBOL))
    account.bench.wait(LATENCY_S)
    assert [account.state(order).status for order in orders] == [OrderStatus.CANCELED] * 2


# --- nonces and proofs ---


def test_another_user_of_the_key_costs_a_question_and_no_order(account):
    account.place(Side.BUY, "2340.00")
    other = account.client()
    ours, account.venue = account.venue, other
    account.ask(other.markets())
    account.place(Side.BUY, "2339.00")
    account.venue = ours
    order = account.place(Side.BUY, "2338.00")
    account.bench.wait(LATENCY_S)
    assert account.state(order).status is OrderStatus.OPEN


def test_an_order_that_never_left_is_proven_void_by_its_nonce(account):
    order = account.order(Side.BUY, "2340.00")
    call = account.venue.place_limit_order(order)
    first = call.first()
    account.ask(first)
    lost = account.venue.sign(call.request, wall_ns=account.bench.now_ns)
    report = None
    for _ in range(3):
        try:
            report = account.state(order)
            break
        except OutcomeUnknown:
            account.place(Side.BUY, "2330.00")  # whatever is sent next uses the nonce up
            account.bench.wait(11)
    assert report is not None
    assert (report.status, report.reason) == (OrderStatus.REJECTED, CancelReason.NEVER_ACCEPTED)
    late = account.send(lost)
    with pytest.raises(SignAgain):
        call.read(late)


def test_an_order_whose_answer_was_lost_is_found(account):
    order = account.order(Side.BUY, "2340.00")
    call = account.venue.place_limit_order(order)
    account.ask(call.first())
    account.send(account.venue.sign(call.request, wall_ns=account.bench.now_ns))
    account.bench.wait(LATENCY_S)
    assert account.state(order).status is OrderStatus.OPEN
    exit_order = account.place(Side.BUY, "2339.00")
    account.bench.wait(LATENCY_S)
    assert account.state(exit_order).status is OrderStatus.OPEN


def test_an_order_an_earlier_run_may_have_sent_is_proven_void_and_refused_when_it_comes(account):
    set_up(account)
    account.bench.wait(LATENCY_S)
    order = account.order(Side.BUY, "2340.00")
    call = account.venue.place_limit_order(order)
    account.ask(call.first() or account.venue.server_time())
    late = account.venue.sign(call.request, wall_ns=account.bench.now_ns)
    not_before_ns = account.bench.now_ns
    account.venue = account.client()
    account.ask(account.venue.markets())
    assert set_up(account) == [None] * 4
    with pytest.raises(OutcomeUnknown, match="asked again"):
        account.state(order, not_before_ns=not_before_ns)
    with pytest.raises(UnknownOrder, match="yet"):
        account.state(order, not_before_ns=not_before_ns)
    account.bench.wait(11)
    assert account.state(order, not_before_ns=not_before_ns).reason is CancelReason.NEVER_ACCEPTED
    with pytest.raises(SignAgain):
        call.read(account.send(late))
    order = account.place(Side.BUY, "2338.00")
    account.bench.wait(LATENCY_S)
    assert account.state(order).status is OrderStatus.OPEN, "the nonces go on"


# --- streams ---


def test_the_ticker_is_the_best_price(account):
    session = account.connect(account.venue.public_stream((SYMBOL,)))
    account.bench.quote(SYMBOL, "2351.00", "2351.20")
    account.bench.wait(0.2)
    prices = [report for report in account.seen(session) if isinstance(report, BestPrice)]
    assert (prices[-1].symbol, prices[-1].bid, prices[-1].ask) == (SYMBOL, Decimal("2351.00"), Decimal("2351.20"))


def test_a_bad_token_is_told_as_a_credential_that_does_not_hold(account):
    endpoint = account.venue.private_stream("1:2:3:zz", (SYMBOL,), wall_ns=account.bench.now_ns)
    notices = [each for each in account.heard(account.connect(endpoint)) if isinstance(each, StreamNotice)]
    assert NoticeKind.CREDENTIAL_EXPIRED in {notice.kind for notice in notices}


def test_subscribing_is_answered_by_snapshots_without_errors(account):
    order = account.place(Side.BUY, "2340.00")
    account.bench.wait(LATENCY_S)
    token = account.ask(account.venue.open_private())
    session = account.connect(account.venue.private_stream(token, (SYMBOL,), wall_ns=account.bench.now_ns))
    reports = account.heard(session)
    assert [report.client_order_id for report in reports if isinstance(report, OrderReport)] == [order.client_order_id]
    kinds = {report.kind for report in reports if isinstance(report, StreamNotice)}
    assert NoticeKind.CREDENTIAL_EXPIRED not in kinds
