"""One Lighter file: the key, the chain, the markets, and transactions as the file writes them."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from exchanges.errors import MalformedMessage
from exchanges.lighter import markets
from exchanges.lighter.account import Account
from exchanges.lighter.library import SignedTx, SignerLibrary, load
from exchanges.lighter.markets import Market
from exchanges.lighter.settings import LighterSettings
from exchanges.lighter.signing import TokenSource
from exchanges.simulated.lighter_crypto import public_key_of, tx_hash, verify
from tests.vectors.cases import Wrong, need, text_of, whole_of

NOW_NS: Final = 1_795_330_010_000_000_000
HASH_DIGITS: Final = 80
FIELD_ORDER: Final[Mapping[int, tuple[str, ...]]] = {
    14: (
        *("AccountIndex", "ApiKeyIndex", "MarketIndex", "ClientOrderIndex", "BaseAmount", "Price", "IsAsk", "Type"),
        *("TimeInForce", "ReduceOnly", "TriggerPrice", "OrderExpiry", "ExpiredAt", "Nonce", "Sig", "L2TxAttributes"),
    ),
    15: ("AccountIndex", "ApiKeyIndex", "MarketIndex", "Index", "ExpiredAt", "Nonce", "Sig", "L2TxAttributes"),
    16: ("AccountIndex", "ApiKeyIndex", "TimeInForce", "Time", "ExpiredAt", "Nonce", "Sig", "L2TxAttributes"),
    17: (
        *("AccountIndex", "ApiKeyIndex", "MarketIndex", "Index", "BaseAmount", "Price", "TriggerPrice"),
        *("ExpiredAt", "Nonce", "Sig", "L2TxAttributes"),
    ),
    20: (
        *("AccountIndex", "ApiKeyIndex", "MarketIndex", "InitialMarginFraction", "MarginMode"),
        *("ExpiredAt", "Nonce", "Sig", "L2TxAttributes"),
    ),
    29: (
        *("AccountIndex", "ApiKeyIndex", "MarketIndex", "USDCAmount", "Direction"),
        *("ExpiredAt", "Nonce", "Sig", "L2TxAttributes"),
    ),
}
"""Transaction type -> its keys in the order they are written (section 6.1)."""


verified = lru_cache(maxsize=10_000)(verify)
"""The same signature is checked once: a file refers to it in several places."""
_public_key = lru_cache(maxsize=100)(public_key_of)


class StillSigner:
    """A signer of the client's shape that gives out one transaction: what is sent is not looked at."""

    def __init__(self, tx_hash: str = "") -> None:
        self._hash = tx_hash

    def sign(self, function: str, arguments: Mapping[str, int]) -> SignedTx:
        return SignedTx(14, json.dumps({"Nonce": arguments["nonce"]}), self._hash)

    def token(self, deadline_s: int) -> str:
        return f"{deadline_s}:1:4:00"


@dataclass(frozen=True, slots=True)
class LighterFile:
    """Look-ups into a decoded file. Each raises `Wrong` where what is asked for is not there."""

    document: Mapping[str, Any]

    def section(self, name: str) -> Any:
        """Return a section."""
        if name not in self.document:
            raise Wrong(f"the file has no section {name}")
        return self.document[name]

    def key(self) -> Mapping[str, Any]:
        """Return the section of the key."""
        return need(self.section("key"), "private_key", "public_key", "account_index", "chain_by_api_key_index")

    def private_key(self) -> bytes:
        """Return the 40 bytes of the private key."""
        return from_hex(text_of(self.key(), "private_key").removeprefix("0x"), "private_key", 40)

    def public_key(self) -> bytes:
        """Return the public key, computed from the private one."""
        return _public_key(self.private_key())

    def account_index(self) -> int:
        """Return the number of the account."""
        return whole_of(self.key(), "account_index")

    def chain_of(self, api_key_index: int) -> int:
        """Return the chain that a slot of the key signs for."""
        chains = need(self.key()["chain_by_api_key_index"])
        return whole_of(chains, str(api_key_index))

    def library(self, api_key_index: int, chain_id: int) -> SignerLibrary:
        """Return the native library with the file's key in a slot."""
        library = load()
        library.create_client(
            self.private_key().hex(),
            chain_id=chain_id,
            api_key_index=api_key_index,
            account_index=self.account_index(),
        )
        return library

    def verified(self, tx_type: int, info: Mapping[str, Any]) -> str:
        """Return the hash of a transaction whose keys stand in order and whose signature is the key's."""
        if list(info) != list(FIELD_ORDER.get(tx_type, ())):
            raise Wrong(f"the keys of a transaction of type {tx_type} are {', '.join(info)}")
        try:
            found = tx_hash(self.chain_of(whole_of(info, "ApiKeyIndex")), tx_type, info)
        except ValueError as error:
            raise Wrong(str(error)) from None
        if not verified(self.public_key(), found, from_base64(text_of(info, "Sig"))):
            raise Wrong("Sig is not the key's signature of this transaction")
        return found.hex()

    def replies(self) -> Mapping[str, Any]:
        """Return the sample replies."""
        return need(need(self.section("frames"), "rest")["rest"])

    def market(self) -> Market:
        """Return the market of the sample frames, read by our parser."""
        for name, reply in self.replies().items():
            if name.startswith("GET orderBookDetails"):
                try:
                    return markets.markets(reply)[0]
                except (MalformedMessage, IndexError) as error:
                    raise Wrong(f"{name}: no market can be read: {error}") from None
        raise Wrong("the sample replies have no orderBookDetails")

    def account(self, tx_hash: str = "") -> Account:
        """Return an account of our client that knows the market and the nonce 100."""
        signer = StillSigner(tx_hash)
        account = Account(
            index=self.account_index(),
            api_key_index=4,
            settings=LighterSettings(),
            signer=signer,
            tokens=TokenSource(signer),
        )
        account.markets.learn([self.market()])
        account.nonces.learn(100, 0)
        return account


def from_hex(text: str, what: str, length: int) -> bytes:
    """Return bytes written as lower-case hex. Raises Wrong where they are not, or not so many."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise Wrong(f"{what} is not hex: {text!r:.60}") from None
    if len(data) != length or data.hex() != text:
        raise Wrong(f"{what} is not {length} bytes of hex")
    return data


def from_base64(text: str) -> bytes:
    """Return bytes written as base64, padded and without anything else. Raises Wrong where they are not."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong(f"not base64: {text!r:.60}") from None
    if base64.b64encode(data).decode() != text:
        raise Wrong(f"not the base64 of what it decodes to: {text!r:.60}")
    return data


def info_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a transaction that is written as compact JSON text."""
    text = text_of(row, "tx_info")
    try:
        info = json.loads(text)
    except ValueError:
        raise Wrong("tx_info is not JSON") from None
    if not isinstance(info, dict) or json.dumps(info, separators=(",", ":")) != text:
        raise Wrong("tx_info is not one compact object")
    return info
