"""Lighter's vectors: every section runs, every case counts, and damage is found."""

import copy
import json
import random
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.__main__ import main
from tests.vectors.runner import run_document, run_file
from tests.vectors.test_mutations import flipped, leaves, value_at

RECORDED = Path(__file__).parent / "recorded" / "lighter.json"
SHARED = Path(__file__).parents[3] / "shared" / "venues" / "lighter_vectors.json"
SECTIONS = {
    "key": 6,
    "sign_vectors": 19,
    "double_sign": 2,
    "negative_vectors": 24,
    "create_client_vectors": 9,
    "auth_tokens": 3,
    "auth_token_not_deterministic": 1,
    "fixed_k_signatures": 2,
    "conversions": 4,
    "leverage_to_imf": 8,
    "order_index_samples": 6,
    "frames": 25,
    "poseidon2": 12,
    "ecgfp5": 6,
}
PROSE = re.compile(r".*/note|meta/.*")

COMPUTED = (
    r"key/.*",
    r"sign_vectors/\d+/(function|chain_id|args/.*|tx_type|tx_info|expected_fields/.*|observed_expired_at)",
    r"sign_vectors/\d+/(hash_preimage/.*|hash_attributes/.*|tx_hash|independent_\w+)",
    r"double_sign/(results/.*|sig_equal)",
    r"negative_vectors/\d+/(function|error|accepted|wire_price)",
    r"create_client_vectors/\d+/error",
    r"auth_tokens/.*|auth_token_not_deterministic|fixed_k_signatures/.*",
    r"conversions/.*|leverage_to_imf/.*|order_index_samples/.*|poseidon2/.*|ecgfp5/.*",
    r"frames/ticker/(.*channel|ticker/s)",
    r"frames/order_book_stream_expected_after/(bids|asks|nonce).*",
    r"frames/scenario_\w+/\d+/orders/0/0/(status|filled_\w+|is_ask|order_index|client_order_index|price|base_price)",
    r"frames/scenario_\w+_expected/(cum_filled|avg_price|trade_ids/\d+|final_status)",
    r"frames/scenario_\w+/\d+/trades/0/0/(size|price|usd_amount|trade_id|bid_client_id|bid_id)",
    r"frames/(rest_sendtx\w*_form|ws_sendtx\w*_request/.*tx_info.*|ws_sendtx_reply/(tx_hash|id|code))",
    r"frames/rest/(send_tx_batch_ok/tx_hash/\d+|error .*/(code|http_status|message)|GET apikeys.*/public_key)",
)
"""Places whose every change has to be found without the recorded file."""


def document() -> dict[str, Any]:
    return json.loads(RECORDED.read_text(), parse_float=Decimal)


def is_found(data: dict[str, Any], place: tuple[str | int, ...], rng: random.Random, *, recorded: bool) -> bool:
    damaged = {**data, place[0]: copy.deepcopy(data[place[0]])}
    old = value_at(data, place)
    new = old + 1 if isinstance(old, Decimal) else flipped(old, rng)
    value_at(damaged, place[:-1])[place[-1]] = new
    only = {str(place[0])} if place[0] != "key" else None
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


@pytest.mark.parametrize("section", [section for section in SECTIONS if section != "auth_token_not_deterministic"])
def test_an_empty_section_is_a_failure(section):
    data = document()
    data[section] = [] if isinstance(data[section], list) else {}
    outcome = run_document(data, only={section})
    assert any(failure.startswith(f"{section}: zero cases") for failure in outcome.failures)


def test_an_unknown_section_is_a_failure():
    outcome = run_document({**document(), "surprises": [{"name": "one"}]}, only={"surprises"})
    assert outcome.failures == ["surprises/one: unknown section, not run"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("section", SECTIONS)
def test_every_change_of_a_value_is_found(section):
    data = document()
    rng = random.Random(section)
    places = [place for place in leaves({section: data[section]}) if not PROSE.fullmatch("/".join(map(str, place)))]
    sample = places if len(places) <= 150 else rng.sample(places, 150)
    missed = [place for place in sample if not is_found(data, place, rng, recorded=True)]
    assert missed == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_what_can_be_computed_is_found_without_the_recorded_file(seed):
    data = document()
    rng = random.Random(seed)
    pattern = re.compile("|".join(f"(?:{each})" for each in COMPUTED))
    places = [place for place in leaves(data) if pattern.fullmatch("/".join(map(str, place)))]
    assert len(places) > 1200
    sample = rng.sample(places, 200)
    assert [place for place in sample if not is_found(data, place, rng, recorded=False)] == []


def test_a_frame_of_a_kind_nobody_knows_is_a_failure():
    data = document()
    data["frames"]["carrier_pigeon"] = {}
    assert run_document(data, only={"frames"}).failures == [
        "frames/carrier_pigeon: a frame of unknown kind 'carrier_pigeon'"
    ]
