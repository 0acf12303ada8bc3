"""A simulated Aster without sockets: requests and frames by hand, a clock that moves only when told.

Requests are signed here by a few lines of their own, not with the face's checks or the client's signer.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from coincurve import PrivateKey
from Crypto.Hash import keccak

from exchanges.simulated.assembly import assemble, face_kit
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.aster.face import AsterFace
from exchanges.simulated.faces.aster.requests import AsterCredentials, make_credentials
from exchanges.simulated.faces.protocol import CloseSession, Frame, HttpAnswer, HttpCall, HttpDrop, Output, PingFrame
from exchanges.simulated.testing import QUIET, ScriptedPrices

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
SECOND = 1_000 * MS
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


@dataclass
class Reply:
    """An answer, decoded."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> int | None:
        """The error code, None for anything but an error."""
        return self.body.get("code") if isinstance(self.body, dict) and self.status >= 400 else None


class FaceBench:
    """One venue on a bench."""

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
        self.now_ns = start_ns
        self.prices = ScriptedPrices()
        self.credentials = credentials or make_credentials(Random(7))
        settings = replace(QUIET, **paper)  # type: ignore[arg-type]
        self.venue = assemble(
            face_kit("aster"), settings, symbols, self.prices, self.credentials.as_dict(), now_ns=self.now_ns
        )
        self._next_id = 1
        self._nonce = 0
        self.outputs: list[Output] = []
        self.deaf: set[int] = set()
        self._frames: dict[int, list[str]] = {}
        if start:
            self.begin()
        if quote:
            self.quote("BTCUSDT", "94999.9", "95000.0")

    @property
    def face(self) -> AsterFace:
        """The face on the bench."""
        assert isinstance(self.venue.face, AsterFace)
        return self.venue.face

    # --- the market and time ---
    def begin(self) -> None:
        """Let the market begin."""
        self.venue.start(self.now_ns)

    def quote(self, symbol: str, bid: str, ask: str, quantity: str = "10") -> None:
        """Set best bid and ask."""
        self.prices.put(QuoteTick(symbol, Decimal(bid), Decimal(quantity), Decimal(ask), Decimal(quantity)))
        self.step()

    def trade(self, symbol: str, price: str, quantity: str, *, buyer_is_maker: bool) -> None:
        """Let others trade."""
        self.prices.put(TradeTick(symbol, Decimal(price), Decimal(quantity), buyer_is_maker))
        self.step()

    def step(self) -> None:
        """Let the venue do what is due."""
        for output in self.venue.step(self.now_ns):
            self.outputs.append(output)
            if isinstance(output, Frame):
                self._frames.setdefault(output.session_id, []).append(output.text)
            elif isinstance(output, PingFrame) and output.session_id not in self.deaf:
                self.venue.pong(output.session_id, self.now_ns)

    def wait(self, seconds: float) -> None:
        """Let time pass, in the steps the venue asks for."""
        end_ns = self.now_ns + round(seconds * SECOND)
        while self.now_ns < end_ns:
            next_ns = self.venue.next_ns()
            self.now_ns = end_ns if next_ns is None else min(end_ns, max(next_ns, self.now_ns + MS))
            self.step()

    # --- requests ---
    def send(self, call: HttpCall) -> int:
        """Send a request; return its number."""
        request_id, self._next_id = self._next_id, self._next_id + 1
        self.venue.request(request_id, call, self.now_ns)
        self.step()
        return request_id

    def answer(self, request_id: int) -> Reply | None:
        """The answer to a request, None while there is none (or after it was dropped)."""
        for output in self.outputs:
            if isinstance(output, HttpAnswer) and output.request_id == request_id:
                is_json = output.headers["Content-Type"] == "application/json"
                body = json.loads(output.body) if is_json else output.body
                return Reply(output.status, body, dict(output.headers))
        return None

    def was_dropped(self, request_id: int) -> bool:
        """Whether the connection of a request was cut."""
        return any(isinstance(output, HttpDrop) and output.request_id == request_id for output in self.outputs)

    def exchange(self, call: HttpCall) -> Reply:
        """Send a request that is answered at once."""
        reply = self.answer(self.send(call))
        assert reply is not None, f"no answer to {call}"
        return reply

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
    def connect(self, target: str) -> int:
        """Open a WebSocket; return its number."""
        session_id, self._next_id = self._next_id, self._next_id + 1
        assert self.venue.open_session(session_id, target, self.now_ns), f"{target} was refused"
        self.step()
        return session_id

    def private(self) -> int:
        """Open the account's own stream."""
        key = self.call("POST", "listenKey").body["listenKey"]
        return self.connect(f"/ws/{key}")

    def tell(self, session_id: int, text: str) -> None:
        """Send a text frame."""
        self.venue.receive(session_id, text, self.now_ns)
        self.step()

    def frames(self, session_id: int) -> list[Any]:
        """Take the frames that arrived."""
        return [json.loads(text) for text in self._frames.pop(session_id, [])]

    def pings(self, session_id: int) -> int:
        """How many protocol pings a session got."""
        return sum(isinstance(output, PingFrame) and output.session_id == session_id for output in self.outputs)

    def closed(self, session_id: int) -> CloseSession | None:
        """How the venue closed a session, None while it is open."""
        for output in self.outputs:
            if isinstance(output, CloseSession) and output.session_id == session_id:
                return output
        return None


def make_call(method: str, path: str, text: str) -> HttpCall:
    """A request with its parameters where the venue wants them: query for GET, body for the others."""
    if method == "GET":
        return HttpCall(method=method, path=path, query=text)
    return HttpCall(method=method, path=path, body=text.encode(), headers=FORM)
