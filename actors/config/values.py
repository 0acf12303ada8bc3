"""One setting's text into its value and back.

Numbers must match an ASCII pattern before `Decimal` sees them: Decimal itself accepts `1_000`, `NaN`, `1E5` and
digits of other scripts, none of which a person means in a file about money.
"""

import difflib
import re
import types
import typing
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any

from exchanges.rounding import plain
from exchanges.settings import SettingSpec

MASK = "***"

_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_YES = frozenset({"yes", "true"})
_NO = frozenset({"no", "false"})
_HEX_RUN = re.compile(r"(?:0x)?[0-9a-fA-F]{32,}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}", re.ASCII)
_URL_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")
_CUT_BY_PARSER = re.compile(r"(?:^|\s);")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'X'?` for the closest of the known words, or an empty text."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def looks_like_key(text: str) -> bool:
    """Return whether a text could be a credential: 32 or more hex digits, or base64 of that length.

    A base64 candidate needs lower case, upper case and a digit, so that names of environment variables and folders
    do not count.
    """
    if _HEX_RUN.fullmatch(text):
        return True
    if not _TOKEN.fullmatch(text):
        return False
    kinds = (str.islower, str.isupper, str.isdigit)
    return all(any(kind(character) for character in text) for kind in kinds)


def holds_password(text: str) -> bool:
    """Return whether a URL carries a user and password."""
    return _URL_PASSWORD.search(text) is not None


def masked(text: str) -> str:
    """Return the text with everything that could be a credential replaced by stars, control characters escaped.

    For messages about texts that were refused.
    """
    without_keys = _TOKEN.sub(lambda match: MASK if looks_like_key(match[0]) else match[0], _HEX_RUN.sub(MASK, text))
    without_passwords = _URL_PASSWORD.sub(f"://{MASK}@", without_keys)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in without_passwords)
    return shown if len(shown) <= 200 else shown[:200] + "..."  # noqa: PLR2004 - one line of a terminal or two


def parse_value(kind: Any, spec: SettingSpec, text: str) -> Any:  # noqa: ANN401 - the type is data here
    """Return the value of a setting declared with the type `kind`.

    Raises:
        ValueError: what is wrong with the text and what to write instead, without the name and without the value.
    """
    text = text.strip()
    if spec.names_secret:
        return _parse_env_name(text)
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return _parse_union(kind, spec, text)
    if typing.get_origin(kind) is typing.Literal:
        return _parse_word(typing.get_args(kind), text)
    if kind is bool:
        return _parse_bool(text)
    if kind is int:
        return _in_range(_parse_int(text, spec), spec)
    if kind is Decimal:
        return _in_range(_parse_decimal(text, spec), spec)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(_parse_word([member.value for member in kind], text))
    if kind is str:
        return _parse_str(text, spec)
    raise TypeError(f"a setting cannot have the type {kind}")


def format_value(value: Any) -> str:  # noqa: ANN401 - the type is data here
    """Return the text that `parse_value` reads back as this value."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    return str(value)


def is_path(name: str) -> bool:
    """Return whether a setting of this name holds a path: base64 has the same letters."""
    return name.endswith(("_dir", "_file")) or name == "tape"


def allowed(kind: Any, spec: SettingSpec) -> str:  # noqa: ANN401 - the type is data here
    """Return what may be written, for people: `yes | no`, `1..125 x`, `> 0 USD | none`."""
    parts: list[str] = []
    kinds = typing.get_args(kind) if typing.get_origin(kind) in (types.UnionType, typing.Union) else (kind,)
    for part in kinds:
        if part is bool:
            parts.append("yes | no")
        elif part in (int, Decimal):
            parts.append(f"{_range_text(spec)} {spec.unit}".strip())
        elif isinstance(part, type) and issubclass(part, StrEnum):
            parts.append(" | ".join(member.value for member in part))
        elif typing.get_origin(part) is typing.Literal:
            parts.append(" | ".join(typing.get_args(part)))
        elif part is str and spec.choices:
            parts.append(" | ".join(spec.choices))
        elif part is type(None):
            parts.append("none")
    return " | ".join(part for part in parts if part)


def _range_text(spec: SettingSpec) -> str:
    if spec.ge is not None and spec.le is not None:
        return f"{plain(spec.ge)}..{plain(spec.le)}"
    bounds = ((">", spec.gt), (">=", spec.ge), ("<", spec.lt), ("<=", spec.le))
    return " and ".join(f"{sign} {plain(bound)}" for sign, bound in bounds if bound is not None)


def _parse_union(kind: Any, spec: SettingSpec, text: str) -> Any:  # noqa: ANN401 - the type is data here
    members = typing.get_args(kind)
    if type(None) in members and text.lower() in ("none", ""):
        return None
    words = [member for member in members if typing.get_origin(member) is typing.Literal or _is_enum(member)]
    others = [member for member in members if member not in words and member is not type(None)]
    for member in words:
        try:
            return parse_value(member, spec, text)
        except ValueError:
            continue
    if not others:
        raise ValueError(f"not one of {allowed(kind, spec)}")
    try:
        return parse_value(others[0], spec, text)
    except ValueError as error:
        known = [word for word in ("none" if type(None) in members else "", *_words(words)) if word]
        raise ValueError(f"{error}, or {' or '.join(known)}") from None


def _is_enum(kind: Any) -> bool:  # noqa: ANN401 - the type is data here
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _words(kinds: list[Any]) -> list[str]:
    return [str(word) for kind in kinds for word in (kind if _is_enum(kind) else typing.get_args(kind))]


def _parse_bool(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError("write yes or no")


def _parse_int(text: str, spec: SettingSpec) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"not a whole number{_number_hint(text, spec)}")
    return int(text)


def _parse_decimal(text: str, spec: SettingSpec) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"not a number{_number_hint(text, spec)}")
    return Decimal(text)


def _number_hint(text: str, spec: SettingSpec) -> str:
    if not text:
        return "; it is empty"
    if "#" in text:
        return "; comments start with ' ;'"
    unit = f" (the unit is {spec.unit})" if spec.unit else ""
    return f"; write digits with at most one point and nothing else{unit}"


def _in_range(value: Any, spec: SettingSpec) -> Any:  # noqa: ANN401 - int or Decimal, as it came
    fits = (
        (spec.gt is None or value > spec.gt)
        and (spec.ge is None or value >= spec.ge)
        and (spec.lt is None or value < spec.lt)
        and (spec.le is None or value <= spec.le)
    )
    if not fits:
        unit = f" {spec.unit}" if spec.unit else ""
        raise ValueError(f"out of range; write {_range_text(spec)}{unit}")
    return value


def _parse_word(words: Iterable[str], text: str) -> str:
    known = list(words)
    if text in known:
        return text
    for word in known:
        if word.lower() == text.lower():
            raise ValueError(f"not one of {' | '.join(known)}; did you mean '{word}'?")
    raise ValueError(f"not one of {' | '.join(known)}{nearest(text, known)}")


def _parse_str(text: str, spec: SettingSpec) -> str:
    if spec.choices:
        return _parse_word(spec.choices, text)
    if not text.isprintable():
        raise ValueError("holds a control character or a line break; write it on one line")
    if _CUT_BY_PARSER.search(text):
        raise ValueError("holds ' ;', which starts a comment; leave it out")
    return text


def _parse_env_name(text: str) -> str:
    if not text:
        return ""
    if looks_like_key(text):
        raise ValueError("looks like a key; put it into an environment variable and write the variable's name here")
    if not ENV_NAME.fullmatch(text):
        raise ValueError("not the name of an environment variable; write letters, digits and _")
    return text
