"""JSON at the border: exact numbers in, nonsense refused, nothing else raised."""

import json
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.errors import MalformedMessage
from exchanges.wire_json import decode, encode


def test_fractions_are_exact_and_long_ids_keep_their_digits():
    decoded = decode(b'{"p":0.1,"q":"0.10","e":1e-7,"id":123456789012345678901234567890}', "aster", "x")
    assert decoded == {"p": Decimal("0.1"), "q": "0.10", "e": Decimal("1E-7"), "id": 123456789012345678901234567890}
    assert type(decoded["p"]) is Decimal
    assert type(decoded["id"]) is int


def test_a_whole_surrogate_pair_is_one_character():
    assert decode(rb'{"a":"\ud83d\ude00"}', "aster", "x") == {"a": "\U0001f600"}


def test_text_is_decoded_like_bytes():
    assert decode('{"a":[1,null,true]}', "aster", "x") == {"a": [1, None, True]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1',
        b'{"a":1} x',
        b'"\xff"',
        b"[" * 100_000,
        b'{"a":' * 101 + b"1" + b"}" * 101,
        "{'a':1}",
        b'{"a":1e9991700000006002170}',
        b'{"a":1e401}',
        b'{"a":-1.5e-99999999999999}',
        b'{"a":0e999999999}',
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":1}',
        b'[{"b":{"a":1,"c":2,"a":2}}]',
        b'{"a":1,"\\u0061":2}',
        b'{"a":"\\ud800"}',
        b'{"\\uDFFF":1}',
        b'["\\ude00\\ud83d"]',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_nonsense_is_malformed_with_a_short_excerpt(data):
    # RELIABILITY.md O10, W15
    with pytest.raises(MalformedMessage) as caught:
        decode(data, "aster", "order")
    assert caught.value.exchange == "aster"
    assert caught.value.operation == "order"
    assert len(caught.value.excerpt) <= 200


def test_depth_is_refused_whatever_the_recursion_limit_is():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(MalformedMessage, match="nested deeper than 100"):
            decode(b"[" * 1_000_000, "aster", "x")
    finally:
        sys.setrecursionlimit(limit)


def test_large_and_flat_is_fine():
    assert len(decode(json.dumps([{"a": [1]}] * 1000), "aster", "x")) == 1000
    assert decode(b"[" * 100 + b"]" * 100, "aster", "x")


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_malformed(data):
    try:
        decode(data, "aster", "x")
    except MalformedMessage:
        return
    json.loads(data)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=4))
def test_a_key_that_stands_twice_is_never_decided(members):
    data = "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
    if len(dict(members)) == len(members):
        assert decode(data, "aster", "x") == dict(members)
    else:
        with pytest.raises(MalformedMessage, match="twice"):
            decode(data, "aster", "x")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_is_encoded_decodes_to_itself(value):
    assert decode(encode(value), "aster", "x") == value


def test_decimals_are_encoded_as_plain_text_and_the_output_is_compact():
    assert encode({"p": Decimal("1E-8"), "q": [Decimal("1.50")]}) == '{"p":"0.00000001","q":["1.50"]}'


def test_other_types_do_not_go_into_json():
    with pytest.raises(TypeError, match="bytes"):
        encode({"a": b"x"})
