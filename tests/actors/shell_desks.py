"""A strategy or a closer with everything around it replaced."""

import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.closer import CloserParts, GridOrderCloser
from actors.desk_watch import DeskWatch, OrderMeter
from actors.grid.state import GridContext
from actors.grid_shell import GridSeat, ShellParts
from actors.messages import (
    ActorFailed,
    ConnectionReady,
    CoverMeasured,
    OrderFilled,
    Ping,
    PlaceLimitOrder,
    PriceChanged,
    SequencesReserved,
)
from actors.settings import DeskRiskSettings
from actors.strategy import GridStrategy, StrategyParts
from exchanges.values import FeeRates
from tests.actors.venue_doubles import RULES, ScriptedVenue
from tests.fakes import FakeTimers, Probe
from tests.system.loopback import bot_settings, entry_settings

SECOND = 1_000_000_000
FEES = FeeRates(Decimal("0.0001"), Decimal("0.0004"))


class Recorder:
    """Several addresses whose messages end up in one list, in the order they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def port(self, name: str) -> Any:
        recorder = self

        class _Port:
            def tell(self, message: Any, /) -> None:
                recorder.told.append((name, message))

        return _Port()

    def kinds(self, name: str) -> list[type]:
        return [type(message) for to, message in self.told if to == name]

    def of(self, name: str, kind: type) -> list[Any]:
        return [message for to, message in self.told if to == name and isinstance(message, kind)]


class ShellDesk:
    def __init__(self, grids: tuple[str, ...] = ("btc",), **risk: Any) -> None:
        self.timers = FakeTimers()
        self.clock = self.timers.clock
        self.out = Recorder()
        self.failures: Probe[ActorFailed] = Probe()
        self.states: dict[str, Any] = {}
        self.published = threading.Event()
        self.meter = OrderMeter(self.clock)
        base = bot_settings(Path("unused"), entry=entry_settings(order_notional_usd=Decimal(100))).grids[0]
        self.seats = [
            GridSeat(
                settings=replace(base, name=name),
                bot_tag=7,
                capabilities=ScriptedVenue().capabilities,
                restored=None,
                lanes=self.out.port("lanes"),
                connection=self.out.port("connection"),
            )
            for name in grids
        ]
        self.risk = DeskRiskSettings(**({"max_margin_usd": Decimal(100000)} | risk))

    def parts(self) -> ShellParts[Any]:
        return ShellParts(
            clock=self.clock,
            timers=self.timers,
            journal=self.out.port("journal"),
            publish=self._publish,
            give_way=lambda *, more_waits: self.out.told.append(("gave way", None)),
        )

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.ref.tell(message)
        self.sync()

    def tell_alone(self, message: Any) -> None:
        """Tell one message while nothing else waits in the mailbox, not even the Ping of a test."""
        self.published.clear()
        self.ref.tell(message)
        assert self.published.wait(2)
        self.sync()

    def _publish(self, context: GridContext, state: Any) -> None:
        self.states[context.name] = state
        self.published.set()

    def sync(self) -> None:
        for _ in range(3):
            assert self.ref.ask(Ping(), timeout=2)
        self.failures.expect_none()

    def pass_time(self, ns: int) -> None:
        self.timers.advance(ns)
        self.sync()


class StrategyDesk(ShellDesk):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parts = StrategyParts(
            closer=self.out.port("closer"), bot=self.out.port("bot"), watch=DeskWatch(self.risk, self.meter)
        )
        self.ref = GridStrategy.start(
            name="test/strategy", failures=self.failures, seats=self.seats, parts=self.parts(), strategy=parts
        )

    def entry(self) -> PlaceLimitOrder:
        return self.out.of("lanes", PlaceLimitOrder)[-1]


class CloserDesk(ShellDesk):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.measured: list[CoverMeasured] = []
        parts = CloserParts(strategy=self.out.port("strategy"), bot=self.out.port("bot"), measured=self.measured.append)
        self.ref = GridOrderCloser.start(
            name="test/closer", failures=self.failures, seats=self.seats, parts=self.parts(), closer=parts
        )


def ready(grid: str = "btc") -> ConnectionReady:
    return ConnectionReady(
        grid=grid, rules=RULES, fees=FEES, position=Decimal(0), leverage=5, foreign_orders=(), asked_ns=1
    )


def fill_of(order: PlaceLimitOrder, quantity: str | None = None, trade: str = "t1") -> OrderFilled:
    delta = order.quantity if quantity is None else Decimal(quantity)
    return OrderFilled(
        grid=order.grid,
        client_order_id=order.client_order_id,
        price=order.price,
        quantity=delta,
        cumulative=delta,
        leaves=order.quantity - delta,
        received_ns=77,
    )


def price(desk: ShellDesk, grid: str = "btc", bid: str = "100", ask: str = "100.1") -> PriceChanged:
    return PriceChanged(grid=grid, bid=Decimal(bid), ask=Decimal(ask), alive_ns=desk.clock.monotonic_ns())


def with_ids(desk: ShellDesk, *grids: str) -> None:
    for number, grid in enumerate(grids or ("btc",)):
        desk.tell(ready(grid), SequencesReserved(grid=grid, first=1 + 64 * number, last=64 + 64 * number))
