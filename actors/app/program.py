"""What each option does, from the configuration file to the exit code.

Texts for people go to stderr, answers (`--check --print`, `--explain`, `--status`, `--serve`, `--json`) to stdout.
Each job imports its code when it is asked for: a verb to a running bot needs no bot, a bot no web server, and what a
paper run imports is imported while its simulated venues start.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from actors.accounts import Accounts, live_accounts
from actors.app.options import ExitCode, Options
from actors.app.paper import PaperVenues, launch_of, venue_folder
from actors.config import check, format_effective
from actors.locks import AlreadyRunning
from actors.settings import BotSettings, Mode
from exchanges.clock import SystemClock
from exchanges.errors import BotError, ConfigError
from exchanges.redaction import visible_lines


def run(options: Options, stop: threading.Event) -> ExitCode:
    """Return the exit code of one run; `stop` is set by the first Ctrl-C or SIGTERM."""
    found = check(options.conf, options.overrides)
    for warning in found.warnings:
        _say(f"warning: {warning}")
    for problem in found.problems:
        _say(problem)
    settings = found.settings
    if settings is None:
        count = len(found.problems)
        _say(f"{options.conf}: {count} problem{'s' if count > 1 else ''}; nothing was started")
        return ExitCode.USAGE
    try:
        return _dispatch(options, settings, stop)
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        return ExitCode.USAGE
    except BotError as error:
        _say(str(error))
        return ExitCode.FAILED


def _dispatch(options: Options, settings: BotSettings, stop: threading.Event) -> ExitCode:
    if options.check:
        return _check(options, settings)
    if options.verb:
        return _tell(options.verb, settings)
    if options.serve:
        return _serve(settings, stop, options.run_for_ns)
    if options.explain:
        return _explain(settings)
    return _trade(settings, options, stop)


def _trade(settings: BotSettings, options: Options, stop: threading.Event) -> ExitCode:
    paper = PaperVenues(settings) if settings.desk.mode is Mode.PAPER else None
    if paper is not None:
        paper.begin()
    from actors.app.trading import trade  # noqa: PLC0415 - while the venues start

    return trade(settings, options, stop, paper)


def _check(options: Options, settings: BotSettings) -> ExitCode:
    if options.print_settings:
        sys.stdout.write(format_effective(settings))
    else:
        sys.stdout.write(f"{options.conf}: no problems\n")
    return ExitCode.CLEAN


def _tell(verb: str, settings: BotSettings) -> ExitCode:
    """Say one verb to the running bot; `--resume` with no bot running clears the latches for the next start."""
    from actors.app.control import ControlError, send_command  # noqa: PLC0415 - see the module

    state_dir = Path(settings.desk.state_dir)
    try:
        answer = send_command(state_dir, verb)
    except ControlError as error:
        cleared = _clear_latches(state_dir) if verb == "resume" else ()
        if not cleared:
            _say(str(error))
            return ExitCode.FAILED
        sys.stdout.write(f"no bot is running; cleared for the next start: {', '.join(cleared)}\n")
        return ExitCode.CLEAN
    sys.stdout.write(json.dumps(answer, indent=2 if verb in ("status", "adopt") else None) + "\n")
    return ExitCode.CLEAN


def _clear_latches(state_dir: Path) -> tuple[str, ...]:
    from actors.journal import clear_latches  # noqa: PLC0415 - see the module

    return clear_latches(state_dir, SystemClock().wall_ns())


def _serve(settings: BotSettings, stop: threading.Event, run_for_ns: int | None) -> ExitCode:
    from exchanges.simulated.own_process import serve  # noqa: PLC0415 - see the module

    launch = launch_of(settings, state_dir=venue_folder(settings), outlives_clients=True)
    try:
        with _set_after(stop, run_for_ns):
            serve(launch, stop, sys.stdout)
    except (OSError, RuntimeError, ValueError) as error:
        _say(f"the simulated venue ended: {error}")
        return ExitCode.FAILED
    return ExitCode.CLEAN


@contextmanager
def _set_after(stop: threading.Event, run_for_ns: int | None) -> Iterator[None]:
    if run_for_ns is None:
        yield
        return
    timer = threading.Timer(run_for_ns / 1e9, stop.set)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _explain(settings: BotSettings) -> ExitCode:
    if settings.desk.mode is Mode.LIVE:
        _print_ladders(settings, live_accounts(settings))
        return ExitCode.CLEAN
    venues = PaperVenues(replace(settings, paper=replace(settings.paper, fresh=False)))
    try:
        venues.begin()
    except AlreadyRunning:
        _print_ladders(*venues.find())
        return ExitCode.CLEAN
    try:
        _print_ladders(*venues.start())
    finally:
        venues.leave()
    return ExitCode.CLEAN


def _print_ladders(settings: BotSettings, accounts: Accounts) -> None:
    from actors.app.explain import explain  # noqa: PLC0415 - see the module
    from actors.app.market import read_markets  # noqa: PLC0415 - see the module

    markets = read_markets(settings, accounts.accesses, SystemClock())
    for grid in settings.grids:
        sys.stdout.write(explain(settings, grid, markets[grid.name]) + "\n")


def _say(text: str) -> None:
    """Show a text, of which a part may come from outside."""
    sys.stderr.write(visible_lines(text) + "\n")
