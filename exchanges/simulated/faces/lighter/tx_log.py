"""The record of every transaction that was taken: what a client asks for after a receipt that says nothing.

Source: venues/lighter.md 8.3 (EnrichedTx, short keys of `event_info`, statuses).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from exchanges.simulated.engine_types import OrderView
from exchanges.simulated.faces.lighter.markets import LighterMarket
from exchanges.simulated.faces.lighter.orders import STATUSES, OrderMeta, client_index, order_index, status_word
from exchanges.simulated.faces.lighter.refusals import TEXTS
from exchanges.simulated.faces.lighter.transactions import Transaction
from exchanges.values import Side

PENDING: Final = 1
EXECUTED: Final = 2
KEPT: Final = 20_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
NS_PER_S: Final = 1_000_000_000
_HEIGHT_ORIGIN_S: Final = 1_500_000_000
NO_ADDRESS: Final = "0x0000000000000000000000000000000000000000"


def block_height(at_ns: int) -> int:
    """Return the number of the block of a moment: one a second."""
    return at_ns // NS_PER_S - _HEIGHT_ORIGIN_S


@dataclass(slots=True, kw_only=True)
class TxRecord:
    """One transaction. `executed_ns` is 0 while it waits."""

    tx: Transaction
    digest: str
    sequence_index: int
    queued_ns: int
    executed_ns: int = 0
    event_info: str = "{}"

    def as_dict(self) -> dict[str, object]:
        """The record as the venue tells it."""
        at_ns = self.executed_ns or self.queued_ns
        return {
            "code": 200,
            "hash": self.digest,
            "type": int(self.tx.tx_type),
            "info": self.tx.text,
            "event_info": self.event_info,
            "status": EXECUTED if self.executed_ns else PENDING,
            "transaction_index": self.sequence_index % 1000,
            "l1_address": NO_ADDRESS,
            "account_index": self.tx.account_index,
            "nonce": self.tx.nonce,
            "expire_at": self.tx["ExpiredAt"],
            "block_height": block_height(at_ns) if self.executed_ns else 0,
            "queued_at": self.queued_ns // NS_PER_MS,
            "executed_at": self.executed_ns // NS_PER_MS,
            "sequence_index": self.sequence_index,
            "parent_hash": "",
            "api_key_index": self.tx.api_key_index,
            "transaction_time": at_ns // NS_PER_US,
            "committed_at": 0,
            "verified_at": 0,
        }


class TxLog:
    """The newest transactions, by hash and by number. `executed` is told about every verdict."""

    def __init__(self, executed: Callable[[TxRecord], None]) -> None:
        self._executed = executed
        self._by_hash: dict[str, TxRecord] = {}
        self._next_index = 1

    def add(self, tx: Transaction, digest: bytes, now_ns: int) -> TxRecord:
        """Record a transaction that was taken."""
        record = TxRecord(tx=tx, digest=digest.hex(), sequence_index=self._next_index, queued_ns=now_ns)
        self._next_index += 1
        self._by_hash[record.digest] = record
        if len(self._by_hash) > KEPT:
            del self._by_hash[next(iter(self._by_hash))]
        return record

    def settle(self, record: TxRecord, event_info: dict[str, object], now_ns: int) -> None:
        """Record the sequencer's verdict."""
        record.executed_ns = now_ns
        record.event_info = json.dumps(event_info, separators=(",", ":"))
        self._executed(record)

    def drop(self, record: TxRecord) -> None:
        """Forget a transaction that ran out of time before it was executed: it never appears."""
        self._by_hash.pop(record.digest, None)

    def by_hash(self, digest: str) -> TxRecord | None:
        """Return the transaction with a hash."""
        return self._by_hash.get(digest.removeprefix("0x").lower())

    def by_index(self, index: int) -> TxRecord | None:
        """Return the transaction with a sequence index."""
        return next((record for record in self._by_hash.values() if record.sequence_index == index), None)

    def newest(self, limit: int) -> Iterable[TxRecord]:
        """Return the newest executed transactions, newest first."""
        done = [record for record in self._by_hash.values() if record.executed_ns]
        return reversed(done[-limit:])


def refused_info(code: int) -> dict[str, object]:
    """Return `event_info` of a transaction that the sequencer refused."""
    return {"ae": json.dumps({"code": code, "message": TEXTS[code]})}


def order_info(order: OrderView, meta: OrderMeta, market: LighterMarket) -> dict[str, object]:
    """Return `event_info` of an order that was taken in."""
    status = STATUSES.index(status_word(order, meta))
    is_immediate = meta.expiry_ms == 0
    return {
        "a": int(order.account),
        "i": order_index(market, order.side, order.order_id),
        "u": client_index(order),
        "is": market.size_int(order.quantity),
        "p": market.price_int(order.price),
        "rs": market.size_int(order.remaining) if order.is_open else 0,
        "ia": int(order.side is Side.SELL),
        "ot": int(meta.is_market),
        "f": 0 if is_immediate else 2 if order.time_in_force.value == "GTX" else 1,
        "ro": int(order.reduce_only),
        "tp": 0,
        "e": meta.expiry_ms,
        "st": status,
        "ae": "",
    }


def cancel_info(order: OrderView, market: LighterMarket) -> dict[str, object]:
    """Return `event_info` of a cancel that found its order."""
    index = order_index(market, order.side, order.order_id)
    return {"a": int(order.account), "i": index, "u": client_index(order), "ae": ""}
