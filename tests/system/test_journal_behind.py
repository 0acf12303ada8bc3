"""A journal that is behind the venue: killed between two commits, or lost altogether."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from actors.settings import ForeignPolicy, StopPolicy
from exchanges.simulated.testing import running_venue
from tests.system.loopback import SYMBOL, access_to, book, bot_settings, running_bot, until
from tests.system.test_bot_on_loopback import held_at, open_lot, wait_for_entry

pytestmark = pytest.mark.timeout(60)


def copy(source, target, name):
    target.mkdir(exist_ok=True)
    for file in source.glob(name + "*"):
        shutil.copy(file, target / file.name)


def has_entry(folder):
    with closing(sqlite3.connect(f"file:{folder / 'journal.db'}?mode=ro", uri=True)) as journal:
        return journal.execute("SELECT count(*) FROM orders").fetchone()[0] == 1


@pytest.mark.parametrize("policy", [ForeignPolicy.REFUSE, ForeignPolicy.IGNORE])
def test_kill_before_the_journal_has_the_fill_keeps_the_exit_and_uses_no_id_twice(tmp_path, policy):
    state_dir, aside = tmp_path / "state", tmp_path / "aside"
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            bot.pause()
            until(lambda: has_entry(state_dir), "the journal's row of the entry")
            copy(state_dir, aside, "journal.db")
            exit_order = open_lot(bot, venue)
            copy(state_dir, aside, "intents.log")
            assert bot.stop(StopPolicy.LEAVE_EXITS)
        for file in state_dir.glob("journal.db*"):
            file.unlink()
        for file in aside.iterdir():
            shutil.copy(file, state_dir / file.name)
        with running_bot(bot_settings(tmp_path, on_start_foreign=policy), access_to(venue), tmp_path) as bot:
            restored = until(lambda: (b := book(bot.status())) and b.is_agreed and b, "a reading that agrees")
        assert [(lot.remaining, lot.next_leg) for lot in restored.lots] == [(held_at(venue), 2)]
        assert [order.client_order_id for order in restored.orders] == [exit_order.client_order_id]
        assert restored.orders[0].cancel is None
        assert venue.status()["open_orders"] == 1
        assert venue.status()["violations"] == 0


def test_a_lot_rebuilt_after_the_state_was_lost_keeps_its_exit_over_the_next_start(tmp_path):
    settings = bot_settings(tmp_path, on_start_foreign=ForeignPolicy.IGNORE)
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            exit_order = open_lot(bot, venue)
        shutil.rmtree(tmp_path / "state")
        with running_bot(settings, access_to(venue), tmp_path) as bot:
            until(lambda: (b := book(bot.status())) and b.orders and b.orders[0].is_working, "the lot is rebuilt")
        with running_bot(settings, access_to(venue), tmp_path) as bot:
            restored = until(lambda: (b := book(bot.status())) and b.is_agreed and b, "a reading that agrees")
            held = held_at(venue)
        assert [(lot.lot, lot.remaining) for lot in restored.lots] == [(exit_order.lot, held)]
        assert [order.client_order_id for order in restored.orders] == [exit_order.client_order_id]
        assert restored.orders[0].cancel is None
        assert restored.external == 0
        assert venue.status()["open_orders"] == 1
