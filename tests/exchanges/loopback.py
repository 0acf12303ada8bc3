"""A server on loopback that does exactly what a test scripts, over real sockets, right or wrong.

Each accepted connection runs the next script of the list (the last one again and again) on a thread of its own. A
script gets a `Peer` and may answer late, in part, with garbage, or not at all. Waiting is always for an event with a
timeout, never for time to pass.
"""

import base64
import contextlib
import datetime as dt
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WAIT_S = 5.0
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """The server's end of one connection."""

    def __init__(self, connected: socket.socket, server: "Loopback") -> None:
        self.socket = connected
        self.server = server
        self._buffer = b""

    def read_request(self) -> bytes:
        """One request, head and body, as it came; empty when the client closed."""
        while b"\r\n\r\n" not in self._buffer:
            piece = self._receive()
            if not piece:
                return b""
            self._buffer += piece
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        lines = [line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:]]
        length = next((int(value) for name, value in lines if name == b"content-length"), 0)
        while len(rest) < length:
            rest += self._receive()
        self._buffer = rest[length:]
        request = head + b"\r\n\r\n" + rest[:length]
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a client may be gone by now, as the test intends
            self.socket.sendall(data)

    def reply(self, body: bytes = b"{}", *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> None:
        """A correct reply."""
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
        self.send(head.encode() + body)

    def half_close(self) -> None:
        """Send no more, keep reading."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def wait(self, event: threading.Event) -> None:
        """Wait for the test, or for the end of the server."""
        while not event.wait(0.01) and not self.server.is_closing:
            pass

    def wait_closed(self) -> None:
        """Read until the client is gone."""
        while self._receive():
            pass

    def upgrade(self) -> None:
        """Answer a WebSocket handshake."""
        self.accept(self.read_request())

    def accept(self, request: bytes) -> None:
        """Say yes to a handshake that was read."""
        key = next(
            line.split(b":", 1)[1].strip()
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key:")
        )
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - the protocol's own
        self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def send_frame(self, payload: bytes, opcode: int = TEXT, *, final: bool = True) -> None:
        self.send(frame_head(len(payload), opcode, final=final) + payload)

    def read_frame(self) -> tuple[int, bytes]:
        """One client frame as opcode and payload; (CLOSE, b"") when the client is gone."""
        try:
            first, second = self._exactly(2)
            length = second & 127
            if length == 126:
                length = int.from_bytes(self._exactly(2), "big")
            mask = self._exactly(4)
            data = self._exactly(length)
        except EOFError:
            return CLOSE, b""
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.server.frames.append((first & 15, payload))
        return first & 15, payload

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            piece = self._receive()
            if not piece:
                raise EOFError
            self._buffer += piece
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(65_536)
        except OSError:
            return b""


def frame_head(length: int, opcode: int = TEXT, *, final: bool = True) -> bytes:
    """The head of an unmasked server frame that announces `length` bytes."""
    first = bytes([(0x80 if final else 0) | opcode])
    if length < 126:
        return first + bytes([length])
    if length < 1 << 16:
        return first + bytes([126]) + length.to_bytes(2, "big")
    return first + bytes([127]) + length.to_bytes(8, "big")


Script = Callable[[Peer], None]


class Loopback:
    """Listens on 127.0.0.1. Use as a context manager; leaving it ends every connection and thread."""

    def __init__(self, *scripts: Script, certificate: "Certificate | None" = None) -> None:
        self.requests: list[bytes] = []
        self.frames: list[tuple[int, bytes]] = []
        self.connections = 0
        self.is_closing = False
        self._scripts = scripts
        self._context = certificate.server_context() if certificate else None
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._problems: list[BaseException] = []
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="loopback-accept")

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.is_closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(WAIT_S)
        for connected in self._sockets:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WAIT_S)
        if self._problems and kind is None:
            raise AssertionError("a script failed") from self._problems[0]

    def url(self, scheme: str = "http", path: str = "", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def wait_connections(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.connections >= count, WAIT_S)

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self._sockets.append(connected)
            thread = threading.Thread(target=self._serve, args=(connected, script), name="loopback-peer")
            self._threads.append(thread)
            with self._changed:
                self.connections += 1
                self._changed.notify_all()
            thread.start()

    def _serve(self, connected: socket.socket, script: Script) -> None:
        try:
            if self._context is not None:
                connected = self._context.wrap_socket(connected, server_side=True)
                self._sockets.append(connected)
            script(Peer(connected, self))
        except (ssl.SSLError, ConnectionError):
            pass  # the client refused us, as the test intends
        except BaseException as problem:  # noqa: BLE001 - told to the test when the server is left
            self._problems.append(problem)
        finally:
            connected.close()


def serving(reply: bytes = b"{}", *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> Script:
    """Answer every request of a connection with the same correct reply."""

    def script(peer: Peer) -> None:
        while peer.read_request():
            peer.reply(reply, status=status, headers=headers)

    return script


def answering(raw: bytes, *, close: bool = True) -> Script:
    """Read one request, send raw bytes, then close or stay silent."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(raw)
        if not close:
            peer.wait_closed()

    return script


@contextlib.contextmanager
def refused_port() -> Iterator[int]:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Certificate:
    """A throw-away self-signed certificate, made on the spot."""

    def __init__(self, folder: Path, *names: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback test")])
        start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        entries: list[x509.GeneralName] = []
        for name in names:
            try:
                entries.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                entries.append(x509.DNSName(name))
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=36_500))
            .add_extension(x509.SubjectAlternativeName(entries), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.ca_file = str(folder / "ca.pem")
        self._key_file = str(folder / "key.pem")
        Path(self.ca_file).write_bytes(made.public_bytes(serialization.Encoding.PEM))
        Path(self._key_file).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, self._key_file)
        return context
