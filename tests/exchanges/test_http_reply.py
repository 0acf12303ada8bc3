"""Replies read from a socket pair: what `test_rest_transport` reaches only through a whole transport."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.clock import SystemClock
from exchanges.http_reply import UNREADABLE, read_reply
from exchanges.venue import HttpReply

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n" + b'{"a\r\n4\r\n":1}\r\n0\r\n\r\n'


def read(data: bytes, method: str = "GET", *, close: bool = True) -> tuple[HttpReply, bool]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        if close:
            theirs.shutdown(socket.SHUT_WR)
        return read_reply(ours, method, clock=SystemClock(), timeout_s=2, max_body_bytes=100)


@pytest.mark.parametrize("whole", [GOOD, CHUNKED], ids=["length", "chunked"])
def test_whole_reply_leaves_the_socket_usable(whole):
    reply, is_reusable = read(whole, close=False)
    assert (reply.status, reply.body, is_reusable) == (200, b'{"a":1}', True)


@pytest.mark.parametrize("whole", [GOOD, CHUNKED], ids=["length", "chunked"])
def test_reply_cut_at_any_byte_is_never_taken_for_a_whole_one(whole):
    # RELIABILITY.md O23: the cut is swept over every byte
    for length in range(len(whole)):
        with pytest.raises(UNREADABLE):
            read(whole[:length])


def test_reply_without_body_is_whole():
    reply, is_reusable = read(b"HTTP/1.1 204 No Content\r\n\r\n", close=False)
    assert (reply.status, reply.body, is_reusable) == (204, b"", True)
    reply, is_reusable = read(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "HEAD", close=False)
    assert (reply.body, is_reusable) == (b"", True)


@given(st.binary(max_size=300))
def test_garbage_is_unreadable_or_a_reply_and_nothing_else(data):
    try:
        reply, _ = read(b"HTTP/1.1 200 OK\r\n" + data)
    except UNREADABLE:
        return
    assert len(reply.body) <= 100


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_flipped_byte_is_unreadable_or_a_reply_and_nothing_else(position, byte):
    data = GOOD[:position] + bytes([byte]) + GOOD[position + 1 :]
    try:
        reply, _ = read(data)
    except UNREADABLE:
        return
    assert isinstance(reply.status, int)
