"""Tests that other code names, `file.py::name` under `tests/`, or `file.py::*` for all of a file."""

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of the tests in a file, empty where it is not there."""
    path = TESTS / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def exists(named: str) -> bool:
    """Whether a named test is there."""
    file, _, name = named.partition("::")
    return bool(names_in(file)) if name == "*" else name in names_in(file)
