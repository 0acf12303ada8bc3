"""Who owns what on the simulated venue: accounts, positions, margin, fees, funding, and the reports about them.

Everything that moves money or ends an order passes through here, so that the record, the events and the observers
can not disagree.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from exchanges.simulated.account import Account, MarginLine, Position, liquidation_price, margin_line
from exchanges.simulated.book import Book, Order
from exchanges.simulated.engine_history import History
from exchanges.simulated.engine_state import EngineState
from exchanges.simulated.engine_types import (
    BalanceChanged,
    BalanceView,
    ChangeReason,
    EndReason,
    EngineSettings,
    IncomeKind,
    IncomeView,
    MarketSpec,
    MarketTraded,
    OrderCanceled,
    OrderExpired,
    PositionChanged,
    PositionView,
    PrivateEvent,
    PublicEvent,
    Traded,
    TradeView,
)
from exchanges.values import ZERO, OrderStatus, Side

Report = Callable[[PrivateEvent | PublicEvent], None]

_CANCELED = frozenset({EndReason.REQUESTED, EndReason.CANCEL_TIMER, EndReason.LIQUIDATION})


class Ledger:
    """Accounts and books of one venue. `report` is called with every event as it happens; `now_ns` is set by the
    engine before each step.
    """

    def __init__(self, markets: Sequence[MarketSpec], settings: EngineSettings, report: Report) -> None:
        self.settings = settings
        self.books = {spec.rules.symbol: Book(spec, settings) for spec in markets}
        self.accounts: dict[str, Account] = {}
        self.history = History()
        self.now_ns = 0
        self.revision = 0
        self.next_order_id = 1
        self.next_trade_id = dict.fromkeys(self.books, 1)
        self.next_income_id = 1
        self.touched: dict[tuple[str, str], None] = {}
        self.report = report

    # --- money ---

    def open_account(self, name: str, deposit: Decimal) -> None:
        """Create an account; does nothing if there is one of that name."""
        if name in self.accounts:
            return
        account = Account(name=name)
        self.accounts[name] = account
        self.credit(account, IncomeKind.DEPOSIT, deposit, "")
        self._report_balance(account, deposit, ChangeReason.DEPOSIT, "")

    def credit(self, account: Account, kind: IncomeKind, change: Decimal, symbol: str, trade_id: int = 0) -> None:
        """Change the wallet and write the income row. A change of 0 leaves no row."""
        if not change:
            return
        account.wallet += change
        account.updated_ns = self.now_ns
        self.revision += 1
        row = IncomeView(
            account=account.name,
            income_id=self.next_income_id,
            kind=kind,
            symbol=symbol,
            change=change,
            asset=self.asset,
            trade_id=trade_id,
            occurred_ns=self.now_ns,
        )
        self.next_income_id += 1
        self.history.income.append(row)

    @property
    def asset(self) -> str:
        """What wallets are counted in: the quote asset of the first market."""
        for book in self.books.values():
            return book.spec.rules.quote_asset
        return ""

    def position_of(self, account: Account, symbol: str) -> Position:
        """The position record, made on first use."""
        position = account.positions.get(symbol)
        if position is None:
            most = self.books[symbol].spec.rules.max_leverage
            leverage = self.settings.default_leverage
            position = account.positions[symbol] = Position(min(leverage, most) if most else leverage)
        return position

    def settle_funding(self) -> None:
        """Let every position pay or receive funding at the current mark: longs pay a positive rate."""
        for account in self.accounts.values():
            for symbol, position in account.positions.items():
                mark = self.books[symbol].mark_price() if symbol in self.books else None
                if mark is None or not position.quantity:
                    continue
                change = -position.quantity * mark * self.settings.funding_rate
                self.credit(account, IncomeKind.FUNDING, change, symbol)
                account.funding += change
                self._report_balance(account, change, ChangeReason.FUNDING, symbol)

    def load(self, state: EngineState) -> None:
        """Take over a saved state. Raises ValueError where it needs a market this venue does not have."""
        for order in state.orders:
            if order.is_open and order.symbol not in self.books:
                raise ValueError(f"the saved account has an open order in {order.symbol}, which is not a market here")
        for account in state.accounts:
            for symbol in [name for name in account.positions if name not in self.books]:
                if account.positions[symbol].quantity:
                    raise ValueError(f"the saved account has a position in {symbol}, which is not a market here")
                del account.positions[symbol]
        self.now_ns = max(self.now_ns, state.now_ns)
        self.next_order_id = state.next_order_id
        self.next_trade_id |= {s: n for s, n in state.next_trade_id.items() if s in self.books}
        self.next_income_id = state.next_income_id
        self.accounts = {account.name: account for account in state.accounts}
        self.history.income = state.income
        for trade in state.trades:
            self.history.add_trade(trade)
        for order in state.orders:
            self.history.add(order)
            if order.is_open:
                self.books[order.symbol].insert(order)

    # --- margin ---

    def margin(self, account: Account, symbol: str, extra: Order | None = None) -> MarginLine:
        """What a market ties up, with `extra` as if it rested too."""
        book = self.books[symbol]
        orders = [order for order in (*book.buys, *book.sells) if order.account == account.name]
        if extra is not None:
            orders.append(extra)
        return margin_line(self.position_of(account, symbol), book.spec, book.mark_price(), orders)

    def available(self, account: Account, extra: Order | None = None) -> Decimal:
        """What is left for new orders, negative where short, with `extra` as if it rested too."""
        left = account.wallet
        for symbol in self.books:
            asked = extra if extra is not None and extra.symbol == symbol else None
            if asked is None and symbol not in account.positions:
                continue
            line = self.margin(account, symbol, asked)
            left += line.unrealized - line.position - line.orders
        return left

    def is_below_maintenance(self, account: Account) -> bool:
        """Whether equity no longer carries the maintenance margin of the open positions."""
        equity, maintenance = account.wallet, ZERO
        for symbol, position in account.positions.items():
            mark = self.books[symbol].mark_price()
            if position.quantity and mark is not None:
                equity += position.unrealized(mark)
                maintenance += abs(position.quantity) * mark * self.books[symbol].spec.maintenance_rate
        return maintenance > 0 and equity < maintenance

    # --- views ---

    def position_view(self, account: Account, symbol: str) -> PositionView:
        """The position as it stands."""
        book = self.books[symbol]
        position = self.position_of(account, symbol)
        mark = book.mark_price()
        line = self.margin(account, symbol)
        spare = account.wallet
        for other in account.positions:
            if other != symbol and account.positions[other].quantity:
                held = self.margin(account, other)
                spare += held.unrealized - held.maintenance
        return PositionView(
            account=account.name,
            symbol=symbol,
            quantity=position.quantity,
            entry_price=position.entry_price,
            mark_price=ZERO if mark is None else mark,
            unrealized_pnl=line.unrealized,
            realized_pnl=position.realized,
            leverage=position.leverage,
            initial_margin=line.position,
            maintenance_margin=line.maintenance,
            liquidation_price=liquidation_price(position, book.spec, spare),
            updated_ns=position.updated_ns,
        )

    def balance_view(self, account: Account) -> BalanceView:
        """The money as it stands."""
        lines = [self.margin(account, symbol) for symbol in account.positions]
        unrealized = sum((line.unrealized for line in lines), ZERO)
        held = sum((line.position for line in lines), ZERO)
        ordered = sum((line.orders for line in lines), ZERO)
        equity = account.wallet + unrealized
        return BalanceView(
            account=account.name,
            asset=self.asset,
            wallet=account.wallet,
            unrealized_pnl=unrealized,
            equity=equity,
            position_margin=held,
            order_margin=ordered,
            maintenance_margin=sum((line.maintenance for line in lines), ZERO),
            available=max(equity - held - ordered, ZERO),
            fees=account.fees,
            funding=account.funding,
            realized_pnl=account.realized,
            updated_ns=account.updated_ns,
        )

    # --- orders ---

    def end(self, order: Order, reason: EndReason) -> None:
        """End an order with what is left of it: CANCELED where somebody asked, EXPIRED where the venue did it."""
        canceled = reason in _CANCELED
        order.status = OrderStatus.CANCELED if canceled else OrderStatus.EXPIRED
        order.end_reason = reason
        order.updated_ns = self.now_ns
        self.books[order.symbol].remove(order)
        self.touch(order)
        kind = OrderCanceled if canceled else OrderExpired
        self.report(kind(order=order.view(), occurred_ns=self.now_ns))

    def touch(self, order: Order) -> None:
        """Note that orders or position of the order's account changed."""
        self.revision += 1
        self.touched[order.account, order.symbol] = None

    def book_trade(self, order: Order, price: Decimal, quantity: Decimal, *, is_maker: bool, shown: bool) -> TradeView:
        """Book one execution of one order: order, position, wallet, records, events.

        `shown`: print it on the public tape too (not where it is our share of a trade that was printed already).
        """
        account = self.accounts[order.account]
        position = self.position_of(account, order.symbol)
        fees = self.books[order.symbol].spec.fees
        fee = price * quantity * (fees.maker if is_maker else fees.taker)
        realized = position.apply(order.side, price, quantity, self.now_ns)
        order.fill(price, quantity, self.now_ns)
        trade = self._record(order, price, quantity, fee, realized, is_maker=is_maker)
        self.credit(account, IncomeKind.REALIZED_PNL, realized, order.symbol, trade.trade_id)
        self.credit(account, IncomeKind.FEE, -fee, order.symbol, trade.trade_id)
        account.fees += fee
        account.realized += realized
        if not order.is_open:
            self.books[order.symbol].remove(order)
        self.touch(order)
        if shown:
            buyer_is_maker = is_maker == (order.side is Side.BUY)
            self.report(MarketTraded(order.symbol, trade.trade_id, price, quantity, buyer_is_maker, self.now_ns))
        self.report(Traded(order=order.view(), trade=trade, occurred_ns=self.now_ns))
        reason = ChangeReason.LIQUIDATION if order.is_liquidation else ChangeReason.ORDER
        self._report_balance(account, ZERO, reason, order.symbol)
        view = self.position_view(account, order.symbol)
        self.report(PositionChanged(position=view, reason=reason, occurred_ns=self.now_ns))
        return trade

    def take_trade_id(self, symbol: str) -> int:
        """The next trade id of a market."""
        trade_id = self.next_trade_id[symbol]
        self.next_trade_id[symbol] = trade_id + 1
        return trade_id

    def _record(
        self, order: Order, price: Decimal, quantity: Decimal, fee: Decimal, realized: Decimal, *, is_maker: bool
    ) -> TradeView:
        trade = TradeView(
            account=order.account,
            symbol=order.symbol,
            trade_id=self.take_trade_id(order.symbol),
            order_id=order.order_id,
            client_id=order.client_id,
            side=order.side,
            price=price,
            quantity=quantity,
            cumulative=order.filled,
            fee=fee,
            fee_asset=self.asset,
            realized_pnl=realized,
            is_maker=is_maker,
            occurred_ns=self.now_ns,
        )
        self.history.add_trade(trade)
        return trade

    def _report_balance(self, account: Account, change: Decimal, reason: ChangeReason, symbol: str) -> None:
        self.report(
            BalanceChanged(
                account=account.name,
                asset=self.asset,
                wallet=account.wallet,
                change=change,
                reason=reason,
                symbol=symbol,
                occurred_ns=self.now_ns,
            )
        )
