"""Texts without what looks like a credential: the last line of defense where a text comes from outside."""

import re
from typing import Final

_NAMED_SECRET: Final = re.compile(
    r"(?i)(signature|api[_-]?key|listen[_-]?key|secret|private[_-]?key|passw(?:or)?d|token|authorization)"
    r"""(["']?\s*[=:]\s*["']?)[^\s&"',;)}\]]+"""
)
_LONG_RUN: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{40,}|[A-Za-z0-9+/_-]{43,}={0,2}")


def redact(text: str) -> str:
    """Return `text` without what looks like a key, a signature or a credential."""
    return _LONG_RUN.sub("***", _NAMED_SECRET.sub(r"\1\2***", text))
