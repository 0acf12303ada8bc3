"""What a search found, and the limits that every single reading has to keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import localcontext
from typing import Final, Self

from actors.base import decimal_context

SLOWEST_S: Final = 1.0
"""Processor time of one reading. The slowest honest one takes a few milliseconds."""
_MOST_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """One payload that was not dealt with as it has to be."""

    venue: str
    where: str
    what: str
    data: bytes

    def __str__(self) -> str:
        shown = self.data if len(self.data) <= 600 else self.data[:600] + b"..."
        return f"{self.venue} {self.where}: {self.what}\n    {shown!r}"


@dataclass(slots=True)
class Tally:
    """What a search did: readings by outcome, and the failures (the first few whole)."""

    readings: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)

    def fail(self, failure: Failure) -> None:
        """Count a failure; one like another is kept once."""
        self.failed += 1
        known = {(each.where, each.what[:40]) for each in self.failures}
        if len(self.failures) < _MOST_KEPT and (failure.where, failure.what[:40]) not in known:
            self.failures.append(failure)

    def __iadd__(self, other: "Tally") -> Self:
        self.readings += other.readings
        self.accepted += other.accepted
        self.refused += other.refused
        for failure in other.failures:
            self.fail(failure)
        self.failed += other.failed - len(other.failures)
        return self


@contextmanager
def as_in_the_bot() -> Iterator[None]:
    """The number rules of the bot's threads."""
    with localcontext(decimal_context()):
        yield
