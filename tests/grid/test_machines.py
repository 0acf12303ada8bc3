"""Hypothesis drives both machines through a venue that loses, repeats, delays and re-orders (flow_model.py's schedule).

After every step: at most one live entry, exits never above the position, no id twice, exits reduce-only. When the venue
becomes kind again: the lots equal the position, everything held has an exit or is dust, and the cycle is READY or
waits for an entry that is live.
"""

import random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.grid.settings import Direction, PartialTakeProfit
from actors.messages import Flatten, PauseEntries, ResumeEntries
from exchanges.values import CancelReason
from tests.grid.world import D, World

HOW = st.sampled_from(["ok", "ok", "ok", "refused", "no_answer", "late", "lost"])
REASONS = st.sampled_from([CancelReason.OTHER, CancelReason.EXPIRED, CancelReason.POST_ONLY])
INDEX = st.integers(min_value=0, max_value=9)


class GridMachine(RuleBasedStateMachine):
    """Random schedules of one grid."""

    options: ClassVar = {}

    @initialize(is_final=st.booleans(), minimum=st.sampled_from(["0", "10"]))
    def begin(self, is_final, minimum):
        self.world = World(
            capabilities={"cancel_report_is_final": is_final},
            rules={"min_notional": D(minimum)},
            grid_step_pct=D(0),
            wait_time_s=D(1),
            **self.options,
        )

    @rule(box=st.sampled_from(["strategy", "closer"]), count=st.integers(1, 4))
    def run(self, box, count):
        for _ in range(count):
            self.world.run(box)

    @rule(how=HOW)
    def serve(self, how):
        self.world.serve(how)

    @rule()
    def arrive(self):
        self.world.arrive()

    @rule(index=INDEX, share=st.sampled_from(["0.05", "0.3", "0.5", "1"]))
    def fill(self, index, share):
        live = self.world.live()
        if live:
            order = live[index % len(live)]
            self.world.fill(order, order.command.quantity * D(share))

    @rule(index=INDEX, reason=REASONS, is_stale=st.booleans())
    def end(self, index, reason, is_stale):
        live = self.world.live()
        if live:
            self.world.end(live[index % len(live)], reason, is_stale=is_stale)

    @rule(index=INDEX, keep=st.booleans())
    def deliver(self, index, keep):
        self.world.deliver(index, keep=keep)

    @rule(index=INDEX)
    def lose(self, index):
        self.world.lose(index)

    @rule(seconds=st.sampled_from(["0.25", "1", "6", "15"]))
    def wait(self, seconds):
        self.world.wait(D(seconds))

    @rule(move=st.integers(-8, 8))
    def move(self, move):
        bid = max(D(50), self.world.quote[0] + D(move) / 10)
        self.world.quote = (bid, bid + D("0.1"))
        self.world.tell_price()

    @rule()
    def audit(self):
        self.world.audit()

    @rule(message=st.sampled_from([PauseEntries(), ResumeEntries(), ResumeEntries(), Flatten()]))
    def operate(self, message):
        self.world.boxes["strategy"].append(message)

    @invariant()
    def holds(self):
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self):
        if hasattr(self, "world"):
            self.world.settle()


class ShortCoalescingMachine(GridMachine):
    """The sell side, with bursts collected."""

    options: ClassVar = {"direction": Direction.SELL, "tp_coalesce_ms": 200}


class BoostMachine(GridMachine):
    """Exits that take, and an entry that is re-quoted."""

    options: ClassVar = {"boost_mode": True, "entry_requote_after_s": D(2), "boost_max_loss_usd_per_hour": D(3)}


class OnDoneMachine(GridMachine):
    """Exits when the entry is done; entries and lots time out."""

    options: ClassVar = {"partial_tp": PartialTakeProfit.ON_DONE, "entry_timeout_s": D(20)}


LIMITS = settings(
    max_examples=40,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

for machine in (GridMachine, ShortCoalescingMachine, BoostMachine, OnDoneMachine):
    machine.TestCase.settings = LIMITS

TestGrid = GridMachine.TestCase
TestShortCoalescing = ShortCoalescingMachine.TestCase
TestBoost = BoostMachine.TestCase
TestOnDone = OnDoneMachine.TestCase


@pytest.mark.parametrize("seed", range(30))
def test_random_schedule_with_seed(seed):
    """Longer schedules than Hypothesis makes, with the probabilities of flow_model.py."""
    chance = random.Random(seed)
    world = World(
        capabilities={"cancel_report_is_final": chance.random() < 0.5},
        rules={"min_notional": D(chance.choice([0, 10]))},
        grid_step_pct=D(0),
        wait_time_s=D(1),
    )
    for _ in range(1_500):
        _act(world, chance)
        world.check()
    world.settle()


def _act(world, chance):
    pick = chance.random()
    live = world.live()
    if pick < 0.08:
        world.wait(D(chance.choice(["0.25", "1", "3"])))
    elif pick < 0.20 and live:
        order = chance.choice(live)
        world.fill(order, order.command.quantity * D(chance.randint(1, 10)) / 10)
    elif pick < 0.22 and live:
        world.end(chance.choice(live), CancelReason.OTHER, is_stale=chance.random() < 0.5)
    elif pick < 0.44:
        world.deliver(chance.randrange(3), keep=chance.random() < 0.1)
    elif pick < 0.45:
        world.lose(0)
    elif pick < 0.62:
        world.serve(chance.choice(["ok"] * 16 + ["refused", "no_answer", "late", "lost"]))
    elif pick < 0.63:
        world.arrive()
    elif pick < 0.64:
        world.audit()
    else:
        for _ in range(chance.randint(1, 8)):
            world.run(chance.choice(["strategy", "closer"]))
