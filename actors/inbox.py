"""The mailbox of our actors: `queue.SimpleQueue`, with conflation for what only counts when it is new.

Pykka asks three methods of a mailbox: put, get and empty. `SimpleQueue` gives them in C, which halves the cost of a
hop against Pykka's default (PERFORMANCE.md section 2). On top of it sits conflation: a message whose class is listed in
`CONFLATED` replaces one of the same key that the consumer has not taken yet, so a slow consumer sees the newest price
and never a queue of old ones.

It works without a lock, by order alone (PERFORMANCE.md section 3). The producer writes the slot and then sets the
token, and puts the token into the queue only if it was not set. The consumer clears the token and then reads the slot.
Whatever the interleaving, a slot written after the consumer's read finds the token cleared and queues a new one, so the
newest message is never lost. The one price is that a message may, rarely, be delivered twice.
"""

from collections.abc import Callable, Hashable
from queue import SimpleQueue
from typing import Any, Final, Protocol

from actors.messages import PriceChanged, PriceStale


class Envelope(Protocol):
    """What Pykka puts into a mailbox: the message and, for an `ask`, where its answer goes."""

    message: Any
    reply_to: Any


def _price_key(message: PriceChanged | PriceStale) -> Hashable:
    return ("price", message.grid)


CONFLATED: Final[dict[type, Callable[[Any], Hashable]]] = {
    # one key for both: a price that came after "stale" must not overtake it, nor the other way round
    PriceChanged: _price_key,
    PriceStale: _price_key,
}
"""Message classes of which only the newest per key matters, and how the key is read."""


def conflation_key(message: object) -> Hashable | None:
    """Return what makes a message replace an older one, or None for a message that must be delivered."""
    read_key = CONFLATED.get(type(message))
    return None if read_key is None else read_key(message)


class _Token:
    """Stands in the queue for the newest message of a key."""

    __slots__ = ("key",)

    def __init__(self, key: Hashable) -> None:
        self.key = key


class Inbox:
    """A mailbox for one consumer and any number of producers. `put` never blocks."""

    __slots__ = ("_queue", "_slots", "_tokens", "peak")

    def __init__(self) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._slots: dict[Hashable, Envelope] = {}
        self._tokens: dict[Hashable, _Token] = {}
        self.peak = 0

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - Pykka's protocol names its private Envelope here
        """Add an envelope. Any thread. A message that is asked (not told) is never conflated: its answer is awaited."""
        key = conflation_key(envelope.message) if envelope.reply_to is None else None
        if key is None:
            self._queue.put(envelope)
            return
        self._slots[key] = envelope
        token = _Token(key)
        # setdefault is one step of the interpreter: of several producers exactly one sees its own token
        if self._tokens.setdefault(key, token) is token:
            self._queue.put(token)

    def get(self) -> Any:  # noqa: ANN401 - see put
        """Wait for the next envelope and remove it. Consumer's thread only."""
        depth = self._queue.qsize()
        self.peak = max(self.peak, depth)
        item = self._queue.get()
        if type(item) is not _Token:
            return item
        del self._tokens[item.key]
        # The slot stays: a token queued between these two lines finds the same message again, instead of nothing.
        return self._slots[item.key]

    def empty(self) -> bool:
        """Whether nothing waits now. Only the consumer can rely on a False."""
        return self._queue.empty()

    @property
    def depth(self) -> int:
        """How many deliveries wait now; a conflated key counts once. Any thread, one C call."""
        return self._queue.qsize()
