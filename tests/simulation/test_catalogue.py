"""The table of the fault catalogue tells of things that exist."""

import json

import pytest

from tests.simulation.catalogue import OPEN, ROWS, TESTS, is_covered, kinds_of, main
from tests.simulation.faults import KINDS
from tests.simulation.named_tests import exists


def test_the_catalogue_has_its_84_rows() -> None:
    counts = {letter: sum(row.startswith(letter) for row in ROWS) for letter in "OWMPV"}
    assert counts == {"O": 24, "W": 21, "M": 10, "P": 17, "V": 12}


def test_every_row_is_covered_or_said_to_be_open() -> None:
    assert [row for row in ROWS if not is_covered(row)] == sorted(OPEN, key=list(ROWS).index)


@pytest.mark.parametrize("row", sorted(TESTS))
def test_every_named_test_exists(row: str) -> None:
    assert row in ROWS
    assert [named for named in TESTS[row] if not exists(named)] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert not exists("exchanges/test_fills.py::test_that_nobody_wrote")
    assert not exists("exchanges/test_that_nobody_wrote.py::*")


def test_every_kind_stands_for_rows_of_the_catalogue() -> None:
    assert {name: kind.rows for name, kind in KINDS.items() if not set(kind.rows.split()) <= set(ROWS)} == {}
    assert all(kind.rows for kind in KINDS.values())


def test_the_table_says_how_many_rows_are_covered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["covered"], told["total"]) == (len(ROWS) - len(OPEN), len(ROWS))
    assert main([]) == 0
    simulated = sum(bool(kinds_of(row)) for row in ROWS)
    assert f"{told['covered']} of 84 rows covered, {simulated} of them in the simulation" in capsys.readouterr().out
