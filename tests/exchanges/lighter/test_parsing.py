from decimal import Decimal

import pytest

from exchanges.errors import MalformedMessage
from exchanges.lighter import parsing
from exchanges.lighter.parsing import Fields, read_client_order_id, spell_client_order_id
from exchanges.values import CancelReason, OrderStatus, RejectReason, Side
from tests.exchanges.lighter.samples import ACCOUNT, NOW_NS, OUR_ID, order_row, position_row, trade_row


def order(**changes):
    return parsing.order(order_row(**changes), "ETH", NOW_NS)


def fills(**changes):
    return parsing.own_fills(trade_row(**changes), "ETH", ACCOUNT, NOW_NS)


def test_an_open_order():
    report = order()
    assert (report.client_order_id, report.order_id) == (OUR_ID, "562949952421311")
    assert (report.status, report.side, report.filled) == (OrderStatus.OPEN, Side.BUY, 0)
    assert (report.price, report.quantity, report.average_price) == (Decimal("2345.67"), Decimal("0.0250"), None)
    assert report.occurred_ns == 1795330000123456000


def test_what_was_filled_is_never_initial_less_remaining():
    changes = {"filled_base_amount": "0.0100", "filled_quote_amount": "23.456700", "remaining_base_amount": "0.0000"}
    report = order(status="canceled", **changes)
    assert (report.filled, report.average_price) == (Decimal("0.0100"), Decimal("2345.67"))
    assert (report.status, report.reason) == (OrderStatus.CANCELED, CancelReason.REQUESTED)


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("in-progress", OrderStatus.UNKNOWN, None),
        ("pending", OrderStatus.OPEN, None),
        ("filled", OrderStatus.FILLED, None),
        ("canceled-post-only", OrderStatus.CANCELED, CancelReason.POST_ONLY),
        ("canceled-reduce-only", OrderStatus.CANCELED, CancelReason.REDUCE_ONLY),
        ("canceled-position-not-allowed", OrderStatus.CANCELED, CancelReason.REDUCE_ONLY),
        ("canceled-too-much-slippage", OrderStatus.CANCELED, CancelReason.IMMEDIATE),
        ("canceled-not-enough-liquidity", OrderStatus.CANCELED, CancelReason.IMMEDIATE),
        ("canceled-self-trade", OrderStatus.CANCELED, CancelReason.SELF_TRADE),
        ("canceled-expired", OrderStatus.EXPIRED, CancelReason.EXPIRED),
        ("canceled-liquidation", OrderStatus.CANCELED, CancelReason.LIQUIDATION),
        ("canceled-oco", OrderStatus.CANCELED, CancelReason.OTHER),
        ("canceled-for-a-new-reason", OrderStatus.CANCELED, CancelReason.OTHER),
        ("canceled-margin-not-allowed", OrderStatus.REJECTED, None),
        ("a word never seen", OrderStatus.UNKNOWN, None),
    ],
)
def test_every_word_for_a_status(word, status, reason):
    report = order(status=word)
    assert (report.status, report.reason) == (status, reason)


def test_lack_of_margin_is_a_rejection_only_where_nothing_was_filled():
    assert order(status="canceled-margin-not-allowed").reject_reason is RejectReason.MARGIN
    partly = order(status="canceled-margin-not-allowed", filled_base_amount="0.0100", filled_quote_amount="23.4")
    assert (partly.status, partly.reason, partly.reject_reason) == (OrderStatus.CANCELED, CancelReason.OTHER, None)


def test_partly_filled_has_no_word():
    assert order(filled_base_amount="0.0100", filled_quote_amount="23.4").status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    "damage",
    [
        {"filled_base_amount": "1"},
        {"is_ask": 0},
        {"order_index": -1},
        {"status": None},
        {"transaction_time": "1"},
        {"price": "-1"},
        {"reduce_only": "no"},
    ],
)
def test_a_damaged_order_is_malformed(damage):
    with pytest.raises(MalformedMessage):
        order(**damage)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, None), (1, 1), (2**32 - 1, 2**32 - 1), (2**32, None), ("17", 17), ("017", None), ("x", None), (None, None)],
)
def test_client_indexes_that_are_ours(value, expected):
    assert read_client_order_id(value) == expected
    assert read_client_order_id(True) is None


def test_our_id_is_spelled_as_digits():
    assert spell_client_order_id(OUR_ID) == str(int(OUR_ID))
    with pytest.raises(ValueError, match="outside"):
        spell_client_order_id(0)


# --- trades ---


def test_our_side_of_a_trade():
    (fill,) = fills()
    assert (fill.side, fill.client_order_id, fill.order_id) == (Side.BUY, OUR_ID, "562949952421311")
    assert (fill.trade_id, fill.quantity, fill.price) == ("7000000002", Decimal("0.0150"), Decimal("2345.67"))
    assert (fill.is_maker, fill.fee, fill.fee_asset) == (True, Decimal("35.185050") * 28 / 1_000_000, "USDC")
    assert fill.occurred_ns == 1795330002000586000


def test_a_fee_that_is_left_out_is_zero_and_the_takers_is_the_takers():
    assert fills(maker_fee=None)[0].fee == 0
    (fill,) = fills(is_maker_ask=True, taker_fee=280)
    assert (fill.is_maker, fill.fee) == (False, Decimal("35.185050") * 280 / 1_000_000)


def test_a_trade_with_ourselves_is_two_fills_and_a_foreign_one_none():
    both = fills(ask_account_id=ACCOUNT)
    assert [(fill.side, fill.is_maker) for fill in both] == [(Side.SELL, False), (Side.BUY, True)]
    assert fills(bid_account_id=1) == ()


def test_the_time_of_a_trade_falls_back_to_milliseconds():
    assert fills(transaction_time=0)[0].occurred_ns == 1795330002000 * 10**6


@pytest.mark.parametrize("damage", [{"price": "0"}, {"size": "-1"}, {"bid_id": "x"}, {"is_maker_ask": 1}])
def test_a_damaged_trade_is_malformed(damage):
    with pytest.raises(MalformedMessage):
        fills(**damage)


# --- positions ---


def position(**changes):
    return parsing.position(position_row(**changes), "ETH", NOW_NS)


def test_a_position_is_signed():
    report = position()
    assert (report.quantity, report.entry_price) == (Decimal("-0.5000"), Decimal("2360.00"))
    assert (report.leverage, report.isolated, report.liquidation_price) == (10, False, None)


def test_a_flat_position_and_an_isolated_one():
    assert position(sign=1, position="0.0000").quantity == 0
    report = position(sign=1, margin_mode=1, liquidation_price="1999.5")
    assert (report.quantity, report.isolated, report.liquidation_price) == (Decimal("0.5000"), True, Decimal("1999.5"))


@pytest.mark.parametrize("damage", [{"sign": 2}, {"sign": 0}, {"position": "-0.5"}, {"avg_entry_price": None}])
def test_a_damaged_position_is_malformed(damage):
    with pytest.raises(MalformedMessage):
        position(**damage)


# --- shapes ---


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ({"0": [1, 2], "1": None}, [1, 2]),
        ({"0": {"a": 1}}, [{"a": 1}]),
        ([1, 2], [1, 2]),
        (None, []),
        ({}, []),
    ],
)
def test_rows_by_market_come_as_object_list_or_null(value, rows):
    assert list(Fields({"orders": value}, "x").by_market("orders")) == rows


def test_rows_of_another_shape_are_malformed():
    with pytest.raises(MalformedMessage):
        list(Fields({"orders": 5}, "x").by_market("orders"))


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_time": None, "timestamp": 10**20},
        {"transaction_time": None, "timestamp": -1},
        {"maker_fee": 10**30},
        {"maker_fee": -1_000_001},
    ],
)
def test_a_trade_whose_time_or_fee_is_out_of_this_world_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        fills(is_maker_ask=False, **changes)
