"""What Aster would say to an order, on the venue note's vectors and rule by rule."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulated.faces.aster.markets import DEFAULT_MARKETS, market_for
from exchanges.simulated.faces.aster.refusals import VenueRefusal
from exchanges.simulated.faces.aster.validation import (
    OrderContext,
    check_leverage,
    check_position_mode,
    read_order_reference,
    validate_order,
)
from exchanges.values import Side
from tests.exchanges.simulated.face_bench import vectors

GOOD = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTX",
    "quantity": "0.002",
    "price": "94000.0",
}
MARK = OrderContext(mark_price=Decimal(95000))
PLACING = [row for row in vectors()["order_validation_vectors"] if "endpoint" not in row["params"]]


def order(**changes):
    return {key: value for key, value in (GOOD | changes).items() if value is not None}


def context_of(row):
    position = Decimal(100) if row["params"].get("reduceOnly") and row["name"] != "reduce_only_no_position" else 0
    return OrderContext(
        mark_price=Decimal(row["mark_price"]),
        dual_side=row.get("account", {}).get("dualSidePosition", False),
        position=Decimal(position),
        open_orders=200 if row["name"] == "open_order_limit" else 0,
    )


@pytest.mark.parametrize("row", PLACING, ids=lambda row: row["name"])
def test_answers_every_vector(row):
    code = validate_order(row["params"], context_of(row))
    expected = str(row["expect"])
    if expected.startswith(("accept", "HTTP 200")):
        assert code is None
    else:
        assert code in [int(word) for word in re.findall(r"-\d{4}", expected)]


@pytest.mark.parametrize("row", vectors()["precision_traps"], ids=str)
def test_tells_too_precise_from_off_the_step(row):
    changes = {key: row[key] for key in ("symbol", "price", "quantity") if key in row}
    fitting = {"ZKUSDT": {"price": "0.05"}, "ETHUSDT": {"quantity": "0.015"}, "ASTERUSDT": {"quantity": "10"}}
    context = OrderContext()
    assert validate_order(order(**(fitting.get(row["symbol"], {}) | changes)), context) == row["expect_code"]


@pytest.mark.parametrize("symbol", sorted(vectors()["symbol_filters_2026_01_12"]))
def test_the_table_of_markets_is_the_capture(symbol):
    row, market = vectors()["symbol_filters_2026_01_12"][symbol], DEFAULT_MARKETS[symbol]
    rules = market.rules
    assert (market.price_precision, market.quantity_precision) == (row["pricePrecision"], row["quantityPrecision"])
    assert [str(value) for value in (rules.tick, rules.step, rules.min_price)] == [
        row["tickSize"],
        row["stepSize"],
        row["minPrice"],
    ]
    assert (rules.max_quantity, rules.market_max_quantity) == (Decimal(row["maxQty"]), Decimal(row["marketMaxQty"]))
    assert (rules.band_up, rules.band_down) == (Decimal(row["multiplierUp"]), Decimal(row["multiplierDown"]))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": None}, -1102),
        ({"side": None}, -1102),
        ({"type": None}, -1102),
        ({"timeInForce": None}, -1102),
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"side": "LONG"}, -1117),
        ({"type": "STOP"}, -1116),
        ({"timeInForce": "GTD"}, -1115),
        ({"quantity": "1E-3"}, -1100),
        ({"price": "1_0"}, -1100),
        ({"price": "٣"}, -1100),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "ü"}, -1100),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"positionSide": "UP"}, -4060),
        ({"reduceOnly": "maybe"}, -4062),
        ({"price": "-1"}, -4001),
        ({"price": "0.5"}, -4013),
        ({"price": "1000000.1"}, -4002),
        ({"quantity": "-0.002"}, -4003),
        ({"quantity": "1000.001"}, -4005),
        ({"price": "94000.05"}, -1111),
        ({"quantity": "0.0001"}, -1111),
        ({"price": "2400.0", "quantity": "0.002"}, -4164),
        ({"side": "SELL", "price": "93099.9"}, -4024),
        ({"side": "SELL", "price": "93100.0"}, None),
        ({"type": "MARKET"}, -1106),
        ({"type": "MARKET", "price": None}, -1106),
        ({"type": "MARKET", "price": None, "timeInForce": None}, None),
        ({"type": "MARKET", "price": None, "timeInForce": None, "quantity": "120.001"}, -4005),
        ({"price": "94000"}, None),
        ({"price": "94000.00000"}, None),
    ],
)
def test_names_the_first_rule_that_is_broken(changes, code):
    assert validate_order(order(**changes), MARK) == code


def test_a_closed_market_takes_no_orders():
    closed = market_for(replace(DEFAULT_MARKETS["BTCUSDT"].rules, is_trading=False))
    assert validate_order(GOOD, OrderContext(markets={"BTCUSDT": closed})) == -4141


def test_reduce_only_counts_what_other_orders_already_cover():
    selling = order(side="SELL", price="96000.0", reduceOnly="true")
    held = replace(MARK, position=Decimal("0.003"))
    assert validate_order(selling, held) is None
    assert validate_order(selling, replace(held, reducing={Side.SELL: Decimal("0.003")})) == -2022
    assert validate_order(order(reduceOnly="true"), held) == -2022


def test_margin_is_needed_only_for_what_opens():
    poor = replace(MARK, available=Decimal("18.79"), leverage=10)
    assert validate_order(GOOD, poor) == -2019
    assert validate_order(GOOD, replace(poor, available=Decimal("18.80"))) is None
    assert validate_order(GOOD, replace(poor, available=Decimal(0), position=Decimal("-0.002"))) is None


def test_hedge_mode_wants_a_side_and_no_reduce_only():
    hedged = replace(MARK, dual_side=True)
    assert validate_order(order(positionSide="LONG"), hedged) is None
    assert validate_order(order(positionSide="LONG", reduceOnly="true"), hedged) == -4062


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "reduceOnly", "newClientOrderId", "positionSide", "newOrderRespType"]),
        st.one_of(st.text(max_size=8), st.sampled_from(["BUY", "LIMIT", "GTX", "true", "0.002", "94000.0", "BTCUSDT"])),
    )
)
def test_any_parameters_get_a_code_or_pass(params):
    assert validate_order(params, MARK) is None or validate_order(params, MARK) < 0


@pytest.mark.parametrize("leverage", ["0", "126", "-5"])
def test_leverage_has_bounds(leverage):
    with pytest.raises(VenueRefusal) as refusal:
        check_leverage({"leverage": leverage})
    assert refusal.value.code == -4028


def test_the_same_position_mode_needs_no_change():
    with pytest.raises(VenueRefusal) as refusal:
        check_position_mode({"dualSidePosition": "false"}, dual_side=False)
    assert refusal.value.code == -4059
    assert check_position_mode({"dualSidePosition": "true"}, dual_side=False)


def test_an_order_is_named_by_either_id():
    assert read_order_reference({"orderId": "7", "origClientOrderId": "a"}) == (7, "a")
    with pytest.raises(VenueRefusal) as refusal:
        read_order_reference({"symbol": "BTCUSDT"})
    assert refusal.value.code == -1102
