"""One trading run, live or on paper: start everything in order, wait, take the summary, stop everything in reverse."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from loguru import logger

from actors.accounts import Accounts, live_accounts
from actors.adoption import answer
from actors.app.consent import confirm_live
from actors.app.control import ControlServer
from actors.app.live_view import LiveView, LogTail
from actors.app.logs import LogFiles, Redactor, add_sink, lines_to, remove_sink, set_up_logs
from actors.app.notify import Notifier, apprise_sender, secrets_in
from actors.app.options import ExitCode, Options
from actors.app.outcome import (
    as_json,
    for_people,
    frame_facts,
    grid_facts,
    watch_facts,
    who_has_not_begun,
    with_verdict,
)
from actors.app.paper import PaperError, PaperVenues
from actors.bot import TradingBot
from actors.config import resolve_secret
from actors.config.credentials import read_secret_file
from actors.host import BotHandle
from actors.log_events import LogEvent
from actors.settings import BotSettings
from actors.status import BotState, BotStatus, summary
from actors.watchdog import SilentWatchdog
from exchanges.clock import Clock, SystemClock
from exchanges.errors import ConfigError
from exchanges.redaction import visible_lines
from exchanges.secrets import Secret

_LOOK_EVERY_S = 0.2
_LOOKS_PER_TAPE_CHECK = 5
_SILENT_LOOKS = 10
_SETTLING_LOOK_S = 0.02
_SETTLING_LOOKS = 100
_STOP_MARGIN_S = 20.0


def trade(settings: BotSettings, options: Options, stop: threading.Event, paper: PaperVenues | None = None) -> ExitCode:
    """Run until `stop`, the given duration, the end of a tape, or a bot that can go no further.

    `paper` are the simulated venues of a paper run, begun; they are ended here.

    Raises:
        BotError: something could not be started; everything that was started has been stopped again.
    """
    with ExitStack() as cleanup:
        if paper is not None:
            cleanup.callback(paper.stop)
        return _Run(settings, options, stop, cleanup, paper).run()


class _Run:
    """The parts of one run. Main thread only; `cleanup` stops them in reverse order."""

    def __init__(
        self,
        settings: BotSettings,
        options: Options,
        stop: threading.Event,
        cleanup: ExitStack,
        paper: PaperVenues | None,
    ) -> None:
        self._settings = settings
        self._options = options
        self._stop = stop
        self._cleanup = cleanup
        self._clock: Clock = SystemClock()
        self._paper = paper
        self._stopped: list[bool] = []
        self._unjudged = ""
        self._is_unwatched = False
        self._silence = SilentWatchdog(int(_LOOK_EVERY_S * 1e9), _SILENT_LOOKS)

    def run(self) -> ExitCode:
        interval_ms = self._settings.host.gil_switch_interval_ms
        if interval_ms is not None:
            sys.setswitchinterval(float(interval_ms) / 1000)
        accounts = self._accounts()
        show_live = sys.stdout.isatty() and sys.stderr.isatty() and not self._options.json
        tail = self._start_logs(accounts, show_live=show_live)
        bot = TradingBot.start_bot(
            self._settings, accesses=accounts.accesses, clock=self._clock, accepts_accounts=self._options.same_account
        )
        grace_s = float(self._settings.desk.stop_grace_s)
        self._cleanup.callback(lambda: self._stopped.append(bot.stop(timeout_s=grace_s + _STOP_MARGIN_S)))
        self._start_control(bot)
        if show_live:
            view = LiveView(bot.status, tail)
            self._cleanup.callback(view.close)
            view.start()
        status = self._wait(bot)
        outcome = with_verdict(summary(status), self._verdict())
        self._cleanup.close()
        code = self._exit_code(status)
        if self._options.json:
            sys.stdout.write(as_json(outcome) + "\n")
        elif code in (ExitCode.CLEAN, ExitCode.HALTED):
            sys.stdout.write(visible_lines(for_people(outcome)) + "\n")
        if self._unjudged:
            _say(self._unjudged)
            return ExitCode.FAILED
        return self._after_stop(bot, code)

    def _after_stop(self, bot: BotHandle, code: ExitCode) -> ExitCode:
        """Return the exit code after the stop: clean only if everything was proven to have ended."""
        unproven = bot.status().unproven
        if code is not ExitCode.CLEAN or (all(self._stopped) and not unproven):
            return code
        _say(f"the stop could not prove that everything ended: {', '.join(unproven) or 'the bot hangs'}")
        return ExitCode.FAILED

    def _accounts(self) -> Accounts:
        if self._paper is not None:
            self._settings, accounts = self._paper.start()
            return accounts
        accounts = live_accounts(self._settings)
        if not self._settings.desk.observe:
            confirm_live(self._settings, yes=self._options.yes)
        return accounts

    def _start_logs(self, accounts: Accounts, *, show_live: bool) -> LogTail:
        notify, control = self._settings.notify, self._settings.control
        urls = self._named_secret("notify.urls", notify.urls_env)
        token = None if control.listen == "off" else self._named_secret("control.token", control.token_env)
        own = [secret for secret in (urls, token) if secret is not None]
        addresses = [] if urls is None else secrets_in(urls)
        redact = Redactor([*accounts.secrets, *own, *addresses])
        tail = LogTail(redact)
        log = self._settings.log
        files = LogFiles(
            folder=Path(self._settings.desk.log_dir) / self._settings.desk.name,
            rotate_mb=log.rotate_mb,
            keep=log.keep_files,
            events=log.events_jsonl,
        )
        set_up_logs(log.level, redact, tail if show_live else lines_to(sys.stderr, redact), files)
        if urls is not None:
            notifier = Notifier(self._settings.desk.name, notify, apprise_sender(urls.reveal()), redact, self._clock)
            self._cleanup.callback(remove_sink, add_sink(notifier, notify.min_level))
        return tail

    def _named_secret(self, name: str, variable: str) -> Secret | None:
        """Return the secret of `NAME_file` or of the environment variable that `NAME_env` names; None where neither is.

        Raises:
            ConfigError: the file cannot be used, or the variable is not set.
        """
        path = self._settings.secret_files.get(name)
        if path is not None:
            return read_secret_file(Path(path), f"{name}_file")
        secret = resolve_secret(variable, os.environ)
        if variable and secret is None:
            raise ConfigError([f"{name}_env = {variable}: this environment variable is not set"])
        return secret

    def _start_control(self, bot: BotHandle) -> None:
        control = self._settings.control
        if control.listen == "off":
            return
        handlers = {
            "status": lambda: _status(bot.status()),
            "pause": lambda: _done(bot.pause, "no new entries; exits stay"),
            "resume": lambda: _done(bot.resume, "entries again; the latch of a stop is cleared"),
            "flatten": lambda: _done(bot.flatten, "every position is being closed; --status shows when it is"),
            "adopt": lambda: answer(bot.adopt()),
            "stop": lambda: _done(self._stop.set, "the bot stops as on_stop says"),
        }
        token = self._named_secret("control.token", control.token_env)
        server = ControlServer(
            control.listen,
            Path(self._settings.desk.state_dir),
            handlers,
            token=None if token is None else token.reveal(),
        )
        self._cleanup.callback(server.close)
        server.start()

    def _wait(self, bot: BotHandle) -> BotStatus:
        """Return the last picture before any shutdown order.

        An exit that is on its way at that moment is waited for: it is neither missing nor proven to be there.
        """
        looks = 0
        while not bot.has_ended:
            status = bot.status()
            self._say_if_unwatched(status)
            if self._is_over(status, looks):
                break
            looks += 1
            self._stop.wait(_LOOK_EVERY_S)
        settling = threading.Event()
        for _ in range(_SETTLING_LOOKS):
            status = bot.status()
            if bot.has_ended or not _has_exit_on_its_way(status):
                break
            settling.wait(_SETTLING_LOOK_S)
        return status

    def _say_if_unwatched(self, status: BotStatus) -> None:
        """Raise the alarm that nobody inside the bot may be left to raise: its watchdog has stopped."""
        heard_ns = status.now_ns - status.watchdog_silent_ns
        is_silent = self._silence.is_silent(heard_ns, status.now_ns)
        if not is_silent or not status.watchdog_silent_ns:
            self._is_unwatched = False
        elif not self._is_unwatched:
            self._is_unwatched = True
            logger.bind(event=LogEvent.WATCHDOG_ALARM, subject="watchdog").critical(
                "the watchdog has been silent for {:.1f} s: no entry leaves", status.watchdog_silent_ns / 1e9
            )

    def _is_over(self, status: BotStatus, looks: int) -> bool:
        run_for_ns = self._options.run_for_ns
        if self._stop.is_set():
            return True
        is_late = run_for_ns is not None and status.now_ns - status.started_ns >= run_for_ns
        if is_late or (run_for_ns is not None and _is_stopped_for_good(status)):
            return True
        return looks % _LOOKS_PER_TAPE_CHECK == 0 and self._tape_is_over()

    def _tape_is_over(self) -> bool:
        try:
            return self._paper is not None and self._paper.prices_finished()
        except PaperError:
            return False  # a venue that is busy or gone is the connection's business, not the end of its tape

    def _verdict(self) -> Mapping[str, Mapping[str, int]] | None:
        """Return what the simulated venues have counted; None, and the reason in `_unjudged`, where they are gone."""
        try:
            return {} if self._paper is None else self._paper.verdict()
        except PaperError as error:
            self._unjudged = f"violations are unknown: {error}"
            return None

    def _exit_code(self, status: BotStatus) -> ExitCode:
        """Return the exit code; a run that came to nothing is explained on stderr."""
        if status.fatal or status.state is BotState.FAILED:
            _say(status.fatal)
            return ExitCode.USAGE if status.is_misconfigured else ExitCode.FAILED
        if status.state is BotState.STARTING and not self._stop.is_set():
            _say(f"the time was over before {who_has_not_begun(status)}")
            return ExitCode.FAILED
        return ExitCode.HALTED if status.state is BotState.HALTED else ExitCode.CLEAN


def _say(text: str) -> None:
    """Show a text, of which a part may come from outside."""
    sys.stderr.write(visible_lines(text) + "\n")


def _status(status: BotStatus) -> Mapping[str, Any]:
    told = {"watchdog": watch_facts(status), "frames": frame_facts(status), "grids": grid_facts(status)}
    return {**summary(status), "held_back": status.halted_why, **told}


def _done(action: Callable[[], object], result: str) -> Mapping[str, Any]:
    action()
    return {"result": result}


def _is_stopped_for_good(status: BotStatus) -> bool:
    """Whether a stop is latched and what it closes is closed. Entries that are held back for another reason (actors
    that are being started again, a journal that cannot be written just now) end no run.
    """
    is_latched = any(grid.is_latched for grid in status.grids)
    return is_latched and not any(grid.is_flattening for grid in status.grids)


def _has_exit_on_its_way(status: BotStatus) -> bool:
    books = [grid.book for grid in status.grids if grid.book is not None]
    return any(not order.is_working for book in books for order in book.orders)
