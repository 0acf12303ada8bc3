"""What must fit between a grid's settings and the market it meets at the start: rules, fees, price, equity."""

from dataclasses import dataclass
from decimal import Decimal

from actors.config.findings import Findings
from actors.config.grid_rules import MIN_NOTIONAL_RESERVE, fee_problem, round_up, short
from actors.config.ladder import Limits, build_ladder, context_of, is_usable
from actors.grid.pricing import HUNDRED, entry_price, take_profit_fraction
from actors.grid.settings import Direction, GridSettings
from actors.grid.state import GridContext, Quote
from actors.settings import BotSettings
from exchanges.rounding import ceil_to, floor_to, plain
from exchanges.values import FeeRates, MarketRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is known of a market and account when a grid starts.

    Attributes:
        applied_leverage: What the venue really set; None before that is known.
        equity_usd: Of the account; None where it is not known.
        has_open_lots: The grid is restarted with lots: what depends on the current price is then a warning, because
            refusing to start would leave them without anybody.
    """

    rules: MarketRules
    fees: FeeRates
    bid: Decimal
    ask: Decimal
    applied_leverage: int | None = None
    equity_usd: Decimal | None = None
    has_open_lots: bool = False


def startup_problems(settings: BotSettings, grid: GridSettings, market: Market) -> Findings:
    """Return what forbids this grid's start in this market, and what its owner should know.

    Pure; call it once rules, fees and a first price are known, before the first order.
    """
    return _Startup(settings, grid, market, Findings()).run()


@dataclass(frozen=True, slots=True)
class _Startup:
    settings: BotSettings
    grid: GridSettings
    market: Market
    findings: Findings

    def run(self) -> Findings:
        rules = self.market.rules
        if not rules.is_trading:
            self._problem("symbol", f"{self.grid.symbol}: the venue does not accept orders in this market now")
        self._leverage()
        if not is_usable(self.market.bid, self.market.ask):
            self._problem(
                "symbol",
                f"{self.grid.symbol}: no usable price (bid {self.market.bid}, ask {self.market.ask}); start when the "
                "market quotes",
            )
            return self.findings
        context = context_of(self.grid, rules, self.market.fees, self._applied)
        quote = Quote(self.market.bid, self.market.ask, 0)
        self._size(quote.mid, entry_price(context, quote, 0))
        self._take_profit(context, quote)
        self._sides(quote.mid)
        self._open_orders()
        self._ladder(context)
        return self.findings

    @property
    def _applied(self) -> int:
        return self.market.applied_leverage or self.grid.entry.target_leverage

    def _problem(self, key: str, text: str) -> None:
        self.findings.problem(f"grid.{self.grid.name}.{key} = {text}")

    def _warn(self, key: str, text: str) -> None:
        self.findings.warn(f"grid.{self.grid.name}.{key} = {text}")

    def _about_price(self, key: str, text: str) -> None:
        """A finding that may be different a minute later."""
        (self._warn if self.market.has_open_lots else self._problem)(key, text)

    def _leverage(self) -> None:
        wanted, most = self.grid.entry.target_leverage, self.market.rules.max_leverage
        if most is not None and wanted > most:
            self._problem("target_leverage", f"{wanted}: the venue allows at most {most} in this market")
        elif self._applied != wanted:
            self._warn(
                "target_leverage",
                f"{wanted}: the venue applied {self._applied}; margin and percentages of margin use {self._applied}",
            )

    def _size(self, mid: Decimal, price: Decimal) -> None:
        rules, notional = self.market.rules, self.grid.entry.order_notional_usd
        quantity = floor_to(notional / mid, rules.step)
        needed = max(rules.min_quantity, ceil_to(rules.min_notional * MIN_NOTIONAL_RESERVE / price, rules.step))
        if quantity < needed:
            self._problem(
                "order_notional_usd",
                f"{plain(notional)}: rounds down to {plain(quantity)} {rules.base_asset or 'units'} at {plain(mid)}; "
                f"the venue's minimum with 5 % reserve is {plain(needed)}, write at least "
                f"{plain(round_up(ceil_to(needed, rules.step) * mid, '0.01'))}",
            )
        elif quantity > rules.max_quantity:
            most = floor_to(rules.max_quantity, rules.step) * mid
            self._problem("order_notional_usd", f"{plain(notional)}: the venue's largest order is {short(most)} USD")
        elif quantity * mid < notional * Decimal("0.8"):
            self._warn(
                "order_notional_usd",
                f"{plain(notional)}: rounds down to {plain(quantity)} {rules.base_asset or 'units'}, "
                f"{short(quantity * mid)} USD; the step of this market is {plain(rules.step)}",
            )

    def _take_profit(self, context: GridContext, quote: Quote) -> None:
        entry, rules = self.grid.entry, self.market.rules
        text = plain(entry.take_profit_pct)
        price = entry_price(context, quote, 0)
        distance = price * take_profit_fraction(context)
        if entry.grid_step_pct != 0 and price * entry.grid_step_pct / HUNDRED < rules.tick:
            least = round_up(rules.tick * HUNDRED / price, "0.000001")
            self._problem(
                "grid_step_pct",
                f"{plain(entry.grid_step_pct)}: less than one tick ({plain(rules.tick)}); write 0 or at least "
                f"{plain(least)}",
            )
        if distance < rules.tick:
            self._problem("take_profit_pct", f"{text}: less than one tick ({plain(rules.tick)}) of the price; raise it")
            return
        unpaid = fee_problem(entry, self.market.fees, self._applied)
        if unpaid:
            self._problem("take_profit_pct", unpaid)
        if distance <= quote.ask - quote.bid:
            self._about_price(
                "take_profit_pct",
                f"{text}: {short(distance)} is not more than the spread ({plain(quote.ask - quote.bid)}) now; raise it "
                "or start when the market is tighter",
            )

    def _sides(self, mid: Decimal) -> None:
        buys = self.grid.entry.direction is Direction.BUY
        stop, pause = self.grid.risk.stop_price, self.grid.risk.pause_price
        direction = str(self.grid.entry.direction)
        if stop is not None and (stop >= mid if buys else stop <= mid):
            side = "below" if buys else "above"
            self._about_price(
                "stop_price", f"{plain(stop)}: a {direction} grid's stop belongs {side} the price, now {plain(mid)}"
            )
        if pause is not None and (pause <= mid if buys else pause >= mid):
            side = "above" if buys else "below"
            self._about_price(
                "pause_price", f"{plain(pause)}: a {direction} grid's pause belongs {side} the price, now {plain(mid)}"
            )

    def _open_orders(self) -> None:
        wanted, most = self.grid.entry.max_orders, self.market.rules.max_open_orders
        if wanted + 1 > most:
            self._problem("max_orders", f"{wanted}: the venue allows {most} open orders here, one is the entry")

    def _ladder(self, context: GridContext) -> None:
        limits = limits_of(self.settings, self.market.equity_usd)
        ladder = build_ladder(context, self.market.bid, self.market.ask, limits)
        if not ladder.rungs:
            return
        last, equity = ladder.rungs[-1], self.market.equity_usd
        if equity is not None and last.margin > equity:
            self._warn(
                "max_orders",
                f"{self.grid.entry.max_orders}: all lots need {short(last.margin)} USD margin, the account has "
                f"{short(equity)}; the venue will refuse the last ones",
            )
        stop, liquidation = self.grid.risk.stop_price, ladder.liquidation_price
        if stop is not None and liquidation is not None and (stop - liquidation) * context.sign <= 0:
            self._warn(
                "stop_price",
                f"{plain(stop)}: beyond the estimated liquidation at {short(liquidation)} with all lots open; move it "
                "nearer or lower max_orders",
            )


def limits_of(settings: BotSettings, equity_usd: Decimal | None) -> Limits:
    """Return the bot's limits as a ladder of one grid alone sees them."""
    risk = settings.risk
    caps = [cap for cap in (risk.max_position_usd, risk.max_net_exposure_usd) if cap is not None]
    return Limits(
        max_margin_usd=risk.max_margin_usd, max_position_usd=min(caps) if caps else None, equity_usd=equity_usd
    )
