"""The pipelined order lane, on a connection that says what the test wants it to say."""

import functools
import random
import threading
from typing import Any, Self

import pytest

from actors.messages import OrderSent
from actors.pipelined_lane import ANSWER_NS, BROKEN_ANSWER_NS, MOST_IN_FLIGHT, SILENT_NS, PipelinedLane
from actors.rest_worker import LaneParts, OrderLanes
from actors.send_gate import HaltFlag, SendGate
from actors.streams import ReaderCalls
from actors.venue_clock import VenueClock
from actors.venue_messages import OrderAnswered, OrderErred, OrderHeld
from actors.watches import READER_GRACE_NS
from exchanges.errors import ConfigError, OutcomeUnknown, RateLimited, RequestNotSent, RuleViolated, StreamClosed
from exchanges.pacing import RateBudget
from exchanges.venue import RateLimit, SignAgain, StreamEndpoint
from tests.actors.line_doubles import LineReader, Scripted
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

NONCE = SignAgain("aster", "place", "invalid nonce", code="21104")


class Bench:
    """One pipelined lane with everything around it replaced. The connection is open unless told otherwise."""

    def __init__(self, budget: RateBudget | None = None, *, opens: bool = True) -> None:
        self.clock = FakeClock()
        self.venue = ScriptedVenue()
        self.script = Scripted()
        self.readers: list[LineReader] = []
        self.transport = FakeTransport(self.clock)
        self.facts: Probe[Any] = Probe()
        self.failures: Probe[Any] = Probe()
        self.intents, self.halted = Intents(), HaltFlag()
        self.refuses_address = False
        self.says: dict[int, list[Any]] = {}
        """Our id -> what the answers to its order say, one after the other, before they say yes."""
        self._made = threading.Event()
        self._opens = opens
        self.venue.answers["place"] = lambda order: self._say(order.client_order_id)
        self.venue.answers["cancel"] = lambda ref: order_report(ref.client_order_id)
        gate = SendGate(
            clock=self.clock, halted=self.halted, intents=self.intents, stale_after_ns=1_500_000_000, fence_ns=10
        )
        gate.set_rules({SYMBOL: RULES})
        self.budget = budget or RateBudget(self.venue.rate_limits)
        parts = LaneParts(
            name="test/lighter",
            venue=self.venue,
            clock=self.clock,
            venue_clock=VenueClock(self.clock),
            budget=self.budget,
            new_transport=lambda: self.transport,
            failures=self.failures,
        )
        kind = functools.partial(
            PipelinedLane, stream=self.script.stream, new_reader=self._new_reader, source=random.Random(1)
        )
        self.lanes = OrderLanes(parts, gate, self.facts, 1, new_lane=kind)

    def _say(self, number: Any) -> Any:
        errors = self.says.get(number)
        return errors.pop(0) if errors else order_report(number)

    def _new_reader(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> LineReader:
        if self.refuses_address:
            raise ConfigError(["no such address"])
        self.readers.append(LineReader(endpoint, calls))
        self._made.set()
        return self.readers[-1]

    @property
    def reader(self) -> LineReader:
        return self.readers[-1]

    def wait_reader(self, count: int) -> LineReader:
        """Wait for a further connection."""
        while len(self.readers) < count:
            assert self._made.wait(2), "no connection was begun"
            self._made.clear()
        return self.readers[count - 1]

    def fresh(self, lot: int = 1) -> Any:
        return entry(lot, quote_ns=self.clock.monotonic_ns(), caused_ns=5)

    def pass_time(self, ns: int) -> None:
        """Let time pass, and let the lane see it."""
        self.clock.advance(ns)
        self.reader.say(b"pong")

    def __enter__(self) -> Self:
        self.lanes.start()
        if not self.refuses_address:
            self.wait_reader(1)
        if self._opens:
            self.reader.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.release()
        for number in range(1, 200):
            self.reader.answer(str(number)) if self.readers else None
        assert self.lanes.stop(2.0)
        self.failures.expect_none()


def tags(frames: list[dict[str, Any]]) -> list[int]:
    return [int(frame["tag"]) for frame in frames]


def test_a_burst_leaves_without_waiting_each_behind_the_one_before():
    with Bench() as bench:
        orders = [exit_order(lot) for lot in range(1, 11)]
        for order in orders:
            bench.lanes.tell(order)
        sent = bench.reader.wait_sent(10)
        assert tags(sent) == [order.client_order_id for order in orders]
        assert [frame["behind"] for frame in sent] == [None, *[str(order.client_order_id) for order in orders[:-1]]]
        assert len(bench.facts.wait_count(10)) == 10
        bench.facts.expect_none(OrderAnswered)
        assert bench.lanes.depth == 10
        for frame in reversed(sent):
            bench.reader.answer(frame["n"])
        told = bench.facts.wait_count(20)
    answered = [fact.report.client_order_id for fact in told if isinstance(fact, OrderAnswered)]
    assert answered == [order.client_order_id for order in reversed(orders)]
    assert [number for number, _ in bench.intents.recorded] == [order.client_order_id for order in orders]
    assert bench.transport.sent == []


def test_what_is_told_is_what_every_lane_tells():
    with Bench() as bench:
        bench.lanes.tell(bench.fresh())
        (frame,) = bench.reader.wait_sent(1)
        sent = bench.facts.take(OrderSent)
        assert (sent.client_order_id, sent.sent_ns, sent.caused_ns) == (client_id(1), bench.clock.monotonic_ns(), 5)
        assert (frame["op"], frame["wall_ns"]) == ("place", bench.clock.wall_ns())
        bench.reader.answer(frame["n"])
        assert bench.facts.take(OrderAnswered).report.client_order_id == client_id(1)
        bench.lanes.tell(cancel(1))
        assert bench.reader.wait_sent(2)[1]["op"] == "cancel"
        assert bench.facts.take(OrderSent).caused_ns == 0


def test_without_a_connection_commands_go_by_http_at_once_exits_and_entries():
    with Bench(opens=False) as bench:
        bench.lanes.tell(exit_order(1))
        bench.facts.take(OrderAnswered)
        bench.lanes.tell(bench.fresh(2))
        bench.facts.take(OrderAnswered)
        assert len(bench.transport.sent) == 2
        assert bench.reader.sent == []
        bench.reader.open()
        bench.lanes.tell(exit_order(3))
        bench.reader.wait_sent(1)
    assert len(bench.transport.sent) == 2


def test_an_address_that_cannot_be_used_leaves_http():
    bench = Bench(opens=False)
    bench.refuses_address = True
    with bench:
        bench.lanes.tell(exit_order(1))
        bench.facts.take(OrderAnswered)
    assert bench.readers == []


def test_a_connection_that_ends_leaves_what_is_in_flight_unknown_and_is_made_anew():
    with Bench() as bench:
        orders = [exit_order(lot) for lot in (1, 2, 3)]
        for order in orders:
            bench.lanes.tell(order)
        bench.reader.wait_sent(3)
        bench.reader.answer("1")
        bench.reader.end("reset by peer")
        told = bench.facts.wait_count(6)
        erred = [fact for fact in told if isinstance(fact, OrderErred)]
        assert [fact.command for fact in erred] == orders[1:]
        assert all(isinstance(fact.error, OutcomeUnknown) and "reset" in str(fact.error) for fact in erred)
        assert all(fact.sent_ns == bench.clock.monotonic_ns() for fact in erred)
        bench.facts.drain()
        bench.lanes.tell(exit_order(4))
        bench.facts.take(OrderAnswered)
        assert tags(bench.transport.sent) == [exit_order(4).client_order_id]
        bench.clock.advance(1_000_000_000)
        again = bench.wait_reader(2)
        bench.readers[0].answer("2")  # what an old connection says late says nothing
        again.open()
        bench.lanes.tell(exit_order(5))
        again.wait_sent(1)
        bench.facts.take(OrderSent)
        bench.facts.expect_none(OrderErred)


def test_a_frame_that_provably_did_not_leave_goes_by_http():
    with Bench() as bench:
        bench.reader.breaks = StreamClosed("aster", "send", "not open", unsent=True)
        bench.lanes.tell(exit_order(1))
        bench.facts.take(OrderAnswered)
    assert len(bench.transport.sent) == 1
    assert len(bench.intents.recorded) == 1


def test_a_frame_that_was_cut_while_it_was_written_is_unknown_and_not_sent_again():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.reader.breaks = StreamClosed("aster", "send", "broken pipe")
        bench.lanes.tell(exit_order(2))
        first, second = (bench.facts.take(OrderErred) for _ in range(2))
    assert [fact.command for fact in (first, second)] == [exit_order(1), exit_order(2)]
    assert isinstance(second.error, OutcomeUnknown)
    assert bench.transport.sent == []


def test_an_answer_that_never_comes_is_unknown_and_a_late_one_says_nothing():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.facts.take(OrderSent)
        bench.pass_time(ANSWER_NS - 1)
        bench.lanes.tell(exit_order(2))
        bench.reader.wait_sent(2)
        bench.facts.take(OrderSent)
        bench.facts.expect_none(OrderErred)
        bench.pass_time(1)
        erred = bench.facts.take(OrderErred)
        assert erred.command == exit_order(1)
        assert isinstance(erred.error, OutcomeUnknown)
        bench.reader.answer("1")
        bench.reader.answer("2")
        assert bench.facts.take(OrderAnswered).command == exit_order(2)
    assert [fact for fact in bench.facts.messages if isinstance(fact, OrderAnswered | OrderErred)] == []


def test_one_lost_answer_does_not_hold_up_what_is_taken_behind_it():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.clock.advance(1)
        bench.lanes.tell(exit_order(2))
        bench.reader.wait_sent(2)
        bench.reader.answer("2")
        bench.facts.take(OrderAnswered)
        bench.clock.advance(ANSWER_NS // 2)
        bench.lanes.tell(exit_order(3))
        bench.reader.wait_sent(3)
        bench.pass_time(ANSWER_NS // 2)
        bench.facts.take(OrderErred)
        bench.lanes.tell(exit_order(4))
        assert bench.reader.wait_sent(4)[3]["behind"] == str(exit_order(3).client_order_id)


def test_a_refused_sequence_is_signed_again_in_its_order_one_by_one_until_one_is_taken():
    with Bench() as bench:
        orders = [exit_order(lot) for lot in (1, 2, 3, 4)]
        first, *others = (order.client_order_id for order in orders)
        bench.says = {
            first: [RuleViolated("aster", "place", "no", code="21705")],
            **{number: [NONCE] for number in others},
        }
        for order in orders:
            bench.lanes.tell(order)
        bench.reader.wait_sent(4)
        bench.reader.answer("1")
        bench.facts.take(OrderErred)
        bench.lanes.tell(exit_order(5))
        bench.reader.answer("2")
        bench.reader.answer("3")
        assert len(bench.reader.sent) == 4, "nothing leaves while the rest of the sequence is out"
        bench.reader.answer("4")
        sent = bench.reader.wait_sent(5)
        assert tags(sent)[4] == others[0]
        assert sent[4]["behind"] is None
        bench.reader.answer("5")
        bench.facts.take(OrderAnswered)
        sent = bench.reader.wait_sent(8)
        assert tags(sent)[5:] == [*others[1:], exit_order(5).client_order_id]
        for number in ("6", "7", "8"):
            bench.reader.answer(number)
        for _ in range(3):
            bench.facts.take(OrderAnswered)
    assert len(bench.intents.recorded) == 5, "what is signed again is recorded once"


def test_a_command_that_is_refused_for_its_own_signature_twice_is_refused():
    with Bench() as bench:
        bench.says = {exit_order(1).client_order_id: [NONCE, NONCE]}
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.reader.answer("1")
        bench.reader.wait_sent(2)
        bench.reader.answer("2")
        assert bench.facts.take(OrderErred).error is NONCE
        bench.lanes.tell(exit_order(2))
        bench.reader.wait_sent(3)


def test_a_broken_sequence_is_not_waited_for_longer_than_exits_may_wait():
    with Bench() as bench:
        bench.says = {exit_order(1).client_order_id: [RuleViolated("aster", "place", "no")]}
        for lot in (1, 2):
            bench.lanes.tell(exit_order(lot))
        bench.reader.wait_sent(2)
        bench.reader.answer("1")
        bench.facts.take(OrderErred)
        bench.lanes.tell(exit_order(3))
        bench.pass_time(BROKEN_ANSWER_NS - 1)
        bench.facts.expect_none(OrderErred)
        assert len(bench.reader.sent) == 2
        bench.pass_time(1)
        assert isinstance(bench.facts.take(OrderErred).error, OutcomeUnknown)
        assert tags(bench.reader.wait_sent(3))[2] == exit_order(3).client_order_id


def test_a_command_that_cannot_be_signed_behind_the_others_waits_for_their_answers():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.script.refuses_to_follow = True
        bench.lanes.tell(exit_order(2))
        bench.facts.take(OrderSent)
        bench.reader.answer("1")
        bench.facts.take(OrderAnswered)
        assert bench.reader.wait_sent(2)[1]["behind"] is None
    bench.facts.expect_none(OrderErred)


def test_a_cancel_does_not_overtake_its_order():
    with Bench() as bench:
        bench.lanes.tell(bench.fresh(1))
        bench.lanes.tell(cancel(1))
        bench.lanes.tell(exit_order(2))
        assert tags(bench.reader.wait_sent(2)) == [client_id(1), exit_order(2).client_order_id]
        bench.reader.answer("1")
        assert bench.reader.wait_sent(3)[2]["op"] == "cancel"


def test_an_order_refused_for_its_nonce_is_taken_back_by_the_cancel_that_waits_for_it():
    with Bench() as bench:
        order = bench.fresh(1)
        bench.says = {order.client_order_id: [NONCE]}
        bench.lanes.tell(order)
        bench.lanes.tell(cancel(1))
        bench.reader.wait_sent(1)
        bench.reader.answer("1")
        assert "canceled" in bench.facts.take(OrderHeld).why
        bench.lanes.tell(exit_order(2))
        assert tags(bench.reader.wait_sent(2)) == [client_id(1), exit_order(2).client_order_id]


def test_a_cancel_takes_back_an_order_that_waits_to_be_signed_again():
    with Bench() as bench:
        order = bench.fresh(2)
        bench.says = {order.client_order_id: [NONCE]}
        bench.lanes.tell(order)
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(2)
        bench.reader.answer("1")
        bench.lanes.tell(cancel(2))
        assert "canceled" in bench.facts.take(OrderHeld).why
        bench.reader.answer("2")
        bench.facts.take(OrderAnswered)
    assert len(bench.reader.sent) == 2


def test_a_pause_of_the_venue_holds_the_rest_of_the_sequence():
    with Bench() as bench:
        first, second = exit_order(1), exit_order(2)
        bench.says = {
            first.client_order_id: [RateLimited("aster", "place", "slow down", retry_after_s=6)],
            second.client_order_id: [NONCE],
        }
        bench.lanes.tell(first)
        bench.lanes.tell(second)
        bench.reader.wait_sent(2)
        bench.reader.answer("1")
        bench.facts.take(OrderErred)
        bench.reader.answer("2")
        bench.pass_time(5_999_000_000)
        assert len(bench.reader.sent) == 2
        bench.pass_time(1_000_000)
        assert tags(bench.reader.wait_sent(3))[2] == second.client_order_id


def test_the_number_in_flight_is_bounded():
    with Bench(RateBudget([RateLimit(unit="order", amount=10_000, per_s=1.0)], 0)) as bench:
        for lot in range(1, MOST_IN_FLIGHT + 3):
            bench.lanes.tell(exit_order(lot))
        bench.reader.wait_sent(MOST_IN_FLIGHT)
        bench.facts.wait_count(MOST_IN_FLIGHT)
        assert len(bench.reader.sent) == MOST_IN_FLIGHT
        bench.reader.answer("1")
        bench.reader.wait_sent(MOST_IN_FLIGHT + 1)


def test_halt_with_orders_in_flight_and_more_queued_lets_no_entry_out():
    with Bench() as bench:
        bench.lanes.tell(bench.fresh(1))
        bench.reader.wait_sent(1)
        for lot in range(10, 2010):
            bench.lanes.tell(bench.fresh(lot))
        bench.halted.halt("test")
        sent = len(bench.reader.sent)
        bench.lanes.tell(exit_order(3))
        for number in range(1, 60):
            bench.reader.answer(str(number))
        while not [frame for frame in bench.reader.sent if int(frame["tag"]) == exit_order(3).client_order_id]:
            bench.facts.wait_count(2000, timeout_s=10)
            bench.reader.wait_sent(sent + 1)
        assert tags(bench.reader.sent)[sent:] == [exit_order(3).client_order_id]


def test_a_halt_waits_for_the_frame_that_is_being_written():
    with Bench() as bench:
        writing, go = threading.Event(), threading.Event()

        def slow(text: str) -> None:
            writing.set()
            assert go.wait(5)
            LineReader.send(bench.reader, text)

        bench.reader.send = slow  # type: ignore[method-assign]
        bench.lanes.tell(bench.fresh(1))
        assert writing.wait(2)
        halting = threading.Thread(target=bench.halted.halt, args=("test",))
        halting.start()
        halting.join(0.05)
        assert halting.is_alive()
        go.set()
        halting.join(2)
        assert not halting.is_alive()
        assert len(bench.reader.sent) == 1


def test_an_announced_close_lets_the_answers_come_and_sends_nothing_new_over_it():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        old = bench.reader
        old.say(b"closing")
        bench.lanes.tell(exit_order(2))
        old.answer("1")
        bench.facts.take(OrderAnswered)
        bench.facts.take(OrderAnswered)  # by HTTP, while the new connection opens
        assert bench.wait_reader(2) is not old
        assert old.stopped
    assert tags(bench.transport.sent) == [exit_order(2).client_order_id]


def test_an_old_connection_is_left_in_a_quiet_moment():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.reader.answer("1")
        bench.facts.take(OrderAnswered)
        bench.pass_time(int((23 * 3600 - 1801) * 1e9))
        assert not bench.reader.stopped
        bench.pass_time(1_000_000_000)
        bench.wait_reader(2)
    assert bench.readers[0].stopped


def test_a_connection_whose_thread_hangs_is_left_and_what_was_out_is_unknown():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.reader.alive_ns = bench.clock.monotonic_ns()
        dead_after_ns = int(bench.reader.endpoint.dead_after_s * 1e9)
        bench.pass_time(dead_after_ns + READER_GRACE_NS + 1)
        assert isinstance(bench.facts.take(OrderErred).error, OutcomeUnknown)
        bench.wait_reader(2)
    assert bench.readers[0].stopped


def test_a_connection_that_is_silent_after_an_order_is_left_before_its_pings_fail():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.facts.take(OrderSent)
        bench.reader.alive_ns = bench.clock.monotonic_ns()
        bench.clock.advance(SILENT_NS - 1)
        bench.lanes.tell(exit_order(2))
        bench.reader.wait_sent(2)
        bench.facts.take(OrderSent)
        bench.facts.expect_none(OrderErred)
        bench.clock.advance(1)
        bench.lanes.tell(exit_order(3))
        erred = [bench.facts.take(OrderErred) for _ in range(2)]
        assert [fact.command for fact in erred] == [exit_order(1), exit_order(2)]
        bench.facts.take(OrderAnswered)
        assert tags(bench.transport.sent) == [exit_order(3).client_order_id]
    assert bench.readers[0].stopped


def test_an_answer_that_came_while_the_lane_was_held_up_counts():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.facts.take(OrderSent)
        writing, go = threading.Event(), threading.Event()

        def slow(text: str) -> None:
            writing.set()
            assert go.wait(5)
            LineReader.send(bench.reader, text)

        bench.reader.send = slow  # type: ignore[method-assign]
        bench.lanes.tell(exit_order(2))
        assert writing.wait(2)
        bench.clock.advance(ANSWER_NS)
        bench.lanes.tell(exit_order(3))
        bench.reader.answer("1")
        go.set()
        assert bench.facts.take(OrderAnswered).command == exit_order(1)
        bench.facts.expect_none(OrderErred)


def test_a_sign_of_life_after_an_order_keeps_the_connection():
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.facts.take(OrderSent)
        bench.reader.alive_ns = bench.clock.monotonic_ns() + 1
        bench.pass_time(SILENT_NS + 1)
        bench.lanes.tell(exit_order(2))
        bench.reader.wait_sent(2)
        bench.facts.expect_none(OrderErred)


@pytest.mark.parametrize("frame", [b"{nonsense", b'{"n": null}'])
def test_words_that_cannot_be_matched_end_the_connection(frame):
    with Bench() as bench:
        bench.lanes.tell(exit_order(1))
        bench.reader.wait_sent(1)
        bench.reader.say(frame)
        assert isinstance(bench.facts.take(OrderErred).error, OutcomeUnknown)
        bench.wait_reader(2)
    assert bench.readers[0].stopped


def test_at_the_end_answers_are_waited_for_and_what_has_not_left_is_held():
    bench = Bench(RateBudget([RateLimit(unit="order", amount=1, per_s=60.0)], 0))
    bench.lanes.start()
    bench.wait_reader(1).open()
    bench.lanes.tell(exit_order(1))
    bench.lanes.tell(exit_order(2))
    bench.reader.wait_sent(1)
    stopping = threading.Thread(target=lambda: bench.lanes.stop(2.0))
    stopping.start()
    bench.reader.answer("1")
    stopping.join(3)
    assert not stopping.is_alive()
    assert bench.facts.take(OrderAnswered).command == exit_order(1)
    assert bench.facts.take(OrderHeld).command == exit_order(2)
    assert bench.reader.stopped


def test_at_the_end_an_answer_that_does_not_come_is_unknown():
    bench = Bench()
    bench.lanes.start()
    bench.wait_reader(1).open()
    bench.lanes.tell(exit_order(1))
    bench.reader.wait_sent(1)
    assert bench.lanes.stop(0.1)
    erred = bench.facts.take(OrderErred)
    assert isinstance(erred.error, OutcomeUnknown)
    assert not isinstance(erred.error, RequestNotSent)
