"""WebSocket sessions: one address, subscriptions in silence, error frames, pings and who gets which frame.

Source: venues/backpack.md 10. Streams come in envelopes, the keys of the data in alphabetical order. Of a frame with
something wrong in it nothing is subscribed: a choice where the venue is unknown.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final
from urllib.parse import urlsplit

from exchanges.simulated.faces.protocol import CloseSession, Frame, Output, PingFrame
from exchanges.wire_json import is_too_deep

SECOND_NS: Final = 1_000_000_000
PING_EVERY_NS: Final = 60 * SECOND_NS
PONG_WITHIN_NS: Final = 120 * SECOND_NS
FIRST_PING_S: Final = (5.0, 38.0)
ABNORMAL: Final = 1006

PARSE_ERROR: Final = (4002, "Parse error")
INVALID_SIGNATURE: Final = (4003, "Invalid signature")
INVALID_STREAM: Final = (4006, "Invalid stream")
INVALID_DEPTH_WINDOW: Final = (4008, "Invalid depth window")

PRIVATE_PREFIX: Final = "account."
DEPTH_WINDOWS: Final = frozenset({"200ms", "600ms", "1000ms"})
_WINDOW: Final = re.compile(r"depth\.([0-9]+m?s)\..+")
_PUBLIC: Final = re.compile(
    r"(bookTicker|depth|trade|markPrice|ticker|openInterest|liquidation)\..+|kline\.[0-9a-z]+\..+|liquidation"
)
_PRIVATE: Final = re.compile(r"account\.((orderUpdate|positionUpdate|rfqUpdate)(\..+)?|balanceUpdate)")


@dataclass(slots=True)
class Session:
    """One WebSocket connection. `streams` keeps the order of subscription."""

    session_id: int
    last_pong_ns: int
    next_ping_ns: int
    streams: dict[str, None] = field(default_factory=dict)


class Sessions:
    """All connections of one venue.

    `emit` takes the outputs, `verify` says whether the proof in a SUBSCRIBE frame allows private streams, `changed` is
    told which session has subscribed to what.
    """

    def __init__(
        self,
        emit: Callable[[Output], None],
        verify: Callable[[object, int], bool],
        changed: Callable[[int, str, int], None],
        rng: Random,
    ) -> None:
        self._emit = emit
        self._verify = verify
        self._changed = changed
        self._rng = rng
        self._sessions: dict[int, Session] = {}
        self._by_stream: defaultdict[str, dict[int, None]] = defaultdict(dict)

    # --- life ---
    def open(self, session_id: int, target: str, now_ns: int) -> bool:
        """Take a connection; False where it is not to the venue's one address."""
        if urlsplit(target).path not in ("", "/"):
            return False
        first_ns = now_ns + int(self._rng.uniform(*FIRST_PING_S) * SECOND_NS)
        self._sessions[session_id] = Session(session_id, now_ns, first_ns)
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
        """Ping, and cut who did not answer."""
        for session in list(self._sessions.values()):
            if now_ns - session.last_pong_ns >= PONG_WITHIN_NS:
                self._emit(CloseSession(session_id=session.session_id, code=ABNORMAL, abrupt=True))
                self.close(session.session_id)
            elif now_ns >= session.next_ping_ns:
                session.next_ping_ns = now_ns + PING_EVERY_NS
                self._emit(PingFrame(session_id=session.session_id))

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        times = [min(session.next_ping_ns, session.last_pong_ns + PONG_WITHIN_NS) for session in self._each()]
        return min(times, default=None)

    def _each(self) -> list[Session]:
        return list(self._sessions.values())

    # --- frames out ---
    def send(self, stream: str, data: Mapping[str, object]) -> None:
        """Send one event to everybody who has the stream."""
        receivers = self._by_stream.get(stream)
        if receivers:
            text = _envelope(stream, data)
            is_private = stream.startswith(PRIVATE_PREFIX)
            for session_id in receivers:
                self._emit(Frame(session_id=session_id, text=text, is_private=is_private))

    def send_to(self, session_id: int, stream: str, data: Mapping[str, object]) -> None:
        """Send one event to one session."""
        is_private = stream.startswith(PRIVATE_PREFIX)
        self._emit(Frame(session_id=session_id, text=_envelope(stream, data), is_private=is_private))

    def has(self, stream: str) -> bool:
        """Whether anybody has the stream."""
        return bool(self._by_stream.get(stream))

    def private_sessions(self) -> tuple[int, ...]:
        """Sessions with a stream of the account."""
        return tuple(
            session.session_id
            for session in self._each()
            if any(name.startswith(PRIVATE_PREFIX) for name in session.streams)
        )

    # --- frames in ---
    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """Take a text frame of a client."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        try:
            request = None if is_too_deep(text) else json.loads(text)
        except ValueError:
            request = None
        problem = self._control(session, request, now_ns)
        if problem is not None:
            code, message = problem
            body = json.dumps({"id": None, "error": {"code": code, "message": message}}, separators=(",", ":"))
            self._emit(Frame(session_id=session_id, text=body))

    def _control(self, session: Session, request: object, now_ns: int) -> tuple[int, str] | None:
        """Do what a frame asks for; return the error that answers it, None for silence."""
        if not isinstance(request, dict):
            return PARSE_ERROR
        method, names = request.get("method"), request.get("params")
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not isinstance(names, list):
            return PARSE_ERROR
        if not all(isinstance(name, str) for name in names):
            return PARSE_ERROR
        if method == "UNSUBSCRIBE":
            self._unsubscribe(session, names)
            return None
        problem = next((found for name in names if (found := _problem(name)) is not None), None)
        if problem is not None:
            return problem
        is_private = any(name.startswith(PRIVATE_PREFIX) for name in names)
        if is_private and not self._verify(request.get("signature"), now_ns):
            return INVALID_SIGNATURE
        self._subscribe(session, names, now_ns)
        return None

    def _subscribe(self, session: Session, names: list[str], now_ns: int) -> None:
        for name in names:
            if name not in session.streams:
                session.streams[name] = None
                self._by_stream[name][session.session_id] = None
                self._changed(session.session_id, name, now_ns)

    def _unsubscribe(self, session: Session, names: list[str]) -> None:
        for name in names:
            if name in session.streams:
                del session.streams[name]
                self._by_stream[name].pop(session.session_id, None)
                if not self._by_stream[name]:
                    del self._by_stream[name]


def _problem(name: str) -> tuple[int, str] | None:
    """Return what is wrong with the name of a stream. A market nobody knows is not: it stays silent."""
    window = _WINDOW.fullmatch(name)
    if window is not None and window[1] not in DEPTH_WINDOWS:
        return INVALID_DEPTH_WINDOW
    return None if _PUBLIC.fullmatch(name) or _PRIVATE.fullmatch(name) else INVALID_STREAM


def _envelope(stream: str, data: Mapping[str, object]) -> str:
    return json.dumps({"data": data, "stream": stream}, separators=(",", ":"), sort_keys=True)
