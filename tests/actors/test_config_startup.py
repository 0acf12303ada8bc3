"""Settings against the market they meet (CONFIG.md D.3, ORIGIN.md A.6 rows 35 and 36)."""

from decimal import Decimal

import pytest

from actors.config import load_settings
from actors.config.startup import startup_problems
from exchanges.values import FeeRates
from tests.actors.config_texts import ini, market


def found(grid=None, risk=None, **changes):
    settings = load_settings(ini(grid__btc=grid or {}, risk=risk or {}), (), {})
    return startup_problems(settings, settings.grids[0], market(**changes))


def only_problem(grid=None, risk=None, **changes):
    findings = found(grid, risk, **changes)
    assert len(findings.problems) == 1, findings.problems
    return findings.problems[0]


def test_sane_grid_has_nothing_to_say():
    findings = found(equity_usd=Decimal(1000))
    assert (findings.problems, findings.warnings) == ([], [])


@pytest.mark.parametrize(
    ("bid", "ask"), [("NaN", "1"), ("1", "NaN"), ("2", "1"), ("1", "1"), ("0", "1"), ("1", "Infinity")]
)
def test_unusable_price_is_a_problem_and_ends_the_check(bid, ask):
    text = only_problem({"stop_price": "70000"}, bid=Decimal(bid), ask=Decimal(ask))
    assert "no usable price" in text


def test_closed_market_is_a_problem():
    assert "does not accept orders" in only_problem(is_trading=False)


def test_leverage_beyond_the_venue_is_a_problem_and_a_clamped_one_a_warning():
    assert "allows at most 4" in only_problem(max_leverage=4)
    assert not found(max_leverage=5).problems
    findings = found(applied_leverage=4)
    assert "the venue applied 4" in findings.warnings[0]


def test_clamped_leverage_changes_the_distance_of_a_margin_based_target():
    keys = {"take_profit_basis": "margin", "take_profit_pct": "0.2", "grid_step_pct": "0"}
    assert not found(keys).problems
    assert "do not pay for the fees" in only_problem(keys, applied_leverage=10)


@pytest.mark.parametrize(
    ("notional", "changes", "least"),
    [
        ("59", {}, "60.01"),
        ("60", {}, "60.01"),
        ("100", {"min_quantity": Decimal("0.002")}, "120.01"),
        ("60.01", {"min_notional": Decimal(58)}, "120.01"),
    ],
)
def test_order_below_the_minimum_names_the_smallest_legal_value(notional, changes, least):
    text = only_problem({"order_notional_usd": notional}, **changes)
    assert text.startswith(f"grid.btc.order_notional_usd = {notional}: rounds down to 0")
    assert text.endswith(f"write at least {least}")
    assert not found({"order_notional_usd": least}, **changes).problems


def test_order_that_rounding_makes_much_smaller_warns():
    assert "rounds down to 0.001 BTC, 60" in found({"order_notional_usd": "100"}).warnings[0]
    assert not found({"order_notional_usd": "61"}).warnings


def test_order_above_the_maximum_is_a_problem():
    assert "largest order is 120.0001 USD" in only_problem(max_quantity=Decimal("0.002"))


def test_take_profit_and_step_below_one_tick_are_problems():
    findings = found({"take_profit_pct": "0.05", "grid_step_pct": "0.02"}, tick=Decimal(100), ask=Decimal("60000.2"))
    assert "grid.btc.grid_step_pct = 0.02: less than one tick (100); write 0 or at least" in findings.problems[0]
    assert "grid.btc.take_profit_pct = 0.05: less than one tick (100)" in "\n".join(findings.problems)


def test_take_profit_within_the_spread_is_a_problem_now_and_a_warning_on_restart():
    changes = {"bid": Decimal(59900), "ask": Decimal(60000)}
    assert "not more than the spread (100)" in only_problem(**changes)
    findings = found(has_open_lots=True, **changes)
    assert findings.problems == []
    assert "not more than the spread" in findings.warnings[0]


def test_take_profit_against_the_real_fees():
    assert "do not pay for the fees" in only_problem(fees=FeeRates(Decimal("0.0006"), Decimal("0.001")))


@pytest.mark.parametrize(
    ("direction", "key", "price", "fits"),
    [
        ("buy", "stop_price", "59000", True),
        ("buy", "stop_price", "60000.05", False),
        ("buy", "pause_price", "61000", True),
        ("buy", "pause_price", "59000", False),
        ("sell", "stop_price", "61000", True),
        ("sell", "stop_price", "59000", False),
        ("sell", "pause_price", "59000", True),
        ("sell", "pause_price", "61000", False),
    ],
)
def test_stop_and_pause_are_on_their_sides_of_the_price(direction, key, price, fits):
    keys = {"direction": direction, key: price}
    if fits:
        assert found(keys).problems == []
    else:
        assert only_problem(keys).startswith(f"grid.btc.{key} = {price}: a {direction} grid's")
        restarted = found(keys, has_open_lots=True)
        assert restarted.problems == []
        assert restarted.warnings


def test_more_lots_than_the_venue_takes_orders_is_a_problem():
    assert "allows 6 open orders" in only_problem(max_open_orders=6)
    assert not found(max_open_orders=7).problems


def test_stop_beyond_the_liquidation_estimate_warns():
    keys = {"stop_price": "40000"}
    assert "beyond the estimated liquidation" in found(keys).warnings[0]
    assert not found(keys, equity_usd=Decimal(1000)).warnings
    assert "beyond the estimated liquidation" in found({"stop_price": "80000", "direction": "sell"}).warnings[0]


def test_account_too_small_for_all_lots_warns():
    assert "the account has 100" in found(equity_usd=Decimal(100)).warnings[0]
