"""From an HTTP answer to what may be concluded (venues/aster.md, sections 2, 5.1, 5.4; RELIABILITY.md C.0).

The order of the questions: HTTP status, then JSON, then `code`. A refusal is believed only from a body that is the
venue's own `{"code": negative, "msg": text}` below HTTP 500. Everything else that is not a success (a page of HTML,
a 403 of the firewall, any 5xx, a redirect) leaves a write in the unknown: it may have been executed.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from exchanges.aster.errors import UNKNOWN_OUTCOME, names_signature, refusal_of
from exchanges.calls import Calls
from exchanges.errors import ExchangeError, MalformedMessage, OutcomeUnknown, RateLimited
from exchanges.venue import HttpReply
from exchanges.wire_json import decode

EXCHANGE: Final = "aster"
_OK = range(200, 300)
_SERVER_SIDE: Final = 500
_TOO_MANY: Final = frozenset({418, 429})
_BANNED: Final = 418
_FIRST_BACKOFF_S: Final = 5.0
_SHORTEST_BAN_S: Final = 120.0
_LONGEST_BAN_S: Final = 3 * 86400.0
_BAN_TEXT: Final = re.compile(r"until\s+([0-9]{13})(?![0-9])")
_NO_CODE: Final = 10**9
_CODE_TEXT: Final = re.compile(r"-?[0-9]{1,6}")


def body_of(reply: HttpReply, operation: str, *, writes: bool) -> Any:  # noqa: ANN401 - a decoded body has no type yet
    """Return the decoded body of a success.

    Raises:
        RequestRefused: (a member of its family) the venue said no; nothing happened.
        OutcomeUnknown: the answer does not say what happened.
        MalformedMessage: a success whose body is not JSON.
    """
    if reply.status in _OK:
        body = decode(reply.body, EXCHANGE, operation)
        code = _code_of(body)
        if code is None or code >= 0:
            return body
        raise _by_code(reply, operation, code, _text_of(body))
    raise _failure(reply, operation, writes=writes)


def _failure(reply: HttpReply, operation: str, *, writes: bool) -> ExchangeError:
    refusal = _venue_body(reply, operation)
    if reply.status >= _SERVER_SIDE or reply.status < 400:  # noqa: PLR2004 - 1xx and 3xx are no answers of this venue
        return OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status}{_said(refusal)}")
    if refusal is not None:
        return _by_code(reply, operation, *refusal)
    if reply.status in _TOO_MANY and not writes:
        return _rate_limited(reply, operation, 0, f"HTTP {reply.status} without a body of the venue")
    return OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status} without a body of the venue")


def _venue_body(reply: HttpReply, operation: str) -> tuple[int, str] | None:
    try:
        body = decode(reply.body, EXCHANGE, operation)
    except MalformedMessage:
        return None
    code = _code_of(body)
    return None if code is None or code >= 0 else (code, _text_of(body))


def _code_of(body: object) -> int | None:
    """The venue's code: an integer, or (seen in successes) its digits as a string."""
    if not isinstance(body, Mapping):
        return None
    code = body.get("code")
    if isinstance(code, str) and _CODE_TEXT.fullmatch(code):
        return int(code)
    is_code = isinstance(code, int) and not isinstance(code, bool) and abs(code) < _NO_CODE
    return code if is_code else None


def _text_of(body: Mapping[str, object]) -> str:
    text = body.get("msg")
    return text[:200] if isinstance(text, str) else ""


def _said(refusal: tuple[int, str] | None) -> str:
    return "" if refusal is None else f", [{refusal[0]}] {refusal[1]}"


def _by_code(reply: HttpReply, operation: str, code: int, text: str) -> ExchangeError:
    if code in UNKNOWN_OUTCOME and not names_signature(text):
        return OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status}, [{code}] {text}")
    kind = refusal_of(code, text)
    if reply.status in _TOO_MANY or kind is RateLimited:
        return _rate_limited(reply, operation, code, text)
    return kind(EXCHANGE, operation, text, code=str(code))


def _rate_limited(reply: HttpReply, operation: str, code: int, text: str) -> RateLimited:
    return RateLimited(
        EXCHANGE, operation, text, code=str(code) if code else "", retry_after_s=_retry_after_s(reply, text)
    )


def _retry_after_s(reply: HttpReply, text: str) -> float:
    """How long to stay away: what the text or a header says, else the shortest the documents name."""
    least = _SHORTEST_BAN_S if reply.status == _BANNED else _FIRST_BACKOFF_S
    until = _BAN_TEXT.search(text)
    if until is not None:
        return min(max((int(until[1]) * 1_000_000 - reply.received_ns) / 1e9, least), _LONGEST_BAN_S)
    header = reply.headers.get("retry-after", "")
    if header.isascii() and header.isdigit() and len(header) <= 7:  # noqa: PLR2004 - 10^7 s are far beyond any ban
        return min(max(float(header), least), _LONGEST_BAN_S)
    return least


_CALLS: Final = Calls(EXCHANGE, body_of)
read_call: Final = _CALLS.read
write_call: Final = _CALLS.write
