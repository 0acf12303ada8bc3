"""The one place where reports of fills become fills: duplicates, stale and re-ordered reports vanish here.

A venue may tell of the same execution on the stream, in a reply, in a trade list, again after a reconnect, in any
order, with or without a trade id, before the order is acknowledged or after it was canceled. The ledger keeps one
account per order (`exchanges.order_account`) and answers each report with what is new. What is guaranteed for every
order, whatever arrives in whatever order and however often:

- the fills told add up to max(sum of distinct trades, highest cumulative), never to more than the order's size;
- every execution is told once; nothing told is taken back; the filled quantity never falls;
- acceptance and end are told once; a stale status changes nothing; a fill after the end still counts.

Fills that name only the venue's order id are joined as soon as that id is known to be ours, by any report or by `know`.
Accounts of ended orders can be forgotten: a short memory of them stays, so that repeats are still recognised and a late
fill still counts once.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from exchanges.fill_events import (
    Acceptance,
    Assumed,
    Doubt,
    Ending,
    Fill,
    FillCorrection,
    LedgerEvent,
    LedgerUpdate,
    OrderMemory,
    OrderState,
    Stamp,
)
from exchanges.order_account import OrderAccount
from exchanges.order_ids import unpack
from exchanges.reports import FillReport, OrderReport
from exchanges.values import ZERO, ClientOrderId, OrderId, OrderRequest, OrderStatus, Side, TradeId

_NOTHING = LedgerUpdate()


@dataclass(frozen=True, slots=True)
class RestoredTrade:
    """An execution that was told before a restart; without an id, what a total implied, at the price and fee told.

    The fee only matters without an id: a trade that explains the quantity later corrects it.
    """

    trade_id: TradeId | None
    price: Decimal
    quantity: Decimal
    fee: Decimal = ZERO


class FillLedger:
    """Fills of one venue's account. Pure; belongs to one thread (the ExchangeConnection's).

    Args:
        gap_patience_ns: A cumulative that is ahead of its trades normally counts at once (0): the exit of the missing
            part does not wait. With a patience it counts only when `release` is called that much later, so that trades
            delivered out of order keep their own split (venues/aster.md section 13.1).
        first_sequence: Number of the first fill.
        max_unattributed: Venue order ids for which fills are kept until their owner is known; the oldest go first.
        max_memories: Forgotten orders that are remembered; the oldest go first.

    Attributes:
        duplicates: Executions and endings that were told again.
        stale_updates: Order reports from a past that was over.
        dropped: Unattributed fills that were given up for lack of room.
    """

    def __init__(
        self,
        *,
        gap_patience_ns: int = 0,
        first_sequence: int = 1,
        max_unattributed: int = 1_000,
        max_memories: int = 100_000,
    ) -> None:
        self.duplicates = 0
        self.stale_updates = 0
        self.dropped = 0
        self._gap_patience_ns = gap_patience_ns
        self._sequences = count(first_sequence)
        self._max_unattributed = max_unattributed
        self._max_memories = max_memories
        self._accounts: dict[ClientOrderId, OrderAccount] = {}
        self._owners: dict[OrderId, ClientOrderId] = {}
        self._waiting: dict[OrderId, dict[object, tuple[FillReport, int]]] = {}
        self._memories: dict[ClientOrderId, OrderMemory] = {}
        self._too_old: dict[int, int] = defaultdict(int)
        """Per bot tag the highest lot sequence whose memory was given up."""

    def expect(self, order: OrderRequest) -> None:
        """Make an order known before it is sent: its size and price then need not be learned from reports."""
        if order.client_order_id not in self._accounts and order.client_order_id not in self._memories:
            self._open(order.client_order_id, order.symbol, order.side, order.price, order.quantity)

    def resize(self, client_order_id: ClientOrderId, quantity: Decimal) -> None:
        """Note that the order's size is another now: somebody else has changed it at the venue."""
        account = self._accounts.get(client_order_id)
        if account is not None:
            account.quantity = quantity

    def restore(
        self,
        order: OrderRequest,
        *,
        order_id: OrderId | None = None,
        trades: Iterable[RestoredTrade] = (),
        filled: Decimal = ZERO,
        status: OrderStatus = OrderStatus.UNKNOWN,
    ) -> None:
        """Start from what was told before a restart; none of it is told again.

        Args:
            order: As it was placed; an account that exists already is replaced.
            order_id: The venue's id, where it was known.
            trades: Executions told. Without them their fees would be told again when the venue lists the trades.
            filled: The filled quantity told, where it is more than the trades. The rest counts as told at the limit.
            status: Where the order stood; UNKNOWN if it was being placed. A terminal one is not told again.
        """
        account = self._open(order.client_order_id, order.symbol, order.side, order.price, order.quantity)
        ended_ns = 0 if status.is_terminal else None
        told = tuple(trades)
        known = {trade.trade_id: (trade.price, trade.quantity) for trade in told if trade.trade_id is not None}
        assumed = tuple(Assumed(trade.quantity, trade.price, trade.fee) for trade in told if trade.trade_id is None)
        account.preset(known, filled, status, ended_ns, assumed)
        if order_id is not None:
            self._owners[order_id] = order.client_order_id
            account.order_ids = (order_id,)

    def close(self, client_order_id: ClientOrderId, *, now_ns: int) -> None:
        """Note that an order never came to be, without telling it: from now on it can be forgotten.

        A fill that is reported all the same is told; an open status is told as a doubt.
        """
        account = self._accounts.get(client_order_id)
        if account is not None:
            account.close(now_ns)

    def know(self, order_id: OrderId, client_order_id: ClientOrderId, *, received_ns: int = 0) -> LedgerUpdate:
        """Learn whose a venue's order id is; fills that waited for it are told now."""
        events: list[LedgerEvent] = []
        self._learn_owner(order_id, client_order_id, events)
        self._join(order_id, client_order_id, received_ns, events)
        return LedgerUpdate(tuple(events))

    def disown(self, order_id: OrderId) -> None:
        """Drop fills that wait for an order id which turned out to be somebody else's."""
        self._waiting.pop(order_id, None)

    def apply(self, report: OrderReport | FillReport, *, received_ns: int = 0) -> LedgerUpdate:
        """Take a report and return what is new.

        Args:
            report: As parsed. The caller has made sure that a client order id in it is ours.
            received_ns: Monotonic time it was read at; passed on, and the start of a patience.
        """
        owner = report.client_order_id
        if owner is None and report.order_id is not None:
            owner = self._owners.get(report.order_id)
        if owner is None:
            return self._keep(report, received_ns)
        events: list[LedgerEvent] = []
        if report.order_id is not None:
            self._learn_owner(report.order_id, owner, events)
            self._join(report.order_id, owner, received_ns, events)
        account = self._account_of(owner, report, received_ns, events)
        if account is not None:
            stamp = Stamp(report.occurred_ns, report.received_ns, received_ns)
            if isinstance(report, OrderReport):
                self._take_order(account, report, stamp, events)
            else:
                self._take_fill(account, report, stamp, events)
        return LedgerUpdate(tuple(events)) if events else _NOTHING

    def release(self, now_ns: int) -> LedgerUpdate:
        """Let totals count whose trades did not arrive within the patience. Call on every tick where one is set."""
        events: list[LedgerEvent] = []
        before_ns, stamp = now_ns - self._gap_patience_ns, Stamp(0, 0, now_ns)
        for account in self._accounts.values():
            account.release(before_ns, stamp, events)
        return LedgerUpdate(tuple(events))

    def state(self, client_order_id: ClientOrderId) -> OrderState | None:
        """What is known of an order that was not forgotten, None where nothing is."""
        account = self._accounts.get(client_order_id)
        return None if account is None else account.state

    def filled(self, client_order_id: ClientOrderId) -> Decimal:
        """The filled quantity told so far, also of a forgotten order; 0 where nothing is known."""
        account = self._accounts.get(client_order_id)
        if account is not None:
            return account.applied
        memory = self._memories.get(client_order_id)
        return ZERO if memory is None else memory.filled

    def unexplained(self, client_order_id: ClientOrderId) -> Decimal:
        """The part of it that no trade explains yet: told at an assumed price and without a fee."""
        account = self._accounts.get(client_order_id)
        return ZERO if account is None else account.unexplained

    def owner(self, order_id: OrderId) -> ClientOrderId | None:
        """Our id of a venue's order, None where it is not known to be ours."""
        return self._owners.get(order_id)

    def forget_ended(self, before_ns: int) -> tuple[ClientOrderId, ...]:
        """Forget orders whose end was told before `before_ns` (monotonic); return their ids.

        Repeats of their reports still vanish and a late fill is still told: only the details are gone.
        """
        ended = tuple(
            client_order_id
            for client_order_id, account in self._accounts.items()
            if account.ended_ns is not None and account.ended_ns < before_ns
        )
        for client_order_id in ended:
            self._forget(self._accounts.pop(client_order_id))
        return ended

    def _open(
        self, client_order_id: ClientOrderId, symbol: str, side: Side, price: Decimal | None, quantity: Decimal | None
    ) -> OrderAccount:
        account = OrderAccount(
            client_order_id, symbol, side, self._sequences.__next__, price=price, quantity=quantity or None
        )
        self._accounts[client_order_id] = account
        return account

    def _account_of(
        self,
        client_order_id: ClientOrderId,
        report: OrderReport | FillReport,
        received_ns: int,
        events: list[LedgerEvent],
    ) -> OrderAccount | None:
        account = self._accounts.get(client_order_id)
        if account is not None:
            return account
        memory = self._memories.pop(client_order_id, None)
        if memory is not None:
            account = self._open(client_order_id, memory.symbol, memory.side, memory.price, memory.quantity)
            account.order_ids = memory.order_ids
            account.preset(memory.trades, memory.filled, memory.status, received_ns, memory.assumed)
            return account
        key = unpack(client_order_id)
        if key is not None and key.sequence <= self._too_old[key.bot_tag]:
            why = "a report of an order whose fills are no longer remembered"
            events.append(
                Doubt(client_order_id=client_order_id, order_id=report.order_id, symbol=report.symbol, why=why)
            )
            return None
        return self._open(client_order_id, report.symbol, report.side, None, None)

    def _take_order(self, account: OrderAccount, report: OrderReport, stamp: Stamp, events: list[LedgerEvent]) -> None:
        account.learn(report.price, report.quantity, report.order_id, events)
        if account.is_stale(report):
            self.stale_updates += 1
        elif account.repeats_end(report):
            self.duplicates += 1
        account.claim(report.filled, report.average_price, waits_from_ns=self._waits_from(stamp))
        account.status(report, stamp, events)
        account.settle(stamp, events)

    def _take_fill(self, account: OrderAccount, report: FillReport, stamp: Stamp, events: list[LedgerEvent]) -> None:
        account.learn(None, report.order_quantity, report.order_id, events)
        if report.trade_id is None and report.cumulative is None:
            account.doubt("an execution was told with neither a trade id nor a total", events)
            return
        if account.is_repeated_trade(report):
            self.duplicates += 1
            if account.repeated_trade_differs(report):
                account.doubt(f"trade {report.trade_id} was told twice with different figures", events)
        elif report.quantity <= 0:
            account.doubt(f"an execution of {report.quantity} was told", events)
        elif report.trade_id is None:
            account.slice(report, stamp, events)
        else:
            account.trade(report, stamp, events)
        if report.cumulative is not None:
            account.claim(report.cumulative, waits_from_ns=self._waits_from(stamp))
        account.settle(stamp, events)

    def _waits_from(self, stamp: Stamp) -> int | None:
        """From when on a total waits for its trades (monotonic), None where it counts at once."""
        return stamp.received_ns if self._gap_patience_ns else None

    def _keep(self, report: OrderReport | FillReport, received_ns: int) -> LedgerUpdate:
        """Hold a fill whose owner is not known yet."""
        if isinstance(report, FillReport) and report.order_id is not None:
            waiting = self._waiting.setdefault(report.order_id, {})
            key = report.trade_id if report.trade_id is not None else (report.cumulative, report.quantity)
            if key in waiting:
                self.duplicates += 1
                return _NOTHING
            waiting[key] = (report, received_ns)
            if len(self._waiting) > self._max_unattributed:
                self.dropped += len(self._waiting.pop(next(iter(self._waiting))))
        return LedgerUpdate(unattributed=(report,))

    def _join(self, order_id: OrderId, owner: ClientOrderId, received_ns: int, events: list[LedgerEvent]) -> None:
        """Tell the fills that waited for an order id, with the times they were read at."""
        for report, read_ns in self._waiting.pop(order_id, {}).values():
            account = self._account_of(owner, report, received_ns, events)
            if account is not None:
                self._take_fill(account, report, Stamp(report.occurred_ns, report.received_ns, read_ns), events)

    def _learn_owner(self, order_id: OrderId, client_order_id: ClientOrderId, events: list[LedgerEvent]) -> None:
        known = self._owners.setdefault(order_id, client_order_id)
        if known != client_order_id:
            why = f"order id {order_id} was told for {known} and for {client_order_id}"
            events.append(Doubt(client_order_id=client_order_id, order_id=order_id, symbol="", why=why))
            return
        account = self._accounts.get(client_order_id)
        if account is not None:
            account.learn(None, None, order_id, events)

    def _forget(self, account: OrderAccount) -> None:
        self._memories[account.client_order_id] = account.memory
        if len(self._memories) <= self._max_memories:
            return
        oldest = next(iter(self._memories))
        for order_id in self._memories.pop(oldest).order_ids:
            if self._owners.get(order_id) == oldest:
                del self._owners[order_id]
        key = unpack(oldest)
        if key is not None:
            self._too_old[key.bot_tag] = max(key.sequence, self._too_old[key.bot_tag])


__all__ = [
    "Acceptance",
    "Doubt",
    "Ending",
    "Fill",
    "FillCorrection",
    "FillLedger",
    "LedgerEvent",
    "LedgerUpdate",
    "OrderState",
    "RestoredTrade",
]
