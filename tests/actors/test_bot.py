"""The supervising actor and its handle, where no venue is needed. Whole lives: tests/system/test_bot_on_loopback.py."""

import functools
import random
import threading
from decimal import Decimal
from typing import Any

import pykka
import pytest

import actors
from actors.accounts import live_accounts
from actors.bot import CrewFailed, TradingBot, make_fill_callback
from actors.connection_facts import Owners
from actors.messages import ActorFailed, OrderFilled
from actors.send_gate import HaltFlag
from actors.settings import Mode, StopPolicy
from actors.status import BotState
from actors.venue_access import VenueAccess
from actors.watchdog import Watchdog
from actors.wiring import DeadLetters, Wire
from exchanges.errors import ConfigError, JournalError, RequestNotSent
from exchanges.fill_events import Fill
from exchanges.simulated.faces.aster.requests import make_credentials
from exchanges.values import OrderId, Side, TradeId
from tests.actors.venue_doubles import SYMBOL, ScriptedVenue, client_id
from tests.fakes import Probe
from tests.system.loopback import bot_settings, until


def fill(number: Any) -> Fill:
    return Fill(
        client_order_id=number,
        order_id=OrderId("v1"),
        symbol=SYMBOL,
        side=Side.BUY,
        price=Decimal(100),
        quantity=Decimal("0.3"),
        cumulative=Decimal("0.5"),
        leaves=Decimal("0.5"),
        trade_id=TradeId("t1"),
        fee=Decimal("0.01"),
        is_maker=True,
        sequence=9,
        occurred_ns=1,
        received_wall_ns=2,
        received_ns=3,
    )


@pytest.mark.parametrize(("leg", "owner"), [(0, "strategy"), (1, "closer"), (13, "closer"), (14, "closer")])
def test_a_fill_is_told_to_the_owner_by_role_and_to_the_journal(leg, owner):
    probes: dict[str, Probe[Any]] = {name: Probe() for name in ("strategy", "closer", "journal")}
    callback = make_fill_callback({SYMBOL: "btc"}, Owners(**probes))
    number = client_id(1, leg)
    callback(number, Decimal(100), Decimal("0.3"), 9, fill(number))
    told = probes[owner].take(OrderFilled)
    assert (told.grid, told.price, told.quantity, told.cumulative, told.leaves) == (
        "btc",
        Decimal(100),
        Decimal("0.3"),
        Decimal("0.5"),
        Decimal("0.5"),
    )
    assert (told.trade_id, told.fee, told.sequence, told.received_ns) == ("t1", Decimal("0.01"), 9, 3)
    assert probes["journal"].take(OrderFilled) == told
    assert sum(len(probe.messages) for probe in probes.values()) == 0


def test_a_wire_keeps_what_is_told_early_and_counts_what_comes_too_late():
    letters = DeadLetters()
    wire: Wire[Any] = Wire(letters)
    wire.tell("early")
    probe: Probe[Any] = Probe()
    wire.connect(probe)
    wire.tell("now")
    assert probe.messages == ["early", "now"]

    class Dead:
        def tell(self, message: Any, /) -> None:
            raise pykka.ActorDeadError("gone")

    wire.connect(Dead())
    wire.tell("late")
    assert letters.count == 1


class UnreachableVenue(ScriptedVenue):
    """A venue at a port where nobody listens."""


def start(tmp_path, **desk):
    settings = bot_settings(tmp_path, **desk)
    return TradingBot.start_bot(
        settings, accesses={"aster": VenueAccess(venue=UnreachableVenue())}, runtime_dir=tmp_path / "run"
    )


def test_a_bot_without_a_venue_says_why_and_ends_in_order(tmp_path):
    bot = start(tmp_path)
    try:
        until(lambda: "no connection" in bot.status().connections[0].why, "a reason")
        assert bot.status().state is BotState.STARTING
        assert "test/strategy" in bot.status().mailboxes
        bot.pause()
        bot.flatten()
        bot.adopt()
        assert not bot.wait(0.01)
    finally:
        assert bot.stop(StopPolicy.LEAVE_EXITS)
    assert bot.has_ended
    assert bot.leftovers == ()
    assert bot.status().state is BotState.STOPPED
    assert bot.stop()
    bot.pause()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("test/")]


def test_everything_of_a_crew_is_watched(tmp_path, monkeypatch):
    watched: list[str] = []
    start_watchdog = Watchdog.start

    def note(**arguments: Any) -> Any:
        watched.extend(part.name for part in arguments["parts"].watched)
        return start_watchdog(**arguments)

    monkeypatch.setattr(Watchdog, "start", note)
    bot = start(tmp_path)
    try:
        until(lambda: "test/watchdog" in bot.status().mailboxes, "a whole crew")
        threads = {thread.name for thread in threading.enumerate() if thread.name.startswith("test/")}
        threads = {name for name in threads if not name.endswith("-stream")}  # readers are watched by their owners
        assert threads - {"test/watchdog", "test/watchdog-timers"} == set(watched)
        assert {"test/bot", "test/strategy", "test/aster/query-lane", "test/timers"} <= set(watched)
        assert len(watched) == len(set(watched))
    finally:
        assert bot.stop()


def test_actors_start_again_although_a_lane_hangs_in_its_write(tmp_path, monkeypatch):
    monkeypatch.setattr(HaltFlag, "close", functools.partialmethod(HaltFlag.close, patience_s=0.05))
    bot = start(tmp_path)
    try:
        until(lambda: "test/watchdog" in bot.status().mailboxes, "a whole crew")
        with bot._halted.new_mark():
            stuck = ActorFailed(actor="test/aster/order-lane-0", error="it has been stuck for 30 s", traceback="")
            bot._ref.tell(CrewFailed(1, stuck))
            until(lambda: bot.status().restarts == 1 and not bot.status().halted_why, "actors that start again")
    finally:
        assert bot.stop()


def test_the_locks_are_free_after_the_end(tmp_path):
    for _ in range(2):
        assert start(tmp_path).stop()


def test_a_halt_before_anything_runs_holds(tmp_path):
    bot = start(tmp_path)
    try:
        bot.halt()
        assert bot.status().state is BotState.HALTED
        assert bot.status().halted_why == "operator"
        bot.resume()
        assert bot.status().halted_why == ""
    finally:
        assert bot.stop()


def test_a_state_folder_that_cannot_be_used_is_said_at_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(JournalError):
        start(tmp_path, state_dir=str(blocked / "state"))


def test_a_journal_of_another_bot_refuses_the_start(tmp_path):
    assert start(tmp_path).stop()
    bot = start(tmp_path, name="other")
    try:
        assert bot.wait(10)
        assert bot.status().state is BotState.FAILED
        assert "desk" in bot.status().fatal
    finally:
        assert bot.stop()


def test_missing_credentials_are_named(tmp_path, monkeypatch):
    for name in ("ASTER_USER", "ASTER_SIGNER", "ASTER_PRIVATE_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError) as caught:
        live_accounts(bot_settings(tmp_path))
    assert "ASTER_PRIVATE_KEY" in str(caught.value)


def test_the_variables_that_were_read_are_named_where_the_venue_refuses_them(tmp_path):
    credentials = make_credentials(random.Random(1))
    environ = {
        "ASTER_USER": credentials.user,
        "ASTER_SIGNER": credentials.signer,
        "ASTER_PRIVATE_KEY": credentials.private_key,
        "ASTER_API_KEY": credentials.api_key,
    }
    settings = bot_settings(tmp_path, mode=Mode.LIVE)
    access = live_accounts(settings, environ).accesses["aster"]
    assert access.credential_hint == "ASTER_USER, ASTER_SIGNER, ASTER_PRIVATE_KEY"


def test_the_package_offers_what_a_host_needs():
    for name in actors.__all__:
        assert getattr(actors, name) is not None
    with pytest.raises(AttributeError):
        actors.NoSuchName  # noqa: B018 - the access is the test
    assert issubclass(RequestNotSent, Exception)
