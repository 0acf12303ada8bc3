"""One venue process and the bots that are started on it one after the other, with the comparison of both books."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from tests.system.books import Books
from tests.system.kills.floor import Floor
from tests.system.kills.nursery import Nursery, NurseryBot
from tests.system.kills.verdict import early_commands, subject_of

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
READY: Final = "reconcile_finished"
PATIENCE_S: Final = MappingProxyType({"aster": 30.0, "backpack": 90.0, "lighter": 30.0})
"""By then a start has read the venue, and the books are equal. Backpack answers thirty questions about the past a
minute, which a storm of kills spends: an order of unknown fate may have to wait for the next minute.
"""
DRAIN_S: Final = 0.04
"""Beyond the latency of the venue."""
SAID: Final = 1500
"""So much of the end of a bot's log is shown with a problem."""
NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """A start that was waited for. `problem` is empty if both books came to be equal."""

    bot: NurseryBot
    began_ns: int
    ready_s: float
    equal_s: float
    problem: str


class Stage:
    """A venue, a folder, and the bots of one account. Used from one thread; a context manager."""

    def __init__(
        self, venue: str, seed: int, folder: Path, nursery: Nursery, paper: MappingProxyType[str, str] = PAPER
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.floor = Floor(venue, seed, paper, folder / "floor.log")
        self.fills = 0
        self._nursery = nursery
        self._pause = threading.Event()
        self._patience_s = PATIENCE_S[venue]
        self._starts = 0
        self._mark = 0
        self._violations = 0
        self._environ = self._write_conf()
        self.floor.move()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.floor.close()

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def conf(self) -> Path:
        return self.folder / "kills.ini"

    def _write_conf(self) -> dict[str, str]:
        floor = self.floor
        given = {name: str(value) for name, value in floor.credentials.items()}
        text = CONF.format(
            folder=self.folder,
            venue=floor.venue,
            rest=floor.rest,
            ws=floor.ws,
            symbol=floor.symbol,
            venue_settings=SETTINGS[floor.venue].format(**given),
        )
        self.conf.write_text(text)
        runtime = self.folder / "runtime"
        runtime.mkdir(exist_ok=True)
        environ = {variable: given[name] for variable, name in VARIABLES[floor.venue].items()}
        return environ | {"XDG_RUNTIME_DIR": str(runtime), "PATH": os.environ.get("PATH", "")}

    # --- starts ---

    def start(self, *settings: str, crash: str = "") -> tuple[NurseryBot, int]:
        """Start a bot; return it and when that was."""
        self._starts += 1
        self._drain()
        self._mark = self.floor.mark()
        out, err = self.folder / f"out.{self._starts}", self.folder / f"err.{self._starts}"
        overrides = [text for setting in settings for text in ("--set", setting)]
        began_ns = time.monotonic_ns()
        bot = self._nursery.start([str(self.conf), "--yes", *overrides], self._environ, out, err, crash)
        return bot, began_ns

    def _drain(self) -> None:
        """Let the venue carry out what the bot before had sent: none of it may be taken for this one's."""
        self.floor.mark()
        self.floor.mark()
        self._pause.wait(DRAIN_S)
        self.floor.mark()

    def start_and_compare(self, *settings: str, crash: str = "") -> Compared:
        """Start a bot, wait until it has read the venue, hold the market still, wait until both books are equal."""
        bot, began_ns = self.start(*settings, crash=crash)
        problem = self.await_said(bot, READY, self._patience_s)
        ready_s = (time.monotonic_ns() - began_ns) / NS_PER_S
        self.floor.hold()
        problem = problem or self.await_equal(bot)
        equal_s = (time.monotonic_ns() - began_ns) / NS_PER_S
        problem = "\n".join(filter(None, (problem, self.early(bot, is_ready=True))))
        return Compared(bot, began_ns, ready_s, equal_s, problem)

    def await_said(self, bot: NurseryBot, text: str, timeout_s: float = 10.0) -> str:
        """Wait until a bot's log says something; return what is wrong, empty if it has said it."""
        return self._await(bot, lambda: "" if text in bot.err else f"it has not said {text!r}", timeout_s, 0.004)

    def await_equal(self, bot: NurseryBot) -> str:
        """Wait until both books are equal; return what is not, empty if they are."""
        problem = self._await(bot, self.difference, self._patience_s, 0.05)
        return problem or self._new_violations()

    def _await(self, bot: NurseryBot, problem_now: Callable[[], str], timeout_s: float, pause_s: float) -> str:
        deadline_ns = time.monotonic_ns() + int(timeout_s * NS_PER_S)
        while True:
            has_ended, problem = bot.has_ended, problem_now()
            if not problem:
                return ""
            if has_ended:
                return f"{problem}: the bot has ended: {bot.err[-SAID:]}"
            if time.monotonic_ns() > deadline_ns:
                said = bot.err[-SAID:]
                bot.signal(signal.SIGUSR1)  # the stack of every thread
                self._pause.wait(0.5)
                return f"{problem} within {timeout_s} s; the market is {self.floor.books()['quote']}; {said}\n{bot.err}"
            self._pause.wait(pause_s)

    # --- comparisons ---

    def books(self, found: dict[str, Any] | None = None) -> Books:
        """Read both sides' books."""
        found = found or self.floor.books()
        self.fills = len(found["state"]["trades"])
        return Books(self.state_dir, found["state"], subject_of(self.floor, found, GRID))

    def difference(self) -> str:
        """Return what differs between both books, empty if nothing does."""
        try:
            self.books().assert_equal()
        except AssertionError as error:
            return str(error) or repr(error)
        return ""

    def _new_violations(self) -> str:
        """What the venue's oracle found since the last look. An order that may be on its way is waited for until its
        fence, so a lot may be without an exit for that long: whether it has one in the end, the books say.
        """
        found = [row for row in self.floor.books()["status"]["oracle"]["list"] if row["kind"] != "uncovered"]
        new, self._violations = found[self._violations :], len(found)
        return f"violations: {new}" if new else ""

    def early(self, bot: NurseryBot, *, is_ready: bool) -> str:
        """Return what the newest bot commanded before it had read everything, empty if nothing."""
        found = early_commands(self.floor.venue, self.floor.since(self._mark), is_ready=is_ready)
        return f"{found}; {bot.err[-SAID:]}" if found else ""
