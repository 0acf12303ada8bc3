"""Calls whose answer is a JSON body: what a reply allows to conclude, given a venue's own reading of its replies.

A question whose answer cannot be read is a MalformedMessage. The same answer to a command leaves its outcome unknown:
the venue may have done it.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from exchanges.errors import MalformedMessage, OutcomeUnknown, RequestRefused
from exchanges.venue import Call, HttpReply, HttpRequest

T = TypeVar("T")

Refused = Callable[[RequestRefused], T]
"""Turns a refusal into a result, or raises what it should be."""


class BodyReader(Protocol):
    """A venue's reading of status and body."""

    def __call__(self, reply: HttpReply, operation: str, *, writes: bool) -> Any:  # noqa: ANN401 - a decoded body has no type yet
        """Return the decoded body of a success. Raises RequestRefused, OutcomeUnknown or MalformedMessage."""
        ...


class Calls:
    """Makes the calls of one venue."""

    def __init__(self, exchange: str, body_of: BodyReader) -> None:
        self._exchange = exchange
        self._body_of = body_of

    def read(self, request: HttpRequest, parse: Callable[[Any, int], T], refused: Refused[T] | None = None) -> Call[T]:
        """Return a call that changes nothing at the venue. `parse` gets the decoded body and the time of receipt.

        `refused`, where given, turns a refusal into a result or raises what it should be.
        """

        def read(reply: HttpReply) -> T:
            try:
                return parse(self._body_of(reply, request.operation, writes=False), reply.received_ns)
            except RequestRefused as error:
                if refused is None:
                    raise
                return refused(error)

        return Call(request, read)

    def write(self, request: HttpRequest, parse: Callable[[Any, int], T], refused: Refused[T] | None = None) -> Call[T]:
        """Return a call that may change something: an answer that cannot be read leaves its outcome unknown.

        `refused` as in `read`.
        """

        def read(reply: HttpReply) -> T:
            try:
                return parse(self._body_of(reply, request.operation, writes=True), reply.received_ns)
            except MalformedMessage as error:
                raise OutcomeUnknown(self._exchange, request.operation, f"unreadable answer: {error.text}") from None
            except RequestRefused as error:
                if refused is None:
                    raise
                return refused(error)

        return Call(request, read)
