"""Live mode against a venue that anybody may use: `--serve`, credentials from the environment, other addresses."""

import http.server
import json
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from random import Random

import pytest

from exchanges.simulated.faces.aster.requests import make_credentials
from tests.system.program import QUICK, Desk, Running, open_desk, until
from tests.system.scripted_tape import wave
from tests.system.small_client import SmallClient

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

CONF = """
[desk]
name = live-test
mode = live
state_dir = unset
bot_tag = 7
[exchange.aster]
rest_url = {rest}
ws_url = {ws}
[grid]
order_notional_usd = 200
target_leverage = 5
wait_time_s = 0
grid_step_pct = 0
[risk]
max_margin_usd = 400
daily_loss_limit_usd = 50
[grid.btc]
exchange = aster
symbol = BTCUSDT
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Mapping[str, object]]:
    """The JSON line of a venue that is being served."""
    folder = tmp_path_factory.mktemp("served")
    with open_desk(folder / "desk") as desk:
        running = desk.start("--serve", settings=(*QUICK, *wave(folder / "wave.csv.gz", seconds=300)))
        line = until(lambda: running.out, "the line of --serve", say=lambda: running.err)
        yield json.loads(line)
        running.signal(signal.SIGTERM)
        done = running.wait()
        assert done.code == 0, done.err
        assert done.err == ""
        assert len(done.out.splitlines()) == 1


def configured(desk: Desk, rest: str, ws: str, credentials: Mapping[str, str]) -> str:
    conf = desk.folder / "live.ini"
    conf.write_text(CONF.format(rest=rest, ws=ws))
    names = {"ASTER_USER": "user", "ASTER_SIGNER": "signer", "ASTER_PRIVATE_KEY": "private_key"}
    desk.environ |= {variable: credentials[name] for variable, name in names.items()}
    return str(conf)


def conf_for(desk: Desk, served: Mapping[str, object]) -> str:
    return configured(desk, str(served["rest"]), str(served["ws"]), served["credentials"])


def test_the_line_says_all_a_client_needs(served) -> None:
    assert set(served) == {"venue", "rest", "ws", "symbols", "credentials"}
    assert set(served["credentials"]) == {"user", "signer", "private_key", "api_key", "secret"}
    assert served["venue"] == "aster"
    assert served["symbols"] == ["BTCUSDT"]
    assert SmallClient(served["rest"], served["credentials"]).open_orders() == []


@pytest.mark.timeout(150)
def test_a_live_run_wants_a_yes_once_and_then_trades(desk: Desk, served) -> None:
    conf = conf_for(desk, served)
    refused = desk.run("--for", "5s", conf=conf, settings=())
    refused.assert_plain_error(1, "LIVE trading as live-test", "at most 400 USD", "--yes", "nothing was sent")
    assert not (desk.state_dir / "journal.db").exists()

    flatten = ("desk.on_stop=flatten",)
    first = desk.run("--for", "10s", "--json", "--yes", conf=conf, settings=flatten)
    assert first.code == 0, first.err
    summary = first.summary
    assert summary["mode"] == "live"
    assert summary["lots_opened"] >= 1
    assert summary["unprotected_quantity"] == "0"
    assert served["credentials"]["private_key"].removeprefix("0x") not in first.err

    again = desk.run("--for", "1s", "--json", conf=conf, settings=flatten)
    assert again.code == 0, again.err
    assert SmallClient(served["rest"], served["credentials"]).open_orders() == []

    with closing(sqlite3.connect(desk.state_dir / "journal.db")) as sql, sql:
        sql.execute("UPDATE meta SET value = '0xbefore of aster' WHERE key = 'account:aster'")
    other = desk.run("--for", "2s", "--yes", conf=conf, settings=flatten)
    other.assert_plain_error(1, "0xbefore of aster", "start once with --same-account")
    taken = desk.run("--for", "1s", "--json", "--same-account", conf=conf, settings=flatten)
    assert taken.code == 0, taken.err
    assert desk.run("--for", "1s", "--json", conf=conf, settings=flatten).code == 0

    changed = desk.run("--for", "2s", conf=conf, settings=("risk.max_margin_usd=300",))
    changed.assert_plain_error(1, "at most 300 USD", "--yes")


def test_keys_that_the_venue_refuses_are_named_by_their_variables(desk: Desk, served) -> None:
    others = make_credentials(Random(5)).as_dict()
    conf = configured(desk, str(served["rest"]), str(served["ws"]), others)
    done = desk.run("--for", "20s", "--yes", conf=conf, settings=())
    done.assert_plain_error(2, "does not accept the credentials", "ASTER_USER, ASTER_SIGNER, ASTER_PRIVATE_KEY.")
    assert others["private_key"].removeprefix("0x") not in done.err

    desk.environ["ASTER_PRIVATE_KEY"] = "hello"
    done = desk.run("--for", "20s", "--yes", conf=conf, settings=())
    done.assert_plain_error(2, "ASTER_PRIVATE_KEY", "not a private key")


@pytest.mark.parametrize("option", [("--for", "20s", "--yes"), ("--explain",)])
def test_a_market_that_is_not_there_is_named_with_the_nearest_names(desk: Desk, served, option) -> None:
    conf = conf_for(desk, served)
    done = desk.run(*option, conf=conf, settings=("grid.btc.symbol=BTCUSTD",))
    done.assert_plain_error(2, "[grid.btc] symbol = BTCUSTD", "nearest: BTCUSDT")


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server that answers everything with the same page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name the base class wants

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_venue_that_answers_html_is_said_and_asked_again_until_the_time_is_over(desk: Desk) -> None:
    with answering(b"<html><body>Down for maintenance</body></html>") as address:
        conf = configured(desk, f"http://{address}", f"ws://{address}", make_credentials(Random(5)).as_dict())
        done = desk.run("--for", "2s", "--yes", conf=conf, settings=())
    done.assert_plain_error(1, "not readable as JSON", "tried again in", "before the bot could begin")
    assert done.err.count("cannot be read yet") >= 2


def test_a_closed_port_is_said_and_tried_again_until_somebody_is_there(desk: Desk, served) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{reserved.getsockname()[1]}"
        conf = configured(desk, f"http://{closed}", f"ws://{closed}", served["credentials"])
        running: Running = desk.start("--yes", conf=conf, settings=())
        running.until_logged("tried again in", count=2)
        assert f"no connection to {closed}" in running.err
        running.signal(signal.SIGINT)
        done = running.wait()
    assert done.code == 0
    assert "Traceback" not in done.err


def test_two_bots_on_one_account_and_tag_are_told_apart(desk: Desk, served, tmp_path) -> None:
    conf = conf_for(desk, served)
    running = desk.start("--yes", conf=conf, settings=("desk.on_stop=flatten",))
    running.until_logged("entry_order_submitted")
    other = Desk(tmp_path / "other", environ={**desk.environ, "XDG_RUNTIME_DIR": str(desk.folder / "runtime")})
    other.folder.mkdir()
    second = other.run("--for", "5s", "--yes", conf=conf, settings=())
    second.assert_plain_error(1, "with bot_tag 7 is in use by process", str(running.process.pid))
    running.signal(signal.SIGINT)
    assert running.wait().code == 0
