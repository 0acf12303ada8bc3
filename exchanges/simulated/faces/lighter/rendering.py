"""Orders, positions and money in Lighter's words.

Source: venues/lighter.md 11.2, 12.2 and 13; shapes as in the fixtures of `lighter_vectors.json`. Amounts are text with
the market's decimals, money has six; what is a JSON number on the venue is one here.
"""

from decimal import Decimal
from typing import Final

from exchanges.simulated.engine_types import BalanceView, OrderView, PositionView, TimeInForce
from exchanges.simulated.faces.lighter.markets import FULL_MARGIN, QUOTE, LighterMarket
from exchanges.simulated.faces.lighter.orders import INDEX_SPAN, OrderMeta, client_index, order_index, status_word
from exchanges.simulated.faces.lighter.tx_log import block_height
from exchanges.values import ZERO, Side

NS_PER_US: Final = 1_000
NS_PER_S: Final = 1_000_000_000
USDC_ID: Final = 3
PERCENT: Final = 100

_TIMES: Final = {
    TimeInForce.GTC: "good-till-time",
    TimeInForce.GTX: "post-only",
    TimeInForce.IOC: "immediate-or-cancel",
    TimeInForce.FOK: "immediate-or-cancel",
}


def money(value: Decimal) -> str:
    """Return an amount of USDC with six decimals."""
    return format(value, ".6f")


def number(value: Decimal) -> float:
    """Return a value as the JSON number that the venue sends in a few places (statistics, never orders)."""
    return float(value)


def order_row(
    order: OrderView, meta: OrderMeta, market: LighterMarket, *, is_update: bool = False
) -> dict[str, object]:
    """Return an order object. On every cancel the remaining amount is zero, whatever was filled."""
    index = order_index(market, order.side, order.order_id)
    client = client_index(order)
    remaining = order.remaining if order.is_open else ZERO
    no_integrator = "0" if is_update else ""
    return {
        "order_index": index,
        "client_order_index": client,
        "order_id": str(index),
        "client_order_id": str(client),
        "market_index": market.market_id,
        "owner_account_index": int(order.account),
        "initial_base_amount": market.size_text(order.quantity),
        "price": market.price_text(order.price),
        "nonce": index - (market.market_id + 1) * INDEX_SPAN,
        "remaining_base_amount": market.size_text(remaining),
        "is_ask": order.side is Side.SELL,
        "base_size": market.size_int(remaining),
        "base_price": market.price_int(order.price),
        "filled_base_amount": market.size_text(order.filled),
        "filled_quote_amount": money(order.average_price * order.filled),
        "side": "",
        "type": "market" if meta.is_market else "limit",
        "time_in_force": _TIMES[order.time_in_force],
        "reduce_only": order.reduce_only,
        "trigger_price": market.price_text(ZERO),
        "order_expiry": meta.expiry_ms,
        "status": status_word(order, meta),
        "trigger_status": "na",
        "trigger_time": 0,
        "parent_order_index": 0,
        "parent_order_id": "0",
        "to_trigger_order_id_0": "0",
        "to_trigger_order_id_1": "0",
        "to_cancel_order_id_0": "0",
        "integrator_fee_collector_index": no_integrator,
        "integrator_taker_fee": no_integrator,
        "integrator_maker_fee": no_integrator,
        "order_flags": 0,
        "order_version": meta.version,
        "block_height": block_height(order.updated_ns),
        "timestamp": order.updated_ns // NS_PER_S,
        "created_at": order.created_ns // NS_PER_S,
        "updated_at": order.updated_ns // NS_PER_S,
        "transaction_time": order.updated_ns // NS_PER_US,
        "market_symbol": market.symbol,
        "market_kind": "perp",
    }


def position_row(
    position: PositionView, market: LighterMarket, *, open_orders: int, fraction: int, margin_mode: int
) -> dict[str, object]:
    """Return a position object: unsigned size beside a sign, which is 1 when flat. `fraction` is in 1e-4."""
    value = abs(position.quantity) * position.mark_price
    return {
        "market_id": market.market_id,
        "symbol": market.symbol,
        "initial_margin_fraction": format(Decimal(fraction) * PERCENT / FULL_MARGIN, ".2f"),
        "open_order_count": open_orders,
        "pending_order_count": 0,
        "position_tied_order_count": 0,
        "sign": -1 if position.quantity < 0 else 1,
        "position": market.size_text(abs(position.quantity)),
        "avg_entry_price": market.price_text(position.entry_price),
        "position_value": money(value),
        "unrealized_pnl": money(position.unrealized_pnl),
        "realized_pnl": money(position.realized_pnl),
        "liquidation_price": market.price_text(position.liquidation_price) if position.liquidation_price else "0",
        "margin_mode": margin_mode,
        "allocated_margin": "0.000000",
        "total_discount": "0.000000",
        "margin_set_flag": 0,
    }


def asset_row(balance: BalanceView) -> dict[str, object]:
    """Return the one asset of a paper account. All of it is margin."""
    return {
        "symbol": QUOTE,
        "asset_id": USDC_ID,
        "balance": "0.000000",
        "locked_balance": "0.000000",
        "margin_mode": "enabled",
        "margin_balance": money(balance.wallet),
        "multiplier": "1",
    }


def account_row(
    balance: BalanceView, positions: list[dict[str, object]], *, orders: int, cancel_all_ms: int
) -> dict[str, object]:
    """Return the account object of `GET account`."""
    index = int(balance.account)
    return {
        "code": 0,
        "account_type": 0,
        "account_trading_mode": 0,
        "index": index,
        "l1_address": "0x0000000000000000000000000000000000000000",
        "cancel_all_time": cancel_all_ms,
        "total_order_count": orders,
        "total_isolated_order_count": 0,
        "pending_order_count": 0,
        "available_balance": money(balance.available),
        "status": 1,
        "collateral": money(balance.wallet),
        "transaction_time": balance.updated_ns // NS_PER_US,
        "account_index": index,
        "name": "",
        "description": "",
        "can_invite": True,
        "referral_points_percentage": "",
        "created_at": 0,
        "positions": positions,
        "assets": [asset_row(balance)],
        "total_asset_value": money(balance.equity),
        "cross_asset_value": money(balance.equity),
        "cross_initial_margin_requirement": money(balance.position_margin + balance.order_margin),
        "cross_maintenance_margin_requirement": money(balance.maintenance_margin),
        "shares": [],
        "pending_unlocks": [],
        "approved_integrators": [],
    }


def user_stats(balance: BalanceView) -> dict[str, object]:
    """Return the `stats` object of the user_stats channel."""
    used = balance.position_margin + balance.order_margin
    equity = balance.equity
    stats: dict[str, object] = {
        "collateral": money(balance.wallet),
        "portfolio_value": money(equity),
        "leverage": format(used / equity, ".2f") if equity > 0 else "0.00",
        "available_balance": money(balance.available),
        "margin_usage": format(used / equity * PERCENT, ".2f") if equity > 0 else "0.00",
        "buying_power": "0",
    }
    return stats | {"account_trading_mode": 0, "cross_stats": dict(stats), "total_stats": dict(stats)}
