"""Bent ini files and overrides: settings, or problems that can be shown; never another exception, never a key shown."""

import time
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config import CheckResult, check
from actors.config.samples import sample_files
from exchanges.redaction import visible

SAMPLES: Final = tuple(text for path, text in sample_files().items() if str(path).endswith(".ini"))
KEY: Final = "4f" * 32
VALUES: Final = (
    *("", "nan", "inf", "-inf", "1e999", "1_000", "0x10", "-1", "1e-400", "9" * 400, "%(x)s", "${HOME}", "\u0661"),
    *("yes", "\x1b[31m", "\x00", "none", "auto", f"0x{KEY}", "../../../etc/passwd", "http://user:pw@host"),
    *("a b", "=", "[x]"),
)  # fmt: skip


def bend(text: str, rng: Random) -> str:
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(lines))
        key, is_pair, _old = lines[at].partition("=")
        match rng.randrange(9):
            case 0 | 1 | 2 if is_pair:
                lines[at] = f"{key}= {rng.choice(VALUES)}"
            case 3:
                lines.insert(at, lines[rng.randrange(len(lines))])
            case 4:
                del lines[at]
                lines = lines or [""]
            case 5:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
            case 6:
                lines.insert(at, rng.choice(("[", "[grid", "[grid.]", "[]", "[desk]", "= 1", "x", "  y = 1", "\ufeff")))
            case 7:
                lines.insert(at, f"{rng.choice(('new_key', 'private_key', 'x' * 300))} = {rng.choice(VALUES)}")
            case _:
                place = rng.randrange(len(lines[at]) + 1)
                sign = chr(rng.choice((0, 9, 27, 34, 61, 91, 0xFEFF, 0x202E)))
                lines[at] = lines[at][:place] + sign + lines[at][place:]
    return "\n".join(lines)


def judge(found: CheckResult) -> None:
    assert (found.settings is None) == bool(found.problems)
    for text in (*found.problems, *found.warnings):
        assert KEY not in text
        assert visible(text) == text.replace("\n", "?"), "it would steer a terminal"
        assert len(text) < 2000
    if found.settings is not None:
        risk = found.settings.risk
        assert risk.max_margin_usd.is_finite()
        assert risk.max_margin_usd > 0
        for grid in found.settings.grids:
            amounts: list[Any] = [getattr(grid.entry, name) for name in grid.entry.__dataclass_fields__]
            assert all(amount.is_finite() for amount in amounts if isinstance(amount, Decimal))


def checked(text: str, *overrides: str) -> CheckResult:
    began = time.thread_time()
    found = check(text, overrides, {})
    assert time.thread_time() - began < 5
    return found


@pytest.mark.parametrize("seed", range(4))
def test_bent_samples_are_checked_to_the_end(seed):
    rng = Random(seed)
    for _ in range(60):
        judge(checked(bend(rng.choice(SAMPLES), rng)))


@given(st.data())
def test_any_text_and_any_override_is_checked(data):
    text = data.draw(st.sampled_from(SAMPLES)) if data.draw(st.booleans()) else data.draw(st.text(max_size=300))
    judge(checked(text, *data.draw(st.lists(st.text(max_size=60), max_size=3))))


@given(st.binary(max_size=400))
def test_a_file_of_any_bytes_is_checked(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("ini") / "bot.ini"
    path.write_bytes(data)
    judge(check(path, (), {}))


def test_a_sample_itself_is_accepted():
    assert any(checked(text).settings is not None for text in SAMPLES)
