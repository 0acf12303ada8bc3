"""The port to the world outside: who makes the connections of a bot. The simulation puts its own network in place."""

from typing import Final, Protocol

from actors.rest_thread import Transport
from actors.streams import Reader, ReaderCalls
from actors.venue_access import VenueAccess
from exchanges.clock import Clock
from exchanges.rest_transport import RestTransport
from exchanges.stream_transport import StreamReader
from exchanges.venue import StreamEndpoint

PATIENCE_S: Final = (3.0, 10.0)
"""Seconds to connect, and for a whole reply."""


class Network(Protocol):
    """Makes connections, each for one thread. Safe from any thread."""

    def new_transport(
        self, access: VenueAccess, clock: Clock, timeout_s: tuple[float, float] = PATIENCE_S
    ) -> Transport:
        """Return a transport for requests to the account's venue, not connected yet."""
        ...

    def new_reader(
        self, name: str, access: VenueAccess, endpoint: StreamEndpoint, calls: ReaderCalls, clock: Clock
    ) -> Reader:
        """Return a reader that is not started yet. Raises ConfigError for an address that cannot be used."""
        ...


class SocketNetwork:
    """Real sockets."""

    def new_transport(
        self, access: VenueAccess, clock: Clock, timeout_s: tuple[float, float] = PATIENCE_S
    ) -> RestTransport:
        """See `Network.new_transport`."""
        return RestTransport(
            access.venue.name,
            access.venue.rest_url,
            clock=clock,
            timeout_s=timeout_s,
            proxy=access.proxy,
            ca_file=access.ca_file,
        )

    def new_reader(
        self, name: str, access: VenueAccess, endpoint: StreamEndpoint, calls: ReaderCalls, clock: Clock
    ) -> StreamReader:
        """See `Network.new_reader`."""
        return StreamReader(
            name,
            endpoint,
            clock=clock,
            on_frame=calls.on_frame,
            on_open=calls.on_open,
            on_closed=calls.on_closed,
            ca_file=access.ca_file,
            proxy=access.proxy,
        )
