"""Quick records behave as the standard library's frozen dataclasses do."""

import copy
import dataclasses
import inspect
import pickle
from decimal import Decimal

import pytest

import actors.grid.state as grid_state
import actors.messages as all_messages
from actors.grid.state import ExitBook, TrackedPosition
from actors.messages import OrderFilled
from exchanges.order_ids import OrderKey
from exchanges.records import quicken, replace
from exchanges.values import ClientOrderId


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A record with every kind of field."""

    needed: int
    usual: str = "usual"
    made: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """A record that checks itself."""

    low: int
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


@dataclasses.dataclass(frozen=True, slots=True)
class Wider(Checked):
    """A record on top of another: not quickened, yet usable everywhere."""

    extra: int = 0


class Plain(Checked):
    """A subclass that only inherits the constructor."""


quicken(__name__)


def test_constructor_takes_arguments_and_defaults_as_before() -> None:
    made = Sample(needed=1)
    assert (made.needed, made.usual, made.made) == (1, "usual", [])
    assert Sample(needed=1).made is not made.made
    assert type(made) is Sample
    assert str(inspect.signature(Checked)) == "(low: int, high: int = 9) -> None"
    assert Checked(3) == Checked(low=3, high=9)


@pytest.mark.parametrize("arguments", [{}, {"needed": 1, "unknown": 2}])
def test_constructor_refuses_wrong_arguments(arguments: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Sample(**arguments)  # type: ignore[arg-type]


def test_fields_stay_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sample(needed=1).needed = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(Sample(needed=1), needed=2).needed = 3  # type: ignore[misc]


def test_replace_changes_only_what_is_named_and_leaves_the_original() -> None:
    first = Sample(needed=1, usual="a", made=[1])
    second = replace(first, needed=2)
    assert second == Sample(needed=2, usual="a", made=[1])
    assert first == Sample(needed=1, usual="a", made=[1])
    assert second == dataclasses.replace(first, needed=2)
    assert hash(Checked(1)) == hash(replace(Checked(2), low=1))


def test_replace_refuses_an_unknown_field() -> None:
    with pytest.raises(TypeError):
        replace(Sample(needed=1), unknown=2)  # type: ignore[call-arg]


def test_checks_of_a_record_run_in_constructor_and_copy() -> None:
    with pytest.raises(ValueError, match="low"):
        Checked(10)
    with pytest.raises(ValueError, match="low"):
        replace(Checked(1), low=10)
    with pytest.raises(ValueError, match="lot sequence"):
        OrderKey(1, 0, 0)


def test_subclasses_keep_their_class() -> None:
    assert type(Plain(1)) is Plain
    assert type(Wider(1)) is Wider
    assert replace(Wider(1, extra=5), low=2) == Wider(2, extra=5)


def test_records_can_be_copied_and_pickled() -> None:
    fill = OrderFilled(
        grid="g", client_order_id=ClientOrderId(7), price=Decimal(1), quantity=Decimal(2), cumulative=Decimal(2)
    )
    assert copy.deepcopy(fill) == fill
    assert pickle.loads(pickle.dumps(fill)) == fill  # noqa: S301 - made here


def test_state_and_messages_are_quick() -> None:
    for record in (ExitBook, TrackedPosition, OrderFilled):
        assert record.__init__.__code__.co_filename == "<string>"
        assert "twin" in record.__init__.__globals__
    for module in (all_messages, grid_state):
        assert all(inspect.signature(found) for found in vars(module).values() if isinstance(found, type))
