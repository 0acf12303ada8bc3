"""A small venue for engine tests: BTC-PERP of SCENARIOS.md (tick 0.1, step 0.001), one account, no latency, no fees."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from exchanges.simulated.engine import Engine, FillCut
from exchanges.simulated.engine_types import (
    Answer,
    CancelOrder,
    EngineSettings,
    Event,
    MarketSpec,
    OrderType,
    OrderView,
    Placed,
    PlaceOrder,
    RefusalReason,
    Refused,
    TimeInForce,
    Traded,
)
from exchanges.values import FeeRates, MarketRules, Side

D = Decimal
SYMBOL = "BTC-PERP"
ACCOUNT = "alpha"
NO_FEES = FeeRates(maker=D(0), taker=D(0))
RULES = MarketRules(
    symbol=SYMBOL,
    tick=D("0.1"),
    step=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(1000),
    market_max_quantity=D(120),
    min_notional=D(10),
    reduce_only_exempt=True,
    min_price=D("0.1"),
    max_price=D(1_000_000),
    band_up=D("1.1"),
    band_down=D("0.9"),
    max_open_orders=20,
    max_leverage=100,
    base_asset="BTC",
    quote_asset="USDT",
)


class Market:
    """An engine with short words for what tests do. Time moves one microsecond per step unless told."""

    def __init__(
        self,
        *,
        fees: FeeRates = NO_FEES,
        deposit: str = "100000",
        cut: FillCut | None = None,
        rules: dict[str, Any] | None = None,
        start_ns: int = 1,
        **settings: Any,
    ) -> None:
        self.settings = EngineSettings(**settings)
        self.spec = MarketSpec(rules=replace(RULES, **(rules or {})), fees=fees)
        self.engine = Engine([self.spec], self.settings, cut=cut)
        self.now_ns = start_ns
        self.engine.open_account(ACCOUNT, D(deposit), self.now_ns)
        self.names = 0

    def tick(self, step_ns: int = 1000) -> int:
        self.now_ns += step_ns
        return self.now_ns

    def quote(self, bid: str, ask: str, bid_qty: str = "5", ask_qty: str = "5") -> list[Event]:
        self.engine.on_quote(SYMBOL, D(bid), D(bid_qty), D(ask), D(ask_qty), self.tick())
        return self.events()

    def trade(self, price: str, quantity: str, *, seller_hits: bool) -> list[Event]:
        self.engine.on_trade(SYMBOL, D(price), D(quantity), buyer_is_maker=seller_hits, now_ns=self.tick())
        return self.events()

    def events(self) -> list[Event]:
        return self.engine.advance(self.now_ns)

    def spec_of(self, side: Side, quantity: str, price: str | None, **more: Any) -> PlaceOrder:
        self.names += 1
        given = {"client_id": f"c{self.names}", "time_in_force": TimeInForce.GTX, **more}
        if price is None:
            given["time_in_force"] = more.get("time_in_force", TimeInForce.GTC)
        return PlaceOrder(
            symbol=SYMBOL,
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=D(quantity),
            price=None if price is None else D(price),
            **given,
        )

    def try_place(self, side: Side, quantity: str, price: str | None, *, account: str = ACCOUNT, **more: Any) -> Answer:
        return self.engine.execute(account, self.spec_of(side, quantity, price, **more), self.tick())

    def place(self, side: Side, quantity: str, price: str | None, *, account: str = ACCOUNT, **more: Any) -> Placed:
        answer = self.try_place(side, quantity, price, account=account, **more)
        assert isinstance(answer, Placed), answer
        return answer

    def buy(self, quantity: str, price: str | None, **more: Any) -> Placed:
        return self.place(Side.BUY, quantity, price, **more)

    def sell(self, quantity: str, price: str | None, **more: Any) -> Placed:
        return self.place(Side.SELL, quantity, price, **more)

    def refusal(self, side: Side, quantity: str, price: str | None, **more: Any) -> RefusalReason:
        answer = self.try_place(side, quantity, price, **more)
        assert isinstance(answer, Refused), answer
        return answer.reason

    def cancel(self, placed: Placed, account: str = ACCOUNT) -> Answer:
        command = CancelOrder(symbol=SYMBOL, order_id=placed.accepted.order_id)
        return self.engine.execute(account, command, self.tick())

    def now(self, placed: Placed, account: str = ACCOUNT) -> OrderView:
        view = self.engine.order(account, SYMBOL, order_id=placed.accepted.order_id)
        assert view is not None
        return view

    def filled(self, placed: Placed, account: str = ACCOUNT) -> Decimal:
        return self.now(placed, account).filled

    def position(self, account: str = ACCOUNT) -> Decimal:
        return self.engine.position(account, SYMBOL).quantity


def fills(events: list[Event]) -> list[tuple[str, Decimal, Decimal]]:
    """(client id, price, quantity) of every execution among events."""
    return [
        (event.trade.client_id, event.trade.price, event.trade.quantity)
        for event in events
        if isinstance(event, Traded)
    ]
