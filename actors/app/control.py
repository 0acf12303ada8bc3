"""The control socket: how a second `run.py` talks to the running bot.

One JSON line in, one JSON line out, on loopback TCP. The port and a random token stand in `control.json` in the
state folder, readable by its owner only; whoever can read that file may pause, resume, flatten, adopt and stop, nothing
else. There are no free-form orders and no secrets in any answer.
"""

import hmac
import ipaddress
import json
import os
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exchanges.clock import SystemClock
from exchanges.errors import BotError, MalformedMessage
from exchanges.wire_json import decode

CONTROL_FILE = "control.json"
VERBS = ("status", "pause", "resume", "flatten", "adopt", "stop")
_LINE_LIMIT = 4096
_ANSWER_LIMIT = 4 * 1024 * 1024
_TIMEOUT_S = 5.0
_MOST_CLIENTS = 16
_LARGEST_PORT = 65_535
_ANSWER_S = 15.0
"""A bot that is busy starting its actors again answers some verbs only after that."""

_Request = socket.socket | tuple[bytes, socket.socket]
_Address = Any
"""As socketserver has them."""

Handler = Callable[[], Mapping[str, Any]]


class ControlError(BotError):
    """The running bot could not be reached or refused the command."""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], token: str, handlers: Mapping[str, Handler]) -> None:
        self.token = token
        self.handlers = handlers
        self._places = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(address, _Connection)

    def process_request(self, request: _Request, client_address: _Address) -> None:
        """Serve a client on a thread of its own, or hang up where too many are being served."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: _Request, client_address: _Address) -> None:
        """Serve one client."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that vanishes or sends garbage is its own problem: nothing is printed, nothing stops."""


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        answer = json.dumps(self._answer(self._line())).encode() + b"\n"
        self.request.settimeout(_TIMEOUT_S)
        self.request.sendall(answer)

    def _line(self) -> bytes:
        """Read one line within the time for all of it: a drip of bytes cannot hold a thread for ever."""
        data = b""
        clock = SystemClock()
        deadline_ns = clock.monotonic_ns() + int(_TIMEOUT_S * 1e9)
        while b"\n" not in data and len(data) < _LINE_LIMIT:
            self.request.settimeout(max(deadline_ns - clock.monotonic_ns(), 1) / 1e9)
            piece = self.request.recv(_LINE_LIMIT - len(data))
            if not piece:
                break
            data += piece
        return data.partition(b"\n")[0]

    def _answer(self, line: bytes) -> Mapping[str, Any]:
        try:
            request = decode(line, "control", "command")
        except MalformedMessage:
            return {"ok": False, "error": "not one line of JSON"}
        if not isinstance(request, dict):
            return {"ok": False, "error": "not a JSON object"}
        token, verb = request.get("token"), request.get("verb")
        if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            return {"ok": False, "error": "wrong token"}
        if not isinstance(verb, str) or verb not in self.server.handlers:
            return {"ok": False, "error": f"unknown verb; known: {', '.join(self.server.handlers)}"}
        return {"ok": True, **self.server.handlers[verb]()}


class ControlServer:
    """Listens until closed. `handlers` run on connection threads and must not block for long.

    Args:
        listen: 'host:port'; port 0 takes a free one.
        state_dir: Where `control.json` is written, readable by its owner only.
        handlers: What to do for each verb of `VERBS`; the returned mapping is the answer.
        token: The secret a client must show; a random one where None.
    """

    def __init__(
        self, listen: str, state_dir: Path, handlers: Mapping[str, Handler], *, token: str | None = None
    ) -> None:
        host, _, port = listen.rpartition(":")
        if not _is_loopback(host) and token is None:
            raise ControlError(f"control.listen = {listen}: an address other than loopback needs control.token_env")
        self._file = state_dir / CONTROL_FILE
        self._token = token or secrets.token_urlsafe(32)
        try:
            self._server = _Server((host, int(port)), self._token, handlers)
        except OSError as error:
            raise ControlError(f"control.listen = {listen}: cannot listen there ({error.strerror})") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="control", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Write the control file and serve."""
        host, port = self.address
        _write_private(self._file, json.dumps({"host": host, "port": port, "token": self._token, "pid": os.getpid()}))
        self._thread.start()

    def close(self) -> None:
        """Stop serving and remove the control file. Safe to call twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._file.unlink(missing_ok=True)


def send_command(state_dir: Path, verb: str) -> Mapping[str, Any]:
    """Return the running bot's answer to one verb.

    Raises:
        ControlError: no bot runs on this state folder, or it refused.
    """
    path = state_dir / CONTROL_FILE
    try:
        found = decode(path.read_bytes(), "control", CONTROL_FILE)
        address, token = (str(found["host"]), int(found["port"])), str(found["token"])
        ipaddress.ip_address(address[0])  # the token is sent there: to no name that somebody else resolves
        if not 0 < address[1] <= _LARGEST_PORT:
            raise ValueError(f"{address[1]} is not a port")  # noqa: TRY301 - told like everything else that is wrong in it
    except FileNotFoundError:
        raise ControlError(f"no bot is running on {state_dir} (there is no {CONTROL_FILE} in it)") from None
    except (OSError, ValueError, KeyError, TypeError, MalformedMessage):
        raise ControlError(f"{path} cannot be used: it is not what a running bot writes; start the bot anew") from None
    try:
        with socket.create_connection(address, timeout=_TIMEOUT_S) as connection:
            connection.settimeout(_ANSWER_S)
            connection.sendall(json.dumps({"token": token, "verb": verb}).encode() + b"\n")
            line = connection.makefile("rb").readline(_ANSWER_LIMIT)
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise TypeError(f"an answer of {type(answer).__name__}")  # noqa: TRY301 - as above
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise ControlError(
            f"the bot of {state_dir} does not answer on {address[0]}:{address[1]} ({error}); is it still running?"
        ) from None
    if not answer.pop("ok", False):
        raise ControlError(f"the bot refused {verb}: {answer.get('error', 'no reason given')}")
    return dict(answer)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
