"""One look at the markets of a configuration, for `--explain`: rules, fees, price, equity. Sends no order."""

from collections.abc import Mapping
from typing import Self, TypeVar

from actors.config.startup import Market
from actors.connection_parts import unknown_market
from actors.settings import BotSettings
from actors.venue_access import VenueAccess
from actors.venue_clock import VenueClock
from exchanges.clock import Clock
from exchanges.errors import ConfigError
from exchanges.rest_transport import RestTransport
from exchanges.venue import Call

T = TypeVar("T")


class Asker:
    """Asks one venue, one question at a time. Used from one thread; a context manager that closes its connection."""

    def __init__(self, name: str, access: VenueAccess, clock: Clock) -> None:
        self._venue = access.venue
        self._clock = clock
        self._venue_clock = VenueClock(clock)
        self._transport = RestTransport(
            name, access.venue.rest_url, clock=clock, proxy=access.proxy, ca_file=access.ca_file
        )

    def __enter__(self) -> Self:
        self._transport.connect()
        asked_ns = self._clock.monotonic_ns()
        server_ns = self.ask(self._venue.server_time())
        self._venue_clock.learn(server_ns, self._clock.monotonic_ns() - asked_ns)
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def ask(self, call: Call[T]) -> T:
        """Return the answer. Raises the ExchangeError that says what may be concluded."""
        signed = self._venue.sign(call.request, wall_ns=self._venue_clock.wall_ns())
        return call.read(self._transport.send(signed))


def read_markets(settings: BotSettings, accesses: Mapping[str, VenueAccess], clock: Clock) -> dict[str, Market]:
    """Return the market of each grid by grid name.

    Raises:
        ExchangeError: a venue could not be read.
        ConfigError: a venue does not list a symbol.
    """
    found: dict[str, Market] = {}
    for exchange, access in accesses.items():
        venue = access.venue
        with Asker(exchange, access, clock) as asker:
            rules = asker.ask(venue.markets())
            equity = asker.ask(venue.account_summary()).equity
            for grid in settings.grids:
                if grid.exchange != exchange:
                    continue
                if grid.symbol not in rules:
                    raise ConfigError([unknown_market(grid.name, grid.symbol, exchange, rules)])
                price = asker.ask(venue.best_price(grid.symbol))
                found[grid.name] = Market(
                    rules=rules[grid.symbol],
                    fees=asker.ask(venue.fee_rates(grid.symbol)),
                    bid=price.bid,
                    ask=price.ask,
                    equity_usd=equity,
                )
    return found
