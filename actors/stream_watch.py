"""Whether a stream that looks open is of any use: what neither a ping nor a closed socket tells.

A reader ends its own connection when no frame and no pong comes. Two faults pass that by: a reader whose thread is dead
or stuck, and a stream that answers pings and says nothing, because its subscription is gone (an expired key, a lost
subscription, a frozen sender).
"""

from typing import Final

from actors.watches import CONNECTING_NS, DEAF_NS, READER_GRACE_NS

_SECOND_NS: Final = 1_000_000_000


class StreamWatch:
    """Watches one connection. Owner's thread only; all times are monotonic.

    Args:
        began_ns: When the reader was started.
        dead_after_s: After so long without frame and pong the reader itself should end the connection.
    """

    def __init__(self, began_ns: int, dead_after_s: float) -> None:
        self._began_ns = began_ns
        self._dead_after_ns = int(dead_after_s * _SECOND_NS)
        self._opened_ns = 0
        self._heard_ns = 0
        self._expected_ns = 0

    def opened(self, now_ns: int) -> None:
        """Note that the connection is open."""
        self._opened_ns = now_ns

    def heard(self, received_ns: int) -> None:
        """Note a report of the account that was read then."""
        self._heard_ns = max(self._heard_ns, received_ns)
        self._expected_ns = 0

    def expect(self, since_ns: int) -> None:
        """Note that something happened at the venue after `since_ns` of which the stream has to speak."""
        if not self._expected_ns and self._heard_ns < since_ns:
            self._expected_ns = since_ns

    def problem(self, now_ns: int, alive_ns: int) -> str:
        """Return why the connection is of no use, empty while it may be. `alive_ns` is the reader's."""
        if not self._opened_ns:
            is_late = now_ns - self._began_ns > CONNECTING_NS
            return f"no connection after {CONNECTING_NS // _SECOND_NS} s: its thread hangs" if is_late else ""
        if now_ns - max(alive_ns, self._opened_ns) > self._dead_after_ns + READER_GRACE_NS:
            return "its thread does not read any more"
        if self._expected_ns and now_ns - self._expected_ns > DEAF_NS:
            return f"it has been open and silent for {DEAF_NS // _SECOND_NS} s while an order was answered or filled"
        return ""
