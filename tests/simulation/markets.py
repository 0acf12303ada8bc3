"""Where the simulated market's prices come from: few rows, all of them meaningful.

A real minute holds hundreds of quotes that change nothing for a grid. This walk makes one every few seconds, log-
uniformly spaced, each moving far enough to fill, pass or leave something behind, with trades that sweep what they meet.
Most seeds have a wild market, in which lots close all the time; some have a calm one, in which they are held for long.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Final

from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices import Tick
from exchanges.values import MarketRules
from tests.simulation.drawing import log_uniform, stream

_NS: Final = 1_000_000_000
_LEAST_GAP_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Temper:
    """How a market moves: its smallest and largest move as fractions, the longest time between two, and how it turns
    back: `comfort` from home it does so more often than not, by up to half plus `pull` of the time. Lots close then,
    and the ladder is climbed again.
    """

    least: float
    most: float
    longest_gap_s: float
    comfort: float
    pull: float


CALM: Final = Temper(least=0.00002, most=0.0012, longest_gap_s=12.0, comfort=0.002, pull=0.35)
WILD: Final = Temper(least=0.0002, most=0.006, longest_gap_s=9.0, comfort=0.003, pull=0.48)


@dataclass(slots=True)
class _Walk:
    symbol: str
    tick: Decimal
    step: Decimal
    bid: Decimal
    home: Decimal
    rng: Random
    temper: Temper
    next_ns: int = 0


class SparsePrices:
    """See `exchanges.simulated.prices.PriceSource`."""

    def __init__(self, markets: Iterable[tuple[MarketRules, Decimal]], seed: int) -> None:
        temper = stream(seed, "temper").choice((CALM, WILD, WILD, WILD, WILD))
        self._walks = [
            _Walk(
                symbol=rules.symbol,
                tick=rules.tick,
                step=rules.step,
                bid=price // rules.tick * rules.tick,
                home=price,
                rng=Random(f"{seed}/market/{rules.symbol}"),
                temper=temper,
            )
            for rules, price in markets
        ]
        self._extra: list[Tick] = []
        self.finished = False

    def start(self, now_ns: int) -> None:
        for walk in self._walks:
            walk.next_ns = now_ns

    def put(self, *ticks: Tick) -> None:
        """Add rows that happen at the next step."""
        self._extra.extend(ticks)

    def jump(self, symbol: str, fraction: Decimal) -> None:
        """Let a market's price move at once."""
        for walk in self._walks:
            if walk.symbol == symbol:
                self._move(walk, walk.bid * fraction)
                self._extra.append(self._quote(walk))

    def freeze(self) -> None:
        """Let nothing happen any more."""
        self.finished = True

    def events_until(self, now_ns: int) -> Iterable[tuple[int, Tick]]:
        extra, self._extra = self._extra, []
        for tick in extra:
            yield now_ns, tick
        if self.finished:
            return
        for walk in self._walks:
            while walk.next_ns <= now_ns:
                at_ns = walk.next_ns
                walk.next_ns += int(log_uniform(walk.rng, _LEAST_GAP_S, walk.temper.longest_gap_s) * _NS)
                for tick in self._row(walk):
                    yield at_ns, tick

    def next_ns(self) -> int | None:
        if self._extra:
            return 0
        return None if self.finished else min(walk.next_ns for walk in self._walks)

    def close(self) -> None:
        return

    def _row(self, walk: _Walk) -> Iterable[Tick]:
        rng, temper = walk.rng, walk.temper
        size = Decimal(str(round(log_uniform(rng, temper.least, temper.most), 7)))
        away = float((walk.bid - walk.home) / walk.home)
        sign = -1 if rng.random() < 0.5 + temper.pull * math.tanh(away / temper.comfort) else 1
        before = walk.bid
        self._move(walk, sign * size * walk.bid)
        yield self._quote(walk)
        if rng.random() < 0.5:  # others trade at the touch, at times more than it shows
            sells = walk.bid <= before
            price = walk.bid if sells else walk.bid + walk.tick
            quantity = max((Decimal(str(round(log_uniform(rng, 0.001, 5), 3))) // walk.step) * walk.step, walk.step)
            yield TradeTick(walk.symbol, price, quantity, buyer_is_maker=sells)

    @staticmethod
    def _move(walk: _Walk, change: Decimal) -> None:
        walk.bid = max((walk.bid + change) // walk.tick * walk.tick, walk.tick)

    @staticmethod
    def _quote(walk: _Walk) -> QuoteTick:
        rng = walk.rng
        sizes = [
            max(Decimal(str(round(log_uniform(rng, 0.01, 20), 3))) // walk.step * walk.step, walk.step) for _ in "ba"
        ]
        spread = walk.tick * rng.choice((1, 1, 1, 2, 5))
        return QuoteTick(walk.symbol, walk.bid, sizes[0], walk.bid + spread, sizes[1])
