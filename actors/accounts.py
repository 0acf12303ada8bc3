"""Accounts on real venues, from settings and the environment."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping

from actors.config.credentials import secret_resolver
from actors.settings import BotSettings
from actors.venue_access import VenueAccess
from exchanges import VENUES
from exchanges.errors import ConfigError
from exchanges.secrets import Secret
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
        variables: list[str] = []
        resolve = _remembering(secret_resolver(settings, f"exchange.{name}", environ), secrets, variables)
        try:
            venue = VENUES[settings.venues[name]]().from_settings(settings.exchanges[name], resolve)
        except ConfigError as error:
            problems.extend(f"exchange.{name}: {problem}" for problem in error.problems)
        else:
            accesses[name] = access_to(venue, settings.exchanges[name], variables)
    if problems:
        raise ConfigError(problems)
    return Accounts(accesses, tuple(secrets))


def access_to(venue: Venue, settings: object, variables: Iterable[str] = ()) -> VenueAccess:
    """Return how to reach an account, with the proxy and certificates its section names.

    `variables` are the environment variables its credentials came from, for what is said when the venue refuses them.
    """
    return VenueAccess(
        venue=venue,
        # every venue may have these two; one without them has sockets that need neither
        proxy=getattr(settings, "proxy", "") or None,
        ca_file=getattr(settings, "ca_file", "") or None,
        credential_hint=", ".join(dict.fromkeys(variables)),
    )


def _remembering(
    resolve: Callable[[str], Secret | None], secrets: list[Secret], variables: list[str]
) -> Callable[[str], Secret | None]:
    def resolve_and_remember(variable: str) -> Secret | None:
        secret = resolve(variable)
        if secret is not None:
            secrets.append(secret)
            variables.append(variable)
        return secret

    return resolve_and_remember
