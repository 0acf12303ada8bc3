"""Ini texts and markets for the tests of the configuration."""

from decimal import Decimal

from actors.config import CheckResult, check
from actors.config.startup import Market
from exchanges.values import FeeRates, MarketRules

PAPER = {
    "desk": {"name": "paper", "mode": "paper", "state_dir": "state/paper"},
    "exchange.aster": {},
    "grid": {"order_notional_usd": "200", "target_leverage": "5", "max_orders": "6", "wait_time_s": "8"},
    "risk": {"max_margin_usd": "400", "stop_loss_pct": "5", "stop_loss_basis": "price"},
    "grid.btc": {"exchange": "aster", "symbol": "BTCUSDT"},
}

KEY = "0x" + "4f" * 32
"""Looks like a private key."""


def ini(**changes: dict[str, str | None]) -> str:
    """The paper configuration with keys added, replaced, or (None) removed; sections with a dot are written `a__b`."""
    sections = {name: dict(keys) for name, keys in PAPER.items()}
    for name, keys in changes.items():
        section = sections.setdefault(name.replace("__", ".").replace("_", "-"), {})
        for key, value in keys.items():
            if value is None:
                section.pop(key, None)
            else:
                section[key] = value
    return "\n".join(
        line for name, keys in sections.items() for line in (f"[{name}]", *(f"{k} = {v}" for k, v in keys.items()))
    )


def checked(*overrides: str, environ: dict[str, str] | None = None, **changes: dict[str, str | None]) -> CheckResult:
    """What `check` says about `ini(**changes)`, with nothing from the machine's environment."""
    return check(ini(**changes), overrides, environ or {})


def problem_of(*overrides: str, environ: dict[str, str] | None = None, **changes: dict[str, str | None]) -> str:
    """The only problem of such a configuration."""
    result = checked(*overrides, environ=environ, **changes)
    assert len(result.problems) == 1, result.problems
    assert result.settings is None
    return result.problems[0]


def market(**changes: object) -> Market:
    """BTCUSDT on Aster at about 60000 (venues/aster.md section 7)."""
    rules = {
        "symbol": "BTCUSDT",
        "tick": Decimal("0.1"),
        "step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": Decimal(1000),
        "market_max_quantity": Decimal(120),
        "min_notional": Decimal(5),
        "reduce_only_exempt": True,
        "min_price": Decimal("0.1"),
        "max_price": Decimal(10_000_000),
        "base_asset": "BTC",
    }
    rules.update({key: changes.pop(key) for key in list(changes) if key in MarketRules.__dataclass_fields__})
    values = {
        "fees": FeeRates(Decimal("0.0001"), Decimal("0.0004")),
        "bid": Decimal("60000.0"),
        "ask": Decimal("60000.1"),
        **changes,
    }
    return Market(rules=MarketRules(**rules), **values)
