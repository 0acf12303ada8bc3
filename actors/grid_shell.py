"""What GridStrategy and GridOrderCloser have in common: one pure state per grid, messages in, outputs by type out.

A shell decides nothing. It hands each message to the core, sends what the core answers, tells the journal, logs the
notes, and asks for a Tick when the core says that time alone would change something. Sends come first: an order is on
its way to the lane before anything is written or logged. An exit, and the fill that causes it, go even before the step
that made them is finished, and the shell then leaves the interpreter to the next hop (`actors.give_way`). Should the
step fail after that, the order is known by its intent and its id, as after any failure between two hops: the crew
starts again from the venue's truth.

A grid's core needs the venue's word (rules, fees, leverage) to exist at all, which comes with `ConnectionReady`, after
the facts it implies. So messages for a grid are kept until then and taken in their order.
"""

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from actors.addresses import Address
from actors.base import BotActor
from actors.give_way import GiveWay, no_pause
from actors.grid.draft import SendNow
from actors.grid.restore import RestoredGrid
from actors.grid.settings import GridSettings
from actors.grid.state import GridContext, Output, Step
from actors.log_events import LogEvent
from actors.messages import (
    ActorFailed,
    CancelOrder,
    ConnectionReady,
    OrderCommand,
    PlaceLimitOrder,
    PlaceMarketOrder,
    QueryOrder,
    Tick,
)
from actors.timers import TimerService
from actors.venue_messages import Port
from exchanges.clock import Clock
from exchanges.venue import Capabilities

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSeat:
    """One grid as a shell is told of it at wiring.

    Attributes:
        settings: What the trader wants of it.
        bot_tag: Part of its order ids.
        capabilities: What its venue can do.
        restored: What journal and intents know of it, None on a first start.
        lanes: Its venue's order lanes.
        connection: Its venue's connection, for questions.
    """

    settings: GridSettings
    bot_tag: int
    capabilities: Capabilities
    restored: RestoredGrid | None
    lanes: Address[OrderCommand]
    connection: Address[QueryOrder]


@dataclass(frozen=True, slots=True)
class GridTick:
    """A Tick for one grid. Timers -> the shell itself."""

    grid: str
    tick: Tick


class Desk(Generic[S]):
    """One grid inside a shell: its seat, and its context and state once the venue has been read."""

    __slots__ = ("armed_ns", "context", "seat", "send_now", "state", "waiting")

    def __init__(self, seat: GridSeat, send_now: SendNow) -> None:
        self.seat = seat
        self.send_now = send_now
        self.context: GridContext | None = None
        self.state: S | None = None
        self.waiting: list[Any] = []
        self.armed_ns: int | None = None

    @property
    def name(self) -> str:
        """The grid's name."""
        return self.seat.settings.name


def context_of(seat: GridSeat, ready: ConnectionReady) -> GridContext:
    """Return the core's context from what was set and what the venue said."""
    return GridContext(
        name=seat.settings.name,
        exchange=seat.settings.exchange,
        symbol=seat.settings.symbol,
        settings=seat.settings,
        rules=ready.rules,
        fees=ready.fees,
        bot_tag=seat.bot_tag,
        applied_leverage=ready.leverage,
        capabilities=seat.capabilities,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellParts(Generic[S]):
    """What a shell is built with.

    Attributes:
        journal: Told every output and note, after the sends.
        publish: Called with a grid's context and newest state; must be quick.
        give_way: Called between an exit's next hop and everything that can wait.
    """

    clock: Clock
    timers: TimerService
    journal: Address[Any]
    publish: Callable[[GridContext, S], None]
    give_way: GiveWay = no_pause


class GridShell(BotActor, Generic[S]):
    """Base of the two shells. Everything runs on the actor's thread."""

    def __init__(
        self, *, name: str, failures: Address[ActorFailed], seats: Sequence[GridSeat], parts: ShellParts[S]
    ) -> None:
        super().__init__(name=name, failures=failures)
        self._parts = parts
        self._desks: dict[str, Desk[S]] = {
            seat.settings.name: Desk(seat, functools.partial(self._send_now, seat)) for seat in seats
        }
        self._sent = 0
        """How many outputs of the running step have been sent."""

    # --- what a shell adds ---

    @abstractmethod
    def _initial(self, context: GridContext, restored: RestoredGrid | None, now_ns: int, wall_ns: int) -> S: ...

    @abstractmethod
    def _core_step(
        self,
        context: GridContext,
        state: S,
        event: Any,  # noqa: ANN401 - each core's own union
        now_ns: int,
        send_now: SendNow,
    ) -> Step[S]: ...

    @abstractmethod
    def _deadline_ns(self, context: GridContext, state: S) -> int | None: ...

    @abstractmethod
    def _send_on(self, output: Output) -> None:
        """Send an output that is neither an order command nor a question to a venue."""

    # --- shared ---

    def handle(self, message: Any) -> None:  # noqa: ANN401 - each shell narrows it to its own union
        """Take one message: for the grid it names, or for all where it names none."""
        if type(message) is GridTick:
            desk = self._desks[message.grid]
            desk.armed_ns = None
            self._take(desk, message.tick)
        elif message.grid:
            self._take(self._desks[message.grid], message)
        else:
            for desk in self._desks.values():
                self._take(desk, message)

    def _take(self, desk: Desk[S], event: Any) -> None:  # noqa: ANN401 - see handle
        if isinstance(event, ConnectionReady):
            self._learn(desk, event)
        if desk.context is None:
            desk.waiting.append(event)
            return
        self._step(desk, desk.context, event)

    def _learn(self, desk: Desk[S], ready: ConnectionReady) -> None:
        """Build the context; at the first time also the state, from what was restored and what has been told so far."""
        context = context_of(desk.seat, ready)
        is_first = desk.state is None
        desk.context = context
        if not is_first:
            return
        clock = self._parts.clock
        desk.state = self._initial(context, desk.seat.restored, clock.monotonic_ns(), clock.wall_ns())
        waiting, desk.waiting = desk.waiting, []
        for event in waiting:
            self._step(desk, context, event)

    def _step(self, desk: Desk[S], context: GridContext, event: Any) -> None:  # noqa: ANN401 - see handle
        state = desk.state
        if state is None:
            raise RuntimeError(f"{desk.name} has a context but no state")
        self._sent = 0
        step = self._core_step(context, state, event, self._parts.clock.monotonic_ns(), desk.send_now)
        desk.state = step.state
        for output in step.outputs[self._sent :]:
            self._send(desk.seat, output)
        for output in step.outputs:
            self.send(self._parts.journal, output)
        for note in step.notes:
            self.log_note(note)
            self.send(self._parts.journal, note)
        self._after(context, step.state)
        self._parts.publish(context, step.state)
        self._arm(desk, context, step.state)

    def _after(self, context: GridContext, state: S) -> None:
        """What a shell does besides, after the sends."""

    def _send_now(self, seat: GridSeat, outputs: Sequence[Output]) -> None:
        """Send what a running step holds to be urgent; its receiver gets the interpreter before the step goes on."""
        for output in outputs:
            self._send(seat, output)
        if not self._sent:
            self._parts.give_way(more_waits=self.mailbox_depth > 0)
        self._sent += len(outputs)

    def _send(self, seat: GridSeat, output: Output) -> None:
        if isinstance(output, PlaceLimitOrder | PlaceMarketOrder | CancelOrder):
            self.send(seat.lanes, output)
        elif isinstance(output, QueryOrder):
            self.send(seat.connection, output)
        else:
            self._send_on(output)

    def _arm(self, desk: Desk[S], context: GridContext, state: S) -> None:
        when_ns = self._deadline_ns(context, state)
        if when_ns == desk.armed_ns:
            return
        key = (self.name, desk.name)
        desk.armed_ns = when_ns
        if when_ns is None:
            self._parts.timers.cancel(key)
            return
        grid = desk.name
        port: Port[Tick, GridTick] = Port(self.actor_ref, lambda tick: GridTick(grid, tick))
        self._parts.timers.at(when_ns, port, key)

    def _on_stop(self) -> None:
        for name, desk in self._desks.items():
            self._parts.timers.cancel((self.name, name))
            if desk.waiting:
                self.log.bind(event=LogEvent.BOT_STOPPED, grid=name).debug(
                    "{} messages were kept for a grid whose venue was never read", len(desk.waiting)
                )
