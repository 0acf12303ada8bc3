"""The watchdog on a fake clock: each fault, its bound, what is said, shown and done, and that it passes again."""

from dataclasses import dataclass
from typing import Any

import pykka
import pytest
from loguru import logger

from actors.log_events import LogEvent
from actors.messages import ActorFailed, Heartbeat, Ping, Tick
from actors.send_gate import Denied, HaltFlag
from actors.venue_messages import Distrust, ReadClock
from actors.watchdog import SilentWatchdog, Watchdog, Watched, WatchParts
from actors.watches import (
    ACTOR,
    BEAT_NS,
    BEAT_S,
    JOURNAL,
    LANE,
    MOST_MESSAGES,
    STUCK_LANE,
    SUPERVISOR_LOOK_NS,
    SUPERVISOR_LOOKS,
    WATCHES,
    WatchAlarm,
    watches_table,
)
from tests.fakes import FakeTimers, Probe

SECOND = 1_000_000_000
ALARM_WITHIN_S = 5.0
"""RELIABILITY.md L5: dead or stuck for longer without an alarm and a halt of entries is a violation."""


@dataclass
class Part:
    """Something to be watched, driven by hand. `answers` heartbeats while `is_well`."""

    is_well: bool = True
    is_alive: bool = True
    number: int = 0
    waiting: int = 0
    asked: int = 0

    def ask(self, heartbeat: Heartbeat) -> None:
        self.asked += 1
        if self.is_well:
            heartbeat.answer(heartbeat.number)

    def actor(self, patience=ACTOR):
        return Watched(
            name="actor", patience=patience, is_alive=lambda: self.is_alive, ask=self.ask,
            depth=lambda: self.waiting, most_waiting=MOST_MESSAGES,
        )  # fmt: skip

    def lane(self):
        return Watched(
            name="lane", patience=LANE, is_alive=lambda: self.is_alive, job=lambda: self.number, watch=STUCK_LANE
        )


class Desk:
    def __init__(self, *watched: Watched) -> None:
        self.timers = FakeTimers()
        self.clock = self.timers.clock
        self.halted = HaltFlag()
        self.failures: Probe[ActorFailed] = Probe()
        self.connection, self.prices = Probe[Any](), Probe[Any]()
        self.offsets: dict[str, int] = {}
        self.alarms: tuple[WatchAlarm, ...] = ()
        parts = WatchParts(
            clock=self.clock,
            timers=self.timers,
            watched=watched,
            halted=self.halted,
            connections=(self.connection,),
            prices=self.prices,
            offsets=lambda: self.offsets,
            publish=self.publish,
        )
        self.ref = Watchdog.start(name="test/watchdog", failures=self.failures, parts=parts)
        self.sync()

    def publish(self, alarms: tuple[WatchAlarm, ...]) -> None:
        self.alarms = alarms

    def sync(self) -> None:
        assert self.ref.ask(Ping(), timeout=2)

    def beats(self, count: int = 1) -> None:
        for _ in range(count):
            self.timers.advance(BEAT_NS)
            self.sync()

    def seconds(self, seconds: float) -> None:
        self.beats(int(seconds / BEAT_S))

    @property
    def raised(self) -> list[tuple[str, str]]:
        return [(alarm.watch, alarm.subject) for alarm in self.alarms]

    def lets_entries_pass(self) -> bool:
        try:
            self.halted.check(is_entry=True)
        except Denied:
            return False
        self.halted.check(is_entry=False)  # whatever happens, exits pass
        return True


@pytest.fixture
def make():
    made: list[Desk] = []

    def build(*watched: Watched) -> Desk:
        made.append(Desk(*watched))
        return made[-1]

    yield build
    for desk in made:
        desk.ref.stop(timeout=2)


@pytest.fixture
def lines():
    found: list[Any] = []
    logger.enable("actors")
    sink = logger.add(lambda message: found.append(message.record), level="INFO")  # noqa: TID251 - a sink of this test
    yield found
    logger.remove(sink)  # noqa: TID251 - see above
    logger.disable("actors")


def events(lines, event):
    return [line for line in lines if line["extra"].get("event") == event]


def test_what_goes_on_raises_nothing_however_long(make, lines):
    part, lane = Part(), Part()
    desk = make(part.actor(), lane.lane())
    for number in range(200):
        lane.number = number
        part.waiting = MOST_MESSAGES
        desk.beats()
    assert desk.alarms == ()
    assert desk.halted.why == ""
    assert part.asked == 200
    desk.failures.expect_none()
    desk.connection.expect_none()
    desk.prices.expect_none()
    assert lines == []


def test_an_actor_that_does_not_answer_is_alarmed_held_for_and_reported(make, lines):
    part = Part()
    desk = make(part.actor())
    desk.beats(3)
    part.is_well = False
    desk.seconds(ALARM_WITHIN_S)
    assert desk.raised == [("stuck_actor", "actor")]
    assert not desk.lets_entries_pass()
    desk.failures.expect_none()
    desk.beats(ACTOR.fail)
    assert desk.failures.take(ActorFailed).actor == "actor"
    desk.beats(20)
    desk.failures.expect_none()  # once is enough: the crew ends by it
    assert part.asked == 4  # a mailbox nobody empties is not filled with heartbeats
    alarm = events(lines, LogEvent.WATCHDOG_ALARM)
    assert [(line["level"].name, line["extra"]["subject"]) for line in alarm] == [("ERROR", "actor")]


def test_an_actor_that_answers_again_is_trusted_again(make, lines):
    part, kept = Part(), []
    desk = make(
        Watched(name="actor", patience=ACTOR, is_alive=lambda: True, ask=kept.append),
    )
    desk.seconds(ALARM_WITHIN_S)
    assert not desk.lets_entries_pass()
    kept[-1].answer(kept[-1].number)
    desk.beats()
    assert desk.alarms == ()
    assert desk.lets_entries_pass()
    assert len(events(lines, LogEvent.WATCHDOG_CLEARED)) == 1
    assert part.asked == 0


def test_a_journal_that_hangs_is_held_for_and_never_started_again(make):
    part = Part(is_well=False)
    desk = make(part.actor(JOURNAL))
    desk.beats(100)
    assert desk.raised == [("stuck_actor", "actor")]
    desk.failures.expect_none()


def test_an_actor_that_is_dead_without_a_word_is_reported_at_the_next_beat(make):
    part = Part(is_alive=False)
    desk = make(part.actor())
    desk.beats()
    assert desk.raised == [("dead_thread", "actor")]
    assert not desk.lets_entries_pass()
    assert "without a word" in desk.failures.take(ActorFailed).error


def test_a_lane_that_is_stuck_in_one_request_is_held_for_and_then_reported(make):
    lane = Part(number=7)
    desk = make(lane.lane())
    desk.beats(LANE.hold - 1)
    assert desk.alarms == ()
    desk.beats()
    assert LANE.hold * BEAT_S <= 6
    assert desk.raised == [("stuck_lane", "lane")]
    assert not desk.lets_entries_pass()
    desk.beats(LANE.fail - LANE.hold - 1)
    desk.failures.expect_none()
    desk.beats()
    assert desk.failures.take(ActorFailed).actor == "lane"


def test_a_lane_that_is_busy_with_many_requests_is_not_stuck(make):
    lane = Part()
    desk = make(lane.lane())
    for number in range(1, 100):
        lane.number = number
        desk.beats(LANE.hold - 1)
        assert desk.alarms == ()
    lane.number = 0
    desk.beats(LANE.fail + 1)
    assert desk.alarms == ()


def test_a_mailbox_that_grows_holds_entries_until_half_of_it_is_gone(make):
    part = Part(waiting=MOST_MESSAGES + 1)
    desk = make(part.actor())
    desk.beats()
    assert desk.alarms == ()  # a burst is worked off within one beat
    desk.beats()
    assert desk.raised == [("growing_mailbox", "actor")]
    assert not desk.lets_entries_pass()
    part.waiting = MOST_MESSAGES - 1
    desk.beats()
    assert not desk.lets_entries_pass()
    part.waiting = MOST_MESSAGES // 2
    desk.beats()
    assert desk.alarms == ()
    assert desk.lets_entries_pass()
    desk.failures.expect_none()


@pytest.mark.parametrize("step_s", [-90.0, -0.5, 0.6])
def test_a_wall_clock_that_was_set_has_the_venues_clocks_read(make, lines, step_s):
    desk = make()
    desk.beats()
    desk.clock.step_wall(int(step_s * SECOND))
    desk.beats()
    desk.connection.take(ReadClock)
    desk.connection.expect_none()
    desk.prices.expect_none()
    assert len(events(lines, LogEvent.CLOCK_STEPPED)) == 1
    desk.beats(5)
    desk.connection.expect_none()


@pytest.mark.parametrize("offset_s", [-90, 11])
def test_a_venue_clock_beyond_the_limit_holds_entries_until_it_agrees(make, offset_s):
    desk = make()
    desk.offsets = {"aster": 2 * SECOND}
    desk.beats()
    assert desk.alarms == ()
    desk.offsets = {"aster": offset_s * SECOND}
    desk.beats()
    assert desk.raised == [("clock_offset", "aster")]
    assert f"{offset_s:+d} s off" in desk.halted.why
    assert not desk.lets_entries_pass()
    desk.offsets = {"aster": 0}
    desk.beats()
    assert desk.lets_entries_pass()


def test_a_process_that_was_away_distrusts_everything_it_has_read(make, lines):
    desk = make()
    desk.beats()
    # stopped: the clocks run on and no beat comes meanwhile
    desk.clock.advance(20 * SECOND)
    desk.ref.tell(Tick(now_ns=desk.clock.monotonic_ns(), wall_ns=desk.clock.wall_ns()))
    desk.sync()
    assert "nothing ran here" in desk.prices.take(Distrust).why
    desk.connection.take(Distrust)
    assert len(events(lines, LogEvent.TIME_JUMPED)) == 1
    desk.failures.expect_none()


def test_a_machine_whose_monotonic_clock_slept_too_is_noticed_by_the_wall_clock(make):
    desk = make()
    desk.beats()
    desk.clock.step_wall(300 * SECOND)
    desk.beats()
    desk.prices.take(Distrust)
    desk.connection.take(ReadClock)
    desk.connection.take(Distrust)


def test_nobody_is_blamed_for_a_pause_of_the_whole_process(make):
    part, kept = Part(number=3), []
    desk = make(part.lane(), Watched(name="actor", patience=ACTOR, is_alive=lambda: True, ask=kept.append))
    desk.beats()
    desk.clock.advance(600 * SECOND)
    desk.beats()
    assert desk.alarms == ()


def test_the_newest_beat_is_left_at_the_send_gate(make):
    desk = make()
    assert desk.halted.heard_ns == desk.clock.monotonic_ns()
    desk.beats(2)
    assert desk.halted.heard_ns == desk.clock.monotonic_ns()


def test_what_it_held_back_is_let_go_when_it_is_stopped(make):
    part = Part(is_well=False)
    desk = make(part.actor())
    desk.beats(4)
    assert not desk.lets_entries_pass()
    desk.ref.stop(timeout=2)
    assert desk.lets_entries_pass()
    assert desk.alarms == ()


def test_a_watchdog_that_stops_beating_is_noticed_after_some_looks_and_a_living_one_never():
    silence = SilentWatchdog()
    times = [look * SUPERVISOR_LOOK_NS for look in range(1, 50)]
    assert not any(silence.is_silent(now_ns, now_ns) for now_ns in times)
    beat = last = times[-1]
    found = [silence.is_silent(beat, last + look * SUPERVISOR_LOOK_NS) for look in range(1, SUPERVISOR_LOOKS + 1)]
    assert found == [False] * (SUPERVISOR_LOOKS - 1) + [True]
    assert not silence.is_silent(beat + 1, last + 10 * SUPERVISOR_LOOK_NS)


def test_looks_that_follow_each_other_at_once_after_a_pause_convict_nobody():
    silence = SilentWatchdog()
    assert not silence.is_silent(1, SUPERVISOR_LOOK_NS)
    back_ns = 100 * SUPERVISOR_LOOK_NS
    assert not any(silence.is_silent(1, back_ns + late_ns) for late_ns in range(20))


def test_the_table_says_every_watch_once():
    table = watches_table()
    assert len({watch.name for watch in WATCHES}) == len(WATCHES)
    for watch in WATCHES:
        assert table.count(f"| `{watch.name}` |") == 1


def test_the_watchdog_is_no_longer_known_after_its_end(make):
    desk = make()
    desk.ref.stop(timeout=2)
    with pytest.raises(pykka.ActorDeadError):
        desk.ref.tell(Tick(now_ns=0, wall_ns=0))
