"""The README's table of what differs between the venues, made from their declarations. Called by `.ci/generate`."""

import re
from dataclasses import fields
from decimal import Decimal
from typing import Final

from exchanges import VENUES, VenuePackage
from exchanges.venue import Capabilities, RateLimit

_ENTRY: Final = re.compile(r"^\s{4,8}(\w+): (.*)$")
_UNITS: Final = {"weight": "requests", "order": "orders", "history": "readings of history"}


def capabilities_table() -> str:
    """Return one row per capability, with its meaning and its value at every venue under default settings."""
    packages = [find() for find in VENUES.values()]
    lines = [
        f"| capability | {' | '.join(package.name for package in packages)} | meaning |",
        f"|---|{'---|' * len(packages)}---|",
    ]
    meanings = capability_meanings()
    for each in fields(Capabilities):
        values = [_shown(getattr(package.capabilities, each.name)) for package in packages]
        lines.append(f"| `{each.name}` | {' | '.join(values)} | {meanings[each.name]} |")
    for unit, noun in _UNITS.items():
        values = [_budget(package, unit) for package in packages]
        lines.append(
            f"| budget of {noun} | {' | '.join(values)} | as the venue publishes it; entries see a part of it |"
        )
    networks = [", ".join(package.endpoints) for package in packages]
    lines.append(f"| networks | {' | '.join(networks)} | The values of `network` in `[exchange.NAME]`. |")
    return "\n".join(lines)


def capability_meanings() -> dict[str, str]:
    """Return what each capability means, by name: the words of `Capabilities`' docstring, where they stand once."""
    found: dict[str, str] = {}
    name = ""
    _, _, attributes = (Capabilities.__doc__ or "").partition("Attributes:")
    for line in attributes.splitlines():
        entry = _ENTRY.match(line)
        if entry is not None:
            name = entry[1]
            found[name] = entry[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{Decimal(str(value)).normalize():f}" if isinstance(value, float) else str(value)


def _budget(package: VenuePackage, unit: str) -> str:
    limits = [_limit(limit) for limit in package.rate_limits if limit.unit == unit]
    return ", ".join(limits) or "none of its own"


def _limit(limit: RateLimit) -> str:
    return f"{limit.amount} / {_shown(limit.per_s)} s"
