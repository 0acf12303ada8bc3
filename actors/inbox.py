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

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from actors.messages import PriceChanged, PriceStale
from actors.runtime import Queue, runtime


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
        self._queue: Queue[Any] = runtime().new_queue()
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


class LazyInbox:
    """A mailbox whose consumer is not woken by what can wait: it is for an actor beside the path of orders.

    Every wake-up of a thread costs its producer some microseconds, and the woken thread then competes for the
    interpreter with the hop that carries an exit. So a lazy message is only appended (below one microsecond), and the
    consumer takes it when the next other message, a timer's for example, wakes it. The order is one for all messages.

    Args:
        is_lazy: Whether a told message can wait. What is asked never does.
    """

    __slots__ = ("_bell", "_is_lazy", "_queue", "peak")

    def __init__(self, is_lazy: Callable[[Any], bool]) -> None:
        self._is_lazy = is_lazy
        self._queue: deque[Any] = deque()
        self._bell: Queue[None] = runtime().new_queue()
        self.peak = 0

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - see Inbox.put
        """Add an envelope. Any thread."""
        self._queue.append(envelope)
        if envelope.reply_to is not None or not self._is_lazy(envelope.message):
            self._bell.put(None)

    def get(self) -> Any:  # noqa: ANN401 - see Inbox.put
        """Wait for an envelope that is not lazy, then remove all, oldest first. Consumer's thread only."""
        self.peak = max(self.peak, len(self._queue))
        while True:
            try:
                # Before the bell: what a ring announced may have been taken on an earlier one.
                return self._queue.popleft()
            except IndexError:
                self._bell.get()

    def empty(self) -> bool:
        """Whether nothing waits now. Only the consumer can rely on a False."""
        return not self._queue

    @property
    def depth(self) -> int:
        """How many messages wait now. Any thread."""
        return len(self._queue)
