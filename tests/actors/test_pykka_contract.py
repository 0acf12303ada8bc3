"""What we rely on in Pykka 4.5 beyond its documentation. If one of these fails after an update, read actors/base.py."""

import threading
from queue import SimpleQueue

import pykka
import pytest

from tests.fakes import Probe


class Plain(pykka.ThreadingActor):
    def __init__(self, probe, start=None):
        super().__init__()
        self._probe, self._start_with = probe, start

    def on_start(self):
        if self._start_with:
            raise self._start_with

    def on_receive(self, message):
        if isinstance(message, BaseException):
            raise message
        self._probe.tell(message)
        return message

    def on_stop(self):
        self._probe.tell("on_stop")

    def on_failure(self, exception_type, exception_value, traceback):
        self._probe.tell(("on_failure", exception_type, self.actor_stopped.is_set()))


@pytest.fixture
def probe():
    return Probe()


def test_inbox_hook_accepts_anything_with_put_get_and_empty(probe):
    made = []

    class OnSimpleQueue(Plain):
        @staticmethod
        def _create_actor_inbox():
            made.append(SimpleQueue())
            return made[-1]

    ref = OnSimpleQueue.start(probe)
    try:
        assert ref.actor_inbox is made[0]
        assert ref.ask("hello", timeout=2) == "hello"
    finally:
        ref.stop()


def test_loop_hook_is_what_runs_the_actor(probe):
    started = []

    class OnOwnThread(Plain):
        def _start_actor_loop(self):
            started.append(threading.Thread(target=self._actor_loop, name="own", daemon=True))
            started[0].start()

    ref = OnOwnThread.start(probe)
    ref.stop()
    started[0].join(2)
    assert not started[0].is_alive()


def test_future_hook_is_called_through_the_class(probe):
    made = []

    class OnOwnFuture(Plain):
        @staticmethod
        def _create_future():
            made.append(pykka.ThreadingFuture())
            return made[-1]

    ref = OnOwnFuture.start(probe)
    try:
        ref.ask("x", timeout=2)
        assert len(made) == 1
    finally:
        ref.stop()


def test_envelope_has_message_and_reply_to(probe):
    taken = []

    class Recording(SimpleQueue):
        def get(self):
            taken.append(super().get())
            return taken[-1]

    class OnRecording(Plain):
        @staticmethod
        def _create_actor_inbox():
            return Recording()

    ref = OnRecording.start(probe)
    ref.tell("told")
    ref.ask("asked", timeout=2)
    ref.stop()
    assert (taken[0].message, taken[0].reply_to) == ("told", None)
    assert taken[1].reply_to is not None


def test_failing_on_start_stops_the_actor_without_on_failure(probe, caplog):
    ref = Plain.start(probe, ValueError("at start"))
    assert ref.actor_stopped.wait(2)
    probe.expect_none()


def test_told_failure_calls_on_failure_with_the_flag_set_and_not_on_stop(probe, caplog):
    ref = Plain.start(probe)
    ref.tell(ValueError("told"))
    assert probe.take(tuple) == ("on_failure", ValueError, True)
    assert ref.actor_stopped.wait(2)
    probe.expect_none()


def test_asked_failure_goes_to_the_caller_and_the_actor_lives(probe):
    ref = Plain.start(probe)
    try:
        with pytest.raises(ValueError, match="asked"):
            ref.ask(ValueError("asked"), timeout=2)
        assert ref.is_alive()
    finally:
        ref.stop()


def test_messages_left_at_the_end_are_dropped_and_asks_among_them_answered(probe):
    entered, release = threading.Event(), threading.Event()

    class Busy(Plain):
        def on_receive(self, message):
            entered.set()
            release.wait(2)
            self.actor_stopped.set()

    ref = Busy.start(probe)
    ref.tell("first")
    assert entered.wait(2)
    ref.tell("lost")
    answer = ref.ask("asked", block=False)
    release.set()
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=2)
    pykka.ActorRegistry.unregister(ref)


def test_tell_to_a_dead_actor_raises_in_the_sender(probe):
    ref = Plain.start(probe)
    ref.stop()
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("late")


def test_unregistering_twice_is_harmless(probe):
    ref = Plain.start(probe)
    ref.stop()
    pykka.ActorRegistry.unregister(ref)
    assert ref not in pykka.ActorRegistry.get_all()


def test_failure_handler_is_a_method_that_can_be_replaced(probe, caplog):
    class Quiet(Plain):
        def _handle_failure(self, *exc_info):
            pykka.ActorRegistry.unregister(self.actor_ref)
            self.actor_stopped.set()

    ref = Quiet.start(probe)
    ref.tell(ValueError("quiet"))
    probe.take(tuple)
    assert ref.actor_stopped.wait(2)
    assert caplog.records == []
