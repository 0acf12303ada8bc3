"""The life of a listen key: one per account, an hour long, extended by POST and PUT, ended by DELETE or time.

Source: venues/aster.md 12.1. In race mode a PUT right after the POST makes the key expire 27 seconds later, as seen
live on 2026-04-16.
"""

from collections.abc import Mapping
from random import Random

from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.refusals import VenueRefusal

LIFE_NS = 3600 * 1_000_000_000
RACE_NS = 27 * 1_000_000_000
RACE_WINDOW_NS = 5 * 1_000_000_000
_LENGTH = 64
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class ListenKeys:
    """The listen key of one account."""

    def __init__(self, rng: Random, *, race: bool = False) -> None:
        self.race = race
        self._rng = rng
        self._key: str | None = None
        self._created_ns = 0
        self._expires_ns = 0

    def current(self, now_ns: int) -> str | None:
        """Return the key that is valid now."""
        return self._key if self._key is not None and now_ns < self._expires_ns else None

    def expires_ns(self) -> int | None:
        """Return when the key ends, None without one."""
        return None if self._key is None else self._expires_ns

    def create(self, now_ns: int) -> str:
        """Return the valid key, extended, or a new one."""
        key = self.current(now_ns)
        if key is None:
            key = self._key = "".join(self._rng.choice(_LETTERS) for _ in range(_LENGTH))
            self._created_ns = now_ns
        self._expires_ns = now_ns + LIFE_NS
        return key

    def extend(self, now_ns: int) -> None:
        """Keep the key alive for another hour. Raises VenueRefusal -1125 where there is none."""
        if self.current(now_ns) is None:
            raise VenueRefusal(refusals.NO_LISTEN_KEY)
        if self.race and now_ns - self._created_ns < RACE_WINDOW_NS:
            self._expires_ns = now_ns + RACE_NS
        else:
            self._expires_ns = now_ns + LIFE_NS

    def end(self, now_ns: int) -> str | None:
        """End the key; return it. Raises VenueRefusal -1125 where there is none."""
        key = self.current(now_ns)
        if key is None:
            raise VenueRefusal(refusals.NO_LISTEN_KEY)
        self._key = None
        return key

    def expire(self, now_ns: int) -> str | None:
        """Return the key if its time has just run out; None otherwise. A key expires once."""
        if self._key is None or now_ns < self._expires_ns:
            return None
        key, self._key = self._key, None
        return key

    def expire_now(self, now_ns: int) -> None:
        """Let the key run out at once."""
        if self._key is not None:
            self._expires_ns = min(self._expires_ns, now_ns)

    def snapshot(self) -> dict[str, object]:
        """Return what survives a restart."""
        return {"key": self._key, "created_ns": self._created_ns, "expires_ns": self._expires_ns}

    def restore(self, state: Mapping[str, object]) -> None:
        """Load what `snapshot` returned."""
        key, created_ns, expires_ns = state.get("key"), state.get("created_ns"), state.get("expires_ns")
        if (
            not (key is None or isinstance(key, str))
            or not isinstance(created_ns, int)
            or not isinstance(expires_ns, int)
        ):
            raise ValueError("the listen key's state cannot be read")
        self._key, self._created_ns, self._expires_ns = key, created_ns, expires_ns
