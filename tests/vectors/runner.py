"""Runs one vector file: every section, every case, one line per failure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.vectors.cases import META, Case, Wrong, cases_of, load
from tests.vectors.recorded import check_against_recorded
from tests.vectors.registry import BOOKS, Check, venue_of


@dataclass(slots=True)
class Outcome:
    """What running a file gave. `sections` maps a section to (passed, failed); every failure is one line."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    sections: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many cases failed."""
        return len(self.failures)


def run_file(path: Path, *, recorded: bool = True) -> Outcome:
    """Run a file. `recorded=False` leaves out the comparison with the files we keep.

    Raises:
        Unusable: the file cannot be opened.
    """
    try:
        document = load(path)
    except Wrong as error:
        return Outcome(failures=[f"file: {error}"])
    return run_document(document, recorded=recorded)


def run_document(document: Any, *, recorded: bool = True, only: Collection[str] | None = None) -> Outcome:
    """Run a decoded file, or with `only` the sections of these names (the others can still be referred to)."""
    try:
        venue, sections = _open(document)
    except Wrong as error:
        return Outcome(failures=[f"file: {error}"])
    outcome = Outcome()
    book = BOOKS[venue](document)
    for section, data in sections.items():
        if only is not None and section not in only:
            continue
        before = (outcome.passed, outcome.failed)
        check = book.check_for(section)
        for failure in _run_section(venue, section, data, check, recorded=recorded):
            if failure is None:
                outcome.passed += 1
            else:
                outcome.failures.append(failure)
        outcome.sections[section] = (outcome.passed - before[0], outcome.failed - before[1])
    return outcome


def _open(document: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(document, Mapping):
        raise Wrong("an object with sections was expected")
    meta = document.get(META)
    exchange = meta.get("exchange") if isinstance(meta, Mapping) else None
    if not isinstance(exchange, str):
        raise Wrong("meta.exchange does not say which venue this is")
    venue = venue_of(exchange)
    if venue is None:
        raise Wrong(f"meta.exchange {exchange!r:.80} names no venue we know ({', '.join(BOOKS)})")
    sections = {key: value for key, value in document.items() if key != META}
    if not sections:
        raise Wrong("zero cases: the file has no section")
    return venue, sections


def _run_section(venue: str, section: str, data: Any, check: Check | None, *, recorded: bool) -> Iterator[str | None]:
    """Yield one line per failing case and None per passing one."""
    cases = cases_of(section, data)
    if not cases:
        yield f"{section}: zero cases (a list, an object or an object with a list of cases was expected)"
        return
    for case in cases:
        if check is None:
            yield f"{section}/{case.label}: unknown section, not run"
            continue
        yield _run_case(venue, case, check, recorded=recorded)


def _run_case(venue: str, case: Case, check: Check, *, recorded: bool) -> str | None:
    try:
        check(case)
        if recorded:
            check_against_recorded(venue, case)
    except Wrong as error:
        return _line(case, str(error))
    except Exception as error:  # noqa: BLE001 - a check that breaks on bad input is a failure of the case, not of the run
        return _line(case, f"the check broke: {type(error).__name__}: {error}")
    return None


def _line(case: Case, text: str) -> str:
    return f"{case.section}/{case.label}: {' '.join(text.split())}"
