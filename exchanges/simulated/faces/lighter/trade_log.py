"""The account's trades in Lighter's words, each with what the position was before it.

Source: venues/lighter.md 14. The engine's trade ids rise per market; here one number serves all markets. Rows are made
once, in order; a position that is older than what the engine remembers is worked out backwards from today's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import MarketTraded, TradeView
from exchanges.simulated.faces.lighter.markets import LighterMarket
from exchanges.simulated.faces.lighter.orders import (
    INDEX_SPAN,
    OrderBookkeeping,
    order_index,
    read_client_index,
)
from exchanges.simulated.faces.lighter.tx_log import block_height
from exchanges.values import ZERO, Side

TRADE_ID_BASE: Final = 7_000_000_000
MARKETS: Final = 256
OTHER_ACCOUNT: Final = 99_999
NO_HASH: Final = "0" * 80
PPM: Final = 1_000_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
_OTHER_COUNTER: Final = 2**41

Row = dict[str, object]


def public_id(market: LighterMarket, trade_id: int) -> int:
    """Return the venue's number of an engine's trade."""
    return TRADE_ID_BASE + trade_id * MARKETS + market.market_id


@dataclass(slots=True)
class _Line:
    """One market: rows by engine id, and the position after the last of them."""

    rows: dict[int, Row] = field(default_factory=dict)
    last_id: int = 0
    quantity: Decimal | None = None
    cost: Decimal = ZERO


class TradeLog:
    """The trades of one account, read from the engine as they happen."""

    def __init__(
        self, engine: Engine, account: str, markets: Mapping[str, LighterMarket], orders: OrderBookkeeping
    ) -> None:
        self._engine = engine
        self._account = account
        self._markets = markets
        self._orders = orders
        self._lines = {symbol: _Line() for symbol in markets}

    def own(self, symbol: str, trade_id: int) -> Row | None:
        """Return the account's row of a trade, None where it was not part of it."""
        line = self._read(symbol)
        return line.rows.get(trade_id)

    def rows(self, symbols: tuple[str, ...]) -> Iterator[Row]:
        """Return all rows of some markets, market by market, oldest first."""
        for symbol in symbols:
            yield from self._read(symbol).rows.values()

    def _read(self, symbol: str) -> _Line:
        line, market = self._lines[symbol], self._markets[symbol]
        fresh = self._engine.trades(self._account, symbol, from_id=line.last_id + 1, limit=10**9)
        if line.quantity is None:
            moved = sum((trade.quantity * trade.side.sign for trade in fresh), ZERO)
            line.quantity = self._engine.position(self._account, symbol).quantity - moved
            line.cost = line.quantity * fresh[0].price if fresh else ZERO
        for trade in fresh:
            line.rows[trade.trade_id] = self._row(market, trade, line)
            line.last_id = trade.trade_id
        return line

    def _row(self, market: LighterMarket, trade: TradeView, line: _Line) -> Row:
        before, cost = line.quantity or ZERO, line.cost
        after = _move(line, trade)
        mine, other = ("ask", "bid") if trade.side is Side.SELL else ("bid", "ask")
        role, counter_role = ("maker", "taker") if trade.is_maker else ("taker", "maker")
        row = trade_row(market, trade.trade_id, trade.price, trade.quantity, trade.occurred_ns)
        order = self._engine.order(self._account, market.symbol, order_id=trade.order_id)
        is_liquidation = order is not None and order.is_liquidation
        index = order_index(market, trade.side, trade.order_id)
        client = read_client_index(trade.client_id)
        row |= {
            "type": "liquidation" if is_liquidation else "trade",
            f"{mine}_id": index,
            f"{mine}_id_str": str(index),
            f"{mine}_client_id": client,
            f"{mine}_client_id_str": str(client),
            f"{mine}_account_id": int(self._account),
            f"{other}_account_id": OTHER_ACCOUNT,
            "is_maker_ask": trade.is_maker is (trade.side is Side.SELL),
            f"{role}_position_size_before": market.size_text(before),
            f"{role}_entry_quote_before": format(abs(cost), ".6f"),
            f"{role}_initial_margin_fraction_before": market.default_fraction,
            f"{role}_position_sign_changed": before * after < 0 or (before == 0 and after != 0),
            f"{counter_role}_position_size_before": market.size_text(ZERO),
            f"{counter_role}_entry_quote_before": "0.000000",
            f"{counter_role}_initial_margin_fraction_before": market.default_fraction,
            f"{counter_role}_position_sign_changed": False,
        }
        if trade.realized_pnl:
            row[f"{mine}_account_pnl"] = format(trade.realized_pnl, ".6f")
        fee = round(trade.fee / (trade.price * trade.quantity) * PPM)
        if fee:
            row[f"{role}_fee"] = fee
        return row


def _move(line: _Line, trade: TradeView) -> Decimal:
    """Book a trade on a line; return the position after it."""
    before, delta = line.quantity or ZERO, trade.quantity * trade.side.sign
    after = before + delta
    if before * delta >= 0:
        line.cost += delta * trade.price
    elif before * after > 0:
        line.cost = line.cost * after / before
    else:
        line.cost = after * trade.price
    line.quantity = after
    return after


def trade_row(market: LighterMarket, trade_id: int, price: Decimal, quantity: Decimal, at_ns: int) -> Row:
    """Return what every trade says about itself, between two others."""
    number = public_id(market, trade_id)
    ask = (market.market_id + 1) * INDEX_SPAN + _OTHER_COUNTER + trade_id
    bid = (market.market_id + 2) * INDEX_SPAN - _OTHER_COUNTER - trade_id
    return {
        "trade_id": number,
        "trade_id_str": str(number),
        "tx_hash": NO_HASH,
        "type": "trade",
        "market_id": market.market_id,
        "size": market.size_text(quantity),
        "price": market.price_text(price),
        "usd_amount": format(price * quantity, ".6f"),
        "ask_id": ask,
        "ask_id_str": str(ask),
        "bid_id": bid,
        "bid_id_str": str(bid),
        "ask_client_id": 0,
        "ask_client_id_str": "0",
        "bid_client_id": 0,
        "bid_client_id_str": "0",
        "ask_account_id": OTHER_ACCOUNT,
        "bid_account_id": OTHER_ACCOUNT + 1,
        "is_maker_ask": False,
        "block_height": block_height(at_ns),
        "timestamp": at_ns // NS_PER_MS,
        "transaction_time": at_ns // NS_PER_US,
    }


def public_row(market: LighterMarket, trade: MarketTraded) -> Row:
    """Return a print between others."""
    row = trade_row(market, trade.trade_id, trade.price, trade.qty, trade.occurred_ns)
    return row | {"is_maker_ask": not trade.buyer_is_maker}
