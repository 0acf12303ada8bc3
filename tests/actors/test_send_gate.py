"""The last checks before the socket."""

import threading
from decimal import Decimal

import pytest

from actors.messages import PlaceLimitOrder, PlaceMarketOrder
from actors.send_gate import Denied, HaltFlag, SendGate, is_entry, rule_problem, to_request
from actors.watches import SILENT_NS
from exchanges.errors import JournalError
from tests.actors.venue_doubles import RULES, SYMBOL, cancel, entry, exit_order, market_exit
from tests.fakes import FakeClock

STALE_NS = 1_500_000_000


class Intents:
    def __init__(self) -> None:
        self.recorded: list[tuple[int, int]] = []
        self.is_broken = False

    def record(self, command: PlaceLimitOrder | PlaceMarketOrder, fence_wall_ns: int) -> None:
        if self.is_broken:
            raise JournalError("the disk is full")
        self.recorded.append((command.client_order_id, fence_wall_ns))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def intents() -> Intents:
    return Intents()


def make_gate(clock, intents, **changes) -> SendGate:
    gate = SendGate(
        clock=clock,
        halted=changes.pop("halted", HaltFlag()),
        intents=intents,
        stale_after_ns=STALE_NS,
        fence_ns=10,
        **changes,
    )
    gate.set_rules({SYMBOL: RULES})
    return gate


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"price": Decimal("100.05")}, "price"),
        ({"price": Decimal(0)}, "price"),
        ({"price": Decimal("NaN")}, "price"),
        ({"price": Decimal(2000000)}, "price"),
        ({"quantity": Decimal("0.0005")}, "quantity"),
        ({"quantity": Decimal(0)}, "quantity"),
        ({"quantity": Decimal("Infinity")}, "quantity"),
        ({"quantity": Decimal(2000)}, "maximum"),
        ({"quantity": Decimal("0.01")}, "notional"),
    ],
)
def test_an_order_the_venue_would_refuse_is_denied_here(clock, intents, changes, word):
    gate = make_gate(clock, intents)
    with pytest.raises(Denied, match=word):
        gate.check_rules(entry(**changes))


def test_a_small_reduce_only_order_passes_where_the_venue_exempts_it():
    small = to_request(exit_order(quantity=Decimal("0.01")))
    assert rule_problem(small, RULES) == ""


def test_a_market_order_has_the_market_limit_and_a_worst_price():
    request = to_request(market_exit(quantity=Decimal(200)))
    assert (request.immediate, request.post_only, request.price) == (True, False, Decimal(99))
    assert "maximum" in rule_problem(request, RULES)


def test_an_order_in_an_unknown_market_is_denied(clock, intents):
    gate = make_gate(clock, intents)
    gate.set_rules({})
    with pytest.raises(Denied, match="not known"):
        gate.check_rules(entry())
    gate.check_rules(cancel())


def test_a_market_that_does_not_trade_takes_exits_only(clock, intents):
    gate = make_gate(clock, intents)
    closed = RULES.__class__(**{f: getattr(RULES, f) for f in RULES.__dataclass_fields__} | {"is_trading": False})
    gate.set_rules({SYMBOL: closed})
    with pytest.raises(Denied, match="not trading"):
        gate.check_rules(entry())
    gate.check_rules(exit_order())


def test_observe_mode_denies_everything(clock, intents):
    gate = make_gate(clock, intents, observe=True)
    for command in (entry(), exit_order(), market_exit(), cancel()):
        with pytest.raises(Denied, match="observe"):
            gate.check_rules(command)


def test_an_entry_from_an_old_quote_is_denied_and_leaves_no_intent(clock, intents):
    gate = make_gate(clock, intents)
    fresh = entry(quote_ns=clock.monotonic_ns() - STALE_NS)
    gate.pass_through(fresh)
    with pytest.raises(Denied, match="ms old"):
        gate.pass_through(entry(quote_ns=clock.monotonic_ns() - STALE_NS - 1))
    assert len(intents.recorded) == 1


def test_an_exit_never_asks_for_the_age_of_a_quote(clock, intents):
    gate = make_gate(clock, intents)
    gate.pass_through(exit_order(quote_ns=0))
    gate.pass_through(market_exit())
    assert len(intents.recorded) == 2


def test_the_intent_carries_the_fence_and_a_cancel_needs_none(clock, intents):
    gate = make_gate(clock, intents)
    gate.pass_through(exit_order())
    gate.pass_through(cancel())
    assert intents.recorded == [(exit_order().client_order_id, clock.wall_ns() + 10)]


def test_a_halt_stops_entries_and_nothing_else(clock, intents):
    gate = make_gate(clock, intents)
    gate.halted.halt("test")
    assert gate.halted.is_halted
    assert gate.halted.why == "test"
    with pytest.raises(Denied, match="halted: test"):
        gate.pass_through(entry(quote_ns=clock.monotonic_ns()))
    gate.pass_through(exit_order())
    gate.pass_through(cancel())
    gate.halted.release("test")
    assert gate.halted.why == ""
    gate.pass_through(entry(quote_ns=clock.monotonic_ns()))


def test_closed_stops_exits_and_cancels_too(clock, intents):
    gate = make_gate(clock, intents)
    gate.halted.close("end")
    for command in (exit_order(), market_exit(), cancel()):
        with pytest.raises(Denied, match="end"):
            gate.pass_through(command)
    assert intents.recorded == []


def test_halt_returns_only_after_a_lane_has_written(clock, intents):
    flag = HaltFlag()
    mark = flag.new_mark()
    mark.acquire()
    returned = threading.Event()

    def halt() -> None:
        flag.halt("test")
        returned.set()

    thread = threading.Thread(target=halt)
    thread.start()
    assert not returned.wait(0.05)
    assert flag.is_halted
    mark.release()
    assert returned.wait(2)
    thread.join()


def test_a_forgotten_mark_holds_nobody_up():
    flag = HaltFlag()
    mark = flag.new_mark()
    mark.acquire()
    flag.forget(mark)
    flag.halt("test")
    assert flag.is_halted


def test_a_disk_that_refuses_stops_entries_but_no_exit(clock, intents):
    gate = make_gate(clock, intents)
    intents.is_broken = True
    with pytest.raises(Denied, match="disk is full"):
        gate.pass_through(entry(quote_ns=clock.monotonic_ns()))
    gate.pass_through(exit_order())


def test_only_an_order_that_is_not_reduce_only_is_an_entry():
    assert [is_entry(command) for command in (entry(), exit_order(), market_exit(), cancel())] == [
        True,
        False,
        False,
        False,
    ]


def test_every_reason_of_a_halt_has_to_be_released():
    flag = HaltFlag()
    flag.halt("operator")
    flag.halt("journal")
    flag.halt("journal")
    flag.release("journal")
    assert flag.is_halted
    assert flag.why == "operator"
    flag.release("operator")
    assert not flag.is_halted
    flag.close("end")
    assert flag.is_halted
    flag.open()
    assert not flag.is_halted


def test_a_hold_stops_entries_like_a_halt_and_is_no_halt(clock, intents):
    halted = HaltFlag()
    gate = make_gate(clock, intents, halted=halted)
    halted.hold("lane is stuck")
    halted.hold("lane is stuck")
    with pytest.raises(Denied, match="lane is stuck"):
        gate.pass_through(entry(quote_ns=clock.monotonic_ns()))
    gate.pass_through(exit_order())
    gate.pass_through(cancel())
    assert halted.why == "lane is stuck"
    assert not halted.is_halted
    halted.release_hold("lane is stuck")
    gate.pass_through(entry(quote_ns=clock.monotonic_ns()))


def test_a_hold_never_waits_for_a_lane_that_is_writing():
    halted = HaltFlag()
    with halted.new_mark():
        halted.hold("the lane hangs in its write")
    assert halted.why


def test_no_entry_passes_when_the_watchdog_has_been_silent(clock, intents):
    halted = HaltFlag()
    gate = make_gate(clock, intents, halted=halted)
    gate.pass_through(entry(quote_ns=clock.monotonic_ns()))  # where there is none, nobody waits for it
    halted.heard_ns = clock.monotonic_ns()
    clock.advance(SILENT_NS)
    gate.pass_through(entry(quote_ns=clock.monotonic_ns()))
    clock.advance(1)
    with pytest.raises(Denied, match="watchdog"):
        gate.pass_through(entry(quote_ns=clock.monotonic_ns()))
    gate.pass_through(exit_order())


def test_a_halt_does_not_wait_for_ever_for_a_lane_that_hangs_in_its_write():
    halted = HaltFlag()
    with halted.new_mark():
        halted.halt("operator", patience_s=0.01)
        with pytest.raises(Denied):
            halted.check(is_entry=True)


def test_the_end_does_not_wait_for_ever_for_a_lane_that_hangs_in_its_write():
    halted = HaltFlag()
    with halted.new_mark():
        halted.close("the bot's actors are being stopped", patience_s=0.01)
        with pytest.raises(Denied):
            halted.check(is_entry=False)
