"""WebSocket sessions: subscriptions, keep-alive, error frames and who gets which frame.

Source: venues/lighter.md 8.2, 12. Outbound names use a slash, inbound ones a colon. A second subscription to a channel
is an error and gives no new snapshot. A session without a frame of its client, protocol pings included, for two
minutes is closed. Frames are counted per session, not per address.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.protocol import CloseSession, Frame, Output
from exchanges.wire_json import is_too_deep

SECOND_NS: Final = 1_000_000_000
IDLE_NS: Final = 120 * SECOND_NS
MINUTE_NS: Final = 60 * SECOND_NS
MAX_SESSIONS: Final = 255
MAX_CHANNELS: Final = 500
MAX_FRAMES_PER_MINUTE: Final = 200
NORMAL: Final = 1000

Message = dict[str, object]


@dataclass(slots=True)
class Session:
    """One WebSocket connection."""

    session_id: int
    is_readonly: bool
    heard_ns: int
    channels: dict[str, None] = field(default_factory=dict)
    window: int = -1
    frames: int = 0
    sends: bool = False


class Sessions:
    """All connections of one venue.

    `emit` takes the outputs. `subscribe(channel, auth, now_ns)` returns the snapshot of a channel (None for a channel
    that sends none) or raises VenueRefusal; `transact(session_id, message, now_ns)` takes a transaction frame.
    """

    def __init__(
        self,
        emit: Callable[[Output], None],
        subscribe: Callable[[str, str | None, int], Message | None],
        transact: Callable[[int, Message, int], None],
        make_id: Callable[[], str],
    ) -> None:
        self.idle_ns = IDLE_NS
        self._emit = emit
        self._snapshot = subscribe
        self._transact = transact
        self._make_id = make_id
        self._sessions: dict[int, Session] = {}
        self._by_channel: defaultdict[str, dict[int, None]] = defaultdict(dict)
        self._closing: dict[int, int] = {}

    # --- life ---
    def open(self, session_id: int, target: str, now_ns: int) -> bool:
        """Take a connection; False where the path is not the venue's or there are too many."""
        parts = urlsplit(target)
        if parts.path.rstrip("/") != "/stream" or len(self._sessions) >= MAX_SESSIONS:
            return False
        is_readonly = dict(parse_qsl(parts.query)).get("readonly", "").lower() == "true"
        self._sessions[session_id] = Session(session_id, is_readonly, now_ns)
        self.reply(session_id, {"session_id": self._make_id(), "type": "connected"})
        return True

    def close(self, session_id: int) -> None:
        """Forget a connection."""
        session = self._sessions.pop(session_id, None)
        self._closing.pop(session_id, None)
        for channel in session.channels if session is not None else ():
            self._drop_from(channel, session_id)

    def heard(self, session_id: int, now_ns: int) -> None:
        """A frame of the client came, of whatever kind."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.heard_ns = now_ns

    def announce_shutdown(self, close_in_ms: int, now_ns: int) -> None:
        """Tell everybody that the connection will be closed, and close it then."""
        for session_id in self._sessions:
            self.reply(session_id, {"type": "shutdown", "close_in_ms": close_in_ms})
            self._closing[session_id] = now_ns + close_in_ms * 1_000_000

    def advance(self, now_ns: int) -> None:
        """Close who has been silent for too long, and who was told to expect it."""
        for session in list(self._sessions.values()):
            if now_ns - session.heard_ns >= self.idle_ns:
                self._hang_up(session, "i/o timeout")
            elif now_ns >= self._closing.get(session.session_id, now_ns + 1):
                self._hang_up(session, "shutdown")

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        times = [session.heard_ns + self.idle_ns for session in self._sessions.values()]
        return min([*times, *self._closing.values()], default=None)

    def _hang_up(self, session: Session, reason: str) -> None:
        self._emit(CloseSession(session_id=session.session_id, code=NORMAL, reason=reason))
        self.close(session.session_id)

    # --- out ---
    def send(self, channel: str, body: Message, *, is_private: bool = False) -> None:
        """Send one message to everybody who has the channel."""
        receivers = self._by_channel.get(channel)
        if not receivers:
            return
        text = json.dumps(body, separators=(",", ":"))
        for session_id in receivers:
            self._emit(Frame(session_id=session_id, text=text, is_private=is_private))

    def reply(self, session_id: int, body: Message) -> None:
        """Send one message to one session."""
        if session_id in self._sessions:
            self._emit(Frame(session_id=session_id, text=json.dumps(body, separators=(",", ":"))))

    def has(self, channel: str) -> bool:
        """Whether anybody has a channel."""
        return bool(self._by_channel.get(channel))

    def channels(self) -> tuple[str, ...]:
        """Channels somebody has."""
        return tuple(self._by_channel)

    def subscribers(self, wanted: Callable[[str], bool]) -> tuple[int, ...]:
        """Sessions with a channel that is wanted."""
        return tuple(
            session.session_id for session in self._sessions.values() if any(wanted(name) for name in session.channels)
        )

    def senders(self) -> tuple[int, ...]:
        """Sessions over which a transaction has come."""
        return tuple(session.session_id for session in self._sessions.values() if session.sends)

    # --- in ---
    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """Take a text frame of a client."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        session.heard_ns = now_ns
        try:
            message = _read(text)
            kind = message.get("type")
            if isinstance(kind, str) and kind.startswith("jsonapi/"):
                self._take_transaction(session, message, now_ns)
                return
            self._count(session, now_ns)
            self._control(session, kind, message, now_ns)
        except VenueRefusal as refusal:
            self.reply(session_id, {"error": refusal.body})

    def _take_transaction(self, session: Session, message: Message, now_ns: int) -> None:
        if session.is_readonly:
            raise VenueRefusal(refusals.UNSUPPORTED, detail=" on a read-only connection")
        session.sends = True
        self._transact(session.session_id, message, now_ns)

    @staticmethod
    def _count(session: Session, now_ns: int) -> None:
        minute = now_ns // MINUTE_NS
        if session.window != minute:
            session.window, session.frames = minute, 0
        session.frames += 1
        if session.frames > MAX_FRAMES_PER_MINUTE:
            raise VenueRefusal(refusals.TOO_MANY_MESSAGES)

    def _control(self, session: Session, kind: object, message: Message, now_ns: int) -> None:
        if kind == "ping":
            self.reply(session.session_id, {"type": "pong"})
        elif kind == "pong":
            return
        elif kind not in ("subscribe", "unsubscribe"):
            raise VenueRefusal(refusals.BAD_TYPE)
        else:
            channel, auth = message.get("channel"), message.get("auth")
            if not isinstance(channel, str) or not (auth is None or isinstance(auth, str)):
                raise VenueRefusal(refusals.BAD_CHANNEL)
            name = channel.replace("/", ":")
            if kind == "subscribe":
                self._subscribe(session, name, auth, now_ns)
            else:
                self._unsubscribe(session, name)

    def _subscribe(self, session: Session, channel: str, auth: str | None, now_ns: int) -> None:
        if channel in session.channels:
            raise VenueRefusal(refusals.ALREADY_SUBSCRIBED, detail=channel)
        if len(session.channels) >= MAX_CHANNELS:
            raise VenueRefusal(refusals.TOO_MANY_SUBSCRIPTIONS)
        snapshot = self._snapshot(channel, auth, now_ns)
        session.channels[channel] = None
        self._by_channel[channel][session.session_id] = None
        if snapshot is not None:
            self.reply(session.session_id, snapshot)

    def _unsubscribe(self, session: Session, channel: str) -> None:
        if channel not in session.channels:
            raise VenueRefusal(refusals.NOT_SUBSCRIBED, detail=channel)
        del session.channels[channel]
        self._drop_from(channel, session.session_id)
        self.reply(session.session_id, {"type": "unsubscribed", "channel": channel})

    def _drop_from(self, channel: str, session_id: int) -> None:
        self._by_channel[channel].pop(session_id, None)
        if not self._by_channel[channel]:
            del self._by_channel[channel]


def _read(text: str) -> Message:
    try:
        message = None if is_too_deep(text) else json.loads(text)
    except ValueError:
        raise VenueRefusal(refusals.BAD_JSON) from None
    if not isinstance(message, dict):
        raise VenueRefusal(refusals.BAD_JSON)
    return message
