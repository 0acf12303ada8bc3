"""Cards AC-19 to AC-25: streams that repeat, re-order, break, expire and talk nonsense."""

import random
from decimal import Decimal

from actors.messages import (
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderSettled,
    StreamLost,
    StreamRestored,
)
from actors.send_gate import to_request
from actors.status import ConnectionPhase
from exchanges.client import ClientCallbacks, ExchangeClient
from exchanges.errors import MalformedMessage
from exchanges.reports import FillReport
from exchanges.values import OrderStatus, PriceSource
from tests.contract.desk import TAG


class Heard:
    """What a client tells of its orders."""

    def __init__(self):
        self.filled, self.ended, self.accepted = {}, {}, []

    def callbacks(self):
        return ClientCallbacks(
            order_fill=self.on_fill,
            order_accepted=self.accepted.append,
            order_ended=self.on_ended,
            position=lambda _: None,
            foreign_order=lambda _: None,
            notice=lambda _: None,
        )

    def on_fill(self, order_id, fill_price, fill_delta, sequence, fill):
        self.filled[order_id] = self.filled.get(order_id, Decimal(0)) + fill_delta

    def on_ended(self, order_id, status, reason, cumulative, *, final, ending):
        self.ended.setdefault(order_id, []).append((status, cumulative))


def record_a_life(desk):
    """Frames of two orders: one filled in three parts, one partly filled and canceled."""
    desk.holds_frames = True
    first, second = desk.entry(), desk.entry()
    desk.command(first)
    for tenths in (3, 2, 5):
        desk.fill(first, desk.unit * tenths)
    desk.command(second)
    desk.fill(second, desk.unit * 4)
    desk.command(desk.cancel_of(second))
    return first, second, desk.take_frames()


def fills_in(desk, frames):
    reports = [report for frame in frames for report in desk.venue.parse_private(frame, 1)]
    return [report for report in reports if isinstance(report, FillReport) and report.client_order_id is not None]


def test_ac_19_repeated_and_reordered_reports_count_once(desk):
    """AC-19: whatever the order and repetition of the stream's frames, every fill counts once and every end is told
    once, with the same totals.

    Aster 12.3, 13.1; Backpack 13, 14; Lighter 14 (RELIABILITY.md W2, W3, W5).
    """
    first, second, frames = record_a_life(desk)
    totals = {}
    for fill in fills_in(desk, frames):
        totals[fill.client_order_id] = totals.get(fill.client_order_id, 0) + fill.quantity
        assert fill.cumulative in (None, totals[fill.client_order_id])
    source = random.Random(1)
    for _ in range(60):
        played = [*frames, *source.choices(frames, k=len(frames))]
        source.shuffle(played)
        heard = Heard()
        client = ExchangeClient(desk.venue, bot_tag=TAG, symbols=(desk.symbol,), callbacks=heard.callbacks())
        for order in (first, second):
            client.register(to_request(order), placed_ns=0)
        for frame in played:
            for report in desk.venue.parse_private(frame, 1):
                client.apply(report, received_ns=1)
        client.release(10**15)
        assert heard.filled == {
            first.client_order_id: first.quantity,
            second.client_order_id: desk.unit * 4,
        }
        assert heard.ended[first.client_order_id] == [(OrderStatus.FILLED, first.quantity)]
        assert [status for status, _ in heard.ended[second.client_order_id]] == [OrderStatus.CANCELED]


def test_ac_20_what_happened_during_a_gap_is_told_before_the_stream_counts_as_restored(desk):
    """AC-20: fills and ends that fell into a gap are read and told once, before StreamRestored; nothing told twice.

    Aster 13.2; Backpack 14; Lighter 14, 15 (RELIABILITY.md W4, W7).
    """
    filled, canceled = desk.entry(), desk.entry()
    desk.command(filled)
    desk.fill(filled, desk.unit * 3)
    desk.command(canceled)
    desk.refuses_streams = True
    desk.cut_stream()
    assert desk.phase is ConnectionPhase.LOST
    assert len(desk.strategy.all(StreamLost)) == 1
    desk.bench.trade(filled.price - 10 * desk.rules.tick, desk.unit * 7, buyer_is_maker=True)
    desk.ask(desk.venue.cancel_order(desk.ref(canceled.client_order_id)))
    desk.pass_time(3)
    assert desk.told(StreamRestored) == []
    desk.refuses_streams = False
    desk.pass_time(60)
    assert desk.phase is ConnectionPhase.LIVE
    told = [type(message) for message in desk.strategy.messages]
    assert told.count(StreamRestored) == 1
    assert OrderFilled not in told[told.index(StreamRestored) :]
    assert desk.filled(filled) == filled.quantity
    assert len(desk.told(OrderCanceled)) == 1
    assert [told.leaves for told in desk.told(OrderFilled)][-1] == 0
    settled = {message.client_order_id: message for message in desk.told(OrderSettled)}
    assert settled[canceled.client_order_id].status is OrderStatus.CANCELED
    assert desk.statuses[-1].reconnects == 1


def test_ac_21_the_stream_outlives_its_credential(desk):
    """AC-21: with renewals on schedule the private stream tells, far beyond the credential's life, what happens to an
    exit that rested all the time; an entry that the venue lets expire meanwhile is told as ended.

    Aster 12.1: a listen key lives an hour. Backpack 12: the subscription is signed, nothing expires. Lighter 6.4:
    tokens live eight hours at most; 10: entries carry an expiry.
    """
    lot, entry = desk.place_filled(), desk.entry()
    exit_order = desk.exit_of(lot)
    desk.command(exit_order)
    desk.command(entry)
    desk.pass_time(4 * desk.capabilities.private_renew_s or 7200)
    if desk.phase is not ConnectionPhase.LIVE:
        desk.pass_time(60)
    assert desk.phase is ConnectionPhase.LIVE
    assert [lost for lost in desk.told(StreamLost) if "expired" in lost.why] == []
    asked = desk.questions
    desk.fill(exit_order)
    assert desk.filled(exit_order) == lot.quantity
    assert desk.questions == asked
    ended = [told.client_order_id for told in desk.told(OrderCanceled)]
    assert ended == [] if desk.open_at_venue() else [entry.client_order_id]


def test_ac_22_without_renewal_nothing_is_missed_either(desk):
    """AC-22: when the credential was to be renewed and was not (the machine slept), the stream either goes on telling,
    or its loss is noticed by a notice or its end, and a new one is opened. What happened is told once.

    Aster 12.1 (listenKeyExpired, and silence after it); Lighter 6.4 (not established), 12. Backpack has no credential
    to lose.
    """
    lot = desk.place_filled()
    exit_order = desk.exit_of(lot)
    desk.command(exit_order)
    desk.timers.cancel((f"contract/{desk.subject.name}/connection", "renew"))
    desk.pass_time(3 * desk.capabilities.private_renew_s or 7200)
    desk.pass_time(60)
    assert desk.phase is ConnectionPhase.LIVE
    desk.fill(exit_order)
    assert desk.filled(exit_order) == lot.quantity
    assert len(desk.closer.all(OrderAccepted)) == 1


def test_ac_23_garbage_is_malformed_and_nothing_else(desk):
    """AC-23: a mutated frame is read like a frame or raises MalformedMessage; the connection counts it and goes on.

    RELIABILITY.md W15, W16, O10.
    """
    *_, frames = record_a_life(desk)
    source, refused = random.Random(2), 0
    for frame in frames:
        for _ in range(40):
            data = bytearray(frame)
            for _ in range(source.randint(1, 4)):
                at = source.randrange(len(data))
                match source.randrange(3):
                    case 0:
                        data[at] = source.randrange(256)
                    case 1:
                        del data[at:]
                        data += b"}"
                    case _:
                        data[at:at] = source.choice([b"null", b'"', b"NaN", b"1e999", b"{", b"-"])
            for parse in (desk.venue.parse_private, desk.venue.parse_public):
                try:
                    parse(bytes(data), 1)
                except MalformedMessage:
                    refused += 1
    assert refused > len(frames)
    desk.deliver(b"\xff\x00 not a frame")
    desk.holds_frames = False
    desk.settle()
    assert desk.statuses[-1].malformed == 1
    assert desk.phase is ConnectionPhase.LIVE


def test_ac_24_quotes_come_by_stream_and_by_question(desk):
    """AC-24: best bid and ask come over the public stream as they change, with their sizes, and the question says the
    same.

    Aster 6, 11; Backpack 6, 11; Lighter 12, 13.
    """
    session = desk.bench.connect(desk.venue.public_stream((desk.symbol,)))
    assert session is not None
    for step in range(1, 6):
        bid = desk.ask_price + step * desk.rules.tick
        desk.bench.quote(bid, bid + desk.rules.tick)
        desk.pass_time(0.5)
    quotes = desk.quotes(text.encode() for text in session.frames)
    assert quotes
    assert (quotes[-1].symbol, quotes[-1].source) == (desk.symbol, PriceSource.STREAM)
    assert (quotes[-1].bid, quotes[-1].ask) == (bid, bid + desk.rules.tick)
    assert quotes[-1].bid_quantity > 0
    asked = desk.ask(desk.venue.best_price(desk.symbol))
    assert (asked.symbol, asked.bid, asked.ask, asked.source) == (desk.symbol, bid, bid + desk.rules.tick, "rest")


def test_ac_25_an_audit_repairs_what_the_stream_dropped(desk):
    """AC-25: frames lost on a stream that stays open are made good by the next audit, once.

    Aster 13; Backpack 14; Lighter 14 (RELIABILITY.md W4).
    """
    entry = desk.entry()
    desk.command(entry)
    desk.holds_frames = True
    desk.fill(entry, desk.unit * 4)
    desk.take_frames()
    desk.holds_frames = False
    assert desk.filled(entry) == 0
    desk.audit()
    assert desk.filled(entry) == desk.unit * 4
    desk.fill(entry, desk.unit * 6)
    assert desk.filled(entry) == entry.quantity
