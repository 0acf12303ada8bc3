"""Where a mutant differs, and who runs that."""

import inspect
import linecache
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from tests.mutation.lines import changed_lines, running_lines


# fmt: off
def classify(number: int, least: int = 0) -> str:
    if (
        number < least
        and number
    ):
        return "below"
    try:
        half = 10 // number
    except ZeroDivisionError:
        return "nothing"
    match half:
        case 1:
            return "one"
        case (
            2
            | 3
        ):
            return "few"
        case _:
            return "other"


# fmt: on
def changed(before: str, after: str) -> Callable[..., str]:
    """Return `classify` as it reads with another text at one place."""
    source = inspect.getsource(classify)
    assert source.count(before) == 1
    source, name = source.replace(before, after), f"<{after}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    [code] = [found for found in compile(source, name, "exec").co_consts if isinstance(found, CodeType)]
    return FunctionType(code, {})


HEAD = changed("least: int = 0", "least: int = 1")
CONDITION = changed("and number", "or number")
CASE = changed("case 1", "case 2")
GONE = changed(
    """
        case (
            2
            | 3
        ):
            return "few"
""",
    "\n",
)
VALUE = changed('"nothing"', '"NOTHING"')


def lines_of(*calls: Callable[[], Any]) -> set[int]:
    with running_lines({classify.__code__}) as ran:
        for call in calls:
            call()
    return {line for _, line in ran}


def is_run(mutant: Callable[..., str], *calls: Callable[[], Any]) -> bool:
    return not lines_of(*calls).isdisjoint(changed_lines(classify, mutant))  # type: ignore[arg-type]


def test_the_statement_that_differs_is_found_with_all_its_lines() -> None:
    assert changed_lines(classify, CONDITION) == range(1, 5)  # type: ignore[arg-type]
    assert is_run(CONDITION, lambda: classify(3))
    assert len(changed_lines(classify, VALUE)) == 1  # type: ignore[arg-type]


def test_only_who_runs_the_changed_line_can_tell() -> None:
    assert not is_run(VALUE, lambda: classify(3), lambda: classify(-3))
    assert is_run(VALUE, lambda: classify(0))
    assert not is_run(CASE, lambda: classify(0))
    assert is_run(CASE, lambda: classify(3))


def test_a_case_of_several_lines_is_run_by_whoever_gets_that_far() -> None:
    assert is_run(GONE, lambda: classify(3))
    assert not is_run(GONE, lambda: classify(0))
    assert not is_run(GONE, lambda: classify(10))


def test_other_arguments_concern_everybody() -> None:
    assert changed_lines(classify, HEAD) == range(len(changed_lines(classify, HEAD)))  # type: ignore[arg-type]
    assert is_run(HEAD, lambda: classify(0))


def outer(number: int) -> int:
    def inner() -> int:
        return number + 1

    return inner()


def test_what_runs_inside_counts_for_the_function_around_it() -> None:
    with running_lines({outer.__code__}) as ran:
        outer(1)
    assert sorted(line for _, line in ran) == [1, 2, 4]


def test_tracing_ends() -> None:
    lines_of(lambda: classify(3))
    with running_lines(set()) as ran:
        classify(3)
    assert ran == set()
