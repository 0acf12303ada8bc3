"""Conversations with a venue of several questions, written as one generator and run without ever blocking a mailbox.

A generator yields what it waits for (`Ask` a question, `Wait` a while) and is resumed by the actor when that has
come: with an `Answer`, a `Failure`, or None after a wait. Several
conversations run at once on one actor; all of them on its thread.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from exchanges.errors import ExchangeError
from exchanges.venue import Call

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Ask:
    """Wait for the answer to a question."""

    call: Call[object]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """What was read, and the monotonic clock just before the question was written."""

    value: T_co
    asked_ns: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A question brought an error instead of an answer; `asked_ns` as in `Answer`."""

    error: ExchangeError
    asked_ns: int


Step = Ask | Wait
Resumption = Answer[object] | Failure | None
Steps = Generator[Step, Resumption, T]


def attempt(call: Call[T]) -> Steps[Answer[T] | Failure]:
    """Put one question and return its answer or its failure, with `yield from`."""
    return cast("Answer[T] | Failure", (yield Ask(cast("Call[object]", call))))


def ask(call: Call[T]) -> Steps[Answer[T]]:
    """Put one question and return its answer, with `yield from`. Raises the question's ExchangeError."""
    outcome = yield from attempt(call)
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def wait(seconds: float) -> Steps[None]:
    """Let so many seconds pass, with `yield from`."""
    yield Wait(seconds)


class StepRunner:
    """Runs conversations. Every method on the owner's thread.

    Args:
        submit: Sends a question away; its outcome must come back to `answered` or `erred` with the ticket.
        arm: Sets a timer of so many seconds; it must come back to `waited` with the ticket.
    """

    def __init__(self, submit: Callable[[Call[object], int], None], arm: Callable[[float, int], None]) -> None:
        self._submit = submit
        self._arm = arm
        self._next_ticket = 1
        self._running: dict[int, Steps[None]] = {}

    def run(self, steps: Steps[None]) -> None:
        """Start a conversation and lead it to its first wait."""
        self._advance(steps, lambda: next(steps))

    def answered(self, ticket: int, value: object, asked_ns: int) -> None:
        """Resume with an answer. A ticket of a conversation that was dropped is ignored."""
        steps = self._running.pop(ticket, None)
        if steps is not None:
            self._advance(steps, lambda: steps.send(Answer(value, asked_ns)))

    def erred(self, ticket: int, error: ExchangeError, asked_ns: int) -> None:
        """Resume with a failure."""
        steps = self._running.pop(ticket, None)
        if steps is not None:
            self._advance(steps, lambda: steps.send(Failure(error, asked_ns)))

    def waited(self, ticket: int) -> None:
        """Resume after a wait."""
        steps = self._running.pop(ticket, None)
        if steps is not None:
            self._advance(steps, lambda: steps.send(None))

    def drop(self, steps: Steps[None]) -> None:
        """End a conversation where it stands; what it still waits for is ignored when it comes."""
        for ticket, running in list(self._running.items()):
            if running is steps:
                del self._running[ticket]
        steps.close()

    def drop_all(self) -> None:
        """End every conversation."""
        running, self._running = list(self._running.values()), {}
        for steps in running:
            steps.close()

    def _advance(self, steps: Steps[None], resume: Callable[[], Step]) -> None:
        try:
            step = resume()
        except StopIteration:
            return
        ticket = self._next_ticket
        self._next_ticket += 1
        self._running[ticket] = steps
        if isinstance(step, Ask):
            self._submit(step.call, ticket)
        else:
            self._arm(step.seconds, ticket)
