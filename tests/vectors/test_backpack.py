"""Backpack's vectors: every section runs, every case counts, and damage is found."""

import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.__main__ import main
from tests.vectors.runner import run_document, run_file
from tests.vectors.test_mutations import flipped, leaves, value_at

RECORDED = Path(__file__).parent / "recorded" / "backpack.json"
SHARED = Path(__file__).parents[3] / "shared" / "venues" / "backpack_vectors.json"
SECTIONS = {
    "instructions": 20,
    "signed": 23,
    "ws_subscribe": 1,
    "negative": 11,
    "rest_samples": 26,
    "error_samples": 17,
    "ws_samples": 24,
    "fill_cases": 8,
    "book_cases": 1,
}

PROSE = re.compile(
    r".*/(note|rule|when|verified_by/\d+|confidence|bpx_py_type_note/\w+)|meta/(exchange|description|note|string_rule)"
)
"""Words for people; rewording them damages nothing."""

COMPUTED = (
    r"meta/(seed_hex|secret_base64|api_key_base64|secret_64_byte_form_base64)",
    r"instructions/\d+/(method|path|instruction)",
    r"signed/\d+/(instruction|method|path|timestamp|window|query|body/.*|body_json|params/.*)",
    r"signed/\d+/(string_to_sign|signature|headers/.*)",
    r"ws_subscribe/(instruction|string_to_sign|signature|frame/.*|frame_json|url)",
    r"negative/(?!1/)\d+/(signature|string_signed|server_time)",
    r"error_samples/\d+/(body/\w+|match)",
    r"rest_samples/(POST|GET|DELETE) /api/v1/order \(.*\)/(status|side|executedQuantity|timeInForce|orderType)",
    r"rest_samples/GET /wapi/v1/history/orders/0/(status|quoteQuantity)",
    r"ws_samples/order\w+.*/data/(e|X|S|o|f)",
    r"fill_cases/\d+/expect/(status|cum|fills/.*|unattributed|average|action)",
    r"fill_cases/\d+/inputs/\d+/0",
    r"book_cases/0/(snapshot_bbo/(bid|ask)/\d|diffs/\d/(expect|bbo/\d))",
)
"""Places whose every change has to be found without the recorded file."""


def document() -> dict[str, Any]:
    return json.loads(RECORDED.read_text())


def is_found(data: dict[str, Any], place: tuple[str | int, ...], rng: random.Random, *, recorded: bool) -> bool:
    damaged = {**data, place[0]: copy.deepcopy(data[place[0]])}
    value_at(damaged, place[:-1])[place[-1]] = flipped(value_at(data, place), rng)
    only = {str(place[0])} if place[0] != "meta" else None
    return run_document(damaged, recorded=recorded, only=only).failed > 0


def test_every_recorded_vector_passes_and_every_case_is_counted():
    outcome = run_file(RECORDED)
    assert outcome.failures == []
    assert outcome.sections == {section: (count, 0) for section, count in SECTIONS.items()}
    assert outcome.passed == sum(SECTIONS.values())


def test_the_vectors_pass_by_computing_alone():
    outcome = run_file(RECORDED, recorded=False)
    assert (outcome.failures, outcome.passed) == ([], sum(SECTIONS.values()))


@pytest.mark.skipif(not SHARED.is_file(), reason="../shared is not beside this checkout")
def test_the_shared_file_passes(capsys):
    assert main([str(SHARED)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{sum(SECTIONS.values())} passed, 0 failed"


@pytest.mark.parametrize("section", SECTIONS)
def test_an_empty_section_is_a_failure(section):
    data = document()
    data[section] = [] if isinstance(data[section], list) else {}
    outcome = run_document(data)
    assert any(failure.startswith(f"{section}: zero cases") for failure in outcome.failures)


def test_an_unknown_section_is_a_failure():
    outcome = run_document({**document(), "surprises": [{"name": "one"}]})
    assert outcome.failures == ["surprises/one: unknown section, not run"]


@pytest.mark.parametrize("section", ["meta", *SECTIONS])
def test_every_change_of_a_value_is_found(section):
    data = document()
    rng = random.Random(section)
    places = [place for place in leaves({section: data[section]}) if not PROSE.fullmatch("/".join(map(str, place)))]
    sample = places if len(places) <= 400 else rng.sample(places, 400)
    missed = [place for place in sample if not is_found(data, place, rng, recorded=True)]
    assert missed == []


def test_what_can_be_computed_is_found_without_the_recorded_file():
    data = document()
    rng = random.Random(7)
    pattern = re.compile("|".join(COMPUTED))
    places = [place for place in leaves(data) if pattern.fullmatch("/".join(map(str, place)))]
    assert len(places) > 500
    assert [place for place in places if not is_found(data, place, rng, recorded=False)] == []


def test_an_input_of_a_kind_nobody_knows_is_a_failure():
    data = document()
    data["fill_cases"][0]["inputs"].append(["carrier_pigeon", {}])
    assert any("unknown kind" in failure for failure in run_document(data).failures)
