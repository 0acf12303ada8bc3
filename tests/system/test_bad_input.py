"""Bad input: one clear error that names the remedy, the right exit code, no traceback, nothing lost."""

import gzip
import os

import pytest

from tests.system.program import LIVE, QUICK, Desk
from tests.system.scripted_tape import HEADER, steps

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

CALM = [(0.0, "60000"), (60.0, "60000")]


WRONG = {
    "grid.take_proft_pct=1": "did you mean 'take_profit_pct'?",
    "grid.take_profit=1": "it is called take_profit_pct",
    "nonsense.key=1": "[nonsense]: unknown section",
    "grid.target_leverage=126": "1..125",
    "grid.order_notional_usd=NaN": "grid.order_notional_usd = NaN",
    "grid.btc-paper.exchange=astre": "did you mean 'aster'?",
    "paper.prices=tape": "paper.tape = : required",
    "risk.max_margin_usd=0": "risk.max_margin_usd = 0",
}


def test_wrong_settings_are_usage_errors_all_at_once(desk: Desk) -> None:
    done = desk.run("--for", "5s", settings=tuple(WRONG))
    done.assert_plain_error(2, *WRONG.values(), f"{len(WRONG)} problems; nothing was started")
    assert not (desk.state_dir / "journal.db").exists()


def test_a_tape_that_is_not_there(desk: Desk) -> None:
    settings = ("paper.prices=tape", "paper.tape=none-such.csv.gz")
    desk.run("--for", "5s", settings=settings).assert_plain_error(2, "none-such.csv.gz", "No such file")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ("no such file", "1 problem;")),
        ("", ("is empty", "1 problem;")),
        ("desk]\nname paper\n[desk]\nname = a\nname = b\n", ("line 1", "line 2", "set twice", "desk.mode: missing")),
        ("\x7fELF\x00\xff", ("not UTF-8", "1 problem;")),
    ],
)
def test_a_file_that_is_none(desk: Desk, tmp_path, text, words) -> None:
    conf = tmp_path / "bot.ini"
    if text is not None:
        conf.write_bytes(text.encode("latin-1"))
    desk.run("--check", conf=str(conf), settings=()).assert_plain_error(2, *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--for", "banana"), ("banana", "as in 60s")),
        (("--set", "nonsense"), ("nonsense", "write section.key=value")),
    ],
)
def test_a_wrong_command_line(desk: Desk, options, words) -> None:
    desk.run(*options, settings=()).assert_plain_error(2, *words)


def test_a_market_that_nobody_knows_is_not_made_up(desk: Desk) -> None:
    done = desk.run("--for", "5s", settings=("grid.btc-paper.symbol=BTCUSTD",))
    done.assert_plain_error(2, "BTCUSTD", "nearest: BTCUSDT", "paper.start_price")
    named = ("grid.btc-paper.symbol=DOGE", "paper.start_price=0.4")
    assert desk.run("--explain", settings=named).code == 0


def test_live_mode_without_its_variables_names_them_all(desk: Desk) -> None:
    done = desk.run("--for", "5s", "--yes", conf=LIVE, settings=())
    done.assert_plain_error(2, "ASTER_USER", "ASTER_SIGNER", "ASTER_PRIVATE_KEY", "not set")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"this is not gzip", ("not a gzip file",)),
        (gzip.compress(b"ts_ns,kind\n1,Q\n"), ("line 1", "lacks bid")),
        (gzip.compress(HEADER.encode() + b"\n1,Q,NaN,1,2,1,,,\n"), ("line 2", "NaN")),
        (gzip.compress(HEADER.encode() + b"\n1,Q,1,1,2,1,,,\n" * 500)[:-12], ("not readable",)),
    ],
    ids=["no gzip", "no columns", "no number", "cut off"],
)
def test_a_tape_that_cannot_be_played(desk: Desk, tmp_path, content, words) -> None:
    tape = tmp_path / "tape.csv.gz"
    tape.write_bytes(content)
    done = desk.run("--for", "5s", settings=("paper.prices=tape", f"paper.tape={tape}"))
    done.assert_plain_error(2, "tape.csv.gz", *words)
    assert not desk.venue.is_running


def test_a_second_run_on_the_same_folder_is_refused_and_harms_nothing(desk: Desk, tmp_path) -> None:
    calm = steps(tmp_path / "calm.csv.gz", CALM)
    running = desk.start("--json", settings=(*QUICK, *calm))
    running.until_logged("entry_order_placed")
    venue = desk.venue.record()
    for settings in ((*QUICK, *calm), (*QUICK, *calm, "paper.fresh=yes"), QUICK):
        second = desk.run("--for", "5s", settings=settings)
        second.assert_plain_error(1, f"in use by process {running.process.pid}, a paper run; end it with --stop")
    assert desk.venue.record() == venue
    assert desk.venue.status()["open_orders"] == 1
    assert desk.tell("stop").code == 0
    done = running.wait()
    assert done.code == 0
    assert done.summary["reconnects"] == 0
    assert done.summary["violations"] == 0


def test_a_state_folder_that_is_a_file(desk: Desk) -> None:
    desk.state_dir.write_text("in the way")
    desk.run("--for", "5s").assert_plain_error(2, "desk.state_dir", "not a folder")


def test_a_state_folder_that_may_not_be_written(desk: Desk) -> None:
    if os.geteuid() == 0:
        # what root may write it may write; not even root makes a folder there
        desk.run("--for", "5s", settings=("desk.state_dir=/proc/no/state",)).assert_plain_error(1, "/proc/no/state")
    else:
        desk.state_dir.mkdir(mode=0o500)
        desk.run("--for", "5s").assert_plain_error(2, "desk.state_dir", "not writable")


def test_a_paper_account_that_was_damaged_is_named_and_kept(desk: Desk) -> None:
    folder = desk.state_dir / "venue"
    folder.mkdir(parents=True)
    damaged = folder / "paper-account-aster.json"
    damaged.write_text('{"half": ')
    desk.run("--for", "5s").assert_plain_error(2, "paper-account-aster.json", "paper.fresh")
    assert damaged.read_text() == '{"half": '


def test_check_says_what_would_hold_and_explain_sends_nothing(desk: Desk) -> None:
    checked = desk.run("--check", "--print", settings=("grid.take_profit_pct=0.15",))
    assert checked.code == 0
    assert "take_profit_pct = 0.15" in checked.out
    assert desk.run("--check", "--print", conf=_written(desk, checked.out), settings=()).code == 0
    explained = desk.run("--explain")
    assert explained.code == 0, explained.err
    assert "[grid.btc-paper] BTCUSDT on aster, buy grid" in explained.out
    assert explained.out.count("\n") >= 8
    assert not (desk.state_dir / "journal.db").exists()
    assert desk.venue.account()["orders"] == []
    assert not desk.venue.is_running


def _written(desk: Desk, text: str) -> str:
    path = desk.folder / "printed.ini"
    path.write_text(text)
    return str(path)
