"""Lighter's public feed as a price source: its frames, and against the simulated venue over a real socket."""

import json
from decimal import Decimal

import pytest

from exchanges.clock import SystemClock
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.lighter.kit import KIT
from exchanges.simulated.price_sources import open_prices
from exchanges.simulated.prices.live import LivePrices, UnreadableFrame
from exchanges.simulated.prices.live_lighter import LighterFeed, lighter_feed
from exchanges.simulated.settings import PaperSettings, PriceKind
from exchanges.simulated.testing import running_venue
from tests.exchanges.simulated.lighter_bench import vectors

D = Decimal
STATS = {
    "type": "subscribed/market_stats",
    "channel": "market_stats:all",
    "market_stats": {"0": {"symbol": "ETH", "market_id": 0}, "1": {"symbol": "BTC"}, "x": {"symbol": "ETH"}, "7": None},
}
TICKER = vectors()["frames"]["ticker"]
TRADES = {
    "type": "update/trade",
    "channel": "trade:0",
    "trades": [
        {"price": "2350.10", "size": "0.5000", "is_maker_ask": True},
        {"price": "2350.00", "size": "0.2500", "is_maker_ask": False},
    ],
    "liquidation_trades": None,
}


def feed(*symbols):
    made = LighterFeed()
    assert made.hello(symbols or ("ETH",)) == (json.dumps({"type": "subscribe", "channel": "market_stats/all"}),)
    return made


def known():
    made = feed()
    made.answer(json.dumps(STATS))
    return made


def test_the_markets_are_asked_for_by_the_numbers_that_the_venue_gives_them():
    made = feed()
    sent = [json.loads(frame) for frame in made.answer(json.dumps(STATS))]
    assert sent == [
        {"type": "unsubscribe", "channel": "market_stats/all"},
        {"type": "subscribe", "channel": "ticker/0"},
        {"type": "subscribe", "channel": "trade/0"},
    ]
    assert made.answer(json.dumps(STATS)) == (), "once is enough"
    assert made.answer(json.dumps({"type": "ping"})) == (json.dumps({"type": "pong"}),)


def test_a_market_that_the_venue_does_not_have_is_named():
    with pytest.raises(UnreadableFrame, match="no market DOGE"):
        feed("DOGE", "ETH").answer(json.dumps(STATS))


def test_quotes_and_prints_are_rows():
    made = known()
    assert made.parse(json.dumps(TICKER)) == (QuoteTick("ETH", D("2350.10"), D("0.2000"), D("2351.00"), D("1.0000")),)
    assert made.parse(json.dumps(TRADES)) == (
        TradeTick("ETH", D("2350.10"), D("0.5000"), buyer_is_maker=False),
        TradeTick("ETH", D("2350.00"), D("0.2500"), buyer_is_maker=True),
    )


@pytest.mark.parametrize(
    "frame",
    [
        vectors()["frames"]["connected"],
        vectors()["frames"]["ticker_empty_side"],
        TRADES | {"type": "subscribed/trade"},
        TRADES | {"trades": None},
        TRADES | {"channel": "trade:1"},
        {"error": {"code": 30003, "message": "Already Subscribed to : ticker:0"}},
        [1],
    ],
)
def test_other_frames_are_not_rows(frame):
    assert known().parse(json.dumps(frame)) == ()


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        json.dumps(TICKER | {"ticker": None}),
        json.dumps(TICKER | {"ticker": {"a": {"price": "1", "size": "1"}, "b": {"price": "NaN", "size": "1"}}}),
        json.dumps(TRADES | {"trades": [{"price": "1", "size": "1", "is_maker_ask": 1}]}),
        json.dumps(TRADES | {"trades": ["x"]}),
    ],
)
def test_a_frame_that_is_not_what_the_note_says(frame):
    with pytest.raises(UnreadableFrame):
        known().parse(frame)


def test_live_prices_come_from_the_simulated_venue_too():
    """The face speaks the dialect that the feed reads: one against the other, over a real socket."""
    with running_venue(venue="lighter", symbols=("BTC", "ETH")) as venue:
        venue.quote("ETH", "2350.00", "2350.10")
        prices = LivePrices(["ETH"], SystemClock(), dialect=lighter_feed(), base_url=venue.ws_url)
        prices.start(0)
        rows: list[object] = []
        number = 0
        while {type(row) for row in rows} != {QuoteTick, TradeTick} and number < 1000:
            number += 1
            venue.quote("ETH", "2350.00", "2350.10", bid_quantity=str(number))
            venue.trade("ETH", "2350.10", "0.5", buyer_is_maker=False)
            rows += [tick for _, tick in prices.events_until(10**20)]
        error = prices.last_error
        prices.close()
    assert {type(row) for row in rows} == {QuoteTick, TradeTick}
    assert error == ""
    assert (prices.unreadable, prices.connections) == (0, 1)


def test_every_connection_and_every_source_learns_anew():
    paper = PaperSettings(prices=PriceKind.LIVE)
    rules = (KIT.rules("ETH"),)
    prices, _ = open_prices(paper, rules, {}, SystemClock(), venue="lighter")
    other, _ = open_prices(paper, rules, {}, SystemClock(), venue="lighter")
    assert isinstance(prices, LivePrices)
    assert isinstance(other, LivePrices)
    assert prices._url == "wss://mainnet.zklighter.elliot.ai/stream"
    assert prices._dialect is not other._dialect
    made = known()
    made.hello(("ETH",))
    assert made.parse(json.dumps(TICKER)) == ()
