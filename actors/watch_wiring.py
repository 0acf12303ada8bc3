"""How the watchdog is connected to what it watches: every actor, lane and timer thread of one crew."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pykka

from actors.addresses import Address
from actors.messages import Heartbeat, Tick
from actors.rest_thread import RestThread
from actors.timers import Timers
from actors.watchdog import Watchdog, Watched, WatchParts
from actors.watches import (
    ACTOR,
    BEAT_NS,
    JOURNAL,
    LANE,
    MOST_FACTS,
    MOST_MESSAGES,
    MOST_ORDERS,
    ROOT,
    STUCK_LANE,
    TIMERS,
)
from actors.wires import CrewPlan

_STOP_S: Final = 3.0


class TickCounter:
    """Counts the beats of a timer service on that service's own thread: a count that stays is a thread that hangs."""

    def __init__(self) -> None:
        self.count = 1

    def tell(self, _: Tick, /) -> None:
        """Take a beat."""
        self.count += 1


def watched_actor(name: str, ref: "pykka.ActorRef[Any]", *, is_journal: bool = False) -> Watched:
    """Return how an actor is watched."""

    def ask(heartbeat: Heartbeat) -> None:
        try:
            ref.tell(heartbeat)
        except pykka.ActorDeadError:
            return  # the next beat sees it

    return Watched(
        name=name,
        patience=JOURNAL if is_journal else ACTOR,
        is_alive=ref.is_alive,
        ask=ask,
        depth=lambda: int(getattr(ref.actor_inbox, "depth", 0)),
        most_waiting=MOST_FACTS if is_journal else MOST_MESSAGES,
    )


def watched_root(name: str, root: Address[Any]) -> Watched:
    """Return how the supervising actor is watched: nobody can start it again."""
    return Watched(name=name, patience=ROOT, is_alive=lambda: True, ask=root.tell, most_waiting=MOST_MESSAGES)


def watched_lane(worker: RestThread) -> Watched:
    """Return how a lane is watched."""
    return Watched(
        name=worker.name,
        patience=LANE,
        is_alive=lambda: worker.is_alive,
        job=lambda: worker.job,
        watch=STUCK_LANE,
        depth=lambda: worker.depth,
        most_waiting=MOST_ORDERS,
    )


def watched_timers(name: str, timers: Timers) -> Watched:
    """Return how a timer thread is watched: by a beat of its own."""
    counter = TickCounter()
    timers.every(BEAT_NS, counter, (name, "watched"))
    return Watched(name=name, patience=TIMERS, is_alive=lambda: timers.is_alive, job=lambda: counter.count)


class Watch:
    """The watchdog of one crew with its own timer thread. Used by the supervising actor's thread only."""

    def __init__(self, plan: CrewPlan) -> None:
        self._plan = plan
        self.name = f"{plan.settings.desk.name}/watchdog"
        self._timers = Timers(plan.clock, f"{self.name}-timers", plan.failures)

    def start(
        self, watched: Iterable[Watched], connections: Sequence[Address[Any]], prices: Address[Any]
    ) -> "pykka.ActorRef[Watchdog]":
        """Start both."""
        plan = self._plan
        self._timers.start()
        root = watched_root(f"{plan.settings.desk.name}/bot", plan.root)
        return Watchdog.start(
            name=self.name,
            failures=plan.failures,
            parts=WatchParts(
                clock=plan.clock,
                timers=self._timers,
                watched=(*watched, root),
                halted=plan.halted,
                connections=connections,
                prices=prices,
                offsets=plan.board.clock_offsets,
                publish=plan.board.put_alarms,
            ),
        )

    def stop(self) -> None:
        """Stop the timer thread; the actor is stopped with the others."""
        self._timers.stop(_STOP_S)
