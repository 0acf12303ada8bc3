"""Texts from outside, made fit for people: without what looks like a credential, and without what steers a terminal."""

import re
from typing import Final

_NAMED_SECRET: Final = re.compile(
    r"(?i)(signature|api[_-]?key|listen[_-]?key|secret|private[_-]?key|passw(?:or)?d|token|authorization)"
    r"""(["']?\s*[=:]\s*["']?)[^\s&"',;)}\]]+"""
)
_WORDS: Final = ("signature", "api", "listen", "secret", "private", "passw", "token", "authorization")
_LONG_RUN: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{40,}|[A-Za-z0-9%+/_-]{43,}={0,2}")
_STEERING: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters (ANSI begins with one), what turns the direction of writing, line ends nobody sees, and halves of
surrogate pairs, which no file takes."""


def visible(text: str) -> str:
    """Return `text` in one line that a terminal or a log only shows: every character that does more is a `?`."""
    return _STEERING.sub("?", text)


def visible_lines(text: str) -> str:
    """Return `text` as `visible` does, with its line feeds."""
    return "\n".join(map(visible, text.split("\n")))


def redact(text: str) -> str:
    """Return `text` without what looks like a key, a signature or a credential."""
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):  # the pattern takes a hundred times as long as this look
        text = _NAMED_SECRET.sub(r"\1\2***", text)
    return _LONG_RUN.sub("***", text)
