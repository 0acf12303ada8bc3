"""The leak check itself: it fails a test that leaves something behind, and only that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEAKS = """
import socket, threading
import pykka

kept = []

def test_thread():
    kept.append(threading.Event())
    threading.Thread(target=kept[-1].wait, args=(20,), daemon=True, name="left-behind").start()

def test_actor():
    class Left(pykka.ThreadingActor):
        use_daemon_thread = True
    kept.append(Left.start())

def test_socket():
    kept.append(socket.socket())

def test_clean():
    thread = threading.Thread(target=threading.Event().wait, args=(0.05,))
    thread.start()
    with socket.socket():
        pass
"""


def test_what_is_left_behind_fails_the_test_that_left_it(tmp_path):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list the sockets of a process")
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "-rA",
        "--tb=short",
    ]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "4 passed, 3 errors" in done.stdout, done.stdout + done.stderr
    assert "left behind: thread left-behind" in done.stdout
    assert "left behind: actor Left" in done.stdout
    assert "left behind: socket:" in done.stdout
