"""Somebody else's client trades on the simulated Lighter: ccxt's `lighter` class, only its addresses changed.

ccxt signs with the vendor's native library and gives every transaction a nonce that may skip. Every signature is
checked here. Latencies are 0, so a transaction has been executed when its receipt arrives.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchanges.simulated.testing import RunningVenue, running_venue
from tests.foreign import clients

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: pip install --no-deps -r tests/foreign/ccxt.txt")

pytestmark = pytest.mark.foreign
MARKET = "ETH/USDC:USDC"


@pytest.fixture
def venue() -> Iterator[RunningVenue]:
    with running_venue(venue="lighter", symbols=("ETH",), lighter_signature_check_pct=Decimal(100)) as running:
        running.quote("ETH", "2350.00", "2350.10")
        yield running


@pytest.fixture
def client(venue: RunningVenue) -> Iterator[Any]:
    with clients.ccxt_lighter(venue.rest_url, venue.credentials) as made:
        made.load_markets()
        yield made


def place(client: Any, side: str, price: float, number: int, **params: Any) -> Any:
    """Place a post-only order with a client index."""
    return client.create_order(
        MARKET, "limit", side, 0.025, price, {"clientOrderId": number, "postOnly": True} | params
    )


def test_markets_are_read_with_their_steps(client):
    market = client.market(MARKET)
    assert (market["id"], market["precision"]["price"], market["precision"]["amount"]) == ("0", 0.01, 0.0001)
    assert market["limits"]["cost"]["min"] == 10
    assert client.fetch_status()["status"] == "ok"
    assert client.fetch_time() > 1_600_000_000_000


def test_a_post_only_order_is_placed_found_and_canceled(client):
    placed = place(client, "buy", 2340.0, 1001)
    assert placed["clientOrderId"] == "1001"
    (order,) = client.fetch_open_orders(MARKET)
    assert (order["clientOrderId"], order["price"], order["amount"], order["status"]) == ("1001", 2340.0, 0.025, "open")
    assert (order["side"], order["postOnly"]) == ("buy", True)
    client.cancel_order(order["id"], MARKET)
    assert client.fetch_open_orders(MARKET) == []
    (ended,) = client.fetch_closed_orders(MARKET)
    assert ended["status"] == "canceled"
    with pytest.raises(ccxt.InvalidOrder, match="21715"):
        client.cancel_order(order["id"], MARKET)


def test_a_post_only_order_that_would_take_is_canceled_after_its_receipt(client):
    place(client, "buy", 2350.1, 7)
    (ended,) = client.fetch_closed_orders(MARKET)
    assert (ended["info"]["status"], ended["filled"]) == ("canceled-post-only", 0)


def test_a_resting_order_fills_when_the_market_comes(venue, client):
    place(client, "buy", 2340.0, 1)
    venue.quote("ETH", "2339.80", "2339.90")
    (fill,) = client.fetch_my_trades(MARKET)
    assert (fill["side"], fill["price"], fill["amount"], fill["takerOrMaker"]) == ("buy", 2340.0, 0.025, "maker")
    position = client.fetch_position(MARKET)
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.025, 2340.0)
    place(client, "sell", 2360.0, 2, reduceOnly=True)
    (exit_order,) = client.fetch_open_orders(MARKET)
    assert exit_order["reduceOnly"] is True


def test_taking_liquidity_and_the_balance(client):
    client.create_order(MARKET, "market", "sell", 0.025, 2300.0)
    (fill,) = client.fetch_my_trades(MARKET)
    assert (fill["takerOrMaker"], fill["price"]) == ("taker", 2350.0)
    assert client.fetch_positions([MARKET])[0]["side"] == "short"
    assert client.fetch_balance({"type": "swap"})["USDC"]["total"] < 1000


def test_the_public_side_is_readable(venue, client):
    venue.trade("ETH", "2350.10", "0.5", buyer_is_maker=False)
    assert client.fetch_order_book(MARKET, 5)["bids"][0] == [2350.0, 10.0]
    assert client.fetch_ticker(MARKET)["last"] == 2350.1
    assert client.fetch_trades(MARKET)[-1]["amount"] == 0.5
    assert client.fetch_ohlcv(MARKET, "1m")[-1][5] == 0.5
    assert client.fetch_funding_rates([MARKET])[MARKET]["fundingRate"] == 0.0000125


def test_orders_can_be_changed_and_all_canceled(client):
    place(client, "buy", 2340.0, 1)
    (order,) = client.fetch_open_orders(MARKET)
    client.edit_order(order["id"], MARKET, "limit", "buy", 0.03, 2341.0)
    (changed,) = client.fetch_open_orders(MARKET)
    assert (changed["id"], changed["price"], changed["amount"]) == (order["id"], 2341.0, 0.03)
    client.cancel_all_orders()
    assert client.fetch_open_orders(MARKET) == []


def test_leverage_can_be_set(client):
    client.set_leverage(10, MARKET, {"marginMode": "cross"})
    assert client.fetch_positions([MARKET])[0]["leverage"] == 10


def test_an_order_that_is_too_small_is_refused(client):
    with pytest.raises(ccxt.InvalidOrder, match="21706"):
        client.create_order(MARKET, "limit", "buy", 0.001, 2340.0, {"postOnly": True})
