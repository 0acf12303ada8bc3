"""Streams of the venue: subscriptions, and which frame is which (venues/lighter.md, section 12).

One address serves public and private channels. The venue closes a socket from which it got no frame for two minutes;
protocol pings count as frames, and a text ping goes out besides, in case they once do not. It may ask for a sign of
life itself and wants a pong. At most 200 frames a minute may be sent from one address of the internet.

Best bid and ask come from `ticker`: each frame is the whole truth, so a lost one harms nothing.
"""

from typing import Final

from exchanges.errors import ConfigError
from exchanges.lighter import parsing, records
from exchanges.lighter.account import Account
from exchanges.lighter.errors import BAD_TOKEN, reject_reason_of
from exchanges.lighter.markets import LARGEST_BASE, LARGEST_PRICE
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.reports import BestPrice, NoticeKind, OrderReport, Report, StreamNotice
from exchanges.values import ZERO, CancelReason, OrderStatus, Side
from exchanges.venue import StreamEndpoint
from exchanges.wire_json import decode, encode

MOST_CHANNELS: Final = 100
PING: Final = '{"type":"ping"}'
PONG: Final = '{"type":"pong"}'
KEEP_ALIVE_EVERY_S: Final = 30.0
_PUBLIC_PING_S: Final = 0.75
"""A quiet market is proven alive by pongs: see the same figure of exchanges/aster/stream.py. 80 frames a minute."""
_PRIVATE_PING_S: Final = 4.0
_DEAD_AFTER_S: Final = 12.0
_MAX_AGE_S: Final = 23 * 3600.0
_ALREADY_SUBSCRIBED: Final = 30003
_OPTIONAL: Final = "account_tx"
"""Tells early what the sequencer refused; without it the same is found by asking."""
_TRADE: Final = "trade"


def stream_url(ws_url: str) -> str:
    """Return the address of the streams of a host, which may name their path already."""
    host, _, path = ws_url.partition("://")[2].partition("/")
    return ws_url if host and path.endswith("stream") else f"{ws_url}/stream"


def endpoint(
    ws_url: str, frames: list[str], ping_every_s: float, *, dead_after_s: float = _DEAD_AFTER_S
) -> StreamEndpoint:
    """Return a connection that says `frames` first and is kept alive."""
    return StreamEndpoint(
        url=stream_url(ws_url),
        hello=tuple(frames),
        ping_every_s=ping_every_s,
        dead_after_s=dead_after_s,
        max_age_s=_MAX_AGE_S,
        keep_alive_frame=PING,
        keep_alive_every_s=KEEP_ALIVE_EVERY_S,
        answers={PING.encode(): PONG},
    )


def public_endpoint(account: Account, ws_url: str, symbols: tuple[str, ...]) -> StreamEndpoint:
    """Return the connection with best bid and ask of 1 to 100 markets.

    Raises:
        ConfigError: a market's number is not known (yet).
        ValueError: none, or too many markets.
    """
    if not 1 <= len(symbols) <= MOST_CHANNELS:
        raise ValueError(f"a connection carries 1 to {MOST_CHANNELS} channels, not {len(symbols)}")
    unknown = [symbol for symbol in symbols if account.markets.get(symbol) is None]
    if unknown:
        raise ConfigError([f"the number of market {symbol} is not known (yet)" for symbol in unknown])
    frames = [_subscription(f"ticker/{account.market(symbol).index}") for symbol in symbols]
    return endpoint(ws_url, frames, _PUBLIC_PING_S)


def private_endpoint(account: Account, ws_url: str, token: str) -> StreamEndpoint:
    """Return the connection with orders, trades and positions of the account."""
    channels = ("account_all_orders", "account_all_trades", "account_all_positions", _OPTIONAL)
    frames = [_subscription(f"{channel}/{account.index}", token) for channel in channels]
    return endpoint(ws_url, frames, _PRIVATE_PING_S)


def _subscription(channel: str, token: str = "") -> str:
    frame = {"type": "subscribe", "channel": channel}
    return encode({**frame, "auth": token} if token else frame)


def parse_public(account: Account, frame: bytes, received_ns: int) -> tuple[Report, ...]:
    """Read one frame of the public channels. Raises MalformedMessage and nothing else."""
    fields = Fields(decode(frame, EXCHANGE, "public stream"), "public stream")
    if fields.has("error"):
        raise fields.error("the venue refused a subscription")
    kind = fields.text("type")
    if kind.partition("/")[2] == "ticker":
        return _ticker(account, fields, received_ns)
    return (_notice(kind, received_ns),)


def parse_private(account: Account, frame: bytes, received_ns: int) -> tuple[Report, ...]:
    """Read one frame of the account's channels: reports in the order they should be applied.

    Raises MalformedMessage and nothing else.
    """
    fields = Fields(decode(frame, EXCHANGE, "private stream"), "private stream")
    if fields.has("error"):
        return (_refused(fields, received_ns),)
    kind = fields.text("type")
    match kind.partition("/")[2]:
        case "account_all_orders":
            return _orders(account, fields, received_ns)
        case "account_all_trades":
            return _trades(account, fields, received_ns)
        case "account_all_positions":
            return _positions(account, fields, received_ns)
        case "account_tx":
            return _transactions(account, fields, received_ns)
    return (_notice(kind, received_ns),)


def _notice(kind: str, received_ns: int) -> StreamNotice:
    found = NoticeKind.SUBSCRIBED if kind == "connected" else NoticeKind.IGNORED
    if kind in ("ping", "pong"):
        found = NoticeKind.HEARTBEAT
    return StreamNotice(kind=found, text=kind[:60], received_ns=received_ns)


def _refused(fields: Fields, received_ns: int) -> StreamNotice:
    """An error frame: a channel is not subscribed, and the open connection would stay silent for ever.

    Told as a credential that does not hold, which makes the caller connect anew with a fresh one; a channel that can be
    done without, or that is subscribed already, is no reason for that.
    """
    error = Fields(fields.get("error"), "error frame")
    code, words = error.whole("code"), error.text("message")
    text = f"{code} {words.strip()}"[:100]
    is_harmless = code == _ALREADY_SUBSCRIBED or (_OPTIONAL in words and code != BAD_TOKEN)
    kind = NoticeKind.IGNORED if is_harmless else NoticeKind.CREDENTIAL_EXPIRED
    return StreamNotice(kind=kind, text=text, received_ns=received_ns)


def _ticker(account: Account, fields: Fields, received_ns: int) -> tuple[Report, ...]:
    """Best bid and ask; a side without orders has empty texts and becomes price 0, which nobody believes."""
    symbol = account.markets.symbol(_number_of(fields))
    if symbol is None:
        return (_notice(fields.text("channel"), received_ns),)
    ticker = Fields(fields.get("ticker"), "ticker")
    ask, bid = Fields(ticker.get("a"), "ticker"), Fields(ticker.get("b"), "ticker")
    price = BestPrice(
        symbol=symbol,
        bid=bid.optional_amount("price"),
        bid_quantity=bid.optional_amount("size"),
        ask=ask.optional_amount("price"),
        ask_quantity=ask.optional_amount("size"),
        occurred_ns=fields.micro_time_ns("last_updated_at"),
        received_ns=received_ns,
    )
    return (price,)


def _number_of(fields: Fields) -> int:
    """The number at the end of a channel's name ("ticker:0")."""
    number = fields.text("channel").partition(":")[2]
    if not (number.isascii() and number.isdigit() and len(number) <= 6):  # noqa: PLR2004 - markets have four digits
        raise fields.error("channel has no number of a market")
    return int(number)


def _reports_or_notice(reports: list[Report], fields: Fields, received_ns: int) -> tuple[Report, ...]:
    return tuple(reports) or (_notice(fields.text("type"), received_ns),)


def _orders(account: Account, fields: Fields, received_ns: int) -> tuple[Report, ...]:
    reports: list[Report] = []
    for row in fields.by_market("orders"):
        symbol = account.markets.symbol(Fields(row, "order").whole("market_index"))
        if symbol is not None:
            reports.append(parsing.order(row, symbol, received_ns))
    return _reports_or_notice(reports, fields, received_ns)


def _trades(account: Account, fields: Fields, received_ns: int) -> tuple[Report, ...]:
    reports: list[Report] = []
    for row in fields.by_market("trades"):
        trade = Fields(row, "trade")
        symbol = account.markets.symbol(trade.whole("market_id"))
        if symbol is None:
            continue
        reports += parsing.own_fills(row, symbol, account.index, received_ns)
        kind = trade.text("type") if trade.has("type") else _TRADE
        if kind != _TRADE:
            notice = NoticeKind.LIQUIDATION
            reports.append(StreamNotice(kind=notice, text=kind[:60], symbol=symbol, received_ns=received_ns))
    return _reports_or_notice(reports, fields, received_ns)


def _positions(account: Account, fields: Fields, received_ns: int) -> tuple[Report, ...]:
    """Only markets that changed are told: the others are as they were."""
    reports: list[Report] = []
    for row in fields.by_market("positions"):
        symbol = account.markets.symbol(Fields(row, "position").whole("market_id"))
        if symbol is not None:
            reports.append(parsing.position(row, symbol, received_ns))
    return _reports_or_notice(reports, fields, received_ns)


def _transactions(account: Account, fields: Fields, received_ns: int) -> tuple[Report, ...]:
    """Orders that the sequencer refused: of these no other channel says a word.

    A refusal because the client index lives says nothing about the order that has it.
    """
    reports: list[Report] = []
    for row in fields.by_market("txs"):
        found = records.record(row)
        if found.tx_type == records.CREATE_ORDER and found.is_refused and not found.is_duplicate:
            report = _refused_order(account, found, received_ns)
            if report is not None:
                reports.append(report)
    return _reports_or_notice(reports, fields, received_ns)


def _refused_order(account: Account, found: records.Record, received_ns: int) -> OrderReport | None:
    order_id = records.client_order_id(found)
    info = Fields(found.info, "tx info")
    symbol = account.markets.symbol(info.whole("MarketIndex"))
    market = None if symbol is None else account.markets.get(symbol)
    if order_id is None or symbol is None or market is None:
        return None
    return OrderReport(
        symbol=symbol,
        client_order_id=order_id,
        order_id=None,
        status=OrderStatus.REJECTED,
        side=Side.SELL if info.natural("IsAsk", 1) else Side.BUY,
        price=info.natural("Price", LARGEST_PRICE) * market.rules.tick,
        quantity=info.natural("BaseAmount", LARGEST_BASE) * market.rules.step,
        filled=ZERO,
        reduce_only=bool(info.natural("ReduceOnly", 1)),
        reason=CancelReason.NEVER_ACCEPTED,
        reject_reason=reject_reason_of(found.code),
        occurred_ns=0,
        received_ns=received_ns,
    )


__all__ = ["endpoint", "parse_private", "parse_public", "private_endpoint", "public_endpoint"]
