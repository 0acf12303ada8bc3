"""The private stream of one exchange account: its credential, its reader, and the waits between attempts.

The rules of the credential's life are the venue's (for Aster: venues/aster.md section 12.1): renew on schedule, never
right after it was obtained; on a reconnect renew first, and obtain a new one only where the venue says it is gone.
Owner's thread only; questions are conversations of the owner.
"""

import itertools
import random
from collections.abc import Iterator
from typing import Final

from actors.addresses import Address
from actors.steps import Failure, Steps, ask, attempt
from actors.stream_watch import StreamWatch
from actors.streams import NewReader, Reader, calls_for
from actors.venue_clock import VenueClock
from actors.venue_messages import StreamFact
from exchanges.errors import ExchangeError, RateLimited, RequestRefused
from exchanges.pacing import backoff
from exchanges.venue import Venue

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0


def is_refusal(error: ExchangeError) -> bool:
    """Whether the venue has said no for good, not only "not so fast"."""
    return isinstance(error, RequestRefused) and not isinstance(error, RateLimited)


class PrivateStream:
    """One exchange account's private stream, over all its connections.

    Args:
        venue: Builds questions and endpoints.
        venue_clock: The venue's wall clock.
        symbols: Watched markets.
        new_reader: Makes readers.
        address: Where readers tell what they read.
        source: Randomness of the waits.

    Attributes:
        number: Of the current connection; 0 while there is none. Facts with another number are of an old one.
    """

    def __init__(
        self,
        *,
        venue: Venue,
        venue_clock: VenueClock,
        symbols: tuple[str, ...],
        new_reader: NewReader,
        address: Address[StreamFact],
        source: random.Random,
    ) -> None:
        self.number = 0
        self._venue = venue
        self._venue_clock = venue_clock
        self._symbols = symbols
        self._new_reader = new_reader
        self._address = address
        self._source = source
        self._numbers = itertools.count(1)
        self._reader: Reader | None = None
        self._credential = ""
        self._watch = StreamWatch(0, 0)
        self._waits = self._fresh_waits()

    def _fresh_waits(self) -> Iterator[float]:
        return backoff(self._source, _FIRST_WAIT_S, _LONGEST_WAIT_S)

    def next_wait_s(self) -> float:
        """Return how long to wait before the next attempt at anything: longer each time until `works`."""
        return next(self._waits)

    def works(self) -> None:
        """Note a success: the next wait starts short again."""
        self._waits = self._fresh_waits()

    @property
    def renew_every_s(self) -> float:
        """How often the credential must be renewed, 0 if never."""
        return self._venue.capabilities.private_renew_s if self._credential else 0.0

    @property
    def watch(self) -> StreamWatch:
        """Whether the present connection is of any use."""
        return self._watch

    def problem(self, now_ns: int) -> str:
        """Return why the present connection is of no use, empty while it may be or while there is none."""
        return "" if self._reader is None else self._watch.problem(now_ns, self._reader.alive_ns)

    def open(self, now_ns: int) -> None:
        """Begin a new connection with the present credential. Raises ConfigError for an address that cannot be used."""
        self.number = next(self._numbers)
        endpoint = self._venue.private_stream(self._credential, self._symbols, wall_ns=self._venue_clock.wall_ns())
        self._reader = self._new_reader(endpoint, calls_for(self._address, self.number))
        self._watch = StreamWatch(now_ns, endpoint.dead_after_s)
        self._reader.start()

    def close(self) -> None:
        """End the connection, if there is one."""
        self.number = 0
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def obtain(self) -> Steps[None]:
        """Obtain a credential, where the venue wants one. Raises the question's ExchangeError."""
        call = self._venue.open_private()
        if call is not None:
            self._credential = (yield from ask(call)).value

    def revive(self, *, renews: bool) -> Steps[None]:
        """Make sure there is a credential that works: extend the known one (if `renews`), else obtain a new one.

        Raises the question's ExchangeError.
        """
        call = self._venue.renew_private(self._credential) if renews and self._credential else None
        if call is not None:
            outcome = yield from attempt(call)
            if not isinstance(outcome, Failure):
                self._credential = outcome.value
                return
            if not is_refusal(outcome.error):
                raise outcome.error
        yield from self.obtain()

    def renew(self) -> Steps[tuple[str, bool]]:
        """Extend the credential of the living connection.

        Returns why the connection is of no use any more and whether its credential still is; ("", True) if all is well
        or if the venue could not be asked (the next renewal is in time for that).
        """
        number = self.number
        call = self._venue.renew_private(self._credential) if number else None
        if call is None:
            return "", True
        outcome = yield from attempt(call)
        if number != self.number:
            return "", True
        if isinstance(outcome, Failure):
            if is_refusal(outcome.error):
                return f"the stream's credential was refused: {outcome.error}", False
            return "", True
        if outcome.value != self._credential:
            self._credential = outcome.value
            return "the stream's credential was replaced", True
        return "", True
