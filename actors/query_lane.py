"""The thread that asks one venue questions: over a connection of its own, so that no order waits behind an answer."""

import contextlib
from collections import deque
from dataclasses import dataclass, replace
from queue import Empty

from actors.addresses import Address
from actors.rest_thread import LEAST_WAIT_S, LaneParts, RestThread, join_all, tell_quietly
from actors.runtime import Queue, runtime
from actors.venue_messages import QueryAnswered, QueryErred, QueryFact
from exchanges.errors import ExchangeError, RequestNotSent
from exchanges.venue import Call, RequestKind, Undecided


@dataclass(frozen=True, slots=True)
class _Question:
    """A question, and when the first of its chain was asked (None: this is the first)."""

    call: Call[object]
    reply_to: Address[QueryFact]
    ticket: int
    asked_ns: int | None = None


class QueryLane(RestThread):
    """One thread that asks questions, one after the other, in the order they were submitted.

    A question whose budget is spent waits aside: a venue's slow archive must not hold up open orders and prices.
    """

    def __init__(self, parts: LaneParts) -> None:
        super().__init__(parts, f"{parts.name}/query-lane")
        self._queue: Queue[_Question | None] = runtime().new_queue()
        self._deferred: deque[_Question] = deque()
        self._retry_ns = 0
        self._stopping = runtime().new_event()

    def submit(self, call: Call[object], reply_to: Address[QueryFact], ticket: int) -> None:
        """Queue a question; its outcome is told to `reply_to` with the ticket. Any thread; never blocks."""
        self._queue.put(_Question(call, reply_to, ticket))

    @property
    def depth(self) -> int:
        """How many questions wait."""
        return self._queue.qsize() + len(self._deferred)

    def stop(self, timeout_s: float) -> bool:
        """End the thread: questions still queued are dropped, those that wait for budget end with an error. Whether
        it has ended.
        """
        self._stopping.set()
        self._queue.put(None)
        return join_all([self], timeout_s)

    def _run(self) -> None:
        self._warm()
        while not self._stopping.is_set():
            with contextlib.suppress(Empty):  # the budget of a question that waits aside may be back
                question = self._queue.get(timeout=self._patience_s())
                if question is None:
                    break
                self._ask(question)
            self._retry_deferred()
            self._job = 0
        for waiting in self._deferred:
            self._refuse(waiting, "the bot is stopping")

    def _patience_s(self) -> float | None:
        if not self._deferred:
            return None
        return max((self._retry_ns - self._parts.clock.monotonic_ns()) / 1e9, LEAST_WAIT_S)

    def _retry_deferred(self) -> None:
        waiting, self._deferred = self._deferred, deque()
        for question in waiting:
            self._ask(question)

    def _refuse(self, question: _Question, why: str) -> None:
        error = RequestNotSent(self._parts.venue.name, question.call.request.operation, why)
        tell_quietly(question.reply_to, QueryErred(question.ticket, error, self._parts.clock.monotonic_ns()))

    def _ask(self, question: _Question) -> None:
        """Ask, and go on with what an answer leads to, or put the question aside until there is budget for it."""
        while True:
            request = question.call.request
            # what spends of the budget of orders changes something, a leverage for one
            if self._parts.observe and (request.kind is not RequestKind.QUERY or request.order_weight):
                self._refuse(question, "observe mode: nothing is sent")
                return
            now_ns = self._parts.clock.monotonic_ns()
            wait_ns = self._take(request, now_ns)
            if wait_ns > 0:
                self._retry_ns = now_ns + wait_ns if not self._deferred else min(self._retry_ns, now_ns + wait_ns)
                self._deferred.append(question)
                return
            asked_ns = now_ns if question.asked_ns is None else question.asked_ns
            self._begin_job()
            try:
                signed = self._parts.venue.sign(request, wall_ns=self._parts.venue_clock.wall_ns())
                # Taken before the write: an answer may never look younger than its question was.
                value = question.call.read(self._exchange(signed))
            except Undecided as more:
                question = replace(question, call=more.further, asked_ns=asked_ns)
                continue
            except ExchangeError as error:
                self._note_pace(error)
                tell_quietly(question.reply_to, QueryErred(question.ticket, error, asked_ns))
            else:
                tell_quietly(question.reply_to, QueryAnswered(question.ticket, value, asked_ns))
            return
