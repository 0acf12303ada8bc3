"""Files nobody has seen: other keys, other names, other values, made here without the client's signer."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from coincurve import PrivateKey

from exchanges.simulated.faces.aster.signing import keccak256, message_digest
from tests.vectors.runner import run_document
from tests.vectors.test_runner import RECORDED

WALLET = PrivateKey(bytes(range(1, 33)))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def checksummed(key: PrivateKey) -> str:
    plain = keccak256(key.public_key.format(compressed=False)[1:])[-20:].hex()
    shades = keccak256(plain.encode()).hex()
    return "0x" + "".join(each.upper() if shade >= "8" else each for each, shade in zip(plain, shades, strict=False))


SIGNER = checksummed(WALLET)
USER = checksummed(PrivateKey(b"\x07" * 32))


def unseen(**sections: Any) -> dict[str, Any]:
    known = json.loads(RECORDED.read_text())
    credentials = {
        "v1": {"apiKey": "k" * 64, "secret": "s" * 64},
        "v3": {"signer_private_key": "0x" + WALLET.secret.hex(), "signer": SIGNER, "user": USER},
    }
    return {
        "meta": {"exchange": "ASTER", "fixed": {"recvWindow": 7000}},
        "credentials": credentials,
        "eip712": known["eip712"],
        "symbol_filters_2026_01_12": known["symbol_filters_2026_01_12"],
        **sections,
    }


def wallet_vector(
    *,
    method="POST",
    path="/fapi/v3/order",
    params=(),
    user: str | None = USER,
    chain_id=1666,
    raw=False,
    auth_first=False,
):
    identity = [("user", user)] if user else []
    proof = [("nonce", "1750000000000000"), *identity, ("signer", SIGNER)]
    pairs = [*proof, *params] if auth_first else [*params, *proof]
    encoded = urlencode(pairs)
    text = "&".join(f"{name}={value}" for name, value in pairs) if raw else encoded
    digest = message_digest(text, chain_id)
    signed = WALLET.sign_recoverable(digest, hasher=None)
    signature = "0x" + signed[:64].hex() + format(signed[64] + 27, "02x")
    form = "raw" if raw else "identical" if "%" not in encoded else "encoded"
    sent = f"{encoded}&signature={signature}"
    return {
        "name": "unseen", "method": method, "path": path, "auth": "EIP712", "chain_id": chain_id,
        "nonce": 1750000000000000, "user": user, "signer": SIGNER, "params": [list(pair) for pair in params],
        "param_order": "auth_first" if auth_first else "params_first", "signed_string": text, "signed_form": form,
        "struct_hash": "0x" + keccak256(keccak256(b"Message(string msg)") + keccak256(text.encode())).hex(),
        "digest": "0x" + digest.hex(), "signature": signature,
        "query": sent if method == "GET" else None, "body": None if method == "GET" else sent,
        "headers": {} if method == "GET" else FORM,
    }  # fmt: skip


EXIT = (("symbol", "BTCUSDT"), ("side", "SELL"), ("type", "LIMIT"), ("timeInForce", "GTX"), ("quantity", "0.002"),
        ("price", "96000.0"), ("reduceOnly", "true"), ("newClientOrderId", "x-1"))  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"params": EXIT},
        {"params": EXIT, "user": None},
        {"params": EXIT, "chain_id": 714},
        {"params": EXIT, "auth_first": True},
        {"params": EXIT, "auth_first": True, "user": SIGNER.lower()},
        {"method": "DELETE", "params": (("symbol", "BTCUSDT"), ("origClientOrderId", "x-1"))},
        {"method": "GET", "path": "/fapi/v3/balance"},
        {"method": "GET", "path": "/fapi/v3/account"},
        {"method": "PUT", "path": "/fapi/v3/listenKey"},
        {
            "method": "POST",
            "path": "/fapi/v3/marginType",
            "params": (("symbol", "BTCUSDT"), ("marginType", "ISOLATED")),
        },
        {"path": "/fapi/v3/batchOrders", "params": (("batchOrders", '[{"a":"b"}]'),)},
        {"path": "/fapi/v3/batchOrders", "params": (("batchOrders", '[{"a":"b"}]'),), "raw": True},
        {"params": (("newClientOrderId", "a:b/c"),)},
        {"params": (("newClientOrderId", "a:b/c"),), "raw": True},
    ],
)
def test_a_wallet_request(changes):
    outcome = run_document(unseen(request_vectors_v3=[wallet_vector(**changes)]))
    assert outcome.failures == []
    assert outcome.sections["request_vectors_v3"] == (1, 0)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/fapi/v2/balance"), ("POST", "/fapi/v1/order"), ("PUT", "/fapi/v1/listenKey")]
)
def test_a_request_with_the_old_key(method, path):
    text = "symbol=ETHUSDT&recvWindow=7000&timestamp=1750000000000"
    signature = hmac.new(b"s" * 64, text.encode(), hashlib.sha256).hexdigest()
    sent = f"{text}&signature={signature}"
    row = {
        "name": "unseen", "method": method, "path": path, "auth": "HMAC-SHA256", "params": [["symbol", "ETHUSDT"]],
        "timestamp": 1750000000000, "signed_string": text, "signature": signature,
        "query": sent if method == "GET" else None, "body": None if method == "GET" else sent,
        "headers": {"X-MBX-APIKEY": "k" * 64, **({} if method == "GET" else FORM)},
    }  # fmt: skip
    assert run_document(unseen(request_vectors_v1=[row])).failures == []


def order(
    expect: object, *, account: dict[str, Any] | None = None, mark="95000", **params: str | None
) -> dict[str, Any]:
    good = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "quantity": "0.002",
        "price": "94000.0",
    }
    kept = {key: value for key, value in {**good, **params}.items() if value is not None}
    if "endpoint" in params:
        kept = {key: value for key, value in params.items() if value is not None}
    extra = {} if account is None else {"account": account}
    return {
        "name": f"unseen {params}",
        "params": kept,
        "mark_price": mark,
        "expect": expect,
        "status": "made here",
        **extra,
    }


ORDERS = [
    order(-1102, quantity=None),
    order(-1102, side=None),
    order(-1102, timeInForce=None),
    order(-1117, side="LONG"),
    order("-1106 (older text -1114)", type="MARKET", price=None),
    order("accept", type="MARKET", price=None, timeInForce=None),
    order(-4014, symbol="ETHUSDT", price="3456.75", quantity="0.01", mark="3456"),
    order(-4023, symbol="ZKUSDT", price="0.05000", quantity="173.5", mark="0.05"),
    order(-4013, symbol="ETHUSDT", price="39.80", quantity="1", mark="3456"),
    order(-4002, price="1000000.1"),
    order(-4005, quantity="1000.001"),
    order(-4005, quantity="120.001", type="MARKET", price=None, timeInForce=None),
    order("-4164 (or -5076)", quantity="0.001", price="4000.0"),
    order("-4024 (or -5060)", side="SELL", price="93099.9"),
    order("accept", side="SELL", price="93100.0", timeInForce="GTC"),
    order("-4015 (or -1100)", newClientOrderId="a" * 37),
    order(-2022, side="BUY", reduceOnly="true", account={"positionAmt": "0.01"}),
    order("accept", side="SELL", reduceOnly="true", price="96000.0", account={"positionAmt": "0.01"}),
    order(-2019, quantity="100", account={"availableBalance": "10"}),
    order(-2019, quantity="100"),
    order(-2025, account={"openOrders": 200}),
    order(-4028, endpoint="leverage", symbol="BTCUSDT", leverage="126"),
    order(-4046, endpoint="marginType", symbol="BTCUSDT", marginType="CROSSED"),
    order(-4046, endpoint="marginType", symbol="BTCUSDT", marginType="ISOLATED", account={"marginType": "isolated"}),
    order("accept", endpoint="POST marginType", symbol="BTCUSDT", marginType="ISOLATED"),
    order(-1121, endpoint="leverage", symbol="NOPEUSDT", leverage="5"),
    order(-1102, endpoint="countdownCancelAll", symbol="BTCUSDT"),
    order(-2013, endpoint="GET order", symbol="BTCUSDT", origClientOrderId="never-sent"),
    order(-1102, endpoint="DELETE allOpenOrders"),
]


@pytest.mark.parametrize("row", ORDERS, ids=lambda row: str(row["name"])[:60])
def test_an_order(row):
    outcome = run_document(unseen(order_validation_vectors=[row]))
    assert outcome.failures == []


@pytest.mark.parametrize(
    "row",
    [
        order("perhaps"),
        order(None),
        order(True),
        order("accept if the moon is full"),
        order("-2025 when many orders are open"),
        order(-4014),
        order("accept", quantity="0"),
        order("HTTP 200 with status NEW and then something"),
        order("accept", endpoint="order/rain"),
        order(-4059, endpoint="positionSide/dual", dualSidePosition="true"),
    ],
    ids=lambda row: str(row["expect"]),
)
def test_an_order_whose_expectation_is_wrong_or_unreadable_fails(row):
    assert run_document(unseen(order_validation_vectors=[row])).failed == 1


def event(*, x: str, status: str, l: str = "0", z: str = "0", price: str = "0", t: int = 0, force: str = "GTX"):  # noqa: E741 - the venue's name
    order_part = {
        "s": "ETHUSDT", "c": "web-1", "S": "SELL", "o": "LIMIT", "f": force, "q": "2", "p": "3000.0", "ap": price,
        "sp": "0", "x": x, "X": status, "i": 77, "l": l, "z": z, "L": price, "T": 1750000000000, "t": t, "b": "0",
        "a": "0", "m": True, "R": True, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH", "cp": False, "rp": "0",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": 1750000000001, "T": 1750000000000, "o": order_part}


NEW = event(x="NEW", status="NEW")
HALF = event(x="TRADE", status="PARTIALLY_FILLED", l="1", z="1", price="3000.0", t=5)
REST = event(x="TRADE", status="FILLED", l="1", z="2", price="3000.5", t=6)


def sequence(events: list[Any], callbacks: list[Any], terminal: str | None, **more: Any) -> dict[str, Any]:
    case = {
        "name": "unseen",
        "order_qty": "2",
        "events": events,
        "expect_callbacks": callbacks,
        "expect_terminal": terminal,
    }
    return {"callback_tuple": "[price, delta, cumulative, trade id]", "cases": [{**case, **more}]}


FIRST, SECOND = ["3000.0", "1", "1", 5], ["3000.5", "1", "2", 6]
TRADES = {"userTrades": [{"id": 5, "orderId": 77, "price": "3000.0", "qty": "1", "maker": True, "time": 1750000000000}]}


@pytest.mark.parametrize(
    ("events", "callbacks", "terminal", "more"),
    [
        ([NEW, HALF, REST], [FIRST, SECOND], "FILLED", {}),
        ([HALF, NEW, REST, HALF], [FIRST, SECOND], "FILLED", {}),
        ([NEW, HALF], [FIRST], None, {}),
        ([NEW, HALF], [FIRST], "none: still PARTIALLY_FILLED", {}),
        ([NEW, event(x="EXPIRED", status="EXPIRED")], [], "CANCELED-POST-ONLY", {}),
        ([NEW, event(x="EXPIRED", status="EXPIRED")], [], "EXPIRED with filled 0 -> CANCELED-POST-ONLY", {}),
        (
            [event(x="TRADE", status="PARTIALLY_FILLED", l="1", z="1", price="3000.0")],
            [["3000.0", "1", "1", 0]],
            None,
            {},
        ),
        ([event(x="CANCELED", status="CANCELED", z="1"), HALF], [FIRST], "CANCELED with filled 1", {}),
        ([NEW], [FIRST], None, {"disconnect": True, "rest": TRADES}),
        ([], [FIRST], None, {"rest": TRADES}),
    ],
)
def test_a_fill_sequence(events, callbacks, terminal, more):
    assert run_document(unseen(fill_sequences=sequence(events, callbacks, terminal, **more))).failures == []


@pytest.mark.parametrize(
    ("events", "callbacks", "terminal", "more"),
    [
        ([NEW, HALF, REST], [SECOND, FIRST], "FILLED", {}),
        ([NEW, HALF, HALF], [FIRST, FIRST], None, {}),
        ([NEW, HALF], [FIRST], "FILLED", {}),
        ([NEW, HALF, REST], [FIRST, SECOND], None, {}),
        ([NEW, HALF, REST], [FIRST, SECOND], "DONE", {}),
        ([NEW, event(x="EXPIRED", status="EXPIRED", force="IOC")], [], "CANCELED-POST-ONLY", {}),
        ([NEW, event(x="EXPIRED", status="EXPIRED")], [], "EXPIRED with filled 1", {}),
        ([NEW], [], None, {"disconnect": True}),
        ([], [], None, {}),
        ([5], [], None, {}),
    ],
)
def test_a_fill_sequence_with_a_wrong_expectation_fails(events, callbacks, terminal, more):
    assert run_document(unseen(fill_sequences=sequence(events, callbacks, terminal, **more))).failed == 1


@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        ({"http": 400, "body": {"code": -2019, "msg": "Margin is insufficient."}}, 0),
        ({"http": 400, "body": {"code": -4046, "msg": "No need to change margin type."}}, 0),
        ({"http": 200, "body": {"code": -2022, "msg": "ReduceOnly Order is rejected."}}, 0),
        ({"http": 503, "body": {"code": -1003, "msg": "x"}}, 0),
        ({"http": 403, "body_text": "<html>"}, 0),
        ({"http": 502, "body_text": ""}, 0),
        ({"http": 400, "body": {"code": -9999, "msg": "x"}}, 1),
        ({"http": 200, "body": {"surprise": 1}}, 1),
        ({"http": 200, "body": []}, 1),
        ({"http": 200}, 1),
        (REST, 0),
        (HALF | {"stream": "x"}, 1),
        ({"e": "SURPRISE", "E": 1750000000001}, 1),
        ({"e": "ACCOUNT_CONFIG_UPDATE", "E": 1750000000001, "T": 1750000000000, "ai": {"j": True, "d": False}}, 0),
        ({"result": None, "id": 5}, 0),
        ({"result": None, "id": "5"}, 1),
        ({"method": "SUBSCRIBE", "params": ["ethusdt@bookTicker"], "id": 2}, 0),
        ({"method": "SUBSCRIBE", "params": ["ETHUSDT@bookTicker"], "id": 2}, 1),
        ({"surprise": 1}, 1),
    ],
)
def test_a_payload(payload, failed):
    assert run_document(unseen(payload_fixtures={"unseen": payload})).failed == failed
