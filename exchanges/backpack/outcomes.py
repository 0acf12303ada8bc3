"""From an HTTP answer to what may be concluded (venues/backpack.md, sections 4 and 4.2; RELIABILITY.md C.0).

The order of the questions: HTTP status, then JSON, then code and text. A refusal is believed only from a body that is
the venue's own `{"code": NAME, "message": text}` below HTTP 500. Everything else that is not a success (plain text
from a parser, a page of the CDN, any 5xx, a redirect) leaves a write in the unknown: it may have been executed.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from exchanges.backpack.errors import UNKNOWN_OUTCOME, refusal_of
from exchanges.calls import Calls
from exchanges.errors import ExchangeError, MalformedMessage, OutcomeUnknown, RateLimited
from exchanges.venue import HttpReply
from exchanges.wire_json import decode

EXCHANGE: Final = "backpack"
_OK: Final = range(200, 300)
_QUEUED: Final = 202
_CLIENT_SIDE: Final = range(400, 500)
_TOO_MANY: Final = 429
_BACKOFF_S: Final = 1.0
_LONGEST_BACKOFF_S: Final = 120.0
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{2,60}")


def body_of(reply: HttpReply, operation: str, *, writes: bool) -> Any:  # noqa: ANN401 - a decoded body has no type yet
    """Return the decoded body of a success, None where it is empty (PATCH account answers so).

    Raises:
        RequestRefused: (a member of its family) the venue said no; nothing happened.
        OutcomeUnknown: the answer does not say what happened, or says that it has not happened yet (202).
        MalformedMessage: a success whose body is not JSON.
    """
    if reply.status == _QUEUED:
        raise OutcomeUnknown(EXCHANGE, operation, "HTTP 202: accepted, but not executed yet")
    if reply.status in _OK:
        return decode(reply.body, EXCHANGE, operation) if reply.body.strip() else None
    raise _failure(reply, operation, writes=writes)


def _failure(reply: HttpReply, operation: str, *, writes: bool) -> ExchangeError:
    said = _venue_body(reply, operation)
    if said is None:
        text = f"HTTP {reply.status} without a body of the venue"
        if reply.status == _TOO_MANY and not writes:
            return RateLimited(EXCHANGE, operation, text, retry_after_s=_retry_after_s(reply))
        return OutcomeUnknown(EXCHANGE, operation, text)
    code, text = said
    if reply.status not in _CLIENT_SIDE or code in UNKNOWN_OUTCOME:
        return OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status}, [{code}] {text}")
    kind = refusal_of(code, text)
    if reply.status == _TOO_MANY or kind is RateLimited:
        return RateLimited(EXCHANGE, operation, text, code=code, retry_after_s=_retry_after_s(reply))
    return kind(EXCHANGE, operation, text, code=code)


def _venue_body(reply: HttpReply, operation: str) -> tuple[str, str] | None:
    """Code and text of the venue's own error body, None for anything else."""
    try:
        body = decode(reply.body, EXCHANGE, operation)
    except MalformedMessage:
        return None
    code = body.get("code") if isinstance(body, Mapping) else None
    if not isinstance(code, str) or _CODE.fullmatch(code) is None:
        return None
    text = body.get("message")
    return code, text[:200] if isinstance(text, str) else ""


def _retry_after_s(reply: HttpReply) -> float:
    """How long to stay away. The venue was never seen to say so; section 4.2 starts with a second."""
    header = reply.headers.get("retry-after", "")
    if header.isascii() and header.isdigit() and len(header) <= 7:  # noqa: PLR2004 - 10^7 s are far beyond any ban
        return min(max(float(header), _BACKOFF_S), _LONGEST_BACKOFF_S)
    return _BACKOFF_S


_CALLS: Final = Calls(EXCHANGE, body_of)
read_call: Final = _CALLS.read
write_call: Final = _CALLS.write
