from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.grid import pricing
from actors.grid.settings import Direction, TakeProfitBasis
from actors.grid.state import Quote
from tests.grid.harness import D, make_context

BUY = make_context()
SELL = make_context(direction=Direction.SELL)
QUOTE = Quote(D("100.0"), D("100.1"), 0)


def test_entry_price_is_ticks_from_the_far_touch():
    assert pricing.entry_price(BUY, QUOTE, 0) == D("99.9")
    assert pricing.entry_price(SELL, QUOTE, 0) == D("100.2")
    assert pricing.entry_price(BUY, QUOTE, 3) == D("99.6")
    assert pricing.entry_price(SELL, QUOTE, 500) == D("102.0")


@given(st.integers(1, 10**7), st.sampled_from(["0.1", "0.5", "0.01", "25"]))
def test_target_price_is_on_the_tick_and_never_worse_than_asked(cents, tick):
    entry = Decimal(cents) / 100
    for direction in Direction:
        context = make_context(direction=direction, rules={"tick": D(tick)})
        target = pricing.target_price(context, entry)
        wanted = entry * (1 + context.sign * D("0.01"))
        assert target % D(tick) == 0
        assert (target - wanted) * context.sign >= 0
        assert abs(target - wanted) < D(tick)


def test_entry_of_target_inverts_the_target():
    assert abs(pricing.entry_of_target(BUY, D("100.9")) - D("99.9")) < D("0.01")


def test_margin_basis_divides_by_the_leverage():
    assert pricing.move_fraction(D(20), TakeProfitBasis.MARGIN, 20) == D("0.01")
    assert pricing.move_fraction(D(1), TakeProfitBasis.PRICE, 20) == D("0.01")


def test_entry_quantity_floors_and_respects_limits():
    assert pricing.entry_quantity(BUY, QUOTE, D("99.9")) == D("1.000")
    large = make_context(rules={"max_quantity": D("0.5")})
    assert pricing.entry_quantity(large, QUOTE, D("99.9")) == D("0.5")
    hopeless = make_context(rules={"max_quantity": D("0.05")})
    assert pricing.entry_quantity(hopeless, QUOTE, D("99.9")) == 0
    coarse = make_context(rules={"step": D(2), "min_quantity": D(2)})
    assert (
        pricing.entry_quantity(coarse, QUOTE, D("99.9")) == 0 or pricing.entry_quantity(coarse, QUOTE, D("99.9")) == 2
    )


@pytest.mark.parametrize(("refusals", "expected"), [(0, "100.9"), (1, "101.1"), (3, "101.3"), (99, "103.0")])
def test_resting_price_keeps_behind_the_touch_after_refusals(refusals, expected):
    quote = Quote(D("101.0"), D("101.1"), 0)
    assert pricing.resting_price(BUY, D("100.9"), quote, refusals) == D(expected)


def test_resting_price_without_a_price_is_the_target():
    assert pricing.resting_price(BUY, D("100.9"), None, 5) == D("100.9")
    assert pricing.resting_price(SELL, D("99.1"), Quote(D("98.9"), D("99.0"), 0), 1) == D("98.9")


def test_capped_price_is_the_touch_less_slippage():
    assert pricing.capped_price(BUY, QUOTE, D(10)) == D("99.9")
    assert pricing.capped_price(SELL, QUOTE, D(10)) == D("100.2")


def test_dearer_is_best_for_us():
    assert pricing.dearer(BUY, [D(1), D(2)]) == 2
    assert pricing.dearer(SELL, [D(1), D(2)]) == 1


def test_an_entry_of_exactly_the_smallest_legal_size_is_legal():
    least = make_context(rules={"min_quantity": D("1.000")})
    assert pricing.entry_quantity(least, QUOTE, D("99.9")) == D("1.000")
    worth = make_context(rules={"min_notional": D(100)})
    assert pricing.entry_quantity(worth, QUOTE, D("100.0")) == D("1.000")
    assert pricing.entry_quantity(worth, QUOTE, D("99.9")) == D("1.002"), "the smallest that is worth so much"


def test_prices_off_the_tick_are_rounded_away_from_the_market():
    """A price may lie between two ticks: the venue has made the tick coarser, or an average is no tick."""
    off = Quote(D("100.03"), D("100.17"), 0)
    assert pricing.entry_price(BUY, off, 0) == D("99.9")
    assert pricing.entry_price(SELL, off, 0) == D("100.3")
    assert pricing.resting_price(BUY, D("99.0"), off, 1) == D("100.2")
    assert pricing.resting_price(SELL, D("101.0"), off, 1) == D("100.0")
    assert pricing.target_price(BUY, D("99.93")) == D("101.0")
    assert pricing.target_price(SELL, D("99.93")) == D("98.9")
