"""Defects planted into the bot one by one, to see whether the simulation sees them.

    python -m tests.simulation.planted

Each is a production function replaced by a wrong variant for a block, everything else being as it is. What this proves
is that the simulation has eyes: a defect of ORIGIN.md A.6 or RELIABILITY.md A.2 that came back would be found by seed.

entries   defects of the entry side
exits     defects of the exit side
reports   defects in what is made of the venue's reports and answers
process   defects of restart, ids, gate and operator
handlers  what the fault catalogue relies on, taken out
hunting   runs seeds until a planted defect is caught
"""

from tests.simulation.planted.bugs import Bug
from tests.simulation.planted.entries import ENTRY_BUGS
from tests.simulation.planted.exits import EXIT_BUGS
from tests.simulation.planted.handlers import HANDLER_BUGS
from tests.simulation.planted.process import PROCESS_BUGS
from tests.simulation.planted.reports import REPORT_BUGS

SEEDED: dict[str, Bug] = {bug.name: bug for bug in (*ENTRY_BUGS, *EXIT_BUGS, *REPORT_BUGS, *PROCESS_BUGS)}
"""The seeded bugs by name."""

HANDLERS: dict[str, Bug] = {bug.name: bug for bug in HANDLER_BUGS}
"""Handlers of the fault catalogue that are taken out, by name."""

PLANTED: dict[str, Bug] = {**SEEDED, **HANDLERS}

__all__ = ["HANDLERS", "PLANTED", "SEEDED", "Bug"]
