"""Quotas of the standard tier: rolling minutes, a cool-down after a refusal, and the firewall behind them.

Source: venues/lighter.md 4: 60 reads and 60 transactions in any minute, fewer where a path's weight says so, 40 for
kinds of transactions that are not about orders. After a refusal an API cool-down of one request's worth. Who goes on
all the same is sent away by the firewall (405, no JSON) for a minute; after how many refusals is a choice of ours. A
batch counts as the transactions in it, which the note leaves open.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.transactions import TxType

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
READS_PER_MINUTE: Final = 60
TRANSACTIONS_PER_MINUTE: Final = 60
SETUP_PER_MINUTE: Final = 40
PREMIUM_WEIGHT_PER_MINUTE: Final = 24_000
COOL_DOWN_NS: Final = SECOND_NS
FIREWALL_NS: Final = 60 * SECOND_NS
REFUSALS_BEFORE_FIREWALL: Final = 100
_ORDER_TYPES: Final = frozenset({TxType.CREATE_ORDER, TxType.CANCEL_ORDER, TxType.CANCEL_ALL, TxType.MODIFY_ORDER})


class RollingWindow:
    """How often something happened in the last minute, and until when it is refused."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._times: deque[int] = deque()
        self._closed_until_ns = 0

    def used(self, now_ns: int) -> int:
        """Return how often it happened in the last minute."""
        while self._times and self._times[0] <= now_ns - MINUTE_NS:
            self._times.popleft()
        return len(self._times)

    def take(self, amount: int, now_ns: int) -> bool:
        """Count `amount` more and return True; False, and a cool-down, where they do not fit."""
        if now_ns < self._closed_until_ns or self.used(now_ns) + amount > self.limit:
            self._closed_until_ns = now_ns + COOL_DOWN_NS
            return False
        self._times.extend([now_ns] * amount)
        return True


@dataclass(slots=True)
class _Address:
    reads: RollingWindow = field(default_factory=lambda: RollingWindow(READS_PER_MINUTE))
    by_path: dict[str, RollingWindow] = field(default_factory=dict)
    refused: RollingWindow = field(default_factory=lambda: RollingWindow(REFUSALS_BEFORE_FIREWALL))
    outside_until_ns: int = 0


class Limits:
    """The counters of one venue: reads by client address, transactions by account."""

    def __init__(self) -> None:
        self._addresses: dict[str, _Address] = {}
        self._transactions = RollingWindow(TRANSACTIONS_PER_MINUTE)
        self._setup: dict[TxType, RollingWindow] = {}

    def is_outside(self, address: str, now_ns: int) -> bool:
        """Return whether the firewall keeps an address out."""
        return now_ns < self._address(address).outside_until_ns

    def count_read(self, address: str, path: str, weight: int, now_ns: int) -> None:
        """Count a read. Raises VenueRefusal TOO_MANY_REQUESTS over the limit."""
        entry = self._address(address)
        limit = min(READS_PER_MINUTE, PREMIUM_WEIGHT_PER_MINUTE // weight)
        own = entry.by_path.setdefault(path, RollingWindow(limit)) if limit < READS_PER_MINUTE else None
        if (own is not None and not own.take(1, now_ns)) or not entry.reads.take(1, now_ns):
            self._refuse(entry, now_ns)

    def count_transactions(self, address: str, amount: int, now_ns: int) -> None:
        """Count transactions of the account. Raises VenueRefusal TOO_MANY_REQUESTS over the limit."""
        if not self._transactions.take(amount, now_ns):
            self._refuse(self._address(address), now_ns)

    def count_kind(self, tx_type: TxType, now_ns: int) -> None:
        """Count a transaction by its kind. Raises VenueRefusal TOO_MANY_REQUESTS over the limit."""
        if tx_type in _ORDER_TYPES:
            return
        if not self._setup.setdefault(tx_type, RollingWindow(SETUP_PER_MINUTE)).take(1, now_ns):
            raise VenueRefusal(refusals.TOO_MANY_REQUESTS)

    def _address(self, address: str) -> _Address:
        return self._addresses.setdefault(address, _Address())

    @staticmethod
    def _refuse(entry: _Address, now_ns: int) -> None:
        if not entry.refused.take(1, now_ns):
            entry.outside_until_ns = now_ns + FIREWALL_NS
        raise VenueRefusal(refusals.TOO_MANY_REQUESTS)
