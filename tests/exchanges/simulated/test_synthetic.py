"""The synthetic market: repeatable, plausible, and worth a minute of grid (exchanges.simulated.prices.synthetic)."""

import math
import statistics
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from exchanges.rounding import is_multiple
from exchanges.simulated.engine_setup import DEFAULT_RULES
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.prices.synthetic import (
    DEFAULT_VOLATILITY_PCT_PER_DAY,
    DEFAULT_WEATHER,
    START_PRICES,
    SyntheticPrices,
    scaled,
)
from tests.exchanges.simulated.calibration import ORIGIN_NS, GridRule, Outcome, recommended_paper, simulate

D = Decimal
SECOND = 1_000_000_000
RULES = tuple(DEFAULT_RULES.values())


def rows(seed: int, seconds: int, *symbols: str, **more):
    chosen = [DEFAULT_RULES[symbol] for symbol in symbols or ("BTCUSDT",)]
    prices = SyntheticPrices(chosen, seed, **more)
    prices.start(ORIGIN_NS)
    return list(prices.events_until(ORIGIN_NS + seconds * SECOND))


def mids_by_second(seed: int, seconds: int, **more) -> list[float]:
    by_second: dict[int, float] = {}
    for at_ns, tick in rows(seed, seconds, **more):
        if isinstance(tick, QuoteTick):
            by_second[(at_ns - ORIGIN_NS) // SECOND] = float(tick.bid + tick.ask) / 2
    return [by_second[second] for second in sorted(by_second)]


def volatility(mids: list[float]) -> float:
    returns = [math.log(after / before) for before, after in pairwise(mids)]
    return statistics.pstdev(returns) * math.sqrt(86_400) * 100


def test_the_same_seed_is_the_same_market_and_another_one_is_not():
    assert rows(3, 20) == rows(3, 20)
    assert rows(3, 20) != rows(4, 20)


def test_a_market_does_not_depend_on_the_others_listed():
    alone = rows(3, 20)
    among = [row for row in rows(3, 20, "ETHUSDT", "BTCUSDT", "SOLUSDT") if row[1].symbol == "BTCUSDT"]
    assert alone == among


def test_asking_in_small_steps_gives_the_same_rows():
    prices = SyntheticPrices(RULES, 5)
    prices.start(ORIGIN_NS)
    assert prices.next_ns() == ORIGIN_NS
    piecemeal = []
    for step in range(1, 501):
        piecemeal.extend(prices.events_until(ORIGIN_NS + step * SECOND // 50))
        following = prices.next_ns()
        assert following is not None
        assert following > ORIGIN_NS + step * SECOND // 50
    assert piecemeal == rows(5, 10, *(rule.symbol for rule in RULES))
    assert not prices.finished
    prices.close()


@pytest.mark.parametrize("symbol", list(DEFAULT_RULES))
def test_rows_are_legal_for_their_market(symbol):
    rules = DEFAULT_RULES[symbol]
    seen = rows(1, 120, symbol)
    times = [at_ns for at_ns, _ in seen]
    assert times == sorted(times)
    for _, tick in seen:
        if isinstance(tick, QuoteTick):
            assert 0 < tick.bid < tick.ask
            assert is_multiple(tick.bid, rules.tick)
            assert is_multiple(tick.ask, rules.tick)
            assert tick.ask - tick.bid <= 4 * rules.tick
            assert tick.bid_qty > 0
            assert is_multiple(tick.bid_qty, rules.step)
            assert tick.ask_qty > 0
        else:
            assert isinstance(tick, TradeTick)
            assert is_multiple(tick.price, rules.tick)
            assert tick.qty > 0
            assert is_multiple(tick.qty, rules.step)


def test_trades_print_at_the_touch_they_hit():
    quote = None
    sides = {True: 0, False: 0}
    for _, tick in rows(2, 120):
        if isinstance(tick, QuoteTick):
            quote = tick
            continue
        assert quote is not None
        assert tick.price == (quote.bid if tick.buyer_is_maker else quote.ask)
        sides[tick.buyer_is_maker] += 1
    assert min(sides.values()) > 0.3 * sum(sides.values())
    assert sum(sides.values()) > 1000


def test_volatility_is_as_stated():
    measured = statistics.mean(volatility(mids_by_second(seed, 300)) for seed in range(6))
    assert measured == pytest.approx(float(DEFAULT_VOLATILITY_PCT_PER_DAY), rel=0.15)


@pytest.mark.parametrize("stated", [D(4), D(100)])
def test_stated_volatility_scales_the_moves(stated):
    measured = statistics.mean(
        volatility(mids_by_second(seed, 300, volatility_pct_per_day=stated)) for seed in range(4)
    )
    assert measured == pytest.approx(float(stated), rel=0.25)
    assert scaled(DEFAULT_WEATHER, None) is DEFAULT_WEATHER


def test_volatility_clusters():
    """A lively ten seconds are more often followed by lively ones than by calm ones."""
    kept = []
    for seed in range(4):
        sizes = [abs(math.log(after / before)) for before, after in pairwise(mids_by_second(seed, 1500))]
        spells = [sum(sizes[at : at + 10]) for at in range(0, len(sizes) - 10, 10)]
        kept.append(statistics.correlation(spells[:-1], spells[1:]))
    assert statistics.mean(kept) > 0.15


def test_the_market_trends():
    """Beyond the swings, the direction of some seconds is more often that of the seconds before than not."""
    same = []
    for seed in range(4):
        mids = mids_by_second(seed, 900)
        level = [sum(mids[at : at + 4]) / 4 for at in range(0, len(mids) - 4, 4)]
        moves = [after - before for before, after in pairwise(level)]
        same.append(sum(one * two > 0 for one, two in pairwise(moves)) / (len(moves) - 1))
    assert statistics.mean(same) > 0.53


def test_the_price_stays_in_reach_for_hours():
    mids = mids_by_second(11, 2 * 3600)
    start = float(START_PRICES["BTCUSDT"])
    assert 0.9 * start < min(mids)
    assert max(mids) < 1.1 * start
    assert max(mids) / min(mids) > 1.01


def test_the_start_price_may_be_given():
    assert float(rows(1, 1, start_price=D(100))[0][1].bid) == pytest.approx(100, rel=0.001)
    unknown = replace(DEFAULT_RULES["SOLUSDT"], symbol="DOGEUSDT")
    prices = SyntheticPrices([unknown], 1)
    prices.start(ORIGIN_NS)
    assert float(next(iter(prices.events_until(ORIGIN_NS)))[1].bid) == pytest.approx(100, rel=0.001)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return [simulate(recommended_paper(seed), GridRule()) for seed in range(20)]


def test_a_minute_of_every_seed_closes_lots(outcomes):
    assert min(one.closed for one in outcomes) >= 4, [(one.seed, one.closed) for one in outcomes]


def test_it_is_no_machine_for_closing_lots(outcomes):
    assert sum(one.left > 0 for one in outcomes) >= 5
    assert sum(one.reached_max for one in outcomes) >= 2
    assert any(not one.reached_max for one in outcomes)


def test_when_the_bot_starts_matters_little():
    for late_s in (0.5, 8.0):
        closed = [simulate(recommended_paper(seed), GridRule(), late_s=late_s).closed for seed in range(20)]
        assert min(closed) >= 3, closed
