import sys
import threading
from decimal import Decimal
from types import SimpleNamespace

import pytest

from actors.app.notify import Notifier, apprise_sender
from actors.settings import NotifySettings
from exchanges.errors import ConfigError
from tests.fakes import FakeClock


class Line(str):
    __slots__ = ("record",)


def line(text, *, level="ERROR", **extra):
    made = Line(text)
    made.record = {"extra": extra, "message": text, "level": SimpleNamespace(name=level)}
    return made


class Receiver:
    def __init__(self, fail_first=False):
        self.texts = []
        self.fail_first = fail_first

    def __call__(self, _title, text):
        self.texts.append(text)
        if self.fail_first and len(self.texts) == 1:
            raise OSError("gone")
        return True


def notified(receiver, lines, clock=None, repeat_after_s="900"):
    clock = clock or FakeClock()
    settings = NotifySettings(repeat_after_s=Decimal(repeat_after_s))
    notifier = Notifier("test", settings, receiver, lambda text: text.replace("secret", "***"), clock)
    try:
        for entry in lines:
            if callable(entry):
                entry(clock)
            else:
                notifier.write(entry)
    finally:
        notifier.stop()
    return receiver.texts


def test_an_alert_names_level_grid_and_event_without_secrets():
    texts = notified(Receiver(), [line("key secret refused", event="request_refused", grid="btc")])
    assert texts == ["ERROR btc request_refused: key *** refused"]


def test_the_same_alert_is_held_back_and_counted():
    same = line("no price", event="price_stale", grid="btc")
    other = line("no price", event="price_stale", grid="eth")
    later = [same, same, same, other, lambda clock: clock.advance(901_000_000_000), same]
    assert notified(Receiver(), later) == [
        "ERROR btc price_stale: no price",
        "ERROR eth price_stale: no price",
        "ERROR btc price_stale: no price (and 2 like it before)",
    ]


def test_alarms_about_two_things_are_two_alerts():
    one = line("lane is stuck", event="watchdog_alarm", subject="lane")
    other = line("actor is stuck", event="watchdog_alarm", subject="actor")
    assert len(notified(Receiver(), [one, other, one, other])) == 2


def test_a_receiver_that_fails_does_not_end_the_alerts():
    texts = notified(Receiver(fail_first=True), [line("one", event="a"), line("two", event="b")])
    assert texts == ["ERROR a: one", "ERROR b: two"]


def test_writing_never_waits_for_the_receiver():
    release = threading.Event()
    texts = []

    def slow(_title, text):
        assert release.wait(10)
        texts.append(text)
        return True

    settings = NotifySettings(repeat_after_s=Decimal(0))
    notifier = Notifier("test", settings, slow, str, FakeClock())
    for number in range(1500):
        notifier.write(line(str(number), event=f"event {number}"))
    assert texts == []
    release.set()
    notifier._thread.join(0)
    while notifier._waiting.full():
        threading.Event().wait(0.01)
    notifier.stop()
    assert texts[0] == "ERROR event 0: 0"


def test_missing_apprise_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match="pip install"):
        apprise_sender("json://localhost")


def test_an_unusable_address_is_named_by_its_number_only(monkeypatch):
    class Fake:
        def add(self, url):
            return url.startswith("good")

    monkeypatch.setitem(sys.modules, "apprise", SimpleNamespace(Apprise=Fake))
    with pytest.raises(ConfigError, match="address 2") as raised:
        apprise_sender("good://x bad://token")
    assert "token" not in str(raised.value)
