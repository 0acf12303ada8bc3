"""`run.py` as a user starts it: a process of its own, its simulated venue, and what both leave behind.

`desk` (a fixture) gives a `Desk`: a folder with state, logs and runtime files of one bot. Whatever a test does, the
fixture ends the bot's process by its id and the venue's process through its admin path.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exchanges.simulated.launch import TOKEN_HEADER
from exchanges.simulated.state_files import is_locked, lock_file, process_file

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = str(ROOT / "conf" / "paper.ini")
PAPER = str(ROOT / "tests" / "system" / "paper.ini")
"""One venue: starts sooner than the three of the shipped file."""

LIVE = str(ROOT / "conf" / "live.ini")
QUICK = (
    "paper.ack_latency_ms=20",
    "paper.fill_latency_ms=20",
    "paper.cancel_latency_ms=20",
    "grid.wait_time_s=0",
    "grid.grid_step_pct=0",
    "desk.stop_grace_s=8",
    "paper.idle_exit_s=30",
)
"""Settings with which something happens within seconds."""


@dataclass(frozen=True)
class Finished:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The one line of `--json`."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"not one line on stdout: {self.out!r}\n{self.err}"
        return json.loads(lines[0])

    def assert_plain_error(self, code: int, *words: str) -> None:
        """One clear error: the exit code, every word said on stderr, nothing on stdout, no traceback."""
        assert self.code == code, (self.code, self.out, self.err)
        assert "Traceback" not in self.err
        assert self.out == ""
        for word in words:
            assert word in self.err, f"{word!r} is not said: {self.err}"


class Running:
    """A started `run.py`. Its output goes to files, so that nothing blocks."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait(10)

    def wait(self, timeout_s: float = 30) -> Finished:
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout_s} s:\n{self.err[-3000:]}") from None
        return Finished(code, self.out, self.err)

    def until_logged(self, text: str, count: int = 1, timeout_s: float = 20) -> None:
        """Wait until the log has said `text` so often."""

        def has_said() -> bool:
            if self.process.poll() is not None and self.err.count(text) < count:
                raise AssertionError(f"ended with {self.process.returncode} before it said {text!r}:\n{self.err}")
            return self.err.count(text) >= count

        until(has_said, f"the log says {text!r} {count} times", timeout_s, lambda: self.err[-3000:])


@dataclass
class Desk:
    """One bot's folder, and the processes that were started on it."""

    folder: Path
    started: list[Running] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def venue(self) -> "VenueProcess":
        return VenueProcess(self.state_dir / "venue")

    def command(self, conf: str, options: tuple[str, ...], settings: tuple[str, ...]) -> list[str]:
        isolated = (f"desk.state_dir={self.state_dir}", f"desk.log_dir={self.folder / 'logs'}")
        overrides = [text for setting in (*isolated, *settings) for text in ("--set", setting)]
        return [sys.executable, str(ROOT / "run.py"), conf, *options, *overrides]

    def start(self, *options: str, conf: str = PAPER, settings: tuple[str, ...] = QUICK) -> Running:
        """Start `run.py CONF OPTIONS --set SETTINGS` on this desk's folders."""
        runtime = self.folder / "runtime"
        runtime.mkdir(parents=True, exist_ok=True)
        number = len(self.started)
        out, err = self.folder / f"out.{number}", self.folder / f"err.{number}"
        environ = {key: text for key, text in os.environ.items() if not key.startswith(("ASTER_", "GRID__", "PYTEST_"))}
        environ |= {"XDG_RUNTIME_DIR": str(runtime), **self.environ}
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                self.command(conf, options, settings),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                cwd=self.folder,
                env=environ,
            )
        running = Running(process, out, err)
        self.started.append(running)
        return running

    def run(
        self, *options: str, conf: str = PAPER, settings: tuple[str, ...] = QUICK, timeout_s: float = 40
    ) -> Finished:
        """Start it and wait for its end."""
        return self.start(*options, conf=conf, settings=settings).wait(timeout_s)

    def tell(self, verb: str, conf: str = PAPER) -> Finished:
        """Say a verb to the running bot from a second process."""
        return self.run(f"--{verb}", conf=conf, settings=())

    def end(self) -> None:
        """End everything that was started here."""
        for running in self.started:
            if running.process.poll() is None:
                running.kill()
        self.venue.shut_down()


class VenueProcess:
    """The simulated venue of a state folder, through its admin path and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self) -> dict[str, Any]:
        """What its process file says; raises where it does not run."""
        return json.loads(process_file(self.folder).read_text())

    @property
    def is_running(self) -> bool:
        return is_locked(lock_file(self.folder)) if self.folder.is_dir() else False

    @property
    def rest(self) -> str:
        return str(next(iter(self.record()["venues"].values()))["rest"])

    @property
    def credentials(self) -> Mapping[str, str]:
        return next(iter(self.record()["venues"].values()))["credentials"]

    def status(self) -> dict[str, Any]:
        """What its admin path says."""
        return fetch(f"{self.rest}/simulated/status")

    def shut_down(self) -> None:
        """End it through its admin path, by its id where it does not listen; wait until it is gone."""
        if not self.is_running:
            return
        with suppress(OSError, ValueError, KeyError):
            self._post_shutdown()
        try:
            until(lambda: not self.is_running, "the venue's process is gone")
        except AssertionError:
            os.kill(int(self.record()["pid"]), signal.SIGKILL)
            raise

    def _post_shutdown(self) -> None:
        request = urllib.request.Request(  # noqa: S310 - loopback, from the process file
            f"{self.rest}/simulated/shutdown",
            data=b"",
            headers={TOKEN_HEADER: str(self.record()["admin_token"])},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - see above
            reply.read()

    def account(self, name: str = "aster") -> dict[str, Any]:
        """The saved engine state: accounts, orders, trades. Whole only when the process has ended."""
        saved = json.loads((self.folder / f"paper-account-{name}.json").read_text())
        return json.loads(saved["engine"])["state"]


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - loopback, given by the test
        return json.loads(reply.read())


def until(condition: Callable[[], Any], what: str, timeout_s: float = 15, say: Callable[[], str] = str) -> Any:
    """Wait until a condition holds and return its value."""
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        value = condition()
        if value:
            return value
        pause.wait(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what}\n{say()}")


def is_alive(pid: int) -> bool:
    """Whether a process exists that is not a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        with suppress(OSError):
            os.kill(pid, 0)
            return not Path("/proc").is_dir()
        return False


def listens(address: str) -> bool:
    """Whether anybody accepts connections on 'http://host:port'."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    """A desk whose processes end with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Desk(folder)
    try:
        yield made
    finally:
        made.end()
