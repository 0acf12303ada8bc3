"""Which sections and keys exist, gathered from the declarations."""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.grid.settings import CloseSettings, EntrySettings, GridRiskSettings, ProofSettings
from actors.settings import (
    ControlSettings,
    DeskRiskSettings,
    DeskSettings,
    GridTargetSettings,
    HostSettings,
    LogSettings,
    NotifySettings,
    PricesSettings,
    ReconcileSettings,
)
from exchanges.settings import METADATA_KEY, SettingSpec
from exchanges.simulated.settings import PaperSettings

EXCHANGE = "exchange."
GRID = "grid."

GRID_LEVELS: Mapping[str, type] = {"grid": EntrySettings, "close": CloseSettings, "risk": GridRiskSettings}
"""The sections that hold defaults for every `[grid.NAME]`, and what they hold."""

SECTIONS: Mapping[str, tuple[type, ...]] = {
    "desk": (DeskSettings,),
    "prices": (PricesSettings,),
    "grid": (EntrySettings,),
    "close": (CloseSettings,),
    "risk": (DeskRiskSettings, GridRiskSettings),
    "reconcile": (ReconcileSettings, ProofSettings),
    "paper": (PaperSettings,),
    "notify": (NotifySettings,),
    "control": (ControlSettings,),
    "log": (LogSettings,),
    "host": (HostSettings,),
}
"""Every section without a NAME, and the classes its keys belong to."""

GRID_CLASSES = (GridTargetSettings, EntrySettings, CloseSettings, GridRiskSettings)
"""What a `[grid.NAME]` may hold."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting. `default` is `dataclasses.MISSING` where it is required."""

    name: str
    kind: Any
    spec: SettingSpec
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether a file must set it."""
        return self.default is dataclasses.MISSING


def settings_of(section_class: type) -> Mapping[str, Setting]:
    """Return the settings a section class declares, by name, in the order of declaration."""
    hints = typing.get_type_hints(section_class)
    return {
        field.name: Setting(field.name, hints[field.name], field.metadata[METADATA_KEY], field.default)
        for field in dataclasses.fields(section_class)
        if METADATA_KEY in field.metadata
    }


def merged(classes: tuple[type, ...]) -> Mapping[str, Setting]:
    """Return the settings of several classes that share a section."""
    return {name: setting for section_class in classes for name, setting in settings_of(section_class).items()}


def secret_file_keys(settings: Mapping[str, Setting]) -> Mapping[str, str]:
    """Return `X_file` -> `X_env` for every setting that names a secret: a 0600 file may stand for the variable."""
    return {
        f"{name.removesuffix('_env')}_file": name
        for name, setting in settings.items()
        if setting.spec.names_secret and name.endswith("_env")
    }


RENAMED: Mapping[str, str] = {
    "take_profit": "take_profit_pct (with take_profit_basis = margin for the old meaning)",
    "grid_step": "grid_step_pct",
    "wait_time": "wait_time_s",
    "max_margin": "max_margin_usd",
    "order_notional": "order_notional_usd",
    "order_margin_usd": "order_notional_usd (position value, not margin)",
    "quantity": "order_notional_usd",
    "leverage": "target_leverage",
    "post_only_tick_multiplier": "post_only_ticks",
    "position_timeout_minutes": "lot_timeout_s for lots and entry_timeout_s for entries, in seconds",
    "recovery_mode": "lot_timeout_s and lot_timeout_action (alarm for none, close for aggressive and hedge)",
    "stop_loss_enabled": "stop_loss",
    "stop_loss_percentage": "stop_loss_pct",
    "ticker": "symbol",
    "contract": "symbol",
    "daily_loss_limit": "daily_loss_limit_usd",
    "stale_after": "stale_after_ms",
    "entry_timeout": "entry_timeout_s",
    "lot_timeout": "lot_timeout_s",
    "min_edge": "min_edge_bps",
    "pause_hysteresis": "pause_hysteresis_pct",
    "gil_switch_interval": "gil_switch_interval_ms",
}
"""Keys of the system this bot replaces, and keys without their unit: what they are called here."""
