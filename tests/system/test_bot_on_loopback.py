"""The whole bot over real HTTP and WebSocket connections, against the simulated Aster venue on loopback."""

from dataclasses import replace
from decimal import Decimal

import pykka
import pytest

from actors.bot import TradingBot
from actors.grid.state import CycleState
from actors.locks import AlreadyRunning
from actors.settings import StopPolicy
from actors.status import BotState, ConnectionPhase, summary
from actors.strategy import GridStrategy
from actors.venue_access import VenueAccess
from exchanges.aster.settings import AsterSettings
from exchanges.aster.venue import AsterVenue
from exchanges.simulated.faces.aster.mishaps import Mishap
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


def wait_for_entry(bot, venue):
    return until(
        lambda: (s := state(bot.status())) and s.pending and s.pending.accepted_ns and s.pending, "a resting entry"
    )


def open_lot(bot, venue, lots=1):
    """Let the resting entry fill and wait for its working exit."""
    entry = wait_for_entry(bot, venue)
    venue.trade(SYMBOL, str(entry.price - 10), "50", buyer_is_maker=True)
    until(lambda: book(bot.status()).counters.lots_opened == lots, "a lot")
    return until(
        lambda: (
            (b := book(bot.status())) and len(b.orders) == lots and all(o.is_working for o in b.orders) and b.orders
        ),
        "working exits",
    )[-1]


def held_at(venue):
    return Decimal(str(venue.status()["positions"].get(SYMBOL, "0")))


def test_leave_exits_ends_the_entry_and_leaves_the_exit(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            exit_order = open_lot(bot, venue)
            wait_for_entry(bot, venue)
            assert bot.stop(StopPolicy.LEAVE_EXITS)
        assert venue.status()["open_orders"] == 1
        assert held_at(venue) == exit_order.quantity
        assert venue.status()["violations"] == 0


def test_cancel_all_leaves_the_bare_position(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            exit_order = open_lot(bot, venue)
            assert bot.stop(StopPolicy.CANCEL_ALL)
        assert venue.status()["open_orders"] == 0
        assert held_at(venue) == exit_order.quantity


def test_flatten_leaves_nothing(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            open_lot(bot, venue)
            assert bot.stop(StopPolicy.FLATTEN)
        assert venue.status()["open_orders"] == 0
        assert held_at(venue) == 0


def test_a_second_start_adopts_what_the_first_left(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            first = open_lot(bot, venue)
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: (b := book(bot.status())) and b.orders and b.orders[0].is_working, "the exit adopted")
            adopted = book(bot.status())
            assert [order.client_order_id for order in adopted.orders] == [first.client_order_id]
            assert adopted.lots[0].remaining == first.quantity
            wait_for_entry(bot, venue)
            venue.trade(SYMBOL, str(first.price + 10), "50", buyer_is_maker=False)
            until(lambda: book(bot.status()).counters.lots_closed == 1, "the adopted lot closed")
            result = summary(bot.status())
            assert Decimal(result["realized_pnl"]) > 0
        assert venue.status()["violations"] == 0


def test_fills_while_nobody_ran_are_found_and_covered(tmp_path):
    settings = bot_settings(tmp_path)
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(settings, access_to(venue), tmp_path) as bot:
            first = open_lot(bot, venue)
        venue.trade(SYMBOL, str(first.price + 10), "50", buyer_is_maker=False)
        until(lambda: held_at(venue) == 0, "the exit filled at the venue")
        with running_bot(settings, access_to(venue), tmp_path) as bot:
            until(lambda: (b := book(bot.status())) and b.counters.lots_closed == 1, "the lot closed by catch-up")
            assert book(bot.status()).lots == ()
            assert not state(bot.status()).lots.mismatch


def test_a_cut_stream_is_restored_and_what_was_missed_is_covered(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            entry = wait_for_entry(bot, venue)
            assert venue.cut_private_sessions() == 1
            venue.trade(SYMBOL, str(entry.price - 10), "50", buyer_is_maker=True)
            until(lambda: (b := book(bot.status())) and b.orders and b.orders[0].is_working, "the missed fill covered")
            until(lambda: bot.status().connections[0].phase is ConnectionPhase.LIVE, "the stream restored")
            assert bot.status().connections[0].reconnects == 1
            assert book(bot.status()).lots[0].remaining == entry.quantity
        assert venue.status()["violations"] == 0


def test_an_expired_listen_key_leads_to_a_new_stream(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            venue.expire_listen_key()
            until(lambda: bot.status().connections[0].phase is not ConnectionPhase.LIVE, "the loss noticed")
            until(lambda: bot.status().connections[0].phase is ConnectionPhase.LIVE, "a new stream", timeout_s=20)
            open_lot(bot, venue)


def test_a_lost_reply_never_makes_a_second_entry(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        venue.plan_mishap(Mishap.LOST_REPLY, method="POST", name="order")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            open_lot(bot, venue)
            assert state(bot.status()).counters.entries_placed <= 2
        assert venue.status()["violations"] == 0


def test_wrong_keys_end_the_start_with_the_name_of_the_variable(tmp_path):
    with running_venue(seed=1) as venue, running_venue(seed=2) as other:
        venue.quote(SYMBOL, "60000", "60000.1")
        access = VenueAccess(
            venue=AsterVenue.with_credentials(AsterSettings(), other.credentials, venue.rest_url, venue.ws_url),
            credential_hint="ASTER_PRIVATE_KEY",
        )
        with running_bot(bot_settings(tmp_path), access, tmp_path) as bot:
            assert bot.wait(10)
            status = bot.status()
        assert status.state is BotState.FAILED
        assert "ASTER_PRIVATE_KEY" in status.fatal


def test_an_unknown_symbol_ends_the_start_with_the_nearest_names(tmp_path):
    settings = bot_settings(tmp_path)
    settings = replace(settings, grids=(replace(settings.grids[0], symbol="BTCUSD"),))
    with running_venue() as venue, running_bot(settings, access_to(venue), tmp_path) as bot:
        assert bot.wait(10)
        assert bot.status().state is BotState.FAILED
        assert "BTCUSDT" in bot.status().fatal


def test_a_refused_connection_is_said_and_tried_again(tmp_path):
    with running_venue() as venue:
        access = access_to(venue)
    with running_bot(bot_settings(tmp_path), access, tmp_path) as bot:
        why = until(lambda: bot.status().connections[0].why, "a reason")
        assert "no connection" in why
        assert bot.status().state is BotState.STARTING
        assert not bot.has_ended


def test_a_second_bot_on_the_same_account_and_tag_is_refused(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path):
            other = bot_settings(tmp_path / "other")
            with pytest.raises(AlreadyRunning):
                TradingBot.start_bot(other, accesses={"aster": access_to(venue)}, runtime_dir=tmp_path / "run")


def test_two_bots_live_in_one_process(tmp_path):
    with running_venue(seed=1) as one, running_venue(seed=2) as two:
        for venue in (one, two):
            venue.quote(SYMBOL, "60000", "60000.1")
        first = running_bot(bot_settings(tmp_path / "a", name="one"), access_to(one), tmp_path)
        second = running_bot(bot_settings(tmp_path / "b", name="two"), access_to(two), tmp_path)
        with first as bot_one, second as bot_two:
            open_lot(bot_one, one)
            assert bot_one.stop()
            open_lot(bot_two, two)
            assert bot_two.status().state is BotState.RUNNING


def test_pause_halt_and_resume(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            bot.halt()
            until(lambda: venue.status()["open_orders"] == 0, "the entry canceled")
            assert bot.status().state is BotState.HALTED
            bot.resume()
            wait_for_entry(bot, venue)
            bot.pause()
            until(lambda: bot.status().state is BotState.PAUSED, "paused")
            bot.resume()
            until(lambda: bot.status().state is BotState.RUNNING, "running again")


def test_a_dead_actor_is_replaced_with_everything_known(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            exit_order = open_lot(bot, venue)
            strategy = next(ref for ref in pykka.ActorRegistry.get_all() if ref.actor_class is GridStrategy)
            strategy.tell(object())
            until(lambda: bot.status().restarts == 1, "a restart")
            until(lambda: (b := book(bot.status())) and b.orders and b.orders[0].is_working, "the exit adopted")
            assert book(bot.status()).orders[0].client_order_id == exit_order.client_order_id
            wait_for_entry(bot, venue)
            assert summary(bot.status())["lots_opened"] == 1
            venue.trade(SYMBOL, str(exit_order.price + 10), "50", buyer_is_maker=False)
            until(lambda: book(bot.status()).counters.lots_closed == 1, "the lot closed")
        assert venue.status()["violations"] == 0


def test_beyond_the_restart_budget_the_bot_stays_down_and_leaves_the_exits(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            open_lot(bot, venue)
            for restart in range(1, 5):
                ref = until(
                    lambda: next((r for r in pykka.ActorRegistry.get_all() if r.actor_class is GridStrategy), None),
                    "a strategy",
                )
                ref.tell(object())
                until(lambda n=restart: bot.has_ended or bot.status().restarts == n, "a restart")
            assert bot.wait(5)
            assert bot.status().state is BotState.HALTED
        assert venue.status()["open_orders"] >= 1
