"""What many runs come to: the figures that are printed, and what a gate asks of them."""

from collections import Counter
from typing import Any, Final

from tests.simulation.faults import KINDS
from tests.simulation.runs import Outcome

LOTS_PER_HOUR: Final = 60
FAULTS_PER_HOUR: Final = 100
"""A simulation that hardly trades, or in which hardly anything goes wrong, proves nothing."""


class Totals:
    """What was simulated."""

    def __init__(self) -> None:
        self.seeds = 0
        self.hours = 0.0
        self.turns = 0
        self.trades = 0
        self.lots = 0
        self.lives = 0
        self.fired: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        self.hours += outcome.simulated_s / 3600
        self.turns += outcome.turns
        self.trades += outcome.trades
        self.lots += outcome.lots
        self.lives += outcome.lives
        self.fired.update(outcome.fired)

    def record(self, wall_s: float, violations: int) -> dict[str, Any]:
        """Return the figures, JSON-ready."""
        return {
            "seeds": self.seeds,
            "simulated_hours": round(self.hours, 3),
            "wall_s": round(wall_s, 1),
            "hours_per_wall_s": round(self.hours / wall_s, 4),
            "turns": self.turns,
            "trades": self.trades,
            "lots_closed": self.lots,
            "lots_per_hour": round(self.lots / self.hours, 1),
            "lives": self.lives,
            "faults_fired": self.fired.total(),
            "faults_per_hour": round(self.fired.total() / self.hours, 1),
            "faults_by_kind": {kind: self.fired[kind] for kind in KINDS if self.fired[kind]},
            "violations": violations,
        }

    def missing(self) -> list[str]:
        """Return what a gate would have wanted and did not see."""
        lines = []
        for name, count, least in (
            ("lots were closed", self.lots, LOTS_PER_HOUR),
            ("faults fired", self.fired.total(), FAULTS_PER_HOUR),
        ):
            if count < least * self.hours:
                lines.append(f"{count / self.hours:.1f} {name} an hour, at least {least} are wanted")
        silent = [kind for kind in KINDS if not self.fired[kind]]
        if silent:
            lines.append(f"never fired: {', '.join(silent)}")
        return lines


def told(record: dict[str, Any]) -> str:
    """Return a record as lines for a person."""
    lines = []
    for key, value in record.items():
        text = ", ".join(f"{kind} {count}" for kind, count in value.items()) if isinstance(value, dict) else value
        lines.append(f"{key.replace('_', ' '):<17} {text}")
    return "\n".join(lines)
