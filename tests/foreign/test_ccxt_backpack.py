"""Somebody else's client trades on the simulated Backpack: ccxt's `backpack` class, only its addresses changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from exchanges.clock import SystemClock
from exchanges.simulated.testing import RunningVenue, running_venue
from tests.foreign import clients

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: pip install --no-deps -r tests/foreign/ccxt.txt")

pytestmark = pytest.mark.foreign
MARKET = "SOL/USDC:USDC"
SYMBOL = "SOL_USDC_PERP"


@pytest.fixture(scope="module")
def loaded_markets() -> dict[str, Any]:
    """Markets as ccxt reads them from the venue; loaded once, because ccxt takes its time."""
    venues = running_venue(venue="backpack", symbols=("SOL", "BTC"))
    with venues as venue, clients.ccxt_backpack(venue.rest_url, venue.credentials) as client:
        return dict(client.load_markets())


@pytest.fixture
def venue() -> Iterator[RunningVenue]:
    with running_venue(venue="backpack", symbols=("SOL", "BTC")) as running:
        running.call(lambda venue: setattr(venue.face.switches, "history_lag_ns", 0))
        running.quote(SYMBOL, "141.27", "141.30")
        yield running


@pytest.fixture
def client(venue: RunningVenue, loaded_markets: dict[str, Any]) -> Iterator[Any]:
    with clients.ccxt_backpack(venue.rest_url, venue.credentials) as made:
        made.set_markets(loaded_markets)
        yield made


def test_markets_are_read_with_their_steps(loaded_markets):
    market = loaded_markets[MARKET]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.01)
    assert (market["limits"]["amount"]["min"], market["active"], market["swap"]) == (0.01, True, True)
    assert loaded_markets["BTC/USDC:USDC"]["precision"]["amount"] == 0.00001


def test_a_post_only_order_is_placed_found_and_canceled(client):
    placed = client.create_order(MARKET, "limit", "buy", 0.5, 141.2, {"postOnly": True, "clientOrderId": 1001})
    assert (placed["status"], placed["clientOrderId"], placed["postOnly"]) == ("open", "1001", True)
    assert [order["id"] for order in client.fetch_open_orders(MARKET)] == [placed["id"]]
    assert client.fetch_open_order(placed["id"], MARKET)["status"] == "open"
    assert client.cancel_order(placed["id"], MARKET)["status"] == "canceled"
    assert client.fetch_open_orders(MARKET) == []
    (row,) = client.fetch_orders(MARKET)
    assert (row["id"], row["status"]) == (placed["id"], "canceled")


def test_an_order_that_is_gone_is_not_found(client):
    with pytest.raises(ccxt.BaseError, match="RESOURCE_NOT_FOUND"):
        client.cancel_order("70000000099", MARKET)


def test_a_post_only_order_that_would_take_is_refused(client):
    with pytest.raises(ccxt.BaseError, match="immediately match"):
        client.create_order(MARKET, "limit", "buy", 0.5, 141.3, {"postOnly": True})
    assert client.fetch_open_orders(MARKET) == []


def test_taking_liquidity_leaves_trades_a_position_and_a_fee(client):
    placed = client.create_order(MARKET, "market", "buy", 0.5)
    assert (placed["status"], placed["filled"], placed["cost"]) == ("closed", 0.5, 70.65)
    (trade,) = client.fetch_my_trades(MARKET)
    assert (trade["order"], trade["price"], trade["amount"]) == (placed["id"], 141.3, 0.5)
    assert (trade["takerOrMaker"], trade["fee"]["cost"]) == ("taker", pytest.approx(0.02826))
    (position,) = client.fetch_positions()
    assert (position["symbol"], position["side"], float(position["contracts"])) == (MARKET, "long", 0.5)
    assert (float(position["entryPrice"]), float(position["markPrice"])) == (141.3, 141.285)
    assert client.fetch_balance()["USDC"]["total"] == pytest.approx(1000 - 0.02826)


def test_a_resting_order_fills_when_the_market_comes(venue, client):
    placed = client.create_order(MARKET, "limit", "buy", 0.5, 141.2, {"postOnly": True})
    venue.quote(SYMBOL, "141.10", "141.12")
    assert client.fetch_open_orders(MARKET) == []
    (trade,) = client.fetch_my_trades(MARKET)
    assert (trade["order"], trade["takerOrMaker"]) == (placed["id"], "maker")
    (position,) = client.fetch_positions([MARKET])
    assert (position["side"], float(position["contracts"]), float(position["entryPrice"])) == ("long", 0.5, 141.2)
    exit_order = client.create_order(MARKET, "limit", "sell", 0.5, 143.0, {"postOnly": True, "reduceOnly": True})
    assert client.fetch_open_order(exit_order["id"], MARKET)["reduceOnly"] is True
    with pytest.raises(ccxt.BaseError, match="Reduce only order not reduced"):
        client.create_order(MARKET, "limit", "sell", 0.5, 143.0, {"postOnly": True, "reduceOnly": True})


def test_the_public_side_is_readable(venue, client):
    venue.trade(SYMBOL, "141.30", "0.5", buyer_is_maker=False)
    book = client.fetch_order_book(MARKET, 5)
    assert (book["bids"][0], book["asks"][0]) == ([141.27, 10.0], [141.3, 10.0])
    assert client.fetch_ticker(MARKET)["last"] == 141.3
    assert client.fetch_trades(MARKET)[-1]["amount"] == 0.5
    since_ms = SystemClock().wall_ns() // 10**6 - 120_000
    assert client.fetch_ohlcv(MARKET, "1m", since_ms)[-1][5] == 0.5
    assert client.fetch_funding_rate(MARKET)["fundingRate"] == pytest.approx(0.0000125)
    assert client.fetch_status()["status"] == "ok"


def test_batches_and_cancel_all(client):
    orders = [
        {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.1, "price": price, "params": {"postOnly": True}}
        for price in (140.0, 140.1)
    ]
    assert [order["status"] for order in client.create_orders(orders)] == ["open", "open"]
    assert len(client.cancel_all_orders(MARKET)) == 2
    assert client.fetch_open_orders(MARKET) == []


def test_a_wrong_key_is_refused(venue, loaded_markets):
    with clients.ccxt_backpack(venue.rest_url, venue.credentials) as stranger:
        stranger.set_markets(loaded_markets)
        stranger.secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        with pytest.raises(ccxt.BaseError, match="Invalid signature"):
            stranger.fetch_balance()
