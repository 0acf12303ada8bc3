"""What order lanes and the query lane have in common: a thread with a warm connection of its own."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import pykka
from loguru import logger

from actors.addresses import Address
from actors.base import describe_failure, install_decimal_context
from actors.messages import ActorFailed
from actors.runtime import runtime
from actors.venue_clock import VenueClock
from exchanges.clock import Clock
from exchanges.errors import ExchangeError, RateLimited
from exchanges.pacing import RateBudget
from exchanges.venue import HttpReply, HttpRequest, SignedRequest, Venue

M = TypeVar("M")

WARM_EVERY_S: Final = 15.0
LEAST_WAIT_S: Final = 0.001
_COUNT: Final = re.compile("[0-9]{1,9}", re.ASCII)


def _count_nothing() -> None:
    return


class Transport(Protocol):
    """One kept-alive connection to a venue (`exchanges.rest_transport`). One thread at a time."""

    def send(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        """Send and wait for the reply; `on_written` gets the monotonic time of the last byte written.

        Raises RequestNotSent or OutcomeUnknown, nothing else.
        """
        ...

    def connect(self) -> None:
        """Have connected sockets ready, in place of those the venue has closed. Raises RequestNotSent."""
        ...

    def prepare(self, operation: str) -> None:
        """Connect now if the next `send` would have to. Raises RequestNotSent."""
        ...

    def close(self) -> None:
        """Close the connection, from any thread; a blocked `send` ends with an error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """What the lanes of one venue share.

    Attributes:
        name: Thread names begin with it: bot, a slash, the exchange.
        venue: Builds and signs.
        clock: Stamps and waits.
        venue_clock: The venue's wall clock, for signing.
        budget: The venue's rate limits.
        new_transport: Makes one connection; called once per thread.
        failures: Told when a thread dies of a bug.
        observe: Nothing may be sent that changes anything, not even what proves the fate of an order.
        count_order: Called for every order that is handed to a lane, on the teller's thread.
    """

    name: str
    venue: Venue
    clock: Clock
    venue_clock: VenueClock
    budget: RateBudget
    new_transport: Callable[[], Transport]
    failures: Address[ActorFailed]
    count_order: Callable[[], None] = _count_nothing
    observe: bool = False


class RestThread:
    """A thread with a queue and a connection. Subclasses serve one item at a time."""

    def __init__(self, parts: LaneParts, name: str) -> None:
        self._parts = parts
        self._name = name
        self._transport = parts.new_transport()
        self._jobs = 0
        self._job = 0
        self._thread = runtime().new_thread(self._guarded_run, name)

    @property
    def name(self) -> str:
        """The thread's name."""
        return self._name

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs. Any thread."""
        return self._thread.is_alive()

    @property
    def job(self) -> int:
        """Number of the request in hand, 0 when there is none: a number that stays is a request that hangs. Any
        thread.
        """
        return self._job

    @property
    def depth(self) -> int:
        """How much waits here. Any thread."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the thread, which connects at once."""
        self._thread.start()

    def abort(self) -> None:
        """Close the connection: a blocked request ends with an error."""
        self._transport.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _guarded_run(self) -> None:
        install_decimal_context()
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - top frame of a thread: without a report orders would vanish in silence
            text, trace = describe_failure(error)
            logger.bind(event="actor_failed", actor=self._name).error("{} failed: {}", self._name, text)
            tell_quietly(self._parts.failures, ActorFailed(actor=self._name, error=text, traceback=trace))
        finally:
            self._transport.close()

    def _run(self) -> None:
        raise NotImplementedError

    def _begin_job(self) -> None:
        """Note that something begins that may block. Every request is a job of its own."""
        self._jobs += 1
        self._job = self._jobs

    def _warm(self) -> None:
        self._begin_job()
        try:
            self._transport.connect()
        except ExchangeError as error:
            logger.bind(event="request_refused").debug("{} is not connected: {}", self._name, error)
        self._job = 0

    def _take(self, request: HttpRequest, now_ns: int) -> int:
        return self._parts.budget.take(
            request.kind, request.weight, request.order_weight, now_ns, history_weight=request.history_weight
        )

    def _exchange(self, signed: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        """Send and return the reply; learn from it what others at our address have spent of the budget."""
        reply = self._transport.send(signed, on_written)
        header = self._parts.venue.capabilities.used_weight_header
        used = reply.headers.get(header, "") if header else ""
        if _COUNT.fullmatch(used):
            self._parts.budget.observe(int(used), self._parts.clock.monotonic_ns())
        return reply

    def _note_pace(self, error: ExchangeError) -> None:
        if isinstance(error, RateLimited):
            self._parts.budget.penalize(self._parts.clock.monotonic_ns() + int(error.retry_after_s * 1e9))


def join_all(workers: Sequence[RestThread], timeout_s: float) -> bool:
    """Join every thread; those that do not end in time have their connection closed under them."""
    ended = [worker for worker in workers if worker.join(timeout_s / len(workers))]
    late = [worker for worker in workers if worker not in ended]
    for worker in late:
        worker.abort()
    return all(worker.join(1.0) for worker in late)


def tell_quietly(address: Address[M], message: M) -> None:
    """Tell `message`; one for an actor that has ended is noted and dropped."""
    try:
        address.tell(message)
    except pykka.ActorDeadError:
        logger.bind(event="dead_letter").debug("{} was not delivered: its actor is dead", type(message).__name__)
