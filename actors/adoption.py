"""What an operator's `adopt` has done, told from two pictures of each grid: before and after the closer took it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.grid.positions import held
from actors.grid.state import ExitBook
from actors.status import GridStatus
from exchanges.rounding import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """One grid that had a difference. Quantities are in the grid's direction, except `external`, which is signed.

    Attributes:
        is_booked: Whether the difference was booked; one that is not proven yet is not.
        position: What the venue holds of the grid's position by the readings.
        lots_before, lots_after: What the lots held.
        external: Signed position in the market that counts as somebody else's now.
    """

    is_booked: bool
    position: Decimal
    lots_before: Decimal
    lots_after: Decimal
    external: Decimal


def adoptions(before: tuple[GridStatus, ...], after: tuple[GridStatus, ...], grid: str = "") -> dict[str, Adoption]:
    """Return what became of every difference of `before`, by grid; `grid` empty means all."""
    books = {status.name: status.book for status in after}
    found = {}
    for status in before:
        book, then = status.book, books.get(status.name)
        position = None if book is None else difference(book)
        if book is None or then is None or position is None or grid not in ("", status.name):
            continue
        found[status.name] = Adoption(
            is_booked=book.mismatch is not None and then.mismatch is None,
            position=position,
            lots_before=held(book),
            lots_after=held(then),
            external=then.external,
        )
    return found


def difference(book: ExitBook) -> Decimal | None:
    """Return what the venue holds of the position by readings that differ from the lots, None where none does.

    Where fills came since, it is what is nearest to the lots; if that is what they hold, nothing differs for certain.
    """
    if book.mismatch is not None:
        position = min(max(held(book), book.mismatch.least), book.mismatch.most)
        return None if position == held(book) else position
    return None if book.suspicion is None else book.suspicion.held


def answer(found: Mapping[str, Adoption]) -> dict[str, Any]:
    """Return the answer for `--adopt`: what was booked and what cannot be yet, JSON-ready, decimals as text."""
    booked = {name: _facts(one) for name, one in found.items() if one.is_booked}
    waiting = {name: _facts(one) for name, one in found.items() if not one.is_booked}
    text = "booked as somebody else's" if booked else "no proven difference: nothing was booked"
    if waiting:
        text += f"; not proven yet: {', '.join(waiting)} (say it again after the next audits)"
    return {"result": text, "adopted": booked, "unproven": waiting}


def _facts(one: Adoption) -> dict[str, str]:
    return {
        "position": plain(one.position),
        "lots_before": plain(one.lots_before),
        "lots_after": plain(one.lots_after),
        "external": plain(one.external),
    }
