"""Ctrl-C and SIGTERM: a clean stop by `on_stop`, seen in the venue's own books; a second signal ends at once."""

import signal
from decimal import Decimal

import pytest

from tests.system.books import SYMBOL
from tests.system.program import QUICK, Desk
from tests.system.scripted_tape import steps

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

FALL = [(0.0, "60000"), (1.6, "59900"), (60.0, "59900")]
"""The entry at the first price fills when it falls, its exit rests far above, the next entry just below."""


def started_with_a_lot(desk: Desk, tmp_path, *settings: str):
    running = desk.start("--json", settings=(*QUICK, *steps(tmp_path / "fall.csv.gz", FALL), *settings))
    running.until_logged("close_order_placed")
    running.until_logged("entry_order_placed", count=2)
    return running


def book_of(desk: Desk) -> tuple[list[dict[str, str]], Decimal]:
    """Open orders and position at the venue, after everything has ended."""
    account = desk.venue.account()
    held = Decimal(account["accounts"][0]["positions"].get(SYMBOL, {"quantity": "0"})["quantity"])
    return [order for order in account["orders"] if order["status"] in ("open", "partially_filled")], held


def test_ctrl_c_leaves_the_exits_and_takes_the_entry_back(desk: Desk, tmp_path) -> None:
    running = started_with_a_lot(desk, tmp_path, "desk.on_stop=leave_exits")
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.code == 0, done.err
    orders, held = book_of(desk)
    assert [(o["side"], o["reduce_only"], Decimal(o["quantity"])) for o in orders] == [("sell", True, held)]
    assert done.summary["lots_open"] == 1
    assert done.summary["violations"] == 0
    assert not desk.venue.is_running


def test_sigterm_with_cancel_all_leaves_the_bare_position(desk: Desk, tmp_path) -> None:
    running = started_with_a_lot(desk, tmp_path, "desk.on_stop=cancel_all")
    running.signal(signal.SIGTERM)
    done = running.wait()
    assert done.code == 0, done.err
    orders, held = book_of(desk)
    assert orders == []
    assert held == Decimal(done.summary["position"]) > 0


def test_ctrl_c_with_flatten_leaves_nothing(desk: Desk, tmp_path) -> None:
    running = started_with_a_lot(desk, tmp_path, "desk.on_stop=flatten")
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.code == 0, done.err
    orders, held = book_of(desk)
    assert orders == []
    assert held == 0
    # the summary is of the moment before the stop's own orders
    assert done.summary["position"] != "0"


def test_a_second_signal_ends_at_once(desk: Desk, tmp_path) -> None:
    running = started_with_a_lot(desk, tmp_path, "paper.cancel_latency_ms=30000", "desk.stop_grace_s=60")
    running.signal(signal.SIGINT)
    running.until_logged("entry_cancel_requested")
    assert running.process.poll() is None
    running.signal(signal.SIGINT)
    done = running.wait(5)
    assert done.code == 1
    assert "second signal" in done.err
    assert desk.venue.is_running
    assert desk.venue.status()["open_orders"] == 2
