"""The account of one order in detail: every field of what it tells, and where its totals, prices and gaps turn."""

from decimal import Decimal

import pytest

from exchanges.fills import Acceptance, Doubt, Ending, Fill, FillCorrection, FillLedger, RestoredTrade
from exchanges.values import CancelReason, OrderId, OrderStatus, RejectReason, Side, TradeId
from tests.exchanges.builders import (
    ORDER,
    SYMBOL,
    VENUE_ID,
    fill_report,
    ledger_with,
    order_report,
    request,
    told,
)

OPEN, PARTIAL, FILLED = OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, REJECTED, UNKNOWN = OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.UNKNOWN


def state_of(ledger: FillLedger):
    state = ledger.state(ORDER)
    assert state is not None
    return state


def doubt(why: str) -> Doubt:
    return Doubt(client_order_id=ORDER, order_id=VENUE_ID, symbol=SYMBOL, why=why)


# --- every field ---


def test_an_assumed_fill_and_its_correction_name_order_market_and_times():
    ledger = ledger_with()
    accepted, assumed = ledger.apply(order_report(PARTIAL, "0.300", occurred_ns=11), received_ns=70).events
    assert accepted == Acceptance(
        client_order_id=ORDER,
        order_id=VENUE_ID,
        symbol=SYMBOL,
        price=Decimal("99.9"),
        quantity=Decimal("1.000"),
        occurred_ns=11,
        received_wall_ns=12,
        received_ns=70,
    )
    assert assumed == Fill(
        client_order_id=ORDER,
        order_id=VENUE_ID,
        symbol=SYMBOL,
        side=Side.BUY,
        price=Decimal("99.9"),
        quantity=Decimal("0.300"),
        cumulative=Decimal("0.300"),
        leaves=Decimal("0.700"),
        trade_id=None,
        fee=Decimal(0),
        fee_asset="",
        is_maker=None,
        is_assumed=True,
        sequence=1,
        occurred_ns=11,
        received_wall_ns=12,
        received_ns=70,
    )
    (correction,) = ledger.apply(fill_report("t1", "0.300", price="99.8", fee="0.01"), received_ns=77).events
    assert correction == FillCorrection(
        client_order_id=ORDER,
        order_id=VENUE_ID,
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal("0.300"),
        price=Decimal("99.8"),
        assumed_price=Decimal("99.9"),
        trade_id=TradeId("t1"),
        fee=Decimal("0.01"),
        fee_asset="USDT",
        is_maker=True,
        occurred_ns=21,
        received_wall_ns=22,
        received_ns=77,
    )


def test_an_end_names_order_market_reason_and_the_times_of_the_report_that_ended_it():
    ledger = ledger_with(gap_patience_ns=100)
    report = order_report(
        CANCELED, "0.400", reason=CancelReason.POST_ONLY, reject_reason=RejectReason.MARGIN, occurred_ns=11
    )
    ledger.apply(report, received_ns=1_000)
    ended = ledger.apply(fill_report("t1", "0.400"), received_ns=1_050).ended
    assert ended == Ending(
        client_order_id=ORDER,
        order_id=VENUE_ID,
        symbol=SYMBOL,
        status=CANCELED,
        reason=CancelReason.POST_ONLY,
        reject_reason=RejectReason.MARGIN,
        cumulative=Decimal("0.400"),
        quantity=Decimal("1.000"),
        agrees=True,
        occurred_ns=11,
        received_wall_ns=12,
        received_ns=1_000,
    )


def test_an_order_that_is_filled_whole_ended_for_no_reason_whatever_its_last_report_says():
    report = order_report(REJECTED, "1.000", reason=CancelReason.REQUESTED, reject_reason=RejectReason.MARGIN)
    ended = ledger_with().apply(report).ended
    assert ended is not None
    assert (ended.status, ended.reason, ended.reject_reason) == (FILLED, None, None)


def test_an_order_nothing_was_heard_of_is_not_accepted():
    assert state_of(ledger_with()).is_accepted is False


@pytest.mark.parametrize(
    ("status", "filled", "is_accepted"),
    [(UNKNOWN, "0", False), (UNKNOWN, "0.5", True), (OPEN, "0", True), (PARTIAL, "0.5", True), (CANCELED, "0", True)],
)
def test_a_restored_order_counts_as_accepted_by_its_status_its_fills_or_its_end(status, filled, is_accepted):
    ledger = FillLedger()
    ledger.restore(request(), status=status, filled=Decimal(filled))
    assert state_of(ledger).is_accepted is is_accepted


# --- doubts ---


@pytest.mark.parametrize(
    ("reports", "why"),
    [
        ([fill_report(None, "0.6")], "an execution was told with neither a trade id nor a total"),
        ([fill_report("t1", "0")], "an execution of 0 was told"),
        (
            [fill_report("t1", "0.3"), fill_report("t1", "0.2")],
            "trade t1 was told twice with different figures",
        ),
        ([fill_report("t1", "0.9"), fill_report("t2", "0.3")], "its trades add up to more than the order"),
        ([order_report(PARTIAL, "1.5")], "a filled quantity of 1.5 is reported for an order of 1.000"),
        (
            [order_report(OPEN), order_report(OPEN, order_id=OrderId("7"))],
            f"the venue has it under the ids {VENUE_ID}, 7",
        ),
    ],
)
def test_a_doubt_names_the_order_and_says_what_contradicts(reports, why):
    ledger = ledger_with()
    updates = [ledger.apply(report) for report in reports]
    assert updates[-1].doubts == (doubt(why),)


def test_a_quantity_without_any_price_is_doubted_by_name():
    ledger = FillLedger()
    ledger.expect(request(price=None))
    doubts = ledger.apply(order_report(FILLED, "1", price="0")).doubts
    assert doubts == (doubt("a fill is known only by its quantity, and no price was told"),)


@pytest.mark.parametrize("status", [OPEN, PARTIAL])
def test_an_order_that_is_reported_open_after_it_was_given_up_is_doubted_by_name(status):
    ledger = ledger_with()
    ledger.close(ORDER, now_ns=5)
    doubts = ledger.apply(order_report(status)).doubts
    assert doubts == (doubt("it is reported open although it never came to be"),)


@pytest.mark.parametrize("status", [UNKNOWN, REJECTED, CANCELED])
def test_an_order_that_was_given_up_may_be_reported_as_anything_but_open(status):
    ledger = ledger_with()
    ledger.close(ORDER, now_ns=5)
    assert ledger.apply(order_report(status)).events == ()


def test_an_execution_that_explains_a_total_and_fits_the_order_is_no_doubt():
    ledger = ledger_with()
    ledger.apply(order_report(PARTIAL, "0.300"))
    assert ledger.apply(fill_report("t1", "0.500")).doubts == ()
    assert ledger.apply(fill_report("t2", "0.500")).doubts == ()


def test_an_execution_without_id_that_is_told_again_with_another_price_is_no_second_trade():
    ledger = ledger_with()
    ledger.apply(fill_report(None, "0.300", cumulative="0.300", price="99.8"))
    assert ledger.apply(fill_report(None, "0.300", cumulative="0.300", price="99.7")).events == ()


# --- what the fills cost ---


def test_the_cost_of_an_order_is_that_of_its_trades_as_soon_as_they_are_known():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.200", price="99.5"))
    ledger.apply(order_report(PARTIAL, "0.600"))
    assert state_of(ledger).notional == Decimal("0.2") * Decimal("99.5") + Decimal("0.4") * Decimal("99.9")
    ledger.apply(fill_report("t2", "0.400", price="99.7"))
    assert state_of(ledger).notional == Decimal("0.2") * Decimal("99.5") + Decimal("0.4") * Decimal("99.7")


def test_a_restored_order_has_filled_and_cost_what_was_told_with_and_without_a_trade():
    ledger = FillLedger()
    ledger.restore(
        request(),
        trades=[
            RestoredTrade(TradeId("t1"), Decimal("99.5"), Decimal("0.300")),
            RestoredTrade(TradeId("t2"), Decimal("99.6"), Decimal("0.100")),
            RestoredTrade(None, Decimal("99.7"), Decimal("0.200")),
        ],
        status=PARTIAL,
    )
    state = state_of(ledger)
    assert state.filled == Decimal("0.600")
    assert state.notional == (
        Decimal("0.3") * Decimal("99.5") + Decimal("0.1") * Decimal("99.6") + Decimal("0.2") * Decimal("99.7")
    )
    assert ledger.unexplained(ORDER) == Decimal("0.200")


def test_a_restored_total_beyond_its_trades_cost_the_limit():
    ledger = FillLedger()
    told_before = [
        RestoredTrade(TradeId("t1"), Decimal("99.5"), Decimal("0.300")),
        RestoredTrade(None, Decimal("99.7"), Decimal("0.200")),
    ]
    ledger.restore(request(), trades=told_before, filled=Decimal("0.600"), status=PARTIAL)
    state = state_of(ledger)
    assert state.filled == Decimal("0.600")
    assert state.notional == (
        Decimal("0.3") * Decimal("99.5") + Decimal("0.2") * Decimal("99.7") + Decimal("0.1") * Decimal("99.9")
    )
    assert ledger.unexplained(ORDER) == Decimal("0.300")


def test_an_average_below_one_prices_an_assumed_fill_like_any_other():
    ledger = FillLedger()
    ledger.expect(request(price="0.75"))
    update = ledger.apply(order_report(FILLED, "1.000", price="0.75", average="0.5"))
    assert update.fills[0].price == Decimal("0.5")


def test_an_average_that_leaves_nothing_to_pay_falls_back_to_the_limit():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.500"))
    update = ledger.apply(order_report(FILLED, "1.000", average="49.95"))
    assert update.fills[0].price == Decimal("99.9")


def test_trades_take_back_the_whole_fee_of_an_execution_without_id_to_the_last_digit():
    ledger = ledger_with()
    fill = ledger.apply(fill_report(None, "0.700", cumulative="0.700", fee="0.005")).fills[0]
    one = ledger.apply(fill_report("t1", "0.100")).corrections[0]
    two = ledger.apply(fill_report("t2", "0.600")).corrections[0]
    assert fill.fee + one.fee + two.fee == 0


def test_an_execution_without_id_that_is_half_known_is_explained_by_its_trade_as_a_whole():
    ledger = ledger_with()
    ledger.apply(order_report(PARTIAL, "0.300", average="99.8"))
    update = ledger.apply(fill_report(None, "0.500", cumulative="0.600", price="99.7", fee="0.05"))
    assert told(update) == [("99.7", "0.300", "0.600", None)]
    assert [(c.quantity, c.price, c.assumed_price) for c in update.corrections] == [
        (Decimal("0.200"), Decimal("99.7"), Decimal("99.8"))
    ]
    assert ledger.unexplained(ORDER) == Decimal("0.600")
    assert state_of(ledger).notional == Decimal("0.1") * Decimal("99.8") + Decimal("0.5") * Decimal("99.7")
    by_query = ledger.apply(fill_report("t1", "0.600", price="99.7", fee="0.06"))
    assert sum(c.quantity for c in by_query.corrections) == Decimal("0.600")
    assert ledger.unexplained(ORDER) == 0


# --- stale and repeated reports ---


@pytest.mark.parametrize("status", [OPEN, PARTIAL, UNKNOWN])
def test_the_same_status_again_is_neither_stale_nor_an_end_told_twice(status):
    ledger = ledger_with()
    for _ in range(2):
        ledger.apply(order_report(status, "0.400"))
    assert (ledger.stale_updates, ledger.duplicates) == (0, 0)


def test_every_end_that_is_told_again_is_counted():
    ledger = ledger_with()
    for _ in range(3):
        ledger.apply(order_report(CANCELED, "0.400"))
    assert ledger.duplicates == 2


def test_a_status_nobody_knows_is_not_a_step_back():
    ledger = ledger_with()
    ledger.apply(order_report(PARTIAL, "0.400"))
    ledger.apply(order_report(UNKNOWN, "0.400"))
    assert (state_of(ledger).status, ledger.stale_updates) == (PARTIAL, 0)


# --- patience ---


def test_a_gap_that_a_trade_has_closed_does_not_shorten_the_patience_with_the_next_one():
    ledger = ledger_with(gap_patience_ns=100)
    ledger.apply(order_report(PARTIAL, "0.300"), received_ns=1_000)
    ledger.apply(fill_report("t1", "0.300"), received_ns=1_010)
    ledger.apply(order_report(PARTIAL, "0.800"), received_ns=1_050)
    assert ledger.release(1_149).events == ()
    assert told(ledger.release(1_150)) == [("99.9", "0.500", "0.800", None)]


def test_a_gap_that_was_given_up_does_not_shorten_the_patience_with_the_next_one():
    ledger = ledger_with(gap_patience_ns=100)
    ledger.apply(order_report(PARTIAL, "0.300"), received_ns=1_000)
    assert told(ledger.release(1_100)) == [("99.9", "0.300", "0.300", None)]
    ledger.apply(order_report(PARTIAL, "0.300"), received_ns=1_101)
    ledger.apply(order_report(PARTIAL, "0.800"), received_ns=1_150)
    assert ledger.release(1_249).events == ()
    assert told(ledger.release(1_250)) == [("99.9", "0.500", "0.800", None)]


def test_an_execution_without_id_leaves_no_gap_behind():
    ledger = ledger_with(gap_patience_ns=100)
    first = ledger.apply(fill_report(None, "0.300", cumulative="0.300"), received_ns=1_000)
    assert told(first) == [("99.9", "0.300", "0.300", None)]
    ledger.apply(order_report(PARTIAL, "0.800"), received_ns=1_050)
    assert ledger.release(1_149).events == ()
    assert told(ledger.release(1_150)) == [("99.9", "0.500", "0.800", None)]
