"""The port to a file that only grows: append, sync, and at the start read, replace, set aside.

Everything durable outside SQLite goes through `AppendFile`, so that the simulation can put a file in its place that
loses what was appended but not synced, fails with a full disk, or stops in the middle of a write.
"""

import contextlib
import os
from pathlib import Path
from typing import Protocol

from exchanges.errors import JournalError


class AppendFile(Protocol):
    """One append-only file. Errors are `JournalError`, with the path and what to do."""

    @property
    def path(self) -> str:
        """How messages name the file."""
        ...

    def read(self) -> bytes:
        """Return the whole content, empty if the file does not exist."""
        ...

    def append(self, data: bytes, /) -> None:
        """Put `data` at the end in one piece, next to what other threads append. Survives a kill of the process, not a
        loss of power.
        """
        ...

    def sync(self) -> None:
        """Return when everything appended so far survives a loss of power."""
        ...

    def replace(self, data: bytes, /) -> None:
        """Make `data` the whole content, atomically and durably. Nobody may append at the same time."""
        ...

    def set_aside(self, suffix: str, /) -> str:
        """Keep a copy of the content under another name and return that name."""
        ...

    def close(self) -> None:
        """Release the file. May be called twice."""
        ...


def private_folder(path: Path) -> Path:
    """Return `path`, created with access for the owner only if it did not exist.

    Raises:
        JournalError: it cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _failure(path, "cannot be created", error) from None
    return path


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable (a new or renamed file survives a loss of power)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class OsAppendFile:
    """A file of the operating system, mode 0600, opened with O_APPEND.

    Appends from several threads need no lock: with O_APPEND the kernel moves to the end and writes under the file's own
    lock, in one step per call, and each record is exactly one call.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    @property
    def path(self) -> str:
        """See `AppendFile.path`."""
        return str(self._path)

    def read(self) -> bytes:
        """See `AppendFile.read`."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _failure(self._path, "cannot be read", error) from None

    def append(self, data: bytes, /) -> None:
        """See `AppendFile.append`. A short write (disk full) is an error; the torn piece stays in the file."""
        if self._descriptor < 0:
            self._open()
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise _failure(self._path, "cannot be appended to", error) from None
        if written != len(data):
            raise JournalError(
                f"{self._path}: only {written} of {len(data)} bytes could be appended. Free space on that disk."
            )

    def sync(self) -> None:
        """See `AppendFile.sync`."""
        if self._descriptor < 0:
            self._open()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _failure(self._path, "cannot be made durable", error) from None

    def replace(self, data: bytes, /) -> None:
        """See `AppendFile.replace`: written beside, synced, renamed over."""
        beside = self._path.with_name(self._path.name + ".new")
        self.close()
        try:
            private_folder(self._path.parent)
            self._write_new(beside, data)
            beside.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise _failure(self._path, "cannot be rewritten", error) from None
        self._open()

    def set_aside(self, suffix: str, /) -> str:
        """See `AppendFile.set_aside`."""
        aside = self._path.with_name(f"{self._path.name}.{suffix}")
        try:
            self._write_new(aside, self.read())
            sync_folder(self._path.parent)
        except OSError as error:
            raise _failure(aside, "cannot be written", error) from None
        return str(aside)

    def close(self) -> None:
        """See `AppendFile.close`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        private_folder(self._path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            is_new = not self._path.exists()
            self._descriptor = os.open(self._path, flags, 0o600)
            os.fchmod(self._descriptor, 0o600)
            if is_new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise _failure(self._path, "cannot be opened for writing", error) from None

    @staticmethod
    def _write_new(path: Path, data: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())


def _failure(path: Path, what: str, error: OSError) -> JournalError:
    reason = error.strerror or str(error)
    return JournalError(f"{path} {what}: {reason}. Check that the disk has space and the folder belongs to this user.")
