"""Lighter perpetuals: client of the venue's REST and stream protocol (venues/lighter.md)."""

from exchanges.lighter.settings import LighterSettings
from exchanges.lighter.venue import ENDPOINTS, NAME, LighterVenue, capabilities_of, rate_limits_of
from exchanges.venue import VenuePackage

VENUE = VenuePackage(
    name=NAME,
    settings=LighterSettings,
    endpoints=ENDPOINTS,
    capabilities=capabilities_of(LighterSettings()),
    rate_limits=rate_limits_of(LighterSettings()),
    from_settings=LighterVenue.from_settings,
    with_credentials=LighterVenue.with_credentials,
)

__all__ = ["VENUE", "LighterSettings", "LighterVenue"]
