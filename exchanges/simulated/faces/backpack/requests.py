"""Reading a request: its parameters, strictly typed, and whether its signer may act.

Source: venues/backpack.md 3 (signing, time, failures) and 16 (parsing). What cannot be parsed is answered with plain
text; a parameter the venue does not know is ignored, but was signed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_plus

from exchanges.simulated.faces.backpack.refusals import Unparsable, VenueRefusal, bad_request, unauthorized
from exchanges.simulated.faces.backpack.signing import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    BackpackCredentials,
    Pairs,
    decoded,
    is_signed_by,
    signed_text,
)
from exchanges.simulated.faces.protocol import HttpCall

DEFAULT_WINDOW: Final = "5000"
MAX_WINDOW_MS: Final = 60_000
MAX_OFFSET_MS: Final = 600_000
LARGEST_CLIENT_ID: Final = 2**32 - 1
_DECIMAL: Final = re.compile(r"-?[0-9]{1,28}(\.[0-9]{1,28})?", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_BODY_METHODS: Final = frozenset({"POST", "PATCH", "DELETE"})


class UnknownKey(Exception):
    """The signature is good, and nobody has registered the key."""


class Fields:
    """Named values of a query (all of them text) or of a JSON object. Every reader raises Unparsable for a wrong type.

    A null counts as absent.
    """

    __slots__ = ("_is_query", "_values")

    def __init__(self, values: Mapping[str, object], *, is_query: bool) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._is_query = is_query

    def has(self, name: str) -> bool:
        """Whether the value is there."""
        return name in self._values

    def text(self, name: str) -> str | None:
        """Return a string, None where it is absent."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise Unparsable(f"`{name}`: expected a string")
        return value

    def required(self, name: str) -> str:
        """Return a string that must be there."""
        value = self.text(name)
        if value is None:
            raise Unparsable(f"missing field `{name}`")
        return value

    def word(self, name: str, words: Sequence[str]) -> str | None:
        """Return one of the given words, None where it is absent."""
        value = self.text(name)
        if value is not None and value not in words:
            raise Unparsable(f"`{name}`: unknown variant `{value}`")
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Return a plain decimal (a string in JSON too), None where it is absent."""
        value = self.text(name)
        if value is None:
            return None
        if _DECIMAL.fullmatch(value) is None:
            raise Unparsable(f"`{name}`: invalid decimal `{value}`")
        return Decimal(value)

    def flag(self, name: str) -> bool | None:
        """Return a boolean, None where it is absent."""
        value = self._values.get(name)
        if self._is_query and value in ("true", "false"):
            return value == "true"
        if value is not None and not isinstance(value, bool):
            raise Unparsable(f"`{name}`: expected a boolean")
        return value

    def whole(self, name: str, most: int) -> int | None:
        """Return a number of 0..`most`, None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if self._is_query and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise Unparsable(f"`{name}`: expected an integer of 0..{most}")
        return value

    def client_id(self) -> int | None:
        """Return the client id, None where it is absent."""
        return self.whole("clientId", LARGEST_CLIENT_ID)


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets: one set of fields, or one per element of a JSON array."""

    fields: Fields
    items: tuple[Fields, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    request: Request
    segments: tuple[Pairs, ...]


def read_call(call: HttpCall) -> _Read:
    """Return the parameters of a request and the pairs its signature must cover.

    Raises:
        Unparsable: a body that is not a JSON object (or an array of them).
    """
    if call.method not in _BODY_METHODS:
        pairs = read_query(call.query)
        return _Read(Request(Fields(dict(pairs), is_query=True)), (pairs,))
    body = _read_json(call.body)
    if isinstance(body, list):
        if not all(isinstance(item, dict) for item in body):
            raise Unparsable("expected an array of objects")
        items = tuple(Fields(item, is_query=False) for item in body)
        return _Read(Request(Fields({}, is_query=False), items), tuple(_pairs(item) for item in body))
    if not isinstance(body, dict):
        raise Unparsable("expected an object")
    return _Read(Request(Fields(body, is_query=False)), (_pairs(body),))


def read_query(text: str) -> Pairs:
    """Return the decoded pairs of a query in the order they came."""
    parts = [part.partition("=") for part in text.split("&") if part]
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in parts]


def _read_json(raw: bytes) -> object:
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Unparsable(f"not JSON: {error}") from None


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _pairs(values: Mapping[str, Any]) -> Pairs:
    return [(name, _spelled(value)) for name, value in values.items() if value is not None]


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | Decimal):
        return str(value)
    raise Unparsable("nested values are not expected")


class Gate:
    """Who may act: checks key, signature and time of one account's requests."""

    def __init__(self, credentials: BackpackCredentials) -> None:
        self.credentials = credentials

    def admit(self, call: HttpCall, instruction: str, now_ms: int) -> Request:
        """Return the parameters of a private request that may be executed.

        Raises:
            VenueRefusal: UNAUTHORIZED or INVALID_CLIENT_REQUEST (section 3.4).
            Unparsable: the body is not JSON.
            UnknownKey: a good signature of a key that is not registered.
        """
        headers = call.headers
        key, signature, timestamp = (headers.get(f"x-{name}") for name in ("api-key", "signature", "timestamp"))
        if key is None or signature is None or timestamp is None:
            raise unauthorized()
        window = headers.get("x-window", DEFAULT_WINDOW)
        raw_key = _header("X-API-Key", key, KEY_BYTES)
        raw_signature = _header("X-Signature", signature, SIGNATURE_BYTES)
        read = read_call(call)
        _check_digits(timestamp, window)
        text = signed_text(instruction, read.segments, timestamp, window)
        if not is_signed_by(raw_key, raw_signature, text):
            raise bad_request("Invalid signature")
        check_time(int(timestamp), int(window), now_ms)
        if key != self.credentials.api_key:
            raise UnknownKey
        return read.request

    def admits_subscription(self, proof: object, now_ms: int) -> bool:
        """Whether the `signature` of a SUBSCRIBE frame (four strings) allows private streams."""
        if not isinstance(proof, list) or not all(isinstance(part, str) for part in proof):
            return False
        try:
            key, signature, timestamp, window = proof
            _check_digits(timestamp, window)
            check_time(int(timestamp), int(window), now_ms)
            raw_key, raw_signature = decoded(key, KEY_BYTES), decoded(signature, SIGNATURE_BYTES)
        except (ValueError, VenueRefusal):
            return False
        text = signed_text("subscribe", ((),), timestamp, window)
        return key == self.credentials.api_key and is_signed_by(raw_key, raw_signature, text)


def _header(name: str, value: str, length: int) -> bytes:
    try:
        return decoded(value, length)
    except ValueError:
        raise bad_request(f"Invalid {name} header") from None


def _check_digits(timestamp: str, window: str) -> None:
    if _DIGITS.fullmatch(timestamp) is None:
        raise bad_request("Invalid X-Timestamp header")
    if _DIGITS.fullmatch(window) is None or int(window) > MAX_WINDOW_MS:
        raise bad_request("Invalid X-Window header")


def check_time(timestamp_ms: int, window_ms: int, now_ms: int) -> None:
    """Apply the timing rule of section 3.3. A request from up to ten minutes in the future is taken.

    Raises:
        VenueRefusal: INVALID_CLIENT_REQUEST with one of the two texts.
    """
    if abs(now_ms - timestamp_ms) > MAX_OFFSET_MS:
        raise bad_request("Invalid timestamp: must be within 10 minutes of current time")
    if now_ms > timestamp_ms + window_ms:
        raise bad_request("Request has expired")
