"""Strict reading of JSON objects."""

from decimal import Decimal
from typing import Any

import pytest

from exchanges.errors import MalformedMessage
from exchanges.wire_fields import WireFields, rows_of


class Fields(WireFields):
    __slots__ = ()
    exchange = "somewhere"


def fields(value: Any) -> Fields:
    return Fields({"key": value}, "payload")


GOOD = [
    ("text", "", ""),
    ("text", "x", "x"),
    ("number", "-1.50", Decimal("-1.50")),
    ("number", "1e-7", Decimal("1e-7")),
    ("number", Decimal("0.1"), Decimal("0.1")),
    ("number", 5, Decimal(5)),
    ("amount", "0", Decimal(0)),
    ("whole", -3, -3),
    ("flag", False, False),
    ("time_ns", 1_750_000_000_000, 1_750_000_000_000_000_000),
    ("micro_time_ns", 1_750_000_000_000_001, 1_750_000_000_000_001_000),
    ("identifier", 7, "7"),
    ("identifier", "007", "007"),
    ("identifier", 123456789012345678901234567890, "123456789012345678901234567890"),
    ("number", "141.2782512345678901234567890", Decimal("141.2782512345678901234567890")),
    ("number", "1." + "0" * 40, Decimal(1)),
    ("number", "-999999999999999999999", Decimal(-999999999999999999999)),
    ("whole", 10**40 - 1, 10**40 - 1),
    ("items", [1], [1]),
    ("get", None, None),
]

BAD = [
    ("text", 5),
    ("text", None),
    ("number", "NaN"),
    ("number", "1_000"),
    ("number", " 1"),
    ("number", ""),
    ("number", "\u0661"),
    ("number", "1" * 41),
    ("number", Decimal("Infinity")),
    ("number", Decimal("1e999999999")),
    ("number", Decimal("1e-999999999")),
    ("number", 10**140),
    ("number", 10**21),
    ("number", "1e-31"),
    ("number", "0." + "3" * 35),
    ("number", Decimal("0." + "3" * 5000)),
    ("number", "12345678901234567890.123456789012345"),
    ("number", True),
    ("number", None),
    ("amount", "-0.1"),
    ("whole", "5"),
    ("whole", 10**40),
    ("whole", -(10**40)),
    ("whole", True),
    ("whole", Decimal(1)),
    ("flag", 1),
    ("flag", "true"),
    ("time_ns", -1),
    ("time_ns", 10**14),
    ("time_ns", 9_223_372_036_855),
    ("time_ns", "1"),
    ("micro_time_ns", -1),
    ("micro_time_ns", 10**17),
    ("micro_time_ns", 9_223_372_036_854_776),
    ("identifier", 0),
    ("identifier", -1),
    ("identifier", True),
    ("identifier", ""),
    ("identifier", "a"),
    ("identifier", "9" * 41),
    ("identifier", 10**40),
    ("items", {}),
]


@pytest.mark.parametrize(("reader", "value", "result"), GOOD)
def test_what_a_reader_accepts(reader, value, result):
    found = getattr(fields(value), reader)("key")
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(("reader", "value"), BAD)
def test_what_a_reader_refuses(reader, value):
    with pytest.raises(MalformedMessage, match="key") as caught:
        getattr(fields(value), reader)("key")
    assert (caught.value.exchange, caught.value.operation) == ("somewhere", "payload")


@pytest.mark.parametrize("reader", sorted({row[0] for row in GOOD}))
def test_a_missing_key_is_malformed(reader):
    with pytest.raises(MalformedMessage, match="other is missing"):
        getattr(fields(1), reader)("other")


def test_null_is_not_there():
    assert fields(0).has("key")
    assert not fields(None).has("key")
    assert not fields(1).has("other")


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_only_an_object_has_fields(data):
    with pytest.raises(MalformedMessage, match="an object was expected"):
        Fields(data, "payload")


def test_rows_are_a_list():
    assert rows_of("somewhere", [1], "rows") == [1]
    with pytest.raises(MalformedMessage, match="a list was expected, not dict"):
        rows_of("somewhere", {}, "rows")
