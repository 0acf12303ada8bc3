"""Schnorr signatures on ECgFp5, keys and tokens (venues/lighter.md, sections 6.3 and 6.4).

A verification takes about a tenth of a second in plain Python. The native library draws its k at random; here k is an
argument, so a result can be told in advance.
"""

from typing import Final

from exchanges.simulated.lighter_crypto import curve, field
from exchanges.simulated.lighter_crypto.field import Element
from exchanges.simulated.lighter_crypto.poseidon2 import hash5

KEY_BYTES: Final = 40
SIGNATURE_BYTES: Final = 80


def scalar_of(private_key: bytes) -> int:
    """Return a private key's scalar. Raises ValueError where it is not 40 bytes."""
    if len(private_key) != KEY_BYTES:
        raise ValueError(f"a private key has {KEY_BYTES} bytes, not {len(private_key)}")
    return int.from_bytes(private_key, "little") % curve.ORDER


def public_key_of(private_key: bytes) -> bytes:
    """Return the 40 bytes of the public key. Raises ValueError where the private key is not 40 bytes."""
    return field.to_bytes(curve.encode(curve.multiply(scalar_of(private_key), curve.GENERATOR)))


def challenge(commitment: Element, message_hash: Element) -> int:
    """Return e of a signature."""
    return int.from_bytes(field.to_bytes(hash5((*commitment, *message_hash))), "little") % curve.ORDER


def sign(private_key: bytes, message_hash: bytes, k: int) -> bytes:
    """Return the 80 bytes of a signature with a given k.

    Raises:
        ValueError: the key or the hash is not 40 bytes, or the hash no element.
    """
    words = field.from_bytes(message_hash)
    if words is None:
        raise ValueError("a hash is five reduced words")
    e = challenge(curve.encode(curve.multiply(k, curve.GENERATOR)), words)
    s = (k - e * scalar_of(private_key)) % curve.ORDER
    return s.to_bytes(KEY_BYTES, "little") + e.to_bytes(KEY_BYTES, "little")


def verify(public_key: bytes, message_hash: bytes, signature: bytes) -> bool:
    """Return whether a signature of a hash was made by a key. Anything that is not well formed is not valid."""
    words, w = field.from_bytes(message_hash), field.from_bytes(public_key)
    if words is None or w is None or len(signature) != SIGNATURE_BYTES:
        return False
    s = int.from_bytes(signature[:KEY_BYTES], "little")
    e = int.from_bytes(signature[KEY_BYTES:], "little")
    key = curve.decode(w)
    if key is None or s >= curve.ORDER or e >= curve.ORDER:
        return False
    return challenge(curve.encode(curve.multiply_two(s, curve.GENERATOR, e, key)), words) == e


def text_hash(text: str) -> bytes:
    """Return the hash of an ASCII text, packed in words of 8 bytes (the part of an auth token that is signed)."""
    data = text.encode("ascii")
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
    return field.to_bytes(hash5(words))
