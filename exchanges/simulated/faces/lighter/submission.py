"""Taking transactions in: by REST or WebSocket, one or a batch, up to the receipt.

Source: venues/lighter.md 8.1, 8.2, 9 and 16. A receipt says queued and nothing more. A batch is not atomic: what stands
before the first refused transaction stays queued (the note leaves it open).
"""

import json
from itertools import pairwise
from typing import Final

from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.gate import Gate
from exchanges.simulated.faces.lighter.limits import Limits
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.sequencer import Sequencer
from exchanges.simulated.faces.lighter.transactions import Transaction, TxType, read_transaction, read_type

MAX_BATCH: Final = 15
NS_PER_MS: Final = 1_000_000
NOTE: Final = '{"ratelimit": "didn\'t use volume quota"}'

Receipt = dict[str, object]


class Submission:
    """Takes the transactions of one account."""

    def __init__(self, gate: Gate, sequencer: Sequencer, limits: Limits) -> None:
        self._gate = gate
        self._sequencer = sequencer
        self._limits = limits

    def take(self, tx_type: object, info: object, now_ns: int) -> Receipt:
        """Queue one transaction.

        Raises:
            VenueRefusal: it is not queued, and its nonce is not used.
        """
        kind = read_type(tx_type)
        digest, due_ns = self._queue(self._read(kind, info, now_ns), now_ns)
        return {"code": 200, "tx_hash": digest, "predicted_execution_time_ms": due_ns // NS_PER_MS}

    def take_batch(self, tx_types: object, infos: object, now_ns: int) -> Receipt:
        """Queue the transactions of a batch, which come as two JSON lists.

        Raises:
            VenueRefusal: the first one that is refused, or the batch itself.
        """
        types, texts = read_list(tx_types), read_list(infos)
        if len(types) != len(texts):
            raise VenueRefusal(refusals.BATCH_LENGTHS)
        if not 1 <= len(types) <= MAX_BATCH:
            raise VenueRefusal(refusals.BATCH_TOO_LONG)
        batch = [self._read(read_type(kind), info, now_ns) for kind, info in zip(types, texts, strict=True)]
        if len({(tx.account_index, tx.api_key_index) for tx in batch}) > 1:
            raise VenueRefusal(refusals.BATCH_OWNERS)
        if any(later.nonce <= earlier.nonce for earlier, later in pairwise(batch)):
            raise VenueRefusal(refusals.BATCH_NONCES)
        queued = [self._queue(tx, now_ns) for tx in batch]
        due_ns = max(due for _, due in queued)
        hashes = [digest for digest, _ in queued]
        return {"code": 200, "tx_hash": hashes, "predicted_execution_time_ms": due_ns // NS_PER_MS}

    def _read(self, kind: TxType, info: object, now_ns: int) -> Transaction:
        self._limits.count_kind(kind, now_ns)
        return read_transaction(kind, info)

    def _queue(self, tx: Transaction, now_ns: int) -> tuple[str, int]:
        digest = self._gate.admit(tx, now_ns)
        self._sequencer.check(tx, now_ns)
        self._gate.consume(tx)
        return digest.hex(), self._sequencer.submit(tx, digest, now_ns)


def read_list(given: object) -> list[object]:
    """Return a list that comes as JSON text. Raises VenueRefusal INVALID_TX where it is none."""
    try:
        value = json.loads(given) if isinstance(given, str) else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise VenueRefusal(refusals.INVALID_TX)
    return value
