"""A pytest plug-in that runs the suite once for every mutant, each time in a fork of one collected session.

mutmut starts pytest anew for every mutant, runs the tests in any order, shrinks every counterexample and asks in every
call of a function which mutant is meant: 1 to 130 s for one mutant of this project, days for all. Here the tests are
collected once, a mutant is put in place by exchanging the code of its function, only tests that run the changed
statement are asked, the quickest first, and a mutant that loses its way is stopped by processor time, which does not
depend on what else the machine does. A mutant costs a fork and the tests up to the first that fails.

It runs inside `mutants/`, the copy that mutmut makes, and is loaded before anything of it is imported.
"""

import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate
from pathlib import Path
from types import FunctionType

import pytest
from mutmut.mutation import trampoline
from mutmut.mutation.trampoline_templates import CLASS_NAME_SEPARATOR

from tests.mutation.lines import Line, changed_lines, running_lines

KILLED, SURVIVED, NO_TESTS, SAID = "killed", "survived", "no tests", "only said"
_SPARE_CPU_S = 1.0
_CPU_FACTOR = 10.0
_SPARE_MEMORY = 1 << 30

_functions: dict[str, tuple[FunctionType, dict[str, FunctionType]]] = {}
"""Every function that has mutants, by the name of mutmut without a number, with its mutants by their own names."""


def _keep(mutants: dict[str, FunctionType], is_classmethod: bool = False) -> Callable[[FunctionType], FunctionType]:
    """Stand in for mutmut's trampoline: leave the function as it is, and remember its mutants."""

    def keep(function: FunctionType) -> FunctionType:
        owner, _, name = function.__qualname__.rpartition(".")
        mangled = f"x{CLASS_NAME_SEPARATOR}{owner}{CLASS_NAME_SEPARATOR}{name}" if owner else f"x_{name}"
        _functions[f"{function.__module__}.{mangled}"] = function, mutants
        return function

    return keep


trampoline.wrap_in_trampoline = _keep


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mutation")
    group.addoption("--mutants", action="append", default=[], help="only mutants whose name matches (may be repeated)")
    group.addoption("--mutant-jobs", type=int, default=1, help="how many mutants are tested at the same time")
    group.addoption("--mutant-seconds", type=float, default=0.0, help="processor time of the tests for one mutant")
    group.addoption("--mutant-report", help="where the verdicts are written, as JSON by name of the mutant")


@dataclass
class _Clean:
    """What the run without a mutant has shown: who tests what, and how long it takes."""

    seconds: dict[pytest.Item, float] = field(default_factory=dict)
    tests: dict[Line, set[pytest.Item]] = field(default_factory=lambda: defaultdict(set))

    def quickest_first(self, mutant: str, seconds: float) -> list[pytest.Item]:
        """Return the tests that run what a mutant changes, as many as fit into so many seconds (0: all), at least
        one.
        """
        function, changed = _pair(mutant)
        running = [self.tests.get((function.__code__, line), set()) for line in changed_lines(function, changed)]
        items = sorted(set().union(*running), key=lambda item: (self.seconds[item], item.nodeid))
        ends = accumulate(self.seconds[item] for item in items)
        return [item for item, end in zip(items, ends, strict=True) if not seconds or end <= seconds] or items[:1]


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run everything without a mutant, then what is relevant with each."""
    if session.testsfailed or session.config.option.collectonly:
        return True
    mutants = list(_named(session.config.option.mutants))
    clean = _run_clean(session)
    if session.testsfailed:
        session.shouldfail = "the tests fail without any mutant"
        return True
    verdicts = {}
    for count, (name, verdict) in enumerate(_run_mutants(session, clean, mutants), start=1):
        verdicts[name] = verdict
        if count % 100 == 0 or count == len(mutants):
            alive = sum(verdict in (SURVIVED, NO_TESTS) for verdict in verdicts.values())
            print(f"{count} of {len(mutants)} mutants, {alive} survived", file=sys.stderr, flush=True)
            _report(session.config.option.mutant_report, verdicts)
    _report(session.config.option.mutant_report, verdicts)
    return True


def _report(path: str | None, verdicts: dict[str, str]) -> None:
    if path:
        Path(path).write_text(json.dumps(verdicts, indent=1, sort_keys=True), encoding="utf-8")


def _named(patterns: list[str]) -> Iterator[str]:
    """Yield the names of the mutants mutmut has made."""
    for path in sorted(Path().glob("**/*.meta")):
        for name in json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]:
            if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns):
                yield name


def _pair(mutant: str) -> tuple[FunctionType, FunctionType]:
    """Return the function as it is and as a mutant has it."""
    function, mutants = _functions[mutant.partition("__mutmut_")[0]]
    return function, mutants[mutant.rpartition(".")[2]]


def _become(mutant: str) -> None:
    """Exchange the code of one function for that of its mutant."""
    function, changed = _pair(mutant)
    function.__code__ = changed.__code__
    function.__defaults__ = changed.__defaults__
    function.__kwdefaults__ = changed.__kwdefaults__


def _is_only_said(mutant: str) -> bool:
    """Whether a mutant changes nothing but a text for people: one with a space in it."""
    before, after = (function.__code__ for function in _pair(mutant))
    if before.co_code != after.co_code or len(before.co_consts) != len(after.co_consts):
        return False
    pairs = [pair for pair in zip(before.co_consts, after.co_consts, strict=True) if pair[0] != pair[1]]
    return bool(pairs) and all(isinstance(one, str) and " " in one.strip() for pair in pairs for one in pair)


def _run_clean(session: pytest.Session) -> _Clean:
    clean = _Clean()
    functions = {function.__code__ for function, _ in _functions.values()}
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        began_s = time.process_time()
        with running_lines(functions) as ran:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        clean.seconds[item] = time.process_time() - began_s
        for line in ran:
            clean.tests[line].add(item)
    return clean


def _run_mutants(session: pytest.Session, clean: _Clean, mutants: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each mutant's verdict as soon as it is there."""
    running: dict[int, str] = {}
    for mutant in mutants:
        items = clean.quickest_first(mutant, session.config.option.mutant_seconds)
        if not items or _is_only_said(mutant):
            yield mutant, SAID if items else NO_TESTS
            continue
        if len(running) >= session.config.option.mutant_jobs:
            yield _wait(running)
        pid = os.fork()
        if pid == 0:
            _be(session, mutant, items, clean.seconds)
        running[pid] = mutant
    while running:
        yield _wait(running)


def _wait(running: dict[int, str]) -> tuple[str, str]:
    pid, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGINT:
        raise KeyboardInterrupt
    return running.pop(pid), SURVIVED if code == 0 else KILLED


def _be(session: pytest.Session, mutant: str, items: list[pytest.Item], seconds: dict[pytest.Item, float]) -> None:
    """Live as a mutant, up to the first test that fails. Never returns."""
    code = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _SPARE_MEMORY, used + _SPARE_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        _become(mutant)
        for item, following in zip(items, [*items[1:], None], strict=True):
            signal.setitimer(signal.ITIMER_PROF, _SPARE_CPU_S + _CPU_FACTOR * seconds[item])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                break
        else:
            code = 0
    finally:
        os._exit(code)
