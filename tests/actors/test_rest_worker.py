"""Order lanes and the query lane, on a transport that answers when it is let."""

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any, Self

import pytest

from actors.messages import ActorFailed, OrderSent
from actors.query_lane import QueryLane
from actors.rest_worker import LaneParts, OrderLanes
from actors.send_gate import HaltFlag, SendGate
from actors.venue_clock import VenueClock
from actors.venue_messages import OrderAnswered, OrderErred, OrderHeld, QueryAnswered, QueryErred
from exchanges.errors import ConfigError, OutcomeUnknown, RateLimited, RequestNotSent, RuleViolated, UnknownOrder
from exchanges.pacing import RateBudget
from exchanges.venue import RateLimit, RequestKind, SignAgain
from tests.actors.test_send_gate import Intents
from tests.actors.venue_doubles import (
    RULES,
    SYMBOL,
    FakeTransport,
    ScriptedVenue,
    cancel,
    client_id,
    entry,
    exit_order,
    order_report,
)
from tests.fakes import FakeClock, Probe


class Bench:
    """Lanes with everything around them replaced."""

    def __init__(self, lanes: int = 1, budget: RateBudget | None = None) -> None:
        self.clock = FakeClock()
        self.venue = ScriptedVenue()
        self.transports: list[FakeTransport] = []
        self.facts: Probe[Any] = Probe()
        self.failures: Probe[Any] = Probe()
        self.intents = Intents()
        self.halted = HaltFlag()
        self.budget = budget or RateBudget(self.venue.rate_limits)
        self.gate = SendGate(
            clock=self.clock, halted=self.halted, intents=self.intents, stale_after_ns=1_500_000_000, fence_ns=10
        )
        self.gate.set_rules({SYMBOL: RULES})
        self.venue_clock = VenueClock(self.clock)
        self.parts = LaneParts(
            name="test/aster",
            venue=self.venue,
            clock=self.clock,
            venue_clock=self.venue_clock,
            budget=self.budget,
            new_transport=self._transport,
            failures=self.failures,
        )
        self.venue.answers["place"] = lambda order: order_report(order.client_order_id)
        self.venue.answers["cancel"] = lambda ref: order_report(ref.client_order_id)
        self.lanes = OrderLanes(self.parts, self.gate, self.facts, lanes)

    def _transport(self) -> FakeTransport:
        self.transports.append(FakeTransport(self.clock))
        return self.transports[-1]

    def fresh(self, lot: int = 1) -> Any:
        return entry(lot, quote_ns=self.clock.monotonic_ns(), caused_ns=5)

    def __enter__(self) -> Self:
        self.lanes.start()
        return self

    def __exit__(self, *_: object) -> None:
        for transport in self.transports:
            transport.release()
        assert self.lanes.stop(2.0)


def test_a_command_is_sent_once_and_its_answer_told():
    with Bench() as bench:
        bench.lanes.tell(bench.fresh())
        sent = bench.facts.take(OrderSent)
        answered = bench.facts.take(OrderAnswered)
    assert (sent.client_order_id, sent.sent_ns, sent.caused_ns) == (client_id(1), bench.clock.monotonic_ns(), 5)
    assert answered.report.client_order_id == client_id(1)
    assert [request["operation"] for request in bench.transports[0].sent] == ["place"]
    assert bench.intents.recorded[0][0] == client_id(1)
    assert bench.transports[0].connects >= 1
    assert bench.transports[0].closed


def test_requests_are_signed_with_the_venues_clock():
    with Bench() as bench:
        bench.venue_clock.learn(bench.clock.wall_ns() + 7_000_000_000, 0)
        bench.lanes.tell(exit_order())
        bench.facts.take(OrderAnswered)
    assert bench.transports[0].sent[0]["wall_ns"] == bench.clock.wall_ns() + 7_000_000_000


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknown("aster", "place", "cut"), RuleViolated("aster", "place", "no", code="-1"), UnknownOrder("a", "b")],
)
def test_an_error_after_the_write_is_told_with_its_time_and_never_sent_again(error):
    with Bench() as bench:
        bench.transports[0].error = error
        bench.lanes.tell(exit_order())
        erred = bench.facts.take(OrderErred)
    assert erred.error is error
    assert erred.sent_ns == bench.clock.monotonic_ns()
    assert len(bench.transports[0].sent) == 1


def test_an_error_before_the_write_has_no_time():
    with Bench() as bench:
        bench.transports[0].error = RequestNotSent("aster", "place", "refused")
        bench.transports[0].error_before_write = True
        bench.lanes.tell(exit_order())
        erred = bench.facts.take(OrderErred)
        bench.facts.expect_none(OrderSent)
    assert erred.sent_ns == 0
    assert not bench.halted.is_halted


def test_a_halt_does_not_wait_for_a_lane_that_connects_and_its_entry_is_held():
    with Bench() as bench:
        bench.transports[0].disconnect()
        bench.lanes.tell(bench.fresh(1))
        assert bench.transports[0].preparing.wait(2)
        bench.halted.halt("operator")
        bench.transports[0].reconnect()
        held = bench.facts.take(OrderHeld)
    assert "operator" in held.why
    assert bench.transports[0].sent == []
    assert bench.intents.recorded == []


def test_the_age_of_a_quote_is_judged_after_connecting():
    with Bench() as bench:
        bench.transports[0].disconnect()
        bench.lanes.tell(bench.fresh(1))
        assert bench.transports[0].preparing.wait(2)
        bench.clock.advance(3_000_000_000)
        bench.transports[0].reconnect()
        assert "3000 ms old" in bench.facts.take(OrderHeld).why
    assert bench.transports[0].sent == []


def test_an_order_against_the_rules_never_reaches_the_transport():
    with Bench() as bench:
        bench.lanes.tell(exit_order(price=Decimal("101.05")))
        held = bench.facts.take(OrderHeld)
    assert "price" in held.why
    assert bench.transports[0].sent == []


@pytest.mark.parametrize(
    "error", [ValueError("0.0015 is not a whole number of units"), ConfigError(["the market is not known (yet)"])]
)
def test_an_order_the_venue_cannot_spell_is_held_and_the_lane_goes_on(error):
    def place(order):
        if order.client_order_id == client_id(1):
            raise error
        return spelled(order)

    with Bench() as bench:
        spelled, bench.venue.place_limit_order = bench.venue.place_limit_order, place
        bench.lanes.tell(bench.fresh(1))
        held = bench.facts.take(OrderHeld)
        bench.lanes.tell(bench.fresh(2))
        answered = bench.facts.take(OrderAnswered)
    assert str(error) in held.why
    assert answered.report.client_order_id == client_id(2)
    assert bench.failures.messages == []


def test_an_entry_from_an_old_quote_never_reaches_the_transport():
    with Bench() as bench:
        bench.lanes.tell(entry(quote_ns=bench.clock.monotonic_ns() - 2_000_000_000))
        bench.facts.take(OrderHeld)
    assert bench.transports[0].sent == []


def test_halt_with_many_commands_queued_lets_no_entry_out():
    with Bench(lanes=2) as bench:
        for transport in bench.transports:
            transport.hold()
        first, second = exit_order(1), exit_order(2)
        bench.lanes.tell(first)
        bench.lanes.tell(second)
        for transport in bench.transports:
            assert transport.written.acquire(timeout=2)
        for lot in range(10, 2010):
            bench.lanes.tell(bench.fresh(lot))
        bench.halted.halt("test")
        for transport in bench.transports:
            transport.release()
        bench.lanes.tell(exit_order(3))
        bench.facts.wait_count(2000, timeout_s=10)
    placed = [request for transport in bench.transports for request in transport.sent]
    assert {int(request["tag"]) for request in placed} == {
        first.client_order_id,
        second.client_order_id,
        exit_order(3).client_order_id,
    }
    assert len(bench.facts.all(OrderHeld)) == 2000


def test_a_busy_lane_gives_its_command_to_an_idle_one():
    with Bench(lanes=2) as bench:
        bench.transports[0].hold()
        bench.transports[1].hold()
        lot = 2  # lots 2 and 4 with leg 0 have the same own lane
        bench.lanes.tell(bench.fresh(lot))
        assert bench.transports[0].written.acquire(timeout=2)
        bench.lanes.tell(bench.fresh(lot + 2))
        assert bench.transports[1].written.acquire(timeout=2)


def test_a_cancel_follows_its_order_into_the_same_lane():
    with Bench(lanes=3) as bench:
        for transport in bench.transports:
            transport.hold()
        order = exit_order(3, 3)
        bench.lanes.tell(order)
        own = bench.transports[0]
        assert own.written.acquire(timeout=2)
        bench.lanes.tell(cancel(3, 3))
        for transport in bench.transports:
            transport.release()
        bench.facts.take(OrderAnswered)
        assert isinstance(bench.facts.take(OrderAnswered).command, type(cancel()))
    assert [request["operation"] for request in own.sent] == ["place", "cancel"]


def tight_budget() -> RateBudget:
    return RateBudget((RateLimit(unit="order", amount=2, per_s=60.0),), reserved_pct=50)


def test_an_entry_without_budget_waits_and_exits_pass_it_in_the_same_lane():
    with Bench(budget=tight_budget()) as bench:
        bench.lanes.tell(bench.fresh(1))
        bench.facts.take(OrderAnswered)
        waiting = bench.fresh(2)
        bench.lanes.tell(waiting)
        bench.lanes.tell(exit_order(1))
        answered = bench.facts.take(OrderAnswered)
        assert answered.command.reduce_only
        assert [int(request["tag"]) for request in bench.transports[0].sent] == [client_id(1), client_id(1, 1)]
    held = bench.facts.take(OrderHeld)
    assert held.command is waiting
    assert "stopped" in held.why


def test_an_exit_that_waits_for_budget_is_not_held_up_by_an_entry_that_waits_longer():
    limits = (RateLimit(unit="order", amount=2, per_s=1.0), RateLimit(unit="order", amount=4, per_s=60.0))
    with Bench(budget=RateBudget(limits, reserved_pct=50)) as bench:
        for leg in (1, 2):
            bench.lanes.tell(exit_order(1, leg))
            bench.facts.take(OrderAnswered)
        late = exit_order(1, 3)
        bench.lanes.tell(late)
        bench.lanes.tell(bench.fresh(9))
        bench.clock.advance(1_100_000_000)
        assert bench.facts.take(OrderAnswered, timeout_s=5.0).command is late
    assert not bench.facts.take(OrderHeld).command.reduce_only


def test_a_cancel_of_an_entry_that_waits_for_budget_takes_it_back():
    with Bench(budget=tight_budget()) as bench:
        bench.lanes.tell(bench.fresh(1))
        bench.facts.take(OrderAnswered)
        bench.lanes.tell(bench.fresh(2))
        bench.lanes.tell(cancel(2))
        held = bench.facts.take(OrderHeld)
    assert held.why == "canceled before it was sent"
    assert len(bench.transports[0].sent) == 1


def test_an_order_is_being_placed_from_its_queueing_to_its_answer():
    bench = Bench()
    order, number = exit_order(1), exit_order(1).client_order_id
    bench.lanes.tell(order)
    bench.lanes.tell(cancel(2, 1))
    assert bench.lanes.is_placing(number)
    assert not bench.lanes.is_placing(cancel(2, 1).client_order_id)
    with bench:
        bench.facts.take(OrderAnswered)
        assert not bench.lanes.is_placing(number)


def test_a_rate_limit_answer_holds_everything_back():
    with Bench() as bench:
        bench.transports[0].error = RateLimited("aster", "place", "slow", retry_after_s=5.0)
        bench.lanes.tell(exit_order())
        bench.facts.take(OrderErred)
        bench.transports[0].error = None
        bench.lanes.tell(exit_order(2))
        assert bench.budget.take(RequestKind.EXIT, 1, 0, bench.clock.monotonic_ns()) == 5_000_000_000
    assert len(bench.transports[0].sent) == 1


def test_a_bug_in_a_lane_is_reported():
    bench = Bench()
    with bench:
        bench.venue.answers["place"] = lambda _: 1 / 0
        bench.lanes.tell(exit_order())
        failed = bench.failures.take(ActorFailed)
    assert failed.actor == "test/aster/order-lane-0"
    assert "ZeroDivisionError" in failed.error


def test_a_lane_that_hangs_is_cut_off_at_the_stop():
    bench = Bench()
    bench.lanes.start()
    bench.transports[0].hold()
    bench.lanes.tell(exit_order())
    assert bench.transports[0].written.acquire(timeout=2)
    assert bench.lanes.stop(0.05)
    assert bench.transports[0].closed


def test_a_question_is_answered_with_the_time_before_it_was_written():
    bench = Bench()
    lane = QueryLane(bench.parts)
    bench.venue.answers["server_time"] = 42
    reply: Probe[Any] = Probe()
    lane.start()
    lane.submit(bench.venue.server_time(), reply, 9)
    answered = reply.take(QueryAnswered)
    assert (answered.ticket, answered.value, answered.asked_ns) == (9, 42, bench.clock.monotonic_ns())
    assert lane.stop(2.0)


def test_a_failed_question_is_an_error_and_not_an_answer():
    bench = Bench()
    lane = QueryLane(bench.parts)
    bench.venue.answers["active_orders"] = OutcomeUnknown("aster", "active_orders", "HTML")
    reply: Probe[Any] = Probe()
    lane.start()
    lane.submit(bench.venue.active_orders(SYMBOL), reply, 1)
    assert isinstance(reply.take(QueryErred).error, OutcomeUnknown)
    assert lane.stop(2.0)


def test_a_question_that_waits_for_budget_ends_with_the_stop():
    bench = Bench(budget=RateBudget((RateLimit(unit="weight", amount=1, per_s=600.0),), reserved_pct=0))
    bench.venue.answers["server_time"] = 42
    lane = QueryLane(bench.parts)
    reply: Probe[Any] = Probe()
    lane.start()
    lane.submit(bench.venue.server_time(), reply, 1)
    reply.take(QueryAnswered)
    lane.submit(bench.venue.server_time(), reply, 2)
    stopped = threading.Event()
    thread = threading.Thread(target=lambda: (lane.stop(2.0), stopped.set()))
    thread.start()
    assert isinstance(reply.take(QueryErred).error, RequestNotSent)
    assert stopped.wait(2)
    thread.join()


# --- commands that ask first, and commands that are signed again ---


class Nonces:
    """A venue's call that wants to know something before it is signed, as often as `unknown` says."""

    def __init__(self, bench: Bench, unknown: int = 1) -> None:
        self.bench = bench
        self.unknown = unknown
        bench.venue.answers["nonce"] = self._told
        self._place = bench.venue.place_limit_order
        bench.venue.place_limit_order = self.place  # type: ignore[method-assign]

    def _told(self, _: object) -> int:
        self.unknown -= 1
        return 7

    def place(self, order: Any) -> Any:
        question = self.bench.venue._call("nonce")
        return replace(self._place(order), first=lambda: question if self.unknown else None)


def operations(bench: Bench) -> list[str]:
    return [request["operation"] for request in bench.transports[0].sent]


def test_what_has_to_be_known_is_asked_on_the_lane_before_the_command_is_signed():
    with Bench() as bench:
        Nonces(bench)
        bench.lanes.tell(exit_order(1))
        bench.facts.take(OrderAnswered)
        bench.lanes.tell(exit_order(2))
        bench.facts.take(OrderAnswered)
    assert operations(bench) == ["nonce", "place", "place"]


def test_a_command_whose_question_failed_was_not_sent():
    with Bench() as bench:
        Nonces(bench)
        bench.venue.answers["nonce"] = OutcomeUnknown("lighter", "nonce", "cut")
        bench.lanes.tell(exit_order())
        erred = bench.facts.take(OrderErred)
    assert isinstance(erred.error, RequestNotSent)
    assert (erred.sent_ns, operations(bench), bench.intents.recorded) == (0, ["nonce"], [])


def test_a_question_spends_its_budget_and_without_it_the_command_is_not_sent():
    budget = RateBudget((RateLimit(unit="weight", amount=1, per_s=600.0),), reserved_pct=0)
    with Bench(budget=budget) as bench:
        Nonces(bench)
        bench.lanes.tell(exit_order())
        erred = bench.facts.take(OrderErred)
    assert isinstance(erred.error, RequestNotSent)
    assert operations(bench) == []


def refusing_signatures(bench: Bench, times: int) -> None:
    left = [times]

    def answer(order: Any) -> Any:
        left[0] -= 1
        return SignAgain("lighter", "place", "nonce") if left[0] >= 0 else order_report(order.client_order_id)

    bench.venue.answers["place"] = answer


def test_a_command_that_was_refused_for_its_signature_is_signed_and_sent_once_more():
    with Bench() as bench:
        refusing_signatures(bench, 1)
        bench.lanes.tell(exit_order())
        bench.facts.take(OrderAnswered)
    assert operations(bench) == ["place", "place"]
    assert len(bench.intents.recorded) == 1


def test_a_second_refusal_of_the_signature_is_a_refusal():
    with Bench() as bench:
        refusing_signatures(bench, 2)
        bench.lanes.tell(exit_order())
        erred = bench.facts.take(OrderErred)
    assert isinstance(erred.error, SignAgain)
    assert operations(bench) == ["place", "place"]


def test_a_halt_between_the_two_attempts_holds_the_entry_back():
    with Bench() as bench:
        refusing_signatures(bench, 1)
        place = bench.venue.answers["place"]

        def halting(order: Any) -> Any:
            bench.halted.halt("stop")
            return place(order)

        bench.venue.answers["place"] = halting
        bench.lanes.tell(bench.fresh())
        held = bench.facts.take(OrderHeld)
    assert "halted" in held.why
    assert operations(bench) == ["place"]
