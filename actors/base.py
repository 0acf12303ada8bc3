"""What every actor of the bot has in common: a guarded life, reports instead of silence, and its own number rules.

Pykka 4.5 leaves these to the project (all verified in tests/actors/test_pykka_contract.py): a failing `on_start` stops
the actor without a word to anybody; an exception from an asked message leaves the actor alive with half-applied state;
anything that is no `Exception` (SystemExit) stops every actor of the process, the host's included; telling a dead actor
raises in the sender. `BotActor` turns all of them into one rule: **an actor that fails reports `ActorFailed` and
stops**; its bot starts again from the venue's truth.
"""

import decimal
import traceback
from abc import abstractmethod
from typing import Any, TypeVar, final

import pykka
from loguru import logger

from actors.addresses import Address
from actors.inbox import Inbox
from actors.messages import ActorFailed, Heartbeat, Note, Ping
from actors.runtime import runtime
from exchanges.redaction import redact, visible

M = TypeVar("M")

# A program that embeds the bot gets no lines unless it asks for them by logger.enable("actors"), as run.py does: a line
# costs 36 us and more (PERFORMANCE.md 1b) of the interpreter, in threads that stand beside the path of an exit.
logger.disable("actors")


def decimal_context() -> decimal.Context:
    """Return the rules of arithmetic of our threads: 34 digits; a float, an invalid operation, a division by zero or
    an overflow raises.
    """
    return decimal.Context(
        prec=34,
        rounding=decimal.ROUND_HALF_EVEN,
        traps=[decimal.FloatOperation, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
    )


def install_decimal_context() -> None:
    """Use `decimal_context()` in the calling thread only. Every thread of ours that computes money calls it once."""
    decimal.setcontext(decimal_context())


def describe_failure(error: BaseException) -> tuple[str, str]:
    """Return (one line, traceback) of an error, without local variables and with redacted messages."""
    lines: list[str] = []
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines += traceback.format_tb(current.__traceback__)
        lines += [redact(line) for line in traceback.format_exception_only(current)]
        parent = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if parent is not None:
            lines.append("which came from:\n")
        current = parent
    return redact(f"{type(error).__name__}: {error}"), "".join(lines)


class BotActor(pykka.ThreadingActor):
    """Base of every actor of a bot.

    A subclass stores its arguments in `__init__` (which runs on the starter's thread), builds what belongs to its
    thread in `_on_start`, takes messages in `handle`, and releases what it owns in `_on_stop`. These three run on the
    actor's own thread. `Ping` is answered here.

    Args:
        name: The bot's name, a slash and the part, for example `alpha/strategy`. Also the thread's name.
        failures: Who is told when this actor dies.

    Mailbox, future and thread come from `actors.runtime`, by Pykka's three hooks for it.
    """

    def __init__(self, *, name: str, failures: Address[ActorFailed]) -> None:
        super().__init__()
        self.name = name
        self.log = logger.bind(actor=name)
        self.dead_letters = 0
        self._failures = failures
        self._has_ended = False

    # --- for subclasses ---

    def _on_start(self) -> None:
        """Set up what belongs to the actor's thread. An exception reports `ActorFailed` and stops the actor."""

    @abstractmethod
    def handle(self, message: Any) -> None:  # noqa: ANN401 - each actor narrows it to its own union
        """Take one message. An exception reports `ActorFailed` and stops the actor."""

    def _on_heartbeat(self) -> None:
        """Look after what only this actor can see. Called at every beat of the watchdog, about each second."""

    def _on_stop(self) -> None:
        """Release what the actor owns. Called exactly once, after a stop as well as after a failure."""

    @final
    def send(self, address: Address[M], message: M) -> None:
        """Tell `message` to `address`; if that actor is dead the message is noted as a dead letter and dropped."""
        try:
            address.tell(message)
        except pykka.ActorDeadError:
            self.dead_letters += 1
            self.log.bind(event="dead_letter").debug("{} was not delivered: its actor is dead", type(message).__name__)

    @final
    def log_note(self, note: Note) -> None:
        """Log a note of the core: its level, its event, and everything else as bound fields."""
        about = {"grid": note.grid, "lot": note.lot, "client_order_id": note.client_order_id}
        fields = {**dict(note.fields), **{key: value for key, value in about.items() if value}, "event": note.event}
        self.log.bind(**fields).opt(depth=1).log(note.level.value, visible(note.text or note.event))

    @property
    def mailbox_depth(self) -> int:
        """How many messages wait. Any thread. 0 where the runtime's mailbox does not count."""
        return int(getattr(self.actor_inbox, "depth", 0))

    # --- Pykka's hooks ---

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    @staticmethod
    def _create_future() -> "pykka.Future[Any]":
        return runtime().new_future()

    def _start_actor_loop(self) -> None:
        runtime().new_thread(self._actor_loop, self.name).start()

    @final
    def on_start(self) -> None:
        """Install the number rules, then run `_on_start`, guarded."""
        install_decimal_context()
        try:
            self._on_start()
        except BaseException as error:  # noqa: BLE001 - whatever it is must become a report: Pykka would stay silent
            self._fail("on_start", error)

    @final
    def on_receive(self, message: Any) -> Any:  # noqa: ANN401 - Pykka's signature
        """Answer `Ping` with True and `Heartbeat` by its call; give everything else to `handle`, guarded."""
        kind = type(message)
        if kind is Ping:
            return True
        try:
            if kind is Heartbeat:
                message.answer(message.number)
                self._on_heartbeat()
            else:
                self.handle(message)
        except Exception as error:
            self._fail(type(message).__name__, error)
            raise
        except BaseException as error:  # noqa: BLE001 - the next line says why
            # Pykka answers SystemExit and its like by stopping every actor of the process, those of the host too.
            self._fail(type(message).__name__, error)
            raise RuntimeError(f"{type(error).__name__} in {self.name}") from None
        return None

    @final
    def on_stop(self) -> None:
        """Run `_on_stop`, guarded and only once."""
        self._end()

    def _handle_failure(self, *_exc_info: object) -> None:
        # Pykka would print the traceback through the root logger of the host; ours has been reported already.
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()

    def _fail(self, where: str, error: BaseException) -> None:
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        text, trace = describe_failure(error)
        self.log.bind(event="actor_failed").error("{} failed in {}: {}", self.name, where, text)
        self.send(self._failures, ActorFailed(actor=self.name, error=f"{where}: {text}", traceback=trace))
        self._end()

    def _end(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        try:
            self._on_stop()
        except Exception as error:  # noqa: BLE001 - the actor is ending anyway; the report is what is left to do
            text, trace = describe_failure(error)
            self.log.bind(event="actor_failed").error("{} failed while it ended: {}", self.name, text)
            self.send(self._failures, ActorFailed(actor=self.name, error=f"on_stop: {text}", traceback=trace))


__all__ = [
    "BotActor",
    "decimal_context",
    "describe_failure",
    "install_decimal_context",
]
