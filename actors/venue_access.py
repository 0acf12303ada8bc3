"""How to reach one exchange account."""

from dataclasses import dataclass

from exchanges.venue import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAccess:
    """How to reach one exchange account.

    Attributes:
        venue: The account.
        proxy, ca_file: For sockets that leave the machine; None for none and the usual certificates.
        credential_hint: Names of the environment variables that hold the credentials, for error texts.
    """

    venue: Venue
    proxy: str | None = None
    ca_file: str | None = None
    credential_hint: str = ""
