"""Where a bot can be made to kill itself: named points of its code, and the n-th pass of one of them.

Nothing in the bot knows of this. `arm` wraps a few of its functions in a process that the nursery has forked and that
will die anyway, or suffer what a test wants it to. A point in the middle of a write (`...torn`) writes half of it
first. `NAME:N` dies at the N-th pass since the start, `NAME:N@signal` at the N-th pass after SIGUSR2.
"""

import itertools
import os
import resource
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Final

import actors.append_file as files
import exchanges.rest_transport as rest
from actors.connection import ExchangeConnection
from actors.grid_shell import GridShell
from actors.journal.door import JournalDoor
from actors.journal.writer import FactWriter
from actors.locks import Locks
from actors.messages import OrderFilled
from actors.order_line import OrderLine
from actors.pipelined_lane import PipelinedLane
from actors.steps import StepRunner

ARM: Final = signal.SIGUSR2
NOBODY: Final = 65534
AT_START: Final = (
    "lock.taken",
    "compact.begin",
    "compact.beside",
    "compact.renamed",
    "compact.end",
    "journal.begin",
    "journal.uncommitted",
    "journal.committed",
    "block.begin",
    "block.torn",
    "block.unsynced",
    "block.synced",
    "answer.begin",
    "answer.end",
    "ready.begin",
    "ready.end",
)
"""Points that every start passes."""
RUNNING: Final = (
    "intent.begin",
    "intent.torn",
    "intent.written",
    "socket.begin",
    "socket.torn",
    "socket.written",
    "reply.read",
    "frame.begin",
    "frame.end",
    "fill.untold",
    "fill.told",
    "step.begin",
    "step.end",
    "journal.begin",
    "journal.fact",
    "journal.uncommitted",
    "journal.committed",
)
"""Points that a trading bot passes again and again."""


class _Armed:
    """The point to die at. Counted under a lock: passes come from several threads."""

    def __init__(self, name: str, passes: int, *, at_once: bool) -> None:
        self._name = name
        self._left = passes
        self._counts = at_once
        self._lock = threading.Lock()

    def begin(self, _number: int, _frame: object) -> None:
        self._counts = True

    def is_due(self, name: str) -> bool:
        if name != self._name or not self._counts:
            return False
        with self._lock:
            self._left -= 1
            return self._left == 0

    def passed(self, name: str) -> None:
        if self.is_due(name):
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal may take another thread first: this one goes no further


def arm(spec: str) -> None:
    """Prepare this process to die at `spec`; nothing for an empty text."""
    signal.signal(ARM, lambda *_: None)
    if not spec:
        return
    if spec in OTHER_PLIGHTS:
        OTHER_PLIGHTS[spec]()
        return
    point, _, when = spec.partition("@")
    name, _, passes = point.partition(":")
    if name not in {*AT_START, *RUNNING}:
        raise ValueError(f"{name!r} is no crash point")
    armed = _Armed(name, int(passes), at_once=not when)
    signal.signal(ARM, armed.begin)
    _wrap_files(armed)
    _wrap_database(armed)
    _wrap_socket(armed)
    _wrap_actors(armed)


def fill_disk() -> None:
    """Let every write to a file fail from the next signal on, and succeed again from the one after it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limits = itertools.cycle((0, hard))
    signal.signal(ARM, lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (next(limits), hard)))


def lose_rights() -> None:
    """Be a user who may not write what another has made; whoever is none already."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


OTHER_PLIGHTS: Final = {"disk.full": fill_disk, "no.rights": lose_rights}
"""What may happen to a bot besides dying."""


def _around(owner: Any, name: str, armed: _Armed, begin: str, end: str) -> None:
    inner = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        armed.passed(begin)
        result = inner(*args, **named)
        armed.passed(end)
        return result

    setattr(owner, name, wrapped)


def _wrap_files(armed: _Armed) -> None:
    append, sync = files.OsAppendFile.append, files.OsAppendFile.sync

    def wrapped_append(self: files.OsAppendFile, data: bytes, /) -> None:
        kind = "intent" if b'["order"' in data else "block"
        armed.passed(f"{kind}.begin")
        if armed.is_due(f"{kind}.torn"):
            append_half(lambda half: os.write(self._descriptor, half), data)
        append(self, data)
        armed.passed("intent.written" if kind == "intent" else "block.unsynced")

    def wrapped_sync(self: files.OsAppendFile) -> None:
        sync(self)
        armed.passed("block.synced")

    files.OsAppendFile.append = wrapped_append  # type: ignore[method-assign]
    files.OsAppendFile.sync = wrapped_sync  # type: ignore[method-assign]
    write_new = files.OsAppendFile._write_new

    def wrapped_write_new(path: Any, data: bytes) -> None:
        armed.passed("compact.begin")
        write_new(path, data)
        armed.passed("compact.beside")

    files.OsAppendFile._write_new = staticmethod(wrapped_write_new)  # type: ignore[method-assign]
    _around(files, "sync_folder", armed, "compact.renamed", "compact.end")


def append_half(write: Callable[[bytes], Any], data: bytes) -> None:
    """Write half of `data` and die."""
    write(data[: len(data) // 2])
    die()


def _wrap_database(armed: _Armed) -> None:
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                armed.passed("journal.uncommitted")
            cursor = super().execute(sql, *args)
            if sql == "COMMIT":
                armed.passed("journal.committed")
            elif sql.startswith("BEGIN IMMEDIATE"):
                armed.passed("journal.begin")
            return cursor

    sqlite3.connect = lambda *args, **named: connect(*args, factory=Connection, **named)  # type: ignore[assignment]
    _around(FactWriter, "apply", armed, "", "journal.fact")


def _wrap_socket(armed: _Armed) -> None:
    write, read = rest._write_at_once, rest.read_reply

    def wrapped_write(connected: socket.socket, data: bytes) -> int:
        if not data.startswith((b"POST", b"DELETE")):
            return write(connected, data)
        armed.passed("socket.begin")
        if armed.is_due("socket.torn"):
            append_half(connected.send, data)
        done = write(connected, data)
        armed.passed("socket.written")
        return done

    def wrapped_read(connected: Any, method: str, **named: Any) -> Any:
        reply = read(connected, method, **named)
        if method in ("POST", "DELETE"):
            armed.passed("reply.read")
        return reply

    rest._write_at_once = wrapped_write
    rest.read_reply = wrapped_read
    _around(OrderLine, "send", armed, "socket.begin", "socket.written")
    _around(PipelinedLane, "_on_frame", armed, "reply.read", "")


def _wrap_actors(armed: _Armed) -> None:
    _around(Locks, "acquire", armed, "", "lock.taken")
    _around(ExchangeConnection, "_apply_frame", armed, "frame.begin", "frame.end")
    _around(ExchangeConnection, "_tell_ready", armed, "ready.begin", "ready.end")
    _around(StepRunner, "answered", armed, "answer.begin", "answer.end")
    _around(GridShell, "_step", armed, "step.begin", "step.end")
    tell = JournalDoor.tell

    def wrapped_tell(self: JournalDoor, message: Any, /) -> None:
        is_fill = isinstance(message, OrderFilled)
        if is_fill:
            armed.passed("fill.untold")
        tell(self, message)
        if is_fill:
            armed.passed("fill.told")

    JournalDoor.tell = wrapped_tell  # type: ignore[method-assign]
