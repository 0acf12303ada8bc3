"""Puts the parts of a simulated venue together from the section `[paper]`: one function per venue."""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_setup import engine_settings, fault_settings, fill_cut, market_specs
from exchanges.simulated.faces.aster.face import AsterFace
from exchanges.simulated.faces.aster.markets import (
    DEFAULT_MARKETS,
    MAX_LEVERAGE,
    QUOTE_ASSETS,
    market_for,
    split_assets,
)
from exchanges.simulated.faces.aster.requests import AsterCredentials
from exchanges.simulated.hosting import SimulatedVenue, seeded
from exchanges.simulated.oracle import Oracle
from exchanges.simulated.prices import PriceSource
from exchanges.simulated.settings import PaperSettings
from exchanges.values import MarketRules

_GRID_ID: Final = re.compile(r"g([0-9a-f]{8})")


def aster_symbol(name: str) -> str:
    """Return Aster's name of a market: `BTC` is `BTCUSDT`, `BTCUSDT` itself."""
    upper = name.upper()
    known = upper in DEFAULT_MARKETS or any(upper.endswith(quote) and upper != quote for quote in QUOTE_ASSETS)
    return upper if known else f"{upper}USDT"


def aster_rules(symbol: str) -> MarketRules:
    """Return the venue's rules of a market; a cautious guess for one that is not in its table."""
    known = DEFAULT_MARKETS.get(symbol)
    if known is not None:
        return known.rules
    base, quote = split_assets(symbol)
    like = DEFAULT_MARKETS["SOLUSDT"].rules
    return replace(like, symbol=symbol, base_asset=base, quote_asset=quote, max_leverage=MAX_LEVERAGE)


def read_grid_id(client_id: str) -> int | None:
    """Return the 32-bit id behind a client id of the shape `g` and eight hex digits; None for anybody else's.

    The oracle needs it to tell entries from exits; the venue itself treats all ids alike.
    """
    match = _GRID_ID.fullmatch(client_id)
    return None if match is None else int(match[1], 16)


def assemble_aster(
    paper: PaperSettings,
    symbols: Sequence[str],
    prices: PriceSource,
    credentials: AsterCredentials,
    *,
    now_ns: int,
    rules: Sequence[MarketRules] | None = None,
    rng: Random | None = None,
) -> SimulatedVenue:
    """Return a simulated Aster with one account, not started.

    Args:
        paper: The section `[paper]`.
        symbols: Aster's names of the markets to list.
        prices: Where the market comes from.
        credentials: What the face is to accept; the account is its user.
        now_ns: The venue's clock.
        rules: Rules of the markets where they come from a tape; None for the venue's own.
        rng: Where listen keys come from; None for the seed.
    """
    base_rules = tuple(rules) if rules is not None else tuple(aster_rules(symbol) for symbol in symbols)
    specs = market_specs(base_rules, paper)
    settings = engine_settings(paper)
    engine = Engine(specs, settings, cut=fill_cut(paper.partial_fill_pct, paper.seed), now_ns=now_ns)
    face = AsterFace(
        engine,
        credentials,
        [market_for(spec.rules) for spec in specs],
        settings,
        rng=rng or seeded(paper.seed, "listen keys"),
        now_ns=now_ns,
    )
    return SimulatedVenue(
        face,
        engine,
        prices,
        Oracle(engine, read_grid_id),
        fault_settings(paper),
        deposit=paper.start_equity_usd,
        seed=paper.seed,
    )
