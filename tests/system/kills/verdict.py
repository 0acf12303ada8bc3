"""What a kill must not leave behind, seen from the venue."""

from collections.abc import Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from tests.system.books import Subject
from tests.system.kills.floor import Floor

COMMANDS: Final = ("PlaceOrder", "CancelOrder", "CancelAll", "AmendOrder")
READS: Final = MappingProxyType(
    {
        "aster": ("openOrders", "positionRisk", "userTrades"),
        "backpack": ("/orders", "/position", "/fills"),
        "lighter": ("accountActiveOrders", "/account", "/trades"),
    }
)
"""What a start reads of each venue before its first command: open orders, position, fills (ends of their paths)."""


def early_commands(venue: str, rows: Sequence[tuple[str, str]], *, is_ready: bool) -> str:
    """Return what was commanded before everything had been read, empty if nothing was.

    Args:
        venue: Its name.
        rows: What the venue was asked since before the process was started, in order.
        is_ready: The bot says it has read everything: then every reading must be there.
    """
    missing = set(READS[venue])
    for kind, what in rows:
        if kind == "answered":
            missing -= {read for read in missing if what.endswith(read)}
        elif kind == "commanded" and missing and what.startswith(COMMANDS):
            return f"{what} reached the venue before {', '.join(sorted(missing))} had been answered"
    if missing and is_ready:
        return f"the start never read {', '.join(sorted(missing))}: {rows}"
    return ""


def subject_of(floor: Floor, found: dict[str, Any], grid: str) -> Subject:
    """Return whose books the campaign compares."""
    return Subject(
        venue=floor.venue,
        exchange=floor.venue,
        symbol=floor.symbol,
        grid=grid,
        least_quantity=Decimal(floor.rules["least_quantity"]),
        least_notional=Decimal(floor.rules["least_notional"]),
        is_running=True,
        trade_names=found["trade_names"],
    )
