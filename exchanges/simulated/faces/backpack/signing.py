"""Proof that a request comes from who it names: ED25519 over the rebuilt text (venues/backpack.md 3.1, 3.2).

The text is rebuilt from what arrived, in the venue's order; what the client believes it has signed plays no part.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackpackCredentials:
    """A throw-away key pair, both halves in base64. The repr shows the public one only."""

    api_key: str
    secret: str

    def __post_init__(self) -> None:
        if api_key_of(decoded(self.secret, KEY_BYTES)) != self.api_key:
            raise ValueError("the API key does not belong to the secret")

    def __repr__(self) -> str:
        return f"BackpackCredentials(api_key={self.api_key!r})"

    def as_dict(self) -> dict[str, str | int]:
        """The credentials under the names of `--serve`."""
        return {"api_key": self.api_key, "secret": self.secret}


def make_credentials(rng: Random) -> BackpackCredentials:
    """Return a new key pair. `rng` should be a SystemRandom outside of tests."""
    seed = rng.randbytes(KEY_BYTES)
    return BackpackCredentials(api_key=api_key_of(seed), secret=base64.b64encode(seed).decode())


def api_key_of(seed: bytes) -> str:
    """Return the verifying key of a seed in base64."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode()


def decoded(text: str, length: int) -> bytes:
    """Return the bytes behind a base64 text. Raises ValueError where it is not base64 of `length` bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None
    if len(raw) != length:
        raise ValueError(f"base64 of {len(raw)} bytes, not of {length}")
    return raw


def signed_text(instruction: str, segments: Sequence[Pairs], timestamp: str, window: str) -> str:
    """Return the text that must have been signed: every segment is named by the instruction and sorted by key."""
    parts: list[str] = []
    for pairs in segments:
        parts.append(f"instruction={instruction}")
        parts.extend(f"{name}={value}" for name, value in sorted(pairs, key=lambda pair: pair[0]))
    return "&".join([*parts, f"timestamp={timestamp}", f"window={window}"])


def is_signed_by(api_key: bytes, signature: bytes, text: str) -> bool:
    """Return whether the holder of `api_key` signed `text`."""
    try:
        Ed25519PublicKey.from_public_bytes(api_key).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
