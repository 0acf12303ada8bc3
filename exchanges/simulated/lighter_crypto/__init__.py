"""The mathematics of Lighter's transactions in plain Python: hash, keys, signatures (venues/lighter.md, section 6).

Independent of the native library that the client signs with, and tied to the same vectors.
"""

from exchanges.simulated.lighter_crypto.schnorr import public_key_of, sign, text_hash, verify
from exchanges.simulated.lighter_crypto.transactions import tx_hash

__all__ = ["public_key_of", "sign", "text_hash", "tx_hash", "verify"]
