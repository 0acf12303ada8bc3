"""Defects in what is made of the venue's reports and answers: counted twice, not at all, or made up."""

from decimal import Decimal
from typing import Any, Final

from actors.connection import ExchangeConnection
from actors.connection_reads import VenueReads
from actors.grid.draft import Draft
from actors.grid.state import ExitBook, Mismatch
from actors.messages import ActiveOrdersListed, OrderNotFound, PositionRead
from actors.steps import Failure
from exchanges.client import ExchangeClient
from exchanges.errors import UnknownOrder
from exchanges.fill_events import Fill, LedgerEvent, LedgerUpdate, Stamp
from exchanges.fills import FillLedger
from exchanges.order_account import OrderAccount
from exchanges.order_ids import FIRST_EXIT_LEG, unpack
from exchanges.records import replace
from exchanges.reports import FillReport, NoticeKind, OrderReport, StreamNotice
from exchanges.values import ZERO, ClientOrderId, OrderStatus
from tests.simulation.planted.bugs import Bug

_take_order, _take_fill, _apply = FillLedger._take_order, FillLedger._take_fill, FillLedger.apply
_trade, _tell = OrderAccount.trade, ExchangeClient._tell
_tell_failed, _tell_unsettled = VenueReads._tell_failed, VenueReads._tell_unsettled
_on_notice = ExchangeConnection._on_notice


def _canceled_is_unfilled(
    self: FillLedger, account: OrderAccount, report: OrderReport, stamp: Stamp, events: list[LedgerEvent]
) -> None:
    if report.status.is_terminal and report.status is not OrderStatus.FILLED:
        report = replace(report, filled=account.applied)
    _take_order(self, account, report, stamp, events)


def _total_is_taken_untold(
    self: FillLedger, account: OrderAccount, report: OrderReport, stamp: Stamp, events: list[LedgerEvent]
) -> None:
    account.applied = max(account.applied, report.filled)
    _take_order(self, account, report, stamp, events)


def _stale_total_lowers(
    self: FillLedger, account: OrderAccount, report: OrderReport, stamp: Stamp, events: list[LedgerEvent]
) -> None:
    account.applied = min(account.applied, report.filled)
    _take_order(self, account, report, stamp, events)


def _total_is_added(self: OrderAccount, report: FillReport, stamp: Stamp, events: list[LedgerEvent]) -> None:
    _trade(self, replace(report, quantity=self.applied + report.quantity), stamp, events)


def _limit_price_is_fill_price(
    self: FillLedger, account: OrderAccount, report: FillReport, stamp: Stamp, events: list[LedgerEvent]
) -> None:
    _take_fill(self, account, replace(report, price=account.price or report.price), stamp, events)


def _fees_are_nothing(
    self: FillLedger, account: OrderAccount, report: FillReport, stamp: Stamp, events: list[LedgerEvent]
) -> None:
    _take_fill(self, account, replace(report, fee=ZERO), stamp, events)


def _strangers_id_is_dropped(
    self: FillLedger, report: OrderReport | FillReport, *, received_ns: int = 0
) -> LedgerUpdate:
    if isinstance(report, FillReport) and report.client_order_id is None:
        return LedgerUpdate()
    return _apply(self, report, received_ns=received_ns)


def _only_whole_orders(self: ExchangeClient, update: LedgerUpdate) -> None:
    told = []
    for event in update.events:
        if not isinstance(event, Fill):
            told.append(event)
        elif event.leaves is not None and event.leaves <= 0:
            told.append(replace(event, quantity=event.cumulative))
    _tell(self, replace(update, events=tuple(told)))


def _failed_reading_is_flat(self: VenueReads, grid: Any, what: str, failure: Failure) -> None:
    _tell_failed(self, grid, what, failure)
    if what == "position":
        flat = PositionRead(
            grid=grid.name, quantity=ZERO, entry_price=ZERO, liquidation_price=None, asked_ns=failure.asked_ns
        )
        self._facts.tell_both(flat)


def _one_reading_is_a_fact(draft: Draft[ExitBook], reading: Decimal, asked_ns: int) -> None:
    mismatch = Mismatch(least=reading, most=reading, asked_ns=asked_ns)
    draft.state = replace(draft.state, suspicion=None, mismatch=mismatch, is_agreed=False)


def _failed_list_is_empty(self: VenueReads, grid: Any, what: str, failure: Failure) -> None:
    if what == "active_orders":
        empty = ActiveOrdersListed(grid=grid.name, client_order_ids=frozenset(), foreign=0, asked_ns=failure.asked_ns)
        self._facts.tell_both(empty, journaled=False)


def _failed_question_is_no(self: VenueReads, grid: str, client_order_id: ClientOrderId, failure: Failure) -> None:
    no = OrderNotFound(grid=grid, client_order_id=client_order_id, asked_ns=failure.asked_ns)
    self._facts.tell_owner(no)


def _absent_is_filled(self: VenueReads, grid: str, client_order_id: ClientOrderId, failure: Failure) -> None:
    tracked = self._client.order(client_order_id)
    if tracked is None or not isinstance(failure.error, UnknownOrder):
        _tell_unsettled(self, grid, client_order_id, failure)
        return
    request = tracked.request
    filled = OrderReport(
        symbol=request.symbol,
        client_order_id=client_order_id,
        order_id=None,
        status=OrderStatus.FILLED,
        side=request.side,
        price=request.price or ZERO,
        quantity=request.quantity,
        filled=request.quantity,
        occurred_ns=0,
        received_ns=0,
    )
    self._client.apply(filled, received_ns=failure.asked_ns)


def _expiry_is_only_noted(self: ExchangeConnection, notice: StreamNotice) -> None:
    if notice.kind is not NoticeKind.CREDENTIAL_EXPIRED:
        _on_notice(self, notice)


def _later_exits_are_entries(owners: Any, client_order_id: ClientOrderId) -> Any:
    key = unpack(client_order_id)
    return owners.closer if key is not None and key.leg == FIRST_EXIT_LEG else owners.strategy


REPORT_BUGS: Final = (
    Bug(
        name="canceled-is-unfilled",
        source="RELIABILITY.md A.2 cause 4; ORIGIN.md A.6 #5",
        what="What a report of a canceled order says of its fills is not read.",
        patches=(("exchanges.fills.FillLedger._take_order", _canceled_is_unfilled),),
        needs=("frame_lost", "cut"),
        unit_test="exchanges/test_fills.py::test_cancel_report_behind_the_trades_does_not_agree",
    ),
    Bug(
        name="total-swallows-fill",
        source="ORIGIN.md A.6 #15",
        what="A poll that sees a fill first notes the new total and tells nobody.",
        patches=(("exchanges.fills.FillLedger._take_order", _total_is_taken_untold),),
        needs=("frame_lost", "frame_late", "cut"),
        seed=1,
    ),
    Bug(
        name="stale-total-lowers",
        source="ORIGIN.md A.6 #16",
        what="A stale lower total replaces the higher one, and the difference is counted again.",
        patches=(("exchanges.fills.FillLedger._take_order", _stale_total_lowers),),
        needs=("frame_again", "frame_swapped", "frame_late"),
        seed=1,
    ),
    Bug(
        name="total-as-delta",
        source="ORIGIN.md A.6 R1",
        what="The cumulative quantity of an execution report is added as if it were the execution's own.",
        patches=(("exchanges.order_account.OrderAccount.trade", _total_is_added),),
    ),
    Bug(
        name="limit-price-as-fill-price",
        source="ORIGIN.md A.6 #27",
        what="Fills are booked at the limit of their order.",
        patches=(("exchanges.fills.FillLedger._take_fill", _limit_price_is_fill_price),),
        needs=("flatten",),
        seed=4,
    ),
    Bug(
        name="fees-not-read",
        source="ORIGIN.md A.4",
        what="Fills are booked without their fee.",
        patches=(("exchanges.fills.FillLedger._take_fill", _fees_are_nothing),),
    ),
    Bug(
        name="venue-id-unknown",
        source="ORIGIN.md A.6 #6",
        what="Fills that name only the venue's order id are dropped.",
        patches=(("exchanges.fills.FillLedger.apply", _strangers_id_is_dropped),),
        needs=("frame_lost", "cut"),
        seed=3,
    ),
    Bug(
        name="only-whole-fills",
        source="ORIGIN.md A.6 #5; RELIABILITY.md A.2 cause 10",
        what="A fill is told only when its order is filled completely.",
        patches=(("exchanges.client.ExchangeClient._tell", _only_whole_orders),),
    ),
    Bug(
        name="failed-position-is-flat",
        source="RELIABILITY.md A.2 cause 6; ORIGIN.md A.6 #12",
        what="A position that could not be read counts as 0, and what one reading says is done.",
        patches=(
            ("actors.connection_reads.VenueReads._tell_failed", _failed_reading_is_flat),
            ("actors.grid.mismatch._suspect", _one_reading_is_a_fact),
        ),
        needs=("partition", "outage"),
        seed=4,
    ),
    Bug(
        name="failed-query-is-empty",
        source="ORIGIN.md A.6 #11",
        what="A failed query of open orders says that there are none, a failed query of an order that it is not there.",
        patches=(
            ("actors.connection_reads.VenueReads._tell_failed", _failed_list_is_empty),
            ("actors.connection_reads.VenueReads._tell_unsettled", _failed_question_is_no),
        ),
        needs=("partition", "outage"),
        seed=22,
    ),
    Bug(
        name="absent-is-filled",
        source="ORIGIN.md A.6 #13",
        what="An order that the venue does not know is taken as filled with its whole size.",
        patches=(("actors.connection_reads.VenueReads._tell_unsettled", _absent_is_filled),),
        needs=("request_lost", "reset_before"),
        seed=1,
    ),
    Bug(
        name="expiry-only-noted",
        source="RELIABILITY.md A.2 cause 11; ORIGIN.md A.6 #23",
        what="The expiry of the stream's credential is noted, and the silent stream is kept.",
        patches=(("actors.connection.ExchangeConnection._on_notice", _expiry_is_only_noted),),
        venue="aster",
        needs=("listen_key",),
        seed=11,
    ),
    Bug(
        name="later-exit-is-an-entry",
        source="ORIGIN.md A.6 #9",
        what="The reports of an exit that was placed again go to the entry side.",
        patches=(("actors.connection_facts.Owners.of", _later_exits_are_entries),),
    ),
)
