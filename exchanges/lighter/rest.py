"""One function per question this bot asks by REST, and how its answer is read (venues/lighter.md, section 13).

A standard account has 60 questions a minute, whatever their weight; those for trades are fewer (section 4) and have a
budget of their own here ('history'). Where a question needs the number of a market that is not known yet, the markets
are asked for first.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from exchanges.errors import MalformedMessage, OutcomeUnknown
from exchanges.lighter import markets, parsing
from exchanges.lighter.account import Account
from exchanges.lighter.markets import Market
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields, malformed
from exchanges.reports import AccountReport, ActiveOrders, BestPrice, FillReport, OrderReport, PositionReport
from exchanges.values import ZERO, FeeRates, MarketRules, OrderRef, PriceSource
from exchanges.venue import Call, HttpRequest, Undecided
from exchanges.wire_fields import LATEST_NS

T = TypeVar("T")

PAGE_ROWS: Final = 100
MOST_PAGES: Final = 30
DEPTH_ROWS: Final = 20
_NS: Final = 1_000_000_000
_CATCH_UP_MARGIN_NS: Final = 10 * _NS
"""Trades are read from a little before the asked time: clocks differ, and a trade read twice counts once."""
_PPM: Final = Decimal(1_000_000)
_LATEST_S: Final = LATEST_NS // _NS - 1


def query(
    name: str, parameters: dict[str, str | int], *, private: bool = False, of_history: bool = False
) -> HttpRequest:
    """Return the request of a reading under /api/v1."""
    return HttpRequest(
        operation=f"GET {name}",
        method="GET",
        path=f"/api/v1/{name}",
        parameters=tuple((key, str(value)) for key, value in parameters.items()),
        signed=private,
        history_weight=int(of_history),
    )


def with_market(account: Account, symbol: str, ask: Callable[[Market], Call[T]]) -> Call[T]:
    """Return the call that `ask` makes of a market, after the question for all markets where it is not known yet."""
    known = account.markets.get(symbol)
    if known is not None:
        return ask(known)

    def parse(data: Any, _received_ns: int) -> T:  # noqa: ANN401 - a decoded body
        account.markets.learn(markets.markets(data))
        found = account.markets.get(symbol)
        if found is None:
            raise MalformedMessage(EXCHANGE, "GET orderBookDetails", f"there is no market {symbol}")
        raise Undecided(EXCHANGE, "GET orderBookDetails", "the markets are known now", further=ask(found))

    return account.read(_markets_query(), parse)


def _markets_query() -> HttpRequest:
    return query("orderBookDetails", {"filter": "perp"})


# --- public ---


def server_time(account: Account) -> Call[int]:
    """The venue's clock in wall nanoseconds. It tells whole seconds only: half of one is added."""
    request = HttpRequest(operation="GET /", method="GET", path="/")
    return account.read(request, lambda data, _: server_time_ns(data))


def server_time_ns(data: object) -> int:
    """Read the answer of the root: seconds."""
    return Fields(data, "/").natural("timestamp", _LATEST_S) * _NS + _NS // 2


def all_markets(account: Account) -> Call[dict[str, MarketRules]]:
    """The rules of every perpetual market by symbol. Their numbers are learned on the way."""

    def parse(data: Any, _received_ns: int) -> dict[str, MarketRules]:  # noqa: ANN401 - a decoded body
        found = markets.markets(data)
        account.markets.learn(found)
        return {each.rules.symbol: each.rules for each in found}

    return account.read(_markets_query(), parse)


def best_price(account: Account, symbol: str) -> Call[BestPrice]:
    """Best bid and ask out of the resting orders at the top of the book."""

    def ask(market: Market) -> Call[BestPrice]:
        request = query("orderBookOrders", {"market_id": market.index, "limit": DEPTH_ROWS})
        return account.read(request, partial(top_of_orders, symbol))

    return with_market(account, symbol, ask)


def top_of_orders(symbol: str, data: object, received_ns: int) -> BestPrice:
    """Read single orders of a book: the best price of each side with the sizes at it. An empty side is price 0."""
    fields = Fields(data, "orderBookOrders")
    bid, bid_quantity = _best(fields.rows("bids"), max)
    ask, ask_quantity = _best(fields.rows("asks"), min)
    return BestPrice(
        symbol=symbol,
        bid=bid,
        bid_quantity=bid_quantity,
        ask=ask,
        ask_quantity=ask_quantity,
        occurred_ns=0,
        received_ns=received_ns,
        source=PriceSource.REST,
    )


def _best(rows: list[Any], better: Callable[..., Decimal]) -> tuple[Decimal, Decimal]:
    orders = [Fields(row, "orderBookOrders") for row in rows]
    if not orders:
        return ZERO, ZERO
    best = better(order.amount("price") for order in orders)
    return best, sum((each.amount("remaining_base_amount") for each in orders if each.amount("price") == best), ZERO)


# --- orders ---


def open_orders(account: Account, symbol: str) -> Call[ActiveOrders]:
    """Every open order of one market."""

    def ask(market: Market) -> Call[ActiveOrders]:
        request = query(
            "accountActiveOrders", {"account_index": account.index, "market_id": market.index}, private=True
        )
        return account.read(request, lambda data, received_ns: active_orders(data, symbol, market.index, received_ns))

    return with_market(account, symbol, ask)


def active_orders(data: object, symbol: str, market_index: int, received_ns: int) -> ActiveOrders:
    """Read the list of open orders of one market. Orders of other markets do not belong in it."""
    return ActiveOrders(
        symbol=symbol,
        orders=tuple(
            order_row(row, symbol, market_index, received_ns)
            for row in Fields(data, "accountActiveOrders").rows("orders")
        ),
        received_ns=received_ns,
    )


def order_row(row: object, symbol: str, market_index: int, received_ns: int) -> OrderReport:
    """Read an order that must be of the given market."""
    if Fields(row, "order").whole("market_index") != market_index:
        raise malformed("order", f"an order of another market in an answer about {symbol}", row)
    return parsing.order(row, symbol, received_ns)


# --- trades ---


def order_fills(account: Account, ref: OrderRef) -> Call[tuple[FillReport, ...]]:
    """The fills of one order, oldest first. `ref.order_id` must be known."""
    named = {"order_index": str(ref.order_id)}

    def only_its(fills: tuple[FillReport, ...]) -> tuple[FillReport, ...]:
        return tuple(fill for fill in fills if fill.order_id == ref.order_id)

    return with_market(account, ref.symbol, lambda market: _trades(account, market, named, 0, only_its))


def recent_fills(account: Account, symbol: str, since_ns: int) -> Call[tuple[FillReport, ...]]:
    """Every own fill of a market since a little before a time, oldest first.

    Trades are read newest first, page after page, until one is older than that.
    """
    before_ns = max(0, since_ns - _CATCH_UP_MARGIN_NS)
    return with_market(account, symbol, lambda market: _trades(account, market, {}, before_ns, _all))


def _all(fills: tuple[FillReport, ...]) -> tuple[FillReport, ...]:
    return fills


def _trades(
    account: Account,
    market: Market,
    named: dict[str, str],
    since_ns: int,
    pick: Callable[[tuple[FillReport, ...]], tuple[FillReport, ...]],
    known: tuple[tuple[FillReport, ...], ...] = (),
    cursor: str = "",
) -> Call[tuple[FillReport, ...]]:
    """One page of trades, newest first; `known` are the pages read before it."""
    parameters: dict[str, str | int] = {
        "account_index": account.index,
        "market_id": market.index,
        "sort_by": "timestamp",
        "sort_dir": "desc",
        "limit": PAGE_ROWS,
        **named,
    }
    if cursor:
        parameters["cursor"] = cursor

    def parse(data: Any, received_ns: int) -> tuple[FillReport, ...]:  # noqa: ANN401 - a decoded body
        page, is_last, further = trades_page(data, account.index, market, since_ns, received_ns)
        pages = (*known, page)
        if is_last:
            return pick(_oldest_first(pages, since_ns))
        if len(pages) >= MOST_PAGES:
            raise OutcomeUnknown(EXCHANGE, "GET trades", f"more than {MOST_PAGES * PAGE_ROWS} trades since then")
        raise Undecided(
            EXCHANGE, "GET trades", "there are older trades",
            further=_trades(account, market, named, since_ns, pick, pages, further),
        )  # fmt: skip

    return account.read(query("trades", parameters, private=True, of_history=True), parse)


def trades_page(
    data: object, account_index: int, market: Market, since_ns: int, received_ns: int
) -> tuple[tuple[FillReport, ...], bool, str]:
    """Read a page of trades: our fills in it, whether no older page matters, and the cursor of the next."""
    fields = Fields(data, "trades")
    rows = fields.rows("trades")
    fills: list[FillReport] = []
    reaches_back = False
    for row in rows:
        trade = Fields(row, "trade")
        if trade.whole("market_id") != market.index:
            raise malformed("trades", f"a trade of another market in an answer about {market.rules.symbol}", row)
        fills += parsing.own_fills(row, market.rules.symbol, account_index, received_ns)
        reaches_back = reaches_back or parsing.trade_time_ns(trade) < since_ns
    cursor = fields.text("next_cursor") if fields.has("next_cursor") else ""
    return tuple(fills), reaches_back or len(rows) < PAGE_ROWS or not cursor, cursor


def _oldest_first(pages: tuple[tuple[FillReport, ...], ...], since_ns: int) -> tuple[FillReport, ...]:
    fills = [fill for page in pages for fill in page if fill.occurred_ns >= since_ns]
    return tuple(sorted(fills, key=lambda fill: (fill.occurred_ns, int(fill.trade_id or 0))))


# --- account ---


def account_query(account: Account) -> HttpRequest:
    """Return the request of the account with all its positions."""
    return query("account", {"by": "index", "value": account.index})


def account_row(data: object, account_index: int) -> Fields:
    """Return the account of an answer."""
    rows = Fields(data, "account").rows("accounts")
    fields = Fields(rows[0] if rows else None, "account")
    key = "account_index" if fields.has("account_index") else "index"
    if fields.whole(key) != account_index:
        raise fields.error("the answer is about another account")
    return fields


def position_row(account: Fields, market_index: int) -> Any | None:  # noqa: ANN401 - a decoded row
    """Return the position of a market in an account, None where it has none."""
    return next(
        (row for row in account.rows("positions") if Fields(row, "position").whole("market_id") == market_index), None
    )


def position(account: Account, symbol: str) -> Call[PositionReport]:
    """The position in one market; a market without a row is flat."""

    def ask(market: Market) -> Call[PositionReport]:
        def parse(data: Any, received_ns: int) -> PositionReport:  # noqa: ANN401 - a decoded body
            row = position_row(account_row(data, account.index), market.index)
            return parsing.flat(symbol, received_ns) if row is None else parsing.position(row, symbol, received_ns)

        return account.read(account_query(account), parse)

    return with_market(account, symbol, ask)


def account_summary(account: Account) -> Call[AccountReport]:
    """Totals of the account."""

    def parse(data: Any, received_ns: int) -> AccountReport:  # noqa: ANN401 - a decoded body
        fields = account_row(data, account.index)
        return AccountReport(
            equity=fields.number("total_asset_value" if fields.has("total_asset_value") else "collateral"),
            available=fields.number("available_balance"),
            received_ns=received_ns,
        )

    return account.read(account_query(account), parse)


def limits_query(account: Account) -> HttpRequest:
    """Return the request of the account's tier, which a wrong key or token cannot ask."""
    return query("accountLimits", {"account_index": account.index}, private=True)


def fee_rates(account: Account, maker: Decimal | None, taker: Decimal | None) -> Call[FeeRates]:
    """The rates of the account's tier; a rate that is given stands in place of the venue's."""

    def parse(data: Any, _received_ns: int) -> FeeRates:  # noqa: ANN401 - a decoded body
        fields = Fields(data, "accountLimits")
        rates = [fields.ppm(f"current_{side}_fee_tick") / _PPM for side in ("maker", "taker")]
        return FeeRates(maker=rates[0] if maker is None else maker, taker=rates[1] if taker is None else taker)

    return account.read(limits_query(account), parse)
