"""What the parts of one Backpack face share: engine, account, markets, switches, and what the engine does not know."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import EngineSettings, OrderView, PositionView
from exchanges.simulated.faces.backpack.markets import BackpackMarket
from exchanges.simulated.faces.backpack.order_checks import Prices, known_market
from exchanges.simulated.faces.backpack.rendering import DEFAULT_STP, order_object
from exchanges.simulated.faces.backpack.switches import Switches
from exchanges.simulated.faces.market_history import MarketHistory
from exchanges.values import ZERO, Side

POSITION_ID_BASE = 5_411_399_000


@dataclass(slots=True, kw_only=True)
class Context:
    """One account on one simulated Backpack.

    `leverage_limit`, `account_flags` and `stp` (self-trade prevention of orders that named another than the usual, by
    the engine's id) survive a restart.
    """

    engine: Engine
    account: str
    markets: Mapping[str, BackpackMarket]
    settings: EngineSettings
    rng: Random
    started_ns: int
    switches: Switches = field(default_factory=Switches)
    history: dict[str, MarketHistory] = field(default_factory=dict)
    leverage_limit: Decimal = Decimal(10)
    account_flags: dict[str, bool] = field(default_factory=dict)
    stp: dict[int, str] = field(default_factory=dict)

    def market(self, symbol: str) -> BackpackMarket:
        """Return a market. Raises VenueRefusal where the venue does not have it."""
        return known_market(symbol, self.markets)

    def prices(self, symbol: str) -> Prices:
        """Return what the prices of an order in a market are compared with."""
        if symbol not in self.markets:
            return Prices()
        return Prices(
            last=self.history[symbol].last_price(),
            mark=self.engine.mark_price(symbol),
            quote=self.engine.quote(symbol),
        )

    def order_object(self, order: OrderView) -> dict[str, object]:
        """Return an order as the trading service shows it."""
        return order_object(order, self.markets[order.symbol], self.stp_of(order.order_id))

    def stp_of(self, engine_id: int) -> str:
        """Return the self-trade prevention of an order."""
        return self.stp.get(engine_id, DEFAULT_STP)

    def maker_fee(self, symbol: str) -> Decimal:
        """Return the account's maker fee in a market as a fraction."""
        spec = self.engine.market(symbol)
        return ZERO if spec is None else spec.fees.maker

    def position_id(self, symbol: str) -> int:
        """Return the id of a market's position: always the same one."""
        return POSITION_ID_BASE + list(self.markets).index(symbol)

    def position(self, symbol: str, now_ns: int) -> PositionView:
        """Return a position as the venue's view of positions has it, which may trail the fills."""
        position = self.engine.position(self.account, symbol)
        since_ns = now_ns - self.switches.position_lag_ns + 1
        if not self.switches.position_lag_ns:
            return position
        recent = self.engine.trades(self.account, symbol, start_ns=since_ns, limit=10**9)
        quantity = position.quantity - sum((trade.side.sign * trade.quantity for trade in recent), ZERO)
        if not quantity:
            return replace(position, quantity=ZERO, entry_price=ZERO, unrealized_pnl=ZERO)
        unrealized = quantity * (position.mark_price - position.entry_price)
        return replace(position, quantity=quantity, unrealized_pnl=unrealized)

    def can_reduce(self, symbol: str, side: Side, now_ns: int) -> bool:
        """Whether the venue's view of positions shows something an order of that side would reduce."""
        return side.sign * self.position(symbol, now_ns).quantity < 0
