"""Signing of requests and of the private subscription: ED25519 over an instruction and its parameters.

Source: venues/backpack.md, section 3. The signed text starts with the name of an instruction that is never sent; the
server derives it from method and path. Values are signed raw, exactly as they stand in query or body, so a request's
parameters are spelled once and used for both. There is no nonce: within its window a request can be replayed, so the
window is what fences it.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchanges.secrets import Secret
from exchanges.venue import HttpRequest, SignedRequest
from exchanges.wire_json import encode

SUBSCRIBE: Final = "subscribe"
INSTRUCTIONS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("GET", "/api/v1/account"): "accountQuery",
        ("PATCH", "/api/v1/account"): "accountUpdate",
        ("GET", "/api/v1/account/limits/order"): "maxOrderQuantity",
        ("GET", "/api/v1/account/limits/borrow"): "maxBorrowQuantity",
        ("GET", "/api/v1/account/limits/withdrawal"): "maxWithdrawalQuantity",
        ("POST", "/api/v1/account/convertDust"): "convertDust",
        ("GET", "/api/v1/capital"): "balanceQuery",
        ("GET", "/api/v1/capital/collateral"): "collateralQuery",
        ("GET", "/api/v1/position"): "positionQuery",
        ("GET", "/api/v1/order"): "orderQuery",
        ("POST", "/api/v1/order"): "orderExecute",
        ("DELETE", "/api/v1/order"): "orderCancel",
        ("GET", "/api/v1/orders"): "orderQueryAll",
        ("POST", "/api/v1/orders"): "orderExecute",
        ("DELETE", "/api/v1/orders"): "orderCancelAll",
        ("GET", "/api/v1/borrowLend/positions"): "borrowLendPositionQuery",
        ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
        ("GET", "/wapi/v1/history/orders"): "orderHistoryQueryAll",
        ("GET", "/wapi/v1/history/position"): "positionHistoryQueryAll",
        ("GET", "/wapi/v1/history/funding"): "fundingHistoryQueryAll",
        ("GET", "/wapi/v1/history/settlement"): "settlementHistoryQueryAll",
        ("GET", "/wapi/v1/history/interest"): "interestHistoryQueryAll",
    }
)
"""Method and path -> instruction (section 3.5)."""

SEED_BYTES: Final = 32
_NS_PER_MS: Final = 1_000_000
_BODY_METHODS: Final = frozenset({"POST", "PATCH", "DELETE"})
_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}

Pairs = Sequence[tuple[str, str]]
Value = str | int | bool


def spelled(value: Value) -> str:
    """Return a parameter as the text that is signed: booleans in lower case, integers as digits."""
    return value if isinstance(value, str) else encode(value)


def signed_text(instruction: str, segments: Sequence[Pairs], *, timestamp_ms: int, window_ms: int) -> str:
    """Return the text that is signed.

    `segments` are the parameters of each order of a batch; any other request has exactly one, which may be empty.
    """
    parts = []
    for pairs in segments:
        parts.append(f"instruction={instruction}")
        parts.extend([f"{key}={value}" for key, value in sorted(pairs)])
    parts.append(f"timestamp={timestamp_ms}&window={window_ms}")
    return "&".join(parts)


def query_text(pairs: Pairs) -> str:
    """Return a URL query, sorted, percent-encoded."""
    return "&".join([f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in sorted(pairs)])


class SigningKey:
    """An ED25519 key that signs texts. Immutable; safe on any thread. Never prints the key.

    Attributes:
        api_key: The verifying key in base64: what the venue knows the key by.
    """

    __slots__ = ("_key", "api_key")

    def __init__(self, secret: Secret) -> None:
        """Take base64 of the 32-byte seed, or of the 64 bytes of seed and public key that some tools store.

        Raises:
            ValueError: it is neither, or the two halves do not belong together. The message does not repeat it.
        """
        try:
            raw = base64.b64decode(secret.reveal(), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("a secret key is base64 of 32 (or 64) bytes") from None
        if len(raw) not in (SEED_BYTES, 2 * SEED_BYTES):
            raise ValueError(f"a secret key is base64 of 32 (or 64) bytes, not of {len(raw)}")
        self._key = Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES])
        public = self._key.public_key().public_bytes_raw()
        if raw[SEED_BYTES:] not in (b"", public):
            raise ValueError("the second half of the secret key is not the public key of the first")
        self.api_key = base64.b64encode(public).decode()

    def __repr__(self) -> str:
        return f"SigningKey({self.api_key})"

    def sign(self, text: str) -> str:
        """Return the signature of a text in base64. Deterministic."""
        return base64.b64encode(self._key.sign(text.encode())).decode()


class Signer:
    """Turns requests and subscriptions of one account into bytes. Immutable; safe on any thread."""

    def __init__(self, key: SigningKey, *, window_ms: int) -> None:
        self._key = key
        self._window_ms = window_ms
        self._headers = {"X-API-Key": key.api_key, "X-Window": str(window_ms), **_JSON}

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Return the request with its signature. `wall_ns` is the venue's clock as best known.

        Raises:
            ValueError: the venue has no instruction for the path: such a request cannot be signed.
        """
        if not request.signed:
            return _assemble(request, {})
        instruction = INSTRUCTIONS.get((request.method, request.path))
        if instruction is None:
            raise ValueError(f"no instruction is known for {request.method} {request.path}")
        timestamp_ms = wall_ns // _NS_PER_MS
        text = signed_text(instruction, (request.parameters,), timestamp_ms=timestamp_ms, window_ms=self._window_ms)
        return _assemble(
            request, {**self._headers, "X-Timestamp": str(timestamp_ms), "X-Signature": self._key.sign(text)}
        )

    def subscription(self, streams: Sequence[str], *, wall_ns: int, window_ms: int) -> str:
        """Return the frame that subscribes to private streams (section 10). Stream names are not signed."""
        timestamp_ms = wall_ns // _NS_PER_MS
        text = signed_text(SUBSCRIBE, ((),), timestamp_ms=timestamp_ms, window_ms=window_ms)
        proof = [self._key.api_key, self._key.sign(text), str(timestamp_ms), str(window_ms)]
        return encode({"method": "SUBSCRIBE", "params": list(streams), "signature": proof})


def _assemble(request: HttpRequest, headers: dict[str, str]) -> SignedRequest:
    """The request with its parameters where they belong: the query of a GET, the JSON body of anything else."""
    if request.method in _BODY_METHODS:
        body = (request.body or "").encode()
        return SignedRequest(
            operation=request.operation, method=request.method, target=request.path, headers=headers, body=body
        )
    query = query_text(request.parameters)
    target = f"{request.path}?{query}" if query else request.path
    return SignedRequest(operation=request.operation, method=request.method, target=target, headers=headers)
