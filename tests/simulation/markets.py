"""Where the simulated market's prices come from: few rows, all of them meaningful.

A real minute holds hundreds of quotes that change nothing for a grid. This walk makes one every few seconds, log-
uniformly spaced, each moving far enough to fill, pass or leave something behind, with trades that sweep what they meet.
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
from tests.simulation.drawing import log_uniform

_NS: Final = 1_000_000_000
_LEAST_GAP_S: Final = 0.3
_MOST_GAP_S: Final = 12.0
_COMFORT: Final = 0.002
"""So far from home the market turns back more often than not: lots close, and the ladder is climbed again."""


@dataclass(slots=True)
class _Walk:
    symbol: str
    tick: Decimal
    step: Decimal
    bid: Decimal
    home: Decimal
    rng: Random
    next_ns: int = 0


class SparsePrices:
    """See `exchanges.simulated.prices.PriceSource`."""

    def __init__(self, markets: Iterable[tuple[MarketRules, Decimal]], seed: int) -> None:
        self._walks = [
            _Walk(
                symbol=rules.symbol,
                tick=rules.tick,
                step=rules.step,
                bid=price // rules.tick * rules.tick,
                home=price,
                rng=Random(f"{seed}/market/{rules.symbol}"),
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
                walk.next_ns += int(log_uniform(walk.rng, _LEAST_GAP_S, _MOST_GAP_S) * _NS)
                for tick in self._row(walk):
                    yield at_ns, tick

    def next_ns(self) -> int | None:
        if self._extra:
            return 0
        return None if self.finished else min(walk.next_ns for walk in self._walks)

    def close(self) -> None:
        return

    def _row(self, walk: _Walk) -> Iterable[Tick]:
        rng = walk.rng
        size = Decimal(str(round(log_uniform(rng, 0.00002, 0.0012), 7)))
        away = float((walk.bid - walk.home) / walk.home)
        sign = -1 if rng.random() < 0.5 + 0.35 * math.tanh(away / _COMFORT) else 1
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
