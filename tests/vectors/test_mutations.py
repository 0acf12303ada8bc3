"""A flipped character where it matters is caught, by computing alone and by the recorded file."""

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vectors.recorded import only_difference
from tests.vectors.runner import run_document
from tests.vectors.test_runner import RECORDED

Place = tuple[str | int, ...]

_ALPHABETS = ("0123456789", "abcdef", "ABCDEF", "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXYZ")

COMPUTED = (
    r"credentials/v1/(apiKey|secret)",
    r"credentials/v3/\w+",
    r"eip712/(domain/\w+|\w*hash|domain_separator_\d+|\w+_type)",
    r"request_vectors_v3/\d+/(method|path|chain_id|nonce|user|signer|params/.*|signed_string|struct_hash|digest)",
    r"request_vectors_v3/\d+/(signature|query|body|headers/.*|auth|param_order|signed_form|ccxt_url)",
    r"request_vectors_v1/\d+/(method|path|params/.*|timestamp|signed_string|signature|query|body|headers/.*|auth)",
    r"known_answers_v1/\d+/(secret|signed_string|signature|query|body)",
    r"negative_and_edge_vectors/\d+/(signed_string_received|signature|recovered|expected_signer|signature_upper)",
    r"negative_and_edge_vectors/\d+/(first|then|server_time)",
    r"signature_spellings/(vector|with_0x|without_0x|v_as_00_01)",
    r"nonce_vectors/\d+/(window_us|prefill)",
    r"symbol_filters_2026_01_12/\w+/\w+",
    r"rounding_vectors/\d+/(price_out|qty_out|side|symbol)",
    r"precision_traps/\d+/(expect_code|symbol|digits_ok_by_\w+|multiple_of_\w+)",
    r"order_validation_vectors/\d+/(account/.*)",
    r"fill_sequences/callback_tuple",
    r"fill_sequences/cases/\d+/(order_qty|expect_callbacks/.*)",
    r"fill_sequences/cases/\d+/events/\d+/o/(q|z|x|i|S|c|f)",
    r"fill_sequences/cases/\d+/rest/(order/executedQty|userTrades/\d+/(id|price|qty|orderId))",
    r"payload_fixtures/\w+/body/(code|status|origQty|executedQty|timeInForce|side)",
    r"payload_fixtures/exchange_info_btc/symbol/filters/[01256]/(tickSize|minPrice|maxPrice|maxQty|notional|filterType)",
)
"""Places whose every change has to be found without the recorded file."""


def leaves(data: Any, place: Place = ()) -> Iterator[Place]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if items is None:
        yield place
        return
    for key, value in items:
        yield from leaves(value, (*place, key))


def value_at(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def flipped(value: Any, rng: random.Random) -> Any:
    """The value with one character (or a number with one unit) changed."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + rng.choice((-1, 1))
    if not value:
        return "x"
    at = rng.randrange(len(value))
    alphabet = next((each for each in _ALPHABETS if value[at] in each), "_#")
    return value[:at] + rng.choice([each for each in alphabet if each != value[at]]) + value[at + 1 :]


def mutated(data: dict[str, Any], place: Place, rng: random.Random) -> dict[str, Any]:
    copied = {**data, place[0]: copy.deepcopy(data[place[0]])}
    old = value_at(copied, place)
    value_at(copied, place[:-1])[place[-1]] = flipped(old, rng)
    return copied


REFERRED = frozenset({"credentials", "eip712", "symbol_filters_2026_01_12"})
"""Sections that others depend on: their damage may show elsewhere."""


def is_found(data: dict[str, Any], place: Place, rng: random.Random, *, recorded: bool) -> bool:
    """Whether the damaged file fails; only the damaged section is run where no other depends on it."""
    only = None if place[0] in REFERRED else {str(place[0])}
    return run_document(mutated(data, place, rng), recorded=recorded, only=only).failed > 0


def recorded_file() -> dict[str, Any]:
    return json.loads(RECORDED.read_text())


def matching(patterns: tuple[str, ...]) -> list[Place]:
    wanted = re.compile("|".join(f"(?:{each})" for each in patterns))
    return [place for place in leaves(recorded_file()) if wanted.fullmatch("/".join(map(str, place)))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_a_flipped_character_is_found_by_computing(seed):
    rng = random.Random(f"computed {seed}")
    data, places = recorded_file(), matching(COMPUTED)
    assert len(places) > 700
    missed = [place for place in rng.sample(places, 250) if not is_found(data, place, rng, recorded=False)]
    assert missed == []


@pytest.mark.timeout(300)
def test_a_flipped_character_in_any_named_case_is_found():
    rng = random.Random("recorded")
    data = recorded_file()
    prose = {"note", "status", "confirmed_by", "rule", "ccxt_note"}
    unnamed = {"meta", "rounding_vectors", "precision_traps"}
    places = [
        place
        for place in leaves(data)
        if place[0] not in unnamed and not prose & {str(key) for key in place if place[0] != "payload_fixtures"}
        if place[-1] != "note"
    ]
    assert len(places) > 1500
    missed = [place for place in rng.sample(places, 400) if not is_found(data, place, rng, recorded=True)]
    assert missed == []


def test_only_difference_names_the_one_place():
    one = {("a",): ("int", "1"), ("b",): ("int", "2")}
    assert only_difference(one, one) is None
    assert only_difference(one, one | {("b",): ("int", "3")}) == ("b",)
    assert only_difference(one, {("a",): ("int", "5"), ("b",): ("int", "3")}) is None
    assert only_difference(one, {("a",): ("int", "1")}) == ("b",)
    assert only_difference(one, {("a",): ("int", "1"), ("c",): ("int", "2")}) == ("b",)
    assert only_difference(one, {("a",): ("int", "1"), ("c",): ("int", "9")}) is None


def test_a_case_reworded_for_people_is_not_damaged():
    data = recorded_file()
    data["request_vectors_v3"][0]["confirmed_by"] = ["somebody else"]
    data["order_validation_vectors"][0]["status"] = "confirmed"
    assert run_document(data).failed == 0
