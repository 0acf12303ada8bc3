"""The client's requests over a real connection, their signatures rebuilt from the raw bytes as a server does it."""

import base64
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exchanges.backpack import BackpackSettings, BackpackVenue
from exchanges.clock import SystemClock
from exchanges.errors import OutcomeUnknown
from exchanges.rest_transport import RestTransport
from exchanges.values import OrderStatus
from exchanges.venue import AccountSetup
from tests.exchanges.backpack.samples import ORDER_ID, SYMBOL, body, credentials, order_request, own_order, ref
from tests.exchanges.loopback import Loopback

WALL_NS = 1_750_000_000_000_000_000
INSTRUCTIONS = {
    ("POST", "/api/v1/order"): "orderExecute",
    ("DELETE", "/api/v1/order"): "orderCancel",
    ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
    ("PATCH", "/api/v1/account"): "accountUpdate",
}


def verify(request: bytes) -> None:
    """Rebuild the signed text from a raw request and check its signature."""
    head, _, content = request.partition(b"\r\n\r\n")
    line, *rows = head.decode().split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value for name, value in (row.split(": ", 1) for row in rows)}
    url = urlsplit(target)
    values = json.loads(content) if content else dict(parse_qsl(url.query))
    shown = {key: json.dumps(value) if isinstance(value, bool) else str(value) for key, value in values.items()}
    parts = [f"instruction={INSTRUCTIONS[method, url.path]}", *(f"{key}={shown[key]}" for key in sorted(shown))]
    parts.append(f"timestamp={headers['x-timestamp']}&window={headers['x-window']}")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(headers["x-api-key"]))
    public.verify(base64.b64decode(headers["x-signature"]), "&".join(parts).encode())
    assert headers["x-window"] == "3000"
    assert headers["content-type"].startswith("application/json")


def exchanged(call_of, answer: bytes, status: str = "200 OK"):
    """Send a call to a server that gives one answer; return what was read."""

    def script(peer):
        peer.read_request()
        peer.reply(answer, status=status)

    with Loopback(script) as server:
        venue = BackpackVenue.with_credentials(BackpackSettings(), credentials(), server.url(), "ws://127.0.0.1:1")
        transport = RestTransport("backpack", venue.rest_url, clock=SystemClock())
        call = call_of(venue)
        try:
            reply = transport.send(venue.sign(call.request, wall_ns=WALL_NS))
        finally:
            transport.close()
        verify(server.requests[0])
    return call.read(reply)


def encoded(data) -> bytes:
    return json.dumps(data).encode()


def test_an_order_is_placed():
    report = exchanged(lambda venue: venue.place_limit_order(order_request(reduce_only=True)), encoded(own_order()))
    assert report.status is OrderStatus.OPEN


def test_a_cancel_has_a_body():
    answer = encoded(own_order(status="Cancelled"))
    assert exchanged(lambda venue: venue.cancel_order(ref()), answer).status is OrderStatus.CANCELED


def test_a_queued_cancel_has_an_empty_answer():
    with pytest.raises(OutcomeUnknown, match="not executed yet"):
        exchanged(lambda venue: venue.cancel_order(ref(order_id=ORDER_ID)), b"", "202 Accepted")


def test_a_question_has_its_parameters_in_the_address():
    answer = encoded(body("GET /wapi/v1/history/fills"))
    fills = exchanged(lambda venue: venue.recent_fills(SYMBOL, after=None, since_ns=WALL_NS), answer)
    assert len(fills) == 2


def test_leverage_is_set_by_a_patch_with_an_empty_answer():
    setup = AccountSetup(symbol=SYMBOL, leverage=7)
    assert exchanged(lambda venue: venue.account_checks(setup)[1], b"") is None
