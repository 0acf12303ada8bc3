"""Hash, curve and signatures in plain Python, by laws rather than by examples (those are the vectors)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.simulated.lighter_crypto import curve, field, public_key_of, schnorr, sign, text_hash, tx_hash, verify
from exchanges.simulated.lighter_crypto.poseidon2 import hash5, permute
from exchanges.simulated.lighter_crypto.transactions import attributes, preimage

words = st.integers(min_value=0, max_value=field.P - 1)
elements = st.tuples(words, words, words, words, words)
scalars = st.integers(min_value=0, max_value=curve.ORDER - 1)
KEY = bytes(range(1, 41))
HASH = field.to_bytes(hash5([1, 2, 3]))
SIGNATURE = sign(KEY, HASH, 12345)
PUBLIC = public_key_of(KEY)
CANCEL = {"Nonce": 1, "ExpiredAt": 2, "AccountIndex": 3, "ApiKeyIndex": 4, "MarketIndex": 0, "Index": 9}


@given(elements, elements, elements)
def test_the_field_is_a_field(a, b, c):
    assert field.mul(a, field.add(b, c)) == field.add(field.mul(a, b), field.mul(a, c))
    assert field.mul(a, b) == field.mul(b, a)
    assert field.sub(field.add(a, b), b) == a
    if a != field.ZERO:
        assert field.mul(a, field.invert(a)) == field.ONE


@settings(max_examples=30)
@given(elements)
def test_squares_have_roots_and_others_have_none(a):
    square = field.mul(a, a)
    root = field.square_root(square)
    assert root is not None
    assert field.mul(root, root) == square
    assert field.is_square(square)
    assert (field.square_root(a) is None) == (not field.is_square(a))


@given(elements)
def test_frobenius_is_the_power_of_p(a):
    assert field.frobenius(field.frobenius(a, 2), 3) == a
    assert field.frobenius(a, 1) == field.power(a, field.P)


def test_zero_has_no_inverse():
    with pytest.raises(ZeroDivisionError):
        field.invert(field.ZERO)


@given(elements)
def test_bytes_go_there_and_back(a):
    assert field.from_bytes(field.to_bytes(a)) == a


def test_bytes_that_are_no_element():
    assert field.from_bytes(b"\xff" * 40) is None
    assert field.from_bytes(b"\x00" * 39) is None


@settings(max_examples=8, deadline=None)
@given(scalars, scalars)
def test_the_curve_is_a_group(s, e):
    generator = curve.GENERATOR
    both = curve.combine(curve.multiply(s, generator), curve.multiply(e, generator))
    assert curve.encode(both) == curve.encode(curve.multiply((s + e) % curve.ORDER, generator))
    assert curve.encode(curve.multiply_two(s, generator, e, generator)) == curve.encode(both)
    assert curve.encode(curve.combine(both, curve.NEUTRAL)) == curve.encode(both)


@settings(max_examples=8, deadline=None)
@given(scalars)
def test_encodings_decode_to_the_same_element(s):
    point = curve.multiply(s, curve.GENERATOR)
    decoded = curve.decode(curve.encode(point))
    assert decoded is not None
    assert curve.encode(curve.combine(decoded, curve.GENERATOR)) == curve.encode(curve.combine(point, curve.GENERATOR))


def test_not_every_number_encodes_an_element():
    rng = random.Random(3)
    drawn = [curve.decode((rng.randrange(field.P), 0, 0, 0, 1)) for _ in range(12)]
    assert any(each is None for each in drawn)
    assert any(each is not None for each in drawn)
    assert curve.decode(field.ZERO) == curve.NEUTRAL


def test_a_signature_verifies_and_nothing_near_it_does():
    assert verify(PUBLIC, HASH, SIGNATURE)
    other = field.to_bytes(hash5([1, 2, 4]))
    flipped = bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]
    assert not verify(PUBLIC, other, SIGNATURE)
    assert not verify(PUBLIC, HASH, flipped)
    assert not verify(public_key_of(bytes(range(2, 42))), HASH, SIGNATURE)


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        (PUBLIC, HASH, SIGNATURE[:79]),
        (PUBLIC, HASH[:39], SIGNATURE),
        (PUBLIC[:39], HASH, SIGNATURE),
        (b"\xff" * 40, HASH, SIGNATURE),
        (PUBLIC, HASH, b"\xff" * 80),
        (PUBLIC, HASH, SIGNATURE[:40] + (curve.ORDER + 1).to_bytes(40, "little")),
    ],
)
def test_what_is_not_well_formed_is_not_valid(key, message, signature):
    assert not verify(key, message, signature)


def test_keys_and_hashes_of_another_length_are_refused():
    with pytest.raises(ValueError, match="40 bytes"):
        public_key_of(b"short")
    with pytest.raises(ValueError, match="reduced"):
        sign(KEY, b"\xff" * 40, 1)
    assert schnorr.scalar_of(KEY) < curve.ORDER


def test_the_sponge_overwrites_and_pads_nothing():
    assert hash5([]) == (0, 0, 0, 0, 0)
    assert hash5([1]) == hash5([1, 0, 0, 0, 0, 0, 0, 0])
    assert hash5([1] * 9)[:5] == tuple(permute([1, *permute([1] * 8 + [0] * 4)[1:]])[:5])


def test_texts_are_packed_in_words_of_eight():
    assert text_hash("abcdefgh") == field.to_bytes(hash5([int.from_bytes(b"abcdefgh", "little")]))


def test_every_field_counts_and_attributes_count_when_present():
    plain = tx_hash(304, 15, CANCEL)
    assert preimage(304, 15, CANCEL) == [304, 15, 1, 2, 3, 4, 0, 9]
    assert all(tx_hash(304, 15, {**CANCEL, name: 77}) != plain for name in CANCEL)
    assert tx_hash(300, 15, CANCEL) != plain
    assert tx_hash(304, 15, {**CANCEL, "L2TxAttributes": {}}) == plain
    assert tx_hash(304, 15, {**CANCEL, "L2TxAttributes": {"5": 0}}) != plain


@pytest.mark.parametrize(
    ("tx_type", "changes"),
    [
        (99, {}),
        (15, {"Index": None}),
        (15, {"Index": "9"}),
        (15, {"Index": -1}),
        (15, {"Index": True}),
        (15, {"L2TxAttributes": []}),
        (15, {"L2TxAttributes": {"x": 1}}),
        (15, {"L2TxAttributes": {"1": "1"}}),
        (15, {"L2TxAttributes": {str(key): 1 for key in range(5)}}),
    ],
)
def test_transactions_that_cannot_be_hashed(tx_type, changes):
    with pytest.raises(ValueError, match=r"not known|whole number|no object"):
        tx_hash(304, tx_type, {**CANCEL, **changes})


def test_attributes_by_type():
    assert attributes({"L2TxAttributes": {"8": 7, "5": 0}}) == {8: 7, 5: 0}
    assert attributes({}) == attributes({"L2TxAttributes": None}) == {}
