"""Alerts to people who are not looking: log lines of at least `notify.min_level`, sent by apprise.

A sink of loguru, used by run.py only. Sending happens on a thread of its own, so an alert never delays the bot; the
same alert (event, what it is about, level) is not
sent again before `notify.repeat_after_s`, and what was held back is counted in the next one.
"""

import queue
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.settings import NotifySettings
from exchanges.clock import Clock
from exchanges.errors import ConfigError
from exchanges.secrets import Secret

if TYPE_CHECKING:
    from loguru import Message

Send = Callable[[str, str], bool]
"""Takes a title and a text, returns whether at least one receiver took it. May block."""

_MOST_WAITING = 1000
_NS = 1_000_000_000
_DRAIN_S = 3.0


def apprise_sender(urls: str) -> Send:
    """Return a sender for apprise URLs separated by spaces or line ends.

    Raises:
        ConfigError: apprise is not installed, or an address is not one it knows. No address is shown: it holds tokens.
    """
    try:
        import apprise  # noqa: PLC0415 - an extra that most runs do without
    except ImportError:
        raise ConfigError(["notify.urls_env: alerts need apprise: pip install 'grid-actors[notify]'"]) from None
    receivers = apprise.Apprise()
    for number, url in enumerate(urls.split(), 1):
        if not receivers.add(url):
            raise ConfigError([f"notify.urls_env: address {number} in it is not one that apprise knows"])
    return lambda title, body: bool(receivers.notify(title=title, body=body))


_PART: Final = re.compile(r"[^/@:?&=\s]{12,}")


def secrets_in(urls: Secret) -> list[Secret]:
    """Return what of alert addresses must not be shown: each address, and every part of it that is long enough for a
    token.
    """
    whole = urls.reveal().split()
    return [Secret(text) for text in (*whole, *(part for url in whole for part in _PART.findall(url)))]


@dataclass(slots=True)
class _Seen:
    sent_ns: int
    held_back: int = 0


class Notifier:
    """A sink that sends alerts. `write` is called by loguru on any thread, under its lock; it never blocks."""

    def __init__(
        self, name: str, settings: NotifySettings, send: Send, redact: Callable[[str], str], clock: Clock
    ) -> None:
        self._title = f"grid bot {name}"
        self._repeat_ns = int(settings.repeat_after_s * _NS)
        self._send = send
        self._redact = redact
        self._clock = clock
        self._seen: dict[tuple[str, ...], _Seen] = {}
        self._waiting: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name=f"{name}-notify", daemon=True)
        self._thread.start()

    def write(self, message: "Message") -> None:
        """Take one finished line; send it unless the same alert went out a moment ago."""
        record = message.record
        extra = record["extra"]
        event = str(extra.get("event", record["message"]))
        about = str(extra.get("grid") or extra.get("subject") or extra.get("exchange") or "")
        key = (event, about, record["level"].name)
        now_ns = self._clock.monotonic_ns()
        seen = self._seen.get(key)
        if seen is not None and now_ns - seen.sent_ns < self._repeat_ns:
            seen.held_back += 1
            return
        held_back = "" if seen is None or not seen.held_back else f" (and {seen.held_back} like it before)"
        self._seen[key] = _Seen(now_ns)
        grid = f" {extra['grid']}" if extra.get("grid") else ""
        text = self._redact(f"{record['level'].name}{grid} {event}: {record['message']}{held_back}")
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            seen_now = self._seen[key]
            seen_now.held_back += 1

    def stop(self) -> None:
        """Send what waits, for a few seconds at most; loguru calls it when the sink is removed."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_DRAIN_S)

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            try:
                self._send(self._title, text)
            except Exception:  # noqa: BLE001, S112 - a third-party sender may raise anything; an alert lost must not end the alerts
                continue
