"""Violations as the venue's own book shows them (exchanges.simulated.oracle)."""

import json

import pytest

from exchanges.order_ids import EMERGENCY_LEG, ENTRY_LEG, FIRST_EXIT_LEG, OrderKey, pack
from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import TimeInForce
from exchanges.simulated.oracle import Oracle, ViolationKind
from exchanges.values import Side
from tests.exchanges.simulated.market import ACCOUNT, SYMBOL, Market

SECOND = 1_000_000_000
IOC, GTC = TimeInForce.IOC, TimeInForce.GTC


def name(sequence: int, leg: int = ENTRY_LEG, tag: int = 7) -> str:
    return f"g{pack(OrderKey(tag, sequence, leg)):08x}"


def decode(text: str) -> int | None:
    return int(text[1:], 16) if text.startswith("g") and len(text) == 9 else None


class Watched(Market):
    def __init__(self, **more):
        super().__init__(**more)
        self.oracle = Oracle(self.engine, decode)
        self.oracle.client_present(ACCOUNT, present=True, now_ns=self.now_ns)
        self.quote("100.0", "100.1")

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.now_ns += SECOND // 10
            self.engine.advance(self.now_ns)
            self.oracle.advance(self.now_ns)

    def enter(self, sequence: int, quantity: str = "1") -> None:
        self.buy(quantity, "100.1", time_in_force=IOC, client_id=name(sequence))

    def leave(self, sequence: int, quantity: str, leg: int = FIRST_EXIT_LEG, price: str = "101", **more):
        return self.sell(quantity, price, client_id=name(sequence, leg), reduce_only=True, **more)

    @property
    def kinds(self) -> list[ViolationKind]:
        return [one.kind for one in self.oracle.violations]


# --- uncovered ---


def test_a_planted_uncovered_lot_counts_once():
    market = Watched()
    market.enter(1)
    market.wait(4.9)
    assert market.kinds == []
    market.wait(30)
    assert market.kinds == [ViolationKind.UNCOVERED]
    report = market.oracle.report()
    assert report["violations"] == 1
    assert report["list"][0]["kind"] == "uncovered"
    assert report["markets"][ACCOUNT][SYMBOL]["uncovered"] == "1"
    assert report["naked_seconds_max"] == pytest.approx(34.9, abs=0.2)
    json.dumps(report)


def test_a_lot_covered_in_time_counts_nothing_and_its_naked_time_is_kept():
    market = Watched()
    market.enter(1)
    market.wait(2)
    market.leave(1, "1")
    market.wait(60)
    report = market.oracle.report()
    assert report["violations"] == 0
    assert report["naked_seconds_p50"] == pytest.approx(2.0, abs=0.01)
    assert report["naked_seconds_max"] == pytest.approx(2.0, abs=0.01)
    assert report["markets"][ACCOUNT][SYMBOL] == {
        "position": "1",
        "exits": "1",
        "uncovered": "0",
        "uncovered_max": "1",
        "naked_seconds_max": pytest.approx(2.0, abs=0.01),
    }


def test_a_second_uncovered_lot_after_a_covered_one_counts_again():
    market = Watched()
    market.enter(1)
    market.wait(6)
    market.leave(1, "1")
    market.wait(1)
    market.enter(2)
    market.wait(6)
    assert market.kinds == [ViolationKind.UNCOVERED] * 2


def test_a_partly_covered_lot_counts_with_what_is_left():
    market = Watched()
    market.enter(1)
    market.leave(1, "0.4")
    market.wait(6)
    (found,) = market.oracle.violations
    assert found.text.startswith("0.6 of the position 1 ")


def test_lots_in_quick_turn_are_each_judged_by_their_own_age():
    market = Watched()
    for sequence in range(1, 9):
        market.quote("99.9", "100.1", ask_qty=str(5 + sequence))
        market.enter(sequence)
        market.wait(3)
        market.leave(sequence, "1")
    market.wait(10)
    assert market.kinds == []


def test_the_clock_runs_only_while_the_client_is_present():
    market = Watched()
    market.oracle.client_present(ACCOUNT, present=False, now_ns=market.now_ns)
    market.enter(1)
    market.wait(60)
    assert market.kinds == []
    market.oracle.client_present(ACCOUNT, present=True, now_ns=market.now_ns)
    market.wait(3)
    market.oracle.client_present(ACCOUNT, present=False, now_ns=market.now_ns)
    market.wait(60)
    market.oracle.client_present(ACCOUNT, present=True, now_ns=market.now_ns)
    market.wait(1.9)
    assert market.kinds == []
    market.wait(0.3)
    assert market.kinds == [ViolationKind.UNCOVERED]


def test_dust_below_the_smallest_exit_is_not_counted_and_does_not_age_a_new_lot():
    market = Watched(rules={"reduce_only_exempt": False})
    market.enter(1)
    market.leave(1, "0.95")
    market.wait(60)
    assert market.kinds == []  # 0.05 is about 5 USD, below the minimum of 10
    market.enter(2)
    market.wait(4)
    assert market.kinds == []
    market.wait(1.2)
    assert market.kinds == [ViolationKind.UNCOVERED]


def test_the_same_dust_counts_where_the_venue_would_take_it():
    market = Watched()
    market.enter(1)
    market.leave(1, "0.95")
    market.wait(6)
    assert market.kinds == [ViolationKind.UNCOVERED]


def test_what_came_from_outside_has_the_audit_time_more():
    market = Watched()
    market.buy("1", "100.1", time_in_force=IOC, client_id="by-hand")
    market.wait(9.9)
    assert market.kinds == []
    market.wait(0.3)
    assert market.kinds == [ViolationKind.UNCOVERED]


def test_an_order_that_does_not_reduce_covers_nothing():
    market = Watched()
    market.enter(1)
    market.sell("1", "101", client_id="by-hand")
    market.wait(6)
    assert market.kinds == [ViolationKind.UNCOVERED]


def test_a_short_position_is_covered_by_buys():
    market = Watched()
    market.sell("1", "100.0", time_in_force=IOC, client_id=name(1))
    market.buy("1", "99", client_id=name(1, FIRST_EXIT_LEG), reduce_only=True)
    market.wait(6)
    assert market.kinds == []
    assert market.oracle.report()["markets"][ACCOUNT][SYMBOL]["position"] == "-1"


def test_a_position_found_at_the_start_is_taken_up():
    market = Market()
    market.quote("100.0", "100.1")
    market.buy("1", "100.1", time_in_force=IOC)
    restored = Engine([market.spec], market.settings)
    restored.restore(market.engine.snapshot())
    oracle = Oracle(restored, decode)
    oracle.client_present(ACCOUNT, present=True, now_ns=0)
    for second in range(20):
        oracle.advance(market.now_ns + second * SECOND)
    assert [one.kind for one in oracle.violations] == [ViolationKind.UNCOVERED]


# --- exits beyond the position ---


def test_exits_beyond_the_position_count_once_per_episode():
    market = Watched()
    market.enter(1)
    market.leave(1, "0.6")
    too_much = market.leave(1, "0.6", leg=2, price="102")
    market.wait(1)
    assert market.kinds == [ViolationKind.EXITS_BEYOND_POSITION]
    market.cancel(too_much)
    market.leave(1, "0.5", leg=3, price="102")
    assert market.kinds == [ViolationKind.EXITS_BEYOND_POSITION] * 2


def test_exits_that_exactly_cover_the_position_are_right_while_they_fill():
    market = Watched()
    market.enter(1)
    market.leave(1, "0.6")
    market.leave(1, "0.4", leg=2)
    market.trade("101.5", "0.3", seller_hits=False)
    market.trade("101.5", "0.5", seller_hits=False)
    market.wait(10)
    assert market.kinds == []


def test_exits_left_over_by_an_outside_hand_have_time_to_be_cut():
    market = Watched()
    market.enter(1)
    exit_order = market.leave(1, "1")
    market.sell("0.5", "100.0", time_in_force=IOC, client_id="by-hand")
    market.wait(9)
    assert market.kinds == []
    market.wait(2)
    assert market.kinds == [ViolationKind.EXITS_BEYOND_POSITION]
    market = Watched()
    market.enter(1)
    exit_order = market.leave(1, "1")
    market.sell("0.5", "100.0", time_in_force=IOC, client_id="by-hand")
    market.wait(5)
    market.cancel(exit_order)
    market.leave(1, "0.5", leg=2)
    market.wait(20)
    assert market.kinds == []


# --- reduce-only, entries, ids ---


@pytest.mark.parametrize(("leg", "counts"), [(ENTRY_LEG, 0), (FIRST_EXIT_LEG, 1), (13, 1), (EMERGENCY_LEG, 1)])
def test_an_exit_or_emergency_order_must_be_reduce_only(leg, counts):
    market = Watched()
    market.sell("1", "105", client_id=name(5, leg))
    assert market.kinds.count(ViolationKind.NOT_REDUCE_ONLY) == counts


def test_a_refused_exit_without_reduce_only_counts_too():
    market = Watched()
    market.refusal(Side.SELL, "1", "105.05", client_id=name(5, FIRST_EXIT_LEG))
    assert market.kinds == [ViolationKind.NOT_REDUCE_ONLY]


def test_two_live_entries_of_one_tag_count_once_per_entry_too_many():
    market = Watched()
    market.buy("1", "99", client_id=name(1))
    market.buy("1", "98", client_id=name(2))
    market.quote("99.9", "100.1")
    market.wait(1)
    assert market.kinds == [ViolationKind.TWO_ENTRIES]
    market.buy("1", "97", client_id=name(3))
    assert market.kinds == [ViolationKind.TWO_ENTRIES] * 2


def test_an_entry_after_the_last_one_ended_is_right():
    market = Watched()
    first = market.buy("1", "99", client_id=name(1))
    market.cancel(first)
    market.buy("1", "98", client_id=name(2))
    assert market.kinds == []


def test_entries_of_two_bots_are_two_grids():
    market = Watched()
    market.buy("1", "99", client_id=name(1, tag=7))
    market.buy("1", "98", client_id=name(1, tag=8))
    market.buy("1", "97", client_id="by-hand")
    assert market.kinds == []


def test_an_id_used_twice_counts_even_if_the_first_was_refused_and_across_restarts():
    market = Watched()
    market.refusal(Side.BUY, "1", "99.05", client_id=name(1))
    market.buy("1", "99", client_id=name(1))
    assert market.kinds == [ViolationKind.ID_REUSED]
    text = market.oracle.snapshot()
    after = Watched()
    after.oracle.restore(text)
    after.buy("1", "99", client_id=name(1))
    assert after.kinds == [ViolationKind.ID_REUSED]


def test_a_spoiled_oracle_state_is_a_clear_error():
    with pytest.raises(ValueError, match="state"):
        Watched().oracle.restore('{"version":1,"state":{}}')


def test_foreign_ids_may_repeat():
    market = Watched()
    market.cancel(market.buy("1", "99", client_id="by-hand"))
    market.buy("1", "99", client_id="by-hand")
    assert market.kinds == []


def test_a_liquidation_is_an_outside_change():
    market = Watched(deposit="110", default_leverage=10)
    market.buy("5", "100.1", time_in_force=IOC, client_id=name(1))
    market.buy("5", "100.2", time_in_force=IOC, client_id=name(2))
    market.leave(1, "10")
    market.quote("89.4", "89.5")
    market.wait(30)
    assert market.position() == 0
    assert market.kinds == []
