"""The running bot from a second terminal, latched stops, and what happens to them over a restart."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from actors.app.control import send_command
from tests.system.program import QUICK, Desk, fetch, until
from tests.system.scripted_tape import steps

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

FALL = [(0.0, "60000"), (1.6, "59900"), (60.0, "59900")]
CRASH = [(0.0, "60000"), (1.6, "59900"), (2.2, "59500"), (4.5, "60000"), (60.0, "60000")]
CALM = [(0.0, "60000"), (60.0, "60000")]
STOP = ("risk.stop_price=59600", "risk.stop_confirm_ms=200")


def status_of(desk: Desk) -> Mapping[str, Any]:
    return send_command(desk.state_dir, "status")


def until_state(desk: Desk, state: str) -> Mapping[str, Any]:
    return until(lambda: (s := status_of(desk))["state"] == state and s, f"the bot is {state}")


def test_status_pause_resume_flatten_and_stop(desk: Desk, tmp_path) -> None:
    running = desk.start("--json", settings=(*QUICK, *steps(tmp_path / "fall.csv.gz", FALL)))
    running.until_logged("close_order_placed")
    running.until_logged("entry_order_placed", count=2)
    told = desk.tell("status")
    assert told.code == 0, told.err
    status = json.loads(told.out)
    assert status["state"] == "running"
    assert status["lots_open"] == 1

    paused = desk.tell("pause")
    assert paused.code == 0
    assert json.loads(paused.out) == {"result": "no new entries; exits stay"}
    until_state(desk, "paused")
    assert desk.tell("resume").code == 0
    until_state(desk, "running")

    assert desk.tell("flatten").code == 0
    flat = until(lambda: (s := status_of(desk))["position"] == "0" and s, "everything is closed")
    assert flat["lots_open"] == 0
    assert flat["state"] == "paused"
    until(lambda: desk.venue.status()["open_orders"] == 0, "no order rests at the venue")
    assert Decimal(desk.venue.status()["positions"].get("BTCUSDT", "0")) == 0

    assert desk.tell("stop").code == 0
    done = running.wait()
    assert done.code == 0
    assert done.summary["state"] == "paused"
    assert done.summary["violations"] == 0


def test_nobody_to_talk_to_is_said(desk: Desk) -> None:
    for verb in ("resume", "stop"):
        desk.tell(verb).assert_plain_error(1, "no bot is running on", str(desk.state_dir))


def test_a_control_file_of_a_killed_bot_is_not_mistaken_for_a_bot(desk: Desk, tmp_path) -> None:
    running = desk.start(settings=(*QUICK, *steps(tmp_path / "calm.csv.gz", CALM)))
    running.until_logged("entry_order_placed")
    running.kill()
    desk.tell("status").assert_plain_error(1, "does not answer", "still running?")


def test_a_latched_stop_keeps_the_bot_up_until_resume(desk: Desk, tmp_path) -> None:
    running = desk.start("--json", settings=(*QUICK, *steps(tmp_path / "crash.csv.gz", CRASH), *STOP))
    running.until_logged("stop_latched")
    halted = until_state(desk, "halted")
    assert halted["lots_opened"] >= 1
    flat = until(lambda: (s := status_of(desk))["position"] == "0" and s, "everything is closed")
    assert flat["unprotected_quantity"] == "0"
    assert running.process.poll() is None
    # the price is above the stop again, and still nothing is placed
    until(lambda: best_bid(desk) == 60000, "the price is back")
    placed = status_of(desk)["entries_placed"]
    assert status_of(desk)["state"] == "halted"
    assert desk.tell("resume").code == 0
    until_state(desk, "running")
    until(lambda: status_of(desk)["entries_placed"] > placed, "an entry is placed")
    assert desk.tell("stop").code == 0
    assert running.wait().code == 0


def best_bid(desk: Desk) -> Decimal:
    return Decimal(fetch(f"{desk.venue.rest}/fapi/v1/ticker/bookTicker?symbol=BTCUSDT")["bidPrice"])


def test_a_latched_stop_ends_a_bounded_run_with_3_and_holds_until_resume(desk: Desk, tmp_path) -> None:
    crash = steps(tmp_path / "crash.csv.gz", CRASH)
    calm = steps(tmp_path / "calm.csv.gz", CALM)
    stopped = desk.run("--for", "30s", "--json", settings=(*QUICK, *crash, *STOP))
    assert stopped.code == 3, stopped.err
    assert stopped.summary["state"] == "halted"
    assert stopped.summary["position"] == "0"
    assert stopped.summary["runtime_s"] < 15
    assert stopped.summary["violations"] == 0

    again = desk.run("--for", "4s", "--json", settings=(*QUICK, *calm, *STOP))
    assert again.code == 3, again.err
    assert again.summary["state"] == "halted"
    assert again.summary["entries_placed"] == 0

    cleared = desk.tell("resume")
    assert cleared.code == 0
    assert "btc-paper (stop_price)" in cleared.out
    desk.tell("resume").assert_plain_error(1, "no bot is running")

    after = desk.run("--for", "2s", "--json", settings=(*QUICK, *calm, *STOP))
    assert after.code == 0, after.err
    assert after.summary["entries_placed"] == 1
    assert after.summary["state"] == "running"


def test_a_fall_of_equity_latches_like_a_stop_and_holds_over_the_next_start(desk: Desk, tmp_path) -> None:
    """`max_drawdown_usd` is a stop of the whole bot: exit code 3 of a bounded run, until an operator resumes."""
    limit = "risk.max_drawdown_usd=0.05"
    fall = steps(tmp_path / "fall.csv.gz", FALL)
    calm = steps(tmp_path / "calm.csv.gz", CALM)
    stopped = desk.run("--for", "30s", "--json", settings=(*QUICK, *fall, limit))
    assert stopped.code == 3, stopped.err
    assert stopped.summary["state"] == "halted"
    assert stopped.summary["lots_open"] == 1  # it stops entries and closes nothing
    assert "equity fell by" in stopped.err

    again = desk.run("--for", "4s", "--json", settings=(*QUICK, *calm, limit))
    assert (again.code, again.summary["entries_placed"]) == (3, 0), again.err
    assert "btc-paper (max_drawdown)" in desk.tell("resume").out
    after = desk.run("--for", "2s", "--json", settings=(*QUICK, *calm, limit))
    assert after.code == 0, after.err
