"""Opening: intents and journal brought together, damaged files, a kill at any moment."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.journal import (
    JournalReader,
    Market,
    Owner,
    open_state,
    set_state_aside,
)
from actors.messages import (
    SequencesReserved,
)
from exchanges.errors import JournalError
from exchanges.values import OrderStatus
from tests.actors.journal.desk import (
    EXPECTED,
    FACTS,
    MARKETS,
    TAG,
    D,
    canceled,
    close_order,
    entry,
    filled,
    journal_desk,
    order_id,
    view_of,
)
from tests.fakes import SECOND_NS, START_WALL_NS, FakeClock

DAY_NS = 86_400 * SECOND_NS


# --- reading on at the venue ---


def test_market_is_read_on_from_before_the_oldest_unsettled_order(desk, clock):
    desk.tell(entry(1), filled(1, trade="10", leaves="0", at=clock.wall_ns()))
    desk.flush()
    clock.advance(7200 * SECOND_NS)
    asked_ns = clock.wall_ns()
    desk.tell(entry(2))
    desk.flush()
    clock.advance(7200 * SECOND_NS)
    desk.tell(entry(3), filled(3, trade="30", leaves="0", at=clock.wall_ns()))
    market = desk.restart().markets["aster", "BTCUSDT"]
    assert market.since_wall_ns == asked_ns
    assert market.last_trade_id == "10", "trades after an unsettled order may be missing"
    assert [(known.client_order_id, known.is_settled) for known in market.orders] == [
        (order_id(2), False),
        (order_id(3), True),
    ]
    assert market.orders[1].end_status is OrderStatus.FILLED
    assert [(trade.trade_id, trade.price, trade.quantity) for trade in market.orders[1].trades] == [
        ("30", D(100), D(1))
    ]


def test_what_a_total_implied_is_restored_with_the_price_and_fee_it_was_told_at(desk):
    desk.tell(entry(1), filled(quantity="0.4", price="99.5", fee="0.01"), filled(trade="7", quantity="0.6", price="98"))
    (known,) = desk.restart().markets["aster", "BTCUSDT"].orders
    assert [(trade.trade_id, trade.price, trade.quantity, trade.fee) for trade in known.trades] == [
        (None, D("99.5"), D("0.4"), D("0.01")),
        ("7", D(98), D("0.6"), D(0)),
    ]
    assert known.trade_ids == {"7"}


def test_market_nothing_happened_in_has_nothing_to_read_on_from(desk):
    market = desk.restart().markets["aster", "ETHUSDT"]
    assert (market.last_trade_id, market.since_wall_ns, market.orders) == ("", 0, ())


# --- intents and journal together ---


def test_order_that_only_the_intent_file_saw_is_unknown_with_its_fence(desk):
    desk.state.intents.record(entry(4), START_WALL_NS + 60 * SECOND_NS)
    desk.state.intents.record(close_order(9, 1, parent=3), START_WALL_NS + 61 * SECOND_NS)
    first, second = desk.grid().orders
    assert (first.client_order_id, first.lot, first.fence_wall_ns) == (order_id(4), 4, START_WALL_NS + 60 * SECOND_NS)
    assert (second.client_order_id, second.lot, second.reduce_only) == (order_id(9, 1), 3, True)


def test_intents_of_settled_orders_are_dropped_at_the_next_start_and_unsettled_ones_stay(desk):
    for lot in (1, 2):
        desk.state.intents.record(entry(lot), START_WALL_NS)
        desk.tell(entry(lot))
    desk.tell(canceled(1))
    desk.restart()
    desk.restart()
    assert [intent.lot for intent in desk.state.history.intents] == [2]


def test_reserved_sequences_are_never_handed_out_again(desk):
    first, last = desk.state.intents.reserve()
    desk.tell(entry(last))
    desk.restart()
    assert desk.state.intents.reserve()[0] == last + 1
    assert first == 1


def test_lost_intent_file_is_made_good_by_the_journals_numbers(desk):
    desk.tell(entry(500))
    desk.close()
    (desk.folder / "intents.log").unlink()
    desk.open()
    assert desk.state.intents.reserve()[0] == 501


def test_power_loss_forces_fresh_ids_for_the_lots_of_before(desk, monkeypatch):
    desk.state.intents.reserve()
    desk.tell(entry(1), filled(leaves="0"), close_order(1, 1))
    monkeypatch.setattr("actors.intents.read_boot_id", lambda: "another boot")
    grid = desk.grid()
    assert grid.lots[0].attempts_used == 13
    assert desk.state.history.suspect_through == 64
    desk.state.intents.reserve()
    desk.tell(close_order(65, 1, parent=1))
    assert desk.grid().lots[0].attempts_used == 1, "the continuation is younger than the loss"


@pytest.mark.parametrize("is_known", [True, False])
def test_highest_sequence_is_zero_only_for_a_grid_without_a_past(desk, is_known):
    if is_known:
        desk.tell(SequencesReserved(grid="btc", first=1, last=64))
    desk.tell(SequencesReserved(grid="eth", first=65, last=128))
    assert desk.grid("btc").highest_sequence == (128 if is_known else 0)


def test_what_was_only_reserved_was_not_used(desk):
    desk.tell(SequencesReserved(grid="btc", first=1, last=64))
    assert desk.grid("btc").highest_used == 0
    desk.tell(close_order(3, 1))
    assert (desk.grid("btc").highest_sequence, desk.grid("btc").highest_used) == (64, 3)


# --- files that cannot be used ---


def open_again(folder, clock, desk="alpha", tag=TAG, **owner):
    state = open_state(folder, owner=Owner(desk=desk, bot_tag=tag, **owner), markets=MARKETS, clock=clock)
    state.intents.close()
    return state


def test_damaged_journal_is_moved_aside_and_the_start_goes_on_from_the_intents(desk, clock):
    desk.state.intents.record(entry(4), START_WALL_NS)
    desk.close()
    path = desk.state.journal_path
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    desk.open()
    (problem,) = desk.state.problems
    assert "is damaged" in problem
    assert (desk.folder / f"journal.db.set-aside-{START_WALL_NS}").read_bytes() == bytes(content)
    assert [order.lot for order in desk.state.restored.grids["btc"].orders] == [4]


def test_damage_that_shows_only_when_it_is_read_is_moved_aside_too(desk, monkeypatch):
    monkeypatch.setattr("actors.journal.schema.CHECKED_UP_TO_BYTES", 0)
    desk.close()
    with closing(sqlite3.connect(desk.state.journal_path, isolation_level=None)) as sql:
        sql.execute("DROP TABLE closings")
    desk.open()
    assert "is damaged (no such table: closings)" in desk.state.problems[0]


@pytest.mark.parametrize("content", [b"", None])
def test_journal_whose_maker_died_is_made_again_without_alarm(desk, content):
    desk.close()
    path = desk.state.journal_path
    path.unlink()
    if content is None:
        with closing(sqlite3.connect(path)) as sql:
            sql.execute("PRAGMA journal_mode = WAL")
    else:
        path.write_bytes(content)
    desk.open()
    assert desk.state.problems == ()


def test_file_that_is_no_database_is_moved_aside(desk):
    desk.close()
    desk.state.journal_path.write_bytes(b"not a database" * 1000)
    desk.open()
    assert "is damaged" in desk.state.problems[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE meta SET value = 'beta' WHERE key = 'desk'", "belongs to desk 'beta'"),
        ("PRAGMA user_version = 99", "has schema 99"),
        ("PRAGMA application_id = 1", "is not a journal of this program"),
        ("DROP TABLE meta", "is damaged"),
    ],
)
def test_foreign_journal_is_moved_aside(desk, change, why):
    desk.close()
    with closing(sqlite3.connect(desk.state.journal_path, isolation_level=None)) as sql:
        sql.execute(change)
    desk.open()
    assert why in desk.state.problems[0]


def test_lost_journal_with_a_past_is_no_fresh_start(desk):
    desk.state.intents.reserve()
    desk.close()
    desk.state.journal_path.unlink()
    desk.open()
    assert desk.state.restored.grids["btc"].highest_sequence == 64


def test_intent_file_of_another_bot_stops_the_start_and_leaves_the_journal_alone(desk, clock):
    desk.close()
    before = desk.state.journal_path.read_bytes()
    with pytest.raises(JournalError, match="'alpha' with bot_tag 7"):
        open_again(desk.folder, clock, desk="beta")
    assert desk.state.journal_path.read_bytes() == before


def test_busy_journal_is_an_error_not_damage(desk, clock, monkeypatch):
    desk.close()
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY

    def busy(_path):
        raise locked

    monkeypatch.setattr("actors.journal.schema.connect", busy)
    with pytest.raises(JournalError, match="locked"):
        open_again(desk.folder, clock)
    assert desk.state.journal_path.exists()
    monkeypatch.undo()


def test_grid_that_is_no_longer_configured_but_holds_something_is_named(desk):
    desk.tell(entry(1, grid="eth"), filled(grid="eth", leaves="0"))
    desk.markets = {"btc": Market("aster", "BTCUSDT")}
    desk.restart()
    (problem,) = desk.state.problems
    assert "[grid.eth]" in problem


def test_reader_of_a_missing_journal_is_an_error(tmp_path):
    with pytest.raises(JournalError, match="cannot be read"):
        JournalReader(tmp_path / "journal.db").restore(MARKETS, now_wall_ns=1)


# --- a kill at any moment ---


KILLED = """
import sys, os
from pathlib import Path
from exchanges.clock import SystemClock
from tests.actors.journal.desk import JournalDesk, entry, filled
desk = JournalDesk(Path(sys.argv[1]), SystemClock())
desk.state.intents.reserve()
desk.state.intents.record(entry(1), 0)
desk.tell(entry(1), filled(quantity="0.4", leaves="0.6"))
desk.flush()
desk.state.intents.record(entry(2), 0)
desk.tell(entry(2))
os.kill(os.getpid(), 9)
"""


def test_sigkill_keeps_what_was_committed_and_every_intent(tmp_path, clock):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "state")]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": "."}, timeout=30, check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with journal_desk(tmp_path / "state", clock) as desk:
        grid = desk.state.restored.grids["btc"]
        assert [order.lot for order in grid.orders] == [1, 2]
        assert [order.filled for order in grid.orders] == [D("0.4"), D(0)]
        assert desk.state.restored.problems == ()
        assert desk.state.history.suspect_through == 0, "a kill is no loss of power"
        assert desk.state.intents.reserve()[0] == 65


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(FACTS)), st.data())
def test_killed_between_batches_the_venue_can_tell_the_rest_again(tmp_path_factory, kept, data):
    """A kill loses the newest batch; the same facts told again (by the venue, after the intents) give the same end."""
    folder, clock = tmp_path_factory.mktemp("killed"), FakeClock()
    with journal_desk(folder / "state", clock) as desk:
        for fact in FACTS[:2]:
            desk.state.intents.record(fact, START_WALL_NS)
        desk.tell(*FACTS[:kept])
        desk.flush()
        desk.restart()
        again = data.draw(st.permutations([fact for fact in FACTS if not hasattr(fact, "side")]))
        desk.tell(*again)
        view = view_of(desk.grid())
    assert view == EXPECTED


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([0, 1]), st.decimals("0.001", "2", places=3), st.booleans()),
        max_size=25,
    )
)
def test_lots_hold_exactly_entry_minus_exit_fills(tmp_path_factory, fills):
    """Conservation: over all lots, restored remainders add up to entries minus exits, whatever is told twice."""
    clock = FakeClock()
    with journal_desk(tmp_path_factory.mktemp("sum") / "state", clock) as desk:
        desk.tell(*(entry(lot, quantity="1000") for lot in (1, 2, 3)))
        desk.tell(*(close_order(lot, 1, quantity="1000") for lot in (1, 2, 3)))
        total = Decimal(0)
        for number, (lot, leg, quantity, twice) in enumerate(fills):
            fill = filled(lot, leg, quantity=str(quantity), trade=str(number), fee="0.1")
            desk.tell(*([fill, fill] if twice else [fill]))
            total += quantity if leg == 0 else -quantity
        grid = desk.grid()
    assert sum((lot.entry_filled - lot.exit_filled for lot in grid.lots), Decimal(0)) == total
    assert grid.fees == Decimal("0.1") * len(fills)


def test_journal_of_another_account_stops_the_start_until_the_operator_says_it_is_the_same(desk, clock):
    desk.close()
    first, other = {"aster": "0xa of aster"}, {"aster": "0xb of aster"}
    open_again(desk.folder, clock, accounts=first)
    assert open_again(desk.folder, clock, accounts=first).problems == ()
    runs = "SELECT count(*) FROM runs"
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        before = sql.execute(runs).fetchone()
    with pytest.raises(JournalError, match="kept for account 0xa of aster on exchange aster, not for 0xb of aster"):
        open_again(desk.folder, clock, accounts=other)
    with closing(sqlite3.connect(desk.state.journal_path)) as sql:
        assert sql.execute(runs).fetchone() == before
    open_again(desk.folder, clock, accounts=other, accepts_accounts=True)
    open_again(desk.folder, clock, accounts=other | {"backpack": "key of backpack"})


def test_set_aside_everything_begins_anew(desk, clock):
    desk.tell(entry(1), SequencesReserved(grid="btc", first=1, last=64))
    desk.close()
    kept = set_state_aside(desk.folder, START_WALL_NS)
    assert [path.name for path in kept] == [
        f"journal.db.set-aside-{START_WALL_NS}",
        f"intents.log.set-aside-{START_WALL_NS}",
    ]
    assert all(path.exists() for path in kept)
    state = open_again(desk.folder, clock, accounts={"aster": "another"})
    assert (state.restored.highest_sequence, state.history.highest_sequence, state.problems) == (0, 0, ())
    assert set_state_aside(desk.folder / "nothing", START_WALL_NS) == ()
