"""Readers of streams as the actors use them: each connection has a number, and only the current one is listened to."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pykka

from actors.addresses import Address
from actors.venue_messages import FrameReceived, FramesWaiting, StreamEnded, StreamFact, StreamOpened
from exchanges.venue import StreamEndpoint

_MOST_FRAMES = 4096
"""Public frames kept for the price stream while it is busy; older ones are of no use, because only the newest counts.
"""


class Reader(Protocol):
    """One connection on a thread of its own (`exchanges.stream_transport.StreamReader`)."""

    @property
    def alive_ns(self) -> int:
        """Monotonic time of the last frame or pong, 0 before the connection is open."""
        ...

    def start(self) -> None:
        """Begin connecting."""
        ...

    def send(self, text: str) -> None:
        """Send a text frame, once the connection is open. Any thread.

        Raises StreamClosed, which says whether the frame may have left.
        """
        ...

    def stop(self) -> bool:
        """End the connection and the thread."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderCalls:
    """What a reader calls on its own thread."""

    on_frame: Callable[[bytes, int, int], None]
    on_open: Callable[[], None]
    on_closed: Callable[[str], None]


NewReader = Callable[[StreamEndpoint, ReaderCalls], Reader]
"""Makes a reader that is not started yet. Raises ConfigError for an address that cannot be used."""


def _quietly(tell: Callable[[], None]) -> None:
    try:
        tell()
    except pykka.ActorDeadError:  # the actor has ended and stops this reader next
        return


def calls_for(address: Address[StreamFact], stream: int) -> ReaderCalls:
    """Return calls that tell every frame, in order and with its times: for a private stream."""

    def on_frame(data: bytes, at_ns: int, wall_ns: int) -> None:
        try:
            address.tell(FrameReceived(stream, data, at_ns, wall_ns))
        except pykka.ActorDeadError:  # see _quietly
            return

    return ReaderCalls(
        on_frame=on_frame,
        on_open=lambda: _quietly(lambda: address.tell(StreamOpened(stream))),
        on_closed=lambda why: _quietly(lambda: address.tell(StreamEnded(stream, why))),
    )


class FrameBox:
    """Public frames on their way from a reader to the price stream: many frames, one message.

    The reader adds a frame and tells `FramesWaiting` only if no such message is on its way; the actor clears that mark
    first and then empties the box, so a frame added meanwhile is announced anew and none is lost.
    """

    def __init__(self, address: Address[FramesWaiting | StreamFact], stream: int) -> None:
        self._address = address
        self._stream = stream
        self._frames: deque[tuple[bytes, int]] = deque(maxlen=_MOST_FRAMES)
        self._is_announced = False

    def calls(self) -> ReaderCalls:
        """Return what the reader calls."""
        return ReaderCalls(
            on_frame=self._put,
            on_open=lambda: _quietly(lambda: self._address.tell(StreamOpened(self._stream))),
            on_closed=lambda why: _quietly(lambda: self._address.tell(StreamEnded(self._stream, why))),
        )

    def drain(self) -> list[tuple[bytes, int]]:
        """Remove and return all frames with their wall times, oldest first. Actor's thread."""
        self._is_announced = False
        frames = []
        while self._frames:
            frames.append(self._frames.popleft())
        return frames

    def _put(self, data: bytes, _at_ns: int, wall_ns: int) -> None:
        self._frames.append((data, wall_ns))
        if not self._is_announced:
            self._is_announced = True
            _quietly(lambda: self._address.tell(FramesWaiting(self._stream)))
