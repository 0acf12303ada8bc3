"""Bent bytes under the payloads: HTTP replies and WebSocket frames. Whole and readable, or the one error for it."""

import gzip
import socket
import time
import zlib
from random import Random

from exchanges.clock import SystemClock
from exchanges.http_reply import UNREADABLE, read_reply
from exchanges.stream_transport import StreamReader
from exchanges.venue import StreamEndpoint
from tests.exchanges.loopback import BINARY, CLOSE, PING, TEXT, Loopback, frame_head
from tests.exchanges.test_stream_transport import Heard
from tests.fuzz.mutate import bend_bytes

LIMIT = 2_000
BODY = b'{"orderId":1,"status":"NEW"}'


def reply(body, *headers):
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: application/json", *headers, b"", b""]
    return b"\r\n".join(lines) + body


SPACED = b"\r\n".join([b"1c", BODY, b"0", b"", b""])
REPLIES = (
    reply(BODY, b"Content-Length: 28"),
    reply(BODY, b"Connection: close"),
    reply(SPACED, b"Transfer-Encoding: chunked"),
    reply(gzip.compress(BODY), b"Content-Encoding: gzip", b"Content-Length: %d" % len(gzip.compress(BODY))),
    reply(zlib.compress(BODY), b"Content-Encoding: deflate", b"Connection: close"),
    reply(b"", b"Content-Length: 0"),
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + reply(BODY, b"Content-Length: 28"),
    reply(gzip.compress(b"0" * 3_000_000), b"Content-Encoding: gzip", b"Connection: close"),
    reply(b"x" * 5_000, b"Content-Length: 5000"),
    b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere\r\nContent-Length: 0\r\n\r\n",
    b"",
)
HEADS = (
    *(b"Content-Length: -1", b"Content-Length: 9" + b"9" * 400, b"Content-Length: 1, 2", b"Content-Length: \xb2"),
    *(b"Transfer-Encoding: chunked", b"X: " + b"y" * 70_000, b"\xff\xfe: \x00", b" folded", b"Content-Encoding: br"),
)


def bent_reply(rng):
    data = rng.choice(REPLIES)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        if rng.random() < 0.3:
            data = data.replace(b"\r\n", b"\r\n" + rng.choice(HEADS) + b"\r\n", 1)
        else:
            data = bend_bytes(data, rng)
    return data


def read(data):
    """What the transport makes of bytes and the end of the stream: the body, or None where they are no whole reply."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        try:
            theirs.send(data)
        except BlockingIOError:
            return None
        theirs.shutdown(socket.SHUT_WR)
        try:
            found, _ = read_reply(ours, "GET", clock=SystemClock(), timeout_s=2.0, max_body_bytes=LIMIT)
        except UNREADABLE:
            return None
        return found.body


def test_bent_replies_are_whole_or_unreadable():
    rng, whole = Random(1), 0
    began = time.thread_time()
    for _ in range(3_000):
        body = read(bent_reply(rng))
        assert body is None or len(body) <= LIMIT
        whole += body is not None
    assert 100 < whole < 2_900
    assert time.thread_time() - began < 60


def ws_frame(payload, opcode=TEXT, *, final=True):
    return frame_head(len(payload), opcode, final=final) + payload


FRAMES = (
    ws_frame(BODY),
    ws_frame(b"\x00\xff", BINARY),
    ws_frame(b"", PING),
    ws_frame(BODY, final=False) + ws_frame(BODY, 0),
    ws_frame(b"\x03\xe8bye", CLOSE),
    ws_frame(b"x" * 300),
    frame_head(1 << 40),
    bytes([0xC1, 5]) + b"12345",  # a bit of compression that nobody asked for
    bytes([0x81, 0x85]) + b"mask" + b"12345",  # a masked frame of a server
)


def test_bent_frames_end_the_connection_or_are_read():
    rng = Random(2)
    for _ in range(60):
        data = b"".join(rng.choice(FRAMES) for _ in range(4))
        for _ in range(rng.choice((0, 1, 2))):
            data = bend_bytes(data, rng)

        def hostile(peer, data=data):
            peer.upgrade()
            peer.send(data)

        heard = Heard()
        with Loopback(hostile) as server:
            reader = StreamReader(
                "aster",
                StreamEndpoint(url=server.url("ws")),
                clock=SystemClock(),
                on_frame=heard.on_frame,
                on_open=heard.on_open,
                on_closed=heard.on_closed,
                max_frame_bytes=LIMIT,
            )
            reader.start()
            why = heard.wait_closed()
            assert reader.stop()
        assert heard.reasons == [why]
        assert "failed inside the bot" not in why, (data, why)
        assert all(len(frame[0]) <= LIMIT for frame in heard.frames)
