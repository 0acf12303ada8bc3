"""What a transaction must look like on the simulated Lighter (venues/lighter.md 3, 5.4, 6.1, 10)."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from exchanges.simulated.faces.lighter.markets import build_markets, fit_rules, lighter_rules, lighter_symbol
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.transactions import TxType, read_transaction
from tests.exchanges.simulated.lighter_bench import (
    CANCEL,
    CANCEL_ALL,
    CREATE,
    DAY_MS,
    ETH,
    LEVERAGE,
    MODIFY,
    LighterBench,
    post,
    vectors,
)

MINUTE_MS = 60_000
DAY_30 = 30 * DAY_MS


@pytest.fixture(scope="module")
def bench():
    return LighterBench()


def vector_args(name):
    return next(row["args"] for row in vectors()["negative_vectors"] if row["id"] == name)


def created_from(bench, args):
    """The fields of a create-order transaction for the arguments of a vector."""
    return bench.order("buy", 0) | {
        "MarketIndex": args["market_index"],
        "ClientOrderIndex": args["client_order_index"],
        "BaseAmount": args["base_amount"],
        "Price": args["price"],
        "IsAsk": args["is_ask"],
        "Type": args["order_type"],
        "TimeInForce": args["time_in_force"],
        "ReduceOnly": args["reduce_only"],
        "TriggerPrice": args["trigger_price"],
        "OrderExpiry": args["order_expiry"] if args["order_expiry"] < 10_000 else bench.now_ms + DAY_MS,
        "L2TxAttributes": {"6": args["self_trade_behavior"]} if args["self_trade_behavior"] else None,
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("coi_too_big", 21727),
        ("coi_negative", 21727),
        ("base_zero_reduce_only", 21701),
        ("base_too_big", 21701),
        ("price_negative_wraps", 21702),
        ("price_over_32bit_truncated", 21702),
        ("market_255", 21602),
        ("tif_3", 21705),
        ("ioc_with_expiry", 21711),
        ("postonly_no_expiry", 21711),
        ("market_gtt", 21705),
        ("market_with_expiry", 21711),
        ("stoploss_no_trigger", 21729),
        ("is_ask_2", 21703),
        ("expiry_in_past_not_checked", 21711),
        ("self_trade_4", 21501),
    ],
)
def test_what_the_library_refuses_or_lets_pass_is_refused_here_too(bench, name, code):
    reply = raw(bench, CREATE, created_from(bench, vector_args(name)))
    assert (reply.status, reply.code) == (400, code)


def raw(bench, tx_type, fields):
    """Send a transaction that could not be hashed, let alone signed."""
    info = {"AccountIndex": 12345, "ApiKeyIndex": 4, "Nonce": bench.nonce, "ExpiredAt": bench.now_ms + 599_000}
    bench.forget_quotas()
    if not bench.face.gate.share.has_passed("transaction"):
        bench.submit(CREATE, **bench.order("buy", 1))
    info |= {"Sig": "A" * 107 + "=", "L2TxAttributes": None} | fields
    return bench.exchange(post("sendTx", tx_type=tx_type, tx_info=json.dumps(info)))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Type": 7}, 21704),
        ({"Type": 2, "TimeInForce": 0, "TriggerPrice": 228_000}, 21710),
        ({"TriggerPrice": 5}, 21729),
        ({"ReduceOnly": 2}, 21738),
        ({"OrderExpiry": -1}, 21711),
        ({"MarketIndex": 7}, 21602),
        ({"MarketIndex": -1}, 21602),
        ({"BaseAmount": 0}, 21701),
        ({"Price": 0}, 21702),
        ({"L2TxAttributes": {"1": 718718, "2": 1000, "3": 1000}}, 21149),
        ({"L2TxAttributes": {"6": 3}}, 21501),
    ],
)
def test_orders_must_make_sense(bench, fields, code):
    assert raw(bench, CREATE, bench.order("buy", 234_000, **fields)).code == code


@pytest.mark.parametrize(
    ("base", "price", "is_taken"), [(49, 234_000, False), (50, 234_000, True), (50, 190_000, False)]
)
def test_the_larger_minimum_binds_resting_orders(base, price, is_taken):
    reply = LighterBench().place("buy", price, base)
    assert reply.status == (200 if is_taken else 400)
    assert is_taken or reply.code == 21706


def test_minima_bind_reduce_only_orders_too():
    bench = LighterBench()
    bench.take("buy", 250)
    assert bench.place("sell", 240_000, 40, ReduceOnly=1).code == 21706


def test_minima_do_not_bind_orders_that_never_rest():
    bench = LighterBench()
    bench.take("buy", 250)
    reply = bench.take("sell", 1, ReduceOnly=1)
    assert bench.verdict(reply) == ""
    assert bench.by_client(bench.last_client_index())[0]["filled_base_amount"] == "0.0001"


@pytest.mark.parametrize(
    ("ahead_ms", "is_taken"),
    [
        (5 * MINUTE_MS, True),
        (5 * MINUTE_MS - 5_001, False),
        (DAY_30, True),
        (DAY_30 + 5_001, False),
        (-1000, False),
    ],
)
def test_orders_rest_between_five_minutes_and_thirty_days(ahead_ms, is_taken):
    bench = LighterBench()
    reply = bench.place("buy", 234_000, OrderExpiry=bench.now_ms + ahead_ms)
    assert reply.status == (200 if is_taken else 400)
    assert is_taken or reply.code == 21711


@pytest.mark.parametrize(
    ("side", "price", "fields", "code"),
    [
        ("buy", 258_600, {}, 21734),
        ("sell", 211_400, {}, 21734),
        ("buy", 258_600, {"Type": 1, "TimeInForce": 0, "OrderExpiry": 0}, 21733),
        ("sell", 211_400, {"TimeInForce": 0, "OrderExpiry": 0}, 21733),
        ("buy", 120_000, {}, None),
        ("sell", 400_000, {}, None),
    ],
)
def test_prices_far_on_the_taking_side_are_refused(side, price, fields, code):
    assert LighterBench().place(side, price, **fields).code == code


@pytest.mark.parametrize(
    ("tx_type", "fields", "code"),
    [
        (CANCEL, {"MarketIndex": ETH, "Index": 0}, 21700),
        (CANCEL, {"MarketIndex": ETH, "Index": 2**60}, 21700),
        (CANCEL, {"MarketIndex": ETH, "Index": 4711}, 21700),
        (CANCEL, {"MarketIndex": ETH, "Index": 2**48 + 1_000_777}, 21700),
        (CANCEL, {"MarketIndex": ETH, "Index": 5 * 2**48}, 21700),
        (CANCEL, {"MarketIndex": 9, "Index": 1}, 21602),
        (CANCEL_ALL, {"TimeInForce": 3, "Time": 0}, 21713),
        (CANCEL_ALL, {"TimeInForce": 0, "Time": 1_797_800_000_000}, 21714),
        (CANCEL_ALL, {"TimeInForce": 2, "Time": 1_797_800_000_000}, 21714),
        (CANCEL_ALL, {"TimeInForce": 1, "Time": 1_797_800_000_000}, 21714),
        (CANCEL_ALL, {"TimeInForce": 1, "Time": 1_795_330_060_000}, 21714),
        (CANCEL_ALL, {"TimeInForce": 1, "Time": 1_795_400_000_000, "L2TxAttributes": {"5": 0}}, 21713),
        (CANCEL_ALL, {"TimeInForce": 0, "Time": 0, "L2TxAttributes": {"5": 9}}, 21602),
        (MODIFY, {"MarketIndex": ETH, "Index": 1, "BaseAmount": 0, "Price": 1, "TriggerPrice": 0}, 21701),
        (MODIFY, {"MarketIndex": ETH, "Index": 1, "BaseAmount": 1, "Price": 0, "TriggerPrice": 0}, 21702),
        (MODIFY, {"MarketIndex": ETH, "Index": 1, "BaseAmount": 1, "Price": 1, "TriggerPrice": 1}, 21729),
        (MODIFY, {"MarketIndex": ETH, "Index": 1, "BaseAmount": 1, "Price": 1, "TriggerPrice": 0}, 21700),
        (LEVERAGE, {"MarketIndex": ETH, "InitialMarginFraction": 199, "MarginMode": 0}, 21113),
        (LEVERAGE, {"MarketIndex": ETH, "InitialMarginFraction": 10_001, "MarginMode": 0}, 21113),
        (LEVERAGE, {"MarketIndex": ETH, "InitialMarginFraction": 0, "MarginMode": 0}, 21113),
        (LEVERAGE, {"MarketIndex": ETH, "InitialMarginFraction": 1000, "MarginMode": 2}, 21613),
        (29, {"MarketIndex": ETH, "USDCAmount": 5_000_000, "Direction": 1}, 21613),
    ],
)
def test_other_transactions_must_make_sense(bench, tx_type, fields, code):
    reply = raw(bench, tx_type, fields)
    assert (reply.status, reply.code) == (400, code)


@pytest.mark.parametrize("tx_type", [8, 12, 13, 28, 41, 99, "rubbish", "", "9" * 5000])
def test_other_types_are_not_supported(bench, tx_type):
    reply = raw(bench, tx_type, {})
    assert reply.code == (21505 if isinstance(tx_type, int) else 21501)


# --- form ---
@pytest.mark.parametrize(
    "change",
    [
        {"Price": "234000"},
        {"Price": 234000.0},
        {"Price": True},
        {"Price": None},
        {"Extra": 1},
        {"Sig": "!!"},
        {"Sig": "AAAA"},
        {"Sig": 5},
        {"Nonce": 2**63},
        {"L2TxAttributes": []},
        {"L2TxAttributes": {"x": 1}},
        {"L2TxAttributes": {"4": -1}},
        {"L2TxAttributes": {str(key): 0 for key in range(1, 6)}},
    ],
    ids=str,
)
def test_a_malformed_transaction_is_refused(bench, change):
    assert raw(bench, CREATE, bench.order("buy", 234_000) | change).code == 21501


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "5", "[" * 100_000, "{}"])
def test_what_is_no_transaction_is_refused(bench, text):
    bench.forget_quotas()
    assert bench.exchange(post("sendTx", tx_type=14, tx_info=text)).code == 21501


def test_a_missing_field_is_refused(bench):
    info = bench.info(CREATE, **bench.order("buy", 234_000), Nonce=1)
    for name in set(info) - {"L2TxAttributes"}:
        reply = bench.exchange(
            post("sendTx", tx_type=14, tx_info=json.dumps({key: info[key] for key in info if key != name}))
        )
        assert reply.code == 21501, name
        bench.forget_quotas()


def test_a_request_without_the_fields_is_refused(bench):
    bench.forget_quotas()
    assert bench.exchange(post("sendTx")).code == 21501
    assert bench.exchange(post("sendTxBatch")).code == 21501


@pytest.mark.parametrize("vector", vectors()["sign_vectors"], ids=lambda vector: vector["id"])
def test_every_recorded_transaction_is_read_field_by_field(vector):
    tx = read_transaction(TxType(vector["tx_type"]), vector["tx_info"])
    expected = vector["expected_fields"]
    assert dict(tx.fields) | {"L2TxAttributes": None} == {
        **expected,
        "ExpiredAt": vector["observed_expired_at"],
        "L2TxAttributes": None,
    }
    assert tx.attributes == {int(key): value for key, value in (expected["L2TxAttributes"] or {}).items()}


def test_a_negative_number_has_the_code_of_its_field():
    info = json.loads(vectors()["sign_vectors"][0]["tx_info"]) | {"Nonce": -2}
    with pytest.raises(VenueRefusal, match="21104"):
        read_transaction(TxType.CREATE_ORDER, info)


# --- markets ---
@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("btc", "BTC"),
        ("BTCUSDT", "BTC"),
        ("ETH/USDC", "ETH"),
        ("SOL-PERP", "SOL"),
        ("1000pepe", "1000PEPE"),
        ("USDC", "USDC"),
    ],
)
def test_symbols_are_the_base(name, symbol):
    assert lighter_symbol(name) == symbol


def test_decimals_come_from_tick_and_step():
    rules = [lighter_rules(name) for name in ("ETH", "BTC", "SOL", "NEW")]
    markets = build_markets(rules)
    numbers = {name: (m.market_id, m.size_decimals, m.price_decimals) for name, m in markets.items()}
    assert numbers == {"ETH": (0, 4, 2), "BTC": (1, 5, 1), "SOL": (2, 3, 3), "NEW": (103, 3, 3)}
    assert str(markets["BTC"].rules.min_quantity) == "0.00010"


def test_a_tick_that_is_no_power_of_ten_is_not_possible():
    with pytest.raises(ValueError, match=r"ETH: on Lighter tick and step are 1, 0.1"):
        LighterBench(tick_size=Decimal("0.5"))


@pytest.mark.parametrize("row", vectors()["conversions"], ids=lambda row: row["symbol"])
def test_integers_stand_for_decimals(row):
    market = build_markets([lighter_rules(row["symbol"])])[row["symbol"]]
    assert market.size(row["base_amount"]) == Decimal(row["size"])
    assert market.price(row["price_int"]) == Decimal(row["price"])
    assert (market.size_int(Decimal(row["size"])), market.price_int(Decimal(row["price"]))) == (
        row["base_amount"],
        row["price_int"],
    )


@pytest.mark.parametrize(
    ("price", "tick", "step", "expected"),
    [
        ("60000", "0.1", "0.001", ("0.1", "0.001")),
        ("60000", "10", "5", ("1", "1")),
        ("2500", "0.25", "0.02", ("0.01", "0.01")),
        ("60000", "0.00001", "0.001", ("0.0001", "0.001")),
    ],
)
def test_a_tapes_steps_become_steps_that_lighter_has(price, tick, step, expected):
    rules = replace(lighter_rules("BTC"), tick=Decimal(tick), step=Decimal(step), min_quantity=Decimal(step))
    fitted = fit_rules(rules, Decimal(price))
    assert (fitted.tick, fitted.step) == tuple(map(Decimal, expected))
    market = build_markets([fitted])["BTC"]
    assert market.price_int(Decimal(price)) < 2**32
    assert fitted.min_quantity <= Decimal(step)
