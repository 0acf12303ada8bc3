"""The simulated venue's matching engine: venue-neutral, no I/O, no clock, no randomness.

Rules (each has a test of its name in tests/exchanges/simulated/test_engine_rules.py):

The displayed market
 1. The market comes from outside as best bid/ask and trades; it does not contain our orders. Crossed, empty or
    non-positive quotes are ignored.
 2. What we take from the touch stays taken while that touch keeps its price. Behind it, `depth_levels` more levels
    `depth_ticks` apart each show the touch's size; beyond them there is nothing.

Resting orders
 3. Priority is price, then time. An order fills at its own price, as maker.
 4. An order that joins the best price has `queue_ahead_pct` of the displayed size ahead of it; one that improves it
    has nothing ahead; one that waits deeper learns its queue when the market comes to its price. The queue ahead is
    never longer than what is displayed, and gone once the market has retreated from our price.
 5. Fill model `queue`: a trade at our price by the other side consumes the queue ahead first, then us, then our next
    order. `touch`: no queue. `cross`: trades at our price never fill us.
 6. A trade beyond our price fills us, up to the size of the trade, in every model.
 7. The far side arriving at our price fills us up to the size it shows (not in `cross`); the far side beyond our
    price fills us completely.
 8. An injected `cut` may shorten a maker fill to a piece; the rest keeps resting.

Incoming orders
 9. Checked against the market's rules (`engine_rules`); refused with a reason, without effect.
10. Client ids are unique among the open orders of an account in a market. At most `max_open_orders` are open.
11. A limit order takes what its limit reaches, best price first, displayed size before our accounts' orders at equal
    prices; the rest of a GTC order rests. An order resting from another account is met at its price.
12. IOC: the rest expires. FOK: everything or nothing. Market: the rest expires when the known depth is used up.
13. Post-only (GTX) that would take expires right after acceptance, with nothing filled (`by_book`), or rests at its
    own price and fills as maker (`never`). With `refuse_if_taking` it is refused instead, after every other check.
14. Orders of one account never trade with each other: self-trade prevention ends the taker, the maker or both.

Reduce-only
15. Refused where there is nothing to reduce, or resting reduce-only orders cover all of it already.
16. An execution is cut to the position; an order with nothing left to reduce expires.

Money
17. Maker and taker fees on notional; a fill increases, reduces, closes or flips the one netted position; reducing
    realizes profit against the average entry, a flip opens at the fill price.
18. Orders that are not reduce-only need initial margin: notional / leverage of the worse of all buys and all sells
    filled. Refused where available margin does not suffice.
19. Funding at every whole interval: position x mark x rate from longs to shorts.
20. Equity below maintenance: orders are canceled and every position is closed at the market, with a fee; a negative
    wallet is made good.

Time
21. A command is executed when its latency (and an order's own `hold_ns`) has passed, private events leave
    `fill_latency` after they happened, in the order they happened; public ones at once. A dead-man timer cancels a
    market's orders when it runs out.
"""

import heapq
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from exchanges.simulated.engine_floor import FillCut, Floor
from exchanges.simulated.engine_history import page
from exchanges.simulated.engine_state import EngineState, dump, load
from exchanges.simulated.engine_types import (
    AmendOrder,
    Answer,
    BalanceView,
    CancelAll,
    CancelOrder,
    CancelTimerSet,
    Command,
    CommandDone,
    EndReason,
    EngineSettings,
    Event,
    IncomeView,
    MarketSpec,
    MarketTraded,
    OrderView,
    PlaceOrder,
    PositionView,
    PrivateEvent,
    PublicEvent,
    QuoteChanged,
    QuoteTick,
    RefusalReason,
    Refused,
    SetCancelTimer,
    SetLeverage,
    TradeTick,
    TradeView,
)

__all__ = ["Engine", "FillCut", "Observer"]


class Observer(Protocol):
    """Something that watches the venue's own truth, told at the moment it happens (before any latency)."""

    def order_received(self, account: str, command: PlaceOrder, now_ns: int) -> None:
        """A place command reached the book, before it is accepted or refused."""
        ...

    def book_changed(self, account: str, symbol: str, now_ns: int) -> None:
        """Orders or position of an account in a market changed; read the engine for how they stand."""
        ...


class Engine:
    """One simulated venue: markets, accounts, their orders and money.

    Not thread-safe: one owner calls everything. Time goes forward only; an earlier `now_ns` counts as the latest seen.

    Use: feed the market (`on_quote`, `on_trade`), hand over commands (`submit`), and call `advance(now_ns)` for what
    happened; `next_event_ns()` says when to call again at the latest. The answer of a submitted command comes as
    `CommandDone` with the id `submit` returned.
    """

    def __init__(
        self, markets: Sequence[MarketSpec], settings: EngineSettings, *, cut: FillCut | None = None, now_ns: int = 0
    ) -> None:
        self._settings = settings
        self._floor = Floor(markets, settings, self._report, cut)
        self._floor.now_ns = now_ns
        self._observers: list[Observer] = []
        self._commands: list[tuple[int, int, str, Command]] = []
        self._timers: dict[tuple[str, str], int] = {}
        self._outbox: list[tuple[int, int, Event]] = []
        self._counter = 0
        self._update_id = 0
        self._next_funding_ns: int | None = None

    # --- accounts ---

    def open_account(self, account: str, deposit: Decimal, now_ns: int) -> None:
        """Create an account with `deposit` in the quote asset. Does nothing if it exists (restored from disk)."""
        self._run_until(now_ns)
        self._floor.open_account(account, deposit)

    def accounts(self) -> tuple[str, ...]:
        """Names of all accounts."""
        return tuple(self._floor.accounts)

    # --- the market ---

    def on_quote(
        self, symbol: str, bid: Decimal, bid_qty: Decimal, ask: Decimal, ask_qty: Decimal, now_ns: int
    ) -> None:
        """Take a new best bid and ask of the market. Due commands run first; crossed or empty quotes are ignored.

        Raises KeyError for an unknown market.
        """
        if not (0 < bid < ask) or bid_qty < 0 or ask_qty < 0:
            return
        self._run_until(now_ns)
        self._update_id += 1
        floor = self._floor
        quote = QuoteTick(symbol, bid, bid_qty, ask, ask_qty)
        self._report(QuoteChanged(symbol, bid, bid_qty, ask, ask_qty, self._update_id, floor.now_ns))
        floor.show(quote)
        if floor.touched:
            self._tell_observers()

    def on_trade(self, symbol: str, price: Decimal, qty: Decimal, *, buyer_is_maker: bool, now_ns: int) -> None:
        """Take a trade between others. Due commands run first. Non-positive prices and sizes are ignored.

        Raises KeyError for an unknown market.
        """
        if price <= 0 or qty <= 0:
            return
        self._run_until(now_ns)
        self._floor.print_trade(TradeTick(symbol, price, qty, buyer_is_maker))
        if self._floor.touched:
            self._tell_observers()

    def feed(self, tick: QuoteTick | TradeTick, now_ns: int) -> None:
        """`on_quote` or `on_trade` for a row of a price source."""
        if isinstance(tick, QuoteTick):
            self.on_quote(*tick, now_ns)
        else:
            symbol, price, qty, buyer_is_maker = tick
            self.on_trade(symbol, price, qty, buyer_is_maker=buyer_is_maker, now_ns=now_ns)

    # --- commands ---

    def submit(self, account: str, command: Command, now_ns: int) -> int:
        """Hand over a command that reaches the venue now. Returns its id; its answer is a later `CommandDone`.

        It is executed after the latency of its kind (at once where that is 0, but still only seen through `advance`).
        Raises KeyError for an unknown account.
        """
        if account not in self._floor.accounts:
            raise KeyError(account)
        self._run_until(now_ns)
        self._counter += 1
        due_ns = self._floor.now_ns + self._latency(command)
        heapq.heappush(self._commands, (due_ns, self._counter, account, command))
        return self._counter

    def execute(self, account: str, command: Command, now_ns: int) -> Answer:
        """Execute a command at once, without latency. Its events still come by `advance`.

        Raises KeyError for an unknown account.
        """
        if account not in self._floor.accounts:
            raise KeyError(account)
        self._run_until(now_ns)
        return self._perform(account, command)

    def advance(self, now_ns: int) -> list[Event]:
        """Run everything due by `now_ns` and return the events whose time to leave the venue has come, in order."""
        self._run_until(now_ns)
        outbox, due_ns = self._outbox, self._floor.now_ns
        events: list[Event] = []
        while outbox and outbox[0][0] <= due_ns:
            events.append(heapq.heappop(outbox)[2])
        return events

    def next_event_ns(self) -> int | None:
        """When `advance` has something to do next without new input; None for never."""
        times = list(self._timers.values())
        if self._commands:
            times.append(self._commands[0][0])
        if self._outbox:
            times.append(self._outbox[0][0])
        if self._next_funding_ns is not None and self._settings.funding_rate:
            times.append(self._next_funding_ns)
        return min(times, default=None)

    # --- questions ---

    def symbols(self) -> tuple[str, ...]:
        """Markets in the order given."""
        return tuple(self._floor.books)

    def market(self, symbol: str) -> MarketSpec | None:
        """A market's specification, None if unknown."""
        book = self._floor.books.get(symbol)
        return None if book is None else book.spec

    def quote(self, symbol: str) -> QuoteTick | None:
        """The last best bid and ask, None before the first. Raises KeyError for an unknown market."""
        return self._floor.books[symbol].quote

    def mark_price(self, symbol: str) -> Decimal | None:
        """Middle of the last best bid and ask. Raises KeyError for an unknown market."""
        return self._floor.books[symbol].mark_price()

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_id: str | None = None
    ) -> OrderView | None:
        """An order by venue id (wins) or client id (the open one, else the newest). None if unknown or forgotten."""
        order = self._floor.history.find(account, symbol, order_id, client_id)
        return None if order is None else order.view()

    def open_orders(self, account: str, symbol: str | None = None) -> tuple[OrderView, ...]:
        """Open orders, oldest first."""
        books = self._floor.books
        chosen = books.values() if symbol is None else (books[symbol],) if symbol in books else ()
        orders = [order for book in chosen for order in book.resting() if order.account == account]
        return tuple(order.view() for order in sorted(orders, key=lambda order: order.order_id))

    def orders(
        self,
        account: str,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int = 500,
    ) -> tuple[OrderView, ...]:
        """All orders still remembered, oldest first. Without `from_id` and `start_ns`: the newest `limit`."""
        rows = [
            order
            for order in self._floor.history.of_account(account, symbol)
            if (from_id is None or order.order_id >= from_id)
            and (start_ns is None or order.created_ns >= start_ns)
            and (end_ns is None or order.created_ns <= end_ns)
        ]
        return tuple(order.view() for order in page(rows, limit, newest=from_id is None and start_ns is None))

    def trades(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        from_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int = 500,
    ) -> tuple[TradeView, ...]:
        """Executions of the account, oldest first; `from_id` and times are inclusive.

        Without `order_id`, `from_id` and `start_ns`: the newest `limit`; else the oldest `limit` that match.
        """
        rows = [
            trade
            for trade in self._floor.history.trades_from(account, symbol, from_id)
            if (order_id is None or trade.order_id == order_id)
            and (start_ns is None or trade.occurred_ns >= start_ns)
            and (end_ns is None or trade.occurred_ns <= end_ns)
        ]
        return page(rows, limit, newest=order_id is None and from_id is None and start_ns is None)

    def position(self, account: str, symbol: str) -> PositionView:
        """The position, flat included. Raises KeyError for an unknown account or market."""
        return self._floor.position_view(self._floor.accounts[account], symbol)

    def positions(self, account: str) -> tuple[PositionView, ...]:
        """Every market's position, flat ones included, in the order of `symbols`."""
        return tuple(self.position(account, symbol) for symbol in self._floor.books)

    def balance(self, account: str) -> BalanceView:
        """Money of the account. Raises KeyError for an unknown account."""
        return self._floor.balance_view(self._floor.accounts[account])

    def lacks_margin(self, account: str, command: PlaceOrder) -> bool:
        """Return whether an order would be refused for want of margin if it arrived now.

        Raises KeyError for an unknown account or market.
        """
        return self._floor.lacks_margin(self._floor.accounts[account], command)

    def income(self, account: str, *, start_ns: int | None = None, limit: int = 1000) -> tuple[IncomeView, ...]:
        """Changes of the wallet, oldest first (newest `limit` without `start_ns`)."""
        rows = [
            row
            for row in self._floor.history.income
            if row.account == account and (start_ns is None or row.occurred_ns >= start_ns)
        ]
        return page(rows, limit, newest=start_ns is None)

    def watch(self, observer: Observer) -> None:
        """Add an observer of the venue's own truth."""
        self._observers.append(observer)

    # --- state ---

    @property
    def revision(self) -> int:
        """Rises with every change worth saving (accounts, orders, trades), not with quotes."""
        return self._floor.revision

    def snapshot(self) -> str:
        """Accounts, open and remembered orders, trades, counters, as JSON text. In-flight commands and undelivered
        events are not part of it: they die with the process.
        """
        floor = self._floor
        return dump(
            EngineState(
                now_ns=floor.now_ns,
                next_order_id=floor.next_order_id,
                next_trade_id=floor.next_trade_id,
                next_income_id=floor.next_income_id,
                update_id=self._update_id,
                accounts=list(floor.accounts.values()),
                orders=list(floor.history.orders.values()),
                trades=[trade for rows in floor.history.trades.values() for trade in rows],
                income=floor.history.income,
                timers=[(account, symbol, due_ns) for (account, symbol), due_ns in self._timers.items()],
            )
        )

    def restore(self, text: str) -> None:
        """Load what `snapshot` returned into a fresh engine. Raises ValueError where it cannot be read.

        Time that passed in between leaves no trace (no funding, no fills); orders meet the first new quote. A dead-man
        timer that ran out meanwhile fires at once.
        """
        state = load(text)
        self._floor.load(state)
        self._update_id = state.update_id
        self._timers = {(account, symbol): due_ns for account, symbol, due_ns in state.timers}

    # --- inner workings ---

    def _latency(self, command: Command) -> int:
        if isinstance(command, PlaceOrder):
            return self._settings.ack_latency_ns + command.hold_ns
        if isinstance(command, AmendOrder):
            return self._settings.ack_latency_ns
        if isinstance(command, CancelOrder | CancelAll):
            return self._settings.cancel_latency_ns
        return 0

    def _report(self, event: PrivateEvent | PublicEvent) -> None:
        is_public = isinstance(event, QuoteChanged | MarketTraded)
        leaves_ns = event.occurred_ns if is_public else event.occurred_ns + self._settings.fill_latency_ns
        self._counter += 1
        heapq.heappush(self._outbox, (leaves_ns, self._counter, event))

    def _tell_observers(self) -> None:
        touched, self._floor.touched = self._floor.touched, {}
        for account, symbol in touched:
            for observer in self._observers:
                observer.book_changed(account, symbol, self._floor.now_ns)

    def _run_until(self, now_ns: int) -> None:
        """Run commands, timers and funding due by `now_ns` in order of time, then set the time."""
        floor = self._floor
        if self._next_funding_ns is None and now_ns > 0:
            interval = self._settings.funding_interval_ns
            self._next_funding_ns = (now_ns // interval + 1) * interval
        while self._commands or self._timers or self._next_funding_ns is not None:
            due_ns = self._next_due_ns()
            if due_ns is None or due_ns > now_ns:
                break
            floor.now_ns = max(floor.now_ns, due_ns)
            self._run_one(due_ns)
        floor.now_ns = max(floor.now_ns, now_ns)

    def _next_due_ns(self) -> int | None:
        due_ns = self._next_funding_ns
        if self._commands and (due_ns is None or self._commands[0][0] <= due_ns):
            due_ns = self._commands[0][0]
        if self._timers:
            timer_ns = min(self._timers.values())
            due_ns = timer_ns if due_ns is None else min(due_ns, timer_ns)
        return due_ns

    def _run_one(self, due_ns: int) -> None:
        if self._commands and self._commands[0][0] <= due_ns:
            _, command_id, account, command = heapq.heappop(self._commands)
            self._counter += 1
            place = self._counter  # the answer leaves before the events the command caused
            answer = self._perform(account, command)
            done = CommandDone(command_id=command_id, account=account, answer=answer, occurred_ns=self._floor.now_ns)
            heapq.heappush(self._outbox, (self._floor.now_ns, place, done))
            return
        for key, timer_ns in list(self._timers.items()):
            if timer_ns <= due_ns:
                del self._timers[key]
                account_name, symbol = key
                account_record = self._floor.accounts[account_name]
                self._floor.cancel_all(account_record, CancelAll(symbol=symbol), EndReason.CANCEL_TIMER)
                self._tell_observers()
                return
        self._settle_funding(due_ns)

    def _settle_funding(self, due_ns: int) -> None:
        if self._settings.funding_rate:
            self._floor.settle_funding()
        self._next_funding_ns = due_ns + self._settings.funding_interval_ns
        self._floor.history.forget(due_ns - self._settings.history_ns)

    def _perform(self, account_name: str, command: Command) -> Answer:
        floor = self._floor
        account = floor.accounts[account_name]
        answer: Answer
        if isinstance(command, PlaceOrder):
            for observer in self._observers:
                observer.order_received(account_name, command, floor.now_ns)
            answer = floor.place(account, command)
        elif isinstance(command, CancelOrder):
            answer = floor.cancel(account, command)
        elif isinstance(command, CancelAll):
            answer = floor.cancel_all(account, command)
        elif isinstance(command, AmendOrder):
            answer = floor.amend(account, command)
        elif isinstance(command, SetLeverage):
            answer = floor.set_leverage(account, command)
        else:
            answer = self._set_timer(account_name, command)
        if floor.touched:
            self._tell_observers()
        return answer

    def _set_timer(self, account: str, command: SetCancelTimer) -> Answer:
        if command.symbol not in self._floor.books:
            return Refused(reason=RefusalReason.UNKNOWN_SYMBOL, text=f"there is no market {command.symbol}")
        due_ns = self._floor.now_ns + command.delay_ns if command.delay_ns > 0 else 0
        self._timers.pop((account, command.symbol), None)
        if due_ns:
            self._timers[account, command.symbol] = due_ns
        return CancelTimerSet(symbol=command.symbol, due_ns=due_ns)
