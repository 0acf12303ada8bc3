"""The journal's door: facts wait for the flush with the times they were told at; what cannot wait does not."""

import sqlite3
import threading
from contextlib import closing

from actors.journal import AnswerReservations, JournalDoor
from actors.journal.door import can_wait
from actors.journal.orders import Received
from actors.messages import LatchChanged, LatchKind, Ping, ReserveSequences, SequencesReserved, StreamLost
from tests.actors.journal.desk import entry
from tests.fakes import SECOND_NS, START_WALL_NS, Probe

LATCH = LatchChanged(grid="btc", kind=LatchKind.STOP_PRICE, text="below")


def test_only_facts_that_need_no_disk_can_wait():
    assert can_wait(Received(entry(1), 1, 2))
    assert not can_wait(Received(LATCH, 1, 2))
    assert not can_wait(entry(1))


def test_fact_is_stamped_when_it_is_told_and_written_at_the_tick(desk, clock):
    door = JournalDoor(desk.ref, clock)
    door.tell(StreamLost(grid="btc", why="cut"))
    clock.advance(SECOND_NS)
    desk.timers.advance(SECOND_NS)
    assert desk.rows("SELECT kind, received_wall_ns FROM events") == [("StreamLost", START_WALL_NS)]


def test_fact_that_needs_the_disk_is_written_without_a_tick_with_those_before_it(desk, clock):
    door = JournalDoor(desk.ref, clock)
    door.tell(entry(1))
    door.tell(LATCH)
    desk.ref.ask(Ping(), timeout=5)
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        kinds = sql.execute("SELECT kind FROM events ORDER BY rowid").fetchall()
    assert kinds == [("PlaceLimitOrder",), ("LatchChanged",)]


def test_request_for_sequences_is_answered_at_once(desk, clock):
    answered = threading.Event()
    entries = Probe()

    class Answer:
        def tell(self, message):
            entries.tell(message)
            answered.set()

    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=Answer()))
    JournalDoor(desk.ref, clock).tell(ReserveSequences(grid="btc", for_exits=False))
    assert answered.wait(2)
    assert entries.take(SequencesReserved).first == 1


def test_what_still_waits_at_the_end_is_written(desk, clock):
    JournalDoor(desk.ref, clock).tell(entry(1))
    desk.restart()
    assert desk.rows("SELECT count(*) FROM orders") == [(1,)]
