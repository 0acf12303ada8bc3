"""The status board, the state of a bot, and the summary of a run."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.grid.state import (
    EntryCounters,
    ExitBook,
    ExitCounters,
    GridState,
    LotsView,
    Mode,
    NakedPiece,
    Quote,
    TrackedPosition,
)
from actors.grid_shell import context_of
from actors.messages import CoverMeasured, LotsChanged
from actors.price_stream import FeedStatus
from actors.status import (
    BotState,
    BotStatus,
    ConnectionPhase,
    ConnectionStatus,
    GridStatus,
    StatusBoard,
    percentile,
    summary,
    trading_state,
)
from tests.actors.shell_desks import StrategyDesk, price, ready, with_ids

SECOND = 1_000_000_000
LIVE = ConnectionStatus(exchange="aster", phase=ConnectionPhase.LIVE)
RUNNING = GridState(quote=Quote(Decimal(1), Decimal(2), 0))


@pytest.fixture(scope="module")
def context():
    desk = StrategyDesk()
    desk.ref.stop(timeout=2)
    return context_of(desk.seats[0], ready())


def grid(state=RUNNING, book=None) -> GridStatus:
    return GridStatus(name="btc", exchange="aster", symbol="BTCUSDT", state=state, book=book)


@pytest.mark.parametrize(
    ("state", "connection", "expected"),
    [
        (RUNNING, LIVE, BotState.RUNNING),
        (None, LIVE, BotState.STARTING),
        (replace(RUNNING, mode=Mode.PAUSED), LIVE, BotState.PAUSED),
        (replace(RUNNING, mode=Mode.HALTED), LIVE, BotState.HALTED),
        (RUNNING, replace(LIVE, phase=ConnectionPhase.LOST), BotState.DEGRADED),
        (replace(RUNNING, quote=None), LIVE, BotState.DEGRADED),
        (replace(RUNNING, quote=Quote(Decimal(1), Decimal(2), 0, is_stale=True)), LIVE, BotState.DEGRADED),
        (replace(RUNNING, lots=LotsView(mismatch=True)), LIVE, BotState.DEGRADED),
    ],
)
def test_the_state_of_a_bot_follows_from_its_grids_and_connections(state, connection, expected):
    assert trading_state([grid(state)], [connection]) is expected


def test_percentiles_are_samples():
    assert percentile([], 0.5) == 0
    assert percentile([5], 0.99) == 5
    assert percentile(list(range(1, 101)), 0.5) == 50
    assert percentile(list(range(100, 0, -1)), 0.99) == 99


def make_status(**changes) -> BotStatus:
    lot = TrackedPosition(
        lot=1,
        sequence=1,
        next_leg=2,
        opened_ns=0,
        entry_filled=Decimal("1.5"),
        exit_filled=Decimal("0.5"),
        dust=Decimal("0.001"),
        naked=(NakedPiece(Decimal(1), 8 * SECOND),),
    )
    told = LotsChanged(
        grid="btc",
        open_lots=1,
        exit_prices=(),
        position=Decimal(1),
        cost=Decimal(100),
        unprotected_quantity=Decimal("1.0"),
        realized_pnl=Decimal(0),
        fees=Decimal(0),
    )
    counters = ExitCounters(
        exits_placed=3,
        lots_opened=2,
        lots_closed=1,
        exit_fills=4,
        realized_pnl=Decimal("7.50"),
        fees=Decimal("0.3"),
        unprotected_max=Decimal(2),
    )
    entries = EntryCounters(entries_placed=5, entries_filled=2, fills=6)
    picture = replace(
        grid(replace(RUNNING, counters=entries, lots=LotsView(position=Decimal("1.000")))),
        book=ExitBook(lots=(lot,), told=told, counters=counters),
        realized_before=Decimal(5),
        fees_before=Decimal("0.1"),
    )
    fields = {
        "name": "test",
        "mode": "paper",
        "state": BotState.RUNNING,
        "now_ns": 10 * SECOND,
        "started_ns": 0,
        "started_wall_ns": 0,
        "grids": (picture,),
        "connections": (replace(LIVE, reconnects=2, funding=Decimal("-0.25")),),
        "feeds": (FeedStatus(exchange="aster", reconnects=1),),
        "fill_to_exit_ns": {"aster": (1_000_000, 3_000_000, 2_000_000)},
        "naked_ns": {"btc": (SECOND // 10, SECOND // 2)},
    }
    return BotStatus(**(fields | changes))


def test_the_summary_has_every_key_of_the_contract():
    result = summary(make_status())
    assert {
        "mode", "venues", "runtime_s", "entries_placed", "entries_filled", "fills", "exits_placed", "lots_opened",
        "lots_closed", "lots_open", "position", "unprotected_quantity", "unprotected_quantity_max", "dust_quantity",
        "realized_pnl", "fees", "funding", "naked_seconds_max", "naked_seconds_p50", "naked_seconds_p99",
        "fill_to_exit_us_p50", "fill_to_exit_us_p99", "reconnects", "state",
    } == set(result)  # fmt: skip


def test_the_summary_counts_this_run_and_spells_money_as_text():
    result = summary(make_status())
    assert (result["entries_placed"], result["entries_filled"], result["fills"]) == (5, 2, 10)
    assert (result["lots_opened"], result["lots_closed"], result["lots_open"]) == (2, 1, 1)
    assert (result["position"], result["unprotected_quantity"], result["dust_quantity"]) == ("1", "0.999", "0.001")
    assert (result["realized_pnl"], result["fees"], result["funding"]) == ("2.5", "0.2", "-0.25")
    assert result["unprotected_quantity_max"] == "2"
    assert (result["fill_to_exit_us_p50"], result["fill_to_exit_us_p99"]) == (2000, 3000)
    assert (result["reconnects"], result["runtime_s"], result["state"]) == (3, 10.0, "running")
    assert result["venues"]["aster"]["fills"] == 10
    assert result["venues"]["aster"]["reconnects"] == 3


def test_a_quantity_that_is_naked_now_counts_for_the_maximum():
    result = summary(make_status())
    assert result["naked_seconds_max"] == 2.0
    assert (result["naked_seconds_p50"], result["naked_seconds_p99"]) == (0.1, 0.5)


def test_a_venue_without_grids_of_its_own_counts_nothing():
    result = summary(make_status(connections=(LIVE, ConnectionStatus(exchange="other"))))
    assert result["venues"]["other"]["fills"] == 0
    assert result["fills"] == 10


def test_the_board_shows_what_was_put_and_carries_counts_over_a_restart(context):
    board = StatusBoard([("btc", "aster", "BTCUSDT")], ["aster"])
    assert board.grids()[0].state is None
    counters = EntryCounters(entries_placed=2)
    exits = ExitCounters(lots_opened=2, realized_pnl=Decimal(3), unprotected_max=Decimal(1))
    board.put_state(context, replace(RUNNING, counters=counters))
    board.put_book(context, ExitBook(counters=exits))
    board.add_fill_to_exit("aster", 5)
    board.add_naked(CoverMeasured(grid="btc", lot=1, quantity=Decimal(1), naked_ns=7))
    board.carry()
    assert board.grids()[0].state is None
    board.put_state(context, replace(RUNNING, counters=counters))
    board.put_book(context, ExitBook(counters=exits))
    result = summary(make_status(grids=board.grids(), feeds=(), connections=board.connections()))
    assert (result["entries_placed"], result["lots_opened"], result["realized_pnl"]) == (4, 4, "3")
    assert board.fill_to_exit_ns() == {"aster": (5,)}
    assert board.naked_ns() == {"btc": (7,)}


def test_what_was_earned_before_this_run_is_left_out(context):
    board = StatusBoard([("btc", "aster", "BTCUSDT")], ["aster"])
    board.begin_run("btc", Decimal(10), Decimal(1))
    board.put_book(context, ExitBook(counters=ExitCounters(realized_pnl=Decimal(12), fees=Decimal(3))))
    result = summary(make_status(grids=board.grids()))
    assert (result["realized_pnl"], result["fees"]) == ("2", "2")


def test_a_running_shell_puts_its_newest_state_where_it_was_told():
    desk = StrategyDesk()
    with_ids(desk)
    desk.tell(price(desk))
    desk.ref.stop(timeout=2)
    assert desk.states["btc"].counters.entries_placed == 1
