"""Backpack as the assembly of simulated venues knows it."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

from exchanges.simulated.faces.backpack.face import BackpackFace
from exchanges.simulated.faces.backpack.markets import backpack_rules, backpack_symbol, market_for
from exchanges.simulated.faces.backpack.rendering import client_number
from exchanges.simulated.faces.backpack.signing import BackpackCredentials, make_credentials
from exchanges.simulated.faces.kit import HOUR_NS, FaceKit, FaceParts


def _new_credentials(rng: Random) -> Mapping[str, str | int]:
    return make_credentials(rng).as_dict()


def _face(parts: FaceParts) -> BackpackFace:
    return BackpackFace(
        parts.engine,
        BackpackCredentials(**{name: str(value) for name, value in parts.credentials.items()}),
        [market_for(spec.rules) for spec in parts.specs],
        parts.settings,
        rng=parts.rng,
        now_ns=parts.now_ns,
    )


KIT: Final = FaceKit(
    venue="backpack",
    symbol=backpack_symbol,
    rules=backpack_rules,
    make_credentials=_new_credentials,
    make_face=_face,
    decode=client_number,
    funding_interval_ns=HOUR_NS,
    default_leverage=10,
    maintenance_rate=Decimal("0.0135"),
)
"""A client id is the 32-bit id itself, so the oracle takes any number for one of the bot's."""
