"""The simulated venue's accounts as JSON text and back: what outlives a killed bot.

Decimals are text, enumerations their values. Reading is strict: anything unexpected is a ValueError, never a default.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from exchanges.simulated.account import Account
from exchanges.simulated.book import Order
from exchanges.simulated.engine_types import IncomeView, TradeView

VERSION = 1
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class EngineState:
    """Everything of an engine that is worth keeping. `timers` are dead-man timers: (account, symbol, due_ns)."""

    now_ns: int
    next_order_id: int
    next_trade_id: dict[str, int]
    next_income_id: int
    update_id: int
    accounts: list[Account] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    trades: list[TradeView] = field(default_factory=list)
    income: list[IncomeView] = field(default_factory=list)
    timers: list[tuple[str, str, int]] = field(default_factory=list)


def dump_state(state: object) -> str:
    """Return a dataclass as JSON text that `read_state` reads back."""
    return json.dumps({"version": VERSION, "state": _plain(state)}, separators=(",", ":"))


def dump(state: EngineState) -> str:
    """Return the state as JSON text."""
    return dump_state(state)


def load(text: str) -> EngineState:
    """Return the state in a text made by `dump`. Raises ValueError where it is not one."""
    return read_state(text, EngineState)


def read_state(text: str, kind: type[T]) -> T:
    """Read `{"version": 1, "state": ...}` as a dataclass. Raises ValueError."""
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise ValueError(f"not a state of version {VERSION}")
        value = _typed(document["state"], kind)
    except (KeyError, TypeError, InvalidOperation) as error:
        raise ValueError(f"the saved venue state cannot be read: {error!r}") from error
    if not isinstance(value, kind):
        raise ValueError(f"the saved venue state is no {kind.__name__}")  # noqa: TRY004 - bad text, not a bad caller
    return value


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _typed(value: Any, kind: Any) -> object:  # noqa: ANN401 - both sides of a generic reader
    origin = get_origin(kind)
    if origin is UnionType or (origin is not None and type(None) in get_args(kind)):
        return _optional(value, kind)
    if origin in (list, tuple, dict):
        return _container(value, kind, origin)
    if dataclasses.is_dataclass(kind):
        return _record(value, kind)
    if kind is Decimal:
        return _decimal(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    if type(value) is not kind:
        raise ValueError(f"{value!r} is not {kind}")
    return value


def _optional(value: Any, kind: Any) -> object:  # noqa: ANN401 - see _typed
    if value is None:
        return None
    (inner,) = (option for option in get_args(kind) if option is not NoneType)
    return _typed(value, inner)


def _container(value: Any, kind: Any, origin: Any) -> object:  # noqa: ANN401 - see _typed
    parts = get_args(kind)
    if origin is dict:
        return {str(key): _typed(item, parts[1]) for key, item in dict(value).items()}
    if origin is list:
        return [_typed(item, parts[0]) for item in value]
    return tuple(_typed(item, part) for item, part in zip(value, parts, strict=True))


def _record(value: Any, kind: Any) -> object:  # noqa: ANN401 - see _typed
    hints = get_type_hints(kind)
    names = {item.name for item in dataclasses.fields(kind)}
    if not isinstance(value, dict) or set(value) != names:
        raise ValueError(f"the saved state of {kind.__name__} has other fields than {sorted(names)}")
    return kind(**{name: _typed(value[name], hints[name]) for name in names})


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - see _typed
    number = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite decimal")
    return number
