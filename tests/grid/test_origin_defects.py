"""One regression test for every severity-1 and severity-2 defect of ORIGIN.md A.6 that the core answers for.

Not here, because no core rule is involved: 6 and 15, 16 (attribution and totals: tests of the fill ledger and client),
10, 13, 18, 20, 21, 27 (venue clients), 22 (PriceStream), 23 (streams), 34 (configuration). The core's share of 13, 15,
16, 18, 22 and 34 is tested all the same.
"""

import pytest

from actors.grid import cycle, pricing
from actors.grid.restore import RestoredGrid
from actors.grid.risk import DeskExposure
from actors.grid.settings import EntrySettings, LotTimeoutAction, TakeProfitBasis
from actors.grid.state import Mode, Quote
from actors.messages import PauseEntries, PlaceMarketOrder, QueryFailed
from exchanges.order_ids import OrderKey, pack
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness, make_context
from tests.grid.test_scenarios_recovery import killed, restored_entry, restored_exit, restored_lot


def with_lot(**settings):
    grid = Harness(**settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    return grid


def test_defect_01_second_partial_overwrites_the_first():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    grid.fill("c1", "t2", "0.700")
    assert sum(order.quantity for order in grid.exits.orders) == 1


def test_defect_02_ready_after_the_first_partial():
    grid = Harness(grid_step_pct=D(0))
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    grid.ack("c2")
    grid.pass_ms(120_000)
    assert not grid.is_ready
    assert grid.places() == ["c1 buy 1@99.9", "c2 sell 0.3@100.9"]
    grid.fill("c1", "t2", "0.700")
    assert grid.take() == ["c3 sell 0.7@100.9"]


def test_defect_03_completed_exit_is_posted_again():
    grid = with_lot()
    grid.tell(PauseEntries())
    grid.fill("c2", "t2", "1.000")
    for _ in range(20):
        grid.pass_ms(5_000)
        grid.listed()
    assert grid.take() == []


def test_defect_04_exit_gated_by_entry_conditions():
    grid = Harness()
    grid.ack("c1")
    grid.tell(PauseEntries())
    grid.price("110.0", "110.1")
    grid.take()
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]


def test_defect_05_partly_filled_and_canceled_entry_is_naked():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.done("c1", CancelReason.REQUESTED, "0.400")
    assert grid.take() == ["c2 sell 0.4@100.9"]


def test_defect_07_stop_price_leaves_the_live_entry():
    grid = with_lot(stop_price=D(95), grid_step_pct=D(0))
    grid.pass_ms(8_000)
    grid.ack("c3")
    grid.take()
    grid.mid("94.0")
    grid.pass_ms(500)
    assert grid.take() == ["cancel c3"]
    grid.fill("c3", "t3", "0.250")
    grid.done("c3", CancelReason.REQUESTED, "0.250")
    grid.ack("c4")
    for name in ("c2", "c4"):
        grid.done(name, CancelReason.REQUESTED, "0")
    ioc = [command for command in grid.commands if isinstance(command, PlaceMarketOrder)]
    assert [order.quantity for order in ioc] == [D("1.25")]


def test_defect_08_retry_uses_the_full_size():
    grid = with_lot()
    grid.fill("c2", "t2", "0.600")
    grid.done("c2", CancelReason.EXPIRED, "0.600")
    for number in range(3, 8):
        name = f"c{number}"
        assert grid.orders[name].command.quantity == D("0.4")
        assert grid.orders[name].command.reduce_only
        grid.reject(name, RejectReason.POST_ONLY)
        grid.pass_ms(250)


def test_defect_09_exit_fill_taken_for_an_entry_fill():
    grid = with_lot(grid_step_pct=D(0))
    grid.pass_ms(4_000)
    grid.ack("c3")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.take()
    pending = grid.state.pending
    grid.ack("c4")
    grid.fill("c4", "t9", "1.000")
    assert grid.state.pending == pending
    assert grid.take() == []


def test_defect_11_failed_query_read_as_no_orders():
    grid = with_lot()
    for owner in ("strategy", "closer"):
        grid.give(owner, QueryFailed(grid="g", what="open orders", error="503"))
    grid.pass_ms(10_000)
    assert grid.take() == []
    grid.listed()
    assert grid.take() == ["query c2"]
    grid.settled("c2", OrderStatus.OPEN, "0")
    assert grid.take() == []


def test_defect_12_failed_position_query_means_flat():
    grid = with_lot(desk=DeskExposure(max_margin_usd=D(8)), grid_step_pct=D(0))
    grid.give("strategy", QueryFailed(grid="g", what="position", error="503"))
    grid.pass_ms(60_000)
    assert grid.state.blocked_reason == "max_margin_usd"
    assert grid.held == 1


def test_defect_13_position_taken_for_a_fill():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.position("3.000")
    grid.pass_ms(2_000)
    grid.position("3.000")
    assert grid.held == 0
    assert "query c1" in grid.take()


def test_defect_14_ids_used_again_after_a_restart():
    grid = killed(lots=[restored_lot(attempts=1, done=True)], orders=[restored_exit()])
    grid.settled("c1", OrderStatus.CANCELED, "0")
    grid.connect("0.500")
    number = grid.commands[0].client_order_id
    assert number == pack(OrderKey(7, 1, 2))
    grid.ack("c2")
    grid.price("98.0", "98.1")
    grid.pass_ms(20_000)
    assert [order.command.lot for order in grid.orders.values() if order.is_entry] == [65]


def test_defect_15_rest_poll_hides_a_fill():
    grid = Harness()
    grid.ack("c1")
    grid.cumulative("c1", "0.400")
    grid.fill("c1", "t1", "0.400")
    grid.fill("c1", "t2", "0.600")
    assert grid.held == 1
    assert sum(order.quantity for order in grid.exits.orders) == 1


def test_defect_16_stale_cumulative_counts_again():
    grid = Harness()
    grid.ack("c1")
    for total in ("0.600", "1.000", "0.600", "1.000"):
        grid.cumulative("c1", total)
    assert grid.held == 1


def test_defect_17_timed_out_entry_had_filled():
    grid = Harness(entry_timeout_s=D(60))
    grid.ack("c1")
    grid.take()
    grid.pass_ms(60_000)
    assert grid.take() == ["cancel c1"]
    grid.cancel_failed("c1")
    assert grid.take() == ["query c1"]
    assert not grid.is_ready
    grid.settled("c1", OrderStatus.FILLED, "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]


def test_defect_18_filled_order_taken_for_canceled():
    grid = Harness()
    grid.ack("c1")
    grid.take()
    grid.pass_ms(3_000)
    grid.listed()
    assert grid.take() == ["query c1"]
    grid.settled("c1", OrderStatus.FILLED, "1.000")
    assert grid.take() == ["c2 sell 1@100.9"]
    assert grid.state.counters.entries_placed == 1


def test_defect_19_nothing_is_restored():
    grid = killed(
        lots=[restored_lot(attempts=1)],
        orders=[restored_entry(filled="0.500"), restored_exit()],
        realized_pnl=D(12),
    )
    grid.settled("c1", OrderStatus.PARTIALLY_FILLED, "0.500")
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.connect("0.500")
    assert grid.take() == []
    assert grid.state.pending.lot == 1
    assert grid.held == D("0.5")
    assert grid.state.lots.realized_pnl == 12


def test_defect_22_frozen_feed_looks_fresh():
    grid = Harness(stop_price=D(95))
    grid.ack("c1")
    grid.done("c1", CancelReason.REQUESTED, "0")
    grid.take()
    grid.pass_ms(30_000, alive=False)
    assert grid.take() == []
    assert grid.state.blocked_reason == "price stale"
    grid.price("94.0", "94.1", age_ms=2_000)
    grid.pass_ms(5_000, alive=False)
    assert grid.state.latch is None


def test_defect_24_market_close_before_the_exits_are_canceled():
    grid = with_lot(stop_price=D(95))
    grid.mid("94.0")
    grid.pass_ms(500)
    assert grid.take() == ["cancel c2"]
    grid.fill("c2", "t2", "1.000")
    grid.pass_ms(5_000)
    assert grid.take() == []
    assert grid.state.flattening is None


def test_defect_25_stop_closes_what_is_not_ours():
    grid = Harness(connect=False, stop_price=D(95))
    grid.reserve()
    grid.connect("5.000")
    grid.price("100.0", "100.1")
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.position("6.000")
    assert not grid.state.lots.mismatch
    grid.mid("94.0")
    grid.pass_ms(500)
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["cancel c2", "c3 ioc sell 1@93.9"]


def test_defect_26_accepted_exit_not_listed_yet():
    grid = with_lot()
    grid.listed()
    grid.pass_ms(1_900)
    grid.listed()
    assert grid.take() == []


def test_defect_28_target_depends_on_a_snapshot():
    margin = make_context(take_profit_pct=D(10), take_profit_basis=TakeProfitBasis.MARGIN, leverage=10)
    assert {pricing.target_price(margin, D("99.9")) for _ in range(3)} == {D("100.9")}
    grid = Harness(context=margin)
    grid.ack("c1")
    grid.position("7")
    grid.fill("c1", "t1", "1.000")
    assert grid.exits.orders[0].price == D("100.9")


def test_defect_30_entry_is_never_moved():
    grid = Harness(entry_requote_after_s=D(15))
    grid.ack("c1")
    grid.take()
    grid.price("110.0", "110.1")
    grid.pass_ms(15_000)
    assert grid.take() == ["cancel c1"]
    grid.done("c1", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c2 buy 0.909@109.9"]


def test_defect_31_stop_resumes_by_itself():
    grid = with_lot(stop_price=D(95))
    grid.mid("94.0")
    grid.pass_ms(500)
    notes = len(grid.notes)
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.fill("c3", "t3", "1.000", "94.0")
    grid.mid("99.0")
    grid.pass_ms(600_000)
    assert grid.state.mode is Mode.HALTED
    assert len(grid.notes) - notes < 8


def test_defect_34_missing_size_becomes_one_unit():
    with pytest.raises(TypeError, match="order_notional_usd"):
        EntrySettings()


def test_defect_35_rounding_below_the_minimum():
    context = make_context(order_notional_usd=D(10), rules={"step": D("0.01"), "min_quantity": D("0.01")})
    quote = Quote(D("100.0"), D("100.1"), 0)
    quantity = pricing.entry_quantity(context, quote, D("99.9"))
    assert quantity == D("0.11")
    assert quantity * D("99.9") >= 10


def test_defect_38_untracked_after_a_timeout():
    grid = with_lot(lot_timeout_s=D(60), lot_timeout_action=LotTimeoutAction.CLOSE, max_orders=1)
    grid.pass_ms(60_000)
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.commands[-1].reduce_only
    grid.done("c3", CancelReason.IMMEDIATE, "0")
    assert grid.held == 1
    grid.pass_ms(250)
    assert grid.take()[-1].startswith("c4 ioc sell 1")


def test_defect_40_other_orders_count_as_ours():
    grid = Harness(max_orders=1)
    foreign = cycle.step(
        grid.context,
        grid.state,
        cycle.ActiveOrdersListed(grid="g", client_order_ids=frozenset(), foreign=9, asked_ns=grid.now_ns),
        grid.now_ns,
    )
    assert foreign.state.lots.open_lots == 0
    restored = RestoredGrid(grid="g")
    assert cycle.initial(grid.context, restored, 0, 0).pending is None
