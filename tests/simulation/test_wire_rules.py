"""What is judged at the wire, and the venue's money against the bot's."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exchanges.order_ids import ENTRY_LEG, FIRST_EXIT_LEG, OrderKey, pack
from exchanges.simulated.assembly import FACES
from exchanges.venue import SignedRequest
from tests.simulation.faults import KINDS, read_plan
from tests.simulation.money import Total, differences
from tests.simulation.runs import Run, carry_out
from tests.simulation.wire_rules import READS_FIRST, WireRules, placed_id
from tests.simulation.world import World

pytestmark = pytest.mark.timeout(180)
ENTRY, EXIT = pack(OrderKey(3, 7, ENTRY_LEG)), pack(OrderKey(3, 7, FIRST_EXIT_LEG))


def request(body: str, method: str = "POST", target: str = "/api/v1/order", operation: str = "POST order") -> Any:
    return SignedRequest(operation=operation, method=method, target=target, headers={}, body=body.encode())


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (request("newClientOrderId=g0a1b&side=BUY"), "g0a1b"),
        (request('{"side":"Bid","clientId":1811939376}'), "1811939376"),
        (request("tx_type=14&tx_info=%7B%22ClientOrderIndex%22%3A536870944%7D"), "536870944"),
        (request("tx_type=15&tx_info=%7B%22Index%22%3A5%7D"), ""),
        (request('{"clientId":1811939376}', method="DELETE"), ""),
        (request("", method="GET", target="/api/v1/order?clientId=5"), ""),
    ],
)
def test_the_id_of_a_placed_order_is_read_in_every_dialect(sent: Any, text: str) -> None:
    assert placed_id(sent) == text


@dataclass
class Bench:
    """Wire rules over a world that holds only what they look at."""

    found: list[str] = field(default_factory=list)
    due: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = SimpleNamespace(monotonic_ns=lambda: 50_000_000_000)
        self.world: Any = SimpleNamespace(
            venue="backpack",
            decode=int,
            scheduler=SimpleNamespace(now_ns=50_000_000_000, after=lambda _delay_ns, act: self.due.append(act)),
            clock=clock,
            line=SimpleNamespace(price_alive_ns=49_900_000_000),
            disk=SimpleNamespace(is_full=False),
            settings=SimpleNamespace(prices=SimpleNamespace(stale_after_ms=1500)),
            troubled_until_ns=0,
            own_orders=lambda _role: [],
        )
        self.rules = WireRules(self.world, lambda rule, _text: self.found.append(rule))
        self.rules.begin_life()
        for name in READS_FIRST["backpack"]:
            self.rules.received(request("", "GET", operation=f"GET {name}"))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and then what was to be looked at."""
        self.world.scheduler.now_ns += int(seconds * 1e9)
        due, self.due = self.due, []
        for act in due:
            act()

    def send(self, number: int) -> list[str]:
        self.found.clear()
        self.rules.left(request(f'{{"clientId":{number}}}'))
        return self.found


def test_an_order_in_order_breaks_no_rule() -> None:
    assert Bench().send(ENTRY) == []


def test_an_order_before_the_venue_was_read_breaks_s11() -> None:
    bench = Bench()
    bench.rules.begin_life()
    assert bench.send(EXIT) == ["S11"]


def test_an_entry_after_a_halt_breaks_s7_and_an_exit_does_not() -> None:
    bench = Bench()
    bench.rules.halted()
    assert bench.send(EXIT) == []
    assert bench.send(ENTRY) == ["S7"]
    bench.rules.resumed()
    assert bench.send(ENTRY) == []


def test_an_entry_that_still_rests_some_seconds_after_a_halt_breaks_s7() -> None:
    bench = Bench()
    bench.rules.halted()
    bench.pass_time(3.5)
    assert bench.found == []
    bench.world.own_orders = lambda _role: [SimpleNamespace(client_id="1")]
    bench.world.troubled_until_ns = bench.world.scheduler.now_ns
    bench.pass_time(2.9)
    assert bench.found == []
    bench.pass_time(3.5)
    assert bench.found == ["S7"]
    bench.rules.resumed()
    bench.pass_time(30)
    assert bench.found == ["S7"]


def test_an_entry_on_a_price_that_nobody_proved_breaks_s8() -> None:
    bench = Bench()
    bench.world.line.price_alive_ns = 48_000_000_000
    assert bench.send(ENTRY) == ["S8"]
    assert bench.send(EXIT) == []


def test_an_entry_whose_intent_cannot_be_written_breaks_s5() -> None:
    bench = Bench()
    bench.world.disk.is_full = True
    assert bench.send(ENTRY) == ["S5"]
    assert bench.send(EXIT) == []


def test_a_refusal_for_pace_that_no_fault_asked_for_breaks_s15() -> None:
    bench = Bench()
    bench.rules.allowed_refusals = 1
    bench.rules.answered(request(""), 429, b"{}")
    assert bench.found == []
    bench.rules.answered(request(""), 429, b"{}")
    assert bench.found == ["S15"]


def test_a_refusal_that_a_new_life_is_forgiven_takes_none_that_a_fault_asks_for_later() -> None:
    bench = Bench()
    bench.rules.born_ns = bench.world.scheduler.now_ns
    bench.rules.answered(request(""), 429, b"{}")
    bench.rules.born_ns = -10_000_000_000_000
    bench.rules.allowed_refusals = 1
    bench.rules.answered(request(""), 429, b"{}")
    assert bench.found == []


def test_a_refusal_for_the_markets_rules_breaks_s13() -> None:
    bench = Bench()
    bench.rules.answered(request(f'{{"clientId":{ENTRY}}}'), 400, b'{"message":"Price decimal too long"}')
    assert bench.found == ["S13"]


def test_money_is_compared_order_by_order() -> None:
    one = Total().plus(Decimal(100), Decimal(2), Decimal("0.1"))
    two = Total().plus(Decimal(100), Decimal(1), Decimal("0.05")).plus(Decimal(100), Decimal(1), Decimal("0.05"))
    assert differences({1: one}, {1: two}) == []
    assert differences({1: one}, {1: one.plus(Decimal(1), Decimal(0), Decimal("0.1"))}) != []
    assert differences({1: one}, {}) == ["order 1: the venue has 2 for 200, fees 0.1; the journal 0 for 0, fees 0"]


@pytest.mark.parametrize("venue", sorted(FACES))
def test_what_is_read_first_is_named_as_the_venue_names_it(venue: str, tmp_path: Path) -> None:
    world = World(3, venue, tmp_path)
    with world:
        world.run(5)
        assert world.invariants.wire._read >= set(READS_FIRST[venue])
        assert world.line.price_alive_ns > 0
        assert world.violations == []


def test_a_new_crew_goes_on_with_the_budget_of_the_one_before(tmp_path: Path) -> None:
    """Found here: a restart forgot what had been spent, and the venue refused with 429."""
    world = World(3, "backpack", tmp_path)

    def budget() -> object:
        assert world.bot.handle is not None
        crew = world.bot.handle._life.crew
        assert crew is not None
        return crew._exchanges["backpack"].lanes.workers[0]._parts.budget

    with world:
        world.run(3)
        before = budget()
        world.bot.break_actor("journal")
        world.run(3)
        assert world.bot.handle is not None
        assert world.bot.handle.status().restarts == 1
        assert budget() is before


@pytest.mark.parametrize("venue", sorted(FACES))
def test_the_operators_and_the_venues_deeds_break_no_rule(venue: str) -> None:
    plan = read_plan(
        "fee_tier::2.5@3,halt::12@10,mute:public:8@30,no_margin::9@45,leverage::3@60,closed_market::6@70,"
        "flatten::5@85,move_exit::7@100,deaf:public:0@105,cut:public:0@106,ban::6@110,stop::4@125,bitflip::0.4@140"
    )
    plan = tuple(fault for fault in plan if venue in KINDS[fault.kind].venues)
    outcome = carry_out(Run(3, venue, 0.045, faults=plan))
    assert [str(found) for found in outcome.violations] == []
    assert set(outcome.fired) >= {fault.kind for fault in plan} - {"move_exit"}
