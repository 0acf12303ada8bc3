import json
from decimal import Decimal

import pytest

from exchanges.errors import ConfigError, MalformedMessage
from exchanges.lighter import stream
from exchanges.lighter.records import CREATE_ORDER
from exchanges.reports import BestPrice, FillReport, NoticeKind, OrderReport, PositionReport, StreamNotice
from exchanges.values import OrderStatus, RejectReason, Side
from tests.exchanges.lighter.samples import (
    NOW_NS,
    OUR_ID,
    account,
    frame,
    order_row,
    position_row,
    said,
    sample,
    trade_row,
    tx_record,
)


def private(event):
    return stream.parse_private(account(), frame(event), NOW_NS)


def public(event):
    return stream.parse_public(account(), frame(event), NOW_NS)


def update(family, **content):
    return {"type": f"update/{family}", "channel": f"{family}:12345", **content}


# --- endpoints ---


def test_the_public_stream_subscribes_to_the_ticker_of_each_market():
    endpoint = stream.public_endpoint(account(), "ws://x", ("ETH",))
    assert endpoint.url == "ws://x/stream"
    assert [json.loads(text) for text in endpoint.hello] == [{"type": "subscribe", "channel": "ticker/0"}]


def test_an_address_may_name_its_path():
    assert stream.stream_url("ws://x/stream") == "ws://x/stream"


def test_markets_that_were_not_read_yet_can_be_tried_later():
    with pytest.raises(ConfigError, match="SOL"):
        stream.public_endpoint(account(), "ws://x", ("ETH", "SOL"))
    with pytest.raises(ValueError, match="channels"):
        stream.public_endpoint(account(), "ws://x", ())


def test_the_private_stream_subscribes_with_the_token():
    endpoint = stream.private_endpoint(account(), "ws://x", "tok")
    frames = [json.loads(text) for text in endpoint.hello]
    assert [each["channel"] for each in frames] == [
        "account_all_orders/12345",
        "account_all_trades/12345",
        "account_all_positions/12345",
        "account_tx/12345",
    ]
    assert {each["auth"] for each in frames} == {"tok"}


@pytest.mark.parametrize(
    "made", [stream.public_endpoint(account(), "ws://x", ("ETH",)), stream.private_endpoint(account(), "ws://x", "t")]
)
def test_streams_stay_alive_by_themselves_and_within_200_frames_a_minute(made):
    assert made.keep_alive_frame == '{"type":"ping"}'
    assert made.keep_alive_every_s < 120
    assert made.answers == {b'{"type":"ping"}': '{"type":"pong"}'}
    frames_a_minute = 60 / made.ping_every_s + 60 / made.keep_alive_every_s
    assert frames_a_minute <= 100


# --- public frames ---


def test_a_ticker():
    (price,) = public(sample("ticker"))
    assert isinstance(price, BestPrice)
    assert (price.symbol, price.bid, price.ask) == ("ETH", Decimal("2350.10"), Decimal("2351.00"))
    assert price.occurred_ns == 1795330000010000 * 1000


def test_an_empty_side_is_price_zero():
    (price,) = public(sample("ticker_empty_side"))
    assert (price.ask, price.ask_quantity, price.bid) == (0, 0, Decimal("2350.10"))


def test_a_ticker_of_a_market_nobody_asked_for_is_ignored():
    (notice,) = public({**sample("ticker"), "channel": "ticker:7"})
    assert notice.kind is NoticeKind.IGNORED


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"code": 30005, "message": "Invalid Channel"}},
        {**sample("ticker"), "channel": "ticker"},
        {**sample("ticker"), "ticker": None},
        {"no": "type"},
        [],
    ],
)
def test_damaged_public_frames_are_malformed(event):
    with pytest.raises(MalformedMessage):
        public(event)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (sample("connected"), NoticeKind.SUBSCRIBED),
        ({"type": "pong"}, NoticeKind.HEARTBEAT),
        ({"type": "ping"}, NoticeKind.HEARTBEAT),
        ({"type": "shutdown", "close_in_ms": 5000}, NoticeKind.IGNORED),
        ({"type": "update/height", "channel": "height", "height": 5}, NoticeKind.IGNORED),
    ],
)
def test_frames_about_the_connection(event, kind):
    assert [notice.kind for notice in (*public(event), *private(event))] == [kind, kind]


# --- private frames ---


def test_orders_of_all_markets_and_those_of_unknown_ones():
    (report,) = private(update("account_all_orders", orders={"0": [order_row()], "5": [order_row(market_index=5)]}))
    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.status) == (OUR_ID, OrderStatus.OPEN)


def test_trades_as_object_and_as_list():
    for trades in ({"0": [trade_row()]}, [trade_row()]):
        (fill,) = private(update("account_all_trades", trades=trades))
        assert isinstance(fill, FillReport)
        assert fill.trade_id == "7000000002"


@pytest.mark.parametrize("kind", ["liquidation", "deleverage", "market-settlement"])
def test_a_forced_trade_is_told_besides(kind):
    fill, notice = private(update("account_all_trades", trades=[trade_row(type=kind)]))
    assert isinstance(fill, FillReport)
    assert (notice.kind, notice.text) == (NoticeKind.LIQUIDATION, kind)
    (only,) = private(update("account_all_trades", trades=[trade_row(type=kind, market_id=9)]))
    assert only.kind is NoticeKind.IGNORED


def test_positions_that_changed():
    (report,) = private(update("account_all_positions", positions={"0": position_row()}))
    assert isinstance(report, PositionReport)
    assert report.quantity == Decimal("-0.5000")


@pytest.mark.parametrize(
    "event",
    [
        sample("account_all_orders_empty_snapshot"),
        sample("account_all_trades_snapshot"),
        update("account_all_orders", orders=None),
        update("account_tx", txs=None),
        update("user_stats", stats={}),
    ],
)
def test_frames_without_news(event):
    (notice,) = private(event)
    assert isinstance(notice, StreamNotice)
    assert notice.kind is NoticeKind.IGNORED


@pytest.mark.parametrize("row", [order_row(price="x"), order_row(market_index=None), 5])
def test_damaged_private_frames_are_malformed(row):
    with pytest.raises(MalformedMessage):
        private(update("account_all_orders", orders={"0": [row]}))


def test_what_the_sequencer_refused_is_told_as_the_end_of_the_order():
    (report,) = private(update("account_tx", txs=[tx_record(said(21740))]))
    assert (report.client_order_id, report.status) == (OUR_ID, OrderStatus.REJECTED)
    assert (report.reject_reason, report.side, report.reduce_only) == (RejectReason.REDUCE_ONLY, Side.BUY, True)
    assert (report.price, report.quantity) == (Decimal("2345.67"), Decimal("0.0250"))


@pytest.mark.parametrize(
    "record",
    [
        tx_record(),
        tx_record(said(21728)),
        tx_record(said(21740), type=15),
        tx_record(said(21740), info=json.dumps({"ClientOrderIndex": 0, "MarketIndex": 0})),
        tx_record(said(21740), info=json.dumps({"ClientOrderIndex": 5, "MarketIndex": 9})),
    ],
)
def test_records_that_end_no_order_of_ours(record):
    (notice,) = private(update("account_tx", txs=[record]))
    assert notice.kind is NoticeKind.IGNORED
    assert CREATE_ORDER == 14


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (30003, "Already Subscribed to : ticker:0", NoticeKind.IGNORED),
        (30005, "Invalid Channel: account_tx/12345", NoticeKind.IGNORED),
        (20013, "invalid auth: invalid deadline: account_tx:12345", NoticeKind.CREDENTIAL_EXPIRED),
        (20001, "invalid param : auth field is required: account_all_orders:1", NoticeKind.CREDENTIAL_EXPIRED),
        (30009, "too many messages", NoticeKind.CREDENTIAL_EXPIRED),
    ],
)
def test_error_frames(code, text, kind):
    (notice,) = private({"error": {"code": code, "message": text}})
    assert (notice.kind, notice.text) == (kind, f"{code} {text}")


@pytest.mark.parametrize(
    "changes", [{"Price": 2**32}, {"Price": -1}, {"BaseAmount": 10**30}, {"IsAsk": 2}, {"ReduceOnly": -1}]
)
def test_a_refused_transaction_with_figures_no_order_has_is_malformed(changes):
    row = tx_record(said(21739))
    info = json.dumps({**json.loads(row["info"]), **changes})
    with pytest.raises(MalformedMessage, match="outside"):
        private(update("account_tx", txs=[{**row, "info": info}]))
