"""Account, positions and history of the simulated Backpack, and what survives a restart (venues/backpack.md 7 to 9)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from exchanges.simulated.faces.backpack.switches import MS_NS
from tests.exchanges.simulated.backpack_bench import SOL, BackpackBench, sample

ACCOUNT, CAPITAL, COLLATERAL = "/api/v1/account", "/api/v1/capital", "/api/v1/capital/collateral"
POSITION, LIMIT = "/api/v1/position", "/api/v1/account/limits/order"
ORDERS, FILLS = "/wapi/v1/history/orders", "/wapi/v1/history/fills"
TEXT = "text/plain; charset=utf-8"
NOT_FOUND = {"code": "RESOURCE_NOT_FOUND", "message": "Not Found"}


@pytest.fixture
def bench():
    return BackpackBench()


# --- the account ---


def test_the_accounts_settings(bench):
    expected = sample("GET /api/v1/account")
    body = bench.call("GET", ACCOUNT).body
    assert body == expected | {"futuresMakerFee": "1", "futuresTakerFee": "4"}
    bench.place("Bid", "141.00")
    assert bench.call("GET", ACCOUNT).body["limitOrders"] == 1


def test_leverage_is_one_number_for_the_account(bench):
    reply = bench.call("PATCH", ACCOUNT, leverageLimit="5", autoLend=False)
    assert (reply.status, reply.body) == (200, b"")
    body = bench.call("GET", ACCOUNT).body
    assert (body["leverageLimit"], body["autoLend"], body["autoRealizePnl"]) == ("5", False, True)
    assert bench.venue.engine.position(bench.face.account, SOL).leverage == 5
    assert bench.place("Bid", "141.00", "36.00").body["code"] == "INSUFFICIENT_MARGIN"
    assert bench.place("Bid", "141.00", "35.00").status == 200


@pytest.mark.parametrize("limit", ["0", "0.5", "51", "-3"])
def test_a_leverage_that_is_not_one(bench, limit):
    assert bench.call("PATCH", ACCOUNT, leverageLimit=limit).body["code"] == "INVALID_CLIENT_REQUEST"
    assert bench.call("GET", ACCOUNT).body["leverageLimit"] == "10"


@pytest.mark.parametrize("change", [{"leverageLimit": 5}, {"leverageLimit": "x"}, {"autoLend": "true"}])
def test_settings_of_the_wrong_type(bench, change):
    assert bench.call("PATCH", ACCOUNT, **change).headers["Content-Type"] == TEXT


def test_leverage_that_the_margin_does_not_carry_changes_nothing():
    bench = BackpackBench(symbols=(SOL, "BTC_USDC_PERP"))
    bench.quote("BTC_USDC_PERP", "60000.0", "60000.1")
    bench.place("Bid", "141.00", "60.00")
    assert bench.call("PATCH", ACCOUNT, leverageLimit="2").body["code"] == "INSUFFICIENT_MARGIN"
    assert bench.call("GET", ACCOUNT).body["leverageLimit"] == "10"
    leverages = [row.leverage for row in bench.venue.engine.positions(bench.face.account)]
    assert leverages == [10, 10]


def test_balances(bench):
    assert bench.call("GET", CAPITAL).body == sample("GET /api/v1/capital")
    bench.place("Bid", "141.00", "10.00")
    row = bench.call("GET", CAPITAL).body["USDC"]
    assert (row["available"], row["locked"]) == ("859", "141")


def test_collateral(bench):
    expected = sample("GET /api/v1/capital/collateral")
    assert bench.call("GET", COLLATERAL).body == expected | {"mmf": "0.0135"}
    bench.long("10.00")
    body = bench.call("GET", COLLATERAL).body
    assert Decimal(body["netEquity"]) == Decimal(1000) - Decimal("1413.00") * Decimal("0.0004") - Decimal("0.15")
    assert Decimal(body["netExposureFutures"]) == Decimal("1412.85")
    assert Decimal(body["netEquityAvailable"]) == Decimal(body["netEquity"]) - Decimal("141.285")
    assert body["marginFraction"] is not None


def test_what_could_be_ordered(bench):
    ask = {"symbol": SOL, "side": "Bid", "price": "141.25", "reduceOnly": False}
    body = bench.call("GET", LIMIT, **ask).body
    assert body == sample("GET /api/v1/account/limits/order") | {"maxOrderQuantity": "70.79"}
    assert bench.place("Bid", "141.25", "70.79").status == 200
    assert bench.call("GET", LIMIT, **ask | {"side": "Ask", "reduceOnly": True}).body["maxOrderQuantity"] == "0"
    assert bench.call("GET", LIMIT, symbol=SOL).headers["Content-Type"] == TEXT


def test_other_limits(bench):
    limits = "/api/v1/account/limits"
    assert bench.call("GET", f"{limits}/borrow", symbol="USDC").body["maxBorrowQuantity"] == "0"
    assert bench.call("GET", f"{limits}/withdrawal", symbol="USDC").body["maxWithdrawalQuantity"] == "1000"
    assert bench.call("GET", f"{limits}/withdrawal", symbol="SOL").body["maxWithdrawalQuantity"] == "0"


# --- positions ---


def test_a_flat_account(bench):
    assert bench.call("GET", POSITION).body == []
    reply = bench.call("GET", POSITION, symbol=SOL)
    assert (reply.status, reply.body) == (404, NOT_FOUND)
    assert bench.call("GET", POSITION, symbol="FOO_USDC_PERP").status == 400


def test_a_position(bench):
    bench.long("0.50")
    (row,) = bench.call("GET", POSITION).body
    (expected,) = sample("GET /api/v1/position")
    assert set(row) == set(expected)
    assert {key: row[key] for key in ("imf", "imfFunction", "mmf", "mmfFunction", "userId")} == {
        key: expected[key] for key in ("imf", "imfFunction", "mmf", "mmfFunction", "userId")
    }
    assert (row["netQuantity"], row["entryPrice"], row["netCost"]) == ("0.5", "141.3", "70.65")
    assert (row["markPrice"], row["pnlUnrealized"]) == ("141.285", "-0.0075")
    assert bench.call("GET", POSITION, symbol=SOL).body == [row]
    assert bench.call("GET", POSITION, marketType="SPOT").body == []


def test_a_short_position(bench):
    bench.place("Ask", None, "0.50")
    (row,) = bench.call("GET", POSITION).body
    assert (row["netQuantity"], row["netCost"], row["netExposureQuantity"]) == ("-0.5", "-70.635", "0.5")
    assert Decimal(row["breakEvenPrice"]) < Decimal(row["entryPrice"])


# --- history ---


def test_history_trails_the_engine(bench):
    placed = bench.place("Bid", None, "0.50", clientId=4).body
    assert bench.call("GET", "/api/v1/order", symbol=SOL, clientId=4).status == 404
    assert bench.call("GET", ORDERS).body == bench.call("GET", FILLS).body == []
    bench.wait(0.299)
    assert bench.call("GET", ORDERS).body == []
    bench.wait(0.001)
    (order,), (fill,) = bench.call("GET", ORDERS).body, bench.call("GET", FILLS).body
    assert order["id"] == fill["orderId"] == placed["id"]


def test_the_rows_of_history(bench):
    bench.face.switches.history_lag_ns = 0
    bench.place("Bid", "141.28", "0.50", clientId=1001)
    bench.trade(SOL, "141.28", "0.2", buyer_is_maker=True)
    assert bench.call("GET", ORDERS).body == []
    bench.cancel(clientId=1001)
    (order,), (fill,) = bench.call("GET", ORDERS).body, bench.call("GET", FILLS).body
    (expected,) = sample("GET /wapi/v1/history/orders")
    changes = {"id": order["id"], "price": "141.28", "executedQuoteQuantity": "28.256", "quoteQuantity": "70.64"}
    assert order == expected | changes | {"createdAt": "2025-06-15T15:06:40.000"}
    like = sample("GET /wapi/v1/history/fills")[0]
    assert set(fill) == set(like)
    assert (fill["clientId"], fill["isMaker"], fill["quantity"], fill["fee"]) == ("1001", True, "0.2", "0.0028256")
    moment = datetime.fromisoformat(fill["timestamp"]).replace(tzinfo=UTC)
    assert int(moment.timestamp() * 1000) == bench.now_ms


def test_an_expired_order_says_why(bench):
    bench.place("Bid", "141.20", postOnly=False, timeInForce="IOC")
    bench.wait(1)
    (row,) = bench.call("GET", ORDERS).body
    assert (row["status"], row["expiryReason"], row["timeInForce"]) == ("Expired", "ImmediateOrCancel", "IOC")


def fill_some(bench, count):
    """Market orders, one a second."""
    for _ in range(count):
        bench.long("0.01")
        bench.wait(0.9)


def test_pages_newest_first_unless_asked_otherwise(bench):
    fill_some(bench, 5)
    bench.wait(1)
    reply = bench.call("GET", FILLS, limit=2, offset=2)
    ids = [row["tradeId"] for row in bench.call("GET", FILLS).body]
    assert ids == sorted(ids, reverse=True)
    assert [row["tradeId"] for row in reply.body] == ids[2:4]
    paging = {name: reply.headers[name] for name in ("X-CURRENT-PAGE", "X-PAGE-COUNT", "X-PAGE-SIZE", "X-TOTAL")}
    assert paging == {"X-CURRENT-PAGE": "2", "X-PAGE-COUNT": "3", "X-PAGE-SIZE": "2", "X-TOTAL": "5"}
    ascending = bench.call("GET", FILLS, sortDirection="Asc", limit=5).body
    assert [row["tradeId"] for row in ascending] == ids[::-1]
    assert [row["id"] for row in bench.call("GET", ORDERS, limit=1).body] == [ascending[-1]["orderId"]]
    assert set(sample("history response headers")) <= set(bench.call("GET", ORDERS).headers)


def test_filters_of_fills(bench):
    fill_some(bench, 3)
    bench.wait(1)
    rows = bench.call("GET", FILLS, sortDirection="Asc").body
    at_ms = [int(datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() * 1000) for row in rows]
    assert bench.call("GET", FILLS, orderId=rows[1]["orderId"]).body == [rows[1]]
    assert bench.call("GET", FILLS, orderId="x").body == []
    assert bench.call("GET", FILLS, from_=at_ms[1], sortDirection="Asc").body == rows[1:]
    assert bench.call("GET", FILLS, to=at_ms[1]).body == rows[:1]
    assert bench.call("GET", FILLS, symbol=SOL, marketType="PERP", fillType="User").headers["X-TOTAL"] == "3"
    assert bench.call("GET", FILLS, marketType="SPOT").body == []
    assert bench.call("GET", ORDERS, orderId=rows[2]["orderId"]).headers["X-TOTAL"] == "1"
    assert bench.call("GET", ORDERS, symbol="FOO_USDC_PERP").status == 400


@pytest.mark.parametrize("bad", [{"limit": 1001}, {"limit": -1}, {"offset": "x"}, {"sortDirection": "Up"}])
def test_a_page_that_cannot_be(bench, bad):
    for path in (ORDERS, FILLS):
        assert bench.call("GET", path, **bad).headers["Content-Type"] == TEXT


def test_history_without_rows(bench):
    for name in ("settlement", "interest", "funding"):
        assert bench.call("GET", f"/wapi/v1/history/{name}").body == []
    assert bench.call("GET", "/api/v1/borrowLend/positions").body == []


# --- a restart ---


def test_the_account_survives_a_restart(bench):
    bench.call("PATCH", ACCOUNT, leverageLimit="7", autoLend=False)
    bench.long("0.50")
    order = bench.place("Ask", "142.00", reduceOnly=True, selfTradePrevention="RejectMaker").body
    bench.wait(1)
    state = bench.venue.snapshot()
    again = BackpackBench(start=False, quote=False)
    again.now_ns = bench.now_ns
    again.venue.restore(state)
    again.begin()
    again.quote(SOL, "141.27", "141.30")
    for path in (ACCOUNT, CAPITAL, POSITION, "/api/v1/orders", FILLS, ORDERS):
        assert again.call("GET", path).body == bench.call("GET", path).body
    assert again.call("GET", "/api/v1/orders").body == [order]
    session = again.subscribe("account.positionUpdate")
    again.frames(session)
    again.long("0.10")
    assert [data["e"] for data in again.data(session)] == ["positionAdjusted"]
    assert again.place("Bid", "141.00", clientId=99).body["id"] > order["id"]


@pytest.mark.parametrize("change", [{"leverage_limit": "x"}, {"account_flags": 3}, {"stp": {"x": "y"}}, None])
def test_a_state_that_cannot_be_read(bench, change):
    state = bench.venue.snapshot()
    face = dict(state["face"])  # type: ignore[call-overload]
    broken = {} if change is None else face | change
    with pytest.raises(ValueError, match=r"face's state|invalid literal"):
        BackpackBench(start=False, quote=False).venue.restore(state | {"face": broken})


def test_a_self_trade_mode_is_forgotten_with_its_order(bench):
    order = bench.place("Bid", "141.00", selfTradePrevention="RejectMaker", clientId=1).body
    assert order["selfTradePrevention"] == "RejectMaker"
    assert len(bench.face.context.stp) == 1
    bench.cancel(clientId=1)
    bench.step()
    assert bench.face.context.stp == {}


def test_the_default_lag_of_history(bench):
    assert bench.face.switches.history_lag_ns == 300 * MS_NS
