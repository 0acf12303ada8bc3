"""A reply read from a socket: whole, bounded in size and time, decoded, or an error.

Parsed by http.client. What it does not do itself is done here: a deadline for the whole reply (a drip of single bytes
cannot hold a lane for ever), a limit for the body, also after decompression, and the question whether the socket is
fit for another request (a venue that sends more than it announced would answer the next request with the rest).
"""

import http.client
import io
import socket
import zlib
from typing import Final

from exchanges.clock import Clock
from exchanges.venue import HttpReply

_READ_BYTES: Final = 65_536
_SECOND_NS: Final = 1_000_000_000


class BrokenReplyError(Exception):
    """The reply ended early, is too large or is not one reply."""


UNREADABLE: Final = (OSError, http.client.HTTPException, BrokenReplyError, zlib.error)
"""Everything `read_reply` raises: there is no whole, readable reply."""


class _DeadlineStream(io.RawIOBase):
    """Reads a socket until a deadline."""

    def __init__(self, source: socket.socket, clock: Clock, deadline_ns: int) -> None:
        self._source = source
        self._clock = clock
        self._deadline_ns = deadline_ns
        self.finished = False
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int | None:  # type: ignore[override]
        if self.finished:
            return None
        left_ns = self._deadline_ns - self._clock.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError("the reply took too long")
        self._source.settimeout(left_ns / _SECOND_NS)
        size = self._source.recv_into(buffer)
        self.has_ended = size == 0
        return size


class _ReplyFile(io.BufferedReader):
    """What http.client wants of a socket. It stays open after the last byte, to see whether more was sent."""

    def __init__(self, stream: _DeadlineStream) -> None:
        super().__init__(stream, _READ_BYTES)
        self._stream = stream

    def makefile(self, _mode: str) -> "_ReplyFile":
        return self

    def close(self) -> None:
        """Keep the buffer: http.client closes its file as soon as the body is complete."""

    def is_drained(self) -> bool:
        """Whether nothing was received beyond the reply."""
        self._stream.finished = True
        return not self.peek(1)


def read_reply(
    connected: socket.socket, method: str, *, clock: Clock, timeout_s: float, max_body_bytes: int
) -> tuple[HttpReply, bool]:
    """Return the reply to a request of `method` and whether the socket may be used again.

    Raises:
        OSError, http.client.HTTPException, BrokenReplyError, zlib.error: no whole, readable reply (`UNREADABLE`).
    """
    stream = _DeadlineStream(connected, clock, clock.monotonic_ns() + int(timeout_s * _SECOND_NS))
    source = _ReplyFile(stream)
    answer = http.client.HTTPResponse(source, method=method)  # type: ignore[arg-type]
    answer.begin()
    # http.client takes the end of the stream for the end of the head, and stops at the first line that is no header.
    if stream.has_ended or answer.headers.defects:
        raise BrokenReplyError("the head is cut or garbled")
    if answer.status < http.client.OK:
        raise BrokenReplyError(f"status {answer.status} where a final one belongs")
    headers = _headers_of(answer)
    if "," in headers.get("content-length", ""):
        raise BrokenReplyError("the length of the body is announced twice")
    if answer.length is not None and answer.length > max_body_bytes:
        raise BrokenReplyError(f"a body of {answer.length} bytes is announced")
    body = answer.read(max_body_bytes + 1)
    if len(body) > max_body_bytes:
        raise BrokenReplyError(f"the body is larger than {max_body_bytes} bytes")
    if answer.length or (answer.chunked and stream.has_ended):  # the last chunk has an end of its own
        raise BrokenReplyError("the body ended early")
    received_ns = clock.wall_ns()
    is_reusable = not answer.will_close and source.is_drained()
    body = _decoded(body, headers.get("content-encoding", ""), max_body_bytes)
    return HttpReply(status=answer.status, headers=headers, body=body, received_ns=received_ns), is_reusable


def _headers_of(answer: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _decoded(body: bytes, encoding: str, max_body_bytes: int) -> bytes:
    """Return the body without gzip or deflate, which some front servers apply although identity was asked for."""
    name = encoding.strip().lower()
    if name in ("", "identity") or not body:
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        raise BrokenReplyError(f"content encoding {name[:20]!r} was not asked for")
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    data = decoder.decompress(body, max_body_bytes + 1)
    if len(data) > max_body_bytes:
        raise BrokenReplyError(f"the body is larger than {max_body_bytes} bytes when unpacked")
    if not decoder.eof:
        raise BrokenReplyError("the compressed body is cut")
    return data
