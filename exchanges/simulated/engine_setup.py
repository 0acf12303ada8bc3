"""From the section `[paper]` to a ready simulated venue: markets, engine settings, fill pieces, faults."""

import random
from dataclasses import replace
from decimal import Decimal

from exchanges.rounding import floor_to
from exchanges.simulated.engine_floor import FillCut
from exchanges.simulated.engine_types import EngineSettings, MarketSpec
from exchanges.simulated.faults import FaultSettings
from exchanges.simulated.settings import PaperSettings
from exchanges.values import FeeRates, MarketRules

_BPS = Decimal(10_000)
_MS = 1_000_000
_LEAST_PIECE, _LARGEST_PIECE = 0.2, 0.8


def _rules(
    symbol: str, tick: str, step: str, largest: str, market_largest: str, band: str, leverage: int
) -> MarketRules:
    return MarketRules(
        symbol=symbol,
        tick=Decimal(tick),
        step=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=Decimal(largest),
        market_max_quantity=Decimal(market_largest),
        min_notional=Decimal(5),
        reduce_only_exempt=True,
        min_price=Decimal(tick),
        max_price=Decimal(10_000_000),
        band_up=1 + Decimal(band),
        band_down=1 - Decimal(band),
        max_open_orders=200,
        max_leverage=leverage,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
    )


DEFAULT_RULES: dict[str, MarketRules] = {
    rules.symbol: rules
    for rules in (
        _rules("BTCUSDT", "0.1", "0.001", "1000", "120", "0.02", 125),
        _rules("ETHUSDT", "0.1", "0.001", "10000", "2000", "0.02", 125),
        _rules("SOLUSDT", "0.01", "0.01", "1000000", "5000", "0.03", 100),
    )
}
"""Steps, sizes and bands as the real venue lists them (venues/aster.md section 7, capture of 2026-01-12)."""


def engine_settings(paper: PaperSettings) -> EngineSettings:
    """Return how the engine behaves for a `[paper]` section."""
    return EngineSettings(
        fill_model=paper.fill_model,
        queue_ahead_pct=paper.queue_ahead_pct,
        ack_latency_ns=paper.ack_latency_ms * _MS,
        cancel_latency_ns=paper.cancel_latency_ms * _MS,
        fill_latency_ns=paper.fill_latency_ms * _MS,
        post_only_reject=paper.post_only_reject,
        funding_rate=paper.funding_bps_per_8h / _BPS,
    )


def fee_rates(paper: PaperSettings) -> FeeRates:
    """Return the fees of a `[paper]` section as fractions."""
    return FeeRates(maker=paper.maker_fee_bps / _BPS, taker=paper.taker_fee_bps / _BPS)


def fault_settings(paper: PaperSettings) -> FaultSettings:
    """Return the faults of a `[paper]` section."""
    return FaultSettings(
        duplicate_pct=paper.fault_duplicate_pct,
        reorder_pct=paper.fault_reorder_pct,
        drop_pct=paper.fault_drop_pct,
        disconnect_every_s=paper.fault_disconnect_every_s,
    )


def market_specs(rules: tuple[MarketRules, ...], paper: PaperSettings) -> tuple[MarketSpec, ...]:
    """Return the markets with the fees and the overridden steps and minima of a `[paper]` section."""
    return tuple(MarketSpec(rules=override_rules(one, paper), fees=fee_rates(paper)) for one in rules)


def override_rules(rules: MarketRules, paper: PaperSettings) -> MarketRules:
    """Return the rules with `tick_size`, `step_size` and `min_notional_usd` of `[paper]` where they are given."""
    tick = paper.tick_size or rules.tick
    step = paper.step_size or rules.step
    return replace(
        rules,
        tick=tick,
        min_price=tick if paper.tick_size else rules.min_price,
        step=step,
        min_quantity=step if paper.step_size else rules.min_quantity,
        min_notional=rules.min_notional if paper.min_notional_usd is None else paper.min_notional_usd,
    )


def fill_cut(partial_fill_pct: Decimal, seed: int) -> FillCut | None:
    """Return what cuts a maker fill into pieces with that chance, from a random stream of its own; None for 0 %."""
    if partial_fill_pct <= 0:
        return None
    stream = random.Random(f"{seed}/pieces")  # noqa: S311 - a simulation, no secret

    def cut(quantity: Decimal, step: Decimal) -> Decimal:
        chance, share = stream.random(), stream.uniform(_LEAST_PIECE, _LARGEST_PIECE)
        if Decimal(chance) * 100 >= partial_fill_pct:
            return quantity
        return max(floor_to(quantity * Decimal(share), step), step)

    return cut
