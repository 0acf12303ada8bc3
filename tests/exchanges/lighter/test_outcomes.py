import pytest

from exchanges.errors import (
    AuthenticationRefused,
    InsufficientMargin,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
)
from exchanges.lighter.errors import REFUSALS, UNKNOWN_OUTCOME, reject_reason_of
from exchanges.lighter.outcomes import body_of
from exchanges.values import RejectReason
from tests.exchanges.lighter.samples import refusal, reply


def outcome(answer, *, writes=True):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is what is tested
        body_of(answer, "sendTx", writes=writes)
    return caught.value


@pytest.mark.parametrize("body", [{"code": 200, "nonce": 1}, {"seconds": 1542}, []])
def test_a_success_has_the_code_200_or_none(body):
    assert body_of(reply(body), "GET x", writes=False) == body


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (20013, AuthenticationRefused),
        (21120, AuthenticationRefused),
        (21506, RateLimited),
        (23000, RateLimited),
        (21700, UnknownOrder),
        (21715, UnknownOrder),
        (21739, InsufficientMargin),
        (21738, ReduceOnlyRefused),
        (21734, RuleViolated),
        (21706, RuleViolated),
        (21104, RequestRefused),
        (99999, RequestRefused),
    ],
)
def test_a_refusal_is_what_its_code_says(code, kind):
    error = outcome(refusal(code, "text  "))
    assert (type(error), error.code, error.text) == (kind, str(code), f"[{code}] text")


def test_a_code_in_a_success_is_a_refusal():
    assert type(outcome(refusal(21739, status=200))) is InsufficientMargin


@pytest.mark.parametrize("code", sorted(UNKNOWN_OUTCOME))
def test_codes_that_say_nothing_leave_the_outcome_unknown(code):
    assert type(outcome(refusal(code))) is OutcomeUnknown
    assert code not in REFUSALS


@pytest.mark.parametrize(
    "answer",
    [
        reply("<html>no</html>", 403),
        reply("", 429),
        reply("Method Not Allowed", 405),
        refusal(29500, status=500),
        refusal(21739, status=502),
        reply("", 301),
        reply({"message": "no code"}, 400),
        reply({"code": True}, 400),
    ],
)
def test_anything_else_leaves_a_write_unknown(answer):
    assert type(outcome(answer)) is OutcomeUnknown


@pytest.mark.parametrize("status", [405, 429])
def test_a_page_of_the_firewall_says_wait_to_a_question(status):
    error = outcome(reply("slow down", status), writes=False)
    assert (type(error), error.retry_after_s) == (RateLimited, 60.0)


def test_how_long_to_wait_is_the_headers_within_bounds():
    assert outcome(refusal(23000, status=429)).retry_after_s == 6.0
    assert outcome(reply({"code": 23000}, 429, retry_after="30")).retry_after_s == 30.0
    assert outcome(reply({"code": 23000}, 429, retry_after="1")).retry_after_s == 6.0
    assert outcome(reply({"code": 23000}, 429, retry_after="99999")).retry_after_s == 300.0


def test_a_restricted_region_is_a_matter_of_access():
    assert type(outcome(refusal(20558, "You are accessing Lighter from a restricted jurisdiction", 403))) is (
        AuthenticationRefused
    )


def test_a_success_that_is_no_json_is_malformed():
    assert type(outcome(reply("<html>"))) is MalformedMessage


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (21739, RejectReason.MARGIN),
        (21740, RejectReason.REDUCE_ONLY),
        (21702, RejectReason.RULES),
        (21120, RejectReason.AUTHENTICATION),
        (21506, RejectReason.RATE),
        (0, RejectReason.OTHER),
    ],
)
def test_reject_reasons_of_the_sequencer(code, reason):
    assert reject_reason_of(code) is reason


@pytest.mark.parametrize("code", ["200", "1e-40", 200.5, True, [200], 10**9, -(10**30)])
def test_a_code_that_is_none_is_no_success(code):
    with pytest.raises(MalformedMessage, match="code"):
        body_of(reply({"code": code, "tx_hash": "ab"}), "sendTx", writes=True)
