"""The face's signature checks, on the venue note's vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulated.faces.aster.signing import (
    MAINNET_CHAIN_ID,
    TESTNET_CHAIN_ID,
    domain_separator,
    is_hmac_of,
    is_signed_by,
    message_digest,
    recover_signer,
)
from tests.exchanges.simulated.face_bench import sign_v3, vector_credentials, vectors

REQUESTS_V3 = vectors()["request_vectors_v3"]
REQUESTS_V1 = [row for row in vectors()["request_vectors_v1"] if row.get("signature")]


def by_name(name: str) -> dict[str, str]:
    return next(row for row in REQUESTS_V3 if row["name"] == name)


@pytest.mark.parametrize(
    ("chain_id", "key"), [(MAINNET_CHAIN_ID, "domain_separator_1666"), (TESTNET_CHAIN_ID, "domain_separator_714")]
)
def test_domain_separator_is_the_published_one(chain_id, key):
    assert "0x" + domain_separator(chain_id).hex() == vectors()["eip712"][key]


@pytest.mark.parametrize("row", REQUESTS_V3, ids=lambda row: row["name"])
def test_recovers_the_signer_of_every_vector(row):
    text, chain_id = row["signed_string"], row["chain_id"]
    assert "0x" + message_digest(text, chain_id).hex() == row["digest"]
    assert recover_signer(text, row["signature"], chain_id) == row["signer"].lower()


@pytest.mark.parametrize("row", REQUESTS_V3, ids=lambda row: row["name"])
def test_accepts_the_signature_over_the_text_as_sent_or_its_decoded_reading(row):
    sent = (row["query"] or row["body"]).rpartition("&signature=")[0]
    assert is_signed_by(sent, row["signature"], row["signer"], row["chain_id"])


@pytest.mark.parametrize("spelling", ["with_0x", "without_0x", "v_as_00_01"])
def test_accepts_every_spelling_of_a_signature(spelling):
    spellings = vectors()["signature_spellings"]
    row = by_name(spellings["vector"])
    for signature in (spellings[spelling], spellings[spelling].upper().replace("0X", "0x")):
        assert is_signed_by(row["signed_string"], signature, row["signer"], 1666)


@pytest.mark.parametrize(
    "row",
    [row for row in vectors()["negative_and_edge_vectors"] if "signed_string_received" in row],
    ids=lambda row: row["name"],
)
def test_recovers_somebody_else_from_what_was_not_signed(row):
    chain_id = row.get("verify_chain_id", 1666)
    text, signature = row["signed_string_received"], row["signature"]
    assert recover_signer(text, signature, chain_id) == row["recovered"].lower()
    assert not is_signed_by(text, signature, row["expected_signer"], chain_id)


@pytest.mark.parametrize(
    "signature", ["", "0x", "zz" * 65, "00" * 64, "00" * 66, "00" * 65, "ff" * 64 + "1b", "11" * 64 + "07"]
)
def test_what_cannot_be_a_signature_recovers_nobody(signature):
    assert recover_signer("nonce=1", signature, 1666) is None


@given(st.text(min_size=1, max_size=60), st.integers(0, 64))
def test_a_changed_byte_of_a_signature_never_passes(text, position):
    credentials = vector_credentials()
    raw = bytearray.fromhex(sign_v3(text, credentials.private_key)[2:])
    assert is_signed_by(text, raw.hex(), credentials.signer, 1666)
    raw[position] ^= 1
    assert not is_signed_by(text, raw.hex(), credentials.signer, 1666)


@pytest.mark.parametrize("row", REQUESTS_V1, ids=lambda row: row["name"])
def test_accepts_the_hmac_of_every_vector_in_either_case(row):
    secret = vector_credentials().secret
    assert is_hmac_of(row["signed_string"], row["signature"], secret)
    assert is_hmac_of(row["signed_string"], row["signature"].upper(), secret)
    assert not is_hmac_of(row["signed_string"] + "0", row["signature"], secret)


@pytest.mark.parametrize("row", vectors()["known_answers_v1"], ids=lambda row: row["name"])
def test_accepts_the_published_hmac(row):
    assert is_hmac_of(row["signed_string"], row["signature"], row["secret"])
