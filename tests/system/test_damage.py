"""What a disk, a signal or a lost venue does to a running bot (RELIABILITY.md P2, P4, P5, P10), as processes."""

import os
import signal
import threading
from collections.abc import Iterator
from types import MappingProxyType

import pytest

from exchanges.order_ids import OrderRole, unpack
from exchanges.simulated.assembly import face_kit
from tests.system.books import Books, Subject
from tests.system.kills.crash_points import ARM
from tests.system.kills.nursery import Nursery
from tests.system.kills.stage import PAPER, Stage
from tests.system.program import QUICK, Desk, is_alive, until
from tests.system.scripted_tape import steps

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

HEALTHY = MappingProxyType({key: text for key, text in PAPER.items() if not key.startswith("fault_")})
SLOW = MappingProxyType({**HEALTHY, "ack_latency_ms": "1500"})
PAGE = 4096


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


# --- the journal ---


def cut(path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path) -> None:
    path.write_bytes(path.read_bytes()[:PAGE] + b"\xff" * (path.stat().st_size - PAGE))


def lose(path) -> None:
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()


@pytest.mark.parametrize(("venue", "damage"), [("aster", cut), ("aster", overwrite), ("lighter", lose)])
def test_a_damaged_journal_is_rebuilt_from_intents_and_venue_and_said_loudly(venue, damage, nursery, tmp_path) -> None:
    """Of the run before, nothing is lost: fills, lots, exits, ids and money come out equal. On Backpack it is the same,
    but takes minutes: each ended order costs two of thirty questions a minute.
    """
    with Stage(venue, 7, tmp_path, nursery, HEALTHY) as stage:
        first, _ = stage.start()
        assert not stage.await_said(first, "lot_closed", 30)
        stage.floor.hold()
        assert not stage.await_equal(first)
        first.kill()
        damage(stage.state_dir / "journal.db")
        compared = stage.start_and_compare()
        assert not compared.problem
        if damage is not lose:
            assert "is damaged" in compared.bot.err
            assert "It was moved to" in compared.bot.err
            assert list(stage.state_dir.glob("journal.db.set-aside-*"))
        compared.bot.kill()


# --- the disk ---


def entries(venue, rows) -> list[str]:
    """The entries among what a venue was commanded."""
    decode = face_kit(venue).decode
    placed = [what.removeprefix("PlaceOrder ") for kind, what in rows if kind == "commanded" and "PlaceOrder" in what]
    return [name for name in placed if unpack(decode(name) or 0).role is OrderRole.ENTRY]


def test_on_a_full_disk_exits_go_on_and_entries_do_not(nursery, tmp_path) -> None:
    pause = threading.Event()
    with Stage("aster", 7, tmp_path, nursery, HEALTHY) as stage:
        bot, _ = stage.start(crash="disk.full")
        assert not stage.await_said(bot, "lot_closed", 30)
        stage.floor.hold()
        assert not stage.await_equal(bot)
        assert entries("aster", stage.floor.since(0))
        # an entry rests, or could: from here on nothing can be written
        bot.signal(ARM)
        pause.wait(0.3)
        mark = stage.floor.mark()
        stage.floor.move()
        pause.wait(4)
        rows = stage.floor.since(mark)
        assert entries("aster", rows) == []
        assert not bot.has_ended
        stage.floor.hold()
        bot.signal(ARM)
        assert not stage.await_equal(bot)
        stage.floor.move()
        until(lambda: entries("aster", stage.floor.since(mark)), "entries again", say=lambda: bot.err[-2000:])
        stage.floor.hold()
        assert not stage.await_equal(bot)
        bot.kill()


def test_a_state_folder_that_may_not_be_written_ends_the_start_with_words(nursery, tmp_path) -> None:
    with Stage("aster", 7, tmp_path, nursery, HEALTHY) as stage:
        compared = stage.start_and_compare()
        assert not compared.problem
        compared.bot.kill()
        stage.state_dir.chmod(0o500)
        bot, _ = stage.start(crash="no.rights")
        mark = stage.floor.mark()
        assert bot.reap() in (1, 2)
        stage.state_dir.chmod(0o700)
        assert "Traceback" not in bot.err
        assert str(stage.folder) in bot.err
        assert [row for row in stage.floor.since(mark) if row[0] == "commanded"] == []


# --- signals ---


@pytest.mark.parametrize("venue", ["aster", "backpack", "lighter"])
def test_sigterm_with_an_order_in_flight_leaves_no_entry_and_both_books_equal(venue, nursery, tmp_path) -> None:
    with Stage(venue, 7, tmp_path, nursery, SLOW) as stage:
        bot, _ = stage.start()
        assert not stage.await_said(bot, "entry_order_submitted", 30)
        bot.signal(signal.SIGTERM)
        until(lambda: bot.has_ended, "the bot has ended", say=lambda: bot.err[-2000:])
        assert bot.reap() == 0, bot.err
        books = stage.books()
        assert all(reduce_only for _, _, reduce_only in books.resting().values())
        books.assert_equal()


# --- the simulated venue ---

FALL = [(0.0, "60000"), (1.6, "59900"), (60.0, "59900")]


def test_a_killed_simulated_venue_is_taken_up_where_it_was_saved(desk: Desk, tmp_path) -> None:
    settings = (*QUICK, *steps(tmp_path / "fall.csv.gz", FALL), "grid.max_orders=1")
    running = desk.start(settings=settings)
    running.until_logged("close_order_placed")
    account = desk.venue.folder / "paper-account-aster.json"
    until(lambda: account.exists() and b"filled" in account.read_bytes(), "the account is saved")
    threading.Event().wait(1.5)  # a save comes at most a second after a change
    pid = int(desk.venue.record()["pid"])
    running.kill()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid), "the venue's process is gone")
    calm = steps(tmp_path / "calm.csv.gz", [(0.0, "59900"), (60.0, "59900")])
    last = desk.run("--for", "3s", "--json", settings=(*QUICK, *calm, "desk.on_start_foreign=refuse"))
    assert last.code == 0, last.err
    assert last.summary["violations"] == 0
    assert last.summary["unprotected_quantity"] == "0"
    books = Books(desk.state_dir, desk.venue.account(), Subject())
    assert books.position > 0
    books.assert_equal()
