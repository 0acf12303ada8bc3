"""What this process has sent: which nonce and hash each transaction went out with (venues/lighter.md, sections 8, 9).

The hash is known before anything leaves, so the venue's record of a transaction can be asked for although its answer
never came. And a nonce is used once: when the venue took another transaction with the nonce of one whose answer is
missing, that one can never be executed any more.
"""

import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from exchanges.values import ClientOrderId, OrderRequest

_MOST_KEPT: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One transaction. `signed_ns` is the venue's clock at its signing; `is_void` if another took its nonce; `used_ns`
    when the venue was first heard to have used its nonce, whoever for (0: not heard).
    """

    tag: str
    nonce: int
    tx_hash: str
    signed_ns: int
    order: OrderRequest | None = None
    is_taken: bool = False
    is_void: bool = False
    used_ns: int = 0


class SentBook:
    """The last few thousand transactions by tag and by order. Thread-safe; the lock guards only the book."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags = itertools.count(1)
        self._sent: OrderedDict[str, Sent] = OrderedDict()
        self._orders: dict[str, OrderRequest] = {}
        self._by_order: dict[ClientOrderId, str] = {}
        self._earlier_void_ns: int | None = None

    @property
    def earlier_void_ns(self) -> int | None:
        """Since when nothing that an earlier run has sent can be executed any more, None where that is not known."""
        return self._earlier_void_ns

    def void_earlier(self, at_ns: int) -> None:
        """Note that no nonce is left that an earlier run can have used (`exchanges.lighter.earlier_runs`)."""
        if self._earlier_void_ns is None:
            self._earlier_void_ns = at_ns

    def new_tag(self, order: OrderRequest | None = None) -> str:
        """Return a tag for a request, which will place `order` if one is given."""
        with self._lock:
            tag = str(next(self._tags))
            if order is not None:
                self._orders[tag] = order
                while len(self._orders) > _MOST_KEPT:
                    self._orders.pop(next(iter(self._orders)))
            return tag

    def note(self, tag: str, *, nonce: int, tx_hash: str, signed_ns: int) -> None:
        """Note that the request of a tag was signed. Signed again, it takes the place of the first."""
        with self._lock:
            order = self._orders.get(tag)
            self._sent[tag] = Sent(tag=tag, nonce=nonce, tx_hash=tx_hash, signed_ns=signed_ns, order=order)
            if order is not None:
                self._by_order[order.client_order_id] = tag
            while len(self._sent) > _MOST_KEPT:
                old = self._sent.popitem(last=False)[1]
                if old.order is not None and self._by_order.get(old.order.client_order_id) == old.tag:
                    del self._by_order[old.order.client_order_id]

    def taken(self, tag: str) -> None:
        """Note that the venue took a transaction: every other one with its nonce is void."""
        with self._lock:
            sent = self._sent.get(tag)
            if sent is None:
                return
            self._sent[tag] = replace(sent, is_taken=True)
            for other in list(self._sent.values()):
                if other.nonce == sent.nonce and other.tag != tag and not other.is_taken:
                    self._sent[other.tag] = replace(other, is_void=True)

    def used(self, tag: str, now_ns: int) -> int:
        """Note that the nonce of a transaction is used, nobody knows by which; return since when that is known."""
        with self._lock:
            sent = self._sent.get(tag)
            if sent is None:
                return now_ns
            if not sent.used_ns:
                self._sent[tag] = sent = replace(sent, used_ns=now_ns)
            return sent.used_ns

    def get(self, tag: str) -> Sent | None:
        """Return the transaction of a tag, None where it was not signed or is forgotten."""
        return self._sent.get(tag)

    def of_order(self, client_order_id: ClientOrderId) -> Sent | None:
        """Return the transaction that placed an order, None where this process has not or has forgotten."""
        with self._lock:
            tag = self._by_order.get(client_order_id)
            return None if tag is None else self._sent.get(tag)
