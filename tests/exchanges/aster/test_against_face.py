"""The client and the simulated venue, two implementations of one note, talk to each other without sockets."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.aster.settings import AsterSettings, Auth
from exchanges.aster.validation import AccountView
from exchanges.aster.venue import AsterVenue
from exchanges.errors import ReduceOnlyRefused, RequestRefused, RuleViolated, UnknownOrder
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import FillReport, NoticeKind, OrderReport, PositionReport
from exchanges.simulated.faces.protocol import HttpAnswer, HttpCall
from exchanges.values import CancelReason, OrderRef, OrderRequest, OrderStatus, Side
from exchanges.venue import AccountSetup, Call, HttpReply, SignedRequest
from tests.exchanges.simulated.face_bench import FaceBench

SYMBOL = "BTCUSDT"


class Account:
    """One account of the client on a bench with one venue."""

    def __init__(self, auth: Auth) -> None:
        self.bench = FaceBench()
        known = {key: str(value) for key, value in self.bench.credentials.as_dict().items()}
        self.venue = AsterVenue.with_credentials(AsterSettings(auth=auth), known, "http://x", "ws://x")
        self._sequence = 0

    def ask(self, call: Call[Any]) -> Any:
        """Sign, send and read."""
        return call.read(self.send(self.venue.sign(call.request, wall_ns=self.bench.now_ns)))

    def send(self, signed: SignedRequest) -> HttpReply:
        path, _, query = signed.target.partition("?")
        headers = {name.lower(): value for name, value in signed.headers.items()}
        request_id = self.bench.send(
            HttpCall(method=signed.method, path=path, query=query, headers=headers, body=signed.body)
        )
        answers = [
            each for each in self.bench.outputs if isinstance(each, HttpAnswer) and each.request_id == request_id
        ]
        (answer,) = answers
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpReply(status=answer.status, headers=headers, body=answer.body, received_ns=self.bench.now_ns)

    def order(self, side: Side, price: str | None, quantity: str = "0.002", **changes: Any) -> OrderRequest:
        self._sequence += 1
        order = OrderRequest(
            client_order_id=pack(OrderKey(3, self._sequence, 0)),
            symbol=SYMBOL,
            side=side,
            quantity=Decimal(quantity),
            price=None if price is None else Decimal(price),
            post_only=True,
            reduce_only=False,
        )
        return replace(order, **changes)

    def listen(self) -> int:
        key = self.ask(self.venue.open_private())
        url = self.venue.private_stream(key, (SYMBOL,), wall_ns=self.bench.now_ns).url
        return self.bench.connect(url.removeprefix("ws://x"))

    def heard(self, session: int) -> list[Any]:
        frames = self.bench._frames.pop(session, [])
        return [report for text in frames for report in self.venue.parse_private(text.encode(), self.bench.now_ns)]


@pytest.fixture(params=[Auth.V3, Auth.V1])
def account(request):
    return Account(request.param)


def named(order: OrderRequest, report: OrderReport | None = None) -> OrderRef:
    order_id = None if report is None else report.order_id
    return OrderRef(symbol=SYMBOL, client_order_id=order.client_order_id, order_id=order_id)


def test_public_readings(account):
    assert account.ask(account.venue.server_time()) == account.bench.now_ns
    rules = account.ask(account.venue.markets())[SYMBOL]
    assert (rules.tick, rules.step, rules.min_notional) == (Decimal("0.1"), Decimal("0.001"), 5)
    quote = account.ask(account.venue.best_price(SYMBOL))
    assert (quote.bid, quote.ask) == (Decimal("94999.9"), Decimal("95000.0"))


def test_quotes_of_the_stream(account):
    session = account.bench.connect(account.venue.public_stream((SYMBOL,)).url.removeprefix("ws://x"))
    account.bench.quote(SYMBOL, "95000.1", "95000.2")
    account.bench.wait(1)
    frames = account.bench._frames[session]
    quotes = [report for text in frames for report in account.venue.parse_public(text.encode(), 5)]
    assert (quotes[-1].symbol, quotes[-1].bid, quotes[-1].ask) == (SYMBOL, Decimal("95000.1"), Decimal("95000.2"))


def test_account_readings(account):
    summary = account.ask(account.venue.account_summary())
    assert summary.equity > 0
    assert summary.available > 0
    rates = account.ask(account.venue.fee_rates(SYMBOL))
    assert rates.taker >= rates.maker
    assert account.ask(account.venue.position(SYMBOL)).quantity == 0


@pytest.mark.parametrize("isolated", [False, True])
def test_account_checks_find_nothing(account, isolated):
    setup = AccountSetup(symbol=SYMBOL, leverage=7, isolated=isolated)
    for _ in range(2):
        assert [account.ask(call) for call in account.venue.account_checks(setup)] == [None] * 5


def test_account_checks_when_an_order_rests_leave_the_state_to_the_readings(account):
    cross, isolated = (AccountSetup(symbol=SYMBOL, leverage=7, isolated=each) for each in (False, True))
    for call in account.venue.account_checks(cross):
        account.ask(call)
    account.ask(account.venue.place_limit_order(account.order(Side.BUY, "94000")))
    assert [account.ask(call) for call in account.venue.account_checks(cross)] == [None] * 5
    (problem,) = filter(None, (account.ask(call) for call in account.venue.account_checks(isolated)))
    assert problem == "margin type of BTCUSDT is cross, isolated was asked for"


def test_the_life_of_an_order(account):
    session, venue = account.listen(), account.venue
    order = account.order(Side.BUY, "94999.9")
    placed = account.ask(venue.place_limit_order(order))
    assert (placed.status, placed.client_order_id) == (OrderStatus.OPEN, order.client_order_id)
    assert account.ask(venue.query_order(named(order))).status is OrderStatus.OPEN
    (resting,) = account.ask(venue.active_orders(SYMBOL)).orders
    assert resting.order_id == placed.order_id
    assert account.heard(session)[0].status is OrderStatus.OPEN

    account.bench.trade(SYMBOL, "94990.0", "50", buyer_is_maker=True)
    account.bench.wait(1)
    heard = account.heard(session)
    fills = [report for report in heard if isinstance(report, FillReport)]
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert {fill.price for fill in fills} == {order.price}
    assert all(fill.is_maker for fill in fills)
    ends = [report for report in heard if isinstance(report, OrderReport) and report.status is OrderStatus.FILLED]
    assert [end.filled for end in ends] == [order.quantity]
    positions = [report for report in heard if isinstance(report, PositionReport)]
    assert positions[-1].quantity == order.quantity
    assert account.ask(venue.position(SYMBOL)).quantity == order.quantity

    assert account.ask(venue.query_order(named(order, placed))).status is OrderStatus.FILLED
    trades = account.ask(venue.order_fills(named(order, placed)))
    assert [trade.trade_id for trade in trades] == [fill.trade_id for fill in fills]
    assert [trade.fee for trade in trades] == [fill.fee for fill in fills]
    assert account.ask(venue.recent_fills(SYMBOL, after=None, since_ns=0)) == trades
    assert account.ask(venue.recent_fills(SYMBOL, after=trades[-1].trade_id, since_ns=0)) == ()
    with pytest.raises(UnknownOrder):
        account.ask(venue.cancel_order(named(order)))


def test_a_canceled_order(account):
    session, order = account.listen(), account.order(Side.SELL, "96000")
    placed = account.ask(account.venue.place_limit_order(order))
    canceled = account.ask(account.venue.cancel_order(named(order, placed)))
    assert (canceled.status, canceled.reason, canceled.filled) == (OrderStatus.CANCELED, CancelReason.REQUESTED, 0)
    account.bench.wait(1)
    assert account.heard(session)[-1].status is OrderStatus.CANCELED
    assert account.ask(account.venue.active_orders(SYMBOL)).orders == ()
    with pytest.raises(UnknownOrder):
        account.ask(account.venue.query_order(named(account.order(Side.BUY, "1"))))


def test_cancel_all_and_dead_man(account):
    for price in ("94000", "93000"):
        account.ask(account.venue.place_limit_order(account.order(Side.BUY, price)))
    account.ask(account.venue.cancel_all(SYMBOL))
    assert account.ask(account.venue.active_orders(SYMBOL)).orders == ()
    account.ask(account.venue.place_limit_order(account.order(Side.BUY, "94000")))
    account.ask(account.venue.dead_man(SYMBOL, 60))
    account.bench.wait(30)
    assert len(account.ask(account.venue.active_orders(SYMBOL)).orders) == 1
    account.bench.wait(40)
    assert account.ask(account.venue.active_orders(SYMBOL)).orders == ()


def test_a_post_only_order_that_would_take_is_open_and_then_expires(account):
    session, order = account.listen(), account.order(Side.BUY, "95000")
    assert account.ask(account.venue.place_limit_order(order)).status is OrderStatus.OPEN
    account.bench.wait(1)
    last = account.heard(session)[-1]
    assert (last.status, last.reason, last.filled) == (OrderStatus.EXPIRED, CancelReason.POST_ONLY, 0)
    assert account.ask(account.venue.query_order(named(order))).reason is CancelReason.POST_ONLY


def test_an_immediate_order_answers_with_its_result(account):
    order = account.order(Side.BUY, "95100", post_only=False, immediate=True)
    report = account.ask(account.venue.place_limit_order(order))
    assert (report.status, report.filled) == (OrderStatus.FILLED, order.quantity)
    assert report.average_price == Decimal("95000.0")
    exit_order = account.order(Side.SELL, "94900", post_only=False, immediate=True, reduce_only=True)
    assert account.ask(account.venue.place_limit_order(exit_order)).status is OrderStatus.FILLED
    unfilled = account.order(Side.BUY, "94000", post_only=False, immediate=True)
    report = account.ask(account.venue.place_limit_order(unfilled))
    assert (report.status, report.reason) == (OrderStatus.EXPIRED, CancelReason.IMMEDIATE)


def test_a_market_order_answers_with_its_result(account):
    order = account.order(Side.BUY, None, post_only=False)
    assert account.ask(account.venue.place_limit_order(order)).status is OrderStatus.FILLED


def test_a_reduce_only_order_without_a_position_is_refused(account):
    with pytest.raises(ReduceOnlyRefused):
        account.ask(account.venue.place_limit_order(account.order(Side.SELL, "96000", reduce_only=True)))


@pytest.mark.parametrize(
    ("price", "quantity"), [("94000.05", "0.002"), ("94000", "0.00001"), ("4000", "0.001"), ("99000", "0.002")]
)
def test_what_the_venue_refuses_by_its_rules_is_denied_before(account, price, quantity):
    order = account.order(Side.BUY, price, quantity)
    rules = account.ask(account.venue.markets())[SYMBOL]
    denied = account.venue.denial(order, rules, AccountView(mark_price=Decimal(95000), position=Decimal(0)))
    with pytest.raises(RuleViolated) as caught:
        account.ask(account.venue.place_limit_order(order))
    assert denied is not None
    assert denied.startswith(f"[{caught.value.code}]")


def test_a_request_sent_twice_is_refused_by_its_nonce():
    account = Account(Auth.V3)
    call = account.venue.place_limit_order(account.order(Side.BUY, "94000"))
    signed = account.venue.sign(call.request, wall_ns=account.bench.now_ns)
    assert call.read(account.send(signed)).status is OrderStatus.OPEN
    with pytest.raises(RequestRefused) as caught:
        call.read(account.send(signed))
    assert caught.value.code == "-4225"
    assert len(account.ask(account.venue.active_orders(SYMBOL)).orders) == 1


def test_a_request_older_than_the_fence_is_refused(account):
    call = account.venue.place_limit_order(account.order(Side.BUY, "94000"))
    signed = account.venue.sign(call.request, wall_ns=account.bench.now_ns)
    account.bench.wait(account.venue.capabilities.fence_s)
    with pytest.raises(RequestRefused) as caught:
        call.read(account.send(signed))
    assert caught.value.code in ("-4225", "-1021")


def test_the_life_of_a_listen_key(account):
    session, venue = account.listen(), account.venue
    key = account.ask(venue.open_private())
    account.bench.wait(1500)
    assert account.ask(venue.renew_private(key)) == key
    account.bench.wait(3000)
    assert account.heard(session) == []
    account.bench.wait(700)
    (notice,) = account.heard(session)
    assert notice.kind is NoticeKind.CREDENTIAL_EXPIRED
    with pytest.raises(RequestRefused) as caught:
        account.ask(venue.renew_private(key))
    assert caught.value.code == "-1125"
    assert account.ask(venue.open_private())
