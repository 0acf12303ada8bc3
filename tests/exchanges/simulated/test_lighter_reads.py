"""REST reads of the simulated Lighter: markets, books, money, histories (venues/lighter.md 3, 13, 14)."""

from decimal import Decimal

import pytest

from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.lighter_bench import ACCOUNT, CANCEL, ETH, LighterBench, rest_sample

MINUTE_MS = 60_000


@pytest.fixture
def bench():
    return LighterBench()


def missing_names(found, sample):
    """Names of a recorded object that ours does not have, all the way down."""
    if isinstance(sample, dict):
        return [
            name if name not in found else f"{name}.{deep}"
            for name, value in sample.items()
            for deep in ([""] if name not in found else missing_names(found[name], value))
        ]
    if isinstance(sample, list) and sample:
        return missing_names(found[0], sample[0]) if found else ["[0]"]
    return [] if type(found) is type(sample) else [f"{found!r} is no {type(sample).__name__}"]


# --- the service ---
def test_the_root_tells_the_time(bench):
    reply = bench.exchange(HttpCall(method="GET", path="/"))
    assert reply.body == {"status": 200, "network_id": 1, "timestamp": bench.now_ms // 1000}
    assert "contract_address" in bench.exchange(HttpCall(method="GET", path="/info")).body


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/weather"), ("POST", "/api/v1/account"), ("GET", "/x")])
def test_unknown_paths_are_answered_by_something_in_front(bench, method, path):
    reply = bench.exchange(HttpCall(method=method, path=path))
    assert (reply.status, reply.headers["Content-Type"]) == (403, "text/html")


# --- markets ---
def test_markets_are_described_as_recorded(bench):
    books = bench.get("orderBooks").body
    assert books == rest_sample("GET orderBooks")
    details = bench.get("orderBookDetails", market_id=ETH, filter="perp").body
    sample = rest_sample("GET orderBookDetails?market_id=0")
    assert missing_names(details, sample) == []
    fixed = ("size_decimals", "price_decimals", "default_initial_margin_fraction", "min_initial_margin_fraction")
    row, wanted = details["order_book_details"][0], sample["order_book_details"][0]
    assert {name: row[name] for name in fixed} == {name: wanted[name] for name in fixed}


def test_markets_can_be_chosen():
    bench = LighterBench(symbols=("ETH", "BTC", "SOL"))
    rows = bench.get("orderBookDetails").body["order_book_details"]
    assert [(row["market_id"], row["symbol"]) for row in rows] == [(0, "ETH"), (1, "BTC"), (2, "SOL")]
    assert [row["symbol"] for row in bench.get("orderBooks", market_id=1).body["order_books"]] == ["BTC"]
    assert bench.get("orderBookDetails", filter="spot").body["order_book_details"] == []
    assert bench.get("orderBookDetails", filter="x").code == 20001
    assert bench.get("orderBooks", market_id=9).code == 20001


def test_a_day_is_summed_up(bench):
    before = bench.get("orderBookDetails").body["order_book_details"][0]
    assert (before["last_trade_price"], before["daily_trades_count"]) == (2350.05, 0)
    for price in ("2340.00", "2360.00"):
        bench.trade("ETH", price, "2", buyer_is_maker=False)
    after = bench.get("orderBookDetails").body["order_book_details"][0]
    assert (after["last_trade_price"], after["daily_price_low"], after["daily_price_high"]) == (2360.0, 2340.0, 2360.0)
    assert (after["daily_trades_count"], after["daily_base_token_volume"]) == (2, 4.0)
    stats = bench.get("exchangeStats").body
    assert (stats["total"], stats["daily_trades_count"], stats["daily_usd_volume"]) == (1, 2, 9400.0)
    assert stats["order_book_stats"][0]["symbol"] == "ETH"


def test_the_book_as_orders(bench):
    body = bench.get("orderBookOrders", market_id=ETH, limit=3).body
    assert missing_names(body, rest_sample("GET orderBookOrders?market_id=0&limit=1")) == []
    assert [row["price"] for row in body["bids"]] == ["2350.00", "2349.99", "2349.98"]
    assert [row["price"] for row in body["asks"]] == ["2350.10", "2350.11", "2350.12"]
    assert body["total_bids"] == 3
    assert bench.get("orderBookOrders", market_id=ETH).code == 20001
    assert bench.get("orderBookOrders", market_id=ETH, limit=251).code == 20001
    empty = LighterBench(quote=False).get("orderBookOrders", market_id=ETH, limit=3).body
    assert (empty["bids"], empty["asks"]) == (None, None)


def test_recent_trades_are_in_no_order(bench):
    for step in range(30):
        bench.trade("ETH", f"23{step + 10}.00", "1", buyer_is_maker=step % 2 == 0)
    rows = bench.get("recentTrades", market_id=ETH, limit=20).body["trades"]
    ids = [row["trade_id"] for row in rows]
    assert len(set(ids)) == 20
    assert ids not in (sorted(ids), sorted(ids, reverse=True))
    assert {row["is_maker_ask"] for row in rows} == {True, False}


def test_own_trades_are_public(bench):
    bench.take("buy", 250)
    (row,) = bench.get("recentTrades", market_id=ETH, limit=20).body["trades"]
    assert (row["bid_account_id"], row["bid_client_id"]) == (ACCOUNT, bench.last_client_index())


def test_candles_leave_zeros_out(bench):
    bench.trade("ETH", "2350.00", "2", buyer_is_maker=False)
    now = bench.now_ms
    params = {"market_id": ETH, "resolution": "1m", "start_timestamp": now - MINUTE_MS, "end_timestamp": now}
    body = bench.get("candles", count_back=10, **params).body
    assert (body["code"], body["r"]) == (200, "1m")
    assert body["c"] == [
        {"t": now // MINUTE_MS * MINUTE_MS, "o": 2350, "h": 2350, "l": 2350, "c": 2350, "v": 2, "V": 4700, "i": 1}
    ]
    assert bench.get("candles", **params | {"resolution": "7m"}).code == 22403
    assert bench.get("candles", **params | {"end_timestamp": 0}).code == 22403


def test_assets_and_funding(bench):
    assert bench.get("assetDetails").body["asset_details"][0]["symbol"] == "USDC"
    (rate,) = bench.get("funding-rates").body["funding_rates"]
    assert (rate["exchange"], rate["rate"]) == ("lighter", 0.0000125)


# --- the account ---
def account(bench, **params):
    return bench.get("account", by="index", value=ACCOUNT, **params).body["accounts"][0]


def test_an_account_reads_as_recorded(bench):
    sample = rest_sample("GET account?by=index&value=12345 (flat)")
    body = bench.get("account", by="index", value=ACCOUNT).body
    assert missing_names(body, sample) == []
    row = body["accounts"][0]
    assert (row["collateral"], row["available_balance"], row["total_order_count"]) == ("1000.000000", "1000.000000", 0)
    assert (row["positions"][0]["sign"], row["positions"][0]["position"]) == (1, "0.0000")
    assert account(bench, active_only="true")["positions"] == []


def test_a_short_position_and_its_money():
    bench = LighterBench(start_equity_usd=10_000, taker_fee_bps=Decimal(10))
    bench.place("buy", 230_000)
    bench.take("sell", 5000)
    row = account(bench)
    position = row["positions"][0]
    assert (position["sign"], position["position"], position["avg_entry_price"]) == (-1, "0.5000", "2350.00")
    assert (position["open_order_count"], position["position_value"]) == (1, "1175.025000")
    assert row["collateral"] == "9998.825000"
    assert Decimal(row["available_balance"]) < Decimal(row["total_asset_value"])
    assert Decimal(row["cross_maintenance_margin_requirement"]) == Decimal("1175.025") * Decimal("0.012")
    assert [p["symbol"] for p in account(bench, active_only="true")["positions"]] == ["ETH"]


def test_other_accounts_are_not_there(bench):
    assert bench.get("account", by="index", value=1).code == 21100
    assert bench.get("account", by="l1_address", value="0x00").code == 21100
    assert bench.get("account", by="name", value="x").code == 20001
    assert bench.get("account").code == 20001


def test_the_tier_and_its_fees():
    bench = LighterBench(maker_fee_bps=Decimal("0.4"), taker_fee_bps=Decimal("2.8"))
    body = bench.read("accountLimits")
    assert (body["user_tier"], body["current_maker_fee_tick"], body["current_taker_fee_tick"]) == ("standard", 40, 280)
    assert bench.get("accountLimits", account_index=ACCOUNT).code == 20001


# --- orders ---
def test_active_orders_by_market():
    bench = LighterBench(symbols=("ETH", "BTC"))
    bench.quote("BTC", "95000.0", "95000.1")
    bench.place("buy", 234_000)
    bench.place("buy", 940_000, 100, MarketIndex=1)
    bench.step()
    assert len(bench.read("accountActiveOrders", market_id=255)["orders"]) == 2
    assert [row["market_index"] for row in bench.read("accountActiveOrders", market_id=1)["orders"]] == [1]
    headers = {"authorization": bench.token()}
    assert bench.get("accountActiveOrders", headers=headers, account_index=ACCOUNT, market_id=9).code == 20001
    assert bench.get("accountActiveOrders", headers=headers).code == 20001


def test_inactive_orders_come_newest_first_and_by_pages(bench):
    start_s = bench.now_ms // 1000
    for price in range(234_000, 234_005):
        bench.place("buy", price)
        bench.step()
        bench.submit(CANCEL, MarketIndex=ETH, Index=bench.last_client_index())
        bench.wait(10)
    first = bench.read("accountInactiveOrders", limit=2)
    second = bench.read("accountInactiveOrders", limit=2, cursor=first["next_cursor"])
    third = bench.read("accountInactiveOrders", limit=2, cursor=second["next_cursor"])
    prices = [row["price"] for page in (first, second, third) for row in page["orders"]]
    assert prices == ["2340.04", "2340.03", "2340.02", "2340.01", "2340.00"]
    assert third["next_cursor"] == ""
    within = bench.read("accountInactiveOrders", limit=100, between_timestamps=f"{start_s + 10}-{start_s + 20}")
    assert [row["price"] for row in within["orders"]] == ["2340.02", "2340.01"]
    assert bench.read("accountInactiveOrders", limit=100, ask_filter=1)["orders"] is None
    assert len(bench.read("accountInactiveOrders", limit=100, ask_filter=0)["orders"]) == 5


@pytest.mark.parametrize("limit", [0, 101, "x", ""])
def test_limits_are_checked(bench, limit):
    headers = {"authorization": bench.token()}
    reply = bench.get("accountInactiveOrders", headers=headers, account_index=ACCOUNT, limit=limit)
    assert (reply.status, reply.code) == (400, 20001)


def test_orders_by_client_index(bench):
    bench.place("buy", 234_000, ClientOrderIndex=1)
    bench.place("buy", 235_010, ClientOrderIndex=2)
    bench.step()
    rows = bench.by_client(1, 2, 3)
    assert [(row["client_order_index"], row["status"]) for row in rows] == [(1, "open"), (2, "canceled-post-only")]
    headers = {"authorization": bench.token()}
    for words in (",".join(map(str, range(21))), "x", "", "1,,2"):
        reply = bench.get("accountOrders", headers=headers, account_index=ACCOUNT, client_order_indexes=words)
        assert reply.code == 20001


# --- trades ---
def fills(bench, **params):
    return bench.read("trades", **({"sort_by": "timestamp", "limit": 100} | params))


def test_trades_read_as_recorded():
    bench = LighterBench(maker_fee_bps=Decimal(0), taker_fee_bps=Decimal("2.8"), start_equity_usd=100_000)
    bench.take("buy", 250)
    bench.wait(1)
    bench.take("sell", 400)
    body = fills(bench)
    sample = rest_sample("GET trades?sort_by=timestamp&limit=100&account_index=12345")
    own_to_maker = {"maker_fee"}
    assert set(missing_names(body, sample)) <= {f"trades.{name}" for name in own_to_maker} | own_to_maker
    newest, oldest = body["trades"]
    assert (newest["ask_account_id"], newest["is_maker_ask"], newest["size"]) == (ACCOUNT, False, "0.0400")
    assert (oldest["bid_account_id"], oldest["is_maker_ask"]) == (ACCOUNT, True)
    assert newest["taker_fee"] == 280
    assert (newest["taker_position_size_before"], newest["taker_position_sign_changed"]) == ("0.0250", True)
    assert newest["taker_entry_quote_before"] == "58.752500"
    assert newest["ask_account_pnl"] == "-0.002500"
    assert newest["trade_id"] > 2**31
    bench.place("buy", 235_000, 250)
    bench.trade("ETH", "2350.00", "20", buyer_is_maker=True)
    maker = fills(bench)["trades"][0]
    assert (maker["is_maker_ask"], maker["maker_position_size_before"]) == (False, "-0.0150")
    assert "maker_fee" not in maker
    assert "taker_fee" not in maker


def test_trades_can_be_sorted_and_paged():
    bench = LighterBench(symbols=("ETH", "BTC"), start_equity_usd=100_000)
    bench.quote("BTC", "95000.0", "95000.1")
    for _ in range(3):
        bench.take("buy", 250)
        bench.wait(1)
    bench.take("buy", 100, 960_000, MarketIndex=1)
    rows = fills(bench, sort_dir="asc")["trades"]
    ids = [row["trade_id"] for row in rows]
    assert [row["market_id"] for row in rows] == [0, 0, 0, 1]
    assert [row["trade_id"] for row in fills(bench)["trades"]] == ids[::-1]
    assert [row["trade_id"] for row in fills(bench, sort_by="trade_id", market_id=0)["trades"]] == ids[2::-1]
    first = fills(bench, limit=3)
    rest = fills(bench, limit=3, cursor=first["next_cursor"])
    assert [row["trade_id"] for row in first["trades"] + rest["trades"]] == ids[::-1]
    assert rest["next_cursor"] == ""
    since = {"sort_dir": "asc", "from": rows[1]["timestamp"]}
    assert [row["trade_id"] for row in fills(bench, **since)["trades"]] == ids[1:]
    assert [row["trade_id"] for row in fills(bench, order_index=rows[1]["bid_id"])["trades"]] == ids[1:2]
    headers = {"authorization": bench.token()}
    for wrong in ({"sort_by": "x"}, {"sort_dir": "up"}, {"limit": 101}, {"from": "x"}, {"cursor": "x"}):
        params = {"sort_by": "timestamp", "limit": 5, "account_index": ACCOUNT} | wrong
        assert bench.get("trades", headers=headers, **params).code == 20001
    assert bench.get("trades", sort_by="timestamp", limit=5, account_index=ACCOUNT).code == 20001


def test_transactions_can_be_looked_up(bench):
    reply = bench.place("buy", 234_000)
    by_hash = bench.get("tx", by="hash", value=reply.body["tx_hash"].upper()).body
    assert by_hash == bench.get("tx", by="sequence_index", value=1).body
    assert (by_hash["account_index"], by_hash["api_key_index"], by_hash["nonce"]) == (ACCOUNT, 4, 1)
    assert by_hash["info"].startswith('{"AccountIndex":12345')
    assert bench.get("tx", by="l1", value="x").code == 20001
    assert bench.get("tx", by="sequence_index", value=99).code == 21500
    records = bench.read("accountTxs", limit=5)["txs"]
    assert [record["hash"] for record in records] == [reply.body["tx_hash"]]
