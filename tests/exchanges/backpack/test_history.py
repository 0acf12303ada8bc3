"""Rows of the history service."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.backpack import history
from exchanges.backpack.parsing import Fields
from exchanges.errors import MalformedMessage
from exchanges.values import CancelReason, OrderStatus, Side
from tests.exchanges.backpack.samples import NOW_NS, ORDER_ID, OUR_ID, SYMBOL, body, history_order

D = Decimal
FILLS = "GET /wapi/v1/history/fills"
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2025-06-15T15:06:40", 1_750_000_000 * SECOND_NS),
        ("2025-06-15T15:06:40.120", 1_750_000_000 * SECOND_NS + 120_000_000),
        ("2025-06-15T15:06:40.000123", 1_750_000_000 * SECOND_NS + 123_000),
        ("2024-02-29T00:00:00.5", 1_709_164_800 * SECOND_NS + 500_000_000),
    ],
)
def test_a_time_without_zone_is_utc(text, ns):
    assert history.history_time_ns(Fields({"t": text}, "x"), "t") == ns


@pytest.mark.parametrize(
    "text",
    [
        None,
        1750000000000,
        "",
        "2025-06-15 15:06:40",
        "2025-06-15T15:06:40Z",
        "2025-06-15T15:06:40+00:00",
        "2025-02-30T15:06:40",
        "2025-06-15T25:06:40",
        "0000-01-01T00:00:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59",
        "2262-04-12T00:00:00",
        "1969-12-31T23:59:59",
        "2025-06-15T15:06:40.",
        "2025-06-15T15:06:4\u0660",
    ],
)
def test_what_is_no_time_is_malformed(text):
    with pytest.raises(MalformedMessage):
        history.history_time_ns(Fields({"t": text}, "x"), "t")


def test_an_order_that_ended():
    report = history.history_order(history_order(), NOW_NS)
    assert (report.client_order_id, report.order_id, report.symbol) == (OUR_ID, ORDER_ID, SYMBOL)
    assert (report.status, report.filled, report.average_price) == (OrderStatus.CANCELED, D("0.2"), D("141.25"))
    assert (report.reason, report.occurred_ns, report.received_ns) == (CancelReason.REQUESTED, 0, NOW_NS)
    assert history.created_ns(history_order()) == 1_750_000_000_120_000_000


def test_history_knows_why_an_order_expired():
    row = history_order(status="Expired", expiryReason="PostOnlyTaker", executedQuantity="0")
    assert history.history_order(row, 0).reason is CancelReason.POST_ONLY


@pytest.mark.parametrize("changes", [{"createdAt": 1750000000120}, {"status": "Gone"}, {"id": None}])
def test_a_strange_row_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        history.history_order(history_order(**changes), 0)


def test_history_orders_are_a_list():
    assert history.order_rows([1]) == [1]
    with pytest.raises(MalformedMessage):
        history.order_rows({})


def test_fills_come_out_oldest_first():
    rows = body(FILLS)
    first, second = history.fills(list(reversed(rows)), NOW_NS)
    assert (first.trade_id, second.trade_id) == ("88000001", "88000007")
    assert (first.client_order_id, first.order_id, first.symbol) == (1001, ORDER_ID, SYMBOL)
    assert (first.price, first.quantity, first.fee, first.fee_asset) == (D("141.25"), D("0.2"), D("0.00565"), "USDC")
    assert (first.side, first.is_maker, first.cumulative) == (Side.BUY, True, None)
    assert (first.occurred_ns, first.received_ns) == (1_750_000_001_500_000_000, NOW_NS)


def test_fills_of_one_moment_come_in_the_order_of_their_trades():
    rows = [body(FILLS, tradeId=number)[0] for number in (9, None, 10)]
    assert [fill.trade_id for fill in history.fills(rows, 0)] == [None, "9", "10"]


@pytest.mark.parametrize("number", [None, 0])
def test_a_fill_of_the_system_has_no_trade_id(number):
    assert history.fills(body(FILLS, tradeId=number)[:1], 0)[0].trade_id is None


def test_a_fill_may_lack_client_id_fee_and_role():
    fill = history.fills(body(FILLS, clientId=None, fee=None, feeSymbol=None, isMaker=None)[:1], 0)[0]
    assert (fill.client_order_id, fill.fee, fill.fee_asset, fill.is_maker) == (None, D(0), "", None)
    assert history.fills(body(FILLS, fee="-0.1")[:1], 0)[0].fee == D("-0.1")


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "0"},
        {"quantity": "-1"},
        {"quantity": "1e999"},
        {"orderId": None},
        {"tradeId": "x"},
        {"tradeId": -1},
        {"clientId": "-1"},
        {"side": "BUY"},
        {"timestamp": "yesterday"},
    ],
)
def test_a_strange_fill_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        history.fills(body(FILLS, **changes), 0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda each: (
            st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(list(body(FILLS)[0])), each, max_size=5)
        ),
        max_leaves=12,
    )
)
def test_whatever_comes_is_a_report_or_malformed(data):
    for read in (history.fills, history.history_order):
        with contextlib.suppress(MalformedMessage):
            read(data, 0)
