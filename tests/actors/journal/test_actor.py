"""The journal as an actor: reserving, batches, a disk that refuses, events."""

import dataclasses
import json
import resource
import sqlite3
from contextlib import closing, contextmanager

import pytest

from actors.journal import (
    AnswerReservations,
    FlushJournal,
    JournalFailed,
    JournalRecovered,
)
from actors.journal.payload import encode_payload
from actors.log_events import LogEvent
from actors.messages import (
    ActiveOrdersListed,
    ActorFailed,
    CloseOrderPlaced,
    ConnectionReady,
    Note,
    NoteLevel,
    Ping,
    ReserveSequences,
    SequencesReserved,
    StreamLost,
)
from exchanges.reports import OrderReport
from exchanges.values import FeeRates, MarketRules, OrderId, OrderStatus, Side
from tests.actors.journal.desk import (
    D,
    accepted,
    entry,
    filled,
    order_id,
)
from tests.fakes import SECOND_NS, START_WALL_NS, Probe

DAY_NS = 86_400 * SECOND_NS


# --- reserving ---


def test_block_is_told_to_the_address_of_its_grid_and_purpose(desk):
    entries, exits = Probe(), Probe()
    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=entries))
    desk.tell(AnswerReservations(grid="btc", for_exits=True, reply_to=exits))
    desk.tell(ReserveSequences(grid="btc", for_exits=False), ReserveSequences(grid="btc", for_exits=True))
    assert entries.take(SequencesReserved) == SequencesReserved(grid="btc", first=1, last=64)
    assert exits.take(SequencesReserved) == SequencesReserved(grid="btc", first=65, last=128)
    entries.expect_none()


def test_block_asked_for_before_the_wiring_is_told_after_it(desk):
    entries = Probe()
    desk.tell(ReserveSequences(grid="btc", for_exits=False))
    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=entries))
    assert entries.take(SequencesReserved).first == 1


def test_refused_reservation_is_not_answered_and_the_bot_is_told(desk):
    entries = Probe()
    desk.tell(AnswerReservations(grid="btc", for_exits=False, reply_to=entries))
    desk.state.intents.raise_floor((1 << 22) - 2)
    desk.tell(ReserveSequences(grid="btc", for_exits=False))
    desk.ref.ask(Ping(), timeout=5)
    entries.expect_none()
    assert "used up" in desk.health.messages[0].error


# --- events ---


def test_every_message_becomes_an_event_with_both_times_and_exact_numbers(desk, clock):
    desk.tell(
        entry(1, price="61000.10"),
        filled(quantity="0.10", at=123),
        CloseOrderPlaced(grid="btc", lot=1, covered=D("0.1")),
        StreamLost(grid="btc", why="cut"),
    )
    found = desk.rows(
        "SELECT run, actor, kind, grid, lot, client_order_id, occurred_wall_ns, received_wall_ns FROM events"
    )
    number = order_id(1)
    assert found == [
        (1, "strategy", "PlaceLimitOrder", "btc", 1, number, 0, START_WALL_NS),
        (1, "connection", "OrderFilled", "btc", 0, number, 123, START_WALL_NS),
        (1, "closer", "CloseOrderPlaced", "btc", 1, 0, 0, START_WALL_NS),
        (1, "connection", "StreamLost", "btc", 0, 0, 0, START_WALL_NS),
    ]
    payloads = [json.loads(text) for (text,) in desk.rows("SELECT payload FROM events")]
    assert (payloads[0]["price"], payloads[0]["side"]) == ("61000.10", "buy")
    assert payloads[1]["quantity"] == "0.10"


def test_run_is_marked_as_ended_in_order(desk):
    desk.restart()
    first, second = desk.rows("SELECT run, ended_wall_ns FROM runs ORDER BY run")
    assert first == (1, START_WALL_NS)
    assert second == (2, None)


# --- batches and disk errors ---


def test_facts_wait_for_the_tick(desk):
    desk.tell(entry(1))
    desk.ref.ask(Ping(), timeout=5)
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        assert sql.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        desk.timers.advance(SECOND_NS)
        desk.ref.ask(Ping(), timeout=5)
        assert sql.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_many_facts_do_not_wait_for_the_tick(desk):
    for lot in range(1, 257):
        desk.tell(entry(lot))
    desk.ref.ask(Ping(), timeout=5)
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        assert sql.execute("SELECT count(*) FROM orders").fetchone() == (256,)


@contextmanager
def full_disk(desk):
    """Let no file of this process grow beyond the journal's log as it is now: the kernel refuses as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = desk.folder / "journal.db-wal"
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_disk_that_refuses_keeps_the_facts_and_tells_the_bot_once(desk):
    desk.tell(entry(1))
    desk.flush()
    with full_disk(desk):
        desk.tell(entry(2))
        desk.flush()
        desk.flush()
        assert "cannot be written" in desk.health.take(JournalFailed).error
        desk.health.expect_none()
        assert desk.ref.ask(Ping(), timeout=5) is True, "exits must go on"
    desk.tell(filled(leaves="0.5", quantity="0.5"))
    desk.flush()
    assert desk.health.take(JournalRecovered).dropped == 0
    grid = desk.grid()
    assert grid.lots[0].entry_filled == D("0.5")
    assert [order.lot for order in grid.orders] == [1, 2]
    assert len(desk.rows("SELECT seq FROM events")) == 3


def test_facts_kept_while_the_disk_refuses_are_bounded_and_counted(desk, monkeypatch):
    monkeypatch.setattr("actors.journal.actor.KEPT_WHILE_FAILING", 3)
    desk.tell(entry(1))
    desk.flush()
    with full_disk(desk):
        desk.tell(*(entry(lot) for lot in range(2, 7)))
        desk.flush()
    desk.flush()
    assert [getattr(message, "dropped", None) for message in desk.health.messages] == [None, 2]
    assert len(desk.rows("SELECT seq FROM events")) == 4


def test_fact_that_cannot_be_recorded_ends_the_actor_and_the_others_are_written(desk):
    desk.tell(entry(1), dataclasses.replace(accepted(1), client_order_id=0), filled(quantity="0.5", leaves="0.5"))
    desk.ref.tell(FlushJournal())
    assert "0 is not an id of ours" in desk.failures.take(ActorFailed).error
    assert desk.ref.actor_stopped.wait(5)
    desk.health.expect_none()
    assert desk.grid().lots[0].entry_filled == D("0.5")


# --- payloads ---

RULES = MarketRules(
    symbol="BTCUSDT",
    tick=D("0.1"),
    step=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(100),
    market_max_quantity=D(50),
    min_notional=D(5),
    reduce_only_exempt=True,
    min_price=D(1),
    max_price=D(1000000),
)
REPORT = OrderReport(
    symbol="BTCUSDT",
    client_order_id=None,
    order_id=OrderId("9"),
    status=OrderStatus.OPEN,
    side=Side.SELL,
    price=D("1.10"),
    quantity=D(2),
    filled=D(0),
    occurred_ns=1,
    received_ns=2,
)
READY = ConnectionReady(
    grid="btc",
    rules=RULES,
    fees=FeeRates(D(0), D("0.0004")),
    position=D("-0.50"),
    leverage=10,
    foreign_orders=(REPORT,),
    asked_ns=5,
)
LISTED = ActiveOrdersListed(grid="btc", client_order_ids=frozenset({order_id(3), order_id(2)}), foreign=0, asked_ns=1)
NOTE = Note(event=LogEvent.LOT_CLOSED, level=NoteLevel.WARNING, fields=(("profit", "1.5"),))


def test_nested_values_are_recorded_by_name_and_exactly():
    ready = json.loads(encode_payload(READY))
    assert (ready["rules"]["tick"], ready["fees"]["taker"], ready["position"]) == ("0.1", "0.0004", "-0.50")
    assert ready["foreign_orders"][0]["price"] == "1.10"
    assert json.loads(encode_payload(LISTED))["client_order_ids"] == [order_id(2), order_id(3)]
    note = json.loads(encode_payload(NOTE))
    assert (note["event"], note["level"], note["fields"]) == ("lot_closed", "WARNING", [["profit", "1.5"]])


def test_value_without_a_spelling_is_an_error_not_a_guess():
    with pytest.raises(TypeError, match="object does not go into the journal"):
        encode_payload(Note(event="x", text=object()))
