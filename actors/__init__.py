"""A grid-trading bot as an actor system. What a host application uses of it.

    bot = TradingBot.start_bot(settings)
    ...
    bot.stop()

Several bots may live in one process. Nothing here installs signal handlers or log sinks, or touches actors that this
package did not start.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.bot import TradingBot
    from actors.host import BotHandle
    from actors.settings import BotSettings
    from actors.status import BotState, BotStatus, summary
    from actors.venue_access import VenueAccess

__all__ = ["BotHandle", "BotSettings", "BotState", "BotStatus", "TradingBot", "VenueAccess", "summary"]

_HOMES = {
    "BotHandle": "actors.host",
    "BotSettings": "actors.settings",
    "BotState": "actors.status",
    "BotStatus": "actors.status",
    "TradingBot": "actors.bot",
    "VenueAccess": "actors.venue_access",
    "summary": "actors.status",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names of __all__, each typed above
    """Import a public name when it is first used: the pure core must stay importable without Pykka."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only needed here

    return getattr(import_module(_HOMES[name]), name)
