"""What a reading may contain, found by a second reading of the same bytes that shares nothing with the product's.

Numbers stay texts until they are compared exactly; keys that stand twice, NaN, Infinity, half a surrogate pair and
bytes that are not UTF-8 are noticed, so that a reading that accepts them is caught.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

from exchanges.reports import (
    AccountReport,
    ActiveOrders,
    BestPrice,
    FillReport,
    OrderReport,
    PositionReport,
    StreamNotice,
)

EXACT_DIGITS: Final = 34
"""What the bot's arithmetic keeps (actors.base.decimal_context): a number with more would be rounded somewhere."""
_LATEST_NS: Final = 2**63
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WIDE: Final = Context(prec=6000, traps=[InvalidOperation])


class Unreadable(Exception):
    """The bytes hold what no reading may accept."""


class _Pairs(list[tuple[str, Any]]):
    """An object with its members in their order."""


class _Number(str):
    """A number as it is spelled."""

    __slots__ = ()


def _refuse(name: str) -> Any:
    raise Unreadable(f"{name} is not a number")


def _pairs(members: list[tuple[str, Any]]) -> _Pairs:
    if len({key for key, _ in members}) < len(members):
        raise Unreadable("a key stands twice")
    return _Pairs(members)


_DECODER: Final = json.JSONDecoder(
    parse_float=_Number, parse_int=_Number, parse_constant=_refuse, object_pairs_hook=_pairs
)


@dataclass(slots=True)
class Said:
    """Everything that stands in a payload: the numbers, exactly, and the texts."""

    numbers: set[Decimal] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def add(self, node: Any) -> None:
        """Take a value and everything inside it; JSON inside texts too."""
        if isinstance(node, _Pairs):
            for key, value in node:
                _encodable(key)
                self.add(value)
        elif isinstance(node, list):
            for value in node:
                self.add(value)
        elif isinstance(node, str):
            self._add_text(node)

    def _add_text(self, text: str) -> None:
        _encodable(text)
        self.texts.add(str(text))
        if len(text) < 200 and _NUMBER.fullmatch(text):
            try:
                self.numbers.add(_WIDE.create_decimal(text))
            except InvalidOperation:  # an exponent beyond everything: no reading may have it
                return
        elif text[:1] in ("{", "[") and not isinstance(text, _Number):
            try:
                self.add(_DECODER.decode(text))
            except (ValueError, Unreadable):  # a text that only begins like JSON, or one that nobody has to read
                return

    def __contains__(self, value: Decimal) -> bool:
        return value == 0 or value in self.numbers or -value in self.numbers


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable("half a surrogate pair") from None


def read_again(data: bytes) -> Said:
    """Return what stands in a payload. Raises Unreadable where nothing may be read out of it."""
    said = Said()
    try:
        said.add(_DECODER.decode(data.decode()))
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from None
    return said


# --- what was read ---


@dataclass(frozen=True, slots=True)
class Given:
    """What a reading may hold besides what was said: what was asked with, and steps of wire integers."""

    numbers: frozenset[Decimal] = frozenset()
    units: tuple[Decimal, ...] = ()
    texts: frozenset[str] = frozenset()


def wrong_in(value: object, said: Said, given: Given) -> str | None:
    """Return what is wrong in a reading, None where every number in it was said."""
    for where, number in _numbers_of(value):
        if not number.is_finite():
            return f"{where} is {number}"
        if len(number.normalize(_WIDE).as_tuple().digits) > EXACT_DIGITS:
            return f"{where} has more digits than the arithmetic keeps: {number}"
        if not _is_said(number, said, given):
            return f"{where} is {number}, which was not said"
    for where, text in _ids_of(value):
        if text not in said.texts and text not in given.texts:
            return f"{where} is {text[:60]}, which was not said"
    for where, moment in _times_of(value):
        if not 0 <= moment < _LATEST_NS:
            return f"{where} is {moment}, which is no time"
    return None


def _is_said(number: Decimal, said: Said, given: Given) -> bool:
    if number in said or number in given.numbers:
        return True
    return any(_WIDE.divide(number, unit) in said for unit in given.units)


_EXACT: Final[dict[type, tuple[str, ...]]] = {
    OrderReport: ("price", "quantity", "filled"),
    FillReport: ("price", "quantity", "cumulative", "order_quantity"),
    PositionReport: ("quantity", "entry_price"),
    AccountReport: ("equity", "available"),
    BestPrice: ("bid", "ask"),
}


def _parts_of(value: object) -> Iterator[object]:
    if isinstance(value, tuple | list):
        for each in value:
            yield from _parts_of(each)
    elif isinstance(value, ActiveOrders):
        yield from value.orders
    else:
        yield value


def _numbers_of(value: object) -> Iterator[tuple[str, Decimal]]:
    for part in _parts_of(value):
        for name in _EXACT.get(type(part), ()):
            number = getattr(part, name)
            if number is not None:
                yield f"{type(part).__name__}.{name}", number


def _ids_of(value: object) -> Iterator[tuple[str, str]]:
    for part in _parts_of(value):
        if isinstance(part, OrderReport | FillReport) and part.order_id is not None:
            yield "order_id", part.order_id
        if isinstance(part, FillReport) and part.trade_id is not None:
            yield "trade_id", part.trade_id


def _times_of(value: object) -> Iterator[tuple[str, int]]:
    for part in _parts_of(value):
        if isinstance(part, OrderReport | FillReport | BestPrice | PositionReport):
            yield "occurred_ns", part.occurred_ns


def texts_of(values: Iterable[object]) -> Iterator[str]:
    """The texts of notices: they go to people and logs."""
    for value in values:
        if isinstance(value, StreamNotice):
            yield value.text
