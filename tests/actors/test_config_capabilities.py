"""The README's table of capabilities says what the code says."""

from dataclasses import fields
from pathlib import Path

from actors.config.capabilities import capabilities_table, capability_meanings
from actors.config.samples import replace_block
from exchanges import VENUES
from exchanges.venue import Capabilities

ROOT = Path(__file__).resolve().parents[2]


def rows():
    lines = capabilities_table().splitlines()
    return {cells[0]: cells[1:] for line in lines for cells in [[cell.strip() for cell in line.strip("|").split("|")]]}


def test_readme_table_is_up_to_date():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "<!-- generated: capabilities -->" in readme
    assert replace_block(readme, "capabilities", capabilities_table()) == readme, "run .ci/generate"


def test_every_capability_has_a_row_with_its_meaning():
    meanings = capability_meanings()
    assert set(meanings) == {each.name for each in fields(Capabilities)}
    assert all(len(text) > 10 for text in meanings.values())
    table = rows()
    for name, text in meanings.items():
        assert table[f"`{name}`"][-1] == text


def test_every_venue_has_a_column_with_its_own_values():
    table = rows()
    assert table["capability"] == [*VENUES, "meaning"]
    for column, find in enumerate(VENUES.values()):
        capabilities = find().capabilities
        assert table["`reply_is_acceptance`"][column] == ("yes" if capabilities.reply_is_acceptance else "no")
        assert float(table["`fence_s`"][column]) == capabilities.fence_s
        assert table["networks"][column] == ", ".join(find().endpoints)
    assert "2400 / 60 s" in table["budget of requests"][list(VENUES).index("aster")]
    assert "30 / 60 s" in table["budget of readings of history"][list(VENUES).index("backpack")]
