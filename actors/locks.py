"""One bot per account and tag, one bot per state folder: locks that the kernel frees when their holder dies.

Two files are locked: one in the state folder, and one per venue account and bot tag in a folder of the user, so that
two configurations with different state folders cannot trade with the same ids. The lock is `flock`: it goes with the
process, also after a SIGKILL, so there is no stale lock to remove by hand. The holder's pid stands in the file for the
message only. Other machines are not covered by it; ids of our tag that we did not place raise an alarm instead.

Linux and macOS. Windows has no flock; there `Locks` says so.
"""

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from actors.append_file import private_folder
from exchanges.errors import BotError, JournalError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class AlreadyRunning(BotError):
    """Another process holds a lock. `pid` is the holder's, 0 if it could not be read."""

    def __init__(self, text: str, pid: int) -> None:
        self.pid = pid
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What must not be shared: an account (with its key slot) on a venue. Neither part is secret."""

    venue: str
    account: str


class Locks:
    """Holds the locks of one bot; a context manager. Release is on exit, or with the process."""

    def __init__(self) -> None:
        self._held: list[int] = []

    def acquire(self, state_dir: Path, accounts: Iterable[AccountKey], bot_tag: int, runtime_dir: Path) -> Self:
        """Take all locks or none.

        Args:
            state_dir: The bot's state folder; made if absent.
            accounts: Every account the bot trades on.
            bot_tag: The tag in its ids.
            runtime_dir: Folder shared by all bots of this user, see `user_runtime_dir`.

        Raises:
            AlreadyRunning: another process holds one of them.
            JournalError: a lock file cannot be made.
        """
        try:
            self._take(private_folder(state_dir) / "bot.lock", f"the state folder {state_dir}")
            for key in accounts:
                name = _file_name(f"{key.venue}-{key.account}-tag{bot_tag}")
                what = f"account {key.account} on {key.venue} with bot_tag {bot_tag}"
                self._take(private_folder(runtime_dir) / f"{name}.lock", what)
        except BaseException:
            self.release()
            raise
        return self

    def release(self) -> None:
        """Free all locks. May be called twice. The files stay: removing them would race with the next holder."""
        while self._held:
            os.close(self._held.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _take(self, path: Path, what: str) -> None:
        if fcntl is None:
            raise JournalError("this system has no flock: a second bot on the same account could not be noticed")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{path} cannot be opened: {error.strerror}. It must be a file of this user.") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            pid = _read_pid(descriptor)
            os.close(descriptor)
            holder = f"process {pid}" if pid else "another process"
            raise AlreadyRunning(f"{what} is in use by {holder} (lock {path}). Stop it first.", pid) from None
        except OSError as error:
            os.close(descriptor)
            raise JournalError(f"{path} cannot be locked: {error.strerror}") from None
        self._held.append(descriptor)


def user_runtime_dir() -> Path:
    """Return the folder for locks of this user: under XDG_RUNTIME_DIR, else a private one in the temporary folder.

    Raises:
        JournalError: the folder exists but belongs to somebody else or is open to others.
    """
    # the usual place is tried also where the variable is missing (cron, services): both kinds of start must meet
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"):
        if base and Path(base).is_dir() and os.access(base, os.W_OK):
            return private_folder(Path(base) / "grid-actors")
    folder = private_folder(Path(tempfile.gettempdir()) / f"grid-actors-{os.getuid()}")
    about = folder.lstat()
    is_ours = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
    if not is_ours:
        raise JournalError(f"{folder} must be a folder of this user with mode 0700; remove it and start again")
    return folder


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)


def _read_pid(descriptor: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(os.pread(descriptor, 32, 0))
    return 0
