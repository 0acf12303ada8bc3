import re
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config.values import (
    allowed,
    format_value,
    holds_password,
    looks_like_key,
    masked,
    nearest,
    parse_value,
)
from exchanges.settings import SettingSpec


class Color(StrEnum):
    RED = "red"
    GREEN = "green"


def spec(**values):
    bounds = {name: Decimal(values.pop(name)) for name in ("gt", "ge", "lt", "le") if name in values}
    return SettingSpec(help="", **bounds, **values)


@pytest.mark.parametrize("text", ["1", "0.12", "+5", "-3.50", "00.1", " 7 "])
def test_decimal_when_ascii_digits_is_read_exactly(text):
    assert parse_value(Decimal, spec(), text) == Decimal(text.strip())


OTHER_DIGITS = ["\uff15", "\u0663", "1\u00a0000"]
"""A full-width five, an Arabic-Indic three, a no-break space: Decimal accepts the first two."""


@pytest.mark.parametrize(
    "text",
    [
        *("1_000", "NaN", "nan", "Inf", "-Infinity", "1e5", "1E-7", "1,5", ".5", "5.", "0x10", "1 000", "--1", ""),
        *("5 %", "$5", "1" * 40),
        *OTHER_DIGITS,
    ],
)
@pytest.mark.parametrize("kind", [Decimal, int])
def test_number_when_not_plain_ascii_digits_is_refused(kind, text):
    with pytest.raises(ValueError, match=r"not a (whole )?number"):
        parse_value(kind, spec(), text)


def test_number_when_refused_names_the_unit():
    with pytest.raises(ValueError, match="the unit is percent"):
        parse_value(Decimal, spec(unit="percent"), "5 %")


def test_int_when_it_has_a_point_is_refused():
    with pytest.raises(ValueError, match="whole number"):
        parse_value(int, spec(), "5.0")


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"gt": 0}, "0.001", "0"),
        ({"ge": 0}, "0", "-0.001"),
        ({"lt": 10}, "9.99", "10"),
        ({"le": 10}, "10", "10.01"),
        ({"gt": 0, "le": 50}, "50", "51"),
    ],
)
def test_range_is_exact_at_its_ends(bounds, inside, outside):
    assert parse_value(Decimal, spec(**bounds), inside) == Decimal(inside)
    with pytest.raises(ValueError, match="out of range; write"):
        parse_value(Decimal, spec(**bounds), outside)


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("TRUE", True), ("no", False), ("False", False)])
def test_bool_when_yes_no_true_false_is_read(text, value):
    assert parse_value(bool, spec(), text) is value


@pytest.mark.parametrize("text", ["1", "0", "on", "y", "", "none"])
def test_bool_when_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="write yes or no"):
        parse_value(bool, spec(), text)


def test_enum_when_misspelled_names_the_nearest():
    assert parse_value(Color, spec(), "red") is Color.RED
    with pytest.raises(ValueError, match=r"red \| green; did you mean 'green'"):
        parse_value(Color, spec(), "gren")
    with pytest.raises(ValueError, match="did you mean 'red'"):
        parse_value(Color, spec(), "Red")


def test_choices_when_declared_bound_a_plain_string():
    assert parse_value(str, spec(choices=("v1", "v3")), "v3") == "v3"
    with pytest.raises(ValueError, match=r"v1 \| v3"):
        parse_value(str, spec(choices=("v1", "v3")), "v2")


@pytest.mark.parametrize("text", ["none", "None", ""])
def test_optional_when_none_or_empty_is_none(text):
    assert parse_value(Decimal | None, spec(gt=0), text) is None


def test_optional_when_wrong_says_that_none_is_possible():
    assert parse_value(Decimal | None, spec(gt=0), "5") == 5
    with pytest.raises(ValueError, match="or none"):
        parse_value(Decimal | None, spec(gt=0), "0")


def test_union_with_a_word_takes_the_word_or_the_number():
    kind = Decimal | Literal["auto"]
    assert parse_value(kind, spec(), "auto") == "auto"
    assert parse_value(kind, spec(), "1.5") == Decimal("1.5")
    with pytest.raises(ValueError, match="or auto"):
        parse_value(kind, spec(), "automatic")
    with pytest.raises(ValueError, match=r"red \| green \| none"):
        parse_value(Color | None, spec(), "blue")


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a\tb", "one ;two", "; all"])
def test_text_when_it_could_not_stand_in_a_file_is_refused(text):
    with pytest.raises(ValueError, match="holds"):
        parse_value(str, spec(), text)


def test_env_name_when_it_is_a_key_or_no_name_is_refused():
    assert parse_value(str, spec(names_secret=True), "ASTER_PRIVATE_KEY_OF_THE_SECOND_ACCOUNT") != ""
    assert parse_value(str, spec(names_secret=True), "") == ""
    for text in ("0x" + "a1" * 16, "not a name", "9LIVES"):
        with pytest.raises(ValueError, match="environment variable"):
            parse_value(str, spec(names_secret=True), text)


def test_kind_that_is_no_setting_is_a_mistake_of_the_declaration():
    with pytest.raises(TypeError):
        parse_value(dict, spec(), "x")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("0" * 32, True),
        ("0x" + "aB" * 32, True),
        ("0" * 31, False),
        ("Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIz", True),
        ("Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIzNA==", True),
        ("BACKPACK_SECRET_KEY_OF_ACCOUNT_NUMBER_2", False),
        ("state/a-rather-long-folder-name/with/parts", False),
        ("127.0.0.1:0", False),
    ],
)
def test_looks_like_key(text, verdict):
    assert looks_like_key(text) is verdict


def test_masked_hides_keys_and_passwords_and_control_characters():
    key = "0x" + "4f" * 32
    assert key not in masked(f"private_key = {key}")
    assert "hunter2" not in masked("http://joe:hunter2@proxy:1")
    assert "Zm9v" not in masked("secret=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIz==")
    assert holds_password("http://joe:hunter2@proxy:1")
    assert not holds_password("http://proxy:1")
    assert masked("a\x1b[2Jb") == "a\\x1b[2Jb"
    assert len(masked("x" * 5000)) < 300


def test_nearest_when_nothing_is_close_is_empty():
    assert nearest("take_profti_pct", ["take_profit_pct", "x"]) == "; did you mean 'take_profit_pct'?"
    assert nearest("zzz", ["take_profit_pct"]) == ""


def test_allowed_says_what_may_be_written():
    assert allowed(bool, spec()) == "yes | no"
    assert allowed(int, spec(ge=1, le=9, unit="x")) == "1..9 x"
    assert allowed(Decimal | None, spec(gt=0, unit="USD")) == "> 0 USD | none"
    assert allowed(Decimal | None, spec(gt=0, le=5)) == "> 0 and <= 5 | none"
    assert allowed(Color, spec()) == "red | green"
    assert allowed(Decimal | Literal["auto"], spec(ge=0, unit="bps")) == ">= 0 bps | auto"
    assert allowed(str, spec(choices=("a", "b"))) == "a | b"
    assert allowed(str, spec()) == ""


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=9))
def test_decimal_round_trip(value):
    assert parse_value(Decimal, spec(), format_value(value)) == value


@given(st.text(max_size=30))
def test_decimal_accepts_nothing_beyond_the_pattern(text):
    try:
        value = parse_value(Decimal, spec(), text)
    except ValueError:
        return
    assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip(), re.ASCII)
    assert value.is_finite()
