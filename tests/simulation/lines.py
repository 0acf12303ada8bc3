"""The wire between a bot and a venue: `actors.network.Network` on the scheduler, and whoever carries the venue.

Requests and frames cross as bytes, with a delay of their own each way. What `faults` has armed on a line happens to the
next request, reply, frame or connection it fits.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import urlsplit

from actors.rest_thread import Transport
from actors.streams import ReaderCalls
from actors.venue_access import VenueAccess
from exchanges.clock import Clock
from exchanges.errors import OutcomeUnknown, RequestNotSent, StreamClosed
from exchanges.simulated.faces.protocol import CloseSession, Frame, HttpAnswer, HttpCall, HttpDrop, Output, PingFrame
from exchanges.simulated.hosting import SimulatedVenue
from exchanges.venue import HttpReply, SignedRequest, StreamEndpoint
from tests.simulation.clocks import START_WALL_NS
from tests.simulation.drawing import log_uniform
from tests.simulation.fibers import FiberRuntime
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace

_NS: Final = 1_000_000_000
_LONGEST_STEP_NS: Final = 500_000_000


class VenueHost:
    """Carries one simulated venue on the scheduler, as the aiohttp server does on loopback."""

    def __init__(self, venue: SimulatedVenue, scheduler: Scheduler) -> None:
        self.venue = venue
        self.is_down = False
        self.scheduler = scheduler
        self._replies: dict[int, Callable[[HttpAnswer | HttpDrop], None]] = {}
        self._sessions: dict[int, Callable[[Output], None]] = {}
        self._next_id = 1
        self._armed_ns: int | None = None

    def wall_ns(self) -> int:
        """The venue's clock."""
        return START_WALL_NS + self.scheduler.now_ns

    def start(self) -> None:
        """Let the market begin."""
        self.venue.start(self.wall_ns())
        self.step()

    def request(self, call: HttpCall, reply: Callable[[HttpAnswer | HttpDrop], None]) -> None:
        """Take a request; `reply` gets its answer."""
        number, self._next_id = self._next_id, self._next_id + 1
        self._replies[number] = reply
        self.venue.request(number, call, self.wall_ns())
        self.step()

    def open_session(self, target: str, deliver: Callable[[Output], None]) -> int | None:
        """Take a WebSocket connection; None where the venue refuses it."""
        number, self._next_id = self._next_id, self._next_id + 1
        if not self.venue.open_session(number, target, self.wall_ns()):
            return None
        self._sessions[number] = deliver
        self.step()
        return number

    def receive(self, session: int, text: str) -> None:
        """Take a text frame of a client."""
        if session in self._sessions:
            self.venue.receive(session, text, self.wall_ns())
            self.step()

    def ping(self, session: int) -> None:
        """Take a protocol ping of a client."""
        if session in self._sessions:
            self.venue.ping(session, self.wall_ns())

    def pong(self, session: int) -> None:
        """Take a protocol pong of a client."""
        if session in self._sessions:
            self.venue.pong(session, self.wall_ns())

    def close_session(self, session: int) -> None:
        """A client is gone."""
        if self._sessions.pop(session, None) is not None:
            self.venue.close_session(session, self.wall_ns())
            self.step()

    def step(self) -> None:
        """Bring the venue to now and deliver what leaves it."""
        for output in self.venue.step(self.wall_ns()):
            self._deliver(output)
        self._arm()

    def _deliver(self, output: Output) -> None:
        if isinstance(output, HttpAnswer | HttpDrop):
            reply = self._replies.pop(output.request_id, None)
            if reply is not None:
                reply(output)
            return
        deliver = self._sessions.get(output.session_id)
        if deliver is not None:
            deliver(output)

    def _arm(self) -> None:
        now_ns = self.wall_ns()
        next_ns = self.venue.next_ns()
        due_ns = now_ns + _LONGEST_STEP_NS
        if next_ns is not None:
            due_ns = min(due_ns, max(next_ns, now_ns + 1_000_000))
        if self._armed_ns is not None and now_ns < self._armed_ns <= due_ns:
            return
        self._armed_ns = due_ns
        self.scheduler.at(due_ns - START_WALL_NS, lambda: self._beat(due_ns))

    def _beat(self, due_ns: int) -> None:
        if self._armed_ns == due_ns:
            self._armed_ns = None
            self.step()


@dataclass(slots=True)
class Armed:
    """Something that waits for the next operation it fits.

    Attributes:
        kind: What happens; see `faults`.
        where: `order`, `query`, `private`, `public`, `connect`, or empty for any.
        amount: How long, how much: the kind says.
    """

    kind: str
    where: str = ""
    amount: float = 0.0
    count: int = 1


def _nothing(*_: object) -> None:
    return


class Line:
    """Between one machine and one venue. Shared by every connection of that machine to that venue."""

    def __init__(self, name: str, host: VenueHost, trace: Trace, rng: Random, clock: Clock) -> None:
        self.name = name
        self.host = host
        self.scheduler = host.scheduler
        self.trace = trace
        self.clock = clock
        self.armed: list[Armed] = []
        self.on_fired: Callable[[Armed], None] = _nothing
        self.readers: list[SimulatedReader] = []
        self.is_down = False
        """Nothing gets through, in either direction, and connections are refused."""
        self.on_left: Callable[[SignedRequest], None] = _nothing
        """Called with every request that leaves."""
        self.on_said: Callable[[str], None] = _nothing
        """Called with every order that leaves as a frame."""
        self.on_answered: Callable[[SignedRequest, int, bytes], None] = _nothing
        """Called with what the venue answered, before anything happens to it."""
        self.on_received: Callable[[SignedRequest], None] = _nothing
        """Called when a good answer has arrived."""
        self.price_alive_ns = 0
        """When the bot last had proof that its price stream is alive (its machine's monotonic clock)."""
        self._rng = rng

    def hang_up(self) -> None:
        """The machine on this end is gone: every connection of it closes."""
        for reader in tuple(self.readers):
            reader.vanish()

    def delay_ns(self) -> int:
        """Draw how long one crossing takes."""
        return int(log_uniform(self._rng, 0.0005, 0.02) * _NS)

    def take(self, kinds: frozenset[str], where: str) -> Armed | None:
        """Take what is armed for such an operation."""
        for armed in self.armed:
            if armed.kind in kinds and armed.where in ("", where):
                armed.count -= 1
                if armed.count <= 0:
                    self.armed.remove(armed)
                self.scheduler.note(armed.kind.encode())
                self.trace.add("FAULT", f"{armed.kind} {where} {armed.amount:g}")
                self.on_fired(armed)
                return armed
        return None

    def is_refusing(self) -> bool:
        """Whether a connection attempt fails now."""
        return self.is_down or self.take(_CONNECT_FAULTS, "connect") is not None


_CONNECT_FAULTS: Final = frozenset({"refused"})
_HELLO_FAULTS: Final = frozenset({"deaf"})
_REQUEST_FAULTS: Final = frozenset(
    {"request_lost", "request_late", "reply_lost", "reply_late", "reset_before", "reset_after"}
)
_REPLY_FAULTS: Final = frozenset({"html", "truncated", "empty", "garbled", "redirect"})
_FRAME_FAULTS: Final = frozenset(
    {"frame_lost", "frame_twice", "frame_late", "frame_swapped", "frame_garbled", "frame_again"}
)


def is_order(request: SignedRequest) -> bool:
    """Whether a request places or cancels an order, on any venue."""
    if request.method == "GET":
        return False
    return "order" in request.target.lower() or b"tx_type=14" in request.body or b"tx_type=15" in request.body


class SimulatedTransport:
    """See `actors.rest_thread.Transport`."""

    def __init__(self, line: Line, owner: FiberRuntime, timeout_s: tuple[float, float]) -> None:
        self._line = line
        self._owner = owner
        self._timeout_s = timeout_s
        self._is_closed = False
        self._waiting: _Exchange | None = None

    def connect(self) -> None:
        self._owner.check()
        if self._line.is_refusing():
            raise RequestNotSent(self._line.name, "connect", "no connection")

    def prepare(self, operation: str) -> None:
        self._owner.check()
        if self._is_closed or self._line.is_down:
            raise RequestNotSent(self._line.name, operation, "no connection")

    def send(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        self._owner.check()
        line = self._line
        if self._is_closed or line.is_refusing():
            raise RequestNotSent(line.name, request.operation, "no connection")
        exchange = self._waiting = _Exchange(line, request, self._owner)
        try:
            exchange.begin()
            if on_written is not None:
                on_written(line.clock.monotonic_ns())
            reply = exchange.wait(self._timeout_s[1])
        finally:
            self._waiting = None
        if reply is None:
            raise OutcomeUnknown(line.name, request.operation, exchange.why)
        return reply

    def close(self) -> None:
        self._is_closed = True
        if self._waiting is not None:
            self._waiting.end(None, "closed")


class _Exchange:
    """One request and what comes of it."""

    def __init__(self, line: Line, request: SignedRequest, owner: FiberRuntime) -> None:
        self._line = line
        self._request = request
        self._done = owner.new_event()
        self._owner = owner
        self._reply: HttpReply | None = None
        self._is_over = False
        where = "order" if is_order(request) else "query"
        self._where = where
        self._fault = line.take(_REQUEST_FAULTS, where)
        self.why = "no reply in time"

    def begin(self) -> None:
        """Let the request leave."""
        line, kind = self._line, self._fault.kind if self._fault else ""
        sent = b"%b %b %b" % (self._request.method.encode(), self._request.target.encode(), self._request.body)
        line.scheduler.note(sent)
        line.trace.add(">", sent)
        line.on_left(self._request)
        delay_ns = line.delay_ns()
        if kind == "request_late" and self._fault is not None:
            delay_ns += int(self._fault.amount * _NS)
        if kind == "reset_before":
            line.scheduler.after(delay_ns, lambda: self.end(None, "reset"))
        elif kind != "request_lost":
            line.scheduler.after(delay_ns, self._arrive)

    def wait(self, timeout_s: float) -> HttpReply | None:
        """Wait for the reply; None where its outcome is not known."""
        self._done.wait(timeout_s)
        self._is_over = True
        self._owner.check()
        return self._reply

    def end(self, reply: HttpReply | None, why: str) -> None:
        """Say what came of it, once."""
        if not self._is_over:
            self._is_over = True
            self._reply, self.why = reply, why
            self._done.set()

    def _arrive(self) -> None:
        if self._line.is_down or self._line.host.is_down:
            return
        parts = urlsplit(self._request.target)
        base = urlsplit(_BASE)
        call = HttpCall(
            method=self._request.method,
            path=parts.path,
            query=parts.query,
            headers={"host": base.netloc, **{name.lower(): value for name, value in self._request.headers.items()}},
            body=self._request.body,
        )
        self._line.host.request(call, self._answered)

    def _answered(self, answer: HttpAnswer | HttpDrop) -> None:
        line, kind = self._line, self._fault.kind if self._fault else ""
        if kind == "reply_lost":
            return
        delay_ns = line.delay_ns()
        if kind == "reply_late" and self._fault is not None:
            delay_ns += int(self._fault.amount * _NS)
        if kind == "reset_after" or isinstance(answer, HttpDrop):
            line.scheduler.after(delay_ns, lambda: self.end(None, "reset"))
            return
        status, body, headers = answer.status, answer.body, dict(answer.headers)
        line.on_answered(self._request, status, body)
        broken = line.take(_REPLY_FAULTS, self._where)
        if broken is not None:
            status, headers, body = broken_reply(broken, status, headers, body)
        line.scheduler.after(delay_ns, lambda: self._received(status, headers, body))

    def _received(self, status: int, headers: dict[str, str], body: bytes) -> None:
        line = self._line
        if line.is_down:
            return
        line.scheduler.note(b"<%d %b" % (status, body))
        line.trace.add("<", b"%d %b" % (status, body))
        if status < _BAD_REQUEST and not self._is_over:
            line.on_received(self._request)
        lower = {name.lower(): value for name, value in headers.items()}
        self.end(HttpReply(status=status, headers=lower, body=body, received_ns=line.clock.wall_ns()), "")


_BASE: Final = "http://127.0.0.1:1"
_BAD_REQUEST: Final = 400


def broken_reply(fault: Armed, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return a reply that the venue's answer was turned into on its way: the request was executed."""
    match fault.kind:
        case "html":
            return 502, {"content-type": "text/html"}, b"<html><body>Bad gateway</body></html>"
        case "truncated":
            return status, headers, body[: int(len(body) * min(fault.amount, 0.99))]
        case "empty":
            return status, headers, b""
        case "redirect":
            return 307, {"location": "http://192.0.2.1/elsewhere"}, b""
        case _:
            return status, headers, garbled(body, fault.amount)


def garbled(data: bytes, amount: float) -> bytes:
    """Return the bytes with one of them made what no text may hold.

    TLS lets no bit change on the way, so a frame is never turned into another valid one; what is broken, a front server
    or a bug of the venue has broken.
    """
    index = int(amount * len(data)) % max(len(data), 1)
    return data[:index] + b"\x01" + data[index + 1 :]


def flipped(data: bytes, amount: float) -> bytes:
    """Return the bytes with some bits of one of them flipped, as a bad disk does."""
    if not data:
        return data
    index = int(amount * len(data)) % len(data)
    return data[:index] + bytes([data[index] ^ 0x55]) + data[index + 1 :]


class SimulatedReader:
    """See `actors.streams.Reader`: one WebSocket connection as `exchanges.stream_transport.StreamReader` keeps it."""

    def __init__(
        self, line: Line, owner: FiberRuntime, endpoint: StreamEndpoint, calls: ReaderCalls, clock: Clock, kind: str
    ) -> None:
        self._line = line
        self._owner = owner
        self._endpoint = endpoint
        self._calls = calls
        self._clock = clock
        self.kind = kind
        self.is_stalled = False
        """The connection stays open, and nothing comes any more."""
        self.is_half_open = False
        """Nothing gets through at all, and nobody says so."""
        self.is_silent = False
        """The connection lives and answers pings, and brings no frames any more."""
        self._alive_ns = 0
        self._opened_ns = 0
        self._session: int | None = None
        self._has_ended = False
        self._last_arrival_ns = 0
        self._held: deque[str] = deque()
        self._keep_alive_ns = 0
        self._last_text = ""
        self._last_departure_ns = 0
        self._spoiled: deque[Armed] = deque()

    @property
    def alive_ns(self) -> int:
        """See `Reader.alive_ns`."""
        return self._alive_ns

    @property
    def opened_ns(self) -> int:
        """When the connection came to be (monotonic), 0 before."""
        return self._opened_ns

    def _lives(self) -> None:
        self._alive_ns = self._clock.monotonic_ns()
        if self.kind == "public":
            self._line.price_alive_ns = self._alive_ns

    @property
    def is_open(self) -> bool:
        """Whether frames can come."""
        return self._session is not None and not self._has_ended

    @property
    def is_running(self) -> bool:
        """See `StreamReader.is_running`."""
        return not self._has_ended

    def start(self) -> None:
        """See `Reader.start`."""
        self._line.readers.append(self)
        self._line.scheduler.after(2 * self._line.delay_ns(), self._open)

    def send(self, text: str) -> None:
        """See `Reader.send`. What is armed for an order happens to the next one that is said."""
        self._owner.check()
        line = self._line
        if not self.is_open:
            raise StreamClosed(line.name, "send", "the stream is not open", unsent=True)
        line.scheduler.note(text.encode())
        line.trace.add(">", text.encode())
        line.on_said(text)
        fault = line.take(_REQUEST_FAULTS, "order")
        kind = fault.kind if fault else ""
        # of one connection nothing overtakes anything
        late_ns = int(fault.amount * _NS) if fault is not None and kind == "request_late" else 0
        at_ns = self._last_departure_ns = max(
            line.scheduler.now_ns + line.delay_ns() + late_ns, self._last_departure_ns
        )
        if kind not in ("request_lost", "reset_before"):
            line.scheduler.at(at_ns, lambda: self._hand_over(text))
        if kind in ("reset_before", "reset_after"):
            line.scheduler.at(at_ns + 1, lambda: self.cut("reset"))
        if fault is not None and kind in ("reply_lost", "reply_late"):
            self._spoiled.append(fault)

    def _hand_over(self, text: str) -> None:
        session = self._session
        if session is not None and self.is_open and not self.is_half_open and not self._line.is_down:
            self._line.host.receive(session, text)

    def stop(self) -> bool:
        """See `Reader.stop`."""
        self._end("stopped")
        return True

    def cut(self, why: str) -> None:
        """End the connection from outside."""
        if self.is_open:
            self._end(why)

    def vanish(self) -> None:
        """The process that read this is gone: nobody is told, and the venue notices a little later."""
        self._has_ended = True
        line, session = self._line, self._session
        if self in line.readers:
            line.readers.remove(self)
        if session is not None:
            line.scheduler.after(line.delay_ns(), lambda: line.host.close_session(session))

    # --- opening ---

    def _open(self) -> None:
        if self._has_ended or self._owner.is_dead:
            return
        line = self._line
        if line.is_refusing() or line.host.is_down:
            self._end("no connection")
            return
        parts = urlsplit(self._endpoint.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        # frames may come while the session is being opened: they are delivered later in any case
        self._session = line.host.open_session(target, self._output)
        if self._session is None:
            self._end("handshake refused with status 404")
            return
        self._lives()
        self._opened_ns = self._keep_alive_ns = self._alive_ns
        is_heard = line.take(_HELLO_FAULTS, self.kind) is None if self._endpoint.hello else True
        for text in self._endpoint.hello if is_heard else ():
            self._say(text)
        line.scheduler.after(line.delay_ns(), self._opened)

    def _opened(self) -> None:
        if self.is_open and not self._owner.is_dead:
            self._lives()
            self._calls.on_open()
            self._beat_after()

    def _say(self, text: str) -> None:
        session = self._session
        if session is not None and not self.is_half_open and not self._line.is_down:
            self._line.scheduler.after(self._line.delay_ns(), lambda: self._line.host.receive(session, text))

    # --- frames ---

    def _output(self, output: Output) -> None:
        line = self._line
        if self._has_ended or self.is_half_open or line.is_down:
            return
        if isinstance(output, Frame):
            if not self.is_stalled and not self.is_silent:
                self._send_on(output.text)
            return
        at_ns = self._arrival_ns()
        if isinstance(output, PingFrame):
            line.scheduler.at(at_ns, self._pinged)
        elif isinstance(output, CloseSession):
            why = "cut" if output.abrupt else f"closed by the venue with {output.code} {output.reason}"
            line.scheduler.at(at_ns, lambda: self._end(why))

    def _send_on(self, text: str) -> None:
        fault = self._line.take(_FRAME_FAULTS, self.kind)
        if fault is None and self.kind == "orders":
            fault = self._spoil(text)
        kind = fault.kind if fault else ""
        late_ns = 0
        if fault is not None and kind == "frame_swapped":
            self._held.append(text)
            self._line.scheduler.after(_NS, self._flush)
            return
        if fault is not None and kind == "frame_late":
            late_ns = int(fault.amount * _NS)
        if fault is not None and kind == "frame_garbled":
            text = garbled(text.encode(), fault.amount).decode("latin-1")
        if kind != "frame_lost":
            self._deliver(text, late_ns)
        if kind == "frame_twice":
            self._deliver(text, 0)
        if fault is not None and kind == "frame_again":
            self._line.scheduler.after(int(fault.amount * _NS), lambda: self._deliver(text, 0))
        self._flush()

    def _spoil(self, text: str) -> Armed | None:
        """What was armed for the answer to an order, as a fault of its frame."""
        if '"id":' not in text:
            return None
        if self._spoiled:
            fault = self._spoiled.popleft()
            return Armed("frame_lost" if fault.kind == "reply_lost" else "frame_late", amount=fault.amount)
        broken = self._line.take(_REPLY_FAULTS, "order")
        return None if broken is None else Armed("frame_garbled", amount=broken.amount)

    def _flush(self) -> None:
        while self._held:
            self._deliver(self._held.popleft(), 0)

    def _arrival_ns(self, late_ns: int = 0) -> int:
        """Of one connection nothing overtakes anything."""
        at_ns = max(self._line.scheduler.now_ns + self._line.delay_ns() + late_ns, self._last_arrival_ns)
        self._last_arrival_ns = at_ns
        return at_ns

    def _deliver(self, text: str, late_ns: int) -> None:
        data = text.encode()
        self._line.scheduler.at(self._arrival_ns(late_ns), lambda: self._received(data))

    def _received(self, data: bytes) -> None:
        if not self.is_open or self._owner.is_dead:
            return
        self._line.scheduler.note(b"~" + data)
        if self.kind == "private":
            self._line.trace.add("~", data)
        self._lives()
        now_ns = self._alive_ns
        answer = self._endpoint.answers.get(data)
        if answer is not None:
            self._say(answer)
        self._calls.on_frame(data, now_ns, self._clock.wall_ns())

    # --- proofs of life ---

    def _pinged(self) -> None:
        session = self._session
        if self.is_open and session is not None:
            self._lives()
            self._line.scheduler.after(self._line.delay_ns(), lambda: self._line.host.pong(session))

    def _beat_after(self) -> None:
        self._line.scheduler.after(int(self._endpoint.ping_every_s * _NS), self._beat)

    def _beat(self) -> None:
        if not self.is_open or self._owner.is_dead:
            return
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._alive_ns >= self._endpoint.dead_after_s * _NS:
            self._end(f"no frame and no pong for {self._endpoint.dead_after_s} s")
            return
        if now_ns - self._opened_ns >= self._endpoint.max_age_s * _NS:
            self._end(f"the connection reached its age of {self._endpoint.max_age_s} s")
            return
        self._ping()
        every_ns = self._endpoint.keep_alive_every_s * _NS
        if self._endpoint.keep_alive_frame is not None and now_ns - self._keep_alive_ns >= every_ns:
            self._keep_alive_ns = now_ns
            self._say(self._endpoint.keep_alive_frame)
        self._beat_after()

    def _ping(self) -> None:
        line, session = self._line, self._session
        if session is None or self.is_half_open or self.is_stalled or line.is_down or line.host.is_down:
            return
        delay_ns = line.delay_ns()
        line.scheduler.after(delay_ns, lambda: line.host.ping(session))
        line.scheduler.after(2 * delay_ns, self._ponged)

    def _ponged(self) -> None:
        if self.is_open and not self._line.is_down:
            self._lives()

    # --- the end ---

    def _end(self, why: str) -> None:
        if not self._has_ended:
            self.vanish()
            self._calls.on_closed(why)


@dataclass(slots=True)
class SimulatedNetwork:
    """See `actors.network.Network`: the lines of one bot process, by NAME of its exchanges' venues."""

    lines: dict[str, Line]
    owner: FiberRuntime

    def new_transport(
        self, access: VenueAccess, clock: Clock, timeout_s: tuple[float, float] = (3.0, 10.0)
    ) -> Transport:
        """See `Network.new_transport`."""
        del clock
        return SimulatedTransport(self.lines[access.venue.name], self.owner, timeout_s)

    def new_reader(
        self, name: str, access: VenueAccess, endpoint: StreamEndpoint, calls: ReaderCalls, clock: Clock
    ) -> SimulatedReader:
        """See `Network.new_reader`."""
        kind = next((kind for kind in ("private", "orders") if name.endswith(kind)), "public")
        return SimulatedReader(self.lines[access.venue.name], self.owner, endpoint, calls, clock, kind)
