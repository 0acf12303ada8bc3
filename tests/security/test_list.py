"""The table of this package says what is kept where: every place and every proof in it must be there."""

from pathlib import Path

import pytest

import tests.security

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (tests.security.__doc__ or "").splitlines()
    if line.startswith("| ") and not line.startswith("| E ")
]


def test_every_item_of_the_list_has_a_row():
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 22)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"E{row[0]}")
def test_places_and_proofs_exist(row):
    _, what, places, proofs = row
    assert what
    assert places
    assert proofs
    for name in (*places.split(), *proofs.split()):
        assert (ROOT / name).is_file(), name
    assert all("def test_" in (ROOT / name).read_text() for name in proofs.split())
