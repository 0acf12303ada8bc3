"""What the threads of one venue tell the actor that owns it: private to the connection, the price stream and their
workers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from actors.addresses import Address
from actors.messages import OrderCommand, OrderSent, QueryOrder
from exchanges.errors import ExchangeError
from exchanges.records import quicken
from exchanges.reports import OrderReport

A_contra = TypeVar("A_contra", contravariant=True)
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """The venue answered a command positively; `report` may be only a receipt. Order lane -> Connection."""

    command: OrderCommand
    report: OrderReport


@dataclass(frozen=True, slots=True)
class OrderErred:
    """A command brought an error, whose class says what may be concluded. Order lane -> Connection.

    `sent_ns` is when its bytes were handed to the socket, 0 where they were not.
    """

    command: OrderCommand
    error: ExchangeError
    sent_ns: int


@dataclass(frozen=True, slots=True)
class OrderHeld:
    """The send gate denied a command: nothing left this machine. Order lane -> Connection."""

    command: OrderCommand
    why: str


@dataclass(frozen=True, slots=True)
class QueryAnswered:
    """A question was answered. `asked_ns` is the monotonic clock just before it was written. Query lane -> asker."""

    ticket: int
    value: object
    asked_ns: int


@dataclass(frozen=True, slots=True)
class QueryErred:
    """A question brought an error. Query lane -> asker."""

    ticket: int
    error: ExchangeError
    asked_ns: int


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """One frame as read. `stream` is the number of the reader, so that a late frame of an old one is recognised."""

    stream: int
    data: bytes
    received_ns: int
    received_wall_ns: int


@dataclass(frozen=True, slots=True)
class FramesWaiting:
    """Frames are in the reader's box; told once until they are taken. Public streams only."""

    stream: int


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The reader's connection is open and its hello frames are sent."""

    stream: int


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The reader has ended; it does not come back. `why` holds no credential."""

    stream: int
    why: str


@dataclass(frozen=True, slots=True)
class Due:
    """A wait of the actor's own is over."""

    name: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Begin:
    """Everything is wired: start to work. Bot -> Connection, PriceStream."""


@dataclass(frozen=True, slots=True)
class Distrust:
    """What was read may be old, although it looks new: connect anew and read again. Watchdog -> Connection,
    PriceStream.
    """

    why: str


@dataclass(frozen=True, slots=True)
class ReadClock:
    """The wall clock was set: measure the venue's against it. Watchdog -> Connection."""


LaneFact = OrderAnswered | OrderErred | OrderHeld | OrderSent
QueryFact = QueryAnswered | QueryErred
StreamFact = FrameReceived | StreamOpened | StreamEnded
ConnectionMessage = LaneFact | QueryFact | StreamFact | QueryOrder | Due | Begin | Distrust | ReadClock
PriceMessage = QueryFact | StreamFact | FramesWaiting | Due | Begin | Distrust


class Port(Generic[A_contra, B]):
    """An address that turns each message into another before it is told on."""

    __slots__ = ("_address", "_wrap")

    def __init__(self, address: Address[B], wrap: Callable[[A_contra], B]) -> None:
        self._address = address
        self._wrap = wrap

    def tell(self, message: A_contra, /) -> None:
        """Tell what the message is turned into."""
        self._address.tell(self._wrap(message))


quicken(__name__)
