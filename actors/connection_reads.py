"""The questions an ExchangeConnection asks, as conversations (`actors.steps`): start, catch-up, one order, audit.

Facts are told in an order that lets nobody conclude too much: trades before cumulatives, fills before the state they
explain, everything before the word that it is complete. A failed question is never an answer: it ends the conversation
with its error, and the caller decides when to try again.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from actors.connection_facts import OrderFacts
from actors.connection_parts import (
    ConnectedGrid,
    ConnectionParts,
    GridReading,
    MarketReading,
    StartMarket,
    StartRefused,
    unknown_market,
)
from actors.log_events import LogEvent
from actors.lost_orders import LostOrders
from actors.messages import (
    ActiveOrdersListed,
    ConnectionReady,
    NoteLevel,
    OrderAmended,
    OrderNotFound,
    OrderSettled,
    PositionRead,
    QueryFailed,
)
from actors.steps import Answer, Failure, Steps, ask, attempt
from exchanges.client import ExchangeClient
from exchanges.errors import ExchangeError, UnknownOrder
from exchanges.order_ids import unpack
from exchanges.reports import ActiveOrders, OrderReport, PositionReport
from exchanges.rounding import plain
from exchanges.values import ZERO, ClientOrderId, FeeRates, MarketRules, OrderId, OrderRef, OrderStatus, TradeId
from exchanges.venue import AccountSetup

_MOST_PAGES: Final = 50
_ABSENT_AFTER: Final = 3
_LARGEST_ROUND_TRIP_NS: Final = 2_000_000_000
_SECOND_NS: Final = 1_000_000_000
_CLOCKS_DIFFER_NS: Final = 600 * _SECOND_NS
_FILLS_EVERY_NS: Final = 60 * _SECOND_NS
"""A venue's archive has a small budget of its own, and what it tells is mostly known."""
_REGISTERED_LATE_NS: Final = 60 * _SECOND_NS
"""An order may be registered when its answer came (or did not come), long after it was sent."""


class VenueReads:
    """Conversations with one exchange. Owner's thread only.

    Args:
        parts: What the connection is built with: the venue that builds the questions, clocks, who is told what.
        client: Takes the reports.
        facts: Tells the owners of orders.
        grids: What trades here, by symbol.
    """

    def __init__(
        self,
        *,
        parts: ConnectionParts,
        client: ExchangeClient,
        facts: OrderFacts,
        grids: Mapping[str, ConnectedGrid],
    ) -> None:
        self.rules: Mapping[str, MarketRules] = {}
        self.markets: dict[str, MarketReading] = {}
        self._known_fills: dict[str, tuple[TradeId | None, int]] = {}
        self._fills_read_ns = 0
        self._exchange = parts.exchange
        self._venue = parts.venue
        self._client = client
        self._facts = facts
        self._grids = grids
        self._clock = parts.clock
        self._venue_clock = parts.venue_clock
        self._seen_sequence = parts.seen_sequence
        self._check_market = parts.check_market
        self._observe = parts.observe
        self._is_placing = parts.is_placing
        may_have_lost = parts.suspect_until_wall_ns > 0
        self._lost = LostOrders(venue=parts.venue, client=client) if may_have_lost else None
        self._absences: Counter[ClientOrderId] = Counter()
        """How often an order was not found when it could not come any more."""
        self._fence_ns = int(parts.venue.capabilities.fence_s * _SECOND_NS)

    # --- start ---

    def prepare(self) -> Steps[None]:
        """Read clock, rules, account and fees.

        Raises:
            StartRefused: an unknown or unusable market, or an account that cannot be set up.
            ExchangeError: a question failed.
        """
        yield from self.read_clock()
        self.rules = (yield from ask(self._venue.markets())).value
        for grid in self._grids.values():
            rules = self._rules_of(grid)
            leverage = min(grid.leverage, rules.max_leverage or grid.leverage)
            yield from self._set_up_account(
                AccountSetup(symbol=grid.symbol, leverage=leverage, may_change=not self._observe)
            )
            fees = (yield from ask(self._venue.fee_rates(grid.symbol))).value
            self.markets[grid.symbol] = MarketReading(rules, fees, leverage)
            yield from self._check(grid, rules, fees, leverage)

    def _set_up_account(self, setup: AccountSetup) -> Steps[None]:
        """Bring the account into the wanted state; whoever only observes reads what it is in and says it."""
        for check in self._venue.account_checks(setup):
            if self._observe and check.request.method != "GET":
                continue
            problem = (yield from ask(check)).value
            if problem and self._observe:
                self._facts.note(LogEvent.START_WARNING, f"{self._exchange}: {problem}", level=NoteLevel.WARNING)
            elif problem:
                raise StartRefused(f"{self._exchange}, {setup.symbol}: {problem}")

    def _check(self, grid: ConnectedGrid, rules: MarketRules, fees: FeeRates, leverage: int) -> Steps[None]:
        """Compare a grid's settings with its market as it is now. Raises StartRefused with every problem."""
        price = (yield from ask(self._venue.best_price(grid.symbol))).value
        account = (yield from ask(self._venue.account_summary())).value
        lots = grid.restored.lots if grid.restored is not None else ()
        market = StartMarket(
            rules=rules,
            fees=fees,
            price=price,
            leverage=leverage,
            equity=account.equity,
            has_open_lots=any(lot.entry_filled != lot.exit_filled for lot in lots),
        )
        problems, warnings = self._check_market(grid.name, market)
        for text in warnings:
            self._facts.note(LogEvent.START_WARNING, text, level=NoteLevel.WARNING)
        if problems:
            raise StartRefused("\n".join(problems))

    def read_clock(self) -> Steps[None]:
        """Measure the venue's clock. A slow answer says too little and is not learned from."""
        answer = yield from ask(self._venue.server_time())
        round_trip_ns = self._clock.monotonic_ns() - answer.asked_ns
        if round_trip_ns <= _LARGEST_ROUND_TRIP_NS or not self._venue_clock.offset_ns:
            self._venue_clock.learn(answer.value, round_trip_ns)

    def _rules_of(self, grid: ConnectedGrid) -> MarketRules:
        rules = self.rules.get(grid.symbol)
        if rules is None:
            raise StartRefused(unknown_market(grid.name, grid.symbol, self._exchange, self.rules))
        return rules

    # --- catch-up ---

    def catch_up(self, *, again: bool = False) -> Steps[dict[str, GridReading]]:
        """Read what happened while nobody listened, and tell it. Returns the readings by symbol.

        `again`: directly after a reading that frames have overtaken. They have told what was filled, so fills, and
        orders that are not listed, are not asked about once more: some venues answer few such questions a minute.

        Raises:
            ExchangeError: a question failed; what was told until then stays true, and the whole can be read again.
        """
        readings = {}
        if not again:
            self._fills_read_ns = self._clock.monotonic_ns()
        for grid in self._grids.values():
            if not again:
                yield from self._read_recent_fills(grid)
            active = yield from ask(self._venue.active_orders(grid.symbol))
            yield from self._take_listed(grid, active.value)
            if not again:
                yield from self._settle_unlisted(grid, active)
            position = yield from ask(self._venue.position(grid.symbol))
            readings[grid.symbol] = GridReading(active, position)
        return readings

    def _read_recent_fills(self, grid: ConnectedGrid) -> Steps[None]:
        """Apply our fills since the newest one that is surely known, page by page, until a page brings nothing new."""
        after, since_ns = known = self._fills_from(grid)
        settled_ns = self._venue_clock.wall_ns() - _REGISTERED_LATE_NS
        for _ in range(_MOST_PAGES):
            page = (yield from ask(self._venue.recent_fills(grid.symbol, after=after, since_ns=since_ns))).value
            for fill in page:
                if self._lost is not None:
                    yield from self._lost.find(fill, self._clock.monotonic_ns())
                self._client.apply(fill, received_ns=self._clock.monotonic_ns())
                if fill.trade_id is not None and known[1] <= fill.occurred_ns < settled_ns:
                    known = (fill.trade_id, fill.occurred_ns)
            newest = page[-1].trade_id if page else None
            if newest is None or newest == after:
                break
            after, since_ns = newest, max(since_ns, page[-1].occurred_ns)
        self._known_fills[grid.symbol] = known
        for order in () if self._lost is None else self._lost.found(grid.symbol):
            yield from self._take_order(grid, order)

    def _fills_from(self, grid: ConnectedGrid) -> tuple[TradeId | None, int]:
        """Return where reading goes on: a trade, and a time of the venue before which every fill of ours is known."""
        known, market = self._known_fills.get(grid.symbol), grid.market
        if known is not None:
            return known
        if market is not None and market.since_wall_ns:
            return TradeId(market.last_trade_id) if market.last_trade_id else None, market.since_wall_ns
        return None, self._venue_clock.wall_ns()

    def _take_listed(self, grid: ConnectedGrid, active: ActiveOrders) -> Steps[None]:
        for report in active.orders:
            yield from self._take_order(grid, report)

    def _take_order(self, grid: ConnectedGrid, report: OrderReport) -> Steps[None]:
        """Apply what the venue says of an order, anybody's: where its cumulative is ahead of the known trades, the
        trades come first.
        """
        owner = report.client_order_id
        if owner is not None and self._client.is_ours(report):
            key = unpack(owner)
            if key is not None:
                self._seen_sequence(key.sequence)
            yield from self._read_missing_trades(grid.symbol, owner, report)
            self._tell_amended(grid, report)
        self._client.apply(report, received_ns=self._clock.monotonic_ns())

    def _tell_amended(self, grid: ConnectedGrid, report: OrderReport) -> None:
        now = self._client.amended(report)
        if now is not None and now.price is not None:
            number = now.client_order_id
            amended = OrderAmended(grid=grid.name, client_order_id=number, price=now.price, quantity=now.quantity)
            self._facts.tell_owner(amended)

    def _settle_unlisted(self, grid: ConnectedGrid, active: Answer[ActiveOrders]) -> Steps[None]:
        """Settle every order we believe live: by the list where it stands there, else by a question of its own, unless
        it was not found often enough: some venues answer few such questions a minute, and all would stand in the way
        of a catch-up for ever.
        """
        listed = {report.client_order_id: report for report in active.value.orders if report.client_order_id}
        for tracked in self._client.live_orders(grid.symbol):
            number = tracked.request.client_order_id
            report = listed.get(number)
            if report is not None:
                self._tell_settled(grid.name, number, report, active.asked_ns)
            elif self._absences[number] >= _ABSENT_AFTER:
                # its owner was told so each time; what it could still become would be told as a late fill
                self._client.reject(number, now_ns=self._clock.monotonic_ns())
                del self._absences[number]
            elif tracked.placed_ns < active.asked_ns:
                yield from self.settle(grid.name, grid.symbol, number)

    # --- one order ---

    def settle(self, grid: str, symbol: str, client_order_id: ClientOrderId) -> Steps[None]:
        """Ask what became of one order and tell its owner: fills first, then OrderSettled, OrderNotFound or
        QueryFailed.

        While it waits in an order lane or its placing has no answer yet, nothing is asked: an absence would prove
        nothing, as the fence counts from when the order leaves. Never raises an ExchangeError.
        """
        if self._is_placing(client_order_id):
            why = "it is still being placed"
            self._facts.tell_owner(QueryFailed(grid=grid, what="order", error=why, client_order_id=client_order_id))
            return
        outcome = yield from attempt(self._venue.query_order(self._ref(symbol, client_order_id)))
        if isinstance(outcome, Failure):
            self._tell_unsettled(grid, client_order_id, outcome)
            return
        self._absences.pop(client_order_id, None)
        yield from self._read_missing_trades(symbol, client_order_id, outcome.value)
        self._client.apply(outcome.value, received_ns=self._clock.monotonic_ns())
        self._tell_settled(grid, client_order_id, outcome.value, outcome.asked_ns)

    def _ref(self, symbol: str, client_order_id: ClientOrderId) -> OrderRef:
        """Name an order to the venue, with the time before which it cannot have come to be, where that is known."""
        ref = self._client.ref(client_order_id, symbol)
        tracked = self._client.order(client_order_id)
        if tracked is None:
            return ref
        if tracked.is_restored:
            grid = self._grids.get(symbol)
            market = grid.market if grid is not None else None
            # Not settled orders of an earlier run were placed after this time, by the clock of that run.
            not_before_ns = market.since_wall_ns - _CLOCKS_DIFFER_NS if market is not None else 0
        else:
            age_ns = self._clock.monotonic_ns() - tracked.placed_ns
            not_before_ns = self._venue_clock.wall_ns() - age_ns - _REGISTERED_LATE_NS
        return replace(ref, not_before_ns=max(0, not_before_ns))

    def _read_missing_trades(self, symbol: str, client_order_id: ClientOrderId, report: OrderReport) -> Steps[None]:
        """Read the trades of an order whose cumulative is ahead of them. Where that fails the cumulative counts."""
        ledger = self._client.ledger
        is_ahead = report.filled > ledger.filled(client_order_id) or ledger.unexplained(client_order_id) > 0
        if is_ahead and report.order_id is not None:
            self._client.know(report.order_id, client_order_id, received_ns=self._clock.monotonic_ns())
            yield from self.explain(symbol, client_order_id, report.order_id)

    def explain(self, symbol: str, client_order_id: ClientOrderId, order_id: OrderId) -> Steps[None]:
        """Read the trades of an order: what its fills really cost. Never raises an ExchangeError."""
        ref = OrderRef(symbol=symbol, client_order_id=client_order_id, order_id=order_id)
        outcome = yield from attempt(self._venue.order_fills(ref))
        if isinstance(outcome, Failure):
            return
        for fill in outcome.value:
            self._client.apply(fill, received_ns=self._clock.monotonic_ns())

    def _tell_unsettled(self, grid: str, client_order_id: ClientOrderId, failure: Failure) -> None:
        why = str(failure.error)
        if isinstance(failure.error, UnknownOrder):
            if not self._can_still_come(client_order_id, failure.asked_ns):
                self._absences[client_order_id] += 1
                found = OrderNotFound(grid=grid, client_order_id=client_order_id, asked_ns=failure.asked_ns)
                self._facts.tell_owner(found)
                return
            why = f"not found, and it can still be accepted: {why}"
        self._facts.tell_owner(QueryFailed(grid=grid, what="order", error=why, client_order_id=client_order_id))

    def _can_still_come(self, client_order_id: ClientOrderId, asked_ns: int) -> bool:
        """Whether a question was asked before an order that left this process could no longer be accepted.

        Its owner counts from when it decided; an order may have waited for the rate budget after that.
        """
        tracked, known = self._client.order(client_order_id), self._client.state(client_order_id)
        if tracked is None or tracked.is_restored or (known is not None and (known.is_accepted or known.has_ended)):
            return False
        return asked_ns <= tracked.placed_ns + self._fence_ns

    def _tell_settled(self, grid: str, client_order_id: ClientOrderId, report: OrderReport, asked_ns: int) -> None:
        """Tell the state of an order; where the ledger knows more than the report (it came late), the ledger's."""
        known = self._client.state(client_order_id)
        status, filled = report.status, report.filled
        if known is not None:
            filled = max(filled, known.filled)
            if known.has_ended and not status.is_terminal:
                # where a cancel's report is not the last word, an answer from before it is none either
                is_last_word = known.status is OrderStatus.FILLED or self._venue.capabilities.cancel_report_is_final
                status = known.status if is_last_word else OrderStatus.UNKNOWN
        if status is OrderStatus.UNKNOWN:
            self._facts.tell_owner(
                QueryFailed(
                    grid=grid, what="order", error="the venue does not say its state", client_order_id=client_order_id
                )
            )
            return
        self._facts.tell_owner(
            OrderSettled(
                grid=grid,
                client_order_id=client_order_id,
                order_id=report.order_id,
                status=status,
                filled=filled,
                asked_ns=asked_ns,
                reason=report.reason,
                price=report.price or None,
                quantity=report.quantity or None,
            )
        )

    # --- audit ---

    def audit(self) -> Steps[int]:
        """Read open orders and position of every market, and now and then the fills, and tell them. Returns how many
        markets could be read.

        A question that fails is told as QueryFailed and never as an empty list.
        """
        complete = 0
        now_ns = self._clock.monotonic_ns()
        reads_fills = now_ns - self._fills_read_ns >= _FILLS_EVERY_NS
        if reads_fills:
            self._fills_read_ns = now_ns
        for grid in self._grids.values():
            if reads_fills:
                yield from self._audit_fills(grid)
            active = yield from attempt(self._venue.active_orders(grid.symbol))
            if isinstance(active, Failure):
                self._tell_failed(grid, "active_orders", active)
                continue
            yield from self._take_listed(grid, active.value)
            self.tell_listed(grid, active)
            position = yield from attempt(self._venue.position(grid.symbol))
            if isinstance(position, Failure):
                self._tell_failed(grid, "position", position)
                continue
            self.tell_position(grid, position)
            complete += 1
        return complete

    def _audit_fills(self, grid: ConnectedGrid) -> Steps[None]:
        """Find a fill that nobody told, also one of an order that was reported as ended before it."""
        try:
            yield from self._read_recent_fills(grid)
        except ExchangeError as error:
            self._facts.tell_both(QueryFailed(grid=grid.name, what="recent_fills", error=str(error)))

    def _tell_failed(self, grid: ConnectedGrid, what: str, failure: Failure) -> None:
        self._facts.tell_both(QueryFailed(grid=grid.name, what=what, error=str(failure.error)))

    def tell_listed(self, grid: ConnectedGrid, active: Answer[ActiveOrders]) -> None:
        """Tell which of our orders the venue lists."""
        compared = self._client.snapshot(active.value, asked_ns=active.asked_ns)
        message = ActiveOrdersListed(
            grid=grid.name,
            client_order_ids=compared.listed,
            foreign=len(compared.foreign),
            asked_ns=active.asked_ns,
        )
        self._facts.tell_both(message, journaled=False)

    def tell_position(self, grid: ConnectedGrid, position: Answer[PositionReport]) -> None:
        """Tell the account's position."""
        report = position.value
        message = PositionRead(
            grid=grid.name,
            quantity=report.quantity,
            entry_price=report.entry_price,
            liquidation_price=report.liquidation_price,
            asked_ns=position.asked_ns,
        )
        self._facts.tell_both(message, journaled=False)

    # --- ready ---

    def foreign_problem(self, grid: ConnectedGrid, reading: GridReading, filled_net: Decimal) -> str:
        """Return what of a market is not this bot's, for the start, or an empty text.

        `filled_net` is the signed quantity of our fills told by this catch-up: they happened while we were away.
        """
        restored = grid.restored
        ours = filled_net
        if restored is not None:
            ours += restored.external
            ours += grid.sign * sum((lot.entry_filled - lot.exit_filled for lot in restored.lots), ZERO)
        foreign = self._client.snapshot(reading.active.value).foreign
        found = []
        if foreign:
            found.append(f"{len(foreign)} open orders")
        if reading.position.value.quantity != ours:
            found.append(f"a position of {plain(reading.position.value.quantity - ours)}")
        return " and ".join(found)

    def tell_ready(self, grid: ConnectedGrid, reading: GridReading) -> None:
        """Tell that everything about a grid's market has been read and told."""
        self._lost = None  # what fills from now on was listed
        market = self.markets[grid.symbol]
        applied = reading.position.value.leverage
        leverage = market.leverage if applied is None else max(1, int(applied))
        if leverage != grid.leverage:
            self._facts.note(
                LogEvent.RISK_LIMIT_HIT,
                f"{grid.symbol}: leverage {leverage} applies, {grid.leverage} was asked for",
                level=NoteLevel.WARNING,
                grid=grid.name,
            )
        self._facts.tell_both(
            ConnectionReady(
                grid=grid.name,
                rules=market.rules,
                fees=market.fees,
                position=reading.position.value.quantity,
                leverage=leverage,
                foreign_orders=self._client.snapshot(reading.active.value).foreign,
                asked_ns=reading.position.asked_ns,
            )
        )
