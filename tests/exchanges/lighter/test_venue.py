from decimal import Decimal

import pytest

from exchanges import VENUES
from exchanges.errors import ConfigError
from exchanges.lighter.settings import LighterSettings, Network
from exchanges.lighter.venue import LighterVenue, capabilities_of, rate_limits_of
from exchanges.pacing import RateBudget
from exchanges.venue import RequestKind
from tests.exchanges.lighter.samples import (
    NOW_NS,
    OUR_ID,
    details,
    frame,
    receipt,
    ref,
    reply,
    request,
    sample,
    vectors,
    venue,
)

SERVED = {
    "account_index": "12345",
    "api_key_index": "4",
    "chain_id": "304",
    "private_key": vectors("key")["private_key"],
}


def test_the_package_is_registered_lazily_and_complete():
    package = VENUES["lighter"]()
    assert (package.name, package.settings) == ("lighter", LighterSettings)
    assert set(package.endpoints) == set(Network)
    assert package.capabilities.reply_is_acceptance is False


def test_an_account_from_what_serve_prints():
    made = LighterVenue.with_credentials(LighterSettings(), SERVED, "http://127.0.0.1:1/", "ws://127.0.0.1:2")
    assert (made.name, made.account, made.rest_url) == ("lighter", "12345-4", "http://127.0.0.1:1")
    assert SERVED["private_key"][2:10] not in repr(made)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"account_index": "0"}, "account_index = 0"),
        ({"account_index": ""}, "credentials.account_index"),
        ({"chain_id": "x"}, "credentials.chain_id"),
        ({"private_key": "0x12"}, "private_key_env"),
        ({"private_key": "z" * 80}, "private_key_env"),
    ],
)
def test_credentials_that_cannot_work(changes, text):
    with pytest.raises(ConfigError, match=text):
        LighterVenue.with_credentials(LighterSettings(), {**SERVED, **changes}, "http://x", "ws://x")


@pytest.mark.parametrize(
    ("network", "host"), [(Network.MAINNET, "mainnet"), (Network.TESTNET, "testnet"), (Network.ROBINHOOD, "rh")]
)
def test_live_accounts_use_the_networks_address_and_chain(network, host):
    settings = LighterSettings(network=network, account_index=7, api_key_index=9)
    made = LighterVenue.from_settings(settings, lambda _: vectors("key")["private_key"])
    assert host in made.rest_url
    assert made.account == "7-9"


def test_capabilities():
    found = capabilities_of(LighterSettings(exit_ttl_s=90_000, exit_reserved_pct=40))
    assert found.fence_s >= 599 + 30
    assert (found.parallel_orders, found.order_lanes) == (False, 1)
    assert (found.order_ttl_s, found.exit_reserved_pct) == (90_000.0, 40)


def test_a_standard_account_sends_sixty_transactions_and_keeps_a_share_for_exits():
    settings = LighterSettings()
    budget = RateBudget(rate_limits_of(settings), settings.exit_reserved_pct)
    entries = sum(budget.take(RequestKind.ENTRY, 0, 1, 0) == 0 for _ in range(100))
    exits = sum(budget.take(RequestKind.EXIT, 0, 1, 0) == 0 for _ in range(100))
    assert (entries, exits) == (42, 18)
    # Questions have a budget of their own.
    assert budget.take(RequestKind.QUERY, 1, 0, 0) == 0


def test_placing_through_the_venue_asks_for_the_nonce_once():
    made = venue()
    made.markets().read(reply(details()))
    call = made.place_limit_order(request())
    question = call.first()
    made.sign(question.request, wall_ns=NOW_NS)
    question.read(reply({"code": 200, "nonce": 5}))
    made.sign(call.request, wall_ns=NOW_NS)
    assert call.read(receipt()).client_order_id == OUR_ID
    cancel = made.cancel_order(ref())
    assert cancel.first() is None
    made.sign(cancel.request, wall_ns=NOW_NS)
    cancel.read(receipt())


def test_the_private_streams_credential_is_a_token_and_the_nonce_is_read_with_it():
    made = venue()
    token = made.open_private().read(reply({"code": 200, "nonce": 5}))
    assert token.endswith(":12345:4:00")
    endpoint = made.private_stream(token, ("ETH",), wall_ns=NOW_NS)
    assert token in endpoint.hello[0]
    assert token not in endpoint.url
    made.markets().read(reply(details()))
    assert made.place_limit_order(request()).first() is None
    assert made.renew_private(token).request.path == "/api/v1/nextNonce"


def test_the_rest_of_the_protocol():
    made = venue()
    made.markets().read(reply(details()))
    assert made.parse_public(frame(sample("ticker")), NOW_NS)[0].symbol == "ETH"
    assert made.parse_private(frame(sample("connected")), NOW_NS)
    assert made.public_stream(("ETH",)).url == "ws://stream/stream"
    assert made.spell_client_order_id(OUR_ID) == str(int(OUR_ID))
    assert made.read_client_order_id(str(int(OUR_ID))) == OUR_ID
    with pytest.raises(ValueError, match="order id is needed"):
        made.order_fills(ref())
    paths = {
        made.server_time(): "/",
        made.best_price("ETH"): "/api/v1/orderBookOrders",
        made.query_order(ref()): "/api/v1/accountOrders",
        made.active_orders("ETH"): "/api/v1/accountActiveOrders",
        made.order_fills(ref(order_id="1")): "/api/v1/trades",
        made.recent_fills("ETH", after=None, since_ns=0): "/api/v1/trades",
        made.position("ETH"): "/api/v1/account",
        made.account_summary(): "/api/v1/account",
        made.fee_rates("ETH"): "/api/v1/accountLimits",
        made.cancel_all("ETH"): "/api/v1/sendTx",
        made.update_margin("ETH", 1, adds=False): "/api/v1/sendTx",
    }
    assert {call.request.path for call in paths} == set(paths.values())
    assert all(call.request.path == path for call, path in paths.items())


def test_fee_settings_win():
    made = venue(LighterSettings(maker_fee_bps="1.5"))
    body = {"code": 200, "current_maker_fee_tick": 28, "current_taker_fee_tick": 280}
    rates = made.fee_rates("ETH").read(reply(body))
    assert (rates.maker, rates.taker) == (Decimal("0.00015"), Decimal("0.00028"))
