"""Accounts on real venues, from settings and the environment."""

import dataclasses
import os
from collections.abc import Callable, Mapping

from actors.config.credentials import secret_resolver
from actors.settings import BotSettings
from actors.wiring import VenueAccess
from exchanges import VENUES
from exchanges.errors import ConfigError
from exchanges.secrets import Secret
from exchanges.settings import METADATA_KEY
from exchanges.venue import Venue


@dataclasses.dataclass(frozen=True, slots=True)
class Accounts:
    """How to reach every exchange that a grid uses, and the secrets that must not appear in any output."""

    accesses: Mapping[str, VenueAccess]
    secrets: tuple[Secret, ...]


def used_exchanges(settings: BotSettings) -> tuple[str, ...]:
    """Return the names of the exchanges that grids trade on, in the order of the grids."""
    return tuple(dict.fromkeys(grid.exchange for grid in settings.grids))


def live_accounts(settings: BotSettings, environ: Mapping[str, str] | None = None) -> Accounts:
    """Return the real accounts, with credentials from environment variables or private files.

    Raises:
        ConfigError: every missing or unusable credential at once, by the name of its environment variable.
    """
    environ = os.environ if environ is None else environ
    accesses: dict[str, VenueAccess] = {}
    secrets: list[Secret] = []
    problems: list[str] = []
    for name in used_exchanges(settings):
        resolve = _remembering(secret_resolver(settings, f"exchange.{name}", environ), secrets)
        try:
            venue = VENUES[settings.venues[name]]().from_settings(settings.exchanges[name], resolve)
        except ConfigError as error:
            problems.extend(f"exchange.{name}: {problem}" for problem in error.problems)
        else:
            accesses[name] = access_to(venue, settings.exchanges[name])
    if problems:
        raise ConfigError(problems)
    return Accounts(accesses, tuple(secrets))


def access_to(venue: Venue, settings: object) -> VenueAccess:
    """Return how to reach an account, with the proxy and certificates its section names."""
    return VenueAccess(
        venue=venue,
        # every venue may have these two; one without them has sockets that need neither
        proxy=getattr(settings, "proxy", "") or None,
        ca_file=getattr(settings, "ca_file", "") or None,
        credential_hint=_credential_hint(settings),
    )


def _credential_hint(settings: object) -> str:
    """Return the names of the environment variables that a venue's settings name for secrets."""
    if not dataclasses.is_dataclass(settings):
        return ""
    names = [
        str(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if METADATA_KEY in field.metadata and field.metadata[METADATA_KEY].names_secret
    ]
    return ", ".join(name for name in names if name)


def _remembering(resolve: Callable[[str], Secret | None], secrets: list[Secret]) -> Callable[[str], Secret | None]:
    def resolve_and_remember(variable: str) -> Secret | None:
        secret = resolve(variable)
        if secret is not None:
            secrets.append(secret)
        return secret

    return resolve_and_remember
