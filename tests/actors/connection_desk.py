"""A connection on a desk of its own: readers, timers and a query lane that are driven by hand."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.bot import make_fill_callback
from actors.connection import ExchangeConnection
from actors.connection_facts import Owners
from actors.connection_parts import ConnectedGrid, ConnectionParts, StartMarket
from actors.grid.restore import RestoredGrid
from actors.journal import KnownOrder, RestoredMarket
from actors.messages import (
    Ping,
    QueryOrder,
)
from actors.send_gate import HaltFlag, SendGate
from actors.settings import ForeignPolicy
from actors.status import ConnectionPhase, ConnectionStatus
from actors.streams import ReaderCalls
from actors.venue_clock import VenueClock
from actors.venue_messages import Begin, QueryAnswered, QueryErred
from exchanges.errors import (
    ExchangeError,
)
from exchanges.fills import RestoredTrade
from exchanges.reports import (
    AccountReport,
    ActiveOrders,
    BestPrice,
    FillReport,
    PositionReport,
)
from exchanges.values import (
    FeeRates,
    OrderId,
    Side,
    TradeId,
)
from exchanges.venue import HttpReply, StreamEndpoint
from tests.actors.test_send_gate import Intents
from tests.actors.venue_doubles import (
    RULES,
    SYMBOL,
    ScriptedVenue,
    client_id,
)
from tests.fakes import FakeTimers, Probe

SECOND = 1_000_000_000
REPLY = HttpReply(status=200, headers={}, body=b"", received_ns=0)


class FakeReader:
    def __init__(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> None:
        self.endpoint, self.calls, self.alive_ns = endpoint, calls, 0
        self.started = self.stopped = False

    def start(self) -> None:
        self.started = True

    def send(self, text: str) -> None:
        raise AssertionError("nothing is said on this stream")

    def stop(self) -> bool:
        self.stopped = True
        return True


def position(quantity: str = "0", **changes: Any) -> PositionReport:
    fields: dict[str, Any] = {
        "symbol": SYMBOL,
        "quantity": Decimal(quantity),
        "entry_price": Decimal(0),
        "occurred_ns": 0,
        "received_ns": 0,
    }
    return PositionReport(**(fields | changes))


def listing(*orders: Any) -> ActiveOrders:
    return ActiveOrders(symbol=SYMBOL, orders=orders, received_ns=0)


def fill(number: Any, trade: str, quantity: str, **changes: Any) -> FillReport:
    fields: dict[str, Any] = {
        "symbol": SYMBOL,
        "client_order_id": number,
        "order_id": OrderId(f"v{number}"),
        "trade_id": TradeId(trade),
        "side": Side.BUY,
        "price": Decimal(100),
        "quantity": Decimal(quantity),
        "order_quantity": Decimal(1),
        "occurred_ns": 7,
        "received_ns": 8,
    }
    return FillReport(**(fields | changes))


PRICE = BestPrice(
    symbol=SYMBOL,
    bid=Decimal("99.9"),
    bid_quantity=Decimal(1),
    ask=Decimal(100),
    ask_quantity=Decimal(1),
    occurred_ns=0,
    received_ns=0,
)


@dataclass
class Desk:
    """A connection whose questions are answered at once from `venue.answers`, unless `holds_questions` is set."""

    restored: RestoredGrid | None = None
    market: RestoredMarket | None = None
    foreign: ForeignPolicy = ForeignPolicy.REFUSE
    capabilities: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    suspect_until_wall_ns: int = 0

    def __post_init__(self) -> None:
        self.checked: list[tuple[str, StartMarket]] = []
        self.timers = FakeTimers()
        self.clock = self.timers.clock
        self.venue = ScriptedVenue(**self.capabilities)
        self.venue.answers |= {
            "server_time": lambda _: self.clock.wall_ns() + 3 * SECOND,
            "markets": {SYMBOL: RULES},
            "account_check": None,
            "fee_rates": FeeRates(Decimal("0.0001"), Decimal("0.0004")),
            "best_price": PRICE,
            "account_summary": AccountReport(equity=Decimal(1000), available=Decimal(900), received_ns=0),
            "open_private": "key-1",
            "renew_private": "key-1",
            "recent_fills": (),
            "active_orders": listing(),
            "position": position(),
            "order_fills": (),
        }
        self.frames: dict[bytes, Any] = {}
        self.venue.private_frames = self.parse
        self.asked: list[str] = []
        self.placing: set[int] = set()
        self.holds_questions = False
        self.held: list[tuple[Any, Any, int]] = []
        self.readers: list[FakeReader] = []
        self.strategy, self.closer, self.journal = Probe[Any](), Probe[Any](), Probe[Any]()
        self.bot, self.failures = Probe[Any](), Probe[Any]()
        self.statuses: list[ConnectionStatus] = []
        self.fill_to_exit: list[tuple[str, int]] = []
        self.sequences: list[int] = []
        self.gate = SendGate(
            clock=self.clock, halted=HaltFlag(), intents=Intents(), stale_after_ns=1, fence_ns=10 * SECOND
        )
        owners = Owners(self.strategy, self.closer, self.journal)
        self.venue_clock = VenueClock(self.clock)
        parts = ConnectionParts(
            exchange="aster",
            venue=self.venue,
            bot_tag=7,
            grids=[
                ConnectedGrid(name="btc", symbol=SYMBOL, leverage=5, sign=1, restored=self.restored, market=self.market)
            ],
            submit=self.submit,
            new_reader=self.new_reader,
            gate=self.gate,
            clock=self.clock,
            venue_clock=self.venue_clock,
            timers=self.timers,
            source=random.Random(1),
            owners=owners,
            bot=self.bot,
            order_fill_callback=make_fill_callback({SYMBOL: "btc"}, owners),
            publish=self.statuses.append,
            fill_to_exit=lambda exchange, ns: self.fill_to_exit.append((exchange, ns)),
            seen_sequence=self.sequences.append,
            audit_every_s=5.0,
            foreign=self.foreign,
            check_market=self.check_market,
            suspect_until_wall_ns=self.suspect_until_wall_ns,
            credential_hint="ASTER_PRIVATE_KEY",
            is_placing=self.placing.__contains__,
        )
        self.ref = ExchangeConnection.start(name="test/aster/connection", failures=self.failures, parts=parts)

    def check_market(self, grid: str, market: StartMarket) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self.checked.append((grid, market))
        return self.problems, self.warnings

    def submit(self, call: Any, reply_to: Any, ticket: int) -> None:
        self.asked.append(call.request.operation)
        if self.holds_questions:
            self.held.append((call, reply_to, ticket))
        else:
            self.answer(call, reply_to, ticket)

    def answer(self, call: Any, reply_to: Any, ticket: int) -> None:
        try:
            value = call.read(REPLY)
        except ExchangeError as error:
            reply_to.tell(QueryErred(ticket, error, self.clock.monotonic_ns()))
        else:
            reply_to.tell(QueryAnswered(ticket, value, self.clock.monotonic_ns()))

    def answer_held(self) -> None:
        held, self.held = self.held, []
        for item in held:
            self.answer(*item)
        self.sync()

    def new_reader(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> FakeReader:
        self.readers.append(FakeReader(endpoint, calls))
        return self.readers[-1]

    def parse(self, data: bytes) -> Any:
        report = self.frames[data]
        if isinstance(report, Exception):
            raise report
        return report if isinstance(report, tuple) else (report,)

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.ref.tell(message)
        self.sync()

    def sync(self) -> None:
        # Several rounds: each answer is a message of its own, and an answer may ask the next question.
        for _ in range(30):
            assert self.ref.ask(Ping(), timeout=2)
        self.failures.expect_none()

    def begin(self) -> FakeReader:
        self.tell(Begin())
        return self.readers[-1]

    def live(self) -> FakeReader:
        reader = self.begin()
        reader.calls.on_open()
        self.sync()
        assert self.statuses[-1].phase is ConnectionPhase.LIVE
        return reader

    def quiet(self) -> None:
        for probe in (self.strategy, self.closer, self.journal, self.bot):
            probe.drain()

    def frame(self, report: Any) -> None:
        name = str(len(self.frames)).encode()
        self.frames[name] = report
        self.readers[-1].calls.on_frame(name, self.clock.monotonic_ns(), self.clock.wall_ns())
        self.sync()

    def pass_time(self, seconds: float) -> None:
        # in small steps: what one Tick causes may ask for the next one
        for _ in range(int(seconds * 10)):
            self.timers.advance(SECOND // 10)
            self.ref.ask(Ping(), timeout=2)
        self.sync()


NUMBER = client_id(3)


def known(**changes: Any) -> RestoredMarket:
    fields: dict[str, Any] = {
        "client_order_id": NUMBER,
        "order_id": OrderId(f"v{NUMBER}"),
        "grid": "btc",
        "side": Side.BUY,
        "price": Decimal(100),
        "quantity": Decimal(1),
        "reduce_only": False,
        "filled": Decimal("0.4"),
        "trades": (RestoredTrade(TradeId("t1"), Decimal(100), Decimal("0.4")),),
        "is_settled": False,
    }
    return RestoredMarket(
        exchange="aster",
        symbol=SYMBOL,
        last_trade_id="t1",
        since_wall_ns=1,
        orders=(KnownOrder(**(fields | changes)),),
    )


def query(number: Any) -> QueryOrder:
    return QueryOrder(grid="btc", exchange="aster", symbol=SYMBOL, client_order_id=number)
