"""The bot under measurement: everything on (actors, journal, intents, audits, real signing), trading on a given venue.

Usage: `python -m tests.bench.whole_bot PORT AUTH`, AUTH being v1 (HMAC) or v3 (EIP-712). Ends when the venue closes
its streams.
"""

import sys
import tempfile
import threading
from pathlib import Path

from actors import TradingBot, VenueAccess
from actors.config import load_settings
from exchanges.aster import AsterSettings, AsterVenue
from exchanges.records import replace
from exchanges.venue import RateLimit

CREDENTIALS = {
    "user": "0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c",
    "signer": "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1",
    "private_key": "0x" + "01" * 32,
    "api_key": "0f" * 32,
    "secret": "0e" * 32,
}
TEXT = """
[desk]
name = bench
mode = paper
state_dir = {state}
bot_tag = 9
on_start_foreign = ignore
[exchange.aster]
auth = {auth}
[grid]
order_notional_usd = 200
target_leverage = 5
take_profit_pct = 0.12
grid_step_pct = 0
max_orders = 2
wait_time_s = 0
entry_requote_after_s = 0
[risk]
max_margin_usd = 1000
stop_loss = no
max_orders_per_min = 10000
[grid.bench]
exchange = aster
symbol = BTCUSDT
"""


class Unhurried(AsterVenue):
    """The venue with room for every order of a measurement: at the real limit of 300 orders in ten seconds it would be
    the waits for the budget that are measured. The budget is kept all the same.
    """

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]:
        """The same limits, a thousand times as wide."""
        return tuple(replace(limit, amount=limit.amount * 1000) for limit in super().rate_limits)


def main() -> None:
    """Trade until the venue has gone."""
    port, auth = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(TEXT.format(state=Path(folder) / "state", auth=auth), environ={})
        own = settings.exchanges["aster"]
        assert isinstance(own, AsterSettings)
        venue = Unhurried.with_credentials(own, CREDENTIALS, f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
        bot = TradingBot.start_bot(
            settings, accesses={"aster": VenueAccess(venue=venue)}, runtime_dir=Path(folder) / "runtime"
        )
        pause = threading.Event()
        while not bot.has_ended and not any(row.reconnects or row.why for row in bot.status().connections):
            pause.wait(0.2)
        fatal = bot.status().fatal
        bot.stop(timeout_s=5)
        if fatal:
            sys.exit(fatal)


if __name__ == "__main__":
    main()
