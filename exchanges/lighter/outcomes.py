"""From an HTTP answer to what may be concluded (venues/lighter.md, sections 1, 2, 8.3; RELIABILITY.md C.0).

A success is HTTP 2xx without a code, or with the code 200. A refusal is believed only from a body that is the venue's
own `{"code": number, "message": text}`. Everything else (a page of the firewall with 403, 405 or 429, any 5xx, a
redirect) leaves a write in the unknown: the transaction may have been taken.
"""

from collections.abc import Mapping
from typing import Any, Final

from exchanges.calls import Calls
from exchanges.errors import AuthenticationRefused, ExchangeError, MalformedMessage, OutcomeUnknown, RateLimited
from exchanges.lighter.errors import UNKNOWN_OUTCOME, refusal_of
from exchanges.venue import HttpReply
from exchanges.wire_json import decode

EXCHANGE: Final = "lighter"
CODE_OK: Final = 200
_OK: Final = range(200, 300)
_CLIENT_SIDE: Final = range(400, 500)
_NO_CODE: Final = 10**9
_FORBIDDEN: Final = 403
_TOO_MANY: Final = frozenset({405, 429})
_API_BACKOFF_S: Final = 6.0
"""The cool-down of the API is weight / (limit per minute / 60) seconds: 6 for a transaction on a standard account."""
_FIREWALL_BACKOFF_S: Final = 60.0
_LONGEST_BACKOFF_S: Final = 300.0


def body_of(reply: HttpReply, operation: str, *, writes: bool) -> Any:  # noqa: ANN401 - a decoded body has no type yet
    """Return the decoded body of a success.

    Raises:
        RequestRefused: (a member of its family) the venue said no; nothing happened.
        OutcomeUnknown: the answer does not say what happened.
        MalformedMessage: a success whose body is not JSON, or whose code is none.
    """
    if reply.status in _OK:
        body = decode(reply.body, EXCHANGE, operation)
        code = _code_of(body)
        if code is None and isinstance(body, Mapping) and body.get("code") is not None:
            raise MalformedMessage(EXCHANGE, operation, "code is not a code", excerpt=str(body))
        if code is None or code == CODE_OK:
            return body
        raise _by_code(reply, operation, code, _text_of(body))
    raise _failure(reply, operation, writes=writes)


def _failure(reply: HttpReply, operation: str, *, writes: bool) -> ExchangeError:
    said = _venue_body(reply, operation)
    if said is None:
        text = f"HTTP {reply.status} without a body of the venue"
        if reply.status in _TOO_MANY and not writes:
            return RateLimited(EXCHANGE, operation, text, retry_after_s=_retry_after_s(reply, _FIREWALL_BACKOFF_S))
        return OutcomeUnknown(EXCHANGE, operation, text)
    code, text = said
    if reply.status not in _CLIENT_SIDE:
        return OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status}, [{code}] {text}")
    return _by_code(reply, operation, code, text)


def _by_code(reply: HttpReply, operation: str, code: int, text: str) -> ExchangeError:
    if code in UNKNOWN_OUTCOME:
        return OutcomeUnknown(EXCHANGE, operation, f"HTTP {reply.status}, [{code}] {text}")
    kind = refusal_of(code)
    if reply.status in _TOO_MANY or kind is RateLimited:
        wait_s = _retry_after_s(reply, _API_BACKOFF_S)
        return RateLimited(EXCHANGE, operation, text, code=str(code), retry_after_s=wait_s)
    if reply.status == _FORBIDDEN:  # the code of a restricted region is not established, its status is
        kind = AuthenticationRefused
    return kind(EXCHANGE, operation, text, code=str(code))


def _venue_body(reply: HttpReply, operation: str) -> tuple[int, str] | None:
    """Code and text of the venue's own error body, None for anything else."""
    try:
        body = decode(reply.body, EXCHANGE, operation)
    except MalformedMessage:
        return None
    code = _code_of(body)
    return None if code is None or code == CODE_OK else (code, _text_of(body))


def _code_of(body: object) -> int | None:
    code = body.get("code") if isinstance(body, Mapping) else None
    is_code = isinstance(code, int) and not isinstance(code, bool) and abs(code) < _NO_CODE
    return code if is_code else None


def _text_of(body: Mapping[str, object]) -> str:
    text = body.get("message")
    return text.strip()[:200] if isinstance(text, str) else ""


def _retry_after_s(reply: HttpReply, least_s: float) -> float:
    header = reply.headers.get("retry-after", "")
    if header.isascii() and header.isdigit() and len(header) <= 7:  # noqa: PLR2004 - 10^7 s are far beyond any ban
        return min(max(float(header), least_s), _LONGEST_BACKOFF_S)
    return least_s


CALLS: Final = Calls(EXCHANGE, body_of)
