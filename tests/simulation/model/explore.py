"""Breadth-first search through every state a model can reach, with the shortest way to the first bad one."""

import time
from collections import deque
from dataclasses import dataclass

from tests.simulation.model.bots import Bots
from tests.simulation.model.desk import Desk
from tests.simulation.model.world import Packed, Setup, World, play


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a search has found. `problem` is empty where every state is good; `way` leads to the bad one."""

    setup: str
    states: int
    edges: int
    reactions: int
    seconds: float
    problem: str = ""
    way: tuple[str, ...] = ()
    is_complete: bool = True
    conclusions: int = 0


class TooManyStates(Exception):
    """The search was given up."""


def explore(setup: Setup, *, most_states: int = 0, keeps_way: bool = True) -> Verdict:
    """Visit every state that can be reached, up to the first that is bad.

    Args:
        setup: The model.
        most_states: Give up after so many (0: never); the verdict then says that it is not complete.
        keeps_way: Remember how each state was reached. Without, a bad state is told, but not how it came to be.
    """
    began_s = time.perf_counter()
    is_timed = bool(setup.budget.lists or setup.budget.crashes)
    bots = Bots(lambda: Desk(setup.venue, is_entry=setup.is_entry), play, setup.times_s, is_timed=is_timed)
    world = World(setup, bots)
    first = world.first
    came_from: dict[int, tuple[int, str] | None] = {_number(first): None}
    todo = deque([first])
    edges = conclusions = 0

    def verdict(problem: str = "", bad: Packed | None = None, *, is_complete: bool = True) -> Verdict:
        way = _way(came_from, bad, world) if bad is not None and keeps_way else ()
        seconds = time.perf_counter() - began_s
        return Verdict(
            setup.name, len(came_from), edges, bots.transitions, seconds, problem, way, is_complete, conclusions
        )

    while todo:
        state = todo.popleft()
        number = _number(state)
        for what, following in world.following(state):
            edges += 1
            there = _number(following)
            if there in came_from:
                continue
            came_from[there] = (number, what) if keeps_way else None
            problem = world.problem(following)
            if problem:
                return verdict(problem, following)
            conclusions += bots.facts[following[0]].has_concluded
            todo.append(following)
        if most_states and len(came_from) > most_states:
            return verdict(is_complete=False)
    return verdict()


def _number(state: Packed) -> int:
    """A state as one number: a set of numbers takes a third of the room of a set of tuples."""
    bot, truth, moment, net, budget = state
    return net << 60 | bot << 34 | truth << 20 | budget << 6 | moment


def _way(came_from: dict[int, tuple[int, str] | None], bad: Packed, world: World) -> tuple[str, ...]:
    steps = [f"now: {world.shown(bad)}"]
    found = came_from[_number(bad)]
    while found is not None:
        steps.append(found[1])
        found = came_from[found[0]]
    return tuple(reversed(steps))
