"""How the face's answers leave: JSON with sorted keys or plain text, at once, late, cut, or about what is still queued.

Source: venues/backpack.md 2 (encoding), 4 (plain text, pages of the CDN) and 16 (order of reply and event, faults).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from exchanges.simulated.faces.backpack.endpoints import Reply
from exchanges.simulated.faces.backpack.refusals import (
    Refusal,
    Unparsable,
    outcome_unknown,
    too_many_requests,
)
from exchanges.simulated.faces.mishaps import COMMON_MISHAPS, Mishap, PlannedMishap
from exchanges.simulated.faces.protocol import HttpAnswer, HttpDrop, Output

BACKPACK_MISHAPS: Final = COMMON_MISHAPS | {Mishap.CANCEL_QUEUED, Mishap.PLAIN_TEXT}
ACCEPTED: Final = 202
BAD_GATEWAY: Final = 502

_JSON: Final = "application/json; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_REFUSALS: Final[Mapping[Mishap, Callable[[], Refusal]]] = {
    Mishap.TIMEOUT_BEFORE: outcome_unknown,
    Mishap.RATE_LIMITED: too_many_requests,
    Mishap.PLAIN_TEXT: lambda: Unparsable("unexpected end of input"),
}


@dataclass(slots=True)
class Answers:
    """Turns bodies into answers. `emit` takes the outputs."""

    emit: Callable[[Output], None]
    _late: list[tuple[int, HttpAnswer]] = field(default_factory=list)

    def refuse(self, request_id: int, refusal: Refusal, planned: PlannedMishap | None, now_ns: int) -> None:
        """Answer with an error."""
        self.send(request_id, Reply(refusal.body, status=refusal.status), planned, now_ns)

    def send(
        self, request_id: int, body: object, planned: PlannedMishap | None, now_ns: int, *, delay_ns: int | None = None
    ) -> None:
        """Answer, unless the planned mishap makes something else of it. `delay_ns` 0 is the end of this step."""
        mishap = None if planned is None else planned.mishap
        if mishap is Mishap.LOST_REPLY:
            self.emit(HttpDrop(request_id=request_id))
            return
        if mishap is Mishap.TIMEOUT_AFTER:
            refusal = outcome_unknown()
            body = Reply(refusal.body, status=refusal.status)
        if planned is not None and mishap is Mishap.LATE_REPLY:
            delay_ns = planned.delay_ns
        answer = _answer(request_id, body if isinstance(body, Reply) else Reply(body))
        if delay_ns is None:
            self.emit(answer)
        else:
            self._late.append((now_ns + delay_ns, answer))

    def suffer(self, request_id: int, mishap: Mishap, now_ns: int) -> None:
        """Let a request meet a mishap that keeps it from being executed."""
        if mishap is Mishap.LOST_REQUEST:
            self.emit(HttpDrop(request_id=request_id))
        elif mishap is Mishap.HTML:
            page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
            headers = {"Content-Type": "text/html"}
            self.emit(HttpAnswer(request_id=request_id, status=BAD_GATEWAY, headers=headers, body=page))
        else:
            self.refuse(request_id, _REFUSALS[mishap](), None, now_ns)

    def release(self, now_ns: int) -> None:
        """Let go of late answers whose time has come."""
        due = [answer for due_ns, answer in self._late if due_ns <= now_ns]
        self._late = [(due_ns, answer) for due_ns, answer in self._late if due_ns > now_ns]
        for answer in due:
            self.emit(answer)

    def next_ns(self) -> int | None:
        """When `release` has something to do next."""
        return min((due_ns for due_ns, _ in self._late), default=None)


def _answer(request_id: int, reply: Reply) -> HttpAnswer:
    if isinstance(reply.body, str) or reply.body is None:
        kind, raw = _TEXT, (reply.body or "").encode()
    else:
        kind, raw = _JSON, json.dumps(reply.body, separators=(",", ":"), sort_keys=True).encode()
    headers = {"Content-Type": kind, **reply.headers}
    return HttpAnswer(request_id=request_id, status=reply.status, headers=headers, body=raw)
