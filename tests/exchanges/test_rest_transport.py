"""Requests over real sockets: what a venue, a front server or a network may do to one, and what may be concluded."""

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from exchanges.clock import SystemClock
from exchanges.errors import ConfigError, OutcomeUnknown, RequestNotSent
from exchanges.network import open_socket
from exchanges.rest_transport import RestTransport
from exchanges.venue import SignedRequest
from tests.exchanges.loopback import (
    WAIT_S,
    Certificate,
    Loopback,
    Peer,
    answering,
    refused_port,
    serving,
)
from tests.fakes import FakeClock

SECRET_QUERY = "/fapi/v3/order?symbol=BTCUSDT&signature=0xdeadbeef"


def post(target: str = SECRET_QUERY, **headers: str) -> SignedRequest:
    return SignedRequest(operation="place_limit_order", method="POST", target=target, headers=headers)


def get(target: str = "/time") -> SignedRequest:
    return SignedRequest(operation="server_time", method="GET", target=target)


@contextmanager
def transport_to(server: Loopback, **options: object) -> Iterator[RestTransport]:
    transport = RestTransport("aster", server.url(), **({"clock": SystemClock()} | options))  # type: ignore[arg-type]
    try:
        yield transport
    finally:
        transport.close()


# --- the good path ---


def test_reply_is_whole_with_lower_case_headers_and_the_time_it_was_read():
    clock = FakeClock()
    script = serving(b'{"a":1}', headers=("X-MBX-USED-WEIGHT-1M: 7", "Set-Cookie: a", "Set-Cookie: b"))
    with Loopback(script) as server, transport_to(server, clock=clock) as transport:
        reply = transport.send(get())
    assert (reply.status, reply.body, reply.received_ns) == (200, b'{"a":1}', clock.wall_ns())
    assert reply.headers["x-mbx-used-weight-1m"] == "7"
    assert reply.headers["set-cookie"] == "a, b"


def test_request_goes_out_as_given_with_host_and_length():
    with Loopback(serving()) as server, transport_to(server) as transport:
        transport.send(
            SignedRequest(operation="x", method="POST", target="/a?b=%20c", headers={"X-Key": "k"}, body=b"q=1")
        )
        transport.send(SignedRequest(operation="x", method="DELETE", target="/a", headers={"User-Agent": "mine"}))
        first, second = server.requests
    head, _, body = first.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a?b=%20c HTTP/1.1"
    assert set(lines[1:]) == {
        f"Host: 127.0.0.1:{server.port}",
        "X-Key: k",
        "Accept-Encoding: identity",
        "User-Agent: grid-actors",
        "Content-Length: 3",
    }
    assert body == b"q=1"
    assert b"User-Agent: mine" in second
    assert b"grid-actors" not in second
    assert b"Content-Length" not in second


def test_prefix_of_the_base_address_comes_first():
    with Loopback(serving()) as server:
        transport = RestTransport("aster", server.url(path="/venue/aster/"), clock=SystemClock())
        transport.send(get())
        transport.close()
        assert server.requests[0].startswith(b"GET /venue/aster/time HTTP/1.1\r\n")


def test_written_is_told_before_the_venue_answers_with_the_monotonic_time():
    answer_now = threading.Event()
    clock = FakeClock()
    stamps: list[int] = []

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.wait(answer_now)
        peer.reply()

    def on_written(ns: int) -> None:
        stamps.append(ns)
        answer_now.set()

    with Loopback(script) as server, transport_to(server, clock=clock) as transport:
        transport.send(post(), on_written)
    assert stamps == [clock.monotonic_ns()]


def test_one_connection_serves_many_requests():
    with Loopback(serving()) as server, transport_to(server) as transport:
        for _ in range(5):
            transport.send(get())
        assert server.connections == 1


def test_connect_keeps_two_sockets_ready_and_requests_open_no_other():
    with Loopback(serving()) as server, transport_to(server) as transport:
        transport.connect()
        transport.connect()
        server.wait_connections(2)
        transport.send(get())
        transport.send(get())
        assert server.connections == 2


def test_prepare_connects_once_and_the_request_only_writes(monkeypatch):
    with Loopback(serving()) as server, transport_to(server) as transport:
        transport.prepare("place_limit_order")
        transport.prepare("place_limit_order")
        monkeypatch.setattr("exchanges.rest_transport.open_socket", None)
        transport.send(get())
        assert server.connections == 1


def test_prepare_of_a_closed_or_refused_connection_was_not_sent():
    with refused_port() as port:
        transport = RestTransport("aster", f"http://127.0.0.1:{port}", clock=SystemClock())
        with pytest.raises(RequestNotSent) as caught:
            transport.prepare("place_limit_order")
        assert caught.value.operation == "place_limit_order"
        transport.close()
        with pytest.raises(RequestNotSent):
            transport.prepare("place_limit_order")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
    ],
)
def test_every_framing_of_a_body_is_read(raw):
    with Loopback(answering(raw)) as server, transport_to(server) as transport:
        assert transport.send(get()).body == b"{}"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b'{"a":1}', mtime=0)), ("deflate", zlib.compress(b'{"a":1}')), ("identity", b'{"a":1}')],
)
def test_packed_body_is_unpacked_although_nobody_asked_for_it(encoding, packed):
    script = serving(packed, headers=(f"Content-Encoding: {encoding}",))
    with Loopback(script) as server, transport_to(server) as transport:
        assert transport.send(get()).body == b'{"a":1}'


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "429 Too Many", "500 Oops", "503 Busy"])
def test_any_status_is_a_reply(status):
    with Loopback(serving(b"<html>no</html>", status=status)) as server, transport_to(server) as transport:
        reply = transport.send(post())
    assert (reply.status, reply.body) == (int(status[:3]), b"<html>no</html>")


def test_redirect_is_returned_and_not_followed():
    # RELIABILITY.md O24: following it would hand body and key header to another host
    elsewhere = ("Location: https://elsewhere.example/",)
    with Loopback(serving(b"", status="307 Moved", headers=elsewhere)) as server, transport_to(server) as transport:
        assert transport.send(post()).status == 307
        assert len(server.requests) == 1


def test_requests_itself_runs_over_the_same_socket():
    with Loopback(serving(b'{"a":"b"}')) as server, transport_to(server) as transport:
        transport.connect()
        answer = transport.session.post(server.url(path="/x"), params={"q": "1"}, data={"k": "v"}, timeout=5)
        assert answer.json() == {"a": "b"}
        assert server.requests[0].startswith(b"POST /x?q=1 HTTP/1.1\r\n")
        assert server.requests[0].endswith(b"\r\n\r\nk=v")
        assert server.connections <= 2
        with pytest.raises(requests.exceptions.InvalidSchema):
            transport.session.get("http://127.0.0.1:1/other", timeout=5)


# --- nothing left this machine ---


def test_refused_connection_was_not_sent():
    with refused_port() as port:
        transport = RestTransport("aster", f"http://127.0.0.1:{port}", clock=SystemClock())
        with pytest.raises(RequestNotSent) as caught:
            transport.send(post())
        with pytest.raises(RequestNotSent):
            transport.connect()
        transport.close()
    assert "signature" not in str(caught.value)
    assert caught.value.operation == "place_limit_order"


def test_unknown_host_was_not_sent(monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("name not known")

    monkeypatch.setattr("exchanges.network.socket.getaddrinfo", fail)
    transport = RestTransport("aster", "https://venue.invalid", clock=SystemClock())
    with pytest.raises(RequestNotSent):
        transport.send(get())
    transport.close()


@pytest.mark.parametrize(
    "request_",
    [
        post("/a b"),
        post("/a\r\nX: y"),
        post("no-slash"),
        post("/ä"),
        post(**{"X-Key": "a\r\nb: c"}),
        post(**{"X\n": "a"}),
        post(X="ä"),
        post(Host="elsewhere"),
        post(**{"Content-Length": "1"}),
        post(**{"Transfer-Encoding": "chunked"}),
        SignedRequest(operation="x", method="GE T", target="/"),
    ],
)
def test_request_that_could_smuggle_a_second_one_is_not_sent(request_):
    with Loopback(serving()) as server, transport_to(server) as transport:
        with pytest.raises(RequestNotSent):
            transport.send(request_)
        assert server.connections == 0


def test_closed_transport_sends_nothing():
    with Loopback(serving()) as server, transport_to(server) as transport:
        transport.connect()
        transport.close()
        with pytest.raises(RequestNotSent):
            transport.send(get())
        with pytest.raises(RequestNotSent):
            transport.connect()
        assert server.requests == []


# --- written, outcome unknown ---


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nxxxx",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"\x00\xff garbage without a line end",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:60]),
)
def test_cut_or_garbled_reply_is_unknown_and_not_sent_again(raw):
    # RELIABILITY.md O1, O9, O23
    with Loopback(answering(raw)) as server, transport_to(server) as transport:
        transport.connect()
        with pytest.raises(OutcomeUnknown) as caught:
            transport.send(post())
        assert len(server.requests) == 1
    assert "signature" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_cut_gzip_body_is_unknown():
    packed = gzip.compress(b"x" * 1000, mtime=0)[:-10]
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    with Loopback(answering(raw)) as server, transport_to(server) as transport, pytest.raises(OutcomeUnknown):
        transport.send(post())


def test_reset_after_the_request_is_unknown():
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.reset()

    with Loopback(script) as server, transport_to(server) as transport:
        with pytest.raises(OutcomeUnknown):
            transport.send(post())
        assert len(server.requests) == 1


def test_half_closed_connection_is_unknown():
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.half_close()
        peer.wait_closed()

    with Loopback(script) as server, transport_to(server) as transport, pytest.raises(OutcomeUnknown):
        transport.send(post())


def test_silent_venue_is_unknown_after_the_timeout():
    with (
        Loopback(answering(b"", close=False)) as server,
        transport_to(server, timeout_s=(3, 0.05)) as transport,
        pytest.raises(OutcomeUnknown),
    ):
        transport.send(post())


def test_dripping_reply_is_unknown_at_the_deadline_of_the_whole():
    clock = FakeClock()
    dripped = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        peer.wait(dripped)
        for _ in range(20):
            clock.advance(1_000_000_000)
            peer.send(b"X: y\r\n")
        peer.wait_closed()

    with (
        Loopback(script) as server,
        transport_to(server, clock=clock) as transport,
        pytest.raises(OutcomeUnknown) as caught,
    ):
        transport.send(post(), lambda _: dripped.set())
    assert "took too long" in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
    ],
    ids=["announced", "length", "until close", "chunked"],
)
def test_body_above_the_limit_is_unknown(raw):
    with (
        Loopback(answering(raw)) as server,
        transport_to(server, max_body_bytes=1000) as transport,
        pytest.raises(OutcomeUnknown),
    ):
        transport.send(get())


def test_body_of_exactly_the_limit_is_read():
    with Loopback(serving(b"x" * 1000)) as server, transport_to(server, max_body_bytes=1000) as transport:
        assert len(transport.send(get()).body) == 1000


def test_decompression_bomb_is_refused():
    bomb = gzip.compress(b"0" * 50_000_000, mtime=0)
    script = serving(bomb, headers=("Content-Encoding: gzip",))
    with (
        Loopback(script) as server,
        transport_to(server, max_body_bytes=1_000_000) as transport,
        pytest.raises(OutcomeUnknown) as caught,
    ):
        transport.send(get())
    assert "unpacked" in str(caught.value)


def test_error_of_the_written_callback_reaches_the_caller_and_ends_the_connection():
    def fail(_: int) -> None:
        raise ZeroDivisionError

    with Loopback(serving()) as server, transport_to(server) as transport:
        with pytest.raises(ZeroDivisionError):
            transport.send(post(), fail)
        assert transport.send(get()).status == 200
        assert server.connections == 2


def test_close_from_another_thread_ends_a_waiting_send():
    outcomes: list[Exception] = []
    written = threading.Event()
    with Loopback(answering(b"", close=False)) as server, transport_to(server) as transport:

        def lane() -> None:
            try:
                transport.send(post(), lambda _: written.set())
            except OutcomeUnknown as error:
                outcomes.append(error)

        thread = threading.Thread(target=lane)
        thread.start()
        assert written.wait(WAIT_S)
        transport.close()
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert len(outcomes) == 1


# --- kept sockets ---


def test_socket_the_venue_closed_is_replaced_before_writing():
    closed = threading.Event()

    def once(peer: Peer) -> None:
        peer.read_request()
        peer.reply()
        peer.socket.close()
        closed.set()

    with Loopback(once, serving()) as server, transport_to(server) as transport:
        transport.send(get())
        assert closed.wait(WAIT_S)
        assert transport.send(post()).status == 200
        assert server.connections == 2
        assert len(server.requests) == 2


def test_dead_sockets_are_replaced_when_warming():
    closed = threading.Semaphore(0)

    def drop(peer: Peer) -> None:
        peer.socket.close()
        closed.release()

    with Loopback(drop, drop, serving()) as server, transport_to(server) as transport:
        transport.connect()
        assert closed.acquire(timeout=WAIT_S)
        assert closed.acquire(timeout=WAIT_S)
        transport.connect()
        assert transport.send(get()).status == 200
        server.wait_connections(4)


def test_reply_followed_by_more_bytes_is_not_taken_for_the_next_answer():
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
    with Loopback(answering(both, close=False), serving(b"3")) as server, transport_to(server) as transport:
        assert transport.send(get()).body == b"1"
        assert transport.send(get()).body == b"3"
        assert server.connections == 2


def test_unasked_bytes_on_an_idle_socket_end_it():
    spoke = threading.Event()

    def chatty(peer: Peer) -> None:
        peer.read_request()
        peer.reply(b"1")
        peer.send(b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n")
        spoke.set()
        peer.wait_closed()

    with Loopback(chatty, serving(b"2")) as server, transport_to(server) as transport:
        assert transport.send(get()).body == b"1"
        assert spoke.wait(WAIT_S)
        assert transport.send(get()).body == b"2"


def test_socket_idle_for_long_is_replaced_before_the_venue_closes_it():
    clock = FakeClock()
    with Loopback(serving()) as server, transport_to(server, clock=clock) as transport:
        transport.send(get())
        clock.advance(44_000_000_000)
        transport.send(get())
        assert server.connections == 1
        clock.advance(46_000_000_000)
        transport.send(get())
        assert server.connections == 2


def test_connection_close_is_obeyed():
    with Loopback(serving(headers=("Connection: close",))) as server, transport_to(server) as transport:
        transport.send(get())
        transport.send(get())
        assert server.connections == 2


def test_tls_socket_the_venue_reset_is_replaced_before_writing(tmp_path):
    certificate = Certificate(tmp_path, "127.0.0.1")
    was_read, reset = threading.Event(), threading.Event()

    def once(peer: Peer) -> None:
        peer.read_request()
        peer.reply()
        peer.wait(was_read)
        peer.reset()
        reset.set()

    with Loopback(once, serving(), certificate=certificate) as server:
        transport = RestTransport("aster", server.url("https"), clock=SystemClock(), ca_file=certificate.ca_file)
        transport.send(get())
        was_read.set()
        assert reset.wait(WAIT_S)
        assert transport.send(post()).status == 200
        assert len(server.requests) == 2
        transport.close()


# --- writes that fail ---


class FailingSocket(socket.socket):
    """A connected socket that takes `taken` bytes of its first request after `good` whole ones, then fails."""

    good = 0
    taken = 0

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        if self.good > 0:
            self.good -= 1
            return super().send(data, flags)
        if self.taken > 0:
            sent = super().send(data[: self.taken], flags)
            self.taken = 0
            return sent
        raise BrokenPipeError("the network is gone")


def fail_writes(monkeypatch: pytest.MonkeyPatch, *, good: int = 0, taken: int = 0, first_only: bool = False) -> None:
    """Make the sockets that are opened from now on (or only the next one) fail as described."""
    opened = []

    def open_failing(*args: object, **options: object) -> socket.socket:
        connected = open_socket(*args, **options)  # type: ignore[arg-type]
        if first_only and opened:
            return connected
        failing = FailingSocket(fileno=connected.detach())
        failing.good, failing.taken = good, taken
        opened.append(failing)
        return failing

    monkeypatch.setattr("exchanges.rest_transport.open_socket", open_failing)


def test_kept_socket_that_takes_no_byte_is_replaced(monkeypatch):
    fail_writes(monkeypatch, good=1, first_only=True)
    with Loopback(serving()) as server, transport_to(server) as transport:
        transport.send(get("/1"))
        assert transport.send(post("/2")).status == 200
        assert [request.split(b" ")[1] for request in server.requests] == [b"/1", b"/2"]


def test_fresh_socket_that_takes_no_byte_was_not_sent(monkeypatch):
    fail_writes(monkeypatch)
    with Loopback(serving()) as server, transport_to(server) as transport:
        with pytest.raises(RequestNotSent):
            transport.send(post())
        assert server.requests == []


def test_request_cut_in_the_middle_is_unknown_and_not_sent_again(monkeypatch):
    fail_writes(monkeypatch, taken=10)
    with Loopback(serving()) as server, transport_to(server) as transport:
        with pytest.raises(OutcomeUnknown):
            transport.send(post())
        server.wait_connections(1)
        assert server.connections == 1


def test_tls_write_that_fails_is_unknown(tmp_path, monkeypatch):
    # a part of the record may have left before the error: nothing may be concluded
    certificate = Certificate(tmp_path, "127.0.0.1")

    def fail(*_: object) -> int:
        raise BrokenPipeError("the network is gone")

    with Loopback(serving(), certificate=certificate) as server:
        transport = RestTransport("aster", server.url("https"), clock=SystemClock(), ca_file=certificate.ca_file)
        transport.connect()
        monkeypatch.setattr("ssl.SSLSocket.send", fail)
        with pytest.raises(OutcomeUnknown):
            transport.send(post())
        transport.close()


class HookedClock(SystemClock):
    """Runs a function at the n-th reading of the monotonic clock from now."""

    def __init__(self) -> None:
        self.readings_left = 0
        self.hook: Callable[[], None] = lambda: None

    def monotonic_ns(self) -> int:
        self.readings_left -= 1
        if self.readings_left == 0:
            self.hook()
        return super().monotonic_ns()


@pytest.mark.parametrize("reading", range(1, 9))
def test_close_at_any_moment_of_a_request_leaves_no_socket(reading):
    # the leak check of conftest.py is the point: whatever close() crosses, nothing stays open
    clock = HookedClock()
    with Loopback(serving()) as server, transport_to(server, clock=clock) as transport:
        clock.hook, clock.readings_left = transport.close, reading
        try:
            transport.send(get(), lambda _: None)
        except (RequestNotSent, OutcomeUnknown):
            assert clock.readings_left <= 0
        transport.close()
        with pytest.raises(RequestNotSent):
            transport.send(get())


def test_close_while_connecting_was_not_sent(monkeypatch):
    with Loopback(serving()) as server, transport_to(server) as transport:

        def open_and_close(*args: object, **options: object) -> socket.socket:
            transport.close()
            return open_socket(*args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr("exchanges.rest_transport.open_socket", open_and_close)
        with pytest.raises(RequestNotSent):
            transport.send(post())
        assert server.requests == []


# --- TLS and addresses ---


def test_certificate_is_verified(tmp_path):
    certificate = Certificate(tmp_path, "localhost")
    with Loopback(serving(), certificate=certificate) as server:
        address = server.url("https", host="localhost")
        stranger = RestTransport("aster", address, clock=SystemClock())
        with pytest.raises(RequestNotSent) as caught:
            stranger.send(get())
        assert "certificate" in str(caught.value).lower()
        friend = RestTransport("aster", address, clock=SystemClock(), ca_file=certificate.ca_file)
        friend.connect()
        assert friend.send(get()).status == 200
        assert friend.send(get()).status == 200
        assert friend.session.get(address + "/x", verify=False, timeout=5).status_code == 200
        connections = server.connections
        other_name = RestTransport("aster", server.url("https"), clock=SystemClock(), ca_file=certificate.ca_file)
        with pytest.raises(RequestNotSent):
            other_name.send(get())
        friend.close()
    assert connections <= 4
    assert len(server.requests) == 3


def test_tls_socket_the_venue_closed_is_replaced_before_writing(tmp_path):
    certificate = Certificate(tmp_path, "127.0.0.1")
    closed = threading.Event()

    def once(peer: Peer) -> None:
        peer.read_request()
        peer.reply()
        peer.socket.close()
        closed.set()

    with Loopback(once, serving(), certificate=certificate) as server:
        transport = RestTransport("aster", server.url("https"), clock=SystemClock(), ca_file=certificate.ca_file)
        transport.send(get())
        assert closed.wait(WAIT_S)
        assert transport.send(post()).status == 200
        assert len(server.requests) == 2
        transport.close()


def test_environment_is_ignored(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with Loopback(serving()) as server, transport_to(server) as transport:
        assert transport.send(get()).status == 200
        assert transport.session.get(server.url(path="/x"), timeout=5).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "http://venue.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://",
        "https://user:secret@venue.example",
        "https://venue.example:99999",
        "https://[::1",
        "127.0.0.1:80",
    ],
)
def test_address_that_may_not_be_used_is_refused(address):
    with pytest.raises(ConfigError) as caught:
        RestTransport("aster", address, clock=SystemClock())
    assert "secret" not in str(caught.value)


def test_requests_that_differ_in_their_bodies_keep_their_own_lengths_and_headers():
    with Loopback(serving()) as server, transport_to(server) as transport:
        for body, key in ((b"q=1", "k"), (b"q=1000", "k"), (b"q=2", "other"), (b"", "k")):
            transport.send(
                SignedRequest(operation="x", method="POST", target="/order", headers={"X-Key": key}, body=body)
            )
        requests_ = [request_.partition(b"\r\n\r\n") for request_ in server.requests]
    assert [body for _, _, body in requests_] == [b"q=1", b"q=1000", b"q=2", b""]
    heads = [set(head.decode().split("\r\n")) for head, _, _ in requests_]
    assert [next(line for line in head if line.startswith("Content-Length")) for head in heads] == [
        "Content-Length: 3",
        "Content-Length: 6",
        "Content-Length: 3",
        "Content-Length: 0",
    ]
    assert [next(line for line in head if line.startswith("X-Key")) for head in heads] == [
        *("X-Key: k", "X-Key: k"),
        *("X-Key: other", "X-Key: k"),
    ]


def test_request_that_does_not_fit_into_the_socket_at_once_is_written_in_pieces():
    body = b"x" * 8_000_000
    with Loopback(serving()) as server, transport_to(server) as transport:
        reply = transport.send(SignedRequest(operation="x", method="POST", target="/order", headers={}, body=body))
        assert reply.status == 200
        assert server.requests[0].endswith(body)
