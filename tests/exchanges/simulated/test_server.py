"""A simulated venue over real sockets: what the server adds to the face, and what the test fixture offers."""

import asyncio
import gc
import http.client
import json
import socket
import threading
import time
from decimal import Decimal
from urllib.parse import urlencode, urlsplit

import pytest
import requests
import websocket

from exchanges.clock import SystemClock
from exchanges.simulated.engine_types import OrderType, PlaceOrder
from exchanges.simulated.faces.aster.mishaps import Mishap
from exchanges.simulated.faces.protocol import CloseSession, Frame
from exchanges.simulated.server import VenueServer
from exchanges.simulated.steady_clock import SteadyClock
from exchanges.simulated.testing import RunningVenue, running_venue
from exchanges.values import Side
from tests.exchanges.simulated.face_bench import FaceBench, sign_v3

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002"}


class Client:
    """A client of a running venue that signs by itself."""

    def __init__(self, venue: RunningVenue) -> None:
        self.venue = venue
        self.session = requests.Session()
        self.session.trust_env = False
        self._nonce = 0

    def send(self, method: str, name: str, **params: object) -> requests.Response:
        self._nonce = max(self._nonce + 1, time.time_ns() // 1000)  # noqa: TID251 - a client of its own has a clock
        credentials = self.venue.credentials
        text = urlencode({**params, "nonce": self._nonce, "user": credentials["user"], "signer": credentials["signer"]})
        text += "&signature=" + sign_v3(text, str(credentials["private_key"]))
        url = f"{self.venue.rest_url}/fapi/v3/{name}"
        if method == "GET":
            return self.session.get(f"{url}?{text}", timeout=5)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.session.request(method, url, data=text, headers=headers, timeout=5)

    def private(self) -> websocket.WebSocket:
        key = self.send("POST", "listenKey").json()["listenKey"]
        return websocket.create_connection(f"{self.venue.ws_url}/ws/{key}", timeout=5)


@pytest.fixture
def venue():
    with running_venue() as running:
        running.quote("BTCUSDT", "94999.9", "95000.0")
        yield running


@pytest.fixture
def client(venue):
    made = Client(venue)
    yield made
    made.session.close()


def events(stream: websocket.WebSocket, count: int) -> list[dict]:
    return [json.loads(stream.recv()) for _ in range(count)]


def test_place_fill_and_hear_of_it(venue, client):
    stream = client.private()
    public = websocket.create_connection(f"{venue.ws_url}/ws/btcusdt@bookTicker", timeout=5)
    placed = client.send("POST", "order", **ORDER, price="94900.0")
    assert placed.json()["status"] == "NEW"
    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    venue.quote("BTCUSDT", "94800.0", "94800.1")
    assert json.loads(public.recv())["b"] == "94800.0"
    new, trade, account = events(stream, 3)
    assert (new["o"]["x"], trade["o"]["X"], account["e"]) == ("NEW", "FILLED", "ACCOUNT_UPDATE")
    assert client.send("GET", "userTrades", symbol="BTCUSDT").json()[0]["orderId"] == placed.json()["orderId"]
    stream.close()
    public.close()


def test_trades_fill_by_queue(venue, client):
    client.send("POST", "order", **ORDER, price="94999.9")
    venue.trade("BTCUSDT", "94999.9", "10", buyer_is_maker=True)
    assert client.send("GET", "openOrders").json()[0]["executedQty"] == "0"
    venue.trade("BTCUSDT", "94999.9", "0.002", buyer_is_maker=True)
    assert client.send("GET", "openOrders").json() == []


def test_the_raw_query_reaches_the_face_unchanged(venue):
    address = urlsplit(venue.rest_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=5)
    connection.request("GET", "/fapi/v3/ticker/price?symbol=%42TC%55SDT&x=%7E+%20")
    assert json.loads(connection.getresponse().read())["symbol"] == "BTCUSDT"
    connection.close()


def test_a_lost_reply_cuts_the_connection_and_keeps_the_order(venue, client):
    venue.plan_mishap(Mishap.LOST_REPLY, method="POST", name="order")
    with pytest.raises(requests.ConnectionError):
        client.send("POST", "order", **ORDER, price="94900.0", newClientOrderId="lost")
    gc.collect()  # the exception's traceback holds the cut connection in a cycle
    assert client.send("GET", "order", symbol="BTCUSDT", origClientOrderId="lost").json()["status"] == "NEW"


def test_a_cut_stream_ends_without_a_close_frame(venue, client):
    stream = client.private()
    assert venue.cut_private_sessions() == 1
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        stream.recv()
    stream.shutdown()


def test_an_expired_listen_key_is_told(venue, client):
    stream = client.private()
    venue.expire_listen_key()
    assert events(stream, 1)[0]["e"] == "listenKeyExpired"
    assert client.send("PUT", "listenKey").json()["code"] == -1125
    stream.close()


def test_a_stalled_stream_is_silent_but_open(venue, client):
    stream = client.private()
    assert venue.stall_private_sessions() == 1
    client.send("POST", "order", **ORDER, price="94900.0")
    stream.ping("anybody?")
    stream.settimeout(0.3)
    with pytest.raises(websocket.WebSocketTimeoutException):
        stream.recv_data(control_frame=True)
    stream.shutdown()


def test_the_event_may_overtake_the_reply(venue, client):
    stream = client.private()
    venue.plan_mishap(Mishap.LATE_REPLY, name="order", delay_s=0.2)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(client.send("POST", "order", **ORDER, price="94900.0")))
    thread.start()
    assert events(stream, 1)[0]["o"]["x"] == "NEW"
    assert replies == []
    thread.join(5)
    assert replies[0].json()["status"] == "NEW"
    stream.close()


def test_a_venue_that_breaks_says_so_and_stops():
    failures = []
    broken = FaceBench().venue
    broken.step = None  # type: ignore[assignment,method-assign]

    async def start() -> None:
        server = VenueServer(broken, SystemClock(), admin_token="t", on_failure=failures.append)
        try:
            await server.start()
        finally:
            await server.stop()

    asyncio.run(start())
    assert [type(error) for error in failures] == [TypeError]


def test_client_pings_are_answered(venue):
    stream = websocket.create_connection(f"{venue.ws_url}/ws", timeout=5)
    stream.ping("hello")
    opcode, data = stream.recv_data(control_frame=True)
    assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"hello")
    stream.close()


def test_a_venue_that_closes_says_why(venue):
    stream = websocket.create_connection(f"{venue.ws_url}/ws", timeout=5)
    for number in range(11):
        stream.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    for _ in range(10):
        stream.recv()
    opcode, data = stream.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1008)
    stream.shutdown()


def test_an_unknown_stream_path_is_no_websocket(venue):
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(f"{venue.ws_url}/elsewhere", timeout=5)


def test_garbage_on_the_port_does_no_harm(venue, client):
    address = urlsplit(venue.rest_url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as raw:
        raw.sendall(b"\x00\xff nonsense\r\n\r\n")
        raw.recv(1000)
    assert client.send("GET", "balance").status_code == 200


def test_the_admin_path_tells_what_the_oracle_saw(venue, client):
    client.send("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    status = requests.get(f"{venue.rest_url}/simulated/status", timeout=5).json()
    assert (status["venue"], status["violations"], status["faults_injected"]) == ("aster", 0, 0)
    assert (status["positions"], status["uncovered"]) == ({"BTCUSDT": "0.002"}, {"BTCUSDT": "0.002"})
    assert status["prices_finished"] is False
    venue.finish_prices()
    assert venue.status()["prices_finished"] is True


def test_the_admin_path_wants_its_token(venue):
    base = f"{venue.rest_url}/simulated"
    assert requests.post(f"{base}/shutdown", timeout=5).status_code == 403
    wrong = {"X-Simulated-Token": "no"}
    assert requests.get(f"{base}/identity", headers=wrong, timeout=5).status_code == 403
    right = {"X-Simulated-Token": "admin-1"}
    assert requests.get(f"{base}/identity", headers=right, timeout=5).json() == {"venue": "aster"}
    assert requests.get(f"{base}/nonsense", headers=right, timeout=5).status_code == 404
    assert requests.post(f"{base}/shutdown", headers=right, timeout=5).json() == {"stopping": True}


def test_latency_is_real_time():
    with running_venue(ack_latency_ms=80) as running:
        running.quote("BTCUSDT", "94999.9", "95000.0")
        client = Client(running)
        client.send("GET", "balance")
        started = time.monotonic()
        client.send("POST", "order", **ORDER, price="94900.0")
        assert 0.08 <= time.monotonic() - started < 1.0
        client.session.close()


def test_many_requests_at_once_are_all_answered(venue):
    statuses: list[int] = []

    def ask() -> None:
        statuses.extend(requests.get(f"{venue.rest_url}/fapi/v3/time", timeout=5).status_code for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100


def test_a_steady_clock_ignores_steps():
    class Stepping:
        step = 0

        def monotonic_ns(self) -> int:
            return SystemClock().monotonic_ns()

        def wall_ns(self) -> int:
            return SystemClock().wall_ns() + self.step

    machine = Stepping()
    clock = SteadyClock(machine)
    before = clock.wall_ns()
    machine.step = -(10**15)
    assert 0 <= clock.wall_ns() - before < 10**9


# --- the host behind the server ---


def test_private_frames_suffer_and_public_ones_do_not():
    bench = FaceBench(fault_duplicate_pct=Decimal(100))
    stream, public = bench.private(), bench.connect("/ws/btcusdt@bookTicker")
    bench.place("BUY", "94000.0")
    bench.quote("BTCUSDT", "95000.0", "95000.1")
    first, second = bench.frames(stream)
    assert first == second
    assert len(bench.frames(public)) == 1
    assert bench.venue.fault_counts()["duplicate"] == 1


def test_dropped_frames_are_counted_in_the_status():
    bench = FaceBench(fault_drop_pct=Decimal(100))
    stream = bench.private()
    bench.place("BUY", "94000.0")
    assert bench.frames(stream) == []
    assert bench.venue.status(bench.now_ns)["faults_injected"] == 1


def test_a_held_back_frame_goes_out_when_nothing_follows():
    bench = FaceBench(fault_reorder_pct=Decimal(100))
    stream = bench.private()
    bench.place("BUY", "94000.0")
    assert bench.frames(stream) == []
    bench.wait(0.06)
    assert len(bench.frames(stream)) == 1


def test_reordered_frames_change_places():
    bench = FaceBench(fault_reorder_pct=Decimal(100))
    stream = bench.private()
    bench.market("BUY")
    kinds = [frame["e"] if "o" not in frame else frame["o"]["x"] for frame in bench.frames(stream)]
    assert kinds[:2] == ["TRADE", "NEW"]


def test_private_streams_are_cut_now_and_then():
    bench = FaceBench(fault_disconnect_every_s=Decimal(10))
    stream, public = bench.private(), bench.connect("/ws")
    bench.wait(20)
    assert bench.closed(stream).abrupt
    assert bench.closed(public) is None
    assert bench.venue.fault_counts()["disconnect"] >= 1


def test_an_uncovered_lot_is_one_violation():
    bench = FaceBench()
    bench.private()
    bench.place("BUY", "94999.9", newClientOrderId="g04000010")
    bench.quote("BTCUSDT", "94000.0", "94000.1")
    bench.wait(4)
    assert bench.venue.status(bench.now_ns)["violations"] == 0
    bench.wait(2)
    status = bench.venue.status(bench.now_ns)
    assert status["violations"] == 1
    assert status["uncovered"] == {"BTCUSDT": "0.002"}


def test_without_a_client_nobody_is_to_blame():
    bench = FaceBench()
    stream = bench.private()
    bench.place("BUY", "94999.9", newClientOrderId="g04000010")
    bench.venue.close_session(stream, bench.now_ns)
    bench.quote("BTCUSDT", "94000.0", "94000.1")
    bench.wait(60)
    assert bench.venue.status(bench.now_ns)["violations"] == 0


def test_an_output_of_the_host_itself_leaves_with_the_next_step():
    bench = FaceBench()
    session = bench.connect("/ws")
    bench.venue.send(Frame(session_id=session, text='"stray"'))
    bench.venue.send(CloseSession(session_id=session, code=1012))
    bench.step()
    assert bench.frames(session) == ["stray"]
    assert bench.closed(session).code == 1012


def test_commands_of_others_do_not_reach_our_stream():
    bench = FaceBench()
    stream = bench.private()
    bench.venue.engine.open_account("somebody", Decimal(1000), bench.now_ns)
    command = PlaceOrder(
        symbol="BTCUSDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.002"),
        price=Decimal(94000),
    )
    bench.venue.engine.execute("somebody", command, bench.now_ns)
    bench.step()
    assert bench.frames(stream) == []
    assert bench.call("GET", "openOrders").body == []
