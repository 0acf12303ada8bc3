"""Backpack perpetuals: client of the venue's REST and stream protocol (venues/backpack.md)."""

from exchanges.backpack.settings import BackpackSettings
from exchanges.backpack.venue import ENDPOINTS, NAME, RATE_LIMITS, BackpackVenue, capabilities_of
from exchanges.venue import VenuePackage

VENUE = VenuePackage(
    name=NAME,
    settings=BackpackSettings,
    endpoints=ENDPOINTS,
    capabilities=capabilities_of(BackpackSettings()),
    rate_limits=RATE_LIMITS,
    from_settings=BackpackVenue.from_settings,
    with_credentials=BackpackVenue.with_credentials,
)

__all__ = ["VENUE", "BackpackSettings", "BackpackVenue"]
