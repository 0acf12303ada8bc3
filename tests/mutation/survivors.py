"""The checked-in list of mutants that no test kills, each with the reason why none can or should.

An entry names the function, the changed lines as a diff, and the reason:

    exchanges.order_ids.unpack
    - the line as it is
    + the line as the mutant has it
    # why no test tells them apart

Entries are separated by blank lines. They hold as long as the code reads so; mutmut's own numbers change with every
edit. Lines that start with `##` are headings.
"""

from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("survivors.txt")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What a mutant changes, as far as it is the same after an edit elsewhere."""

    function: str
    removed: tuple[str, ...]
    added: tuple[str, ...]

    def __str__(self) -> str:
        lines = [self.function, *(f"- {line}" for line in self.removed), *(f"+ {line}" for line in self.added)]
        return "\n".join(lines)


def read_list(text: str) -> dict[Change, str]:
    """Return the reasons by change.

    Raises:
        ValueError: An entry is without a reason, a function or a change, or is there twice.
    """
    reasons: dict[Change, str] = {}
    for block in text.split("\n\n"):
        lines = [line for line in block.strip("\n").split("\n") if line.strip() and not line.startswith("##")]
        if not lines:
            continue
        change = Change(
            function=lines[0].strip(),
            removed=tuple(line[1:].strip() for line in lines[1:] if line.startswith("-")),
            added=tuple(line[1:].strip() for line in lines[1:] if line.startswith("+")),
        )
        reason = " ".join(line[1:].strip() for line in lines[1:] if line.startswith("#"))
        if not reason or not (change.removed or change.added):
            raise ValueError(f"survivors.txt: {lines[0]!r} has no reason or no change; write '# why' below its lines")
        if change in reasons:
            raise ValueError(f"survivors.txt: this is there twice:\n{change}")
        reasons[change] = reason
    return reasons


def change_of(function: str, diff: str) -> Change:
    """Return the change a unified diff shows."""
    body = [line for line in diff.splitlines() if not line.startswith(("---", "+++", "@@"))]
    return Change(
        function=function,
        removed=tuple(line[1:].strip() for line in body if line.startswith("-") and line[1:].strip()),
        added=tuple(line[1:].strip() for line in body if line.startswith("+") and line[1:].strip()),
    )
