"""A whole bot against a venue's face over real sockets, with nothing in it that knows which venue it is."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.bot import TradingBot
from actors.grid.settings import CloseSettings, GridRiskSettings, GridSettings, ProofSettings
from actors.host import BotHandle
from actors.settings import (
    BotSettings,
    ControlSettings,
    DeskRiskSettings,
    DeskSettings,
    HostSettings,
    LogSettings,
    Mode,
    NotifySettings,
    PricesSettings,
    ReconcileSettings,
)
from actors.venue_access import VenueAccess
from exchanges.simulated.settings import PaperSettings
from exchanges.simulated.testing import RunningVenue, running_venue
from exchanges.venue import Venue
from tests.contract.bench import RICH
from tests.contract.venues import Subject
from tests.system.loopback import book, entry_settings, state, until

EXCHANGE = "there"


def settings_for(subject: Subject, folder: Path) -> BotSettings:
    """One grid on one exchange, at its venue's own defaults."""
    grid = GridSettings(
        name="btc",
        exchange=EXCHANGE,
        symbol=subject.kit.symbol("BTC"),
        entry=entry_settings(),
        close=CloseSettings(),
        risk=GridRiskSettings(stop_loss=False),
        proof=ProofSettings(),
    )
    desk = DeskSettings(
        name="test",
        mode=Mode.PAPER,
        state_dir=str(folder / "state"),
        log_dir=str(folder / "logs"),
        bot_tag=7,
        stop_grace_s=Decimal(5),
    )
    return BotSettings(
        desk=desk,
        exchanges={EXCHANGE: subject.package.settings()},
        venues={EXCHANGE: subject.name},
        prices=PricesSettings(),
        risk=DeskRiskSettings(max_margin_usd=Decimal(10000)),
        reconcile=ReconcileSettings(),
        proof=ProofSettings(),
        paper=PaperSettings(),
        notify=NotifySettings(),
        control=ControlSettings(),
        log=LogSettings(),
        host=HostSettings(),
        grids=(grid,),
    )


class Floor:
    """A served venue with a market around 60,000, and bots that trade there one after the other."""

    def __init__(self, subject: Subject, venue: RunningVenue, folder: Path) -> None:
        self.venue = venue
        self.settings = settings_for(subject, folder)
        self.symbol = self.settings.grids[0].symbol
        self._subject = subject
        self._folder = folder

    def _account(self) -> Venue:
        given = {name: str(value) for name, value in self.venue.credentials.items()}
        settings = self.settings.exchanges[EXCHANGE]
        return self._subject.package.with_credentials(settings, given, self.venue.rest_url, self.venue.ws_url)

    @contextmanager
    def bot(self) -> Iterator[BotHandle]:
        """Start a bot and end it, whatever the card does."""
        bot = TradingBot.start_bot(
            self.settings,
            accesses={EXCHANGE: VenueAccess(venue=self._account())},
            source=random.Random(1),
            runtime_dir=self._folder / "run",
        )
        try:
            yield bot
        finally:
            assert bot.stop(timeout_s=30), f"the bot did not end: {bot.status()}"
            assert bot.leftovers == ()

    def entry(self, bot: BotHandle) -> Any:
        """The entry that rests at the venue; one that has ended may still wait for its exit to be covered."""
        return until(
            lambda: (
                (s := state(bot.status()))
                and s.pending
                and s.pending.accepted_ns
                and not s.pending.is_done
                and s.pending
            ),
            "a resting entry",
            timeout_s=20,
        )

    def exits(self, bot: BotHandle, count: int) -> Any:
        """All exits, once there are so many and all of them work."""
        return until(
            lambda: (
                (b := book(bot.status()))
                and len(b.orders) == count
                and all(o.is_working for o in b.orders)
                and b.orders
            ),
            "working exits",
            timeout_s=20,
        )

    def fall_through(self, price: Decimal) -> None:
        """Let others sell through a price."""
        self.venue.trade(self.symbol, str(price - 10), "50", buyer_is_maker=True)

    def rise_through(self, price: Decimal) -> None:
        """Let others buy through a price."""
        self.venue.trade(self.symbol, str(price + 10), "50", buyer_is_maker=False)


@contextmanager
def open_floor(subject: Subject, folder: Path, **paper: object) -> Iterator[Floor]:
    """Serve a venue on loopback, with some settings of `[paper]`."""
    with running_venue(venue=subject.name, symbols=("BTC",), paper=RICH, **paper) as venue:
        floor = Floor(subject, venue, folder)
        tick = subject.kit.rules(floor.symbol).tick
        venue.quote(floor.symbol, "60000", str(60000 + tick))
        yield floor
        assert venue.status()["violations"] == 0, venue.status()
