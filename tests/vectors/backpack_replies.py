"""Sample replies: each must come out of the client's readers as what it says, field by field.

What a reply is follows from its name, which begins with method and path. The expected fields are taken from the raw
reply; what a reply says twice (status and quantities, price and quote quantity) has to agree. Replies of calls that the
bot does not make are checked for their shape and for what must hold in them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from exchanges.backpack import parsing
from exchanges.errors import ExchangeError, WouldCross
from exchanges.reports import FillReport, OrderReport
from exchanges.values import CancelReason, ClientOrderId, OrderId, OrderRef, OrderStatus, Side
from exchanges.venue import AccountSetup, Call, Undecided
from tests.vectors.backpack_errors import ORDER, error_of_reply, expected_of
from tests.vectors.backpack_file import NOW_NS, NS_PER_MS, BackpackFile, reply_of
from tests.vectors.cases import Case, Wrong, decimal_of, need, one_of, same, text_of, whole_of

SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}
STATUSES: Final = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerPending": OrderStatus.OPEN,
    "TriggerFailed": OrderStatus.REJECTED,
}
_ORDER_KEYS: Final = (
    *("id", "clientId", "symbol", "side", "orderType", "status", "quantity", "executedQuantity", "timeInForce"),
    *("executedQuoteQuantity", "createdAt", "selfTradePrevention"),
)
_NULL_KEYS: Final = (
    *("stopLossLimitPrice", "stopLossTriggerBy", "stopLossTriggerPrice", "strategyId", "takeProfitLimitPrice"),
    *("takeProfitTriggerBy", "takeProfitTriggerPrice", "triggerBy", "triggerPrice", "triggerQuantity"),
)
_NAME: Final = re.compile(r"(GET|POST|DELETE|PATCH) (/(?:w?api)/v1/[A-Za-z/]+)(\?symbol=)?(?: \((.*)\))?")
_ISO: Final = "%Y-%m-%dT%H:%M:%S"
_SYMBOL: Final = "SOL_USDC_PERP"
_PAGING: Final = ("X-CURRENT-PAGE", "X-PAGE-COUNT", "X-PAGE-SIZE", "X-TOTAL")


class ReplyChecks:
    """Checks of `rest_samples`."""

    def __init__(self, file: BackpackFile) -> None:
        self._file = file

    def sample(self, case: Case) -> None:
        """Check one reply."""
        if case.label == "history response headers":
            _paging(need(case.data, *_PAGING))
            return
        match = _NAME.fullmatch(case.label)
        if match is None:
            raise Wrong("a name that is not method and path")
        route = (match[1], match[2])
        readers: dict[tuple[str, str], Callable[[Any], None]] = {
            ("GET", "/api/v1/status"): _status,
            ("GET", "/api/v1/ping"): lambda body: same("ping", body, "pong"),
            ("GET", "/api/v1/time"): self._time,
            ("GET", "/api/v1/markets"): self._markets,
            ("GET", "/api/v1/depth"): self._depth,
            ("GET", "/api/v1/ticker"): _ticker,
            ("GET", "/api/v1/markPrices"): _mark_prices,
            ("GET", "/api/v1/klines"): _klines,
            ("POST", "/api/v1/order"): self._place,
            ("POST", "/api/v1/orders"): _batch,
            ("GET", "/api/v1/order"): self._query,
            ("GET", "/api/v1/orders"): self._open_orders,
            ("DELETE", "/api/v1/order"): self._cancel,
            ("DELETE", "/api/v1/orders"): self._cancel_all,
            ("GET", "/wapi/v1/history/orders"): self._history_orders,
            ("GET", "/wapi/v1/history/fills"): self._history_fills,
            ("GET", "/api/v1/position"): self._positions if match[3] is None else self._flat,
            ("GET", "/api/v1/account"): self._account,
            ("PATCH", "/api/v1/account"): self._account_update,
            ("GET", "/api/v1/capital"): _capital,
            ("GET", "/api/v1/capital/collateral"): self._collateral,
            ("GET", "/api/v1/account/limits/order"): _order_limit,
        }
        reader = readers.get(route)
        if reader is None:
            raise Wrong(f"a reply to {match[1]} {match[2]}, a call that is not known")
        reader(case.data)
        _check_description(match[4], case.data)

    # --- market data ---

    def _time(self, body: Any) -> None:
        if not isinstance(body, str):
            raise Wrong("the time is not text")
        ours = self._file.venue().server_time().read(reply_of(200, body))
        same("time", ours, int(body) * NS_PER_MS)
        same("time of the file", int(body), self._file.timestamp_ms())

    def _markets(self, body: Any) -> None:
        rules = self._file.venue().markets().read(reply_of(200, body))
        rows = [need(row, "symbol") for row in _rows(body)]
        same("markets", list(rules), [row["symbol"] for row in rows if row["marketType"] == "PERP" and row["visible"]])
        for row in rows:
            _market(rules[row["symbol"]], row)

    def _depth(self, body: Any) -> None:
        row = need(body, "asks", "bids", "lastUpdateId", "timestamp")
        report = self._file.venue().best_price(_SYMBOL).read(reply_of(200, body))
        bids, asks = ([(Decimal(price), Decimal(size)) for price, size in row[key]] for key in ("bids", "asks"))
        ours = ((report.bid, report.bid_quantity), (report.ask, report.ask_quantity))
        same("best bid and ask", ours, (max(bids), min(asks)))
        same("a book that is not crossed", report.bid < report.ask, True)
        same("time", report.occurred_ns, whole_of(row, "timestamp") * 1000)
        same("lastUpdateId", text_of(row, "lastUpdateId").isdigit(), True)

    # --- orders ---

    def _place(self, body: Any) -> None:
        row = need(body, *_ORDER_KEYS)
        report = _read(self._file.venue().place_limit_order, row)
        check_order(report, row)

    def _query(self, body: Any) -> None:
        row = need(body, *_ORDER_KEYS)
        report = self._file.venue().query_order(_ref(row)).read(reply_of(200, row))
        check_order(report, row)
        one_of("status of a resting order", row["status"], ("New", "PartiallyFilled"))

    def _open_orders(self, body: Any) -> None:
        rows = [need(row, *_ORDER_KEYS) for row in _rows(body)]
        active = self._file.venue().active_orders(_SYMBOL).read(reply_of(200, body))
        for report, row in zip(active.orders, rows, strict=True):
            check_order(report, row)
            one_of("status of a resting order", row["status"], ("New", "PartiallyFilled"))

    def _cancel(self, body: Any) -> None:
        row = need(body, *_ORDER_KEYS)
        report = self._file.venue().cancel_order(_ref(row)).read(reply_of(200, row))
        check_order(report, row)
        same("status", row["status"], "Cancelled")
        same("reason", report.reason, CancelReason.REQUESTED)

    def _cancel_all(self, body: Any) -> None:
        canceled = self._file.venue().cancel_all(_SYMBOL).read(reply_of(200, body)).orders
        for report, row in zip(canceled, _rows(body), strict=True):
            check_order(report, need(row, *_ORDER_KEYS))
            same("status", row["status"], "Cancelled")

    def _history_orders(self, body: Any) -> None:
        """History answers the second question about an order that does not rest."""
        for row in _rows(body):
            need(row, *_ORDER_KEYS, "expiryReason", "quoteQuantity", "systemOrderType")
            call = self._file.venue().query_order(_ref(row, by_id=False))
            further = _further(call, 404, {"code": "RESOURCE_NOT_FOUND", "message": "Not Found"})
            report = further.read(reply_of(200, body))
            check_order(report, row)
            _moment(text_of(row, "createdAt"))
            price, quantity = decimal_of(row, "price"), decimal_of(row, "quantity")
            same("quoteQuantity", decimal_of(row, "quoteQuantity"), price * quantity)

    def _history_fills(self, body: Any) -> None:
        rows = _rows(body)
        if not rows:
            raise Wrong("an empty list says nothing to check")
        order_id = OrderId(text_of(need(rows[0]), "orderId"))
        ref = OrderRef(symbol=_SYMBOL, client_order_id=ClientOrderId(1), order_id=order_id)
        venue = self._file.venue()
        fills = venue.recent_fills(_SYMBOL, after=None, since_ns=0).read(reply_of(200, body))
        same("fills", [fill.trade_id for fill in fills], [str(need(row)["tradeId"]) for row in rows])
        for fill, row in zip(fills, rows, strict=True):
            check_fill(fill, row)
        of_order = venue.order_fills(ref).read(reply_of(200, body))
        same("fills of the order", len(of_order), sum(row["orderId"] == order_id for row in rows))

    # --- account ---

    def _positions(self, body: Any) -> None:
        for row in _rows(body):
            need(
                row, "symbol", "netQuantity", "entryPrice", "estLiquidationPrice", "markPrice", "netCost", "positionId"
            )
            report = self._file.venue().position(row["symbol"]).read(reply_of(200, body))
            liquidation = decimal_of(row, "estLiquidationPrice") or None
            ours = (report.quantity, report.entry_price, report.liquidation_price)
            same("position", ours, (decimal_of(row, "netQuantity"), decimal_of(row, "entryPrice"), liquidation))
            same("netCost", decimal_of(row, "netCost"), report.quantity * report.entry_price)
            exposure = decimal_of(row, "netExposureQuantity") * decimal_of(row, "markPrice")
            same("netExposureNotional", decimal_of(row, "netExposureNotional"), exposure)
            profit = report.quantity * (decimal_of(row, "markPrice") - report.entry_price)
            same("pnlUnrealized", decimal_of(row, "pnlUnrealized"), profit)
            for key in ("breakEvenPrice", "imf", "mmf", "pnlRealized", "cumulativeFundingPayment"):
                decimal_of(row, key)
        other = self._file.venue().position("NONE_USDC_PERP").read(reply_of(200, body))
        same("a market without a row", other.quantity, Decimal(0))

    def _flat(self, body: Any) -> None:
        """The answer to a filtered question about a flat market: no position, and no error."""
        row = need(body, "http", "body")
        same("status and code", (row["http"], row["body"]["code"]), (404, "RESOURCE_NOT_FOUND"))
        expected_of(row["http"], row["body"]["code"], row["body"]["message"])
        report = self._file.venue().position(_SYMBOL).read(reply_of(row["http"], row["body"]))
        same("position", (report.quantity, report.received_ns), (Decimal(0), NOW_NS))

    def _account(self, body: Any) -> None:
        row = need(body, "leverageLimit", "futuresMakerFee", "futuresTakerFee", "liquidating")
        venue, reply = self._file.venue(), reply_of(200, body)
        rates = venue.fee_rates(_SYMBOL).read(reply)
        theirs = [decimal_of(row, key) / 10000 for key in ("futuresMakerFee", "futuresTakerFee")]
        same("fees", [rates.maker, rates.taker], theirs)
        setup = AccountSetup(symbol=_SYMBOL, leverage=int(decimal_of(row, "leverageLimit")))
        checks = venue.account_checks(setup)
        same(
            "a usable account", checks[0].read(reply), "the account is being liquidated" if row["liquidating"] else None
        )
        same("leverage is applied", checks[2].read(reply), None)
        for key in ("borrowLimit", "positionLimit", "spotMakerFee", "spotTakerFee"):
            decimal_of(row, key)
        for key in ("limitOrders", "triggerOrders"):
            whole_of(row, key)
        for key in ("autoBorrowSettlements", "autoLend", "autoRealizePnl", "autoRepayBorrows"):
            one_of(key, row.get(key), (True, False))

    def _account_update(self, body: Any) -> None:
        same("body", body, "")
        check = self._file.venue().account_checks(AccountSetup(symbol=_SYMBOL, leverage=10))[1]
        same("leverage is accepted", check.read(reply_of(200, body)), None)

    def _collateral(self, body: Any) -> None:
        row = need(body, "netEquity", "netEquityAvailable", "netEquityLocked", "assetsValue", "collateral")
        report = self._file.venue().account_summary().read(reply_of(200, body))
        theirs = (decimal_of(row, "netEquity"), decimal_of(row, "netEquityAvailable"))
        same("equity", (report.equity, report.available), theirs)
        parts = decimal_of(row, "netEquityAvailable") + decimal_of(row, "netEquityLocked")
        same("equity of its parts", report.equity, parts)
        assets = decimal_of(row, "assetsValue") - decimal_of(row, "liabilitiesValue") + decimal_of(row, "pnlUnrealized")
        same("equity of assets", report.equity, assets)
        values = [need(each, "collateralValue", "symbol") for each in row["collateral"]]
        same("assetsValue", decimal_of(row, "assetsValue"), sum(decimal_of(each, "collateralValue") for each in values))
        for each in values:
            worth = decimal_of(each, "totalQuantity") * decimal_of(each, "assetMarkPrice")
            same("balanceNotional", decimal_of(each, "balanceNotional"), worth)
            same("collateralValue", decimal_of(each, "collateralValue"), worth * decimal_of(each, "collateralWeight"))


def check_order(report: OrderReport, row: Mapping[str, Any]) -> None:
    """Check a report against the raw order object, and the object against itself."""
    status, filled = text_of(row, "status"), decimal_of(row, "executedQuantity")
    price = decimal_of(row, "price") if "price" in row else Decimal(0)
    quantity, quote = decimal_of(row, "quantity"), decimal_of(row, "executedQuoteQuantity")
    ours = (report.symbol, report.order_id, report.client_order_id, report.side, report.status)
    ids = (text_of(row, "symbol"), text_of(row, "id"), whole_of(row, "clientId"))
    same("order", ours, (*ids, SIDES.get(row["side"]), STATUSES.get(status)))
    same("figures", (report.price, report.quantity, report.filled), (price, quantity, filled))
    same("reduceOnly", report.reduce_only, row.get("reduceOnly") or False)
    one_of("timeInForce", row["timeInForce"], ("GTC", "IOC", "FOK"))
    one_of("orderType", row["orderType"], ("Limit", "Market"))
    one_of("selfTradePrevention", row["selfTradePrevention"], ("RejectTaker", "RejectMaker", "RejectBoth", "Allow"))
    one_of("postOnly", row.get("postOnly"), (True, False) if row["orderType"] == "Limit" else (None,))
    if not report.order_id or not text_of(row, "id").isdigit():
        raise Wrong("id is not a string of digits")
    for key in _NULL_KEYS:
        same(key, row.get(key, "absent"), None)
    _check_progress(status, filled, quantity)
    _check_average(report, price, quote)


def _check_progress(status: str, filled: Decimal, quantity: Decimal) -> None:
    holds = {
        "New": filled == 0,
        "PartiallyFilled": 0 < filled < quantity,
        "Filled": filled == quantity,
        "Cancelled": 0 <= filled < quantity,
        "Expired": 0 <= filled < quantity,
    }.get(status)
    if holds is not True:
        raise Wrong(f"status {status} with {filled} of {quantity} filled")


def _check_average(report: OrderReport, price: Decimal, quote: Decimal) -> None:
    if not report.filled:
        same("average and quote quantity", (report.average_price, quote), (None, Decimal(0)))
        return
    same("average", report.average_price, quote / report.filled)
    if price and (quote - price * report.filled) * report.side.sign > 0:
        raise Wrong(f"executed at {quote / report.filled}, beyond the limit {price}")


def check_fill(fill: FillReport, row: Mapping[str, Any]) -> None:
    """Check a fill against the raw row of fill history."""
    need(row, "clientId", "fee", "feeSymbol", "isMaker", "orderId", "price", "quantity", "side", "timestamp", "tradeId")
    ours = (fill.order_id, str(fill.client_order_id), fill.trade_id, fill.side, fill.symbol)
    theirs = (row["orderId"], row["clientId"], str(whole_of(row, "tradeId")), SIDES.get(row["side"]), row["symbol"])
    same("fill", ours, theirs)
    figures = (decimal_of(row, "price"), decimal_of(row, "quantity"), decimal_of(row, "fee"))
    same("figures", (fill.price, fill.quantity, fill.fee), figures)
    same("fee and role", (fill.fee_asset, fill.is_maker), (row["feeSymbol"], row["isMaker"]))
    same("time", fill.occurred_ns, _moment(text_of(row, "timestamp")))


def _check_description(words: str | None, body: Any) -> None:
    """What a name says in brackets, where it says something of an order."""
    if words is None or not isinstance(body, Mapping) or "status" not in body:
        return
    kinds = {"limit": ("orderType", "Limit"), "market": ("orderType", "Market"), "IOC": ("timeInForce", "IOC")}
    ends = {"rests": "New", "expired": "Expired", "partially": "PartiallyFilled"}
    for word in re.findall(r"[A-Za-z]+", words):
        if word in kinds:
            key, value = kinds[word]
            same(word, body.get(key), value)
        elif word in ends:
            same(word, body["status"], ends[word])
    if words.endswith(", filled"):
        same("filled", body["status"], "Filled")


def _read(place: Callable[[Any], Call[OrderReport]], row: Mapping[str, Any]) -> OrderReport:
    """Read a reply as the answer to the order it describes."""
    order = replace(ORDER, client_order_id=ClientOrderId(whole_of(row, "clientId")), symbol=row["symbol"])
    return place(order).read(reply_of(200, row))


def _ref(row: Mapping[str, Any], *, by_id: bool = True) -> OrderRef:
    number = ClientOrderId(whole_of(row, "clientId"))
    order_id = OrderId(text_of(row, "id")) if by_id else None
    return OrderRef(symbol=text_of(row, "symbol"), client_order_id=number, order_id=order_id)


def _further(call: Call[OrderReport], status: int, body: object) -> Call[OrderReport]:
    try:
        call.read(reply_of(status, body))
    except Undecided as undecided:
        return undecided.further
    except ExchangeError as error:
        raise Wrong(f"concluded too early: {error}") from None
    raise Wrong("an absence is read as an order")


def _rows(body: Any) -> list[Any]:
    if not isinstance(body, list):
        raise Wrong("a list was expected")
    return body


def _moment(text: str) -> int:
    """A naive UTC time in nanoseconds, by the standard library's reader."""
    whole, _, fraction = text.partition(".")
    try:
        moment = datetime.strptime(whole, _ISO).replace(tzinfo=UTC)
    except ValueError as error:
        raise Wrong(f"not a time: {error}") from None
    if fraction and (not fraction.isdigit() or len(fraction) not in (3, 6)):
        raise Wrong(f"a time with a fraction of {len(fraction)} digits")
    return int(moment.timestamp()) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def _market(rules: Any, row: Mapping[str, Any]) -> None:
    price, quantity = row["filters"]["price"], row["filters"]["quantity"]
    ours = (rules.tick, rules.step, rules.min_quantity, rules.min_price)
    numbers = (price["tickSize"], quantity["stepSize"], quantity["minQuantity"], price["minPrice"])
    same("filters", ours, tuple(Decimal(number) for number in numbers))
    mean = price["meanMarkPriceBand"] or price
    up = min(Decimal(band["maxMultiplier"]) for band in (price, mean))
    down = max(Decimal(band["minMultiplier"]) for band in (price, mean))
    same("band", (rules.band_up, rules.band_down), (up, down))
    same("leverage", rules.max_leverage, int(1 / Decimal(row["imfFunction"]["base"])))
    same("assets", (rules.base_asset, rules.quote_asset), (row["baseSymbol"], row["quoteSymbol"]))
    same("name", row["symbol"], f"{row['baseSymbol']}_{row['quoteSymbol']}_PERP")
    same("trading", rules.is_trading, row["orderBookState"] in ("Open", "LimitOnly"))
    one_of("state", row["orderBookState"], ("Open", "Closed", "CancelOnly", "LimitOnly", "PostOnly"))
    one_of("fundingInterval", str(row["fundingInterval"]), ("3600000", "28800000"))
    for curve in (row["imfFunction"], row["mmfFunction"]):
        same("curve", curve["type"], "sqrt")
        decimal_of(curve, "factor")
    same(
        "maintenance below initial",
        decimal_of(row["mmfFunction"], "base") < decimal_of(row["imfFunction"], "base"),
        True,
    )
    funding = (decimal_of(row, "fundingRateLowerBound"), decimal_of(row, "fundingRateUpperBound"))
    same("funding bounds", funding[0], -funding[1])
    _moment(text_of(row, "createdAt"))


def _status(body: Any) -> None:
    row = need(body, "status", "message")
    one_of("status", row["status"], ("Ok", "Maintenance"))


def _ticker(body: Any) -> None:
    row = need(body, "firstPrice", "high", "lastPrice", "low", "priceChange", "priceChangePercent", "symbol", "trades")
    first, last, high, low = (decimal_of(row, key) for key in ("firstPrice", "lastPrice", "high", "low"))
    same("priceChange", decimal_of(row, "priceChange"), last - first)
    same("priceChangePercent", decimal_of(row, "priceChangePercent"), round((last - first) / first, 6))
    same("low and high", low <= min(first, last) <= max(first, last) <= high, True)
    average = decimal_of(row, "quoteVolume") / decimal_of(row, "volume")
    same("average price within low and high", low <= average <= high, True)
    same("trades", text_of(row, "trades").isdigit(), True)


def _mark_prices(body: Any) -> None:
    for row in _rows(body):
        need(row, "fundingRate", "indexPrice", "markPrice", "nextFundingTimestamp", "symbol")
        mark, index = decimal_of(row, "markPrice"), decimal_of(row, "indexPrice")
        same("mark near the index", abs(mark / index - 1) < Decimal("0.05"), True)
        decimal_of(row, "fundingRate")
        same("funding on the hour", whole_of(row, "nextFundingTimestamp") % 3_600_000, 0)


def _klines(body: Any) -> None:
    for row in _rows(body):
        need(row, "start", "end", "open", "high", "low", "close", "volume", "quoteVolume", "trades")
        low, high = decimal_of(row, "low"), decimal_of(row, "high")
        for key in ("open", "close"):
            same(f"{key} within low and high", low <= decimal_of(row, key) <= high, True)
        average = decimal_of(row, "quoteVolume") / decimal_of(row, "volume")
        same("average price within low and high", low <= average <= high, True)
        start, end = (_moment(text_of(row, key).replace(" ", "T")) for key in ("start", "end"))
        same("start before end", start < end, True)


def _batch(body: Any) -> None:
    for row in _rows(body):
        operation = text_of(need(row, "operation"), "operation")
        if operation == "Ok":
            check_order(parsing.order(row, NOW_NS), need(row, *_ORDER_KEYS))
            continue
        same("operation", operation, "Err")
        need(row, "code", "message")
        error = error_of_reply(400, {"code": row["code"], "message": row["message"]})
        same("conclusion", type(error), expected_of(400, row["code"], row["message"]))
        one_of("an error of the engine", type(error), (WouldCross,))


def _capital(body: Any) -> None:
    for asset, row in need(body).items():
        same("asset", asset.isupper(), True)
        for key in ("available", "locked", "staked"):
            if decimal_of(need(row), key) < 0:
                raise Wrong(f"{key} is negative")


def _order_limit(body: Any) -> None:
    row = need(body, "maxOrderQuantity", "symbol", "side", "price", "reduceOnly")
    one_of("side", row["side"], tuple(SIDES))
    same("maximum is positive", decimal_of(row, "maxOrderQuantity") > 0, True)
    decimal_of(row, "price")
    one_of("reduceOnly", row["reduceOnly"], (True, False, None))
    for key in ("autoBorrow", "autoBorrowRepay", "autoLendRedeem"):
        one_of(key, row.get(key, "absent"), (None, True, False))


def _paging(row: Mapping[str, Any]) -> None:
    page, pages, size, total = (int(text_of(row, key)) for key in _PAGING)
    same("pages", pages, max(1, -(-total // size)))
    same("page within pages", 1 <= page <= pages, True)
