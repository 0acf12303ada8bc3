"""Carries simulated venues over loopback: aiohttp in front, one `SimulatedVenue` behind every port.

Each venue gets a port of its own on 127.0.0.1 with its REST paths and its WebSocket paths, exactly as its face knows
them, and beside them `/simulated/...`, which is obviously not the venue's: `GET /simulated/status` (JSON) and
`POST /simulated/shutdown` (needs the admin token in `X-Simulated-Token`). Everything runs on the thread of the event
loop. Nothing here knows which client is talking.
"""

import asyncio
import contextlib
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMsgType, web

from exchanges.clock import Clock
from exchanges.simulated.faces.protocol import (
    CloseSession,
    Frame,
    HttpAnswer,
    HttpCall,
    HttpDrop,
    Output,
    PingFrame,
)
from exchanges.simulated.hosting import SimulatedVenue
from exchanges.simulated.launch import TOKEN_HEADER

ADMIN_PREFIX: Final = "/simulated/"
_LEAST_DELAY_S: Final = 0.001
_POLL_S: Final = 0.005
_LONGEST_DELAY_S: Final = 0.05
_QUEUE_LIMIT: Final = 100_000
_MAX_FRAME: Final = 1 << 20
_NS: Final = 1_000_000_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Connection:
    """One WebSocket: frames wait in `queue` for the task that writes them. None ends it."""

    socket: web.WebSocketResponse
    queue: "asyncio.Queue[Output | None]"
    request: web.BaseRequest


class VenueServer:
    """Serves one venue on one loopback port. Made and used on the event loop's thread.

    `clock` is the venue's: a `SteadyClock`, or one that a test moves. `on_activity` is called for everything a client
    of the venue does (not for the admin path), `on_failure` when the venue itself broke: the server is of no use
    afterwards.
    """

    def __init__(
        self,
        venue: SimulatedVenue,
        clock: Clock,
        *,
        admin_token: str,
        on_activity: Callable[[], None] = lambda: None,
        on_shutdown: Callable[[], None] = lambda: None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.venue = venue
        self.port = 0
        self.stalled: set[int] = set()
        """Sessions that get nothing any more, not even pongs, while their connection stays open."""
        self._clock = clock
        self._token = admin_token
        self._on_activity = on_activity
        self._on_shutdown = on_shutdown
        self._on_failure = on_failure
        self._answers: dict[int, asyncio.Future[HttpAnswer | HttpDrop]] = {}
        self._connections: dict[int, _Connection] = {}
        self._next_id = 1
        self._timer: asyncio.TimerHandle | None = None
        self._runner: web.ServerRunner | None = None
        self._is_stopping = False

    # --- life ---
    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1 (any free port for 0) and let the market run."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self.venue.start(self._clock.wall_ns())
        self._tick()

    async def stop(self) -> None:
        """Close every connection and the port."""
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections.values()):
            connection.queue.put_nowait(None)
        for answer in self._answers.values():
            answer.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        self.venue.prices.close()

    @property
    def rest_url(self) -> str:
        """Base of the REST paths."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Base of the WebSocket paths."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def session_count(self) -> int:
        """How many WebSocket connections are open."""
        return len(self._connections)

    # --- the venue's beat ---
    def step_now(self) -> None:
        """Let the venue react at once to something that was done to it on the loop's thread."""
        self._tick()

    def _tick(self) -> None:
        """Bring the venue to now, deliver what leaves it, and set the timer for the next time."""
        if self._is_stopping:
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            now_ns = self._clock.wall_ns()
            for output in self.venue.step(now_ns):
                self._deliver(output)
            delay_s = self._delay_s(now_ns)
        except Exception as error:  # noqa: BLE001 - the venue's own fault: said aloud, then the server ends
            _log.exception("the simulated venue broke")
            self._is_stopping = True
            self._on_failure(error)
            return
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _delay_s(self, now_ns: int) -> float:
        """The price pump works in batches: never sooner than a millisecond. An unknown next row: poll."""
        next_ns = self.venue.next_ns()
        longest = _LONGEST_DELAY_S if self.venue.prices.next_ns() or self.venue.prices.finished else _POLL_S
        if next_ns is None:
            return longest
        return min(max((next_ns - now_ns) / _NS, _LEAST_DELAY_S), longest)

    def _deliver(self, output: Output) -> None:
        if isinstance(output, HttpAnswer | HttpDrop):
            answer = self._answers.pop(output.request_id, None)
            if answer is not None and not answer.done():
                answer.set_result(output)
            return
        connection = self._connections.get(output.session_id)
        if connection is None or output.session_id in self.stalled:
            return
        if connection.queue.qsize() >= _QUEUE_LIMIT:
            self._cut(connection)
            return
        connection.queue.put_nowait(output)

    @staticmethod
    def _cut(connection: _Connection) -> None:
        transport = connection.request.transport
        if transport is not None:
            transport.abort()

    # --- requests ---
    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(ADMIN_PREFIX):
            return self._admin(request)
        self._on_activity()
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        return await self._serve_request(request)

    async def _serve_request(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path, _, query = request.raw_path.partition("?")
        call = HttpCall(
            method=request.method,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            address=request.remote or "",
        )
        request_id, self._next_id = self._next_id, self._next_id + 1
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        self.venue.request(request_id, call, self._clock.wall_ns())
        self._tick()
        try:
            output = await answer
        finally:
            self._answers.pop(request_id, None)
        if isinstance(output, HttpDrop):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return web.Response(status=output.status, headers=output.headers, body=output.body)

    async def _serve_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        session_id, self._next_id = self._next_id, self._next_id + 1
        socket = web.WebSocketResponse(autoping=False, max_msg_size=_MAX_FRAME, compress=False)
        if not self.venue.open_session(session_id, request.raw_path, self._clock.wall_ns()):
            return web.Response(status=404)
        connection = _Connection(socket, asyncio.Queue(), request)
        try:
            self._connections[session_id] = connection
            await socket.prepare(request)
            writer = asyncio.create_task(self._write(connection))
            try:
                self._tick()
                await self._read(session_id, socket)
            finally:
                connection.queue.put_nowait(None)
                await writer
        finally:
            self._connections.pop(session_id, None)
            self.venue.close_session(session_id, self._clock.wall_ns())
        return socket

    async def _read(self, session_id: int, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            self._on_activity()
            if message.type is WSMsgType.TEXT:
                self.venue.receive(session_id, message.data, self._clock.wall_ns())
                self._tick()
            elif message.type is WSMsgType.PING and session_id not in self.stalled:
                self.venue.ping(session_id, self._clock.wall_ns())
                await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self.venue.pong(session_id, self._clock.wall_ns())

    async def _write(self, connection: _Connection) -> None:
        socket = connection.socket
        with contextlib.suppress(ConnectionError):
            while (output := await connection.queue.get()) is not None:
                if isinstance(output, Frame):
                    await socket.send_str(output.text)
                elif isinstance(output, PingFrame):
                    await socket.ping()
                elif isinstance(output, CloseSession):
                    break
            if isinstance(output, CloseSession) and output.abrupt:
                self._cut(connection)
                return
            code, reason = (output.code, output.reason) if isinstance(output, CloseSession) else (1001, "")
            await socket.close(code=code, message=reason.encode())

    # --- the admin path ---
    def _admin(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path[len(ADMIN_PREFIX) :]
        if request.method == "GET" and name == "status":
            return web.json_response(self.venue.status(self._clock.wall_ns()))
        given = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return web.json_response({"error": "the admin token is missing or wrong"}, status=403)
        if request.method == "GET" and name == "identity":
            return web.json_response({"venue": self.venue.face.venue})
        if request.method == "POST" and name == "shutdown":
            self._on_shutdown()
            return web.json_response({"stopping": True})
        return web.json_response({"error": f"no such admin path: {request.method} {request.path}"}, status=404)


def serve_line(server: VenueServer, name: str, symbols: tuple[str, ...]) -> str:
    """Return the JSON line that tells a client all it needs: venue, rest, ws, symbols, credentials."""
    return json.dumps(
        {
            "venue": name,
            "rest": server.rest_url,
            "ws": server.ws_url,
            "symbols": list(symbols),
            "credentials": server.venue.face.credentials(),
        }
    )
