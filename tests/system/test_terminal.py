"""A person at a terminal: the live view while it runs, the key Ctrl-C, the summary at the end."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import pytest

from tests.system.books import SYMBOL
from tests.system.program import PAPER, QUICK, Desk, until
from tests.system.scripted_tape import steps

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

FALL = [(0.0, "60000"), (1.6, "59900"), (60.0, "59900")]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


class Terminal:
    """A process on a terminal of its own; what it wrote, without the escape sequences."""

    def __init__(self, command: list[str], cwd: str, environ: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        self._written = bytearray()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one call, before anything else
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # Linux says so when the last holder of the other end has closed it
                return
            if not data:
                return
            self._written += data

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self._written.decode(errors="replace"))

    def press(self, key: bytes) -> None:
        os.write(self.master, key)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        os.close(self.master)


def test_the_live_view_shows_the_lot_and_ctrl_c_stops_cleanly(desk: Desk, tmp_path) -> None:
    runtime = desk.folder / "runtime"
    runtime.mkdir()
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "TERM": "xterm-256color"}
    settings = (*QUICK, *steps(tmp_path / "fall.csv.gz", FALL))
    terminal = Terminal(desk.command(PAPER, (), settings), str(desk.folder), environ)
    try:
        until(lambda: "Ctrl-C stops" in terminal.text, "the view is there", say=lambda: terminal.text[-2000:])
        until(lambda: "resting" in terminal.text, "the lot's exit is shown", say=lambda: terminal.text[-3000:])
        assert f"{SYMBOL}@aster" in terminal.text
        assert "every unit has its exit" in terminal.text
        assert desk.venue.is_running, "Ctrl-C at the terminal is not for the venue"
        terminal.press(b"\x03")
        until(lambda: terminal.process.poll() is not None, "it ends", say=lambda: terminal.text[-2000:])
        assert terminal.process.returncode == 0
        until(lambda: "violations      0" in terminal.text, "the summary is shown", say=lambda: terminal.text[-2000:])
        assert "1 opened, 0 closed, 1 open" in terminal.text
        assert "Traceback" not in terminal.text
    finally:
        terminal.close()
    assert not desk.venue.is_running
