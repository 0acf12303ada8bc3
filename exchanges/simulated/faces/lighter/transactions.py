"""Reading a transaction as it was signed: types, fields, attributes. Nothing is decided about it here.

Source: venues/lighter.md 6.1 and 8; strict where the note is: every field of its kind must be there, no other may be.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.parameters import whole
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.lighter_crypto import tx_hash
from exchanges.simulated.lighter_crypto.transactions import COMMON, FIELDS, attributes

SIGNATURE_BYTES: Final = 80
_LARGEST: Final = 2**63 - 1
_BASE64_LIMIT: Final = 108


class TxType(IntEnum):
    """The transactions the simulation executes."""

    CREATE_ORDER = 14
    CANCEL_ORDER = 15
    CANCEL_ALL = 16
    MODIFY_ORDER = 17
    UPDATE_LEVERAGE = 20
    UPDATE_MARGIN = 29


NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        TxType.CREATE_ORDER: "createOrder",
        TxType.CANCEL_ORDER: "cancelOrder",
        TxType.CANCEL_ALL: "cancelAll",
        TxType.MODIFY_ORDER: "modifyOrder",
        TxType.UPDATE_LEVERAGE: "updateLeverage",
        TxType.UPDATE_MARGIN: "updateMargin",
    }
)
"""What a mishap may name to happen to one kind of transaction only."""


class Attribute(IntEnum):
    """Keys of `L2TxAttributes`."""

    INTEGRATOR_ACCOUNT = 1
    INTEGRATOR_TAKER_FEE = 2
    INTEGRATOR_MAKER_FEE = 3
    SKIP_NONCE = 4
    CANCEL_ALL_MARKET = 5
    SELF_TRADE_BEHAVIOR = 6
    SELF_TRADE_EQUALITY = 7
    ORDER_VERSION = 8


_NEGATIVE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "MarketIndex": refusals.BAD_MARKET,
        "ClientOrderIndex": refusals.BAD_CLIENT_INDEX,
        "BaseAmount": refusals.BAD_BASE_AMOUNT,
        "Price": refusals.BAD_PRICE,
        "TriggerPrice": refusals.BAD_TRIGGER,
        "OrderExpiry": refusals.BAD_EXPIRY,
        "Index": refusals.BAD_ORDER_INDEX,
        "Time": refusals.BAD_CANCEL_ALL_TIME,
        "Nonce": refusals.BAD_NONCE,
    }
)
"""A negative number cannot be hashed, so it is refused before everything else, each with the code of its field."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction. `fields` are its integers by name, `text` is `tx_info` as JSON."""

    tx_type: TxType
    fields: Mapping[str, int]
    attributes: Mapping[int, int]
    signature: bytes
    text: str

    def __getitem__(self, name: str) -> int:
        return self.fields[name]

    @property
    def account_index(self) -> int:
        """Who it is of."""
        return self.fields["AccountIndex"]

    @property
    def api_key_index(self) -> int:
        """With which key it was signed."""
        return self.fields["ApiKeyIndex"]

    @property
    def nonce(self) -> int:
        """Its number."""
        return self.fields["Nonce"]

    @property
    def skips_nonces(self) -> bool:
        """Whether its nonce may leave a gap. Only the value 1 has an effect."""
        return self.attributes.get(Attribute.SKIP_NONCE) == 1

    def hash(self, chain_id: int) -> bytes:
        """Return the 40 bytes that were signed, for a chain."""
        return tx_hash(chain_id, self.tx_type, {**self.fields, "L2TxAttributes": _as_given(self.attributes)})


def read_type(value: object) -> TxType:
    """Return the type of a transaction given as integer or digits.

    Raises:
        VenueRefusal: INVALID_TX where it is no number, UNSUPPORTED_TX where it is one the simulation does not execute.
    """
    number = whole(value) if isinstance(value, str) else value
    if type(number) is not int:
        raise VenueRefusal(refusals.INVALID_TX, detail=": tx_type")
    try:
        return TxType(number)
    except ValueError:
        raise VenueRefusal(refusals.UNSUPPORTED_TX) from None


def read_transaction(tx_type: TxType, info: object) -> Transaction:
    """Return the transaction in a `tx_info`: JSON text (as by REST) or the object itself (as by WebSocket).

    Raises:
        VenueRefusal: INVALID_TX where it is not one, the code of the field where a number is negative.
    """
    if isinstance(info, str):
        info = _parse(info)
    if not isinstance(info, dict):
        raise _invalid("not an object")
    names = (*COMMON, *FIELDS[tx_type])
    wanted = {*names, "Sig", "L2TxAttributes"}
    if not wanted - {"L2TxAttributes"} <= info.keys() <= wanted:
        raise _invalid("fields")
    fields = {name: _integer(name, info[name]) for name in names}
    try:
        given = attributes(info)
    except ValueError as error:
        raise _invalid(str(error)) from None
    text = json.dumps(info, separators=(",", ":"))
    return Transaction(tx_type, fields, given, _signature(info["Sig"]), text)


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("no JSON") from None


def _integer(name: str, value: object) -> int:
    if type(value) is not int or value > _LARGEST:
        raise _invalid(name)
    if value < 0:
        raise VenueRefusal(_NEGATIVE.get(name, refusals.INVALID_TX))
    return value


def _signature(value: object) -> bytes:
    if not isinstance(value, str) or len(value) > _BASE64_LIMIT:
        raise _invalid("Sig")
    try:
        signature = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("Sig") from None
    if len(signature) != SIGNATURE_BYTES:
        raise _invalid("Sig")
    return signature


def _as_given(given: Mapping[int, int]) -> dict[str, Any]:
    return {str(key): value for key, value in given.items()}


def _invalid(what: str) -> VenueRefusal:
    return VenueRefusal(refusals.INVALID_TX, detail=f": {what}")
