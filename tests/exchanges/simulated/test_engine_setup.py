"""From `[paper]` to an engine (exchanges.simulated.engine_setup)."""

from decimal import Decimal

import pytest

from exchanges.rounding import is_multiple
from exchanges.simulated.engine_setup import (
    DEFAULT_RULES,
    engine_settings,
    fault_settings,
    fee_rates,
    fill_cut,
    market_specs,
)
from exchanges.simulated.settings import FillModel, PaperSettings, PostOnlyReject

D = Decimal


def test_settings_are_translated_with_their_units():
    paper = PaperSettings(
        fill_model=FillModel.CROSS,
        queue_ahead_pct=D(50),
        ack_latency_ms=250,
        cancel_latency_ms=90,
        fill_latency_ms=150,
        post_only_reject=PostOnlyReject.NEVER,
        funding_bps_per_8h=D(1),
        maker_fee_bps=D("-0.5"),
        taker_fee_bps=D(4),
        fault_drop_pct=D(3),
        fault_disconnect_every_s=D(60),
    )
    settings = engine_settings(paper)
    assert (settings.fill_model, settings.queue_ahead_pct) == (FillModel.CROSS, D(50))
    assert (settings.ack_latency_ns, settings.cancel_latency_ns, settings.fill_latency_ns) == (
        250_000_000,
        90_000_000,
        150_000_000,
    )
    assert settings.post_only_reject is PostOnlyReject.NEVER
    assert settings.funding_rate == D("0.0001")
    assert (fee_rates(paper).maker, fee_rates(paper).taker) == (D("-0.00005"), D("0.0004"))
    assert (fault_settings(paper).drop_pct, fault_settings(paper).disconnect_every_s) == (D(3), D(60))


def test_steps_of_a_market_may_be_overridden():
    paper = PaperSettings(tick_size=D("0.5"), step_size=D("0.01"), min_notional_usd=D(20))
    (spec,) = market_specs((DEFAULT_RULES["BTCUSDT"],), paper)
    assert (spec.rules.tick, spec.rules.min_price) == (D("0.5"), D("0.5"))
    assert (spec.rules.step, spec.rules.min_quantity, spec.rules.min_notional) == (D("0.01"), D("0.01"), D(20))
    (plain,) = market_specs((DEFAULT_RULES["BTCUSDT"],), PaperSettings())
    assert plain.rules == DEFAULT_RULES["BTCUSDT"]


def test_pieces_come_with_the_stated_chance_and_are_whole_steps():
    cut = fill_cut(D(20), 1)
    assert cut is not None
    step = D("0.001")
    pieces = [cut(D("0.037"), step) for _ in range(5000)]
    assert all(0 < piece <= D("0.037") and is_multiple(piece, step) for piece in pieces)
    share = sum(piece < D("0.037") for piece in pieces) / len(pieces)
    assert share == pytest.approx(0.2, abs=0.02)


def test_pieces_repeat_with_the_seed_and_can_be_off_or_always():
    assert fill_cut(D(0), 1) is None
    first, again, other = fill_cut(D(50), 1), fill_cut(D(50), 1), fill_cut(D(50), 2)
    assert first is not None
    assert again is not None
    assert other is not None
    drawn = [first(D(1), D("0.001")) for _ in range(50)]
    assert drawn == [again(D(1), D("0.001")) for _ in range(50)]
    assert drawn != [other(D(1), D("0.001")) for _ in range(50)]
    always = fill_cut(D(100), 3)
    assert always is not None
    assert all(always(D("0.002"), D("0.001")) == D("0.001") for _ in range(20))
