"""Signing of requests: V3 (EIP-712, a wallet's signature) and V1 (HMAC). venues/aster.md, sections 3 and 4.

V3 signs one text, the exact parameter string that is sent. Everything else of EIP-712 is constant for a network, so
the domain separator and the type hash are computed once and a signature costs three keccak hashes and one
secp256k1 signature.

The encoding trap of section 3.3 (sources disagree whether the encoded or the raw text is signed) is avoided, not
solved: every parameter this client sends consists of characters that form-encoding leaves alone. Where a caller
signs others, the encoded text is signed, as most clients that are known to work do.
"""

import hashlib
import hmac
import re
import threading
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlencode

from coincurve import PrivateKey
from Crypto.Hash import keccak

from exchanges.errors import RequestNotSent
from exchanges.secrets import Secret
from exchanges.venue import HttpRequest, SignedRequest

EXCHANGE = "aster"
CHAIN_IDS = {"mainnet": 1666, "testnet": 714}
DOMAIN_NAME = "AsterSignTransaction"
DOMAIN_VERSION = "1"
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
MESSAGE_TYPE = "Message(string msg)"

_BODY_METHODS = frozenset({"POST", "PUT", "DELETE"})
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PLAIN_PAIRS = re.compile(r"[A-Za-z0-9._~=&-]*")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_MOST_AHEAD_US = 1_000_000
_KEY_HEADER_ONLY = "/listenKey"


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 hash (the padding from before SHA-3, as Ethereum uses it)."""
    return keccak.new(data=data, digest_bits=256).digest()


DOMAIN_TYPE_HASH = keccak256(DOMAIN_TYPE.encode())
MESSAGE_TYPE_HASH = keccak256(MESSAGE_TYPE.encode())


def domain_separator(chain_id: int) -> bytes:
    """Return the EIP-712 domain separator of a network (the verifying contract is the zero address)."""
    return keccak256(
        DOMAIN_TYPE_HASH
        + keccak256(DOMAIN_NAME.encode())
        + keccak256(DOMAIN_VERSION.encode())
        + chain_id.to_bytes(32, "big")
        + bytes(32)
    )


def struct_hash(message: bytes) -> bytes:
    """Return the EIP-712 hash of the structure `Message{string msg}`."""
    return keccak256(MESSAGE_TYPE_HASH + keccak256(message))


def digest(separator: bytes, message: bytes) -> bytes:
    """Return what is signed for `message` under a domain separator."""
    return keccak256(b"\x19\x01" + separator + struct_hash(message))


def form_encode(parameters: Sequence[tuple[str, str]]) -> str:
    """Return `k=v&k=v`, form-url-encoded; a text without special characters takes the short way."""
    text = "&".join([f"{key}={value}" for key, value in parameters])
    if (
        _PLAIN_PAIRS.fullmatch(text)
        and text.count("=") == len(parameters)
        and text.count("&") == max(len(parameters) - 1, 0)
    ):
        return text
    return urlencode(parameters)


def address_of(public_key: bytes) -> str:
    """Return the checksummed address (EIP-55) of an uncompressed 65-byte public key."""
    plain = keccak256(public_key[1:])[-20:].hex()
    shades = keccak256(plain.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(shade, 16) >= 8 else letter  # noqa: PLR2004 - EIP-55: upper case where the nibble is >= 8
        for letter, shade in zip(plain, shades, strict=False)
    )


def is_address(text: str) -> bool:
    """Return whether the text is 0x and 40 hex digits, in any case."""
    return _ADDRESS.fullmatch(text) is not None


class WalletKey:
    """A secp256k1 key that signs digests. Immutable; safe on any thread. Never prints the key."""

    __slots__ = ("_key", "address")

    def __init__(self, private_key: Secret) -> None:
        """Take 64 hex digits, with or without 0x.

        Raises:
            ValueError: the text is not a private key. The message does not repeat it.
        """
        text = private_key.reveal()
        if _KEY.fullmatch(text) is None:
            raise ValueError("a private key is 64 hex digits, with or without 0x")
        self._key = PrivateKey(bytes.fromhex(text.removeprefix("0x")))
        self.address = address_of(self._key.public_key.format(compressed=False))

    def __repr__(self) -> str:
        return f"WalletKey({self.address})"

    def sign(self, message_digest: bytes) -> str:
        """Return r, s and v (27 or 28) of a 32-byte digest as 0x and 130 hex digits. Deterministic (RFC 6979)."""
        signature = self._key.sign_recoverable(message_digest, hasher=None)
        return f"0x{signature[:64].hex()}{signature[64] + 27:02x}"


class NonceSource:
    """Microsecond nonces that never repeat and never run far ahead of the clock. Thread-safe.

    Source: venues/aster.md section 3.4.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self, wall_ns: int) -> int:
        """Return the next nonce for the venue's time `wall_ns`: that time, or one more than the last nonce.

        Raises:
            RequestNotSent: the nonces would run more than a second ahead of the clock (it was set back, or more than
                a million signatures were asked for in a second).
        """
        now = wall_ns // 1000
        with self._lock:
            nonce = max(now, self._last + 1)
            if nonce - now > _MOST_AHEAD_US:
                raise RequestNotSent(
                    EXCHANGE, "sign", f"the clock stands {nonce - now} us behind the last nonce; it was set back"
                )
            self._last = nonce
        return nonce


class Signer(Protocol):
    """Turns a request into bytes. Thread-safe."""

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """See `exchanges.venue.Venue.sign`."""
        ...


class WalletSigner:
    """V3: parameters, nonce, user and signer, then the wallet's signature over exactly that text."""

    def __init__(self, *, user: str, key: WalletKey, signer: str, chain_id: int) -> None:
        self._key = key
        self._separator = domain_separator(chain_id)
        self._identity = (("user", user), ("signer", signer)) if user else (("signer", signer),)
        self._nonces = NonceSource()

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Return the request with nonce, identity and signature. One nonce is used up by each call.

        Raises:
            RequestNotSent: see `NonceSource.next`.
        """
        if not request.signed:
            return assemble(request, form_encode(request.parameters), {})
        nonce = self._nonces.next(wall_ns)
        text = form_encode((*request.parameters, ("nonce", str(nonce)), *self._identity))
        signature = self._key.sign(digest(self._separator, text.encode()))
        return assemble(request, f"{text}&signature={signature}", {})


class HmacSigner:
    """V1: key header and hex HMAC-SHA256. Listen-key calls carry the key header only (section 3.6)."""

    def __init__(self, *, api_key: Secret, secret_key: Secret, recv_window_ms: int) -> None:
        self._headers = {"X-MBX-APIKEY": api_key.reveal()}
        self._mac = hmac.new(secret_key.reveal().encode(), digestmod=hashlib.sha256)
        self._window = ("recvWindow", str(recv_window_ms))

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        """Return the request with key header, window, time and signature. Never raises."""
        if not request.signed:
            return assemble(request, form_encode(request.parameters), {})
        if request.path.endswith(_KEY_HEADER_ONLY):
            return assemble(request, form_encode(request.parameters), self._headers)
        text = form_encode((*request.parameters, self._window, ("timestamp", str(wall_ns // 1_000_000))))
        return assemble(request, f"{text}&signature={self.hmac(text)}", self._headers)

    def hmac(self, text: str) -> str:
        """Return the hex signature of a text (query and body joined without a separator)."""
        mac = self._mac.copy()
        mac.update(text.encode())
        return mac.hexdigest()


def assemble(request: HttpRequest, text: str, headers: dict[str, str]) -> SignedRequest:
    """Return the request with its parameter text where it belongs: the query of a GET, the body of anything else."""
    if request.method not in _BODY_METHODS:
        target = f"{request.path}?{text}" if text else request.path
        return SignedRequest(operation=request.operation, method=request.method, target=target, headers=headers)
    return SignedRequest(
        operation=request.operation,
        method=request.method,
        target=request.path,
        headers={**headers, **_FORM},
        body=text.encode(),
    )
