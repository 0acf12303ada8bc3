"""Rate limits of the simulated Aster: request weight per address, orders per account, and the ban of who does not stop.

Windows are calendar-aligned as the venue's counters are. Source: venues/aster.md 5.1 and 5.2; the length of the first
ban (two minutes) is the shortest of the documented range, how many calls after a 429 earn it is a choice of ours.
"""

from dataclasses import dataclass

from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.markets import (
    ORDERS_PER_MINUTE,
    ORDERS_PER_TEN_SECONDS,
    REQUEST_WEIGHT_PER_MINUTE,
)
from exchanges.simulated.faces.aster.refusals import VenueRefusal

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
BAN_MS = 120_000
REFUSALS_BEFORE_BAN = 100
IM_A_TEAPOT = 418


class WindowCounter:
    """A count that starts again with every calendar-aligned window."""

    def __init__(self, limit: int, window_ms: int) -> None:
        self.limit = limit
        self._window_ms = window_ms
        self._window = -1
        self._used = 0

    def used(self, now_ms: int) -> int:
        """Return what the current window has used."""
        window = now_ms // self._window_ms
        if window != self._window:
            self._window, self._used = window, 0
        return self._used

    def has_room(self, amount: int, now_ms: int) -> bool:
        """Return whether `amount` more fits into the current window."""
        return self.used(now_ms) + amount <= self.limit

    def add(self, amount: int, now_ms: int) -> int:
        """Count `amount` and return what the current window has used with it."""
        self._used = self.used(now_ms) + amount
        return self._used


@dataclass(slots=True)
class _Address:
    weight: WindowCounter
    refused: WindowCounter
    banned_until_ms: int = 0


class RateLimits:
    """The counters of one venue: weight by client address, orders by account."""

    def __init__(
        self,
        *,
        weight_per_minute: int = REQUEST_WEIGHT_PER_MINUTE,
        orders_per_minute: int = ORDERS_PER_MINUTE,
        orders_per_ten_seconds: int = ORDERS_PER_TEN_SECONDS,
    ) -> None:
        self._weight_per_minute = weight_per_minute
        self._addresses: dict[str, _Address] = {}
        self._orders_1m = WindowCounter(orders_per_minute, MINUTE_MS)
        self._orders_10s = WindowCounter(orders_per_ten_seconds, TEN_SECONDS_MS)

    def count_request(self, address: str, weight: int, now_ms: int) -> int:
        """Count a request and return the weight its address has used in this minute.

        Raises:
            VenueRefusal: 429 with -1003 over the limit, 418 while the address is banned.
        """
        entry = self._addresses.get(address)
        if entry is None:
            entry = self._addresses[address] = _Address(
                WindowCounter(self._weight_per_minute, MINUTE_MS), WindowCounter(REFUSALS_BEFORE_BAN, MINUTE_MS)
            )
        if now_ms < entry.banned_until_ms:
            raise _banned(entry.banned_until_ms)
        if entry.weight.add(weight, now_ms) <= self._weight_per_minute:
            return entry.weight.used(now_ms)
        if entry.refused.add(1, now_ms) > REFUSALS_BEFORE_BAN:
            entry.banned_until_ms = now_ms + BAN_MS
            raise _banned(entry.banned_until_ms)
        raise VenueRefusal(refusals.TOO_MANY_REQUESTS)

    def used_weight(self, address: str, now_ms: int) -> int:
        """Return the weight an address has used in this minute."""
        entry = self._addresses.get(address)
        return entry.weight.used(now_ms) if entry else 0

    def count_orders(self, amount: int, now_ms: int) -> None:
        """Count orders to be placed. Raises VenueRefusal -1015 where they do not fit; then none is counted."""
        if not (self._orders_1m.has_room(amount, now_ms) and self._orders_10s.has_room(amount, now_ms)):
            raise VenueRefusal(refusals.TOO_MANY_ORDERS)
        self._orders_1m.add(amount, now_ms)
        self._orders_10s.add(amount, now_ms)

    def order_headers(self, now_ms: int) -> dict[str, str]:
        """Return the headers that say how many orders were counted."""
        return {
            "X-MBX-ORDER-COUNT-1M": str(self._orders_1m.used(now_ms)),
            "X-MBX-ORDER-COUNT-10S": str(self._orders_10s.used(now_ms)),
        }


def _banned(until_ms: int) -> VenueRefusal:
    text = f"Way too many requests; IP banned until {until_ms}. Please use the websocket to avoid bans."
    return VenueRefusal(refusals.TOO_MANY_REQUESTS, text, status=IM_A_TEAPOT)
