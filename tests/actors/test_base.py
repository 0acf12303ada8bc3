"""The life of an actor: a failure is reported once, by name, without secrets, and ends it."""

import decimal
import threading
from decimal import Decimal

import pykka
import pytest
from loguru import logger

from actors.base import BotActor, decimal_context, describe_failure, redact
from actors.messages import ActorFailed, Note, NoteLevel, Ping, Tick
from tests.fakes import Probe

TICK = Tick(now_ns=1, wall_ns=2)


class Worker(BotActor):
    """Runs what it is told: the smallest actor that shows the base."""

    def __init__(self, *, failures, start=None, stop=None):
        super().__init__(name="alpha/worker", failures=failures)
        self._start_with, self._stop_with = start, stop

    def _on_start(self):
        if self._start_with:
            self._start_with()

    def handle(self, message):
        message(self)

    def _on_stop(self):
        if self._stop_with:
            self._stop_with()


CREDENTIAL = "0123" + "abcd"


def explode(_actor=None):
    local = CREDENTIAL.upper()
    raise ValueError(f"refused: signature={CREDENTIAL}&symbol={len(local)}")


@pytest.fixture
def failures():
    return Probe()


@pytest.fixture
def start(failures):
    refs = []

    def _start(**hooks):
        refs.append(Worker.start(failures=failures, **hooks))
        return refs[-1]

    yield _start
    for ref in refs:
        ref.stop()


@pytest.fixture
def records():
    seen = []
    logger.enable("actors")
    sink = logger.add(lambda message: seen.append(message.record), level=0)  # noqa: TID251 - a sink of this test
    yield seen
    logger.disable("actors")
    logger.remove(sink)  # noqa: TID251 - see above


def wait_dead(ref):
    assert ref.actor_stopped.wait(2)


def test_ping_is_answered_when_the_mailbox_is_reached(start):
    assert start().ask(Ping(), timeout=2) is True


def test_handle_runs_on_a_thread_named_after_the_bot(start):
    seen = Probe()
    start().tell(lambda _: seen.tell(threading.current_thread()))
    thread = seen.take(threading.Thread)
    assert thread.name == "alpha/worker"
    assert thread.daemon


def test_told_failure_is_reported_once_and_ends_the_actor(start, failures):
    ended = Probe()
    ref = start(stop=lambda: ended.tell("ended"))
    ref.tell(explode)
    report = failures.take(ActorFailed)
    wait_dead(ref)
    assert report.actor == "alpha/worker"
    assert "ValueError: refused" in report.error
    assert "in explode" in report.traceback
    assert ended.take(str) == "ended"
    failures.expect_none()
    ended.expect_none()


def test_asked_failure_ends_the_actor_too_instead_of_leaving_half_applied_state(start, failures):
    ref = start()
    with pytest.raises(ValueError, match="refused"):
        ref.ask(explode, timeout=2)
    failures.take(ActorFailed)
    wait_dead(ref)
    failures.expect_none()


def test_messages_after_the_failure_are_not_handled(start, failures):
    handled, release = Probe(), threading.Event()
    ref = start()
    ref.tell(lambda _: release.wait(2))
    ref.tell(explode)
    ref.tell(lambda _: handled.tell("after"))
    release.set()
    failures.take(ActorFailed)
    wait_dead(ref)
    handled.expect_none()


def test_failing_start_is_reported_and_the_actor_is_dead(start, failures):
    ref = start(start=explode)
    report = failures.take(ActorFailed)
    assert report.error.startswith("on_start: ValueError")
    wait_dead(ref)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask(Ping(), timeout=2)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_exit_inside_an_actor_does_not_stop_the_hosts_actors(start, failures, kind):
    class HostActor(pykka.ThreadingActor):
        pass

    def leave(_actor):
        raise kind

    host = HostActor.start()
    try:
        ref = start()
        ref.tell(leave)
        assert kind.__name__ in failures.take(ActorFailed).error
        wait_dead(ref)
        assert host.is_alive()
    finally:
        host.stop()


def test_report_has_neither_locals_nor_credentials(start, failures):
    start().tell(explode)
    report = failures.take(ActorFailed)
    for text in (report.error, report.traceback):
        assert "signature=***&symbol=8" in text
        assert CREDENTIAL not in text
        assert CREDENTIAL.upper() not in text


def test_pykka_does_not_print_our_failures_through_the_hosts_logging(start, failures, caplog):
    ref = start()
    ref.tell(explode)
    failures.take(ActorFailed)
    wait_dead(ref)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_failure_while_ending_is_reported(start, failures):
    start(stop=explode).stop()
    assert failures.take(ActorFailed).error.startswith("on_stop: ValueError")


def test_send_to_a_dead_actor_is_a_dead_letter_not_an_exception(start, failures, records):
    dead = start()
    dead.stop()
    living = start()
    letters = living.ask(lambda actor: actor.send(dead, TICK), timeout=2)
    assert letters is None
    living.ask(Ping(), timeout=2)
    assert [record["extra"]["event"] for record in records] == ["dead_letter"]
    assert "Tick" in records[0]["message"]
    failures.expect_none()


def test_decimal_rules_hold_in_the_actors_thread_only(start, failures):
    seen = Probe()
    before = decimal.getcontext().prec
    ref = start()
    ref.tell(lambda _: seen.tell(decimal.getcontext().prec))
    assert seen.take(int) == 34
    assert decimal.getcontext().prec == before
    ref.tell(lambda _: Decimal(0.1))  # noqa: RUF032 - the float is the point
    assert "FloatOperation" in failures.take(ActorFailed).error


@pytest.mark.parametrize("compute", [lambda: Decimal(1) / Decimal(0), lambda: Decimal("x"), lambda: Decimal(1) < 0.5])
def test_decimal_context_raises_where_a_number_would_be_made_up(compute):
    with decimal.localcontext(decimal_context()), pytest.raises(ArithmeticError):
        compute()


def test_log_note_carries_level_event_and_fields(start, records):
    note = Note(event="entry_order_placed", level=NoteLevel.WARNING, grid="btc", text="{braces} stay", lot=7)
    ref = start()
    ref.tell(lambda actor: actor.log_note(note))
    ref.ask(Ping(), timeout=2)
    (record,) = records
    assert record["level"].name == "WARNING"
    assert record["message"] == "{braces} stay"
    assert record["extra"] == {"actor": "alpha/worker", "event": "entry_order_placed", "grid": "btc", "lot": 7}


def test_mailbox_depth_counts_what_waits(start):
    entered, release = threading.Event(), threading.Event()
    ref = start()
    holder = Probe()

    def hold(actor):
        holder.tell(actor)
        entered.set()
        release.wait(2)

    ref.tell(hold)
    assert entered.wait(2)
    ref.tell(lambda _: None)
    ref.tell(lambda _: None)
    assert holder.take(Worker).mailbox_depth == 2
    release.set()


def chained(*, suppress):
    outer = ValueError("outer")
    outer.__context__ = KeyError("inner")
    outer.__suppress_context__ = suppress
    return outer


def test_describe_failure_names_the_cause():
    text, trace = describe_failure(chained(suppress=False))
    assert text == "ValueError: outer"
    assert "KeyError: 'inner'" in trace


def test_describe_failure_hides_a_cause_that_was_hidden_on_purpose():
    assert "inner" not in describe_failure(chained(suppress=True))[1]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /x?signature=deadbeef&symbol=BTC", "deadbeef"),
        ("{'secret': 'abc123'}", "abc123"),
        ("listenKey=pqr", "pqr"),
        ("key 0x" + "ab" * 32, "abab"),
        ("wss://host/ws/" + "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1", "pqia91"),
    ],
)
def test_redact_hides_credentials(text, hidden):
    assert hidden not in redact(text)


def test_redact_leaves_ordinary_text_alone():
    text = "order 469762064 on BTCUSDT: price 61000.10 is not a multiple of 0.5"
    assert redact(text) == text
