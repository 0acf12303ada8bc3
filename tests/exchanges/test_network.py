"""Which addresses are allowed, how a proxy is used, and that dialing can be given up."""

import socket
import threading

import pytest

from exchanges.errors import ConfigError
from exchanges.network import (
    NetworkTarget,
    Proxy,
    is_loopback,
    open_socket,
    parse_proxy,
    parse_target,
    tls_context,
)
from tests.exchanges.loopback import WAIT_S, Certificate, Loopback, Peer, answering, refused_port, serving

WEB = ("https", "http")
STREAM = ("wss", "ws")


@pytest.mark.parametrize(
    ("url", "schemes", "target"),
    [
        ("https://venue.example", WEB, NetworkTarget("venue.example", 443, secure=True)),
        ("https://venue.example:8443/a/b/", WEB, NetworkTarget("venue.example", 8443, secure=True, path="/a/b")),
        ("http://127.0.0.1", WEB, NetworkTarget("127.0.0.1", 80, secure=False)),
        ("http://localhost:81", WEB, NetworkTarget("localhost", 81, secure=False)),
        ("ws://[::1]:82/ws", STREAM, NetworkTarget("::1", 82, secure=False, path="/ws")),
        ("wss://venue.example/ws?key=secret", STREAM, NetworkTarget("venue.example", 443, secure=True, path="/ws")),
    ],
)
def test_allowed_addresses(url, schemes, target):
    assert parse_target(url, schemes) == target


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (NetworkTarget("venue.example", 443, secure=True), "venue.example"),
        (NetworkTarget("venue.example", 80, secure=True), "venue.example:80"),
        (NetworkTarget("127.0.0.1", 80, secure=False), "127.0.0.1"),
        (NetworkTarget("::1", 82, secure=False), "[::1]:82"),
    ],
)
def test_authority_is_spelled_for_a_host_header(target, authority):
    assert target.authority == authority


def test_plain_text_leaves_this_machine_for_no_host():
    for url in ("http://venue.example", "ws://192.168.0.7/ws?listenKey=secret", "http://localhost.evil.example"):
        with pytest.raises(ConfigError) as caught:
            parse_target(url, ("http", "ws"))
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("host", "expected"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("a", False)])
def test_loopback_hosts(host, expected):
    assert is_loopback(host) is expected


def test_proxy_address_is_read_and_its_secret_does_not_print():
    proxy = parse_proxy("http://user:p%40ss@proxy.example:8080")
    assert (proxy.host, proxy.port) == ("proxy.example", 8080)
    assert proxy.authorization == "Basic dXNlcjpwQHNz"
    assert "dXNl" not in repr(proxy)
    assert parse_proxy("http://proxy.example:1").authorization == ""


@pytest.mark.parametrize(
    "url", ["socks5://pa55@h:1", "http://pa55@h", "https://h:1", "http://", "http://h:pa55", "pa55"]
)
def test_proxy_address_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError) as caught:
        parse_proxy(url)
    assert "pa55" not in str(caught.value)


def test_ca_file_that_cannot_be_used_is_a_configuration_error(tmp_path):
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    for path in (str(tmp_path / "absent.pem"), str(empty)):
        with pytest.raises(ConfigError):
            tls_context(path)


def test_tls_settings_are_shared_strict_and_deaf_to_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    certificate = Certificate(tmp_path, "127.0.0.1")
    context = tls_context(certificate.ca_file)
    assert tls_context(certificate.ca_file) is context
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.keylog_filename is None


def _target(server: Loopback) -> NetworkTarget:
    return NetworkTarget("venue.example", server.port, secure=False)


def test_proxy_is_asked_to_connect():
    def established(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        peer.read_request()
        peer.send(b"hello")

    with Loopback(established) as server:
        proxy = Proxy("127.0.0.1", server.port, "Basic dXNlcg==")
        with open_socket(_target(server), timeout_s=2, proxy=proxy) as connected:
            connected.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert connected.recv(100) == b"hello"
        lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"CONNECT venue.example:%d HTTP/1.1" % server.port
    assert b"Proxy-Authorization: Basic dXNlcg==" in lines


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b"garbage\r\n", b""]
)
def test_proxy_that_refuses_is_no_connection(raw):
    with Loopback(answering(raw)) as server:
        proxy = Proxy("127.0.0.1", server.port, "")
        with pytest.raises(OSError, match="proxy"):
            open_socket(NetworkTarget("2001:db8::1", 443, secure=True), timeout_s=2, proxy=proxy)
        assert server.requests[0].startswith(b"CONNECT [2001:db8::1]:443 ")


def test_proxy_is_not_used_for_this_machine():
    with Loopback(serving()) as server:
        target = NetworkTarget("127.0.0.1", server.port, secure=False)
        open_socket(target, timeout_s=2, proxy=Proxy("proxy.invalid", 1, "")).close()
        server.wait_connections(1)


def test_connection_is_without_delay_and_has_the_timeout():
    with (
        Loopback(serving()) as server,
        open_socket(NetworkTarget("127.0.0.1", server.port, secure=False), timeout_s=2) as connected,
    ):
        assert connected.gettimeout() == 2
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_next_address_is_tried_when_one_refuses(monkeypatch):
    with refused_port() as closed, Loopback(serving()) as server:
        family, kind = socket.AF_INET, socket.SOCK_STREAM
        found = [(family, kind, 6, "", ("127.0.0.1", port)) for port in (closed, server.port)]
        monkeypatch.setattr("exchanges.network.socket.getaddrinfo", lambda *_: found)
        open_socket(NetworkTarget("127.0.0.1", 1, secure=False), timeout_s=2).close()
        server.wait_connections(1)


def test_host_without_address_is_no_connection(monkeypatch):
    monkeypatch.setattr("exchanges.network.socket.getaddrinfo", lambda *_: [])
    with pytest.raises(OSError, match="no address"):
        open_socket(NetworkTarget("127.0.0.1", 1, secure=False), timeout_s=2)


class _Backlog:
    """A listener whose queue is full: further connections are neither accepted nor refused."""

    def __enter__(self) -> int:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._waiting = []
        address = self._listener.getsockname()
        for _ in range(8):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(address)
            self._waiting.append(waiting)
        return address[1]

    def __exit__(self, *_: object) -> None:
        for waiting in (*self._waiting, self._listener):
            waiting.close()


def test_unanswered_dial_ends_at_the_timeout():
    with _Backlog() as port, pytest.raises(TimeoutError):
        open_socket(NetworkTarget("127.0.0.1", port, secure=False), timeout_s=0.2)


def test_dial_can_be_given_up():
    asked = threading.Event()

    def is_canceled() -> bool:
        asked.set()
        return True

    with _Backlog() as port, pytest.raises(ConnectionAbortedError):
        open_socket(NetworkTarget("127.0.0.1", port, secure=False), timeout_s=60, is_canceled=is_canceled)
    assert asked.wait(WAIT_S)


def test_tls_handshake_can_be_given_up_from_another_thread(tmp_path):
    certificate = Certificate(tmp_path, "127.0.0.1")
    sockets: list[socket.socket] = []
    handshake_begins = threading.Event()
    problems: list[BaseException] = []

    def on_created(connected: socket.socket) -> None:
        sockets.append(connected)
        if len(sockets) == 2:
            handshake_begins.set()

    with Loopback(lambda peer: peer.wait_closed()) as server:  # reads the hello and never answers

        def dial() -> None:
            target = NetworkTarget("127.0.0.1", server.port, secure=True)
            try:
                open_socket(target, timeout_s=60, ca_file=certificate.ca_file, on_created=on_created)
            except OSError as problem:
                problems.append(problem)

        thread = threading.Thread(target=dial)
        thread.start()
        assert handshake_begins.wait(WAIT_S)
        socket.socket.shutdown(sockets[1], socket.SHUT_RDWR)
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert len(problems) == 1


def test_error_of_the_caller_leaves_no_socket(monkeypatch):
    def fail(_: object) -> None:
        raise KeyboardInterrupt

    with Loopback(serving()) as server:
        with pytest.raises(KeyboardInterrupt):
            open_socket(NetworkTarget("127.0.0.1", server.port, secure=False), timeout_s=2, on_created=fail)
        monkeypatch.setattr("exchanges.network._connect", lambda *_: fail(None))
        with pytest.raises(KeyboardInterrupt):
            open_socket(NetworkTarget("127.0.0.1", server.port, secure=False), timeout_s=2)
