"""One stream connection on a thread of its own: frames out, with the times they were read.

Built on `websocket.create_connection`, never on WebSocketApp: that one swallows errors of callbacks, does not report
some closes, and measures its pings by the wall clock (EXAMPLES.md A5). A reader lives for one connection; who wants
another one after it closed makes another reader. Waiting between attempts is the caller's business.

Life is proven by any frame, a pong included. Frames and messages have a size limit (the library has none: it buffers
an announced 200 MiB, RELIABILITY.md W14). Bytes under the frame reader are read ahead in pieces of 64 KiB, one system
call instead of three per frame.
"""

import contextlib
import math
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import websocket
from websocket import ABNF, WebSocket

from exchanges.clock import Clock
from exchanges.errors import StreamClosed
from exchanges.network import Proxy, open_socket, parse_proxy, parse_target
from exchanges.redaction import redact, visible
from exchanges.venue import StreamEndpoint

_READ_AHEAD_BYTES: Final = 65_536
_HANDSHAKE_BYTES: Final = 65_536
_SECOND_NS: Final = 1_000_000_000
_JOIN_S: Final = 0.6
_LONGEST_QUESTION: Final = 128
"""Bytes of a frame that are compared with those that want an answer: enough to tell a longer frame apart."""
_CODE_BYTES: Final = 2


_T = TypeVar("_T")


class _StreamOversizeError(websocket.WebSocketException):
    """A frame, message or handshake larger than allowed was announced or sent."""


class _ReadAhead:
    """A socket as the library wants it, reading in large pieces; counts what the handshake reads."""

    def __init__(self, connected: socket.socket, stopping: threading.Event) -> None:
        self._socket = connected
        self._stopping = stopping
        self._data = b""
        self._start = 0
        self.handshake_left: int | None = _HANDSHAKE_BYTES

    def recv(self, size: int) -> bytes:
        start = self._start
        if start >= len(self._data):
            self._data = self._receive()
            start = 0
            if not self._data and self._stopping.is_set():
                # stop() shut the reading side. Told as the end, the library would close before the goodbye is sent.
                raise websocket.WebSocketTimeoutException("stopped")
        piece = self._data[start : start + size]
        self._start = start + len(piece)
        if self.handshake_left is not None:
            self.handshake_left -= len(piece)
            if self.handshake_left < 0:
                raise _StreamOversizeError("the answer to the handshake is too large")
        return piece

    def _receive(self) -> bytes:
        return self._socket.recv(_READ_AHEAD_BYTES)

    def send(self, data: bytes) -> int:
        return self._socket.send(data)

    def settimeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def gettimeout(self) -> float | None:
        return self._socket.gettimeout()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class _ReadAheadTls(_ReadAhead):
    """The same over TLS, where only one thread at a time may be inside the library that holds the connection's state.

    A sender is another thread than the reader's. Whoever has to wait for the network does so outside of the lock: the
    socket itself never blocks.
    """

    def __init__(self, connected: socket.socket, stopping: threading.Event) -> None:
        super().__init__(connected, stopping)
        self._guard = threading.Lock()
        self._timeout_s = connected.gettimeout()
        connected.settimeout(0)

    def settimeout(self, seconds: float) -> None:
        self._timeout_s = seconds

    def gettimeout(self) -> float | None:
        return self._timeout_s

    def _receive(self) -> bytes:
        return self._in_turn(lambda: self._socket.recv(_READ_AHEAD_BYTES))

    def send(self, data: bytes) -> int:
        return self._in_turn(lambda: self._socket.send(data))

    def _in_turn(self, act: Callable[[], _T]) -> _T:
        while True:
            with self._guard:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    event = select.POLLIN
                except ssl.SSLWantWriteError:
                    event = select.POLLOUT
            waiting = select.poll()
            waiting.register(self._socket, event)
            if not waiting.poll(None if self._timeout_s is None else math.ceil(self._timeout_s * 1000)):
                raise TimeoutError("timed out")


class _CappedFrames(websocket.frame_buffer):
    """The library's frame reader with a limit that applies before the payload is read."""

    max_bytes = 0

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > self.max_bytes:
            raise _StreamOversizeError(f"a frame of {self.length} bytes was announced")


class _CappedMessages(websocket.continuous_frame):
    """The library's joiner of fragments with a limit for the whole message."""

    max_bytes = 0

    def add(self, frame: ABNF) -> None:
        super().add(frame)
        if self.cont_data is not None and len(self.cont_data[1]) > self.max_bytes:
            raise _StreamOversizeError(f"a message of more than {self.max_bytes} bytes came in fragments")


class StreamReader:
    """Reads one stream connection until it ends, then says why, exactly once.

    All callbacks run on the reader's own thread and must not block. If one raises, the connection is closed and
    `on_closed` gets the error as its reason.

    Args:
        exchange: Venue name for errors and the thread's name.
        endpoint: Where to connect, what to say first, how life is proven.
        clock: Time.
        on_frame: Gets each text or binary message whole, as bytes that were not checked to be UTF-8, with the
            monotonic and the wall time it was read at.
        on_open: The connection is open and the hello frames were sent. Nothing is subscribed yet.
        on_closed: The connection ended or never came to be; the reason is for people. Always called, once, last.
        on_alive: Gets the monotonic time of each pong or ping of the venue: the stream is alive although it is quiet.
        connect_timeout_s: Seconds for connecting and again for the handshake.
        max_frame_bytes: Largest frame and largest message.
        ca_file: CA bundle, None for certifi's.
        proxy: `http://[user:secret@]host:port`, None for none.

    Raises:
        ConfigError: the address or proxy cannot be used (the text holds no path and no query).
    """

    def __init__(  # noqa: PLR0913 - four callbacks and the limits, all by keyword
        self,
        exchange: str,
        endpoint: StreamEndpoint,
        *,
        clock: Clock,
        on_frame: Callable[[bytes, int, int], None],
        on_open: Callable[[], None],
        on_closed: Callable[[str], None],
        on_alive: Callable[[int], None] | None = None,
        connect_timeout_s: float = 10.0,
        max_frame_bytes: int = 4 * 1024 * 1024,
        ca_file: str | None = None,
        proxy: str | None = None,
    ) -> None:
        self._exchange = exchange
        self._endpoint = endpoint
        self._target = parse_target(endpoint.url, ("wss", "ws"))
        self._proxy: Proxy | None = parse_proxy(proxy) if proxy else None
        self._clock = clock
        self._on_frame = on_frame
        self._on_open = on_open
        self._on_closed = on_closed
        self._on_alive = on_alive
        self._connect_timeout_s = connect_timeout_s
        self._max_frame_bytes = max_frame_bytes
        self._ca_file = ca_file
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._stream: WebSocket | None = None
        self._alive_ns = 0
        self._opened_ns = 0
        self._next_ping_ns = 0
        self._next_keep_alive_ns = 0
        self._thread = threading.Thread(target=self._run, name=f"{exchange}-stream", daemon=True)

    @property
    def alive_ns(self) -> int:
        """Monotonic time of the last frame or pong, 0 before the connection is open. Any thread."""
        return self._alive_ns

    @property
    def is_running(self) -> bool:
        """Whether the reader's thread lives. Any thread."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin connecting, once. Returns at once."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Send one text frame. Any thread, once `on_open` was called.

        Raises:
            StreamClosed: the connection is not open (any more). Unless the error says `unsent`, nothing may be
                concluded about the frame.
        """
        stream = self._stream
        if stream is None or self._stopping.is_set():
            raise StreamClosed(self._exchange, "send", "the stream is not open", unsent=True)
        try:
            stream.send_text(text)
        except (OSError, ValueError, websocket.WebSocketException) as error:  # ValueError: the reader has closed it
            self._interrupt(socket.SHUT_RDWR)  # a frame may be cut in the middle: this connection is unusable
            raise StreamClosed(self._exchange, "send", _text_of(error)) from None

    def stop(self) -> bool:
        """End the connection and the thread. Any thread, any number of times; `on_closed` is still called.

        Returns within about 1.2 s: True when the thread has ended (or this is that thread), False when it is stuck in
        the system's name resolution or in a callback; it ends by itself after that.
        """
        self._stopping.set()
        if self._thread is threading.current_thread() or not self._thread.is_alive():
            return True
        # The reading side first: it wakes the thread and still lets it say goodbye.
        self._interrupt(socket.SHUT_RD)
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            self._interrupt(socket.SHUT_RDWR)
            self._thread.join(_JOIN_S)
        return not self._thread.is_alive()

    def _adopt(self, connected: socket.socket) -> None:
        self._socket = connected
        if self._stopping.is_set():  # stop() may have looked before there was a socket to interrupt
            raise ConnectionAbortedError("stopped while connecting")

    def _interrupt(self, how: int) -> None:
        connected = self._socket
        if connected is None:
            return
        # The plain method: SSLSocket.shutdown would take the TLS object away from under the reading thread.
        with contextlib.suppress(OSError):  # not connected (any more): nothing waits there
            socket.socket.shutdown(connected, how)

    def _run(self) -> None:
        why = "the reader's thread was ended"
        try:
            why = self._connect_and_read()
        except (OSError, websocket.WebSocketException) as error:
            why = _text_of(error)
        # Top frame of the thread: a callback's error must reach the owner as the reason of the close, whatever it is.
        except Exception as error:  # noqa: BLE001
            why = f"failed inside the bot: {_text_of(error)}"
        finally:
            self._hang_up()
            self._on_closed("stopped" if self._stopping.is_set() else why)

    def _connect_and_read(self) -> str:
        connected = open_socket(
            self._target,
            timeout_s=self._connect_timeout_s,
            proxy=self._proxy,
            ca_file=self._ca_file,
            is_canceled=self._stopping.is_set,
            on_created=self._adopt,
        )
        stream = self._shake_hands(connected)
        self._stream = stream
        for text in self._endpoint.hello:
            stream.send_text(text)
        now_ns = self._clock.monotonic_ns()
        self._alive_ns = self._opened_ns = now_ns
        self._next_ping_ns = now_ns + self._ns(self._endpoint.ping_every_s)
        self._next_keep_alive_ns = now_ns + self._ns(self._endpoint.keep_alive_every_s)
        self._on_open()
        return self._read(stream)

    def _shake_hands(self, connected: socket.socket) -> WebSocket:
        source = (_ReadAheadTls if self._target.secure else _ReadAhead)(connected, self._stopping)
        try:
            stream = websocket.create_connection(
                self._endpoint.url,
                timeout=self._connect_timeout_s,
                socket=source,
                redirect_limit=0,
                suppress_origin=True,
                skip_utf8_validation=True,
                enable_multithread=True,
            )
        except websocket.WebSocketBadStatusException as error:
            # The library's text holds the whole answer.
            raise websocket.WebSocketException(f"handshake refused with status {error.status_code}") from None
        source.handshake_left = None
        # Short enough to keep the timers, long enough that a healthy peer takes a small frame in it.
        source.settimeout(max(0.05, min(1.0, self._endpoint.ping_every_s / 2)))
        frames = _CappedFrames(stream._recv, skip_utf8_validation=True)  # noqa: SLF001 - the library's own wiring
        messages = _CappedMessages(fire_cont_frame=False, skip_utf8_validation=True)
        frames.max_bytes = messages.max_bytes = self._max_frame_bytes
        stream.frame_buffer, stream.cont_frame = frames, messages
        return stream

    def _read(self, stream: WebSocket) -> str:
        clock, on_frame, stopping = self._clock, self._on_frame, self._stopping
        answers = self._endpoint.answers
        check_ns = 0
        while not stopping.is_set():
            try:
                opcode, frame = stream.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                now_ns = check_ns = clock.monotonic_ns()
            else:
                now_ns = self._alive_ns = clock.monotonic_ns()
                if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY):
                    if answers and (answer := answers.get(bytes(frame.data[:_LONGEST_QUESTION]))) is not None:
                        stream.send_text(answer)
                    on_frame(frame.data, now_ns, clock.wall_ns())
                elif opcode == ABNF.OPCODE_CLOSE:
                    return _close_text(frame.data)
                elif self._on_alive is not None:
                    self._on_alive(now_ns)
            if now_ns >= check_ns:
                why = self._keep_alive(stream, now_ns)
                if why:
                    return why
                check_ns = self._next_ping_ns
        return "stopped"

    def _keep_alive(self, stream: WebSocket, now_ns: int) -> str:
        """Ping when it is time; return why the connection must end, or an empty text."""
        if now_ns - self._alive_ns >= self._ns(self._endpoint.dead_after_s):
            return f"no frame and no pong for {self._endpoint.dead_after_s} s"
        if now_ns - self._opened_ns >= self._ns(self._endpoint.max_age_s):
            return f"the connection reached its age of {self._endpoint.max_age_s} s"
        if now_ns >= self._next_ping_ns:
            self._next_ping_ns = now_ns + self._ns(self._endpoint.ping_every_s)
            stream.ping()
            if self._endpoint.keep_alive_frame is not None and now_ns >= self._next_keep_alive_ns:
                self._next_keep_alive_ns = now_ns + self._ns(self._endpoint.keep_alive_every_s)
                stream.send_text(self._endpoint.keep_alive_frame)
        return ""

    def _hang_up(self) -> None:
        stream, connected = self._stream, self._socket
        self._stream = None
        if stream is not None and stream.connected:
            # Where the connection is already gone, nobody is there to be told.
            with contextlib.suppress(OSError, ValueError, websocket.WebSocketException):
                stream.send_close()
        if connected is not None:
            connected.close()

    @staticmethod
    def _ns(seconds: float) -> int:
        return math.ceil(seconds * _SECOND_NS)


def _text_of(error: BaseException) -> str:
    """Kind and words of an error, cut, without anything of the address (it may hold a credential)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    return redact(visible(f"{type(error).__name__}: {error}"[:200]))


def _close_text(data: bytes) -> str:
    if len(data) < _CODE_BYTES:
        return "closed by the venue"
    code = int.from_bytes(data[:_CODE_BYTES], "big")
    why = redact(visible(data[_CODE_BYTES:].decode(errors="replace")))
    return f"closed by the venue with {code} {why}".rstrip()
