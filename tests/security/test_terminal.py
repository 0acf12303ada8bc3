"""RELIABILITY.md E13: what a venue writes is shown, and does nothing else, wherever it is shown."""

import io
import json

import pytest
from loguru import logger
from rich.console import Console

from actors.app import program
from actors.app.live_view import LogTail, render
from actors.app.logs import LogFiles, Redactor, set_up_logs
from actors.app.options import ExitCode, parse_options
from actors.base import BotActor
from actors.messages import Note, NoteLevel
from actors.price_stream import FeedStatus
from actors.status import BotState, BotStatus, ConnectionPhase, ConnectionStatus
from exchanges.errors import ConfigError, MalformedMessage, RequestRefused
from exchanges.stream_transport import _close_text
from tests.fakes import Probe

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e[red]x[/red] {braces} <b>\n2026-01-01 ERROR all is lost"
STEERING = ("\x1b", "\x07", "\x9b", "\r", "\u202e")


def is_harmless(text):
    return not any(sign in text for sign in STEERING)


class Quiet(BotActor):
    def handle(self, message):
        raise AssertionError(message)


@pytest.fixture
def lines(tmp_path):
    """Where the log of the program goes: the terminal's lines, and the files."""
    tail = LogTail(Redactor())
    files = LogFiles(folder=tmp_path / "logs", rotate_mb=1, keep=2, events=True)
    set_up_logs("TRACE", Redactor(), tail, files)
    yield tail, tmp_path / "logs"
    logger.remove()  # noqa: TID251 - the test plays the program
    logger.disable("actors")
    logger.disable("exchanges")


def test_a_note_is_one_line_in_every_log(lines):
    tail, folder = lines
    actor = Quiet(name="t/x", failures=Probe())
    actor.log_note(Note(level=NoteLevel.WARNING, event="account_notice", grid="btc", text=HOSTILE))
    actor.log.warning(str(MalformedMessage("aster", "x", HOSTILE, excerpt=HOSTILE)))
    assert len(tail.lines()) == 2
    assert all(is_harmless(line) and "\n" not in line for line in tail.lines())
    for path in (folder / "bot.log", folder / "events.jsonl"):
        text = path.read_text()
        assert is_harmless(text)
        assert not any(line.startswith("2026-01-01 ERROR all is lost") for line in text.splitlines())
    assert all(json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines())


def test_errors_and_reasons_of_a_venue_are_one_plain_line():
    for text in (
        str(RequestRefused("aster", "x", HOSTILE, code="-1")),
        str(MalformedMessage("aster", "x", "y", excerpt=HOSTILE)),
        _close_text(b"\x03\xe8" + HOSTILE.encode()),
    ):
        assert is_harmless(text)
        assert "\n" not in text


def test_the_live_view_shows_it_and_does_nothing_else():
    status = BotStatus(
        name="test",
        mode="paper",
        state=BotState.DEGRADED,
        now_ns=1,
        started_ns=0,
        started_wall_ns=0,
        halted_why=HOSTILE,
        connections=(ConnectionStatus(exchange="aster", phase=next(iter(ConnectionPhase)), why=HOSTILE),),
        feeds=(FeedStatus(exchange="aster", why=HOSTILE),),
        grids=(),
    )
    out = io.StringIO()
    Console(file=out, force_terminal=False, width=400).print(render(status, ["a line"]))
    assert is_harmless(out.getvalue())
    assert "[red]x[/red]" in out.getvalue(), "markup is text"


def test_the_program_says_it_and_does_nothing_else(capsys, monkeypatch):
    def fail(*_):
        raise ConfigError([HOSTILE])

    monkeypatch.setattr(program, "_dispatch", fail)
    assert program.run(parse_options(["conf/paper.ini"]), None) is ExitCode.USAGE
    said = capsys.readouterr().err
    assert "owned" in said
    assert is_harmless(said)
