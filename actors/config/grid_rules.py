"""What must fit together inside one grid and between grids: fees, margin, stop sides, pace (CONFIG.md D.3).

Everything here works without a venue; what needs its rules, fees or prices is in `startup.py`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from actors.config.findings import Findings
from actors.config.reader import Reading
from actors.grid.settings import Direction, EntrySettings, GridSettings, TakeProfitBasis
from actors.settings import Mode
from exchanges.rounding import plain
from exchanges.values import FeeRates
from exchanges.venue import RateLimit, VenuePackage

BPS_PER_PERCENT = 100
MIN_NOTIONAL_RESERVE = Decimal("1.05")
_BPS = Decimal(10000)
_DENSE = 3
_FASTEST_CYCLE_S = Decimal("0.5")
_ORDERS_PER_CYCLE = 2
_LADDER_START = 4
_FEE_BPS = re.compile(r"[+-]?[0-9]{1,6}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class GridRules:
    """One pass over the grids of a reading. `venues` is `exchanges.VENUES` or something like it."""

    reading: Reading
    venues: Mapping[str, Callable[[], VenuePackage]]

    @property
    def findings(self) -> Findings:
        """Where findings go."""
        return self.reading.findings

    def run(self) -> None:
        """Apply every rule of this file."""
        for grid in self.reading.settings.grids:
            self._fees(grid)
            self._boost(grid)
            self._sides(grid)
            self._density(grid)
            self._early_stop_loss(grid)
            self._margin(grid)
            self._paper_minimum(grid)
        self._total_margin()
        self._pace()

    def _name(self, grid: GridSettings, key: str) -> str:
        """'section.key' where the grid's value was set; where it could be, if it is the default."""
        return f"{self.reading.where.get((grid.name, key), f'grid.{grid.name}')}.{key}"

    def _readable(self, grid: GridSettings, *keys: str) -> bool:
        return not any(f"grid.{grid.name}.{key}" in self.reading.spoilt for key in keys)

    def _rates(self, grid: GridSettings) -> FeeRates | None:
        """Fees as far as they are known without asking the venue."""
        settings = self.reading.settings
        spoilt = self.reading.spoilt
        if settings.desk.mode is not Mode.LIVE:
            if spoilt & {"paper.maker_fee_bps", "paper.taker_fee_bps"}:
                return None
            return FeeRates(settings.paper.maker_fee_bps / _BPS, settings.paper.taker_fee_bps / _BPS)
        venue_settings = settings.exchanges.get(grid.exchange)
        maker, taker = fee_bps(venue_settings, "maker_fee_bps"), fee_bps(venue_settings, "taker_fee_bps")
        return None if maker is None or taker is None else FeeRates(maker / _BPS, taker / _BPS)

    def _fees(self, grid: GridSettings) -> None:
        keys = ("take_profit_pct", "take_profit_basis", "target_leverage", "min_edge_bps", "boost_mode")
        rates = self._rates(grid)
        if rates is None or not self._readable(grid, *keys):
            return
        problem = fee_problem(grid.entry, rates, grid.entry.target_leverage)
        if problem:
            self.findings.problem(f"{self._name(grid, 'take_profit_pct')} = {problem}")

    def _boost(self, grid: GridSettings) -> None:
        entry = grid.entry
        if not self._readable(grid, "boost_mode", "boost_max_loss_usd_per_hour"):
            return
        if entry.boost_mode and entry.boost_max_loss_usd_per_hour <= 0:
            self.findings.problem(
                f"{self._name(grid, 'boost_max_loss_usd_per_hour')} = 0: boost_mode = yes needs a loss budget; write "
                "more than 0"
            )

    def _sides(self, grid: GridSettings) -> None:
        stop, pause = grid.risk.stop_price, grid.risk.pause_price
        if stop is None or pause is None or not self._readable(grid, "stop_price", "pause_price", "direction"):
            return
        buys = grid.entry.direction is Direction.BUY
        if stop >= pause if buys else stop <= pause:
            order = "below" if buys else "above"
            self.findings.problem(
                f"{self._name(grid, 'stop_price')} = {plain(stop)}: a {grid.entry.direction} grid's stop is the "
                f"adverse side, {order} pause_price = {plain(pause)}; exchange the two or correct one"
            )

    def _density(self, grid: GridSettings) -> None:
        """CONFIG.md's 'grid_step < 3 x TP is a warning', read as: three steps within one take-profit.

        Taken literally it would warn about every sensible grid, the shipped one (0.10 against 0.12) included. What
        the origin's samples got wrong is the other end (ORIGIN.md A.6 row 32: a step of a fortieth of the
        take-profit): all lots are then bought within one small fall.
        """
        entry = grid.entry
        keys = ("grid_step_pct", "take_profit_pct", "take_profit_basis", "target_leverage")
        if entry.grid_step_pct == 0 or not self._readable(grid, *keys):
            return
        distance = take_profit_on_price_pct(entry, entry.target_leverage)
        if _DENSE * entry.grid_step_pct < distance:
            self.findings.warn(
                f"{self._name(grid, 'grid_step_pct')} = {plain(entry.grid_step_pct)}: less than a third of the "
                f"take-profit ({short(distance)} % of the price): entries bunch together and a fall of "
                f"{short(entry.grid_step_pct * entry.max_orders)} % fills the grid; write at least "
                f"{short(round_up(distance / _DENSE, '0.001'))}"
            )

    def _early_stop_loss(self, grid: GridSettings) -> None:
        """With a price move of `step` between lots the last one stands (n - 1) / 2 steps from their average."""
        entry, risk = grid.entry, grid.risk
        keys = ("stop_loss", "stop_loss_pct", "stop_loss_basis", "grid_step_pct", "max_orders", "target_leverage")
        if not risk.stop_loss or not self._readable(grid, *keys):
            return
        is_margin = risk.stop_loss_basis is TakeProfitBasis.MARGIN
        loss = risk.stop_loss_pct / entry.target_leverage if is_margin else risk.stop_loss_pct
        depth = entry.grid_step_pct * (entry.max_orders - 1) / 2
        if loss <= depth:
            least = (depth + entry.grid_step_pct) * (entry.target_leverage if is_margin else 1)
            self.findings.warn(
                f"{self._name(grid, 'stop_loss_pct')} = {plain(risk.stop_loss_pct)}: a fall of {short(loss)} % from "
                f"the average entry, which [grid.{grid.name}] reaches before its {entry.max_orders} lots are open; "
                f"write at least {short(least)}, fewer max_orders, or stop_loss = no"
            )

    def _margin(self, grid: GridSettings) -> None:
        if not self._readable(grid, "order_notional_usd", "target_leverage", "max_orders", "grid_max_margin_usd"):
            return
        for name, cap, cost in self._caps(grid):
            fit = int(cap / cost)
            if fit == 0:
                self.findings.problem(
                    f"{name} = {plain(cap)}: below one order of [grid.{grid.name}], which needs {short(cost)} USD; "
                    "raise it or lower order_notional_usd"
                )
            elif fit < grid.entry.max_orders:
                self.findings.warn(
                    f"{self._name(grid, 'max_orders')} = {grid.entry.max_orders}: {name} = {plain(cap)} admits {fit} "
                    f"lots of [grid.{grid.name}] at {short(cost)} USD each; the cap rules"
                )

    def _caps(self, grid: GridSettings) -> Iterator[tuple[str, Decimal, Decimal]]:
        """Name and amount of each cap on a grid, and what one order costs of it."""
        risk = self.reading.settings.risk
        notional = grid.entry.order_notional_usd
        margin = notional / grid.entry.target_leverage
        if "risk.max_margin_usd" not in self.reading.spoilt:
            yield "risk.max_margin_usd", risk.max_margin_usd, margin
        if grid.risk.grid_max_margin_usd is not None:
            yield self._name(grid, "grid_max_margin_usd"), grid.risk.grid_max_margin_usd, margin
        for key in ("max_position_usd", "max_net_exposure_usd"):
            cap = getattr(risk, key)
            if cap is not None and f"risk.{key}" not in self.reading.spoilt:
                yield f"risk.{key}", cap, notional

    def _paper_minimum(self, grid: GridSettings) -> None:
        settings = self.reading.settings
        minimum = settings.paper.min_notional_usd
        if settings.desk.mode is Mode.LIVE or minimum is None or not self._readable(grid, "order_notional_usd"):
            return
        if grid.entry.order_notional_usd < minimum * MIN_NOTIONAL_RESERVE:
            self.findings.problem(
                f"{self._name(grid, 'order_notional_usd')} = {plain(grid.entry.order_notional_usd)}: below 1.05 x "
                f"paper.min_notional_usd; write at least {plain(minimum * MIN_NOTIONAL_RESERVE)}"
            )

    def _total_margin(self) -> None:
        """One grid alone is covered by `_margin`; several share the bot's cap."""
        grids = self.reading.settings.grids
        spoilt = "risk.max_margin_usd" in self.reading.spoilt
        if len(grids) <= 1 or spoilt or not all(self._readable(g, "order_notional_usd", "max_orders") for g in grids):
            return
        needed = sum((full_margin(grid.entry) for grid in grids), Decimal(0))
        cap = self.reading.settings.risk.max_margin_usd
        if needed > cap:
            self.findings.warn(
                f"risk.max_margin_usd = {plain(cap)}: all grids full need {short(needed)} USD; the cap rules, grids "
                "take turns"
            )

    def _pace(self) -> None:
        """Two orders a cycle and the retries of one exit must fit the venue's order budget."""
        settings = self.reading.settings
        for name, venue in settings.venues.items():
            grids = [grid for grid in settings.grids if grid.exchange == name]
            quota = self._orders_per_min(name, venue)
            keys = ("wait_time_s", "retry_limit", "entry_requote_after_s")
            if quota is None or not grids or not all(self._readable(grid, *keys) for grid in grids):
                continue
            worst = max(_ORDERS_PER_CYCLE + grid.close.retry_limit + 1 for grid in grids)
            needed = sum((orders_per_min(grid.entry) for grid in grids), Decimal(0))
            if worst > quota:
                self.findings.problem(
                    f"close.retry_limit = {max(grid.close.retry_limit for grid in grids)}: one cycle with all its "
                    f"retries is {worst} orders, exchange '{name}' allows {plain(quota)} a minute; lower it"
                )
            elif needed > quota:
                self.findings.warn(
                    f"grid.wait_time_s: at their fastest the grids on '{name}' want {short(needed)} orders a minute, "
                    f"{plain(quota)} are allowed; entries will be paced, a longer wait_time_s avoids it"
                )

    def _orders_per_min(self, name: str, venue: str) -> Decimal | None:
        own = getattr(self.reading.settings.exchanges.get(name), "tx_quota_per_min", None)
        if own is not None:
            return Decimal(own)
        if venue not in self.venues:
            return None
        return order_budget_per_min(self.venues[venue]().rate_limits)


def fee_bps(venue_settings: object, key: str) -> Decimal | None:
    """Return a fee setting in basis points, None where it is `auto`, absent or unreadable."""
    value = getattr(venue_settings, key, None)
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, str) and _FEE_BPS.fullmatch(value) else None


def take_profit_on_price_pct(entry: EntrySettings, leverage: int) -> Decimal:
    """Return how far the exit is from the entry, in percent of the price, whatever the basis is."""
    is_margin = entry.take_profit_basis is TakeProfitBasis.MARGIN
    return entry.take_profit_pct / leverage if is_margin else entry.take_profit_pct


def fee_problem(entry: EntrySettings, rates: FeeRates, leverage: int) -> str:
    """Return why a take-profit cannot earn its fees, beginning with its value, or an empty text."""
    exit_rate = rates.taker if entry.boost_mode else rates.maker
    needed = (rates.maker + exit_rate) * _BPS + entry.min_edge_bps
    distance = take_profit_on_price_pct(entry, leverage) * BPS_PER_PERCENT
    if distance >= needed:
        return ""
    is_margin = entry.take_profit_basis is TakeProfitBasis.MARGIN
    least = needed / BPS_PER_PERCENT * (leverage if is_margin else 1)
    kind = "taker" if entry.boost_mode else "maker"
    return (
        f"{plain(entry.take_profit_pct)}: {short(distance)} bps of the price do not pay for the fees, "
        f"{short(rates.maker * _BPS)} (maker entry) + {short(exit_rate * _BPS)} ({kind} exit) + "
        f"{short(entry.min_edge_bps)} (min_edge_bps) = {short(needed)} bps; write at least "
        f"{short(round_up(least, '0.0001'))}"
    )


def full_margin(entry: EntrySettings) -> Decimal:
    """Return the margin in USD of a grid with all its lots open."""
    return entry.order_notional_usd * entry.max_orders / entry.target_leverage


def orders_per_min(entry: EntrySettings) -> Decimal:
    """Return the orders and cancels one grid sends in a minute at its fastest: w/4 between entries, every one filled,
    or every one re-quoted.
    """
    cycle_s = max(entry.wait_time_s / _LADDER_START, _FASTEST_CYCLE_S)
    requotes = Decimal(0) if entry.entry_requote_after_s == 0 else 60 / max(entry.entry_requote_after_s, cycle_s)
    return max(Decimal(60) / cycle_s, requotes) * _ORDERS_PER_CYCLE


def order_budget_per_min(limits: tuple[RateLimit, ...]) -> Decimal | None:
    """Return the tightest order budget as orders per minute, None where the venue publishes none."""
    budgets = [Decimal(limit.amount) * 60 / Decimal(str(limit.per_s)) for limit in limits if limit.unit == "order"]
    return min(budgets) if budgets else None


def round_up(value: Decimal, step: str) -> Decimal:
    """Return the value rounded up to a power of ten such as '0.01'."""
    return value.quantize(Decimal(step), ROUND_CEILING)


def short(value: Decimal) -> str:
    """Return a number with at most four decimals, for messages."""
    return plain(value.quantize(Decimal("0.0001"))) if abs(value) < 10**15 else plain(value)
