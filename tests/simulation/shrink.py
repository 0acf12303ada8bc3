"""The shortest fault plan that still breaks the same rule (delta debugging over the explicit list)."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.simulation.faults import Fault
from tests.simulation.runs import Outcome, carry_out

_PATIENCE_S: Final = 120.0


def shrunk(outcome: Outcome, patience_s: float = _PATIENCE_S) -> Outcome:
    """Return the outcome of the shortest plan found within `patience_s` that breaks the outcome's first rule."""
    rule = outcome.violations[0].rule
    best = outcome
    deadline = time.monotonic() + patience_s

    def breaks(faults: tuple[Fault, ...]) -> Outcome | None:
        if time.monotonic() > deadline:
            return None
        tried = carry_out(replace(outcome.run, faults=faults))
        return tried if tried.violations and tried.violations[0].rule == rule else None

    # what came after the violation cannot have caused it
    before = tuple(fault for fault in outcome.run.plan if fault.at_s <= outcome.violations[0].at_s)
    tried = breaks(before)
    if tried is not None:
        best = tried
    return minimal(best, breaks)


def minimal(best: Outcome, breaks: Callable[[tuple[Fault, ...]], Outcome | None]) -> Outcome:
    """Leave out larger, then smaller pieces of the plan as long as the rule stays broken."""
    pieces = 2
    while len(best.run.plan) > 1:
        plan = best.run.plan
        size = max(len(plan) // pieces, 1)
        for start in range(0, len(plan), size):
            tried = breaks(plan[:start] + plan[start + size :])
            if tried is not None:
                best = tried
                pieces = max(pieces - 1, 2)
                break
        else:
            if size == 1:
                return best
            pieces = min(pieces * 2, len(plan))
    if best.run.plan:
        tried = breaks(())
        if tried is not None:
            return tried
    return best
