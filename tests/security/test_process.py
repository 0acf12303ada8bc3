"""RELIABILITY.md E2, E6, E20: what the process and its files let others see."""

import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from loguru import logger

from actors.app.logs import LogFiles, Redactor, set_up_logs
from actors.append_file import OsAppendFile, private_folder
from exchanges.simulated.state_files import write_private

ROOT = Path(__file__).resolve().parents[2]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_crash_leaves_no_core():
    code = "import run, resource; run.forbid_core_dumps(); print(*resource.getrlimit(resource.RLIMIT_CORE))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert ran.stdout.split() == ["0", "0"]


def test_the_program_forbids_it_before_it_reads_anything(monkeypatch):
    sys.path.insert(0, str(ROOT))
    try:
        import run  # noqa: PLC0415 - a script, not a package
    finally:
        sys.path.remove(str(ROOT))
    seen = []
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: seen.append((what, limits)))
    with pytest.raises(SystemExit):
        run.main(["--no-such-option"])
    assert seen == [(resource.RLIMIT_CORE, (0, 0))]


def test_files_that_others_could_read_are_taken_back(tmp_path):
    intents = tmp_path / "intents.log"
    intents.touch(mode=0o644)
    intents.chmod(0o644)
    file = OsAppendFile(intents)
    file.append(b"x")
    file.close()
    assert mode(intents) == 0o600

    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("bot.log", "events.jsonl"):
        (folder / name).touch()
        (folder / name).chmod(0o664)
    set_up_logs("INFO", Redactor(), lambda _: None, LogFiles(folder=folder, rotate_mb=1, keep=2, events=True))
    logger.remove()  # noqa: TID251 - the test plays the program
    logger.disable("actors")
    logger.disable("exchanges")
    assert {mode(folder / name) for name in ("bot.log", "events.jsonl")} == {0o600}


def test_folders_are_made_for_their_owner(tmp_path):
    assert mode(private_folder(tmp_path / "state")) == 0o700
    write_private(tmp_path / "venue" / "account.json", "{}")
    assert mode(tmp_path / "venue") == 0o700
    assert mode(tmp_path / "venue" / "account.json") == 0o600


def test_a_log_is_not_written_through_a_link(tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("precious")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "bot.log").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        set_up_logs(
            "INFO", Redactor(), lambda _: None, LogFiles(folder=tmp_path / "logs", rotate_mb=1, keep=2, events=False)
        )
    logger.remove()  # noqa: TID251 - the test plays the program
    logger.disable("actors")
    logger.disable("exchanges")
    assert target.read_text() == "precious"
