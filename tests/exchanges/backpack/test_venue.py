"""The venue object: settings, credentials, capabilities, and that every method leads where it should."""

import json
from dataclasses import replace

import pytest

from exchanges import VENUES
from exchanges.backpack import VENUE, BackpackSettings, BackpackVenue
from exchanges.errors import ConfigError
from exchanges.pacing import RateBudget
from exchanges.secrets import Secret
from exchanges.venue import AccountSetup, Venue
from tests.exchanges.backpack.samples import (
    ORDER_ID,
    OUR_ID,
    REST,
    STREAM,
    SYMBOL,
    body,
    credentials,
    event,
    order_request,
    ref,
    reply,
    venue,
)


def accepts(found: Venue) -> Venue:
    """Fails in mypy where the protocol is not met."""
    return found


def test_the_package_is_registered():
    assert VENUES["backpack"]() is VENUE
    assert VENUE.name == "backpack"
    assert VENUE.settings is BackpackSettings
    assert VENUE.endpoints["mainnet"].rest_url == "https://api.backpack.exchange"
    assert VENUE.capabilities.fence_s == 5.0
    assert accepts(venue()).name == "backpack"


def test_settings_and_variables_make_an_account():
    values = {"MY_KEY": credentials()["api_key"], "MY_SECRET": Secret(credentials()["secret"])}
    settings = BackpackSettings(public_key_env="MY_KEY", secret_key_env="MY_SECRET", window_ms=10_000)
    found = BackpackVenue.from_settings(settings, values.get)
    assert found.rest_url == "https://api.backpack.exchange"
    assert found.public_stream((SYMBOL,)).url == "wss://ws.backpack.exchange"
    assert found.capabilities.fence_s == 12.0
    assert found.account.startswith("key-")
    assert found.account == venue().account


def test_addresses_of_the_settings_count_and_given_ones_more():
    settings = BackpackSettings(rest_url="http://10.0.0.1:80/", ws_url="ws://10.0.0.1:81/")
    own = BackpackVenue.with_credentials(settings, credentials(), "", "")
    assert (own.rest_url, own.public_stream((SYMBOL,)).url) == ("http://10.0.0.1:80", "ws://10.0.0.1:81")
    other = BackpackVenue.with_credentials(settings, credentials(), REST, STREAM)
    assert (other.rest_url, other.public_stream((SYMBOL,)).url) == (REST, STREAM)


def test_bad_settings_are_told_before_variables_are_read():
    with pytest.raises(ConfigError, match="must be auto or a number"):
        BackpackVenue.from_settings(BackpackSettings(maker_fee_bps="x"), {}.get)
    with pytest.raises(ConfigError, match="is not set"):
        BackpackVenue.from_settings(BackpackSettings(), {}.get)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "secret_key_env = 'BACKPACK_SECRET_KEY': its value cannot be used"),
        ({"secret": "short"}, "its value cannot be used"),
        (
            {"secret": credentials()["secret"]},
            "to the API key of public_key_env = 'BACKPACK_PUBLIC_KEY'",
        ),
        ({"api_key": credentials()["secret"], "secret": credentials()["api_key"]}, "swapped"),
    ],
)
def test_credentials_that_cannot_work_are_refused_by_the_name_of_their_setting(given, says):
    with pytest.raises(ConfigError) as caught:
        BackpackVenue.with_credentials(BackpackSettings(), given, REST, STREAM)
    assert says in caught.value.problems[0]
    assert credentials()["secret"] not in caught.value.problems[0]


def test_nothing_secret_prints():
    assert repr(venue()) == f"BackpackVenue({venue().account} at {REST})"


def test_histories_have_a_budget_of_their_own():
    budget = RateBudget(venue().rate_limits, reserved_pct=0)
    query = venue().order_fills(ref(order_id=ORDER_ID)).request
    waits = [
        budget.take(query.kind, query.weight, query.order_weight, 0, history_weight=query.history_weight)
        for _ in range(31)
    ]
    assert (waits[:30], waits[30]) == ([0] * 30, 60_000_000_000)
    other = venue().active_orders(SYMBOL).request
    assert budget.take(other.kind, other.weight, other.order_weight, 0, history_weight=other.history_weight) == 0


def test_every_question_can_be_signed():
    found = venue()
    questions = [
        found.server_time(),
        found.markets(),
        found.best_price(SYMBOL),
        found.query_order(ref()),
        found.active_orders(SYMBOL),
        found.order_fills(ref(order_id=ORDER_ID)),
        found.recent_fills(SYMBOL, after="5", since_ns=0),
        found.position(SYMBOL),
        found.account_summary(),
        found.fee_rates(SYMBOL),
        found.place_limit_order(order_request()),
        found.cancel_order(ref()),
        found.cancel_all(SYMBOL),
        *found.account_checks(AccountSetup(symbol=SYMBOL, leverage=5)),
    ]
    for call in questions:
        sent = found.sign(call.request, wall_ns=1_750_000_000_000_000_000)
        assert ("X-Signature" in sent.headers) is call.request.signed
        assert sent.headers.get("X-Window", "3000") == "3000"
        assert bool(sent.body) is (call.request.method != "GET")


def test_fills_of_an_order_need_its_id():
    with pytest.raises(ValueError, match="query the order first"):
        venue().order_fills(ref())


def test_fees_of_the_settings_stand_in_place_of_the_venues():
    answer = reply(body("GET /api/v1/account"))
    assert venue(maker_fee_bps="1").fee_rates(SYMBOL).read(answer).maker * 10000 == 1
    assert venue().fee_rates(SYMBOL).read(answer).maker * 10000 == 2


def test_the_first_grid_decides_the_leverage():
    found = venue()
    setup = AccountSetup(symbol=SYMBOL, leverage=10)
    assert len(found.account_checks(setup)) == 3
    assert len(found.account_checks(replace(setup, symbol="BTC_USDC_PERP"))) == 3
    (conflict,) = found.account_checks(AccountSetup(symbol="BTC_USDC_PERP", leverage=5))
    assert "one leverage for the whole account" in conflict.read(reply(body("GET /api/v1/account")))


def test_the_private_stream_needs_no_credential():
    found = venue()
    assert found.open_private() is None
    assert found.renew_private("") is None
    endpoint = found.private_stream("", (SYMBOL,), wall_ns=1_750_000_000_000_000_000)
    assert endpoint.url == STREAM
    assert json.loads(endpoint.hello[0])["signature"][0] == credentials()["api_key"]


def test_frames_and_ids():
    found = venue()
    assert found.parse_public(event("bookTicker"), 1)[0].received_ns == 1
    assert found.parse_private(event("orderAccepted"), 1)[0].received_ns == 1
    assert found.read_client_order_id(found.spell_client_order_id(OUR_ID)) == OUR_ID
