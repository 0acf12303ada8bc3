"""Card AC-00, and what holds for the cards themselves."""

import ast
import re
from pathlib import Path

import pytest

from exchanges import VENUES
from tests.contract.venues import DIALECTS, MISSING, SUBJECTS

_FOLDER = Path(__file__).parent
_MISSION = ("aster", "backpack", "lighter")


def _venues():
    return [*_each_venue()]


def _each_venue():
    for name in sorted({*_MISSION, *(subject.name for subject in SUBJECTS), *MISSING}):
        missing = MISSING.get(name)
        marks = [pytest.mark.xfail(reason=f"no card runs on it: {missing}", strict=True)] if missing else []
        yield pytest.param(name, marks=marks, id=name)


@pytest.mark.parametrize("name", _venues())
def test_ac_00_every_venue_has_client_and_face(name):
    """AC-00: the cards run on every venue that the product names. One without client or face is an expected failure
    that names what is missing, and turns into an error as soon as it is there and this card still calls it missing.
    """
    assert name in VENUES
    assert name in {subject.name for subject in SUBJECTS}, MISSING.get(name, "not registered")
    assert name in DIALECTS


def cards():
    """Every card: (file, function, docstring)."""
    for path in sorted(_FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and re.match(r"test_ac_\d\d_", node.name):
                yield path.name, node.name, ast.get_docstring(node) or ""


def test_every_card_has_an_id_of_its_own_and_says_what_it_proves():
    numbers = []
    for file, name, text in cards():
        number = name.removeprefix("test_ac_")[:2]
        assert text.startswith(f"AC-{number}: "), f"{file}: {name} does not begin with its id"
        assert len(text) > 80, f"{file}: {name} does not say what it proves"
        numbers.append(int(number))
    assert sorted(numbers) == list(range(len(numbers)))


def test_cards_that_differ_by_dialect_name_the_sections():
    named = [text for _, _, text in cards() if all(re.search(rf"\b{venue.title()} \d", text) for venue in _MISSION)]
    assert len(named) >= 20


def test_no_card_asks_for_the_name_of_a_venue():
    pattern = re.compile(r"\.name\s*(==|!=|in\b)|(==|!=|in)\s*\(?[\"'](aster|backpack|lighter)[\"']")
    for path in sorted(_FOLDER.glob("*.py")):
        if path.name not in ("venues.py", "test_cards.py"):
            assert not pattern.search(path.read_text(encoding="utf-8")), f"{path.name} asks for a venue's name"
