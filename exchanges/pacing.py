"""How fast requests may leave: a budget that cannot be overdrawn, and the waits between attempts.

A bucket's tokens come back exactly one window after they were taken, so in no window of that length, wherever it
starts, is more spent than the venue allows. (A bucket that refills steadily allows almost twice its size in one
window: its fill plus one window of refill.) A share of every bucket is kept for exits and cancels: entries and
queries see a smaller bucket.

`RateBudget` is used by the order lane's and the query lane's threads of one venue at the same time and holds a tiny
internal lock. It protects counters of pace only. No trading state is behind it, nothing is called while it is held,
and losing a race for it only changes which request waits: it is not a lock around trading state.
"""

import random
import threading
from collections import deque
from collections.abc import Iterable, Iterator

from exchanges.venue import RateLimit, RequestKind

SECOND_NS = 1_000_000_000
_SLOTS_PER_WINDOW = 200
"""Spending within the same 1/200 of a window is kept as one entry (bounded memory); it expires with its last part."""

_UNITS = ("weight", "order", "history")
_RESERVED_KINDS = frozenset({RequestKind.EXIT, RequestKind.CANCEL})


class _Bucket:
    """One limit: entries of (time, spent) that are younger than the window."""

    __slots__ = ("amount", "entries", "granule_ns", "open_amount", "unit", "used", "window_ns")

    def __init__(self, limit: RateLimit, reserved_pct: int) -> None:
        self.unit = limit.unit
        self.amount = limit.amount
        self.open_amount = limit.amount * (100 - reserved_pct) // 100
        self.window_ns = int(limit.per_s * SECOND_NS)
        self.granule_ns = max(1, self.window_ns // _SLOTS_PER_WINDOW)
        self.entries: deque[list[int]] = deque()
        self.used = 0

    def expire(self, now_ns: int) -> None:
        while self.entries and self.entries[0][1] + self.window_ns <= now_ns:
            self.used -= self.entries.popleft()[2]

    def wait_ns(self, cost: int, *, reserved: bool, now_ns: int) -> int:
        """How long until `cost` fits. A cost above the whole bucket fits into an empty one, or it would never go."""
        ceiling = self.amount if reserved else self.open_amount
        excess = self.used + cost - ceiling
        wait_ns = 0
        for _, newest_ns, spent in self.entries:
            if excess <= 0:
                break
            excess -= spent
            wait_ns = newest_ns + self.window_ns - now_ns
        return wait_ns

    def spend(self, cost: int, now_ns: int) -> None:
        self.used += cost
        if self.entries and now_ns - self.entries[-1][0] < self.granule_ns:
            self.entries[-1][1] = max(now_ns, self.entries[-1][1])
            self.entries[-1][2] += cost
        else:
            self.entries.append([now_ns, now_ns, cost])


class RateBudget:
    """The request budget of one venue, shared by its sender threads.

    Args:
        limits: What the venue allows; `unit` is 'weight' (every call), 'order' (placements) or 'history' (readings of
            an archive with a budget of its own).
        reserved_pct: Percent of every limit that only exits and cancels may use, 0 to 99.

    Raises:
        ValueError: an unknown unit, an amount or window that is not positive, or a share outside 0..99.
    """

    def __init__(self, limits: Iterable[RateLimit], reserved_pct: int = 20) -> None:
        if not 0 <= reserved_pct <= 99:  # noqa: PLR2004 - percent
            raise ValueError(f"reserved share {reserved_pct} % is outside 0..99")
        self._buckets: list[_Bucket] = []
        for limit in limits:
            if limit.unit not in _UNITS or limit.amount <= 0 or limit.per_s <= 0:
                raise ValueError(f"unusable rate limit {limit}")
            self._buckets.append(_Bucket(limit, reserved_pct))
        self._penalty_until_ns = 0
        self._lock = threading.Lock()

    def take(self, kind: RequestKind, weight: int, order_weight: int, now_ns: int, *, history_weight: int = 0) -> int:
        """Spend the cost of one request, or say how long to wait before asking again.

        Any thread. `now_ns` is monotonic. Returns 0 when the request may leave now (the cost is spent), else the
        nanoseconds until it may fit (nothing is spent; another thread may be quicker, so ask again).
        """
        reserved = kind in _RESERVED_KINDS
        costs = {"weight": weight, "order": order_weight, "history": history_weight}
        with self._lock:
            wait_ns = max(0, self._penalty_until_ns - now_ns)
            for bucket in self._buckets:
                bucket.expire(now_ns)
                if costs[bucket.unit] > 0:
                    wait_ns = max(wait_ns, bucket.wait_ns(costs[bucket.unit], reserved=reserved, now_ns=now_ns))
            if wait_ns == 0:
                for bucket in self._buckets:
                    if costs[bucket.unit] > 0:
                        bucket.spend(costs[bucket.unit], now_ns)
            return wait_ns

    def penalize(self, until_ns: int) -> None:
        """Let nothing leave before `until_ns` (monotonic): after 429 or 418, where going on earns a longer ban.

        Any thread. An earlier end than one already known changes nothing.
        """
        with self._lock:
            self._penalty_until_ns = max(self._penalty_until_ns, until_ns)

    def observe(self, used_weight: int, now_ns: int) -> None:
        """Take over the venue's own count of the weight used in its current window, where it is above ours.

        Any thread. The count belongs to the longest weight window (Aster: X-MBX-USED-WEIGHT-1M; venues/aster.md
        section 14). It is higher than ours when another process shares the address or the account.
        """
        with self._lock:
            weights = [bucket for bucket in self._buckets if bucket.unit == "weight"]
            if not weights:
                return
            bucket = max(weights, key=lambda candidate: candidate.window_ns)
            bucket.expire(now_ns)
            if used_weight > bucket.used:
                bucket.spend(used_weight - bucket.used, now_ns)


def backoff(source: random.Random, first_s: float, cap_s: float) -> Iterator[float]:
    """Yield waits in seconds, for ever: each drawn from the upper half of a span that doubles up to `cap_s`.

    The draw keeps many clients from coming back together; the lower bound keeps one client from hammering.
    """
    span_s = min(first_s, cap_s)
    while True:
        yield source.uniform(span_s / 2, span_s)
        span_s = min(span_s * 2, cap_s)
