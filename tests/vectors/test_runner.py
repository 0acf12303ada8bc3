"""The command: counting, exit codes, and every file it must refuse."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.__main__ import main
from tests.vectors.cases import Unusable
from tests.vectors.runner import run_document, run_file

RECORDED = Path(__file__).parent / "recorded" / "aster.json"
SHARED = Path(__file__).parents[3] / "shared" / "venues"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not beside this checkout")


def document() -> dict[str, Any]:
    return json.loads(RECORDED.read_text())


def count(data: Mapping[str, Any]) -> int:
    """Cases by a second way of counting."""
    total = 0
    for section, content in data.items():
        if section == "meta":
            continue
        if section == "fill_sequences":
            total += len(content["cases"])
        elif section == "signature_spellings":
            total += len(content) - 2
        else:
            total += len(content)
    return total


def write(folder: Path, content: object) -> Path:
    path = folder / "vectors.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_every_recorded_vector_passes_and_every_case_is_counted():
    outcome = run_file(RECORDED)
    assert outcome.failures == []
    assert outcome.passed == count(document()) == 159
    assert outcome.sections["request_vectors_v3"] == (25, 0)
    assert set(outcome.sections) == set(document()) - {"meta"}


@needs_shared
def test_the_shared_file_passes():
    outcome = run_file(SHARED / "aster_vectors.json")
    assert outcome.failures == []
    assert outcome.passed > 0


def test_main_prints_the_sum_last_and_exits_with_zero(capsys):
    assert main(["--count", str(RECORDED)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "159 passed, 0 failed\n"
    counted = [int(line.split(": ")[1].split()[0]) for line in captured.err.splitlines()]
    assert sum(counted) == 159


def test_main_prints_one_line_per_failure_and_exits_with_one(tmp_path, capsys):
    broken = document()
    broken["rounding_vectors"][0]["price_out"] = "1"
    broken["rounding_vectors"][1]["qty_out"] = "1"
    assert main([str(write(tmp_path, broken)), str(RECORDED)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("vectors.json: rounding_vectors/#1: price_out:")
    assert lines[-1] == f"{2 * 159 - 2} passed, 2 failed"


@pytest.mark.parametrize("arguments", [[], ["--nonsense", "x.json"]])
def test_main_when_arguments_are_unusable_exits_with_two(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_main_when_a_file_cannot_be_opened_exits_with_two(tmp_path, capsys):
    assert main([str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
    with pytest.raises(Unusable):
        run_file(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not readable as JSON"),
        ("{", "not readable as JSON"),
        ('{"meta": {"exchange": "Aster"}, "a": [1], "a": [2]}', "keys appear twice"),
        ("[]", "an object with sections was expected"),
        ("{}", "meta.exchange does not say"),
        ('{"meta": {"exchange": 5}}', "meta.exchange does not say"),
        ('{"meta": {"exchange": "Some other venue"}}', "names no venue we know"),
        ('{"meta": {"exchange": "Aster"}}', "zero cases"),
        ('{"meta": {"exchange": "lighter"}, "x": [1]}', "x/#1: unknown section"),
    ],
)
def test_a_file_that_is_none_is_one_failure(tmp_path, content, says):
    outcome = run_file(write(tmp_path, content))
    assert (outcome.passed, outcome.failed) == (0, 1)
    assert says in outcome.failures[0]


def test_a_file_that_is_not_utf8_is_one_failure(tmp_path):
    path = tmp_path / "vectors.json"
    path.write_bytes(b'{"meta": "\xff"}')
    assert run_file(path).failures == ["file: not UTF-8 at byte 10"]


def test_an_unknown_section_fails_with_all_its_cases():
    broken = document() | {"new_vectors": [{"name": "one"}, {"id": "two"}, 3]}
    outcome = run_document(broken)
    assert outcome.failures == [f"new_vectors/{name}: unknown section, not run" for name in ("one", "two", "#3")]
    assert outcome.passed == 159


@pytest.mark.parametrize("section", sorted(set(document()) - {"meta"}))
@pytest.mark.parametrize("content", [[], {}, None, 5, "text", {"cases": []}, {"note": "nothing"}])
def test_a_section_without_cases_fails(section, content):
    outcome = run_document(document() | {section: content})
    assert any(line.startswith(f"{section}: zero cases") for line in outcome.failures)


@pytest.mark.parametrize("section", sorted(set(document()) - {"meta"}))
@pytest.mark.parametrize("content", [[5], [None], [[]], [{}], {"x": 5}, {"x": {}}, {"cases": [{"name": "x"}]}])
def test_a_case_without_its_shape_fails(section, content):
    outcome = run_document(document() | {section: content})
    assert [line for line in outcome.failures if line.startswith(f"{section}/")] != []


NOT_NEEDED = {
    "name", "note", "status", "confirmed_by", "rule", "ccxt_note", "ccxt_url", "derivation", "user_private_key",
    "recovered", "verify_chain_id", "window_us", "prefill", "multiple_of_tick", "multiple_of_step", "book", "account",
    "disconnect", "recvWindow",
}  # fmt: skip


def list_sections() -> list[tuple[str, list[dict[str, Any]]]]:
    data = document()
    found = [(section, rows) for section, rows in data.items() if isinstance(rows, list)]
    return [*found, ("fill_sequences", data["fill_sequences"]["cases"])]


def test_a_case_that_lacks_a_key_fails():
    survivors = []
    for section, rows in list_sections():
        for index, row in enumerate(rows):
            for key in set(row) - NOT_NEEDED:
                broken = copy.deepcopy(document())
                target = broken[section]["cases"] if section == "fill_sequences" else broken[section]
                del target[index][key]
                if not run_document(broken, recorded=False, only={section}).failed:
                    survivors.append((section, index, key))
    assert survivors == []


def test_a_file_with_only_some_sections_is_judged_by_them():
    data = document()
    few = {key: data[key] for key in ("meta", "symbol_filters_2026_01_12", "rounding_vectors")}
    outcome = run_document(few)
    assert (outcome.passed, outcome.failed) == (17, 0)


def test_vectors_without_what_they_refer_to_fail():
    data = document()
    few = {key: data[key] for key in ("meta", "request_vectors_v3")}
    outcome = run_document(few)
    assert (outcome.passed, outcome.failed) == (0, 25)
    assert "the file has no section" in outcome.failures[0]
