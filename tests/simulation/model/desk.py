"""The bot's side of the model: its own code around one order, driven by one input at a time.

Nothing is re-told here. A reply is read by the venue client's own call, its errors and reports go through `OrderFacts`,
`ExchangeClient` and the fill ledger, questions are led by `VenueReads.settle` and `StepRunner`, and what may be
concluded is decided by the entry machine (`actors.grid.cycle`) or the exit machine (`actors.grid.exits`). Only the
threads between them are left out: a message arrives at once, and the model lets the world wait instead.
"""

import contextlib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

from actors.connection_facts import OrderFacts, Owners
from actors.connection_parts import ConnectedGrid
from actors.connection_reads import VenueReads
from actors.grid import cycle, exits
from actors.grid.restore import RestoredGrid, RestoredLot, RestoredOrder
from actors.grid.state import SECOND_NS, GridContext
from actors.messages import (
    CancelEntries,
    CancelExits,
    CancelOrder,
    ConnectionReady,
    EntryFilled,
    EntryFinished,
    OrderFilled,
    PlaceLimitOrder,
    PriceChanged,
    QueryOrder,
    SequencesReserved,
    Tick,
)
from actors.send_gate import to_request
from actors.steps import Answer, StepRunner
from actors.venue_messages import OrderAnswered, OrderErred, OrderHeld
from exchanges.client import ClientCallbacks, ExchangeClient
from exchanges.errors import ExchangeError, OutcomeUnknown
from exchanges.fills import RestoredTrade
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import ActiveOrders, FillReport, OrderReport
from exchanges.values import OrderId, OrderRef, OrderStatus, TradeId
from exchanges.venue import Call, Capabilities, HttpReply, Undecided
from tests.grid.harness import START_NS, START_WALL_NS, make_context
from tests.simulation.model.counterparts import (
    FIRST_NONCE,
    INVALID_NONCE,
    OPEN,
    ORDER_ID,
    RECEIPT,
    UNITS,
    Counterpart,
    Rendered,
    at,
    lighter_account,
)

GRID, BOT_TAG, LOT = "g", 7, 1
TRADES = "trades"
_STATUS = {"open": OrderStatus.OPEN, "canceled": OrderStatus.CANCELED, "filled": OrderStatus.FILLED}
_SYMBOLS_PRICE = Decimal("100.0")


_PLACED: dict[tuple[Counterpart, bool], tuple[Any, PlaceLimitOrder]] = {}
"""The machine's state when it has just placed the order: the same each time."""


@cache
def _context(venue: Counterpart) -> GridContext:
    context = make_context(not_found_proofs=1, wait_time_s=Decimal(8), entry_timeout_s=Decimal(0))
    return replace(context, exchange=venue.name, symbol=venue.symbol, capabilities=venue.capabilities)


@dataclass(frozen=True, slots=True)
class Question:
    """A question the query lane puts to the venue."""

    ticket: int
    operation: str


class Desk:
    """One order, from the moment the machine has decided to place it.

    Args:
        venue: The counterpart whose calls are used.
        is_entry: The order is an entry; else it is the exit of a filled lot.

    Attributes:
        now_ns: Monotonic time; the caller sets it before each input.
        command: The order.
        out: What left since the last input: `Question`, or a `CancelOrder`.
        has_concluded: The machine takes the order for ended.
        seen: What the machine had counted of it by then, and `told_then` the ledger.
        is_written: Its bytes have left this machine.
        is_in_lane: It waits to be written, or for its answer.
        was_forgotten: A restart knows nothing of it: it never left.
    """

    def __init__(self, venue: Counterpart, *, is_entry: bool) -> None:
        self.venue = venue
        self.is_entry = is_entry
        self.now_ns = START_NS
        self.out: list[Question | CancelOrder | PlaceLimitOrder] = []
        self.has_concluded = self.is_written = self.was_forgotten = False
        self.is_in_lane = True
        self.seen = self.told_then = Decimal(0)
        self.sent_ns = 0
        self._other: Call[Any] | None = None
        self.command: PlaceLimitOrder | None = None
        self.account = lighter_account()
        self._context = _context(venue)
        self._begin()
        placed = _PLACED.get((venue, is_entry))
        if placed is None:
            self._place()
            placed = _PLACED[venue, is_entry] = self._state, self.command
        self._state, self.command = placed
        self.call = venue.place(self.account, to_request(self.command))

    # --- building ---

    def _begin(self) -> None:
        """Build everything a start of the bot builds."""
        venue = self.venue
        quiet = SimpleNamespace(tell=lambda _: None)
        owner = SimpleNamespace(tell=self._tell)
        self._facts = OrderFacts(
            exchange=venue.name,
            grids={venue.symbol: GRID},
            owners=Owners(strategy=owner, closer=owner, journal=quiet),
            clock=self,
            fence_s=venue.capabilities.fence_s,
            ask_about=self._ask,
        )
        self._client = ExchangeClient(
            SimpleNamespace(capabilities=venue.capabilities),
            bot_tag=BOT_TAG,
            symbols=(venue.symbol,),
            callbacks=ClientCallbacks(
                order_fill=self._tell_fill,
                order_accepted=self._facts.accepted,
                order_ended=self._facts.ended,
                position=quiet.tell,
                foreign_order=quiet.tell,
                notice=quiet.tell,
                fill_corrected=quiet.tell,
                doubt=self._facts.doubted,
            ),
        )
        self._reads = VenueReads(
            parts=SimpleNamespace(
                exchange=venue.name, venue=self, clock=self, venue_clock=self, seen_sequence=None, check_market=None,
                observe=False, is_placing=self.is_placing, suspect_until_wall_ns=0,
            ),
            client=self._client,
            facts=self._facts,
            grids={venue.symbol: ConnectedGrid(name=GRID, symbol=venue.symbol, leverage=20, sign=1)},
        )  # fmt: skip
        self._calls: dict[int, tuple[Call[Any], int]] = {}
        self._runner = StepRunner(self._submit, lambda _seconds, _ticket: None)

    def _place(self) -> None:
        """Lead a fresh machine to its first order."""
        machine = cycle if self.is_entry else exits
        self._state = machine.initial(self._context, None, self.now_ns, self.wall_ns())
        self._connect()
        self._step(SequencesReserved(grid=GRID, first=LOT, last=LOT + 63))
        if not self.is_entry:
            price, size = _SYMBOLS_PRICE, Decimal(1)
            self._step(EntryFilled(grid=GRID, lot=LOT, price=price, quantity=size, leaves=Decimal(0)))
            self._step(EntryFinished(grid=GRID, lot=LOT, filled=size))
        self._step(PriceChanged(grid=GRID, bid=Decimal("100.0"), ask=Decimal("100.1"), alive_ns=self.now_ns))
        assert self.command is not None, "the machine placed nothing"

    def _connect(self) -> None:
        context = self._context
        self._step(
            ConnectionReady(
                grid=GRID, rules=context.rules, fees=context.fees, position=Decimal(0), leverage=20,
                foreign_orders=(), asked_ns=self.now_ns,
            )
        )  # fmt: skip

    # --- the clocks and the venue, as the bot's parts ask for them ---

    @property
    def capabilities(self) -> Capabilities:
        return self.venue.capabilities

    def monotonic_ns(self) -> int:
        return self.now_ns

    def is_placing(self, _number: int) -> bool:
        return self.is_in_lane

    def wall_ns(self) -> int:
        return self.now_ns - START_NS + START_WALL_NS

    def query_order(self, ref: OrderRef) -> Call[OrderReport]:
        return self.venue.query(self.account, ref)

    def order_fills(self, _ref: OrderRef) -> str:
        """The question for an order's trades; `_submit` answers it at once."""
        return TRADES

    # --- telling ---

    def _tell_fill(self, number, price, delta, sequence, fill) -> None:
        self._tell(
            OrderFilled(
                grid=GRID, client_order_id=number, order_id=fill.order_id, price=price, quantity=delta,
                cumulative=fill.cumulative, leaves=fill.leaves, trade_id=fill.trade_id, sequence=sequence,
                received_ns=fill.received_ns,
            )
        )  # fmt: skip

    def _tell(self, message: Any) -> None:
        if not self.has_concluded:
            self._step(message)

    def _step(self, message: Any) -> None:
        machine = cycle if self.is_entry else exits
        step = machine.step(self._context, self._state, message, self.now_ns)
        before, self._state = self.order, step.state
        for output in step.outputs:
            match output:
                case PlaceLimitOrder() if self.command is None:
                    self.command = output
                case CancelOrder() | PlaceLimitOrder() if self._is_ours(output):
                    self.out.append(output)
                case QueryOrder() if self._is_ours(output):
                    self._ask(output.client_order_id, output.symbol)
        if self.command is not None:
            self._look(before, step.outputs)

    def _look(self, before: Any, outputs: tuple[Any, ...]) -> None:
        """Note whether the machine takes the order for ended, and what it has counted."""
        order = self.order
        finished = [output.filled for output in outputs if isinstance(output, EntryFinished)]
        if order is not None:
            self.seen = order.filled
        elif finished:
            self.seen = finished[-1]
        elif before is not None:
            self.seen = before.filled if self.is_entry else self._finished(before)
        self.has_concluded = order is None or (self.is_entry and order.is_done)
        self.told_then = self.told

    def _finished(self, before: Any) -> Decimal:
        """What the book says of the exit it has just taken off."""
        numbers = {order.client_order_id: order.filled for order in self._state.finished}
        return numbers.get(before.client_order_id, before.filled)

    def _is_ours(self, message: Any) -> bool:
        return self.command is not None and message.client_order_id == self.command.client_order_id

    @property
    def order(self) -> Any:
        """The machine's record of the order, None where it has none (any more)."""
        number = pack(OrderKey(BOT_TAG, LOT, 0)) if self.is_entry else self.command and self.command.client_order_id
        if not self.is_entry:
            return next((order for order in self._state.orders if order.client_order_id == number), None)
        pending = self._state.pending
        return pending if pending is not None and pending.client_order_id == number else None

    @property
    def told(self) -> Decimal:
        """The filled quantity the ledger has told."""
        assert self.command is not None
        return self._client.ledger.filled(self.command.client_order_id)

    @property
    def believes(self) -> bool:
        """Whether the machine takes the order for one that the venue has accepted."""
        return not self.has_concluded and self.order is not None and self.order.accepted_ns is not None

    # --- questions ---

    def _ask(self, number, symbol) -> None:
        self._runner.run(self._reads.settle(GRID, symbol, number))

    def _submit(self, call: Any, ticket: int) -> None:
        if call == TRADES:
            self._calls[ticket] = (call, self.now_ns)
            return
        self._put(call, ticket, self.now_ns)

    def _put(self, call: Call[Any], ticket: int, asked_ns: int) -> None:
        """Sign a question and let it leave, as the query lane does."""
        self._sign(call)
        self._calls[ticket] = (call, asked_ns)
        self.out.append(Question(ticket, call.request.operation))

    def answer(self, ticket: int, reply: HttpReply | None, trades: int) -> None:
        """A question is answered (None: it failed); so many trades can be read besides."""
        call, asked_ns = self._calls.pop(ticket)
        try:
            value = call.read(at(reply, self.wall_ns())) if reply is not None else _fail(call)
        except Undecided as more:
            self._put(more.further, ticket, asked_ns)
            return
        except ExchangeError as error:
            self._runner.erred(ticket, error, asked_ns)
        else:
            self._runner.answered(ticket, value, asked_ns)
        for waiting, (question, _) in list(self._calls.items()):
            if question == TRADES:
                del self._calls[waiting]
                found = tuple(self.trade(number) for number in range(trades))
                self._runner.answered(waiting, found, self.now_ns)

    def _sign(self, call: Call[Any]) -> None:
        """Sign what leaves, where a signature takes a nonce."""
        if self.venue.has_nonces:
            self.account.sign(call.request, self.wall_ns())

    # --- the order lane ---

    def write(self) -> None:
        """The request leaves this machine; its intent has been recorded."""
        self._sign(self.call)
        self.is_written = True
        self.sent_ns = self.now_ns

    def hold(self) -> None:
        """The send gate does not let it leave."""
        self.is_in_lane = False
        self._facts.held(OrderHeld(self.command, "stale quote"), self._client)

    def reply(self, reply: HttpReply | None) -> None:
        """The answer to the order comes, or does not (None)."""
        self.is_in_lane = False
        try:
            report = self.call.read(at(reply, self.wall_ns())) if reply is not None else _fail(self.call)
        except ExchangeError as error:
            self._facts.erred(OrderErred(self.command, error, self.sent_ns), self._client)
        else:
            self._facts.answered(OrderAnswered(self.command, report), self._client)

    def cancel_reply(self, reply: HttpReply | None) -> None:
        """The answer to a cancel comes, or does not (None)."""
        assert self.command is not None
        command = self.command
        cancel = CancelOrder(
            grid=GRID, exchange=command.exchange, symbol=command.symbol, client_order_id=command.client_order_id
        )
        ref = OrderRef(symbol=cancel.symbol, client_order_id=cancel.client_order_id, order_id=cancel.order_id)
        call = self.venue.cancel(self.account, ref)
        try:
            report = call.read(at(reply, self.wall_ns())) if reply is not None else _fail(call)
        except ExchangeError as error:
            self._facts.erred(OrderErred(cancel, error, self.now_ns), self._client)
        else:
            self._facts.answered(OrderAnswered(cancel, report), self._client)

    def send_other(self) -> None:
        """Another transaction of this key is signed with the nonce that the venue calls the next."""
        self.account.nonces.learn(FIRST_NONCE, self.account.nonces.generation)
        ref = OrderRef(symbol=self.venue.symbol, client_order_id=pack(OrderKey(BOT_TAG, LOT + 1, 0)))
        self._other = self.venue.cancel(self.account, ref)
        self._sign(self._other)

    def other_reply(self, *, is_taken: bool) -> None:
        """The answer to the other transaction comes."""
        with contextlib.suppress(ExchangeError):
            self._other.read(at(RECEIPT if is_taken else INVALID_NONCE, self.wall_ns()))

    # --- the stream, the timers, the operator ---

    def stream(self, status: str, filled: int, trade: int | None) -> None:
        """A frame of the private stream: an order's state, with the trade that led to it."""
        if trade is not None:
            self._client.apply(self.trade(trade), received_ns=self.now_ns)
        self._client.apply(self.report(status, filled), received_ns=self.now_ns)

    def report(self, status: str, filled: int) -> OrderReport:
        shown = self.rendered(status, filled)
        is_partial = status == OPEN and filled
        return OrderReport(
            symbol=shown.order.symbol, client_order_id=shown.order.client_order_id, order_id=OrderId(str(ORDER_ID)),
            status=OrderStatus.PARTIALLY_FILLED if is_partial else _STATUS[status], side=shown.order.side,
            price=shown.order.price, quantity=shown.order.quantity, filled=shown.part, occurred_ns=0, received_ns=0,
        )  # fmt: skip

    def trade(self, number: int) -> FillReport:
        shown = self.rendered(OPEN, 1)
        return FillReport(
            symbol=shown.order.symbol, client_order_id=shown.order.client_order_id, order_id=OrderId(str(ORDER_ID)),
            trade_id=TradeId(str(number + 1)), side=shown.order.side, price=shown.order.price,
            quantity=shown.order.quantity / UNITS, occurred_ns=0, received_ns=0,
        )  # fmt: skip

    def rendered(self, status: str, filled: int) -> Rendered:
        assert self.command is not None
        return Rendered(order=to_request(self.command), status=status, filled=filled)

    def listed(self, asked_ns: int, status: str | None, filled: int) -> None:
        """The venue's list of open orders comes, with ours in it or not."""
        orders = () if status is None else (self.report(status, filled),)
        active = ActiveOrders(symbol=self.venue.symbol, orders=orders, received_ns=0)
        for report in orders:
            self._client.apply(report, received_ns=self.now_ns)
        self._reads.tell_listed(self._reads._grids[self.venue.symbol], Answer(active, asked_ns))

    def tick(self) -> None:
        """Time has passed."""
        self._tell(Tick(now_ns=self.now_ns, wall_ns=self.wall_ns()))

    def want_cancel(self) -> None:
        """An operator stops the bot: the order is to be canceled."""
        self._tell(CancelEntries(grid=GRID) if self.is_entry else CancelExits(grid=GRID))

    # --- a crash ---

    def restart(self, *, lost_fills: int) -> None:
        """The process ends and starts again with what is on disk: intents, and all but so many of the fills told."""
        self._calls.clear()
        self.out.clear()
        self._other = None
        self.is_in_lane = False
        if self.has_concluded or not self.is_written:
            self.was_forgotten = not self.has_concluded
            self.has_concluded = True
            return
        assert self.command is not None
        known = self._client.state(self.command.client_order_id)
        order = self.order
        part = self.command.quantity / UNITS
        kept = max(0, int(self.told / part) - lost_fills)
        trades = sorted(known.trade_ids)[:kept] if known is not None else []
        fence_ns = self.sent_ns + int(self.venue.capabilities.fence_s * SECOND_NS)
        restored = RestoredOrder(
            client_order_id=self.command.client_order_id, order_id=order.order_id if not self.is_entry else
            order.pending_open_order_id, lot=LOT, side=self.command.side, price=self.command.price,
            quantity=self.command.quantity, filled=kept * part, post_only=True, reduce_only=self.command.reduce_only,
            immediate=False, was_accepted=order.accepted_ns is not None,
            placed_wall_ns=self.sent_ns - START_NS + START_WALL_NS, fence_wall_ns=fence_ns - START_NS + START_WALL_NS,
        )  # fmt: skip
        self._begin()
        self._client.restore(
            to_request(self.command),
            placed_ns=self.now_ns - 1,
            order_id=restored.order_id,
            trades=[RestoredTrade(trade, self.command.price, part) for trade in trades],
            filled=kept * part,
        )
        machine = cycle if self.is_entry else exits
        self._state = machine.initial(self._context, self._journal(restored), self.now_ns, self.wall_ns())
        self.account = lighter_account(None)
        self._connect()
        self.tick()

    def _journal(self, order: RestoredOrder) -> RestoredGrid:
        filled = Decimal(1) if order.reduce_only else order.filled
        closed = order.filled if order.reduce_only else Decimal(0)
        lot = RestoredLot(
            lot=LOT, entry_filled=filled, entry_notional=filled * 100, exit_filled=closed, exit_notional=closed * 101,
            fees=Decimal(0), opened_wall_ns=START_WALL_NS, entry_done=order.reduce_only, attempts_used=1,
        )  # fmt: skip
        lots = (lot,) if filled != closed else ()
        return RestoredGrid(grid=GRID, orders=(order,), lots=lots, highest_sequence=64)

    # --- telling states apart ---

    def key(self, *, is_timed: bool) -> tuple[Any, ...]:
        """Everything that can make a difference later on, and nothing else.

        `is_timed`: lists of open orders or a crash may come. Only then does it matter when something was accepted.
        """
        assert self.command is not None
        number = self.command.client_order_id
        account = self._client.ledger._accounts.get(number)
        ledger = None if account is None else (account.state, account._claimed, account._end and account._end.status)
        if self.has_concluded:
            return (self.seen, self.told_then, self.is_written, self.was_forgotten, ledger)
        tracked, order = self._client.order(number), _rounded(self.order)
        fence_ns = self.order.inquiry.fence_ns if self.order.inquiry is not None else 0
        wanted = self._state.is_draining if self.is_entry else self._state.is_withheld
        asked = tuple(
            (ticket, call.request.operation, _round(at_ns), at_ns > fence_ns)
            for ticket, (call, at_ns) in sorted(self._calls.items())
        )
        placed_ns = tracked and (is_timed or not account.is_accepted) and _round(tracked.placed_ns)
        times = (_round(self.sent_ns),) if is_timed else ()
        if not is_timed and order.accepted_ns is not None:
            order = replace(order, accepted_ns=0)
        life = tracked and (tracked.is_live, tracked.is_restored)
        return (
            order, wanted, ledger, placed_ns, life, asked, times, self.is_written, self.is_in_lane, self._lighter_key(),
        )  # fmt: skip

    def _lighter_key(self) -> tuple[Any, ...]:
        if not self.venue.has_nonces:
            return ()
        sent = tuple(
            replace(one, order=None, tx_hash="", signed_ns=_round(one.signed_ns), used_ns=_round(one.used_ns))
            for one in self.account.sent._sent.values()
        )
        return (sent, self.account.nonces._next)


def _round(at_ns: int) -> int:
    """A time without the nanoseconds that only tell apart what happens in one moment."""
    return at_ns // 1000


def _rounded(order: Any) -> Any:
    """The machine's record of an order, with rounded times."""
    found, cancel = order.inquiry, order.cancel
    if found is not None:
        found = replace(found, next_ns=_round(found.next_ns), fence_ns=_round(found.fence_ns), absent_ns=None)
    if cancel is not None:
        cancel = replace(cancel, next_ns=_round(cancel.next_ns))
    accepted_ns = None if order.accepted_ns is None else _round(order.accepted_ns)
    return replace(order, inquiry=found, cancel=cancel, accepted_ns=accepted_ns, placed_ns=_round(order.placed_ns))


def _fail(call: Call[Any]) -> Any:
    raise OutcomeUnknown("model", call.request.operation, "no answer")
