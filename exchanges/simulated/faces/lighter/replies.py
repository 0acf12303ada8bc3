"""How an answer leaves the venue, and what planned mishaps make of it: by REST or as a frame, now, later or never."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.sessions import Message
from exchanges.simulated.faces.mishaps import Mishap, PlannedMishap
from exchanges.simulated.faces.protocol import CloseSession, Frame, HttpAnswer, HttpDrop, Output

JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
HTML: Final = {"Content-Type": "text/html"}
PAGE: Final = b"<html><body>error</body></html>"
BAD_GATEWAY: Final = 502
_ABNORMAL: Final = 1006

_CODES: Final[Mapping[Mishap, int]] = {
    Mishap.TIMEOUT_BEFORE: refusals.TIMED_OUT,
    Mishap.TIMEOUT_AFTER: refusals.TIMED_OUT,
    Mishap.RATE_LIMITED: refusals.TOO_MANY_REQUESTS,
    Mishap.STALE_NONCE: refusals.BAD_NONCE,
    Mishap.HTML: refusals.INTERNAL,
}


class Reply(Protocol):
    """Where an answer goes. Each returns the output, None for nothing."""

    def answer(self, body: Mapping[str, object]) -> Output | None:
        """Say yes."""
        ...

    def refuse(self, refusal: VenueRefusal) -> Output | None:
        """Say no."""
        ...

    def drop(self) -> Output | None:
        """Cut the line."""
        ...

    def page(self) -> Output | None:
        """Answer with a page of something in between."""
        ...


@dataclass(frozen=True, slots=True)
class RestReply:
    """The answer to an HTTP request."""

    request_id: int

    def answer(self, body: object) -> Output:
        """See `Reply.answer`."""
        return self._send(200, JSON, json.dumps(body, separators=(",", ":")).encode())

    def refuse(self, refusal: VenueRefusal) -> Output:
        """See `Reply.refuse`."""
        return self._send(refusal.status, JSON, json.dumps(refusal.body, separators=(",", ":")).encode())

    def drop(self) -> Output:
        """See `Reply.drop`."""
        return HttpDrop(request_id=self.request_id)

    def page(self, status: int = BAD_GATEWAY) -> Output:
        """See `Reply.page`."""
        return self._send(status, HTML, PAGE)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        return HttpAnswer(request_id=self.request_id, status=status, headers=headers, body=body)


@dataclass(frozen=True, slots=True)
class FrameReply:
    """The answer to a transaction frame. `number` is the client's id for it, None where it could not be read."""

    session_id: int
    kind: str
    number: object

    def answer(self, body: Mapping[str, object]) -> Output:
        """See `Reply.answer`."""
        return self._send({**body, "type": self.kind})

    def refuse(self, refusal: VenueRefusal) -> Output:
        """See `Reply.refuse`."""
        return self._send({"error": refusal.body})

    def drop(self) -> Output:
        """See `Reply.drop`."""
        return CloseSession(session_id=self.session_id, code=_ABNORMAL, reason="", abrupt=True)

    def page(self) -> Output:
        """See `Reply.page`: there are no pages on a WebSocket."""
        return self.refuse(VenueRefusal(refusals.INTERNAL))

    def _send(self, body: Message) -> Frame:
        if self.number is not None:
            body["id"] = self.number
        return Frame(session_id=self.session_id, text=json.dumps(body, separators=(",", ":")))


class Replies:
    """Lets answers leave, with what was planned to go wrong. `emit` takes the outputs."""

    def __init__(self, emit: Callable[[Output], None]) -> None:
        self._emit = emit
        self._late: list[tuple[int, Output]] = []

    def handle(
        self, reply: Reply, planned: PlannedMishap | None, act: Callable[[], Mapping[str, object]], now_ns: int
    ) -> None:
        """Do what was asked (or not) and let the answer leave (or not)."""
        mishap = None if planned is None else planned.mishap
        if mishap is not None and not mishap.is_after:
            self._send(_suffer(reply, mishap))
            return
        try:
            output = reply.answer(act())
        except VenueRefusal as refusal:
            output = reply.refuse(refusal)
        if mishap is Mishap.LOST_REPLY:
            output = reply.drop()
        elif mishap is Mishap.TIMEOUT_AFTER:
            output = reply.refuse(VenueRefusal(refusals.TIMED_OUT))
        if planned is not None and mishap is Mishap.LATE_REPLY and output is not None:
            self._late.append((now_ns + planned.delay_ns, output))
        else:
            self._send(output)

    def advance(self, now_ns: int) -> None:
        """Let late answers leave."""
        for due_ns, output in self._late:
            if due_ns <= now_ns:
                self._emit(output)
        self._late = [(due_ns, output) for due_ns, output in self._late if due_ns > now_ns]

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        return min((due_ns for due_ns, _ in self._late), default=None)

    def _send(self, output: Output | None) -> None:
        if output is not None:
            self._emit(output)


def _suffer(reply: Reply, mishap: Mishap) -> Output | None:
    if mishap is Mishap.LOST_REQUEST:
        return reply.drop()
    if mishap is Mishap.HTML:
        return reply.page()
    return reply.refuse(VenueRefusal(_CODES[mishap]))
