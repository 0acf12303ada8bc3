"""A whole bot against a simulated venue on loopback, for tests: settings, accesses, and waiting for what should
happen.
"""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.bot import TradingBot
from actors.grid.settings import (
    CloseSettings,
    Direction,
    EntrySettings,
    GridRiskSettings,
    GridSettings,
    ProofSettings,
)
from actors.host import BotHandle
from actors.settings import (
    BotSettings,
    ControlSettings,
    DeskRiskSettings,
    DeskSettings,
    ForeignPolicy,
    HostSettings,
    LogSettings,
    Mode,
    NotifySettings,
    PricesSettings,
    ReconcileSettings,
)
from actors.status import BotStatus
from actors.venue_access import VenueAccess
from exchanges.aster.settings import AsterSettings
from exchanges.aster.venue import AsterVenue
from exchanges.simulated.settings import PaperSettings
from exchanges.simulated.testing import RunningVenue

SYMBOL = "BTCUSDT"


def entry_settings(**changes: Any) -> EntrySettings:
    fields: dict[str, Any] = {
        "direction": Direction.BUY,
        "order_notional_usd": Decimal(600),
        "target_leverage": 5,
        "take_profit_pct": Decimal("0.5"),
        "grid_step_pct": Decimal(0),
        "max_orders": 4,
        "wait_time_s": Decimal(0),
    }
    return EntrySettings(**(fields | changes))


def bot_settings(folder: Path, *, entry: EntrySettings | None = None, **desk: Any) -> BotSettings:
    """One grid `btc` on the exchange `aster`."""
    fields: dict[str, Any] = {
        "name": "test",
        "mode": Mode.PAPER,
        "state_dir": str(folder / "state"),
        "log_dir": str(folder / "logs"),
        "bot_tag": 7,
        "on_start_foreign": ForeignPolicy.REFUSE,
        "stop_grace_s": Decimal(5),
    }
    grid = GridSettings(
        name="btc",
        exchange="aster",
        symbol=SYMBOL,
        entry=entry or entry_settings(),
        close=CloseSettings(),
        risk=GridRiskSettings(stop_loss=False),
        proof=ProofSettings(),
    )
    return BotSettings(
        desk=DeskSettings(**(fields | desk)),
        exchanges={"aster": AsterSettings()},
        venues={"aster": "aster"},
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


def access_to(venue: RunningVenue, settings: AsterSettings | None = None) -> VenueAccess:
    return VenueAccess(
        venue=AsterVenue.with_credentials(settings or AsterSettings(), venue.credentials, venue.rest_url, venue.ws_url),
        credential_hint="ASTER_PRIVATE_KEY",
    )


@contextmanager
def running_bot(settings: BotSettings, access: VenueAccess, folder: Path) -> Iterator[BotHandle]:
    """Start a bot and end it, whatever the test does."""
    bot = TradingBot.start_bot(
        settings, accesses={"aster": access}, source=random.Random(1), runtime_dir=folder / "run"
    )
    try:
        yield bot
    finally:
        assert bot.stop(timeout_s=30), f"the bot did not end: {bot.status()}"
        assert bot.leftovers == ()


def until(condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> Any:
    """Wait until a condition holds and return its value."""
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        value = condition()
        if value:
            return value
        pause.wait(0.01)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def book(status: BotStatus) -> Any:
    return status.grids[0].book


def state(status: BotStatus) -> Any:
    return status.grids[0].state
