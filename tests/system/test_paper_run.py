"""A paper run from its command to its summary, as a user starts it."""

import json
import os
import re
import signal
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from actors.app.control import send_command
from tests.system.program import QUICK, SHIPPED, Desk, is_alive, listens, until
from tests.system.scripted_tape import steps, wave

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

COUNTS = (
    "entries_placed",
    "entries_filled",
    "fills",
    "exits_placed",
    "lots_opened",
    "lots_closed",
    "lots_open",
    "fill_to_exit_us_p50",
    "fill_to_exit_us_p99",
    "reconnects",
    "faults_injected",
    "violations",
)
AMOUNTS = (
    "position",
    "unprotected_quantity",
    "unprotected_quantity_max",
    "dust_quantity",
    "realized_pnl",
    "fees",
    "funding",
)
SECONDS = ("naked_seconds_max", "naked_seconds_p50", "naked_seconds_p99")
HEAD = {"mode", "venues", "runtime_s", "state"}


ACCOUNTS = """
[desk]
name = accounts
mode = paper
state_dir = unset
bot_tag = 1
[paper]
[exchange.main]
venue = aster
[exchange.second]
venue = aster
[exchange.lighter]
[grid]
order_notional_usd = 200
[risk]
max_margin_usd = 1000
max_net_exposure_usd = 250
[grid.one]
exchange = main
symbol = BTCUSDT
[grid.two]
exchange = second
symbol = BTCUSDT
[grid.three]
exchange = lighter
symbol = BTC
"""


def assert_counts(counts: dict[str, object]) -> None:
    for key in COUNTS:
        assert type(counts[key]) is int, key
    for key in SECONDS:
        assert type(counts[key]) is float, key
    for key in AMOUNTS:
        text = counts[key]
        assert isinstance(text, str), key
        assert str(Decimal(text).normalize()) in {text, str(Decimal(text))}, key
        assert "E" not in text, key


def test_a_paper_run_ends_by_itself_with_one_line_and_leaves_nothing_running(desk: Desk, tmp_path) -> None:
    running = desk.start("--for", "12s", "--json", settings=(*QUICK, *wave(tmp_path / "wave.csv.gz", seconds=60)))
    running.until_logged("lot_opened")
    venue = desk.venue.record()
    control = json.loads((desk.state_dir / "control.json").read_text())
    bot_address = f"http://{control['host']}:{control['port']}"
    assert control["pid"] == running.process.pid
    assert is_alive(venue["pid"])
    assert listens(bot_address)
    done = running.wait()
    assert done.code == 0, done.err
    summary = done.summary
    assert set(summary) == HEAD | set(COUNTS) | set(AMOUNTS) | set(SECONDS)
    assert list(summary["venues"]) == ["aster"]
    assert set(summary["venues"]["aster"]) == set(COUNTS) | set(AMOUNTS) | set(SECONDS)
    assert_counts(summary)
    assert_counts(summary["venues"]["aster"])
    assert summary["mode"] == "paper"
    assert summary["state"] == "running"
    assert 12 <= summary["runtime_s"] < 15
    assert summary["lots_closed"] >= 1
    assert summary["exits_placed"] >= summary["lots_closed"]
    assert 0 < summary["naked_seconds_p50"] <= summary["naked_seconds_max"] <= 2
    assert Decimal(summary["fees"]) > 0
    assert summary["unprotected_quantity"] == "0"
    assert summary["violations"] == 0
    assert not is_alive(venue["pid"])
    assert not listens(venue["venues"]["aster"]["rest"])
    assert not listens(bot_address)
    assert not (desk.state_dir / "control.json").exists()
    assert not desk.venue.is_running


def test_without_json_a_person_reads_the_summary_and_the_log_is_written(desk: Desk, tmp_path) -> None:
    done = desk.run("--for", "2s", settings=(*QUICK, *wave(tmp_path / "wave.csv.gz", seconds=60)))
    assert done.code == 0, done.err
    assert "paper run of 2" in done.out
    assert "violations      0" in done.out
    assert "{" not in done.out
    logs = {path.suffix: path for path in (desk.folder / "logs" / "paper").iterdir()}
    assert "entry_order_submitted" in logs[".log"].read_text()
    events = [json.loads(line) for line in logs[".jsonl"].read_text().splitlines()]
    assert "bot_stopped" in {event.get("event") for event in events}
    assert desk.state_dir.stat().st_mode & 0o777 == 0o700
    credentials = desk.venue.folder / "paper-account-aster.json"
    secret = json.loads(credentials.read_text())["face"]["credentials"]["private_key"]
    assert credentials.stat().st_mode & 0o777 == 0o600
    for path in (*logs.values(), desk.state_dir / "journal.db", desk.state_dir / "intents.log"):
        assert secret.removeprefix("0x").encode() not in path.read_bytes()
    assert secret.removeprefix("0x") not in done.err + done.out


def test_the_end_of_a_tape_ends_the_run(desk: Desk, tmp_path) -> None:
    done = desk.run("--json", settings=(*QUICK, *wave(tmp_path / "short.csv.gz", seconds=2, quiet_s=0.5)))
    assert done.code == 0, done.err
    assert done.summary["runtime_s"] < 10
    assert done.summary["violations"] == 0


def test_the_shipped_file_trades_on_three_venues_side_by_side(desk: Desk, tmp_path) -> None:
    """Ends by a signal once every venue has closed a lot, however long a busy machine takes for that."""
    settings = (*QUICK, *wave(tmp_path / "wave.csv.gz", seconds=120))
    running = desk.start("--json", conf=SHIPPED, settings=settings)
    for grid in ("btc-aster", "btc-backpack", "btc-lighter"):
        until(
            lambda name=grid: f"grid={name} " in "".join(re.findall("lot_closed .*", running.err)),
            f"{grid} closes a lot",
            timeout_s=40,
            say=lambda: running.err[-3000:],
        )
    running.signal(signal.SIGTERM)
    done = running.wait()
    assert done.code == 0, done.err
    assert "warning" not in done.err.lower(), done.err
    venues = done.summary["venues"]
    assert list(venues) == ["aster", "backpack", "lighter"]
    for counts in venues.values():
        assert counts["lots_closed"] >= 1
        assert counts["unprotected_quantity"] == "0"
        assert 0 < counts["naked_seconds_max"] <= 2
        assert counts["violations"] == 0
    total = sum(Decimal(counts["fees"]) for counts in venues.values())
    assert Decimal(done.summary["fees"]) == total > 0
    assert not desk.venue.is_running


def test_a_venue_that_died_leaves_the_summary_and_no_verdict(desk: Desk, tmp_path) -> None:
    """Violations nobody could count are unknown, not 0, and such a run is no clean one."""
    running = desk.start(
        "--json", settings=(*QUICK, "desk.stop_grace_s=1", *wave(tmp_path / "wave.csv.gz", seconds=90))
    )
    running.until_logged("entry_order_placed")
    os.kill(int(desk.venue.record()["pid"]), signal.SIGKILL)
    running.until_logged("stream_lost")
    assert desk.tell("stop").code == 0
    done = running.wait()
    assert done.code == 1
    assert done.summary["violations"] is None
    assert done.summary["entries_placed"] >= 1
    assert "violations are unknown" in done.err
    assert "Traceback" not in done.err


def test_two_accounts_of_a_venue_and_one_of_another_share_one_limit(desk: Desk, tmp_path) -> None:
    """An entry takes about 200 USD, and the venues call the asset by different names."""
    conf = tmp_path / "accounts.ini"
    conf.write_text(ACCOUNTS)
    calm = steps(tmp_path / "calm.csv.gz", [(0.0, "60000"), (60.0, "60000")])
    running = desk.start("--json", conf=str(conf), settings=(*QUICK, *calm))
    running.until_logged("is ready", count=3)
    grids = until(lambda: blocked(desk, "max_net_exposure_usd", 2), "two of three grids are held back")
    assert sum(grid["pending_entry"] is not None for grid in grids.values()) == 1
    addresses = {venue["rest"] for venue in desk.venue.record()["venues"].values()}
    assert len(addresses) == 3, "each account has a venue of its own"
    running.signal(signal.SIGTERM)
    done = running.wait()
    assert done.code == 0, done.err
    assert list(done.summary["venues"]) == ["main", "second", "lighter"]
    assert done.summary["entries_placed"] == 1
    assert done.summary["violations"] == 0


def blocked(desk: Desk, reason: str, count: int) -> Mapping[str, Any]:
    """What the grids say once so many of them are held back by one reason; empty before."""
    grids = send_command(desk.state_dir, "status")["grids"]
    return grids if sum(grid.get("blocked_reason") == reason for grid in grids.values()) == count else {}


def test_serving_ends_after_its_time_too(desk: Desk) -> None:
    done = desk.run("--serve", "--for", "3s")
    assert done.code == 0, done.err
    assert [json.loads(line)["venue"] for line in done.out.splitlines()] == ["aster"]
    assert not desk.venue.is_running
