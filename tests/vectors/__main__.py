"""`python -m tests.vectors FILE...`: run vector files against our own code.

Prints one line per failing case and, as the last line, `N passed, M failed` over all files; N + M is the number of
cases (`--count` prints it by section on stderr). Exit code 0 where nothing failed, 1 where something did, 2 for
arguments that cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.vectors.cases import Unusable
from tests.vectors.runner import Outcome, run_file

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.vectors", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a vector file (JSON)")
    parser.add_argument("--count", action="store_true", help="print the cases of each section on stderr")
    parser.add_argument(
        "--computed-only", action="store_true", help="leave out the comparison with the files kept in tests/vectors"
    )
    chosen = parser.parse_args(arguments)
    outcomes: list[tuple[Path, Outcome]] = []
    for path in chosen.files:
        try:
            outcomes.append((path, run_file(path, recorded=not chosen.computed_only)))
        except Unusable as error:
            print(error, file=sys.stderr)  # noqa: T201 - a command line
            return USAGE
    for path, outcome in outcomes:
        _report(path, outcome, several=len(outcomes) > 1, count=chosen.count)
    passed = sum(outcome.passed for _, outcome in outcomes)
    failed = sum(outcome.failed for _, outcome in outcomes)
    print(f"{passed} passed, {failed} failed")  # noqa: T201 - a command line
    return 1 if failed else 0


def _report(path: Path, outcome: Outcome, *, several: bool, count: bool) -> None:
    for line in outcome.failures:
        print(f"{path.name}: {line}" if several else line)  # noqa: T201 - a command line
    if not count:
        return
    for section, (passed, failed) in outcome.sections.items():
        print(f"{section}: {passed + failed} cases, {failed} failed", file=sys.stderr)  # noqa: T201 - a command line


if __name__ == "__main__":
    sys.exit(main())
