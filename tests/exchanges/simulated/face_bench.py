"""A simulated Aster without sockets.

Requests are signed here by a few lines of their own, not with the face's checks or the client's signer.
"""

import hashlib
import hmac
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from coincurve import PrivateKey
from Crypto.Hash import keccak

from exchanges.simulated.faces.aster.face import AsterFace
from exchanges.simulated.faces.aster.requests import AsterCredentials, make_credentials
from exchanges.simulated.faces.protocol import HttpCall
from tests.exchanges.simulated.venue_bench import MS, SECOND, START_NS, Reply, VenueBench

__all__ = ["FORM", "MS", "SECOND", "START_NS", "FaceBench", "Reply", "make_call", "sign_v3", "vector_credentials"]

FORM = {"content-type": "application/x-www-form-urlencoded"}
_VECTORS = Path(__file__).parents[2] / "vectors" / "recorded" / "aster.json"
_DOMAIN_1666 = bytes.fromhex("a95d0a7a6f3f17fcebb0c2336645385ce79cde7523f71ab147fdb7f15e9f37f9")


@cache
def vectors() -> dict[str, Any]:
    """The venue note's vectors."""
    value: dict[str, Any] = json.loads(_VECTORS.read_text(encoding="utf-8"))
    return value


def vector_credentials() -> AsterCredentials:
    """The dummy keys of the vectors."""
    v1, v3 = vectors()["credentials"]["v1"], vectors()["credentials"]["v3"]
    return AsterCredentials(
        user=v3["user"],
        signer=v3["signer"],
        private_key=v3["signer_private_key"],
        api_key=v1["apiKey"],
        secret=v1["secret"],
    )


def _keccak(data: bytes) -> bytes:
    return keccak.new(data=data, digest_bits=256).digest()


def sign_v3(text: str, private_key: str) -> str:
    """Return the 0x signature of a parameter string on the main network."""
    digest = _keccak(b"\x19\x01" + _DOMAIN_1666 + _keccak(_keccak(b"Message(string msg)") + _keccak(text.encode())))
    raw = PrivateKey(bytes.fromhex(private_key[2:])).sign_recoverable(digest, hasher=None)
    return "0x" + (raw[:64] + bytes([27 + raw[64]])).hex()


class FaceBench(VenueBench):
    """One Aster on a bench."""

    def __init__(
        self,
        *,
        symbols: tuple[str, ...] = ("BTCUSDT",),
        credentials: AsterCredentials | None = None,
        quote: bool = True,
        start: bool = True,
        start_ns: int = START_NS,
        **paper: object,
    ) -> None:
        self.credentials = credentials or make_credentials(Random(7))
        super().__init__("aster", symbols, self.credentials.as_dict(), start=start, start_ns=start_ns, **paper)
        self._nonce = 0
        if quote:
            self.quote("BTCUSDT", "94999.9", "95000.0")

    @property
    def face(self) -> AsterFace:
        """The face on the bench."""
        assert isinstance(self.venue.face, AsterFace)
        return self.venue.face

    def signed_call(self, method: str, name: str, params: dict[str, str], *, version: int = 3) -> HttpCall:
        """A wallet-signed request with the next nonce."""
        self._nonce = max(self._nonce + 1, self.now_ns // 1000)
        credentials = self.credentials
        text = urlencode({**params, "nonce": str(self._nonce), "user": credentials.user, "signer": credentials.signer})
        text += f"&signature={sign_v3(text, credentials.private_key)}"
        return make_call(method, f"/fapi/v{version}/{name}", text)

    def call(self, method: str, name: str, **params: object) -> Reply:
        """Send a wallet-signed request that is answered at once."""
        return self.exchange(self.signed_call(method, name, {key: str(value) for key, value in params.items()}))

    def call_v1(self, method: str, name: str, *, version: int = 1, **params: object) -> Reply:
        """Send a request signed with the HMAC key."""
        text = urlencode({**{key: str(value) for key, value in params.items()}, "timestamp": self.now_ns // MS})
        signature = hmac.new(self.credentials.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        call = make_call(method, f"/fapi/v{version}/{name}", f"{text}&signature={signature}")
        headers = {**call.headers, "x-mbx-apikey": self.credentials.api_key}
        return self.exchange(replace(call, headers=headers))

    def public(self, name: str, **params: object) -> Reply:
        """Send an unsigned request."""
        query = urlencode({key: str(value) for key, value in params.items()})
        return self.exchange(HttpCall(method="GET", path=f"/fapi/v3/{name}", query=query))

    def place(self, side: str, price: str, quantity: str = "0.002", **params: object) -> Reply:
        """Place a post-only order in BTCUSDT unless told otherwise."""
        order = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTX"} | params
        return self.call("POST", "order", **order, quantity=quantity, price=price)

    def market(self, side: str, quantity: str = "0.002", **params: object) -> Reply:
        """Place a market order in BTCUSDT."""
        return self.call("POST", "order", symbol="BTCUSDT", side=side, type="MARKET", quantity=quantity, **params)

    # --- sessions ---
    def private(self) -> int:
        """Open the account's own stream."""
        key = self.call("POST", "listenKey").body["listenKey"]
        return self.connect(f"/ws/{key}")


def make_call(method: str, path: str, text: str) -> HttpCall:
    """A request with its parameters where the venue wants them: query for GET, body for the others."""
    if method == "GET":
        return HttpCall(method=method, path=path, query=text)
    return HttpCall(method=method, path=path, body=text.encode(), headers=FORM)
