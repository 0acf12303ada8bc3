"""Files of a simulated venue in the state folder: whole or not at all, readable by their owner only."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OWNER_ONLY = 0o600


def private_folder(path: Path) -> None:
    """Make a folder, for its owner only where it was not there. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file with `text`, atomically; mode 0600 from the first byte on. Raises OSError."""
    private_folder(path.parent)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def read_json(path: Path) -> Mapping[str, Any] | None:
    """Return the JSON object in a file, None where there is no file.

    Raises:
        ValueError: the file is not a JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{path} does not hold a JSON object")  # noqa: TRY004 - the content is wrong, not a type
    return value


def account_file(state_dir: Path, name: str) -> Path:
    """Return where the account of an exchange section is kept."""
    return state_dir / f"paper-account-{name}.json"


def process_file(state_dir: Path) -> Path:
    """Return where a running process says how to reach it."""
    return state_dir / "venue.json"


def lock_file(state_dir: Path) -> Path:
    """Return the file a running process holds locked."""
    return state_dir / "venue.lock"


def take_lock(path: Path) -> int | None:
    """Lock a file for this process; return the descriptor to close, None where another process holds it."""
    private_folder(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file now."""
    if not path.exists():
        return False
    descriptor = take_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
