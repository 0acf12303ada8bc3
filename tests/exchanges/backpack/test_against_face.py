"""The client and the simulated venue, two implementations of one note, talk to each other without sockets."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.backpack import BackpackSettings, BackpackVenue
from exchanges.errors import (
    AuthenticationRefused,
    InsufficientMargin,
    OutcomeUnknown,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
    WouldCross,
)
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import BestPrice, FillReport, NoticeKind, OrderReport, PositionReport
from exchanges.simulated.faces.backpack.signing import make_credentials
from exchanges.simulated.faces.backpack.switches import NotFoundStyle, PostOnlyMode, ReplyOrder
from exchanges.simulated.faces.mishaps import Mishap, PlannedMishap
from exchanges.simulated.faces.protocol import HttpAnswer, HttpCall
from exchanges.simulated.hosting import seeded
from exchanges.values import CancelReason, OrderRef, OrderRequest, OrderStatus, PriceSource, Side
from exchanges.venue import AccountSetup, Call, HttpReply, SignedRequest, StreamEndpoint, Undecided
from tests.exchanges.simulated.backpack_bench import SOL, BackpackBench


class Account:
    """One account of the client on a bench with one venue."""

    def __init__(self, reply_order: ReplyOrder = ReplyOrder.REPLY_FIRST, **paper: object) -> None:
        self.bench = BackpackBench(reply_order=reply_order, **paper)
        self.venue = self.client(self.bench.api_key, self.bench.secret)
        self.asked: list[str] = []
        self._sequence = 0

    @staticmethod
    def client(api_key: str, secret: str) -> BackpackVenue:
        known = {"api_key": api_key, "secret": secret}
        return BackpackVenue.with_credentials(BackpackSettings(), known, "http://x", "ws://x")

    def ask(self, call: Call[Any]) -> Any:
        """Sign, send and read; where one answer leads to another question, ask that too."""
        self.asked.append(call.request.operation)
        reply = self.send(self.venue.sign(call.request, wall_ns=self.bench.now_ns))
        try:
            return call.read(reply)
        except Undecided as undecided:
            return self.ask(undecided.further)

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

    def order(self, side: Side, price: str | None, quantity: str = "0.50", **changes: Any) -> OrderRequest:
        self._sequence += 1
        order = OrderRequest(
            client_order_id=pack(OrderKey(3, self._sequence, 0)),
            symbol=SOL,
            side=side,
            quantity=Decimal(quantity),
            price=None if price is None else Decimal(price),
            post_only=price is not None,
            reduce_only=False,
        )
        return replace(order, **changes)

    def place(self, side: Side, price: str | None, quantity: str = "0.50", **changes: Any) -> OrderReport:
        report: OrderReport = self.ask(self.venue.place_limit_order(self.order(side, price, quantity, **changes)))
        return report

    def connect(self, endpoint: StreamEndpoint) -> int:
        assert endpoint.url == "ws://x"
        session = self.bench.connect("/")
        for frame in endpoint.hello:
            self.bench.tell(session, frame)
        return session

    def listen(self) -> int:
        return self.connect(self.venue.private_stream("", (SOL,), wall_ns=self.bench.now_ns))

    def heard(self, session: int) -> list[Any]:
        frames = self.bench._frames.pop(session, [])
        return [report for text in frames for report in self.venue.parse_private(text.encode(), self.bench.now_ns)]


@pytest.fixture(params=ReplyOrder)
def account(request):
    return Account(request.param)


def named(order: OrderRequest | OrderReport, order_id: Any = None) -> OrderRef:
    assert order.client_order_id is not None
    return OrderRef(symbol=SOL, client_order_id=order.client_order_id, order_id=order_id)


# --- reading ---


def test_public_readings(account):
    assert account.ask(account.venue.server_time()) == account.bench.now_ns
    rules = account.ask(account.venue.markets())[SOL]
    assert (rules.tick, rules.step, rules.min_quantity) == (Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
    assert (rules.band_up, rules.band_down, rules.max_leverage) == (Decimal("1.1"), Decimal("0.9"), 50)
    assert rules.is_trading
    quote = account.ask(account.venue.best_price(SOL))
    assert (quote.bid, quote.ask, quote.source) == (Decimal("141.27"), Decimal("141.30"), PriceSource.REST)
    with pytest.raises(RuleViolated):
        account.ask(account.venue.best_price("FOO_USDC_PERP"))


def test_quotes_of_the_stream(account):
    session = account.connect(account.venue.public_stream((SOL,)))
    account.bench.quote(SOL, "141.28", "141.31")
    (text,) = account.bench._frames[session]
    (quote,) = account.venue.parse_public(text.encode(), 5)
    assert isinstance(quote, BestPrice)
    assert (quote.symbol, quote.bid, quote.ask) == (SOL, Decimal("141.28"), Decimal("141.31"))
    assert quote.occurred_ns == account.bench.now_ns


def test_account_readings(account):
    summary = account.ask(account.venue.account_summary())
    assert (summary.equity, summary.available) == (1000, 1000)
    rates = account.ask(account.venue.fee_rates(SOL))
    assert (rates.maker, rates.taker) == (Decimal("0.0001"), Decimal("0.0004"))
    assert account.ask(account.venue.position(SOL)).quantity == 0


def test_account_checks_set_the_leverage(account):
    setup = AccountSetup(symbol=SOL, leverage=7, isolated=False)
    for _ in range(2):
        assert [account.ask(call) for call in account.venue.account_checks(setup)] == [None] * 3
    assert account.bench.venue.engine.position(account.bench.face.account, SOL).leverage == 7


def test_account_checks_tell_a_leverage_that_is_refused(account):
    account.place(Side.BUY, "141.00", "60.00")
    setup = AccountSetup(symbol=SOL, leverage=2, isolated=False)
    problems = [text for call in account.venue.account_checks(setup) if (text := account.ask(call))]
    assert "leverage 2" in problems[0]


def test_a_key_the_venue_does_not_know(account):
    stranger = make_credentials(seeded(1, "stranger"))
    account.venue = account.client(stranger.api_key, stranger.secret)
    setup = AccountSetup(symbol=SOL, leverage=7, isolated=False)
    with pytest.raises(AuthenticationRefused):
        account.ask(account.venue.account_checks(setup)[0])


# --- the life of an order ---


def test_an_order_fills_in_two_parts(account):
    session, order = account.listen(), account.order(Side.BUY, "141.28")
    placed = account.ask(account.venue.place_limit_order(order))
    assert (placed.status, placed.client_order_id) == (OrderStatus.OPEN, order.client_order_id)
    assert account.ask(account.venue.query_order(named(order))).status is OrderStatus.OPEN
    (active,) = account.ask(account.venue.active_orders(SOL)).orders
    assert (active.order_id, active.price, active.quantity) == (placed.order_id, Decimal("141.28"), Decimal("0.50"))
    account.bench.trade(SOL, "141.28", "0.2", buyer_is_maker=True)
    account.bench.wait(1)
    account.bench.trade(SOL, "141.28", "5", buyer_is_maker=True)
    account.bench.wait(1)
    heard = account.heard(session)
    fills = [report for report in heard if isinstance(report, FillReport)]
    assert [(fill.quantity, fill.cumulative) for fill in fills] == [
        (Decimal("0.20"), Decimal("0.20")),
        (Decimal("0.30"), Decimal("0.50")),
    ]
    assert {fill.client_order_id for fill in fills} == {order.client_order_id}
    states = [report.status for report in heard if isinstance(report, OrderReport)]
    assert states == [OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED]
    positions = [report.quantity for report in heard if isinstance(report, PositionReport)]
    assert positions == [Decimal("0.20"), Decimal("0.50")]
    history = account.ask(account.venue.order_fills(named(order, placed.order_id)))
    assert [fill.trade_id for fill in history] == [fill.trade_id for fill in fills]
    assert [fill.fee for fill in history] == [fill.fee for fill in fills]
    assert account.ask(account.venue.recent_fills(SOL, after=None, since_ns=account.bench.now_ns)) == history
    position = account.ask(account.venue.position(SOL))
    assert (position.quantity, position.entry_price) == (Decimal("0.5"), Decimal("141.28"))
    with pytest.raises(UnknownOrder):
        account.ask(account.venue.cancel_order(named(order, placed.order_id)))
    assert account.ask(account.venue.query_order(named(order))).status is OrderStatus.FILLED


@pytest.mark.parametrize("style", NotFoundStyle)
def test_a_canceled_order(account, style):
    account.bench.face.switches.not_found_style = style
    session, order = account.listen(), account.order(Side.SELL, "142.00")
    placed = account.ask(account.venue.place_limit_order(order))
    canceled = account.ask(account.venue.cancel_order(named(order, placed.order_id)))
    assert (canceled.status, canceled.reason, canceled.filled) == (OrderStatus.CANCELED, CancelReason.REQUESTED, 0)
    account.bench.wait(1)
    assert account.heard(session)[-1].status is OrderStatus.CANCELED
    assert account.ask(account.venue.active_orders(SOL)).orders == ()
    with pytest.raises(UnknownOrder):
        account.ask(account.venue.cancel_order(named(order)))


def test_what_became_of_an_order_is_read_from_history(account):
    order = account.order(Side.SELL, "142.00")
    account.ask(account.venue.place_limit_order(order))
    account.ask(account.venue.cancel_order(named(order)))
    account.asked.clear()
    with pytest.raises(UnknownOrder):
        account.ask(account.venue.query_order(named(order)))  # history does not show it yet: asked again by its owner
    account.bench.wait(1)
    assert account.ask(account.venue.query_order(named(order))).status is OrderStatus.CANCELED
    assert account.asked == [
        *("GET order", "GET history/orders", "GET history/fills"),
        *("GET order", "GET history/orders"),
    ]


def test_cancel_all(account):
    placed = {account.place(Side.BUY, price).order_id for price in ("140.00", "140.10")}
    canceled = account.ask(account.venue.cancel_all(SOL))
    assert {order.order_id for order in canceled.orders} == placed
    assert {order.status for order in canceled.orders} == {OrderStatus.CANCELED}
    assert account.ask(account.venue.active_orders(SOL)).orders == ()
    assert account.ask(account.venue.cancel_all(SOL)).orders == ()


def test_immediate_and_market_orders_answer_with_their_result(account):
    taken = account.place(Side.BUY, "141.40", post_only=False, immediate=True)
    assert (taken.status, taken.filled, taken.average_price) == (OrderStatus.FILLED, Decimal("0.5"), Decimal("141.3"))
    closed = account.place(Side.SELL, "141.00", post_only=False, immediate=True, reduce_only=True)
    assert closed.status is OrderStatus.FILLED
    unfilled = account.place(Side.BUY, "141.00", post_only=False, immediate=True)
    assert (unfilled.status, unfilled.reason) == (OrderStatus.EXPIRED, CancelReason.IMMEDIATE)
    assert account.place(Side.BUY, None, post_only=False).status is OrderStatus.FILLED


# --- refusals ---


@pytest.mark.parametrize("mode", PostOnlyMode)
def test_a_post_only_order_that_would_take(account, mode):
    account.bench.face.switches.post_only_mode = mode
    session, order = account.listen(), account.order(Side.BUY, "141.30")
    if mode is PostOnlyMode.REPLY_EXPIRED:
        report = account.ask(account.venue.place_limit_order(order))
        assert (report.status, report.reason, report.filled) == (OrderStatus.EXPIRED, CancelReason.POST_ONLY, 0)
    else:
        with pytest.raises(WouldCross):
            account.ask(account.venue.place_limit_order(order))
    ends = [(report.status, report.reason) for report in account.heard(session)]
    told = [] if mode is PostOnlyMode.HTTP400 else [(OrderStatus.EXPIRED, CancelReason.POST_ONLY)]
    assert ends[-1:] == told
    assert account.ask(account.venue.active_orders(SOL)).orders == ()


def test_a_reduce_only_order_without_a_position(account):
    with pytest.raises(ReduceOnlyRefused):
        account.place(Side.SELL, "142.00", reduce_only=True)
    account.bench.face.switches.position_lag_ns = 500_000_000
    account.place(Side.BUY, None, post_only=False)
    with pytest.raises(ReduceOnlyRefused):
        account.place(Side.SELL, "142.00", reduce_only=True)
    account.bench.wait(account.venue.capabilities.reduce_only_retry_s)
    assert account.place(Side.SELL, "142.00", reduce_only=True).status is OrderStatus.OPEN


@pytest.mark.parametrize(
    ("price", "quantity", "error"),
    [
        ("141.255", "0.50", RuleViolated),
        ("141.25", "0.505", RuleViolated),
        ("160.00", "0.50", RuleViolated),
        ("141.25", "100.00", InsufficientMargin),
    ],
)
def test_rules_and_margin(account, price, quantity, error):
    with pytest.raises(error):
        account.place(Side.BUY, price, quantity)


def test_quotas(account):
    question = account.venue.recent_fills(SOL, after=None, since_ns=account.bench.now_ns)
    for _ in range(30):
        account.ask(question)
    with pytest.raises(RateLimited):
        account.ask(question)
    assert account.place(Side.BUY, "141.00").status is OrderStatus.OPEN


@pytest.mark.parametrize(
    ("mishap", "is_placed"),
    [
        (Mishap.TIMEOUT_BEFORE, False),
        (Mishap.TIMEOUT_AFTER, True),
        (Mishap.HTML, False),
        (Mishap.PLAIN_TEXT, False),
    ],
)
def test_what_decides_nothing_is_unknown_and_found_out(account, mishap, is_placed):
    account.bench.face.mishaps.plan(PlannedMishap(mishap=mishap, method="POST"))
    order = account.order(Side.BUY, "141.00")
    with pytest.raises(OutcomeUnknown):
        account.ask(account.venue.place_limit_order(order))
    account.bench.wait(1)
    if is_placed:
        assert account.ask(account.venue.query_order(named(order))).status is OrderStatus.OPEN
    else:
        with pytest.raises(UnknownOrder):
            account.ask(account.venue.query_order(named(order)))


def test_a_cancel_that_is_queued_is_unknown(account):
    order = account.order(Side.BUY, "141.00")
    account.ask(account.venue.place_limit_order(order))
    account.bench.face.mishaps.plan(PlannedMishap(mishap=Mishap.CANCEL_QUEUED, method="DELETE", delay_ns=500_000_000))
    with pytest.raises(OutcomeUnknown):
        account.ask(account.venue.cancel_order(named(order)))
    account.bench.wait(2)
    assert account.ask(account.venue.query_order(named(order))).status is OrderStatus.CANCELED


def test_a_request_older_than_the_fence_is_refused(account):
    call = account.venue.place_limit_order(account.order(Side.BUY, "141.00"))
    signed = account.venue.sign(call.request, wall_ns=account.bench.now_ns)
    account.bench.wait(account.venue.capabilities.fence_s)
    with pytest.raises(RequestRefused, match="expired"):
        call.read(account.send(signed))
    assert account.ask(account.venue.active_orders(SOL)).orders == ()


# --- the private stream ---


def test_positions_are_told_on_connecting(account):
    account.place(Side.BUY, None, post_only=False)
    (position,) = account.heard(account.listen())
    assert isinstance(position, PositionReport)
    assert (position.quantity, position.entry_price) == (Decimal("0.50"), Decimal("141.3"))


def test_a_subscription_that_came_too_late_is_told(account):
    endpoint = account.venue.private_stream("", (SOL,), wall_ns=account.bench.now_ns)
    account.bench.wait(60)
    (notice,) = account.heard(account.connect(endpoint))
    assert (notice.kind, notice.text) == (NoticeKind.CREDENTIAL_EXPIRED, "4003 Invalid signature")


def test_a_liquidation_is_told():
    account = Account(start_equity_usd=Decimal(100))
    account.place(Side.BUY, None, "5.00", post_only=False)
    session = account.listen()
    account.heard(session)
    account.bench.quote(SOL, "121.00", "121.05")
    heard = account.heard(session)
    assert NoticeKind.LIQUIDATION in [getattr(report, "kind", None) for report in heard]
    assert [report.quantity for report in heard if isinstance(report, PositionReport)] == [0]
