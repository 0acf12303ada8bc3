"""Seeded faults between the engine and the wire of private streams.

One random stream per kind of fault, each drawn once per frame whatever the other kinds decide, so that switching one
kind off moves no decision of another. The same seed and the same frames give the same faults.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_SECOND = Decimal(1_000_000_000)
_EARLIEST, _LATEST = 0.5, 1.5
"""A cut comes after this share of `disconnect_every_s`: about that often, but not in step with anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSettings:
    """How often private stream frames are disturbed: percentages 0..100 of frames; a cut about every so many seconds
    (0 = never).
    """

    duplicate_pct: Decimal = Decimal(0)
    reorder_pct: Decimal = Decimal(0)
    drop_pct: Decimal = Decimal(0)
    disconnect_every_s: Decimal = Decimal(0)


class FaultPlan:
    """Disturbs the frames of one private stream connection's account. Not thread-safe: one owner.

    A dropped frame is gone. A re-ordered frame is held back until the next frame went out. A duplicated one goes out
    twice in a row.
    """

    def __init__(self, settings: FaultSettings, seed: int) -> None:
        self._settings = settings
        self._duplicate = random.Random(f"{seed}/duplicate")  # noqa: S311 - a simulation, no secret
        self._reorder = random.Random(f"{seed}/reorder")  # noqa: S311 - a simulation, no secret
        self._drop = random.Random(f"{seed}/drop")  # noqa: S311 - a simulation, no secret
        self._disconnect = random.Random(f"{seed}/disconnect")  # noqa: S311 - a simulation, no secret
        self._held: list[str] = []
        self._next_cut_ns: int | None = None
        self._counts: Counter[str] = Counter(duplicate=0, reorder=0, drop=0, disconnect=0)

    def frames(self, frame: str) -> tuple[str, ...]:
        """What to send instead of this frame, in order; empty where it is dropped or held back."""
        settings = self._settings
        drops = self._hits(self._drop, settings.drop_pct)
        duplicates = self._hits(self._duplicate, settings.duplicate_pct)
        reorders = self._hits(self._reorder, settings.reorder_pct)
        if drops:
            self._counts["drop"] += 1
            return ()
        copies = (frame, frame) if duplicates else (frame,)
        self._counts["duplicate"] += duplicates
        if reorders and not self._held:
            self._counts["reorder"] += 1
            self._held.extend(copies)
            return ()
        return (*copies, *self.flush())

    def flush(self) -> tuple[str, ...]:
        """Frames still held back for re-ordering: send them when nothing followed for a moment."""
        held, self._held = tuple(self._held), []
        return held

    @property
    def is_holding(self) -> bool:
        """Whether `flush` would return something."""
        return bool(self._held)

    def disconnect_due(self, now_ns: int) -> bool:
        """Whether the private connections are to be cut now. Each cut is reported once; the first call starts the
        clock.
        """
        if self._settings.disconnect_every_s <= 0:
            return False
        if self._next_cut_ns is None:
            self._next_cut_ns = now_ns + self._until_cut_ns()
            return False
        if now_ns < self._next_cut_ns:
            return False
        self._next_cut_ns = now_ns + self._until_cut_ns()
        self._counts["disconnect"] += 1
        return True

    def next_disconnect_ns(self) -> int | None:
        """When the next cut is due, None where there is none (or `disconnect_due` was never asked)."""
        return self._next_cut_ns

    @property
    def counts(self) -> Mapping[str, int]:
        """Faults so far by kind: duplicate, reorder, drop, disconnect."""
        return dict(self._counts)

    def _until_cut_ns(self) -> int:
        return int(self._settings.disconnect_every_s * _SECOND * Decimal(self._disconnect.uniform(_EARLIEST, _LATEST)))

    @staticmethod
    def _hits(stream: random.Random, percent: Decimal) -> bool:
        return Decimal(stream.random()) * 100 < percent
