"""One venue's campaign: start, reconcile, hold the market still, compare, let it move, kill, and again.

Every kill gets its verdict from the next start that comes through: what is wrong with the books then is named. A kill
may also hit a start, before or within the reading of the venue; then both it and the one before share the verdict.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from tests.system.books import Books
from tests.system.kills import crash_points
from tests.system.kills.floor import Floor
from tests.system.kills.nursery import Nursery, NurseryBot
from tests.system.kills.verdict import COMMANDS, early_commands, subject_of

GRID: Final = "btc"
CONF: Final = """
[desk]
name = kills
mode = live
state_dir = {folder}/state
log_dir = {folder}/logs
bot_tag = 7
on_start_foreign = refuse
[exchange.{venue}]
rest_url = {rest}
ws_url = {ws}
{venue_settings}
[grid]
order_notional_usd = 200
target_leverage = 5
take_profit_pct = 0.1
wait_time_s = 0
grid_step_pct = 0
max_orders = 5
entry_requote_after_s = 1
[close]
retry_backoff_ms = 50
[risk]
max_margin_usd = 10000
daily_loss_limit_usd = 10000
max_orders_per_min = 10000
stop_loss = no
[control]
listen = off
[log]
events_jsonl = no
[grid.btc]
exchange = {venue}
symbol = {symbol}
"""
SETTINGS: Final = MappingProxyType(
    {
        # an order that was killed between its intent and the socket is unknown for so long
        "aster": "nonce_window_s = 5",
        "backpack": "window_ms = 2000",
        # the venue of a campaign has no quotas: a start every second asks more than a standard account may
        "lighter": "read_quota_per_min = 4000\ntx_quota_per_min = 4000\n"
        "account_index = {account_index}\napi_key_index = {api_key_index}",
    }
)
VARIABLES: Final = MappingProxyType(
    {
        "aster": {"ASTER_USER": "user", "ASTER_SIGNER": "signer", "ASTER_PRIVATE_KEY": "private_key"},
        "backpack": {"BACKPACK_PUBLIC_KEY": "api_key", "BACKPACK_SECRET_KEY": "secret"},
        "lighter": {"LIGHTER_API_KEY_PRIVATE_KEY": "private_key"},
    }
)
PAPER: Final = MappingProxyType(
    {
        "ack_latency_ms": "20",
        "fill_latency_ms": "10",
        "cancel_latency_ms": "20",
        "partial_fill_pct": "50",
        "fault_duplicate_pct": "5",
        "fault_reorder_pct": "5",
        "fault_drop_pct": "5",
        "fault_disconnect_every_s": "5",
    }
)
MISHAPS: Final = ("lost_reply", "timeout_after", "late_reply", "lost_request", "timeout_before")
MISHAP_PCT: Final = 12
START_KILL_PCT: Final = 25
HELD_START_PCT: Final = 20
LONGEST_LIFE_S: Final = 1.2
READY_S: Final = 30.0
EQUAL_S: Final = 15.0
POINT_S: Final = 6.0
DRAIN_S: Final = 0.04
"""Beyond the latency of the venue."""
SAID: Final = 1500
"""So much of the end of a bot's log is shown with a problem."""
_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Kill:
    """One kill and what it left.

    `ready_s` is how long the start after it took until the venue was read and agreed, `equal_s` until both books were
    equal with nothing on its way, None where the next start was killed too. `problems` is empty if all was exact.
    """

    venue: str
    number: int
    moment: str
    lived_s: float
    ready_s: float | None = None
    equal_s: float | None = None
    fills: int = 0
    problems: list[str] = field(default_factory=list)


class Campaign:
    """Kills one venue's bot. Used from one thread. `kills` yields each kill once its verdict is known."""

    def __init__(self, venue: str, seed: int, folder: Path, nursery: Nursery) -> None:
        self.venue = venue
        self._source = Random(f"{seed}/{venue}")
        self._seed = seed
        self._folder = folder
        self._nursery = nursery
        self._pause = threading.Event()
        self._open: list[Kill] = []
        self._starts = 0
        self._number = 0
        self._fills = 0
        self._violations = 0
        self._mark = 0
        folder.mkdir(parents=True, exist_ok=True)

    def kills(self, count: int) -> Iterator[Kill]:
        """Kill at random moments, `count` times."""
        with Floor(self.venue, self._seed, PAPER, self._folder / "floor.log") as floor:
            self._set_up(floor)
            while self._number < count:
                if self._number and self._number + 1 < count and self._chance(START_KILL_PCT):
                    self._kill_a_start(floor)
                    continue
                bot, began_ns = self._start_and_compare(floor)
                yield from self._settled()
                self._kill_while_trading(floor, bot, began_ns)
            yield from self._last(floor)

    def points(self, specs: list[str]) -> Iterator[Kill]:
        """Let bots kill themselves at each of the crash points, one start each."""
        with Floor(self.venue, self._seed, PAPER, self._folder / "floor.log") as floor:
            self._set_up(floor)
            for spec in specs:
                is_running = spec.endswith("@signal")
                floor.move()
                bot, began_ns = self._start_and_compare(floor, spec) if is_running else self._start(floor, spec)
                if is_running:
                    yield from self._settled()
                    bot.signal(crash_points.ARM)
                    floor.move()
                self._await_end(bot, spec, began_ns)
            yield from self._last(floor)

    def _last(self, floor: Floor) -> Iterator[Kill]:
        bot, _ = self._start_and_compare(floor)
        yield from self._settled()
        bot.kill()

    def _settled(self) -> list[Kill]:
        settled, self._open = self._open, []
        return settled

    # --- moments ---

    def _kill_while_trading(self, floor: Floor, bot: NurseryBot, began_ns: int) -> None:
        if self._chance(MISHAP_PCT):
            floor.mishap(self._source.choice(MISHAPS))
        floor.move()
        self._pause.wait(self._source.uniform(0, LONGEST_LIFE_S))
        self._note(bot.kill(), bot, "trading", began_ns)
        if self._chance(HELD_START_PCT):
            floor.hold()

    def _kill_a_start(self, floor: Floor) -> None:
        bot, began_ns = self._start(floor)
        # most of what a start does, it does early: short waits are as likely as long ones
        self._pause.wait(0.005 * 200 ** self._source.random())
        self._note(bot.kill(), bot, "start", began_ns)
        self._check_order(floor, bot, is_ready=False)

    def _await_end(self, bot: NurseryBot, spec: str, began_ns: int) -> None:
        for _ in range(int(POINT_S / 0.005)):
            if bot.has_ended:
                break
            self._pause.wait(0.005)
        is_reached = bot.has_ended
        self._note(bot.kill(), bot, spec if is_reached else f"{spec} (not reached, killed)", began_ns)

    def _note(self, status: int, bot: NurseryBot, moment: str, began_ns: int) -> None:
        self._number += 1
        lived_s = (time.monotonic_ns() - began_ns) / _NS
        kill = Kill(self.venue, self._number, moment, lived_s)
        self._open.append(kill)
        if status != -9:
            kill.problems.append(f"it ended by itself with {status}: {bot.err[-SAID:]}")

    # --- starts ---

    def _set_up(self, floor: Floor) -> None:
        given = {name: str(value) for name, value in floor.credentials.items()}
        text = CONF.format(
            folder=self._folder,
            venue=self.venue,
            rest=floor.rest,
            ws=floor.ws,
            symbol=floor.symbol,
            venue_settings=SETTINGS[self.venue].format(**given),
        )
        (self._folder / "kills.ini").write_text(text)
        runtime = self._folder / "runtime"
        runtime.mkdir(exist_ok=True)
        self._environ = {variable: given[name] for variable, name in VARIABLES[self.venue].items()}
        self._environ |= {"XDG_RUNTIME_DIR": str(runtime)}
        floor.move()

    def _start(self, floor: Floor, crash: str = "") -> tuple[NurseryBot, int]:
        self._starts += 1
        self._drain(floor)
        self._mark = floor.mark()
        out, err = self._folder / "out", self._folder / f"err.{self._starts}"
        began_ns = time.monotonic_ns()
        bot = self._nursery.start([str(self._folder / "kills.ini"), "--yes"], self._environ, out, err, crash)
        return bot, began_ns

    def _drain(self, floor: Floor) -> None:
        """Let the venue carry out what the bot before had sent: none of it may be taken for this one's."""
        floor.mark()
        floor.mark()
        self._pause.wait(DRAIN_S)
        floor.mark()

    def _start_and_compare(self, floor: Floor, crash: str = "") -> tuple[NurseryBot, int]:
        """Start a bot and wait until it is ready and both books are equal; what is not is every open kill's problem."""
        bot, began_ns = self._start(floor, crash)
        problem = self._await_ready(bot)
        ready_s = (time.monotonic_ns() - began_ns) / _NS
        floor.hold()
        problem = problem or self._await_equal(floor, bot)
        equal_s = (time.monotonic_ns() - began_ns) / _NS
        for kill in self._open:
            if problem:
                kill.problems.append(problem)
        self._check_order(floor, bot, is_ready=True)
        if self._open:
            self._open[-1].ready_s, self._open[-1].equal_s = ready_s, equal_s
            self._open[-1].fills = self._fills
        return bot, began_ns

    def _await_ready(self, bot: NurseryBot) -> str:
        deadline_ns = time.monotonic_ns() + int(READY_S * _NS)
        while "reconcile_finished" not in bot.err:
            if bot.has_ended:
                return f"the start after it ended: {bot.err[-SAID:]}"
            if time.monotonic_ns() > deadline_ns:
                return f"the start after it was not ready within {READY_S} s: {bot.err[-SAID:]}"
            self._pause.wait(0.004)
        return ""

    def _await_equal(self, floor: Floor, bot: NurseryBot) -> str:
        deadline_ns = time.monotonic_ns() + int(EQUAL_S * _NS)
        while True:
            problem = self._difference(floor)
            if not problem:
                return self._new_violations(floor)
            if bot.has_ended:
                return f"the start after it ended: {bot.err[-SAID:]}"
            if time.monotonic_ns() > deadline_ns:
                return f"{problem}\nthe market stands at {floor.books()['quote']}\n{bot.err[-SAID:]}"
            self._pause.wait(0.05)

    def _difference(self, floor: Floor) -> str:
        found = floor.books()
        self._fills = len(found["state"]["trades"])
        try:
            Books(self._folder / "state", found["state"], subject_of(floor, found, GRID)).assert_equal()
        except AssertionError as error:
            return str(error) or repr(error)
        return ""

    def _new_violations(self, floor: Floor) -> str:
        """What the venue's oracle found since the last look. An order that may be on its way is waited for until its
        fence, so a lot may be without an exit for that long: whether it has one in the end, the books say.
        """
        found = [row for row in floor.books()["status"]["oracle"]["list"] if row["kind"] != "uncovered"]
        new, self._violations = found[self._violations :], len(found)
        return f"violations: {new}" if new else ""

    def _check_order(self, floor: Floor, bot: NurseryBot, *, is_ready: bool) -> None:
        rows = floor.since(self._mark)
        early = early_commands(self.venue, rows, is_ready=is_ready)
        if early and self._open:
            self._open[-1].problems.append(f"{early}\n{bot.err[-SAID:]}")

    def _chance(self, percent: float) -> bool:
        return self._source.random() * 100 < percent


__all__ = ["COMMANDS", "Campaign", "Kill"]
