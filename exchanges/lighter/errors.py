"""The venue's error codes and what each allows to conclude (venues/lighter.md, section 2).

The same codes come as HTTP 400 bodies, in stream frames, and in the record of a transaction that was queued and then
refused by the sequencer (`event_info.ae`). Texts carry blanks and details: only the code counts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from exchanges.errors import (
    AuthenticationRefused,
    InsufficientMargin,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
)
from exchanges.values import RejectReason

BAD_TOKEN: Final = 20013
INVALID_NONCE: Final = 21104
DUPLICATE_CLIENT_INDEX: Final = 21728
NO_SUCH_TRANSACTION: Final = frozenset({21500, 29404})

UNKNOWN_OUTCOME: Final = frozenset({29500, 29501, DUPLICATE_CLIENT_INDEX})
"""Internal error and timeout do not say what became of the request. A client index that is taken says that an order of
this number lives: ours are never used twice, so it is this order, accepted before."""

_CODES: Final[Mapping[type[RequestRefused], tuple[int, ...]]] = {
    AuthenticationRefused: (
        *(BAD_TOKEN, 21100, 21101, 21102, 21108, 21109, 21110),
        21120,  # wrong chain id, key of another slot, tampered field
        21136,  # the signing library is too old
        62007,  # the key may not send this kind of transaction
    ),
    RateLimited: (
        21506,  # too many pending transactions
        *(23000, 23001, 23002, 23003),
    ),
    UnknownOrder: (21600, 21700, 21708, 21709, 21715),
    InsufficientMargin: (21300, 21301, 21304, 21507, 21508, 21723, 21739),
    ReduceOnlyRefused: (21732, 21738, 21740),
    RuleViolated: (
        *(21602, 21605, 21618),  # market unknown, not active, or not for this type
        *(21701, 21702, 21703, 21704, 21705, 21706, 21711),
        *(21717, 21718, 21719, 21720, 21721, 21722),  # too many orders
        *(21733, 21734, 21735),  # price bands
    ),
}

REFUSALS: Final[Mapping[int, type[RequestRefused]]] = MappingProxyType(
    {code: kind for kind, codes in _CODES.items() for code in codes}
)
"""Code -> the refusal it is. A code that is not here (and not in `UNKNOWN_OUTCOME`) is a plain `RequestRefused`."""

_REASONS: Final[Mapping[type[RequestRefused], RejectReason]] = {
    AuthenticationRefused: RejectReason.AUTHENTICATION,
    InsufficientMargin: RejectReason.MARGIN,
    RateLimited: RejectReason.RATE,
    ReduceOnlyRefused: RejectReason.REDUCE_ONLY,
    RuleViolated: RejectReason.RULES,
}


def refusal_of(code: int) -> type[RequestRefused]:
    """Return the refusal a code means."""
    return REFUSALS.get(code, RequestRefused)


def reject_reason_of(code: int) -> RejectReason:
    """Return why an order was refused by the sequencer."""
    return _REASONS.get(refusal_of(code), RejectReason.OTHER)
