"""The public side of the simulated Backpack, and its rate limits (venues/backpack.md 2, 4.3, 5, 6)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from exchanges.simulated.faces.backpack.kit import KIT
from exchanges.simulated.faces.backpack.markets import State, backpack_rules, backpack_symbol, market_for
from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.backpack_bench import MS, SECOND, SOL, START_MS, BackpackBench, sample

TEXT = "text/plain; charset=utf-8"


@pytest.fixture
def bench():
    return BackpackBench()


def test_is_anybody_there(bench):
    assert bench.public("status").body == sample("GET /api/v1/status")
    ping, time = bench.public("ping"), bench.public("time")
    assert (ping.body, ping.headers["Content-Type"]) == (b"pong", TEXT)
    assert (time.body, time.headers["Content-Type"]) == (str(START_MS).encode(), TEXT)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/foo"), ("GET", "/api/v1/order/x"), ("PUT", "/api/v1/order"), ("GET", "/")]
)
def test_an_unknown_path(bench, method, path):
    reply = bench.exchange(HttpCall(method=method, path=path))
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (404, b"not found", TEXT)


def test_json_is_said_to_be_json_with_sorted_keys(bench):
    request = bench.send(HttpCall(method="GET", path="/api/v1/markets"))
    (answer,) = [output for output in bench.outputs if getattr(output, "request_id", None) == request]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.body.startswith(b'[{"baseSymbol":"SOL","createdAt":')


# --- markets ---


def test_the_markets_row_is_the_notes(bench):
    (expected,) = sample("GET /api/v1/markets")
    assert bench.public("markets").body == [expected]
    assert bench.public("markets", marketType="PERP").body == [expected]
    assert bench.public("markets", marketType="SPOT").body == []
    assert bench.public("market", symbol=SOL).body == expected
    assert bench.public("markets", marketType="FOO").headers["Content-Type"] == TEXT


@pytest.mark.parametrize(
    ("symbol", "tick", "step"),
    [("BTC_USDC_PERP", "0.1", "0.00001"), ("ETH_USDC_PERP", "0.01", "0.0001"), (SOL, "0.01", "0.01")],
)
def test_the_shipped_markets(symbol, tick, step):
    rules = backpack_rules(symbol)
    assert (rules.tick, rules.step, rules.min_quantity) == (Decimal(tick), Decimal(step), Decimal(step))
    assert (rules.min_notional, rules.base_asset, rules.quote_asset) == (0, symbol[:3], "USDC")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC", "BTC_USDC_PERP"),
        ("sol", "SOL_USDC_PERP"),
        ("kBONK", "kBONK_USDC_PERP"),
        ("kbonk", "KBONK_USDC_PERP"),
        ("AAPL.US", "AAPL.US_USDC_PERP"),
        ("kPEPE_USDC_PERP", "kPEPE_USDC_PERP"),
    ],
)
def test_names_of_markets(name, symbol):
    assert backpack_symbol(name) == symbol == KIT.symbol(symbol)


def test_a_market_that_is_not_in_the_table():
    rules = KIT.rules("WIF_USDC_PERP")
    assert (rules.symbol, rules.base_asset) == ("WIF_USDC_PERP", "WIF")
    coarse = market_for(replace(rules, tick=Decimal("0.5"), step=Decimal(10)))
    assert (coarse.price_text(Decimal(3)), coarse.quantity_text(Decimal(20))) == ("3.0", "20")
    assert (coarse.notional_text(Decimal(60)), coarse.notional_text(Decimal(0))) == ("60.0", "0")


def test_assets_and_what_there_is_none_of(bench):
    assert [row["symbol"] for row in bench.public("assets").body] == ["USDC", "SOL"]
    assert bench.public("securities").body == bench.public("borrowLend/markets").body == []


# --- the book ---


def test_both_sides_of_the_book_ascend(bench):
    body = bench.public("depth", symbol=SOL, limit=5).body
    assert set(body) == set(sample("GET /api/v1/depth"))
    assert [row[0] for row in body["asks"]] == ["141.3", "141.31", "141.32", "141.33", "141.34"]
    assert [row[0] for row in body["bids"]] == ["141.23", "141.24", "141.25", "141.26", "141.27"]
    assert body["lastUpdateId"].isdigit()
    assert body["timestamp"] == START_MS * 1000
    assert len(bench.public("depth", symbol=SOL).body["asks"]) == 21


@pytest.mark.parametrize("limit", ["7", "0", "-1", "x", "5000", "1e3"])
def test_other_limits_of_the_book_are_plain_text(bench, limit):
    reply = bench.public("depth", symbol=SOL, limit=limit)
    assert (reply.status, reply.headers["Content-Type"]) == (400, TEXT)


@pytest.mark.parametrize("name", ["depth", "ticker", "markPrices", "trades", "market", "openInterest", "fundingRates"])
def test_a_symbol_nobody_knows(bench, name):
    reply = bench.public(name, symbol="FOO_USDC_PERP")
    assert (reply.status, reply.body) == (
        400,
        {"code": "INVALID_CLIENT_REQUEST", "message": "Invalid market symbol"},
    )


def test_a_closed_market_has_no_book(bench):
    bench.face.switches.states[SOL] = State.CLOSED
    assert bench.public("depth", symbol=SOL).body == {"code": "RESOURCE_NOT_FOUND", "message": "Not Found"}


def test_before_the_first_quote_there_is_nothing():
    bench = BackpackBench(quote=False)
    assert bench.public("depth", symbol=SOL, limit=5).body["bids"] == []
    assert bench.public("markPrices").body == []
    assert (bench.public("ticker", symbol=SOL).status, bench.public("tickers").body) == (204, [])


# --- prints ---


def test_trades_and_their_history(bench):
    for price in ("141.3", "141.27", "141.31"):
        bench.trade(SOL, price, "0.5", buyer_is_maker=price == "141.27")
    rows = bench.public("trades", symbol=SOL).body
    assert [row["price"] for row in rows] == ["141.31", "141.27", "141.3"]
    assert rows[1] == {
        "id": rows[0]["id"] - 1,
        "isBuyerMaker": True,
        "price": "141.27",
        "quantity": "0.5",
        "quoteQuantity": "70.635",
        "timestamp": START_MS,
    }
    assert bench.public("trades", symbol=SOL, limit=1).body == rows[:1]
    assert bench.public("trades/history", symbol=SOL, limit=1, offset=1).body == rows[1:2]
    assert bench.public("trades", symbol=SOL, limit=1001).headers["Content-Type"] == TEXT


def test_klines_take_seconds(bench):
    bench.trade(SOL, "141.3", "0.5", buyer_is_maker=False)
    bench.trade(SOL, "141.4", "1", buyer_is_maker=False)
    bench.wait(61)
    bench.trade(SOL, "141.2", "2", buyer_is_maker=True)
    start_s = START_MS // 1000 - 60
    rows = bench.public("klines", symbol=SOL, interval="1m", startTime=start_s).body
    assert [set(row) for row in rows] == [set(sample("GET /api/v1/klines")[0])] * 2
    assert (rows[0]["start"], rows[0]["end"]) == ("2025-06-15 15:06:00", "2025-06-15 15:07:00")
    assert [rows[0][key] for key in ("open", "high", "low", "close", "volume", "trades")] == [
        "141.3",
        "141.4",
        "141.3",
        "141.4",
        "1.5",
        "2",
    ]
    assert len(bench.public("klines", symbol=SOL, interval="1h", startTime=start_s - 3600).body) == 1
    assert bench.public("klines", symbol=SOL, interval="1m", startTime=start_s, endTime=start_s).body == []
    assert bench.public("klines", symbol=SOL, interval="1m").headers["Content-Type"] == TEXT
    assert bench.public("klines", symbol=SOL, interval="2m", startTime=1).headers["Content-Type"] == TEXT
    assert bench.public("klines", symbol=SOL, interval="1w", startTime=1).body["code"] == "NOT_IMPLEMENTED"


def test_tickers(bench):
    bench.trade(SOL, "140", "2", buyer_is_maker=True)
    bench.trade(SOL, "141.4", "1", buyer_is_maker=False)
    row = bench.public("ticker", symbol=SOL).body
    assert set(row) == set(sample("GET /api/v1/ticker"))
    assert (row["firstPrice"], row["lastPrice"], row["priceChangePercent"], row["trades"]) == (
        "140",
        "141.4",
        "0.01",
        "2",
    )
    assert bench.public("tickers", interval="1d").body == [row]
    assert bench.public("ticker", symbol=SOL, interval="2d").headers["Content-Type"] == TEXT


# --- prices ---


def test_mark_prices(bench):
    (row,) = bench.public("markPrices", symbol=SOL).body
    assert set(row) == set(sample("GET /api/v1/markPrices")[0])
    assert (row["markPrice"], row["nextFundingTimestamp"]) == ("141.285", 1_750_003_200_000)
    assert bench.public("markPrices", marketType="PERP").body == [row]
    assert bench.public("markPrices", marketType="SPOT").body == []


def test_funding_is_settled_every_hour(bench):
    bench.long("1.00")
    before = Decimal(bench.call("GET", "/api/v1/capital/collateral").body["assetsValue"])
    assert bench.public("fundingRates", symbol=SOL).body == []
    bench.wait(7200)
    rows = bench.public("fundingRates", symbol=SOL).body
    assert [row["intervalEndTimestamp"] for row in rows] == ["2025-06-15T17:00:00.000", "2025-06-15T16:00:00.000"]
    assert {row["fundingRate"] for row in rows} == {"0.0000125"}
    after = Decimal(bench.call("GET", "/api/v1/capital/collateral").body["assetsValue"])
    paid = Decimal("141.285") * Decimal("0.0000125")
    assert before - after == pytest.approx(2 * paid)
    history = bench.call("GET", "/wapi/v1/history/funding", symbol=SOL).body
    assert [Decimal(row["quantity"]) for row in history] == [-paid, -paid]


def test_open_interest(bench):
    bench.long("1.00")
    (row,) = bench.public("openInterest", symbol=SOL).body
    assert (row["openInterest"], row["symbol"]) == ("1", SOL)


# --- rate limits ---


def count_until_refused(ask):
    for number in range(3000):
        reply = ask()
        if reply.status == 429:
            assert reply.body == {"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}
            return number
    raise AssertionError("never refused")


def test_ordinary_calls_have_two_thousand_a_minute(bench):
    call = bench.signed_call("GET", "/api/v1/orders", {}, window=60_000)
    assert count_until_refused(lambda: bench.exchange(call)) == 2000
    assert bench.call("POST", "/api/v1/order", **bench.order("Bid", "141.00")).status == 429
    assert bench.call("GET", "/wapi/v1/history/fills").status == 200
    assert bench.public("time").status == 200


def test_history_has_thirty_a_minute(bench):
    assert count_until_refused(lambda: bench.call("GET", "/wapi/v1/history/orders")) == 30
    assert bench.call("GET", "/wapi/v1/history/fills").status == 429
    assert bench.call("GET", "/api/v1/orders").status == 200


def test_candles_and_old_trades_are_history_too(bench):
    asks = (
        lambda: bench.public("klines", symbol=SOL, interval="1m", startTime=1),
        lambda: bench.public("trades/history", symbol=SOL),
    )
    for ask in asks:
        assert ask().status == 200
    assert count_until_refused(asks[0]) == 28
    assert asks[1]().status == 429


def test_no_minute_holds_more_than_the_limit(bench):
    def ask():
        return bench.call("GET", "/wapi/v1/history/orders")

    assert [ask().status for _ in range(20)] == [200] * 20
    bench.wait(30)
    assert count_until_refused(ask) == 10
    bench.now_ns += 30 * SECOND - MS
    assert ask().status == 429
    bench.now_ns += MS
    assert count_until_refused(ask) == 20
    bench.now_ns += 30 * SECOND
    assert count_until_refused(ask) == 10


def test_every_key_has_its_own_budget(bench):
    assert count_until_refused(lambda: bench.public("trades/history", symbol=SOL)) == 30
    other = HttpCall(method="GET", path="/api/v1/trades/history", query=f"symbol={SOL}", address="127.0.0.2")
    assert bench.exchange(other).status == 200
    assert bench.call("GET", "/wapi/v1/history/orders").status == 200
