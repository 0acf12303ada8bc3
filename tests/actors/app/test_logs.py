import io
import json
import stat

import pytest
from loguru import logger

from actors.app.logs import LogFiles, Redactor, lines_to, set_up_logs
from exchanges.secrets import Secret


@pytest.fixture
def restored_loguru():
    yield
    logger.remove()  # noqa: TID251 - the test plays the program
    logger.disable("actors")
    logger.disable("exchanges")


def log_as_the_bot(text, **fields):
    """Emit a line as if from a module of the package, which is what the sinks are enabled for."""
    namespace = {"logger": logger, "__name__": "actors.example"}
    exec("def emit(text, fields): logger.bind(**fields).warning(text)", namespace)  # noqa: S102 - a caller by that name
    namespace["emit"](text, fields)


def set_up(tmp_path, *, rotate_mb=1, known=(), events=False):
    stream = io.StringIO()
    redact = Redactor(known)
    files = LogFiles(folder=tmp_path / "logs", rotate_mb=rotate_mb, keep=2, events=events)
    set_up_logs("INFO", redact, lines_to(stream, redact), files)
    return stream


def test_a_line_shows_event_fields_and_text_once(tmp_path, restored_loguru):
    stream = set_up(tmp_path)
    log_as_the_bot("exit resting", event="close_order_placed", grid="btc", lot=7, client_order_id=0)
    line = stream.getvalue()
    assert "WARNING  close_order_placed grid=btc lot=7 exit resting\n" in line
    assert "client_order_id" not in line


def test_secrets_and_control_characters_never_arrive(tmp_path, restored_loguru):
    stream = set_up(tmp_path, known=[Secret("deadbeefcafe")])
    log_as_the_bot("key DEADBEEFCAFE and \x1b[31mred {braces} <tag>", grid="x{y}<z>")
    for text in (stream.getvalue(), (tmp_path / "logs" / "bot.log").read_text()):
        assert "deadbeefcafe" not in text.lower()
        assert "\x1b" not in text
        assert "{braces} <tag>" in text
        assert "grid=x{y}<z>" in text


def test_an_exception_shows_no_local_variables(tmp_path, restored_loguru):
    stream = set_up(tmp_path)
    namespace = {"logger": logger, "__name__": "actors.example"}
    source = """
def emit():
    local = "planted-local-value"
    try:
        local / 0
    except TypeError:
        logger.exception("failed")
"""
    exec(source, namespace)  # noqa: S102 - a caller by that name
    namespace["emit"]()
    assert "TypeError" in stream.getvalue()
    assert "planted-local-value" not in stream.getvalue()


def test_the_file_is_private_and_rotates_within_bounds(tmp_path, restored_loguru):
    set_up(tmp_path, rotate_mb=0)
    for number in range(5):
        log_as_the_bot(f"line {number}")
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == ["bot.log", "bot.log.1", "bot.log.2"]
    assert "line 4" in (tmp_path / "logs" / "bot.log.1").read_text()
    for path in (tmp_path / "logs").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700


def test_events_are_also_lines_of_json(tmp_path, restored_loguru):
    set_up(tmp_path, events=True, known=[Secret("deadbeefcafe")])
    log_as_the_bot("no event, no line")
    log_as_the_bot('quote " and key deadbeefcafe', event="lot_closed", lot=3)
    (line,) = (tmp_path / "logs" / "events.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert told["event"] == "lot_closed"
    assert told["lot"] == "3"
    assert told["text"] == 'quote " and key ***'
