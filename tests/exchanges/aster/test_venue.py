from decimal import Decimal

import pytest

from exchanges import VENUES
from exchanges.aster import VENUE, AsterSettings, AsterVenue
from exchanges.aster.settings import Auth, Network
from exchanges.aster.signing import domain_separator
from exchanges.aster.validation import AccountView
from exchanges.aster.venue import ENDPOINTS, capabilities_of
from exchanges.errors import ConfigError
from exchanges.simulated.faces.aster.signing import is_signed_by
from exchanges.values import ClientOrderId, OrderId
from exchanges.venue import AccountSetup
from tests.exchanges.aster.samples import (
    NOW_NS,
    OUR_ID,
    OUR_TEXT,
    SYMBOL,
    body,
    credentials,
    frame,
    order_event,
    payload,
    ref,
    reply,
    request,
    vectors,
    venue,
)

V1 = AsterSettings(auth=Auth.V1)


def environ(**changes):
    known = credentials()
    found = {"ASTER_USER": known["user"], "ASTER_SIGNER": known["signer"], "ASTER_PRIVATE_KEY": known["private_key"],
             "ASTER_API_KEY": known["api_key"], "ASTER_SECRET_KEY": known["secret"]}  # fmt: skip
    return {**found, **changes}.get


def problems(settings=None, **changes):
    with pytest.raises(ConfigError) as caught:
        AsterVenue.from_settings(settings or AsterSettings(), environ(**changes))
    return caught.value.problems


# --- construction ---


def test_the_package_is_listed_and_describes_itself():
    assert VENUES["aster"]() is VENUE
    assert next(iter(VENUES)) == "aster"
    assert (VENUE.name, VENUE.settings) == ("aster", AsterSettings)
    assert VENUE.endpoints[Network.MAINNET].rest_url == "https://fapi.asterdex.com"
    assert {limit.unit for limit in VENUE.rate_limits} == {"weight", "order"}
    assert VENUE.capabilities == capabilities_of(AsterSettings())


def test_an_account_from_the_environment():
    made = VENUE.from_settings(AsterSettings(), environ())
    assert (made.name, made.rest_url) == ("aster", ENDPOINTS[Network.MAINNET].rest_url)
    known = credentials()
    assert made.account == f"{known['user'].lower()}-{known['signer'].lower()}"
    assert made.rate_limits == VENUE.rate_limits


def test_an_account_on_the_test_network_signs_for_its_chain():
    made = AsterVenue.from_settings(AsterSettings(network=Network.TESTNET), environ())
    text, _, signature = (
        made.sign(made.cancel_order(ref()).request, wall_ns=NOW_NS).body.decode().rpartition("&signature=")
    )
    assert made.rest_url == ENDPOINTS[Network.TESTNET].rest_url
    assert is_signed_by(text, signature, credentials()["signer"], 714)
    assert domain_separator(714) != domain_separator(1666)


def test_addresses_given_win_over_settings_and_network():
    settings = AsterSettings(rest_url="http://own/", ws_url="ws://own/")
    own = AsterVenue.from_settings(settings, environ())
    given = VENUE.with_credentials(settings, credentials(), "http://given", "ws://given")
    assert own.rest_url == "http://own"
    assert own.public_stream((SYMBOL,)).url.startswith("ws://own/stream?")
    assert given.rest_url == "http://given"
    assert given.private_stream("k", (), wall_ns=0).url == "ws://given/ws/k"


def test_an_account_with_old_keys():
    made = AsterVenue.from_settings(V1, environ(ASTER_USER=None))
    signed = made.sign(made.position(SYMBOL).request, wall_ns=NOW_NS)
    assert signed.headers == {"X-MBX-APIKEY": credentials()["api_key"]}
    assert signed.target.startswith(
        "/fapi/v2/positionRisk?symbol=BTCUSDT&recvWindow=5000&timestamp=1700000000123&signature="
    )
    assert made.account.startswith("key-")
    assert credentials()["api_key"] not in made.account


def test_secrets_do_not_show():
    known = credentials()
    for made in (venue(), AsterVenue.from_settings(V1, environ())):
        for secret in (known["private_key"], known["secret"], known["api_key"]):
            assert secret.removeprefix("0x") not in repr(made)


def test_problems_of_the_settings_come_first():
    assert problems(AsterSettings(ws_url="z")) == ("ws_url = 'z': must start with wss:// or ws://",)


def test_missing_variables_are_named():
    assert problems(ASTER_SIGNER=None, ASTER_USER="") == (
        "user_env = 'ASTER_USER': the environment variable is not set",
        "signer_env = 'ASTER_SIGNER': the environment variable is not set",
    )


def test_unusable_values_are_named_but_not_shown():
    found = problems(ASTER_USER="me", ASTER_SIGNER="0x12", ASTER_PRIVATE_KEY="topsecret")
    assert [text.split(":")[0] for text in found] == [
        "user_env = 'ASTER_USER'", "signer_env = 'ASTER_SIGNER'", "private_key_env = 'ASTER_PRIVATE_KEY'",
    ]  # fmt: skip
    assert "topsecret" not in "".join(found)


def test_a_key_of_another_signer_is_named():
    (text,) = problems(ASTER_PRIVATE_KEY="02" * 32)
    assert text.startswith(
        "private_key_env = 'ASTER_PRIVATE_KEY': the key belongs to 0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c"
    )
    assert "0202" not in text


def test_unusable_old_keys_are_named():
    found = problems(V1, ASTER_API_KEY="a b", ASTER_SECRET_KEY="x\n y")
    assert [text.split(":")[0] for text in found] == [
        "api_key_env = 'ASTER_API_KEY'",
        "secret_key_env = 'ASTER_SECRET_KEY'",
    ]


# --- what it declares ---


def test_the_fence_is_the_nonce_window_and_some_slack():
    assert capabilities_of(AsterSettings()).fence_s == 62
    assert capabilities_of(AsterSettings(nonce_window_s=10)).fence_s == 12


def test_the_fence_of_old_keys_is_the_receive_window():
    assert capabilities_of(AsterSettings(auth=Auth.V1, recv_window_ms=1500)).fence_s == 4.5


def test_the_private_stream_is_renewed_as_often_as_set():
    assert venue(AsterSettings(listen_key_renew_s=60)).capabilities.private_renew_s == 60


# --- calls ---


def test_calls_go_to_their_endpoints():
    made = venue()
    known_ref = ref(order_id=OrderId("5"))
    calls = [
        made.server_time(), made.markets(), made.best_price(SYMBOL), made.query_order(ref()),
        made.active_orders(SYMBOL), made.order_fills(known_ref),
        made.recent_fills(SYMBOL, after=None, since_ns=0), made.position(SYMBOL),
        made.account_summary(), made.fee_rates(SYMBOL), made.place_limit_order(request()), made.cancel_order(ref()),
        made.cancel_all(SYMBOL), made.dead_man(SYMBOL, 60), made.open_private(), made.renew_private("k"),
        *made.account_checks(AccountSetup(symbol=SYMBOL, leverage=5)),
    ]  # fmt: skip
    assert [call.request.operation for call in calls] == [
        "GET time", "GET exchangeInfo", "GET ticker/bookTicker", "GET order", "GET openOrders", "GET userTrades",
        "GET userTrades", "GET positionRisk", "GET accountWithJoinMargin", "GET commissionRate", "POST order",
        "DELETE order", "DELETE allOpenOrders", "POST countdownCancelAll", "POST listenKey", "PUT listenKey",
        "POST positionSide/dual", "POST marginType", "POST leverage", "GET positionSide/dual", "GET positionRisk",
    ]  # fmt: skip


def test_fills_of_an_order_need_the_venues_id():
    with pytest.raises(ValueError, match="query the order first"):
        venue().order_fills(ref())


def test_the_dead_man_is_told_in_seconds():
    assert dict(venue().dead_man(SYMBOL, 60).request.parameters)["countdownTime"] == "60000"


def test_fees_of_the_settings_win():
    made = venue(AsterSettings(maker_fee_bps="1", taker_fee_bps="auto"))
    answer = reply({"symbol": SYMBOL, "makerCommissionRate": "0", "takerCommissionRate": "0.0004"})
    rates = made.fee_rates(SYMBOL).read(answer)
    assert (rates.maker, rates.taker) == (Decimal("0.0001"), Decimal("0.0004"))


def test_denial_of_an_order():
    rules = (
        venue().markets().read(reply({"symbols": [vectors("payload_fixtures")["exchange_info_btc"]["symbol"]]}))[SYMBOL]
    )
    assert venue().denial(request(), rules, AccountView()) is None
    assert venue().denial(request(quantity=Decimal("0.0001")), rules, AccountView()).startswith("[-1111]")


def test_streams_are_parsed():
    (quote,) = venue().parse_public(frame(payload("ws_book_ticker")), NOW_NS)
    assert quote.symbol == SYMBOL
    fill, _ = venue().parse_private(frame(order_event(index=1)), NOW_NS)
    assert fill.client_order_id == OUR_ID


def test_ids_are_spelled_and_read():
    assert venue().spell_client_order_id(OUR_ID) == OUR_TEXT
    assert venue().read_client_order_id(OUR_TEXT) == OUR_ID == ClientOrderId(0x1C000010)
    assert venue().read_client_order_id("web_1") is None


def test_the_listen_key_of_a_reply_opens_the_stream():
    key = venue().open_private().read(reply(body("rest_listen_key")))
    assert venue().private_stream(key, (SYMBOL,), wall_ns=NOW_NS).url == f"ws://stream/ws/{key}"
