"""The bot as a table: what each of its states makes of each input, learned once from the code itself.

A state is known by the shortest list of inputs that leads to it (`Desk` cannot be copied, its conversations are running
generators), and by a key that tells apart what can make a difference. What the model asks again is looked up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.grid.state import SECOND_NS
from actors.messages import CancelOrder
from exchanges.values import ZERO
from tests.grid.harness import START_NS
from tests.simulation.model.desk import Desk, Question

Input = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks look at. Quantities in units of the order."""

    has_concluded: bool
    seen: int
    told: int
    told_then: int
    believes: bool
    is_written: bool


class Bots:
    """All states of the bot that were ever reached, numbered.

    Args:
        build: Makes a fresh desk.
        play: Puts one input into it.
        times_s: The moments of the model.
        is_timed: See `Desk.key`.
    """

    def __init__(
        self,
        build: Callable[[], Desk],
        play: Callable[[Desk, Input], None],
        times_s: tuple[float, ...],
        *,
        is_timed: bool,
    ) -> None:
        self._build = build
        self._play = play
        self._is_timed = is_timed
        self._times_ns = tuple(START_NS + int(at * SECOND_NS) for at in times_s)
        self._numbers: dict[Any, int] = {}
        self._histories: list[tuple[tuple[int, Input], ...]] = []
        self._known: dict[tuple[int, int, Input], tuple[int, tuple[Any, ...]]] = {}
        self.facts: list[Facts] = []
        self.first = self._number(self._build(), ())

    def __len__(self) -> int:
        return len(self._histories)

    @property
    def transitions(self) -> int:
        """How many different reactions were asked of the code."""
        return len(self._known)

    def react(self, bot: int, moment: int, given: Input) -> tuple[int, tuple[Any, ...]]:
        """Return the state after an input and what left: `("ask", ticket, operation)`, `("cancel",)`, `("place",)`."""
        question = (bot, moment, given)
        found = self._known.get(question)
        if found is None:
            history = (*self._histories[bot], (moment, given))
            desk = self._replay(history)
            found = self._known[question] = self._number(desk, history), tuple(map(_left, desk.out))
        return found

    def _replay(self, history: tuple[tuple[int, Input], ...]) -> Desk:
        desk = self._build()
        for moment, given in history:
            desk.out.clear()
            # what happens in one moment happens one after the other
            desk.now_ns = max(self._times_ns[moment], desk.now_ns + 2)
            self._play(desk, given)
        return desk

    def _number(self, desk: Desk, history: tuple[tuple[int, Input], ...]) -> int:
        key = desk.key(is_timed=self._is_timed)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._histories)
            self._histories.append(history)
            self.facts.append(_facts(desk))
        return number


def _left(one: Any) -> tuple[Any, ...]:
    if isinstance(one, Question):
        return ("ask", one.ticket, one.operation)
    return ("cancel",) if isinstance(one, CancelOrder) else ("place",)


def _facts(desk: Desk) -> Facts:
    assert desk.command is not None
    part = desk.command.quantity / 2
    return Facts(
        has_concluded=desk.has_concluded,
        seen=_units(desk.seen, part),
        told=_units(desk.told, part),
        told_then=_units(desk.told_then, part),
        believes=desk.believes,
        is_written=desk.is_written,
    )


def _units(quantity: Any, part: Any) -> int:
    count = quantity / part if quantity != ZERO else ZERO
    assert count == int(count), "only whole parts are filled"
    return int(count)
