"""SCENARIOS.md, rows 14 to 17: restart, stream gap, unknown outcome, boost."""

import pytest

from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.log_events import LogEvent
from actors.messages import NoteLevel, OrderAccepted, OrderNotFound, PlaceLimitOrder, QueryFailed
from exchanges.fills import RestoredTrade
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderId, OrderRequest, OrderStatus, RejectReason, Side, TradeId
from tests.grid.harness import START_WALL_NS, D, Harness, Sent, make_context

SECOND_NS = 1_000_000_000
ENTRY_ID = pack(OrderKey(7, 1, 0))
EXIT_ID = pack(OrderKey(7, 1, 1))


def restored_entry(*, accepted=True, filled="0", fence_s=0):
    return RestoredOrder(
        client_order_id=ENTRY_ID,
        order_id=OrderId("v-c1") if accepted else None,
        lot=1,
        side=Side.BUY,
        price=D("99.9"),
        quantity=D("1.000"),
        filled=D(filled),
        post_only=True,
        reduce_only=False,
        immediate=False,
        was_accepted=accepted,
        placed_wall_ns=START_WALL_NS - 5 * SECOND_NS,
        fence_wall_ns=START_WALL_NS + fence_s * SECOND_NS,
    )


def restored_exit(*, accepted=True, quantity="0.500", filled="0", fence_s=0):
    return RestoredOrder(
        client_order_id=EXIT_ID,
        order_id=None,
        lot=1,
        side=Side.SELL,
        price=D("100.9"),
        quantity=D(quantity),
        filled=D(filled),
        post_only=True,
        reduce_only=True,
        immediate=False,
        was_accepted=accepted,
        placed_wall_ns=START_WALL_NS - 4 * SECOND_NS,
        fence_wall_ns=START_WALL_NS + fence_s * SECOND_NS,
    )


def restored_lot(*, filled="0.500", done=False, attempts=0):
    return RestoredLot(
        lot=1,
        entry_filled=D(filled),
        entry_notional=D(filled) * D("99.9"),
        exit_filled=D(0),
        exit_notional=D(0),
        fees=D(0),
        opened_wall_ns=START_WALL_NS - 4 * SECOND_NS,
        entry_done=done,
        attempts_used=attempts,
    )


def killed(*, lots=(), orders=(), is_watching=True, **kwargs):
    """Start again from a journal; the venue has not been read yet."""
    restored = RestoredGrid(
        grid="g",
        lots=tuple(lots),
        orders=tuple(orders),
        ladder_wall_ns=START_WALL_NS - SECOND_NS,
        highest_sequence=64,
        **kwargs,
    )
    grid = Harness(context=make_context(), connect=False, restored=restored)
    grid.reserve()
    grid.is_watching = is_watching
    for order in orders:
        known(grid, order)
    grid.price("100.0", "100.1")
    grid.pass_ms(1_000)
    assert grid.take() == [], "an order left before the venue was read"
    return grid


def known(grid, order):
    """Let the harness talk about a restored order as c1, c2."""
    command = PlaceLimitOrder(
        grid="g", exchange="sim", symbol="BTC-PERP", client_order_id=order.client_order_id, side=order.side,
        price=order.price, quantity=order.quantity, post_only=True, reduce_only=order.reduce_only, lot=order.lot,
    )  # fmt: skip
    name = f"c{len(grid.orders) + 1}"
    grid.orders[name] = Sent(command=command, name=name, at_ns=grid.now_ns)
    grid.names[order.client_order_id] = name
    request = OrderRequest(
        client_order_id=order.client_order_id, symbol="BTC-PERP", side=order.side, quantity=order.quantity,
        price=order.price, post_only=True, reduce_only=order.reduce_only,
    )  # fmt: skip
    trades = [RestoredTrade(TradeId("t1"), order.price, order.filled)] if order.filled else []
    status = OrderStatus.OPEN if order.was_accepted else OrderStatus.UNKNOWN
    grid.ledger.restore(request, trades=trades, filled=order.filled, status=status)


def test_scenario_14_killed_after_the_intent_was_journaled():
    grid = killed(orders=[restored_entry(accepted=False, fence_s=10)])
    grid.not_found("c1", asked_ns=grid.now_ns)
    grid.connect()
    assert grid.take() == [], "the connection has just asked"
    grid.pass_ms(600)
    assert grid.take() == ["query c1"]
    grid.orders["c1"].fence_ns = grid.now_ns + 9 * SECOND_NS
    grid.pass_ms(9_500)
    for _ in range(3):
        assert not grid.is_ready
        grid.pass_ms(1_000)
        grid.not_found("c1")
    assert grid.places()[-1] == "c2 buy 1@99.9"
    assert grid.orders["c2"].command.lot == 65


def test_scenario_14_killed_after_the_entry_was_sent_and_filled_meanwhile():
    grid = killed(orders=[restored_entry(accepted=False)])
    grid.settled("c1", OrderStatus.FILLED, "1.000")
    grid.connect("1.000")
    assert grid.places() == ["c2 sell 1@100.9"]
    grid.ack("c2")
    assert grid.is_ready


def test_scenario_14_killed_after_the_entry_was_accepted():
    grid = killed(orders=[restored_entry()])
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.connect()
    assert grid.take() == []
    assert grid.state.pending_open_order_id == "v-c1"
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]


def test_scenario_14_killed_when_partly_filled():
    grid = killed(lots=[restored_lot()], orders=[restored_entry(filled="0.500")])
    grid.settled("c1", OrderStatus.PARTIALLY_FILLED, "0.500")
    grid.connect("0.500")
    assert grid.take() == ["c2 sell 0.5@100.9"]
    assert grid.orders["c2"].command.lot == 1
    grid.ack("c2")
    grid.fill("c1", "t2", "0.500")
    assert grid.take() == ["c3 sell 0.5@100.9"]


def test_scenario_14_killed_after_the_exit_was_journaled_and_never_sent():
    grid = killed(
        lots=[restored_lot(attempts=1)],
        orders=[restored_entry(filled="0.500"), restored_exit(accepted=False, fence_s=0)],
    )
    grid.settled("c1", OrderStatus.PARTIALLY_FILLED, "0.500")
    grid.connect("0.500")
    assert grid.take() == ["query c2"]
    for _ in range(3):
        grid.pass_ms(1_000)
        grid.not_found("c2")
    placed = [line for line in grid.take() if not line.startswith("query")]
    assert placed == ["c3 sell 0.5@100.9"]
    assert grid.orders["c3"].command.client_order_id == pack(OrderKey(7, 1, 2))


def test_scenario_14_killed_after_the_exit_was_accepted():
    grid = killed(lots=[restored_lot(attempts=1)], orders=[restored_entry(filled="0.500"), restored_exit()])
    grid.settled("c1", OrderStatus.CANCELED, "0.500", CancelReason.REQUESTED)
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("0.500")
    assert grid.take() == []
    assert grid.is_ready
    assert grid.state.blocked_reason == "cooldown"
    grid.pass_ms(3_999)
    grid.price("98.9", "99.0")
    assert grid.take() == []
    grid.pass_ms(1)
    assert grid.take() == ["c3 buy 1.011@98.8"]


def test_scenario_14_ladder_clock_is_restored():
    grid = killed()
    grid.connect()
    assert grid.state.blocked_reason == ""
    assert grid.places() == ["c1 buy 1@99.9"]
    restored = RestoredGrid(grid="g", ladder_wall_ns=START_WALL_NS, highest_sequence=64)
    early = Harness(context=make_context(), connect=False, restored=restored)
    early.reserve()
    early.connect()
    early.price("100.0", "100.1")
    assert early.take() == []
    early.pass_ms(1_999)
    assert early.take() == []
    early.pass_ms(1)
    assert early.take() == ["c1 buy 1@99.9"]


def test_scenario_14_orders_a_lost_journal_knew_are_adopted_by_id():
    grid = Harness(connect=False)
    grid.reserve()
    grid.price("100.0", "100.1")
    entry = OrderAccepted(grid="g", client_order_id=ENTRY_ID, price=D("99.5"), quantity=D(1), order_id=OrderId("x"))
    grid.give("strategy", entry)
    known(grid, restored_exit(quantity="0.5"))
    found = OrderAccepted(grid="g", client_order_id=pack(OrderKey(7, 3, 2)), price=D("100.9"), quantity=D("0.5"))
    grid.give("closer", found)
    grid.connect("0.5")
    assert grid.take() == []
    assert grid.state.pending.lot == 1
    assert [(lot.lot, lot.remaining, lot.next_leg) for lot in grid.exits.lots] == [(3, D("0.5"), 3)]
    assert abs(grid.exits.lots[0].average_entry - D("99.9")) < D("0.01")
    assert grid.exits.external == 0
    assert grid.count(LogEvent.ENTRY_ADOPTED) == grid.count(LogEvent.CLOSE_ADOPTED) == 1


def test_scenario_14_exit_beyond_what_is_held_is_canceled():
    grid = killed(orders=[restored_exit()], is_watching=False)
    number = pack(OrderKey(7, 3, 2))
    grid.names[number] = "unknown exit"
    grid.give("closer", OrderAccepted(grid="g", client_order_id=number, price=D("100.9"), quantity=D("0.5")))
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.connect()
    assert grid.take() == ["c2 buy 1@99.9"], "the lots may still be told"
    grid.pass_ms(1)
    grid.position("0")
    assert grid.take() == ["cancel c1", "cancel unknown exit"]
    assert grid.exits.lots == ()


def test_scenario_15_stream_gap():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.pass_ms(4_000)
    grid.price("99.0", "99.1")
    grid.ack("c3")
    grid.take()
    grid.lose_stream()
    grid.pass_ms(30_000)
    assert grid.take() == []
    grid.price("101.0", "101.2")
    grid.fill("c3", "t2", "1.010", "98.9")
    grid.restore_stream()
    assert grid.take() == ["c4 sell 1.01@99.9"]
    grid.reject("c4", RejectReason.POST_ONLY)
    grid.pass_ms(250)
    assert grid.take() == ["c5 sell 1.01@101.1"]


def test_scenario_15_no_entries_while_the_stream_is_lost():
    grid = Harness()
    grid.lose_stream()
    grid.take()
    grid.ack("c1")
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.pass_ms(20_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "stream lost"
    grid.restore_stream()
    assert grid.take() == ["c2 buy 1@99.9"]


def test_scenario_15_variant_rest_fails_too():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.500")
    grid.lose_stream()
    grid.take()
    number = grid.orders["c2"].command.client_order_id
    grid.unknown("c2")
    grid.pass_ms(20_000)
    for owner in ("strategy", "closer"):
        grid.give(owner, QueryFailed(grid="g", what="order", error="503", client_order_id=number))
    lines = grid.take()
    assert set(lines) == {"query c2"}
    assert grid.exits.naked_since_ns is not None
    grid.settled("c2", OrderStatus.OPEN, "0")
    assert grid.exits.naked_since_ns is None
    assert grid.take() == []


def test_scenario_16_unknown_submit_result():
    grid = Harness()
    grid.take()
    grid.unknown("c1", fence_s=10)
    assert grid.take() == ["query c1"]
    number = grid.orders["c1"].command.client_order_id
    grid.give("strategy", QueryFailed(grid="g", what="order", error="503", client_order_id=number))
    early = grid.now_ns
    grid.pass_ms(11_000)
    assert set(grid.take()) == {"query c1"}
    for _ in range(5):
        grid.not_found("c1", asked_ns=early)
    assert not grid.is_ready
    for proof in range(3):
        assert not grid.is_ready, proof
        grid.pass_ms(1_000)
        grid.not_found("c1")
        grid.not_found("c1")
    assert grid.count(LogEvent.ENTRY_NEVER_ACCEPTED) == 1
    assert grid.places()[-1] == "c2 buy 1@99.9"


def test_scenario_16_it_appears_instead():
    grid = Harness()
    grid.take()
    grid.unknown("c1")
    grid.not_found("c1")
    grid.pass_ms(12_000)
    grid.settled("c1", OrderStatus.OPEN, "0")
    grid.take()
    assert grid.state.pending.inquiry is None
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]


def test_scenario_16_position_change_forbids_the_conclusion():
    grid = Harness()
    grid.unknown("c1", fence_s=0)
    grid.position("1.000")
    for _ in range(5):
        grid.pass_ms(1_000)
        grid.give("strategy", _not_found(grid, "c1"))
    assert not grid.is_ready
    grid.settled("c1", OrderStatus.FILLED, "1.000")
    assert grid.held == 1


def _not_found(grid, name):
    number = grid.orders[name].command.client_order_id
    return OrderNotFound(grid="g", client_order_id=number, asked_ns=grid.now_ns)


def test_scenario_16_silently_dropped_exit():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.take()
    grid.unknown("c2", fence_s=5)
    grid.pass_ms(6_000)
    assert set(grid.take()) == {"query c2"}
    for _ in range(3):
        assert not grid.places()
        grid.pass_ms(1_000)
        grid.not_found("c2")
    assert grid.places() == ["c3 sell 1@100.9"]


def boosted(**settings):
    grid = Harness(
        boost_mode=True,
        boost_max_slippage_bps=D(50),
        boost_max_loss_usd_per_hour=D("0.05"),
        fallback_max_slippage_bps=D(10),
        **settings,
    )
    grid.ack("c1")
    grid.take()
    return grid


def test_scenario_17_boost_mode():
    grid = boosted()
    grid.fill("c1", "t1", "0.300")
    grid.fill("c1", "t2", "0.700")
    assert grid.take() == ["c2 ioc sell 0.3@99.5", "c3 ioc sell 0.7@99.5"]
    grid.fill("c3", "t3", "0.700", "100.0")
    grid.fill("c2", "t4", "0.200", "100.0")
    grid.done("c2", CancelReason.IMMEDIATE, "0.200")
    assert grid.take() == ["c4 ioc sell 0.1@99.5"]
    grid.done("c4", CancelReason.IMMEDIATE, "0")
    assert grid.take() == ["c5 sell 0.1@100.9"]


def test_scenario_17_boost_budget_spent():
    grid = boosted()
    grid.fill("c1", "t1", "0.500")
    grid.fill("c2", "t2", "0.500", "99.7")
    grid.take()
    assert grid.exits.is_boost_off is False or grid.count(LogEvent.BOOST_DISABLED)
    grid.fill("c1", "t3", "0.500")
    assert grid.take() == ["c3 sell 0.5@100.9"]
    off = [note for note in grid.notes if note.event == LogEvent.BOOST_DISABLED]
    assert [note.level for note in off] == [NoteLevel.WARNING]
    grid.ack("c3")
    grid.pass_ms(3_600_000)
    assert grid.count(LogEvent.BOOST_ENABLED) == 1


@pytest.mark.parametrize("quote", ["none", "stale"])
def test_scenario_17_boost_without_a_fresh_price_rests(quote):
    grid = boosted()
    grid.stale()
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]
