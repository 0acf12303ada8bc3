"""Which V3 nonces are accepted: within a minute of the venue's clock, never twice, not below the last hundred.

Source: venues/aster.md 3.4 (window 60 s since 2026-07-16, newest 100 per signer). One window per signer.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

WINDOW_US = 60_000_000
KEPT = 100


class NonceWindow:
    """The nonces one signer has used. Holds at most `kept` of them, in order."""

    def __init__(self, *, window_us: int = WINDOW_US, kept: int = KEPT, used: Iterable[int] = ()) -> None:
        self._window_us = window_us
        self._kept = kept
        self._used = sorted(used)[-kept:]

    @property
    def used(self) -> tuple[int, ...]:
        """The nonces remembered, smallest first."""
        return tuple(self._used)

    def accept(self, nonce_us: int, server_us: int) -> bool:
        """Use up a nonce if it may be used now; return whether it was. A refused nonce leaves nothing behind.

        Both arguments are microseconds since the epoch. The edges of the window are inside.
        """
        if abs(nonce_us - server_us) > self._window_us:
            return False
        place = bisect_left(self._used, nonce_us)
        if place < len(self._used) and self._used[place] == nonce_us:
            return False
        if len(self._used) >= self._kept:
            if nonce_us < self._used[0]:
                return False
            del self._used[0]
        insort(self._used, nonce_us)
        return True
