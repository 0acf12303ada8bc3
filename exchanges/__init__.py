"""Everything about venues, and nothing about the bot.

`VENUES` is the one list of venues. Its values are functions, so that a venue's package (and its signing libraries)
is imported only when that venue is used.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from exchanges.venue import VenuePackage


def _aster() -> VenuePackage:
    from exchanges.aster import VENUE  # noqa: PLC0415 - imported when used, see above

    return VENUE


def _backpack() -> VenuePackage:
    from exchanges.backpack import VENUE  # noqa: PLC0415 - imported when used, see above

    return VENUE


def _lighter() -> VenuePackage:
    from exchanges.lighter import VENUE  # noqa: PLC0415 - imported when used, see above

    return VENUE


VENUES: Mapping[str, Callable[[], VenuePackage]] = MappingProxyType(
    {"aster": _aster, "backpack": _backpack, "lighter": _lighter}
)
"""Name of a venue -> function that returns its `VenuePackage`. Call it from any thread, as often as you like."""

__all__ = ["VENUES", "VenuePackage"]
