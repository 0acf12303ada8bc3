"""An order book kept from the venue's snapshot and changes (venues/lighter.md, section 12.2).

The client needs none: its best prices come from the ticker, of which each frame is the whole truth. Here each change
names the nonce it follows (`begin_nonce`) and the one it leads to; a change that does not follow what is known means
that one was lost, and the book is of no use until a new snapshot. `offset` belongs to one server, jumps after a
fail-over in both directions, and is not looked at.
"""

from decimal import Decimal
from typing import Any

from exchanges.errors import MalformedMessage
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.reports import BestPrice
from exchanges.values import ZERO


class BookGapError(MalformedMessage):
    """A change was lost: the book has to be subscribed to anew."""


class OrderBook:
    """One market's book. One thread."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.nonce: int | None = None

    def apply(self, frame: Fields) -> None:
        """Take a snapshot or a change.

        Raises:
            BookGapError: a change that does not follow, or one that leaves the sides crossed. The book is empty then.
            MalformedMessage: the frame cannot be read.
        """
        change = Fields(frame.get("order_book"), "order_book")
        begin, nonce = change.whole("begin_nonce"), change.whole("nonce")
        sides = [(known, _levels(change, key)) for known, key in ((self.bids, "bids"), (self.asks, "asks"))]
        if frame.text("type").startswith("subscribed/"):
            self._clear()
        elif begin != self.nonce:
            known = self.nonce
            self._clear()
            raise BookGapError(EXCHANGE, "order_book", f"a change begins at {begin}, the book is at {known}")
        for levels, changes in sides:
            for price, size in changes:
                if size:
                    levels[price] = size
                else:
                    levels.pop(price, None)
        self.nonce = nonce
        if self.bids and self.asks and max(self.bids) >= min(self.asks):
            self._clear()
            raise BookGapError(EXCHANGE, "order_book", "the sides are crossed")

    def best(self, symbol: str, occurred_ns: int, received_ns: int) -> BestPrice:
        """Return best bid and ask; an empty side is price 0."""
        bid, ask = max(self.bids, default=ZERO), min(self.asks, default=ZERO)
        return BestPrice(
            symbol=symbol,
            bid=bid,
            bid_quantity=self.bids.get(bid, ZERO),
            ask=ask,
            ask_quantity=self.asks.get(ask, ZERO),
            occurred_ns=occurred_ns,
            received_ns=received_ns,
        )

    def _clear(self) -> None:
        self.bids.clear()
        self.asks.clear()
        self.nonce = None


def _levels(change: Fields, key: str) -> list[tuple[Decimal, Decimal]]:
    rows: list[Any] = change.rows(key)
    return [(level.amount("price"), level.amount("size")) for level in (Fields(row, "level") for row in rows)]
