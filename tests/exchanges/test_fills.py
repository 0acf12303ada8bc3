"""The ledger by example: the numbered scenarios it decides, the defects it must not repeat, and its odd corners."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from exchanges.fills import Acceptance, Doubt, Fill, FillLedger, RestoredTrade
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import FillReport, OrderReport
from exchanges.values import CancelReason, ClientOrderId, OrderId, OrderStatus, RejectReason, Side, TradeId
from tests.exchanges.builders import (
    ORDER,
    OTHER,
    TAG,
    VENUE_ID,
    fill_report,
    ledger_with,
    order_report,
    request,
    told,
)

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "venues" / "aster_vectors.json"
OPEN, PARTIAL, FILLED = OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
CANCELED, EXPIRED, REJECTED = OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED


# --- trades ---


def test_trade_tells_its_delta_and_every_detail():
    update = ledger_with().apply(fill_report("t1", "0.300", price="99.8", fee="0.01"), received_ns=77)
    accepted, fill = update.events
    assert isinstance(accepted, Acceptance)
    assert isinstance(fill, Fill)
    assert (fill.client_order_id, fill.order_id, fill.symbol, fill.side) == (ORDER, VENUE_ID, "BTCUSDT", Side.BUY)
    assert (fill.price, fill.quantity, fill.cumulative, fill.leaves) == (
        Decimal("99.8"),
        Decimal("0.300"),
        Decimal("0.300"),
        Decimal("0.700"),
    )
    assert (fill.trade_id, fill.fee, fill.fee_asset, fill.is_maker) == ("t1", Decimal("0.01"), "USDT", True)
    assert (fill.sequence, fill.is_assumed) == (1, False)
    assert (fill.occurred_ns, fill.received_wall_ns, fill.received_ns) == (21, 22, 77)


def test_reports_without_the_venue_id_count_too():
    ledger = ledger_with()
    ledger.apply(order_report(OPEN, order_id=None))
    fill = ledger.apply(fill_report("t1", "0.300", order_id=None)).fills[0]
    assert (fill.order_id, fill.quantity) == (None, Decimal("0.300"))


def test_two_partials_add_up_and_the_second_ends_the_order():
    # ORIGIN.md defect 1: the second partial overwrote the first
    ledger = ledger_with()
    first = ledger.apply(fill_report("t1", "0.300"))
    second = ledger.apply(fill_report("t2", "0.700"))
    assert told(first) + told(second) == [("99.9", "0.300", "0.300", "t1"), ("99.9", "0.700", "1.000", "t2")]
    assert [f.sequence for f in (*first.fills, *second.fills)] == [1, 2]
    assert first.ended is None
    assert second.ended is not None
    assert (second.ended.status, second.ended.cumulative, second.ended.agrees) == (FILLED, Decimal("1.000"), True)


def test_fill_price_is_the_traded_price_not_the_limit():
    # ORIGIN.md defect 27
    update = ledger_with().apply(fill_report("t1", "1.000", price="99.7"))
    assert update.fills[0].price == Decimal("99.7")


def test_sequence_starts_where_asked_and_runs_over_all_orders():
    ledger = FillLedger(first_sequence=41)
    fills = (
        ledger.apply(fill_report("t1", "0.1")).fills
        + ledger.apply(fill_report("t1", "0.1", client_order_id=OTHER, order_id=OrderId("9"))).fills
    )
    assert [fill.sequence for fill in fills] == [41, 42]


def test_leaves_is_unknown_until_the_size_is():
    ledger = FillLedger()
    assert ledger.apply(fill_report("t1", "0.300")).fills[0].leaves is None
    assert ledger.apply(fill_report("t2", "0.300", order_quantity="1.000")).fills[0].leaves == Decimal("0.400")


# --- the numbered scenarios ---


def test_scenario_4_fill_before_acknowledgement_counts_once():
    ledger = ledger_with()
    update = ledger.apply(fill_report("t1", "1.000"))
    assert [type(event).__name__ for event in update.events] == ["Acceptance", "Fill", "Ending"]
    assert ledger.apply(order_report(OPEN)).events == ()
    assert ledger.apply(order_report(OPEN)).events == ()
    state = ledger.state(ORDER)
    assert state is not None
    assert (state.status, state.filled, state.has_ended) == (FILLED, Decimal("1.000"), True)
    assert ledger.stale_updates == 2


def test_scenario_5_cancel_after_partial_keeps_the_filled_part():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.400"))
    ended = ledger.apply(order_report(CANCELED, "0.400", reason=CancelReason.REQUESTED)).ended
    assert ended is not None
    assert (ended.status, ended.reason, ended.cumulative, ended.agrees) == (
        CANCELED,
        CancelReason.REQUESTED,
        Decimal("0.400"),
        True,
    )


def test_scenario_5_variant_cancel_without_its_trade_assumes_the_fill_and_merges_the_trade_later():
    ledger = ledger_with()
    ledger.apply(order_report(OPEN))
    update = ledger.apply(order_report(CANCELED, "0.400"))
    assert told(update) == [("99.9", "0.400", "0.400", None)]
    assert update.fills[0].is_assumed
    assert [type(event).__name__ for event in update.events] == ["Fill", "Ending"]
    late = ledger.apply(fill_report("t1", "0.400", fee="0.02", price="99.8"))
    assert late.fills == ()
    (correction,) = late.corrections
    assert (correction.trade_id, correction.quantity, correction.fee) == ("t1", Decimal("0.400"), Decimal("0.02"))
    assert (correction.price, correction.assumed_price) == (Decimal("99.8"), Decimal("99.9"))
    assert ledger.filled(ORDER) == Decimal("0.400")


def test_scenario_6_fill_after_cancel_still_counts():
    # ORIGIN.md defect 17
    ledger = ledger_with()
    ledger.apply(order_report(OPEN))
    ended = ledger.apply(order_report(CANCELED, "0")).ended
    late = ledger.apply(fill_report("t1", "0.400"))
    assert ended is not None
    assert ended.cumulative == 0
    assert told(late) == [("99.9", "0.400", "0.400", "t1")]
    assert late.fills[0].leaves == 0
    assert late.ended is None


def test_late_fill_of_an_order_that_was_never_accepted_is_only_a_fill():
    ledger = ledger_with()
    ledger.apply(order_report(EXPIRED))
    assert [type(event) for event in ledger.apply(fill_report("t1", "0.400")).events] == [Fill]


def test_scenario_7_repeated_trade_is_told_once_and_counted():
    ledger = ledger_with()
    first = ledger.apply(fill_report("t1", "0.300", cumulative="0.300"))
    again = [ledger.apply(fill_report("t1", "0.300", cumulative="0.300")) for _ in range(2)]
    by_query = ledger.apply(fill_report("t1", "0.300", client_order_id=None))
    assert len(first.fills) == 1
    assert [update.events for update in (*again, by_query)] == [(), (), ()]
    assert ledger.duplicates == 3


def test_scenario_7_after_a_restart_known_trades_stay_known():
    ledger = FillLedger()
    ledger.restore(
        request(),
        order_id=VENUE_ID,
        trades=[RestoredTrade(TradeId("t1"), Decimal("99.9"), Decimal("0.300"))],
        status=PARTIAL,
    )
    assert ledger.apply(fill_report("t1", "0.300", client_order_id=None, fee="0.01")).events == ()
    assert told(ledger.apply(fill_report("t2", "0.700", client_order_id=None))) == [("99.9", "0.700", "1.000", "t2")]
    assert ledger.duplicates == 1


def test_scenario_8_stale_cumulative_changes_nothing():
    # ORIGIN.md defect 16: 1.6 was delivered for 1.0
    ledger = ledger_with()
    first = ledger.apply(order_report(FILLED, "1.000"))
    stale = ledger.apply(order_report(PARTIAL, "0.400"))
    again = ledger.apply(order_report(FILLED, "1.000"))
    assert told(first) == [("99.9", "1.000", "1.000", None)]
    assert (stale.events, again.events) == ((), ())
    assert (ledger.stale_updates, ledger.duplicates) == (1, 1)


@pytest.mark.parametrize("poll_at", [0, 1, 2, 3])
def test_scenario_8_a_poll_anywhere_loses_nothing(poll_at):
    # ORIGIN.md defect 15: the poll stored the cumulative first and the stream's delta became 0
    ledger = ledger_with()
    reports: list[OrderReport | FillReport] = [
        fill_report("t1", "0.400", cumulative="0.400"),
        fill_report("t2", "0.600", cumulative="1.000"),
    ]
    reports.insert(min(poll_at, 2), order_report(PARTIAL, "0.400"))
    if poll_at == 3:
        reports.insert(0, order_report(FILLED, "1.000"))
    fills = [fill for report in reports for fill in ledger.apply(report).fills]
    assert sum(fill.quantity for fill in fills) == Decimal("1.000")


def test_scenario_11_exit_canceled_after_partial_agrees_with_the_ledger():
    ledger = FillLedger()
    ledger.expect(request(side=Side.SELL, price="100.9"))
    ledger.apply(fill_report("t2", "0.600", side=Side.SELL, price="100.9"))
    ended = ledger.apply(order_report(CANCELED, "0.600", side=Side.SELL, price="100.9")).ended
    assert ended is not None
    assert (ended.cumulative, ended.agrees) == (Decimal("0.600"), True)


# --- cumulative ahead of the trades ---


def test_average_gives_the_price_of_the_assumed_part():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.400", price="99.8"))
    update = ledger.apply(order_report(FILLED, "1.000", average="99.74"))
    assert told(update) == [("99.70", "0.600", "1.000", None)]


@pytest.mark.parametrize(
    ("side", "average", "price"),
    [(Side.BUY, "99.95", "99.9"), (Side.SELL, "99.85", "99.9"), (Side.BUY, "99.8", "99.8"), (Side.SELL, "100", "100")],
)
def test_assumed_price_is_never_worse_than_the_limit(side, average, price):
    ledger = FillLedger()
    ledger.expect(request(side=side))
    update = ledger.apply(order_report(FILLED, "1.000", average=average, side=side))
    assert update.fills[0].price == Decimal(price)


def test_nonsense_average_falls_back_to_the_limit():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.900"))
    update = ledger.apply(order_report(FILLED, "1.000", average="1"))
    assert update.fills[0].price == Decimal("99.9")


def test_average_of_another_total_is_not_used():
    ledger = ledger_with()
    update = ledger.apply(order_report(FILLED, "1.200", average="95", quantity="1.200"))
    assert told(update) == [("99.9", "1.000", "1.000", None)]


def test_market_order_without_average_takes_the_price_of_its_fills_so_far():
    ledger = FillLedger()
    ledger.expect(request(price=None))
    ledger.apply(fill_report("t1", "0.400", price="99.0"))
    update = ledger.apply(order_report(FILLED, "1.000", price="0"))
    assert update.fills[0].quantity == Decimal("0.600")
    assert update.fills[0].price == Decimal(99)


def test_quantity_without_any_price_is_a_doubt_until_a_price_is_known():
    ledger = FillLedger()
    ledger.expect(request(price=None))
    update = ledger.apply(order_report(FILLED, "1.000", price="0"))
    assert update.fills == ()
    assert update.ended is None
    assert len(update.doubts) == 1
    assert ledger.apply(order_report(FILLED, "1.000", price="0")).events == ()
    late = ledger.apply(order_report(FILLED, "1.000", price="0", average="98.5"))
    assert told(late) == [("98.5", "1.000", "1.000", None)]
    assert late.ended is not None


def test_unpriced_quantity_is_told_as_soon_as_a_trade_gives_a_price():
    ledger = FillLedger()
    ledger.expect(request(price=None))
    ledger.apply(order_report(FILLED, "1.000", price="0"))
    ledger.apply(order_report(PARTIAL, "0.200", price="0"))
    update = ledger.apply(fill_report("t1", "0.400", price="98.0"))
    assert [(f.quantity, f.price, f.is_assumed) for f in update.fills] == [
        (Decimal("0.400"), Decimal("98.0"), False),
        (Decimal("0.600"), Decimal(98), True),
    ]
    assert update.ended is not None


def test_what_no_trade_explains_is_named_until_one_does():
    ledger = ledger_with()
    assert ledger.unexplained(ORDER) == 0
    ledger.apply(order_report(OPEN, "0.500"))
    assert ledger.unexplained(ORDER) == Decimal("0.500")
    ledger.apply(fill_report("t1", "0.300"))
    assert ledger.unexplained(ORDER) == Decimal("0.200")
    ledger.apply(fill_report("t2", "0.200"))
    assert ledger.unexplained(ORDER) == 0
    assert ledger.unexplained(OTHER) == 0


def test_trade_that_is_half_known_tells_only_its_new_half():
    ledger = ledger_with()
    ledger.apply(order_report(PARTIAL, "0.300", average="99.8"))
    update = ledger.apply(fill_report("t1", "0.500", price="99.7", fee="0.05"))
    assert told(update) == [("99.7", "0.200", "0.500", "t1")]
    (correction,) = update.corrections
    assert (correction.quantity, correction.assumed_price, correction.price) == (
        Decimal("0.300"),
        Decimal("99.8"),
        Decimal("99.7"),
    )
    assert update.fills[0].fee + correction.fee == Decimal("0.05")


def test_several_trades_explain_one_assumed_fill_piece_by_piece():
    ledger = ledger_with()
    ledger.apply(order_report(FILLED, "1.000"))
    first = ledger.apply(fill_report("t1", "0.250", fee="0.01")).corrections[0]
    second = ledger.apply(fill_report("t2", "0.750", fee="0.03")).corrections[0]
    assert (first.quantity, second.quantity) == (Decimal("0.250"), Decimal("0.750"))
    assert first.assumed_price == second.assumed_price == Decimal("99.9")
    assert first.fee + second.fee == Decimal("0.04")


def test_trade_report_ahead_of_its_trades_counts_at_once_by_default():
    ledger = ledger_with()
    update = ledger.apply(fill_report("t2", "0.600", cumulative="1.000"))
    assert told(update) == [("99.9", "0.600", "0.600", "t2"), ("99.9", "0.400", "1.000", None)]
    assert update.ended is not None
    assert ledger.apply(fill_report("t1", "0.400", cumulative="0.400")).fills == ()


# --- patience ---


def test_with_patience_re_ordered_trades_keep_their_own_split():
    ledger = ledger_with(gap_patience_ns=100)
    first = ledger.apply(fill_report("t2", "0.600", cumulative="1.000"), received_ns=1_000)
    status = ledger.apply(order_report(FILLED, "1.000"), received_ns=1_000)
    assert told(first) == [("99.9", "0.600", "0.600", "t2")]
    assert status.events == ()
    assert ledger.release(1_099).events == ()
    second = ledger.apply(fill_report("t1", "0.400", cumulative="0.400"), received_ns=1_099)
    assert told(second) == [("99.9", "0.400", "1.000", "t1")]
    assert second.ended is not None
    assert ledger.release(9_999).events == ()


def test_with_patience_a_lost_trade_is_assumed_when_it_is_over():
    ledger = ledger_with(gap_patience_ns=100)
    ledger.apply(fill_report("t2", "0.600", cumulative="0.900"), received_ns=1_000)
    held = ledger.apply(order_report(CANCELED, "0.900"), received_ns=1_050)
    assert held.events == ()
    released = ledger.release(1_100)
    assert told(released) == [("99.9", "0.300", "0.900", None)]
    fill = released.fills[0]
    assert (fill.occurred_ns, fill.received_wall_ns, fill.received_ns) == (0, 0, 1_100)
    assert released.ended is not None
    assert released.ended.cumulative == Decimal("0.900")


def test_with_patience_a_stale_report_does_not_spoil_the_average_that_waits():
    ledger = ledger_with(gap_patience_ns=100)
    ledger.apply(order_report(FILLED, "1.000", average="99.5"), received_ns=1_000)
    ledger.apply(order_report(PARTIAL, "0.400", average="99.9"), received_ns=1_001)
    assert told(ledger.release(2_000)) == [("99.5", "1.000", "1.000", None)]


def test_with_patience_an_open_status_after_the_withheld_end_accepts_nothing():
    ledger = ledger_with(gap_patience_ns=100)
    ledger.apply(order_report(CANCELED, "0.400"), received_ns=1_000)
    assert ledger.apply(order_report(OPEN), received_ns=1_001).accepted is None
    assert [type(event).__name__ for event in ledger.release(2_000).events] == ["Acceptance", "Fill", "Ending"]


# --- executions without a trade id ---


def test_executions_without_id_are_told_apart_by_their_totals():
    ledger = ledger_with()
    first = ledger.apply(fill_report(None, "0.300", cumulative="0.300", price="99.8", fee="0.01"))
    again = ledger.apply(fill_report(None, "0.300", cumulative="0.300", price="99.8", fee="0.01"))
    second = ledger.apply(fill_report(None, "0.700", cumulative="1.000", price="99.7"))
    assert told(first) == [("99.8", "0.300", "0.300", None)]
    assert again.events == ()
    assert told(second) == [("99.7", "0.700", "1.000", None)]
    assert not second.fills[0].is_assumed
    assert ledger.duplicates == 1


def test_execution_without_id_assumes_what_came_before_it_and_the_earlier_one_merges():
    ledger = ledger_with()
    update = ledger.apply(fill_report(None, "0.600", cumulative="0.900", price="99.7"))
    assert told(update) == [("99.9", "0.300", "0.300", None), ("99.7", "0.600", "0.900", None)]
    late = ledger.apply(fill_report(None, "0.300", cumulative="0.300", price="99.6", fee="0.02"))
    assert late.fills == ()
    assert late.corrections[0].fee == Decimal("0.02")
    assert ledger.filled(ORDER) == Decimal("0.900")


def test_execution_without_id_then_its_trade_corrects_without_a_second_fee():
    ledger = ledger_with()
    first = ledger.apply(fill_report(None, "0.600", cumulative="0.600", fee="0.05"))
    by_query = ledger.apply(fill_report("t1", "0.600", fee="0.05"))
    assert by_query.fills == ()
    assert first.fills[0].fee + by_query.corrections[0].fee == Decimal("0.05")


def test_execution_with_neither_id_nor_total_is_a_doubt():
    update = ledger_with().apply(fill_report(None, "0.600"))
    assert update.fills == ()
    assert [type(event) for event in update.events] == [Doubt]


def test_execution_of_nothing_is_a_doubt():
    update = ledger_with().apply(fill_report("t1", "0"))
    assert update.fills == ()
    assert len(update.doubts) == 1


# --- contradictions ---


def test_trades_beyond_the_order_are_cut_and_doubted():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.900"))
    update = ledger.apply(fill_report("t2", "0.300"))
    assert told(update) == [("99.9", "0.100", "1.000", "t2")]
    assert len(update.doubts) == 1


def test_total_beyond_the_order_is_cut_and_doubted_once():
    ledger = ledger_with()
    update = ledger.apply(order_report(PARTIAL, "1.500"))
    assert told(update) == [("99.9", "1.000", "1.000", None)]
    assert len(update.doubts) == 1
    assert ledger.apply(order_report(PARTIAL, "1.500")).doubts == ()


def test_new_size_of_an_order_nobody_knows_is_nobodys():
    ledger = ledger_with()
    ledger.resize(OTHER, Decimal(5))
    assert ledger.state(OTHER) is None
    assert ledger.apply(fill_report("t1", "0.300")).fills[0].leaves == Decimal("0.700")


def test_size_learned_below_what_was_told_takes_nothing_back():
    ledger = FillLedger()
    ledger.apply(fill_report("t1", "0.700"))
    update = ledger.apply(fill_report("t2", "0.100", order_quantity="0.500"))
    assert update.fills == ()
    assert len(update.doubts) == 1
    assert ledger.filled(ORDER) == Decimal("0.700")


def test_trade_id_used_twice_is_doubted_and_not_counted_again():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300"))
    update = ledger.apply(fill_report("t1", "0.200"))
    assert update.fills == ()
    assert len(update.doubts) == 1


def test_filled_status_with_less_than_the_size_does_not_agree():
    ended = ledger_with().apply(order_report(FILLED, "0.400")).ended
    assert ended is not None
    assert (ended.cumulative, ended.agrees) == (Decimal("0.400"), False)


def test_filled_status_of_unknown_size_agrees_with_its_own_total():
    ledger = FillLedger()
    ended = ledger.apply(order_report(FILLED, "0.400", quantity="0")).ended
    assert ended is not None
    assert ended.agrees


def test_cancel_report_behind_the_trades_does_not_agree():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.400"))
    ended = ledger.apply(order_report(CANCELED, "0")).ended
    assert ended is not None
    assert (ended.cumulative, ended.agrees) == (Decimal("0.400"), False)


def test_two_venue_ids_for_one_order_are_doubted_and_both_counted():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300"))
    update = ledger.apply(fill_report("t2", "0.300", order_id=OrderId("777")))
    assert len(update.doubts) == 1
    assert len(update.fills) == 1


def test_one_venue_id_for_two_orders_is_doubted():
    ledger = ledger_with()
    ledger.apply(order_report(OPEN))
    update = ledger.apply(order_report(OPEN, client_order_id=OTHER))
    assert len(update.doubts) == 1
    assert ledger.owner(VENUE_ID) == ORDER


# --- status ---


def test_acceptance_is_told_once_by_the_first_sign_of_life():
    ledger = ledger_with()
    accepted = ledger.apply(order_report(OPEN, occurred_ns=5), received_ns=6).accepted
    assert accepted is not None
    assert (accepted.order_id, accepted.price, accepted.quantity) == (VENUE_ID, Decimal("99.9"), Decimal("1.000"))
    assert (accepted.occurred_ns, accepted.received_wall_ns, accepted.received_ns) == (5, 12, 6)
    assert ledger.apply(order_report(OPEN)).events == ()
    assert ledger.apply(order_report(PARTIAL, "0.1")).accepted is None


@pytest.mark.parametrize("status", [CANCELED, EXPIRED, REJECTED])
def test_order_that_ends_unfilled_was_never_accepted(status):
    update = ledger_with().apply(order_report(status, reject_reason=RejectReason.MARGIN))
    assert update.accepted is None
    assert update.ended is not None
    assert (update.ended.status, update.ended.reject_reason) == (status, RejectReason.MARGIN)


@pytest.mark.parametrize("late", [OPEN, PARTIAL])
def test_status_never_goes_back_from_an_end(late):
    ledger = ledger_with()
    ledger.apply(order_report(CANCELED))
    assert ledger.apply(order_report(late)).events == ()
    state = ledger.state(ORDER)
    assert state is not None
    assert state.status is CANCELED
    assert ledger.stale_updates == 1


def test_first_end_stays():
    ledger = ledger_with()
    ledger.apply(order_report(CANCELED))
    assert ledger.apply(order_report(EXPIRED)).events == ()
    state = ledger.state(ORDER)
    assert state is not None
    assert state.status is CANCELED


def test_open_after_partial_is_stale():
    ledger = ledger_with()
    ledger.apply(order_report(PARTIAL, "0.400"))
    ledger.apply(order_report(OPEN, "0.400"))
    state = ledger.state(ORDER)
    assert state is not None
    assert state.status is PARTIAL
    assert ledger.stale_updates == 1


def test_unknown_status_concludes_nothing_but_its_total_counts():
    ledger = ledger_with()
    assert ledger.apply(order_report(OrderStatus.UNKNOWN)).events == ()
    assert told(ledger.apply(order_report(OrderStatus.UNKNOWN, "0.400"))) == [("99.9", "0.400", "0.400", None)]


def test_end_is_told_once_and_a_cancel_of_a_filled_order_is_a_fill():
    ledger = ledger_with()
    update = ledger.apply(order_report(CANCELED, "1.000", reason=CancelReason.REQUESTED))
    assert update.ended is not None
    assert (update.ended.status, update.ended.reason, update.ended.agrees) == (FILLED, None, True)
    assert ledger.apply(order_report(CANCELED, "1.000")).ended is None


def test_late_fills_complete_a_canceled_order_without_a_second_end():
    ledger = ledger_with()
    ledger.apply(order_report(CANCELED, "0.400"))
    update = ledger.apply(order_report(FILLED, "1.000"))
    assert told(update) == [("99.9", "0.600", "1.000", None)]
    assert update.ended is None
    state = ledger.state(ORDER)
    assert state is not None
    assert state.status is FILLED


# --- orders known by the venue's id only ---


def test_fill_by_venue_id_is_joined_through_an_earlier_report():
    # ORIGIN.md defect 6
    ledger = ledger_with()
    ledger.apply(order_report(OPEN))
    assert told(ledger.apply(fill_report("t1", "0.300", client_order_id=None))) == [("99.9", "0.300", "0.300", "t1")]


def test_fill_by_unknown_venue_id_waits_and_is_told_when_the_id_is_known():
    ledger = ledger_with()
    orphan = fill_report("t1", "0.300", client_order_id=None)
    assert ledger.apply(orphan, received_ns=50).unattributed == (orphan,)
    assert ledger.apply(orphan, received_ns=51).unattributed == ()
    assert ledger.duplicates == 1
    update = ledger.know(VENUE_ID, ORDER, received_ns=60)
    assert told(update) == [("99.9", "0.300", "0.300", "t1")]
    assert update.fills[0].received_ns == 50
    assert ledger.know(VENUE_ID, ORDER).events == ()


def test_waiting_fills_are_told_before_the_total_of_the_report_that_joins_them():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300", client_order_id=None))
    ledger.apply(fill_report(None, "0.100", cumulative="0.400", client_order_id=None))
    update = ledger.apply(order_report(PARTIAL, "0.500"))
    assert told(update) == [
        ("99.9", "0.300", "0.300", "t1"),
        ("99.9", "0.100", "0.400", None),
        ("99.9", "0.100", "0.500", None),
    ]


def test_reports_that_name_no_order_are_returned_and_not_kept():
    ledger = FillLedger()
    nameless = fill_report("t1", "0.1", client_order_id=None, order_id=None)
    foreign = order_report(OPEN, client_order_id=None)
    assert ledger.apply(nameless).unattributed == (nameless,)
    assert ledger.apply(nameless).unattributed == (nameless,)
    assert ledger.apply(foreign).unattributed == (foreign,)


def test_disowned_fills_are_gone():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300", client_order_id=None))
    ledger.disown(VENUE_ID)
    assert ledger.know(VENUE_ID, ORDER).events == ()


def test_waiting_fills_are_bounded():
    ledger = FillLedger(max_unattributed=2)
    for number in range(3):
        ledger.apply(fill_report("t1", "0.1", client_order_id=None, order_id=OrderId(str(number))))
    assert ledger.dropped == 1
    assert ledger.know(OrderId("0"), ORDER).events == ()
    assert len(ledger.know(OrderId("1"), ORDER).fills) == 1


@pytest.mark.parametrize("joined_by", ["know", "report"])
def test_a_waiting_fill_wakes_a_forgotten_order_only_for_itself(joined_by):
    ledger = ledger_with()
    ledger.apply(order_report(CANCELED, order_id=None), received_ns=1)
    assert ledger.forget_ended(2) == (ORDER,)
    ledger.apply(fill_report("t1", "0.300", client_order_id=None), received_ns=3)
    if joined_by == "know":
        update = ledger.know(VENUE_ID, ORDER, received_ns=4)
    else:
        update = ledger.apply(order_report(CANCELED, "0.300"), received_ns=4)
    assert told(update) == [("99.9", "0.300", "0.300", "t1")]
    assert ledger.forget_ended(4) == ()
    assert ledger.forget_ended(5) == (ORDER,)


def test_an_id_that_is_known_to_be_of_another_order_is_doubted_by_know_too():
    ledger = ledger_with()
    ledger.know(VENUE_ID, ORDER)
    doubt = ledger.know(VENUE_ID, OTHER).events[0]
    assert isinstance(doubt, Doubt)
    assert doubt.client_order_id == OTHER


def test_a_report_without_a_time_of_reading_is_told_without_one():
    ledger = ledger_with()
    assert ledger.apply(fill_report("t1", "0.300")).fills[0].received_ns == 0
    ledger.apply(order_report(CANCELED, "0.300"))
    assert ledger.forget_ended(1) == (ORDER,)
    ledger.apply(fill_report("t2", "0.100", client_order_id=None, order_id=OrderId("v2")))
    assert told(ledger.know(OrderId("v2"), ORDER)) == [("99.9", "0.100", "0.400", "t2")]
    assert ledger.forget_ended(1) == (ORDER,)


def test_know_without_an_account_creates_none():
    ledger = FillLedger()
    assert ledger.know(VENUE_ID, ORDER).events == ()
    assert ledger.owner(VENUE_ID) == ORDER
    assert ledger.state(ORDER) is None


# --- expecting, restoring, closing, forgetting ---


def test_expecting_again_keeps_the_account():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.300"))
    ledger.expect(request())
    assert ledger.filled(ORDER) == Decimal("0.300")


def test_what_was_registered_wins_over_reports():
    ledger = ledger_with()
    ledger.apply(order_report(OPEN, quantity="7", price="1"))
    state = ledger.state(ORDER)
    assert state is not None
    assert (state.quantity, state.price) == (Decimal("1.000"), Decimal("99.9"))


def test_an_order_that_is_woken_or_unknown_is_known_as_it_is():
    ledger = FillLedger()
    ledger.expect(request(side=Side.SELL, symbol="ETHUSDT"))
    ledger.apply(order_report(CANCELED, side=Side.SELL, symbol="ETHUSDT"), received_ns=1)
    before = ledger.state(ORDER)
    assert ledger.forget_ended(2) == (ORDER,)
    ledger.apply(order_report(CANCELED, side=Side.SELL, symbol="ETHUSDT"), received_ns=3)
    after = ledger.state(ORDER)
    assert before is not None
    assert after is not None
    assert (after.symbol, after.side, after.price, after.quantity) == (
        before.symbol,
        before.side,
        before.price,
        before.quantity,
    )
    ledger.apply(order_report(OPEN, client_order_id=OTHER, order_id=OrderId("v2"), side=Side.SELL, symbol="SOLUSDT"))
    unknown = ledger.state(OTHER)
    assert unknown is not None
    assert (unknown.symbol, unknown.side, unknown.quantity) == ("SOLUSDT", Side.SELL, Decimal("1.000"))


def test_a_restored_order_is_known_as_it_was_placed():
    ledger = FillLedger()
    ledger.restore(request(side=Side.SELL, symbol="ETHUSDT"))
    state = ledger.state(ORDER)
    assert state is not None
    assert (state.symbol, state.side, state.price, state.quantity) == (
        "ETHUSDT",
        Side.SELL,
        Decimal("99.9"),
        Decimal("1.000"),
    )


def test_a_restored_end_can_be_forgotten_at_once():
    ledger = FillLedger()
    ledger.restore(request(), status=CANCELED)
    ledger.restore(request(OTHER))
    assert ledger.forget_ended(1) == (ORDER,)


def test_restored_total_without_trades_is_not_told_again():
    ledger = FillLedger()
    ledger.restore(request(), order_id=VENUE_ID, filled=Decimal("0.400"), status=PARTIAL)
    assert ledger.apply(fill_report("t1", "0.400", fee="0.01")).fills == ()
    assert told(ledger.apply(fill_report("t2", "0.600"))) == [("99.9", "0.600", "1.000", "t2")]


def test_restored_total_is_corrected_from_the_price_and_fee_it_was_told_at():
    """Found by simulation: a flatten's average was told, and after a kill corrected as if its limit had been."""
    ledger = FillLedger()
    told_before = RestoredTrade(None, Decimal("99.5"), Decimal("0.400"), Decimal("0.003"))
    ledger.restore(request(), order_id=VENUE_ID, trades=[told_before], filled=Decimal("0.600"), status=PARTIAL)
    (correction,) = ledger.apply(fill_report("t1", "0.600", price="99.6", fee="0.010")).corrections
    assert correction.assumed_price * correction.quantity == Decimal("99.5") * Decimal("0.4") + Decimal(
        "99.9"
    ) * Decimal("0.2")
    assert correction.fee == Decimal("0.007")


def test_of_what_totals_implied_the_first_is_explained_first():
    ledger = FillLedger()
    told_before = [
        RestoredTrade(None, Decimal("99.5"), Decimal("0.300"), Decimal("0.003")),
        RestoredTrade(None, Decimal("99.7"), Decimal("0.300"), Decimal("0.006")),
    ]
    ledger.restore(request(), order_id=VENUE_ID, trades=told_before, filled=Decimal("0.600"), status=PARTIAL)
    (one,) = ledger.apply(fill_report("t1", "0.400", price="99.6", fee="0.010")).corrections
    (two,) = ledger.apply(fill_report("t2", "0.200", price="99.6", fee="0.010")).corrections
    assert one.assumed_price * one.quantity == Decimal("99.5") * Decimal("0.3") + Decimal("99.7") * Decimal("0.1")
    assert (one.fee, two.fee) == (Decimal("0.005"), Decimal("0.006"))
    assert two.assumed_price == Decimal("99.7")


def test_a_forgotten_total_is_corrected_from_the_price_it_was_told_at():
    ledger = ledger_with()
    first = ledger.apply(order_report(CANCELED, "0.400", average="99.5"), received_ns=1)
    assert told(first) == [("99.5", "0.400", "0.400", None)]
    assert ledger.forget_ended(5) == (ORDER,)
    (correction,) = ledger.apply(fill_report("t1", "0.400", price="99.6")).corrections
    assert (correction.assumed_price, correction.price) == (Decimal("99.5"), Decimal("99.6"))


def test_restored_total_of_a_market_order_has_no_price_to_assume():
    ledger = FillLedger()
    ledger.restore(request(price=None), filled=Decimal("0.400"))
    state = ledger.state(ORDER)
    assert state is not None
    assert (state.filled, state.notional) == (Decimal("0.400"), 0)


def test_restored_end_is_not_told_again_but_a_late_fill_is():
    ledger = FillLedger()
    ledger.restore(request(), filled=Decimal("0.400"), status=CANCELED)
    assert ledger.apply(order_report(CANCELED, "0.400")).events == ()
    assert told(ledger.apply(order_report(CANCELED, "0.500"))) == [("99.9", "0.100", "0.500", None)]


def test_restored_unknown_order_is_accepted_by_its_first_sign_of_life():
    ledger = FillLedger()
    ledger.restore(request())
    assert ledger.apply(order_report(OPEN)).accepted is not None


def test_closed_order_can_be_forgotten_and_its_late_fill_counts():
    ledger = ledger_with()
    ledger.close(ORDER, now_ns=5)
    ledger.close(ORDER, now_ns=50)
    ledger.close(OTHER, now_ns=5)
    late = ledger.apply(fill_report("t1", "0.400"))
    assert told(late) == [("99.9", "0.400", "0.400", "t1")]
    assert ledger.forget_ended(6) == (ORDER,)


def test_closed_order_that_is_reported_open_is_a_doubt():
    ledger = ledger_with()
    ledger.close(ORDER, now_ns=5)
    update = ledger.apply(order_report(OPEN))
    assert [type(event) for event in update.events] == [Doubt]


def test_forgotten_order_knows_its_repeats_and_tells_a_late_fill_once():
    ledger = ledger_with()
    ledger.apply(fill_report("t1", "0.400"), received_ns=10)
    ledger.apply(order_report(CANCELED, "0.400"), received_ns=11)
    assert ledger.forget_ended(11) == ()
    assert ledger.forget_ended(12) == (ORDER,)
    assert ledger.state(ORDER) is None
    assert ledger.filled(ORDER) == Decimal("0.400")
    ledger.expect(request())
    assert ledger.state(ORDER) is None
    assert ledger.apply(fill_report("t1", "0.400", client_order_id=None), received_ns=20).events == ()
    assert ledger.forget_ended(99) == (ORDER,)
    late = ledger.apply(fill_report("t2", "0.300", client_order_id=None), received_ns=30)
    assert told(late) == [("99.9", "0.300", "0.700", "t2")]
    assert late.ended is None


def test_live_orders_are_not_forgotten():
    ledger = ledger_with()
    assert ledger.forget_ended(1 << 62) == ()
    assert ledger.filled(OTHER) == 0


def _end_and_forget(ledger: FillLedger, client_order_id: ClientOrderId, order_id: str) -> None:
    ledger.apply(order_report(CANCELED, client_order_id=client_order_id, order_id=OrderId(order_id)), received_ns=1)
    ledger.forget_ended(2)


def test_report_of_an_order_beyond_memory_is_a_doubt_and_never_told_twice():
    ledger = FillLedger(max_memories=1)
    _end_and_forget(ledger, ORDER, "a")
    _end_and_forget(ledger, OTHER, "b")
    assert ledger.owner(OrderId("a")) is None
    update = ledger.apply(fill_report("t1", "0.4", order_id=OrderId("a")))
    assert [type(event) for event in update.events] == [Doubt]
    newer = pack(OrderKey(TAG, 3, 0))
    assert len(ledger.apply(fill_report("t1", "0.4", client_order_id=newer, order_id=OrderId("c"))).fills) == 1


def test_expected_exit_of_an_old_lot_counts_although_its_lot_is_beyond_memory():
    ledger = FillLedger(max_memories=1)
    _end_and_forget(ledger, OTHER, "b")
    _end_and_forget(ledger, pack(OrderKey(TAG, 3, 0)), "c")
    exit_of_old_lot = pack(OrderKey(TAG, 1, 1))
    ledger.expect(request(exit_of_old_lot, side=Side.SELL))
    report = fill_report("t9", "1.000", client_order_id=exit_of_old_lot, order_id=OrderId("d"), side=Side.SELL)
    assert len(ledger.apply(report).fills) == 1


def test_waiting_fill_of_an_order_beyond_memory_is_a_doubt():
    ledger = FillLedger(max_memories=1)
    _end_and_forget(ledger, ORDER, "a")
    _end_and_forget(ledger, OTHER, "b")
    ledger.apply(fill_report("t1", "0.4", client_order_id=None, order_id=OrderId("z")))
    update = ledger.know(OrderId("z"), ORDER)
    assert update.fills == ()
    assert len(update.doubts) == 1


def test_memory_of_an_id_that_is_no_key_is_given_up_without_a_mark():
    ledger = FillLedger(max_memories=0)
    foreign_shape = ClientOrderId(15)  # sequence 0: not one of our keys
    _end_and_forget(ledger, foreign_shape, "a")
    assert len(ledger.apply(fill_report("t1", "0.4", client_order_id=foreign_shape, order_id=OrderId("a"))).fills) == 1


# --- the venue's recorded sequences ---


def _report_of(event: dict, order_quantity: str) -> list[OrderReport | FillReport]:
    body = event["o"]
    statuses = {"NEW": OPEN, "PARTIALLY_FILLED": PARTIAL, "FILLED": FILLED, "CANCELED": CANCELED, "EXPIRED": EXPIRED}
    reports: list[OrderReport | FillReport] = []
    if body["x"] == "TRADE":
        reports.append(
            fill_report(str(body["t"]), body["l"], price=body["L"], cumulative=body["z"], order_quantity=order_quantity)
        )
    reports.append(order_report(statuses[body["X"]], body["z"], quantity=order_quantity, price=body["p"]))
    return reports


@pytest.mark.skipif(not VECTORS.is_file(), reason="the venue notes (../shared/venues) are not here")
def test_fill_sequences_of_the_aster_vectors_are_told_as_expected():
    cases = json.loads(VECTORS.read_text())["fill_sequences"]["cases"]
    checked = 0
    for case in cases:
        ledger = FillLedger(gap_patience_ns=1_000)
        fills, endings = [], []
        for event in case["events"]:
            for report in _report_of(event, case["order_qty"]):
                update = ledger.apply(report)
                fills += told(update)
                endings += [update.ended] if update.ended else []
        expected = [(price, delta, total, str(trade)) for price, delta, total, trade in case["expect_callbacks"]]
        assert fills == expected[: len(fills)], case["name"]
        if case["name"] != "missed_fills_recovered_by_rest":  # its REST page is the venue client's to read
            assert len(fills) == len(expected), case["name"]
            assert [ending.status.name for ending in endings] == case["expect_terminal"].split()[:1], case["name"]
        checked += 1
    assert checked == len(cases) > 0
