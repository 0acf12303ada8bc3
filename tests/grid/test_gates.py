"""Gates: each reason why no entry is placed, at its boundary, for grids that buy and grids that sell."""

from dataclasses import replace

import pytest

from actors.grid import gates
from actors.grid.risk import DeskExposure
from actors.grid.settings import Direction, MismatchAction
from actors.grid.state import (
    SECOND_NS,
    Backoff,
    Feed,
    Flattening,
    GridState,
    IdBlock,
    Ladder,
    Latch,
    LotsView,
    Mode,
    PendingEntry,
    Quote,
)
from actors.messages import LatchKind
from exchanges.values import ClientOrderId
from tests.grid.harness import D, make_context

NOW_NS = 1_000 * SECOND_NS
QUOTE = Quote(D("100.0"), D("100.1"), NOW_NS)
ENTRY = PendingEntry(client_order_id=ClientOrderId(1), lot=1, price=D(100), quantity=D(1), placed_ns=NOW_NS)
OPEN = GridState(is_connected=True, quote=QUOTE, ids=IdBlock(ranges=((1, 64),)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"lots": LotsView(open_lots=5, position=D(1))}, ""),
        ({"mode": Mode.HALTED, "latch": Latch(kind=LatchKind.STOP_PRICE, text="", flatten=True)}, "halted: stop_price"),
        ({"mode": Mode.PAUSED, "pause_reason": "operator"}, "paused: operator"),
        ({"is_connected": False}, "not connected"),
        ({"feed": Feed.LOST}, "stream lost"),
        ({"strays": (ENTRY,)}, "another entry is not proven ended"),
        ({"flattening": Flattening(reason="operator", deadline_ns=0)}, "flattening"),
        ({"lots": LotsView(is_known=False)}, "lots not told yet"),
        ({"lots": LotsView(mismatch=True)}, "position mismatch"),
        ({"lots": LotsView(unprotected_quantity=D("0.001"))}, "a lot has no exit yet"),
        ({"ids": IdBlock()}, "no reserved ids"),
        ({"quote": None}, "no price"),
        ({"quote": replace(QUOTE, is_stale=True)}, "price stale"),
        ({"price_paused": True}, "pause price"),
    ],
)
def test_each_thing_that_stands_in_the_way_of_an_entry_is_named(changes, reason):
    assert gates.standing_reason(make_context(), replace(OPEN, **changes), NOW_NS) == reason


def test_no_entry_while_the_market_is_closed():
    assert gates.standing_reason(make_context(rules={"is_trading": False}), OPEN, NOW_NS) == "market closed"


@pytest.mark.parametrize(("lots", "reason"), [(5, ""), (6, "max orders"), (7, "max orders")])
def test_no_more_lots_than_the_limit(lots, reason):
    state = replace(OPEN, lots=LotsView(open_lots=lots))
    assert gates.timing_reason(make_context(max_orders=6), state, NOW_NS) == reason


@pytest.mark.parametrize(("wait_ns", "reason"), [(1, "post-only refused"), (0, "")])
def test_after_a_refusal_an_entry_waits_to_the_nanosecond(wait_ns, reason):
    state = replace(OPEN, backoff=Backoff(until_ns=NOW_NS + wait_ns, reason="post-only refused"))
    assert gates.timing_reason(make_context(), state, NOW_NS) == reason


@pytest.mark.parametrize(
    ("ladder", "reason"),
    [
        (Ladder(since_ns=NOW_NS - 2 * SECOND_NS + 1), "cooldown"),
        (Ladder(since_ns=NOW_NS - 2 * SECOND_NS), ""),
        (Ladder(since_ns=NOW_NS, is_waived=True), ""),
        (Ladder(since_ns=None), ""),
    ],
)
def test_the_cooldown_ends_to_the_nanosecond(ladder, reason):
    context = make_context(wait_time_s=D(8), max_orders=6)
    assert gates.timing_reason(context, replace(OPEN, ladder=ladder), NOW_NS) == reason


def test_the_cooldown_grows_at_a_sixth_a_third_and_two_thirds_of_the_lots():
    delays = {lots: gates.ladder_delay_s(D(20), lots, 12) for lots in (0, 1, 2, 3, 4, 7, 8, 11)}
    assert delays == {0: 5, 1: 5, 2: 10, 3: 10, 4: 20, 7: 20, 8: 40, 11: 40}
    assert gates.ladder_delay_s(D(20), 1, 7) == 5
    assert gates.ladder_delay_s(D(20), 3, 10) == 10
    assert gates.ladder_delay_s(D(20), 3, 5) == 20


def test_the_cooldown_is_that_of_the_lots_that_are_open():
    state = replace(OPEN, ladder=Ladder(since_ns=NOW_NS), lots=LotsView(open_lots=4))
    context = make_context(wait_time_s=D("0.5"), max_orders=6)
    assert gates.ladder_open_ns(context, state) == NOW_NS + SECOND_NS


@pytest.mark.parametrize(
    ("direction", "take_profit_pct", "exits", "narrow", "wide"),
    [
        # the exit of an entry at 80 is 100, and 100.5 is half a percent above it
        (Direction.BUY, 25, ("100.5", "200"), "80", "79.92"),
        # the exit of an entry at 100.5 is 80.4, half a percent above 80
        (Direction.SELL, 20, ("80", "50"), "100.5", "100.625"),
    ],
)
def test_an_entry_keeps_the_grid_step_from_the_nearest_exit(direction, take_profit_pct, exits, narrow, wide):
    context = make_context(direction=direction, take_profit_pct=D(take_profit_pct), grid_step_pct=D("0.5"))
    prices = tuple(map(D, exits))
    assert not gates.is_step_wide(context, prices, D(narrow))
    assert gates.is_step_wide(context, prices, D(wide))
    assert gates.is_step_wide(context, (), D(narrow))
    state = replace(OPEN, lots=LotsView(exit_prices=prices))
    assert gates.candidate_reason(context, state, DeskExposure(), D(narrow), D(1)) == "grid step"
    assert gates.candidate_reason(context, state, DeskExposure(), D(wide), D(1)) == ""


def test_without_a_grid_step_exits_may_stand_at_one_price():
    assert gates.is_step_wide(make_context(grid_step_pct=D(0)), (D("101.0"),), D(100))


def test_a_limit_is_asked_with_the_whole_notional_of_the_entry():
    desk = DeskExposure(max_position_usd=D(200))
    assert gates.candidate_reason(make_context(), OPEN, desk, D(100), D(2)) == ""
    assert gates.candidate_reason(make_context(), OPEN, desk, D(100), D("2.001")) == "max_position_usd"


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({}, {"on_mismatch": MismatchAction.DRAIN}, ""),
        ({"mode": Mode.PAUSED}, {}, ""),
        ({"mode": Mode.HALTED}, {}, "stop"),
        ({"is_draining": True}, {}, "stopping"),
        ({"price_paused": True}, {"pause_cancels_entry": True}, "pause price"),
        ({"price_paused": True}, {"pause_cancels_entry": False}, ""),
        ({"lots": LotsView(mismatch=True)}, {"on_mismatch": MismatchAction.DRAIN}, "position mismatch"),
        ({"lots": LotsView(mismatch=True)}, {"on_mismatch": MismatchAction.HALT}, "position mismatch"),
        ({"lots": LotsView(mismatch=True)}, {"on_mismatch": MismatchAction.BLOCK_ENTRIES}, ""),
    ],
)
def test_a_resting_entry_is_canceled_only_for_a_named_reason(changes, settings, reason):
    assert gates.blocks_live_entry(make_context(**settings), replace(OPEN, **changes)) == reason
