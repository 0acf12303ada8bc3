"""Aster perpetuals: client of the venue's REST and stream protocol (venues/aster.md)."""

from exchanges.aster.settings import AsterSettings
from exchanges.aster.venue import ENDPOINTS, NAME, RATE_LIMITS, AsterVenue, capabilities_of
from exchanges.venue import VenuePackage

VENUE = VenuePackage(
    name=NAME,
    settings=AsterSettings,
    endpoints=ENDPOINTS,
    capabilities=capabilities_of(AsterSettings()),
    rate_limits=RATE_LIMITS,
    from_settings=AsterVenue.from_settings,
    with_credentials=AsterVenue.with_credentials,
)

__all__ = ["VENUE", "AsterSettings", "AsterVenue"]
