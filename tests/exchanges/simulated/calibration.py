"""Is the synthetic market one in which a minute of the shipped grid means something? Offline, in virtual time.

`python -m tests.exchanges.simulated.calibration` (options: --help) prints one line per seed: how many lots the grid
rule opens and closes within a minute, how many are left, whether max_orders was reached, and the market's own figures.
The rule is a small model of its own (not the bot's code): entry two ticks under the ask, take-profit, cooldown ladder
with its waiver, grid step on the candidate's own exit, re-quote of an entry the price ran away from.
"""

import argparse
import math
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise

from exchanges.rounding import floor_to
from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_pump import Pump
from exchanges.simulated.engine_setup import DEFAULT_RULES, engine_settings, fill_cut, market_specs
from exchanges.simulated.engine_types import (
    CancelOrder,
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderType,
    PlaceOrder,
    TimeInForce,
    Traded,
)
from exchanges.simulated.prices.synthetic import DEFAULT_WEATHER, SyntheticPrices, Weather
from exchanges.simulated.settings import PaperSettings
from exchanges.values import ZERO, Side

SECOND = 1_000_000_000
ORIGIN_NS = 1_800_000_000 * SECOND
LOOK_NS = 20_000_000
"""How often the model bot looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRule:
    """The keys of `[grid]` that matter here, with the values recommended for conf/paper.ini."""

    notional: Decimal = Decimal(100)
    take_profit_pct: Decimal = Decimal("0.12")
    grid_step_pct: Decimal = Decimal("0.10")
    max_orders: int = 6
    wait_time_s: Decimal = Decimal(2)
    post_only_ticks: int = 2
    requote_after_s: int = 3
    requote_min_ticks: int = 3


@dataclass(slots=True)
class Lot:
    """One entry and what became of it."""

    entry: str
    filled: Decimal = ZERO
    closed: Decimal = ZERO
    is_entry_done: bool = False
    exit_price: Decimal = ZERO
    refused: int = 0


@dataclass(slots=True)
class Outcome:
    """What one run of the model bot came to."""

    seed: int
    opened: int = 0
    closed: int = 0
    left: int = 0
    reached_max: bool = False
    volatility_pct_per_day: float = 0.0
    range_pct: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


class ModelBot:
    """The grid rule, driven by the engine's events. One market, buy side."""

    def __init__(self, engine: Engine, symbol: str, rule: GridRule) -> None:
        self.engine = engine
        self.symbol = symbol
        self.rule = rule
        self.lots: dict[str, Lot] = {}
        self.by_order: dict[str, Lot] = {}
        self.pending: Lot | None = None
        self.is_canceling = False
        self.placed_ns = 0
        self.ladder_ns: int | None = None
        self.is_waived = True
        self.offset = rule.post_only_ticks
        self.not_before_ns = 0
        self.retries: list[tuple[int, Lot, Decimal]] = []
        self.opened = self.closed = 0
        self.reached_max = False
        self.number = 0

    def handle(self, event: Event, now_ns: int) -> None:
        """Take one event as the bot would see it on its private stream."""
        if isinstance(event, OrderAccepted):
            if event.order.side is Side.SELL:
                self.ladder_ns = now_ns
            return
        if not isinstance(event, Traded | OrderExpired | OrderCanceled):
            return
        lot = self.by_order.get(event.order.client_id)
        if lot is None:
            return
        if event.order.side is Side.BUY:
            self._entry_event(lot, event, now_ns)
        else:
            self._exit_event(lot, event, now_ns)

    def _entry_event(self, lot: Lot, event: Traded | OrderExpired | OrderCanceled, now_ns: int) -> None:
        if isinstance(event, Traded):
            self.opened += lot.filled == 0
            lot.filled += event.trade.quantity
            lot.exit_price = self._exit_price(event.trade.price)
            self.lots[lot.entry] = lot
            self._place_exit(lot, event.trade.quantity, now_ns)
            self.offset = self.rule.post_only_ticks
        elif isinstance(event, OrderExpired):
            self.not_before_ns = now_ns + SECOND // 4
            self.offset += 1
        if not event.order.is_open:
            lot.is_entry_done = True
            self.is_canceling = False
            self.pending = None
            if lot.filled == 0:
                self.is_waived = True

    def _exit_event(self, lot: Lot, event: Traded | OrderExpired | OrderCanceled, now_ns: int) -> None:
        if isinstance(event, Traded):
            lot.closed += event.trade.quantity
            if lot.closed >= lot.filled and lot.is_entry_done:
                self.lots.pop(lot.entry, None)
                self.closed += 1
                self.is_waived = True
        elif isinstance(event, OrderExpired):
            lot.refused += 1
            self.retries.append((now_ns + SECOND // 4, lot, event.order.remaining))

    def look(self, now_ns: int) -> None:
        """Do what is due now."""
        due = [item for item in self.retries if item[0] <= now_ns]
        self.retries = [item for item in self.retries if item[0] > now_ns]
        for _, lot, quantity in due:
            self._place_exit(lot, quantity, now_ns)
        self.reached_max |= len(self.lots) + (self.pending is not None and self.pending.filled == 0) >= (
            self.rule.max_orders
        )
        if self.pending is None:
            self._maybe_enter(now_ns)
        elif not self.is_canceling:
            self._maybe_requote(now_ns)

    def _maybe_requote(self, now_ns: int) -> None:
        quote = self.engine.quote(self.symbol)
        order = self.engine.order("bot", self.symbol, client_id=self.pending.entry) if self.pending else None
        if quote is None or order is None or now_ns - self.placed_ns < self.rule.requote_after_s * SECOND:
            return
        tick = DEFAULT_RULES[self.symbol].tick
        if order.filled == 0 and quote.ask - self.offset * tick - order.price >= self.rule.requote_min_ticks * tick:
            self.is_canceling = True
            self.engine.submit("bot", CancelOrder(symbol=self.symbol, client_id=order.client_id), now_ns)

    def _maybe_enter(self, now_ns: int) -> None:
        quote = self.engine.quote(self.symbol)
        if quote is None or now_ns < self.not_before_ns or len(self.lots) >= self.rule.max_orders:
            return
        if not self.is_waived and self.ladder_ns is not None and now_ns < self.ladder_ns + self._ladder_delay_ns():
            return
        rules = DEFAULT_RULES[self.symbol]
        price = quote.ask - self.offset * rules.tick
        live = [lot.exit_price for lot in self.lots.values()]
        if live and min(live) / self._exit_price(price) <= 1 + self.rule.grid_step_pct / 100:
            return
        quantity = floor_to(self.rule.notional / ((quote.bid + quote.ask) / 2), rules.step)
        lot = Lot(self._id())
        self.by_order[lot.entry] = self.pending = lot
        self.is_waived = False
        self.placed_ns = now_ns
        self._send(lot.entry, Side.BUY, quantity, price, now_ns)

    def _ladder_delay_ns(self) -> int:
        share = Decimal(len(self.lots)) / self.rule.max_orders
        wait = self.rule.wait_time_s
        if share >= Decimal(2) / 3:
            wait *= 2
        elif share < Decimal(1) / 3:
            wait /= 2 if share >= Decimal(1) / 6 else 4
        return int(wait * SECOND)

    def _exit_price(self, price: Decimal) -> Decimal:
        return floor_to(price * (1 + self.rule.take_profit_pct / 100), DEFAULT_RULES[self.symbol].tick)

    def _place_exit(self, lot: Lot, quantity: Decimal, now_ns: int) -> None:
        quote = self.engine.quote(self.symbol)
        price = lot.exit_price
        if quote is not None:
            price = max(price, quote.bid + max(lot.refused, 1) * DEFAULT_RULES[self.symbol].tick)
        name = self._id()
        self.by_order[name] = lot
        self._send(name, Side.SELL, quantity, price, now_ns)

    def _send(self, name: str, side: Side, quantity: Decimal, price: Decimal, now_ns: int) -> None:
        command = PlaceOrder(
            symbol=self.symbol,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=TimeInForce.GTX,
            reduce_only=side is Side.SELL,
            client_id=name,
        )
        self.engine.submit("bot", command, now_ns)

    def _id(self) -> str:
        self.number += 1
        return f"m{self.number}"


def recommended_paper(seed: int) -> PaperSettings:
    """The section `[paper]` with the values recommended for conf/paper.ini."""
    return PaperSettings(seed=seed, ack_latency_ms=100, cancel_latency_ms=100, fill_latency_ms=50)


def simulate(
    paper: PaperSettings,
    rule: GridRule,
    *,
    symbol: str = "BTCUSDT",
    seconds: int = 55,
    late_s: float = 3.0,
    weather: Weather = DEFAULT_WEATHER,
) -> Outcome:
    """Run the model bot for `seconds` (a minute less what a bot needs to start), `late_s` after the market began."""
    seed = paper.seed
    specs = market_specs((DEFAULT_RULES[symbol],), paper)
    engine = Engine(specs, engine_settings(paper), cut=fill_cut(paper.partial_fill_pct, seed))
    prices = SyntheticPrices([spec.rules for spec in specs], seed, weather=weather)
    pump = Pump(engine, prices)
    prices.start(ORIGIN_NS)
    engine.open_account("bot", paper.start_equity_usd, ORIGIN_NS)
    bot = ModelBot(engine, symbol, rule)
    begin_ns = ORIGIN_NS + int(late_s * SECOND)
    pump.advance(begin_ns)
    outcome = Outcome(seed)
    marks: list[float] = []
    now_ns = begin_ns
    while now_ns < begin_ns + seconds * SECOND:
        now_ns += LOOK_NS
        for event in pump.advance(now_ns):
            outcome.counts[type(event).__name__] += 1
            bot.handle(event, now_ns)
        bot.look(now_ns)
        mark = engine.mark_price(symbol)
        if mark is not None:
            marks.append(float(mark))
    outcome.opened, outcome.closed, outcome.left = bot.opened, bot.closed, len(bot.lots)
    outcome.reached_max = bot.reached_max
    outcome.volatility_pct_per_day = realized_volatility(marks, SECOND // LOOK_NS)
    outcome.range_pct = (max(marks) / min(marks) - 1) * 100
    return outcome


def realized_volatility(marks: list[float], every: int) -> float:
    """Daily volatility in percent from returns over one second; `every` so many marks is a second."""
    returns = [math.log(after / before) for before, after in pairwise(marks[::every])]
    return math.sqrt(sum(one * one for one in returns) / len(returns) * 86_400) * 100


def main() -> None:
    """Print the table."""
    shipped = GridRule()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--seconds", type=int, default=55)
    parser.add_argument("--late", type=float, default=3.0, help="seconds of market before the bot starts")
    parser.add_argument("--wait", type=Decimal, default=shipped.wait_time_s, help="grid.wait_time_s")
    parser.add_argument("--requote", type=int, default=shipped.requote_after_s, help="grid.entry_requote_after_s")
    parser.add_argument("--latency", type=int, default=100, help="paper.ack_latency_ms and cancel_latency_ms")
    options = parser.parse_args()
    rule = GridRule(wait_time_s=options.wait, requote_after_s=options.requote)
    sys.stdout.write("seed opened closed left max_reached volatility_%/day range_%\n")
    for seed in range(options.seeds):
        latency = options.latency
        paper = replace(
            recommended_paper(seed),
            ack_latency_ms=latency,
            cancel_latency_ms=latency,
            fill_latency_ms=min(latency // 2, 150),
        )
        one = simulate(paper, rule, symbol=options.symbol, seconds=options.seconds, late_s=options.late)
        sys.stdout.write(
            f"{seed:4d} {one.opened:6d} {one.closed:6d} {one.left:4d} {one.reached_max!s:>11} "
            f"{one.volatility_pct_per_day:16.1f} {one.range_pct:7.2f}\n"
        )


if __name__ == "__main__":
    main()
