"""Which venue's vectors can be run, and by what.

A venue brings a `Book`: for each section name a function that checks one case, given the whole file (cases of one
section refer to others).
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.vectors.cases import Case

Check = Callable[[Case], None]
"""Raises `Wrong` where the case does not hold, and nothing else; returns where it does."""


class Book(Protocol):
    """The checks of one file."""

    def check_for(self, section: str) -> Check | None:
        """Return the check of a section's cases, None for a section this venue does not have."""
        ...


def _aster(document: Mapping[str, Any]) -> Book:
    from tests.vectors.aster import AsterBook  # noqa: PLC0415 - a venue's client is imported when its file is run

    return AsterBook(document)


def _backpack(document: Mapping[str, Any]) -> Book:
    from tests.vectors.backpack import BackpackBook  # noqa: PLC0415 - see above

    return BackpackBook(document)


def _lighter(document: Mapping[str, Any]) -> Book:
    from tests.vectors.lighter import LighterBook  # noqa: PLC0415 - see above

    return LighterBook(document)


BOOKS: Mapping[str, Callable[[Mapping[str, Any]], Book]] = {
    "aster": _aster,
    "backpack": _backpack,
    "lighter": _lighter,
}
"""Venue -> what makes the book of a file."""


def venue_of(exchange: str) -> str | None:
    """Return the venue that `meta.exchange` names, for example "Aster perpetuals (USDT margined futures)"."""
    words = "".join(letter if letter.isalnum() else " " for letter in exchange.lower()).split()
    for word in words:
        if word in BOOKS:
            return word
    return None
