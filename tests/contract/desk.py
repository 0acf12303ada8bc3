"""The bot's whole venue side on a bench: client, order lanes, connection. What it tells is what the cards look at.

Everything between the venue's bytes and the messages for strategy and closer is the product's own code: signing,
requests, replies, the send gate, rate budgets, parsers, ledger, start, catch-up, reconnects. Doubles stand only where
sockets, timers and the two owners would be. Time stands still until a card lets it pass.
"""

import functools
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, TypeVar

from actors.bot import make_fill_callback
from actors.connection import ExchangeConnection
from actors.connection_facts import Owners
from actors.connection_parts import ConnectedGrid, ConnectionBegun, ConnectionFailed, ConnectionParts
from actors.grid.restore import RestoredGrid
from actors.journal import RestoredMarket
from actors.messages import (
    CancelOrder,
    ConnectionReady,
    OrderCommand,
    OrderFilled,
    Ping,
    PlaceLimitOrder,
    PlaceMarketOrder,
    QueryOrder,
)
from actors.pipelined_lane import PipelinedLane
from actors.rest_worker import LaneParts, NewLane, OrderLane, OrderLanes
from actors.send_gate import HaltFlag, SendGate, to_request
from actors.settings import ForeignPolicy
from actors.status import ConnectionPhase, ConnectionStatus
from actors.streams import ReaderCalls
from actors.venue_clock import VenueClock
from actors.venue_messages import Begin, Due, OrderAnswered, OrderErred, OrderHeld, QueryAnswered, QueryErred
from exchanges.clock import SystemClock
from exchanges.errors import ExchangeError
from exchanges.order_ids import OrderKey, pack
from exchanges.pacing import RateBudget
from exchanges.reports import BestPrice
from exchanges.rounding import floor_to
from exchanges.simulated.faces.mishaps import Mishap
from exchanges.simulated.settings import PaperSettings
from exchanges.values import ClientOrderId, OrderRef, Side
from exchanges.venue import Call, SignedRequest, StreamEndpoint, Undecided
from tests.actors.test_send_gate import Intents
from tests.contract.bench import RICH, Bench, client_of
from tests.contract.lines import SECOND, BenchLine, BenchReader, BenchTransport, Relay
from tests.contract.venues import Subject
from tests.fakes import FakeClock, FakeTimers, Probe

T = TypeVar("T")
BID: Final = Decimal(60000)
TAG: Final = 7
GRID: Final = "btc"


def _clock_for(subject: Subject) -> FakeClock:
    return FakeClock(wall_ns=SystemClock().wall_ns()) if subject.dialect.stamps_own_time else FakeClock()


class Desk:
    """One account of a venue as the bot runs it, over one bench. `close` must be called."""

    def __init__(
        self,
        subject: Subject,
        *,
        paper: PaperSettings = RICH,
        skew_ns: int = 0,
        bench: Bench | None = None,
        clock: FakeClock | None = None,
        restored: RestoredGrid | None = None,
        market: RestoredMarket | None = None,
        foreign: ForeignPolicy = ForeignPolicy.REFUSE,
        lanes: int = 1,
    ) -> None:
        self.subject = subject
        self.timers = FakeTimers(clock or _clock_for(subject))
        self.clock = self.timers.clock
        self.bench = bench or Bench(subject, self.clock, paper=paper, skew_ns=skew_ns)
        self.symbol = self.bench.symbol
        self.venue = client_of(subject, self.bench.credentials)
        self.capabilities = self.venue.capabilities
        self.venue_clock = VenueClock(self.clock)
        self.strategy, self.closer, self.journal = Probe[Any](), Probe[Any](), Probe[Any]()
        self.bot, self.failures = Probe[Any](), Probe[Any]()
        self.statuses: list[ConnectionStatus] = []
        self.readers: list[BenchReader] = []
        self.refuses_streams = False
        self.holds_frames = False
        self.questions = 0
        self.sequence = 0
        self.intents = Intents()
        self.budget = RateBudget(self.venue.rate_limits, self.capabilities.exit_reserved_pct)
        fence_ns = round(self.capabilities.fence_s * SECOND)
        self.halted = HaltFlag()
        self.gate = SendGate(
            clock=self.clock, halted=self.halted, intents=self.intents, stale_after_ns=10**18, fence_ns=fence_ns
        )
        self.facts = Relay(self)
        self.connection = ExchangeConnection.start(
            name=f"contract/{subject.name}/connection",
            failures=self.failures,
            parts=self._parts(restored, market, foreign),
        )
        self.line: BenchLine | None = None
        self.lanes = OrderLanes(self._lane_parts(), self.gate, self.facts, lanes, new_lane=self._lane_kind())
        self.lanes.start()

    def _lane_kind(self) -> NewLane:
        stream = self.venue.order_stream()
        assert (stream is not None) is self.capabilities.pipelined_orders
        if stream is None:
            return OrderLane
        return functools.partial(PipelinedLane, stream=stream, new_reader=self._new_line, source=random.Random(2))

    def _new_line(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> BenchLine:
        self.line = BenchLine(self, endpoint, calls)
        return self.line

    def _parts(
        self, restored: RestoredGrid | None, market: RestoredMarket | None, foreign: ForeignPolicy
    ) -> ConnectionParts:
        owners = Owners(self.strategy, self.closer, self.journal)
        grid = ConnectedGrid(name=GRID, symbol=self.symbol, leverage=5, sign=1, restored=restored, market=market)
        return ConnectionParts(
            exchange=self.subject.name,
            venue=self.venue,
            bot_tag=TAG,
            grids=[grid],
            submit=self._submit,
            new_reader=self._new_reader,
            gate=self.gate,
            clock=self.clock,
            venue_clock=self.venue_clock,
            timers=self.timers,
            source=random.Random(1),
            owners=owners,
            bot=self.bot,
            order_fill_callback=make_fill_callback({self.symbol: GRID}, owners),
            publish=self.statuses.append,
            fill_to_exit=lambda _exchange, _ns: None,
            seen_sequence=self._note_sequence,
            audit_every_s=10**6,  # cards ask for audits themselves
            foreign=foreign,
            check_market=lambda _grid, _market: ((), ()),
        )

    def _lane_parts(self) -> LaneParts:
        return LaneParts(
            name=f"contract/{self.subject.name}",
            venue=self.venue,
            clock=self.clock,
            venue_clock=self.venue_clock,
            budget=self.budget,
            new_transport=lambda: BenchTransport(self),
            failures=self.failures,
        )

    def close(self) -> None:
        """End every thread."""
        self.bench.release_replies()
        self.lanes.stop(2)
        self.connection.stop(timeout=2)
        self.failures.expect_none()

    # --- questions ---

    def _submit(self, call: Call[object], reply_to: Any, ticket: int) -> None:
        """The query lane, on the connection's thread: the bench answers at once."""
        self.questions += 1
        asked_ns = self.clock.monotonic_ns()
        try:
            value = self.ask(call)
        except ExchangeError as error:
            reply_to.tell(QueryErred(ticket, error, asked_ns))
        else:
            reply_to.tell(QueryAnswered(ticket, value, asked_ns))

    def ask(self, call: Call[T]) -> T:
        """Ask the venue and read the answer, following a chain of questions. Raises the venue's ExchangeError."""
        while True:
            try:
                return call.read(self.bench.exchange(self.sign(call)))
            except Undecided as more:
                call = more.further

    def sign(self, call: Call[Any]) -> SignedRequest:
        """Sign with the venue's clock as best known, after the question that a command may want asked before."""
        question = call.first() if call.first is not None else None
        if question is not None:
            self.ask(question)
        return self.venue.sign(call.request, wall_ns=self.venue_clock.wall_ns())

    def plan(self, mishap: Mishap, command: OrderCommand) -> None:
        """Let something go wrong with the next command of this kind."""
        if isinstance(command, CancelOrder):
            call = self.venue.cancel_order(self.ref(command.client_order_id))
        else:
            call = self.venue.place_limit_order(to_request(command))
        self.bench.plan(mishap, call.request.method if self.line is None or not self.line.is_open else "WS")

    # --- streams ---

    def _new_reader(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> BenchReader:
        self.readers.append(BenchReader(self, endpoint, calls))
        return self.readers[-1]

    def take_frames(self) -> list[bytes]:
        """Take the private frames that arrived and were not delivered."""
        return [frame for reader in self.readers for frame in reader.take()]

    def deliver(self, *frames: bytes) -> None:
        """Hand frames to the connection."""
        for frame in frames:
            self.readers[-1].calls.on_frame(frame, self.clock.monotonic_ns(), self.clock.wall_ns())

    def cut_stream(self) -> None:
        """The private stream's connection breaks; what was on its way is lost."""
        reader = self.readers[-1]
        if reader.session is not None:
            reader.session.is_lost = True
            reader.session.frames.clear()
        reader.end("cut")
        self.sync()

    def cut_commands(self) -> None:
        """Every connection with a command in flight breaks; the venue has read them, and its answers are lost."""
        if self.line is not None and self.line.session is not None:
            self.line.session.is_lost = True
            self.line.session.frames.clear()
            self.line.end("cut")
        self.bench.cut_requests()

    # --- letting things happen ---

    def sync(self) -> None:
        """Let the connection work off everything: frames, answers, and what they lead to."""
        while True:
            before = self.questions
            for reader in tuple(self.readers):
                if reader.is_open and reader.session is not None and reader.session.closed:
                    reader.end(reader.session.closed)
            frames = [] if self.holds_frames else self.take_frames()
            self.deliver(*frames)
            for _ in range(3):
                assert self.connection.ask(Ping(), timeout=5)
            if not frames and before == self.questions:
                break
        self.failures.expect_none()

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the bot and the venue, in the steps both ask for."""
        end_ns = self.clock.monotonic_ns() + round(seconds * SECOND)
        self.sync()
        while (now_ns := self.clock.monotonic_ns()) < end_ns:
            told = self.timers.advance(self._next_step_ns(end_ns) - now_ns)
            self.bench.step()
            for reader in (*self.readers, *([self.line] if self.line else [])):
                reader.keep_alive(self.clock.monotonic_ns())
            if told or self._has_news():
                self.sync()

    def _next_step_ns(self, end_ns: int) -> int:
        now_ns = self.clock.monotonic_ns()
        offset_ns = self.clock.wall_ns() - now_ns
        venue_ns = self.bench.next_ns()
        times = [end_ns] if venue_ns is None else [end_ns, max(venue_ns - offset_ns, now_ns + SECOND // 1000)]
        if self.timers.next_ns is not None:
            times.append(self.timers.next_ns)
        lines = (*self.readers, *([self.line] if self.line else []))
        times += [line.next_ping_ns for line in lines if line.is_open]
        return max(min(times), now_ns + 1)

    def _has_news(self) -> bool:
        return any(reader.session and (reader.session.frames or reader.session.closed) for reader in self.readers)

    # --- the start ---

    def begin(self) -> None:
        """Set a market around 60,000 and let the connection start, until it is ready or cannot be."""
        self.bench.quote(BID, BID + 1)
        self.connection.tell(Begin())
        self.sync()
        for _ in range(30):
            if self.bot.all(ConnectionBegun) or self.bot.all(ConnectionFailed):
                break
            self.pass_time(1)

    def live(self) -> ConnectionReady:
        """Start, and be ready to trade. Returns what the strategy was told."""
        self.begin()
        assert not self.bot.all(ConnectionFailed), self.bot.messages
        assert self.phase is ConnectionPhase.LIVE
        ready = self.strategy.take(ConnectionReady)
        self.rules = ready.rules
        self.closer.take(ConnectionReady)
        self.bench.quote(BID, BID + self.rules.tick)
        self.sync()
        return ready

    @property
    def phase(self) -> ConnectionPhase:
        """Where the connection is in its life."""
        return self.statuses[-1].phase

    def _note_sequence(self, sequence: int) -> None:
        self.sequence = max(self.sequence, sequence)

    # --- commands ---

    @property
    def ask_price(self) -> Decimal:
        """The best ask that `live` has set."""
        return BID + self.rules.tick

    @property
    def unit(self) -> Decimal:
        """A tenth of what the cards trade: whole steps, and orders of ten of it are well above every minimum."""
        value = max(self.rules.min_quantity, self.rules.min_notional * 2 / BID)
        return floor_to(value, self.rules.step) + self.rules.step

    @property
    def size(self) -> Decimal:
        """What the cards trade."""
        return self.unit * 10

    def entry(self, **changes: Any) -> PlaceLimitOrder:
        """A post-only buy at the best bid, with the next id."""
        self.sequence += 1
        fields: dict[str, Any] = {
            "grid": GRID,
            "exchange": self.subject.name,
            "symbol": self.symbol,
            "client_order_id": pack(OrderKey(TAG, self.sequence, 0)),
            "side": Side.BUY,
            "price": BID,
            "quantity": self.size,
            "post_only": True,
            "reduce_only": False,
            "lot": self.sequence,
            "quote_ns": self.clock.monotonic_ns(),
        }
        return PlaceLimitOrder(**(fields | changes))

    def exit_of(self, entry: PlaceLimitOrder, leg: int = 1, **changes: Any) -> PlaceLimitOrder:
        """The post-only, reduce-only sell that closes an entry, one percent above it."""
        fields: dict[str, Any] = {
            "grid": GRID,
            "exchange": self.subject.name,
            "symbol": self.symbol,
            "client_order_id": pack(OrderKey(TAG, entry.lot, leg)),
            "side": entry.side.opposite,
            "price": floor_to(entry.price * Decimal("1.01"), self.rules.tick),
            "quantity": entry.quantity,
            "post_only": True,
            "reduce_only": True,
            "lot": entry.lot,
        }
        return PlaceLimitOrder(**(fields | changes))

    def emergency_of(self, entry: PlaceLimitOrder, **changes: Any) -> PlaceMarketOrder:
        """The immediate, reduce-only sell that closes an entry at once."""
        fields: dict[str, Any] = {
            "grid": GRID,
            "exchange": self.subject.name,
            "symbol": self.symbol,
            "client_order_id": pack(OrderKey(TAG, entry.lot, 14)),
            "side": entry.side.opposite,
            "worst_price": floor_to(BID * Decimal("0.99"), self.rules.tick),
            "quantity": entry.quantity,
            "lot": entry.lot,
        }
        return PlaceMarketOrder(**(fields | changes))

    def cancel_of(self, order: PlaceLimitOrder) -> CancelOrder:
        """Cancel an order, named as the owners name it."""
        return CancelOrder(
            grid=GRID, exchange=self.subject.name, symbol=self.symbol, client_order_id=order.client_order_id
        )

    def command(self, command: OrderCommand, *, settles: bool = True) -> OrderAnswered | OrderErred | OrderHeld:
        """Send a command through the lanes and let everything it leads to happen. Returns what the lane told.

        Without `settles` no time passes after the answer.
        """
        done = len(self.facts.done)
        self.lanes.tell(command)
        for _ in range(1000):
            self.bench.wait_until(lambda: len(self.facts.done) > done or self.awaits_reply(), "a reply")
            if len(self.facts.done) > done:
                break
            self.pass_time(0.01)
        if settles:
            self.settle()
        self.sync()
        return self.facts.done[done]

    def awaits_reply(self) -> bool:
        """Whether an order lane waits for the venue, which wants time to pass."""
        return self.bench.waiting > 0 or (self.line is not None and self.line.is_waiting)

    def settle(self) -> None:
        """Let the venue finish what follows from the last act: reports that trail it by moments."""
        self.bench.step()
        self.sync()
        self.pass_time(1)

    def place_filled(self) -> PlaceLimitOrder:
        """Place an entry and let it fill completely."""
        entry = self.entry()
        self.command(entry)
        self.fill(entry)
        return entry

    def fill(self, order: PlaceLimitOrder, quantity: Decimal | None = None) -> None:
        """Let others trade through a resting order, so that `quantity` of it (all of it by default) is filled."""
        far = 10 * self.rules.tick
        price = order.price - far if order.side is Side.BUY else order.price + far
        self.bench.trade(price, quantity or order.quantity, buyer_is_maker=order.side is Side.BUY)
        self.settle()

    def query(self, order: PlaceLimitOrder | PlaceMarketOrder) -> None:
        """Let the owner ask what became of an order."""
        self.connection.tell(
            QueryOrder(
                grid=GRID,
                exchange=self.subject.name,
                symbol=self.symbol,
                client_order_id=order.client_order_id,
            )
        )
        self.sync()

    def audit(self) -> None:
        """Let the scheduled audit happen now."""
        self.connection.tell(Due("audit"))
        self.sync()

    # --- what is true ---

    def ref(self, client_order_id: ClientOrderId) -> OrderRef:
        """An order by our id alone."""
        return OrderRef(symbol=self.symbol, client_order_id=client_order_id)

    def told(self, kind: type[T]) -> list[T]:
        """Messages of one class that strategy or closer were told and nobody has taken."""
        return [*self.strategy.all(kind), *self.closer.all(kind)]

    def filled(self, order: PlaceLimitOrder | PlaceMarketOrder) -> Decimal:
        """How much of an order its owner was told to be filled."""
        fills = [fill for fill in self.told(OrderFilled) if fill.client_order_id == order.client_order_id]
        return sum((fill.quantity for fill in fills), Decimal(0))

    def held_at_venue(self) -> Decimal:
        """The venue's own position, looked up inside it."""
        positions = self.bench.venue.engine.positions(self.bench.venue.face.account)
        return sum((row.quantity for row in positions if row.symbol == self.symbol), Decimal(0))

    def open_at_venue(self) -> int:
        """How many orders rest inside the venue."""
        return len(self.bench.venue.engine.open_orders(self.bench.venue.face.account))

    def quotes(self, frames: Iterable[bytes]) -> list[BestPrice]:
        """The prices in public frames."""
        reports = (report for frame in frames for report in self.venue.parse_public(frame, self.clock.wall_ns()))
        return [report for report in reports if isinstance(report, BestPrice)]


@contextmanager
def open_desk(subject: Subject, **changes: Any) -> Iterator[Desk]:
    """A desk that is closed in the end, whatever the card does."""
    desk = Desk(subject, **changes)
    try:
        yield desk
    finally:
        desk.close()
