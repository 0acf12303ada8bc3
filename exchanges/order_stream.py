"""How a venue takes orders over a connection that does not wait for answers: data and functions, no I/O.

A command becomes a frame with a number; the answer comes back with that number, at some time, as what an HTTP reply to
the same command would be. So one reading of replies serves both ways (`exchanges.venue.Call.read`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from exchanges.records import quicken
from exchanges.venue import HttpReply, HttpRequest, StreamEndpoint


@dataclass(frozen=True, slots=True)
class OrderFrame:
    """A signed command as a text frame. `number` is what its answer will be named by; none is used twice."""

    number: str
    text: str


@dataclass(frozen=True, slots=True)
class FrameReply:
    """An answer. `number` is None where the venue does not say which command it refuses."""

    number: str | None
    reply: HttpReply


@dataclass(frozen=True, slots=True)
class ClosingSoon:
    """The venue has announced that it will close the connection: nothing new should be sent over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStream:
    """A connection for orders.

    Attributes:
        endpoint: Where to open it, and how its life is proven.
        sign: Signs a command with the venue's wall clock in nanoseconds. The last argument is the command that was
            written directly before it on this connection and is not answered yet, None where all are. Raises
            RequestNotSent where that cannot be: it has to wait for the answers that are out, and
            `Call.first` asks what is missing then.
        read: Reads a frame received at a wall time: an answer, an announcement, or None for frames that say nothing of
            orders. Raises MalformedMessage and nothing else.
    """

    endpoint: StreamEndpoint
    sign: Callable[[HttpRequest, int, HttpRequest | None], OrderFrame]
    read: Callable[[bytes, int], FrameReply | ClosingSoon | None]


quicken(__name__)

__all__ = ["ClosingSoon", "FrameReply", "OrderFrame", "OrderStream"]
