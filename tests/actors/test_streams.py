"""Frames on their way from a reader's thread to an actor."""

from typing import Any

import pykka

from actors.give_way import give_way, no_pause
from actors.streams import FrameBox, calls_for
from actors.venue_clock import VenueClock
from actors.venue_messages import FrameReceived, FramesWaiting, StreamEnded, StreamOpened
from tests.fakes import FakeClock, Probe


def test_every_private_frame_is_told_with_its_times_and_its_stream():
    probe: Probe[Any] = Probe()
    calls = calls_for(probe, 3)
    calls.on_open()
    calls.on_frame(b"a", 1, 2)
    calls.on_frame(b"b", 3, 4)
    calls.on_closed("cut")
    assert probe.messages == [
        StreamOpened(3),
        FrameReceived(3, b"a", 1, 2),
        FrameReceived(3, b"b", 3, 4),
        StreamEnded(3, "cut"),
    ]


def test_many_public_frames_are_one_message_until_they_are_taken():
    probe: Probe[Any] = Probe()
    box = FrameBox(probe, 5)
    calls = box.calls()
    for number in range(10):
        calls.on_frame(str(number).encode(), 0, number)
    assert probe.messages == [FramesWaiting(5)]
    assert [data for data, _ in box.drain()] == [str(number).encode() for number in range(10)]
    calls.on_frame(b"more", 0, 11)
    assert probe.messages == [FramesWaiting(5), FramesWaiting(5)]
    assert box.drain() == [(b"more", 11)]
    assert box.drain() == []


def test_a_flood_keeps_the_newest_frames():
    box = FrameBox(Probe(), 5)
    for number in range(10_000):
        box.calls().on_frame(b"", 0, number)
    kept = box.drain()
    assert len(kept) < 5000
    assert kept[-1] == (b"", 9999)


def test_a_reader_outlives_its_actor_without_an_error():
    class Dead:
        def tell(self, message: Any, /) -> None:
            raise pykka.ActorDeadError("gone")

    for calls in (calls_for(Dead(), 1), FrameBox(Dead(), 1).calls()):
        calls.on_open()
        calls.on_frame(b"a", 1, 2)
        calls.on_closed("cut")


def test_the_venues_clock_is_ours_plus_what_was_measured():
    clock = FakeClock()
    venue_clock = VenueClock(clock)
    assert venue_clock.wall_ns() == clock.wall_ns()
    # asked 200 ms ago, answered with a clock that was 5 s ahead in the middle of it
    offset_ns = venue_clock.learn(clock.wall_ns() - 100_000_000 + 5_000_000_000, 200_000_000)
    assert offset_ns == venue_clock.offset_ns == 5_000_000_000
    assert venue_clock.wall_ns() == clock.wall_ns() + 5_000_000_000


def test_giving_way_comes_back():
    give_way(more_waits=False)
    give_way(more_waits=True)
    no_pause(more_waits=False)
