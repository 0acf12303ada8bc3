"""A venue's connection for orders without a socket: what is sent is looked at, what is said is scripted."""

import json
import threading
from typing import Any

from actors.streams import ReaderCalls
from exchanges.errors import MalformedMessage, RequestNotSent, StreamClosed
from exchanges.order_stream import ClosingSoon, FrameReply, OrderFrame, OrderStream
from exchanges.venue import HttpReply, HttpRequest, StreamEndpoint

ENDPOINT = StreamEndpoint(url="ws://127.0.0.1:1/orders", max_age_s=23 * 3600)


class Scripted:
    """An `OrderStream`: frames are `{"n": number, "tag": our id, "behind": our id}`, answers `{"n": number}`."""

    def __init__(self, endpoint: StreamEndpoint = ENDPOINT) -> None:
        self.stream = OrderStream(endpoint=endpoint, sign=self._sign, read=self._read)
        self.refuses_to_follow = False
        self._count = 0

    def _sign(self, request: HttpRequest, wall_ns: int, behind: HttpRequest | None) -> OrderFrame:
        if behind is not None and self.refuses_to_follow:
            raise RequestNotSent("aster", "sign", "the nonce is not known")
        self._count += 1
        row = {"n": str(self._count), "tag": request.tag, "op": request.operation, "wall_ns": wall_ns}
        return OrderFrame(row["n"], json.dumps(row | {"behind": None if behind is None else behind.tag}))

    @staticmethod
    def _read(frame: bytes, received_ns: int) -> FrameReply | ClosingSoon | None:
        if frame == b"closing":
            return ClosingSoon()
        if frame == b"pong":
            return None
        try:
            row = json.loads(frame)
        except ValueError:
            raise MalformedMessage("aster", "orders", "not readable") from None
        return FrameReply(row["n"], HttpReply(status=200, headers={}, body=frame, received_ns=received_ns))


class LineReader:
    """A reader that opens, speaks and ends when the test says so."""

    def __init__(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> None:
        self.endpoint, self._calls = endpoint, calls
        self.alive_ns = 1 << 62
        """Its pings are answered, until a test says otherwise."""
        self.started = self.stopped = False
        self.breaks: StreamClosed | None = None
        self.sent: list[dict[str, Any]] = []
        self._changed = threading.Condition()

    def start(self) -> None:
        self.started = True

    def stop(self) -> bool:
        self.stopped = True
        return True

    def send(self, text: str) -> None:
        with self._changed:
            if self.breaks is not None:
                raise self.breaks
            self.sent.append(json.loads(text))
            self._changed.notify_all()

    def wait_sent(self, count: int, timeout_s: float = 5) -> list[dict[str, Any]]:
        """Wait until so many frames were sent in all, and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, timeout_s), f"only sent: {self.sent}"
            return list(self.sent)

    def open(self) -> None:
        self._calls.on_open()

    def say(self, frame: bytes) -> None:
        self._calls.on_frame(frame, 0, 0)

    def answer(self, number: str | None) -> None:
        self.say(json.dumps({"n": number}).encode())

    def end(self, why: str = "cut") -> None:
        self._calls.on_closed(why)
