"""Lighter as the assembly of simulated venues knows it."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

from exchanges.simulated.faces.kit import HOUR_NS, FaceKit, FaceParts
from exchanges.simulated.faces.lighter.credentials import make_credentials, read_credentials
from exchanges.simulated.faces.lighter.face import LighterFace
from exchanges.simulated.faces.lighter.markets import build_markets, fit_rules, lighter_rules, lighter_symbol

_LARGEST_ID: Final = 2**32 - 1


def read_grid_id(client_id: str) -> int | None:
    """Return the 32-bit id behind a client index; None for a larger one, which is somebody else's.

    The oracle needs it to tell entries from exits; the venue itself treats all ids alike.
    """
    if not (client_id.isascii() and client_id.isdigit()):
        return None
    number = int(client_id)
    return number if 1 <= number <= _LARGEST_ID else None


def _new_credentials(rng: Random) -> Mapping[str, str | int]:
    return make_credentials(rng).as_dict()


def _face(parts: FaceParts) -> LighterFace:
    return LighterFace(
        parts.engine,
        read_credentials(parts.credentials),
        build_markets(spec.rules for spec in parts.specs),
        parts.settings,
        signature_check_pct=parts.paper.lighter_signature_check_pct,
        rng=parts.rng,
    )


KIT: Final = FaceKit(
    venue="lighter",
    symbol=lighter_symbol,
    rules=lighter_rules,
    make_credentials=_new_credentials,
    make_face=_face,
    decode=read_grid_id,
    funding_interval_ns=HOUR_NS,
    default_leverage=20,
    maintenance_rate=Decimal("0.012"),
    fit_rules=fit_rules,
)
