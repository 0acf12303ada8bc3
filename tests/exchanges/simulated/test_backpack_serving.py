"""The simulated Backpack as it is served: beside another venue in one process, over sockets, on live prices."""

import base64
import dataclasses
import json
from decimal import Decimal
from random import Random

import pytest
import requests
import websocket

from exchanges.clock import SystemClock
from exchanges.simulated.assembly import FACES, face_kit
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.backpack.kit import KIT
from exchanges.simulated.faces.kit import FaceParts
from exchanges.simulated.launch import VenueChoice, VenueLaunch
from exchanges.simulated.price_sources import open_prices
from exchanges.simulated.prices.live import LivePrices, UnreadableFrame
from exchanges.simulated.prices.live_backpack import BACKPACK_FEED, parse_frame, subscription
from exchanges.simulated.process import ServedVenue, SimulatedVenueProcess
from exchanges.simulated.settings import PaperSettings, PriceKind
from exchanges.simulated.state_files import account_file, read_json, write_private
from exchanges.simulated.testing import QUIET, running_venue
from tests.exchanges.simulated.backpack_bench import SOL, BackpackBench, frame_sample, sign

FAST = dataclasses.replace(QUIET, idle_exit_s=60)
BTC = "BTC_USDC_PERP"
D = Decimal


def launch(state_dir):
    venues = (
        VenueChoice(name="one", venue="backpack", symbols=("BTC", "SOL")),
        VenueChoice(name="two", venue="aster", symbols=("BTC",)),
    )
    return VenueLaunch(venues=venues, paper=FAST, state_dir=state_dir)


@pytest.fixture
def process(tmp_path):
    made = SimulatedVenueProcess(launch(tmp_path))
    yield made
    made.stop()


def account(venue: ServedVenue) -> dict[str, object]:
    """GET account, signed on the spot by the venue's own clock."""
    stamp = requests.get(f"{venue.rest}/api/v1/time", timeout=5).text
    text = f"instruction=accountQuery&timestamp={stamp}&window=5000"
    headers = {
        "X-API-Key": str(venue.credentials["api_key"]),
        "X-Signature": sign(text, str(venue.credentials["secret"])),
        "X-Timestamp": stamp,
        "X-Window": "5000",
    }
    body: dict[str, object] = requests.get(f"{venue.rest}/api/v1/account", headers=headers, timeout=5).json()
    return body


def test_it_is_served_beside_another_venue_and_comes_back_with_its_account(process, tmp_path):
    first = process.start()
    assert (first["one"].venue, first["one"].symbols) == ("backpack", (BTC, SOL))
    assert first["two"].symbols == ("BTCUSDT",)
    assert set(first["one"].credentials) == {"api_key", "secret"}
    assert str(first["one"].credentials["secret"]) not in repr(first["one"])
    assert account(first["one"])["leverageLimit"] == "10"
    marks = requests.get(f"{first['one'].rest}/api/v1/markPrices", timeout=5).json()
    levels = {row["symbol"]: D(row["markPrice"]) for row in marks}
    assert 50_000 < levels[BTC] < 70_000
    assert 140 < levels[SOL] < 170
    process.stop()
    second = process.start()
    assert second["one"].credentials == first["one"].credentials
    assert account(second["one"])["leverageLimit"] == "10"


def test_a_saved_account_with_other_keys_is_refused(process, tmp_path):
    process.start()
    process.stop()
    path = account_file(tmp_path, "one")
    state = dict(read_json(path) or {})
    state["face"]["credentials"]["secret"] = base64.b64encode(bytes(32)).decode()
    write_private(path, json.dumps(state))
    with pytest.raises(Exception, match="does not belong to the secret"):
        process.start()


def test_one_address_carries_everything():
    with running_venue(venue="backpack", symbols=("SOL",)) as venue:
        socket = websocket.create_connection(venue.ws_url, timeout=5)
        socket.send(json.dumps({"method": "SUBSCRIBE", "params": [f"bookTicker.{SOL}"]}))
        socket.send("?")  # its answer says that what was sent before has been read
        assert json.loads(socket.recv())["error"]["code"] == 4002
        venue.quote(SOL, "141.27", "141.30")
        frame = json.loads(socket.recv())
        assert (frame["stream"], frame["data"]["b"]) == (f"bookTicker.{SOL}", "141.27")
        assert requests.get(f"{venue.rest_url}/api/v1/depth?symbol={SOL}&limit=5", timeout=5).status_code == 200
        assert requests.get(f"{venue.rest_url}/api/v1/ping", timeout=5).text == "pong"
        socket.close()


def test_a_venue_that_is_not_simulated():
    assert {"aster", "backpack"} <= set(FACES)
    with pytest.raises(ValueError, match="no simulated venue for 'nowhere'; there is one for aster, backpack"):
        face_kit("nowhere")


def test_the_parts_of_a_face_keep_their_credentials_to_themselves():
    face = BackpackBench().face
    parts = FaceParts(
        engine=face.context.engine,
        credentials=face.credentials(),
        specs=(),
        settings=face.context.settings,
        rng=Random(1),
        now_ns=1,
    )
    assert str(face.credentials()["secret"]) not in repr(parts)


# --- the real venue's feed ---


def test_the_feed_is_asked_for_after_connecting():
    (frame,) = subscription([SOL, BTC])
    assert json.loads(frame) == {
        "method": "SUBSCRIBE",
        "params": [f"bookTicker.{SOL}", f"trade.{SOL}", f"bookTicker.{BTC}", f"trade.{BTC}"],
    }
    assert BACKPACK_FEED.url("wss://x", [SOL]) == "wss://x"


def test_frames_of_the_feed():
    quote = parse_frame(json.dumps(frame_sample("bookTicker")))
    assert quote == QuoteTick(SOL, D("141.27"), D("0.50"), D("141.30"), D("12.50"))
    trade = parse_frame(json.dumps(frame_sample("trade")).encode())
    assert trade == TradeTick(SOL, D("141.28"), D("0.50"), buyer_is_maker=True)
    for name in ("bookTicker (one side empty)", "depth", "markPrice", "error stream"):
        assert parse_frame(json.dumps(frame_sample(name))) is None
    assert parse_frame("[]") is None


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("bookTicker", {"b": 141.27}),
        ("bookTicker", {"B": None}),
        ("bookTicker", {"s": ""}),
        ("trade", {"m": "true"}),
        ("trade", {"p": "-1"}),
    ],
)
def test_a_frame_that_is_not_what_the_note_says(name, changes):
    frame = frame_sample(name)
    with pytest.raises(UnreadableFrame):
        parse_frame(json.dumps({**frame, "data": frame["data"] | changes}))


@pytest.mark.parametrize("text", ["", "{", '{"data":{"x":1e9991700000006002170}}'])
def test_a_frame_that_is_not_json(text):
    with pytest.raises(UnreadableFrame):
        parse_frame(text)


def test_live_prices_come_from_the_simulated_venue_too():
    """The face speaks the dialect that the feed reads: one against the other, over a real socket."""
    with running_venue(venue="backpack", symbols=("SOL",)) as venue:
        prices = LivePrices([SOL], SystemClock(), dialect=BACKPACK_FEED, base_url=venue.ws_url)
        prices.start(0)
        rows: list[object] = []
        number = 0
        while len(rows) < 2 and number < 500:
            number += 1
            venue.quote(SOL, "141.27", "141.30", bid_quantity=str(number))
            rows += [tick for _, tick in prices.events_until(10**20)]
        prices.close()
    assert {type(row) for row in rows} == {QuoteTick}


def test_which_feed_a_venue_has():
    paper = PaperSettings(prices=PriceKind.LIVE)
    rules = (KIT.rules(SOL),)
    prices, found = open_prices(paper, rules, {}, SystemClock(), venue="backpack")
    assert isinstance(prices, LivePrices)
    assert prices._url == "wss://ws.backpack.exchange"
    assert found == rules
    with pytest.raises(ValueError, match="no live feed of nowhere"):
        open_prices(paper, rules, {}, SystemClock(), venue="nowhere")
