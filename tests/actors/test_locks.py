"""One bot per account and state folder; the kernel frees the locks of a killed holder."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from actors.locks import AccountKey, AlreadyRunning, Locks, user_runtime_dir
from exchanges.errors import JournalError

ACCOUNT = AccountKey("aster", "0xabc/signer:1")
ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from actors.locks import AccountKey, Locks
locks = Locks().acquire(Path(sys.argv[1]), [AccountKey("aster", "0xabc/signer:1")], 7, Path(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "state", tmp_path / "run"


@pytest.fixture
def holder(folders):
    command = [sys.executable, "-c", HOLDER, *map(str, folders)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def acquire(state, run, tag=7, account=ACCOUNT):
    return Locks().acquire(state, [account], tag, run)


def test_second_process_is_refused_and_told_the_pid(folders, holder):
    with pytest.raises(AlreadyRunning, match=rf"process {holder.pid} ") as caught:
        acquire(*folders)
    assert caught.value.pid == holder.pid


def test_killed_holder_frees_its_locks(folders, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    with acquire(*folders):
        pass


def test_same_account_from_another_state_folder_is_refused_by_name(folders, tmp_path):
    state, run = folders
    with acquire(state, run):
        with pytest.raises(AlreadyRunning, match=r"account 0xabc/signer:1 on aster with bot_tag 7"):
            acquire(tmp_path / "other", run)
        with acquire(tmp_path / "other", run, tag=8):
            pass


def test_same_state_folder_for_another_account_is_refused(folders):
    with acquire(*folders), pytest.raises(AlreadyRunning, match="state folder"):
        acquire(*folders, account=AccountKey("aster", "0xdef"))


def test_refusal_leaves_nothing_held(folders, tmp_path):
    state, run = folders
    with acquire(state, run):
        with pytest.raises(AlreadyRunning):
            acquire(tmp_path / "other", run)
        with Locks().acquire(tmp_path / "other", [], 7, run):
            pass


def test_release_frees_and_may_be_repeated(folders):
    locks = acquire(*folders)
    locks.release()
    locks.release()
    acquire(*folders).release()


def test_lock_files_are_private(folders):
    state, run = folders
    with acquire(state, run):
        for path in (state / "bot.lock", *run.iterdir()):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert path.read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE(run.stat().st_mode) == 0o700


def test_lock_file_that_is_a_link_is_refused(folders, tmp_path):
    state, run = folders
    state.mkdir()
    (state / "bot.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match=r"bot\.lock cannot be opened"):
        acquire(state, run)


def test_runtime_folder_is_under_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert user_runtime_dir() == tmp_path / "grid-actors"


def test_fallback_folder_must_be_private(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("actors.locks.os.access", lambda *_: False)
    monkeypatch.setattr("actors.locks.tempfile.gettempdir", lambda: str(tmp_path))
    folder = user_runtime_dir()
    assert folder == tmp_path / f"grid-actors-{os.getuid()}"
    folder.chmod(0o755)
    with pytest.raises(JournalError, match="0700"):
        user_runtime_dir()
