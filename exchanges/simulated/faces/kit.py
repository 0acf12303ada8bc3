"""What the assembly of a simulated venue has to know of one venue: its names, its rules, its keys and its face.

`exchanges.simulated.assembly.FACES` is the one table of kits. Another venue is another package with a kit of its own
and another row there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import EngineSettings, MarketSpec
from exchanges.simulated.faces.protocol import Face
from exchanges.simulated.settings import PaperSettings
from exchanges.values import MarketRules

Credentials = Mapping[str, str | int]
"""Throw-away credentials under the names of `--serve`."""

HOUR_NS: Final = 3_600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceParts:
    """What a face is made of. `rng` is for what the venue makes up itself: keys, jitter, the order of things.
    `paper` is for settings of one venue alone.

    The repr leaves the credentials out.
    """

    engine: Engine
    credentials: Credentials
    specs: tuple[MarketSpec, ...]
    settings: EngineSettings
    rng: Random
    now_ns: int
    paper: PaperSettings = field(default_factory=PaperSettings)

    def __repr__(self) -> str:
        return f"FaceParts({', '.join(spec.rules.symbol for spec in self.specs)})"


def keep_rules(rules: MarketRules, _price: Decimal) -> MarketRules:
    """Return the rules of a tape as they are: the venue can express any tick and step."""
    return rules


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceKit:
    """One venue as the simulation knows it.

    Attributes:
        venue: The venue's name, as in `[exchange.NAME] venue = ...`.
        symbol: What a user calls a market (`BTC`) -> the venue's name of it.
        rules: The venue's name of a market -> its rules; a cautious guess for one that is not in the venue's table.
        make_credentials: New throw-away credentials. The stream should be a SystemRandom outside of tests.
        make_face: The face. Raises KeyError, TypeError or ValueError where the credentials cannot be read.
        decode: The oracle's reader of client ids (see `exchanges.simulated.oracle.DecodeClientId`).
        funding_interval_ns: How often funding is settled; the rate of `[paper]` is spread over eight hours.
        default_leverage: Leverage of an account nobody has set up.
        maintenance_rate: Maintenance margin as a fraction of notional.
        fit_rules: Rules that a tape suggests, and its first price -> the nearest rules that the venue can express.
    """

    venue: str
    symbol: Callable[[str], str]
    rules: Callable[[str], MarketRules]
    make_credentials: Callable[[Random], Credentials]
    make_face: Callable[[FaceParts], Face]
    decode: Callable[[str], int | None]
    funding_interval_ns: int = 8 * HOUR_NS
    default_leverage: int = 20
    maintenance_rate: Decimal = Decimal("0.005")
    fit_rules: Callable[[MarketRules, Decimal], MarketRules] = keep_rules
