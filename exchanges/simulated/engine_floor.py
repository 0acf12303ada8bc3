"""Where orders meet the market: the matching half of the engine. `exchanges.simulated.engine` lists the rules."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from exchanges.simulated.account import Account
from exchanges.simulated.book import Book, Offer, Order
from exchanges.simulated.engine_ledger import Ledger, Report
from exchanges.simulated.engine_rules import check_notional, check_order, check_price, check_quantity, refuse
from exchanges.simulated.engine_types import (
    Amended,
    AmendOrder,
    Answer,
    CancelAll,
    Canceled,
    CancelOrder,
    EndReason,
    EngineSettings,
    IncomeKind,
    LeverageChanged,
    LeverageSet,
    Liquidated,
    MarketSpec,
    MarketTraded,
    OrderAccepted,
    OrderAmended,
    OrderType,
    Placed,
    PlaceOrder,
    QuoteTick,
    RefusalReason,
    Refused,
    SelfTrade,
    SetLeverage,
    TimeInForce,
    TradeTick,
    TradeView,
)
from exchanges.simulated.settings import PostOnlyReject
from exchanges.values import ZERO, Side

FillCut = Callable[[Decimal, Decimal], Decimal]
"""(quantity that could fill now, step) -> how much of it fills now: 0 < result <= quantity, a multiple of step."""

DEFAULT_MAX_LEVERAGE = 125


class Floor(Ledger):
    """Matches orders with the market and with each other."""

    def __init__(
        self, markets: Sequence[MarketSpec], settings: EngineSettings, report: Report, cut: FillCut | None
    ) -> None:
        super().__init__(markets, settings, report)
        self._cut = cut

    # --- the market moves ---

    def show(self, quote: QuoteTick) -> None:
        """A new touch: resting orders it met or went through fill; then margin is checked."""
        book = self.books[quote.symbol]
        book.show(quote)
        for side in (Side.BUY, Side.SELL):
            for order, is_through in book.met_by_quote(side):
                self._fill_met(book, order, is_through=is_through)
        self.check_maintenance(quote.symbol)

    def print_trade(self, tick: TradeTick) -> None:
        """A trade between others: it takes the queue ahead of us, then us."""
        symbol, price, quantity, buyer_is_maker = tick
        trade_id = self.take_trade_id(symbol)
        self.report(MarketTraded(symbol, trade_id, price, quantity, buyer_is_maker, self.now_ns))
        book = self.books[symbol]
        if not book.buys and not book.sells:
            return
        for order, share in book.hit_by_trade(price, quantity, buyer_is_maker=buyer_is_maker):
            if order.is_open:
                self._fill_maker(order, share, shown=False)

    def _fill_met(self, book: Book, order: Order, *, is_through: bool) -> None:
        if not order.is_open:
            return
        far = order.side.opposite
        quantity = order.remaining if is_through else min(order.remaining, book.left_at_touch(far))
        if quantity <= 0:
            return
        filled = self._fill_maker(order, quantity, shown=True)
        if not is_through:
            book.take(far, filled)

    def _fill_maker(self, order: Order, quantity: Decimal, *, shown: bool) -> Decimal:
        """Fill a resting order at its own price; return how much was filled."""
        allowed = self._allowed(order, quantity)
        if allowed <= 0:
            self.end(order, EndReason.REDUCE_ONLY)
            return ZERO
        step = self.books[order.symbol].spec.rules.step
        if self._cut is not None and allowed > step:
            allowed = self._cut(allowed, step)
        self.book_trade(order, order.price, allowed, is_maker=True, shown=shown)
        self._expire_pointless(order)
        return allowed

    def _allowed(self, order: Order, quantity: Decimal) -> Decimal:
        if not order.reduce_only:
            return quantity
        position = self.position_of(self.accounts[order.account], order.symbol)
        return min(quantity, position.closable(order.side))

    def _expire_pointless(self, cause: Order) -> None:
        """End resting reduce-only orders that have nothing left to reduce after an execution of `cause`."""
        position = self.position_of(self.accounts[cause.account], cause.symbol)
        for order in self.books[cause.symbol].resting():
            if order.account == cause.account and order.reduce_only and position.closable(order.side) <= 0:
                self.end(order, EndReason.REDUCE_ONLY)

    # --- orders arrive ---

    def place(self, account: Account, command: PlaceOrder) -> Answer:
        """Check an order, let it take what it may, let the rest rest or expire."""
        refused = self._refuse_order(account, command)
        if refused is not None:
            return refused
        order = self._new_order(account, command)
        refused = self._refuse_money(account, order) or self._refuse_taking(command)
        if refused is not None:
            return refused
        self._accept(order)
        accepted = order.view()
        trades = self._match_new(order)
        return Placed(accepted=accepted, final=order.view(), trades=tuple(trades))

    def _refuse_order(self, account: Account, command: PlaceOrder) -> Refused | None:
        book = self.books.get(command.symbol)
        if book is None:
            return refuse(RefusalReason.UNKNOWN_SYMBOL, f"there is no market {command.symbol}")
        refused = check_order(book.spec, command, book.mark_price())
        if refused is not None:
            return refused
        same = self.history.find(account.name, command.symbol, None, command.client_id or None)
        if same is not None and same.is_open:
            return refuse(RefusalReason.DUPLICATE_CLIENT_ID, f"an open order has client id {command.client_id}")
        count = sum(1 for order in (*book.buys, *book.sells) if order.account == account.name)
        if count >= book.spec.rules.max_open_orders:
            return refuse(RefusalReason.TOO_MANY_ORDERS, f"{count} orders are open in {command.symbol}")
        return self._refuse_reduce_only(account, command, book) if command.reduce_only else None

    def _refuse_reduce_only(self, account: Account, command: PlaceOrder, book: Book) -> Refused | None:
        closable = self.position_of(account, command.symbol).closable(command.side)
        resting = book.buys if command.side is Side.BUY else book.sells
        covered = sum((o.remaining for o in resting if o.account == account.name and o.reduce_only), ZERO)
        if closable <= covered:
            text = f"{closable} can be reduced and {covered} of it is covered by resting orders"
            return refuse(RefusalReason.REDUCE_ONLY, text)
        return None

    def _refuse_money(self, account: Account, order: Order) -> Refused | None:
        if order.reduce_only:
            return None
        priced = order
        quote = self.books[order.symbol].quote
        if order.order_type is OrderType.MARKET and quote is not None:
            price = quote.ask if order.side is Side.BUY else quote.bid
            priced = replace(order, price=price)
        needed = self.margin(account, order.symbol, priced).orders - self.margin(account, order.symbol).orders
        if needed > 0 and self.available(account, priced) < 0:
            return refuse(RefusalReason.MARGIN, f"the order needs {needed} more margin than is available")
        return None

    def lacks_margin(self, account: Account, command: PlaceOrder) -> bool:
        """Return whether an order needs more margin than is available; nothing is changed."""
        return self._refuse_money(account, self._new_order(account, command)) is not None

    def _refuse_taking(self, command: PlaceOrder) -> Refused | None:
        book, price = self.books[command.symbol], command.price
        if not command.refuse_if_taking or command.time_in_force is not TimeInForce.GTX or price is None:
            return None
        if self.settings.post_only_reject is PostOnlyReject.BY_BOOK and book.would_take(command.side, price):
            return refuse(RefusalReason.POST_ONLY, "the post-only order would take")
        return None

    def _new_order(self, account: Account, command: PlaceOrder) -> Order:
        stp = command.self_trade or account.self_trade or self.settings.self_trade
        return Order(
            account=account.name,
            symbol=command.symbol,
            order_id=self.next_order_id,
            client_id=command.client_id or f"sim-{self.next_order_id}",
            side=command.side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            price=command.price if command.price is not None else ZERO,
            quantity=command.quantity,
            reduce_only=command.reduce_only,
            self_trade=stp,
            created_ns=self.now_ns,
            updated_ns=self.now_ns,
        )

    def _accept(self, order: Order) -> None:
        self.next_order_id = order.order_id + 1
        self.history.add(order)
        self.touch(order)
        self.report(OrderAccepted(order=order.view(), occurred_ns=self.now_ns))

    def _match_new(self, order: Order) -> list[TradeView]:
        book = self.books[order.symbol]
        if order.time_in_force is TimeInForce.GTX and order.order_type is OrderType.LIMIT:
            would_take = book.would_take(order.side, order.price)
            if would_take and self.settings.post_only_reject is PostOnlyReject.BY_BOOK:
                self.end(order, EndReason.POST_ONLY)
            else:
                book.add(order)
            return []
        if order.time_in_force is TimeInForce.FOK and book.reachable(order) < order.quantity:
            self.end(order, EndReason.FILL_OR_KILL)
            return []
        trades = self._take(order)
        if order.is_open:
            self._rest_or_expire(book, order)
        return trades

    def _rest_or_expire(self, book: Book, order: Order) -> None:
        if order.order_type is OrderType.MARKET:
            self.end(order, EndReason.NO_LIQUIDITY)
        elif order.time_in_force is TimeInForce.GTC:
            book.add(order)
        else:
            self.end(order, EndReason.IMMEDIATE)

    # --- orders that take ---

    def _take(self, order: Order) -> list[TradeView]:
        """Let an order take from the market and from other accounts within its limit; return its executions."""
        book = self.books[order.symbol]
        limit = order.price if order.order_type is OrderType.LIMIT else None
        trades: list[TradeView] = []
        while order.is_open:
            offer = book.next_offer(order.side, limit)
            if offer is None:
                break
            if offer.resting is not None and offer.resting.account == order.account:
                self._prevent_self_trade(order, offer.resting)
                continue
            quantity = self._allowed(order, min(order.remaining, offer.quantity))
            if quantity <= 0:
                self.end(order, EndReason.REDUCE_ONLY)
                break
            traded = self._trade_with(book, order, offer, quantity)
            if traded is not None:
                trades.append(traded)
        return trades

    def _prevent_self_trade(self, taker: Order, maker: Order) -> None:
        if taker.self_trade in (SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH):
            self.end(maker, EndReason.SELF_TRADE)
        if taker.self_trade in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
            self.end(taker, EndReason.SELF_TRADE)

    def _trade_with(self, book: Book, order: Order, offer: Offer, quantity: Decimal) -> TradeView | None:
        maker = offer.resting
        if maker is None:
            book.take(order.side.opposite, quantity)
        else:
            quantity = self._allowed(maker, quantity)
            if quantity <= 0:
                self.end(maker, EndReason.REDUCE_ONLY)
                return None
        trade = self.book_trade(order, offer.price, quantity, is_maker=False, shown=True)
        if maker is not None:
            self.book_trade(maker, offer.price, quantity, is_maker=True, shown=False)
            self._expire_pointless(maker)
        self._expire_pointless(order)
        return trade

    # --- orders change ---

    def cancel(self, account: Account, command: CancelOrder) -> Answer:
        """Cancel one open order."""
        order = self.history.find(account.name, command.symbol, command.order_id, command.client_id)
        if order is None or not order.is_open:
            return refuse(RefusalReason.UNKNOWN_ORDER, "no such open order")
        self.end(order, EndReason.REQUESTED)
        return Canceled(orders=(order.view(),))

    def cancel_all(self, account: Account, command: CancelAll, reason: EndReason = EndReason.REQUESTED) -> Answer:
        """Cancel all open orders of one market or of all."""
        if command.symbol is not None and command.symbol not in self.books:
            return refuse(RefusalReason.UNKNOWN_SYMBOL, f"there is no market {command.symbol}")
        ended = []
        for symbol, book in self.books.items():
            for order in book.resting() if command.symbol in (None, symbol) else ():
                if order.account == account.name:
                    self.end(order, reason)
                    ended.append(order.view())
        return Canceled(orders=tuple(ended))

    def amend(self, account: Account, command: AmendOrder) -> Answer:
        """Re-price or re-size an open limit order; on a refusal it rests unchanged."""
        order = self.history.find(account.name, command.symbol, command.order_id, command.client_id)
        if order is None or not order.is_open:
            return refuse(RefusalReason.UNKNOWN_ORDER, "no such open order")
        book = self.books[order.symbol]
        refused = self._refuse_amend(account, book, order, command)
        if refused is not None:
            return refused
        if command.quantity <= order.filled:
            self.end(order, EndReason.REQUESTED)
            return Amended(order=order.view())
        keeps_place = command.price == order.price and command.quantity <= order.quantity
        order.price, order.quantity, order.updated_ns = command.price, command.quantity, self.now_ns
        self.touch(order)
        self.report(OrderAmended(order=order.view(), occurred_ns=self.now_ns))
        if not keeps_place:
            book.remove(order)
            if order.time_in_force is TimeInForce.GTC:
                self._take(order)
            if order.is_open:
                book.add(order)
        return Amended(order=order.view())

    def _refuse_amend(self, account: Account, book: Book, order: Order, command: AmendOrder) -> Refused | None:
        if order.order_type is not OrderType.LIMIT:
            return refuse(RefusalReason.AMEND_NOT_LIMIT, "only limit orders can be amended")
        rules = book.spec.rules
        refused = (
            check_quantity(rules, order.order_type, command.quantity)
            or check_price(rules, order.side, command.price, book.mark_price())
            or check_notional(rules, command.price, command.quantity, reduce_only=order.reduce_only)
        )
        if refused is not None:
            return refused
        if order.time_in_force is TimeInForce.GTX and book.would_take(order.side, command.price):
            return refuse(RefusalReason.AMEND_WOULD_TAKE, "the post-only order would take")
        added = (command.quantity - order.filled) * command.price - order.remaining * order.price
        if order.reduce_only or added <= 0:
            return None
        leverage = self.position_of(account, order.symbol).leverage
        if self.available(account) < added / leverage:
            return refuse(RefusalReason.MARGIN, f"the change needs {added / leverage} more margin")
        return None

    def set_leverage(self, account: Account, command: SetLeverage) -> Answer:
        """Set the leverage of one market, if the margin still suffices."""
        book = self.books.get(command.symbol)
        if book is None:
            return refuse(RefusalReason.UNKNOWN_SYMBOL, f"there is no market {command.symbol}")
        most = book.spec.rules.max_leverage or DEFAULT_MAX_LEVERAGE
        if not 1 <= command.leverage <= most:
            return refuse(RefusalReason.LEVERAGE, f"leverage {command.leverage} is outside 1..{most}")
        position = self.position_of(account, command.symbol)
        before, position.leverage = position.leverage, command.leverage
        if command.leverage < before and self.available(account) < 0:
            position.leverage = before
            return refuse(RefusalReason.LEVERAGE_MARGIN, "not enough margin for the lower leverage")
        self.revision += 1
        self.report(
            LeverageChanged(
                account=account.name, symbol=command.symbol, leverage=command.leverage, occurred_ns=self.now_ns
            )
        )
        return LeverageSet(symbol=command.symbol, leverage=command.leverage)

    # --- liquidation ---

    def check_maintenance(self, symbol: str) -> None:
        """Liquidate the accounts with a position in this market whose equity fell below maintenance."""
        for account in self.accounts.values():
            position = account.positions.get(symbol)
            if position is not None and position.quantity and self.is_below_maintenance(account):
                self._liquidate(account)

    def _liquidate(self, account: Account) -> None:
        money = self.balance_view(account)
        self.report(
            Liquidated(
                account=account.name,
                equity=money.equity,
                maintenance_margin=money.maintenance_margin,
                occurred_ns=self.now_ns,
            )
        )
        self.cancel_all(account, CancelAll(), EndReason.LIQUIDATION)
        for symbol, position in account.positions.items():
            if position.quantity and self.books[symbol].quote is not None:
                self._close_out(account, symbol)
        if account.wallet < 0:
            self.credit(account, IncomeKind.INSURANCE, -account.wallet, "")

    def _close_out(self, account: Account, symbol: str) -> None:
        """Close a position at the market, whatever the price, and charge the liquidation fee."""
        position = account.positions[symbol]
        quantity = abs(position.quantity)
        side = Side.SELL if position.quantity > 0 else Side.BUY
        command = PlaceOrder(
            symbol=symbol, side=side, order_type=OrderType.MARKET, quantity=quantity, time_in_force=TimeInForce.IOC
        )
        order = self._new_order(account, command)
        order.is_liquidation = True
        order.client_id = f"autoclose-{order.order_id}"
        self._accept(order)
        self._take(order)
        book = self.books[symbol]
        if order.is_open and book.quote is not None:  # beyond the known depth: the rest goes at the deepest level
            touch = book.quote.ask if side is Side.BUY else book.quote.bid
            depth = book.spec.rules.tick * self.settings.depth_ticks * self.settings.depth_levels
            price = max(touch + depth * side.sign, book.spec.rules.tick)
            self.book_trade(order, price, order.remaining, is_maker=False, shown=True)
        fee = order.cost * self.settings.liquidation_fee_rate
        self.credit(account, IncomeKind.LIQUIDATION_FEE, -fee, symbol)
        account.fees += fee
