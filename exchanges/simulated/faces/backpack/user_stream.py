"""The account's own streams: engine events as order, position and balance updates.

Source: venues/backpack.md 12 and 13. For one order: accepted, fills, end. A position update follows every fill. Times
are microseconds; `E` lies a little behind `T`, and neither ever goes back.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from exchanges.rounding import plain
from exchanges.simulated.engine_types import (
    AmendOrder,
    BalanceChanged,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderType,
    OrderView,
    PositionChanged,
    PositionView,
    PrivateEvent,
    Refused,
    Traded,
    TradeView,
)
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.market_streams import EMIT_US
from exchanges.simulated.faces.backpack.rendering import (
    SIDES,
    TRADE_ID_BASE,
    break_even,
    client_number,
    executed_quote,
    expiry_reason,
    fee_text,
    force_word,
    is_post_only,
    microseconds,
    order_id,
    origin,
    price_digits,
    quote_bound,
    status_word,
)
from exchanges.simulated.faces.backpack.sessions import Sessions
from exchanges.values import ZERO

if TYPE_CHECKING:
    from decimal import Decimal

ORDERS = "account.orderUpdate"
POSITIONS = "account.positionUpdate"
BALANCES = "account.balanceUpdate"


class UserStream:
    """Renders one account's events, in order."""

    def __init__(self, context: Context, sessions: Sessions) -> None:
        self._context = context
        self._sessions = sessions
        self._held: dict[str, Decimal] = {}
        self._emitted_us = 0

    def remember_positions(self) -> None:
        """Take the positions as they are for known: after a restart they are not new."""
        context = self._context
        self._held = {symbol: context.engine.position(context.account, symbol).quantity for symbol in context.markets}

    def on_event(self, event: PrivateEvent) -> None:
        """Take one event."""
        if isinstance(event, Traded):
            self._send_order("orderFill", event.order, event.occurred_ns, event.trade)
        elif isinstance(event, OrderAccepted):
            self._send_order("orderAccepted", event.order, event.occurred_ns)
        elif isinstance(event, OrderAmended):
            self._send_order("orderModified", event.order, event.occurred_ns)
        elif isinstance(event, OrderCanceled | OrderExpired):
            name = "orderCancelled" if status_word(event.order) == "Cancelled" else "orderExpired"
            self._send_order(name, event.order, event.occurred_ns)
            self._context.stp.pop(event.order.order_id, None)
        elif isinstance(event, PositionChanged):
            self._send_position(event)
        elif isinstance(event, BalanceChanged):
            self._send_balance(event)

    def _times(self, occurred_ns: int) -> dict[str, object]:
        stamp = microseconds(occurred_ns)
        self._emitted_us = max(self._emitted_us, stamp + self._context.rng.randint(*EMIT_US))
        return {"E": self._emitted_us, "T": stamp}

    # --- orders ---
    def _send_order(self, name: str, order: OrderView, occurred_ns: int, trade: TradeView | None = None) -> None:
        data = self._order(name, order) | self._times(occurred_ns)
        if trade is not None:
            data |= self._fill(trade)
        for stream in (ORDERS, f"{ORDERS}.{order.symbol}"):
            self._sessions.send(stream, data)

    def _order(self, name: str, order: OrderView) -> dict[str, object]:
        market = self._context.markets[order.symbol]
        data: dict[str, object] = {
            "O": origin(order),
            "Q": market.notional_text(quote_bound(order, market)),
            "S": SIDES[order.side],
            "V": self._context.stp_of(order.order_id),
            "X": status_word(order),
            "Z": market.notional_text(executed_quote(order, market)),
            "e": name,
            "f": force_word(order),
            "i": order_id(order.order_id),
            "o": order.order_type.value.upper(),
            "q": market.quantity_text(order.quantity),
            "r": order.reduce_only,
            "s": order.symbol,
            "t": None,
            "y": is_post_only(order),
            "z": market.quantity_text(order.filled) if order.filled else "0",
        }
        number = client_number(order.client_id)
        if number is not None and not self._context.switches.omit_client_id:
            data["c"] = number
        if order.order_type is OrderType.LIMIT:
            data["p"] = market.price_text(order.price)
        if name == "orderExpired":
            data["R"] = expiry_reason(order) or "Unknown"
        return data

    def _fill(self, trade: TradeView) -> dict[str, object]:
        market = self._context.markets[trade.symbol]
        return {
            "L": market.price_text(trade.price),
            "N": trade.fee_asset,
            "l": market.quantity_text(trade.quantity),
            "m": trade.is_maker,
            "n": fee_text(trade.fee),
            "t": TRADE_ID_BASE + trade.trade_id,
        }

    # --- positions ---
    def _send_position(self, event: PositionChanged) -> None:
        position = event.position
        before = self._held.get(position.symbol, ZERO)
        self._held[position.symbol] = position.quantity
        name = "positionAdjusted" if before else "positionOpened"
        data = self._position(position) | self._times(event.occurred_ns)
        data["e"] = name if position.quantity else "positionClosed"
        for stream in (POSITIONS, f"{POSITIONS}.{position.symbol}"):
            self._sessions.send(stream, data)
        if self._context.switches.reduce_only_shrink:
            self._shrink(position, event.occurred_ns)

    def _position(self, position: PositionView) -> dict[str, object]:
        context, market = self._context, self._context.markets[position.symbol]
        quantity = market.quantity_text(position.quantity) if position.quantity else "0"
        return {
            "B": plain(price_digits(position.entry_price)),
            "M": plain(position.mark_price),
            "P": plain(price_digits(position.unrealized_pnl)),
            "Q": quantity,
            "b": plain(price_digits(break_even(position, context.maker_fee(position.symbol)))),
            "f": plain(market.initial[0]),
            "i": context.position_id(position.symbol),
            "l": "0",
            "m": plain(market.maintenance[0]),
            "n": plain(abs(position.quantity) * position.mark_price),
            "p": plain(price_digits(position.realized_pnl)),
            "q": quantity,
            "s": position.symbol,
        }

    def on_subscribed(self, session_id: int, stream: str, now_ns: int) -> None:
        """Send the open positions to who has just subscribed to them: frames without `e`."""
        if stream != POSITIONS and not stream.startswith(f"{POSITIONS}."):
            return
        symbol = stream.removeprefix(POSITIONS).removeprefix(".")
        context = self._context
        for name in context.markets:
            position = context.engine.position(context.account, name)
            if position.quantity and symbol in ("", name):
                self._sessions.send_to(session_id, stream, self._position(position) | self._times(now_ns))

    def _shrink(self, position: PositionView, now_ns: int) -> None:
        """Make the newest resting reduce-only orders so small that all together close the position and no more."""
        context = self._context
        left = abs(position.quantity)
        for order in context.engine.open_orders(context.account, position.symbol):
            if not order.reduce_only or order.side.sign * position.quantity >= 0:
                continue
            if order.remaining > left > 0:
                quantity = order.filled + left
                command = AmendOrder(symbol=order.symbol, price=order.price, quantity=quantity, order_id=order.order_id)
                answer = context.engine.execute(context.account, command, now_ns)
                if isinstance(answer, Refused):
                    return
                order = replace(order, quantity=quantity)  # noqa: PLW2901 - as it stands now
            left = max(left - order.remaining, ZERO)

    # --- balances ---
    def _send_balance(self, event: BalanceChanged) -> None:
        balance = self._context.engine.balance(event.account)
        available = max(min(balance.available, event.wallet), ZERO)
        data = self._times(event.occurred_ns) | {
            "A": plain(price_digits(available)),
            "L": plain(price_digits(max(event.wallet - available, ZERO))),
            "S": "0",
            "a": event.asset,
            "e": "balanceUpdate",
        }
        self._sessions.send(BALANCES, data)
