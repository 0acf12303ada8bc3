"""Engine values in Backpack's words: order objects, fills, positions, times.

Source: venues/backpack.md 7.2, 7.9, 7.10, 8 and the samples of `backpack_vectors.json`. REST trims decimals, streams
pad them to tick and step.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from exchanges.rounding import plain
from exchanges.simulated.engine_types import EndReason, OrderType, OrderView, PositionView, TimeInForce, TradeView
from exchanges.simulated.faces.backpack.markets import IMPACT_UP, BackpackMarket, curve
from exchanges.simulated.faces.backpack.requests import LARGEST_CLIENT_ID
from exchanges.values import ZERO, OrderStatus, Side

NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
ORDER_ID_BASE: Final = 70_000_000_000
"""Order ids begin here (section 16); the engine's start at 1."""
TRADE_ID_BASE: Final = 88_000_000
USER_ID: Final = 1813870
LARGEST_ORDER_ID: Final = 10**15
DEFAULT_STP: Final = "RejectTaker"
FEE_DECIMALS: Final = 6

SIDES: Final = {Side.BUY: "Bid", Side.SELL: "Ask"}
_STATUS: Final = {
    OrderStatus.OPEN: "New",
    OrderStatus.PARTIALLY_FILLED: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Expired",
}
_EXPIRY: Final = {
    EndReason.POST_ONLY: "PostOnlyTaker",
    EndReason.IMMEDIATE: "ImmediateOrCancel",
    EndReason.FILL_OR_KILL: "FillOrKill",
    EndReason.REDUCE_ONLY: "ReduceOnlyNotReduced",
    EndReason.SELF_TRADE: "SelfTradePrevention",
    EndReason.NO_LIQUIDITY: "InsufficientLiquidity",
    EndReason.LIQUIDATION: "Liquidation",
}
_UNUSED: Final = (
    "relatedOrderId",
    "stopLossLimitPrice",
    "stopLossTriggerBy",
    "stopLossTriggerPrice",
    "strategyId",
    "takeProfitLimitPrice",
    "takeProfitTriggerBy",
    "takeProfitTriggerPrice",
    "triggerBy",
    "triggerPrice",
    "triggerQuantity",
    "triggeredAt",
)
_HISTORY_LACKS: Final = ("reduceOnly", "relatedOrderId", "triggeredAt")


# --- times and words ---


def milliseconds(at_ns: int) -> int:
    """Return the time unit of live orders."""
    return at_ns // NS_PER_MS


def microseconds(at_ns: int) -> int:
    """Return the time unit of streams and depth."""
    return at_ns // NS_PER_US


def iso(at_ns: int) -> str:
    """Return a time as history has it: UTC text without a zone, to the millisecond."""
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns // NS_PER_MS % 1000:03d}"


def client_number(client_id: str) -> int | None:
    """Return the client id of an order; None where the client sent none and the engine made one up."""
    number = int(client_id) if client_id.isascii() and client_id.isdigit() else -1
    return number if 0 <= number <= LARGEST_CLIENT_ID else None


def engine_order_id(text: str) -> int | None:
    """Return the engine's id behind an order id; None for one that cannot be ours."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ORDER_ID)) else 0
    return number - ORDER_ID_BASE if number > ORDER_ID_BASE else None


def order_id(number: int) -> str:
    """Return the venue's spelling of an engine's order id."""
    return str(ORDER_ID_BASE + number)


def status_word(order: OrderView) -> str:
    """Return the status of an order; what a liquidation ends has expired."""
    return "Expired" if order.end_reason is EndReason.LIQUIDATION else _STATUS[order.status]


def expiry_reason(order: OrderView) -> str | None:
    """Return why an order expired; None where it did not."""
    return None if order.end_reason is None else _EXPIRY.get(order.end_reason)


def force_word(order: OrderView) -> str:
    """Return GTC, IOC or FOK; post-only is no time in force here, and a market order reports GTC."""
    if order.order_type is OrderType.MARKET or order.time_in_force is TimeInForce.GTX:
        return "GTC"
    return order.time_in_force.value


def is_post_only(order: OrderView) -> bool:
    """Whether the order may only rest."""
    return order.time_in_force is TimeInForce.GTX


def origin(order: OrderView) -> str:
    """Return who placed the order."""
    return "LIQUIDATION_AUTOCLOSE" if order.is_liquidation else "USER"


def executed_quote(order: OrderView, market: BackpackMarket) -> Decimal:
    """Return what was paid or received for the filled part."""
    return market.notional(order.average_price * order.filled)


def quote_bound(order: OrderView, market: BackpackMarket) -> Decimal:
    """Return price x size; of a market order the bound it had, as far as it can be told afterwards."""
    if order.order_type is OrderType.LIMIT:
        return market.notional(order.price * order.quantity)
    return market.notional(order.average_price * order.quantity * IMPACT_UP)


def fee_text(fee: Decimal) -> str:
    """Return a fee with six decimals, more where it has more."""
    exponent = fee.as_tuple().exponent
    digits = max(FEE_DECIMALS, -exponent if isinstance(exponent, int) else 0)
    text = format(fee, f".{digits}f")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(FEE_DECIMALS, '0')}"


# --- orders ---


def order_object(order: OrderView, market: BackpackMarket, stp: str) -> dict[str, object]:
    """Return an order as the trading service shows it. `stp` is its self-trade prevention."""
    body: dict[str, object] = dict.fromkeys(_UNUSED)
    body |= {
        "clientId": client_number(order.client_id),
        "createdAt": milliseconds(order.created_ns),
        "executedQuantity": plain(order.filled),
        "executedQuoteQuantity": plain(executed_quote(order, market)),
        "id": order_id(order.order_id),
        "quantity": plain(order.quantity),
        "reduceOnly": True if order.reduce_only else None,
        "selfTradePrevention": stp,
        "side": SIDES[order.side],
        "status": status_word(order),
        "symbol": order.symbol,
        "timeInForce": force_word(order),
    }
    if order.order_type is OrderType.MARKET:
        return body | {"orderType": "Market", "quoteQuantity": plain(quote_bound(order, market))}
    return body | {"orderType": "Limit", "postOnly": is_post_only(order), "price": plain(order.price)}


def history_object(order: OrderView, market: BackpackMarket, stp: str) -> dict[str, object]:
    """Return an order as history shows it."""
    body = order_object(order, market, stp)
    for name in _HISTORY_LACKS:
        del body[name]
    return body | {
        "createdAt": iso(order.created_ns),
        "expiryReason": expiry_reason(order),
        "postOnly": is_post_only(order),
        "price": plain(order.price) if order.order_type is OrderType.LIMIT else None,
        "quoteQuantity": plain(quote_bound(order, market)),
        "slippageTolerance": None,
        "slippageToleranceType": None,
        "systemOrderType": origin(order) if order.is_liquidation else None,
    }


def fill_object(trade: TradeView, system_type: str | None) -> dict[str, object]:
    """Return a fill as history shows it: the client id is text here."""
    number = client_number(trade.client_id)
    return {
        "clientId": None if number is None else str(number),
        "fee": plain(trade.fee),
        "feeSymbol": trade.fee_asset,
        "isMaker": trade.is_maker,
        "orderId": order_id(trade.order_id),
        "price": plain(trade.price),
        "quantity": plain(trade.quantity),
        "side": SIDES[trade.side],
        "symbol": trade.symbol,
        "systemOrderType": system_type,
        "timestamp": iso(trade.occurred_ns),
        "tradeId": TRADE_ID_BASE + trade.trade_id,
    }


# --- positions ---


def break_even(position: PositionView, maker_fee: Decimal) -> Decimal:
    """Return the price at which leaving as maker costs nothing; 0 when flat."""
    if not position.quantity:
        return ZERO
    sign = 1 if position.quantity > 0 else -1
    return position.entry_price * (1 + maker_fee * sign)


def position_object(
    position: PositionView, market: BackpackMarket, *, maker_fee: Decimal, position_id: int
) -> dict[str, object]:
    """Return a row of `GET position`."""
    return {
        "breakEvenPrice": plain(price_digits(break_even(position, maker_fee))),
        "cumulativeFundingPayment": "0",
        "cumulativeInterest": "0",
        "entryPrice": plain(price_digits(position.entry_price)),
        "estLiquidationPrice": plain(price_digits(position.liquidation_price)),
        "imf": plain(market.initial[0]),
        "imfFunction": curve(market.initial),
        "markPrice": plain(position.mark_price),
        "mmf": plain(market.maintenance[0]),
        "mmfFunction": curve(market.maintenance),
        "netCost": plain(market.notional(position.entry_price * position.quantity)),
        "netExposureNotional": plain(abs(position.quantity) * position.mark_price),
        "netExposureQuantity": plain(abs(position.quantity)),
        "netQuantity": plain(position.quantity),
        "pnlRealized": plain(price_digits(position.realized_pnl)),
        "pnlUnrealized": plain(price_digits(position.unrealized_pnl)),
        "positionId": str(position_id),
        "subaccountId": None,
        "symbol": position.symbol,
        "userId": USER_ID,
    }


def price_digits(value: Decimal) -> Decimal:
    """Return a computed price or amount with ten decimals at most."""
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal("1E-10")) if isinstance(exponent, int) and exponent < -10 else value  # noqa: PLR2004 - see above
