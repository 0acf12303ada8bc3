import base64
import json
import threading

import pytest

from exchanges.clock import SystemClock
from exchanges.errors import RequestNotSent
from exchanges.lighter.library import SIGNATURES, SignedTx, SignerRefused, load
from exchanges.lighter.signing import NativeSigner, TokenSource, checked, form_of
from exchanges.secrets import Secret
from exchanges.simulated.lighter_crypto import public_key_of, text_hash, tx_hash, verify
from tests.exchanges.lighter.samples import ACCOUNT, NOW_NS, FakeSigner, credentials, vectors

ORDER = {
    "market_index": 0,
    "client_order_index": 1001,
    "base_amount": 250,
    "price": 234567,
    "is_ask": 0,
    "order_type": 0,
    "time_in_force": 2,
    "reduce_only": 0,
    "order_expiry": 1797800000000,
    "nonce": 7,
}
PUBLIC = bytes.fromhex(vectors("key")["public_key"][2:])


def on_a_thread(work):
    """Run off the main thread, as the lanes do."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(20)
    return found[0]


def test_a_signed_order_carries_the_arguments_and_verifies():
    signer = NativeSigner(credentials(), load)
    made = on_a_thread(lambda: signer.sign("SignCreateOrder", ORDER))
    info = json.loads(made.info)
    assert (info["AccountIndex"], info["ApiKeyIndex"], info["Nonce"]) == (ACCOUNT, 4, 7)
    assert (info["Price"], info["BaseAmount"], info["TimeInForce"]) == (234567, 250, 2)
    assert abs(info["ExpiredAt"] - SystemClock().wall_ns() // 1_000_000 - 599_000) < 5_000
    assert tx_hash(304, 14, info).hex() == made.hash
    assert verify(PUBLIC, bytes.fromhex(made.hash), base64.b64decode(info["Sig"]))


def test_the_chain_is_the_credentials_own():
    made = on_a_thread(lambda: NativeSigner(credentials(chain_id=300), load).sign("SignCreateOrder", ORDER))
    info = json.loads(made.info)
    assert tx_hash(300, 14, info).hex() == made.hash != tx_hash(304, 14, info).hex()


def test_two_keys_of_one_slot_take_turns():
    other_key = "11" * 40
    ours, others = (
        NativeSigner(credentials(), load),
        NativeSigner(credentials(private_key=Secret(other_key), chain_id=300), load),
    )
    keys = {ours: (PUBLIC, 304), others: (public_key_of(bytes.fromhex(other_key)), 300)}
    for signer in (ours, others, ours):
        made = on_a_thread(lambda signer=signer: signer.sign("SignCreateOrder", ORDER))
        info = json.loads(made.info)
        key, chain = keys[signer]
        assert verify(key, tx_hash(chain, 14, info), base64.b64decode(info["Sig"]))


def test_a_token_is_signed_and_names_account_slot_and_deadline():
    token = on_a_thread(lambda: NativeSigner(credentials(), load).token(1_795_400_000))
    message, _, signature = token.rpartition(":")
    assert message == f"1795400000:{ACCOUNT}:4"
    assert verify(PUBLIC, text_hash(message), bytes.fromhex(signature))


def test_the_signer_does_not_print_its_key():
    assert vectors("key")["private_key"][2:10] not in repr(NativeSigner(credentials(), load))


@pytest.mark.parametrize(
    "changes",
    [
        {"price": -1},
        {"price": 2**32},
        {"price": 0},
        {"base_amount": 0},
        {"base_amount": 2**48},
        {"client_order_index": 2**48},
        {"nonce": -1},
        {"is_ask": 2},
        {"is_ask": True},
        {"price": 1.5},
        {"nonsense": 1},
    ],
)
def test_arguments_out_of_range_never_reach_the_library(changes):
    with pytest.raises(ValueError, match=r"is not a whole number|has no nonsense"):
        checked("SignCreateOrder", {**ORDER, **changes})


def test_arguments_left_out_are_zero_and_in_the_librarys_order():
    values = checked("SignCreateOrder", ORDER)
    assert list(values) == [name for name, _ in SIGNATURES["SignCreateOrder"]]
    assert (values["trigger_price"], values["skip_nonce"]) == (0, 0)


def test_the_form_is_the_samples():
    text = vectors("frames")["rest_sendtx_form"]
    info = vectors("sign_vectors")[0]
    assert form_of(SignedTx(14, info["tx_info"], info["tx_hash"])).decode() == text


# --- tokens ---

HOUR = 3600 * 10**9


def test_a_token_is_kept_until_half_an_hour_before_its_end():
    tokens = TokenSource(FakeSigner())
    first = tokens.current(NOW_NS)
    assert tokens.current(NOW_NS + 6 * HOUR) == first
    later = tokens.current(NOW_NS + 6 * HOUR + HOUR // 2 + 10**9)
    assert later != first
    assert int(later.split(":")[0]) - (NOW_NS // 10**9 + 6 * 3600 + 1801) == 7 * 3600


def test_a_token_from_the_future_is_replaced_when_the_clock_was_set_back():
    tokens = TokenSource(FakeSigner())
    first = tokens.current(NOW_NS)
    assert tokens.current(NOW_NS - 2 * HOUR) != first


def test_a_forgotten_token_is_made_anew_and_fresh_ones_always():
    tokens = TokenSource(FakeSigner())
    first = tokens.current(NOW_NS)
    tokens.forget()
    assert tokens.current(NOW_NS + 10**9) != first
    assert tokens.fresh(NOW_NS + 2 * 10**9) == tokens.current(NOW_NS + 2 * 10**9) != first


def test_a_library_that_refuses_means_nothing_was_sent():
    signer = FakeSigner()
    signer.refuses = "no key"
    with pytest.raises(RequestNotSent, match="no key"):
        TokenSource(signer).current(NOW_NS)


def test_the_stand_in_refuses_as_the_library_does():
    signer = FakeSigner()
    signer.refuses = "x"
    with pytest.raises(SignerRefused):
        signer.sign("SignCreateOrder", ORDER)
