"""The toy venue's client: everything that is registered of it."""

from exchanges.venue import VenuePackage
from tests.contract.toy.client.settings import ToySettings
from tests.contract.toy.client.venue import CAPABILITIES, ENDPOINTS, NAME, RATE_LIMITS, ToyVenue

VENUE = VenuePackage(
    name=NAME,
    settings=ToySettings,
    endpoints=ENDPOINTS,
    capabilities=CAPABILITIES,
    rate_limits=RATE_LIMITS,
    from_settings=ToyVenue.from_settings,
    with_credentials=ToyVenue.with_credentials,
)

__all__ = ["VENUE"]
