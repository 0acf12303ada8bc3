"""Clearing latched stops and pauses while no bot runs."""

import os
import sqlite3
from contextlib import closing

import pytest

from actors.journal.latches import clear_latches
from actors.journal.schema import FILE_NAME, connect, open_journal
from actors.locks import AlreadyRunning, Locks
from exchanges.errors import JournalError


@pytest.fixture
def folder(tmp_path):
    state_dir = tmp_path / "state"
    open_journal(state_dir, desk="test", bot_tag=1, wall_ns=1)
    return state_dir


def put(folder, grid, *, latch="", text="", paused=0):
    with closing(connect(folder / FILE_NAME)) as sql:
        sql.execute(
            "INSERT INTO grids (grid, exchange, symbol, latch, latch_text, paused, realized_pnl, highest_sequence) "
            "VALUES (?, 'aster', 'BTCUSDT', ?, ?, ?, '1.5', 128)",
            (grid, latch, text, paused),
        )


def rows(folder):
    with closing(sqlite3.connect(folder / FILE_NAME)) as sql:
        return sql.execute(
            "SELECT grid, latch, latch_text, paused, realized_pnl, highest_sequence FROM grids ORDER BY grid"
        ).fetchall()


def test_a_latch_is_cleared_and_named_and_nothing_else_changes(folder):
    put(folder, "btc", latch="stop_price", text="mid 59000")
    put(folder, "eth")
    assert clear_latches(folder, 7) == ("btc (stop_price)",)
    assert rows(folder) == [("btc", "", "", 0, "1.5", 128), ("eth", "", "", 0, "1.5", 128)]


def test_a_pause_counts_as_one_and_a_latch_names_itself_where_both_hold(folder):
    put(folder, "btc", paused=1)
    put(folder, "eth", latch="daily_loss", paused=1)
    assert sorted(clear_latches(folder, 7)) == ["btc (paused)", "eth (daily_loss)"]
    assert [row[1:4] for row in rows(folder)] == [("", "", 0), ("", "", 0)]


def test_a_second_time_there_is_nothing_left(folder):
    put(folder, "btc", latch="stop_loss")
    assert clear_latches(folder, 7)
    assert clear_latches(folder, 7) == ()


def test_without_a_journal_nothing_is_made(tmp_path):
    assert clear_latches(tmp_path / "never", 7) == ()
    assert not (tmp_path / "never").exists()


def test_a_bot_that_holds_the_folder_is_not_written_around(folder, tmp_path):
    put(folder, "btc", latch="stop_price")
    with Locks().acquire(folder, (), 1, tmp_path), pytest.raises(AlreadyRunning) as raised:
        clear_latches(folder, 7)
    assert raised.value.pid == os.getpid()
    assert rows(folder)[0][1] == "stop_price"


def test_the_lock_is_free_afterwards(folder, tmp_path):
    put(folder, "btc", latch="stop_price")
    clear_latches(folder, 7)
    with Locks().acquire(folder, (), 1, tmp_path):
        pass


@pytest.mark.parametrize("content", [b"this is no database, and long enough to be told apart" * 20, b""])
def test_a_journal_that_cannot_be_used_is_an_error_with_its_name(tmp_path, content):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(JournalError, match=FILE_NAME):
        clear_latches(tmp_path, 7)


def test_a_writer_that_dies_in_between_leaves_all_or_nothing(folder):
    put(folder, "btc", latch="stop_price")
    with closing(connect(folder / FILE_NAME)) as sql:
        sql.execute("CREATE TRIGGER refuse BEFORE UPDATE ON grids BEGIN SELECT RAISE(ABORT, 'disk'); END")
    with pytest.raises(JournalError, match="disk"):
        clear_latches(folder, 7)
    assert rows(folder)[0][1] == "stop_price"
