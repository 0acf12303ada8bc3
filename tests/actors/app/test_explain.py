"""The ladder of --explain: the same prices, sizes and gates as the core's, by the formulas of ORIGIN.md A.2."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.app.explain import explain, ladder_of
from actors.config import load_settings
from actors.config.ladder import ASSUMED_MAINTENANCE
from exchanges.values import FeeRates
from tests.actors.config_texts import ini, market

FREE = FeeRates(Decimal(0), Decimal(0))


def ladder(grid=None, risk=None, **changes):
    found = load_settings(ini(grid__btc=grid or {}, risk=risk or {}), (), {})
    return ladder_of(found, found.grids[0], market(**changes))


def text(grid=None, risk=None, **changes):
    found = load_settings(ini(grid__btc=grid or {}, risk=risk or {}), (), {})
    return explain(found, found.grids[0], market(**changes))


SCENARIO = {
    "bid": Decimal("100.0"),
    "ask": Decimal("100.1"),
    "fees": FREE,
    "min_notional": Decimal(10),
}
"""The fixture of SCENARIOS.md: tick 0.1, step 0.001, fees 0."""
GRID = {
    "order_notional_usd": "100.05",
    "take_profit_pct": "1",
    "grid_step_pct": "0.5",
    "target_leverage": "1",
}
WIDE = {"max_margin_usd": "10000", "stop_loss": "no"}


def test_first_lot_is_scenario_1():
    first = ladder(GRID, WIDE, **SCENARIO).rungs[0]
    assert (first.entry, first.quantity, first.exit) == (Decimal("99.9"), 1, Decimal("100.9"))
    assert (first.fees, first.net, first.cooldown_s) == (0, Decimal("1.0"), 0)
    assert first.notional == first.margin == Decimal("99.9")


def test_next_lot_needs_the_price_of_scenario_21():
    """Live exit 100.9: ask 99.6 is blocked, ask 99.5 allowed."""
    second = ladder(GRID, WIDE, **SCENARIO).rungs[1]
    assert (second.far_touch, second.entry, second.exit) == (Decimal("99.5"), Decimal("99.3"), Decimal("100.3"))


def test_next_lot_of_a_selling_grid_needs_the_price_of_scenario_21():
    """Live exit 99.1: bid 100.4 is blocked, bid 100.5 allowed."""
    first, second = ladder({**GRID, "direction": "sell"}, WIDE, **SCENARIO).rungs[:2]
    assert (first.entry, first.exit) == (Decimal("100.2"), Decimal("99.1"))
    assert (second.far_touch, second.entry, second.exit) == (Decimal("100.5"), Decimal("100.7"), Decimal("99.6"))
    assert first.net > 0


def test_cooldowns_are_those_of_scenario_20():
    assert [rung.cooldown_s for rung in ladder().rungs] == [0, 4, 8, 8, 16, 16]


def test_fees_are_maker_twice_and_with_boost_taker_at_the_exit():
    maker, taker = Decimal("0.0001"), Decimal("0.0004")
    first = ladder().rungs[0]
    assert first.fees == first.quantity * (first.entry * maker + first.exit * maker)
    assert first.net == (first.exit - first.entry) * first.quantity - first.fees
    boosted = ladder({"boost_mode": "yes"}).rungs[0]
    assert boosted.fees == boosted.quantity * (boosted.entry * maker + boosted.exit * taker)


def test_margin_grows_with_the_position_and_uses_the_applied_leverage():
    rungs = ladder().rungs
    assert rungs[-1].position == sum(rung.quantity for rung in rungs)
    assert rungs[1].margin == rungs[1].position * rungs[1].entry / 5
    assert ladder(applied_leverage=2).rungs[1].margin == rungs[1].position * rungs[1].entry / 2


@pytest.mark.parametrize(
    ("grid", "risk", "lots", "because"),
    [
        ({}, {}, 6, "max_orders"),
        ({}, {"max_margin_usd": "130"}, 3, "max_margin_usd"),
        ({"grid_max_margin_usd": "80"}, {}, 2, "grid_max_margin_usd"),
        ({}, {"max_position_usd": "800"}, 4, "max_position_usd"),
        ({}, {"max_net_exposure_usd": "800"}, 4, "max_position_usd"),
    ],
)
def test_ladder_ends_where_the_first_limit_is(grid, risk, lots, because):
    found = ladder(grid, risk)
    assert (len(found.rungs), found.full_because) == (lots, because)


def test_without_a_grid_step_lots_follow_as_the_entry_fills():
    rungs = ladder({"grid_step_pct": "0"}).rungs
    assert [rung.far_touch for rung in rungs[1:]] == [rung.entry for rung in rungs[:-1]]


def test_price_that_reaches_its_end_ends_the_ladder():
    changes = {"bid": Decimal("0.8"), "ask": Decimal("0.9"), "step": Decimal("0.1"), "fees": FREE}
    found = ladder({"take_profit_pct": "20", "grid_step_pct": "30"}, {"max_margin_usd": "9999"}, **changes)
    assert found.full_because == "the price is at its end"
    assert 0 < len(found.rungs) < 6
    assert all(rung.entry > 0 for rung in found.rungs)


def test_order_that_is_too_small_gives_no_ladder():
    found = ladder(min_quantity=Decimal(1))
    assert (found.rungs, found.full_because, found.average_entry) == ((), "order_notional_usd", 0)
    assert (found.stop_loss_price, found.liquidation_price) == (None, None)
    assert "No entry is possible." in text(min_quantity=Decimal(1))
    assert "Problem: grid.btc.order_notional_usd = 200: rounds down" in text(min_quantity=Decimal(1))


def test_stop_loss_is_measured_on_the_average_entry():
    found = ladder(risk={"stop_loss_pct": "5", "stop_loss_basis": "price"})
    assert found.stop_loss_price == found.average_entry * Decimal("0.95")
    on_margin = ladder(risk={"stop_loss_pct": "5", "stop_loss_basis": "margin"})
    assert on_margin.stop_loss_price == on_margin.average_entry * Decimal("0.99")
    sells = ladder({"direction": "sell"}, {"stop_loss_pct": "5", "stop_loss_basis": "price"})
    assert sells.stop_loss_price == sells.average_entry * Decimal("1.05")
    assert ladder(risk={"stop_loss": "no"}).stop_loss_price is None


def test_stop_loss_that_comes_first_names_the_lot_it_precedes():
    """A loss of 0.21 % with lots 0.1 % apart: lot 4 is 0.2 % from the average before it, lot 5 0.25 %."""
    early = {"stop_loss_pct": "2.1", "stop_loss_basis": "margin"}
    assert ladder({"target_leverage": "10"}, early).stop_loss_at_lot == 5
    assert ladder({"target_leverage": "10", "direction": "sell"}, early).stop_loss_at_lot == 5
    assert "fires before lot 5" in text({"target_leverage": "10"}, early)
    assert ladder().stop_loss_at_lot is None


@pytest.mark.parametrize("direction", ["buy", "sell"])
@pytest.mark.parametrize("equity", [None, Decimal(300)])
def test_liquidation_is_where_equity_meets_maintenance(direction, equity):
    found = ladder({"direction": direction}, equity_usd=equity)
    sign = 1 if direction == "buy" else -1
    held, price = found.rungs[-1].position, found.liquidation_price
    start = sum(rung.notional for rung in found.rungs) / 5 if equity is None else equity
    left = start + sign * (price - found.average_entry) * held
    assert abs(left - ASSUMED_MAINTENANCE * held * price) < Decimal("0.000001")


def test_liquidation_when_equity_covers_everything_is_none():
    assert ladder(equity_usd=Decimal(100_000)).liquidation_price is None
    assert "Liquidation with all lots open: none" in text(equity_usd=Decimal(100_000))


def test_text_shows_the_whole_ladder():
    shown = text({"stop_price": "55000"}, equity_usd=Decimal(1000))
    lines = shown.splitlines()
    assert lines[0].startswith("[grid.btc] BTCUSDT on aster, buy grid, leverage 5; bid 60000.0, ask 60000.1")
    assert lines[2].split()[:3] == ["lot", "market", "at"]
    assert [line.split()[0] for line in lines[3:9]] == ["1", "2", "3", "4", "5", "6"]
    expected = ["1", "60000.1", "59999.9", "0.003", "180.00", "60071.9", "-", "0.0360", "0.1800", "0.003", "36.00"]
    assert lines[3].split() == expected
    assert "Full after lot 6 at 59700.5 (-0.50 %), because of max_orders" in shown
    assert "stop_price 55000 is -8.33 % away; reached with all lots open it costs about 87.30 USD" in shown
    assert "Stop loss with all lots open: 56857.56" in shown
    assert "Liquidation with all lots open: about" in shown
    assert "equity 1000.00 USD" in shown
    assert "Problem" not in shown


def test_text_when_the_price_cannot_be_used_says_so():
    shown = text(bid=Decimal("NaN"))
    assert "No entry is possible." in shown
    assert "no usable price" in shown


def test_text_when_there_is_no_stop_says_so():
    shown = text({"direction": "sell"}, {"stop_loss": "no"})
    assert "No stop_price." in shown
    assert "Stop loss is off." in shown
    assert "If the price only rises" in shown


@settings(max_examples=60, deadline=None)
@given(
    direction=st.sampled_from(["buy", "sell"]),
    bid=st.integers(1, 2_000_000),
    spread=st.integers(1, 50),
    tick=st.sampled_from(["0.1", "0.01", "0.5", "0.25", "10"]),
    step=st.sampled_from(["0", "0.01", "0.1", "3"]),
    profit=st.sampled_from(["0.05", "0.12", "5"]),
    ticks=st.integers(1, 20),
)
def test_every_ladder_keeps_the_grids_promises(direction, bid, spread, tick, step, profit, ticks):
    size = Decimal(tick)
    keys = {"direction": direction, "grid_step_pct": step, "take_profit_pct": profit, "post_only_ticks": str(ticks)}
    found = ladder(
        keys,
        {"max_margin_usd": "100000"},
        tick=size,
        step=Decimal("0.00000001"),
        min_quantity=Decimal("0.00000001"),
        bid=bid * size,
        ask=(bid + spread) * size,
    )
    sign = 1 if direction == "buy" else -1
    for rung in found.rungs:
        assert rung.entry % size == rung.exit % size == 0
        assert (rung.exit - rung.entry) * sign > 0
        assert (rung.far_touch - rung.entry) * sign == ticks * size
    for before, after in zip(found.rungs, found.rungs[1:], strict=False):
        assert (before.entry - after.far_touch) * sign >= 0
        wide, near = (before.exit, after.exit) if sign == 1 else (after.exit, before.exit)
        assert step == "0" or wide / near > 1 + Decimal(step) / 100
