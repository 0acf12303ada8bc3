"""Secrets by the name of an environment variable, or from a file that only its owner can read."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from actors.settings import BotSettings, Mode
from exchanges.errors import ConfigError
from exchanges.secrets import Secret

_MOST_BYTES = 65536


def secret_resolver(settings: BotSettings, section: str, environ: Mapping[str, str]) -> Callable[[str], Secret | None]:
    """Return the function a venue asks for the secrets of one section, by name of the environment variable.

    The variable of a key `X_env` whose section says `X_file` is answered from that file. Only in live mode is
    anything read; in paper mode every answer is None, so that no key can reach a simulated venue.

    The function raises ConfigError if a file is missing, empty, or readable by others.
    """
    if settings.desk.mode is not Mode.LIVE:
        return lambda variable: None  # noqa: ARG005 - the name of the parameter is part of what venues call

    def resolve(variable: str) -> Secret | None:
        for name in _names_of(settings, section, variable):
            path = settings.secret_files.get(f"{section}.{name}")
            if path is not None:
                return read_secret_file(Path(path), f"{section}.{name}_file")
        return resolve_secret(variable, environ)

    return resolve


def resolve_secret(variable: str, environ: Mapping[str, str]) -> Secret | None:
    """Return the secret an environment variable holds, None where it is not set or blank."""
    value = environ.get(variable, "").strip() if variable else ""
    return Secret(value) if value else None


def read_secret_file(path: Path, key: str) -> Secret:
    """Return the secret a file holds, without surrounding blanks.

    Args:
        path: A regular file of ours with no access for others (mode 0600 or less).
        key: 'section.key' for messages.

    Raises:
        ConfigError: it is not such a file, or empty, or not one line of text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{key} = {path}: cannot be opened ({reason})"]) from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ConfigError([f"{key} = {path}: not a regular file"])
        if state.st_mode & 0o077 or state.st_uid != os.geteuid():
            raise ConfigError([f"{key} = {path}: readable by others or not yours; run chmod 600 on it"])
        content = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ConfigError([f"{key} = {path}: not ASCII text"]) from None
    if not text or "\n" in text:
        raise ConfigError([f"{key} = {path}: must hold exactly one line with the secret"])
    return Secret(text)


def _names_of(settings: BotSettings, section: str, variable: str) -> list[str]:
    """Keys of a section, without `_env`, that name a variable."""
    kind, _, name = section.partition(".")
    holder = settings.exchanges.get(name) if kind == "exchange" else getattr(settings, kind, None)
    prefix = f"{section}."
    names = [key.removeprefix(prefix) for key in settings.secret_files if key.startswith(prefix)]
    return [key for key in names if getattr(holder, f"{key}_env", None) == variable]
