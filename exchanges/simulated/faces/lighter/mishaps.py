"""The mishaps that happen on Lighter (venues/lighter.md 16). A transaction by WebSocket has the method "WS"."""

from typing import Final

from exchanges.simulated.faces.mishaps import COMMON_MISHAPS, Mishap

LIGHTER_MISHAPS: Final = COMMON_MISHAPS | {Mishap.STALE_NONCE}
