"""Signatures, byte for byte."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from exchanges.backpack.signing import INSTRUCTIONS, Signer, SigningKey, query_text, signed_text, spelled
from exchanges.secrets import Secret
from exchanges.venue import HttpRequest
from tests.exchanges.backpack.samples import credentials, vectors

MS = 1_000_000


def key() -> SigningKey:
    return SigningKey(Secret(credentials()["secret"]))


@pytest.mark.parametrize("row", vectors("signed"), ids=lambda row: row["name"])
def test_text_and_signature_of_every_vector(row):
    orders = row["body"] if isinstance(row["body"], list) else [row["body"] if row["params"] is None else row["params"]]
    segments = [tuple((name, spelled(value)) for name, value in order.items()) for order in orders]
    text = signed_text(row["instruction"], segments, timestamp_ms=row["timestamp"], window_ms=row["window"])
    assert text == row["string_to_sign"]
    assert key().sign(text) == row["signature"]


SINGLE = [row for row in vectors("signed") if not isinstance(row["body"], list)]
"""Without the batches, which have one segment per order and which the bot never sends."""


@pytest.mark.parametrize("row", SINGLE, ids=lambda row: row["name"])
def test_a_signed_request_has_its_parameters_where_they_belong(row):
    given = row["body"] if row["params"] is None else row["params"]
    request = HttpRequest(
        operation="x",
        method=row["method"],
        path=row["path"],
        parameters=tuple((name, spelled(value)) for name, value in given.items()),
        signed=True,
        body=row["body_json"],
    )
    sent = Signer(key(), window_ms=row["window"]).sign(request, wall_ns=row["timestamp"] * MS + 999_999)
    assert sent.headers == row["headers"]
    assert sent.target == row["path"] + (f"?{row['query']}" if row["query"] else "")
    assert sent.body.decode() == (row["body_json"] or "")
    assert (sent.method, sent.operation) == (row["method"], "x")


@pytest.mark.parametrize("row", vectors("instructions"), ids=lambda row: f"{row['method']} {row['path']}")
def test_every_instruction_of_the_table(row):
    if row["method"] != "WS":
        assert INSTRUCTIONS[row["method"], row["path"]] == row["instruction"]


def test_a_public_request_shows_no_key():
    request = HttpRequest(operation="x", method="GET", path="/api/v1/depth", parameters=(("symbol", "A"),))
    sent = Signer(key(), window_ms=3000).sign(request, wall_ns=0)
    assert (sent.headers, sent.target, sent.body) == ({}, "/api/v1/depth?symbol=A", b"")


def test_a_path_without_instruction_cannot_be_signed():
    request = HttpRequest(operation="x", method="GET", path="/api/v1/depth", signed=True)
    with pytest.raises(ValueError, match="no instruction"):
        Signer(key(), window_ms=3000).sign(request, wall_ns=0)


def test_a_command_without_body_sends_none():
    request = HttpRequest(operation="x", method="DELETE", path="/api/v1/orders", signed=True)
    assert Signer(key(), window_ms=3000).sign(request, wall_ns=0).body == b""


def test_the_subscription_is_the_vector():
    row = vectors("ws_subscribe")
    frame = Signer(key(), window_ms=1).subscription(
        row["frame"]["params"], wall_ns=1_750_000_000_000 * MS, window_ms=5000
    )
    assert frame == row["frame_json"]
    assert json.loads(frame) == row["frame"]


def test_the_long_form_of_a_secret_is_the_same_key():
    meta = vectors("meta")
    assert SigningKey(Secret(meta["secret_64_byte_form_base64"])).api_key == key().api_key == meta["api_key_base64"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        "AAEC",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
        base64.b64encode(bytes(64)).decode(),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "ä",
    ],
)
def test_an_unusable_secret_is_refused_without_repeating_it(text):
    with pytest.raises(ValueError, match="secret key") as caught:
        SigningKey(Secret(text))
    assert not text.strip() or text.strip() not in str(caught.value)


def test_a_key_prints_its_public_half_only():
    assert repr(key()) == f"SigningKey({credentials()['api_key']})"
    assert credentials()["secret"] not in repr(key())


@pytest.mark.parametrize(
    ("value", "text"), [("0.50", "0.50"), (True, "true"), (False, "false"), (0, "0"), (4294967295, "4294967295")]
)
def test_values_are_signed_as_the_note_spells_them(value, text):
    assert spelled(value) == text


def test_a_query_is_sorted_and_encoded_while_the_signed_text_is_raw():
    pairs = (("symbol", "AAPL.US_USDC_PERP"), ("a", "80% &"))
    assert query_text(pairs) == "a=80%25%20%26&symbol=AAPL.US_USDC_PERP"
    assert signed_text("x", (pairs,), timestamp_ms=1, window_ms=2) == (
        "instruction=x&a=80% &&symbol=AAPL.US_USDC_PERP&timestamp=1&window=2"
    )


@given(st.dictionaries(st.text("abcXYZ", min_size=1, max_size=6), st.text("abc019.", max_size=8), max_size=6))
def test_the_order_of_parameters_does_not_matter(parameters):
    pairs = tuple(parameters.items())
    text = signed_text("i", (pairs,), timestamp_ms=1, window_ms=2)
    assert text == signed_text("i", (tuple(reversed(pairs)),), timestamp_ms=1, window_ms=2)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key().api_key))
    public.verify(base64.b64decode(key().sign(text)), text.encode())
