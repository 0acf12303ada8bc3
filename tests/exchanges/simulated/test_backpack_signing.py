"""Who may act on the simulated Backpack: signatures, time, keys (venues/backpack.md 3)."""

import base64
import json
from dataclasses import replace
from random import Random

import pytest

from exchanges.simulated.faces.backpack.signing import BackpackCredentials, make_credentials, signed_text
from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.backpack_bench import MS, SOL, START_MS, BackpackBench, sign, vectors

ACCOUNT = "/api/v1/account"
_SIGNED = {row["name"]: row for row in vectors()["signed"]}
_BAD = [row for row in vectors()["negative"] if "signature" in row]


def call_of(row, **headers):
    """The request of a vector, its header names in lower case as a server has them."""
    named = {name.lower(): value for name, value in row["headers"].items()} | headers
    body = (row["body_json"] or "").encode()
    return HttpCall(method=row["method"], path=row["path"], query=row["query"] or "", headers=named, body=body)


@pytest.fixture
def bench():
    return BackpackBench()


@pytest.mark.parametrize("name", _SIGNED)
def test_the_vectors_signatures_are_accepted(bench, name):
    row = _SIGNED[name]
    bench.now_ns = row["timestamp"] * MS
    reply = bench.exchange(call_of(row))
    assert reply.status not in (401, 403)
    assert "ignature" not in str(reply.body)
    assert "expired" not in str(reply.body)


@pytest.mark.parametrize("row", _BAD, ids=lambda row: row["name"])
def test_the_vectors_bad_signatures_are_refused_with_their_words(bench, row):
    expected = row["expect"]
    reply = bench.exchange(call_of(_SIGNED[row["request_of"]], **{"x-signature": row["signature"]}))
    assert (reply.status, reply.body["code"], reply.body["message"]) == (
        expected["http"],
        expected["code"],
        expected["message"],
    )
    assert bench.call("GET", "/api/v1/orders").body == []


@pytest.mark.parametrize("name", _SIGNED)
def test_every_other_byte_that_was_signed_matters(bench, name):
    row = _SIGNED[name]
    bench.now_ns = row["timestamp"] * MS
    for text in (row["string_to_sign"] + "0", "instruction=ping&" + row["string_to_sign"].partition("&")[2]):
        reply = bench.exchange(call_of(row, **{"x-signature": sign(text, bench.secret)}))
        assert reply.body == {"code": "INVALID_CLIENT_REQUEST", "message": "Invalid signature"}


def test_the_order_of_keys_in_body_and_url_is_free(bench):
    row = _SIGNED["place_post_only_bid"]
    body = json.dumps(dict(reversed(list(row["body"].items()))), indent=1).encode()
    assert bench.exchange(replace(call_of(row), body=body)).status == 200
    row = _SIGNED["order_history"]
    query = "&".join(reversed(row["query"].split("&")))
    assert bench.exchange(replace(call_of(row), query=query)).status == 200


def test_a_number_that_is_spelled_otherwise_than_signed_is_refused(bench):
    row = _SIGNED["place_post_only_bid"]
    body = row["body_json"].replace('"0.50"', '"0.5"').encode()
    assert bench.exchange(replace(call_of(row), body=body)).body["message"] == "Invalid signature"


def test_a_boolean_in_a_url_is_lower_case(bench):
    row = _SIGNED["max_order_quantity"]
    assert bench.exchange(call_of(row)).status == 200
    query = row["query"].replace("reduceOnly=false", "reduceOnly=False")
    assert bench.exchange(replace(call_of(row), query=query)).body["message"] == "Invalid signature"


def test_nulls_are_not_signed(bench):
    row = _SIGNED["cancel_all"]
    body = b'{"symbol":"SOL_USDC_PERP","orderType":null}'
    assert bench.exchange(replace(call_of(row), body=body)).status == 200


@pytest.mark.parametrize("missing", ["x-api-key", "x-signature", "x-timestamp"])
def test_a_private_request_without_its_headers_is_unauthorized(bench, missing):
    call = call_of(_SIGNED["account"])
    headers = {name: value for name, value in call.headers.items() if name != missing}
    reply = bench.exchange(replace(call, headers=headers))
    assert (reply.status, reply.body["code"]) == (401, "UNAUTHORIZED")


def test_without_a_window_five_seconds_were_signed(bench):
    call = call_of(_SIGNED["account"])
    headers = {name: value for name, value in call.headers.items() if name != "x-window"}
    assert bench.exchange(replace(call, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x-signature", "!!!", "Invalid X-Signature header"),
        ("x-signature", base64.b64encode(b"x" * 63).decode(), "Invalid X-Signature header"),
        ("x-api-key", "AAAA", "Invalid X-API-Key header"),
        ("x-timestamp", "1e12", "Invalid X-Timestamp header"),
        ("x-timestamp", "", "Invalid X-Timestamp header"),
        ("x-window", "60001", "Invalid X-Window header"),
        ("x-window", "-1", "Invalid X-Window header"),
    ],
)
def test_headers_that_cannot_be_read(bench, name, value, message):
    reply = bench.exchange(call_of(_SIGNED["account"], **{name: value}))
    assert (reply.status, reply.body) == (400, {"code": "INVALID_CLIENT_REQUEST", "message": message})


@pytest.mark.parametrize(("late_ms", "is_taken"), [(0, True), (5000, True), (5001, False), (-60_000, True)])
def test_a_request_is_good_for_its_window(bench, late_ms, is_taken):
    bench.now_ns = (START_MS + late_ms) * MS
    reply = bench.call("GET", ACCOUNT) if late_ms == 0 else bench.exchange(call_of(_SIGNED["account"]))
    assert (reply.status == 200) is is_taken
    if not is_taken:
        assert reply.body == {"code": "INVALID_CLIENT_REQUEST", "message": "Request has expired"}


@pytest.mark.parametrize("offset_ms", [-600_001, 600_001])
def test_a_time_ten_minutes_off_has_its_own_text(bench, offset_ms):
    call = bench.signed_call("GET", ACCOUNT, {}, timestamp_ms=bench.now_ms + offset_ms, window=60_000)
    assert bench.exchange(call).body["message"] == "Invalid timestamp: must be within 10 minutes of current time"


def test_a_clock_that_is_off(bench):
    bench.face.switches.clock_skew_ms = 20_000
    assert bench.public("time").body == str(START_MS + 20_000).encode()
    assert bench.call("GET", ACCOUNT).body["message"] == "Request has expired"


def test_the_same_request_may_come_again_within_its_window(bench):
    call = bench.signed_call("GET", ACCOUNT, {})
    assert [bench.exchange(call).status for _ in range(2)] == [200, 200]


def test_a_stranger_with_a_good_signature_gets_nothing(bench):
    stranger = make_credentials(Random(5))
    bench.api_key, bench.secret = stranger.api_key, stranger.secret
    reply = bench.place("Bid", "141.00")
    assert (reply.status, reply.body) == (200, {})
    bench.face.switches.empty_200_for_unknown_key = False
    assert bench.call("GET", ACCOUNT).status == 401
    assert bench.venue.engine.open_orders(bench.face.account) == ()


def test_a_strangers_bad_signature_is_a_bad_signature(bench):
    bench.api_key = make_credentials(Random(5)).api_key
    assert bench.call("GET", ACCOUNT).body["message"] == "Invalid signature"


def test_the_vectors_subscription_is_accepted(bench):
    session = bench.connect("/")
    bench.tell(session, vectors()["ws_subscribe"]["frame_json"])
    assert bench.frames(session) == []
    assert bench.venue.face.private_sessions() == (session,)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof[:3],
        lambda proof: [*proof, "x"],
        lambda proof: [proof[0], proof[1][:-4] + "AA==", *proof[2:]],
        lambda proof: [proof[0], proof[1], str(int(proof[2]) + 1), proof[3]],
        lambda proof: [proof[0], proof[1], int(proof[2]), 5000],
        lambda proof: [proof[0], proof[1], proof[2], "60001"],
        lambda proof: [make_credentials(Random(5)).api_key, *proof[1:]],
        "".join,
        lambda _: None,
    ],
)
def test_a_private_stream_needs_a_good_proof(bench, change):
    session = bench.connect("/")
    frame = {"method": "SUBSCRIBE", "params": ["account.orderUpdate"], "signature": change(bench.proof())}
    bench.tell(session, json.dumps(frame))
    assert bench.frames(session) == [{"id": None, "error": {"code": 4003, "message": "Invalid signature"}}]
    assert bench.venue.face.private_sessions() == ()


def test_a_proof_is_good_for_its_window(bench):
    proof = bench.proof()
    for seconds, frames in ((4, 0), (2, 1)):
        bench.wait(seconds)
        session = bench.connect("/")
        bench.tell(session, json.dumps({"method": "SUBSCRIBE", "params": ["account.orderUpdate"], "signature": proof}))
        assert len(bench.frames(session)) == frames


def test_the_text_of_a_batch_names_every_order():
    text = signed_text("orderExecute", ([("b", "2"), ("a", "1")], [("a", "3")]), "7", "5000")
    assert text == "instruction=orderExecute&a=1&b=2&instruction=orderExecute&a=3&timestamp=7&window=5000"


def test_credentials_are_a_pair_and_keep_their_secret():
    one, two = make_credentials(Random(1)), make_credentials(Random(2))
    assert one != two
    assert one.secret not in repr(one)
    assert one.as_dict() == {"api_key": one.api_key, "secret": one.secret}
    with pytest.raises(ValueError, match="does not belong"):
        BackpackCredentials(api_key=one.api_key, secret=two.secret)
    with pytest.raises(ValueError, match="bytes"):
        BackpackCredentials(api_key=one.api_key, secret="AAAA")


def test_symbols_with_a_dot_are_signed_as_they_are(bench):
    row = _SIGNED["place_equity_perp_dotted_symbol"]
    assert bench.exchange(call_of(row)).body["message"] == "Invalid market symbol"
    assert bench.call("GET", "/api/v1/orders", symbol=SOL).status == 200
