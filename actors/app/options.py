"""The command line: what `run.py` accepts, and nothing about what it does.

Options and exit codes are a contract (DESIGN.md section 7): others script against them.
"""

import argparse
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from pathlib import Path

from actors.version import __version__

_DURATION = re.compile(r"(?P<amount>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>ms|s|m|h)", re.ASCII)
_UNIT_NS = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}


class ExitCode(IntEnum):
    """How the process ends: a clean stop, anything unforeseen, bad configuration or usage, halted."""

    CLEAN = 0
    FAILED = 1
    USAGE = 2
    HALTED = 3


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line. `verb` is what to say to the running bot, empty to do something else."""

    conf: Path
    overrides: tuple[str, ...]
    run_for_ns: int | None
    check: bool
    print_settings: bool
    explain: bool
    serve: bool
    json: bool
    yes: bool
    verb: str
    same_account: bool = False


def parse_duration_ns(text: str) -> int:
    """Return the nanoseconds of '90s', '1.5m', '2h' or '500ms'.

    Raises:
        ValueError: the text is not a positive number followed by ms, s, m or h.
    """
    match = _DURATION.fullmatch(text.strip())
    duration_ns = int(Decimal(match["amount"]) * _UNIT_NS[match["unit"]]) if match else 0
    if duration_ns <= 0:
        raise ValueError(f"{text!r} is not a duration: write a positive number and ms, s, m or h, as in 60s")
    return duration_ns


def _duration_argument(text: str) -> int:
    try:
        return parse_duration_ns(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _override_argument(text: str) -> str:
    name, separator, _ = text.partition("=")
    if not separator or "." not in name.strip("."):
        raise argparse.ArgumentTypeError(f"{text!r}: write section.key=value, as in grid.take_profit_pct=0.05")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Run a post-only grid on perpetual futures, live or against simulated venues.",
        epilog="Exit codes: 0 clean stop, 2 bad configuration or usage, 3 halted, 1 anything else.",
        allow_abbrev=False,
    )
    parser.add_argument("conf", type=Path, metavar="CONF", help="the ini file, for example conf/paper.ini")
    parser.add_argument("--version", action="version", version=f"grid-actors {__version__}")
    parser.add_argument(
        "--for",
        dest="run_for_ns",
        type=_duration_argument,
        metavar="60s",
        help="stop by itself after so long (ms, s, m, h)",
    )
    parser.add_argument(
        "--json", action="store_true", help="at the end print the summary as one line of JSON on stdout"
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        type=_override_argument,
        metavar="section.key=value",
        help="override a setting for this run; any number of times",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="live: confirm a first start or changed settings without being asked",
    )
    parser.add_argument(
        "--same-account",
        action="store_true",
        help="once after a change of API keys: say that the accounts are the same, and go on with their journal",
    )
    parser.add_argument(
        "--print",
        dest="print_settings",
        action="store_true",
        help="with --check: print the effective settings, secrets masked",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="validate the configuration offline and list every problem")
    what.add_argument(
        "--explain", action="store_true", help="print the ladder of entries, exits, fees and margin; sends no order"
    )
    what.add_argument(
        "--serve", action="store_true", help="start only the simulated venues and serve any client until stopped"
    )
    for verb, text in (
        ("status", "print what the running bot is doing, as JSON"),
        ("pause", "tell the running bot: no new entries; exits stay"),
        ("resume", "tell the running bot: entries again; clears the latch of a stop, also with no bot running"),
        ("flatten", "tell the running bot: cancel the entries, close every position, stay paused"),
        ("adopt", "tell the running bot: book a proven difference of position and lots as somebody else's"),
        ("stop", "tell the running bot: stop as on_stop says"),
    ):
        what.add_argument(f"--{verb}", dest="verb", action="store_const", const=verb, help=text)
    return parser


def parse_options(arguments: list[str]) -> Options:
    """Return the options of a command line.

    Raises:
        SystemExit: with code 2 and one line on stderr for bad usage, with code 0 for --help and --version.
    """
    parser = _parser()
    found = parser.parse_args(arguments)
    if found.print_settings and not found.check:
        parser.error("--print goes with --check")
    return Options(
        conf=found.conf,
        overrides=tuple(found.overrides),
        run_for_ns=found.run_for_ns,
        check=found.check,
        print_settings=found.print_settings,
        explain=found.explain,
        serve=found.serve,
        json=found.json,
        yes=found.yes,
        same_account=found.same_account,
        verb=found.verb or "",
    )
