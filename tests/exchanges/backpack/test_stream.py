"""Frames of the streams."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.backpack import stream
from exchanges.backpack.signing import Signer, SigningKey
from exchanges.errors import MalformedMessage
from exchanges.reports import FillReport, NoticeKind, OrderReport, PositionReport, StreamNotice
from exchanges.secrets import Secret
from exchanges.values import CancelReason, OrderStatus, PriceSource, RejectReason, Side
from tests.exchanges.backpack.samples import NOW_NS, ORDER_ID, STREAM, SYMBOL, credentials, event, vectors, without

D = Decimal
FILL = "orderFill partial"
US = 1_000


def public(frame):
    return stream.parse_public(frame, NOW_NS)


def private(frame):
    return stream.parse_private(frame, NOW_NS)


# --- subscriptions ---


def test_best_prices_of_every_market_in_one_frame():
    endpoint = stream.public_endpoint(STREAM, (SYMBOL, "AAPL.US_USDC_PERP"))
    assert endpoint.url == STREAM
    assert [json.loads(frame) for frame in endpoint.hello] == [
        {"method": "SUBSCRIBE", "params": [f"bookTicker.{SYMBOL}", "bookTicker.AAPL.US_USDC_PERP"]}
    ]


@pytest.mark.parametrize("count", [0, 101])
def test_a_connection_carries_1_to_100_streams(count):
    with pytest.raises(ValueError, match="1 to 100"):
        stream.public_endpoint(STREAM, (SYMBOL,) * count)


def test_private_streams_are_signed_for_longer_than_a_connection_takes():
    signer = Signer(SigningKey(Secret(credentials()["secret"])), window_ms=3000)
    endpoint = stream.private_endpoint(STREAM, signer, wall_ns=1_750_000_000_000_000_000)
    (frame,) = (json.loads(text) for text in endpoint.hello)
    assert (frame["method"], frame["params"]) == ("SUBSCRIBE", ["account.orderUpdate", "account.positionUpdate"])
    assert frame["signature"][0] == credentials()["api_key"]
    assert frame["signature"][2:] == ["1750000000000", "30000"]
    assert endpoint.dead_after_s < 10


# --- public ---


def test_a_best_price():
    (report,) = public(event("bookTicker"))
    assert (report.symbol, report.bid, report.bid_quantity) == (SYMBOL, D("141.27"), D("0.50"))
    assert (report.ask, report.ask_quantity, report.source) == (D("141.30"), D("12.50"), PriceSource.STREAM)
    assert (report.occurred_ns, report.received_ns) == (1_750_000_000_000_001 * US, NOW_NS)


def test_an_empty_side_is_price_zero():
    (report,) = public(event("bookTicker (one side empty)"))
    assert (report.bid, report.ask, report.ask_quantity) == (D("141.27"), D(0), D(0))


@pytest.mark.parametrize("name", ["depth", "depth.200ms", "trade", "markPrice", "ticker", "kline"])
def test_other_public_events_are_ignored(name):
    (notice,) = public(event(name))
    assert (notice.kind, notice.text, notice.symbol) == (NoticeKind.IGNORED, name.split(".")[0], SYMBOL)


def test_an_event_without_symbol_is_ignored():
    (notice,) = public(b'{"data":{"e":"news"},"stream":"news"}')
    assert (notice.kind, notice.symbol) == (NoticeKind.IGNORED, "")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"stream":null}',
        b'{"stream":"bookTicker.X"}',
        b'{"stream":"bookTicker.X","data":[]}',
        b'{"stream":"bookTicker.X","data":{}}',
        b'{"stream":"bookTicker.X","data":{"e":5}}',
        b'{"stream":"bookTicker.X","data":{"e":"x","s":5}}',
        event("bookTicker", b="NaN"),
        event("bookTicker", b="-1"),
        event("bookTicker", T=None),
        event("bookTicker", T=10**17),
        event("bookTicker", T="1"),
        event("bookTicker", u=None),
        event("bookTicker", s=None),
        event("bookTicker", e=None),
    ],
)
def test_a_strange_public_frame_is_malformed(frame):
    with pytest.raises(MalformedMessage):
        public(frame)


# --- orders ---


def test_an_accepted_order():
    (report,) = private(event("orderAccepted"))
    assert (report.symbol, report.client_order_id, report.order_id) == (SYMBOL, 1001, ORDER_ID)
    assert (report.status, report.side, report.price) == (OrderStatus.OPEN, Side.BUY, D("141.25"))
    assert (report.quantity, report.filled, report.average_price) == (D("0.50"), D(0), None)
    assert (report.occurred_ns, report.received_ns) == (1_750_000_000_119_820 * US, NOW_NS)
    assert (report.reduce_only, report.reason) == (False, None)


def test_a_fill_is_told_before_the_state_it_leads_to():
    fill, order = private(event(FILL, L="141.20", p="141.25"))
    assert isinstance(fill, FillReport)
    assert isinstance(order, OrderReport)
    assert (fill.price, fill.quantity, fill.cumulative) == (D("141.20"), D("0.20"), D("0.20"))
    assert (fill.trade_id, fill.order_id, fill.client_order_id) == ("88000001", ORDER_ID, 1001)
    assert (fill.fee, fill.fee_asset, fill.is_maker) == (D("0.005650"), "USDC", True)
    assert (fill.order_quantity, fill.side) == (D("0.50"), Side.BUY)
    assert (order.status, order.filled, order.average_price) == (
        OrderStatus.PARTIALLY_FILLED,
        D("0.20"),
        D("141.25"),
    )


def test_a_fill_may_lack_trade_id_fee_and_role():
    fill, _ = private(event(FILL, t=None, n=None, N=None, m=None))
    assert (fill.trade_id, fill.fee, fill.fee_asset, fill.is_maker) == (None, D(0), "", None)
    fill, _ = private(without(FILL, "n", "N", "m"))
    assert (fill.trade_id, fill.fee) == ("88000001", D(0))
    assert private(event(FILL, n="-0.01"))[0].fee == D("-0.01")


def test_an_order_without_client_id_is_somebody_elses():
    fill, order = private(without(FILL, "c"))
    assert (fill.client_order_id, order.client_order_id, order.order_id) == (None, None, ORDER_ID)


@pytest.mark.parametrize(
    ("name", "changes", "status", "reason"),
    [
        ("orderCancelled", {}, OrderStatus.CANCELED, CancelReason.REQUESTED),
        ("orderExpired IOC", {}, OrderStatus.EXPIRED, CancelReason.IMMEDIATE),
        ("orderExpired post-only (unconfirmed)", {}, OrderStatus.EXPIRED, CancelReason.POST_ONLY),
        ("orderExpired IOC", {"R": None}, OrderStatus.EXPIRED, CancelReason.IMMEDIATE),
        ("orderExpired IOC", {"R": None, "f": "GTC", "o": "MARKET"}, OrderStatus.EXPIRED, CancelReason.IMMEDIATE),
        ("orderExpired IOC", {"R": None, "f": "GTC"}, OrderStatus.EXPIRED, CancelReason.EXPIRED),
        ("orderExpired IOC", {"R": None, "er": "SelfTradePrevention"}, OrderStatus.EXPIRED, CancelReason.SELF_TRADE),
        ("orderExpired IOC", {"R": "ReduceOnlyNotReduced"}, OrderStatus.EXPIRED, CancelReason.REDUCE_ONLY),
        ("orderExpired IOC", {"R": "A new one"}, OrderStatus.EXPIRED, CancelReason.OTHER),
        ("orderModified", {}, OrderStatus.OPEN, None),
    ],
)
def test_how_an_order_ended(name, changes, status, reason):
    (report,) = private(event(name, **changes))
    assert (report.status, report.reason) == (status, reason)


def test_a_shrunken_order_tells_its_new_size():
    (report,) = private(event("orderModified"))
    assert (report.quantity, report.reduce_only) == (D("0.30"), True)


def test_a_trigger_is_open_and_its_failure_a_rejection():
    (report,) = private(event("triggerPlaced"))
    assert (report.status, report.quantity, report.price) == (OrderStatus.OPEN, D(0), D(0))
    (report,) = private(event("triggerPlaced", e="triggerFailed", X="TriggerFailed"))
    assert (report.status, report.reject_reason) == (OrderStatus.REJECTED, RejectReason.OTHER)


def test_an_order_sized_in_quote_has_no_size():
    fill, order = private(without(FILL, "q", "p"))
    assert (fill.order_quantity, order.quantity, order.price) == (None, D(0), D(0))


def test_an_order_of_the_system_is_a_liquidation_notice_too():
    reports = private(event(FILL, O="LIQUIDATION_AUTOCLOSE", c=None))
    assert [type(report) for report in reports] == [FillReport, OrderReport, StreamNotice]
    assert (reports[2].kind, reports[2].symbol) == (NoticeKind.LIQUIDATION, SYMBOL)
    assert reports[2].text == "LIQUIDATION_AUTOCLOSE PartiallyFilled"


@pytest.mark.parametrize(
    "changes",
    [
        {"e": "orderTeleported"},
        {"e": None},
        {"X": "Canceled"},
        {"S": "BUY"},
        {"z": "0.60"},
        {"z": None},
        {"Z": "x"},
        {"i": None},
        {"c": -1},
        {"c": "abc"},
        {"L": "0"},
        {"L": None},
        {"l": "-1"},
        {"l": "0.30"},
        {"t": "x"},
        {"t": True},
        {"n": "x"},
        {"m": 1},
        {"f": "GTD"},
        {"r": None},
        {"y": None},
        {"O": None},
        {"T": 1.5},
        {"s": None},
        {"o": None},
    ],
)
def test_a_strange_order_event_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        private(event(FILL, **changes))


# --- positions ---


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("position snapshot frame (no e)", "0.50"),
        ("positionOpened", "0.20"),
        ("positionAdjusted", "0.50"),
        ("positionClosed", "0"),
    ],
)
def test_a_position(name, quantity):
    (report,) = private(event(name))
    assert isinstance(report, PositionReport)
    assert (report.symbol, report.quantity, report.entry_price) == (SYMBOL, D(quantity), D("141.25"))
    assert (report.isolated, report.received_ns) == (False, NOW_NS)


def test_numbers_of_a_position_may_be_json_numbers():
    (report,) = private(event("positionOpened", q=-0.2, B=141))
    assert (report.quantity, report.entry_price) == (D("-0.2"), D(141))


def test_a_snapshot_may_be_a_list():
    frame = vectors("ws_samples")["positionOpened"]
    two = [frame["data"], {**frame["data"], "s": "BTC_USDC_PERP"}]
    reports = private(json.dumps({**frame, "data": two}).encode())
    assert [report.symbol for report in reports] == [SYMBOL, "BTC_USDC_PERP"]
    (notice,) = private(json.dumps({**frame, "data": []}).encode())
    assert notice.kind is NoticeKind.IGNORED


@pytest.mark.parametrize("changes", [{"e": "positionLost"}, {"q": None}, {"B": "x"}, {"T": None}, {"s": None}])
def test_a_strange_position_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        private(event("positionOpened", **changes))


# --- the rest ---


@pytest.mark.parametrize("parse", [public, private])
@pytest.mark.parametrize("name", ["error parse", "error signature", "error stream"])
def test_a_refused_subscription_ends_the_connection(name, parse):
    frame = vectors("ws_samples")[name]
    (notice,) = parse(json.dumps(frame).encode())
    assert notice.kind is NoticeKind.CREDENTIAL_EXPIRED
    assert notice.text == f"{frame['error']['code']} {frame['error']['message']}"


def test_other_private_streams_are_ignored():
    (notice,) = private(event("balanceUpdate (newest docs and recording only)"))
    assert (notice.kind, notice.text) == (NoticeKind.IGNORED, "account.balanceUpdate")


def test_a_stream_of_one_market_is_read_like_the_one_of_all():
    frame = vectors("ws_samples")["orderAccepted"]
    frame["stream"] += f".{SYMBOL}"
    assert private(json.dumps(frame).encode())[0].client_order_id == 1001


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc3",
        b"[]",
        b"{}",
        b'{"id":null}',
        b'{"error":5}',
        b'{"error":{"code":"4003","message":"x"}}',
        b'{"stream":5,"data":{}}',
        b'{"stream":"account.orderUpdate"}',
        b'{"stream":"account.orderUpdate","data":[]}',
        b'{"stream":"account.positionUpdate","data":5}',
        b'{"stream":"account.positionUpdate","data":[5]}',
        b"[" * 100_000,
    ],
)
def test_a_strange_private_frame_is_malformed(frame):
    with pytest.raises(MalformedMessage):
        private(frame)


@given(
    name=st.sampled_from([name for name in vectors("ws_samples") if "error" not in name]),
    changes=st.dictionaries(
        st.sampled_from(list("eETsicSofXqQpzZlLtmnNVOryRbBaAuUMPd")),
        st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.lists(st.integers(), max_size=2),
        max_size=3,
    ),
)
def test_whatever_a_frame_holds_it_is_reports_or_malformed(name, changes):
    for parse in (public, private):
        with contextlib.suppress(MalformedMessage):
            parse(event(name, **changes))


@given(st.binary(max_size=80))
def test_any_bytes_are_reports_or_malformed(data):
    for parse in (public, private):
        with pytest.raises(MalformedMessage):
            parse(data)
