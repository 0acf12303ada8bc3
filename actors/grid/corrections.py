"""Prices and fees that are learned after their quantity: what a lost report would have said.

A quantity that only a cumulative told of was booked at an assumed price and without a fee, because its exit must not
wait. When the execution behind it is known, the difference goes to its lot, whose profit is reckoned at its end; where
the lot is closed already, to the profit that was told for it.
"""

from decimal import Decimal

from actors.grid.draft import Draft
from actors.grid.positions import find_exit, find_lot, put_lot
from actors.grid.state import ExitBook
from actors.messages import FillCorrected, ProfitCorrected
from exchanges.order_ids import OrderRole, unpack
from exchanges.records import replace


def correct(draft: Draft[ExitBook], event: FillCorrected) -> None:
    """Book the real price and fee of fills that were told before. An exit's difference goes to its first lot."""
    key = unpack(event.client_order_id)
    if key is None:
        return
    is_entry = key.role is OrderRole.ENTRY
    change = (event.price - event.assumed_price) * event.quantity
    book = draft.state
    draft.state = replace(book, counters=replace(book.counters, fees=book.counters.fees + event.fee))
    order = find_exit(book, event.client_order_id)
    number = key.sequence if order is None else order.lot
    lot = find_lot(book, number)
    if lot is None:
        _correct_profit(draft, event, number, -change if is_entry else change)
    elif is_entry:
        notional, fees = lot.entry_notional + change, lot.entry_fees + event.fee
        put_lot(draft, replace(lot, entry_notional=notional, entry_fees=fees))
    else:
        notional, fees = lot.exit_notional + change, lot.exit_fees + event.fee
        put_lot(draft, replace(lot, exit_notional=notional, exit_fees=fees))


def _correct_profit(draft: Draft[ExitBook], event: FillCorrected, lot: int, gain: Decimal) -> None:
    profit = gain * draft.context.sign - event.fee
    counters = draft.state.counters
    draft.state = replace(draft.state, counters=replace(counters, realized_pnl=counters.realized_pnl + profit))
    draft.emit(ProfitCorrected(grid=draft.context.name, lot=lot, realized_pnl=profit, fees=event.fee))
