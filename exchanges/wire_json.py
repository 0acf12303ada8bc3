"""JSON as it crosses our border: numbers become `Decimal`, nonsense is refused.

The decoder takes bytes (so that invalid UTF-8 is refused here and the WebSocket library's slow check can stay off),
refuses NaN and Infinity, refuses a key that stands twice in one object (which of both is meant is anybody's guess) and
half a surrogate pair (a text that no file and no database takes), and caps nesting before Python's own scanner sees it:
that scanner descends as far as the process's recursion limit allows, and a library that raises the limit turns a
hostile frame into a crash of the process.
"""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from exchanges.errors import MalformedMessage


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_MAX_DEPTH = 100
"""No venue nests deeper than ten."""

_BRACKET = re.compile(r"[\[\]{}]")


def is_too_deep(text: str) -> bool:
    """Whether brackets nest deeper than allowed. Brackets inside strings count too: harmless, no venue sends so many.

    Counting opening brackets first costs well under a microsecond for a frame; only large replies are walked.
    """
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return False
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] in "[{" else -1
        if depth > _MAX_DEPTH:
            return True
    return False


_LARGEST_EXPONENT = 400
"""Spelled out, a number of twenty signs may have a billion digits. No float goes beyond 308."""


def _fraction(text: str) -> Decimal:
    value = Decimal(text)
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError("a number beyond all measure")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


_SURROGATE = re.compile(r"[\ud800-\udfff]")


def _holds_half_a_pair(value: object) -> bool:
    """Whether a text in a decoded value cannot be encoded. Whole pairs are one character by now."""
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_holds_half_a_pair(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(map(_holds_half_a_pair, value))


_DECODER = json.JSONDecoder(parse_float=_fraction, parse_constant=_refuse_constant, object_pairs_hook=_object)


def decode(data: bytes | str, exchange: str, operation: str) -> Any:  # noqa: ANN401 - the border: what comes in has no type yet
    """Return the decoded value; fractional numbers are Decimal.

    Raises:
        MalformedMessage: the bytes are not UTF-8, not JSON, too deep, or hold NaN, Infinity, a number beyond 1e400, a
            key twice or half a surrogate pair.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        if is_too_deep(text):
            raise ValueError(f"nested deeper than {_MAX_DEPTH}")  # noqa: TRY301 - one way out for everything unreadable
        value = _DECODER.decode(text)
        if ("\\ud" in text or "\\uD" in text) and _holds_half_a_pair(value):
            raise ValueError("half a surrogate pair")  # noqa: TRY301 - as above
        return value  # noqa: TRY300 - it belongs to what is read above
    except (ValueError, ArithmeticError) as error:
        excerpt = data[:1000].decode(errors="replace") if isinstance(data, bytes) else data
        raise MalformedMessage(exchange, operation, f"not readable as JSON: {error}", excerpt=excerpt) from None


def encode(value: object) -> str:
    """Return compact JSON text; Decimal becomes its plain text as a string."""
    return json.dumps(value, separators=(",", ":"), default=_encode_decimal)


def _encode_decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} does not go into JSON")
