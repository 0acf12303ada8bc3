"""Which price source a `[paper]` section asks for, opened: the source and the rules of its markets."""

import difflib
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exchanges.clock import Clock
from exchanges.errors import ConfigError
from exchanges.simulated.engine_setup import override_rules
from exchanges.simulated.faces.kit import keep_rules
from exchanges.simulated.prices import PriceSource, Tick
from exchanges.simulated.prices.live import ASTER_FEED, Dialect, LivePrices
from exchanges.simulated.prices.live_backpack import BACKPACK_FEED
from exchanges.simulated.prices.live_lighter import lighter_feed
from exchanges.simulated.prices.synthetic import START_PRICES, SyntheticPrices
from exchanges.simulated.settings import PaperSettings, PriceKind
from exchanges.simulated.tape import TapePrices, read_facts, tape_rules
from exchanges.values import MarketRules

LIVE_FEEDS: Final[Mapping[str, Callable[[], Dialect]]] = MappingProxyType(
    {"aster": lambda: ASTER_FEED, "backpack": lambda: BACKPACK_FEED, "lighter": lighter_feed}
)
"""Name of a venue -> how its public feed is spoken, for one source of prices."""

FitRules = Callable[[MarketRules, Decimal], MarketRules]


class MergedPrices:
    """Several price sources as one, in order of time. Finished when all are."""

    def __init__(self, sources: Sequence[PriceSource]) -> None:
        self._sources = tuple(sources)

    def start(self, now_ns: int) -> None:
        """See `PriceSource.start`."""
        for source in self._sources:
            source.start(now_ns)

    def events_until(self, now_ns: int) -> Iterable[tuple[int, Tick]]:
        """See `PriceSource.events_until`."""
        rows = [source.events_until(now_ns) for source in self._sources]
        return rows[0] if len(rows) == 1 else heapq.merge(*rows, key=lambda row: row[0])

    def next_ns(self) -> int | None:
        """See `PriceSource.next_ns`."""
        times = [at for source in self._sources if (at := source.next_ns()) is not None]
        return min(times, default=None)

    @property
    def finished(self) -> bool:
        """See `PriceSource.finished`."""
        return all(source.finished for source in self._sources)

    def close(self) -> None:
        """See `PriceSource.close`."""
        for source in self._sources:
            source.close()


def open_prices(
    paper: PaperSettings,
    rules: Sequence[MarketRules],
    last: Mapping[str, str],
    clock: Clock,
    *,
    venue: str = "aster",
    fit_rules: FitRules = keep_rules,
) -> tuple[PriceSource, tuple[MarketRules, ...]]:
    """Return the price source and the rules of its markets: those given, but the tape's own where it is a tape.

    `last` are the prices a synthetic market goes on from, by symbol; without one it starts at `paper.start_price` or
    its usual level. `clock` stamps the rows of a live feed, which is the public one of `venue`. `fit_rules` is the
    venue's (see `FaceKit`).

    Raises:
        ValueError: the tape cannot be read, or is asked to be more than one market; no live feed is known of `venue`.
        OSError: the tape cannot be opened.
    """
    if paper.prices is PriceKind.TAPE:
        return _open_tape(paper, rules, fit_rules)
    if paper.prices is PriceKind.LIVE:
        return LivePrices([one.symbol for one in rules], clock, dialect=_feed(venue)), tuple(rules)
    return _synthetic(paper, rules, last), tuple(rules)


def _feed(venue: str) -> Dialect:
    make = LIVE_FEEDS.get(venue)
    if make is None:
        raise ValueError(f"paper.prices = live: there is no live feed of {venue}")
    return make()


def _open_tape(
    paper: PaperSettings, rules: Sequence[MarketRules], fit_rules: FitRules
) -> tuple[PriceSource, tuple[MarketRules, ...]]:
    if len(rules) != 1:
        names = ", ".join(one.symbol for one in rules)
        raise ValueError(f"paper.tape = {paper.tape}: a tape is one market, and there are {len(rules)}: {names}")
    market = rules[0]
    try:
        facts = read_facts(Path(paper.tape))
        found = fit_rules(tape_rules(facts, market.symbol, market.quote_asset), facts.first_price)
        tape = TapePrices(
            Path(paper.tape),
            market.symbol,
            speed=paper.speed,
            tick=paper.tick_size or found.tick,
            is_served=True,
        )
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return tape, (replace(found, base_asset=market.base_asset or found.base_asset),)


def _synthetic(paper: PaperSettings, rules: Sequence[MarketRules], last: Mapping[str, str]) -> PriceSource:
    return MergedPrices(
        [
            SyntheticPrices(
                [override_rules(one, paper)],
                paper.seed,
                start_price=Decimal(last[one.symbol]) if one.symbol in last else _first_price(paper, one),
                volatility_pct_per_day=paper.volatility_pct_per_day,
            )
            for one in rules
        ]
    )


def _first_price(paper: PaperSettings, rules: MarketRules) -> Decimal:
    """Where a synthetic market begins. A name that means nothing is rather misspelled than meant.

    Raises ValueError where nothing says what the market is worth.
    """
    price = paper.start_price or _usual_price(rules)
    if price is None:
        near = difflib.get_close_matches(rules.symbol, list(START_PRICES), n=3, cutoff=0.3)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise ValueError(
            f"symbol = {rules.symbol}: the simulation knows no such market{hint}. For another one set paper.start_price"
        )
    return price


def _usual_price(rules: MarketRules) -> Decimal | None:
    """What the asset is usually worth, whatever the venue calls its market; None where nothing is known."""
    return START_PRICES.get(rules.symbol) or START_PRICES.get(f"{rules.base_asset}USDT")
