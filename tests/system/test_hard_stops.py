"""Stops and failures at a bad moment: whatever is known to rest as an entry does not stay live without a bot."""

from decimal import Decimal

import pytest

from actors.bot import CrewFailed
from actors.messages import ActorFailed
from actors.settings import StopPolicy
from actors.status import BotState
from exchanges.simulated.testing import running_venue
from tests.system.loopback import SYMBOL, access_to, bot_settings, running_bot, until
from tests.system.test_bot_on_loopback import held_at, open_lot, wait_for_entry


def crash(bot, times):
    for _ in range(times):
        number = bot.status().restarts + 1
        failure = ActorFailed(actor="x", error="boom", traceback="")
        bot._ref.tell(CrewFailed(number, failure))
        until(lambda n=number: bot.has_ended or bot.status().restarts >= n, "a restart")


def leave_entry(tmp_path, venue):
    """A bot that went down hard with a resting entry."""
    with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
        wait_for_entry(bot, venue)
        crash(bot, 4)
        assert bot.wait(10)
    assert venue.status()["open_orders"] == 1


@pytest.mark.parametrize("policy", [StopPolicy.LEAVE_EXITS, StopPolicy.CANCEL_ALL, StopPolicy.FLATTEN])
def test_a_stop_before_the_venue_was_read_ends_the_entry_of_before(tmp_path, policy):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        leave_entry(tmp_path, venue)
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            assert bot.stop(policy)
            assert bot.status().unproven == ()
        assert venue.status()["open_orders"] == 0


def test_a_stop_that_cannot_reach_the_venue_says_what_it_could_not_prove(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        leave_entry(tmp_path, venue)
        access = access_to(venue)
    settings = bot_settings(tmp_path, stop_grace_s=Decimal("0.2"))
    with running_bot(settings, access, tmp_path) as bot:
        assert bot.stop()
        assert bot.status().state is BotState.STOPPED
        assert bot.status().unproven == ("btc",)


def test_a_stop_that_flattens_right_after_a_restart_closes_everything(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            open_lot(bot, venue)
            crash(bot, 1)
            assert bot.stop(StopPolicy.FLATTEN)
        assert held_at(venue) == 0
        assert venue.status()["open_orders"] == 0


def test_a_flatten_is_finished_after_a_failure_and_holds_over_a_restart(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            open_lot(bot, venue)
            bot.flatten()
            crash(bot, 1)
            until(lambda: held_at(venue) == 0, "flat")
            until(lambda: bot.status().state is BotState.PAUSED, "paused")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: bot.status().state is BotState.PAUSED, "still paused")
            bot.resume()
            wait_for_entry(bot, venue)


def test_a_halt_holds_over_a_restart(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            bot.halt()
            until(lambda: venue.status()["open_orders"] == 0, "the entry canceled")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: bot.status().state is BotState.PAUSED, "paused")
