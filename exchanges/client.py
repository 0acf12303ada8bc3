"""ExchangeClient: what a venue says, sorted, counted and told by callbacks; no I/O.

It stands between a venue's parser and the bot. Reports go in by `apply`; out come calls of the functions given at
construction, `order_fill_callback` before all (GRID_FLOW.md): fills as deltas from the one `FillLedger`, acceptances,
endings, positions, foreign orders, notices. It also keeps the registry of our orders, so that an order can be named to
the venue and a list of open orders can be compared with what we believe.

Everything here runs on the thread of the ExchangeConnection that owns the client, callbacks included.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, assert_never

from exchanges.fills import (
    Acceptance,
    Doubt,
    Ending,
    Fill,
    FillCorrection,
    FillLedger,
    LedgerUpdate,
    OrderState,
    RestoredTrade,
)
from exchanges.order_ids import unpack
from exchanges.records import quicken, replace
from exchanges.reports import (
    AccountReport,
    ActiveOrders,
    BestPrice,
    FillReport,
    OrderReport,
    PositionReport,
    Report,
    StreamNotice,
)
from exchanges.values import (
    ZERO,
    CancelReason,
    ClientOrderId,
    OrderId,
    OrderRef,
    OrderRequest,
    OrderStatus,
)
from exchanges.venue import Venue


class OrderFillCallback(Protocol):
    """A part of one of our orders was executed."""

    def __call__(
        self, order_id: ClientOrderId, fill_price: Decimal, fill_delta: Decimal, sequence: int, fill: Fill
    ) -> None:
        """`order_id` is our id, `fill_delta` what is new, `sequence` our own counter, `fill` everything else."""
        ...


class OrderEndedCallback(Protocol):
    """One of our orders is terminal."""

    def __call__(
        self,
        order_id: ClientOrderId,
        status: OrderStatus,
        reason: CancelReason | None,
        cumulative: Decimal,
        *,
        final: bool,
        ending: Ending,
    ) -> None:
        """`final` says whether `cumulative` can be trusted as the last word; otherwise the order has to be asked
        about.
        """
        ...


def _ignore(_: object) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCallbacks:
    """Whom the client tells. All are called on the owner's thread and must not block.

    Attributes:
        order_fill: Every new fill, in order.
        order_accepted: First sign that the venue has the order. A fill may be that sign.
        order_ended: The order is terminal; a late fill may still follow.
        position: The position in a watched market, as reported.
        foreign_order: An order or fill that is not ours, or is ours in a market that is not watched.
        notice: What a stream says about itself or the account.
        fill_corrected: Price or fee of a fill told before.
        doubt: Reports contradict each other: ask the venue about the order.
        best_price: A price that came on this connection.
        account: Margin totals.
    """

    order_fill: OrderFillCallback
    order_accepted: Callable[[Acceptance], None]
    order_ended: OrderEndedCallback
    position: Callable[[PositionReport], None]
    foreign_order: Callable[[OrderReport | FillReport], None]
    notice: Callable[[StreamNotice], None]
    fill_corrected: Callable[[FillCorrection], None] = _ignore
    doubt: Callable[[Doubt], None] = _ignore
    best_price: Callable[[BestPrice], None] = _ignore
    account: Callable[[AccountReport], None] = _ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedOrder:
    """An order of ours in the registry. `placed_ns` is monotonic: when it was registered, or for one of an earlier run
    (`is_restored`) some time before every question of this one.
    """

    request: OrderRequest
    placed_ns: int
    order_id: OrderId | None = None
    is_live: bool = True
    is_restored: bool = False

    @property
    def ref(self) -> OrderRef:
        """How to name it to the venue."""
        return OrderRef(
            symbol=self.request.symbol, client_order_id=self.request.client_order_id, order_id=self.order_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrdersComparison:
    """A venue's list of open orders against the registry.

    Attributes:
        listed: Ours that the venue lists.
        missing: Ours that we believe live and the venue does not list. Proves nothing by itself: ask.
        new: Ours by their id that we did not know.
        foreign: Listed orders of somebody else.
    """

    symbol: str
    listed: frozenset[ClientOrderId]
    missing: tuple[ClientOrderId, ...]
    new: tuple[ClientOrderId, ...]
    foreign: tuple[OrderReport, ...]


class ExchangeClient:
    """Reports of one venue's account, turned into callbacks about our orders.

    Args:
        venue: Capabilities and the spelling of ids.
        bot_tag: Client order ids with this tag are ours, whatever their lot sequence.
        symbols: Markets that are watched; others are dropped, except orders with our tag, which are told as foreign.
        callbacks: Whom to tell.
        ledger: The fill ledger, a fresh one by default.

    Attributes:
        ledger: The fill ledger. Read its counters; change it only through this client.
        unwatched: Reports dropped because of their market.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        bot_tag: int,
        symbols: Iterable[str],
        callbacks: ClientCallbacks,
        ledger: FillLedger | None = None,
    ) -> None:
        self.ledger = ledger if ledger is not None else FillLedger()
        self.unwatched = 0
        self._capabilities = venue.capabilities
        self._bot_tag = bot_tag
        self._symbols = frozenset(symbols)
        self._callbacks = callbacks
        self._orders: dict[ClientOrderId, TrackedOrder] = {}

    # --- reports in ---

    def apply(self, report: Report, *, received_ns: int) -> None:
        """Take one report and tell what is new. `received_ns` is the monotonic time its bytes were read."""
        match report:
            case OrderReport() | FillReport():
                self._apply_order(report, received_ns)
            case ActiveOrders():
                for order in report.orders:
                    self._apply_order(order, received_ns)
            case PositionReport():
                if self._is_watched(report.symbol):
                    self._callbacks.position(report)
            case BestPrice():
                if self._is_watched(report.symbol):
                    self._callbacks.best_price(report)
            case AccountReport():
                self._callbacks.account(report)
            case StreamNotice():
                self._callbacks.notice(report)
            case _:
                assert_never(report)

    def apply_receipt(self, report: OrderReport, *, received_ns: int) -> None:
        """Take the reply to a placed order.

        Where the venue's reply is only a receipt (`capabilities.reply_is_acceptance` is false), an open status in it
        accepts nothing: only the venue's order id is learned, with the fills that waited for it.
        """
        is_only_receipt = (
            not self._capabilities.reply_is_acceptance and report.filled == 0 and not report.status.is_terminal
        )
        if not is_only_receipt:
            self.apply(report, received_ns=received_ns)
        elif report.order_id is not None and report.client_order_id is not None and self.is_ours(report):
            self.know(report.order_id, report.client_order_id, received_ns=received_ns)

    def know(self, order_id: OrderId, client_order_id: ClientOrderId, *, received_ns: int) -> None:
        """Learn whose a venue's order id is; fills that waited for it are told."""
        self._tell(self.ledger.know(order_id, client_order_id, received_ns=received_ns))
        self._note_order_id(client_order_id, order_id)

    def release(self, now_ns: int) -> None:
        """Let cumulatives count whose trades did not arrive (only with a ledger that has a patience)."""
        self._tell(self.ledger.release(now_ns))

    # --- the registry ---

    def register(self, order: OrderRequest, *, placed_ns: int) -> None:
        """Make an order known. Repeating it changes nothing; what reports have told of it by now is kept."""
        if order.client_order_id not in self._orders:
            self.ledger.expect(order)
            known = self.ledger.state(order.client_order_id)
            self._orders[order.client_order_id] = TrackedOrder(
                request=order,
                placed_ns=placed_ns,
                order_id=None if known is None else known.order_id,
                is_live=known is None or not known.has_ended,
            )

    def restore(
        self,
        order: OrderRequest,
        *,
        placed_ns: int,
        order_id: OrderId | None = None,
        trades: Iterable[RestoredTrade] = (),
        filled: Decimal = ZERO,
        status: OrderStatus = OrderStatus.UNKNOWN,
    ) -> None:
        """Put an order of an earlier run into registry and ledger; nothing is told. See `FillLedger.restore`."""
        self.ledger.restore(order, order_id=order_id, trades=trades, filled=filled, status=status)
        self._orders[order.client_order_id] = TrackedOrder(
            request=order,
            placed_ns=placed_ns,
            order_id=order_id,
            is_live=not status.is_terminal,
            is_restored=True,
        )

    def amended(self, report: OrderReport) -> OrderRequest | None:
        """Return one of our resting orders as it is now, if a list shows it moved or resized; told once per change.

        We never change an order, so somebody else did. What takes liquidity at once does not rest and is left out.
        """
        owner = self._owner(report)
        tracked = None if owner is None else self._orders.get(owner)
        if owner is None or tracked is None or not tracked.is_live or report.status.is_terminal:
            return None
        before = tracked.request
        price, quantity = report.price or before.price, max(report.quantity or before.quantity, report.filled)
        if before.immediate or (price, quantity) == (before.price, before.quantity):
            return None
        after = replace(before, price=price, quantity=quantity)
        self._orders[owner] = replace(tracked, request=after)
        self.ledger.resize(owner, quantity)
        return after

    def reject(self, client_order_id: ClientOrderId, *, now_ns: int) -> None:
        """Note that an order never came to be (refused, denied here, proven absent): nothing is told, it is no longer
        live. Should the venue report a fill of it after all, that is told; an open status becomes a doubt.
        """
        self.ledger.close(client_order_id, now_ns=now_ns)
        self._mark_ended(client_order_id)

    def order(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """The registry's entry, None where the order is not (or no longer) in it."""
        return self._orders.get(client_order_id)

    def state(self, client_order_id: ClientOrderId) -> OrderState | None:
        """What the ledger knows of an order, None where nothing (any more)."""
        return self.ledger.state(client_order_id)

    def ref(self, client_order_id: ClientOrderId, symbol: str) -> OrderRef:
        """How to name an order to the venue, also one that is not in the registry."""
        tracked = self._orders.get(client_order_id)
        return OrderRef(symbol=symbol, client_order_id=client_order_id) if tracked is None else tracked.ref

    def live_orders(self, symbol: str) -> tuple[TrackedOrder, ...]:
        """Our orders in a market that are not known to have ended, oldest first."""
        return tuple(t for t in self._orders.values() if t.is_live and t.request.symbol == symbol)

    def forget_ended(self, before_ns: int) -> int:
        """Drop orders that ended before a monotonic time and return how many.

        A late fill of a dropped order is still told: its id says whose it is, and the ledger remembers what it told.
        """
        forgotten = self.ledger.forget_ended(before_ns)
        for client_order_id in forgotten:
            self._orders.pop(client_order_id, None)
        return len(forgotten)

    def snapshot(self, active: ActiveOrders, *, asked_ns: int | None = None) -> OpenOrdersComparison:
        """Compare a venue's list of open orders with what we believe. Changes nothing; see also `apply`.

        Args:
            active: The venue's answer.
            asked_ns: Monotonic time the question was sent: orders registered later are not called missing.
        """
        ours = [order for order in active.orders if self.is_ours(order)]
        listed = frozenset(owner for order in ours if (owner := self._owner(order)) is not None)
        missing = tuple(
            tracked.request.client_order_id
            for tracked in self.live_orders(active.symbol)
            if tracked.request.client_order_id not in listed and (asked_ns is None or tracked.placed_ns < asked_ns)
        )
        return OpenOrdersComparison(
            symbol=active.symbol,
            listed=listed,
            missing=missing,
            new=tuple(sorted(owner for owner in listed if owner not in self._orders)),
            foreign=tuple(order for order in active.orders if not self.is_ours(order)),
        )

    def is_ours(self, report: OrderReport | FillReport) -> bool:
        """Whether a report is about an order of this bot: by our id's tag, or by a venue id known to be ours."""
        return self._owner(report) is not None

    # --- inside ---

    def _owner(self, report: OrderReport | FillReport) -> ClientOrderId | None:
        if report.client_order_id is None:
            return None if report.order_id is None else self.ledger.owner(report.order_id)
        key = unpack(report.client_order_id)
        return report.client_order_id if key is not None and key.bot_tag == self._bot_tag else None

    def _is_watched(self, symbol: str) -> bool:
        is_watched = symbol in self._symbols
        self.unwatched += not is_watched
        return is_watched

    def _apply_order(self, report: OrderReport | FillReport, received_ns: int) -> None:
        owner = self._owner(report)
        if not self._is_watched(report.symbol):
            if owner is not None:
                self._callbacks.foreign_order(report)
            return
        if owner is None and (report.client_order_id is not None or isinstance(report, OrderReport)):
            if report.order_id is not None:
                self.ledger.disown(report.order_id)
            self._callbacks.foreign_order(report)
            return
        # A fill that names only an unknown venue id may be ours: the ledger keeps it until the id is learned.
        self._tell(self.ledger.apply(report, received_ns=received_ns))
        if owner is not None and report.order_id is not None:
            self._note_order_id(owner, report.order_id)

    def _note_order_id(self, client_order_id: ClientOrderId, order_id: OrderId) -> None:
        tracked = self._orders.get(client_order_id)
        if tracked is not None and tracked.order_id is None:
            self._orders[client_order_id] = replace(tracked, order_id=order_id)

    def _mark_ended(self, client_order_id: ClientOrderId) -> None:
        tracked = self._orders.get(client_order_id)
        if tracked is not None:
            self._orders[client_order_id] = replace(tracked, is_live=False)

    def _tell(self, update: LedgerUpdate) -> None:
        for event in update.events:
            match event:
                case Fill():
                    self._callbacks.order_fill(
                        event.client_order_id, event.price, event.quantity, event.sequence, event
                    )
                case Acceptance():
                    self._callbacks.order_accepted(event)
                case Ending():
                    self._tell_ending(event)
                case FillCorrection():
                    self._callbacks.fill_corrected(event)
                case Doubt():
                    self._callbacks.doubt(event)
                case _:
                    assert_never(event)

    def _tell_ending(self, ending: Ending) -> None:
        self._mark_ended(ending.client_order_id)
        is_last_word = ending.status is OrderStatus.FILLED or self._capabilities.cancel_report_is_final
        self._callbacks.order_ended(
            ending.client_order_id,
            ending.status,
            ending.reason,
            ending.cumulative,
            final=ending.agrees and is_last_word,
            ending=ending,
        )


quicken(__name__)
