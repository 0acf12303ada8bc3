"""What several checks need of a Backpack file: the key pair, the signed requests by name, a venue object."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exchanges.backpack import VENUE, BackpackSettings, BackpackVenue
from exchanges.backpack.signing import SigningKey
from exchanges.secrets import Secret
from exchanges.venue import HttpReply
from tests.vectors.cases import META, Wrong, need, same, text_of, whole_of

NOW_NS = 1_750_000_010_000_000_000
NS_PER_MS = 1_000_000


class BackpackFile:
    """A Backpack file, read only."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    @property
    def meta(self) -> Mapping[str, Any]:
        """The file's `meta`."""
        return need(self.document[META])

    def key(self) -> SigningKey:
        """Return the file's key. All its spellings have to agree."""
        try:
            key = SigningKey(Secret(text_of(self.meta, "secret_base64")))
            long = SigningKey(Secret(text_of(self.meta, "secret_64_byte_form_base64")))
            seed = SigningKey(Secret(base64.b64encode(bytes.fromhex(text_of(self.meta, "seed_hex"))).decode()))
        except ValueError as error:
            raise Wrong(f"meta: {error}") from None
        for other in (long, seed):
            same("meta: key of another spelling", other.api_key, key.api_key)
        same("meta: api_key_base64", key.api_key, text_of(self.meta, "api_key_base64"))
        return key

    def timestamp_ms(self) -> int:
        """Return the time the vectors were signed at."""
        return whole_of(self.meta, "timestamp")

    def window_ms(self) -> int:
        """Return the window the vectors were signed with."""
        return whole_of(self.meta, "window")

    def venue(self) -> BackpackVenue:
        """Return a venue object of the file's account at the venue's own addresses."""
        addresses = VENUE.endpoints["mainnet"]
        same("meta: rest_base", addresses.rest_url, text_of(self.meta, "rest_base"))
        same("meta: ws_base", addresses.ws_url, text_of(self.meta, "ws_base"))
        credentials = {"api_key": self.key().api_key, "secret": text_of(self.meta, "secret_base64")}
        settings = BackpackSettings(window_ms=self.window_ms())
        return BackpackVenue.with_credentials(settings, credentials, addresses.rest_url, addresses.ws_url)

    def signed(self, name: str) -> Mapping[str, Any] | None:
        """Return the signed request of that name, None where this file does not hold it."""
        for row in self.document.get("signed", ()):
            if isinstance(row, Mapping) and row.get("name") == name:
                return row
        return None


def reply_of(status: int, body: object) -> HttpReply:
    """Return an answer; a string body is sent as text (the venue's time, `pong`, plain text), others as JSON."""
    raw = body if isinstance(body, str) else json.dumps(body, default=str)
    return HttpReply(status=status, headers={}, body=raw.encode(), received_ns=NOW_NS)


def verifies(api_key: str, signature: str, text: str) -> bool:
    """Return whether a signature fits a text, computed apart from our signing code."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(api_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (ValueError, InvalidSignature):
        return False
    return True
