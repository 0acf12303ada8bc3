"""Violations counted from the venue's own book (public signatures)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import PlaceOrder

DecodeClientId = Callable[[str], int | None]
"""Client-id text as a venue's client spells it -> the 32-bit id of `exchanges.order_ids`, None if it is not one."""


class ViolationKind(StrEnum):
    """What the oracle looks for (DESIGN.md section 10, Violations)."""

    EXITS_BEYOND_POSITION = "exits_beyond_position"
    NOT_REDUCE_ONLY = "not_reduce_only"
    TWO_ENTRIES = "two_entries"
    ID_REUSED = "id_reused"
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule."""

    kind: ViolationKind
    account: str
    symbol: str
    occurred_ns: int
    text: str


class Oracle:
    """Watches an engine (`Engine.watch` is called by the constructor). Same thread as the engine."""

    def __init__(self, engine: Engine, decode: DecodeClientId, *, cover_ns: int = 5_000_000_000) -> None: ...

    def client_present(self, account: str, *, present: bool, now_ns: int) -> None:
        """Say whether the account's client is connected: the clock of uncovered quantity runs only meanwhile."""

    def order_received(self, account: str, command: PlaceOrder, now_ns: int) -> None:
        """See `Observer`."""

    def book_changed(self, account: str, symbol: str, now_ns: int) -> None:
        """See `Observer`."""

    def advance(self, now_ns: int) -> None:
        """Let time pass: uncovered quantity grows old. Call at least a few times per second."""

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Everything found, in order."""
        raise NotImplementedError

    def report(self) -> dict[str, object]:
        """A JSON-ready summary: violations, list, and per account and symbol position, uncovered, naked seconds."""
        raise NotImplementedError

    def snapshot(self) -> str:
        """Used ids and violations as JSON text."""
        raise NotImplementedError

    def restore(self, text: str) -> None:
        """Load what `snapshot` returned. Raises ValueError."""
