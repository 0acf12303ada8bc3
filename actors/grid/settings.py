"""What one grid is told: the sections `[grid]`, `[close]` and the per-grid keys of `[risk]`, declared once.

`actors/config/` reads them; the core only sees the finished `GridSettings`. CONFIG.md has the reasons of each rule.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from exchanges.settings import setting


class TakeProfitBasis(StrEnum):
    """What the take-profit percentage is a percentage of."""

    PRICE = "price"
    MARGIN = "margin"


class PartialTakeProfit(StrEnum):
    """When a partly filled entry gets its exit."""

    IMMEDIATE = "immediate"
    ON_DONE = "on_done"


class ExitFallback(StrEnum):
    """What follows when an exit was refused as post-only too often."""

    IOC = "ioc"
    WAIT = "wait"


class StopAction(StrEnum):
    """What a stop does besides latching."""

    FLATTEN = "flatten"
    DRAIN = "drain"


class LotTimeoutAction(StrEnum):
    """What happens to a lot older than `lot_timeout_s`."""

    ALARM = "alarm"
    CLOSE = "close"


class Direction(StrEnum):
    """The side of a grid's entries."""

    BUY = "buy"
    SELL = "sell"


class MismatchAction(StrEnum):
    """What follows when position and lots disagree for `mismatch_proofs` readings."""

    BLOCK_ENTRIES = "block_entries"
    DRAIN = "drain"
    HALT = "halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySettings:
    """The section `[grid]`: defaults for every grid, overridden in `[grid.NAME]`."""

    direction: Direction = setting(help="side of the entries", default=Direction.BUY)
    order_notional_usd: Decimal = setting(help="size of one entry", unit="USD", gt=0, example="300")
    target_leverage: int = setting(
        help="applied once at the start, fixed afterwards", unit="x", ge=1, le=125, default=10
    )
    take_profit_pct: Decimal = setting(
        help="distance of the exit from the entry", unit="percent", gt=0, le=50, default=Decimal("0.12")
    )
    take_profit_basis: TakeProfitBasis = setting(
        help="percent of the price, or of the margin (divided by the applied leverage)", default=TakeProfitBasis.PRICE
    )
    min_edge_bps: Decimal = setting(
        help="least profit after round-trip fees; the start is refused below it",
        unit="bps",
        ge=0,
        le=1000,
        default=Decimal(1),
    )
    grid_step_pct: Decimal = setting(
        help="least distance between the exits of two lots; 0 = off",
        unit="percent",
        ge=0,
        le=50,
        default=Decimal("0.10"),
    )
    max_orders: int = setting(help="open lots including the pending entry", ge=1, le=100, default=8)
    wait_time_s: Decimal = setting(
        help="base w of the cooldown ladder w/4, w/2, w, 2w", unit="s", ge=0, le=86400, default=Decimal(20)
    )
    post_only_ticks: int = setting(
        help="distance of the entry from the far side of the book", unit="ticks", ge=1, le=20, default=2
    )
    entry_requote_after_s: Decimal = setting(
        help="move an entry the price ran away from; 0 = never", unit="s", ge=0, le=86400, default=Decimal(15)
    )
    entry_requote_min_ticks: int = setting(
        help="re-quote only if the new price is so much better placed", unit="ticks", ge=1, le=10000, default=3
    )
    entry_timeout_s: Decimal = setting(
        help="cancel an unfilled entry after so long; 0 = never", unit="s", ge=0, le=2592000, default=Decimal(900)
    )
    partial_tp: PartialTakeProfit = setting(
        help="exit every partial fill at once, or when the entry is done", default=PartialTakeProfit.IMMEDIATE
    )
    tp_coalesce_ms: int = setting(
        help="merge a burst of partial fills into one exit; a full fill always flushes",
        unit="ms",
        ge=0,
        le=2000,
        default=0,
    )
    boost_mode: bool = setting(help="exit at once with a reduce-only IOC order instead of a resting one", default=False)
    boost_max_slippage_bps: Decimal = setting(
        help="worst price of a boost exit against the touch", unit="bps", ge=0, le=500, default=Decimal(5)
    )
    boost_max_loss_usd_per_hour: Decimal = setting(
        help="boost turns itself off once this is lost within an hour; required above 0 with boost_mode = yes",
        unit="USD",
        ge=0,
        default=Decimal(10),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSettings:
    """The section `[close]`: how exits behave when the venue refuses them. May be overridden in `[grid.NAME]`."""

    retry_limit: int = setting(help="post-only refusals of one exit before the fallback", ge=0, le=12, default=3)
    retry_backoff_ms: int = setting(help="least time between two attempts", unit="ms", ge=50, le=60000, default=250)
    fallback: ExitFallback = setting(
        help="ioc: reduce-only with a price cap; wait: keep trying to rest", default=ExitFallback.IOC
    )
    fallback_max_slippage_bps: Decimal = setting(
        help="worst price of the fallback against the touch", unit="bps", ge=0, le=500, default=Decimal(10)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRiskSettings:
    """The per-grid keys of the section `[risk]`. May be overridden in `[grid.NAME]`."""

    stop_price: Decimal | None = setting(
        help="adverse side; crossing it stops the grid for good", unit="price", gt=0, default=None
    )
    stop_confirm_ms: int = setting(
        help="a breach must last so long on fresh prices", unit="ms", ge=0, le=600000, default=500
    )
    stop_action: StopAction = setting(
        help="flatten closes everything; drain only stops entries. Latched until resume", default=StopAction.FLATTEN
    )
    pause_price: Decimal | None = setting(
        help="favourable side; no entries beyond it", unit="price", gt=0, default=None
    )
    pause_hysteresis_pct: Decimal = setting(
        help="entries resume when the price is back by so much", unit="percent", ge=0, le=50, default=Decimal("0.10")
    )
    pause_cancels_entry: bool = setting(help="a pause cancels the resting entry", default=True)
    stop_loss: bool = setting(help="close the grid when its average entry has lost stop_loss_pct", default=True)
    stop_loss_pct: Decimal = setting(
        help="loss on the average entry", unit="percent", gt=0, le=100, default=Decimal("2.0")
    )
    stop_loss_basis: TakeProfitBasis = setting(
        help="percent of the margin or of the price", default=TakeProfitBasis.MARGIN
    )
    lot_timeout_s: Decimal = setting(
        help="age of a lot that raises lot_timeout_action; 0 = off", unit="s", ge=0, default=Decimal(0)
    )
    lot_timeout_action: LotTimeoutAction = setting(
        help="alarm only, or cancel, settle and close", default=LotTimeoutAction.ALARM
    )
    grid_max_margin_usd: Decimal | None = setting(
        help="margin this grid may use; none = only the bot's limit", unit="USD", gt=0, default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSettings:
    """The keys of `[reconcile]` that the core needs: how much proof a conclusion takes."""

    not_found_proofs: int = setting(
        help="answers 'not found', asked after the venue's fence, before an order counts as never accepted",
        ge=1,
        le=20,
        default=3,
    )
    mismatch_proofs: int = setting(
        help="equal readings before position and lots count as different", ge=2, le=20, default=2
    )
    on_mismatch: MismatchAction = setting(help="what a proven difference does", default=MismatchAction.BLOCK_ENTRIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """Everything one grid is told, ready to use.

    `max_margin_usd` and `max_position_usd` are the bot-wide limits of `[risk]`, applied across grids by
    `actors.grid.risk`.
    """

    name: str
    exchange: str
    symbol: str
    entry: EntrySettings
    close: CloseSettings
    risk: GridRiskSettings
    proof: ProofSettings
    stale_after_ms: int = 1500
