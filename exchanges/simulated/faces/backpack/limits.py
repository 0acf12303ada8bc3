"""Rate limits of the simulated Backpack: 2000 ordinary calls a minute, 30 of the history service (section 4.3).

The venue counts per subaccount; here per API key a request names, or per address where it names none. The shape of the
window is not published: here no span of sixty seconds may hold more than the limit, the strictest reading.
"""

from collections import deque
from enum import StrEnum
from typing import Final

from exchanges.simulated.faces.backpack.refusals import too_many_requests

MINUTE_NS: Final = 60_000_000_000


class Bucket(StrEnum):
    """Which budget a request is paid from."""

    ORDINARY = "ordinary"
    HISTORY = "history"


LIMITS: Final[dict[Bucket, int]] = {Bucket.ORDINARY: 2000, Bucket.HISTORY: 30}


class RateLimits:
    """The requests of the last minute, by who sent them. A refused request does not count."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Bucket], deque[int]] = {}

    def count(self, sender: str, bucket: Bucket, now_ns: int) -> None:
        """Count a request. Raises VenueRefusal TOO_MANY_REQUESTS where the budget is used up."""
        seen = self._seen.setdefault((sender, bucket), deque())
        while seen and seen[0] <= now_ns - MINUTE_NS:
            seen.popleft()
        if len(seen) >= LIMITS[bucket]:
            raise too_many_requests()
        seen.append(now_ns)
