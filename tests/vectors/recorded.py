"""Damage to a recorded case: the same name, and almost the same text.

Most of a vector is checked by computing it. Some of it cannot be: nothing in the file says which bid a sample frame
should have. So the files we were given are kept beside this module, and a case that carries the name of a recorded
one and differs from it in a character or two is taken for a damaged copy. A case that differs more is another case
and stands on its own.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.vectors.cases import META, Case, Wrong, cases_of

_FOLDER = Path(__file__).parent / "recorded"
_MOST_DAMAGE = 2


@cache
def _recorded(venue: str) -> dict[tuple[str, str], str]:
    path = _FOLDER / f"{venue}.json"
    if not path.is_file():
        return {}
    document: dict[str, Any] = json.loads(path.read_text())
    return {
        (section, case.label): _canonical(case.data)
        for section, data in document.items()
        if section != META
        for case in cases_of(section, data)
        if not case.label.startswith("#")
    }


def _canonical(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)


def check_against_recorded(venue: str, case: Case) -> None:
    """Raise Wrong where the case is a damaged copy of a recorded one."""
    recorded = _recorded(venue).get((case.section, case.label))
    if recorded is None:
        return
    text = _canonical(case.data)
    if text != recorded and is_slight(text, recorded):
        raise Wrong(f"a damaged copy of the recorded case of this name: {_around(text, recorded)}")


def is_slight(one: str, other: str) -> bool:
    """Return whether two texts differ in one place by at most two characters."""
    head, tail = _common(one, other)
    return max(len(one), len(other)) - head - tail <= _MOST_DAMAGE


def _common(one: str, other: str) -> tuple[int, int]:
    """Length of the common head, and of the common tail of what follows it."""
    shorter = min(len(one), len(other))
    head = next((place for place in range(shorter) if one[place] != other[place]), shorter)
    rest = shorter - head
    tail = next((place for place in range(rest) if one[-1 - place] != other[-1 - place]), rest)
    return head, tail


def _around(text: str, recorded: str) -> str:
    head, _ = _common(text, recorded)
    start = max(0, head - 20)
    return f"...{text[start : head + 20]}... instead of ...{recorded[start : head + 20]}..."
