"""Leverage of the account, set and proven."""

import json

import pytest

from exchanges.backpack import account_setup
from exchanges.errors import AuthenticationRefused, MalformedMessage, OutcomeUnknown, RateLimited
from exchanges.venue import AccountSetup
from tests.exchanges.backpack.samples import SYMBOL, body, refusal, reply

SETUP = AccountSetup(symbol=SYMBOL, leverage=10)
ACCOUNT = "GET /api/v1/account"


def calls(setup=SETUP, agreed=SETUP):
    return account_setup.calls(setup, agreed)


def test_look_set_look():
    assert [(call.request.method, call.request.path) for call in calls()] == [
        ("GET", "/api/v1/account"),
        ("PATCH", "/api/v1/account"),
        ("GET", "/api/v1/account"),
    ]
    assert json.loads(calls()[1].request.body) == {"leverageLimit": "10"}
    assert calls()[0].read(reply(body(ACCOUNT))) is None
    assert calls()[1].read(reply("")) is None
    assert calls()[1].read(reply({})) is None
    assert calls()[2].read(reply(body(ACCOUNT))) is None


def test_an_empty_account_means_an_unknown_key():
    with pytest.raises(AuthenticationRefused, match="does not know this API key"):
        calls()[0].read(reply({}))


def test_an_account_in_liquidation_is_a_problem():
    assert "liquidated" in calls()[0].read(reply(body(ACCOUNT, liquidating=True)))


def test_leverage_that_was_not_applied_is_a_problem():
    assert calls()[2].read(reply(body(ACCOUNT, leverageLimit="5.0"))) == (
        f"the account's leverage is 5, 10 was asked for {SYMBOL}"
    )


def test_a_refused_leverage_is_a_problem():
    problem = calls()[1].read(refusal("INVALID_CLIENT_REQUEST", "too high"))
    assert problem == "the venue refused leverage 10 of the account: [INVALID_CLIENT_REQUEST] too high"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("FORBIDDEN", "", 403), AuthenticationRefused),
        (refusal("TOO_MANY_REQUESTS", "", 429), RateLimited),
        (refusal("SERVER_ERROR", "", 503), OutcomeUnknown),
        (reply([1]), OutcomeUnknown),
    ],
)
def test_errors_of_the_setting_are_errors(answer, kind):
    with pytest.raises(kind):
        calls()[1].read(answer)


@pytest.mark.parametrize("number", [0, 2])
def test_a_strange_account_is_malformed(number):
    with pytest.raises(MalformedMessage):
        calls()[number].read(reply([]))


def test_one_account_has_one_leverage():
    other = AccountSetup(symbol="BTC_USDC_PERP", leverage=5)
    (call,) = calls(SETUP, other)
    assert call.request.method == "GET"
    problem = call.read(reply(body(ACCOUNT)))
    assert problem == (
        f"leverage 10 was asked for {SYMBOL} and 5 for BTC_USDC_PERP; "
        "this venue has one leverage for the whole account: set the same in both grids"
    )
    assert len(calls(SETUP, AccountSetup(symbol="BTC_USDC_PERP", leverage=10))) == 3


def test_margin_is_cross_only():
    isolated = AccountSetup(symbol=SYMBOL, leverage=10, isolated=True)
    (call,) = calls(isolated, isolated)
    assert "cross margin only" in call.read(reply(body(ACCOUNT)))
