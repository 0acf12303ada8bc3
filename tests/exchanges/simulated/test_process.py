"""The venue's process: started, found again, asked, ended, and its account that outlives it."""

import dataclasses
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from exchanges.clock import SystemClock
from exchanges.simulated.faces.aster.kit import aster_rules, aster_symbol, read_grid_id
from exchanges.simulated.launch import VenueChoice, VenueLaunch, from_json
from exchanges.simulated.own_process import main, serve
from exchanges.simulated.price_sources import MergedPrices, open_prices
from exchanges.simulated.process import ServedVenue, SimulatedVenueProcess, VenueProcessError
from exchanges.simulated.settings import FillModel, PaperSettings, PriceKind
from exchanges.simulated.state_files import read_json, write_private
from exchanges.simulated.steady_clock import SteadyClock
from exchanges.simulated.testing import ScriptedPrices
from tests.exchanges.simulated.face_bench import sign_v3

FAST = PaperSettings(ack_latency_ms=0, fill_latency_ms=0, cancel_latency_ms=0, idle_exit_s=60)
ROOT = Path(__file__).resolve().parents[3]


def launch(state_dir: Path | None, **paper: object) -> VenueLaunch:
    return VenueLaunch(
        venues=(VenueChoice(name="main", venue="aster", symbols=("BTC",)),),
        paper=dataclasses.replace(FAST, **paper),  # type: ignore[arg-type]
        state_dir=state_dir,
    )


@pytest.fixture
def processes():
    made: list[SimulatedVenueProcess] = []

    def make(one: VenueLaunch) -> SimulatedVenueProcess:
        made.append(SimulatedVenueProcess(one))
        return made[-1]

    yield make
    for process in reversed(made):
        process.stop()


def call(venue: ServedVenue, method: str, name: str, **params: object) -> requests.Response:
    nonce = time.time_ns() // 1000  # noqa: TID251 - a client of its own has a clock of its own
    credentials = venue.credentials
    text = urlencode({**params, "nonce": nonce, "user": credentials["user"], "signer": credentials["signer"]})
    text += "&signature=" + sign_v3(text, str(credentials["private_key"]))
    return requests.request(method, f"{venue.rest}/fapi/v3/{name}?{text}", timeout=5)


def wait_until(condition, seconds: float = 10.0) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen")


def test_a_started_venue_can_be_traded_on_and_stopped(tmp_path, processes):
    process = processes(launch(tmp_path))
    venue = process.start()["main"]
    assert (venue.venue, venue.symbols, process.was_running) == ("aster", ("BTCUSDT",), False)
    assert set(venue.credentials) == {"user", "signer", "private_key", "api_key", "secret"}
    assert str(venue.credentials["private_key"]) not in repr(venue)
    assert call(venue, "GET", "balance").json()[0]["balance"] == "1000.00000000"
    assert process.status()["main"]["violations"] == 0
    process.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(venue.rest, timeout=5)
    assert not (tmp_path / "venue.json").exists()


def test_a_process_that_is_begun_and_not_waited_for_ends_with_stop(tmp_path, processes):
    process = processes(launch(tmp_path))
    process.begin()
    pid = process._pid
    assert process.venues == {}
    assert not process.was_running
    process.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert process.start()["main"].symbols == ("BTCUSDT",)
    assert process._pid != pid


def test_files_are_for_their_owner_only(tmp_path, processes):
    processes(launch(tmp_path)).start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["venue.json"] == 0o600
    assert set(modes.values()) == {0o600}


def test_a_killed_bot_finds_its_venue_again(tmp_path, processes):
    first = processes(launch(tmp_path)).start()["main"]
    call(first, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    again = processes(launch(tmp_path))
    second = again.start()["main"]
    assert again.was_running
    assert (second.rest, second.credentials) == (first.rest, first.credentials)
    assert call(second, "GET", "positionRisk", symbol="BTCUSDT").json()[0]["positionAmt"] == "0.002"
    again.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(first.rest, timeout=5)


def test_a_restarted_venue_has_the_same_account(tmp_path, processes):
    process = processes(launch(tmp_path))
    first = process.start()["main"]
    call(first, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002"}
    placed = call(first, "POST", "order", **order, price="62900.0", reduceOnly="true", newClientOrderId="exit")
    assert placed.status_code == 200
    balance = call(first, "GET", "balance").json()[0]["balance"]
    mark = Decimal(call(first, "GET", "positionRisk", symbol="BTCUSDT").json()[0]["markPrice"])
    process.stop()
    second = process.start()["main"]
    assert not process.was_running
    assert second.credentials == first.credentials
    assert call(second, "GET", "balance").json()[0]["balance"] == balance
    kept = call(second, "GET", "openOrders", symbol="BTCUSDT").json()
    assert [(row["orderId"], row["clientOrderId"]) for row in kept] == [(placed.json()["orderId"], "exit")]
    after = Decimal(call(second, "GET", "positionRisk", symbol="BTCUSDT").json()[0]["markPrice"])
    assert abs(after / mark - 1) < Decimal("0.01")


def test_a_venue_that_was_killed_comes_back_with_what_was_saved(tmp_path, processes):
    process = processes(launch(tmp_path))
    first = process.start()["main"]
    call(first, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    account = tmp_path / "paper-account-main.json"
    wait_until(lambda: account.exists() and '\\"0.002\\"' in account.read_text())
    os.kill(json.loads((tmp_path / "venue.json").read_text())["pid"], signal.SIGKILL)
    again = processes(launch(tmp_path))
    second = again.start()["main"]
    assert not again.was_running
    assert call(second, "GET", "positionRisk", symbol="BTCUSDT").json()[0]["positionAmt"] == "0.002"


def test_fresh_forgets_the_account_and_ends_the_old_process(tmp_path, processes):
    first = processes(launch(tmp_path)).start()["main"]
    call(first, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    process = processes(launch(tmp_path, fresh=True))
    second = process.start()["main"]
    assert not process.was_running
    assert second.credentials != first.credentials
    assert call(second, "GET", "positionRisk", symbol="BTCUSDT").json()[0]["positionAmt"] == "0"


def test_other_settings_need_another_process_but_keep_the_account(tmp_path, processes):
    first = processes(launch(tmp_path)).start()["main"]
    call(first, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    process = processes(launch(tmp_path, maker_fee_bps=Decimal(2)))
    second = process.start()["main"]
    assert not process.was_running
    assert second.credentials == first.credentials
    rate = call(second, "GET", "commissionRate", symbol="BTCUSDT").json()["makerCommissionRate"]
    assert Decimal(rate) == Decimal("0.0002")


def test_a_stale_or_foreign_process_file_is_not_believed(tmp_path, processes):
    record = {
        "pid": os.getpid(),
        "digest": launch(tmp_path).digest(),
        "admin_token": "x",
        "venues": {
            "main": {"venue": "aster", "rest": "http://127.0.0.1:9", "ws": "", "symbols": [], "credentials": {}}
        },
    }
    for text in (json.dumps(record), "{}", "no json", "[]", json.dumps(record | {"pid": "me"})):
        (tmp_path / "venue.json").write_text(text)
        process = processes(launch(tmp_path))
        process.start()
        assert not process.was_running
        process.stop()


def test_without_a_client_the_process_ends(tmp_path, processes):
    process = processes(launch(tmp_path, idle_exit_s=1))
    venue = process.start()["main"]
    record = json.loads((tmp_path / "venue.json").read_text())
    assert record["venues"]["main"]["rest"] == venue.rest
    wait_until(lambda: not (tmp_path / "venue.json").exists(), 20)


def test_a_problem_at_the_start_is_told(tmp_path, processes):
    with pytest.raises(VenueProcessError, match=r"nowhere\.csv"):
        processes(launch(tmp_path, prices=PriceKind.TAPE, tape="nowhere.csv")).start()
    (tmp_path / "paper-account-main.json").write_text("broken")
    with pytest.raises(VenueProcessError, match="paper-account-main"):
        processes(launch(tmp_path)).start()
    assert processes(launch(tmp_path, fresh=True)).start()


def test_two_venues_do_not_share_a_state_folder(tmp_path, processes, monkeypatch):
    monkeypatch.setattr("exchanges.simulated.serving._LOCK_TRIES", 2)
    processes(launch(tmp_path)).start()
    out, problems = io.StringIO(), []

    def second() -> None:
        try:
            serve(launch(tmp_path), threading.Event(), out)
        except ValueError as error:
            problems.append(str(error))

    thread = threading.Thread(target=second)
    thread.start()
    thread.join(20)
    assert "another simulated venue" in problems[0]
    assert out.getvalue() == ""


def test_serve_prints_one_line_per_venue_until_stopped():
    out, stop = io.StringIO(), threading.Event()
    both = dataclasses.replace(
        launch(None),
        venues=(
            VenueChoice(name="a", venue="aster", symbols=("BTC", "ETH")),
            VenueChoice(name="b", venue="aster", symbols=("SOLUSDT",)),
        ),
        outlives_clients=True,
    )
    thread = threading.Thread(target=serve, args=(both, stop, out))
    thread.start()
    wait_until(lambda: out.getvalue().count("\n") == 2)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert all(set(row) == {"venue", "rest", "ws", "symbols", "credentials"} for row in rows)
    assert [row["symbols"] for row in rows] == [["BTCUSDT", "ETHUSDT"], ["SOLUSDT"]]
    assert {row["rest"] for row in rows} == {rows[0]["rest"], rows[1]["rest"]}
    assert rows[0]["credentials"] != rows[1]["credentials"]
    wait_until(lambda: len(requests.get(f"{rows[0]['rest']}/fapi/v1/ticker/bookTicker", timeout=5).json()) == 2)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_cleanly_on_a_signal(tmp_path, number):
    config = tmp_path / "launch.json"
    config.write_text(launch(tmp_path / "state").to_json())
    command = [sys.executable, "-m", "exchanges.simulated", "--config", str(config)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert json.loads(child.stdout.readline())["venue"] == "aster"
        child.send_signal(number)
        assert child.wait(10) == 0
    assert (tmp_path / "state" / "paper-account-main.json").exists()


def test_main_refuses_a_config_it_cannot_read(tmp_path, monkeypatch):
    assert main(["--config", str(tmp_path / "missing.json")]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    assert main([]) == 2


def test_an_unknown_venue_is_refused():
    other = dataclasses.replace(launch(None), venues=(VenueChoice(name="x", venue="nyse", symbols=("A",)),))
    with pytest.raises(ValueError, match="nyse"):
        serve(other, threading.Event(), io.StringIO())


# --- what the process is made of ---


def test_a_launch_crosses_the_border_unchanged(tmp_path):
    paper = PaperSettings(
        fresh=True,
        seed=7,
        fill_model=FillModel.CROSS,
        speed=Decimal("2.5"),
        start_price=Decimal(61000),
        prices=PriceKind.LIVE,
    )
    one = dataclasses.replace(launch(tmp_path), paper=paper)
    assert from_json(one.to_json()) == one
    assert from_json(launch(None).to_json()) == launch(None)


def test_the_digest_knows_every_setting_but_fresh(tmp_path):
    one = launch(tmp_path)
    assert launch(tmp_path, fresh=True).digest() == one.digest()
    assert launch(tmp_path, seed=2).digest() != one.digest()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"venues":[{}]}'])
def test_a_launch_that_cannot_be_read(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the contract, the text is for people
        from_json(text)


def test_a_private_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "deep" / "file.json"
    assert read_json(path) is None
    write_private(path, '{"a":1}')
    write_private(path, '{"a":2}')
    assert read_json(path) == {"a": 2}
    assert [entry.name for entry in path.parent.iterdir()] == ["file.json"]


def test_symbols_and_their_rules():
    assert [aster_symbol(name) for name in ("BTC", "btcusdt", "NEW", "XAUUSD1", "USDT")] == [
        "BTCUSDT",
        "BTCUSDT",
        "NEWUSDT",
        "XAUUSD1",
        "USDTUSDT",
    ]
    assert aster_rules("NEWUSDT").base_asset == "NEW"
    assert aster_rules("BTCUSDT").tick == Decimal("0.1")


def test_grid_ids_are_told_from_others():
    assert read_grid_id("g0400001f") == 0x0400001F
    assert [read_grid_id(text) for text in ("", "g123", "G0400001F", "sim-1", "g0400001f0")] == [None] * 5


def test_merged_prices_keep_the_order_of_time():
    one, two = ScriptedPrices(), ScriptedPrices()
    merged = MergedPrices([one, two])
    merged.start(5)
    assert (merged.next_ns(), list(merged.events_until(9)), merged.finished) == (None, [], False)
    one.finished = True
    assert not merged.finished
    two.finished = True
    assert merged.finished
    merged.close()


def test_a_tape_is_one_market(tmp_path):
    tape = tmp_path / "tape.csv"
    tape.write_text(
        "ts_ns,kind,bid,bid_qty,ask,ask_qty,price,qty,buyer_is_maker\n"
        "1000000000,Q,100.5,2,101.0,3,,,\n"
        "2000000000,T,,,,,101.0,0.5,0\n"
    )
    paper = dataclasses.replace(FAST, prices=PriceKind.TAPE, tape=str(tape))
    clock = SteadyClock(SystemClock())
    prices, rules = open_prices(paper, (aster_rules("SOLUSDT"),), {}, clock)
    assert (rules[0].symbol, rules[0].tick) == ("SOLUSDT", Decimal("0.05"))
    prices.start(1)
    rows = [*prices.events_until(10**12), *prices.events_until(2 * 10**12)]
    assert len(rows) == 2
    assert prices.finished
    prices.close()
    with pytest.raises(ValueError, match="one market"):
        open_prices(paper, (aster_rules("SOLUSDT"), aster_rules("BTCUSDT")), {}, clock)
    tape.write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"tape\.csv"):
        open_prices(paper, (aster_rules("SOLUSDT"),), {}, clock)


def test_a_finished_tape_is_not_found_again(tmp_path, processes):
    tape = tmp_path / "tape.csv"
    tape.write_text(
        "ts_ns,kind,bid,bid_qty,ask,ask_qty,price,qty,buyer_is_maker\n"
        "1000000000,Q,100.5,2,101.0,3,,,\n"
        "1100000000,Q,101.0,2,101.5,3,,,\n"
    )
    state = tmp_path / "state"
    first = processes(launch(state, prices=PriceKind.TAPE, tape=str(tape)))
    first.start()
    wait_until(lambda: first.status()["main"]["prices_finished"])
    second = processes(launch(state, prices=PriceKind.TAPE, tape=str(tape)))
    second.start()
    assert not second.was_running


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # 3.12 warns of threads; the process itself has none
def test_a_long_history_is_written_aside(tmp_path, processes, monkeypatch):
    monkeypatch.setattr("exchanges.simulated.serving._LONG_SAVE_NS", -1)
    out, stop = io.StringIO(), threading.Event()
    thread = threading.Thread(target=serve, args=(launch(tmp_path), stop, out))
    thread.start()
    wait_until(out.getvalue)
    venue = ServedVenue(name="main", **json.loads(out.getvalue()))
    account = tmp_path / "paper-account-main.json"
    wait_until(account.exists)
    call(venue, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.002")
    wait_until(lambda: '\\"0.002\\"' in account.read_text())
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not list(tmp_path.glob(".*"))
