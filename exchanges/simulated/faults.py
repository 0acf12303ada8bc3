"""Seeded faults between the engine and the wire (public signatures)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSettings:
    """How often private stream frames are disturbed: percentages 0..100 of frames; a cut every so many seconds."""

    duplicate_pct: Decimal = Decimal(0)
    reorder_pct: Decimal = Decimal(0)
    drop_pct: Decimal = Decimal(0)
    disconnect_every_s: Decimal = Decimal(0)


class FaultPlan:
    """Disturbs frames of private streams. One instance per venue; one random stream per kind of fault."""

    def __init__(self, settings: FaultSettings, seed: int) -> None: ...

    def frames(self, frame: str) -> tuple[str, ...]:
        """What to send instead of this frame: () dropped or held back, (f,), (f, f), or (f, held) re-ordered."""
        raise NotImplementedError

    def flush(self) -> tuple[str, ...]:
        """Frames still held back for re-ordering (call when nothing followed for a moment)."""
        raise NotImplementedError

    def disconnect_due(self, now_ns: int) -> bool:
        """Whether the private connections are to be cut now. Each cut is reported once."""
        raise NotImplementedError

    @property
    def counts(self) -> Mapping[str, int]:
        """Faults so far by kind: duplicate, reorder, drop, disconnect."""
        raise NotImplementedError
