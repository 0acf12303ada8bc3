"""Proof that a request comes from who it names: recovery of EIP-712 signatures (V3) and HMAC checks (V1).

Source: venues/aster.md 3.2 (domain and struct), 3.3 (both readings of the encoding trap are accepted, because it is not
known which one the venue takes) and 4 (V1).
"""

import hashlib
import hmac
from functools import cache
from urllib.parse import unquote_plus

from coincurve import PublicKey
from Crypto.Hash import keccak

MAINNET_CHAIN_ID = 1666
TESTNET_CHAIN_ID = 714
_SIGNATURE_BYTES = 65
_LEGACY_V = 27


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 hash."""
    return keccak.new(data=data, digest_bits=256).digest()


_DOMAIN_TYPE = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_MESSAGE_TYPE = keccak256(b"Message(string msg)")
_DOMAIN_NAME = keccak256(b"AsterSignTransaction")
_DOMAIN_VERSION = keccak256(b"1")


@cache
def domain_separator(chain_id: int) -> bytes:
    """Return the hash of the signing domain on a chain."""
    return keccak256(_DOMAIN_TYPE + _DOMAIN_NAME + _DOMAIN_VERSION + chain_id.to_bytes(32, "big") + bytes(32))


def message_digest(text: str, chain_id: int) -> bytes:
    """Return the 32 bytes a wallet signs for a parameter string."""
    struct = keccak256(_MESSAGE_TYPE + keccak256(text.encode()))
    return keccak256(b"\x19\x01" + domain_separator(chain_id) + struct)


def address_of(public_key: PublicKey) -> str:
    """Return the wallet address of a public key: lower case with 0x."""
    return "0x" + keccak256(public_key.format(compressed=False)[1:])[-20:].hex()


def recover_signer(text: str, signature: str, chain_id: int) -> str | None:
    """Return the lower-case address that signed `text`, or None where the signature cannot be one.

    Accepts every spelling seen in working clients: with and without 0x, either hex case, v as 27/28 or 0/1.
    """
    digits = signature[2:] if signature[:2] in ("0x", "0X") else signature
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return None
    if len(raw) != _SIGNATURE_BYTES or raw[64] not in (0, 1, _LEGACY_V, _LEGACY_V + 1):
        return None
    v = raw[64] - _LEGACY_V if raw[64] >= _LEGACY_V else raw[64]
    try:
        key = PublicKey.from_signature_and_message(raw[:64] + bytes([v]), message_digest(text, chain_id), hasher=None)
    except Exception:  # noqa: BLE001 - the binding raises a bare Exception for "no such point"; it means: not valid
        return None
    return address_of(key)


def is_signed_by(text: str, signature: str, signer: str, chain_id: int) -> bool:
    """Return whether `signer` signed `text` as it was sent, or its form-decoded reading (venues/aster.md 3.3)."""
    wanted = signer.lower()
    if recover_signer(text, signature, chain_id) == wanted:
        return True
    decoded = unquote_plus(text)
    return decoded != text and recover_signer(decoded, signature, chain_id) == wanted


def is_hmac_of(text: str, signature: str, secret: str) -> bool:
    """Return whether `signature` is the hex HMAC-SHA256 of `text`; hex case does not matter."""
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())
