"""The way into the journal from the path of orders: stamped where a fact is told, written down later.

A fact told here gets its times from the teller's thread and then waits in the journal's lazy mailbox until the next
flush, which comes every 50 ms; the journal's thread is not woken for it. Facts that must be on disk at once, and
commands, wake it.
"""

from typing import Any, Final

from actors.addresses import Address
from actors.journal.orders import Received
from actors.journal.writer import NEEDS_DISK
from actors.messages import ReserveSequences
from exchanges.clock import Clock

_COMMANDS: Final = (ReserveSequences,)


def can_wait(message: object) -> bool:
    """Return whether the journal may take a message when it flushes next."""
    return type(message) is Received and not isinstance(message.message, NEEDS_DISK)


class JournalDoor:
    """The journal's address for everybody who trades. Safe from any thread.

    Args:
        journal: The actor's own address.
        clock: Stamps what is told.
    """

    __slots__ = ("_clock", "_journal")

    def __init__(self, journal: Address[Any], clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def tell(self, message: Any, /) -> None:  # noqa: ANN401 - every message of the bot is a fact here
        """Hand a fact or a request for sequences to the journal."""
        if isinstance(message, _COMMANDS):
            self._journal.tell(message)
        else:
            self._journal.tell(Received(message, self._clock.wall_ns(), self._clock.monotonic_ns()))
