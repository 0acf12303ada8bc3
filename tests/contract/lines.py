"""Where a desk's sockets would be: a transport, a stream reader and the way of the lanes' facts, up to the bench."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from actors.messages import OrderSent
from actors.streams import ReaderCalls
from actors.venue_messages import OrderAnswered, OrderErred, OrderHeld
from exchanges.errors import StreamClosed
from exchanges.venue import HttpReply, SignedRequest, StreamEndpoint

if TYPE_CHECKING:
    from tests.contract.bench import Session
    from tests.contract.desk import Desk

SECOND: Final = 1_000_000_000


class BenchTransport:
    """A transport whose other end is the bench."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk

    def connect(self) -> None:
        """Nothing to connect."""

    def prepare(self, operation: str) -> None:
        """Nothing to connect."""

    def send(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        if on_written is not None:
            on_written(self._desk.clock.monotonic_ns())
        return self._desk.bench.exchange(request)

    def close(self) -> None:
        """Nothing to close."""


class BenchReader:
    """A stream reader whose other end is the bench. Frames are handed on by `Desk.deliver`."""

    def __init__(self, desk: "Desk", endpoint: StreamEndpoint, calls: ReaderCalls) -> None:
        self.calls = calls
        self.endpoint = endpoint
        self.session: Session | None = None
        self.alive_ns = 0
        self.next_ping_ns = 0
        self.is_waiting = False
        self._desk = desk
        self._has_ended = False

    def start(self) -> None:
        self.session = None if self._desk.refuses_streams else self._desk.bench.connect(self.endpoint)
        if self.session is None:
            self.end("no connection")
            return
        self.next_ping_ns = self._desk.clock.monotonic_ns() + self._every_ns
        self.calls.on_open()

    def send(self, text: str) -> None:
        if not self.is_open or self.session is None:
            raise StreamClosed("bench", "send", "the stream is not open", unsent=True)
        bench = self._desk.bench
        with bench.changed:
            self.is_waiting = True
            bench.say(self.session, text)
            bench.changed.notify_all()

    def stop(self) -> bool:
        if self.session is not None:
            self._desk.bench.hang_up(self.session)
        self._has_ended = True
        return True

    def end(self, why: str) -> None:
        """The connection is over."""
        if not self._has_ended:
            self._has_ended = True
            self.is_waiting = False
            if self.session is not None:
                self._desk.bench.hang_up(self.session)
            self.calls.on_closed(why)

    def keep_alive(self, now_ns: int) -> None:
        """Say what the endpoint wants said regularly."""
        if self._has_ended or self.session is None or now_ns < self.next_ping_ns:
            return
        self.next_ping_ns = now_ns + self._every_ns
        if self.endpoint.keep_alive_frame is not None:
            self._desk.bench.say(self.session, self.endpoint.keep_alive_frame)

    @property
    def is_open(self) -> bool:
        """Whether frames still arrive."""
        return self.session is not None and not self._has_ended

    @property
    def _every_ns(self) -> int:
        return round((self.endpoint.keep_alive_every_s or self.endpoint.ping_every_s) * SECOND)

    def take(self) -> list[bytes]:
        """Take the frames that arrived; the venue's own pings are answered, as the product's reader does."""
        if not self.is_open or self.session is None:
            return []
        frames = [text.encode() for text in self.session.frames]
        self.session.frames.clear()
        for frame in frames:
            if frame in self.endpoint.answers:
                self._desk.bench.say(self.session, self.endpoint.answers[frame])
        return frames


class BenchLine(BenchReader):
    """The reader of the connection for orders: what arrives is handed on at once, to the lane's thread."""

    def start(self) -> None:
        super().start()
        self.alive_ns = 1 << 62  # its pings are answered
        if self.session is not None:
            self.session.on_news = self.hand_on

    def hand_on(self) -> None:
        """Hand on what has arrived. Called inside the bench."""
        clock = self._desk.clock
        for frame in self.take():
            self.is_waiting = False
            self.calls.on_frame(frame, clock.monotonic_ns(), clock.wall_ns())
        if self.session is not None and self.session.closed:
            self.end(self.session.closed)


class Relay:
    """Hands facts of the lanes to the connection, and remembers which commands have left and which are through."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self.done: list[OrderAnswered | OrderErred | OrderHeld] = []
        self.sent: list[OrderSent] = []

    def tell(self, fact: OrderAnswered | OrderErred | OrderHeld | OrderSent, /) -> None:
        self._desk.connection.tell(fact)
        with self._desk.bench.changed:
            if isinstance(fact, OrderSent):
                self.sent.append(fact)
            else:
                self.done.append(fact)
            self._desk.bench.changed.notify_all()
