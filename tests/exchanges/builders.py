"""Reports with defaults: an order of 1.000 bought at 99.9, the fixture of SCENARIOS.md."""

from decimal import Decimal

from exchanges.fills import FillLedger, LedgerUpdate
from exchanges.order_ids import OrderKey, pack
from exchanges.reports import ActiveOrders, FillReport, OrderReport
from exchanges.values import (
    CancelReason,
    ClientOrderId,
    OrderId,
    OrderRequest,
    OrderStatus,
    RejectReason,
    Side,
    TradeId,
)

SYMBOL = "BTCUSDT"
TAG = 5
ORDER = pack(OrderKey(TAG, 1, 0))
OTHER = pack(OrderKey(TAG, 2, 0))
VENUE_ID = OrderId("40000000123")
LIMIT = "99.9"
SIZE = "1.000"


def request(
    client_order_id: ClientOrderId = ORDER,
    *,
    quantity: str = SIZE,
    price: str | None = LIMIT,
    side: Side = Side.BUY,
    symbol: str = SYMBOL,
) -> OrderRequest:
    return OrderRequest(
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        post_only=True,
        reduce_only=False,
    )


def order_report(
    status: OrderStatus = OrderStatus.OPEN,
    filled: str = "0",
    *,
    client_order_id: ClientOrderId | None = ORDER,
    order_id: OrderId | None = VENUE_ID,
    average: str | None = None,
    reason: CancelReason | None = None,
    reject_reason: RejectReason | None = None,
    quantity: str = SIZE,
    price: str = LIMIT,
    side: Side = Side.BUY,
    symbol: str = SYMBOL,
    occurred_ns: int = 11,
) -> OrderReport:
    return OrderReport(
        symbol=symbol,
        client_order_id=client_order_id,
        order_id=order_id,
        status=status,
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        filled=Decimal(filled),
        average_price=None if average is None else Decimal(average),
        reason=reason,
        reject_reason=reject_reason,
        occurred_ns=occurred_ns,
        received_ns=12,
    )


def fill_report(
    trade_id: str | None,
    quantity: str,
    *,
    price: str = LIMIT,
    cumulative: str | None = None,
    client_order_id: ClientOrderId | None = ORDER,
    order_id: OrderId | None = VENUE_ID,
    order_quantity: str | None = None,
    fee: str = "0",
    side: Side = Side.BUY,
    symbol: str = SYMBOL,
    is_maker: bool | None = True,
) -> FillReport:
    return FillReport(
        symbol=symbol,
        client_order_id=client_order_id,
        order_id=order_id,
        trade_id=None if trade_id is None else TradeId(trade_id),
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        cumulative=None if cumulative is None else Decimal(cumulative),
        order_quantity=None if order_quantity is None else Decimal(order_quantity),
        fee=Decimal(fee),
        fee_asset="USDT",
        is_maker=is_maker,
        occurred_ns=21,
        received_ns=22,
    )


def active_orders(*orders: OrderReport, symbol: str = SYMBOL) -> ActiveOrders:
    return ActiveOrders(symbol=symbol, orders=orders, received_ns=12)


def told(update: LedgerUpdate) -> list[tuple[str, str, str, str | None]]:
    """Fills as texts: price, delta, cumulative, trade id (the tuple of the vector files)."""
    return [(str(f.price), str(f.quantity), str(f.cumulative), f.trade_id) for f in update.fills]


def ledger_with(client_order_id: ClientOrderId = ORDER, **options: int) -> FillLedger:
    """A ledger that expects the order."""
    ledger = FillLedger(**options)
    ledger.expect(request(client_order_id))
    return ledger
