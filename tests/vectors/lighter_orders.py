"""Rows of orders, trades and positions: what a report must say, and what a row must say about itself."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from exchanges.lighter.markets import Market
from exchanges.reports import FillReport, OrderReport, PositionReport
from exchanges.values import CancelReason, OrderStatus, Side
from tests.vectors.cases import decimal_of, need, one_of, same, text_of, whole_of

_STEP: Final = 2**48
_STATES: Final[Mapping[str, tuple[OrderStatus, CancelReason | None]]] = {
    "open": (OrderStatus.OPEN, None),
    "filled": (OrderStatus.FILLED, None),
    "canceled": (OrderStatus.CANCELED, CancelReason.REQUESTED),
    "canceled-post-only": (OrderStatus.CANCELED, CancelReason.POST_ONLY),
    "canceled-expired": (OrderStatus.EXPIRED, CancelReason.EXPIRED),
}
_NO_TRIGGER: Final = {
    "parent_order_index": 0,
    "parent_order_id": "0",
    "to_trigger_order_id_0": "0",
    "to_trigger_order_id_1": "0",
    "to_cancel_order_id_0": "0",
    "trigger_status": "na",
    "trigger_time": 0,
    "order_flags": 0,
    "side": "",
}


def _places(row: Mapping[str, Any], key: str, places: int) -> None:
    same(f"decimals of {key}", len(text_of(row, key).partition(".")[2]), places)


def check_order(report: OrderReport, row: Mapping[str, Any], market: Market, account_index: int) -> None:
    """Compare a report with the order it was read from, and the order's parts with each other."""
    need(row, "status", "is_ask", "order_index", "client_order_index", "time_in_force", "type", "reduce_only")
    index, client = whole_of(row, "order_index"), whole_of(row, "client_order_index")
    status, reason = _STATES.get(text_of(row, "status"), (None, None))
    filled, initial = decimal_of(row, "filled_base_amount"), decimal_of(row, "initial_base_amount")
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    same("status", (report.status, report.reason), (status, reason))
    same("ids", (report.order_id, report.client_order_id), (str(index), client))
    same("ids as text", (text_of(row, "order_id"), text_of(row, "client_order_id")), (str(index), str(client)))
    same("side", report.side, Side.SELL if row["is_ask"] is True else Side.BUY)
    same("is_ask", isinstance(row["is_ask"], bool), True)
    # A number of an order says its side: asks count up from the base of their market, bids down from the next one.
    same("side of order_index", (index - (market.index + 1) * _STEP) < _STEP // 2, row["is_ask"])
    same("nonce", whole_of(row, "nonce"), index - (market.index + 1) * _STEP)
    same("market_index", whole_of(row, "market_index"), market.index)
    same("owner", whole_of(row, "owner_account_index"), account_index)
    same("amounts", (report.filled, report.quantity, report.price), (filled, initial, decimal_of(row, "price")))
    same("base_price", market.price_to_wire(report.price), whole_of(row, "base_price"))
    _check_amounts(report, row, market)
    same("reduce_only", report.reduce_only, row["reduce_only"])
    same("reduce_only is a flag", isinstance(row["reduce_only"], bool), True)
    one_of("type", (row["type"], row["time_in_force"]), [("limit", "post-only"), ("limit", "good-till-time")])
    for key, value in _NO_TRIGGER.items():
        same(key, row.get(key), value)
    for key in ("integrator_fee_collector_index", "integrator_taker_fee", "integrator_maker_fee"):
        one_of(key, row.get(key), ["", "0"])
    same("transaction_time", whole_of(row, "transaction_time") * 1000, report.occurred_ns)
    seconds = [whole_of(row, key) for key in ("timestamp", "updated_at", "created_at")]
    same("seconds", (seconds[0], seconds[2] <= seconds[1]), (seconds[1], True))
    same("updated when it was changed", abs(seconds[1] - row["transaction_time"] // 1_000_000) <= 1, True)
    same("expires later", whole_of(row, "order_expiry") > row["transaction_time"] // 1000, True)
    same("block_height", whole_of(row, "block_height") > 0, True)


def _check_amounts(report: OrderReport, row: Mapping[str, Any], market: Market) -> None:
    remaining, quote = decimal_of(row, "remaining_base_amount"), decimal_of(row, "filled_quote_amount")
    rests = report.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)
    # What ended remains with nothing, filled or not (section 11.2).
    same("remaining", remaining, report.quantity - report.filled if rests else Decimal(0))
    same("base_size", whole_of(row, "base_size"), int(remaining.scaleb(market.size_decimals)))
    same("quote", quote, report.filled * report.price)
    same("average", report.average_price, report.price if report.filled else None)
    for key in ("initial_base_amount", "remaining_base_amount", "filled_base_amount"):
        _places(row, key, market.size_decimals)
    for key in ("price", "trigger_price"):
        _places(row, key, market.price_decimals)
    _places(row, "filled_quote_amount", 6)
    same("trigger_price", decimal_of(row, "trigger_price"), Decimal(0))


def check_trade(report: FillReport, row: Mapping[str, Any], market: Market, account_index: int) -> None:
    """Compare a report with the trade it was read from, and the trade's parts with each other."""
    need(row, "is_maker_ask", "type")
    own, other = ("ask", "bid") if row.get("ask_account_id") == account_index else ("bid", "ask")
    same("own account", whole_of(row, f"{own}_account_id"), account_index)
    same("other account", whole_of(row, f"{other}_account_id") != account_index, True)
    same("side", report.side, Side.SELL if own == "ask" else Side.BUY)
    ids = (report.trade_id, report.order_id, report.client_order_id)
    same("ids", ids, (str(row["trade_id"]), str(row[f"{own}_id"]), whole_of(row, f"{own}_client_id")))
    for key in ("trade_id", "ask_id", "bid_id", "ask_client_id", "bid_client_id"):
        same(f"{key}_str", text_of(row, f"{key}_str"), str(whole_of(row, key)))
    for name, base in (("ask", 1), ("bid", 2)):
        counted = whole_of(row, f"{name}_id") - (market.index + base) * _STEP
        same(f"side of {name}_id", 0 < (counted if name == "ask" else -counted) < _STEP // 2, True)
    size, price = decimal_of(row, "size"), decimal_of(row, "price")
    same("execution", (report.quantity, report.price), (size, price))
    same("usd_amount", decimal_of(row, "usd_amount"), size * price)
    for key, places in (("size", market.size_decimals), ("price", market.price_decimals), ("usd_amount", 6)):
        _places(row, key, places)
    same("is_maker", report.is_maker, row["is_maker_ask"] is (own == "ask"))
    same("is_maker_ask", isinstance(row["is_maker_ask"], bool), True)
    ppm = row.get("maker_fee" if report.is_maker else "taker_fee", 0)
    same("fee", (report.fee, report.fee_asset), (size * price * ppm / 1_000_000, "USDC"))
    same("types", (row["type"], whole_of(row, "market_id")), ("trade", market.index))
    same("time", (whole_of(row, "transaction_time") * 1000, row["transaction_time"] // 1000),
         (report.occurred_ns, whole_of(row, "timestamp")))  # fmt: skip
    same("tx_hash", text_of(row, "tx_hash").strip("0"), "")
    same("digits of tx_hash", len(row["tx_hash"]), 80)
    same("block_height", whole_of(row, "block_height") > 0, True)
    for who in ("taker", "maker"):
        _places(row, f"{who}_position_size_before", market.size_decimals)
        _places(row, f"{who}_entry_quote_before", 6)
        same("margin fraction", 0 < whole_of(row, f"{who}_initial_margin_fraction_before") <= 10_000, True)


def check_position(report: PositionReport, row: Mapping[str, Any], market: Market, account_index: int) -> None:
    """Compare a report with the position it was read from."""
    del account_index
    same("market", (whole_of(row, "market_id"), text_of(row, "symbol")), (market.index, report.symbol))
    same("quantity", report.quantity, whole_of(row, "sign") * decimal_of(row, "position"))
    one_of("sign", row["sign"], [1] if not report.quantity else [-1, 1])
    same("entry", report.entry_price, decimal_of(row, "avg_entry_price"))
    same("a price where there is a position", bool(report.entry_price), bool(report.quantity))
    same("leverage", report.leverage, Decimal(100) / decimal_of(row, "initial_margin_fraction"))
    same("fraction is one the venue allows", 0 < decimal_of(row, "initial_margin_fraction") <= 100, True)
    same("isolated", (report.isolated, row["margin_mode"]), (False, 0))
    same("liquidation", report.liquidation_price, decimal_of(row, "liquidation_price") or None)
    for key in ("open_order_count", "pending_order_count", "position_tied_order_count"):
        same(key, whole_of(row, key) >= 0, True)
    for key in ("position_value", "unrealized_pnl", "realized_pnl", "allocated_margin"):
        _places(row, key, 6)
        same(key, bool(decimal_of(row, key)) and not report.quantity, False)
    _places(row, "position", market.size_decimals)
    _places(row, "avg_entry_price", market.price_decimals)
