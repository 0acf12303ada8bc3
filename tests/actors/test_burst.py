"""Ten exits at once, each answered after 50 ms: none waits for another's reply (DESIGN.md section 9)."""

import functools
import json
import random
import threading
import time
from typing import Any

from actors.messages import OrderSent
from actors.pipelined_lane import PipelinedLane
from actors.rest_worker import LaneParts, OrderLanes
from actors.send_gate import HaltFlag, SendGate
from actors.streams import ReaderCalls
from actors.venue_clock import VenueClock
from actors.venue_messages import OrderAnswered
from exchanges.clock import SystemClock
from exchanges.pacing import RateBudget
from exchanges.stream_transport import StreamReader
from exchanges.venue import StreamEndpoint
from tests.actors.line_doubles import Scripted
from tests.actors.test_send_gate import Intents
from tests.actors.venue_doubles import RULES, SYMBOL, FakeTransport, ScriptedVenue, exit_order, order_report
from tests.exchanges.loopback import CLOSE, TEXT, Loopback, Peer
from tests.fakes import Probe


class SlowTransport(FakeTransport):
    """Answers 50 ms after the write."""

    def send(self, request: Any, on_written: Any = None) -> Any:
        reply = super().send(request, on_written)
        threading.Event().wait(0.05)
        return reply


def test_ten_exits_leave_before_the_first_is_answered():
    clock, venue, facts = SystemClock(), ScriptedVenue(), Probe[Any]()
    venue.answers["place"] = lambda order: order_report(order.client_order_id)
    gate = SendGate(clock=clock, halted=HaltFlag(), intents=Intents(), stale_after_ns=1, fence_ns=1)
    gate.set_rules({SYMBOL: RULES})
    parts = LaneParts(
        name="test",
        venue=venue,
        clock=clock,
        venue_clock=VenueClock(clock),
        budget=RateBudget(venue.rate_limits),
        new_transport=lambda: SlowTransport(clock),
        failures=Probe(),
    )
    lanes = OrderLanes(parts, gate, facts, 10)
    lanes.start()
    try:
        started_ns = time.monotonic_ns()
        for lot in range(1, 11):
            lanes.tell(exit_order(lot))
        facts.wait_count(20)
    finally:
        assert lanes.stop(2)
    sent = [fact.sent_ns - started_ns for fact in facts.all(OrderSent)]
    assert len(sent) == 10
    # one sender would need 450 ms; the bound leaves room for a busy machine
    assert max(sent) < 50_000_000


class PatientVenue:
    """The other end of a connection for orders: answers none before the tenth has come."""

    def __init__(self) -> None:
        self.arrived: list[dict[str, Any]] = []

    def script(self, peer: Peer) -> None:
        peer.upgrade()
        while True:
            opcode, data = peer.read_frame()
            if opcode == CLOSE:
                return
            if opcode == TEXT:
                self.arrived.append(json.loads(data))
                if len(self.arrived) == 10:
                    for frame in self.arrived:
                        peer.send_frame(json.dumps({"n": frame["n"]}).encode())


def test_over_one_connection_ten_exits_leave_before_the_first_is_answered():
    clock, venue, facts, patient = SystemClock(), ScriptedVenue(), Probe[Any](), PatientVenue()
    venue.answers["place"] = lambda order: order_report(order.client_order_id)
    opened = threading.Event()

    def new_reader(endpoint: StreamEndpoint, calls: ReaderCalls) -> StreamReader:
        def on_open() -> None:
            calls.on_open()
            opened.set()

        return StreamReader(
            "burst", endpoint, clock=clock, on_frame=calls.on_frame, on_open=on_open, on_closed=calls.on_closed
        )

    gate = SendGate(clock=clock, halted=HaltFlag(), intents=Intents(), stale_after_ns=1, fence_ns=1)
    gate.set_rules({SYMBOL: RULES})
    with Loopback(patient.script) as server:
        stream = Scripted(StreamEndpoint(url=server.url("ws", "/orders"))).stream
        parts = LaneParts(
            name="test",
            venue=venue,
            clock=clock,
            venue_clock=VenueClock(clock),
            budget=RateBudget(venue.rate_limits),
            new_transport=lambda: FakeTransport(clock),
            failures=Probe(),
        )
        kind = functools.partial(PipelinedLane, stream=stream, new_reader=new_reader, source=random.Random(1))
        lanes = OrderLanes(parts, gate, facts, 1, new_lane=kind)
        lanes.start()
        try:
            assert opened.wait(5)
            for lot in range(1, 11):
                lanes.tell(exit_order(lot))
            facts.wait_count(20, timeout_s=4)
        finally:
            assert lanes.stop(2)
    assert len(facts.all(OrderAnswered)) == 10
    assert [int(frame["tag"]) for frame in patient.arrived] == [exit_order(lot).client_order_id for lot in range(1, 11)]
