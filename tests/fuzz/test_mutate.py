"""The bender itself: the same random numbers bend alike, places are right, and everything that is promised happens."""

import json
from random import Random

import pytest

from tests.fuzz.mutate import Payload, mutate

TEXT = (
    '{"e":"X","T":1568879465651,"o":{"s":"BTCUSDT","q":"0.001","m":false,"n":null,"rows":[1,-2.5e-7,{"a":[]}]}, '
    '"z" : "\\"}"}'
)


def bent(seed, count=1):
    rng = Random(seed)
    return [mutate(TEXT, rng) for _ in range(count)]


def test_places_of_values_and_members():
    payload = Payload.of(TEXT)
    values = [payload.text[span.start : span.end] for span in payload.values]
    assert values[-1] == TEXT
    assert [json.loads(value) for value in values][:3] == ["X", 1568879465651, "BTCUSDT"]
    assert {"-2.5e-7", "[]", "null", "false", '"\\"}"'} <= set(values)
    members = [payload.text[span.start : span.end] for span in payload.members]
    assert '"q":"0.001"' in members
    assert '"z" : "\\"}"' in members


def test_the_same_random_numbers_bend_alike():
    assert bent(5, 200) == bent(5, 200)
    assert bent(5, 200) != bent(6, 200)


def _is_json(data):
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _has_twice(data):
    found = []

    def note(pairs):
        found.append(len({key for key, _ in pairs}) < len(pairs))
        return dict(pairs)

    try:
        json.loads(data, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return False
    return any(found)


KINDS = {
    "still JSON": _is_json,
    "no JSON": lambda data: not _is_json(data),
    "no UTF-8": lambda data: data.decode(errors="replace").encode() != data,
    "cut": lambda data: TEXT.encode().startswith(data) and len(data) < len(TEXT),
    "a key twice": _has_twice,
    "NaN": lambda data: b"NaN" in data,
    "1e-7": lambda data: b"1e-7" in data,
    "30 digits": lambda data: b"123456789012345678901234567890" in data,
    "a number as text": lambda data: b'"1568879465651"' in data,
    "a text as number": lambda data: b'"q":0.001' in data,
    "null": lambda data: b'"s":null' in data,
    "deep": lambda data: b"[" * 90 in data,
    "huge": lambda data: b"9" * 4000 in data,
    "half a pair": lambda data: b"\\ud800" in data,
    "a field nobody knows": lambda data: b'"new' in data,
    "a field less": lambda data: b'"q"' not in data and _is_json(data),
    "untouched": lambda data: data == TEXT.encode(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_harm_is_done(kind):
    assert any(map(KINDS[kind], bent(1, 6000)))
