"""WebSocket sessions: paths, subscriptions, control frames, pings and who gets which frame.

Source: venues/aster.md 11 and 12.1. A session whose listen key ended stays open and silent, as on the venue; so does
one that names a key that never existed.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from exchanges.simulated.faces.protocol import CloseSession, Frame, Output, PingFrame
from exchanges.wire_json import is_too_deep

SECOND_NS: Final = 1_000_000_000
PING_EVERY_NS: Final = 300 * SECOND_NS
PONG_WITHIN_NS: Final = 900 * SECOND_NS
LIFETIME_NS: Final = 24 * 3600 * SECOND_NS
MAX_STREAMS: Final = 200
MAX_MESSAGES_PER_S: Final = 10
POLICY_VIOLATION: Final = 1008
INVALID_REQUEST: Final = 2
INVALID_JSON: Final = 3


@dataclass(slots=True)
class Session:
    """One WebSocket connection."""

    session_id: int
    opened_ns: int
    is_combined: bool
    streams: list[str] = field(default_factory=list)
    last_pong_ns: int = 0
    next_ping_ns: int = 0
    window_s: int = -1
    messages: int = 0


class Sessions:
    """All connections of one venue. `emit` takes the outputs; `changed` is told which stream was subscribed."""

    def __init__(self, emit: Callable[[Output], None], changed: Callable[[str], None]) -> None:
        self._emit = emit
        self._changed = changed
        self._sessions: dict[int, Session] = {}
        self._by_stream: defaultdict[str, dict[int, None]] = defaultdict(dict)

    # --- life ---
    def open(self, session_id: int, target: str, now_ns: int) -> bool:
        """Take a connection; False where the path is not one of the venue's."""
        parts = urlsplit(target)
        path = unquote(parts.path).rstrip("/")
        if path == "/stream":
            names = [name for key, value in parse_qsl(parts.query) if key == "streams" for name in value.split("/")]
        elif path == "/ws":
            names = []
        elif path.startswith("/ws/"):
            names = path[len("/ws/") :].split("/")
        else:
            return False
        session = Session(session_id, now_ns, is_combined=path == "/stream", last_pong_ns=now_ns)
        session.next_ping_ns = now_ns + PING_EVERY_NS
        self._sessions[session_id] = session
        self._subscribe(session, [name for name in names if name])
        return True

    def close(self, session_id: int) -> None:
        """Forget a connection."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            self._unsubscribe(session, list(session.streams))

    def pong(self, session_id: int, now_ns: int) -> None:
        """A pong came."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.last_pong_ns = now_ns

    def advance(self, now_ns: int) -> None:
        """Ping, and drop who did not answer or is a day old."""
        for session in list(self._sessions.values()):
            if now_ns - session.opened_ns >= LIFETIME_NS:
                self._drop(session, 1001, "connection lifetime of 24 h is over")
            elif now_ns - session.last_pong_ns >= PONG_WITHIN_NS:
                self._drop(session, POLICY_VIOLATION, "no pong")
            elif now_ns >= session.next_ping_ns:
                session.next_ping_ns = now_ns + PING_EVERY_NS
                self._emit(PingFrame(session_id=session.session_id))

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        times = [
            min(session.next_ping_ns, session.opened_ns + LIFETIME_NS, session.last_pong_ns + PONG_WITHIN_NS)
            for session in self._sessions.values()
        ]
        return min(times, default=None)

    def _drop(self, session: Session, code: int, reason: str) -> None:
        self._emit(CloseSession(session_id=session.session_id, code=code, reason=reason))
        self.close(session.session_id)

    # --- frames ---
    def send(self, stream: str, body: dict[str, object], *, is_private: bool = False) -> None:
        """Send one event to everybody who has the stream."""
        receivers = self._by_stream.get(stream)
        if not receivers:
            return
        raw = json.dumps(body, separators=(",", ":"))
        for session_id in receivers:
            combined = self._sessions[session_id].is_combined
            frame = f'{{"stream":{json.dumps(stream)},"data":{raw}}}' if combined else raw
            self._emit(Frame(session_id=session_id, text=frame, is_private=is_private))

    def has(self, stream: str) -> bool:
        """Whether anybody has the stream."""
        return bool(self._by_stream.get(stream))

    def streams(self) -> Iterable[str]:
        """Streams somebody has."""
        return [name for name, receivers in self._by_stream.items() if receivers]

    def subscribers(self, stream: str) -> tuple[int, ...]:
        """Sessions that have the stream."""
        return tuple(self._by_stream.get(stream, ()))

    def silence(self, stream: str) -> None:
        """Take the stream from everybody; their connections stay open."""
        for session_id in self.subscribers(stream):
            self._unsubscribe(self._sessions[session_id], [stream])

    # --- control frames ---
    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """Take a text frame of a client."""
        session = self._sessions.get(session_id)
        if session is None or self._is_too_fast(session, now_ns):
            return
        try:
            if is_too_deep(text):
                raise ValueError("nested too deep")  # noqa: TRY301 - one answer for everything unreadable
            request = json.loads(text)
        except ValueError:
            self._refuse(session, INVALID_JSON, "Invalid JSON: expected value", None)
            return
        self._control(session, request)

    def _is_too_fast(self, session: Session, now_ns: int) -> bool:
        second = now_ns // SECOND_NS
        if session.window_s != second:
            session.window_s, session.messages = second, 0
        session.messages += 1
        if session.messages <= MAX_MESSAGES_PER_S:
            return False
        self._drop(session, POLICY_VIOLATION, "too many messages")
        return True

    def _control(self, session: Session, request: object) -> None:
        if not isinstance(request, dict):
            self._refuse(session, INVALID_REQUEST, "Invalid request: not an object", None)
            return
        number, method, params = request.get("id"), request.get("method"), request.get("params", [])
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            self._refuse(session, INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer", None)
        elif method == "LIST_SUBSCRIPTIONS":
            self._reply(session, {"result": list(session.streams), "id": number})
        elif method in ("SET_PROPERTY", "GET_PROPERTY"):
            self._property(session, str(method), params, number)
        elif not isinstance(params, list) or not all(isinstance(name, str) for name in params):
            self._refuse(session, INVALID_REQUEST, "Invalid request: params must be a list of strings", number)
        elif method == "SUBSCRIBE":
            self._subscribe(session, params)
            self._reply(session, {"result": None, "id": number})
        elif method == "UNSUBSCRIBE":
            self._unsubscribe(session, params)
            self._reply(session, {"result": None, "id": number})
        else:
            self._refuse(session, INVALID_REQUEST, f"Invalid request: unknown variant `{method}`", number)

    def _property(self, session: Session, method: str, params: object, number: int) -> None:
        if not isinstance(params, list) or not params or params[0] != "combined":
            self._refuse(session, 0, "Unknown property", number)
        elif method == "GET_PROPERTY":
            self._reply(session, {"result": session.is_combined, "id": number})
        elif len(params) < 2 or not isinstance(params[1], bool):  # noqa: PLR2004 - name and value
            self._refuse(session, 1, "Invalid value type: expected Boolean", number)
        else:
            session.is_combined = params[1]
            self._reply(session, {"result": None, "id": number})

    def _subscribe(self, session: Session, names: list[str]) -> None:
        for name in names:
            if len(session.streams) >= MAX_STREAMS:
                self._drop(session, POLICY_VIOLATION, "too many streams")
                return
            if name not in session.streams:
                session.streams.append(name)
                self._by_stream[name][session.session_id] = None
                self._changed(name)

    def _unsubscribe(self, session: Session, names: list[str]) -> None:
        for name in names:
            if name in session.streams:
                session.streams.remove(name)
                self._by_stream[name].pop(session.session_id, None)
                if not self._by_stream[name]:
                    del self._by_stream[name]

    def _reply(self, session: Session, body: dict[str, object]) -> None:
        self._emit(Frame(session_id=session.session_id, text=json.dumps(body, separators=(",", ":"))))

    def _refuse(self, session: Session, code: int, text: str, number: int | None) -> None:
        body: dict[str, object] = {"code": code, "msg": text}
        if number is not None:
            body["id"] = number
        self._reply(session, body)
