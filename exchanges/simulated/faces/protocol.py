"""What a face is: bytes in, bytes out, `now` passed in.

A face turns HTTP requests and WebSocket frames of one venue into engine commands, and the engine's events into
answers and frames. It has no socket, thread, clock or randomness of its own; whoever carries it (the aiohttp server,
the simulation) hands it requests with a number and gets outputs that name the same numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from exchanges.simulated.engine_types import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One HTTP request as it was read: `query` and `body` undecoded, header names in lower case.

    `address` is the client's network address, the unit of request-weight limits.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """The answer to request `request_id`."""

    request_id: int
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDrop:
    """The connection of request `request_id` is cut without an answer."""

    request_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A text frame for session `session_id`. `is_private`: it tells about an account (faults apply to it)."""

    session_id: int
    text: str
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PingFrame:
    """A protocol ping for session `session_id`."""

    session_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession:
    """Session `session_id` is closed by the venue. `abrupt`: cut without a close frame."""

    session_id: int
    code: int = 1000
    reason: str = ""
    abrupt: bool = False


Output = HttpAnswer | HttpDrop | Frame | PingFrame | CloseSession


@runtime_checkable
class HearsPings(Protocol):
    """A face of a venue on which a client's protocol ping is a sign of life. The carrier answers it either way."""

    def ping(self, session_id: int, now_ns: int) -> None:
        """Take a protocol ping of a client."""
        ...


@runtime_checkable
class TakesOrders(Protocol):
    """A face of a venue that takes orders over WebSocket connections. Faults cut these like private ones."""

    def order_sessions(self) -> tuple[int, ...]:
        """Sessions over which an order has come."""
        ...


class Face(Protocol):
    """One venue's wire protocol over one engine. One thread calls everything; outputs are fetched with `drain`."""

    @property
    def venue(self) -> str:
        """The venue's name."""
        ...

    @property
    def account(self) -> str:
        """The engine's account the face's credentials belong to."""
        ...

    def credentials(self) -> dict[str, str | int]:
        """The throw-away credentials this face accepts, under the names of `--serve`."""
        ...

    def request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        """Take an HTTP request. Exactly one HttpAnswer or HttpDrop with its id follows, maybe later."""
        ...

    def open_session(self, session_id: int, target: str, now_ns: int) -> bool:
        """Take a WebSocket connection to path plus query `target`; False where the venue has no such path."""
        ...

    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """Take a text frame of a client."""
        ...

    def pong(self, session_id: int, now_ns: int) -> None:
        """Take a protocol pong of a client."""
        ...

    def close_session(self, session_id: int, now_ns: int) -> None:
        """The client is gone."""
        ...

    def on_events(self, events: Sequence[Event], now_ns: int) -> None:
        """Take what the engine says happened, in order."""
        ...

    def advance(self, now_ns: int) -> None:
        """Let time pass: expiries, timed streams, pings."""
        ...

    def next_ns(self) -> int | None:
        """When `advance` has something to do next; None for never."""
        ...

    def drain(self) -> list[Output]:
        """Return and forget the outputs since the last call, in order."""
        ...

    def private_sessions(self) -> tuple[int, ...]:
        """Sessions that receive an account's events now."""
        ...

    def snapshot(self) -> dict[str, object]:
        """What must survive a restart of the venue (JSON-ready)."""
        ...

    def restore(self, state: Mapping[str, object]) -> None:
        """Load what `snapshot` returned. Raises ValueError where it cannot be read."""
        ...
