"""Who may act on the simulated Lighter: owner, chain, lifetime, signature, nonce, tokens (venues/lighter.md 6, 9)."""

import base64
import json
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from exchanges.simulated.faces.lighter.gate import SignatureShare
from exchanges.simulated.faces.lighter.transactions import read_transaction, read_type
from exchanges.simulated.faces.mishaps import Mishap, PlannedMishap
from tests.exchanges.simulated.lighter_bench import ACCOUNT, CREATE, KEY, LighterBench, post, vectors


@pytest.fixture(scope="module")
def shared():
    return LighterBench()


@pytest.fixture
def bench():
    return LighterBench()


def strict():
    return LighterBench(lighter_signature_check_pct=Decimal(100))


def sign_vectors(chain):
    return [vector for vector in vectors()["sign_vectors"] if vector["chain_id"] == chain]


@pytest.mark.parametrize("vector", sign_vectors(304), ids=lambda vector: vector["id"])
def test_the_hash_of_every_recorded_transaction_is_recomputed(vector):
    tx = read_transaction(read_type(vector["tx_type"]), vector["tx_info"])
    assert tx.hash(304).hex() == vector["tx_hash"]


def test_a_recorded_transaction_is_taken_and_named_by_its_hash():
    vector = next(vector for vector in vectors()["sign_vectors"] if vector["id"] == "create_postonly_buy_eth")
    bench = LighterBench(start_ms=vector["observed_expired_at"] - 599_000, lighter_signature_check_pct=100)
    bench.face.gate.last_nonce = vector["args"]["nonce"] - 1
    call = replace(post("sendTx"), body=vectors()["frames"]["rest_sendtx_form"].encode())
    reply = bench.exchange(call)
    assert (reply.status, reply.body["tx_hash"]) == (200, vector["tx_hash"])
    assert reply.body == vectors()["frames"]["send_tx_ok"]["body"] | {"predicted_execution_time_ms": bench.now_ms}
    bench.step()
    (order,) = bench.active()
    assert (order["client_order_index"], order["price"], order["initial_base_amount"]) == (1001, "2345.67", "0.0250")


@pytest.mark.parametrize("name", ["Price", "BaseAmount", "IsAsk", "ClientOrderIndex", "OrderExpiry", "ExpiredAt"])
def test_a_field_changed_after_signing_breaks_the_signature(name):
    bench = strict()
    info = bench.info(CREATE, **bench.order("buy", 234_000), signed=True)
    info[name] = 1 - info[name] if name == "IsAsk" else info[name] - 1
    reply = bench.exchange(post("sendTx", tx_type=CREATE, tx_info=json.dumps(info)))
    assert (reply.status, reply.code) == (400, 21120)


def test_a_signature_for_another_chain_is_refused_at_once(bench):
    reply = bench.submit(CREATE, chain=300, **bench.order("buy", 234_000))
    assert (reply.status, reply.code) == (400, 21120)


def test_signatures_are_checked_until_one_is_good_whatever_the_share(bench):
    for _ in range(3):
        info = bench.info(CREATE, **bench.order("buy", 234_000), Nonce=1) | {
            "Sig": base64.b64encode(bytes(80)).decode()
        }
        assert bench.exchange(post("sendTx", tx_type=CREATE, tx_info=json.dumps(info))).code == 21120
    assert bench.place("buy", 234_000, Nonce=1).status == 200
    assert bench.place("buy", 234_100, Nonce=2).status == 200, "from then on a share of 0 asks for none"
    assert bench.face.gate.share.checked == 4


def test_all_signatures_are_checked_where_all_are_to_be():
    bench = strict()
    assert bench.place("buy", 234_000).status == 200
    assert bench.place("buy", 234_100).code == 21120
    assert bench.submit(CREATE, signed=True, **bench.order("buy", 234_200)).status == 200
    assert bench.face.gate.share.checked == 3


def test_the_share_is_drawn():
    share = SignatureShare(Decimal(25), Random(1))
    share.passed("transaction", 1)
    due = sum(share.is_due("transaction") for _ in range(4000))
    assert 900 < due < 1100
    assert share.is_due("token")


@pytest.mark.parametrize(("percent", "is_due"), [(Decimal("0.000001"), True), (Decimal(0), False)])
def test_after_a_silence_the_next_is_due_unless_none_ever_is(percent, is_due):
    share = SignatureShare(percent, Random(1))
    share.passed("token", 1000)
    assert not share.is_due("token", silent_since_ns=999)
    assert share.is_due("token", silent_since_ns=1001) is is_due


def test_a_client_that_starts_with_a_wrong_key_is_refused_also_after_a_good_one():
    bench = LighterBench(lighter_signature_check_pct=Decimal("0.000001"))
    assert private(bench, bench.token()).status == 200
    bench.wait(6)
    for _ in range(3):
        assert private(bench, bench.token(good=False)).code == 20013


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"AccountIndex": 54321}, 21100),
        ({"ApiKeyIndex": 5}, 21109),
        ({"ApiKeyIndex": 255}, 21110),
        ({"ApiKeyIndex": 255, "AccountIndex": 1}, 21100),
    ],
)
def test_account_and_key_must_exist(shared, fields, code):
    assert shared.submit(CREATE, **shared.order("buy", 234_000), **fields).code == code


@pytest.mark.parametrize(("ahead_ms", "is_taken"), [(-1, False), (0, True), (605_000, True), (605_001, False)])
def test_a_transaction_lives_at_most_ten_minutes(bench, ahead_ms, is_taken):
    reply = bench.submit(CREATE, **bench.order("buy", 234_000), ExpiredAt=bench.now_ms + ahead_ms)
    assert reply.status == (200 if is_taken else 400)
    assert is_taken or reply.code == 21501


# --- nonces ---
def next_nonce(bench):
    return bench.get("nextNonce", account_index=ACCOUNT, api_key_index=KEY).body["nonce"]


def test_nonces_follow_each_other_exactly(bench):
    assert next_nonce(bench) == 1
    assert bench.place("buy", 234_000).status == 200
    assert next_nonce(bench) == 2
    for wrong in (1, 3, 0):
        reply = bench.submit(CREATE, **bench.order("buy", 234_000), Nonce=wrong)
        assert (reply.status, reply.body) == (400, vectors()["frames"]["send_tx_invalid_nonce"]["body"])
        assert next_nonce(bench) == 2
    assert bench.place("buy", 234_100).status == 200


def test_the_same_bytes_twice_are_executed_once(bench):
    info = json.dumps(bench.info(CREATE, **bench.order("buy", 234_000)))
    assert bench.exchange(post("sendTx", tx_type=CREATE, tx_info=info)).status == 200
    assert bench.exchange(post("sendTx", tx_type=CREATE, tx_info=info)).code == 21104
    bench.step()
    assert len(bench.active()) == 1


def test_a_refused_transaction_does_not_use_its_nonce_up(bench):
    assert bench.place("buy", 234_000, base=1).code == 21706
    assert next_nonce(bench) == 1
    assert bench.cancel(4711).code == 21700
    assert next_nonce(bench) == 1


def test_a_transaction_that_the_sequencer_refuses_has_used_its_nonce_up(bench):
    bench.place("buy", 234_000, ClientOrderIndex=7)
    reply = bench.place("buy", 234_100, ClientOrderIndex=7)
    assert (reply.status, next_nonce(bench)) == (200, 3)


def test_nonces_may_skip_ahead_where_the_attribute_says_so(bench):
    skip = {"L2TxAttributes": {"4": 1}}
    far = 1_795_330_000_000
    assert bench.place("buy", 234_000, Nonce=far, **skip).status == 200
    assert bench.place("buy", 234_000, Nonce=far, **skip).code == 21104
    assert bench.place("buy", 234_000, Nonce=far - 1, **skip).code == 21104
    assert bench.place("buy", 234_000, Nonce=2**47, **skip).code == 21104
    assert bench.place("buy", 234_000, Nonce=far + 5, **skip).status == 200
    assert bench.place("buy", 234_000, Nonce=far + 6).status == 200
    assert bench.place("buy", 234_000, Nonce=far + 9, L2TxAttributes={"4": 2}).code == 21104


def test_a_planned_stale_nonce_leaves_the_counter_alone(bench):
    bench.face.mishaps.plan(PlannedMishap(mishap=Mishap.STALE_NONCE))
    assert bench.place("buy", 234_000).code == 21104
    assert bench.place("buy", 234_000).status == 200


# --- tokens ---
def private(bench, token, **params):
    headers = {} if token is None else {"authorization": token}
    return bench.get("accountActiveOrders", headers=headers, **({"account_index": ACCOUNT} | params))


def test_private_reads_need_a_token(bench):
    reply = private(bench, None)
    assert (reply.status, reply.body) == (400, vectors()["frames"]["rest"]["error missing auth"]["body"])


def test_a_token_may_stand_in_the_query(bench):
    assert private(bench, None, auth=bench.token()).status == 200


def test_a_recorded_token_is_good():
    vector = vectors()["auth_tokens"][0]
    bench = LighterBench(start_ms=vector["deadline_s"] * 1000 - 1000, lighter_signature_check_pct=100)
    assert private(bench, vector["token"]).status == 200
    assert bench.face.gate.share.checked == 1
    assert private(bench, vector["token"]).status == 200
    assert bench.face.gate.share.checked == 1, "a good token is not checked again"


@pytest.mark.parametrize("vector", vectors()["auth_tokens"], ids=lambda vector: str(vector["deadline_s"]))
def test_tokens_are_of_one_account_and_one_key(vector):
    bench = LighterBench(start_ms=vector["deadline_s"] * 1000 - 1000)
    reply = private(bench, vector["token"])
    assert reply.status == (200 if vector["api_key_index"] == KEY else 401)


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("rubbish", "invalid auth: invalid auth string"),
        ("Bearer x:y:z:0", "invalid auth: invalid auth string"),
        ("ro:12345:all:1795400000:" + "00" * 80, "invalid auth: invalid auth string"),
    ],
)
def test_a_token_must_look_like_one(bench, token, text):
    reply = private(bench, token)
    assert (reply.status, reply.body) == (401, {"code": 20013, "message": text})


@pytest.mark.parametrize(
    ("ahead_s", "text"), [(8 * 3600 + 3, "invalid deadline"), (-1, "expired token"), (8 * 3600, None), (0, None)]
)
def test_a_token_lives_at_most_eight_hours(bench, ahead_s, text):
    reply = private(bench, bench.token(deadline_s=bench.now_ms // 1000 + ahead_s))
    assert (reply.body.get("message") or None) == (f"invalid auth: {text}" if text else None)


def test_a_token_of_somebody_else_opens_nothing(bench):
    assert private(bench, bench.token(account=777)).code == 20013
    assert private(bench, bench.token(), account_index=777).code == 20013


def test_a_token_with_a_bad_signature_is_refused(bench):
    reply = private(bench, bench.token(good=False))
    assert (reply.status, reply.body["message"]) == (401, "invalid auth: invalid signature")


def test_a_bad_signature_is_not_remembered_as_good(bench):
    token = bench.token(good=False)
    assert private(bench, token).status == 401
    bench.face.gate.share.percent = Decimal(100)
    assert private(bench, token).status == 401


def test_api_keys_show_the_registered_public_key(bench):
    (row,) = bench.get("apikeys", account_index=ACCOUNT).body["api_keys"]
    assert row["public_key"] == vectors()["key"]["public_key"][2:]
    assert (row["api_key_index"], row["nonce"]) == (KEY, 1)
    (empty,) = bench.get("apikeys", account_index=ACCOUNT, api_key_index=9).body["api_keys"]
    assert (empty["public_key"], empty["nonce"]) == ("0" * 80, 0)
    assert bench.get("apikeys", account_index=1).code == 21100
    assert bench.get("nextNonce", account_index=ACCOUNT, api_key_index=9).code == 21109


def test_credentials_show_no_secret(bench):
    assert vectors()["key"]["private_key"][2:] not in repr(bench.face.gate.credentials)
    assert base64.b64decode(bench.info(CREATE, **bench.order("buy", 234_000))["Sig"]) != bytes(80)
