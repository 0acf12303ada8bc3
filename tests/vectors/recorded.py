"""Damage to a recorded case: everything as it was, but for one value.

Most of a vector is checked by computing it. Some of it cannot be: nothing in the file says which bid a sample frame
should have. So the files we were given are kept beside this module, and a case that differs from the recorded one of
its name in exactly one value or one key, or in nothing but its name, is taken for a damaged copy. A case that differs
in more is another case and stands on its own.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests.vectors.cases import META, Case, Wrong, cases_of

_FOLDER = Path(__file__).parent / "recorded"
_ABSENT = object()
_NAMES = frozenset({("name",), ("id",)})
_PROSE = frozenset({"note", "status", "confirmed_by", "rule", "ccxt_note"})
"""Words for people: rewording them damages nothing."""

Leaves = dict[tuple[str, ...], Any]


@cache
def _recorded(venue: str) -> dict[str, dict[str, Leaves]]:
    """Section -> name -> values by their place."""
    path = _FOLDER / f"{venue}.json"
    if not path.is_file():
        return {}
    document: dict[str, Any] = json.loads(path.read_text())
    return {
        section: {
            case.label: dict(_leaves(case.data)) for case in cases_of(section, data) if not case.label.startswith("#")
        }
        for section, data in document.items()
        if section != META
    }


def _leaves(data: object, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(data, dict) and data:
        for key, value in data.items():
            if (
                key not in _PROSE
                or "order_index" in data
                or isinstance(data.get("orderId"), int)
                or isinstance(value, int)
            ):  # an order's `status` is no prose
                yield from _leaves(value, (*place, key))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from _leaves(value, (*place, str(index)))
    else:
        # A fraction is a float or a Decimal, as whoever decoded the file likes it.
        yield place, (Decimal.__name__ if isinstance(data, float) else type(data).__name__, str(data))


def check_against_recorded(venue: str, case: Case) -> None:
    """Raise Wrong where the case is a damaged copy of a recorded one."""
    section = _recorded(venue).get(case.section, {})
    if case.label.startswith("#") or not section:
        return
    leaves = dict(_leaves(case.data))
    recorded = section.get(case.label)
    if recorded is None:
        _check_name(case.label, leaves, section)
        return
    place = only_difference(leaves, recorded)
    if place is not None:
        raise Wrong(
            f"a damaged copy of a recorded case: {'.'.join(place) or 'the value'} is "
            f"{_shown(leaves.get(place))} instead of {_shown(recorded.get(place))}"
        )


def _check_name(label: str, leaves: Leaves, section: dict[str, Leaves]) -> None:
    """A case of a new name must not be a recorded one in everything else."""
    rest = _nameless(label, leaves)
    for name, recorded in section.items():
        if rest == _nameless(name, recorded):
            raise Wrong(f"a damaged copy of the recorded case {name}: its name is another")


def _nameless(label: str, leaves: Leaves) -> Leaves:
    """Return the values without the one that is the case's name; an `id` that says something else is a value."""
    return {place: value for place, value in leaves.items() if place not in _NAMES or value[1] != label}


def only_difference(one: Leaves, other: Leaves) -> tuple[str, ...] | None:
    """Return the place of the only difference between two cases: a value, a key, or one that came or went."""
    places = [place for place in one.keys() | other.keys() if one.get(place, _ABSENT) != other.get(place, _ABSENT)]
    if len(places) == 1:
        return places[0]
    if len(places) == 2:  # a renamed key shows as one place gone and one new, with the same value
        gone, new = sorted(places, key=lambda place: place in one)
        if gone in other and new in one and other[gone] == one[new]:
            return new
    return None


def _shown(leaf: Any) -> str:
    return "missing" if leaf is None else repr(leaf[1])[:60]
