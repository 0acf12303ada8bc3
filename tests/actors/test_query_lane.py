"""The query lane: questions that lead to others, and questions whose budget is spent."""

from dataclasses import replace
from typing import Any, Self

import pytest

from actors.query_lane import QueryLane
from actors.rest_worker import LaneParts
from actors.venue_clock import VenueClock
from actors.venue_messages import QueryAnswered, QueryErred
from exchanges.errors import OutcomeUnknown, RequestNotSent, UnknownOrder
from exchanges.pacing import RateBudget
from exchanges.venue import Call, HttpReply, HttpRequest, RateLimit, RequestKind, Undecided
from tests.actors.venue_doubles import FakeTransport, ScriptedVenue
from tests.fakes import FakeClock, Probe
from tests.system.loopback import until

SECOND_NS = 1_000_000_000


class Desk:
    """A running lane on a clock of its own; every question takes a second."""

    def __init__(self, history: int = 100, *, observe: bool = False, **capabilities: Any) -> None:
        self.clock = FakeClock()
        self.reply: Probe[Any] = Probe()
        self.transport = FakeTransport(self.clock)
        limits = (
            RateLimit(unit="weight", amount=1000, per_s=60.0),
            RateLimit(unit="history", amount=history, per_s=60.0),
        )
        self.budget = RateBudget(limits, reserved_pct=0)
        self.lane = QueryLane(
            LaneParts(
                name="test/venue",
                venue=ScriptedVenue(**capabilities),
                clock=self.clock,
                venue_clock=VenueClock(self.clock),
                budget=self.budget,
                new_transport=lambda: self.transport,
                failures=Probe(),
                observe=observe,
            )
        )

    def __enter__(self) -> Self:
        self.lane.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.lane.stop(2.0)

    def question(
        self, name: str, outcome: Any, *, history: int = 0, kind: RequestKind = RequestKind.QUERY
    ) -> Call[Any]:
        def read(_: HttpReply) -> Any:
            self.clock.advance(SECOND_NS)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        request = HttpRequest(
            operation=name,
            method="GET",
            path="/",
            kind=kind,
            weight=1 - history,
            history_weight=history,
            signed=True,
        )
        return Call(request, read)

    @property
    def sent(self) -> list[str]:
        return [row["operation"] for row in self.transport.sent]


def undecided(further: Call[Any]) -> Undecided:
    return Undecided("test", "first", "it does not rest", further=further)


def test_an_undecided_answer_leads_to_the_next_question():
    with Desk() as desk:
        last = desk.question("third", 42, history=1)
        second = desk.question("second", undecided(last), history=1)
        asked_ns = desk.clock.monotonic_ns()
        desk.lane.submit(desk.question("first", undecided(second)), desk.reply, 7)
        answer = desk.reply.take(QueryAnswered)
    assert (answer.ticket, answer.value) == (7, 42)
    assert answer.asked_ns == asked_ns, "the answer may not look younger than the first question"
    assert desk.sent == ["first", "second", "third"]


def test_an_absence_at_the_end_counts_from_the_first_question():
    with Desk() as desk:
        asked_ns = desk.clock.monotonic_ns()
        last = desk.question("second", UnknownOrder("test", "second", "nowhere"), history=1)
        desk.lane.submit(desk.question("first", undecided(last)), desk.reply, 1)
        answer = desk.reply.take(QueryErred)
    assert isinstance(answer.error, UnknownOrder)
    assert answer.asked_ns == asked_ns


def test_a_failure_on_the_way_is_the_outcome():
    with Desk() as desk:
        last = desk.question("second", OutcomeUnknown("test", "second", "HTTP 503"), history=1)
        desk.lane.submit(desk.question("first", undecided(last)), desk.reply, 1)
        assert isinstance(desk.reply.take(QueryErred).error, OutcomeUnknown)
        desk.lane.submit(desk.question("other", 1), desk.reply, 2)
        assert desk.reply.take(QueryAnswered).ticket == 2


def test_a_spent_history_budget_holds_up_nothing_else():
    with Desk(history=1) as desk:
        desk.lane.submit(desk.question("history", 1, history=1), desk.reply, 1)
        desk.reply.take(QueryAnswered)
        desk.lane.submit(desk.question("history", 2, history=1), desk.reply, 2)
        desk.lane.submit(desk.question("orders", 3), desk.reply, 3)
        assert desk.reply.take(QueryAnswered).ticket == 3
        assert desk.lane.depth == 1
        desk.clock.advance(60 * SECOND_NS)
        desk.lane.submit(desk.question("orders", 4), desk.reply, 4)
        assert [answer.ticket for answer in desk.reply.wait_count(2)] == [4, 2]


def test_a_question_in_the_middle_waits_aside_and_keeps_its_time():
    with Desk(history=1) as desk:
        desk.lane.submit(desk.question("history", 1, history=1), desk.reply, 1)
        desk.reply.take(QueryAnswered)
        asked_ns = desk.clock.monotonic_ns()
        desk.lane.submit(desk.question("first", undecided(desk.question("second", 9, history=1))), desk.reply, 2)
        desk.lane.submit(desk.question("orders", 3), desk.reply, 3)
        assert desk.reply.take(QueryAnswered).ticket == 3
        desk.clock.advance(60 * SECOND_NS)
        desk.lane.submit(desk.question("orders", 4), desk.reply, 4)
        late = desk.reply.wait_count(2)[1]
    assert (late.ticket, late.value, late.asked_ns) == (2, 9, asked_ns)


def test_questions_that_wait_for_budget_end_with_the_stop():
    with Desk(history=1) as desk:
        for ticket in (1, 2, 3):
            desk.lane.submit(desk.question("history", ticket, history=1), desk.reply, ticket)
        desk.lane.submit(desk.question("orders", 4), desk.reply, 4)
        answers = desk.reply.wait_count(2)
        assert [answer.ticket for answer in answers] == [1, 4]
        desk.reply.drain()
    ended = desk.reply.wait_count(2)
    assert [(each.ticket, type(each.error)) for each in ended] == [(2, RequestNotSent), (3, RequestNotSent)]
    assert desk.sent == ["history", "orders"]


def weight_left(desk: Desk) -> int:
    spent = 0
    while desk.budget.take(RequestKind.QUERY, 1, 0, desk.clock.monotonic_ns()) == 0:
        spent += 1
    return spent


def test_what_others_at_our_address_have_spent_is_learned_from_the_reply():
    with Desk(used_weight_header="x-used") as desk:
        desk.transport.headers = {"x-used": "990"}
        desk.lane.submit(desk.question("one", 1), desk.reply, 1)
        assert desk.reply.take(QueryAnswered).value == 1
        assert weight_left(desk) == 10


@pytest.mark.parametrize("text", ["", "-5", "1e3", "many", "\u0661\u0662"])
def test_a_count_that_is_none_is_not_learned_from(text):
    with Desk(used_weight_header="x-used") as desk:
        desk.transport.headers = {"x-used": text}
        desk.lane.submit(desk.question("one", 1), desk.reply, 1)
        assert desk.reply.take(QueryAnswered).value == 1
        assert weight_left(desk) == 999


def test_a_venue_without_such_a_header_is_not_asked_for_it():
    with Desk() as desk:
        desk.transport.headers = {"": "990", "x-used": "990"}
        desk.lane.submit(desk.question("one", 1), desk.reply, 1)
        assert desk.reply.take(QueryAnswered).value == 1
        assert weight_left(desk) == 999


def test_a_request_in_hand_shows_as_a_job_and_each_as_another():
    with Desk() as desk:
        desk.transport.hold()
        desk.lane.submit(desk.question("one", 1), desk.reply, 1)
        assert desk.transport.written.acquire(timeout=2)
        first = desk.lane.job
        desk.lane.submit(desk.question("two", 2), desk.reply, 2)
        assert (first > 0, desk.lane.depth) == (True, 1)
        desk.transport.release()
        assert desk.reply.take(QueryAnswered).value == 1
        assert desk.reply.take(QueryAnswered).value == 2
        until(lambda: desk.lane.job == 0, "idle again")
        desk.transport.hold()
        desk.lane.submit(desk.question("three", 3), desk.reply, 3)
        until(lambda: desk.lane.job > first + 1, "a job with a number of its own")
        desk.transport.release()
        assert desk.reply.take(QueryAnswered).value == 3


def test_who_observes_sends_nothing_that_would_prove_the_fate_of_an_order():
    with Desk(observe=True) as desk:
        voiding = desk.question("cancel", 42, kind=RequestKind.CANCEL)
        desk.lane.submit(desk.question("first", undecided(voiding)), desk.reply, 7)
        answer = desk.reply.take(QueryErred)
    assert isinstance(answer.error, RequestNotSent)
    assert "observe" in str(answer.error)
    assert desk.sent == ["first"]


def test_who_observes_sends_nothing_that_spends_of_the_budget_of_orders():
    with Desk(observe=True) as desk:
        setting = desk.question("leverage", None)
        setting = replace(setting, request=replace(setting.request, order_weight=1))
        desk.lane.submit(desk.question("first", undecided(setting)), desk.reply, 7)
        answer = desk.reply.take(QueryErred)
    assert "observe" in str(answer.error)
    assert desk.sent == ["first"]
