import copy
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.aster.stream import parse_private, parse_public, private_endpoint, public_endpoint
from exchanges.errors import MalformedMessage
from exchanges.reports import BestPrice, FillReport, NoticeKind, OrderReport, PositionReport, StreamNotice
from exchanges.values import CancelReason, OrderStatus, RejectReason, Side
from tests.exchanges.aster.samples import NOW_NS, OUR_ID, SYMBOL, frame, order_event, payload, vectors

WS_SAMPLES = [name for name in vectors("payload_fixtures") if name.startswith("ws_") and name != "ws_subscribe"]


def changed(event, **changes):
    return {key: value for key, value in {**event, **changes}.items() if value is not ...}


# --- addresses ---


def test_public_stream_names_every_market_in_lower_case():
    endpoint = public_endpoint("wss://host", ("BTCUSDT", "ETHUSDT"))
    assert endpoint.url == "wss://host/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker"
    assert endpoint.hello == ()
    assert 0 < endpoint.ping_every_s < 1.5
    assert endpoint.max_age_s < 24 * 3600


@pytest.mark.parametrize("number", [0, 201])
def test_public_stream_carries_1_to_200_markets(number):
    with pytest.raises(ValueError, match="1 to 200"):
        public_endpoint("wss://host", tuple(f"X{each}" for each in range(number)))


def test_private_stream_is_named_by_its_key():
    assert private_endpoint("wss://host", "abc").url == "wss://host/ws/abc"


# --- public ---


@pytest.mark.parametrize("name", ["ws_book_ticker", "ws_book_ticker_combined"])
def test_book_ticker_is_a_quote(name):
    (report,) = parse_public(frame(payload(name)), NOW_NS)
    assert isinstance(report, BestPrice)
    assert (report.symbol, report.source) == (SYMBOL, "stream")
    assert (report.bid, report.bid_quantity) == (Decimal("94999.9"), Decimal("1.250"))
    assert (report.ask, report.ask_quantity) == (Decimal("95000.0"), Decimal("0.830"))
    assert (report.occurred_ns, report.received_ns) == (1_700_000_000_099_000_000, NOW_NS)


def test_book_ticker_without_transaction_time_has_the_event_time():
    (report,) = parse_public(frame(changed(payload("ws_book_ticker"), T=...)), NOW_NS)
    assert report.occurred_ns == 1_700_000_000_100_000_000


def test_a_crossed_book_is_reported_as_it_came():
    (report,) = parse_public(frame(payload("ws_book_ticker", b="2", a="1", B="0")), NOW_NS)
    assert (report.bid, report.ask, report.bid_quantity) == (2, 1, 0)


@pytest.mark.parametrize("name", ["ws_agg_trade", "ws_mark_price", "ws_depth5"])
def test_other_events_are_told_as_ignored(name):
    (notice,) = parse_public(frame(payload(name)), NOW_NS)
    assert (notice.kind, notice.text, notice.symbol) == (NoticeKind.IGNORED, payload(name)["e"], SYMBOL)


@pytest.mark.parametrize("parse", [parse_public, parse_private])
def test_control_frames(parse):
    (notice,) = parse(frame(payload("ws_subscribe_ack")), NOW_NS)
    assert (notice.kind, notice.text) == (NoticeKind.SUBSCRIBED, "1")
    (notice,) = parse(b"ping", NOW_NS)
    assert notice.kind is NoticeKind.HEARTBEAT
    with pytest.raises(MalformedMessage, match="refused a control frame"):
        parse(b'{"code":2,"msg":"Invalid request"}', NOW_NS)


@pytest.mark.parametrize("parse", [parse_public, parse_private])
@pytest.mark.parametrize(
    "raw", [b"", b"x", b"\xff", b"5", b"null", b"[]", b"{}", b'{"e":5}', b'{"stream":"x","data":[]}', b'{"e":NaN}',
            b'{"result":null}', b'{"result":null,"id":"1"}', b"[" * 100_000, b'{"method":"SUBSCRIBE","id":1}'],
)  # fmt: skip
def test_garbage_is_malformed(parse, raw):
    with pytest.raises(MalformedMessage):
        parse(raw, NOW_NS)


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key in "bBaA" for value in (..., None, "NaN", "", [], True)]
    + [("s", value) for value in (..., None, 5, [])],
)
def test_a_broken_quote_is_malformed(key, value):
    with pytest.raises(MalformedMessage):
        parse_public(frame(changed(payload("ws_book_ticker"), **{key: value})), NOW_NS)


# --- orders ---


def test_a_new_order_is_one_report():
    (report,) = parse_private(frame(order_event()), NOW_NS)
    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.order_id, report.status) == (OUR_ID, "40000000123", OrderStatus.OPEN)
    assert (report.quantity, report.price, report.filled) == (Decimal("0.005"), Decimal("94000.0"), 0)
    assert (report.side, report.reduce_only, report.average_price) == (Side.BUY, False, None)
    assert (report.occurred_ns, report.received_ns) == (1_700_000_000_009_000_000, NOW_NS)


def test_a_trade_is_a_fill_and_then_the_order():
    fill, report = parse_private(frame(order_event(index=1)), NOW_NS)
    assert isinstance(fill, FillReport)
    assert (fill.price, fill.quantity, fill.cumulative) == (Decimal("94000.0"), Decimal("0.002"), Decimal("0.002"))
    assert (fill.trade_id, fill.order_id, fill.client_order_id) == ("901", "40000000123", OUR_ID)
    assert (fill.fee, fill.fee_asset, fill.is_maker) == (Decimal("0.0188"), "USDT", True)
    assert (fill.order_quantity, fill.side) == (Decimal("0.005"), Side.BUY)
    assert (report.status, report.filled, report.reason) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.002"), None)


def test_the_price_of_a_fill_is_never_that_of_the_order():
    fill, report = parse_private(frame(order_event(where="price_improvement_taker", index=2)), NOW_NS)
    assert (fill.price, report.price) == (Decimal("95000.2"), Decimal("95100.0"))
    assert report.average_price == Decimal("95000.16")


@pytest.mark.parametrize("trade_id", [0, -1, None, ...])
def test_a_trade_without_an_id_has_none(trade_id):
    event = order_event(index=1)
    event["o"] = changed(event["o"], t=trade_id)
    fill, _ = parse_private(frame(event), NOW_NS)
    assert fill.trade_id is None


def test_a_trade_without_commission_is_free():
    event = order_event(index=1)
    event["o"] = changed(event["o"], n=..., N=...)
    fill, _ = parse_private(frame(event), NOW_NS)
    assert (fill.fee, fill.fee_asset) == (0, "")


def test_a_rebate_is_negative():
    fill, _ = parse_private(frame(order_event(index=1, n="-0.5")), NOW_NS)
    assert fill.fee == Decimal("-0.5")


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"x": "EXPIRED", "X": "EXPIRED"}, OrderStatus.EXPIRED, CancelReason.POST_ONLY),
        ({"x": "EXPIRED", "X": "EXPIRED", "z": "0.001"}, OrderStatus.EXPIRED, CancelReason.OTHER),
        ({"x": "EXPIRED", "X": "EXPIRED", "f": "IOC"}, OrderStatus.EXPIRED, CancelReason.IMMEDIATE),
        ({"x": "EXPIRED", "X": "EXPIRED", "f": "GTC", "o": "MARKET"}, OrderStatus.EXPIRED, CancelReason.IMMEDIATE),
        ({"x": "CANCELED", "X": "CANCELED", "z": "0.001"}, OrderStatus.CANCELED, CancelReason.REQUESTED),
    ],
)
def test_an_end_carries_its_reason_and_no_fill(changes, status, reason):
    (report,) = parse_private(frame(order_event(**changes)), NOW_NS)
    assert (report.status, report.reason) == (status, reason)


def test_a_rejected_order_says_so():
    (report,) = parse_private(frame(order_event(x="REJECTED", X="REJECTED")), NOW_NS)
    assert (report.status, report.reject_reason) == (OrderStatus.REJECTED, RejectReason.OTHER)


@pytest.mark.parametrize(
    "changes", [{"c": "autoclose-17"}, {"c": "adl_autoclose"}, {"x": "CALCULATED", "X": "NEW_INSURANCE"}]
)
def test_a_liquidation_is_told(changes):
    report, notice = parse_private(frame(order_event(**changes)), NOW_NS)
    assert isinstance(report, OrderReport)
    assert (notice.kind, notice.symbol) == (NoticeKind.LIQUIDATION, SYMBOL)


@pytest.mark.parametrize(
    "changes",
    [{"x": "DONE"}, {"X": "DONE"}, {"S": "LONG"}, {"z": "0.006"}, {"z": "-1"}, {"l": "0"}, {"L": "0"}, {"l": "0.003"},
     {"L": "NaN"}, {"i": 0}, {"T": "x"}, {"m": 1}, {"R": None}, {"f": "GTD"}, {"t": "901"}, {"n": "x"}, {"q": "x"}],
)  # fmt: skip
def test_a_trade_that_makes_no_sense_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        parse_private(frame(order_event(index=1, **changes)), NOW_NS)


@pytest.mark.parametrize("order", [..., None, [], "x"])
def test_an_order_event_without_order_is_malformed(order):
    with pytest.raises(MalformedMessage):
        parse_private(frame(changed(order_event(), o=order)), NOW_NS)


# --- account ---


def account_event(**changes):
    event = payload("ws_account_update")
    event["a"] = changed(event["a"], **changes)
    return event


def test_an_account_update_tells_positions():
    (report,) = parse_private(frame(account_event()), NOW_NS)
    assert isinstance(report, PositionReport)
    assert (report.symbol, report.quantity, report.entry_price) == (SYMBOL, Decimal("0.002"), 94000)
    assert (report.isolated, report.occurred_ns) == (False, 1_700_000_000_020_000_000)


def test_funding_is_the_sum_of_its_balance_changes():
    rows = [{"a": "USDT", "wb": "1", "cw": "1", "bc": "-0.5"}, {"a": "USDC", "wb": "1", "cw": "1", "bc": "0.2"}]
    (notice,) = parse_private(frame(account_event(m="FUNDING_FEE", B=rows, P=[])), NOW_NS)
    assert (notice.kind, notice.quantity, notice.symbol) == (NoticeKind.FUNDING, Decimal("-0.3"), "")
    _, notice = parse_private(frame(account_event(m="FUNDING_FEE", B=rows)), NOW_NS)
    assert notice.symbol == SYMBOL


def test_a_clearance_by_the_insurance_fund_is_a_liquidation():
    reports = parse_private(frame(account_event(m="INSURANCE_CLEAR")), NOW_NS)
    assert [type(each) for each in reports] == [PositionReport, StreamNotice]
    assert reports[1].kind is NoticeKind.LIQUIDATION


@pytest.mark.parametrize("positions", [[], None, ...])
def test_a_transfer_tells_no_position(positions):
    (notice,) = parse_private(frame(account_event(m="DEPOSIT", P=positions)), NOW_NS)
    assert (notice.kind, notice.text) == (NoticeKind.IGNORED, "DEPOSIT")


def test_a_position_of_hedge_mode_is_a_change_of_configuration():
    row = {**account_event()["a"]["P"][0], "ps": "LONG"}
    (notice,) = parse_private(frame(account_event(P=[row])), NOW_NS)
    assert (notice.kind, notice.symbol) == (NoticeKind.CONFIG_CHANGED, SYMBOL)


@pytest.mark.parametrize("changes", [{"m": None}, {"P": {}}, {"P": [5]}, {"P": [{}]}, {"m": "FUNDING_FEE", "B": None}])
def test_an_account_update_that_makes_no_sense_is_malformed(changes):
    with pytest.raises(MalformedMessage):
        parse_private(frame(account_event(**changes)), NOW_NS)


def test_a_margin_call_names_each_position():
    (notice,) = parse_private(frame(payload("ws_margin_call")), NOW_NS)
    assert (notice.kind, notice.symbol, notice.text) == (
        NoticeKind.MARGIN_CALL, SYMBOL, "position 0.020 at mark 91000.0",
    )  # fmt: skip
    (notice,) = parse_private(frame(payload("ws_margin_call", p=[])), NOW_NS)
    assert notice.kind is NoticeKind.MARGIN_CALL


def test_a_change_of_leverage_or_mode_is_told():
    (notice,) = parse_private(frame(payload("ws_account_config")), NOW_NS)
    assert (notice.kind, notice.symbol, notice.text) == (NoticeKind.CONFIG_CHANGED, SYMBOL, "leverage 10")
    modes = {"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ai": {"j": True, "d": False}}
    (notice,) = parse_private(frame(modes), NOW_NS)
    assert (notice.kind, notice.text) == (NoticeKind.CONFIG_CHANGED, "multi-asset True, dual side False")
    with pytest.raises(MalformedMessage):
        parse_private(frame({"e": "ACCOUNT_CONFIG_UPDATE"}), NOW_NS)


@pytest.mark.parametrize("name", ["ws_listen_key_expired", "ws_listen_key_expired_live_shape"])
def test_an_expired_key_is_told_without_the_key(name):
    (notice,) = parse_private(frame(payload(name)), NOW_NS)
    assert notice.kind is NoticeKind.CREDENTIAL_EXPIRED
    assert payload(name).get("listenKey", "none") not in repr(notice)


def test_events_nobody_knows_are_told_as_ignored():
    (notice,) = parse_private(b'{"e":"GRID_UPDATE"}', NOW_NS)
    assert (notice.kind, notice.text) == (NoticeKind.IGNORED, "GRID_UPDATE")


# --- anything ---


def places(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FRAMES = [payload(name) for name in WS_SAMPLES] + [order_event(index=1)]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_frame_with_any_value_anywhere_is_read_or_malformed(data):
    event = copy.deepcopy(data.draw(st.sampled_from(FRAMES)))
    path = data.draw(st.sampled_from([each for each in places(event) if each]))
    target = event
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = data.draw(JSON)
    for parse in (parse_public, parse_private):
        try:
            reports = parse(json.dumps(event).encode(), NOW_NS)
        except MalformedMessage:
            continue
        assert reports


@given(st.binary(max_size=40))
def test_bytes_of_any_kind_are_read_or_malformed(raw):
    for parse in (parse_public, parse_private):
        try:
            parse(raw, NOW_NS)
        except MalformedMessage:
            continue


def test_texts_of_notices_are_short_whatever_was_sent():
    assert len(parse_private(frame({"result": None, "id": 10**300}), NOW_NS)[0].text) == 60
    call = {"e": "MARGIN_CALL", "p": [{"s": SYMBOL, "pa": "9" * 5000, "mp": "1"}]}
    with pytest.raises(MalformedMessage, match="pa is not a number"):
        parse_private(frame(call), NOW_NS)
