"""Stream connections over real sockets: what comes in whole, what ends them, and that stopping leaves nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exchanges.clock import SystemClock
from exchanges.errors import ConfigError, StreamClosed
from exchanges.stream_transport import StreamReader
from exchanges.venue import StreamEndpoint
from tests.exchanges.loopback import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    WAIT_S,
    Certificate,
    Loopback,
    Peer,
    Script,
    answering,
    frame_head,
    refused_port,
)
from tests.fakes import SECOND_NS, FakeClock


class Heard:
    """What a reader told, with waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.frames: list[tuple[bytes, int, int]] = []
        self.opened = 0
        self.reasons: list[str] = []
        self.alive: list[int] = []

    def on_frame(self, data: bytes, received_ns: int, received_wall_ns: int) -> None:
        self._note(lambda: self.frames.append((data, received_ns, received_wall_ns)))

    def on_open(self) -> None:
        self._note(lambda: setattr(self, "opened", self.opened + 1))

    def on_closed(self, why: str) -> None:
        self._note(lambda: self.reasons.append(why))

    def on_alive(self, ns: int) -> None:
        self._note(lambda: self.alive.append(ns))

    def _note(self, change) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def wait_frames(self, count: int) -> list[bytes]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.frames) >= count, WAIT_S), self.reasons
            return [data for data, _, _ in self.frames]

    def wait_open(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.opened > 0, WAIT_S), self.reasons

    def wait_alive(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.alive) > 0, WAIT_S), self.reasons

    def wait_closed(self) -> str:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.reasons) > 0, WAIT_S)
            return self.reasons[0]


@contextmanager
def reading(server: Loopback, heard: Heard, url: str = "", **options) -> Iterator[StreamReader]:
    endpoint = {"url": url or server.url("ws", "/ws/SECRETKEY"), "ping_every_s": 0.1} | options.pop("endpoint", {})
    settings = {
        "clock": SystemClock(),
        "on_frame": heard.on_frame,
        "on_open": heard.on_open,
        "on_closed": heard.on_closed,
        "on_alive": heard.on_alive,
    }
    reader = StreamReader("aster", StreamEndpoint(**endpoint), **(settings | options))
    reader.start()
    try:
        yield reader
    finally:
        assert reader.stop()
        assert heard.reasons[1:] == [], "the end is told once"
        assert len(heard.reasons) == 1


def upgraded(script: Script) -> Script:
    def whole(peer: Peer) -> None:
        peer.upgrade()
        script(peer)

    return whole


def silent(peer: Peer) -> None:
    peer.upgrade()
    peer.wait_closed()


# --- the good path ---


def test_frames_come_as_bytes_with_both_times():
    clock = FakeClock()
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b'{"a":1}')
        peer.send_frame(b"\xff\xfe not utf-8", TEXT)
        peer.send_frame(b"\x00\x01", BINARY)
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard, clock=clock) as reader:
        assert heard.wait_frames(3) == [b'{"a":1}', b"\xff\xfe not utf-8", b"\x00\x01"]
        assert heard.frames[0][1:] == (clock.monotonic_ns(), clock.wall_ns())
        assert reader.alive_ns == clock.monotonic_ns()
        assert heard.opened == 1
    assert heard.reasons == ["stopped"]


def test_frames_sent_with_the_handshake_are_not_lost():
    heard = Heard()

    def script(peer: Peer) -> None:
        sent: list[bytes] = []
        send, peer.send = peer.send, sent.append
        peer.upgrade()
        peer.send = send
        peer.send(sent[0] + frame_head(5) + b"first" + frame_head(6) + b"second")
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard):
        assert heard.wait_frames(2) == [b"first", b"second"]


def test_fragments_are_joined_and_pings_between_them_answered():
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b"one ", final=False)
        peer.send_frame(b"are you there", PING)
        peer.send_frame(b"two", 0)
        while peer.read_frame()[0] != CLOSE:
            pass

    with Loopback(script) as server, reading(server, heard, endpoint={"ping_every_s": 60.0}):
        assert heard.wait_frames(1) == [b"one two"]
        heard.wait_alive()
    assert (PONG, b"are you there") in server.frames


def test_large_frames_arrive_whole_in_any_pieces():
    heard = Heard()
    large = bytes(range(256)) * 1200
    data = frame_head(200) + b"x" * 200 + frame_head(len(large)) + large

    @upgraded
    def script(peer: Peer) -> None:
        for start in range(0, len(data), 7001):
            peer.send(data[start : start + 7001])
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard):
        assert heard.wait_frames(2) == [b"x" * 200, large]


def test_hello_goes_out_before_open_is_told_and_send_works_from_any_thread():
    heard = Heard()
    got_all = threading.Event()

    @upgraded
    def script(peer: Peer) -> None:
        for _ in range(3):
            peer.read_frame()
        got_all.set()
        peer.wait_closed()

    endpoint = {"hello": ('{"method":"SUBSCRIBE"}', "two"), "ping_every_s": 60.0}
    with Loopback(script) as server, reading(server, heard, endpoint=endpoint) as reader:
        heard.wait_open()
        reader.send("three")
        assert got_all.wait(WAIT_S)
    assert server.frames[:3] == [(TEXT, b'{"method":"SUBSCRIBE"}'), (TEXT, b"two"), (TEXT, b"three")]


def test_pings_go_out_and_pongs_prove_life():
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        while True:
            opcode, payload = peer.read_frame()
            if opcode == CLOSE:
                return
            if opcode == PING:
                peer.send_frame(payload, PONG)

    endpoint = {"ping_every_s": 0.05, "keep_alive_frame": '{"ping":1}'}
    with Loopback(script) as server, reading(server, heard, endpoint=endpoint) as reader:
        heard.wait_alive()
        assert reader.alive_ns >= heard.alive[0] > 0
        assert heard.frames == []
    assert (TEXT, b'{"ping":1}') in server.frames


def test_a_keep_alive_frame_may_be_rarer_than_pings():
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        pings = 0
        while True:
            opcode, payload = peer.read_frame()
            if opcode == CLOSE:
                return
            if opcode == PING:
                pings += 1
                peer.send_frame(payload, PONG)
                if pings == 5:
                    peer.send_frame(b"five")

    endpoint = {"ping_every_s": 0.05, "keep_alive_frame": "hello", "keep_alive_every_s": 3600.0}
    with Loopback(script) as server, reading(server, heard, endpoint=endpoint):
        heard.wait_frames(1)
    assert (TEXT, b"hello") not in server.frames


def test_a_question_of_the_venue_is_answered_and_still_told():
    heard = Heard()
    answered = threading.Event()

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b'{"type":"ping"} and more')
        peer.send_frame(b'{"type":"ping"}')
        while True:
            opcode, payload = peer.read_frame()
            if opcode == TEXT and payload == b'{"type":"pong"}':
                answered.set()
            if opcode == CLOSE:
                return

    endpoint = {"answers": {b'{"type":"ping"}': '{"type":"pong"}'}}
    with Loopback(script) as server, reading(server, heard, endpoint=endpoint):
        assert heard.wait_frames(2) == [b'{"type":"ping"} and more', b'{"type":"ping"}']
        assert answered.wait(WAIT_S)
    assert [payload for opcode, payload in server.frames if opcode == TEXT] == [b'{"type":"pong"}']


def test_address_and_host_header_are_sent_and_no_origin():
    heard = Heard()
    with Loopback(silent) as server, reading(server, heard):
        heard.wait_open()
        head = server.requests[0]
    assert head.startswith(b"GET /ws/SECRETKEY HTTP/1.1\r\n")
    assert b"origin" not in head.lower()
    assert b"cookie" not in head.lower()


# --- what ends a connection ---


def test_close_of_the_venue_is_told_with_code_and_words():
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame((1001).to_bytes(2, "big") + b"going away", CLOSE)
        while peer.read_frame()[0] != CLOSE:
            pass

    with Loopback(script) as server, reading(server, heard):
        assert heard.wait_closed() == "closed by the venue with 1001 going away"


def test_close_without_a_code_is_told():
    heard = Heard()
    with Loopback(upgraded(lambda peer: peer.send_frame(b"", CLOSE))) as server, reading(server, heard):
        assert heard.wait_closed() == "closed by the venue"


@pytest.mark.parametrize(
    "end",
    [
        lambda peer: peer.socket.close(),
        lambda peer: peer.reset(),
        lambda peer: (peer.send(frame_head(100) + b"half"), peer.half_close(), peer.wait_closed()),
        lambda peer: peer.send(b"\xc1\x02xx"),
        lambda peer: peer.send(b"\x8f\x00"),
        lambda peer: peer.send_frame(b"no beginning", 0),
        lambda peer: peer.send(b"HTTP/1.1 500 Oops\r\n\r\n<html>"),
    ],
    ids=["closed", "reset", "cut in a frame", "compressed bit", "opcode", "continuation", "html"],
)
def test_cut_or_garbled_stream_ends_the_connection(end):
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b"good")
        peer.server.frames.append((TEXT, b"sent"))
        end(peer)

    with Loopback(script) as server, reading(server, heard):
        assert heard.wait_closed() not in ("", "stopped")


@pytest.mark.parametrize(
    "pieces",
    [
        [frame_head(200 * 1024 * 1024)],
        [frame_head(1001)],
        [frame_head(600, final=False) + b"x" * 600, frame_head(600, 0) + b"y" * 600],
    ],
    ids=["200 MiB", "one byte", "fragments"],
)
def test_announced_oversize_ends_the_connection_before_it_is_read(pieces):
    # RELIABILITY.md W14
    heard = Heard()

    @upgraded
    def script(peer: Peer) -> None:
        peer.send(frame_head(1000) + b"z" * 1000)
        for piece in pieces:
            peer.send(piece)
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard, max_frame_bytes=1000):
        assert "Oversize" in heard.wait_closed()
        assert [data for data, _, _ in heard.frames] == [b"z" * 1000]


def test_silence_ends_the_connection_at_the_deadline():
    # RELIABILITY.md W10, W11: the socket stays open, nothing comes, pings are not answered
    heard = Heard()
    clock = FakeClock()
    endpoint = {"ping_every_s": 0.1, "dead_after_s": 15.0}
    with Loopback(silent) as server, reading(server, heard, clock=clock, endpoint=endpoint):
        heard.wait_open()
        clock.advance(15 * SECOND_NS)
        assert heard.wait_closed() == "no frame and no pong for 15.0 s"


def test_deadline_counts_from_the_last_frame():
    heard = Heard()
    clock = FakeClock()
    go_on = threading.Event()

    @upgraded
    def script(peer: Peer) -> None:
        peer.wait(go_on)
        peer.send_frame(b"late")
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard, clock=clock) as reader:
        heard.wait_open()
        clock.advance(14 * SECOND_NS)
        go_on.set()
        heard.wait_frames(1)
        clock.advance(14 * SECOND_NS)
        assert reader.alive_ns == clock.monotonic_ns() - 14 * SECOND_NS
        assert heard.reasons == []
        clock.advance(SECOND_NS)
        heard.wait_closed()


def test_old_connection_is_ended_before_the_venue_does():
    # RELIABILITY.md W12
    heard = Heard()
    clock = FakeClock()
    go_on = threading.Event()

    @upgraded
    def script(peer: Peer) -> None:
        peer.wait(go_on)
        while not peer.server.is_closing:
            peer.send_frame(b"busy stream")
            if peer.server.frames:
                return
            if peer.socket.fileno() < 0:
                return

    endpoint = {"max_age_s": 3600.0, "dead_after_s": 1e6}
    with Loopback(script) as server:
        with reading(server, heard, clock=clock, endpoint=endpoint):
            heard.wait_open()
            clock.advance(3600 * SECOND_NS)
            go_on.set()
            assert heard.wait_closed() == "the connection reached its age of 3600.0 s"
        server.frames.append((TEXT, b"done"))


def test_refused_connection_is_told_without_the_address():
    heard = Heard()
    with refused_port() as port:
        reader = StreamReader(
            "aster",
            StreamEndpoint(url=f"ws://127.0.0.1:{port}/ws/SECRETKEY"),
            clock=SystemClock(),
            on_frame=heard.on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
        )
        reader.start()
        assert "SECRETKEY" not in heard.wait_closed()
        assert reader.stop()
    assert heard.opened == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>", "status 403"),
        (b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", "Redirect"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "Header"),
        (b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "Oversize"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 209715200\r\n\r\n" + b"x" * 70_000, "Oversize"),
        (b"garbage\r\n\r\n", "WebSocketException"),
        (b"", "WebSocketConnectionClosedException"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_handshake_that_fails_is_told_without_the_answer(raw, words):
    heard = Heard()
    with Loopback(answering(raw)) as server, reading(server, heard):
        why = heard.wait_closed()
        assert words in why
        assert "SECRETKEY" not in why
        assert "<html>" not in why
        assert heard.opened == 0


@pytest.mark.parametrize("which", ["on_frame", "on_open", "on_alive"])
def test_error_in_a_callback_ends_the_connection_and_is_told(which):
    # EXAMPLES.md A5: WebSocketApp swallows it
    heard = Heard()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("the caller's mistake")

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b"now", PING if which == "on_alive" else TEXT)
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard, **{which: fail}):
        assert heard.wait_closed() == "failed inside the bot: ZeroDivisionError: the caller's mistake"


# --- stopping ---


def test_stop_says_goodbye_and_leaves_nothing():
    heard = Heard()
    goodbye = threading.Event()

    @upgraded
    def script(peer: Peer) -> None:
        while peer.read_frame()[0] != CLOSE:
            pass
        goodbye.set()

    with Loopback(script) as server, reading(server, heard) as reader:
        heard.wait_open()
        assert reader.is_running
        assert reader.stop()
        assert reader.stop()
        assert not reader.is_running
        assert goodbye.wait(WAIT_S)
        with pytest.raises(StreamClosed):
            reader.send("too late")
    assert (CLOSE, (1000).to_bytes(2, "big")) in server.frames


def test_stop_from_a_callback_ends_the_connection():
    heard = Heard()
    readers: list[StreamReader] = []
    stopped: list[bool] = []

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b"one")
        peer.send_frame(b"two")
        peer.wait_closed()

    def on_frame(data: bytes, *_: int) -> None:
        heard.on_frame(data, 0, 0)
        stopped.append(readers[0].stop())

    with Loopback(script) as server:
        reader = StreamReader(
            "aster",
            StreamEndpoint(url=server.url("ws")),
            clock=SystemClock(),
            on_frame=on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
        )
        readers.append(reader)
        reader.start()
        assert heard.wait_closed() == "stopped"
        assert reader.stop()
    assert stopped == [True]
    assert len(heard.frames) == 1


def test_stop_during_the_handshake_ends_it():
    heard = Heard()
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        asked.set()
        peer.wait_closed()

    with Loopback(script) as server, reading(server, heard, connect_timeout_s=60.0) as reader:
        assert asked.wait(WAIT_S)
        assert reader.stop()
    assert heard.reasons == ["stopped"]


def test_stop_while_a_callback_hangs_returns_and_the_thread_ends_later():
    heard = Heard()
    inside, let_go = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        inside.set()
        assert let_go.wait(WAIT_S)

    script = upgraded(lambda peer: (peer.send_frame(b"now"), peer.wait_closed()))
    with Loopback(script) as server, reading(server, heard, on_frame=hang) as reader:
        assert inside.wait(WAIT_S)
        assert not reader.stop()
        let_go.set()
        assert heard.wait_closed() == "stopped"


def test_stop_before_start_is_harmless():
    heard = Heard()
    reader = StreamReader(
        "aster",
        StreamEndpoint(url="ws://127.0.0.1:1/"),
        clock=SystemClock(),
        on_frame=heard.on_frame,
        on_open=heard.on_open,
        on_closed=heard.on_closed,
    )
    assert reader.stop()
    reader.start()
    assert heard.wait_closed() == "stopped"
    assert reader.stop()


def test_stop_between_connecting_and_the_handshake_ends_it(monkeypatch):
    heard = Heard()
    readers: list[StreamReader] = []

    def open_and_stop(*_: object, on_created, **__: object):
        readers[0]._stopping.set()
        on_created(None)

    monkeypatch.setattr("exchanges.stream_transport.open_socket", open_and_stop)
    reader = StreamReader(
        "aster",
        StreamEndpoint(url="ws://127.0.0.1:1/"),
        clock=SystemClock(),
        on_frame=heard.on_frame,
        on_open=heard.on_open,
        on_closed=heard.on_closed,
    )
    readers.append(reader)
    reader.start()
    assert heard.wait_closed() == "stopped"
    assert reader.stop()


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError("gone"), ValueError("file descriptor cannot be a negative integer (-1)")],
    ids=["cut", "closed-by-the-reader"],
)
def test_send_that_fails_ends_the_connection(monkeypatch, error):
    heard = Heard()
    with Loopback(silent) as server, reading(server, heard, endpoint={"ping_every_s": 60.0}) as reader:
        heard.wait_open()
        monkeypatch.setattr("exchanges.stream_transport._ReadAhead.send", lambda *_: (_ for _ in ()).throw(error))
        with pytest.raises(StreamClosed) as closed:
            reader.send("x")
        assert not closed.value.unsent
        heard.wait_closed()


def test_send_before_open_is_refused():
    heard = Heard()
    reader = StreamReader(
        "aster",
        StreamEndpoint(url="ws://127.0.0.1:1/"),
        clock=SystemClock(),
        on_frame=heard.on_frame,
        on_open=heard.on_open,
        on_closed=heard.on_closed,
    )
    with pytest.raises(StreamClosed):
        reader.send("x")


def test_a_hundred_connections_leave_no_thread_and_no_socket():
    # RELIABILITY.md P17
    for _ in range(100):
        heard = Heard()
        with Loopback(silent) as server, reading(server, heard):
            heard.wait_open()


# --- TLS and addresses ---


def test_tls_stream_is_read_and_stopped(tmp_path):
    heard = Heard()
    certificate = Certificate(tmp_path, "localhost")

    @upgraded
    def script(peer: Peer) -> None:
        peer.send_frame(b"secret")
        peer.wait_closed()

    with Loopback(script, certificate=certificate) as server:
        url = server.url("wss", host="localhost")
        with reading(server, heard, url=url, ca_file=certificate.ca_file):
            assert heard.wait_frames(1) == [b"secret"]
    assert heard.reasons == ["stopped"]


def test_over_tls_frames_are_said_while_others_are_read(tmp_path):
    """A thread that sends and the one that reads are never inside the library of one connection at the same time."""
    heard, count = Heard(), 300
    certificate = Certificate(tmp_path, "localhost")

    @upgraded
    def script(peer: Peer) -> None:
        said = 0
        while said < count:
            opcode, data = peer.read_frame()
            if opcode == TEXT:
                said += 1
                peer.send_frame(data)
                peer.send_frame(b"x" * 20_000)
        peer.wait_closed()

    with Loopback(script, certificate=certificate) as server:
        url = server.url("wss", host="localhost")
        with reading(server, heard, url=url, ca_file=certificate.ca_file) as reader:
            heard.wait_open()
            for number in range(count):
                reader.send(str(number))
            frames = heard.wait_frames(2 * count)
    assert [frame for frame in frames if len(frame) < 10] == [str(number).encode() for number in range(count)]
    assert heard.reasons == ["stopped"]


def test_over_tls_a_quiet_connection_is_pinged_and_found_dead(tmp_path):
    heard = Heard()
    certificate = Certificate(tmp_path, "localhost")

    @upgraded
    def script(peer: Peer) -> None:
        while peer.read_frame()[0] != CLOSE:
            pass

    with Loopback(script, certificate=certificate) as server:
        url, limits = server.url("wss", host="localhost"), {"ping_every_s": 0.1, "dead_after_s": 0.3}
        with reading(server, heard, url=url, ca_file=certificate.ca_file, endpoint=limits):
            assert "no frame and no pong" in heard.wait_closed()
        assert [opcode for opcode, _ in server.frames].count(PING) >= 2


def test_certificate_is_verified_whatever_the_environment_says(tmp_path, monkeypatch):
    heard = Heard()
    certificate = Certificate(tmp_path, "localhost")
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", certificate.ca_file)
    with (
        Loopback(silent, certificate=certificate) as server,
        reading(server, heard, url=server.url("wss", host="localhost")),
    ):
        assert "certificate" in heard.wait_closed()


@pytest.mark.parametrize("url", ["ws://venue.example/ws/SECRETKEY", "http://127.0.0.1/SECRETKEY", "wss:///SECRETKEY"])
def test_address_that_may_not_be_used_is_refused(url):
    heard = Heard()
    with pytest.raises(ConfigError) as caught:
        StreamReader(
            "aster",
            StreamEndpoint(url=url),
            clock=SystemClock(),
            on_frame=heard.on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
        )
    assert "SECRETKEY" not in str(caught.value)
