import json

import pytest

from exchanges.errors import InsufficientMargin, MalformedMessage, OutcomeUnknown, RateLimited, RequestNotSent
from exchanges.lighter import transactions
from exchanges.lighter.order_stream import order_stream, read
from exchanges.lighter.stream import PING, PONG
from exchanges.order_stream import ClosingSoon, FrameReply
from exchanges.values import ClientOrderId
from exchanges.venue import SignAgain
from tests.exchanges.lighter.samples import NOW_NS, account, ref, request, vectors


@pytest.fixture
def made():
    return account()


def place(made, number=1):
    return transactions.place_order(made, request(client_order_id=ClientOrderId(number)))


def answer(call, frame):
    found = read(json.dumps(frame).encode(), NOW_NS)
    assert isinstance(found, FrameReply)
    return call.read(found.reply)


def test_the_address_and_how_it_is_kept_alive(made):
    endpoint = order_stream(made, "wss://host").endpoint
    assert (endpoint.url, endpoint.hello) == ("wss://host/stream", ())
    assert (endpoint.keep_alive_frame, endpoint.answers) == (PING, {PING.encode(): PONG})
    assert endpoint.ping_every_s < endpoint.dead_after_s < 120


def test_a_frame_holds_the_signed_transaction_as_an_object(made):
    stream, call = order_stream(made, "ws://host"), place(made)
    frame = stream.sign(call.request, NOW_NS, None)
    sent, sample = json.loads(frame.text), vectors("frames")["ws_sendtx_request"]
    assert sent.keys() == sample.keys()
    assert sent["data"].keys() == sample["data"].keys()
    assert (sent["type"], sent["data"]["id"], sent["data"]["tx_type"]) == (sample["type"], frame.number, 14)
    function, arguments = made.signer.signed[-1]
    assert function == "SignCreateOrder"
    assert sent["data"]["tx_info"] == arguments
    assert made.sent.of_order(ClientOrderId(1)).nonce == 100


def test_one_behind_the_other_nonces_follow_without_an_answer(made):
    stream, calls = order_stream(made, "ws://host"), [place(made, number) for number in (1, 2, 3)]
    behind, numbers = None, []
    for call in calls:
        numbers.append(stream.sign(call.request, NOW_NS, behind).number)
        behind = call.request
    assert [arguments["nonce"] for _, arguments in made.signer.signed] == [100, 101, 102]
    assert len(set(numbers)) == 3
    with pytest.raises(RequestNotSent):
        stream.sign(place(made, 4).request, NOW_NS, None)  # as if it were not behind them
    for call in calls:
        answer(call, {"code": 200, "type": "jsonapi/sendtx", "id": "1", "tx_hash": "ab"})
    assert made.nonces.take() == 103


def test_signed_again_a_command_has_another_number(made):
    stream, call = order_stream(made, "ws://host"), place(made)
    first = stream.sign(call.request, NOW_NS, None)
    with pytest.raises(SignAgain):
        answer(call, {"error": {"code": 21104, "message": "invalid nonce"}, "id": first.number})
    assert not made.nonces.is_known
    made.nonces.learn(200, made.nonces.generation)
    assert stream.sign(call.request, NOW_NS, None).number != first.number


def test_nothing_follows_from_a_transaction_that_was_not_counted(made):
    stream, first, second = order_stream(made, "ws://host"), place(made, 1), place(made, 2)
    stream.sign(first.request, NOW_NS, None)
    stream.sign(second.request, NOW_NS, first.request)
    with pytest.raises(InsufficientMargin):
        answer(first, {"error": {"code": 21739, "message": "margin"}, "id": "1"})
    with pytest.raises(RequestNotSent):
        stream.sign(place(made, 3).request, NOW_NS, second.request)
    assert first.first() is not None, "the venue is asked before anything else is signed"


def test_a_receipt_is_read_like_the_one_by_rest(made):
    call = transactions.cancel_order(made, ref())
    order_stream(made, "ws://host").sign(call.request, NOW_NS, None)
    sample = vectors("frames")["ws_sendtx_reply"]
    found = read(json.dumps(sample).encode(), NOW_NS)
    assert isinstance(found, FrameReply)
    assert found.number == sample["id"]
    assert call.read(found.reply).received_ns == NOW_NS
    assert made.nonces.take() == 101


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 21104, "message": "invalid nonce"}, SignAgain),
        ({"code": 23000, "message": "too many requests"}, RateLimited),
        ({"code": 29501, "message": "timeout"}, OutcomeUnknown),
        ({"code": 21728, "message": "client order index already exists"}, OutcomeUnknown),
        ({"code": 21739, "message": "margin"}, InsufficientMargin),
        ({"message": "no code"}, OutcomeUnknown),
        ("words", OutcomeUnknown),
    ],
)
def test_an_error_is_read_like_the_one_by_rest(made, error, kind):
    call = place(made)
    order_stream(made, "ws://host").sign(call.request, NOW_NS, None)
    with pytest.raises(kind):
        answer(call, {"error": error, "id": "1"})


def test_an_error_without_a_number_names_nobody():
    found = read(b'{"error":{"code":21501,"message":"invalid tx info"}}', NOW_NS)
    assert isinstance(found, FrameReply)
    assert found.number is None


def test_other_frames_say_nothing_of_orders():
    for frame in (
        {"type": "connected", "session_id": "x"},
        {"type": "pong"},
        {"type": "jsonapi/sendtxbatch", "id": "1"},
    ):
        assert read(json.dumps(frame).encode(), NOW_NS) is None
    assert isinstance(read(b'{"type":"shutdown","close_in_ms":500}', NOW_NS), ClosingSoon)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"id":"7","error":{"code":200,"tx_hash":1e99999999999999}}',
        b"",
        b"[]",
        b'{"id":"1"}',
        b'{"type":5}',
        b'{"type":"jsonapi/sendtx","id":7}',
        b"\xff",
    ],
)
def test_anything_else_is_malformed(frame):
    with pytest.raises(MalformedMessage):
        read(frame, NOW_NS)
