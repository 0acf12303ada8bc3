"""Whether what a step answers and remembers has the types it declares.

A text that became None, or a flag that became a quantity, passes every comparison a test makes and is found by whoever
reads the log on the day it matters. The harnesses of this folder therefore check all that leaves a step.
"""

from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from typeguard import CollectionCheckStrategy, check_type


class WellTyped:
    """Checks records field by field, and each record once: they are frozen, and a step shares most with the last."""

    def __init__(self) -> None:
        self._seen: dict[int, object] = {}

    def check(self, record: Any) -> None:
        """Check a record with all that is in it.

        Raises:
            typeguard.TypeCheckError: A field holds what it does not declare.
        """
        if self._was_checked(record):
            return
        for name, hint, classes in _hints(type(record)):
            held = getattr(record, name)
            if isinstance(held, tuple) and self._was_checked(held):
                continue
            if type(held) not in classes:
                check_type(held, hint, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
            for inner in held if isinstance(held, tuple) else (held,):
                if is_dataclass(inner):
                    self.check(inner)

    def _was_checked(self, value: object) -> bool:
        if id(value) in self._seen:
            return True
        self._seen[id(value)] = value  # kept, so that nothing else gets its id
        return False


@cache
def _hints(record: type) -> list[tuple[str, Any, frozenset[type]]]:
    hints = get_type_hints(record)
    return [(field.name, hints[field.name], _plain(hints[field.name])) for field in fields(record)]


def _plain(hint: Any) -> frozenset[type]:
    """Return the classes whose objects fit without a closer look: most fields hold such a one."""
    if get_origin(hint) in (Union, UnionType):
        return frozenset().union(*map(_plain, get_args(hint)))
    if isinstance(hint, NewType):
        return _plain(hint.__supertype__)
    return frozenset({hint}) if isinstance(hint, type) and get_origin(hint) is None else frozenset()
