"""The simulated venue's process from outside: `SimulatedVenueProcess` starts, finds, asks and ends it.

What runs inside is in own_process.py. It is not imported here: a bot carries no web server around.
The process runs in a session of its own, so that a killed bot leaves its venue running; the next run finds it by the
file `venue.json` (mode 0600) in the state folder and attaches to it again. Without any client it ends by itself after
`paper.idle_exit_s`. Its account survives in the state folder either way.
"""

import http.client
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

from exchanges.clock import Clock, SystemClock
from exchanges.simulated.launch import REFUSED, TOKEN_HEADER, VenueLaunch
from exchanges.simulated.state_files import OWNER_ONLY, is_locked, lock_file, private_folder, process_file, read_json

START_TIMEOUT_S: Final = 120.0
"""A long tape is read through before the venue listens."""

STOP_TIMEOUT_S: Final = 10.0
_ADMIN_TIMEOUT_S: Final = 5.0
_PAUSE_S: Final = 0.05
_NS: Final = 1_000_000_000
_LOG_NAME: Final = "venue.log"
_LOG_HEAD: Final = re.compile(r"^[-0-9]+ [:,0-9]+ [A-Z]+ ")


class VenueProcessError(Exception):
    """The simulated venue's process could not be started or reached; the text says why."""


class VenueRefused(VenueProcessError):
    """The process would not start with these settings, this tape or this saved account; the text names which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVenue:
    """A venue that is being served. The credentials are throw-away, and still not printed."""

    name: str
    venue: str
    rest: str
    ws: str
    symbols: tuple[str, ...]
    credentials: Mapping[str, str | int] = field(repr=False)


class SimulatedVenueProcess:
    """The process of simulated venues behind a paper run. Used from one thread.

    `start` attaches to a process that still runs with the same settings, or starts one. The process is started with
    this interpreter, config on its standard input, log in `venue.log` in the state folder.
    """

    def __init__(self, launch: VenueLaunch, clock: Clock | None = None) -> None:
        self._launch = launch
        self._clock = clock or SystemClock()
        self._pause = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._token = ""
        self.venues: Mapping[str, ServedVenue] = {}
        self.was_running = False
        self._has_same_settings = False

    def begin(self) -> None:
        """Attach to a process that still runs, or start one without waiting for it: it takes a second to come up.

        Raises:
            VenueProcessError: the process cannot be started.
        """
        self.was_running = self._attach()
        if not self.was_running:
            self._spawn()

    def start(self, timeout_s: float = START_TIMEOUT_S) -> Mapping[str, ServedVenue]:
        """Return the venues by exchange name, attached or freshly started; waits for what `begin` began.

        Raises:
            VenueProcessError: the process did not come up; the text holds the end of its log.
        """
        if self._pid is None:
            self.begin()
        if self._child is not None and not self.venues:
            self._await_venues(self._child, timeout_s)
        return self.venues

    # --- finding one that runs ---
    def find(self) -> bool:
        """Attach to a process that runs with these settings, and say whether there is one. Starts and ends nothing."""
        is_there = self._reach()
        self.was_running = is_there and self._has_same_settings
        if not self.was_running:
            self._forget()
        return self.was_running

    def _attach(self) -> bool:
        """Find a process that still runs. One with other settings, a finished tape, or no longer wanted is ended."""
        if not self._reach():
            return False
        is_wanted = self._has_same_settings and not self._launch.paper.fresh
        if is_wanted and not any(row.get("prices_finished") for row in self.status().values()):
            return True
        self.stop()
        return False

    def _reach(self) -> bool:
        """Reach the process behind the process file, whatever its settings."""
        if self._launch.state_dir is None:
            return False
        try:
            record = read_json(process_file(self._launch.state_dir))
        except ValueError:
            return False
        if record is None or not self._take(record) or not self._answers():
            self._forget()
            return False
        self._has_same_settings = record.get("digest") == self._launch.digest()
        return True

    def _take(self, record: Mapping[str, Any]) -> bool:
        try:
            self._pid, self._token = int(record["pid"]), str(record["admin_token"])
            self.venues = {str(name): _served(str(name), row) for name, row in record["venues"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            return False
        return bool(self.venues)

    def _answers(self) -> bool:
        """Whether the process behind the file is the one that wrote it: it knows the token and names its venue."""
        try:
            rows = {name: self._admin("GET", "identity", row) for name, row in self.venues.items()}
        except VenueProcessError:
            return False
        return all(rows[name].get("venue") == row.venue for name, row in self.venues.items())

    def _forget(self) -> None:
        self._pid, self._token, self.venues = None, "", {}

    # --- starting one ---
    def _spawn(self) -> None:
        environment = dict(os.environ)
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
        log = self._open_log()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "exchanges.simulated", "--config", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise VenueProcessError(f"the simulated venue could not be started: {error}") from error
        finally:
            if not isinstance(log, int):
                log.close()
        self._pid = self._child.pid
        self._hand_over(self._child)

    def _await_venues(self, child: "subprocess.Popen[bytes]", timeout_s: float) -> None:
        try:
            self._read_lines(self._first_lines(child, timeout_s))
        except VenueProcessError:
            self._end_child()
            self._forget()
            raise

    def _open_log(self) -> "IO[bytes] | int":
        if self._launch.state_dir is None:
            return subprocess.DEVNULL
        private_folder(self._launch.state_dir)
        path = self._launch.state_dir / _LOG_NAME
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb")

    def _hand_over(self, child: "subprocess.Popen[bytes]") -> None:
        """Give the child its config. One that has ended already says why when its lines are waited for."""
        if child.stdin is not None:
            with suppress(BrokenPipeError):
                child.stdin.write(self._launch.to_json().encode())
            with suppress(BrokenPipeError):
                child.stdin.close()

    def _first_lines(self, child: "subprocess.Popen[bytes]", timeout_s: float) -> list[str]:
        """Return the child's first lines, one per venue."""
        stdout = child.stdout
        if stdout is None:
            raise VenueProcessError("the simulated venue's process has no pipes")
        wanted = len(self._launch.venues)
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * _NS)
        data = b""
        with stdout, selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while data.count(b"\n") < wanted:
                left_s = (deadline_ns - self._clock.monotonic_ns()) / _NS
                if left_s <= 0 or not selector.select(left_s):
                    raise VenueProcessError(
                        f"the simulated venue did not start within {timeout_s:g} s{self._log_end()}"
                    )
                chunk = os.read(stdout.fileno(), 65536)
                if not chunk:
                    raise self._why_ended(child)
                data += chunk
        return data.decode().splitlines()[:wanted]

    def _read_lines(self, lines: Sequence[str]) -> None:
        try:
            rows = [json.loads(line) for line in lines]
            names = [choice.name for choice in self._launch.venues]
            self.venues = {name: _served(name, row) for name, row in zip(names, rows, strict=True)}
            if self._launch.state_dir is not None:
                record = read_json(process_file(self._launch.state_dir))
                self._token = "" if record is None else str(record["admin_token"])
        except (ValueError, KeyError, TypeError) as error:
            raise VenueProcessError(f"the simulated venue answered nonsense while starting: {error!r}") from error

    def _why_ended(self, child: "subprocess.Popen[bytes]") -> VenueProcessError:
        with suppress(subprocess.TimeoutExpired):
            if child.wait(STOP_TIMEOUT_S) == REFUSED:
                return VenueRefused(f"the simulated venue does not start{self._log_end()}")
        return VenueProcessError(f"the simulated venue ended while starting{self._log_end()}")

    def _log_end(self) -> str:
        if self._launch.state_dir is None:
            return ""
        try:
            text = (self._launch.state_dir / _LOG_NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line for line in text.splitlines() if line.strip()]
        return f": {_LOG_HEAD.sub('', lines[-1])}" if lines else ""

    # --- asking and ending ---
    def status(self, timeout_s: float = _ADMIN_TIMEOUT_S) -> dict[str, dict[str, Any]]:
        """Return what each venue says of itself, by exchange name. Raises VenueProcessError for silence."""
        return {name: self._admin("GET", "status", row, timeout_s) for name, row in self.venues.items()}

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the process: by its admin path, then by signals. Its account is saved. Does nothing without one."""
        if self._pid is None:
            return
        if not self.venues:  # begun, and never waited for: nothing to save yet
            self._end_child()
            self._forget()
            return
        for row in list(self.venues.values())[:1]:
            with suppress(VenueProcessError):
                self._admin("POST", "shutdown", row)
        if not self._wait_gone(timeout_s):
            self._signal(signal.SIGTERM)
            if not self._wait_gone(timeout_s):
                self._signal(signal.SIGKILL)
                self._wait_gone(timeout_s)
        self._end_child()
        self._forget()

    def _signal(self, number: signal.Signals) -> None:
        is_ours = self._child is not None or self._holds_folder()  # the number alone may be somebody else's by now
        if self._pid is not None and is_ours:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def _wait_gone(self, timeout_s: float) -> bool:
        """Wait until the process ended. One of an earlier run is not our child: it let go of the state folder then."""
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout_s)
            return self._child.poll() is not None
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * _NS)
        while self._holds_folder():
            if self._clock.monotonic_ns() >= deadline_ns:
                return False
            self._pause.wait(_PAUSE_S)
        return True

    def _holds_folder(self) -> bool:
        return self._launch.state_dir is not None and is_locked(lock_file(self._launch.state_dir))

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    def _admin(self, method: str, name: str, venue: ServedVenue, timeout_s: float = _ADMIN_TIMEOUT_S) -> dict[str, Any]:
        address = urlsplit(venue.rest)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout_s)
        try:
            connection.request(method, f"/simulated/{name}", headers={TOKEN_HEADER: self._token})
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != http.client.OK:
                raise VenueProcessError(f"{venue.rest}/simulated/{name} answered {reply.status}")
            value = json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise VenueProcessError(f"{venue.rest}/simulated/{name} did not answer: {error!r}") from error
        finally:
            connection.close()
        if not isinstance(value, dict):
            raise VenueProcessError(f"{venue.rest}/simulated/{name} did not answer with an object")
        return value


def _served(name: str, row: Mapping[str, Any]) -> ServedVenue:
    return ServedVenue(
        name=name,
        venue=str(row["venue"]),
        rest=str(row["rest"]),
        ws=str(row["ws"]),
        symbols=tuple(map(str, row["symbols"])),
        credentials=dict(row["credentials"]),
    )
