"""Engine values in Aster's words: order objects, trade rows, user-stream events.

Source: venues/aster.md 8, 9, 10 and 12.2; shapes as in the payload fixtures of `aster_vectors.json`. Prices and
quantities are strings, ids and times integers.
"""

from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import (
    BalanceChanged,
    ChangeReason,
    MarketTraded,
    OrderType,
    OrderView,
    PositionChanged,
    PositionView,
    QuoteChanged,
    TradeView,
)
from exchanges.values import OrderStatus, Side

NS_PER_MS: Final = 1_000_000
ORDER_ID_BASE: Final = 40_000_000_000
"""Aster's order ids need more than 32 bits (venues/aster.md 15.3); the engine's start at 1."""

ASSET_DECIMALS: Final = Decimal("0.00000001")
_LONGEST: Final = -10
_STATUS: Final = {
    OrderStatus.OPEN: "NEW",
    OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
    OrderStatus.REJECTED: "REJECTED",
}
_REASON: Final = {
    ChangeReason.ORDER: "ORDER",
    ChangeReason.FUNDING: "FUNDING_FEE",
    ChangeReason.LIQUIDATION: "ORDER",
    ChangeReason.DEPOSIT: "DEPOSIT",
}


def text(value: Decimal) -> str:
    """Return plain digits without an exponent, ten decimals at most; zero is '0'."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < _LONGEST:
        value = value.quantize(Decimal((0, (1,), _LONGEST)))
    return format(value, "f") if value else "0"


def money(value: Decimal) -> str:
    """Return an amount of an asset with eight decimals."""
    return format(value.quantize(ASSET_DECIMALS), "f")


def milliseconds(at_ns: int) -> int:
    """Return the venue's time unit."""
    return at_ns // NS_PER_MS


def side_word(side: Side) -> str:
    """Return BUY or SELL."""
    return side.value.upper()


def average(value: Decimal) -> str:
    """Return an average price with at least five decimals, as the venue prints it."""
    return format(value.quantize(Decimal("0.00000")) if value else Decimal("0.00000"), "f")


def order_object(order: OrderView) -> dict[str, object]:
    """Return the keys every reply about an order has."""
    kind = order.order_type.value.upper()
    return {
        "orderId": ORDER_ID_BASE + order.order_id,
        "symbol": order.symbol,
        "status": _STATUS[order.status],
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "avgPrice": average(order.average_price),
        "origQty": text(order.quantity),
        "executedQty": text(order.filled),
        "cumQuote": text(order.average_price * order.filled),
        "timeInForce": "GTC" if order.order_type is OrderType.MARKET else order.time_in_force.value,
        "type": kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": side_word(order.side),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": kind,
        "updateTime": milliseconds(order.updated_ns),
    }


def order_receipt(order: OrderView) -> dict[str, object]:
    """Return the reply to a place, amend or cancel request."""
    return order_object(order) | {"cumQty": text(order.filled)}


def order_details(order: OrderView) -> dict[str, object]:
    """Return the reply to a query."""
    return order_object(order) | {"time": milliseconds(order.created_ns)}


def trade_row(trade: TradeView) -> dict[str, object]:
    """Return a row of `userTrades`."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": ORDER_ID_BASE + trade.order_id,
        "side": side_word(trade.side),
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity),
        "realizedPnl": text(trade.realized_pnl),
        "marginAsset": trade.fee_asset,
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": milliseconds(trade.occurred_ns),
        "positionSide": "BOTH",
        "maker": trade.is_maker,
        "buyer": trade.side is Side.BUY,
    }


def position_row(position: PositionView, margin_type: str) -> dict[str, object]:
    """Return a row of `positionRisk`. `margin_type` is 'cross' or 'isolated'."""
    notional = position.quantity * position.mark_price
    isolated = position.initial_margin if margin_type == "isolated" else Decimal(0)
    return {
        "symbol": position.symbol,
        "positionAmt": text(position.quantity),
        "entryPrice": text(position.entry_price),
        "markPrice": money(position.mark_price),
        "unRealizedProfit": money(position.unrealized_pnl),
        "liquidationPrice": text(position.liquidation_price),
        "leverage": str(position.leverage),
        "maxNotionalValue": "1000000",
        "marginType": margin_type,
        "isolatedMargin": money(isolated),
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "notional": text(notional),
        "isolatedWallet": money(isolated),
        "updateTime": milliseconds(position.updated_ns),
    }


def order_event(
    order: OrderView, execution: str, occurred_ns: int, now_ns: int, trade: TradeView | None = None
) -> dict[str, object]:
    """Return an ORDER_TRADE_UPDATE. `execution` is x: NEW, TRADE, CANCELED, EXPIRED or CALCULATED.

    Without a trade l, L and t are zero; n and N are left out where nothing was charged.
    """
    kind = order.order_type.value.upper()
    body: dict[str, object] = {
        "s": order.symbol,
        "c": order.client_id,
        "S": side_word(order.side),
        "o": kind,
        "f": "GTC" if order.order_type is OrderType.MARKET else order.time_in_force.value,
        "q": text(order.quantity),
        "p": text(order.price),
        "ap": text(order.average_price),
        "sp": "0",
        "x": execution,
        "X": _STATUS[order.status],
        "i": ORDER_ID_BASE + order.order_id,
        "l": text(trade.quantity) if trade else "0",
        "z": text(order.filled),
        "L": text(trade.price) if trade else "0",
        "T": milliseconds(occurred_ns),
        "t": trade.trade_id if trade else 0,
        "b": "0",
        "a": "0",
        "m": trade.is_maker if trade else False,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": kind,
        "ps": "BOTH",
        "cp": False,
        "rp": text(trade.realized_pnl) if trade else "0",
    }
    if trade is not None and trade.fee:
        body["N"], body["n"] = trade.fee_asset, text(trade.fee)
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": milliseconds(now_ns),
        "T": milliseconds(occurred_ns),
        "o": body,
    }


def account_event(
    balances: list[BalanceChanged], positions: list[PositionChanged], margin_types: dict[str, str], now_ns: int
) -> dict[str, object]:
    """Return an ACCOUNT_UPDATE of changes that belong together; at least one list holds something."""
    first: BalanceChanged | PositionChanged = (balances or positions)[0]
    reason = ChangeReason.ORDER if positions else first.reason
    return {
        "e": "ACCOUNT_UPDATE",
        "E": milliseconds(now_ns),
        "T": milliseconds(first.occurred_ns),
        "a": {
            "m": _REASON[reason],
            "B": [
                {"a": change.asset, "wb": money(change.wallet), "cw": money(change.wallet), "bc": text(change.change)}
                for change in balances
            ],
            "P": [
                _position_update(change.position, margin_types.get(change.position.symbol, "cross"))
                for change in positions
            ],
        },
    }


def _position_update(position: PositionView, margin_type: str) -> dict[str, object]:
    return {
        "s": position.symbol,
        "pa": text(position.quantity),
        "ep": text(position.entry_price),
        "cr": text(position.realized_pnl),
        "up": money(position.unrealized_pnl),
        "mt": margin_type,
        "iw": money(position.initial_margin) if margin_type == "isolated" else "0",
        "ps": "BOTH",
        "ma": "USDT",
    }


def leverage_event(symbol: str, leverage: int, occurred_ns: int, now_ns: int) -> dict[str, object]:
    """Return an ACCOUNT_CONFIG_UPDATE about leverage."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": milliseconds(now_ns),
        "T": milliseconds(occurred_ns),
        "ac": {"s": symbol, "l": leverage},
    }


def book_ticker(quote: QuoteChanged, now_ns: int) -> dict[str, object]:
    """Return a bookTicker event."""
    return {
        "e": "bookTicker",
        "u": quote.update_id,
        "E": milliseconds(now_ns),
        "T": milliseconds(quote.occurred_ns),
        "s": quote.symbol,
        "b": text(quote.bid),
        "B": text(quote.bid_qty),
        "a": text(quote.ask),
        "A": text(quote.ask_qty),
    }


def agg_trade(trade: MarketTraded, now_ns: int) -> dict[str, object]:
    """Return an aggTrade event (one per print)."""
    return {
        "e": "aggTrade",
        "E": milliseconds(now_ns),
        "s": trade.symbol,
        "a": trade.trade_id,
        "p": text(trade.price),
        "q": text(trade.qty),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": milliseconds(trade.occurred_ns),
        "m": trade.buyer_is_maker,
    }
