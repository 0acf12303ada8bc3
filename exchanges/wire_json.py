"""JSON as it crosses our border: numbers become `Decimal`, nonsense is refused.

The decoder takes bytes (so that invalid UTF-8 is refused here and the WebSocket library's slow check can stay off),
refuses NaN and Infinity, and caps
nesting by refusing what Python's own scanner refuses (RecursionError).
"""

import json
from decimal import Decimal
from typing import Any, NoReturn

from exchanges.errors import MalformedMessage


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def decode(data: bytes | str, exchange: str, operation: str) -> Any:  # noqa: ANN401 - the border: what comes in has no type yet
    """Return the decoded value; fractional numbers are Decimal.

    Raises:
        MalformedMessage: the bytes are not UTF-8, not JSON, too deep, or hold NaN, Infinity or a number beyond Decimal.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        return _DECODER.decode(text)
    except (ValueError, ArithmeticError, RecursionError) as error:
        excerpt = data[:200].decode(errors="replace") if isinstance(data, bytes) else data[:200]
        raise MalformedMessage(exchange, operation, f"not readable as JSON: {error}", excerpt=excerpt) from None


def encode(value: object) -> str:
    """Return compact JSON text; Decimal becomes its plain text as a string."""
    return json.dumps(value, separators=(",", ":"), default=_encode_decimal)


def _encode_decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} does not go into JSON")
