import pytest

from exchanges.aster.errors import REFUSALS, UNKNOWN_OUTCOME
from exchanges.aster.outcomes import body_of, read_call, write_call
from exchanges.errors import (
    AuthenticationRefused,
    ExchangeError,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
)
from exchanges.venue import HttpRequest
from tests.exchanges.aster.samples import NOW_NS, refusal, reply

REQUEST = HttpRequest(operation="POST order", method="POST", path="/x")
HTML = "<html><body>error</body></html>"


def conclusion(answer, *, writes):
    with pytest.raises(ExchangeError) as caught:
        body_of(answer, "op", writes=writes)
    return caught.value


def parse(data, received_ns):
    return data, received_ns


@pytest.mark.parametrize(
    "content", [{}, [], {"code": 200, "msg": "success"}, {"code": "200"}, {"code": 0}, {"code": "odd"}, {"code": True}]
)
def test_a_success_gives_its_body(content):
    assert body_of(reply(content), "op", writes=True) == content


@pytest.mark.parametrize("code", [-1111, "-1111"])
def test_a_negative_code_in_a_200_is_a_refusal(code):
    error = conclusion(reply({"code": code, "msg": "text"}), writes=True)
    assert type(error) is RuleViolated
    assert error.code == "-1111"


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_known_code_is_the_refusal_of_its_table(code, status, writes):
    error = conclusion(refusal(code, "text", status), writes=writes)
    assert type(error) is REFUSALS[code]
    assert error.code == str(code)
    assert "text" in str(error)


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("status", [200, 400, 429, 500, 503])
@pytest.mark.parametrize("code", sorted(UNKNOWN_OUTCOME))
def test_codes_that_know_nothing_are_unknown(code, status, writes):
    assert type(conclusion(refusal(code, "x", status), writes=writes)) is OutcomeUnknown


def test_an_unknown_error_that_names_the_signature_is_a_refusal():
    assert type(conclusion(refusal(-1000, "Signature check failed"), writes=True)) is AuthenticationRefused


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("content", [HTML, "", b"\xff\x00", '{"code": -2010, "msg": "no"}', '{"code": -1111}', "{}"])
def test_server_errors_are_unknown_whatever_they_say(status, content, writes):
    assert type(conclusion(reply(content, status), writes=writes)) is OutcomeUnknown


@pytest.mark.parametrize("status", [301, 302, 307, 308, 100])
def test_redirects_are_unknown(status):
    assert type(conclusion(reply({"code": -1111, "msg": ""}, status), writes=True)) is OutcomeUnknown


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429])
@pytest.mark.parametrize("content", [HTML, "", "[]", "5", "{}", '{"code": 5}', '{"msg": "no"}', '{"code": "x"}'])
def test_a_write_is_unknown_without_a_body_of_the_venue(status, content):
    assert type(conclusion(reply(content, status), writes=True)) is OutcomeUnknown


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (418, RateLimited), (403, OutcomeUnknown)])
def test_a_reading_backs_off_without_a_body_of_the_venue(status, kind):
    error = conclusion(reply(HTML, status), writes=False)
    assert type(error) is kind
    assert getattr(error, "code", "") == ""


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize(("status", "least"), [(429, 5.0), (418, 120.0)])
def test_too_many_requests_with_a_body_of_the_venue_is_a_refusal(status, least, writes):
    error = conclusion(refusal(-1003, "Too many requests", status), writes=writes)
    assert type(error) is RateLimited
    assert error.retry_after_s == least


def test_another_code_in_a_429_is_still_rate_limited():
    assert type(conclusion(refusal(-1015, "", 429), writes=True)) is RateLimited


@pytest.mark.parametrize(
    ("text", "headers", "wait_s"),
    [
        (f"IP banned until {(NOW_NS // 1_000_000) + 300_000}. ", {}, 300.0),
        (f"IP banned until {(NOW_NS // 1_000_000) + 1}.", {}, 120.0),
        ("IP banned until 9999999999999", {}, 3 * 86400.0),
        ("", {"retry_after": "200"}, 200.0),
        ("", {"retry_after": "1"}, 120.0),
        ("", {"retry_after": "soon"}, 120.0),
        ("", {"retry_after": "9" * 30}, 120.0),
        ("", {"retry_after": "9999999"}, 3 * 86400.0),
    ],
)
def test_a_ban_lasts_as_long_as_the_venue_says(text, headers, wait_s):
    error = conclusion(reply({"code": -1003, "msg": text}, 418, **headers), writes=True)
    assert error.retry_after_s == pytest.approx(wait_s, abs=0.01)


def test_an_unreadable_success_is_malformed_for_a_reading_and_unknown_for_a_write():
    assert type(conclusion(reply(HTML), writes=False)) is MalformedMessage
    with pytest.raises(MalformedMessage):
        read_call(REQUEST, parse).read(reply(HTML))
    with pytest.raises(OutcomeUnknown, match="unreadable answer"):
        write_call(REQUEST, parse).read(reply(HTML))


def test_a_success_that_cannot_be_parsed_is_unknown_for_a_write():
    def refuse(_data, _received_ns):
        raise MalformedMessage("aster", "x", "status is not a status")

    with pytest.raises(OutcomeUnknown, match="status is not a status"):
        write_call(REQUEST, refuse).read(reply({}))


def test_calls_hand_over_body_and_time():
    assert read_call(REQUEST, parse).read(reply({"a": 1})) == ({"a": 1}, NOW_NS)
    assert write_call(REQUEST, parse).read(reply([1])) == ([1], NOW_NS)
    assert read_call(REQUEST, parse).request is REQUEST


def test_a_refused_write_can_be_turned_into_a_result():
    call = write_call(REQUEST, parse, lambda error: f"refused {error.code}")
    assert call.read(refusal(-2011)) == "refused -2011"
    with pytest.raises(UnknownOrder):
        write_call(REQUEST, parse).read(refusal(-2011))
    with pytest.raises(OutcomeUnknown):
        call.read(refusal(-1007))


def test_long_texts_are_cut():
    error = conclusion(refusal(-1100, "x" * 5000), writes=True)
    assert isinstance(error, RequestRefused)
    assert len(str(error)) < 300


def test_an_odd_text_is_left_out():
    assert conclusion(reply({"code": -1100, "msg": 5}, 400), writes=True).text == "[-1100] "
