"""Mutation testing of the core, the ledger and the id codec: is every line there because a test needs it?

    python -m tests.mutation                          everything (setup.cfg, [mutmut] says what and by which tests)
    python -m tests.mutation 'exchanges.fills.*'      only mutants with such names
    python -m tests.mutation --show NAME              what a mutant changes

mutmut makes the mutants, `tests.mutation.loop` runs the tests on them. Every survivor has to stand in survivors.txt
with a reason: exit 1 if one does not, or (where all tests have judged everything) if one that stands there is killed.
"""

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from mutmut.__main__ import (
    copy_also_copy_files,
    copy_src_dir,
    create_mutants,
    get_diff_for_mutant,
)
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

from tests.mutation.loop import KILLED, SAID
from tests.mutation.survivors import LIST, Change, change_of, read_list

VERDICTS = Path("mutants", "verdicts.json")
"""Where a run leaves its verdicts, by name of the mutant; written all along."""


def main() -> int:
    """Return 0 if no survivor is without a reason and no reason without a survivor."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("mutants", nargs="*", metavar="PATTERN", help="only mutants whose name matches")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tested at the same time (1)")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="at most so much processor time per mutant (all tests)"
    )
    parser.add_argument("--tests", nargs="+", metavar="PATH", help="judge by these tests (as in setup.cfg)")
    parser.add_argument("--show", metavar="NAME", help="show what one mutant changes and do nothing else")
    options = parser.parse_args()
    if options.show:
        print(get_diff_for_mutant(options.show))
        return 0
    make_mutants(options.mutants)
    began_s = time.monotonic()
    found = run_tests(options)
    if not found:
        parser.error(f"no mutant has a name like {' or '.join(options.mutants) or 'any'}; modules: setup.cfg, [mutmut]")
    verdicts = {name: verdict for name, verdict in found.items() if verdict != SAID}
    print(f"{len(found) - len(verdicts)} mutants change only a text for people and are left out")
    print_scores(verdicts, time.monotonic() - began_s)
    return judge(verdicts, is_whole=not (options.mutants or options.tests or options.seconds))


def make_mutants(patterns: list[str]) -> None:
    """Let mutmut write `mutants/`, the copy of the project in which every function can be any of its mutants.

    Only modules that a pattern may mean are mutated: it takes a while.
    """
    wanted = [path for pattern in config().only_mutate for path in map(str, Path().glob(pattern))]
    config().only_mutate = [path for path in wanted if not patterns or any(_may_mean(it, path) for it in patterns)]
    set_mutant_under_test("mutant_generation")
    shutil.rmtree("mutants", ignore_errors=True)  # mutmut leaves alone what it wrote for another choice
    Path("mutants").mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(max_children=1)


def _may_mean(pattern: str, path: str) -> bool:
    module = path.removesuffix(".py").replace("/", ".") + "."
    start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return module.startswith(start) or start.startswith(module)


def run_tests(options: argparse.Namespace) -> dict[str, str]:
    """Return the verdict on each mutant.

    Raises:
        SystemExit: The tests do not even pass without a mutant.
    """
    VERDICTS.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "--tb=short", "-p", "tests.mutation.loop"]
    command += [f"--mutant-report={VERDICTS.name}", f"--mutant-jobs={options.jobs}"]
    command += [f"--mutant-seconds={options.seconds}", *(f"--mutants={pattern}" for pattern in options.mutants)]
    # a test may take longer than its limit where a mutant's budget is processor time and the machine is busy
    command += ["-o", "timeout=0", *config().pytest_add_cli_args]
    command += options.tests or config().pytest_add_cli_args_test_selection
    environment = {key: value for key, value in os.environ.items() if key != "MUTANT_UNDER_TEST"}
    done = subprocess.run(command, cwd=VERDICTS.parent, env=environment, check=False)
    if done.returncode or not VERDICTS.exists():
        raise SystemExit("the tests that judge the mutants do not pass without one")
    return json.loads(VERDICTS.read_text(encoding="utf-8"))


def print_scores(verdicts: dict[str, str], seconds: float) -> None:
    """Print how many mutants each module has and how many were killed."""
    alive = Counter(module_of(name) for name, verdict in verdicts.items() if verdict != KILLED)
    total = Counter(map(module_of, verdicts))
    print(f"{'module':40} {'mutants':>8} {'alive':>6} {'killed':>7}")
    for module in [*sorted(total), "all"]:
        count, survived = (total.total(), alive.total()) if module == "all" else (total[module], alive[module])
        print(f"{module:40} {count:8} {survived:6} {100 * (count - survived) / max(count, 1):6.1f}%")
    print(f"{seconds:.0f} s")


def judge(verdicts: dict[str, str], *, is_whole: bool) -> int:
    """Compare the survivors with the list."""
    reasons = read_list(LIST.read_text(encoding="utf-8"))
    found = {described(name): name for name, verdict in verdicts.items() if verdict != KILLED}
    unexplained = sorted(set(found) - set(reasons))
    killed = sorted(set(reasons) - set(found)) if is_whole else []
    for change in unexplained:
        print(f"\n{found[change]} survived, and {LIST.name} gives no reason:\n{change}")
    for change in killed:
        print(f"\n{LIST.name} excuses what is killed or gone; take it out:\n{change}")
    print(f"\n{len(found)} kinds of survivors, {len(unexplained)} without a reason, {len(killed)} reasons out of date")
    return 1 if unexplained or killed else 0


def module_of(mutant: str) -> str:
    """Return the module a mutant is in."""
    return mutant.rpartition(".")[0]


def described(mutant: str) -> Change:
    """Return what a mutant changes."""
    function, owner = orig_function_and_class_names_from_key(mutant)
    name = ".".join(part for part in (module_of(mutant), owner, function) if part)
    return change_of(name, get_diff_for_mutant(mutant))


if __name__ == "__main__":
    sys.exit(main())
