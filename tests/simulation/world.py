"""One simulated world: a venue, a bot, a wire between them, for one seed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

from actors.config import load_settings
from actors.settings import BotSettings
from actors.venue_access import VenueAccess
from exchanges import VENUES
from exchanges.simulated.assembly import assemble, face_kit
from exchanges.simulated.settings import PaperSettings
from tests.simulation.bots import BotProcess
from tests.simulation.clocks import START_WALL_NS, HostClock
from tests.simulation.drawing import stream
from tests.simulation.lines import Line, VenueHost
from tests.simulation.markets import SparsePrices
from tests.simulation.scheduler import Scheduler

REST_URL: Final = "http://127.0.0.1:1"
WS_URL: Final = "ws://127.0.0.1:1"
GRID: Final = "grid"
_NS: Final = 1_000_000_000


def settings_for(venue: str, seed: int) -> BotSettings:
    """Return a grid's settings as the seed draws them, through the bot's own configuration."""
    rng = stream(seed, "settings")
    symbol = face_kit(venue).symbol("BTC")
    text = f"""
[desk]
name = sim
mode = paper
state_dir = state
bot_tag = {rng.randrange(64)}
on_start_foreign = ignore

[exchange.{venue}]

[grid.{GRID}]
exchange = {venue}
symbol = {symbol}
direction = {rng.choice(("buy", "sell"))}
order_notional_usd = {rng.choice((300, 700, 1500))}
target_leverage = 5
take_profit_pct = {rng.choice(("0.06", "0.1", "0.2"))}
grid_step_pct = {rng.choice(("0", "0.03", "0.08"))}
max_orders = {rng.choice((2, 4, 8))}
wait_time_s = {rng.choice((0, 1, 5))}
post_only_ticks = {rng.choice((1, 2, 5))}
entry_requote_after_s = {rng.choice((0, 3, 10))}
partial_tp = {rng.choice(("immediate", "immediate", "on_done"))}
tp_coalesce_ms = {rng.choice((0, 0, 200))}
min_edge_bps = 0
fallback = {rng.choice(("ioc", "wait"))}

[risk]
max_margin_usd = 20000
"""
    return load_settings(text, environ={})


@dataclass
class World:
    """One venue with its line and one bot on it."""

    seed: int
    venue: str
    folder: Path

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.seed)
        self.settings = settings_for(self.venue, self.seed)
        self.clock = HostClock(self.scheduler)
        self._build_venue()
        self.bot = BotProcess(
            scheduler=self.scheduler,
            settings=self.settings,
            new_accesses=self._accesses,
            lines={self.venue: self.line},
            clock=self.clock,
            folder=self.folder,
            seed=self.seed,
        )

    def _build_venue(self) -> None:
        kit = face_kit(self.venue)
        rng = stream(self.seed, "venue")
        symbol = self.settings.grids[0].symbol
        rules = kit.rules(symbol)
        self.prices = SparsePrices([(rules, Decimal(60_000))], self.seed)
        paper = PaperSettings(
            start_equity_usd=Decimal(100_000),
            seed=self.seed,
            ack_latency_ms=rng.choice((0, 5, 80)),
            fill_latency_ms=rng.choice((0, 5, 80)),
            cancel_latency_ms=rng.choice((0, 5, 80)),
            partial_fill_pct=Decimal(rng.choice((0, 30, 70))),
            maker_fee_bps=Decimal(1),
            lighter_signature_check_pct=Decimal(0),
        )
        self.credentials: Mapping[str, str | int] = MappingProxyType(dict(kit.make_credentials(stream(self.seed, "keys"))))
        simulated = assemble(kit, paper, (symbol,), self.prices, self.credentials, now_ns=START_WALL_NS)
        self.host = VenueHost(simulated, self.scheduler)
        self.engine = simulated.engine
        self.oracle = simulated.oracle
        self.line = Line(self.venue, self.host, self.scheduler, stream(self.seed, "line"), self.clock)

    def _accesses(self) -> dict[str, VenueAccess]:
        package = VENUES[self.venue]()
        given = {name: str(value) for name, value in self.credentials.items()}
        account = package.with_credentials(self.settings.exchanges[self.venue], given, REST_URL, WS_URL)
        return {self.venue: VenueAccess(venue=account)}

    def run(self, seconds: float) -> None:
        """Let the world go on for so long."""
        until_ns = self.scheduler.now_ns + int(seconds * _NS)
        self.scheduler.run_until(until_ns, lambda: None, done=lambda: False)
