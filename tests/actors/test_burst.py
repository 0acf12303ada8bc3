"""Ten exits at once, each answered after 50 ms: none waits for another's reply (DESIGN.md section 9)."""

import threading
import time
from typing import Any

from actors.messages import OrderSent
from actors.rest_worker import LaneParts, OrderLanes
from actors.send_gate import HaltFlag, SendGate
from actors.venue_clock import VenueClock
from exchanges.clock import SystemClock
from exchanges.pacing import RateBudget
from tests.actors.test_send_gate import Intents
from tests.actors.venue_doubles import RULES, SYMBOL, FakeTransport, ScriptedVenue, exit_order, order_report
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
