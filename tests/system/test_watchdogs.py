"""The watchdogs with real threads, sockets and time: what is noticed, what is done, and that trading goes on after it.

Bounds are those of `actors.watches`; a loaded machine gets some seconds more. The rules are tested on a fake clock in
tests/actors/test_watchdog.py.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pykka
import pytest

from actors.app.control import send_command
from actors.bot import TradingBot
from actors.host import BotHandle
from actors.inbox import Inbox
from actors.network import PATIENCE_S, SocketNetwork
from actors.rest_thread import Transport
from actors.status import BotState, BotStatus
from actors.strategy import GridStrategy
from actors.venue_access import VenueAccess
from exchanges.clock import Clock, SystemClock
from exchanges.simulated.testing import running_venue
from exchanges.venue import HttpReply, SignedRequest
from tests.system.loopback import SYMBOL, access_to, bot_settings, running_bot, until
from tests.system.program import QUICK, Desk
from tests.system.scripted_tape import steps
from tests.system.test_bot_on_loopback import open_lot, wait_for_entry

pytestmark = pytest.mark.timeout(120)

SLACK_S = 15.0


class HangingTransport:
    """A transport whose requests hang before they are written while `hangs` is set."""

    def __init__(self, inner: Transport, hangs: Callable[[SignedRequest], bool], released: threading.Event) -> None:
        self._inner, self._hangs, self._released = inner, hangs, released

    def send(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        if self._hangs(request):
            assert self._released.wait(60)
        return self._inner.send(request, on_written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class HangingNetwork(SocketNetwork):
    """Sockets whose questions for open orders hang while `is_hanging`."""

    def __init__(self) -> None:
        self.is_hanging = False
        self.released = threading.Event()

    def new_transport(self, access: VenueAccess, clock: Clock, timeout_s: tuple[float, float] = PATIENCE_S) -> Any:
        inner = super().new_transport(access, clock, timeout_s)
        return HangingTransport(
            inner, lambda request: self.is_hanging and "openOrders" in request.target, self.released
        )


class SkewedClock:
    """A clock whose wall reading is off, as on a machine nobody set."""

    def __init__(self, off_ns: int) -> None:
        self._inner, self._off_ns = SystemClock(), off_ns

    def monotonic_ns(self) -> int:
        return self._inner.monotonic_ns()

    def wall_ns(self) -> int:
        return self._inner.wall_ns() + self._off_ns


def alarms(bot: BotHandle) -> dict[str, str]:
    return {alarm.watch: alarm.subject for alarm in bot.status().alarms}


def settled(bot: BotHandle) -> BotStatus:
    def is_settled() -> BotStatus | None:
        status = bot.status()
        return status if status.state is BotState.RUNNING and not status.alarms and not status.halted_why else None

    return until(is_settled, "running without an alarm", SLACK_S)


@contextmanager
def bot_with_leftovers(folder: Any, access: VenueAccess) -> Iterator[BotHandle]:
    """A bot of which a thread is killed on purpose: it is named as left over, and forgotten here."""
    bot = TradingBot.start_bot(bot_settings(folder), accesses={"aster": access}, runtime_dir=folder / "run")
    try:
        yield bot
    finally:
        assert bot.stop(timeout_s=30)


def test_a_stalled_stream_is_given_up_and_what_was_missed_is_read(tmp_path):
    """The socket stays open, and neither frames nor pongs come: the reader's own deadline."""
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            entry = wait_for_entry(bot, venue)
            assert venue.stall_private_sessions() == 1
            venue.trade(SYMBOL, str(entry.price - 10), "50", buyer_is_maker=True)
            until(lambda: bot.status().connections[0].reconnects == 1, "the stall is noticed", 8 + SLACK_S)
            until(lambda: (b := bot.status().grids[0].book) and b.counters.lots_opened == 1, "the fill is found")
            until(lambda: all(order.is_working for order in bot.status().grids[0].book.orders), "its exit rests")
            settled(bot)
        # the venue counts a client as present while its socket is open: a stall may outlast the time to cover a fill
        assert {found["kind"] for found in venue.status()["oracle"]["list"]} <= {"uncovered"}


def test_a_lane_that_hangs_holds_entries_back_until_it_comes_free(tmp_path):
    network = HangingNetwork()
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        bot = TradingBot.start_bot(
            bot_settings(tmp_path), accesses={"aster": access_to(venue)}, network=network, runtime_dir=tmp_path / "run"
        )
        try:
            wait_for_entry(bot, venue)
            network.is_hanging = True
            until(lambda: "stuck_lane" in alarms(bot), "the hanging lane is noticed", 5 + 6 + SLACK_S)
            assert alarms(bot)["stuck_lane"] == "test/aster/query-lane"
            status = bot.status()
            assert status.state is BotState.DEGRADED
            assert "query-lane is busy" in status.halted_why
            network.is_hanging = False
            network.released.set()
            settled(bot)
            assert bot.status().restarts == 0
        finally:
            network.released.set()
            assert bot.stop(timeout_s=30)
        assert bot.leftovers == ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the thread is killed on purpose
def test_an_actor_whose_thread_is_dead_without_a_word_is_replaced(tmp_path, monkeypatch):
    doomed: list[Inbox] = []
    get = Inbox.get

    def die(self: Inbox) -> Any:
        if self in doomed:
            raise SystemExit  # ends a thread without any trace
        return get(self)

    monkeypatch.setattr(Inbox, "get", die)
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with bot_with_leftovers(tmp_path, access_to(venue)) as bot:
            first = open_lot(bot, venue)
            dead = next(ref for ref in pykka.ActorRegistry.get_all() if ref.actor_class is GridStrategy)
            doomed.append(dead.actor_inbox)
            until(lambda: alarms(bot).get("stuck_actor") == "test/strategy", "it is noticed", 4.5 + SLACK_S)
            assert bot.status().state is BotState.DEGRADED
            assert bot.status().restarts == 0
            until(lambda: bot.status().restarts == 1, "a restart", 10.5 + SLACK_S)
            until(lambda: (b := bot.status().grids[0].book) and b.orders and b.orders[0].is_working, "the exit adopted")
            assert bot.status().grids[0].book.orders[0].client_order_id == first.client_order_id
            settled(bot)
            wait_for_entry(bot, venue)
            pykka.ActorRegistry.unregister(dead)
        assert "test/strategy" in bot.leftovers
        assert venue.status()["violations"] == 0


def test_a_timer_thread_that_ended_is_replaced(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            bot._life.crew.timers.stop()
            until(lambda: bot.status().restarts == 1, "a restart", 1.5 + SLACK_S)
            settled(bot)


def test_a_watchdog_that_stops_beating_is_noticed_and_replaced(tmp_path):
    with running_venue() as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            wait_for_entry(bot, venue)
            bot._life.crew._watch.stop()
            until(lambda: bot.status().watchdog_silent_ns or bot.status().restarts, "the silence shows", 5 + SLACK_S)
            until(lambda: bot.status().restarts == 1, "a restart", 9 + SLACK_S)
            settled(bot)
            assert bot.status().watchdog_silent_ns == 0


def test_a_venue_whose_clock_is_far_off_gets_no_entry(tmp_path):
    with running_venue(clock=SkewedClock(90_000_000_000)) as venue:
        venue.quote(SYMBOL, "60000", "60000.1")
        with running_bot(bot_settings(tmp_path), access_to(venue), tmp_path) as bot:
            until(lambda: alarms(bot).get("clock_offset") == "aster", "the offset is noticed", 8 + SLACK_S)
            assert bot.status().state is BotState.DEGRADED
            assert "+90 s off" in bot.status().halted_why


@pytest.mark.system
def test_a_bot_that_was_stopped_for_a_while_reads_everything_anew(desk: Desk, tmp_path) -> None:
    calm = steps(tmp_path / "calm.csv.gz", [(0.0, "60000"), (90.0, "60000")])
    running = desk.start("--json", settings=(*QUICK, *calm))
    running.until_logged("entry_order_placed")
    running.signal(signal.SIGSTOP)
    threading.Event().wait(8)
    running.signal(signal.SIGCONT)
    running.until_logged("time_jumped")
    running.until_logged("stream_restored")
    until(lambda: send_command(desk.state_dir, "status")["state"] == "running", "it runs again")
    running.signal(signal.SIGTERM)
    done = running.wait()
    assert done.code == 0, done.err
    assert done.summary["state"] == "running"
    assert done.summary["violations"] == 0
    assert done.summary["reconnects"] >= 2
    assert "actor_restarted" not in done.err
