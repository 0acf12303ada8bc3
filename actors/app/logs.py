"""Where the program's log lines go. Used by run.py only: the packages never touch the host's sinks.

Lines go to stderr (or nowhere while the live view owns the terminal) and to a rotating file readable by its owner
only. `diagnose` and `backtrace` stay
off, because loguru would print local variables, and every finished line passes through redaction and loses control
characters, because symbol names and
error texts come from outside.
"""

import base64
import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO
from urllib.parse import quote, quote_plus

from loguru import logger

from exchanges.redaction import visible_lines
from exchanges.secrets import Secret

if TYPE_CHECKING:
    from loguru import Message, Record

_SHORTEST_SECRET = 6


def spellings(secret: str) -> set[str]:
    """Return the forms in which a secret may stand in a text: as it is, in an address, as hex, as base64."""
    data = secret.encode()
    packed = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    bare = secret.removeprefix("0x")
    forms = {secret, bare, quote(secret), quote(secret, safe=""), quote_plus(secret), data.hex(), *packed}
    with contextlib.suppress(ValueError):  # a key that is written as hex is also its bytes
        forms.add(base64.b64encode(bytes.fromhex(bare)).decode())
    with contextlib.suppress(ValueError):  # and one that is written as base64 too
        forms.add(base64.b64decode(secret, validate=True).hex())
    return {form for each in forms for form in (each, each.rstrip("=")) if len(form) >= _SHORTEST_SECRET}


class Redactor:
    """Replaces every known secret in a text, however it is spelled, by stars, and drops what steers a terminal except
    the line feed.
    """

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        forms = {form for secret in known for form in spellings(secret.reveal())}
        texts = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, texts)), re.IGNORECASE) if texts else None

    def __call__(self, text: str) -> str:
        """Return the text fit to be shown."""
        if self._pattern is not None:
            text = self._pattern.sub("***", text)
        return visible_lines(text)


def _line(record: "Record") -> str:
    extra = record["extra"]
    shown = " ".join(f"{key}={value}" for key, value in extra.items() if key != "event" and value not in ("", 0, None))
    fields = (shown.replace("{", "{{").replace("}", "}}").replace("<", r"\<") + " ") if shown else ""
    event = f"{extra['event']} " if "event" in extra else ""
    return f"{{time:YYYY-MM-DD HH:mm:ss.SSS}} {{level: <8}} {event}{fields}{{message}}\n{{exception}}"


def lines_to(stream: TextIO, redact: Redactor) -> "Callable[[Message], None]":
    """Return a sink that writes finished lines to a stream, for example stderr."""

    def write(message: "Message") -> None:
        stream.write(redact(str(message)))
        stream.flush()

    return write


def _event_line(message: "Message") -> str:
    """Return one JSON line of an event for machines; fields are text, as they were logged."""
    record = message.record
    fields = {key: str(value) for key, value in record["extra"].items()}
    told = {"time": record["time"].isoformat(), "level": record["level"].name, **fields, "text": record["message"]}
    return json.dumps(told) + "\n"


def _is_event(record: "Record") -> bool:
    return "event" in record["extra"]


def private_opener(path: str, flags: int) -> int:
    """An `open` opener of files that only their owner can read, also where one was there before with other rights."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


class PrivateRotatingFile:
    """A log file of bounded size: when full it becomes NAME.1, the older ones move up, the oldest goes. Not
    thread-safe: loguru calls it under its own lock.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        keep: int,
        redact: Redactor,
        text: "Callable[[Message], str]",
    ) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._redact = redact
        self._text = text
        self._file = self._open()

    def _open(self) -> TextIO:
        return open(self._path, "a", encoding="utf-8", opener=private_opener)

    def write(self, message: "Message") -> None:
        """Append one finished line."""
        self._file.write(self._redact(self._text(message)))
        self._file.flush()
        if self._file.tell() >= self._max_bytes:
            self._rotate()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._keep - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._file = self._open()

    def stop(self) -> None:
        """Close the file; loguru calls it when the sink is removed."""
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFiles:
    """Where log files go and how large they get: `bot.log` for people and, if wanted, `events.jsonl` for machines."""

    folder: Path
    rotate_mb: int
    keep: int
    events: bool


def set_up_logs(level: str, redact: Redactor, show: "Callable[[Message], None]", files: LogFiles | None) -> None:
    """Send the log lines of `actors` and `exchanges` to `show` and to files; earlier sinks of this process go.

    Args:
        level: Least level shown, for example INFO.
        redact: Takes secrets out of every finished line of the files; `show` does so itself.
        show: The terminal's sink: `lines_to(sys.stderr, redact)`, or the live view's.
        files: The log files, None for none.
    """
    logger.remove()  # noqa: TID251 - run.py's own process: this is the one place that owns the sinks
    add_sink(show, level)
    if files is not None:
        add_sink(_rotating(files, "bot.log", redact, str), level)
        if files.events:
            add_sink(_rotating(files, "events.jsonl", redact, _event_line), level, _is_event)
    logger.enable("actors")
    logger.enable("exchanges")


def _rotating(files: LogFiles, name: str, redact: Redactor, text: "Callable[[Message], str]") -> PrivateRotatingFile:
    size = files.rotate_mb * 1_000_000
    return PrivateRotatingFile(files.folder / name, max_bytes=size, keep=files.keep, redact=redact, text=text)


class Sink(Protocol):
    """An object that loguru writes finished lines to, and stops when the sink is removed."""

    def write(self, message: "Message") -> None: ...
    def stop(self) -> None: ...


def add_sink(
    sink: "Callable[[Message], None] | Sink", level: str, only: "Callable[[Record], bool] | None" = None
) -> int:
    """Add a sink in this program's format and return its number; `only` says which records it wants."""
    return logger.add(  # noqa: TID251 - see set_up_logs
        sink, level=level, format=_line, filter=only, backtrace=False, diagnose=False, catch=True
    )


def remove_sink(number: int) -> None:
    """Remove one sink; it is stopped."""
    logger.remove(number)  # noqa: TID251 - see set_up_logs
