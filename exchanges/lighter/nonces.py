"""The nonce of one API key: a strict sequence, where every doubt is settled by asking (venues/lighter.md, section 9).

A nonce is known, or it is not. Taking it makes it unknown until the venue's answer says what became of it: counted
(the next one is known), or not (it is free again). Where no definite answer comes (timeout, 5xx, 429, a command that
was stopped at the gate after it was signed) it simply stays unknown, and the venue is asked before the next
transaction. So nothing can leak.

One transaction may follow another whose answer is still out: behind it, on the same connection, where the venue reads
them in the order they were written. Its nonce is the next one then. If the first turns out not to have counted, the
ones behind it are refused with 21104, and the venue is asked.
"""

import threading

from exchanges.errors import RequestNotSent
from exchanges.lighter.outcomes import EXCHANGE


class NonceSource:
    """Thread-safe. The lock guards two numbers; nothing is called while it is held."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: int | None = None
        self._taken: int | None = None
        self._generation = 0

    @property
    def is_known(self) -> bool:
        """Whether the next transaction can be signed without asking first."""
        return self._next is not None

    @property
    def generation(self) -> int:
        """How often a nonce was taken: what an answer of `nextNonce` has to be given back with."""
        return self._generation

    def take(self, behind: int | None = None) -> int:
        """Return the nonce of the next transaction; it is unknown from now on, until `settle` or `learn`.

        `behind` is the nonce of the transaction that this one is written directly behind, on the same connection.

        Raises:
            RequestNotSent: it is not known; ask `nextNonce` first. Nor does it follow from `behind` where another
                nonce was taken since, or that one (or one before it) was not counted.
        """
        with self._lock:
            nonce = self._next
            if nonce is None and behind is not None and behind == self._taken:
                nonce = behind + 1
            if nonce is None:
                raise RequestNotSent(EXCHANGE, "sign", "the nonce is not known: another transaction is undecided")
            self._next, self._taken = None, nonce
            self._generation += 1
            return nonce

    def claim(self, nonce: int) -> None:
        """Note that a transaction with this nonce is sent, whatever was known: the next one has to be asked for."""
        with self._lock:
            self._next, self._taken = None, nonce
            self._generation += 1

    def settle(self, nonce: int, *, consumed: bool) -> None:
        """Note a definite answer about a taken nonce.

        That an older one was counted changes nothing. That it was not says that those behind it are not counted either.
        """
        with self._lock:
            if nonce == self._taken:
                self._next, self._taken = nonce + consumed, None
            elif self._taken is not None and nonce < self._taken and not consumed:
                self._taken = None

    def forget(self) -> None:
        """Note that the venue counts otherwise (21104): the next nonce has to be asked for."""
        with self._lock:
            self._next = self._taken = None

    def learn(self, nonce: int, generation: int) -> None:
        """Take the venue's count, unless a nonce was taken since the question was made: then it says nothing."""
        with self._lock:
            if generation == self._generation:
                self._next, self._taken = nonce, None
