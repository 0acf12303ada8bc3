"""Quantities too small to rest: named, carried, and taken along by the next exit.

Dust is a lot's unplaced quantity that the venue's minimum forbids. It counts as covered and raises no alarm; it is
closed together with the next exit that is due, at the best target among the lots involved, or by an exit of its own as
soon as all dust together is large enough (SCENARIOS.md, row 22). Venues that exempt reduce-only orders know dust only
below their smallest quantity.
"""

from decimal import Decimal

from actors.grid.state import ExitBook, GridContext, Part
from exchanges.values import ZERO


def is_placeable(context: GridContext, quantity: Decimal, price: Decimal) -> bool:
    """Return whether the venue takes an exit of this size, which is on the step, at this price."""
    rules = context.rules
    if quantity <= 0 or quantity < rules.min_quantity:
        return False
    is_exempt = rules.reduce_only_exempt or context.capabilities.reduce_only_exempt_from_minimum
    return is_exempt or quantity * price >= rules.min_notional


def parts_with_dust(book: ExitBook, lot: int, quantity: Decimal) -> tuple[Part, ...]:
    """Return `quantity` of a lot followed by the dust of all others, oldest first."""
    parts = [Part(lot, quantity)]
    parts.extend(Part(other.lot, other.dust) for other in book.lots if other.lot != lot and other.dust > 0)
    return tuple(parts)


def on_step(parts: tuple[Part, ...], quantity: Decimal) -> tuple[Part, ...]:
    """Return the parts cut to `quantity`, taking from the last ones first."""
    kept = []
    for part in parts:
        share = min(part.quantity, quantity)
        if share > 0:
            kept.append(Part(part.lot, share))
        quantity -= share
    return tuple(kept)


def total(parts: tuple[Part, ...]) -> Decimal:
    """Return the sum of the parts."""
    return sum((part.quantity for part in parts), ZERO)
