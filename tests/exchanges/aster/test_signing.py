import threading
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.aster.signing import (
    CHAIN_IDS,
    HmacSigner,
    NonceSource,
    WalletKey,
    WalletSigner,
    address_of,
    assemble,
    digest,
    domain_separator,
    form_encode,
    is_address,
    keccak256,
    struct_hash,
)
from exchanges.errors import RequestNotSent
from exchanges.secrets import Secret
from exchanges.simulated.faces.aster.signing import is_hmac_of, is_signed_by
from exchanges.venue import HttpRequest
from tests.exchanges.aster.samples import NOW_NS, credentials, vectors

KEY = "0x" + "01" * 32


def wallet_signer(user="0xUser", chain_id=1666):
    key = WalletKey(Secret(KEY))
    return WalletSigner(user=user, key=key, signer=key.address, chain_id=chain_id)


def post(parameters=(), *, signed=True, method="POST", path="/fapi/v3/order"):
    return HttpRequest(operation="x", method=method, path=path, parameters=parameters, signed=signed)


def sent_pairs(signed):
    text = signed.body.decode() if signed.body else signed.target.partition("?")[2]
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True)


def test_keccak_is_the_old_padding():
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_constants_of_the_scheme_are_those_of_the_note():
    known = vectors("eip712")
    assert "0x" + domain_separator(CHAIN_IDS["mainnet"]).hex() == known["domain_separator_1666"]
    assert "0x" + domain_separator(CHAIN_IDS["testnet"]).hex() == known["domain_separator_714"]


@pytest.mark.parametrize("name", ["v3_place_gtx_buy", "v3_set_leverage", "v3_noop_same_nonce_as_place_gtx_buy"])
def test_hashes_and_signature_of_a_known_request(name):
    row = next(each for each in vectors("request_vectors_v3") if each["name"] == name)
    message = row["signed_string"].encode()
    whole = digest(domain_separator(1666), message)
    assert "0x" + struct_hash(message).hex() == row["struct_hash"]
    assert "0x" + whole.hex() == row["digest"]
    assert WalletKey(Secret(KEY)).sign(whole) == row["signature"]


def test_wallet_key_gives_the_checksummed_address_and_hides_itself():
    key = WalletKey(Secret("01" * 32))
    assert key.address == "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
    assert repr(key) == f"WalletKey({key.address})"


@pytest.mark.parametrize("address", ["0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1", "0x" + "0" * 40])
def test_is_address_takes_any_case(address):
    assert is_address(address)
    assert is_address("0x" + address[2:].lower())


@pytest.mark.parametrize("text", ["", "0x", "0x" + "g" * 40, "0x" + "0" * 39, "0" * 40, "0x" + "0" * 40 + "\n"])
def test_is_address_refuses_others(text):
    assert not is_address(text)


@pytest.mark.parametrize("text", ["", "01", "0x" + "zz" * 32, "00" * 32, "ff" * 32, "01" * 32 + "\n", "0X" + "01" * 32])
def test_wallet_key_refuses_what_is_no_key_without_repeating_it(text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message must not hold the key
        WalletKey(Secret(text))
    assert not text or text.strip("0x\n") == "" or text not in str(caught.value)


def test_address_of_uses_capital_letters_where_the_checksum_says():
    assert address_of(b"\x04" + b"\x11" * 64).lower() == "0x" + keccak256(b"\x11" * 64)[-20:].hex()


PLAIN = st.text(st.sampled_from("abcXYZ019._-~"), min_size=0, max_size=6)
ODD = st.text(min_size=0, max_size=6).filter(lambda text: text.isprintable())


@given(st.lists(st.tuples(PLAIN, PLAIN)))
def test_form_encode_of_plain_values_is_that_of_the_library(pairs):
    assert form_encode(pairs) == urlencode(pairs)


@given(st.lists(st.tuples(ODD, ODD)))
def test_form_encode_of_odd_values_is_that_of_the_library(pairs):
    assert form_encode(pairs) == urlencode(pairs)


def test_nonce_is_the_time_in_microseconds_and_never_repeats():
    source = NonceSource()
    assert source.next(5_000_999) == 5000
    assert source.next(5_000_999) == 5001
    assert source.next(4_000_000) == 5002
    assert source.next(9_000_000) == 9000


def test_nonce_when_the_clock_is_set_back_by_more_than_a_second_is_refused_and_not_used_up():
    source = NonceSource()
    source.next(10_000_000_000)
    with pytest.raises(RequestNotSent, match="set back"):
        source.next(8_000_000_000)
    assert source.next(9_000_001_000) == 10_000_001


def test_nonces_are_unique_across_threads():
    source, found, start = NonceSource(), [], threading.Barrier(4)

    def take():
        start.wait()
        found.append([source.next(NOW_NS) for _ in range(500)])

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({nonce for each in found for nonce in each}) == 2000
    assert all(each == sorted(each) for each in found)


def test_wallet_signer_appends_nonce_and_identity_and_signs_what_it_sends():
    signer = wallet_signer()
    signed = signer.sign(post((("symbol", "BTCUSDT"),)), wall_ns=NOW_NS)
    pairs = dict(sent_pairs(signed))
    assert list(pairs) == ["symbol", "nonce", "user", "signer", "signature"]
    assert pairs["nonce"] == str(NOW_NS // 1000)
    assert signed.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    text = signed.body.decode().rpartition("&signature=")[0]
    assert is_signed_by(text, pairs["signature"], pairs["signer"], 1666)
    assert not is_signed_by(text + "0", pairs["signature"], pairs["signer"], 1666)
    assert not is_signed_by(text, pairs["signature"], pairs["signer"], 714)


def test_wallet_signer_puts_a_get_into_the_query():
    signed = wallet_signer().sign(post((("a", "1"),), method="GET"), wall_ns=NOW_NS)
    assert signed.body == b""
    assert signed.headers == {}
    assert signed.target.startswith("/fapi/v3/order?a=1&nonce=")


def test_wallet_signer_without_user_leaves_the_pair_out():
    pairs = sent_pairs(wallet_signer(user="").sign(post(), wall_ns=NOW_NS))
    assert [name for name, _ in pairs] == ["nonce", "signer", "signature"]


@pytest.mark.parametrize(
    "signer", [wallet_signer(), HmacSigner(api_key=Secret("k"), secret_key=Secret("s"), recv_window_ms=1)]
)
def test_unsigned_requests_stay_bare(signer):
    signed = signer.sign(post((("symbol", "X"),), signed=False, method="GET"), wall_ns=NOW_NS)
    assert (signed.target, signed.body, signed.headers) == ("/fapi/v3/order?symbol=X", b"", {})


def test_hmac_signer_appends_window_and_time():
    known = credentials()
    signer = HmacSigner(api_key=Secret(known["api_key"]), secret_key=Secret(known["secret"]), recv_window_ms=5000)
    signed = signer.sign(post((("symbol", "BTCUSDT"),), path="/fapi/v1/order"), wall_ns=NOW_NS)
    text, _, signature = signed.body.decode().rpartition("&signature=")
    assert text == f"symbol=BTCUSDT&recvWindow=5000&timestamp={NOW_NS // 1_000_000}"
    assert is_hmac_of(text, signature, known["secret"])
    assert signed.headers["X-MBX-APIKEY"] == known["api_key"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_hmac_signer_sends_listen_key_calls_with_the_key_header_only(method):
    signer = HmacSigner(api_key=Secret("key"), secret_key=Secret("secret"), recv_window_ms=5000)
    signed = signer.sign(post(path="/fapi/v1/listenKey", method=method), wall_ns=NOW_NS)
    assert (signed.target, signed.body) == ("/fapi/v1/listenKey", b"")
    assert signed.headers["X-MBX-APIKEY"] == "key"


def test_assemble_without_parameters_has_no_question_mark():
    assert assemble(post(method="GET"), "", {}).target == "/fapi/v3/order"
