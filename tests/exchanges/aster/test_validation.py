from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.aster import validation
from exchanges.aster.markets import symbol_filters
from exchanges.aster.validation import AccountView, denial, predict_code, would_take
from exchanges.simulated.faces.aster.markets import AsterMarket
from exchanges.simulated.faces.aster.validation import OrderContext, validate_order
from exchanges.values import Side
from tests.exchanges.aster.samples import SYMBOL, request, vectors

FILTERS = symbol_filters(vectors("payload_fixtures")["exchange_info_btc"]["symbol"])
ACCOUNT = AccountView(position=Decimal(0), mark_price=Decimal(95000))
GOOD = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTX",
    "quantity": "0.002",
    "price": "94000.0",
}


def code_of(account=ACCOUNT, filters=FILTERS, **changes):
    parameters = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return predict_code(parameters, {SYMBOL: filters}, account)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"symbol": None}, -1102),
        ({"side": ""}, -1102),
        ({"type": None}, -1102),
        ({"timeInForce": None}, -1102),
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"side": "LONG"}, -1117),
        ({"type": "LIMITX"}, -1116),
        ({"timeInForce": "POST"}, -1115),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"quantity": "1e-3"}, -1100),
        ({"price": "x"}, -1100),
        ({"type": "MARKET"}, -1106),
        ({"type": "MARKET", "timeInForce": None}, -1106),
        ({"type": "MARKET", "timeInForce": None, "price": None}, None),
        ({"type": "STOP", "timeInForce": None}, None),
        ({"newClientOrderId": "a b"}, -1100),
        ({"newClientOrderId": "a" * 37}, -4015),
        ({"newClientOrderId": "a" * 36}, None),
        ({"reduceOnly": "maybe"}, -4062),
        ({"positionSide": "UP"}, -4060),
        ({"positionSide": "LONG"}, -4061),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"price": "94000.05"}, -1111),
        ({"quantity": "0.0025"}, -1111),
        ({"price": "-1"}, -4001),
        ({"price": "0.9"}, -4013),
        ({"price": "1000000.1"}, -4002),
        ({"quantity": "-1"}, -4003),
        ({"quantity": "0"}, -4004),
        ({"quantity": "1000.001"}, -4005),
        ({"type": "MARKET", "timeInForce": None, "price": None, "quantity": "120.001"}, -4005),
        ({"quantity": "0.001", "price": "4999.9"}, -4164),
        ({"quantity": "0.001", "price": "5000.0"}, None),
        ({"price": "96900.1"}, -4016),
        ({"price": "96900.0"}, None),
        ({"price": "60000.0"}, None),
        ({"side": "SELL", "price": "93099.9"}, -4024),
        ({"side": "SELL", "price": "93100.0"}, None),
        ({"side": "SELL", "price": "140000.0"}, None),
        ({"reduceOnly": "true"}, -2022),
    ],
)
def test_the_code_of_an_order(changes, code):
    assert code_of(**changes) == code


def test_a_price_off_the_tick_and_a_quantity_off_the_step():
    wide = replace(FILTERS, price_precision=2, quantity_precision=4)
    assert code_of(filters=wide, price="94000.05") == -4014
    assert code_of(filters=wide, quantity="0.0025") == -4023


def test_reduce_only_orders_need_a_position_that_is_not_covered_yet():
    long = replace(ACCOUNT, position=Decimal("0.5"))
    sell = {"side": "SELL", "reduceOnly": "true"}
    assert code_of(long, **sell) is None
    assert code_of(replace(long, reducing=Decimal("0.4")), **sell) is None
    assert code_of(replace(long, reducing=Decimal("0.5")), **sell) == -2022
    assert code_of(long, reduceOnly="true") == -2022
    assert code_of(replace(long, position=None), reduceOnly="true") is None


def test_reduce_only_orders_may_be_below_the_least_notional():
    long = replace(ACCOUNT, position=Decimal(1))
    assert code_of(long, side="SELL", reduceOnly="true", quantity="0.001", price="100000") is None
    assert code_of(replace(long, mark_price=None), side="SELL", reduceOnly="true", quantity="0.001", price="2") is None


def test_hedge_mode():
    hedge = replace(ACCOUNT, dual_side=True)
    assert code_of(hedge) == -4061
    assert code_of(hedge, positionSide="LONG") is None
    assert code_of(hedge, positionSide="LONG", reduceOnly="true") == -4062


def test_the_number_of_open_orders_and_a_closed_market():
    assert code_of(replace(ACCOUNT, open_orders=199)) is None
    assert code_of(replace(ACCOUNT, open_orders=200)) == -2025
    assert code_of(filters=replace(FILTERS, rules=replace(FILTERS.rules, is_trading=False))) == -4141


def test_margin_is_needed_for_what_opens_a_position():
    poor = replace(ACCOUNT, available=Decimal("18.8"), leverage=10)
    assert code_of(poor) is None
    assert code_of(replace(poor, available=Decimal("18.79"))) == -2019
    assert code_of(replace(poor, available=Decimal(0)), side="SELL", price="94000") == -2019
    long = replace(poor, available=Decimal(0), position=Decimal("0.002"))
    assert code_of(long, side="SELL", price="94000") is None
    assert code_of(long, side="SELL", price="94000", reduceOnly="true", quantity="0.5") is None
    unknown = replace(poor, mark_price=None, available=Decimal(0), position=None)
    assert code_of(unknown, type="MARKET", timeInForce=None, price=None) is None


def test_without_a_mark_price_the_band_is_not_judged():
    assert code_of(AccountView(), price="900000") is None
    assert code_of(AccountView(), type="MARKET", timeInForce=None, price=None) is None


def test_without_a_band_there_is_none():
    free = replace(FILTERS, rules=replace(FILTERS.rules, band_up=None, band_down=None))
    assert code_of(filters=free, price="900000") is None
    assert code_of(filters=free, side="SELL", price="6000") is None


@pytest.mark.parametrize(
    ("side", "price", "takes"),
    [("BUY", "100.1", True), ("BUY", "100.0", False), ("SELL", "100.0", True), ("SELL", "100.1", False)],
)
def test_would_take(side, price, takes):
    assert would_take(Side(side.lower()), Decimal(price), Decimal("100.0"), Decimal("100.1")) is takes


def test_denial_says_code_and_reason():
    assert denial(request(), FILTERS.rules, ACCOUNT) is None
    assert (
        denial(request(price=Decimal("94000.05")), FILTERS.rules, ACCOUNT)
        == "[-1111] more decimals than the market has"
    )
    assert denial(request(quantity=Decimal("0.00001")), FILTERS.rules, ACCOUNT).startswith("[-1111]")
    closed = replace(FILTERS.rules, is_trading=False)
    assert denial(request(), closed, ACCOUNT) == "[-4141] the market takes no orders now"
    assert denial(request(reduce_only=True), FILTERS.rules, ACCOUNT) == "[-2022] nothing to reduce"


def test_denial_of_every_rule_has_a_text():
    codes = {
        value for key, value in vars(validation).items() if key.isupper() and isinstance(value, int) and value < -1
    }
    form = {-1100, -1102, -1106, -1115, -1116, -1117, -1121, -1136, -4015, -4060, -4061, -4062}
    assert codes - form == set(validation.TEXTS)


WORDS = {
    "symbol": st.sampled_from([SYMBOL, "NOPE", ""]),
    "side": st.sampled_from(["BUY", "SELL", "X"]),
    "type": st.sampled_from(["LIMIT", "MARKET", "LIMITX"]),
    "timeInForce": st.sampled_from(["GTC", "IOC", "GTX", "FOK", "POST", ""]),
    "quantity": st.decimals(0, 2000, places=4).map(str) | st.just("x"),
    "price": st.decimals(0, 200_000, places=2).map(str) | st.sampled_from(["94000.0", "", "1000001"]),
    "reduceOnly": st.sampled_from(["true", "false", "?"]),
    "positionSide": st.sampled_from(["BOTH", "LONG", "?"]),
    "newClientOrderId": st.sampled_from(["ok", "a b", "a" * 37]),
}


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries({}, optional=WORDS), st.decimals(-2, 2, places=3), st.booleans(), st.sampled_from([0, 200])
)
def test_client_and_simulated_venue_agree_on_acceptance(changes, position, dual, opened):
    """Two implementations of one note: they may name different rules, but not differ on whether there is one."""
    parameters = {**GOOD, **changes}
    account = AccountView(dual_side=dual, position=position, open_orders=opened, mark_price=Decimal(95000))
    market = AsterMarket(rules=FILTERS.rules, price_precision=1, quantity_precision=3)
    context = OrderContext(
        mark_price=Decimal(95000), dual_side=dual, position=position, open_orders=opened, markets={SYMBOL: market}
    )
    ours, theirs = predict_code(parameters, {SYMBOL: FILTERS}, account), validate_order(parameters, context)
    assert (ours is None) is (theirs is None), (ours, theirs)
