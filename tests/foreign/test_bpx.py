"""Somebody else's client trades on the simulated Backpack: bpx-py's Account and Public, only their addresses changed.

The library never raises: an error is the venue's body. It cannot set proxies aside, so the environment's are.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchanges.clock import SystemClock
from exchanges.simulated.testing import RunningVenue, running_venue
from tests.foreign import clients

pytest.importorskip("bpx", reason='bpx-py is not installed: pip install ".[foreign]"')
from bpx.account import Account

pytestmark = pytest.mark.foreign
SYMBOL = "SOL_USDC_PERP"


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningVenue]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_venue(venue="backpack", symbols=("SOL",)) as running:
        running.call(lambda venue: setattr(venue.face.switches, "history_lag_ns", 0))
        running.quote(SYMBOL, "141.27", "141.30")
        yield running


@pytest.fixture
def account(venue: RunningVenue) -> Any:
    return clients.bpx_account(venue.rest_url, venue.credentials)


@pytest.fixture
def public(venue: RunningVenue) -> Any:
    return clients.bpx_public(venue.rest_url)


def test_the_public_side(venue, public):
    venue.trade(SYMBOL, "141.30", "0.5", buyer_is_maker=False)
    assert (public.get_status()["status"], public.get_ping()) == ("Ok", "pong")
    now_s = SystemClock().wall_ns() // 10**9
    assert abs(int(public.get_time()) // 1000 - now_s) < 5
    (market,) = public.get_markets()
    assert (market["symbol"], market["filters"]["price"]["tickSize"]) == (SYMBOL, "0.01")
    depth = public.get_depth(SYMBOL)
    assert (depth["asks"][0], depth["bids"][-1]) == (["141.3", "10"], ["141.27", "10"])
    assert public.get_ticker(SYMBOL)["lastPrice"] == "141.3"
    assert public.get_tickers()[0]["symbol"] == SYMBOL
    assert public.get_recent_trades(SYMBOL)[0]["quantity"] == "0.5"
    assert public.get_klines(SYMBOL, "1m", now_s - 120)[-1]["volume"] == "0.5"
    assert [row["symbol"] for row in public.get_assets()] == ["USDC", "SOL"]


def test_a_post_only_order_is_placed_found_and_canceled(account):
    placed = account.execute_order(
        SYMBOL, "Bid", "Limit", "GTC", quantity="0.50", price="141.20", client_id=1001, post_only=True
    )
    assert (placed["status"], placed["clientId"], placed["postOnly"]) == ("New", 1001, True)
    assert account.get_open_orders(symbol=SYMBOL) == [placed]
    assert account.get_open_order(SYMBOL, order_id=placed["id"]) == placed
    assert account.get_open_order(SYMBOL, client_id=1001) == placed
    assert account.cancel_order(SYMBOL, order_id=placed["id"])["status"] == "Cancelled"
    assert account.get_open_orders(symbol=SYMBOL) == []
    assert account.cancel_order(SYMBOL, order_id=placed["id"])["code"] == "RESOURCE_NOT_FOUND"
    (row,) = account.get_order_history(order_id=placed["id"])
    assert (row["id"], row["status"]) == (placed["id"], "Cancelled")


def test_a_post_only_order_that_would_take_is_refused(account):
    reply = account.execute_order(SYMBOL, "Bid", "Limit", quantity="0.50", price="141.30", post_only=True)
    assert reply["code"] == "INVALID_ORDER"
    assert "immediately match" in reply["message"]


def test_being_filled_leaves_fills_and_a_position(venue, account):
    placed = account.execute_order(SYMBOL, "Bid", "Limit", quantity="0.50", price="141.20", client_id=7, post_only=True)
    venue.quote(SYMBOL, "141.10", "141.12")
    assert account.get_open_orders(symbol=SYMBOL) == []
    (fill,) = account.get_fill_history(SYMBOL)
    assert (fill["orderId"], fill["price"], fill["quantity"], fill["isMaker"]) == (placed["id"], "141.2", "0.5", True)
    assert fill["clientId"] == "7"
    (position,) = account.get_open_positions()
    assert (position["netQuantity"], position["entryPrice"]) == ("0.5", "141.2")
    closed = account.execute_order(SYMBOL, "Ask", "Market", quantity="0.50", reduce_only=True)
    assert closed["status"] == "Filled"
    assert account.get_open_positions() == []


def test_the_account(account):
    assert Decimal(account.get_balances()["USDC"]["available"]) == 1000
    assert Decimal(account.get_collateral()["netEquity"]) == 1000
    assert account.update_account(leverage_limit="5") == ""
    assert account.get_account()["leverageLimit"] == "5"
    assert Decimal(account.get_max_order_quantity(SYMBOL, "Bid", price="141.20")["maxOrderQuantity"]) > 30
    assert account.get_borrow_lend_positions() == []
    assert account.get_funding_payments() == []


def test_cancel_all(account):
    for price in ("140.00", "140.10"):
        account.execute_order(SYMBOL, "Bid", "Limit", quantity="0.10", price=price, post_only=True)
    assert len(account.cancel_all_orders(SYMBOL)) == 2
    assert account.get_open_orders() == []


def test_a_boolean_in_a_query_fails_as_on_the_venue(account):
    """venues/backpack.md 17: the library signs `false`, and requests sends `False`."""
    reply = account.get_max_order_quantity(SYMBOL, "Bid", reduce_only=False)
    assert (reply["code"], reply["message"]) == ("INVALID_CLIENT_REQUEST", "Invalid signature")


def test_a_stranger_gets_an_empty_answer(venue, account):
    stranger = Account("", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    stranger.public_key = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    stranger.BPX_API_URL = account.BPX_API_URL
    assert stranger.get_account() == {}
    stranger.public_key = str(venue.credentials["api_key"])
    assert stranger.get_account()["message"] == "Invalid signature"
