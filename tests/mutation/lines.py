"""Which line of a function a mutant changes, and which lines of functions a test runs.

A function may be called by every test, and its changed line reached by three: only those can tell the difference.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from types import CodeType, FrameType, FunctionType
from typing import Any

Line = tuple[CodeType, int]
"""A line of a function, counted from its first."""


@contextmanager
def running_lines(functions: Collection[CodeType]) -> Iterator[set[Line]]:
    """Yield a set that is given every line of these functions that runs meanwhile."""
    ran: set[Line] = set()
    owners = {code: function for function in functions for code in _with_inner(function)}

    def enter(frame: FrameType, event: str, _: object) -> Any:
        del event
        return note if frame.f_code in owners else None

    def note(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            owner = owners[frame.f_code]
            ran.add((owner, frame.f_lineno - owner.co_firstlineno))
        return note

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield ran
    finally:
        sys.settrace(before)


def _with_inner(function: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function and of the functions, lambdas and comprehensions in it."""
    yield function
    for constant in function.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)


def changed_lines(before: FunctionType, after: FunctionType) -> range:
    """Return the lines of the statement in which two functions differ, counted from the first of `before`; where the
    arguments or their defaults differ, all lines.
    """
    (function, lines), (_, others) = _read(before), _read(after)
    body = function.body[0].lineno
    for line, (one, other) in enumerate(zip_longest(lines, others), start=function.lineno):
        if one != other and line >= body:
            return _statement(function, line)
    return range(function.lineno - 1, function.lineno - 1 + len(lines))


def _read(function: FunctionType) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, list[str]]:
    """Return a function's tree and its lines from `def` on, without decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)
    return tree, source.splitlines()[tree.lineno - 1 :]


def _statement(function: ast.AST, line: int) -> range:
    """Return the lines of the innermost statement around a line; of one with a body only the part the line is in."""
    around = [node for node in _statements(function) if node.lineno <= line <= (node.end_lineno or 0)]
    statement = min(around, key=lambda node: (node.end_lineno or 0) - node.lineno)
    inside = min((node.lineno for node in _statements(statement)), default=None)
    if inside is None:
        return range(statement.lineno - 1, statement.end_lineno or statement.lineno)
    if line < inside:
        return range(statement.lineno - 1, inside - 1)
    # else, except and case are a part of their own, like a head up to what follows
    following = min((node.lineno for node in _statements(statement) if node.lineno > line), default=line + 1)
    return range(line - 1, following - 1)


def _statements(owner: ast.AST) -> list[ast.stmt]:
    return [node for node in ast.walk(owner) if isinstance(node, ast.stmt) and node is not owner]
