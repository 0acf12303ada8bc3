"""The mishaps that happen on Aster (venues/aster.md 15.5)."""

from typing import Final

from exchanges.simulated.faces.mishaps import COMMON_MISHAPS, Mishap, Mishaps, PlannedMishap

ASTER_MISHAPS: Final = COMMON_MISHAPS | {Mishap.ERROR_IN_200, Mishap.STALE_NONCE, Mishap.DEPOSIT}

__all__ = ["ASTER_MISHAPS", "Mishap", "Mishaps", "PlannedMishap"]
