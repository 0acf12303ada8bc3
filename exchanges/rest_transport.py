"""Requests over kept, pre-connected sockets: bytes out in one write, a whole reply or a typed error back.

The only importer of requests. What makes it quick (PERFORMANCE.md section 10) is that a request neither passes
through a Session's cookie, hook and redirect handling nor through a connection pool: the adapter keeps sockets warm,
joins head and body and writes once. The reply is read by http.client's parser after the write, where time matters less.

What may be concluded from an error is decided by one fact, whether any byte of the request may have left:

- before that: `RequestNotSent`, safe to send again;
- after it: `OutcomeUnknown`, whatever went wrong. A written request is never written again.

A kept socket that the venue has closed is noticed before writing (it is readable) and replaced by the spare.
"""

import contextlib
import io
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Final

import requests
from requests.adapters import HTTPAdapter

from exchanges.clock import Clock
from exchanges.errors import OutcomeUnknown, RequestNotSent
from exchanges.http_reply import UNREADABLE, read_reply
from exchanges.network import NetworkTarget, Proxy, open_socket, parse_proxy, parse_target
from exchanges.venue import HttpReply, SignedRequest

_IDLE_LIMIT_NS: Final = 45 * 1_000_000_000
"""A socket unused for longer is replaced before use: servers close after 60 to 75 s, and a close that crosses our
request would leave its outcome unknown."""

_WARM_SOCKETS: Final = 2
_KEPT_HEADS: Final = 32
_UNSAFE: Final = frozenset("\r\n\0")


class _Connection:
    """One connected socket and when it was last known good."""

    __slots__ = ("poller", "since_ns", "socket")

    def __init__(self, connected: socket.socket, since_ns: int) -> None:
        self.socket = connected
        self.since_ns = since_ns
        self.poller = select.poll()
        self.poller.register(connected, select.POLLIN)

    def is_usable(self, now_ns: int) -> bool:
        """Whether the venue has neither closed this idle socket nor sent something nobody asked for."""
        if now_ns - self.since_ns > _IDLE_LIMIT_NS:
            return False
        if not self.poller.poll(0):
            return True
        if not isinstance(self.socket, ssl.SSLSocket):
            return False
        timeout_s = self.socket.gettimeout()
        self.socket.settimeout(0)
        try:
            self.socket.recv(1)
        except ssl.SSLWantReadError:
            return True  # only TLS's own messages, such as session tickets
        except OSError:
            return False
        finally:
            self.socket.settimeout(timeout_s)
        return False

    def close(self) -> None:
        self.socket.close()


class WarmAdapter(HTTPAdapter):
    """A requests adapter that keeps connected sockets to one address and writes each request in one piece.

    It belongs to the thread of its transport, except `shut`, which any thread may call.

    Args:
        exchange: Venue name for errors.
        target: Where to connect.
        clock: For deadlines and the stamp of the reply.
        timeout_s: Seconds to connect, and seconds from the write to the last byte of the reply.
        proxy: Proxy to CONNECT through, None for none.
        ca_file: CA bundle, None for certifi's.
        max_body_bytes: A larger reply body, also after decompression, is refused.
    """

    def __init__(
        self,
        exchange: str,
        target: NetworkTarget,
        *,
        clock: Clock,
        timeout_s: tuple[float, float],
        proxy: Proxy | None,
        ca_file: str | None,
        max_body_bytes: int,
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._exchange = exchange
        self._target = target
        self._clock = clock
        self._timeout_s = timeout_s
        self._proxy = proxy
        self._ca_file = ca_file
        self._max_body_bytes = max_body_bytes
        self._idle: list[_Connection] = []
        self._busy: socket.socket | None = None
        self._shut = threading.Event()
        self._common = f"Host: {target.authority}\r\n"
        self._heads: dict[tuple[str, str, tuple[tuple[str, str], ...]], bytes] = {}

    def warm(self) -> None:
        """Have `_WARM_SOCKETS` usable sockets ready. Raises RequestNotSent where connecting fails."""
        now_ns = self._clock.monotonic_ns()
        for connection in tuple(self._idle):
            if not connection.is_usable(now_ns):
                self._idle.remove(connection)
                connection.close()
        while len(self._idle) < _WARM_SOCKETS:
            self._idle.append(self._open("connect"))

    def prepare(self, operation: str) -> None:
        """Have at least one usable socket first in line. Raises RequestNotSent where connecting fails."""
        connection, _ = self._take(operation)
        self._idle.insert(0, connection)
        if self._shut.is_set():  # closed by another thread meanwhile
            self._drop_idle()

    def exchange(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        """Send one request and read its reply. See `RestTransport.send`."""
        data = self._bytes_of(request)
        connection = self._write(request.operation, data)
        is_kept = False
        try:
            if on_written is not None:
                on_written(self._clock.monotonic_ns())
            reply, is_kept = read_reply(
                connection.socket,
                request.method,
                clock=self._clock,
                timeout_s=self._timeout_s[1],
                max_body_bytes=self._max_body_bytes,
            )
        except UNREADABLE as error:
            text = f"sent to {self._target.host}, no readable reply: {_text_of(error)}"
            raise OutcomeUnknown(self._exchange, request.operation, text) from None
        finally:
            self._busy = None
            self._give_back(connection, is_kept=is_kept)
        return reply

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002
        timeout: object = None,  # noqa: ARG002
        verify: object = True,  # noqa: ARG002, FBT002
        cert: object = None,  # noqa: ARG002
        proxies: object = None,  # noqa: ARG002
    ) -> requests.Response:
        """Serve `requests` itself over the same sockets, with the same limits; verification cannot be switched off."""
        body = request.body or b""
        signed = SignedRequest(
            operation="request",
            method=str(request.method),
            target=request.path_url,
            headers={k: v for k, v in request.headers.items() if k.lower() not in ("content-length", "host")},
            body=body.encode() if isinstance(body, str) else body,
        )
        reply = self.exchange(signed)
        response = requests.Response()
        response.status_code = reply.status
        response.headers.update(reply.headers)
        response.raw = io.BytesIO(reply.body)
        response.url = request.url or ""
        response.request = request
        return response

    def shut(self) -> None:
        """Refuse new requests and wake a thread that waits for a reply. Any thread."""
        self._shut.set()
        busy = self._busy
        if busy is not None:
            # The plain method: SSLSocket.shutdown would take the TLS object away from under the waiting thread.
            with contextlib.suppress(OSError):  # not connected (any more): nothing waits there
                socket.socket.shutdown(busy, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the idle sockets and refuse new requests. Any thread."""
        self._shut.set()
        self._drop_idle()
        super().close()

    def _drop_idle(self) -> None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:  # empty, perhaps because the other thread was quicker
                return
            connection.close()

    def _bytes_of(self, request: SignedRequest) -> bytes:
        """Return the request as it goes on the wire. Orders differ in their bodies only: their heads are made once."""
        if not request.body:
            return self._head_of(request) + b"\r\n"
        key = (request.method, request.target, tuple(request.headers.items()))
        head = self._heads.get(key)
        if head is None:
            head = self._head_of(request)
            if len(self._heads) < _KEPT_HEADS:
                self._heads[key] = head
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(request.body), request.body)

    def _head_of(self, request: SignedRequest) -> bytes:
        """Return the checked head, without the length of a body and the empty line."""
        lines = [f"{request.method} {self._target.path}{request.target} HTTP/1.1\r\n", self._common]
        names = set()
        for name, value in request.headers.items():
            names.add(name.lower())
            lines.append(f"{name}: {value}\r\n")
        if "accept-encoding" not in names:
            lines.append("Accept-Encoding: identity\r\n")
        if "user-agent" not in names:
            lines.append("User-Agent: grid-actors\r\n")
        if not request.body and request.method in ("POST", "PUT"):
            lines.append("Content-Length: 0\r\n")
        if not _is_clean(request) or names & {"host", "content-length", "transfer-encoding"}:
            text = "the request holds characters or headers that may not go on the wire"
            raise RequestNotSent(self._exchange, request.operation, text)
        return "".join(lines).encode("ascii")

    def _write(self, operation: str, data: bytes) -> _Connection:
        """Return the connection the request was written to."""
        while True:
            connection, was_kept = self._take(operation)
            self._busy = connection.socket
            if self._shut.is_set():  # shut() may have looked before there was a socket to interrupt
                self._busy = None
                connection.close()
                raise RequestNotSent(self._exchange, operation, "the transport was closed")
            done = 0
            try:
                done = _write_at_once(connection.socket, data)
                if done < len(data):
                    connection.socket.settimeout(self._timeout_s[1])
                    while done < len(data):
                        done += connection.socket.send(data[done:] if done else data)
            except OSError as error:
                self._busy = None
                connection.close()
                text = f"writing to {self._target.host} failed: {_text_of(error)}"
                # A plain socket that refuses the first write has taken nothing. TLS may have written a part of its
                # record before it failed.
                if done or self._target.secure:
                    raise OutcomeUnknown(self._exchange, operation, text) from None
                if was_kept:
                    continue
                raise RequestNotSent(self._exchange, operation, text) from None
            return connection

    def _take(self, operation: str) -> tuple[_Connection, bool]:
        now_ns = self._clock.monotonic_ns()
        while not self._shut.is_set():
            try:
                connection = self._idle.pop(0)
            except IndexError:
                break
            if connection.is_usable(now_ns):
                return connection, True
            connection.close()
        return self._open(operation), False

    def _adopt(self, connected: socket.socket) -> None:
        self._busy = connected
        if self._shut.is_set():
            raise ConnectionAbortedError("the transport was closed")

    def _open(self, operation: str) -> _Connection:
        try:
            if self._shut.is_set():
                raise ConnectionAbortedError("the transport was closed")
            connected = open_socket(
                self._target,
                timeout_s=self._timeout_s[0],
                proxy=self._proxy,
                ca_file=self._ca_file,
                is_canceled=self._shut.is_set,
                on_created=self._adopt,
            )
        except OSError as error:
            text = f"no connection to {self._target.host}:{self._target.port}: {_text_of(error)}"
            raise RequestNotSent(self._exchange, operation, text) from None
        finally:
            self._busy = None
        connected.settimeout(0)
        return _Connection(connected, self._clock.monotonic_ns())

    def _give_back(self, connection: _Connection, *, is_kept: bool) -> None:
        if is_kept and not self._shut.is_set():
            connection.since_ns = self._clock.monotonic_ns()
            connection.socket.settimeout(0)
            self._idle.insert(0, connection)
            if self._shut.is_set():  # closed by another thread between the two lines above
                self._drop_idle()
        else:
            connection.close()


def _write_at_once(connected: socket.socket, data: bytes) -> int:
    """Write to a socket that does not wait, and return how much it took.

    An idle connection has room for any order, so this is the one system call between an exit and the wire; a timeout
    would cost two more, and they wait in front of it.
    """
    try:
        return connected.send(data)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return 0


def _text_of(error: Exception) -> str:
    """Kind and words of an error, cut: http.client quotes up to 64 KiB of what a venue sent."""
    return f"{type(error).__name__}: {error}"[:200]


def _is_clean(request: SignedRequest) -> bool:
    target_is_clean = request.target.startswith("/") and request.target.isascii() and request.target.isprintable()
    return (
        request.method.isalpha()
        and target_is_clean
        and " " not in request.target
        and all(name.isascii() and value.isascii() for name, value in request.headers.items())
        and all(_UNSAFE.isdisjoint(name) and _UNSAFE.isdisjoint(value) for name, value in request.headers.items())
    )


class RestTransport:
    """Requests to one base address. Belongs to one thread; `close` may come from any.

    Args:
        exchange: Venue name for errors.
        base_url: `https://host[:port][/prefix]`, or `http://` for a loopback host.
        clock: Time.
        timeout_s: Seconds to connect, and seconds for a whole reply.
        proxy: `http://[user:secret@]host:port`, None for none. Never used for loopback hosts.
        ca_file: CA bundle, None for certifi's.
        max_body_bytes: Largest reply body.

    Raises:
        ConfigError: the address or the proxy cannot be used.
    """

    def __init__(
        self,
        exchange: str,
        base_url: str,
        *,
        clock: Clock,
        timeout_s: tuple[float, float] = (3, 10),
        proxy: str | None = None,
        ca_file: str | None = None,
        max_body_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        target = parse_target(base_url, ("https", "http"))
        self._adapter = WarmAdapter(
            exchange,
            target,
            clock=clock,
            timeout_s=timeout_s,
            proxy=parse_proxy(proxy) if proxy else None,
            ca_file=ca_file,
            max_body_bytes=max_body_bytes,
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = 0
        self._session.adapters.clear()
        self._session.mount(f"{'https' if target.secure else 'http'}://{target.authority}/", self._adapter)

    @property
    def session(self) -> requests.Session:
        """A requests Session that reaches only this base address, over the same sockets and limits."""
        return self._session

    def connect(self) -> None:
        """Connect ahead of the first request, and again whenever the lane is idle: two sockets are kept ready.

        Raises:
            RequestNotSent: connecting failed; the transport stays usable.
        """
        self._adapter.warm()

    def prepare(self, operation: str) -> None:
        """Connect now if the next `send` would have to: it then only writes. Costs nothing while a socket is usable.

        Raises:
            RequestNotSent: connecting failed; the transport stays usable.
        """
        self._adapter.prepare(operation)

    def send(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        """Send one request and return the reply, whatever its status. Redirects are returned, never followed.

        Args:
            request: Ready for the wire; `target` is appended to the base address' path.
            on_written: Called with the monotonic time right after the last byte was handed to the socket.

        Raises:
            RequestNotSent: nothing left this machine; safe to send again.
            OutcomeUnknown: something was or may have been written and there is no whole, readable reply.
        """
        return self._adapter.exchange(request, on_written)

    def close(self) -> None:
        """Close the sockets. From another thread it also ends a `send` that is waiting (OutcomeUnknown there)."""
        self._adapter.shut()
        self._session.close()
