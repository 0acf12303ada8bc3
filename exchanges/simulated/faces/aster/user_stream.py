"""The account's own stream: engine events as ORDER_TRADE_UPDATE, ACCOUNT_UPDATE and ACCOUNT_CONFIG_UPDATE frames.

Source: venues/aster.md 12.2 and 15.3. What one fill changed in wallet and position goes into one ACCOUNT_UPDATE after
its ORDER_TRADE_UPDATE (`account_first` swaps the two; the venue promises no order).
"""

from collections.abc import Callable

from exchanges.simulated.engine_types import (
    BalanceChanged,
    LeverageChanged,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    PositionChanged,
    PrivateEvent,
    Traded,
)
from exchanges.simulated.faces.aster import rendering
from exchanges.simulated.faces.aster.endpoints import AccountModes

OrderEvent = OrderAccepted | Traded | OrderExpired | OrderCanceled | OrderAmended


class UserStream:
    """Renders one account's events, in order. `send` takes finished frames."""

    def __init__(self, modes: AccountModes, send: Callable[[dict[str, object]], None]) -> None:
        self.account_first = False
        self._modes = modes
        self._send = send
        self._balances: list[BalanceChanged] = []
        self._positions: list[PositionChanged] = []
        self._held: dict[str, object] | None = None

    def on_event(self, event: PrivateEvent, now_ns: int) -> None:
        """Take one event; account changes wait for `flush` or the next other event."""
        if isinstance(event, PositionChanged):
            if any(known.position.symbol == event.position.symbol for known in self._positions):
                self.flush(now_ns)
            self._positions.append(event)
        elif isinstance(event, BalanceChanged):
            if self._balances:
                self.flush(now_ns)
            self._balances.append(event)
        else:
            self.flush(now_ns)
            self._send_other(event, now_ns)

    def _send_other(self, event: PrivateEvent, now_ns: int) -> None:
        if isinstance(event, LeverageChanged):
            self._send(rendering.leverage_event(event.symbol, event.leverage, event.occurred_ns, now_ns))
        elif isinstance(event, Traded):
            execution = "CALCULATED" if event.order.is_liquidation else "TRADE"
            body = rendering.order_event(event.order, execution, event.occurred_ns, now_ns, event.trade)
            if self.account_first:
                self._held = body
            else:
                self._send(body)
        elif isinstance(event, OrderAccepted | OrderAmended):
            self._send(rendering.order_event(event.order, "NEW", event.occurred_ns, now_ns))
        elif isinstance(event, OrderExpired):
            self._send(rendering.order_event(event.order, "EXPIRED", event.occurred_ns, now_ns))
        elif isinstance(event, OrderCanceled):
            self._send(rendering.order_event(event.order, "CANCELED", event.occurred_ns, now_ns))

    def flush(self, now_ns: int) -> None:
        """Send what waits."""
        if self._balances or self._positions:
            body = rendering.account_event(self._balances, self._positions, self._modes.margin_types, now_ns)
            self._balances, self._positions = [], []
            self._send(body)
        if self._held is not None:
            held, self._held = self._held, None
            self._send(held)

    def config_changed(self, change: dict[str, object], now_ns: int) -> None:
        """Send an ACCOUNT_CONFIG_UPDATE with the given part."""
        stamp = rendering.milliseconds(now_ns)
        self._send({"e": "ACCOUNT_CONFIG_UPDATE", "E": stamp, "T": stamp} | change)
