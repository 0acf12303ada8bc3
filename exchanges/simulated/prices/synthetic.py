"""A seeded random market: the default price source, the same everywhere for the same seed.

Each market is a process of its own with its own random streams:

* The fair price moves in jumps: for moments it stands still, then it goes on. Everything is faster in wild spells and
  slower in calm ones (the logarithm of the pace is a mean-reverting process, and each large jump raises it), so that
  volatility clusters.
* Trends on two scales: swings of some seconds around an anchor (up to a random height, then mostly back, at random
  speed, with pauses), and the anchor itself, which drifts up and down for a dozen seconds at a time and is drawn home
  over hours.
* The book follows the fair price with a quiver of a tick or two: a spread of a few ticks, sizes that change, trades
  that hit the bid or lift the ask. When the price goes through the touch, the trade that took it is printed before the
  new quote.

The numbers inside are floats: they are weather, not money. What leaves are whole ticks and steps as `Decimal`.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices import Tick
from exchanges.values import MarketRules

_SECOND = 1_000_000_000
_HOME_S = 1800.0
"""How slowly the anchor is drawn back to the start price, in seconds."""

_MEAN_DRAW = math.sqrt(2.0 / math.pi)
"""Mean of the absolute value of a standard normal draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The shape of the process, per second where not said otherwise.

    Tuned with tests/exchanges/simulated/calibration.py: a wild day, in which the grid of conf/paper.ini (take-profit
    0.12 %, step 0.10 %) closes several lots a minute, is left with some, and at times fills all its lots.

    Attributes:
        jump: Standard deviation of the log-return of one jump.
        jumps: Jumps per second in ordinary weather.
        speed: Typical slope of a swing as log-return per second (between half and one and a half of it).
        height: Smallest and largest distance from the anchor at which a swing ends, as log-return.
        turn: Chance that a swing (or trend) is followed by the opposite one.
        stay: Chance that a swing goes on; in the rest of cases the market pauses.
        longest_s: A swing that does not get there ends after so long.
        pause_s: Shortest and longest pause.
        trend: Largest slope of the anchor as log-return per second (at least 0.3 of it).
        trend_s: Shortest and longest trend.
        cluster: Standard deviation of the logarithm of the pace of jumps and swings.
        cluster_s: How long a wild or calm spell lasts.
        shock: How much a jump of one standard deviation raises the logarithm of the pace.
        quiver_ticks: Standard deviation of the book around the fair price.
        quiver_s: How long a deviation of that kind lasts.
        updates: Changes of the book per second.
    """

    jump: float = 0.00025
    jumps: float = 2.5
    speed: float = 0.0014
    height: tuple[float, float] = (0.0006, 0.0018)
    turn: float = 0.9
    stay: float = 0.04
    longest_s: float = 8.0
    pause_s: tuple[float, float] = (0.5, 2.0)
    trend: float = 0.0007
    trend_s: tuple[float, float] = (6.0, 14.0)
    cluster: float = 0.4
    cluster_s: float = 15.0
    shock: float = 0.1
    quiver_ticks: float = 2.0
    quiver_s: float = 0.4
    updates: float = 25.0


DEFAULT_WEATHER = Weather()
DEFAULT_VOLATILITY_PCT_PER_DAY = Decimal(38)
"""What `DEFAULT_WEATHER` measures over returns of one second, jumps and swings together."""

START_PRICES = {"BTCUSDT": Decimal(61800), "ETHUSDT": Decimal(2650), "SOLUSDT": Decimal(155)}
"""Where the shipped markets begin; others begin at 100."""


def scaled(weather: Weather, volatility_pct_per_day: Decimal | None) -> Weather:
    """Return the weather with its moves scaled so that daily volatility is as stated; None leaves it."""
    if volatility_pct_per_day is None:
        return weather
    factor = float(volatility_pct_per_day / DEFAULT_VOLATILITY_PCT_PER_DAY)
    low, high = weather.height
    return replace(
        weather,
        jump=weather.jump * factor,
        speed=weather.speed * factor,
        height=(low * factor, high * factor),
        trend=weather.trend * factor,
    )


class SyntheticMarket:
    """The endless rows of one market. `rows` is consumed once; times start at `start_ns`."""

    def __init__(self, rules: MarketRules, start_price: Decimal, weather: Weather, seed: str) -> None:
        self._rules = rules
        self._weather = weather
        self._noise = random.Random(f"{seed}/noise")  # noqa: S311 - a simulation, no secret
        self._swings = random.Random(f"{seed}/swings")  # noqa: S311 - a simulation, no secret
        self._flow = random.Random(f"{seed}/flow")  # noqa: S311 - a simulation, no secret
        self._log_start = math.log(float(start_price / rules.tick))
        self._offset = 0.0
        self._anchor = 0.0
        self._log_pace = 0.0
        self._quiver = 0.0
        self._direction = 0
        self._drift = 0.0
        self._height = 0.0
        self._swing_left_s = 0.0
        self._trend = 0.0
        self._trend_left_s = 0.0
        self._trend_sign = self._swings.choice((-1, 1))
        self._unit = max(float(Decimal(20_000) / start_price / rules.step), 1.0)
        self._sizes = {"bid": 1, "ask": 1}

    def rows(self, start_ns: int) -> Iterator[tuple[int, Tick]]:
        """Quotes and trades in order of time, without end."""
        at_ns = start_ns
        bid, ask = self._touch()
        self._resize("bid")
        self._resize("ask")
        yield at_ns, self._quote(bid, ask)
        while True:
            step_s = min(self._flow.expovariate(self._weather.updates), 1.0)
            at_ns += max(int(step_s * _SECOND), 1)
            self._move(step_s)
            new_bid, new_ask = self._touch()
            for trade in self._trades(bid, ask, new_bid, new_ask):
                yield at_ns, trade
            bid, ask = new_bid, new_ask
            yield at_ns, self._quote(bid, ask)

    # --- the fair price ---

    def _move(self, step_s: float) -> None:
        weather, noise = self._weather, self._noise
        self._swing_left_s -= step_s
        is_there = (self._offset - self._anchor) * self._direction >= self._height and self._direction != 0
        if self._swing_left_s <= 0 or is_there:
            self._next_swing()
        pace = min(step_s / weather.cluster_s, 1.0)
        self._log_pace += -self._log_pace * pace + weather.cluster * math.sqrt(2.0 * pace) * noise.gauss(0.0, 1.0)
        self._trend_left_s -= step_s
        if self._trend_left_s <= 0:
            self._trend_left_s = self._swings.uniform(*weather.trend_s)
            turns = self._swings.random() < weather.turn
            self._trend_sign = -self._trend_sign if turns else self._trend_sign
            self._trend = self._trend_sign * weather.trend * self._swings.uniform(0.3, 1.0)
        self._anchor += (self._trend - self._anchor / _HOME_S) * step_s
        fade = min(step_s / weather.quiver_s, 1.0)
        self._quiver += -self._quiver * fade + weather.quiver_ticks * math.sqrt(2.0 * fade) * noise.gauss(0.0, 1.0)
        if noise.random() < min(weather.jumps * self._wildness() * step_s, 1.0):
            self._jump()

    def _wildness(self) -> float:
        """How fast things happen now, as a factor around 1."""
        return math.exp(min(max(self._log_pace, -1.0), 1.0))

    def _jump(self) -> None:
        weather = self._weather
        draw = self._noise.gauss(0.0, 1.0)
        self._offset += weather.jump * draw + (self._drift + self._trend) / (weather.jumps * self._wildness())
        self._log_pace += weather.shock * (abs(draw) - _MEAN_DRAW)

    def _next_swing(self) -> None:
        """Turn, go on or pause; after a pause go towards the anchor more often than away from it."""
        weather, swings = self._weather, self._swings
        draw = swings.random()
        if self._direction == 0:
            is_above = self._offset > self._anchor
            self._direction = -1 if is_above == (draw < weather.turn) else 1
        elif draw < weather.turn:
            self._direction = -self._direction
        elif draw >= weather.turn + weather.stay:
            self._direction = 0
        self._height = swings.uniform(*weather.height)
        self._drift = self._direction * weather.speed * swings.uniform(0.5, 1.5) * self._wildness()
        self._swing_left_s = weather.longest_s if self._direction else swings.uniform(*weather.pause_s)

    # --- the book ---

    def _touch(self) -> tuple[int, int]:
        """Best bid and ask in ticks around the fair price; the spread is mostly one tick, at times a few."""
        fair = math.exp(self._log_start + self._offset) + self._quiver
        spread = 1 if self._flow.random() < 0.75 else self._flow.randint(2, 4)  # noqa: PLR2004 - shape of the book
        bid = max(math.floor(fair - spread / 2 + 0.5), 1)
        return bid, bid + spread

    def _resize(self, side: str) -> None:
        self._sizes[side] = max(int(self._unit * self._flow.lognormvariate(0.0, 0.8)), 1)

    def _quote(self, bid: int, ask: int) -> QuoteTick:
        rules = self._rules
        return QuoteTick(
            rules.symbol,
            bid * rules.tick,
            self._sizes["bid"] * rules.step,
            ask * rules.tick,
            self._sizes["ask"] * rules.step,
        )

    def _trades(self, bid: int, ask: int, new_bid: int, new_ask: int) -> Iterator[TradeTick]:
        """Trades between the touch before and the touch after; sizes of the sides that changed are drawn anew."""
        if new_ask <= bid:  # sellers took the whole bid, and more below it
            yield self._trade(bid, self._sizes["bid"], buyer_is_maker=True)
        elif new_bid >= ask:
            yield self._trade(ask, self._sizes["ask"], buyer_is_maker=False)
        elif self._flow.random() < 0.5:  # noqa: PLR2004 - half of the quiet updates come with a trade
            buyer_is_maker = self._flow.random() < 0.5 - 0.2 * self._direction  # the flow leans with the swing
            side = "bid" if buyer_is_maker else "ask"
            quantity = max(int(self._sizes[side] * self._flow.uniform(0.05, 0.6)), 1)
            yield self._trade(bid if buyer_is_maker else ask, quantity, buyer_is_maker=buyer_is_maker)
        if new_bid != bid or self._flow.random() < 0.5:  # noqa: PLR2004 - sizes change about every other update
            self._resize("bid")
        if new_ask != ask or self._flow.random() < 0.5:  # noqa: PLR2004 - see above
            self._resize("ask")

    def _trade(self, price: int, quantity: int, *, buyer_is_maker: bool) -> TradeTick:
        rules = self._rules
        return TradeTick(rules.symbol, price * rules.tick, quantity * rules.step, buyer_is_maker)


class SyntheticPrices:
    """All markets of the venue as one stream (see `PriceSource`). Never finishes, holds no thread and no file."""

    def __init__(
        self,
        markets: Sequence[MarketRules],
        seed: int,
        *,
        start_price: Decimal | None = None,
        volatility_pct_per_day: Decimal | None = None,
        weather: Weather = DEFAULT_WEATHER,
    ) -> None:
        """`start_price` replaces the level of every market (meant for a venue with one). `seed` fixes everything."""
        shaped = scaled(weather, volatility_pct_per_day)
        self._markets = [
            SyntheticMarket(
                rules,
                start_price or START_PRICES.get(rules.symbol, Decimal(100)),
                shaped,
                f"{seed}/{rules.symbol}",
            )
            for rules in markets
        ]
        self._heads: list[tuple[int, int, Tick, Iterator[tuple[int, Tick]]]] = []

    def start(self, now_ns: int) -> None:
        """See `PriceSource`."""
        for index, market in enumerate(self._markets):
            rows = market.rows(now_ns)
            at_ns, tick = next(rows)
            heapq.heappush(self._heads, (at_ns, index, tick, rows))

    def events_until(self, now_ns: int) -> Iterator[tuple[int, Tick]]:
        """See `PriceSource`."""
        heads = self._heads
        while heads and heads[0][0] <= now_ns:
            at_ns, index, tick, rows = heads[0]
            following_ns, following = next(rows)
            heapq.heapreplace(heads, (following_ns, index, following, rows))
            yield at_ns, tick

    def next_ns(self) -> int | None:
        """See `PriceSource`."""
        return self._heads[0][0] if self._heads else None

    @property
    def finished(self) -> bool:
        """See `PriceSource`."""
        return False

    def close(self) -> None:
        """See `PriceSource`."""
