"""Bots without the wait for Python's imports: a process that has imported everything and forks one copy per start.

`python -m tests.system.kills.nursery` is that process: one JSON object a line on standard input says what to start
(`arguments` of run.py, `environ`, `out` and `err` files, `crash`: see `crash_points.arm`) and is answered by the
copy's pid; `{"wait": PID}` is answered by its exit status (negative: the signal that ended it). It has one thread, and
the copy goes straight into `run.main`. It ends with its standard input.

`Nursery` is the other side.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from tests.system.program import ROOT

_PRELOADED: Final = (
    "run",
    "actors.app.trading",
    "exchanges.aster.venue",
    "exchanges.backpack.venue",
    "exchanges.lighter.venue",
    "tests.system.kills.crash_points",
)
_ENDED_BADLY: Final = 70


class Nursery:
    """Starts bots. Used from one thread; `close` ends it and every bot that is still there."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.kills.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._alive: set[int] = set()

    def start(
        self, arguments: list[str], environ: Mapping[str, str], out: Path, err: Path, crash: str = ""
    ) -> "NurseryBot":
        err.touch()
        pid = self._ask(
            {"arguments": arguments, "environ": dict(environ), "out": str(out), "err": str(err), "crash": crash}
        )
        self._alive.add(pid)
        return NurseryBot(self, pid, err)

    def wait(self, pid: int) -> int:
        status = self._ask({"wait": pid})
        self._alive.discard(pid)
        return status

    def close(self) -> None:
        for pid in self._alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()

    def _ask(self, order: Mapping[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline()))


class NurseryBot:
    """One started bot."""

    def __init__(self, nursery: Nursery, pid: int, err: Path) -> None:
        self.pid = pid
        self._nursery = nursery
        self._err = err
        self._handle = os.pidfd_open(pid)
        self._status: int | None = None

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone. It stays a zombie until `reap`."""
        import select  # noqa: PLC0415

        return self._status is not None or bool(select.select([self._handle], [], [], 0)[0])

    def signal(self, number: int) -> None:
        if not self.has_ended:
            signal.pidfd_send_signal(self._handle, number)

    def reap(self) -> int:
        """Wait for its end and return its exit status; negative: the signal that ended it."""
        if self._status is None:
            self._status = self._nursery.wait(self.pid)
            os.close(self._handle)
        return self._status

    def kill(self) -> int:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        return self.reap()


# --- the process itself ---


def main() -> None:
    for name in _PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if not answer:
                _live(order)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _live(order: Mapping[str, Any]) -> NoReturn:
    """Be a bot, from the first line of run.py's `main` to the end of the process."""
    import run  # noqa: PLC0415 - imported before the fork
    from tests.system.kills import crash_points  # noqa: PLC0415 - likewise

    code: object = _ENDED_BADLY
    try:
        os.setpgid(0, 0)
        for number, path in ((1, order["out"]), (2, order["err"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(order["environ"])
        crash_points.arm(order["crash"])
        try:
            code = run.main(order["arguments"])
        except SystemExit as error:
            code = error.code
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(int(code) if isinstance(code, int) else _ENDED_BADLY)


if __name__ == "__main__":
    main()
