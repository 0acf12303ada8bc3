"""Somebody else's client trades on the simulated Aster: ccxt's `aster` class, only its addresses changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from exchanges.simulated.testing import RunningVenue, running_venue
from tests.foreign import clients

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: pip install --no-deps -r tests/foreign/ccxt.txt")

pytestmark = pytest.mark.foreign
MARKET = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def loaded_markets() -> dict[str, Any]:
    """Markets as ccxt reads them from the venue; loaded once, because ccxt takes its time."""
    with running_venue() as venue, clients.ccxt_aster(venue.rest_url, venue.credentials) as client:
        return dict(client.load_markets())


@pytest.fixture
def venue() -> Iterator[RunningVenue]:
    with running_venue() as running:
        running.quote("BTCUSDT", "94999.9", "95000.0")
        yield running


@pytest.fixture
def client(venue: RunningVenue, loaded_markets: dict[str, Any]) -> Iterator[Any]:
    with clients.ccxt_aster(venue.rest_url, venue.credentials) as made:
        made.set_markets(loaded_markets)
        yield made


def test_markets_are_read_with_their_steps(loaded_markets):
    market = loaded_markets[MARKET]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.001)
    assert market["limits"]["cost"]["min"] == 5


def test_a_post_only_order_is_placed_found_and_canceled(client):
    placed = client.create_order(MARKET, "limit", "buy", 0.002, 94900.0, {"postOnly": True, "newClientOrderId": "cc-1"})
    assert (placed["status"], placed["clientOrderId"]) == ("open", "cc-1")
    assert [order["id"] for order in client.fetch_open_orders(MARKET)] == [placed["id"]]
    assert client.fetch_order(placed["id"], MARKET)["status"] == "open"
    assert client.cancel_order(placed["id"], MARKET)["status"] == "canceled"
    assert client.fetch_open_orders(MARKET) == []
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(placed["id"], MARKET)


def test_a_post_only_order_that_would_take_expires(client):
    placed = client.create_order(MARKET, "limit", "buy", 0.002, 95000.0, {"postOnly": True})
    assert placed["status"] == "open"
    assert client.fetch_order(placed["id"], MARKET)["status"] in ("expired", "canceled")


def test_taking_liquidity_leaves_trades_a_position_and_a_fee(client):
    placed = client.create_order(MARKET, "market", "buy", 0.002)
    assert client.fetch_order(placed["id"], MARKET)["status"] == "closed"
    (trade,) = client.fetch_my_trades(MARKET)
    assert (trade["order"], trade["price"], trade["amount"]) == (placed["id"], 95000.0, 0.002)
    assert trade["fee"]["cost"] == pytest.approx(0.076)
    (position,) = client.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"]) == (MARKET, "long", 0.002)
    assert client.fetch_balance()["USDT"]["total"] == pytest.approx(1000 - 0.076)


def test_a_resting_order_fills_when_the_market_comes(venue, client):
    placed = client.create_order(MARKET, "limit", "buy", 0.002, 94900.0, {"postOnly": True})
    venue.quote("BTCUSDT", "94800.0", "94800.1")
    assert client.fetch_order(placed["id"], MARKET)["filled"] == 0.002
    (trade,) = client.fetch_my_trades(MARKET)
    assert (trade["order"], trade["price"], trade["takerOrMaker"]) == (placed["id"], 94900.0, "maker")
    (position,) = client.fetch_positions([MARKET])
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.002, 94900.0)
    exit_order = client.create_order(MARKET, "limit", "sell", 0.002, 95900.0, {"postOnly": True, "reduceOnly": True})
    assert client.fetch_order(exit_order["id"], MARKET)["reduceOnly"] is True


def test_the_public_side_is_readable(venue, client):
    venue.trade("BTCUSDT", "95000.0", "0.5", buyer_is_maker=False)
    assert client.fetch_order_book(MARKET, 5)["bids"][0] == [94999.9, 10.0]
    assert client.fetch_ticker(MARKET)["last"] == 95000.0
    assert client.fetch_trades(MARKET)[-1]["amount"] == 0.5
    assert client.fetch_ohlcv(MARKET, "1m")[-1][5] == 0.5
    assert client.fetch_funding_rate(MARKET)["fundingRate"] == 0.0001


def test_the_account_can_be_set_up(client):
    assert client.set_leverage(10, MARKET)["leverage"] == 10
    assert client.fetch_position_mode(MARKET)["hedged"] is False
    assert client.fetch_trading_fee(MARKET)["maker"] == 0.0001


def test_batches_and_cancel_all(client):
    orders = [
        {"symbol": MARKET, "type": "limit", "side": "buy", "amount": 0.002, "price": price}
        for price in (90000.0, 90001.0)
    ]
    placed = client.create_orders(orders)
    assert len(client.fetch_open_orders(MARKET)) == 2
    client.cancel_orders([placed[0]["id"]], MARKET)
    client.cancel_all_orders(MARKET)
    assert client.fetch_open_orders(MARKET) == []


def test_a_wrong_key_is_refused(venue, loaded_markets):
    with clients.ccxt_aster(venue.rest_url, venue.credentials) as stranger:
        stranger.set_markets(loaded_markets)
        stranger.privateKey = "0x" + "11" * 32
        with pytest.raises(ccxt.BaseError, match="Signature check failed"):
            stranger.fetch_balance()
