"""The tale of a run: what crossed the wire, what went wrong, and what the bot said, with simulated times.

Off by default, because it costs more than the run itself; the repetition of a violating seed switches it on.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from loguru import logger

from tests.simulation.scheduler import Scheduler

_LONGEST: Final = 1600
_CREDENTIALS: Final = ("signature=", "Sig")


class Trace:
    """Keeps the newest lines."""

    def __init__(self, scheduler: Scheduler, most: int = 100_000) -> None:
        self._scheduler = scheduler
        self.lines: deque[str] = deque(maxlen=most)
        self.is_on = False

    def add(self, kind: str, text: str | bytes) -> None:
        """Keep a line, if anybody wants it."""
        if self.is_on:
            words = text.decode(errors="replace") if isinstance(text, bytes) else text
            self.lines.append(f"{self._scheduler.now_ns / 1e9:11.4f} {kind:8} {words[:_LONGEST]}")

    @contextmanager
    def on(self) -> Iterator[None]:
        """Listen for a block, to the bot's own log as well."""

        def sink(message: Any) -> None:
            record = message.record
            extra = record["extra"]
            about = {key: extra[key] for key in ("lot", "client_order_id") if key in extra}
            self.add("log", f"{extra.get('event', '')} {about or ''} {record['message']}")

        self.is_on = True
        logger.enable("actors")
        number = logger.add(  # noqa: TID251 - this is a program
            sink, level="DEBUG", format="{message}", diagnose=False, backtrace=False
        )
        try:
            yield
        finally:
            logger.remove(number)  # noqa: TID251 - its own
            logger.disable("actors")
            self.is_on = False
