"""Planned mishaps of single requests: what a distant venue does to a client now and then, on demand.

A mishap waits for the next request it fits and happens `count` times. Which kinds a venue knows is its face's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Mishap(StrEnum):
    """What goes wrong with a request, in the dialect of the venue it happens on.

    Everywhere: lost_request: cut before the venue read it. lost_reply: executed, then cut. late_reply: executed,
    answered `delay_ns` later than it could be. timeout_before / timeout_after: 503 that leaves the outcome open, not
    executed / executed. html: a page instead of JSON with a 5xx, not executed. rate_limited: 429.

    Aster: error_in_200: status 200 with an error body, not executed. stale_nonce: -4225. deposit: -5050.

    Backpack: cancel_queued: 202 with an empty body, executed `delay_ns` later. plain_text: 400 with plain text, not
    executed.
    """

    LOST_REQUEST = "lost_request"
    LOST_REPLY = "lost_reply"
    LATE_REPLY = "late_reply"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    HTML = "html"
    RATE_LIMITED = "rate_limited"
    ERROR_IN_200 = "error_in_200"
    STALE_NONCE = "stale_nonce"
    DEPOSIT = "deposit"
    CANCEL_QUEUED = "cancel_queued"
    PLAIN_TEXT = "plain_text"

    @property
    def is_after(self) -> bool:
        """Whether the request is executed all the same."""
        return self in (Mishap.LOST_REPLY, Mishap.LATE_REPLY, Mishap.TIMEOUT_AFTER, Mishap.CANCEL_QUEUED)


COMMON_MISHAPS: frozenset[Mishap] = frozenset(
    {
        Mishap.LOST_REQUEST,
        Mishap.LOST_REPLY,
        Mishap.LATE_REPLY,
        Mishap.TIMEOUT_BEFORE,
        Mishap.TIMEOUT_AFTER,
        Mishap.HTML,
        Mishap.RATE_LIMITED,
    }
)
"""What happens on every venue."""


@dataclass(slots=True, kw_only=True)
class PlannedMishap:
    """A mishap for the next `count` requests with this method and endpoint name (None fits all)."""

    mishap: Mishap
    method: str | None = None
    name: str | None = None
    count: int = 1
    delay_ns: int = 1_000_000_000


class Mishaps:
    """The mishaps still to come, first planned first. `kinds` are those the venue knows."""

    def __init__(self, kinds: Iterable[Mishap]) -> None:
        self._kinds = frozenset(kinds)
        self._planned: list[PlannedMishap] = []
        self.happened = 0

    def plan(self, planned: PlannedMishap) -> None:
        """Add a mishap. Raises ValueError for a kind that does not happen on this venue."""
        if planned.mishap not in self._kinds:
            raise ValueError(f"{planned.mishap} does not happen on this venue")
        self._planned.append(planned)

    def clear(self) -> None:
        """Let none of those still to come happen."""
        self._planned.clear()

    def take(self, method: str, name: str) -> PlannedMishap | None:
        """Return the mishap of a request, None for most."""
        for planned in self._planned:
            if planned.method in (None, method) and planned.name in (None, name):
                planned.count -= 1
                if planned.count <= 0:
                    self._planned.remove(planned)
                self.happened += 1
                return planned
        return None
