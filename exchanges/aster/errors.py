"""The venue's error codes and what each allows to conclude (venues/aster.md, section 5.4).

Three things can follow from a code: the request was refused and nothing happened (one of the `RequestRefused`
family), its fate is unknown, or the asked-for state was there already. What the *HTTP status* adds is in
`exchanges.aster.outcomes`.
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

UNKNOWN_OUTCOME: Final = frozenset({-1000, -1001, -1006, -1007})
"""The venue itself says that it does not know what became of the request."""

ALREADY_SO: Final = frozenset({-4046, -4059})
"""Margin type and position mode are as asked: a success."""

LISTEN_KEY_GONE: Final = -1125

_WORDS: Final[Mapping[type[RequestRefused], tuple[int, ...]]] = {
    RequestRefused: (
        *(-1013, -1014, -1020),  # invalid, unsupported combination, unsupported operation: our bug
        *(-1100, -1101, -1102, -1106, -1114, -1115, -1116, -1117),  # parameters: our bug
        LISTEN_KEY_GONE,
        *(-1127, -1130, -1136),
        -2010,  # refused for a reason only the text gives
        *(-2020, -2021, -2023, -2026),
        -4015,  # client id too long: our bug
        *(-4028, -4046, -4047, -4048, -4059, -4060, -4061, -4062, -4067, -4068),  # account set-up
        *(-4082, -4083, -4161, -4168),
    ),
    ClockRefused: (-1021, -4225),  # time stamp outside the window, nonce used or out of it: the key is right
    AuthenticationRefused: (
        *(-1022, -2014, -2015),
        -4088,  # no order permission
        -5019,  # region
        *(-5047, -5048, -5049, -5050, -5051, -5052, -5053),  # deposit and agent family
    ),
    RateLimited: (-1003, -1015),
    UnknownOrder: (-2011, -2013),
    InsufficientMargin: (-2018, -2019, -2027, -2028),
    WouldCross: (-2036, -5022),
    ReduceOnlyRefused: (-2022, -2024, -4118),
    RuleViolated: (
        *(-1111, -1121),
        -2025,  # too many open orders
        *(-4001, -4002, -4003, -4004, -4005, -4013, -4014, -4016, -4023, -4024, -4045),
        -4087,  # only reduce-only orders are taken now
        *(-4131, -4140, -4141, -4164, -4183, -4184),
        *(-5060, -5076),
    ),
}

REFUSALS: Final[Mapping[int, type[RequestRefused]]] = MappingProxyType(
    {code: kind for kind, codes in _WORDS.items() for code in codes}
)
"""Code -> the refusal it is. A code that is not here (and not in `UNKNOWN_OUTCOME`) is a plain `RequestRefused`."""

_POST_ONLY_TEXTS: Final = ("post only", "post-only", "postonly", "maker", "immediately match")
_SIGNATURE_TEXT: Final = "signature"
_DUPLICATE_TEXT: Final = "duplicate"


def names_signature(text: str) -> bool:
    """Return whether a -1000 is really about the signature (an unregistered signer is answered so)."""
    return _SIGNATURE_TEXT in text.lower()


def names_post_only(text: str) -> bool:
    """Return whether the text speaks of a post-only refusal (never seen on Aster, accepted all the same)."""
    lowered = text.lower()
    return any(words in lowered for words in _POST_ONLY_TEXTS)


def names_duplicate(text: str) -> bool:
    """Return whether the text speaks of a duplicate (client id)."""
    return _DUPLICATE_TEXT in text.lower()


def refusal_of(code: int, text: str) -> type[RequestRefused]:
    """Return the refusal a code means. `code` is not one of `UNKNOWN_OUTCOME` unless its text names the signature."""
    if code in UNKNOWN_OUTCOME:
        return AuthenticationRefused
    kind = REFUSALS.get(code, RequestRefused)
    if kind is RequestRefused and code not in ALREADY_SO and names_post_only(text):
        return WouldCross
    return kind
