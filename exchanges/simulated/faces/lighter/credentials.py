"""The throw-away account of a paper run: numbers, chain and key."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from exchanges.simulated.lighter_crypto import public_key_of

MAINNET: Final = 304
"""What the vendor's library signs for when nobody tells it otherwise (venues/lighter.md 1)."""

FIRST_FREE_KEY: Final = 4
_KEY_BYTES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LighterCredentials:
    """One account with one API key. `private_key` is 0x and 80 hex digits. The repr leaves it out."""

    account_index: int
    api_key_index: int
    private_key: str
    chain_id: int

    def __repr__(self) -> str:
        return f"LighterCredentials(account_index={self.account_index}, api_key_index={self.api_key_index})"

    def as_dict(self) -> dict[str, str | int]:
        """The credentials under the names of `--serve`."""
        return {
            "account_index": self.account_index,
            "api_key_index": self.api_key_index,
            "private_key": self.private_key,
            "chain_id": self.chain_id,
        }

    def public_key(self) -> bytes:
        """Return the 40 bytes of the public key. Raises ValueError where the private key is not 40 bytes of hex."""
        return public_key_of(bytes.fromhex(self.private_key.removeprefix("0x")))


def make_credentials(rng: Random) -> LighterCredentials:
    """Return new credentials. `rng` should be a SystemRandom outside of tests."""
    return LighterCredentials(
        account_index=rng.randrange(10_000, 1_000_000),
        api_key_index=FIRST_FREE_KEY,
        private_key="0x" + rng.randbytes(_KEY_BYTES).hex(),
        chain_id=MAINNET,
    )


def read_credentials(given: Mapping[str, str | int]) -> LighterCredentials:
    """Return credentials given under the names of `--serve`.

    Raises:
        KeyError, TypeError, ValueError: one is missing, unknown or not a number where one is needed.
    """
    fields = dict(given)
    read = LighterCredentials(
        account_index=int(fields.pop("account_index")),
        api_key_index=int(fields.pop("api_key_index")),
        private_key=str(fields.pop("private_key")),
        chain_id=int(fields.pop("chain_id")),
    )
    if fields:
        raise ValueError(f"unknown credentials: {', '.join(sorted(fields))}")
    return read
