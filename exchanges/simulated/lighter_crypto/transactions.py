"""The hash of a transaction, recomputed from its fields (venues/lighter.md, sections 6.1 and 6.2)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from exchanges.simulated.lighter_crypto.field import to_bytes
from exchanges.simulated.lighter_crypto.poseidon2 import hash5

CREATE_ORDER: Final = 14
CANCEL_ORDER: Final = 15
CANCEL_ALL: Final = 16
MODIFY_ORDER: Final = 17
UPDATE_LEVERAGE: Final = 20
UPDATE_MARGIN: Final = 29

FIELDS: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        CREATE_ORDER: (
            *("MarketIndex", "ClientOrderIndex", "BaseAmount", "Price", "IsAsk", "Type", "TimeInForce"),
            *("ReduceOnly", "TriggerPrice", "OrderExpiry"),
        ),
        CANCEL_ORDER: ("MarketIndex", "Index"),
        CANCEL_ALL: ("TimeInForce", "Time"),
        MODIFY_ORDER: ("MarketIndex", "Index", "BaseAmount", "Price", "TriggerPrice"),
        UPDATE_LEVERAGE: ("MarketIndex", "InitialMarginFraction", "MarginMode"),
        UPDATE_MARGIN: ("MarketIndex", "USDCAmount", "Direction"),
    }
)
"""Transaction type -> what is hashed after the part all have in common, in order."""

COMMON: Final = ("Nonce", "ExpiredAt", "AccountIndex", "ApiKeyIndex")
_MOST_ATTRIBUTES: Final = 4


def preimage(chain_id: int, tx_type: int, info: Mapping[str, Any]) -> list[int]:
    """Return the words that are hashed for a transaction.

    Raises:
        ValueError: an unknown type, a missing field, or one that is no integer.
    """
    names = FIELDS.get(tx_type)
    if names is None:
        raise ValueError(f"transactions of type {tx_type} are not known")
    words = [chain_id, tx_type]
    for name in (*COMMON, *names):
        value = info.get(name)
        if type(value) is not int or value < 0:
            raise ValueError(f"{name} is not a whole number")
        words += [value & 0xFFFFFFFF, value >> 32] if name == "USDCAmount" else [value]
    return words


def attributes(info: Mapping[str, Any]) -> dict[int, int]:
    """Return the attributes by type; none for null, an empty object or no object.

    Raises:
        ValueError: they are not an object of whole numbers by decimal strings, or too many.
    """
    given = info.get("L2TxAttributes")
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > _MOST_ATTRIBUTES:
        raise ValueError("L2TxAttributes is no object of at most four")
    found = {}
    for key, value in given.items():
        if not (key.isascii() and key.isdigit()) or type(value) is not int or value < 0:
            raise ValueError(f"the attribute {key!r:.20} is no pair of whole numbers")
        found[int(key)] = value
    return found


def hash_words(words: Sequence[int], given: Mapping[int, int]) -> bytes:
    """Return the 40 bytes of the hash of a pre-image with attributes. A present pair counts, also with the value 0."""
    body = hash5(words)
    if not given:
        return to_bytes(body)
    pairs = [number for pair in sorted(given.items()) for number in pair]
    pairs += [0] * (2 * _MOST_ATTRIBUTES - len(pairs))
    return to_bytes(hash5((*body, *hash5(pairs))))


def tx_hash(chain_id: int, tx_type: int, info: Mapping[str, Any]) -> bytes:
    """Return the hash of a transaction as sent. Raises ValueError as `preimage` and `attributes` do."""
    return hash_words(preimage(chain_id, tx_type, info), attributes(info))
