"""Client order ids: 32 bits that say whose order it is.

``bot_tag(6) | lot sequence(22) | leg(4)``. From an id alone anyone can tell the bot, the lot, whether it is the
entry, which attempt at the exit, or the
emergency order; routing and restart need no lookup table. The width fits every venue: Backpack (u32), Lighter (48
bits), Aster (as text).

Legs: 0 entry, 1-13 exit attempts, 14 emergency, 15 spare. A lot that needs more exits takes a continuation sequence
number (DESIGN.md section 10).
"""

from dataclasses import dataclass
from enum import StrEnum

from exchanges.records import quicken
from exchanges.values import ClientOrderId

MAX_BOT_TAG = (1 << 6) - 1
MAX_SEQUENCE = (1 << 22) - 1
ENTRY_LEG = 0
FIRST_EXIT_LEG = 1
LAST_EXIT_LEG = 13
EMERGENCY_LEG = 14
_MAX_ID = (1 << 32) - 1


class OrderRole(StrEnum):
    """What an order is for."""

    ENTRY = "entry"
    EXIT = "exit"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class OrderKey:
    """The parts of a client order id."""

    bot_tag: int
    sequence: int
    leg: int

    def __post_init__(self) -> None:
        if not 0 <= self.bot_tag <= MAX_BOT_TAG:
            raise ValueError(f"bot_tag {self.bot_tag} is outside 0..{MAX_BOT_TAG}")
        if not 1 <= self.sequence <= MAX_SEQUENCE:
            raise ValueError(f"lot sequence {self.sequence} is outside 1..{MAX_SEQUENCE}")
        if not ENTRY_LEG <= self.leg <= EMERGENCY_LEG:
            raise ValueError(f"leg {self.leg} is outside {ENTRY_LEG}..{EMERGENCY_LEG}")

    @property
    def role(self) -> OrderRole:
        """What an order with this key is for."""
        if self.leg == ENTRY_LEG:
            return OrderRole.ENTRY
        return OrderRole.EMERGENCY if self.leg == EMERGENCY_LEG else OrderRole.EXIT


def pack(key: OrderKey) -> ClientOrderId:
    """Return the 32-bit id of a key."""
    return ClientOrderId(key.bot_tag << 26 | key.sequence << 4 | key.leg)


def unpack(client_order_id: int) -> OrderKey | None:
    """Return the key of an id, or None where the number cannot be one of ours (sequence 0, spare leg, out of range)."""
    if not 0 <= client_order_id <= _MAX_ID:
        return None
    sequence = client_order_id >> 4 & MAX_SEQUENCE
    leg = client_order_id & 15
    if sequence == 0 or leg > EMERGENCY_LEG:
        return None
    return OrderKey(client_order_id >> 26, sequence, leg)


quicken(__name__)
