"""What is watched while the bot runs, within which bound a fault is noticed, and what is done about it.

The bounds are declared here, once: the watchdogs use them, and the README's table is made from them (`.ci/generate`).
Time that somebody else may take is counted in beats of the watchdog, not in seconds: a machine that was suspended has
missed no beat, so nobody is blamed for a pause of the whole process.
"""

from dataclasses import dataclass
from typing import Final

BEAT_S: Final = 1.5
BEAT_NS: Final = int(BEAT_S * 1e9)
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many beats in a row the same job may be in hand: before entries are held back, and before all actors are
    started again (0: never).
    """

    hold: int
    fail: int = 0


ACTOR: Final = Patience(hold=2, fail=6)
JOURNAL: Final = Patience(hold=2)
"""A disk that hangs would hang a new journal too: exits go on without it."""
ROOT: Final = Patience(hold=2)
TIMERS: Final = Patience(hold=3, fail=6)
LANE: Final = Patience(hold=4, fail=20)

MOST_MESSAGES: Final = 2_000
MOST_FACTS: Final = 50_000
"""The journal's mailbox: facts lie in it until its next flush on purpose."""
MOST_ORDERS: Final = 200
DEEP_BEATS: Final = 2

LARGEST_OFFSET_NS: Final = 10 * _SECOND_NS
SMALLEST_STEP_NS: Final = _SECOND_NS // 2
JUMP_NS: Final = 5 * _SECOND_NS

DEAF_NS: Final = 30 * _SECOND_NS
FROZEN_NS: Final = 10 * _SECOND_NS
CONTRADICTED_NS: Final = _SECOND_NS
LONGEST_CHECK_NS: Final = 600 * _SECOND_NS
READER_GRACE_NS: Final = 5 * _SECOND_NS
CONNECTING_NS: Final = 30 * _SECOND_NS

SILENT_NS: Final = 5 * _SECOND_NS
SUPERVISOR_LOOK_NS: Final = 3 * _SECOND_NS
SUPERVISOR_LOOKS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAlarm:
    """A fault that is there now. `subject` names the thread, mailbox or exchange; `since_ns` is monotonic."""

    watch: str
    subject: str
    text: str
    since_ns: int

    @property
    def why(self) -> str:
        """The alarm in one line, and the reason for which entries are held back."""
        return f"{self.subject} {self.text}"


@dataclass(frozen=True, slots=True)
class Watch:
    """One row of the table: what is noticed, how, within what time, and what follows."""

    name: str
    notices: str
    within: str
    then: str


def _s(seconds: float) -> str:
    return f"{seconds:g} s"


_HELD: Final = "entries are held back"
_RESTART: Final = "all actors start again within the restart budget"

STALLED_STREAM: Final = Watch(
    "stalled_stream",
    "a stream that is open and brings neither frame nor pong",
    "8 s (Lighter 12 s); no entry is priced from it after `prices.stale_after_ms`",
    "connected anew, what was missed is read",
)
FROZEN_PRICES: Final = Watch(
    "frozen_prices",
    "a price stream that answers pings and brings no price while the venue's price by REST is another",
    f"{_s(FROZEN_NS / 1e9)} (or the venue's `audit_every_s` where that is longer) and one answer",
    "connected anew; asked less often each time that does not help",
)
DEAF_STREAM: Final = Watch(
    "deaf_stream",
    "a private stream that answers pings and says nothing of an order that was answered, accepted or filled",
    _s(DEAF_NS / 1e9),
    "connected anew, what was missed is read",
)
DEAD_READER: Final = Watch(
    "dead_reader",
    "a stream's thread that is dead or stuck: it did not end a silent connection, or does not finish connecting",
    f"{_s(READER_GRACE_NS / 1e9)} after it should have, {_s(CONNECTING_NS / 1e9)} while connecting; the connection of "
    "an order lane: up to 15 s later",
    "abandoned for a new one",
)
STUCK_LANE: Final = Watch(
    "stuck_lane",
    "an order lane or query lane that is busy with one and the same request",
    _s(LANE.hold * BEAT_S),
    f"{_HELD}; after {_s(LANE.fail * BEAT_S)} {_RESTART}",
)
STUCK_ACTOR: Final = Watch(
    "stuck_actor",
    "an actor or timer thread that does not answer: blocked, or dead without a word",
    _s((ACTOR.hold + 1) * BEAT_S),
    f"{_HELD}; after {_s((ACTOR.fail + 1) * BEAT_S)} {_RESTART} (for the journal: only held, exits go on)",
)
DEAD_THREAD: Final = Watch(
    "dead_thread",
    "an actor, lane or timer thread that has ended",
    f"at once if it could say so, else {_s(BEAT_S)}",
    _RESTART,
)
GROWING_MAILBOX: Final = Watch(
    "growing_mailbox",
    f"more than {MOST_MESSAGES} messages in a mailbox ({MOST_FACTS} in the journal's, {MOST_ORDERS} in a lane)",
    _s(DEEP_BEATS * BEAT_S),
    f"{_HELD} until half of them are gone",
)
CLOCK_STEP: Final = Watch(
    "clock_step",
    f"a wall clock that was set by {_s(SMALLEST_STEP_NS / 1e9)} or more",
    _s(BEAT_S),
    "every venue's clock is read anew; waits and ages never use the wall clock",
)
CLOCK_OFFSET: Final = Watch(
    "clock_offset",
    f"a venue's clock that differs from ours by more than {_s(LARGEST_OFFSET_NS / 1e9)}",
    f"{_s(BEAT_S)} after it was read: once a minute, after a step, and when a request was refused for its time",
    f"{_HELD} until they agree",
)
TIME_JUMP: Final = Watch(
    "time_jump",
    f"a process or machine that was away for {_s(JUMP_NS / 1e9)} or more (suspended, stopped, starved)",
    f"{_s(BEAT_S)} after it is back",
    "every quote is dropped, every stream is connected anew, orders, fills and positions are read",
)
SILENT_WATCHDOG: Final = Watch(
    "silent_watchdog",
    "the watchdog itself not beating",
    f"{_s(SILENT_NS / 1e9)} at the send gate, {_s((SUPERVISOR_LOOKS + 1) * SUPERVISOR_LOOK_NS / 1e9)} by the bot",
    f"no entry passes the send gate; {_RESTART}",
)

WATCHES: Final = (
    STALLED_STREAM,
    FROZEN_PRICES,
    DEAF_STREAM,
    DEAD_READER,
    STUCK_LANE,
    STUCK_ACTOR,
    DEAD_THREAD,
    GROWING_MAILBOX,
    CLOCK_STEP,
    CLOCK_OFFSET,
    TIME_JUMP,
    SILENT_WATCHDOG,
)


def watches_table() -> str:
    """Return the README's table of watchdogs."""
    lines = ["| watchdog | notices | within | and then |", "|---|---|---|---|"]
    lines += [f"| `{row.name}` | {row.notices} | {row.within} | {row.then} |" for row in WATCHES]
    return "\n".join(lines)
