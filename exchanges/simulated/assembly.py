"""Puts the parts of a simulated venue together from the section `[paper]`, for every venue in `FACES`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_setup import engine_settings, fault_settings, fill_cut, market_specs
from exchanges.simulated.engine_types import EngineSettings
from exchanges.simulated.faces.kit import HOUR_NS, Credentials, FaceKit, FaceParts
from exchanges.simulated.hosting import SimulatedVenue, seeded
from exchanges.simulated.oracle import Oracle
from exchanges.simulated.prices import PriceSource
from exchanges.simulated.settings import PaperSettings
from exchanges.values import MarketRules

_FUNDING_HOURS: Final = 8
"""`paper.funding_bps_per_8h` is a rate per so many hours."""


def _aster() -> FaceKit:
    from exchanges.simulated.faces.aster.kit import KIT  # noqa: PLC0415 - imported when used, see `FACES`

    return KIT


def _backpack() -> FaceKit:
    from exchanges.simulated.faces.backpack.kit import KIT  # noqa: PLC0415 - imported when used, see `FACES`

    return KIT


def _lighter() -> FaceKit:
    from exchanges.simulated.faces.lighter.kit import KIT  # noqa: PLC0415 - imported when used, see `FACES`

    return KIT


FACES: Final[Mapping[str, Callable[[], FaceKit]]] = MappingProxyType(
    {"aster": _aster, "backpack": _backpack, "lighter": _lighter}
)
"""Name of a venue -> function that returns its kit. A venue's face (and what it verifies signatures with) is imported
only when that venue is simulated."""


def face_kit(venue: str) -> FaceKit:
    """Return the kit of a venue. Raises ValueError where it is not simulated."""
    find = FACES.get(venue)
    if find is None:
        raise ValueError(f"there is no simulated venue for {venue!r}; there is one for {', '.join(sorted(FACES))}")
    return find()


def assemble(
    kit: FaceKit,
    paper: PaperSettings,
    symbols: Sequence[str],
    prices: PriceSource,
    credentials: Credentials,
    *,
    now_ns: int,
    rules: Sequence[MarketRules] | None = None,
    rng: Random | None = None,
) -> SimulatedVenue:
    """Return a simulated venue with one account, not started.

    Args:
        kit: Which venue.
        paper: The section `[paper]`.
        symbols: The venue's names of the markets to list.
        prices: Where the market comes from.
        credentials: What the face is to accept.
        now_ns: The venue's clock.
        rules: Rules of the markets where they come from a tape; None for the venue's own.
        rng: Where keys and jitter of the face come from; None for the seed.

    Raises:
        KeyError, TypeError, ValueError: the credentials are not the venue's.
    """
    base_rules = tuple(rules) if rules is not None else tuple(kit.rules(symbol) for symbol in symbols)
    specs = tuple(replace(spec, maintenance_rate=kit.maintenance_rate) for spec in market_specs(base_rules, paper))
    settings = _settings(kit, paper)
    engine = Engine(specs, settings, cut=fill_cut(paper.partial_fill_pct, paper.seed), now_ns=now_ns)
    face = kit.make_face(
        FaceParts(
            engine=engine,
            credentials=credentials,
            specs=specs,
            settings=settings,
            rng=rng or seeded(paper.seed, "listen keys"),
            now_ns=now_ns,
            paper=paper,
        )
    )
    return SimulatedVenue(
        face,
        engine,
        prices,
        Oracle(engine, kit.decode),
        fault_settings(paper),
        deposit=paper.start_equity_usd,
        seed=paper.seed,
    )


def _settings(kit: FaceKit, paper: PaperSettings) -> EngineSettings:
    settings = engine_settings(paper)
    share = Decimal(kit.funding_interval_ns) / (_FUNDING_HOURS * HOUR_NS)
    return replace(
        settings,
        funding_rate=settings.funding_rate * share,
        funding_interval_ns=kit.funding_interval_ns,
        default_leverage=kit.default_leverage,
    )
