"""Cards AC-34 to AC-38: the account, its money, its clock and its keys."""

from decimal import Decimal
from random import Random

import pytest

from actors.connection_parts import ConnectionFailed
from actors.messages import OrderAccepted, OrderFilled
from actors.send_gate import to_request
from exchanges.errors import RequestRefused
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import PositionReport
from exchanges.values import OrderStatus
from exchanges.venue import AccountSetup
from tests.contract.bench import RICH, client_of
from tests.contract.desk import SECOND, TAG, open_desk


def test_ac_34_position_fees_and_equity_are_read(desk):
    """AC-34: the account's numbers are the venue's: fee rates, the fee of a fill, position, equity; the stream's
    position is the question's.

    Aster 10, 12.2; Backpack 8, 9; Lighter 4, 13.
    """
    before = desk.ask(desk.venue.account_summary())
    assert before.equity >= before.available > 0
    assert before.equity == RICH.start_equity_usd
    rates = desk.ask(desk.venue.fee_rates(desk.symbol))
    assert (rates.maker, rates.taker) == (RICH.maker_fee_bps / 10000, RICH.taker_fee_bps / 10000)
    assert desk.ask(desk.venue.position(desk.symbol)).quantity == 0
    entry = desk.entry()
    desk.command(entry)
    desk.holds_frames = True
    desk.fill(entry)
    frames = desk.take_frames()
    desk.deliver(*frames)
    desk.holds_frames = False
    desk.sync()
    (fill,) = desk.told(OrderFilled)
    assert abs(fill.fee - rates.maker * entry.price * entry.quantity) < Decimal("0.0001")
    asked = desk.ask(desk.venue.position(desk.symbol))
    assert (asked.quantity, asked.entry_price) == (entry.quantity, entry.price)
    streamed = [
        report
        for frame in frames
        for report in desk.venue.parse_private(frame, 1)
        if isinstance(report, PositionReport)
    ]
    assert all(report.quantity == entry.quantity for report in streamed[-1:])
    after = desk.ask(desk.venue.account_summary())
    assert abs(before.equity - after.equity) < entry.price * entry.quantity / 100
    assert after.available < after.equity


def test_ac_35_the_account_is_set_up_once_and_found_so_again(desk):
    """AC-35: mode and leverage are set by the start; the same checks again change nothing and find nothing.

    Aster 10; Backpack 9.2; Lighter 10.
    """
    setup = AccountSetup(symbol=desk.symbol, leverage=5)
    for _ in range(2):
        assert [desk.ask(call) for call in desk.venue.account_checks(setup)] == [None] * len(
            desk.venue.account_checks(setup)
        )
    desk.command(desk.entry())
    assert [problem for call in desk.venue.account_checks(setup) if (problem := desk.ask(call))] == []


@pytest.mark.parametrize("skew_s", [-90, 1, 90, 7200])
def test_ac_36_a_clock_that_is_wrong_is_measured_and_corrected(subject, skew_s):
    """AC-36: however far our clock is from the venue's, the start measures the difference and what is signed with it
    is accepted; where what signs takes the machine's time and nothing else, a start that could not trade is refused
    with words. Uncorrected, a venue whose requests carry a time refuses for good (no unknown outcome).

    Aster 3.4, 6; Backpack 3.3; Lighter 5.4, 9 (RELIABILITY.md O12).
    """
    with open_desk(subject, skew_ns=skew_s * SECOND) as desk:
        if subject.dialect.stamps_own_time and abs(skew_s) > 60:
            desk.begin()
            (failed,) = desk.bot.all(ConnectionFailed)
            assert "clock" in failed.text
            return
        desk.live()
        assert abs(desk.venue_clock.offset_ns - skew_s * SECOND) <= SECOND
        desk.command(desk.entry())
        assert len(desk.told(OrderAccepted)) == 1
        if subject.dialect.is_timed:
            unaware = client_of(subject, desk.bench.credentials)
            call = unaware.place_limit_order(to_request(desk.entry()))
            signed = unaware.sign(call.request, wall_ns=desk.bench.now_ns - 7200 * SECOND)
            with pytest.raises(RequestRefused):
                call.read(desk.bench.exchange(signed))
            assert desk.open_at_venue() == 1


def test_ac_37_wrong_keys_end_the_start(subject):
    """AC-37: credentials of somebody else are refused for good, and the start says so instead of trying for ever.

    Aster 5.4 (-2014, -2015, -1022); Backpack 3.4; Lighter 2, 5.
    """
    with open_desk(subject) as desk:
        desk.bench.credentials = subject.kit.make_credentials(Random(8))
        with open_desk(subject, bench=desk.bench, clock=desk.clock) as other:
            assert repr(other.bench.credentials) != repr(desk.bench.venue.face.credentials())
            other.begin()
            (failed,) = other.bot.all(ConnectionFailed)
            assert "credentials" in failed.text
            assert other.open_at_venue() == 0


def test_ac_38_ids_survive_the_way_through_the_venue(desk):
    """AC-38: any 32-bit id is spelled as the venue likes and read back the same; other people's texts are nobody's.

    Aster 8; Backpack 7.1; Lighter 10. DESIGN.md section 3.
    """
    ids = [pack(OrderKey(tag, sequence, leg)) for tag in (0, 31, 63) for sequence in (1, 2**22 - 1) for leg in (0, 14)]
    for number in ids:
        text = desk.venue.spell_client_order_id(number)
        assert desk.venue.read_client_order_id(text) == number
        assert number.bit_length() <= desk.capabilities.max_client_order_id_bits
    for foreign in (None, "", "web_1", "x" * 36, "-1", str(2**40)):
        assert desk.venue.read_client_order_id(foreign) is None
    entry = desk.entry(client_order_id=pack(OrderKey(TAG, 2**22 - 1, 0)))
    desk.command(entry)
    report = desk.ask(desk.venue.query_order(desk.ref(entry.client_order_id)))
    assert (report.client_order_id, report.status) == (entry.client_order_id, OrderStatus.OPEN)
