"""Ticks and steps: exact for any tick, never worse for the book than asked."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.rounding import ceil_to, floor_to, is_multiple, plain, round_price
from exchanges.values import Side

TICKS = st.sampled_from([Decimal(text) for text in ("0.1", "0.5", "5", "0.00000001", "0.025", "1", "1E+1")])
PRICES = st.decimals("0.00000001", "1000000", places=8)


@given(PRICES, TICKS)
def test_floor_and_ceiling_are_the_nearest_multiples_around(price, tick):
    low, high = floor_to(price, tick), ceil_to(price, tick)
    assert low <= price <= high
    assert is_multiple(low, tick)
    assert is_multiple(high, tick)
    assert high - low in (0, tick)
    assert (high == low) == is_multiple(price, tick)


@given(PRICES, TICKS)
def test_buys_round_down_and_sells_up(price, tick):
    assert round_price(price, tick, Side.BUY) == floor_to(price, tick)
    assert round_price(price, tick, Side.SELL) == ceil_to(price, tick)


@pytest.mark.parametrize(
    ("price", "tick", "buy", "sell"),
    [("100.26", "0.5", "100.0", "100.5"), ("103", "5", "100", "105"), ("100.899", "0.1", "100.8", "100.9")],
)
def test_ticks_that_quantize_gets_wrong(price, tick, buy, sell):
    # EXAMPLES.md A5: quantize(0.5) turns 100.26 into 100.3
    assert round_price(Decimal(price), Decimal(tick), Side.BUY) == Decimal(buy)
    assert round_price(Decimal(price), Decimal(tick), Side.SELL) == Decimal(sell)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("0.0000001", "0.0000001"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("-0", "0"),
        ("0.000", "0"),
        ("-0.00", "0"),
        ("-1.50", "-1.5"),
        ("1E-8", "0.00000001"),
    ],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(value, text):
    assert plain(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=10))
def test_plain_text_means_the_same_number(value):
    assert Decimal(plain(value)) == value
