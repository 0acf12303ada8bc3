"""The whole bot over real HTTP and WebSocket connections, against the simulated Aster venue on loopback."""

from decimal import Decimal

from actors.grid.state import CycleState
from actors.settings import StopPolicy
from actors.status import BotState, ConnectionPhase, summary
from exchanges.simulated.testing import running_venue
from tests.system.loopback import SYMBOL, access_to, book, bot_settings, running_bot, state, until


def test_a_clean_cycle_from_entry_to_close_and_stop(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        settings = bot_settings(tmp_path)
        with running_bot(settings, access_to(venue), tmp_path) as bot:
            entry = until(
                lambda: (s := state(bot.status())) and s.pending and s.pending.accepted_ns and s.pending, "entry"
            )
            assert entry.price < Decimal("60000.1")
            venue.trade(SYMBOL, "59990", "5", buyer_is_maker=True)
            until(lambda: book(bot.status()) and book(bot.status()).counters.lots_opened == 1, "a lot")
            order = until(lambda: next((o for o in book(bot.status()).orders if o.is_working), None), "an exit")
            assert order.quantity == entry.quantity
            assert order.price >= entry.price * Decimal("1.005")
            venue.trade(SYMBOL, str(order.price + 10), "50", buyer_is_maker=False)
            until(lambda: book(bot.status()).counters.lots_closed == 1, "the lot closed")
            status = bot.status()
            assert status.state is BotState.RUNNING
            assert status.connections[0].phase is ConnectionPhase.LIVE
            result = summary(status)
            assert result["fill_to_exit_us_p50"] > 0
            assert result["lots_closed"] == 1
            assert result["unprotected_quantity"] == "0"
            assert Decimal(result["realized_pnl"]) > 0
            assert bot.stop(StopPolicy.LEAVE_EXITS)
            assert bot.status().state is BotState.STOPPED
        seen = venue.status()
        assert seen["open_orders"] == 0
        assert seen["violations"] == 0
    assert state(bot.status()).cycle_state is CycleState.READY
