"""The client: what it tells of which report, whose order is whose, and what it keeps."""

from decimal import Decimal
from typing import Any

import pytest

from exchanges.client import ClientCallbacks, ExchangeClient
from exchanges.fills import FillLedger, RestoredTrade
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import (
    AccountReport,
    BestPrice,
    NoticeKind,
    PositionReport,
    StreamNotice,
)
from exchanges.values import CancelReason, ClientOrderId, OrderId, OrderRef, OrderStatus, TradeId
from exchanges.venue import Capabilities
from tests.exchanges.builders import (
    ORDER,
    OTHER,
    SYMBOL,
    TAG,
    VENUE_ID,
    active_orders,
    fill_report,
    order_report,
    request,
)

FOREIGN = pack(OrderKey(TAG + 1, 1, 0))
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


class StubVenue:
    """Only what the client asks of a venue."""

    def __init__(self, **different: Any) -> None:
        settings = {
            "cancel_report_is_final": True,
            "reply_is_acceptance": True,
            "fills_have_trade_ids": True,
            "reduce_only_exempt_from_minimum": True,
            "fence_s": 60.0,
        }
        self.capabilities = Capabilities(**(settings | different))


class Told:
    """Remembers every callback as (name, what)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def callbacks(self) -> ClientCallbacks:
        return ClientCallbacks(
            order_fill=self.order_fill,
            order_accepted=self.note("accepted"),
            order_ended=self.order_ended,
            position=self.note("position"),
            foreign_order=self.note("foreign"),
            notice=self.note("notice"),
            fill_corrected=self.note("corrected"),
            doubt=self.note("doubt"),
            best_price=self.note("price"),
            account=self.note("account"),
        )

    def note(self, name: str):
        return lambda what: self.calls.append((name, what))

    def order_fill(self, order_id, fill_price, fill_delta, sequence, fill) -> None:
        self.calls.append(("fill", (order_id, fill_price, fill_delta, sequence, fill)))

    def order_ended(self, order_id, status, reason, cumulative, *, final, ending) -> None:
        assert ending.client_order_id == order_id
        self.calls.append(("ended", (order_id, status, reason, cumulative, final)))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def last(self, name: str) -> Any:
        return next(what for called, what in reversed(self.calls) if called == name)


def client_with(ledger: FillLedger | None = None, **capabilities: Any) -> tuple[ExchangeClient, Told]:
    told = Told()
    client = ExchangeClient(
        StubVenue(**capabilities),  # type: ignore[arg-type]
        bot_tag=TAG,
        symbols=[SYMBOL],
        callbacks=told.callbacks(),
        ledger=ledger,
    )
    return client, told


# --- what is told ---


def test_order_fill_callback_gets_the_delta_and_the_rest():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.apply(fill_report("t1", "0.300", price="99.8"), received_ns=7)
    order_id, price, delta, sequence, fill = told.last("fill")
    assert (order_id, price, delta, sequence) == (ORDER, Decimal("99.8"), Decimal("0.300"), 1)
    assert (fill.leaves, fill.trade_id, fill.received_ns) == (Decimal("0.700"), "t1", 7)
    assert told.names == ["accepted", "fill"]


def test_partial_fills_tell_only_what_is_new():
    # GRID_FLOW.md, Partial fills
    client, told = client_with()
    client.register(request(), placed_ns=1)
    for filled in ("0.200", "0.500", "0.500", "0.300", "1.000"):
        client.apply(order_report(OrderStatus.PARTIALLY_FILLED, filled), received_ns=7)
    assert [what[2] for name, what in told.calls if name == "fill"] == [
        Decimal("0.200"),
        Decimal("0.300"),
        Decimal("0.500"),
    ]


@pytest.mark.parametrize("is_final", [True, False])
def test_cancel_report_is_final_only_where_the_venue_is_known_for_it(is_final):
    client, told = client_with(cancel_report_is_final=is_final)
    client.register(request(), placed_ns=1)
    client.apply(order_report(CANCELED, "0.400", reason=CancelReason.POST_ONLY), received_ns=7)
    assert told.last("ended") == (ORDER, CANCELED, CancelReason.POST_ONLY, Decimal("0.400"), is_final)


def test_cancel_report_behind_the_fills_is_not_final():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.apply(fill_report("t1", "0.400"), received_ns=7)
    client.apply(order_report(CANCELED, "0"), received_ns=8)
    assert told.last("ended")[3:] == (Decimal("0.400"), False)


def test_whole_fill_is_final_on_every_venue():
    client, told = client_with(cancel_report_is_final=False)
    client.register(request(), placed_ns=1)
    client.apply(fill_report("t1", "1.000"), received_ns=7)
    assert told.last("ended") == (ORDER, FILLED, None, Decimal("1.000"), True)


def test_correction_and_doubt_are_told():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.apply(order_report(FILLED, "1.000"), received_ns=7)
    client.apply(fill_report("t1", "1.000", fee="0.04"), received_ns=8)
    assert told.last("corrected").fee == Decimal("0.04")
    client.apply(fill_report("t2", "1.000"), received_ns=9)
    assert told.last("doubt").client_order_id == ORDER


def test_other_reports_reach_their_callbacks():
    client, told = client_with()
    position = PositionReport(
        symbol=SYMBOL, quantity=Decimal(1), entry_price=Decimal(100), occurred_ns=1, received_ns=2
    )
    price = BestPrice(
        symbol=SYMBOL,
        bid=Decimal(1),
        bid_quantity=Decimal(1),
        ask=Decimal(2),
        ask_quantity=Decimal(1),
        occurred_ns=1,
        received_ns=2,
    )
    account = AccountReport(equity=Decimal(1), available=Decimal(1), received_ns=2)
    notice = StreamNotice(kind=NoticeKind.CREDENTIAL_EXPIRED)
    for report in (position, price, account, notice):
        client.apply(report, received_ns=3)
    assert told.calls == [("position", position), ("price", price), ("account", account), ("notice", notice)]


def test_optional_callbacks_may_be_left_out():
    heard: list[Any] = []
    told = Told()
    callbacks = ClientCallbacks(
        order_fill=told.order_fill,
        order_accepted=heard.append,
        order_ended=told.order_ended,
        position=heard.append,
        foreign_order=heard.append,
        notice=heard.append,
    )
    client = ExchangeClient(
        StubVenue(),  # type: ignore[arg-type]
        bot_tag=TAG,
        symbols=[SYMBOL],
        callbacks=callbacks,
    )
    client.apply(AccountReport(equity=Decimal(1), available=Decimal(1), received_ns=2), received_ns=3)
    client.apply(order_report(FILLED, "1.000"), received_ns=4)
    client.apply(fill_report("t1", "1.000"), received_ns=4)
    assert told.names == ["fill", "ended"]


def test_reports_of_other_markets_are_dropped_and_counted():
    # RELIABILITY.md W20
    client, told = client_with()
    position = PositionReport(
        symbol="ETHUSDT", quantity=Decimal(1), entry_price=Decimal(1), occurred_ns=1, received_ns=2
    )
    client.apply(position, received_ns=3)
    price = BestPrice(
        symbol="ETHUSDT",
        bid=Decimal(1),
        bid_quantity=Decimal(1),
        ask=Decimal(2),
        ask_quantity=Decimal(1),
        occurred_ns=1,
        received_ns=2,
    )
    client.apply(price, received_ns=3)
    client.apply(order_report(client_order_id=None, symbol="ETHUSDT"), received_ns=3)
    assert told.calls == []
    assert client.unwatched == 3


def test_our_order_in_another_market_raises_an_alarm():
    client, told = client_with()
    report = order_report(symbol="ETHUSDT")
    client.apply(report, received_ns=3)
    assert told.calls == [("foreign", report)]


# --- whose order is it ---


def test_orders_of_others_are_told_as_foreign_and_never_counted():
    client, told = client_with()
    reports = [
        order_report(FILLED, "1.000", client_order_id=FOREIGN, order_id=OrderId("1")),
        order_report(FILLED, "1.000", client_order_id=None, order_id=OrderId("2")),
        fill_report("t1", "1.000", client_order_id=FOREIGN, order_id=OrderId("1")),
        order_report(client_order_id=ClientOrderId(15), order_id=None),
    ]
    for report in reports:
        client.apply(report, received_ns=3)
    assert told.calls == [("foreign", report) for report in reports]
    assert client.state(FOREIGN) is None


def test_order_with_our_tag_and_an_unknown_sequence_is_ours():
    client, told = client_with()
    unknown = pack(OrderKey(TAG, 4_000_000, 3))
    client.apply(fill_report("t1", "0.4", client_order_id=unknown), received_ns=3)
    assert told.last("fill")[0] == unknown


def test_fill_by_venue_id_waits_for_its_owner():
    # ORIGIN.md defect 6
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.apply(fill_report("t1", "0.400", client_order_id=None), received_ns=3)
    assert told.calls == []
    client.know(VENUE_ID, ORDER, received_ns=4)
    assert told.last("fill")[0] == ORDER
    client.apply(fill_report("t2", "0.400", client_order_id=None), received_ns=5)
    assert told.last("fill")[2] == Decimal("0.400")
    tracked = client.order(ORDER)
    assert tracked is not None
    assert tracked.order_id == VENUE_ID


def test_fills_that_waited_for_a_foreign_order_are_dropped():
    client, told = client_with()
    client.apply(fill_report("t1", "0.400", client_order_id=None), received_ns=3)
    client.apply(order_report(client_order_id=FOREIGN), received_ns=4)
    client.know(VENUE_ID, ORDER, received_ns=5)
    assert told.names == ["foreign"]


# --- receipts ---


def test_reply_that_is_only_a_receipt_accepts_nothing_but_teaches_the_id():
    client, told = client_with(reply_is_acceptance=False)
    client.register(request(), placed_ns=1)
    client.apply(fill_report("t1", "0.400", client_order_id=None), received_ns=2)
    client.apply_receipt(order_report(OPEN), received_ns=3)
    assert told.names == ["accepted", "fill"], "the waiting fill is the sign of life, not the receipt"
    assert client.ref(ORDER, SYMBOL).order_id == VENUE_ID
    client.apply_receipt(order_report(OPEN, client_order_id=FOREIGN), received_ns=4)
    client.apply_receipt(order_report(OPEN, order_id=None), received_ns=4)
    assert len(told.calls) == 2


@pytest.mark.parametrize(
    ("report", "names"),
    [
        (order_report(OrderStatus.PARTIALLY_FILLED, "0.4"), ["accepted", "fill"]),
        (order_report(OrderStatus.EXPIRED), ["ended"]),
    ],
)
def test_receipt_that_tells_of_fills_or_an_end_counts(report, names):
    client, told = client_with(reply_is_acceptance=False)
    client.register(request(), placed_ns=1)
    client.apply_receipt(report, received_ns=3)
    assert told.names == names


def test_reply_that_is_an_acceptance_accepts():
    client, told = client_with(reply_is_acceptance=True)
    client.register(request(), placed_ns=1)
    client.apply_receipt(order_report(OPEN), received_ns=3)
    assert told.names == ["accepted"]


# --- the registry ---


def test_reference_names_an_order_by_what_is_known():
    client, _ = client_with()
    assert client.ref(ORDER, SYMBOL) == OrderRef(symbol=SYMBOL, client_order_id=ORDER)
    client.register(request(), placed_ns=1)
    client.register(request(quantity="9"), placed_ns=2)
    tracked = client.order(ORDER)
    assert tracked is not None
    assert (tracked.request.quantity, tracked.placed_ns) == (Decimal("1.000"), 1)
    client.apply(order_report(OPEN), received_ns=3)
    client.apply(order_report(OPEN, order_id=OrderId("else")), received_ns=3)
    assert client.ref(ORDER, "ignored").order_id == VENUE_ID
    assert client.ref(ORDER, "ignored").symbol == SYMBOL


def test_live_orders_are_those_not_known_to_have_ended():
    client, _ = client_with()
    client.register(request(), placed_ns=1)
    client.register(request(OTHER), placed_ns=2)
    client.register(request(pack(OrderKey(TAG, 3, 0)), symbol="ETHUSDT"), placed_ns=3)
    assert [order.request.client_order_id for order in client.live_orders(SYMBOL)] == [ORDER, OTHER]
    client.apply(order_report(CANCELED), received_ns=4)
    client.reject(OTHER, now_ns=5)
    client.reject(ClientOrderId(99), now_ns=5)
    assert client.live_orders(SYMBOL) == ()


def test_rejected_order_that_fills_all_the_same_is_told():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.reject(ORDER, now_ns=2)
    assert told.calls == []
    client.apply(fill_report("t1", "0.400"), received_ns=3)
    assert told.names == ["fill"]


def test_ended_orders_are_forgotten_and_their_late_fills_still_told():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.register(request(OTHER), placed_ns=1)
    client.apply(fill_report("t1", "0.400"), received_ns=4)
    client.apply(order_report(CANCELED, "0.400"), received_ns=5)
    assert client.forget_ended(5) == 0
    assert client.forget_ended(6) == 1
    assert client.order(ORDER) is None
    assert client.order(OTHER) is not None
    told.calls.clear()
    client.apply(fill_report("t1", "0.400"), received_ns=7)
    assert told.calls == []
    client.apply(fill_report("t2", "0.100", client_order_id=None), received_ns=7)
    assert told.last("fill")[:3] == (ORDER, Decimal("99.9"), Decimal("0.100"))


def test_thousands_of_orders_leave_a_bounded_registry():
    client, _ = client_with()
    for sequence in range(1, 2_000):
        client_order_id = pack(OrderKey(TAG, sequence, 0))
        client.register(request(client_order_id), placed_ns=sequence)
        client.reject(client_order_id, now_ns=sequence)
        client.forget_ended(sequence - 10)
    assert len([n for n in range(1, 2_000) if client.order(pack(OrderKey(TAG, n, 0)))]) <= 12


def test_what_was_told_before_an_order_was_registered_is_not_forgotten():
    """Found by the model check: with the venue's id lost, an absence in a history that trails was taken for a proof."""
    client, _ = client_with()
    client.apply(order_report(OrderStatus.OPEN), received_ns=1)
    client.apply(order_report(CANCELED, client_order_id=OTHER, order_id=OrderId("v2")), received_ns=1)
    for number in (ORDER, OTHER):
        client.register(request(number), placed_ns=2)
    assert client.ref(ORDER, SYMBOL).order_id == VENUE_ID
    assert [order.request.client_order_id for order in client.live_orders(SYMBOL)] == [ORDER]


def test_restored_orders_are_in_registry_and_ledger_and_nothing_is_told():
    client, told = client_with()
    trade = RestoredTrade(TradeId("t1"), Decimal("99.9"), Decimal("0.400"))
    client.restore(request(), placed_ns=1, order_id=VENUE_ID, trades=[trade], status=OrderStatus.PARTIALLY_FILLED)
    client.restore(request(OTHER), placed_ns=1, status=CANCELED)
    assert [order.request.client_order_id for order in client.live_orders(SYMBOL)] == [ORDER]
    client.apply(fill_report("t1", "0.400", client_order_id=None), received_ns=2)
    assert told.calls == []
    state = client.state(ORDER)
    assert state is not None
    assert state.filled == Decimal("0.400")


# --- lists of open orders ---


def test_listed_orders_are_applied_one_by_one():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    client.apply(active_orders(order_report(OPEN), order_report(client_order_id=FOREIGN)), received_ns=2)
    assert told.names == ["accepted", "foreign"]


def test_comparison_tells_missing_new_and_foreign_apart():
    client, told = client_with()
    third = pack(OrderKey(TAG, 3, 0))
    client.register(request(), placed_ns=1)
    client.register(request(OTHER), placed_ns=2)
    client.know(OrderId("77"), OTHER, received_ns=2)
    foreign = order_report(client_order_id=FOREIGN, order_id=OrderId("8"))
    listed = active_orders(
        order_report(client_order_id=None, order_id=OrderId("77")),
        order_report(client_order_id=third, order_id=OrderId("9")),
        foreign,
    )
    comparison = client.snapshot(listed)
    assert comparison.listed == {OTHER, third}
    assert comparison.missing == (ORDER,)
    assert comparison.new == (third,)
    assert comparison.foreign == (foreign,)
    assert told.calls == []


def test_an_order_that_a_list_shows_changed_is_told_once_and_counts_as_it_is_now():
    client, told = client_with()
    client.register(request(), placed_ns=1)
    assert client.amended(order_report(OPEN)) is None
    moved = client.amended(order_report(OPEN, price="101.5", quantity="0.600"))
    assert (moved.price, moved.quantity) == (Decimal("101.5"), Decimal("0.600"))
    assert client.amended(order_report(OPEN, price="101.5", quantity="0.600")) is None
    client.apply(fill_report("t1", "0.600", price="101.5"), received_ns=7)
    assert told.last("fill")[4].leaves == 0


@pytest.mark.parametrize(
    "report",
    [
        order_report(CANCELED, price="101.5"),
        order_report(OPEN, price="101.5", client_order_id=FOREIGN),
        order_report(OPEN, price="101.5", client_order_id=OTHER),
        order_report(OPEN, price="0", quantity="0"),
    ],
)
def test_what_says_nothing_of_a_resting_order_of_ours_changes_none(report):
    client, _ = client_with()
    client.register(request(), placed_ns=1)
    assert client.amended(report) is None
    assert client.order(ORDER).request == request()


def test_a_size_below_what_was_filled_is_read_as_what_was_filled():
    client, _ = client_with()
    client.register(request(), placed_ns=1)
    assert client.amended(order_report(OPEN, "0.700", quantity="0.500")).quantity == Decimal("0.700")


def test_orders_placed_after_the_question_are_not_missing():
    # ORIGIN.md defect 26
    client, _ = client_with()
    client.register(request(), placed_ns=10)
    assert client.snapshot(active_orders(), asked_ns=10).missing == ()
    assert client.snapshot(active_orders(), asked_ns=11).missing == (ORDER,)


def test_patience_of_a_ledger_ends_by_release():
    client, told = client_with(FillLedger(gap_patience_ns=100))
    client.register(request(), placed_ns=1)
    client.apply(order_report(CANCELED, "0.400"), received_ns=10)
    assert told.calls == []
    client.release(110)
    assert told.names == ["accepted", "fill", "ended"]
