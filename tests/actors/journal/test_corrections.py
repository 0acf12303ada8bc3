"""Prices and fees that are learned late, and closings that a kill came ahead of, are in the books of the next run."""

from dataclasses import replace

import pytest

from actors.messages import FillCorrected, ProfitCorrected
from exchanges.values import TradeId
from tests.actors.journal.desk import D, close_order, closed, entry, filled, order_id


def corrected(sequence=1, leg=0, *, quantity="1", price="100", assumed="100", fee="0", trade: str | None = "t1"):
    return FillCorrected(
        grid="btc",
        client_order_id=order_id(sequence, leg),
        quantity=D(quantity),
        price=D(price),
        assumed_price=D(assumed),
        fee=D(fee),
        trade_id=None if trade is None else TradeId(trade),
        is_maker=True,
        occurred_wall_ns=7,
    )


def fills(desk):
    return desk.rows("SELECT trade_id, price, quantity, fee FROM fills ORDER BY seq")


def test_the_execution_takes_the_place_of_what_was_assumed(desk):
    desk.tell(entry(1), filled(leaves="0"), corrected(price="99.5", fee="0.05"))
    assert fills(desk) == [("t1", "99.5", "1", "0.05")]
    grid = desk.grid()
    assert (grid.lots[0].entry_filled, grid.lots[0].entry_notional, grid.lots[0].fees) == (D(1), D("99.5"), D("0.05"))
    assert grid.fees == D("0.05")


def test_several_executions_explain_one_total_piece_by_piece(desk):
    desk.tell(
        entry(1),
        filled(leaves="0"),
        corrected(quantity="0.4", fee="0.04", trade="a"),
        corrected(quantity="0.6", fee="0.06", trade="b"),
    )
    assert fills(desk) == [("a", "100", "0.4", "0.04"), ("b", "100", "0.6", "0.06")]
    assert desk.grid().fees == D("0.1")


def test_an_execution_that_was_new_in_part_is_one_row(desk):
    desk.tell(
        entry(1),
        filled(quantity="0.4", leaves="0.6"),
        filled(quantity="0.6", cumulative="1", leaves="0", trade="t1", fee="0.1"),
        corrected(quantity="0.4"),
    )
    assert fills(desk) == [("t1", "100", "1", "0.1")]
    assert desk.grid().fees == D("0.1")


def told_twice(desk, *, price="101", fee="0.04"):
    """An entry of 1 of which two totals were told: 0.4 at 100, and 0.6 more at another price, with fees."""
    desk.tell(
        entry(1),
        filled(quantity="0.4", leaves="0.6", fee="0.02"),
        filled(quantity="0.6", cumulative="1", price=price, leaves="0", fee=fee),
    )


def test_what_was_told_first_is_explained_first_and_the_rest_keeps_its_price_and_fee(desk):
    told_twice(desk)
    desk.tell(corrected(quantity="0.7", price="101", assumed="100.4285714285714285714285714", fee="0.03", trade="a"))
    assert fills(desk) == [
        (None, "101", "0.3", "0.02"),
        ("a", "101", "0.7", "0.07"),
    ]
    (known,) = desk.restart().markets["aster", "BTCUSDT"].orders
    assert [(trade.price, trade.quantity, trade.fee) for trade in known.trades if trade.trade_id is None] == [
        (D(101), D("0.3"), D("0.02"))
    ]


def test_a_correction_without_an_id_keeps_the_totals_that_tell_its_parts_apart(desk):
    """Found in review: a part and its rest had the same total and quantity, and the journal ended."""
    desk.tell(entry(1, quantity="2"), filled(quantity="2", leaves="0"))
    desk.tell(corrected(quantity="1", price="99", assumed="100", fee="0.1", trade=None))
    desk.tell(corrected(quantity="1", price="98", assumed="100", fee="0.2", trade=None))
    rows = desk.rows("SELECT price, quantity, cumulative, fee FROM fills ORDER BY price")
    assert rows == [("98", "1", "2", "0.2"), ("99", "1", "1", "0.1")]
    lot = desk.grid().lots[0]
    assert (lot.entry_filled, lot.entry_notional, lot.fees) == (D(2), D(197), D("0.3"))


def test_a_correction_without_an_id_of_two_totals_corrects_each(desk):
    told_twice(desk)
    desk.tell(corrected(quantity="1", price="99", assumed="100.6", fee="0.04", trade=None))
    rows = desk.rows("SELECT price, quantity, cumulative, fee FROM fills ORDER BY seq")
    assert rows == [("99", "0.4", "0.4", "0.036"), ("99", "0.6", "1", "0.064")]


def test_a_correction_of_nothing_that_is_known_changes_nothing(desk):
    desk.tell(corrected(9, fee="1"), entry(1), filled(leaves="0", trade="t1", fee="0.1"), corrected(fee="0.1"))
    grid = desk.grid()
    assert grid.fees == D("0.1")
    assert grid.lots[0].fees == D("0.1")


def test_an_exits_correction_changes_its_side_of_the_lot(desk):
    desk.tell(
        entry(1),
        filled(leaves="0", trade="e"),
        close_order(1),
        filled(1, 1, quantity="0.4", price="101", leaves="0.6"),
        corrected(1, 1, quantity="0.4", price="102", assumed="101", fee="0.01", trade="x"),
    )
    lot = desk.grid().lots[0]
    assert (lot.exit_filled, lot.exit_notional, lot.fees) == (D("0.4"), D("40.8"), D("0.01"))


def test_a_correction_of_profit_is_added_and_waives_no_cooldown(desk):
    desk.tell(
        entry(1), filled(leaves="0", trade="e"), close_order(1), filled(1, 1, price="101", leaves="0", trade="x"),
        closed(1, pnl="1"), entry(2),
        ProfitCorrected(grid="btc", lot=1, realized_pnl=D("-0.2"), fees=D("0.2")),
    )  # fmt: skip
    grid = desk.grid()
    assert grid.realized_pnl == D("0.8")
    assert grid.realized_pnl_today == D("0.8")
    assert not grid.ladder_waived


CLOSED = (
    entry(1),
    filled(leaves="0", trade="e", fee="0.1"),
    close_order(1),
    filled(1, 1, price="103", leaves="0", trade="x", fee="0.2"),
)


def test_a_closing_that_was_never_written_is_booked_by_the_next_run(desk):
    desk.tell(*CLOSED)
    grid = desk.grid()
    assert (grid.lots, grid.realized_pnl, grid.fees) == ((), D("2.7"), D("0.3"))
    assert grid.realized_pnl_today == D("2.7")
    assert grid.ladder_waived
    assert desk.grid().realized_pnl == D("2.7")
    assert desk.rows("SELECT quantity, entry_price, exit_price, realized_pnl, fees FROM closings") == [
        ("1", "100", "103", "2.7", "0.3")
    ]


@pytest.mark.parametrize("spelling", ["1", "1.0"])
def test_a_closing_that_was_written_is_not_booked_again(desk, spelling):
    desk.tell(*CLOSED, replace(closed(1, pnl="2.7", fees="0.3"), quantity=D(spelling)))
    assert desk.grid().realized_pnl == D("2.7")
    assert desk.grid().realized_pnl == D("2.7")


def test_of_a_lot_that_a_late_fill_opened_again_only_the_rest_is_booked(desk):
    desk.tell(
        entry(1), filled(quantity="0.4", leaves="0.6", trade="e", fee="0.1"), close_order(1, quantity="0.4"),
        filled(1, 1, quantity="0.4", price="103", leaves="0", trade="x"),
        closed(1, pnl="1.1", fees="0.1", quantity="0.4"),
        filled(quantity="0.6", cumulative="1", leaves="0", trade="f", fee="0.2"), close_order(1, 2, quantity="0.6"),
        filled(1, 2, quantity="0.6", price="102", leaves="0", trade="y"),
    )  # fmt: skip
    assert desk.grid().realized_pnl == D("1.1") + D("1.2") - D("0.2")
