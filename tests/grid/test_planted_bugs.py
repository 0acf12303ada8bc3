"""The random schedules are worth something: each bug planted here is found by them within 60 seeds."""

import random
from dataclasses import replace

import pytest

from actors.grid import entry as entries
from actors.grid import inquiry, ledger, positions, recovery, settling
from actors.grid.positions import find_order
from tests.grid.test_machines import _act
from tests.grid.world import D, World


def run(seed):
    chance = random.Random(seed)
    world = World(capabilities={"cancel_report_is_final": seed % 2 == 0}, grid_step_pct=D(0), wait_time_s=D(1))
    for _ in range(800):
        _act(world, chance)
        world.check()
    world.settle()


def is_found():
    for seed in range(60):
        try:
            run(seed)
        except (AssertionError, IndexError, ArithmeticError):
            return True
    return False


def repost_before_settled(monkeypatch):
    def canceled(draft, event):
        order = find_order(draft.state, event.client_order_id)
        if order is not None:
            settling.release(draft, order, event.reason)

    monkeypatch.setattr(settling, "canceled", canceled)


def absences_count_before_the_fence(monkeypatch):
    def absent(found, asked_ns, now_ns):
        return replace(found, absences=found.absences + 1, absent_ns=asked_ns)

    monkeypatch.setattr(inquiry, "absent", absent)


def late_fills_are_dropped(monkeypatch):
    told = recovery.notify_order_filled

    def notify_order_filled(draft, event):
        entry = entries.find(draft.state, event.client_order_id)
        if entry is not None and not entry.is_done:
            told(draft, event)

    monkeypatch.setattr(recovery, "notify_order_filled", notify_order_filled)


def fills_overwrite_each_other(monkeypatch):
    told = ledger.notify_order_filled

    def notify_order_filled(draft, event):
        told(draft, event)
        lot = positions.find_lot(draft.state, event.lot)
        positions.put_lot(draft, replace(lot, entry_filled=event.quantity + lot.exit_filled))

    monkeypatch.setattr(ledger, "notify_order_filled", notify_order_filled)


def ready_before_the_entry_ended(monkeypatch):
    def ready(draft, entry):
        draft.state = replace(draft.state, pending=None)

    monkeypatch.setattr(entries, "become_ready_if_covered", ready)
    monkeypatch.setattr(entries, "is_filled_up", lambda entry, event: True)


def exits_sized_by_the_whole_lot(monkeypatch):
    monkeypatch.setattr("actors.grid.closing.on_order", lambda book, lot: D(0))


PLANTED = [
    repost_before_settled,
    absences_count_before_the_fence,
    late_fills_are_dropped,
    fills_overwrite_each_other,
    ready_before_the_entry_ended,
    exits_sized_by_the_whole_lot,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_planted_bug_is_found(plant, monkeypatch):
    plant(monkeypatch)
    assert is_found()
