import pytest

from exchanges.aster.account_setup import calls
from exchanges.aster.settings import Auth
from exchanges.errors import AuthenticationRefused, MalformedMessage, OutcomeUnknown, RateLimited
from exchanges.venue import AccountSetup
from tests.exchanges.aster.samples import SYMBOL, body, refusal, reply

SUCCESS = {"code": 200, "msg": "success"}
MODE, MARGIN, LEVERAGE, READ_MODE, READ_STATE = range(5)


def checks(**changes):
    return calls(Auth.V3, AccountSetup(**{"symbol": SYMBOL, "leverage": 10, **changes}))


def test_the_calls_set_first_and_look_last():
    made = [(call.request.method, call.request.path, call.request.parameters) for call in checks()]
    assert made == [
        ("POST", "/fapi/v3/positionSide/dual", (("dualSidePosition", "false"),)),
        ("POST", "/fapi/v3/marginType", (("symbol", SYMBOL), ("marginType", "CROSSED"))),
        ("POST", "/fapi/v3/leverage", (("symbol", SYMBOL), ("leverage", "10"))),
        ("GET", "/fapi/v3/positionSide/dual", ()),
        ("GET", "/fapi/v3/positionRisk", (("symbol", SYMBOL),)),
    ]
    assert [call.request.weight for call in checks()] == [1, 1, 1, 30, 5]


def test_isolated_margin_is_asked_for():
    assert dict(checks(isolated=True)[MARGIN].request.parameters)["marginType"] == "ISOLATED"


@pytest.mark.parametrize("which", [MODE, MARGIN])
@pytest.mark.parametrize("answer", [reply(SUCCESS), refusal(-4046), refusal(-4059)])
def test_as_asked_or_so_already_is_a_success(which, answer):
    assert checks()[which].read(answer) is None


@pytest.mark.parametrize("code", [-4047, -4048, -4067, -4068, -4161])
@pytest.mark.parametrize("which", [MODE, MARGIN, LEVERAGE])
def test_a_refusal_because_of_orders_or_a_position_is_left_to_the_readings(which, code):
    assert checks()[which].read(refusal(code)) is None


@pytest.mark.parametrize(
    ("which", "code", "says"),
    [
        (MODE, -1102, "the venue refused one-way position mode"),
        (MARGIN, -4168, "the venue refused margin type CROSSED of BTCUSDT"),
        (LEVERAGE, -4028, "the venue refused leverage 10 of BTCUSDT"),
    ],
)
def test_another_refusal_is_a_problem(which, code, says):
    assert checks()[which].read(refusal(code, "why")) == f"{says}: [{code}] why"


@pytest.mark.parametrize(
    ("code", "kind"), [(-2015, AuthenticationRefused), (-1003, RateLimited), (-1007, OutcomeUnknown)]
)
@pytest.mark.parametrize("which", [MODE, MARGIN, LEVERAGE])
def test_wrong_keys_limits_and_unknown_outcomes_are_no_problem_texts(which, code, kind):
    with pytest.raises(kind):
        checks()[which].read(refusal(code))


@pytest.mark.parametrize("which", [MODE, MARGIN, LEVERAGE])
def test_an_unreadable_confirmation_is_unknown(which):
    with pytest.raises(OutcomeUnknown):
        checks()[which].read(reply({"code": 7}))


def test_applied_leverage_is_compared():
    assert checks()[LEVERAGE].read(reply(body("rest_leverage"))) is None
    clamped = checks(leverage=125)[LEVERAGE].read(reply(body("rest_leverage", leverage=50)))
    assert clamped == "leverage 125 of BTCUSDT was asked for, the venue applied 50"


def test_hedge_mode_is_a_problem():
    assert checks()[READ_MODE].read(reply({"dualSidePosition": False})) is None
    assert "hedge mode" in checks()[READ_MODE].read(reply({"dualSidePosition": True}))
    with pytest.raises(MalformedMessage):
        checks()[READ_MODE].read(reply({"dualSidePosition": "false"}))


@pytest.mark.parametrize(
    ("changes", "setup", "says"),
    [
        ({}, {}, None),
        ({"leverage": "20"}, {}, "leverage of BTCUSDT is 20, 10 was asked for"),
        ({"marginType": "isolated"}, {}, "margin type of BTCUSDT is isolated, cross was asked for"),
        ({"marginType": "isolated"}, {"isolated": True}, None),
        ({}, {"isolated": True}, "margin type of BTCUSDT is cross, isolated was asked for"),
        (
            {"symbol": "ETHUSDT"},
            {},
            "the venue shows no position row of BTCUSDT: leverage and margin type cannot be verified",
        ),
    ],
)
def test_the_state_is_verified(changes, setup, says):
    assert checks(**setup)[READ_STATE].read(reply(body("rest_position_risk_flat", **changes))) == says
