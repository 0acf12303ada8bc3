"""Sample payloads: each must come out of the client's readers as what it says, field by field.

What a payload *is* follows from its shape, not from its name, so that a sample nobody has seen is read like a known
one. The expected fields are taken from the raw payload by the short readers of this module, which share nothing with
the client's parser; what the payload says twice (quantity and quote quantity, side and buyer) has to agree.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchanges.aster import errors, markets, parsing
from exchanges.aster.markets import SymbolFilters
from exchanges.aster.outcomes import body_of
from exchanges.aster.settings import AsterSettings
from exchanges.aster.venue import RATE_LIMITS, AsterVenue
from exchanges.errors import (
    AuthenticationRefused,
    ClockRefused,
    ExchangeError,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
    WouldCross,
)
from exchanges.reports import BestPrice, FillReport, NoticeKind, OrderReport, PositionReport, StreamNotice
from exchanges.values import CancelReason, OrderStatus
from exchanges.venue import AccountSetup, HttpReply
from tests.vectors.aster_file import AsterFile
from tests.vectors.cases import Case, Wrong, decimal_of, need, one_of, same, text_of, whole_of

_NOW_NS = 1_700_000_000_000_000_000
_STATUSES = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}
_REFUSALS: Mapping[int, type[RequestRefused]] = {
    -1003: RateLimited,
    -1015: RateLimited,
    -1022: AuthenticationRefused,
    -1111: RuleViolated,
    -1121: RuleViolated,
    -2010: WouldCross,
    -2011: UnknownOrder,
    -2013: UnknownOrder,
    -2014: AuthenticationRefused,
    -2015: AuthenticationRefused,
    -2019: InsufficientMargin,
    -2022: ReduceOnlyRefused,
    -4014: RuleViolated,
    -4023: RuleViolated,
    -4164: RuleViolated,
    -4225: ClockRefused,
    -5022: WouldCross,
    -5050: AuthenticationRefused,
}
"""What a place order must raise for these codes; any other negative one is at least a RequestRefused."""

_UNKNOWN = (-1000, -1001, -1006, -1007)
_CODE_TEXTS = {
    -1111: "Precision is over the maximum defined for this asset.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -4225: "Nonce Expired",
    -5050: "This function can only be used after deposit",
}
"""Literal texts of section 5.4."""

_PUBLIC_IGNORED = frozenset({"aggTrade", "markPriceUpdate", "depthUpdate"})


class PayloadChecks:
    """Checks of `payload_fixtures`."""

    def __init__(self, file: AsterFile) -> None:
        self._file = file

    def payload(self, case: Case) -> None:
        """Check one payload."""
        row = need(case.data)
        if "http" in row:
            self._rest(row)
        elif "rateLimits" in row:
            _exchange_info(need(row, "symbol"), self._file.filters())
        elif "e" in row or "stream" in row:
            self._frame(row)
        elif "result" in row or "method" in row:
            self._control(row)
        else:
            raise Wrong("a payload of unknown shape")

    def _venue(self) -> AsterVenue:
        known = self._file.credentials("v3")
        credentials = {"user": known["user"], "signer": known["signer"], "private_key": known["signer_private_key"]}
        return AsterVenue.with_credentials(AsterSettings(), credentials, "http://127.0.0.1:1", "ws://127.0.0.1:1")

    # --- REST ---

    def _rest(self, row: Mapping[str, Any]) -> None:
        status = whole_of(row, "http")
        if ("body" in row) is ("body_text" in row):
            raise Wrong("an answer has either body or body_text")
        raw = text_of(row, "body_text") if "body_text" in row else json.dumps(row["body"], default=str)
        reply = HttpReply(status=status, headers={}, body=raw.encode(), received_ns=_NOW_NS)
        body = row.get("body")
        if status not in range(200, 300) or "body_text" in row or _is_error(body):
            self._failure(reply, body)
            return
        if isinstance(body, list):
            _rows(reply, body)
            return
        self._object(reply, need(body))

    def _failure(self, reply: HttpReply, body: object) -> None:
        """An answer that is no success: what a write and what a reading must conclude."""
        code = need(body, "code", "msg")["code"] if body is not None else None
        for writes in (True, False):
            error = _error_of(reply, writes=writes)
            if code is None or reply.status >= 500 or code in _UNKNOWN:
                same("conclusion", type(error), OutcomeUnknown)
                continue
            same("code", getattr(error, "code", None), str(code))
            if code in _REFUSALS and code != -2010:
                same("conclusion", type(error), _REFUSALS[code])
            elif not isinstance(error, RequestRefused):
                raise Wrong(f"a refusal is concluded as {type(error).__name__}")
        if code is not None:
            known = code in errors.REFUSALS or code in _UNKNOWN
            same("code is one of section 5.4", known, True)
            text = need(body)["msg"]
            if code in _CODE_TEXTS:
                same("text of the code", _CODE_TEXTS[code], text)
            same("code of the text", {words: each for each, words in _CODE_TEXTS.items()}.get(text, code), code)

    def _object(self, reply: HttpReply, body: Mapping[str, Any]) -> None:
        venue = self._venue()
        if "orderId" in body:
            _order(parsing.order(body_of(reply, "order", writes=True), _NOW_NS), body)
        elif "listenKey" in body:
            same("listen key", venue.open_private().read(reply), body["listenKey"])
        elif "leverage" in body:
            need(body, "symbol", "maxNotionalValue")
            setup = AccountSetup(symbol=text_of(body, "symbol"), leverage=whole_of(body, "leverage"))
            same("leverage is applied", venue.account_checks(setup)[2].read(reply), None)
            decimal_of(body, "maxNotionalValue")
        elif "countdownTime" in body:
            same("countdown", venue.dead_man(text_of(body, "symbol"), 1).read(reply), None)
            same("countdown is a number", text_of(body, "countdownTime").isdigit(), True)
        elif "code" in body:
            one_of("code of a success", body["code"], (200, "200", 0))
            text_of(body, "msg")
            same("cancel all", venue.cancel_all("BTCUSDT").read(reply), None)
        elif not body:
            same("listen key kept", venue.renew_private("key").read(reply), "key")
        else:
            raise Wrong("a reply of unknown shape")

    # --- streams ---

    def _frame(self, row: Mapping[str, Any]) -> None:
        event = row
        if "stream" in row:
            event = need(need(row, "data")["data"], "e", "s")
            name = f"{text_of(event, 's').lower()}@{event['e']}"
            same("stream", name, text_of(row, "stream"))
        kind = text_of(event, "e")
        readers: dict[str, Callable[[bytes, Mapping[str, Any]], None]] = {
            "bookTicker": self._book_ticker,
            "listenKeyExpired": self._key_expired,
            "ORDER_TRADE_UPDATE": self._order_event,
            "ACCOUNT_UPDATE": self._account_event,
            "MARGIN_CALL": self._margin_call,
            "ACCOUNT_CONFIG_UPDATE": self._config_event,
        }
        frame = json.dumps(row, default=str).encode()
        if kind in readers:
            readers[kind](frame, event)
        elif kind in _PUBLIC_IGNORED:
            self._ignored(frame, event)
        else:
            raise Wrong(f"an event of unknown kind {kind!r:.60}")
        if "E" in event:
            _moment(event, "E")

    def _book_ticker(self, frame: bytes, event: Mapping[str, Any]) -> None:
        need(event, "u", "E", "T", "s", "b", "B", "a", "A")
        reports = self._venue().parse_public(frame, _NOW_NS)
        report = _only(reports, BestPrice)
        ours = (report.symbol, report.bid, report.bid_quantity, report.ask, report.ask_quantity)
        same("quote", ours, (event["s"], *(decimal_of(event, key) for key in ("b", "B", "a", "A"))))
        same("time", report.occurred_ns, _moment(event, "T") * 1_000_000)
        if report.bid >= report.ask or whole_of(event, "T") > whole_of(event, "E"):
            raise Wrong("a crossed quote, or one sent before it was made")

    def _ignored(self, frame: bytes, event: Mapping[str, Any]) -> None:
        """Streams a grid does not need are told as ignored, whatever they hold; their figures must make sense."""
        notice = _only(self._venue().parse_public(frame, _NOW_NS), StreamNotice)
        same("notice", (notice.kind, notice.text, notice.symbol), (NoticeKind.IGNORED, event["e"], event["s"]))
        if event["e"] == "depthUpdate":
            _depth(need(event, "U", "u", "pu", "b", "a"))
            return
        for key in ("p", "q", "i", "P", "r"):
            if key in event:
                decimal_of(event, key)
        if event["e"] == "aggTrade":
            need(event, "a", "p", "q", "f", "l", "T", "m")
            same("trades are in order", whole_of(event, "f") <= whole_of(event, "l"), True)

    def _key_expired(self, frame: bytes, event: Mapping[str, Any]) -> None:
        need(event, "E")
        notice = _only(self._venue().parse_private(frame, _NOW_NS), StreamNotice)
        same("notice", notice.kind, NoticeKind.CREDENTIAL_EXPIRED)
        if "listenKey" in event:
            same("listen key", len(text_of(event, "listenKey")), 64)

    def _order_event(self, frame: bytes, event: Mapping[str, Any]) -> None:
        body = need(need(event, "o")["o"], "s", "c", "S", "f", "q", "p", "x", "X", "i", "l", "z", "L", "T")
        reports = self._venue().parse_private(frame, _NOW_NS)
        orders = [each for each in reports if isinstance(each, OrderReport)]
        fills = [each for each in reports if isinstance(each, FillReport)]
        report = _only(tuple(orders), OrderReport)
        ours = (report.symbol, report.order_id, report.side.upper(), report.quantity, report.filled, report.status)
        numbers = [decimal_of(body, key) for key in ("q", "z")]
        same("order", ours, (body["s"], str(body["i"]), body["S"], *numbers, _STATUSES.get(body["X"])))
        executions = [(each.price, each.quantity) for each in fills]
        traded = [(decimal_of(body, "L"), decimal_of(body, "l"))] if body["x"] == "TRADE" else []
        same("executions", executions, traded)

    def _account_event(self, frame: bytes, event: Mapping[str, Any]) -> None:
        body = need(need(event, "T", "a")["a"], "m", "B", "P")
        reports = self._venue().parse_private(frame, _NOW_NS)
        positions = [report for report in reports if isinstance(report, PositionReport)]
        rows = [need(row, "s", "pa", "ep", "mt", "ps") for row in body["P"]]
        ours = [(each.symbol, each.quantity, each.entry_price, each.isolated, each.occurred_ns) for each in positions]
        moment = _moment(event, "T") * 1_000_000
        theirs = [(row["s"], decimal_of(row, "pa"), decimal_of(row, "ep"), _margin(row["mt"]), moment) for row in rows]
        same("positions", ours, theirs)
        for row in body["B"]:
            for key in ("wb", "cw", "bc"):
                decimal_of(need(row, "a"), key)
        one_of("reason", body["m"], ("ORDER", "FUNDING_FEE", "DEPOSIT", "WITHDRAW", "ADJUSTMENT", "INSURANCE_CLEAR"))
        funding = [each for each in reports if isinstance(each, StreamNotice) and each.kind is NoticeKind.FUNDING]
        same("funding", len(funding), 1 if body["m"] == "FUNDING_FEE" else 0)

    def _margin_call(self, frame: bytes, event: Mapping[str, Any]) -> None:
        rows = [need(row, "s", "pa", "mp") for row in need(event, "p")["p"]]
        reports = self._venue().parse_private(frame, _NOW_NS)
        ours = [(each.kind, each.symbol, each.text) for each in reports if isinstance(each, StreamNotice)]
        theirs = [
            (NoticeKind.MARGIN_CALL, row["s"], f"position {decimal_of(row, 'pa')} at mark {decimal_of(row, 'mp')}")
            for row in rows
        ]
        same("margin calls", ours, theirs)

    def _config_event(self, frame: bytes, event: Mapping[str, Any]) -> None:
        notice = _only(self._venue().parse_private(frame, _NOW_NS), StreamNotice)
        same("notice", notice.kind, NoticeKind.CONFIG_CHANGED)
        if "ac" in event:
            changed = need(event["ac"], "s", "l")
            same("leverage", (notice.symbol, notice.text), (changed["s"], f"leverage {whole_of(changed, 'l')}"))
        else:
            need(need(event, "ai")["ai"])

    def _control(self, row: Mapping[str, Any]) -> None:
        """An acknowledgement is a notice; a client's own frame must never be taken for something the venue said."""
        identifier = whole_of(row, "id")
        frame = json.dumps(row, default=str).encode()
        for parse in (self._venue().parse_public, self._venue().parse_private):
            if "result" in row:
                notice = _only(parse(frame, _NOW_NS), StreamNotice)
                same("notice", (notice.kind, notice.text), (NoticeKind.SUBSCRIBED, str(identifier)))
                continue
            one_of("method", row["method"], ("SUBSCRIBE", "UNSUBSCRIBE"))
            streams = self._venue().public_stream(tuple(name.partition("@")[0].upper() for name in row["params"]))
            same("streams", streams.url.rpartition("streams=")[2].split("/"), row["params"])
            try:
                parse(frame, _NOW_NS)
            except MalformedMessage:
                continue
            raise Wrong("a client's own frame is read as something the venue said")


def _only(reports: tuple[object, ...], kind: type[Any]) -> Any:
    if len(reports) != 1 or not isinstance(reports[0], kind):
        raise Wrong(f"a frame is read as {reports!r:.80}, not as one {kind.__name__}")
    return reports[0]


def _is_error(body: object) -> bool:
    code = body.get("code") if isinstance(body, Mapping) else None
    return isinstance(code, int) and code < 0


def _error_of(reply: HttpReply, *, writes: bool) -> ExchangeError:
    try:
        body_of(reply, "sample", writes=writes)
    except ExchangeError as error:
        return error
    raise Wrong("a failure is read as a success")


def _rows(reply: HttpReply, rows: list[Any]) -> None:
    if not rows:
        raise Wrong("an empty list says nothing to check")
    first = need(rows[0])
    if "positionAmt" in first:
        _position(reply, rows)
    elif "commission" in first:
        _trades(reply, rows)
    elif "orderId" in first:
        ours = parsing.active_orders(body_of(reply, "openOrders", writes=False), _NOW_NS, text_of(first, "symbol"))
        for report, row in zip(ours.orders, rows, strict=True):
            _order(report, row)
    else:
        raise Wrong("a list of unknown shape")


def _order(report: OrderReport, body: Mapping[str, Any]) -> None:
    need(body, "symbol", "status", "clientOrderId", "price", "origQty", "executedQty", "timeInForce", "type", "side")
    quantity, filled, status = decimal_of(body, "origQty"), decimal_of(body, "executedQty"), text_of(body, "status")
    ours = (report.symbol, report.order_id, report.status, report.side.upper(), report.reduce_only)
    same("order", ours, (body["symbol"], str(body["orderId"]), _STATUSES.get(status), body["side"], body["reduceOnly"]))
    same("price and quantity", (report.price, report.quantity), (decimal_of(body, "price"), quantity))
    same("filled", report.filled, filled)
    same("time", report.occurred_ns, _moment(body, "updateTime") * 1_000_000)
    is_post_only = status == "EXPIRED" and body["timeInForce"] == "GTX" and filled == 0
    same("ended as post-only", report.reason is CancelReason.POST_ONLY, is_post_only)
    one_of("timeInForce", body["timeInForce"], ("GTC", "IOC", "FOK", "GTX", "HIDDEN", "RPI"))
    average = decimal_of(body, "avgPrice") if "avgPrice" in body else Decimal(0)
    same("average price", report.average_price or Decimal(0), average)
    if "cumQuote" in body and "avgPrice" in body:
        same("quote quantity", average * filled, decimal_of(body, "cumQuote"))
    if "cumQty" in body:
        same("cumQty", filled, decimal_of(body, "cumQty"))
    if "origType" in body:
        same("origType", body["type"], body["origType"])
    _check_progress(status, filled, quantity)


def _check_progress(status: str, filled: Decimal, quantity: Decimal) -> None:
    fits = {"NEW": filled == 0, "PARTIALLY_FILLED": 0 < filled < quantity, "FILLED": filled == quantity}
    same(f"{status} fits the filled quantity", fits.get(status, filled <= quantity), True)


def _trades(reply: HttpReply, rows: list[Any]) -> None:
    fills = parsing.user_trades(body_of(reply, "userTrades", writes=False), _NOW_NS)
    same("number of trades", len(fills), len(rows))
    for fill, row in zip(fills, rows, strict=True):
        need(row, "symbol", "id", "orderId", "side", "price", "qty", "quoteQty", "commission", "time", "maker", "buyer")
        ours = (fill.symbol, fill.trade_id, fill.order_id, fill.side.upper(), fill.is_maker, fill.fee_asset)
        theirs = (row["symbol"], str(row["id"]), str(row["orderId"]), row["side"], row["maker"], row["commissionAsset"])
        same("trade", ours, theirs)
        same("price and quantity", (fill.price, fill.quantity), (decimal_of(row, "price"), decimal_of(row, "qty")))
        same("fee", fill.fee, abs(decimal_of(row, "commission")))
        same("quote quantity", fill.price * fill.quantity, decimal_of(row, "quoteQty"))
        same("buyer", row["side"] == "BUY", row["buyer"])
        same("time", fill.occurred_ns, _moment(row, "time") * 1_000_000)


def _position(reply: HttpReply, rows: list[Any]) -> None:
    row = need(
        rows[0], "symbol", "positionAmt", "entryPrice", "liquidationPrice", "leverage", "marginType", "updateTime"
    )
    report = parsing.position(body_of(reply, "positionRisk", writes=False), _NOW_NS, text_of(row, "symbol"))
    ours = (report.symbol, report.quantity, report.entry_price, report.leverage, report.isolated)
    numbers = [decimal_of(row, key) for key in ("positionAmt", "entryPrice", "leverage")]
    same("position", ours, (row["symbol"], *numbers, _margin(row["marginType"])))
    same("liquidation price", report.liquidation_price or Decimal(0), decimal_of(row, "liquidationPrice"))
    same("time", report.occurred_ns, whole_of(row, "updateTime") * 1_000_000)
    if "notional" in row and "markPrice" in row:
        value = decimal_of(row, "positionAmt") * decimal_of(row, "markPrice")
        same("notional", value, decimal_of(row, "notional"))


def _exchange_info(row: Mapping[str, Any], listed: Mapping[str, SymbolFilters]) -> None:
    symbol = need(row["symbol"], "symbol", "filters", "status", "baseAsset", "quoteAsset")
    info = {"symbols": [symbol], "rateLimits": row["rateLimits"]}
    rules = markets.exchange_info(info, _NOW_NS).get(symbol["symbol"])
    if rules is None:
        raise Wrong("the market is left out")
    flat = {each["filterType"]: each for each in symbol["filters"]}
    price, lot, market = (need(flat.get(key)) for key in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"))
    band, least = need(flat.get("PERCENT_PRICE")), need(flat.get("MIN_NOTIONAL"))
    ours = (rules.tick, rules.min_price, rules.max_price, rules.step, rules.min_quantity, rules.max_quantity)
    theirs = [decimal_of(price, key) for key in ("tickSize", "minPrice", "maxPrice")]
    theirs += [decimal_of(lot, key) for key in ("stepSize", "minQty", "maxQty")]
    same("price and lot", ours, tuple(theirs))
    ours = (rules.market_max_quantity, rules.min_notional, rules.band_up, rules.band_down)
    theirs = [decimal_of(market, "maxQty"), decimal_of(least, "notional")]
    theirs += [decimal_of(band, key) for key in ("multiplierUp", "multiplierDown")]
    same("market lot, notional and band", ours, tuple(theirs))
    same("open orders", rules.max_open_orders, need(flat.get("MAX_NUM_ORDERS"), "limit")["limit"])
    same("trading", rules.is_trading, symbol["status"] == "TRADING")
    same("assets", (rules.base_asset, rules.quote_asset), (symbol["baseAsset"], symbol["quoteAsset"]))
    same("symbol", rules.base_asset + rules.quote_asset, symbol["symbol"])
    if rules.symbol in listed:
        filters = markets.symbol_filters(symbol)
        of_file = listed[rules.symbol]
        same("figures of the file", replace(filters.rules, base_asset="BASE", quote_asset="QUOTE"), of_file.rules)
        precisions = (filters.price_precision, filters.quantity_precision)
        same("precisions of the file", precisions, (of_file.price_precision, of_file.quantity_precision))
    same("rate limits", set(markets.rate_limits(info)), set(RATE_LIMITS))


def _depth(event: Mapping[str, Any]) -> None:
    first, last, previous = (whole_of(event, key) for key in ("U", "u", "pu"))
    if not previous < first <= last:
        raise Wrong("update ids out of order")
    for side, descending in (("b", True), ("a", False)):
        prices = [Decimal(price) for price, quantity in event[side] if Decimal(quantity) > 0]
        same("levels", prices, sorted(prices, reverse=descending))


def _margin(word: str) -> bool:
    one_of("margin type", word, ("cross", "isolated"))
    return word == "isolated"


def _moment(row: Mapping[str, Any], key: str) -> int:
    """A time in milliseconds of this century."""
    value = whole_of(row, key)
    if not 1_500_000_000_000 < value < 4_200_000_000_000:
        raise Wrong(f"{key} is no time in milliseconds: {value}")
    return value
