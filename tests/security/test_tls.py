"""RELIABILITY.md E8 to E10: whoever cannot prove to be the venue gets no byte of a request, by REST and by stream."""

import pytest

from exchanges.clock import SystemClock
from exchanges.errors import ConfigError, RequestNotSent
from exchanges.rest_transport import RestTransport
from exchanges.stream_transport import StreamReader
from exchanges.venue import SignedRequest, StreamEndpoint
from tests.exchanges.loopback import WAIT_S, Certificate, Loopback, answering
from tests.exchanges.test_stream_transport import Heard, silent
from tests.security.certificates import DAY, Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
KEY = "a-credential-in-the-target"
REQUEST = SignedRequest(operation="x", method="GET", target=f"/x?signature={KEY}", headers={"X-API-KEY": KEY})


def wrong_name(folder, authority):
    return authority.issue("venue.example")


def expired(folder, authority):
    return authority.issue("localhost", begins=-3 * DAY, lasts=DAY)


def not_valid_yet(folder, authority):
    return authority.issue("localhost", begins=DAY)


def self_signed(folder, authority):
    return Certificate(folder, "localhost")


def of_an_unknown_authority(folder, authority):
    return Authority(folder, "stranger").issue("localhost")


REFUSED = [wrong_name, expired, not_valid_yet, self_signed, of_an_unknown_authority]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def named(served):
    return served.__name__


@pytest.mark.parametrize("served", REFUSED, ids=named)
def test_a_request_goes_to_nobody_else(tmp_path, authority, served):
    with Loopback(answering(OK), certificate=served(tmp_path, authority)) as server:
        address = server.url("https", host="localhost")
        transport = RestTransport("aster", address, clock=SystemClock(), ca_file=authority.ca_file)
        with pytest.raises(RequestNotSent) as caught:
            transport.send(REQUEST)
        # not even through the Session, and not even where it is asked to look away
        with pytest.raises((RequestNotSent, OSError)):
            transport.session.get(f"{address}/x", verify=False, timeout=5)
        transport.close()
    assert "certificate" in str(caught.value).lower()
    assert KEY not in f"{caught.value!r} {caught.value}"
    assert server.requests == []


@pytest.mark.parametrize("served", REFUSED, ids=named)
def test_a_stream_is_opened_to_nobody_else(tmp_path, authority, served):
    heard = Heard()
    with Loopback(silent, certificate=served(tmp_path, authority)) as server:
        reader = StreamReader(
            "aster",
            StreamEndpoint(url=server.url("wss", host="localhost", path=f"/ws/{KEY}")),
            clock=SystemClock(),
            on_frame=heard.on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
            ca_file=authority.ca_file,
        )
        reader.start()
        why = heard.wait_closed()
        assert reader.stop()
    assert "certificate refused" in why
    assert KEY not in why
    assert heard.opened == 0
    assert server.requests == []


def test_the_venue_itself_is_reached_both_ways(authority):
    with Loopback(answering(OK), certificate=authority.issue("localhost")) as server:
        transport = RestTransport(
            "aster", server.url("https", host="localhost"), clock=SystemClock(), ca_file=authority.ca_file
        )
        assert transport.send(REQUEST).status == 200
        transport.close()
    heard = Heard()
    with Loopback(silent, certificate=authority.issue("localhost")) as server:
        reader = StreamReader(
            "aster",
            StreamEndpoint(url=server.url("wss", host="localhost")),
            clock=SystemClock(),
            on_frame=heard.on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
            ca_file=authority.ca_file,
        )
        reader.start()
        with heard._changed:
            assert heard._changed.wait_for(lambda: heard.opened == 1, WAIT_S), heard.reasons
        assert reader.stop()


@pytest.mark.parametrize(
    "host", ["venue.example", "10.0.0.1", "192.168.1.1", "localhost.venue.example", "127.0.0.1.nip.io"]
)
def test_nothing_goes_out_in_clear_but_to_this_machine(host):
    with pytest.raises(ConfigError, match="in clear"):
        RestTransport("aster", f"http://{host}", clock=SystemClock())
    heard = Heard()
    with pytest.raises(ConfigError, match="in clear"):
        StreamReader(
            "aster",
            StreamEndpoint(url=f"ws://{host}/ws"),
            clock=SystemClock(),
            on_frame=heard.on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
        )


def test_a_redirect_takes_the_key_nowhere():
    with Loopback(answering(OK)) as elsewhere:
        headers = (f"Location: {elsewhere.url(path='/steal')}",)
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):

            def moved(peer, status=status):
                peer.read_request()
                peer.reply(b"", status=status, headers=headers)

            with Loopback(moved) as venue:
                transport = RestTransport("aster", venue.url("http"), clock=SystemClock())
                assert transport.send(REQUEST).status == int(status[:3])
                transport.close()
        assert elsewhere.requests == []
