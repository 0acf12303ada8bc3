"""Generated files are up to date, and nothing about a setting is written twice."""

from pathlib import Path

import pytest

from actors.config.samples import (
    PAPER,
    Sample,
    SampleSection,
    render_sample,
    replace_block,
    sample_files,
    section_settings,
    settings_table,
)
from actors.config.schema import SECTIONS
from actors.config.source import read_document
from actors.watches import watches_table
from exchanges import VENUES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", ["conf/paper.ini", "conf/live.ini"])
def test_sample_file_is_up_to_date(path):
    assert (ROOT / path).read_text(encoding="utf-8") == sample_files()[path], "run .ci/generate"


def test_readme_table_is_up_to_date():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "<!-- generated: settings -->" in readme
    assert replace_block(readme, "settings", settings_table()) == readme, "run .ci/generate"
    assert "<!-- generated: watchdogs -->" in readme
    assert replace_block(readme, "watchdogs", watches_table()) == readme, "run .ci/generate"


def test_table_names_every_setting_once_per_section():
    table = settings_table()
    for section in [*SECTIONS, *(f"exchange.{venue}" for venue in VENUES)]:
        for name, setting in section_settings(section).items():
            assert f"| `{name}` |" in table
            assert setting.spec.help.replace("|", "\\|") in table


def test_live_sample_shows_every_setting_of_its_sections():
    document = read_document(sample_files()["conf/live.ini"])
    assert document.problems == []
    for section in set(SECTIONS) - {"paper"} | {"exchange.aster"}:
        assert set(document.sections[section]) == set(section_settings(section))


def test_paper_sample_leaves_out_what_means_nothing_there():
    document = read_document(sample_files()["conf/paper.ini"])
    assert document.sections["exchange.aster"] == {}
    assert "notify" not in document.sections
    assert document.get("desk", "on_stop").value == "leave_exits"


def test_render_when_a_section_sets_an_unknown_key_is_refused():
    sections = (SampleSection(name="desk", values={"nam": "x"}),)
    with pytest.raises(KeyError, match="nam"):
        render_sample(Sample(path="x", notes=(), sections=sections, paper=True))


def test_render_when_a_required_value_is_missing_is_refused():
    with pytest.raises(KeyError, match="name needs a value"):
        render_sample(Sample(path="x", notes=(), sections=(SampleSection(name="desk"),), paper=True))
    assert render_sample(PAPER).count("[desk]") == 1


def test_replace_block_touches_nothing_else():
    text = "a\n<!-- generated: t -->\nold\n<!-- end generated -->\nb\n"
    assert replace_block(text, "t", "new") == text.replace("old", "new")
    assert replace_block(text, "other", "new") == text
    assert replace_block("no block", "t", "new") == "no block"
