"""Vector files as sections and cases, and what a case must hold.

Counting rule, the same for every file: an element of a list section is a case, so is an element of a section's
`cases`; a section that has a name of its own, or is nothing but true or false, is one case; of any other section every
entry is one, except its notes (`NOT_CASES`). `meta` has no cases. A section without cases, of an unknown name or of the
wrong shape counts as one failing case more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

META = "meta"
NOT_CASES = frozenset({"note", "vector", "callback_tuple"})


class Unusable(Exception):
    """The file cannot be opened at all."""


class Wrong(Exception):
    """A case does not hold; the text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a section. `label` names it in failure lines."""

    section: str
    label: str
    data: Any


def load(path: Path) -> Any:
    """Return the decoded file.

    Raises:
        Unusable: it cannot be read.
        Wrong: it is not JSON, or an object in it has a key twice.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise Wrong(f"not UTF-8 at byte {error.start}") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"not readable as JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"keys appear twice in one object: {', '.join(twice)}")
    return found


def cases_of(section: str, data: object) -> list[Case]:
    """Return the cases of a section by the counting rule; an empty list where it has none or no shape to have some."""
    if isinstance(data, Mapping) and isinstance(data.get("name"), str):
        return [Case(section, data["name"], data)]
    if isinstance(data, Mapping) and "cases" in data:
        data = data["cases"]
    if isinstance(data, list):
        return [Case(section, label_of(row, index), row) for index, row in enumerate(data)]
    if isinstance(data, Mapping):
        return [Case(section, key, value) for key, value in data.items() if key not in NOT_CASES]
    return [Case(section, section, data)] if isinstance(data, bool) else []


def label_of(row: object, index: int) -> str:
    """Return the name of a list element, its place where it has none."""
    if isinstance(row, Mapping):
        for key in ("name", "id", "when"):
            if isinstance(row.get(key), str):
                return str(row[key])
        if isinstance(row.get("method"), str) and isinstance(row.get("path"), str):
            return f"{row['method']} {row['path']}"
    return f"#{index + 1}"


def need(data: object, *keys: str) -> Mapping[str, Any]:
    """Return `data` as an object that has the keys. Raises Wrong naming those that are missing."""
    if not isinstance(data, Mapping):
        raise Wrong(f"an object was expected, not {type(data).__name__}")
    missing = [key for key in keys if key not in data]
    if missing:
        raise Wrong(f"missing: {', '.join(missing)}")
    return data


def text_of(data: Mapping[str, Any], key: str) -> str:
    """Return a string value. Raises Wrong where it is none."""
    value = data.get(key)
    if not isinstance(value, str):
        raise Wrong(f"{key} is not a string: {value!r:.60}")
    return value


def whole_of(data: Mapping[str, Any], key: str) -> int:
    """Return an integer value. Raises Wrong where it is none."""
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(f"{key} is not an integer: {value!r:.60}")
    return value


def decimal_of(data: Mapping[str, Any], key: str) -> Decimal:
    """Return a decimal given as text. Raises Wrong where it is none."""
    text = text_of(data, key)
    digits = text.removeprefix("-").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()):
        raise Wrong(f"{key} is not a number: {text!r:.60}")
    return Decimal(text)


def pairs_of(data: Mapping[str, Any], key: str) -> tuple[tuple[str, str], ...]:
    """Return a list of [name, text] pairs. Raises Wrong where it is none."""
    rows = data.get(key)
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == 2 and all(isinstance(part, str) for part in row) for row in rows
    ):
        raise Wrong(f"{key} is not a list of [name, text] pairs")
    return tuple((name, value) for name, value in rows)


def same(what: str, ours: object, theirs: object) -> None:
    """Raise Wrong where two values differ."""
    if ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):  # True == 1 is no agreement
        raise Wrong(f"{what}: ours {_short(ours)}, the file's {_short(theirs)}")


def _short(value: object) -> str:
    text = str(value) if isinstance(value, (Decimal, str)) else repr(value)
    return text if len(text) <= 90 else f"{text[:42]}...{text[-42:]}"


def one_of(what: str, ours: object, theirs: Sequence[object]) -> None:
    """Raise Wrong where our value is none of the allowed ones."""
    if ours not in theirs:
        raise Wrong(f"{what}: ours {_short(ours)}, the file allows {_short(list(theirs))}")
