"""How a bot's parts are put together: addresses that outlive actors, and one crew of actors and threads per life.

A crew is everything that is started together and ends together (one-for-all): journal, timers, lanes, connections,
price stream, closer, strategy. It is built bottom-up, wired, and only then told to begin; it is stopped in reverse.
Nothing of a crew is used again: a restart builds a new one from the journal and the venue.
"""

import functools
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pykka
from loguru import logger

from actors.addresses import Address
from actors.closer import CloserParts, GridOrderCloser
from actors.config.startup import Market, startup_problems
from actors.connection import ExchangeConnection
from actors.connection_facts import Owners
from actors.connection_parts import ConnectedGrid, ConnectionParts, StartMarket
from actors.desk_watch import DeskWatch, OrderMeter
from actors.give_way import Urgency, give_way
from actors.grid_shell import GridSeat, ShellParts
from actors.journal import AnswerReservations, FlushJournal, Journal, JournalDoor, OpenedState
from actors.log_events import LogEvent
from actors.messages import Ping
from actors.pipelined_lane import PipelinedLane
from actors.price_stream import PricedMarket, PriceFeed, PriceParts, PriceStream
from actors.query_lane import QueryLane
from actors.rest_worker import LaneParts, NewLane, OrderLane, OrderLanes
from actors.send_gate import SendGate
from actors.settings import BotSettings
from actors.strategy import GridStrategy, StrategyParts
from actors.streams import NewReader, Reader, ReaderCalls
from actors.timers import Timers
from actors.venue_access import VenueAccess
from actors.venue_clock import VenueClock
from actors.venue_messages import Begin
from actors.watch_wiring import Watch, watched_actor, watched_lane, watched_timers
from actors.wires import CrewPlan, DeadLetters, Wire
from exchanges.records import replace
from exchanges.venue import StreamEndpoint, Venue

_PING_S: Final = 10.0
_STOP_S: Final = 3.0
_MS_NS: Final = 1_000_000
_MOST_LANES: Final = 10


@dataclass(slots=True)
class _Exchange:
    """One exchange's threads."""

    name: str
    access: VenueAccess
    gate: SendGate
    venue_clock: VenueClock
    lanes: OrderLanes
    queries: QueryLane


@dataclass(slots=True)
class _Wires:
    letters: DeadLetters
    strategy: Wire[Any] = field(init=False)
    closer: Wire[Any] = field(init=False)
    journal: Wire[Any] = field(init=False)
    connections: dict[str, Wire[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.strategy = Wire(self.letters)
        self.closer = Wire(self.letters)
        self.journal = Wire(self.letters)


class Crew:
    """One life of a bot's actors and threads. Used by the supervising actor's thread only, except the addresses."""

    def __init__(self, plan: CrewPlan, state: OpenedState, letters: DeadLetters) -> None:
        self._plan = plan
        self._state = state
        self._name = plan.settings.desk.name
        self._meter = OrderMeter(plan.clock)
        self._wires = _Wires(letters)
        self._urgency = Urgency(plan.clock)
        self._timers = Timers(plan.clock, f"{self._name}/timers", plan.failures)
        self._exchanges: dict[str, _Exchange] = {}
        self._refs: list[tuple[str, pykka.ActorRef[Any]]] = []
        self._reader_numbers = itertools.count(1)
        self._watch = Watch(plan)

    @property
    def strategy(self) -> Address[Any]:
        """The strategy's mailbox."""
        return self._wires.strategy

    @property
    def closer(self) -> Address[Any]:
        """The closer's mailbox."""
        return self._wires.closer

    @property
    def journal(self) -> Address[Any]:
        """The journal's mailbox."""
        return self._wires.journal

    @property
    def timers(self) -> Timers:
        """The crew's timers."""
        return self._timers

    def depths(self) -> dict[str, int]:
        """Return how many messages wait, by actor and lane. Any thread."""
        waiting = {name: int(getattr(ref.actor_inbox, "depth", 0)) for name, ref in list(self._refs)}
        for exchange in list(self._exchanges.values()):
            waiting[f"{self._name}/{exchange.name}/order-lanes"] = exchange.lanes.depth
            waiting[f"{self._name}/{exchange.name}/query-lane"] = exchange.queries.depth
        return waiting

    def has_closer_answered(self, timeout_s: float) -> bool:
        """Wait until the closer has taken what it was told before; whether it has. Threads outside the bot only."""
        closer = dict(self._refs).get(f"{self._name}/closer")
        try:
            return closer is not None and bool(closer.ask(Ping(), timeout=timeout_s))
        except (pykka.ActorDeadError, pykka.Timeout):
            return False

    # --- start ---

    def start(self) -> None:
        """Start everything bottom-up, see that each actor answers, then let the work begin.

        Raises:
            RuntimeError: an actor did not come up; `stop` must still be called.
        """
        self._timers.start()
        for name in self._plan.exchanges:
            self._wires.connections[name] = Wire(self._wires.letters)
        self._start_journal()
        for name in self._plan.exchanges:
            self._exchanges[name] = self._build_exchange(name)
        for exchange in self._exchanges.values():
            exchange.lanes.start()
            exchange.queries.start()
            self._start_connection(exchange)
        prices = self._start_prices()
        self._start_shells()
        self._start_watchdog(prices)
        for name, ref in self._refs:
            self._expect_alive(name, ref)
        for wire in (*self._wires.connections.values(), prices):
            wire.tell(Begin())

    def _add(self, name: str, ref: pykka.ActorRef[Any]) -> pykka.ActorRef[Any]:
        self._refs.append((name, ref))
        return ref

    @staticmethod
    def _expect_alive(name: str, ref: pykka.ActorRef[Any]) -> None:
        try:
            ref.ask(Ping(), timeout=_PING_S)
        except (pykka.ActorDeadError, pykka.Timeout) as error:
            raise RuntimeError(f"{name} did not start: {type(error).__name__}") from None

    def _start_journal(self) -> None:
        name = f"{self._name}/journal"
        ref = Journal.start(
            name=name,
            failures=self._plan.failures,
            health=self._plan.root,
            state=self._state,
            markets=self._plan.markets,
            clock=self._plan.clock,
            timers=self._timers,
            breathe=self._urgency.breathe,
        )
        self._wires.journal.connect(JournalDoor(self._add(name, ref), self._plan.clock))
        for grid in self._plan.settings.grids:
            ref.tell(AnswerReservations(grid=grid.name, for_exits=False, reply_to=self._wires.strategy))
            ref.tell(AnswerReservations(grid=grid.name, for_exits=True, reply_to=self._wires.closer))

    def _build_exchange(self, name: str) -> _Exchange:
        plan, access = self._plan, self._plan.accesses[name]
        venue, capabilities = access.venue, access.venue.capabilities
        venue_clock = VenueClock(plan.clock)
        gate = SendGate(
            clock=plan.clock,
            halted=plan.halted,
            intents=self._state.intents,
            stale_after_ns=plan.settings.prices.stale_after_ms * _MS_NS,
            fence_ns=int(capabilities.fence_s * 1e9),
            observe=plan.settings.desk.observe,
        )
        parts = LaneParts(
            name=f"{self._name}/{name}",
            venue=venue,
            clock=plan.clock,
            venue_clock=venue_clock,
            budget=plan.budget_of(name),
            new_transport=lambda: plan.network.new_transport(access, plan.clock),
            failures=plan.failures,
            count_order=self._meter.count,
            observe=plan.settings.desk.observe,
        )
        facts = self._wires.connections[name]
        new_lane: NewLane = OrderLane
        stream = venue.order_stream() if capabilities.pipelined_orders else None
        if stream is not None:
            new_lane = functools.partial(
                PipelinedLane,
                stream=stream,
                new_reader=self._new_reader(access, "orders"),
                source=random.Random(plan.source.random()),  # noqa: S311 - waits between attempts, no secret
            )
        # a burst may fill every lot at once, and each exit waits for no other's reply
        lots = sum(grid.entry.max_orders for grid in plan.settings.grids if grid.exchange == name)
        count = max(capabilities.order_lanes, min(lots, _MOST_LANES)) if capabilities.parallel_orders else 1
        return _Exchange(
            name=name,
            access=access,
            gate=gate,
            venue_clock=venue_clock,
            lanes=OrderLanes(parts, gate, facts, count, new_lane=new_lane),
            queries=QueryLane(parts),
        )

    def _new_reader(self, access: VenueAccess, kind: str) -> NewReader:
        def new_reader(endpoint: StreamEndpoint, calls: ReaderCalls) -> Reader:
            if kind == "private":
                calls = self._noting_urgency(calls)
            name = f"{self._name}/{access.venue.name}-{kind}"
            return self._plan.network.new_reader(name, access, endpoint, calls, self._plan.clock)

        return new_reader

    def _noting_urgency(self, calls: ReaderCalls) -> ReaderCalls:
        note, on_frame = self._urgency.note, calls.on_frame

        def noted(data: bytes, at_ns: int, wall_ns: int) -> None:
            note(at_ns)
            on_frame(data, at_ns, wall_ns)

        return replace(calls, on_frame=noted)

    def _start_connection(self, exchange: _Exchange) -> None:
        plan = self._plan
        restored = self._state.restored
        grids = [
            ConnectedGrid(
                name=grid.name,
                symbol=grid.symbol,
                leverage=grid.entry.target_leverage,
                sign=1 if grid.entry.direction.value == "buy" else -1,
                restored=restored.grids.get(grid.name),
                market=restored.markets.get((grid.exchange, grid.symbol)),
            )
            for grid in plan.settings.grids
            if grid.exchange == exchange.name
        ]
        owners = Owners(self._wires.strategy, self._wires.closer, self._wires.journal)
        reconcile = plan.settings.reconcile
        asked_s = float(reconcile.orders_every_s)
        parts = ConnectionParts(
            exchange=exchange.name,
            venue=exchange.access.venue,
            bot_tag=plan.settings.desk.bot_tag,
            grids=grids,
            submit=exchange.queries.submit,
            new_reader=self._new_reader(exchange.access, "private"),
            gate=exchange.gate,
            clock=plan.clock,
            venue_clock=exchange.venue_clock,
            timers=self._timers,
            source=random.Random(plan.source.random()),  # noqa: S311 - waits between attempts, no secret
            owners=owners,
            bot=plan.root,
            order_fill_callback=plan.make_fill_callback({grid.symbol: grid.name for grid in grids}, owners),
            publish=plan.board.put_connection,
            fill_to_exit=plan.board.add_fill_to_exit,
            seen_sequence=self._state.intents.raise_floor,
            audit_every_s=max(asked_s, exchange.access.venue.capabilities.audit_every_s),
            foreign=plan.foreign_policy(exchange.name),
            check_market=functools.partial(_check_market, plan.settings),
            suspect_until_wall_ns=self._suspect_until_wall_ns(exchange.access.venue),
            credential_hint=exchange.access.credential_hint,
            observe=plan.settings.desk.observe,
            give_way=give_way,
            is_placing=exchange.lanes.is_placing,
        )
        name = f"{self._name}/{exchange.name}/connection"
        ref = ExchangeConnection.start(name=name, failures=plan.failures, parts=parts)
        self._wires.connections[exchange.name].connect(self._add(name, ref))

    def _suspect_until_wall_ns(self, venue: Venue) -> int:
        """When the last order whose intent may be lost with the power can no longer be accepted, 0 if none."""
        lost_ns = self._state.history.suspect_wall_ns
        return lost_ns + int(venue.capabilities.fence_s * 1e9) if lost_ns else 0

    def _start_prices(self) -> Wire[Any]:
        plan = self._plan
        feeds = []
        for exchange in self._exchanges.values():
            by_symbol: dict[str, list[str]] = {}
            for grid in plan.settings.grids:
                if grid.exchange == exchange.name:
                    by_symbol.setdefault(grid.symbol, []).append(grid.name)
            feeds.append(
                PriceFeed(
                    exchange=exchange.name,
                    venue=exchange.access.venue,
                    markets=tuple(PricedMarket(symbol, tuple(names)) for symbol, names in by_symbol.items()),
                    submit=exchange.queries.submit,
                    new_reader=self._new_reader(exchange.access, "public"),
                )
            )
        name = f"{self._name}/prices"
        ref = PriceStream.start(
            name=name,
            failures=plan.failures,
            feeds=feeds,
            parts=PriceParts(
                settings=plan.settings.prices,
                clock=plan.clock,
                timers=self._timers,
                source=random.Random(plan.source.random()),  # noqa: S311 - see above
                strategy=self._wires.strategy,
                closer=self._wires.closer,
                publish=plan.board.put_feed,
                rest=self._urgency.rest,
            ),
        )
        wire: Wire[Any] = Wire(self._wires.letters)
        wire.connect(self._add(name, ref))
        return wire

    def _start_shells(self) -> None:
        plan, wires = self._plan, self._wires
        seats = [
            GridSeat(
                settings=grid,
                bot_tag=plan.settings.desk.bot_tag,
                capabilities=self._exchanges[grid.exchange].access.venue.capabilities,
                restored=self._state.restored.grids.get(grid.name),
                lanes=self._exchanges[grid.exchange].lanes,
                connection=wires.connections[grid.exchange],
            )
            for grid in plan.settings.grids
        ]
        closer_name, strategy_name = f"{self._name}/closer", f"{self._name}/strategy"
        closer = GridOrderCloser.start(
            name=closer_name,
            failures=plan.failures,
            seats=seats,
            parts=ShellParts(
                clock=plan.clock,
                timers=self._timers,
                journal=wires.journal,
                publish=plan.board.put_book,
                give_way=give_way,
            ),
            closer=CloserParts(strategy=wires.strategy, bot=plan.root, measured=plan.board.add_naked),
        )
        wires.closer.connect(self._add(closer_name, closer))
        watch = DeskWatch(plan.settings.risk, self._meter, lambda: plan.halted.why)
        for grid in plan.settings.grids:
            known = self._state.restored.grids.get(grid.name)
            if known is not None:
                watch.restore(grid, known)
        strategy = GridStrategy.start(
            name=strategy_name,
            failures=plan.failures,
            seats=seats,
            parts=ShellParts(
                clock=plan.clock,
                timers=self._timers,
                journal=wires.journal,
                publish=plan.board.put_state,
                give_way=give_way,
            ),
            strategy=StrategyParts(closer=wires.closer, bot=plan.root, watch=watch),
        )
        wires.strategy.connect(self._add(strategy_name, strategy))

    def _start_watchdog(self, prices: Address[Any]) -> None:
        """Watch everything of this crew. Last of all: it is also the first to be stopped."""
        journal = f"{self._name}/journal"
        watched = [watched_actor(name, ref, is_journal=name == journal) for name, ref in self._refs]
        for exchange in self._exchanges.values():
            watched += [watched_lane(worker) for worker in (*exchange.lanes.workers, exchange.queries)]
        watched.append(watched_timers(f"{self._name}/timers", self._timers))
        self._add(self._watch.name, self._watch.start(watched, tuple(self._wires.connections.values()), prices))

    # --- stop ---

    def stop(self) -> tuple[str, ...]:
        """Stop everything in reverse and wait for it. Returns the names of what did not end: a bug, by name."""
        left = []
        for name, ref in reversed(self._refs[1:]):
            left += self._stop_actor(name, ref)
        self._watch.stop()
        for exchange in self._exchanges.values():
            if not exchange.lanes.stop(_STOP_S):
                left.append(f"{self._name}/{exchange.name}/order-lanes")
            if not exchange.queries.stop(_STOP_S):
                left.append(f"{self._name}/{exchange.name}/query-lane")
        for name, ref in self._refs[:1]:
            self._flush(ref)
            left += self._stop_actor(name, ref)
        self._timers.stop()
        self._state.intents.close()
        for name in left:
            logger.bind(event=LogEvent.BOT_STOPPED).error("{} did not end in time", name)
        return tuple(left)

    @staticmethod
    def _flush(journal: pykka.ActorRef[Any]) -> None:
        try:
            journal.ask(FlushJournal(), timeout=_STOP_S)
        except (pykka.ActorDeadError, pykka.Timeout):
            return  # what it could not write is found at the venue by the next start

    @staticmethod
    def _stop_actor(name: str, ref: pykka.ActorRef[Any]) -> list[str]:
        try:
            ref.stop(block=True, timeout=_STOP_S)
        except pykka.Timeout:
            return [name]
        return []


__all__ = ["Crew", "CrewPlan", "DeadLetters", "Wire"]


def _check_market(settings: BotSettings, grid: str, market: StartMarket) -> tuple[Sequence[str], Sequence[str]]:
    found = startup_problems(
        settings,
        settings.grid(grid),
        Market(
            rules=market.rules,
            fees=market.fees,
            bid=market.price.bid,
            ask=market.price.ask,
            applied_leverage=market.leverage,
            equity_usd=market.equity,
            has_open_lots=market.has_open_lots,
        ),
    )
    return found.problems, found.warnings
