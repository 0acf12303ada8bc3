"""Sockets to a venue: which addresses are allowed, TLS with verification that cannot be turned off, dialing that can
be given up.

Used by both transports. The environment is never read: no proxy, CA or key-log variable changes what happens here.
Plain http and ws are accepted for loopback hosts only (the simulated venue), so that a credential cannot leave the
machine in clear because of a typing error.
"""

import base64
import functools
import http.client
import ipaddress
import math
import os
import selectors
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import certifi

from exchanges.errors import ConfigError

_SCHEMES = {"https": True, "wss": True, "http": False, "ws": False}
_SLICE_S = 0.1
"""How long a dial waits before it looks whether it was given up."""


@dataclass(frozen=True, slots=True)
class NetworkTarget:
    """Where to connect: `path` is the path without a trailing slash and without query."""

    host: str
    port: int
    secure: bool
    path: str = ""

    @property
    def authority(self) -> str:
        """Host and port as a Host header spells them (no port where it is the scheme's own)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT. The credential does not print."""

    host: str
    port: int
    authorization: str

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_target(url: str, schemes: tuple[str, ...]) -> NetworkTarget:
    """Return where an address points.

    Args:
        url: Full address. A query is ignored here (stream addresses have one), a user part is refused.
        schemes: What the caller can speak, for example `("https", "http")`.

    Raises:
        ConfigError: another scheme, no host, a user part, a bad port, or plain text to a host that is not loopback.
            The text names scheme and host only.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError((f"an address cannot be read: {error}",)) from None
    if parts.scheme not in schemes:
        raise ConfigError((f"address scheme {parts.scheme!r} is not one of {', '.join(schemes)}",))
    if not host or parts.username is not None or parts.password is not None:
        raise ConfigError((f"{parts.scheme} address needs a host and no user part",))
    secure = _SCHEMES[parts.scheme]
    if not secure and not is_loopback(host):
        raise ConfigError((f"{parts.scheme}://{host} would send credentials in clear; only loopback may be plain",))
    return NetworkTarget(host, port or (443 if secure else 80), secure, parts.path.rstrip("/"))


def parse_proxy(url: str) -> Proxy:
    """Return the proxy of an address like `http://user:secret@host:8080`.

    Raises:
        ConfigError: not an http:// address with host and port. The text does not repeat the address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(("the proxy address cannot be read",)) from None
    if parts.scheme != "http" or not host or not port:
        raise ConfigError(("the proxy must be given as http://[user:secret@]host:port",))
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(host, port, authorization)


@functools.lru_cache(maxsize=8)
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return the TLS settings for a CA file (None: the bundle of certifi), made once per process.

    Reading the bundle costs about 20 ms, more than the handshake (PERFORMANCE.md section 8). Certificate and host
    name are always verified; `ssl.create_default_context` is avoided because it obeys SSLKEYLOGFILE.

    Raises:
        ConfigError: the CA file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca_file or certifi.where())
    except (OSError, ssl.SSLError) as error:
        raise ConfigError((f"the CA file cannot be used: {error}",)) from None
    return context


def _never() -> bool:
    return False


def _ignore(_: socket.socket) -> None:
    return


def open_socket(
    target: NetworkTarget,
    *,
    timeout_s: float,
    proxy: Proxy | None = None,
    ca_file: str | None = None,
    is_canceled: Callable[[], bool] = _never,
    on_created: Callable[[socket.socket], None] = _ignore,
) -> socket.socket:
    """Return a connected socket, TLS included, with Nagle's delay off and `timeout_s` as its timeout.

    Blocks up to about `timeout_s` per address of the host and again for proxy and TLS (name resolution has the
    system's own limit); gives up early when `is_canceled` turns true. `on_created` gets the connected socket before
    proxy and TLS speak, and the TLS socket before its handshake: shutting that down from another thread ends the
    wait. A proxy is not used for loopback hosts.

    Raises:
        OSError: no connection (ssl.SSLError for a failed verification). Nothing of a request has left.
        ConfigError: the CA file cannot be read.
    """
    used_proxy = None if is_loopback(target.host) else proxy
    first = target if used_proxy is None else used_proxy
    connected = _dial(first.host, first.port, timeout_s, is_canceled)
    try:
        on_created(connected)
        if used_proxy is not None:
            _tunnel(connected, target, used_proxy)
        if target.secure:
            context = tls_context(ca_file)
            secured = context.wrap_socket(connected, server_hostname=target.host, do_handshake_on_connect=False)
            connected = secured
            on_created(secured)
            secured.do_handshake()
    except BaseException:
        connected.close()
        raise
    return connected


def _dial(host: str, port: int, timeout_s: float, is_canceled: Callable[[], bool]) -> socket.socket:
    problem: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        raw = socket.socket(family, kind, protocol)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            _connect(raw, address, timeout_s, is_canceled)
        except OSError as error:
            raw.close()
            problem = error
            continue
        except BaseException:
            raw.close()
            raise
        raw.settimeout(timeout_s)
        return raw
    raise problem


def _connect(raw: socket.socket, address: object, timeout_s: float, is_canceled: Callable[[], bool]) -> None:
    raw.settimeout(0)
    try:
        raw.connect(address)  # type: ignore[arg-type]
    except BlockingIOError:
        _await_connected(raw, timeout_s, is_canceled)
        code = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code)) from None


def _await_connected(raw: socket.socket, timeout_s: float, is_canceled: Callable[[], bool]) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(raw, selectors.EVENT_WRITE)
        for _ in range(max(1, math.ceil(timeout_s / _SLICE_S))):
            if is_canceled():
                raise ConnectionAbortedError("given up while connecting") from None
            if selector.select(_SLICE_S):
                return
    raise TimeoutError(f"no connection within {timeout_s} s") from None


def _tunnel(raw: socket.socket, target: NetworkTarget, proxy: Proxy) -> None:
    host = f"[{target.host}]" if ":" in target.host else target.host
    lines = [f"CONNECT {host}:{target.port} HTTP/1.1", f"Host: {host}:{target.port}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    raw.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = http.client.HTTPResponse(raw, method="CONNECT")
    try:
        answer.begin()
        if answer.status != http.client.OK:
            raise OSError(f"the proxy refused the connection with status {answer.status}")
    except http.client.HTTPException as error:
        raise OSError(f"the proxy's answer cannot be read: {type(error).__name__}") from None
    finally:
        answer.close()
