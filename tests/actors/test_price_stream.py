"""The price stream on readers, timers and a query lane that are driven by hand."""

import itertools
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from actors.messages import Ping, PriceChanged, PriceStale
from actors.price_stream import FeedStatus, PricedMarket, PriceFeed, PriceParts, PriceStream
from actors.settings import PricesSettings
from actors.streams import ReaderCalls
from actors.venue_messages import Begin, Distrust, QueryAnswered, QueryErred
from exchanges.errors import ConfigError, MalformedMessage, OutcomeUnknown
from exchanges.reports import NoticeKind, StreamNotice
from exchanges.values import PriceSource
from exchanges.venue import Call, StreamEndpoint
from tests.actors.venue_doubles import ScriptedVenue, best_price
from tests.fakes import FakeTimers, Probe

MS = 1_000_000


class FakeReader:
    def __init__(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> None:
        self.endpoint = endpoint
        self.calls = calls
        self.alive_ns = 0
        self.started = False
        self.stopped = False

    def start(self) -> None:
        self.started = True

    def send(self, text: str) -> None:
        raise AssertionError("nothing is said on this stream")

    def stop(self) -> bool:
        self.stopped = True
        return True


@dataclass
class Desk:
    prices: PricesSettings = field(default_factory=PricesSettings)
    refuse_address: bool = False

    def __post_init__(self) -> None:
        self.timers = FakeTimers()
        self.clock = self.timers.clock
        self.venue = ScriptedVenue()
        self.venue.public_frames = self.parse
        self.frames: dict[bytes, Any] = {}
        self.readers: list[FakeReader] = []
        self.asked: list[tuple[Call[object], Any, int]] = []
        self.strategy: Probe[Any] = Probe()
        self.closer: Probe[Any] = Probe()
        self.failures: Probe[Any] = Probe()
        self.rests: list[int] = []
        self.statuses: list[FeedStatus] = []
        feed = PriceFeed(
            exchange="aster",
            venue=self.venue,
            markets=(PricedMarket("BTCUSDT", ("btc",)), PricedMarket("ETHUSDT", ("eth-a", "eth-b"))),
            submit=lambda call, reply_to, ticket: self.asked.append((call, reply_to, ticket)),
            new_reader=self.new_reader,
        )
        parts = PriceParts(
            settings=self.prices,
            clock=self.clock,
            timers=self.timers,
            source=random.Random(1),
            strategy=self.strategy,
            closer=self.closer,
            publish=self.statuses.append,
            rest=lambda: self.rests.append(len(self.strategy.messages)),
        )
        self.ref = PriceStream.start(name="test/prices", failures=self.failures, feeds=[feed], parts=parts)

    def new_reader(self, endpoint: StreamEndpoint, calls: ReaderCalls) -> FakeReader:
        if self.refuse_address:
            raise ConfigError(("the address is bad",))
        self.readers.append(FakeReader(endpoint, calls))
        return self.readers[-1]

    def parse(self, frame: bytes) -> Any:
        report = self.frames[frame]
        if isinstance(report, Exception):
            raise report
        return (report,)

    def sync(self) -> None:
        assert self.ref.ask(Ping(), timeout=2)
        self.failures.expect_none()

    def begin(self) -> FakeReader:
        self.ref.tell(Begin())
        self.sync()
        return self.readers[-1]

    def open(self) -> FakeReader:
        reader = self.begin()
        reader.alive_ns = self.clock.monotonic_ns()
        reader.calls.on_open()
        self.sync()
        return reader

    def frame(self, report: Any, name: bytes = b"x") -> None:
        self.frames[name] = report
        reader = self.readers[-1]
        reader.alive_ns = self.clock.monotonic_ns()
        reader.calls.on_frame(name, self.clock.monotonic_ns(), self.clock.wall_ns())
        self.sync()

    def pass_time(self, ms: int) -> None:
        self.timers.advance(ms * MS)
        self.sync()


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.ref.stop(timeout=2)


def test_a_price_goes_to_strategy_and_closer_of_every_grid_of_its_market(desk):
    desk.open()
    desk.frame(best_price("2000", "2001", "ETHUSDT"))
    for probe in (desk.strategy, desk.closer):
        told = probe.all(PriceChanged)
        assert [(price.grid, price.bid, price.ask) for price in told] == [
            ("eth-a", Decimal(2000), Decimal(2001)),
            ("eth-b", Decimal(2000), Decimal(2001)),
        ]
        assert told[0].alive_ns == desk.clock.monotonic_ns()
        assert told[0].source is PriceSource.STREAM


def test_the_stream_is_pinged_often_enough_for_the_age_limit(desk):
    reader = desk.begin()
    assert reader.endpoint.ping_every_s == pytest.approx(0.5)
    assert reader.started


@pytest.mark.parametrize(("bid", "ask"), [("101", "100"), ("0", "100"), ("NaN", "100")])
def test_an_impossible_book_is_told_as_stale_once(desk, bid, ask):
    desk.open()
    desk.frame(best_price())
    desk.strategy.drain()
    desk.frame(best_price(bid, ask))
    desk.frame(best_price(bid, ask))
    assert [type(message) for message in desk.strategy.drain()] == [PriceStale]
    desk.frame(best_price())
    assert isinstance(desk.strategy.drain()[0], PriceChanged)


def test_without_proof_of_life_a_price_becomes_stale(desk):
    desk.open()
    desk.frame(best_price())
    desk.strategy.drain()
    desk.pass_time(1490)
    desk.strategy.expect_none(PriceStale)
    desk.pass_time(760)
    assert "no proof of life" in desk.strategy.take(PriceStale).why


def test_a_quiet_market_whose_stream_answers_pings_stays_fresh(desk):
    reader = desk.open()
    desk.frame(best_price())
    for _ in range(10):
        desk.pass_time(1000)
        reader.alive_ns = desk.clock.monotonic_ns()
    desk.strategy.expect_none(PriceStale)
    told = desk.strategy.all(PriceChanged)
    assert told[-1].bid == Decimal(100)
    assert desk.clock.monotonic_ns() - told[-1].alive_ns <= 2000 * MS


def test_the_stream_rests_after_it_has_told_what_came(desk):
    desk.open()
    desk.frame(best_price("2000", "2001", "ETHUSDT"))
    assert desk.rests == [2]


def test_only_the_newest_frame_of_each_market_counts(desk):
    reader = desk.open()
    for number in range(500):
        name = str(number).encode()
        symbol = "BTCUSDT" if number % 2 else "ETHUSDT"
        desk.frames[name] = best_price(str(100 + number % 3), "110", symbol)
    desk.frames[b"last"] = best_price("100.5", "110", "BTCUSDT")
    for name in desk.frames:
        reader.calls.on_frame(name, desk.clock.monotonic_ns(), desk.clock.wall_ns())
    desk.sync()
    assert [price.bid for price in desk.strategy.all(PriceChanged) if price.grid == "btc"][-1] == Decimal("100.5")


def test_an_unreadable_frame_is_counted_and_changes_nothing(desk):
    desk.open()
    desk.frame(MalformedMessage("aster", "frame", "no JSON", excerpt="<html>"), b"bad")
    assert desk.statuses[-1].malformed == 1
    desk.strategy.expect_none(PriceChanged)
    desk.frame(best_price(), b"good")
    assert desk.strategy.all(PriceChanged)


def test_other_frames_are_not_prices(desk):
    desk.open()
    desk.frame(StreamNotice(kind=NoticeKind.SUBSCRIBED))
    desk.frame(best_price(symbol="DOGEUSDT"), b"foreign")
    desk.strategy.expect_none()


def test_a_lost_stream_takes_the_prices_away_and_is_reconnected_with_growing_waits(desk):
    reader = desk.open()
    desk.frame(best_price())
    desk.strategy.drain()
    reader.calls.on_closed("cut")
    desk.sync()
    assert "cut" in desk.strategy.take(PriceStale).why
    assert desk.statuses[-1] == FeedStatus(exchange="aster", is_open=False, reconnects=1, why="cut")
    waits = []
    for _ in range(8):
        before, readers = desk.clock.monotonic_ns(), len(desk.readers)
        while len(desk.readers) == readers:
            desk.pass_time(50)
        waits.append((desk.clock.monotonic_ns() - before) / 1e9)
        desk.readers[-1].calls.on_closed("refused")
        desk.sync()
    assert waits[0] <= 0.6
    assert 10 < waits[-1] <= 30.1
    assert desk.statuses[-1].reconnects == 1


def test_an_old_readers_words_are_ignored(desk):
    reader = desk.open()
    reader.calls.on_closed("cut")
    desk.sync()
    desk.pass_time(1000)
    assert len(desk.readers) == 2
    reader.calls.on_closed("again")
    reader.calls.on_open()
    desk.sync()
    assert not desk.statuses[-1].is_open
    desk.pass_time(60000)
    assert len(desk.readers) == 2


def test_while_the_stream_is_down_prices_come_by_rest(desk):
    reader = desk.open()
    desk.frame(best_price())
    reader.calls.on_closed("cut")
    desk.sync()
    desk.strategy.drain()
    _, reply_to, ticket = next(item for item in desk.asked if item[0].request.operation == "best_price")
    asked_ns = desk.clock.monotonic_ns() - 5
    reply_to.tell(QueryAnswered(ticket, best_price("105", "106"), asked_ns))
    desk.sync()
    price = desk.strategy.take(PriceChanged)
    assert (price.bid, price.alive_ns, price.source) == (Decimal(105), asked_ns, PriceSource.REST)
    questions = len(desk.asked)
    desk.pass_time(1000)
    assert len(desk.asked) == questions + 1  # the other market's first question is still out: it is not asked twice


def test_a_failed_price_question_is_no_price(desk):
    reader = desk.open()
    reader.calls.on_closed("cut")
    desk.sync()
    desk.strategy.drain()
    _, reply_to, ticket = desk.asked[0]
    reply_to.tell(QueryErred(ticket, OutcomeUnknown("aster", "best_price", "HTML"), 0))
    desk.sync()
    desk.strategy.expect_none()


def test_a_rest_price_that_comes_after_the_streams_is_dropped(desk):
    desk.open()
    desk.pass_time(1000)
    _, reply_to, ticket = desk.asked[0]
    desk.frame(best_price("100", "101", "BTCUSDT"))
    desk.strategy.drain()
    reply_to.tell(QueryAnswered(ticket, best_price("90", "91", "BTCUSDT"), 0))
    desk.sync()
    desk.strategy.expect_none(PriceChanged)


def test_an_address_that_cannot_be_used_is_tried_again_later_and_does_not_kill():
    made = Desk(refuse_address=True)
    made.ref.tell(Begin())
    made.sync()
    assert "address is bad" in made.statuses[-1].why
    made.refuse_address = False
    made.pass_time(1000)
    assert len(made.readers) == 1
    made.ref.stop(timeout=2)


def test_a_stream_whose_markets_are_not_known_yet_is_no_lost_stream(desk, monkeypatch):
    def unknown(_symbols):
        raise ConfigError(("the number of market X is not known (yet)",))

    with monkeypatch.context() as patched:
        patched.setattr(desk.venue, "public_stream", unknown)
        desk.ref.tell(Begin())
        desk.sync()
        desk.pass_time(600)
    assert "not known" in desk.statuses[-1].why
    assert desk.statuses[-1].reconnects == 0
    assert desk.readers == []
    desk.pass_time(3000)
    assert len(desk.readers) == 1
    assert desk.strategy.all(PriceStale) == []


def test_without_rest_fallback_nothing_is_asked():
    made = Desk(prices=PricesSettings(rest_fallback=False))
    reader = made.open()
    reader.calls.on_closed("cut")
    made.sync()
    made.pass_time(10000)
    assert made.asked == []
    made.ref.stop(timeout=2)
    assert all(reader.stopped for reader in made.readers[-1:])


def test_a_refused_subscription_closes_the_stream_whose_pongs_would_prove_an_old_price_alive(desk):
    reader = desk.open()
    desk.frame(best_price())
    desk.frame(StreamNotice(kind=NoticeKind.CREDENTIAL_EXPIRED, text="4006 Invalid stream"), b"y")
    assert reader.stopped
    reader.calls.on_closed("stopped")
    desk.sync()
    assert desk.strategy.all(PriceStale)
    desk.pass_time(2000)
    assert len(desk.readers) == 2
    desk.frame(StreamNotice(kind=NoticeKind.IGNORED, text="depth"), b"z")
    assert not desk.readers[-1].stopped
    assert (desk.statuses[-1].ignored, desk.statuses[-1].malformed) == (1, 0)


# --- streams that look open ---


def answer_rest(desk, price):
    call, reply_to, ticket = desk.asked.pop()
    asked_ns = desk.clock.monotonic_ns()
    reply_to.tell(QueryAnswered(ticket, price, asked_ns))
    desk.sync()
    return call


def silent_for(desk, ms):
    """Let time pass in which pings are answered and nothing is said."""
    for _ in range(ms // 100):
        desk.readers[-1].alive_ns = desk.clock.monotonic_ns()
        desk.pass_time(100)


def settled(desk):
    """Open the stream and let both markets have a price, so that no first price is being asked for."""
    reader = desk.open()
    desk.frame(best_price("100", "100.1"))
    desk.frame(best_price("2000", "2001", "ETHUSDT"), b"eth")
    while desk.asked:
        answer_rest(desk, best_price())
    return reader


def test_a_silent_stream_beside_a_moving_market_is_given_up(desk):
    reader = settled(desk)
    silent_for(desk, 9_000)
    assert desk.asked == []
    silent_for(desk, 2_000)
    assert [call.request.operation for call, _, _ in desk.asked] == ["best_price", "best_price"]
    answer_rest(desk, best_price("2000", "2001", "ETHUSDT"))
    answer_rest(desk, best_price("90", "90.1", source=PriceSource.REST))
    assert not reader.stopped
    silent_for(desk, 2_000)
    assert reader.stopped
    assert "the venue's price has moved" in desk.statuses[-1].why
    assert desk.strategy.all(PriceStale)
    silent_for(desk, 1_000)
    assert len(desk.readers) == 2


def test_a_venue_whose_two_prices_differ_for_good_is_connected_to_less_and_less(desk):
    settled(desk)
    times = []
    for second in range(1, 400):
        silent_for(desk, 1_000)
        while desk.asked:
            symbol = desk.asked[-1][0].request.operation
            assert symbol == "best_price"
            answer_rest(desk, best_price("98", "98.1", source=PriceSource.REST))
        if len(desk.readers) > len(times) + 1:
            times.append(second)
            desk.readers[-1].calls.on_open()
            desk.sync()
            while desk.asked:
                answer_rest(desk, best_price("98", "98.1", source=PriceSource.REST))
            desk.frame(best_price("100", "100.1"), b"a")
            desk.frame(best_price("2000", "2001", "ETHUSDT"), b"b")
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 3 <= len(times) <= 6
    assert gaps == sorted(gaps)
    assert gaps[-1] > 60


def test_a_silent_stream_of_a_quiet_market_is_kept(desk):
    reader = settled(desk)
    for _ in range(10):
        silent_for(desk, 11_000)
        while desk.asked:
            symbol = len(desk.asked)
            answer_rest(desk, best_price("2000", "2001", "ETHUSDT") if symbol == 2 else best_price("100", "100.1"))
    assert not reader.stopped
    assert len(desk.readers) == 1


def test_a_stream_that_tells_the_other_price_itself_is_kept(desk):
    reader = settled(desk)
    silent_for(desk, 11_000)
    answer_rest(desk, best_price("2000", "2001", "ETHUSDT"))
    answer_rest(desk, best_price("101", "101.1", source=PriceSource.REST))
    desk.frame(best_price("101", "101.1"), b"late")
    silent_for(desk, 3_000)
    assert not reader.stopped


def test_a_reader_that_hangs_is_replaced_although_it_never_says_so(desk):
    reader = settled(desk)
    dead_after_ms = int(reader.endpoint.dead_after_s * 1000)
    desk.pass_time(dead_after_ms + 4_000)
    assert len(desk.readers) == 1
    desk.pass_time(2_500)
    assert reader.stopped
    desk.pass_time(1_000)
    assert len(desk.readers) == 2
    reader.calls.on_closed("at last")  # the old one is not heard any more
    desk.sync()
    assert desk.statuses[-1].why != "at last"


def test_after_a_pause_every_quote_is_dropped_and_the_stream_connected_anew(desk):
    reader = settled(desk)
    desk.strategy.drain()
    desk.ref.tell(Distrust("nothing ran here for 20.0 s"))
    desk.sync()
    assert {stale.grid for stale in desk.strategy.all(PriceStale)} == {"btc", "eth-a", "eth-b"}
    assert reader.stopped
    reader.calls.on_frame(b"x", desk.clock.monotonic_ns(), desk.clock.wall_ns())  # what lay in the socket
    desk.sync()
    desk.strategy.expect_none(PriceChanged)
    desk.pass_time(1000)
    assert len(desk.readers) == 2
