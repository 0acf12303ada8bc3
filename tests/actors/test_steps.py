"""Conversations of several questions on one thread."""

from actors.steps import Failure, StepRunner, Steps, ask, attempt, wait
from exchanges.errors import RequestNotSent
from exchanges.venue import Call, HttpReply, HttpRequest


def question(name: str) -> Call[str]:
    def read(reply: HttpReply) -> str:
        return reply.body.decode()

    return Call(HttpRequest(operation=name, method="GET", path="/"), read)


class Desk:
    """Keeps what a runner sends away."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.armed: list[tuple[float, int]] = []
        self.runner = StepRunner(
            lambda call, ticket: self.asked.append((call.request.operation, ticket)),
            lambda seconds, ticket: self.armed.append((seconds, ticket)),
        )


def test_a_conversation_goes_from_question_to_question():
    desk, heard = Desk(), []

    def steps() -> Steps[None]:
        first = yield from ask(question("one"))
        yield from wait(1.5)
        second = yield from ask(question("two"))
        heard.append((first.value, first.asked_ns, second.value))

    desk.runner.run(steps())
    desk.runner.answered(desk.asked[0][1], "a", 10)
    assert desk.armed[0][0] == 1.5
    desk.runner.waited(desk.armed[0][1])
    desk.runner.answered(desk.asked[1][1], "b", 20)
    assert heard == [("a", 10, "b")]


def test_an_error_is_raised_at_the_question():
    desk, heard = Desk(), []

    def steps() -> Steps[None]:
        try:
            yield from ask(question("one"))
        except RequestNotSent as error:
            heard.append(error.text)

    desk.runner.run(steps())
    desk.runner.erred(desk.asked[0][1], RequestNotSent("aster", "one", "refused"), 5)
    assert heard == ["refused"]


def test_two_conversations_do_not_mix():
    desk, heard = Desk(), []

    def steps(name: str) -> Steps[None]:
        answer = yield from ask(question(name))
        heard.append((name, answer.value))

    desk.runner.run(steps("one"))
    desk.runner.run(steps("two"))
    desk.runner.answered(desk.asked[1][1], "b", 0)
    desk.runner.answered(desk.asked[0][1], "a", 0)
    assert heard == [("two", "b"), ("one", "a")]


def test_an_answer_to_a_dropped_conversation_is_ignored():
    desk, heard = Desk(), []

    def steps() -> Steps[None]:
        try:
            yield from ask(question("one"))
            heard.append("answered")
        finally:
            heard.append("closed")

    running = steps()
    desk.runner.run(running)
    desk.runner.drop(running)
    desk.runner.answered(desk.asked[0][1], "a", 0)
    desk.runner.erred(desk.asked[0][1], RequestNotSent("aster", "one"), 5)
    assert heard == ["closed"]


def test_a_ticket_is_used_once():
    desk, heard = Desk(), []

    def steps() -> Steps[None]:
        heard.append((yield from ask(question("one"))).value)
        heard.append((yield from ask(question("two"))).value)

    desk.runner.run(steps())
    desk.runner.answered(desk.asked[0][1], "a", 0)
    desk.runner.answered(desk.asked[0][1], "again", 0)
    assert heard == ["a"]


def test_an_attempt_gives_its_failure_back_with_its_time():
    desk, heard = Desk(), []

    def steps() -> Steps[None]:
        heard.append((yield from attempt(question("one"))))

    desk.runner.run(steps())
    error = RequestNotSent("aster", "one", "refused")
    desk.runner.erred(desk.asked[0][1], error, 5)
    assert heard == [Failure(error, 5)]


def test_dropping_all_ends_every_conversation():
    desk, heard = Desk(), []

    def steps() -> Steps[None]:
        yield from wait(1)
        heard.append("waited")

    desk.runner.run(steps())
    desk.runner.run(steps())
    desk.runner.drop_all()
    for _, ticket in desk.armed:
        desk.runner.waited(ticket)
    assert heard == []
