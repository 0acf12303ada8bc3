"""The strategy's shell on probes: what goes where, in which order, and when. The rules are the core's."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from actors.grid.state import CycleState, Mode
from actors.log_events import LogEvent
from actors.messages import (
    CancelEntries,
    CancelOrder,
    EntryFilled,
    EntryFinished,
    LatchChanged,
    LatchKind,
    LotsChanged,
    Note,
    OrderAccepted,
    OrderOutcomeUnknown,
    PauseEntries,
    PlaceLimitOrder,
    QueryOrder,
    ReserveSequences,
    ResumeEntries,
    SequencesReserved,
)
from tests.actors.shell_desks import SECOND, ShellDesk, StrategyDesk, fill_of, price, ready, with_ids


@pytest.fixture
def desks() -> Iterator[list[ShellDesk]]:
    made: list[ShellDesk] = []
    yield made
    for desk in made:
        desk.ref.stop(timeout=2)


@pytest.fixture
def strategy(desks):
    desk = StrategyDesk()
    desks.append(desk)
    return desk


# --- strategy ---


def test_before_the_venue_was_read_nothing_is_sent_and_nothing_is_lost(strategy):
    strategy.tell(price(strategy), SequencesReserved(grid="btc", first=1, last=64))
    assert strategy.out.told == []
    strategy.tell(ready())
    assert strategy.entry().lot == 1
    assert strategy.states["btc"].cycle_state is CycleState.WAITING_FOR_FILL


def test_the_first_thing_asked_for_is_a_block_of_sequences(strategy):
    strategy.tell(ready())
    assert ReserveSequences(grid="btc", for_exits=False) in strategy.out.of("journal", ReserveSequences)


def test_an_entry_goes_to_the_lanes_first_and_to_the_journal_after_it(strategy):
    with_ids(strategy)
    strategy.tell(price(strategy))
    entry = strategy.entry()
    assert (entry.post_only, entry.reduce_only, entry.quote_ns) == (True, False, strategy.clock.monotonic_ns())
    positions = [to for to, message in strategy.out.told if message is entry]
    assert positions == ["lanes", "journal"]


def test_a_fill_goes_to_the_closer_before_anything_is_written(strategy):
    with_ids(strategy)
    strategy.tell(price(strategy))
    entry = strategy.entry()
    strategy.out.told.clear()
    strategy.tell_alone(fill_of(entry))
    names = [(to, type(message)) for to, message in strategy.out.told]
    assert names[0] == ("closer", EntryFilled)
    assert names[1] == ("gave way", type(None))
    assert ("closer", EntryFinished) in names
    assert names.index(("closer", EntryFinished)) < names.index(("journal", EntryFilled))
    assert strategy.out.of("closer", EntryFilled)[0].received_ns == 77


def test_questions_go_to_the_connection_when_time_has_come(strategy):
    with_ids(strategy)
    strategy.tell(price(strategy))
    order = strategy.entry()
    strategy.tell(
        OrderOutcomeUnknown(
            grid="btc", client_order_id=order.client_order_id, fence_ns=strategy.clock.monotonic_ns(), why="cut"
        )
    )
    strategy.pass_time(5 * SECOND)
    questions = strategy.out.of("connection", QueryOrder)
    assert questions
    assert {question.client_order_id for question in questions} == {order.client_order_id}
    assert len(strategy.out.of("lanes", PlaceLimitOrder)) == 1


def test_a_message_for_all_grids_reaches_each(desks):
    desk = StrategyDesk(grids=("one", "two"))
    desks.append(desk)
    with_ids(desk, "one", "two")
    desk.tell(PauseEntries(), price(desk, "one"), price(desk, "two"))
    assert desk.out.of("lanes", PlaceLimitOrder) == []
    assert {state.mode for state in desk.states.values()} == {Mode.PAUSED}
    desk.tell(ResumeEntries(grid="two"), price(desk, "two"))
    assert [order.grid for order in desk.out.of("lanes", PlaceLimitOrder)] == ["two"]


def test_canceling_entries_cancels_the_resting_one(strategy):
    with_ids(strategy)
    strategy.tell(price(strategy))
    order = strategy.entry()
    strategy.tell(OrderAccepted(grid="btc", client_order_id=order.client_order_id), CancelEntries())
    assert strategy.out.of("lanes", CancelOrder)[0].client_order_id == order.client_order_id


def test_the_margin_of_one_grid_counts_against_the_other(desks):
    desk = StrategyDesk(grids=("one", "two"), max_margin_usd=Decimal(30))
    desks.append(desk)
    with_ids(desk, "one", "two")
    # one entry of about 100 USD at 5x uses 20 of the 30 USD of margin
    desk.tell(price(desk, "one"), price(desk, "two"))
    assert [order.grid for order in desk.out.of("lanes", PlaceLimitOrder)] == ["one"]
    assert "max_margin_usd" in desk.states["two"].blocked_reason


def test_too_many_orders_in_a_minute_latch_every_grid_once(desks):
    desk = StrategyDesk(grids=("btc", "eth"), max_orders_per_min=10)
    desks.append(desk)
    with_ids(desk, "btc", "eth")
    for _ in range(11):
        desk.meter.count()
    desk.tell(price(desk))
    assert desk.out.of("lanes", PlaceLimitOrder) == []
    assert {state.mode for state in desk.states.values()} == {Mode.HALTED}
    for owner in ("journal", "bot"):
        latched = desk.out.of(owner, LatchChanged)
        assert {(one.grid, one.kind) for one in latched} == {(g, LatchKind.ORDER_PACE) for g in ("btc", "eth")}
    texts = [note.text for note in desk.out.of("journal", Note) if note.event == LogEvent.RISK_LIMIT_HIT]
    assert texts == ["max_orders_per_min: 11 orders within a minute, limit 10"]
    desk.pass_time(61 * SECOND)
    desk.tell(price(desk))
    assert desk.out.of("lanes", PlaceLimitOrder) == []  # time does not clear a latch
    desk.tell(ResumeEntries(), price(desk))
    assert desk.out.of("lanes", PlaceLimitOrder)


def test_a_latched_stop_is_told_to_bot_and_journal(desks):
    desk = StrategyDesk(daily_loss_limit_usd=Decimal(10))
    desks.append(desk)
    with_ids(desk)
    lost = LotsChanged(
        grid="btc",
        open_lots=0,
        exit_prices=(),
        position=Decimal(0),
        cost=Decimal(0),
        unprotected_quantity=Decimal(0),
        realized_pnl=Decimal(-11),
        fees=Decimal(0),
    )
    desk.tell(price(desk), lost)
    assert desk.out.of("bot", LatchChanged)[0].kind is LatchKind.DAILY_LOSS
    assert desk.out.of("journal", LatchChanged)
