"""What an answer allows to conclude."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.backpack.errors import REFUSALS, UNKNOWN_OUTCOME
from exchanges.backpack.outcomes import body_of, read_call, write_call
from exchanges.errors import (
    ExchangeError,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UnknownOrder,
)
from exchanges.venue import HttpRequest
from tests.exchanges.backpack.samples import NOW_NS, refusal, reply

REQUEST = HttpRequest(operation="POST order", method="POST", path="/x")
HTML = "<html><body>error</body></html>"


def conclusion(answer, *, writes=True):
    with pytest.raises(ExchangeError) as caught:
        body_of(answer, "op", writes=writes)
    return caught.value


def parse(data, received_ns):
    return data, received_ns


@pytest.mark.parametrize("content", [{}, [], {"id": "1"}, 5])
def test_a_success_gives_its_body(content):
    assert body_of(reply(content), "op", writes=True) == content


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_success_gives_nothing(content):
    assert body_of(reply(content), "op", writes=True) is None
    assert body_of(reply(content, 204), "op", writes=False) is None


@pytest.mark.parametrize("content", ["", {"id": "1"}])
def test_an_accepted_request_is_not_an_executed_one(content):
    assert type(conclusion(reply(content, 202))) is OutcomeUnknown


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 425])
@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_known_code_is_the_refusal_of_its_table(code, status, writes):
    error = conclusion(refusal(code, "text", status), writes=writes)
    assert type(error) is REFUSALS[code]
    assert error.code == code
    assert "text" in str(error)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
@pytest.mark.parametrize("code", sorted(UNKNOWN_OUTCOME))
def test_codes_that_know_nothing_are_unknown_whatever_the_status(code, status):
    assert type(conclusion(refusal(code, "x", status))) is OutcomeUnknown


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("content", [HTML, "", b"\xff\x00", '{"code":"INVALID_ORDER","message":"no"}'])
def test_server_errors_are_unknown_whatever_they_say(status, content, writes):
    assert type(conclusion(reply(content, status), writes=writes)) is OutcomeUnknown


@pytest.mark.parametrize("status", [100, 301, 302, 307])
def test_redirects_are_unknown(status):
    assert type(conclusion(refusal("INVALID_ORDER", "", status))) is OutcomeUnknown


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
@pytest.mark.parametrize(
    "content", [HTML, "", "not found", "[]", "5", "{}", '{"code":5}', '{"code":"lower"}', '{"message":"no"}']
)
def test_what_is_not_the_venues_body_proves_nothing(status, content):
    assert type(conclusion(reply(content, status))) is OutcomeUnknown


def test_a_code_of_tomorrow_is_a_refusal():
    error = conclusion(reply({"code": "NEW_CODE", "message": None}, 400))
    assert (type(error), error.code) == (RequestRefused, "NEW_CODE")


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (refusal("TOO_MANY_REQUESTS", "Too many requests", 429), 1.0),
        (refusal("INVALID_ORDER", "", 429), 1.0),
        (refusal("TOO_MANY_REQUESTS", "", 400), 1.0),
        (reply({"code": "TOO_MANY_REQUESTS"}, 429, **{"retry-after": "7"}), 7.0),
        (reply({"code": "TOO_MANY_REQUESTS"}, 429, **{"retry-after": "0"}), 1.0),
        (reply({"code": "TOO_MANY_REQUESTS"}, 429, **{"retry-after": "99999"}), 120.0),
        (reply({"code": "TOO_MANY_REQUESTS"}, 429, **{"retry-after": "soon"}), 1.0),
    ],
)
def test_a_rate_limit_was_not_executed_and_says_how_long_to_wait(answer, seconds):
    error = conclusion(answer)
    assert type(error) is RateLimited
    assert error.retry_after_s == seconds


def test_a_bare_429_is_a_rate_limit_for_a_question_only():
    assert type(conclusion(reply(HTML, 429), writes=False)) is RateLimited
    assert type(conclusion(reply(HTML, 429), writes=True)) is OutcomeUnknown


def test_an_unreadable_success_is_unknown_for_a_command_and_malformed_for_a_question():
    with pytest.raises(OutcomeUnknown):
        write_call(REQUEST, parse).read(reply(HTML))
    with pytest.raises(MalformedMessage):
        read_call(REQUEST, parse).read(reply(HTML))
    assert read_call(REQUEST, parse).read(reply({"a": 1})) == ({"a": 1}, NOW_NS)


@pytest.mark.parametrize("make", [read_call, write_call])
def test_a_refusal_can_be_given_another_meaning(make):
    with pytest.raises(RequestRefused):
        make(REQUEST, parse).read(refusal("INVALID_ORDER"))
    assert make(REQUEST, parse, lambda error: error.code).read(refusal("INVALID_ORDER")) == "INVALID_ORDER"


def test_an_unknown_order_is_told_by_its_text():
    assert type(conclusion(refusal("INVALID_CLIENT_REQUEST", "Order not found"))) is UnknownOrder


@given(status=st.integers(100, 599), content=st.binary(max_size=60), writes=st.booleans())
def test_any_bytes_are_a_body_or_an_error_of_ours(status, content, writes):
    try:
        body_of(reply(content, status), "op", writes=writes)
    except (OutcomeUnknown, RateLimited):
        assert status not in range(200, 300) or status == 202
    except MalformedMessage:
        assert status in range(200, 300)
