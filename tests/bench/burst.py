"""Ten exits at once on a venue that wants one nonce after the other and answers after 50 ms: when is the last written?

`python -m tests.bench.burst` places bursts through the product's own lane, client and native signer, pipelined over a
WebSocket and, for comparison, one after the other by REST, and prints one JSON line with medians in milliseconds. The
venue is a thread that only waits and answers. DESIGN.md section 9: at most 15 ms; one sender needs 462 ms.
"""

import contextlib
import functools
import json
import random
import statistics
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from actors.messages import OrderSent
from actors.network import SocketNetwork
from actors.pipelined_lane import PipelinedLane
from actors.rest_worker import LaneParts, OrderLane, OrderLanes
from actors.send_gate import HaltFlag, SendGate
from actors.streams import Reader, ReaderCalls
from actors.venue_access import VenueAccess
from actors.venue_clock import VenueClock
from actors.venue_messages import OrderAnswered
from exchanges.clock import SystemClock
from exchanges.lighter import LighterSettings, LighterVenue
from exchanges.pacing import RateBudget
from exchanges.venue import RateLimit, StreamEndpoint
from tests.actors.test_send_gate import Intents
from tests.actors.venue_doubles import exit_order
from tests.exchanges.lighter.samples import SYMBOL, credentials, eth
from tests.exchanges.loopback import CLOSE, TEXT, Loopback, Peer
from tests.fakes import Probe

BURST: Final = 10
ROUNDS: Final = 15
ANSWER_S: Final = 0.05


def serve(peer: Peer) -> None:
    """Answer whatever comes, by REST or by frame, 50 ms after it came."""
    request = peer.read_request()
    if b"upgrade: websocket" not in request.lower():
        while request:
            time.sleep(ANSWER_S)
            peer.reply(b'{"nonce":1}' if request.startswith(b"GET") else b'{"code":200,"tx_hash":"ab"}')
            request = peer.read_request()
        return
    peer.accept(request)
    while True:
        opcode, data = peer.read_frame()
        if opcode == CLOSE:
            return
        if opcode == TEXT and b"sendtx" in data:
            number = json.loads(data)["data"]["id"]
            answer = json.dumps({"code": 200, "type": "jsonapi/sendtx", "id": number, "tx_hash": "ab"})
            threading.Timer(ANSWER_S, peer.send_frame, [answer.encode()]).start()


@contextlib.contextmanager
def lanes(*, pipelined: bool) -> Iterator[tuple[OrderLanes, Probe[Any]]]:
    """One lane of one account, connected."""
    clock, facts, opened = SystemClock(), Probe[Any](), threading.Event()
    with Loopback(serve) as server:
        venue = LighterVenue(
            LighterSettings(), credentials(), rest_url=server.url("http"), ws_url=server.url("ws", "/stream")
        )
        venue._known.markets.learn([eth()])
        gate = SendGate(clock=clock, halted=HaltFlag(), intents=Intents(), stale_after_ns=1, fence_ns=1)
        gate.set_rules({SYMBOL: eth().rules})
        network, access = SocketNetwork(), VenueAccess(venue=venue)

        def new_reader(endpoint: StreamEndpoint, calls: ReaderCalls) -> Reader:
            def on_open() -> None:
                calls.on_open()
                opened.set()

            told = ReaderCalls(on_frame=calls.on_frame, on_open=on_open, on_closed=calls.on_closed)
            return network.new_reader("burst-orders", access, endpoint, told, clock)

        parts = LaneParts(
            name="burst",
            venue=venue,
            clock=clock,
            venue_clock=VenueClock(clock),
            budget=RateBudget([RateLimit(unit="order", amount=10_000, per_s=1.0)], 0),
            new_transport=lambda: network.new_transport(access, clock),
            failures=Probe(),
        )
        kind = functools.partial(
            PipelinedLane, stream=venue.order_stream(), new_reader=new_reader, source=random.Random(1)
        )
        made = OrderLanes(parts, gate, facts, 1, new_lane=kind if pipelined else OrderLane)
        made.start()
        try:
            assert not pipelined or opened.wait(5)
            yield made, facts
        finally:
            made.stop(3)


def burst(made: OrderLanes, facts: Probe[Any], first_lot: int) -> float:
    """Hand ten exits over; the milliseconds until the last of them is written."""
    started_ns = time.monotonic_ns()
    for lot in range(first_lot, first_lot + BURST):
        made.tell(exit_order(lot, symbol=SYMBOL, price=Decimal("2400.00"), quantity=Decimal("0.0250")))
    while len(facts.all(OrderAnswered)) < BURST:
        facts.wait_count(len(facts.messages) + 1, timeout_s=10)
    last_ns = max(fact.sent_ns for fact in facts.all(OrderSent))
    facts.drain()
    return (last_ns - started_ns) / 1e6


def measured(*, pipelined: bool, rounds: int) -> float:
    """The median over some bursts, after one that warms everything up."""
    with lanes(pipelined=pipelined) as (made, facts):
        times = [burst(made, facts, 1 + BURST * number) for number in range(rounds + 1)]
    return round(statistics.median(times[1:]), 2)


def main() -> None:
    """Measure both ways and print them."""
    figures = {
        "pipelined_ms": measured(pipelined=True, rounds=ROUNDS),
        "one_by_one_ms": measured(pipelined=False, rounds=3),
    }
    print(json.dumps(figures))  # noqa: T201 - what the program is for


if __name__ == "__main__":
    main()
