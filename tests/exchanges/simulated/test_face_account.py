"""The account endpoints: money, positions, fees, income, switches."""

from decimal import Decimal

import pytest

from tests.exchanges.simulated.face_bench import FaceBench, vectors

FIXTURES = vectors()["payload_fixtures"]
HOUR = 3600


@pytest.fixture
def bench():
    return FaceBench()


def test_balance_row(bench):
    bench.market("BUY")
    row = bench.call("GET", "balance").body[0]
    assert (row["asset"], row["marginAvailable"]) == ("USDT", True)
    assert Decimal(row["balance"]) == Decimal(1000) - Decimal("0.076")
    assert Decimal(row["availableBalance"]) < Decimal(row["balance"])


def test_account_adds_up(bench):
    bench.market("BUY")
    bench.place("BUY", "94000.0")
    for name in ("account", "accountWithJoinMargin"):
        body = bench.call("GET", name).body
        assert Decimal(body["totalMarginBalance"]) == Decimal(body["totalWalletBalance"]) + Decimal(
            body["totalUnrealizedProfit"]
        )
        assert Decimal(body["totalOpenOrderInitialMargin"]) > 0
        assert body["positions"][0]["positionAmt"] == "0.002"
        assert body["assets"][0]["walletBalance"] == body["totalWalletBalance"]


def test_the_flat_row_has_the_fields_of_the_fixture(bench):
    row = bench.call("GET", "positionRisk", symbol="BTCUSDT").body[0]
    fixture = FIXTURES["rest_position_risk_flat"]["body"][0]
    assert set(row) == set(fixture)
    assert {key: type(value) for key, value in row.items()} == {key: type(value) for key, value in fixture.items()}
    assert (row["positionAmt"], row["marginType"], row["isAutoAddMargin"]) == ("0", "cross", "false")


def test_without_a_symbol_flat_rows_are_missing():
    bench = FaceBench(symbols=("BTCUSDT", "ETHUSDT"))
    assert bench.call("GET", "positionRisk").body == []
    bench.market("SELL")
    rows = bench.call("GET", "positionRisk").body
    assert [(row["symbol"], row["positionAmt"], row["entryPrice"]) for row in rows] == [
        ("BTCUSDT", "-0.002", "94999.9")
    ]
    assert bench.call("GET", "positionRisk", symbol="NOPEUSDT").code == -1121


def test_leverage_is_set_and_told(bench):
    stream = bench.private()
    reply = bench.call("POST", "leverage", symbol="BTCUSDT", leverage=10)
    assert reply.body == FIXTURES["rest_leverage"]["body"]
    bench.step()
    event = bench.frames(stream)[0]
    assert (event["e"], event["ac"]) == ("ACCOUNT_CONFIG_UPDATE", FIXTURES["ws_account_config"]["ac"])
    assert bench.call("GET", "positionRisk", symbol="BTCUSDT").body[0]["leverage"] == "10"
    assert bench.call("POST", "leverage", symbol="BTCUSDT", leverage=126).code == -4028
    assert bench.call("POST", "leverage", symbol="BTCUSDT").code == -1102


def test_margin_type_can_change_only_while_nothing_is_open(bench):
    change = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    assert bench.call("POST", "marginType", symbol="BTCUSDT", marginType="CROSSED").code == -4046
    bench.place("BUY", "94000.0")
    assert bench.call("POST", "marginType", **change).code == -4047
    bench.call("DELETE", "allOpenOrders", symbol="BTCUSDT")
    bench.market("BUY")
    assert bench.call("POST", "marginType", **change).code == -4048
    bench.market("SELL")
    assert bench.call("POST", "marginType", **change).body == FIXTURES["rest_margin_type"]["body"]
    assert bench.call("GET", "positionRisk", symbol="BTCUSDT").body[0]["marginType"] == "isolated"
    assert bench.call("POST", "marginType", symbol="BTCUSDT", marginType="BOTH").code == -1102


def test_isolated_margin_and_several_assets_exclude_each_other(bench):
    assert bench.call("POST", "multiAssetsMargin", multiAssetsMargin="true").status == 200
    assert bench.call("GET", "multiAssetsMargin").body == {"multiAssetsMargin": True}
    assert bench.call("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED").code == -4168
    assert bench.call("POST", "multiAssetsMargin", multiAssetsMargin="perhaps").code == -1102


def test_position_mode(bench):
    assert bench.call("GET", "positionSide/dual").body == {"dualSidePosition": False}
    assert bench.call("POST", "positionSide/dual", dualSidePosition="false").code == -4059
    bench.place("BUY", "94000.0")
    assert bench.call("POST", "positionSide/dual", dualSidePosition="true").code == -4067
    bench.call("DELETE", "allOpenOrders", symbol="BTCUSDT")
    bench.market("BUY")
    assert bench.call("POST", "positionSide/dual", dualSidePosition="true").code == -4068
    bench.market("SELL")
    stream = bench.private()
    assert bench.call("POST", "positionSide/dual", dualSidePosition="true").body["code"] == 200
    assert bench.frames(stream)[0]["ai"] == {"j": False, "f": False, "d": True}
    assert bench.place("BUY", "94000.0").code == -4061
    assert bench.place("BUY", "94000.0", positionSide="LONG").code == -1020


def test_stp_mode(bench):
    assert bench.call("GET", "stpMode").body == {"stpMode": "EXPIRE_TAKER"}
    assert bench.call("POST", "stpMode", stpMode="EXPIRE_BOTH").status == 200
    assert bench.call("GET", "stpMode").body == {"stpMode": "EXPIRE_BOTH"}
    assert bench.call("POST", "stpMode").code == -1102


def test_commission_rates_are_those_of_the_settings():
    bench = FaceBench(maker_fee_bps=Decimal("-0.5"), taker_fee_bps=Decimal(4))
    body = bench.call("GET", "commissionRate", symbol="BTCUSDT").body
    assert (Decimal(body["makerCommissionRate"]), Decimal(body["takerCommissionRate"])) == (
        Decimal("-0.00005"),
        Decimal("0.0004"),
    )


def test_income_lists_and_filters(bench):
    bench.market("BUY")
    bench.quote("BTCUSDT", "95100.0", "95100.1")
    bench.market("SELL")
    rows = bench.call("GET", "income").body
    assert [row["incomeType"] for row in rows] == ["TRANSFER", "COMMISSION", "REALIZED_PNL", "COMMISSION"]
    assert Decimal(bench.call("GET", "income", incomeType="REALIZED_PNL").body[0]["income"]) == Decimal("0.2")
    assert bench.call("GET", "income", limit=1).body == rows[-1:]
    assert bench.call("GET", "income", symbol="ETHUSDT").body == []
    assert Decimal(rows[1]["income"]) < 0


def test_funding_is_charged_told_and_listed(bench):
    bench.market("BUY")
    stream = bench.private()
    for _ in range(4):  # funding is settled at 00:00, 08:00 and 16:00 UTC, the next time after an hour and 47 minutes
        bench.wait(HOUR / 2)
        bench.call("PUT", "listenKey")
    events = [frame for frame in bench.frames(stream) if frame["e"] == "ACCOUNT_UPDATE"]
    assert events[0]["a"]["m"] == "FUNDING_FEE"
    assert events[0]["a"]["P"] == []
    assert Decimal(events[0]["a"]["B"][0]["bc"]) < 0
    assert bench.call("GET", "income", incomeType="FUNDING_FEE").body[0]["symbol"] == "BTCUSDT"
    assert len(bench.public("fundingRate", symbol="BTCUSDT").body) == 1


def test_brackets_of_one_and_all(bench):
    one = bench.call("GET", "leverageBracket", symbol="BTCUSDT").body
    assert one["brackets"][0]["initialLeverage"] == 125
    assert bench.call("GET", "leverageBrackets").body == [one]


def test_state_survives_a_restart(bench):
    bench.call("POST", "multiAssetsMargin", multiAssetsMargin="true")
    bench.call("POST", "stpMode", stpMode="EXPIRE_BOTH")
    bench.market("BUY")
    bench.place("SELL", "96000.0", reduceOnly="true", newClientOrderId="exit")
    key = bench.call("POST", "listenKey").body["listenKey"]
    used = bench.signed_call("GET", "balance", {})
    assert bench.exchange(used).status == 200
    state = bench.venue.snapshot()

    again = FaceBench(credentials=bench.credentials, quote=False, start=False)
    again.venue.restore(state)
    again.now_ns = bench.now_ns
    again.begin()
    assert again.exchange(used).code == -4225
    again._nonce = bench._nonce
    again.quote("BTCUSDT", "94999.9", "95000.0")
    assert again.call("GET", "multiAssetsMargin").body == {"multiAssetsMargin": True}
    assert again.call("GET", "stpMode").body == {"stpMode": "EXPIRE_BOTH"}
    assert again.call("GET", "positionRisk", symbol="BTCUSDT").body[0]["positionAmt"] == "0.002"
    assert again.call("GET", "openOrders").body == bench.call("GET", "openOrders").body
    assert again.call("POST", "listenKey").body["listenKey"] == key


@pytest.mark.parametrize("broken", [{}, {"engine": "x", "oracle": "{}", "face": {}}, {"engine": "{}"}])
def test_a_state_that_cannot_be_read_is_refused(broken):
    bench = FaceBench(quote=False, start=False)
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the contract, the text is for people
        bench.venue.restore(broken)
