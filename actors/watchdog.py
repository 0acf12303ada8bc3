"""The watchdog: sees that every actor, lane and timer goes on, that mailboxes do not grow, and that clocks are right.

At each beat it looks at numbers that others publish (which request a lane is busy with, how deep a mailbox is, how far
a venue's clock is off) and tells every actor a `Heartbeat`, which is answered when the actor gets to it. It never waits
for anybody. What it finds is logged (and so sent as an alert), shown, and acted on: entries are held
back at the send gate while a fault lasts, and what does not come back is reported like a dead actor, so that the bot
starts all actors again within its restart budget. Exits are never held back.

It is watched in turn. It leaves the time of each beat at the send gate, which lets no entry pass when that is too old;
and the bot, which lives by the other timer thread, starts everything again when the beats stop (`SilentWatchdog`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.addresses import Address
from actors.base import BotActor
from actors.clock_watch import ClockWatch, TimeFault
from actors.log_events import LogEvent
from actors.messages import ActorFailed, Heartbeat, Tick
from actors.send_gate import HaltFlag
from actors.timers import TimerService
from actors.venue_messages import Distrust, ReadClock
from actors.watches import (
    BEAT_NS,
    BEAT_S,
    CLOCK_OFFSET,
    DEAD_THREAD,
    DEEP_BEATS,
    GROWING_MAILBOX,
    LARGEST_OFFSET_NS,
    STUCK_ACTOR,
    SUPERVISOR_LOOK_NS,
    SUPERVISOR_LOOKS,
    Patience,
    Watch,
    WatchAlarm,
)
from exchanges.clock import Clock

_SECOND_NS: Final = 1_000_000_000


def _ask_nobody(_: Heartbeat) -> None:
    """Tell no heartbeat: what is watched shows by itself how far it is."""


def _nothing_waits() -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Something that has to go on. The functions are called on the watchdog's thread and never block.

    Attributes:
        name: Of the actor or thread.
        patience: How long the same job may be in hand.
        is_alive: Whether its thread has not ended.
        job: Number of what it is doing, 0 when idle; None where that is shown by heartbeats alone.
        ask: Tells a heartbeat.
        watch: The row of the table that its being stuck belongs to.
        depth: How many messages wait.
        most_waiting: More than that is a fault.
    """

    name: str
    patience: Patience
    is_alive: Callable[[], bool]
    job: Callable[[], int] | None = None
    ask: Callable[[Heartbeat], None] = _ask_nobody
    watch: Watch = STUCK_ACTOR
    depth: Callable[[], int] = _nothing_waits
    most_waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchParts:
    """What the watchdog is built with.

    Attributes:
        timers: Its own, so that the others' timer thread can be watched.
        watched: What has to go on.
        halted: Where entries are held back, and where each beat is noted.
        connections: Told when time was not what it seemed.
        prices: Told when quotes may be old.
        offsets: Returns how far each exchange's clock is ahead of ours, by name.
        publish: Shows the alarms that are there now.
    """

    clock: Clock
    timers: TimerService
    watched: Sequence[Watched]
    halted: HaltFlag
    connections: Sequence[Address[Distrust | ReadClock]]
    prices: Address[Distrust]
    offsets: Callable[[], Mapping[str, int]]
    publish: Callable[[tuple[WatchAlarm, ...]], None]


@dataclass(slots=True)
class _Seen:
    """What the watchdog remembers of one part between beats. `answered` is written by the part's own thread."""

    asked: int = 0
    answered: int = 0
    job: int = 0
    beats: int = 0
    deep_beats: int = 0
    is_deep: bool = False
    is_reported: bool = False

    def answer(self, number: int) -> None:
        """Note the answer to a heartbeat."""
        self.answered = number


@dataclass(slots=True)
class _Found:
    """The faults of one beat: (watch, subject) -> text."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, watch: Watch, subject: str, text: str) -> None:
        """Add a fault."""
        self.texts[watch.name, subject] = text


class Watchdog(BotActor):
    """Takes one `Tick` per beat. See the module's text."""

    def __init__(self, *, name: str, failures: Address[ActorFailed], parts: WatchParts) -> None:
        super().__init__(name=name, failures=failures)
        self._parts = parts
        self._seen = {part.name: _Seen() for part in parts.watched}
        self._alarms: dict[tuple[str, str], WatchAlarm] = {}
        self._beats = 0

    def _on_start(self) -> None:
        clock = self._parts.clock
        now_ns = clock.monotonic_ns()
        self._clocks = ClockWatch(now_ns, clock.wall_ns())
        self._parts.halted.heard_ns = now_ns
        self._parts.timers.every(BEAT_NS, self.actor_ref, (self.name, "beat"))

    def handle(self, message: Tick) -> None:
        """Look at everything once. A Tick that follows another at once, as after a pause, is no beat."""
        if self._beats and message.now_ns - self._parts.halted.heard_ns < BEAT_NS // 2:
            return
        self._beats += 1
        self._act_on_time(self._clocks.look(message.now_ns, message.wall_ns))
        found = _Found()
        for part in self._parts.watched:
            self._look(part, self._seen[part.name], found)
        for exchange, offset_ns in self._parts.offsets().items():
            if abs(offset_ns) > LARGEST_OFFSET_NS:
                text = f"has a clock that is {offset_ns / _SECOND_NS:+.0f} s off: set this machine's clock"
                found.add(CLOCK_OFFSET, exchange, text)
        self._settle(found, message.now_ns)
        self._parts.halted.heard_ns = message.now_ns

    def _on_stop(self) -> None:
        self._parts.timers.cancel((self.name, "beat"))
        for alarm in self._alarms.values():
            self._parts.halted.release_hold(alarm.why)
        self._parts.publish(())

    # --- one part ---

    def _look(self, part: Watched, seen: _Seen, found: _Found) -> None:
        if not part.is_alive():
            found.add(DEAD_THREAD, part.name, "has ended without a word")
            self._report(part, seen, "has ended without a word")
            return
        self._look_at_job(part, seen, found)
        self._look_at_mailbox(part, seen, found)
        if seen.answered == seen.asked:
            seen.asked = self._beats
            part.ask(Heartbeat(number=self._beats, answer=seen.answer))

    def _look_at_job(self, part: Watched, seen: _Seen, found: _Found) -> None:
        job = part.job() if part.job is not None else _outstanding(seen)
        seen.beats = seen.beats + 1 if job and job == seen.job else int(job != 0)
        seen.job = job
        if seen.beats < part.patience.hold:
            return
        stuck_s = seen.beats * BEAT_S
        text = "does not answer" if part.job is None else "is busy with one and the same job"
        found.add(part.watch, part.name, text)
        if part.patience.fail and seen.beats >= part.patience.fail:
            self._report(part, seen, f"has been stuck for {stuck_s:g} s")

    def _look_at_mailbox(self, part: Watched, seen: _Seen, found: _Found) -> None:
        depth = part.depth()
        limit = part.most_waiting // 2 if seen.is_deep else part.most_waiting
        seen.deep_beats = seen.deep_beats + 1 if depth > limit else 0
        seen.is_deep = seen.deep_beats >= DEEP_BEATS
        if seen.is_deep:
            found.add(GROWING_MAILBOX, part.name, f"has more than {part.most_waiting} messages waiting")

    def _report(self, part: Watched, seen: _Seen, text: str) -> None:
        """Report a part that does not come back, once, as if it had said so itself."""
        if part.patience.fail and not seen.is_reported:
            seen.is_reported = True
            self.send(self._failures, ActorFailed(actor=part.name, error=f"it {text}", traceback=""))

    # --- clocks ---

    def _act_on_time(self, fault: TimeFault) -> None:
        if fault.step_ns:
            self.log.bind(event=LogEvent.CLOCK_STEPPED).warning(
                "the wall clock was set by {:+.1f} s: the venues' clocks are read anew", fault.step_ns / _SECOND_NS
            )
            for connection in self._parts.connections:
                self.send(connection, ReadClock())
        if fault.away_ns:
            why = f"nothing ran here for {fault.away_ns / _SECOND_NS:.1f} s"
            self.log.bind(event=LogEvent.TIME_JUMPED).error("{}: quotes are dropped, the venues are read anew", why)
            self.send(self._parts.prices, Distrust(why))
            for connection in self._parts.connections:
                self.send(connection, Distrust(why))

    # --- alarms ---

    def _settle(self, found: _Found, now_ns: int) -> None:
        """Raise the alarms that are new, clear those that are gone."""
        gone = [key for key in self._alarms if key not in found.texts]
        new = [key for key in found.texts if key not in self._alarms]
        for key in gone:
            alarm = self._alarms.pop(key)
            self._parts.halted.release_hold(alarm.why)
            self.log.bind(event=LogEvent.WATCHDOG_CLEARED, subject=alarm.subject).info("it is over: {}", alarm.why)
        for watch, subject in new:
            alarm = WatchAlarm(watch=watch, subject=subject, text=found.texts[watch, subject], since_ns=now_ns)
            self._alarms[watch, subject] = alarm
            self._parts.halted.hold(alarm.why)
            self.log.bind(event=LogEvent.WATCHDOG_ALARM, subject=subject, watch=watch).error(
                "{}: entries are held back", alarm.why
            )
        if gone or new:
            self._parts.publish(tuple(self._alarms.values()))


def _outstanding(seen: _Seen) -> int:
    """Return the number of the heartbeat that is not answered yet, 0 if none."""
    return seen.asked if seen.answered != seen.asked else 0


class SilentWatchdog:
    """Notices from outside that the watchdog has stopped beating. One thread, which looks every `every_ns`.

    Its looks are counted, not the seconds: after a pause of the whole process nobody has beaten. A look that follows
    another at once, as after such a pause, does not count.
    """

    def __init__(self, every_ns: int = SUPERVISOR_LOOK_NS, looks: int = SUPERVISOR_LOOKS) -> None:
        self._every_ns = every_ns
        self._looks = looks
        self._heard_ns = -1
        self._looked_ns = 0
        self._silent_looks = 0

    def is_silent(self, heard_ns: int, now_ns: int) -> bool:
        """Take the time of the newest beat; whether several looks in a row saw the same one."""
        if heard_ns != self._heard_ns:
            self._heard_ns, self._looked_ns, self._silent_looks = heard_ns, now_ns, 0
        elif now_ns - self._looked_ns >= self._every_ns // 2:
            self._looked_ns, self._silent_looks = now_ns, self._silent_looks + 1
        return self._silent_looks >= self._looks
