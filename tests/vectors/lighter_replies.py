"""Sample replies of REST: each must be read as what it says."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from exchanges.errors import (
    AuthenticationRefused,
    ExchangeError,
    MalformedMessage,
    RateLimited,
    RequestRefused,
)
from exchanges.lighter import markets, rest
from exchanges.lighter.outcomes import body_of
from exchanges.lighter.parsing import own_fills, position
from exchanges.lighter.transactions import next_nonce
from exchanges.venue import HttpReply
from tests.vectors.cases import Wrong, decimal_of, need, same, text_of, whole_of
from tests.vectors.lighter_file import NOW_NS, LighterFile
from tests.vectors.lighter_orders import check_order, check_position, check_trade

_REFUSALS: Final = {
    20001: (400, RequestRefused, "invalid param : auth query param and Authorization header are empty"),
    20013: (401, AuthenticationRefused, "invalid auth: invalid auth string"),
    29404: (400, RequestRefused, "not found"),
    23000: (429, RateLimited, "Too Many Requests!"),
}
_SAME_KEYS: Final = ("min_base_amount", "min_quote_amount", "order_quote_limit", "market_id", "market_type")


class ReplyChecks:
    """Checks of `frames.rest`."""

    def __init__(self, file: LighterFile) -> None:
        self._file = file

    def replies(self, data: Any) -> None:
        """Check every sample."""
        rows = need(data)
        if not rows:
            raise Wrong("there is no sample")
        for name, reply in rows.items():
            try:
                self._reply(name, reply)
            except Wrong as error:
                raise Wrong(f"{name}: {error}") from None
            except MalformedMessage as error:
                raise Wrong(f"{name}: {error.text}") from None

    def _reply(self, name: str, reply: Any) -> None:
        if name.startswith("error "):
            _error(reply)
            return
        same("code", whole_of(reply, "code"), 200)
        checks: dict[str, Callable[[Any], None]] = {
            "nextNonce": self._nonce,
            "apikeys": self._keys,
            "orderBooks": self._books,
            "orderBookDetails": self._details,
            "account": self._account,
            "accountActiveOrders": self._orders,
            "accountOrders": self._orders,
            "trades": self._trades,
            "orderBookOrders": self._book_orders,
            "send_tx_batch_ok": self._batch,
        }
        kind = name.removeprefix("GET ").partition("?")[0].partition(" ")[0]
        if kind not in checks:
            raise Wrong("a sample of unknown kind")
        checks[kind](reply)
        if name.startswith("GET account?"):
            row = reply["accounts"][0]["positions"][0]
            size = decimal_of(row, "position") * whole_of(row, "sign")
            if "(flat)" in name:
                same("flat", size, Decimal(0))
            elif "(short " in name:
                same("short", size, -Decimal(name.partition("(short ")[2].rstrip(")")))
        if "(none)" in name:
            same("orders", reply.get("orders"), None)

    def _nonce(self, reply: Any) -> None:
        account = self._file.account()
        call = next_nonce(account, lambda nonce, _: nonce)
        same("nonce", call.read(_answer(200, reply)), whole_of(reply, "nonce"))
        same("known", account.nonces.take(), reply["nonce"])
        listed = need(self._file.replies())
        for name, other in listed.items():
            if name.startswith("GET apikeys"):
                same("nonce of the slot", reply["nonce"], whole_of(other["api_keys"][0], "nonce"))

    def _keys(self, reply: Any) -> None:
        for row in reply["api_keys"]:
            same("public_key", text_of(row, "public_key"), self._file.public_key().hex())
            same("account_index", whole_of(row, "account_index"), self._file.account_index())
            same("chain is known", self._file.chain_of(whole_of(row, "api_key_index")) > 0, True)
            same("transaction_time in us", 10**15 < whole_of(row, "transaction_time") < 2 * 10**15, True)
            for name, other in self._file.replies().items():
                if name.startswith("GET nextNonce"):
                    same("nonce", whole_of(row, "nonce"), other["nonce"])

    def _details(self, reply: Any) -> None:
        found = markets.markets(reply)
        same("markets", len(found), len(reply["order_book_details"]))
        same("spot", reply.get("spot_order_book_details"), [])
        for market, row in zip(found, reply["order_book_details"], strict=True):
            same("symbol", market.rules.symbol, row["symbol"])
            same("supported", (market.size_decimals, market.price_decimals),
                 (whole_of(row, "supported_size_decimals"), whole_of(row, "supported_price_decimals")))  # fmt: skip
            fractions = [whole_of(row, key) for key in _FRACTIONS]
            same("fractions fall", fractions == sorted(fractions, reverse=True) and fractions[-1] > 0, True)
            same("leverage", market.rules.max_leverage, 10_000 // whole_of(row, "min_initial_margin_fraction"))
            same("is_trading", market.rules.is_trading, row["status"] == "active")
            low, high = Decimal(row["daily_price_low"]), Decimal(row["daily_price_high"])
            same("last price within the day's", low <= Decimal(row["last_trade_price"]) <= high, True)
            _check_listing(row)

    def _books(self, reply: Any) -> None:
        details = next(
            (other["order_book_details"] for name, other in self._file.replies().items() if "orderBookDetails" in name),
            [],
        )
        for row in reply["order_books"]:
            _check_listing(row)
            for other in details:
                if other["symbol"] == row["symbol"]:
                    same("listed alike", {key: other.get(key) for key in row}, dict(row))
                    break
            else:
                raise Wrong(f"{row.get('symbol')!r:.20} has no details")

    def _account(self, reply: Any) -> None:
        fields = rest.account_row(reply, self._file.account_index())
        same("total", whole_of(reply, "total"), len(reply["accounts"]))
        row = reply["accounts"][0]
        same("index", whole_of(row, "index"), whole_of(row, "account_index"))
        market = self._file.market()
        found = rest.position_row(fields, market.index)
        if found is None:
            raise Wrong("there is no position")
        check_position(position(found, market.rules.symbol, NOW_NS), found, market, self._file.account_index())
        totals = [decimal_of(row, key) for key in ("collateral", "total_asset_value", "cross_asset_value")]
        same("totals", totals, [totals[0]] * 3)
        same("available", 0 <= decimal_of(row, "available_balance") <= totals[0], True)
        cash = [decimal_of(asset, "margin_balance") for asset in row["assets"] if asset["symbol"] == "USDC"]
        same("cash", cash, [totals[0]])

    def _orders(self, reply: Any) -> None:
        market = self._file.market()
        active = rest.active_orders(reply, market.rules.symbol, market.index, NOW_NS)
        for report, row in zip(active.orders, reply.get("orders") or (), strict=True):
            check_order(report, row, market, self._file.account_index())

    def _trades(self, reply: Any) -> None:
        market, account_index = self._file.market(), self._file.account_index()
        fills, is_last, cursor = rest.trades_page(reply, account_index, market, 0, NOW_NS)
        same("cursor", (cursor, is_last), (text_of(reply, "next_cursor"), True))
        same("fills", len(fills), len(reply["trades"]))
        times = [whole_of(row, "timestamp") for row in reply["trades"]]
        same("newest first", times, sorted(times, reverse=True))
        for row in reply["trades"]:
            (report,) = own_fills(row, market.rules.symbol, account_index, NOW_NS)
            check_trade(report, row, market, account_index)

    def _book_orders(self, reply: Any) -> None:
        price = rest.top_of_orders("ETH", reply, NOW_NS)
        ask, bid = reply["asks"][0], reply["bids"][0]
        same("bid", (price.bid, price.bid_quantity), (decimal_of(bid, "price"), decimal_of(bid, "remaining_base_amount")))  # fmt: skip # noqa: E501
        same("ask", (price.ask, price.ask_quantity), (decimal_of(ask, "price"), decimal_of(ask, "remaining_base_amount")))  # fmt: skip # noqa: E501
        same("not crossed", price.bid < price.ask, True)
        for key in ("asks", "bids"):
            same(f"total_{key}", whole_of(reply, f"total_{key}"), len(reply[key]))
            for row in reply[key]:
                same("order_id", text_of(row, "order_id"), str(whole_of(row, "order_index")))
                same("initial", decimal_of(row, "initial_base_amount") >= decimal_of(row, "remaining_base_amount"), True)  # fmt: skip # noqa: E501

    def _batch(self, reply: Any) -> None:
        known = {text_of(need(row), "tx_hash") for row in self._file.section("sign_vectors")}
        if not reply["tx_hash"]:
            raise Wrong("there is no hash")
        for tx_hash in reply["tx_hash"]:
            same("of a signed transaction", tx_hash in known, True)
        same("message", json.loads(text_of(reply, "message")), {"ratelimit": "didn't use volume quota"})


_FRACTIONS: Final = (
    "default_initial_margin_fraction",
    "min_initial_margin_fraction",
    "maintenance_margin_fraction",
    "closeout_margin_fraction",
)


def _check_listing(row: Mapping[str, Any]) -> None:
    need(row, *_SAME_KEYS)
    same("status", (row.get("status"), row["market_type"]), ("active", "perp"))
    decimals = [whole_of(row, f"supported_{name}_decimals") for name in ("size", "price", "quote")]
    same("decimals of quote", decimals[2], decimals[0] + decimals[1])
    same("multiplier", row.get("multiplier"), "1")
    for key, places in (("min_base_amount", decimals[0]), ("min_quote_amount", 6), ("order_quote_limit", 6)):
        same(f"decimals of {key}", len(text_of(row, key).partition(".")[2]), places)
    for key in ("is_taker_fee_enabled", "is_maker_fee_enabled"):
        same(key, row.get(key), True)


def _error(reply: Any) -> None:
    body = need(need(reply, "http_status", "body")["body"], "code", "message")
    status, code = whole_of(reply, "http_status"), whole_of(body, "code")
    if code not in _REFUSALS:
        raise Wrong(f"an error of unknown code {code}")
    same("answer", (status, body["message"]), (_REFUSALS[code][0], _REFUSALS[code][2]))
    try:
        body_of(_answer(status, body), "GET sample", writes=False)
    except ExchangeError as error:
        same("kind", (type(error), getattr(error, "code", "")), (_REFUSALS[code][1], str(code)))
        return
    raise Wrong("it was read as a success")


def _answer(status: int, body: Any) -> HttpReply:
    return HttpReply(status=status, headers={}, body=json.dumps(body, default=str).encode(), received_ns=NOW_NS)


__all__ = ["ReplyChecks"]
