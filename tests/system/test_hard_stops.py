"""Stops and failures at a bad moment: whatever is known to rest as an entry does not stay live without a bot."""

from contextlib import ExitStack
from decimal import Decimal

import pytest

from actors.bot import CrewFailed, StopBot
from actors.messages import ActorFailed
from actors.settings import StopPolicy
from actors.status import BotState
from exchanges.simulated.testing import running_venue
from tests.system.loopback import SYMBOL, access_to, bot_settings, running_bot, until
from tests.system.small_client import SmallClient
from tests.system.test_bot_on_loopback import held_at, open_lot, wait_for_entry


def crash(bot, times):
    for _ in range(times):
        number = bot.status().restarts + 1
        failure = ActorFailed(actor="x", error="boom", traceback="")
        bot._ref.tell(CrewFailed(number, failure))
        until(lambda n=number: bot.has_ended or bot.status().restarts >= n, "a restart")


def leave_entry(tmp_path, venue, monkeypatch):
    """A bot that went down hard with a resting entry: not even its last act was done."""
    with monkeypatch.context() as patch, running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
        patch.setattr("actors.bot.cancel_known_entries", lambda _: ())
        wait_for_entry(bot, venue)
        crash(bot, 4)
        assert bot.wait(10)
    assert venue.status()["open_orders"] == 1


@pytest.mark.parametrize("policy", [StopPolicy.LEAVE_EXITS, StopPolicy.CANCEL_ALL, StopPolicy.FLATTEN])
def test_a_stop_before_the_venue_was_read_ends_the_entry_of_before(tmp_path, policy, monkeypatch):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        leave_entry(tmp_path, venue, monkeypatch)
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            assert bot.stop(policy)
            assert bot.status().unproven == ()
        assert venue.status()["open_orders"] == 0


def test_a_stop_that_cannot_reach_the_venue_says_what_it_could_not_prove(tmp_path, monkeypatch):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        leave_entry(tmp_path, venue, monkeypatch)
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


def test_a_spent_restart_budget_cancels_the_entry(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            crash(bot, 4)
            assert bot.wait(10)
            assert bot.status().state is BotState.HALTED
            assert bot.status().unproven == ()
        assert venue.status()["open_orders"] == 0


def test_a_failure_while_stopping_cancels_the_entry(tmp_path):
    with running_venue(cancel_latency_ms=1000) as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            bot._ref.tell(StopBot(StopPolicy.LEAVE_EXITS))
            bot._ref.tell(CrewFailed(1, ActorFailed(actor="x", error="boom", traceback="")))
            assert bot.wait(10)
            assert bot.status().unproven == ("btc",)
        assert venue.status()["open_orders"] == 0


def test_an_entry_that_cannot_be_canceled_is_named(tmp_path):
    with ExitStack() as venues:
        venue = venues.enter_context(running_venue())
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            venues.close()
            crash(bot, 4)
            assert bot.wait(20)
            assert bot.status().unproven == ("btc",)


def test_what_a_person_does_meanwhile_is_no_reason_to_refuse_a_new_crew(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            client = SmallClient(venue.rest_url, venue.credentials)
            client.call(
                "POST", "/fapi/v1/order", symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
                price="50000", newClientOrderId="hand",
            )  # fmt: skip
            crash(bot, 1)
            until(lambda: bot.status().state is BotState.RUNNING, "running again")
            assert bot.status().fatal == ""
