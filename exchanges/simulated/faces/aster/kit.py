"""Aster as the assembly of simulated venues knows it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from exchanges.simulated.faces.aster.face import AsterFace
from exchanges.simulated.faces.aster.markets import (
    DEFAULT_MARKETS,
    MAX_LEVERAGE,
    QUOTE_ASSETS,
    market_for,
    split_assets,
)
from exchanges.simulated.faces.aster.requests import AsterCredentials, make_credentials
from exchanges.simulated.faces.kit import FaceKit, FaceParts
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


def _new_credentials(rng: Random) -> Mapping[str, str | int]:
    return make_credentials(rng).as_dict()


def _face(parts: FaceParts) -> AsterFace:
    return AsterFace(
        parts.engine,
        AsterCredentials(**{name: str(value) for name, value in parts.credentials.items()}),
        [market_for(spec.rules) for spec in parts.specs],
        parts.settings,
        rng=parts.rng,
        now_ns=parts.now_ns,
    )


KIT: Final = FaceKit(
    venue="aster",
    symbol=aster_symbol,
    rules=aster_rules,
    make_credentials=_new_credentials,
    make_face=_face,
    decode=read_grid_id,
)
