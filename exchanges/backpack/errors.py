"""The venue's error codes and texts, and what each allows to conclude (venues/backpack.md, section 4).

A code alone says little here: INVALID_ORDER and INVALID_CLIENT_REQUEST cover everything from a crossed post-only order
to a bad signature. So known pieces of text are looked for first, loosely (lower case, anywhere in the text), because
the words behind them vary between the sources.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from exchanges.errors import (
    AuthenticationRefused,
    ClockRefused,
    InsufficientMargin,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
    WouldCross,
)

NOT_FOUND: Final = "RESOURCE_NOT_FOUND"
"""No such order, no such position, or a closed market: what it means depends on the question."""

UNKNOWN_OUTCOME: Final = frozenset({"MAINTENANCE", "SERVER_ERROR", "TIMEOUT"})
"""The venue itself does not say what became of the request, whatever the HTTP status."""

_WORDS: Final[Mapping[type[RequestRefused], tuple[str, ...]]] = {
    AuthenticationRefused: (
        "ACCOUNT_DEACTIVATED",
        "FORBIDDEN",
        "INVALID_SIGNATURE",
        "INVALID_TWO_FACTOR_CODE",
        "UNAUTHORIZED",
    ),
    RateLimited: ("TOO_MANY_REQUESTS",),
    InsufficientMargin: (
        *("BORROW_LIMIT", "BORROW_REQUIRES_LEND_REDEEM", "INSUFFICIENT_FUNDS", "INSUFFICIENT_MARGIN"),
        *("INSUFFICIENT_SUPPLY", "MAX_LEVERAGE_REACHED", "POSITION_LIMIT"),
    ),
    RuleViolated: (
        *("INVALID_ASSET", "INVALID_MARKET", "INVALID_PRICE", "INVALID_QUANTITY", "INVALID_RANGE", "INVALID_SYMBOL"),
        *("ORDER_LIMIT", "TRADING_PAUSED"),
    ),
    RequestRefused: (
        *("ACCOUNT_LIQUIDATING", "INVALID_CLIENT_REQUEST", "INVALID_ORDER", "INVALID_POSITION_ID", "INVALID_SOURCE"),
        *("LEND_LIMIT", "LEND_REQUIRES_BORROW_REPAY", "NOT_IMPLEMENTED", "PRECONDITION_FAILED", NOT_FOUND),
        "TOO_EARLY",
    ),
}

REFUSALS: Final[Mapping[str, type[RequestRefused]]] = MappingProxyType(
    {code: kind for kind, codes in _WORDS.items() for code in codes}
)
"""Code -> the refusal it is where the text says nothing more precise. A code that is not here (and not in
`UNKNOWN_OUTCOME`) is a plain `RequestRefused`."""

TEXTS: Final[tuple[tuple[str, type[RequestRefused]], ...]] = (
    ("immediately match", WouldCross),
    ("request has expired", ClockRefused),
    ("reduce only", ReduceOnlyRefused),
    ("order not found", UnknownOrder),
    ("invalid signature", AuthenticationRefused),
    ("x-signature", AuthenticationRefused),
    ("x-api-key", AuthenticationRefused),
    ("decimal too long", RuleViolated),
    ("below the minimum", RuleViolated),
    ("too far from the last", RuleViolated),
    ("invalid market symbol", RuleViolated),
)
"""Pieces of text -> the refusal they are, first match wins. Looked for where the code is one of the two that cover
everything."""

_VAGUE: Final = frozenset({"INVALID_CLIENT_REQUEST", "INVALID_ORDER"})


def refusal_of(code: str, text: str) -> type[RequestRefused]:
    """Return the refusal that a code and its text mean."""
    kind = REFUSALS.get(code, RequestRefused)
    if code not in _VAGUE:
        return kind
    lowered = text.lower()
    return next((found for words, found in TEXTS if words in lowered), kind)
