"""A JSON object of a venue, read strictly: a missing key or a value of another kind is malformed, nothing is guessed.

Every venue's parser derives its own `Fields` with the venue's name and its words for sides and states.
"""

import re
from decimal import Context, Decimal
from typing import Any, ClassVar, Final

from exchanges.errors import MalformedMessage

NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_SHORT: Final = re.compile(r"[+-]?[0-9]{1,16}(\.[0-9]{1,16})?")
_EXACT: Final = Context(prec=34)
"""The digits that the bot's arithmetic keeps (`actors.base.decimal_context`): a number with more would be rounded by
the first sum it goes into. Venues compute with at most 28."""
_LARGEST_MAGNITUDE: Final = 20
_SMALLEST_MAGNITUDE: Final = -30
"""Powers of ten of the first digit. No price, quantity or total is beyond; and a JSON number may be `1e999999999`,
which is finite and does not fit the memory when it is spelled out."""
_MOST_ID_DIGITS: Final = 40
_LARGEST_WHOLE: Final = 10**_MOST_ID_DIGITS
LATEST_NS: Final = 2**63 - 1
"""The year 2262. A time beyond does not fit the 64 bits that the journal keeps of it."""


class WireFields:
    """One JSON object whose values are read strictly; `where` names the payload in errors."""

    __slots__ = ("_data", "_where")
    exchange: ClassVar[str] = ""

    def __init__(self, data: object, where: str) -> None:
        self._where = where
        if not isinstance(data, dict):
            raise malformed(self.exchange, where, f"an object was expected, not {type(data).__name__}", data)
        self._data: dict[str, Any] = data

    def has(self, key: str) -> bool:
        """Return whether the key is there and not null."""
        return self._data.get(key) is not None

    def get(self, key: str) -> Any:  # noqa: ANN401 - a value that its caller checks
        """Return the value as decoded."""
        try:
            return self._data[key]
        except KeyError:
            raise self.error(f"{key} is missing") from None

    def text(self, key: str) -> str:
        """Return a string value (may be empty)."""
        value = self.get(key)
        if type(value) is not str:
            raise self.error(f"{key} is not a string")
        return value

    def number(self, key: str) -> Decimal:
        """Return a number given as text or as JSON number, exactly: one that arithmetic would round is malformed."""
        value = self.get(key)
        kind = type(value)
        if kind is str:
            if _SHORT.fullmatch(value) is not None:  # what venues send: nothing below can be wrong with it
                return Decimal(value)
            if _NUMBER.fullmatch(value) is None:
                raise self.error(f"{key} is not a number")
            value = Decimal(value)
        elif kind is int and -_LARGEST_WHOLE < value < _LARGEST_WHOLE:
            value = Decimal(value)
        elif kind is not Decimal or not value.is_finite():
            raise self.error(f"{key} is not a number")
        if value and not _SMALLEST_MAGNITUDE <= value.adjusted() <= _LARGEST_MAGNITUDE:
            raise self.error(f"{key} is too large or too small")
        exact = _EXACT.plus(value)
        if exact != value:
            raise self.error(f"{key} has more digits than are computed with")
        return exact

    def amount(self, key: str) -> Decimal:
        """Return a number that is not negative."""
        value = self.number(key)
        if value < 0:
            raise self.error(f"{key} is negative")
        return value

    def whole(self, key: str) -> int:
        """Return an integer of at most 40 digits."""
        value = self.get(key)
        if type(value) is not int or not -_LARGEST_WHOLE < value < _LARGEST_WHOLE:
            raise self.error(f"{key} is not an integer")
        return value

    def flag(self, key: str) -> bool:
        """Return a boolean."""
        value = self.get(key)
        if type(value) is not bool:
            raise self.error(f"{key} is not true or false")
        return value

    def time_ns(self, key: str) -> int:
        """Return a time given in milliseconds, in nanoseconds."""
        value = self.whole(key)
        if not 0 <= value <= LATEST_NS // NS_PER_MS:
            raise self.error(f"{key} is not a time in milliseconds")
        return value * NS_PER_MS

    def micro_time_ns(self, key: str) -> int:
        """Return a time given in microseconds, in nanoseconds."""
        value = self.whole(key)
        if not 0 <= value <= LATEST_NS // NS_PER_US:
            raise self.error(f"{key} is not a time in microseconds")
        return value * NS_PER_US

    def identifier(self, key: str) -> str:
        """Return an id (a positive integer, or its digits, at most 40) as text."""
        value = self.get(key)
        if type(value) is int and 0 < value < _LARGEST_WHOLE:
            return str(value)
        if type(value) is str and value.isascii() and value.isdigit() and len(value) <= _MOST_ID_DIGITS:
            return value
        raise self.error(f"{key} is not an id")

    def items(self, key: str) -> list[Any]:
        """Return a list."""
        value = self.get(key)
        if type(value) is not list:
            raise self.error(f"{key} is not a list")
        return value

    def error(self, text: str) -> MalformedMessage:
        """Return the error that says what is wrong with this object."""
        return malformed(self.exchange, self._where, text, self._data)


def malformed(exchange: str, where: str, text: str, data: object) -> MalformedMessage:
    """Return a MalformedMessage with a short excerpt of what was read."""
    return MalformedMessage(exchange, where, text, excerpt=str(data))


def rows_of(exchange: str, data: object, where: str) -> list[Any]:
    """Return a list as it came; anything else is malformed."""
    if not isinstance(data, list):
        raise malformed(exchange, where, f"a list was expected, not {type(data).__name__}", data)
    return data
