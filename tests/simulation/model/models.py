"""The models that are searched: three venues, entries and exits, and what may go wrong in each.

`LATE_S` is how far the venue's clock may be off in the direction that hurts. Aster takes a request up to the very
fence. Backpack's histories trail, so that clock and history share the slack. On Lighter a transaction's life is counted
by this machine's clock, which may be 30 s ahead.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from tests.simulation.model.counterparts import Counterpart, aster_venue, backpack_venue, lighter_venue
from tests.simulation.model.world import Budget, Setup

_VENUES: dict[str, Callable[[], Counterpart]] = {
    "aster": cache(aster_venue),
    "backpack": cache(backpack_venue),
    "lighter": cache(lighter_venue),
}
LATE_S: dict[str, Callable[[Counterpart], float]] = {
    "aster": lambda venue: venue.slack_s,
    "backpack": lambda venue: venue.slack_s / 2,
    "lighter": lambda _: 30.0,
}


def setup(venue: str, kind: str, budget: Budget, what: str = "", *, has_stale_cancels: bool = False) -> Setup:
    """Return a model. Exits may wait in our own lane for as long as they like."""
    counterpart = _VENUES[venue]()
    if has_stale_cancels:
        declared = replace(counterpart.capabilities, cancel_report_is_final=False)
        counterpart = replace(counterpart, capabilities=declared)
    return Setup(
        name=f"{venue} {kind}{what and ', '}{what}",
        venue=counterpart,
        is_entry=kind == "entry",
        budget=budget,
        late_s=LATE_S[venue](counterpart),
        can_wait=kind == "exit",
        has_stale_cancels=has_stale_cancels,
    )


def _all(venues: tuple[str, ...], kinds: tuple[str, ...], budget: Budget, what: str = "") -> list[Setup]:
    return [setup(venue, kind, budget, what) for venue in venues for kind in kinds]


_ALL, _PLAIN = ("aster", "backpack", "lighter"), ("aster", "backpack")
_QUIET = Budget(losses=0, repeats=0, questions=1)
_CANCELS = _QUIET._replace(cancels=1)

SMALL: tuple[Setup, ...] = (
    *_all(_ALL, ("entry",), _QUIET),
    *_all(("backpack",), ("exit",), _QUIET),
    *_all(_PLAIN, ("entry",), _CANCELS, "cancels"),
    setup("aster", "entry", _CANCELS, "stale cancels", has_stale_cancels=True),
    setup("aster", "entry", _QUIET._replace(repeats=1), "repeats"),
    setup("aster", "entry", _QUIET._replace(lists=1), "lists"),
    setup("aster", "entry", _QUIET._replace(crashes=1), "crashes"),
    setup("lighter", "entry", _QUIET._replace(others=1), "others"),
)
"""Enough to refute every wrong rule; the right one passes in seconds."""

_LOSSY = Budget(losses=1, repeats=1, questions=1)

BIG: tuple[Setup, ...] = (
    *_all(_PLAIN, ("entry", "exit"), _LOSSY, "losses and repeats"),
    *_all(("lighter",), ("entry", "exit"), _LOSSY._replace(repeats=0), "losses"),
    *_all(("aster",), ("entry", "exit"), _LOSSY._replace(repeats=0, crashes=1), "losses and crashes"),
    *_all(("aster",), ("entry", "exit"), _LOSSY._replace(repeats=0, cancels=1), "losses and cancels"),
)
"""What runs at night, beside the small ones."""


def named(name: str) -> Setup:
    """Return a model by its name."""
    return next(each for each in (*SMALL, *BIG) if each.name == name)
