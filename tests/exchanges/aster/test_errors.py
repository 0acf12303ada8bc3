import re
from pathlib import Path

import pytest

from exchanges.aster.errors import (
    ALREADY_SO,
    REFUSALS,
    UNKNOWN_OUTCOME,
    names_duplicate,
    names_post_only,
    refusal_of,
)
from exchanges.errors import (
    AuthenticationRefused,
    ClockRefused,
    RequestRefused,
    RuleViolated,
    WouldCross,
)

NOTE = Path(__file__).parents[4] / "shared" / "venues" / "aster.md"


def codes_of_the_note() -> set[int]:
    """Every code in the first column of the table of section 5.4, ranges written out."""
    section = NOTE.read_text().split("### 5.4")[1].split("\n## ")[0]
    found = set()
    for line in section.splitlines():
        cell = line.split("|")[1] if line.startswith("| -") else ""
        span = re.fullmatch(r"\s*-(\d+)\.\.-(\d+)\s*", cell)
        if span is not None:
            found |= {-number for number in range(int(span[1]), int(span[2]) + 1)}
        else:
            found |= {int(code) for code in re.findall(r"-\d{4}", cell)}
    return found


@pytest.mark.skipif(not NOTE.is_file(), reason="../shared is not beside this checkout")
def test_every_code_of_the_note_is_mapped():
    codes = codes_of_the_note()
    assert len(codes) > 80
    assert codes - set(REFUSALS) - UNKNOWN_OUTCOME == set()


def test_no_code_is_both_refused_and_unknown():
    assert not set(REFUSALS) & UNKNOWN_OUTCOME
    assert set(REFUSALS) > ALREADY_SO


def test_no_code_is_listed_twice():
    from exchanges.aster import errors  # noqa: PLC0415 - the private table behind the map

    listed = [code for codes in errors._WORDS.values() for code in codes]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (-1111, "Precision is over the maximum defined for this asset.", RuleViolated),
        (-4225, "Nonce Expired", ClockRefused),
        (-9999, "something new", RequestRefused),
        (-9999, "Post Only order would take", WouldCross),
        (-2010, "order would immediately match and take", WouldCross),
        (-1000, "Signature check failed", AuthenticationRefused),
        (-4046, "no need, maker", RequestRefused),
        (-1111, "maker", RuleViolated),
    ],
)
def test_refusal_of_a_code(code, text, kind):
    assert refusal_of(code, text) is kind


def test_texts_are_read_without_regard_to_case():
    assert names_post_only("POST-ONLY")
    assert not names_post_only("margin is insufficient")
    assert names_duplicate("Duplicate order sent.")
