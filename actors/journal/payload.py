"""A message as one line of JSON: every field by name, decimals as text, nothing lost."""

import json
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

_NAMES: dict[type, tuple[str, ...]] = {}


def encode_payload(message: Any) -> str:  # noqa: ANN401 - any frozen dataclass
    """Return a message's fields as JSON."""
    return _ENCODE(_as_dict(message))


def _as_dict(message: Any) -> dict[str, Any]:  # noqa: ANN401 - see above
    kind = type(message)
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(field.name for field in fields(kind))
    return {name: getattr(message, name) for name in names}


def _other(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if is_dataclass(value):
        return _as_dict(value)
    raise TypeError(f"{type(value).__name__} does not go into the journal")


_ENCODE = json.JSONEncoder(separators=(",", ":"), default=_other).encode
