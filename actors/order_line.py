"""The connection of a pipelined order lane: one reader at a time, and a new one after a wait when it is lost.

Everything here happens on the lane's thread. The reader's own thread only puts what it read into the lane's queue, with
the number of the connection, so that words of an old connection are recognised.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from loguru import logger

from actors.log_events import LogEvent
from actors.stream_watch import StreamWatch
from actors.streams import NewReader, Reader, ReaderCalls
from exchanges.clock import Clock
from exchanges.errors import ConfigError
from exchanges.pacing import backoff
from exchanges.redaction import redact
from exchanges.venue import StreamEndpoint

_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 15.0
_NS: Final = 1_000_000_000
_LEAVE_EARLY_S: Final = 1800.0
"""A line is left in a quiet moment so long before its reader would cut it for its age, orders in flight or not."""


@dataclass(frozen=True, slots=True)
class LineOpened:
    """The connection is open."""

    line: int


@dataclass(frozen=True, slots=True)
class LineFrame:
    """A frame, and the wall time it was read at."""

    line: int
    data: bytes
    wall_ns: int


@dataclass(frozen=True, slots=True)
class LineEnded:
    """The connection is over. `why` holds no credential."""

    line: int
    why: str


LineFact = LineOpened | LineFrame | LineEnded


class OrderLine:
    """Keeps one connection open and says whether it is.

    Args:
        name: For the log.
        endpoint: Where to connect.
        new_reader: Makes one connection on a thread of its own.
        put: Takes what the reader says, on the reader's thread; the lane gives it back to `take`.
        clock: Monotonic time.
        source: Randomness of the waits between attempts.
    """

    def __init__(
        self,
        name: str,
        endpoint: StreamEndpoint,
        *,
        new_reader: NewReader,
        put: Callable[[LineFact], None],
        clock: Clock,
        source: random.Random,
    ) -> None:
        self.is_up = False
        """Whether frames may be sent. Changes only when the lane takes what the reader said, or sends in vain."""
        self._name = name
        self._endpoint = endpoint
        self._new_reader = new_reader
        self._put = put
        self._clock = clock
        self._source = source
        self._waits = backoff(source, _FIRST_WAIT_S, _LONGEST_WAIT_S)
        self._number = 0
        self._reader: Reader | None = None
        self._next_try_ns = 0
        self._opened_ns = 0
        self._is_hopeless = False
        self._watch = StreamWatch(0, 0)

    def keep(self) -> None:
        """Begin a new connection where there is none and it is time for one."""
        if self._reader is not None or self._is_hopeless or self._clock.monotonic_ns() < self._next_try_ns:
            return
        self._number += 1
        try:
            self._reader = self._new_reader(self._endpoint, self._calls(self._number))
        except ConfigError as error:  # the address: trying again will not help, and REST has its own
            self._is_hopeless = True
            logger.bind(event=LogEvent.ORDER_LINE_LOST).error("{} cannot be opened: {}", self._name, redact(str(error)))
            return
        self._watch = StreamWatch(self._clock.monotonic_ns(), self._endpoint.dead_after_s)
        self._reader.start()

    @property
    def problem(self) -> str:
        """Why the connection is of no use although its reader has not said so, empty while it may be of use."""
        reader = self._reader
        return "" if reader is None else self._watch.problem(self._clock.monotonic_ns(), reader.alive_ns)

    @property
    def alive_ns(self) -> int:
        """When the last sign of life came (monotonic), 0 without a connection."""
        return 0 if self._reader is None else self._reader.alive_ns

    @property
    def next_try_ns(self) -> int | None:
        """When `keep` has something to do next (monotonic), None while there is a connection."""
        return None if self._reader is not None or self._is_hopeless else self._next_try_ns

    @property
    def is_old(self) -> bool:
        """Whether the connection should be left when nothing is in flight on it."""
        age_ns = self._clock.monotonic_ns() - self._opened_ns
        return self.is_up and age_ns >= (self._endpoint.max_age_s - _LEAVE_EARLY_S) * _NS > 0

    def take(self, fact: LineFact) -> bool:
        """Take what a reader said; False where it is of an old connection and says nothing."""
        if fact.line != self._number or self._reader is None:
            return False
        if isinstance(fact, LineOpened):
            self.is_up = True
            self._opened_ns = self._clock.monotonic_ns()
            self._watch.opened(self._opened_ns)
            self._waits = backoff(self._source, _FIRST_WAIT_S, _LONGEST_WAIT_S)
            logger.bind(event=LogEvent.ORDER_LINE_OPEN).info("{} is open", self._name)
        elif isinstance(fact, LineEnded):
            self.lost(fact.why)
        return True

    def send(self, text: str) -> None:
        """Send a frame. Raises StreamClosed, which says whether it may have left."""
        assert self._reader is not None  # noqa: S101 - the lane asks `is_up` first
        self._reader.send(text)

    def lost(self, why: str) -> None:
        """Give up a connection that has ended, or whose frame could not be sent: its reader ends by itself."""
        if self._reader is None:
            return
        wait_s = next(self._waits)
        self._reader = None
        self._next_try_ns = self._clock.monotonic_ns() + int(wait_s * _NS)
        if not self.is_up:
            logger.bind(event=LogEvent.ORDER_LINE_LOST).debug("{} did not open: {}", self._name, redact(why))
        else:
            self.is_up = False
            text = "{} is lost ({}): orders go by REST; tried again in {:.1f} s"
            logger.bind(event=LogEvent.ORDER_LINE_LOST).warning(text, self._name, redact(why), wait_s)

    def leave(self, why: str) -> None:
        """End a connection that is no good any more, or too old; `keep` begins another at once."""
        reader = self._reader
        if reader is None:
            return
        self.is_up = False
        self._reader = None
        self._next_try_ns = self._clock.monotonic_ns()
        logger.bind(event=LogEvent.ORDER_LINE_LOST).info("{} is left: {}", self._name, why)
        reader.stop()

    def close(self) -> None:
        """End the connection for good."""
        self.is_up = False
        self._is_hopeless = True
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stop()

    def _calls(self, line: int) -> ReaderCalls:
        put = self._put
        return ReaderCalls(
            on_frame=lambda data, _at_ns, wall_ns: put(LineFrame(line, data, wall_ns)),
            on_open=lambda: put(LineOpened(line)),
            on_closed=lambda why: put(LineEnded(line, why)),
        )
