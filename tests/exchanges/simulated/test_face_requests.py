"""Who may act: signatures, nonces, timestamps, keys, limits and paths, through whole requests."""

import hashlib
import hmac
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from exchanges.simulated.faces.aster.mishaps import Mishap, PlannedMishap
from exchanges.simulated.faces.aster.requests import AsterCredentials, make_credentials, read_params, signed_text
from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.face_bench import MS, SECOND, START_NS, FaceBench, make_call, vector_credentials, vectors

ENDPOINTS_V3 = [row for row in vectors()["request_vectors_v3"] if "guarded" not in row["name"]]


@pytest.fixture
def bench():
    return FaceBench()


def of_vector(row) -> HttpCall:
    return HttpCall(
        method=row["method"],
        path=row["path"],
        query=row["query"] or "",
        body=(row["body"] or "").encode(),
        headers={name.lower(): value for name, value in row["headers"].items()},
    )


def as_v3_bench(row) -> FaceBench:
    credentials = vector_credentials()
    bench = FaceBench(credentials=credentials, symbols=("BTCUSDT", "ETHUSDT"))
    bench.quote("ETHUSDT", "3456.70", "3456.80")
    bench.now_ns = START_NS
    bench.face.gate.chain_id = row.get("chain_id", 1666)
    return bench


@pytest.mark.parametrize("row", ENDPOINTS_V3, ids=lambda row: row["name"])
def test_every_v3_vector_passes_the_gate(row):
    reply = as_v3_bench(row).exchange(of_vector(row))
    assert reply.code not in (-1000, -1022, -4225, -1102, -2014, -2015)
    assert reply.status in (200, 400)


@pytest.mark.parametrize("row", vectors()["request_vectors_v1"], ids=lambda row: row["name"])
def test_every_v1_vector_passes_the_gate(row):
    reply = as_v3_bench(row).exchange(of_vector(row))
    assert reply.code not in (-1021, -1022, -1102, -2014, -2015)
    assert reply.status in (200, 400)


def test_a_request_sent_again_byte_for_byte_is_refused_and_places_nothing():
    row = next(row for row in ENDPOINTS_V3 if row["name"] == "v3_place_gtx_buy")
    bench = as_v3_bench(row)
    assert bench.exchange(of_vector(row)).status == 200
    again = bench.exchange(of_vector(row))
    assert (again.status, again.body) == (400, {"code": -4225, "msg": "Nonce Expired"})
    assert len(bench.venue.engine.open_orders(bench.credentials.user)) == 1


@pytest.mark.parametrize("name", ["v3_tampered_price", "v3_sorted_parameters_but_signature_of_unsorted"])
def test_a_changed_text_is_refused(name):
    row = next(row for row in vectors()["negative_and_edge_vectors"] if row["name"] == name)
    bench = as_v3_bench({})
    body = f"{row['signed_string_received']}&signature={row['signature']}"
    assert bench.exchange(make_call("POST", "/fapi/v3/order", body)).code == -1022


def test_parameters_may_be_in_the_query_of_a_post(bench):
    call = bench.signed_call("POST", "noop", {})
    assert bench.exchange(replace(call, query=call.body.decode(), body=b"")).body == {"code": 200, "msg": "success"}


def test_the_user_may_be_left_out_or_be_the_signer_itself(bench):
    own = replace(bench.credentials, user=bench.credentials.signer)
    alone = FaceBench(credentials=bench.credentials)
    alone.credentials = own
    assert alone.call("GET", "balance").status == 200


def test_an_unregistered_signer_is_named(bench):
    bench.credentials = make_credentials(Random(99))
    reply = bench.call("GET", "balance")
    assert (reply.code, reply.body["msg"]) == (-1000, "Signature check failed")


def test_a_signer_for_somebody_else_is_refused(bench):
    bench.credentials = replace(bench.credentials, user=make_credentials(Random(99)).user)
    assert bench.call("GET", "balance").code == -1000


@pytest.mark.parametrize("missing", ["nonce", "signer", "signature"])
def test_missing_parts_of_the_signature_are_named(bench, missing):
    call = bench.signed_call("GET", "balance", {})
    kept = "&".join(part for part in call.query.split("&") if not part.startswith(f"{missing}="))
    reply = bench.exchange(replace(call, query=kept))
    assert reply.code == -1102
    assert missing in reply.body["msg"]


@pytest.mark.parametrize(("offset_s", "code"), [(-61, -4225), (-59, None), (59, None), (61, -4225)])
def test_nonces_live_a_minute(bench, offset_s, code):
    call = bench.signed_call("GET", "balance", {})
    bench.now_ns -= offset_s * SECOND
    assert bench.exchange(call).code == code


def test_a_nonce_is_not_used_up_by_a_bad_signature(bench):
    call = bench.signed_call("GET", "balance", {})
    spoiled = replace(call, query=call.query.replace("signature=0x", "signature=0x00")[:-2])
    assert bench.exchange(spoiled).code == -1022
    assert bench.exchange(call).status == 200


def test_a_wallet_signed_request_on_a_v1_path_has_no_key(bench):
    call = bench.signed_call("GET", "openOrders", {}, version=1)
    reply = bench.exchange(call)
    assert (reply.status, reply.code) == (401, -2014)


def test_v1_wants_a_key_it_knows(bench):
    bench.credentials = replace(bench.credentials, api_key="f" * 64)
    reply = bench.call_v1("GET", "openOrders")
    assert (reply.status, reply.code) == (401, -2015)


def test_v1_wants_the_right_secret(bench):
    bench.credentials = replace(bench.credentials, secret="wrong")
    assert bench.call_v1("GET", "openOrders").code == -1022


@pytest.mark.parametrize(
    ("row", "now_ms"),
    [(row, row["server_time"]) for row in vectors()["negative_and_edge_vectors"] if "server_time" in row],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_v1_timestamps_follow_the_vectors(bench, row, now_ms):
    bench.now_ns = row["timestamp"] * MS
    request = bench.credentials
    text = f"recvWindow={row['recvWindow']}"
    bench.now_ns = row["timestamp"] * MS
    call = _v1_call(request, text, row["timestamp"])
    bench.now_ns = now_ms * MS
    assert (bench.exchange(call).code == -1021) is row["expect"].startswith("reject")


def _v1_call(credentials: AsterCredentials, text: str, timestamp_ms: int) -> HttpCall:
    text = f"{text}&timestamp={timestamp_ms}"
    signature = hmac.new(credentials.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers = {"x-mbx-apikey": credentials.api_key}
    return HttpCall(method="GET", path="/fapi/v1/openOrders", query=f"{text}&signature={signature}", headers=headers)


def test_v1_signs_query_and_body_without_a_joint(bench):
    row = next(row for row in vectors()["known_answers_v1"] if row["name"] == "v1_mixed_query_and_body")
    credentials = replace(bench.credentials, secret=row["secret"])
    bench = FaceBench(credentials=credentials, start_ns=1591702613943 * MS)
    call = HttpCall(
        method="POST",
        path="/fapi/v1/order",
        query=row["query"],
        body=f"{row['body']}&signature={row['signature']}".encode(),
        headers={"x-mbx-apikey": credentials.api_key},
    )
    assert bench.exchange(call).code not in (-1022, -1021, -2014)


def test_v1_listen_key_needs_only_the_key(bench):
    call = HttpCall(method="POST", path="/fapi/v1/listenKey", headers={"x-mbx-apikey": bench.credentials.api_key})
    assert len(bench.exchange(call).body["listenKey"]) == 64


def test_old_paths_of_v1(bench):
    assert bench.call_v1("GET", "balance", version=2).status == 200
    assert bench.call_v1("GET", "positionRisk", version=2, symbol="BTCUSDT").status == 200
    assert bench.call_v1("GET", "account", version=4).status == 200
    assert bench.call_v1("GET", "balance").status == 404


def test_unknown_paths_and_methods_are_not_found(bench):
    for method, path in (
        ("GET", "/fapi/v3/nonsense"),
        ("GET", "/"),
        ("PATCH", "/fapi/v3/order"),
        ("GET", "/fapi/v9/time"),
    ):
        assert bench.exchange(HttpCall(method=method, path=path)).status == 404


def test_an_account_without_deposit_is_told_so(bench):
    bench.face.gate.needs_deposit = True
    reply = bench.call("GET", "balance")
    assert (reply.status, reply.code) == (400, -5050)
    assert bench.public("time").status == 200


def test_a_parameter_sent_twice_is_refused(bench):
    assert bench.exchange(HttpCall(method="GET", path="/fapi/v3/depth", query="symbol=A&symbol=B")).code == -1101


def test_weights_add_up_per_address_and_minute(bench):
    before = int(bench.public("ping").headers["X-MBX-USED-WEIGHT-1M"])
    assert int(bench.public("depth", symbol="BTCUSDT", limit=500).headers["X-MBX-USED-WEIGHT-1M"]) == before + 10
    assert int(bench.public("ticker/24hr").headers["X-MBX-USED-WEIGHT-1M"]) == before + 50
    other = HttpCall(method="GET", path="/fapi/v3/ping", address="10.0.0.1")
    assert bench.exchange(other).headers["X-MBX-USED-WEIGHT-1M"] == "1"
    bench.now_ns += 60 * SECOND
    assert bench.public("ping").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_too_much_weight_is_429_and_stubbornness_418(bench):
    call = HttpCall(method="GET", path="/fapi/v3/ticker/24hr")
    statuses = [bench.exchange(call).status for _ in range(60)]
    assert statuses == [200] * 60
    limited = bench.exchange(call)
    assert (limited.status, limited.code) == (429, -1003)
    banned = [bench.exchange(call) for _ in range(100)][-1]
    assert (banned.status, banned.code) == (418, -1003)
    assert "banned until" in banned.body["msg"]
    bench.now_ns += 119 * SECOND
    assert bench.public("ping").status == 418
    bench.now_ns += 2 * SECOND
    assert bench.public("ping").status == 200


def test_orders_are_limited_per_account():
    bench = FaceBench(start_equity_usd=Decimal(100_000))
    replies = [bench.place("BUY", "94000.0", newClientOrderId=f"o{n}") for n in range(200)]
    assert {reply.status for reply in replies} == {200}
    assert replies[-1].headers["X-MBX-ORDER-COUNT-10S"] == "200"
    bench.call("DELETE", "allOpenOrders", symbol="BTCUSDT")
    for n in range(100):
        assert bench.place("BUY", "94000.0", newClientOrderId=f"p{n}").status == 200
    limited = bench.place("BUY", "94000.0")
    assert (limited.status, limited.code) == (429, -1015)
    bench.now_ns += 10 * SECOND
    assert bench.place("BUY", "94000.0").headers["X-MBX-ORDER-COUNT-1M"] == "301"


MISHAP_ANSWERS = [
    (Mishap.TIMEOUT_BEFORE, 503, -1007),
    (Mishap.RATE_LIMITED, 429, -1003),
    (Mishap.STALE_NONCE, 400, -4225),
    (Mishap.DEPOSIT, 400, -5050),
]


@pytest.mark.parametrize(("mishap", "status", "code"), MISHAP_ANSWERS)
def test_a_planned_mishap_happens_once_and_places_nothing(bench, mishap, status, code):
    bench.face.mishaps.plan(PlannedMishap(mishap=mishap, method="POST", name="order"))
    assert bench.public("time").status == 200
    reply = bench.place("BUY", "94000.0")
    assert (reply.status, reply.code) == (status, code)
    assert not bench.venue.engine.open_orders(bench.credentials.user)
    assert bench.place("BUY", "94000.0").status == 200


def test_mishaps_after_execution_leave_an_order_behind(bench):
    for number, mishap in enumerate((Mishap.LOST_REPLY, Mishap.TIMEOUT_AFTER), start=1):
        bench.face.mishaps.plan(PlannedMishap(mishap=mishap, name="order"))
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002"}
        request = bench.send(bench.signed_call("POST", "order", {**order, "price": "94000.0"}))
        assert len(bench.venue.engine.open_orders(bench.credentials.user)) == number
        reply = bench.answer(request)
        assert bench.was_dropped(request) if mishap is Mishap.LOST_REPLY else reply.status == 503


def test_a_lost_request_and_a_page_of_html(bench):
    bench.face.mishaps.plan(PlannedMishap(mishap=Mishap.LOST_REQUEST))
    assert bench.was_dropped(bench.send(HttpCall(method="GET", path="/fapi/v3/time")))
    bench.face.mishaps.plan(PlannedMishap(mishap=Mishap.HTML))
    reply = bench.public("time")
    assert (reply.status, reply.headers["Content-Type"]) == (500, "text/html")
    bench.face.mishaps.plan(PlannedMishap(mishap=Mishap.ERROR_IN_200))
    reply = bench.public("time")
    assert (reply.status, reply.body["code"]) == (200, -2010)
    assert bench.face.mishaps.happened == 3


def test_signed_text_keeps_every_other_byte():
    assert signed_text("a=1&signature=0xAB&b=%2F") == ("a=1&b=%2F", "0xAB")
    assert signed_text("a=1") == ("a=1", None)


def test_the_first_text_wins_between_query_and_body():
    assert read_params("a=1", "a=2&b=3") == {"a": "1", "b": "3"}


def test_credentials_are_new_every_time_and_do_not_print():
    rng = Random(1)
    one, two = make_credentials(rng), make_credentials(rng)
    assert one.private_key != two.private_key
    assert one.private_key[2:] not in repr(one)
    assert one.secret not in repr(one)
    assert set(one.as_dict()) == {"user", "signer", "private_key", "api_key", "secret"}
