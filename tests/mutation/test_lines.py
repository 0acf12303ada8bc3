"""Where a mutant differs, and who runs that."""

from collections.abc import Callable
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
        case _:
            return "other"


def x_head(number: int, least: int = 1) -> str:
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
        case _:
            return "other"


def x_condition(number: int, least: int = 0) -> str:
    if (
        number < least
        or number
    ):
        return "below"
    try:
        half = 10 // number
    except ZeroDivisionError:
        return "nothing"
    match half:
        case 1:
            return "one"
        case _:
            return "other"


def x_case(number: int, least: int = 0) -> str:
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
        case 2:
            return "one"
        case _:
            return "other"


def x_value(number: int, least: int = 0) -> str:
    if (
        number < least
        and number
    ):
        return "below"
    try:
        half = 10 // number
    except ZeroDivisionError:
        return "NOTHING"
    match half:
        case 1:
            return "one"
        case _:
            return "other"


# fmt: on
def lines_of(*calls: Callable[[], Any]) -> set[int]:
    with running_lines({classify.__code__}) as ran:
        for call in calls:
            call()
    return {line for _, line in ran}


def is_run(mutant: Callable[..., str], *calls: Callable[[], Any]) -> bool:
    return not lines_of(*calls).isdisjoint(changed_lines(classify, mutant))  # type: ignore[arg-type]


def test_the_statement_that_differs_is_found_with_all_its_lines() -> None:
    assert changed_lines(classify, x_condition) == range(1, 5)  # type: ignore[arg-type]
    assert is_run(x_condition, lambda: classify(3))
    assert len(changed_lines(classify, x_value)) == 1  # type: ignore[arg-type]


def test_only_who_runs_the_changed_line_can_tell() -> None:
    assert not is_run(x_value, lambda: classify(3), lambda: classify(-3))
    assert is_run(x_value, lambda: classify(0))
    assert not is_run(x_case, lambda: classify(0))
    assert is_run(x_case, lambda: classify(3))


def test_other_arguments_concern_everybody() -> None:
    assert changed_lines(classify, x_head) == range(len(changed_lines(classify, x_head)))  # type: ignore[arg-type]
    assert is_run(x_head, lambda: classify(0))


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
