"""The simulated Lighter behind real sockets."""

import json
import urllib.request

import websocket

from exchanges.simulated.faces.lighter.face import LighterFace
from exchanges.simulated.server import serve_line
from exchanges.simulated.testing import running_venue


def heard_ns(venue):
    """When the one session was last heard of."""
    face = venue.face
    assert isinstance(face, LighterFace)
    (session,) = face.sessions._sessions.values()
    return session.heard_ns


def test_a_protocol_ping_is_a_sign_of_life():
    with running_venue(venue="lighter", symbols=("ETH",)) as venue:
        client = websocket.create_connection(f"{venue.ws_url}/stream", timeout=10)
        assert json.loads(client.recv())["type"] == "connected"
        before = venue.call(heard_ns)
        client.ping("x")
        opcode, data = client.recv_data(control_frame=True)
        assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"x")
        assert venue.call(heard_ns) > before
        client.close()


def test_the_serve_line_tells_all_a_client_needs():
    with running_venue(venue="lighter", symbols=("eth", "BTCUSDT")) as venue:
        line = json.loads(serve_line(venue._server, "lighter", tuple(venue._venue.engine.symbols())))
        assert line["symbols"] == ["ETH", "BTC"]
        assert sorted(line["credentials"]) == ["account_index", "api_key_index", "chain_id", "private_key"]
        account = line["credentials"]["account_index"]
        url = f"{line['rest']}/api/v1/nextNonce?account_index={account}&api_key_index=4"
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - loopback
            assert json.load(reply) == {"code": 200, "nonce": 1}
