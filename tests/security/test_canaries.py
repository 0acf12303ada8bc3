"""RELIABILITY.md E3, E4, E5, E7: secrets are planted everywhere, and everything that is written or told is searched.

In the process: every venue's session with things going wrong, at the finest log level and before any redaction. As a
user runs it: `--serve` gives the credentials of a simulated account, and whatever run.py prints and leaves is searched.
"""

import base64
import io
import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger

from actors.app.logs import Redactor, spellings
from actors.app.notify import secrets_in
from actors.base import BotActor
from actors.messages import ActorFailed, Ping
from actors.send_gate import to_request
from exchanges.clock import SystemClock
from exchanges.errors import BotError, ExchangeError
from exchanges.rest_transport import RestTransport
from exchanges.secrets import Secret
from exchanges.simulated.faces.mishaps import Mishap
from exchanges.stream_transport import StreamReader
from exchanges.venue import SignedRequest, StreamEndpoint
from tests.contract.desk import Desk, open_desk
from tests.contract.venues import SUBJECTS
from tests.exchanges.loopback import Loopback, answering, refused_port
from tests.exchanges.test_stream_transport import Heard
from tests.fakes import Probe
from tests.security.canaries import files_under, forms, hits
from tests.system.program import Desk as Folder
from tests.system.program import open_desk as open_folder
from tests.system.program import until

PRIVATE = {"private_key", "secret", "api_key"}
"""What of the credentials that `--serve` prints is nobody's business."""


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All lines of the packages, with every field and every exception, and nothing taken out."""
    out = io.StringIO()
    number = logger.add(  # noqa: TID251 - the test listens
        lambda line: out.write(f"{line}{line.record['extra']!r}\n"), level=0, diagnose=False, backtrace=False
    )
    logger.enable("actors")
    logger.enable("exchanges")
    try:
        yield out
    finally:
        logger.remove(number)  # noqa: TID251 - see above
        logger.disable("actors")
        logger.disable("exchanges")


def secrets_of(credentials) -> dict[str, str]:
    return {name: str(value) for name, value in credentials.items() if name in PRIVATE}


# --- the search itself ---


def test_the_search_finds_a_secret_in_every_form():
    key = "0x" + "4fd1" * 16
    encoded = base64.b64encode(bytes(range(32))).decode()
    for secret in (key, encoded, "a-token-with+signs/and=more"):
        for form in (
            secret.encode(),
            secret.encode().hex().encode(),
            base64.b64encode(secret.encode()),
            b"x" + secret.encode()[: (len(secret) + 1) // 2],
        ):
            assert hits({"it": secret}, {"file": b"before " + form + b" behind"}), form
    assert hits({"it": key}, {"file": bytes.fromhex("4fd1" * 16)})
    assert hits({"it": encoded}, {"file": bytes(range(32)).hex().encode()})
    assert hits({"it": key}, {"file": b"nothing of it"}) == []


def test_the_redactor_knows_every_form_that_is_searched_for():
    for secret in ("0x" + "4fd1" * 16, base64.b64encode(bytes(range(32))).decode(), "token+with/signs=="):
        redact = Redactor([Secret(secret)])
        text = " ".join(["begin", *sorted(spellings(secret)), "end"])
        shown = redact(text)
        assert shown.startswith("begin ***")
        assert hits({"it": secret}, {"shown": shown.encode()}) == []


def test_alert_addresses_are_secrets_in_all_their_parts():
    urls = "tgram://123456789:AAbbCCddEEffGGhhII/987654321012\nmailto://me:pass-word-long@host.example"
    redact = Redactor(secrets_in(Secret(urls)))
    shown = redact("failed: tgram://123456789:AAbbCCddEEffGGhhII/987654321012 and AAbbCCddEEffGGhhII, pass-word-long")
    for part in ("AAbbCCddEEffGGhhII", "987654321012", "pass-word-long"):
        assert part not in shown


# --- in the process ---


def trade_with(desk: Desk, mishap: Mishap) -> None:
    """Fills, an exit, a refusal, an order that goes wrong, and a stream that breaks."""
    entry = desk.place_filled()
    desk.command(desk.exit_of(entry))
    desk.command(desk.entry(price=desk.ask_price + 10 * desk.rules.tick))
    desk.cut_stream()
    desk.pass_time(40)
    order = desk.entry(price=desk.ask_price - 300 * desk.rules.tick)
    desk.plan(mishap, order)
    desk.command(order)
    desk.audit()


@pytest.mark.parametrize("mishap", [Mishap.RATE_LIMITED, Mishap.HTML, Mishap.TIMEOUT_BEFORE, Mishap.LOST_REPLY])
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_session_with_failures_tells_no_secret(subject, mishap):
    with everything_logged() as logged, open_desk(subject) as desk:
        desk.live()
        trade_with(desk, mishap)
        frames = [text for reader in desk.readers for text in (reader.endpoint.url, *reader.endpoint.hello)]
        canaries = secrets_of(desk.bench.credentials)
        canaries |= {f"stream {number}": each for number, each in enumerate(credentials_in(frames))}
        request = desk.venue.place_limit_order(to_request(desk.entry())).request
        told = [probe.messages for probe in (desk.strategy, desk.closer, desk.journal, desk.bot, desk.failures)]
        places = {
            "log": logged.getvalue(),
            "messages": repr(told),
            "statuses": repr(desk.statuses),
            "objects": repr([desk.venue, desk.venue.settings, request, desk.venue_clock]),
        }
    assert len(canaries) >= len(secrets_of(desk.bench.credentials)) + (subject.name != "backpack")
    assert "private stream lost" in logged.getvalue()
    assert hits(canaries, {name: text.encode() for name, text in places.items()}) == []


def credentials_in(texts):
    """What of addresses and first frames proves who we are: listen keys and tokens."""
    for text in texts:
        if text.startswith("ws"):
            key = text.rpartition("/")[2]
            if len(key) > 40:
                yield key
        elif "auth" in (frame := json.loads(text)):
            yield frame["auth"]


class Careless(BotActor):
    """An actor that fails with a secret in its text and in its locals."""

    def __init__(self, secret, **more):
        super().__init__(**more)
        self.secret = secret

    def handle(self, message):
        key = self.secret
        cause = KeyError(key)
        raise ValueError(f"cannot sign with {key} {key.encode().hex()} {base64.b64encode(key.encode())}") from cause


HEX = "0x" + "4fd1" * 16
BASE64 = base64.b64encode(bytes(range(200, 232))).decode()


@pytest.mark.parametrize("secret", [HEX, BASE64, "tOkEn" * 10], ids=["hex", "base64", "text"])
def test_an_actor_that_fails_with_a_secret_tells_none(secret):
    failures = Probe[ActorFailed]()
    with everything_logged() as logged:
        actor = Careless.start(secret, name="t/careless", failures=failures)
        actor.tell(Ping)
        failed = failures.take(ActorFailed)
        actor.actor_stopped.wait(5)
    assert "cannot sign" in failed.error
    assert hits({"it": secret}, {"log": logged.getvalue().encode(), "told": repr(failed).encode()}) == []


# --- the transports ---

KEY = "d0e1f2a3b4c5d6e7f8a9" * 3
SIGNED = SignedRequest(
    operation="GET order",
    method="GET",
    target=f"/order?symbol=X&signature={KEY}",
    headers={"X-API-KEY": KEY},
    body=f"secret={KEY}".encode(),
)
ANSWERS = {
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "garbage": f"\x00\x01 {KEY}".encode(),
    "echo in the head": f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode(),
    "nothing": b"",
}


def told_by(error: BaseException) -> bytes:
    return "".join([*traceback.format_exception(error), repr(error), str(error), repr(error.args)]).encode()


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_request_that_fails_tells_nothing_of_itself(answer):
    with Loopback(answering(ANSWERS[answer])) as server:
        transport = RestTransport("aster", server.url("http"), clock=SystemClock(), timeout_s=(2, 2))
        with pytest.raises(ExchangeError) as caught:
            transport.send(SIGNED)
        transport.close()
    assert hits({"key": KEY}, {"error": told_by(caught.value)}) == []


def test_a_request_that_never_leaves_tells_nothing_of_itself():
    with refused_port() as port:
        transport = RestTransport("aster", f"http://127.0.0.1:{port}", clock=SystemClock())
        with pytest.raises(BotError) as caught:
            transport.send(SIGNED)
        transport.close()
    assert hits({"key": KEY}, {"error": told_by(caught.value)}) == []


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Forbidden\r\nX: " + KEY.encode() + b"\r\n\r\n", b"", b"\x00" * 50])
def test_a_stream_that_fails_tells_nothing_of_its_address(answer):
    heard = Heard()
    with Loopback(answering(answer)) as server:
        reader = StreamReader(
            "aster",
            StreamEndpoint(url=server.url("ws", path=f"/ws/{KEY}?token={KEY}"), hello=(f'{{"auth":"{KEY}"}}',)),
            clock=SystemClock(),
            on_frame=heard.on_frame,
            on_open=heard.on_open,
            on_closed=heard.on_closed,
        )
        reader.start()
        why = heard.wait_closed()
        assert reader.stop()
    assert hits({"key": KEY}, {"why": why.encode()}) == []


# --- as a user runs it ---

SERVE = """
[desk]
name = served
mode = paper
state_dir = unset
[exchange.{venue}]
{extra}
[grid]
order_notional_usd = 200
target_leverage = 5
[risk]
max_margin_usd = 400
[grid.btc]
exchange = {venue}
symbol = {symbol}
"""
BESIDES = """[control]
token_env = CANARY_TOKEN
[log]
level = TRACE
[grid]
wait_time_s = 0
grid_step_pct = 0
"""
LIVE = SERVE.replace("mode = paper", "mode = live").replace("served", "canary").replace("[grid]\n", BESIDES, 1)
TOKEN = "canary-control-token-7f3e9d1c5b"
VARIABLES = {
    "aster": {"ASTER_USER": "user", "ASTER_SIGNER": "signer", "ASTER_PRIVATE_KEY": "private_key"},
    "backpack": {"BACKPACK_PUBLIC_KEY": "api_key", "BACKPACK_SECRET_KEY": "secret"},
    "lighter": {"LIGHTER_API_KEY_PRIVATE_KEY": "private_key"},
}
SYMBOLS = {"aster": "BTCUSDT", "backpack": "BTC_USDC_PERP", "lighter": "BTC"}


def live_conf(folder: Folder, venue: str, served: dict) -> str:
    extra = f"rest_url = {served['rest']}\nws_url = {served['ws']}"
    if venue == "lighter":
        given = served["credentials"]
        extra += f"\naccount_index = {given['account_index']}\napi_key_index = {given['api_key_index']}"
    path = folder.folder / "live.ini"
    path.write_text(LIVE.format(venue=venue, symbol=SYMBOLS[venue], extra=extra))
    return str(path)


def run_everything(folder: Folder, conf: str) -> None:
    """Whatever prints: check, status in the middle of a run, refusals, dead addresses."""
    folder.run("--check", "--print", conf=conf, settings=())
    running = folder.start("--for", "25s", "--json", "--yes", conf=conf, settings=())
    running.until_logged("reconcile_finished")
    status = folder.run("--status", conf=conf, settings=())
    assert status.code == 0, status.err
    folder.run("--pause", conf=conf, settings=())
    folder.run("--stop", conf=conf, settings=())
    assert running.wait(60).code == 0, running.err
    section = next(line for line in Path(conf).read_text().splitlines() if line.startswith("[exchange."))[1:-1]
    dead = (f"{section}.rest_url=http://127.0.0.1:9", f"{section}.ws_url=ws://127.0.0.1:9")
    assert folder.run("--for", "3s", "--yes", conf=conf, settings=dead).code != 0


@pytest.mark.system
@pytest.mark.timeout(150)
@pytest.mark.parametrize("venue", VARIABLES)
def test_nothing_that_run_py_writes_holds_a_secret(tmp_path, venue):
    serve_conf = tmp_path / "serve.ini"
    serve_conf.write_text(SERVE.format(venue=venue, symbol=SYMBOLS[venue], extra=""))
    with open_folder(tmp_path / "served") as served_folder, open_folder(tmp_path / "bot") as folder:
        serving = served_folder.start("--serve", conf=str(serve_conf), settings=())
        served = json.loads(until(lambda: serving.out, "the line of --serve", 40, lambda: serving.err))
        given = {name: str(value) for name, value in served["credentials"].items()}
        folder.environ |= {variable: given[name] for variable, name in VARIABLES[venue].items()}
        folder.environ["CANARY_TOKEN"] = TOKEN
        conf = live_conf(folder, venue, served)
        run_everything(folder, conf)
        wrong = next(name for name in ("private_key", "secret") if name in VARIABLES[venue].values())
        swapped = {variable: given[name][::-1] for variable, name in VARIABLES[venue].items() if name == wrong}
        folder.environ |= swapped
        folder.run("--for", "3s", "--yes", conf=conf, settings=())
        written = files_under(folder.folder, but=["control.json"])
    used = {name: given[name] for name in VARIABLES[venue].values() if name in PRIVATE}
    canaries = {**used, "swapped": next(iter(swapped.values())), "control token": TOKEN}
    assert any(name.endswith("bot.log") for name in written)
    assert any("journal.db" in name for name in written)
    assert any(name.endswith("intents.log") for name in written)
    assert hits(canaries, written) == []
    assert all(len(form) >= 12 for form in forms(TOKEN))
