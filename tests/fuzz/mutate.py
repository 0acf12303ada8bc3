"""Bends a JSON payload: at random, but always the same for the same random numbers.

Values and members are found once per payload; a mutation then cuts and splices text, which takes microseconds. A bent
payload is mostly still JSON, so that it gets past the decoder and into the parser; a part of them is bent as bytes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|[\[\]{}:,]|\s+'
)

_DEEPEST: Final = 60
_LONG_ID: Final = "123456789012345678901234567890"
SCALARS: Final = (
    *("null", "true", "false", '""', "{}", "[]", "[null]", '{"a":1}', "[[]]"),
    *("0", "-0", "1", "-1", "0.0", "1e-7", "1E+7", "1e400", "-1e400", "1e999999999", "1e-999999999"),
    *("1e99999999999999", "NaN", "Infinity", "-Infinity", "1_000", "01", "+1", ".5", "5.", "0x10", "1e", "--1"),
    *('"NaN"', '"Infinity"', '"-Infinity"', '"nan"', '"1e-7"', '"1E5"', '"1e400"', '"1_000"', '" 1"', '"1 "', '"+1"'),
    *('"0x10"', '"1,5"', '"-1"', '"0"', '"-0"', '"00.10"', '"\\u0661"', '"1e-40"', '"1e-99"', '"0.00000000000001"'),
    *(_LONG_ID, f'"{_LONG_ID}"', f"-{_LONG_ID}", "9" * 139, "9" * 141, "9" * 4299, "9" * 4301),
    *(f'"{"9" * 41}"', f'"{"9" * 5000}"', f'"0.{"1" * 60}"', f"0.{'3' * 60}", f"0.{'3' * 5000}", f"1{'0' * 35}.5"),
    *("4294967295", "4294967296", "9007199254740993", "9223372036854775807", "18446744073709551616"),
    *('"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\\u001b[31m"', '"\\u202e"', '"\\ud83d\\ude00"', '"[red]x[/red]"'),
    *('"2025-06-15T15:06:41.500"', '"0001-01-01T00:00:00"', '"9999-12-31T23:59:59"', '"2025-13-45T99:99:99"'),
    *("-9223372036854775809", '"' + "A" * 3000 + '"'),
    *("[" * 99 + "]" * 99, "[" * 101 + "]" * 101, "[" * 3000, '{"a":' * 150 + "1" + "}" * 150),
    *('"g1c000010"', '"FILLED"', '"CANCELED"', '"canceled"', '"BUY"', '"Bid"', '"PERP"', '"undefined"'),
)  # fmt: skip
"""What a value is replaced by."""

_RAW: Final = (
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x00", b"\x1b[2J", b"\xef\xbb\xbf"),
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\u", b"/*", b"//", b"<html>", b"\n\n", b"9" * 50, b"e", b"."),
)
"""What is inserted into bytes."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a payload's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload with the places of its values and of its members (`"key": value`)."""

    text: str
    values: tuple[Span, ...]
    members: tuple[Span, ...]

    @classmethod
    def of(cls, text: str) -> "Payload":
        """Find the places. The text must be JSON."""
        values: list[Span] = []
        members: list[Span] = []
        _Finder(text, values, members).value(0)
        return cls(text, tuple(values), tuple(members))


class _Finder:
    """A reader of JSON that only notes where things stand."""

    def __init__(self, text: str, values: list[Span], members: list[Span]) -> None:
        self._tokens = [found for found in _TOKEN.finditer(text) if not found[0].isspace()]
        self._values = values
        self._members = members
        self._depth = 0

    def value(self, at: int) -> int:
        """Note the value that begins with a token; return the token after it. Raises IndexError where there is none."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise IndexError
        first = self._tokens[at]
        end = at + 1
        if first[0] in ("{", "["):
            close = "}" if first[0] == "{" else "]"
            while self._tokens[end][0] != close:
                end = self._member(end) if close == "}" else self.value(end)
                if self._tokens[end][0] == ",":
                    end += 1
            end += 1
        self._values.append(Span(first.start(), self._tokens[end - 1].end()))
        self._depth -= 1
        return end

    def _member(self, at: int) -> int:
        end = self.value(at + 2)
        self._members.append(Span(self._tokens[at].start(), self._tokens[end - 1].end()))
        return end


def _splice(text: str, span: Span, new: str) -> str:
    return text[: span.start] + new + text[span.end :]


# --- at the level of JSON ---


def _replace_value(payload: Payload, rng: Random) -> str:
    return _splice(payload.text, rng.choice(payload.values), rng.choice(SCALARS))


def _swap_values(payload: Payload, rng: Random) -> str:
    """Put another value of the same payload in a value's place: the right kind, the wrong number."""
    source, target = rng.choice(payload.values), rng.choice(payload.values)
    return _splice(payload.text, target, payload.text[source.start : source.end])


def _change_quotes(payload: Payload, rng: Random) -> str:
    """A number as text, a text as number."""
    span = rng.choice(payload.values)
    old = payload.text[span.start : span.end]
    new = old[1:-1] if old.startswith('"') and len(old) > 2 else f'"{old}"' if old[0] not in '{["' else old
    return _splice(payload.text, span, new)


_DIGITS: Final = re.compile(r"[0-9]+")


def _bend_number(payload: Payload, rng: Random) -> str:
    """Change digits, sign, point or exponent of a number that stands somewhere."""
    span = rng.choice(payload.values)
    old = payload.text[span.start : span.end]
    found = list(_DIGITS.finditer(old))
    if not found:
        return _replace_value(payload, rng)
    place = rng.choice(found)
    bent = rng.choice(
        (
            lambda: place[0] + str(rng.randrange(10**6)),
            lambda: "-" + place[0],
            lambda: place[0] + "e" + str(rng.randrange(-45, 45)),
            lambda: place[0] + "." + str(rng.randrange(1, 10**9)),
            lambda: "0" + place[0],
            lambda: str(rng.randrange(10 ** rng.randrange(1, 42))),
            lambda: place[0][:-1],
        )
    )()
    return _splice(payload.text, span, old[: place.start()] + bent + old[place.end() :])


def _duplicate_member(payload: Payload, rng: Random) -> str:
    """The same key once more, with the same or another value, before or behind."""
    if not payload.members:
        return _replace_value(payload, rng)
    span = rng.choice(payload.members)
    member = payload.text[span.start : span.end]
    other = member
    if rng.random() < 0.7:
        found = re.match(r'"(?:[^"\\]|\\.)*"\s*:', member)
        assert found is not None, member
        other = found[0] + rng.choice(SCALARS)
    return _splice(payload.text, span, f"{member},{other}" if rng.random() < 0.5 else f"{other},{member}")


def _drop_member(payload: Payload, rng: Random) -> str:
    if not payload.members:
        return _replace_value(payload, rng)
    span = rng.choice(payload.members)
    end = span.end + 1 if payload.text[span.end : span.end + 1] == "," else span.end
    return payload.text[: span.start] + payload.text[end:]


def _rename_key(payload: Payload, rng: Random) -> str:
    """Another key in its place: of another member, or none that exists."""
    if not payload.members:
        return _replace_value(payload, rng)
    span, other = rng.choice(payload.members), rng.choice(payload.members)
    key = re.match(r'"(?:[^"\\]|\\.)*"', payload.text[other.start : other.end])
    old = re.match(r'"(?:[^"\\]|\\.)*"', payload.text[span.start : span.end])
    assert key is not None
    assert old is not None
    new = key[0] if rng.random() < 0.5 else '"x"'
    return payload.text[: span.start] + new + payload.text[span.start + old.end() :]


def _add_member(payload: Payload, rng: Random) -> str:
    """A field nobody has heard of."""
    if not payload.members:
        return _replace_value(payload, rng)
    at = rng.choice(payload.members).start
    return f'{payload.text[:at]}"new{rng.randrange(10)}":{rng.choice(SCALARS)},{payload.text[at:]}'


def _nest(payload: Payload, rng: Random) -> str:
    span = rng.choice(payload.values)
    depth = rng.choice((1, 2, 50, 99, 100, 101, 2000))
    old = payload.text[span.start : span.end]
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    return _splice(payload.text, span, opening * depth + old + closing * depth)


_JSON: Final[Sequence[Callable[[Payload, Random], str]]] = (
    *(_replace_value, _replace_value, _replace_value, _swap_values, _swap_values, _change_quotes, _bend_number),
    *(_bend_number, _bend_number, _duplicate_member, _drop_member, _rename_key, _add_member, _nest),
)


# --- at the level of bytes ---


def bend_bytes(data: bytes, rng: Random) -> bytes:
    """Return bytes with a piece cut, doubled, put in, flipped or replaced."""
    size = len(data)
    at, to = sorted((rng.randrange(size + 1), rng.randrange(size + 1)))
    match rng.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[to:]
        case 2:
            return data[:to] + data[at:to] + data[to:]
        case 3:
            return data[:at] + rng.choice(_RAW) + data[at:]
        case 4 if at < size:
            return data[:at] + bytes((data[at] ^ (1 << rng.randrange(8)),)) + data[at + 1 :]
    return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[to:]


@cache
def payload_of(text: str) -> Payload:
    """Return a payload; the places are found once."""
    return Payload.of(text)


def mutate(text: str, rng: Random) -> bytes:
    """Return a bent copy of a JSON text: once, sometimes more often, seldom not at all."""
    dice = rng.random()
    if dice < 0.02:
        return text.encode()
    if dice < 0.80:
        bent = rng.choice(_JSON)(payload_of(text), rng)
        if dice < 0.68:
            return bent.encode()
        if dice < 0.74:  # once more, where it is JSON still
            try:
                return rng.choice(_JSON)(Payload.of(bent), rng).encode()
            except (IndexError, AssertionError):
                return bent.encode()
        return bend_bytes(bent.encode(), rng)
    data = text.encode()
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = bend_bytes(data, rng)
    return data
